//! # What should be on the broker, less what is
//!
//! First connection, reconnection, a restart of Home Assistant, a renamed or forgotten device: all
//! are one path, the difference between the view and what the broker holds. Nothing that is equal
//! is sent again. Reads no clock: what changes too often is held back by the view's own time.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value as Json;

use super::{
    Publish, Site, discovery,
    entities::{About, needs_a_look},
    payloads,
    published::{Agreed, Memory, StillBridge, StillHome},
    topics::{Place, Thing, Topics},
};
pub use super::{
    events::events,
    ghosts::{ghosts, leaves_ghost},
    moves::{cleanup, moved_from},
    published::{Published, is_ours},
};
use crate::model::{DeviceId, DeviceView, HomeView, Presence, Tier, Wall};

// Words for being at home follow each other quickly while a phone dozes off.
const ACTIVITY_DWELL_MS: i64 = 60_000;
const FAST_PERIOD_MS: i64 = 5 * 60_000;
const HEALTH_PERIOD_MS: i64 = 60_000;
// Counters and times in health are refreshed so often, if nothing else in it changes.
const HEALTH_REFRESH_MS: i64 = 60 * 60_000;

/// Bytes of discovery and states in a wave, about: a home of hundreds of devices is not held in memory at once.
const WAVE_BYTES: usize = 64 * 1024;

/// Differences that are handed over together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    pub messages: Vec<Publish>,
    /// Nothing is left after it. Else: look again once it is sent.
    pub is_last: bool,
}

/// All differences, in the order they must be sent. Does not touch `published`: the caller calls
/// [`Published::sent`] for what it really handed over.
#[must_use]
pub fn reconcile(view: &HomeView, site: &Site, published: &Published) -> Vec<Publish> {
    within(view, site, published, usize::MAX).messages
}

/// As [`reconcile`], the next of it.
#[must_use]
pub fn wave(view: &HomeView, site: &Site, published: &Published) -> Wave {
    within(view, site, published, WAVE_BYTES)
}

fn within(view: &HomeView, site: &Site, published: &Published, bytes: usize) -> Wave {
    let topics = Topics::new(site);
    let mut memory = published.memory();
    if memory.site.as_ref() != Some(site) {
        memory.site = Some(site.clone());
        memory.agreed.clear();
        memory.look_again();
    }
    let mut difference =
        Difference { topics: &topics, site, published, now: clock(view), discovery: Vec::new(), states: Vec::new() };
    memory.now = difference.now;
    let threatened = threatened(view);
    let moved = moved(view, &threatened, &memory);
    difference.fixed(view, &mut memory);
    let mut is_last = true;
    for Moved { device, threat, part } in moved {
        if bytes < usize::MAX && difference.bytes() > bytes {
            is_last = false;
            break;
        }
        memory.looked.0 += 1;
        let is_agreed = part == Part::Gauges || difference.device(device, threat, &mut memory);
        let states = difference.states.len();
        let is_quiet = difference.fast(device, &mut memory) && states == difference.states.len();
        if is_agreed {
            memory.agreed.insert(device.id, Agreed { view: Arc::clone(device), threat, is_quiet });
        } else {
            memory.agreed.remove(&device.id);
        }
    }
    let most = memory.agreed.len().max(memory.waiting.len()).max(memory.fast_at.len());
    if most > view.devices.len() {
        memory.agreed.retain(|id, _| view.devices.contains_key(id));
        memory.waiting.retain(|id, _| view.devices.contains_key(id));
        memory.fast_at.retain(|id, _| view.devices.contains_key(id));
    }
    let Difference { discovery, states, .. } = difference;
    let mut out = discovery;
    out.extend(states);
    if !is_last {
        return Wave { messages: out, is_last };
    }
    out.extend(orphans(view, site, &topics, published, &mut memory));
    // Last: until all of the home stands, the old word does.
    let online = topics.at(Thing::Bridge, Place::Availability, "");
    if published.at(&online).as_deref() != Some(b"online") {
        out.push(retained(online, b"online".to_vec(), 1));
    }
    Wave { messages: out, is_last }
}

/// What is to be sent, as far as it is known.
struct Difference<'a> {
    topics: &'a Topics,
    site: &'a Site,
    published: &'a Published,
    now: Option<Wall>,
    discovery: Vec<Publish>,
    states: Vec<Publish>,
}

