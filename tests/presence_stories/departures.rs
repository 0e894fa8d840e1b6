//! # When a silence is a departure

use std::{collections::BTreeSet, time::Duration};

use porchlight::{
    engine::{Input, Settings},
    model::{
        Command, Fact, Goodbye, Kind, Observation, Presence, Probe, Proof, Remembered, Rssi, Source, Span, Subject,
        Wall,
    },
};

use crate::world::{GATEWAY, PHONE, START, World, at, ip, mac};

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

// Answers until 01:00, then rarely, then a renewal, then again from 06:30.
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

// The time runs from the last answer, yet ends in no decision before enough questions were lost.
#[test]
fn away_counts_from_the_last_answer_and_rests_on_lost_questions() {
    for (after, lost_from) in [(600, 0), (600, 240), (120, 0)] {
        let mut home = World::new();
        home.comes(GATEWAY);
        home.comes(PHONE);
        let phone = home.id(PHONE);
        assert!(home.order(Command::SetAwayAfter { device: phone, after: Duration::from_secs(after) }));
        home.run(lost_from + 1);
        home.seen(PHONE, Proof::Mdns);
        home.goes(PHONE);
        let last = home.now;
        home.run(2 * after);
        let view = home.device(PHONE);
        let away = home.lines.iter().find(|(_, line)| line.contains("-> away")).expect("away").0;
        let asked: Vec<Probe> = home
            .asks
            .iter()
            .filter(|(when, look)| (last..away).contains(when) && look.ip == ip(PHONE.1))
            .map(|(_, look)| look.probe)
            .collect();
        assert!((after * 1_000..(after + 30) * 1_000).contains(&(away - last)), "{after}: {} ms", away - last);
        assert!(asked.len() >= 3 && asked.iter().collect::<BTreeSet<_>>().len() >= 2, "{asked:?}");
        assert_eq!((view.presence_reason, view.last_seen), ("no_answer", at(last).wall), "why, and since when");
    }
}

// Answers neither sweeps nor questions, and plays music: whatever it says by itself keeps it here.
#[test]
fn who_speaks_by_itself_is_here_without_answering() {
    let speaker = ("20:df:b9:00:00:07", "192.168.7.30");
    let mut home = World::new();
    home.comes(GATEWAY);
    home.seen(speaker, Proof::Mdns);
    home.named(speaker, "Google-Home-Mini");
    assert!(!home.device(speaker).kind.is_sleeper());
    for round in 0..60 {
        home.run(150);
        home.seen(speaker, if round % 2 == 0 { Proof::Frame } else { Proof::Mdns });
    }
    assert_eq!((home.saw("-> away"), home.saw("window closed")), (0, 0), "{:#?}", home.lines);
    home.run(330);
    assert_eq!(home.saw("-> away no_answer"), 1, "silent on every sense");
}

// A sweep of a large home may take longer than the pause between two: what comes late is no absence.
#[test]
fn nobody_leaves_because_the_scanner_is_slow() {
    let mut home = World::new();
    home.comes(GATEWAY);
    let devices: Vec<(String, String)> =
        (1..=89).map(|n| (format!("ec:fa:bc:00:01:{n:02x}"), format!("192.168.7.{}", 100 + n))).collect();
    for (mac, ip) in &devices {
        home.comes((mac, ip));
    }
    home.answers_after = 40_000;
    home.run(4 * 3_600);
    assert_eq!((home.saw("-> away"), home.saw("-> not_home")), (0, 0), "{:#?}", home.lines);
    // Nor do questions pile up behind one that waits.
    let asked = home.asks.len();
    assert!(asked > 0, "they say nothing by themselves, so they are asked");
    assert!(asked <= 4 * 60 * 90, "{asked} questions: more than one a minute each");
    // And who is really gone is missed all the same.
    let gone = (devices[7].0.as_str(), devices[7].1.as_str());
    home.goes(gone);
    home.run(3_600);
    assert_eq!(home.saw("-> away"), 1, "{:#?}", home.lines);
}

// A frozen level, read again and again from a tracker's memory, is no sign of life.
#[test]
fn a_level_is_no_proof() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    let phone = home.id(PHONE);
    assert!(home.order(Command::SetAwayAfter { device: phone, after: Duration::from_secs(600) }));
    home.run(60);
    home.goes(PHONE);
    for _ in 0..180 {
        home.run(5);
        home.fact(PHONE, Fact::Level(Rssi::new(-61).expect("a level")));
    }
    assert_eq!(home.device(PHONE).presence, Presence::Away, "{:#?}", home.lines);
}

// One access point reports that it is gone, eight seconds later another has it.
#[test]
fn roaming_between_access_points_is_no_news() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.named(PHONE, "Annas-iPhone");
    home.run(600);
    let before = home.lines.len();
    for _ in 0..20 {
        home.goes(PHONE);
        home.fact(PHONE, Fact::Gone(Goodbye::ApLeft));
        home.run(8);
        home.comes(PHONE);
        home.run(300);
    }
    assert_eq!(home.lines.len(), before, "{:#?}", &home.lines[before..]);
    assert_eq!((home.engine.view().devices.len(), home.device(PHONE).presence), (2, Presence::Home));
}

