//! # What is remembered

use serde::{Deserialize, Serialize};

/// `store`: what is kept, and how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Days that closed windows, events and closed alerts are kept.
    pub retention_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { retention_days: 365 }
    }
}
