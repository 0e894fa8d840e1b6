//! A home that is watched: frames go in, and what was told is kept.

#![allow(dead_code, reason = "each test that includes this uses a part of it")]

use std::{net::IpAddr, sync::Arc};

use porchlight::{
    engine::{Engine, Input, Settings},
    model::{
        AlertView, Captured, Change, Fact, InterfaceId, LinkType, MacAddr, Moment, Mono, NetworkFacts, Observation,
        Remembered, Severity, Source, Subject, Wall,
    },
};

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST_ACK: u8 = 20;
pub const ACK: u8 = 16;

/// Hardware and IP address.
pub type Host = ([u8; 6], [u8; 4]);

pub fn host(n: u8) -> Host {
    (mac(n), ip(n))
}

pub fn mac(n: u8) -> [u8; 6] {
    [0x3c, 7, 7, 0, 0, n]
}

pub fn ip(n: u8) -> [u8; 4] {
    [192, 168, 7, n]
}

pub fn arp(from: [u8; 6], operation: u16, sender: [u8; 4], to: [u8; 6], target: [u8; 4]) -> Vec<u8> {
    let mut bytes = [&to[..], &from, &[8, 6, 0, 1, 8, 0, 6, 4], &operation.to_be_bytes()].concat();
    bytes.extend([&from[..], &sender, &to, &target].concat());
    bytes
}

pub fn packet(from: ([u8; 6], [u8; 4]), to: ([u8; 6], [u8; 4]), protocol: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = [&to.0[..], &from.0, &[8, 0, 0x45, 0]].concat();
    bytes.extend((20 + body.len() as u16).to_be_bytes());
    bytes.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
    bytes.extend([from.1, to.1].concat());
    bytes.extend(body);
    bytes
}

pub fn segment(from: u16, to: u16, flags: u8) -> Vec<u8> {
    let mut bytes = [from.to_be_bytes(), to.to_be_bytes()].concat();
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes
}

/// A segment that says something.
pub fn words(ports: (u16, u16), flags: u8, sequence: u32, said: &[u8]) -> Vec<u8> {
    let mut bytes = segment(ports.0, ports.1, flags);
    bytes[4..8].copy_from_slice(&sequence.to_be_bytes());
    bytes.extend(said);
    bytes
}

