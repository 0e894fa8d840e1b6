//! # In which room a radio is
//!
//! One filter a device. Levels are smoothed for each ear; each room is as loud as its loudest ear; a hidden Markov
//! model turns that into odds, and a room is changed when the odds of another have stood against it for long enough.
//! Steps are [`STEP`] apart and run when the next level comes, so a silent house costs nothing.
//!
//! Somebody who stands between a radio and an ear takes 5 to 15 dB for minutes: so what has lain still for a while
//! needs more to move than what is carried through the house.

use std::{collections::BTreeMap, time::Duration};

use crate::model::Mono;

/// An ear, and a room, by their places in the tables of `rooms`.
pub type EarId = u16;
pub type RoomId = u16;

/// Between two steps of the model.
const STEP: Duration = Duration::from_secs(2);
/// Steps that are made up for after a pause: what comes later is not more certain.
const STEPS_MAX: u64 = 30;
/// Levels above this are of a radio that lies on the ear, or wrong.
const TOO_LOUD: i8 = -20;
/// The median of so many levels within so long.
const KEPT: usize = 5;
const KEPT_FOR: Duration = Duration::from_secs(10);
/// Walls and bodies only ever weaken: a rise is believed sooner.
const RISES: f64 = 2.0;
const FALLS: f64 = 4.0;
/// What an ear that hears nothing counts as, in dBm.
const UNHEARD: f64 = -100.0;
/// Spread of the difference of two rooms.
const SIGMA_DB: f64 = 6.0;
const EMISSION_MIN: f64 = 1e-3;
const ODDS_MIN: f64 = 1e-4;
/// Ears that are kept of one device.
pub const EARS_MAX: usize = 32;
/// Unheard for so many of its own pauses, an ear has lost it.
const PAUSES: f64 = 6.0;
const LOST_MAX: Duration = Duration::from_secs(600);
/// After so long in a room it lies there.
const LIES: Duration = Duration::from_secs(120);
/// And needs odds so many times higher, for so many times as long: tried in `tests`, where a still radio then changes
/// its room every other hour, and a carried one is found after half a minute.
const STILL_ODDS: f64 = 50.0;
const STILL_HOLD: u32 = 3;

/// How sure it has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Chance that it is in the same room two seconds later.
    pub stay: f64,
    /// Odds against the present room, and for so long.
    pub odds: f64,
    pub hold: Duration,
    /// Unheard for so long, or for six of its pauses, it is nowhere.
    pub lost: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    /// The last levels, the newest at `next - 1`.
    last: [Option<(Mono, i8)>; KEPT],
    next: u8,
    smooth: f64,
    at: Mono,
    /// Mean pause between two, in seconds.
    pause: f64,
}

/// One device.
#[derive(Debug, Default)]
pub struct Track {
    levels: BTreeMap<EarId, Level>,
    /// How sure each room is; they sum to one.
    odds: BTreeMap<RoomId, f64>,
    room: Option<RoomId>,
    since: Mono,
    stepped: Mono,
    heard: Mono,
    /// Which room is ahead of the present one, and for how many steps.
    ahead: Option<(RoomId, u32)>,
}

/// What the tables of `rooms` know of an ear.
pub trait Ears {
    /// Its room; `None`: it takes no part now, since it hears nobody at all.
    fn room(&self, ear: EarId) -> Option<RoomId>;
    /// By how much it hears louder than others do, in dB.
    fn offset(&self, _ear: EarId) -> f64 {
        0.0
    }
    /// It is known which rooms lie beside each other.
    fn is_planned(&self) -> bool {
        false
    }
    /// How easily one gets from a room to another; `None`: to all of them alike.
    fn way(&self, _from: RoomId, _to: RoomId) -> Option<f64> {
        None
    }
}

impl Track {
    pub fn room(&self) -> Option<RoomId> {
        self.room
    }

    /// The smoothed level at `ear`, if it has lain in that ear's room for a while.
    pub fn level_at_home(&self, ear: EarId, ears: &impl Ears) -> Option<f64> {
        let level = self.levels.get(&ear)?;
        let lies = self.room.is_some() && self.room == ears.room(ear) && level.at.since(self.since) >= LIES;
        lies.then_some(level.smooth)
    }

