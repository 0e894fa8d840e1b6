//! # Home Assistant's registries → facts
//!
//! Pure. Every field is optional: releases add and drop them (child devices of 2026.9 have no
//! connections, no maker and often no area of their own), and one odd entry must not hide the rest.
//!
//! What we published is never a name source, nor is what another Porchlight published: otherwise a
//! name would walk in a circle and come back as if somebody else had said it. What a person typed for
//! a device of ours is one: Home Assistant keeps it apart from what we published, so clearing it there
//! brings the old name back.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use serde_json::Value;

use super::{
    adverts,
    evidence::{Apps, Spot},
};
use crate::model::{DeviceId, HaFact, HaInfo, HaName, HaPerson, MacAddr, PersonId, clean_text};

// Homes have hundreds of devices; beyond these the rest is left out, so that a broken registry
// cannot fill the memory of the core.
const DEVICES_MAX: usize = 8192;
const PERSONS_MAX: usize = 256;
const ADDRESSES_MAX: usize = 16;
const EARS_MAX: usize = 128;
/// Bytes of a name or area.
const TEXT_MAX: usize = 120;

/// Integrations that know devices only as a router lists them: their names are host names or what
/// somebody typed into the router.
const ROUTERS: &[&str] = &[
    "aruba",
    "asuswrt",
    "bbox",
    "cisco_ios",
    "ddwrt",
    "devolo_home_network",
    "eero",
    "fortios",
    "freebox",
    "fritz",
    "google_wifi",
    "hitron_coda",
    "huawei_lte",
    "keenetic_ndms2",
    "linksys_smart",
    "luci",
    "mikrotik",
    "netgear",
    "netgear_lte",
    "omada",
    "opnsense",
    "pfsense",
    "ruckus_unleashed",
    "sky_hub",
    "swisscom",
    "synology_srm",
    "tomato",
    "tplink_omada",
    "ubus",
    "unifi",
    "unifi_direct",
    "upc_connect",
    "vodafone_station",
    "xiaomi",
    "zyxel",
];
/// Integrations that hear from an app on the phone itself. Others ask a service, whose answer may be old.
const APPS: &[&str] = &["gpslogger", "mobile_app", "owntracks"];
/// Integrations whose devices stand for something else, or that make names up.
const OTHERS: &[&str] = &[
    "backup",
    "ble_monitor",
    "bluetooth",
    "bluetooth_adapters",
    "bluetooth_le_tracker",
    "bermuda",
    "dhcp",
    "group",
    "hacs",
    "homekit",
    "ibeacon",
    "mqtt",
    "nmap_tracker",
    "ping",
    "private_ble_device",
    "snmp",
    "template",
    "upnp",
];

/// What the lists say, as they came. `None`: not answered, or refused.
#[derive(Debug, Default)]
pub struct Lists {
    pub config: Option<Value>,
    pub devices: Option<Vec<Value>>,
    pub entities: Option<Vec<Value>>,
    pub areas: Option<Vec<Value>>,
    pub persons: Option<Value>,
}

/// What a tracker of another integration says of its device, by entity id.
pub type Trackers = BTreeMap<String, Tracker>;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tracker {
    pub mac: Option<MacAddr>,
    pub ip: Option<IpAddr>,
    pub host: Option<String>,
}

impl Tracker {
    /// From the attributes of a router's tracker.
    pub fn read(attributes: &Value) -> Tracker {
        Tracker {
            mac: text(attributes, "mac").and_then(|mac| mac.parse().ok()).filter(|mac: &MacAddr| mac.is_station()),
            ip: text(attributes, "ip").and_then(|ip| ip.parse().ok()),
            host: text(attributes, "host_name").map(|host| clean_text(host, TEXT_MAX)).filter(|host| !host.is_empty()),
        }
    }
}

/// What the registries come to. A list that was not answered gives no fact, so what was known stays.
#[derive(Debug, Default)]
pub struct Reading {
    pub facts: Vec<HaFact>,
    /// `connected` is left to the caller.
    pub info: HaInfo,
    /// Entities whose attributes tell more: persons, and trackers of others.
    pub watch: BTreeSet<String>,
    /// Trackers of apps on phones, by entity id, and whose they are.
    pub apps: Apps,
    /// Where Home Assistant is told that home is.
    pub home: Option<Spot>,
    /// Rooms of Bluetooth adapters and proxies.
    pub adapters: adverts::Places,
    /// The list of entities came.
    pub has_entities: bool,
}

