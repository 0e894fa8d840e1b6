//! The first list of a home: real programs at one switch, each in a network namespace of its own, and the daemon as a
//! user starts it. Within a minute it has to know 95 % of what is true, and nothing that is not.
//!
//! Prints what was found of each program, in the shape of the table of `docs/measured.md`. Needs root and `ip`; without
//! them, or with PORCHLIGHT_FAST=1, it says why it skips; so it does for each program that is not installed. Nothing
//! leaves the namespaces.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may stop at the first surprise")]
#![allow(clippy::disallowed_methods, reason = "a test measures its own patience")]

#[path = "first_list/peers.rs"]
mod peers;
#[path = "first_list/street.rs"]
mod street;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use peers::Peer;
use serde_json::Value;
use street::Street;

/// "Within a minute of the first start."
const FIRST_LIST: Duration = Duration::from_secs(60);
const SHARE: f64 = 0.95;

#[test]
fn within_a_minute_the_list_is_there_and_nothing_is_invented() {
    let Some(mut street) = Street::build() else { return };
    let peers = peers::start(&mut street);
    let folder = street.folder.join("porchlight");
    fs::create_dir_all(&folder).unwrap();
    // What a program says while it starts is not what a home of a quiet evening says.
    peers::settle(&street, &peers);

    let began = Instant::now();
    let log = fs::File::create(folder.join("log")).unwrap();
    let mut command = porchlight(&street, &folder);
    street.keep(command.arg("run").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap());

    let all: usize = peers.iter().map(|peer| peer.facts().len()).sum();
    let (mut enough, mut told, mut complete) = (None, BTreeMap::new(), BTreeMap::new());
    while began.elapsed() < FIRST_LIST {
        std::thread::sleep(Duration::from_millis(250));
        told = devices(&street, &folder);
        let known = |peer: &Peer| found(peer, &told).len();
        let found: usize = peers.iter().map(known).sum();
        if enough.is_none() && found as f64 >= SHARE * all as f64 {
            enough = Some(began.elapsed());
        }
        for peer in &peers {
            if !complete.contains_key(peer.program) && known(peer) == peer.facts().len() {
                complete.insert(peer.program, began.elapsed());
            }
        }
        if found == all {
            break;
        }
    }

    let mut missed = Vec::new();
    for peer in &peers {
        let (known, facts) = (found(peer, &told), peer.facts());
        let invented = invented(peer, &told);
        println!(
            "measured: | {} {} | {} | {} of {} | {} | {} |",
            peer.program,
            peer.version(),
            peer.speaks,
            known.len(),
            facts.len(),
            invented.len(),
            complete.get(peer.program).map_or("-".to_owned(), |took| format!("{:.1} s", took.as_secs_f64())),
        );
        missed.extend(facts.into_iter().filter(|fact| !known.contains(fact)).map(|fact| (peer.program, fact)));
        assert!(invented.is_empty(), "invented of {}: {invented:?}", peer.program);
    }
    let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
    let took = enough.unwrap_or_else(|| panic!("of {all} facts these are missing: {missed:?}\n{}", log()));
    println!("measured: 95 % of {all} facts after {:.1} s; missing after all: {missed:?}", took.as_secs_f64());
    let true_macs: BTreeSet<String> = peers.iter().map(Peer::mac).chain([street.own_mac()]).collect();
    let strangers: Vec<_> = told.iter().filter(|(mac, _)| !true_macs.contains(*mac)).collect();
    assert!(strangers.is_empty(), "invented devices: {strangers:?}");
}

/// Which of the truths about `peer` are told of it.
fn found(peer: &Peer, told: &BTreeMap<String, Value>) -> Vec<String> {
    let Some(device) = told.get(&peer.mac()) else { return Vec::new() };
    let text = device.to_string();
    peer.facts().into_iter().filter(|fact| text.contains(fact.as_str())).collect()
}

/// Open ports that are told and not there.
fn invented(peer: &Peer, told: &BTreeMap<String, Value>) -> Vec<u64> {
    let Some(device) = told.get(&peer.mac()) else { return Vec::new() };
    let services = device["device"]["services"].as_array().cloned().unwrap_or_default();
    let tcp = services.iter().filter(|service| service["proto"] == "tcp").filter_map(|s| s["port"].as_u64());
    tcp.filter(|port| !peer.ports.iter().any(|open| u64::from(*open) == *port)).collect()
}

fn porchlight(street: &Street, folder: &Path) -> Command {
    let config = folder.join("config.yaml");
    if !config.exists() {
        // No broker: what is known does not hang on one.
        fs::write(&config, "network: {interfaces: [home0]}\nmqtt: {url: 'mqtt://127.0.0.1:1883'}\n").unwrap();
    }
    let mut command = street.within(&street.near, env!("CARGO_BIN_EXE_porchlight"));
    command.arg("--config").arg(config).arg("--state-dir").arg(folder.join("state"));
    command
}

/// By MAC: all that `explain device` tells of it.
fn devices(street: &Street, folder: &Path) -> BTreeMap<String, Value> {
    let ask = |words: &[&str]| -> Option<Value> {
        let done = porchlight(street, folder).args(words).arg("--json").output().ok()?;
        serde_json::from_slice(&done.stdout).ok()
    };
    let list = ask(&["devices"]).unwrap_or_default();
    let list = list["devices"].as_array().or(list.as_array()).cloned().unwrap_or_default();
    let ids = list.iter().filter_map(|device| device["id"].as_str().or(device["device"].as_str()).map(str::to_owned));
    ids.filter_map(|id| {
        let told = ask(&["explain", "device", &id])?;
        let mac = told["device"]["macs"][0].as_str().unwrap_or(&id).to_owned();
        Some((mac, told))
    })
    .collect()
}
