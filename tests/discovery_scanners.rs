//! Scanners that ask devices what they are, against real peers in two network namespaces.
//!
//! Needs root, `ip` and the peers' Debian packages; without root, or with PORCHLIGHT_FAST=1, each test says why it
//! skips. A test starts this same program inside the namespace for the part that looks (`inner_*`, ignored
//! otherwise). Nothing leaves the namespaces.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may stop at the first surprise")]

#[path = "discovery_scanners/canary.rs"]
mod canary;
#[path = "discovery_scanners/home.rs"]
mod home;
#[path = "discovery_scanners/leases.rs"]
mod leases;
#[path = "discovery_scanners/names.rs"]
mod names;
#[path = "discovery_scanners/ports.rs"]
mod ports;
#[path = "discovery_scanners/ssdp.rs"]
mod ssdp;
#[path = "discovery_scanners/wsd.rs"]
mod wsd;
