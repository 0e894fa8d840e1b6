//! # Porchlight itself
//!
//! The one device that is there without a home. It names its own availability, since `Online`
//! must be able to say *off*.

use super::{Act, Config::*, Entity, Platform, Scope, Shown, Value};
use crate::{model::Command, mqtt::topics::Place};

pub(super) static ROWS: &[&Entity] = &[&ONLINE, &PROBLEM, &DEVICES, &FALSE_AWAYS, &ASK_BUDGET, &SCAN_NOW];

static ONLINE: Entity = Entity {
    key: "online",
    platform: Platform::BinarySensor,
    scope: Scope::Bridge,
    shown: Shown::Basic,
    name: Some("Online"),
    slug: "online",
    config: &[
        ("device_class", Text("connectivity")),
        ("entity_category", Text("diagnostic")),
        ("state_topic", Topic(Place::Availability)),
        ("payload_on", Text("online")),
        ("payload_off", Text("offline")),
    ],
    value: Value::Elsewhere,
    act: Act::Nothing,
    says: "Porchlight runs and reaches the broker.",
};

static PROBLEM: Entity = Entity {
    key: "problem",
    platform: Platform::BinarySensor,
    scope: Scope::Bridge,
    shown: Shown::Basic,
    name: Some("Problem"),
    slug: "problem",
    config: &[
        ("device_class", Text("problem")),
        ("entity_category", Text("diagnostic")),
        ("availability_topic", Topic(Place::Availability)),
        ("state_topic", Topic(Place::Health)),
        ("value_template", Text("{{ 'ON' if value_json.problem else 'OFF' }}")),
        ("json_attributes_topic", Topic(Place::Health)),
        ("json_attributes_template", Text("{{ {'failed': value_json.failed} | tojson }}")),
    ],
    value: Value::Elsewhere,
    act: Act::Nothing,
    says: "A part failed; attribute `failed` names it.",
};

static DEVICES: Entity = Entity {
    key: "devices",
    platform: Platform::Sensor,
    scope: Scope::Bridge,
    shown: Shown::Basic,
    name: Some("Devices known"),
    slug: "devices",
    config: &[
        ("entity_category", Text("diagnostic")),
        ("state_class", Text("measurement")),
        ("availability_topic", Topic(Place::Availability)),
        ("state_topic", Topic(Place::Health)),
        ("value_template", Text("{{ value_json.devices }}")),
    ],
    value: Value::Elsewhere,
    act: Act::Nothing,
    says: "How many devices are known, here or not.",
};

static FALSE_AWAYS: Entity = Entity {
    key: "false_aways_30d",
    platform: Platform::Sensor,
    scope: Scope::Bridge,
    shown: Shown::Basic,
    name: Some("False aways in 30 days"),
    slug: "false_aways_30d",
    config: &[
        ("icon", Text("mdi:account-alert")),
        ("entity_category", Text("diagnostic")),
        ("enabled_by_default", Flag(false)),
        ("state_class", Text("measurement")),
        ("availability_topic", Topic(Place::Availability)),
        ("state_topic", Topic(Place::Health)),
        ("value_template", Text("{{ value_json.false_aways_30d }}")),
    ],
    value: Value::Elsewhere,
    act: Act::Nothing,
    says: "Departures of the last 30 days that were none, as phones showed themselves or people said.",
};

static ASK_BUDGET: Entity = Entity {
    key: "ask_budget",
    platform: Platform::Sensor,
    scope: Scope::Bridge,
    shown: Shown::Basic,
    name: Some("Questions used up"),
    slug: "ask_budget",
    config: &[
        ("unit_of_measurement", Text("%")),
        ("icon", Text("mdi:comment-question-outline")),
        ("entity_category", Text("diagnostic")),
        ("enabled_by_default", Flag(false)),
        ("state_class", Text("measurement")),
        ("availability_topic", Topic(Place::Availability)),
        ("state_topic", Topic(Place::Health)),
        ("value_template", Text("{{ value_json.ask_budget }}")),
    ],
    value: Value::Elsewhere,
    act: Act::Nothing,
    says: "How much of what may be asked at a stretch the phone at home has used up that was asked most; at 100 it is asked seldom, and its departures show later.",
};

static SCAN_NOW: Entity = Entity {
    key: "scan_now",
    platform: Platform::Button,
    scope: Scope::Bridge,
    shown: Shown::Basic,
    name: Some("Scan now"),
    slug: "scan_now",
    config: &[
        ("entity_category", Text("config")),
        ("availability_topic", Topic(Place::Availability)),
        ("command_topic", Topic(Place::Do)),
        ("payload_press", Text("scan_now")),
        ("qos", Number(1)),
    ],
    value: Value::Elsewhere,
    act: Act::PressHome("scan_now", || Command::ScanNow),
    says: "One round of every scanner, now.",
};
