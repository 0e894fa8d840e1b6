//! # `export`: everything, for other programs
//!
//! Frames, too: `pcapng` is what the running daemon heard in the last minutes, with what was said blanked.
//!
//! CSV opens in spreadsheets, which take text that begins like a formula for one: such a cell gets an
//! apostrophe in front (OWASP, CSV injection). Numbers are ours and stay numbers.

use std::{
    fs::{self, OpenOptions},
    io::{BufWriter, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::{
    Context, Exit, Failure, json,
    recorded::{Recorded, to_stdout},
};
use crate::{
    intel::parts,
    model::{AlertView, DeviceView, WindowView},
};

/// The daemon copies up to 64 MiB.
const FRAMES_PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// As what
    #[arg(value_enum)]
    pub format: Format,
    /// What to export; not for pcapng
    #[arg(value_enum, default_value = "devices")]
    pub what: What,
    /// Into this file instead of stdout; readable for you alone
    #[arg(long, short, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// How far back, for pcapng: 10m, 1h; as far as memory reaches
    #[arg(long, value_name = "SPAN", default_value = "10m", value_parser = humantime::parse_duration)]
    pub last: std::time::Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Csv,
    Json,
    /// Frames, from the running daemon
    Pcapng,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    Devices,
    Windows,
    Alerts,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    if args.format == Format::Pcapng {
        return frames(args, context);
    }
    let recorded = Recorded::open(context)?;
    let write = |out: &mut dyn Write| match args.format {
        Format::Pcapng => Ok(()),
        Format::Json => write_json(&recorded, args.what, out),
        Format::Csv => write_csv(&recorded, args.what, out),
    };
    match &args.output {
        None => to_stdout(write),
        Some(path) => {
            into_file(path, write).with_context(|| format!("cannot write {}", path.display()))?;
            Ok(Exit::Done)
        }
    }
}

/// The running daemon writes them into its state folder; from there they go where they are wanted.
fn frames(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    if context.redactor()?.is_some() {
        let failure = Failure::usage("frames hold hardware addresses that --redact cannot hide");
        return Err(failure.advise("without --redact, or export json").into());
    }
    let seconds = args.last.as_secs();
    let fields = serde_json::Map::from_iter([("seconds".to_owned(), seconds.into())]);
    let answer = super::control::ask(&context.state_dir()?, "last", fields, FRAMES_PATIENCE).map_err(|error| {
        let failure = Failure::new(error.exit(), error.to_string());
        match error.advice() {
            Some(advice) => failure.advise(advice),
            None => failure,
        }
    })?;
    let file = answer.get("file").and_then(serde_json::Value::as_str).unwrap_or_default();
    let bytes = fs::read(file).with_context(|| format!("cannot read {file}"))?;
    let write = |out: &mut dyn Write| Ok(out.write_all(&bytes)?);
    let done = match &args.output {
        None => to_stdout(write),
        Some(path) => {
            into_file(path, write).with_context(|| format!("cannot write {}", path.display())).map(|()| Exit::Done)
        }
    };
    // It was only on its way.
    let _gone = fs::remove_file(file);
    done
}

/// Written beside and moved into place, so that a failure leaves an earlier export whole.
pub(super) fn into_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let Some(name) = path.file_name() else {
        return Err(Failure::usage(format!("{} is no file name", path.display())).into());
    };
    // Devices such as /dev/stdout cannot be moved over.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        let mut out = BufWriter::new(OpenOptions::new().write(true).open(path)?);
        write(&mut out)?;
        return Ok(out.flush()?);
    }
    let mut beside = name.to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(beside);
    // Who lives here and when they are out: nobody else's business.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let mut out = BufWriter::new(file);
    let done = write(&mut out).and_then(|()| Ok(out.flush()?)).and_then(|()| Ok(fs::rename(&beside, path)?));
    if done.is_err() {
        let _ = fs::remove_file(&beside);
    }
    done
}