/// Reads all lists at once: they refer to each other.
#[must_use]
pub fn read(lists: &Lists, trackers: &Trackers, instance: u32) -> Reading {
    let empty = Vec::new();
    let devices = lists.devices.as_ref().unwrap_or(&empty);
    let entities = lists.entities.as_ref().unwrap_or(&empty);
    let areas: BTreeMap<&str, String> = lists
        .areas
        .iter()
        .flatten()
        .take(DEVICES_MAX)
        .filter_map(|area| Some((text(area, "area_id")?, shown(text(area, "name")?)?)))
        .collect();
    let places = Places::of(devices, &areas);
    let mine = format!("porchlight_{instance:06x}_");

    let mut reading = Reading { has_entities: lists.entities.is_some(), ..Reading::default() };
    reading.info.version = lists.config.as_ref().and_then(|config| release(text(config, "version")?));
    reading.info.areas = areas.values().cloned().collect();
    for entity in entities {
        if let Some(id) = text(entity, "entity_id").filter(|id| worth_watching(id, entity))
            && reading.watch.len() < DEVICES_MAX
        {
            reading.watch.insert(id.to_owned());
        }
        if let Some(unique) = text(entity, "unique_id").filter(|unique| unique.starts_with(&mine))
            && text(entity, "platform") == Some("mqtt")
            && reading.info.our_entities.len() < DEVICES_MAX
        {
            let is_enabled = text(entity, "disabled_by").is_none();
            reading.info.our_entities.insert(unique.to_owned(), is_enabled);
        }
    }

    for device in devices.iter().take(DEVICES_MAX) {
        let Some(room) = places.adapter(device) else { continue };
        let is_radio = |connection: &&Value| item(connection, 0) == Some("bluetooth");
        let radios = list(device, "connections").filter(is_radio).filter_map(|c| item(c, 1)?.parse::<MacAddr>().ok());
        reading.adapters.extend(radios.take(ADDRESSES_MAX).map(|mac| (mac, room.as_str().into())));
    }
    let by_device = group(entities, trackers);
    let (mut names, mut own_areas, mut ears) = (Vec::new(), Vec::new(), Vec::new());
    for device in devices.iter().take(DEVICES_MAX) {
        if is_others_mqtt(device) {
            reading.info.mqtt_macs.extend(macs(device));
        }
        let identifiers = ours(device);
        if identifiers.is_empty() {
            names.extend(name(device, &places, text(device, "id").and_then(|id| by_device.get(id))));
            continue;
        }
        for identifier in identifiers {
            // A sensor has an installation of its own.
            let sensor = identifier.split_once("_sensor_").map(|(_, name)| name).filter(|name| !name.is_empty());
            ears.extend(sensor.zip(places.area(device)).map(|(name, area)| (clean_text(name, TEXT_MAX), area)));
            let Some(id) = identifier.strip_prefix(&mine) else { continue };
            reading.info.ours.insert(identifier.to_owned());
            if let Ok(id) = id.parse::<DeviceId>() {
                own_areas.push((id, places.area(device)));
                names.extend(typed(device, id));
            }
        }
    }
    own_areas.sort();
    own_areas.dedup_by_key(|(id, _)| *id);
    if lists.devices.is_some() {
        // Areas that did not come would look like devices without one.
        if lists.areas.is_some() {
            reading.facts.push(HaFact::Names(names));
            reading.facts.push(HaFact::Areas(own_areas));
            ears.sort();
            ears.truncate(EARS_MAX);
            // Most homes have none, and then there is nothing to say.
            if !ears.is_empty() {
                reading.facts.push(HaFact::Ears(ears));
            }
        }
    }
    reading.home = lists.config.as_ref().and_then(|config| {
        let degrees = |key: &str| config.get(key).and_then(Value::as_f64).filter(|degrees| degrees.is_finite());
        Some((degrees("latitude")?, degrees("longitude")?))
    });
    if let (Some(persons), Some(_)) = (&lists.persons, &lists.entities) {
        reading.apps = read_apps(persons, entities);
        reading.facts.push(HaFact::Persons(read_persons(persons, entities, &mine)));
    }
    reading
}

