//! What holds for every home, however hostile its names.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use porchlight::{
    model::{
        AlertState, AlertView, Change, DeviceId, DeviceView, Health, HomeView, Household, MacAddr, PartId, PartView,
        PersonId, ScannerView, Severity, Tier, Wall,
    },
    mqtt::{
        Publish, Site,
        entities::{self, Config, Scope},
        reconcile::{Published, events, reconcile},
        topics::{self, Place, Thing, Topics},
    },
};
use proptest::prelude::*;
use serde_json::Value as Json;

use crate::home;

const HOSTILE: &[&str] = &[
    "../../etc/passwd",
    "+",
    "#",
    "a/b/+/#",
    "nul\u{0}nul",
    "\u{202e}drawkcab",
    "🦀🦀🦀",
    "{{ 7*7 }}",
    "{% raw %}",
    "\"},\"components\":{\"x\":{\"platform\":\"sensor\"}}",
    "IP",
    "a",
    "name",
    "",
    " ",
    "ligne\r\nzwei",
];

fn hostile_names() -> Vec<String> {
    let mut names: Vec<String> = HOSTILE.iter().map(|name| (*name).to_owned()).collect();
    names.extend(["x".repeat(300), "🦀".repeat(300), "\u{1}".repeat(300), "\"".repeat(300)]);
    names
}

/// Everything text in a device is `text`.
fn made_of(id: DeviceId, text: &str, tier: Tier) -> DeviceView {
    let some = Some(text.to_owned());
    DeviceView {
        hostname: some.clone(),
        vendor: some.clone(),
        model: some.clone(),
        area: some.clone(),
        owner: some.clone(),
        os: some.clone(),
        group: some.clone(),
        notes: some.clone(),
        slug: some,
        macs: vec![MacAddr([0, 1, 2, 3, 4, 5])],
        tier,
        ..home::device(id, text)
    }
}

fn hostile_home(text: &str) -> HomeView {
    let ids: Vec<DeviceId> = (0..120).map(|n| DeviceId::mint(7, n)).collect();
    let mut view = home::of(ids.iter().map(|id| made_of(*id, text, Tier::Full)));
    view.household = Arc::new(Household {
        people_home: (0..120).map(|n| format!("{text}{n}")).collect(),
        guests: ids.clone(),
        unknown: ids.clone(),
        ..Household::default()
    });
    for n in 0..64 {
        let alert = AlertView {
            id: porchlight::model::AlertId::mint(Wall(1_000), n),
            incident: porchlight::model::AlertId::mint(Wall(2_000), n),
            title: text.repeat(20),
            detail: text.repeat(50),
            recommendation: text.repeat(50),
            detector: text.into(),
            attacker_name: Some(text.into()),
            technique: vec![text.into(); 50],
            ..home::alert()
        };
        view.alerts.insert(alert.id.clone(), Arc::new(alert));
    }
    let down = || Health::Down { why: text.repeat(20), advice: None };
    view.scanners = (0..60)
        .map(|n| ScannerView { name: format!("{text}{n}"), health: down(), seen: 1, sent: 0, last_success: None })
        .collect();
    view.parts =
        (0..60).map(|n| PartView { part: PartId::new(format!("{n}{text}")), health: down(), since: Wall(0) }).collect();
    view
}

fn all_messages(view: &HomeView, site: &Site) -> Vec<Publish> {
    let mut sent = reconcile(view, site, &Published::default());
    for alert in view.alerts.values().take(3) {
        sent.extend(events(&Change::AlertOpened { alert: Arc::clone(alert) }, view, site));
    }
    for device in view.devices.values().take(3) {
        let device = Arc::clone(device);
        sent.extend(events(&Change::DeviceFound { device, at: Wall(5) }, view, site));
    }
    sent
}

fn bytes_max(topic: &str) -> usize {
    match topic.rsplit('/').next() {
        Some("config") => 16 * 1024,
        Some("who" | "open") => 12 * 1024,
        Some("fast") => 512,
        Some("health" | "info") => 8 * 1024,
        Some("event") if topic.contains("/security/") => 8 * 1024,
        _ => 4 * 1024,
    }
}

fn strings<'j>(value: &'j Json, out: &mut Vec<&'j str>) {
    match value {
        Json::String(text) => out.push(text),
        Json::Array(list) => list.iter().for_each(|value| strings(value, out)),
        Json::Object(map) => map.values().for_each(|value| strings(value, out)),
        _ => {}
    }
}

