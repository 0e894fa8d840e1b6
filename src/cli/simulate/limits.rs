//! # What is told of a simulation
//!
//! The figures of all runs together, the limits that they break, and a table for people.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;
use serde_json::Value;

use super::{
    dials::{self, Matched},
    home::Span,
    score::{Figures, OfDevice, Total},
    world::Outcome,
};

/// Gathers runs.
#[derive(Debug)]
pub struct Report {
    seed: u64,
    months: u32,
    runs: u32,
    engine: Total,
    rules: BTreeMap<u64, Total>,
    devices: BTreeMap<String, Vec<OfDevice>>,
    /// The engine by dial.
    dials: Vec<(f64, Figures)>,
}

/// What is printed. The names are those of the format.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    pub seed: u64,
    pub months: u32,
    pub engine: Figures,
    pub rules: serde_json::Map<String, Value>,
    pub by_device: BTreeMap<String, OfDevice>,
    pub failed: Vec<String>,
    /// Only if other dials were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matched: Vec<Matched>,
}

impl Report {
    pub fn new(seed: u64, months: u32) -> Report {
        Report {
            seed,
            months,
            runs: 0,
            engine: Total::default(),
            rules: BTreeMap::new(),
            devices: BTreeMap::new(),
            dials: Vec::new(),
        }
    }

    pub fn add(&mut self, outcome: Outcome) {
        self.runs += 1;
        self.engine.add(&outcome.engine);
        for (after, total) in &outcome.rules {
            self.rules.entry(*after).or_default().add(total);
        }
        for (name, device) in outcome.devices {
            self.devices.entry(name).or_default().push(device);
        }
    }

    /// All runs at another dial.
    pub fn at_dial(&mut self, dial: f64, total: &Total) {
        self.dials.push((dial, total.figures()));
    }

    pub fn told(self, fail_if: &BTreeMap<String, Value>) -> Told {
        let engine = self.engine.figures();
        let failed = fail_if.iter().filter_map(|(key, limit)| broken(&engine, key, limit)).collect();
        let rules: Vec<(String, Figures)> =
            self.rules.iter().map(|(after, total)| (format!("{after}s"), total.figures())).collect();
        let matched = if self.dials.is_empty() { Vec::new() } else { dials::matched(&self.dials, &rules) };
        let rules = rules.into_iter().map(|(name, of)| (name, serde_json::to_value(of).unwrap_or_default()));
        Told {
            seed: self.seed,
            months: self.months,
            rules: rules.collect(),
            by_device: self
                .devices
                .into_iter()
                .filter_map(|(name, all)| Some((name, OfDevice::together(all)?)))
                .collect(),
            engine,
            failed,
            matched,
        }
    }
}

/// What is said of a limit that does not hold.
fn broken(engine: &Figures, key: &str, limit: &Value) -> Option<String> {
    let bound = match limit {
        Value::Number(number) => number.as_f64(),
        _ => serde_json::from_value::<Span>(limit.clone()).ok().map(|span| span.0),
    };
    let Some(bound) = bound else { return Some(format!("{key}: `{limit}` is no limit")) };
    let value = match key {
        "false_aways_per_sleeper_month" => Some(engine.false_aways_per_sleeper_month),
        "false_aways" => Some(engine.false_aways as f64),
        "missed_departures" => Some(engine.missed_departures as f64),
        "first_month_false_aways" => Some(engine.first_month_false_aways as f64),
        "mass_departures" => Some(engine.mass_departures as f64),
        "wrong_joins" | "joins_wrong" => Some(engine.joins_wrong as f64),
        "departure_p50_phone" => engine.departure_s.phone.p50,
        "departure_p90_phone" => engine.departure_s.phone.p90,
        "departure_p95_phone" => engine.departure_s.phone.p95,
        "departure_p50_fixed" => engine.departure_s.fixed.p50,
        "departure_p90_fixed" => engine.departure_s.fixed.p90,
        "departure_p95_fixed" => engine.departure_s.fixed.p95,
        "arrival_p50" => engine.arrival_s.p50,
        "arrival_p95" => engine.arrival_s.p95,
        "arrival_p99" => engine.arrival_s.p99,
        "asks_per_device_day" => Some(engine.asks_per_device_day),
        "joins_found_with_key_fact" => {
            let part = engine.joins_found_with_key_fact?;
            return (part < bound).then(|| format!("{key}: {part} < {bound}"));
        }
        _ => return Some(format!("{key}: no such limit")),
    }?;
    (value > bound).then(|| format!("{key}: {value} > {bound}"))
}

fn seconds(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.0}"))
}

