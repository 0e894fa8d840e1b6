//! # What other witnesses say of a silent phone

use std::time::Duration;

use porchlight::model::{
    Command, Fact, Goodbye, HaContact, HaFact, HaFix, HaPlace, Observation, Presence, Proof, Remembered, Source,
    Subject,
};

use porchlight::engine::{Input, Settings};

use crate::{
    learned::{Dice, four_weeks, home_with_a_phone},
    world::{GATEWAY, PHONE, World, at, mac},
};

const DOOR: &str = "binary_sensor.front_door";

fn contact(home: &mut World, entity: &str, open: Option<bool>) {
    home.give(Input::Told(HaFact::Contact(HaContact { entity: entity.into(), open })));
}

fn opens(home: &mut World, entity: &str) {
    contact(home, entity, Some(true));
    home.run(8);
    contact(home, entity, Some(false));
}

fn located(home: &mut World, distance_m: f64, accuracy_m: f64, age_s: u64) {
    let fix = HaFix { distance_m, accuracy_m, age: Duration::from_secs(age_s) };
    home.give(Input::Told(HaFact::Located(HaPlace { person: "Anna".into(), fix })));
}

/// The phone lies there for half an hour, then goes while `beside` happens every half minute; seconds until away.
fn leaves(taught: &mut World, doors: &[&str], beside: impl Fn(&mut World, u64)) -> u64 {
    taught.settings.presence.doors = doors.iter().map(|door| (*door).to_owned()).collect();
    let mut home = taught.after_a_stop(60);
    home.there.insert(mac(PHONE.0));
    for door in doors {
        contact(&mut home, door, Some(false));
    }
    home.seen(PHONE, Proof::ArpAnnounce);
    home.run(1_800);
    home.seen(PHONE, Proof::Frame);
    home.goes(PHONE);
    let (left, lines) = (home.now, home.lines.len());
    for step in 0..400 {
        beside(&mut home, step);
        home.run(30);
        if home.lines[lines..].iter().any(|(_, line)| line.contains("-> away")) {
            return (home.now - left) / 1_000;
        }
    }
    panic!("never away: {:#?}", &home.lines[lines..]);
}

#[test]
fn other_witnesses_make_it_sooner_or_later() {
    let mut home = home_with_a_phone();
    let phone = home.id(PHONE);
    assert!(home.order(Command::SetOwner { device: phone, owner: Some("Anna".into()) }));
    let _ = four_weeks(&mut home, &mut Dice(7));
    let alone = leaves(&mut home, &[], |_, _| {});

    let gone = |home: &mut World, step| {
        if step == 0 {
            home.run(4);
            home.fact(PHONE, Fact::Gone(Goodbye::ApLeft));
        }
    };
    let door = |home: &mut World, step| {
        if step == 0 {
            opens(home, DOOR);
        }
    };
    let sooner = [
        ("dropped by the access point", leaves(&mut home, &[], gone)),
        ("the door opened", leaves(&mut home, &[DOOR], door)),
        ("its app is far away", leaves(&mut home, &[], |home, _| located(home, 4_000.0, 20.0, 30))),
    ];
    for (name, delay) in sooner {
        assert!(delay * 10 <= alone * 8, "{name}: {delay} s, alone {alone} s");
    }
    let later = [
        ("still listed", leaves(&mut home, &[], |home, _| home.fact(PHONE, Fact::Listed))),
        ("no door opened", leaves(&mut home, &[DOOR], |_, _| {})),
        ("its app is at home", leaves(&mut home, &[], |home, _| located(home, 15.0, 20.0, 10))),
    ];
    for (name, delay) in later {
        assert!(delay > alone, "{name}: {delay} s, alone {alone} s");
        // A list keeps ghosts, a second door is not watched: nothing of it holds a phone for ever.
        assert!(delay <= 9_000 + 180, "{name}: {delay} s");
    }
    // What says nothing, or is not to be trusted, changes nothing.
    let nothing = [
        ("a door of no matter", leaves(&mut home, &[], door)),
        (
            "one of two doors is unwatched",
            leaves(&mut home, &[DOOR, "cover.garage"], |home, step| {
                if step == 0 {
                    contact(home, "cover.garage", None);
                }
            }),
        ),
        ("a frozen position", leaves(&mut home, &[], |home, _| located(home, 4_000.0, 20.0, 86_400))),
        ("a rough position", leaves(&mut home, &[], |home, _| located(home, 4_000.0, 3_000.0, 10))),
        ("nonsense", leaves(&mut home, &[], |home, _| located(home, f64::NAN, f64::INFINITY, 10))),
        ("somewhere near", leaves(&mut home, &[], |home, _| located(home, 300.0, 50.0, 10))),
        (
            "a door that stands open",
            leaves(&mut home, &[DOOR], |home, step| {
                if step == 0 {
                    contact(home, DOOR, Some(true));
                }
            }),
        ),
    ];
    for (name, delay) in nothing {
        assert!(delay.abs_diff(alone) <= 40, "{name}: {delay} s, alone {alone} s");
    }
}