fn write_json(recorded: &Recorded, what: What, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut list = json::List::begin(
        out,
        match what {
            What::Devices => "devices",
            What::Windows => "windows",
            What::Alerts => "alerts",
        },
    )?;
    match what {
        What::Devices => {
            for device in recorded.devices()? {
                list.row(&recorded.line(&json::Device::from(&recorded.shown(&device)))?)?;
            }
        }
        What::Windows => {
            recorded.each_window(None, None, |window| Ok(list.row(&recorded.line(&json::Window::from(window))?)?))?
        }
        What::Alerts => {
            recorded.each_alert(None, |alert| {
                Ok(list.row(&recorded.line(&json::Alert::from(&recorded.shown_alert(alert)))?)?)
            })?;
        }
    }
    Ok(list.end()?)
}

fn write_csv(recorded: &Recorded, what: What, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let mut row = |cells: Vec<Field>| -> anyhow::Result<()> {
        let cells = cells.into_iter().map(|cell| match cell {
            Field::Text(text) => safe(recorded.hidden(text)),
            Field::Name(name) => safe(recorded.hidden_name(&name)),
            Field::Number(number) => number,
        });
        Ok(csv.write_record(cells)?)
    };
    let header = |names: &[&str]| names.iter().map(|name| Field::Text((*name).to_owned())).collect();
    match what {
        What::Devices => {
            row(header(DEVICE))?;
            for device in recorded.devices()? {
                row(device_fields(&recorded.shown(&device)))?;
            }
        }
        What::Windows => {
            row(header(WINDOW))?;
            recorded.each_window(None, None, |window| row(window_fields(window)))?;
        }
        What::Alerts => {
            row(header(ALERT))?;
            recorded.each_alert(None, |alert| row(alert_fields(&recorded.shown_alert(alert))))?;
        }
    }
    Ok(csv.flush()?)
}

/// A cell before it is made safe.
enum Field {
    Text(String),
    /// Tells who somebody is.
    Name(String),
    /// Never taken for a formula.
    Number(String),
}

fn text(text: impl ToString) -> Field {
    Field::Text(text.to_string())
}
fn maybe<T: ToString>(value: Option<T>) -> Field {
    Field::Text(value.map_or_else(String::new, |value| value.to_string()))
}
fn name(name: Option<&String>) -> Field {
    Field::Name(name.cloned().unwrap_or_default())
}
fn number(number: impl ToString) -> Field {
    Field::Number(number.to_string())
}
fn maybe_number<T: ToString>(value: Option<T>) -> Field {
    Field::Number(value.map_or_else(String::new, |value| value.to_string()))
}
/// Several values in one cell.
fn list<T: ToString>(values: impl IntoIterator<Item = T>) -> Field {
    Field::Text(values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(" "))
}

/// A cell that no spreadsheet takes for a formula.
fn safe(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{cell}") } else { cell }
}

const DEVICE: &[&str] = &[
    "id",
    "name",
    "name_source",
    "macs",
    "addresses",
    "hostname",
    "vendor",
    "vendor_source",
    "maker",
    "kind",
    "kind_confidence",
    "os",
    "model",
    "area",
    "owner",
    "group",
    "important",
    "trust",
    "randomised",
    "presence",
    "presence_reason",
    "first_seen",
    "last_seen",
    "since",
    "sources",
    "services",
    "signal_dbm",
    "segment",
];

fn device_fields(device: &DeviceView) -> Vec<Field> {
    let services = device.services.iter().map(|s| format!("{}/{}", if s.tcp { "tcp" } else { "udp" }, s.port));
    vec![
        text(device.id),
        name(Some(&device.name)),
        text(device.name_source),
        list(&device.macs),
        list(&device.addresses),
        name(device.hostname.as_ref()),
        maybe(device.vendor.as_ref()),
        maybe(device.vendor_source),
        maybe(parts::maker(device)),
        text(device.kind),
        number(json::Device::from(device).kind_confidence),
        maybe(device.os.as_ref()),
        maybe(device.model.as_ref()),
        name(device.area.as_ref()),
        name(device.owner.as_ref()),
        name(device.group.as_ref()),
        text(device.important),
        text(device.trust),
        text(device.randomised),
        text(device.presence),
        text(device.presence_reason),
        text(device.first_seen),
        text(device.last_seen),
        text(device.since),
        list(&device.sources),
        list(services),
        maybe_number(device.signal_dbm),
        maybe(device.segment.as_ref()),
    ]
}

