//! # What is learned of one device's sleep and trips
//!
//! How often it falls mute while it is home and for how long, when it leaves, and from that the
//! mute time after which it is away: a spell this long happens at home less often than the dial
//! allows. Hours are those of the wall clock in UTC; what counts is that they repeat.

use crate::model::{Mono, Wall};

use super::{
    evidence::{Evidence, Signs},
    hours::{Hours, Leaning},
    survival::{Survival, tail},
    terms::Terms,
};

mod told;

/// How the device was used before it fell silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Context {
    Busy,
    Idle,
    Asleep,
}

pub const CONTEXTS: [Context; 3] = [Context::Busy, Context::Idle, Context::Asleep];

/// Of a phone nobody has watched yet: median and spread of its spells, spells and departures a month.
const PRIOR: [(f64, f64, f64, f64); 3] = [(12.0, 0.8, 300.0, 24.0), (40.0, 1.0, 500.0, 16.0), (60.0, 1.15, 900.0, 2.0)];
/// The prior rates are worth so many days.
const PRIOR_DAYS: f64 = 5.0;
/// No phone is home that keeps mute for longer, by context. In seconds.
const MOST: [f64; 3] = [1_200.0, 3_600.0, 9_000.0];
/// Where other witnesses make a departure this much less likely, the longest of those holds for every context: a list
/// that still has the phone and doors that stayed shut know more than how it was used.
const AGAINST: f64 = 0.1;
/// Trips last 45 minutes, give or take a factor of four (the spread of the log).
const TRIP: (f64, f64) = (2_700.0, 1.4);
/// Shorter spells are never trips; from this length on a spell may have been a departure. In seconds.
pub const SHORT: f64 = 90.0;
const DEPARTURE: f64 = 120.0;
/// An hour in which it leaves this much less often than on average is quiet.
const QUIET: f64 = 0.2;
/// Ratios of evidence count for no more than this.
const RATIO_MOST: f64 = 1_000.0;
/// Judged false aways count for so long, and so many are kept.
const LEDGER_DAYS: f64 = 30.0;
const LEDGER_MAX: usize = 41;
/// After a judged false away beyond the dial, old spells of that context fade to this part.
const REGRET: f64 = 0.7;
/// A device that needed the most that is waited oftener than this in a month cannot be told by its silence.
const LIMITS_POOR: usize = 3;
/// From when on a silence is asked about, by context, in seconds: that time is waited for too.
const ASKED_AFTER: [f64; 3] = [30.0, 45.0, 90.0];
/// Enough is known after some days (`Terms`) with so many spells, or after so many spells.
const LEARNED: (u32, u32) = (30, 100);
/// Days after which nothing that others taught is better.
const SETTLED_DAYS: f64 = 3.0;

/// Everything learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Habit {
    sleep: [Survival; 3],
    seen: [f64; 3],
    departures: [f64; 3],
    /// Departures and spells, by weekend and hour.
    left_at: Hours,
    spells_at: Hours,
    /// Running mean of the odds over the spells of a context.
    mean: [f64; 3],
    /// How hours lean, by those tables, and the running mean of that.
    leaning: Leaning,
    leans: [f64; 3],
    /// How often a short spell ends by joining the network anew: of so many, so many.
    signed: (f64, f64),
    /// Days of judged false aways.
    ledger: Vec<f64>,
    /// The part of the dial that each context gets: worked out whenever something is learned.
    shares: [f64; 3],
    /// Days of departures that only the most that is waited decided.
    limits: Vec<f64>,
    since: Option<f64>,
    spells: u32,
    signs: Signs,
    half_life_days: f64,
    learn_days: f64,
    is_of_many: bool,
}

/// How active it was, from what it said by itself.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Activity {
    rate: f64,
    last: Mono,
    busy: Option<Mono>,
}

/// A mute spell that ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ended {
    pub context: Context,
    /// When the silence began.
    pub began: Wall,
    pub mute_s: f64,
    /// It ended with joining the network anew. None: that cannot be heard of this device.
    pub joined: Option<bool>,
    /// Other devices of its owner came back with it, or were here all along. None: they tell nothing.
    pub others: Option<bool>,
    /// It had been called away by what was learned.
    pub called_away: bool,
    /// What else was known of it.
    pub seen: Evidence,
}

/// When it is away, in seconds of mute time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    pub away_s: f64,
    /// When the odds are one in twenty of that.
    pub leaving_s: f64,
    /// The most that is waited decided, not what was learned.
    pub is_limit: bool,
}

