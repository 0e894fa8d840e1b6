//! # What a detector writes down
//!
//! One thing a line, words between spaces, so that people can read it and what is damaged costs one line. Bounded, as
//! what is learned is.

use std::{fmt::Display, str::FromStr};

use crate::model::{Moment, Mono};

/// Of one detector. Tables are far below; what does not fit is learned again.
const BYTES_MAX: usize = 64 * 1024;

/// Lines as they are written.
#[derive(Debug, Default)]
pub struct Lines(String);

impl Lines {
    pub fn add(&mut self, line: impl Display) {
        let line = line.to_string();
        if self.0.len() + line.len() < BYTES_MAX {
            self.0.push_str(&line);
            self.0.push('\n');
        }
    }

    /// `None` if there is nothing to write.
    #[must_use]
    pub fn done(self) -> Option<String> {
        Some(self.0).filter(|text| !text.is_empty())
    }
}

/// The next word of a line, as what it should be.
pub fn next<T: FromStr>(words: &mut std::str::SplitWhitespace<'_>) -> Option<T> {
    words.next()?.parse().ok()
}

/// Seconds on the boot clock. Those before a restart are below zero.
pub type Stamp = i64;

#[must_use]
pub fn stamp(at: Mono) -> Stamp {
    i64::try_from(at.0 / 1_000_000_000).unwrap_or(i64::MAX)
}

/// What people's clocks showed at `at`, in seconds.
#[must_use]
pub fn to_wall(at: Stamp, now: Moment) -> i64 {
    (now.wall.0 / 1000).saturating_sub(stamp(now.mono).saturating_sub(at))
}

/// Back; `None` for what lies ahead: somebody set the clock.
#[must_use]
pub fn from_wall(wall_s: i64, now: Moment) -> Option<Stamp> {
    let ago = (now.wall.0 / 1000).checked_sub(wall_s).filter(|ago| *ago >= 0)?;
    stamp(now.mono).checked_sub(ago)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Wall;

    fn at(mono_s: u64, wall_s: i64) -> Moment {
        Moment { mono: Mono(mono_s * 1_000_000_000), wall: Wall(wall_s * 1000) }
    }

    #[test]
    fn a_time_survives_a_restart() {
        let wall = to_wall(9_000, at(10_000, 1_800_000_000));
        assert_eq!(wall, 1_799_999_000);
        assert_eq!(from_wall(wall, at(60, 1_800_000_500)), Some(60 - 1500), "the computer was started anew");
        assert_eq!(from_wall(wall, at(60, 0)), None, "its clock was lost");
        assert_eq!(from_wall(i64::MIN, at(60, 5)), None);
    }

    #[test]
    fn what_is_written_has_an_end() {
        let mut lines = Lines::default();
        (0..100_000).for_each(|n| lines.add(n));
        assert!(lines.done().is_some_and(|text| text.len() < BYTES_MAX && text.ends_with('\n')));
        assert_eq!(Lines::default().done(), None);
    }
}
