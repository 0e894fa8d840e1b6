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
}
