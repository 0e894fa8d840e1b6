//! # `explain`: why it says what it says
//!
//! Of a device: every fact, its source, and what name, kind and presence rest on. Of a detector or
//! scanner: its own page.

use clap::Subcommand;
use serde_json::{Value as Json, json};

use super::{
    context::Context,
    json,
    recorded::{Recorded, Since},
    report::{Exit, Failure, say, say_json},
};
use crate::{
    detectors,
    model::{Card, DeviceView},
    scanners,
};

mod at;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub what: What,
}

#[derive(Debug, Subcommand)]
pub enum What {
    /// Every fact of a device, and why it has its name, kind and presence
    Device {
        /// Its id, name, MAC or address
        #[arg(value_name = "ID")]
        device: String,
        /// As it was then: 2026-11-25T17:02:11Z, 2026-11-25, 2d, 12h
        #[arg(long, value_name = "TIME")]
        at: Option<Since>,
    },
    /// What a detector finds, how it decides, what fools it
    Detector {
        /// Its name, such as new_device
        name: String,
    },
    /// What a scanner finds, what it sends, what it needs
    Scanner {
        /// Its name, such as arp_sweep
        name: String,
    },
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    match &args.what {
        What::Device { device, at } => explain_device(device, *at, context)?,
        What::Detector { name } => page(card(detectors::CARDS, "detector", name)?, context)?,
        What::Scanner { name } => {
            let cards: Vec<&'static Card> = scanners::SCANNERS.iter().map(|row| row.card).collect();
            page(card(&cards, "scanner", name)?, context)?;
        }
    }
    Ok(Exit::Done)
}

fn explain_device(named: &str, at: Option<Since>, context: &Context) -> anyhow::Result<()> {
    let recorded = Recorded::open(context)?;
    let view = recorded.shown(&recorded.device(named)?);
    if let Some(at) = at {
        return at::explain(&recorded, &view, at.from(recorded.now));
    }
    if recorded.json {
        // An object can hold a key once; a fact can be there twice.
        let facts = view.facts.iter().map(|(key, value)| json!({"key": key, "value": value}));
        let facts: Json = facts.collect();
        let text = json!({"device": json::Device::from(&view), "facts": facts}).to_string();
        return Ok(say(&(recorded.hidden(text) + "\n"))?);
    }
    let text = recorded.hidden(device(&view));
    Ok(say(&text)?)
}

fn page(card: &Card, context: &Context) -> anyhow::Result<()> {
    if context.json() {
        say_json(&json!({"name": card.id, "title": card.title, "needs": card.needs, "page": card.markdown()}))?;
    } else {
        say(&card.markdown())?;
    }
    Ok(())
}

