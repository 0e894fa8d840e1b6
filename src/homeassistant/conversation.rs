//! # The websocket's conversation
//!
//! Pure: which command has which id, which answers are still missing, what an event means. The socket
//! is `websocket`'s.
//!
//! Home Assistant wants integers that grow as ids; it answers in any order, may send several messages
//! in one array, and logs a refused command as an error of ours: so nothing here is asked to try.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    evidence::{Evidence, News, Said},
    registry::{Lists, Tracker, Trackers},
};
use crate::model::HaTracker;

/// Events after which the registries are read anew. A user without admin rights may subscribe to these.
const EVENTS: &[&str] = &[
    "device_registry_updated",
    "entity_registry_updated",
    "area_registry_updated",
    "floor_registry_updated",
    "core_config_updated",
];
pub const ADVERTS: &str = "bluetooth/subscribe_advertisements";
const TRACKERS_MAX: usize = 8192;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Config,
    Devices,
    Entities,
    Areas,
    Persons,
}

impl List {
    const ALL: [List; 5] = [List::Config, List::Devices, List::Entities, List::Areas, List::Persons];

    const fn command(self) -> &'static str {
        match self {
            List::Config => "get_config",
            List::Devices => "config/device_registry/list",
            List::Entities => "config/entity_registry/list",
            List::Areas => "config/area_registry/list",
            List::Persons => "person/list",
        }
    }
}

/// What an id was given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    List(List),
    Event,
    Adverts,
    Ping,
    Unwatch,
}

/// What messages came to.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Heard {
    /// The ping was answered.
    pub pong: bool,
    /// Something was changed over there: read anew.
    pub changed: bool,
    /// The last missing list came.
    pub complete: bool,
    /// Messages that made no sense.
    pub faults: u32,
    /// Commands that were refused: command and code.
    pub refused: Vec<(&'static str, String)>,
    /// Trackers of routers that changed their mind.
    pub trackers: Vec<HaTracker>,
    /// Doors that moved, and positions that apps sent.
    pub news: Vec<News>,
    /// Events of Bluetooth.
    pub adverts: Vec<Value>,
}

/// One connection's state after authentication.
#[derive(Debug, Default)]
pub struct Conversation {
    last_id: u64,
    waiting: BTreeMap<u64, Purpose>,
    missing: u32,
    lists: Lists,
    watched: BTreeSet<String>,
    /// Id of the running `subscribe_entities`.
    watching: Option<u64>,
    trackers: Trackers,
    /// What each router's tracker said last. `None`: it did not know.
    homes: BTreeMap<String, Option<bool>>,
    /// Doors and apps among the watched.
    pub evidence: Evidence,
}

impl Conversation {
    /// One that follows these doors.
    pub fn about(doors: &[String]) -> Conversation {
        Conversation { evidence: Evidence::of(doors), ..Conversation::default() }
    }

    /// The first commands: subscriptions before lists, so that no change falls between them.
    pub fn open(&mut self) -> Vec<Value> {
        let mut commands: Vec<Value> = EVENTS
            .iter()
            .map(|event| self.command(Purpose::Event, json!({"type": "subscribe_events", "event_type": event})))
            .collect();
        commands.extend(self.read_lists());
        commands
    }

    /// Wants to hear Bluetooth.
    pub fn hear_bluetooth(&mut self) -> Value {
        self.command(Purpose::Adverts, json!({"type": ADVERTS}))
    }

    /// Asks for all lists again.
    pub fn read_lists(&mut self) -> Vec<Value> {
        // Answers to an older round must not complete this one.
        self.waiting.retain(|_, purpose| !matches!(purpose, Purpose::List(_)));
        self.lists = Lists::default();
        self.missing = 0;
        List::ALL
            .iter()
            .map(|list| {
                self.missing += 1;
                self.command(Purpose::List(*list), json!({"type": list.command()}))
            })
            .collect()
    }

    pub fn ping(&mut self) -> Value {
        self.command(Purpose::Ping, json!({"type": "ping"}))
    }