/// Sizes, topics and texts of whatever is sent.
fn check_all(view: &HomeView, site: &Site, name: &str) {
    let templates: BTreeSet<&str> = entities::ENTITIES
        .iter()
        .flat_map(|group| group.iter())
        .flat_map(|row| row.config.iter())
        .filter_map(|(key, value)| match value {
            Config::Text(text) if key.ends_with("template") => Some(*text),
            _ => None,
        })
        .collect();
    for message in all_messages(view, site) {
        let topic = &message.topic;
        let clean = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/');
        assert!(topic.chars().all(clean), "{name:?}: {topic}");
        assert!(message.payload.len() <= bytes_max(topic), "{name:?}: {topic} {}", message.payload.len());
        if topic.ends_with("/bridge/state") {
            continue;
        }
        let payload: Json = serde_json::from_slice(&message.payload).expect("JSON");
        let mut texts = Vec::new();
        strings(&payload, &mut texts);
        for text in texts {
            assert!(text.chars().count() <= 255 && !text.chars().any(char::is_control), "{name:?}: {topic} {text:?}");
        }
        let Some(components) = payload.get("components").and_then(Json::as_object) else { continue };
        let device = payload["device"]["name"].as_str().expect("a name").to_lowercase();
        for (key, component) in components {
            if let Some(entity) = component["name"].as_str() {
                assert!(!entity.to_lowercase().starts_with(&device), "{name:?}: {device} {entity}");
            }
            for (field, value) in component.as_object().expect("an object") {
                let Some(value) = value.as_str() else { continue };
                if field.ends_with("template") {
                    assert!(templates.contains(value), "{name:?}: {key} has a template that is in no row: {value}");
                } else if field != "unit_of_measurement" {
                    // Units are words of our own.
                    assert!(!value.contains(['{', '}', '%', '+', '#']), "{name:?}: {key}.{field} {value}");
                }
            }
        }
    }
}

#[test]
fn hostile_names_stay_plain_short_text() {
    let mut site = home::site();
    site.ha.areas = hostile_names().into_iter().collect();
    for name in hostile_names() {
        check_all(&hostile_home(&name), &site, &name);
    }
}

#[test]
fn long_lists_say_how_much_is_left_out() {
    let view = hostile_home(&"🦀".repeat(60));
    let sent = reconcile(&view, &home::site(), &Published::default());
    let read = |end: &str| -> Json {
        let message = sent.iter().find(|m| m.topic.ends_with(end)).expect(end);
        serde_json::from_slice(&message.payload).expect("JSON")
    };
    let (who, open) = (read("/who"), read("/open"));
    let len = |value: &Json| value.as_array().expect("a list").len();
    let shown = len(&who["people"]) + len(&who["guests"]) + len(&who["unknown"]);
    assert_eq!(shown as u64 + who["more"].as_u64().expect("more"), 360);
    assert!(len(&who["people"]) > 10, "{shown}");
    assert_eq!(len(&open["open"]) as u64 + open["more"].as_u64().expect("more"), 64);
    // With names as people have them, only the count limits.
    let sent = reconcile(&hostile_home("Anna's phone"), &home::site(), &Published::default());
    let who = sent.iter().find(|m| m.topic.ends_with("/who")).expect("who");
    let who: Json = serde_json::from_slice(&who.payload).expect("JSON");
    assert_eq!((len(&who["people"]), len(&who["guests"]), len(&who["unknown"])), (50, 50, 50));
    assert_eq!(who["more"], 210);
}

