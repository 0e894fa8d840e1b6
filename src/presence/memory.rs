//! # Who was known before, and who is to be forgotten
//!
//! A restart moves nobody: devices come back from the store as they were. Guests of long ago go.

use std::{net::IpAddr, time::Duration};

use crate::model::{Change, DeviceView, MacAddr, Moment, Remembered, Tier};

use super::{GRACE_RESTART, Presence, SWEEP, identity, proposals::PROPOSED_MAX, timers::Key, view};

/// Addresses of before that are kept: those of the devices heard last. A home has some four for a device.
const BEFORE_MAX: usize = 4096;

/// Whose an address was when the program was stopped: what forgers say since does not change it.
pub(super) struct Before(Box<[(IpAddr, MacAddr)]>);

impl Before {
    pub fn new(devices: &[DeviceView]) -> Before {
        let mut known: Vec<&DeviceView> = devices.iter().collect();
        known.sort_by_key(|view| (std::cmp::Reverse(view.last_seen), view.id));
        let all = known.iter().filter_map(|view| Some((view, *view.macs.first()?)));
        let all = all.flat_map(|(view, mac)| view.addresses.iter().map(move |ip| (*ip, mac)));
        let mut all: Vec<(IpAddr, MacAddr)> = all.take(BEFORE_MAX).collect();
        // Of two that had it, the one heard last: it comes first, and the sort is stable.
        all.sort_by_key(|(ip, _)| *ip);
        all.dedup_by_key(|(ip, _)| *ip);
        Before(all.into())
    }

    pub fn of(&self, ip: IpAddr) -> Option<MacAddr> {
        let at = self.0.binary_search_by_key(&ip, |(ip, _)| *ip).ok()?;
        self.0.get(at).map(|(_, mac)| *mac)
    }
}

impl Presence {
    pub(super) fn restore(&mut self, remembered: &Remembered, now: Moment) {
        let stopped = remembered
            .stopped
            .map_or(Duration::MAX, |at| Duration::from_millis(now.wall.0.saturating_sub(at.0).max(0).unsigned_abs()));
        let short = stopped <= self.settings.restart_keep.0;
        let mut known: Vec<&DeviceView> = remembered.devices.iter().collect();
        known.sort_by_key(|view| (view.first_seen, view.id));
        let mut unsaid = Vec::new();
        for view in known.into_iter().take(identity::DEVICES_MAX) {
            let mut device = view::restore(view, &self.network, now);
            let id = device.id;
            device.mute.restart(now.mono, GRACE_RESTART);
            if device.here && !device.own {
                // After a short stop as if nothing had been; after a long one it is asked at once.
                let wait = if short { self.settings.ask_after.busy.0 } else { Duration::from_secs(1) };
                if !short {
                    device.mute.quiet_since = now.mono - self.settings.ask_after.asleep.0;
                }
                self.timers.set(Key::Device(id), now.mono + wait);
            } else if !device.own {
                self.timers.set(Key::Device(id), now.mono + self.settings.arrival_ask.0.max(Duration::from_secs(1)));
            }
            if device.own {
                self.own = Some(id);
            }
            self.exposed += u32::from(device.tier != Tier::None);
            if let Some(proposal) = device.proposed.as_ref().filter(|_| self.proposals.len() < PROPOSED_MAX) {
                self.proposals.insert(id, proposal.of);
            } else {
                device.proposed = None;
            }
            self.registry.insert(device);
            self.rekey(id);
            self.classify(id, now, &mut unsaid);
            self.settle(id, now, &mut unsaid);
            self.touch(id);
        }
        self.agree_with_all(now, &mut unsaid);
        self.recall_mode(now);
    }

    /// Guests of long ago are nobody's business any more. Looks again when the next one will be one;
    /// who leaves or is decided about later sets the timer anew.
    pub(super) fn forget_guests(&mut self, now: Moment, out: &mut Vec<Change>) {
        let after = i64::from(self.settings.guest_forget_days).saturating_mul(86_400_000);
        let mut next = None::<i64>;
        let mut gone = Vec::new();
        for guest in self.registry.iter().filter(|d| !d.here && d.is_random() && d.is_nobodys()) {
            let left = after.saturating_sub(now.wall.0.saturating_sub(guest.last.wall.0));
            if left < 0 {
                gone.push(guest.id);
            } else {
                next = Some(next.map_or(left, |next| next.min(left)));
            }
        }
        for id in gone {
            self.forget(id, now, out);
        }
        if let Some(left) = next {
            let left = Duration::from_millis(left.saturating_add(1).unsigned_abs());
            self.timers.by(Key::Sweep, now.mono + left.max(SWEEP));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeviceId, Wall};

    #[test]
    fn of_two_that_had_an_address_the_last_one_is_kept() {
        let view = |n: u8, seen: i64, ips: &[&str]| {
            let mut view = DeviceView::blank(DeviceId::mint(1, n.into()));
            view.last_seen = Wall(seen);
            view.macs = vec![MacAddr([2, 0, 0, 0, 0, n]), MacAddr([2, 0, 0, 0, 1, n])];
            view.addresses = ips.iter().filter_map(|ip| ip.parse().ok()).collect();
            view
        };
        let before = Before::new(&[
            view(1, 10, &["fe80::1", "192.168.7.1"]),
            view(2, 30, &["192.168.7.1"]),
            view(3, 20, &["192.168.7.1", "fe80::3"]),
        ]);
        let of = |ip: &str| before.of(ip.parse().expect("an address")).map(|mac| mac.0[5]);
        assert_eq!([of("192.168.7.1"), of("fe80::1"), of("fe80::3"), of("fe80::4")], [Some(2), Some(1), Some(3), None]);
        let many: Vec<DeviceView> = (0..200).map(|n| view(n, n.into(), &[])).collect();
        let many = many.into_iter().enumerate().map(|(n, mut view)| {
            view.addresses = (0..50).map(|k| IpAddr::from([10, 0, n as u8, k])).collect();
            view
        });
        let before = Before::new(&many.collect::<Vec<_>>());
        assert_eq!(before.0.len(), BEFORE_MAX);
        assert!(before.of(IpAddr::from([10, 0, 199, 0])).is_some(), "those heard last stay");
    }
}
