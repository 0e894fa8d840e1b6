//! Frames that devices of a home send.

use std::net::Ipv4Addr;

/// The machine Porchlight runs on.
pub const US: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// Registered to makers of things found in homes (IEEE MA-L), so that looking them up is part of the work.
const MAKERS: [[u8; 3]; 8] = [
    [0xb8, 0x27, 0xeb],
    [0x3c, 0x22, 0xfb],
    [0x24, 0x6f, 0x28],
    [0x00, 0x17, 0x88],
    [0x00, 0x0e, 0x58],
    [0x18, 0xb4, 0x30],
    [0x68, 0xa4, 0x0e],
    [0x00, 0x11, 0x32],
];

/// Device 0 has 10.77.0.2, and so on.
pub fn ip(device: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(US) + 1 + device)
}

/// The device of an address, if it can be one.
pub fn device_of(ip: Ipv4Addr) -> Option<u32> {
    u32::from(ip).checked_sub(u32::from(US) + 1)
}

pub fn mac(device: u32) -> [u8; 6] {
    let [_, a, b, c] = device.to_be_bytes();
    let [x, y, z] = MAKERS[device as usize % MAKERS.len()];
    [x, y, z, 0x40 | a, b, c]
}

pub fn name(device: u32) -> String {
    const WORDS: [&str; 8] = ["camera", "laptop", "plug", "lamp", "speaker", "thermostat", "oven", "disk"];
    format!("{}-{device}", WORDS[device as usize % WORDS.len()])
}

pub fn text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

fn ethernet(to: [u8; 6], from: [u8; 6], kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = [to.as_slice(), &from, &kind.to_be_bytes(), payload].concat();
    // The shortest frame of Ethernet without its checksum (IEEE 802.3 §4A.4.2).
    frame.resize(frame.len().max(60), 0);
    frame
}

/// RFC 826. `operation`: 1 asks, 2 answers.
pub fn arp(operation: u8, from: ([u8; 6], Ipv4Addr), to: ([u8; 6], Ipv4Addr), wire: [u8; 6]) -> Vec<u8> {
    let head = [0, 1, 8, 0, 6, 4, 0, operation];
    let body = [head.as_slice(), &from.0, &from.1.octets(), &to.0, &to.1.octets()].concat();
    ethernet(wire, from.0, 0x0806, &body)
}

/// A device looks for this machine.
pub fn announce(device: u32) -> Vec<u8> {
    arp(1, (mac(device), ip(device)), ([0; 6], US), [0xff; 6])
}

