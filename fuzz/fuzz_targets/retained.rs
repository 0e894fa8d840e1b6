//! What a broker may hold before us, whoever wrote it: after a few rounds there is nothing left to say, and nothing is
//! written or cleared that is not ours.
//!
//! Input: messages that a zero byte ends: a byte for where, the topic below it, a line break, the payload.
#![no_main]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use libfuzzer_sys::fuzz_target;
use porchlight::{
    model::{DeviceId, DeviceView, HaInfo, HomeView, LinkMac, Wall},
    mqtt::{
        Commands, Site,
        reconcile::{Published, cleanup, is_ours, moved_from, reconcile},
    },
};

/// Ours twice, another's device of ours by its name, another program's, and what any word may begin.
const PLACES: [&str; 5] = [
    "porchlight/home/",
    "homeassistant/device/porchlight_000007_",
    "homeassistant/device/porchlight_000008_",
    "homeassistant/",
    "",
];
const OURS: [&str; 2] = [PLACES[0], PLACES[1]];
/// Devices of the home.
const KNOWN: [&str; 2] = ["d-aaaaaa", "d-bbbbbb"];

fuzz_target!(|bytes: &[u8]| {
    let mut retained = BTreeMap::new();
    for said in bytes.split(|byte| *byte == 0).take(64) {
        let [place, said @ ..] = said else { continue };
        let Some(at) = said.iter().position(|byte| *byte == b'\n') else { continue };
        let place = PLACES[usize::from(*place) % PLACES.len()];
        retained.insert(format!("{place}{}", String::from_utf8_lossy(&said[..at])), said[at + 1..].to_vec());
    }
    let (view, site) = (home(), site());
    let mut published = Published::collected(retained.clone());
    // Where we are told that we were before, only what looks like ours is cleared.
    for seat in moved_from(&published, &site) {
        assert!(seat.is_plain(), "{seat:?}");
        let places = [format!("{}/{}/", seat.base, seat.node), format!("{}/device/porchlight_000007_", seat.prefix)];
        for message in cleanup(&seat, &site, &published) {
            assert!(message.retain && message.payload.is_empty() && retained.contains_key(&message.topic));
            assert!(places.iter().any(|place| message.topic.starts_with(place)), "{} {seat:?}", message.topic);
        }
    }
    for round in 0.. {
        let sent = reconcile(&view, &site, &published);
        if sent.is_empty() {
            break;
        }
        assert!(round < 8, "no end of it: {sent:?}");
        for message in &sent {
            assert!(OURS.iter().any(|place| message.topic.starts_with(place)), "{}", message.topic);
            assert!(!message.topic.contains(['+', '#', '\0']) || retained.contains_key(&message.topic));
            published.sent(message);
        }
    }
    for (topic, payload) in &retained {
        let is_kept = published.at(topic).is_some_and(|held| held.as_ref() == payload.as_slice());
        assert!(
            is_kept || is_ours(topic, payload, &site) || payload.is_empty() || written(topic, &published),
            "{topic}"
        );
    }
});

/// We speak there ourselves, or took away what a device of the home, of which that is not told, should not have there.
fn written(topic: &str, published: &Published) -> bool {
    let untold = KNOWN.iter().any(|id| topic == format!("{}device/{id}/fast", OURS[0]));
    untold || OURS.iter().any(|place| topic.starts_with(place)) && published.at(topic).is_some()
}

fn site() -> Site {
    Site {
        base: "porchlight".into(),
        node: "home".into(),
        prefix: "homeassistant".into(),
        instance: 7,
        version: "0",
        started: Wall(0),
        mqtt: 5,
        commands: Commands::All,
        link_mac: LinkMac::Auto,
        expose_limit: 40,
        page: None,
        ha: HaInfo::default(),
        foreign_macs: BTreeSet::new(),
    }
}

fn home() -> HomeView {
    let ids = KNOWN.into_iter().filter_map(|id| id.parse::<DeviceId>().ok());
    let devices: BTreeMap<_, _> = ids.map(|id| (id, Arc::new(DeviceView::blank(id)))).collect();
    HomeView { devices, instance: 7, now: Wall(1_700_000_000_000), ..HomeView::default() }
}
