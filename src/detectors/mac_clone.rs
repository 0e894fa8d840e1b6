//! # Two machines with one hardware address
//!
//! ## What it finds
//! A machine that took another one's hardware address, to pass for it.
//! ## Why it matters
//! It is let in wherever the other one is, and what is sent to the one may reach the other.
//! ## How it decides
//! By what a system says of itself when it asks for an address (DHCP options and their order, maker, host name): three
//! changes to and fro within half an hour are two machines at one time. One change while the machine was never silent is
//! told as low: no system restarts in ten seconds. So is a first search for an address under another name than the
//! router or its neighbours have for the machine, if it was not silent. Silent is who used no IPv4 address: what a
//! machine says before it has one belongs to its start. Names drawn at random (Cast) are nobody's. Surest is a machine that asks whether an address
//! is free (RFC 4862 §5.4, RFC 5227) and is told at once, from its own hardware address, that it is not: medium.
//! High is who steals a port of the switch: twenty questions in ten seconds that ask for nobody and come from nobody
//! (ARP, all zeros), in other machines' names to the thief itself, so that the switch sends there what is theirs.
//! ## What fools it
//! A copy that says the same of itself. Machines that start from the network first are left out.
//! ## What to do
//! Look which of the two is yours; give the switch port or the Wi-Fi a better key than an address.
//!
//! Holds 1,024 devices and 256 thieves.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::Bell,
        window::{Subjects, Window},
    },
    model::{
        Category, Fact, Finding, Findings, Guarded, Heard, MacAddr, Mono, Observation, Party, Severity, clean_text,
    },
    traffic::owner,
    wire::{
        Frame,
        dhcp::{Dhcp, Kind, PORT_SERVER, option},
        nd::Nd,
    },
};

card!("mac_clone", "Two machines with one hardware address");

const DEVICES_MAX: usize = 1024;
const SPAN: Duration = Duration::from_secs(1800);
const FLIPS: u32 = 3;
/// Far shorter than a host waits before it takes the address itself (RFC 4862 RetransTimer, RFC 5227 §1.1: a second).
const DEFENDED: Duration = Duration::from_millis(500);
const SILENT: Duration = Duration::from_secs(10);
const THIEVES_MAX: usize = 256;
/// A switch learns anew with each frame of the owner, so a thief sends again at once and without end.
const STOLEN_MIN: u32 = 20;
const STOLEN_S: u64 = 10;

#[derive(Debug, Clone, Default)]
struct Known {
    /// Digest of options, maker and name; and the name.
    profile: Option<(u64, String)>,
    /// The one before.
    before: Option<u64>,
    flips: u32,
    flipped: Mono,
    /// What others call it: name servers, NetBIOS, itself by mDNS.
    called: Option<String>,
    /// The address it asks about, whether that is free, and since when.
    probing: Option<(IpAddr, Mono)>,
    /// When it used an address last.
    spoke: Option<Mono>,
}

/// See the page above.
pub struct MacClone {
    bell: Bell,
    known: Guarded<MacAddr, Known>,
    /// To whom what says nothing is sent in others' names.
    thieves: Subjects<MacAddr, Window>,
}

