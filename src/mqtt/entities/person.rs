//! # What a person shows
//!
//! One device for each who lives here and has a device that Home Assistant knows.

use serde_json::json;

use super::{Act, Config::*, Entity, Platform, Scope, Shown, Value};
use crate::{model::Command, mqtt::topics::Place};

pub(super) static ROWS: &[&Entity] = &[&TRACKER, &CONFIDENCE, &WAS_HOME];

static TRACKER: Entity = Entity {
    key: "tracker",
    platform: Platform::DeviceTracker,
    scope: Scope::Person,
    shown: Shown::Basic,
    name: None,
    slug: "",
    config: &[
        ("source_type", Text("router")),
        ("state_topic", Topic(Place::Presence)),
        ("value_template", Text("{{ value_json.state }}")),
        ("json_attributes_topic", Topic(Place::Presence)),
    ],
    value: Value::Elsewhere,
    act: Act::Nothing,
    says: "`home` while the best of what they carry is, but for what they left behind. The one tracker to give to a person of Home Assistant.",
};

static CONFIDENCE: Entity = Entity {
    key: "presence_confidence",
    platform: Platform::Sensor,
    scope: Scope::Person,
    shown: Shown::Basic,
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
    value: Value::Person(|person| json!(person.confidence.map(|sure| (sure * 1_000.0).round() / 10.0))),
    act: Act::Nothing,
    says: "How sure it is that they are where the tracker says; unknown while too little is known of what they carry.",
};

static WAS_HOME: Entity = Entity {
    key: "was_home",
    platform: Platform::Button,
    scope: Scope::Person,
    shown: Shown::Basic,
    name: Some("I was home"),
    slug: "was_home",
    config: &[
        ("icon", Text("mdi:home-heart")),
        ("entity_category", Text("config")),
        ("command_topic", Topic(Place::Do)),
        ("payload_press", Text("was_home")),
    ],
    value: Value::Elsewhere,
    act: Act::PressPerson("was_home", |person| Command::PersonWasHome { person }),
    says: "The last departure of what they carry was none: it learns of it, and the two stays become one.",
};
