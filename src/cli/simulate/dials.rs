//! # The dial against fixed times
//!
//! One dial against one fixed time compares two points of two curves: one waits longer, the other errs more. So the
//! home is played at other dials too, and each fixed time is met where the engine errs no oftener than it (who tells
//! a departure sooner?) and where the engine is no slower than it (who errs less?).

use std::fmt::Write as _;

use serde::Serialize;

use super::score::Figures;

/// Tried besides the dial that was asked for, the loosest first.
pub const DIALS: &str = "300,100,30,10,3,1,0.6,0.33,0.1,0.05,0.02";

/// What one rule, or the engine at one dial, comes to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// None: a fixed time.
    pub dial: Option<f64>,
    pub false_aways_per_sleeper_month: f64,
    pub ci95: [f64; 2],
    pub missed_departures: u64,
    pub p50_s: Option<f64>,
    pub p95_s: Option<f64>,
}

/// A fixed time and the engine beside it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Matched {
    pub rule: String,
    pub fixed: Point,
    /// The loosest dial that errs no oftener.
    pub as_right: Option<Point>,
    /// The strictest dial that is no slower.
    pub as_fast: Option<Point>,
    /// Some dial errs no oftener and is no slower, and one of the two is better.
    pub better_on_both: bool,
}

impl Point {
    fn of(dial: Option<f64>, figures: &Figures) -> Point {
        Point {
            dial,
            false_aways_per_sleeper_month: figures.false_aways_per_sleeper_month,
            ci95: figures.ci95,
            missed_departures: figures.missed_departures,
            p50_s: figures.departure_s.phone.p50,
            p95_s: figures.departure_s.phone.p95,
        }
    }

    fn is_as_right(&self, other: &Point) -> bool {
        self.false_aways_per_sleeper_month <= other.false_aways_per_sleeper_month
    }

    fn is_as_fast(&self, other: &Point) -> bool {
        self.p95_s.zip(other.p95_s).is_some_and(|(mine, its)| mine <= its)
    }
}

/// Each rule beside the engine at every dial of `engine`.
pub fn matched(engine: &[(f64, Figures)], rules: &[(String, Figures)]) -> Vec<Matched> {
    let mut points: Vec<Point> = engine.iter().map(|(dial, figures)| Point::of(Some(*dial), figures)).collect();
    points.sort_by(|a, b| b.dial.unwrap_or_default().total_cmp(&a.dial.unwrap_or_default()));
    rules
        .iter()
        .map(|(rule, figures)| {
            let fixed = Point::of(None, figures);
            let is_better = |point: &Point| {
                let is_strict = point.false_aways_per_sleeper_month < fixed.false_aways_per_sleeper_month
                    || point.p95_s < fixed.p95_s;
                point.is_as_right(&fixed) && point.is_as_fast(&fixed) && is_strict
            };
            Matched {
                rule: rule.clone(),
                as_right: points.iter().find(|point| point.is_as_right(&fixed)).copied(),
                as_fast: points.iter().rev().find(|point| point.is_as_fast(&fixed)).copied(),
                better_on_both: points.iter().any(is_better),
                fixed,
            }
        })
        .collect()
}

/// For people.
pub fn table(all: &[Matched]) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "\n{:<24} {:<24} {:>7} {:>6} {:>6}  ON BOTH",
        "AT OTHER DIALS", "FALSE AWAYS A MONTH (95 %)", "MISSED", "P50 S", "P95 S"
    );
    for matched in all {
        let rows = [
            (matched.rule.clone(), Some(matched.fixed), if matched.better_on_both { "better" } else { "not better" }),
            (named("as seldom wrong", matched.as_right), matched.as_right, ""),
            (named("as fast", matched.as_fast), matched.as_fast, ""),
        ];
        for (name, point, verdict) in rows {
            let Some(point) = point else {
                let _ = writeln!(out, "{name:<24} {:<24}", "at no dial");
                continue;
            };
            let [low, high] = point.ci95;
            let _ = writeln!(
                out,
                "{name:<24} {:<26} {:>7} {:>6} {:>6}  {verdict}",
                format!("{:.3} ({low:.3}-{high:.3})", point.false_aways_per_sleeper_month),
                point.missed_departures,
                seconds(point.p50_s),
                seconds(point.p95_s)
            );
        }
    }
    out
}

fn named(what: &str, point: Option<Point>) -> String {
    point.and_then(|point| point.dial).map_or_else(|| format!("  {what}"), |dial| format!("  {what}: {dial}"))
}

fn seconds(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::simulate::score::Total;

    fn figures(wrong: usize, delay: f64) -> Figures {
        let mut total = Total { sleeper_months: 100.0, ..Total::default() };
        total.sleepers.false_aways = vec![1.0; wrong];
        total.sleepers.delays = vec![delay; 20];
        total.figures()
    }

    #[test]
    fn a_rule_is_met_where_the_engine_is_as_right_and_where_it_is_as_fast() {
        let engine = [(1.0, figures(20, 400.0)), (0.1, figures(2, 900.0)), (10.0, figures(300, 190.0))];
        let rules = [
            // As right at dial 1, as fast at the same: both better.
            ("600s".to_owned(), figures(25, 599.0)),
            // As right nowhere, though faster everywhere.
            ("2700s".to_owned(), figures(0, 2_699.0)),
            // As right at the loosest, as fast nowhere.
            ("180s".to_owned(), figures(900, 179.0)),
        ];
        let all = matched(&engine, &rules);
        let dials = |at: usize| (all[at].as_right.and_then(|p| p.dial), all[at].as_fast.and_then(|p| p.dial));
        assert_eq!(dials(0), (Some(1.0), Some(1.0)));
        assert_eq!(dials(1), (None, Some(0.1)));
        assert_eq!(dials(2), (Some(10.0), None));
        assert_eq!(all.iter().map(|m| m.better_on_both).collect::<Vec<_>>(), [true, false, false]);
        let shown = table(&all);
        for says in ["600s", "as seldom wrong: 1 ", "at no dial", "better"] {
            assert!(shown.contains(says), "{says}\n{shown}");
        }
    }
}
