//! # Out of its own network
//!
//! ## What it finds
//! A computer that tries to reach a network (VLAN) it is not in.
//! ## Why it matters
//! Guests and things are kept apart by VLANs; this is how they get out.
//! ## How it decides
//! A device that speaks without a tag sends a frame with two tags, one inside the other, and within a second nothing comes
//! back with two (what is answered so goes over a trunk by rights); or a device with an address of
//! the network asks the switch for a trunk (Cisco's DTP), which only switches do.
//! ## What fools it
//! Mirror ports that strip tags hide it, and so does a forged answer with two tags. A switch with an address that speaks DTP: switch that off, nobody needs it.
//! ## What to do
//! Look at the device; give access ports a fixed VLAN in the switch.
//!
//! Holds 1,024 devices and 256 pairs.

use std::time::Duration;

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Capped, Category, Finding, Findings, Guarded, MacAddr, Mono, Party, Severity},
    traffic::owner,
    wire::Carries,
};

card!("vlan_hopping", "Out of its own network");

const DEVICES_MAX: usize = 1024;
const ASKERS_MAX: usize = 64;
const DOUBLE_MAX: usize = 256;
/// An answer within a home takes less.
const PATIENCE: Duration = Duration::from_secs(1);
/// Once may be a switch that was plugged in.
const ASKED_MIN: u32 = 3;
/// Service access point of spanning tree (IEEE 802.1D-2004 §7.12.3).
const SPANNING_TREE: u8 = 0x42;
/// Dynamic Trunking Protocol, as Wireshark's dissector and Cisco's configuration guides have it.
const TRUNKING: Carries = Carries::Snap { oui: [0, 0, 0x0c], id: 0x2004 };

/// See the page above.
pub struct VlanHopping {
    bell: Bell,
    /// Who speaks without a tag.
    plain: Guarded<MacAddr, ()>,
    /// Who asked for a trunk, how often.
    asked: Capped<MacAddr, u32>,
    /// A switch was heard that speaks spanning tree.
    switched: bool,
    /// Who sent two tags to whom, when, which; and whether an answer came so.
    double: Capped<(MacAddr, MacAddr), Double>,
}

#[derive(Debug, Clone)]
struct Double {
    due: Option<Mono>,
    vlans: String,
}

impl VlanHopping {
    #[must_use]
    pub fn new(settings: Settings) -> VlanHopping {
        VlanHopping {
            bell: Bell::new(settings),
            plain: Guarded::new(DEVICES_MAX),
            asked: Capped::new(ASKERS_MAX),
            switched: false,
            double: Capped::new(DOUBLE_MAX),
        }
    }
}

impl Detector for VlanHopping {
    says!(self, [Packet], self.plain.len() + self.asked.len() + self.double.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let Some(mac) = frame.source.filter(|mac| mac.is_station() && frame.wifi.is_none()) else { return };
        let tick = context.now.mono.0 / 1_000_000_000;
        let (tags, is_plain) = (frame.vlans.ids(), self.plain.get(&mac).is_some());
        let kind = match tags {
            [] if frame.carries == TRUNKING => {
                if context.neighbours.is_router(mac) || self.switched {
                    return;
                }
                let is_host = context.neighbours.is_host(mac);
                let count = self.asked.get(&mac).map_or(1, |count| count.saturating_add(1));
                self.asked.insert(mac, count);
                if !is_host && count < self.bell.scaled(ASKED_MIN) {
                    return;
                }
                if is_host { "asks for a trunk" } else { "asks for a trunk where no switch speaks" }
            }
            [] if matches!(frame.carries, Carries::Llc(SPANNING_TREE)) => {
                // A switch that is managed asks for trunks by itself.
                self.switched |= !context.neighbours.is_host(mac);
                return;
            }
            [] => {
                if !is_plain && frame.net.is_some() {
                    self.plain.insert(mac, (), owner(mac), tick);
                }
                return;
            }
            // A tag with number 0 is a priority and no network (IEEE 802.1Q-2018 table 9-2).
            [outer, inner, ..] if outer != inner && *inner != 0 => {
                let to = frame.destination.unwrap_or(MacAddr::BROADCAST);
                if let Some(asked) = self.double.get_mut(&(to, mac)) {
                    asked.due = None;
                    self.double.insert((mac, to), Double { due: None, vlans: String::new() });
                } else if is_plain && !self.double.contains(&(mac, to)) {
                    let vlans = tags.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
                    self.double.insert((mac, to), Double { due: Some(context.now.mono + PATIENCE), vlans });
                }
                return;
            }
            _ => return,
        };
        self.tell(mac, kind, tags.iter().map(u16::to_string).collect::<Vec<_>>().join(", "), context, findings);
    }

