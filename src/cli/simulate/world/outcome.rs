//! # What a run came to

use std::collections::BTreeMap;

use super::{Line, Outcome, World};
use crate::{
    cli::simulate::score::{self, OfDevice, Total},
    engine::Engine,
};

/// After a fault, departures within this time are its doing.
const AFTERMATH: f64 = 900.0;

impl World<'_> {
    pub(super) fn outcome(mut self) -> Outcome {
        self.look_for_wrong_joins();
        let (from, end) = (self.from, self.end);
        let months = score::months(end - from);
        let broken: Vec<(f64, f64)> =
            self.breaks.iter().map(|broken| (broken.from, broken.until + AFTERMATH)).collect();
        let view = self.engine.as_mut().map(Engine::view);
        let mut outcome = Outcome { span: (from, end), ..Outcome::default() };
        let mut masses: Vec<BTreeMap<String, Vec<f64>>> = Vec::new();
        outcome.rules = self.home.compare.iter().map(|after| (after.0 as u64, Total::default())).collect();
        masses.resize(outcome.rules.len() + 1, BTreeMap::new());
        for actor in self.actors.iter_mut().filter(|actor| !actor.guest) {
            actor.rules.iter_mut().for_each(|rule| rule.until(end, from));
            let engine = (&mut outcome.engine, &actor.judge);
            let rules =
                outcome.rules.iter_mut().map(|(_, total)| total).zip(actor.rules.iter().map(|rule| &rule.judge));
            for ((total, judge), mass) in std::iter::once(engine).chain(rules).zip(&mut masses) {
                if actor.sleeps {
                    total.sleepers.add(&judge.tally);
                    total.sleeper_months += months;
                } else {
                    total.fixed.add(&judge.tally);
                }
                if let Some(owner) = &actor.owner {
                    mass.entry(owner.clone()).or_default().extend(&judge.tally.false_aways);
                }
            }
            if actor.sleeps {
                outcome.engine.asks += actor.asks;
                outcome.engine.device_days += (end - from) / 86_400.0;
            }
            let seen = actor.device.and_then(|id| view.as_ref()?.devices.get(&id).cloned());
            let quality = seen
                .and_then(|device| {
                    device.facts.iter().find(|(key, _)| key == "quality").map(|(_, value)| value.clone())
                })
                .unwrap_or_default();
            outcome.devices.insert(actor.name.clone(), OfDevice::of(actor.sleeps, &actor.judge.tally, quality));
            let mut said = vec![("engine".to_owned(), actor.judge.said.clone())];
            said.extend(actor.rules.iter().map(|rule| (format!("{} s", rule.after), rule.judge.said.clone())));
            outcome.lines.push(Line { name: actor.name.clone(), out: actor.trips.clone(), said });
        }
        let [rotations, joined, key, key_joined] = self.rotations;
        let engine = &mut outcome.engine;
        (engine.rotations, engine.joined) = (rotations, joined);
        (engine.key_rotations, engine.key_joined) = (key, key_joined);
        engine.wrong_joins = self.wrong.len() as u64;
        engine.mass = masses.first().map_or(0, |persons| score::mass(persons, &broken));
        for ((_, total), persons) in outcome.rules.iter_mut().zip(masses.iter().skip(1)) {
            total.mass = score::mass(persons, &broken);
        }
        outcome
    }
}
