//! # What was wrong, what people say of a silence, and how sure a departure is

use super::{
    Context, DEPARTURE, Ended, Habit, LEDGER_DAYS, LEDGER_MAX, LIMITS_POOR, Leaning, REGRET, TRIP, day, of, of_mut,
    tail,
};
use crate::model::Wall;

/// Rates stay above this: a table of zeros has no odds.
const LEAST: f64 = 0.01;

impl Habit {
    /// Judged false aways of the last month.
    pub fn false_aways(&self, now: Wall) -> usize {
        self.ledger.iter().filter(|at| day(now) - **at < LEDGER_DAYS).count()
    }

    /// It was called away wrongly.
    pub(super) fn wrong(&mut self, at: Wall) {
        self.ledger.push(day(at));
        let excess = self.ledger.len().saturating_sub(LEDGER_MAX);
        self.ledger.drain(..excess);
    }

    /// Only the most that is waited decided that it left.
    pub fn limited(&mut self, at: Wall) {
        self.limits.push(day(at));
        let excess = self.limits.len().saturating_sub(LEDGER_MAX);
        self.limits.drain(..excess);
    }

    /// How far its silence can be trusted: `learning`, `good`, `fair` (more wrong than `dial` allows) or `poor`.
    pub fn quality(&self, now: Wall, dial: f64) -> &'static str {
        let limits = self.limits.iter().filter(|at| day(now) - **at < LEDGER_DAYS).count();
        let wrong = self.false_aways(now) as f64;
        if !self.is_learned(now) {
            "learning"
        } else if limits > LIMITS_POOR || wrong > 2.0 * dial.max(1.0) {
            "poor"
        } else if wrong > dial.max(1.0) {
            "fair"
        } else {
            "good"
        }
    }

    /// A person says that a silence that still lasts is one at home.
    pub fn told(&mut self, spell: &Ended, dial: f64) {
        self.since.get_or_insert(day(spell.began));
        self.take_back(spell, 0.0, dial);
        self.spells = self.spells.saturating_add(1);
        self.deal();
    }

    /// A person says that `spell` was one at home, of which it was thought that it was one by `home`.
    pub fn corrected(&mut self, spell: &Ended, home: f64, dial: f64) {
        let rest = 1.0 - home;
        if spell.mute_s >= DEPARTURE {
            let less = rest.min(self.left_at.at(spell.began) - LEAST).max(0.0);
            self.left_at.add(spell.began, -less);
            self.leaning = Leaning::of(&self.left_at, &self.spells_at);
            let departures = of_mut(&mut self.departures, spell.context);
            *departures = (*departures - rest).max(LEAST);
        }
        self.take_back(spell, home, dial);
        self.deal();
    }

    /// What is missing of a spell at home, and one more in the ledger if it was not counted.
    fn take_back(&mut self, spell: &Ended, home: f64, dial: f64) {
        let (rest, day) = (1.0 - home, day(spell.began));
        let is_counted = spell.called_away && home > 0.5;
        if !is_counted {
            self.wrong(spell.began);
        }
        let is_over = !is_counted && self.over(spell.began, dial) > 0.0;
        self.signs.corrected(&spell.seen, rest);
        let half_life = self.half_life_days;
        let sleep = of_mut(&mut self.sleep, spell.context);
        sleep.add(spell.mute_s, rest, day, half_life);
        if is_over {
            sleep.forget(REGRET);
        }
        *of_mut(&mut self.seen, spell.context) += rest;
        self.spells_at.add(spell.began, rest);
    }

    /// How sure it is that one who is mute for `mute_s` has left, 0 to 1: departures that last as long, against silences
    /// at home that do, and what else is known (`ratio`).
    pub fn confidence(&self, context: Context, began: Wall, mute_s: f64, ratio: f64) -> f64 {
        let home = self.rate(context, day(began)) * self.sleep_in(context).above(mute_s);
        let (median, sigma) = TRIP;
        let lasts = tail((mute_s.max(1.0).ln() - median.ln()) / sigma);
        let monthly = of(&self.departures, context) * 30.0 / (self.age(day(began)) + 30.0);
        let left = monthly * self.odds(began) * lasts * ratio;
        // Of departures so many are false at the very least: the dial is no promise of none.
        (left / (left + home).max(f64::MIN_POSITIVE)).clamp(0.0, 0.999)
    }

    /// How much oftener than on average it leaves at this hour.
    pub fn odds_at(&self, at: Wall) -> f64 {
        self.lean(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::departure::{evidence::Evidence, habit::CONTEXTS};

    fn noon(day: i64) -> Wall {
        Wall((4 + day) * 86_400_000 + 43_200_000)
    }

    fn spell(day: i64, mute_s: f64, joined: bool) -> Ended {
        Ended {
            context: Context::Idle,
            began: noon(day),
            mute_s,
            joined: Some(joined),
            others: None,
            called_away: true,
            seen: Evidence::default(),
        }
    }

    #[test]
    fn what_a_person_says_undoes_what_was_thought() {
        let (mut thought, mut told) = (Habit::default(), Habit::default());
        // An hour that ended with joining the network: a trip, it was thought.
        let trip = spell(0, 3_600.0, true);
        let home = thought.learn(&trip, 1.0);
        told.learn(&trip, 1.0);
        assert!(home < 0.1 && thought.false_aways(noon(1)) == 0, "{home}");
        told.corrected(&trip, home, 1.0);
        assert_eq!(told.false_aways(noon(1)), 1);
        let waits = |habit: &Habit| habit.patience(Context::Idle, noon(1), 1.0, 1.0, 1.0).away_s;
        assert!(waits(&told) > waits(&thought), "{} {}", waits(&told), waits(&thought));
        // What was counted by itself is counted once.
        let mut counted = Habit::default();
        let quiet = spell(0, 900.0, false);
        let home = counted.learn(&quiet, 1.0);
        assert!(home > 0.5);
        counted.corrected(&quiet, home, 1.0);
        assert_eq!(counted.false_aways(noon(1)), 1);
    }

    #[test]
    fn longer_and_with_a_witness_is_surer() {
        let mut habit = Habit::default();
        for day in 0..40 {
            for n in 0..6 {
                habit.learn(&spell(day, 20.0 + f64::from(n) * 10.0, false), 1.0);
            }
            habit.learn(&Ended { mute_s: 9_000.0, ..spell(day, 0.0, true) }, 1.0);
        }
        let sure = |mute_s, ratio| habit.confidence(Context::Idle, noon(41), mute_s, ratio);
        assert!(sure(60.0, 1.0) < sure(300.0, 1.0) && sure(60.0, 1.0) < sure(60.0, 98.0), "{}", sure(60.0, 1.0));
        for context in CONTEXTS {
            for (mute_s, ratio) in [(0.0, 1.0), (1e6, 1e-3), (1e6, 1e3), (45.0, 1.0)] {
                let sure = habit.confidence(context, noon(41), mute_s, ratio);
                assert!((0.0..=0.999).contains(&sure), "{context:?} {mute_s} {ratio}: {sure}");
            }
        }
    }
}
