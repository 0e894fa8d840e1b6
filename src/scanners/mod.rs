//! # Scanners: send and listen, decide nothing
//!
//! One file a scanner, one line in the list below. A scanner is a function that gets its settings and
//! a [`Desk`]; the desk keeps the rounds, the rate, the looks and the end. *Send here, hear there*:
//! sweeps only send, their answers are frames, heard by capture and decoded once.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::model::{Card, Probe, Source, Span};

mod budget;
mod choose;
mod controller;
mod desk;
mod fetch;
mod frames;
mod groups;
mod knock;
mod links;
mod mdns_ask;
pub mod mdns_read;
pub mod mqtt;
mod neighbours;
mod nl80211;
mod page;
mod ping;
mod raw;
mod sock_diag;
mod targets;
mod timed;
mod visits;
mod witness;

pub use budget::Budget;
pub use controller::Account;
pub use desk::{Desk, DeskParts, LOOKS, OBSERVATIONS, Progress, Work};
pub use links::{read as read_network, watch as watch_network};

/// What `start` of a scanner gives.
pub type Running = Pin<Box<dyn Future<Output = Result<(), ScanError>> + Send>>;

/// One scanner, as the daemon needs it.
pub struct Row {
    pub card: &'static Card,
    pub source: Source,
    /// Which looks it answers.
    pub probes: &'static [Probe],
    pub enabled: fn(&Settings) -> bool,
    pub interval: fn(&Settings) -> Span,
    /// Runs it until the desk says the end. To be called again after an error.
    pub start: fn(&Settings, Desk) -> Running,
}

/// One line a scanner: its module, its settings under its own name, its row.
macro_rules! scanners {
    ($($(#[$gate:meta])* $name:ident),+ $(,)?) => {
        $($(#[$gate])* pub mod $name;)+

        /// `scanners.<name>`: which scanners run, and how.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, Default)]
        #[serde(default, deny_unknown_fields)]
        pub struct Settings {
            $($(#[$gate])* pub $name: $name::Settings,)+
            /// Whom else on the broker is listened to; no scanner, since the broker calls and not the clock.
            pub mqtt: mqtt::Settings,
        }

        /// Every scanner, in the order they are shown.
        pub static SCANNERS: &[Row] = &[$($(#[$gate])* Row {
            card: &$name::CARD,
            source: $name::SOURCE,
            probes: $name::PROBES,
            enabled: |settings| settings.$name.enabled,
            interval: |settings| settings.$name.interval,
            start: |settings, desk| Box::pin($name::run(settings.$name.clone(), desk)),
        }),+];
    };
}

scanners! {
    netlink,
    arp_sweep,
    nd_sweep,
    icmp,
    mdns,
    ssdp,
    upnp_igd,
    wsd,
    llmnr,
    netbios,
    canary,
    consoles,
    reverse_dns,
    snmp,
    dhcp_probe,
    dhcp_leases,
    hostapd,
    openwrt,
    unifi,
    fritzbox,
    ports,
    ble,
    bluetooth,
    wifi,
    wifi_monitor,
    sockets,
    processes,
}

/// Why a scanner stopped.
#[derive(Debug, Error)]
pub enum ScanError {
    #[error("may not {doing}")]
    Forbidden { doing: &'static str, advice: &'static str },
    #[error("could not {doing}")]
    System {
        doing: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error("could not {doing}: {why}")]
    Library { doing: &'static str, why: String },
    /// The core is gone; there is nobody to report to.
    #[error("nobody listens any more")]
    Unheard,
}

impl ScanError {
    /// What the reader can do about it.
    #[must_use]
    pub const fn advice(&self) -> Option<&'static str> {
        match self {
            ScanError::Forbidden { advice, .. } => Some(advice),
            ScanError::System { .. } | ScanError::Library { .. } | ScanError::Unheard => None,
        }
    }

    /// Trying again without a change of rights or settings is pointless.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(self, ScanError::Forbidden { .. })
    }
}

/// `network`: which networks are watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Interfaces to watch. Empty: those with a network of their own, but no container bridges; a card without a
    /// network is listened to, as at a mirror port.
    pub interfaces: Vec<String>,
    /// Subnets to sweep besides those the routes show, such as `10.0.20.0/24`.
    pub subnets: Vec<String>,
    /// A label for a subnet, shown as `segment`: `192.168.7.0/24: home`.
    pub labels: BTreeMap<String, String>,
}

/// Starts `row` with a desk of its own.
#[must_use]
pub fn start(row: &'static Row, settings: &Settings, parts: &DeskParts) -> Running {
    let desk = Desk::new(row.card.id, row.source, row.probes, (row.interval)(settings).0, parts.clone());
    (row.start)(settings, desk)
}

/// The scanners that `settings` switch on and that are among `only` (empty: all).
pub fn enabled<'a>(settings: &'a Settings, only: &'a [String]) -> impl Iterator<Item = &'static Row> + 'a {
    SCANNERS
        .iter()
        .filter(move |row| (row.enabled)(settings) && (only.is_empty() || only.iter().any(|name| name == row.card.id)))
}

/// Whether it finds what others then visit: hosts, by a sweep or in the kernel's table, and the services they announce.
#[must_use]
pub const fn is_finder(source: Source) -> bool {
    matches!(
        source,
        Source::Netlink | Source::ArpSweep | Source::NdSweep | Source::Icmp | Source::Mdns | Source::Ssdp | Source::Wsd
    )
}

/// What desks share of the settings.
pub type SharedNetwork = Arc<Network>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_named_after_its_source_and_has_a_page() {
        for row in SCANNERS {
            assert_eq!(row.card.id, row.source.word());
            let page = row.card.page;
            for heading in ["## What it finds", "## What it sends", "## What it needs", "## What fools it"] {
                assert!(page.contains(heading), "{} has no {heading:?}", row.card.id);
            }
            assert!((row.enabled)(&Settings::default()), "{} is off by default", row.card.id);
            assert!((row.interval)(&Settings::default()).0.as_secs() >= 5, "{}", row.card.id);
        }
    }

    #[test]
    fn only_narrows_the_list() {
        let settings = Settings::default();
        let names = |only: &[&str]| {
            let only: Vec<String> = only.iter().map(ToString::to_string).collect();
            enabled(&settings, &only).map(|row| row.card.id).collect::<Vec<_>>()
        };
        assert_eq!(names(&["icmp", "arp_sweep"]), ["arp_sweep", "icmp"]);
        assert_eq!(names(&[]).len(), SCANNERS.len());
    }
}
