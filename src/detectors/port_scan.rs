//! # Looking for open doors
//!
//! ## What it finds
//! A host that tries the ports of another one after the other, whatever way it does so.
//! ## Why it matters
//! Whoever knows the open doors knows where to try.
//! ## How it decides
//! Threshold random walk (Jung, Paxson, Berger, Balakrishnan 2004) over *first contacts*: a port of a host that the
//! source did not try in a day. Each refusal, ICMP complaint or silence is a step up, each answer a step down
//! (θ₀ = 0.8, θ₁ = 0.2, α = 10⁻⁵): nine failures more than successes are told, ten in vain and one open just so. One more
//! step down is for whom it speaks with, in a way that is known, and a failure is taken back when the port opens later to
//! who comes again.
//! Flags no stack sends (none, FIN alone, FIN+PSH+URG, SYN+FIN) need three ports. Many IP protocols tried on one
//! host count as well, or eight ports of SCTP, and one port that is greeted in three ways within five minutes (as a web
//! server, as a camera, with an empty line): so is asked what listens there. Over many hosts at once: 14 doors in vain
//! within ten minutes, at four hosts or more, four of them tried at two hosts or more, and nine failures more than
//! successes, of which one counts twice with which the source speaks: who only looks says nothing. Whom a person calls
//! trusted is told as low.
//! ## What fools it
//! One port a day; a scan spread over many sources. Peer-to-peer programs fail half of their contacts: those to
//! the Internet are not counted here. Silence counts only of hosts that were heard to speak, or of which twenty ports below
//! 10,000 were tried within ten minutes; of datagrams only of those that complained of others.
//! ## What to do
//! If it is a scanner of yours, add it to `exempt`. From the Internet: close what need not be open.
//!
//! Leaves out: one port of many hosts (`host_sweep`, `outbound_scan`). Holds 4,096 pairs with 256 ports each, and 1,024
//! sources with 128 doors each.

mod probes;
mod spread;

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::{Bell, of_search},
        window::{Recent, Subjects, Weigh},
    },
    model::{Category, Finding, Findings, Guarded, MacAddr, Mono, Party, Port, Severity, is_private},
    traffic::{Outcome, Start, Talkers, What, owner},
    wire::{Frame, protocol, tcp::Flags},
};

use probes::{Greeting, Quiet, is_inquiry};
use spread::{SPREAD_MIN, Spreads};

card!("port_scan", "Search for open ports");

const PAIRS_MAX: usize = 4096;
const PORTS_MAX: usize = 256;
const FORGET: Duration = Duration::from_secs(86_400);
// ln(0.8 / 0.2); ln((1 − β) / α) with β = 0.01, α = 10⁻⁵; back to nothing below ln(β / (1 − α)).
const STEP: f32 = 1.386;
const ALARM: f32 = 11.5;
const FLOOR: f32 = -4.6;
const ODD_PORTS: u32 = 3;
/// From then on silence of datagrams counts too.
const COMPLAINTS_MIN: u32 = 4;
const ODD_SPAN: Duration = Duration::from_secs(60);
// Ways of greeting one port.
const GREETINGS_MIN: u32 = 3;
const GREETINGS_SPAN: Duration = Duration::from_secs(300);
// A host speaks two or three IP protocols to another.
const PROTOCOLS_MIN: u32 = 8;
/// SCTP (RFC 9260): its number, and the chunk that opens an association.
const SCTP: u8 = 132;
const SCTP_INIT: u8 = 1;
/// Clients' own ports are above (IANA's and most systems' choice).
const EPHEMERAL: Port = 32_768;
/// A traceroute asks ports no one has, on purpose (RFC 1393's predecessors).
const TRACEROUTE: std::ops::RangeInclusive<Port> = 33_434..=33_534;

/// What came of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Shut,
    Open,
    /// It was open, and spoken to.
    Used,
}

#[derive(Debug, Clone)]
struct Scan {
    ports: BTreeMap<(u8, Port), Door>,
    tried: u32,
    score: f32,
    failures: u32,
    successes: u32,
    odd: Recent<Port>,
    protocols: Recent<u8>,
    greetings: Recent<(Port, Greeting)>,
    first: Mono,
    party: Party,
}

type Key = (Option<MacAddr>, Option<IpAddr>, IpAddr);

