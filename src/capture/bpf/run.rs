//! # What a filter lets through, told without a kernel
//!
//! The kernel's rules for the steps used here (Documentation/networking/filter.rst): so that a capture can be heard as the
//! daemon would have heard it, and so that tests see what is held back.

use std::borrow::Cow;

use super::{
    ADD_X, AND, Filter, Instruction, JUMP_BITS, JUMP_EQUAL, JUMP_GREATER, LOAD_BYTE, LOAD_BYTE_X, LOAD_HALF,
    LOAD_HALF_X, LOAD_LEN, LOAD_WORD_X, RETURN, SHIFT_RIGHT, X_HEADER_LEN, X_IS, X_IS_A,
};

/// A tag and its kinds: 802.1Q and 802.1ad.
const TAG: usize = 4;
const TAGS: [[u8; 2]; 2] = [[0x81, 0], [0x88, 0xa8]];

impl Filter {
    /// How many bytes of an Ethernet frame the kernel would hand over, 0 for none. `len` is its length on the wire, of
    /// which `frame` may be a part. The outer tag is taken out before, as the kernel does.
    #[must_use]
    pub fn keeps(&self, frame: &[u8], len: u32) -> u32 {
        let tagged = frame.get(12..14).is_some_and(|kind| TAGS.iter().any(|tag| tag == kind));
        let (bare, tag) = match (frame.get(..12), frame.get(12 + TAG..)) {
            (Some(head), Some(rest)) if tagged => (Cow::Owned([head, rest].concat()), TAG as u32),
            _ => (Cow::Borrowed(frame), 0),
        };
        match keeps(self.program(), &bare, len.saturating_sub(tag)) {
            0 => 0,
            kept => kept + tag,
        }
    }
}

/// A load past the end turns the frame away; so does a program that ends without a word.
pub(super) fn keeps(program: &[Instruction], frame: &[u8], len: u32) -> u32 {
    let load = |place: u32, bytes: usize| {
        let from = usize::try_from(place).ok()?;
        let bytes = frame.get(from..from.checked_add(bytes)?)?;
        Some(bytes.iter().fold(0u32, |value, byte| value << 8 | u32::from(*byte)))
    };
    let (mut a, mut x, mut at) = (0u32, 0u32, 0usize);
    while let Some(&Instruction { code, yes, no, value }) = program.get(at) {
        at += 1;
        let loaded = match code {
            LOAD_BYTE => load(value, 1),
            LOAD_HALF => load(value, 2),
            LOAD_BYTE_X => load(x.saturating_add(value), 1),
            LOAD_HALF_X => load(x.saturating_add(value), 2),
            LOAD_WORD_X => load(x.saturating_add(value), 4),
            LOAD_LEN => Some(len),
            AND => Some(a & value),
            SHIFT_RIGHT => Some(a >> value),
            ADD_X => Some(a.wrapping_add(x)),
            X_HEADER_LEN => {
                let Some(found) = load(value, 1) else { return 0 };
                x = 4 * (found & 15);
                Some(a)
            }
            X_IS => {
                x = value;
                Some(a)
            }
            X_IS_A => {
                x = a;
                Some(a)
            }
            JUMP_EQUAL | JUMP_GREATER | JUMP_BITS => {
                let so = match code {
                    JUMP_EQUAL => a == value,
                    JUMP_GREATER => a > value,
                    _ => a & value != 0,
                };
                at += usize::from(if so { yes } else { no });
                Some(a)
            }
            RETURN => return value,
            _ => None,
        };
        let Some(loaded) = loaded else { return 0 };
        a = loaded;
    }
    0
}
