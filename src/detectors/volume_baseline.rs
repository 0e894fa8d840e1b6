//! # More traffic than usual
//!
//! ## What it finds
//! A device that moves far more data with the Internet in an hour than it ever did at such an hour.
//! ## Why it matters
//! A new game, a first backup, or somebody who uses the device for something else. It is noted.
//! ## How it decides
//! Bytes both ways of each device are kept by hour of the week, four weeks of them, as powers of two. Once three weeks
//! are there: more than 200 MiB, and more than twice the doublings by which those hours differ above their median
//! (at least three doublings, eight times as much), over that hour and its two neighbours.
//! ## What fools it
//! Who grows slowly; what goes through connections that were not seen to begin.
//! ## What to do
//! Nothing.
//!
//! It is noted, not told, unless set otherwise. Needs a mirror port or the router. Holds 64 devices with four weeks of 168
//! hours, which outlast a restart, and 512 connections.

use std::net::IpAddr;

use crate::{
    detectors::{
        Context, Detector, Evidence,
        kept::{Lines, from_wall, next, to_wall},
        usual::{Bell, Noted},
    },
    model::{Capped, Card, Category, DeviceId, Finding, Findings, Moment, Mono, Party, Severity, is_private},
    traffic::{Talkers, What},
};

pub static CARD: Card = Card {
    id: "volume_baseline",
    title: "More traffic than usual",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("volume_baseline.rs"),
};

pub type Settings = Noted;

const DEVICES_MAX: usize = 64;
const CONNECTIONS_MAX: usize = 512;
const HOURS: usize = 168;
const WEEKS: usize = 4;
const WEEKS_MIN: u64 = 3;
const MUCH: u64 = 200 << 20;
const HOUR_NS: u64 = 3_600_000_000_000;
const HOUR_S: i64 = 3600;
/// Whole turns of four weeks: which hour of the week it is stays the same.
const AHEAD: u64 = (HOURS * WEEKS * 1000) as u64;
/// The sign for an hour without traffic; those above it are printable up to all that there can be.
const NOUGHT: u8 = b'0';
/// Doublings above the median.
const LEAST: u8 = 3;

/// Of one device. An hour's bytes are kept as the power of two above them; zero is none.
#[derive(Debug, Clone)]
struct Volumes {
    hour: u64,
    first: u64,
    bytes: u64,
    told: bool,
    weeks: Box<[[u8; WEEKS]; HOURS]>,
}

impl Volumes {
    fn new(hour: u64) -> Volumes {
        Volumes { hour, first: hour, bytes: 0, told: false, weeks: Box::new([[0; WEEKS]; HOURS]) }
    }

    /// Time has come to `hour`: what was counted is kept, hours without traffic had none.
    fn turn(&mut self, hour: u64) {
        let passed = hour.saturating_sub(self.hour).min((HOURS * WEEKS) as u64);
        for past in 0..passed {
            let (at, bytes) = (self.hour + past, if past == 0 { self.bytes } else { 0 });
            if let Some(cell) = self.cell(at) {
                *cell = doublings(bytes);
            }
        }
        if passed > 0 {
            (self.hour, self.bytes, self.told) = (hour, 0, false);
        }
    }

    fn cell(&mut self, at: u64) -> Option<&mut u8> {
        let week = (at / HOURS as u64) as usize % WEEKS;
        self.weeks.get_mut((at % HOURS as u64) as usize)?.get_mut(week)
    }

    /// One line: when its hour began, how many hours are known, bytes of this one, and a sign for each hour before, the
    /// newest first.
    fn line(&self, device: DeviceId, now: Moment) -> String {
        let began = i64::try_from(self.hour - AHEAD.min(self.hour)).unwrap_or_default() * HOUR_S;
        let known = (self.hour - self.first).min((HOURS * WEEKS) as u64);
        let signs: String = (1..=known)
            .map(|ago| {
                let at = self.hour - ago;
                let week = (at / HOURS as u64) as usize % WEEKS;
                let cell = self.weeks.get((at % HOURS as u64) as usize).and_then(|hour| hour.get(week));
                char::from(NOUGHT + cell.copied().unwrap_or_default())
            })
            .collect();
        format!("{device} {} {known} {} {signs}", to_wall(began, now), self.bytes)
    }

