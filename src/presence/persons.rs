//! # Whether a person is home
//!
//! The best of what they carry decides, unless it was left behind. Who went is gone for certain only if what they carry
//! can tell: a phone of which nobody knows whether it sleeps leaves the household unsure, which is said instead of
//! "everybody left".

use std::{collections::BTreeSet, time::Duration};

use crate::model::{
    Answer, Change, DeviceId, Mode, Moment, Mono, PersonId, PersonView, Presence as Where, Refusal, RefusalCode, Tier,
};

use super::{Presence, device::Device, timers::Key, tracker::between};

/// A phone that nobody used for so long, while another of its owner went out for certain, was left at home.
const LEFT_BEHIND: Duration = Duration::from_secs(60 * 60);
/// Why a person is away whose phone is here.
const PHONE_LEFT_BEHIND: &str = "phone_left_behind";
/// A phone that cannot be told by its silence is believed to be gone once it has been away for as long as no phone keeps
/// mute, as a multiple of `Terms::stretch`.
const BELIEVED_AFTER: Duration = Duration::from_secs(9_000);

/// Persons that are kept.
pub const PERSONS_MAX: usize = 256;

/// A person.
#[derive(Debug, Clone, Default)]
pub struct Person {
    pub devices: BTreeSet<DeviceId>,
    pub home: bool,
    pub since: Moment,
    pub unsure: bool,
    reason: &'static str,
    device: Option<DeviceId>,
    confidence: Option<f64>,
    identity: &'static str,
}

impl Person {
    /// Somebody of whom nothing is known yet.
    pub fn since(now: Moment) -> Person {
        Person { since: now, identity: "fresh", ..Person::default() }
    }
}

/// The last one left, which is not certain yet.
#[derive(Debug, Clone)]
pub struct Last {
    person: String,
    device: DeviceId,
}

/// What their devices say of a person.
struct Said {
    home: bool,
    since: Moment,
    reason: &'static str,
    device: Option<DeviceId>,
    confidence: Option<f64>,
    identity: &'static str,
    unsure: bool,
}

impl Device {
    /// When it is believed that it left. None: it is.
    fn believed_from(&self, now: Moment) -> Option<Mono> {
        // Only what was learned of its sleep can be poor; a time that people set is their choice.
        let is_by_sleep = !self.here && !self.is_witnessed && self.confidence.is_some();
        let habit = self.habit.as_ref().filter(|_| is_by_sleep)?;
        let from = self.since.mono + BELIEVED_AFTER.mul_f64(self.terms.stretch);
        (habit.quality(now.wall, self.terms.dial) == "poor" && from > now.mono).then_some(from)
    }
}

/// `device` lies at home while its owner went out with another one, as more than that one's silence shows.
fn is_left_behind(device: &Device, all: &[&Device], now: Mono) -> bool {
    let went = |other: &&&Device| other.id != device.id && !other.here && other.is_carried() && other.is_witnessed;
    let Some(since) = all.iter().filter(went).map(|other| other.last.mono).max() else { return false };
    let used = device.activity.used().unwrap_or_default();
    device.is_carried() && used < since && now.since(since) >= LEFT_BEHIND
}

/// What `devices`, all of one person, say of them. `devices` are some.
fn said(devices: &[&Device], now: Moment) -> Option<Said> {
    let best = devices.iter().map(|device| device.rank()).min()?;
    // Asked with every look at a phone: nothing is put aside.
    let stand = || devices.iter().copied().filter(|device| device.rank() == best);
    let first = |device: &&Device| (device.since.mono, device.id);
    let holding = || stand().filter(|device| device.here && !is_left_behind(device, devices, now.mono));
    if let Some(holds) = holding().min_by_key(first) {
        let is_sure = holding().any(|device| device.visit.word() == "sure");
        let unsure = holding().all(|device| device.presence == Where::Unknown);
        return Some(Said {
            home: true,
            since: holds.since,
            reason: holds.reason,
            device: Some(holds.id),
            confidence: (!unsure).then_some(1.0),
            identity: if is_sure { "sure" } else { holds.visit.word() },
            unsure,
        });
    }
    // Who left without one of them left with another, and that was witnessed.
    let gone = devices.iter().copied().filter(|device| !device.here);
    let is_behind = stand().any(|device| device.here);
    let left: Vec<&Device> = if is_behind { gone.filter(|d| d.is_witnessed).collect() } else { stand().collect() };
    let last = left.iter().copied().max_by_key(first)?;
    let sure = left.iter().map(|device| device.confidence).reduce(|a, b| a.zip(b).map(|(a, b)| a.min(b))).flatten();
    Some(Said {
        home: false,
        since: last.since,
        reason: if is_behind { PHONE_LEFT_BEHIND } else { last.reason },
        device: Some(last.id),
        confidence: sure,
        identity: last.visit.word(),
        unsure: !is_behind && left.iter().any(|device| device.believed_from(now).is_some()),
    })
}

