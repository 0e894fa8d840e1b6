//! Laws of the engine: for every script of inputs, ticks anywhere change nothing, and the same
//! script gives the same lines.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{sync::Arc, time::Duration};

use porchlight::{
    engine::{Engine, Input, Settings},
    model::{
        Change, Command, DeviceId, DeviceView, Fact, Goodbye, Health, Heard, HomeView, Household, InterfaceFacts,
        InterfaceId, MacAddr, Moment, Mono, NetworkFacts, Observation, PartId, Probe, Proof, Remembered, ScannerView,
        Source, Subject, Ticket, Trust, Wall,
    },
};
use proptest::{collection::vec, prelude::*};

const INSTANCE: u32 = 0x7f3a2c;

/// What may happen, in small numbers so that devices meet again.
#[derive(Debug, Clone)]
enum Event {
    Seen { who: u8, proof: u8, age_s: u16 },
    Unanswered { who: u8, probe: u8 },
    Named { who: u8, name: u8 },
    Dhcp { who: u8, client: u8 },
    Gone { who: u8 },
    Network { up: bool },
    Part { part: u8, up: bool },
    Line { scanner: u8, up: bool, seen: u8 },
    Blind { s: u16 },
    Trust { id: u8 },
    Rename { id: u8, name: u8 },
    Merge { a: u8, b: u8 },
    Split { id: u8 },
    Forget { id: u8 },
    Check { id: u8 },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..12u8, any::<u8>(), prop_oneof![4 => Just(0u16), 1 => 0..400u16])
            .prop_map(|(who, proof, age_s)| Event::Seen { who, proof, age_s }),
        6 => (0..12u8, 0..5u8).prop_map(|(who, probe)| Event::Unanswered { who, probe }),
        2 => (0..12u8, 0..6u8).prop_map(|(who, name)| Event::Named { who, name }),
        2 => (0..12u8, 0..3u8).prop_map(|(who, client)| Event::Dhcp { who, client }),
        1 => (0..12u8).prop_map(|who| Event::Gone { who }),
        1 => any::<bool>().prop_map(|up| Event::Network { up }),
        1 => (0..3u8, any::<bool>()).prop_map(|(part, up)| Event::Part { part, up }),
        1 => (0..3u8, any::<bool>(), any::<u8>()).prop_map(|(scanner, up, seen)| Event::Line { scanner, up, seen }),
        1 => (0..4_000u16).prop_map(|s| Event::Blind { s }),
        1 => (0..8u8).prop_map(|id| Event::Trust { id }),
        1 => (0..8u8, 0..6u8).prop_map(|(id, name)| Event::Rename { id, name }),
        1 => (0..8u8, 0..8u8).prop_map(|(a, b)| Event::Merge { a, b }),
        1 => (0..8u8).prop_map(|id| Event::Split { id }),
        1 => (0..8u8).prop_map(|id| Event::Forget { id }),
        1 => (0..8u8).prop_map(|id| Event::Check { id }),
    ]
}

/// Events with the milliseconds since the one before.
fn script() -> impl Strategy<Value = Vec<(u64, Event)>> {
    let pause = prop_oneof![4 => 0..3_000u64, 3 => 0..60_000u64, 1 => 0..3_600_000u64];
    vec((pause, event()), 1..80).prop_map(|events| {
        let mut now = 1_000_000;
        events
            .into_iter()
            .map(|(pause, event)| {
                now += pause;
                (now, event)
            })
            .collect()
    })
}

fn at(ms: u64) -> Moment {
    Moment { mono: Mono(ms * 1_000_000), wall: Wall(1_795_600_000_000 + ms as i64) }
}

fn network(up: bool) -> Arc<NetworkFacts> {
    Arc::new(NetworkFacts {
        interfaces: vec![InterfaceFacts {
            id: InterfaceId(2),
            name: "eth0".into(),
            mac: Some(MacAddr([0xdc, 0xa6, 0x32, 0, 0, 5])),
            addresses: vec!["192.168.7.5".parse().expect("an address")],
            up,
            subnets: vec!["192.168.7.0/24".parse().expect("a subnet")],
            gateways: vec!["192.168.7.10".parse().expect("an address")],
        }],
        labels: Vec::new(),
    })
}

/// Half of them draw their addresses themselves.
fn subject(who: u8) -> Subject {
    let first = if who.is_multiple_of(2) { 0x3c } else { 0x5a };
    Subject::both(
        MacAddr([first, 0x22, 0xfb, 0, 0, who]),
        format!("192.168.7.{}", 10 + who).parse().expect("an address"),
    )
}

