//! # Whose an address is: devices stay, addresses move

use std::{sync::Arc, time::Duration};

use porchlight::{
    engine::{Input, Settings},
    model::{Command, Fact, InterfaceId, Kind, MacAddr, Observation, Presence, Probe, Proof, Source, Subject},
};

use crate::world::{ETH, GATEWAY, PHONE, World, at, ip, mac};

#[test]
fn a_virtual_router_is_a_router_whoever_serves_it() {
    let mut home = World::new();
    let virtual_router = ("00:00:5e:00:01:0a", "192.168.7.254");
    home.seen(virtual_router, Proof::ArpAnnounce);
    assert_eq!((home.device(virtual_router).kind, home.saw("kind")), (Kind::Router, 0));
}

#[test]
fn who_left_is_no_longer_shown_with_an_address_that_another_has_now() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.run(600);
    home.goes(PHONE);
    home.run(7_200);
    let gone = home.device(PHONE);
    assert_eq!((gone.presence, gone.addresses.as_slice()), (Presence::Away, &[ip(PHONE.1)][..]));
    home.seen(("3c:22:fb:10:20:30", PHONE.1), Proof::ArpAnnounce);
    assert_eq!(home.device(PHONE).addresses, Vec::<std::net::IpAddr>::new());
}

#[test]
fn a_phone_that_draws_a_new_address_stays_the_same_device() {
    // How long after its last word it is back under another address.
    for gap in [30, 2] {
        let mut home = World::new();
        home.comes(GATEWAY);
        // Longer than the silence after a first start.
        home.run(3_600);
        let days = ["5a:11:22:33:44:55", "9e:11:22:33:44:66", "3e:aa:bb:cc:dd:77", "ca:01:02:03:04:05"];
        for (day, mac) in days.into_iter().enumerate() {
            let who = (mac, ["192.168.7.50", "192.168.7.51", "192.168.7.52", "192.168.7.53"][day]);
            home.comes(who);
            home.dhcp(who, "Maya-iPhone");
            home.run(3_600);
            home.seen(who, Proof::Frame);
            home.goes(who);
            home.run(gap);
            assert_eq!(home.saw("alert opened"), 1, "told when it came, and never again: {:#?}", home.lines);
        }
        let view = home.engine.view();
        assert_eq!(view.devices.len(), 2, "the gateway and Maya's phone: {:?}", home.lines);
        let found = |line: &&(u64, String)| line.1.contains("found");
        assert_eq!(home.lines.iter().filter(found).count(), 2, "{gap} s: {:#?}", home.lines);
        let phone = home.device((days[0], ""));
        assert_eq!((phone.macs.len(), phone.name.as_str(), phone.presence), (4, "Maya-iPhone", Presence::Home));
        assert!(home.order(Command::Split { device: phone.id }));
        assert_eq!(home.engine.view().devices.len(), 3);
    }
}

#[test]
fn two_of_the_same_name_at_once_are_two() {
    let mut home = World::new();
    let (a, b) = (("5a:11:22:33:44:55", "192.168.7.50"), ("9e:11:22:33:44:66", "192.168.7.51"));
    home.comes(a);
    home.dhcp(a, "Maya-iPhone");
    home.run(300);
    home.comes(b);
    home.run(60);
    home.seen(a, Proof::Mdns);
    home.dhcp(b, "Maya-iPhone");
    home.run(600);
    assert_eq!(home.engine.view().devices.len(), 2, "both are heard");
    assert_eq!((home.device(a).name.as_str(), home.device(b).name.as_str()), ("Maya-iPhone", "Maya-iPhone 4466"));
}

#[test]
fn a_wrong_join_undoes_itself_and_is_never_made_again() {
    let mut home = World::new();
    let (a, b) = (("5a:11:22:33:44:55", "192.168.7.50"), ("9e:11:22:33:44:66", "192.168.7.51"));
    home.comes(a);
    home.dhcp(a, "Maya-iPhone");
    home.run(20);
    home.comes(b);
    home.dhcp(b, "Maya-iPhone");
    assert_eq!((home.engine.view().devices.len(), home.id(a)), (1, home.id(b)), "it looks like a new address");
    home.run(15);
    home.seen(a, Proof::Mdns);
    home.seen(b, Proof::Mdns);
    assert_ne!(home.id(a), home.id(b), "both are heard at once");
    assert_eq!(home.device(a).presence, Presence::Home);
    assert_eq!(home.device(b).presence, Presence::Home);
    home.dhcp(b, "Maya-iPhone");
    home.run(600);
    assert_eq!(home.engine.view().devices.len(), 2);
    let lines: Vec<_> = home.lines.iter().filter(|(_, line)| line.contains("merged")).collect();
    assert!(lines.is_empty(), "the second was not told of before: {lines:?}");
}