/// The card of the detector or scanner `name`.
pub fn card(cards: &[&'static Card], sort: &str, name: &str) -> Result<&'static Card, Failure> {
    if let Some(card) = cards.iter().find(|card| card.id == name) {
        return Ok(card);
    }
    let near = cards.iter().map(|card| (strsim::osa_distance(card.id, name), card.id)).min();
    let failure = Failure::missing(format!("no {sort} is named {name}"));
    Err(match near {
        Some((distance, id)) if distance <= 3 => failure.advise(format!("porchlight explain {sort} {id}")),
        _ => failure.advise(cards.iter().map(|card| card.id).collect::<Vec<_>>().join(", ")),
    })
}

/// What a device's view rests on, as text.
#[must_use]
pub fn device(view: &DeviceView) -> String {
    let mut out = format!("{}  {}\n\n", view.id, view.name);
    let mut rows: Vec<(String, String, String)> = Vec::new();
    let mut row = |key: &str, value: String, why: String| {
        if !value.is_empty() {
            rows.push((key.to_owned(), value, why));
        }
    };
    row("name", view.name.clone(), format!("from {}", view.name_source));
    let sure =
        if view.kind_confidence > 0.0 { format!("{:.0} % sure", view.kind_confidence * 100.0) } else { String::new() };
    row("kind", view.kind.noun(), sure);
    row("presence", view.presence.to_string(), format!("because {}, since {}", view.presence_reason, view.since));
    row("last seen", view.last_seen.to_string(), format!("first {}", view.first_seen));
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    row("vendor", text(&view.vendor), view.vendor_source.map(|from| format!("from {from}")).unwrap_or_default());
    row("model", text(&view.model), String::new());
    row("system", text(&view.os), String::new());
    row("host name", text(&view.hostname), String::new());
    row("area", text(&view.area), String::new());
    row("owner", text(&view.owner), String::new());
    row("group", text(&view.group), String::new());
    row("segment", text(&view.segment), String::new());
    row("notes", text(&view.notes), String::new());
    row("trust", view.trust.to_string(), if view.important { "important".into() } else { String::new() });
    let macs: Vec<String> = view.macs.iter().map(ToString::to_string).collect();
    row(
        "MAC",
        macs.join(", "),
        if view.randomised { "random: changes with the network or the day".into() } else { String::new() },
    );
    let addresses: Vec<String> = view.addresses.iter().map(ToString::to_string).collect();
    row("addresses", addresses.join(", "), String::new());
    let sources: Vec<&str> = view.sources.iter().map(|source| source.word()).collect();
    row("seen by", sources.join(", "), String::new());
    let services = view.services.iter().map(|service| {
        let proto = if service.tcp { "tcp" } else { "udp" };
        let product = service.product.as_deref().map(|product| format!(" ({product})")).unwrap_or_default();
        format!("{proto}/{} {}{product}", service.port, service.name)
    });
    row("services", services.collect::<Vec<_>>().join(", "), String::new());
    row("signal", view.signal_dbm.map(|dbm| format!("{dbm} dBm")).unwrap_or_default(), String::new());
    let away =
        if view.away_after_s == 0 { "learned".into() } else { format!("{} s without a proof", view.away_after_s) };
    row("away after", away, String::new());
    let shown = if view.hidden { "hidden".into() } else { format!("{} entities", view.tier) };
    row("in Home Assistant", shown, if view.exposed { "asked for".into() } else { String::new() });
    out.push_str(&columns(&rows));
    if !view.facts.is_empty() {
        out.push_str("\nfacts\n");
        // The numbers of what was learned are for the program; `sleep` says it in words.
        let told = view.facts.iter().filter(|(key, _)| !key.starts_with("habit."));
        let facts: Vec<_> = told.map(|(key, value)| (key.clone(), value.clone(), String::new())).collect();
        out.push_str(&columns(&facts));
    }
    out
}

fn columns(rows: &[(String, String, String)]) -> String {
    let width = |of: fn(&(String, String, String)) -> &str| {
        rows.iter().map(|row| of(row).chars().count()).filter(|n| *n <= 48).max().unwrap_or(0)
    };
    let (keys, values) = (width(|row| &row.0), width(|row| &row.1));
    rows.iter()
        .map(|(key, value, why)| format!("  {key:keys$}  {value:values$}  {why}").trim_end().to_owned() + "\n")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_finds_its_neighbour() {
        let known = detectors::CARDS.first().expect("there is one").id;
        assert_eq!(card(detectors::CARDS, "detector", known).expect("known").id, known);
        let typo = known.replace('e', "a");
        let failure = card(detectors::CARDS, "detector", &typo).expect_err("unknown");
        assert_eq!(failure.exit, Exit::Missing);
        assert!(failure.advice.is_some_and(|advice| advice.contains(known)));
    }

    #[test]
    fn a_device_is_explained_with_its_sources() {
        let view = DeviceView {
            name: "Living room TV".into(),
            vendor: Some("Raspberry Pi".into()),
            vendor_source: Some("oui"),
            kind_confidence: 0.93,
            facts: vec![("mdns".to_owned(), "living-room.local".to_owned())].into(),
            ..DeviceView::blank("d-7f3k2m".parse().expect("an id"))
        };
        let text = device(&view);
        for part in ["Living room TV", "93 % sure", "from oui", "because", "living-room.local", "learned"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(text.lines().all(|line| line == line.trim_end()), "no blanks at line ends");
    }
}
