//! # Home Assistant's websocket

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::LinkMac;

/// `homeassistant`: what it gets, and how names and areas come back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `http://homeassistant.local:8123`. Empty: the Supervisor's, if there is one; else no websocket.
    pub url: Option<String>,
    /// A long-lived token of a user without admin rights. Better: `token_file`.
    pub token: Option<crate::model::Secret>,
    /// File that holds the token, one line.
    pub token_file: Option<PathBuf>,
    /// PEM file of the authority that signed its certificate.
    pub ca_file: Option<PathBuf>,
    /// Which devices get entities.
    pub expose: Expose,
    /// With `auto`: at most so many devices.
    pub expose_limit: u32,
    /// With `listed`: these (id, MAC or name).
    pub expose_list: Vec<String>,
    /// Whether a device's MAC is sent as a connection, which links it to other integrations' pages.
    pub link_mac: LinkMac,
}

/// Which devices get entities in Home Assistant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Expose {
    /// Named, trusted, important and people's devices, up to the limit.
    #[default]
    Auto,
    All,
    Listed,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            url: None,
            token: None,
            token_file: None,
            ca_file: None,
            expose: Expose::Auto,
            expose_limit: 40,
            expose_list: Vec::new(),
            link_mac: LinkMac::Auto,
        }
    }
}
