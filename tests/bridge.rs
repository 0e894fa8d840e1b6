//! The bridge, with a small pure half of its own, against a real broker and against the own one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise"
)]

#[path = "bridge/home.rs"]
mod home;
#[path = "bridge/lan.rs"]
mod lan;
#[path = "broker/mosquitto.rs"]
#[allow(dead_code)]
mod mosquitto;
#[path = "bridge/own.rs"]
mod own;
#[path = "bridge/passwords.rs"]
mod passwords;
#[path = "broker/supervisor.rs"]
#[allow(dead_code)]
mod supervisor;

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use home::{Home, device};
use mosquitto::{Mosquitto, PATIENCE, hears, message, retained, send, until, visitor, wanted};
use porchlight::{
    model::{Answer, Change, Command, Health, Presence, Refusal, RefusalCode},
    mqtt::{MqttError, bridge::Told, client::Event},
};

pub const ALL: &[&str] = &["porchlight/#", "homeassistant/#"];
pub const ONLINE: &str = "porchlight/home/bridge/state";

#[tokio::test]
async fn a_home_is_published_kept_and_published_again_to_a_wiped_broker() {
    if !wanted() {
        return;
    }
    let mut broker = Mosquitto::open();
    let mut other = visitor(broker.account(), "other", ALL).await;
    let mut home = Home::start(broker.port, 0x7f_3a2c, true).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    home.shows(&[(device(1), 1), (device(2), 2)]);
    let mut order = Vec::new();
    until(&mut other, |event| {
        if let Event::Message(message) = event {
            order.push(message.topic);
        }
        order.last().filter(|topic| *topic == ONLINE).map(|_| ())
    })
    .await;
    assert_eq!(order.len(), 8, "all of it, and `online` last: {order:?}");
    home.told(|told| matches!(told, Told::Health(Health::Up))).await;
    let before = retained(broker.account(), ALL).await;
    assert_eq!(before.len(), 8);
    broker.kill();
    home.told(|told| matches!(told, Told::Health(Health::Down { advice: Some(_), .. }))).await;
    // Said while it is away: forgotten. Shown while it is away: there afterwards.
    home.moved(device(1), Presence::Away);
    home.shows(&[(device(1), 7), (device(2), 2)]);
    broker.again();
    home.told(|told| matches!(told, Told::Health(Health::Up))).await;
    let mut other = visitor(broker.account(), "another", ALL).await;
    hears(&mut other, ONLINE, b"online").await;
    let after = retained(broker.account(), ALL).await;
    assert_eq!(after.len(), before.len());
    assert_eq!(after[&format!("porchlight/home/device/{}/presence", device(1))], "7");
    assert!(!after.contains_key("porchlight/home/event"));
    home.end(true).await;
    assert_eq!(retained(broker.account(), &[ONLINE]).await[ONLINE], "offline");
}

#[tokio::test]
async fn a_restart_is_silent_and_nothing_is_sent_twice() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let home = Home::start(broker.port, 0x7f_3a2c, true).await;
    home.shows(&[(device(1), 1)]);
    let mut other = visitor(broker.account(), "other", &[ONLINE]).await;
    hears(&mut other, ONLINE, b"online").await;
    home.end(false).await;
    let mut other = visitor(broker.account(), "all", ALL).await;
    let mut home = Home::start(broker.port, 0x7f_3a2c, false).await;
    home.shows(&[(device(1), 1)]);
    home.told(|told| matches!(told, Told::Health(Health::Up))).await;
    // A birth of Home Assistant in between changes nothing either.
    send(&mut other, &message("homeassistant/status", b"online", false)).await;
    let quiet = tokio::time::timeout(
        Duration::from_secs(8),
        until(&mut other, |event| match event {
            Event::Message(message) if !message.retain => Some(message.topic),
            _ => None,
        }),
    );
    assert_eq!(quiet.await.ok(), None, "not a word");
    assert_eq!(home.counts.sent.load(Ordering::Relaxed), 0);
    assert_eq!(retained(broker.account(), &[ONLINE]).await[ONLINE], "online");
    home.end(true).await;
}

#[tokio::test]
async fn a_transition_is_there_within_50_ms_and_the_rest_is_gathered() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let home = Home::start(broker.port, 0x7f_3a2c, true).await;
    home.shows(&[(device(1), 0)]);
    let mut other = visitor(broker.account(), "other", ALL).await;
    hears(&mut other, ONLINE, b"online").await;
    let presence = format!("porchlight/home/device/{}/presence", device(1));
    let mut spans = Vec::new();
    for n in 1..=40 {
        let began = Instant::now();
        // As the core does it: the picture, then the word.
        home.shows(&[(device(1), n)]);
        home.moved(device(1), Presence::Home);
        hears(&mut other, &presence, n.to_string().as_bytes()).await;
        spans.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    spans.sort();
    let p95 = spans[spans.len() * 95 / 100];
    println!("transition to subscriber: p50 {:?}, p95 {p95:?}", spans[spans.len() / 2]);
    assert!(p95 <= Duration::from_millis(50), "{spans:?}");
    // A state that flickers, with nobody waiting: five a second at most.
    let began = Instant::now();
    let state = format!("porchlight/home/device/{}/state", device(1));
    let mut heard = 0;
    for n in 100..200 {
        home.shows(&[(device(1), n)]);
        while let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(10), other.next()).await {
            heard += usize::from(matches!(event, Event::Message(message) if message.topic == state));
        }
    }
    let most = began.elapsed().as_millis() as usize / 200 + 2;
    assert!((1..=most).contains(&heard), "{heard} of at most {most}");
    home.end(true).await;
}

