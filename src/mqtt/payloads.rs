//! # State payloads
//!
//! What stands in the retained topics. Every key is always there, missing values are `null`.
//! Nothing here changes unless its fact does; what must change rarely is held back in `reconcile`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::{
    Commands, Site,
    entities::{self, About, Scope, Security, Value},
    text::{NAME_CHARS_MAX, cut, shown, slug},
    topics::instance_hex,
};
use crate::model::{AlertId, AlertView, DeviceView, Health, HomeView, PersonView, Presence, Tier, Wall};

/// Version of the schema of our topics.
pub const CONTRACT: u32 = 1;
/// Bytes after which a list loses its tail.
const LIST_BYTES_MAX: usize = 12 * 1024;
const HEALTH_BYTES_MAX: usize = 8 * 1024;
// What stands around the lists of a payload.
const FRAME_BYTES: usize = 256;
const NAMES_MAX: usize = 50;
const INCIDENTS_MAX: usize = 20;

/// What a tracker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    Home,
    NotHome,
    /// Resets the entity to *unknown*.
    None,
}

impl Where {
    #[must_use]
    pub const fn of(presence: Presence) -> Where {
        match presence {
            Presence::Home | Presence::Asleep | Presence::Leaving => Where::Home,
            Presence::Away => Where::NotHome,
            Presence::Unknown => Where::None,
        }
    }
    const fn word(self) -> &'static str {
        match self {
            Where::Home => "home",
            Where::NotHome => "not_home",
            Where::None => "None",
        }
    }
    // Home Assistant counts persons by zones; it must be a list, never null.
    const fn zones(self) -> &'static [&'static str] {
        match self {
            Where::Home => &["zone.home"],
            Where::NotHome | Where::None => &[],
        }
    }
}

#[derive(Serialize)]
struct PresencePayload<'a> {
    state: &'static str,
    in_zones: &'static [&'static str],
    since: String,
    id: String,
    mac: Option<String>,
    ip: Option<String>,
    host_name: Option<String>,
    reason: &'a str,
    person: Option<String>,
}

/// Tracker state and attributes, of one moment: the transition. While the tracker says the same,
/// what is published stays as it is, since every change of it is a row in Home Assistant's history.
#[must_use]
pub fn presence(device: &DeviceView, published: Option<&[u8]>) -> Vec<u8> {
    let place = Where::of(device.presence);
    if let Some(old) = published
        && still_says(old, device, place)
    {
        return old.to_vec();
    }
    bytes(&PresencePayload {
        state: place.word(),
        in_zones: place.zones(),
        since: device.since.to_string(),
        id: device.id.to_string(),
        mac: device.macs.first().map(ToString::to_string),
        ip: device.addresses.first().map(ToString::to_string),
        host_name: device.hostname.as_deref().map(shown),
        reason: device.presence_reason,
        person: device.owner.as_deref().map(slug).filter(|person| !person.is_empty()),
    })
}

/// Whether `old` is a whole payload of this device that needs no change. What is not known now
/// leaves the last known state alone.
fn still_says(old: &[u8], device: &DeviceView, place: Where) -> bool {
    let Ok(Json::Object(old)) = serde_json::from_slice(old) else { return false };
    let is_whole = ["since", "mac", "ip", "host_name", "reason", "person"].iter().all(|key| old.contains_key(*key));
    let says = |place: Where| {
        old.get("state").and_then(Json::as_str) == Some(place.word())
            && old.get("in_zones") == Some(&json!(place.zones()))
    };
    let is_its = old.get("id").and_then(Json::as_str) == Some(device.id.to_string().as_str());
    is_whole && is_its && (says(place) || (place == Where::None && (says(Where::Home) || says(Where::NotHome))))
}

/// `device/<id>/state`.
#[must_use]
pub fn device_state(about: About<'_>) -> Vec<u8> {
    let mut state = Map::new();
    for row in entities::of(Scope::Device) {
        if let Value::Device(read) = row.value {
            state.insert(row.key.into(), read(about));
        }
    }
    state.insert("contract".into(), CONTRACT.into());
    bytes(&state)
}

/// `device/<id>/fast`: level, and the last proof to the whole minute.
#[must_use]
pub fn fast(device: &DeviceView) -> Vec<u8> {
    bytes(&json!({"signal": device.signal_dbm, "last_seen": minute(device.last_seen)}))
}

/// `2026-11-25T17:05:00Z`.
fn minute(at: Wall) -> String {
    let floor = Wall(at.0.saturating_sub(at.0.rem_euclid(60_000))).to_string();
    floor.replace(".000Z", "Z")
}

#[derive(Serialize)]
struct PersonPayload<'a> {
    state: &'static str,
    in_zones: &'static [&'static str],
    since: String,
    id: String,
    person: String,
    reason: &'a str,
    device: Option<String>,
    identity: &'a str,
    confidence: Option<f64>,
}

