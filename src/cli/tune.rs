//! # `tune`: what other dials would have done here
//!
//! From what the running program learned of each phone and stored: how long departures would wait and how often
//! they would be wrong, at other dials and with fixed times. Changes nothing.

use serde::Serialize;

use super::{
    Context, Exit,
    recorded::{Recorded, to_stdout},
};
use crate::{
    model::DeviceView,
    presence::{Learned, Settings, WhatIf},
};

const DIALS: [f64; 5] = [0.1, 0.33, 1.0, 3.0, 10.0];
const FIXED_S: [f64; 3] = [180.0, 600.0, 2_700.0];

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only of this device: its id, name, MAC or address
    #[arg(value_name = "ID", value_hint = super::completions::DEVICE)]
    pub device: Option<String>,
}

/// One device.
#[derive(Debug, Serialize)]
struct Tuned {
    id: String,
    name: String,
    silences: u32,
    quality: &'static str,
    rules: Vec<Rule>,
}

/// One rule for it.
#[derive(Debug, Serialize)]
struct Rule {
    rule: String,
    /// The one in force.
    current: bool,
    false_aways_30d: f64,
    mean_wait_s: f64,
    away_after_s: Waits,
}

#[derive(Debug, Serialize)]
struct Waits {
    busy: f64,
    idle: f64,
    asleep: f64,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let recorded = Recorded::open(context)?;
    let settings = context.settings()?.engine().presence;
    let devices = match &args.device {
        Some(named) => vec![recorded.device(named)?],
        None => recorded.devices()?,
    };
    let tuned: Vec<Tuned> = devices.iter().filter_map(|device| tuned(device, &recorded, &settings)).collect();
    to_stdout(|out| {
        if recorded.json {
            return Ok(writeln!(out, "{}", recorded.line(&serde_json::json!({ "devices": tuned }))?)?);
        }
        if tuned.is_empty() {
            writeln!(out, "Nothing is learned yet: no phone, tablet, laptop or watch was mute while it was home.")?;
        }
        for device in &tuned {
            out.write_all(recorded.hidden(page(device)).as_bytes())?;
        }
        Ok(())
    })
}

fn tuned(device: &DeviceView, recorded: &Recorded, settings: &Settings) -> Option<Tuned> {
    if !device.kind.is_sleeper() {
        return None;
    }
    let learned = Learned::of(device)?;
    let (dial, stretch) = settings.of_view(device);
    let mut dials = DIALS.to_vec();
    if !dials.contains(&dial) {
        dials.push(dial);
        dials.sort_by(f64::total_cmp);
    }
    let mut rules: Vec<Rule> = dials
        .into_iter()
        .map(|other| rule(format!("dial {other}"), other.to_bits() == dial.to_bits(), learned.at_dial(other, stretch)))
        .collect();
    rules.extend(FIXED_S.map(|after| rule(format!("fixed {after} s"), false, learned.at_fixed(after))));
    Some(Tuned {
        id: device.id.to_string(),
        name: recorded.hidden_name(&device.name),
        silences: learned.spells(),
        quality: learned.quality(dial),
        rules,
    })
}

fn rule(rule: String, current: bool, what: WhatIf) -> Rule {
    let [busy, idle, asleep] = what.away_s.map(f64::round);
    Rule {
        rule,
        current,
        false_aways_30d: (what.false_aways * 1_000.0).round() / 1_000.0,
        mean_wait_s: what.wait_s.round(),
        away_after_s: Waits { busy, idle, asleep },
    }
}

fn page(device: &Tuned) -> String {
    let mut out = format!(
        "{} ({}): {} silences at home, {}\n{:<14} {:>15} {:>10}   {:>7} {:>7} {:>7}\n",
        device.name,
        device.id,
        device.silences,
        device.quality,
        "RULE",
        "FALSE A MONTH",
        "MEAN WAIT",
        "BUSY",
        "IDLE",
        "ASLEEP"
    );
    for rule in &device.rules {
        let waits = &rule.away_after_s;
        out.push_str(&format!(
            "{:<14} {:>15} {:>8} s   {:>5} s {:>5} s {:>5} s{}\n",
            rule.rule,
            format!("{:.2}", rule.false_aways_30d),
            rule.mean_wait_s,
            waits.busy,
            waits.idle,
            waits.asleep,
            if rule.current { "  now" } else { "" }
        ));
    }
    out.push('\n');
    out
}
