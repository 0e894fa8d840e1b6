//! # Readings that stand still
//!
//! A sensor that hangs says the same of a device again and again, to the last digit, long after the device is gone. A
//! radio never does: its levels waver from one advertisement to the next, also of what lies still.
//!
//! Holds: [`READINGS_MAX`] pairs of device and node.

use std::time::Duration;

use crate::model::{Capped, MacAddr, Mono, hash_of};

const READINGS_MAX: usize = 4096;
/// So many times the very same, and for so long, are no chance: of whole levels of something that lies still two are
/// alike once in five to ten times.
const TIMES_MIN: u32 = 10;
const LASTS_MIN: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy)]
struct Reading {
    said: u64,
    times: u32,
    first: Mono,
}

/// See above.
#[derive(Debug)]
pub(super) struct Readings(Capped<(u64, MacAddr), Reading>);

impl Readings {
    pub(super) fn new() -> Readings {
        Readings(Capped::new(READINGS_MAX))
    }

    /// `node` says `payload` of `mac`. Whether it has said just that for too long.
    pub(super) fn is_frozen(&mut self, node: &str, mac: MacAddr, payload: &[u8], now: Mono) -> bool {
        let (key, said) = ((hash_of(node), mac), hash_of(payload));
        match self.0.get_mut(&key) {
            Some(known) if known.said == said => {
                known.times = known.times.saturating_add(1);
                known.times >= TIMES_MIN && now.since(known.first) >= LASTS_MIN
            }
            _ => {
                self.0.insert(key, Reading { said, times: 1, first: now });
                false
            }
        }
    }
}
