//! # What a Wi-Fi network says of itself
//!
//! Information elements of beacons (IEEE 802.11-2020 §9.4.2), the security they announce, and channel numbers.

use super::reader::Reader;

/// Elements of one beacon: id and data. Ends at the first that is cut short.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    rest: Reader<'a>,
}

#[must_use]
pub const fn elements(bytes: &[u8]) -> Elements<'_> {
    Elements { rest: Reader::new(bytes) }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let mut reader = self.rest;
        let element = (reader.u8()?, reader.u8().and_then(|len| reader.slice(len.into()))?);
        self.rest = reader;
        Some(element)
    }
}

/// The name of the network (element 0); `None` if hidden: empty or all zeros.
#[must_use]
pub fn ssid(bytes: &[u8]) -> Option<&[u8]> {
    let (_, name) = elements(bytes).find(|(id, _)| *id == 0)?;
    (name.len() <= 32 && name.iter().any(|byte| *byte != 0)).then_some(name)
}

/// The channel a beacon names: element 3, DS parameter set, on 2.4 GHz; else the primary channel of element 61,
/// HT operation (§9.4.2.4, §9.4.2.56). On 6 GHz neither is sent.
#[must_use]
pub fn beacon_channel(bytes: &[u8]) -> Option<u16> {
    let first = |wanted: u8| elements(bytes).find(|(id, _)| *id == wanted).and_then(|(_, data)| data.first().copied());
    first(3).or_else(|| first(61)).map(u16::from).filter(|channel| (1..=233).contains(channel))
}

/// How a network is closed. Several at once are usual while it changes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Security {
    pub wep: bool,
    pub wpa: bool,
    pub wpa2: bool,
    pub wpa3: bool,
    pub owe: bool,
    pub enterprise: bool,
}

impl Security {
    /// From the capability field (`privacy`, bit 4) and the elements.
    #[must_use]
    pub fn read(privacy: bool, bytes: &[u8]) -> Security {
        let mut security = Security::default();
        for (id, data) in elements(bytes) {
            match (id, data) {
                // RSN, §9.4.2.24.
                (48, data) => security.suites(data, [0x00, 0x0f, 0xac], false),
                // What came before it, Wi-Fi Alliance: the same layout under Microsoft's OUI, type 1.
                (221, [0x00, 0x50, 0xf2, 0x01, data @ ..]) => security.suites(data, [0x00, 0x50, 0xf2], true),
                _ => {}
            }
        }
        security.wep = privacy && security == Security::default();
        security
    }

    /// Version (2), group cipher (4), pairwise ciphers, key managements; lists are counted in two bytes.
    fn suites(&mut self, data: &[u8], oui: [u8; 3], old: bool) {
        let mut reader = Reader::new(data);
        let mut managements = || {
            reader.skip(6)?;
            let ciphers = reader.u16_le()?;
            reader.skip(usize::from(ciphers).checked_mul(4)?)?;
            let count = reader.u16_le()?;
            Some((count, reader))
        };
        let Some((count, mut reader)) = managements() else {
            // Fields that are left out have default values: a shared key is not among them, 802.1X is.
            self.enterprise = true;
            return;
        };
        for _ in 0..count {
            let Some([a, b, c, kind]) = reader.take::<4>() else { break };
            if [a, b, c] != oui {
                continue;
            }
            // Table 9-151.
            match kind {
                1 | 3 | 5 | 11 | 12 | 13 => self.enterprise = true,
                2 | 4 | 6 if old => self.wpa = true,
                2 | 4 | 6 => self.wpa2 = true,
                8 | 9 | 24 | 25 => self.wpa3 = true,
                18 => self.owe = true,
                _ => {}
            }
        }
    }

    /// The words, weakest first.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let known = [
            (self.wep, "wep"),
            (self.wpa, "wpa"),
            (self.wpa2, "wpa2"),
            (self.wpa3, "wpa3"),
            (self.owe, "owe"),
            (self.enterprise, "enterprise"),
            (self == Security::default(), "open"),
        ];
        known.into_iter().filter_map(|(is, word)| is.then_some(word))
    }
}

