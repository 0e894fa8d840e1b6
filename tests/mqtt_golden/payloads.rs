//! Goldens: the example home, and the documentation.

use std::{fmt::Write as _, fs, path::Path, sync::Arc};

use porchlight::{
    model::{Change, HomeView, Household, PersonView, Presence},
    mqtt::{
        Publish,
        entities::{self, Act, Config, Scope, Shown},
        reconcile::{Published, events, reconcile},
    },
};

use crate::home;

/// What is sent is what the file holds. `UPDATE=1` writes it.
fn hold(name: &str, sent: &str) {
    if std::env::var_os("UPDATE").is_some() {
        let value: serde_json::Value = serde_json::from_str(sent).expect("payloads are JSON");
        let mut bytes = Vec::new();
        let layout = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut writer = serde_json::Serializer::with_formatter(&mut bytes, layout);
        serde::Serialize::serialize(&value, &mut writer).expect("JSON can be written");
        bytes.push(b'\n');
        fs::write(path(name), bytes).expect("golden files can be written");
    }
    assert_eq!(sent, golden(name), "{name}");
}

fn path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/mqtt").join(format!("{name}.json"))
}

fn golden(name: &str) -> String {
    let path = path(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    // Layout is for people; order and values are not changed by reading.
    let value: serde_json::Value = serde_json::from_str(&text).expect("golden files are JSON");
    value.to_string()
}

fn text(message: &Publish) -> &str {
    std::str::from_utf8(&message.payload).expect("payloads are UTF-8")
}

#[test]
fn the_example_home_is_told_as_the_contract_shows() {
    let sent = reconcile(&home::view(), &home::site(), &Published::default());
    let cases = [
        ("homeassistant/device/porchlight_7f3a2c_bridge/config", "discovery_bridge"),
        ("homeassistant/device/porchlight_7f3a2c_household/config", "discovery_household"),
        ("homeassistant/device/porchlight_7f3a2c_security/config", "discovery_security"),
        ("homeassistant/device/porchlight_7f3a2c_d-7f3k2m/config", "discovery_device"),
        ("porchlight/home/device/d-7f3k2m/presence", "device_presence"),
        ("porchlight/home/device/d-7f3k2m/state", "device_state"),
        ("porchlight/home/device/d-7f3k2m/fast", "device_fast"),
        ("porchlight/home/household/state", "household_state"),
        ("porchlight/home/household/who", "household_who"),
        ("porchlight/home/security/state", "security_state"),
        ("porchlight/home/security/open", "security_open"),
        ("porchlight/home/bridge/health", "bridge_health"),
        ("porchlight/home/bridge/info", "bridge_info"),
    ];
    for (topic, name) in cases {
        let message = sent.iter().find(|message| message.topic == topic).unwrap_or_else(|| panic!("{topic} not sent"));
        hold(name, text(message));
        let qos = u8::from(!matches!(name, "device_fast" | "bridge_health"));
        assert!(message.retain && message.expiry_s.is_none() && message.qos == qos, "{name}");
    }
}

/// A person comes with three topics, and goes with them; in between only what changed is told.
#[test]
fn a_person_has_a_tracker_of_their_own() {
    let (mut view, site) = (home::of([home::phone()]), home::site());
    let persons = |view: &mut HomeView, persons: Vec<PersonView>| {
        view.household = Arc::new(Household { persons, ..Household::default() });
    };
    persons(&mut view, vec![home::anna()]);
    let mut published = Published::default();
    let of_person = |sent: &[Publish]| -> Vec<(String, String)> {
        let theirs = sent.iter().filter(|m| m.topic.contains("p-daaddd"));
        theirs.map(|m| (m.topic.clone(), text(m).to_owned())).collect()
    };
    let deliver = |view: &HomeView, published: &mut Published| {
        let sent = reconcile(view, &site, published);
        sent.iter().for_each(|message| published.sent(message));
        of_person(&sent)
    };
    let told = deliver(&view, &mut published);
    let topics = [
        "homeassistant/device/porchlight_7f3a2c_p-daaddd/config",
        "porchlight/home/person/p-daaddd/presence",
        "porchlight/home/person/p-daaddd/state",
    ];
    assert_eq!(told.iter().map(|(topic, _)| topic.as_str()).collect::<Vec<_>>(), topics);
    for ((_, sent), name) in told.iter().zip(["discovery_person", "person_presence", "person_state"]) {
        hold(name, sent);
    }
    // Another phone that decides, or one that was proven since: no transition.
    persons(&mut view, vec![PersonView { reason: "frame", identity: "sure", ..home::anna() }]);
    assert!(deliver(&view, &mut published).is_empty());
    persons(&mut view, vec![PersonView { home: false, confidence: Some(0.981), ..home::anna() }]);
    let told = deliver(&view, &mut published);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].1.starts_with(r#"{"state":"not_home","in_zones":[]"#) && told[1].1.contains("98.1"), "{told:?}");
    // Whoever has no device that Home Assistant knows is taken back.
    persons(&mut view, vec![PersonView { shown: false, ..home::anna() }]);
    let told = deliver(&view, &mut published);
    assert_eq!(told, topics.map(|topic| (topic.to_owned(), String::new())));
    assert!(deliver(&view, &mut published).is_empty());
}

#[test]
fn events_are_told_as_the_contract_shows() {
    let (view, site) = (home::view(), home::site());
    let came = Change::PersonMoved {
        person: "Anna".into(),
        home: true,
        first_or_last: true,
        people_home: 1,
        device: home::phone().id,
        away_s: 28_512,
        confidence: Some(1.0),
        identity: "fresh",
        at: home::wall("2026-11-25T17:02:11Z"),
    };
    let alert = Change::AlertOpened { alert: Arc::new(home::alert()) };
    for (change, topic, name) in [
        (came, "porchlight/home/household/event", "household_event"),
        (alert, "porchlight/home/security/event", "security_event"),
    ] {
        let sent = events(&change, &view, &site);
        let [message] = sent.as_slice() else { panic!("{name}: {} messages", sent.len()) };
        assert_eq!(message.topic, topic, "{name}");
        hold(name, text(message));
        assert!(!message.retain && message.expiry_s == Some(300) && message.qos == 1, "{name}");
    }
}

#[test]
fn the_order_is_discovery_then_states_then_online() {
    let sent = reconcile(&home::view(), &home::site(), &Published::default());
    let topics: Vec<&str> = sent.iter().map(|message| message.topic.as_str()).collect();
    let configs = topics.iter().take_while(|topic| topic.ends_with("/config")).count();
    assert!(topics[0].contains("_bridge/") && topics[1].contains("_household/") && topics[2].contains("_security/"));
    assert_eq!(configs, 5);
    assert!(topics[configs..].iter().all(|topic| topic.starts_with("porchlight/home/")));
    assert_eq!(topics[configs], "porchlight/home/bridge/info");
    let last = sent.last().expect("something is sent");
    assert_eq!((last.topic.as_str(), text(last)), ("porchlight/home/bridge/state", "online"));
}

#[test]
fn without_a_page_there_are_no_links_to_it() {
    let site = porchlight::mqtt::Site { page: None, ..home::site() };
    let sent = reconcile(&home::view(), &site, &Published::default());
    assert!(sent.iter().all(|message| !text(message).contains("configuration_url")));
    let alert = Change::AlertOpened { alert: Arc::new(home::alert()) };
    let [message] = &events(&alert, &home::view(), &site)[..] else { panic!("one event") };
    assert!(text(message).contains(r#""url":null"#));
}

/// `docs/entities.md`: what Home Assistant gets. `UPDATE=1` writes it.
#[test]
fn the_page_of_entities_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/entities.md");
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("docs can be made");
        fs::write(&path, &page).expect("docs can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/entities.md is not what the rows say; UPDATE=1 cargo test --test mqtt_golden");
}

fn page() -> String {
    let mut out = String::from(
        "# Entities\n\nWhat Porchlight announces to Home Assistant by MQTT discovery. Made from the rows in \
         `src/mqtt/entities`; do not edit.\n\n`<device>` is the device's first name as an entity id (`Anna's phone`: \
         `anna_s_phone`); it stays when the device is renamed. Entities marked *off* exist but are disabled until you \
         enable them.\n",
    );
    let groups = [
        (Scope::Bridge, "porchlight", "Porchlight itself", "One device, always there."),
        (Scope::Household, "household", "Household", "One device for all who live here."),
        (
            Scope::Person,
            "<person>",
            "Each person",
            "One device for everybody who has a phone or the like that is announced: \
             the owner as a person of Home Assistant has its tracker, or as `porchlight device set ID owner NAME` says.",
        ),
        (Scope::Security, "network_security", "Network security", "One device for what the detectors saw."),
        (
            Scope::Device,
            "<device>",
            "Each device",
            "How many devices are announced is set by `homeassistant.expose` and `expose_limit`. Named and trusted \
             devices get the entities marked *basic*; those that belong to a person, are important or were asked for \
             get all; those marked *once known* come when the device has told such a thing.",
        ),
    ];
    for (scope, slug, title, words) in groups {
        let _ =
            writeln!(out, "\n## {title}\n\n{words}\n\n| Name | Entity | | Says | Can be told |\n|---|---|---|---|---|");
        for row in entities::of(scope).filter(|row| row.shown != Shown::NotYet) {
            let off = row.config.contains(&("enabled_by_default", Config::Flag(false)));
            let mut marks = Vec::new();
            if scope == Scope::Device && row.shown == Shown::Basic {
                marks.push("basic");
            }
            if matches!(row.shown, Shown::Known(_)) {
                marks.push("once known");
            }
            if off {
                marks.push("off");
            }
            let separator = if row.slug.is_empty() { "" } else { "_" };
            let values = row.config.iter().find_map(|(key, value)| match (*key, value) {
                ("options" | "event_types", Config::Words(words)) => Some(words.join(", ")),
                _ => None,
            });
            let told = match row.act {
                Act::Nothing => "",
                Act::SetDevice(_) | Act::SetHome(_) => "yes",
                Act::PressDevice(..) | Act::PressPerson(..) | Act::PressHome(..) => "press",
            };
            let values = values.map(|values| format!(" One of: {values}.")).unwrap_or_default();
            let _ = writeln!(
                out,
                "| {} | `{}.{slug}{separator}{}` | {} | {}{values} | {told} |",
                row.name.unwrap_or(if scope == Scope::Person { "(the person)" } else { "(the device)" }),
                row.platform,
                row.slug,
                marks.join(", "),
                row.says
            );
        }
    }
    out
}

#[test]
fn presence_is_told_on_transitions_only() {
    let site = home::site();
    let mut published = Published::default();
    let mut view = home::view();
    let deliver = |view: &porchlight::model::HomeView, published: &mut Published| -> Vec<String> {
        let sent = reconcile(view, &site, published);
        for message in &sent {
            published.sent(message);
        }
        sent.into_iter().filter(|m| m.topic.ends_with("d-7f3k2m/presence")).map(|m| text(&m).to_owned()).collect()
    };
    let change = |view: &mut porchlight::model::HomeView, presence, ip: &str| {
        let phone = porchlight::model::DeviceView {
            presence,
            addresses: vec![ip.parse().expect("an address")],
            ..home::phone()
        };
        view.devices.insert(phone.id, Arc::new(phone));
    };
    assert_eq!(deliver(&view, &mut published).len(), 1);
    // A new address, sleep, and not knowing are no transitions.
    for presence in [Presence::Home, Presence::Asleep, Presence::Leaving, Presence::Unknown] {
        change(&mut view, presence, "192.168.7.99");
        assert_eq!(deliver(&view, &mut published), Vec::<String>::new(), "{presence}");
    }
    change(&mut view, Presence::Away, "192.168.7.99");
    let [away] = &deliver(&view, &mut published)[..] else { panic!("one message") };
    assert!(away.starts_with(r#"{"state":"not_home","in_zones":[]"#) && away.contains("192.168.7.99"), "{away}");
    change(&mut view, Presence::Home, "192.168.7.98");
    assert_eq!(deliver(&view, &mut published).len(), 1);
    // Never known: reset to unknown.
    let nobody = porchlight::model::DeviceView { presence: Presence::Unknown, ..home::phone() };
    let first = reconcile(&home::of([nobody]), &site, &Published::default());
    let tracker = first.iter().find(|m| m.topic.ends_with("/presence")).expect("a tracker");
    assert!(text(tracker).starts_with(r#"{"state":"None","in_zones":[]"#), "{}", text(tracker));
}
