//! # Time blind is not time away

use std::{sync::Arc, time::Duration};

use porchlight::{
    engine::{Input, Settings},
    model::{
        Command, Fact, Health, InterfaceId, NetworkFacts, Observation, PartId, Presence, Proof, Remembered, Source,
        Subject,
    },
};

use crate::world::{GATEWAY, PHONE, World, at};

const TV: (&str, &str) = ("00:04:20:00:00:0a", "192.168.7.10");
const PLUG: (&str, &str) = ("e8:db:84:00:00:0b", "192.168.7.11");

/// A phone, and three that always answer, here for ten minutes.
fn settled() -> World {
    let mut home = World::new();
    for who in [GATEWAY, PHONE, TV, PLUG] {
        home.comes(who);
    }
    home.named(TV, "samsung-tv");
    home.named(PLUG, "shellyplug-b");
    home.run(600);
    home
}

#[test]
fn time_blind_is_not_time_away() {
    type Fault = fn(&mut World, bool);
    let faults: &[(&str, Fault)] = &[
        ("interface down", |home, down| {
            let mut network = home.network.clone();
            network.interfaces[0].up = !down;
            home.give(Input::Network(Arc::new(network)));
        }),
        ("interface gone", |home, down| {
            let mut network = home.network.clone();
            if down {
                network.interfaces[0].id = InterfaceId(9);
            }
            home.give(Input::Network(Arc::new(network)));
        }),
        ("all ears down", |home, down| {
            for part in ["capture/eth0", "netlink", "arp_sweep", "icmp"] {
                let health = if down { Health::Down { why: "no permission".into(), advice: None } } else { Health::Up };
                home.give(Input::Part(PartId::new(part), health));
            }
        }),
        ("access point down: all witnesses silent", |home, down| {
            for who in [GATEWAY, PHONE, TV, PLUG] {
                if down { home.goes(who) } else { home.comes(who) }
            }
        }),
        ("nobody reports on questions", |home, down| home.mute = down),
    ];
    for (name, fault) in faults {
        let mut home = settled();
        fault(&mut home, true);
        let stays = home.there.clone();
        home.there.clear();
        home.run(3 * 3_600);
        assert_eq!(home.saw("-> away"), 0, "{name}: {:#?}", home.lines);
        home.there = stays;
        fault(&mut home, false);
        home.run(3_600);
        assert_eq!((home.saw("-> away"), home.saw("returned")), (0, 0), "{name}: {:#?}", home.lines);
        assert!(home.engine.view().devices.values().all(|device| device.presence == Presence::Home), "{name}");
    }
}

/// A mirror port: it hears everybody, and nothing is asked through it.
const MIRROR: InterfaceId = InterfaceId(3);

/// Those speak by themselves every twenty seconds, as a mirror port hears it.
fn chatter(home: &mut World, who: &[(&str, &str)], seconds: u64) {
    for _ in 0..seconds / 20 {
        for (mac, ip) in who {
            home.give(Input::Observation(Observation {
                source: Source::Capture,
                interface: Some(MIRROR),
                at: at(home.now),
                subject: Subject::both(mac.parse().expect("a MAC"), ip.parse().expect("an address")),
                fact: Fact::Alive { proof: Proof::Frame, age: Duration::ZERO },
            }));
        }
        home.run(20);
    }
}

#[test]
fn a_mirror_port_that_hears_them_is_no_proof_that_they_hear_this_host() {
    let mirror = |network: &NetworkFacts| porchlight::model::InterfaceFacts {
        id: MIRROR,
        name: "mir0".into(),
        addresses: Vec::new(),
        subnets: Vec::new(),
        gateways: Vec::new(),
        ..network.interfaces[0].clone()
    };
    let with_mirror = || {
        let mut home = settled();
        let mut network = home.network.clone();
        network.interfaces.push(mirror(&network));
        home.give(Input::Network(Arc::new(network)));
        home
    };
    let talkers = [GATEWAY, TV, PLUG];
    // The cable of this host is dead: no question arrives, and two never speak unasked.
    let mut home = with_mirror();
    const NAS: (&str, &str) = ("00:11:32:00:00:0d", "192.168.7.13");
    home.comes(NAS);
    home.named(NAS, "diskstation");
    chatter(&mut home, &talkers, 600);
    let stays = std::mem::take(&mut home.there);
    chatter(&mut home, &talkers, 3 * 3_600);
    assert_eq!(home.saw("-> away"), 0, "{:#?}", home.lines);
    home.there = stays;
    chatter(&mut home, &talkers, 3_600);
    assert_eq!((home.saw("-> away"), home.saw("returned")), (0, 0), "{:#?}", home.lines);
    // Whoever is gone is called away all the same.
    home.goes(PHONE);
    home.goes(NAS);
    chatter(&mut home, &talkers, 3 * 3_600);
    assert_eq!(home.saw("-> away"), 2, "{:#?}", home.lines);
    // Where there is nothing but a mirror port, what it hears is all there is.
    let mut home = World::new();
    let mut network = home.network.clone();
    network.interfaces = vec![mirror(&network)];
    home.give(Input::Network(Arc::new(network)));
    chatter(&mut home, &[GATEWAY, TV, PLUG, PHONE], 3_600);
    chatter(&mut home, &talkers, 4 * 3_600);
    assert_eq!(home.device(PHONE).presence, Presence::Away, "{:#?}", home.lines);
    assert_eq!(home.saw("-> away"), 1, "{:#?}", home.lines);
}

