//! # What other projects say of presence over MQTT
//!
//! Each kind has a trap of its own, which stands at the head of its file. Whoever reads here gets words of one shape:
//! who was heard, by which node, and what that shows. It allocates: payloads are documents.

use std::time::Duration;

use serde_json::Value;

use super::ble::Irk;
use crate::model::{MacAddr, Rssi, clean_text};

pub mod espresense;
pub mod espresense_companion;
pub mod hostapd_script;
pub mod monitor;
pub mod owntracks;
pub mod room_assistant;
pub mod tasmota;
pub mod theengs;
pub mod wifi_presence;
pub mod zigbee2mqtt;

/// Bytes of a payload that is read. The fullest advertisement has some two kilobytes.
pub const PAYLOAD_MAX: usize = 16 << 10;
/// Bytes of a name.
const TEXT_MAX: usize = 80;
/// Levels of a topic.
const LEVELS_MAX: usize = 12;

/// Who a message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    Mac(MacAddr),
    /// A phone or watch by its identity resolving key.
    Irk(Irk),
    /// An iBeacon: UUID, major and minor.
    Beacon(String),
    /// A name of that project's own.
    Alias(String),
}

/// What it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Its radio was heard at the node.
    Alive,
    /// It has just connected to the access point.
    Joined,
    /// It is connected to no longer that access point.
    Left,
    /// Somebody else's tracker, with a patience of its own, calls it here.
    Listed,
    /// The same tracker gave it up: its timeout, and no departure.
    Absent,
}

/// One sighting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Which ear, as that project calls it.
    pub node: String,
    pub who: Who,
    pub shows: Shows,
    pub level: Option<Rssi>,
    pub name: Option<String>,
    /// How old it is; nothing: as old as the message.
    pub age: Option<Duration>,
    /// A person told that project of it. The others are whoever passes by.
    pub is_named: bool,
}

/// One message understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    Heard(Heard),
    /// A node came up, or its will says that it went.
    Node {
        node: String,
        up: bool,
    },
    /// Somebody, nobody knows who, is where this sensor is.
    Occupied {
        place: String,
        occupied: bool,
    },
    /// Understood, and it says nothing of anybody.
    Nothing,
}

/// One kind of foreign messages.
pub struct Kind {
    /// Its name in `scanners.mqtt.<kind>`.
    pub id: &'static str,
    /// First levels of its topics, if nobody moved them.
    pub base: &'static str,
    /// What is subscribed below the base.
    pub filters: &'static [&'static str],
    /// Reads the levels below the base, and the payload.
    pub read: fn(&[&str], &[u8]) -> Option<Word>,
    /// Retained messages of it that are state and not sightings.
    pub is_state: fn(&[&str]) -> bool,
}

/// All kinds.
pub static KINDS: &[&Kind] = &[
    &espresense::KIND,
    &espresense_companion::KIND,
    &room_assistant::KIND,
    &theengs::KIND,
    &monitor::KIND,
    &tasmota::KIND,
    &owntracks::KIND,
    &wifi_presence::KIND,
    &hostapd_script::KIND,
    &zigbee2mqtt::KIND,
];

impl Kind {
    /// Reads a message below `base`. `None`: none of this kind, or broken.
    #[must_use]
    pub fn word(&self, base: &str, topic: &str, payload: &[u8]) -> Option<Word> {
        if payload.len() > PAYLOAD_MAX {
            return None;
        }
        (self.read)(&below(base, topic)?, payload)
    }

    /// Whether a retained message there is state: of a sighting it would be old news.
    #[must_use]
    pub fn keeps(&self, base: &str, topic: &str) -> bool {
        below(base, topic).is_some_and(|levels| (self.is_state)(&levels))
    }
}

/// The levels of `topic` below `base`.
fn below<'a>(base: &str, topic: &'a str) -> Option<Vec<&'a str>> {
    let rest = if base.is_empty() { topic } else { topic.strip_prefix(base)?.strip_prefix('/')? };
    let levels: Vec<&str> = rest.split('/').take(LEVELS_MAX + 1).collect();
    (levels.len() <= LEVELS_MAX).then_some(levels)
}

fn json(payload: &[u8]) -> Option<Value> {
    serde_json::from_slice::<Value>(payload).ok().filter(Value::is_object)
}

fn string<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

fn text(raw: &str) -> Option<String> {
    Some(clean_text(raw, TEXT_MAX)).filter(|text| !text.is_empty())
}

fn name(value: &Value, key: &str) -> Option<String> {
    string(value, key).and_then(text)
}

fn mac(raw: &str) -> Option<MacAddr> {
    raw.parse().ok().filter(|mac: &MacAddr| mac.is_station())
}

/// A level in dBm, whole or with a fraction. 0 and above is "not known", or a lost beacon.
fn level(value: &Value, key: &str) -> Option<Rssi> {
    let level = value.get(key)?.as_f64()?.round();
    ((-127.0..0.0).contains(&level)).then_some(level as i8).and_then(Rssi::new)
}

fn node(raw: &str) -> String {
    clean_text(raw, TEXT_MAX)
}

fn heard(node: &str, who: Who, shows: Shows) -> Heard {
    Heard { node: clean_text(node, TEXT_MAX), who, shows, level: None, name: None, age: None, is_named: false }
}

/// `online` and `offline`, as wills spell them.
fn is_up(payload: &[u8]) -> Option<bool> {
    match payload.trim_ascii() {
        word if word.eq_ignore_ascii_case(b"online") => Some(true),
        word if word.eq_ignore_ascii_case(b"offline") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