    /// When it will be lost if nothing comes.
    pub fn lost_at(&self, rules: &Rules) -> Mono {
        let shortest = self.levels.values().map(|level| level.pause).fold(f64::MAX, f64::min);
        self.heard + patience(rules, shortest)
    }

    /// How sure each room is.
    #[cfg(test)]
    pub fn odds(&self) -> &BTreeMap<RoomId, f64> {
        &self.odds
    }

    /// How many ears are kept.
    pub fn len(&self) -> usize {
        self.levels.len()
    }

    /// The ear of that place is another now.
    pub fn forget(&mut self, ear: EarId) {
        self.levels.remove(&ear);
    }

    /// It is heard by another kind of radio from now on.
    pub fn turn(&mut self) {
        self.levels.clear();
    }

    /// A level at an ear. True if it is in another room now.
    pub fn hear(&mut self, ear: EarId, dbm: i8, at: Mono, ears: &impl Ears, rules: &Rules) -> bool {
        if dbm >= TOO_LOUD || at < self.heard {
            return false;
        }
        let moved = self.advance(at, ears, rules);
        self.heard = at;
        match self.levels.get_mut(&ear) {
            Some(level) => level.hear(dbm, at),
            None => {
                if self.levels.len() >= EARS_MAX
                    && let Some(oldest) =
                        self.levels.iter().min_by_key(|(ear, level)| (level.at, **ear)).map(|(e, _)| *e)
                {
                    self.levels.remove(&oldest);
                }
                self.levels.insert(ear, Level::new(dbm, at));
            }
        }
        if self.room.is_some() {
            return moved;
        }
        // The first word, or the first after it was lost: where it is loudest.
        self.odds.clear();
        self.stepped = at;
        self.enter(ears.room(ear), at)
    }

    /// Runs the steps until `now`. True if it is in another room now.
    pub fn advance(&mut self, now: Mono, ears: &impl Ears, rules: &Rules) -> bool {
        if self.room.is_none() {
            return false;
        }
        let due = now.since(self.stepped).as_secs() / STEP.as_secs();
        let mut moved = false;
        if due > STEPS_MAX {
            self.stepped = now - STEP * 30;
        }
        for _ in 0..due.min(STEPS_MAX) {
            self.stepped = self.stepped + STEP;
            moved |= self.step(ears, rules);
        }
        if now >= self.lost_at(rules) {
            self.ahead = None;
            return self.enter(None, now) || moved;
        }
        moved
    }

    fn enter(&mut self, room: Option<RoomId>, at: Mono) -> bool {
        let moved = self.room != room;
        if moved {
            (self.room, self.since, self.ahead) = (room, at, None);
        }
        moved
    }

    fn step(&mut self, ears: &impl Ears, rules: &Rules) -> bool {
        let now = self.stepped;
        let mut loudest: BTreeMap<RoomId, f64> = BTreeMap::new();
        for (ear, level) in &self.levels {
            let Some(room) = ears.room(*ear) else { continue };
            let heard = loudest.entry(room).or_insert(UNHEARD);
            if now.since(level.at) < patience(rules, level.pause) {
                *heard = heard.max(level.smooth - ears.offset(*ear));
            }
        }
        if loudest.is_empty() {
            return false;
        }
        self.odds.retain(|room, _| loudest.contains_key(room));
        let rooms = loudest.len() as f64;
        let (stay, leave) = if rooms > 1.0 { (rules.stay, (1.0 - rules.stay) / (rooms - 1.0)) } else { (1.0, 0.0) };
        let mut sum = 0.0;
        let before: f64 = self.odds.values().sum();
        let comes = self.ways(ears, loudest.keys().copied(), leave);
        let mut odds = BTreeMap::new();
        for (room, level) in &loudest {
            let was =
                if before > 0.0 { self.odds.get(room).copied().unwrap_or(ODDS_MIN) / before } else { 1.0 / rooms };
            let other = loudest.iter().filter(|(r, _)| *r != room).map(|(_, l)| *l).fold(UNHEARD, f64::max);
            let fits = normal_below((level - other) / SIGMA_DB).max(EMISSION_MIN);
            let comes = comes.as_ref().and_then(|comes| comes.get(room)).map(|sum| sum / before.max(f64::MIN_POSITIVE));
            let now = (was * stay + comes.unwrap_or_else(|| (1.0 - was).max(0.0) * leave)) * fits;
            sum += now;
            odds.insert(*room, now);
        }
        odds.values_mut().for_each(|odd| *odd = (*odd / sum).max(ODDS_MIN));
        self.odds = odds;
        self.decide(now, rules)
    }