const WINDOW: &[&str] = &[
    "device",
    "start",
    "end",
    "open",
    "sightings",
    "reconnects",
    "min_dbm",
    "max_dbm",
    "last_dbm",
    "segment",
    "closed_because",
    "stitched",
];

fn window_fields(window: &WindowView) -> Vec<Field> {
    vec![
        text(window.device),
        text(window.start),
        text(window.end),
        text(window.open),
        number(window.sightings),
        number(window.reconnects),
        maybe_number(window.min_dbm),
        maybe_number(window.max_dbm),
        maybe_number(window.last_dbm),
        maybe(window.segment.as_ref()),
        maybe(window.closed_because),
        number(window.stitched),
    ]
}

const ALERT: &[&str] = &[
    "id",
    "detector",
    "category",
    "severity",
    "confidence",
    "title",
    "detail",
    "recommendation",
    "attacker_device",
    "attacker_mac",
    "attacker_ip",
    "attacker_name",
    "victim_device",
    "victim_mac",
    "victim_ip",
    "victim_name",
    "technique",
    "first_seen",
    "last_seen",
    "count",
    "state",
    "evidence",
];

fn alert_fields(alert: &AlertView) -> Vec<Field> {
    let mut fields = vec![
        text(&alert.id),
        text(&alert.detector),
        text(alert.category),
        text(alert.severity),
        number(json::Alert::from(alert).confidence),
        text(&alert.title),
        text(&alert.detail),
        text(&alert.recommendation),
    ];
    for (party, called) in [(&alert.attacker, &alert.attacker_name), (&alert.victim, &alert.victim_name)] {
        fields.extend([maybe(party.device), maybe(party.mac), maybe(party.ip), maybe(called.as_ref())]);
    }
    fields.extend([
        list(&alert.technique),
        text(alert.first_seen),
        text(alert.last_seen),
        number(alert.count),
        text(alert.state),
        list(alert.evidence.iter().map(|(key, value)| format!("{key}={value}"))),
    ]);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AlertId, AlertState, Category, Party, Severity, Wall};

    #[test]
    fn no_cell_is_a_formula() {
        let cases = [
            ("=1+2", "'=1+2"),
            ("+49", "'+49"),
            ("-x", "'-x"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("TV", "TV"),
            ("", ""),
            ("a=b", "a=b"),
        ];
        for (cell, expected) in cases {
            assert_eq!(safe(cell.into()), expected);
        }
    }

    #[test]
    fn each_column_has_its_cell() {
        let device = DeviceView::blank("d-aaaaaa".parse().unwrap());
        assert_eq!(device_fields(&device).len(), DEVICE.len());
        let id = AlertId::mint(Wall(0), 1);
        let alert = AlertView {
            incident: id.clone(),
            id,
            sequence: 1,
            detector: String::new(),
            key: String::new(),
            category: Category::Dns,
            severity: Severity::Low,
            confidence: 0.5,
            title: String::new(),
            detail: String::new(),
            recommendation: String::new(),
            attacker: Party::default(),
            attacker_name: None,
            victim: Party::default(),
            victim_name: None,
            technique: vec![],
            first_seen: Wall(0),
            last_seen: Wall(0),
            count: 1,
            state: AlertState::New,
            evidence: vec![],
        };
        assert_eq!(alert_fields(&alert).len(), ALERT.len());
        // And they are the fields of the JSON, in its order.
        let json = serde_json::to_value(json::Device::from(&device)).unwrap();
        assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), DEVICE);
    }
}
