//! # A count for each hour of the week
//!
//! Weekend or not, and the hour of the wall clock in UTC: how often something happens then, and in all.

use crate::model::Wall;

/// The table, and its sum: that is asked with every look at a phone, and changes with what is learned of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Hours {
    cells: [[f64; 24]; 2],
    total: f64,
}

/// Weekend or not, and the hour. 1970-01-01 was a Thursday.
fn place(at: Wall) -> (usize, usize) {
    let hours = at.0.div_euclid(3_600_000);
    let weekday = (hours.div_euclid(24) + 3).rem_euclid(7);
    (usize::from(weekday >= 5), usize::try_from(hours.rem_euclid(24)).unwrap_or(0))
}

fn sum(cells: &[[f64; 24]; 2]) -> f64 {
    cells.iter().flatten().sum()
}

/// How much more often than on average it leaves in each hour of the week, unless that is chance.
///
/// Departures of an hour scatter about what its silences let expect by chance alone. If they hardly scatter by more than
/// that, hours are believed to differ by so much only (a gamma prior whose weight is estimated by moments): what leaves at
/// any time does so too in an hour in which nothing was counted yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaning([[f64; 24]; 2]);

/// Hours that all are as usual weigh as much as so many departures in each; and those of one who has hours of its own are
/// taken as they are.
const WEIGHT: (f64, f64) = (2.0, 1_000.0);

impl Leaning {
    pub fn of(left: &Hours, spells: &Hours) -> Leaning {
        let rate = left.total / spells.total.max(1e-9);
        let pairs = || left.each().zip(spells.each().map(|spells| spells * rate));
        let chance: f64 = pairs().map(|(_, expected)| expected * expected).sum();
        let beyond: f64 = pairs().map(|(left, expected)| (left - expected).powi(2) - expected).sum();
        let (own, most) = WEIGHT;
        let weight = Some(chance / beyond.max(1e-9)).filter(|weight| *weight >= own).map_or(0.0, |it| it.min(most));
        let mut cells = [[1.0; 24]; 2];
        for (cell, (left, expected)) in cells.iter_mut().flatten().zip(pairs()) {
            *cell = (weight + left) / (weight + expected).max(1e-9);
        }
        Leaning(cells)
    }

    pub fn at(&self, when: Wall) -> f64 {
        let (weekend, hour) = place(when);
        self.0.get(weekend).and_then(|row| row.get(hour)).copied().unwrap_or(1.0)
    }
}

impl Hours {
    /// The same in each hour.
    pub fn of(each: f64) -> Hours {
        let cells = [[each; 24]; 2];
        Hours { cells, total: sum(&cells) }
    }

    /// Takes all of them from the store; `false`, and nothing taken, if they are not as many.
    pub fn set(&mut self, numbers: &[f64]) -> bool {
        if numbers.len() != self.cells.len() * 24 {
            return false;
        }
        for (cell, number) in self.cells.iter_mut().flatten().zip(numbers) {
            *cell = *number;
        }
        self.total = sum(&self.cells);
        true
    }

    pub fn at(&self, when: Wall) -> f64 {
        let (weekend, hour) = place(when);
        self.cells.get(weekend).and_then(|row| row.get(hour)).copied().unwrap_or(1.0)
    }

    pub fn total(&self) -> f64 {
        self.total
    }

    pub fn add(&mut self, when: Wall, more: f64) {
        let (weekend, hour) = place(when);
        if let Some(cell) = self.cells.get_mut(weekend).and_then(|row| row.get_mut(hour)) {
            *cell += more;
        }
        self.total = sum(&self.cells);
    }

    pub fn each(&self) -> impl Iterator<Item = f64> + '_ {
        self.cells.iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_the_week_has_its_own_count() {
        // Thursday 1970-01-01 07:30, the same hour on Friday and on Saturday, and an hour later.
        let at = |days: i64, hours: i64| Wall(((days * 24 + hours) * 60 + 30) * 60_000);
        let mut hours = Hours::of(0.5);
        hours.add(at(0, 7), 2.0);
        assert_eq!([at(0, 7), at(1, 7), at(2, 7), at(0, 8)].map(|when| hours.at(when)), [2.5, 2.5, 0.5, 0.5]);
        assert!((hours.total() - 26.0).abs() < 1e-9 && (hours.total() - hours.each().sum::<f64>()).abs() < 1e-9);
        let numbers: Vec<f64> = hours.each().collect();
        let mut again = Hours::of(9.0);
        assert!(again.set(&numbers) && again == hours && !again.set(&numbers[1..]));
    }

    #[test]
    fn an_hour_differs_only_by_what_is_no_chance() {
        let hour = |day: i64, hour: i64| Wall((day * 24 + hour) * 3_600_000);
        let (mut any, mut eight, mut spells) = (Hours::of(0.3), Hours::of(0.3), Hours::of(1.0));
        (0..168).for_each(|n| spells.add(hour(0, n), 10.0));
        for n in 0..70 {
            // At any hour, more or less; and always at eight.
            any.add(hour(0, n * 61 % 168), 1.0);
            eight.add(hour(n % 5 + 4, 8), 1.0);
        }
        let (any, eight) = (Leaning::of(&any, &spells), Leaning::of(&eight, &spells));
        let all = |leaning: &Leaning| {
            (0..168).map(|n| leaning.at(hour(0, n))).fold((9.0, 0.0), |(a, b): (f64, f64), x| (a.min(x), b.max(x)))
        };
        let ((low, high), (never, often)) = (all(&any), all(&eight));
        assert!(low > 0.6 && high < 1.6, "{low} {high}");
        assert!(never < 0.25 && often > 5.0, "{never} {often}");
    }
}
