//! # People and the household
//!
//! A person is home while a device they carry is here. The household is what comes of all.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::model::{Change, DeviceId, Household, Kind, Mode, Moment, Mono, PersonId, Trust};

use super::{
    Presence,
    device::Device,
    persons::{Last, PERSONS_MAX, Person},
    timers::Key,
    tracker::between,
};

/// New devices are those first seen within this time.
const NEW_FOR_MS: i64 = 86_400_000;
/// Groups that are told of.
const GROUPS_MAX: usize = 256;
/// Nobody home for so long is a vacation.
const VACATION_AFTER: Duration = Duration::from_secs(36 * 3600);

/// What is known while it is night.
#[derive(Debug, Clone, Copy)]
pub struct Night {
    /// A phone has been in use since.
    pub up: Option<Mono>,
    pub looked: Mono,
}

/// Who lives here, and what was set for the household.
#[derive(Debug)]
pub struct People {
    pub persons: BTreeMap<String, Person>,
    /// Ids, also of those who have no device just now.
    pub ids: BTreeMap<String, PersonId>,
    /// The last one left, but what somebody carries cannot tell that for certain.
    pub last: Option<Last>,
    pub owner_of: BTreeMap<DeviceId, String>,
    /// Carried devices that are here, and all carried ones that are known.
    carried_here: BTreeSet<DeviceId>,
    carried: BTreeSet<DeviceId>,
    guests: BTreeSet<DeviceId>,
    /// As set; `auto` is worked out.
    pub mode: Mode,
    effective: Mode,
    /// When the home will have been empty for long, if it is empty.
    vacation_from: Option<Mono>,
    pub night: Option<Night>,
}

impl People {
    pub fn new(mode: Mode, ids: &BTreeMap<String, PersonId>) -> People {
        People {
            persons: BTreeMap::new(),
            ids: ids.iter().take(PERSONS_MAX).map(|(name, id)| (name.clone(), *id)).collect(),
            last: None,
            owner_of: BTreeMap::new(),
            carried_here: BTreeSet::new(),
            carried: BTreeSet::new(),
            guests: BTreeSet::new(),
            mode,
            effective: if mode == Mode::Auto { Mode::Home } else { mode },
            vacation_from: None,
            night: None,
        }
    }

    /// Whether each person is home, and what they have.
    pub fn each(&self) -> impl Iterator<Item = (bool, impl Iterator<Item = DeviceId> + '_)> {
        self.persons.values().map(|person| (person.home, person.devices.iter().copied()))
    }

    /// Devices of guests that are here.
    pub fn guests(&self) -> impl Iterator<Item = DeviceId> + '_ {
        self.guests.iter().copied()
    }

    pub fn people_home(&self) -> usize {
        self.persons.values().filter(|person| person.home).count()
    }

    /// Somebody is here. Without persons, the phones say so.
    fn occupied(&self) -> bool {
        self.last.is_some()
            || !self.guests.is_empty()
            || if self.persons.is_empty() { !self.carried_here.is_empty() } else { self.people_home() > 0 }
    }

    /// Where nothing tells of people, the home is not called empty.
    fn is_empty(&self) -> bool {
        let untold = self.persons.is_empty() && self.carried.is_empty();
        !self.occupied() && !untold
    }

    /// What `auto` comes to.
    fn worked_out(&self, now: Mono) -> Mode {
        match (self.mode, self.vacation_from) {
            (Mode::Auto, None) if self.night.is_some() => Mode::Night,
            (Mode::Auto, None) => Mode::Home,
            (Mode::Auto, Some(from)) if from <= now => Mode::Vacation,
            (Mode::Auto, Some(_)) => Mode::Away,
            (set, _) => set,
        }
    }

    /// What a person has.
    pub fn devices_of(&self, person: &str) -> impl Iterator<Item = DeviceId> + '_ {
        self.persons.get(person).into_iter().flat_map(|person| person.devices.iter().copied())
    }

    /// Who speaks for people.
    fn speakers(&self) -> impl Iterator<Item = DeviceId> + '_ {
        self.carried.iter().chain(self.owner_of.keys()).copied()
    }

    /// Entries of each table.
    pub fn sizes(&self) -> [(&'static str, usize); 6] {
        [
            ("people.ids", self.ids.len()),
            ("people.persons", self.persons.len()),
            ("people.owner_of", self.owner_of.len()),
            ("people.carried_here", self.carried_here.len()),
            ("people.carried", self.carried.len()),
            ("people.guests", self.guests.len()),
        ]
    }

    pub fn forget(&mut self, id: DeviceId) -> Option<String> {
        self.carried.remove(&id);
        self.carried_here.remove(&id);
        self.guests.remove(&id);
        let owner = self.owner_of.remove(&id)?;
        if let Some(person) = self.persons.get_mut(&owner) {
            person.devices.remove(&id);
        }
        Some(owner)
    }
}