/// Whether Wi-Fi Protected Setup lets in by a PIN of the access point's (Wi-Fi Simple Configuration 2.0.5 §12: set up,
/// 0x1044 = 2; not locked, 0x1057; methods 0x1008 with label or display, bits 2 and 3).
#[must_use]
pub fn wps_takes_pin(elements: Elements<'_>) -> bool {
    let (mut set_up, mut locked, mut pin) = (false, false, false);
    for (id, data) in elements {
        let (221, [0x00, 0x50, 0xf2, 0x04, data @ ..]) = (id, data) else { continue };
        let mut reader = Reader::new(data);
        while let (Some(kind), Some(len)) = (reader.u16(), reader.u16()) {
            let Some(value) = reader.slice(len.into()) else { break };
            match (kind, value) {
                (0x1044, [state]) => set_up = *state == 2,
                (0x1057, [state]) => locked = *state == 1,
                (0x1008, [_, low]) => pin = low & 0x0c != 0,
                _ => {}
            }
        }
    }
    set_up && pin && !locked
}

/// The channel of a centre frequency in MHz (annex E).
#[must_use]
pub const fn channel(mhz: u32) -> Option<u16> {
    let number = match mhz {
        2412..=2472 => (mhz - 2407) / 5,
        2484 => 14,
        5000..=5924 => (mhz - 5000) / 5,
        // 6 GHz counts from 5950, but for channel 2 of operating class 136.
        5935 => 2,
        5955..=7115 => (mhz - 5950) / 5,
        _ => return None,
    };
    Some(number as u16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn beacons_say_name_and_security() {
        let rsn = |kinds: &[u8]| {
            let mut data = vec![1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 4, u8::try_from(kinds.len()).unwrap(), 0];
            kinds.iter().for_each(|kind| data.extend([0, 0x0f, 0xac, *kind]));
            let mut element = vec![48, u8::try_from(data.len()).unwrap()];
            element.extend(data);
            element
        };
        let wpa = [
            &[221, 22, 0, 0x50, 0xf2, 1, 1, 0, 0, 0x50, 0xf2, 2, 1, 0, 0, 0x50, 0xf2, 2, 1, 0, 0, 0x50, 0xf2, 2][..],
            &rsn(&[2]),
        ]
        .concat();
        let cases: &[(&str, bool, &[u8], &str)] = &[
            ("open", false, &[], "open"),
            ("wep", true, &[], "wep"),
            ("shared key", true, &rsn(&[2]), "wpa2"),
            ("changing over", true, &rsn(&[2, 8]), "wpa2+wpa3"),
            ("both generations", true, &wpa, "wpa+wpa2"),
            ("enterprise", true, &rsn(&[5]), "enterprise"),
            ("opportunistic", true, &rsn(&[18]), "owe"),
            ("fields left out", true, &[48, 2, 1, 0], "enterprise"),
            ("unknown management", true, &rsn(&[99]), "wep"),
        ];
        for (name, privacy, bytes, words) in cases {
            let security = Security::read(*privacy, bytes);
            assert_eq!(security.words().collect::<Vec<_>>().join("+"), *words, "{name}");
        }
        assert_eq!(ssid(&[1, 1, 0x82, 0, 2, b'h', b'i']), Some(&b"hi"[..]));
        assert_eq!([ssid(&[0, 0]), ssid(&[0, 2, 0, 0]), ssid(&[0, 9, b'x']), ssid(&[])], [None; 4]);
    }

    #[test]
    fn frequencies_have_channels() {
        for (mhz, number) in [
            (2412, Some(1)),
            (2472, Some(13)),
            (2484, Some(14)),
            (5180, Some(36)),
            (5955, Some(1)),
            (7115, Some(233)),
            (0, None),
            (2411, None),
        ] {
            assert_eq!(channel(mhz), number, "{mhz}");
        }
    }

    proptest! {
        /// A cut takes elements away and never adds or changes one.
        #[test]
        fn a_cut_only_takes_away(data in prop::collection::vec(any::<u8>(), 0..80), at in 0usize..80, privacy: bool) {
            let cut = &data[..at.min(data.len())];
            prop_assert!(elements(cut).zip(elements(&data)).all(|(cut, whole)| cut == whole));
            prop_assert!(elements(cut).count() <= elements(&data).count());
            prop_assert!(Security::read(privacy, &data).words().count() > 0);
        }
    }
}
