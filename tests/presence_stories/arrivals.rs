//! # What counts as coming, and what does not

use std::time::Duration;

use porchlight::{
    engine::{Input, Settings},
    model::{Command, Fact, Health, Heard, PartId, Presence, Proof, Remembered, Span},
};

use crate::world::{GATEWAY, PHONE, World, ip, mac};

#[test]
fn a_first_proof_is_an_arrival_in_the_same_call() {
    let mut home = World::new();
    home.comes(PHONE);
    assert_eq!((home.saw("found"), home.saw("unknown -> home arp_announce"), home.saw("window opened")), (1, 1, 1));
    assert!(home.found.iter().all(|device| device.presence == Presence::Home && device.window.is_some()));
    let phone = home.device(PHONE);
    assert_eq!(
        (phone.presence, phone.segment.as_deref(), phone.vendor.as_deref()),
        (Presence::Home, Some("home"), Some("Apple"))
    );
}

// Neither a stale entry nor a lease is a proof; scanners send no proof for them.
#[test]
fn a_lease_is_a_name_and_no_presence() {
    let mut home = World::new();
    home.fact(PHONE, Fact::Named { name: "Annas-iPhone".into(), by: Heard::Dhcp });
    home.fact(PHONE, Fact::Address(ip(PHONE.1)));
    assert!(home.engine.view().devices.is_empty() && home.lines.is_empty());
    home.comes(PHONE);
    assert_eq!(home.device(PHONE).name, "Annas-iPhone", "what was heard before is known at once");
}

#[test]
fn old_reports_make_no_arrival() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.run(60);
    home.goes(PHONE);
    home.run(3_600);
    assert_eq!(home.device(PHONE).presence, Presence::Away);
    home.fact(PHONE, Fact::Alive { proof: Proof::NeighbourReachable, age: Duration::from_secs(61) });
    assert_eq!((home.saw("returned"), home.device(PHONE).presence), (0, Presence::Away));
    home.fact(PHONE, Fact::Alive { proof: Proof::NeighbourReachable, age: Duration::from_secs(5) });
    assert_eq!((home.saw("returned"), home.device(PHONE).presence), (1, Presence::Home));
}

#[test]
fn without_capture_who_left_is_looked_for() {
    let mut settings = Settings::default();
    settings.presence.away_after.insert("unknown".into(), Span::minutes(5));
    let mut home = World::with(settings, &Remembered::default());
    home.give(Input::Part(PartId::new("netlink"), Health::Up));
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.run(60);
    home.goes(PHONE);
    home.run(900);
    assert_eq!(home.device(PHONE).presence, Presence::Away);
    home.there.insert(mac(PHONE.0));
    home.run(6);
    assert_eq!(home.saw("returned"), 1, "asked every five seconds");
    assert!(!home.settings.presence.arrival_ask.is_zero());
}

/// An IPv4 packet from `from` with ICMP in it; checksums are left zero, as offload leaves them.
fn icmp(from: (&str, &str), kind: u8, code: u8, quoted: &str) -> Vec<u8> {
    let v4 = |text: &str| text.parse::<std::net::Ipv4Addr>().expect("an address").octets();
    let header =
        |len: u8, from: [u8; 4], to: [u8; 4]| [&[0x45, 0, 0, len, 0, 0, 0, 0, 64, 1, 0, 0][..], &from, &to].concat();
    let sensor = v4("192.168.7.5");
    let about = [header(28, sensor, v4(quoted)), vec![8, 0, 0, 0, 0, 1, 0, 1]].concat();
    let body = [vec![kind, code, 0, 0, 0, 0, 0, 0], about].concat();
    let packet = [header(20 + 36, v4(from.1), sensor), body].concat();
    [&mac("b8:27:eb:00:00:05").0[..], &mac(from.0).0, &[0x08, 0x00], &packet].concat()
}

// A router that reports a dead host is alive itself, and says nothing else.
#[test]
fn unreachable_is_not_alive() {
    let server = ("00:16:3e:00:00:20", "192.168.7.20");
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(server);
    home.run(60);
    home.goes(server);
    for _ in 0..15 {
        home.run(20);
        home.frame(&icmp(GATEWAY, 3, 1, server.1));
    }
    // Of unknown kind, so it gets a sleeper's time.
    home.run(50 * 60);
    assert_eq!(home.device(server).presence, Presence::Away, "{:#?}", home.lines);
    home.frame(&icmp(GATEWAY, 3, 1, server.1));
    assert_eq!((home.device(server).presence, home.saw("returned")), (Presence::Away, 0));
    assert_eq!(home.device(GATEWAY).presence, Presence::Home);
}

// Network cards fill in checksums later than capture sees our own frames: they are not judged.
#[test]
fn a_frame_without_checksums_is_still_a_frame() {
    let mut home = World::new();
    home.frame(&icmp(PHONE, 0, 0, "192.168.7.5"));
    assert_eq!((home.saw("found"), home.device(PHONE).presence), (1, Presence::Home));
}

// A guest's random address may be a family phone's new one; its DHCP request shows at once that it is not.
#[test]
fn a_newcomer_that_told_all_is_told_of_at_once() {
    let (known, guest) = (("5a:11:22:33:44:55", "192.168.7.50"), ("9e:11:22:33:44:66", "192.168.7.51"));
    for named in [true, false] {
        let mut home = World::new();
        home.comes(known);
        home.dhcp(known, "Maya-iPhone");
        home.run(600);
        home.goes(known);
        home.run(60);
        home.seen(guest, Proof::DhcpRequest);
        if named {
            home.dhcp(guest, "Guests-iPhone");
        }
        let came = home.now;
        home.run(10);
        let told = home.lines.iter().find(|(at, line)| *at >= came && line.contains("found")).expect("told of").0;
        assert_eq!(told - came, if named { 1 } else { 5_000 });
        assert_ne!(home.id(guest), home.id(known));
    }
}

#[test]
fn old_news_are_no_return_and_no_new_device() {
    let mut home = World::new();
    let remembered = |age: u64| Fact::Alive { proof: Proof::NeighbourReachable, age: Duration::from_secs(age) };
    home.comes(PHONE);
    home.goes(PHONE);
    while home.device(PHONE).presence != Presence::Away {
        home.run(1);
    }
    // The kernel last heard it when it was still here.
    home.fact(PHONE, remembered(20));
    assert_eq!(home.device(PHONE).presence, Presence::Away);
    home.run(30);
    home.fact(PHONE, remembered(5));
    assert_eq!(home.device(PHONE).presence, Presence::Home);

    let (before, id) = (home.engine.view().devices.len(), home.id(PHONE));
    assert!(home.order(Command::Forget { device: id }));
    home.fact(PHONE, remembered(5));
    assert_eq!(home.engine.view().devices.len(), before - 1, "forgotten, and heard before that");
    home.run(10);
    home.fact(PHONE, remembered(5));
    assert_eq!(home.engine.view().devices.len(), before, "it is here, so it is a new device");
}
