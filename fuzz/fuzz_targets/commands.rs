//! What anybody with an account on the broker may ask: understood or refused, and answered once, where it may be.
//!
//! Input: a byte for what is permitted, and whether it is retained; then, each ended by a line break, the topic below
//! our own and the topic for the answer; then the payload.
#![no_main]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use libfuzzer_sys::fuzz_target;
use porchlight::{
    model::{Answer, Command, DeviceId, DeviceView, HaInfo, HomeView, LinkMac, Wall},
    mqtt::{
        Commands, Incoming, Site,
        commands::{Wish, answer, parse},
        topics::{Topics, may_answer_on},
    },
};

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.get(1..).unwrap_or_default().splitn(3, |byte| *byte == b'\n');
    let (Some(topic), Some(response), Some(payload)) = (parts.next(), parts.next(), parts.next()) else { return };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let site = site(bytes[0]);
    let view = home();
    let asked_to = text(response);
    let message = Incoming {
        topic: format!("porchlight/home/{}", text(topic)),
        payload: payload.to_vec(),
        retain: bytes[0] & 4 != 0,
        response_topic: (!asked_to.is_empty()).then(|| asked_to.clone()),
        correlation: Some(vec![7]),
    };
    let Some((reply, wish)) = parse(&message, &view, &site) else { return };
    assert!(!message.retain, "old news are no orders");
    // Nobody makes us write where others read states, orders or discovery.
    if reply.correlation.is_some() {
        assert!(reply.topic == asked_to && may_answer_on(&asked_to, &site), "{asked_to}");
    } else {
        assert!(reply.topic.starts_with("porchlight/home/"), "{}", reply.topic);
    }
    assert!(!reply.topic.contains(['+', '#', '\0']) && reply.id.as_ref().is_none_or(|id| id.chars().count() <= 64));
    match &wish {
        Ok(Wish::Command(command)) => {
            assert_ne!(site.commands, Commands::None);
            let is_final = matches!(command, Command::Forget { .. } | Command::Merge { .. });
            assert!(!is_final || site.commands == Commands::All, "{command:?}");
        }
        Ok(Wish::Restart) => assert_eq!(site.commands, Commands::All),
        Ok(Wish::Republish) => assert_ne!(site.commands, Commands::None),
        Ok(Wish::Answer(_)) | Err(_) => {}
    }
    let is_refused = wish.is_err();
    let said = answer(&reply, &wish.map(|_| Answer::Done), &site);
    assert_eq!(said.is_some(), reply.is_request || is_refused);
    if let Some(said) = said {
        assert!(!said.retain && said.topic == reply.topic);
        let body: serde_json::Value = serde_json::from_slice(&said.payload).expect("an answer is JSON");
        assert!(body.is_object());
        // A byte takes six at most where JSON must write it as a number, and is said twice at most.
        assert!(said.payload.len() <= 12 * payload.len() + (16 << 10), "{} of {}", said.payload.len(), payload.len());
    }
    let topics = Topics::new(&site);
    let _any = (topics.kept(&message.topic), topics.config_of(&message.topic));
});

fn site(mode: u8) -> Site {
    Site {
        base: "porchlight".into(),
        node: "home".into(),
        prefix: "homeassistant".into(),
        instance: 7,
        version: "0",
        started: Wall(0),
        mqtt: 5,
        commands: [Commands::All, Commands::Safe, Commands::None, Commands::All][usize::from(mode & 3)],
        link_mac: LinkMac::Auto,
        expose_limit: 40,
        page: None,
        ha: HaInfo::default(),
        foreign_macs: BTreeSet::new(),
    }
}

/// Two devices with ids that a fuzzer finds.
fn home() -> HomeView {
    let ids = ["d-aaaaaa", "d-bbbbbb"].into_iter().filter_map(|id| id.parse::<DeviceId>().ok());
    let devices: BTreeMap<_, _> = ids.map(|id| (id, Arc::new(DeviceView::blank(id)))).collect();
    HomeView { devices, ..HomeView::default() }
}
