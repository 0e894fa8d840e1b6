//! # Devices thrown off the Wi-Fi
//!
//! ## What it finds
//! Frames that end connections, many at a time: sent by somebody in the access point's name. Or stations without number
//! that ask one access point to let them in.
//! ## Why it matters
//! It cuts devices off, and is how the password's hash or a false access point is come by. An access point that must
//! remember thousands of stations has no room for those of the home.
//! ## How it decides
//! Deauthentications and disassociations of one network: 30 in ten seconds, or 10 in one second. They are not
//! protected by encryption in most homes, so whoever sent them cannot be named. Authentications and associations of one
//! network: by 60 different stations in ten seconds. Also eight ends in a minute in an access point's name that come in 15 dB
//! stronger or weaker than its beacons do, and four times further off than those are from each other: they were sent
//! somewhere else. Where the home's own access points are
//! known, those of others are low.
//! ## What fools it
//! A radio that hops between channels misses most. An access point that restarts sends a few.
//! ## What to do
//! Switch on protected management frames (WPA3, or "PMF required") in the access point.
//!
//! Holds three times 512 networks, 128 stations each.

use std::time::Duration;

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
        window::{Recent, Window},
    },
    model::{Capped, Card, Category, Fact, Finding, Findings, Guarded, MacAddr, Observation, Party, Severity},
    traffic::owner,
    wire::Wifi,
};

pub static CARD: Card = Card {
    id: "deauth_flood",
    title: "Devices thrown off the Wi-Fi",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("deauth_flood.rs"),
};

pub type Settings = Usual;

const NETWORKS_MAX: usize = 512;
const OWN_MAX: usize = 64;
const IN_TEN: u32 = 30;
const IN_ONE: u32 = 10;
// A class or a carriage that arrives is some tens, and not within ten seconds.
const STATIONS_MIN: u32 = 60;
const STATIONS_SPAN: Duration = Duration::from_secs(10);

/// Decibels, and frames within a minute: a radio in the same place differs by some from frame to frame.
const ELSEWHERE_DB: f32 = 15.0;
const ELSEWHERE_DEVIATIONS: f32 = 4.0;
const ELSEWHERE_MIN: u32 = 8;
const BEACONS_MIN: u32 = 10;

/// How loud an access point's beacons are, in dBm, and how far they are from that on average; both follow slowly.
#[derive(Debug, Clone, Copy)]
struct Loudness {
    mean: f32,
    deviation: f32,
    beacons: u32,
}

impl Loudness {
    fn hear(&mut self, signal: f32) {
        self.beacons = self.beacons.saturating_add(1);
        let share = 1.0 / self.beacons.min(32) as f32;
        self.deviation += ((signal - self.mean).abs() - self.deviation) * share;
        self.mean += (signal - self.mean) * share;
    }
    fn is_elsewhere(&self, signal: f32) -> bool {
        let off = (signal - self.mean).abs();
        self.beacons >= BEACONS_MIN && off >= ELSEWHERE_DB && off >= self.deviation * ELSEWHERE_DEVIATIONS
    }
}

#[derive(Debug, Clone)]
struct Ended {
    frames: Window,
    /// Sent from somewhere else than beacons are.
    elsewhere: Window,
    clients: Recent<MacAddr>,
}

/// See the page above.
pub struct DeauthFlood {
    bell: Bell,
    networks: Guarded<MacAddr, Ended>,
    loudness: Guarded<MacAddr, Loudness>,
    /// Stations that asked each to let them in.
    asked: Guarded<MacAddr, Recent<MacAddr>>,
    /// Access points of the home's own network.
    own: Capped<MacAddr, ()>,
}

impl DeauthFlood {
    #[must_use]
    pub fn new(settings: Settings) -> DeauthFlood {
        DeauthFlood {
            bell: Bell::new(settings),
            networks: Guarded::new(NETWORKS_MAX),
            loudness: Guarded::new(NETWORKS_MAX),
            asked: Guarded::new(NETWORKS_MAX),
            own: Capped::new(OWN_MAX),
        }
    }

    /// What is told where the home's own access points are known.
    fn severity(&self, bssid: MacAddr) -> Severity {
        let is_others = !self.own.is_empty() && !self.own.contains(&bssid);
        if is_others { Severity::Low } else { Severity::Medium }
    }

