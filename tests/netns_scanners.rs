//! Scanners and the ring in a home made of network namespaces: thirty devices on a wire, and a peer.
//!
//! Needs root and `ip`; without them, or with PORCHLIGHT_FAST=1, each test says why it skips. A test starts this same
//! program inside the namespace for the part that looks (`inner_*`, ignored otherwise). Nothing leaves the namespaces.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may stop at the first surprise")]

#[path = "netns_scanners/home.rs"]
mod home;
#[path = "netns_scanners/links.rs"]
mod links;
#[path = "netns_scanners/looks.rs"]
mod looks;
#[path = "netns_scanners/mdns.rs"]
mod mdns;
#[path = "netns_scanners/office.rs"]
mod office;
#[path = "netns_scanners/ring.rs"]
mod ring;
#[path = "netns_scanners/sweep.rs"]
mod sweep;
