//! Kinds through the whole path: small captures made here, and with a folder named by `PORCHLIGHT_CORPUS` recorded set-ups and
//! fingerprints, which are counted by kind, maker and name. `docs/kinds.md` has the figures.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{fs, sync::Arc};

use porchlight::{
    capture::file::PcapWriter,
    cli::replay::replay,
    model::{DeviceView, Kind, LinkType, MacAddr},
    settings::Settings,
};

#[path = "kinds/fingerprints.rs"]
mod fingerprints;
#[path = "kinds/held_out.rs"]
mod held_out;
#[path = "kinds/homes.rs"]
mod homes;
#[path = "kinds/set_ups.rs"]
mod set_ups;
#[path = "kinds/worth.rs"]
mod worth;

const THING: [u8; 6] = [0x02, 0, 0, 0, 0, 9];
const OTHER: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
const SECOND: i128 = 1_000_000_000;
/// Some day in 2026.
const START: i128 = 1_790_000_000 * SECOND;

fn ipv4(to: [u8; 6], from_ip: [u8; 4], to_ip: [u8; 4], protocol: u8, body: &[u8]) -> Vec<u8> {
    let [a, b] = u16::try_from(body.len() + 20).expect("short").to_be_bytes();
    let header = [&[0x45, 0, a, b, 0, 0, 0, 0, 64, protocol, 0, 0][..], &from_ip, &to_ip].concat();
    [&to[..], &THING, &[8, 0], &header, body].concat()
}

fn udp(to: [u8; 6], to_ip: [u8; 4], ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for number in [ports.0, ports.1, u16::try_from(payload.len() + 8).expect("short"), 0] {
        body.extend(number.to_be_bytes());
    }
    ipv4(to, [10, 0, 0, 9], to_ip, 17, &[&body, payload].concat())
}

fn tcp(ports: (u16, u16), flags: u8) -> Vec<u8> {
    let mut body = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    body.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    ipv4(OTHER, [10, 0, 0, 9], [10, 0, 0, 1], 6, &body)
}

fn seen(frames: &[Vec<u8>]) -> Arc<DeviceView> {
    let mut out = PcapWriter::new(Vec::new(), LinkType::ETHERNET).expect("memory");
    for (second, frame) in frames.iter().enumerate() {
        out.frame(START + second as i128 * SECOND, 0, frame).expect("memory");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("kinds.pcap");
    fs::write(&path, out.finish().expect("memory")).expect("a file");
    let replayed = replay(&[path], &Settings::default(), || 0.0).expect("a capture");
    let device = replayed.devices.iter().find(|device| device.macs.contains(&MacAddr(THING)));
    Arc::clone(device.expect("the device"))
}

fn fact<'a>(view: &'a DeviceView, key: &str) -> Option<&'a str> {
    view.facts.iter().find(|(held, _)| held == key).map(|(_, value)| value.as_str())
}

#[test]
fn a_protocol_that_is_heard_tells_the_kind_and_says_why() {
    let accept = 0x12;
    let printer = seen(&[tcp((9100, 40_000), accept)]);
    assert_eq!(printer.kind, Kind::Printer);
    assert!(fact(&printer, "kind.why").is_some_and(|why| why.contains("raw printing")), "{:?}", printer.facts);
    assert!(
        fact(&printer, "from.label.speaks").is_some_and(|from| from.starts_with("capture ")),
        "{:?}",
        printer.facts
    );
    let inverter = seen(&[udp([1, 0, 0x5e, 0x0c, 0xff, 0xfe], [239, 12, 255, 254], (9522, 9522), b"SMA\0")]);
    assert_eq!(inverter.kind, Kind::Energy);
}

#[test]
fn scans_refusals_and_chance_are_no_protocol() {
    let (refused, open) = (0x14, 0x02);
    for frames in [
        // Refused; asked for by a scanner; a port drawn by chance for a question to a server.
        vec![tcp((9100, 40_000), refused)],
        vec![tcp((40_000, 9100), open), tcp((40_001, 554), open)],
        vec![udp(OTHER, [10, 0, 0, 1], (56_700, 53), &[0; 12]), udp(OTHER, [203, 0, 113, 1], (38_899, 443), &[0; 40])],
    ] {
        let view = seen(&frames);
        assert_eq!((view.kind, fact(&view, "label.speaks")), (Kind::Unknown, None), "{:?}", view.facts);
    }
}

/// The second message of the handshake of WPA, as it crosses the bridge of an access point (IEEE 802.11-2020 §12.7.2).
#[test]
fn who_joins_by_air_is_known_to() {
    let key = |information: [u8; 2]| {
        let mut body = vec![1, 3, 0, 95, 2];
        body.extend(information);
        body.resize(99, 0);
        [&OTHER[..], &THING, &[0x88, 0x8e], &body].concat()
    };
    assert_eq!(fact(&seen(&[key([1, 0x0a])]), "label.link"), Some("wifi"));
    // What an access point sends makes it no station.
    assert_eq!(fact(&seen(&[key([0, 0x8a])]), "label.link"), None);
}
