//! Stories of homes: what happens over hours, and which lines it must or must not give.
//!
//! A small world stands in for the scanners: it answers each question for the devices that are
//! there, and reports the others unanswered two seconds later, as scanners do.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use porchlight::{
    engine::{Engine, Input, Settings},
    model::{
        Change, Command, DeviceId, DeviceView, Fact, Goodbye, HaFact, HaName, HaPerson, Health, Heard, InterfaceFacts,
        InterfaceId, Kind, Look, MacAddr, Mode, Moment, Mono, NetworkFacts, Observation, PartId, Presence, Probe,
        Proof, Remembered, Source, Span, Subject, Ticket, Tier, Trust, Wall,
    },
};

const START: u64 = 1_000_000;
const ETH: InterfaceId = InterfaceId(2);
const GATEWAY: (&str, &str) = ("b8:27:eb:00:00:01", "192.168.7.1");
const PHONE: (&str, &str) = ("3c:22:fb:01:02:03", "192.168.7.40");

struct World {
    engine: Engine,
    settings: Settings,
    network: NetworkFacts,
    now: u64,
    /// Who answers questions.
    there: BTreeSet<MacAddr>,
    /// Answers and silences on their way.
    coming: BTreeMap<(u64, u64), Observation>,
    serial: u64,
    lines: Vec<(u64, String)>,
    found: Vec<Arc<DeviceView>>,
    asks: Vec<(u64, Look)>,
    /// Nobody reports anything on questions.
    mute: bool,
}

fn mac(text: &str) -> MacAddr {
    text.parse().expect("a MAC")
}

fn at(ms: u64) -> Moment {
    Moment { mono: Mono(ms * 1_000_000), wall: Wall(1_795_600_000_000 + ms as i64) }
}

fn network() -> NetworkFacts {
    NetworkFacts {
        interfaces: vec![InterfaceFacts {
            id: ETH,
            name: "eth0".into(),
            mac: None,
            addresses: vec!["192.168.7.5".parse().expect("an address")],
            up: true,
            subnets: vec!["192.168.7.0/24".parse().expect("a subnet")],
            gateways: vec![GATEWAY.1.parse().expect("an address")],
        }],
        labels: vec![("192.168.7.0/24".parse().expect("a subnet"), "home".into())],
    }
}

impl World {
    fn new() -> World {
        World::with(Settings::default(), &Remembered::default())
    }

    fn with(mut settings: Settings, remembered: &Remembered) -> World {
        if settings.exposure.limit == 0 {
            settings.exposure.limit = 40;
        }
        let network = network();
        let engine = Engine::new(&settings, Arc::new(network.clone()), remembered, 0x7f3a2c, at(START));
        World {
            engine,
            settings,
            network,
            now: START,
            there: BTreeSet::new(),
            coming: BTreeMap::new(),
            serial: 0,
            lines: Vec::new(),
            found: Vec::new(),
            asks: Vec::new(),
            mute: false,
        }
    }

    fn give(&mut self, input: Input<'_>) {
        let changes = self.engine.handle(input, at(self.now));
        for change in changes {
            if let Change::DeviceFound { device, .. } = &change {
                self.found.push(Arc::clone(device));
            }
            if let Change::Asked(look) = change {
                self.asks.push((self.now, look));
                let known = look.mac.expect("devices here have MACs");
                let answers = self.there.contains(&known);
                let fact = match (answers, self.mute) {
                    (_, true) => continue,
                    (true, _) => Fact::Alive { proof: Proof::ArpReply, age: Duration::ZERO },
                    (false, _) => Fact::Unanswered { probe: look.probe },
                };
                let after = if answers { 20 } else { 2_000 };
                self.serial += 1;
                self.coming.insert(
                    (self.now + after, self.serial),
                    Observation {
                        source: if look.probe == Probe::Arp { Source::ArpSweep } else { Source::Icmp },
                        interface: look.interface,
                        at: at(self.now + after),
                        subject: Subject::both(known, look.ip),
                        fact,
                    },
                );
            } else {
                self.lines.push((self.now, change.to_string()));
            }
        }
    }

