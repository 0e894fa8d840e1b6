//! `replay` from outside: the report it writes, and what `--redact` keeps from others.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use porchlight::{capture::file::PcapWriter, model::LinkType};
use serde_json::Value;

const MAC: [u8; 6] = [0xb8, 0x27, 0xeb, 1, 2, 3];

/// A DHCP request of a device that says its name (RFC 2131 §2, RFC 2132 §3.14).
fn dhcp(name: &str) -> Vec<u8> {
    let mut bootp = vec![1, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0, 0];
    bootp.extend([0; 16]);
    bootp.extend(MAC);
    bootp.extend([0; 10 + 192]);
    bootp.extend([99, 130, 83, 99, 53, 1, 3, 12, u8::try_from(name.len()).unwrap()]);
    bootp.extend(name.as_bytes());
    bootp.extend([50, 4, 192, 168, 7, 20, 255]);
    let mut udp = Vec::new();
    udp.extend(68u16.to_be_bytes());
    udp.extend(67u16.to_be_bytes());
    udp.extend(u16::try_from(bootp.len() + 8).unwrap().to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(bootp);
    let mut ip = vec![0x45, 0];
    ip.extend(u16::try_from(udp.len() + 20).unwrap().to_be_bytes());
    ip.extend([0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255]);
    let sum = ip.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum::<u32>();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let mut frame = vec![0xff; 6];
    frame.extend(MAC);
    frame.extend([8, 0]);
    frame.extend(ip);
    frame.extend(udp);
    frame
}

fn arp() -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend(MAC);
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(MAC);
    frame.extend([192, 168, 7, 20, 0, 0, 0, 0, 0, 0, 192, 168, 7, 1]);
    frame
}

fn capture(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join("Annas home.pcap");
    let mut out = PcapWriter::new(Vec::new(), LinkType::ETHERNET).unwrap();
    for (n, frame) in [dhcp(name), arp(), arp()].iter().enumerate() {
        let stamp = 1_795_626_131_000_000_000 + n as i128 * 60_000_000_000;
        out.frame(stamp, u32::try_from(frame.len()).unwrap(), frame).unwrap();
    }
    fs::write(&path, out.finish().unwrap()).unwrap();
    path
}

fn porchlight(dir: &Path, args: &[&str]) -> (String, String, i32) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("porchlight"));
    let out = command.args(args).env_clear().env("HOME", dir).env("TZ", "UTC").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(out.stdout), text(out.stderr), out.status.code().unwrap_or(-1))
}

#[test]
fn a_report_is_written_beside_the_answer() {
    let home = tempfile::tempdir().unwrap();
    let file = capture(home.path(), "annas-iphone");
    let report = home.path().join("report.html");
    let args = ["replay", file.to_str().unwrap(), "--report", report.to_str().unwrap(), "--json"];
    let (out, err, code) = porchlight(home.path(), &args);
    assert_eq!(code, 0, "{err}");
    let replay: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(replay["devices"][0]["hostname"], "annas-iphone", "{replay}");
    let page = fs::read_to_string(&report).unwrap();
    for part in ["<!doctype html>", "annas-iphone", "b8:27:eb:01:02:03", "192.168.7.20", "<svg", "Protocols"] {
        assert!(page.contains(part), "no {part:?} in\n{page}");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&report).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "who was seen is nobody else's business");
    let (_, err, code) =
        porchlight(home.path(), &["replay", file.to_str().unwrap(), "--report", "/nonexistent/x.html"]);
    assert!(code == 1 && err.contains("/nonexistent/x.html"), "{code} {err}");
}

#[test]
fn with_redact_neither_answer_nor_report_nor_log_names_anybody() {
    let home = tempfile::tempdir().unwrap();
    let file = capture(home.path(), "annas-iphone");
    let report = home.path().join("report.html");
    let state = home.path().join("state").display().to_string();
    for form in [&[][..], &["--json"], &["--log-level", "trace"]] {
        let args =
            ["replay", file.to_str().unwrap(), "--report", report.to_str().unwrap(), "--redact", "--state-dir", &state];
        let (out, err, code) = porchlight(home.path(), &[&args, form].concat());
        assert_eq!(code, 0, "{err}");
        let page = fs::read_to_string(&report).unwrap();
        for text in [&out, &err, &page] {
            for who in ["annas", "Annas", "iphone", "b8:27:eb", "B8:27:EB", "01:02:03", "192.168.7"] {
                assert!(!text.contains(who), "{form:?} tells {who}:\n{text}");
            }
        }
        assert!(out.contains("mac-") && page.contains("mac-"), "{out}");
    }
}

#[test]
fn the_words_stay_the_same_from_run_to_run() {
    let home = tempfile::tempdir().unwrap();
    let file = capture(home.path(), "annas-iphone");
    let state = home.path().join("state");
    fs::create_dir(&state).unwrap();
    let args = ["replay", file.to_str().unwrap(), "--redact", "--json", "--state-dir", state.to_str().unwrap()];
    let devices = |(out, err, code): (String, String, i32)| -> Value {
        assert_eq!(code, 0, "{err}");
        serde_json::from_str::<Value>(&out).unwrap()["devices"].take()
    };
    let (first, again) = (devices(porchlight(home.path(), &args)), devices(porchlight(home.path(), &args)));
    assert_eq!(first, again);
    assert!(first[0]["macs"][0].as_str().is_some_and(|mac| mac.starts_with("mac-")), "{first}");
}
