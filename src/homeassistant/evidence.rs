//! # Doors and positions in Home Assistant's states
//!
//! Pure. A door is told when it moves, and that it can no longer be read: what nobody watches says nothing. A position
//! is told when the app has just sent one. What Home Assistant shows at first, or puts back after a start, may be a day
//! old and looks as if it were of now; so does a state that is written again because a zone was moved.
//!
//! Where somebody is stays here: only how far from home it is goes on.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;

use crate::model::{HaContact, HaFix, HaPlace};

/// Doors that are read; the core keeps as many.
const DOORS_MAX: usize = 32;
/// Attributes that come with a new position and with nothing else.
const POSITION: &[&str] =
    &["latitude", "longitude", "gps_accuracy", "altitude", "speed", "course", "vertical_accuracy"];
/// Mean radius of the Earth (IUGG), in metres.
const EARTH_M: f64 = 6_371_008.8;

/// Latitude and longitude, in degrees.
pub type Spot = (f64, f64);

/// Apps' trackers, and the persons that each stands for.
pub type Apps = BTreeMap<String, Vec<String>>;

/// Whether Home Assistant takes this for an entity id (`VALID_ENTITY_ID` of its `core.py`). One that it does not would
/// cost all that is asked for with it.
#[must_use]
pub fn is_entity(id: &str) -> bool {
    let part = |part: &str| {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        !part.is_empty() && !part.starts_with('_') && !part.ends_with('_') && part.bytes().all(is_plain)
    };
    id.len() <= 255 && !id.contains("__") && id.split_once('.').is_some_and(|(domain, name)| part(domain) && part(name))
}

/// Whether a state means that the way through it is open: of a contact or a motion sensor, a cover, a lock. `None`: it
/// does not say.
#[must_use]
pub fn is_open(state: &str) -> Option<bool> {
    match state {
        // What is on its way is not shut.
        "on" | "open" | "opening" | "closing" | "unlocked" | "unlocking" | "locking" => Some(true),
        "off" | "closed" | "locked" => Some(false),
        _ => None,
    }
}

/// What is known of doors and apps on one connection.
#[derive(Debug, Default)]
pub struct Evidence {
    doors: BTreeSet<String>,
    told: BTreeMap<String, Option<bool>>,
    apps: Apps,
    home: Option<Spot>,
    fixes: BTreeMap<String, Fix>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Fix {
    latitude: Option<f64>,
    longitude: Option<f64>,
    accuracy: Option<f64>,
}

/// A state, or the part of it that changed.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    pub entity: &'a str,
    pub state: Option<&'a str>,
    pub attributes: &'a Value,
    /// It changed while we listened.
    pub is_change: bool,
}

/// What it came to.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    Contact(HaContact),
    Place(HaPlace),
}

impl Evidence {
    /// `doors`: entities; what is none is left out.
    #[must_use]
    pub fn of(doors: &[String]) -> Evidence {
        let doors = doors.iter().filter(|door| is_entity(door)).take(DOORS_MAX).cloned().collect();
        Evidence { doors, ..Evidence::default() }
    }

    #[must_use]
    pub fn doors(&self) -> &BTreeSet<String> {
        &self.doors
    }

    /// Whose app is which tracker, and where home is.
    pub fn knows(&mut self, apps: Apps, home: Option<Spot>) {
        self.fixes.retain(|entity, _| apps.contains_key(entity));
        self.apps = apps;
        self.home = home.or(self.home);
    }

    /// Takes what was said of one entity.
    pub fn hear(&mut self, said: Said<'_>, news: &mut Vec<News>) {
        if self.doors.contains(said.entity) {
            if let Some(state) = said.state {
                self.moved(said.entity, is_open(state), news);
            }
        } else if let Some(persons) = self.apps.get(said.entity) {
            let fix = self.fixes.entry(said.entity.to_owned()).or_default();
            let is_new = fix.update(said.attributes);
            if let (true, true, Some(fix)) = (is_new, said.is_change, self.home.and_then(|home| fix.from(home))) {
                news.extend(persons.iter().map(|person| News::Place(HaPlace { person: person.clone(), fix })));
            }
        }
    }

    /// There is no such entity any more.
    pub fn gone(&mut self, entity: &str, news: &mut Vec<News>) {
        if self.doors.contains(entity) {
            self.moved(entity, None, news);
        }
        self.fixes.remove(entity);
    }

    fn moved(&mut self, entity: &str, open: Option<bool>, news: &mut Vec<News>) {
        // A door that never could be read is not told of: nobody rests on it.
        if self.told.insert(entity.to_owned(), open).unwrap_or_default() != open {
            news.push(News::Contact(HaContact { entity: entity.to_owned(), open }));
        }
    }
}

impl Fix {
    /// Whether anything of a position was in it.
    fn update(&mut self, attributes: &Value) -> bool {
        let number = |key: &str| attributes.get(key).and_then(Value::as_f64).filter(|number| number.is_finite());
        self.latitude = number("latitude").or(self.latitude);
        self.longitude = number("longitude").or(self.longitude);
        self.accuracy = number("gps_accuracy").or(self.accuracy);
        POSITION.iter().any(|key| attributes.get(key).is_some())
    }

    fn from(&self, home: Spot) -> Option<HaFix> {
        let distance_m = distance((self.latitude?, self.longitude?), home);
        // Zero is what it says if the app said nothing.
        let accuracy_m = self.accuracy.filter(|accuracy| *accuracy > 0.0)?;
        Some(HaFix { distance_m, accuracy_m, age: Duration::ZERO })
    }
}

/// Along a great circle, in metres (haversine).
fn distance(one: Spot, other: Spot) -> f64 {
    let (a, b) = (one.0.to_radians(), other.0.to_radians());
    let half = |from: f64, to: f64| ((to - from) / 2.0).sin().powi(2);
    let chord = half(a, b) + a.cos() * b.cos() * half(one.1.to_radians(), other.1.to_radians());
    2.0 * EARTH_M * chord.clamp(0.0, 1.0).sqrt().asin()
}

#[cfg(test)]
mod tests;
