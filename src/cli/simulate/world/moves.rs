//! # Coming, going, and what lies between

use super::{
    Event, World,
    actor::{Next, Phase},
};
use crate::cli::simulate::home::When;

/// The part of those who left that an access point ever drops, and of mute spells in which it drops a sleeper.
const DROPS: f64 = 0.98;
const DROPS_SLEEPER: f64 = 0.01;
/// P(a return is heard without a join).
const UNSIGNED: f64 = 0.005;

impl World<'_> {
    pub(super) fn step(&mut self, index: usize, life: u32) {
        let hears_ble = self.hears_ble();
        let now = self.now;
        let lists = self.home.network.station_lists;
        let Some(actor) = self.actors.get_mut(index).filter(|actor| actor.life == life && actor.home) else { return };
        actor.due = now;
        let night = {
            let (wakes, sleeps) = actor.night;
            let clock = now.rem_euclid(86_400.0);
            if wakes < sleeps { !(wakes..sleeps).contains(&clock) } else { (sleeps..wakes).contains(&clock) }
        };
        let next = actor.step(hears_ble, night);
        let (due, mute) = (actor.due, actor.phase == Phase::Mute);
        let dropped = (mute && lists && actor.sleeps && actor.dice.chance(DROPS_SLEEPER))
            .then(|| now + 60.0 + actor.dice.between(5.0, 60.0));
        self.at(due, Event::Step(index, life));
        if let Some(at) = dropped {
            self.at(at, Event::Drop(index, life, false));
        }
        match next {
            Next::Speaks => self.speaks(index, false),
            Next::Wakes { joins } => self.speaks(index, joins),
            Next::Advertises => self.advertises(index),
            Next::Turns => {}
        }
    }

    pub(super) fn goes(&mut self, index: usize) {
        let (now, from) = (self.now, self.from);
        let network = &self.home.network;
        let Some(actor) = self.actors.get_mut(index) else { return };
        actor.goes();
        actor.judge.went(now, from);
        for rule in &mut actor.rules {
            rule.until(now, from);
            rule.judge.went(now, from);
        }
        let life = actor.life;
        let dropped = (network.station_lists && actor.wifi && actor.sleeps && actor.dice.chance(DROPS))
            .then(|| now + actor.dice.within(network.drops_leaver_after.0));
        let back = actor.trips.get(actor.trip).map(|trip| trip.1);
        if actor.sleeps {
            self.passes();
        }
        if let Some(at) = dropped {
            self.at(at, Event::Drop(index, life, true));
        }
        if let Some(back) = back {
            self.at(back, Event::Come(index));
        }
    }

    pub(super) fn comes(&mut self, index: usize) {
        let (now, from) = (self.now, self.from);
        let points = self.points_down.len();
        let Some(actor) = self.actors.get_mut(index) else { return };
        for rule in &mut actor.rules {
            rule.until(now, from);
            rule.judge.came(now, from);
        }
        actor.judge.came(now, from);
        actor.trip += 1;
        actor.comes(now);
        if actor.sleeps && points > 0 {
            let all: Vec<usize> = (0..points).collect();
            actor.ap = actor.fixed_ap.or_else(|| actor.dice.one_of(&all));
        }
        let rotates = match actor.behaviour.rotate {
            Some(When::After(every)) => actor.sleeps && !actor.guest && now - actor.rotated >= every,
            _ => false,
        };
        let life = actor.life;
        let joins = actor.dice.chance(1.0 - UNSIGNED);
        let due = actor.due;
        if rotates {
            self.rotates(index);
        }
        self.at(due, Event::Step(index, life));
        if self.actors.get(index).is_some_and(|actor| actor.sleeps) {
            self.passes();
        }
        if joins {
            for (before, after) in super::REPEATS.into_iter().enumerate() {
                self.at(now + after, Event::Joins(index, life, before));
            }
        } else {
            self.at(now, Event::Step(index, life));
        }
        self.plan(index);
    }

    /// Its next outing.
    pub(super) fn plan(&mut self, index: usize) {
        let Some((from, taken_up)) = self.actors.get(index).and_then(|actor| {
            actor.trips.get(actor.trip).map(|trip| (trip.0, actor.sleeps.then_some(trip.0 - super::TAKEN_UP)))
        }) else {
            return;
        };
        if let Some(at) = taken_up.filter(|at| *at > self.now) {
            self.at(at, Event::TakeUp(index));
        }
        self.at(from, Event::Go(index));
    }
}
