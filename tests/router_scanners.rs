//! Scanners that ask routers, DHCP servers and access points, against real ones in network namespaces.
//!
//! Needs root, `ip`, `nft` and the peers' Debian packages; without root, or with PORCHLIGHT_FAST=1, each test says why
//! it skips. A test starts this same program inside the namespace for the part that looks (`inner_*`, ignored
//! otherwise). Nothing leaves the namespaces.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may stop at the first surprise")]

#[path = "router_scanners/beyond.rs"]
mod beyond;
#[path = "router_scanners/dhcp.rs"]
mod dhcp;
#[path = "router_scanners/home.rs"]
mod home;
#[path = "router_scanners/igd.rs"]
mod igd;
#[path = "router_scanners/stations.rs"]
mod stations;
