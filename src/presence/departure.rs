//! # Departure: when a silence is a departure
//!
//! The mute clock of one device. A silent device is asked; mute time counts from the first
//! question that stays unanswered, and only when it is longer than a mute spell at home lasts is
//! the device away. Time in which nobody could hear it does not count.

use std::time::Duration;

use crate::model::{Goodbye, LeaveReason, Moment, Mono, Presence, Probe};

use self::{evidence::Evidence, habit::Context};
use super::{asks::Bucket, priors, proxies::Proxy};

pub mod evidence;
pub mod habit;
mod hours;
mod kept;
pub mod survival;
pub mod terms;
pub mod whatif;

/// Questions that must stay unanswered before anybody is away, and of how many kinds.
const UNANSWERED_MIN: u32 = 3;
const KINDS_MIN: u32 = 2;
/// The last of them must be this fresh: a decision rests on a look, not on a timer that ran late.
const FRESH: Duration = Duration::from_secs(60);
/// Pauses between questions: in the first minute of a spell, later, and close to the decision.
const PAUSE_FIRST: Duration = Duration::from_secs(10);
const PAUSE_LATER: Duration = Duration::from_secs(30);
const PAUSE_LAST: Duration = Duration::from_secs(5);
const LAST_STRETCH: Duration = Duration::from_secs(20);
/// Of an hour's questions so many are left for what matters more: a silence that goes on, and its end. However often it
/// was asked before, those that a decision takes are there.
const KEPT_ROUTINE: u32 = 8;
const KEPT_OVERDUE: u32 = UNANSWERED_MIN;
const KEPT_SPELL: u32 = 4;
/// A first question that the budget held back for so long is put from the reserve.
const OVERDUE: Duration = Duration::from_secs(60);

/// The silence of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Mute {
    /// Since when it is silent while it could have been heard.
    pub quiet_since: Mono,
    /// Nobody leaves before.
    pub grace_until: Mono,
    pub spell: Option<Spell>,
    /// Since when no ear can hear it, and why.
    pub frozen: Option<(Mono, &'static str)>,
    pub goodbye: Option<Goodbye>,
    /// When an access point listed it last without having heard more of it.
    pub listed: Option<Mono>,
    /// When it was gone from all of them.
    pub dropped: Option<Mono>,
    /// The only ear that hears it is out, and is waited for until then.
    pub ear_out: Option<Mono>,
    /// Too many would leave at once: held until then.
    pub held: Option<Mono>,
    /// How often witnesses were asked for this decision.
    pub witness_rounds: u8,
    pub sleep: Sleep,
    /// The spell that it left in: it may turn out to have been sleep.
    pub trip: Option<Trip>,
    /// A silence that ended: what it was shows within moments.
    pub lesson: Option<Lesson>,
    /// The last long silence that ended by joining the network anew: since when, until when.
    pub rejoined: Option<(Mono, Mono)>,
    pub proxy: Proxy,
    pub hour: Bucket,
    pub day: Bucket,
}

/// Questions that nobody answered so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Spell {
    /// When the silence began, and how the device was used before.
    pub began: Mono,
    pub context: Context,
    pub first_ask: Mono,
    pub last_ask: Mono,
    pub asks: u32,
    pub unanswered: u32,
    pub last_unanswered: Option<Mono>,
    kinds: u8,
}

/// A silence that was called a departure, or may have been one.
#[derive(Debug, Clone, PartialEq)]
pub struct Trip {
    pub spell: Spell,
    /// What was learned of the device called it away, not a fixed time.
    pub by_habit: bool,
    /// What else was known of it at its end.
    pub seen: Evidence,
    /// It was called away for it.
    pub left: bool,
}

/// A silence that ended, before it is known what it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    pub trip: Trip,
    pub at: Moment,
    /// Its joining could have been heard.
    pub joins: bool,
}

/// A silence for which a device was called away, and what it was taken for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    pub spell: habit::Ended,
    /// How sure it was that it had been at home all the time.
    pub home: f64,
}

impl Spell {
    /// The kinds of questions that stayed unanswered.
    pub fn probes(&self) -> Vec<Probe> {
        Probe::ALL.iter().copied().filter(|probe| self.kinds & (1 << (*probe as u8)) != 0).collect()
    }

    /// The silence of one that cannot be asked: it counts from when a question would have been put.
    pub fn unasked(began: Mono, from: Mono, context: Context) -> Spell {
        Spell {
            began,
            context,
            first_ask: from,
            last_ask: from,
            asks: 0,
            unanswered: 1,
            last_unanswered: None,
            kinds: 0,
        }
    }
}

