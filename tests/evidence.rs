//! The same attacks from a file and live from a wire; frames kept with their alerts; the log of events; and a password
//! that everybody could read on the wire and nobody finds again in anything that is written.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::BTreeSet,
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use porchlight::{
    capture::file::{self, PcapWriter},
    model::LinkType,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

const STEP: Duration = Duration::from_millis(100);
/// Three minutes of steps: the machine may be busy.
const STEPS: u32 = 1800;

const CANARY: &str = "canary-4711-geheim";
/// `anna:canary-4711-geheim` and `\0anna\0canary-4711-geheim` as Basic and PLAIN spell them (RFC 4648).
const BASIC: &str = "YW5uYTpjYW5hcnktNDcxMS1nZWhlaW0=";
const PLAIN: &str = "AGFubmEAY2FuYXJ5LTQ3MTEtZ2VoZWlt";

const SCANNER: u8 = 66;
const ANNA: u8 = 9;
const NAS: u8 = 5;

fn mac(n: u8) -> [u8; 6] {
    [2, 0x77, 0, 0, 0, n]
}

fn ip(n: u8) -> [u8; 4] {
    [192, 168, 77, n]
}

fn frame(from: u8, to: u8, protocol: u8, rest: &[u8]) -> Vec<u8> {
    let len = u16::try_from(20 + rest.len()).unwrap();
    let mut bytes =
        [&mac(to)[..], &mac(from), &[8, 0, 0x45, 0], &len.to_be_bytes(), &[0, 0, 0, 0, 64, protocol, 0, 0]].concat();
    bytes.extend([ip(from), ip(to)].concat());
    bytes.extend(rest);
    bytes.resize(bytes.len().max(60), 0);
    bytes
}

fn segment(ports: (u16, u16), flags: u8, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    bytes.extend(sequence.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

/// A whole conversation of Anna with the NAS: who speaks, what.
fn conversation(port: u16, script: &[(bool, String)]) -> Vec<Vec<u8>> {
    let own = 41_000 + port % 1000;
    let send = |by_client: bool, flags: u8, sequence: u32, payload: &[u8]| {
        let (from, to, ports) = if by_client { (ANNA, NAS, (own, port)) } else { (NAS, ANNA, (port, own)) };
        frame(from, to, 6, &segment(ports, flags, sequence, payload))
    };
    let mut frames = vec![send(true, 2, 100, b""), send(false, 18, 500, b""), send(true, 16, 101, b"")];
    let mut next = [101_u32, 501];
    for (by_client, text) in script {
        let side = usize::from(!by_client);
        frames.push(send(*by_client, 24, next[side], text.as_bytes()));
        next[side] += u32::try_from(text.len()).unwrap();
    }
    frames.push(send(true, 17, next[0], b""));
    frames
}

fn arp(n: u8) -> Vec<u8> {
    let mut bytes =
        [&[0xff; 6][..], &mac(n), &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &mac(n), &ip(n), &[0; 6], &ip(n)].concat();
    bytes.resize(60, 0);
    bytes
}

/// Logins in the clear by several protocols, and one that searches for open ports.
fn attack() -> Vec<Vec<u8>> {
    let said = |by_client: bool, text: &str| (by_client, format!("{text}\r\n"));
    let mut frames = vec![arp(SCANNER), arp(ANNA), arp(NAS)];
    frames.extend(conversation(
        21,
        &[
            said(false, "220 files"),
            said(true, "USER anna"),
            said(false, "331 password?"),
            said(true, &format!("PASS {CANARY}")),
            said(false, "230 in"),
        ],
    ));
    frames.extend(conversation(
        80,
        &[
            said(true, &format!("GET /secret?key={CANARY} HTTP/1.1\r\nHost: nas\r\nAuthorization: Basic {BASIC}\r\n")),
            said(false, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"),
            said(
                true,
                &format!("POST /login HTTP/1.1\r\nHost: nas\r\nContent-Length: 35\r\n\r\nuser=anna&password={CANARY}"),
            ),
            said(false, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"),
        ],
    ));
    frames.extend(conversation(
        25,
        &[
            said(false, "220 mail ESMTP"),
            said(true, "EHLO anna"),
            said(false, "250 AUTH PLAIN"),
            said(true, &format!("AUTH PLAIN {PLAIN}")),
            said(false, "235 in"),
        ],
    ));
    let mut datagram = [40_000_u16.to_be_bytes(), 514_u16.to_be_bytes(), [0, 40], [0, 0]].concat();
    datagram.extend(format!("login with {CANARY}").bytes());
    frames.push(frame(ANNA, NAS, 17, &datagram));
    for n in 0..60_u16 {
        let ports = (50_000 + n, 1000 + n * 7);
        frames.push(frame(SCANNER, NAS, 6, &segment(ports, 2, 7, b"")));
        frames.push(frame(NAS, SCANNER, 6, &segment((ports.1, ports.0), 20, 0, b"")));
    }
    frames
}

fn write(path: &Path, frames: &[Vec<u8>]) {
    let mut out = PcapWriter::new(Vec::new(), LinkType::ETHERNET).unwrap();
    for (n, bytes) in frames.iter().enumerate() {
        out.frame(1_795_626_131_000_000_000 + n as i128 * 5_000_000, 0, bytes).unwrap();
    }
    fs::write(path, out.finish().unwrap()).unwrap();
}

/// Every spelling of the secret.
fn secrets() -> [&'static [u8]; 5] {
    [CANARY.as_bytes(), &CANARY.as_bytes()[7..], BASIC.as_bytes(), PLAIN.as_bytes(), b"NYW5hcnktNDcxMS1nZWhlaW"]
}

fn assert_clean(what: &str, bytes: &[u8]) {
    for secret in secrets() {
        let found = bytes.windows(secret.len()).position(|window| window == secret);
        if let Some(at) = found {
            let around = &bytes[at.saturating_sub(60)..(at + 60).min(bytes.len())];
            panic!("{what} holds {:?}: {:?}", String::from_utf8_lossy(secret), String::from_utf8_lossy(around));
        }
    }
}

fn walk(folder: &Path, each: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            walk(&entry, each)
        } else if entry.is_file() {
            each(&entry)
        }
    }
}

fn porchlight(dir: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("porchlight"));
    command.env_clear().env("HOME", dir).arg("--state-dir").arg(dir.join("state"));
    command
}

/// Detector and hardware address of each alert that is more than news, and by what protocol.
fn raised(json: &[u8]) -> BTreeSet<(String, String)> {
    let json: Json = serde_json::from_slice(json).unwrap_or_default();
    let alerts = json["alerts"].as_array().cloned().unwrap_or_default();
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    alerts
        .iter()
        .filter(|alert| alert["severity"] != "info" && alert["detector"] != "new_device")
        .map(|alert| {
            let by = format!("{} {}", text(&alert["attacker"]["mac"]), text(&alert["evidence"]["protocol"]));
            (text(&alert["detector"]), by.trim().to_owned())
        })
        .collect()
}

#[test]
fn a_capture_is_told_without_its_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let capture = dir.path().join("attack.pcap");
    write(&capture, &attack());
    let report = dir.path().join("report.html");
    let said = porchlight(dir.path()).args(["replay", "--report"]).arg(&report).arg(&capture).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let text = String::from_utf8(said.stdout.clone()).unwrap();
    for part in ["FRAMES  BYTES", "Frames by protocol", "Logins anybody could read, masked", "ftp"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = porchlight(dir.path()).args(["replay", "--json"]).arg(&capture).output().unwrap().stdout;
    let shape: Json = serde_json::from_slice(&json).unwrap();
    let protocols: BTreeSet<&str> =
        shape["credentials"].as_array().unwrap().iter().filter_map(|one| one["protocol"].as_str()).collect();
    assert!(protocols.contains("ftp"), "{protocols:?}");
    for (what, bytes) in
        [("text", said.stdout), ("talk", said.stderr), ("JSON", json.clone()), ("report", fs::read(&report).unwrap())]
    {
        assert_clean(what, &bytes);
    }
    let raised: BTreeSet<String> = raised(&json).into_iter().map(|(detector, _)| detector).collect();
    assert!(raised.contains("port_scan") && raised.contains("cleartext_credentials"), "{raised:?}");
}

/// Two namespaces and a wire between them.
struct Wire {
    near: String,
    far: String,
}

impl Wire {
    /// `None`: fast, not root, or no namespaces here; said aloud.
    fn build() -> Option<Wire> {
        if std::env::var_os("PORCHLIGHT_FAST").is_some() {
            eprintln!("skipped: PORCHLIGHT_FAST is set");
            return None;
        }
        let id = std::process::id();
        let wire = Wire { near: format!("intel-near-{id}"), far: format!("intel-far-{id}") };
        if !run_ip(&format!("netns add {}", wire.near)) || !run_ip(&format!("netns add {}", wire.far)) {
            eprintln!("skipped: network namespaces need root and iproute2");
            return None;
        }
        let (near, far) = (&wire.near, &wire.far);
        for command in [
            format!("-n {near} link add mir0 type veth peer name side0 netns {far}"),
            format!("-n {near} link set mir0 addrgenmode none"),
            format!("-n {far} link set side0 addrgenmode none"),
            format!("-n {near} link set lo up"),
            format!("-n {near} link set mir0 up"),
            format!("-n {far} link set side0 up"),
        ] {
            assert!(run_ip(&command), "{command}");
        }
        Some(wire)
    }

    /// Sends each frame of a capture, five milliseconds apart.
    fn send(&self, capture: &Path) {
        const SCRIPT: &str = "
import socket, struct, sys, time
bytes = open(sys.argv[1], 'rb').read()
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(('side0', 0))
at = 24
while at < len(bytes):
    length, = struct.unpack_from('<I', bytes, at + 8)
    wire.send(bytes[at + 16:at + 16 + length])
    at += 16 + length
    time.sleep(0.005)
";
        let sent = Command::new("ip")
            .args(["netns", "exec", &self.far, "python3", "-c", SCRIPT])
            .arg(capture)
            .status()
            .unwrap();
        assert!(sent.success());
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        run_ip(&format!("netns del {}", self.near));
        run_ip(&format!("netns del {}", self.far));
    }
}

fn run_ip(arguments: &str) -> bool {
    Command::new("ip").args(arguments.split(' ')).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    fn start(wire: &Wire, dir: &Path) -> Daemon {
        let config = dir.join("config.yaml");
        let settings = "mqtt: {url: mqtt://127.0.0.1:1}\nnetwork: {interfaces: [mir0]}\nlog: {level: debug, events: \
                        events.jsonl}\nalerts: {settle: 0s}\n";
        fs::write(&config, settings).unwrap();
        let log = dir.join("log");
        let child = Command::new("ip")
            .args(["netns", "exec", &wire.near])
            .arg(assert_cmd::cargo::cargo_bin!("porchlight"))
            .arg("--state-dir")
            .arg(dir.join("state"))
            .args(["run", "--config"])
            .arg(config)
            .env("HOME", dir)
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Daemon { child, log }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    fn end(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(what: &str, daemon: &Daemon, mut is_so: impl FnMut() -> bool) {
    for _ in 0..STEPS {
        if is_so() {
            return;
        }
        thread::sleep(STEP);
    }
    panic!("never: {what}\n{}", daemon.said());
}

/// Whether the card takes what is for others: the daemon listens then.
fn listens(namespace: &str) -> bool {
    let done = Command::new("ip").args(["-n", namespace, "-d", "link", "show", "mir0"]).output().unwrap();
    String::from_utf8_lossy(&done.stdout).contains("promiscuity 1")
}

#[test]
fn a_wire_raises_what_a_file_raises_and_keeps_the_frames_without_the_words() {
    let Some(wire) = Wire::build() else { return };
    let dir = tempfile::tempdir().unwrap();
    let capture = dir.path().join("attack.pcap");
    write(&capture, &attack());
    let from_file = raised(&porchlight(dir.path()).args(["replay", "--json"]).arg(&capture).output().unwrap().stdout);
    assert!(
        from_file.iter().any(|(detector, by)| detector == "port_scan" && by == "02:77:00:00:00:42"),
        "{from_file:?}"
    );

    let mut daemon = Daemon::start(&wire, dir.path());
    wait("it listens", &daemon, || listens(&wire.near));
    wire.send(&capture);
    let ask = |verb: &[&str]| porchlight(dir.path()).args(verb).output().unwrap().stdout;
    let mut live = BTreeSet::new();
    wait("the alerts of the file, live", &daemon, || {
        live = raised(&ask(&["alerts", "--json"]));
        live.is_superset(&from_file)
    });
    assert_eq!(live, from_file);

    // The last minutes, by command.
    let last = dir.path().join("last.pcapng");
    let done =
        porchlight(dir.path()).args(["export", "pcapng", "--last", "10m", "--output"]).arg(&last).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    // Bare acknowledgements are not heard: one of each conversation.
    let sent = attack().len() - 3;
    assert!(count(&last) >= sent, "{} of {sent} frames", count(&last));
    daemon.end();

    // A file for each alert, of its parties alone, named in `alerts`.
    let alerts: Json = serde_json::from_slice(&ask(&["alerts", "--json"])).unwrap();
    let scan = alerts["alerts"].as_array().unwrap().iter().find(|alert| alert["detector"] == "port_scan").unwrap();
    let kept = PathBuf::from(scan["evidence"]["pcap"].as_str().expect("its file is named"));
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    let frames = frames(&kept);
    assert!(frames.len() >= 60, "{} frames", frames.len());
    let is_party = |bytes: &Vec<u8>| {
        [SCANNER, NAS]
            .iter()
            .any(|n| bytes[..12].windows(6).any(|six| six == mac(*n)) || bytes.windows(4).any(|four| four == ip(*n)))
    };
    assert!(frames.iter().all(is_party), "only frames of the two");

    // Each event is one line of JSON, the alert in full.
    let events = fs::read_to_string(dir.path().join("state/events.jsonl")).unwrap();
    let lines: Vec<Json> = events.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let told = lines.iter().find(|line| line["kind"] == "alert_new" && line["data"]["detector"] == "port_scan");
    assert_eq!(told.expect("in the log of events")["data"]["attacker"]["mac"], "02:77:00:00:00:42");
    let summary: Json = serde_json::from_slice(&ask(&["summary", "--json"])).unwrap();
    assert!(summary["alerts"]["by_detector"]["port_scan"].as_u64() >= Some(1), "{summary:#}");

    // The password is in none of it: store, evidence, events, log, exports.
    let mut files = 0;
    walk(dir.path(), &mut |path| {
        if path != capture {
            files += 1;
            assert_clean(&path.display().to_string(), &fs::read(path).unwrap());
        }
    });
    assert!(files >= 6, "{files} files");
    for verb in [&["alerts"][..], &["events"], &["export", "json", "alerts"], &["devices", "--json"]] {
        assert_clean(&verb.join(" "), &ask(verb));
    }
}

fn frames(path: &Path) -> Vec<Vec<u8>> {
    let mut reader = file::open(path).unwrap();
    let mut out = Vec::new();
    while let Some(frame) = reader.next() {
        out.push(frame.bytes.to_vec());
    }
    assert!(!reader.is_truncated());
    out
}

fn count(path: &Path) -> usize {
    frames(path).len()
}