/// A datagram.
pub fn datagram(from: u16, to: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = [from.to_be_bytes(), to.to_be_bytes()].concat();
    bytes.extend((8 + body.len() as u16).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(body);
    bytes
}

/// A question to a name server, or, by `flags`, its answer without records.
pub fn dns(id: u16, flags: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut bytes = [&id.to_be_bytes()[..], &flags.to_be_bytes(), &[0, 1, 0, 0, 0, 0, 0, 0]].concat();
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    bytes
}

/// What was told once.
#[derive(Debug, Clone)]
pub struct Told {
    pub detector: String,
    pub severity: Severity,
    pub attacker: Option<MacAddr>,
    pub victim: Option<IpAddr>,
    /// It opened an alert, and did not only grow one.
    pub is_new: bool,
    pub evidence: Vec<(String, String)>,
    pub alert: Arc<AlertView>,
}

/// See above.
pub struct Watch {
    pub engine: Engine,
    us: u64,
    wall_ms: i64,
    pub told: Vec<Told>,
    /// The host this runs on: what it says is heard as its own.
    pub own: Option<u8>,
}

impl Watch {
    pub fn new() -> Watch {
        Watch::with(&Settings::default())
    }

    pub fn with(settings: &Settings) -> Watch {
        Watch::on(NetworkFacts::default(), settings)
    }

    /// What is known of the network besides.
    pub fn on(network: NetworkFacts, settings: &Settings) -> Watch {
        let engine = Engine::new(
            settings,
            Arc::new(network),
            &Remembered::default(),
            7,
            Moment { mono: Mono(1_000_000_000), wall: Wall(1_795_600_000_000) },
        );
        Watch { engine, us: 1_000_000, wall_ms: 1_795_600_000_000, told: Vec::new(), own: None }
    }

    /// One frame, so long after the one before.
    pub fn hear(&mut self, bytes: &[u8], gap_us: u64) {
        let now = self.after(gap_us);
        let captured = Captured {
            link: LinkType::ETHERNET,
            interface: InterfaceId(0),
            at: now,
            wire_len: bytes.len() as u32,
            bytes,
        };
        let is_own = self.own.is_some_and(|own| bytes.get(6..12) == Some(&mac(own)));
        self.take(if is_own { Input::Sent(captured) } else { Input::Frame(captured) }, now);
    }

    /// A whole conversation, each segment so long after the one before: who speaks (the client: true), and what.
    pub fn converse(&mut self, client: (Host, u16), server: (Host, u16), script: &[(bool, &[u8])], gap_us: u64) {
        let ports = [(client.1, server.1), (server.1, client.1)];
        let mut next = [101_u32, 501];
        let mut send = |watch: &mut Watch, by_client: bool, flags: u8, said: &[u8], sequence: Option<u32>| {
            let side = usize::from(!by_client);
            let (from, to) = if by_client { (client.0, server.0) } else { (server.0, client.0) };
            let bytes = words(ports[side], flags, sequence.unwrap_or(next[side]), said);
            watch.hear(&packet(from, to, 6, &bytes), gap_us);
            next[side] += said.len() as u32;
        };
        send(self, true, SYN, b"", Some(100));
        send(self, false, SYN | ACK, b"", Some(500));
        send(self, true, ACK, b"", None);
        for (by_client, said) in script {
            send(self, *by_client, ACK, said, None);
        }
        send(self, true, FIN | ACK, b"", None);
        send(self, false, FIN | ACK, b"", None);
    }

    /// A scanner saw something, so long after what came before.
    pub fn see(&mut self, subject: Subject, fact: Fact, gap_us: u64) {
        let at = self.after(gap_us);
        self.take(Input::Observation(Observation { source: Source::Netlink, interface: None, at, subject, fact }), at);
    }

    /// Anything else.
    pub fn give(&mut self, input: Input<'_>, gap_us: u64) {
        let now = self.after(gap_us);
        self.take(input, now);
    }

    /// People's clocks show a minute more than `wall`.
    pub fn now_at(&mut self, wall: Wall) -> Moment {
        self.wall_ms = wall.0 + 60_000 - (self.us / 1000) as i64;
        self.after(0)
    }

    fn after(&mut self, gap_us: u64) -> Moment {
        self.us += gap_us;
        Moment { mono: Mono(self.us * 1000), wall: Wall(self.wall_ms + (self.us / 1000) as i64) }
    }

    fn take(&mut self, input: Input<'_>, now: Moment) {
        for change in self.engine.handle(input, now) {
            let (alert, is_new) = match change {
                Change::AlertOpened { alert } => (alert, true),
                Change::AlertUpdated { alert } => (alert, false),
                _ => continue,
            };
            self.told.push(Told {
                detector: alert.detector.clone(),
                severity: alert.severity,
                attacker: alert.attacker.mac,
                victim: alert.victim.ip,
                is_new,
                evidence: alert.evidence.clone(),
                alert,
            });
        }
    }

    /// The home before: these hosts speak to the first, which answers.
    pub fn at_home(&mut self, hosts: &[u8]) {
        for _ in 0..3 {
            for host in hosts {
                self.hear(&arp(mac(*host), 1, ip(*host), [0xff; 6], ip(1)), 200_000);
            }
            self.hear(&arp(mac(1), 2, ip(1), mac(5), ip(5)), 200_000);
        }
    }

    /// Whether `detector` told, at medium or above, of the host `forger`.
    pub fn names(&self, detector: &str, forger: u8) -> bool {
        let who = Some(MacAddr(mac(forger)));
        self.told
            .iter()
            .any(|told| told.detector == detector && told.severity >= Severity::Medium && told.attacker == who)
    }

    /// How many alerts of `detector` were opened.
    pub fn opened(&self, detector: &str) -> usize {
        self.told.iter().filter(|told| told.is_new && told.detector == detector).count()
    }

    /// What was told at this severity or above.
    pub fn from(&self, severity: Severity) -> Vec<String> {
        self.told.iter().filter(|told| told.severity >= severity).map(|told| told.detector.clone()).collect()
    }
}
