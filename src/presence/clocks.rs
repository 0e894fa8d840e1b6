//! # When somebody sets the wall clock
//!
//! A host without a clock of its own starts in 1970, or where it stopped, and learns the time later. Durations never
//! go by the wall clock, but what people read does: what was noted since the start is moved with the clock, so that a
//! stay that began before the clock was set has the start it had in truth. What was known before the start is right.

use crate::model::{Mono, Wall};

use super::Presence;

impl Presence {
    /// The wall clock was moved by `step_ms`.
    pub fn clock_set(&mut self, step_ms: i64) {
        let began = self.began;
        let moved = |mono: Mono, wall: &mut Wall| {
            let is_of_this_run = mono > began;
            if is_of_this_run {
                wall.0 = wall.0.saturating_add(step_ms);
            }
            is_of_this_run
        };
        for id in self.registry.ids() {
            let Some(device) = self.registry.get_mut(id) else { continue };
            let (last, since) = (device.last.mono, device.since.mono);
            let ends_at_last = device.window.as_ref().is_some_and(|window| window.end == device.last.wall);
            let mut is_moved = moved(last, &mut device.last.wall) | moved(since, &mut device.since.wall);
            if let Some(window) = &mut device.window {
                moved(since, &mut window.start);
                if ends_at_last {
                    moved(last, &mut window.end);
                }
            }
            // The first address it was ever heard with, if it was not joined to somebody known.
            if let Some(first) = device.macs.iter().map(|held| held.first).min() {
                is_moved |= moved(first, &mut device.first_seen);
            }
            if is_moved {
                self.touch(id);
            }
        }
    }
}
