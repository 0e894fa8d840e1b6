//! # The software behind an address
//!
//! What a device asks of DHCP, calls itself and how its system speaks, as it was first known; and how a visit compares.

use std::fmt::Write as _;

use crate::model::{Fact, Heard, MacAddr, Moment, Mono, Observation};

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
    /// What it calls itself by multicast DNS.
    pub spoken: Option<String>,
}

/// What this visit showed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Visit {
    /// What its DHCP client asks for agrees, and so does a second fact.
    pub dhcp: bool,
    pub second: bool,
    /// How it speaks and what it calls itself agree: all that one with a fixed address, which asks nothing of DHCP, has.
    pub system: bool,
    pub spoken: bool,
    /// It never asked DHCP for anything.
    pub fixed: bool,
    /// What differs, since when.
    pub doubt: Option<(&'static str, Mono)>,
    pub told: bool,
    /// A person said that this is it. No proof, and so not `sure`.
    pub vouched: bool,
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
        let is_proven = self.dhcp && self.second || self.fixed && self.system && self.spoken;
        match (self.doubt, is_proven) {
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
    /// It never asked DHCP for anything, as a device with a fixed address.
    pub fn is_fixed(&self) -> bool {
        self.asked.is_empty() && self.client.is_none()
    }

    /// Compares a fact with what is known and learns what is not: whether it agrees, and what it is.
    pub fn check(&mut self, seen: &Observation) -> Option<(bool, &'static str)> {
        match &seen.fact {
            Fact::Dhcp { asked, vendor_class, client_id } => {
                let class = vendor_class.as_deref().map(make).map(ToOwned::to_owned);
                let client = client_id.clone().filter(|client| !is_address(client, seen.subject.mac));
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
            Fact::Named { name, by: Heard::MdnsHost } if !name.is_empty() => {
                compare(&mut self.spoken, name.to_lowercase()).map(|same| (same, "mdns_name"))
            }
            Fact::Label { key: "os", value } => compare(&mut self.system, value.clone()).map(|same| (same, "system")),
            _ => None,
        }
    }

    /// As `key value` pairs, and back.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = Vec::new();
        if !self.asked.is_empty() {
            facts.push(("asked", hex(&self.asked)));
        }
        facts.extend(self.class.clone().map(|class| ("class", class)));
        facts.extend(self.client.as_deref().map(|client| ("client", hex(client))));
        facts.extend(self.host.clone().map(|host| ("host", host)));
        facts.extend(self.system.clone().map(|system| ("system", system)));
        facts.extend(self.spoken.clone().map(|spoken| ("spoken", spoken)));
        facts
    }

    pub fn recall(&mut self, key: &str, value: &str) {
        match key {
            "asked" => self.asked = unhex(value).unwrap_or_default(),
            "class" => self.class = Some(value.to_owned()),
            "client" => self.client = unhex(value),
            "host" => self.host = Some(value.to_owned()),
            "system" => self.system = Some(value.to_owned()),
            "spoken" => self.spoken = Some(value.to_owned()),
            _ => {}
        }
    }
}

/// A client id made of the address itself says nothing more than the address.
fn is_address(client: &[u8], mac: Option<MacAddr>) -> bool {
    client.len() < 4
        || mac.is_some_and(|mac| client.ends_with(&mac.0))
        || (client.len() == 7 && client.first() == Some(&1))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
