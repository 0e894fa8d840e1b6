//! # Rooms
//!
//! Which ear heard a radio how loud comes in; in which room it is comes out. An ear's room is what settings say, else
//! the area it has in Home Assistant, else what it says of itself, else its own name. A room never means here or away.
//!
//! Holds: [`ROOMS_MAX`] rooms, [`EARS_MAX`] ears, [`PLACED_MAX`] devices. Ears of names that nobody set may be
//! invented by whoever writes to the broker: those that were heard last stay.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::model::{Change, DeviceId, HeardAt, Moment, Mono, Observation, Rssi, Source, Span, clean_text};

use super::{Presence, device::Device, timers::Key};

mod filter;
mod gains;
mod kept;
mod plan;

use filter::{EarId, Ears, RoomId, Rules, Track};

const ROOMS_MAX: usize = 64;
const EARS_MAX: usize = 128;
const PLACED_MAX: usize = 1024;
const NAME_MAX: usize = 60;
/// This machine's own radio, as an ear.
const HERE: &str = "here";
/// So long after it was heard by Bluetooth, what is heard of it by Wi-Fi does not count.
const BLUETOOTH_FIRST: Duration = Duration::from_secs(120);
/// So often it is worked out by how much ears differ.
const GAINS_EVERY: Duration = Duration::from_secs(600);
/// An ear that heard nobody at all for so long is deaf, and its silence says nothing.
const DEAF: Duration = Duration::from_secs(120);

/// `presence.rooms`: in which room a device is, by how loud several ears hear it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// The room of this machine's own Bluetooth. Without it this machine is no ear.
    pub here: Option<String>,
    /// Rooms of other ears, such as `garage: Garage`: the name of a remote sensor, an ESPresense node, a gateway, or
    /// the address of a Bluetooth proxy. Without it its area in Home Assistant, else the room that the ear says, else its name.
    pub ears: BTreeMap<String, String>,
    /// Which rooms lie beside each other, such as `Hall: [Kitchen, Bath]`; said of one of two is said of both. From a
    /// room of which nothing is said one gets everywhere.
    pub adjacent: BTreeMap<String, Vec<String>>,
    /// Chance that a device is in the same room two seconds later.
    pub stay: f64,
    /// How much likelier another room must be; fifty times that for what has lain still for two minutes.
    pub switch_odds: f64,
    /// And for how long; three times that for what has lain still.
    pub hold: Span,
    /// Unheard for so long, or for six of its own pauses, it is in no room.
    pub lost: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            enabled: true,
            here: None,
            ears: BTreeMap::new(),
            adjacent: BTreeMap::new(),
            stay: 0.98,
            switch_odds: 9.0,
            hold: Span::seconds(6),
            lost: Span::seconds(30),
        }
    }
}

impl Settings {
    fn rules(&self) -> Rules {
        Rules {
            stay: self.stay.clamp(0.5, 0.999_9),
            odds: self.switch_odds.clamp(1.0, 1e3),
            hold: self.hold.0,
            lost: self.lost.0.max(Duration::from_secs(4)),
        }
    }
}

#[derive(Debug)]
struct Ear {
    name: Arc<str>,
    wifi: bool,
    room: RoomId,
    heard: Mono,
}

/// Ears and rooms; an id is a place in the list.
#[derive(Debug, Default)]
struct Tables {
    rooms: Vec<Arc<str>>,
    ears: Vec<Ear>,
    /// Areas of sensors in Home Assistant.
    areas: BTreeMap<String, String>,
    /// By how much each hears louder than the others; and as it was known before, by name and whether by Wi-Fi.
    offsets: BTreeMap<EarId, f64>,
    remembered: BTreeMap<(Arc<str>, bool), f64>,
    plan: plan::Plan,
    now: Mono,
}

impl Ears for Tables {
    fn room(&self, ear: EarId) -> Option<RoomId> {
        let ear = self.ears.get(usize::from(ear))?;
        (self.now.since(ear.heard) < DEAF).then_some(ear.room)
    }

    fn offset(&self, ear: EarId) -> f64 {
        self.offsets.get(&ear).copied().unwrap_or_default()
    }

    fn is_planned(&self) -> bool {
        self.plan.is_drawn()
    }

    fn way(&self, from: RoomId, to: RoomId) -> Option<f64> {
        self.plan.way(from, to)
    }
}

