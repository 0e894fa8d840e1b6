//! # Kernel stamps become moments
//!
//! The kernel stamps frames with the wall clock; the house counts with the boot clock, so that a
//! stepped wall clock bends no duration. Each batch samples both clocks and so learns how far they
//! lie apart. Our wall clock is cut to milliseconds, so the sample is up to 1 ms too large: the
//! smallest recent one is kept, until a larger gap shows that the wall clock was moved.

use crate::model::{Moment, Mono, Wall};

const MS: i128 = 1_000_000;
/// Above the 1 ms of cutting and what a clock drifts between batches; below any step that matters.
const STEPPED: i128 = 2 * MS;

/// Boot clock minus wall clock, in nanoseconds.
#[derive(Debug, Default)]
pub struct Stamps {
    apart: Option<i128>,
    last: Mono,
}

impl Stamps {
    /// Learns from both clocks, read together.
    pub fn sample(&mut self, now: Moment) {
        let apart = i128::from(now.mono.0) - i128::from(now.wall.0) * MS;
        self.apart = Some(match self.apart {
            Some(kept) if apart >= kept && apart <= kept + STEPPED => kept,
            _ => apart,
        });
    }

    /// The moment of a frame stamped `stamp_ns` after 1970. Never after `now`, never before the frame before it.
    pub fn moment(&mut self, stamp_ns: i128, now: Moment) -> Moment {
        let mono = stamp_ns + self.apart.unwrap_or_default();
        let mono = Mono(u64::try_from(mono.max(0)).unwrap_or(u64::MAX)).min(now.mono).max(self.last);
        self.last = mono;
        Moment { mono, wall: Wall(i64::try_from(stamp_ns / MS).unwrap_or(now.wall.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stepped_wall_clock_bends_no_duration() {
        let at = |mono_ms: u64, wall_ms: i64| Moment { mono: Mono(mono_ms * 1_000_000), wall: Wall(wall_ms) };
        let mut stamps = Stamps::default();
        stamps.sample(at(5_000, 1_000_000));
        let first = stamps.moment(999_990 * MS, at(5_000, 1_000_000));
        assert_eq!(first, at(4_990, 999_990));
        // An hour back; the frame came 20 ms before the sample.
        stamps.sample(at(6_000, 1_001_000 - 3_600_000));
        let second = stamps.moment((1_000_980 - 3_600_000) * MS, at(6_000, 1_001_000 - 3_600_000));
        assert_eq!(second.mono.since(first.mono).as_millis(), 990);
    }

    #[test]
    fn order_holds_and_the_future_is_not_believed() {
        let now = Moment { mono: Mono(9_000_000), wall: Wall(100) };
        let mut stamps = Stamps::default();
        stamps.sample(now);
        let late = stamps.moment(100 * MS + 500_000, now).mono;
        let earlier = stamps.moment(50 * MS, now).mono;
        assert_eq!((late, earlier), (now.mono, late));
    }
}
