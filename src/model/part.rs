//! # Parts of the daemon and how they are

use std::fmt;

/// The name of a supervised part: a scanner's name, or `mqtt`, `store`, `homeassistant`, `capture/eth0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId(pub String);

impl PartId {
    pub fn new(name: impl Into<String>) -> PartId {
        PartId(name.into())
    }
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether a part's silence counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    Up,
    /// Works with less; its silence still counts.
    Degraded {
        why: String,
        advice: Option<String>,
    },
    /// Sees nothing: departures that rest on it are frozen.
    Down {
        why: String,
        advice: Option<String>,
    },
    /// Switched off by settings.
    Off,
}

impl Health {
    /// The word of the contract.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Health::Up => "ok",
            Health::Degraded { .. } => "degraded",
            Health::Down { .. } => "failed",
            Health::Off => "off",
        }
    }
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Health::Degraded { why, .. } | Health::Down { why, .. } => Some(why),
            Health::Up | Health::Off => None,
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why() {
            Some(why) => write!(f, "{} ({why})", self.word()),
            None => f.write_str(self.word()),
        }
    }
}

/// How far the daemon is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Running,
    /// Scanners and capture stop.
    Quiet,
    /// The core empties its inbox.
    Draining,
    /// Outlets say goodbye and end. `lasting`: a person ended us (say `offline` at once); otherwise
    /// a service manager did and may bring us back within the will's delay.
    Closed {
        lasting: bool,
    },
}
