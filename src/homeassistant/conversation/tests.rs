//! Conversations, whole and broken.

use super::*;

fn id(command: &Value) -> u64 {
    command["id"].as_u64().unwrap()
}

fn find<'a>(commands: &'a [Value], kind: &str) -> &'a Value {
    commands.iter().find(|c| c["type"] == kind).unwrap()
}

fn answer(command: &Value, result: Value) -> String {
    json!({"id": id(command), "type": "result", "success": true, "result": result}).to_string()
}

/// A connection whose lists were all answered.
fn settled() -> (Conversation, Vec<Value>) {
    let mut talk = Conversation::default();
    let commands = talk.open();
    for list in List::ALL {
        let result = if matches!(list, List::Config | List::Persons) { json!({}) } else { json!([]) };
        talk.hear(&answer(find(&commands, list.command()), result));
    }
    (talk, commands)
}

#[test]
fn ids_grow_and_subscriptions_come_before_lists() {
    let mut talk = Conversation::default();
    let commands = talk.open();
    let ids: Vec<u64> = commands.iter().map(id).collect();
    assert_eq!(ids, (1..=10).collect::<Vec<_>>());
    let first_list = commands.iter().position(|c| c["type"] != "subscribe_events").unwrap();
    assert_eq!(first_list, EVENTS.len());
    assert!(id(&talk.ping()) > 10);
}

#[test]
fn the_last_list_completes_whatever_the_order() {
    let mut talk = Conversation::default();
    let commands = talk.open();
    for (n, list) in List::ALL.iter().rev().enumerate() {
        let result = if matches!(list, List::Config | List::Persons) { json!({}) } else { json!([]) };
        let heard = talk.hear(&answer(find(&commands, list.command()), result));
        assert_eq!(heard.complete, n == 4, "{list:?}");
    }
    let lists = talk.take_lists();
    assert!(lists.config.is_some() && lists.devices.is_some() && lists.entities.is_some());
    assert!(lists.areas.is_some() && lists.persons.is_some());
}

#[test]
fn a_refused_or_odd_list_completes_too_and_is_told() {
    let mut talk = Conversation::default();
    let commands = talk.open();
    for list in [List::Config, List::Devices, List::Entities] {
        talk.hear(&answer(find(&commands, list.command()), if list == List::Config { json!({}) } else { json!([]) }));
    }
    let refused = json!({"id": id(find(&commands, "person/list")), "type": "result", "success": false,
        "error": {"code": "unknown_command", "message": "Unknown command."}});
    let heard = talk.hear(&refused.to_string());
    assert_eq!(heard.refused, [("person/list", "unknown_command".to_owned())]);
    let heard = talk.hear(&answer(find(&commands, "config/area_registry/list"), json!({"not": "a list"})));
    assert!(heard.complete);
    assert_eq!(heard.refused.len(), 1);
    assert!(talk.take_lists().areas.is_none());
}

#[test]
fn answers_given_twice_or_to_an_older_round_complete_nothing() {
    let (mut talk, first) = settled();
    let second = talk.read_lists();
    assert_eq!(talk.hear(&answer(find(&first, "person/list"), json!({}))), Heard::default());
    for _ in 0..5 {
        assert!(!talk.hear(&answer(find(&second, "person/list"), json!({}))).complete);
    }
}

#[test]
fn an_array_is_several_messages() {
    let (mut talk, commands) = settled();
    let ping = talk.ping();
    let event = json!({"id": id(&commands[0]), "type": "event", "event": {"event_type": "device_registry_updated"}});
    let heard = talk.hear(&json!([{"id": id(&ping), "type": "pong"}, event, 7]).to_string());
    assert_eq!(heard, Heard { pong: true, changed: true, faults: 1, ..Heard::default() });
}

