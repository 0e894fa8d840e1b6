//! A home of five rooms with an ear in each, and a radio that is carried about or lies still.
//!
//! Levels fall as in homes at 2.4 GHz (ITU-R P.1238: distance power loss coefficient 28) from -59 dBm at a metre, 5 dB
//! more for each wall; 5 dB of shadow that stays while it lies on one spot, 4 dB of fading a reading; and people who
//! stand in the way of an ear six times an hour, for one to five minutes and 8 dB (bodies take 5 to 15 dB at 2.4 GHz).

use super::{
    EARS_MAX, PLACED_MAX, ROOMS_MAX, Rooms, Settings,
    filter::{self, EarId, Ears, RoomId, Rules, Track},
};
use crate::model::{DeviceId, HeardAt, Mono, Rssi};

const ROOMS: u16 = 5;
const ROOM_M: f64 = 5.0;
const WALL_DB: f64 = 5.0;
const SHADOW_DB: f64 = 5.0;
const FADING_DB: f64 = 4.0;
const BODY_DB: f64 = 8.0;
const BODIES_AN_HOUR: f64 = 6.0;
/// What the weakest advertisement that is still heard has.
const DEAFEST_DBM: f64 = -95.0;

struct Dice(u64);

impl Dice {
    /// xorshift64*.
    fn share(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Box and Muller.
    fn normal(&mut self) -> f64 {
        (-2.0 * self.share().max(1e-12).ln()).sqrt() * (2.0 * std::f64::consts::PI * self.share()).cos()
    }
}

struct House;

impl Ears for House {
    fn room(&self, ear: EarId) -> Option<RoomId> {
        Some(ear)
    }
}

struct Radio {
    dice: Dice,
    x: f64,
    shadow: [f64; ROOMS as usize],
    /// Until when somebody stands before each ear.
    body: [f64; ROOMS as usize],
}

impl Radio {
    fn new(seed: u64) -> Radio {
        let mut radio = Radio { dice: Dice(seed | 1), x: 0.0, shadow: [0.0; 5], body: [0.0; 5] };
        radio.goes(2);
        radio
    }

    /// To somewhere in a room.
    fn goes(&mut self, room: u16) {
        self.x = (f64::from(room) + 0.1 + 0.8 * self.dice.share()) * ROOM_M;
        self.shadow = [0.0; 5].map(|_: f64| self.dice.normal() * SHADOW_DB);
    }

    fn room(&self) -> u16 {
        (self.x / ROOM_M) as u16
    }