    fn next_wake(&self) -> Option<Mono> {
        self.double.iter().filter_map(|(_, double)| double.due).min()
    }

    fn wake(&mut self, context: &Context<'_>, findings: &mut Findings) {
        let now = context.now.mono;
        let due: Vec<((MacAddr, MacAddr), String)> = (self.double.iter())
            .filter(|(_, double)| double.due.is_some_and(|due| due <= now))
            .map(|(pair, double)| (*pair, double.vlans.clone()))
            .collect();
        for ((mac, to), vlans) in due {
            self.double.remove(&(mac, to));
            self.tell(mac, "a tag inside a tag", vlans, context, findings);
        }
    }
}

impl VlanHopping {
    fn tell(
        &mut self,
        mac: MacAddr,
        kind: &'static str,
        vlans: String,
        context: &Context<'_>,
        findings: &mut Findings,
    ) {
        let finding = Finding::new(CARD.id, Category::Spoofing, Severity::High, format!("{mac} {kind}"), context.now)
            .by(Party { device: None, mac: Some(mac), ip: None })
            .why("kind", kind)
            .why("vlans", vlans)
            .technique(&["T1599"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, arp};

    fn tagged(from: u8, tags: &[u16]) -> Vec<u8> {
        let plain = arp(from, 1, from, from, 1);
        let tags: Vec<u8> = tags.iter().flat_map(|id| [[0x81, 0], id.to_be_bytes()].concat()).collect();
        [&plain[..12], &tags, &plain[12..]].concat()
    }

    #[test]
    fn two_tags_of_a_plain_speaker_are_told() {
        let run = |frames: &[Vec<u8>]| -> usize {
            let mut stage = Stage::new(VlanHopping::new(Settings::default()));
            let told: usize = frames.iter().map(|frame| stage.frame(frame, 0).len()).sum();
            told + stage.frame(&arp(77, 1, 77, 77, 1), 3000).len()
        };
        assert_eq!(run(&[arp(9, 1, 9, 9, 1), tagged(9, &[1, 20])]), 1);
        let trunk = |from: u8| {
            let body = [&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 4][..], &[1; 30]].concat();
            [&[1, 0, 0x0c, 0xcc, 0xcc, 0xcc, 2, 0, 0, 0, 0, from, 0, body.len() as u8][..], &body].concat()
        };
        let switch = [&[1, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 77, 0, 38, 0x42, 0x42, 3][..], &[0; 35]].concat();
        assert_eq!(run(&[arp(9, 1, 9, 9, 1), trunk(9)]), 1, "a computer");
        assert_eq!(run(&[trunk(9), trunk(9), trunk(9)]), 1, "an invented address");
        assert_eq!(run(&[trunk(9), trunk(9)]), 0);
        assert_eq!(run(&[switch, trunk(9), trunk(9), trunk(9)]), 0, "a managed switch");
        assert_eq!(run(&[tagged(9, &[7, 20]), tagged(9, &[7, 20])]), 0, "a provider's double tags");
        let mut answer = tagged(5, &[1, 20]);
        answer[..6].copy_from_slice(&tagged(9, &[1, 20])[6..12]);
        let mut asks = tagged(9, &[1, 20]);
        asks[..6].copy_from_slice(&answer[6..12]);
        let plain = [arp(9, 1, 9, 9, 1), arp(5, 1, 5, 5, 1)];
        assert_eq!(run(&[&plain[..], &[asks.clone()]].concat()), 1);
        assert_eq!(run(&[&plain[..], &[asks, answer]].concat()), 0, "a trunk with two tags, which answers");
        assert_eq!(run(&[arp(9, 1, 9, 9, 1), tagged(9, &[0]), tagged(9, &[20])]), 0, "priority, and a trunk");
    }
}