impl Activity {
    /// It said something by itself. Memory of 200 s.
    pub fn spoke(&mut self, at: Mono) {
        let memory = 200.0;
        self.rate = self.rate * (-at.since(self.last).as_secs_f64() / memory).exp() + 1.0 / memory;
        self.last = self.last.max(at);
        if self.rate > 1.0 / 35.0 {
            self.busy = Some(at);
        }
    }

    /// When it was in use last.
    pub fn used(&self) -> Option<Mono> {
        self.busy
    }

    /// The context of a silence that began at `at`.
    pub fn context(&self, at: Mono, quiet_hour: bool) -> Context {
        match self.busy.map(|busy| at.since(busy).as_secs()) {
            Some(0..60) => Context::Busy,
            Some(0..2_700) if !quiet_hour => Context::Idle,
            _ => Context::Asleep,
        }
    }
}

impl Default for Habit {
    fn default() -> Habit {
        let mut habit = Habit {
            sleep: PRIOR.map(|(median, sigma, ..)| Survival::of(median, sigma)),
            seen: [0.0; 3],
            departures: PRIOR.map(|(.., departures)| departures),
            left_at: Hours::of(0.3),
            spells_at: Hours::of(10.0),
            mean: [1.0; 3],
            leaning: Leaning::of(&Hours::of(0.3), &Hours::of(10.0)),
            leans: [1.0; 3],
            signed: (20.0, 1.0),
            ledger: Vec::new(),
            shares: [1.0 / 3.0; 3],
            limits: Vec::new(),
            since: None,
            spells: 0,
            signs: Signs::default(),
            half_life_days: Terms::default().half_life_days,
            learn_days: Terms::default().learn_days,
            is_of_many: false,
        };
        habit.deal();
        habit
    }
}

fn of<T: Copy>(values: &[T; 3], context: Context) -> T {
    let [busy, idle, asleep] = *values;
    match context {
        Context::Busy => busy,
        Context::Idle => idle,
        Context::Asleep => asleep,
    }
}

fn of_mut<T>(values: &mut [T; 3], context: Context) -> &mut T {
    let [busy, idle, asleep] = values;
    match context {
        Context::Busy => busy,
        Context::Idle => idle,
        Context::Asleep => asleep,
    }
}

/// The most that is waited for, in seconds. Who wants to be wrong less often than once a month waits for longer.
fn most(context: Context, dial: f64) -> f64 {
    let [.., longest] = MOST;
    longest.min(of(&MOST, context) / dial.min(1.0).sqrt())
}

fn day(at: Wall) -> f64 {
    at.0 as f64 / 86_400_000.0
}

impl Habit {
    /// Enough is known to go by it.
    pub fn is_learned(&self, now: Wall) -> bool {
        let (few, many) = LEARNED;
        self.spells >= many || self.spells >= few && self.age(day(now)) >= self.learn_days
    }

    /// What people set of learning.
    pub fn go_by(&mut self, terms: &Terms) {
        (self.half_life_days, self.learn_days) = (terms.half_life_days, terms.learn_days);
    }

    /// So much is known that others of the kind may be judged by it.
    pub fn is_example(&self, now: Wall) -> bool {
        let (_, many) = LEARNED;
        self.spells >= 2 * many && self.age(day(now)) >= self.learn_days
    }

    /// So much is known of it that no example is better.
    pub fn is_settled(&self, now: Wall) -> bool {
        let (_, many) = LEARNED;
        self.spells >= 2 * many && self.age(day(now)) >= SETTLED_DAYS
    }

    /// Of many who come and go: what they teach.
    pub fn of_many() -> Habit {
        Habit { is_of_many: true, ..Habit::default() }
    }

    pub fn spells(&self) -> u32 {
        self.spells
    }

    /// Days since the first spell.
    fn age(&self, day: f64) -> f64 {
        self.since.map_or(0.0, |since| (day - since).max(0.0))
    }

    /// Mute spells a month.
    fn rate(&self, context: Context, day: f64) -> f64 {
        let (.., monthly, _) = of(&PRIOR, context);
        let rate = (of(&self.seen, context) + monthly * PRIOR_DAYS / 30.0) / (self.age(day) + PRIOR_DAYS) * 30.0;
        // While none of them was there, none fell mute.
        if self.is_of_many { rate.max(monthly) } else { rate }
    }

