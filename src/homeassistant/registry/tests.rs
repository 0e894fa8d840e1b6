//! Registries as Home Assistant 2026.2 and 2026.11 list them, shortened, and odd ones.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const INSTANCE: u32 = 0x7f_3a2c;

fn lists(devices: Value, entities: Value, areas: Value, persons: Value) -> Lists {
    let array = |value: Value| value.as_array().cloned();
    Lists {
        config: Some(json!({"version": "2026.11.0"})),
        devices: array(devices),
        entities: array(entities),
        areas: array(areas),
        persons: Some(persons),
    }
}

fn names(reading: &Reading) -> Vec<HaName> {
    reading.facts.iter().find_map(|f| if let HaFact::Names(n) = f { Some(n.clone()) } else { None }).unwrap_or_default()
}

fn areas(reading: &Reading) -> Vec<(String, Option<String>)> {
    let areas = reading.facts.iter().find_map(|f| if let HaFact::Areas(a) = f { Some(a) } else { None });
    areas.into_iter().flatten().map(|(id, area)| (id.to_string(), area.clone())).collect()
}

fn kitchen() -> Value {
    json!([{"area_id": "kitchen", "name": "Kitchen", "floor_id": null}, {"area_id": "hall", "name": "Hall"}])
}

#[test]
fn a_foreign_device_gives_its_name_and_area() {
    let device = json!({"id": "a1", "name": "Shelly 1", "name_by_user": null, "area_id": "kitchen",
        "identifiers": [["shelly", "aabb"]], "connections": [["mac", "B8:27:EB:01:02:03"], ["upnp", "x"]],
        "configuration_url": "http://192.168.7.20:80/"});
    let got = names(&read(&lists(json!([device]), json!([]), kitchen(), json!({})), &Trackers::new(), INSTANCE));
    assert_eq!(
        got,
        [HaName {
            name: Some("Shelly 1".into()),
            by_user: false,
            area: Some("Kitchen".into()),
            macs: vec!["b8:27:eb:01:02:03".parse().unwrap()],
            ips: vec!["192.168.7.20".parse().unwrap()],
            hosts: vec![],
            rank: 3,
            ours: None,
        }]
    );
}

#[test]
fn names_rank_by_who_says_them() {
    let cases = [
        ("the maker", json!([["shelly", "x"]]), None, 3),
        ("a router", json!([["unifi", "x"]]), None, 2),
        ("somebody's MQTT", json!([["mqtt", "x"]]), None, 1),
        ("no identifier, a router's entity", json!([]), Some("fritz"), 2),
        ("no identifier, a maker's entity", json!([]), Some("hue"), 3),
        ("nothing at all", json!([]), None, 1),
    ];
    for (case, identifiers, platform, expected) in cases {
        let device =
            json!({"id": "a", "name": "N", "identifiers": identifiers, "connections": [["mac", "b8:27:eb:01:02:03"]]});
        let entities =
            platform.map_or(json!([]), |p| json!([{"entity_id": "sensor.x", "device_id": "a", "platform": p}]));
        let got = names(&read(&lists(json!([device]), entities, json!([]), json!({})), &Trackers::new(), INSTANCE));
        assert_eq!(got.iter().map(|n| n.rank).collect::<Vec<_>>(), [expected], "{case}");
    }
}

