//! # What is in the air
//!
//! Access points heard, whoever heard them. Neighbours' are here and in no list of devices.

use super::{MacAddr, Source, Wall};

/// One access point, as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointView {
    pub bssid: MacAddr,
    /// Empty: hidden.
    pub ssid: String,
    pub channel: Option<u16>,
    pub level_dbm: Option<i8>,
    /// As in [`super::AccessPoint::security`].
    pub security: String,
    /// Of the home's own network.
    pub own: bool,
    /// Devices heard to talk through it within minutes.
    pub stations: u32,
    pub first_seen: Wall,
    pub last_seen: Wall,
    /// Who heard it.
    pub sources: Vec<Source>,
}

/// All of them: the home's own first, then by level.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AirView {
    pub points: Vec<PointView>,
    /// Access points that went for want of room: many thousands are somebody's joke.
    pub dropped: u64,
}
