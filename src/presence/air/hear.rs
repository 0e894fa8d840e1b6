//! # 802.11 frames
//!
//! What a frame heard in monitor mode shows, by the table of `docs/PRESENCE.md`:
//! * Beacons and answers to probes tell of their access point.
//! * Who sends data through an access point of the home, or dozes there, is a device of the home and alive.
//! * Any frame of a device that is known shows that its radio is near.
//! * Questions to everybody ("probes") under addresses drawn at random are a crowd.
//! * Everybody else belongs to neighbours: counted for their access point, never a device.
//!
//! Encrypted or not, addresses are in the clear. Who sends forged frames under such an address is taken
//! for it, as on a cable.

use std::time::Duration;

use crate::{
    model::{AccessPoint, Captured, Fact, MacAddr, Mono, Observation, Proof, Rssi, Source, Subject, clean_text},
    wire::{
        Faults, Frame, Wifi,
        wifi::{Security, beacon_channel, channel, ssid},
    },
};

use super::{ANCHORED, Air, Point, Station};

/// A device is told so often, an access point to detectors so often, unless it says something new.
const TELL_EVERY: Duration = Duration::from_secs(5);
const TELL_POINT_EVERY: Duration = Duration::from_secs(60);
/// Of a beacon before its elements: time stamp (8), interval (2), capabilities (2); IEEE 802.11-2020 §9.3.3.2.
const BEACON_FIXED: usize = 12;
/// A name has at most 32 bytes (§9.4.2.2).
const SSID_MAX: usize = 32;

/// Whose an address is.
pub trait Whose {
    /// A device of the home that is known.
    fn is_known(&self, mac: MacAddr) -> bool;
    /// This host, or a router of its networks.
    fn is_anchor(&self, mac: MacAddr) -> bool;
}

impl Air {
    /// Takes one 802.11 frame. True: it passed through the home's own network, so that what it carries
    /// is the home's.
    pub fn hear(
        &mut self,
        at: &Captured<'_>,
        frame: &Frame<'_>,
        whose: &impl Whose,
        out: &mut Vec<Observation>,
    ) -> bool {
        let Some(wifi) = &frame.wifi else { return true };
        // The radio says the bytes are wrong: whose they are is wrong too.
        if frame.faults.has(Faults::CHECKSUM) {
            return false;
        }
        if wifi.class == Wifi::MANAGEMENT && matches!(wifi.subtype, Wifi::BEACON | Wifi::PROBE_RESPONSE) {
            self.beacon(at, frame, wifi, out);
        }
        let is_ours = self.data(frame, wifi, whose, at);
        let Some(mac) = wifi.transmitter.filter(|mac| is_device(*mac)) else { return is_ours };
        let now = at.at.mono;
        let is_question = wifi.is_management(Wifi::PROBE_REQUEST);
        if is_question && (mac.is_local() || !whose.is_known(mac)) {
            self.passers.insert(mac, now);
            return false;
        }
        // Station to access point: data, or the poll of a sleeper (PS-Poll, §9.3.1.5).
        let is_poll = wifi.class == Wifi::CONTROL && wifi.subtype == Wifi::PS_POLL;
        let through = if wifi.class == Wifi::DATA && wifi.to_ds && !wifi.from_ds {
            wifi.bssid
        } else {
            is_poll.then_some(wifi.receiver)
        };
        let own = through.is_some_and(|bssid| self.is_own(bssid));
        if own || whose.is_known(mac) {
            self.alive(mac, through, wifi.signal, at, out);
        } else if let Some(bssid) = through {
            self.talks(mac, Some(bssid), false, now);
        }
        // Passed on by an access point: its source spoke in this network just before.
        if is_ours
            && wifi.from_ds
            && !wifi.to_ds
            && let Some(source) = frame.source.filter(|source| is_device(*source) && *source != mac)
        {
            self.alive(source, None, None, at, out);
        }
        is_ours
    }

