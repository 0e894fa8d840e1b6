//! # Ethernet
//!
//! DIX and 802.3 frames, tags and all. The checksum is never captured.

use crate::wire::{faults::Faults, link::Link, reader::Reader};

/// Reads a frame from its destination address on.
#[must_use]
pub fn read(bytes: &[u8]) -> Link<'_> {
    let mut reader = Reader::new(bytes);
    let mut link = Link { destination: reader.mac(), ..Link::default() };
    link.source = link.destination.and_then(|_| reader.mac());
    match link.source.and_then(|_| reader.u16()) {
        Some(kind) => link.ether(kind, reader),
        None => link.faults.add(Faults::LINK_CUT),
    }
    link
}

#[cfg(test)]
mod tests {
    use crate::wire::link::Carries;

    use super::*;

    #[test]
    fn every_shape_of_ethernet_leads_to_what_it_carries() {
        let ip = Carries::Ether(0x0800);
        let cases: &[(&str, &[u8], &[u16], Carries, &[u8])] = &[
            ("dix", &[0x08, 0, 0x45], &[], ip, &[0x45]),
            ("one tag, priority dropped", &[0x81, 0, 0xe0, 7, 0x08, 0, 0x45], &[7], ip, &[0x45]),
            ("802.1ad", &[0x88, 0xa8, 0, 100, 0x81, 0, 0, 7, 0x08, 0, 1], &[100, 7], ip, &[1]),
            ("old QinQ", &[0x91, 0, 0, 100, 0x81, 0, 0, 7, 0x08, 0, 1], &[100, 7], ip, &[1]),
            ("spanning tree, padding cut off", &[0, 4, 0x42, 0x42, 3, 9, 0, 0], &[], Carries::Llc(0x42), &[9]),
            ("snap", &[0, 9, 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0, 0x45, 0], &[], ip, &[0x45]),
            (
                "cdp",
                &[0, 9, 0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 2],
                &[],
                Carries::Snap { oui: [0, 0, 0x0c], id: 0x2000 },
                &[2],
            ),
            ("pppoe", &[0x88, 0x64, 0x11, 0, 0, 1, 0, 3, 0, 0x21, 0x45, 0, 0], &[], Carries::Ip, &[0x45]),
            ("mpls", &[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64, 0x45], &[], Carries::Ip, &[0x45]),
            ("mpls pseudowire", &[0x88, 0x47, 0, 2, 1, 64, 0, 0], &[], Carries::Nothing, &[0, 0]),
        ];
        for (name, tail, tags, carries, payload) in cases {
            let frame = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1], tail].concat();
            let link = read(&frame);
            assert_eq!(
                (link.tags.ids(), link.carries, link.payload, link.faults),
                (*tags, *carries, *payload, Faults::NONE),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_a_fault_and_the_addresses_stay() {
        let cases: &[(&str, &[u8], Faults)] = &[
            ("no type", &[], Faults::LINK_CUT),
            ("cut in a tag", &[0x81, 0, 0], Faults::LINK_CUT),
            ("five tags", &[0x81, 0, 0, 1].repeat(5), Faults::TOO_DEEP),
            ("802.2 shorter than said", &[0, 9, 0x42, 0x42, 3], Faults::LINK_CUT),
            ("pppoe of another version", &[0x88, 0x64, 0x22, 0, 0, 1, 0, 0], Faults::LINK_BAD),
            ("labels without end", &[&[0x88, 0x47][..], &[0; 64]].concat(), Faults::TOO_DEEP),
        ];
        for (name, tail, faults) in cases {
            let tail = if *name == "five tags" { [tail, &[8, 0][..]].concat() } else { tail.to_vec() };
            let frame = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1], &tail].concat();
            let link = read(&frame);
            assert!(link.faults == *faults && link.source.is_some() && link.destination.is_some(), "{name}: {link:?}");
        }
        assert_eq!(read(&[1, 2, 3]).source, None);
    }
}
