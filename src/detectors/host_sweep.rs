//! # Looking for devices
//!
//! ## What it finds
//! A device that asks for one address after the other to find out who is there.
//! ## Why it matters
//! It is how an intruder begins. Phones with a network scanner, and this program, do the same.
//! ## How it decides
//! Different addresses that one device asks for by ARP, neighbour solicitation, ping, or a connection that nobody
//! accepts, or a datagram that nobody answers, each at one port: 16 in ten seconds, 32 in a minute or 64 in an hour, of which at least 30 %, and
//! twelve, are addresses nobody has. Those it asked for just now may still answer: forty-eight do not count for half a second.
//! Also who asks all at once (broadcast, groups) at fourteen different places of UDP within a minute: neighbouring ports are
//! one, and those at which every system asks are none.
//! A router asks for addresses that exist. Whom a person calls trusted is told as low, and so is the router that asks
//! for all by ARP.
//! A router of IPv6 that looks for neighbours is asked to by others, and not told.
//! ## What fools it
//! A sweep slower than one address a minute; a list of addresses known before.
//! ## What to do
//! If it is a scanner of yours, add it to `exempt`. If not, look at what that device is.
//!
//! Leaves out: ports of one device (`port_scan`), hosts beyond the router (`outbound_scan`). Holds 1,024 sources
//! with 512 targets each.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::{Bell, of_search},
        window::{Recent, Subjects, Weigh, Window},
    },
    model::{Category, Finding, Findings, MacAddr, Mono, Party, Severity, is_private},
    traffic::{Outcome, What, owner},
    wire::{
        Frame,
        dhcp::{Dhcp, Kind, PORT_CLIENT, PORT_SERVER},
        icmp::Icmp,
        nd::Nd,
    },
};

card!("host_sweep", "Search for devices");

const SOURCES_MAX: usize = 1024;
const TARGETS_MAX: usize = 512;
// Targets in a time. A home has fewer devices than the first within reach of one that just joined.
const RULES: [(u32, Duration); 3] =
    [(16, Duration::from_secs(10)), (32, Duration::from_secs(60)), (64, Duration::from_secs(3600))];
// Networks of one router that asks for their devices.
const SENDERS_ROUTER: usize = 3;
/// A hub with all its ways to find things has ten or eleven besides those of every system.
const TO_ALL_MIN: u32 = 14;
/// Names, addresses and devices are looked for there all day (IANA): DHCP, NetBIOS, DHCPv6, SSDP, WS-Discovery, mDNS, LLMNR.
const USUAL: [u16; 10] = [67, 68, 137, 138, 546, 547, 1900, 3702, 5353, 5355];
/// Games look for servers in rows of ports.
const ROW: u16 = 16;
const TO_ALL_SPAN: Duration = Duration::from_secs(60);
const TO_ALL_MAX: usize = 256;
const STRANGERS_MAX: usize = 64;
// Of all asked for, those nobody has.
const UNOWNED_PERCENT: usize = 30;
/// And so many at least: who watches over a list of hosts asks for those that are off as well, which are fewer. A search
/// through a network meets them among its first thirty.
const UNOWNED_MIN: usize = 12;
/// An answer comes within this time; so many that were asked for just now may still get one. A home has hardly more things
/// that one hub holds on to.
const ANSWERS: Duration = Duration::from_millis(500);
const AT_ONCE_MAX: usize = 48;
const AGAIN: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
struct Sweep {
    asked: Recent<IpAddr>,
    party: Party,
    /// Addresses it asks with: a router that serves several networks asks with one of each.
    senders: Recent<IpAddr>,
    how: &'static str,
}

impl Weigh for Sweep {
    fn weight(&self, now: Mono, span: Duration) -> u32 {
        self.asked.weight(now, span)
    }
}

