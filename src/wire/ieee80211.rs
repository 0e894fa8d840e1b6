//! # 802.11
//!
//! Addresses of every frame, and what an unencrypted data frame carries. Information elements are
//! read by who needs them.

use crate::wire::{
    faults::Faults,
    link::{Link, Wifi},
    radiotap::Radio,
    reader::Reader,
};

/// Reads a frame behind its radio header.
#[must_use]
pub fn read<'a>(radio: &Radio<'a>) -> Link<'a> {
    let mut link = Link::default();
    if radio.is_damaged {
        link.faults.add(Faults::CHECKSUM);
    }
    let checksum = if radio.has_checksum { 4 } else { 0 };
    let bytes = radio.frame.len().checked_sub(checksum).and_then(|len| radio.frame.get(..len)).unwrap_or(&[]);
    if header(&mut link, bytes, radio).is_none() {
        link.faults.add(Faults::LINK_CUT);
    }
    link
}

fn header<'a>(link: &mut Link<'a>, bytes: &'a [u8], radio: &Radio<'a>) -> Option<()> {
    let mut reader = Reader::new(bytes);
    let ([control, flags], _duration, receiver) = (reader.take::<2>()?, reader.u16()?, reader.mac()?);
    let mut wifi = Wifi {
        class: (control >> 2) & 3,
        subtype: control >> 4,
        receiver,
        transmitter: None,
        bssid: None,
        to_ds: flags & 1 != 0,
        from_ds: flags & 2 != 0,
        retry: flags & 8 != 0,
        is_protected: flags & 0x40 != 0,
        signal: radio.signal,
        mhz: radio.mhz,
    };
    link.wifi = Some(wifi);
    link.destination = Some(receiver);
    match wifi.class {
        Wifi::MANAGEMENT => {
            wifi.transmitter = Some(reader.mac()?);
            link.source = wifi.transmitter;
            link.wifi = Some(wifi);
            wifi.bssid = Some(reader.mac()?);
            reader.skip(2)?;
            link.wifi = Some(wifi);
            link.payload = reader.rest();
        }
        Wifi::CONTROL => {
            // Block acks, PS-Poll, RTS and CF-End name their sender; CTS and ACK do not.
            if matches!(wifi.subtype, 8..=11 | 14 | 15) {
                wifi.transmitter = Some(reader.mac()?);
                link.wifi = Some(wifi);
            }
        }
        Wifi::DATA => data(link, &mut wifi, &mut reader, flags, radio)?,
        _ => {}
    }
    Some(())
}

fn data<'a>(link: &mut Link<'a>, wifi: &mut Wifi, reader: &mut Reader<'a>, flags: u8, radio: &Radio<'a>) -> Option<()> {
    let before = reader.len();
    let (second, third) = (reader.mac()?, reader.mac()?);
    reader.skip(2)?;
    let fourth = if wifi.to_ds && wifi.from_ds { Some(reader.mac()?) } else { None };
    wifi.transmitter = Some(second);
    // Which address is whose: 802.11-2020 table 9-30.
    let (source, destination, bssid) = match (wifi.to_ds, wifi.from_ds) {
        (false, false) => (second, wifi.receiver, Some(third)),
        (true, false) => (second, third, Some(wifi.receiver)),
        (false, true) => (third, wifi.receiver, Some(second)),
        (true, true) => (fourth?, third, None),
    };
    wifi.bssid = bssid;
    (link.source, link.destination, link.wifi) = (Some(source), Some(destination), Some(*wifi));
    let has_qos = wifi.subtype & 8 != 0;
    let mut is_aggregate = false;
    if has_qos {
        let [low, _high] = reader.take::<2>()?;
        is_aggregate = low & 0x80 != 0;
        if flags & 0x80 != 0 {
            reader.skip(4)?; // HT control
        }
    }
    if radio.is_padded {
        // 10 bytes were read before `before`.
        let len = 10 + before - reader.len();
        reader.skip((4 - len % 4) % 4)?;
    }
    link.payload = reader.rest();
    // Subtypes with bit 2 carry nothing; encrypted and aggregated bodies are not opened.
    if wifi.subtype & 4 == 0 && !wifi.is_protected && !is_aggregate && !reader.is_empty() {
        link.llc(*reader);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use crate::{model::MacAddr, wire::link::Carries};

    use super::*;

    const fn mac(n: u8) -> MacAddr {
        MacAddr([2, 0, 0, 0, 0, n])
    }

    fn frame(control: u8, flags: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![control, flags, 0, 0];
        for n in [1, 2, 3] {
            bytes.extend(mac(n).0);
        }
        bytes.extend([0, 0]);
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn the_ds_bits_say_whose_each_address_is() {
        let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 6, 1];
        let qos = [&[0, 0][..], &snap].concat();
        let wds = [&mac(4).0[..], &snap].concat();
        let cases: &[(&str, Vec<u8>, MacAddr, MacAddr, Option<MacAddr>, Carries)] = &[
            ("ad hoc", frame(0x08, 0, &snap), mac(2), mac(1), Some(mac(3)), Carries::Ether(0x0806)),
            ("to the access point", frame(0x08, 1, &snap), mac(2), mac(3), Some(mac(1)), Carries::Ether(0x0806)),
            ("from the access point", frame(0x88, 2, &qos), mac(3), mac(1), Some(mac(2)), Carries::Ether(0x0806)),
            ("four addresses", frame(0x08, 3, &wds), mac(4), mac(3), None, Carries::Ether(0x0806)),
            ("encrypted", frame(0x08, 0x41, &snap), mac(2), mac(3), Some(mac(1)), Carries::Nothing),
            ("null frame of a sleeper", frame(0x48, 1, &[]), mac(2), mac(3), Some(mac(1)), Carries::Nothing),
        ];
        for (name, bytes, source, destination, bssid, carries) in cases {
            let link = read(&Radio { frame: bytes, ..Radio::default() });
            let wifi = link.wifi.expect(name);
            assert_eq!((link.source, link.destination), (Some(*source), Some(*destination)), "{name}");
            assert_eq!((wifi.transmitter, wifi.bssid, link.carries), (Some(mac(2)), *bssid, *carries), "{name}");
            assert!(link.faults.is_empty(), "{name}");
        }
        let beacon = frame(0x80, 0, &[0; 12]);
        let wifi = read(&Radio { frame: &beacon, ..Radio::default() }).wifi.expect("a beacon");
        assert!(wifi.is_management(Wifi::BEACON) && wifi.bssid == Some(mac(3)));
        assert!(read(&Radio { frame: &beacon[..12], ..Radio::default() }).faults.has(Faults::LINK_CUT));
    }
}
