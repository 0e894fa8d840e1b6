//! # Flood of connections
//!
//! ## What it finds
//! Very many connections that one service is asked for and that nobody means: half-open, or answers of others to
//! questions that were asked in a host's name, or segments of connections that never were: acknowledgements, data, ends,
//! resets.
//! ## Why it matters
//! The service has no room left for those who mean it.
//! ## How it decides
//! In ten seconds 150 connections to one port of one host of which less than a fifth are completed; or 60
//! acceptances in ten seconds for a host that asked for none; or 300 segments without data (or 1,000 with data) in ten
//! seconds for one port, each alone and as of a connection of its own, which nobody answers but with resets; or 300 resets
//! in ten seconds from clients' ports to services of one host, which end nothing that was seen; or 1,000 resets in ten
//! seconds from one service, of which only they are heard. With one source that is its subject; many sources are the
//! machine's of the home that alone sends them (of acknowledgements and data that is not looked at), others name nobody.
//! Low: one client that holds 150 completed connections to one port of one host at a time, or makes 1,000 in ten seconds.
//! ## What fools it
//! A service that is down while very many ask for it.
//! ## What to do
//! If one device is named, disconnect it. From the Internet, only the provider can help.
//!
//! Leaves out what a restart brings: a server or router that forgot its connections resets them, each once, and a home has
//! some hundred. Live, acknowledgements are left outside by the kernel's filter: there the resets that answer them tell of
//! the flood. Holds twice 2,048 services and 1,024 hosts, 64 sources each, and 1,024 pairs of client and
//! service.

mod held;

use std::{hash::Hash, net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::Bell,
        window::{Recent, Subjects, Weigh, Window},
    },
    model::{Category, Finding, Findings, MacAddr, Mono, Party, Port, Severity, is_private},
    traffic::{End, Outcome, Start, Talkers, What},
    wire::{Frame, protocol, tcp::Flags},
};

use held::{Connections, HELD_MIN, MADE_MIN};

card!("syn_flood", "Flood of connections");

const SERVICES_MAX: usize = 2048;
const HOSTS_MAX: usize = 1024;
const SPAN_S: u64 = 10;
const SPAN: Duration = Duration::from_secs(SPAN_S);
// A browser opens some tens; a backlog of a small system is 128 (Linux net.core.somaxconn before 5.4).
const OPENED_MIN: u32 = 150;
const UNASKED_MIN: u32 = 60;
// A server that is started anew has forgotten its connections, of which a home's has some hundred.
const STRAYS_MIN: u32 = 300;
// With data, or told from the answers alone: that is what clients of such a server look like to who comes too late to have
// seen them begin. No home has a thousand.
const LATE_MIN: u32 = 1000;
/// Given to services (RFC 6335 §6), and from where clients' ports are handed out (Linux ip_local_port_range).
const SYSTEM: Port = 1024;
const EPHEMERAL: Port = 32_768;
// One of five completed is service, not flood.
const COMPLETED_SHARE: u32 = 5;

#[derive(Debug, Clone)]
struct Load {
    opened: Window,
    completed: Window,
    sources: Recent<IpAddr>,
    source: End,
    /// Who put the attempts on the wire.
    senders: Recent<MacAddr>,
}

/// What came alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Stray {
    Empty,
    Data,
    /// To a host's services, from what would be their clients; its port does not count.
    Reset,
    /// From a service.
    Answer,
}

impl Stray {
    const fn least(self) -> u32 {
        match self {
            Stray::Empty | Stray::Reset => STRAYS_MIN,
            Stray::Data | Stray::Answer => LATE_MIN,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Stray::Empty => "segments of nothing",
            Stray::Data => "data of nothing",
            Stray::Reset => "resets of nothing",
            Stray::Answer => "answers to segments of nothing",
        }
    }
}

/// See the page above.
pub struct SynFlood {
    bell: Bell,
    services: Subjects<(IpAddr, Port), Load>,
    unasked: Subjects<IpAddr, Load>,
    /// Segments of nothing: each began a conversation in its middle.
    strays: Subjects<(IpAddr, Port, Stray), Load>,
    connections: Connections,
}

