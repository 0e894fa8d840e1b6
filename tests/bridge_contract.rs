//! The bridge with its real words: the example home of the contract, on a real broker.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise"
)]

#[path = "bridge_contract/announce.rs"]
mod announce;
#[path = "mqtt_golden/changes.rs"]
#[allow(dead_code)]
mod changes;
#[path = "bridge_contract/farewells.rs"]
mod farewells;
#[path = "mqtt_golden/home.rs"]
#[allow(dead_code)]
mod home;
#[path = "bridge_contract/killed.rs"]
mod killed;
#[path = "bridge_contract/large.rs"]
mod large;
#[path = "broker/mosquitto.rs"]
#[allow(dead_code)]
mod mosquitto;
#[path = "bridge_contract/moves.rs"]
mod moves;
#[path = "bridge_contract/operations.rs"]
mod operations;
#[path = "bridge_contract/running.rs"]
mod running;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use mosquitto::{Mosquitto, hears, message, retained, send, until, visitor, wanted};
use porchlight::{
    model::{Answer, Change, Command, HomeView, Refusal, RefusalCode, Trust},
    mqtt::client::Event,
};
use running::Running;

pub const ONLINE: &str = "porchlight/home/bridge/state";
pub const ALL: &[&str] = &["porchlight/#", "homeassistant/#"];

pub fn example() -> HomeView {
    HomeView { revision: 1, instance: home::site().instance, ..home::view() }
}

#[tokio::test]
async fn the_example_home_stands_and_a_restart_adds_nothing() {
    if !wanted() {
        return;
    }
    let mut broker = Mosquitto::open();
    // Somebody else's discovery names the phone's address; an orphan of ours was left behind.
    let mut other = visitor(broker.account(), "other", &[ONLINE]).await;
    let foreign = r#"{"dev":{"cns":[["mac","3c:22:fb:01:02:03"]],"ids":"x"},"uniq_id":"x"}"#;
    send(&mut other, &message("homeassistant/sensor/x/config", foreign.as_bytes(), true)).await;
    let orphan = "homeassistant/device/porchlight_7f3a2c_d-zzzzzz/config";
    send(&mut other, &message(orphan, b"{}", true)).await;
    let running = Running::start(broker.port, example()).await;
    hears(&mut other, ONLINE, b"online").await;
    let first = retained(broker.account(), ALL).await;
    let phone = &first["homeassistant/device/porchlight_7f3a2c_d-7f3k2m/config"];
    assert!(!phone.contains("connections"), "another program has that address");
    assert!(!first.contains_key(orphan), "the orphan went");
    for topic in ["bridge/info", "household/state", "security/state", "device/d-7f3k2m/presence"] {
        assert!(first.contains_key(&format!("porchlight/home/{topic}")), "{topic}");
    }
    running.end(false).await;

    let running = Running::start(broker.port, example()).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(running.counts.sent.load(Ordering::Relaxed), 0, "not a word after a restart");
    broker.kill();
    broker.again();
    let mut other = visitor(broker.account(), "afterwards", &[ONLINE]).await;
    hears(&mut other, ONLINE, b"online").await;
    let mut again = retained(broker.account(), ALL).await;
    // Nobody else published again, so the address is free now.
    let (mut first, config) = (first, "homeassistant/device/porchlight_7f3a2c_d-7f3k2m/config");
    first.remove("homeassistant/sensor/x/config");
    assert!(again.remove(config).is_some() && first.remove(config).is_some());
    assert_eq!(again.keys().collect::<Vec<_>>(), first.keys().collect::<Vec<_>>());
    running.end(true).await;
}

#[tokio::test]
async fn commands_of_home_assistant_reach_the_core_and_are_answered() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let mut running = Running::start(broker.port, example()).await;
    let mut other = visitor(broker.account(), "other", &["porchlight/home/#", "homeassistant/device/+/config"]).await;
    hears(&mut other, ONLINE, b"online").await;

    let trust = "porchlight/home/device/d-7f3k2m/set/trust";
    send(&mut other, &message(trust, b"guest", false)).await;
    let (ticket, command) = running.commands.recv().await.expect("a command");
    assert_eq!(command, Command::Trust { device: home::id("d-7f3k2m"), trust: Trust::Guest });
    let no: Arc<[Change]> =
        vec![Change::Answered { ticket, result: Err(Refusal::new(RefusalCode::NotPermitted, "no")) }].into();
    running.changes.send(no).expect("the bridge listens");
    let mut seen = (false, false);
    until(&mut other, |event| {
        if let Event::Message(message) = event {
            seen.0 |= message.topic == "porchlight/home/response/error";
            seen.1 |= message.topic == "porchlight/home/device/d-7f3k2m/state" && !message.retain;
        }
        (seen == (true, true)).then_some(())
    })
    .await;

    send(&mut other, &message("porchlight/home/request/device/check", br#"{"id":"a1","device":"d-7f3k2m"}"#, false))
        .await;
    let (ticket, command) = running.commands.recv().await.expect("a command");
    assert_eq!(command, Command::Check { device: home::id("d-7f3k2m") });
    let yes: Arc<[Change]> = vec![Change::Answered { ticket, result: Ok(Answer::Done) }].into();
    running.changes.send(yes).expect("the bridge listens");
    let answer = until(&mut other, |event| match event {
        Event::Message(message) if message.topic == "porchlight/home/response/device/check" => Some(message.payload),
        _ => None,
    })
    .await;
    let answer: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
    assert_eq!((&answer["id"], &answer["ok"]), (&"a1".into(), &true.into()));

    let config = "homeassistant/device/porchlight_7f3a2c_d-7f3k2m/config";
    send(&mut other, &message(config, b"", true)).await;
    let (_, command) = running.commands.recv().await.expect("a command");
    assert_eq!(command, Command::Hide { device: home::id("d-7f3k2m"), by_ha: true });
    let mut hidden = example();
    hidden.revision = 2;
    let phone = hidden.devices.get_mut(&home::id("d-7f3k2m")).expect("the phone");
    *phone = Arc::new(porchlight::model::DeviceView {
        hidden: true,
        tier: porchlight::model::Tier::None,
        ..(**phone).clone()
    });
    running.view.send_replace(Arc::new(hidden));
    // Longer than the bridge holds the device back by itself.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(!retained(broker.account(), ALL).await.contains_key(config), "it stays deleted");
    running.end(true).await;
}
