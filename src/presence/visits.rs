//! # Whether who came is who it was
//!
//! A hardware address can be copied; what the software behind it asks of DHCP and calls itself is harder to copy and
//! seldom is. The first fingerprint of a device is its own; each visit is compared with it. One that differs is
//! doubted and told; with `presence.identity: enforce` an important device is home only when a visit is proven.

use std::time::Duration;

use crate::{
    model::{Change, DeviceId, Fact, Heard, Moment, Mono, Observation, Source},
    presence::settings::Identity,
};

use super::{Presence, device::Device, identity};

/// A fingerprint that stays for so long is the new one: systems are updated.
const ADOPTED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// What is known of the software behind an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// Options its DHCP client asks for, in order (option 55), and the maker's class without a version (option 60).
    pub asked: Vec<u8>,
    pub class: Option<String>,
    pub client: Option<Vec<u8>>,
    pub host: Option<String>,
    /// Family of systems by its SYN.
    pub system: Option<String>,
}

/// What this visit showed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Visit {
    dhcp: bool,
    second: bool,
    /// What differs, since when.
    doubt: Option<(&'static str, Mono)>,
    told: bool,
    /// It speaks, but is not proven: since when, and by what.
    pub held: Option<(Moment, &'static str)>,
}

impl Visit {
    /// It joins once more before it was let in: what an impostor showed is not held against the true one.
    pub fn again(&mut self) {
        *self = Visit { told: self.told, held: self.held, ..Visit::default() };
    }

    /// `sure`: two facts agree with what is known; `doubtful`: one differs; else `fresh`.
    pub fn word(&self) -> &'static str {
        match (self.doubt, self.dhcp && self.second) {
            (Some(_), _) => "doubtful",
            (None, true) => "sure",
            (None, false) => "fresh",
        }
    }
}

/// `android-dhcp-14` and `-15` are one phone, updated.
fn make(class: &str) -> &str {
    class.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
}

/// Takes in what is new, or compares. `None`: nothing to compare with.
fn compare<T: PartialEq>(known: &mut Option<T>, said: T) -> Option<bool> {
    match known {
        Some(known) => Some(*known == said),
        None => {
            *known = Some(said);
            None
        }
    }
}

impl Fingerprint {
    /// Compares a fact with what is known and learns what is not: whether it agrees, and what it is.
    fn check(&mut self, seen: &Observation) -> Option<(bool, &'static str)> {
        match &seen.fact {
            Fact::Dhcp { asked, vendor_class, client_id } => {
                let class = vendor_class.as_deref().map(make).map(ToOwned::to_owned);
                let client = client_id.clone().filter(|client| identity::is_key(client, seen.subject.mac));
                if let Some(client) = client
                    && compare(&mut self.client, client) == Some(false)
                {
                    return Some((false, "client_id"));
                }
                if asked.is_empty() {
                    return None;
                }
                if self.asked.is_empty() {
                    (self.asked, self.class) = (asked.clone(), class);
                    return None;
                }
                Some((self.asked == *asked && self.class == class, "dhcp"))
            }
            Fact::Named { name, by: Heard::Dhcp } if !name.is_empty() => {
                compare(&mut self.host, name.to_lowercase()).map(|same| (same, "host_name"))
            }
            Fact::Label { key: "os", value } => compare(&mut self.system, value.clone()).map(|same| (same, "system")),
            _ => None,
        }
    }

    /// As `key value` pairs, and back.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut facts = Vec::new();
        if !self.asked.is_empty() {
            facts.push(("asked", hex(&self.asked)));
        }
        facts.extend(self.class.clone().map(|class| ("class", class)));
        facts.extend(self.client.as_deref().map(|client| ("client", hex(client))));
        facts.extend(self.host.clone().map(|host| ("host", host)));
        facts.extend(self.system.clone().map(|system| ("system", system)));
        facts
    }

    pub fn recall(&mut self, key: &str, value: &str) {
        match key {
            "asked" => self.asked = super::view::unhex(value).unwrap_or_default(),
            "class" => self.class = Some(value.to_owned()),
            "client" => self.client = super::view::unhex(value),
            "host" => self.host = Some(value.to_owned()),
            "system" => self.system = Some(value.to_owned()),
            _ => {}
        }
    }
}

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
            && !device.fingerprint.asked.is_empty()
            && device.visit.word() != "sure"
    }

    /// A fact of this visit, beside what is known. Arrives who has proven it; tells once of whom it doubts.
    pub(super) fn compare_visit(&mut self, id: DeviceId, seen: &Observation, now: Moment, out: &mut Vec<Change>) {
        let Some(device) = self.registry.get_mut(id).filter(|device| !device.own) else { return };
        // What is heard of it beyond its own frames is not of this visit.
        let own_voice = matches!(seen.source, Source::Capture);
        if !own_voice || device.unannounced.is_some() {
            return;
        }
        let before = device.fingerprint.clone();
        let Some((same, what)) = device.fingerprint.check(seen) else { return };
        let visit = &mut device.visit;
        if same {
            visit.dhcp |= what == "dhcp";
            visit.second |= matches!(what, "host_name" | "system");
        } else {
            let (_, since) = *visit.doubt.get_or_insert((what, now.mono));
            if now.mono.since(since) >= ADOPTED_AFTER && self.settings.identity == Identity::Warn {
                self.recognise(id);
                return;
            }
        }
        // A new name alone is what people give: the alert is for software that is another.
        let doubted =
            visit.doubt.is_some_and(|(what, _)| what != "host_name") && !std::mem::replace(&mut visit.told, true);
        if doubted {
            tracing::warn!(%id, what, "a known address comes back with other software behind it");
            out.push(Change::IdentityDoubted { device: id, what, at: now.wall });
        }
        if before != device.fingerprint || doubted {
            self.touch(id);
        }
        self.admit(id, now, out);
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
    pub(super) fn recognise(&mut self, id: DeviceId) {
        if let Some(device) = self.registry.get_mut(id) {
            device.fingerprint = Fingerprint::default();
            device.visit.doubt = None;
            device.visit.told = false;
            self.touch(id);
        }
    }
}
