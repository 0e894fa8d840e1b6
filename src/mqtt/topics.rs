//! # Every topic string
//!
//! Topics carry the node, ids carry the instance: renaming the node moves topics, never entities.
//! `B` below is `<base>/<node>`. Nothing in a topic comes from a name or an address.

use super::Site;
use crate::model::{DeviceId, PersonId};

/// One device in Home Assistant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    Bridge,
    Household,
    Security,
    Person(PersonId),
    Device(DeviceId),
}

impl Thing {
    /// The `<id>` of discovery topics and ids.
    #[must_use]
    pub fn id(self) -> String {
        match self {
            Thing::Bridge => "bridge".into(),
            Thing::Household => "household".into(),
            Thing::Security => "security".into(),
            Thing::Person(id) => id.to_string(),
            Thing::Device(id) => id.to_string(),
        }
    }
}

/// A topic of a thing, as entity rows name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The bridge's `online`, for all.
    Availability,
    /// The bridge's health.
    Health,
    Presence,
    State,
    Fast,
    Who,
    Open,
    Event,
    /// `set/<key>`.
    Set,
    Do,
}

/// The topics of one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    /// `<base>/<node>`.
    pub root: String,
    /// `<prefix>/device/`.
    discovery: String,
    /// `<prefix>/status`.
    pub birth: String,
    /// `porchlight_<instance>`.
    unique: String,
}

impl Topics {
    #[must_use]
    pub fn new(site: &Site) -> Topics {
        Topics {
            root: format!("{}/{}", site.base, site.node),
            discovery: format!("{}/device/", site.prefix),
            birth: format!("{}/status", site.prefix),
            unique: format!("porchlight_{}", instance_hex(site.instance)),
        }
    }

    /// `porchlight_<instance>_<id>`: identifier of the device, and the middle of its discovery topic.
    #[must_use]
    pub fn identifier(&self, thing: Thing) -> String {
        format!("{}_{}", self.unique, thing.id())
    }

    /// `porchlight_<instance>_<id>_<key>`.
    #[must_use]
    pub fn unique_id(&self, thing: Thing, key: &str) -> String {
        format!("{}_{}_{key}", self.unique, thing.id())
    }

    /// What begins every discovery topic and every state topic of a person.
    #[must_use]
    pub fn of_persons(&self) -> [String; 2] {
        [format!("{}{}_p-", self.discovery, self.unique), format!("{}/person/", self.root)]
    }

    /// Where the discovery payload of `thing` is kept.
    #[must_use]
    pub fn config(&self, thing: Thing) -> String {
        format!("{}{}/config", self.discovery, self.identifier(thing))
    }

    /// A topic of `thing`; `key` is used by [`Place::Set`] only.
    #[must_use]
    pub fn at(&self, thing: Thing, place: Place, key: &str) -> String {
        let root = &self.root;
        let home = match thing {
            Thing::Device(id) => format!("device/{id}"),
            Thing::Person(id) => format!("person/{id}"),
            other => other.id(),
        };
        match place {
            Place::Availability => format!("{root}/bridge/state"),
            Place::Health => format!("{root}/bridge/health"),
            Place::Presence => format!("{root}/{home}/presence"),
            Place::State => format!("{root}/{home}/state"),
            Place::Fast => format!("{root}/{home}/fast"),
            Place::Who => format!("{root}/{home}/who"),
            Place::Open => format!("{root}/{home}/open"),
            Place::Event => format!("{root}/{home}/event"),
            Place::Set => format!("{root}/{home}/set/{key}"),
            Place::Do => format!("{root}/{home}/do"),
        }
    }

    #[must_use]
    pub fn info(&self) -> String {
        format!("{}/bridge/info", self.root)
    }

    /// What stands before a verb in the topics of requests, and one `/`.
    #[must_use]
    pub fn requests(&self) -> String {
        format!("{}/request", self.root)
    }

    /// The default topic of answers to `verb`.
    #[must_use]
    pub fn response(&self, verb: &str) -> String {
        format!("{}/response/{verb}", self.root)
    }

    /// Where refused entity commands are told.
    #[must_use]
    pub fn error(&self) -> String {
        self.response("error")
    }

    /// The device or fixed thing whose discovery topic this is: ours by the instance in it.
    #[must_use]
    pub fn config_of(&self, topic: &str) -> Option<Thing> {
        let name = topic.strip_prefix(&self.discovery)?.strip_suffix("/config")?;
        match name.strip_prefix(&self.unique)?.strip_prefix('_')? {
            "bridge" => Some(Thing::Bridge),
            "household" => Some(Thing::Household),
            "security" => Some(Thing::Security),
            id if id.starts_with("p-") => id.parse().ok().map(Thing::Person),
            id => id.parse().ok().map(Thing::Device),
        }
    }

