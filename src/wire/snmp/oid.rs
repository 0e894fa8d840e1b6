//! # Names of what an agent knows
//!
//! An object identifier is a list of numbers; agents answer in their lexicographic order, which is that
//! of the lists (RFC 3416 §4.2.2).

use std::fmt;

/// RFC 3416 §4.1: at most 128 numbers.
const ARCS_MAX: usize = 128;

/// An object identifier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Oid(Vec<u32>);

impl Oid {
    #[must_use]
    pub fn new(arcs: &[u32]) -> Oid {
        Oid(arcs.iter().take(ARCS_MAX).copied().collect())
    }

    /// This one, with `more` behind it.
    #[must_use]
    pub fn with(&self, more: &[u32]) -> Oid {
        Oid(self.0.iter().chain(more).take(ARCS_MAX).copied().collect())
    }

    #[must_use]
    pub fn arcs(&self) -> &[u32] {
        &self.0
    }

    /// What follows `base`; `None` if it is not below it.
    #[must_use]
    pub fn below(&self, base: &Oid) -> Option<&[u32]> {
        self.0.strip_prefix(base.0.as_slice())
    }

    /// Reads the content of a value (X.690 §8.19): the first two numbers share one, each in groups of seven bits.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Oid> {
        let mut arcs = Vec::with_capacity(bytes.len().min(ARCS_MAX) + 1);
        let mut value: u64 = 0;
        let mut open = false;
        for byte in bytes {
            value = value << 7 | u64::from(byte & 0x7f);
            // RFC 3416 §4.1: no number is over 2³²−1. The first may hold two.
            if value > u64::from(u32::MAX) + 80 || arcs.len() >= ARCS_MAX {
                return None;
            }
            open = byte & 0x80 != 0;
            if open {
                continue;
            }
            if arcs.is_empty() {
                let first = (value / 40).min(2);
                arcs.push(u32::try_from(first).ok()?);
                value -= first * 40;
            }
            arcs.push(u32::try_from(value).ok()?);
            value = 0;
        }
        (!open).then_some(Oid(arcs))
    }

    /// The content of a value.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len() + 4);
        let mut put = |value: u64| {
            let groups = (64 - value.leading_zeros()).div_ceil(7).max(1);
            for group in (0..groups).rev() {
                let more = if group == 0 { 0 } else { 0x80 };
                out.push((value >> (7 * group)) as u8 & 0x7f | more);
            }
        };
        let (first, second) = (self.0.first().copied().unwrap_or(0), self.0.get(1).copied().unwrap_or(0));
        put(u64::from(first) * 40 + u64::from(second));
        self.0.iter().skip(2).for_each(|arc| put(u64::from(*arc)));
        out
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, arc) in self.0.iter().enumerate() {
            write!(f, "{}{arc}", if index == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}
