//! # How much presence holds
//!
//! One number a table, so that a test can see that none grows with what the network invents.

use super::Presence;

impl Presence {
    /// Entries of each table.
    pub fn sizes(&self) -> Vec<(&'static str, usize)> {
        let mut sizes = vec![
            ("presence.timers", self.timers.len()),
            ("presence.waiting", self.waiting.len()),
            ("presence.waiting_facts", self.waiting.iter().map(|(_, facts)| facts.len()).sum()),
            ("presence.forgotten", self.forgotten.len()),
            ("presence.ha_names", self.ha_names.len()),
            ("presence.never_wake", self.never_wake.len()),
            ("presence.rotating", self.rotating.len()),
            ("presence.proposals", self.proposals.len()),
            ("presence.discredited", self.discredited.len()),
            ("presence.crowded", self.crowded.len()),
            ("presence.views", self.views.len()),
            ("presence.dirty", self.dirty.len()),
            ("presence.stale", self.stale.len()),
        ];
        sizes.extend(self.registry.sizes());
        sizes.extend(self.lobby.sizes());
        sizes.extend(self.gate.sizes());
        sizes.extend(self.people.sizes());
        sizes.extend(self.names.sizes());
        sizes.extend(self.doors.sizes());
        sizes.push(self.places.size());
        sizes.extend(self.rooms.sizes());
        let each = |count: fn(&super::device::Device) -> usize| self.registry.iter().map(count).sum();
        sizes.extend([
            ("device.macs", each(|d| d.macs.len())),
            ("device.addresses", each(|d| d.addresses.len())),
            ("device.sources", each(|d| d.sources.len())),
            ("device.labels", each(|d| d.labels.len())),
            ("device.learned", each(|d| d.learned.len())),
            ("device.services", each(|d| d.services.len())),
            ("device.apart", each(|d| d.apart.len())),
        ]);
        sizes
    }
}
