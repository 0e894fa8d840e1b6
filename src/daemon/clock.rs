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
        let moment = now();
        Drift { asleep_ns: asleep(), offset_ms: offset(moment) }
    }

    /// How long the host slept since the last call, if it did; and by how much the wall clock was stepped.
    pub fn check(&mut self) -> (Option<Duration>, Option<i64>) {
        let (asleep_ns, offset_ms) = (asleep(), offset(now()));
        let slept = Duration::from_nanos(asleep_ns.saturating_sub(self.asleep_ns));
        let stepped = offset_ms - self.offset_ms;
        self.asleep_ns = asleep_ns;
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