#[test]
fn nonsense_is_counted_and_changes_nothing() {
    let (mut talk, _) = settled();
    let cases = [
        "",
        "{",
        "null",
        "{}",
        "7",
        r#"{"id":"1","type":"result"}"#,
        r#"{"id":null,"type":"result","success":false}"#,
        r#"{"id":-1,"type":"pong"}"#,
        r#"{"id":1,"type":"event"}"#,
        r#"{"id":1}"#,
        r#"{"id":1,"type":5}"#,
    ];
    for text in cases {
        assert_eq!(talk.hear(text), Heard { faults: 1, ..Heard::default() }, "{text}");
    }
    assert_eq!(talk.hear(r#"{"id":999,"type":"event","event":{}}"#), Heard::default());
}

#[test]
fn a_person_counts_when_its_trackers_change_not_when_it_walks() {
    let (mut talk, _) = settled();
    let watch = talk.watch(BTreeSet::from(["person.anna".to_owned(), "device_tracker.tablet".to_owned()]));
    let event = |event: Value| json!({"id": id(&watch[0]), "type": "event", "event": event}).to_string();
    let cases = [
        (
            "whole states",
            json!({"a": {"person.anna": {"s": "home", "a": {"device_trackers": []}}, "device_tracker.tablet": {"s": "home", "a": {"mac": "b8:27:eb:01:02:03"}}}}),
            true,
        ),
        ("she leaves", json!({"c": {"person.anna": {"+": {"s": "not_home", "lc": 1.0}}}}), false),
        (
            "another tracker",
            json!({"c": {"person.anna": {"+": {"a": {"device_trackers": ["device_tracker.x"]}}}}}),
            true,
        ),
        ("her name went", json!({"c": {"person.anna": {"-": {"a": ["friendly_name"]}}}}), true),
        (
            "the tablet leaves",
            json!({"c": {"device_tracker.tablet": {"+": {"s": "not_home"}, "-": {"a": ["ip"]}}}}),
            false,
        ),
        ("the tablet's address", json!({"c": {"device_tracker.tablet": {"+": {"a": {"ip": "10.0.0.3"}}}}}), true),
        ("the same again", json!({"c": {"device_tracker.tablet": {"+": {"a": {"ip": "10.0.0.3", "n": 2}}}}}), false),
        ("not asked for", json!({"a": {"device_tracker.other": {"a": {"mac": "b8:27:eb:01:02:04"}}}}), false),
        ("odd", json!({"a": [], "c": {"person.anna": 3, "device_tracker.tablet": {"+": 1}}, "r": 7}), false),
    ];
    for (case, what, expected) in cases {
        assert_eq!(talk.hear(&event(what)).changed, expected, "{case}");
    }
    assert_eq!(talk.trackers().len(), 1);
    assert!(talk.trackers()["device_tracker.tablet"].mac.is_some(), "a change keeps what it does not name");

    assert!(talk.watch(BTreeSet::from(["person.anna".to_owned(), "device_tracker.tablet".to_owned()])).is_empty());
    let next = talk.watch(BTreeSet::from(["person.anna".to_owned()]));
    assert_eq!(next[0]["subscription"], watch[0]["id"]);
    assert_eq!(next[1]["type"], "subscribe_entities");
    assert!(talk.trackers().is_empty());
}

#[test]
fn a_routers_tracker_that_changes_its_mind_is_told_and_nothing_else() {
    const MAC: &str = "3c:22:fb:01:02:03";
    let (mut talk, _) = settled();
    let commands = talk.watch(["device_tracker.anna".to_owned(), "device_tracker.gps".to_owned()].into());
    let subscription = id(find(&commands, "subscribe_entities"));
    talk.hear(&answer(find(&commands, "subscribe_entities"), Value::Null));
    let mut told =
        |event: Value| talk.hear(&json!({"id": subscription, "type": "event", "event": event}).to_string()).trackers;
    let anna = |state: &str| json!({"c": {"device_tracker.anna": {"+": {"s": state, "lc": 1.5}}}});
    let mac = MAC.parse().unwrap();
    // What it said before we came is old.
    let first = json!({"a": {
        "device_tracker.anna": {"s": "home", "a": {"source_type": "router", "mac": MAC}},
        "device_tracker.gps": {"s": "home", "a": {"source_type": "gps", "mac": MAC}},
        "device_tracker.other": {"s": "home", "a": {"source_type": "router", "mac": MAC}}}});
    assert_eq!(told(first), []);
    assert_eq!(
        told(
            json!({"c": {"device_tracker.gps": {"+": {"s": "not_home"}}, "device_tracker.other": {"+": {"s": "not_home"}}}})
        ),
        []
    );
    assert_eq!(told(anna("not_home")), [HaTracker { mac, home: false }]);
    assert_eq!(told(anna("not_home")), []);
    assert_eq!(told(anna("home")), [HaTracker { mac, home: true }]);
    // A router that starts: unavailable, everybody away, everybody home.
    assert_eq!(told(anna("unavailable")), []);
    assert_eq!(told(anna("not_home")), []);
    assert_eq!(told(anna("home")), [HaTracker { mac, home: true }]);
    assert_eq!(told(json!({"c": {"device_tracker.anna": {"+": {"a": {"ip": "192.168.1.9"}}}}})), []);
    assert_eq!(told(json!({"r": ["device_tracker.anna"]})), []);
    assert_eq!(told(anna("not_home")), []);
}
