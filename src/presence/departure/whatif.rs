//! # What other dials would have done
//!
//! From what was learned of a device and stored with it: at each dial how long one would wait, and how often it
//! would wrongly be called away. The same curves and rates that decide, at an hour like any other.

use crate::model::{DeviceView, Wall};

use super::habit::{CONTEXTS, Context, Habit};

/// A fixed time counts from the last proof; mute time begins with the first question, so long after it.
const ASKED_AFTER_S: f64 = 45.0;

/// One rule for one device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WhatIf {
    /// Mute seconds until it is away: after use, idle, asleep.
    pub away_s: [f64; 3],
    /// Wrong ones that are to be expected in 30 days.
    pub false_aways: f64,
    /// What a departure waits in the mean, by how often it leaves in each state.
    pub wait_s: f64,
}

/// What is learned of a stored device.
#[derive(Debug, Clone)]
pub struct Learned {
    habit: Habit,
    at: Wall,
}

impl Learned {
    /// Nothing, if it never was mute.
    #[must_use]
    pub fn of(device: &DeviceView) -> Option<Learned> {
        let mut habit = Habit::default();
        for (key, value) in device.facts.iter() {
            if let Some(key) = key.strip_prefix("habit.") {
                habit.recall(key, value);
            }
        }
        (habit.spells() > 0).then_some(Learned { habit, at: device.last_seen })
    }

    /// Enough is known to go by it.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.habit.is_learned(self.at)
    }

    #[must_use]
    pub fn spells(&self) -> u32 {
        self.habit.spells()
    }

    #[must_use]
    pub fn quality(&self, dial: f64) -> &'static str {
        self.habit.quality(self.at, dial)
    }

    /// With this many false aways a month allowed.
    #[must_use]
    pub fn at_dial(&self, dial: f64, stretch: f64) -> WhatIf {
        self.rule(|context| self.habit.usual_wait(context, self.at, dial, stretch))
    }

    /// Away so long after the last proof.
    #[must_use]
    pub fn at_fixed(&self, after_s: f64) -> WhatIf {
        self.rule(|_| (after_s - ASKED_AFTER_S).max(0.0))
    }

    fn rule(&self, wait: impl Fn(Context) -> f64) -> WhatIf {
        let away_s = CONTEXTS.map(wait);
        let (mut false_aways, mut wait_s) = (0.0, 0.0);
        for (context, mute_s) in CONTEXTS.into_iter().zip(away_s) {
            false_aways += self.habit.spells_longer(context, self.at, mute_s);
            wait_s += self.habit.departs_in(context) * (mute_s + ASKED_AFTER_S);
        }
        WhatIf { away_s, false_aways, wait_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::departure::{evidence::Evidence, habit::Ended};

    fn learned() -> Learned {
        let mut habit = Habit::default();
        for day in 0..40u32 {
            for spell in 0..12u32 {
                let began = Wall(1_795_600_000_000 + i64::from(day * 86_400 + spell * 7_000) * 1_000);
                let context = if spell < 4 { Context::Asleep } else { Context::Idle };
                let mute_s = 10.0 * 1.5f64.powi((spell * 7 + day) as i32 % 9);
                habit.learn(
                    &Ended {
                        context,
                        began,
                        mute_s,
                        joined: Some(false),
                        others: None,
                        called_away: false,
                        seen: Evidence::default(),
                    },
                    1.0,
                );
            }
        }
        Learned { habit, at: Wall(1_795_600_000_000 + 40 * 86_400_000) }
    }

    #[test]
    fn a_stricter_dial_waits_longer_and_errs_less() {
        let learned = learned();
        let rules: Vec<WhatIf> = [0.1, 0.33, 1.0, 3.0, 10.0].map(|dial| learned.at_dial(dial, 1.0)).to_vec();
        for (dial, rule) in [0.1, 0.33, 1.0, 3.0, 10.0].iter().zip(&rules) {
            // What is promised is what is to be expected, or less; bins are half an octave wide.
            assert!(rule.false_aways <= dial * 1.05, "{dial}: {rule:?}");
        }
        for pair in rules.windows(2) {
            assert!(pair[0].wait_s >= pair[1].wait_s && pair[0].false_aways <= pair[1].false_aways, "{pair:?}");
        }
        let (quick, slow) = (learned.at_fixed(180.0), learned.at_fixed(2_700.0));
        assert!(quick.false_aways > slow.false_aways && quick.wait_s < slow.wait_s, "{quick:?} {slow:?}");
        assert!(learned.is_enough() && learned.quality(1.0) == "good");
    }
}