impl Difference<'_> {
    fn bytes(&self) -> usize {
        self.discovery.iter().chain(&self.states).map(|message| message.topic.len() + message.payload.len()).sum()
    }

    /// What is there once: each part looked at only when what it tells has moved.
    fn fixed(&mut self, view: &HomeView, memory: &mut Memory) {
        let told = |difference: &Self| difference.discovery.len() + difference.states.len();
        let topic = |thing, place| self.topics.at(thing, place, "");
        if !memory.is_announced {
            let before = told(self);
            for thing in [Thing::Bridge, Thing::Household, Thing::Security] {
                self.announce(self.topics.config(thing), discovery::fixed(thing, self.site, self.topics));
            }
            memory.is_announced = before == told(self);
        }
        if memory.bridge.as_ref().is_some_and(|still| still.is(view)) {
            // Its counters and times, once an hour.
            if memory.health_at.is_none_or(|at| self.now.is_none_or(|now| has_passed(at, now, HEALTH_REFRESH_MS))) {
                self.health(view, memory);
            }
        } else {
            let before = told(self);
            // Info first: it says whose the topics after it are.
            self.state(self.topics.info(), payloads::info(view, self.site), 1);
            let is_agreed = self.health(view, memory) && before == told(self);
            memory.bridge = is_agreed.then(|| StillBridge::of(view));
        }
        let is_home_still = memory.home.as_ref().is_some_and(|still| still.is(view));
        let before = told(self);
        if !is_home_still {
            self.state(topic(Thing::Household, Place::State), payloads::household_state(view), 1);
            self.state(topic(Thing::Household, Place::Who), payloads::household_who(view), 1);
        }
        // Alerts are few.
        self.security(view);
        if !is_home_still {
            self.persons(view);
            memory.home = (before == told(self)).then(|| StillHome::of(view));
        }
    }

    fn security(&mut self, view: &HomeView) {
        let topic = |place| self.topics.at(Thing::Security, place, "");
        let (state, open) = (topic(Place::State), topic(Place::Open));
        self.state(state, payloads::security_state(view), 1);
        self.state(open, payloads::security_open(view), 1);
    }

    /// Everybody who is announced; and whom is no longer there to be. Discovery of whoever goes is emptied before the rest.
    fn persons(&mut self, view: &HomeView) {
        let shown = || view.household.persons.iter().filter(|person| person.shown);
        for person in shown() {
            let thing = Thing::Person(person.id);
            self.announce(self.topics.config(thing), discovery::person(person, self.topics, self.site));
            let topic = self.topics.at(thing, Place::Presence, "");
            let payload = payloads::person_presence(person, self.published.at(&topic).as_deref());
            self.state(topic, payload, 1);
            self.state(self.topics.at(thing, Place::State, ""), payloads::person_state(person), 1);
        }
        let is_gone = |thing: Option<Thing>| match thing {
            Some(Thing::Person(id)) => !shown().any(|person| person.id == id),
            _ => false,
        };
        let [configs, states] = self.topics.of_persons();
        let gone = self.published.below(&configs).filter(|topic| is_gone(self.topics.config_of(topic)));
        self.discovery.extend(gone.map(Publish::emptying));
        let gone = self.published.below(&states).filter(|topic| {
            is_gone(self.topics.kept(topic).map(|(thing, _)| thing))
                && self.published.is_ours(topic, self.topics, self.site)
        });
        self.states.extend(gone.map(Publish::emptying));
    }

    /// `false`: there is news that must wait.
    fn health(&mut self, view: &HomeView, memory: &mut Memory) -> bool {
        let topic = self.topics.at(Thing::Bridge, Place::Health, "");
        let payload = payloads::health(view);
        let old = self.published.at(&topic);
        let old = old.as_deref();
        let waits = |last: Option<Wall>, period: i64| match (last, self.now) {
            (Some(last), Some(now)) => !has_passed(last, now, period),
            _ => false,
        };
        if let Some(old) = old {
            let is_same = is_same_health(old, &payload);
            if is_same && memory.health_at.is_none() {
                memory.health_at = self.now;
                return true;
            }
            let period = if is_same { HEALTH_REFRESH_MS } else { HEALTH_PERIOD_MS };
            if old == payload.as_slice() || waits(memory.health_at, period) {
                return is_same;
            }
        }
        self.state(topic, payload, 0);
        true
    }

    /// Whether its topics but the gauges are as they should be, and will stay so while it does not change.
    fn device(&mut self, device: &DeviceView, threat: bool, memory: &mut Memory) -> bool {
        let thing = Thing::Device(device.id);
        let before = self.discovery.len() + self.states.len();
        let topic = self.topics.config(thing);
        let old = self.published.at(&topic);
        let old = old.as_deref();
        match discovery::device(device, self.site, self.topics, old) {
            Some(payload) => self.announce(topic, payload),
            None if old.is_some() => self.discovery.push(retained(topic, Vec::new(), 1)),
            None => {}
        }
        let topic = self.topics.at(thing, Place::Presence, "");
        let payload = payloads::presence(device, self.published.at(&topic).as_deref());
        self.state(topic, payload, 1);

        let topic = self.topics.at(thing, Place::State, "");
        let activity = self.activity(device, self.published.at(&topic).as_deref(), memory);
        self.state(topic, payloads::device_state(About { device, threat, activity }), 1);

        activity == device.presence && before == self.discovery.len() + self.states.len()
    }

    /// The gauges: news of five minutes, or that it left with news; never sooner than five minutes
    /// after the last. `false`: there is news that must wait.
    fn fast(&mut self, device: &DeviceView, memory: &mut Memory) -> bool {
        let topic = self.topics.at(Thing::Device(device.id), Place::Fast, "");
        let old = self.published.at(&topic);
        let old = old.as_deref();
        // Only entities that `full` devices have read it.
        if payloads::tier(device) != Tier::Full {
            if old.is_some() {
                self.states.push(retained(topic, Vec::new(), 0));
            }
            return true;
        }
        if self.is_unread(device.id) {
            return true;
        }
        // What cannot be read is replaced at once.
        if let (Some(told), Some(now)) = (old.and_then(fast_told), self.now) {
            // What was there when we came may have been sent just before.
            let last = *memory.fast_at.entry(device.id).or_insert(now);
            if !is_fast_due(told, device) {
                return true;
            }
            if !has_passed(last, now, FAST_PERIOD_MS) {
                return false;
            }
        }
        self.state(topic, payloads::fast(device), 0);
        true
    }

    /// Home Assistant has both entities that read the gauges, and both disabled, as they are by default.
    fn is_unread(&self, id: DeviceId) -> bool {
        let is_off = |key: &str| {
            let unique = self.topics.unique_id(Thing::Device(id), key);
            self.site.ha.our_entities.get(&unique) == Some(&false)
        };
        self.site.ha.connected && is_off("signal") && is_off("last_seen")
    }

    /// The activity word to show: a change between words for being at home must last a minute.
    fn activity(&self, device: &DeviceView, old: Option<&[u8]>, memory: &mut Memory) -> Presence {
        let wanted = device.presence;
        let shown = old
            .and_then(|old| serde_json::from_slice::<Json>(old).ok())
            .and_then(|old| old.get("activity")?.as_str()?.parse::<Presence>().ok());
        let (Some(shown), Some(now)) = (shown.filter(|shown| shown.is_here() && wanted.is_here()), self.now) else {
            memory.waiting.remove(&device.id);
            return wanted;
        };
        if shown == wanted {
            memory.waiting.remove(&device.id);
            return wanted;
        }
        let waiting = memory.waiting.entry(device.id).or_insert((wanted, now));
        // A wall clock set back must not make it wait for hours.
        if waiting.0 != wanted || now < waiting.1 {
            *waiting = (wanted, now);
        }
        if has_passed(waiting.1, now, ACTIVITY_DWELL_MS) { wanted } else { shown }
    }

    fn announce(&mut self, topic: String, payload: Vec<u8>) {
        if self.published.at(&topic).as_deref() != Some(payload.as_slice()) {
            self.discovery.push(retained(topic, payload, 1));
        }
    }

    fn state(&mut self, topic: String, payload: Vec<u8>, qos: u8) {
        if self.published.at(&topic).as_deref() != Some(payload.as_slice()) {
            self.states.push(retained(topic, payload, qos));
        }
    }
}

