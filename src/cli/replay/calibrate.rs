//! How sure each detector may be: one number fitted to captures whose truth is known.
//!
//! A finding's confidence is σ(b + points), with b = −4 to begin with. For each detector that b is sought under which
//! its findings are as often right as they say, by Newton's method on the likelihood. A few findings move it little:
//! the first guess counts as much as [`PRIOR`] findings would.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::model::AlertView;

/// Where it begins, and how far it may go.
const BASE: f64 = -4.0;
const BASE_MIN: f64 = -6.0;
const BASE_MAX: f64 = -2.0;
/// Weight of the first guess, as of so many findings on the edge.
const PRIOR: f64 = 1.0;
const STEPS: usize = 50;

/// One finding: what its evidence weighed, and whether it was right.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    detector: String,
    points: f64,
    is_right: bool,
}

impl Seen {
    pub(super) fn new(alert: &AlertView, is_right: bool) -> Seen {
        let sure = f64::from(alert.confidence).clamp(0.001, 0.999);
        Seen { detector: alert.detector.clone(), points: (sure / (1.0 - sure)).ln() - BASE, is_right }
    }
}

/// Of one detector.
#[derive(Debug, Clone, PartialEq, Default)]
struct Line {
    base: f64,
    right: usize,
    wrong: usize,
    /// Attacks it raises.
    raises: usize,
    /// Classes of the attacks that are missed when it is off, and how many of each.
    falls: BTreeMap<String, usize>,
}

/// Detector to its number, how many findings were right and wrong, and what is missed without it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Calibration(BTreeMap<String, Line>);

impl Calibration {
    pub(super) fn of<'s>(seen: impl Iterator<Item = &'s Seen>) -> Calibration {
        let mut by: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
        for one in seen {
            by.entry(&one.detector).or_default().push(one);
        }
        let fitted = by.into_iter().map(|(detector, all)| {
            let right = all.iter().filter(|one| one.is_right).count();
            (detector.to_owned(), Line { base: fit(&all), right, wrong: all.len() - right, ..Line::default() })
        });
        Calibration(fitted.collect())
    }

    /// `detector` raises an attack, one of class `falls` that is missed without it.
    pub(super) fn worth(&mut self, detector: &str, falls: Option<&str>) {
        let line = self.0.entry(detector.to_owned()).or_insert(Line { base: BASE, ..Line::default() });
        line.raises += 1;
        if let Some(class) = falls {
            *line.falls.entry(class.to_owned()).or_default() += 1;
        }
    }

    pub(super) fn table(&self) -> String {
        let mut out = "detector\tbase\tright\twrong\traises\tfalls_without\n".to_owned();
        for (detector, Line { base, right, wrong, raises, falls }) in &self.0 {
            let falls: Vec<String> = falls.iter().map(|(class, rows)| format!("{class} {rows}")).collect();
            let falls = if falls.is_empty() { "-".to_owned() } else { falls.join(", ") };
            let _infallible = writeln!(out, "{detector}\t{base:.2}\t{right}\t{wrong}\t{raises}\t{falls}");
        }
        out
    }
}

fn fit(seen: &[&Seen]) -> f64 {
    let mut base = BASE;
    for _ in 0..STEPS {
        // First and second derivative of the log-likelihood, with a normal prior around the first guess.
        let (mut slope, mut bend) = (-PRIOR * (base - BASE), PRIOR);
        for one in seen {
            let sure = 1.0 / (1.0 + (-(base + one.points)).exp());
            slope += f64::from(u8::from(one.is_right)) - sure;
            bend += sure * (1.0 - sure);
        }
        let step = slope / bend;
        base += step.clamp(-1.0, 1.0);
        if step.abs() < 1e-6 {
            break;
        }
    }
    base.clamp(BASE_MIN, BASE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(detector: &str, points: f64, right: usize, wrong: usize) -> Vec<Seen> {
        let one = |is_right| Seen { detector: detector.into(), points, is_right };
        (0..right).map(|_| one(true)).chain((0..wrong).map(|_| one(false))).collect()
    }

    #[test]
    fn the_number_goes_where_the_truth_is_and_not_beyond() {
        let base = |right, wrong| fit(&seen("x", 5.0, right, wrong).iter().collect::<Vec<_>>());
        assert!((base(0, 0) - BASE).abs() < 1e-9, "nothing seen, nothing learned");
        // 5 points and half of them right: σ(b + 5) = 0.5 at b = −5.
        assert!((base(500, 500) + 5.0).abs() < 0.05, "{}", base(500, 500));
        assert!((base(10_000, 0) - BASE_MAX).abs() < 1e-9 && (base(0, 10_000) - BASE_MIN).abs() < 1e-9);
        assert!(base(1, 0) > BASE && base(1, 0) < base(10, 0), "more evidence moves it further");
        let all = [seen("a", 5.0, 2, 1), seen("b", 6.0, 0, 1)].concat();
        let mut all = Calibration::of(all.iter());
        [Some("scan"), None, Some("scan")].into_iter().for_each(|falls| all.worth("a", falls));
        let table = all.table();
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines.len() == 3 && lines[1].starts_with("a\t-"), "{table}");
        assert!(lines[1].ends_with("\t3\tscan 2") && lines[2].ends_with("\t0\t1\t0\t-"), "{table}");
    }
}