/// The persons of both kinds, by name and by what tracks them.
fn persons_of(persons: &Value) -> impl Iterator<Item = (String, Vec<&str>)> {
    let all = ["storage", "config"].into_iter().filter_map(|kind| persons.get(kind)?.as_array()).flatten();
    all.take(PERSONS_MAX).filter_map(|person| {
        let trackers = list(person, "device_trackers").filter_map(Value::as_str).take(ADDRESSES_MAX);
        Some((shown(text(person, "name")?)?, trackers.collect()))
    })
}

/// Trackers of apps, and whom each stands for.
fn read_apps(persons: &Value, entities: &[Value]) -> Apps {
    let is_app = |entity: &&Value| text(entity, "platform").is_some_and(|platform| APPS.contains(&platform));
    let known: BTreeSet<&str> = entities.iter().filter(is_app).filter_map(|entity| text(entity, "entity_id")).collect();
    let mut apps = Apps::new();
    for (name, trackers) in persons_of(persons) {
        for tracker in trackers.into_iter().filter(|tracker| known.contains(tracker)) {
            apps.entry(tracker.to_owned()).or_default().push(name.clone());
        }
    }
    apps
}

/// The persons, each with those of our devices whose tracker stands for them.
fn read_persons(persons: &Value, entities: &[Value], mine: &str) -> Vec<HaPerson> {
    let trackers: BTreeMap<&str, &str> = entities
        .iter()
        .filter(|entity| text(entity, "platform") == Some("mqtt"))
        .filter_map(|entity| {
            let id = text(entity, "unique_id")?.strip_prefix(mine)?.strip_suffix("_tracker")?;
            Some((text(entity, "entity_id")?, id))
        })
        .collect();
    let mut found: Vec<HaPerson> = persons_of(persons)
        .map(|(name, theirs)| {
            let ours: Vec<&str> = theirs.into_iter().filter_map(|tracker| trackers.get(tracker).copied()).collect();
            let mut devices: Vec<DeviceId> = ours.iter().filter_map(|id| id.parse().ok()).collect();
            devices.sort();
            devices.dedup();
            let linked = ours.iter().any(|id| id.parse::<PersonId>().is_ok());
            HaPerson { name, devices, linked }
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The name that a person gave to a device of ours. What we published ourselves is not read.
fn typed(device: &Value, id: DeviceId) -> Option<HaName> {
    let name = text(device, "name_by_user").and_then(shown)?;
    Some(HaName { name: Some(name), by_user: true, ours: Some(id), ..HaName::default() })
}

/// A device of another integration; `None` if nothing of it could be matched with ours.
fn name(device: &Value, places: &Places<'_>, hints: Option<&Hints<'_>>) -> Option<HaName> {
    let mut found = HaName { rank: rank(device, hints), area: places.area(device), ..HaName::default() };
    found.macs.extend(macs(device));
    let page = text(device, "configuration_url").and_then(|url| url::Url::parse(url).ok());
    match page.as_ref().filter(|url| matches!(url.scheme(), "http" | "https")).and_then(url::Url::host) {
        Some(url::Host::Ipv4(ip)) => found.ips.push(ip.into()),
        Some(url::Host::Ipv6(ip)) => found.ips.push(ip.into()),
        Some(url::Host::Domain(host)) => found.hosts.extend(shown(host)),
        None => {}
    }
    for tracker in hints.iter().flat_map(|hints| &hints.trackers) {
        found.macs.extend(tracker.mac);
        found.ips.extend(tracker.ip);
        found.hosts.extend(tracker.host.clone());
    }
    // A page on this very machine says nothing of the device.
    found.ips.retain(|ip| !ip.is_loopback() && !ip.is_unspecified());
    tidy(&mut found.macs);
    tidy(&mut found.ips);
    tidy(&mut found.hosts);
    let by_user = text(device, "name_by_user").and_then(shown);
    found.by_user = by_user.is_some();
    found.name = by_user.or_else(|| text(device, "name").and_then(shown));
    let known = found.name.is_some() || found.area.is_some();
    let matchable = !found.macs.is_empty() || !found.ips.is_empty() || !found.hosts.is_empty();
    (known && matchable).then_some(found)
}

/// 3: the maker's own integration · 2: a router's · 1: the rest. By the domain of the identifiers,
/// else by the platform of the first entity.
fn rank(device: &Value, hints: Option<&Hints<'_>>) -> u8 {
    let domain =
        list(device, "identifiers").find_map(|identifier| item(identifier, 0)).or(hints.and_then(|h| h.platform));
    match domain {
        Some(domain) if ROUTERS.contains(&domain) => 2,
        Some(domain) if OTHERS.contains(&domain) => 1,
        Some(_) => 3,
        None => 1,
    }
}

/// Hardware addresses among its connections.
fn macs(device: &Value) -> impl Iterator<Item = MacAddr> {
    list(device, "connections")
        .filter(|connection| matches!(item(connection, 0), Some("mac" | "bluetooth")))
        .filter_map(|connection| item(connection, 1)?.parse::<MacAddr>().ok())
        .filter(|mac| mac.is_station())
        .take(ADDRESSES_MAX)
}

/// Some other program announced it by MQTT; perhaps it is already one with a device of ours.
fn is_others_mqtt(device: &Value) -> bool {
    list(device, "identifiers")
        .filter(|identifier| item(identifier, 0) == Some("mqtt"))
        .filter_map(|identifier| item(identifier, 1))
        .any(|id| !id.starts_with("porchlight_"))
}

/// Identifiers that some Porchlight published. Empty for everybody else's devices.
fn ours(device: &Value) -> Vec<&str> {
    list(device, "identifiers")
        .filter(|identifier| item(identifier, 0) == Some("mqtt"))
        .filter_map(|identifier| item(identifier, 1))
        .filter(|id| id.starts_with("porchlight_"))
        .take(ADDRESSES_MAX)
        .collect()
}

/// Persons change by their state alone (there is no event for them); trackers of others carry MAC,
/// address and host name.
fn worth_watching(id: &str, entity: &Value) -> bool {
    let enabled = entity.get("disabled_by").is_none_or(Value::is_null);
    enabled
        && (id.starts_with("person.") || id.starts_with("device_tracker.") && text(entity, "platform") != Some("mqtt"))
}

/// What a device's entities say.
#[derive(Default)]
struct Hints<'a> {
    platform: Option<&'a str>,
    trackers: Vec<&'a Tracker>,
}

fn group<'a>(entities: &'a [Value], trackers: &'a Trackers) -> BTreeMap<&'a str, Hints<'a>> {
    let mut by_device: BTreeMap<&str, Hints<'_>> = BTreeMap::new();
    for entity in entities {
        let Some(device) = text(entity, "device_id") else { continue };
        let hints = by_device.entry(device).or_default();
        hints.platform = hints.platform.or(text(entity, "platform"));
        hints.trackers.extend(text(entity, "entity_id").and_then(|id| trackers.get(id)));
    }
    by_device
}

/// Where devices are: their own area, else their parent's.
struct Places<'a> {
    areas: &'a BTreeMap<&'a str, String>,
    devices: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Places<'a> {
    fn of(devices: &'a [Value], areas: &'a BTreeMap<&'a str, String>) -> Places<'a> {
        Places { areas, devices: devices.iter().filter_map(|device| Some((text(device, "id")?, device))).collect() }
    }

    /// A proxy's radio is a device of its own, and has the room of the one it is built into.
    fn adapter(&self, device: &Value) -> Option<String> {
        let via = || self.devices.get(text(device, "via_device_id")?).copied();
        self.area(device).or_else(|| self.area(via()?))
    }

    fn area(&self, device: &Value) -> Option<String> {
        let mut device = device;
        // Parents of parents do not exist today; the bound keeps a ring from turning for ever.
        for _ in 0..4 {
            if let Some(area) = text(device, "area_id").and_then(|id| self.areas.get(id)) {
                return Some(area.clone());
            }
            device = self.devices.get(text(device, "parent_device_id")?)?;
        }
        None
    }
}

/// `2026.11.0b2` → `(2026, 11)`.
#[must_use]
pub fn release(version: &str) -> Option<(u16, u16)> {
    let mut parts = version.split('.');
    let (year, month) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((year, month))
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

fn item(value: &Value, index: usize) -> Option<&str> {
    value.get(index)?.as_str()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn shown(raw: &str) -> Option<String> {
    Some(clean_text(raw, TEXT_MAX)).filter(|text| !text.is_empty())
}

fn tidy<T: Ord>(values: &mut Vec<T>) {
    values.sort();
    values.dedup();
    values.truncate(ADDRESSES_MAX);
}

#[cfg(test)]
mod tests;
