//! # What Home Assistant knows

use std::net::IpAddr;

use super::{DeviceId, MacAddr};

/// A person there and the trackers that stand for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HaPerson {
    pub name: String,
    /// Devices of ours whose tracker the person holds.
    pub devices: Vec<DeviceId>,
    /// They hold our tracker of a person: whose devices are whose stays as it was.
    pub linked: bool,
}

/// One fact from Home Assistant's registries. Lists come whole and replace what was known.
#[derive(Debug, Clone, PartialEq)]
pub enum HaFact {
    /// Names and areas of *other* integrations' devices, by what we can match them with, and the
    /// names that a person typed there for devices of ours.
    Names(Vec<HaName>),
    /// Area the user gave to *our* MQTT device of that id.
    Areas(Vec<(DeviceId, Option<String>)>),
    Persons(Vec<HaPerson>),
    /// Areas that the user gave to remote sensors of ours, by the sensor's name.
    Ears(Vec<(String, String)>),
    /// A door, lock or garage contact moved, or can no longer be read.
    Contact(HaContact),
    /// Where the app of a person's phone says that it is.
    Located(HaPlace),
    /// A router's tracker there changed its mind just now.
    Tracker(HaTracker),
}

/// A contact at a door through which people leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HaContact {
    /// Its entity, as `presence.doors` names it.
    pub entity: String,
    /// None: unavailable.
    pub open: Option<bool>,
}

/// A position from a companion app, as old as it says. Frozen and rough ones are told too: who hears them judges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HaFix {
    /// From the middle of the home, in metres.
    pub distance_m: f64,
    /// Radius within which it lies, in metres.
    pub accuracy_m: f64,
    pub age: std::time::Duration,
}

/// Whose position it is.
#[derive(Debug, Clone, PartialEq)]
pub struct HaPlace {
    pub person: String,
    pub fix: HaFix,
}

/// What a tracker of another integration says of a device, by that integration's own patience: a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HaTracker {
    pub mac: MacAddr,
    pub home: bool,
}

/// A device of another integration, or the name a person typed there for one of ours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HaName {
    /// `name_by_user`, else its name.
    pub name: Option<String>,
    /// The name was typed by a person.
    pub by_user: bool,
    pub area: Option<String>,
    pub macs: Vec<MacAddr>,
    pub ips: Vec<IpAddr>,
    pub hosts: Vec<String>,
    /// Rank of its integration: vendor integrations above routers above the rest.
    pub rank: u8,
    /// It is our own device: only the typed name is told, and it is above all others.
    pub ours: Option<DeviceId>,
}

/// What outlets need to know of the Home Assistant at the other end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HaInfo {
    /// The websocket is open and the registries were read.
    pub connected: bool,
    /// Year and month of its release, such as `(2026, 11)`.
    pub version: Option<(u16, u16)>,
    /// Names of its areas.
    pub areas: std::collections::BTreeSet<String>,
    /// Device identifiers of ours that its registry lists (`porchlight_7f3a2c_d-7f3k2m`).
    pub ours: std::collections::BTreeSet<String>,
    /// Entities of ours that its registry lists, by `unique_id`, and whether each is enabled.
    pub our_entities: std::collections::BTreeMap<String, bool>,
    /// MACs of MQTT devices of others. Home Assistant makes one device of two that share a MAC and
    /// both come by MQTT, so ours must not name it.
    pub mqtt_macs: std::collections::BTreeSet<MacAddr>,
}
