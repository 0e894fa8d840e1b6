//! A flood of invented addresses, names and parts must leave every table of the core at the size it
//! had before: what the network invents is bounded, however long it goes on.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

#[path = "engine_flood/newcomer.rs"]
mod newcomer;

use std::{collections::BTreeMap, net::Ipv6Addr, sync::Arc, time::Duration};

use porchlight::{
    engine::{Engine, Input, Settings},
    model::{
        DeviceId, Fact, Health, Heard, InterfaceId, MacAddr, Moment, Mono, NetworkFacts, Observation, PartId, Proof,
        Remembered, Source, Subject, Wall,
    },
};

/// What an attacker may invent with one step.
#[derive(Debug, Clone, Copy)]
enum Lie {
    /// Another random address, that speaks.
    Random,
    /// Another address of a maker, that speaks, with a name.
    Maker,
    /// A random address that calls itself something: names keep it from being a stray.
    Named,
    /// Facts of addresses that never speak.
    Unheard,
    /// One address that claims everything.
    Greedy,
    /// One device with ever other names, services, labels and client ids.
    Chameleon,
    /// Two devices that fight for addresses.
    Conflict,
}

fn at(ms: u64) -> Moment {
    Moment { mono: Mono(ms * 1_000_000), wall: Wall(1_795_600_000_000 + ms as i64) }
}

fn facts(lie: Lie, n: u32) -> Vec<(Subject, Fact)> {
    let b = n.to_be_bytes();
    let alive = |proof| Fact::Alive { proof, age: Duration::ZERO };
    let ip = std::net::IpAddr::from([10, b[1], b[2], b[3]]);
    let v6 = Ipv6Addr::from((0xfe80 << 112) | u128::from(n)).into();
    let named = |by| Fact::Named { name: format!("Invented {n}"), by };
    let of = |first, second| MacAddr([first, second, b[0], b[1], b[2], b[3]]);
    match lie {
        Lie::Random => vec![(Subject::both(of(0x02, 1), ip), alive(Proof::ArpAnnounce))],
        Lie::Maker => {
            let who = Subject::both(MacAddr([0x3c, 0x22, 0xfb, b[1], b[2], b[3]]), ip);
            vec![(who, alive(Proof::Mdns)), (who, named(Heard::Mdns))]
        }
        Lie::Named => {
            let who = Subject::both(of(0x06, 2), v6);
            let client_id = Some(vec![255, 9, 9, b[0], b[1], b[2], b[3], 7]);
            vec![
                (who, alive(Proof::DhcpRequest)),
                (who, Fact::Dhcp { asked: vec![1, 3, 6], vendor_class: Some(format!("class {n}")), client_id }),
                (who, named(Heard::Dhcp)),
            ]
        }
        Lie::Unheard => {
            let who = Subject { mac: Some(of(0x0a, 3)), ip: None };
            vec![(who, named(Heard::Mdns)), (who, Fact::Address(ip)), (who, Fact::Routes)]
        }
        Lie::Greedy => {
            let mac = MacAddr([0xb8, 0x27, 0xeb, 7, 7, 7]);
            vec![(Subject::both(mac, ip), alive(Proof::ArpAnnounce)), (Subject::both(mac, v6), alive(Proof::NdAdvert))]
        }
        Lie::Chameleon => {
            let who = Subject::both(MacAddr([0xb8, 0x27, 0xeb, 7, 7, 8]), [192, 168, 7, 8].into());
            let service = Fact::Service { tcp: true, port: b[3].into(), name: format!("service {n}") };
            let label = Fact::Label { key: Box::leak(format!("k{}", n % 64).into_boxed_str()), value: n.to_string() };
            let dhcp = Fact::Dhcp {
                asked: b.to_vec(),
                vendor_class: None,
                client_id: Some(vec![255, b[0], b[1], b[2], b[3]]),
            };
            vec![
                (who, alive(Proof::Mdns)),
                (who, service),
                (who, label),
                (who, dhcp),
                (who, named(Heard::Dhcp)),
                (who, named(Heard::Mdns)),
            ]
        }
        Lie::Conflict => {
            let who = MacAddr([0xb8, 0x27, 0xeb, 7, 8, (n % 2) as u8]);
            let contested = std::net::IpAddr::from([172, 16, (n / 512) as u8, (n / 2 % 256) as u8]);
            vec![(Subject::both(who, contested), alive(Proof::ArpAnnounce))]
        }
    }
}

fn flooded(engine: &mut Engine, lie: Lie, from: u32, to: u32) -> BTreeMap<&'static str, usize> {
    for n in from..to {
        // As fast as newcomers are let in.
        let now = at(1_000_000 + u64::from(n) * 250);
        for (subject, fact) in facts(lie, n) {
            let source = if n % 3 == 0 { Source::Netlink } else { Source::Capture };
            let interface = Some(InterfaceId(n % 5));
            engine.handle(Input::Observation(Observation { source, interface, at: now, subject, fact }), now);
        }
        if n % 64 == 0 {
            engine.handle(Input::Part(PartId::new(format!("part {}", n % 4)), Health::Up), now);
            engine.view();
        }
    }
    engine.view();
    engine.sizes().into_iter().collect()
}

/// More than any table holds, tombstones apart: those are full from the start.
const N: u32 = 6_000;

fn leaves_every_table_at_its_size(lie: Lie) {
    let mut settings = Settings::default();
    settings.exposure.all = true;
    let tombstones = (0..4_096).map(|n| (DeviceId::mint(8, n), Wall(0))).collect();
    let remembered = Remembered { tombstones, ..Remembered::default() };
    let mut engine = Engine::new(&settings, Arc::new(NetworkFacts::default()), &remembered, 7, at(1_000_000));
    let once = flooded(&mut engine, lie, 0, N);
    let often = flooded(&mut engine, lie, N, 2 * N);
    for (table, size) in &often {
        let before = once[table];
        assert!(*size <= before + before / 20 + 16, "{lie:?}: {table} grew from {before} to {size}");
    }
}

#[test]
fn random_addresses() {
    leaves_every_table_at_its_size(Lie::Random);
}

#[test]
fn addresses_of_a_maker() {
    leaves_every_table_at_its_size(Lie::Maker);
}

#[test]
fn random_addresses_with_names() {
    leaves_every_table_at_its_size(Lie::Named);
}

#[test]
fn facts_of_nobody() {
    leaves_every_table_at_its_size(Lie::Unheard);
}

#[test]
fn one_that_claims_every_address() {
    leaves_every_table_at_its_size(Lie::Greedy);
}

#[test]
fn one_that_is_ever_something_else() {
    leaves_every_table_at_its_size(Lie::Chameleon);
}

#[test]
fn two_that_fight_for_addresses() {
    leaves_every_table_at_its_size(Lie::Conflict);
}
