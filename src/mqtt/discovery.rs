//! # Discovery payloads
//!
//! The rows of one scope, folded into one device payload with full keys in a fixed order, so that
//! unchanged facts give unchanged bytes. Names are JSON strings only: Home Assistant renders
//! templates, and nothing of ours puts foreign text into one.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::{
    Site,
    entities::{self, Config, Entity, Platform, Scope, Shown},
    payloads::{bytes, tier},
    text::{NAME_CHARS_MAX, cut, device_slug, shown, slug},
    topics::{Place, Thing, Topics},
};
use crate::{
    intel::parts,
    model::{DeviceId, DeviceView, Kind, LinkMac, MacAddr, PersonView, Source, Tier},
};

/// Home Assistant recommends no limit; a broker or a recorder may not like more.
pub const BYTES_MAX: usize = 16 * 1024;
// Since then devices of different integrations are linked by MAC, no longer merged and renamed.
const LINKS_SINCE: (u16, u16) = (2026, 8);
const LINKS_MAX: usize = 4;
// Components that earlier payloads had; more were never in one.
const STUBS_MAX: usize = 32;

/// Discovery of the bridge, the household or security.
#[must_use]
pub fn fixed(thing: Thing, site: &Site, topics: &Topics) -> Vec<u8> {
    let (name, model, slug, scope) = match thing {
        Thing::Household => ("Household", "Household", "household", Scope::Household),
        Thing::Security => ("Network security", "Security", "network_security", Scope::Security),
        Thing::Bridge | Thing::Person(_) | Thing::Device(_) => ("Porchlight", "Bridge", "porchlight", Scope::Bridge),
    };
    let mut head = Map::new();
    head.insert("identifiers".into(), json!([topics.identifier(thing)]));
    head.insert("name".into(), name.into());
    head.insert("manufacturer".into(), "Porchlight".into());
    head.insert("model".into(), model.into());
    if scope == Scope::Bridge {
        head.insert("sw_version".into(), site.version.into());
        if let Some(page) = &site.page {
            head.insert("configuration_url".into(), format!("{}/", page.trim_end_matches('/')).into());
        }
    } else {
        head.insert("via_device".into(), topics.identifier(Thing::Bridge).into());
    }
    let rows = entities::of(scope).filter(|row| row.shown == Shown::Basic);
    bytes(&payload(thing, head, rows, slug, false, site, topics))
}

/// Discovery of a person.
#[must_use]
pub fn person(person: &PersonView, topics: &Topics, site: &Site) -> Vec<u8> {
    let thing = Thing::Person(person.id);
    let mut head = Map::new();
    head.insert("identifiers".into(), json!([topics.identifier(thing)]));
    head.insert("name".into(), named(&person.name, Scope::Person).into());
    head.insert("manufacturer".into(), "Porchlight".into());
    head.insert("model".into(), "Person".into());
    head.insert("via_device".into(), topics.identifier(Thing::Bridge).into());
    let slug = match slug(&person.name) {
        slug if slug.is_empty() => person.id.to_string().replace('-', "_"),
        slug => slug,
    };
    bytes(&payload(thing, head, entities::of(Scope::Person), &slug, false, site, topics))
}

/// Discovery of a device; `None` if it is not to be announced. `old` is what the broker holds: a
/// device that was never announced waits until the core has fixed its slug, since its entity ids
/// stay for ever.
#[must_use]
pub fn device(device: &DeviceView, site: &Site, topics: &Topics, old: Option<&[u8]>) -> Option<Vec<u8>> {
    if tier(device) == Tier::None || (device.slug.is_none() && old.is_none()) {
        return None;
    }
    let fresh = bytes(&of_device(device, site, topics, &Old::default()));
    let Some(old) = old.filter(|old| *old != fresh.as_slice()) else { return Some(fresh) };
    // Something differs: what Home Assistant must not lose, or must be told to drop, is in the old.
    let old = Old::read(old, site);
    let mut full = of_device(device, site, topics, &old);
    add_stubs(&mut full, &old);
    let full = bytes(&full);
    Some(if full.len() <= BYTES_MAX { full } else { fresh })
}

/// What is taken over from the payload on the broker.
#[derive(Default)]
struct Old {
    /// There is one: what is decided only once was decided.
    stands: bool,
    macs: BTreeSet<MacAddr>,
    area: Option<String>,
    slug: Option<String>,
    /// Key and platform.
    components: Vec<(String, Platform)>,
}