/// See the page above.
pub struct PortScan {
    bell: Bell,
    pairs: Subjects<Key, Scan>,
    spread: Spreads,
    /// Hosts that were heard to answer.
    speak: Guarded<IpAddr, ()>,
    quiet: Quiet,
}

/// What is left of a pair is forgotten after this time, or twice that.
const RESIDUE_SPAN: Duration = Duration::from_secs(3600);
/// Steps that are kept: a good half of an alarm.
const RESIDUE_MAX: u32 = 5;

impl Weigh for Scan {
    fn weight(&self, _now: Mono, _span: Duration) -> u32 {
        if self.score >= STEP * 2.0 { (self.score / STEP) as u32 } else { 0 }
    }
}

impl PortScan {
    #[must_use]
    pub fn new(settings: Settings) -> PortScan {
        PortScan {
            bell: Bell::new(settings),
            pairs: Subjects::new(PAIRS_MAX, RESIDUE_SPAN, RESIDUE_MAX),
            spread: Spreads::default(),
            speak: Guarded::new(8192),
            quiet: Quiet::default(),
        }
    }

    fn pair(&mut self, party: Party, victim: IpAddr, now: Mono) -> Option<&mut Scan> {
        let key = (party.mac, if party.mac.is_some() { None } else { party.ip }, victim);
        if self.pairs.get(&key).is_some_and(|scan| now.since(scan.first) > FORGET && scan.score <= 0.0) {
            self.pairs.remove(&key);
        }
        // What it had before it was pushed out, so that a flood in between does not wash it clean.
        let fresh = |left: u32| Scan {
            ports: BTreeMap::new(),
            tried: 0,
            score: left as f32 * STEP,
            failures: left,
            successes: 0,
            odd: Recent::new(64),
            protocols: Recent::new(64),
            greetings: Recent::new(32),
            first: now,
            party,
        };
        self.pairs.of(key, party.mac.map_or(0, owner), now, fresh)
    }

    fn contact(&mut self, talk: &Talkers, ok: bool, context: &Context<'_>, findings: &mut Findings) {
        let party = talk.client.party();
        let Some(scan) = self.pair(party, talk.server.ip, context.now.mono) else { return };
        let key = (talk.protocol, talk.server.port);
        let is_full = scan.ports.len() >= PORTS_MAX && scan.score < ALARM;
        match scan.ports.get_mut(&key) {
            // Who comes again until it opens wants what is there: a television that wakes, a server that starts.
            Some(door) if *door == Door::Shut && ok => {
                *door = Door::Open;
                scan.failures = scan.failures.saturating_sub(1);
                scan.successes += 1;
                scan.score = (scan.score - STEP * 2.0).max(FLOOR);
                return;
            }
            Some(_) => return,
            None if is_full => return,
            None => {}
        }
        if scan.ports.len() < PORTS_MAX {
            scan.ports.insert(key, if ok { Door::Open } else { Door::Shut });
        }
        scan.tried += 1;
        if ok {
            scan.successes += 1;
            scan.score = (scan.score - STEP).max(FLOOR);
        } else {
            scan.failures += 1;
            scan.score = (scan.score + STEP).min(ALARM * 8.0);
        }
        if !ok && scan.score >= ALARM {
            let kind = if talk.protocol == protocol::UDP { "udp" } else { "tcp" };
            self.tell(party, talk.server.party(), kind, context, findings);
        }
    }

