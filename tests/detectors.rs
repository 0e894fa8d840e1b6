//! From a capture to an alert, through the program itself: what `replay` and `replay --score` say of attacks and of
//! what only looks like one. Frames are built here.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

#[path = "detectors/access.rs"]
mod access;
#[path = "detectors/devices.rs"]
mod devices;
#[path = "detectors/lookalikes.rs"]
mod lookalikes;
#[path = "detectors/newer.rs"]
mod newer;
#[path = "detectors/people.rs"]
mod people;
#[path = "detectors/things.rs"]
mod things;
#[path = "detectors/traps.rs"]
mod traps;
#[path = "detectors/watch.rs"]
mod watch;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use porchlight::{capture::file::PcapWriter, model::LinkType};
use serde_json::Value;

const SYN: u8 = 2;
const RST_ACK: u8 = 20;

fn mac(n: u8) -> [u8; 6] {
    [0x3c, 7, 7, 0, 0, n]
}

fn tcp(from: (u8, u16), to: (u8, u16), flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut ip = vec![0x45, 0];
    ip.extend((40 + payload.len() as u16).to_be_bytes());
    ip.extend([0, 0, 0, 0, 64, 6, 0, 0, 192, 168, 7, from.0, 192, 168, 7, to.0]);
    let sum = ip.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum::<u32>();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let mut frame = [&mac(to.0)[..], &mac(from.0), &[8, 0], &ip].concat();
    frame.extend([from.1.to_be_bytes(), to.1.to_be_bytes()].concat());
    frame.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    frame.extend(payload);
    frame
}

/// Each port in turn, refused.
fn scan() -> Vec<Vec<u8>> {
    (1..60)
        .flat_map(|port| [tcp((9, 50_000), (5, port), SYN, b""), tcp((5, port), (9, 50_000), RST_ACK, b"")])
        .collect()
}

/// One printer that is off, asked again and again.
fn retries() -> Vec<Vec<u8>> {
    (1..60)
        .flat_map(|n| [tcp((9, 50_000 + n), (5, 631), SYN, b""), tcp((5, 631), (9, 50_000 + n), RST_ACK, b"")])
        .collect()
}

fn capture(dir: &Path, name: &str, frames: &[Vec<u8>]) -> PathBuf {
    let path = dir.join(name);
    let mut out = PcapWriter::new(Vec::new(), LinkType::ETHERNET).unwrap();
    for (n, frame) in frames.iter().enumerate() {
        let stamp = 1_795_626_131_000_000_000 + n as i128 * 50_000_000;
        out.frame(stamp, u32::try_from(frame.len()).unwrap(), frame).unwrap();
    }
    fs::write(&path, out.finish().unwrap()).unwrap();
    path
}

fn porchlight(args: &[&str]) -> (bool, String) {
    let said = Command::new(env!("CARGO_BIN_EXE_porchlight")).args(args).env_clear().output().unwrap();
    (said.status.success(), String::from_utf8(said.stdout).unwrap() + &String::from_utf8_lossy(&said.stderr))
}

#[test]
fn a_scan_in_a_capture_is_an_alert_about_who_did_it() {
    let dir = tempfile::tempdir().unwrap();
    let (ok, said) = porchlight(&["replay", "--json", capture(dir.path(), "scan.pcap", &scan()).to_str().unwrap()]);
    let told: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    let alert = told["alerts"].as_array().unwrap().iter().find(|alert| alert["detector"] == "port_scan").expect(&said);
    assert!(ok && alert["attacker"]["mac"] == "3c:07:07:00:00:09" && alert["victim"]["ip"] == "192.168.7.5", "{alert}");
    assert!(alert["title"].as_str().unwrap().contains("open ports"), "{alert}");
    let (_, quiet) = porchlight(&["replay", "--json", capture(dir.path(), "quiet.pcap", &retries()).to_str().unwrap()]);
    let told: Value = serde_json::from_str(&quiet).unwrap();
    assert!(told["alerts"].as_array().unwrap().iter().all(|alert| alert["category"] != "scan"), "{quiet}");
}

#[test]
fn who_is_exempt_is_not_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = capture(dir.path(), "scan.pcap", &scan());
    let (ok, said) = porchlight(&[
        "replay",
        "--json",
        "--set",
        "detectors.port_scan.exempt=['3c:07:07:00:00:09']",
        file.to_str().unwrap(),
    ]);
    assert!(ok && !said.contains("\"port_scan\""), "{said}");
    let (ok, said) =
        porchlight(&["replay", "--set", "detectors.port_scan.exempt=['the printer']", file.to_str().unwrap()]);
    assert!(!ok && said.contains("the printer"), "{said}");
}

#[test]
fn an_index_is_scored_row_by_row() {
    let dir = tempfile::tempdir().unwrap();
    capture(dir.path(), "scan.pcap", &scan());
    capture(dir.path(), "quiet.pcap", &retries());
    fs::write(dir.path().join("bad.pcap"), b"no capture").unwrap();
    let head =
        "file\tkind\tclass\tattacker_ip\tattacker_mac\tvictim_ip\tvictim_mac\tmust\tmay\tmust_not\tframes\tseconds\n";
    let rows = "scan.pcap\tattack\tport_scan\t192.168.7.9\t-\t192.168.7.5\t-\tport_scan\t-\tsyn_flood\t118\t6\n\
                scan.pcap\tattack\tmissed\t192.168.7.9\t-\t-\t-\trogue_ra\t-\t-\t118\t6\n\
                scan.pcap\tbenign\tloud\t-\t-\t-\t-\t-\t-\t*\t118\t3600\n\
                quiet.pcap\tbenign\tquiet\t-\t-\t-\t-\t-\tnew_device\t*,port_scan\t118\t3600\n\
                bad.pcap\tbroken\tbad\t-\t-\t-\t-\tclear_error\t-\t-\t0\t0\n";
    let index = dir.path().join("INDEX.tsv");
    fs::write(&index, format!("{head}{rows}")).unwrap();
    let (ok, said) = porchlight(&["replay", "--json", "--score", index.to_str().unwrap()]);
    let told: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    let right: Vec<bool> = told["rows"].as_array().unwrap().iter().map(|row| row["ok"].as_bool().unwrap()).collect();
    assert!(ok && right == [true, false, false, true, true], "{said}");
    assert_eq!((&told["attacks"], &told["false_alerts"]), (&serde_json::json!([1, 2]), &serde_json::json!(1)));
    let (_, table) = porchlight(&["replay", "--score", index.to_str().unwrap()]);
    assert!(table.contains("attack port_scan") && table.contains("not raised: rogue_ra"), "{table}");
}