#[test]
fn every_template_reads_a_key_that_is_there() {
    let (view, site) = (home::view(), home::site());
    let sent = reconcile(&view, &site, &Published::default());
    let payloads: BTreeMap<&str, Json> =
        sent.iter().filter_map(|m| Some((m.topic.as_str(), serde_json::from_slice(&m.payload).ok()?))).collect();
    let mut templates = 0;
    for (topic, config) in payloads.iter().filter(|(topic, _)| topic.ends_with("/config")) {
        let whole = config["device"]["name"] == "Anna's phone";
        for (key, component) in config["components"].as_object().expect("components") {
            for (template, source) in
                [("value_template", "state_topic"), ("json_attributes_template", "json_attributes_topic")]
            {
                let Some(text) = component.get(template).and_then(Json::as_str) else { continue };
                let source = component.get(source).or_else(|| config.get(source)).and_then(Json::as_str);
                let Some(payload) = payloads.get(source.expect("a topic")) else {
                    assert!(!whole, "{topic} {key}: nothing is sent to {source:?}");
                    continue;
                };
                for part in text.split("value_json.").skip(1) {
                    let path: String = part
                        .chars()
                        .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.'))
                        .collect();
                    let value = path.split('.').try_fold(payload, |value, key| value.get(key));
                    assert!(value.is_some(), "{topic} {key}: no {path} in {payload}");
                    templates += 1;
                }
            }
        }
    }
    assert!(templates > 35, "{templates}");
}

#[test]
fn threats_go_with_the_acknowledgement() {
    let shows = |state, severity| -> (bool, bool, String) {
        let mut view = home::view();
        let alert = AlertView { state, severity, ..home::alert() };
        view.alerts.insert(alert.id.clone(), Arc::new(alert));
        let sent = reconcile(&view, &home::site(), &Published::default());
        let read = |end: &str| -> Json {
            serde_json::from_slice(&sent.iter().find(|m| m.topic.ends_with(end)).expect(end).payload).expect("JSON")
        };
        let security = read("security/state");
        assert_eq!(read("d-9q2w1x/state")["threat"], read("d-gatewy/state")["threat"]);
        assert_eq!(read("d-7f3k2m/state")["threat"], false);
        let severity = security["severity"].as_str().expect("a word").to_owned();
        (read("d-9q2w1x/state")["threat"] == true, security["active"]["spoofing"] == true, severity)
    };
    assert_eq!(shows(AlertState::New, Severity::Medium), (true, true, "medium".into()));
    assert_eq!(shows(AlertState::New, Severity::Low), (false, false, "low".into()));
    assert_eq!(shows(AlertState::Acknowledged, Severity::High), (false, false, "high".into()));
    assert_eq!(shows(AlertState::Resolved, Severity::Critical), (false, false, "none".into()));
}

fn device_ids() -> impl Strategy<Value = DeviceId> {
    "[a-z0-9]{6}".prop_map(|digits| format!("d-{digits}").parse().expect("an id"))
}

fn things() -> impl Strategy<Value = Thing> {
    prop_oneof![
        Just(Thing::Bridge),
        Just(Thing::Household),
        Just(Thing::Security),
        device_ids().prop_map(|id| Thing::Person(PersonId::of(id))),
        device_ids().prop_map(Thing::Device)
    ]
}

proptest! {
    #[test]
    fn unique_ids_tell_instance_device_and_key(
        a in (0u32..1 << 24, things(), 0usize..64), b in (0u32..1 << 24, things(), 0usize..64),
    ) {
        let rows: Vec<_> = Scope::ALL.iter().flat_map(|scope| entities::of(*scope)).collect();
        let unique = |(instance, thing, row): (u32, Thing, usize)| {
            let key = rows[row % rows.len()].key;
            (Topics::new(&Site { instance, ..home::site() }).unique_id(thing, key), (instance, thing, key))
        };
        let ((x, facts_x), (y, facts_y)) = (unique(a), unique(b));
        prop_assert_eq!(x == y, facts_x == facts_y);
        // And back.
        let rest = x.strip_prefix("porchlight_").expect("prefix");
        let (instance, rest) = rest.split_once('_').expect("instance");
        let (id, key) = rest.split_once('_').expect("key");
        let (hex, thing) = (topics::instance_hex(facts_x.0), facts_x.1.id());
        prop_assert_eq!((instance, id, key), (hex.as_str(), thing.as_str(), facts_x.2));
    }

    #[test]
    fn topics_keep_to_the_grammar_and_read_back(thing in things(), node in "[a-z0-9_]{1,24}", instance in any::<u32>()) {
        prop_assume!(topics::is_node(&node));
        let site = Site { node, instance, ..home::site() };
        let topics = Topics::new(&site);
        let config = topics.config(thing);
        prop_assert_eq!(topics.config_of(&config), Some(thing));
        let other = Topics::new(&Site { instance: instance ^ 1, ..site.clone() });
        prop_assert_eq!(other.config_of(&config), None);
        let parts: Vec<&str> = config.split('/').collect();
        prop_assert_eq!(parts.len(), 4);
        prop_assert!(config.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'/')));
        if let Thing::Person(_) = thing {
            for place in [Place::Presence, Place::State] {
                prop_assert_eq!(topics.kept(&topics.at(thing, place, "")), Some((thing, place)));
            }
            prop_assert!(topics.asked(&topics.at(thing, Place::Do, "")).is_some());
        }
        if let Thing::Device(_) = thing {
            for place in [Place::Presence, Place::State, Place::Fast] {
                prop_assert_eq!(topics.kept(&topics.at(thing, place, "")), Some((thing, place)));
            }
            prop_assert!(topics.asked(&topics.at(thing, Place::Set, "trust")).is_some());
            prop_assert!(topics.asked(&topics.at(thing, Place::State, "")).is_none());
        }
    }

    #[test]
    fn any_name_is_told_safely(name in any::<String>(), tier in 0usize..3) {
        let id = DeviceId::mint(3, 4);
        let view = home::of([made_of(id, &name, Tier::ALL[tier])]);
        check_all(&view, &home::site(), &name);
    }
}