    fn beacon(&mut self, wifi: &Wifi, context: &Context<'_>) {
        let (Some(bssid), Some(signal)) = (wifi.bssid.filter(|bssid| wifi.transmitter == Some(*bssid)), wifi.signal)
        else {
            return;
        };
        let (signal, tick) = (f32::from(signal), context.now.mono.0 / 1_000_000_000);
        if self.loudness.get(&bssid).is_none() {
            let loudness = Loudness { mean: signal, deviation: 0.0, beacons: 0 };
            self.loudness.insert(bssid, loudness, owner(bssid), tick);
        }
        if let Some(loudness) = self.loudness.get_mut(&bssid, tick) {
            loudness.hear(signal);
        }
    }

    /// A station wants to be let in.
    fn asks(&mut self, wifi: &Wifi, context: &Context<'_>, findings: &mut Findings) {
        let (Some(bssid), Some(station), now) = (wifi.bssid, wifi.transmitter, context.now.mono) else { return };
        // The access point's own answers have its name in both places.
        if station == bssid || wifi.retry {
            return;
        }
        let tick = now.0 / 1_000_000_000;
        if self.asked.get(&bssid).is_none() {
            self.asked.insert(bssid, Recent::new(128), owner(bssid), tick);
        }
        let Some(asked) = self.asked.get_mut(&bssid, tick) else { return };
        asked.see(station, now);
        // Until there are many, they are not counted one by one.
        if asked.len() < self.bell.scaled(STATIONS_MIN) as usize {
            return;
        }
        let count = asked.within(now, STATIONS_SPAN);
        if count < self.bell.scaled(STATIONS_MIN) as usize {
            return;
        }
        let key = format!("{bssid} asked");
        let finding = Finding::new(CARD.id, Category::Wireless, self.severity(bssid), key, context.now)
            .against(Party { device: None, mac: Some(bssid), ip: None })
            .why("bssid", bssid)
            .why("kind", "stations that ask to be let in")
            .why("in_ten_s", count)
            .technique(&["T1499"])
            .points(if count >= 100 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

impl Detector for DeauthFlood {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Radio, Needs::Fact]
    }

    fn held(&self) -> usize {
        self.networks.len() + self.loudness.len() + self.asked.len() + self.own.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Observation(Observation { subject, fact: Fact::AccessPoint(point), .. }) = evidence
            && let Some(bssid) = subject.mac.filter(|_| point.own)
        {
            self.own.insert(bssid, ());
        }
        let Evidence::Packet(frame) = evidence else { return };
        if let Some(wifi) = &frame.wifi
            && [Wifi::AUTHENTICATION, Wifi::ASSOCIATION_REQUEST].iter().any(|kind| wifi.is_management(*kind))
        {
            return self.asks(wifi, context, findings);
        }
        if let Some(wifi) = frame.wifi.as_ref().filter(|wifi| wifi.is_management(Wifi::BEACON)) {
            return self.beacon(wifi, context);
        }
        let Some(wifi) = frame
            .wifi
            .filter(|wifi| wifi.is_management(Wifi::DEAUTHENTICATION) || wifi.is_management(Wifi::DISASSOCIATION))
        else {
            return;
        };
        let Some(bssid) = wifi.bssid else { return };
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        if self.networks.get(&bssid).is_none() {
            let ended = Ended { frames: Window::default(), elsewhere: Window::default(), clients: Recent::new(64) };
            self.networks.insert(bssid, ended, owner(bssid), tick);
        }
        let severity = self.severity(bssid);
        let is_elsewhere = wifi.transmitter == Some(bssid)
            && wifi.signal.zip(self.loudness.get(&bssid)).is_some_and(|(dbm, usual)| usual.is_elsewhere(dbm.into()));
        let Some(ended) = self.networks.get_mut(&bssid, tick) else { return };
        // Repeats for want of an acknowledgement are the radio's.
        if !wifi.retry {
            ended.frames.add(now, 1);
            ended.elsewhere.add(now, u32::from(is_elsewhere));
        }
        ended.clients.see(wifi.receiver, now);
        let (ten, one) = (ended.frames.sum(now, 10), ended.frames.sum(now, 1));
        let elsewhere = ended.elsewhere.sum(now, 60);
        if ten < self.bell.scaled(IN_TEN)
            && one < self.bell.scaled(IN_ONE)
            && (!is_elsewhere || elsewhere < self.bell.scaled(ELSEWHERE_MIN))
        {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Wireless, severity, bssid.to_string(), context.now)
            .against(Party { device: None, mac: Some(bssid), ip: None })
            .why("bssid", bssid)
            .why("in_ten_s", ten)
            .why("from_elsewhere", elsewhere)
            .why("clients", ended.clients.len())
            .why("rssi_dbm", wifi.signal.map_or_else(String::new, |signal| signal.to_string()))
            .technique(&["T1498"])
            .points(if ten >= IN_TEN * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::{Stage, mac},
        model::LinkType,
    };

    fn deauth(to: u8, network: u8) -> Vec<u8> {
        let mut bytes = vec![0xc0, 0, 0, 0];
        bytes.extend([mac(to), mac(network), mac(network)].concat());
        bytes.extend([0, 0, 7, 0]);
        bytes
    }

    #[test]
    fn ends_that_come_from_somewhere_else_are_told_though_they_are_few() {
        let run = |ends_dbm: i8, wobble: i8| -> usize {
            let mut stage = Stage::new(DeauthFlood::new(Settings::default())).over(LinkType::RADIOTAP);
            // Radiotap with the signal alone (its field 5).
            let radio = |dbm: i8, frame: &[u8]| [&[0, 0, 9, 0, 0x20, 0, 0, 0, dbm as u8][..], frame].concat();
            let mut beacon = vec![0x80, 0, 0, 0];
            beacon.extend([[0xff; 6], mac(1), mac(1)].concat());
            beacon.extend([0; 16]);
            (0..40i8)
                .map(|n| {
                    let ms = n as u64 * 1000;
                    stage.frame(&radio(-50 + wobble * (n % 3 - 1), &beacon), ms);
                    stage.frame(&radio(ends_dbm, &deauth(7, 1)), ms + 500).len()
                })
                .sum()
        };
        assert!(run(-30, 2) > 0);
        assert_eq!(run(-44, 2), 0, "from the same place");
        assert_eq!(run(-30, 15), 0, "in a place where nothing is steady");
    }

    #[test]
    fn stations_without_number_are_told_and_a_class_that_arrives_is_not() {
        let run = |count: u8, gap_ms: u64| -> usize {
            let mut stage = Stage::new(DeauthFlood::new(Settings::default())).over(LinkType::IEEE80211);
            let ask = |n: u8, kind: u8| {
                let mut bytes = vec![kind, 0, 0, 0];
                bytes.extend([mac(1), mac(n), mac(1)].concat());
                bytes.extend([0, 0, 0, 0, 1, 0, 0, 0]);
                bytes
            };
            let frames = (2..count).flat_map(|n| [ask(n, 0xb0), ask(n, 0)]);
            frames.enumerate().map(|(n, frame)| stage.frame(&frame, n as u64 * gap_ms).len()).sum()
        };
        assert!(run(120, 10) > 0);
        assert_eq!(run(50, 50), 0);
        assert_eq!(run(120, 400), 0, "one after the other, all morning");
    }

    #[test]
    fn many_ends_are_a_flood_and_a_few_are_not() {
        let run = |count: u64, gap_ms: u64| -> usize {
            let mut stage = Stage::new(DeauthFlood::new(Settings::default())).over(LinkType::IEEE80211);
            (0..count).map(|n| stage.frame(&deauth(7, 1), n * gap_ms).len()).sum()
        };
        assert!(run(64, 20) > 0);
        let mut stage = Stage::new(DeauthFlood::new(Settings::default())).over(LinkType::IEEE80211);
        let point = crate::model::AccessPoint {
            ssid: "home".into(),
            channel: None,
            level: None,
            security: "wpa2".into(),
            own: true,
        };
        stage.saw(crate::model::Subject::mac(MacAddr(mac(1))), Fact::AccessPoint(point), 0);
        let worst = |stage: &mut Stage<DeauthFlood>, network: u8| {
            (0..64).flat_map(|n| stage.frame(&deauth(7, network), n * 20)).map(|finding| finding.severity).max()
        };
        assert_eq!((worst(&mut stage, 1), worst(&mut stage, 2)), (Some(Severity::Medium), Some(Severity::Low)));
        assert_eq!(run(6, 50), 0, "an access point that restarts");
        assert_eq!(run(100, 2000), 0, "a device that roams");
    }
}