#[test]
fn what_is_told_late_of_an_address_laid_down_splits_nobody() {
    let (a, b) = (("5a:11:22:33:44:55", "192.168.7.50"), ("9e:11:22:33:44:66", "192.168.7.51"));
    // A neighbour table, a router, another sensor: the proof is of before the new address came, or of just after.
    for (told_after, age) in [(1, 3), (3, 9), (5, 5), (9, 2), (12, 13), (12, 30), (30, 40), (50, 45)] {
        let mut home = World::new();
        home.comes(a);
        home.dhcp(a, "Maya-iPhone");
        home.run(20);
        home.goes(a);
        home.comes(b);
        home.dhcp(b, "Maya-iPhone");
        assert_eq!(home.id(a), home.id(b), "it looks like a new address");
        home.run(told_after);
        home.fact(a, Fact::Alive { proof: Proof::NeighbourReachable, age: Duration::from_secs(age) });
        for _ in 0..20 {
            home.run(4);
            home.seen(b, Proof::Mdns);
        }
        assert_eq!(home.id(a), home.id(b), "told {told_after} s after, {age} s old: {:#?}", home.lines);
        assert_eq!(home.device(b).macs.first(), Some(&mac(b.0)), "the newest is the one in use");
        assert_eq!(home.engine.view().devices.len(), 1);
    }
}

#[test]
fn who_has_an_address_only_later_is_asked_as_soon_as_others() {
    let first_question = |address_after: Option<u64>| -> u64 {
        let mut home = World::new();
        home.comes(GATEWAY);
        home.run(60);
        let began = home.now;
        home.there.insert(mac(PHONE.0));
        match address_after {
            None => home.seen(PHONE, Proof::ArpAnnounce),
            Some(seconds) => {
                home.give(Input::Observation(Observation {
                    source: Source::Capture,
                    interface: Some(ETH),
                    at: at(home.now),
                    subject: Subject::mac(mac(PHONE.0)),
                    fact: Fact::Alive { proof: Proof::DhcpRequest, age: Duration::ZERO },
                }));
                home.run(seconds);
                home.seen(PHONE, Proof::ArpAnnounce);
            }
        }
        home.run(200);
        let asked = home.asks.iter().find(|(at, look)| *at >= began && look.ip == ip(PHONE.1));
        asked.map_or(u64::MAX, |(at, _)| (at - began) / 1000)
    };
    let at_once = first_question(None);
    for seconds in [1, 5, 20] {
        let later = first_question(Some(seconds));
        assert!(later <= at_once + seconds + 1, "{later} s, others {at_once} s, address after {seconds} s");
    }
}

#[test]
fn addresses_move_and_devices_stay() {
    let mut home = World::new();
    let trunk = "00:16:3e:00:00:10";
    home.comes((trunk, "192.168.7.10"));
    home.run(3_600);
    let alerts = home.saw("alert opened");
    // Scanned for hours.
    for _ in 0..60 {
        home.seen((trunk, "10.0.20.10"), Proof::ArpReply);
        home.seen((trunk, "192.168.7.10"), Proof::ArpReply);
        home.run(300);
    }
    assert_eq!((home.engine.view().devices.len(), home.saw("address ")), (1, 1), "{:#?}", home.lines);
    assert_eq!(home.saw("alert opened"), alerts, "{:#?}", home.lines);
    assert_eq!(home.device((trunk, "")).addresses.len(), 2);
    // A sleep proxy answers for another: each keeps its own presence.
    let (tv, base) = (("3c:22:fb:00:02:32", "192.168.7.232"), ("3c:22:fb:00:02:17", "192.168.7.217"));
    home.comes(tv);
    home.comes(base);
    home.seen((base.0, tv.1), Proof::ArpReply);
    let (tv, base) = (home.device(tv), home.device(base));
    assert!(tv.id != base.id && tv.addresses.contains(&ip("192.168.7.232")));
}

#[test]
fn a_new_lease_replaces_the_old_address() {
    let mut home = World::new();
    home.comes(PHONE);
    home.seen((PHONE.0, "192.168.7.99"), Proof::DhcpRequest);
    assert_eq!(home.saw("192.168.7.40 -> 192.168.7.99"), 1);
    assert_eq!(home.device(PHONE).addresses, [ip("192.168.7.99")]);
}

