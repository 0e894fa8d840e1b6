//! A large home: one discovery message a device, once.

use std::{
    collections::BTreeMap,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use porchlight::mqtt::client::Event;

use crate::{
    ALL, ONLINE, home,
    large::large,
    mosquitto::{Mosquitto, message, send, until, visitor, wanted},
    running::{Memo, Running},
};

const DEVICES: u32 = 500;
// The retained messages are read back for three seconds at most, and compared at once.
const ALL_READ: Duration = Duration::from_secs(5);

#[tokio::test]
async fn five_hundred_devices_are_announced_once_and_never_again_unchanged() {
    if !wanted() {
        return;
    }
    let mut broker =
        Mosquitto::start("allow_anonymous true\nmax_queued_messages 0\npersistence true\nautosave_interval 60");
    let mut other = visitor(broker.account(), "other", ALL).await;
    let began = Instant::now();
    let memo = Memo::default();
    let mut running = Running::at(broker.port, large(DEVICES), home::site(), &memo).await;
    let mut counts = BTreeMap::<String, u32>::new();
    running.is_up_again().await;
    until(&mut other, |event| {
        let Event::Message(message) = event else { return None };
        let is_last = message.topic == ONLINE && message.payload == b"online";
        *counts.entry(message.topic).or_default() += 1;
        is_last.then_some(())
    })
    .await;
    println!(
        "{DEVICES} devices of 14 entities: {} messages, heard by another client after {:?}",
        counts.len(),
        began.elapsed()
    );
    let configs = counts.keys().filter(|topic| topic.ends_with("/config")).count();
    assert_eq!(configs, DEVICES as usize + 3, "one discovery message a device");
    assert_eq!(counts.values().copied().max(), Some(1), "each topic once");
    let sent = running.counts.sent.load(Ordering::Relaxed);

    // A birth of Home Assistant: everything is there, so nothing is said.
    send(&mut other, &message("homeassistant/status", b"online", false)).await;
    let quiet = |event: Event| match event {
        Event::Message(message) => Some(message.topic),
        _ => None,
    };
    let heard = tokio::time::timeout(Duration::from_secs(9), until(&mut other, quiet)).await;
    assert_eq!((heard.ok(), running.counts.sent.load(Ordering::Relaxed)), (None, sent), "after a birth");
    // The broker is restarted and has kept its store; so are we. Only the word that we are there may
    // be needed again.
    broker.stop();
    broker.again();
    running.is_up_again().await;
    tokio::time::sleep(ALL_READ).await;
    let again = running.counts.sent.load(Ordering::Relaxed) - sent;
    assert!(again <= 1, "{again} messages after a reconnect");
    running.end(false).await;
    let mut running = Running::at(broker.port, large(DEVICES), home::site(), &memo).await;
    running.is_up_again().await;
    tokio::time::sleep(ALL_READ).await;
    let again = running.counts.sent.load(Ordering::Relaxed);
    assert!(again <= 1, "{again} messages after a restart");
    running.end(true).await;
}
