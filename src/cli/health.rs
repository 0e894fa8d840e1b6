//! # `health`: whether the running daemon is well
//!
//! For container health checks: one line and exit 0 or 1, in well under 100 ms. Loads no more than
//! it takes to find the socket.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::{
    context::Context,
    control,
    report::{Exit, say, say_json},
};

/// A daemon that needs longer to say that it is well is not.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let answer = control::ask(&context.state_dir()?, "health", Map::new(), PATIENCE);
    let (well, why) = match answer {
        Ok(data) => verdict(&data),
        Err(error) => (false, error.to_string()),
    };
    if context.json() {
        say_json(&json!({"ok": well, "why": why}))?;
    } else {
        say(&format!("{why}\n"))?;
    }
    Ok(if well { Exit::Done } else { Exit::Failed })
}

/// The daemon's own word (`healthy`), with its reason (`why`). A daemon that answers and says neither is well.
fn verdict(data: &Json) -> (bool, String) {
    let well = data.get("healthy").and_then(Json::as_bool).unwrap_or(true);
    let why = data.get("why").and_then(Json::as_str).filter(|why| !why.is_empty());
    (well, why.map_or_else(|| if well { "ok".into() } else { "not well, without a reason".into() }, str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemons_word_decides() {
        let cases = [
            (json!(null), (true, "ok")),
            (json!({"healthy": true, "why": "3 parts up"}), (true, "3 parts up")),
            (json!({"healthy": false, "why": "store: disk full"}), (false, "store: disk full")),
            (json!({"healthy": false}), (false, "not well, without a reason")),
        ];
        for (data, (well, why)) in cases {
            assert_eq!(verdict(&data), (well, why.to_owned()), "{data}");
        }
    }
}
