//! # Whether who came is who it was
//!
//! A hardware address can be copied; what the software behind it asks of DHCP and calls itself is harder to copy and
//! seldom is. The first fingerprint of a device is its own; each visit is compared with it. One that differs is
//! doubted and told; with `presence.identity: enforce` an important device is home only when a visit is proven, or a
//! person vouches for it. One of which nothing is known that could prove it is not proven.

use std::time::Duration;

use crate::model::{Change, DeviceId, LeaveReason, Moment, Observation, Presence as Where, Source};

use super::{Presence, device::Device, fingerprint::Fingerprint, settings::Identity, timers::Key};

/// A fingerprint that stays for so long is the new one: systems are updated.
const ADOPTED_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Who has been home for longer came as itself: what differs then is somebody else's who joined beside it.
const TAKEN_BACK: Duration = Duration::from_secs(600);

impl Device {
    /// Another radio of it that only its key or its pairing could resolve.
    pub fn shows_second_key(&mut self, source: Source) {
        if matches!(source, Source::Ble | Source::Bluetooth) && self.macs.len() > 1 {
            self.visit.second = true;
        }
    }
}

impl Presence {
    /// `id` is away and speaks: whether it has to prove first who it is.
    pub(super) fn must_prove(&self, device: &Device) -> bool {
        self.settings.identity == Identity::Enforce
            && device.important
            && !device.visit.vouched
            && device.visit.word() != "sure"
    }

    /// A fact of this visit, beside what is known. Arrives who has proven it; tells once of whom it doubts.
    pub(super) fn compare_visit(&mut self, id: DeviceId, seen: &Observation, now: Moment, out: &mut Vec<Change>) {
        let is_strict = self.settings.identity == Identity::Enforce;
        let Some(device) = self.registry.get_mut(id).filter(|device| !device.own) else { return };
        // What is heard of it beyond its own frames is not of this visit.
        let own_voice = matches!(seen.source, Source::Capture);
        if !own_voice || device.unannounced.is_some() {
            return;
        }
        let (before, was) = (device.fingerprint.clone(), device.visit.word());
        let told = device.fingerprint.check(seen);
        // Who is not let in yet teaches nothing: an impostor's facts would keep the true one out.
        if is_strict && device.important && !device.here && !device.visit.vouched {
            device.fingerprint.clone_from(&before);
        }
        device.visit.fixed = device.fingerprint.is_fixed();
        let Some((same, what)) = told else { return };
        let visit = &mut device.visit;
        if same {
            visit.dhcp |= what == "dhcp";
            visit.second |= matches!(what, "host_name" | "system");
            visit.system |= what == "system";
            visit.spoken |= what == "mdns_name";
        } else if what == "mdns_name" && !visit.fixed {
            // A name that a conflict on the network changes (RFC 6762 §9) counts where there is nothing better.
            return;
        } else {
            let (_, since) = *visit.doubt.get_or_insert((what, now.mono));
            if now.mono.since(since) >= ADOPTED_AFTER && self.settings.identity == Identity::Warn {
                self.recognise(id, false);
                return;
            }
        }
        // A new name alone is what people give: the alert is for software that is another.
        let doubted = visit.doubt.is_some_and(|(what, _)| !matches!(what, "host_name" | "mdns_name"))
            && !std::mem::replace(&mut visit.told, true);
        if doubted {
            tracing::warn!(%id, what, "a known address comes back with other software behind it");
            out.push(Change::IdentityDoubted { device: id, what, at: now.wall });
        }
        let is_another = was != device.visit.word();
        if before != device.fingerprint || doubted || is_another {
            self.touch(id);
        }
        if is_another {
            // Who waits for the proof must hear of it: it comes after the arrival.
            out.push(Change::DeviceChanged { device: id });
        }
        if is_strict && doubted {
            self.take_back(id, now, out);
        }
        self.admit(id, now, out);
    }

    /// It came as one that is proven, and then spoke as somebody else: it was never home.
    fn take_back(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        let is_due = |device: &&mut Device| {
            let is_young = now.mono.since(device.since.mono) <= TAKEN_BACK;
            device.here && device.important && !device.visit.vouched && is_young
        };
        let Some(device) = self.registry.get_mut(id).filter(is_due) else { return };
        let why = LeaveReason::Unproven;
        let from = std::mem::replace(&mut device.presence, Where::Away);
        (device.here, device.reason, device.since) = (false, why.word(), now);
        (device.confidence, device.is_witnessed) = (None, false);
        (device.mute.spell, device.mute.trip, device.mute.held) = (None, None, None);
        let window = device.window.take();
        out.push(Change::Presence { device: id, from, to: Where::Away, why: why.word(), at: now.wall });
        out.extend(window.map(|window| Change::WindowClosed { window: window.view(id, Some(why)) }));
        self.timers.set(Key::Device(id), now.mono + self.looking_pause());
        self.touch(id);
        self.settle(id, now, out);
    }

    /// Whoever waited to be proven, and is.
    fn admit(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        let Some(device) = self.registry.get(id) else { return };
        if device.here || device.visit.held.is_none() || self.must_prove(device) {
            return;
        }
        let held = self.registry.get_mut(id).and_then(|device| device.visit.held.take());
        if let Some((_, why)) = held {
            // Home from now: before it was not known to be itself.
            self.arrive(id, now, why, now, out);
        }
    }

    /// A person vouches for the device, or time has: what it shows next is its own.
    pub(super) fn recognise(&mut self, id: DeviceId, by_person: bool) {
        if let Some(device) = self.registry.get_mut(id) {
            device.fingerprint = Fingerprint::default();
            device.visit.doubt = None;
            device.visit.told = false;
            device.visit.vouched |= by_person;
            self.touch(id);
        }
    }
}