#[test]
fn ours_are_known_and_what_we_published_is_never_a_name() {
    let device = |id: &str, identifier: &str, area: Value| {
        json!({"id": id, "name": "N", "name_by_user": null, "area_id": area,
            "identifiers": [["mqtt", identifier]], "connections": [["mac", "b8:27:eb:01:02:03"]]})
    };
    let devices = json!([
        device("1", "porchlight_7f3a2c_d-7f3k2m", json!("kitchen")),
        device("2", "porchlight_7f3a2c_d-9q2w2x", Value::Null),
        device("3", "porchlight_7f3a2c_bridge", json!("hall")),
        device("4", "porchlight_000001_d-7f3k2m", json!("hall")),
    ]);
    let entity = |platform: &str, unique: &str, disabled: Value| json!({"entity_id": "sensor.x", "device_id": "1", "platform": platform, "unique_id": unique, "disabled_by": disabled});
    let entities = json!([
        entity("mqtt", "porchlight_7f3a2c_d-7f3k2m_signal", json!("integration")),
        entity("mqtt", "porchlight_7f3a2c_d-7f3k2m_tracker", Value::Null),
        entity("mqtt", "porchlight_000001_d-7f3k2m_tracker", Value::Null),
        entity("unifi", "porchlight_7f3a2c_d-7f3k2m_x", Value::Null),
    ]);
    let reading = read(&lists(devices, entities, kitchen(), json!({})), &Trackers::new(), INSTANCE);
    assert_eq!(names(&reading), []);
    let entities: Vec<(&str, bool)> = reading.info.our_entities.iter().map(|(id, on)| (id.as_str(), *on)).collect();
    assert_eq!(entities, [("porchlight_7f3a2c_d-7f3k2m_signal", false), ("porchlight_7f3a2c_d-7f3k2m_tracker", true)]);
    assert_eq!(areas(&reading), [("d-7f3k2m".into(), Some("Kitchen".into())), ("d-9q2w2x".into(), None)]);
    let ours: Vec<&str> = reading.info.ours.iter().map(String::as_str).collect();
    assert_eq!(ours, ["porchlight_7f3a2c_bridge", "porchlight_7f3a2c_d-7f3k2m", "porchlight_7f3a2c_d-9q2w2x"]);
}

#[test]
fn a_device_merged_with_ours_by_an_older_release_is_ours() {
    let device = json!({"id": "1", "name": "Router's word", "identifiers": [["unifi", "x"], ["mqtt", "porchlight_7f3a2c_d-7f3k2m"]],
        "connections": [["mac", "b8:27:eb:01:02:03"]], "area_id": "hall"});
    let reading = read(&lists(json!([device]), json!([]), kitchen(), json!({})), &Trackers::new(), INSTANCE);
    assert_eq!(names(&reading), []);
    assert_eq!(areas(&reading), [("d-7f3k2m".into(), Some("Hall".into()))]);
}

#[test]
fn of_ours_only_what_a_person_typed_is_a_name() {
    let device = |id: &str, identifier: &str, typed: &str| {
        json!({"id": id, "name": "N", "name_by_user": typed, "identifiers": [["mqtt", identifier]],
            "connections": [["mac", "b8:27:eb:01:02:03"]]})
    };
    let devices = json!([
        device("1", "porchlight_7f3a2c_d-7f3k2m", "Anna's phone"),
        device("2", "porchlight_7f3a2c_d-9q2w2x", ""),
        device("3", "porchlight_7f3a2c_bridge", "Watcher"),
        device("4", "porchlight_000001_d-7f3k2m", "Another installation's"),
    ]);
    let reading = read(&lists(devices, json!([]), json!([]), json!({})), &Trackers::new(), INSTANCE);
    let typed =
        HaName { name: Some("Anna's phone".into()), by_user: true, ours: "d-7f3k2m".parse().ok(), ..HaName::default() };
    assert_eq!(names(&reading), [typed]);
}

#[test]
fn macs_of_other_programs_mqtt_devices_are_told() {
    let device = |identifiers: Value, mac: &str| json!({"id": mac, "name": "N", "identifiers": identifiers, "connections": [["mac", mac]]});
    let devices = json!([
        device(json!([["mqtt", "others"]]), "b8:27:eb:01:02:01"),
        device(json!([["mqtt", "porchlight_7f3a2c_d-7f3k2m"]]), "b8:27:eb:01:02:02"),
        device(json!([["mqtt", "porchlight_7f3a2c_d-9q2w2x"], ["mqtt", "merged"]]), "b8:27:eb:01:02:03"),
        device(json!([["shelly", "x"]]), "b8:27:eb:01:02:04"),
    ]);
    let reading = read(&lists(devices, json!([]), json!([]), json!({})), &Trackers::new(), INSTANCE);
    let macs: Vec<String> = reading.info.mqtt_macs.iter().map(MacAddr::to_string).collect();
    assert_eq!(macs, ["b8:27:eb:01:02:01", "b8:27:eb:01:02:03"]);
}