// A sweep hears everybody at once, and devices that were asked often are asked no more for a while:
// whoever leaves just then must not be taken for one of many.
#[test]
fn who_leaves_alone_is_not_held_for_those_who_were_only_not_asked() {
    let mut settings = Settings::default();
    settings.presence.asks_per_hour = 20;
    let mut home = World::with(settings, &Remembered::default());
    home.comes(GATEWAY);
    let plugs: Vec<(String, String)> =
        (0..6).map(|n| (format!("e8:db:84:00:01:{n:02x}"), format!("192.168.7.{}", 20 + n))).collect();
    for (mac, ip) in &plugs {
        home.comes((mac, ip));
        home.named((mac, ip), &format!("shelly-{ip}"));
    }
    home.comes(PHONE);
    let phone = home.id(PHONE);
    assert!(home.order(Command::SetAwayAfter { device: phone, after: Duration::from_secs(60) }));
    for _ in 0..180 {
        home.run(10);
        home.seen(PHONE, Proof::Frame);
    }
    for (mac, ip) in &plugs {
        home.seen((mac, ip), Proof::ArpReply);
    }
    home.seen(GATEWAY, Proof::ArpReply);
    home.goes(PHONE);
    let left = home.now;
    home.run(400);
    let away = home.lines.iter().find(|(_, line)| line.contains("-> away")).expect("the phone is away").0;
    assert!(away - left <= 100_000, "{} s", (away - left) / 1_000);
}

// A laptop that dozed all afternoon and went has used up its questions; back for a minute and gone
// again, it is missed all the same.
#[test]
fn who_used_up_the_questions_is_missed_all_the_same() {
    for after in [180, 360, 900] {
        let mut home = World::new();
        home.comes(GATEWAY);
        home.comes(PHONE);
        let phone = home.id(PHONE);
        assert!(home.order(Command::SetAwayAfter { device: phone, after: Duration::from_secs(after) }));
        for _ in 0..10 {
            home.goes(PHONE);
            home.run(after * 8 / 10);
            home.comes(PHONE);
            home.run(20);
        }
        assert_eq!(home.saw("-> away"), 0, "it only dozed: {:#?}", home.lines);
        for times in 1..=4 {
            home.goes(PHONE);
            home.run(after + 60);
            assert_eq!(home.saw("-> away"), times, "{after} s: {:#?}", home.lines);
            home.comes(PHONE);
            home.run(60);
        }
    }
}

// No ARP reaches a host beyond a router; other questions do, and their silence is enough.
#[test]
fn a_host_beyond_a_router_is_missed_too() {
    let camera = ip("10.0.60.9");
    let mut settings = Settings::default();
    settings.presence.away_after.insert("unknown".into(), Span::minutes(5));
    let mut home = World::with(settings, &Remembered::default());
    home.comes(GATEWAY);
    home.beyond.insert(camera);
    home.give(Input::Observation(Observation {
        source: Source::Icmp,
        interface: None,
        at: at(home.now),
        subject: Subject::ip(camera),
        fact: Fact::Alive { proof: Proof::IcmpReply, age: Duration::ZERO },
    }));
    home.run(3_600);
    assert_eq!((home.saw("found"), home.saw("-> away")), (2, 0), "{:#?}", home.lines);
    home.beyond.clear();
    home.run(400);
    assert_eq!(home.saw("-> away no_answer"), 1, "{:#?}", home.lines);
}

// A device that says nothing by itself is asked all day, more often than its budget lasts. What a decision needs is
// left all the same: a time that people set holds whenever it goes.
#[test]
fn a_time_that_people_set_holds_however_often_it_was_asked_before() {
    let mut waits = Vec::new();
    for later in [0, 11, 23, 37, 52, 68, 81] {
        let mut home = World::new();
        home.comes(GATEWAY);
        home.comes(PHONE);
        let device = home.id(PHONE);
        assert!(home.order(Command::SetAwayAfter { device, after: Duration::from_secs(40) }));
        home.run(2 * 3_600 + later);
        assert_eq!(home.saw("-> away"), 0, "{:#?}", home.lines);
        let left = home.now;
        home.goes(PHONE);
        home.run(600);
        let away = home.lines.iter().find(|(_, line)| line.contains("-> away")).map(|(at, _)| (at - left) / 1_000);
        waits.push(away.expect("away"));
    }
    assert!(waits.iter().all(|wait| *wait <= 130), "{waits:?}");
}

/// `devices.<id>` and `presence.away_max`, changed while it runs.
#[test]
fn the_most_that_is_waited_for_a_kind_is_a_setting_that_holds_at_once() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.dhcp(PHONE, "Annas-iPhone");
    home.run(600);
    assert_eq!(home.device(PHONE).kind, Kind::Phone);
    let mut settings = home.settings.clone();
    settings.presence.away_max.insert("phone".into(), Span::minutes(10));
    home.settings = settings.clone();
    home.give(Input::Adopt(std::sync::Arc::new(settings)));
    home.goes(PHONE);
    let left = home.now;
    home.run(45 * 60);
    let away = home.lines.iter().find(|(_, line)| line.contains("-> away")).expect("away").0;
    assert!((9 * 60..=12 * 60).contains(&((away - left) / 1_000)), "{} s", (away - left) / 1_000);
}
