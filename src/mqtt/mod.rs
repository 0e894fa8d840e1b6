//! # MQTT: what is said to Home Assistant

use std::{fmt, path::PathBuf};

mod account;
mod error;
mod events;
mod ghosts;
mod message;
mod moves;
mod password;
mod published;
mod requests;
mod shapes;
mod site;
mod socket;
mod text;
mod tls;
mod websocket;
mod wish;

pub mod bridge;
#[cfg(feature = "broker")]
pub mod broker;
pub mod client;
pub mod commands;
pub mod discovery;
pub mod entities;
pub mod find;
pub mod payloads;
pub mod reconcile;
pub mod recover;
pub mod sensors;
pub mod topics;

pub use account::{Account, Place, Scheme, TlsFiles, problems};
pub use client::Link;
pub use error::MqttError;
pub use message::{Incoming, Publish};
pub use password::{Password, SecretFault, read_secret};
pub use site::{Seat, Site};
pub use text::device_slug;

use serde::{Deserialize, Serialize};

/// `mqtt`: which broker, and how.
#[derive(Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `mqtt://host:1883`, `mqtts://`, `ws://` or `wss://`. Empty: the Supervisor's broker, else the
    /// one on this machine, else an own one.
    pub url: Option<String>,
    /// The account there. Empty: nobody in particular.
    pub username: Option<String>,
    /// Better: `password_file`.
    pub password: Option<crate::model::Secret>,
    /// File that holds the password, one line. Read again at each connect.
    pub password_file: Option<PathBuf>,
    /// Where Home Assistant looks for discovery.
    pub discovery_prefix: String,
    /// First part of all topics of ours.
    pub base_topic: String,
    /// Name of this installation in topics, `[a-z0-9_]{1,24}`. Empty: from the host name at first start.
    pub node: Option<String>,
    /// With `role: sensor`: the room it is in.
    pub room: Option<String>,
    /// With `role: sensor`: so much may wait on the disk while the broker is away, in MiB.
    #[schemars(range(min = 1, max = 1024))]
    pub queue_max_mb: u32,
    /// PEM file of the authority that signed the broker's certificate.
    pub ca_file: Option<PathBuf>,
    /// PEM file of a client certificate, for brokers that ask for one.
    pub client_cert_file: Option<PathBuf>,
    /// The key of that certificate, without a pass phrase.
    pub client_key_file: Option<PathBuf>,
    /// Which commands are taken from the broker.
    pub commands: Commands,
    /// The own broker.
    pub broker: Broker,
}

// Passwords are not shown, and an url may hold one.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("url", &self.url.as_ref().map(|_| "…"))
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("password_file", &self.password_file)
            .field("discovery_prefix", &self.discovery_prefix)
            .field("base_topic", &self.base_topic)
            .field("node", &self.node)
            .field("room", &self.room)
            .field("queue_max_mb", &self.queue_max_mb)
            .field("ca_file", &self.ca_file)
            .field("client_cert_file", &self.client_cert_file)
            .field("client_key_file", &self.client_key_file)
            .field("commands", &self.commands)
            .field("broker", &self.broker)
            .finish()
    }
}

/// Which commands are taken from the broker: everybody with an account there can command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Commands {
    #[default]
    All,
    /// Without forget, merge and restart.
    Safe,
    None,
}

/// `mqtt.broker`: the broker that runs when no other is configured or found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Broker {
    /// Whether it may run at all.
    pub enabled: bool,
    /// `false`: reachable from this machine only. `true`: from the network, with a password.
    pub lan: bool,
    /// Where it listens.
    pub port: u16,
}

impl Default for Broker {
    fn default() -> Self {
        Broker { enabled: true, lan: false, port: 1883 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            url: None,
            username: None,
            password: None,
            password_file: None,
            discovery_prefix: "homeassistant".into(),
            base_topic: "porchlight".into(),
            node: None,
            room: None,
            queue_max_mb: 16,
            ca_file: None,
            client_cert_file: None,
            client_key_file: None,
            commands: Commands::All,
            broker: Broker::default(),
        }
    }
}
