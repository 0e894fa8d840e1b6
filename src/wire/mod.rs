//! # Bytes become views
//!
//! Decoders for what a home's wire carries. They never fail, never allocate (the readers of documents,
//! fingerprints and encrypted packets apart), keep no state and judge nothing: every read goes through [`reader::Reader`], every list has an end, and what was
//! whole before a fault is kept.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::expect_used, clippy::panic))]

pub mod arp;
pub mod ble;
pub mod cdp;
mod cooked;
pub mod ddp;
pub mod dhcp;
pub mod dhcp6;
pub mod dns;
pub mod eapol;
mod ethernet;
mod faults;
pub mod foreign;
mod frame;
pub mod hostapd;
pub mod http;
pub mod icmp;
mod ieee80211;
pub mod ipv4;
pub mod ipv6;
pub mod leases;
mod link;
pub mod lldp;
pub mod llmnr;
pub mod mdns;
mod names;
pub mod natpmp;
pub mod nd;
pub mod netbios;
pub mod nl80211;
pub mod pcp;
pub mod quic;
mod radiotap;
pub mod reader;
pub mod remote;
pub mod snmp;
pub mod soap;
pub mod ssdp;
pub mod stack;
pub mod station_list;
pub mod tcp;
pub mod tls;
pub mod tunnel;
pub mod udp;
pub mod upnp;
pub mod wifi;
pub mod wsd;
pub mod xml;

#[cfg(test)]
mod tests;

pub use faults::Faults;
pub use frame::{Frame, Net, Transport, protocol};
pub use link::{Carries, Tags, Wifi, ether_type};
pub use names::{link_name, protocol_name};