impl Presence {
    /// From when on `device` counts as a guest, if it may.
    pub(super) fn guest_from(&self, device: &Device) -> Option<Mono> {
        let stranger = device.here
            && !device.own
            && !device.gateway
            && device.unannounced.is_none()
            && device.person().is_none()
            && !self.people.guests.contains(&device.id);
        let mobile = matches!(device.kind(), Kind::Phone | Kind::Tablet | Kind::Watch | Kind::Laptop);
        match device.trust {
            // A person said so, and nothing says that it is a fixture of the house.
            Trust::Guest if stranger && (mobile || device.kind() == Kind::Unknown) => Some(device.since.mono),
            Trust::Unknown if stranger && device.kind() == Kind::Phone && device.names.own.is_none() => {
                Some(device.since.mono + self.settings.guest_after.0)
            }
            _ => None,
        }
    }

    /// Brings people, household, mode and exposure up to date after `id` changed.
    pub(super) fn settle(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        self.expose(id, now, out);
        let Some(device) = self.registry.get(id).filter(|device| device.unannounced.is_none()) else { return };
        self.household_dirty = true;
        let (here, carried) = (device.here, device.is_carried() && !device.own);
        let owner = device.person().map(ToOwned::to_owned);
        let guest = self.is_guest(device, now.mono);
        if let Some(at) = self.guest_from(device).filter(|at| *at > now.mono) {
            self.timers.by(Key::Device(id), at);
        }
        set(&mut self.people.carried, id, carried);
        set(&mut self.people.carried_here, id, carried && here);
        set(&mut self.people.guests, id, guest);
        let before = self.people.owner_of.get(&id).cloned();
        if before == owner {
            if let Some(owner) = owner {
                self.judge_person(&owner, id, true, now, out);
            }
        } else {
            if let Some(before) = before {
                if let Some(person) = self.people.persons.get_mut(&before) {
                    person.devices.remove(&id);
                }
                self.people.owner_of.remove(&id);
                self.judge_person(&before, id, false, now, out);
            }
            if let Some(owner) =
                owner.filter(|o| self.people.persons.len() < PERSONS_MAX || self.people.persons.contains_key(o))
            {
                self.people.owner_of.insert(id, owner.clone());
                self.name_person(&owner);
                let person = self.people.persons.entry(owner.clone()).or_insert_with(|| Person::since(now));
                person.devices.insert(id);
                self.judge_person(&owner, id, false, now, out);
            }
        }
        self.settle_mode(now, out);
    }

    /// Somebody set how well `id` stands for its owner: nobody moved.
    pub(super) fn stand_anew(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        let Some(device) = self.registry.get(id).filter(|device| device.unannounced.is_none()) else { return };
        let (here, carried) = (device.here, device.is_carried() && !device.own);
        self.household_dirty = true;
        set(&mut self.people.carried, id, carried);
        set(&mut self.people.carried_here, id, carried && here);
        if let Some(owner) = self.people.owner_of.get(&id).cloned() {
            self.judge_person(&owner, id, false, now, out);
        }
        self.settle_mode(now, out);
    }

    fn is_guest(&self, device: &Device, now: Mono) -> bool {
        if self.people.guests.contains(&device.id) {
            let stranger =
                device.here && device.person().is_none() && matches!(device.trust, Trust::Unknown | Trust::Guest);
            return stranger && (device.trust == Trust::Guest || device.names.own.is_none());
        }
        self.guest_from(device).is_some_and(|at| at <= now)
    }

    /// A device is no longer there to speak for anybody.
    pub(super) fn leave_home(&mut self, id: DeviceId) {
        self.household_dirty = true;
        if let Some(owner) = self.people.forget(id)
            && self.people.persons.get(&owner).is_some_and(|person| person.devices.is_empty())
        {
            self.people.persons.remove(&owner);
        }
    }

    /// After a device went for good: whom it stood for, and the mode.
    pub(super) fn judge_all(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        let names: Vec<String> = self.people.persons.keys().cloned().collect();
        for name in names {
            self.judge_person(&name, id, false, now, out);
        }
        self.settle_mode(now, out);
    }

