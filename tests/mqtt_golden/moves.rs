//! Orphans, other seats, and what Home Assistant keeps of what is gone.

use std::{collections::BTreeSet, sync::Arc};

use porchlight::{
    model::{DeviceId, DeviceView, Tier, Wall},
    mqtt::{
        Publish, Seat, Site,
        reconcile::{Published, cleanup, ghosts, is_ours, leaves_ghost, moved_from, reconcile},
    },
};
use serde_json::Value as Json;

use crate::{home, model::Broker};

#[test]
fn only_our_own_orphans_are_emptied() {
    let site = home::site();
    let gone: DeviceId = home::id("d-aaaaaa");
    let presence = format!(r#"{{"state":"home","in_zones":[],"id":"{gone}"}}"#);
    let state = r#"{"contract":1,"connected":true,"activity":"home"}"#;
    let fast = r#"{"signal":null,"last_seen":"x"}"#;
    let info = |instance: &str| format!(r#"{{"contract":1,"instance":"{instance}"}}"#);
    let leaves = [("presence", presence.as_str()), ("state", state), ("fast", fast)];
    let mut ours: Vec<(String, Vec<u8>)> = leaves
        .iter()
        .map(|(leaf, payload)| (format!("porchlight/home/device/{gone}/{leaf}"), payload.as_bytes().to_vec()))
        .collect();
    ours.push((format!("homeassistant/device/porchlight_7f3a2c_{gone}/config"), b"{}".to_vec()));
    let others: Vec<(String, Vec<u8>)> = [
        ("homeassistant/device/porchlight_aaaaaa_d-aaaaaa/config", "{}"),
        ("homeassistant/device/porchlight_7f3a2c_newer/config", "{}"),
        ("homeassistant/sensor/d-aaaaaa/config", "{}"),
        ("porchlight/home/device/d-aaaaaa/story", "{}"),
        ("porchlight/home/device/d-bbbbbb/state", "not what we write"),
        ("porchlight/home/device/d-bbbbbb/presence", presence.as_str()),
        ("porchlight/home/device/d-aaaaaa/set/trust", "guest"),
        ("porchlight/home/newer/state", "{}"),
        ("porchlight/other/device/d-aaaaaa/state", state),
        ("porchlight/sensor/garage/state", "online"),
    ]
    .map(|(topic, payload)| (topic.to_owned(), payload.as_bytes().to_vec()))
    .into();
    let emptied = |instance: &str| -> Vec<String> {
        let info = ("porchlight/home/bridge/info".to_owned(), info(instance).into_bytes());
        let all = ours.iter().chain(&others).cloned().chain([info]);
        let sent = reconcile(&home::of([]), &site, &Published::collected(all));
        sent.into_iter().filter(|message| message.payload.is_empty()).map(|message| message.topic).collect()
    };
    let mut expected: Vec<String> = ours.iter().map(|(topic, _)| topic.clone()).collect();
    assert_eq!(emptied("7f3a2c").first(), expected.last(), "states are emptied after the discovery");
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    assert_eq!(sorted(emptied("7f3a2c")), sorted(expected.clone()));
    // Somebody else's node: only what bears our instance.
    expected.drain(..3);
    assert_eq!(emptied("aaaaaa"), expected);
    for (topic, payload) in &ours {
        assert!(is_ours(topic, payload, &site), "{topic}");
    }
    for (topic, payload) in &others {
        assert!(!is_ours(topic, payload, &site), "{topic}");
    }
}

/// All retained messages under `seat`.
fn there(broker: &Broker, seat: &Seat) -> Published {
    let (root, discovery) = (format!("{}/{}/", seat.base, seat.node), format!("{}/device/", seat.prefix));
    let held = broker.0.iter().filter(|(topic, _)| topic.starts_with(&root) || topic.starts_with(&discovery));
    Published::collected(held.map(|(topic, payload)| (topic.clone(), payload.clone())))
}

#[test]
fn another_seat_moves_topics_and_no_entity() {
    let (view, old) = (home::view(), home::site());
    let seats = [
        ("node", Seat { node: "cabin".into(), ..old.seat() }),
        ("base", Seat { base: "lights/porch".into(), ..old.seat() }),
        ("prefix", Seat { prefix: "ha".into(), ..old.seat() }),
        ("all", Seat { node: "cabin".into(), base: "x".into(), prefix: "ha".into() }),
    ];
    let entities = |broker: &Broker| -> Vec<(String, String)> {
        let configs = broker.0.iter().filter(|(topic, _)| topic.ends_with("/config"));
        let read = |payload: &[u8]| -> Json { serde_json::from_slice(payload).expect("JSON") };
        configs
            .flat_map(|(_, payload)| read(payload)["components"].as_object().expect("components").clone())
            .map(|(_, row)| (row["unique_id"].to_string(), row["default_entity_id"].to_string()))
            .collect()
    };
    for (what, seat) in seats {
        let new = old.seated(&seat);
        let mut before = Broker::default();
        reconcile(&view, &old, &Published::default()).iter().for_each(|message| before.take(message));
        // Somebody else's, in the same places.
        let others = [
            ("porchlight/home/device/d-7f3k2m/story", "x"),
            ("homeassistant/device/porchlight_aaaaaa_d-7f3k2m/config", "{}"),
        ];
        let published = there(&before, &seat);
        let told = moved_from(&published, &new);
        // Where both the seat of topics and the prefix are others, nothing on the broker tells of it.
        let expected: Vec<Seat> = if what == "all" { Vec::new() } else { vec![old.seat()] };
        assert_eq!(told, expected, "{what}");
        assert_eq!(moved_from(&there(&before, &old.seat()), &old), []);
        let moves: Vec<Publish> = reconcile(&view, &new, &published)
            .into_iter()
            .chain(cleanup(&old.seat(), &new, &there(&before, &old.seat())))
            .collect();
        for cut in 0..=moves.len() {
            let mut broker = before.clone();
            for (topic, payload) in others {
                broker.0.insert(topic.into(), payload.into());
            }
            moves.iter().take(cut).for_each(|message| broker.take(message));
            let mended: Vec<Publish> = reconcile(&view, &new, &there(&broker, &seat))
                .into_iter()
                .chain(cleanup(&old.seat(), &new, &there(&broker, &old.seat())))
                .collect();
            mended.iter().for_each(|message| broker.take(message));
            for (topic, payload) in others {
                assert_eq!(broker.0.remove(topic).as_deref(), Some(payload.as_bytes()), "{what} {cut}: {topic} stays");
            }
            assert_eq!(broker.0.len(), before.0.len(), "{what}, cut after {cut}: {:?}", broker.0.keys());
            assert_eq!(entities(&broker), entities(&before), "{what}, cut after {cut}");
            assert_eq!(cleanup(&old.seat(), &new, &there(&broker, &old.seat())), [], "{what}, cut after {cut}");
        }
    }
}

#[test]
fn a_seat_that_somebody_else_has_taken_keeps_all_but_our_discovery() {
    let (view, ours) = (home::view(), home::site());
    let theirs = Site { instance: 0xaa_aaaa, ..ours.clone() };
    let mut broker = Broker::default();
    reconcile(&view, &theirs, &Published::default()).iter().for_each(|message| broker.take(message));
    let topic = "homeassistant/device/porchlight_7f3a2c_d-7f3k2m/config";
    broker.0.insert(topic.into(), b"{}".to_vec());
    let new = Site { node: "cabin".into(), prefix: "ha".into(), ..ours.clone() };
    let emptied = cleanup(&ours.seat(), &new, &there(&broker, &ours.seat()));
    assert_eq!(emptied.iter().map(|message| message.topic.as_str()).collect::<Vec<_>>(), [topic]);
    // Nor is a seat believed that is none.
    for wild in
        ["porchlight/+/bridge/state", "#/home/bridge/state", "a/sensor/bridge/state", "/home/bridge/state", "home"]
    {
        let bridge = format!(r#"{{"components":{{"online":{{"state_topic":"{wild}"}}}}}}"#);
        let held = [("homeassistant/device/porchlight_7f3a2c_bridge/config".to_owned(), bridge.into_bytes())];
        assert_eq!(moved_from(&Published::collected(held), &ours), [], "{wild}");
    }
}

#[test]
fn what_went_while_home_assistant_was_down_is_laid_to_rest() {
    let (gone, other, phone) = (home::id("d-aaaaaa"), home::id("d-bbbbbb"), home::phone().id);
    let mut view = home::of([home::phone(), home::spy(), home::router()]);
    view.tombstones = Arc::new([(gone, Wall(1)), (other, Wall(1))].into());
    let mut published = Published::default();
    for message in reconcile(&view, &home::site(), &published.clone()) {
        published.sent(&message);
    }
    let listed = |ids: &[DeviceId]| {
        let mut site = home::site();
        site.ha.ours = ids.iter().map(|id| format!("porchlight_7f3a2c_{id}")).collect();
        site
    };
    let unasked = |mut site: Site| {
        site.ha.connected = false;
        site
    };
    let none = BTreeSet::new();
    let spy = home::spy().id;
    let cases: &[(&str, Site, BTreeSet<DeviceId>, &[DeviceId])] = &[
        ("listed and forgotten", listed(&[gone, phone]), none.clone(), &[gone]),
        ("listed and without entities", listed(&[spy, phone]), none.clone(), &[spy]),
        ("owed, but not listed", listed(&[]), [gone].into(), &[]),
        ("owed, and nobody to ask", unasked(listed(&[])), [gone].into(), &[gone]),
        ("nobody to ask, nothing owed", unasked(listed(&[gone])), none.clone(), &[]),
        ("owed, and announced again", unasked(listed(&[])), [phone].into(), &[]),
    ];
    for (case, site, owed, expected) in cases {
        let rest = ghosts(&view, site, &published, owed);
        let topics: Vec<&str> = rest.iter().map(|(full, _)| full.topic.as_str()).collect();
        let expected: Vec<String> =
            expected.iter().map(|id| format!("homeassistant/device/porchlight_7f3a2c_{id}/config")).collect();
        assert_eq!(topics, expected, "{case}");
        for (full, empty) in &rest {
            assert_eq!(full.topic, empty.topic, "{case}");
            assert!(!full.retain && !full.payload.is_empty() && empty.retain && empty.payload.is_empty(), "{case}");
        }
    }
}

#[test]
fn entities_that_went_while_home_assistant_was_down_are_laid_to_rest() {
    let mut site = home::site();
    let topic = "homeassistant/device/porchlight_7f3a2c_d-7f3k2m/config";
    let mut published = Published::default();
    let mut ghost = Vec::new();
    for tier in [Tier::Full, Tier::Basic] {
        let view = home::of([DeviceView { tier, ..home::phone() }]);
        for message in reconcile(&view, &site, &published.clone()) {
            ghost.extend(leaves_ghost(&message, &published, &site));
            published.sent(&message);
        }
    }
    assert_eq!(ghost, [home::phone().id], "once, with the lower tier");
    let view = home::of([DeviceView { tier: Tier::Basic, ..home::phone() }]);
    let owed: BTreeSet<DeviceId> = ghost.into_iter().collect();
    // Of a release long ago, and unknown to this one.
    let mut held: Json = serde_json::from_slice(&published.at(topic).expect("announced")).expect("JSON");
    for (key, platform) in [("old_select", "select"), ("old_event", "event"), ("old_sensor", "sensor")] {
        held["components"][key] = serde_json::json!({"platform": platform});
    }
    let held = held.to_string().into_bytes();
    let published = Published::collected([(topic.to_owned(), held.clone())]);

    site.ha.ours = ["porchlight_7f3a2c_d-7f3k2m".to_owned()].into();
    assert_eq!(ghosts(&view, &site, &published, &owed), [], "Home Assistant lists none of them");
    site.ha.our_entities = [("porchlight_7f3a2c_d-7f3k2m_signal".to_owned(), false)].into();
    let called = |site: &Site| -> Vec<String> {
        let rest = ghosts(&view, site, &published, &owed);
        let [(full, back)] = rest.as_slice() else { panic!("one, not {}", rest.len()) };
        assert_eq!((full.retain, back.retain, &back.payload), (false, true, &held));
        let full: Json = serde_json::from_slice(&full.payload).expect("JSON");
        let rows = full["components"].as_object().expect("components");
        let whole = rows.iter().filter(|(key, row)| {
            row.get("unique_id").is_some() && {
                let is_new =
                    serde_json::from_slice::<Json>(&held).expect("JSON")["components"][key].get("unique_id").is_none();
                if is_new
                    && matches!(row["platform"].as_str(), Some("select" | "number" | "button" | "switch" | "text"))
                {
                    assert!(row.get("command_topic").is_some(), "{key}: {row}");
                }
                is_new
            }
        });
        whole.map(|(key, _)| key.clone()).collect()
    };
    assert_eq!(called(&site), ["signal"], "only what it lists");
    site.ha.connected = false;
    assert_eq!(called(&site).len(), 13, "all of them, with nobody to ask");
}

/// Whatever somebody else put at a topic of ours: it is replaced, and nothing else is touched.
#[test]
fn broken_payloads_at_our_topics_are_mended() {
    let (view, site) = (home::view(), home::site());
    let mut broker = Broker::default();
    reconcile(&view, &site, &Published::default()).iter().for_each(|message| broker.take(message));
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(50_000));
    let wild =
        r#"{"device":{"connections":[1]},"components":{"tracker":{"default_entity_id":7,"platform":"x"},"+":{}}}"#;
    let kinds: &[(&str, &[u8])] = &[
        ("not UTF-8", b"\xff\xfe\x00"),
        ("a word", b"on"),
        ("a number", b"1e999"),
        ("null", b"null"),
        ("an empty object", b"{}"),
        ("an empty list", b"[]"),
        ("cut short", br#"{"state":"home","in_zones":["#),
        ("lists without end", deep.as_bytes()),
        ("long", long.as_bytes()),
        (
            "other types",
            br#"{"state":1,"in_zones":null,"since":[],"id":{},"contract":"1","instance":7,"components":3}"#,
        ),
        ("wild discovery", wild.as_bytes()),
    ];
    for topic in broker.0.keys() {
        for (kind, payload) in kinds {
            let mut held = broker.0.clone();
            held.insert(topic.clone(), payload.to_vec());
            let sent = reconcile(&view, &site, &Published::collected(held.clone()));
            let topics: Vec<&str> = sent.iter().map(|message| message.topic.as_str()).collect();
            assert_eq!(topics, [topic.as_str()], "{kind}");
            sent.iter().for_each(|message| drop(held.insert(message.topic.clone(), message.payload.clone())));
            assert!(reconcile(&view, &site, &Published::collected(held)).is_empty(), "{topic}: {kind}");
        }
    }
}
