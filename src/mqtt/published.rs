//! # What the broker holds of ours, as far as we know
//!
//! Refilled at each connection from the retained messages, then kept up by what is sent. Also
//! remembers which devices needed nothing, so that a reconcile looks only at what moved.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{Read as _, Write as _},
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    Publish, Site,
    payloads::{Tiers, instance_in},
    topics::Topics,
};
use crate::model::{DeviceId, DeviceView, Health, HomeView, Household, Presence, Wall};

/// Retained topics kept in mind: 4 096 devices with four each, and room for the rest.
const TOPICS_MAX: usize = 20_000;
/// No payload of ours is longer; such a message is not ours, whatever its topic.
const BYTES_MAX: usize = 64 * 1024;

/// A device's discovery is some 4 KiB, most of it as of all others, and is looked at again only when the device changes:
/// packed, it is a quarter. What is shorter is not worth it.
const PACKED_FROM: usize = 1024;

#[derive(Debug, Clone)]
struct Held {
    kept: Kept,
    /// We sent it ourselves since the collection.
    by_us: bool,
}

#[derive(Debug, Clone)]
enum Kept {
    Plain(Box<[u8]>),
    /// Deflated (RFC 1951).
    Packed(Box<[u8]>),
}

impl Held {
    fn new(payload: &[u8], by_us: bool) -> Held {
        let packed = (payload.len() >= PACKED_FROM).then(|| pack(payload)).flatten();
        Held { kept: packed.map_or_else(|| Kept::Plain(payload.into()), Kept::Packed), by_us }
    }

    fn payload(&self) -> Cow<'_, [u8]> {
        match &self.kept {
            Kept::Plain(bytes) => Cow::Borrowed(bytes),
            Kept::Packed(bytes) => {
                let mut payload = Vec::new();
                // We packed it ourselves: it unpacks. If it did not, it would differ from what is wanted, and be sent.
                let read = flate2::read::DeflateDecoder::new(bytes.as_ref()).take(BYTES_MAX as u64);
                drop({ read }.read_to_end(&mut payload));
                Cow::Owned(payload)
            }
        }
    }
}

fn pack(payload: &[u8]) -> Option<Box<[u8]>> {
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(payload).ok()?;
    packer.finish().ok().map(Vec::into_boxed_slice)
}

/// What the broker holds of ours, as far as we know.
#[derive(Debug, Default)]
pub struct Published {
    topics: BTreeMap<String, Held>,
    /// How many of them are of each device, so that those of devices that are no more are found.
    devices: BTreeMap<DeviceId, u32>,
    /// The instance that the collected `bridge/info` named.
    instance: Option<u32>,
    dropped: u64,
    memory: Mutex<Memory>,
}

/// Nothing here changes what is right to publish, only what must be looked at, and when.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub site: Option<Site>,
    /// Devices whose topics were as they should be.
    pub agreed: BTreeMap<DeviceId, Agreed>,
    /// The discovery of what is there once was as it should be.
    pub is_announced: bool,
    /// By what the bridge's topics were as they should be, and the household's.
    pub bridge: Option<StillBridge>,
    pub home: Option<StillHome>,
    /// Activity words that wait for their minute.
    pub waiting: BTreeMap<DeviceId, (Presence, Wall)>,
    /// The time of the last reconcile.
    pub now: Option<Wall>,
    /// When health was last sent.
    pub health_at: Option<Wall>,
    /// When the gauges of a device were last sent, or seen on the broker.
    pub fast_at: BTreeMap<DeviceId, Wall>,
    /// Devices whose topics were compared, and topics of devices that are no more that were looked at, so far.
    pub looked: (u64, u64),
}

impl Memory {
    /// Nothing is known to be as it should.
    pub fn look_again(&mut self) {
        (self.is_announced, self.bridge, self.home) = (false, None, None);
    }
}

/// By what a device's topics were as they should be.
#[derive(Debug)]
pub(super) struct Agreed {
    pub view: Arc<DeviceView>,
    /// A threat was shown.
    pub threat: bool,
    /// Its gauges, too. Else they are news that must wait.
    pub is_quiet: bool,
}

/// What the topics of the bridge tell.
#[derive(Debug)]
pub(super) struct StillBridge {
    tiers: Tiers,
    limit_reached: bool,
    unsure: bool,
    false_aways_30d: u32,
    /// Nothing is left of it. How much of it is left moves all the time.
    is_budget_whole: bool,
    /// Of each scanner and part.
    health: Vec<(String, Health)>,
}

impl StillBridge {
    pub(super) fn of(view: &HomeView) -> StillBridge {
        StillBridge {
            tiers: Tiers::of(view),
            limit_reached: view.limit_reached,
            unsure: view.household.unsure,
            false_aways_30d: view.household.false_aways_30d,
            is_budget_whole: view.household.ask_budget >= 100,
            health: healths(view).map(|(name, health)| (name.to_owned(), health.clone())).collect(),
        }
    }

