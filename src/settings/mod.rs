//! # Settings
//!
//! Composes the `Settings` of every room, and loads them: defaults, file, the app's options,
//! environment, flags. Nothing starts on settings with a problem, and all problems are told at once.

use std::path::PathBuf;

mod check;
mod layer;
mod load;
mod log;
mod options;
mod problem;
mod rules;
pub mod tree;

pub mod plan;
pub mod schema;
pub mod secret;
pub mod show;
pub mod state_dir;

pub use load::{Loaded, Places, SettingsError, Sources, load};
pub use log::{Format, Level, Log};
pub use options::NAMES as OPTION_NAMES;
pub use plan::{Plan, plan};
pub use problem::{Origin, Problem};

use serde::{Deserialize, Serialize};

use crate::{alerts, capture, detectors, engine, homeassistant, mqtt, presence, scanners, store};

/// All settings. Every key has a working default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `hub` watches, decides and speaks to Home Assistant; `sensor` only watches for a hub.
    pub role: Role,
    /// Where the store, the own broker's password and the control socket live. Empty: the service
    /// manager's state directory, else the user's.
    pub state_dir: Option<PathBuf>,
    pub log: Log,
    pub network: scanners::Network,
    pub capture: capture::Settings,
    pub evidence: capture::evidence::Settings,
    pub scanners: scanners::Settings,
    pub presence: presence::Settings,
    /// What is set for single devices: their id, MAC or name, and below it what is another than for all.
    pub devices: presence::Devices,
    pub detectors: detectors::Settings,
    pub alerts: alerts::Settings,
    pub mqtt: mqtt::Settings,
    pub homeassistant: homeassistant::Settings,
    pub store: store::Settings,
}

/// What this installation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    #[default]
    Hub,
    Sensor,
}

impl Settings {
    /// The core's share.
    #[must_use]
    pub fn engine(&self) -> engine::Settings {
        engine::Settings {
            presence: presence::Settings { devices: self.devices.clone(), ..self.presence.clone() },
            exposure: presence::Exposure {
                all: self.homeassistant.expose == homeassistant::Expose::All,
                listed: (self.homeassistant.expose == homeassistant::Expose::Listed)
                    .then(|| self.homeassistant.expose_list.clone()),
                limit: self.homeassistant.expose_limit,
                name_wait: self.homeassistant.name_wait,
            },
            detectors: self.detectors.clone(),
            alerts: self.alerts.clone(),
        }
    }
}