#[test]
fn this_host_is_in_the_list_once_and_never_leaves() {
    let mut home = World::new();
    home.network.interfaces[0].mac = Some(mac("dc:a6:32:00:00:05"));
    let mut wlan = home.network.interfaces[0].clone();
    (wlan.id, wlan.name, wlan.mac) = (InterfaceId(3), "wlan0".into(), Some(mac("dc:a6:32:00:00:06")));
    home.network.interfaces.push(wlan);
    let network = Arc::new(home.network.clone());
    home.give(Input::Network(network));
    home.run(24 * 3_600);
    let own = home.device(("dc:a6:32:00:00:05", ""));
    assert!(own.is_own && own.macs.len() == 2 && own.presence == Presence::Home, "{own:?}");
    assert_eq!(home.engine.view().devices.len(), 1);
    assert!(!home.order(Command::Forget { device: own.id }));
}

#[test]
fn a_merge_keeps_the_elder_and_can_be_undone_after_a_restart() {
    let mut home = World::new();
    let (a, b) = (("3c:22:fb:00:04:01", "192.168.7.91"), ("3c:22:fb:00:04:02", "192.168.7.92"));
    home.comes(a);
    home.run(1);
    home.comes(b);
    let (old, young) = (home.id(a), home.id(b));
    assert!(home.order(Command::Merge { a: young, b: old }));
    assert_eq!((home.id(b), home.saw("merged")), (old, 2), "the change and the window's reason");
    let mut home = World::with(Settings::default(), &home.remember());
    assert!(home.order(Command::Split { device: old }));
    assert_eq!((home.id(a), home.id(b)), (old, young));
    assert!(!home.order(Command::Split { device: old }), "nothing is left to undo");
}

#[test]
fn a_phone_with_two_radios_is_asked_on_the_network() {
    let mut home = World::new();
    let radio = mac("c0:11:22:00:00:01");
    let advert = |home: &mut World| {
        let (at, fact) = (at(home.now), Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO });
        home.give(Input::Observation(Observation {
            source: Source::Ble,
            interface: None,
            at,
            subject: Subject::mac(radio),
            fact,
        }));
    };
    home.comes(GATEWAY);
    home.comes(PHONE);
    advert(&mut home);
    let phone = home.id(PHONE);
    let other = home.engine.view().devices.values().find(|d| d.macs.contains(&radio)).map(|d| d.id).expect("found");
    assert!(home.order(Command::Merge { a: phone, b: other }));
    home.seen(PHONE, Proof::Frame);
    home.run(5);
    // Bluetooth was heard last, and nobody answers a question there.
    advert(&mut home);
    let before = home.asks.len();
    home.run(120);
    let asked: Vec<_> = home.asks[before..].iter().filter(|(_, look)| look.ip == ip(PHONE.1)).collect();
    assert!(!asked.is_empty() && asked.iter().all(|(_, look)| look.mac == Some(mac(PHONE.0))), "{asked:?}");
}

#[test]
fn a_flood_of_invented_addresses_evicts_itself() {
    let mut home = World::new();
    home.comes(PHONE);
    let guest = ("5a:11:22:33:44:55", "192.168.7.50");
    home.comes(guest);
    home.dhcp(guest, "Maya-iPhone");
    for n in 0..3_000u32 {
        let [_, _, hi, lo] = n.to_be_bytes();
        let invented = MacAddr([0x02, 0x66, 0, 0, hi, lo]);
        home.now += 1;
        home.give(Input::Observation(Observation {
            source: Source::Capture,
            interface: Some(ETH),
            at: at(home.now),
            subject: Subject::mac(invented),
            fact: Fact::Alive { proof: Proof::Frame, age: Duration::ZERO },
        }));
    }
    let view = home.engine.view();
    assert!(view.devices.len() <= 520, "{}", view.devices.len());
    home.device(PHONE);
    home.device(guest);
}

// A laptop has another address on the other band: both are the maker's, so neither was drawn by chance.
#[test]
fn a_laptop_on_another_band_is_told_of_once_and_joined_by_a_person() {
    let (slow, fast) = (("3c:22:fb:00:05:01", "192.168.7.70"), ("3c:22:fb:00:05:02", "192.168.7.71"));
    let mut home = World::new();
    home.comes(GATEWAY);
    let switch = |home: &mut World, from: (&str, &str), to: (&str, &str)| {
        home.goes(from);
        home.comes(to);
        home.dhcp(to, "Bens-MacBook");
        for _ in 0..5 {
            home.run(60);
            home.seen(to, Proof::Frame);
        }
    };
    home.comes(slow);
    home.dhcp(slow, "Bens-MacBook");
    home.run(300);
    switch(&mut home, slow, fast);
    assert_eq!((home.saw("found"), home.engine.view().devices.len()), (3, 3), "told of once");
    for _ in 0..5 {
        switch(&mut home, fast, slow);
        switch(&mut home, slow, fast);
    }
    assert_eq!(home.saw("found"), 3, "and never again");
    assert_eq!((home.saw("proposed"), home.saw("-> away")), (1, 0), "{:#?}", home.lines);
    let (a, b) = (home.id(slow), home.id(fast));
    assert!(home.order(Command::AnswerProposal { device: b, is_same: true }));
    assert_eq!(home.device(slow).presence, Presence::Home, "what one half proves, the whole is");
    let before = home.lines.len();
    for _ in 0..5 {
        switch(&mut home, fast, slow);
        switch(&mut home, slow, fast);
    }
    let told: Vec<_> = home.lines[before..].iter().filter(|(_, line)| !line.contains("address")).collect();
    assert!(told.is_empty(), "one device that moves: {told:#?}");
    assert_eq!((home.id(slow), home.engine.view().devices.len()), (a, 2));
}

