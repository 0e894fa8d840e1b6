//! # Capture: frames in, nothing looked into
//!
//! Hands frames over as they came, in recycled batches; what they mean is decided above. The live
//! side is a kernel ring per interface, read by a plain thread. Needs CAP_NET_RAW, and says so.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

mod batch;
mod bpf;
pub mod evidence;
pub mod file;
mod groups;
mod listen;
mod permissions;
#[allow(unsafe_code, reason = "the ring is memory shared with the kernel; each block says why it is sound")]
mod ring;
mod stamps;
mod view;

pub use batch::Batch;
pub use bpf::{Filter, Instruction};
pub use listen::{Counters, listen};
pub use permissions::{Missing, drop_all_but_needed, missing};
pub use ring::{Ring, Statistics};

/// `capture`: how frames are heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Off: devices are seen only through the kernel's neighbour table, and nothing is inspected.
    pub enabled: bool,
    /// Hear frames for other stations too, on every card. One without a network, as at a mirror port, does so anyway.
    pub promiscuous: bool,
    /// Hear conversations too, as far as detectors need them: beginnings, ends and short messages. `false`: only what
    /// tells who is here; most attacks are not seen then.
    pub conversations: bool,
    /// Memory of the kernel ring per interface in MiB, 1 to 256. More bridges longer pauses of the
    /// core before frames are lost. When it gets tight it grows by itself, up to sixteen times this.
    pub ring_mib: u32,
    /// Hear what this host sends too. Not where a mirror port brings it anyway.
    #[serde(skip)]
    pub sent: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { enabled: true, promiscuous: false, conversations: true, ring_mib: 1, sent: false }
    }
}

/// Why frames cannot be had.
#[derive(Debug, Error)]
pub enum CaptureError {
    #[error("may not open {interface} for capture")]
    Forbidden { interface: String },
    #[error("no interface named {interface}; this host has {}", found.join(", "))]
    Missing { interface: String, found: Vec<String> },
    #[error("{interface} went down or away")]
    Lost { interface: String },
    #[error("{interface} speaks a link layer we cannot read (ARPHRD {hardware})")]
    Unreadable { interface: String, hardware: u16 },
    #[error("could not {doing} on {interface}")]
    System {
        interface: String,
        doing: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error("could not read {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{} is no capture file: starts with {magic:02x?}", path.display())]
    NotACapture { path: PathBuf, magic: [u8; 4] },
}

impl CaptureError {
    /// What the reader can do about it, as one command or one setting.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            CaptureError::Forbidden { .. } => Some(permissions::GRANT_RAW),
            CaptureError::Missing { .. } => Some("set network.interfaces"),
            CaptureError::Unreadable { .. } => Some("leave it out of network.interfaces"),
            CaptureError::System { doing: "make a ring", .. } => Some("set capture.ring_mib lower"),
            CaptureError::NotACapture { .. } => Some("give a pcap, pcapng or snoop file, plain or gzipped"),
            CaptureError::Lost { .. } | CaptureError::System { .. } | CaptureError::File { .. } => None,
        }
    }

    /// Trying again without a change of rights or settings is pointless.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(self, CaptureError::Forbidden { .. } | CaptureError::Unreadable { .. })
    }
}
