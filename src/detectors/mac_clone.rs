//! # Two machines with one hardware address
//!
//! ## What it finds
//! A machine that took another one's hardware address, to pass for it.
//! ## Why it matters
//! It is let in wherever the other one is, and what is sent to the one may reach the other.
//! ## How it decides
//! By what a system says of itself when it asks for an address (DHCP options and their order, maker, host name): three
//! changes to and fro within half an hour are two machines at one time. One change while the machine was never silent is
//! told as low: no system restarts in ten seconds.
//! ## What fools it
//! A copy that says the same of itself. Machines that start from the network first are left out.
//! ## What to do
//! Look which of the two is yours; give the switch port or the Wi-Fi a better key than an address.
//!
//! Holds 1,024 devices.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Category, Finding, Findings, Guarded, MacAddr, Mono, Party, Severity, clean_text},
    traffic::owner,
    wire::dhcp::{Dhcp, PORT_SERVER, option},
};

card!("mac_clone", "Two machines with one hardware address");

const DEVICES_MAX: usize = 1024;
const SPAN: Duration = Duration::from_secs(1800);
const FLIPS: u32 = 3;
const SILENT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Default)]
struct Known {
    /// Digest of options, maker and name; and the name.
    profile: Option<(u64, String)>,
    /// The one before.
    before: Option<u64>,
    flips: u32,
    flipped: Mono,
    /// When it spoke last, other than to ask for an address.
    spoke: Option<Mono>,
}

/// See the page above.
pub struct MacClone {
    bell: Bell,
    known: Guarded<MacAddr, Known>,
}

impl MacClone {
    #[must_use]
    pub fn new(settings: Settings) -> MacClone {
        MacClone { bell: Bell::new(settings), known: Guarded::new(DEVICES_MAX) }
    }
}

/// What the system behind a message says of itself; `None` for boot loaders.
fn profile(dhcp: &Dhcp<'_>) -> Option<(u64, String)> {
    let maker = dhcp.option(option::VENDOR_CLASS).unwrap_or_default();
    let asked = dhcp.option(option::ASKED).filter(|asked| !asked.is_empty())?;
    if maker.starts_with(b"PXEClient") || maker.starts_with(b"HTTPClient") || maker.starts_with(b"U-Boot") {
        return None;
    }
    let name = dhcp.host_name().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    (asked, maker).hash(&mut hasher);
    Some((hasher.finish(), clean_text(&name, 48)))
}

impl Detector for MacClone {
    says!(self, [Packet], self.known.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let Some(mac) = frame.source.filter(|mac| mac.is_station()) else { return };
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        let asks = frame.udp().filter(|udp| udp.destination == PORT_SERVER).and_then(|udp| Dhcp::read(udp.payload));
        let Some(dhcp) = asks else {
            if let Some(known) = self.known.get_mut(&mac, tick) {
                known.spoke = Some(now);
            }
            return;
        };
        if !dhcp.is_request || dhcp.is_relayed() || dhcp.client_mac != Some(mac) {
            return;
        }
        let Some(said) = profile(&dhcp) else { return };
        if self.known.get(&mac).is_none() {
            self.known.insert(mac, Known::default(), owner(mac), tick);
        }
        let Some(known) = self.known.get_mut(&mac, tick) else { return };
        let Some((old, old_name)) = known.profile.replace(said.clone()) else { return };
        if old == said.0 {
            return;
        }
        let returns = known.before == Some(said.0);
        known.flips = if now.since(known.flipped) > SPAN || !returns && known.flips > 0 { 1 } else { known.flips + 1 };
        (known.before, known.flipped) = (Some(old), now);
        let was_awake = known.spoke.is_some_and(|at| now.since(at) <= SILENT);
        let renamed = !old_name.is_empty() && old_name != said.1;
        let (severity, kind) = if known.flips >= FLIPS {
            (Severity::Medium, "two that take turns")
        } else if was_awake && renamed {
            (Severity::Low, "another system without a restart")
        } else {
            return;
        };
        let flips = known.flips;
        let finding = Finding::new(CARD.id, Category::Spoofing, severity, mac.to_string(), context.now)
            .by(Party { device: None, mac: Some(mac), ip: None })
            .why("kind", kind)
            .why("changes", flips)
            .why("identities", format!("{old_name}, {}", said.1))
            .technique(&["T1036"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, arp, between, datagram, mac};

    fn ask(name: &str, options: &[u8], maker: &str) -> Vec<u8> {
        let mut bytes = vec![1, 1, 6, 0, 0, 0, 0, 1, 0, 0, 0x80, 0];
        bytes.resize(28, 0);
        bytes.extend(mac(7));
        bytes.resize(236, 0);
        bytes.extend([99, 130, 83, 99, 53, 1, 1, 12, name.len() as u8]);
        bytes.extend(name.as_bytes());
        bytes.extend([55, options.len() as u8]);
        bytes.extend(options);
        bytes.extend([60, maker.len() as u8]);
        bytes.extend(maker.as_bytes());
        bytes.push(255);
        between((mac(7), [0; 4]), ([0xff; 6], [255; 4]), 17, &datagram(68, 67, &bytes))
    }

    #[test]
    fn two_at_one_time_are_told_and_one_after_the_other_is_not() {
        let run = |frames: &[(u64, Vec<u8>)]| -> Vec<Severity> {
            let mut stage = Stage::new(MacClone::new(Settings::default()));
            frames.iter().flat_map(|(s, frame)| stage.frame(frame, s * 1000)).map(|finding| finding.severity).collect()
        };
        let (plug, kali) = (ask("plug", &[1, 3, 6], "tuya"), ask("kali", &[1, 28, 2, 3, 15, 6], "dhcpcd"));
        let turns = [(0, plug.clone()), (60, kali.clone()), (120, plug.clone()), (180, kali.clone())];
        assert_eq!(run(&turns), [Severity::Medium]);
        let awake = [(0, plug.clone()), (58, arp(7, 1, 7, 7, 1)), (60, kali.clone())];
        assert_eq!(run(&awake), [Severity::Low]);
        assert!(run(&[(0, plug.clone()), (600, kali.clone())]).is_empty(), "another system after a restart");
        let boot = ask("", &[1, 3], "PXEClient:Arch:00007");
        assert!(run(&[(0, boot.clone()), (20, plug.clone()), (900, boot), (920, plug.clone())]).is_empty());
        assert!(run(&vec![(0, plug); 9]).is_empty());
    }
}
