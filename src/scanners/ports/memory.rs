//! # What is known of the ports of each device, and what to try next
//!
//! A device is tried when it is new, when its address changed, when what is known is old, when people ask, and one
//! port of it when somebody says that it offers a service there. What was found travels as the label
//! [`LABEL`] in the device's facts, so a restart does not ask again.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use super::{
    list::{self, Todo},
    visit::{Outcome, Scope},
};
use crate::{
    intel::ports::{Talk, Way},
    model::{Capped, DeviceView, Fact, MacAddr, Moment, Mono, PORTS_SEEN, Port, ServiceView, Wall},
    scanners::visits::Host,
};

/// `2026-11-25T21:00:00.000Z 22 80`: when the ports were tried, and which were open.
pub const LABEL: &str = PORTS_SEEN;
/// Longest value of a label that the core keeps.
const LABEL_MAX: usize = 120;
/// Devices remembered; beyond it, the one tried longest ago is forgotten and tried again.
const DEVICES_MAX: usize = 4096;
/// Ports of one device that were tried because something was said of them.
const CHECKED_MAX: usize = 64;
/// A refusal counts two, silence of one port while others answer counts one; four close it. So a service that is
/// restarted is not gone, and one behind a new firewall goes in time.
const GONE: u8 = 4;
/// So long after a refusal the port is tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// What earlier runs found, by hardware address.
pub type Known = Arc<BTreeMap<MacAddr, Memo>>;

/// Of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memo {
    /// The value of [`LABEL`].
    seen: String,
    services: Vec<ServiceView>,
}

/// What `devices` of the store hold of ports.
#[must_use]
pub fn known(devices: &[DeviceView]) -> Known {
    let memos = devices.iter().filter_map(|device| {
        let seen = label(device, LABEL)?.to_owned();
        let services = device.services.iter().filter(|service| service.tcp).cloned().collect();
        Some((*device.macs.first()?, Memo { seen, services }))
    });
    Arc::new(memos.collect())
}

/// Ports at which it was heard to take connections of others: those that give a kind away (`from:tcp/8060`), and the
/// rest (`12345`), each with spaces between.
fn heard(device: &DeviceView) -> impl Iterator<Item = Port> + '_ {
    let words = |key| label(device, key).unwrap_or_default().split(' ');
    let talks = words("speaks").filter_map(|talk| talk.parse().ok());
    let listed = talks.filter(|talk: &Talk| talk.tcp && talk.way == Way::From).map(|talk| talk.port);
    listed.chain(words("accepts").filter_map(|port| port.parse().ok()))
}

fn label<'a>(device: &'a DeviceView, label: &str) -> Option<&'a str> {
    let key = |key: &str| key.strip_prefix("label.") == Some(label);
    device.facts.iter().find(|(name, _)| key(name)).map(|(_, value)| value.as_str())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    Mac(MacAddr),
    Ip(IpAddr),
}

impl Key {
    #[must_use]
    pub fn of(mac: Option<MacAddr>, ip: IpAddr) -> Key {
        mac.map_or(Key::Ip(ip), Key::Mac)
    }
}

/// Of one device.
#[derive(Debug, Clone)]
struct Record {
    /// When its ports were tried.
    at: Wall,
    /// When they are to be tried again.
    due: Mono,
    ip: IpAddr,
    open: BTreeSet<Port>,
    /// Tried on somebody's word, and not open.
    checked: BTreeSet<Port>,
    strikes: BTreeMap<Port, u8>,
    again: Option<Mono>,
    /// People asked for a round since.
    stale: bool,
}

#[derive(Debug)]
pub struct Memory {
    records: Capped<Key, Record>,
    known: Known,
    interval: Duration,
    full: bool,
}

impl Memory {
    /// `full`: a visit tries all ports.
    #[must_use]
    pub fn new(known: Known, interval: Duration, full: bool) -> Memory {
        Memory { records: Capped::new(DEVICES_MAX), known, interval, full }
    }

