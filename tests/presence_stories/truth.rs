//! # What a person says of a departure that was none

use porchlight::{
    engine::Input,
    model::{Command, HaFact, HaPerson, Presence, Proof},
};

use crate::world::{GATEWAY, PHONE, World};

/// A phone that sleeps too deep, called away while it lies on the table.
fn wrongly_away() -> World {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.dhcp(PHONE, "Annas-iPhone");
    let id = home.id(PHONE);
    home.give(Input::Told(HaFact::Persons(vec![HaPerson { name: "Anna".into(), devices: vec![id], linked: false }])));
    home.run(600);
    home.goes(PHONE);
    home.run(3_600);
    assert_eq!(home.device(PHONE).presence, Presence::Away);
    home
}

fn facts(home: &mut World, key: &str) -> Option<String> {
    home.device(PHONE).facts.iter().find(|(held, _)| held == key).map(|(_, value)| value.clone())
}

#[test]
fn who_is_called_away_and_says_no_is_home_and_never_left() {
    let mut home = wrongly_away();
    let id = home.id(PHONE);
    let began = home.lines.iter().find(|(_, line)| line.contains("window opened")).map(|(at, _)| *at);
    assert!(began.is_some());
    assert!(home.order(Command::WasHome { device: id }));
    let phone = home.device(PHONE);
    assert_eq!((phone.presence, phone.presence_reason, phone.away_for_s), (Presence::Home, "told", 0));
    let stay = phone.window.clone().expect("a stay");
    assert_eq!((stay.stitched, stay.reconnects), (1, 1));
    assert_eq!((home.saw("window stitched"), home.saw("person Anna home")), (1, 1), "{:#?}", home.lines);
    let first = home.found.iter().find(|found| found.id == id).expect("found").first_seen;
    assert_eq!(stay.start, first, "one stay from the beginning");
    assert_eq!(home.engine.view().household.false_aways_30d, 1);
    assert_eq!(facts(&mut home, "false_aways").as_deref(), Some("1"));
}

#[test]
fn after_the_return_too_but_only_once_and_not_of_long_ago() {
    for stop in [false, true] {
        let mut home = wrongly_away();
        if stop {
            home = home.after_a_stop(60);
        }
        let id = home.id(PHONE);
        home.comes(PHONE);
        home.run(300);
        assert_eq!(home.device(PHONE).presence, Presence::Home);
        assert!(home.order(Command::WasHome { device: id }), "stop {stop}");
        assert_eq!(home.saw("window stitched"), 1);
        assert_eq!(home.device(PHONE).window.clone().expect("a stay").stitched, 1);
        if !stop {
            assert_eq!(home.engine.view().household.false_aways_30d, 1, "a restart forgets the silence, not the stay");
        }
        assert!(!home.order(Command::WasHome { device: id }), "there is no departure left");
    }
    let mut home = wrongly_away();
    let id = home.id(PHONE);
    home.comes(PHONE);
    for _ in 0..3 * 48 {
        home.run(1_200);
        home.seen(PHONE, Proof::Frame);
    }
    home.run(86_400);
    assert!(!home.order(Command::WasHome { device: id }), "three days later nobody remembers");
}
