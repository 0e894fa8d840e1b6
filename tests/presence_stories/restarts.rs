//! # What a stop of the program changes

use std::time::Duration;

use porchlight::{
    engine::Settings,
    model::{Command, DeviceView, Fact, Presence, Proof, Wall},
};

use crate::world::{GATEWAY, PHONE, START, World, at, ip, mac};

#[test]
fn who_left_while_we_were_stopped_is_missed_when_due() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.run(60);
    home.seen(PHONE, Proof::ArpReply);
    let (last, mut remembered) = (at(home.now).wall, home.remember());
    remembered.stopped = Some(Wall(at(START).wall.0 - 20 * 60_000));
    for device in &mut remembered.devices {
        device.last_seen = Wall(at(START).wall.0 - 20 * 60_000);
        if let Some(window) = &mut device.window {
            window.start = Wall(last.0 - 90 * 60_000);
            window.end = device.last_seen;
        }
    }
    let mut home = World::with(Settings::default(), &remembered);
    home.comes(GATEWAY);
    assert_eq!(home.device(PHONE).presence, Presence::Home);
    home.run(10);
    assert!(home.asks.iter().any(|(_, look)| look.ip == ip(PHONE.1)), "it is asked at once");
    home.run(60 * 60);
    assert_eq!(home.device(PHONE).presence, Presence::Away);
    let closed = home.lines.iter().find(|(_, line)| line.contains("window closed")).expect("closed").1.clone();
    assert!(closed.starts_with(&Wall(at(START).wall.0 - 20 * 60_000).to_string()), "{closed}");
}

#[test]
fn restart_under_ten_minutes_moves_nobody() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.named(PHONE, "Annas-iPhone");
    let anna = home.id(PHONE);
    assert!(home.order(Command::SetOwner { device: anna, owner: Some("Anna".into()) }));
    home.run(120);
    let remembered = home.remember();
    let before = home.device(PHONE);
    let mut again = World::with(Settings::default(), &remembered);
    let after = again.device(PHONE);
    assert_eq!(
        (after.id, &after.name, after.presence, &after.owner, &after.slug),
        (before.id, &before.name, before.presence, &before.owner, &before.slug)
    );
    assert_eq!((after.kind, after.tier), (before.kind, before.tier));
    again.there.extend([mac(GATEWAY.0), mac(PHONE.0)]);
    again.run(600);
    assert!(again.lines.is_empty(), "{:#?}", again.lines);
    assert_eq!(again.engine.view().household.people_home, ["Anna"]);
}

#[test]
fn nobody_leaves_because_the_store_was_lost() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.run(120);
    // All that a broker can tell of them.
    let mut told = home.remember();
    told.stopped = None;
    for device in &mut told.devices {
        *device = DeviceView {
            macs: device.macs.clone(),
            addresses: device.addresses.clone(),
            presence: device.presence,
            presence_reason: device.presence_reason,
            first_seen: device.since,
            last_seen: device.last_seen,
            since: device.since,
            ..DeviceView::blank(device.id)
        };
    }
    let mut again = World::with(Settings::default(), &told);
    assert_eq!(again.device(PHONE).presence, Presence::Home);
    again.there.extend([mac(GATEWAY.0), mac(PHONE.0)]);
    again.run(600);
    assert_eq!((again.saw("away"), again.device(PHONE).presence), (0, Presence::Home), "{:#?}", again.lines);
    // Who is truly gone is missed when due.
    again.goes(PHONE);
    again.run(3 * 60 * 60);
    assert_eq!(again.device(PHONE).presence, Presence::Away);
}

#[test]
fn what_identity_rests_on_survives_a_restart() {
    let mut home = World::new();
    let (before, after) = (("5a:11:22:33:44:55", "192.168.7.50"), ("9e:11:22:33:44:66", "192.168.7.51"));
    home.comes(before);
    home.dhcp(before, "Maya-iPhone");
    home.run(60);
    let maya = home.id(before);
    let mut home = World::with(Settings::default(), &home.remember());
    home.now += 30_000;
    home.comes(after);
    home.dhcp(after, "Maya-iPhone");
    assert_eq!((home.id(after), home.id(before), home.saw("found")), (maya, maya, 0), "{:#?}", home.lines);
    home.fact(
        ("5a:00:00:00:00:01", "192.168.7.52"),
        Fact::Alive { proof: Proof::NeighbourReachable, age: Duration::from_secs(300) },
    );
    home.run(60);
    assert_eq!(
        home.device(("5a:00:00:00:00:01", "")).presence,
        Presence::Away,
        "an old proof finds, and brings nobody home"
    );
}

// After a restart nobody is home because nobody was asked yet; who was away is away until it is heard.
#[test]
fn who_was_away_stays_away_over_any_stop() {
    for stopped in [10, 300, 3_600, 3 * 86_400] {
        let mut home = World::new();
        home.comes(GATEWAY);
        home.comes(PHONE);
        home.named(PHONE, "Annas-iPhone");
        let device = home.id(PHONE);
        assert!(home.order(Command::SetOwner { device, owner: Some("Anna".into()) }));
        home.run(600);
        home.goes(PHONE);
        home.run(3 * 3_600);
        assert_eq!(home.device(PHONE).presence, Presence::Away);
        let mut again = home.after_a_stop(stopped);
        assert_eq!(again.device(PHONE).presence, Presence::Away, "{stopped} s");
        again.there.insert(mac(GATEWAY.0));
        again.run(3_600);
        let moved = |(_, line): &&(u64, String)| line.contains("presence d-") || line.contains("person ");
        assert!(again.lines.iter().find(moved).is_none(), "{stopped} s: {:#?}", again.lines);
        assert!(again.engine.view().household.people_home.is_empty() && !again.engine.view().household.occupied);
        again.comes(PHONE);
        assert_eq!((again.saw("returned"), again.saw("person Anna home")), (1, 1), "{stopped} s: {:#?}", again.lines);
    }
}

#[test]
fn a_restart_takes_no_phone_apart_that_drew_new_addresses() {
    let addresses = ["5a:11:22:33:44:55", "9e:11:22:33:44:66", "3e:aa:bb:cc:dd:77", "ca:01:02:03:04:05"];
    let mut home = World::new();
    home.comes(GATEWAY);
    for (day, mac) in addresses.into_iter().enumerate() {
        let who = (mac, ["192.168.7.50", "192.168.7.51", "192.168.7.52", "192.168.7.53"][day]);
        home.comes(who);
        home.dhcp(who, "Maya-iPhone");
        home.run(3_600);
        // In use while the program stops and starts.
        home.seen(who, Proof::Frame);
        home = home.after_a_stop(20);
        for _ in 0..3 {
            home.seen(who, Proof::Frame);
            home.run(15);
        }
        assert_eq!(home.engine.view().devices.len(), 2, "after {} addresses: {:?}", day + 1, home.lines);
        home.goes(who);
        home.run(3_600);
    }
    // Which address was heard when is forgotten; that two are heard at once shows all the same.
    let (first, last) = ((addresses[0], "192.168.7.50"), (addresses[3], "192.168.7.53"));
    let id = home.id(first);
    for who in [first, last, first, last, first] {
        home.seen(who, Proof::Mdns);
        home.run(20);
    }
    assert_eq!((home.engine.view().devices.len(), home.id(first)), (3, id));
    assert_ne!(home.id(last), id);
}
