//! # Whom to ask, one after the other
//!
//! Scanners that put a question to each device do not ask every address: they take the devices there
//! are from the picture of the home. A device is visited once a round, and only while it is awake: one
//! that was silent for a while is left alone until it speaks, so nobody is woken for a name.
//!
//! Leaves out: this host, addresses of other networks, and groups.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};

use crate::model::{Clock, HomeView, Kind, MacAddr, NetworkFacts};

/// Hosts remembered as visited; beyond it, the rest waits for the next round.
const VISITED_MAX: usize = 4096;
/// A device heard within this time is awake. The picture tells last-seen every ten seconds.
const AWAKE_MS: i64 = 90_000;
/// Hosts come in groups after a sweep; looking more often than this finds them no sooner.
const REST: Duration = Duration::from_millis(300);

/// One device at one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    pub ip: IpAddr,
    pub mac: Option<MacAddr>,
    pub kind: Kind,
    pub is_gateway: bool,
}

/// The hosts of one scanner's round.
pub struct Visits {
    home: watch::Receiver<Arc<HomeView>>,
    network: watch::Receiver<Arc<NetworkFacts>>,
    clock: Clock,
    /// With the MAC: an address that changed hands is a new host.
    visited: BTreeSet<(IpAddr, Option<MacAddr>)>,
    waiting: Vec<Host>,
    /// Which hosts are of interest. One that is not yet may become so: it is not counted as visited.
    wanted: Box<dyn Fn(&Host) -> bool + Send>,
}

impl Visits {
    pub fn new(
        home: watch::Receiver<Arc<HomeView>>,
        network: watch::Receiver<Arc<NetworkFacts>>,
        clock: Clock,
    ) -> Visits {
        Visits { home, network, clock, visited: BTreeSet::new(), waiting: Vec::new(), wanted: Box::new(|_| true) }
    }

    /// Visits only these, each as soon as it is one of them.
    pub fn only(&mut self, wanted: impl Fn(&Host) -> bool + Send + 'static) {
        self.wanted = Box::new(wanted);
    }

    /// A new round: everybody again.
    pub fn again(&mut self) {
        self.visited.clear();
        self.waiting.clear();
    }

    /// The next host, counted as visited. Waits while there is none; may be dropped while it waits.
    pub async fn next(&mut self) -> Host {
        loop {
            while let Some(host) = self.waiting.pop() {
                if self.visited.insert((host.ip, host.mac)) {
                    return host;
                }
            }
            sleep(REST).await;
            let now = (self.clock)().wall.0;
            let found = awake(&self.home.borrow(), &self.network.borrow(), now);
            let room = VISITED_MAX.saturating_sub(self.visited.len());
            let wanted = found.into_iter().filter(|host| (self.wanted)(host));
            let new = wanted.filter(|host| !self.visited.contains(&(host.ip, host.mac)));
            self.waiting = new.take(room).collect();
            if self.waiting.is_empty() {
                // A closed picture never changes: then the rest above is the pace.
                let changed = tokio::time::timeout(Duration::from_secs(5), self.home.changed()).await;
                if matches!(changed, Ok(Err(_))) {
                    sleep(Duration::from_secs(5)).await;
                }
            }
        }
    }
}

/// Devices that were heard just now, at the addresses of theirs that are on the wire here.
fn awake(view: &HomeView, network: &NetworkFacts, now_ms: i64) -> Vec<Host> {
    let mut hosts = Vec::new();
    for device in view.devices.values().filter(|device| !device.is_own) {
        if now_ms.saturating_sub(device.last_seen.0) > AWAKE_MS {
            continue;
        }
        let on_wire = |ip: &&IpAddr| network.is_attached(**ip) && !network.is_own_ip(**ip);
        // One address is enough: two would give every answer twice.
        let v4 = device.addresses.iter().filter(on_wire).find(|ip| ip.is_ipv4());
        if let Some(ip) = v4 {
            hosts.push(Host {
                ip: *ip,
                mac: device.macs.first().copied(),
                kind: device.kind,
                is_gateway: device.is_gateway || network.is_gateway(*ip),
            });
        }
    }
    hosts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{DeviceId, DeviceView, InterfaceFacts, InterfaceId, Subnet, Wall};

    fn network() -> NetworkFacts {
        NetworkFacts {
            interfaces: vec![InterfaceFacts {
                id: InterfaceId(2),
                name: "eth0".into(),
                mac: None,
                addresses: vec!["10.0.0.1".parse().unwrap()],
                up: true,
                subnets: vec![Subnet::new("10.0.0.0".parse().unwrap(), 24).unwrap()],
                gateways: vec!["10.0.0.254".parse().unwrap()],
            }],
            labels: Vec::new(),
        }
    }

    fn home(devices: &[(&str, i64, bool)]) -> HomeView {
        let devices: BTreeMap<_, _> = devices
            .iter()
            .enumerate()
            .map(|(number, (ip, seen, is_own))| {
                let id = DeviceId::mint(1, number as u32);
                let addresses = vec!["fe80::1".parse().unwrap(), ip.parse().unwrap()];
                let view = DeviceView { addresses, last_seen: Wall(*seen), is_own: *is_own, ..DeviceView::blank(id) };
                (id, Arc::new(view))
            })
            .collect();
        HomeView { devices, ..HomeView::default() }
    }

    #[test]
    fn only_those_awake_on_this_wire_are_visited() {
        let cases: &[(&str, i64, bool, bool)] = &[
            // address, last seen, own, visited
            ("10.0.0.5", 1_000_000, false, true),
            ("10.0.0.254", 1_000_000, false, true),
            ("10.0.0.6", 1_000_000 - AWAKE_MS - 1, false, false),
            ("10.0.0.1", 1_000_000, true, false),
            ("10.0.9.7", 1_000_000, false, false),
        ];
        for (ip, seen, own, visited) in cases {
            let found = awake(&home(&[(ip, *seen, *own)]), &network(), 1_000_000);
            assert_eq!(!found.is_empty(), *visited, "{ip}");
            assert!(found.iter().all(|host| host.is_gateway == (*ip == "10.0.0.254")));
        }
    }

    #[tokio::test]
    async fn each_host_is_visited_once_a_round_and_newcomers_at_once() {
        fn clock() -> crate::model::Moment {
            crate::model::Moment { mono: crate::model::Mono(1), wall: Wall(1_000) }
        }
        let (home_tx, home_rx) = watch::channel(Arc::new(home(&[("10.0.0.5", 0, false)])));
        let (_network, network) = watch::channel(Arc::new(network()));
        let mut visits = Visits::new(home_rx, network, clock);
        assert_eq!(visits.next().await.ip.to_string(), "10.0.0.5");
        assert!(tokio::time::timeout(REST * 3, visits.next()).await.is_err(), "nobody else is there");
        home_tx.send_replace(Arc::new(home(&[("10.0.0.5", 0, false), ("10.0.0.6", 0, false)])));
        assert_eq!(visits.next().await.ip.to_string(), "10.0.0.6");
        visits.again();
        visits.next().await;
        visits.next().await;
    }
}
