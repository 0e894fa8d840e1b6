//! # NetworkManager over the system bus
//!
//! Its D-Bus API 1.x: devices, their access points, and which of them is in use. Blocking, so it runs on a
//! thread for such things; every call has a deadline.

use std::time::Duration;

use dbus::{
    Path,
    arg::{PropMap, prop_cast},
    blocking::Connection,
};

use super::{Listed, POINTS_MAX, Point, SSID_MAX};
use crate::wire::wifi::Security;

const NAME: &str = "org.freedesktop.NetworkManager";
const WIRELESS: &str = "org.freedesktop.NetworkManager.Device.Wireless";
const DEVICE: &str = "org.freedesktop.NetworkManager.Device";
const POINT: &str = "org.freedesktop.NetworkManager.AccessPoint";
/// NM_DEVICE_TYPE_WIFI.
const WIFI: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(3);
/// Cards asked.
const DEVICES_MAX: usize = 32;

/// What all cards heard. `Err`: it does not run.
pub fn list() -> Result<Listed, String> {
    let said = |error: dbus::Error| error.to_string();
    let bus = Connection::new_system().map_err(said)?;
    let manager = bus.with_proxy(NAME, "/org/freedesktop/NetworkManager", PATIENCE);
    let (devices,): (Vec<Path<'static>>,) = manager.method_call(NAME, "GetDevices", ()).map_err(said)?;
    let mut points = Vec::new();
    let mut has_card = false;
    for device in devices.into_iter().take(DEVICES_MAX) {
        let facts = all(&bus, &device, DEVICE).map_err(said)?;
        if prop_cast::<u32>(&facts, "DeviceType") != Some(&WIFI) {
            continue;
        }
        has_card = true;
        let wireless = all(&bus, &device, WIRELESS).map_err(said)?;
        let joined = prop_cast::<Path<'static>>(&wireless, "ActiveAccessPoint").cloned();
        let card = bus.with_proxy(NAME, &device, PATIENCE);
        let (found,): (Vec<Path<'static>>,) = card.method_call(WIRELESS, "GetAllAccessPoints", ()).map_err(said)?;
        for path in found.into_iter().take(POINTS_MAX) {
            // One that vanished meanwhile is no fault.
            if let Some(point) =
                all(&bus, &path, POINT).ok().and_then(|facts| point(&facts, joined.as_ref() == Some(&path)))
            {
                points.push(point);
            }
        }
    }
    Ok(has_card.then_some(points))
}

fn all(bus: &Connection, path: &Path<'_>, interface: &str) -> Result<PropMap, dbus::Error> {
    let object = bus.with_proxy(NAME, path, PATIENCE);
    object.method_call("org.freedesktop.DBus.Properties", "GetAll", (interface,)).map(|(map,): (PropMap,)| map)
}

fn point(facts: &PropMap, joined: bool) -> Option<Point> {
    let number = |key: &str| prop_cast::<u32>(facts, key).copied().unwrap_or(0);
    let (flags, wpa, rsn) = (number("Flags"), number("WpaFlags"), number("RsnFlags"));
    // NM80211ApSecurityFlags: PSK, 802.1X, SAE, OWE, OWE in transition, suite B.
    let any = wpa | rsn;
    let mut security = Security {
        wep: false,
        wpa: wpa & 0x100 != 0,
        wpa2: rsn & 0x100 != 0,
        wpa3: rsn & 0x400 != 0,
        owe: any & 0x1800 != 0,
        enterprise: any & 0x2200 != 0,
    };
    // NM80211ApFlags: privacy, and nothing that says by what.
    security.wep = flags & 1 != 0 && security == Security::default();
    let mut ssid = prop_cast::<Vec<u8>>(facts, "Ssid").cloned().unwrap_or_default();
    ssid.truncate(SSID_MAX);
    Some(Point {
        bssid: prop_cast::<String>(facts, "HwAddress")?.parse().ok()?,
        ssid,
        mhz: number("Frequency"),
        // NetworkManager's percents are 2 × (dBm + 100), cut at both ends.
        dbm: prop_cast::<u8>(facts, "Strength").map(|percent| i16::from((*percent).min(100)) / 2 - 100),
        security,
        joined,
    })
}
