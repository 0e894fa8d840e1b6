//! Whoever wants to act unseen floods the sensor first. After, and during, tens of thousands of invented addresses,
//! conversations and names the next attack is told, with the right device, and no table has grown past its room.
//!
//! Smaller than a million, so that it runs in a minute without optimisation: every table of the core is full after a
//! fiftieth of that. `FLOOD=1000000 cargo test --release --test blinding` runs it whole.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

#[path = "detectors/watch.rs"]
mod watch;

use std::{
    env, fs,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use porchlight::{capture::file::PcapWriter, model::LinkType};
use serde_json::Value;
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
const SEEKER: u8 = 67;
const PINGER: u8 = 68;
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
    watch.at_home(&[1, 5, 6, FORGER, SEEKER, PINGER]);
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
        // Who has which address, and are you there: of one that is not in the way of anything else.
        watch.hear(&arp(mac(SEEKER), 1, ip(SEEKER), [0xff; 6], ip(100 + step as u8)), 1000);
    }
    // A handful of wrong passwords would drown in it; so many pings in a second must not.
    for n in 0..1000u16 {
        if n % 4 == 0 {
            watch.hear(&junk(flood, flood_len() + 8000 + u32::from(n)), 100);
        }
        let echo = [&[8, 0, 0, 0][..], &n.to_be_bytes(), &[0, 1], &[7; 24]].concat();
        watch.hear(&packet((mac(PINGER), ip(PINGER)), (mac(5), ip(5)), 1, &echo), 900);
    }
    let after: Vec<(&str, usize)> = watch.engine.sizes();
    for ((name, full), (_, after)) in full.iter().zip(&after) {
        let small = before.iter().find(|(known, _)| known == name).map_or(0, |(_, size)| *size);
        assert!(*after <= (*full).max(small) + *full / 4 + SLACK, "{flood:?}: {name} grew from {full} to {after}");
    }
    [("arp_spoof", FORGER), ("port_scan", FORGER), ("host_sweep", SEEKER), ("icmp_flood", PINGER)]
        .into_iter()
        .filter_map(|(detector, who)| (!watch.names(detector, who)).then_some(detector))
        .collect()
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

/// Cuts a packet into pieces that carry so many bytes of what is behind the header of IP.
fn pieces(whole: &[u8], id: u16, size: usize) -> Vec<Vec<u8>> {
    let (head, body) = whole.split_at(34);
    let last = body.len().div_ceil(size) - 1;
    body.chunks(size)
        .enumerate()
        .map(|(n, part)| {
            let mut piece = [head, part].concat();
            piece[16..18].copy_from_slice(&(20 + part.len() as u16).to_be_bytes());
            piece[18..20].copy_from_slice(&id.to_be_bytes());
            let more = if n < last { 0x2000 } else { 0 };
            piece[20..22].copy_from_slice(&(more | (n * size / 8) as u16).to_be_bytes());
            piece
        })
        .collect()
}

#[test]
fn a_search_for_doors_hidden_in_tiny_pieces_is_seen() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 6, FORGER]);
    let forger = (mac(FORGER), ip(FORGER));
    for n in 0..40u16 {
        let whole = packet(forger, (mac(6), ip(6)), 6, &segment(50_000, 1000 + n, SYN));
        // No piece holds the flags: what is tried shows only when they are joined. Half of them come backwards.
        let mut parts = pieces(&whole, 7000 + n, 8);
        if n % 2 == 0 {
            parts.reverse();
        }
        parts.iter().for_each(|part| watch.hear(part, 500));
        watch.hear(&packet((mac(6), ip(6)), forger, 6, &segment(1000 + n, 50_000, RST_ACK)), 50_000);
    }
    assert!(watch.names("port_scan", FORGER), "{:?}", watch.told);
}

/// RSS of a home's sensor, whatever comes (KiB).
const RSS_MAX_KIB: u64 = 120 * 1024;

/// Most that was resident, as proc_pid_status(5) tells it.
fn peak_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

#[test]
fn a_flood_of_forged_connections_is_named_and_costs_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    // Of one device that forges addresses, and of one that forges its hardware address too.
    for forges_all in [false, true] {
        let path = folder.path().join("flood.pcap");
        let mut out =
            PcapWriter::new(fs::File::create(&path).map(std::io::BufWriter::new).unwrap(), LinkType::ETHERNET).unwrap();
        let mut stamp = 1_795_626_131_000_000_000;
        let mut write = |frame: &[u8]| {
            // Ten thousand a second.
            stamp += 100_000;
            out.frame(stamp, frame.len() as u32, frame).unwrap();
        };
        write(&arp(mac(FORGER), 1, ip(FORGER), [0xff; 6], ip(5)));
        write(&arp(mac(5), 2, ip(5), mac(FORGER), ip(FORGER)));
        for n in 0..flood_len() {
            let [a, b, c, d] = n.wrapping_mul(2_654_435_761).to_be_bytes();
            let who = if forges_all { [0x02, 0x51, a, b, c, d] } else { mac(FORGER) };
            write(&packet((who, [100, 64 | b & 63, c, d]), (mac(5), ip(5)), 6, &segment(1024 | n as u16, 80, SYN)));
        }
        out.finish().unwrap();
        let mut replay = Command::new(env!("CARGO_BIN_EXE_porchlight"))
            .args(["replay", "--json"])
            .arg(&path)
            .stdout(fs::File::create(folder.path().join("out")).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut peak = 0;
        while replay.try_wait().unwrap().is_none() {
            peak = peak.max(peak_kib(replay.id()).unwrap_or_default());
            thread::sleep(Duration::from_millis(2));
        }
        let said = fs::read_to_string(folder.path().join("out")).unwrap();
        let said: Value = serde_json::from_str(&said).expect(&said);
        let alerts = said["alerts"].as_array().unwrap();
        let flood = alerts.iter().find(|alert| alert["detector"] == "syn_flood").expect("it is named");
        let victim = flood["victim"]["ip"].as_str().unwrap();
        assert_eq!(victim, "192.168.7.5", "{flood:#}");
        if !forges_all {
            assert!(flood["attacker"]["mac"].as_str().unwrap().ends_with("07:07:00:00:42"), "{flood:#}");
        }
        eprintln!(
            "{} forged connections, hardware addresses too: {forges_all}: at most {} MiB",
            flood_len(),
            peak / 1024
        );
        assert!(peak > 0 && peak <= RSS_MAX_KIB, "{peak} KiB");
    }
}