fn input(now: u64, event: &Event) -> Input<'static> {
    let saw = |who: u8, fact: Fact| {
        Input::Observation(Observation {
            source: if who.is_multiple_of(3) { Source::Capture } else { Source::Netlink },
            interface: Some(InterfaceId(2)),
            at: at(now),
            subject: subject(who),
            fact,
        })
    };
    let id = |n: u8| DeviceId::mint(INSTANCE, n.into());
    let name =
        |n: u8| ["Anna-iPhone", "tv", "Maya-iPhone", "localhost", "printer", "tv"][usize::from(n) % 6].to_owned();
    let order = |command: Command| Input::Command(Ticket(now), command);
    match *event {
        Event::Seen { who, proof, age_s } => {
            let proof = Proof::ALL[usize::from(proof) % Proof::ALL.len()];
            saw(who, Fact::Alive { proof, age: Duration::from_secs(age_s.into()) })
        }
        Event::Unanswered { who, probe } => saw(who, Fact::Unanswered { probe: Probe::ALL[usize::from(probe) % 5] }),
        Event::Named { who, name: n } => saw(who, Fact::Named { name: name(n), by: Heard::ALL[usize::from(n) % 5] }),
        Event::Dhcp { who, client } => {
            let client_id = Some(vec![9, 9, 9, 9, client]);
            saw(who, Fact::Dhcp { asked: vec![1, 3, 6, 15], vendor_class: None, client_id })
        }
        Event::Gone { who } => saw(who, Fact::Gone(Goodbye::DhcpRelease)),
        Event::Network { up } => Input::Network(network(up)),
        Event::Part { part, up } => {
            let part = PartId::new(["capture/eth0", "netlink", "arp_sweep"][usize::from(part) % 3]);
            let health = if up { Health::Up } else { Health::Down { why: "gone".into(), advice: None } };
            Input::Part(part, health)
        }
        Event::Line { scanner, up, seen } => {
            let health = if up { Health::Up } else { Health::Down { why: "gone".into(), advice: None } };
            let name = ["icmp", "netlink", "arp_sweep"][usize::from(scanner) % 3].to_owned();
            Input::Scanner(ScannerView { name, health, seen: seen.into(), sent: 0, last_success: None })
        }
        Event::Blind { s } => Input::Blind(Duration::from_secs(s.into())),
        Event::Trust { id: n } => order(Command::Trust { device: id(n), trust: Trust::Trusted }),
        Event::Rename { id: n, name: text } => order(Command::Rename { device: id(n), name: Some(name(text)) }),
        Event::Merge { a, b } => order(Command::Merge { a: id(a), b: id(b) }),
        Event::Split { id: n } => order(Command::Split { device: id(n) }),
        Event::Forget { id: n } => order(Command::Forget { device: id(n) }),
        Event::Check { id: n } => order(Command::Check { device: id(n) }),
    }
}

