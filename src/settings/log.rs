//! # What is logged

use serde::{Deserialize, Serialize};

/// `log`: how much is said, and in which form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`. From `debug` down, names and addresses of devices are logged.
    pub level: Level,
    /// `text` for people, `json` one object a line, `journald` with fields. Empty: journald under systemd, else text.
    pub format: Option<Format>,
    /// Replaces MACs, names and domains in logs and exports by short hashes that stay the same.
    pub redact: bool,
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
