//! # The household
//!
//! Counts, with names as attributes of a second topic, and the events of coming and going.

use super::{Act, Config::*, Entity, Platform, Scope, Shown, Value, bad};
use crate::{
    model::{Command, Mode},
    mqtt::topics::Place,
};

pub(super) static ROWS: &[&Entity] =
    &[&OCCUPIED, &UNSURE, &PEOPLE, &GROUPS, &DEVICES, &GUESTS, &UNKNOWN, &NEW, &CROWD, &EVENT, &MODE];

const COUNT: (&str, super::Config) = ("state_class", Text("measurement"));
const WHO: (&str, super::Config) = ("json_attributes_topic", Topic(Place::Who));

static OCCUPIED: Entity = Entity {
    key: "occupied",
    platform: Platform::BinarySensor,
    scope: Scope::Household,
    shown: Shown::Basic,
    name: Some("Occupied"),
    slug: "occupied",
    config: &[
        ("device_class", Text("occupancy")),
        ("value_template", Text("{{ 'ON' if value_json.occupied else 'OFF' }}")),
    ],
    value: Value::Household(|home| home.occupied.into()),
    act: Act::Nothing,
    says: "Somebody is at home, or it is not certain that nobody is.",
};

static UNSURE: Entity = Entity {
    key: "unsure",
    platform: Platform::BinarySensor,
    scope: Scope::Household,
    shown: Shown::Basic,
    name: Some("Unsure"),
    slug: "unsure",
    config: &[
        ("device_class", Text("problem")),
        ("entity_category", Text("diagnostic")),
        ("value_template", Text("{{ 'ON' if value_json.unsure else 'OFF' }}")),
    ],
    value: Value::Household(|home| home.unsure.into()),
    act: Act::Nothing,
    says: "What somebody carries cannot tell for certain whether they left: until that is known nobody is called the last one who left, and the mode stays.",
};

static PEOPLE: Entity = Entity {
    key: "people",
    platform: Platform::Sensor,
    scope: Scope::Household,
    shown: Shown::Basic,
    name: Some("People home"),
    slug: "people_home",
    config: &[
        ("icon", Text("mdi:account-group")),
        COUNT,
        ("value_template", Text("{{ value_json.people }}")),
        WHO,
        ("json_attributes_template", Text("{{ {'names': value_json.people} | tojson }}")),
    ],
    value: Value::Household(|home| home.people_home.len().into()),
    act: Act::Nothing,
    says: "Persons at home; attribute `names`.",
};

static GROUPS: Entity = Entity {
    key: "groups",
    platform: Platform::Sensor,
    scope: Scope::Household,
    shown: Shown::Basic,
    name: Some("Groups home"),
    slug: "groups_home",
    config: &[
        ("icon", Text("mdi:home-group")),
        COUNT,
        ("value_template", Text("{{ value_json.groups }}")),
        WHO,
        ("json_attributes_template", Text("{{ {'names': value_json.groups | default([])} | tojson }}")),
    ],
    value: Value::Household(|home| home.groups.values().filter(|home| **home).count().into()),
    act: Act::Nothing,
    says: "Groups of devices of which somebody is at home: the best of phones and watches, then tablets, laptops and cars, then all else decides; attribute `names`.",
};

static DEVICES: Entity = Entity {
    key: "devices",
    platform: Platform::Sensor,
    scope: Scope::Household,
    shown: Shown::Basic,
    name: Some("Devices home"),
    slug: "devices_home",
    config: &[("icon", Text("mdi:devices")), COUNT, ("value_template", Text("{{ value_json.devices }}"))],
    value: Value::Household(|home| home.devices_home.into()),
    act: Act::Nothing,
    says: "Devices in the network now.",
};

static GUESTS: Entity = Entity {
    key: "guests",
    platform: Platform::Sensor,
    scope: Scope::Household,
    shown: Shown::Basic,
    name: Some("Guests"),
    slug: "guests",
    config: &[
        ("icon", Text("mdi:account-clock")),
        COUNT,
        ("value_template", Text("{{ value_json.guests }}")),
        WHO,
        ("json_attributes_template", Text("{{ {'names': value_json.guests} | tojson }}")),
    ],
    value: Value::Household(|home| home.guests.len().into()),
    act: Act::Nothing,
    says: "Guests' devices at home; attribute `names`.",
};

static UNKNOWN: Entity = Entity {
    key: "unknown",
    platform: Platform::Sensor,
    scope: Scope::Household,
    shown: Shown::Basic,
    name: Some("Unknown devices"),
    slug: "unknown_devices",
    config: &[
        ("icon", Text("mdi:help-network")),
        COUNT,
        ("value_template", Text("{{ value_json.unknown }}")),
        WHO,
        ("json_attributes_template", Text("{{ {'devices': value_json.unknown} | tojson }}")),
    ],
    value: Value::Household(|home| home.unknown.len().into()),
    act: Act::Nothing,
    says: "Devices at home that nobody vouched for; attribute `devices`.",
};

static NEW: Entity = Entity {
    key: "new",
    platform: Platform::Sensor,
    scope: Scope::Household,
    shown: Shown::Basic,
    name: Some("New devices today"),
    slug: "new_devices",
    config: &[("icon", Text("mdi:new-box")), COUNT, ("value_template", Text("{{ value_json.new }}"))],
    value: Value::Household(|home| home.new_today.into()),
    act: Act::Nothing,
    says: "Devices first seen since midnight.",
};

static CROWD: Entity = Entity {
    key: "crowd",
    platform: Platform::Sensor,
    scope: Scope::Household,
    shown: Shown::Basic,
    name: Some("Radios nearby"),
    slug: "radios_nearby",
    config: &[
        ("icon", Text("mdi:access-point")),
        COUNT,
        ("entity_category", Text("diagnostic")),
        ("enabled_by_default", Flag(false)),
        ("value_template", Text("{{ value_json.crowd }}")),
    ],
    value: Value::Household(|home| serde_json::json!(home.crowd)),
    act: Act::Nothing,
    says: "Bluetooth and Wi-Fi radios nearby that are nobody's device, such as passers-by; told every ten minutes at most.",
};

static EVENT: Entity = Entity {
    key: "event",
    platform: Platform::Event,
    scope: Scope::Household,
    shown: Shown::Basic,
    name: Some("Presence"),
    slug: "presence",
    config: &[
        ("icon", Text("mdi:home-account")),
        (
            "event_types",
            Words(&[
                "first_home",
                "arrived",
                "left",
                "last_left",
                "guest_arrived",
                "guest_left",
                "device_new",
                "device_returned",
                "join_proposed",
            ]),
        ),
        ("state_topic", Topic(Place::Event)),
    ],
    value: Value::Elsewhere,
    act: Act::Nothing,
    says: "Somebody or something came or went, or a newcomer is probably a known phone.",
};

static MODE: Entity = Entity {
    key: "mode",
    platform: Platform::Select,
    scope: Scope::Household,
    shown: Shown::Basic,
    name: Some("Mode"),
    slug: "mode",
    config: &[
        ("options", Words(&["auto", "home", "away", "night", "vacation"])),
        ("value_template", Text("{{ value_json.mode }}")),
        ("command_topic", Topic(Place::Set)),
    ],
    value: Value::Household(|home| home.mode.word().into()),
    act: Act::SetHome(|text| Ok(Command::SetMode { mode: text.parse::<Mode>().map_err(bad)? })),
    says: "How the household lives just now; `auto` lets Porchlight tell.",
};
