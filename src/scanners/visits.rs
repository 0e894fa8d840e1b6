//! # Whom to ask, one after the other
//!
//! Scanners that put a question to each device do not ask every address: they take the devices there
//! are from the picture of the home. A device is visited once a round, and only while it is awake: one
//! that was silent for a while is left alone until it speaks, so nobody is woken for a name.
//!
//! Leaves out: this host and groups; addresses of other networks, unless a scanner wants those of the home as well.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};

use crate::model::{
    Clock, DeviceView, HomeView, Kind, MacAddr, Mono, NameSource, NetworkFacts, Presence, is_link_local, is_private,
};

/// Hosts remembered as visited; beyond it, the rest waits for the next round.
const VISITED_MAX: usize = 4096;
/// A device heard within this time is awake. The picture tells last-seen every ten seconds.
const AWAKE_MS: i64 = 90_000;
/// Hosts come in groups after a sweep; looking more often than this finds them no sooner.
const REST: Duration = Duration::from_millis(300);
/// The longest pause before the next look, once several found nobody: a quiet home shows a new picture each second.
const REST_QUIET: Duration = Duration::from_millis(2_400);

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
    /// Before the next look: longer each time nobody new was found, up to `rest_most`.
    rest: Duration,
    rest_most: Duration,
    /// When to look next; kept, since whoever waits may be dropped and begin again.
    due: Mono,
    /// Which hosts are of interest. One that is not yet may become so: it is not counted as visited.
    wanted: Box<dyn Fn(&Host) -> bool + Send + Sync>,
    /// Also hosts behind the router, at private addresses.
    beyond: bool,
}

impl Visits {
    pub fn new(
        home: watch::Receiver<Arc<HomeView>>,
        network: watch::Receiver<Arc<NetworkFacts>>,
        clock: Clock,
    ) -> Visits {
        Visits {
            home,
            network,
            clock,
            visited: BTreeSet::new(),
            waiting: Vec::new(),
            rest: REST,
            rest_most: REST_QUIET,
            due: clock().mono + REST,
            wanted: Box::new(|_| true),
            beyond: false,
        }
    }

    /// Visits only these, each as soon as it is one of them.
    pub fn only(&mut self, wanted: impl Fn(&Host) -> bool + Send + Sync + 'static) {
        self.wanted = Box::new(wanted);
    }

    /// Somebody waits for the answers: newcomers are looked for as often at the end as at the start.
    pub fn hurry(&mut self) {
        self.rest_most = REST;
    }

    /// Visits hosts of the home's other networks too, which this host is not attached to.
    pub fn beyond_too(&mut self) {
        self.beyond = true;
    }

    /// A new round: everybody again.
    pub fn again(&mut self) {
        self.visited.clear();
        self.waiting.clear();
        self.rest = REST;
        self.due = (self.clock)().mono + REST;
    }

    /// Whether a host name that tells which it is is known of it by now: `wlan0` and `iphone` are no answer.
    pub fn is_named(&self, host: &Host) -> bool {
        let view = self.home.borrow();
        let device = view.devices.values().find(|device| match host.mac {
            Some(mac) => device.macs.contains(&mac),
            None => device.addresses.contains(&host.ip),
        });
        device.is_some_and(|device| device.hostname.is_some() && device.name_source > NameSource::VendorKind)
    }

    /// The next host, counted as visited. Waits while there is none; may be dropped while it waits.
    pub async fn next(&mut self) -> Host {
        loop {
            while let Some(host) = self.waiting.pop() {
                if self.visited.insert((host.ip, host.mac)) {
                    return host;
                }
            }
            sleep(self.due.since((self.clock)().mono)).await;
            let now = (self.clock)();
            let room = VISITED_MAX.saturating_sub(self.visited.len());
            self.waiting = {
                let (view, network) = (self.home.borrow(), self.network.borrow());
                let found = hosts(&view, &network, now.wall.0, self.beyond).map(|(host, _)| host);
                found
                    .filter(|host| (self.wanted)(host) && !self.visited.contains(&(host.ip, host.mac)))
                    .take(room)
                    .collect()
            };
            self.rest = if self.waiting.is_empty() { (self.rest * 2).min(self.rest_most) } else { REST };
            self.due = now.mono + self.rest;
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

/// Devices that were heard just now and are not asleep, at the addresses of theirs that are on the wire here.
pub fn awake<'a>(
    view: &'a HomeView,
    network: &'a NetworkFacts,
    now_ms: i64,
) -> impl Iterator<Item = (Host, &'a DeviceView)> {
    hosts(view, network, now_ms, false)
}

fn hosts<'a>(
    view: &'a HomeView,
    network: &'a NetworkFacts,
    now_ms: i64,
    beyond: bool,
) -> impl Iterator<Item = (Host, &'a DeviceView)> {
    let devices = view.devices.values().map(std::sync::Arc::as_ref);
    let awake = devices.filter(move |device| {
        // One that answers from its sleep was heard, too.
        let sleeps = device.presence == Presence::Asleep;
        !device.is_own && !sleeps && now_ms.saturating_sub(device.last_seen.0) <= AWAKE_MS
    });
    awake.filter_map(move |device| Some((host(device, network, beyond)?, device)))
}

/// Where to ask a device. One address is enough: two would give every answer twice.
fn host(device: &DeviceView, network: &NetworkFacts, beyond: bool) -> Option<Host> {
    let fits = |ip: &&IpAddr| ip.is_ipv4() && !network.is_own_ip(**ip);
    let mut at = device.addresses.iter().filter(fits);
    let on_wire = at.clone().find(|ip| network.is_attached(**ip));
    let ip = *on_wire.or_else(|| at.find(|ip| beyond && is_private(**ip) && !is_link_local(**ip)))?;
    Some(Host {
        ip,
        mac: device.macs.first().copied(),
        kind: device.kind,
        is_gateway: device.is_gateway || network.is_gateway(ip),
    })
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
            let (home, network) = (home(&[(ip, *seen, *own)]), network());
            let found: Vec<Host> = awake(&home, &network, 1_000_000).map(|(host, _)| host).collect();
            assert_eq!(!found.is_empty(), *visited, "{ip}");
            assert!(found.iter().all(|host| host.is_gateway == (*ip == "10.0.0.254")));
            let asleep =
                home.devices.values().map(|device| DeviceView { presence: Presence::Asleep, ..(**device).clone() });
            let asleep =
                HomeView { devices: asleep.map(|device| (device.id, Arc::new(device))).collect(), ..home.clone() };
            assert_eq!(awake(&asleep, &network, 1_000_000).count(), 0, "sleepers are not woken");
        }
    }

    #[test]
    fn hosts_of_the_home_s_other_networks_are_visited_by_who_wants_them() {
        for (ip, wanted) in [("10.0.9.7", true), ("198.51.100.7", false), ("169.254.9.7", false), ("10.0.0.5", true)] {
            let found = |beyond| hosts(&home(&[(ip, 1_000, false)]), &network(), 1_000, beyond).count();
            assert_eq!(found(true), usize::from(wanted), "{ip}");
            assert_eq!(found(false), usize::from(ip == "10.0.0.5"), "{ip}");
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