#[test]
fn a_child_device_is_where_its_parent_is() {
    let devices = json!([
        {"id": "p", "name": "Strip", "area_id": "hall", "identifiers": [["hue", "p"]], "connections": [["mac", "b8:27:eb:01:02:03"]]},
        {"id": "c", "name": "Socket", "parent_device_id": "p", "identifiers": [["hue", "c"]], "configuration_url": "http://10.0.0.9"},
        {"id": "x", "name": "Ring", "parent_device_id": "x", "identifiers": [["hue", "x"]], "configuration_url": "http://10.0.0.8"},
    ]);
    let got = names(&read(&lists(devices, json!([]), kitchen(), json!({})), &Trackers::new(), INSTANCE));
    let places: Vec<_> = got.iter().map(|n| (n.name.as_deref().unwrap(), n.area.as_deref())).collect();
    assert_eq!(places, [("Strip", Some("Hall")), ("Socket", Some("Hall")), ("Ring", None)]);
}

#[test]
fn a_routers_tracker_tells_mac_address_and_host() {
    let devices = json!([{"id": "r", "name": "Anna's tablet", "identifiers": [["fritz", "r"]], "connections": []}]);
    let entities = json!([{"entity_id": "device_tracker.tablet", "device_id": "r", "platform": "fritz", "unique_id": "1"},
        {"entity_id": "device_tracker.ours", "device_id": "o", "platform": "mqtt", "unique_id": "2"},
        {"entity_id": "device_tracker.off", "device_id": "o", "platform": "fritz", "disabled_by": "user"},
        {"entity_id": "person.anna", "platform": "person"}, {"entity_id": "sun.sun"}]);
    let attributes = json!({"mac": "B8-27-EB-01-02-03", "ip": "192.168.7.31", "host_name": "annas-tab\u{0}let", "source_type": "router"});
    let trackers = Trackers::from([("device_tracker.tablet".to_owned(), Tracker::read(&attributes))]);
    let reading = read(&lists(devices, entities, json!([]), json!({})), &trackers, INSTANCE);
    let got = names(&reading);
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].macs, ["b8:27:eb:01:02:03".parse().unwrap()]);
    assert_eq!(got[0].ips, ["192.168.7.31".parse::<IpAddr>().unwrap()]);
    assert_eq!((got[0].hosts.as_slice(), got[0].rank), (["annas-tab let".to_owned()].as_slice(), 2));
    let watch: Vec<&str> = reading.watch.iter().map(String::as_str).collect();
    assert_eq!(watch, ["device_tracker.tablet", "person.anna"]);
}

#[test]
fn persons_own_the_devices_whose_trackers_they_hold() {
    let entities = json!([
        {"entity_id": "device_tracker.renamed_by_user", "platform": "mqtt", "unique_id": "porchlight_7f3a2c_d-7f3k2m_tracker"},
        {"entity_id": "device_tracker.other_instance", "platform": "mqtt", "unique_id": "porchlight_000001_d-7f3k2m_tracker"},
        {"entity_id": "device_tracker.fake", "platform": "template", "unique_id": "porchlight_7f3a2c_d-9q2w2x_tracker"},
        {"entity_id": "sensor.activity", "platform": "mqtt", "unique_id": "porchlight_7f3a2c_d-7f3k2m_activity"},
    ]);
    let persons = json!({"storage": [
            {"id": "anna", "name": "Anna", "device_trackers": ["device_tracker.renamed_by_user", "device_tracker.gps", 7, "device_tracker.fake"]},
            {"id": "ben", "name": "Ben", "device_trackers": null}, {"name": 3}, null, {"name": "\u{202e}"}],
        "config": [{"id": "c", "name": "Clara", "device_trackers": ["device_tracker.other_instance", "sensor.activity"]}]});
    let reading = read(&lists(json!([]), entities, json!([]), persons), &Trackers::new(), INSTANCE);
    let persons = reading.facts.iter().find_map(|f| if let HaFact::Persons(p) = f { Some(p) } else { None }).unwrap();
    let shown: Vec<_> = persons.iter().map(|p| (p.name.as_str(), p.devices.len())).collect();
    assert_eq!(shown, [("Anna", 1), ("Ben", 0), ("Clara", 0)]);
    assert_eq!(persons[0].devices[0].to_string(), "d-7f3k2m");
}

