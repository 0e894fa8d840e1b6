//! # The only wiring
//!
//! Names the parts, the threads between them and the channels that join them. Rules live elsewhere.

pub mod clock;
mod control;
mod core_loop;
mod feed;
mod parts;
mod signals;
mod watchdog;