impl Presence {
    /// Whether the owner of a device that is here went out without it, or is back at it.
    pub(super) fn weigh_left_behind(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        let Some(owner) = self.people.owner_of.get(&id).cloned() else { return };
        let told = out.len();
        self.judge_person(&owner, id, true, now, out);
        if out.len() > told {
            self.household_dirty = true;
            self.settle_mode(now, out);
        }
    }

    /// Gives a person an id, if they have none.
    pub(super) fn name_person(&mut self, name: &str) {
        if self.people.ids.contains_key(name) {
            return;
        }
        if self.people.ids.len() >= PERSONS_MAX {
            // Somebody who has no device makes room: persons with devices are fewer than that.
            let idle = self.people.ids.keys().find(|name| !self.people.persons.contains_key(*name)).cloned();
            let Some(idle) = idle else { return };
            self.people.ids.remove(&idle);
        }
        let id = PersonId::of(self.registry.mint());
        self.people.ids.insert(name.to_owned(), id);
    }

    /// Works out whether `name` is home. `told`: a move is an event; else somebody only sorted devices.
    pub(super) fn judge_person(&mut self, name: &str, by: DeviceId, told: bool, now: Moment, out: &mut Vec<Change>) {
        let Some(person) = self.people.persons.get(name) else { return };
        let devices: Vec<&Device> = person.devices.iter().filter_map(|id| self.registry.get(*id)).collect();
        let Some(said) = said(&devices, now) else {
            self.people.persons.remove(name);
            return;
        };
        let Some(person) = self.people.persons.get_mut(name) else { return };
        let (was, since) = (person.home, person.since);
        self.household_dirty |= was != said.home || person.unsure != said.unsure;
        (person.home, person.reason, person.device) = (said.home, said.reason, said.device);
        (person.confidence, person.identity, person.unsure) = (said.confidence, said.identity, said.unsure);
        if !told {
            // As long as the devices say: after a start, longer than this run knows.
            person.since = said.since;
        }
        if was == said.home {
            return;
        }
        person.since = now;
        if told {
            self.tell_of(name, by, since, now, out);
        } else {
            person.since = said.since;
        }
    }

    /// `name` came or went.
    fn tell_of(&mut self, name: &str, by: DeviceId, since: Moment, now: Moment, out: &mut Vec<Change>) {
        let Some(person) = self.people.persons.get(name) else { return };
        let (home, identity, mut confidence) = (person.home, person.identity, person.confidence);
        let people_home = u32::try_from(self.people.people_home()).unwrap_or(u32::MAX);
        let mut first_or_last = people_home == u32::from(home);
        if home {
            // Nobody was told that the home is empty, so nobody is the first.
            first_or_last &= self.people.last.take().is_none();
        } else if first_or_last {
            confidence = self.least_confidence();
            if self.people.persons.values().any(|person| person.unsure) {
                self.people.last = Some(Last { person: name.to_owned(), device: by });
                first_or_last = false;
            }
        }
        let away_s = if home { between(since, now).as_secs() } else { 0 };
        let person = name.to_owned();
        out.push(Change::PersonMoved {
            person,
            home,
            first_or_last,
            people_home,
            device: by,
            away_s,
            confidence,
            identity,
            at: now.wall,
        });
        self.mode_set_by_hand_ends(first_or_last);
    }

