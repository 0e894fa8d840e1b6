//! # What newcomers' silences have in common
//!
//! A phone that draws an address each day and says no name of its own is somebody new each day: nobody ever knows its
//! sleep. But such a home knows newcomers. All phones of whom too little is known yet teach one habit together, and once
//! that is known they are judged by it, instead of by the time that is safe for the deepest sleeper of their kind.

use super::{
    Presence,
    departure::habit::{Ended, Habit},
    device::Device,
};
use crate::model::{DeviceId, Kind, Moment};

/// The name under which it is kept. No detector has it.
pub(super) const NEWCOMERS: &str = "presence.newcomers";

impl Presence {
    /// By whose habit `device` is judged: its own, or that of newcomers, if enough is known of one of them.
    pub(super) fn habit_of<'a>(&'a self, device: &'a Device, now: Moment) -> Option<&'a Habit> {
        if !device.kind().is_sleeper() {
            return None;
        }
        let own = device.habit.as_deref();
        if own.is_some_and(|habit| habit.is_settled(now.wall)) {
            return own;
        }
        let is_newcomer = device.kind() == Kind::Phone && !device.joins_unheard();
        let example = Some(&*self.newcomers).filter(|habit| is_newcomer && habit.is_example(now.wall));
        example.or_else(|| own.filter(|habit| habit.is_learned(now.wall)))
    }

    /// What silences of `id` taught just now, newcomers teach too.
    pub(super) fn teach_newcomers(&mut self, id: DeviceId) {
        let Some(device) = self.registry.get_mut(id).filter(|device| !device.taught.is_empty()) else { return };
        let (taught, terms) = (std::mem::take(&mut device.taught), device.terms);
        if device.kind() != Kind::Phone || device.joins_unheard() {
            return;
        }
        self.newcomers.go_by(&terms);
        for spell in taught {
            self.newcomers.learn(&spell, terms.dial);
        }
    }

    /// What is kept of it over a restart.
    pub(super) fn newcomers_lines(&self) -> Option<String> {
        let lines = self.newcomers.lines().into_iter().map(|(key, value)| format!("{key} {value}"));
        (self.newcomers.spells() > 0).then(|| lines.collect::<Vec<_>>().join("\n"))
    }

    pub(super) fn recall_newcomers(&mut self, lines: &str) {
        for (key, value) in lines.lines().filter_map(|line| line.split_once(' ')) {
            self.newcomers.recall(key, value);
        }
    }
}

impl Device {
    /// A silence that taught something, while too little was known of it.
    pub(super) fn teaches(&mut self, spell: Ended) {
        const TAUGHT_MAX: usize = 4;
        if self.taught.len() < TAUGHT_MAX {
            self.taught.push(spell);
        }
    }
}
