//! # New addresses of old devices
//!
//! A phone draws another address; whether the engine took it for the same phone, and whether it ever took two
//! devices for one.

use super::{Event, World, address};
use crate::model::DeviceId;

/// Whether an address was joined is looked at after so long.
const JUDGED_AFTER: f64 = 120.0;

impl World<'_> {
    pub(super) fn rotates(&mut self, index: usize) {
        let now = self.now;
        self.addresses += 1;
        let number = self.addresses;
        let Some(actor) = self.actors.get_mut(index) else { return };
        actor.rotated = now;
        let mac = actor.draws_address();
        actor.mac = mac;
        actor.ip = address(actor.interface, number);
        let before = actor.device;
        self.macs.insert(mac, index);
        self.at(now + JUDGED_AFTER, Event::Joined(index, before));
    }

    pub(super) fn was_joined(&mut self, index: usize, before: Option<DeviceId>) {
        let Some(engine) = &mut self.engine else {
            return self.at(self.now + JUDGED_AFTER, Event::Joined(index, before));
        };
        let view = engine.view();
        let Some(actor) = self.actors.get_mut(index) else { return };
        let now_is = view.devices.values().find(|device| device.macs.contains(&actor.mac)).map(|device| device.id);
        if self.now < self.from || now_is.is_none() {
            return;
        }
        let joined = u64::from(now_is == before && before.is_some());
        let key = u64::from(actor.key_fact);
        for (count, more) in self.rotations.iter_mut().zip([1, joined, key, key * joined]) {
            *count += more;
        }
    }

    /// A device that holds addresses of two.
    pub(super) fn look_for_wrong_joins(&mut self) {
        let Some(engine) = &mut self.engine else { return };
        let view = engine.view();
        for device in view.devices.values() {
            let mut whose = device.macs.iter().filter_map(|mac| self.macs.get(*mac).copied());
            if let Some(first) = whose.next() {
                for other in whose.filter(|other| *other != first) {
                    self.wrong.insert((device.id, other));
                }
            }
        }
    }
}
