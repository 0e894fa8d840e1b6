//! # `doctor`: what is wrong here, and the command that mends it
//!
//! Each check is a small function of its own that looks at one thing and says what it found. A
//! check that fails names one command or one setting. Nothing is changed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::{Value as Json, json};

use super::{
    context::Context,
    control,
    report::{Exit, say, say_json},
};
use crate::{
    model::Wall,
    settings::{Settings, SettingsError},
};

mod broker;
mod homeassistant;
mod host;
mod tls;
mod witness;

/// A daemon that does not answer in time is looked at by `porchlight health`.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub struct Args {}

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub name: String,
    pub ok: bool,
    pub found: String,
    /// The command or setting that mends it.
    pub mend: Option<String>,
}

impl Check {
    pub fn well(name: impl Into<String>, found: impl Into<String>) -> Check {
        Check { name: name.into(), ok: true, found: found.into(), mend: None }
    }
    pub fn fails(name: impl Into<String>, found: impl Into<String>, mend: impl Into<String>) -> Check {
        Check { name: name.into(), ok: false, found: found.into(), mend: Some(mend.into()) }
    }
}

/// What the checks look at.
pub struct Here<'a> {
    pub settings: &'a Settings,
    pub env: &'a BTreeMap<String, String>,
    pub credentials: Option<PathBuf>,
    pub state_dir: Option<PathBuf>,
    /// As `http://supervisor`, with the token of this app; `None` outside of it.
    pub supervisor: Option<(String, String)>,
    pub wall: Wall,
}

pub fn run(_args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let defaults = Settings::default();
    let (mut checks, settings) = match context.loaded() {
        Ok(loaded) => (vec![settings_read(loaded.file.as_deref())], &loaded.settings),
        // The rest is still worth a look, with the defaults.
        Err(error) => (vec![settings_broken(&error)], &defaults),
    };
    let state_dir = crate::settings::state_dir::locate(
        context.global.state_dir.as_deref(),
        settings,
        &context.sources.env,
        context.sources.is_app(),
    );
    let here = Here {
        settings,
        env: &context.sources.env,
        credentials: context.credentials(),
        state_dir: state_dir.as_ref().ok().cloned(),
        supervisor: supervisor(context),
        wall: context.wall(),
    };
    checks.push(host::raw_capture());
    checks.push(host::network_admin());
    checks.extend(host::interfaces(&here));
    checks.push(host::clock(&here));
    checks.extend(here.state_dir.as_deref().and_then(host::set_aside));
    checks.push(host::state_folder(state_dir));
    checks.push(witness::check(&here));
    checks.extend(tls::files(&here));
    checks.extend(here.state_dir.as_deref().and_then(packets));
    checks.extend(here.state_dir.as_deref().into_iter().flat_map(heard));
    super::vendors::take_newer(context);
    checks.push(Check::well("makers", super::vendors::found(here.wall)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        checks.extend(homeassistant::supervisor(&here).await);
        checks.push(broker::check(&here).await);
        checks.extend(homeassistant::checks(&here).await);
    });
    let failing = checks.iter().filter(|check| !check.ok).count();
    if context.json() {
        say_json(&as_json(&checks))?;
    } else {
        say(&text(&checks))?;
    }
    Ok(if failing == 0 { Exit::Done } else { Exit::Failed })
}

/// `SUPERVISOR_URL` is for tests and odd networks.
fn supervisor(context: &Context) -> Option<(String, String)> {
    let token = context.env("SUPERVISOR_TOKEN")?;
    let url = context.env("SUPERVISOR_URL").unwrap_or("http://supervisor");
    Some((url.trim_end_matches('/').to_owned(), token.to_owned()))
}

/// What a running daemon puts on the network: nothing to mend, but people ask.
fn packets(state_dir: &Path) -> Option<Check> {
    let health = control::ask(state_dir, "bridge/health", serde_json::Map::new(), PATIENCE).ok()?;
    Some(Check::well("packets sent", sent(&health["packets"])?))
}