    /// All is to be tried again.
    pub fn again(&mut self) {
        self.known = Known::default();
        let keys: Vec<Key> = self.records.iter().map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(record) = self.records.get_mut(&key) {
                record.stale = true;
            }
        }
    }

    /// What to try of this device now, if anything.
    pub fn due(&mut self, host: &Host, device: &DeviceView, now: Moment) -> Option<(Scope, Todo)> {
        let key = Key::of(host.mac, host.ip);
        if !self.records.contains(&key) {
            let seen = label(device, LABEL).filter(|_| !self.full);
            match seen.and_then(|seen| recall(seen, host.ip, self.interval, now)) {
                Some(record) => drop(self.records.insert(key, record)),
                None => return Some(self.whole(&BTreeSet::new())),
            }
        }
        let record = self.records.get_mut(&key)?;
        if record.stale || record.ip != host.ip || record.due <= now.mono {
            let open = record.open.clone();
            return Some(self.whole(&open));
        }
        let said = device.services.iter().filter(|service| service.tcp).map(|service| service.port);
        let mut ports: BTreeSet<Port> = said
            .chain(heard(device))
            .filter(|port| *port != 0 && !record.open.contains(port) && !record.checked.contains(port))
            .collect();
        ports = ports.into_iter().take(CHECKED_MAX.saturating_sub(record.checked.len())).collect();
        if record.again.is_some_and(|again| again <= now.mono) {
            record.again = None;
            ports.extend(record.strikes.keys());
        }
        (!ports.is_empty()).then(|| (Scope::Some, Todo::only(ports)))
    }

    /// What was found open is tried again, whatever its number.
    fn whole(&self, open: &BTreeSet<Port>) -> (Scope, Todo) {
        if self.full { (Scope::Full, Todo::full()) } else { (Scope::Usual, Todo::usual().and(open)) }
    }

    /// What an earlier run found of a device, if that is fresh: to be told instead of trying again.
    pub fn recalled(&mut self, host: &Host, now: Moment) -> Option<Vec<Fact>> {
        if self.full || self.known.is_empty() || self.records.contains(&Key::of(host.mac, host.ip)) {
            return None;
        }
        let memo = self.known.get(&host.mac?)?;
        let record = recall(&memo.seen, host.ip, self.interval, now)?;
        let mut facts = Vec::new();
        for ServiceView { tcp, port, name, product } in memo.services.iter().cloned() {
            facts.push(Fact::Service { tcp, port, name });
            facts.extend(product.map(|product| Fact::Product { tcp, port, product }));
        }
        facts.push(Fact::Label { key: LABEL, value: memo.seen.clone() });
        self.records.insert(Key::of(host.mac, host.ip), record);
        Some(facts)
    }

    /// Ports that were open when last tried.
    #[must_use]
    pub fn open(&self, key: Key) -> BTreeSet<Port> {
        self.records.get(&key).map(|record| record.open.clone()).unwrap_or_default()
    }

    /// Takes what came of a visit; returns what is to be told.
    pub fn learn(&mut self, host: &Host, scope: Scope, tried: &Todo, outcome: Outcome, now: Moment) -> Vec<Fact> {
        let key = Key::of(host.mac, host.ip);
        let before = self.records.remove(&key);
        let is_first = before.is_none();
        let mut record = before.unwrap_or(Record {
            at: now.wall,
            due: now.mono,
            ip: host.ip,
            open: BTreeSet::new(),
            checked: BTreeSet::new(),
            strikes: BTreeMap::new(),
            again: None,
            stale: false,
        });
        if scope > Scope::Some || is_first {
            (record.at, record.due) = (now.wall, now.mono + self.interval);
            (record.ip, record.stale) = (host.ip, false);
            record.checked.clear();
        } else {
            let mut tried = tried.clone();
            while let Some(port) = tried.next() {
                if !outcome.open.contains(&port) && record.checked.len() < CHECKED_MAX {
                    record.checked.insert(port);
                }
            }
        }
        let mut facts = Vec::new();
        if !outcome.everything {
            facts = tell(&outcome);
            for port in &outcome.open {
                record.strikes.remove(port);
            }
            record.open.extend(&outcome.open);
            let doubts =
                outcome.refused.iter().map(|port| (*port, 2)).chain(outcome.silent.iter().map(|port| (*port, 1)));
            for (port, doubt) in doubts {
                let strikes = record.strikes.entry(port).or_default();
                *strikes += doubt;
                if *strikes >= GONE {
                    record.strikes.remove(&port);
                    record.open.remove(&port);
                    facts.push(Fact::ServiceGone { tcp: true, port });
                } else if doubt > 1 {
                    record.again = Some(now.mono + AGAIN);
                }
            }
        } else {
            facts.push(Fact::Label { key: "tcp", value: "answers on everything".to_owned() });
        }
        if outcome.answered {
            facts.push(Fact::Label { key: LABEL, value: written(record.at, &record.open) });
        }
        self.records.insert(key, record);
        facts
    }
}

/// Services, what they said, and the best of each label.
fn tell(outcome: &Outcome) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut labels: BTreeMap<&'static str, String> = BTreeMap::new();
    let rank = |port: Port| list::USUAL.iter().position(|row| row.0 == port).unwrap_or(usize::MAX);
    let mut open: Vec<Port> = outcome.open.iter().copied().collect();
    open.sort_by_key(|port| (rank(*port), *port));
    for port in open {
        let said = outcome.said.get(&port);
        let name = list::name(port).or_else(|| said?.name).unwrap_or("unknown").to_owned();
        facts.push(Fact::Service { tcp: true, port, name });
        let Some(said) = said else { continue };
        if let Some(product) = said.product.clone() {
            facts.push(Fact::Product { tcp: true, port, product });
        }
        for (key, value) in &said.labels {
            labels.entry(key).or_insert_with(|| value.clone());
        }
    }
    facts.extend(labels.into_iter().map(|(key, value)| Fact::Label { key, value }));
    facts
}

/// What does not fit is not told as gone later, no more.
fn written(at: Wall, open: &BTreeSet<Port>) -> String {
    let mut text = at.to_string();
    for port in open {
        let word = format!(" {port}");
        if text.len() + word.len() > LABEL_MAX {
            break;
        }
        text += &word;
    }
    text
}

/// The record that `seen` tells of, if it is younger than `interval`.
fn recall(seen: &str, ip: IpAddr, interval: Duration, now: Moment) -> Option<Record> {
    let mut words = seen.split(' ');
    let at: Wall = words.next()?.parse().ok()?;
    // A stamp from the future: the clock was wrong then or is now.
    let age = Duration::from_millis(u64::try_from(now.wall.0.checked_sub(at.0)?).ok()?);
    let open = words.filter_map(|port| port.parse().ok()).collect();
    let due = now.mono + interval.checked_sub(age).filter(|left| !left.is_zero())?;
    Some(Record { at, due, ip, open, checked: BTreeSet::new(), strikes: BTreeMap::new(), again: None, stale: false })
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