    fn read(line: &str, now: Moment) -> Option<(DeviceId, Volumes)> {
        let mut words = line.split_whitespace();
        let (device, wall) = (next(&mut words)?, next(&mut words)?);
        let began = from_wall(wall, now)?.div_euclid(HOUR_S);
        let mut volumes = Volumes::new(AHEAD.checked_add_signed(began)?);
        let (known, bytes): (u64, u64) = (next(&mut words)?, next(&mut words)?);
        volumes.first = volumes.hour.checked_sub(known.min((HOURS * WEEKS) as u64))?;
        volumes.bytes = bytes;
        for (ago, sign) in (1..=known).zip(words.next().unwrap_or_default().bytes()) {
            *volumes.cell(volumes.hour.checked_sub(ago)?)? = sign.checked_sub(NOUGHT)?.min(u64::BITS as u8);
        }
        Some((device, volumes))
    }

    /// Doublings that are usual at this hour at most; `None` while too little is known.
    fn usual(&self) -> Option<u8> {
        if self.hour.saturating_sub(self.first) < WEEKS_MIN * HOURS as u64 {
            return None;
        }
        let known = usize::try_from((self.hour - self.first) / HOURS as u64).unwrap_or(WEEKS).min(WEEKS);
        let around = [HOURS as u64 - 1, 0, 1].map(|step| ((self.hour + step) % HOURS as u64) as usize);
        let this = (self.hour / HOURS as u64) as usize;
        let mut values: Vec<u8> = around
            .iter()
            .filter_map(|hour| self.weeks.get(*hour))
            .flat_map(|weeks| (1..=known).filter_map(move |ago| weeks.get((this + WEEKS - ago) % WEEKS).copied()))
            .collect();
        values.sort_unstable();
        let median = *values.get(values.len() / 2)?;
        let most = *values.last()?;
        Some(median.saturating_add(most.saturating_sub(median).saturating_mul(2).max(LEAST)))
    }
}

/// The power of two above it.
const fn doublings(bytes: u64) -> u8 {
    (u64::BITS - bytes.leading_zeros()) as u8
}

/// See the page above.
pub struct VolumeBaseline {
    bell: Bell,
    devices: Capped<DeviceId, Volumes>,
    /// What each connection had carried when it was counted last.
    counted: Capped<(IpAddr, u16, IpAddr, u16), u64>,
}

impl VolumeBaseline {
    #[must_use]
    pub fn new(settings: Settings) -> VolumeBaseline {
        VolumeBaseline {
            bell: Bell::new(settings.into()),
            devices: Capped::new(DEVICES_MAX),
            counted: Capped::new(CONNECTIONS_MAX),
        }
    }

    fn count(&mut self, talk: &Talkers, is_over: bool, context: &Context<'_>, findings: &mut Findings) {
        let Some(device) = talk.client.mac.and_then(|mac| context.who.by_mac(mac)) else { return };
        let connection = (talk.client.ip, talk.client.port, talk.server.ip, talk.server.port);
        let all: u64 = talk.bytes.iter().sum();
        let before = self.counted.get(&connection).copied().unwrap_or_default();
        if is_over {
            self.counted.remove(&connection);
        } else {
            self.counted.insert(connection, all);
        }
        self.moved(device, (talk, all.saturating_sub(before)), context, findings);
    }

