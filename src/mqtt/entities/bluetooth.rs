//! # What a device says by Bluetooth
//!
//! Announced for devices that said so. Whether it is near is its tracker, how near its `signal`.

use serde_json::Value as Json;

use super::{About, Act, Config::*, Entity, Platform, Scope, Shown, Value};
use crate::mqtt::text::shown;

pub(super) static ROWS: &[&Entity] = &[&BATTERY, &BEACON];

const BATTERY_FACT: &str = "label.battery";
const BEACON_FACT: &str = "label.beacon";

static BATTERY: Entity = Entity {
    key: "battery",
    platform: Platform::Sensor,
    scope: Scope::Device,
    shown: Shown::Known(BATTERY_FACT),
    name: Some("Battery"),
    slug: "battery",
    config: &[
        ("device_class", Text("battery")),
        ("unit_of_measurement", Text("%")),
        ("state_class", Text("measurement")),
        ("entity_category", Text("diagnostic")),
        ("value_template", Text("{{ value_json.battery }}")),
    ],
    value: Value::Device(|about| fact(about, BATTERY_FACT).and_then(percent).map_or(Json::Null, Json::from)),
    act: Act::Nothing,
    says: "Charge, as it last told by Bluetooth.",
};

static BEACON: Entity = Entity {
    key: "beacon",
    platform: Platform::Sensor,
    scope: Scope::Device,
    shown: Shown::Known(BEACON_FACT),
    name: Some("Beacon"),
    slug: "beacon",
    config: &[
        ("icon", Text("mdi:bluetooth")),
        ("entity_category", Text("diagnostic")),
        ("enabled_by_default", Flag(false)),
        ("value_template", Text("{{ value_json.beacon }}")),
    ],
    value: Value::Device(|about| fact(about, BEACON_FACT).map_or(Json::Null, |beacon| shown(beacon).into())),
    act: Act::Nothing,
    says: "What it broadcasts as a beacon, iBeacon or Eddystone.",
};

fn fact<'a>(about: About<'a>, wanted: &str) -> Option<&'a str> {
    about.device.facts.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_str())
}

/// `30 %`.
fn percent(text: &str) -> Option<u8> {
    text.trim_end_matches(['%', ' ']).parse().ok().filter(|percent| *percent <= 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_a_number_or_nothing() {
        let cases =
            [("30 %", Some(30)), ("100 %", Some(100)), ("7", Some(7)), ("101 %", None), ("low", None), ("", None)];
        for (text, expected) in cases {
            assert_eq!(percent(text), expected, "{text}");
        }
    }
}
