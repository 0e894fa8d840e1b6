//! A capture to compare readers of captures by: 200,396 frames of forty hosts at work, then four attacks. Same each time.
//!
//! Connections of some forty segments with records of 1,200 bytes, look-ups, ARP, mDNS; then 600 ARP answers that put one
//! host between the router and another, 2,000 ports asked and refused, 2,000 look-ups of random names of a hundred
//! letters below one domain, 3,000 pings in three seconds.

use std::{fs::File, io::BufWriter, net::Ipv4Addr, path::Path};

use porchlight::{capture::file::PcapWriter, model::LinkType};

use super::frames::{Dice, Ends, arp, dns, ipv4, udp};

const HOSTS: u32 = 40;
const BENIGN: u32 = 200_000;
const GATEWAY: ([u8; 6], Ipv4Addr) = ([2, 0, 0, 0, 0, 1], Ipv4Addr::new(192, 168, 77, 1));
const FIN_ACK: u8 = 0x11;
const SYN: u8 = 2;
const RST_ACK: u8 = 0x14;
const SYN_ACK: u8 = 0x12;
const PSH_ACK: u8 = 0x18;
const ACK: u8 = 0x10;

/// What three rules of Suricata find in it, as the detectors do.
pub const RULES: &str = "\
alert tcp any any -> any any (msg:\"LAN syn scan\"; flags:S,12; threshold:type both, track by_src, count 30, seconds 10; sid:1000001; rev:1;)
alert dns any any -> any any (msg:\"LAN long dns\"; dns.query; bsize:>100; threshold:type limit, track by_src, count 1, seconds 60; sid:1000002; rev:1;)
alert icmp any any -> any any (msg:\"LAN icmp flood\"; itype:8; threshold:type both, track by_src, count 500, seconds 5; sid:1000003; rev:1;)
";

fn host(n: u32) -> ([u8; 6], Ipv4Addr) {
    ([2, 0, 0, 0, 1, 1 + n as u8], Ipv4Addr::new(192, 168, 77, 10 + n as u8))
}

fn end(n: u32, port: u16) -> Ends {
    let (mac, ip) = host(n);
    Ends { mac, ip, port }
}

fn beyond(ip: Ipv4Addr, port: u16) -> Ends {
    Ends { mac: GATEWAY.0, ip, port }
}

fn packet(from: &Ends, to: &Ends, protocol: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = [&to.mac[..], &from.mac, &[8, 0], &ipv4(from.ip, to.ip, protocol, body)].concat();
    frame.resize(frame.len().max(60), 0);
    frame
}

fn segment(from: &Ends, to: &Ends, flags: u8, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = [from.port.to_be_bytes(), to.port.to_be_bytes()].concat();
    bytes.extend(sequence.to_be_bytes());
    bytes.extend([0, 0, 0, 2, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(payload);
    packet(from, to, 6, &bytes)
}

fn connection(n: u32, dice: &mut Dice) -> Vec<Vec<u8>> {
    let here = end(n, 32_768 + dice.below(28_000) as u16);
    let there = beyond(Ipv4Addr::new(203, 0, 113, 1 + dice.below(199) as u8), 443);
    let noise: Vec<u8> = (0..150).flat_map(|_| dice.next().to_be_bytes()).collect();
    let mut frames = vec![
        segment(&here, &there, SYN, 1, &[]),
        segment(&there, &here, SYN_ACK, 1, &[]),
        segment(&here, &there, ACK, 2, &[]),
        segment(&here, &there, PSH_ACK, 2, &[&[0x16, 3, 1, 0, 0xc4], &noise[..196]].concat()),
    ];
    for k in 0..24 {
        let record = [&[0x17, 3, 3, 4, 0xb0], &noise[..]].concat();
        frames.push(segment(&there, &here, PSH_ACK, 2 + 1205 * k, &record));
        if k % 2 == 1 {
            frames.push(segment(&here, &there, ACK, 200, &[]));
        }
    }
    frames.push(segment(&here, &there, FIN_ACK, 200, &[]));
    frames
}

/// An answer of DNS to `question` with one address.
fn answered(question: &[u8]) -> Vec<u8> {
    let mut bytes = question.to_vec();
    (bytes[2], bytes[7]) = (0x81, 1);
    bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 9]);
    bytes
}

/// Writes the capture; how many frames it has.
pub fn write(path: &Path) -> u32 {
    let mut out = PcapWriter::new(BufWriter::new(File::create(path).unwrap()), LinkType::ETHERNET).unwrap();
    let (mut stamp, mut count, mut dice) = (1_760_000_000_000_000_000_i128, 0, Dice(7));
    let mut put = |bytes: &[u8], us: i128| {
        stamp += us * 1000;
        count += 1;
        out.frame(stamp, bytes.len() as u32, bytes).unwrap();
        count
    };
    let pool: Vec<_> = (0..400).map(|_| connection(dice.below(HOSTS), &mut dice)).collect();
    let resolver = |port| beyond(GATEWAY.1, port);
    let mut written = 0;
    while written < BENIGN {
        for _ in 0..20 {
            for frame in &pool[dice.below(400) as usize] {
                put(frame, 400);
            }
        }
        for _ in 0..10 {
            let n = dice.below(HOSTS);
            let from = end(n, 40_000 + n as u16);
            let question = dns(n as u16, &format!("host{}.example.net", 1 + dice.below(500)), 1);
            put(&udp(&from, &resolver(53), &question), 1000);
            put(&udp(&resolver(53), &from, &answered(&question)), 1000);
            put(&arp(1, host(n), ([0; 6], GATEWAY.1), [0xff; 6]), 10_000);
            let group = Ends { mac: [1, 0, 0x5e, 0, 0, 0xfb], ip: [224, 0, 0, 251].into(), port: 5353 };
            written = put(&udp(&end(n, 5353), &group, &dns(0, "_googlecast._tcp.local", 12)), 10_000);
        }
    }
    let (thief, victim) = (host(39), host(3));
    for _ in 0..300 {
        put(&arp(2, (thief.0, GATEWAY.1), victim, victim.0), 10_000);
        put(&arp(2, (thief.0, victim.1), GATEWAY, GATEWAY.0), 10_000);
    }
    for port in 1..=2000 {
        put(&segment(&end(39, 40_000), &end(5, port), SYN, 1, &[]), 2000);
        put(&segment(&end(5, port), &end(39, 40_000), RST_ACK, 1, &[]), 1000);
    }
    for n in 0..2000u16 {
        let label =
            |dice: &mut Dice, len: usize| (0..len).map(|_| format!("{:04x}", dice.below(65_536))).collect::<String>();
        let name = format!("{}.{}.t.example.org", label(&mut dice, 15), label(&mut dice, 10));
        put(&udp(&end(8, 40_000 + n), &resolver(53), &dns(0, &name, 16)), 10_000);
    }
    for n in 0..3000u16 {
        let echo = [&[8, 0, 0, 0, 0, 0], &n.to_be_bytes()[..], &[7; 56]].concat();
        written = put(&packet(&end(39, 0), &end(6, 0), 1, &echo), 1000);
    }
    out.finish().unwrap();
    written
}
