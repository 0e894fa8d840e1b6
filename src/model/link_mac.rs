//! # Whether a MAC is sent to Home Assistant

use serde::{Deserialize, Serialize};

/// When the MAC is sent as a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum LinkMac {
    /// If Home Assistant is 2026.8 or newer and no other MQTT device has that MAC.
    #[default]
    Auto,
    Always,
    Never,
}