/// One thing that happens at home.
fn happens(what: usize, n: u32, view: &mut HomeView, site: &mut Site) {
    let id = DeviceId::mint(1, n);
    let known = view.devices.get(&id).map_or_else(|| home::device(id, "New"), |device| DeviceView::clone(device));
    let mut household = Household::clone(&view.household);
    let health = [Health::Up, Health::Down { why: "gone".into(), advice: None }][n as usize % 2].clone();
    let mut device = |device: DeviceView| drop(view.devices.insert(id, Arc::new(device)));
    match what {
        0 => device(DeviceView { name: format!("{}x", known.name), ..known }),
        1 => device(DeviceView { addresses: vec![[192, 0, 2, n as u8 + 1].into()], ..known }),
        2 => device(DeviceView { tier: Tier::ALL[n as usize % 3], ..known }),
        3 => device(DeviceView { last_seen: view.now, signal_dbm: Some(-50), ..known }),
        4 => device(DeviceView { hidden: !known.hidden, ..known }),
        5 => drop(view.devices.remove(&id)),
        6 => household.occupied ^= true,
        7 => household.unknown = view.devices.keys().copied().take(n as usize).collect(),
        8 => household.persons.iter_mut().for_each(|person| person.home ^= true),
        9 => household.persons.iter_mut().for_each(|person| person.shown ^= true),
        10 => view.limit_reached ^= true,
        11 => view.scanners.iter_mut().for_each(|scanner| scanner.health = health.clone()),
        12 => view.parts.iter_mut().for_each(|part| part.health = health.clone()),
        13 => site.ha.connected ^= true,
        14 => drop(view.alerts.insert(home::alert().id.clone(), Arc::new(home::alert()))),
        15 => view.alerts.clear(),
        16 => household.unsure ^= true,
        17 => household.false_aways_30d = n,
        18 => household.ask_budget = [100, 99, 40, 0][n as usize % 4],
        19 => household.guests = view.devices.keys().copied().take(n as usize).collect(),
        _ => {}
    }
    if household != *view.household || n == 0 {
        view.household = Arc::new(household);
    }
}

proptest! {
    /// What is remembered saves work and changes nothing: after each step as much is to be said as to somebody who
    /// remembers nothing, whether all of it went out, or half, or none.
    #[test]
    fn what_is_remembered_changes_nothing(
        steps in prop::collection::vec((0_usize..21, 0_u32..6, 0_usize..3), 1..40),
    ) {
        let (mut view, mut site) = (home::view(), home::site());
        view.now = home::wall("2026-11-25T18:00:00Z");
        let mut published = Published::default();
        for (what, n, sent) in steps {
            // Longer than health waits.
            view.now = Wall(view.now.0 + 61_000);
            happens(what, n, &mut view, &mut site);
            // Gauges have times of their own.
            let list = |published: &Published| -> Vec<Publish> {
                let all = reconcile(&view, &site, published).into_iter();
                all.filter(|message| !message.topic.ends_with("/fast")).collect()
            };
            let (said, expected) = (list(&published), list(&published.clone()));
            prop_assert_eq!(&said, &expected);
            let sent = said.len() * sent / 2;
            said.iter().take(sent).for_each(|message| published.sent(message));
        }
    }
}
