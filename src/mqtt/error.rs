//! # What can go wrong on the way to the broker
//!
//! One variant for each thing a person would do something different about.

use std::path::PathBuf;

use super::SecretFault;

/// Why there is no broker, or no longer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MqttError {
    #[error("broker {broker} refuses the user name or password")]
    Refused { broker: String },
    #[error("the certificate of {broker} is not trusted: {why}")]
    NotTrusted { broker: String, why: String },
    #[error("broker {broker} wants a client certificate: {why}")]
    CertificateWanted { broker: String, why: String },
    #[error("no host named {host}")]
    HostNotFound { host: String },
    #[error("nothing listens at {broker}")]
    NothingListens { broker: String },
    #[error("{broker} cannot be reached: {why}")]
    Unreachable { broker: String, why: String },
    #[error("{broker} does not answer")]
    Silent { broker: String },
    #[error("{broker} closed the connection")]
    Closed { broker: String },
    #[error("another client took our name on {broker}")]
    Kicked { broker: String },
    #[error("{broker} does not speak MQTT as we do: {why}")]
    Protocol { broker: String, why: String },
    #[error("{path} cannot be used: {why}")]
    File { path: PathBuf, why: String },
    #[error("the password file {path} cannot be used: {fault}")]
    Password { path: PathBuf, fault: SecretFault },
    #[error("{0}")]
    Setting(String),
    #[error("the Supervisor gives no broker: {why}")]
    Supervisor { why: String },
    #[error("the own broker cannot start: {why}")]
    OwnBroker { why: String },
    #[error("another Porchlight (version {version}, running since {started}) uses node {node} on this broker")]
    Duplicate { node: String, version: String, started: String },
}

impl MqttError {
    /// What the reader can do about it.
    #[must_use]
    pub const fn advice(&self) -> Option<&'static str> {
        match self {
            MqttError::Refused { .. } => {
                Some("set mqtt.username and mqtt.password_file to an account of the broker, or allow this one there")
            }
            MqttError::NotTrusted { .. } => Some(
                "set mqtt.ca_file to the PEM file of the authority that signed it, and use the host name it is for",
            ),
            MqttError::CertificateWanted { .. } => Some("set mqtt.client_cert_file and mqtt.client_key_file"),
            MqttError::HostNotFound { .. } => {
                Some("check the host in mqtt.url; an address such as 192.168.7.5 works too")
            }
            MqttError::NothingListens { .. } => Some("start the broker, or correct host and port in mqtt.url"),
            MqttError::Unreachable { .. } | MqttError::Silent { .. } => {
                Some("check the network and firewall between here and the broker")
            }
            MqttError::Closed { .. } => Some("the log of the broker says why"),
            MqttError::Kicked { .. } => Some("stop the other Porchlight, or give it a state directory of its own"),
            MqttError::Protocol { .. } => {
                Some("check that the port is that of MQTT, and mqtt:// against mqtts:// in mqtt.url")
            }
            MqttError::File { .. } => Some("make it a PEM file that porchlight may read"),
            MqttError::Password { .. } => Some("write the password into it, one line, readable by porchlight"),
            MqttError::Setting(_) => Some("correct the settings"),
            MqttError::Supervisor { .. } => Some("install and start the Mosquitto add-on, or set mqtt.url"),
            MqttError::OwnBroker { .. } => Some("set mqtt.broker.port to a free port, or mqtt.url to another broker"),
            MqttError::Duplicate { .. } => Some("set mqtt.node to another name, or stop the other one"),
        }
    }

    /// Trying again will not help before a person has done something.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, MqttError::Setting(_) | MqttError::Duplicate { .. })
    }
}
