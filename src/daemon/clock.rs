//! # The only clock
//!
//! Everything else is handed a [`Moment`]. Boot time counts suspend (`clock_gettime(2)`,
//! `CLOCK_BOOTTIME`), so a phone that left while the host slept was silent for that long too.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::model::{Moment, Mono, Wall};

/// Both clocks, now.
#[must_use]
pub fn now() -> Moment {
    Moment { mono: Mono(nanoseconds(ClockId::Boottime)), wall: wall() }
}

#[allow(clippy::disallowed_methods)] // the one place that reads it
fn wall() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

// Smaller differences are the noise of two readings.
const JUMP: Duration = Duration::from_secs(2);

/// Notices that the host slept or that somebody set the clock.
#[derive(Debug)]
pub struct Drift {
    /// Boot time less running time: grows while suspended.
    asleep_ns: u64,
    /// Wall time less boot time, in ms.
    offset_ms: i64,
}

impl Drift {
    #[must_use]
    pub fn start() -> Drift {
        Drift { asleep_ns: asleep(), offset_ms: offset(now()) }
    }

    /// How long the host slept since the last call, if it did; and by how much the wall clock was stepped.
    pub fn check(&mut self) -> (Option<Duration>, Option<i64>) {
        self.judge(asleep(), offset(now()))
    }

    fn judge(&mut self, asleep_ns: u64, offset_ms: i64) -> (Option<Duration>, Option<i64>) {
        let slept = Duration::from_nanos(asleep_ns.saturating_sub(self.asleep_ns));
        let stepped = offset_ms.saturating_sub(self.offset_ms);
        // What is too short to count now counts with what follows.
        if slept >= JUMP || asleep_ns < self.asleep_ns {
            self.asleep_ns = asleep_ns;
        }
        self.offset_ms = offset_ms;
        (Some(slept).filter(|s| *s >= JUMP), Some(stepped).filter(|s| s.unsigned_abs() >= JUMP.as_millis() as u64))
    }
}

fn asleep() -> u64 {
    nanoseconds(ClockId::Boottime).saturating_sub(nanoseconds(ClockId::Monotonic))
}

fn offset(moment: Moment) -> i64 {
    moment.wall.0 - i64::try_from(moment.mono.0 / 1_000_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn sleep_and_steps_are_told_apart_and_once() {
        let mut drift = Drift { asleep_ns: 100 * S, offset_ms: 5_000 };
        let story: &[(u64, i64, Option<u64>, Option<i64>, &str)] = &[
            (100 * S, 5_001, None, None, "two readings"),
            (100 * S + S / 2, 5_000, None, None, "noise"),
            (7_300 * S, 5_000, Some(7_200), None, "two hours asleep: boot time and wall time go on together"),
            (7_300 * S, 5_000, None, None, "told once"),
            (7_300 * S, 3_605_000, None, Some(3_600_000), "set an hour ahead"),
            (7_300 * S, -10_795_000, None, Some(-14_400_000), "and four hours back"),
            (7_360 * S, -7_195_000, Some(60), Some(3_600_000), "both at once"),
            (7_350 * S, -7_195_000, None, None, "a reading that went back"),
            (7_351 * S, -7_195_000, None, None, "short"),
            (7_352 * S, -7_195_000, Some(2), None, "and short again, as one that dozes"),
            (u64::MAX, i64::MAX, Some(u64::MAX / S - 7_352), Some(i64::MAX), "absurd"),
            (0, i64::MIN, None, Some(i64::MIN), "absurd"),
        ];
        for (asleep_ns, offset_ms, slept, stepped, what) in story {
            let (told, step) = drift.judge(*asleep_ns, *offset_ms);
            assert_eq!((told.map(|told| told.as_secs()), step), (*slept, *stepped), "{what}");
        }
    }

    #[test]
    fn the_clocks_of_this_host_are_read() {
        let (before, mut drift) = (now(), Drift::start());
        let after = now();
        assert!(after.mono >= before.mono && before.mono > Mono(0));
        // 2020: any machine that can build this was set.
        assert!(before.wall > Wall(1_577_836_800_000));
        assert_eq!(drift.check(), (None, None));
    }
}