/// What the night has shown of its sleep.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sleep {
    longs: u8,
    last_long: Mono,
    awake_since: Mono,
}

/// What applies to a device just now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    pub ask_after: Duration,
    pub away_after: Duration,
    pub leaving_after: Duration,
    pub hard: Duration,
    /// The most that is waited decides, not what was learned.
    pub is_limit: bool,
    /// The times are those learned of the device.
    pub is_learned: bool,
    /// `away_after` was set by people: it counts from the last proof.
    pub fixed: bool,
    /// There is a way to ask it.
    pub askable: bool,
    pub sleeper: bool,
    /// Something was heard of late from anybody: the world goes on.
    pub attended: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    Wait(Mono),
    /// Until something is heard there is nothing to decide.
    Idle,
    /// Ask it; `keep` of its budget is for later.
    Ask {
        keep: u32,
    },
    Away(LeaveReason),
}

impl Mute {
    pub fn since(at: Mono) -> Mute {
        Mute {
            quiet_since: at,
            grace_until: Mono(0),
            spell: None,
            frozen: None,
            goodbye: None,
            listed: None,
            dropped: None,
            ear_out: None,
            held: None,
            witness_rounds: 0,
            sleep: Sleep { awake_since: at, ..Sleep::default() },
            trip: None,
            lesson: None,
            rejoined: None,
            proxy: Proxy::default(),
            hour: Bucket::default(),
            day: Bucket::default(),
        }
    }

    /// It was active at `at`. A proof from before the first question does not end the spell.
    pub fn proven(&mut self, at: Mono) {
        self.quiet_since = self.quiet_since.max(at);
        if self.spell.as_ref().is_some_and(|spell| spell.first_ask <= at) {
            self.spell = None;
        }
        if self.spell.is_none() {
            self.goodbye = None;
            self.held = None;
            self.witness_rounds = 0;
        }
    }

    /// Time we could not look is no evidence: the silence starts over.
    pub fn restart(&mut self, at: Mono, grace: Duration) {
        self.quiet_since = self.quiet_since.max(at);
        self.spell = None;
        self.held = None;
        self.witness_rounds = 0;
        self.grace_until = self.grace_until.max(at + grace);
    }

    /// `blind` of the time until `now` could not be heard.
    pub fn skip(&mut self, blind: Duration, now: Mono, grace: Duration) {
        self.quiet_since = (self.quiet_since + blind).min(now);
        if let Some(spell) = &mut self.spell {
            spell.began = (spell.began + blind).min(now);
            spell.first_ask = (spell.first_ask + blind).min(now);
            spell.last_ask = (spell.last_ask + blind).min(now);
        }
        self.grace_until = self.grace_until.max(now + grace);
    }

    pub fn asked(&mut self, at: Mono, context: Context) {
        let spell = self.spell.get_or_insert(Spell {
            began: self.quiet_since,
            context,
            first_ask: at,
            last_ask: at,
            asks: 0,
            unanswered: 0,
            last_unanswered: None,
            kinds: 0,
        });
        spell.last_ask = at;
        spell.asks = spell.asks.saturating_add(1);
    }

    /// A question stayed unanswered. Without a spell it began with a question of somebody else.
    pub fn unanswered(&mut self, probe: Probe, at: Mono, context: Context) {
        if self.spell.is_none() {
            self.asked(at, context);
        }
        if let Some(spell) = &mut self.spell {
            spell.unanswered = spell.unanswered.saturating_add(1);
            spell.kinds |= 1 << (probe as u8);
            spell.last_unanswered = Some(at);
        }
    }

    pub fn rounds(&self) -> u32 {
        self.spell.as_ref().map_or(0, |spell| spell.asks)
    }
}

impl Sleep {
    /// A silence of `gap` ended at `at`; `joined`: by joining the network anew, as after a trip.
    pub fn ended(&mut self, gap: Duration, at: Mono, joined: bool) {
        if gap >= priors::LONG_SLEEP && !joined {
            self.longs = if self.recent(at) { self.longs.saturating_add(1) } else { 1 };
            self.last_long = at;
        }
        if gap > priors::AWAKE_PAUSE {
            self.awake_since = at;
        } else if at.since(self.awake_since) >= priors::AWAKE_AFTER {
            self.longs = 0;
        }
    }

