//! # People, guests and the household

use std::sync::Arc;

use porchlight::{
    engine::Input,
    model::{Command, DeviceId, HaFact, HaPerson, Kind, Mode, PersonView, Presence, Proof, Tier, Trust},
};

use crate::{
    learned::{Dice, HOUR, four_weeks, home_with_a_phone},
    world::{GATEWAY, PHONE, World},
};

#[test]
fn people_come_and_go_with_what_they_carry() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.named(PHONE, "Annas-iPhone");
    let id = home.id(PHONE);
    home.give(Input::Told(HaFact::Persons(vec![HaPerson { name: "Anna".into(), devices: vec![id], linked: false }])));
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
    home.give(Input::Told(HaFact::Persons(vec![HaPerson { name: "Anna".into(), devices: vec![id], linked: false }])));
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

// Anna goes out with her watch, as the access point and the watch's silence tell; her phone lies on the table.
#[test]
fn a_phone_left_at_home_does_not_hold_its_owner() {
    let watch = ("3c:22:fb:0a:0b:0c", "192.168.7.41");
    let leave = |dropped: bool, used: bool| {
        let mut home = World::new();
        home.comes(GATEWAY);
        for (who, name, kind) in [(PHONE, "Annas-iPhone", Kind::Phone), (watch, "Annas-Watch", Kind::Watch)] {
            home.comes(who);
            home.dhcp(who, name);
            let device = home.id(who);
            assert!(home.order(Command::SetKind { device, kind: Some(kind) }));
            assert!(home.order(Command::SetOwner { device, owner: Some("Anna".into()) }));
        }
        home.run(1_800);
        home.goes(watch);
        if dropped {
            home.fact(watch, porchlight::model::Fact::Gone(porchlight::model::Goodbye::ApLeft));
        }
        let phone = |home: &mut World, gap: u64, seconds: u64| {
            for _ in 0..seconds / gap {
                home.run(gap);
                home.seen(PHONE, porchlight::model::Proof::Frame);
            }
        };
        phone(&mut home, 60, 3 * 3_600);
        if used {
            phone(&mut home, 10, 600);
        }
        let away = home.saw("person Anna away");
        phone(&mut home, 60, 2 * 3_600);
        (away, home.saw("person Anna away"), home.saw("person Anna home"))
    };
    assert_eq!(leave(true, false), (1, 1, 0));
    // Silence alone is no proof that the watch went, rather than that its battery is empty.
    assert_eq!(leave(false, false), (0, 0, 0));
    // Somebody takes the phone up: Anna is back, or was never gone.
    let (away, after, back) = leave(true, true);
    assert!(back == 1 && away == 1 && after == 1, "{away} {after} {back}");
}

// A group is home while somebody of it is: of phones and watches first, and only without them of what lies about.
#[test]
fn a_group_is_home_while_what_stands_for_it_best_is() {
    let (tablet, lamp) = (("3c:22:fb:0a:0b:0d", "192.168.7.42"), ("34:94:54:0a:0b:0e", "192.168.7.43"));
    let mut home = World::new();
    home.comes(GATEWAY);
    let put = |home: &mut World, who: (&str, &str), kind: Kind, group: Option<&str>| {
        home.comes(who);
        let device = home.id(who);
        assert!(home.order(Command::SetKind { device, kind: Some(kind) }));
        assert!(home.order(Command::SetGroup { device, group: group.map(Into::into) }));
    };
    let groups = |home: &mut World| {
        let groups = home.engine.view().household.groups.clone();
        groups.into_iter().map(|(name, here)| format!("{name} {here}")).collect::<Vec<_>>()
    };
    assert!(groups(&mut home).is_empty());
    put(&mut home, PHONE, Kind::Phone, Some("Children"));
    put(&mut home, tablet, Kind::Tablet, Some("Children"));
    put(&mut home, lamp, Kind::Light, Some("Garden"));
    assert_eq!(groups(&mut home), ["Children true", "Garden true"]);
    home.run(300);
    home.goes(PHONE);
    home.goes(lamp);
    home.run(3_600);
    assert_eq!(groups(&mut home), ["Children false", "Garden false"], "{:#?}", home.lines);
    // Without the phone the tablet stands for them.
    put(&mut home, PHONE, Kind::Phone, None);
    home.goes(PHONE);
    assert_eq!(groups(&mut home), ["Children true", "Garden false"]);
    home.comes(lamp);
    assert_eq!(groups(&mut home), ["Children true", "Garden true"]);
}

