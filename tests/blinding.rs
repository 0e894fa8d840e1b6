//! Whoever wants to act unseen floods the sensor first. After, and during, tens of thousands of invented addresses,
//! conversations and names the next attack is told, with the right device, and no table has grown past its room.
//!
//! Smaller than the million of the design, so that it runs in a minute without optimisation: every table of the core is
//! full after a fiftieth of that. `FLOOD=1000000 cargo test --release --test blinding` runs it whole.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

#[path = "detectors/watch.rs"]
mod watch;

use std::env;

use watch::{RST_ACK, SYN, Watch, arp, ip, mac, packet, segment};

/// What is invented.
#[derive(Debug, Clone, Copy)]
enum Flood {
    /// Hardware addresses that each send one SYN.
    Addresses,
    /// Claims of ever other addresses.
    Claims,
    /// Conversations of one device.
    Conversations,
    /// Names, asked for by many.
    Names,
    /// First halves of packets.
    Fragments,
}

const FORGER: u8 = 66;
/// The second flood has twice as many frames: a table without an end would hold one for each.
const SLACK: usize = 4000;

fn flood_len() -> u32 {
    env::var("FLOOD").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000)
}

fn question(n: u32) -> Vec<u8> {
    let label = format!("x{n:08x}");
    let mut dns = [&(n as u16).to_be_bytes()[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0, label.len() as u8]].concat();
    dns.extend(label.as_bytes());
    dns.extend(b"\x07example\x03org\0\0\x01\0\x01");
    let mut bytes = [(20_000 + (n % 40_000) as u16).to_be_bytes(), 53u16.to_be_bytes()].concat();
    bytes.extend((8 + dns.len() as u16).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(dns);
    bytes
}

fn junk(flood: Flood, n: u32) -> Vec<u8> {
    // Spread, so that nothing depends on the order of keys.
    let spread = n.wrapping_mul(2_654_435_761);
    let [a, b, c, d] = spread.to_be_bytes();
    let (who, at) = ([0x02, 0x51, a, b, c, d], [10, b, c, d]);
    let nas = (mac(5), ip(5));
    match flood {
        Flood::Addresses => packet((who, at), nas, 6, &segment((spread >> 8) as u16 | 1024, 445, SYN)),
        Flood::Claims => arp(who, 1, at, [0xff; 6], [10, c, b, d]),
        Flood::Conversations => {
            packet((mac(77), ip(77)), (mac(1), [203, b, c, d]), 6, &segment(n as u16, (spread >> 4) as u16, SYN))
        }
        Flood::Names => packet((who, at), (mac(1), ip(1)), 17, &question(n)),
        Flood::Fragments => {
            let mut bytes = packet((who, at), nas, 17, &[0; 24]);
            bytes[18..20].copy_from_slice(&(n as u16).to_be_bytes());
            bytes[20] = 0x20;
            bytes
        }
    }
}

/// Tells what was not told.
fn attacked_during(flood: Flood) -> Vec<&'static str> {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 6, FORGER]);
    let before: Vec<(&str, usize)> = watch.engine.sizes();
    for n in 0..flood_len() {
        watch.hear(&junk(flood, n), 20);
    }
    let full: Vec<(&str, usize)> = watch.engine.sizes();
    // The flood goes on, and in it: the router's address is forged, and a host is searched for doors.
    let forger = (mac(FORGER), ip(FORGER));
    for step in 0..40u32 {
        for n in 0..200 {
            watch.hear(&junk(flood, flood_len() + step * 200 + n), 1000);
        }
        watch.hear(&arp(mac(FORGER), 2, ip(1), mac(5), ip(5)), 1000);
        watch.hear(&arp(mac(FORGER), 2, ip(5), mac(1), ip(1)), 1000);
        if step % 4 == 0 {
            watch.hear(&arp(mac(1), 1, ip(1), [0xff; 6], ip(6)), 1000);
            watch.hear(&arp(mac(5), 1, ip(5), [0xff; 6], ip(1)), 1000);
        }
        let port = 1000 + step as u16;
        watch.hear(&packet(forger, (mac(6), ip(6)), 6, &segment(50_000, port, SYN)), 1000);
        watch.hear(&packet((mac(6), ip(6)), forger, 6, &segment(port, 50_000, RST_ACK)), 1000);
    }
    let after: Vec<(&str, usize)> = watch.engine.sizes();
    for ((name, full), (_, after)) in full.iter().zip(&after) {
        let small = before.iter().find(|(known, _)| known == name).map_or(0, |(_, size)| *size);
        assert!(*after <= (*full).max(small) + *full / 4 + SLACK, "{flood:?}: {name} grew from {full} to {after}");
    }
    ["arp_spoof", "port_scan"].into_iter().filter(|detector| !watch.names(detector, FORGER)).collect()
}

#[test]
fn through_invented_addresses() {
    assert_eq!(attacked_during(Flood::Addresses), [""; 0]);
}

#[test]
fn through_invented_claims() {
    assert_eq!(attacked_during(Flood::Claims), [""; 0]);
}

#[test]
fn through_a_flood_of_conversations() {
    assert_eq!(attacked_during(Flood::Conversations), [""; 0]);
}

#[test]
fn through_invented_names() {
    assert_eq!(attacked_during(Flood::Names), [""; 0]);
}

#[test]
fn through_halves_of_packets() {
    assert_eq!(attacked_during(Flood::Fragments), [""; 0]);
}
