//! # Doors, positions, and what else is known beside a silence
//!
//! Gathers what other witnesses say of one silent device; what it is worth stands in `departure::evidence`. A door
//! says something only if every door of `presence.doors` is watched; a position only while it is fresh and exact.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::model::{DeviceId, HaContact, HaPlace, Kind, Mono, clean_text};

use super::{
    Presence,
    departure::{
        Lesson,
        evidence::{Evidence, Others, Place, Station},
    },
    device::Device,
};

/// A door that opened so long before the last sign of life or after it may be the one it left by.
const BESIDE: Duration = Duration::from_secs(120);
/// Openings that are kept of one door, and doors.
const OPENINGS_MAX: usize = 32;
const DOORS_MAX: usize = 32;
const PLACES_MAX: usize = 64;
/// A position counts while it is younger, and its error smaller; far is farther than that beyond the error.
const FRESH: Duration = Duration::from_secs(300);
const EXACT_M: f64 = 100.0;
const FAR_M: f64 = 500.0;
/// What a list says holds until the next look, and one that may be late.
const LISTED_FOR: Duration = Duration::from_secs(120);
/// Devices that fell silent within this time fell silent together.
const TOGETHER: Duration = Duration::from_secs(120);
/// Who went out with several devices comes back with all of them within this time, and they were heard last within
/// that: a phone that sleeps may have fallen silent before its owner went.
const BACK: Duration = Duration::from_secs(60);
const LEFT_WITH: Duration = Duration::from_secs(600);
/// A device heard within this time is here.
const HERE: Duration = Duration::from_secs(90);

#[derive(Debug, Default)]
struct Door {
    /// Known to be read, since when.
    watched: Option<Mono>,
    open: bool,
    openings: VecDeque<Mono>,
}

/// Every door that is listed.
#[derive(Debug, Default)]
pub struct Doors(BTreeMap<String, Door>);

impl Doors {
    pub fn moved(&mut self, contact: &HaContact, listed: &[String], now: Mono) {
        if !listed.contains(&contact.entity) || (self.0.len() >= DOORS_MAX && !self.0.contains_key(&contact.entity)) {
            return;
        }
        let door = self.0.entry(contact.entity.clone()).or_default();
        // What is told first is how it stands, not that it moved.
        let opens = door.watched.is_some() && !door.open && contact.open == Some(true);
        door.watched = contact.open.map(|_| door.watched.unwrap_or(now));
        door.open = contact.open == Some(true);
        if opens {
            door.openings.push_back(now);
            if door.openings.len() > OPENINGS_MAX {
                door.openings.pop_front();
            }
        }
    }

    /// Whether a door opened about `at`. None: not all are watched, or it may still open.
    fn opened_about(&self, at: Mono, listed: &[String], now: Mono) -> Option<bool> {
        let within = at - BESIDE..=at + BESIDE;
        // One that could not be read for a part of that time may have opened.
        let is_watched = |door: &Door| door.watched.is_some_and(|since| since <= *within.start());
        let all = !listed.is_empty() && listed.iter().all(|entity| self.0.get(entity).is_some_and(is_watched));
        // One that stands open is no door.
        let mut doors = self.0.iter().filter(|(entity, _)| listed.contains(entity)).map(|(_, door)| door);
        let opened = doors.clone().any(|door| door.open || door.openings.iter().any(|then| within.contains(then)));
        match (all, opened) {
            (true, true) if doors.all(|door| !door.open) => Some(true),
            (true, false) if now > at + BESIDE => Some(false),
            _ => None,
        }
    }

    pub fn sizes(&self) -> [(&'static str, usize); 2] {
        [("doors", self.0.len()), ("doors.openings", self.0.values().map(|door| door.openings.len()).sum())]
    }
}

/// Where each person's phone was last.
#[derive(Debug, Default)]
pub struct Places(BTreeMap<String, (Mono, Place)>);

impl Places {
    pub fn told(&mut self, told: &HaPlace, now: Mono) {
        let fix = told.fix;
        let person = clean_text(&told.person, 64);
        let exact =
            fix.accuracy_m.is_finite() && (0.0..EXACT_M).contains(&fix.accuracy_m) && fix.distance_m.is_finite();
        if !exact || fix.age >= FRESH || (self.0.len() >= PLACES_MAX && !self.0.contains_key(&person)) {
            return;
        }
        let place = if fix.distance_m - fix.accuracy_m > FAR_M {
            Some(Place::Far)
        } else {
            (fix.distance_m <= EXACT_M).then_some(Place::Near)
        };
        match place {
            Some(place) => drop(self.0.insert(person, (now - fix.age, place))),
            None => drop(self.0.remove(&person)),
        }
    }

    fn of(&self, person: &str, now: Mono) -> Option<Place> {
        self.0.get(person).filter(|(at, _)| now.since(*at) < FRESH).map(|(_, place)| *place)
    }

