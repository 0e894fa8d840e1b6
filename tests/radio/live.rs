//! A card in monitor mode that is none: a tun device whose link type is radiotap, in a namespace of its own. What is
//! written to it goes through the kernel as frames of a real card do. Channels cannot be changed on it.
//!
//! Needs root and `ip`; without them, or with PORCHLIGHT_FAST=1, it says why it skips.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    os::fd::AsRawFd as _,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use serde_json::Value as Json;

use crate::air::{self, AP, FOREIGN_AP, LAPTOP, PHONE};

// linux/if_tun.h: _IOW('T', 202, int) and _IOW('T', 205, int); IFF_TUN, with a header of flags and protocol.
const TUNSETIFF: libc::c_ulong = 0x4004_54ca;
const TUNSETLINK: libc::c_ulong = 0x4004_54cd;
const IFF_TUN: libc::c_short = 1;

#[test]
fn a_monitor_is_heard_live_and_what_is_missing_is_said() {
    if std::env::var("PORCHLIGHT_FAST").is_ok_and(|value| value == "1") {
        eprintln!("skipped: PORCHLIGHT_FAST=1 leaves out the network");
        return;
    }
    let namespace = format!("radio-{}", std::process::id());
    if !ip(&["netns", "add", &namespace]) {
        eprintln!("skipped: network namespaces need root and iproute2");
        return;
    }
    let done = Command::new("ip")
        .args(["netns", "exec", &namespace])
        .arg(std::env::current_exe().unwrap())
        .args(["live::inner_monitor", "--exact", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    ip(&["netns", "del", &namespace]);
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && out.contains("1 passed"), "{out}\n{err}");
    for line in out.lines().chain(err.lines()).filter(|line| line.starts_with("skipped")) {
        eprintln!("{line}");
    }
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_monitor() {
    assert!(ip(&["link", "set", "lo", "up"]));
    let (seen, health) = scan(&[], None);
    assert_eq!(health["state"], "off", "most homes have no monitor: {seen}");
    let (_, health) = scan(&["scanners.wifi_monitor.interface=mon0"], None);
    assert_eq!(health["state"], "degraded");
    assert!(health["why"].as_str().unwrap().contains("no interface mon0"), "{health}");

    let Some(card) = monitor("mon0") else {
        eprintln!("skipped: no /dev/net/tun here");
        return;
    };
    let (_, health) = scan(&["scanners.wifi_monitor.interface=mon0"], None);
    assert!(health["why"].as_str().unwrap().contains("mon0 is down"), "{health}");
    assert!(ip(&["link", "set", "mon0", "up"]));
    let over = Arc::new(AtomicBool::new(false));
    let sender = std::thread::spawn({
        let over = Arc::clone(&over);
        move || send(card, &over)
    });

    let (seen, health) = scan(&["presence.wifi_networks=[Home]"], None);
    let point = |bssid: &str| {
        let points = seen["access_points"].as_array().unwrap();
        points.iter().find(|point| point["bssid"] == bssid).unwrap_or_else(|| panic!("no {bssid} in {seen}")).clone()
    };
    let (own, foreign) = (point(&AP.to_string()), point(&FOREIGN_AP.to_string()));
    assert_eq!((&own["ssid"], &own["own"], &own["channel"]), (&"Home".into(), &true.into(), &6.into()));
    assert_eq!((&own["security"], &own["signal_dbm"], &own["stations"]), (&"wpa2".into(), &(-48).into(), &2.into()));
    assert_eq!((&foreign["own"], &foreign["stations"]), (&false.into(), &1.into()));
    let mut macs: Vec<&str> = Vec::new();
    for device in seen["devices"].as_array().unwrap() {
        let sources = device["sources"].as_array().unwrap();
        if sources.contains(&"wifi_monitor".into()) {
            macs.extend(device["macs"].as_array().unwrap().iter().map(|mac| mac.as_str().unwrap()));
            assert_eq!((&device["presence"], &device["signal_dbm"]), (&"home".into(), &(-48).into()), "{device}");
        }
    }
    macs.sort_unstable();
    assert_eq!(macs, [LAPTOP.to_string(), PHONE.to_string()], "neighbours and passers-by are no devices");
    // This card has no channels; what is heard stays heard, and it says so.
    assert_eq!(health["state"], "degraded");
    assert!(health["why"].as_str().unwrap().contains("the channel stays as it is"), "{health}");
    let (_, health) = scan(&["scanners.wifi_monitor.hop=false"], None);
    assert_eq!(health["state"], "ok", "{health}");

    // Whose network it is was not said: only counted.
    let (seen, _) = scan(&[], None);
    assert!(
        seen["devices"].as_array().unwrap().iter().all(|device| !device.to_string().contains("wifi_monitor")),
        "{seen}"
    );

    let (_, health) = scan(&["scanners.wifi_monitor.hop=false"], Some("65534"));
    assert!(health["why"].as_str().unwrap().contains("CAP_NET_RAW is missing"), "{health}");
    over.store(true, SeqCst);
    sender.join().unwrap();
}

/// Everything one look around says, and the line of the monitor.
fn scan(set: &[&str], user: Option<&str>) -> (Json, Json) {
    let program = env!("CARGO_BIN_EXE_porchlight");
    let mut command = match user {
        None => Command::new(program),
        Some(user) => {
            // Where this program lies may be closed to others: it is run by what root has open.
            let mut command = Command::new("setpriv");
            command.args(["--reuid", user, "--regid", user, "--clear-groups", "--inh-caps=-all", program]);
            command
        }
    };
    command.args(["scan", "--json", "--only", "wifi_monitor", "--for", "20"]);
    set.iter().for_each(|text| {
        command.args(["--set", text]);
    });
    let done = command.output().unwrap();
    let err = String::from_utf8_lossy(&done.stderr).into_owned();
    let seen: Json = serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{error}: {err}"));
    let scanners = seen["scanners"].as_array().unwrap();
    let line = scanners
        .iter()
        .find(|line| line["scanner"] == "wifi_monitor")
        .unwrap_or_else(|| panic!("no line: {seen}\n{err}"));
    (seen.clone(), line.clone())
}

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).stderr(std::process::Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A tun device whose frames begin with radiotap. Still down: the link type can only be set then.
#[allow(unsafe_code, reason = "two ioctls that no library here knows")]
fn monitor(name: &str) -> Option<File> {
    let card = OpenOptions::new().read(true).write(true).open("/dev/net/tun").ok()?;
    // SAFETY: plain integers and bytes, for which zero is valid.
    let mut wish: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in wish.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    wish.ifr_ifru.ifru_flags = IFF_TUN;
    // SAFETY: a valid ifreq that outlives the call; the second takes a number.
    let made = unsafe {
        libc::ioctl(card.as_raw_fd(), TUNSETIFF as _, &raw mut wish) == 0
            && libc::ioctl(card.as_raw_fd(), TUNSETLINK as _, libc::c_int::from(libc::ARPHRD_IEEE80211_RADIOTAP)) == 0
    };
    made.then_some(card)
}

/// The home's air, ten times a second, until it is over.
fn send(mut card: File, over: &AtomicBool) {
    let frames: Vec<Vec<u8>> = air::home().iter().map(|bare| air::heard(bare)).collect();
    while !over.load(SeqCst) {
        for frame in &frames {
            // Flags 0, protocol ETH_P_802_2.
            card.write_all(&[&[0, 0, 0, 4], frame.as_slice()].concat()).unwrap();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