#[tokio::test]
async fn each_request_gets_one_answer() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    // Somebody retained a command: it must never be obeyed.
    let mut other = visitor(broker.account(), "other", &["porchlight/home/response/#", "mine"]).await;
    send(&mut other, &message("porchlight/home/bridge/do", b"restart", true)).await;
    let mut home = Home::start(broker.port, 0x7f_3a2c, true).await;
    home.shows(&[(device(1), 1)]);
    let mut watching = visitor(broker.account(), "watching", &[ONLINE]).await;
    hears(&mut watching, ONLINE, b"online").await;

    let response = "porchlight/home/response/x";
    send(&mut other, &message("porchlight/home/request/info", b"a", false)).await;
    hears(&mut other, response, b"a ok").await;
    send(&mut other, &message("porchlight/home/request/scan", b"b", false)).await;
    let (ticket, command) = home.commands.recv().await.expect("a command");
    assert_eq!(command, Command::ScanNow);
    home.says(Change::Answered { ticket, result: Err(Refusal::new(RefusalCode::NotFound, "no")) });
    hears(&mut other, response, b"b not_found").await;
    home.says(Change::Answered { ticket, result: Ok(Answer::Done) });

    // A refused entity command tells the old state again, so that the switch snaps back.
    let here = format!("porchlight/home/device/{}", device(1));
    let mut switch = visitor(broker.account(), "switch", &[&format!("{here}/state")]).await;
    hears(&mut switch, &format!("{here}/state"), b"1").await;
    send(&mut other, &message(&format!("{here}/set/trust"), b"trusted", false)).await;
    let (ticket, _) = home.commands.recv().await.expect("a command");
    home.says(Change::Answered { ticket, result: Err(Refusal::new(RefusalCode::NotPermitted, "no")) });
    hears(&mut switch, &format!("{here}/state"), b"1").await;
    // The core is busy: four wait in its channel, the fifth is refused at once.
    for n in 0..5 {
        send(&mut other, &message("porchlight/home/request/scan", format!("c{n}").as_bytes(), false)).await;
    }
    hears(&mut other, response, b"c4 busy").await;
    // It never answers those four.
    let began = Instant::now();
    for n in 0..4 {
        hears(&mut other, response, format!("c{n} internal").as_bytes()).await;
    }
    assert!(began.elapsed() < Duration::from_secs(10), "the contract");
    // Faster than any finger.
    for n in 0..60 {
        send(&mut other, &message("porchlight/home/request/info", format!("d{n}").as_bytes(), false)).await;
    }
    let deadline = Instant::now() + PATIENCE;
    while home.counts.commands_dropped.load(Ordering::Relaxed) == 0 {
        assert!(Instant::now() < deadline, "none was dropped");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(home.told.try_recv().is_ok_and(|told| told != Told::Restart), "the retained command was not obeyed");
    while let Ok(told) = home.told.try_recv() {
        assert_ne!(told, Told::Restart);
    }
    // Obeyed as soon as the second is over in which too much was said.
    let deadline = Instant::now() + PATIENCE;
    loop {
        send(&mut other, &message("porchlight/home/bridge/do", b"restart", false)).await;
        let told = tokio::time::timeout(Duration::from_millis(300), home.told.recv()).await;
        if matches!(told, Ok(Some(Told::Restart))) {
            break;
        }
        assert!(Instant::now() < deadline, "never obeyed");
    }
    home.end(true).await;
}

#[tokio::test]
async fn a_device_deleted_in_home_assistant_is_hidden_once() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let mut home = Home::start(broker.port, 0x7f_3a2c, true).await;
    home.shows(&[(device(1), 1), (device(2), 1)]);
    let mut other = visitor(broker.account(), "other", ALL).await;
    hears(&mut other, ONLINE, b"online").await;
    let config = format!("homeassistant/device/porchlight_7f3a2c_{}/config", device(1));
    for _ in 0..3 {
        send(&mut other, &message(&config, b"", true)).await;
    }
    let (_, command) = home.commands.recv().await.expect("a command");
    assert_eq!(command, Command::Hide { device: device(1), by_ha: true });
    // Before the core has hidden it, it must not come back.
    home.shows(&[(device(1), 2), (device(2), 2)]);
    home.moved(device(1), Presence::Home);
    hears(&mut other, &format!("porchlight/home/device/{}/presence", device(1)), b"2").await;
    assert!(!retained(broker.account(), ALL).await.contains_key(&config));
    assert!(home.commands.try_recv().is_err(), "copies are one");
    // An old connection's will is contradicted.
    send(&mut other, &message(ONLINE, b"offline", true)).await;
    hears(&mut other, ONLINE, b"online").await;
    home.end(true).await;
}

#[tokio::test]
async fn two_of_us_do_not_share_a_node() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let first = Home::start(broker.port, 0x00_0001, true).await;
    first.shows(&[]);
    let mut other = visitor(broker.account(), "other", &["porchlight/+/bridge/state"]).await;
    hears(&mut other, ONLINE, b"online").await;
    let mut second = Home::start(broker.port, 0x00_0002, true).await;
    second.shows(&[]);
    assert_eq!(second.told(|told| matches!(told, Told::Node(_))).await, Told::Node("home_2".into()));
    hears(&mut other, "porchlight/home_2/bridge/state", b"online").await;
    let third = Home::start(broker.port, 0x00_0003, false).await;
    let refused = tokio::time::timeout(PATIENCE, third.bridge).await.expect("it ends").expect("no panic");
    let expected = MqttError::Duplicate { node: "home".into(), version: "1".into(), started: "now".into() };
    assert_eq!(refused, Err(expected));
    assert_eq!(retained(broker.account(), &[ONLINE]).await[ONLINE], "online", "the first one stands");
    second.end(true).await;
    first.end(true).await;
}
