//! Frames built here, and one detector that sees them through traffic, as in the engine.

use super::{Context, Detector, Evidence, needs::listens};
use crate::{
    intel::indicators::Indicators,
    model::{
        Captured, DeviceId, Fact, Finding, Findings, InterfaceFacts, InterfaceId, Kind, LinkType, MacAddr, Moment,
        Mono, NetworkFacts, Observation, Source, Subject, Subnet, Table, Trust, Wall,
    },
    traffic::Traffic,
    wire::Frame,
};

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;

pub struct Stage<D> {
    pub detector: D,
    scene: Scene,
    link: LinkType,
}

/// What a detector may know besides.
struct Scene {
    traffic: Traffic,
    network: NetworkFacts,
    who: Table,
    indicators: Indicators,
}

impl Scene {
    fn context(&self, now: Moment) -> Context<'_> {
        Context {
            now,
            who: &self.who,
            network: &self.network,
            settling: false,
            neighbours: self.traffic.neighbours(),
            pressed: self.traffic.pressure().0,
            indicators: &self.indicators,
        }
    }
}

fn at(ms: u64) -> Moment {
    Moment { mono: Mono(ms * 1_000_000), wall: Wall(ms as i64) }
}

impl<D: Detector> Stage<D> {
    pub fn new(detector: D) -> Stage<D> {
        let scene = Scene {
            traffic: Traffic::new(7),
            network: NetworkFacts::default(),
            who: Table::default(),
            indicators: Indicators::default(),
        };
        Stage { detector, scene, link: LinkType::ETHERNET }
    }

    pub fn over(mut self, link: LinkType) -> Stage<D> {
        self.link = link;
        self
    }

    /// In a home whose router has this address.
    pub fn behind(mut self, gateway: [u8; 4]) -> Stage<D> {
        self.scene.network.interfaces.push(InterfaceFacts {
            id: InterfaceId(0),
            name: "eth0".into(),
            mac: Some(MacAddr(mac(250))),
            addresses: vec![ip(250).into()],
            up: true,
            subnets: vec![Subnet::new(ip(0).into(), 24).expect("a subnet")],
            gateways: vec![gateway.into()],
        });
        self
    }

    /// In a home whose router has this address of version 6.
    pub fn behind_v6(self, gateway: std::net::Ipv6Addr) -> Stage<D> {
        let mut stage = self.behind(ip(1));
        stage.scene.network.interfaces.iter_mut().for_each(|interface| interface.gateways.push(gateway.into()));
        stage
    }

    /// In a home where host `n` is such a thing, and a person thinks so of it.
    pub fn with(mut self, n: u8, kind: Kind, trust: Trust) -> Stage<D> {
        let device = DeviceId::mint(1, n.into());
        self.scene.who.macs.insert(MacAddr(mac(n)), (device, kind));
        self.scene.who.trusts.insert(device, trust);
        self
    }

    /// In a home where hardware `n` had this address before the start.
    pub fn remembering(mut self, ip: impl Into<std::net::IpAddr>, n: u8) -> Stage<D> {
        self.scene.who.before.insert(ip.into(), MacAddr(mac(n)));
        self
    }

    /// In a home where host `n` is known to offer something at this port.
    pub fn offering(mut self, n: u8, port: u16) -> Stage<D> {
        self.scene.who.offered.push((DeviceId::mint(1, n.into()), port));
        self
    }

    /// In a home where nobody looked at the ports of this one yet.
    pub fn untried(mut self, device: DeviceId) -> Stage<D> {
        self.scene.who.untried.push(device);
        self
    }

    /// In a home that subscribes to lists.
    pub fn knowing(mut self, indicators: Indicators) -> Stage<D> {
        self.scene.indicators = indicators;
        self
    }

    /// What other evidence raises.
    pub fn see(&mut self, evidence: Evidence<'_>, ms: u64) -> Vec<Finding> {
        let mut findings = Findings::default();
        self.detector.examine(evidence, &self.scene.context(at(ms)), &mut findings);
        findings.take()
    }

    /// A scanner saw something of `subject`.
    pub fn saw(&mut self, subject: Subject, fact: Fact, ms: u64) -> Vec<Finding> {
        let observation = Observation { source: Source::Netlink, interface: None, at: at(ms), subject, fact };
        self.see(Evidence::Observation(&observation), ms)
    }

