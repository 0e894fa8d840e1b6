//! # Which interfaces are the home's
//!
//! Pure: what the kernel listed becomes [`NetworkFacts`], and each interface gets a reason why it is
//! watched or not. Container bridges and tunnels carry no devices of the home; who wants one of them
//! watched names it in `network.interfaces`, which then decides alone.

use std::net::IpAddr;

use super::Network;
use crate::model::{InterfaceFacts, InterfaceId, MacAddr, NetworkFacts, Subnet, is_link_local};

/// An interface as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub id: u32,
    pub name: String,
    pub mac: Option<MacAddr>,
    /// Speaks Ethernet, so devices have hardware addresses there.
    pub ethernet: bool,
    pub loopback: bool,
    /// Switched on and with carrier.
    pub up: bool,
    /// The bridge or bond it is a port of.
    pub master: Option<u32>,
    /// The tag that its frames carry on the wire below.
    pub vlan: Option<u16>,
    /// The interface below it, as under one of a VLAN.
    pub below: Option<u32>,
}

/// A route of the main table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub id: u32,
    /// `None`: the default route.
    pub to: Option<Subnet>,
    pub via: Option<IpAddr>,
}

/// All the kernel listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    pub links: Vec<Link>,
    pub addresses: Vec<(u32, IpAddr, u8)>,
    pub routes: Vec<Route>,
}

/// Names of interfaces that container engines and hypervisors make for themselves.
const FOREIGN: [&str; 14] = [
    "docker", "hassio", "veth", "virbr", "vnet", "cni", "flannel", "cali", "podman", "lxcbr", "lxdbr", "incusbr",
    "kube", "nerdctl",
];

/// The facts, and for each interface its name and why it is watched or not.
#[must_use]
pub fn choose(listing: &Listing, network: &Network) -> (NetworkFacts, Vec<(String, &'static str)>) {
    let mut facts = NetworkFacts::default();
    let mut reasons = Vec::new();
    for link in &listing.links {
        let reason = verdict(link, listing, network);
        reasons.push((link.name.clone(), reason.unwrap_or_else(|why| why)));
        if reason.is_ok() {
            facts.interfaces.push(describe(link, listing));
        }
    }
    for name in &network.interfaces {
        if !listing.links.iter().any(|link| link.name == *name) {
            reasons.push((name.clone(), "named in network.interfaces, but not there"));
        }
    }
    facts.interfaces.sort_by_key(|interface| interface.id);
    facts.labels = network
        .labels
        .iter()
        .filter_map(|(subnet, label)| Some((subnet.parse::<Subnet>().ok()?, label.clone())))
        .collect();
    let of_vlans = vlan_labels(listing, &facts);
    facts.labels.extend(of_vlans);
    facts.labels.sort_by_key(|(subnet, _)| (std::cmp::Reverse(subnet.prefix()), *subnet));
    (facts, reasons)
}

/// `VLAN 20` for the networks of an interface with that tag that nobody gave a label.
fn vlan_labels(listing: &Listing, facts: &NetworkFacts) -> Vec<(Subnet, String)> {
    let mut labels: Vec<(Subnet, String)> = Vec::new();
    for interface in &facts.interfaces {
        let vlan = listing.links.iter().find(|link| link.id == interface.id.0).and_then(|link| link.vlan);
        let Some(vlan) = vlan else { continue };
        for subnet in &interface.subnets {
            // The same link-local network is on every wire.
            let is_own = !is_link_local(subnet.base()) && !labels.iter().any(|(other, _)| other == subnet);
            if is_own && facts.label(subnet.base()).is_none() {
                labels.push((*subnet, format!("VLAN {vlan}")));
            }
        }
    }
    labels
}

/// `Ok` to be watched.
fn verdict(link: &Link, listing: &Listing, network: &Network) -> Result<&'static str, &'static str> {
    if !network.interfaces.is_empty() {
        let named = network.interfaces.contains(&link.name);
        return if named { Ok("named in network.interfaces") } else { Err("not named in network.interfaces") };
    }
    if link.loopback {
        return Err("loopback");
    }
    if !link.ethernet {
        return Err("a tunnel without hardware addresses");
    }
    if is_foreign(&link.name) {
        return Err("belongs to containers or virtual machines");
    }
    if link.master.is_some() {
        return Err("port of a bridge, which is watched instead");
    }
    let has_subnet = listing
        .addresses
        .iter()
        .any(|(id, ip, _)| *id == link.id && !matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local()));
    if has_subnet {
        return Ok("has a network of its own");
    }
    if !link.up {
        return Err("has no network of its own and no carrier");
    }
    if listing.links.iter().any(|upper| upper.below == Some(link.id) || upper.master == Some(link.id)) {
        return Err("carries other interfaces");
    }
    // What comes in beside a dialled way out is the provider's.
    if listing.links.iter().any(|other| other.name.starts_with("ppp")) {
        return Err("has no network of its own, and may carry the way out");
    }
    Ok("has no network of its own: listened to, as at a mirror port")
}

