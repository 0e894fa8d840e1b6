//! Routers that are false, and those that look so.

use super::*;
use crate::detectors::stage::{Stage, arp, ip, mac, to_global};

/// An advertisement from hardware `from` in the name of hardware `of`.
fn advert(from: u8, of: u8, lifetime: u16, prefix: [u8; 2]) -> Vec<u8> {
    let mut bytes = [&[0x33, 0x33, 0, 0, 0, 1][..], &mac(from), &[0x86, 0xdd, 0x60, 0, 0, 0]].concat();
    let mut icmp = vec![134, 0, 0, 0, 64, 0];
    icmp.extend(lifetime.to_be_bytes());
    icmp.extend([0; 8]);
    icmp.extend([3, 4, 64, 0xc0, 0, 0, 14, 16, 0, 0, 14, 16, 0, 0, 0, 0]);
    icmp.extend(prefix);
    icmp.extend([0; 14]);
    bytes.extend((icmp.len() as u16).to_be_bytes());
    bytes.extend([58, 255]);
    bytes.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, of]);
    bytes.extend([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    bytes.extend(icmp);
    bytes
}

#[test]
fn a_false_router_is_told_and_a_border_router_is_not() {
    let run = |adverts: &[(u8, u8, u16, [u8; 2])]| -> Vec<(Option<MacAddr>, Severity)> {
        let mut stage = Stage::new(RogueRa::new(Settings::default()));
        let found = adverts.iter().enumerate().flat_map(|(n, (from, of, lifetime, prefix))| {
            stage.frame(&advert(*from, *of, *lifetime, *prefix), n as u64 * 9000)
        });
        found.map(|f| (f.attacker.mac, f.severity)).collect()
    };
    let mut stage = Stage::new(RogueRa::new(Settings::default())).behind_v6([0xfe80, 0, 0, 0, 0, 0, 0, 1].into());
    let told = stage.frame(&advert(9, 9, 1800, [0x20, 1]), 0);
    assert_eq!(told.first().map(|f| f.attacker.mac), Some(Some(MacAddr(mac(9)))), "the own router was never heard");
    let (global, local) = ([0x20, 1], [0xfd, 0]);
    let who = |n: u8| Some(MacAddr(mac(n)));
    assert_eq!(run(&[(1, 1, 1800, global), (9, 9, 1800, global)]), [(who(9), Severity::Medium)]);
    assert_eq!(run(&[(1, 1, 1800, global), (9, 1, 0, global)]), [(who(9), Severity::Critical)]);
    assert_eq!(run(&[(9, 1, 0, global)]), [(who(9), Severity::Critical)]);
    assert!(run(&[(1, 1, 1800, global), (8, 8, 0, local), (8, 8, 0, local)]).is_empty(), "Thread");
    assert!(run(&[(1, 1, 1800, global), (1, 1, 0, global), (1, 1, 1800, global)]).is_empty(), "its own restart");
    let way = |lifetime: u16, bits: u8, first: u8| {
        let mut bytes = advert(9, 9, lifetime, global);
        let route = [&[24, 3, bits, 8, 0, 0, 14, 16, first][..], &[0; 15]].concat();
        bytes[19] += 24;
        bytes.extend(route);
        Stage::new(RogueRa::new(Settings::default())).frame(&bytes, 0).len()
    };
    assert_eq!((way(1800, 3, 0x20), way(1800, 64, 0xfd), way(1800, 0, 0), way(0, 7, 0xfc)), (1, 0, 0, 0));
}

#[test]
fn who_advertises_first_after_a_start_is_not_the_router_for_it() {
    let fixed = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    // In the name of an address that is made of nothing.
    let named = |from: u8, lifetime: u16| {
        let mut bytes = advert(from, 1, lifetime, [0x20, 1]);
        bytes[22..38].copy_from_slice(&fixed.octets());
        bytes
    };
    let own = |from: u8| advert(from, from, 1800, [0x20, 1]);
    let global = |from: u8| {
        let mut bytes = own(from);
        bytes[22..24].copy_from_slice(&[0x20, 1]);
        bytes
    };
    let knows = |lines: &str| {
        let mut detector = RogueRa::new(Settings::default());
        detector.recall(lines, Moment::default());
        Stage::new(detector)
    };
    let new = || knows("");
    let router = format!("{} {}", Ipv6Addr::from([0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1]), MacAddr(mac(1)));
    let (home, of_nine) = (ip(1), ip(9));
    let table = [
        ("a farewell", new().remembering(fixed, 1), vec![arp(1, 1, 1, 1, 77), named(9, 0)], Some(9)),
        ("its name", new().remembering(fixed, 1), vec![arp(1, 1, 1, 1, 77), named(9, 1800)], Some(9)),
        (
            "its name, and then it speaks",
            new().behind(home),
            vec![named(9, 1800), arp(1, 1, 1, 1, 77), named(1, 1800), named(9, 1800)],
            Some(9),
        ),
        ("a second one", knows(&router), vec![arp(1, 1, 1, 1, 77), own(9)], Some(9)),
        ("a second one, first", new().behind(home), vec![own(9), arp(1, 1, 1, 1, 77), own(1)], Some(9)),
        (
            "nobody advertised before",
            new().behind(home),
            vec![arp(1, 1, 1, 1, 77), arp(9, 1, 9, 9, 1), own(9)],
            Some(9),
        ),
        ("hosts have global addresses", new(), vec![arp(1, 1, 1, 1, 77), to_global(9), own(1)], None),
        ("the way out itself", new().behind(home), vec![arp(1, 1, 1, 1, 77), own(1)], None),
        ("replaced", knows(&router).remembering(fixed, 1), vec![named(9, 1800), own(9), named(9, 0)], None),
        (
            "replaced, and an access point now",
            knows(&router).remembering(fixed, 1).behind(of_nine),
            vec![arp(1, 1, 1, 1, 77), arp(9, 1, 9, 9, 77), own(9), named(9, 1800)],
            None,
        ),
        (
            "replaced while it is watched, and never heard to advertise",
            new().behind(home).remembering(fixed, 1),
            [vec![arp(1, 1, 1, 1, 77), arp(9, 1, 9, 1, 77)], vec![named(9, 1800); 70], vec![named(9, 0)]].concat(),
            None,
        ),
        (
            "replaced while it is watched",
            new().behind(home).remembering(fixed, 1),
            [vec![arp(1, 1, 1, 1, 77), named(1, 1800), arp(9, 1, 9, 1, 77)], vec![named(9, 1800); 70]]
                .concat()
                .into_iter()
                // The old one comes back as an access point.
                .chain([arp(1, 1, 1, 5, 77), named(9, 1800), named(9, 0)])
                .collect(),
            None,
        ),
        ("one that no host believes", new(), vec![global(9), own(1)], None),
        ("itself", knows(&router).remembering(fixed, 1), vec![arp(1, 1, 1, 1, 77), own(1), named(1, 0)], None),
        ("nobody knows better", new(), vec![own(1), own(9)], Some(9)),
    ];
    for (name, mut stage, frames, told) in table {
        let found: Vec<_> =
            frames.iter().enumerate().flat_map(|(n, frame)| stage.frame(frame, n as u64 * 1000)).collect();
        let who = found.first().map(|finding| finding.attacker.mac);
        assert_eq!(who, told.map(|n| Some(MacAddr(mac(n)))), "{name}: {found:?}");
        assert!(found.len() < 2, "{name}: {found:?}");
    }
}

#[test]
fn who_has_the_routers_address_too_is_told_if_the_router_is_still_there() {
    let named = |from: u8| advert(from, 7, 1800, [0x20, 1]);
    for (speaks, told) in [(Some(20_000), 1), (Some(90_000), 0), (None, 0)] {
        let mut stage = Stage::new(RogueRa::new(Settings::default())).behind(ip(1));
        let mut found = Vec::new();
        let frames = [(0, arp(1, 1, 1, 1, 77)), (500, named(1)), (1000, arp(9, 1, 9, 1, 77)), (2000, named(9))];
        for (ms, frame) in frames {
            found.extend(stage.frame(&frame, ms));
        }
        assert!(found.is_empty(), "{found:?}");
        if let Some(ms) = speaks {
            let alive = Fact::Alive { proof: crate::model::Proof::Frame, age: Duration::ZERO };
            found.extend(stage.saw(crate::model::Subject::mac(MacAddr(mac(1))), alive, ms));
        }
        let who: Vec<_> = found.iter().map(|finding| finding.attacker.mac).collect();
        assert_eq!(who, vec![Some(MacAddr(mac(9))); told], "{speaks:?}");
    }
}

#[test]
fn a_new_router_with_an_address_of_its_own_is_told_if_the_old_one_is_still_there() {
    let own = |from: u8| advert(from, from, 1800, [0x20, 1]);
    let (takes, asks) = (arp(9, 1, 9, 1, 1), arp(9, 1, 9, 9, 77));
    for (name, what, speaks, told) in [
        ("robs both", &takes, Some(20_000), 1),
        ("beside the old one", &asks, None, 1),
        ("replaced", &takes, None, 0),
        ("replaced, and the old one is an access point later", &takes, Some(90_000), 0),
    ] {
        let mut stage = Stage::new(RogueRa::new(Settings::default()));
        let mut found = Vec::new();
        let frames = [(0, &arp(1, 1, 1, 1, 77)), (500, &own(1)), (1000, what), (2000, &own(9)), (70_000, &own(9))];
        for (ms, frame) in frames {
            if ms == 70_000
                && let Some(at) = speaks
            {
                let alive = Fact::Alive { proof: crate::model::Proof::Frame, age: Duration::ZERO };
                found.extend(stage.saw(crate::model::Subject::mac(MacAddr(mac(1))), alive, at));
            }
            found.extend(stage.frame(frame, ms));
        }
        let mut who: Vec<_> = found.iter().map(|finding| finding.attacker.mac).collect();
        who.dedup();
        assert_eq!(who, vec![Some(MacAddr(mac(9))); told], "{name}");
    }
}

#[test]
fn routers_are_written_down_and_read_again() {
    let mut stage = Stage::new(RogueRa::new(Settings::default()));
    stage.frame(&advert(1, 1, 1800, [0x20, 1]), 1000);
    let lines = stage.detector.learned(Moment::default()).unwrap_or_default();
    let mut again = RogueRa::new(Settings::default());
    again.recall(&format!("rubbish\n{lines}fe80::2\n"), Moment::default());
    assert_eq!(again.before, [(Ipv6Addr::from([0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1]), MacAddr(mac(1)))]);
}
