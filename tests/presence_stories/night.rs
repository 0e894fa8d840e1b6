//! # Night, as `auto` works it out

use porchlight::model::{Command, Mode, Proof};

use crate::{
    learned::{DAY, Dice, HOUR, at_home, home_with_a_phone},
    world::{PHONE, World, mac},
};

const MINUTE: u64 = 60;

fn mode(home: &mut World) -> Mode {
    home.engine.view().household.effective_mode
}

/// Seconds of the day.
fn clock(home: &World) -> u64 {
    home.now / 1_000 % DAY
}

fn until(home: &mut World, dice: &mut Dice, hour: u64) {
    let wait = (DAY + hour * HOUR - clock(home)) % DAY;
    at_home(home, dice, wait);
}

fn is_used(home: &mut World, seconds: u64) {
    for _ in 0..seconds / 10 {
        home.run(10);
        home.seen(PHONE, Proof::Frame);
    }
}

/// Lies there and answers when it is asked.
fn lies(home: &mut World, seconds: u64) {
    home.there.insert(mac(PHONE.0));
    home.run(seconds);
}

#[test]
fn it_is_night_when_all_sleep_in_hours_in_which_nobody_leaves() {
    let (mut home, mut dice) = (home_with_a_phone(), Dice(7));
    let phone = home.id(PHONE);
    assert!(home.order(Command::SetOwner { device: phone, owner: Some("Anna".into()) }));
    until(&mut home, &mut dice, 2);
    lies(&mut home, 2 * HOUR);
    assert_eq!(mode(&mut home), Mode::Home, "nothing is known of her hours yet");
    // Out from eight to five, for four weeks.
    for _ in 0..28 {
        until(&mut home, &mut dice, 8);
        is_used(&mut home, 5 * MINUTE);
        home.goes(PHONE);
        home.run(9 * HOUR);
        home.there.insert(mac(PHONE.0));
        home.seen(PHONE, Proof::DhcpRequest);
    }
    until(&mut home, &mut dice, 23);
    is_used(&mut home, 20 * MINUTE);
    assert_eq!(mode(&mut home), Mode::Home);
    lies(&mut home, 20 * MINUTE);
    assert_eq!(mode(&mut home), Mode::Home, "she may be reading");
    lies(&mut home, 3 * HOUR);
    assert_eq!(mode(&mut home), Mode::Night);
    // A glance at the clock.
    is_used(&mut home, 2 * MINUTE);
    lies(&mut home, 30 * MINUTE);
    assert_eq!(mode(&mut home), Mode::Night);
    // Up with a child.
    is_used(&mut home, 25 * MINUTE);
    assert_eq!(mode(&mut home), Mode::Home, "{:#?}", home.lines.iter().rev().take(5).collect::<Vec<_>>());
    lies(&mut home, 2 * HOUR);
    assert_eq!(mode(&mut home), Mode::Night);
    // Set by hand, it is as set.
    assert!(home.order(Command::SetMode { mode: Mode::Home }));
    lies(&mut home, 10 * MINUTE);
    assert_eq!(mode(&mut home), Mode::Home);
    assert!(home.order(Command::SetMode { mode: Mode::Auto }));
    lies(&mut home, 10 * MINUTE);
    assert_eq!(mode(&mut home), Mode::Night);
    // She leaves all the same: it is no night without her.
    home.goes(PHONE);
    home.run(3 * HOUR);
    assert_eq!(mode(&mut home), Mode::Away);
}