/// What is to be looked at of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    /// All else is as it was when it was as it should be.
    Gauges,
}

struct Moved<'v> {
    device: &'v Arc<DeviceView>,
    threat: bool,
    part: Part,
}

/// Devices that are not the very ones that needed nothing before. Both lists are in the order of ids, so
/// one walk along both finds them; only these are looked at closer. Most of them were only heard again.
fn moved<'v>(view: &'v HomeView, threatened: &BTreeSet<DeviceId>, memory: &Memory) -> Vec<Moved<'v>> {
    let mut agreed = memory.agreed.iter().peekable();
    let mut moved = Vec::new();
    for (id, device) in &view.devices {
        let threat = threatened.contains(id);
        while agreed.next_if(|(known, _)| *known < id).is_some() {}
        let known = agreed.next_if(|(known, _)| *known == id).map(|(_, known)| known);
        let part = match known.filter(|known| known.threat == threat) {
            Some(known) if Arc::ptr_eq(&known.view, device) && known.is_quiet => continue,
            Some(known) if is_same_but_for_gauges(&known.view, device) => Part::Gauges,
            _ => Part::All,
        };
        moved.push(Moved { device, threat, part });
    }
    moved
}

/// Nothing but [`payloads::fast`] tells what may differ.
fn is_same_but_for_gauges(old: &DeviceView, new: &DeviceView) -> bool {
    let gauges = |view: &DeviceView| (view.last_seen, view.signal_dbm, view.window.clone());
    let (last_seen, signal_dbm, window) = gauges(old);
    *old == DeviceView { last_seen, signal_dbm, window, ..new.clone() }
}