    /// An access point tells of itself.
    fn beacon(&mut self, at: &Captured<'_>, frame: &Frame<'_>, wifi: &Wifi, out: &mut Vec<Observation>) {
        let Some(bssid) = wifi.bssid.filter(|bssid| is_device(*bssid) && wifi.transmitter == Some(*bssid)) else {
            return;
        };
        let Some((fixed, elements)) = frame.link_payload.split_at_checked(BEACON_FIXED) else { return };
        // Bit 4 of the capabilities: privacy (§9.4.1.4).
        let privacy = fixed.get(10).is_some_and(|low| low & 0x10 != 0);
        let name = ssid(elements).map_or_else(String::new, |name| clean_text(&String::from_utf8_lossy(name), SSID_MAX));
        let said = AccessPoint {
            own: self.is_own(bssid) || self.is_own_name(&name),
            ssid: name,
            channel: beacon_channel(elements).or_else(|| wifi.mhz.and_then(|mhz| channel(mhz.into()))),
            level: wifi.signal.and_then(Rssi::new),
            security: Security::read(privacy, elements).words().collect::<Vec<_>>().join("+"),
        };
        let known = self.home.get_mut(&bssid).or_else(|| self.others.get_mut(&bssid));
        if let Some(point) = known {
            let news = (!said.ssid.is_empty() && said.ssid != point.said.ssid)
                || (said.channel, &said.security, said.own)
                    != (point.said.channel, &point.said.security, point.said.own);
            let recent = point.told.is_some_and(|told| at.at.mono.since(told) < TELL_POINT_EVERY);
            point.last = at.at;
            point.said.level = said.level.or(point.said.level);
            if recent && !news {
                return;
            }
            point.told = Some(at.at.mono);
        }
        out.push(observed(at, Subject::mac(bssid), Fact::AccessPoint(said)));
    }

    /// Whose network a data frame passes through; learns it from whom it is for.
    fn data(&mut self, frame: &Frame<'_>, wifi: &Wifi, whose: &impl Whose, at: &Captured<'_>) -> bool {
        if wifi.class != Wifi::DATA {
            return false;
        }
        let (bssid, far) = match (wifi.to_ds, wifi.from_ds) {
            (true, false) => (wifi.bssid, frame.destination),
            (false, true) => (wifi.bssid, frame.source),
            // Between two access points: either may be known.
            (true, true) => {
                return self.is_own(wifi.receiver) || wifi.transmitter.is_some_and(|mac| self.is_own(mac));
            }
            (false, false) => return false,
        };
        let Some(bssid) = bssid.filter(|bssid| is_device(*bssid)) else { return false };
        if self.is_own(bssid) {
            return true;
        }
        // Who carries frames for this host's own router, under the router's address, is in its network.
        if far.is_some_and(|far| far != bssid && is_device(far) && whose.is_anchor(far)) {
            return self.anchor(bssid, at);
        }
        false
    }

    fn anchor(&mut self, bssid: MacAddr, at: &Captured<'_>) -> bool {
        let mut point = self.others.remove(&bssid).unwrap_or_else(|| Point::unheard(at.at));
        point.anchored = point.anchored.saturating_add(1);
        let is_home = point.anchored >= ANCHORED;
        let table = if is_home { &mut self.home } else { &mut self.others };
        table.insert(bssid, point);
        self.dirty |= is_home;
        is_home
    }

    /// A device of the home is near.
    fn alive(
        &mut self,
        mac: MacAddr,
        through: Option<MacAddr>,
        dbm: Option<i8>,
        at: &Captured<'_>,
        out: &mut Vec<Observation>,
    ) {
        if !self.talks(mac, through, true, at.at.mono) {
            return;
        }
        out.push(observed(at, Subject::mac(mac), Fact::Alive { proof: Proof::Frame, age: Duration::ZERO }));
        if let Some(level) = dbm.and_then(Rssi::new) {
            out.push(observed(at, Subject::mac(mac), Fact::Level(level)));
        }
    }

    /// Notes who talks; true if presence is to be told (`tell`) and was not told of late.
    fn talks(&mut self, mac: MacAddr, through: Option<MacAddr>, tell: bool, now: Mono) -> bool {
        let Some(station) = self.stations.get_mut(&mac) else {
            self.stations.insert(mac, Station { bssid: through, last: now, told: tell.then_some(now) });
            return tell;
        };
        station.last = now;
        station.bssid = through.or(station.bssid);
        let due = tell && station.told.is_none_or(|told| now.since(told) >= TELL_EVERY);
        if due {
            station.told = Some(now);
        }
        due
    }
}

impl Point {
    /// Known only by what passes through it.
    fn unheard(at: crate::model::Moment) -> Point {
        let said = AccessPoint { ssid: String::new(), channel: None, level: None, security: String::new(), own: false };
        Point {
            said,
            told_own: false,
            anchored: 0,
            first: at,
            last: at,
            told: None,
            sources: [Source::WifiMonitor].into(),
        }
    }
}

fn observed(at: &Captured<'_>, subject: Subject, fact: Fact) -> Observation {
    // The monitor is no way to the device: it is asked on the network it belongs to, and not lost with the monitor.
    Observation { source: Source::WifiMonitor, interface: None, at: at.at, subject, fact }
}

/// Can be one device's own.
fn is_device(mac: MacAddr) -> bool {
    mac.is_station() && !mac.is_virtual_router()
}
