//! # `replay` on the command line

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{Conversation, Ears, FileStats, Replayed, indicators, page, replay_knowing, score};
use crate::{
    capture::CaptureError,
    cli::{Context, Exit, Failure, export::into_file, fit::Fit, json as shapes, recorded::to_stdout, table},
    daemon,
    model::{AirView, PointView, Wall, clean_text},
};

/// Rows shown to people; all are in `--json` and in the report.
const SHOWN_MAX: usize = 12;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// pcap, pcapng or snoop, plain or gzipped
    #[arg(required_unless_present = "score", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Play every capture this index names and say how many attacks were raised
    #[arg(long, value_name = "INDEX.tsv", value_hint = clap::ValueHint::FilePath, conflicts_with_all = ["files", "report"])]
    pub score: Option<PathBuf>,
    /// Write what one number per detector would make of these captures: how sure each may be
    #[arg(long, value_name = "FILE.tsv", value_hint = clap::ValueHint::FilePath, requires = "score")]
    pub fit: Option<PathBuf>,
    /// Only the frames that the running daemon would take from a wire, and as much of each: what it would have told
    #[arg(long)]
    pub as_live: bool,
    /// Write a page about it: HTML that stands alone, readable for you alone
    #[arg(long, value_name = "FILE.html", value_hint = clap::ValueHint::FilePath)]
    pub report: Option<PathBuf>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let ears = if args.as_live { Ears::Live } else { Ears::All };
    if let Some(index) = &args.score {
        return scored(index, ears, args.fit.as_deref(), context);
    }
    let lists = indicators(context.settings()?, context.state_dir().ok().as_deref(), context.wall());
    let mut replayed = replay_knowing(&args.files, context.settings()?, ears, &lists, cpu_seconds).map_err(failure)?;
    let fit = Fit(context.redactor()?);
    replayed.devices.iter_mut().for_each(|device| *device = Arc::new(fit.device(device)));
    replayed.alerts.iter_mut().for_each(|alert| *alert = Arc::new(fit.alert(alert)));
    let points: Vec<PointView> = replayed.air.points.iter().map(|point| fit.point(point)).collect();
    replayed.air = Arc::new(AirView { points, dropped: replayed.air.dropped });
    if let Some(path) = &args.report {
        let page = page::page(&replayed, &fit, context.wall())?;
        into_file(path, |out| Ok(out.write_all(page.as_bytes())?))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    to_stdout(|out| {
        if context.json() {
            let text = serde_json::to_string(&shape(&replayed, &fit))?;
            return Ok(writeln!(out, "{}", fit.text(text))?);
        }
        let now = replayed.files.iter().filter_map(|file| file.to).max().unwrap_or_else(|| context.wall());
        for file in &replayed.files {
            let cut = if file.truncated { ", cut short" } else { "" };
            writeln!(out, "{}: {} frames, {} bytes{cut}", fit.file(&file.path), file.packets, file.bytes)?;
        }
        let colour = context.colour() && std::io::IsTerminal::is_terminal(&std::io::stdout());
        let devices: Vec<_> = replayed.devices.iter().map(|device| (**device).clone()).collect();
        out.write_all(fit.text(table::devices(&devices, now, colour)).as_bytes())?;
        if !replayed.air.points.is_empty() {
            out.write_all(fit.text(table::points(&replayed.air.points, colour)).as_bytes())?;
            if replayed.air.points.iter().all(|point| !point.own) {
                writeln!(
                    out,
                    "None is known to be yours, so their devices are only counted: name it with --set 'presence.wifi_networks=[NAME]'."
                )?;
            }
        }
        let alerts: Vec<_> = replayed.alerts.iter().map(|alert| (**alert).clone()).collect();
        if !alerts.is_empty() {
            out.write_all(fit.text(table::alerts(&alerts, now, colour)).as_bytes())?;
        }
        out.write_all(fit.text(spoken(&replayed, colour)).as_bytes())?;
        Ok(())
    })
}

