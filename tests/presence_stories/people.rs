//! # People, guests and the household

use std::sync::Arc;

use porchlight::{
    engine::Input,
    model::{Command, HaFact, HaPerson, Kind, Mode, Tier, Trust},
};

use crate::world::{GATEWAY, PHONE, World};

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
fn a_home_that_stays_empty_is_on_vacation_until_somebody_comes() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.named(PHONE, "Annas-iPhone");
    let id = home.id(PHONE);
    home.give(Input::Told(HaFact::Persons(vec![HaPerson { name: "Anna".into(), devices: vec![id] }])));
    home.run(300);
    home.goes(PHONE);
    home.run(3_600);
    assert_eq!(home.engine.view().household.effective_mode, Mode::Away);
    home.run(35 * 3_600);
    assert_eq!(home.saw("mode away -> vacation"), 0);
    // A restart in between takes nothing from the time, and one later does not end it.
    let mut home = home.after_a_stop(60);
    home.run(2 * 3_600);
    assert_eq!(home.saw("mode away -> vacation"), 1, "{:#?}", home.lines);
    let household = Arc::clone(&home.engine.view().household);
    assert_eq!((household.mode, household.effective_mode), (Mode::Auto, Mode::Vacation));
    let mut home = home.after_a_stop(60);
    assert_eq!(home.engine.view().household.effective_mode, Mode::Vacation);
    home.comes(PHONE);
    assert_eq!(home.saw("mode vacation -> home"), 1);
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
