//! # `events`: the event log
//!
//! One event a line. `--follow` goes on until it is interrupted.

use std::{collections::BTreeMap, io::Write, thread, time::Duration};

use super::{
    Context, Exit, json,
    recorded::{Recorded, Since, failure, to_stdout},
    table,
};
use crate::{
    model::{DeviceId, Wall, clean_text},
    store::EventRow,
};

const PAGE: u32 = 1000;
// The daemon writes at most once a second.
const POLL: Duration = Duration::from_millis(500);
/// Past events that `--follow` begins with, if no time is given.
const TAIL: u32 = 10;
const LINE_BYTES_MAX: usize = 400;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only those after: 2026-11-25T17:02:11Z, 2026-11-25, 2d, 12h
    #[arg(long, value_name = "TIME")]
    pub since: Option<Since>,
    /// Go on with new ones as they come
    #[arg(long, short)]
    pub follow: bool,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let mut recorded = Recorded::open(context)?;
    let since = args.since.map(|since| since.from(recorded.now));
    let mut last =
        if args.follow && since.is_none() { recorded.reader.events_tail(TAIL).map_err(failure)? } else { 0 };
    let mut names = Names::default();
    to_stdout(|out| {
        loop {
            last = print(&recorded, &mut names, since, last, out)?;
            if !args.follow {
                return Ok(());
            }
            // Nobody at the other end is noticed at the next event.
            out.flush()?;
            thread::sleep(POLL);
            // A damaged file is set aside and a new one begun; the old one would never grow again.
            if recorded.reader.is_replaced() {
                recorded = Recorded::open(context)?;
                last = 0;
            }
        }
    })
}

/// Prints what came after `last`; returns the new last.
fn print(
    recorded: &Recorded,
    names: &mut Names,
    since: Option<Wall>,
    mut last: i64,
    out: &mut dyn Write,
) -> anyhow::Result<i64> {
    loop {
        let rows = recorded.reader.events(since, last, PAGE).map_err(failure)?;
        for row in rows.iter().map(|row| recorded.shown_event(row)) {
            let line = if recorded.json {
                recorded.line(&json::Event::from(&row))?
            } else {
                recorded.hidden(plain(&row, row.device.map(|device| names.of(device, recorded)).as_deref()))
            };
            writeln!(out, "{line}")?;
            last = row.id;
        }
        if rows.len() < PAGE as usize {
            return Ok(last);
        }
    }
}

/// `2026-11-25 18:02  device_left     Living room TV  from home, reason no_answer`
fn plain(row: &EventRow, name: Option<&str>) -> String {
    let data: serde_json::Value = serde_json::from_str(&row.data).unwrap_or_default();
    let said: Vec<String> = data
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| format!("{key} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    let line = format!("{}  {:16}  {}  ", table::clock(row.at), row.kind, name.unwrap_or("-"));
    // Shown as data: a name may hold anything.
    format!("{line}{}", clean_text(&said.join(", "), LINE_BYTES_MAX)).trim_end().to_owned()
}

/// Names of devices, read again when one is new.
#[derive(Default)]
struct Names(BTreeMap<DeviceId, String>);

impl Names {
    fn of(&mut self, device: DeviceId, recorded: &Recorded) -> String {
        if !self.0.contains_key(&device) {
            let known = recorded.devices().unwrap_or_default();
            self.0.extend(known.iter().map(|d| (d.id, recorded.hidden_name(&clean_text(&d.name, 60)))));
        }
        // A device that is gone is looked up once.
        self.0.entry(device).or_insert_with(|| device.to_string()).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_aloud_and_holds_no_control_characters() {
        let row = |data: &str| EventRow {
            id: 1,
            at: Wall(1_795_626_131_000),
            kind: "device_left".into(),
            device: None,
            data: data.into(),
        };
        let line = plain(&row(r#"{"from":"home","reason":"no_answer","x":null,"n":3}"#), Some("TV"));
        assert!(line.ends_with("device_left       TV  from home, reason no_answer, n 3"), "{line}");
        let hostile = plain(&row("{\"to\":\"a\\u001b[2Jb\\nc\"}"), None);
        assert!(!hostile.contains(char::is_control), "{hostile:?}");
        assert!(plain(&row("no json"), None).ends_with('-'));
    }
}