    /// Follows these entities instead of those before. Empty if they are the same.
    pub fn watch(&mut self, mut entities: BTreeSet<String>) -> Vec<Value> {
        entities.extend(self.evidence.doors().iter().cloned());
        if entities == self.watched {
            return Vec::new();
        }
        let mut commands = Vec::new();
        if let Some(id) = self.watching.take() {
            commands.push(self.command(Purpose::Unwatch, json!({"type": "unsubscribe_events", "subscription": id})));
        }
        self.trackers.retain(|entity, _| entities.contains(entity));
        // The new subscription begins with whole states, as after a pause.
        self.homes.clear();
        if !entities.is_empty() {
            commands.push(self.command(Purpose::Event, json!({"type": "subscribe_entities", "entity_ids": entities})));
            self.watching = Some(self.last_id);
        }
        self.watched = entities;
        commands
    }

    /// The lists that came; they are handed over once.
    pub fn take_lists(&mut self) -> Lists {
        std::mem::take(&mut self.lists)
    }

    pub fn trackers(&self) -> &Trackers {
        &self.trackers
    }

    /// One frame: a message, or an array of them.
    pub fn hear(&mut self, text: &str) -> Heard {
        let mut heard = Heard::default();
        match serde_json::from_str(text) {
            Ok(Value::Array(messages)) => messages.into_iter().for_each(|message| self.message(message, &mut heard)),
            Ok(message) => self.message(message, &mut heard),
            Err(_) => heard.faults += 1,
        }
        heard
    }

    fn message(&mut self, mut message: Value, heard: &mut Heard) {
        let Some(id) = message.get("id").and_then(Value::as_u64) else {
            heard.faults += 1;
            return;
        };
        match message.get("type").and_then(Value::as_str) {
            Some("pong") => heard.pong |= self.waiting.remove(&id) == Some(Purpose::Ping),
            Some("result") => self.result(id, &mut message, heard),
            Some("event") if self.waiting.get(&id) == Some(&Purpose::Adverts) => {
                match message.get_mut("event").map(Value::take) {
                    Some(event) => heard.adverts.push(event),
                    None => heard.faults += 1,
                }
            }
            Some("event") => match message.get("event") {
                Some(event) if self.watching == Some(id) => self.entities(event, heard),
                Some(_) if self.waiting.get(&id) == Some(&Purpose::Event) => heard.changed = true,
                // An old subscription's last words.
                Some(_) => {}
                None => heard.faults += 1,
            },
            _ => heard.faults += 1,
        }
    }

    fn result(&mut self, id: u64, message: &mut Value, heard: &mut Heard) {
        let refused = message.get("success").and_then(Value::as_bool) != Some(true);
        let code = || {
            let code = message.get("error").and_then(|e| e.get("code")).and_then(Value::as_str).unwrap_or("no code");
            crate::model::clean_text(code, 40)
        };
        match self.waiting.get(&id).copied() {
            Some(Purpose::List(list)) => {
                self.waiting.remove(&id);
                self.missing = self.missing.saturating_sub(1);
                heard.complete |= self.missing == 0;
                if refused {
                    heard.refused.push((list.command(), code()));
                } else if !self.keep(list, message.get_mut("result").map(Value::take).unwrap_or_default()) {
                    heard.refused.push((list.command(), "an answer of another shape".into()));
                }
            }
            Some(Purpose::Event) if refused => {
                self.waiting.remove(&id);
                heard.refused.push(("subscribe", code()));
            }
            Some(Purpose::Adverts) if refused => {
                self.waiting.remove(&id);
                heard.refused.push((ADVERTS, code()));
            }
            // Stays: its events come under the same id.
            Some(Purpose::Event | Purpose::Adverts) => {}
            Some(Purpose::Ping | Purpose::Unwatch) => {
                self.waiting.remove(&id);
            }
            // Answered twice, or to an older round.
            None => {}
        }
    }

    fn keep(&mut self, list: List, result: Value) -> bool {
        match (list, result) {
            (List::Config, config @ Value::Object(_)) => self.lists.config = Some(config),
            (List::Devices, Value::Array(entries)) => self.lists.devices = Some(entries),
            (List::Entities, Value::Array(entries)) => self.lists.entities = Some(entries),
            (List::Areas, Value::Array(entries)) => self.lists.areas = Some(entries),
            (List::Persons, persons @ Value::Object(_)) => self.lists.persons = Some(persons),
            _ => return false,
        }
        true
    }