impl MacClone {
    #[must_use]
    pub fn new(settings: Settings) -> MacClone {
        MacClone {
            bell: Bell::new(settings),
            known: Guarded::new(DEVICES_MAX),
            thieves: Subjects::new(THIEVES_MAX, Duration::from_secs(STOLEN_S), STOLEN_MIN / 2),
        }
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

/// The same host name, as far as spelling goes: a domain may follow, and some put a number behind.
fn is_same(a: &str, b: &str) -> bool {
    let plain = |text: &str| -> String {
        let host = text.split('.').next().unwrap_or_default();
        host.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let (a, b) = (plain(a), plain(b));
    a.is_empty() || b.is_empty() || a.starts_with(&b) || b.starts_with(&a)
}

/// A UUID, a serial number, a hardware address: says of no machine which it is.
fn is_drawn(name: &str) -> bool {
    let host = name.split('.').next().unwrap_or_default();
    host.len() >= 12 && host.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Whether the frame shows an IPv4 address in use. A machine that starts speaks by IPv6 before it has one.
fn is_settled(frame: &Frame<'_>) -> bool {
    let in_use = |ip: Ipv4Addr| !ip.is_unspecified() && !ip.is_link_local();
    match (frame.arp(), frame.addresses()) {
        (Some(arp), _) => in_use(arp.sender_ip),
        (None, Some((IpAddr::V4(from), _))) => in_use(from),
        _ => false,
    }
}

impl MacClone {
    fn known(&mut self, mac: MacAddr, tick: u64) -> Option<&mut Known> {
        if self.known.get(&mac).is_none() {
            self.known.insert(mac, Known::default(), owner(mac), tick);
        }
        self.known.get_mut(&mac, tick)
    }

    /// Somebody else's word for a machine.
    fn called(&mut self, seen: &Observation, context: &Context<'_>) {
        let Fact::Named { name, by: Heard::Dns | Heard::Netbios | Heard::MdnsHost } = &seen.fact else { return };
        let holder = || seen.subject.ip.and_then(|ip| context.neighbours.holder(ip));
        let Some(mac) = seen.subject.mac.or_else(holder).filter(|mac| mac.is_station()) else { return };
        if is_drawn(name) {
            return;
        }
        if let Some(known) = self.known(mac, context.now.mono.0 / 1_000_000_000) {
            known.called.get_or_insert_with(|| clean_text(name, 48));
        }
    }

    /// A question for nobody by nobody, in the name of `owner`: no system asks so.
    fn stolen(&mut self, owner: MacAddr, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let is_nothing =
            frame.arp().is_some_and(|arp| arp.sender_ip.is_unspecified() && arp.target_ip.is_unspecified());
        let Some(thief) = frame.destination.filter(|mac| is_nothing && mac.is_station() && *mac != owner) else {
            return;
        };
        let now = context.now.mono;
        let fresh = |left| Window::with(left, now);
        let Some(window) = self.thieves.of(thief, now.0 / 1_000_000_000, now, fresh) else { return };
        window.add(now, 1);
        let count = window.sum(now, STOLEN_S);
        if count < self.bell.scaled(STOLEN_MIN) {
            return;
        }
        let key = format!("{thief} port");
        if self.bell.rang(&key, Severity::High, now) {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Spoofing, Severity::High, key, context.now)
            .by(Party { device: None, mac: Some(thief), ip: None })
            .against(Party { device: None, mac: Some(owner), ip: None })
            .why("kind", "a port of the switch is stolen")
            .why("in_ten_s", count)
            .technique(&["T1557"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }

    fn tell(&mut self, mac: MacAddr, told: Told, context: &Context<'_>, findings: &mut Findings) {
        let finding = Finding::new(CARD.id, Category::Spoofing, told.severity, mac.to_string(), context.now)
            .by(Party { device: None, mac: Some(mac), ip: None })
            .why("kind", told.kind)
            .why("changes", told.changes)
            .why("identities", told.identities)
            .technique(&["T1036"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

/// Whether the address is free that a frame asks about (`true`), or that it says it has.
fn asks_or_has(frame: &Frame<'_>) -> Option<(IpAddr, bool)> {
    if let Some(arp) = frame.arp() {
        return match () {
            () if arp.is_probe() => Some((IpAddr::V4(arp.target_ip), true)),
            () if arp.is_reply() && Some(arp.sender_mac) == frame.source => Some((IpAddr::V4(arp.sender_ip), false)),
            () => None,
        };
    }
    let (from, _) = frame.addresses()?;
    match Nd::read(frame.icmp_v6()?)? {
        Nd::NeighbourSolicit { target, .. } if from.is_unspecified() => Some((IpAddr::V6(target), true)),
        // One that is still unsure of it does not override (RFC 4429 §3.3).
        Nd::NeighbourAdvert { target, is_override: true, .. } => Some((IpAddr::V6(target), false)),
        _ => None,
    }
}

struct Told {
    severity: Severity,
    kind: &'static str,
    changes: u32,
    identities: String,
}

impl Detector for MacClone {
    says!(self, [Packet, Fact], self.known.len() + self.thieves.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Observation(seen) = evidence {
            return self.called(seen, context);
        }
        let Evidence::Packet(frame) = evidence else { return };
        let Some(mac) = frame.source.filter(|mac| mac.is_station()) else { return };
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        self.stolen(mac, frame, context, findings);
        if let Some((ip, asks)) = asks_or_has(frame) {
            let Some(known) = self.known(mac, tick) else { return };
            if asks {
                known.probing = Some((ip, now));
            } else if known.probing.take_if(|(asked, at)| *asked == ip && now.since(*at) <= DEFENDED).is_some() {
                let (severity, kind) = (Severity::Medium, "one answers what the other asks");
                let told = Told { severity, kind, changes: 1, identities: ip.to_string() };
                self.tell(mac, told, context, findings);
            }
        }
        let asks = frame.udp().filter(|udp| udp.destination == PORT_SERVER).and_then(|udp| Dhcp::read(udp.payload));
        let Some(dhcp) = asks else {
            if is_settled(frame)
                && let Some(known) = self.known.get_mut(&mac, tick)
            {
                known.spoke = Some(now);
            }
            return;
        };
        if !dhcp.is_request || dhcp.is_relayed() || dhcp.client_mac != Some(mac) {
            return;
        }
        let Some(said) = profile(&dhcp) else { return };
        let Some(known) = self.known(mac, tick) else { return };
        let is_awake = known.spoke.is_some_and(|at| now.since(at) <= SILENT);
        let Some((old, old_name)) = known.profile.replace(said.clone()) else {
            let Some(called) = known.called.clone().filter(|called| !said.1.is_empty() && !is_same(called, &said.1))
            else {
                return;
            };
            if is_awake && dhcp.kind() == Some(Kind::Discover) {
                let (severity, kind) = (Severity::Low, "another name without a restart");
                let identities = format!("{called}, {}", said.1);
                self.tell(mac, Told { severity, kind, changes: 1, identities }, context, findings);
            }
            return;
        };
        if old == said.0 {
            return;
        }
        let returns = known.before == Some(said.0);
        known.flips = if now.since(known.flipped) > SPAN || !returns && known.flips > 0 { 1 } else { known.flips + 1 };
        (known.before, known.flipped) = (Some(old), now);
        let renamed = !old_name.is_empty() && old_name != said.1;
        let (severity, kind) = if known.flips >= FLIPS {
            (Severity::Medium, "two that take turns")
        } else if is_awake && renamed {
            (Severity::Low, "another system without a restart")
        } else {
            return;
        };
        let changes = known.flips;
        let identities = format!("{old_name}, {}", said.1);
        self.tell(mac, Told { severity, kind, changes, identities }, context, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::{Stage, arp, between, datagram, mac},
        model::Subject,
    };

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
    #[test]
    fn a_name_nobody_knows_it_by_is_told_of_a_machine_that_never_slept() {
        // What it said two seconds before.
        let run = |called: &str, before: Option<&[u8]>| -> usize {
            let mut stage = Stage::new(MacClone::new(Settings::default()));
            let name = Fact::Named { name: called.into(), by: Heard::MdnsHost };
            stage.saw(Subject::mac(MacAddr(mac(7))), name, 0);
            if let Some(before) = before {
                stage.frame(before, 58_000);
            }
            let found = stage.frame(&ask("kali", &[1, 28, 2], "dhcpcd"), 60_000);
            found.len() + stage.frame(&ask("kali", &[1, 28, 2], "dhcpcd"), 61_000).len()
        };
        let (uses, mut probes) = (arp(7, 1, 7, 7, 1), arp(7, 1, 7, 0, 7));
        probes[28..32].fill(0);
        // Joins its groups by MLD as IPv6 comes up (RFC 3810 §5.2.13), before it has any other address.
        let mut joins = [0x33, 0x33, 0, 0, 0, 0x16].to_vec();
        joins.extend(mac(7));
        joins.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 16, 0, 1]);
        joins.extend([0; 16]);
        joins.extend([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16]);
        joins.extend([0x3a, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 0]);
        for (called, before, expected, why) in [
            ("plug-1", Some(&uses), 1, ""),
            ("plug-1", None, 0, "it was off"),
            ("plug-1", Some(&probes), 0, "it starts"),
            ("plug-1", Some(&joins), 0, "it starts"),
            ("kali.lan", Some(&uses), 0, "as it is called"),
            ("0314fe63-9ba1-499d-b27f-12a5df4d0c1c", Some(&uses), 0, "a name drawn at random"),
        ] {
            assert_eq!(run(called, before.map(Vec::as_slice)), expected, "{called} {why}");
        }
    }
    #[test]
    fn who_defends_an_address_against_itself_is_two() {
        let probe = |who: u8| {
            let mut bytes = arp(who, 1, who, 0, 40);
            bytes[28..32].fill(0);
            bytes
        };
        let run = |frames: &[(u64, Vec<u8>)]| -> Vec<Severity> {
            let mut stage = Stage::new(MacClone::new(Settings::default()));
            frames.iter().flat_map(|(ms, frame)| stage.frame(frame, *ms)).map(|finding| finding.severity).collect()
        };
        assert_eq!(run(&[(0, probe(7)), (20, arp(7, 2, 7, 40, 40))]), [Severity::Medium]);
        assert!(run(&[(0, probe(7)), (20, arp(8, 2, 8, 40, 40))]).is_empty(), "another has it");
        assert!(run(&[(0, probe(7)), (2000, arp(7, 2, 7, 40, 40))]).is_empty(), "it took the address");
        assert!(run(&[(0, probe(7)), (20, arp(7, 2, 7, 41, 41))]).is_empty(), "it has another one too");
    }

    #[test]
    fn who_steals_a_port_is_told() {
        // ARP in the name of host 5 to host 9: asked by and for these addresses.
        let run = |sender: u8, target: u8, count: u64| -> Vec<Option<MacAddr>> {
            let mut stage = Stage::new(MacClone::new(Settings::default()));
            let mut frame = arp(5, 1, 5, sender, target);
            frame[..6].copy_from_slice(&mac(9));
            for (at, n) in [(28, sender), (38, target)] {
                if n == 0 {
                    frame[at..at + 4].fill(0);
                }
            }
            (0..count).flat_map(|n| stage.frame(&frame, n * 20)).map(|finding| finding.attacker.mac).collect()
        };
        assert_eq!(run(0, 0, 200), [Some(MacAddr(mac(9)))], "once");
        for (sender, target, count, why) in
            [(0, 0, 10, "a few odd frames"), (0, 9, 200, "is it still there"), (5, 9, 200, "who has it")]
        {
            assert!(run(sender, target, count).is_empty(), "{why}");
        }
    }
}
