//! # Evidence: what was on the wire when an alert was raised
//!
//! The last frames are held in memory. When an alert is raised, those of its parties from before it are put aside, and
//! those that come in the seconds after it are added; the whole becomes one pcapng file, which any tool reads. Nothing
//! touches the disk before that. What people said is blanked (`mask`): who spoke with whom, when, how much and by what
//! protocol is evidence; passwords, pages and mail are nobody's business.
//!
//! Holds `evidence.ring_mib` of frames, [`CASES_MAX`] alerts at a time of at most [`CASE_BYTES_MAX`] each.

use std::{collections::VecDeque, net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

mod mask;
mod pcapng;
mod ring;
mod shelf;
#[cfg(test)]
mod tests;

pub use shelf::{Shelf, file_of};

use crate::{
    model::{AlertView, Captured, MacAddr, Moment, Mono, Party, Severity, clean_text},
    wire::{Frame, Net},
};
use pcapng::Writer;
use ring::Ring;

/// Alerts that are being collected for at a time.
const CASES_MAX: usize = 16;
/// Of one file.
const CASE_BYTES_MAX: usize = 4 << 20;
/// Of it, for what was before the alert.
const BEFORE_BYTES_MAX: usize = CASE_BYTES_MAX / 2;
/// Bytes that are given out at once, of the last minutes.
pub const LAST_BYTES_MAX: usize = 64 << 20;
/// Files an hour: whoever raises alerts on purpose wears out no memory card.
const FILES_PER_HOUR: usize = 60;
const HOUR: Duration = Duration::from_secs(3600);
/// Addresses of one alert.
const PARTIES_MAX: usize = 8;

/// `evidence`: frames kept with an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether frames are kept in memory and written with an alert.
    pub enabled: bool,
    /// Memory for the frames of the last ten minutes, in MiB. More reaches further back in a busy network; a quiet one
    /// takes less.
    pub ring_mib: u32,
    /// Seconds before an alert that are written with it.
    pub pre_s: u32,
    /// Seconds after it.
    pub post_s: u32,
    /// Days that files are kept.
    pub keep_d: u32,
    /// All files together, in MiB; beyond it the oldest go.
    pub keep_mib: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { enabled: true, ring_mib: 32, pre_s: 60, post_s: 30, keep_d: 14, keep_mib: 512 }
    }
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// Without its ending.
    pub name: String,
    pub bytes: Vec<u8>,
}

/// What is being collected for one alert.
struct Case {
    name: String,
    macs: Vec<MacAddr>,
    ips: Vec<IpAddr>,
    until: Mono,
    out: Writer,
}

impl Case {
    fn is_full(&self) -> bool {
        self.out.len() >= CASE_BYTES_MAX
    }

    /// Whether the frame is of one of its parties. One that names nobody takes all.
    fn wants(&self, frame: &Frame<'_>) -> bool {
        if self.macs.is_empty() && self.ips.is_empty() {
            return true;
        }
        let macs = [frame.source, frame.destination];
        let is_ours = |mac: &Option<MacAddr>| mac.is_some_and(|mac| self.macs.contains(&mac));
        let ips = match &frame.net {
            Some(Net::Arp(arp)) => Some((arp.sender_ip.into(), arp.target_ip.into())),
            _ => frame.addresses(),
        };
        macs.iter().any(is_ours) || ips.is_some_and(|(a, b)| self.ips.contains(&a) || self.ips.contains(&b))
    }
}

/// See the page above. One, in the core's thread.
pub struct Evidence {
    settings: Settings,
    ring: Ring,
    cases: Vec<Case>,
    /// When files were begun, within an hour.
    begun: VecDeque<Mono>,
    dropped: u64,
}

impl Evidence {
    #[must_use]
    pub fn new(settings: &Settings) -> Evidence {
        let bytes = if settings.enabled { (settings.ring_mib as usize) << 20 } else { 0 };
        Evidence {
            settings: settings.clone(),
            ring: Ring::new(bytes),
            cases: Vec::new(),
            begun: VecDeque::new(),
            dropped: 0,
        }
    }

    /// Alerts without a file, because there were too many.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes one frame.
    pub fn hear(&mut self, captured: &Captured<'_>) {
        if !self.settings.enabled {
            return;
        }
        let bytes = mask::short(captured);
        self.ring.push(&Captured { bytes, ..*captured });
        if self.cases.iter().all(Case::is_full) {
            return;
        }
        let frame = Frame::decode(captured.link, bytes);
        for case in self.cases.iter_mut().filter(|case| !case.is_full() && case.wants(&frame)) {
            case.out.frame(captured, &mask::blank(&frame, bytes));
        }
    }