    /// How much more often than on average it leaves at this hour.
    fn odds(&self, at: Wall) -> f64 {
        let here = self.left_at.at(at) / self.spells_at.at(at).max(1e-9);
        let all = self.left_at.total() / self.spells_at.total().max(1e-9);
        (here / all).clamp(0.05, 5.0)
    }

    /// The same, as far as it is no chance.
    fn lean(&self, at: Wall) -> f64 {
        self.leaning.at(at).clamp(0.05, 5.0)
    }

    pub fn is_quiet(&self, at: Wall) -> bool {
        self.odds(at) < QUIET
    }

    /// Those beyond what the dial allows: each halves it.
    fn over(&self, at: Wall, dial: f64) -> f64 {
        (self.false_aways(at) as f64 - (dial - 1.0).max(0.0)).max(0.0)
    }

    /// When a silence that began at `began` is a departure. `ratio` is how much likelier what else
    /// is known is of one who left; `stretch` is for kinds that may be mute for longer.
    pub fn patience(&self, context: Context, began: Wall, dial: f64, ratio: f64, stretch: f64) -> Threshold {
        let odds = self.lean(began) / of(&self.leans, context);
        let share = of(&self.shares, context) * odds;
        self.threshold_with(share, context, began, dial, ratio, stretch)
    }

    /// The same as the reference model has it, which deals the dial out by departures alone.
    #[cfg(test)]
    pub fn threshold(&self, context: Context, began: Wall, dial: f64, ratio: f64, stretch: f64) -> Threshold {
        let odds = self.odds(began) / of(&self.mean, context);
        self.threshold_with(self.share(context) * odds, context, began, dial, ratio, stretch)
    }

    fn threshold_with(
        &self,
        share: f64,
        context: Context,
        began: Wall,
        dial: f64,
        ratio: f64,
        stretch: f64,
    ) -> Threshold {
        let p = dial * 0.5f64.powf(self.over(began, dial)) * share / self.rate(context, day(began))
            * ratio.clamp(1.0 / RATIO_MOST, RATIO_MOST);
        let sleep = self.sleep_in(context);
        let [.., longest] = MOST;
        let most = if ratio < AGAINST { longest } else { most(context, dial) } * stretch;
        let away_s = sleep.time_for(p.min(0.5));
        let leaving_s = sleep.time_for((p * 20.0).min(0.5));
        Threshold { away_s: away_s.min(most), leaving_s: leaving_s.min(most), is_limit: away_s >= most }
    }

    /// When a silence is a departure at an hour like any other.
    pub(super) fn usual_wait(&self, context: Context, at: Wall, dial: f64, stretch: f64) -> f64 {
        let share = of(&self.shares, context);
        let p = dial * 0.5f64.powf(self.over(at, dial)) * share / self.rate(context, day(at));
        self.sleep_in(context).time_for(p.min(0.5)).min(most(context, dial) * stretch)
    }

    /// So many spells a month at home are longer.
    pub(super) fn spells_longer(&self, context: Context, at: Wall, mute_s: f64) -> f64 {
        self.rate(context, day(at)) * self.sleep_in(context).above(mute_s)
    }

    /// The part of its departures that begin in this state.
    pub(super) fn departs_in(&self, context: Context) -> f64 {
        of(&self.departures, context) / self.departures.iter().sum::<f64>()
    }

    /// The part of the dial that goes to silences of this sort, by departures alone.
    fn share(&self, context: Context) -> f64 {
        0.9 * self.departs_in(context) + 0.1 / 3.0
    }

    /// Deals the dial out anew. A false away more is worth most where departures wait the longest: with tails like
    /// these, the sum of all waits is least if each context gets by how often it leaves in it times how long that is
    /// waited for (`docs/decisions/0011-where-the-dial-goes.md`).
    fn deal(&mut self) {
        let day = self.sleep.iter().map(Survival::day).fold(self.since.unwrap_or(0.0), f64::max);
        let waits = CONTEXTS.map(|context| {
            let p = self.share(context) / self.rate(context, day);
            let mute_s = self.sleep_in(context).time_for(p.min(0.5)).min(of(&MOST, context));
            self.departs_in(context) * (mute_s + of(&ASKED_AFTER, context))
        });
        let all: f64 = waits.iter().sum();
        self.shares = waits.map(|wait| 0.9 * wait / all + 0.1 / 3.0);
    }

    fn sleep_in(&self, context: Context) -> &Survival {
        let [busy, idle, asleep] = &self.sleep;
        match context {
            Context::Busy => busy,
            Context::Idle => idle,
            Context::Asleep => asleep,
        }
    }

