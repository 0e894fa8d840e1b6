//! # Google Fast Pair
//!
//! Service data of UUID 0xfe2c (developers.google.com/nearby/fast-pair, specification: advertising).

use crate::wire::reader::Reader;

/// What the data says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FastPair {
    /// Ready to be paired: the model is shown to everybody near.
    Offers { model: u32 },
    /// Already somebody's. Levels in percent of left, right and case, where it tells them.
    Owned { left: Option<u8>, right: Option<u8>, case: Option<u8> },
}

/// Reads the data of the service, without the UUID.
#[must_use]
pub fn read(data: &[u8]) -> Option<FastPair> {
    if let [a, b, c] = *data {
        return Some(FastPair::Offers { model: u32::from_be_bytes([0, a, b, c]) });
    }
    let mut reader = Reader::new(data);
    // Version in the upper half: 0 for account data; longer models set bits below.
    if reader.u8()? >> 4 != 0 {
        return None;
    }
    let mut levels = [None; 3];
    while let Some(head) = reader.u8() {
        let field = reader.slice(usize::from(head >> 4))?;
        // Battery notification, shown (3) or not (4).
        if matches!(head & 0x0f, 3 | 4) {
            for (level, byte) in levels.iter_mut().zip(field) {
                // The top bit is "charging"; 127 below it is "not known".
                *level = Some(byte & 0x7f).filter(|level| *level <= 100);
            }
        }
    }
    let [left, right, case] = levels;
    Some(FastPair::Owned { left, right, case })
}