fn sent(packets: &Json) -> Option<String> {
    let by = packets["by_scanner"].as_object()?.iter().map(|(name, sent)| format!("{name} {sent}"));
    let (total, since) = (packets["sent"].as_u64()?, packets["since"].as_str()?);
    let by = by.collect::<Vec<_>>().join(", ");
    Some(format!("{} a second, {total} since {since}: {by}", packets["per_second"].as_f64()?))
}

/// What the running daemon heard in pieces (much that overlaps is somebody who hides what they send), and what it could
/// not hear.
fn heard(state_dir: &Path) -> Vec<Check> {
    let Ok(health) = control::ask(state_dir, "health", serde_json::Map::new(), PATIENCE) else { return Vec::new() };
    let pieces = torn(&health["pieces"]).map(|text| Check::well("heard in pieces", text));
    let lost = health["frames_lost"].as_u64().map(|lost| Check::well("frames lost", format!("{lost} since the start")));
    pieces.into_iter().chain(lost).collect()
}

fn torn(pieces: &Json) -> Option<String> {
    let count = |key: &str| pieces[key].as_u64();
    Some(format!(
        "{} packets joined, {} thrown away for overlaps, {} odd pieces, {} never whole; of streams {} holes, {} repeats",
        count("joined")?,
        count("overlapped")?,
        count("refused")?,
        count("given_up")?,
        count("gaps")?,
        count("repeated")?
    ))
}

fn settings_read(file: Option<&Path>) -> Check {
    Check::well("settings", file.map_or_else(|| "defaults, no file".into(), |file| file.display().to_string()))
}

fn settings_broken(error: &SettingsError) -> Check {
    let found = error.to_string();
    let found = found.lines().map(str::trim).collect::<Vec<_>>().join(" · ");
    Check::fails("settings", found, "porchlight config check")
}

/// Aligned, the most important word first.
#[must_use]
pub fn text(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.chars().count()).filter(|n| *n <= 40).max().unwrap_or(0);
    let mut out = String::new();
    for check in checks {
        let word = if check.ok { "ok   " } else { "fails" };
        out.push_str(&format!("  {word} {:width$}  {}\n", check.name, check.found));
        if let Some(mend) = &check.mend {
            out.push_str(&format!("        {:width$}  {mend}\n", "try"));
        }
    }
    let failing = checks.iter().filter(|check| !check.ok).count();
    out.push_str(&match (failing, checks.len()) {
        (0, all) => format!("\nAll {all} checks are well.\n"),
        (1, all) => format!("\n1 of {all} checks fails.\n"),
        (some, all) => format!("\n{some} of {all} checks fail.\n"),
    });
    out
}

/// The shape of the contract.
#[must_use]
pub fn as_json(checks: &[Check]) -> Json {
    let checks = checks
        .iter()
        .map(|check| json!({"name": check.name, "ok": check.ok, "found": check.found, "mend": check.mend}));
    json!({"checks": checks.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_said_in_one_line() {
        let packets = json!({"sent": 420, "since": "2026-11-25T17:00:00.000Z", "per_second": 0.031,
                             "by_scanner": {"arp_sweep": 254, "ports": 166}});
        let line = "0.031 a second, 420 since 2026-11-25T17:00:00.000Z: arp_sweep 254, ports 166";
        assert_eq!(sent(&packets).as_deref(), Some(line));
        assert_eq!(sent(&Json::Null), None, "an older daemon does not say");
    }

    #[test]
    fn the_report_is_aligned_and_ends_with_the_count() {
        let checks = [
            Check::well("interface eth0", "up, 10.0.0.5/24"),
            Check::fails("raw capture", "may not open eth0 for capture", "setcap cap_net_raw=ep porchlight"),
        ];
        assert_eq!(
            text(&checks),
            "  ok    interface eth0  up, 10.0.0.5/24\n  fails raw capture     may not open eth0 for capture\n        \
             try             setcap cap_net_raw=ep porchlight\n\n1 of 2 checks fails.\n"
        );
        assert_eq!(as_json(&checks)["checks"][0]["mend"], Json::Null);
    }
}