// A station list that still has it says that it only roamed.
#[test]
fn listed_again_is_not_gone() {
    let mut home = home_with_a_phone();
    home.run(600);
    home.goes(PHONE);
    home.fact(PHONE, Fact::Gone(Goodbye::ApLeft));
    home.run(60);
    home.fact(PHONE, Fact::Listed);
    home.run(20 * 60);
    assert_eq!(home.saw("-> away no_answer"), 0, "a quarter of the time is over: {:#?}", home.lines);
    home.run(40 * 60);
    assert_eq!(home.saw("-> away no_answer"), 1, "listed for ever is no proof: {:#?}", home.lines);
}

// An access point that proxies ARP answers for a phone that is at work, with the phone's own address.
#[test]
fn who_is_far_and_is_answered_for_is_away() {
    let mut home = home_with_a_phone();
    let phone = home.id(PHONE);
    assert!(home.order(Command::SetKind { device: phone, kind: Some(porchlight::model::Kind::Phone) }));
    assert!(home.order(Command::SetOwner { device: phone, owner: Some("Anna".into()) }));
    home.run(1_800);
    // A position that is wrong: the phone speaks by itself all the while, and its answers go on counting.
    for _ in 0..40 {
        located(&mut home, 4_000.0, 20.0, 10);
        home.run(100);
        home.seen(PHONE, Proof::Frame);
    }
    home.goes(PHONE);
    home.proxied.insert(mac(PHONE.0));
    home.run(4 * 3_600);
    assert_eq!(home.device(PHONE).presence, Presence::Home, "nothing tells it from a phone at home");
    for _ in 0..60 {
        located(&mut home, 4_000.0, 20.0, 10);
        home.run(120);
    }
    assert_eq!(home.device(PHONE).presence, Presence::Away, "{:#?}", home.lines);
    // Such an answer is no return either, and holds it no more on other days.
    home.run(3 * 3_600);
    assert_eq!(home.device(PHONE).presence, Presence::Away, "{:#?}", home.lines);
    home.there.insert(mac(PHONE.0));
    home.seen(PHONE, Proof::DhcpRequest);
    assert_eq!(home.device(PHONE).presence, Presence::Home);
    home.run(600);
    home.goes(PHONE);
    home.run(2 * 3_600);
    assert_eq!(home.device(PHONE).presence, Presence::Away, "{:#?}", home.lines);
}

const TAG: &str = "c0:11:22:01:02:03";

fn heard(home: &mut World, fact: Fact) {
    let at = at(home.now);
    let subject = Subject::mac(mac(TAG));
    home.give(Input::Observation(Observation { source: Source::Ble, interface: None, at, subject, fact }));
}

