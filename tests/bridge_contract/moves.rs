//! Another node, base or prefix: at the end the broker holds one home and nothing of the other,
//! however often and wherever we were killed in between.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use porchlight::mqtt::{Account, Seat, Site};

use crate::{
    example, home,
    mosquitto::{Mosquitto, PATIENCE, hears, message, retained, send, visitor, wanted},
    running::{Memo, Running},
};

const EVERYTHING: &[&str] = &["porchlight/#", "lights/porch/#", "homeassistant/#", "ha/#"];

fn seat(base: &str, node: &str, prefix: &str) -> Seat {
    Seat { base: base.into(), node: node.into(), prefix: prefix.into() }
}

/// What must be there at `seat`, from what is there at the first one.
fn moved(first: &BTreeMap<String, String>, seat: &Seat) -> Vec<String> {
    let mut topics: Vec<String> = first
        .keys()
        .map(|topic| match topic.strip_prefix("porchlight/home/") {
            Some(rest) => format!("{}/{}/{rest}", seat.base, seat.node),
            None => topic.replacen("homeassistant", &seat.prefix, 1),
        })
        .collect();
    topics.sort();
    topics
}

/// Waits until the broker holds those topics and no others.
async fn holds(account: Account, wanted: &[String], story: &str) {
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        let held: Vec<String> = retained(account.clone(), EVERYTHING).await.into_keys().collect();
        if held == wanted {
            return;
        }
        let (wrong, missing): (Vec<_>, Vec<_>) = (
            held.iter().filter(|topic| !wanted.contains(topic)).collect(),
            wanted.iter().filter(|topic| !held.contains(topic)).collect(),
        );
        assert!(std::time::Instant::now() < end, "{story}: orphans {wrong:?}, missing {missing:?}");
    }
}

#[tokio::test]
async fn a_renamed_home_leaves_nothing_behind() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let memo = Memo::default();
    let mut other = visitor(broker.account(), "other", &["+/+/bridge/state", "+/+/+/bridge/state"]).await;
    let running = Running::at(broker.port, example(), home::site(), &memo).await;
    hears(&mut other, "porchlight/home/bridge/state", b"online").await;
    let first = retained(broker.account(), EVERYTHING).await;
    assert!(first.len() > 15, "{first:?}");
    running.end(true).await;
    let moves = [
        ("another node", seat("porchlight", "cabin", "homeassistant")),
        ("another prefix", seat("porchlight", "cabin", "ha")),
        ("all of it", seat("lights/porch", "shed", "homeassistant")),
        ("and back", seat("porchlight", "home", "homeassistant")),
    ];
    for (story, seat) in moves {
        let site = home::site().seated(&seat);
        let running = Running::at(broker.port, example(), site.clone(), &memo).await;
        let online = format!("{}/{}/bridge/state", seat.base, seat.node);
        hears(&mut other, &online, b"online").await;
        holds(broker.account(), &moved(&first, &seat), story).await;
        running.end(true).await;
        // The second start there finds the other seat empty, and has nothing to say but `online`.
        let running = Running::at(broker.port, example(), site, &memo).await;
        hears(&mut other, &online, b"online").await;
        assert_eq!(running.counts.sent.load(Ordering::Relaxed), 1, "{story}");
        let text = memo.lock().expect("no panic").clone().expect("told");
        assert_eq!(text.matches("prefix").count(), 1, "{story}: {text}");
        running.end(true).await;
    }
}

#[tokio::test]
async fn a_rename_survives_being_killed_anywhere() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let memo = Memo::default();
    let mut other = visitor(broker.account(), "other", &["porchlight/home/bridge/state"]).await;
    let running = Running::at(broker.port, example(), home::site(), &memo).await;
    hears(&mut other, "porchlight/home/bridge/state", b"online").await;
    let first = retained(broker.account(), EVERYTHING).await;
    running.kill().await;
    let seats = [
        seat("porchlight", "cabin", "homeassistant"),
        seat("porchlight", "cabin", "ha"),
        seat("lights/porch", "shed", "ha"),
        seat("porchlight", "home", "homeassistant"),
    ];
    let start = |seat: &Seat| Running::at(broker.port, example(), home::site().seated(seat), &memo);
    // Each start is under another name than the one before, and each but the last is killed: before
    // it spoke, after its first words, in the middle, while the old is being emptied.
    for (n, words) in [0, 1, 5, 12, 19, 21, 24, 29, 34].into_iter().enumerate() {
        let running = start(&seats[n % seats.len()]).await;
        let end = std::time::Instant::now() + Duration::from_secs(5);
        while running.counts.sent.load(Ordering::Relaxed) < words && std::time::Instant::now() < end {
            tokio::task::yield_now().await;
        }
        running.kill().await;
    }
    let last = seat("porchlight", "villa", "homeassistant");
    let running = start(&last).await;
    holds(broker.account(), &moved(&first, &last), "after nine kills").await;
    running.end(true).await;
}

#[tokio::test]
async fn without_a_store_the_broker_tells_where_we_were_and_others_keep_theirs() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let mut other = visitor(broker.account(), "other", &["+/+/bridge/state"]).await;
    let running = Running::start(broker.port, example()).await;
    hears(&mut other, "porchlight/home/bridge/state", b"online").await;
    let first = retained(broker.account(), EVERYTHING).await;
    running.kill().await;
    let theirs = [
        ("porchlight/home/story", "x"),
        ("porchlight/home/device/d-zzzzzz/state", "not what we write"),
        ("homeassistant/device/porchlight_aaaaaa_d-7f3k2m/config", "{}"),
    ];
    for (topic, payload) in theirs {
        send(&mut other, &message(topic, payload.as_bytes(), true)).await;
    }
    let cabin = seat("porchlight", "cabin", "homeassistant");
    let site = Site { node: "cabin".into(), ..home::site() };
    let running = Running::at(broker.port, example(), site, &Memo::default()).await;
    let mut expected = moved(&first, &cabin);
    expected.extend(theirs.map(|(topic, _)| topic.to_owned()));
    expected.sort();
    holds(broker.account(), &expected, "no memo").await;
    running.end(true).await;
}