    /// Takes in a spell that ended; returns how sure it is that it was one at home.
    pub fn learn(&mut self, spell: &Ended, dial: f64) -> f64 {
        let Ended { context, began, mute_s, called_away, seen, .. } = *spell;
        let joined = spell.joined;
        let day = day(began);
        self.since.get_or_insert(day);
        if let Some(joined) = joined.filter(|_| mute_s < SHORT) {
            self.signed = (self.signed.0 + 1.0, self.signed.1 + f64::from(u8::from(joined)));
        }
        let home = if mute_s < SHORT { 1.0 } else { self.was_home(spell) };
        if mute_s >= SHORT {
            self.signs.learn(&seen, home);
        }
        let over = called_away && home > 0.5 && {
            self.wrong(began);
            self.over(began, dial) > 0.0
        };
        let half_life = self.half_life_days;
        let sleep = of_mut(&mut self.sleep, context);
        sleep.add(mute_s, home, day, half_life);
        if over {
            sleep.forget(REGRET);
        }
        *of_mut(&mut self.seen, context) += home;
        self.spells_at.add(began, home);
        if mute_s >= DEPARTURE {
            self.left_at.add(began, 1.0 - home);
            *of_mut(&mut self.departures, context) += 1.0 - home;
        }
        let odds = self.odds(began);
        let mean = of_mut(&mut self.mean, context);
        *mean = 0.995 * *mean + 0.005 * odds;
        self.leaning = Leaning::of(&self.left_at, &self.spells_at);
        let lean = self.lean(began);
        let leans = of_mut(&mut self.leans, context);
        *leans = 0.995 * *leans + 0.005 * lean;
        self.spells = self.spells.saturating_add(1);
        self.deal();
        home
    }

    pub fn signs(&self) -> &Signs {
        &self.signs
    }

    pub(super) fn recall_signs(&mut self, numbers: &[f64]) {
        self.signs = Signs::restored(numbers).unwrap_or(self.signs);
    }

    pub(super) fn sleep(&self) -> &[Survival; 3] {
        &self.sleep
    }

    pub(super) fn ledger(&self) -> &[f64] {
        &self.ledger
    }

    pub(super) fn limits(&self) -> &[f64] {
        &self.limits
    }

    /// Single numbers in a fixed order, and the tables by hour.
    pub(super) fn parts(&self) -> (impl Iterator<Item = f64>, [&Hours; 2]) {
        let rest = [self.signed.0, self.signed.1, f64::from(self.spells), self.since.unwrap_or(-1.0)];
        let scalars = [self.seen, self.departures, self.mean].into_iter().flatten().chain(rest).chain(self.leans);
        (scalars, [&self.left_at, &self.spells_at])
    }

    pub(super) fn recall_rates(&mut self, numbers: &[f64]) {
        let &[a, b, c, d, e, f, g, h, i, of, signed, spells, since, ref leans @ ..] = numbers else { return };
        // An earlier version knew nothing of how hours lean.
        let leans = <[f64; 3]>::try_from(leans).ok().filter(|leans| leans.iter().all(|x| *x >= 0.01));
        let sane = [a, b, c].iter().all(|x| *x >= 0.0)
            && [d, e, f, g, h, i, signed].iter().all(|x| *x >= 0.01)
            && of >= signed
            && spells >= 0.0;
        if sane {
            (self.seen, self.departures, self.mean) = ([a, b, c], [d, e, f], [g, h, i]);
            (self.signed, self.spells) = ((of, signed), spells as u32);
            self.leans = leans.unwrap_or(self.mean);
            self.since = Some(since).filter(|day| *day >= 0.0);
            self.deal();
        }
    }

    pub(super) fn recall_hours(&mut self, left: bool, numbers: &[f64]) {
        let table = if left { &mut self.left_at } else { &mut self.spells_at };
        if numbers.iter().all(|x| *x >= 0.01) {
            table.set(numbers);
            self.leaning = Leaning::of(&self.left_at, &self.spells_at);
        }
    }

    pub(super) fn recall_ledger(&mut self, days: &[f64]) {
        self.ledger = days.iter().copied().take(LEDGER_MAX).collect();
    }

    pub(super) fn recall_limits(&mut self, days: &[f64]) {
        self.limits = days.iter().copied().take(LEDGER_MAX).collect();
    }

    pub(super) fn recall_sleep(&mut self, context: Context, sleep: Survival) {
        *of_mut(&mut self.sleep, context) = sleep;
        self.deal();
    }
}

#[cfg(test)]
mod tests;