impl Old {
    fn read(old: &[u8], site: &Site) -> Old {
        let old: Json = serde_json::from_slice(old).unwrap_or_default();
        let components = old.get("components").and_then(Json::as_object).into_iter().flatten();
        let components = components.filter_map(|(key, row)| {
            let platform = row.get("platform")?.as_str()?.parse().ok()?;
            let is_key =
                key.len() <= 32 && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            is_key.then(|| (key.clone(), platform))
        });
        let components = components.take(STUBS_MAX).collect();
        // Entity ids stay after a rename, also where the core did not fix a slug.
        let entity = old.pointer("/components/tracker/default_entity_id").and_then(Json::as_str);
        let slug = entity.and_then(|entity| entity.strip_prefix("device_tracker.")).filter(|slug| is_slug(slug));
        let slug = slug.map(str::to_owned);
        let head = old.get("device");
        let area = head.and_then(|head| head.get("suggested_area")).and_then(Json::as_str).map(str::to_owned);
        if site.ha.connected {
            return Old { stands: true, area, slug, components, ..Old::default() };
        }
        // Without Home Assistant's version nothing new is decided: else each of its restarts would
        // republish every device twice.
        let macs = head.and_then(|head| head.get("connections")).and_then(Json::as_array).into_iter().flatten();
        let macs = macs.filter_map(|pair| pair.get(1)?.as_str()?.parse().ok()).collect();
        Old { stands: true, macs, area, slug, components }
    }
}

fn of_device(device: &DeviceView, site: &Site, topics: &Topics, old: &Old) -> Map<String, Json> {
    let thing = Thing::Device(device.id);
    let mut head = Map::new();
    head.insert("identifiers".into(), json!([topics.identifier(thing)]));
    let links: Vec<_> = links(device, site, old).map(|mac| json!(["mac", mac.to_string()])).collect();
    if !links.is_empty() {
        head.insert("connections".into(), links.into());
    }
    head.insert("name".into(), device_name(&device.name).into());
    for (key, text) in [("manufacturer", parts::maker(device)), ("model", device.model.as_deref())] {
        if let Some(text) = text.map(shown).filter(|text| !text.is_empty()) {
            head.insert(key.into(), text.into());
        }
    }
    head.insert("via_device".into(), topics.identifier(Thing::Bridge).into());
    if let Some(area) = area(device, site, old) {
        head.insert("suggested_area".into(), area.into());
    }
    if let Some(page) = &site.page {
        head.insert("configuration_url".into(), format!("{}/device/{}", page.trim_end_matches('/'), device.id).into());
    }
    let is_full = tier(device) == Tier::Full;
    let rows = entities::of(Scope::Device).filter(|row| match row.shown {
        Shown::Basic => true,
        Shown::Full => is_full,
        Shown::Known(fact) => is_full && device.facts.iter().any(|(key, _)| key == fact),
        Shown::NotYet => false,
    });
    let slug = device.slug.as_deref().filter(|slug| is_slug(slug)).or(old.slug.as_deref());
    let slug = slug.map_or_else(|| device_slug(&device.name, device.id), str::to_owned);
    let is_ble = !device.sources.is_empty() && device.sources.iter().all(|source| *source == Source::Ble);
    payload(thing, head, rows, &slug, is_ble, site, topics)
}

/// A payload that lets Home Assistant take up what is left of a forgotten device, to be followed by
/// an empty one: emptying alone leaves ghosts if Home Assistant was down when it happened.
#[must_use]
pub fn ghost(id: DeviceId, site: &Site, topics: &Topics) -> Vec<u8> {
    let thing = Thing::Device(id);
    let mut head = Map::new();
    head.insert("identifiers".into(), json!([topics.identifier(thing)]));
    head.insert("name".into(), format!("Forgotten {id}").into());
    let rows = entities::of(Scope::Device).filter(|row| row.shown != Shown::NotYet);
    bytes(&payload(thing, head, rows, &device_slug("", id), false, site, topics))
}

/// A component that was dropped, as Home Assistant needs it to take it up again: the row that is
/// still there for another tier, else as little as its platform asks for.
#[must_use]
pub(super) fn once_more(id: DeviceId, key: &str, platform: Platform, topics: &Topics) -> Map<String, Json> {
    let thing = Thing::Device(id);
    if let Some(row) = entities::of(Scope::Device).find(|row| row.key == key && row.platform == platform) {
        return component(row, thing, &device_slug("", id), false, topics);
    }
    let mut out = Map::new();
    out.insert("platform".into(), platform.word().into());
    out.insert("unique_id".into(), topics.unique_id(thing, key).into());
    let command = || topics.at(thing, Place::Do, "").into();
    match platform {
        Platform::Button | Platform::Number | Platform::Switch | Platform::Text => {
            out.insert("command_topic".into(), command());
        }
        Platform::Select => {
            out.insert("command_topic".into(), command());
            out.insert("options".into(), json!([]));
        }
        Platform::Event => {
            out.insert("event_types".into(), json!(["none"]));
        }
        Platform::BinarySensor | Platform::DeviceTracker | Platform::Sensor => {}
    }
    out
}