    fn moved(
        &mut self,
        device: DeviceId,
        (talk, much): (&Talkers, u64),
        context: &Context<'_>,
        findings: &mut Findings,
    ) {
        let hour = hour(context.now.mono);
        if self.devices.get(&device).is_none() {
            self.devices.insert(device, Volumes::new(hour));
        }
        let Some(volumes) = self.devices.get_mut(&device) else { return };
        volumes.turn(hour);
        volumes.bytes = volumes.bytes.saturating_add(much);
        let least = u64::from(self.bell.scaled(2)) * MUCH / 2;
        if volumes.bytes < least || volumes.told {
            return;
        }
        let Some(usual) = volumes.usual().filter(|usual| doublings(volumes.bytes) > *usual) else { return };
        volumes.told = true;
        let finding = Finding::new(CARD.id, Category::Device, Severity::Info, device.to_string(), context.now)
            .by(Party { device: Some(device), mac: talk.client.mac, ip: Some(talk.client.ip) })
            .why("mib", volumes.bytes >> 20)
            .why("usual_mib_at_most", (1u64 << usual.min(63)) >> 20)
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

/// Hours of the boot clock, so far ahead that those before a restart are above nought.
fn hour(now: Mono) -> u64 {
    AHEAD + now.0 / HOUR_NS
}

impl Detector for VolumeBaseline {
    says!(self, [Size], self.devices.len() + self.counted.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let talk = &noticed.talk;
        if is_private(talk.server.ip) || talk.server.ip.is_multicast() || !talk.is_sure {
            return;
        }
        match noticed.what {
            What::Closed { .. } => self.count(talk, true, context, findings),
            What::Grew => self.count(talk, false, context, findings),
            _ => {}
        }
    }

    fn learned(&self, now: Moment) -> Option<String> {
        let mut lines = Lines::default();
        for (device, volumes) in self.devices.iter() {
            lines.add(volumes.line(*device, now));
        }
        lines.done()
    }

    fn recall(&mut self, lines: &str, now: Moment) {
        for (device, volumes) in lines.lines().filter_map(|line| Volumes::read(line, now)) {
            self.devices.insert(device, volumes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::{Stage, ip, mac},
        model::{Kind, MacAddr, Trust, Wall},
        traffic::{End, Noticed},
    };

    const HOUR_MS: u64 = 3_600_000;

    fn moved(bytes: u64, port: u16) -> Noticed {
        let talk = Talkers {
            protocol: 6,
            client: End { mac: Some(MacAddr(mac(9))), ip: ip(9).into(), port },
            server: End { mac: None, ip: [203, 0, 113, 9].into(), port: 443 },
            began: Moment::default(),
            is_sure: true,
            packets: [1; 2],
            bytes: [0, bytes],
        };
        Noticed { talk, what: What::Closed { reset: false } }
    }

    /// `usual` MiB each hour for so many days, then `then` at once.
    fn told(days: u64, usual: impl Fn(u64) -> u64, then: u64) -> usize {
        let stage = Stage::new(VolumeBaseline::new(Settings::default()));
        let mut stage = stage.with(9, Kind::Laptop, Trust::Unknown);
        let mut told = 0;
        for hour in 0..days * 24 {
            let row = moved(usual(hour) << 20, (hour % 60_000) as u16);
            told += stage.see(Evidence::Traffic(&row), hour * HOUR_MS + 1000).len();
        }
        let at = days * 24 * HOUR_MS + 1000;
        told += stage.see(Evidence::Traffic(&moved(then << 20, 61_000)), at).len();
        told + stage.see(Evidence::Traffic(&moved(1 << 20, 61_001)), at + 1000).len()
    }

    #[test]
    fn eight_times_as_much_is_noted_once() {
        assert_eq!(told(25, |_| 30, 600), 1);
        assert_eq!(told(25, |_| 30, 150), 0, "little");
        assert_eq!(told(25, |_| 300, 900), 0, "three times as much");
        assert_eq!(told(10, |_| 30, 6000), 0, "hardly known");
        assert_eq!(told(25, |hour| if hour / 24 % 7 == 4 { 3000 } else { 1 }, 3000), 0, "once a week as always");
    }

    #[test]
    fn weeks_are_known_after_a_restart() {
        let begin = 25 * 24 * HOUR_MS;
        let at = |ms: u64, wall_ms: u64| Moment { mono: Mono(ms * 1_000_000), wall: Wall(wall_ms as i64) };
        let mut before = Stage::new(VolumeBaseline::new(Settings::default())).with(9, Kind::Laptop, Trust::Unknown);
        for hour in 0..25 * 24 {
            before.see(Evidence::Traffic(&moved(30 << 20, hour as u16)), hour * HOUR_MS + 1000);
        }
        let text = before.detector.learned(at(begin, begin)).expect("what was learned");
        let mut detector = VolumeBaseline::new(Settings::default());
        // The computer was started anew, three hours later: its boot clock begins at nought.
        detector.recall(&text, at(0, begin + 3 * HOUR_MS));
        let mut after = Stage::new(detector).with(9, Kind::Laptop, Trust::Unknown);
        assert_eq!(after.see(Evidence::Traffic(&moved(600 << 20, 1)), 5000).len(), 1);
        let mut other = VolumeBaseline::new(Settings::default());
        other.recall("d-7f3k2m x\nd-7f3k2n 5 99999999 7 0!\n\nnothing\nd-7f3k2p 5 2 7 01", at(0, begin));
        assert_eq!(other.devices.len(), 1, "what is damaged costs one line");
    }

    #[test]
    fn a_connection_is_counted_as_it_grows() {
        let mut stage = Stage::new(VolumeBaseline::new(Settings::default())).with(9, Kind::Laptop, Trust::Unknown);
        for mib in [1u64, 2, 4, 8] {
            let mut row = moved(mib << 20, 1);
            row.what = What::Grew;
            stage.see(Evidence::Traffic(&row), 0);
        }
        stage.see(Evidence::Traffic(&moved(9 << 20, 1)), 1);
        let all: Vec<u64> = stage.detector.devices.iter().map(|(_, volumes)| volumes.bytes >> 20).collect();
        assert_eq!((all, stage.detector.counted.len()), (vec![9], 0));
    }
}
