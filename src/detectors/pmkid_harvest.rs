//! # Harvest of Wi-Fi keys
//!
//! ## What it finds
//! Somebody who makes access points send the beginning of their handshake, to guess the password at home.
//! ## Why it matters
//! No device of the home need be there for it, and nobody notices: what is sent is enough to try passwords against.
//! ## How it decides
//! An access point sends the first message of the handshake (IEEE 802.11-2020 §12.7.6.2) with a key identifier in it.
//! A device that wants in answers within a second; who only wants the identifier does not. Three stations within ten
//! minutes that one access point sent it to and that never answered are told.
//! ## What fools it
//! One that asks once and is content; a radio that hops between channels; devices at the edge of reach that give up.
//! ## What to do
//! Use a long password (five words), or WPA3, against which this is useless.
//!
//! Holds 128 access points with 16 stations each.

use std::time::Duration;

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell, window::Recent},
    model::{Capped, Category, Finding, Findings, Guarded, MacAddr, Mono, Party, Severity},
    traffic::owner,
    wire::{Carries, Frame, eapol},
};

card!("pmkid_harvest", "Harvest of Wi-Fi keys");

const POINTS_MAX: usize = 128;
const STATIONS_MAX: usize = 16;
const WAITING_MAX: usize = 256;
const STATIONS_MIN: u32 = 3;
const SPAN: Duration = Duration::from_secs(600);
/// Far longer than a device takes (dot11RSNAConfigPairwiseUpdateTimeOut is 100 ms).
const ANSWERS: Duration = Duration::from_secs(2);

/// See the page above.
pub struct PmkidHarvest {
    bell: Bell,
    /// Who was sent the first message and did not answer yet: access point, station.
    waiting: Capped<(MacAddr, MacAddr), Mono>,
    silent: Guarded<MacAddr, Recent<MacAddr>>,
}

impl PmkidHarvest {
    #[must_use]
    pub fn new(settings: Settings) -> PmkidHarvest {
        PmkidHarvest { bell: Bell::new(settings), waiting: Capped::new(WAITING_MAX), silent: Guarded::new(POINTS_MAX) }
    }

    fn handshake(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Some(wifi) = frame.wifi else { return };
        let (Some(bssid), Some(from)) = (wifi.bssid, wifi.transmitter) else { return };
        let Some(message) = eapol::read(frame.link_payload) else { return };
        let now = context.now.mono;
        if from != bssid {
            // It goes on: whoever it is knows a password, or thinks so.
            self.waiting.remove(&(bssid, from));
            return;
        }
        if message == (eapol::Message::First { has_pmkid: true }) {
            self.waiting.insert((bssid, wifi.receiver), now);
        }
        self.due(context, findings);
    }

    /// Those whose time to answer is over.
    fn due(&mut self, context: &Context<'_>, findings: &mut Findings) {
        let now = context.now.mono;
        let due = self.waiting.iter().filter(|(_, at)| now.since(**at) >= ANSWERS).map(|(pair, _)| *pair);
        for (bssid, station) in due.collect::<Vec<_>>() {
            self.waiting.remove(&(bssid, station));
            self.silent(bssid, station, context, findings);
        }
    }

    fn silent(&mut self, bssid: MacAddr, station: MacAddr, context: &Context<'_>, findings: &mut Findings) {
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        if self.silent.get(&bssid).is_none() {
            self.silent.insert(bssid, Recent::new(STATIONS_MAX), owner(bssid), tick);
        }
        let Some(stations) = self.silent.get_mut(&bssid, tick) else { return };
        stations.see(station, now);
        let count = stations.within(now, SPAN);
        if count < self.bell.scaled(STATIONS_MIN) as usize {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Wireless, Severity::Medium, bssid.to_string(), context.now)
            .against(Party { device: None, mac: Some(bssid), ip: None })
            .why("bssid", bssid)
            .why("stations", count)
            .technique(&["T1110.002"])
            .points(if count >= 6 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

impl Detector for PmkidHarvest {
    says!(self, [Radio], self.waiting.len() + self.silent.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Packet(frame) = evidence
            && frame.carries == Carries::Ether(eapol::ETHER_TYPE)
        {
            self.handshake(frame, context, findings);
        }
    }

    fn next_wake(&self) -> Option<Mono> {
        self.waiting.iter().map(|(_, at)| *at + ANSWERS).min()
    }

    fn wake(&mut self, context: &Context<'_>, findings: &mut Findings) {
        self.due(context, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::{Stage, mac},
        model::LinkType,
    };

    /// A message of the handshake in a data frame, from the access point or to it.
    fn message(point: u8, station: u8, info: u16, data: &[u8]) -> Vec<u8> {
        let by_point = info & 0x0080 != 0;
        let mut bytes = vec![0x08, if by_point { 2 } else { 1 }, 0, 0];
        let (point, station) = (mac(point), mac(station));
        bytes.extend(if by_point { [station, point, point] } else { [point, station, point] }.concat());
        bytes.extend([0, 0, 0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0x8e]);
        bytes.extend([2, 3]);
        bytes.extend((95 + data.len() as u16).to_be_bytes());
        bytes.push(2);
        bytes.extend(info.to_be_bytes());
        bytes.resize(bytes.len() + 90, 0);
        bytes.extend((data.len() as u16).to_be_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn who_takes_the_key_and_goes_is_told_and_who_answers_is_not() {
        let mut key = vec![0xdd, 20, 0, 0x0f, 0xac, 4];
        key.extend([7; 16]);
        let run = |count: u8, answers: bool, data: &[u8]| -> usize {
            let mut stage = Stage::new(PmkidHarvest::new(Settings::default())).over(LinkType::IEEE80211);
            let mut told = 0;
            for n in 0..count {
                let ms = u64::from(n) * 5000;
                told += stage.frame(&message(1, 100 + n, 0x008a, data), ms).len();
                if answers {
                    told += stage.frame(&message(1, 100 + n, 0x010a, &[]), ms + 20).len();
                }
            }
            told
        };
        assert!(run(6, false, &key) > 0);
        assert_eq!(run(6, true, &key), 0, "devices that join");
        assert_eq!(run(6, false, &[]), 0, "no key in it");
        assert_eq!(run(3, false, &key), 0, "two that gave up");
    }
}
