//! # What the radio says of a frame
//!
//! radiotap (radiotap.org), PPI, Prism and AVS headers: where 802.11 begins, how strong it was,
//! whether its checksum is there and right.

use crate::wire::reader::Reader;

/// The radio's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Radio<'a> {
    /// The 802.11 frame.
    pub frame: &'a [u8],
    /// dBm.
    pub signal: Option<i8>,
    /// Centre frequency.
    pub mhz: Option<u16>,
    /// Four bytes of checksum end the frame.
    pub has_checksum: bool,
    pub is_damaged: bool,
    /// The header is padded to four bytes.
    pub is_padded: bool,
}

/// Bit 31 of a presence word says that another follows; more than eight words is nonsense.
const WORDS_MAX: usize = 8;

/// Reads radiotap. `None` if the header is cut or its length lies.
#[must_use]
pub fn radiotap(bytes: &[u8]) -> Option<Radio<'_>> {
    let mut reader = Reader::new(bytes);
    let (_version, _pad, len) = (reader.u8()?, reader.u8()?, reader.u16_le()?);
    let frame = bytes.get(len.into()..)?;
    let mut fields = Reader::new(bytes.get(4..len.into())?);
    let mut radio = Radio { frame, ..Radio::default() };
    let present = fields.u32_le()?;
    let mut word = present;
    for _ in 0..WORDS_MAX {
        if word & (1 << 31) == 0 {
            break;
        }
        word = fields.u32_le()?;
    }
    // Fields follow in bit order, each aligned to its size from the start of the header. Only those
    // before and with the signal (bit 5) matter: (bytes, alignment).
    let sizes: [(usize, usize); 6] = [(8, 8), (1, 1), (1, 1), (4, 2), (2, 2), (1, 1)];
    for (bit, (size, align)) in sizes.into_iter().enumerate() {
        if present & (1 << bit) == 0 {
            continue;
        }
        let at = usize::from(len) - fields.len();
        let Some(value) = fields.skip((align - at % align) % align).and_then(|()| fields.slice(size)) else { break };
        match (bit, value) {
            (1, [flags]) => {
                radio.has_checksum = flags & 0x10 != 0;
                radio.is_padded = flags & 0x20 != 0;
                radio.is_damaged = flags & 0x40 != 0;
            }
            // Frequency, then flags.
            (3, [low, high, ..]) => radio.mhz = Some(u16::from_le_bytes([*low, *high])).filter(|mhz| *mhz != 0),
            (5, [dbm]) => radio.signal = Some(dbm.cast_signed()),
            _ => {}
        }
    }
    Some(radio)
}

/// Reads a PPI header (CACE, 2008): the link type inside, and the frame.
#[must_use]
pub fn ppi(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut reader = Reader::new(bytes);
    let (_version, _flags, len, link) = (reader.u8()?, reader.u8()?, reader.u16_le()?, reader.u32_le()?);
    Some((link, bytes.get(usize::from(len).max(8)..)?))
}

/// Reads a Prism or AVS header, which drivers of before radiotap put in front.
#[must_use]
pub fn prism(bytes: &[u8]) -> Option<Radio<'_>> {
    let mut reader = Reader::new(bytes);
    let (magic, len) = (reader.take::<4>()?, reader.take::<4>()?);
    let len = match magic {
        [0x80, 0x21, ..] => u32::from_be_bytes(len),
        _ => u32::from_le_bytes(len),
    };
    let frame = bytes.get(usize::try_from(len).ok().filter(|len| (8..=512).contains(len))?..)?;
    Some(Radio { frame, ..Radio::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signal_is_found_behind_whatever_stands_before() {
        let cases: &[(&str, &[u8], Option<i8>, bool)] = &[
            ("flags and signal", &[0, 0, 10, 0, 0x22, 0, 0, 0, 0x10, 0xd0], Some(-48), true),
            (
                "time stamp aligned to eight",
                &[0, 0, 25, 0, 0x21, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0xb0],
                Some(-80),
                false,
            ),
            ("nothing present", &[0, 0, 8, 0, 0, 0, 0, 0], None, false),
        ];
        for (name, header, signal, has_checksum) in cases {
            let bytes = [header, &[9][..]].concat();
            let radio = radiotap(&bytes).expect(name);
            assert_eq!((radio.signal, radio.has_checksum, radio.frame), (*signal, *has_checksum, &[9][..]), "{name}");
        }
        for lie in [&[0, 0, 99, 0, 0, 0, 0, 0][..], &[0, 0, 3, 0, 0, 0, 0, 0], &[0, 0, 8, 0, 0, 0, 0, 0x80], &[]] {
            assert_eq!(radiotap(lie), None, "{lie:?}");
        }
        assert_eq!(ppi(&[0, 0, 8, 0, 105, 0, 0, 0, 7]), Some((105, &[7][..])));
    }
}