// Nobody can ask a watch: its silences alone teach how long they are.
#[test]
fn a_watch_that_cannot_be_asked_is_learned_from_its_silences() {
    let mut home = World::new();
    home.comes(GATEWAY);
    let advert = || Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO };
    heard(&mut home, Fact::Named { name: "Annas Apple Watch".into(), by: porchlight::model::Heard::Bluetooth });
    let mut dice = 1u64;
    let mut days = |home: &mut World, count: u64| {
        for _ in 0..count * 1_440 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            heard(home, advert());
            // Mostly every 20 s, now and then two or three minutes not at all.
            let pause = if dice >> 59 == 0 { 120 + (dice >> 40) % 60 } else { 10 + (dice >> 40) % 20 };
            home.run(pause);
        }
    };
    days(&mut home, 5);
    let called_away = |home: &World| -> Vec<u64> {
        let lines = home.lines.iter().filter(|(_, line)| line.contains(" presence ") && line.contains("-> away"));
        lines.map(|(at, _)| *at).collect()
    };
    assert_eq!(called_away(&home).len(), 0, "{:#?}", home.lines);
    for times in 1..=3 {
        let left = home.now;
        home.run(3 * 3_600);
        let away = called_away(&home);
        assert_eq!(away.len(), times, "{:#?}", home.lines);
        let waited = (away[times - 1] - left) / 1_000;
        // Of its kind nobody would be away before 45 minutes.
        assert!((150..=1_500).contains(&waited), "{waited} s");
        days(&mut home, 1);
    }
    // A return is no sign that it had been home all the time: nothing else is ever heard of it.
    let device = home.engine.view().devices.values().find(|d| d.macs.contains(&mac(TAG))).cloned().expect("known");
    assert_eq!(device.presence, Presence::Home);
    let sleep = device.facts.iter().find(|(key, _)| key == "sleep").map(|(_, value)| value.clone()).expect("learned");
    assert!(sleep.contains("learned from") && sleep.contains(" 0 wrongly called away"), "{sleep}");
}

// Back from a trip, Bluetooth is heard before the phone has joined the network: no silence at home.
#[test]
fn a_return_first_heard_by_bluetooth_is_a_return_all_the_same() {
    let mut home = World::with(Settings::default(), &Remembered::default());
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.dhcp(PHONE, "Annas-iPhone");
    heard(&mut home, Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO });
    let id = |home: &mut World, who: &str| {
        let view = home.engine.view();
        view.devices.values().find(|device| device.macs.contains(&mac(who))).expect("known").id
    };
    let (a, b) = (id(&mut home, PHONE.0), id(&mut home, TAG));
    assert!(home.order(Command::Merge { a, b }));
    let mut dice = Dice(3);
    let _ = four_weeks(&mut home, &mut dice);
    let wrong = |home: &mut World| {
        let facts = home.device(PHONE).facts.clone();
        facts.iter().find(|(key, _)| key == "sleep").map(|(_, value)| value.clone()).expect("learned")
    };
    let before = wrong(&mut home);
    for _ in 0..5 {
        home.goes(PHONE);
        home.run(3 * 3_600);
        assert_eq!(home.device(PHONE).presence, Presence::Away);
        home.there.insert(mac(PHONE.0));
        heard(&mut home, Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO });
        home.run(4);
        home.seen(PHONE, Proof::DhcpRequest);
        home.run(1_800);
    }
    let after = wrong(&mut home);
    let count = |text: &str| text.split(", ").nth(1).map(ToOwned::to_owned);
    assert_eq!(count(&after), count(&before), "{before} / {after}");
}

// A phone that speaks every twenty seconds was heard last at about the time at which any other fell silent.
#[test]
fn who_is_still_heard_did_not_fall_silent_with_the_other() {
    let second = ("3c:22:fb:01:02:04", "192.168.7.41");
    for (both_go, says) in [(false, "other_device_here"), (true, "all_silent")] {
        let mut home = World::new();
        for who in [GATEWAY, ("e8:db:84:00:00:09", "192.168.7.9"), ("e8:db:84:00:00:0a", "192.168.7.10")] {
            home.comes(who);
        }
        for (who, name) in [(PHONE, "Annas-iPhone"), (second, "Annas-iPhone-2")] {
            home.comes(who);
            home.dhcp(who, name);
        }
        home.run(60);
        for device in [home.id(PHONE), home.id(second)] {
            assert!(home.order(Command::SetOwner { device, owner: Some("Anna".into()) }));
        }
        let phone = home.id(PHONE);
        assert!(home.order(Command::SetAwayAfter { device: phone, after: Duration::from_secs(75) }));
        home.seen(PHONE, Proof::Frame);
        home.seen(second, Proof::Frame);
        home.goes(PHONE);
        if both_go {
            home.goes(second);
        }
        for _ in 0..10 {
            home.run(20);
            if !both_go {
                home.seen(second, Proof::Frame);
            }
        }
        let (who, decision) = home.judged.first().expect("one is away");
        let signs: Vec<_> = decision.ratios.iter().map(|(sign, _)| *sign).collect();
        assert_eq!((*who, signs), (phone, vec![says]), "{:#?}", home.lines);
    }
}

