//! # What of a router's answer is news
//!
//! Doors are told anew each time, for whoever did not know the device before; closed ones once. Pure.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use super::{gateway::Listed, outer::Outer};
use crate::{
    model::{Fact, NetworkFacts, Port, PortMap, Subject, Uplink, is_private},
    wire::soap::Entry,
};

/// Doors of one router; a home has a dozen, a host of peer-to-peer programs a hundred.
pub const DOORS_MAX: usize = 256;
/// So often nothing is heard before its doors count as closed.
const MISSES_MAX: u32 = 3;

type Key = (bool, Port, Option<IpAddr>);

/// What is known of one router.
#[derive(Debug, Default)]
pub struct Told {
    doors: BTreeMap<Key, Entry>,
    address: Option<Ipv4Addr>,
    misses: u32,
}

impl Told {
    pub fn doors(&self) -> usize {
        self.doors.len()
    }

    /// The facts that follow, and about whom each is.
    pub fn news(
        &mut self,
        router: Ipv4Addr,
        outer: &Outer,
        listed: Option<Listed>,
        network: &NetworkFacts,
    ) -> Vec<(Subject, Fact)> {
        let mut news = Vec::new();
        // The gateway itself knows best; UPnP may ask a modem before it.
        let address = outer.address.or(listed.as_ref().and_then(|listed| listed.address));
        let connected = listed.as_ref().and_then(|listed| listed.connected);
        if address.is_some() || connected.is_some() {
            let now = address.flatten();
            // Without an address it is offline; what it had is remembered for when it is back.
            let before = now.and_then(|now| self.address.filter(|before| *before != now));
            self.address = now.or(self.address);
            let uplink = Uplink { address: now.map(IpAddr::V4), before: before.map(IpAddr::V4), connected };
            news.push((Subject::ip(router.into()), Fact::Uplink(uplink)));
        }
        for door in self.closed(listed, network) {
            news.push(about(router, &door, false));
        }
        news.extend(self.doors.values().map(|door| about(router, door, true)));
        news
    }

    /// Takes the list; returns the doors that are closed now.
    fn closed(&mut self, listed: Option<Listed>, network: &NetworkFacts) -> Vec<Entry> {
        let Some(listed) = listed else {
            self.misses = self.misses.saturating_add(1);
            let is_gone = self.misses >= MISSES_MAX;
            return if is_gone { std::mem::take(&mut self.doors).into_values().collect() } else { Vec::new() };
        };
        self.misses = 0;
        let before = std::mem::take(&mut self.doors);
        for door in listed.doors {
            // A door to elsewhere is none of this home's, or a lie.
            let is_here = is_private(door.client) || network.is_attached(door.client);
            if door.enabled && is_here && self.doors.len() < DOORS_MAX {
                self.doors.insert((door.tcp, door.external, door.remote), door);
            }
        }
        let mut closed = Vec::new();
        for (key, door) in before {
            match self.doors.get(&key) {
                // The same door to another device is shut for the first.
                Some(now) if (now.client, now.internal) == (door.client, door.internal) => {}
                Some(_) => closed.push(door),
                None if listed.whole => closed.push(door),
                None if self.doors.len() < DOORS_MAX => {
                    self.doors.insert(key, door);
                }
                None => {}
            }
        }
        closed
    }
}

fn about(router: Ipv4Addr, door: &Entry, open: bool) -> (Subject, Fact) {
    let map = PortMap {
        router: router.into(),
        tcp: door.tcp,
        external: door.external,
        internal: door.client,
        internal_port: door.internal,
        description: door.description.clone(),
        lease_s: door.lease_s,
        remote: door.remote,
        open,
    };
    (Subject::ip(door.client), Fact::PortMap(map))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);

    fn door(external: Port, client: &str) -> Entry {
        Entry {
            tcp: true,
            external,
            internal: 22,
            client: client.parse().unwrap(),
            enabled: true,
            description: "x".into(),
            lease_s: None,
            remote: None,
        }
    }

    fn listed(doors: &[Entry], whole: bool) -> Option<Listed> {
        Some(Listed { doors: doors.to_vec(), whole, ..Listed::default() })
    }

    fn shown(news: &[(Subject, Fact)]) -> Vec<String> {
        news.iter()
            .map(|(subject, fact)| match fact {
                Fact::PortMap(map) => {
                    assert_eq!(subject.ip, Some(map.internal));
                    format!("{}{} {}", if map.open { '+' } else { '-' }, map.external, map.internal)
                }
                Fact::Uplink(uplink) => {
                    assert_eq!(*subject, Subject::ip(ROUTER.into()));
                    format!("{:?} before {:?} {:?}", uplink.address, uplink.before, uplink.connected)
                }
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn doors_open_and_close_as_lists_come() {
        let mut off = door(5, "192.168.1.9");
        off.enabled = false;
        let (a, b) = (door(1, "192.168.1.7"), door(2, "192.168.1.8"));
        let steps: &[(&str, Option<Listed>, &[&str])] = &[
            ("two", listed(&[a.clone(), b.clone()], true), &["+1 192.168.1.7", "+2 192.168.1.8"]),
            ("one is gone", listed(std::slice::from_ref(&a), true), &["-2 192.168.1.8", "+1 192.168.1.7"]),
            ("broken off", listed(&[b], false), &["+1 192.168.1.7", "+2 192.168.1.8"]),
            (
                "another device",
                listed(&[door(1, "192.168.1.8")], false),
                &["-1 192.168.1.7", "+1 192.168.1.8", "+2 192.168.1.8"],
            ),
            ("silent", None, &["+1 192.168.1.8", "+2 192.168.1.8"]),
            ("silent again", None, &["+1 192.168.1.8", "+2 192.168.1.8"]),
            ("silent for good", None, &["-1 192.168.1.8", "-2 192.168.1.8"]),
            ("off, and elsewhere", listed(&[off, door(6, "8.8.8.8"), a], true), &["+1 192.168.1.7"]),
        ];
        let mut told = Told::default();
        for (name, list, expected) in steps {
            let news = told.news(ROUTER, &Outer::default(), list.clone(), &NetworkFacts::default());
            assert_eq!(shown(&news), *expected, "{name}");
        }
        let many: Vec<Entry> = (0..1000).map(|port| door(port, "10.0.0.7")).collect();
        told.news(ROUTER, &Outer::default(), listed(&many, false), &NetworkFacts::default());
        assert_eq!(told.doors(), DOORS_MAX);
    }

    #[test]
    fn a_new_outer_address_is_told_with_the_one_before() {
        let outer = |ip: Option<[u8; 4]>| Outer { address: Some(ip.map(Ipv4Addr::from)), ..Outer::default() };
        let mut told = Told::default();
        for (ip, expected) in [
            (Some([203, 0, 113, 9]), "Some(203.0.113.9) before None None"),
            (None, "None before None None"),
            (Some([203, 0, 113, 9]), "Some(203.0.113.9) before None None"),
            (Some([198, 51, 100, 7]), "Some(198.51.100.7) before Some(203.0.113.9) None"),
        ] {
            assert_eq!(shown(&told.news(ROUTER, &outer(ip), None, &NetworkFacts::default())), [expected]);
        }
        assert!(told.news(ROUTER, &Outer::default(), None, &NetworkFacts::default()).is_empty());
    }
}
