//! # Scanners: send and listen, decide nothing

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `scanners.<name>`: which scanners run, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}

/// `network`: which networks are watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Interfaces to watch. Empty: those with a route to a network of their own, but no container bridges.
    pub interfaces: Vec<String>,
    /// Subnets to sweep besides those the routes show, such as `10.0.20.0/24`.
    pub subnets: Vec<String>,
    /// A label for a subnet, shown as `segment`: `192.168.7.0/24: home`.
    pub labels: BTreeMap<String, String>,
}
