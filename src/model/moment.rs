//! # Two clocks
//!
//! [`Mono`] for every difference, [`Wall`] for what people read. They cannot be mixed, so a
//! stepped wall clock bends no duration.

use std::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

/// Nanoseconds of the boot clock (`CLOCK_BOOTTIME`), which counts time spent suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(pub u64);

impl Mono {
    /// Time from `earlier` to here; zero if it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Mono) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The next moment that is a whole number of `step`s; itself if it is one, or if `step` is zero.
    #[must_use]
    pub fn round_up(self, step: Duration) -> Mono {
        let step = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX).max(1);
        self.0.checked_next_multiple_of(step).map_or(self, Mono)
    }
}

impl Add<Duration> for Mono {
    type Output = Mono;
    fn add(self, span: Duration) -> Mono {
        Mono(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Mono {
    type Output = Mono;
    fn sub(self, span: Duration) -> Mono {
        Mono(self.0.saturating_sub(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// Milliseconds since 1970 UTC. For people and for storage; no durations are taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Wall(pub i64);

impl Wall {
    /// Moved by `span` (negative: back).
    #[must_use]
    pub fn back(self, span: Duration) -> Wall {
        Wall(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// RFC 3339 in UTC with milliseconds, as every JSON of ours has it.
impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => f.write_str("1970-01-01T00:00:00.000Z"),
        }
    }
}

impl std::str::FromStr for Wall {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<jiff::Timestamp>()
            .map(|t| Wall(t.as_millisecond()))
            .map_err(|_| format!("`{text}` is not a time such as 2026-11-25T17:02:11Z"))
    }
}

/// One instant on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// For differences.
    pub mono: Mono,
    /// For people.
    pub wall: Wall,
}

impl Moment {
    /// The same timeline at `due`, which lies at or before this moment.
    #[must_use]
    pub fn back_to(self, due: Mono) -> Moment {
        Moment { mono: due, wall: self.wall.back(self.mono.since(due)) }
    }

    /// This moment, `span` earlier.
    #[must_use]
    pub fn earlier(self, span: Duration) -> Moment {
        Moment { mono: self.mono - span, wall: self.wall.back(span) }
    }
}

/// Reads both clocks. The daemon hands the real one down; tests hand their own.
pub type Clock = fn() -> Moment;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_reads_back() {
        let wall = Wall(1_795_626_131_000);
        assert_eq!(wall.to_string(), "2026-11-25T17:02:11.000Z");
        assert_eq!(wall.to_string().parse(), Ok(wall));
    }
}
