//! # Signs that prove nothing
//!
//! A goodbye and a list of stations change the odds of a silence; what is said of an address that nobody was seen to
//! use waits until somebody is.

use std::time::Duration;

use crate::model::{DeviceId, Goodbye, Moment, Mono, Observation};

use super::{Presence, departure::evidence::Evidence, timers::Key};

/// No device is asked sooner than this.
const UNASKED_MIN: Duration = Duration::from_secs(5);
/// Facts kept of one address.
const WAITING_FACTS_MAX: usize = 8;

impl Presence {
    /// It said that it goes: the odds change, and it is asked soon.
    pub(super) fn said_goodbye(&mut self, id: DeviceId, goodbye: Goodbye, at: Mono, now: Moment) {
        if let Some(device) = self.registry.get_mut(id)
            && device.here
            && at >= device.last.mono
        {
            device.mute.goodbye = Some(goodbye);
            if goodbye == Goodbye::ApLeft {
                device.mute.listed = None;
                device.mute.dropped = Some(at);
            }
            self.timers.by(Key::Device(id), now.mono + Duration::from_secs(5));
        }
    }

    /// An access point lists it: it may still be here, or have left without a word.
    pub(super) fn listed(&mut self, id: DeviceId, at: Mono, now: Moment) {
        if let Some(device) = self.registry.get_mut(id).filter(|device| device.here) {
            device.mute.listed = device.mute.listed.max(Some(at));
            // Gone here and listed there: it only roamed.
            device.mute.goodbye.take_if(|goodbye| *goodbye == Goodbye::ApLeft);
            if device.mute.spell.is_some() {
                self.timers.by(Key::Device(id), now.mono + Duration::from_secs(1));
            }
        }
    }

    /// A fact about an address that nobody was seen to use: kept, it proves nothing.
    pub(super) fn remember(&mut self, seen: &Observation) {
        let Some(mac) = seen.subject.mac.filter(|mac| mac.is_station()) else { return };
        match self.waiting.get_mut(&mac) {
            Some(facts) if facts.len() < WAITING_FACTS_MAX => facts.push(seen.clone()),
            Some(_) => {}
            None => {
                self.waiting.insert(mac, vec![seen.clone()]);
            }
        }
    }

    /// What is known of the silence that a sign of life at `at` may end; of one that cannot be asked, also since when
    /// a question would have been put.
    pub(super) fn silence_that_ends(&self, id: DeviceId, at: Mono, now: Moment) -> (Option<Mono>, Evidence) {
        let Some(device) = self.registry.get(id) else { return (None, Evidence::default()) };
        let quiet_since = device.mute.quiet_since;
        let unasked = at.since(quiet_since) > UNASKED_MIN && !self.is_askable(device);
        let from = unasked.then(|| quiet_since + self.rules(id, now).ask_after);
        let ends = device.mute.spell.is_some() || from.is_some();
        (from, if ends { self.evidence(device, now.mono) } else { Evidence::default() })
    }
}
