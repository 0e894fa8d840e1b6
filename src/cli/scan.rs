//! # `scan`: one look around
//!
//! One round of every scanner, a table or JSON, the end. Nothing is stored, nobody is told: a store that a look made
//! would keep a first start of `run` from finding out what the broker still knows of us. So whoever wants to know
//! more of a device asks in the same breath.

use std::{io::IsTerminal as _, sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::sync::watch;

use super::{
    Context, Exit, Failure, explain,
    fit::Fit,
    json,
    recorded::{self, Recorded, to_stdout},
    run, table,
};
use crate::{
    daemon::{self, Glance},
    model::{DeviceView, PointView},
    scanners::{self, Progress, SCANNERS},
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these scanners, with commas between
    #[arg(long, value_name = "SCANNER", value_delimiter = ',')]
    pub only: Vec<String>,
    /// At most so many seconds; by default 20, or an hour with --full-ports
    #[arg(long = "for", value_name = "SECONDS")]
    pub seconds: Option<u32>,
    /// Try all 65,535 TCP ports of every device, not only the usual ones
    #[arg(long)]
    pub full_ports: bool,
    /// Instead of the table: every fact of this device (address, MAC or name), and why it is called what it is
    #[arg(long, value_name = "DEVICE")]
    pub explain: Option<String>,
    /// Try ports anew, even where the store has an answer that is fresh
    #[arg(long)]
    pub rescan_ports: bool,
}

/// At 500 ports a second, an hour does 27 devices.
const FULL_S: u32 = 3600;

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let names: Vec<&str> = SCANNERS.iter().map(|row| row.card.id).chain(["capture"]).collect();
    for name in &args.only {
        if !names.contains(&name.as_str()) {
            let near = names.iter().map(|known| (strsim::osa_distance(known, name), *known)).min();
            let advice = match near {
                Some((distance, known)) if distance <= 3 => format!("porchlight scan --only {known}"),
                _ => format!("one of {}", names.join(", ")),
            };
            return Err(Failure::usage(format!("no scanner is called {name}")).advise(advice).into());
        }
    }
    super::vendors::take_newer(context);
    let mut settings = context.settings()?.clone();
    settings.scanners.ports.full |= args.full_ports;
    if !args.rescan_ports {
        settings.scanners.ports.known = remembered(context);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let progress = Arc::new(watch::Sender::new(Progress::default()));
    let at_most = Duration::from_secs(args.seconds.unwrap_or(if args.full_ports { FULL_S } else { 20 }).into());
    let glance = runtime.block_on(async {
        if std::io::stderr().is_terminal() {
            tokio::spawn(bar(progress.subscribe()));
        }
        tokio::select! {
            glance = daemon::scan(settings, args.only.clone(), at_most, Arc::clone(&progress)) => Some(glance),
            _ = tokio::signal::ctrl_c() => None,
        }
    });
    runtime.shutdown_timeout(Duration::from_millis(300));
    let Some(glance) = glance else { return Ok(Exit::Interrupted) };
    let glance = glance.map_err(run::daemon_failure)?;
    match &args.explain {
        Some(named) => explain_seen(&glance, named, context),
        None => show(&glance, context),
    }
}

/// All that this one look saw of the device `named`.
fn explain_seen(glance: &Glance, named: &str, context: &Context) -> anyhow::Result<Exit> {
    let fit = Fit(context.redactor()?);
    let devices = glance.view.devices.values().map(|device| DeviceView::clone(device)).collect();
    let view = fit.device(&recorded::find(devices, named)?);
    let text = if context.json() {
        explain::device_json(&view).to_string() + "\n"
    } else {
        explain::device(&view, context.wall())
    };
    to_stdout(|out| Ok(out.write_all(fit.text(text).as_bytes())?))
}

/// What the store knows of ports; nothing, if there is no store or it may not be read.
fn remembered(context: &Context) -> scanners::ports::Known {
    let devices = Recorded::open(context).and_then(|recorded| recorded.devices());
    devices.map(|devices| scanners::ports::known(&devices)).unwrap_or_default()
}

fn show(glance: &Glance, context: &Context) -> anyhow::Result<Exit> {
    let fit = Fit(context.redactor()?);
    let devices: Vec<DeviceView> = glance.view.devices.values().map(|device| fit.device(device)).collect();
    let points: Vec<PointView> = glance.view.air.points.iter().map(|point| fit.point(point)).collect();
    to_stdout(|out| {
        if context.json() {
            let points: Vec<_> = points.iter().map(json::AccessPoint::from).collect();
            let devices: Vec<_> = devices.iter().map(json::Device::from).collect();
            let scanners: Vec<_> = glance.scanners.iter().map(json::Health::from).collect();
            let text = json!({"devices": devices, "access_points": points, "scanners": scanners}).to_string();
            return Ok(writeln!(out, "{}", fit.text(text))?);
        }
        let colour = context.colour() && std::io::stdout().is_terminal();
        out.write_all(fit.text(table::devices(&devices, context.wall(), colour)).as_bytes())?;
        if !points.is_empty() {
            out.write_all(fit.text(table::points(&points, colour)).as_bytes())?;
        }
        for line in &glance.scanners {
            if let Some(why) = line.health.why() {
                writeln!(out, "{}: {why}", line.name)?;
            }
        }
        Ok(())
    })
}

async fn bar(mut progress: watch::Receiver<Progress>) {
    let bar = ProgressBar::new(1);
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} looking around {wide_bar} {pos}/{len} scanners {msg}{elapsed}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    while progress.changed().await.is_ok() {
        let now = *progress.borrow();
        if now.ports_of > 0 {
            bar.set_message(format!("port {} of {} ", now.ports, now.ports_of));
        }
        bar.set_length(u64::from(now.total.max(1)));
        bar.set_position(u64::from(now.done));
        if now.total > 0 && now.done >= now.total {
            break;
        }
    }
    bar.finish_and_clear();
}
