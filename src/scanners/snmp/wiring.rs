//! # Who hangs on which port
//!
//! A switch hears a device on the port it hangs on, and so does every other switch on the way, on the port
//! that leads there. So a port with a switch, an access point or a router behind it, or with many devices, tells
//! nothing of those; of the ports that are left, the one with the fewest is the nearest. Pure.
//!
//! Holds: [`SWITCHES_MAX`] switches.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use super::tables::Port;
use crate::model::{
    Capped, DeviceView, Fact, Heard, HomeView, MacAddr, NetworkFacts, Proof, Subject, is_link_local, is_private,
};

const SWITCHES_MAX: usize = 64;
/// So many behind one port hang on something that is plugged in there.
const FEW: usize = 8;
/// Hosts behind one router: two networks of 256. One that lies fills no book.
const BEYOND_MAX: usize = 512;
/// Reachable for so long since the last answer, on average (RFC 4861 §10, REACHABLE_TIME).
const REACHABLE_FOR: Duration = Duration::from_secs(30);
/// A router that answers for so many addresses itself (proxy ARP) tells nothing about who has them.
const ADDRESSES_MAX: usize = 8;

/// All switches that told their ports.
pub struct Wiring {
    switches: Capped<IpAddr, Vec<Port>>,
}

impl Wiring {
    #[must_use]
    pub fn new() -> Wiring {
        Wiring { switches: Capped::new(SWITCHES_MAX) }
    }

    /// The ports of the switch at `ip`, as it told them now. What follows for those who hang on it.
    pub fn take(&mut self, ip: IpAddr, ports: Vec<Port>, home: &HomeView) -> Vec<(Subject, Fact)> {
        let known: BTreeSet<MacAddr> = home.devices.values().flat_map(|device| device.macs.iter().copied()).collect();
        let heard: BTreeSet<MacAddr> = ports
            .iter()
            .flat_map(|port| port.macs.iter().copied().chain(port.neighbours.iter().filter_map(|one| one.mac)))
            .filter(|mac| known.contains(mac))
            .collect();
        let mut facts = Vec::new();
        for neighbour in ports.iter().flat_map(|port| &port.neighbours) {
            // What it told its switch of itself.
            if let (Some(mac), Some(name)) = (neighbour.mac.filter(|mac| known.contains(mac)), &neighbour.name) {
                let name = super::system::host(name);
                facts.push((Subject::mac(mac), Fact::Named { name, by: Heard::Snmp }));
            }
        }
        self.switches.insert(ip, ports);
        for mac in heard {
            if let Some(value) = self.place(mac) {
                facts.push((Subject::mac(mac), Fact::Label { key: "port", value: value.to_owned() }));
            }
        }
        facts
    }

    /// It did not answer any more: what it told is old.
    pub fn forget(&mut self, ip: IpAddr) {
        self.switches.remove(&ip);
    }

    /// Where `mac` hangs, if that can be told.
    fn place(&self, mac: MacAddr) -> Option<&str> {
        let ports = self.switches.iter().flat_map(|(_, ports)| ports);
        let tells = ports.filter_map(|port| {
            let is_neighbour = port.neighbours.iter().any(|one| one.mac == Some(mac));
            let is_way = port.neighbours.iter().any(|one| one.forwards) || port.macs.len() > FEW;
            // It said itself that it is there: nothing is nearer.
            let rank = if is_neighbour { 0 } else { port.macs.len() };
            (is_neighbour || port.macs.contains(&mac) && !is_way).then_some((rank, &port.label))
        });
        tells.min().map(|(_, label)| label.as_str())
    }
}

/// Of a router's neighbours those that tell something new: the address of a device that has none in that subnet.
/// A router's table is old knowledge, so it corrects nobody.
#[must_use]
pub fn addresses(
    neighbours: &BTreeSet<(MacAddr, IpAddr)>,
    home: &HomeView,
    network: &NetworkFacts,
) -> Vec<(Subject, Fact)> {
    let mut counts: BTreeMap<MacAddr, usize> = BTreeMap::new();
    neighbours.iter().filter(|(_, ip)| ip.is_ipv4()).for_each(|(mac, _)| *counts.entry(*mac).or_default() += 1);
    let held: BTreeSet<IpAddr> = home.devices.values().flat_map(|device| device.addresses.iter().copied()).collect();
    let device = |mac: &MacAddr| home.devices.values().find(|device| device.macs.contains(mac));
    neighbours
        .iter()
        .filter(|(mac, ip)| {
            network.is_attached(*ip)
                && !network.is_own_ip(*ip)
                && !held.contains(ip)
                && counts.get(mac).is_none_or(|count| *count <= ADDRESSES_MAX)
                && device(mac).is_some_and(|device| !has_one_like(device, *ip))
        })
        .map(|(mac, ip)| (Subject::mac(*mac), Fact::Address(*ip)))
        .collect()
}

/// Hosts of networks that only the router is attached to, which are there now, with the hardware addresses
/// that it has of them. Whose hardware address is known here has another foot there: a router corrects nobody.
#[must_use]
pub fn beyond(
    neighbours: &BTreeSet<(MacAddr, IpAddr)>,
    reachable: &BTreeSet<IpAddr>,
    home: &HomeView,
    network: &NetworkFacts,
) -> Vec<(Subject, Fact)> {
    let mut counts: BTreeMap<MacAddr, usize> = BTreeMap::new();
    neighbours.iter().for_each(|(mac, _)| *counts.entry(*mac).or_default() += 1);
    let is_known = |mac: &MacAddr| home.devices.values().any(|device| device.macs.contains(mac));
    neighbours
        .iter()
        .filter(|(mac, ip)| {
            is_behind(*ip, network)
                && reachable.contains(ip)
                && counts.get(mac).is_none_or(|count| *count <= ADDRESSES_MAX)
                && !is_known(mac)
        })
        .take(BEYOND_MAX)
        .map(|(mac, ip)| {
            let alive = Fact::Alive { proof: Proof::NeighbourReachable, age: REACHABLE_FOR };
            (Subject::both(*mac, *ip), alive)
        })
        .collect()
}

/// Of those that [`beyond`] tells of if they are there: whom the router is not sure of.
#[must_use]
pub fn unsure(
    neighbours: &BTreeSet<(MacAddr, IpAddr)>,
    reachable: &BTreeSet<IpAddr>,
    network: &NetworkFacts,
) -> BTreeSet<Ipv4Addr> {
    let unsure = neighbours.iter().filter(|(_, ip)| is_behind(*ip, network) && !reachable.contains(ip));
    let v4 = unsure.filter_map(|(_, ip)| match ip {
        IpAddr::V4(v4) => Some(*v4),
        IpAddr::V6(_) => None,
    });
    v4.take(BEYOND_MAX).collect()
}

/// Of a home's network that this host is not attached to.
fn is_behind(ip: IpAddr, network: &NetworkFacts) -> bool {
    is_private(ip) && !is_link_local(ip) && !network.is_attached(ip)
}

fn has_one_like(device: &DeviceView, ip: IpAddr) -> bool {
    device.addresses.iter().any(|held| held.is_ipv4() == ip.is_ipv4())
}

#[cfg(test)]
#[path = "wiring_tests.rs"]
mod tests;
