//! # Commands: what people want of the home
//!
//! From MQTT, the command line or a page; the core accepts or refuses, and answers once.

use std::time::Duration;

use super::{AlertId, DeviceId, Kind, Mode, PersonId, Trust, words};

/// Ties an answer to its question. Made by the outlet that asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A wish.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// The own name; `None` drops it.
    Rename {
        device: DeviceId,
        name: Option<String>,
    },
    Trust {
        device: DeviceId,
        trust: Trust,
    },
    SetKind {
        device: DeviceId,
        kind: Option<Kind>,
    },
    SetOwner {
        device: DeviceId,
        owner: Option<String>,
    },
    SetGroup {
        device: DeviceId,
        group: Option<String>,
    },
    SetNotes {
        device: DeviceId,
        notes: Option<String>,
    },
    /// Whether its alerts are told.
    SetAlerts {
        device: DeviceId,
        on: bool,
    },
    SetImportant {
        device: DeviceId,
        on: bool,
    },
    /// Fixed time to away; zero means learned.
    SetAwayAfter {
        device: DeviceId,
        after: Duration,
    },
    /// Show it in Home Assistant (all entities), whatever the limit says.
    Expose {
        device: DeviceId,
    },
    /// Take it out of Home Assistant; `by_ha` when Home Assistant's user deleted it there.
    Hide {
        device: DeviceId,
        by_ha: bool,
    },
    /// Drop it; its id stays as a tombstone.
    Forget {
        device: DeviceId,
    },
    /// The younger becomes part of the older.
    Merge {
        a: DeviceId,
        b: DeviceId,
    },
    /// Undo the last merge into it.
    Split {
        device: DeviceId,
    },
    /// It was here all the time: its last departure was none.
    WasHome {
        device: DeviceId,
    },
    /// They were here all the time: the last departure of what they carry was none.
    PersonWasHome {
        person: PersonId,
    },
    /// Whether it is the device that it was proposed to be.
    AnswerProposal {
        device: DeviceId,
        is_same: bool,
    },
    /// Ask it now.
    Check {
        device: DeviceId,
    },
    /// Try its ports now, asleep or not: the usual ones, or all there are.
    Ports {
        device: DeviceId,
        full: bool,
    },
    SetMode {
        mode: Mode,
    },
    ScanNow,
    Acknowledge {
        alert: AlertId,
    },
    AcknowledgeAll,
    Mute {
        alert: AlertId,
    },
    Expected {
        alert: AlertId,
    },
    FalseAlarm {
        alert: AlertId,
    },
    Reopen {
        alert: AlertId,
    },
    /// No alerts of this detector about this device for so many days.
    MuteDevice {
        detector: String,
        device: DeviceId,
        days: u32,
    },
}

/// What an accepted command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Done,
    /// The device that holds the result (the survivor of a merge).
    Device(DeviceId),
    /// How many things it touched.
    Count(usize),
}

words! {
    /// Why not; the codes of the MQTT contract.
    pub enum RefusalCode {
        BadRequest = "bad_request", NotFound = "not_found", NotPermitted = "not_permitted", Busy = "busy",
        TooLarge = "too_large", Unsupported = "unsupported", Internal = "internal",
    }
}

/// A refused command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: RefusalCode,
    pub message: String,
}

impl Refusal {
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into() }
    }
    #[must_use]
    pub fn no_device(id: DeviceId) -> Refusal {
        Refusal::new(RefusalCode::NotFound, format!("no device {id}"))
    }
}
