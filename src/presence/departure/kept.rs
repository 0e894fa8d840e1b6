//! # What was learned, over a restart
//!
//! A habit travels as facts of its device, a few lines of numbers. A line that cannot be read leaves
//! that part as the kind has it: learning goes on from there.

use std::fmt::Write as _;

use super::{
    habit::{CONTEXTS, Context, Habit},
    survival::Survival,
};

const FORM: &str = "1";

impl Context {
    pub const fn word(self) -> &'static str {
        match self {
            Context::Busy => "busy",
            Context::Idle => "idle",
            Context::Asleep => "asleep",
        }
    }
}

fn write(numbers: impl IntoIterator<Item = f64>) -> String {
    let mut text = String::new();
    for number in numbers {
        // Six digits: a day is kept to some minutes, counts to a millionth.
        let _ = write!(text, "{}{}", if text.is_empty() { "" } else { " " }, (number * 1e4).round() / 1e4);
    }
    text
}

fn read(text: &str) -> Option<Vec<f64>> {
    let numbers: Option<Vec<f64>> = text.split(' ').map(|number| number.parse().ok()).collect();
    numbers.filter(|numbers| numbers.iter().all(|number| number.is_finite() && number.abs() < 1e9))
}

impl Habit {
    /// Key and value of every line.
    pub fn lines(&self) -> Vec<(String, String)> {
        let (scalars, tables) = self.parts();
        let mut lines = vec![("form".to_owned(), FORM.to_owned()), ("rates".to_owned(), write(scalars))];
        for (name, table) in ["left", "spells"].into_iter().zip(tables) {
            lines.push((name.to_owned(), write(table.each())));
        }
        for (context, sleep) in CONTEXTS.into_iter().zip(self.sleep()) {
            let counts = sleep.counts().iter().copied();
            lines.push((context.word().to_owned(), write([sleep.day()].into_iter().chain(counts))));
        }
        lines.push(("ledger".to_owned(), write(self.ledger().iter().copied())));
        lines.push(("signs".to_owned(), write(self.signs().numbers())));
        lines.push(("limits".to_owned(), write(self.limits().iter().copied())));
        lines
    }

    /// Takes back one line.
    pub fn recall(&mut self, key: &str, value: &str) {
        let Some(numbers) = read(value) else { return };
        match key {
            "rates" => self.recall_rates(&numbers),
            "left" | "spells" => self.recall_hours(key == "left", &numbers),
            "ledger" => self.recall_ledger(&numbers),
            "limits" => self.recall_limits(&numbers),
            "signs" => self.recall_signs(&numbers),
            _ => {
                let context = CONTEXTS.into_iter().find(|context| context.word() == key);
                let Some((context, (day, counts))) = context.zip(numbers.split_first().map(|(day, rest)| (*day, rest)))
                else {
                    return;
                };
                if let Some(sleep) = Survival::restored(counts, day) {
                    self.recall_sleep(context, sleep);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::Wall,
        presence::departure::{evidence::Evidence, habit::Ended},
    };

    proptest! {
        #[test]
        fn what_was_learned_comes_back(spells in proptest::collection::vec((0usize..3, 0u32..4_000_000, 1.0f64..9_000.0, any::<Option<bool>>(), any::<bool>()), 0..80)) {
            let mut habit = Habit::default();
            for (context, s, mute_s, joined, called_away) in spells {
                let began = Wall(1_795_600_000_000 + i64::from(s) * 1_000);
                habit.learn(&Ended { context: CONTEXTS[context], began, mute_s, joined, others: None, called_away, seen: Evidence::default() }, 1.0);
            }
            let mut again = Habit::default();
            for (key, value) in habit.lines() {
                again.recall(&key, &value);
            }
            prop_assert_eq!(again.lines(), habit.lines());
            let at = Wall(1_796_000_000_000);
            for context in CONTEXTS {
                let (a, b) = (habit.threshold(context, at, 1.0, 1.0, 1.0), again.threshold(context, at, 1.0, 1.0, 1.0));
                prop_assert!((a.away_s - b.away_s).abs() <= 0.01 * a.away_s, "{:?} {:?}", a, b);
            }
        }

        #[test]
        fn nonsense_teaches_nothing_and_breaks_nothing(key in "(rates|left|spells|busy|idle|asleep|ledger|limits|form|x)", value in "[-0-9e. naif]{0,200}") {
            let mut habit = Habit::default();
            habit.recall(&key, &value);
            for context in CONTEXTS {
                let threshold = habit.threshold(context, Wall(1_795_600_000_000), 1.0, 1.0, 1.0);
                prop_assert!(threshold.away_s.is_finite() && threshold.away_s > 0.0, "{:?}", threshold);
            }
        }
    }
}