fn owned(home: &mut World, who: (&str, &str), name: &str, owner: &str) -> DeviceId {
    home.comes(who);
    home.dhcp(who, name);
    let device = home.id(who);
    assert!(home.order(Command::SetOwner { device, owner: Some(owner.into()) }));
    device
}

fn person(home: &mut World, name: &str) -> PersonView {
    let household = Arc::clone(&home.engine.view().household);
    household.persons.iter().find(|person| person.name == name).expect("a person").clone()
}

#[test]
fn a_person_keeps_their_id_and_their_place_over_restarts() {
    let mut home = World::new();
    home.comes(GATEWAY);
    let phone = owned(&mut home, PHONE, "Annas-iPhone", "Anna");
    home.run(600);
    let before = person(&mut home, "Anna");
    assert!(before.home && before.shown && before.device == Some(phone), "{before:?}");
    let mut again = home.after_a_stop(60);
    again.run(60);
    let after = person(&mut again, "Anna");
    assert_eq!((after.id, after.home, after.since), (before.id, true, before.since));
    assert_eq!(again.saw("person "), 0, "a restart is silent");
    again.goes(PHONE);
    again.run(3_600);
    let away = person(&mut again, "Anna");
    assert!(!away.home && away.since > before.since && again.saw("person Anna away") == 1, "{away:?}");
    let mut again = again.after_a_stop(60);
    again.run(60);
    let still = person(&mut again, "Anna");
    assert_eq!((still.id, still.home, still.since, again.saw("person ")), (before.id, false, away.since, 0));
    // Without a device nobody is shown, and with one again it is the same person.
    assert!(again.order(Command::SetOwner { device: phone, owner: None }));
    assert!(again.engine.view().household.persons.is_empty());
    assert!(again.order(Command::SetOwner { device: phone, owner: Some("Anna".into()) }));
    assert_eq!(person(&mut again, "Anna").id, before.id);
}

// The second phone lies at home whatever its owner does: said once, it holds nobody, and nothing moves by saying so.
#[test]
fn a_phone_that_is_not_carried_holds_nobody() {
    let second = ("3c:22:fb:0a:0b:0d", "192.168.7.42");
    let mut home = World::new();
    home.comes(GATEWAY);
    owned(&mut home, PHONE, "Annas-iPhone", "Anna");
    let lies = owned(&mut home, second, "Annas-Diensthandy", "Anna");
    assert!(home.order(Command::SetKind { device: lies, kind: Some(Kind::Phone) }));
    let rests = |home: &mut World, minutes: u64| {
        for _ in 0..minutes {
            home.run(60);
            home.seen(second, Proof::Frame);
        }
    };
    rests(&mut home, 10);
    home.goes(PHONE);
    rests(&mut home, 180);
    assert!(person(&mut home, "Anna").home, "the second phone holds her");
    let mut settings = home.settings.clone();
    let own = porchlight::presence::Own { carried: Some(false), ..Default::default() };
    settings.presence.devices.insert(lies.to_string(), own);
    home.settings = settings.clone();
    home.give(Input::Adopt(Arc::new(settings)));
    assert!(!person(&mut home, "Anna").home && !home.engine.view().household.occupied);
    let mut again = home.after_a_stop(60);
    rests(&mut again, 30);
    assert_eq!((person(&mut again, "Anna").home, again.saw("person ")), (false, 0), "{:#?}", again.lines);
    again.comes(PHONE);
    assert_eq!((person(&mut again, "Anna").home, again.saw("person Anna home")), (true, 1), "{:#?}", again.lines);
}

// Whoever was told that Anna went without her phone hears nothing of a restart.
#[test]
fn a_phone_left_behind_is_so_over_a_restart() {
    let watch = ("3c:22:fb:0a:0b:0c", "192.168.7.41");
    let mut home = World::new();
    home.comes(GATEWAY);
    owned(&mut home, PHONE, "Annas-iPhone", "Anna");
    let device = owned(&mut home, watch, "Annas-Watch", "Anna");
    assert!(home.order(Command::SetKind { device, kind: Some(Kind::Watch) }));
    home.run(1_800);
    home.goes(watch);
    home.fact(watch, porchlight::model::Fact::Gone(porchlight::model::Goodbye::ApLeft));
    let lies = |home: &mut World, minutes: u64| {
        for _ in 0..minutes {
            home.run(60);
            home.seen(PHONE, porchlight::model::Proof::Frame);
        }
    };
    lies(&mut home, 180);
    let away = person(&mut home, "Anna");
    assert!(!away.home && away.reason == "phone_left_behind", "{away:?}");
    let mut again = home.after_a_stop(60);
    lies(&mut again, 30);
    assert_eq!((person(&mut again, "Anna").home, again.saw("person ")), (false, 0), "{:#?}", again.lines);
}