impl Told {
    /// For people.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let line = |out: &mut String, cells: [String; 8]| {
            let [rule, wrong, missed, p50, p90, p95, fixed, mass] = cells;
            let _ =
                writeln!(out, "{rule:<8} {wrong:<24} {missed:>13}  {p50:>6} {p90:>6} {p95:>6}  {fixed:>9}  {mass:>6}");
        };
        let _ = writeln!(
            out,
            "{:.1} device-months measured, after the warm-up; seed {}\n",
            self.engine.sleeper_months, self.seed
        );
        line(
            &mut out,
            [
                "RULE".into(),
                "FALSE AWAYS A MONTH (95 %)".into(),
                "MISSED".into(),
                "P50 S".into(),
                "P90 S".into(),
                "P95 S".into(),
                "FIXED P95".into(),
                "MASS".into(),
            ],
        );
        let mut rows: Vec<(String, Value)> =
            self.rules.iter().map(|(name, figures)| (name.clone(), figures.clone())).collect();
        rows.insert(0, ("engine".into(), serde_json::to_value(&self.engine).unwrap_or_default()));
        for (name, of) in rows {
            let number = |path: &str| of.pointer(path).and_then(Value::as_f64);
            let whole = |path: &str| number(path).unwrap_or_default() as u64;
            let rate = format!(
                "{:.3} ({:.3}-{:.3})",
                number("/false_aways_per_sleeper_month").unwrap_or_default(),
                number("/ci95/0").unwrap_or_default(),
                number("/ci95/1").unwrap_or_default()
            );
            line(
                &mut out,
                [
                    name,
                    rate,
                    format!("{} of {}", whole("/missed_departures"), whole("/departures")),
                    seconds(number("/departure_s/phone/p50")),
                    seconds(number("/departure_s/phone/p90")),
                    seconds(number("/departure_s/phone/p95")),
                    seconds(number("/departure_s/fixed/p95")),
                    whole("/mass_departures").to_string(),
                ],
            );
        }
        let engine = &self.engine;
        let _ = writeln!(
            out,
            "\narrival: p50 {} s, p95 {} s, p99 {} s after the first frame; questions: {} a device and day; first month: {} false",
            engine.arrival_s.p50.map_or_else(|| "-".into(), |value| format!("{value:.2}")),
            engine.arrival_s.p95.map_or_else(|| "-".into(), |value| format!("{value:.2}")),
            engine.arrival_s.p99.map_or_else(|| "-".into(), |value| format!("{value:.2}")),
            engine.asks_per_device_day,
            engine.first_month_false_aways,
        );
        if engine.rotations > 0 {
            let _ = writeln!(
                out,
                "new addresses: {}, of which {} joined ({} of those with a key fact), {} joined wrongly",
                engine.rotations,
                engine.joins_found,
                engine.joins_found_with_key_fact.map_or_else(|| "-".into(), |part| format!("{:.0} %", part * 100.0)),
                engine.joins_wrong
            );
        }
        let _ = writeln!(
            out,
            "\n{:<24} {:<8} {:>5} {:>12} {:>6} {:>6}  QUALITY",
            "DEVICE", "KIND", "FALSE", "MISSED", "P50 S", "P95 S"
        );
        for (name, device) in &self.by_device {
            let _ = writeln!(
                out,
                "{name:<24} {:<8} {:>5} {:>12} {:>6} {:>6}  {}",
                device.kind,
                device.false_aways,
                format!("{} of {}", device.missed_departures, device.departures),
                seconds(device.departure_s.p50),
                seconds(device.departure_s.p95),
                device.quality
            );
        }
        if !self.matched.is_empty() {
            out.push_str(&dials::table(&self.matched));
        }
        for failed in &self.failed {
            let _ = writeln!(out, "\nfailed: {failed}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_break_or_are_unknown() {
        let mut total = Total { sleeper_months: 10.0, key_rotations: 10, key_joined: 8, ..Total::default() };
        total.sleepers.false_aways = vec![1.0; 15];
        total.sleepers.delays = vec![700.0];
        let figures = total.figures();
        for (key, limit, holds) in [
            ("false_aways_per_sleeper_month", Value::from(2.0), true),
            ("false_aways_per_sleeper_month", Value::from(1.0), false),
            ("departure_p95_phone", Value::from("12m"), true),
            ("departure_p95_phone", Value::from("600s"), false),
            ("departure_p95_fixed", Value::from("1s"), true), // nothing fixed left
            ("joins_found_with_key_fact", Value::from(0.9), false),
            ("joins_found_with_key_fact", Value::from(0.8), true),
            ("colour", Value::from(1), false),
            ("mass_departures", Value::from("many"), false),
        ] {
            assert_eq!(broken(&figures, key, &limit).is_none(), holds, "{key} {limit}");
        }
    }
}
