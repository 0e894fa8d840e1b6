//! # Answers nobody asked for
//!
//! ## What it finds
//! Servers that answer, with much, a host that asked nothing: somebody asked in its name; or a device of the home
//! that is used as such a server.
//! ## Why it matters
//! The host drowns in answers; or the home is part of an attack on others.
//! ## How it decides
//! UDP answers of services that amplify (DNS, NTP, SNMP, SSDP, CLDAP, memcached …, CISA TA14-017A) to a host that was
//! not seen to ask: 60 in ten seconds from five servers or more, or 100 from fewer, and more than twice as many as it
//! asked. Nobody is named: the servers
//! are used, and who asks them is not seen. Also: such a service of the home answers one address of the Internet 20 times in
//! a minute with five times as many bytes as it is asked; it is named. And: a machine of the home asks such services 100
//! times in ten seconds in the name of another device of the home, whose hardware address is known to be another one.
//! ## What fools it
//! A wire on which only one direction is seen: then all answers look unasked, so of a host that others converse with and that
//! is never heard only large ones are told.
//! ## What to do
//! From the Internet only the provider can help.
//!
//! Holds 1,024 hosts, 1,024 services of the home and 256 machines that ask in another's name.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::Bell,
        window::{Recent, Subjects, Weigh, Window},
    },
    model::{Capped, Category, Finding, Findings, MacAddr, Mono, Party, Port, Severity, is_private, is_unicast},
    traffic::{Outcome, What},
    wire::{Frame, protocol},
};

card!("amplification", "Answers nobody asked for");

const HOSTS_MAX: usize = 1024;
const SPAN_S: u64 = 10;
// Discovery is answered within a few seconds (UPnP 2.0 §1.3.2: MX at most 5 s; WS-Discovery repeats).
const ASKED: Duration = Duration::from_secs(60);
const UNASKED_MIN: u32 = 60;
const UNASKED_FEW_MIN: u32 = 100;
const SERVERS_MIN: usize = 5;
/// To one question there is one answer, of clocks and names; a walk through a table (SNMP) asks for each piece.
const ASKED_FACTOR: u32 = 2;
/// Answers of name servers and clocks to people's questions are some hundred bytes (512 was the most, RFC 1035 §2.3.4).
const LARGE: u64 = 512;
// A service at home that is used against others: so many answers in a minute, each of so many times what was asked.
const ANSWERS_MIN: u32 = 20;
const GROWTH_MIN: u32 = 5;
// Questions in another's name: a host with two cards in one network sends some so, but no hundred in ten seconds.
const FORGED_MIN: u32 = 100;
const FORGERS_MAX: usize = 256;
const MINUTE: Duration = Duration::from_secs(60);
// Of the ports below those on which a home holds no long conversations (as it does by IPsec and in games).
const REFLECTS: [Port; 14] = [53, 123, 161, 389, 1900, 3702, 5683, 11211, 19, 17, 111, 137, 10001, 37810];
// CISA TA14-017A, and IKE (US-CERT VU#419128), CoAP, Ubiquiti discovery, DVR discovery.
const PORTS: [Port; 20] =
    [53, 123, 161, 389, 1900, 3702, 5683, 11211, 19, 17, 111, 69, 137, 500, 520, 1434, 10001, 37810, 27015, 4500];

#[derive(Debug, Clone)]
struct Flooded {
    unasked: Window,
    /// Questions of its own meanwhile.
    asked: Window,
    /// To whom the answers go on this wire.
    to: Option<MacAddr>,
    servers: Recent<IpAddr>,
    bytes: u64,
}

impl Weigh for Flooded {
    fn weight(&self, now: Mono, span: Duration) -> u32 {
        self.unasked.weight(now, span)
    }
}

/// What one service of the home says to one address of the Internet.
#[derive(Debug, Clone, Default)]
struct Reflected {
    asked: Window,
    said: Window,
    answers: Window,
}

impl Weigh for Reflected {
    fn weight(&self, now: Mono, span: Duration) -> u32 {
        self.answers.weight(now, span)
    }
}

/// See the page above.
pub struct Amplification {
    bell: Bell,
    /// Service, its port, and whom it answers.
    reflected: Subjects<(IpAddr, Port, IpAddr), Reflected>,
    hosts: Subjects<IpAddr, Flooded>,
    /// Who asks, by its hardware, in whose name.
    forgers: Subjects<(MacAddr, IpAddr), Window>,
    /// Who asked everybody, from which port: answers come from addresses that were not asked one by one.
    askers: Capped<(IpAddr, Port), Mono>,
}