/// Anna's watch, which only Bluetooth hears and nobody can ask, beside her phone. Both at home for so long.
fn with_a_watch(home: &mut World, dice: &mut u64, seconds: u64) {
    let end = home.now + seconds * 1_000;
    let mut spoke = home.now;
    while home.now < end {
        *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        heard(home, Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO });
        // Once in an hour and a half it is not heard for some minutes.
        let pause = if *dice >> 56 == 0 { 100 + (*dice >> 40) % 120 } else { 10 + (*dice >> 40) % 20 };
        home.run(pause);
        if home.now >= spoke + 40_000 && home.there.contains(&mac(PHONE.0)) {
            home.seen(PHONE, Proof::Frame);
            spoke = home.now;
        }
    }
}

// What a watch does on its own cannot be told from what it does on an errand: no return of it is a joining. Its owner's
// phone tells, both when they come back together and when they go.
#[test]
fn a_watch_goes_where_its_owners_phone_goes() {
    let learn = |owned: bool| {
        let mut home = World::new();
        home.comes(GATEWAY);
        home.comes(PHONE);
        home.dhcp(PHONE, "Annas-iPhone");
        heard(&mut home, Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO });
        heard(&mut home, Fact::Named { name: "Annas Apple Watch".into(), by: porchlight::model::Heard::Bluetooth });
        let watch = home.engine.view().devices.values().find(|d| d.macs.contains(&mac(TAG))).expect("known").id;
        let phone = home.id(PHONE);
        for device in [phone, watch].into_iter().filter(|_| owned) {
            assert!(home.order(Command::SetOwner { device, owner: Some("Anna".into()) }));
        }
        let mut dice = 5u64;
        for _ in 0..24 {
            with_a_watch(&mut home, &mut dice, 4 * 3_600);
            // Bread, twelve minutes.
            home.goes(PHONE);
            home.run(720);
            home.there.insert(mac(PHONE.0));
            home.seen(PHONE, Proof::DhcpRequest);
            home.run(3);
        }
        with_a_watch(&mut home, &mut dice, 3_600);
        let away_after = |home: &mut World, phone_goes: bool| {
            let (left, lines) = (home.now, home.lines.len());
            if phone_goes {
                home.goes(PHONE);
            }
            for _ in 0..4 * 60 {
                home.run(60);
                if home.there.contains(&mac(PHONE.0)) {
                    home.seen(PHONE, Proof::Frame);
                }
            }
            let is_it = |line: &str| line.contains(&watch.to_string()) && line.contains("-> away");
            let away = home.lines[lines..].iter().find(|(_, line)| is_it(line)).expect("away").0;
            home.there.insert(mac(PHONE.0));
            home.seen(PHONE, Proof::DhcpRequest);
            home.run(3);
            (away - left) / 1_000
        };
        let both = away_after(&mut home, true);
        with_a_watch(&mut home, &mut dice, 3_600);
        let alone = away_after(&mut home, false);
        (both, alone)
    };
    let ((both, alone), (nobodys, _)) = (learn(true), learn(false));
    // Told by the phone, and what it learned is free of errands.
    assert!(both * 10 <= alone * 8 && both * 2 <= nobodys && alone < nobodys, "{both} {alone} {nobodys}");
    assert!(alone <= 3_700, "a watch that goes alone is away too: {alone}");
}