    pub(super) fn settle_mode(&mut self, now: Moment, out: &mut Vec<Change>) {
        self.settle_last(now, out);
        if !self.people.is_empty() {
            self.people.vacation_from = None;
            if !self.is_night(now) && self.people.mode != Mode::Auto {
                self.timers.cancel(Key::Mode);
            }
        } else if self.people.vacation_from.is_none() {
            let from = now.mono + VACATION_AFTER.saturating_sub(self.empty_for(now));
            (self.people.vacation_from, self.people.night) = (Some(from), None);
            self.timers.set(Key::Mode, from);
        }
        self.look_again(now);
        let to = self.people.worked_out(now.mono);
        let from = std::mem::replace(&mut self.people.effective, to);
        if from != to {
            self.household_dirty = true;
            out.push(Change::ModeChanged { from, to, at: now.wall });
        }
    }

    /// For how long nobody who speaks for people is here: after a restart, longer than we know ourselves.
    fn empty_for(&self, now: Moment) -> Duration {
        let left = self.people.speakers().filter_map(|id| self.registry.get(id)).map(|device| device.since);
        left.map(|since| between(since, now)).min().unwrap_or_default()
    }

    /// After everybody was put back from the store: since when the home is empty.
    pub(super) fn recall_mode(&mut self, now: Moment) {
        self.people.vacation_from = None;
        self.recall_last();
        self.settle_mode(now, &mut Vec::new());
    }

    /// `true` if it is different.
    pub(super) fn set_mode(&mut self, mode: Mode, now: Moment, out: &mut Vec<Change>) -> bool {
        if self.people.mode == mode {
            return false;
        }
        let from = std::mem::replace(&mut self.people.mode, mode);
        self.household_dirty = true;
        let told = out.len();
        self.settle_mode(now, out);
        if out.len() == told {
            out.push(Change::ModeChanged { from, to: mode, at: now.wall });
        }
        true
    }

    /// Each group that devices were put into, and whether somebody of it is here. As with a person, what stands for it
    /// best decides: while the children's phones are out, their tablet at home says nothing.
    fn groups(&self) -> BTreeMap<String, bool> {
        let mut all: BTreeMap<&str, (u8, bool)> = BTreeMap::new();
        for device in self.registry.iter().filter(|device| device.unannounced.is_none()) {
            let Some(name) = device.group.as_deref() else { continue };
            if all.len() >= GROUPS_MAX && !all.contains_key(name) {
                continue;
            }
            let (rank, here) = (device.rank(), device.here);
            let best = all.entry(name).or_insert((rank, here));
            *best = match best.0.cmp(&rank) {
                Ordering::Less => *best,
                Ordering::Equal => (rank, best.1 || here),
                Ordering::Greater => (rank, here),
            };
        }
        all.into_iter().map(|(name, (_, here))| (name.to_owned(), here)).collect()
    }

    /// The household as outlets see it. `unknown`: here, trusted by nobody, named by nobody, owned
    /// by nobody. `new_today`: first seen within the last 24 hours (the core knows no time zone).
    pub(super) fn household_now(&self, now: Moment) -> Household {
        let told = || self.registry.iter().filter(|device| device.unannounced.is_none());
        let here = || told().filter(|device| device.here);
        let unknown = |d: &&Device| {
            d.trust == Trust::Unknown
                && d.names.own.is_none()
                && d.names.ha.is_none()
                && d.person().is_none()
                && !d.own
                && !d.gateway
        };
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Household {
            occupied: self.people.occupied(),
            people_home: self.people.persons.iter().filter(|(_, p)| p.home).map(|(name, _)| name.clone()).collect(),
            people: self.people.persons.iter().map(|(name, person)| (name.clone(), person.home)).collect(),
            persons: self.persons_now(),
            person_ids: self.people.ids.clone(),
            unsure: self.people.persons.values().any(|person| person.unsure),
            groups: self.groups(),
            devices_home: count(here().count()),
            guests: self.people.guests.iter().copied().collect(),
            unknown: here().filter(unknown).map(|device| device.id).collect(),
            new_today: count(
                told().filter(|d| !d.own && now.wall.0.saturating_sub(d.first_seen.0) < NEW_FOR_MS).count(),
            ),
            false_aways_30d: count(told().map(|device| device.false_aways(now.wall)).sum()),
            ask_budget: self.ask_budget(now.mono),
            crowd: self.crowd,
            mode: self.people.mode,
            effective_mode: self.people.effective,
        }
    }
}

fn set(ids: &mut BTreeSet<DeviceId>, id: DeviceId, on: bool) {
    if on {
        ids.insert(id);
    } else {
        ids.remove(&id);
    }
}
