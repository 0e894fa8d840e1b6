//! # Flood of connections
//!
//! ## What it finds
//! Very many connections that one service is asked for and that nobody means: half-open, or answers of others to
//! questions that were asked in a host's name, or segments of connections that never were: acknowledgements, data, ends,
//! resets.
//! ## Why it matters
//! The service has no room left for those who mean it.
//! ## How it decides
//! In ten seconds 150 connections to one port of one host of which less than a fifth are completed, counted as well
//! those that begin anew with the same name and port, or ask again sooner than any system does (those that are refused at once
//! count a tenth: they take no room, and all things of a home come so while its broker is started anew); or 60
//! acceptances in ten seconds for a host that asked for none; or 300 segments without data (or 1,000 with data) in ten
//! seconds for one port, each alone and as of a connection of its own, which nobody answers but with resets; or 300 resets
//! in ten seconds from clients' ports to services of one host, which end nothing that was seen; or 1,000 resets in ten
//! seconds from one service, of which only they are heard. With one source that is its subject; many sources are the
//! machine's of the home that alone sends them (of acknowledgements and data that is not looked at), others name nobody.
//! Low: one client that holds 150 completed connections to one port of one host at a time, or makes 1,000 in ten seconds.
//! ## What fools it
//! A service that is silent, not down, while very many ask for it.
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
    model::{Category, Few, Finding, Findings, MacAddr, Mono, Party, Port, Severity, is_private},
    traffic::{End, Outcome, Start, Talkers, What},
    wire::{
        Frame, protocol,
        tcp::{Flags, Tcp},
    },
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
// So many refused are as much as one that waits: 1,500 are a flood, and no home's things knock so often.
const REFUSED_WEIGHT: u32 = 10;
/// So many may be served beside one that floods; forged senders are more.
const SERVED_MAX: usize = 8;
/// Names and ports of a service whose beginnings are compared. With more of them each counts as a connection of its own.
const BEGUN_MAX: usize = 32;
const AT_ONCE: Duration = Duration::from_millis(500);

#[derive(Debug, Clone)]
struct Load {
    opened: Window,
    completed: Window,
    /// Answered by a reset at once.
    refused: Window,
    sources: Recent<IpAddr>,
    source: End,
    /// Who opened most of it, and how much more than all others together (Boyer and Moore's vote, 1981).
    leader: (End, u32),
    /// Who put the attempts on the wire.
    senders: Recent<MacAddr>,
    /// To whom they go on this wire.
    to: Option<MacAddr>,
    /// Of few names and ports that are used again and again: how each began last.
    begun: Few<(IpAddr, Port), Begun>,
}

#[derive(Debug, Clone, Copy)]
struct Begun {
    sequence: u32,
    last: Mono,
    /// How often it came again sooner than any system asks.
    at_once: u8,
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
        refused: Window::default(),
        sources: Recent::new(64),
        source,
        leader: (source, 0),
        senders: Recent::new(4),
        to: None,
        begun: Few::new(),
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

impl Load {
    fn opens(&mut self, source: End, now: Mono) {
        self.opened.add(now, 1);
        self.sources.see(source.ip, now);
        if self.sources.within(now, SPAN) == 1 {
            // Not whoever was served here before.
            self.source = source;
        }
        self.leader = match self.leader {
            _ if self.opened.sum(now, SPAN_S) <= 1 => (source, 1),
            // As it is now: somebody else may speak in its name since.
            (leader, lead) if leader.ip == source.ip => (source, lead.saturating_add(1)),
            (_, 0) => (source, 1),
            (leader, lead) => (leader, lead - 1),
        };
    }

    /// Who does it, and how many do: somebody who is served meanwhile is none of them.
    fn blamed(&self, now: Mono) -> (End, usize) {
        let sources = self.sources.within(now, SPAN);
        match self.leader {
            (leader, lead) if sources <= SERVED_MAX && lead * 2 >= self.opened.sum(now, SPAN_S) => (leader, 1),
            _ => (self.source, sources),
        }
    }

