//! # What the store gives back at start

use std::collections::BTreeMap;

use super::{AlertView, DeviceId, DeviceView, Mode, PersonId, Wall};

/// A device as stored: its last view, which holds its open window and its facts.
pub type RememberedDevice = DeviceView;

/// An alert as stored.
pub type RememberedAlert = AlertView;

/// What detectors learned, each in its own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned {
    /// When it was written down.
    pub at: Wall,
    /// Detector to lines.
    pub by: BTreeMap<String, String>,
}

/// Everything that survives a restart. Default: a first start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Remembered {
    /// 24 bits, drawn once; `None` on a first start.
    pub instance: Option<u32>,
    /// The node in MQTT topics, fixed at the first start.
    pub node: Option<String>,
    /// What the bridge keeps for itself: earlier places of its topics, farewells it owes.
    pub mqtt_memo: Option<String>,
    /// How many device ids were minted so far.
    pub minted: u32,
    /// When the last run was last alive, if there was one.
    pub stopped: Option<Wall>,
    pub devices: Vec<RememberedDevice>,
    pub tombstones: BTreeMap<DeviceId, Wall>,
    pub alerts: Vec<RememberedAlert>,
    pub mode: Option<Mode>,
    /// Ids of persons by their names.
    pub person_ids: BTreeMap<String, PersonId>,
    /// Detector, device, until when.
    pub mutes: Vec<(String, DeviceId, Wall)>,
    pub learned: Learned,
}
