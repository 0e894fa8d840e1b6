//! # Bluetooth Low Energy
//!
//! ## What it finds
//! Phones and watches whose keys you gave, beacons, tags, sensors and headphones that advertise themselves, with
//! level, name, sort and charge. All others nearby are only counted.
//! ## What it sends
//! Nothing while BlueZ has an advertisement monitor. Without one, the controller asks each advertiser for the
//! rest of its data, as any phone in Bluetooth settings does. Nothing is connected to and nothing is paired.
//! ## What it needs
//! A Bluetooth controller, bluetoothd, and the system bus. The monitor needs BlueZ 5.56 or later, on many
//! systems started with `--experimental`; otherwise discovery takes its place.
//! ## How it decides
//! An address that changes every quarter of an hour is nobody's, unless it fits a key in `owners_file`; a second
//! address has to fit before it counts. A maker's address becomes a device when it stayed near (`near_dbm`) for
//! `near_for`; one listed in `known`, or paired with this machine, does at once. An advertisement is a sign of
//! life. Silence is weak: phones stop advertising when locked.
//! ## What fools it
//! Whoever replays a recorded advertisement. A tag left at home while its owner is out. A neighbour's television
//! behind a thin wall: raise `near_dbm`.
//!
//! Leaves out: connections and classic Bluetooth (`bluetooth`). When nothing is heard for `quiet_after` although
//! the controller listens, the bus is left and joined again, each time by another way of listening.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Desk, ScanError, page::page};
use crate::model::{Card, Probe, Source, Span};

#[cfg(feature = "ble")]
pub(super) mod bluez;
#[cfg(feature = "ble")]
mod ear;
#[cfg(feature = "ble")]
mod nearby;
#[cfg(feature = "ble")]
mod owners;
#[cfg(feature = "ble")]
pub(super) mod radio;
#[cfg(feature = "ble")]
mod second;
#[cfg(feature = "ble")]
mod sighting;

pub(super) static CARD: Card = Card { id: "ble", title: "Bluetooth Low Energy", needs: None, page: page!("ble.rs") };
pub(super) const SOURCE: Source = Source::Ble;
pub(super) const PROBES: &[Probe] = &[];

/// `scanners.ble`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// How often the controller is looked after and the crowd is counted. Advertisements are heard at once.
    pub interval: Span,
    /// Controllers to listen with, such as `hci0`. Empty: all.
    pub adapters: Vec<String>,
    /// Addresses that are devices at once, however far: tags and beacons of yours.
    pub known: Vec<String>,
    /// A file of identity resolving keys: a line each with key, address (or none) and name.
    pub owners_file: Option<PathBuf>,
    /// A stranger's fixed address counts as near from this level, in dBm. Closer to zero is nearer.
    #[schemars(range(min = -127, max = 0))]
    pub near_dbm: i8,
    /// So long it has to stay near to become a device.
    pub near_for: Span,
    /// Nothing heard for so long: listening begins anew.
    pub quiet_after: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            enabled: true,
            interval: Span::seconds(30),
            adapters: Vec::new(),
            known: Vec::new(),
            owners_file: None,
            near_dbm: -70,
            near_for: Span::seconds(600),
            quiet_after: Span::seconds(600),
        }
    }
}

/// How advertisements are heard.
#[cfg(feature = "ble")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Only listens.
    Monitor,
    /// Asks each advertiser for the rest.
    Discovery,
    /// The same by another library.
    Second,
}

#[cfg(feature = "ble")]
impl Way {
    /// What to try when this one was refused or fell silent.
    const fn next(self) -> Way {
        match self {
            Way::Monitor => Way::Discovery,
            Way::Discovery => Way::Second,
            Way::Second => Way::Monitor,
        }
    }
    const fn word(self) -> &'static str {
        match self {
            Way::Monitor => "the advertisement monitor",
            Way::Discovery => "discovery",
            Way::Second => "discovery by the second library",
        }
    }
}

/// What a feed tells.
#[cfg(feature = "ble")]
#[derive(Debug)]
enum Heard {
    /// It listens now, in this way.
    Way(Way),
    Seen(Box<sighting::Sighting>),
}

#[cfg(feature = "ble")]
impl Settings {
    fn nearby(&self) -> Result<nearby::Nearby, ScanError> {
        let owners = match &self.owners_file {
            None => Vec::new(),
            Some(path) => {
                owners::read(path).map_err(|why| ScanError::Library { doing: "read scanners.ble.owners_file", why })?
            }
        };
        let known: std::collections::BTreeSet<_> = self.known.iter().filter_map(|text| text.parse().ok()).collect();
        if known.len() < self.known.len() {
            tracing::warn!("scanners.ble.known holds something that is no address");
        }
        Ok(nearby::Nearby::new(
            nearby::Rules { known, near_dbm: self.near_dbm, near_for: self.near_for.0 },
            owners::Owners::new(owners),
        ))
    }
}

#[cfg(feature = "ble")]
pub(super) async fn run(settings: Settings, desk: Desk) -> Result<(), ScanError> {
    let nearby = settings.nearby()?;
    ear::run(settings, nearby, desk).await
}

#[cfg(not(feature = "ble"))]
pub(super) async fn run(_: Settings, desk: Desk) -> Result<(), ScanError> {
    without(desk).await
}

/// Built without Bluetooth: there is nothing to do, and it says so.
#[cfg(not(feature = "ble"))]
pub(super) async fn without(mut desk: Desk) -> Result<(), ScanError> {
    desk.health(crate::model::Health::Off);
    while desk.next().await?.is_some() {}
    Ok(())
}
