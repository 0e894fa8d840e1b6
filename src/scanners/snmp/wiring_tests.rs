//! Homes with one switch, with two, with access points, and with switches that lie.

use std::sync::Arc;

use super::*;
use crate::{
    model::{DeviceId, InterfaceFacts, InterfaceId, Subnet},
    scanners::snmp::tables::Neighbour,
};

fn mac(last: u8) -> MacAddr {
    MacAddr([0x02, 0, 0, 0, 0, last])
}

fn ip(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

/// Devices 1 to 9, each with the addresses of the table.
fn home(addresses: &[(u8, &[IpAddr])]) -> HomeView {
    let devices = (1..10).map(|number| {
        let id = DeviceId::mint(1, number.into());
        let held = addresses.iter().find(|(who, _)| *who == number).map(|(_, held)| held.to_vec());
        let view = DeviceView { macs: vec![mac(number)], addresses: held.unwrap_or_default(), ..DeviceView::blank(id) };
        (id, Arc::new(view))
    });
    HomeView { devices: devices.collect(), ..HomeView::default() }
}

fn port(label: &str, macs: &[u8]) -> Port {
    Port { label: label.into(), macs: macs.iter().map(|last| mac(*last)).collect(), neighbours: Vec::new() }
}

fn neighbour(last: u8, name: &str, forwards: bool) -> Neighbour {
    Neighbour { mac: (last > 0).then(|| mac(last)), name: (!name.is_empty()).then(|| name.into()), forwards }
}

fn told(facts: &[(Subject, Fact)]) -> Vec<String> {
    let line = |(subject, fact): &(Subject, Fact)| {
        let who = subject.mac.map_or(0, |mac| mac.0[5]);
        match fact {
            Fact::Label { key: "port", value } => format!("{who} on {value}"),
            Fact::Named { name, .. } => format!("{who} is {name}"),
            Fact::Address(ip) => format!("{who} at {ip}"),
            other => format!("{who} {other:?}"),
        }
    };
    facts.iter().map(line).collect()
}

#[test]
fn each_hangs_on_the_nearest_port() {
    let mut wiring = Wiring::new();
    let home = home(&[]);
    // The upper switch sees all of the lower one on its port 8.
    let upper = vec![port("up 1", &[1]), port("up 2", &[2, 3]), port("up 8", &[4, 5, 6])];
    assert_eq!(
        told(&wiring.take(ip(200), upper, &home)),
        ["1 on up 1", "2 on up 2", "3 on up 2", "4 on up 8", "5 on up 8", "6 on up 8"]
    );
    let lower = vec![port("low 1", &[4]), port("low 2", &[5, 6]), port("low 8", &[1, 2, 3])];
    assert_eq!(
        told(&wiring.take(ip(201), lower, &home)),
        ["1 on up 1", "2 on up 2", "3 on up 2", "4 on low 1", "5 on low 2", "6 on low 2"]
    );
    wiring.forget(ip(200));
    assert_eq!(wiring.place(mac(1)), Some("low 8"), "what is not heard of any more counts no more");
}

#[test]
fn a_way_to_others_tells_nothing_of_them() {
    let home = home(&[]);
    let with = |macs: &[u8], neighbours: Vec<Neighbour>| vec![Port { neighbours, ..port("p", macs) }];
    let cases: &[(&str, Vec<Port>, &[&str])] = &[
        ("an access point", with(&[1, 2, 3], vec![neighbour(1, "ap.home", true)]), &["1 is ap", "1 on p"]),
        ("a switch without a MAC", with(&[1, 2], vec![neighbour(0, "switch", true)]), &[]),
        (
            "a phone with a computer",
            with(&[1, 2], vec![neighbour(1, "phone", false)]),
            &["1 is phone", "1 on p", "2 on p"],
        ),
        ("nine devices", with(&[1, 2, 3, 4, 5, 6, 7, 8, 9], Vec::new()), &[]),
        ("strangers", with(&[50, 51], vec![neighbour(52, "x", false)]), &[]),
        ("nobody", with(&[], Vec::new()), &[]),
    ];
    for (name, ports, expected) in cases {
        assert_eq!(told(&Wiring::new().take(ip(200), ports.clone(), &home)), *expected, "{name}");
    }
}

#[test]
fn a_flood_of_switches_and_of_macs_is_bounded() {
    let mut wiring = Wiring::new();
    let home = home(&[]);
    let flood: BTreeSet<MacAddr> = (0..4096u32).map(|n| MacAddr([2, 1, 0, 0, (n >> 8) as u8, n as u8])).collect();
    for last in 0..=255 {
        let ports = vec![Port { label: "x".into(), macs: flood.clone(), neighbours: Vec::new() }];
        assert!(wiring.take(ip(last), ports, &home).is_empty(), "nobody of the home is told anything");
    }
    assert_eq!(wiring.switches.len(), SWITCHES_MAX);
}

fn network() -> NetworkFacts {
    NetworkFacts {
        interfaces: vec![InterfaceFacts {
            id: InterfaceId(2),
            name: "eth0".into(),
            mac: None,
            addresses: vec![ip(100)],
            up: true,
            subnets: vec![Subnet::new(ip(0), 24).unwrap()],
            gateways: vec![ip(254)],
        }],
        labels: Vec::new(),
    }
}

#[test]
fn a_router_s_old_knowledge_corrects_nobody() {
    let network = network();
    let v6: IpAddr = "2001:db8::1".parse().unwrap();
    let home = home(&[(1, &[ip(1)]), (2, &[v6])]);
    let proxy = (150..160).map(|last| (mac(5), ip(last)));
    let table: BTreeSet<(MacAddr, IpAddr)> = [
        (mac(1), ip(11)),               // moved since: it is known where it is
        (mac(2), ip(12)),               // new
        (mac(3), ip(1)),                // was another's
        (mac(4), ip(100)),              // ours
        (mac(6), [10, 0, 9, 6].into()), // of another network
        (mac(77), ip(77)),              // nobody of the home
    ]
    .into_iter()
    .chain(proxy)
    .collect();
    assert_eq!(told(&addresses(&table, &home, &network)), ["2 at 10.0.0.12"]);
}

#[test]
fn hosts_behind_a_router_are_those_that_are_there() {
    let far = |last: u8| IpAddr::from([10, 0, 9, last]);
    let proxy = (150..160).map(|last| (mac(50), far(last)));
    let table: BTreeSet<(MacAddr, IpAddr)> = [
        (mac(60), far(6)),
        (mac(61), far(61)),                 // not reachable now
        (mac(3), far(3)),                   // a device of this home with another foot there
        (mac(62), ip(62)),                  // of our own network: it can be heard itself
        (mac(63), [203, 0, 113, 9].into()), // of the Internet
        (mac(64), "fe80::9".parse().unwrap()),
    ]
    .into_iter()
    .chain(proxy)
    .collect();
    let reachable: BTreeSet<IpAddr> = table.iter().map(|(_, ip)| *ip).filter(|ip| *ip != far(61)).collect();
    // A router that lies has no end of hosts.
    let liar =
        |n: u32| (MacAddr([2, 9, 9, 9, (n >> 8) as u8, n as u8]), IpAddr::from(u32::to_be_bytes(0x0a80_0000 + n)));
    let many: BTreeSet<(MacAddr, IpAddr)> = (1..5_000).map(liar).collect();
    let all = many.iter().map(|(_, ip)| *ip).collect();
    assert_eq!(beyond(&many, &all, &home(&[]), &network()).len(), BEYOND_MAX);
    assert_eq!(unsure(&table, &reachable, &network()), [[10, 0, 9, 61].into()].into());
    assert_eq!(unsure(&many, &BTreeSet::new(), &network()).len(), BEYOND_MAX);
    let facts = beyond(&table, &reachable, &home(&[(3, &[ip(3)])]), &network());
    let alive = Fact::Alive { proof: Proof::NeighbourReachable, age: REACHABLE_FOR };
    assert_eq!(facts, [(Subject::both(mac(60), far(6)), alive)]);
}