#[test]
fn who_holds_our_tracker_of_a_person_keeps_the_devices() {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.named(PHONE, "Annas-iPhone");
    let id = home.id(PHONE);
    let told = |home: &mut World, devices: Vec<DeviceId>, linked| {
        home.give(Input::Told(HaFact::Persons(vec![HaPerson { name: "Anna".into(), devices, linked }])));
        home.device(PHONE).owner.clone()
    };
    assert_eq!(told(&mut home, vec![id], false).as_deref(), Some("Anna"));
    assert_eq!(told(&mut home, Vec::new(), true).as_deref(), Some("Anna"), "the person's tracker took its place");
    let mut again = home.after_a_stop(60);
    assert_eq!(told(&mut again, Vec::new(), true).as_deref(), Some("Anna"));
    assert_eq!(told(&mut again, Vec::new(), false), None, "nothing of ours is hers any more");
}

fn until_away(home: &mut World) {
    for _ in 0..300 {
        home.run(60);
        if home.device(PHONE).presence == Presence::Away {
            return;
        }
    }
    panic!("never away: {:#?}", home.lines);
}

// A phone that was called away wrongly too often cannot tell that the last one left: that is said when it is certain.
#[test]
fn a_household_is_unsure_while_a_poor_phone_is_all_that_tells() {
    let (mut home, mut dice) = (home_with_a_phone(), Dice(7));
    let phone = home.id(PHONE);
    assert!(home.order(Command::SetOwner { device: phone, owner: Some("Anna".into()) }));
    four_weeks(&mut home, &mut dice);
    for _ in 0..3 {
        home.run(1_800);
        home.seen(PHONE, Proof::Frame);
        home.goes(PHONE);
        until_away(&mut home);
        home.run(600);
        home.comes(PHONE);
        home.run(60);
        assert!(home.order(Command::WasHome { device: phone }));
    }
    let quality = home.device(PHONE).facts.iter().find(|(key, _)| key == "quality").expect("a quality").1.clone();
    assert_eq!((quality.as_str(), home.engine.view().household.false_aways_30d >= 3), ("poor", true));
    home.run(1_800);
    home.seen(PHONE, Proof::Frame);
    home.goes(PHONE);
    home.lines.clear();
    until_away(&mut home);
    home.run(300);
    let household = Arc::clone(&home.engine.view().household);
    assert_eq!(home.saw("person Anna away"), 1, "{:#?}", home.lines);
    assert!(
        household.effective_mode != Mode::Away
            && household.unsure
            && household.occupied
            && household.people_home.is_empty()
    );
    // Not by a restart, but by time.
    let mut home = home.after_a_stop(60);
    home.run(300);
    assert!(home.engine.view().household.unsure && home.saw("person ") == 0);
    home.run(3 * HOUR);
    let household = Arc::clone(&home.engine.view().household);
    assert_eq!((home.saw("person Anna away"), home.saw("mode home -> away")), (1, 1), "{:#?}", home.lines);
    assert!(!household.unsure && !household.occupied);
}

// A sitter stays with the children, who have no phones: the home is not empty, and nothing arms itself.
#[test]
fn a_home_with_a_guest_is_not_empty() {
    let guest = ("da:a1:19:0a:0b:0c", "192.168.7.44");
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.named(PHONE, "Annas-iPhone");
    let device = home.id(PHONE);
    assert!(home.order(Command::SetOwner { device, owner: Some("Anna".into()) }));
    home.comes(guest);
    home.dhcp(guest, "Sitters-Galaxy-S23");
    home.run(1_200);
    assert_eq!(home.engine.view().household.guests.len(), 1, "{:#?}", home.lines);
    home.goes(PHONE);
    for _ in 0..4 * 60 {
        home.run(60);
        home.seen(guest, porchlight::model::Proof::Frame);
    }
    assert_eq!((home.saw("person Anna away"), home.saw("mode home -> away")), (1, 0), "{:#?}", home.lines);
    assert!(home.engine.view().household.occupied && home.engine.view().household.people_home.is_empty());
    home.goes(guest);
    home.run(4 * 3_600);
    assert_eq!(home.saw("mode home -> away"), 1, "{:#?}", home.lines);
    assert!(!home.engine.view().household.occupied);
}