/// Who asks (by hardware address where it is known), how, for which port.
type Key = (Option<MacAddr>, Option<IpAddr>, &'static str, u16);

/// See the page above.
pub struct HostSweep {
    bell: Bell,
    sources: Subjects<Key, Sweep>,
    /// Searches for an address server, and who answers those.
    discovers: Window,
    servers: Recent<MacAddr>,
    /// Who advertises itself as a router.
    advertise: Recent<MacAddr>,
    /// To whom something came by IPv6 lately, and under whose name.
    strangers: Recent<(MacAddr, IpAddr)>,
    /// At which ports each asks all at once.
    to_all: Subjects<MacAddr, Recent<u16>>,
}

impl HostSweep {
    #[must_use]
    pub fn new(settings: Settings) -> HostSweep {
        HostSweep {
            bell: Bell::new(settings),
            sources: Subjects::new(SOURCES_MAX, Duration::from_secs(60), RULES[0].0 / 2),
            discovers: Window::default(),
            servers: Recent::new(16),
            advertise: Recent::new(16),
            strangers: Recent::new(STRANGERS_MAX),
            to_all: Subjects::new(TO_ALL_MAX, TO_ALL_SPAN, TO_ALL_MIN / 2),
        }
    }

    /// A datagram to everybody.
    fn asked_all(
        &mut self,
        mac: MacAddr,
        port: u16,
        frame: &Frame<'_>,
        context: &Context<'_>,
        findings: &mut Findings,
    ) {
        let now = context.now.mono;
        let fresh = |left| Recent::with(TO_ALL_MIN as usize * 2, left, now);
        if USUAL.contains(&port) {
            return;
        }
        let Some(ports) = self.to_all.of(mac, owner(mac), now, fresh) else { return };
        if !ports.see(port / ROW, now) {
            return;
        }
        let count = ports.within(now, TO_ALL_SPAN);
        if count < self.bell.scaled(TO_ALL_MIN) as usize {
            return;
        }
        let from = frame.addresses().map(|(from, _)| from).filter(|ip| !ip.is_unspecified());
        let party = Party { device: None, mac: Some(mac), ip: from };
        let severity = of_search(Severity::Medium, &party, context);
        let finding = Finding::new(CARD.id, Category::Scan, severity, format!("{mac} all"), context.now)
            .by(party)
            .why("kind", "questions to all")
            .why("ports", count)
            .why("span_s", TO_ALL_SPAN.as_secs())
            .technique(&["T1018"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }

    fn asked(
        &mut self,
        (how, port): (&'static str, u16),
        party: Party,
        target: IpAddr,
        context: &Context<'_>,
        findings: &mut Findings,
    ) {
        let now = context.now.mono;
        let key = (party.mac, if party.mac.is_some() { None } else { party.ip }, how, port);
        let fresh = |left| Sweep { asked: Recent::with(TARGETS_MAX, left, now), party, senders: Recent::new(8), how };
        let Some(sweep) = self.sources.of(key, party.mac.map_or(0, owner), now, fresh) else { return };
        if let Some(ip) = party.ip {
            sweep.party = party;
            sweep.senders.see(ip, now);
        }
        // Who gets no answer asks again each second (Linux, RFC 4861 §7.2.2): no new target, but time to look who answered.
        let is_again = sweep.asked.within_keys(now, AGAIN).any(|known| *known == target);
        if is_again && sweep.asked.len() < UNOWNED_MIN || !is_again && !sweep.asked.see(target, now) {
            return;
        }
        let bell = &self.bell;
        let Some((_, span)) =
            RULES.iter().find(|(least, span)| sweep.asked.within(now, *span) >= bell.scaled(*least) as usize)
        else {
            return;
        };
        let mut unowned = sweep.asked.keys().filter(|ip| !context.neighbours.is_bound(**ip)).count();
        // A hub that starts asks for all its things at once, before the first has answered.
        let of_now = sweep.asked.within_keys(now, ANSWERS).filter(|ip| !context.neighbours.is_bound(**ip)).count();
        if how == "arp" || how == "v6" {
            unowned -= of_now.min(AT_ONCE_MAX);
        }
        if unowned < UNOWNED_MIN
            || unowned * 100 < sweep.asked.len() * UNOWNED_PERCENT
            || (how == "arp" && sweep.senders.len() >= SENDERS_ROUTER)
        {
            return;
        }
        let targets = sweep.asked.within(now, *span);
        // A server asks whether an address is free before it offers it (RFC 2131 §2.2), once or twice a question.
        let is_server = party.mac.is_some_and(|mac| self.servers.has(&mac))
            || party.ip.is_some_and(|ip| context.network.is_gateway(ip));
        if is_server && self.discovers.sum(now, 60) as usize * 2 >= targets {
            return;
        }
        // A router asks for whom others send to, and for all when it starts: worth a note.
        let is_router = party.mac.is_some_and(|mac| context.neighbours.is_router(mac))
            || party.ip.is_some_and(|ip| context.network.is_gateway(ip));
        let usual = if is_router && how == "arp" { Severity::Low } else { Severity::Medium };
        let severity = of_search(usual, &sweep.party, context);
        let finding = Finding::new(CARD.id, Category::Scan, severity, who(&sweep.party), context.now)
            .by(sweep.party)
            .why("kind", sweep.how)
            .why("targets", targets)
            .why("unanswered", unowned)
            .why("span_s", span.as_secs())
            .technique(&["T1018"])
            .points(if targets >= 64 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

fn who(party: &Party) -> String {
    let ip = || party.ip.map_or_else(String::new, |ip| ip.to_string());
    party.mac.map_or_else(ip, |mac| mac.to_string())
}

impl Detector for HostSweep {
    says!(
        self,
        [Arp, Udp, Icmp, IcmpV6, Opened, Outcome],
        self.sources.iter().map(|(_, sweep)| 1 + sweep.asked.len()).sum::<usize>()
            + self.to_all.len()
            + self.strangers.len()
    );

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let frame = match evidence {
            Evidence::Packet(frame) => frame,
            Evidence::Traffic(noticed) => {
                let vain =
                    matches!(noticed.what, What::Outcome(Outcome::Silent | Outcome::Refused | Outcome::Unreachable(_)));
                let talk = &noticed.talk;
                if let (What::Opened(_), true, Some(asked)) = (&noticed.what, talk.client.ip.is_ipv6(), talk.server.mac)
                {
                    self.strangers.see((asked, talk.client.ip), context.now.mono);
                }
                let tcp = talk.protocol == crate::wire::protocol::TCP;
                // What comes from a port of services is an answer to what nobody here heard.
                let udp = !tcp && talk.client.port >= 1024 && !talk.server.ip.is_multicast();
                if vain && (tcp && talk.is_sure || udp) && is_private(talk.server.ip) {
                    let how = (if tcp { "tcp" } else { "udp" }, talk.server.port);
                    self.asked(how, talk.client.party(), talk.server.ip, context, findings);
                }
                return;
            }
            _ => return,
        };
        let Some(mac) = frame.source.filter(|mac| mac.is_station() && !context.network.is_own_mac(*mac)) else {
            return;
        };
        match frame.udp() {
            Some(udp) if udp.destination == PORT_SERVER => {
                let kind = Dhcp::read(udp.payload).and_then(|dhcp| dhcp.kind());
                self.discovers.add(context.now.mono, u32::from(kind == Some(Kind::Discover)));
            }
            Some(udp) if udp.source == PORT_SERVER && udp.destination == PORT_CLIENT => {
                self.servers.see(mac, context.now.mono);
            }
            _ => {}
        }
        let is_to_all =
            frame.addresses().is_some_and(|(_, to)| to.is_multicast()) || frame.destination == Some(MacAddr::BROADCAST);
        if let Some(udp) = frame.udp().filter(|_| is_to_all) {
            self.asked_all(mac, udp.destination, frame, context, findings);
        }
        if let Some(arp) = frame.arp() {
            if arp.is_request() && !arp.is_announcement() {
                let ip = Some(IpAddr::V4(arp.sender_ip)).filter(|ip| !ip.is_unspecified());
                let party = Party { device: None, mac: Some(mac), ip };
                self.asked(("arp", 0), party, IpAddr::V4(arp.target_ip), context, findings);
            }
            return;
        }
        let Some((from, to)) = frame.addresses() else { return };
        if let Some(icmp) = frame.icmp()
            && icmp.kind == Icmp::ECHO
            && context.neighbours.own(from, Some(mac)).is_some()
            && is_private(to)
        {
            self.asked(("ping", 0), context.neighbours.party(from, Some(mac)), to, context, findings);
        }
        if let Some(icmp) = frame.icmp_v6() {
            let nd = Nd::read(icmp);
            if matches!(nd, Some(Nd::RouterAdvert { .. })) {
                self.advertise.see(mac, context.now.mono);
            }
            // Whoever is sent something by a stranger asks who that is, to answer.
            if !matches!(nd, Some(Nd::NeighbourSolicit { .. }))
                && let Some(asked) = frame.destination.filter(|mac| mac.is_station())
            {
                self.strangers.see((asked, from), context.now.mono);
            }
            // A router asks for whom others send to, or pretend to be.
            let is_router = self.advertise.has(&mac) || context.neighbours.is_router(mac);
            let target = match nd {
                Some(Nd::NeighbourSolicit { .. }) if is_router => return,
                Some(Nd::NeighbourSolicit { target, .. }) if self.strangers.has(&(mac, target.into())) => return,
                Some(Nd::NeighbourSolicit { target, .. }) if !from.is_unspecified() => IpAddr::V6(target),
                _ if icmp.kind == Icmp::ECHO_V6 && !to.is_multicast() => to,
                _ => return,
            };
            self.asked(("v6", 0), Party { device: None, mac: Some(mac), ip: Some(from) }, target, context, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, arp, between, datagram, echo, ip, mac, udp};

    #[test]
    fn a_sweep_is_told_and_a_router_that_asks_for_its_devices_is_not() {
        let mut stage = Stage::new(HostSweep::new(Settings::default()));
        let found: Vec<_> = (1..60u8).flat_map(|n| stage.frame(&arp(9, 1, 9, 200, n), u64::from(n) * 50)).collect();
        assert_eq!(found.first().and_then(|f| f.attacker.mac), Some(MacAddr([2, 0, 0, 0, 0, 9])));
        let mut stage = Stage::new(HostSweep::new(Settings::default()));
        let found: Vec<_> = (1..60u8).flat_map(|n| stage.frame(&echo(9, n, 8, b"x"), u64::from(n) * 50)).collect();
        assert!(!found.is_empty(), "by ping");
        let mut stage = Stage::new(HostSweep::new(Settings::default()));
        let mut found = Vec::new();
        for n in 10..70u8 {
            found.extend(stage.frame(&arp(n, 1, n, n, 1), u64::from(n) * 100));
        }
        for n in 10..70u8 {
            found.extend(stage.frame(&arp(1, 1, 1, 1, n), 10_000 + u64::from(n) * 50));
        }
        assert!(found.is_empty(), "a router after its start: {found:?}");
        let mut stage = Stage::new(HostSweep::new(Settings::default())).behind([192, 168, 7, 1]);
        let starts = (2..200u8).flat_map(|n| stage.frame(&arp(1, 1, 1, 1, n), u64::from(n) * 20));
        let levels: Vec<Severity> = starts.map(|finding| finding.severity).collect();
        assert!(
            levels.iter().all(|severity| *severity == Severity::Low) && !levels.is_empty(),
            "asks for all: {levels:?}"
        );
        let slow: Vec<_> =
            (1..15u8).flat_map(|n| stage.frame(&arp(8, 1, 8, 200, n), 90_000 + u64::from(n) * 9000)).collect();
        assert!(slow.is_empty(), "a computer that looks for a few");
    }

    #[test]
    fn who_watches_over_a_list_of_hosts_is_not_told_for_those_that_are_off() {
        // The first so many are there.
        let run = |there: u8, off: u8| -> usize {
            let mut stage = Stage::new(HostSweep::new(Settings::default()));
            for n in 20..20 + there {
                stage.frame(&arp(n, 1, n, n, 1), u64::from(n));
            }
            let asked = (20..20 + there + off).map(|n| arp(9, 1, 9, 9, n));
            asked.zip(0u64..).map(|(frame, n)| stage.frame(&frame, 1000 + n * 300).len()).sum()
        };
        assert_eq!((run(8, 8), run(14, 10), run(30, 4)), (0, 0, 0));
        assert!(run(8, 20) > 0 && run(0, 16) > 0 && run(30, 24) > 0, "a search through a network");
    }

    #[test]
    fn a_hub_that_asks_for_all_its_things_at_once_waits_for_their_answers() {
        // All within a few milliseconds; the first so many answer, the others are asked for twice more, a second apart.
        let run = |there: u8, off: u8, again: u64| -> usize {
            let mut stage = Stage::new(HostSweep::new(Settings::default()));
            let all = 20..20 + there + off;
            let mut told = 0;
            for n in all.clone() {
                told += stage.frame(&arp(9, 1, 9, 9, n), 1000 + u64::from(n) / 8).len();
            }
            for n in all.clone().take(there.into()) {
                told += stage.frame(&arp(n, 2, n, n, 9), 1100).len();
            }
            for (round, n) in (1..=again).flat_map(|round| all.clone().skip(there.into()).map(move |n| (round, n))) {
                told += stage.frame(&arp(9, 1, 9, 9, n), 1000 + round * 1000 + u64::from(n) / 8).len();
            }
            told
        };
        assert_eq!((run(24, 6, 2), run(40, 8, 2)), (0, 0));
        assert!(run(4, 30, 2) > 0, "a search that asks again");
        assert!(run(0, 100, 0) > 0, "a search as fast as can be");
    }

    #[test]
    fn a_router_of_version_6_asks_for_whom_others_make_up() {
        let v6 = |from: u8, to: u8, icmp: &[u8]| {
            let mut bytes = vec![0x33, 0x33, 0xff, 0, 0, to, 2, 0, 0, 0, 0, from, 0x86, 0xdd, 0x60, 0, 0, 0];
            bytes.extend((icmp.len() as u16).to_be_bytes());
            bytes.extend([58, 255, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, from]);
            bytes.extend([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, to]);
            bytes.extend(icmp);
            bytes
        };
        let ask = |n: u8| {
            let mut icmp = vec![135, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n];
            icmp.extend([1, 1, 2, 0, 0, 0, 0, 1]);
            v6(1, n, &icmp)
        };
        let run = |is_router: bool| -> usize {
            let mut stage = Stage::new(HostSweep::new(Settings::default()));
            if is_router {
                stage.frame(&v6(1, 1, &[134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]), 0);
            }
            (20..90u8).map(|n| stage.frame(&ask(n), u64::from(n) * 50).len()).sum()
        };
        assert!(run(false) > 0);
        assert_eq!(run(true), 0);
    }

    #[test]
    fn an_address_server_looks_before_it_offers() {
        let run = |answers: bool| -> usize {
            let mut stage = Stage::new(HostSweep::new(Settings::default()));
            let mut discover = vec![1, 1, 6, 0];
            discover.resize(236, 0);
            discover.extend([99, 130, 83, 99, 53, 1, 1, 255]);
            let nobody = |n: u8| ([2, 9, 9, 9, 9, n], [0; 4]);
            (0..60u8)
                .map(|n| {
                    let at = u64::from(n) * 100;
                    let ask = between(nobody(n), ([0xff; 6], [255; 4]), 17, &datagram(68, 67, &discover));
                    let mut told = stage.frame(&ask, at).len() + stage.frame(&arp(1, 1, 1, 1, 100 + n), at + 1).len();
                    if answers {
                        told += stage.frame(&udp((1, 67), (100 + n, 68), &discover), at + 2).len();
                    }
                    told
                })
                .sum()
        };
        assert_eq!(run(true), 0);
        assert!(run(false) > 0, "who is no server searches");
    }

    #[test]
    fn who_asks_all_at_ever_other_ports_is_told() {
        let runs = |ports: u16, gap_ms: u64, to: [u8; 4], step: u16| -> usize {
            let mut stage = Stage::new(HostSweep::new(Settings::default()));
            let ask = |port: u16| {
                let hardware = if to == [255; 4] { [255; 6] } else { mac(5) };
                between((mac(9), ip(9)), (hardware, to), 17, &datagram(40_000, port, b"who is there"))
            };
            (0..ports).map(|n| stage.frame(&ask(2000 + n * step), u64::from(n) * gap_ms).len()).sum()
        };
        let run = |ports, gap_ms, to| runs(ports, gap_ms, to, 37);
        assert!(run(24, 300, [255; 4]) > 0);
        assert_eq!(run(11, 300, [255; 4]), 0, "a hub that starts, with all its ways");
        assert_eq!(runs(60, 100, [255; 4], 1), 0, "a game that looks for servers");
        assert_eq!(run(24, 10_000, [255; 4]), 0, "one after the other in four minutes");
        assert_eq!(run(24, 300, ip(5)), 0, "asked of one");
    }

    #[test]
    fn who_asks_because_strangers_speak_to_it_is_left_alone() {
        let address = |n: u8| [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, n];
        let message = |from: u8, to: u8, hardware: [u8; 6], body: &[u8]| {
            let mut bytes =
                [&hardware[..], &mac(from), &[0x86, 0xdd, 0x60, 0, 0, 0, 0, body.len() as u8, 58, 255]].concat();
            bytes.extend(address(from));
            bytes.extend(address(to));
            bytes.extend(body);
            bytes
        };
        let run = |spoken_to: bool| -> usize {
            let mut stage = Stage::new(HostSweep::new(Settings::default()));
            let mut told = 0;
            for n in 100..160u8 {
                let ms = u64::from(n) * 50;
                if spoken_to {
                    // Under another's name, to host 1.
                    let mut spoken = message(n, 1, mac(1), &[128, 0, 0, 0, 0, 1, 0, 1]);
                    spoken[6..12].copy_from_slice(&mac(9));
                    told += stage.frame(&spoken, ms).len();
                }
                let search = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &address(n)].concat();
                told += stage.frame(&message(1, n, [0x33, 0x33, 0xff, 0, 7, n], &search), ms + 1).len();
            }
            told
        };
        assert!(run(false) > 0);
        assert_eq!(run(true), 0, "a router that is to answer");
    }
}