/// Tracker state and attributes of a person, of the moment of the transition; as with a device.
#[must_use]
pub fn person_presence(person: &PersonView, published: Option<&[u8]>) -> Vec<u8> {
    let place = if person.home { Where::Home } else { Where::NotHome };
    let id = person.id.to_string();
    if let Some(old) = published
        && says(old, &id, place, &["since", "person", "reason", "device", "identity", "confidence"])
    {
        return old.to_vec();
    }
    bytes(&PersonPayload {
        state: place.word(),
        in_zones: place.zones(),
        since: person.since.to_string(),
        id,
        person: slug(&person.name),
        reason: person.reason,
        device: person.device.map(|device| device.to_string()),
        identity: person.identity,
        confidence: person.confidence,
    })
}

/// `person/<id>/state`.
#[must_use]
pub fn person_state(person: &PersonView) -> Vec<u8> {
    let mut state = Map::new();
    for row in entities::of(Scope::Person) {
        if let Value::Person(read) = row.value {
            state.insert(row.key.into(), read(person));
        }
    }
    state.insert("contract".into(), CONTRACT.into());
    bytes(&state)
}

/// Whether `old` is a whole payload of the thing `id` that says `place`.
fn says(old: &[u8], id: &str, place: Where, keys: &[&str]) -> bool {
    let Ok(Json::Object(old)) = serde_json::from_slice(old) else { return false };
    keys.iter().all(|key| old.contains_key(*key))
        && old.get("id").and_then(Json::as_str) == Some(id)
        && old.get("state").and_then(Json::as_str) == Some(place.word())
        && old.get("in_zones") == Some(&json!(place.zones()))
}

/// `household/state`.
#[must_use]
pub fn household_state(view: &HomeView) -> Vec<u8> {
    let mut state = Map::new();
    for row in entities::of(Scope::Household) {
        if let Value::Household(read) = row.value {
            state.insert(row.key.into(), read(&view.household));
        }
    }
    bytes(&state)
}

/// `household/who`: names, at most 50 a list.
#[must_use]
pub fn household_who(view: &HomeView) -> Vec<u8> {
    let home = &view.household;
    let name = |name: &str| cut(name, NAME_CHARS_MAX);
    let mut list = List::new(LIST_BYTES_MAX);
    let people = list.take(NAMES_MAX, home.people_home.iter().map(|person| Json::from(name(person))));
    let groups = home.groups.iter().filter(|(_, home)| **home).map(|(group, _)| Json::from(name(group)));
    let groups = list.take(NAMES_MAX, groups);
    let known =
        |ids: &[crate::model::DeviceId]| -> Vec<_> { ids.iter().filter_map(|id| view.devices.get(id)).collect() };
    let guests = list.take(NAMES_MAX, known(&home.guests).into_iter().map(|device| Json::from(name(&device.name))));
    let unknown = list.take(
        NAMES_MAX,
        known(&home.unknown).into_iter().map(
            |device| json!({"id": device.id.to_string(), "name": name(&device.name), "ip": device.addresses.first()}),
        ),
    );
    bytes(&json!({"people": people, "groups": groups, "guests": guests, "unknown": unknown, "more": list.left_out}))
}

/// `security/state`.
#[must_use]
pub fn security_state(view: &HomeView) -> Vec<u8> {
    let security = Security::of(view);
    let mut active = Map::new();
    let mut rest = Map::new();
    for row in entities::of(Scope::Security) {
        match row.value {
            Value::Active(read) => active.insert(row.key.into(), read(&security)),
            Value::Security(read) => rest.insert(row.key.into(), read(&security)),
            Value::Elsewhere | Value::Device(_) | Value::Household(_) | Value::Person(_) => None,
        };
    }
    let mut state = Map::from_iter([("active".to_owned(), Json::Object(active))]);
    state.append(&mut rest);
    bytes(&state)
}

/// `security/open`: at most 20 incidents, the worst and newest first. Each bears the title of its worst alert.
#[must_use]
pub fn security_open(view: &HomeView) -> Vec<u8> {
    let mut incidents: BTreeMap<&AlertId, (&AlertView, Wall)> = BTreeMap::new();
    for alert in view.alerts.values().filter(|alert| alert.state.is_open()) {
        let (worst, since) = incidents.entry(&alert.incident).or_insert((alert, alert.first_seen));
        *since = alert.first_seen.min(*since);
        if alert.severity > worst.severity {
            *worst = alert;
        }
    }
    let mut open: Vec<_> = incidents.into_iter().collect();
    open.sort_by(|(a, (x, _)), (b, (y, _))| y.severity.cmp(&x.severity).then_with(|| b.cmp(a)));
    let mut list = List::new(LIST_BYTES_MAX);
    let open = list.take(
        INCIDENTS_MAX,
        open.into_iter().map(|(id, (worst, since))| {
            json!({"id": id.as_str(), "title": shown(&worst.title), "severity": worst.severity.word(), "since": since.to_string()})
        }),
    );
    bytes(&json!({"open": open, "more": list.left_out}))
}