#[test]
fn a_list_that_did_not_come_gives_no_fact() {
    let device =
        json!([{"id": "a", "name": "N", "identifiers": [["hue", "x"]], "connections": [["mac", "b8:27:eb:01:02:03"]]}]);
    let full = || lists(device.clone(), json!([]), kitchen(), json!({}));
    let kinds = |lists: &Lists| {
        let word = |fact: &HaFact| match fact {
            HaFact::Names(_) => 'n',
            HaFact::Areas(_) => 'a',
            HaFact::Persons(_) => 'p',
            HaFact::Ears(_) => 'e',
            HaFact::Contact(_) | HaFact::Located(_) => 'x',
            HaFact::Tracker(_) => 't',
        };
        read(lists, &Trackers::new(), INSTANCE).facts.iter().map(word).collect::<String>()
    };
    assert_eq!(kinds(&full()), "nap");
    assert_eq!(kinds(&Lists { devices: None, ..full() }), "p");
    assert_eq!(kinds(&Lists { areas: None, ..full() }), "p");
    assert_eq!(kinds(&Lists { entities: None, ..full() }), "na");
    assert_eq!(kinds(&Lists { persons: None, ..full() }), "na");
    assert_eq!(kinds(&Lists::default()), "");
}

#[test]
fn apps_that_send_positions_are_those_of_persons_and_no_services() {
    let entities = json!([
        {"entity_id": "device_tracker.pixel", "platform": "mobile_app"}, {"entity_id": "device_tracker.old", "platform": "owntracks"},
        {"entity_id": "device_tracker.cloud", "platform": "icloud"}, {"entity_id": "device_tracker.nobodys", "platform": "mobile_app"},
        {"entity_id": "device_tracker.ours", "platform": "mqtt", "unique_id": "porchlight_7f3a2c_d-7f3k2m_tracker"}]);
    let persons = json!({"storage": [
        {"name": "Anna", "device_trackers": ["device_tracker.pixel", "device_tracker.cloud", "device_tracker.ours", 5]},
        {"name": "Ben", "device_trackers": ["device_tracker.pixel", "device_tracker.old"]}], "config": []});
    let mut lists = lists(json!([]), entities, json!([]), persons);
    lists.config = Some(json!({"version": "2026.11.0", "latitude": 52.0, "longitude": 5}));
    let reading = read(&lists, &Trackers::new(), INSTANCE);
    let shown: Vec<String> = reading.apps.iter().map(|(app, who)| format!("{app} {}", who.join("+"))).collect();
    assert_eq!(shown, ["device_tracker.old Ben", "device_tracker.pixel Anna+Ben"]);
    assert_eq!(reading.home, Some((52.0, 5.0)));
    lists.config = Some(json!({"latitude": "52", "longitude": null}));
    assert_eq!(read(&lists, &Trackers::new(), INSTANCE).home, None);
}

