//! # What Home Assistant knows of our devices
//!
//! Names and areas of other integrations' devices, matched by MAC, else by address, else by host
//! name; what is ambiguous is nobody's. Lists come whole; the same list again changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::model::{Change, DeviceId, Goodbye, HaFact, HaName, HaPerson, HaTracker, Moment};

use super::{Presence, names};

/// An address names a device only if it has held it for so long.
const LEASE_MIN: Duration = Duration::from_secs(600);
/// Heard ourselves so lately, what a tracker's timeout says is old.
const KNOWS_BETTER: Duration = Duration::from_secs(60);

impl Presence {
    pub(super) fn hear(&mut self, fact: &HaFact, now: Moment, out: &mut Vec<Change>) {
        match fact {
            HaFact::Names(list) => {
                self.ha_names = list.clone();
                self.match_names(now, out);
            }
            HaFact::Areas(list) => {
                let areas: BTreeMap<DeviceId, Option<String>> = list.iter().cloned().collect();
                for id in self.registry.ids() {
                    let area = areas.get(&id).cloned().flatten();
                    let Some(device) = self.registry.get_mut(id).filter(|device| device.area != area) else { continue };
                    device.area = area;
                    self.touch(id);
                    out.push(Change::DeviceChanged { device: id });
                }
            }
            HaFact::Persons(list) => self.own(list, now, out),
            HaFact::Ears(list) => self.rooms.moved(list),
            HaFact::Contact(contact) => self.doors.moved(contact, &self.settings.doors, now.mono),
            HaFact::Located(place) => self.places.told(place, now.mono),
            HaFact::Tracker(tracker) => self.tracked(*tracker, now, out),
        }
    }

    /// A router's tracker in Home Assistant changed its mind. It proves nothing: a router that starts calls everybody
    /// home or away. So the device is asked, and its answer counts.
    fn tracked(&mut self, tracker: HaTracker, now: Moment, out: &mut Vec<Change>) {
        let Some(id) = self.registry.by_mac(tracker.mac) else { return };
        let Some(device) = self.registry.get(id).filter(|device| !device.own) else { return };
        let is_fresh = now.mono.since(device.last.mono) <= KNOWS_BETTER;
        match (tracker.home, device.here) {
            (true, false) => self.ask_once(id, now, out),
            (false, true) if !is_fresh => self.said_goodbye(id, Goodbye::TrackerLeft, now.mono, now),
            _ => {}
        }
    }

    fn own(&mut self, list: &[HaPerson], now: Moment, out: &mut Vec<Change>) {
        let mut owners: BTreeMap<DeviceId, String> = BTreeMap::new();
        for person in list {
            for id in &person.devices {
                owners.entry(*id).or_insert_with(|| person.name.clone());
            }
        }
        // Whoever gave a person our tracker of them took the devices' trackers out: theirs they are all the same.
        let linked: BTreeSet<&str> = list.iter().filter(|p| p.linked).map(|person| person.name.as_str()).collect();
        for device in self.registry.iter() {
            if let Some(owner) = device.ha_owner.as_ref().filter(|owner| linked.contains(owner.as_str())) {
                owners.entry(device.id).or_insert_with(|| owner.clone());
            }
        }
        for id in self.registry.ids() {
            let owner = owners.get(&id).cloned();
            let Some(device) = self.registry.get_mut(id).filter(|device| device.ha_owner != owner) else { continue };
            device.ha_owner = owner;
            self.registry.index(id);
            self.touch(id);
            out.push(Change::DeviceChanged { device: id });
            self.settle(id, now, out);
        }
    }

    fn match_names(&mut self, now: Moment, out: &mut Vec<Change>) {
        let list = std::mem::take(&mut self.ha_names);
        let mut strong: BTreeMap<DeviceId, Vec<&HaName>> = BTreeMap::new();
        let mut weak: BTreeMap<DeviceId, Vec<&HaName>> = BTreeMap::new();
        let mut typed: BTreeMap<DeviceId, &HaName> = BTreeMap::new();
        for entry in &list {
            if let Some(id) = entry.ours {
                typed.entry(id).or_insert(entry);
                continue;
            }
            let mut by_mac: Vec<DeviceId> = entry.macs.iter().filter_map(|mac| self.registry.by_mac(*mac)).collect();
            by_mac.sort_unstable();
            by_mac.dedup();
            match by_mac.as_slice() {
                [id] => strong.entry(*id).or_default().push(entry),
                [] => {
                    if let Some(id) = self.matched_weakly(entry, now) {
                        weak.entry(id).or_default().push(entry);
                    }
                }
                _ => {} // one entry for several of ours: a router's page, nobody's name
            }
        }
        for id in self.registry.ids() {
            // Several entries by MAC are one device seen by several integrations: the best one speaks.
            let best = strong.get(&id).and_then(|all| all.iter().max_by_key(|entry| (entry.by_user, entry.rank)));
            let only = weak.get(&id).filter(|all| best.is_none() && all.len() == 1).and_then(|all| all.first());
            // Typed for our own device: nothing is nearer to what the person meant.
            let name = typed
                .get(&id)
                .copied()
                .or(best.copied())
                .or(only.copied())
                .and_then(|entry| entry.name.as_deref())
                .and_then(names::clean);
            let area = best.and_then(|entry| entry.area.clone());
            let Some(device) = self.registry.get_mut(id) else { continue };
            if device.names.ha == name && device.ha_area == area {
                continue;
            }
            (device.names.ha, device.ha_area) = (name, area);
            self.registry.index(id);
            self.entitle(id, now, out);
            self.touch(id);
            out.push(Change::DeviceChanged { device: id });
        }
        self.expose_all(now, out);
        self.ha_names = list;
    }

    /// By an address held long enough, else by an exact host name; `None` unless it is one device.
    fn matched_weakly(&self, entry: &HaName, now: Moment) -> Option<DeviceId> {
        let mut found: Vec<DeviceId> = entry
            .ips
            .iter()
            .filter_map(|ip| self.registry.held_since(*ip))
            .filter(|(_, since)| now.mono.since(*since) >= LEASE_MIN)
            .map(|(id, _)| id)
            .collect();
        if found.is_empty() {
            let hosts: Vec<String> = entry.hosts.iter().filter_map(|host| names::clean(host)).collect();
            let named = |host: &str| hosts.iter().any(|h| h.eq_ignore_ascii_case(host) && !names::is_generic(h));
            found = self.registry.iter().filter(|d| d.names.hostname().is_some_and(named)).map(|d| d.id).collect();
        }
        found.sort_unstable();
        found.dedup();
        match found.as_slice() {
            [id] => Some(*id),
            _ => None,
        }
    }
}