impl SynFlood {
    #[must_use]
    pub fn new(settings: Settings) -> SynFlood {
        SynFlood {
            bell: Bell::new(settings),
            services: Subjects::new(SERVICES_MAX, SPAN, OPENED_MIN / 2),
            unasked: Subjects::new(HOSTS_MAX, SPAN, UNASKED_MIN / 2),
            strays: Subjects::new(SERVICES_MAX, SPAN, STRAYS_MIN / 2),
            connections: Connections::default(),
        }
    }
}

fn load<K: Ord + Hash + Clone>(table: &mut Subjects<K, Load>, key: K, source: End, now: Mono) -> Option<&mut Load> {
    let fresh = |left| Load {
        opened: Window::with(left, now),
        completed: Window::default(),
        sources: Recent::new(64),
        source,
        senders: Recent::new(4),
    };
    // No sender's own: sources are forged.
    table.of(key, now.0 / 1_000_000_000, now, fresh)
}

impl Weigh for Load {
    fn weight(&self, now: Mono, _span: Duration) -> u32 {
        let (opened, completed) = (self.opened.sum(now, SPAN_S), self.completed.sum(now, SPAN_S));
        if completed * COMPLETED_SHARE > opened { 0 } else { opened }
    }
}

impl SynFlood {
    /// A connection that was completed: one too many?
    fn made(&mut self, talk: &Talkers, context: &Context<'_>, findings: &mut Findings) {
        let (open, made) = self.connections.made(talk, context.now.mono);
        let (kind, count) = match (open, made) {
            (open, _) if open >= self.bell.scaled(HELD_MIN) => ("held open", open),
            (_, made) if made >= self.bell.scaled(MADE_MIN) => ("one after the other", made),
            _ => return,
        };
        let (client, server) = (talk.client, talk.server);
        let key = format!("{}:{} {kind} {}", server.ip, server.port, client.ip);
        let finding = Finding::new(CARD.id, Category::Flood, Severity::Low, key, context.now)
            .by(client.party())
            .against(server.party())
            .why("kind", kind)
            .why("count", count)
            .why("completed", count)
            .why("sources", 1)
            .technique(&["T1499.002"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }

    fn sent(&mut self, frame: &Frame<'_>, context: &Context<'_>) {
        let Some(tcp) = frame.tcp() else { return };
        let (Some(mac), Some((_, to))) = (frame.source.filter(|mac| mac.is_station()), frame.addresses()) else {
            return;
        };
        let (key, now) = ((to, tcp.destination), context.now.mono);
        let load = if tcp.flags.is_open() {
            self.services.get_mut(&key, now)
        } else if self.strays.len() == 0 {
            None
        } else {
            let kind = if tcp.payload.is_empty() { Stray::Empty } else { Stray::Data };
            let key = if tcp.flags.has(Flags::RST) { (to, 0, Stray::Reset) } else { (to, tcp.destination, kind) };
            self.strays.get_mut(&key, now)
        };
        if let Some(load) = load {
            load.senders.see(mac, now);
        }
    }
}

/// Of a conversation that was met in its middle: all of it was one segment, which was answered by a reset or not at all.
fn stray(talk: &Talkers, outcome: Outcome) -> Option<Stray> {
    let answers = match outcome {
        Outcome::Refused => 1,
        Outcome::Silent => 0,
        Outcome::Answered | Outcome::Unreachable(_) => return None,
    };
    let is_alone = !talk.is_sure && talk.packets == [1, answers] && talk.bytes[1] == 0;
    is_alone.then_some(if talk.bytes[0] == 0 { Stray::Empty } else { Stray::Data })
}

/// Of a reset that belongs to nothing, which traffic takes for the server's: who is flooded, by whom, and how. A search by
/// acknowledgements comes from one client's port, and what answers it goes there from services.
fn reset(talk: &Talkers) -> Option<(End, End, Stray)> {
    let (sender, receiver) = (talk.server, talk.client);
    let rank = |port: Port| u8::from(port >= SYSTEM) + u8::from(port >= EPHEMERAL);
    let (from, to) = (rank(sender.port), rank(receiver.port));
    match (from, to) {
        (1.., 0 | 1) if from >= to => Some((receiver, sender, Stray::Reset)),
        (0 | 1, 1..) => Some((sender, receiver, Stray::Answer)),
        _ => None,
    }
}

impl Detector for SynFlood {
    says!(
        self,
        [Tcp, Opened, Outcome, Completed, Size],
        self.services.len() + self.unasked.len() + self.strays.len() + self.connections.len()
    );

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Packet(frame) = evidence {
            return self.sent(frame, context);
        }
        let Evidence::Traffic(noticed) = evidence else { return };
        let talk = &noticed.talk;
        if talk.protocol != protocol::TCP {
            return;
        }
        let now = context.now.mono;
        let (client, server) = (talk.client, talk.server);
        let (load, least, victim, kind) = match noticed.what {
            What::Opened(Start::Syn) => {
                let Some(load) = load(&mut self.services, (server.ip, server.port), client, now) else { return };
                load.opened.add(now, 1);
                load.sources.see(client.ip, now);
                if load.sources.within(now, SPAN) == 1 {
                    // Not whoever was served here before.
                    load.source = client;
                }
                (load, OPENED_MIN, server, "half-open")
            }
            What::Closed { .. } => return self.connections.ended(talk, now),
            What::Completed if talk.is_sure => {
                self.made(talk, context, findings);
                let Some(load) = load(&mut self.services, (server.ip, server.port), client, now) else { return };
                return load.completed.add(now, 1);
            }
            // This host does not hear itself ask: answers of neighbours are to its own port check.
            What::Opened(Start::Unasked) if context.network.is_own_ip(client.ip) && is_private(server.ip) => return,
            What::Opened(Start::Unasked) => {
                let Some(load) = load(&mut self.unasked, client.ip, server, now) else { return };
                load.opened.add(now, 1);
                load.sources.see(server.ip, now);
                (load, UNASKED_MIN, client, "unasked answers")
            }
            What::Opened(Start::Stray(_)) | What::Outcome(_) => {
                let seen = match noticed.what {
                    What::Opened(Start::Stray(flags)) if flags.has(Flags::RST) => reset(talk),
                    What::Outcome(outcome) => stray(talk, outcome).map(|kind| (server, client, kind)),
                    _ => None,
                };
                let Some((victim, source, kind)) = seen else { return };
                let port = if kind == Stray::Reset { 0 } else { victim.port };
                let Some(load) = load(&mut self.strays, (victim.ip, port, kind), source, now) else { return };
                load.opened.add(now, 1);
                load.sources.see(source.ip, now);
                if load.sources.within(now, SPAN) == 1 {
                    load.source = source;
                }
                (load, kind.least(), victim, kind.name())
            }
            _ => return,
        };
        let (opened, completed) = (load.opened.sum(now, SPAN_S), load.completed.sum(now, SPAN_S));
        if opened < self.bell.scaled(least) || completed * COMPLETED_SHARE > opened {
            return;
        }
        let key = if kind == Stray::Reset.name() {
            format!("{} resets", victim.ip)
        } else {
            format!("{}:{}", victim.ip, victim.port)
        };
        if self.bell.rang(&key, Severity::High, now) {
            return;
        }
        // Forged sources are many, but one machine puts them on the wire; unless that is the way in from outside.
        let sources = load.sources.within(now, SPAN);
        let sender = match load.senders.within_keys(now, SPAN).collect::<Vec<_>>()[..] {
            [mac] if context.neighbours.is_host(*mac) && !context.neighbours.is_way_out(*mac) => Some(*mac),
            _ => None,
        };
        let attacker = match (kind, sources, sender) {
            ("unasked answers", ..) => Party::default(),
            ("answers to segments of nothing", 1, _) => load.source.party(),
            ("answers to segments of nothing", ..) => Party::default(),
            (_, 1, _) if load.source.mac.is_some() || sender.is_none() => load.source.party(),
            (_, 1, Some(mac)) => Party { mac: Some(mac), ..load.source.party() },
            (_, _, Some(mac)) => Party { device: None, mac: Some(mac), ip: None },
            _ => Party::default(),
        };
        let finding = Finding::new(CARD.id, Category::Flood, Severity::High, key, context.now)
            .by(attacker)
            .against(victim.party())
            .why("kind", kind)
            .why("count", opened - completed)
            .why("half_open", opened - completed)
            .why("completed", completed)
            .why("sources", sources)
            .technique(&["T1499.001"])
            .points(if opened >= least.max(OPENED_MIN) * 3 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{ACK, FIN, RST, SYN, Stage, between, ip, mac, segment, tcp};

    #[test]
    fn who_holds_all_the_room_of_a_service_is_noted() {
        let run = |count: u16, gap_ms: u64, ends: bool| -> Vec<Severity> {
            let mut stage = Stage::new(SynFlood::new(Settings::default()));
            let mut told = Vec::new();
            for n in 0..count {
                let (client, server) = ((9, 1000 + n), (5, 80));
                let mut script = vec![(client, server, SYN), (server, client, SYN | ACK), (client, server, ACK)];
                if ends {
                    script.extend([(client, server, FIN | ACK), (server, client, FIN | ACK)]);
                }
                for ((from, to, flags), seq) in script.into_iter().zip([1, 1, 2, 2, 2]) {
                    told.extend(stage.frame(&tcp(from, to, flags, seq, b""), u64::from(n) * gap_ms));
                }
            }
            told.iter().map(|finding| finding.severity).collect()
        };
        assert!(run(200, 50, false).contains(&Severity::Low));
        assert!(run(3000, 2, true).contains(&Severity::Low), "faster than anybody reads");
        assert!(run(300, 100, true).is_empty(), "one after the other");
        assert!(run(40, 10, false).is_empty(), "a browser");
        assert!(run(600, 2000, false).is_empty(), "all day long, and no end is heard");
    }

    #[test]
    fn a_flood_names_its_one_source_or_nobody_and_a_busy_server_is_none() {
        let mut stage = Stage::new(SynFlood::new(Settings::default()));
        let one: Vec<_> = (0..400u16)
            .flat_map(|n| stage.frame(&tcp((9, 1000 + n), (5, 80), SYN, 1, b""), u64::from(n) * 5))
            .collect();
        assert_eq!(one.first().and_then(|f| f.attacker.ip), Some(IpAddr::from(ip(9))));
        let mut stage = Stage::new(SynFlood::new(Settings::default()));
        for (from, to, flags) in [((7, 900), (5, 80), SYN), ((5, 80), (7, 900), SYN | ACK), ((7, 900), (5, 80), ACK)] {
            stage.frame(&tcp(from, to, flags, 1, b""), 0);
        }
        let after: Vec<_> = (0..400u16)
            .flat_map(|n| stage.frame(&tcp((9, 1000 + n), (5, 80), SYN, 1, b""), 60_000 + u64::from(n) * 5))
            .collect();
        assert_eq!(after.first().and_then(|f| f.attacker.ip), Some(IpAddr::from(ip(9))), "another was served before");
        let mut stage = Stage::new(SynFlood::new(Settings::default()));
        let forged: Vec<_> = (0..400u16)
            .flat_map(|n| {
                let from = [100, 64, (n / 200) as u8, (n % 200) as u8];
                // It is the way out for others.
                stage.frame(&between((mac(7), ip(7)), (mac(1), [203, 0, 113, 9]), 17, &[0; 8]), 0);
                stage.frame(
                    &between((mac(1), from), (mac(5), ip(5)), 6, &segment(1000, 80, SYN, 1, b"")),
                    u64::from(n) * 5,
                )
            })
            .collect();
        assert_eq!(forged.first().map(|f| f.attacker), Some(Party::default()), "from outside");
        let mut stage = Stage::new(SynFlood::new(Settings::default()));
        stage.frame(&crate::detectors::stage::arp(9, 1, 9, 9, 1), 0);
        let within: Vec<_> = (0..400u16)
            .flat_map(|n| {
                let from = [100, 64, (n / 200) as u8, (n % 200) as u8];
                let ask = segment(1000, 80, SYN, 1, b"");
                stage.frame(&between((mac(9), from), (mac(5), ip(5)), 6, &ask), u64::from(n) * 5)
            })
            .collect();
        let who = Party { device: None, mac: Some(MacAddr(mac(9))), ip: None };
        assert_eq!(within.first().map(|f| f.attacker), Some(who), "forged, from within");
        let mut stage = Stage::new(SynFlood::new(Settings::default()));
        let mut busy = Vec::new();
        for n in 0..600u16 {
            let (client, server) = ((9, 1000 + n), (5, 80));
            for (from, to, flags) in [(client, server, SYN), (server, client, SYN | ACK), (client, server, ACK)] {
                busy.extend(stage.frame(&tcp(from, to, flags, 1, b""), u64::from(n) * 5));
            }
        }
        assert!(busy.iter().all(|found| found.severity == Severity::Low), "a load test");
    }
    #[test]
    fn acknowledgements_of_nothing_are_told_and_a_server_that_forgot_is_not() {
        let run = |count: u16, after: bool| -> Vec<Finding> {
            let mut stage = Stage::new(SynFlood::new(Settings::default()));
            let mut found = Vec::new();
            for n in 0..count {
                let ms = u64::from(n) * 3;
                found.extend(stage.frame(&tcp((9, 20_000 + n), (5, 80), ACK, 1, b""), ms));
                if after {
                    found.extend(stage.frame(&tcp((9, 20_000 + n), (5, 80), ACK, 1, b"more"), ms));
                }
                found.extend(stage.frame(&tcp((5, 80), (9, 20_000 + n), 4, 1, b""), ms + 1));
            }
            found
        };
        assert_eq!(run(500, false).first().and_then(|f| f.attacker.ip), Some(IpAddr::from(ip(9))));
        assert!(run(120, false).is_empty() && run(500, true).is_empty());
    }
    /// Resets `count` times, two a millisecond, from whom to whom.
    fn resets(count: u16, ends: impl Fn(u16) -> ((u8, u16), (u8, u16))) -> Vec<Finding> {
        let mut stage = Stage::new(SynFlood::new(Settings::default()));
        let all = (0..count).map(|n| (n, ends(n)));
        all.flat_map(|(n, (from, to))| stage.frame(&tcp(from, to, RST, 1, b""), u64::from(n) / 2)).collect()
    }

    #[test]
    fn resets_of_nothing_are_told_and_those_of_a_restart_or_a_search_are_not() {
        let named = |found: &[Finding]| found.first().map(|f| (f.attacker.ip, f.victim.ip));
        let (one, two) = (Some(IpAddr::from(ip(9))), Some(IpAddr::from(ip(5))));
        assert_eq!(named(&resets(400, |n| ((9, 2000 + n), (5, 443)))), Some((one, two)));
        assert_eq!(named(&resets(400, |n| ((9, 4444), (5, 1000 + n)))), Some((one, two)), "one port after the other");
        assert_eq!(named(&resets(1200, |n| ((5, 443), (9, 2000 + n)))), Some((one, two)), "heard from its answers");
        assert!(resets(700, |n| ((5, 443), (9, 40_000 + n))).is_empty(), "a server that forgot its connections");
        assert!(resets(200, |n| ((9, 40_000 + n), (5, 443))).is_empty(), "a client that ends all of its own");
        assert!(resets(1200, |n| ((5, 1 + n), (9, 50_000))).is_empty(), "a search by acknowledgements");
    }

    #[test]
    fn forged_resets_are_of_the_machine_that_sends_them() {
        for (flags, said, is_seen) in [(RST, &b""[..], true), (ACK, b"", false), (ACK | 8, b"data", false)] {
            let mut stage = Stage::new(SynFlood::new(Settings::default()));
            stage.frame(&crate::detectors::stage::arp(9, 1, 9, 9, 1), 0);
            let found: Vec<_> = (0..3000u16)
                .flat_map(|n| {
                    let from = [100, 64, (n / 200) as u8, (n % 200) as u8];
                    let stray = segment(2000 + n, 80, flags, 1, said);
                    let mut found = stage.frame(&between((mac(9), from), (mac(5), ip(5)), 6, &stray), u64::from(n) * 3);
                    if flags != RST {
                        let no = segment(80, 2000 + n, RST, 1, b"");
                        found.extend(
                            stage.frame(&between((mac(5), ip(5)), (mac(1), from), 6, &no), u64::from(n) * 3 + 1),
                        );
                    }
                    found
                })
                .collect();
            let who = Party { device: None, mac: is_seen.then_some(MacAddr(mac(9))), ip: None };
            assert_eq!(found.first().map(|f| f.attacker), Some(who), "{flags}");
        }
    }

    #[test]
    fn answers_to_the_own_port_check_are_no_flood() {
        let answers = |from: [u8; 4]| -> usize {
            let mut stage = Stage::new(SynFlood::new(Settings::default())).behind(ip(1));
            (0..200u16)
                .map(|n| {
                    let answer = segment(1 + n, 40_000 + n, SYN | ACK, 1, b"");
                    let frame = between((mac(5), from), (mac(250), ip(250)), 6, &answer);
                    stage.frame(&frame, u64::from(n) * 5).len()
                })
                .sum()
        };
        assert_eq!(answers(ip(5)), 0);
        assert!(answers([203, 0, 113, 9]) > 0, "from outside nobody was asked");
    }
}
