//! # `device import`: what a file says of devices
//!
//! Names, kinds, groups, owners, notes and trust from a table or a list, such as the whitelist of another program.
//! The file is used whole or not at all; each change is the request that `device set` makes, and what is so already
//! is not asked for again. Devices not seen yet are named and left out.

use std::{fs::File, io::Read as _, path::PathBuf};

use serde_json::{Map, Value as Json, json};

use super::{
    context::Context,
    hands,
    recorded::Recorded,
    report::{Exit, Failure, say, say_json},
};
use crate::model::{DeviceView, MacAddr};

pub mod rows;

use rows::{Fault, Row};

/// Bytes of a file; ten thousand devices with notes fit.
const BYTES_MAX: u64 = 8 << 20;
/// Faults shown.
const FAULTS_MAX: usize = 20;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// CSV with columns mac, name, kind, group, owner, notes, important, trust; or a list in JSON or YAML
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Says what would change, and changes nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// One request and what it is, for people.
type Wish = (&'static str, Map<String, Json>, &'static str, String);

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let rows = rows::read(&text(args)?).map_err(|faults| faulty(args, &faults))?;
    let devices = Recorded::open(context)?.devices()?;
    let find = |mac: MacAddr| devices.iter().find(|device| device.macs.contains(&mac));
    let (mut done, mut missing, mut same, mut changes) = (Vec::new(), Vec::new(), 0_usize, 0_usize);
    for row in &rows {
        let Some(device) = find(row.mac) else {
            missing.push(row);
            continue;
        };
        let wishes = wishes(row, device);
        if wishes.is_empty() {
            same += 1;
            continue;
        }
        let mut set = Map::new();
        for (verb, fields, key, value) in wishes {
            if !args.dry_run {
                hands::request(context, verb, fields)
                    .map_err(|error| error.context(format!("line {}: {key} of {} was not set", row.line, row.mac)))?;
            }
            changes += 1;
            set.insert(key.to_owned(), value.into());
        }
        done.push((row, device, set));
    }
    if context.json() {
        let rows = done.iter().map(|(row, device, set)| {
            json!({"line": row.line, "mac": row.mac.to_string(), "device": device.id.to_string(), "set": set})
        });
        let unknown = missing.iter().map(|row| json!({"line": row.line, "mac": row.mac.to_string()}));
        say_json(&json!({
            "dry_run": args.dry_run, "changes": changes, "unchanged": same,
            "devices": rows.collect::<Vec<_>>(), "not_seen_yet": unknown.collect::<Vec<_>>(),
        }))?;
        return Ok(Exit::Done);
    }
    let mut out = String::new();
    for (row, device, set) in &done {
        let set: Vec<String> = set.iter().map(|(key, value)| format!("{key} {value}")).collect();
        out.push_str(&format!("  line {}  {}  {}: {}\n", row.line, device.id, device.name, set.join(", ")));
    }
    for row in &missing {
        out.push_str(&format!("  line {}  {}: not seen yet, left out\n", row.line, row.mac));
    }
    let would = if args.dry_run { "would be made" } else { "made" };
    out.push_str(&format!(
        "{changes} changes {would} to {} devices; {same} were so already, {} are not seen yet\n",
        done.len(),
        missing.len()
    ));
    say(&out)?;
    Ok(Exit::Done)
}

fn text(args: &Args) -> Result<String, Failure> {
    let path = args.file.display();
    let missing = |error: std::io::Error| Failure::missing(format!("cannot read {path}: {error}"));
    let file = File::open(&args.file).map_err(missing)?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(missing)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(Failure::usage(format!("{path} is larger than {} MiB", BYTES_MAX >> 20)));
    }
    String::from_utf8(bytes).map_err(|_| {
        let advice = "save it as UTF-8, such as with iconv -f latin1 -t utf-8";
        Failure::usage(format!("{path} is no text in UTF-8")).advise(advice)
    })
}

fn faulty(args: &Args, faults: &[Fault]) -> Failure {
    let mut what = format!("{} was not used: {} faults", args.file.display(), faults.len());
    for fault in faults.iter().take(FAULTS_MAX) {
        what.push_str(&format!("\n  line {}: {}", fault.line, fault.what));
    }
    if faults.len() > FAULTS_MAX {
        what.push_str(&format!("\n  and {} more", faults.len() - FAULTS_MAX));
    }
    Failure::usage(what)
}

/// What must be asked for, so that `device` is as `row` says.
fn wishes(row: &Row, device: &DeviceView) -> Vec<Wish> {
    let id = device.id.to_string();
    let mut wishes: Vec<Wish> = Vec::new();
    let mut ask = |verb: &'static str, fields: Json, key: &'static str, value: String| {
        if let Json::Object(fields) = fields {
            wishes.push((verb, fields, key, value));
        }
    };
    if let Some(name) = row.name.as_ref().filter(|name| device.own_name.as_ref() != Some(name)) {
        ask("device/rename", json!({"device": id, "name": name}), "name", name.clone());
    }
    if let Some(trust) = row.trust.filter(|trust| device.trust != *trust) {
        ask("device/trust", json!({"device": id, "trust": trust.word()}), "trust", trust.word().into());
    }
    let mut set = |key: &'static str, value: Json, shown: String| {
        ask("device/set", json!({"device": id, "key": key, "value": value}), key, shown);
    };
    let kind_set = device.facts.iter().find(|(key, _)| key == "kind.set").map(|(_, kind)| kind.as_str());
    if let Some(kind) = row.kind.filter(|kind| kind_set != Some(kind.word())) {
        set("kind", kind.word().into(), kind.word().into());
    }
    let texts = [
        ("group", &row.group, &device.group),
        ("owner", &row.owner, &device.owner),
        ("notes", &row.notes, &device.notes),
    ];
    for (key, new, old) in texts {
        if let Some(new) = new.as_ref().filter(|new| old.as_ref() != Some(new)) {
            set(key, new.clone().into(), new.clone());
        }
    }
    if let Some(important) = row.important.filter(|important| device.important != *important) {
        set("important", important.into(), if important { "yes".into() } else { "no".into() });
    }
    wishes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Trust};

    #[test]
    fn only_what_differs_is_asked_for() {
        let mac = MacAddr([0xb8, 0x27, 0xeb, 1, 2, 3]);
        let row = Row {
            line: 2,
            mac,
            name: Some("TV".into()),
            kind: Some(Kind::Tv),
            owner: Some("Anna".into()),
            important: Some(true),
            trust: Some(Trust::Trusted),
            ..Row::default()
        };
        let blank = DeviceView::blank("d-7f3k2m".parse().expect("an id"));
        let keys = |device: &DeviceView| wishes(&row, device).iter().map(|wish| wish.2).collect::<Vec<_>>();
        assert_eq!(keys(&blank), ["name", "trust", "kind", "owner", "important"]);
        let same = DeviceView {
            own_name: Some("TV".into()),
            owner: Some("Anna".into()),
            important: true,
            trust: Trust::Trusted,
            facts: vec![("kind.set".to_owned(), "tv".to_owned())].into(),
            ..blank
        };
        assert_eq!(keys(&same), [""; 0]);
        let fields = wishes(&row, &DeviceView { important: false, ..same });
        assert_eq!(Json::Object(fields[0].1.clone()), json!({"device": "d-7f3k2m", "key": "important", "value": true}));
    }
}
