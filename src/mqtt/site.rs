//! # Where we are on the broker, and who listens

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{HaInfo, MacAddr, Wall};

/// Where our topics are on the broker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seat {
    pub base: String,
    pub node: String,
    pub prefix: String,
}

impl Seat {
    /// What was read may have been written by anybody: only plain topics are a seat.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let plain = |text: &str| {
            (1..=64).contains(&text.len())
                && !text.starts_with('/')
                && !text.ends_with('/')
                && !text.contains(['+', '#', '$'])
                && !text.chars().any(char::is_control)
        };
        plain(&self.base) && plain(&self.prefix) && super::topics::is_node(&self.node)
    }
}

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

impl Site {
    #[must_use]
    pub fn seat(&self) -> Seat {
        Seat { base: self.base.clone(), node: self.node.clone(), prefix: self.prefix.clone() }
    }

    /// The same installation, seated elsewhere.
    #[must_use]
    pub fn seated(&self, seat: &Seat) -> Site {
        Site { base: seat.base.clone(), node: seat.node.clone(), prefix: seat.prefix.clone(), ..self.clone() }
    }
}