    /// Lets time pass, one second at a time, so that answers find their questions.
    fn run(&mut self, seconds: u64) {
        let end = self.now + seconds * 1_000;
        while self.now < end {
            let next = self.engine.next_wake().map_or(end, |wake| (wake.0 / 1_000_000).max(self.now + 1));
            let answer = self.coming.keys().next().map_or(end, |(due, _)| *due);
            self.now = next.min(answer).min(end);
            while let Some(entry) = self.coming.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let observation = entry.remove();
                self.give(Input::Observation(observation));
            }
            self.give(Input::Tick);
        }
    }

    fn seen(&mut self, who: (&str, &str), proof: Proof) {
        self.fact(who, Fact::Alive { proof, age: Duration::ZERO });
    }

    fn fact(&mut self, who: (&str, &str), fact: Fact) {
        let subject = Subject::both(mac(who.0), who.1.parse().expect("an address"));
        self.give(Input::Observation(Observation {
            source: Source::Capture,
            interface: Some(ETH),
            at: at(self.now),
            subject,
            fact,
        }));
    }

    fn named(&mut self, who: (&str, &str), name: &str) {
        self.fact(who, Fact::Named { name: name.into(), by: Heard::Dhcp });
    }

    fn dhcp(&mut self, who: (&str, &str), name: &str) {
        self.fact(
            who,
            Fact::Dhcp { asked: vec![1, 121, 3, 6, 15, 114, 119, 252], vendor_class: None, client_id: None },
        );
        self.named(who, name);
    }

    /// Comes, and answers from now on.
    fn comes(&mut self, who: (&str, &str)) {
        self.there.insert(mac(who.0));
        self.seen(who, Proof::ArpAnnounce);
    }

    fn goes(&mut self, who: (&str, &str)) {
        self.there.remove(&mac(who.0));
    }

    fn order(&mut self, command: Command) -> bool {
        let before = self.lines.len();
        self.give(Input::Command(Ticket(1), command));
        self.lines[before..].iter().any(|(_, line)| line == "answered 1 ok")
    }

    fn device(&mut self, who: (&str, &str)) -> Arc<DeviceView> {
        let view = self.engine.view();
        let found = view.devices.values().find(|device| device.macs.contains(&mac(who.0)));
        Arc::clone(found.unwrap_or_else(|| panic!("{} is known", who.0)))
    }

    fn id(&mut self, who: (&str, &str)) -> DeviceId {
        self.device(who).id
    }

    fn saw(&self, part: &str) -> usize {
        self.lines.iter().filter(|(_, line)| line.contains(part)).count()
    }

    /// Seconds from the start to the first line with `part`.
    fn when(&self, part: &str) -> Option<u64> {
        self.lines.iter().find(|(_, line)| line.contains(part)).map(|(at, _)| (at - START) / 1_000)
    }

    fn remember(&mut self) -> Remembered {
        let view = self.engine.view();
        Remembered {
            instance: Some(view.instance),
            minted: view.minted,
            stopped: Some(at(self.now).wall),
            devices: view.devices.values().map(|device| DeviceView::clone(device)).collect(),
            tombstones: BTreeMap::clone(&view.tombstones),
            mode: Some(view.household.mode),
            ..Remembered::default()
        }
    }
}

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

