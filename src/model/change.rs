//! # Changes: everything the core says
//!
//! The only thing that leaves the engine. `Display` is one stable line, used by goldens and logs.

use std::{fmt, net::IpAddr, sync::Arc};

use super::{
    AlertView, Answer, Decision, DeviceId, DeviceView, Health, Kind, Look, Mode, PartId, Presence, Refusal, Ticket,
    Wall, WindowView, words,
};

words! {
    /// Why a window closed.
    pub enum LeaveReason { NoAnswer = "no_answer", Left = "left", Told = "told", Merged = "merged", Replaced = "replaced", Retention = "retention", HardLimit = "hard_limit", Unproven = "unproven" }
}

/// Something is different from before. Devices are carried whole where an outlet needs them.
#[derive(Debug, Clone)]
pub enum Change {
    /// First proof ever of a device.
    DeviceFound {
        device: Arc<DeviceView>,
        at: Wall,
    },
    /// It was away and is back; `away_s` seconds since its last proof.
    DeviceReturned {
        device: Arc<DeviceView>,
        at: Wall,
        away_s: u64,
    },
    /// Its presence moved. `why` is a proof word or a [`LeaveReason`] word.
    Presence {
        device: DeviceId,
        from: Presence,
        to: Presence,
        why: &'static str,
        at: Wall,
    },
    /// An address came (`added`) or was replaced.
    AddressChanged {
        device: DeviceId,
        from: Option<IpAddr>,
        to: IpAddr,
        at: Wall,
    },
    Renamed {
        device: DeviceId,
        from: String,
        to: String,
        at: Wall,
    },
    KindChanged {
        device: DeviceId,
        from: Kind,
        to: Kind,
        at: Wall,
    },
    ServiceOpened {
        device: DeviceId,
        tcp: bool,
        port: u16,
        name: String,
        at: Wall,
    },
    /// A port that was open refuses.
    ServiceClosed {
        device: DeviceId,
        tcp: bool,
        port: u16,
        name: String,
        at: Wall,
    },
    /// Something else about it (owner, trust, area, model) is different.
    DeviceChanged {
        device: DeviceId,
    },
    /// Its address is known, the software behind it is not: `what` differs.
    IdentityDoubted {
        device: DeviceId,
        what: &'static str,
        at: Wall,
    },
    DeviceMerged {
        from: DeviceId,
        into: DeviceId,
        at: Wall,
    },
    DeviceForgotten {
        device: DeviceId,
        at: Wall,
    },
    WindowOpened {
        window: WindowView,
    },
    WindowClosed {
        window: WindowView,
    },
    /// A newcomer is probably `of`, under another address; a person is asked.
    JoinProposed {
        device: DeviceId,
        of: DeviceId,
        why: String,
        at: Wall,
    },
    /// What its departure was decided by; follows in the same breath.
    Judged {
        device: DeviceId,
        decision: Arc<Decision>,
        at: Wall,
    },
    /// A departure was none: `window` is what was two stays, of which the later began at `gone`.
    WindowStitched {
        window: WindowView,
        gone: Wall,
        at: Wall,
    },
    /// A person came (`true`) or went; `first_or_last` of the household. Told once more, when it is certain, of the
    /// last one who went while it was not.
    PersonMoved {
        person: String,
        home: bool,
        first_or_last: bool,
        people_home: u32,
        device: DeviceId,
        away_s: u64,
        /// How sure it is, 0 to 1; of the last one, of all of them. None: too little is known.
        confidence: Option<f64>,
        /// Whether the device is itself: `sure`, `fresh`, `doubtful`.
        identity: &'static str,
        at: Wall,
    },
    ModeChanged {
        from: Mode,
        to: Mode,
        at: Wall,
    },
    AlertOpened {
        alert: Arc<AlertView>,
    },
    AlertUpdated {
        alert: Arc<AlertView>,
    },
    AlertClosed {
        alert: Arc<AlertView>,
    },
    /// A part of the daemon went or came back.
    Part {
        part: PartId,
        health: Health,
        at: Wall,
    },
    Answered {
        ticket: Ticket,
        result: Result<Answer, Refusal>,
    },
    Asked(Look),
    /// A round of all scanners is wanted now.
    ScanWanted,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::DeviceFound { device, at } => write!(
                f,
                "{at} found {} {}",
                device.id,
                device.macs.first().map_or_else(|| "-".into(), ToString::to_string)
            ),
            Change::DeviceReturned { device, at, away_s } => write!(f, "{at} returned {} after {away_s} s", device.id),
            Change::Presence { device, from, to, why, at } => write!(f, "{at} presence {device} {from} -> {to} {why}"),
            Change::AddressChanged { device, from, to, at } => {
                write!(f, "{at} address {device} {} -> {to}", from.map_or_else(|| "-".into(), |ip| ip.to_string()))
            }
            Change::Renamed { device, from, to, at } => write!(f, "{at} renamed {device} {from:?} -> {to:?}"),
            Change::KindChanged { device, from, to, at } => write!(f, "{at} kind {device} {from} -> {to}"),
            Change::ServiceOpened { device, tcp, port, name, at } => {
                write!(f, "{at} service {device} {} {port} {name}", if *tcp { "tcp" } else { "udp" })
            }
            Change::ServiceClosed { device, tcp, port, name, at } => {
                write!(f, "{at} service closed {device} {} {port} {name}", if *tcp { "tcp" } else { "udp" })
            }
            Change::DeviceChanged { device } => write!(f, "changed {device}"),
            Change::IdentityDoubted { device, what, at } => write!(f, "{at} identity doubted {device} {what}"),
            Change::DeviceMerged { from, into, at } => write!(f, "{at} merged {from} -> {into}"),
            Change::DeviceForgotten { device, at } => write!(f, "{at} forgotten {device}"),
            Change::WindowOpened { window } => write!(f, "{} window opened {}", window.start, window.device),
            Change::WindowClosed { window } => write!(
                f,
                "{} window closed {} {}",
                window.end,
                window.device,
                window.closed_because.map_or("-", LeaveReason::word)
            ),
            Change::JoinProposed { device, of, why, at } => write!(f, "{at} proposed {device} is {of}: {why}"),
            Change::Judged { device, decision, at } => {
                write!(f, "{at} judged {device} {} {} s", decision.rule, decision.mute_s)
            }
            Change::WindowStitched { window, gone, at } => {
                write!(f, "{at} window stitched {} {} {gone}", window.device, window.start)
            }
            Change::PersonMoved { person, home, at, .. } => {
                write!(f, "{at} person {person} {}", if *home { "home" } else { "away" })
            }
            Change::ModeChanged { from, to, at } => write!(f, "{at} mode {from} -> {to}"),
            Change::AlertOpened { alert } => {
                write!(f, "{} alert opened {} {} {:?}", alert.first_seen, alert.detector, alert.severity, alert.title)
            }
            Change::AlertUpdated { alert } => write!(
                f,
                "{} alert updated {} {} {:?} x{}",
                alert.last_seen, alert.detector, alert.state, alert.title, alert.count
            ),
            Change::AlertClosed { alert } => {
                write!(f, "{} alert closed {} {} {:?}", alert.last_seen, alert.detector, alert.state, alert.title)
            }
            Change::Part { part, health, at } => write!(f, "{at} part {part} {health}"),
            Change::Answered { ticket, result } => {
                write!(f, "answered {} {}", ticket.0, if result.is_ok() { "ok" } else { "refused" })
            }
            Change::Asked(look) => write!(f, "asked {} {}", look.probe, look.ip),
            Change::ScanWanted => f.write_str("scan wanted"),
        }
    }
}
