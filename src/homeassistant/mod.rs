//! # Home Assistant's websocket
//!
//! Reads the names, areas and persons that people gave in Home Assistant, what outlets must know of it, doors that
//! move, and how far from home its apps say that a phone is. It never writes there, and everything works without it.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use crate::model::{Clock, HaFact, HaInfo, Health, LinkMac, Phase, Span};

pub mod adverts;
pub mod conversation;
mod endpoint;
mod error;
pub mod evidence;
pub mod registry;
mod supervisor;
mod tls;
mod websocket;

pub use error::HaError;
pub use supervisor::{AppInfo, MachineInfo, MqttService, Supervisor};

/// What is needed to hear Bluetooth there.
pub struct Bluetooth {
    /// Phones by their key, and the address each is known by.
    pub keys: adverts::Keys,
    /// Whether an address is a device here.
    pub is_known: Box<dyn FnMut(crate::model::MacAddr) -> bool + Send + Sync>,
    pub observations: mpsc::Sender<crate::model::Observation>,
}

/// What the task is made of.
pub struct Parts {
    pub settings: Settings,
    /// `presence.doors`: entities of contacts, locks, covers and motion sensors at the doors through which people leave.
    pub doors: Vec<String>,
    /// With `homeassistant.bluetooth`.
    pub bluetooth: Option<Bluetooth>,
    /// Of this installation, 24 bits: tells our devices from everybody else's.
    pub instance: u32,
    /// The Supervisor, where we are an app.
    pub supervisor: Option<Supervisor>,
    /// To the core; the sender waits when it is full.
    pub facts: mpsc::Sender<HaFact>,
    pub info: watch::Sender<HaInfo>,
    pub phase: watch::Receiver<Phase>,
    /// Called when the health changed, not more often.
    pub health: Box<dyn Fn(Health) + Send + Sync>,
    pub now: Clock,
}

/// Runs until the daemon leaves. Without an address and without a Supervisor there is nothing to do,
/// which is no fault. An error means that the settings cannot work.
pub async fn run(mut parts: Parts) -> Result<(), HaError> {
    match endpoint::Endpoint::choose(&parts.settings, parts.supervisor.as_ref())? {
        // Boxed: a connection's state is some KiB, and the caller's futures should stay small.
        Some(endpoint) => Box::pin(websocket::keep(parts, endpoint)).await,
        None => {
            (parts.health)(Health::Off);
            let _ = parts.phase.wait_for(|phase| *phase != Phase::Running).await;
            Ok(())
        }
    }
}

/// `homeassistant`: what it gets, and how names and areas come back.
#[derive(Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `http://homeassistant.local:8123`. Empty: the Supervisor's, if there is one; else no websocket.
    pub url: Option<String>,
    /// A long-lived token of a user without admin rights, unless `bluetooth` is on. Better: `token_file`.
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
    /// So long a device that was there before us may take to tell its name before its entity ids are made without one.
    /// Who joins later is announced at once.
    pub name_wait: Span,
    /// Whether what its Bluetooth adapters and proxies hear is listened to. Needs the token of an administrator.
    pub bluetooth: bool,
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
            name_wait: Span::minutes(3),
            bluetooth: false,
            link_mac: LinkMac::Auto,
        }
    }
}

/// All but the token.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("url", &self.url)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("token_file", &self.token_file)
            .field("ca_file", &self.ca_file)
            .field("expose", &self.expose)
            .field("expose_limit", &self.expose_limit)
            .field("expose_list", &self.expose_list)
            .field("name_wait", &self.name_wait)
            .field("bluetooth", &self.bluetooth)
            .field("link_mac", &self.link_mac)
            .finish()
    }
}