/// A device looks for another, who is not there.
pub fn murmur(device: u32) -> Vec<u8> {
    arp(1, (mac(device), ip(device)), ([0; 6], ip(65_000)), [0xff; 6])
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 =
        bytes.chunks(2).map(|two| u32::from(two[0]) << 8 | two.get(1).map_or(0, |b| u32::from(*b))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

pub fn ipv4(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len()) as u16;
    let [a, b] = length.to_be_bytes();
    let mut head = vec![0x45, 0, a, b, 0, 0, 0x40, 0, 64, protocol, 0, 0];
    head.extend(from.octets());
    head.extend(to.octets());
    let sum = checksum(&head).to_be_bytes();
    head[10..12].copy_from_slice(&sum);
    head.extend(payload);
    head
}

pub struct Ends {
    pub mac: [u8; 6],
    pub ip: Ipv4Addr,
    pub port: u16,
}

/// Without a checksum, which UDP over IPv4 allows (RFC 768).
pub fn udp(from: &Ends, to: &Ends, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    let mut datagram = [from.port.to_be_bytes(), to.port.to_be_bytes(), length.to_be_bytes(), [0, 0]].concat();
    datagram.extend(payload);
    ethernet(to.mac, from.mac, 0x0800, &ipv4(from.ip, to.ip, 17, &datagram))
}

/// One segment of data of a connection.
pub fn tcp(from: &Ends, to: &Ends, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut segment = [from.port.to_be_bytes(), to.port.to_be_bytes()].concat();
    segment.extend(sequence.to_be_bytes());
    segment.extend([0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    ethernet(to.mac, from.mac, 0x0800, &ipv4(from.ip, to.ip, 6, &segment))
}

fn labels(name: &str) -> Vec<u8> {
    let parts = name.split('.').filter(|part| !part.is_empty());
    parts.flat_map(|part| [&[part.len() as u8], part.as_bytes()].concat()).chain([0]).collect()
}

/// One question (RFC 1035 §4.1).
pub fn dns(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let head = [id.to_be_bytes(), [1, 0], [0, 1], [0, 0], [0, 0], [0, 0]].concat();
    [head, labels(name), kind.to_be_bytes().to_vec(), vec![0, 1]].concat()
}

fn group(ip: [u8; 4], port: u16) -> Ends {
    Ends { mac: [0x01, 0x00, 0x5e, ip[1] & 0x7f, ip[2], ip[3]], ip: ip.into(), port }
}

fn own(device: u32, port: u16) -> Ends {
    Ends { mac: mac(device), ip: ip(device), port }
}

/// A device looks for a kind of service (RFC 6762 §5).
pub fn mdns(device: u32) -> Vec<u8> {
    const LOOKED_FOR: [&str; 4] =
        ["_googlecast._tcp.local", "_airplay._tcp.local", "_ipp._tcp.local", "_hap._tcp.local"];
    udp(&own(device, 5353), &group([224, 0, 0, 251], 5353), &dns(0, LOOKED_FOR[device as usize % 4], 12))
}

pub fn ssdp(device: u32) -> Vec<u8> {
    let text =
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\nST: ssdp:all\r\n\r\n";
    udp(&own(device, 49152), &group([239, 255, 255, 250], 1900), text.as_bytes())
}

/// A device asks for the address it has, by its name (RFC 2131 §4.3.2, RFC 2132 §3.14).
pub fn dhcp(device: u32) -> Vec<u8> {
    let (mac, name) = (mac(device), name(device));
    let mut message = vec![1, 1, 6, 0];
    message.extend(device.to_be_bytes());
    message.resize(28, 0);
    message.extend(mac);
    message.resize(236, 0);
    message.extend([99, 130, 83, 99, 53, 1, 3, 50, 4]);
    message.extend(ip(device).octets());
    message.extend([55, 5, 1, 3, 6, 15, 12, 12, name.len() as u8]);
    message.extend(name.as_bytes());
    message.push(255);
    let from = Ends { mac, ip: Ipv4Addr::UNSPECIFIED, port: 68 };
    udp(&from, &Ends { mac: [0xff; 6], ip: Ipv4Addr::BROADCAST, port: 67 }, &message)
}

/// What was asked for whom, of an ARP request.
pub fn asked(frame: &[u8]) -> Option<([u8; 6], Ipv4Addr, Ipv4Addr)> {
    if frame.get(12..14)? != [8, 6] || frame.get(20..22)? != [0, 1] {
        return None;
    }
    let four = |at: usize| frame.get(at..at + 4)?.try_into().ok().map(|four: [u8; 4]| four.into());
    Some((frame.get(22..28)?.try_into().ok()?, four(28)?, four(38)?))
}

/// The answer to an echo request (RFC 792).
pub fn echo(frame: &[u8]) -> Option<Vec<u8>> {
    let is_echo = frame.get(12..15)? == [8, 0, 0x45] && frame.get(23)? == &1 && frame.get(34)? == &8;
    let length = usize::from(u16::from_be_bytes(frame.get(16..18)?.try_into().ok()?));
    let message = frame.get(34..14 + length).filter(|_| is_echo)?;
    let four = |at: usize| frame.get(at..at + 4)?.try_into().ok().map(|four: [u8; 4]| Ipv4Addr::from(four));
    let mut answer = message.to_vec();
    answer[..4].fill(0);
    let sum = checksum(&answer).to_be_bytes();
    answer[2..4].copy_from_slice(&sum);
    let (to, from) = (frame.get(6..12)?.try_into().ok()?, frame.get(..6)?.try_into().ok()?);
    Some(ethernet(to, from, 0x0800, &ipv4(four(30)?, four(26)?, 1, &answer)))
}

/// Chance that is the same each time (splitmix64, Steele and others 2014).
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: u32) -> u32 {
        (self.next() % u64::from(end.max(1))) as u32
    }
}

/// What a home says by broadcast and multicast in a quiet hour, drawn by `dice`.
pub fn chatter(device: u32, dice: &mut Dice) -> Vec<u8> {
    match dice.below(20) {
        0 => dhcp(device),
        1 | 2 => ssdp(device),
        3..=8 => mdns(device),
        _ => announce(device),
    }
}
