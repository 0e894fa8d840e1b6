//! # What is logged

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `log`: how much is said, and in which form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`. From `debug` down, names and addresses of devices are logged.
    pub level: Level,
    /// `text` for people, `json` one object a line, `journald` with fields. Empty: journald under systemd, else text.
    pub format: Option<Format>,
    /// Replaces MACs, names and domains in logs and exports by short hashes that stay the same.
    pub redact: bool,
    /// A file that every event is written to as it happens, one JSON object a line; a name alone lies in the state
    /// folder. Empty: none.
    pub events: Option<PathBuf>,
    /// The file is turned over when it is so long, in MiB.
    pub events_mib: u32,
    /// Files kept, the one that is written among them.
    pub events_files: u32,
    /// Events in the words of the Elastic Common Schema.
    pub ecs: bool,
}

impl Default for Log {
    fn default() -> Self {
        Log {
            level: Level::default(),
            format: None,
            redact: false,
            events: None,
            events_mib: 16,
            events_files: 4,
            ecs: false,
        }
    }
}

/// How much is said.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    Default,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A person must act.
    Error,
    /// Works less than it should.
    Warn,
    /// A few lines a day.
    #[default]
    Info,
    /// One line per decision, with its reason.
    Debug,
    /// One line per packet.
    Trace,
}

impl Level {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }
}

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Text,
    Json,
    Journald,
}