    pub(super) fn is(&self, view: &HomeView) -> bool {
        self.tiers == Tiers::of(view)
            && self.limit_reached == view.limit_reached
            && self.unsure == view.household.unsure
            && self.false_aways_30d == view.household.false_aways_30d
            && self.is_budget_whole == (view.household.ask_budget >= 100)
            && self.health.iter().map(|(name, health)| (name.as_str(), health)).eq(healths(view))
    }
}

/// What the topics of household and persons tell.
#[derive(Debug)]
pub(super) struct StillHome {
    household: Arc<Household>,
    /// Of the names and addresses of the devices it lists.
    listed: u64,
}

impl StillHome {
    pub(super) fn of(view: &HomeView) -> StillHome {
        StillHome { household: Arc::clone(&view.household), listed: listed(view) }
    }

    pub(super) fn is(&self, view: &HomeView) -> bool {
        Arc::ptr_eq(&self.household, &view.household) && self.listed == listed(view)
    }
}

/// What is told of the devices that the household lists, as one number.
fn listed(view: &HomeView) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut told = DefaultHasher::new();
    for id in view.household.guests.iter().chain(&view.household.unknown) {
        view.devices.get(id).map(|device| (&device.name, device.addresses.first())).hash(&mut told);
    }
    told.finish()
}

fn healths(view: &HomeView) -> impl Iterator<Item = (&str, &Health)> {
    let scanners = view.scanners.iter().map(|scanner| (scanner.name.as_str(), &scanner.health));
    scanners.chain(view.parts.iter().map(|part| (&*part.part.0, &part.health)))
}

impl Published {
    /// From the retained messages of ours that the broker just showed.
    pub fn collected(retained: impl IntoIterator<Item = (String, Vec<u8>)>) -> Published {
        let mut published = Published::default();
        for (topic, payload) in retained {
            if payload.is_empty() {
                continue;
            }
            if payload.len() > BYTES_MAX || published.topics.len() >= TOPICS_MAX {
                published.dropped += 1;
                continue;
            }
            if topic.ends_with("/bridge/info") {
                published.instance = instance_in(&payload).or(published.instance);
            }
            published.hold(topic, Held::new(&payload, false));
        }
        published
    }

    /// With what `before` knew of times: a new connection is no reason to speak sooner.
    #[must_use]
    pub fn recalling(self, before: &Published) -> Published {
        {
            let (mut memory, before) = (self.memory(), before.memory());
            memory.now = before.now;
            memory.health_at = before.health_at;
            memory.fast_at.clone_from(&before.fast_at);
        }
        self
    }

    /// A message was handed to the broker.
    pub fn sent(&mut self, message: &Publish) {
        if !message.retain {
            return;
        }
        let id = self.touched(&message.topic);
        let memory = self.memory.get_mut().unwrap_or_else(PoisonError::into_inner);
        match message.topic.rsplit('/').nth(1) {
            _ if id.is_some() => {}
            Some("security") => {}
            Some("bridge") => memory.bridge = None,
            Some("household") => memory.home = None,
            _ => memory.look_again(),
        }
        if message.topic.ends_with("/bridge/health") {
            memory.health_at = memory.now;
        }
        if let (true, Some(id), Some(now)) = (message.topic.ends_with("/fast"), id, memory.now) {
            memory.fast_at.insert(id, now);
        }
        if message.payload.is_empty() {
            if let Some(id) = id.filter(|_| self.topics.remove(&message.topic).is_some())
                && let Some(count) = self.devices.get_mut(&id)
            {
                *count -= 1;
                if *count == 0 {
                    self.devices.remove(&id);
                }
            }
            self.topics.remove(&message.topic);
        } else {
            self.hold(message.topic.clone(), Held::new(&message.payload, true));
        }
    }

    fn hold(&mut self, topic: String, held: Held) {
        let id = device_in(&topic);
        if let (None, Some(id)) = (self.topics.insert(topic, held), id) {
            *self.devices.entry(id).or_default() += 1;
        }
    }