#[test]
fn a_segment_dark_for_weeks_is_asked_ever_less_and_back_with_its_first_words() {
    const DOORBELL: (&str, &str) = ("e8:db:84:00:00:0c", "192.168.7.12");
    const DAY: u64 = 86_400;
    let mut home = settled();
    home.there.clear();
    home.run(3 * 3_600);
    assert_eq!(home.saw("-> away"), 0, "{:#?}", home.lines);
    // One newcomer speaks now and then, so the ears are known to hear.
    let mut asked = Vec::new();
    for _ in 0..30 {
        let before = home.asks.len();
        for _ in 0..24 {
            home.comes(DOORBELL);
            home.run(3_600);
        }
        let dark = [GATEWAY, TV, PLUG].map(|who| who.1.parse().expect("an address"));
        asked.push(home.asks[before..].iter().filter(|(_, look)| dark.contains(&look.ip)).count());
    }
    assert!(asked.iter().skip(20).sum::<usize>() <= 100, "questions a day: {asked:?}");
    assert_eq!(home.saw("-> away"), 0, "{:#?}", home.lines);
    // The access point is back, and the phone is not.
    for who in [GATEWAY, TV, PLUG] {
        home.comes(who);
    }
    home.run(DAY / 2);
    assert_eq!(home.device(PHONE).presence, Presence::Away, "{:#?}", home.lines);
    assert_eq!(home.saw("-> away"), 1, "{:#?}", home.lines);
}

#[test]
fn who_does_not_come_back_with_an_interface_left() {
    let mut home = World::new();
    for who in [GATEWAY, PHONE, TV] {
        home.comes(who);
    }
    home.run(600);
    let mut network = home.network.clone();
    let facts = network.interfaces.remove(0);
    home.give(Input::Network(Arc::new(network.clone())));
    home.goes(PHONE);
    let there = std::mem::take(&mut home.there);
    home.run(3_600);
    assert_eq!(home.saw("-> away"), 0, "{:#?}", home.lines);
    // The card is back under another number.
    network.interfaces.push(porchlight::model::InterfaceFacts { id: InterfaceId(9), ..facts });
    home.there = there;
    home.give(Input::Network(Arc::new(network)));
    home.run(7_200);
    assert_eq!(home.device(PHONE).presence, Presence::Away, "{:#?}", home.lines);
    assert_eq!(home.saw("-> away"), 1, "{:#?}", home.lines);
}

#[test]
fn a_cut_wire_holds_nobody_on_another() {
    let mut home = World::new();
    let mut network = home.network.clone();
    network.interfaces.push(porchlight::model::InterfaceFacts {
        id: InterfaceId(3),
        name: "eth1".into(),
        mac: None,
        addresses: Vec::new(),
        up: true,
        subnets: vec!["192.168.8.0/24".parse().expect("a subnet")],
        gateways: Vec::new(),
    });
    home.give(Input::Network(Arc::new(network.clone())));
    home.comes(GATEWAY);
    home.comes(PHONE);
    let beyond = ["192.168.8.11", "192.168.8.12", "192.168.8.13"];
    for (n, ip) in beyond.into_iter().enumerate() {
        let subject = porchlight::model::Subject::both(
            crate::world::mac(&format!("00:04:20:00:01:{n:02x}")),
            crate::world::ip(ip),
        );
        home.there.extend(subject.mac);
        let fact = porchlight::model::Fact::Alive { proof: Proof::Frame, age: Duration::ZERO };
        let (at, source) = (crate::world::at(home.now), porchlight::model::Source::Capture);
        let interface = Some(InterfaceId(3));
        home.give(Input::Observation(porchlight::model::Observation { source, interface, at, subject, fact }));
    }
    home.seen(PHONE, Proof::Frame);
    // Everybody was heard together; then the wire is cut, and the phone leaves.
    network.interfaces[1].up = false;
    home.give(Input::Network(Arc::new(network)));
    home.there.retain(|mac| *mac == crate::world::mac(GATEWAY.0));
    home.run(3 * 3_600);
    assert_eq!(home.device(PHONE).presence, Presence::Away, "{:#?}", home.lines);
    assert_eq!((home.saw("-> away"), home.saw("-> unknown")), (1, 3), "{:#?}", home.lines);
}

