//! # `simulate`: an invented home through the real engine
//!
//! Reads the home, plays it as often as asked for, prints what came of it beside fixed times. What the figures
//! mean is told in `docs/PRESENCE.md`.

use std::{fmt::Write as _, fs, io::IsTerminal as _, path::PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use super::{Context, Exit, Failure};
use crate::{detectors, presence::DIALS};

pub mod dials;
pub mod dice;
pub mod home;
pub mod limits;
pub mod schedule;
pub mod score;
pub mod timeline;
pub mod world;

use home::Home;
use limits::Report;
use score::Total;
use world::{Outcome, Plan};

/// Months and runs at most: a mistyped number must not run for ever.
const MONTHS_MAX: u32 = 120;
const SEEDS_MAX: u32 = 1_000;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The home: people, devices, how they sleep, what breaks
    #[arg(value_name = "HOME.yaml", value_hint = clap::ValueHint::FilePath)]
    pub home: PathBuf,
    /// Months that are measured, after the home's warm-up; without it those of the home
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MONTHS_MAX as i64))]
    pub months: Option<u32>,
    /// Where chance begins; without it the home's own
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// So many runs, each with the next seed, counted together
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=SEEDS_MAX as i64))]
    pub seeds: u32,
    /// False aways a month that are allowed, instead of `presence.false_away_per_month`
    #[arg(long, value_name = "N")]
    pub dial: Option<f64>,
    /// Also with these other dials, one run of all seeds each: where every fixed time is met by one that errs no
    /// oftener, and by one that is no slower. Without numbers with eleven of them
    #[arg(long, value_name = "N,N", value_delimiter = ',', num_args = 0..=1, require_equals = true,
          default_missing_value = dials::DIALS)]
    pub dials: Vec<f64>,
    /// A picture of each device, truth against each rule, into this folder (of the first run)
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub timeline: Option<PathBuf>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let home = read(&args.home)?;
    for key in home.unknown_keys() {
        eprintln!("{}: `{key}` means nothing here", args.home.display());
    }
    let mut settings = context.settings()?.engine();
    if args.dial.iter().chain(&args.dials).any(|dial| !DIALS.contains(dial)) {
        return Err(Failure::usage("a dial lies between 0.01 and 300").into());
    }
    // They change nothing of who is home, and would take a quarter of the time.
    settings.detectors = detectors::Settings::off();
    if let Some(dial) = args.dial {
        settings.presence.false_away_per_month = dial;
    }
    let months = args.months.unwrap_or(home.months).clamp(1, MONTHS_MAX);
    let seed = args.seed.unwrap_or(home.seed);
    let bar = bar();
    let mut report = Report::new(seed, months);
    let dial = settings.presence.false_away_per_month;
    let others: Vec<f64> = args.dials.iter().copied().filter(|other| other.to_bits() != dial.to_bits()).collect();
    let all = f64::from(args.seeds) * (others.len() + 1) as f64;
    let mut done = 0.0;
    for (place, dial) in std::iter::once(dial).chain(others).enumerate() {
        settings.presence.false_away_per_month = dial;
        let mut total = Total::default();
        for run in 0..args.seeds {
            let plan = Plan { seed: seed.wrapping_add(run.into()), months, settings: settings.clone() };
            let outcome =
                world::play(&home, &plan, &mut |part| bar.set_position(((done + part) / all * 1_000.0) as u64));
            done += 1.0;
            total.add(&outcome.engine);
            if place > 0 {
                continue;
            }
            if run == 0
                && let Some(folder) = &args.timeline
            {
                draw(folder, &outcome)?;
            }
            report.add(outcome);
        }
        if !args.dials.is_empty() {
            report.at_dial(dial, &total);
        }
    }
    bar.finish_and_clear();
    let told = report.told(&home.fail_if);
    if context.json() {
        println!("{}", serde_json::to_string(&told)?);
    } else {
        print!("{}", told.table());
    }
    Ok(if told.failed.is_empty() { Exit::Done } else { Exit::Failed })
}

/// The home of a file.
///
/// # Errors
/// What is wrong with it, with the file's name.
fn read(path: &std::path::Path) -> anyhow::Result<Home> {
    let named = |what: String| Failure::usage(format!("{}: {what}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
    let value: serde_json::Value = serde_saphyr::from_str(&text).map_err(|error| named(error.to_string()))?;
    Ok(Home::of(value).map_err(named)?)
}

fn draw(folder: &std::path::Path, outcome: &Outcome) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    for line in &outcome.lines {
        let mut name = String::new();
        for c in line.name.chars() {
            let _ = write!(name, "{}", if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '_' });
        }
        fs::write(folder.join(format!("{name}.svg")), timeline::svg(line, outcome.span))?;
    }
    Ok(())
}

fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(1_000);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent} %, {eta} left") {
        bar.set_style(style);
    }
    bar
}