impl Tables {
    fn name(&self, room: RoomId) -> Option<&Arc<str>> {
        self.rooms.get(usize::from(room))
    }

    /// The room of that name; `None`: there are too many.
    fn find(&mut self, name: &str) -> Option<RoomId> {
        let known = self.rooms.iter().position(|room| **room == *name);
        if known.is_none() && (self.rooms.len() >= ROOMS_MAX || name.is_empty()) {
            return None;
        }
        RoomId::try_from(known.unwrap_or_else(|| {
            self.rooms.push(name.into());
            self.rooms.len() - 1
        }))
        .ok()
    }

    /// The ear, and whether its id was another's until now.
    fn ear(&mut self, at: &HeardAt, settings: &Settings) -> Option<(EarId, bool)> {
        let place = self.ears.iter().position(|ear| ear.wifi == at.wifi && ear.name == at.ear);
        let area = self.areas.get(&*at.ear);
        let said = settings.ears.get(&*at.ear).or(area).map(String::as_str).or(at.room.as_deref()).unwrap_or(&at.ear);
        let said = said.to_owned();
        let is_same = |ear: &Ear, tables: &Tables| tables.name(ear.room).is_some_and(|name| **name == *said);
        let now = self.now;
        if let Some(place) = place {
            let same = self.ears.get(place).is_some_and(|ear| is_same(ear, self));
            let room = if same { None } else { Some(self.find(&clean_text(&said, NAME_MAX))?) };
            let ear = self.ears.get_mut(place)?;
            ear.heard = now;
            ear.room = room.unwrap_or(ear.room);
            return Some((EarId::try_from(place).ok()?, false));
        }
        let room = self.find(&clean_text(&said, NAME_MAX))?;
        let ear = Ear { name: Arc::clone(&at.ear), wifi: at.wifi, room, heard: now };
        if self.ears.len() < EARS_MAX {
            let id = EarId::try_from(self.ears.len()).ok()?;
            self.ears.push(ear);
            self.recall(id);
            return Some((id, false));
        }
        // The one that has been deaf for the longest makes room; one that hears does not.
        let (place, oldest) = self.ears.iter_mut().enumerate().min_by_key(|(_, ear)| ear.heard)?;
        if now.since(oldest.heard) < DEAF {
            return None;
        }
        *oldest = ear;
        let id = EarId::try_from(place).ok()?;
        self.recall(id);
        Some((id, true))
    }
}

/// One device and the radio by which it is placed: levels of Wi-Fi and of Bluetooth cannot be compared.
#[derive(Debug, Default)]
struct Placed {
    track: Track,
    bluetooth: Option<Mono>,
    /// How loud it is in each room where it lay, by Bluetooth and by Wi-Fi.
    at_home: gains::AtHome,
    at_home_wifi: gains::AtHome,
}

impl Placed {
    fn at_home(&self) -> [&gains::AtHome; 2] {
        [&self.at_home, &self.at_home_wifi]
    }
}

/// All of it.
#[derive(Debug, Default)]
pub struct Rooms {
    tables: Tables,
    placed: BTreeMap<DeviceId, Placed>,
    gains_at: Mono,
    /// Levels that found no room or no ear.
    pub dropped: u64,
}

impl Rooms {
    /// A level at an ear. True if the device is in another room now.
    fn hear(&mut self, id: DeviceId, heard: &HeardAt, at: Mono, settings: &Settings) -> bool {
        self.tables.now = self.tables.now.max(at);
        let Some((ear, is_anothers)) = self.tables.ear(heard, settings) else {
            self.dropped += 1;
            return false;
        };
        if is_anothers {
            for placed in self.placed.values_mut() {
                placed.track.forget(ear);
                placed.at_home.forget(ear);
                placed.at_home_wifi.forget(ear);
            }
        }
        self.tables.plan.draw(&self.tables.rooms, settings);
        if self.placed.len() >= PLACED_MAX && !self.placed.contains_key(&id) {
            self.dropped += 1;
            return false;
        }
        let placed = self.placed.entry(id).or_default();
        if heard.wifi {
            if placed.bluetooth.is_some_and(|last| at.since(last) < BLUETOOTH_FIRST) {
                return false;
            }
            if placed.bluetooth.take().is_some() {
                placed.track.turn();
            }
        } else if placed.bluetooth.replace(at).is_none() {
            placed.track.turn();
        }
        let moved = placed.track.hear(ear, heard.level.dbm(), at, &self.tables, &settings.rules());
        if let Some(level) = placed.track.level_at_home(ear, &self.tables) {
            if heard.wifi { &mut placed.at_home_wifi } else { &mut placed.at_home }.hear(ear, level);
        }
        if at.since(self.gains_at) >= GAINS_EVERY {
            self.gains_at = at;
            self.tables.learn(gains::offsets(self.placed.values().flat_map(Placed::at_home)));
        }
        moved
    }

