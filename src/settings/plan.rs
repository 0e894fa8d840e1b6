//! # What a change of settings sets in motion
//!
//! (old, new) → what is told, what is restarted, what cannot be done while running. Start is the
//! plan from nothing. Pure.

use serde_json::Value as Json;

use super::Settings;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The core takes its share over (`Input::Adopt`).
    pub adopt: bool,
    /// Level or form of the log.
    pub relog: bool,
    /// Interfaces, subnets or labels: capture opens anew, and all scanners are among those restarted.
    pub restart_capture: bool,
    /// Names of scanners, sorted.
    pub restart_scanners: Vec<String>,
    pub restart_mqtt: bool,
    pub restart_homeassistant: bool,
    /// The store only needs to know how long things are kept.
    pub store: bool,
    /// Keys whose change needs a new start, and why. What else changed is done all the same; these keep their old value.
    pub refuse: Vec<String>,
}

impl Plan {
    /// Nothing is different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Plan::default()
    }
}

/// Keys that hold sockets, files and names, which cannot be swapped below a running daemon.
const FIXED: &[(&str, &str)] = &[
    ("/role", "another role runs other parts"),
    ("/state_dir", "the store is open there"),
    ("/log/format", "the log is already being written"),
    ("/log/redact", "the log is already being written"),
    ("/log/events", "the file is already being written"),
    ("/log/events_mib", "the file is already being written"),
    ("/log/events_files", "the file is already being written"),
    ("/log/ecs", "the file is already being written"),
    ("/mqtt/broker", "clients are connected to it"),
    ("/mqtt/base_topic", "retained topics of the old name would be left behind"),
    ("/mqtt/discovery_prefix", "retained topics of the old name would be left behind"),
    ("/mqtt/node", "retained topics of the old name would be left behind"),
];

/// The plan that leads from `old` to `new`.
#[must_use]
pub fn plan(old: &Settings, new: &Settings) -> Plan {
    let json = |settings: &Settings| serde_json::to_value(settings).unwrap_or_default();
    let (before, after) = (json(old), json(new));
    let mut refuse = Vec::new();
    for (pointer, why) in FIXED {
        if before.pointer(pointer) != after.pointer(pointer) {
            let key = pointer.trim_start_matches('/').replace('/', ".");
            refuse.push(format!("{key} needs a new start: {why}"));
        }
    }
    let restart_capture = old.network != new.network || old.capture != new.capture;
    let restart_scanners = if restart_capture {
        names(&after)
    } else if old.scanners == new.scanners {
        Vec::new()
    } else {
        let differ = |name: &String| scanner(&before, name) != scanner(&after, name);
        let changed: Vec<String> = names(&after).into_iter().filter(differ).collect();
        // Something that is not shown differs: a secret.
        if changed.is_empty() { names(&after) } else { changed }
    };
    Plan {
        adopt: old.engine() != new.engine(),
        relog: old.log != new.log,
        restart_capture,
        restart_scanners,
        // Payloads say both.
        restart_mqtt: old.mqtt != restartable(&old.mqtt, &new.mqtt)
            || old.homeassistant.link_mac != new.homeassistant.link_mac
            || old.homeassistant.expose_limit != new.homeassistant.expose_limit,
        // It follows the doors.
        restart_homeassistant: connection(&old.homeassistant) != connection(&new.homeassistant)
            || old.presence.doors != new.presence.doors,
        store: old.store != new.store,
        refuse,
    }
}

/// `new` with what is refused put back, so that the rest can be adopted.
#[must_use]
pub fn merge(old: &Settings, new: &Settings) -> Settings {
    Settings {
        role: old.role,
        state_dir: old.state_dir.clone(),
        log: super::Log { level: new.log.level, ..old.log.clone() },
        mqtt: restartable(&old.mqtt, &new.mqtt),
        ..new.clone()
    }
}

fn restartable(old: &crate::mqtt::Settings, new: &crate::mqtt::Settings) -> crate::mqtt::Settings {
    crate::mqtt::Settings {
        broker: old.broker.clone(),
        base_topic: old.base_topic.clone(),
        discovery_prefix: old.discovery_prefix.clone(),
        node: old.node.clone(),
        ..new.clone()
    }
}

