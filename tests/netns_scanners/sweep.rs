//! Whole networks asked: by ARP with and without rights, and by IPv6.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv6Addr,
    process::Command,
    sync::Arc,
    time::Duration,
};

use pnet::datalink::{self, Channel, Config, DataLinkReceiver};
use porchlight::{
    capture::{self, Filter, Ring},
    model::{Fact, MacAddr, NetworkFacts, Proof},
};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    home::{DEADLINE, DEVICES, Home, clock, ip_of, mac_of},
    office::{arp_reply, office},
};

#[test]
fn a_sweep_with_capture_finds_every_device() {
    let Some(home) = Home::build("sweep") else { return };
    home.run(None, "sweep::inner_sweep_with_capture");
    match Command::new("ip").args(["netns", "exec", &home.near, "arp-scan", "-I", "home0", "10.77.0.0/24"]).output() {
        Ok(peer) => {
            let text = String::from_utf8_lossy(&peer.stdout);
            eprintln!("measured arp-scan: {}", text.lines().last().unwrap_or_default());
        }
        Err(_) => eprintln!("arp-scan is not installed: nothing to compare with"),
    }
}

#[test]
fn one_look_around_ends_when_its_scanners_have_and_not_when_time_is_up() {
    let Some(home) = Home::build("scan") else { return };
    let state = tempfile::tempdir().unwrap();
    let at_most = DEADLINE.as_secs().to_string();
    let done = Command::new("ip")
        .args(["netns", "exec", &home.near, "timeout", &at_most, env!("CARGO_BIN_EXE_porchlight"), "--state-dir"])
        .arg(state.path())
        .args(["--json", "scan", "--only", "arp_sweep,capture", "--for", "3600"])
        .output()
        .unwrap();
    assert!(done.status.success(), "still looking after {at_most} s, or {}", String::from_utf8_lossy(&done.stderr));
    let said: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let text = said["devices"].to_string();
    let missed: Vec<_> = (0..DEVICES).map(ip_of).filter(|ip| !text.contains(&format!("\"{ip}\""))).collect();
    assert!(missed.is_empty(), "{missed:?} not in {text}");
}

#[test]
fn a_user_without_rights_finds_every_device_through_the_kernel() {
    let Some(home) = Home::build("nobody") else { return };
    home.run(Some("65534"), "sweep::inner_sweep_by_the_kernel");
}

#[test]
fn neighbours_of_ipv6_answer_the_group() {
    let Some(home) = Home::build("nd") else { return };
    home.run(None, "sweep::inner_nd_sweep");
}

