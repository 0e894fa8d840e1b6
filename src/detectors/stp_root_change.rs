//! # Another root of the switches
//!
//! ## What it finds
//! A device that makes itself the root of the spanning tree, by which switches decide which way traffic takes.
//! ## Why it matters
//! Traffic between switches then passes through it.
//! ## How it decides
//! A root with a better (lower) number than the one in use, announced while the old one was heard within 20 seconds; or
//! a device with an address of the network, a computer then, that announces itself as root with the best priority there
//! is, where no switch spoke before or the root fell silent.
//! ## What fools it
//! The first root heard is believed. A new switch that is better by chance looks the same: then look at it and be done.
//! ## What to do
//! Find the device. Managed switches have a guard against it (BPDU guard).
//!
//! Holds one root.

use std::time::Duration;

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Category, Finding, Findings, MacAddr, Mono, Party, Severity},
    wire::{Carries, reader::Reader},
};

card!("stp_root_change", "Another root of the switches");

/// Service access point of spanning tree (IEEE 802.1D-2004 §7.12.3).
const SPANNING_TREE: u8 = 0x42;
// The greatest max age is 20 s (802.1D-2004 table 17-1): who was silent for longer is gone.
const ALIVE: Duration = Duration::from_secs(20);
const WATCHED: Duration = Duration::from_secs(10);

/// Priority and address: the lowest wins.
type Bridge = (u16, MacAddr);

/// See the page above.
pub struct StpRootChange {
    bell: Bell,
    root: Option<(Bridge, Mono)>,
    started: Option<Mono>,
    told: Option<Bridge>,
}

impl StpRootChange {
    #[must_use]
    pub fn new(settings: Settings) -> StpRootChange {
        StpRootChange { bell: Bell::new(settings), root: None, started: None, told: None }
    }
}

/// Root and sender of a configuration message (802.1D-2004 §9.3.1).
fn read(payload: &[u8]) -> Option<(Bridge, Bridge)> {
    let mut reader = Reader::new(payload);
    let [high, low, _version, kind, _flags] = reader.take()?;
    if (high, low) != (0, 0) || !matches!(kind, 0 | 2) {
        return None;
    }
    let root = (reader.u16()?, reader.mac()?);
    reader.skip(4)?; // path cost
    Some((root, (reader.u16()?, reader.mac()?)))
}

impl Detector for StpRootChange {
    says!(self, [Packet], 0);

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let now = context.now.mono;
        let started = *self.started.get_or_insert(now);
        let (Carries::Llc(SPANNING_TREE), Some(mac)) = (frame.carries, frame.source) else { return };
        let Some((root, bridge)) = read(frame.link_payload) else { return };
        let before = self.root.replace((root, now));
        let is_old_alive = before.is_some_and(|(old, at)| old != root && now.since(at) <= ALIVE);
        // Not in the first seconds, before switches had their turn; then with what it says next.
        let is_computer = root == bridge
            && root.0 & 0xf000 == 0
            && context.neighbours.is_host(mac)
            && now.since(started) >= WATCHED
            && self.told != Some(root);
        let kind = match before {
            Some((old, _)) if old == root && !is_computer => return,
            // The old one goes on beside it: the better one stays noted.
            Some((old, at)) if is_old_alive && old < root => {
                self.root = Some((old, at));
                return;
            }
            Some(_) if is_old_alive => "better than the one in use",
            // Nobody spoke for it, or not any more.
            _ if is_computer => "a computer as the first",
            _ => return,
        };
        self.told = Some(root);
        let severity = if is_old_alive { Severity::High } else { Severity::Medium };
        let old = before.filter(|_| is_old_alive).map(|((_, mac), _)| mac);
        let finding = Finding::new(CARD.id, Category::Spoofing, severity, format!("{}", root.1), context.now)
            .by(Party { device: None, mac: Some(mac), ip: None })
            .against(Party { device: None, mac: old, ip: None })
            .why("kind", kind)
            .why("priority", root.0)
            .why("root", root.1)
            .technique(&["T1557"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, arp, mac};

    fn hello(from: u8, root: u8, priority: u16) -> Vec<u8> {
        let body = [
            &[0x42, 0x42, 3, 0, 0, 0, 0, 0][..],
            &priority.to_be_bytes(),
            &mac(root),
            &[0; 4],
            &priority.to_be_bytes(),
            &mac(from),
            &[0x80, 1, 0, 0, 20, 0, 2, 0, 15, 0],
        ]
        .concat();
        [&[1, 0x80, 0xc2, 0, 0, 0][..], &mac(from), &(body.len() as u16).to_be_bytes(), &body].concat()
    }

    #[test]
    fn who_takes_over_is_told_and_who_succeeds_is_not() {
        let run = |lines: &[(u64, u8, u16)], speaks: bool| -> Vec<Option<MacAddr>> {
            let mut stage = Stage::new(StpRootChange::new(Settings::default()));
            stage.frame(&arp(if speaks { 9 } else { 8 }, 1, if speaks { 9 } else { 8 }, 9, 1), 0);
            let found =
                lines.iter().flat_map(|(s, who, priority)| stage.frame(&hello(*who, *who, *priority), s * 1000));
            found.map(|finding| finding.attacker.mac).collect()
        };
        let who = Some(MacAddr(mac(9)));
        assert_eq!(run(&[(1, 1, 0x8000), (3, 1, 0x8000), (4, 9, 0), (5, 1, 0x8000)], false), [who]);
        assert_eq!(run(&[(60, 9, 0), (62, 9, 0)], true), [who], "a computer");
        assert_eq!(run(&[(1, 9, 0), (3, 9, 0), (11, 9, 0), (13, 9, 0)], true), [who], "from the first second on");
        assert_eq!(
            run(&[(1, 1, 0x8000), (60, 9, 0), (62, 9, 0)], true),
            [who],
            "a computer, after the old one fell silent"
        );
        assert!(run(&[(1, 1, 0x8000), (3, 2, 0x9000), (4, 1, 0x8000)], false).is_empty(), "a worse one that joins");
        assert!(run(&[(1, 1, 0x8000), (60, 2, 0x4000)], false).is_empty(), "the old one is gone");
        assert!(run(&[(60, 9, 0x8000), (62, 9, 0x8000)], true).is_empty(), "a router with a switch in it");
    }
}
