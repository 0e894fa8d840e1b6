//! # `alert`: answers to alerts
//!
//! Each is a request to the running daemon, or to the store while none runs, with the words and checks
//! that MQTT's requests have.

use clap::Subcommand;
use serde_json::{Map, Value as Json, json};

use super::{
    context::Context,
    hands,
    report::{Exit, say_json},
};
use crate::model::{AlertId, DeviceId};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub action: Action,
}

#[derive(Debug, Subcommand)]
pub enum Action {
    /// Seen; stays open, tells no more
    Acknowledge {
        /// Its id, as `porchlight alerts` shows it
        id: AlertId,
    },
    /// Not now: this alert tells no more
    Mute {
        /// Its id, as `porchlight alerts` shows it
        id: AlertId,
    },
    /// That is how it is meant to be: learn it
    Expected {
        /// Its id, as `porchlight alerts` shows it
        id: AlertId,
    },
    /// It was wrong
    False {
        /// Its id, as `porchlight alerts` shows it
        id: AlertId,
    },
    /// Takes the answer back
    Reopen {
        /// Its id, as `porchlight alerts` shows it
        id: AlertId,
    },
    /// No alerts of a detector about a device
    MuteDevice {
        /// Its name, as `porchlight alerts` shows it
        #[arg(value_name = "DETECTOR")]
        detector: String,
        /// The device's id
        #[arg(value_name = "ID", value_hint = super::completions::DEVICE)]
        id: DeviceId,
        /// For so many days
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
    },
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (verb, fields) = request(&args.action);
    let data = hands::request(context, verb, fields)?;
    if context.json() {
        say_json(&data)?;
    }
    Ok(Exit::Done)
}

/// The verb and its fields.
#[must_use]
pub fn request(action: &Action) -> (&'static str, Map<String, Json>) {
    let alert = |id: &AlertId| json!({"alert": id.as_str()});
    let (verb, fields) = match action {
        Action::Acknowledge { id } => ("alert/acknowledge", alert(id)),
        Action::Mute { id } => ("alert/mute", alert(id)),
        Action::Expected { id } => ("alert/expected", alert(id)),
        Action::False { id } => ("alert/false_alarm", alert(id)),
        Action::Reopen { id } => ("alert/reopen", alert(id)),
        Action::MuteDevice { detector, id, days } => {
            ("alert/mute", json!({"detector": detector, "device": id.to_string(), "days": days}))
        }
    };
    match fields {
        Json::Object(fields) => (verb, fields),
        _ => (verb, Map::new()),
    }
}