impl Amplification {
    #[must_use]
    pub fn new(settings: Settings) -> Amplification {
        Amplification {
            bell: Bell::new(settings),
            reflected: Subjects::new(HOSTS_MAX, MINUTE, ANSWERS_MIN / 2),
            hosts: Subjects::new(HOSTS_MAX, Duration::from_secs(SPAN_S), UNASKED_MIN / 2),
            forgers: Subjects::new(FORGERS_MAX, Duration::from_secs(SPAN_S), FORGED_MIN / 2),
            askers: Capped::new(HOSTS_MAX),
        }
    }
}

impl Amplification {
    /// A machine of this wire asks in the name of another one.
    fn forges(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let (Some(udp), Some((from, to))) = (frame.udp(), frame.addresses()) else { return };
        let Some(mac) = frame.source.filter(|mac| REFLECTS.contains(&udp.destination) && mac.is_station()) else {
            return;
        };
        let (neighbours, now) = (context.neighbours, context.now.mono);
        let Some(owner) = neighbours.sole_holder(from).filter(|owner| *owner != mac) else { return };
        // Routers pass on what others say; a forger has a place of its own.
        if !neighbours.is_host(mac) || neighbours.is_way_out(mac) || neighbours.is_router(mac) || to.is_multicast() {
            return;
        }
        let fresh = |left| Window::with(left, now);
        let Some(window) = self.forgers.of((mac, from), crate::traffic::owner(mac), now, fresh) else { return };
        window.add(now, 1);
        let asked = window.sum(now, SPAN_S);
        if asked < self.bell.scaled(FORGED_MIN) {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Flood, Severity::High, format!("{mac} as {from}"), context.now)
            .by(Party { device: None, mac: Some(mac), ip: None })
            .against(Party { device: None, mac: Some(owner), ip: Some(from) })
            .why("reflector_port", udp.destination)
            .why("reflector", to)
            .why("questions", asked)
            .technique(&["T1498.002"])
            .points(if asked >= FORGED_MIN * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }

    /// A service of the home that answers the Internet with far more than it is asked.
    fn reflects(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let (Some(udp), Some((from, to))) = (frame.udp(), frame.addresses()) else { return };
        let now = context.now.mono;
        let len = u32::from(udp.len).saturating_sub(8);
        let is_home = |ip: IpAddr| is_private(ip) && !ip.is_multicast();
        let is_far = |ip: IpAddr| !is_private(ip) && is_unicast(ip);
        // Clocks ask clocks from their own port, and who forges them does so too: then what is said tells who asks.
        let asks = !PORTS.contains(&udp.source) || udp.source == udp.destination;
        if REFLECTS.contains(&udp.destination) && asks && is_home(to) && is_far(from) {
            let fresh = |left| Reflected { answers: Window::with(left, now), ..Reflected::default() };
            let tick = now.0 / 1_000_000_000;
            if let Some(reflected) = self.reflected.of((to, udp.destination, from), tick, now, fresh) {
                reflected.asked.add(now, len.max(1));
            }
            return;
        }
        if !REFLECTS.contains(&udp.source) || !is_home(from) || !is_far(to) {
            return;
        }
        let Some(reflected) = self.reflected.get_mut(&(from, udp.source, to), now) else { return };
        reflected.answers.add(now, 1);
        reflected.said.add(now, len);
        let answers = reflected.answers.sum(now, 60);
        if answers < self.bell.scaled(ANSWERS_MIN) {
            return;
        }
        let (asked, said) = (reflected.asked.sum(now, 60), reflected.said.sum(now, 60));
        if said < asked.saturating_mul(GROWTH_MIN) {
            return;
        }
        let key = format!("{from} {} {to}", udp.source);
        let finding = Finding::new(CARD.id, Category::Flood, Severity::High, key, context.now)
            .by(context.neighbours.party(from, frame.source))
            .against(context.neighbours.party(to, frame.destination))
            .why("reflector_port", udp.source)
            .why("answers", answers)
            .why("ratio", said / asked.max(1))
            .why("bytes", said)
            .technique(&["T1498.002"])
            .points(if answers >= ANSWERS_MIN * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

impl Detector for Amplification {
    says!(self, [Udp, Outcome], self.reflected.len() + self.hosts.len() + self.forgers.len() + self.askers.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        // The first packet of a conversation decides whether it was asked for; those that follow of an unasked
        // one are counted with it.
        let noticed = match evidence {
            Evidence::Traffic(noticed) => noticed,
            Evidence::Packet(frame) => {
                self.reflects(frame, context, findings);
                self.forges(frame, context, findings);
                if let (Some(udp), Some((from, to))) = (frame.udp(), frame.addresses())
                    && (to.is_multicast() || frame.destination.is_some_and(MacAddr::is_multicast))
                {
                    self.askers.insert((from, udp.source), now);
                    return;
                }
                if let (Some(udp), Some((from, _))) = (frame.udp(), frame.addresses())
                    && PORTS.contains(&udp.destination)
                    && let Some(flooded) = self.hosts.get_mut(&from, now)
                {
                    flooded.asked.add(now, 1);
                }
                if let (Some(udp), Some((from, to))) = (frame.udp(), frame.addresses())
                    && PORTS.contains(&udp.source)
                    && !PORTS.contains(&udp.destination)
                    && let Some(flooded) = self.hosts.get_mut(&to, now)
                    && flooded.servers.has(&from)
                {
                    flooded.unasked.add(now, 1);
                    flooded.to = frame.destination;
                    flooded.bytes += frame.bytes.len() as u64;
                }
                return;
            }
            _ => return,
        };
        let talk = &noticed.talk;
        let answers_first = matches!(noticed.what, What::Outcome(Outcome::Answered))
            && talk.protocol == protocol::UDP
            && talk.packets[0] == 0;
        if !answers_first || !PORTS.contains(&talk.server.port) || talk.client.ip.is_multicast() {
            return;
        }
        let (host, server) = (talk.client, talk.server);
        // This host does not hear itself ask: answers of neighbours are to its own questions.
        if context.network.is_own_ip(host.ip) && is_private(server.ip) {
            return;
        }
        if self.askers.get(&(host.ip, host.port)).is_some_and(|at| now.since(*at) <= ASKED) {
            return;
        }
        let fresh = |left| Flooded {
            unasked: Window::with(left, now),
            asked: Window::default(),
            to: host.mac,
            servers: Recent::new(256),
            bytes: 0,
        };
        let Some(flooded) = self.hosts.of(host.ip, tick, now, fresh) else { return };
        flooded.unasked.add(now, 1);
        flooded.servers.see(server.ip, now);
        let (unasked, servers) = (flooded.unasked.sum(now, SPAN_S), flooded.servers.len());
        let least = if servers >= SERVERS_MIN { UNASKED_MIN } else { UNASKED_FEW_MIN };
        // At a mirror of one direction all answers look so, but then they are not large.
        let is_mute = flooded.to.is_some_and(|mac| context.neighbours.is_mute(mac));
        if is_mute && flooded.bytes < u64::from(unasked).saturating_mul(LARGE) {
            return;
        }
        // Of those who are asked again and again a mirror that is overrun loses some questions: what comes is still no more.
        if unasked < self.bell.scaled(least) || unasked <= flooded.asked.sum(now, SPAN_S).saturating_mul(ASKED_FACTOR) {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Flood, Severity::High, host.ip.to_string(), context.now)
            .against(host.party())
            .why("reflector_port", server.port)
            .why("sources", servers)
            .why("answers", unasked)
            .why("bytes", flooded.bytes)
            .technique(&["T1498.002"])
            .points(if unasked >= 100 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{ACK, Stage, between, datagram, ip, mac, tcp, udp};

    #[test]
    fn answers_are_a_flood_only_if_nobody_asked() {
        let mut stage = Stage::new(Amplification::new(Settings::default()));
        let found: Vec<_> = (0..200u64)
            .flat_map(|n| {
                let from = (mac(1), [203, 0, (n / 50) as u8, (n % 50) as u8]);
                stage.frame(&between(from, (mac(5), ip(5)), 17, &datagram(123, 40_000, &[0; 400])), n * 10)
            })
            .collect();
        assert!(found.iter().all(|f| f.attacker == crate::model::Party::default()) && !found.is_empty());
        let mut stage = Stage::new(Amplification::new(Settings::default()));
        let mut asked = Vec::new();
        for n in 0..300u16 {
            asked.extend(stage.frame(&udp((5, 40_000 + n), (1, 53), b"question"), u64::from(n) * 10));
            asked.extend(stage.frame(&udp((1, 53), (5, 40_000 + n), &[0; 400]), u64::from(n) * 10 + 1));
        }
        assert!(asked.is_empty(), "a resolver that works");
        let mut stage = Stage::new(Amplification::new(Settings::default()));
        let group = ([1, 0, 0x5e, 0x7f, 0xff, 0xfa], [239, 255, 255, 250]);
        stage.frame(&between((mac(5), ip(5)), group, 17, &datagram(40_000, 1900, b"M-SEARCH")), 0);
        let answers = (0..240u64).flat_map(|n| {
            let from = 20 + (n % 40) as u8;
            stage.frame(&udp((from, 1900), (5, 40_000), &[0; 300]), n * 10)
        });
        assert_eq!(answers.count(), 0, "a house full of players that are looked for");
    }
    #[test]
    fn questions_that_a_mirror_lost_are_no_flood_nor_is_a_mirror_of_one_direction() {
        // One question in ten is lost; answers go on to come to who asks little.
        let run = |lost_of_ten: u16| -> usize {
            let mut stage = Stage::new(Amplification::new(Settings::default()));
            let mut told = 0;
            for n in 0..900u16 {
                let ms = u64::from(n) * 20;
                if n % 10 >= lost_of_ten {
                    told += stage.frame(&udp((5, 40_000 + n), (1, 53), b"question"), ms).len();
                }
                told += stage.frame(&udp((1, 53), (5, 40_000 + n), &[0; 400]), ms + 1).len();
            }
            told
        };
        assert_eq!((run(1), run(3)), (0, 0));
        assert!(run(9) > 0 && run(10) > 0);
        // Others converse with it by TCP, and it is never heard itself.
        let mute = |speaks: bool| -> usize {
            let mut stage = Stage::new(Amplification::new(Settings::default()));
            for n in 0..12u16 {
                stage.frame(&tcp((7, 40_000 + n), (5, 80), ACK, 1, b"more"), u64::from(n));
            }
            if speaks {
                stage.frame(&tcp((5, 80), (7, 40_000), ACK, 1, b""), 20);
            }
            (0..300u16).map(|n| stage.frame(&udp((1, 53), (5, 40_000 + n), &[0; 400]), u64::from(n) * 10).len()).sum()
        };
        assert!(mute(false) == 0 && mute(true) > 0);
    }
    #[test]
    fn a_service_of_the_home_that_answers_the_internet_is_named() {
        let run = |len: usize, count: u64| -> Vec<Finding> {
            let mut stage = Stage::new(Amplification::new(Settings::default()));
            let far = (mac(1), [203, 0, 113, 9]);
            (0..count)
                .flat_map(|n| {
                    let ask = between(far, (mac(5), ip(5)), 17, &datagram(80, 11211, b"stats\r\n"));
                    let answer = between((mac(5), ip(5)), far, 17, &datagram(11211, 80, &vec![0; len]));
                    [stage.frame(&ask, n * 50), stage.frame(&answer, n * 50 + 1)].concat()
                })
                .collect()
        };
        assert_eq!(run(900, 40).first().and_then(|f| f.attacker.ip), Some(IpAddr::from(ip(5))));
        assert!(run(20, 40).is_empty() && run(900, 10).is_empty());
    }
    #[test]
    fn who_asks_in_anothers_name_is_told_and_a_router_is_not() {
        use crate::detectors::stage::arp;
        let run = |hardware: u8, count: u64| -> Vec<Finding> {
            let mut stage = Stage::new(Amplification::new(Settings::default()));
            for host in [5, 8, 9] {
                stage.frame(&arp(host, 1, host, host, 1), 0);
            }
            // 1 is where everybody sends what is meant for the Internet.
            for far in [7, 8] {
                stage.frame(&between((mac(8), ip(8)), (mac(1), [203, 0, 113, far]), 17, &datagram(40_000, 9, b"a")), 1);
            }
            stage.frame(&arp(1, 1, 1, 1, 5), 2);
            (0..count)
                .flat_map(|n| {
                    let ask = datagram(40_000 + n as u16, 161, b"everything");
                    stage.frame(&between((mac(hardware), ip(5)), (mac(8), ip(8)), 17, &ask), 10 + n * 10)
                })
                .collect()
        };
        let told = run(9, 150);
        assert_eq!(told.first().map(|f| (f.attacker.mac, f.attacker.ip)), Some((Some(MacAddr(mac(9))), None)));
        assert!(run(5, 150).is_empty(), "itself");
        assert!(run(1, 150).is_empty(), "the router passes it on");
        assert!(run(9, 60).is_empty(), "few, as by a second card");
    }

    #[test]
    fn answers_to_the_own_questions_are_no_flood() {
        let answers = |from: [u8; 4]| -> usize {
            let mut stage = Stage::new(Amplification::new(Settings::default())).behind(ip(1));
            (0..300u16)
                .map(|n| {
                    let answer = datagram(161, 40_000 + n % 3, &[0; 400]);
                    let from = [from[0], from[1], from[2], (n % 40) as u8 + 2];
                    let frame = between((mac(5), from), (mac(250), ip(250)), 17, &answer);
                    stage.frame(&frame, u64::from(n) * 10).len()
                })
                .sum()
        };
        assert_eq!(answers(ip(0)), 0);
        assert!(answers([203, 0, 113, 0]) > 0);
    }
}