    /// `a`: whole states, `c`: what changed of a state, `r`: entities that went. Only what names a
    /// device or hands a tracker to a person counts; coming and going does not.
    fn entities(&mut self, event: &Value, heard: &mut Heard) {
        for (entity, state) in parts(event, "a") {
            let attributes = state.get("a").unwrap_or(&Value::Null);
            heard.changed |= self.tracker(entity, attributes, false);
            self.minds(entity, state, attributes, heard);
            let said = Said { entity, state: state.get("s").and_then(Value::as_str), attributes, is_change: false };
            self.evidence.hear(said, &mut heard.news);
        }
        for entity in event.get("r").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            self.homes.remove(entity);
            self.evidence.gone(entity, &mut heard.news);
        }
        for (entity, change) in parts(event, "c") {
            let state = change.get("+").unwrap_or(&Value::Null);
            let new = state.get("a").unwrap_or(&Value::Null);
            self.minds(entity, state, new, heard);
            let said = Said { entity, state: state.get("s").and_then(Value::as_str), attributes: new, is_change: true };
            self.evidence.hear(said, &mut heard.news);
            let gone = change.get("-").and_then(|gone| gone.get("a")).and_then(Value::as_array);
            let gone = |key: &str| gone.is_some_and(|keys| keys.iter().any(|k| k.as_str() == Some(key)));
            if entity.starts_with("person.") {
                let keys = ["device_trackers", "friendly_name"];
                heard.changed |= keys.iter().any(|key| new.get(key).is_some() || gone(key));
            } else {
                heard.changed |= self.tracker(entity, new, true);
            }
        }
    }

    /// Whether a router's tracker calls its device home now and did not before, or the other way round. What it said
    /// when we first asked is old; after `unavailable` everything is: a router that starts calls everybody away.
    fn minds(&mut self, entity: &str, state: &Value, attributes: &Value, heard: &mut Heard) {
        if !entity.starts_with("device_tracker.") || !self.watched.contains(entity) {
            return;
        }
        match attributes.get("source_type").and_then(Value::as_str) {
            Some("router") if self.homes.len() < TRACKERS_MAX => drop(self.homes.entry(entity.to_owned()).or_default()),
            // A phone's own place, or a beacon's.
            Some(_) => drop(self.homes.remove(entity)),
            None => {}
        }
        let (Some(said), Some(before)) = (state.get("s").and_then(Value::as_str), self.homes.get_mut(entity)) else {
            return;
        };
        let now = match said {
            "home" => Some(true),
            "not_home" => Some(false),
            _ => None,
        };
        let known = std::mem::replace(before, now);
        let mac = self.trackers.get(entity).and_then(|tracker| tracker.mac);
        if let (Some(home), Some(before), Some(mac)) = (now, known, mac)
            && home != before
        {
            heard.trackers.push(HaTracker { mac, home });
        }
    }

    /// Keeps what a tracker says; whether that is news.
    fn tracker(&mut self, entity: &str, attributes: &Value, partial: bool) -> bool {
        if !entity.starts_with("device_tracker.") || !self.watched.contains(entity) {
            return false;
        }
        let mut now = Tracker::read(attributes);
        let before = self.trackers.get(entity);
        if partial {
            // A phone that left has no address now; it is still the same phone.
            now.mac = now.mac.or(before.and_then(|b| b.mac));
            now.ip = now.ip.or(before.and_then(|b| b.ip));
            now.host = now.host.or_else(|| before.and_then(|b| b.host.clone()));
        }
        if before == Some(&now) || before.is_none() && now == Tracker::default() {
            return false;
        }
        if before.is_none() && self.trackers.len() >= TRACKERS_MAX {
            return false;
        }
        self.trackers.insert(entity.to_owned(), now);
        true
    }

    fn command(&mut self, purpose: Purpose, mut command: Value) -> Value {
        self.last_id += 1;
        self.waiting.insert(self.last_id, purpose);
        if let Some(object) = command.as_object_mut() {
            object.insert("id".into(), self.last_id.into());
        }
        command
    }
}

fn parts<'a>(event: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    event.get(key).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests;