    /// Proved of late that it sleeps deep.
    pub fn deep(&self, now: Mono) -> bool {
        self.longs >= priors::LONG_SLEEPS && self.recent(now)
    }

    fn recent(&self, now: Mono) -> bool {
        self.longs > 0 && now.since(self.last_long) <= priors::SLEEP_MEMORY
    }
}

/// How it is shown while it is here.
#[must_use]
pub fn shown(mute: &Mute, rules: &Rules, now: Mono) -> Presence {
    let mute_time = match &mute.spell {
        Some(spell) if spell.unanswered > 0 || spell.asks > 1 => now.since(spell.first_ask),
        None if !rules.askable => now.since(mute.quiet_since + rules.ask_after),
        _ => return Presence::Home,
    };
    let is_short = rules.fixed || rules.is_learned;
    let leaving_after = if is_short { rules.leaving_after.max(priors::SHOWN_AFTER) } else { rules.leaving_after };
    if mute_time >= leaving_after {
        Presence::Leaving
    } else if rules.sleeper && mute_time >= priors::SHOWN_AFTER {
        Presence::Asleep
    } else {
        Presence::Home
    }
}

/// What to do about a silent device at `now`.
#[must_use]
pub fn step(mute: &Mute, rules: &Rules, now: Mono) -> Step {
    let asks_from = mute.quiet_since + rules.ask_after;
    if now < asks_from {
        return Step::Wait(asks_from);
    }
    let Some(spell) = mute.spell.as_ref() else {
        // Routine questions leave some for when it matters: a silence that goes on.
        let keep = if now.since(asks_from) < OVERDUE { KEPT_ROUTINE } else { KEPT_OVERDUE };
        return if rules.askable { Step::Ask { keep } } else { unasked(mute, rules, asks_from, now) };
    };
    let start = if rules.fixed { mute.quiet_since } else { spell.first_ask };
    let ripe = (start + rules.away_after).max(mute.grace_until);
    let enough = spell.unanswered >= UNANSWERED_MIN
        && spell.kinds.count_ones() >= KINDS_MIN
        && spell.last_unanswered.is_some_and(|at| now.since(at) <= FRESH);
    let reason = match mute.goodbye {
        Some(_) => LeaveReason::Left,
        None if rules.is_limit => LeaveReason::HardLimit,
        None => LeaveReason::NoAnswer,
    };
    if now >= ripe && (enough || !rules.askable) {
        return Step::Away(reason);
    }
    let hard = (start + rules.hard).max(mute.grace_until);
    if now >= hard && rules.attended {
        return Step::Away(LeaveReason::HardLimit);
    }
    if !rules.askable {
        return Step::Wait(ripe);
    }
    let left = ripe.since(now);
    let (pause, keep) = if left <= LAST_STRETCH {
        (PAUSE_LAST, 0)
    } else if now.since(spell.first_ask) < Duration::from_secs(60) {
        (PAUSE_FIRST, KEPT_SPELL)
    } else {
        (PAUSE_LATER, KEPT_SPELL)
    };
    let next_ask = (spell.last_ask + pause).min((ripe - LAST_STRETCH).max(spell.last_ask + PAUSE_LAST));
    if now >= next_ask {
        return Step::Ask { keep };
    }
    Step::Wait(boundaries(mute, rules).into_iter().filter(|at| *at > now).fold(next_ask, Mono::min))
}

/// When time alone makes a difference to a silent device: in how it is shown, and in whether it left.
#[must_use]
pub fn boundaries(mute: &Mute, rules: &Rules) -> [Mono; 3] {
    let from = match &mute.spell {
        Some(spell) => spell.first_ask,
        None => mute.quiet_since + rules.ask_after,
    };
    let start = if rules.fixed { mute.quiet_since } else { from };
    let ripe = (start + rules.away_after).max(mute.grace_until);
    [ripe, from + rules.leaving_after, from + priors::SHOWN_AFTER]
}

/// Without a way of asking, silence alone must do.
fn unasked(mute: &Mute, rules: &Rules, from: Mono, now: Mono) -> Step {
    let start = if rules.fixed { mute.quiet_since } else { from };
    let ripe = (start + rules.away_after).max(mute.grace_until);
    if now >= ripe && rules.attended {
        return Step::Away(if mute.goodbye.is_some() { LeaveReason::Left } else { LeaveReason::NoAnswer });
    }
    boundaries(mute, rules).into_iter().filter(|at| *at > now).min().map_or(Step::Idle, Step::Wait)
}