/// Docker names the bridge of a network `br-` and twelve hex digits; `br-lan` is a router's own.
fn is_foreign(name: &str) -> bool {
    let docker_network =
        name.strip_prefix("br-").is_some_and(|rest| rest.len() == 12 && rest.bytes().all(|b| b.is_ascii_hexdigit()));
    docker_network || FOREIGN.iter().any(|prefix| name.starts_with(prefix))
}

fn describe(link: &Link, listing: &Listing) -> InterfaceFacts {
    let mine = || listing.addresses.iter().filter(|(id, ..)| *id == link.id);
    let mut subnets: Vec<Subnet> = mine().filter_map(|(_, ip, prefix)| Subnet::new(*ip, *prefix)).collect();
    let (mut gateways, mut addresses) = (Vec::new(), Vec::new());
    for route in listing.routes.iter().filter(|route| route.id == link.id) {
        match (route.to, route.via) {
            (None, Some(via)) => gateways.push(via),
            // Reached without a hop: more of the same wire.
            (Some(subnet), None) => subnets.push(subnet),
            _ => {}
        }
    }
    addresses.extend(mine().map(|(_, ip, _)| *ip));
    for list in [&mut gateways, &mut addresses] {
        list.sort_unstable();
        list.dedup();
    }
    subnets.retain(|subnet| !subnet.base().is_multicast() && subnet.prefix() > 0);
    subnets.sort_unstable();
    subnets.dedup();
    InterfaceFacts {
        id: InterfaceId(link.id),
        name: link.name.clone(),
        mac: link.mac,
        addresses,
        up: link.up,
        subnets,
        gateways,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn link(id: u32, name: &str) -> Link {
        Link {
            id,
            name: name.into(),
            mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
            ethernet: true,
            loopback: false,
            up: true,
            master: None,
            vlan: None,
            below: None,
        }
    }

    fn listing() -> Listing {
        let names = ["eth0", "docker0", "br-0123456789ab", "br-lan", "vethab12", "hassio", "wlan0", "enp3s0"];
        let mut links: Vec<Link> = (2u32..).zip(names).map(|(id, name)| link(id, name)).collect();
        links.push(Link { loopback: true, ..link(1, "lo") });
        links.push(Link { ethernet: false, ..link(20, "wg0") });
        links.push(Link { master: Some(5), ..link(21, "lan1") });
        let mut addresses: Vec<_> = links
            .iter()
            .map(|l| (l.id, IpAddr::from([10, 0, l.id as u8, 1]), 24))
            .filter(|(id, ..)| *id != 8)
            .collect();
        addresses.push((8, "fe80::1".parse().unwrap(), 64));
        let routes = vec![
            Route { id: 2, to: None, via: Some([10, 0, 2, 254].into()) },
            Route { id: 2, to: "10.0.2.0/24".parse().ok(), via: None },
            Route { id: 2, to: "10.9.0.0/24".parse().ok(), via: None },
            Route { id: 2, to: "10.8.0.0/24".parse().ok(), via: Some([10, 0, 2, 253].into()) },
        ];
        Listing { links, addresses, routes }
    }

    fn watched(network: &Network) -> Vec<String> {
        choose(&listing(), network).0.interfaces.into_iter().map(|i| i.name).collect()
    }

    #[test]
    fn the_homes_networks_are_watched_and_containers_are_not() {
        assert_eq!(watched(&Network::default()), ["eth0", "br-lan", "wlan0", "enp3s0"]);
        let named = Network { interfaces: vec!["docker0".into(), "eth9".into()], ..Network::default() };
        assert_eq!(watched(&named), ["docker0"]);
        let reasons = choose(&listing(), &named).1;
        assert!(reasons.contains(&("eth9".into(), "named in network.interfaces, but not there")), "{reasons:?}");
    }

    #[test]
    fn a_card_without_a_network_listens_unless_it_carries_what_has_one() {
        for (links, reason, is_watched) in [
            (vec![], "has no network of its own: listened to, as at a mirror port", true),
            (vec![Link { below: Some(8), ..link(40, "wlan0.20") }], "carries other interfaces", false),
            (vec![Link { master: Some(8), ..link(40, "slave0") }], "carries other interfaces", false),
            (
                vec![Link { ethernet: false, ..link(40, "ppp0") }],
                "has no network of its own, and may carry the way out",
                false,
            ),
        ] {
            let mut listing = listing();
            listing.links.extend(links);
            let (facts, reasons) = choose(&listing, &Network::default());
            assert!(reasons.contains(&("wlan0".into(), reason)), "{reasons:?}");
            let found = facts.interfaces.iter().find(|interface| interface.name == "wlan0");
            assert_eq!(found.map(InterfaceFacts::only_listens), is_watched.then_some(true));
        }
    }

    // A host of containers: two dozen bridges and their ends, some with addresses, and one network card.
    #[test]
    fn one_card_among_many_bridges_is_the_one_and_each_has_its_reason() {
        let mut listing = Listing { links: vec![link(2, "enp6s18")], ..Listing::default() };
        listing.addresses.push((2, [192, 168, 7, 5].into(), 24));
        listing.routes.push(Route { id: 2, to: None, via: Some([192, 168, 7, 1].into()) });
        for n in 0..24u8 {
            let bridge = u32::from(n) * 2 + 10;
            listing.links.push(link(bridge, &format!("br-{:012x}", 0xfeed_0000_u64 + u64::from(n))));
            listing.links.push(Link { master: Some(bridge), ..link(bridge + 1, &format!("veth{n:x}a9")) });
            listing.addresses.push((bridge, [172, 17 + n, 0, 1].into(), 16));
        }
        let (facts, reasons) = choose(&listing, &Network::default());
        let names: Vec<&str> = facts.interfaces.iter().map(|facts| facts.name.as_str()).collect();
        assert_eq!(names, ["enp6s18"]);
        assert_eq!(facts.interfaces[0].gateways, [IpAddr::from([192, 168, 7, 1])]);
        assert_eq!(reasons.len(), listing.links.len());
        assert!(reasons.iter().all(|(_, why)| !why.is_empty()));
    }

    #[test]
    fn an_interface_knows_its_wire_and_its_way_out() {
        let labels = BTreeMap::from([("10.0.0.0/8".into(), "all".into()), ("10.0.2.0/24".into(), "home".into())]);
        let (facts, _) = choose(&listing(), &Network { labels, ..Network::default() });
        let eth0 = &facts.interfaces[0];
        let subnets: Vec<String> = eth0.subnets.iter().map(ToString::to_string).collect();
        assert_eq!(subnets, ["10.0.2.0/24", "10.9.0.0/24"]);
        assert_eq!(eth0.gateways, [IpAddr::from([10, 0, 2, 254])]);
        assert_eq!(facts.label([10, 0, 2, 7].into()), Some("home"), "the longest prefix names the segment");
    }

    #[test]
    fn a_tag_names_the_segment_unless_a_person_did() {
        let mut listing = listing();
        listing.links.push(Link { vlan: Some(20), ..link(40, "eth0.20") });
        listing.links.push(Link { vlan: Some(30), ..link(41, "guests") });
        for (id, ip, prefix) in [(40, "10.20.0.1", 24), (40, "fe80::1", 64), (41, "10.30.0.1", 24), (41, "fe80::1", 64)]
        {
            listing.addresses.push((id, ip.parse().unwrap(), prefix));
        }
        let labels = BTreeMap::from([("10.30.0.0/16".into(), "guest".into())]);
        let (facts, _) = choose(&listing, &Network { labels, ..Network::default() });
        for (ip, label) in
            [("10.20.0.7", Some("VLAN 20")), ("10.30.0.7", Some("guest")), ("10.0.2.7", None), ("fe80::7", None)]
        {
            assert_eq!(facts.label(ip.parse().unwrap()), label, "{ip}");
        }
    }
}
