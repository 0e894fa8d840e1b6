//! # The command line
//!
//! One verb, one file: `pub struct Args` and `pub fn run(&Args, &Context) -> anyhow::Result<Exit>`.
//! A new verb is a `pub mod`, a variant of [`Verb`] and a line in `act`.
//!
//! Exit codes: 0 done · 1 failed while working · 2 the command line or the settings are wrong,
//! nothing was started · 3 what was asked for is not there · 4 not permitted · 130 interrupted.
//! stdout is the result, stderr the talk; with `--json` stdout holds JSON alone.

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub mod alert;
pub mod alerts;
pub mod blueprints;
pub mod complete;
pub mod completions;
pub mod config;
pub mod context;
pub mod control;
pub mod dashboard;
pub mod device;
pub mod devices;
pub mod doctor;
pub mod event_log;
pub mod events;
pub mod examples;
pub mod exit;
pub mod explain;
pub mod export;
pub mod fit;
pub mod global;
pub mod hands;
pub mod health;
pub mod import;
pub mod json;
pub mod logs;
pub mod man;
pub mod recorded;
pub mod redact;
pub mod replay;
pub mod report;
pub mod run;
pub mod scan;
pub mod simulate;
pub mod summary;
pub mod table;
pub mod tune;
pub mod vendors;
pub mod windows;

pub use context::Context;
pub use global::Global;
pub use report::{Exit, Failure};

/// Tells a home who is here and what is wrong.
///
/// Watches the network, decides who is at home and what is odd, and tells Home Assistant over MQTT.
/// Without a verb it does its work: the same as `porchlight run`.
#[derive(Debug, Parser)]
#[command(name = "porchlight", version, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Watches, decides and tells, until ended: the daemon
    Run(run::Args),
    /// One look around: one round of every scanner, then the end
    Scan(scan::Args),
    /// Devices, those at home first
    Devices(devices::Args),
    /// When devices were here
    Windows(windows::Args),
    /// What happened, one line each
    Events(events::Args),
    /// What was odd
    Alerts(alerts::Args),
    /// Devices, windows or alerts for other programs
    Export(export::Args),
    /// Capture files through the daemon's own path
    Replay(replay::Args),
    /// An invented home, months of it, through the daemon's own core: how often presence is wrong
    Simulate(simulate::Args),
    /// What other dials would have done here, from what was learned of each phone
    Tune(tune::Args),
    /// Why a device has its name, kind and presence; what a detector or scanner does
    Explain(explain::Args),
    /// What is wrong here, and the command that mends it
    Doctor(doctor::Args),
    /// Checks and shows the settings
    Config(config::Args),
    /// A page for Home Assistant, made from the devices known
    Dashboard(dashboard::Args),
    /// Automations for Home Assistant
    Blueprints(blueprints::Args),
    /// A period in numbers, and how risky it was
    Summary(summary::Args),
    /// Whether the running daemon is well: one line, exit 0 or 1
    Health(health::Args),
    /// Changes what is known of a device
    Device(device::Args),
    /// The table of makers: its age, and a newer one
    Vendors(vendors::Args),
    /// Answers an alert
    Alert(alert::Args),
    /// Completions for a shell, to stdout
    Completions(completions::Args),
    /// The manual page, to stdout
    Man(man::Args),
    /// For completions of shells
    #[command(hide = true)]
    Complete(complete::Args),
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let matches = match examples::add(Cli::command()).try_get_matches() {
        Ok(matches) => matches,
        // Help and version are results (stdout, 0); the rest is a wrong command line (stderr, 2).
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            return if error.print().is_ok() || exit == Exit::Done { exit.into() } else { Exit::Failed.into() };
        }
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return Exit::Usage.into();
        }
    };
    let context = Context::of_process(cli.global);
    match act(cli.verb, &context) {
        Ok(exit) => exit.into(),
        Err(error) => {
            let (text, exit) = report::render(&error);
            eprint!("{text}");
            exit.into()
        }
    }
}

fn act(verb: Option<Verb>, context: &Context) -> anyhow::Result<Exit> {
    match verb {
        Some(Verb::Run(args)) => run::run(&args, context),
        Some(Verb::Scan(args)) => scan::run(&args, context),
        Some(Verb::Replay(args)) => replay::run(&args, context),
        Some(Verb::Tune(args)) => tune::run(&args, context),
        Some(Verb::Simulate(args)) => simulate::run(&args, context),
        Some(Verb::Dashboard(args)) => dashboard::run(&args, context),
        Some(Verb::Blueprints(args)) => blueprints::run(&args, context),
        Some(Verb::Devices(args)) => devices::run(&args, context),
        Some(Verb::Windows(args)) => windows::run(&args, context),
        Some(Verb::Events(args)) => events::run(&args, context),
        Some(Verb::Alerts(args)) => alerts::run(&args, context),
        Some(Verb::Export(args)) => export::run(&args, context),
        Some(Verb::Explain(args)) => explain::run(&args, context),
        Some(Verb::Doctor(args)) => doctor::run(&args, context),
        Some(Verb::Config(args)) => config::run(&args, context),
        Some(Verb::Summary(args)) => summary::run(&args, context),
        Some(Verb::Health(args)) => health::run(&args, context),
        Some(Verb::Device(args)) => device::run(&args, context),
        Some(Verb::Vendors(args)) => vendors::run(&args, context),
        Some(Verb::Alert(args)) => alert::run(&args, context),
        Some(Verb::Completions(args)) => completions::run(&args, context),
        Some(Verb::Man(args)) => man::run(&args, context),
        Some(Verb::Complete(args)) => complete::run(&args, context),
        None => run::run(&run::Args::default(), context),
    }
}