#[test]
fn a_silence_becomes_away_only_after_asking() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.run(600);
    home.goes(PHONE);
    let left = home.now;
    home.run(50 * 60);
    assert_eq!(home.saw("-> away no_answer"), 1, "{:#?}", home.lines);
    let away = home.lines.iter().find(|(_, line)| line.contains("-> away")).expect("away").0;
    let asked: Vec<_> =
        home.asks.iter().filter(|(when, look)| *when > left && *when < away && look.ip == ip(PHONE.1)).collect();
    let kinds: BTreeSet<Probe> = asked.iter().map(|(_, look)| look.probe).collect();
    assert!(asked.len() >= 3 && kinds.len() >= 2, "{kinds:?}");
    assert!((44 * 60..=48 * 60).contains(&((away - left) / 1_000)), "{} s", (away - left) / 1_000);
    // The window ends at the last proof, not at the decision.
    let closed = home.lines.iter().find(|(_, line)| line.contains("window closed")).expect("closed").1.clone();
    let end: Wall = closed.split(' ').next().and_then(|w| w.parse().ok()).expect("a time");
    assert!(end.0 <= at(left).wall.0 + 1_000 && end.0 >= at(left).wall.0 - 120_000, "{closed}");
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn a_plug_is_missed_within_five_minutes_and_a_set_time_is_kept() {
    let plug = ("e8:db:84:00:00:09", "192.168.7.9");
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(plug);
    home.named(plug, "shellyplug-s-09");
    home.comes(PHONE);
    let phone = home.id(PHONE);
    assert!(home.order(Command::SetAwayAfter { device: phone, after: Duration::from_secs(600) }));
    home.run(900);
    assert_eq!(home.device(plug).kind, Kind::Plug);
    home.goes(plug);
    home.goes(PHONE);
    let left = (home.now - START) / 1_000;
    home.run(1_200);
    let plug = format!("{}", home.id(plug));
    let missed = home.when(&format!("presence {plug} leaving -> away")).expect("the plug is away") - left;
    assert!(missed <= 330, "{missed} s");
    let gone = home.when(&format!("presence {phone} leaving -> away")).expect("the phone is away") - left;
    assert!((480..=720).contains(&gone), "{gone} s");
}

// cases.md 1: answers until 01:00, then rarely, then a renewal, then again from 06:30.
#[test]
fn a_phone_that_sleeps_through_the_night_stays_home() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.named(PHONE, "Annas-iPhone");
    for _ in 0..60 {
        home.run(60);
        home.seen(PHONE, Proof::ArpReply);
    }
    home.goes(PHONE);
    let midnight = home.now;
    for (minute, proof) in [
        (7, Proof::ArpReply),
        (31, Proof::ArpReply),
        (58, Proof::ArpReply),
        (100, Proof::ArpReply),
        (130, Proof::DhcpRequest),
        (330, Proof::ArpReply),
    ] {
        home.run((midnight + minute * 60_000 - home.now) / 1_000);
        home.seen(PHONE, proof);
    }
    assert_eq!((home.saw("-> away"), home.saw("returned"), home.saw("window closed")), (0, 0, 0));
    assert_eq!(home.device(PHONE).presence, Presence::Home);
    assert!(home.device(PHONE).window.as_ref().is_some_and(|window| window.reconnects >= 4));
}

// cases.md 2, 12: neither a stale entry nor a lease is a proof; scanners send no proof for them.
#[test]
fn a_lease_is_a_name_and_no_presence() {
    let mut home = World::new();
    home.fact(PHONE, Fact::Named { name: "Annas-iPhone".into(), by: Heard::Dhcp });
    home.fact(PHONE, Fact::Address(ip(PHONE.1)));
    assert!(home.engine.view().devices.is_empty() && home.lines.is_empty());
    home.comes(PHONE);
    assert_eq!(home.device(PHONE).name, "Annas-iPhone", "what was heard before is known at once");
}

// cases.md 3.
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

// cases.md 22.
#[test]
fn a_virtual_router_is_a_router_whoever_serves_it() {
    let mut home = World::new();
    let virtual_router = ("00:00:5e:00:01:0a", "192.168.7.254");
    home.seen(virtual_router, Proof::ArpAnnounce);
    assert_eq!((home.device(virtual_router).kind, home.saw("kind")), (Kind::Router, 0));
}