    /// Set by hand, it holds until the first comes or the last goes.
    fn mode_set_by_hand_ends(&mut self, first_or_last: bool) {
        if first_or_last && self.people.mode != Mode::Auto {
            self.people.mode = Mode::Auto;
        }
    }

    /// As sure as it is of each who is away.
    fn least_confidence(&self) -> Option<f64> {
        let away = self.people.persons.values().filter(|person| !person.home).map(|person| person.confidence);
        away.reduce(|a, b| a.zip(b).map(|(a, b)| a.min(b))).flatten()
    }

    /// It may be certain by now that the last one left.
    pub(super) fn settle_last(&mut self, now: Moment, out: &mut Vec<Change>) {
        if self.people.last.is_none() {
            return;
        }
        let names: Vec<String> = self.people.persons.keys().cloned().collect();
        for name in &names {
            let Some(by) = self.people.persons.get(name).and_then(|person| person.devices.first().copied()) else {
                continue;
            };
            self.judge_person(name, by, true, now, out);
        }
        let is_certain = !self.people.persons.values().any(|person| person.unsure || person.home);
        let Some(Last { person, device }) = self.people.last.take_if(|_| is_certain) else { return };
        self.household_dirty = true;
        let confidence = self.least_confidence();
        out.push(Change::PersonMoved {
            person,
            home: false,
            first_or_last: true,
            people_home: 0,
            device,
            away_s: 0,
            confidence,
            identity: "fresh",
            at: now.wall,
        });
        self.mode_set_by_hand_ends(true);
    }

    /// After a start: whether it is certain that nobody is home.
    pub(super) fn recall_last(&mut self) {
        let persons = &self.people.persons;
        let unsure = persons.iter().find(|(_, person)| person.unsure);
        let last = unsure.and_then(|(name, person)| Some(Last { person: name.clone(), device: person.device? }));
        self.people.last = last.filter(|_| persons.values().all(|person| !person.home));
    }

    /// When what is not certain will be.
    pub(super) fn look_again(&mut self, now: Moment) {
        if self.people.last.is_none() {
            return;
        }
        let devices = self.people.owner_of.keys().filter_map(|id| self.registry.get(*id));
        if let Some(at) = devices.filter_map(|device| device.believed_from(now)).min() {
            self.timers.by(Key::Mode, at);
        }
    }

    /// Everybody, as outlets see them.
    pub(super) fn persons_now(&self) -> Vec<PersonView> {
        let view = |(name, person): (&String, &Person)| {
            let shown = person.devices.iter().filter_map(|id| self.registry.get(*id));
            Some(PersonView {
                id: *self.people.ids.get(name)?,
                name: name.clone(),
                home: person.home,
                since: person.since.wall,
                reason: person.reason,
                device: person.device,
                confidence: person.confidence,
                identity: person.identity,
                unsure: person.unsure,
                shown: shown.filter(|device| !device.hidden).any(|device| device.tier != Tier::None),
            })
        };
        self.people.persons.iter().filter_map(view).collect()
    }

    /// A person says that they were here all the time.
    pub(super) fn person_was_home(
        &mut self,
        id: PersonId,
        now: Moment,
        out: &mut Vec<Change>,
    ) -> Result<Answer, Refusal> {
        let known = self.people.ids.iter().find(|(_, known)| **known == id).and_then(|(name, _)| {
            let person = self.people.persons.get(name)?;
            let devices: Vec<&Device> = person.devices.iter().filter_map(|id| self.registry.get(*id)).collect();
            let best = devices.iter().map(|device| device.rank()).min();
            let stand = devices.iter().filter(|device| Some(device.rank()) == best);
            Some(stand.map(|device| device.id).collect::<Vec<DeviceId>>())
        });
        let Some(devices) = known else {
            return Err(Refusal::new(RefusalCode::NotFound, format!("no person {id}")));
        };
        let mut done = 0;
        let mut refused = None;
        for device in devices {
            match self.was_home(device, now, out) {
                Ok(_) => done += 1,
                Err(refusal) => refused = Some(refusal),
            }
        }
        match refused {
            Some(refusal) if done == 0 => Err(refusal),
            _ => Ok(Answer::Count(done)),
        }
    }
}
