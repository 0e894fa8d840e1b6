//! What Home Assistant may have kept of devices that went while it was down.

use std::{sync::Arc, time::Duration};

use porchlight::{
    model::{DeviceView, HaInfo, HomeView, Tier, Wall},
    mqtt::{Incoming, Link, Site, client::Event},
};

use crate::{
    ALL, ONLINE, example, home,
    mosquitto::{Mosquitto, hears, message, send, until, visitor, wanted},
    running::{Memo, Running},
};

const PHONE: &str = "homeassistant/device/porchlight_7f3a2c_d-7f3k2m/config";

/// Nobody to ask in Home Assistant.
fn site() -> Site {
    Site { ha: HaInfo::default(), ..home::site() }
}

fn without_phone() -> HomeView {
    let mut view = HomeView { revision: 2, ..example() };
    view.devices.remove(&home::phone().id);
    view.tombstones = Arc::new([(home::phone().id, Wall(0))].into());
    view
}

async fn next_at(link: &mut Link, topic: &str) -> Incoming {
    until(link, |event| match event {
        Event::Message(message) if message.topic == topic => Some(message),
        _ => None,
    })
    .await
}

/// Nothing at `topic` for longer than a farewell takes.
async fn silent_at(link: &mut Link, topic: &str, story: &str) {
    let heard = tokio::time::timeout(
        Duration::from_secs(10),
        until(link, |event| match event {
            Event::Message(message) if message.topic == topic => Some(message.payload.len()),
            _ => None,
        }),
    );
    assert_eq!(heard.await.ok(), None, "{story}");
}

#[tokio::test]
async fn a_device_forgotten_while_home_assistant_was_down_gets_one_farewell() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let memo = Memo::default();
    let mut other = visitor(broker.account(), "other", ALL).await;
    let running = Running::at(broker.port, example(), site(), &memo).await;
    hears(&mut other, ONLINE, b"online").await;
    running.view.send_replace(Arc::new(without_phone()));
    hears(&mut other, PHONE, b"").await;
    // Home Assistant is given the time to leave the topics before they are emptied.
    let began = std::time::Instant::now();
    hears(&mut other, "porchlight/home/device/d-7f3k2m/state", b"").await;
    assert!(began.elapsed() >= Duration::from_millis(1_800), "{:?}", began.elapsed());
    // We are killed as well, and remember it.
    running.kill().await;
    let running = Running::at(broker.port, without_phone(), site(), &memo).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    send(&mut other, &message("homeassistant/status", b"online", false)).await;
    let called = next_at(&mut other, PHONE).await;
    let began = std::time::Instant::now();
    assert!(!called.payload.is_empty() && String::from_utf8_lossy(&called.payload).contains("_d-7f3k2m_tracker"));
    let empty = next_at(&mut other, PHONE).await;
    assert!(empty.payload.is_empty() && began.elapsed() >= Duration::from_millis(1_800), "{:?}", began.elapsed());
    let after = visitor(broker.account(), "after", &[PHONE]).await;
    drop(after);
    // It is paid: the next birth is silent.
    send(&mut other, &message("homeassistant/status", b"online", false)).await;
    silent_at(&mut other, PHONE, "once").await;
    assert!(!memo.lock().expect("no panic").clone().expect("told").contains("d-7f3k2m"));
    running.end(true).await;
}

#[tokio::test]
async fn a_device_forgotten_before_the_eyes_of_home_assistant_gets_none() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let mut other = visitor(broker.account(), "other", ALL).await;
    let running = Running::at(broker.port, example(), site(), &Memo::default()).await;
    hears(&mut other, ONLINE, b"online").await;
    send(&mut other, &message("homeassistant/status", b"online", false)).await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    running.view.send_replace(Arc::new(without_phone()));
    hears(&mut other, PHONE, b"").await;
    send(&mut other, &message("homeassistant/status", b"offline", false)).await;
    send(&mut other, &message("homeassistant/status", b"online", false)).await;
    silent_at(&mut other, PHONE, "it saw it go").await;
    running.end(true).await;
}

#[tokio::test]
async fn what_home_assistant_lists_is_laid_to_rest_and_nothing_else() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let mut other = visitor(broker.account(), "other", ALL).await;
    let running = Running::at(broker.port, example(), site(), &Memo::default()).await;
    hears(&mut other, ONLINE, b"online").await;
    // The phone loses most of its entities; Home Assistant is back and still lists one of them.
    let basic = DeviceView { tier: Tier::Basic, ..home::phone() };
    let mut view = HomeView { revision: 2, ..example() };
    view.devices.insert(basic.id, Arc::new(basic));
    running.view.send_replace(Arc::new(view));
    let reduced = next_at(&mut other, PHONE).await.payload;
    running.ha.send_replace(HaInfo {
        ours: ["porchlight_7f3a2c_d-7f3k2m".to_owned()].into(),
        our_entities: [("porchlight_7f3a2c_d-7f3k2m_trust".to_owned(), true)].into(),
        ..home::site().ha
    });
    let called = until(&mut other, |event| match event {
        Event::Message(message)
            if message.topic == PHONE && String::from_utf8_lossy(&message.payload).contains("d-7f3k2m_trust") =>
        {
            Some(message.payload)
        }
        _ => None,
    })
    .await;
    let called: serde_json::Value = serde_json::from_slice(&called).expect("JSON");
    let rows = called["components"].as_object().expect("components");
    let whole: Vec<&str> =
        rows.iter().filter(|(_, row)| row.get("unique_id").is_some()).map(|(key, _)| key.as_str()).collect();
    assert_eq!(whole, ["tracker", "connected", "activity", "threat", "trust"], "only what it lists comes back");
    let back = next_at(&mut other, PHONE).await.payload;
    let stubs = |payload: &[u8]| String::from_utf8_lossy(payload).matches(r#"{"platform":"#).count();
    assert_eq!(stubs(&back), stubs(&reduced));
    assert!(!String::from_utf8_lossy(&back).contains("d-7f3k2m_trust"));
    running.end(true).await;
}
