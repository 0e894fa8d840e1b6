//! # One device, many ears
//!
//! Whoever hears it, it is one device: what one ear misses another hears, and the silence of one is not its own.

use std::time::Duration;

use porchlight::{
    engine::{Input, Settings},
    model::{Command, DeviceId, Fact, HeardAt, Observation, Presence, Proof, Rssi, Source, Subject},
};

use crate::world::{ETH, GATEWAY, PHONE, World, at, ip, mac};

const RADIO: &str = "c0:11:22:01:02:03";

fn hears(home: &mut World, source: Source, who: &str, fact: Fact) {
    let interface = matches!(source, Source::Capture | Source::Netlink | Source::ArpSweep).then_some(ETH);
    let subject = Subject { mac: Some(mac(who)), ip: interface.map(|_| ip(PHONE.1)) };
    home.give(Input::Observation(Observation { source, interface, at: at(home.now), subject, fact }));
}

fn alive(proof: Proof) -> Fact {
    Fact::Alive { proof, age: Duration::ZERO }
}

/// A phone on the network whose Bluetooth address is known to be its own.
fn phone_with_a_radio() -> (World, DeviceId) {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.dhcp(PHONE, "Annas-iPhone");
    hears(&mut home, Source::Ble, RADIO, alive(Proof::BleAdvert));
    let id = |home: &mut World, who: &str| {
        let view = home.engine.view();
        view.devices.values().find(|device| device.macs.contains(&mac(who))).expect("known").id
    };
    let (a, b) = (id(&mut home, PHONE.0), id(&mut home, RADIO));
    assert!(home.order(Command::Merge { a, b }));
    let id = id(&mut home, PHONE.0);
    (home, id)
}

// The cable, the kernel, an access point, a controller, a sensor in another room and Home Assistant each tell of it.
#[test]
fn whoever_hears_it_it_is_one_device() {
    let mut home = World::new();
    home.comes(GATEWAY);
    let tell: [(Source, fn() -> Fact); 9] = [
        (Source::Netlink, || alive(Proof::NeighbourReachable)),
        (Source::Capture, || alive(Proof::DhcpRequest)),
        (Source::ArpSweep, || alive(Proof::ArpReply)),
        (Source::Hostapd, || alive(Proof::Frame)),
        (Source::Openwrt, || Fact::Listed),
        (Source::Unifi, || alive(Proof::Frame)),
        (Source::WifiMonitor, || alive(Proof::Frame)),
        (Source::Mqtt, || alive(Proof::Frame)),
        (Source::HomeAssistant, || Fact::Listed),
    ];
    for round in 0..20 {
        for (source, fact) in tell {
            hears(&mut home, source, PHONE.0, fact());
            home.run(3 + round % 3);
        }
    }
    assert_eq!((home.engine.view().devices.len(), home.saw("found")), (2, 2), "{:#?}", home.lines);
    assert_eq!((home.saw("window opened"), home.saw("returned")), (2, 0), "{:#?}", home.lines);
    assert_eq!(home.device(PHONE).presence, Presence::Home);
}

// A locked phone advertises nothing for hours, and answers on the network all the while.
#[test]
fn a_phone_that_bluetooth_lost_is_home_while_it_answers() {
    let (mut home, _) = phone_with_a_radio();
    for _ in 0..30 {
        hears(&mut home, Source::Ble, RADIO, alive(Proof::BleAdvert));
        home.run(20);
    }
    let lines = home.lines.len();
    home.run(6 * 3_600);
    assert_eq!(home.device(PHONE).presence, Presence::Home, "{:#?}", &home.lines[lines..]);
    assert!(!home.lines[lines..].iter().any(|(_, line)| line.contains("-> away")), "{:#?}", &home.lines[lines..]);
}

// And one whose Wi-Fi sleeps is home while its radio is heard; gone from both, it is away.
#[test]
fn a_phone_that_left_the_network_is_home_while_bluetooth_hears_it() {
    let (mut home, id) = phone_with_a_radio();
    home.run(600);
    home.goes(PHONE);
    let lines = home.lines.len();
    for _ in 0..6 * 180 {
        hears(&mut home, Source::Ble, RADIO, alive(Proof::BleAdvert));
        home.run(20);
    }
    let away = format!("presence {id} ");
    let is_away =
        |home: &World| home.lines[lines..].iter().any(|(_, line)| line.contains(&away) && line.contains("-> away"));
    assert!(!is_away(&home), "{:#?}", &home.lines[lines..]);
    home.run(3 * 3_600);
    assert!(is_away(&home), "{:#?}", &home.lines[lines..]);
}

// A sensor that hangs says the same distance again and again, of a phone that nobody else hears: no sign of life.
#[test]
fn a_reading_that_stands_still_holds_nobody() {
    let (mut home, id) = phone_with_a_radio();
    assert!(home.order(Command::SetAwayAfter { device: id, after: Duration::from_secs(600) }));
    home.run(60);
    home.goes(PHONE);
    for _ in 0..360 {
        let level = Rssi::new(-61).expect("a level");
        let place = HeardAt { ear: "kitchen".into(), room: Some("Kitchen".into()), wifi: false, level };
        hears(&mut home, Source::Mqtt, RADIO, Fact::HeardAt(place));
        home.run(5);
    }
    assert_eq!(home.device(PHONE).presence, Presence::Away, "{:#?}", home.lines);
}

// Its Wi-Fi draws another address each day while its Bluetooth goes on under its own: neither says that there are two.
#[test]
fn a_phone_that_bluetooth_hears_keeps_its_new_addresses() {
    let first = ("5a:11:22:33:44:00", "192.168.7.50");
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(first);
    home.dhcp(first, "Maya-iPhone");
    home.run(60);
    hears(&mut home, Source::Ble, RADIO, alive(Proof::BleAdvert));
    home.run(10);
    let radio = home.engine.view().devices.values().find(|it| it.macs.contains(&mac(RADIO))).expect("known").id;
    let phone = home.id(first);
    assert!(home.order(Command::Merge { a: phone, b: radio }));
    let mut before = first;
    for day in 1..8u8 {
        let (address, ip) = (format!("5a:11:22:33:44:{day:02x}"), format!("192.168.7.{}", 50 + day));
        let now: (&str, &str) = (address.leak(), ip.leak());
        home.goes(before);
        hears(&mut home, Source::Ble, RADIO, alive(Proof::BleAdvert));
        home.comes(now);
        home.dhcp(now, "Maya-iPhone");
        for _ in 0..60 {
            home.run(20);
            hears(&mut home, Source::Ble, RADIO, alive(Proof::BleAdvert));
            home.seen(now, Proof::Frame);
        }
        assert_eq!((home.id(now), home.engine.view().devices.len()), (phone, 2), "day {day}: {:#?}", home.lines);
        if day == 4 {
            home = World::with(Settings::default(), &home.remember());
            home.comes(GATEWAY);
        }
        before = now;
    }
    // Two that are both on the network are two, whatever Bluetooth hears.
    let other = ("9e:11:22:33:44:66", "192.168.7.90");
    home.comes(other);
    home.dhcp(other, "Maya-iPhone");
    for _ in 0..6 {
        home.run(10);
        home.seen(before, Proof::Frame);
        home.seen(other, Proof::Frame);
    }
    assert_ne!(home.id(other), home.id(before));
}