#[test]
fn another_band_is_proposed_only_of_one_that_was_silent_and_is_alike() {
    const SLOW: (&str, &str) = ("3c:22:fb:00:05:01", "192.168.7.70");
    const FAST: (&str, &str) = ("3c:22:fb:00:05:02", "192.168.7.71");
    const OTHER_MAKER: (&str, &str) = ("e8:db:84:00:05:02", "192.168.7.71");
    let cases = [
        ("alike", FAST, "Bens-MacBook", "Bens-MacBook", false, 1),
        ("a name in other letters", FAST, "Bens-MacBook", "BENS-MACBOOK", false, 1),
        ("another name", FAST, "Bens-MacBook", "Annas-MacBook", false, 0),
        ("a name that many have", FAST, "MacBook-Pro", "MacBook-Pro", false, 0),
        ("another maker", OTHER_MAKER, "Bens-MacBook", "Bens-MacBook", false, 0),
        ("both at once", FAST, "Bens-MacBook", "Bens-MacBook", true, 0),
    ];
    for (what, new, old_name, new_name, both, proposals) in cases {
        let mut home = World::new();
        home.comes(GATEWAY);
        home.comes(SLOW);
        home.dhcp(SLOW, old_name);
        home.run(300);
        if !both {
            home.goes(SLOW);
        }
        home.comes(new);
        home.dhcp(new, new_name);
        for _ in 0..10 {
            home.run(30);
            home.seen(new, Proof::Frame);
            if both {
                home.seen(SLOW, Proof::Frame);
            }
        }
        assert_eq!(home.saw("proposed"), proposals, "{what}: {:#?}", home.lines);
        if proposals == 1 {
            let device = home.id(new);
            assert!(home.order(Command::AnswerProposal { device, is_same: false }));
            home.dhcp(new, new_name);
            home.run(120);
            assert_eq!(home.saw("proposed"), 1, "{what}: refused once, and for good");
        }
    }
}

// Of two addresses of one device the old one falls silent: the device is where the new one is.
#[test]
fn an_old_address_that_expires_moves_nobody() {
    let (old, new) = (("3c:22:fb:00:06:01", "192.168.7.72"), ("3c:22:fb:00:06:02", "192.168.7.73"));
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(old);
    home.comes(new);
    let (a, b) = (home.id(old), home.id(new));
    assert!(home.order(Command::Merge { a, b }));
    home.goes(old);
    let before = home.lines.len();
    for _ in 0..120 {
        home.run(30);
        home.seen(new, Proof::Frame);
        for probe in [Probe::Arp, Probe::Icmp, Probe::Mdns] {
            home.fact(old, Fact::Unanswered { probe });
        }
    }
    assert_eq!(home.lines.len(), before, "{:#?}", &home.lines[before..]);
    assert_eq!(home.device(old).presence, Presence::Home);
}

// A host beyond a router is known by its address alone, until its own wire is heard.
#[test]
fn an_address_beyond_a_router_becomes_the_device_that_holds_it() {
    let (router, bulb) = ("10.0.60.1", "10.0.60.9");
    let mut home = World::new();
    home.comes(GATEWAY);
    for ip in [router, bulb] {
        home.give(Input::Observation(Observation {
            source: Source::Icmp,
            interface: Some(ETH),
            at: at(home.now),
            subject: Subject::ip(ip.parse().expect("an address")),
            fact: Fact::Alive { proof: Proof::IcmpReply, age: Duration::ZERO },
        }));
    }
    assert_eq!(home.engine.view().devices.len(), 3);
    home.seen((GATEWAY.0, router), Proof::ArpReply);
    home.seen(("10:d5:61:00:00:09", bulb), Proof::ArpAnnounce);
    let view = home.engine.view();
    assert_eq!(view.devices.len(), 2, "{:#?}", home.lines);
    assert_eq!(home.device(GATEWAY).addresses, [ip(router), ip(GATEWAY.1)]);
    let bulb = home.device(("10:d5:61:00:00:09", bulb));
    assert_eq!((bulb.vendor.as_deref(), bulb.presence), (Some("Tuya"), Presence::Home));
    assert_eq!(home.saw("found"), 3, "nobody is told of twice");
}
