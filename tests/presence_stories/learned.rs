//! # What weeks with a phone teach

use std::collections::BTreeSet;

use porchlight::model::{Command, Presence, Proof};

use crate::world::{GATEWAY, PHONE, World, mac};

pub const HOUR: u64 = 3_600;
pub const DAY: u64 = 24 * HOUR;

/// Chance that comes out the same every time.
pub struct Dice(pub u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Log-normal: twelve throws make a bell.
    fn lasts(&mut self, median: f64, sigma: f64) -> u64 {
        let bell: f64 = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        (median * (sigma * bell).exp()) as u64
    }

    fn within(&mut self, seconds: f64) -> u64 {
        (-seconds * self.unit().max(1e-9).ln()) as u64
    }
}

/// A phone at home for `seconds`: used now and then, falling mute in between, deeper at night.
pub fn at_home(home: &mut World, dice: &mut Dice, seconds: u64) {
    let end = home.now / 1_000 + seconds;
    while home.now / 1_000 < end {
        let night = !(7..23).contains(&(home.now / 1_000 % DAY / HOUR));
        if !night && dice.unit() < 0.4 {
            for _ in 0..30 {
                home.run(12);
                home.seen(PHONE, Proof::Frame);
            }
        } else {
            let (per_hour, median, sigma) = if night { (4.0, 45.0, 1.1) } else { (1.5, 30.0, 0.9) };
            let until = home.now / 1_000 + dice.within(3_600.0 / per_hour);
            while home.now / 1_000 < until.min(end) {
                home.run(90);
                home.seen(PHONE, Proof::Frame);
            }
            home.there.remove(&mac(PHONE.0));
            home.run(45 + dice.lasts(median, sigma));
            home.there.insert(mac(PHONE.0));
            home.seen(PHONE, Proof::Frame);
        }
    }
}

fn away_for(home: &mut World, seconds: u64) -> Option<u64> {
    let (left, lines) = (home.now, home.lines.len());
    home.goes(PHONE);
    home.run(seconds);
    let away = home.lines[lines..].iter().find(|(_, line)| line.contains("-> away")).map(|(at, _)| (at - left) / 1_000);
    home.there.insert(mac(PHONE.0));
    home.seen(PHONE, Proof::DhcpRequest);
    away
}

fn habit(home: &mut World) -> BTreeSet<(String, String)> {
    home.device(PHONE).facts.iter().filter(|(key, _)| key.starts_with("habit.")).cloned().collect()
}

/// Four weeks with two outings a day of which one is long: false aways in all of them, and in the last
/// week how long each departure took to be told.
pub fn four_weeks(home: &mut World, dice: &mut Dice) -> (usize, Vec<u64>) {
    let (mut false_aways, mut delays) = (0, Vec::new());
    for day in 0..28u64 {
        let lines = home.lines.len();
        at_home(home, dice, 8 * HOUR);
        false_aways += home.lines[lines..].iter().filter(|(_, line)| line.contains("-> away")).count();
        // Three times of four it is used just before.
        for _ in 0..if day % 4 == 0 { 0 } else { 15 } {
            home.run(12);
            home.seen(PHONE, Proof::Frame);
        }
        let delay = away_for(home, 9 * HOUR + day % 3 * 900);
        if day >= 21 {
            delays.push(delay.expect("every departure is noticed"));
        }
        let lines = home.lines.len();
        at_home(home, dice, 6 * HOUR);
        false_aways += home.lines[lines..].iter().filter(|(_, line)| line.contains("-> away")).count();
    }
    delays.sort_unstable();
    (false_aways, delays)
}

pub fn home_with_a_phone() -> World {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.dhcp(PHONE, "Annas-iPhone");
    home
}

/// `cargo test --test presence_stories months -- --ignored --nocapture` prints the figures of
/// `docs/decisions/0007-learned-departure.md`.
#[test]
#[ignore = "half a minute; prints figures"]
fn months_in_figures() {
    let (mut false_aways, mut delays) = (0, Vec::new());
    for seed in 1..=8u64 {
        let (wrong, told) = four_weeks(&mut home_with_a_phone(), &mut Dice(seed * 7_919));
        false_aways += wrong;
        delays.extend(told);
    }
    delays.sort_unstable();
    let part = |share: usize| delays[(delays.len() * share / 100).min(delays.len() - 1)];
    println!("8 phones, 4 weeks each: {false_aways} false aways; departures of the last week told after");
    println!("p50 {} s, p90 {} s, p95 {} s, of {}", part(50), part(90), part(95), delays.len());
    assert!(false_aways <= 8, "the dial allows one a month");
}