/// Topics of devices that are no more. Discovery first: Home Assistant must not read an empty state.
fn orphans(view: &HomeView, site: &Site, topics: &Topics, published: &Published, memory: &mut Memory) -> Vec<Publish> {
    let mut living = view.devices.keys().copied().peekable();
    let mut gone = Vec::new();
    for id in published.devices() {
        while living.next_if(|known| *known < id).is_some() {}
        if living.peek() != Some(&id) {
            gone.push(id);
        }
    }
    let all = |places: &[Place]| -> Vec<Publish> {
        let each = |id: &DeviceId| {
            let thing = Thing::Device(*id);
            if places.is_empty() {
                vec![topics.config(thing)]
            } else {
                places.iter().map(|place| topics.at(thing, *place, "")).collect()
            }
        };
        let mut held: Vec<String> = gone.iter().flat_map(each).collect();
        held.retain(|topic| published.has(topic) && published.is_ours(topic, topics, site));
        held.sort_unstable();
        held.into_iter().map(|topic| retained(topic, Vec::new(), 1)).collect()
    };
    memory.looked.1 += 4 * gone.len() as u64;
    let mut out = all(&[]);
    out.extend(all(&[Place::Fast, Place::Presence, Place::State]));
    out
}

/// Devices that an alert worth a look is about.
fn threatened(view: &HomeView) -> BTreeSet<DeviceId> {
    let alerts = view.alerts.values().filter(|alert| needs_a_look(alert.state, alert.severity));
    alerts.flat_map(|alert| [alert.attacker.device, alert.victim.device]).flatten().collect()
}

/// The view's time, else the latest that anything in it bears.
fn clock(view: &HomeView) -> Option<Wall> {
    if view.now != Wall::default() {
        return Some(view.now);
    }
    let seen = view.devices.values().filter(|device| device.presence.is_here()).map(|device| device.last_seen);
    seen.chain(view.scanners.iter().filter_map(|scanner| scanner.last_success)).max()
}

/// Also true if the clock was set back.
const fn has_passed(since: Wall, now: Wall, ms: i64) -> bool {
    now.0 < since.0 || now.0.saturating_sub(since.0) >= ms
}

/// The minute that a whole `fast` payload tells.
fn fast_told(old: &[u8]) -> Option<Wall> {
    let old: Json = serde_json::from_slice(old).ok()?;
    old.get("signal")?;
    old.get("last_seen")?.as_str()?.parse().ok()
}

/// Five minutes of news, or it left with news.
fn is_fast_due(seen: Wall, device: &DeviceView) -> bool {
    let news = device.last_seen.0.saturating_sub(seen.0);
    // A minute's rest is no news: only whole minutes are told.
    let left = !device.presence.is_here() && device.presence != Presence::Unknown && !(0..60_000).contains(&news);
    left || news.abs() >= FAST_PERIOD_MS
}

/// Whether only counters and times differ.
fn is_same_health(old: &[u8], new: &[u8]) -> bool {
    let read = |bytes: &[u8]| -> Option<Json> {
        let mut health: Json = serde_json::from_slice(bytes).ok()?;
        for scanner in health.get_mut("scanners")?.as_array_mut()? {
            let scanner = scanner.as_object_mut()?;
            scanner.remove("seen")?;
            scanner.remove("last_success")?;
        }
        // How many there are by now is no news, that there are any is.
        if let Some(lost) = health.get_mut("frames_lost").filter(|lost| lost.as_u64() > Some(0)) {
            lost.take();
        }
        // It moves all the time; that it is used up is news.
        if let Some(budget) = health.get_mut("ask_budget").filter(|budget| budget.as_u64() < Some(100)) {
            budget.take();
        }
        Some(health)
    };
    matches!((read(old), read(new)), (Some(old), Some(new)) if old == new)
}

fn retained(topic: String, payload: Vec<u8>, qos: u8) -> Publish {
    Publish { topic, payload, retain: true, qos, expiry_s: None, correlation: None }
}