    pub fn size(&self) -> (&'static str, usize) {
        ("places", self.0.len())
    }
}

impl Presence {
    /// What is known of the silence that `device` is in, besides its length.
    pub(super) fn evidence(&self, device: &Device, now: Mono) -> Evidence {
        let mute = &device.mute;
        let listed = mute.listed.is_some_and(|at| at > mute.quiet_since && now.since(at) <= LISTED_FOR);
        let station = match mute.goodbye {
            Some(crate::model::Goodbye::ApLeft) => Station::Dropped,
            _ if listed => Station::Listed,
            _ => Station::Unlisted,
        };
        let since = mute.quiet_since;
        let listed_s = match station {
            Station::Unlisted => 0.0,
            Station::Listed => now.since(since).as_secs_f64(),
            Station::Dropped => mute.dropped.map_or(0.0, |at| at.since(since).as_secs_f64()),
        };
        let person = device.person();
        let carried = device.is_carried();
        Evidence {
            station,
            listed_s,
            goodbye: mute.goodbye,
            door: self.doors.opened_about(since, &self.settings.doors, now),
            place: person.filter(|_| device.kind() == Kind::Phone).and_then(|person| self.places.of(person, now)),
            others: person.filter(|_| carried).and_then(|person| self.others(device, person, now)),
            unasked: device.joins_unheard(),
        }
    }

    /// What else `person` carries, and whether it is here.
    fn others(&self, device: &Device, person: &str, now: Mono) -> Option<Others> {
        let since = device.mute.quiet_since;
        // What speaks by itself alone may have said its last word long before its owner went.
        let together = if device.joins_unheard() { LEFT_WITH } else { TOGETHER };
        let (mut here, mut gone, mut silent, mut all) = (false, false, false, true);
        for other in self.carried_beside(device.id, person) {
            if !other.here {
                gone |= other.mute.trip.as_ref().is_some_and(|trip| apart(trip.spell.began, since) <= together);
                continue;
            }
            if other.mute.frozen.is_some() {
                continue;
            }
            here |= other.mute.spell.is_none() && now.since(other.mute.quiet_since) <= HERE;
            // Only heard last at about the same time is not silent: it was asked too, or cannot be and says no more.
            let is_silent = match &other.mute.spell {
                Some(spell) => spell.unanswered > 0,
                None => !self.is_askable(other) && now.since(other.mute.quiet_since) > HERE,
            };
            let is_together = is_silent && apart(other.mute.quiet_since, since) <= TOGETHER;
            silent |= is_together;
            all &= is_together;
        }
        match (here, gone) {
            (true, true) => None,
            (false, true) => Some(Others::GoneToo),
            (_, false) if silent && all => Some(Others::SilentToo),
            (true, false) => Some(Others::Here),
            (false, false) => None,
        }
    }

    /// The position is that of this phone, and far. With two phones it may be that of the other.
    pub(super) fn is_far_for_sure(&self, device: &Device, at: Mono) -> bool {
        device.person().is_some_and(|person| {
            let mut beside = self.carried_beside(device.id, person);
            !beside.any(|other| other.kind() == Kind::Phone) && self.places.of(person, at) == Some(Place::Far)
        })
    }

    /// What else the owner of `id` carries, and is here.
    pub(super) fn beside(&self, id: DeviceId) -> Vec<DeviceId> {
        let Some(person) = self.registry.get(id).and_then(Device::person) else { return Vec::new() };
        self.carried_beside(id, person).filter(|other| other.here).map(|other| other.id).collect()
    }

    /// What `person` carries, other than `id`: phones and watches, unless somebody set it otherwise.
    fn carried_beside(&self, id: DeviceId, person: &str) -> impl Iterator<Item = &Device> {
        let theirs = self.people.devices_of(person).filter(move |other| *other != id);
        theirs.filter_map(|id| self.registry.get(id)).filter(|other| other.is_carried())
    }

    /// What the other devices of its owner tell of the silence of `id` that ended a moment ago: one left and came back
    /// with it (true), or one was here all along (false). None: there is no other that would tell.
    pub(super) fn others_tell(&self, id: DeviceId) -> Option<bool> {
        let device = self.registry.get(id)?;
        let Lesson { trip, at, .. } = device.mute.lesson.as_ref()?;
        let (began, ended) = (trip.spell.began, at.mono);
        let mut was_here = false;
        for other in self.carried_beside(id, device.person()?).filter(|other| !other.joins_unheard()) {
            let back = other.mute.rejoined.filter(|(since, until)| apart(*until, ended) <= BACK && *since <= ended);
            if back.is_some_and(|(since, _)| apart(since, began) <= LEFT_WITH) {
                return Some(true);
            }
            was_here |= other.here && other.since.mono <= began && other.mute.frozen.is_none() && back.is_none();
        }
        was_here.then_some(false)
    }
}

fn apart(a: Mono, b: Mono) -> Duration {
    a.since(b).max(b.since(a))
}
