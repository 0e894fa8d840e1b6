//! # What a device shows
//!
//! Tracker, connection, activity, threat with every announced device; the rest with tier `full`.

use serde_json::{Value as Json, json};

use super::{Act, Config::*, Entity, Platform, Scope, Shown, Value};
use crate::{model::Presence, mqtt::topics::Place};

pub(super) static ROWS: &[&Entity] = &[
    &TRACKER,
    &CONNECTED,
    &ACTIVITY,
    &ROOM,
    &THREAT,
    &IP,
    &LAST_SEEN,
    &SIGNAL,
    &IDENTITY,
    &QUALITY,
    &CONFIDENCE,
    &FALSE_AWAYS,
];

static TRACKER: Entity = Entity {
    key: "tracker",
    platform: Platform::DeviceTracker,
    scope: Scope::Device,
    shown: Shown::Basic,
    name: None,
    slug: "",
    config: &[
        ("source_type", SourceType),
        ("state_topic", Topic(Place::Presence)),
        ("value_template", Text("{{ value_json.state }}")),
        ("json_attributes_topic", Topic(Place::Presence)),
    ],
    value: Value::Elsewhere,
    act: Act::Nothing,
    says: "`home`, `not_home`, or unknown before the first decision. Give it to a person.",
};

static CONNECTED: Entity = Entity {
    key: "connected",
    platform: Platform::BinarySensor,
    scope: Scope::Device,
    shown: Shown::Basic,
    name: Some("Connected"),
    slug: "connected",
    config: &[
        ("device_class", Text("connectivity")),
        ("entity_category", Text("diagnostic")),
        ("value_template", Text("{{ 'ON' if value_json.connected else 'OFF' }}")),
    ],
    value: Value::Device(|about| about.device.presence.is_here().into()),
    act: Act::Nothing,
    says: "Whether it is taken to be in the network; a sleeping phone is.",
};

static ACTIVITY: Entity = Entity {
    key: "activity",
    platform: Platform::Sensor,
    scope: Scope::Device,
    shown: Shown::Basic,
    name: Some("Activity"),
    slug: "activity",
    config: &[
        ("device_class", Text("enum")),
        ("options", Words(&["home", "asleep", "leaving", "away"])),
        ("value_template", Text("{{ value_json.activity }}")),
    ],
    value: Value::Device(|about| match about.activity {
        Presence::Unknown => Json::Null,
        known => known.word().into(),
    }),
    act: Act::Nothing,
    says: "Finer than the tracker. Words for being at home change only after a minute.",
};

static ROOM: Entity = Entity {
    key: "room",
    platform: Platform::Sensor,
    scope: Scope::Device,
    shown: Shown::Known("room.last"),
    name: Some("Room"),
    slug: "room",
    config: &[("icon", Text("mdi:map-marker")), ("value_template", Text("{{ value_json.room }}"))],
    value: Value::Device(|about| json!(fact(about, "room"))),
    act: Act::Nothing,
    says: "Where in the house it is, by the ear that hears it loudest; unknown while none does, which is not away.",
};

static IDENTITY: Entity = Entity {
    key: "identity",
    platform: Platform::Sensor,
    scope: Scope::Device,
    shown: Shown::Known("identity"),
    name: Some("Identity"),
    slug: "identity",
    config: &[
        ("device_class", Text("enum")),
        ("options", Words(&["sure", "fresh", "doubtful"])),
        ("icon", Text("mdi:fingerprint")),
        ("entity_category", Text("diagnostic")),
        ("value_template", Text("{{ value_json.identity }}")),
    ],
    value: Value::Device(|about| json!(fact(about, "identity"))),
    act: Act::Nothing,
    says: "Whether this visit was proven: `sure` by its DHCP fingerprint and a second fact, `doubtful` if one differs, else `fresh`.",
};

static QUALITY: Entity = Entity {
    key: "presence_quality",
    platform: Platform::Sensor,
    scope: Scope::Device,
    shown: Shown::Known("quality"),
    name: Some("Presence quality"),
    slug: "presence_quality",
    config: &[
        ("device_class", Text("enum")),
        ("options", Words(&["learning", "good", "fair", "poor"])),
        ("icon", Text("mdi:school")),
        ("entity_category", Text("diagnostic")),
        ("value_template", Text("{{ value_json.presence_quality }}")),
    ],
    value: Value::Device(|about| json!(fact(about, "quality"))),
    act: Act::Nothing,
    says: "How far its silence can be trusted.",
};