    /// What an ear measures at `at`, if it hears it.
    fn level(&mut self, ear: u16, at: f64, step: f64) -> Option<i8> {
        let place = usize::from(ear);
        if self.dice.share() < BODIES_AN_HOUR / 3600.0 * step {
            self.body[place] = at + 60.0 + 240.0 * self.dice.share();
        }
        let ear_x = (f64::from(ear) + 0.5) * ROOM_M;
        // Two metres aside or above at the least.
        let distance = (ear_x - self.x).hypot(1.5);
        let walls = f64::from(ear.abs_diff(self.room()));
        let body = if self.body[place] > at { BODY_DB } else { 0.0 };
        let level = -59.0 - 28.0 * distance.log10() - walls * WALL_DB - body
            + self.shadow[place]
            + self.dice.normal() * FADING_DB;
        (level > DEAFEST_DBM).then_some(level.min(-21.0) as i8)
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct Score {
    /// Share of seconds in the right room.
    right: f64,
    /// Changes of room an hour.
    flips: f64,
    /// Seconds until the new room is shown, half of the times and 95 of 100.
    p50: f64,
    p95: f64,
}

fn mono(s: f64) -> Mono {
    Mono((1_000_000.0 + s * 1e9) as u64)
}

/// Plays some hours. `stays`: mean seconds on a spot; nothing: it never moves.
fn play(seed: u64, hours: f64, rate: f64, stays: Option<f64>, rules: &Rules) -> Score {
    let (mut radio, mut track) = (Radio::new(seed), Track::default());
    let (mut right, mut flips, mut seconds) = (0.0, 0.0, 0.0);
    let (mut moved, mut delays): (Option<f64>, Vec<f64>) = (None, Vec::new());
    let step = 0.2;
    let mut at = 0.0;
    while at < hours * 3600.0 {
        at += step;
        if let Some(stays) = stays
            && radio.dice.share() < step / stays
        {
            let to = (radio.room() + 1 + (radio.dice.share() * 4.0) as u16) % ROOMS;
            radio.goes(to);
            moved = Some(at);
        }
        let before = track.room();
        for ear in 0..ROOMS {
            if radio.dice.share() < rate * step
                && let Some(level) = radio.level(ear, at, step / (rate * step))
            {
                track.hear(ear, level, mono(at), &House, rules);
            }
        }
        let shown = track.room();
        // The first minute is that of a start.
        if at < 60.0 {
            continue;
        }
        seconds += step;
        let is_right = shown == Some(radio.room());
        right += if is_right { step } else { 0.0 };
        if before != shown {
            flips += 1.0;
        }
        if is_right && let Some(since) = moved.take() {
            delays.push(at - since);
        }
    }
    delays.sort_by(f64::total_cmp);
    let at = |part: f64| delays.get((delays.len() as f64 * part) as usize).copied().unwrap_or_default();
    Score { right: right / seconds, flips: flips / (seconds / 3600.0), p50: at(0.5), p95: at(0.95) }
}

fn mean(scores: &[Score]) -> Score {
    let of = |read: fn(&Score) -> f64| scores.iter().map(read).sum::<f64>() / scores.len() as f64;
    Score { right: of(|s| s.right), flips: of(|s| s.flips), p50: of(|s| s.p50), p95: of(|s| s.p95) }
}

#[test]
fn a_carried_radio_is_found_and_a_still_one_stays() {
    let rules = Settings::default().rules();
    for (rate, flips_max) in [(0.6, 1.0), (0.3, 1.5)] {
        let many = |stays| mean(&(1..=4).map(|seed| play(seed * 7919, 8.0, rate, stays, &rules)).collect::<Vec<_>>());
        let (still, carried) = (many(None), many(Some(1200.0)));
        assert!(carried.right >= 0.85 && still.right >= 0.85, "{carried:?} {still:?}");
        assert!(still.flips <= flips_max, "{still:?}");
        assert!(carried.p50 <= 60.0 && carried.p95 <= 240.0, "{carried:?}");
    }
}

/// Share of seconds in the right room, after sixteen hours in a house whose ears hear so much louder or fainter.
fn with_gains(seed: u64, gains: [i8; ROOMS as usize], learns: bool) -> f64 {
    let settings = Settings::default();
    let ears: Vec<String> = (0..ROOMS).map(|ear| format!("ear{ear}")).collect();
    let (mut radio, mut rooms) = (Radio::new(seed), Rooms::default());
    let (mut right, mut seconds, mut at) = (0.0, 0.0, 0.0);
    let step = 0.5;
    while at < 30.0 * 3600.0 {
        at += step;
        if radio.dice.share() < step / 1200.0 {
            let to = (radio.room() + 1 + (radio.dice.share() * 4.0) as u16) % ROOMS;
            radio.goes(to);
        }
        for (ear, (name, gain)) in (0..ROOMS).zip(ears.iter().zip(gains)) {
            if radio.dice.share() < 0.3 * step
                && let Some(level) = radio.level(ear, at, 1.0 / 0.3)
            {
                rooms.hear(id(), &heard(name, None, level.saturating_add(gain).min(-21)), mono(at), &settings);
            }
        }
        if !learns {
            rooms.tables.offsets.clear();
        }
        if at > 16.0 * 3600.0 {
            seconds += step;
            let shown = rooms.of(id()).map(|room| room.to_string());
            right += if shown.as_ref() == ears.get(usize::from(radio.room())) { step } else { 0.0 };
        }
    }
    right / seconds
}

#[test]
fn ears_that_hear_louder_than_others_take_no_rooms() {
    let shares = |gains, learns| (1..=2).map(|seed| with_gains(seed * 104_729, gains, learns)).sum::<f64>() / 2.0;
    // Boards and antennas as they come.
    let uneven = [6, -5, 0, -7, 5];
    let (even, left, learned) = (shares([0; 5], true), shares(uneven, false), shares(uneven, true));
    assert!(even >= 0.85 && learned >= 0.85, "even ears {even:.3}, uneven {left:.3}, learned {learned:.3}");
    assert!(learned >= left + (even - left) / 3.0, "{even} {left} {learned}");
    // Where there is nothing to learn, little is lost to chance.
    let untaught = shares([0; 5], false);
    assert!(even >= untaught - 0.03, "{even} {untaught}");
}

fn at(s: u64) -> Mono {
    Mono((1000 + s) * 1_000_000_000)
}

fn heard(ear: &str, room: Option<&str>, dbm: i8) -> HeardAt {
    HeardAt { ear: ear.into(), room: room.map(Into::into), wifi: false, level: Rssi::new(dbm).unwrap() }
}

fn id() -> DeviceId {
    DeviceId::mint(7, 7)
}

/// Hears `loud` at -55 and `faint` at -85 each second.
fn listens(rooms: &mut Rooms, from: u64, to: u64, loud: &HeardAt, faint: &HeardAt, settings: &Settings) {
    for second in from..to {
        rooms.hear(id(), loud, at(second), settings);
        rooms.hear(id(), faint, at(second), settings);
    }
}

#[test]
fn a_room_is_called_as_settings_say_or_as_the_ear_says_or_as_the_ear() {
    let mut settings = Settings::default();
    settings.ears.insert("esp1".into(), "Bedroom".into());
    for (ear, said, expected) in
        [("esp1", Some("Sleeping"), "Bedroom"), ("esp2", Some("Kitchen"), "Kitchen"), ("esp3", None, "esp3")]
    {
        let mut rooms = Rooms::default();
        assert!(rooms.hear(id(), &heard(ear, said, -60), at(0), &settings));
        assert_eq!(rooms.of(id()).map(|room| &**room), Some(expected), "{ear}");
    }
    // The area that a person gave it goes before what it says, and settings before both.
    let mut rooms = Rooms::default();
    rooms.moved(&[("esp1".into(), "Attic".into()), ("esp2".into(), "Attic".into())]);
    for (ear, expected) in [("esp2", "Attic"), ("esp1", "Bedroom")] {
        rooms.forget(id());
        assert!(rooms.hear(id(), &heard(ear, Some("Kitchen"), -60), at(0), &settings));
        assert_eq!(rooms.of(id()).map(|room| &**room), Some(expected), "{ear}");
    }
    // Its room is told anew: two ears of one room are one.
    let mut rooms = Rooms::default();
    listens(&mut rooms, 0, 30, &heard("a", Some("Hall"), -55), &heard("b", Some("Hall"), -85), &settings);
    assert_eq!((rooms.of(id()).map(|room| &**room), rooms.tables.rooms.len()), (Some("Hall"), 1));
    listens(&mut rooms, 30, 90, &heard("a", Some("Landing"), -55), &heard("b", Some("Hall"), -85), &settings);
    assert_eq!(rooms.of(id()).map(|room| &**room), Some("Landing"));
}

#[test]
fn it_moves_when_another_ear_is_louder_for_long_enough() {
    let settings = Settings::default();
    let (a, b) = (heard("a", None, -55), heard("b", None, -85));
    let (a_faint, b_loud) = (heard("a", None, -85), heard("b", None, -55));
    let mut rooms = Rooms::default();
    listens(&mut rooms, 0, 40, &a, &b, &settings);
    assert_eq!(rooms.of(id()).map(|room| &**room), Some("a"));
    listens(&mut rooms, 40, 44, &b_loud, &a_faint, &settings);
    assert_eq!(rooms.of(id()).map(|room| &**room), Some("a"), "not at once");
    listens(&mut rooms, 44, 70, &b_loud, &a_faint, &settings);
    assert_eq!(rooms.of(id()).map(|room| &**room), Some("b"));
    // A level of a radio on the ear itself, and one that came late, say nothing.
    assert!(!rooms.hear(id(), &heard("a", None, -5), at(71), &settings));
    assert!(!rooms.hear(id(), &heard("a", None, -30), at(10), &settings));
    assert_eq!(rooms.of(id()).map(|room| &**room), Some("b"));
}

#[test]
fn an_ear_that_went_deaf_pulls_nobody_out_of_its_room() {
    let settings = Settings::default();
    let (a, b) = (heard("a", None, -55), heard("b", None, -70));
    let mut rooms = Rooms::default();
    listens(&mut rooms, 0, 60, &a, &b, &settings);
    // It hears nobody any more; the other goes on.
    let other = DeviceId::mint(7, 8);
    for second in 60..2000 {
        rooms.hear(id(), &b, at(second), &settings);
        rooms.hear(other, &b, at(second), &settings);
    }
    // Soon enough it is where it is still heard: silence of an ear is weighed, deafness is left out.
    assert_eq!(rooms.of(id()).map(|room| &**room), Some("b"));
    listens(&mut rooms, 2000, 2100, &a, &b, &settings);
    assert_eq!(rooms.of(id()).map(|room| &**room), Some("a"), "and it is back");
}

#[test]
fn bluetooth_goes_before_wifi_and_the_two_are_never_compared() {
    let settings = Settings::default();
    let mut rooms = Rooms::default();
    let wifi = |ear: &str, dbm| HeardAt { wifi: true, ..heard(ear, None, dbm) };
    listens(&mut rooms, 0, 30, &wifi("ap", -30), &wifi("ap2", -80), &settings);
    assert_eq!(rooms.of(id()).map(|room| &**room), Some("ap"));
    for second in 30..120 {
        rooms.hear(id(), &heard("esp", None, -80), at(second), &settings);
        rooms.hear(id(), &wifi("ap", -30), at(second), &settings);
    }
    assert_eq!(rooms.of(id()).map(|room| &**room), Some("esp"));
}

#[test]
fn tables_stay_small_whoever_invents_ears() {
    let settings = Settings::default();
    let mut rooms = Rooms::default();
    for number in 0..10_000_u32 {
        let name = format!("ear{number}");
        rooms.hear(DeviceId::mint(7, number % 3000), &heard(&name, None, -60), at(u64::from(number) / 100), &settings);
    }
    for (table, size) in rooms.sizes() {
        assert!(size <= PLACED_MAX * filter::EARS_MAX, "{table}: {size}");
    }
    assert!(rooms.tables.ears.len() <= EARS_MAX && rooms.tables.rooms.len() <= ROOMS_MAX && rooms.dropped > 0);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]
    #[test]
    fn any_levels_at_any_times_are_a_room_or_none(
        levels in proptest::collection::vec((0_u8..6, -128_i8..=127, 0_u64..400), 0..300),
    ) {
        let mut rooms = Rooms::default();
        let mut now = 0;
        for (ear, dbm, step) in levels {
            now += step / 20;
            let Some(level) = Rssi::new(dbm) else { continue };
            let at_ear = HeardAt { ear: format!("e{ear}").into(), room: None, wifi: ear == 5, level };
            rooms.hear(id(), &at_ear, at(now), &Settings::default());
            let sum: f64 = rooms.placed.values().flat_map(|placed| placed.track.odds().values()).sum();
            proptest::prop_assert!(sum == 0.0 || (0.9..1.1).contains(&sum), "{}", sum);
        }
    }
}

/// What lies beside is where one goes; the rest is not impossible.
#[test]
fn two_rooms_as_loud_are_told_apart_by_what_lies_beside() {
    struct Planned;
    impl Ears for Planned {
        fn room(&self, ear: EarId) -> Option<RoomId> {
            Some(ear)
        }
        fn is_planned(&self) -> bool {
            true
        }
        fn way(&self, from: RoomId, to: RoomId) -> Option<f64> {
            Some(if from + to == 1 { 1.0 } else { 0.05 })
        }
    }
    let rules = Settings::default().rules();
    let at = |s: u64| Mono((1_000 + s) * 1_000_000_000);
    let carried = |ears: &dyn Fn(&mut Track, EarId, i8, Mono) -> bool| {
        let mut track = Track::default();
        for s in 0..60 {
            ears(&mut track, 0, -40, at(s));
        }
        for s in 60..80 {
            for (ear, dbm) in [(0, -90), (1, -55), (2, -55)] {
                ears(&mut track, ear, dbm, at(s));
            }
        }
        (track.room(), track.odds()[&1] / track.odds()[&2])
    };
    let (room, ratio) = carried(&|track, ear, dbm, at| track.hear(ear, dbm, at, &Planned, &rules));
    assert!(room == Some(1) && ratio > 3.0, "{room:?} {ratio}");
    let (_, ratio) = carried(&|track, ear, dbm, at| track.hear(ear, dbm, at, &House, &rules));
    assert!((ratio - 1.0).abs() < 0.01, "without a plan they are alike: {ratio}");
}
