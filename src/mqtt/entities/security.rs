//! # Network security
//!
//! One binary sensor per category of alerts, counts, and the alert events.

use std::collections::BTreeSet;

use super::{Act, Config::*, Entity, Platform, Scope, Shown, Value};
use crate::{
    model::{AlertId, AlertState, Category, Command, HomeView, Severity},
    mqtt::topics::Place,
};

/// What the security topics tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Security {
    /// Categories that need a look.
    pub active: BTreeSet<Category>,
    /// The worst of what is open.
    pub severity: Option<Severity>,
    /// Open ones.
    pub incidents: BTreeSet<AlertId>,
    pub alerts_today: u32,
}

impl Security {
    #[must_use]
    pub fn of(view: &HomeView) -> Security {
        let mut security = Security { alerts_today: view.alerts_today, ..Security::default() };
        for alert in view.alerts.values().filter(|alert| alert.state.is_open()) {
            security.severity = security.severity.max(Some(alert.severity));
            security.incidents.insert(alert.incident.clone());
            if needs_a_look(alert.state, alert.severity) {
                security.active.insert(alert.category);
            }
        }
        security
    }
}

/// Threat sensors go on at medium, and off when the alert closes or is acknowledged.
#[must_use]
pub fn needs_a_look(state: AlertState, severity: Severity) -> bool {
    state == AlertState::New && severity >= Severity::Medium
}

macro_rules! categories {
    ($($row:ident $category:ident $key:literal $name:literal $says:literal;)+) => {
        $(static $row: Entity = Entity {
            key: $key,
            platform: Platform::BinarySensor,
            scope: Scope::Security,
            shown: Shown::Basic,
            name: Some($name),
            slug: $key,
            config: &[
                ("device_class", Text("safety")),
                ("value_template", Text(concat!("{{ 'ON' if value_json.active.", $key, " else 'OFF' }}"))),
            ],
            value: Value::Active(|security| security.active.contains(&Category::$category).into()),
            act: Act::Nothing,
            says: $says,
        };)+
        pub(super) static CATEGORIES: &[&Entity] = &[$(&$row),+];
    };
}

categories! {
    SPOOFING Spoofing "spoofing" "Spoofing" "Somebody poses as another device.";
    DNS Dns "dns" "DNS" "Names are answered wrongly, or used to carry data.";
    SCAN Scan "scan" "Scanning" "Somebody searches the network.";
    ACCESS Access "access" "Access" "Somebody tries to get in.";
    FLOOD Flood "flood" "Flood" "Something drowns the network.";
    MALWARE Malware "malware" "Malware" "A device behaves as if infected.";
    LEAK Leak "leak" "Leak" "Data or passwords leave unprotected.";
    EXPOSURE Exposure "exposure" "Exposure" "Something can be reached that should not be.";
    WIRELESS Wireless "wireless" "Wireless" "Wi-Fi or Bluetooth is under attack.";
    DEVICE Device "device" "Device" "A device is not what it was, or is missing.";
}

pub(super) static ROWS: &[&Entity] = &[&SEVERITY, &INCIDENTS, &ALERTS_TODAY, &EVENT, &ACKNOWLEDGE];

static SEVERITY: Entity = Entity {
    key: "severity",
    platform: Platform::Sensor,
    scope: Scope::Security,
    shown: Shown::Basic,
    name: Some("Highest severity"),
    slug: "severity",
    config: &[
        ("device_class", Text("enum")),
        ("options", Words(&["none", "info", "low", "medium", "high", "critical"])),
        ("value_template", Text("{{ value_json.severity }}")),
    ],
    value: Value::Security(|security| security.severity.map_or("none", Severity::word).into()),
    act: Act::Nothing,
    says: "The worst of what is open.",
};

static INCIDENTS: Entity = Entity {
    key: "incidents",
    platform: Platform::Sensor,
    scope: Scope::Security,
    shown: Shown::Basic,
    name: Some("Open incidents"),
    slug: "open_incidents",
    config: &[
        ("icon", Text("mdi:shield-alert")),
        ("state_class", Text("measurement")),
        ("value_template", Text("{{ value_json.incidents }}")),
        ("json_attributes_topic", Topic(Place::Open)),
    ],
    value: Value::Security(|security| security.incidents.len().into()),
    act: Act::Nothing,
    says: "How many incidents are open; attribute `open` lists them.",
};

static ALERTS_TODAY: Entity = Entity {
    key: "alerts_today",
    platform: Platform::Sensor,
    scope: Scope::Security,
    shown: Shown::Basic,
    name: Some("Alerts today"),
    slug: "alerts_today",
    config: &[
        ("icon", Text("mdi:alert-circle-check")),
        ("state_class", Text("total_increasing")),
        ("value_template", Text("{{ value_json.alerts_today }}")),
    ],
    value: Value::Security(|security| security.alerts_today.into()),
    act: Act::Nothing,
    says: "Alerts told since midnight.",
};

static EVENT: Entity = Entity {
    key: "event",
    platform: Platform::Event,
    scope: Scope::Security,
    shown: Shown::Basic,
    name: Some("Alert"),
    slug: "alert",
    config: &[
        ("icon", Text("mdi:shield-alert")),
        (
            "event_types",
            Words(&[
                "spoofing", "dns", "scan", "access", "flood", "malware", "leak", "exposure", "wireless", "device",
                "resolved",
            ]),
        ),
        ("state_topic", Topic(Place::Event)),
    ],
    value: Value::Elsewhere,
    act: Act::Nothing,
    says: "An alert was raised, grew, or ended.",
};

static ACKNOWLEDGE: Entity = Entity {
    key: "acknowledge",
    platform: Platform::Button,
    scope: Scope::Security,
    shown: Shown::Basic,
    name: Some("Acknowledge all"),
    slug: "acknowledge_all",
    config: &[
        ("entity_category", Text("config")),
        ("command_topic", Topic(Place::Do)),
        ("payload_press", Text("acknowledge_all")),
    ],
    value: Value::Elsewhere,
    act: Act::PressHome("acknowledge_all", || Command::AcknowledgeAll),
    says: "Takes note of every open alert.",
};