#[test]
fn weeks_teach_when_a_phone_has_left() {
    let (mut home, mut dice) = (home_with_a_phone(), Dice(7));
    assert!(habit(&mut home).is_empty(), "nothing is known of a new phone");
    let untaught = away_for(&mut home, 2 * HOUR).expect("away");
    assert!((44 * 60..=48 * 60).contains(&untaught), "the kind's time: {untaught} s");
    let (false_aways, delays) = four_weeks(&mut home, &mut dice);
    assert!(false_aways <= 2, "the dial allows one a month: {false_aways}");
    assert!(delays[delays.len() / 2] < 10 * 60 && delays.iter().all(|delay| *delay <= 65 * 60), "{delays:?}");

    // A restart forgets nothing of it.
    let learned = habit(&mut home);
    assert!(learned.len() > 5, "{learned:?}");
    let mut again = home.after_a_stop(60);
    assert_eq!(habit(&mut again), learned);
    again.run(300);
    let after_restart = away_for(&mut again, 2 * HOUR).expect("away");
    assert!(after_restart < 44 * 60, "{after_restart} s");

    // A time set by a person goes before what was learned.
    let phone = again.id(PHONE);
    assert!(again.order(Command::SetAwayAfter { device: phone, after: std::time::Duration::from_secs(7_000) }));
    again.run(60);
    assert_eq!(away_for(&mut again, 6_900), None);
    assert_eq!(again.device(PHONE).presence, Presence::Home);
}

/// `devices.<id>.false_away_per_month`: the same phone, after the same weeks.
#[test]
fn one_phone_may_be_judged_more_strictly_than_the_others() {
    let (mut home, mut dice) = (home_with_a_phone(), Dice(7));
    four_weeks(&mut home, &mut dice);
    let name = home.device(PHONE).name.clone();
    let mut waits = Vec::new();
    for dial in [0.05, 10.0] {
        let mut again = home.after_a_stop(60);
        let mut settings = again.settings.clone();
        let own = porchlight::presence::Own { false_away_per_month: Some(dial), ..Default::default() };
        settings.presence.devices.insert(name.clone(), own);
        again.give(porchlight::engine::Input::Adopt(std::sync::Arc::new(settings)));
        again.run(300);
        waits.push(away_for(&mut again, 3 * HOUR).expect("away"));
    }
    assert!(waits[0] as f64 > 1.5 * waits[1] as f64, "{waits:?}");
}

// One phone of the family sleeps badly: the others' times stay their own.
#[test]
fn one_restless_phone_teaches_nothing_of_the_others() {
    let other = ("3c:22:fb:0d:0e:0f", "192.168.7.45");
    let mut home = home_with_a_phone();
    home.comes(other);
    home.dhcp(other, "Bens-iPhone");
    let (before, mut dice) = (habit(&mut home).len(), Dice(3));
    at_home(&mut home, &mut dice, 5 * DAY);
    assert!(habit(&mut home).len() > before, "the restless one is learned");
    let facts = home.device(other).facts.clone();
    let spells = facts.iter().find(|(key, _)| key == "sleep").map(|(_, value)| value.clone()).unwrap_or_default();
    assert!(!spells.contains("learned from"), "the other was never silent: {spells}");
    let (left, lines) = (home.now, home.lines.len());
    home.goes(other);
    at_home(&mut home, &mut dice, HOUR + HOUR / 2);
    let is_it = format!("presence {} ", home.id(other));
    let away = home.lines[lines..].iter().find(|(_, line)| line.contains(&is_it) && line.contains("-> away"));
    let waited = (away.expect("away").0 - left) / 1_000;
    assert!((44 * 60..=48 * 60).contains(&waited), "the kind's time: {waited} s");
}
