//! # What a single scan waits for
//!
//! A scan that somebody waits for ends when nothing is outstanding: a round is over when nobody new was heard for a
//! while, and those who visit hosts go on until those who find them are done.

use std::time::Duration;

use super::Desk;
use crate::model::Mono;

/// At most so long for answers to the last round, however many newcomers come.
pub(super) const SETTLE_MOST: Duration = Duration::from_millis(1500);

impl Desk {
    /// Only one round is wanted (`scan`).
    #[must_use]
    pub const fn is_single(&self) -> bool {
        self.parts.rounds.is_some()
    }

    /// How far a full range of ports is, for whoever waits for a single scan.
    pub fn ports_tried(&self, tried: u32, of: u32) {
        if let Some(progress) = &self.parts.progress {
            progress.send_modify(|progress| (progress.ports, progress.ports_of) = (tried, of));
        }
    }

    /// A single scan waits so much longer for answers. Before its round, there is nothing to wait for.
    pub fn stay(&mut self, wait: Duration) {
        if self.parts.rounds.is_some_and(|rounds| self.done >= rounds) {
            self.due = self.due.max(self.now().mono + wait);
        }
    }

    /// Everybody asked has answered or is given up: a single scan waits for nothing more.
    pub fn enough(&mut self) {
        if self.settling.take().is_some() {
            self.due = self.now().mono;
        }
    }

    /// In a single scan: others may still find hosts.
    #[must_use]
    pub fn is_finding(&self) -> bool {
        self.parts.progress.as_ref().is_some_and(|progress| progress.borrow().finding > 0)
    }

    /// Whoever answers late shows that others may be later still.
    pub(super) fn prolong(&mut self) {
        // A daemon never settles: its desks do not count the home at each change of it.
        if self.settling.is_none() {
            return;
        }
        let (now, addresses) = (self.now().mono, self.addresses());
        if let Some((most, known)) = &mut self.settling
            && addresses > *known
        {
            *known = addresses;
            self.due = self.due.max((now + self.parts.settle).min(*most));
        }
    }

    fn addresses(&self) -> usize {
        self.parts.home.borrow().devices.values().map(|device| device.addresses.len()).sum()
    }

    /// After the last round, time for answers takes the interval's place.
    pub(super) fn settle(&mut self, now: Mono) {
        self.due = now + self.parts.settle;
        self.settling = Some((now + SETTLE_MOST.max(self.parts.settle), self.addresses()));
    }
}