/// Without what goes to the core: exposure changes no connection.
fn connection(settings: &crate::homeassistant::Settings) -> crate::homeassistant::Settings {
    let base = crate::homeassistant::Settings::default();
    crate::homeassistant::Settings {
        expose: base.expose,
        expose_limit: base.expose_limit,
        expose_list: base.expose_list,
        name_wait: base.name_wait,
        link_mac: base.link_mac,
        ..settings.clone()
    }
}

fn scanner<'j>(json: &'j Json, name: &str) -> Option<&'j Json> {
    json.get("scanners")?.get(name)
}

/// Every key below `scanners` that is a scanner (a section), sorted.
fn names(json: &Json) -> Vec<String> {
    let all = json.get("scanners").and_then(Json::as_object);
    let mut names: Vec<String> =
        all.into_iter().flatten().filter(|(_, value)| value.is_object()).map(|(name, _)| name.clone()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{homeassistant::Expose, model::Secret};

    fn from(change: impl FnOnce(&mut Settings)) -> Plan {
        let old = Settings::default();
        let mut new = old.clone();
        change(&mut new);
        plan(&old, &new)
    }

    #[test]
    fn each_change_touches_its_part_only() {
        assert!(from(|_| ()).is_empty());
        let all = Settings::default();
        let cases: Vec<(&str, Plan, Plan)> = vec![
            (
                "mqtt url",
                from(|s| s.mqtt.url = Some("mqtt://h".into())),
                Plan { restart_mqtt: true, ..Plan::default() },
            ),
            (
                "a password is not shown but counts",
                plan(
                    &Settings {
                        mqtt: crate::mqtt::Settings { password: Some(Secret::new("a")), ..all.mqtt.clone() },
                        ..all.clone()
                    },
                    &Settings {
                        mqtt: crate::mqtt::Settings { password: Some(Secret::new("b")), ..all.mqtt.clone() },
                        ..all.clone()
                    },
                ),
                Plan { restart_mqtt: true, ..Plan::default() },
            ),
            (
                "exposure goes to the core",
                from(|s| s.homeassistant.expose = Expose::All),
                Plan { adopt: true, ..Plan::default() },
            ),
            (
                "what payloads say goes to the bridge, too",
                from(|s| s.homeassistant.expose_limit = 7),
                Plan { adopt: true, restart_mqtt: true, ..Plan::default() },
            ),
            (
                "Home Assistant's address",
                from(|s| s.homeassistant.url = Some("http://h".into())),
                Plan { restart_homeassistant: true, ..Plan::default() },
            ),
            ("retention", from(|s| s.store.retention_days = 1), Plan { store: true, ..Plan::default() }),
            (
                "log level",
                from(|s| s.log.level = crate::settings::Level::Debug),
                Plan { relog: true, ..Plan::default() },
            ),
            (
                "networks",
                from(|s| s.network.interfaces = vec!["eth1".into()]),
                Plan {
                    restart_capture: true,
                    restart_scanners: names(&serde_json::to_value(&all).expect("settings")),
                    ..Plan::default()
                },
            ),
        ];
        for (name, found, expected) in cases {
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn what_cannot_change_is_refused_by_name_and_put_back() {
        let old = Settings::default();
        let mut new = old.clone();
        new.state_dir = Some("/elsewhere".into());
        new.mqtt.broker.port = 2883;
        new.mqtt.username = Some("anna".into());
        let found = plan(&old, &new);
        assert_eq!(
            found.refuse,
            [
                "state_dir needs a new start: the store is open there",
                "mqtt.broker needs a new start: clients are connected to it"
            ]
        );
        assert!(found.restart_mqtt);
        let merged = merge(&old, &new);
        assert_eq!((merged.state_dir.clone(), merged.mqtt.broker.port), (None, 1883));
        assert_eq!(merged.mqtt.username.as_deref(), Some("anna"));
        assert!(plan(&old, &merged).refuse.is_empty());
    }
}
