//! # What a rule was right and wrong about
//!
//! The truth of a home beside what a rule said of it. One judge for the engine and for the fixed times, fed
//! in the order of time. All times in seconds from the beginning.

use std::collections::BTreeMap;

use serde::Serialize;

mod poisson;

pub use poisson::interval;

/// An absence shorter than this need not be told.
const MISSED_FROM: f64 = 900.0;
/// So near to each other, two persons' departures are one event.
const MASS_WITHIN: f64 = 60.0;
const MONTH: f64 = 30.0 * 86_400.0;

/// One thing as one rule has it.
#[derive(Debug, Clone, Default)]
pub struct Judge {
    away: bool,
    out_since: Option<f64>,
    /// It went, and nothing was said yet.
    untold: bool,
    /// It sent its first frame then, and is not called home yet.
    sent: Option<f64>,
    pub tally: Tally,
    /// What was said, for pictures: when, and whether away.
    pub said: Vec<(f64, bool)>,
}

/// Of one thing, or of several together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    pub false_aways: Vec<f64>,
    pub first_month: u64,
    pub missed: u64,
    pub delays: Vec<f64>,
    pub arrivals: Vec<f64>,
}

impl Judge {
    /// `from`: when measuring begins.
    pub fn went(&mut self, at: f64, from: f64) {
        self.out_since = Some(at);
        self.sent = None;
        self.untold = !self.away;
        if self.away && at >= from {
            // It was wrongly away already: nobody waits for it.
            self.tally.delays.push(0.0);
        }
    }

    pub fn came(&mut self, at: f64, from: f64) {
        if let Some(since) = self.out_since.take()
            && self.untold
            && at - since >= MISSED_FROM
            && since >= from
        {
            self.tally.missed += 1;
        }
        self.untold = false;
    }

    /// Its first frame after it came.
    pub fn spoke_first(&mut self, at: f64) {
        if self.away && self.sent.is_none() {
            self.sent = Some(at);
        }
    }

    pub fn called_away(&mut self, at: f64, from: f64) {
        if std::mem::replace(&mut self.away, true) {
            return;
        }
        self.said.push((at, true));
        match self.out_since {
            Some(since) => {
                if since >= from && self.untold {
                    self.tally.delays.push(at - since);
                }
                self.untold = false;
            }
            None if at >= from => self.tally.false_aways.push(at),
            None => self.tally.first_month += 1,
        }
    }

    pub fn called_home(&mut self, at: f64, from: f64) {
        if !std::mem::replace(&mut self.away, false) {
            return;
        }
        self.said.push((at, false));
        if let Some(sent) = self.sent.take()
            && sent >= from
        {
            self.tally.arrivals.push((at - sent).max(0.0));
        }
    }

    pub fn is_away(&self) -> bool {
        self.away
    }
}

/// A fixed time beside the engine: away so long after the last proof that the engine heard.
#[derive(Debug, Clone)]
pub struct Fixed {
    pub after: f64,
    last: Option<f64>,
    pub judge: Judge,
}

impl Fixed {
    pub fn of(after: f64) -> Fixed {
        Fixed { after, last: None, judge: Judge::default() }
    }

    /// What its clock says until `now`; before anything else is told.
    pub fn until(&mut self, now: f64, from: f64) {
        if let Some(due) = self.last.map(|last| last + self.after).filter(|due| *due < now) {
            self.judge.called_away(due, from);
        }
    }

    pub fn heard(&mut self, now: f64, from: f64) {
        self.until(now, from);
        self.judge.called_home(now, from);
        self.last = Some(now);
    }
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.false_aways.extend(&other.false_aways);
        self.first_month += other.first_month;
        self.missed += other.missed;
        self.delays.extend(&other.delays);
        self.arrivals.extend(&other.arrivals);
    }
}

/// All of a rule, in one run or several.
#[derive(Debug, Clone, Default)]
pub struct Total {
    /// Of devices that sleep, and of all others.
    pub sleepers: Tally,
    pub fixed: Tally,
    pub sleeper_months: f64,
    pub mass: u64,
    pub rotations: u64,
    pub joined: u64,
    pub key_rotations: u64,
    pub key_joined: u64,
    pub wrong_joins: u64,
    pub asks: u64,
    /// For how many devices and days they are.
    pub device_days: f64,
}