fn payload(
    thing: Thing,
    head: Map<String, Json>,
    rows: impl Iterator<Item = &'static Entity>,
    slug: &str,
    is_ble: bool,
    site: &Site,
    topics: &Topics,
) -> Map<String, Json> {
    let components = rows.map(|row| (row.key.to_owned(), component(row, thing, slug, is_ble, topics).into())).collect();
    let mut out = Map::new();
    out.insert("device".into(), head.into());
    out.insert(
        "origin".into(),
        json!({"name": "Porchlight", "sw_version": site.version, "support_url": env!("CARGO_PKG_REPOSITORY")}),
    );
    if thing != Thing::Bridge {
        out.insert("availability_topic".into(), topics.at(thing, Place::Availability, "").into());
        out.insert("state_topic".into(), topics.at(thing, Place::State, "").into());
    }
    out.insert("qos".into(), 1.into());
    out.insert("components".into(), Json::Object(components));
    out
}

fn component(row: &Entity, thing: Thing, slug: &str, is_ble: bool, topics: &Topics) -> Map<String, Json> {
    let mut out = Map::new();
    out.insert("platform".into(), row.platform.word().into());
    out.insert("unique_id".into(), topics.unique_id(thing, row.key).into());
    let separator = if row.slug.is_empty() { "" } else { "_" };
    out.insert("default_entity_id".into(), format!("{}.{slug}{separator}{}", row.platform, row.slug).into());
    out.insert("name".into(), json!(row.name));
    for (key, value) in row.config {
        let value = match *value {
            Config::Text(text) => text.into(),
            Config::Number(number) => number.into(),
            Config::Flag(flag) => flag.into(),
            Config::Words(words) => words.into(),
            Config::Topic(place) => topics.at(thing, place, row.key).into(),
            Config::SourceType if is_ble => "bluetooth_le".into(),
            Config::SourceType => "router".into(),
        };
        out.insert((*key).into(), value);
    }
    out
}

/// A component that is merely omitted stays in Home Assistant; one that has only a platform goes.
/// It stays in the payload, since Home Assistant may be down just now.
fn add_stubs(payload: &mut Map<String, Json>, old: &Old) {
    let Some(components) = payload.get_mut("components").and_then(Json::as_object_mut) else { return };
    for (key, platform) in &old.components {
        if !components.contains_key(key) {
            components.insert(key.clone(), json!({"platform": platform.word()}));
        }
    }
}

/// Fit to begin entity ids.
fn is_slug(slug: &str) -> bool {
    (1..=64).contains(&slug.len()) && slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Home Assistant warns of entity names that begin with the device's, so a device called `IP` or
/// `a` gets a word more.
fn device_name(name: &str) -> String {
    named(name, Scope::Device)
}

fn named(name: &str, scope: Scope) -> String {
    let name = cut(name, NAME_CHARS_MAX);
    let small = name.to_lowercase();
    let begins = |row: &Entity| row.name.is_some_and(|entity| entity.to_lowercase().starts_with(&small));
    if entities::of(scope).any(begins) { format!("{name} device").trim_start().to_owned() } else { name }
}

/// The MACs that Home Assistant may link with other integrations' devices. Never a random one.
fn links<'a>(device: &'a DeviceView, site: &'a Site, old: &'a Old) -> impl Iterator<Item = MacAddr> {
    let may = move |mac: &MacAddr| match site.link_mac {
        LinkMac::Always => true,
        LinkMac::Never => false,
        LinkMac::Auto => {
            !site.foreign_macs.contains(mac)
                && !site.ha.mqtt_macs.contains(mac)
                && (old.macs.contains(mac) || site.ha.version.is_some_and(|version| version >= LINKS_SINCE))
        }
    };
    let real = |mac: &MacAddr| mac.is_station() && !mac.is_local() && !mac.is_virtual_router();
    // Sorted: the order of `macs` follows the traffic.
    let macs: BTreeSet<MacAddr> =
        device.macs.iter().copied().filter(|mac| !device.randomised && real(mac) && may(mac)).collect();
    macs.into_iter().take(LINKS_MAX)
}

/// Home Assistant reads it when it makes the device and never again. A later one would change nothing there but
/// write a row of history for the tracker, so the first stays.
fn area<'a>(device: &'a DeviceView, site: &Site, old: &'a Old) -> Option<&'a str> {
    if old.stands {
        return old.area.as_deref();
    }
    device.area.as_deref().filter(|area| stays_put(device.kind) && site.ha.areas.contains(*area))
}

/// Kinds that have their place.
const fn stays_put(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Phone
            | Kind::Tablet
            | Kind::Watch
            | Kind::Laptop
            | Kind::Computer
            | Kind::Car
            | Kind::Vacuum
            | Kind::VirtualMachine
            | Kind::Container
            | Kind::Iot
            | Kind::Unknown
    )
}