    /// Settings may say otherwise which rooms lie beside each other.
    pub fn adopt(&mut self) {
        self.tables.plan = plan::Plan::default();
    }

    /// Sensors were put into areas in Home Assistant.
    pub fn moved(&mut self, areas: &[(String, String)]) {
        self.tables.areas = areas.iter().take(EARS_MAX).cloned().collect();
    }

    /// Where it is.
    pub fn of(&self, id: DeviceId) -> Option<&Arc<str>> {
        self.tables.name(self.placed.get(&id)?.track.room()?)
    }

    pub fn forget(&mut self, id: DeviceId) {
        self.placed.remove(&id);
    }

    /// Entries of each table.
    pub fn sizes(&self) -> [(&'static str, usize); 5] {
        [
            ("rooms", self.tables.rooms.len()),
            ("rooms.ears", self.tables.ears.len() + self.tables.areas.len() + self.tables.remembered.len()),
            ("rooms.placed", self.placed.len()),
            ("rooms.at_home", self.placed.values().flat_map(Placed::at_home).map(gains::AtHome::len).sum()),
            ("rooms.levels", self.placed.values().map(|placed| placed.track.len()).sum()),
        ]
    }
}

impl Presence {
    /// An ear heard the device so loud.
    fn placed(&mut self, id: DeviceId, heard: &HeardAt, at: Moment, out: &mut Vec<Change>) {
        // Of passers-by nobody asks where they are.
        let is_asked = |device: &Device| !device.own && !device.is_nobodys();
        if !self.settings.rooms.enabled || !self.registry.get(id).is_some_and(is_asked) {
            return;
        }
        if self.rooms.hear(id, heard, at.mono, &self.settings.rooms) {
            self.moved_room(id, out);
        }
        self.timers.by(Key::Rooms, at.mono + self.settings.rooms.rules().lost);
    }

    /// It was received so loud: at an ear, or by this machine itself.
    pub(super) fn so_loud(
        &mut self,
        id: DeviceId,
        level: Rssi,
        ear: Option<&HeardAt>,
        seen: &Observation,
        out: &mut Vec<Change>,
    ) {
        if let Some(device) = self.registry.get_mut(id) {
            device.level = Some(level);
            if let Some(window) = &mut device.window {
                window.heard(level);
            }
        }
        let is_bluetooth = matches!(seen.source, Source::Ble | Source::Bluetooth);
        match (ear, self.settings.rooms.here.as_deref()) {
            (Some(ear), _) => self.placed(id, ear, seen.at, out),
            (None, Some(here)) if is_bluetooth => {
                let heard = HeardAt { ear: HERE.into(), room: Some(here.into()), wifi: false, level };
                self.placed(id, &heard, seen.at, out);
            }
            _ => {}
        }
        self.grew_stale(id);
    }

    /// Who has not been heard for long is in no room.
    pub(super) fn tend_rooms(&mut self, now: Moment, out: &mut Vec<Change>) {
        let rules = self.settings.rooms.rules();
        self.rooms.tables.now = now.mono;
        let mut next: Option<Mono> = None;
        let mut moved = Vec::new();
        for (id, placed) in &mut self.rooms.placed {
            if placed.track.advance(now.mono, &self.rooms.tables, &rules) {
                moved.push(*id);
            }
            if placed.track.room().is_some() {
                let at = placed.track.lost_at(&rules);
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        for id in moved {
            self.moved_room(id, out);
        }
        if let Some(at) = next {
            self.timers.set(Key::Rooms, at.max(now.mono + Duration::from_secs(2)));
        }
    }

    fn moved_room(&mut self, id: DeviceId, out: &mut Vec<Change>) {
        let room = self.rooms.of(id).map(|room| room.to_string());
        let Some(device) = self.registry.get_mut(id) else { return };
        if room.is_some() {
            device.last_room.clone_from(&room);
        }
        device.room = room;
        self.touch(id);
        out.push(Change::DeviceChanged { device: id });
    }
}

#[cfg(test)]
mod tests;
