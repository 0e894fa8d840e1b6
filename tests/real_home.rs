//! The program as it is installed, in a home of network namespaces: interfaces that come, go and change their names,
//! clocks that jump, and a program that is killed.
//!
//! Needs root and `ip`; without them, or with PORCHLIGHT_FAST=1, each test says why it skips. Nothing leaves the
//! namespaces.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

#[path = "real_home/clocks.rs"]
mod clocks;
#[path = "real_home/house.rs"]
mod house;
#[path = "real_home/interfaces.rs"]
mod interfaces;
#[path = "real_home/kills.rs"]
mod kills;