/// Plays a script with ticks at the given moments; returns all lines and the devices at the end.
fn play(script: &[(u64, Event)], ticks: &[u64]) -> (Vec<String>, Vec<String>) {
    let mut settings = Settings::default();
    settings.exposure.limit = 3;
    let mut engine = Engine::new(&settings, network(true), &Remembered::default(), INSTANCE, at(1_000_000));
    let mut lines = Vec::new();
    let mut ticks = ticks.iter().copied().peekable();
    let end = script.last().map_or(1_000_000, |(now, _)| now + 4 * 3_600_000);
    for (now, event) in script {
        while let Some(tick) = ticks.next_if(|tick| tick <= now) {
            lines.extend(engine.handle(Input::Tick, at(tick)));
            engine.view();
        }
        lines.extend(engine.handle(input(*now, event), at(*now)));
        for change in &lines {
            drop(change.to_string());
        }
    }
    for tick in ticks.take_while(|tick| *tick <= end) {
        lines.extend(engine.handle(Input::Tick, at(tick)));
    }
    lines.extend(engine.handle(Input::Tick, at(end)));
    assert!(engine.next_wake().is_none_or(|wake| wake > at(end).mono), "timers came to rest");
    let view = engine.view();
    let devices =
        view.devices.values().map(|d| format!("{} {} {} {:?} {:?}", d.id, d.name, d.presence, d.macs, d.window));
    (lines.iter().map(ToString::to_string).collect(), devices.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn ticks_anywhere_change_nothing(script in script(), mut ticks in vec(1_000_000..20_000_000u64, 0..48)) {
        ticks.sort_unstable();
        // A host that sleeps does not tick.
        ticks.retain(|tick| !script.iter().any(|(now, event)| matches!(event, Event::Blind { s } if (now.saturating_sub(u64::from(*s) * 1_000)..*now).contains(tick))));
        prop_assert_eq!(play(&script, &ticks), play(&script, &[]));
    }

    #[test]
    fn a_silence_costs_the_same_however_long_it_is(script in script()) {
        let mut engine = Engine::new(&Settings::default(), network(true), &Remembered::default(), INSTANCE, at(1_000_000));
        let mut end = 0;
        for (now, event) in &script {
            engine.handle(input(*now, event), at(*now));
            end = *now;
        }
        let wakes_until = |engine: &mut Engine, end: u64| {
            let mut wakes = 0;
            while let Some(wake) = engine.next_wake().filter(|wake| *wake <= at(end).mono) {
                engine.handle(Input::Tick, Moment { mono: wake, wall: Wall(1_795_600_000_000 + (wake.0 / 1_000_000) as i64) });
                wakes += 1;
            }
            wakes
        };
        const DAY: u64 = 86_400_000;
        let first = wakes_until(&mut engine, end + DAY);
        let later = wakes_until(&mut engine, end + 30 * 365 * DAY);
        // Without ears for arrivals, who left is looked for every five seconds for twelve hours (`presence.arrival_ask`).
        let away = engine.view().devices.values().filter(|device| device.presence == porchlight::model::Presence::Away).count();
        prop_assert!(first <= 6_000 + away * 8_640, "{} timers in a day, {} away", first, away);
        // Thirteen devices at most, and pauses of a quarter of the silence: 30 years are 1.25^42 days.
        prop_assert!(later <= 1_000, "{} timers in thirty years", later);
    }

    /// Who cuts the picture only when something moved or was told misses nothing but gauges.
    #[test]
    fn nothing_moves_unseen(script in script()) {
        let new = || Engine::new(&Settings::default(), network(true), &Remembered::default(), INSTANCE, at(1_000_000));
        let (mut always, mut sparing) = (new(), new());
        let mut shown = sparing.view();
        for (now, event) in &script {
            always.handle(input(*now, event), at(*now));
            let told = sparing.handle(input(*now, event), at(*now)).iter().any(|change| !matches!(change, Change::Asked(_)));
            if told || sparing.has_moved() {
                shown = sparing.view();
                prop_assert!(!sparing.has_moved(), "it was just cut");
            }
            prop_assert_eq!(without_gauges(&always.view()), without_gauges(&shown));
        }
    }

    #[test]
    fn names_are_unique_and_windows_agree_with_presence(script in script()) {
        agrees(&script);
    }
}

/// Names are unique, who is not away has a window, and a hardware address is one device's.
fn agrees(script: &[(u64, Event)]) {
    let mut engine = Engine::new(&Settings::default(), network(true), &Remembered::default(), INSTANCE, at(1_000_000));
    let mut ids = std::collections::BTreeSet::new();
    for (now, event) in script {
        engine.handle(input(*now, event), at(*now));
        let view = engine.view();
        let names: std::collections::BTreeSet<_> = view.devices.values().map(|d| d.name.to_lowercase()).collect();
        let all: Vec<_> = view.devices.values().map(|d| d.name.as_str()).collect();
        assert_eq!(names.len(), view.devices.len(), "{:?}", all);
        for device in view.devices.values() {
            assert!(!device.name.is_empty());
            assert_eq!(device.window.is_some(), device.presence != porchlight::model::Presence::Away, "{:?}", device);
            assert!(!view.tombstones.contains_key(&device.id));
            ids.insert(device.id);
        }
        let macs: Vec<_> = view.devices.values().flat_map(|d| d.macs.iter().copied()).collect();
        let once: std::collections::BTreeSet<_> = macs.iter().copied().collect();
        assert_eq!(once.len(), macs.len(), "a MAC is one device's");
    }
    assert!(ids.len() <= view_minted(&mut engine));
}

/// A phone that was two addresses of one lease, the first of them heard again by an old word while the interface goes.
#[test]
fn an_old_word_of_a_former_address_ends_no_window() {
    let seen = |at: u64, who: u8, age_s: u16| (at, Event::Seen { who, proof: 0, age_s });
    agrees(&[
        (1_000_000, Event::Dhcp { who: 7, client: 2 }),
        seen(1_000_000, 9, 0),
        seen(1_030_733, 0, 0),
        (1_041_036, Event::Dhcp { who: 9, client: 2 }),
        seen(1_060_544, 0, 0),
        seen(1_082_741, 0, 0),
        seen(1_118_806, 0, 0),
        seen(1_152_973, 0, 0),
        seen(1_203_256, 0, 0),
        seen(1_260_000, 7, 261),
        (1_260_000, Event::Network { up: false }),
        seen(1_265_000, 0, 0),
    ]);
}

/// What of a picture tells more than when and how often.
fn without_gauges(view: &HomeView) -> Vec<String> {
    let devices = view.devices.values().map(|device| {
        let mut still = DeviceView { last_seen: Wall(0), signal_dbm: None, window: None, ..DeviceView::clone(device) };
        // The one heard last comes first.
        still.addresses.sort_unstable();
        still.macs.sort_unstable();
        format!("{still:?}")
    });
    let scanners = view.scanners.iter().map(|line| format!("{} {:?}", line.name, line.health));
    let household = Household { ask_budget: 0, crowd: None, ..Household::clone(&view.household) };
    devices.chain(scanners).chain([format!("{household:?}")]).collect()
}

fn view_minted(engine: &mut Engine) -> usize {
    engine.view().minted as usize
}
