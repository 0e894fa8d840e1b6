//! # `explain`: why it says what it says
//!
//! Of a device: every fact, its source, and what name, kind and presence rest on. Of a detector or
//! scanner: its own page.

use std::time::Duration;

use clap::Subcommand;
use serde_json::{Map, Value as Json, json};

use super::{
    context::Context,
    control, json,
    recorded::{Recorded, Since},
    report::{Exit, Failure, say, say_json},
    vendors,
};
use crate::{
    detectors,
    model::{Card, DeviceView, Presence},
    scanners,
};

mod at;
mod awake;
mod decided;
pub mod device;
pub mod settle;

pub use device::device;

/// The page is worth more than the last word on it.
const PATIENCE: Duration = Duration::from_millis(500);

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
        #[arg(value_name = "ID", value_hint = super::completions::DEVICE)]
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
        What::Detector { name } => {
            let card = card(detectors::CARDS, "detector", name)?;
            page(card, Some(awake::state(card, context)?), context)?;
            if !context.json() {
                say(&sees(context))?;
            }
        }
        What::Scanner { name } => {
            let cards: Vec<&'static Card> = scanners::SCANNERS.iter().map(|row| row.card).collect();
            page(card(&cards, "scanner", name)?, None, context)?;
        }
    }
    Ok(Exit::Done)
}

fn explain_device(named: &str, at: Option<Since>, context: &Context) -> anyhow::Result<()> {
    vendors::take_newer(context);
    let recorded = Recorded::open(context).map_err(|error| match error.downcast::<Failure>() {
        Ok(failure) if failure.exit == Exit::Missing => {
            let once = format!("start it with `porchlight run`, or look once: porchlight scan --explain '{named}'");
            failure.advise(once).into()
        }
        Ok(failure) => failure.into(),
        Err(error) => error,
    })?;
    let view = recorded.shown(&recorded.device(named)?);
    if let Some(at) = at {
        return at::explain(&recorded, &view, at.from(recorded.now));
    }
    if recorded.json {
        return Ok(say(&(recorded.hidden(device_json(&view).to_string()) + "\n"))?);
    }
    let mut text = device(&view, recorded.now);
    if view.presence == Presence::Away
        && let Some((at, decision)) = at::last_decision(&recorded, &view, recorded.now)?
    {
        text += &decided::text(at, &decision);
    }
    Ok(say(&recorded.hidden(text))?)
}

/// The same as [`device`], for programs.
pub fn device_json(view: &DeviceView) -> Json {
    // An object can hold a key once; a fact can be there twice.
    json!({"device": json::Device::from(view), "facts": device::facts(view), "would_settle": settle::would(view)})
}

/// What the running daemon hears, since most detectors can only judge that.
fn sees(context: &Context) -> String {
    let asked = context.state_dir().and_then(|dir| Ok(control::ask(&dir, "health", Map::new(), PATIENCE)?));
    let sees = asked.ok().and_then(|data| data.get("sees").and_then(Json::as_object).cloned()).unwrap_or_default();
    let mut text = String::new();
    for (interface, sight) in &sees {
        let means = match sight.as_str().unwrap_or_default() {
            "host" => "only what is meant for this host and for all: what is about others' conversations is asleep",
            "half_mirror" => "others' conversations, but one direction of them: what needs answers is asleep",
            "mirror" => "others' conversations",
            "router" => "what this host passes on",
            "wifi" => "the air",
            _ => continue,
        };
        text += &format!("Here: {interface} hears {means}.\n");
    }
    text
}

fn page(card: &Card, state: Option<awake::State>, context: &Context) -> anyhow::Result<()> {
    if context.json() {
        let mut shape = json!({"name": card.id, "title": card.title, "needs": card.needs, "page": card.markdown()});
        if let (Some(state), Some(object)) = (state, shape.as_object_mut()) {
            object.insert("state".into(), state.word.into());
            object.insert("why".into(), state.why.into());
        }
        say_json(&shape)?;
    } else {
        say(&card.markdown())?;
        if let Some(state) = state {
            say(&format!("\nNow: {}{}\n", state.word, state.why.map_or_else(String::new, |why| format!(": {why}"))))?;
        }
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
}
