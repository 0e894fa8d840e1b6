//! # I was home
//!
//! A person knows better than any curve. What they say of the last absence decides: the two stays become one, the phone
//! that was mute learns of it, and the departure counts as a false one. The same becomes of a departure that shows
//! itself to be none when the phone is heard again.

use std::time::Duration;

use crate::model::{Answer, Change, DeviceId, Moment, Refusal, RefusalCode};

use super::{
    Presence,
    departure::{Judged, Trip, habit::Ended},
    device::Device,
};

/// Why it is here, if a person said so.
const TOLD: &str = "told";
/// Longer ago, nobody remembers for certain.
const REMEMBERED: Duration = Duration::from_secs(2 * 86_400);

impl Presence {
    /// It was here all the time: the last departure was none.
    pub(super) fn was_home(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) -> Result<Answer, Refusal> {
        let device = self.registry.get_mut(id).ok_or_else(|| Refusal::no_device(id))?;
        if device.here {
            let back = device.window.as_ref().map_or(now.wall, |window| window.start);
            let age_ms = now.wall.0.saturating_sub(back.0).max(0).unsigned_abs();
            if device.before.is_none() || Duration::from_millis(age_ms) > REMEMBERED {
                let what = "it was not called away in the last two days";
                return Err(Refusal::new(RefusalCode::BadRequest, what));
            }
            device.hears_that_it_was_home();
        } else {
            device.hears_that_it_is_home(now);
            self.arrive(id, now, TOLD, now, out);
        }
        self.stitch(id, now, out);
        Ok(Answer::Done)
    }

    /// A return that showed that it had been home all the time.
    pub(super) fn stitch_if_due(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        if self.registry.get_mut(id).is_some_and(|device| std::mem::take(&mut device.stitch_due)) {
            self.stitch(id, now, out);
        }
    }

    /// Makes one stay of the last two.
    fn stitch(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        let Some(device) = self.registry.get_mut(id) else { return };
        let (Some(window), Some(before)) = (&mut device.window, device.before.take()) else { return };
        // A clock that was set back makes no stay of them.
        if before.start > window.start {
            return;
        }
        let gone = window.start;
        window.stitch(before);
        device.away_for_s = 0;
        let window = window.view(id, None);
        self.touch(id);
        out.push(Change::WindowStitched { window, gone, at: now.wall });
        out.push(Change::DeviceChanged { device: id });
    }
}

impl Device {
    /// The last silence for which it was called away was one at home.
    fn hears_that_it_was_home(&mut self) {
        self.stitch_due = false;
        // Said before it showed by itself what it was.
        let waiting = self.mute.lesson.take_if(|lesson| lesson.trip.left);
        if let Some(lesson) = waiting {
            self.is_told(&lesson.trip, lesson.at);
        } else if let (Some(Judged { spell, home }), Some(habit)) = (self.judged.take(), &mut self.habit) {
            habit.corrected(&spell, home, self.terms.dial);
            self.lesson_due = true;
        }
    }

    /// It is away, and a person says that it is here.
    fn hears_that_it_is_home(&mut self, now: Moment) {
        if let Some(trip) = self.mute.trip.take() {
            self.is_told(&trip, now);
        }
    }

    fn is_told(&mut self, trip: &Trip, at: Moment) {
        let spell = &trip.spell;
        if !self.kind().is_sleeper() {
            return;
        }
        let ended = Ended {
            context: spell.context,
            began: at.back_to(spell.began.min(at.mono)).wall,
            mute_s: at.mono.since(spell.first_ask).as_secs_f64(),
            joined: None,
            others: None,
            called_away: trip.by_habit,
            seen: trip.seen,
        };
        let habit = self.habit.get_or_insert_default();
        habit.go_by(&self.terms);
        habit.told(&ended, self.terms.dial);
        self.judged = None;
        self.lesson_due = true;
    }
}
