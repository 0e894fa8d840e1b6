//! # Where we are on the broker, and who listens

use std::collections::BTreeSet;

use crate::model::{HaInfo, MacAddr, Wall};

/// Everything payloads depend on besides the home itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// `mqtt.base_topic`.
    pub base: String,
    /// `[a-z0-9_]{1,24}`.
    pub node: String,
    /// `mqtt.discovery_prefix`.
    pub prefix: String,
    /// 24 bits, shown as six hex digits.
    pub instance: u32,
    /// Of this program.
    pub version: &'static str,
    pub started: Wall,
    /// 5, or 3 for 3.1.1.
    pub mqtt: u8,
    pub commands: super::Commands,
    pub link_mac: crate::model::LinkMac,
    pub expose_limit: u32,
    /// Base of our own page, such as `http://192.168.7.5:8060`; none while there is no page.
    pub page: Option<String>,
    pub ha: HaInfo,
    /// MACs named by other programs' discovery payloads on this broker.
    pub foreign_macs: BTreeSet<MacAddr>,
}
