//! # Lists of stations, as controllers of access points give them
//!
//! One shape for all makers. They allocate: answers are documents, and names are text.

use std::{net::IpAddr, time::Duration};

use serde_json::Value;

use super::hostapd::Station;
use crate::model::{MacAddr, Rssi, clean_text};

pub mod fritzbox;
pub mod openwrt;
pub mod unifi;

/// Access points of one answer.
pub const POINTS_MAX: usize = 64;
/// Stations of one access point; an association id ends at 2007, a home's access point at some hundred.
pub const STATIONS_MAX: usize = 512;
/// Bytes of a name; DNS allows 253, an SSID has 32.
const TEXT_MAX: usize = 120;

/// One access point, or one network of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Point {
    /// Tells it from the controller's others.
    pub name: String,
    pub ssid: Option<String>,
    pub listed: Vec<Listed>,
}

/// One station, and what else the controller says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub station: Station,
    pub ip: Option<IpAddr>,
    /// The name it told DHCP, as far as the controller shows that one.
    pub host: Option<String>,
}

impl Listed {
    /// A station of which nothing but its address is known.
    #[must_use]
    pub const fn bare(mac: MacAddr) -> Listed {
        let station = Station {
            mac,
            authorized: true,
            rx_packets: None,
            rx_bytes: None,
            inactive: None,
            connected: None,
            level: None,
        };
        Listed { station, ip: None, host: None }
    }
}

fn mac(text: &str) -> Option<MacAddr> {
    text.trim().parse().ok().filter(|mac: &MacAddr| mac.is_station())
}

fn text(raw: &str) -> Option<String> {
    Some(clean_text(raw, TEXT_MAX)).filter(|text| !text.is_empty())
}

fn string(value: &Value, key: &str) -> Option<String> {
    text(value.get(key)?.as_str()?)
}

/// Counters come as numbers, of some as text or with a fraction.
fn count(value: &Value, key: &str) -> Option<u64> {
    let value = value.get(key)?;
    let whole = |f: f64| (f.is_finite() && (0.0..9.0e15).contains(&f)).then_some(f as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(whole)).or_else(|| value.as_str()?.trim().parse().ok())
}

fn seconds(value: &Value, key: &str) -> Option<Duration> {
    count(value, key).map(Duration::from_secs)
}

/// A level in dBm; 0 and above is "not known".
fn dbm(value: &Value, key: &str) -> Option<Rssi> {
    let level = value.get(key)?.as_i64()?;
    i8::try_from(level).ok().filter(|dbm| *dbm < 0).and_then(Rssi::new)
}

#[cfg(test)]
mod tests;