#[test]
fn suspend_is_no_silence() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.run(300);
    home.now += 2 * 3_600_000;
    home.coming.clear();
    home.give(Input::Blind(Duration::from_secs(7_200)));
    home.run(1_800);
    assert_eq!(home.saw("-> away"), 0, "{:#?}", home.lines);
}

// A host that sleeps wakes late: the first thing it hears of is that it was deaf, and only then do
// timers run. Devices that cannot be asked leave by the timer alone, so they would go first.
#[test]
fn a_host_that_slept_calls_nobody_away_on_waking() {
    let mut settings = Settings::default();
    settings.presence.never_wake.push(PHONE.0.into());
    let mut of_device = Settings::default();
    let own = porchlight::presence::Own { never_wake: true, ..Default::default() };
    of_device.presence.devices.insert(PHONE.0.into(), own);
    for (slept, settings) in [(600, &settings), (3_600, &of_device), (9 * 3_600, &settings)] {
        let mut home = World::with(settings.clone(), &Remembered::default());
        home.comes(GATEWAY);
        home.comes(PHONE);
        let phone = home.id(PHONE);
        assert!(home.order(Command::SetAwayAfter { device: phone, after: Duration::from_secs(60) }));
        home.give(Input::Adopt(Arc::new(settings.clone())));
        home.run(30);
        home.seen(PHONE, Proof::Mdns);
        let lines = home.lines.len();
        home.run(40);
        home.seen(GATEWAY, Proof::Frame);
        home.now += slept * 1_000;
        home.coming.clear();
        home.give(Input::Blind(Duration::from_secs(slept)));
        home.seen(GATEWAY, Proof::Frame);
        home.give(Input::Tick);
        home.run(50);
        assert_eq!(home.saw("-> away"), 0, "{slept} s: {:#?}", &home.lines[lines..]);
        home.run(300);
        assert_eq!(home.saw("-> away no_answer"), 1, "and then it is missed as ever");
    }
}

/// A tag that only one sensor's radio hears: held while that sensor is out, as long as was said, and not longer.
#[test]
fn an_ear_that_is_out_holds_whom_it_alone_hears_and_not_for_ever() {
    use porchlight::model::{Fact, Observation, Source, Subject};
    const TAG: &str = "c4:7c:8d:6a:11:22";
    const OTHER: &str = "c4:7c:8d:6a:11:33";
    let said = |home: &mut World, tag: &str, source: Source, fact: Fact| {
        let at = crate::world::at(home.now);
        let subject = Subject::mac(crate::world::mac(tag));
        home.give(Input::Observation(Observation { source, interface: None, at, subject, fact }));
    };
    let heard = || Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO };
    let state = |home: &mut World, tag: &str| {
        let mac = crate::world::mac(tag);
        let view = home.engine.view();
        view.devices.values().find(|device| device.macs.contains(&mac)).expect("known").presence
    };
    let mut home = World::new();
    home.comes(GATEWAY);
    for part in ["capture/eth0", "mqtt", "ble"] {
        home.give(Input::Part(PartId::new(part), Health::Up));
    }
    // The other one is heard by the radio of this host too.
    said(&mut home, TAG, Source::Mqtt, heard());
    said(&mut home, OTHER, Source::Mqtt, heard());
    said(&mut home, OTHER, Source::Ble, heard());
    home.run(60);
    let hold = Duration::from_secs(3 * 3_600);
    for tag in [TAG, OTHER] {
        said(&mut home, tag, Source::Mqtt, Fact::EarOut(hold));
    }
    home.run(3 * 3_600 - 120);
    assert_eq!(state(&mut home, OTHER), Presence::Away, "{:#?}", home.lines);
    assert_eq!(state(&mut home, TAG), Presence::Unknown, "{:#?}", home.lines);
    home.run(120 + 3_600);
    assert_eq!(state(&mut home, TAG), Presence::Away, "{:#?}", home.lines);
    // Out again and back again: its silence starts over, and nothing was said meanwhile.
    said(&mut home, TAG, Source::Mqtt, heard());
    let before = home.saw("-> away");
    said(&mut home, TAG, Source::Mqtt, Fact::EarOut(hold));
    home.run(2 * 3_600);
    said(&mut home, TAG, Source::Mqtt, Fact::EarOut(Duration::ZERO));
    home.run(60);
    assert_eq!(state(&mut home, TAG), Presence::Home, "{:#?}", home.lines);
    // Another sensor hears it after all.
    said(&mut home, TAG, Source::Mqtt, Fact::EarOut(hold));
    home.run(60);
    said(&mut home, TAG, Source::Mqtt, heard());
    home.run(60);
    assert_eq!((state(&mut home, TAG), home.saw("-> away")), (Presence::Home, before), "{:#?}", home.lines);
    home.run(2 * 3_600);
    assert_eq!(state(&mut home, TAG), Presence::Away, "nobody waits any more: {:#?}", home.lines);
}
