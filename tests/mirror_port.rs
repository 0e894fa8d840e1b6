//! A second interface without a network of its own, at the mirror port of a switch: what others say to others
//! is heard there, and nobody is asked through it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::process::{Child, Command, Stdio};

use serde_json::Value as Json;

const STRANGER: (&str, &str) = ("02:81:00:00:00:07", "10.82.0.7");
const PEER: (&str, &str) = ("02:81:00:00:00:09", "10.81.0.9");

struct Home {
    near: String,
    far: String,
    helpers: Vec<Child>,
}

impl Home {
    /// `None`: fast, not root, or no namespaces here; said aloud.
    fn build() -> Option<Home> {
        if std::env::var_os("PORCHLIGHT_FAST").is_some() {
            eprintln!("skipped: PORCHLIGHT_FAST is set");
            return None;
        }
        let id = std::process::id();
        let home = Home { near: format!("mirror-near-{id}"), far: format!("mirror-far-{id}"), helpers: Vec::new() };
        if !ip(&format!("netns add {}", home.near)) || !ip(&format!("netns add {}", home.far)) {
            eprintln!("skipped: network namespaces need root and iproute2");
            return None;
        }
        let (near, far) = (&home.near, &home.far);
        for command in [
            format!("-n {near} link add home0 type veth peer name wire0 netns {far}"),
            // Its link-local address is no network.
            format!("-n {near} link add mir0 type veth peer name side0 netns {far}"),
            format!("-n {near} addr add 10.81.0.1/24 dev home0"),
            format!("-n {far} link set wire0 address {}", PEER.0),
            format!("-n {far} link set side0 address {}", STRANGER.0),
            format!("-n {far} addr add {}/24 dev wire0", PEER.1),
            format!("-n {far} addr add {}/24 dev side0", STRANGER.1),
            format!("-n {near} link set lo up"),
            format!("-n {near} link set home0 up"),
            format!("-n {near} link set mir0 up"),
            format!("-n {far} link set wire0 up"),
            format!("-n {far} link set side0 up"),
        ] {
            assert!(ip(&command), "{command}");
        }
        Some(home)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for helper in &mut self.helpers {
            drop(helper.kill());
            drop(helper.wait());
        }
        ip(&format!("netns del {}", self.near));
        ip(&format!("netns del {}", self.far));
    }
}

fn ip(arguments: &str) -> bool {
    Command::new("ip").args(arguments.split(' ')).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn takes_all(namespace: &str, interface: &str) -> bool {
    let done = Command::new("ip").args(["-n", namespace, "-d", "link", "show", interface]).output().unwrap();
    String::from_utf8_lossy(&done.stdout).contains("promiscuity 1")
}

/// The devices of one scan. The card keeps what is for others only while somebody wants it.
fn scan(home: &Home) -> Vec<Json> {
    let state = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_porchlight");
    let mut scan = Command::new("ip")
        .args([
            "netns",
            "exec",
            &home.near,
            program,
            "scan",
            "--json",
            "--only",
            "capture,arp_sweep,netlink",
            "--state-dir",
        ])
        .arg(state.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut all, mut own) = (false, false);
    while scan.try_wait().unwrap().is_none() {
        all |= takes_all(&home.near, "mir0");
        own |= takes_all(&home.near, "home0");
    }
    assert_eq!((all, own, takes_all(&home.near, "mir0")), (true, false, false));
    let done = scan.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let devices: Json = serde_json::from_slice(&done.stdout).unwrap();
    devices.as_array().or_else(|| devices["devices"].as_array()).unwrap().clone()
}

fn holds(devices: &[Json], (mac, address): (&str, &str)) -> bool {
    let has = |list: &Json, wanted: &str| list.as_array().unwrap().contains(&wanted.into());
    devices.iter().any(|device| has(&device["macs"], mac) && has(&device["addresses"], address))
}

#[test]
fn what_others_say_to_others_is_heard_at_a_mirror_port() {
    let Some(mut home) = Home::build() else { return };
    let talk = ["netns", "exec", &home.far, "ping", "-i", "0.2", "-W", "1", "10.82.0.1"];
    home.helpers.push(Command::new("ip").args(talk).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    // A scan is over in a second, and who listens hears what is said meanwhile.
    let mut devices = Vec::new();
    for _ in 0..30 {
        devices = scan(&home);
        if holds(&devices, STRANGER) && holds(&devices, PEER) {
            break;
        }
    }
    assert!(holds(&devices, STRANGER) && holds(&devices, PEER), "{devices:#?}");
    // Ours, and these two; the far ends have link-local voices under the same two stations.
    assert_eq!(devices.len(), 3, "{devices:#?}");
    assert!(devices.iter().all(|device| device["macs"].as_array().unwrap().len() == 1), "{devices:#?}");
}
