//! # The terms of each device
//!
//! Settings name devices by id, MAC or name; which of ours that is changes with names and kinds. So each device holds
//! the terms it is judged on, brought up to date when a setting, its name or its kind is another.

use crate::model::{Change, DeviceId, DeviceView, Kind, Moment};

use super::{
    Presence,
    departure::terms::Terms,
    device::Device,
    exposure,
    settings::{Own, Settings},
};

/// No phone is home that keeps mute for longer than this, in seconds (`departure::habit`, asleep).
const MOST_OF_A_PHONE_S: f64 = 9_000.0;
/// Tablets and laptops lie about for twice as long.
const STRETCH_AT_HOME: f64 = 2.0;
const DAY_S: f64 = 86_400.0;

impl Settings {
    /// How often a stored device may wrongly be called away, and the most that is waited for it, as a multiple of what
    /// is waited for a phone.
    #[must_use]
    pub fn of_view(&self, view: &DeviceView) -> (f64, f64) {
        let called = |name: &str| exposure::is_view_called(view, name);
        let own = self.devices.iter().find(|(name, _)| called(name)).and_then(|(_, own)| own.false_away_per_month);
        (own.unwrap_or(self.false_away_per_month), self.stretch(view.kind))
    }

    /// What is set for `device` alone.
    fn own(&self, device: &Device) -> Option<&Own> {
        self.devices.iter().find(|(name, _)| exposure::is_called(device, name)).map(|(_, own)| own)
    }

    /// What applies to `device`.
    fn terms(&self, device: &Device) -> Terms {
        let own = self.own(device);
        Terms {
            dial: own.and_then(|own| own.false_away_per_month).unwrap_or(self.false_away_per_month),
            half_life_days: self.half_life.0.as_secs_f64() / DAY_S,
            learn_days: f64::from(self.learn_days),
            stretch: self.stretch(device.kind()),
            carried: own.and_then(|own| own.carried),
        }
    }

    /// The most that is waited for a device of `kind`, as a multiple of what is waited for a phone.
    fn stretch(&self, kind: Kind) -> f64 {
        match self.most(kind) {
            Some(most) => most.as_secs_f64() / MOST_OF_A_PHONE_S,
            None if matches!(kind, Kind::Tablet | Kind::Laptop) => STRETCH_AT_HOME,
            None => 1.0,
        }
    }
}

impl Presence {
    /// Its name, its kind or a setting may be another. `true` if it stands for its owner otherwise than before.
    pub(super) fn agree(&mut self, id: DeviceId) -> bool {
        let Some(device) = self.registry.get(id) else { return false };
        let terms = self.settings.terms(device);
        let spared = self.settings.never_wake.iter().any(|text| exposure::is_called(device, text))
            || self.settings.own(device).is_some_and(|own| own.never_wake);
        if spared {
            self.never_wake.insert(id);
        } else {
            self.never_wake.remove(&id);
        }
        let Some(device) = self.registry.get_mut(id).filter(|device| device.terms != terms) else { return false };
        let before = std::mem::replace(&mut device.terms, terms);
        if let Some(habit) = &mut device.habit {
            habit.go_by(&terms);
            // How far its silence can be trusted goes by the dial.
            self.touch(id);
        }
        before.carried != terms.carried
    }

    /// After new settings, or a start.
    pub(super) fn agree_with_all(&mut self, now: Moment, out: &mut Vec<Change>) {
        for id in self.registry.ids() {
            if self.agree(id) {
                self.stand_anew(id, now, out);
            }
        }
    }
}
