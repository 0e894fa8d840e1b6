//! # What is remembered
//!
//! One SQLite file, `porchlight.db`, in the state folder. [`Store::open`] checks, upgrades and reads
//! it back; [`Writer`] keeps it current from its own thread and never makes the core wait;
//! [`Reader`] is for the command line and may be used beside a running daemon.
//!
//! State (devices, open windows, open alerts, mutes) is written from the whole view, so a row that
//! was missed is made good by the next view. History (closed windows, events) comes from changes; what
//! does not fit is dropped and counted. No SQL lives outside this folder.

mod apply;
mod decode;
mod error;
mod lock;
mod open;
mod read;
mod remember;
mod retention;
mod rows;
mod upgrade;
mod words;
mod writer;

#[cfg(test)]
mod samples;

use serde::{Deserialize, Serialize};

pub use error::StoreError;
pub use open::Store;
pub use read::{EventRow, Page, Reader};
pub use rows::event;
pub use writer::{OnHealth, Writer};

/// Name of the file in the state folder.
pub const FILE: &str = "porchlight.db";

/// `store`: what is kept, and how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Days that closed windows, events and closed alerts are kept.
    pub retention_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { retention_days: 365 }
    }
}
