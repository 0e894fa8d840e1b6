//! # When people and things are out
//!
//! The truth of a home: for each person and each thing that is switched off now and then, when it goes and
//! when it is back. In seconds from the beginning, which is a Monday's midnight.

use super::{
    dice::Dice,
    home::{Moves, Off, Person, Schedule},
};

pub const DAY: f64 = 86_400.0;
/// Between two outings, and for one, at least.
const BETWEEN: f64 = 900.0;
const SHORTEST: f64 = 120.0;
/// A short errand takes at least so long.
const ERRAND: f64 = 180.0;
/// When people sleep if the home does not say.
const WAKES: f64 = 7.0 * 3_600.0;
const SLEEPS: f64 = 23.5 * 3_600.0;

/// Out from, until.
pub type Trip = (f64, f64);

pub fn of_person(schedule: &Schedule, days: u32, dice: &mut Dice) -> Vec<Trip> {
    let mut out = Vec::new();
    for day in 0..days {
        let midnight = f64::from(day) * DAY;
        let moves = if day % 7 < 5 { &schedule.weekday } else { &schedule.weekend };
        for moves in moves.iter().chain(&schedule.short) {
            outings(moves, midnight, dice, &mut out);
        }
        if let (Some(cycle), Some((median, sigma))) = (schedule.cycle, schedule.lasts) {
            let length = ((cycle.0 / DAY).round() as u32).max(1);
            let shift = schedule.leave.get((day % length) as usize).copied().flatten();
            if let Some((at, spread)) = shift {
                let leave = midnight + dice.about(at.0, spread.0);
                out.push((leave, leave + dice.lasts(median.0, sigma)));
            }
        }
    }
    sorted(out)
}

pub fn of_thing(off: &Off, days: u32, dice: &mut Dice) -> Vec<Trip> {
    let mut out = Vec::new();
    for day in 0..days {
        if dice.chance(off.per_day) {
            let from = f64::from(day) * DAY + dice.between(0.0, DAY);
            out.push((from, from + dice.lasts(off.lasts.0.0, off.lasts.1)));
        }
    }
    sorted(out)
}

fn outings(moves: &Moves, midnight: f64, dice: &mut Dice, out: &mut Vec<Trip>) {
    if let (Some(leave), Some(back)) = (moves.leave, moves.back) {
        if dice.chance(moves.p.unwrap_or(1.0)) {
            let from = midnight + dice.about(leave.0.0, leave.1.0);
            let mut until = midnight + dice.about(back.0.0, back.1.0);
            if back.0.0 < leave.0.0 {
                until += DAY; // back after midnight
            }
            out.push((from, until));
        }
    } else if let (Some((first, last)), Some((median, sigma))) = (moves.at, moves.lasts)
        && dice.chance(moves.p.unwrap_or(1.0))
    {
        let times = if moves.n.is_empty() { 1 } else { dice.one_of(&moves.n).unwrap_or(0) };
        for _ in 0..times {
            let from = midnight + dice.between(first.0, last.0);
            out.push((from, from + dice.lasts(median.0, sigma).max(ERRAND)));
        }
    }
}

/// In order, none within another.
fn sorted(mut out: Vec<Trip>) -> Vec<Trip> {
    out.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut kept: Vec<Trip> = Vec::new();
    for (from, until) in out {
        let before = kept.last().map_or(0.0, |trip| trip.1);
        if from > before + BETWEEN && until > from + SHORTEST {
            kept.push((from, until));
        }
    }
    kept
}

/// Whether a person sleeps at `time`.
pub fn is_night(person: Option<&Person>, time: f64) -> bool {
    let wakes = person.and_then(|person| person.wakes).map_or(WAKES, |clock| clock.0);
    let sleeps = person.and_then(|person| person.sleeps).map_or(SLEEPS, |clock| clock.0);
    let now = time.rem_euclid(DAY);
    if wakes < sleeps { !(wakes..sleeps).contains(&now) } else { (sleeps..wakes).contains(&now) }
}
