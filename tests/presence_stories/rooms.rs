//! # In which room a phone is

use std::time::Duration;

use porchlight::{
    engine::{Input, Settings},
    model::{Command, Fact, Health, HeardAt, Observation, Presence, Proof, Remembered, Rssi, Source, Subject},
};

use crate::world::{GATEWAY, PHONE, World, at, mac};

fn heard(home: &mut World, who: (&str, &str), ear: &str, room: &str, dbm: i8) {
    let level = Rssi::new(dbm).expect("a level");
    let fact = Fact::HeardAt(HeardAt { ear: ear.into(), room: Some(room.into()), wifi: false, level });
    for fact in [Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO }, fact] {
        home.give(Input::Observation(Observation {
            source: Source::Mqtt,
            interface: None,
            at: at(home.now),
            subject: Subject::mac(mac(who.0)),
            fact,
        }));
    }
}

fn fact(home: &mut World, key: &str) -> Option<String> {
    let facts = home.device(PHONE).facts.clone();
    facts.iter().find(|(held, _)| held == key).map(|(_, value)| value.clone())
}

fn lies(home: &mut World, seconds: u64, loud: (&str, &str), faint: (&str, &str)) {
    for _ in 0..seconds {
        heard(home, PHONE, loud.0, loud.1, -58);
        heard(home, PHONE, faint.0, faint.1, -84);
        home.run(1);
    }
}

#[test]
fn a_phone_is_followed_from_room_to_room_and_is_home_when_it_is_in_none() {
    let mut home = World::with(Settings::default(), &Remembered::default());
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.run(60);
    let (garage, kitchen) = (("garage", "Garage"), ("esp1", "Kitchen"));
    lies(&mut home, 30, garage, kitchen);
    assert_eq!(fact(&mut home, "room"), None, "nobody asks for what is nobody's");
    let phone = home.id(PHONE);
    assert!(home.order(Command::SetOwner { device: phone, owner: Some("Anna".into()) }));
    lies(&mut home, 30, garage, kitchen);
    assert_eq!(fact(&mut home, "room").as_deref(), Some("Garage"));
    let before = home.saw("room");
    lies(&mut home, 120, kitchen, garage);
    assert_eq!(fact(&mut home, "room").as_deref(), Some("Kitchen"), "{before}");
    home.run(120);
    assert_eq!(fact(&mut home, "room"), None);
    assert_eq!(fact(&mut home, "room.last").as_deref(), Some("Kitchen"));
    assert_eq!(home.device(PHONE).presence, Presence::Home, "{:#?}", home.lines);
    // Over a restart its last room is known, so that its sensor stays.
    let mut again = home.after_a_stop(60);
    assert_eq!((fact(&mut again, "room"), fact(&mut again, "room.last").as_deref()), (None, Some("Kitchen")));
}

#[test]
fn this_machine_is_an_ear_once_it_has_a_room() {
    for here in [None, Some("Hall")] {
        let mut settings = Settings::default();
        settings.presence.rooms.here = here.map(Into::into);
        let mut home = World::with(settings, &Remembered::default());
        home.comes(GATEWAY);
        home.comes(PHONE);
        home.run(60);
        let phone = home.id(PHONE);
        assert!(home.order(Command::SetImportant { device: phone, on: true }));
        for _ in 0..10 {
            home.give(Input::Observation(Observation {
                source: Source::Ble,
                interface: None,
                at: at(home.now),
                subject: Subject::mac(mac(PHONE.0)),
                fact: Fact::Level(Rssi::new(-60).expect("a level")),
            }));
            home.run(1);
        }
        assert_eq!(fact(&mut home, "room").as_deref(), here);
    }
}

// What only Home Assistant's Bluetooth hears is frozen while its line is down, though that is no outage yet.
#[test]
fn a_tag_that_home_assistant_hears_is_not_away_because_it_restarts() {
    let tag = ("c4:7c:8d:6a:11:22", "0.0.0.0");
    for is_down in [false, true] {
        let mut home = World::with(Settings::default(), &Remembered::default());
        home.comes(GATEWAY);
        let part = porchlight::model::PartId::new("homeassistant");
        home.give(Input::Part(part.clone(), Health::Up));
        let heard = |home: &mut World| {
            home.give(Input::Observation(Observation {
                source: Source::HomeAssistant,
                interface: None,
                at: at(home.now),
                subject: Subject::mac(mac(tag.0)),
                fact: Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO },
            }));
        };
        for _ in 0..60 {
            heard(&mut home);
            home.run(10);
        }
        let who = home.engine.view().devices.values().find(|d| d.macs == [mac(tag.0)]).expect("the tag").id;
        if is_down {
            home.give(Input::Part(part.clone(), Health::Degraded { why: "restarting".into(), advice: None }));
        }
        home.run(4 * 3_600);
        let presence = home.engine.view().devices.get(&who).expect("the tag").presence;
        assert_eq!(presence.is_here() || presence == Presence::Unknown, is_down, "{presence}: {:#?}", home.lines);
    }
}
