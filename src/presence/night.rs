//! # Night
//!
//! `auto` calls it night when all who live here are home, it is an hour in which they do not leave, and no phone was
//! used for a while; guests' phones too. A glance at the clock is no morning: night ends when somebody comes or goes,
//! when the hour is one in which people leave, or when a phone is in use for some minutes.

use std::time::Duration;

use crate::model::{Mode, Moment};

use super::{Presence, device::Device, people::Night, timers::Key};

/// Nobody used a phone for so long.
const UNUSED: Duration = Duration::from_secs(45 * 60);
/// So long somebody is up before night is over.
const UP_FOR: Duration = Duration::from_secs(10 * 60);
/// How often it is looked at, where it may be night.
const LOOK: Duration = Duration::from_secs(5 * 60);

impl Presence {
    /// Whether `auto` comes to night now; sets when to look again.
    pub(super) fn is_night(&mut self, now: Moment) -> bool {
        let night = self.people.night;
        let after = self.judge_night(night, now);
        self.people.night = after;
        after.is_some()
    }

    fn judge_night(&mut self, night: Option<Night>, now: Moment) -> Option<Night> {
        if self.people.mode != Mode::Auto {
            return None;
        }
        let speakers = self.who_sleeps()?;
        // Hours are learned of each person; where nothing is, none is quiet.
        let quiet = |device: &&Device| {
            device.habit.as_ref().filter(|habit| habit.is_learned(now.wall)).map(|habit| habit.is_quiet(now.wall))
        };
        let (mut known, mut all) = (false, true);
        for device in &speakers {
            let quiet = quiet(device);
            known |= quiet.is_some();
            all &= quiet != Some(false);
        }
        if !known {
            return None;
        }
        let used = speakers.iter().filter_map(|device| device.activity.used()).max();
        self.timers.by(Key::Mode, now.mono + LOOK);
        if !all {
            return None;
        }
        match night {
            None => {
                used.is_none_or(|used| now.mono.since(used) >= UNUSED).then_some(Night { up: None, looked: now.mono })
            }
            // Between two looks things change for other reasons.
            Some(night) if now.mono.since(night.looked) < LOOK => Some(night),
            Some(night) => {
                let is_used = used.is_some_and(|used| used > night.looked);
                let up = if is_used { night.up.or(Some(night.looked)) } else { None };
                let is_over = up.is_some_and(|since| now.mono.since(since) >= UP_FOR);
                (!is_over).then_some(Night { up, looked: now.mono })
            }
        }
    }

    /// The devices that speak for all who are here; `None` if somebody is away, or nobody lives here.
    fn who_sleeps(&self) -> Option<Vec<&Device>> {
        let mut speakers = Vec::new();
        for (home, devices) in self.people.each() {
            if !home {
                return None;
            }
            let devices: Vec<&Device> = devices.filter_map(|id| self.registry.get(id)).collect();
            let best = devices.iter().map(|device| device.rank()).min();
            speakers.extend(devices.into_iter().filter(|device| device.here && Some(device.rank()) == best));
        }
        if speakers.is_empty() {
            return None;
        }
        speakers.extend(self.people.guests().filter_map(|id| self.registry.get(id)));
        Some(speakers)
    }
}