fn scored(index: &Path, ears: Ears, fitted: Option<&Path>, context: &Context) -> anyhow::Result<Exit> {
    let told = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let scored = score::score(index, context.settings()?, ears, &cpu_seconds, |at, all, file| {
        if told {
            eprint!("\r\x1b[K{at}/{all} {file}");
        }
    })
    .with_context(|| format!("cannot play {}", index.display()))?;
    if told {
        eprint!("\r\x1b[K");
    }
    if let Some(path) = fitted {
        into_file(path, |out| Ok(out.write_all(scored.calibration().as_bytes())?))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    to_stdout(|out| {
        if context.json() {
            return Ok(writeln!(out, "{}", serde_json::to_string(&scored)?)?);
        }
        Ok(write!(out, "{}", scored.table())?)
    })
}

fn failure(error: CaptureError) -> Failure {
    let missing = std::error::Error::source(&error)
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .is_some_and(|source| source.kind() == std::io::ErrorKind::NotFound);
    let failure = Failure::new(if missing { Exit::Missing } else { Exit::Failed }, daemon::with_source(&error));
    match error.advice() {
        Some(advice) => failure.advise(advice),
        None => failure,
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a rate, for people
fn shape(replayed: &Replayed, fit: &Fit) -> shapes::Replay {
    shapes::Replay {
        files: replayed.files.iter().map(|stats| file(stats, fit)).collect(),
        alerts: replayed.alerts.iter().map(|alert| shapes::Alert::from(&**alert)).collect(),
        devices: replayed.devices.iter().map(|device| shapes::Device::from(&**device)).collect(),
        access_points: replayed.air.points.iter().map(shapes::AccessPoint::from).collect(),
        conversations: replayed.conversations.iter().map(conversation).collect(),
        protocols: replayed.protocols.iter().map(|(name, frames)| ((*name).to_owned(), *frames)).collect(),
        credentials: replayed.credentials.iter().map(|one| credential(one, fit)).collect(),
        packets_per_second: replayed.packets_per_second as u64,
        cpu_seconds: replayed.cpu_seconds,
    }
}

fn file(stats: &FileStats, fit: &Fit) -> shapes::ReplayFile {
    let time = |at: Option<Wall>| at.map(|at| at.to_string());
    shapes::ReplayFile {
        path: fit.file(&stats.path),
        packets: stats.packets,
        bytes: stats.bytes,
        truncated: stats.truncated,
        link: stats.link.map(str::to_owned),
        from: time(stats.from),
        to: time(stats.to),
    }
}

/// Logins in the clear, who spoke most, and by what.
fn spoken(replayed: &Replayed, colour: bool) -> String {
    let mut out = String::new();
    if !replayed.credentials.is_empty() {
        out.push_str("\nLogins anybody could read, masked\n");
        for one in replayed.credentials.iter().take(SHOWN_MAX) {
            out.push_str(&format!("  {}  {}  {} -> {}\n", one.protocol, clean_text(&one.user, 40), one.from, one.to));
        }
    }
    if !replayed.conversations.is_empty() {
        let rows: Vec<[String; 6]> = replayed
            .conversations
            .iter()
            .take(SHOWN_MAX)
            .map(|talk| {
                let port = talk.port.map_or_else(|| "-".to_owned(), |port| port.to_string());
                let (a, b) = (talk.a.to_string(), talk.b.to_string());
                [a, b, talk.protocol.to_owned(), port, talk.packets.to_string(), talk.bytes.to_string()]
            })
            .collect();
        out.push('\n');
        out.push_str(&table::plain(&["between", "and", "protocol", "port", "frames", "bytes"], &rows, colour));
    }
    let mut protocols: Vec<(String, u64)> =
        replayed.protocols.iter().map(|(name, frames)| ((*name).to_owned(), *frames)).collect();
    protocols.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    if !protocols.is_empty() {
        out.push_str("\nFrames by protocol\n");
        out.push_str(&table::pairs(&protocols));
    }
    out
}

fn credential(one: &super::Credential, fit: &Fit) -> Value {
    json!({
        "protocol": one.protocol, "user_masked": fit.name(&one.user), "secret_length": one.length, "from": one.from,
        "to": one.to, "at": one.at.to_string(),
    })
}

fn conversation(talk: &Conversation) -> Value {
    json!({
        "a": talk.a.to_string(), "b": talk.b.to_string(), "protocol": talk.protocol, "port": talk.port,
        "packets": talk.packets, "bytes": talk.bytes,
    })
}

/// Processor time of this process (`clock_gettime(2)`, `CLOCK_PROCESS_CPUTIME_ID`).
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
