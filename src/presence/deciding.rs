//! # What a departure was decided by
//!
//! Cut at the moment of the decision, from the same curves and signs that decided; kept in the event log, so that
//! `explain device --at` needs no guess. Also which further witness would have told it soonest.

use crate::model::{Decision, LeaveReason, Moment};

use super::{
    Presence,
    departure::{
        Rules,
        evidence::{Evidence, Place, Station},
        habit::{Context, Habit},
    },
    device::Device,
};

/// What is not known of a silence, and what it would be of one who left; the witness that tells it.
const WITNESSES: [(&str, fn(&mut Evidence) -> bool); 3] = [
    ("station_list", |seen| {
        let is_new = seen.station == Station::Unlisted;
        seen.station = Station::Dropped;
        is_new
    }),
    ("door_contacts", |seen| seen.door.replace(true).is_none()),
    ("app_position", |seen| seen.place.replace(Place::Far).is_none()),
];

/// A witness that saves less of the wait than this part is no help.
const HELPS: f64 = 0.2;

impl Presence {
    /// Why `device` is away, as of now.
    pub(super) fn decision(&self, device: &Device, reason: LeaveReason, rules: &Rules, now: Moment) -> Decision {
        let seen = self.evidence(device, now.mono);
        let kind_habit = Habit::default();
        let habit = self.habit_of(device, now).or(device.habit.as_deref()).unwrap_or(&kind_habit);
        let context = device.context(now);
        let spell = device.mute.spell.as_ref();
        let from = spell.map_or(device.mute.quiet_since + rules.ask_after, |spell| spell.first_ask);
        let mute = now.mono.since(from);
        let began = now.back_to(spell.map_or(device.mute.quiet_since, |spell| spell.began).min(now.mono)).wall;
        let ratios = habit.signs().each(&seen).into_iter().filter(|(_, ratio)| (ratio - 1.0).abs() > 1e-9);
        Decision {
            reason,
            rule: match (rules.fixed, rules.is_learned) {
                (true, _) => "set",
                (false, true) => "learned",
                (false, false) => "kind",
            },
            context: context.word(),
            last_proof: device.last.wall,
            mute_s: mute.as_secs(),
            away_after_s: rules.away_after.as_secs(),
            unanswered: spell.map_or(0, |spell| spell.unanswered),
            asked: spell.map(super::departure::Spell::probes).unwrap_or_default(),
            ratios: ratios.map(|(sign, ratio)| (sign, rounded(ratio))).collect(),
            odds: rounded(habit.odds_at(began)),
            dial: device.terms.dial,
            false_aways: u32::try_from(habit.false_aways(now.wall)).unwrap_or(u32::MAX),
            confidence: self.confidence(device, rules, context, &seen, now),
            helps: self.would_help(device, habit, rules, &seen, now),
        }
    }

    /// How sure it is that `device` has left. None: too little is known of its sleep.
    fn confidence(
        &self,
        device: &Device,
        rules: &Rules,
        context: Context,
        seen: &Evidence,
        now: Moment,
    ) -> Option<f64> {
        let habit = self.habit_of(device, now).filter(|_| rules.sleeper && !rules.fixed && rules.is_learned)?;
        let spell = device.mute.spell.as_ref()?;
        let began = now.back_to(spell.began.min(now.mono)).wall;
        let mute_s = now.mono.since(spell.first_ask).as_secs_f64();
        let sure = habit.confidence(context, began, mute_s, habit.signs().ratio(seen));
        Some((sure * 1_000.0).floor() / 1_000.0)
    }

    /// The further witness with which it would have been told soonest, and after how many seconds of mute.
    fn would_help(
        &self,
        device: &Device,
        habit: &Habit,
        rules: &Rules,
        seen: &Evidence,
        now: Moment,
    ) -> Option<(&'static str, u64)> {
        if rules.fixed || !rules.sleeper {
            return None;
        }
        let waited = rules.away_after.as_secs_f64();
        let with = |&(name, add): &(&'static str, fn(&mut Evidence) -> bool)| {
            let mut seen = *seen;
            // A position is the phone's own, and its owner's.
            let is_for_it = name != "app_position" || device.person().is_some();
            let away_s = (add(&mut seen) && is_for_it).then(|| self.threshold(habit, device, &seen, now).away_s)?;
            Some((name, away_s.max(self.settings.away_min.0.as_secs_f64())))
        };
        let best = WITNESSES.iter().filter_map(with).min_by(|a, b| a.1.total_cmp(&b.1))?;
        (best.1 <= waited * (1.0 - HELPS)).then_some((best.0, best.1.round() as u64))
    }
}

/// Three digits that count.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10f64.powf(2.0 - value.abs().log10().floor());
    (value * scale).round() / scale
}
