//! Clocks that jump: somebody sets the wall clock, or the host sleeps. Nobody leaves by it, and what is told of
//! times makes sense.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{sync::Arc, time::Duration};

use porchlight::{
    engine::{Engine, Input, Settings},
    model::{
        Change, Fact, InterfaceId, MacAddr, Moment, Mono, NetworkFacts, Observation, Presence, Proof, Remembered,
        Source, Subject, Wall,
    },
};

const HOUR: i64 = 3_600_000;
const YEAR: i64 = 365 * 24 * HOUR;
const BEGAN: i64 = 1_795_600_000_000;

/// A home whose two clocks are turned by hand.
struct Home {
    engine: Engine,
    mono_ms: u64,
    /// How far the wall clock is off.
    off_ms: i64,
    left: Vec<String>,
}

impl Home {
    fn new() -> Home {
        let network = Arc::new(NetworkFacts::default());
        let now = Moment { mono: Mono(1_000_000_000_000), wall: Wall(BEGAN) };
        let engine = Engine::new(&Settings::default(), network, &Remembered::default(), 7, now);
        Home { engine, mono_ms: 1_000_000, off_ms: 0, left: Vec::new() }
    }

    fn now(&self) -> Moment {
        let wall = BEGAN + self.mono_ms as i64 - 1_000_000 + self.off_ms;
        Moment { mono: Mono(self.mono_ms * 1_000_000), wall: Wall(wall) }
    }

    fn give(&mut self, input: Input<'_>) {
        let now = self.now();
        for change in self.engine.handle(input, now) {
            match &change {
                Change::Presence { to: Presence::Away | Presence::Unknown, .. } | Change::WindowClosed { .. } => {
                    self.left.push(change.to_string());
                }
                _ => {}
            }
        }
    }

    /// Everybody speaks every twenty seconds.
    fn lives(&mut self, seconds: u64) {
        for step in 0..seconds {
            self.mono_ms += 1_000;
            if step % 20 == 0 {
                for n in 1..=4u8 {
                    let subject = Subject::both(MacAddr([0x3c, 0x22, 0xfb, 0, 0, n]), [192, 168, 7, n].into());
                    let fact = Fact::Alive { proof: Proof::Frame, age: Duration::ZERO };
                    let (at, interface) = (self.now(), Some(InterfaceId(2)));
                    let seen = Observation { source: Source::Capture, interface, at, subject, fact };
                    self.give(Input::Observation(seen));
                }
            }
            self.give(Input::Tick);
        }
    }

    fn is_sane(&mut self, what: &str) {
        assert!(self.left.is_empty(), "{what}: {:?}", self.left);
        let now = self.now().wall;
        let view = self.engine.view();
        assert_eq!(view.devices.len(), 4, "{what}");
        for device in view.devices.values() {
            assert_eq!(device.presence, Presence::Home, "{what}");
            let window = device.window.as_ref().expect("it is here");
            assert!(window.start <= window.end && window.end == device.last_seen, "{what}: {window:?}");
            assert!((now.0 - device.last_seen.0).abs() <= 60_000, "{what}: {} at {}", device.last_seen, now);
        }
    }
}

#[test]
fn a_wall_clock_that_is_set_moves_nobody() {
    for jump in [HOUR, -HOUR, 2 * YEAR, -2 * YEAR, 50 * YEAR, -40 * YEAR, 61_000, -61_000] {
        let mut home = Home::new();
        home.lives(900);
        home.is_sane("before");
        home.off_ms += jump;
        home.lives(900);
        home.is_sane(&format!("{jump} ms"));
        // And back, as when the clock is set by mistake.
        home.off_ms -= jump;
        home.lives(900);
        home.is_sane(&format!("{jump} ms and back"));
    }
}

#[test]
fn a_host_that_slept_finds_everybody_as_they_were() {
    for slept in [30, 3_600, 86_400 * 3, 86_400 * 400u64] {
        let mut home = Home::new();
        home.lives(900);
        home.mono_ms += slept * 1_000;
        home.give(Input::Blind(Duration::from_secs(slept)));
        home.is_there(&format!("slept {slept} s"));
        home.lives(900);
        home.is_sane(&format!("slept {slept} s"));
    }
}

impl Home {
    fn is_there(&mut self, what: &str) {
        assert!(self.left.is_empty(), "{what}: {:?}", self.left);
        assert!(self.engine.view().devices.values().all(|device| device.presence == Presence::Home), "{what}");
    }
}

#[test]
fn a_clock_without_a_battery_that_is_set_at_the_start_moves_nobody() {
    let network = Arc::new(NetworkFacts::default());
    let began = Moment { mono: Mono(1_000_000_000_000), wall: Wall(0) };
    let engine = Engine::new(&Settings::default(), network, &Remembered::default(), 7, began);
    let mut home = Home { engine, mono_ms: 1_000_000, off_ms: -BEGAN, left: Vec::new() };
    home.lives(60);
    home.off_ms = 0;
    home.lives(1_800);
    home.is_sane("from 1970 to now");
}

#[test]
fn a_stay_that_began_before_the_clock_was_set_has_its_true_start() {
    for (unset, what) in [(-BEGAN, "from 1970"), (-26 * HOUR, "from the last stop"), (5 * HOUR, "from ahead")] {
        let network = Arc::new(NetworkFacts::default());
        let began = Moment { mono: Mono(1_000_000_000_000), wall: Wall(BEGAN + unset) };
        let engine = Engine::new(&Settings::default(), network, &Remembered::default(), 7, began);
        let mut home = Home { engine, mono_ms: 1_000_000, off_ms: unset, left: Vec::new() };
        home.lives(60);
        home.off_ms = 0;
        home.lives(600);
        home.is_sane(what);
        for device in home.engine.view().devices.values() {
            let window = device.window.as_ref().expect("it is here");
            let expected = Wall(BEGAN + 1_000);
            assert_eq!((window.start, device.since, device.first_seen), (expected, expected, expected), "{what}");
        }
    }
}

#[test]
fn a_stay_of_an_earlier_run_keeps_its_start_through_a_start_in_1970() {
    let mut home = Home::new();
    home.lives(600);
    let devices: Vec<_> = home.engine.view().devices.values().map(|device| (**device).clone()).collect();
    let before: Vec<_> =
        devices.iter().map(|d| (d.id, d.first_seen, d.since, d.window.clone().unwrap().start)).collect();
    let stopped = Some(home.now().wall);
    let remembered = Remembered { devices, minted: 4, stopped, ..Remembered::default() };
    let began = Moment { mono: Mono(1_000_000_000_000), wall: Wall(0) };
    let engine = Engine::new(&Settings::default(), Arc::new(NetworkFacts::default()), &remembered, 7, began);
    let mut home = Home { engine, mono_ms: 1_000_000, off_ms: -BEGAN, left: Vec::new() };
    home.lives(60);
    home.off_ms = 2 * HOUR;
    home.lives(600);
    home.is_sane("after a start in 1970");
    let after = home.engine.view();
    let after: Vec<_> =
        after.devices.values().map(|d| (d.id, d.first_seen, d.since, d.window.clone().unwrap().start)).collect();
    assert_eq!(after, before);
}