    /// What each room gets from the others in a step, where it is known which lie beside each other. From each room as
    /// much leaves as without that, so that a plan changes where to, not how often. `None`: nothing is known.
    fn ways(
        &self,
        ears: &impl Ears,
        rooms: impl Iterator<Item = RoomId> + Clone,
        leave: f64,
    ) -> Option<BTreeMap<RoomId, f64>> {
        if !ears.is_planned() || self.odds.is_empty() {
            return None;
        }
        let mut comes: BTreeMap<RoomId, f64> = BTreeMap::new();
        let leaves = leave * rooms.clone().count().saturating_sub(1) as f64;
        for from in rooms.clone() {
            let was = self.odds.get(&from).copied().unwrap_or(ODDS_MIN);
            let others = rooms.clone().filter(|to| *to != from);
            let ways: Vec<(RoomId, f64)> = others.map(|to| (to, ears.way(from, to).unwrap_or(1.0))).collect();
            let all: f64 = ways.iter().map(|(_, way)| way).sum();
            for (to, way) in ways {
                *comes.entry(to).or_default() += was * leaves * way / all.max(f64::MIN_POSITIVE);
            }
        }
        Some(comes)
    }

    fn decide(&mut self, now: Mono, rules: &Rules) -> bool {
        let Some(current) = self.room else { return false };
        let best =
            self.odds.iter().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(a.0))).map(|(room, odd)| (*room, *odd));
        let Some((best, odd)) = best.filter(|(room, _)| *room != current) else {
            self.ahead = None;
            return false;
        };
        let against = odd / self.odds.get(&current).copied().unwrap_or(ODDS_MIN);
        let (odds, hold) = if now.since(self.since) < LIES {
            (rules.odds, rules.hold)
        } else {
            // It lies there: what stands in the way of its radio stands there for a while.
            (rules.odds * STILL_ODDS, rules.hold * STILL_HOLD)
        };
        if against <= odds {
            self.ahead = None;
            return false;
        }
        let steps = match self.ahead {
            Some((room, steps)) if room == best => steps + 1,
            _ => 1,
        };
        self.ahead = Some((best, steps));
        STEP * steps >= hold && self.enter(Some(best), now)
    }
}

impl Level {
    fn new(dbm: i8, at: Mono) -> Level {
        let mut last = [None; KEPT];
        last[0] = Some((at, dbm));
        Level { last, next: 1, smooth: f64::from(dbm), at, pause: 0.0 }
    }

    fn hear(&mut self, dbm: i8, at: Mono) {
        let seconds = at.since(self.at).as_secs_f64();
        self.pause += (seconds.min(LOST_MAX.as_secs_f64()) - self.pause) / 8.0;
        if let Some(slot) = self.last.get_mut(usize::from(self.next) % KEPT) {
            *slot = Some((at, dbm));
        }
        self.next = (self.next + 1) % KEPT as u8;
        let mut recent: Vec<i8> =
            self.last.iter().flatten().filter(|(then, _)| at.since(*then) <= KEPT_FOR).map(|(_, dbm)| *dbm).collect();
        recent.sort_unstable();
        let median = recent.get(recent.len() / 2).copied().unwrap_or(dbm);
        let tau = if f64::from(median) > self.smooth { RISES } else { FALLS };
        self.smooth += (f64::from(median) - self.smooth) * (1.0 - (-seconds / tau).exp());
        self.at = at;
    }
}

/// How long silence says nothing.
fn patience(rules: &Rules, pause: f64) -> Duration {
    let own = if pause.is_finite() { pause * PAUSES } else { 0.0 };
    rules.lost.max(Duration::from_secs_f64(own.clamp(0.0, LOST_MAX.as_secs_f64())))
}

/// The normal distribution below `x`: Abramowitz and Stegun 26.2.17, good to 7.5e-8.
fn normal_below(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let poly =
        t * (0.319_381_53 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * poly;
    if x >= 0.0 { 1.0 - tail } else { tail }
}
