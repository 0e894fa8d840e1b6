//! # What a silence was: by itself, by what people say of it, and how sure a departure is

use super::{
    Context, DEPARTURE, Ended, Habit, LEDGER_DAYS, LEDGER_MAX, LIMITS_POOR, Leaning, MOST, REGRET, TRIP, day, of,
    of_mut, tail,
};
use crate::model::Wall;

/// Rates stay above this: a table of zeros has no odds.
const LEAST: f64 = 0.01;
/// Of those who come back from a trip, so many join the network without being heard to.
const UNSIGNED: f64 = 0.005;
/// Of silences at home, so many are without another device of the person that left and came back with it; of trips, so
/// many with one, where there is another that tells.
const BESIDE_HOME: f64 = 0.98;
const BESIDE_TRIP: f64 = 0.9;
/// Whatever the curve says, a part of spells is of any length; and no more than so many a month, where nothing else
/// tells a spell from a trip. There are a dozen lengths that a trip may have: together they must stay far below the dial.
const UNEXPECTED: f64 = 1e-4;
const UNEXPECTED_MONTHLY: f64 = 0.01;
/// Where nobody hears how a device comes back, a silence that was less surely one at home was none there: of trips a few
/// in a thousand would stretch the tail more than all the silences that make it.
const DOUBTFUL: f64 = 0.05;

impl Habit {
    /// A spell at home, or a trip? By how long it was, how it ended and how often there is either.
    pub(super) fn was_home(&self, spell: &Ended) -> f64 {
        let Ended { context, began, mute_s, joined, .. } = *spell;
        let signed = self.signed.1 / self.signed.0;
        let (if_home, if_trip) = match joined {
            Some(true) => (signed, 1.0 - UNSIGNED),
            Some(false) => (1.0 - signed, UNSIGNED),
            None => (1.0, 1.0),
        };
        let (beside_home, beside_trip) = match spell.others {
            Some(true) => (1.0 - BESIDE_HOME, BESIDE_TRIP),
            Some(false) => (BESIDE_HOME, 1.0 - BESIDE_TRIP),
            None => (1.0, 1.0),
        };
        let [.., longest] = MOST;
        let (low, high) = (mute_s.ln() - 0.17, mute_s.ln() + 0.17);
        let sleep = self.sleep_in(context);
        let rate = self.rate(context, day(began));
        // One that falls mute thousands of times a month would be called asleep after every trip.
        let least = if joined.is_none() { UNEXPECTED.min(UNEXPECTED_MONTHLY / rate) } else { UNEXPECTED };
        let within = (sleep.above(low.exp()) - sleep.above(high.exp())).max(least);
        let home = rate * within * if_home * beside_home;
        let (median, sigma) = TRIP;
        let trips = tail((low - median.ln()) / sigma) - tail((high - median.ln()) / sigma);
        let monthly = of(&self.departures, context) * 30.0 / (self.age(day(began)) + 30.0);
        let trip = monthly * self.odds(began) * trips * if_trip * beside_trip;
        let home = home / (home + trip);
        if joined.is_none() && (home < DOUBTFUL || mute_s > longest) { 0.0 } else { home }
    }

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

    /// A tag is off for three hours each day and for days at times; nobody hears how it comes back. What it waits for is
    /// as if it had never been off.
    #[test]
    fn trips_whose_return_is_unheard_do_not_stretch_the_silences() {
        let (mut going, mut staying) = (Habit::default(), Habit::default());
        for day in 0..90 {
            for n in 0..10 {
                let silence = Ended { joined: None, ..spell(day, 4.0 * 1.4f64.powi(n), false) };
                going.learn(&silence, 1.0);
                staying.learn(&silence, 1.0);
            }
            for hours in [3.0, 5.0, 9.0, 30.0, 80.0].iter().skip(if day % 5 == 0 { 0 } else { 4 }) {
                let began = Wall(noon(day).0 + (hours * 900_000.0) as i64);
                let trip = Ended { began, joined: None, ..spell(day, hours * 3_600.0, false) };
                assert_eq!(going.was_home(&trip), 0.0, "{hours} h");
                going.learn(&trip, 1.0);
            }
        }
        let tail = |habit: &Habit| habit.sleep_in(Context::Idle).time_for(1e-4);
        assert!(tail(&going) <= tail(&staying) * 1.01, "{} {}", tail(&going), tail(&staying));
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
