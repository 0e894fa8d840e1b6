//! A broker that forgets nothing, and a home that changes all the time: whatever was sent, lost or
//! cut short, in the end the broker holds what it should and nothing else.

use std::{collections::BTreeMap, sync::Arc};

use porchlight::{
    model::{DeviceId, DeviceView, HomeView, Tier},
    mqtt::{
        Publish,
        reconcile::{self, Published, reconcile},
    },
};
use serde_json::Value as Json;

use crate::{
    changes::{Dice, change, check},
    home,
};

/// The retained set.
#[derive(Default, Clone, PartialEq, Debug)]
pub struct Broker(pub BTreeMap<String, Vec<u8>>);

impl Broker {
    pub fn take(&mut self, message: &Publish) {
        assert!(message.retain, "{}", message.topic);
        if message.payload.is_empty() {
            assert!(self.0.remove(&message.topic).is_some(), "{} was empty already", message.topic);
        } else {
            let old = self.0.insert(message.topic.clone(), message.payload.clone());
            assert_ne!(old.as_ref(), Some(&message.payload), "{} was so already", message.topic);
        }
    }
    fn collected(&self) -> Published {
        Published::collected(self.0.clone())
    }
}

#[test]
fn a_thousand_changes_leave_what_should_be_and_nothing_else() {
    let site = home::site();
    for seed in 1..=2 {
        let (mut dice, mut minted) = (Dice(seed * 0x9E37_79B9), 0);
        let (mut broker, mut published, mut view) = (Broker::default(), Published::default(), home::of([]));
        for step in 0..1_000 {
            let story = format!("seed {seed} step {step}: {}", change(&mut view, &mut dice, &mut minted));
            for message in reconcile(&view, &site, &published) {
                broker.take(&message);
                published.sent(&message);
            }
            check(&broker.0, &view, &story);
            let again = reconcile(&view, &site, &published);
            assert!(again.is_empty(), "{story}: sent again {:?}", again.iter().map(|m| &m.topic).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_kill_after_any_message_is_mended_by_the_next_start() {
    let site = home::site();
    let (mut dice, mut minted) = (Dice(77), 0);
    let (mut broker, mut view) = (Broker::default(), home::of([]));
    let mut kills = 0;
    for step in 0..250 {
        // Changes while we are off, too.
        let mut story = format!("step {step}");
        for _ in 0..=dice.roll(3) {
            story += &format!(", {}", change(&mut view, &mut dice, &mut minted));
        }
        let messages = reconcile(&view, &site, &broker.collected());
        for cut in 0..=messages.len() {
            // Every cut is tried; each start after it must complete the same home.
            let mut cut_short = broker.clone();
            messages[..cut].iter().for_each(|message| cut_short.take(message));
            let mut published = cut_short.collected();
            for message in reconcile(&view, &site, &published.clone()) {
                cut_short.take(&message);
                published.sent(&message);
            }
            check(&cut_short.0, &view, &format!("{story}, killed after {cut} of {}", messages.len()));
            assert!(reconcile(&view, &site, &cut_short.collected()).is_empty(), "{story}, killed after {cut}");
            kills += 1;
        }
        let survivor = dice.roll(messages.len() + 1);
        messages[..survivor].iter().for_each(|message| broker.take(message));
    }
    assert!(kills > 1_000, "{kills}");
}

#[test]
fn a_broker_that_lost_everything_gets_everything() {
    let (view, site) = (home::view(), home::site());
    let first = reconcile(&view, &site, &Published::default());
    let mut broker = Broker::default();
    first.iter().for_each(|message| broker.take(message));
    assert!(reconcile(&view, &site, &broker.collected()).is_empty());
    assert_eq!(reconcile(&view, &site, &Published::collected([])), first);
    // The will fired: the rest stands.
    broker.0.insert("porchlight/home/bridge/state".into(), b"offline".to_vec());
    let back = reconcile(&view, &site, &broker.collected());
    assert_eq!(back.iter().map(|m| m.topic.as_str()).collect::<Vec<_>>(), ["porchlight/home/bridge/state"]);
}

/// A large home is handed over in waves, of which none is large, and which are the whole together.
#[test]
fn waves_are_the_whole() {
    let site = home::site();
    let phones = (0..300u32).map(|n| DeviceView { id: DeviceId::mint(7, n), tier: Tier::Full, ..home::phone() });
    let view = home::of(phones);
    let whole = reconcile(&view, &site, &Published::default());
    let (mut published, mut waves, mut all) = (Published::default(), 0, Vec::new());
    loop {
        let wave = reconcile::wave(&view, &site, &published);
        let bytes: usize = wave.messages.iter().map(|message| message.payload.len()).sum();
        assert!(bytes < 100_000, "{bytes} bytes in wave {waves}");
        let online = |message: &Publish| message.topic == "porchlight/home/bridge/state";
        assert_eq!(wave.messages.iter().any(online), wave.is_last, "all of the home stands before it is online");
        wave.messages.iter().for_each(|message| published.sent(message));
        all.extend(wave.messages);
        waves += 1;
        if wave.is_last {
            break;
        }
    }
    assert!((10..60).contains(&waves), "{waves} waves");
    assert!(reconcile(&view, &site, &published).is_empty());
    let sorted = |mut list: Vec<Publish>| {
        list.sort_by(|a, b| a.topic.cmp(&b.topic));
        list
    };
    assert!(sorted(all) == sorted(whole), "each message once, as without waves");
}

#[test]
fn a_rename_is_one_payload_that_keeps_the_entity_ids() {
    let site = home::site();
    let mut published = Published::default();
    let mut view = home::of([home::phone()]);
    let mut deliver = |view: &HomeView| -> Vec<Publish> {
        let sent = reconcile(view, &site, &published);
        sent.iter().for_each(|message| published.sent(message));
        sent
    };
    deliver(&view);
    let phone = DeviceView { name: "Ben's phone".into(), ..home::phone() };
    view.devices.insert(phone.id, Arc::new(phone));
    let sent = deliver(&view);
    let topics: Vec<&str> = sent.iter().map(|message| message.topic.as_str()).collect();
    assert_eq!(
        topics,
        ["homeassistant/device/porchlight_7f3a2c_d-7f3k2m/config", "porchlight/home/device/d-7f3k2m/state"]
    );
    let text = String::from_utf8(sent[0].payload.clone()).expect("UTF-8");
    assert!(text.contains("Ben's phone") && text.contains("device_tracker.anna_s_phone") && !text.contains("ben_s"));
}

#[test]
fn entities_that_go_are_told_to_go() {
    let site = home::site();
    let mut published = Published::default();
    for message in reconcile(&home::of([home::phone()]), &site, &published.clone()) {
        published.sent(&message);
    }
    let mut components = |tier| -> Vec<(String, bool)> {
        let view = home::of([DeviceView { tier, ..home::phone() }]);
        reconcile(&view, &site, &published.clone()).iter().for_each(|message| published.sent(message));
        let config = published.at("homeassistant/device/porchlight_7f3a2c_d-7f3k2m/config").expect("announced");
        let config: Json = serde_json::from_slice(&config).expect("JSON");
        let rows = config["components"].as_object().expect("components");
        rows.iter().map(|(key, row)| (key.clone(), row.as_object().is_some_and(|row| row.len() == 1))).collect()
    };
    let full = components(Tier::Full);
    assert!(full.len() == 14 && full.iter().all(|(_, is_stub)| !is_stub));
    let basic = components(Tier::Basic);
    assert_eq!((basic.len(), basic.iter().filter(|(_, is_stub)| *is_stub).count()), (14, 10));
    assert_eq!(components(Tier::Basic), basic);
    assert_eq!(components(Tier::Full), full);
}

#[test]
fn what_somebody_else_wrote_into_our_discovery_breaks_nothing() {
    let site = home::site();
    let topic = "homeassistant/device/porchlight_7f3a2c_d-7f3k2m/config";
    let hostile = r#"{"components":{"x":{"platform":"evil"},"../y":{"platform":"sensor"},"z":{"platform":"switch"},"tracker":7}}"#;
    for old in
        [hostile.as_bytes(), b"\xff", b"[]", b"{\"components\":[]}", b"{\"device\":{\"connections\":[1,[\"mac\"]]}}"]
    {
        let published = Published::collected([(topic.to_owned(), old.to_vec())]);
        let sent = reconcile(&home::of([home::phone()]), &site, &published);
        let config = sent.iter().find(|message| message.topic == topic).expect("replaced");
        let config: Json = serde_json::from_slice(&config.payload).expect("JSON");
        let rows = config["components"].as_object().expect("components");
        assert!(!rows.contains_key("x") && !rows.contains_key("../y"), "{rows:?}");
        assert_eq!(rows["tracker"]["platform"], "device_tracker");
    }
}