impl Total {
    pub fn add(&mut self, other: &Total) {
        self.sleepers.add(&other.sleepers);
        self.fixed.add(&other.fixed);
        self.sleeper_months += other.sleeper_months;
        self.mass += other.mass;
        self.rotations += other.rotations;
        self.joined += other.joined;
        self.key_rotations += other.key_rotations;
        self.key_joined += other.key_joined;
        self.wrong_joins += other.wrong_joins;
        self.asks += other.asks;
        self.device_days += other.device_days;
    }

    pub fn figures(&self) -> Figures {
        let false_aways = self.sleepers.false_aways.len() as u64;
        let arrivals: Vec<f64> = self.sleepers.arrivals.iter().chain(&self.fixed.arrivals).copied().collect();
        let missed = self.sleepers.missed + self.fixed.missed;
        Figures {
            false_aways,
            sleeper_months: round(self.sleeper_months, 2),
            false_aways_per_sleeper_month: round(false_aways as f64 / self.sleeper_months.max(1e-9), 3),
            ci95: interval(false_aways, self.sleeper_months).map(|limit| round(limit, 3)),
            missed_departures: missed,
            departures: missed + (self.sleepers.delays.len() + self.fixed.delays.len()) as u64,
            departure_s: ByKind { phone: Delays::of(&self.sleepers.delays), fixed: Delays::of(&self.fixed.delays) },
            arrival_s: Arrivals {
                p50: share(&arrivals, 0.5),
                p95: share(&arrivals, 0.95),
                p99: share(&arrivals, 0.99),
            },
            mass_departures: self.mass,
            rotations: self.rotations,
            joins_found: self.joined,
            joins_found_with_key_fact: (self.key_rotations > 0)
                .then(|| round(self.key_joined as f64 / self.key_rotations as f64, 3)),
            joins_wrong: self.wrong_joins,
            asks_per_device_day: round(self.asks as f64 / self.device_days.max(1e-9), 1),
            first_month_false_aways: self.sleepers.first_month,
        }
    }
}

/// What is told of one rule. The names are those of the format.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Of devices that sleep; those of others are under `by_device`.
    pub false_aways: u64,
    pub sleeper_months: f64,
    pub false_aways_per_sleeper_month: f64,
    pub ci95: [f64; 2],
    pub missed_departures: u64,
    pub departures: u64,
    pub departure_s: ByKind,
    pub arrival_s: Arrivals,
    pub mass_departures: u64,
    pub rotations: u64,
    pub joins_found: u64,
    /// Of those with a key fact, the part that was joined. None without any.
    pub joins_found_with_key_fact: Option<f64>,
    pub joins_wrong: u64,
    pub asks_per_device_day: f64,
    pub first_month_false_aways: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ByKind {
    pub phone: Delays,
    pub fixed: Delays,
}

/// Seconds from leaving to `away`. None without a departure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Delays {
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p95: Option<f64>,
}

/// Seconds from the first frame sent to `home`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Arrivals {
    pub p50: Option<f64>,
    pub p95: Option<f64>,
    /// Not of the format; a limit may ask for it.
    #[serde(skip)]
    pub p99: Option<f64>,
}

/// One device under the engine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfDevice {
    pub kind: &'static str,
    pub false_aways: u64,
    pub missed_departures: u64,
    pub departures: u64,
    pub departure_s: Delays,
    /// What the engine itself says of it: `good`, `fair`, `poor`, `learning`.
    pub quality: String,
    #[serde(skip)]
    pub tally: Tally,
}

impl OfDevice {
    /// The same device in several runs.
    pub fn together(runs: Vec<OfDevice>) -> Option<OfDevice> {
        let (kind, quality) = runs.last().map(|last| (last.kind, last.quality.clone()))?;
        let mut all = Tally::default();
        runs.iter().for_each(|run| all.add(&run.tally));
        Some(OfDevice::of(kind == "phone", &all, quality))
    }