    /// The same source at other hosts.
    fn spreads(&mut self, talk: &Talkers, ok: bool, context: &Context<'_>, findings: &mut Findings) {
        let (party, now) = (talk.client.party(), context.now.mono);
        let least = self.bell.scaled(SPREAD_MIN) as usize;
        let Some(many) = self.spread.tried(talk, ok, least, now) else { return };
        let who =
            party.mac.map_or_else(|| party.ip.map_or_else(String::new, |ip| ip.to_string()), |mac| mac.to_string());
        let (severity, key) = (of_search(Severity::Medium, &party, context), format!("{who} many"));
        if self.bell.rang(&key, severity, now) {
            return;
        }
        let first: Vec<String> = many.ports.iter().take(16).map(ToString::to_string).collect();
        let finding = Finding::new(CARD.id, Category::Scan, severity, key, context.now)
            .by(party)
            .against(talk.server.party())
            .why("kind", "many hosts")
            .why("targets", many.hosts)
            .why("ports_total", many.ports.len())
            .why("ports_first", first.join(", "))
            .why("failures", many.failures)
            .technique(&["T1046"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }

    /// Whether the server complained of several datagrams of this client's before.
    fn complains(&self, talk: &Talkers) -> bool {
        let party = talk.client.party();
        let key = (party.mac, if party.mac.is_some() { None } else { party.ip }, talk.server.ip);
        self.pairs.get(&key).is_some_and(|scan| scan.failures >= COMPLAINTS_MIN && scan.successes < scan.failures)
    }

    fn tell(&mut self, party: Party, victim: Party, kind: &str, context: &Context<'_>, findings: &mut Findings) {
        let Some(ip) = victim.ip else { return };
        let key = (party.mac, if party.mac.is_some() { None } else { party.ip }, ip);
        let Some(scan) = self.pairs.get(&key) else { return };
        if scan.failures.max(1) < self.bell.scaled(8) && !matches!(kind, "stealth" | "protocols" | "services" | "sctp")
        {
            return;
        }
        let points = match scan.tried {
            0..20 => 5.0,
            20..90 => 6.5,
            _ => 8.0,
        };
        let who =
            party.mac.map_or_else(|| party.ip.map_or_else(String::new, |ip| ip.to_string()), |mac| mac.to_string());
        let (severity, key) = (of_search(Severity::Medium, &party, context), format!("{who} {ip}"));
        if self.bell.rang(&key, severity, context.now.mono) {
            return;
        }
        let first: Vec<String> = scan.ports.keys().take(16).map(|(_, port)| port.to_string()).collect();
        let finding = Finding::new(CARD.id, Category::Scan, severity, key, context.now)
            .by(scan.party)
            .against(victim)
            .why("kind", kind)
            .why("ports_total", scan.tried.max(scan.odd.len() as u32))
            .why("ports_first", first.join(", "))
            .why("failures", scan.failures)
            .why("successes", scan.successes)
            .why("span_s", context.now.mono.since(scan.first).as_secs())
            .technique(&["T1046"])
            .points(points);
        self.bell.ring(finding, findings);
    }

    fn opened(&mut self, talk: &Talkers, flags: Flags, context: &Context<'_>, findings: &mut Findings) {
        // Nothing, FIN, FIN+PSH+URG, SYN+FIN: RFC 9293 has no use for any of them.
        let odd = matches!(flags.0 & 0x3f, 0 | 1 | 0x29 | 0x28 | 0x20 | 8 | 3 | 0x2b | 7 | 0x3f);
        if !odd {
            return;
        }
        let now = context.now.mono;
        let least = self.bell.scaled(ODD_PORTS) as usize;
        let Some(scan) = self.pair(talk.client.party(), talk.server.ip, now) else { return };
        scan.odd.see(talk.server.port, now);
        if scan.odd.within(now, ODD_SPAN) >= least {
            self.tell(talk.client.party(), talk.server.party(), "stealth", context, findings);
        }
    }

    /// How a client greets a port.
    fn greets(&mut self, talk: &Talkers, bytes: &[u8], context: &Context<'_>, findings: &mut Findings) {
        let (Some(greeting), now) = (Greeting::of(bytes), context.now.mono) else { return };
        let least = self.bell.scaled(GREETINGS_MIN).max(2) as usize;
        let Some(scan) = self.pair(talk.client.party(), talk.server.ip, now) else { return };
        if let Some(door) = scan.ports.get_mut(&(talk.protocol, talk.server.port))
            && *door == Door::Open
        {
            *door = Door::Used;
            scan.score = (scan.score - STEP).max(FLOOR);
        }
        if scan.greetings.see((talk.server.port, greeting), now)
            && is_inquiry(scan.greetings.within_keys(now, GREETINGS_SPAN), least)
        {
            self.tell(talk.client.party(), talk.server.party(), "services", context, findings);
        }
    }

    /// Many protocols above IP, each without much in it.
    fn protocols(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let (Some(number), Some((from, to))) = (frame.protocol(), frame.addresses()) else { return };
        let usual = [
            protocol::TCP,
            protocol::UDP,
            protocol::ICMP,
            protocol::ICMP_V6,
            protocol::IGMP,
            protocol::ESP,
            protocol::GRE,
            protocol::VRRP,
        ];
        if usual.contains(&number) || to.is_multicast() || frame.payload().len() > 64 {
            return;
        }
        let (now, party) = (context.now.mono, context.neighbours.party(from, frame.source));
        if number == SCTP
            && let [_, _, a, b, _, _, _, _, _, _, _, _, SCTP_INIT, ..] = frame.payload()
        {
            let least = self.bell.scaled(PROTOCOLS_MIN) as usize;
            let Some(scan) = self.pair(party, to, now) else { return };
            scan.odd.see(Port::from_be_bytes([*a, *b]), now);
            if scan.odd.within(now, ODD_SPAN) >= least {
                let victim = context.neighbours.party(to, frame.destination);
                self.tell(party, victim, "sctp", context, findings);
            }
            return;
        }
        let least = self.bell.scaled(PROTOCOLS_MIN) as usize;
        let Some(scan) = self.pair(party, to, now) else { return };
        scan.protocols.see(number, now);
        if scan.protocols.within(now, ODD_SPAN * 5) >= least {
            let victim = context.neighbours.party(to, frame.destination);
            self.tell(party, victim, "protocols", context, findings);
        }
    }
}

impl Detector for PortScan {
    says!(
        self,
        [Opened, Outcome, Said, OtherIp],
        self.pairs.len() + self.spread.len() + self.speak.len() + self.quiet.len()
    );

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let noticed = match evidence {
            Evidence::Traffic(noticed) => noticed,
            Evidence::Packet(frame) => return self.protocols(frame, context, findings),
            _ => return,
        };
        let talk = &noticed.talk;
        // To the Internet everything fails now and then, and peer-to-peer programs by design.
        let outwards = !is_private(talk.server.ip)
            && talk.server.mac.is_none()
            && !talk.server.ip.is_loopback()
            && (is_private(talk.client.ip) || talk.client.mac.is_some());
        if outwards || talk.server.ip.is_multicast() || talk.client.ip == talk.server.ip {
            return;
        }
        match noticed.what {
            What::Said { by_client: true, from: 0, ref bytes } if talk.is_sure => {
                self.spread.spoke(talk, context.now.mono);
                self.greets(talk, bytes, context, findings);
            }
            What::Opened(Start::Stray(flags)) => self.opened(talk, flags, context, findings),
            What::Outcome(outcome) => {
                let udp = talk.protocol == protocol::UDP;
                let answered = outcome == Outcome::Answered;
                let tick = context.now.mono.0 / 1_000_000_000;
                if matches!(outcome, Outcome::Answered | Outcome::Refused) || udp && outcome != Outcome::Silent {
                    self.speak.insert(talk.server.ip, (), talk.server.mac.map_or(1, owner), tick);
                }
                let counts = match outcome {
                    Outcome::Answered => talk.is_sure || udp,
                    Outcome::Refused | Outcome::Unreachable(_) => talk.packets[1] <= 2,
                    // Without its answers on this wire silence says nothing.
                    // A host complains of a few datagrams a second and not of the rest (RFC 1812 §4.3.2.8).
                    Outcome::Silent if talk.server.mac.is_some_and(|mac| context.neighbours.is_mute(mac)) => false,
                    Outcome::Silent if udp => self.complains(talk),
                    Outcome::Silent => {
                        talk.is_sure
                            && (self.speak.get(&talk.server.ip).is_some() || self.quiet.tried(talk, context.now.mono))
                    }
                };
                let traced = udp && TRACEROUTE.contains(&talk.server.port);
                // Whoever answers from a port of a service was asked before this began.
                let late = !talk.is_sure && !udp && talk.client.port < 1024;
                // Resets alone: of a search by acknowledgements only the answers may be heard. Whoever is flooded with
                // resets asked nothing; a search comes from a client's port.
                let flooded = !talk.is_sure && !udp && talk.packets[0] == 0 && talk.client.port < EPHEMERAL;
                if counts && !traced && !late && !flooded {
                    self.contact(talk, answered, context, findings);
                    if talk.is_sure {
                        self.spreads(talk, answered, context, findings);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