    /// An alert was raised: what was before it is put aside now, for a busy ring forgets soon.
    pub fn raised(&mut self, alert: &AlertView, now: Moment) {
        // News, such as a new device, are no incidents.
        if !self.settings.enabled || alert.severity <= Severity::Info || !alert.state.is_open() {
            return;
        }
        let name = alert.id.to_string();
        if self.cases.iter().any(|case| case.name == name) {
            return;
        }
        while self.begun.front().is_some_and(|at| now.mono.since(*at) > HOUR) {
            self.begun.pop_front();
        }
        if self.cases.len() >= CASES_MAX || self.begun.len() >= FILES_PER_HOUR {
            self.dropped += 1;
            return;
        }
        self.begun.push_back(now.mono);
        let comment = format!(
            "porchlight alert {} {} {}: {}. What was said is blanked.",
            alert.id,
            alert.detector,
            alert.severity,
            clean_text(&alert.title, 200)
        );
        let parties: [&Party; 2] = [&alert.attacker, &alert.victim];
        let mut case = Case {
            name,
            macs: parties.iter().filter_map(|party| party.mac).take(PARTIES_MAX).collect(),
            ips: parties.iter().filter_map(|party| party.ip).take(PARTIES_MAX).collect(),
            until: now.mono + Duration::from_secs(self.settings.post_s.into()),
            out: Writer::new(&comment),
        };
        let from = now.mono - Duration::from_secs(self.settings.pre_s.into());
        // The newest that fit, in the order heard.
        let (mut seen, mut bytes) = (0, 0);
        self.ring.newest_first(|captured| {
            if captured.at.mono < from {
                return false;
            }
            if case.wants(&Frame::decode(captured.link, captured.bytes)) {
                bytes += pcapng::frame_len(captured.bytes.len());
            }
            seen += usize::from(bytes <= BEFORE_BYTES_MAX);
            bytes <= BEFORE_BYTES_MAX
        });
        self.ring.newest(seen, |captured| {
            let frame = Frame::decode(captured.link, captured.bytes);
            if case.wants(&frame) {
                case.out.frame(captured, &mask::blank(&frame, captured.bytes));
            }
        });
        self.cases.push(case);
    }

    /// When a file is due at the latest.
    #[must_use]
    pub fn next_due(&self) -> Option<Mono> {
        self.cases.iter().map(|case| case.until).min()
    }

    /// Files whose time has passed; all of them if `end`.
    pub fn due(&mut self, now: Mono, end: bool) -> Vec<Pack> {
        let (due, open) = std::mem::take(&mut self.cases).into_iter().partition(|case| end || case.until <= now);
        self.cases = open;
        let due: Vec<Case> = due;
        due.into_iter()
            .filter(|case| case.out.frames() > 0)
            .map(|case| Pack { name: case.name, bytes: case.out.finish() })
            .collect()
    }

    /// Everything heard in the last `span`, blanked alike, the newest if it is more than `bytes_max`.
    #[must_use]
    pub fn last(&self, span: Duration, now: Moment, bytes_max: usize) -> Vec<u8> {
        let from = now.mono - span;
        let (mut seen, mut bytes) = (0, 0);
        self.ring.newest_first(|captured| {
            bytes += pcapng::frame_len(captured.bytes.len());
            let is_wanted = captured.at.mono >= from && bytes <= bytes_max;
            seen += usize::from(is_wanted);
            is_wanted
        });
        let mut out = Writer::new(&format!("porchlight, the last {} s. What was said is blanked.", span.as_secs()));
        self.ring.newest(seen, |captured| {
            let frame = Frame::decode(captured.link, captured.bytes);
            out.frame(captured, &mask::blank(&frame, captured.bytes));
        });
        out.finish()
    }

    /// Takes new settings. Another size of memory forgets what was held.
    pub fn adopt(&mut self, settings: &Settings) {
        if settings.enabled != self.settings.enabled || settings.ring_mib != self.settings.ring_mib {
            self.ring = Ring::new(if settings.enabled { (settings.ring_mib as usize) << 20 } else { 0 });
        }
        self.settings = settings.clone();
    }
}
