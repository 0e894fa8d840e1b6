//! # JSON that other programs rely on
//!
//! The shapes of the command line, one place. Fields only come; none changes its meaning. Unknown is
//! `null`, never an empty string; times are RFC 3339 in UTC with milliseconds.

use std::{collections::BTreeMap, io};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    intel::parts,
    model::{AlertView, DeviceView, Party, PointView, ScannerView, ServiceView, Wall, WindowView},
    store::EventRow,
};

/// A device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Device {
    pub id: String,
    pub name: String,
    pub name_source: &'static str,
    pub macs: Vec<String>,
    pub addresses: Vec<String>,
    pub hostname: Option<String>,
    pub vendor: Option<String>,
    pub vendor_source: Option<&'static str>,
    /// Who made the device. `null` too where the vendor of the address makes only parts of it.
    pub maker: Option<String>,
    pub kind: &'static str,
    pub kind_confidence: f64,
    pub os: Option<String>,
    pub model: Option<String>,
    pub area: Option<String>,
    pub owner: Option<String>,
    pub group: Option<String>,
    pub important: bool,
    pub trust: &'static str,
    pub randomised: bool,
    pub presence: &'static str,
    pub presence_reason: Option<&'static str>,
    pub first_seen: String,
    pub last_seen: String,
    pub since: String,
    pub sources: Vec<&'static str>,
    pub services: Vec<Service>,
    pub signal_dbm: Option<i8>,
    pub segment: Option<String>,
}

/// A service seen on a device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Service {
    pub proto: &'static str,
    pub port: u16,
    pub name: Option<String>,
    pub product: Option<String>,
}

/// One stay.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Window {
    pub device: String,
    pub start: String,
    pub end: String,
    pub open: bool,
    pub sightings: u64,
    pub reconnects: u32,
    pub min_dbm: Option<i8>,
    pub max_dbm: Option<i8>,
    pub last_dbm: Option<i8>,
    pub segment: Option<String>,
    pub closed_because: Option<&'static str>,
    /// Departures in it that were found to be none.
    pub stitched: u32,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alert {
    pub id: String,
    pub detector: String,
    pub category: &'static str,
    pub severity: &'static str,
    pub confidence: f64,
    pub title: String,
    pub detail: Option<String>,
    pub recommendation: Option<String>,
    pub attacker: Side,
    pub victim: Side,
    pub technique: Vec<String>,
    pub first_seen: String,
    pub last_seen: String,
    pub count: u64,
    pub state: &'static str,
    pub evidence: Map<String, Value>,
}

/// One side of an alert.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    pub device: Option<String>,
    pub mac: Option<String>,
    pub ip: Option<String>,
    pub name: Option<String>,
}

/// One event of the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    pub at: String,
    pub kind: String,
    pub device: Option<String>,
    pub data: Value,
}

/// How a scanner is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    pub scanner: String,
    pub state: &'static str,
    pub why: Option<String>,
    pub seen: u64,
    /// Packets since start.
    pub sent: u64,
    pub last_success: Option<String>,
}

/// A Wi-Fi access point in the air.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccessPoint {
    pub bssid: String,
    /// `null`: hidden.
    pub ssid: Option<String>,
    pub channel: Option<u16>,
    pub signal_dbm: Option<i8>,
    pub security: Option<String>,
    pub own: bool,
    pub stations: u32,
    pub first_seen: String,
    pub last_seen: String,
    pub sources: Vec<&'static str>,
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Replay {
    pub files: Vec<ReplayFile>,
    pub alerts: Vec<Alert>,
    pub devices: Vec<Device>,
    pub access_points: Vec<AccessPoint>,
    pub conversations: Vec<Value>,
    /// Protocol → packets.
    pub protocols: BTreeMap<String, u64>,
    pub credentials: Vec<Value>,
    pub packets_per_second: u64,
    pub cpu_seconds: f64,
}

/// One capture file of a replay.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayFile {
    pub path: String,
    pub packets: u64,
    pub bytes: u64,
    pub truncated: bool,
    pub link: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
}

impl From<&DeviceView> for Device {
    fn from(view: &DeviceView) -> Device {
        Device {
            id: view.id.to_string(),
            name: view.name.clone(),
            name_source: view.name_source.word(),
            macs: view.macs.iter().map(ToString::to_string).collect(),
            addresses: view.addresses.iter().map(ToString::to_string).collect(),
            hostname: known(view.hostname.as_deref()),
            vendor: known(view.vendor.as_deref()),
            vendor_source: view.vendor_source.filter(|word| !word.is_empty()),
            maker: known(parts::maker(view)),
            kind: view.kind.word(),
            kind_confidence: ratio(view.kind_confidence),
            os: known(view.os.as_deref()),
            model: known(view.model.as_deref()),
            area: known(view.area.as_deref()),
            owner: known(view.owner.as_deref()),
            group: known(view.group.as_deref()),
            important: view.important,
            trust: view.trust.word(),
            randomised: view.randomised,
            presence: view.presence.word(),
            presence_reason: Some(view.presence_reason).filter(|word| !word.is_empty()),
            first_seen: view.first_seen.to_string(),
            last_seen: view.last_seen.to_string(),
            since: view.since.to_string(),
            sources: view.sources.iter().map(|source| source.word()).collect(),
            services: view.services.iter().map(Service::from).collect(),
            signal_dbm: view.signal_dbm,
            segment: known(view.segment.as_deref()),
        }
    }
}