    /// Devices that something is held of, in the order of their ids.
    pub(super) fn devices(&self) -> impl Iterator<Item = DeviceId> + '_ {
        self.devices.keys().copied()
    }

    /// How many devices were compared topic by topic so far, and how many topics of devices that are no
    /// more were looked at: the work grows with what changed, not with the home.
    #[must_use]
    pub fn looked(&self) -> (u64, u64) {
        self.memory().looked
    }

    /// The payload held at `topic`.
    #[must_use]
    pub fn at(&self, topic: &str) -> Option<Cow<'_, [u8]>> {
        self.topics.get(topic).map(Held::payload)
    }

    /// Topics that begin with `start`.
    pub(super) fn below<'p>(&'p self, start: &'p str) -> impl Iterator<Item = &'p str> {
        let from = self.topics.range::<str, _>((Bound::Included(start), Bound::Unbounded));
        from.map(|(topic, _)| topic.as_str()).take_while(move |topic| topic.starts_with(start))
    }

    #[must_use]
    pub(in crate::mqtt) fn has(&self, topic: &str) -> bool {
        self.topics.contains_key(topic)
    }

    /// All that is held, in the order of topics.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Cow<'_, [u8]>)> {
        self.topics.iter().map(|(topic, held)| (topic.as_str(), held.payload()))
    }

    /// How many retained messages were not kept in mind, for want of room or because of their size.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether what is held at `topic` may be taken for ours. Reads the payload of what was
    /// collected, so it is to be asked about few.
    pub(super) fn is_ours(&self, topic: &str, topics: &Topics, site: &Site) -> bool {
        let Some(held) = self.topics.get(topic) else { return false };
        let is_foreign = self.instance.is_some_and(|instance| instance != site.instance & 0x00ff_ffff);
        held.by_us
            || topics.config_of(topic).is_some()
            || (!is_foreign && is_ours_within(topics, topic, &held.payload()))
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touched(&mut self, topic: &str) -> Option<DeviceId> {
        let id = device_in(topic);
        if let Some(id) = id {
            let memory = self.memory.get_mut().unwrap_or_else(PoisonError::into_inner);
            memory.agreed.remove(&id);
        }
        id
    }
}

/// The device in `…/device/<id>/…`, or `…/porchlight_<instance>_<id>/config`.
fn device_in(topic: &str) -> Option<DeviceId> {
    topic.rsplit('/').find_map(|part| part.rsplit('_').next()?.parse::<DeviceId>().ok())
}

impl Clone for Published {
    fn clone(&self) -> Self {
        // The memory is only there to save work.
        let memory = Mutex::default();
        let (topics, devices) = (self.topics.clone(), self.devices.clone());
        Published { topics, devices, instance: self.instance, dropped: self.dropped, memory }
    }
}

impl PartialEq for Published {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// Whether a retained message is ours: discovery by the instance in its topic, anything else by a
/// topic that we write *and* a payload such as we write there. Another instance with our node
/// writes alike: see `bridge/info` first.
#[must_use]
pub fn is_ours(topic: &str, payload: &[u8], site: &Site) -> bool {
    let topics = Topics::new(site);
    topics.config_of(topic).is_some() || is_ours_within(&topics, topic, payload)
}

fn is_ours_within(topics: &Topics, topic: &str, payload: &[u8]) -> bool {
    use super::topics::{Place, Thing};
    let Some((thing, place)) = topics.kept(topic) else { return false };
    if place == Place::Availability {
        return matches!(payload, b"online" | b"offline");
    }
    let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(payload) else { return false };
    let has = |keys: &[&str]| keys.iter().all(|key| object.contains_key(*key));
    match (thing, place) {
        (Thing::Device(id), Place::Presence) => {
            object.get("id").and_then(|v| v.as_str()) == Some(id.to_string().as_str()) && has(&["in_zones"])
        }
        (Thing::Device(_), Place::State) => has(&["contract", "connected", "activity"]),
        (Thing::Device(_), Place::Fast) => has(&["signal", "last_seen"]),
        (Thing::Person(id), Place::Presence) => {
            object.get("id").and_then(|v| v.as_str()) == Some(id.to_string().as_str()) && has(&["in_zones"])
        }
        (Thing::Person(_), Place::State) => has(&["contract", "presence_confidence"]),
        (Thing::Household, Place::State) => has(&["occupied", "mode"]),
        (Thing::Household, Place::Who) => has(&["people", "guests"]),
        (Thing::Security, Place::State) => has(&["active", "severity"]),
        (Thing::Security, Place::Open) => has(&["open", "more"]),
        (Thing::Bridge, _) => has(&["contract", "instance"]) || has(&["problem", "scanners"]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // What is long is packed, and given back byte for byte; also what cannot be packed, and what only looks packed.
    #[test]
    fn what_is_held_is_what_was_sent() {
        let noise: Vec<u8> = (0..5000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        let long = br#"{"platform":"sensor"}"#.repeat(200);
        let packed = pack(&long).expect("packed").into_vec();
        for payload in [b"online".to_vec(), long.clone(), packed, noise, vec![0; PACKED_FROM], vec![7; BYTES_MAX]] {
            let published = Published::collected([("home/x".to_owned(), payload.clone())]);
            assert_eq!(published.at("home/x").as_deref(), Some(payload.as_slice()), "{} bytes", payload.len());
            assert_eq!(published.iter().map(|(_, held)| held.into_owned()).collect::<Vec<_>>(), [payload]);
        }
        let Kept::Packed(bytes) = Held::new(&long, true).kept else { panic!("long ones are packed") };
        assert!(bytes.len() * 4 < long.len(), "{} of {}", bytes.len(), long.len());
    }
}