/// A host asks from a prefix as soon as it has an address there, not at the next round.
#[test]
fn everybody_is_asked_from_a_prefix_that_has_just_come() {
    let Some(home) = Home::build("prefix") else { return };
    home.run(None, "sweep::inner_new_prefix");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs inside a namespace"]
async fn inner_new_prefix() {
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut office = office(None).await;
    let _heard = office.listen();
    let mut wire = own_frames("home0");
    let running = office.start("nd_sweep");
    let line = timeout(DEADLINE, office.health.recv()).await.unwrap().unwrap();
    assert_eq!(line.health.word(), "ok", "{line:?}");
    let own: Ipv6Addr = "fd77::1".parse().unwrap();
    office.facts.send_modify(|facts| {
        let mut now = NetworkFacts::clone(facts);
        let home = now.interfaces.iter_mut().find(|interface| interface.name == "home0").unwrap();
        home.addresses.push(own.into());
        home.subnets.push("fd77::/64".parse().unwrap());
        *facts = Arc::new(now);
    });
    let asked = tokio::task::spawn_blocking(move || {
        let until = Instant::now() + DEADLINE;
        while Instant::now() < until {
            // A wait that is over is an error, too.
            let Ok(frame) = wire.next() else { continue };
            if frame.get(22..38) == Some(&own.octets()) && frame.get(54) == Some(&128) {
                return true;
            }
        }
        false
    });
    assert!(asked.await.unwrap(), "nobody was asked from {own}");
    running.abort();
}

/// What this host sends, as the wire has it.
fn own_frames(name: &str) -> Box<dyn DataLinkReceiver> {
    let interface = datalink::interfaces().into_iter().find(|interface| interface.name == name).unwrap();
    let config = Config { promiscuous: false, read_timeout: Some(Duration::from_millis(100)), ..Config::default() };
    match datalink::channel(&interface, config).unwrap() {
        Channel::Ethernet(_, receiver) => receiver,
        _ => panic!("an Ethernet channel"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs inside a namespace"]
async fn inner_sweep_with_capture() {
    let mut office = office(Some(1)).await;
    let mut batches = office.listen();
    let began = Instant::now();
    let running = office.start("arp_sweep");
    let line = timeout(DEADLINE, office.health.recv()).await.unwrap().unwrap();
    let swept = began.elapsed();
    assert_eq!(line.health.word(), "ok", "{line:?}");
    let mut found = BTreeMap::new();
    while found.len() < DEVICES.into() {
        let batch = timeout(DEADLINE, batches.recv()).await.expect("every device answers").unwrap();
        found.extend(batch.frames().filter_map(|frame| arp_reply(frame.bytes)));
    }
    eprintln!(
        "measured sweep of a /24: asked in {:.1} ms, {} devices known after {:.1} ms",
        swept.as_secs_f64() * 1e3,
        found.len(),
        began.elapsed().as_secs_f64() * 1e3
    );
    let expected: BTreeMap<_, _> = (0..DEVICES).map(|device| (ip_of(device), mac_of(device))).collect();
    assert_eq!(found, expected);
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs inside a namespace"]
async fn inner_sweep_by_the_kernel() {
    assert!(!capture::missing().is_empty(), "this is about a user without rights");
    let refused = Ring::open("home0", &Filter::home(), &capture::Settings::default(), clock).unwrap_err();
    assert!(refused.is_fatal() && refused.advice().is_some_and(|advice| advice.contains("setcap")), "{refused}");
    let mut office = office(None).await;
    office.start("netlink");
    let began = Instant::now();
    office.start("arp_sweep");
    let mut found = BTreeMap::new();
    office
        .until(|observation| {
            if let Fact::Alive { proof: Proof::NeighbourReachable, age } = observation.fact {
                assert!(age < DEADLINE);
                found.insert(observation.subject.ip.unwrap(), observation.subject.mac.unwrap());
            }
            assert!(!matches!(observation.fact, Fact::Unanswered { .. }), "nobody known is silent: {observation:?}");
            found.len() >= DEVICES.into()
        })
        .await;
    eprintln!(
        "measured sweep by the kernel as an ordinary user: {} devices after {:.1} s",
        found.len(),
        began.elapsed().as_secs_f64()
    );
    let expected: BTreeMap<_, _> = (0..DEVICES).map(|device| (ip_of(device), mac_of(device))).collect();
    assert_eq!(found, expected);
    // What was found can be asked one by one as well; who is not there fails, and nothing is made of it.
    let line = timeout(DEADLINE, async {
        loop {
            let line = office.health.recv().await.unwrap();
            if line.name == "arp_sweep" {
                return line;
            }
        }
    });
    assert_eq!(line.await.unwrap().health.word(), "degraded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs inside a namespace"]
async fn inner_nd_sweep() {
    // Duplicate address detection takes a second or two; then the link-local address may be used.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let office = office(Some(1)).await;
    let mut batches = office.listen();
    let running = office.start("nd_sweep");
    let (mut echoed, mut complained) = (BTreeSet::new(), BTreeSet::new());
    let until = Instant::now() + DEADLINE;
    while echoed.len() < DEVICES.into() || complained.len() < DEVICES.into() {
        let batch = timeout_at(until, batches.recv())
            .await
            .unwrap_or_else(|_| panic!("{} echoes, {} complaints", echoed.len(), complained.len()))
            .unwrap();
        for frame in batch.frames().filter(|frame| frame.bytes.get(12..14) == Some(&[0x86, 0xdd])) {
            let mac = MacAddr(frame.bytes[6..12].try_into().unwrap());
            match frame.bytes.get(54) {
                Some(129) => drop(echoed.insert(mac)),
                // Parameter problem, code 2: unrecognised option (RFC 4443 §3.4).
                Some(4) if frame.bytes.get(55) == Some(&2) => drop(complained.insert(mac)),
                _ => {}
            }
        }
    }
    let expected: BTreeSet<_> = (0..DEVICES).map(mac_of).collect();
    assert!(echoed.is_superset(&expected) && complained.is_superset(&expected), "{echoed:?} {complained:?}");
    running.await.unwrap();
}