/// `bridge/health`.
#[must_use]
pub fn health(view: &HomeView) -> Vec<u8> {
    let is_down = |health: &Health| matches!(health, Health::Down { .. });
    let scanners = view.scanners.iter().filter(|s| is_down(&s.health)).map(|s| s.name.as_str());
    let parts = view.parts.iter().filter(|p| is_down(&p.health)).map(|p| p.part.0.as_str());
    let unsure = view.household.unsure.then_some("household");
    let failed: BTreeSet<&str> = scanners.chain(parts).chain(unsure).collect();
    let mut list = List::new(HEALTH_BYTES_MAX);
    let failed = list.take(NAMES_MAX, failed.into_iter().map(|name| Json::from(shown(name))));
    let scanners = list.take(
        NAMES_MAX,
        view.scanners.iter().map(|scanner| {
            json!({
                "scanner": shown(&scanner.name), "state": scanner.health.word(), "why": scanner.health.why().map(shown),
                "seen": scanner.seen, "last_success": scanner.last_success.map(|at| at.to_string()),
            })
        }),
    );
    // `feeds_updated` is promised to readers; nothing fetches feeds yet.
    bytes(&json!({
        "problem": !failed.is_empty(), "failed": failed, "devices": view.devices.len(), "feeds_updated": null,
        "false_aways_30d": view.household.false_aways_30d, "ask_budget": view.household.ask_budget,
        "frames_lost": view.frames_lost,
        "scanners": scanners,
    }))
}

#[derive(Serialize)]
struct InfoPayload<'a> {
    contract: u32,
    version: &'a str,
    instance: String,
    node: &'a str,
    started: String,
    commands: &'static str,
    discovery_prefix: &'a str,
    tiers: Tiers,
    limit: u32,
    limit_reached: bool,
    mqtt: u8,
    names_from_ha: bool,
}

/// How many devices have so many entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
pub struct Tiers {
    none: u32,
    basic: u32,
    full: u32,
}

impl Tiers {
    #[must_use]
    pub fn of(view: &HomeView) -> Tiers {
        let mut tiers = Tiers::default();
        for device in view.devices.values() {
            match tier(device) {
                Tier::None => tiers.none += 1,
                Tier::Basic => tiers.basic += 1,
                Tier::Full => tiers.full += 1,
            }
        }
        tiers
    }
}

/// `bridge/info`. A lost store takes its instance from here.
#[must_use]
pub fn info(view: &HomeView, site: &Site) -> Vec<u8> {
    bytes(&InfoPayload {
        contract: CONTRACT,
        version: site.version,
        instance: instance_hex(site.instance),
        node: &site.node,
        started: site.started.to_string(),
        commands: match site.commands {
            Commands::All => "all",
            Commands::Safe => "safe",
            Commands::None => "none",
        },
        discovery_prefix: &site.prefix,
        tiers: Tiers::of(view),
        limit: site.expose_limit,
        limit_reached: view.limit_reached,
        mqtt: site.mqtt,
        names_from_ha: site.ha.connected,
    })
}

/// The instance named by a retained `bridge/info`.
#[must_use]
pub fn instance_in(info: &[u8]) -> Option<u32> {
    let info: Json = serde_json::from_slice(info).ok()?;
    let hex = info.get("instance")?.as_str()?;
    (hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit())).then(|| u32::from_str_radix(hex, 16).ok())?
}

/// What Home Assistant gets of a device: what presence decided, but nothing of what is hidden.
#[must_use]
pub const fn tier(device: &DeviceView) -> Tier {
    if device.hidden { Tier::None } else { device.tier }
}

/// Lists that share a number of bytes; what does not fit is counted.
pub(super) struct List {
    left: usize,
    pub left_out: usize,
}

impl List {
    pub(super) const fn new(bytes_max: usize) -> List {
        List { left: bytes_max.saturating_sub(FRAME_BYTES), left_out: 0 }
    }
    /// The first `max` of `items`, as far as they fit.
    pub(super) fn take(&mut self, max: usize, items: impl Iterator<Item = Json>) -> Vec<Json> {
        let mut taken = Vec::new();
        let mut is_full = false;
        for item in items {
            let size = if is_full || taken.len() == max { usize::MAX } else { bytes(&item).len() + 1 };
            is_full = size > self.left;
            if is_full {
                self.left_out += 1;
            } else {
                self.left -= size;
                taken.push(item);
            }
        }
        taken
    }
}

/// JSON text. Our payloads have no maps with odd keys, so writing them cannot fail.
pub(super) fn bytes(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
