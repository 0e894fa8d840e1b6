//! # `device`: hands on one's own data
//!
//! Each is a request to the running daemon, or to the store while none runs, with the words and checks
//! that MQTT's requests have. Silent if it was done.

use clap::{Subcommand, ValueEnum};
use serde_json::{Map, Value as Json, json};

use super::{
    context::Context,
    hands, import,
    report::{Exit, Failure, say_json},
};
use crate::model::{DeviceId, Kind, Trust};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub action: Action,
}

#[derive(Debug, Subcommand)]
pub enum Action {
    /// Sets one thing; an empty value takes it back
    Set {
        /// Its id, as `porchlight devices` shows it
        #[arg(value_name = "ID", value_hint = super::completions::DEVICE)]
        id: DeviceId,
        /// What to set
        #[arg(value_enum)]
        what: What,
        /// To what; important takes yes or no, trust takes trusted, guest, unknown or untrusted
        value: String,
    },
    /// The younger becomes part of the older: they are one thing with two addresses
    Merge {
        /// One id
        #[arg(value_hint = super::completions::DEVICE)]
        a: DeviceId,
        /// The other
        #[arg(value_hint = super::completions::DEVICE)]
        b: DeviceId,
    },
    /// Takes the last merge back
    Split {
        /// Its id, as `porchlight devices` shows it
        #[arg(value_hint = super::completions::DEVICE)]
        id: DeviceId,
    },
    /// Shows it in Home Assistant with all its entities, whatever the limit says
    Expose {
        /// Its id, as `porchlight devices` shows it
        #[arg(value_hint = super::completions::DEVICE)]
        id: DeviceId,
    },
    /// Takes it out of Home Assistant
    Hide {
        /// Its id, as `porchlight devices` shows it
        #[arg(value_hint = super::completions::DEVICE)]
        id: DeviceId,
    },
    /// Drops it and its history
    Forget {
        /// Its id, as `porchlight devices` shows it
        #[arg(value_hint = super::completions::DEVICE)]
        id: DeviceId,
    },
    /// Names, kinds, groups, owners, notes and trust from a file
    Import(import::Args),
    /// It is the device that it was proposed to be: the two become one; `split` takes it back
    Accept {
        /// Its id, as `porchlight devices` shows it
        #[arg(value_hint = super::completions::DEVICE)]
        id: DeviceId,
    },
    /// It is not: they are two, and it is not proposed again
    Refuse {
        /// Its id, as `porchlight devices` shows it
        #[arg(value_hint = super::completions::DEVICE)]
        id: DeviceId,
    },
    /// Says that it was home all the time: its last departure was none
    WasHome {
        /// Its id, as `porchlight devices` shows it
        #[arg(value_hint = super::completions::DEVICE)]
        id: DeviceId,
    },
    /// Asks it now whether it is there
    Check {
        /// Its id, as `porchlight devices` shows it
        #[arg(value_hint = super::completions::DEVICE)]
        id: DeviceId,
    },
    /// Tries its ports now, even if it sleeps; the event log tells what opened and closed
    Ports {
        /// Its id, as `porchlight devices` shows it
        #[arg(value_hint = super::completions::DEVICE)]
        id: DeviceId,
        /// All 65,535, which takes minutes
        #[arg(long)]
        full: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    Name,
    Kind,
    Trust,
    Group,
    Owner,
    Important,
    Notes,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    if let Action::Import(args) = &args.action {
        return import::run(args, context);
    }
    let (verb, fields) = request(&args.action)?;
    let data = hands::request(context, verb, fields)?;
    if context.json() {
        say_json(&data)?;
    }
    Ok(Exit::Done)
}

/// The verb and its fields. Words are checked here too, so that a typo is told without a daemon.
pub fn request(action: &Action) -> Result<(&'static str, Map<String, Json>), Failure> {
    let (verb, fields) = match action {
        Action::Set { id, what, value } => set(*id, *what, value)?,
        Action::Merge { a, b } if a == b => return Err(Failure::usage("a device cannot be merged with itself")),
        Action::Merge { a, b } => ("device/merge", json!({"device": a.to_string(), "other": b.to_string()})),
        Action::Split { id } => ("device/split", json!({"device": id.to_string()})),
        Action::Expose { id } => ("device/expose", json!({"device": id.to_string()})),
        Action::Hide { id } => ("device/hide", json!({"device": id.to_string()})),
        Action::Forget { id } => ("device/forget", json!({"device": id.to_string()})),
        Action::Check { id } => ("device/check", json!({"device": id.to_string()})),
        Action::Accept { id } => ("device/accept", json!({"device": id.to_string()})),
        Action::Refuse { id } => ("device/refuse", json!({"device": id.to_string()})),
        Action::WasHome { id } => ("device/was_home", json!({"device": id.to_string()})),
        Action::Ports { id, full } => ("device/ports", json!({"device": id.to_string(), "full": full})),
        Action::Import(_) => return Err(Failure::usage("a file is many requests")),
    };
    match fields {
        Json::Object(fields) => Ok((verb, fields)),
        _ => Ok((verb, Map::new())),
    }
}

fn set(id: DeviceId, what: What, value: &str) -> Result<(&'static str, Json), Failure> {
    let device = id.to_string();
    let usage = |message: String| Failure::usage(message);
    Ok(match what {
        What::Name => ("device/rename", json!({"device": device, "name": value})),
        What::Trust => {
            let trust: Trust = value.parse().map_err(usage)?;
            ("device/trust", json!({"device": device, "trust": trust.word()}))
        }
        What::Kind => {
            let kind = if value.is_empty() { None } else { Some(value.parse::<Kind>().map_err(usage)?.word()) };
            ("device/set", json!({"device": device, "key": "kind", "value": kind}))
        }
        What::Important => {
            let on = match value {
                "yes" | "true" | "on" => true,
                "no" | "false" | "off" | "" => false,
                _ => return Err(Failure::usage(format!("`{value}` is neither yes nor no"))),
            };
            ("device/set", json!({"device": device, "key": "important", "value": on}))
        }
        What::Group => ("device/set", json!({"device": device, "key": "group", "value": some(value)})),
        What::Owner => ("device/set", json!({"device": device, "key": "owner", "value": some(value)})),
        What::Notes => ("device/set", json!({"device": device, "key": "notes", "value": some(value)})),
    })
}

fn some(value: &str) -> Option<&str> {
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_its_request() {
        let id: DeviceId = "d-7f3k2m".parse().expect("an id");
        let other: DeviceId = "d-aaaaaa".parse().expect("an id");
        let set = |what, value: &str| Action::Set { id, what, value: value.into() };
        let cases = [
            (set(What::Name, "Anna"), "device/rename", json!({"device": "d-7f3k2m", "name": "Anna"})),
            (set(What::Trust, "guest"), "device/trust", json!({"device": "d-7f3k2m", "trust": "guest"})),
            (set(What::Kind, "tv"), "device/set", json!({"device": "d-7f3k2m", "key": "kind", "value": "tv"})),
            (set(What::Kind, ""), "device/set", json!({"device": "d-7f3k2m", "key": "kind", "value": null})),
            (set(What::Owner, ""), "device/set", json!({"device": "d-7f3k2m", "key": "owner", "value": null})),
            (
                set(What::Important, "yes"),
                "device/set",
                json!({"device": "d-7f3k2m", "key": "important", "value": true}),
            ),
            (Action::Merge { a: id, b: other }, "device/merge", json!({"device": "d-7f3k2m", "other": "d-aaaaaa"})),
            (Action::Check { id }, "device/check", json!({"device": "d-7f3k2m"})),
            (Action::WasHome { id }, "device/was_home", json!({"device": "d-7f3k2m"})),
            (Action::Ports { id, full: true }, "device/ports", json!({"device": "d-7f3k2m", "full": true})),
        ];
        for (action, verb, fields) in cases {
            let found = request(&action).expect("a request");
            assert_eq!((found.0, Json::Object(found.1)), (verb, fields), "{action:?}");
        }
        for wrong in [
            set(What::Trust, "friend"),
            set(What::Kind, "toaster"),
            set(What::Important, "very"),
            Action::Merge { a: id, b: id },
        ] {
            assert_eq!(request(&wrong).expect_err("refused").exit, Exit::Usage, "{wrong:?}");
        }
    }
}
