//! One liar on the wire must not keep the others from being known: every asking scanner at once, against a peer that
//! answers each of them with all that is bad, beside an honest one that answers plainly.
//!
//! Needs root and `ip`; without them, or with PORCHLIGHT_FAST=1, it says why it skips. Nothing leaves the namespaces.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may stop at the first surprise")]

#[path = "discovery_scanners/home.rs"]
#[allow(dead_code, reason = "the other peers of that home are not needed here")]
mod home;
#[path = "hostile_peers/honest.rs"]
mod honest;
#[path = "hostile_peers/liar.rs"]
mod liar;

use std::{collections::BTreeMap, net::IpAddr};

use porchlight::model::{Fact, Observation};
use tokio::time::{Instant, timeout};

use home::{DEADLINE, Home, office_of, peer};

/// Where the honest one lives, beside the liar in the same namespace.
const HONEST: &str = "10.78.0.10";
const SCANNERS: &[&str] = &["mdns", "ssdp", "wsd", "netbios", "llmnr", "consoles", "reverse_dns"];
/// What the liar may make the scanners tell of it. It sends some 30,000 things; a home's busiest device has 100.
const TOLD_MAX: usize = 1_500;
/// What all of it may cost in memory.
const GROWTH_MAX_KIB: u64 = 48 * 1024;

#[test]
fn a_liar_costs_little_and_hides_nobody() {
    let Some(mut home) = Home::build("liars") else { return };
    let far = home.far.clone();
    assert!(home::ip(&["-n", &far, "addr", "add", &format!("{HONEST}/24"), "dev", "wire0"]));
    // Both are asked for names: the liar as a router of this host, beside the honest one.
    for router in [home::PEER, HONEST] {
        let metric = if router == HONEST { "1" } else { "2" };
        assert!(home::ip(&["-n", &home.near, "route", "add", "default", "via", router, "metric", metric]));
    }
    home.stranger("inner_peers");
    home.run("inner_told");
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_peers() {
    liar::start(home::PEER);
    honest::start(HONEST);
    std::fs::write(ready(), "").unwrap();
    loop {
        std::thread::park();
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_told() {
    // Whoever connects here was sent by the liar.
    let trap = tokio::net::TcpListener::bind("0.0.0.0:7777").await.unwrap();
    let began = Instant::now();
    while !ready().exists() {
        assert!(began.elapsed() < DEADLINE, "the peers do not come up");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let before = resident_kib();
    let honest: IpAddr = HONEST.parse().unwrap();
    let mut office = office_of(&[peer(), honest]).await;
    // So that consoles are asked.
    office.is_a(porchlight::model::Kind::GameConsole);
    for name in SCANNERS {
        office.start(name);
    }
    let wanted: BTreeMap<&str, &str> = [
        ("mdns", "Named { name: \"Good printer\", by: Mdns }"),
        ("ssdp", "Named { name: \"Good speaker\", by: Ssdp }"),
        ("wsd", "Named { name: \"Good camera\", by: Ssdp }"),
        ("netbios", "Named { name: \"GOOD-PC\", by: Netbios }"),
        ("llmnr", "Named { name: \"good-desk\", by: Llmnr }"),
        ("consoles", "Named { name: \"Good console\", by: Console }"),
        ("reverse_dns", "Named { name: \"good-by-dns\", by: Dns }"),
    ]
    .into();
    let mut missing: Vec<&str> = wanted.keys().copied().collect();
    let began = Instant::now();
    let (mut told, mut of_liar, mut most) = (0_usize, 0_usize, before);
    // On after the honest one is known: the liar has more to say.
    while !missing.is_empty() || began.elapsed() < DEADLINE / 4 {
        let left = DEADLINE.saturating_sub(began.elapsed());
        let wait = if missing.is_empty() { (DEADLINE / 4).saturating_sub(began.elapsed()) } else { left };
        match timeout(wait, office.observations.recv()).await {
            Ok(Some(observation)) => {
                told += 1;
                sound(&observation);
                let from = observation.subject.ip.unwrap();
                if from == peer() {
                    of_liar += 1;
                } else {
                    assert_eq!(from, honest, "{observation:?}");
                    let (source, fact) = (observation.source.word(), format!("{:?}", observation.fact));
                    missing.retain(|name| *name != source || !fact.contains(wanted[name]));
                }
            }
            Ok(None) => panic!("the scanners are gone"),
            Err(_) if missing.is_empty() => break,
            Err(_) => panic!("the liar hid the honest one from {missing:?}; {told} facts, {of_liar} of the liar"),
        }
        most = most.max(resident_kib());
    }
    eprintln!("measured: {told} facts, {of_liar} of the liar, {} KiB more in memory", most.saturating_sub(before));
    assert!(of_liar <= TOLD_MAX, "{of_liar} facts of one liar");
    assert!(most.saturating_sub(before) < GROWTH_MAX_KIB, "{before} KiB became {most} KiB");
    assert!(timeout(std::time::Duration::from_millis(200), trap.accept()).await.is_err(), "another host was asked");
}

/// There once the peers listen.
fn ready() -> std::path::PathBuf {
    std::path::PathBuf::from(std::env::var_os("HOME_DIR").unwrap()).join("ready")
}

/// Short, printable, and no more than what the wire can hold.
fn sound(observation: &Observation) {
    let text = match &observation.fact {
        Fact::Named { name, .. } | Fact::Service { name, .. } => name,
        Fact::Label { value, .. } => value,
        _ => return,
    };
    assert!(text.len() <= 255 && !text.chars().any(char::is_control), "{observation:?}");
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}