    pub fn of(sleeps: bool, tally: &Tally, quality: String) -> OfDevice {
        OfDevice {
            tally: tally.clone(),
            kind: if sleeps { "phone" } else { "fixed" },
            false_aways: tally.false_aways.len() as u64,
            missed_departures: tally.missed,
            departures: tally.missed + tally.delays.len() as u64,
            departure_s: Delays::of(&tally.delays),
            quality,
        }
    }
}

impl Delays {
    pub fn of(delays: &[f64]) -> Delays {
        Delays { p50: share(delays, 0.5), p90: share(delays, 0.9), p95: share(delays, 0.95) }
    }
}

/// The value below which this part lies.
fn share(values: &[f64], part: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = ((sorted.len() as f64 * part) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(index).map(|value| round(*value, 2))
}

fn round(value: f64, digits: i32) -> f64 {
    let factor = 10f64.powi(digits);
    (value * factor).round() / factor
}

/// How often two persons or more were wrongly away within a minute while something was broken.
/// `broken`: from, until.
pub fn mass(of_persons: &BTreeMap<String, Vec<f64>>, broken: &[(f64, f64)]) -> u64 {
    let mut all: Vec<(f64, &str)> = Vec::new();
    for (person, times) in of_persons {
        let during = times.iter().filter(|at| broken.iter().any(|(from, until)| (*from..=*until).contains(*at)));
        all.extend(during.map(|at| (*at, person.as_str())));
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut count, mut until) = (0, f64::MIN);
    for (index, (at, person)) in all.iter().enumerate() {
        let together = all.iter().skip(index + 1).take_while(|(then, _)| then - at <= MASS_WITHIN);
        if *at > until && together.clone().any(|(_, other)| other != person) {
            count += 1;
            until = at + MASS_WITHIN;
        }
    }
    count
}

/// Months of so many seconds.
pub fn months(seconds: f64) -> f64 {
    seconds / MONTH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_is_counted_once_and_by_its_name() {
        let mut judge = Judge::default();
        judge.called_away(50.0, 100.0); // before measuring begins
        judge.called_home(60.0, 100.0);
        judge.called_away(150.0, 100.0); // at home
        judge.called_home(160.0, 100.0);
        judge.went(1_000.0, 100.0);
        judge.called_away(1_300.0, 100.0);
        judge.came(5_000.0, 100.0);
        judge.spoke_first(5_000.0);
        judge.called_home(5_000.4, 100.0);
        judge.went(9_000.0, 100.0); // an errand that nobody noticed
        judge.came(9_600.0, 100.0);
        judge.spoke_first(9_600.0);
        judge.went(20_000.0, 100.0); // a trip that nobody noticed
        judge.came(22_000.0, 100.0);
        let tally = &judge.tally;
        assert_eq!((tally.false_aways.as_slice(), tally.first_month, tally.missed), ([150.0].as_slice(), 1, 1));
        assert_eq!(tally.delays, [300.0]);
        assert!((tally.arrivals[0] - 0.4).abs() < 1e-9 && tally.arrivals.len() == 1);
    }

    #[test]
    fn a_fixed_time_counts_from_the_last_proof() {
        let mut rule = Fixed::of(180.0);
        for at in [0.0, 100.0, 400.0] {
            rule.heard(at, 0.0); // mute for 300 s at home
        }
        rule.until(450.0, 0.0);
        rule.judge.went(450.0, 0.0);
        rule.until(5_000.0, 0.0);
        rule.judge.came(5_000.0, 0.0);
        assert_eq!(rule.judge.tally.false_aways, [280.0]);
        assert_eq!(rule.judge.tally.delays, [130.0]);
    }

    #[test]
    fn a_mass_departure_takes_two_persons_and_a_fault() {
        let homes = |a: &[f64], b: &[f64]| BTreeMap::from([("a".to_owned(), a.to_vec()), ("b".to_owned(), b.to_vec())]);
        let broken = [(100.0, 700.0)];
        for (persons, count) in [
            (homes(&[200.0], &[240.0]), 1),
            (homes(&[200.0, 210.0], &[]), 0),
            (homes(&[200.0], &[300.0]), 0),
            (homes(&[800.0], &[810.0]), 0),
            (homes(&[200.0, 600.0], &[230.0, 650.0]), 2),
        ] {
            assert_eq!(mass(&persons, &broken), count, "{persons:?}");
        }
    }
}
