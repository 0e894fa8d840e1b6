//! # What a device can be told
//!
//! Nothing is optimistic: the value moves when the core accepted the wish. The same parsers serve
//! `B/request/device/set`.

use std::time::Duration;

use super::{Act, Config::*, Entity, Platform, Scope, Shown, Value, bad};
use crate::{
    model::{Command, DeviceId, Refusal, Trust, clean_text},
    mqtt::{
        text::{NAME_CHARS_MAX, cut},
        topics::Place,
    },
};

pub(super) static ROWS: &[&Entity] = &[&TRUST, &ALERTS, &IMPORTANT, &AWAY_AFTER, &NAME, &CHECK_NOW, &WAS_HOME, &FORGET];

/// Longest fixed time to away, in seconds: a day.
const AWAY_AFTER_S_MAX: u32 = 86_400;

static TRUST: Entity = Entity {
    key: "trust",
    platform: Platform::Select,
    scope: Scope::Device,
    shown: Shown::Full,
    name: Some("Trust"),
    slug: "trust",
    config: &[
        ("entity_category", Text("config")),
        ("options", Words(&["trusted", "guest", "unknown", "untrusted"])),
        ("value_template", Text("{{ value_json.trust }}")),
        ("command_topic", Topic(Place::Set)),
    ],
    value: Value::Device(|about| about.device.trust.word().into()),
    act: Act::SetDevice(trust),
    says: "What the household thinks of it.",
};

static ALERTS: Entity = Entity {
    key: "alerts",
    platform: Platform::Switch,
    scope: Scope::Device,
    shown: Shown::Full,
    name: Some("Alerts"),
    slug: "alerts",
    config: &[
        ("entity_category", Text("config")),
        ("value_template", Text("{{ 'ON' if value_json.alerts else 'OFF' }}")),
        ("command_topic", Topic(Place::Set)),
    ],
    value: Value::Device(|about| about.device.alerts.into()),
    act: Act::SetDevice(|device, text| Ok(Command::SetAlerts { device, on: on_or_off(text)? })),
    says: "Whether alerts about it are told.",
};

static IMPORTANT: Entity = Entity {
    key: "important",
    platform: Platform::Switch,
    scope: Scope::Device,
    shown: Shown::Full,
    name: Some("Important"),
    slug: "important",
    config: &[
        ("entity_category", Text("config")),
        ("enabled_by_default", Flag(false)),
        ("value_template", Text("{{ 'ON' if value_json.important else 'OFF' }}")),
        ("command_topic", Topic(Place::Set)),
    ],
    value: Value::Device(|about| about.device.important.into()),
    act: Act::SetDevice(|device, text| Ok(Command::SetImportant { device, on: on_or_off(text)? })),
    says: "Its absence is worth an alert, and it keeps all its entities.",
};

static AWAY_AFTER: Entity = Entity {
    key: "away_after",
    platform: Platform::Number,
    scope: Scope::Device,
    shown: Shown::Full,
    name: Some("Away after"),
    slug: "away_after",
    config: &[
        ("device_class", Text("duration")),
        ("unit_of_measurement", Text("s")),
        ("min", Number(0)),
        ("max", Number(AWAY_AFTER_S_MAX)),
        ("step", Number(1)),
        ("mode", Text("box")),
        ("entity_category", Text("config")),
        ("enabled_by_default", Flag(false)),
        ("value_template", Text("{{ value_json.away_after }}")),
        ("command_topic", Topic(Place::Set)),
    ],
    value: Value::Device(|about| about.device.away_after_s.min(AWAY_AFTER_S_MAX).into()),
    act: Act::SetDevice(away_after),
    says: "Seconds of silence until away; 0 lets Porchlight learn it.",
};

static NAME: Entity = Entity {
    key: "name",
    platform: Platform::Text,
    scope: Scope::Device,
    shown: Shown::Full,
    name: Some("Name"),
    slug: "name",
    config: &[
        ("min", Number(0)),
        ("max", Number(60)),
        ("entity_category", Text("config")),
        ("enabled_by_default", Flag(false)),
        ("value_template", Text("{{ value_json.name }}")),
        ("command_topic", Topic(Place::Set)),
    ],
    value: Value::Device(|about| cut(&about.device.name, NAME_CHARS_MAX).into()),
    act: Act::SetDevice(|device, text| Ok(Command::Rename { device, name: name(text)? })),
    says: "Its name; empty takes the own name away again.",
};

static CHECK_NOW: Entity = Entity {
    key: "check_now",
    platform: Platform::Button,
    scope: Scope::Device,
    shown: Shown::Full,
    name: Some("Check now"),
    slug: "check_now",
    config: &[
        ("entity_category", Text("config")),
        ("command_topic", Topic(Place::Do)),
        ("payload_press", Text("check_now")),
    ],
    value: Value::Elsewhere,
    act: Act::PressDevice("check_now", |device| Command::Check { device }),
    says: "Asks it at once.",
};

static WAS_HOME: Entity = Entity {
    key: "was_home",
    platform: Platform::Button,
    scope: Scope::Device,
    shown: Shown::Known("quality"),
    name: Some("I was home"),
    slug: "was_home",
    config: &[
        ("icon", Text("mdi:home-heart")),
        ("entity_category", Text("config")),
        ("command_topic", Topic(Place::Do)),
        ("payload_press", Text("was_home")),
    ],
    value: Value::Elsewhere,
    act: Act::PressDevice("was_home", |device| Command::WasHome { device }),
    says: "Its last departure was none: the two stays become one, and it is waited for longer from now on.",
};

static FORGET: Entity = Entity {
    key: "forget",
    platform: Platform::Button,
    scope: Scope::Device,
    shown: Shown::Full,
    name: Some("Forget"),
    slug: "forget",
    config: &[
        ("entity_category", Text("config")),
        ("enabled_by_default", Flag(false)),
        ("command_topic", Topic(Place::Do)),
        ("payload_press", Text("forget")),
    ],
    value: Value::Elsewhere,
    act: Act::PressDevice("forget", |device| Command::Forget { device }),
    says: "Drops it and all its entities.",
};

fn trust(device: DeviceId, text: &str) -> Result<Command, Refusal> {
    let trust: Trust = text.parse().map_err(bad)?;
    Ok(Command::Trust { device, trust })
}

fn on_or_off(text: &str) -> Result<bool, Refusal> {
    match text {
        "ON" | "on" | "true" => Ok(true),
        "OFF" | "off" | "false" => Ok(false),
        _ => Err(bad("neither ON nor OFF")),
    }
}

fn away_after(device: DeviceId, text: &str) -> Result<Command, Refusal> {
    // Home Assistant sends whole numbers as `300`, templates often as `300.0`.
    let seconds = text.trim().parse::<f64>().ok().filter(|s| s.fract() == 0.0);
    match seconds {
        Some(s) if (0.0..=f64::from(AWAY_AFTER_S_MAX)).contains(&s) => {
            Ok(Command::SetAwayAfter { device, after: Duration::from_secs_f64(s) })
        }
        _ => Err(bad(format!("not a whole number of seconds from 0 to {AWAY_AFTER_S_MAX}"))),
    }
}

fn name(text: &str) -> Result<Option<String>, Refusal> {
    let name = clean_text(text, text.len());
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(bad(format!("a name has at most {NAME_CHARS_MAX} characters")));
    }
    Ok((!name.is_empty()).then_some(name))
}