impl From<&ServiceView> for Service {
    fn from(view: &ServiceView) -> Service {
        Service {
            proto: if view.tcp { "tcp" } else { "udp" },
            port: view.port,
            name: known(Some(&view.name)),
            product: known(view.product.as_deref()),
        }
    }
}

impl From<&WindowView> for Window {
    fn from(view: &WindowView) -> Window {
        Window {
            device: view.device.to_string(),
            start: view.start.to_string(),
            end: view.end.to_string(),
            open: view.open,
            sightings: view.sightings,
            reconnects: view.reconnects,
            min_dbm: view.min_dbm,
            max_dbm: view.max_dbm,
            last_dbm: view.last_dbm,
            segment: known(view.segment.as_deref()),
            closed_because: view.closed_because.map(|why| why.word()),
            stitched: view.stitched,
        }
    }
}

impl From<&AlertView> for Alert {
    fn from(view: &AlertView) -> Alert {
        Alert {
            id: view.id.to_string(),
            detector: view.detector.clone(),
            category: view.category.word(),
            severity: view.severity.word(),
            confidence: ratio(view.confidence),
            title: view.title.clone(),
            detail: known(Some(&view.detail)),
            recommendation: known(Some(&view.recommendation)),
            attacker: side(&view.attacker, view.attacker_name.as_deref()),
            victim: side(&view.victim, view.victim_name.as_deref()),
            technique: view.technique.clone(),
            first_seen: view.first_seen.to_string(),
            last_seen: view.last_seen.to_string(),
            count: view.count,
            state: view.state.word(),
            evidence: evidence(&view.evidence),
        }
    }
}

impl From<&EventRow> for Event {
    fn from(row: &EventRow) -> Event {
        Event {
            at: row.at.to_string(),
            kind: row.kind.clone(),
            device: row.device.map(|d| d.to_string()),
            data: serde_json::from_str(&row.data).unwrap_or_default(),
        }
    }
}

impl From<&PointView> for AccessPoint {
    fn from(view: &PointView) -> AccessPoint {
        AccessPoint {
            bssid: view.bssid.to_string(),
            ssid: known(Some(&view.ssid)),
            channel: view.channel,
            signal_dbm: view.level_dbm,
            security: known(Some(&view.security)),
            own: view.own,
            stations: view.stations,
            first_seen: view.first_seen.to_string(),
            last_seen: view.last_seen.to_string(),
            sources: view.sources.iter().map(|source| source.word()).collect(),
        }
    }
}

impl From<&ScannerView> for Health {
    fn from(view: &ScannerView) -> Health {
        Health {
            scanner: view.name.clone(),
            state: view.health.word(),
            why: known(view.health.why()),
            seen: view.seen,
            sent: view.sent,
            last_success: view.last_success.as_ref().map(Wall::to_string),
        }
    }
}

fn side(party: &Party, name: Option<&str>) -> Side {
    Side {
        device: party.device.map(|d| d.to_string()),
        mac: party.mac.map(|m| m.to_string()),
        ip: party.ip.map(|ip| ip.to_string()),
        name: known(name),
    }
}

/// Keys may come more than once; then the value is a list.
fn evidence(pairs: &[(String, String)]) -> Map<String, Value> {
    let mut map = Map::new();
    for (key, value) in pairs {
        let value = Value::from(value.as_str());
        match map.get_mut(key) {
            Some(Value::Array(list)) => list.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
            None => drop(map.insert(key.clone(), value)),
        }
    }
    map
}

fn known(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Three decimals: more is noise of the 32-bit number inside.
fn ratio(x: f32) -> f64 {
    (f64::from(x) * 1000.0).round() / 1000.0
}

/// `{"key":[…]}` written row by row, so that a long history needs no memory.
pub struct List<'w> {
    out: &'w mut dyn io::Write,
    any: bool,
}

impl<'w> List<'w> {
    pub fn begin(out: &'w mut dyn io::Write, key: &str) -> io::Result<List<'w>> {
        write!(out, "{{\"{key}\":[")?;
        Ok(List { out, any: false })
    }
    pub fn row(&mut self, row: &str) -> io::Result<()> {
        write!(self.out, "{}\n{row}", if self.any { "," } else { "" })?;
        self.any = true;
        Ok(())
    }
    pub fn end(self) -> io::Result<()> {
        writeln!(self.out, "{}]}}", if self.any { "\n" } else { "" })
    }
}

#[cfg(test)]
mod tests;