#[test]
fn ears_have_the_areas_of_their_devices() {
    let devices = json!([
        {"id": "s", "area_id": "kitchen", "identifiers": [["mqtt", "porchlight_aa0001_sensor_garage"]]},
        {"id": "t", "area_id": null, "identifiers": [["mqtt", "porchlight_aa0001_sensor_attic"]]},
        {"id": "p", "area_id": "hall", "identifiers": [["esphome", "x"]], "connections": [["mac", "a0:b7:65:01:02:01"]]},
        {"id": "r", "area_id": null, "via_device_id": "p", "identifiers": [], "connections": [["bluetooth", "A0:B7:65:01:02:03"]]},
        {"id": "h", "area_id": "kitchen", "identifiers": [], "connections": [["bluetooth", "00:1A:7D:DA:71:13"]]},
        {"id": "n", "via_device_id": "nobody", "connections": [["bluetooth", "00:1A:7D:DA:71:14"]]}]);
    let reading = read(&lists(devices, json!([]), kitchen(), json!({})), &Trackers::new(), INSTANCE);
    let radios: Vec<String> = reading.adapters.iter().map(|(mac, room)| format!("{mac} {room}")).collect();
    assert_eq!(radios, ["00:1a:7d:da:71:13 Kitchen", "a0:b7:65:01:02:03 Hall"]);
    let ears = reading.facts.iter().find_map(|f| if let HaFact::Ears(ears) = f { Some(ears.clone()) } else { None });
    assert_eq!(ears, Some(vec![("garage".to_owned(), "Kitchen".to_owned())]));
}

#[test]
fn odd_entries_are_passed_over_alone() {
    let good = json!({"id": "g", "name": "Good", "identifiers": [["hue", "g"]], "connections": [["mac", "b8:27:eb:01:02:03"]]});
    let devices = json!([null, 1, "x", [], {}, {"id": 4, "name": {}}, {"connections": "mac"}, {"connections": [["mac"], [1, 2], ["mac", "nope"]]},
        {"name": "no way to match"}, {"id": "b", "name": "Group MAC", "connections": [["mac", "ff:ff:ff:ff:ff:ff"]]},
        {"id": "l", "name": "Here", "configuration_url": "http://127.0.0.1/"}, {"id": "u", "name": "U", "configuration_url": "http://[bad"}, good]);
    let entities = json!([null, {"entity_id": 1}, {"entity_id": "person.x"}, {"device_id": []}]);
    let area_list =
        json!([null, {"area_id": "a"}, {"name": "b"}, {"area_id": 1, "name": "c"}, {"area_id": "k", "name": ""}]);
    let reading = read(&lists(devices, entities, area_list, json!([])), &Trackers::new(), INSTANCE);
    let shown: Vec<_> = names(&reading).into_iter().filter_map(|n| n.name).collect();
    assert_eq!(shown, ["Good"]);
    assert!(reading.info.areas.is_empty());
}

#[test]
fn releases_read_as_year_and_month() {
    let cases = [
        ("2026.11.0", Some((2026, 11))),
        ("2026.2.3", Some((2026, 2))),
        ("2026.12.0.dev20261120", Some((2026, 12))),
        ("2026.8b1", None),
        ("", None),
        ("unknown", None),
        ("99999999.1", None),
    ];
    for (version, expected) in cases {
        assert_eq!(release(version), expected, "{version}");
    }
}

const KEYS: &[&str] = &[
    "id",
    "area_id",
    "name",
    "name_by_user",
    "identifiers",
    "connections",
    "parent_device_id",
    "entity_id",
    "unique_id",
    "platform",
    "device_id",
    "device_trackers",
    "configuration_url",
    "storage",
    "config",
];
const WORDS: &[&str] = &[
    "mqtt",
    "mac",
    "porchlight_7f3a2c_d-7f3k2m",
    "porchlight_7f3a2c_d-7f3k2m_tracker",
    "b8:27:eb:01:02:03",
    "person.a",
    "device_tracker.a",
    "http://10.0.0.1",
    "a",
    "",
];

/// JSON with the keys and words that the reading looks for, in any shape.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        proptest::sample::select(WORDS).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((proptest::sample::select(KEYS), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_breaks_the_reading(devices in any_json(), entities in any_json(), area_list in any_json(), persons in any_json()) {
        let mut all = lists(devices, entities, area_list, persons.clone());
        all.config = Some(persons);
        let reading = read(&all, &Trackers::new(), INSTANCE);
        for name in names(&reading) {
            prop_assert!(!name.macs.is_empty() || !name.ips.is_empty() || !name.hosts.is_empty());
        }
    }
}
