//! The rows, and the words that are declared to Home Assistant.

use std::{collections::BTreeSet, sync::Arc};

use porchlight::{
    model::{AlertState, AlertView, Category, Change, DeviceView, HomeView, Presence, Severity, Trust, Wall},
    mqtt::{
        Site,
        entities::{self, Config, Platform, Scope},
        reconcile::events,
        topics::Place,
    },
};
use serde_json::Value as Json;

use crate::home;

#[test]
fn rows_are_well_formed() {
    let mut keys = BTreeSet::new();
    let mut ends = BTreeSet::new();
    let scopes = Scope::ALL.iter().flat_map(|scope| entities::of(*scope));
    let mut rows = 0;
    for row in scopes {
        rows += 1;
        assert!(keys.insert((row.scope, row.key)), "{} twice", row.key);
        assert!(ends.insert((row.scope, row.platform, row.slug)), "{} {} twice", row.platform, row.slug);
        assert!(row.key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{}", row.key);
        assert!(row.name.is_some() || row.platform == Platform::DeviceTracker, "{}", row.key);
        let has = |wanted: &str| row.config.iter().any(|(key, _)| *key == wanted);
        let listens = row.config.iter().any(|(_, value)| matches!(value, Config::Topic(Place::Set | Place::Do)));
        assert_eq!(listens, !matches!(row.act, entities::Act::Nothing), "{}", row.key);
        assert_eq!(listens, has("command_topic"), "{}", row.key);
        // These break commands, or lie.
        for never in ["message_expiry_interval", "retain", "optimistic", "object_id", "expire_after"] {
            assert!(!has(never), "{} has {never}", row.key);
        }
        let press = row.config.iter().find_map(|(key, value)| match (key, value) {
            (&"payload_press", Config::Text(word)) => Some(*word),
            _ => None,
        });
        match row.act {
            entities::Act::PressDevice(word, _)
            | entities::Act::PressHome(word, _)
            | entities::Act::PressPerson(word, _) => assert_eq!(press, Some(word)),
            _ => assert_eq!(press, None, "{}", row.key),
        }
    }
    assert_eq!(rows, entities::ENTITIES.iter().map(|group| group.len()).sum::<usize>());
}

/// The words used by code are those that are declared to Home Assistant.
#[test]
fn words_used_are_words_declared() {
    let words = |scope, key: &str| -> BTreeSet<&str> {
        let row = entities::of(scope).find(|row| row.key == key).expect(key);
        row.config
            .iter()
            .find_map(|(_, value)| match value {
                Config::Words(words) => Some(words.iter().copied().collect()),
                _ => None,
            })
            .expect(key)
    };
    let all = |list: Vec<&'static str>| -> BTreeSet<&str> { list.into_iter().collect() };
    assert_eq!(words(Scope::Device, "trust"), all(Trust::ALL.iter().map(|t| t.word()).collect()));
    assert_eq!(words(Scope::Household, "mode"), all(porchlight::model::Mode::ALL.iter().map(|m| m.word()).collect()));
    let mut severities: Vec<_> = Severity::ALL.iter().map(|s| s.word()).collect();
    severities.push("none");
    assert_eq!(words(Scope::Security, "severity"), all(severities));
    let presences = Presence::ALL.iter().filter(|p| **p != Presence::Unknown).map(|p| p.word()).collect();
    assert_eq!(words(Scope::Device, "activity"), all(presences));
    let mut categories: Vec<_> = Category::ALL.iter().map(|c| c.word()).collect();
    for category in &categories {
        assert!(entities::of(Scope::Security).any(|row| row.key == *category), "{category} has no entity");
    }
    categories.push("resolved");
    assert_eq!(words(Scope::Security, "event"), all(categories));

    let mut guest = home::phone();
    guest.trust = Trust::Guest;
    let view = home::of([guest.clone()]);
    let at = Wall(9);
    let person = |home, first_or_last| Change::PersonMoved {
        person: "Anna".into(),
        home,
        first_or_last,
        people_home: 1,
        device: guest.id,
        away_s: 1,
        confidence: None,
        identity: "sure",
        at,
    };
    let moved = |from, to| Change::Presence { device: guest.id, from, to, why: "left", at };
    let shared = Arc::new(guest.clone());
    let changes = [
        person(true, true),
        person(true, false),
        person(false, true),
        person(false, false),
        moved(Presence::Away, Presence::Home),
        moved(Presence::Leaving, Presence::Away),
        Change::DeviceFound { device: Arc::clone(&shared), at },
        Change::DeviceReturned { device: shared, at, away_s: 1 },
        Change::JoinProposed { device: guest.id, of: home::spy().id, why: "took over within 4 s".into(), at },
    ];
    let mut types = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for change in &changes {
        let sent = events(change, &view, &home::site());
        assert_eq!(sent.len(), 1, "{change}");
        let payload: Json = serde_json::from_slice(&sent[0].payload).expect("JSON");
        types.insert(payload["event_type"].as_str().expect("a type").to_owned());
        assert!(ids.insert(payload["id"].to_string()), "ids differ");
    }
    assert_eq!(types.iter().map(String::as_str).collect::<BTreeSet<_>>(), words(Scope::Household, "event"));
}

#[test]
fn only_what_was_told_is_told_again() {
    let view = home::view();
    let alert = |state| Arc::new(AlertView { state, ..home::alert() });
    let types = |change: Change| -> Vec<String> {
        events(&change, &view, &home::site())
            .iter()
            .map(|m| {
                serde_json::from_slice::<Json>(&m.payload).expect("JSON")["event_type"]
                    .as_str()
                    .expect("a type")
                    .to_owned()
            })
            .collect()
    };
    use AlertState as S;
    let cases: &[(fn(Arc<AlertView>) -> Change, S, &[&str])] = &[
        (|alert| Change::AlertOpened { alert }, S::New, &["spoofing"]),
        (|alert| Change::AlertOpened { alert }, S::Observed, &[]),
        (|alert| Change::AlertOpened { alert }, S::Muted, &[]),
        (|alert| Change::AlertUpdated { alert }, S::New, &["spoofing"]),
        (|alert| Change::AlertUpdated { alert }, S::Acknowledged, &[]),
        (|alert| Change::AlertClosed { alert }, S::Resolved, &["resolved"]),
        (|alert| Change::AlertClosed { alert }, S::FalseAlarm, &["resolved"]),
        (|alert| Change::AlertClosed { alert }, S::Observed, &[]),
    ];
    for (change, state, expected) in cases {
        assert_eq!(types(change(alert(*state))), *expected, "{state}");
    }
    // Nobody but guests, and no hidden device, is told of by presence alone.
    let moved =
        Change::Presence { device: home::spy().id, from: Presence::Away, to: Presence::Home, why: "x", at: Wall(1) };
    assert_eq!(types(moved), Vec::<String>::new());
    let hidden = Arc::new(DeviceView { hidden: true, ..home::phone() });
    assert_eq!(types(Change::DeviceReturned { device: hidden, at: Wall(1), away_s: 1 }), Vec::<String>::new());
    // At a first start every device is new: no news. Nor is this host ever.
    let found = |device: DeviceView, settling| {
        let view = HomeView { settling, ..home::view() };
        events(&Change::DeviceFound { device: Arc::new(device), at: Wall(1) }, &view, &home::site()).len()
    };
    assert_eq!((found(home::spy(), false), found(home::spy(), true)), (1, 0));
    assert_eq!(found(DeviceView { is_own: true, ..home::spy() }, false), 0);
    // 3.1.1 has no expiry.
    let old = Site { mqtt: 3, ..home::site() };
    assert_eq!(events(&Change::AlertOpened { alert: alert(S::New) }, &view, &old)[0].expiry_s, None);
}
