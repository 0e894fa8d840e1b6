//! Stories of homes: what happens over hours, and which lines it must or must not give.
//!
//! No clock and no network: every story is inputs for `Engine::handle`, with their times.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

mod arrivals;
mod blindness;
mod contested;
mod departures;
mod ears;
mod evidence;
mod floods;
mod identity;
mod impostors;
mod kinds;
mod learned;
mod names;
mod night;
mod order;
mod people;
mod proposals;
mod restarts;
mod rooms;
mod truth;
mod world;