    /// What one frame raises.
    pub fn frame(&mut self, bytes: &[u8], ms: u64) -> Vec<Finding> {
        let now = at(ms);
        let mut noticed = Vec::new();
        let captured =
            Captured { link: self.link, interface: InterfaceId(0), at: now, wire_len: bytes.len() as u32, bytes };
        let frame = Frame::decode(self.link, bytes);
        self.scene.traffic.wake(now, &mut noticed);
        self.scene.traffic.take(&captured, &frame, now, &mut noticed);
        let context = self.scene.context(now);
        let mut findings = Findings::default();
        if self.detector.next_wake().is_some_and(|due| due <= now.mono) {
            self.detector.wake(&context, &mut findings);
        }
        let all = std::iter::once(Evidence::Packet(&frame)).chain(noticed.iter().map(Evidence::Traffic));
        let needs = self.detector.needs();
        for evidence in all.filter(|evidence| listens(needs, evidence)) {
            self.detector.examine(evidence, &context, &mut findings);
        }
        findings.take()
    }
}

pub fn mac(n: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, n]
}

pub fn ip(n: u8) -> [u8; 4] {
    [192, 168, 7, n]
}

/// An ARP message from hardware `from`.
pub fn arp(from: u8, operation: u16, sender_mac: u8, sender: u8, target: u8) -> Vec<u8> {
    let to = if operation == 1 { [0xff; 6] } else { mac(target) };
    let asked = if operation == 1 { [0; 6] } else { mac(target) };
    let mut bytes = [&to[..], &mac(from), &[8, 6, 0, 1, 8, 0, 6, 4], &operation.to_be_bytes()].concat();
    bytes.extend([&mac(sender_mac)[..], &ip(sender), &asked, &ip(target)].concat());
    bytes
}

/// A packet of IPv6 that host `to` is sent at a global address of its own.
pub fn to_global(to: u8) -> Vec<u8> {
    let mut bytes = [&mac(to)[..], &mac(5), &[0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 59, 64]].concat();
    for host in [5, to] {
        bytes.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
    }
    bytes
}

/// An IPv4 packet between two hosts of the home.
pub fn packet(from: u8, to: u8, protocol: u8, transport: &[u8]) -> Vec<u8> {
    between((mac(from), ip(from)), (mac(to), ip(to)), protocol, transport)
}

/// An IPv4 packet.
pub fn between(from: ([u8; 6], [u8; 4]), to: ([u8; 6], [u8; 4]), protocol: u8, transport: &[u8]) -> Vec<u8> {
    let mut bytes = [&to.0[..], &from.0, &[8, 0, 0x45, 0]].concat();
    bytes.extend((20 + transport.len() as u16).to_be_bytes());
    bytes.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
    bytes.extend([from.1, to.1].concat());
    bytes.extend(transport);
    bytes
}

pub fn segment(from: u16, to: u16, flags: u8, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = [from.to_be_bytes(), to.to_be_bytes()].concat();
    bytes.extend(sequence.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

pub fn tcp(from: (u8, u16), to: (u8, u16), flags: u8, sequence: u32, payload: &[u8]) -> Vec<u8> {
    packet(from.0, to.0, 6, &segment(from.1, to.1, flags, sequence, payload))
}

pub fn datagram(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = [from.to_be_bytes(), to.to_be_bytes()].concat();
    bytes.extend((8 + payload.len() as u16).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}

pub fn udp(from: (u8, u16), to: (u8, u16), payload: &[u8]) -> Vec<u8> {
    packet(from.0, to.0, 17, &datagram(from.1, to.1, payload))
}

/// ICMP echo (8) or its reply (0).
pub fn echo(from: u8, to: u8, kind: u8, payload: &[u8]) -> Vec<u8> {
    packet(from, to, 1, &[&[kind, 0, 0, 0, 0, 1, 0, 1], payload].concat())
}

/// A whole conversation: who speaks, what. Handshake first.
pub fn conversation(client: (u8, u16), server: (u8, u16), script: &[(bool, &[u8])]) -> Vec<Vec<u8>> {
    let mut frames = vec![
        tcp(client, server, SYN, 100, b""),
        tcp(server, client, SYN | ACK, 500, b""),
        tcp(client, server, ACK, 101, b""),
    ];
    let mut next = [101u32, 501];
    for (by_client, bytes) in script {
        let (from, to) = if *by_client { (client, server) } else { (server, client) };
        let side = usize::from(!by_client);
        frames.push(tcp(from, to, ACK, next[side], bytes));
        next[side] += bytes.len() as u32;
    }
    frames.push(tcp(client, server, FIN | ACK, next[0], b""));
    frames
}

/// A question to a name server, or its answer without records.
pub fn dns(id: u16, answer: Option<u8>, name: &str, kind: u16) -> Vec<u8> {
    let flags: u16 = answer.map_or(0x0100, |code| 0x8180 | u16::from(code));
    let mut bytes = [id.to_be_bytes(), flags.to_be_bytes(), [0, 1], [0, 0], [0, 0], [0, 0]].concat();
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    bytes
}
