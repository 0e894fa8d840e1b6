//! The boot clock of a replay, made from the stamps of frames.

use std::time::Duration;

use crate::model::{Moment, Mono, Wall};

/// Where a replay's boot clock starts: room for what looks back.
const START_NS: u64 = 30 * 86_400 * 1_000_000_000;
/// Stamps of two interfaces may cross by so much; a step back beyond it is another recording.
const CROSSING_NS: i128 = 60 * 1_000_000_000;
/// A longer gap counts as this: nothing in the core waits longer than 30 days, and one absurd stamp
/// would be the end of the clock.
const GAP_MAX: Duration = Duration::from_hours(24 * 31);

/// The wall clock at a stamp; 1970 if it is absurd.
pub fn wall(stamp_ns: i128) -> Wall {
    match i64::try_from(stamp_ns) {
        // All but the absurd, without a division of 128 bits for each frame.
        Ok(ns) => Wall(ns.div_euclid(1_000_000)),
        Err(_) => Wall(i64::try_from(stamp_ns.div_euclid(1_000_000)).unwrap_or(0)),
    }
}

/// Turns stamps into moments: `mono` never goes back; forward it follows the stamps, also over
/// weeks. `wall` is as stamped.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    mono_ns: Option<u64>,
    /// The latest stamp of the present recording.
    high_ns: i128,
}

impl Timeline {
    /// The moment of a frame stamped so.
    pub fn at(&mut self, stamp_ns: i128) -> Moment {
        let wall = wall(stamp_ns);
        let step = match self.mono_ns {
            None => {
                self.high_ns = stamp_ns;
                0
            }
            Some(_) => stamp_ns.saturating_sub(self.high_ns),
        };
        if !(-CROSSING_NS..=0).contains(&step) {
            self.high_ns = stamp_ns;
        }
        let gap = u64::try_from(step.max(0)).unwrap_or(u64::MAX).min(GAP_MAX.as_nanos() as u64);
        let mono = self.mono_ns.unwrap_or(START_NS).saturating_add(gap);
        self.mono_ns = Some(mono);
        Moment { mono: Mono(mono), wall }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_clock_follows_stamps_and_never_goes_back() {
        const S: i128 = 1_000_000_000;
        let day = 86_400;
        let cases: &[(&str, &[i128], &[u64])] = &[
            // name, stamps in seconds, boot clock in seconds since the first
            ("in order", &[100, 101, 105], &[0, 1, 5]),
            ("two interfaces cross", &[100, 102, 101, 103], &[0, 2, 2, 3]),
            ("an older recording follows", &[9_000_000, 9_000_001, 100, 107], &[0, 1, 1, 8]),
            ("weeks later", &[0, 20 * day, 20 * day + 1], &[0, 1_728_000, 1_728_001]),
            ("years later", &[0, 900 * day, 900 * day + 1], &[0, 2_678_400, 2_678_401]),
            ("before 1970", &[-5, -3, 4], &[0, 2, 9]),
            ("absurd, and back", &[0, i128::MAX / (2 * S), 3, 4], &[0, 2_678_400, 2_678_400, 2_678_401]),
        ];
        for (name, stamps, expected) in cases {
            let mut timeline = Timeline::default();
            let found: Vec<u64> =
                stamps.iter().map(|s| (timeline.at(s * S).mono.0 - START_NS) / 1_000_000_000).collect();
            assert_eq!(found, *expected, "{name}");
        }
    }
}