    /// Whether a name and port of before begin another connection: each has a number of its own, and who only asks once
    /// more keeps it (RFC 9293 §3.4.1) and waits a second first (RFC 6298 §2.1). Twice at once is a mirror that shows
    /// everything twice.
    fn begins_again(&mut self, from: IpAddr, tcp: &Tcp<'_>, now: Mono) -> bool {
        let key = (from, tcp.source);
        let Some(known) = self.begun.get_mut(&key) else {
            if self.begun.len() < BEGUN_MAX {
                self.begun.insert(key, Begun { sequence: tcp.sequence, last: now, at_once: 0 });
            }
            return false;
        };
        let is_other = known.sequence != tcp.sequence;
        let at_once = if !is_other && now.since(known.last) < AT_ONCE { known.at_once.saturating_add(1) } else { 0 };
        *known = Begun { sequence: tcp.sequence, last: now, at_once };
        is_other || at_once > 1
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

    fn sent(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Some(tcp) = frame.tcp() else { return };
        let (Some(mac), Some((from, to))) = (frame.source.filter(|mac| mac.is_station()), frame.addresses()) else {
            return;
        };
        let (key, now) = ((to, tcp.destination), context.now.mono);
        let load = if tcp.flags.is_open() {
            let Some(load) = self.services.get_mut(&key, now) else { return };
            load.senders.see(mac, now);
            load.to = frame.destination;
            if load.begins_again(from, tcp, now) {
                load.opened.add(now, 1);
                load.sources.see(from, now);
                let party = context.neighbours.party(to, frame.destination);
                let victim = End { mac: party.mac, ip: to, port: tcp.destination };
                tell(&mut self.bell, load, (OPENED_MIN, victim, "half-open"), context, findings);
            }
            return;
        } else if tcp.flags.has(Flags::SYN) {
            if let Some(load) = self.unasked.get_mut(&to, now) {
                load.to = frame.destination;
            }
            return;
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

/// Whether it is too much, and who does it.
fn tell(
    bell: &mut Bell,
    load: &Load,
    (least, victim, kind): (u32, End, &'static str),
    context: &Context<'_>,
    findings: &mut Findings,
) {
    let now = context.now.mono;
    let (opened, completed) = (load.opened.sum(now, SPAN_S), load.completed.sum(now, SPAN_S));
    // A closed door keeps nobody waiting: who is refused comes again every second or two until the service is back.
    let refused = load.refused.sum(now, SPAN_S).min(opened);
    let waiting = opened - refused + refused / REFUSED_WEIGHT;
    if waiting < bell.scaled(least) || completed * COMPLETED_SHARE > waiting {
        return;
    }
    // At a mirror of one direction nobody who is not shown asks, or answers.
    let is_told_by_silence = matches!(kind, "half-open" | "unasked answers");
    if is_told_by_silence && victim.mac.or(load.to).is_some_and(|mac| context.neighbours.is_mute(mac)) {
        return;
    }
    let key = if kind == Stray::Reset.name() {
        format!("{} resets", victim.ip)
    } else if kind == "unasked answers" {
        // They come to a client's ports, each to another.
        format!("{} answers", victim.ip)
    } else {
        format!("{}:{}", victim.ip, victim.port)
    };
    if bell.rang(&key, Severity::High, now) {
        return;
    }
    // Forged sources are many, but one machine puts them on the wire; unless that is the way in from outside.
    let (source, sources) = load.blamed(now);
    let sender = match load.senders.within_keys(now, SPAN).collect::<Vec<_>>()[..] {
        [mac] if context.neighbours.is_host(*mac) && !context.neighbours.is_way_out(*mac) => Some(*mac),
        _ => None,
    };
    // Somebody else's address: who sends in its name is not it.
    let is_forged = source.mac.is_none() && context.neighbours.sole_holder(source.ip).is_some();
    let attacker = match (kind, sources, sender) {
        ("unasked answers", ..) => Party::default(),
        ("answers to segments of nothing", 1, _) => source.party(),
        ("answers to segments of nothing", ..) => Party::default(),
        (_, 1, Some(mac)) if is_forged => Party { device: None, mac: Some(mac), ip: None },
        (_, 1, _) if is_forged => Party::default(),
        (_, 1, _) if source.mac.is_some() || sender.is_none() => source.party(),
        (_, 1, Some(mac)) => Party { mac: Some(mac), ..source.party() },
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
    bell.ring(finding, findings);
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
            return self.sent(frame, context, findings);
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
                load.opens(client, now);
                (load, OPENED_MIN, server, "half-open")
            }
            What::Closed { .. } => return self.connections.ended(talk, now),
            What::Completed if talk.is_sure => {
                self.made(talk, context, findings);
                let Some(load) = load(&mut self.services, (server.ip, server.port), client, now) else { return };
                return load.completed.add(now, 1);
            }
            What::Outcome(Outcome::Refused) if talk.is_sure => {
                if let Some(load) = self.services.get_mut(&(server.ip, server.port), now) {
                    load.refused.add(now, 1);
                }
                return;
            }
            // This host does not hear itself ask: answers of neighbours are to its own port check.
            What::Opened(Start::Unasked) if context.network.is_own_ip(client.ip) && is_private(server.ip) => return,
            What::Opened(Start::Unasked) => {
                let Some(load) = load(&mut self.unasked, client.ip, server, now) else { return };
                load.opens(server, now);
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
                load.opens(source, now);
                (load, kind.least(), victim, kind.name())
            }
            _ => return,
        };
        tell(&mut self.bell, load, (least, victim, kind), context, findings);
    }
}

#[cfg(test)]
mod tests;