static CONFIDENCE: Entity = Entity {
    key: "presence_confidence",
    platform: Platform::Sensor,
    scope: Scope::Device,
    shown: Shown::Known("quality"),
    name: Some("Presence confidence"),
    slug: "presence_confidence",
    config: &[
        ("unit_of_measurement", Text("%")),
        ("state_class", Text("measurement")),
        ("icon", Text("mdi:percent-circle")),
        ("entity_category", Text("diagnostic")),
        ("enabled_by_default", Flag(false)),
        ("value_template", Text("{{ value_json.presence_confidence }}")),
    ],
    value: Value::Device(|about| {
        let sure = fact(about, "confidence").and_then(|sure| sure.parse::<f64>().ok());
        json!(sure.map(|sure| (sure * 1_000.0).round() / 10.0))
    }),
    act: Act::Nothing,
    says: "How sure it is that it is where the tracker says: 100 at home, and of its last departure as sure as that was when it was told; unknown while its sleep is being learned.",
};

static FALSE_AWAYS: Entity = Entity {
    key: "false_aways_30d",
    platform: Platform::Sensor,
    scope: Scope::Device,
    shown: Shown::Known("quality"),
    name: Some("False aways in 30 days"),
    slug: "false_aways_30d",
    config: &[
        ("state_class", Text("measurement")),
        ("icon", Text("mdi:account-alert")),
        ("entity_category", Text("diagnostic")),
        ("enabled_by_default", Flag(false)),
        ("value_template", Text("{{ value_json.false_aways_30d }}")),
    ],
    value: Value::Device(|about| json!(fact(about, "false_aways").and_then(|count| count.parse::<u32>().ok()))),
    act: Act::Nothing,
    says: "Departures of the last 30 days that were none, as it showed itself or a person said.",
};

/// What is known of it by that key.
fn fact<'a>(about: super::About<'a>, key: &str) -> Option<&'a str> {
    about.device.facts.iter().find(|(held, _)| held == key).map(|(_, value)| value.as_str())
}

static THREAT: Entity = Entity {
    key: "threat",
    platform: Platform::BinarySensor,
    scope: Scope::Device,
    shown: Shown::Basic,
    name: Some("Threat"),
    slug: "threat",
    config: &[("device_class", Text("safety")), ("value_template", Text("{{ 'ON' if value_json.threat else 'OFF' }}"))],
    value: Value::Device(|about| about.threat.into()),
    act: Act::Nothing,
    says: "An alert of medium severity or more has to do with it, and nobody acknowledged it yet.",
};

static IP: Entity = Entity {
    key: "ip",
    platform: Platform::Sensor,
    scope: Scope::Device,
    shown: Shown::Full,
    name: Some("IP address"),
    slug: "ip",
    config: &[
        ("icon", Text("mdi:ip-network")),
        ("entity_category", Text("diagnostic")),
        ("enabled_by_default", Flag(false)),
        ("value_template", Text("{{ value_json.ip }}")),
    ],
    value: Value::Device(|about| json!(about.device.addresses.first())),
    act: Act::Nothing,
    says: "Its present address, IPv4 if it has one.",
};

static LAST_SEEN: Entity = Entity {
    key: "last_seen",
    platform: Platform::Sensor,
    scope: Scope::Device,
    shown: Shown::Full,
    name: Some("Last seen"),
    slug: "last_seen",
    config: &[
        ("device_class", Text("timestamp")),
        ("entity_category", Text("diagnostic")),
        ("enabled_by_default", Flag(false)),
        ("state_topic", Topic(Place::Fast)),
        ("value_template", Text("{{ value_json.last_seen }}")),
    ],
    value: Value::Elsewhere,
    act: Act::Nothing,
    says: "Minute of the last proof of life; at most every five minutes.",
};

static SIGNAL: Entity = Entity {
    key: "signal",
    platform: Platform::Sensor,
    scope: Scope::Device,
    shown: Shown::Full,
    name: Some("Signal"),
    slug: "signal",
    config: &[
        ("device_class", Text("signal_strength")),
        ("unit_of_measurement", Text("dBm")),
        ("state_class", Text("measurement")),
        ("entity_category", Text("diagnostic")),
        ("enabled_by_default", Flag(false)),
        ("state_topic", Topic(Place::Fast)),
        ("value_template", Text("{{ value_json.signal }}")),
    ],
    value: Value::Elsewhere,
    act: Act::Nothing,
    says: "Received level at the last proof, where a scanner measures one.",
};
