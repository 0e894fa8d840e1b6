//! What this host's own scanners see of real listeners, connections and programs, in two network namespaces.
//!
//! Needs root and `ip`; without root, or with PORCHLIGHT_FAST=1, each test says why it skips. A test starts this same
//! program inside the namespace for the part that looks (`inner_*`, ignored otherwise).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may stop at the first surprise")]

#[path = "discovery_scanners/home.rs"]
#[allow(dead_code, reason = "each test file uses a part")]
mod home;

use std::{
    io::Read as _,
    net::{TcpListener, TcpStream, UdpSocket},
    process::Command,
    sync::Arc,
    time::Duration,
};

use home::{DEADLINE, Home, Office, office, peer};
use porchlight::model::{Fact, OwnPrograms, OwnSockets, Source};
use tokio::time::timeout;

const NEAR: &str = "10.78.0.1";

#[test]
fn listeners_connections_and_their_programs_are_seen() {
    let Some(mut home) = Home::build("own") else { return };
    home.stranger("inner_caller");
    home.run("inner_own");
}

#[test]
fn an_ordinary_user_sees_all_sockets_and_its_own_programs() {
    let Some(home) = Home::build("user") else { return };
    // Another user's listener, and one of its own.
    let mut other = Command::new("ip")
        .args(["netns", "exec", &home.near])
        .arg(copy(&home))
        .args(["inner_listener", "--exact", "--ignored", "--nocapture"])
        .spawn()
        .unwrap();
    let done = Command::new("ip")
        .args(["netns", "exec", &home.near, "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(copy(&home))
        .args(["inner_user", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .unwrap();
    drop(other.kill());
    drop(other.wait());
    let out = String::from_utf8_lossy(&done.stdout);
    assert!(out.contains("1 passed"), "{out}\n{}", String::from_utf8_lossy(&done.stderr));
}

/// This program where everybody may run it.
fn copy(home: &Home) -> std::path::PathBuf {
    let to = home.dir.join("program");
    if !to.exists() {
        std::fs::copy(std::env::current_exe().unwrap(), &to).unwrap();
    }
    to
}

/// Calls the near side until somebody answers, and holds the line.
#[test]
#[ignore = "runs inside a namespace"]
fn inner_caller() {
    loop {
        if let Ok(mut stream) = TcpStream::connect((NEAR, 8123)) {
            drop(stream.read(&mut [0; 1]));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_listener() {
    let listener = TcpListener::bind("0.0.0.0:7000").unwrap();
    for stream in listener.incoming() {
        drop(stream);
    }
}

async fn sockets(office: &mut Office, fits: impl Fn(&OwnSockets) -> bool) -> Arc<OwnSockets> {
    let mut last = None;
    let found = timeout(DEADLINE, async {
        while let Some(seen) = office.observations.recv().await {
            if let Fact::Sockets(sockets) = seen.fact {
                assert!(seen.subject.mac.is_some() && seen.source == Source::Sockets, "this host, by its address");
                if fits(&sockets) {
                    return Some(sockets);
                }
                last = Some(sockets);
            }
        }
        None
    });
    found.await.ok().flatten().unwrap_or_else(|| panic!("{last:?}"))
}

async fn programs(office: &mut Office, fits: impl Fn(&OwnPrograms) -> bool) -> Arc<OwnPrograms> {
    let mut last = None;
    let found = timeout(DEADLINE, async {
        while let Some(seen) = office.observations.recv().await {
            if let Fact::Programs(programs) = seen.fact {
                if fits(&programs) {
                    return Some(programs);
                }
                last = Some(programs);
            }
        }
        None
    });
    found.await.ok().flatten().unwrap_or_else(|| panic!("{last:?}"))
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_own() {
    let open = TcpListener::bind("0.0.0.0:8123").unwrap();
    let _private = TcpListener::bind("127.0.0.1:631").unwrap();
    let _six = TcpListener::bind("[::]:1883").unwrap();
    let _datagrams = UdpSocket::bind("0.0.0.0:5353").unwrap();
    let _passing = UdpSocket::bind("0.0.0.0:40123").unwrap();
    let (line, from) = open.accept().unwrap();
    assert_eq!(from.ip(), peer());
    let mut office = office().await;
    office.start("sockets");
    let found = sockets(&mut office, |found| !found.connections.is_empty()).await;
    let mut open: Vec<_> = found.open().collect();
    open.sort_unstable();
    assert_eq!(open, [(false, 5353), (true, 1883), (true, 8123)], "{found:?}");
    assert!(found.listeners.iter().any(|l| l.is_private() && l.at.port() == 631), "{found:?}");
    let with = &found.by_peer()[&peer()];
    assert!(with.iter().any(|c| c.accepted && c.own.port() == 8123 && c.peer == from), "{with:?}");
    let mut services = Vec::new();
    while services.len() < 3 {
        let seen = timeout(DEADLINE, office.observations.recv()).await.expect("three services").unwrap();
        if let Fact::Service { tcp, port, name } = seen.fact {
            services.push((tcp, port, name));
        }
    }
    services.sort();
    let services: Vec<_> = services.iter().map(|(tcp, port, name)| (*tcp, *port, name.as_str())).collect();
    assert_eq!(services, [(false, 5353, "mdns"), (true, 1883, "mqtt"), (true, 8123, "home-assistant")]);

    office.start("processes");
    let own = std::process::id();
    let seen = programs(&mut office, |found| found.programs.iter().any(|program| program.pid == own)).await;
    let program = seen.programs.iter().find(|program| program.pid == own).unwrap();
    assert_eq!(program.listeners.len(), 5 - 1, "all but the passing one: {program:?}");
    assert!(program.connections.iter().any(|c| c.accepted && c.peer == from), "{program:?}");
    assert_eq!(program.exe.as_deref(), Some(&*std::env::current_exe().unwrap().to_string_lossy()));
    assert!(program.arguments.contains("inner_own") && !program.deleted && program.uid == 0, "{program:?}");
    assert!(program.parent.as_ref().is_some_and(|(_, name)| !name.is_empty()), "{program:?}");
    drop(line);
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_user() {
    let _own = TcpListener::bind("0.0.0.0:7001").unwrap();
    let mut office = office().await;
    office.parts.rounds = None;
    let settings: porchlight::scanners::Settings = serde_json::from_str(
        r#"{"sockets": {"enabled": true, "interval": "5s"}, "processes": {"enabled": true, "interval": "5s"}}"#,
    )
    .unwrap();
    office.settings = settings;
    office.start("sockets");
    let both = |found: &OwnSockets| [7000, 7001].iter().all(|port| found.open().any(|open| open == (true, *port)));
    let found = sockets(&mut office, both).await;
    let uid = |port: u16| found.listeners.iter().find(|l| l.at.port() == port).unwrap().uid;
    assert_eq!((uid(7000), uid(7001)), (0, 65_534), "whose it is, the kernel tells everybody");
    office.start("processes");
    let seen = programs(&mut office, |found| found.unseen > 0).await;
    assert!(seen.programs.iter().all(|program| program.uid == 65_534), "{seen:?}");
    assert!(seen.programs.iter().any(|program| program.pid == std::process::id()), "{seen:?}");
}