    /// What retained topic below `B` this is, if it is one that we write.
    #[must_use]
    pub fn kept(&self, topic: &str) -> Option<(Thing, Place)> {
        let rest = topic.strip_prefix(&self.root)?.strip_prefix('/')?;
        if let Some(rest) = rest.strip_prefix("device/") {
            let (id, leaf) = rest.split_once('/')?;
            let place = match leaf {
                "presence" => Place::Presence,
                "state" => Place::State,
                "fast" => Place::Fast,
                _ => return None,
            };
            return Some((Thing::Device(id.parse().ok()?), place));
        }
        if let Some(rest) = rest.strip_prefix("person/") {
            let (id, leaf) = rest.split_once('/')?;
            let place = match leaf {
                "presence" => Place::Presence,
                "state" => Place::State,
                _ => return None,
            };
            return Some((Thing::Person(id.parse().ok()?), place));
        }
        Some(match rest {
            "bridge/state" => (Thing::Bridge, Place::Availability),
            // Info has no place among the rows; it stands and falls with the bridge.
            "bridge/health" | "bridge/info" => (Thing::Bridge, Place::Health),
            "household/state" => (Thing::Household, Place::State),
            "household/who" => (Thing::Household, Place::Who),
            "security/state" => (Thing::Security, Place::State),
            "security/open" => (Thing::Security, Place::Open),
            _ => return None,
        })
    }

    /// What is asked on `topic`, if it is one that we listen to for commands.
    #[must_use]
    pub fn asked<'t>(&self, topic: &'t str) -> Option<Asked<'t>> {
        let rest = topic.strip_prefix(&self.root)?.strip_prefix('/')?;
        if let Some(verb) = rest.strip_prefix("request/") {
            return Some(Asked::Request(verb));
        }
        if let Some(rest) = rest.strip_prefix("device/") {
            let (id, leaf) = rest.split_once('/')?;
            return match leaf.strip_prefix("set/") {
                Some(key) => Some(Asked::Set { id: Some(id), key }),
                None => (leaf == "do").then_some(Asked::Do { id: Some(id), thing: "device" }),
            };
        }
        if let Some(rest) = rest.strip_prefix("person/") {
            let (id, leaf) = rest.split_once('/')?;
            return (leaf == "do").then_some(Asked::Do { id: Some(id), thing: "person" });
        }
        match rest {
            "bridge/do" => Some(Asked::Do { id: None, thing: "bridge" }),
            "security/do" => Some(Asked::Do { id: None, thing: "security" }),
            _ => rest.strip_prefix("household/set/").map(|key| Asked::Set { id: None, key }),
        }
    }
}

/// What a command topic asks, as written: nothing in it is checked yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked<'t> {
    /// `device/<id>/set/<key>`, or `household/set/<key>` without an id.
    Set {
        id: Option<&'t str>,
        key: &'t str,
    },
    /// `device/<id>/do`, `person/<id>/do`, `bridge/do`, `security/do`.
    Do {
        id: Option<&'t str>,
        thing: &'static str,
    },
    Request(&'t str),
}

impl Asked<'_> {
    /// Most bytes of a payload there.
    #[must_use]
    pub fn bytes_max(self) -> usize {
        match self {
            Asked::Set { id: Some(_), .. } => 256,
            Asked::Set { id: None, .. } => 32,
            Asked::Do { .. } => 64,
            Asked::Request(_) => 64 * 1024,
        }
    }
}

/// 24 bits as six hex digits.
#[must_use]
pub fn instance_hex(instance: u32) -> String {
    format!("{:06x}", instance & 0x00ff_ffff)
}

/// A node from a host name: `[a-z0-9_]{1,24}`, never `sensor`, which remote sensors use.
#[must_use]
pub fn node(host: &str) -> String {
    let mut node = super::text::slug(host.split('.').next().unwrap_or_default());
    node.truncate(24);
    node.truncate(node.trim_end_matches('_').len());
    match node.as_str() {
        "" => "home".into(),
        "sensor" => "sensor_host".into(),
        _ => node,
    }
}

/// Whether `node` may stand in topics.
#[must_use]
pub fn is_node(node: &str) -> bool {
    (1..=24).contains(&node.len())
        && node != "sensor"
        && node.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Whether an answer may be sent to the topic its asker named: inside `<base>/`, or a requester's
/// own `…/reply/…`; never where it would be taken for a state, a command or a discovery payload.
#[must_use]
pub fn may_answer_on(topic: &str, site: &Site) -> bool {
    if topic.is_empty() || topic.len() > 256 || topic.starts_with('$') {
        return false;
    }
    if topic.chars().any(|c| matches!(c, '+' | '#') || c.is_control()) {
        return false;
    }
    let inside = |parent: &str| topic.strip_prefix(parent).and_then(|rest| rest.strip_prefix('/'));
    if inside(&site.prefix).is_some() {
        return false;
    }
    let is_reply = topic.split('/').skip(1).any(|part| part == "reply") && !topic.ends_with("/reply");
    let Some(rest) = inside(&site.base) else { return is_reply };
    let mut parts = rest.split('/');
    match (parts.next(), parts.next()) {
        (Some("sensor"), _) => is_reply,
        (_, Some("bridge" | "device" | "household" | "person" | "security" | "request")) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nodes_come_from_host_names() {
        for (host, expected) in [
            ("Raspberry-Pi.local", "raspberry_pi"),
            ("sensor", "sensor_host"),
            ("", "home"),
            ("…", "home"),
            ("a-very-long-host-name-of-a-box", "a_very_long_host_name_of"),
        ] {
            assert_eq!(node(host), expected, "{host}");
        }
    }

    proptest! {
        #[test]
        fn every_host_name_gives_a_node(host in any::<String>()) {
            prop_assert!(is_node(&node(&host)), "{}", node(&host));
        }
    }
}