// cases.md 5.
#[test]
fn one_lost_answer_is_no_news() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.run(600);
    let before = home.lines.len();
    for _ in 0..20 {
        home.goes(PHONE);
        let asked = home.asks.len();
        while !home.asks[asked..].iter().any(|(_, look)| look.ip == ip(PHONE.1)) {
            home.run(1);
        }
        home.run(3);
        home.there.insert(mac(PHONE.0));
        home.run(170);
    }
    let lost = home.asks.len();
    assert!(lost > 20, "it was asked all the time: {lost}");
    assert_eq!(home.lines.len(), before, "{:#?}", &home.lines[before..]);
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
    const TV: (&str, &str) = ("00:04:20:00:00:0a", "192.168.7.10");
    const PLUG: (&str, &str) = ("e8:db:84:00:00:0b", "192.168.7.11");
    for (name, fault) in faults {
        let mut home = World::new();
        for who in [GATEWAY, PHONE, TV, PLUG] {
            home.comes(who);
        }
        home.named(TV, "samsung-tv");
        home.named(PLUG, "shelly-b");
        home.run(600);
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

#[test]
fn a_family_that_leaves_together_is_held_and_then_let_go() {
    let mut home = World::new();
    home.comes(GATEWAY);
    let phones: Vec<(String, String)> =
        (0..5).map(|n| (format!("3c:22:fb:00:01:{n:02x}"), format!("192.168.7.{}", 60 + n))).collect();
    for (mac, ip) in &phones {
        home.comes((mac, ip));
        home.named((mac, ip), &format!("Kid{mac}-iPhone"));
    }
    home.run(300);
    for (mac, ip) in &phones {
        home.seen((mac, ip), Proof::Frame);
        home.goes((mac, ip));
    }
    let left = (home.now - START) / 1_000;
    home.run(50 * 60);
    assert_eq!(home.saw("-> away"), 0, "held: {:?}", home.when("-> away").map(|at| at - left));
    home.run(10 * 60);
    assert_eq!((home.saw("-> away no_answer"), home.saw("mode home -> away")), (5, 1));
}

// cases.md 13.
#[test]
fn a_phone_that_draws_a_new_address_stays_the_same_device() {
    let mut home = World::new();
    home.comes(GATEWAY);
    let days = ["5a:11:22:33:44:55", "9e:11:22:33:44:66", "3e:aa:bb:cc:dd:77", "ca:01:02:03:04:05"];
    for (day, mac) in days.into_iter().enumerate() {
        let who = (mac, ["192.168.7.50", "192.168.7.51", "192.168.7.52", "192.168.7.53"][day]);
        home.comes(who);
        home.dhcp(who, "Maya-iPhone");
        home.run(3_600);
        home.goes(who);
        home.run(30);
    }
    let view = home.engine.view();
    assert_eq!(view.devices.len(), 2, "the gateway and Maya's phone: {:?}", home.lines);
    let found = |line: &&(u64, String)| line.1.contains("found");
    assert_eq!(home.lines.iter().filter(found).count(), 2, "{:#?}", home.lines);
    let phone = home.device((days[0], ""));
    assert_eq!((phone.macs.len(), phone.name.as_str(), phone.presence), (4, "Maya-iPhone", Presence::Home));
    assert!(home.order(Command::Split { device: phone.id }));
    assert_eq!(home.engine.view().devices.len(), 3);
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

// cases.md 14, 15, 21.
#[test]
fn addresses_move_and_devices_stay() {
    let mut home = World::new();
    let trunk = "00:16:3e:00:00:10";
    home.comes((trunk, "192.168.7.10"));
    for _ in 0..5 {
        home.seen((trunk, "10.0.20.10"), Proof::ArpReply);
        home.seen((trunk, "192.168.7.10"), Proof::ArpReply);
    }
    assert_eq!((home.engine.view().devices.len(), home.saw("address ")), (1, 1), "{:#?}", home.lines);
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

// cases.md 18.
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

// cases.md 29.
#[test]
fn a_rename_changes_the_name_only() {
    let mut home = World::new();
    home.comes(PHONE);
    home.named(PHONE, "Annas-iPhone");
    let id = home.id(PHONE);
    assert!(home.order(Command::Trust { device: id, trust: Trust::Trusted }));
    let before = home.device(PHONE);
    assert_eq!((before.tier, before.slug.as_deref()), (Tier::Basic, Some("annas_iphone")));
    assert!(home.order(Command::Rename { device: id, name: Some("Anna's phone".into()) }));
    let after = home.device(PHONE);
    assert_eq!(
        (after.id, after.name.as_str(), &after.slug, after.tier),
        (id, "Anna's phone", &before.slug, Tier::Basic)
    );
    let lines = home.lines.len();
    assert!(home.order(Command::Rename { device: id, name: Some("Anna's phone".into()) }));
    assert_eq!(home.lines.len(), lines + 1, "the same again is only answered");
    assert!(Arc::ptr_eq(&after, &home.device(PHONE)), "and its view is the same one");
}

#[test]
fn people_come_and_go_with_what_they_carry() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.named(PHONE, "Annas-iPhone");
    let id = home.id(PHONE);
    home.give(Input::Told(HaFact::Persons(vec![HaPerson { name: "Anna".into(), devices: vec![id] }])));
    assert_eq!(home.saw("person "), 0, "sorting devices moves nobody");
    assert_eq!(home.device(PHONE).tier, Tier::Full);
    home.run(300);
    home.goes(PHONE);
    home.run(3_600);
    assert_eq!((home.saw("person Anna away"), home.saw("mode home -> away")), (1, 1), "{:#?}", home.lines);
    assert!(!home.engine.view().household.occupied);
    assert!(home.order(Command::SetMode { mode: Mode::Vacation }));
    home.run(3_600);
    home.comes(PHONE);
    assert_eq!((home.saw("person Anna home"), home.saw("returned")), (1, 1));
    let household = Arc::clone(&home.engine.view().household);
    assert_eq!((household.mode, household.effective_mode, household.people_home.len()), (Mode::Auto, Mode::Home, 1));
}

#[test]
fn names_of_home_assistant_are_taken_and_never_oscillate() {
    let mut home = World::new();
    home.comes(PHONE);
    let names = |name: &str| {
        HaFact::Names(vec![HaName {
            name: Some(name.into()),
            macs: vec![mac(PHONE.0)],
            area: Some("Hall".into()),
            ..HaName::default()
        }])
    };
    home.give(Input::Told(names("Anna")));
    assert_eq!((home.device(PHONE).name.as_str(), home.device(PHONE).area.as_deref()), ("Anna", Some("Hall")));
    let lines = home.lines.len();
    home.give(Input::Told(names("Anna")));
    assert_eq!(home.lines.len(), lines, "the same list again changes nothing");
    let id = home.id(PHONE);
    assert!(home.order(Command::Rename { device: id, name: Some("Mine".into()) }));
    home.give(Input::Told(names("Other")));
    assert_eq!(home.device(PHONE).name, "Mine");
    // Typed there for our own device: above other integrations' names, below our own; the area is theirs.
    assert!(home.order(Command::Rename { device: id, name: None }));
    let typed = HaName { name: Some("Typed".into()), by_user: true, ours: Some(id), ..HaName::default() };
    let HaFact::Names(mut list) = names("Other") else { unreachable!() };
    list.push(typed);
    home.give(Input::Told(HaFact::Names(list)));
    assert_eq!((home.device(PHONE).name.as_str(), home.device(PHONE).area.as_deref()), ("Typed", Some("Hall")));
    home.give(Input::Told(names("Other")));
    assert_eq!(home.device(PHONE).name, "Other", "cleared there, the name from before is back");
    // Two entries claim one address: nobody's name.
    let both = |name: &str| HaName { name: Some(name.into()), ips: vec![ip(GATEWAY.1)], ..HaName::default() };
    home.comes(GATEWAY);
    home.run(700);
    home.give(Input::Told(HaFact::Names(vec![both("A"), both("B")])));
    assert!(!["A", "B"].contains(&home.device(GATEWAY).name.as_str()));
    home.give(Input::Told(HaFact::Names(vec![both("A")])));
    assert_eq!(home.device(GATEWAY).name, "A");
}

#[test]
fn a_stranger_with_a_phone_is_a_guest_after_ten_minutes() {
    let mut home = World::new();
    home.comes(PHONE);
    home.named(PHONE, "iPhone");
    assert_eq!(home.device(PHONE).kind, Kind::Phone);
    home.run(500);
    assert!(home.engine.view().household.guests.is_empty());
    home.run(200);
    let id = home.id(PHONE);
    assert_eq!(home.engine.view().household.guests, [id]);
    assert!(home.order(Command::Trust { device: id, trust: Trust::Trusted }));
    assert!(home.engine.view().household.guests.is_empty());
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

#[test]
fn a_device_that_a_person_called_a_guests_is_one_unless_it_is_a_fixture() {
    let mut home = World::new();
    home.comes(PHONE);
    let id = home.id(PHONE);
    for (kind, counted) in
        [(None, true), (Some(Kind::Phone), true), (Some(Kind::Printer), false), (Some(Kind::Laptop), true)]
    {
        assert!(home.order(Command::SetKind { device: id, kind }));
        assert!(home.order(Command::Trust { device: id, trust: Trust::Trusted }));
        assert!(home.engine.view().household.guests.is_empty(), "{kind:?}");
        assert!(home.order(Command::Trust { device: id, trust: Trust::Guest }));
        assert_eq!(home.engine.view().household.guests.contains(&id), counted, "{kind:?}");
    }
}

#[test]
fn the_limit_keeps_newcomers_out_and_takes_nothing_away() {
    let mut settings = Settings::default();
    settings.exposure.limit = 2;
    let mut home = World::with(settings, &Remembered::default());
    let who: Vec<(String, String)> =
        (0..4).map(|n| (format!("3c:22:fb:00:03:{n:02x}"), format!("192.168.7.{}", 80 + n))).collect();
    let mut ids = Vec::new();
    for (mac, ip) in &who {
        home.comes((mac, ip));
        ids.push(home.id((mac, ip)));
    }
    for id in &ids[..3] {
        assert!(home.order(Command::Trust { device: *id, trust: Trust::Trusted }));
    }
    let view = home.engine.view();
    let tiers: Vec<Tier> = ids.iter().map(|id| view.devices[id].tier).collect();
    assert_eq!((tiers, view.limit_reached), (vec![Tier::Basic, Tier::Basic, Tier::None, Tier::None], true));
    assert!(home.order(Command::Hide { device: ids[0], by_ha: true }));
    let view = home.engine.view();
    assert_eq!(
        (view.devices[&ids[0]].tier, view.devices[&ids[2]].tier, view.limit_reached),
        (Tier::None, Tier::Basic, false)
    );
    assert!(home.order(Command::Expose { device: ids[3] }), "asked for, the limit does not count");
    assert_eq!(home.engine.view().devices[&ids[3]].tier, Tier::Full);
    assert!(home.order(Command::Forget { device: ids[3] }));
    let view = home.engine.view();
    assert!(view.tombstones.contains_key(&ids[3]) && !view.devices.contains_key(&ids[3]));
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
fn a_goodbye_shortens_the_wait_and_proves_nothing() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.run(600);
    home.fact(PHONE, Fact::Gone(Goodbye::DhcpRelease));
    home.run(600);
    assert_eq!(home.saw("-> away"), 0, "it still answers");
    home.fact(PHONE, Fact::Gone(Goodbye::DhcpRelease));
    home.goes(PHONE);
    home.run(15 * 60);
    assert_eq!(home.saw("-> away left"), 1, "{:#?}", home.lines);
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

#[test]
fn questions_stay_within_their_budget() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.run(24 * 3_600);
    let asked: Vec<u64> = home.asks.iter().filter(|(_, look)| look.ip == ip(PHONE.1)).map(|(at, _)| *at).collect();
    assert!(asked.len() <= 1_000, "{} in a day", asked.len());
    for (index, first) in asked.iter().enumerate() {
        let hour = asked[index..].iter().take_while(|at| **at < first + 3_600_000).count();
        assert!(hour <= 61, "{hour} in an hour");
    }
    assert_eq!(home.saw("presence"), 2, "nobody flaps");
}
