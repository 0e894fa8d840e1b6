//! # Here at an unusual hour
//!
//! ## What it finds
//! A device that comes at an hour of the day at which it never was here.
//! ## Why it matters
//! A guest's phone at three at night, a laptop that wakes when everybody is away: mostly there is a reason. It is noted,
//! for whoever looks later.
//! ## How it decides
//! Of each device it keeps which hours of the day it was here in these and the last four weeks. Once that are fourteen
//! days and ten stays, an arrival at an hour that is none of them, nor the one before or behind, is noted; once a day.
//! What is always here was here at every hour.
//! ## What fools it
//! A device that came once at that hour before. Summer time moves all hours by one, which is within what is allowed.
//! ## What to do
//! Nothing.
//!
//! Holds 1,024 devices, kept over a restart.

use crate::{
    detectors::{
        Context, Detector, Evidence,
        kept::{Lines, next},
        usual::Bell,
    },
    model::{Capped, Category, Change, DeviceId, Finding, Findings, Moment, Party, Severity, Wall, WindowView},
};

card!("device_odd_hour", "Here at an unusual hour", None);

const DEVICES_MAX: usize = 1024;
const HOUR_MS: i64 = 3_600_000;
const DAYS_MIN: u16 = 14;
const STAYS_MIN: u16 = 10;
const TURN_DAYS: u16 = 28;

/// When it was here. Days are counted since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hours {
    /// A bit for each hour of the day: of these weeks, and of those before.
    masks: [u32; 2],
    first: u16,
    turned: u16,
    stays: u16,
}

impl Hours {
    const fn new(day: u16) -> Hours {
        Hours { masks: [0; 2], first: day, turned: day, stays: 0 }
    }

    fn turn(&mut self, day: u16) {
        let passed = day.saturating_sub(self.turned);
        if passed >= TURN_DAYS {
            self.masks = [0, if passed < TURN_DAYS * 2 { self.masks[0] } else { 0 }];
            self.turned = day;
        }
    }

    /// It was here from `start` to `end`.
    fn stayed(&mut self, start: Wall, end: Wall) {
        let (from, to) = (start.0.div_euclid(HOUR_MS), end.0.div_euclid(HOUR_MS));
        for hour in from..=to.min(from.saturating_add(23)) {
            self.masks[0] |= 1 << hour.rem_euclid(24);
        }
        self.stays = self.stays.saturating_add(1);
    }

    fn is_odd(&self, hour: i64, day: u16) -> bool {
        let usual = self.masks[0] | self.masks[1];
        let near = [hour - 1, hour, hour + 1].map(|hour| 1u32 << hour.rem_euclid(24));
        day.saturating_sub(self.first) >= DAYS_MIN
            && self.stays >= STAYS_MIN
            && near.iter().all(|hour| usual & hour == 0)
    }
}

fn day(at: Wall) -> u16 {
    u16::try_from(at.0.div_euclid(HOUR_MS * 24)).unwrap_or_default()
}

/// See the page above.
pub struct DeviceOddHour {
    bell: Bell,
    devices: Capped<DeviceId, Hours>,
}

impl DeviceOddHour {
    #[must_use]
    pub fn new(settings: Settings) -> DeviceOddHour {
        DeviceOddHour { bell: Bell::new(settings), devices: Capped::new(DEVICES_MAX) }
    }

    fn left(&mut self, window: &WindowView) {
        let day = day(window.end);
        if self.devices.get(&window.device).is_none() {
            self.devices.insert(window.device, Hours::new(day));
        }
        if let Some(hours) = self.devices.get_mut(&window.device) {
            hours.turn(day);
            hours.stayed(window.start, window.end);
        }
    }

    fn came(&mut self, window: &WindowView, context: &Context<'_>, findings: &mut Findings) {
        let (device, at) = (window.device, window.start);
        let Some(hours) = self.devices.get_mut(&device) else { return };
        let hour = at.0.div_euclid(HOUR_MS).rem_euclid(24);
        if !hours.is_odd(hour, day(at)) {
            return;
        }
        let key = format!("{device} {}", day(at));
        let finding = Finding::new(CARD.id, Category::Device, Severity::Info, key, context.now)
            .by(Party { device: Some(device), ..Party::default() })
            .why("hour_utc", hour)
            .why("stays", hours.stays)
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

impl Detector for DeviceOddHour {
    says!(self, [Home], self.devices.len());

    /// Device, hours of these weeks and of those before, first day, day these weeks began, stays.
    fn learned(&self, _now: Moment) -> Option<String> {
        let mut lines = Lines::default();
        for (device, hours) in self.devices.iter() {
            let Hours { masks: [these, before], first, turned, stays } = hours;
            lines.add(format!("{device} {these} {before} {first} {turned} {stays}"));
        }
        lines.done()
    }

    fn recall(&mut self, lines: &str, _now: Moment) {
        for line in lines.lines().take(DEVICES_MAX) {
            let mut words = line.split_whitespace();
            let mut read = || -> Option<(DeviceId, Hours)> {
                let device = next(&mut words)?;
                let masks = [next(&mut words)?, next(&mut words)?];
                let (first, turned, stays) = (next(&mut words)?, next(&mut words)?, next(&mut words)?);
                Some((device, Hours { masks, first, turned, stays }))
            };
            if let Some((device, hours)) = read() {
                self.devices.insert(device, hours);
            }
        }
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Home(change) = evidence else { return };
        match change {
            Change::WindowOpened { window } => self.came(window, context, findings),
            Change::WindowClosed { window } => self.left(window),
            Change::DeviceForgotten { device, .. } | Change::DeviceMerged { from: device, .. } => {
                self.devices.remove(device);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{detectors::stage::Stage, model::LeaveReason};

    fn stay(start_h: i64, hours: i64, open: bool) -> WindowView {
        WindowView {
            device: DeviceId::mint(1, 1),
            start: Wall(start_h * HOUR_MS),
            end: Wall((start_h + hours) * HOUR_MS),
            open,
            sightings: 1,
            reconnects: 0,
            stitched: 0,
            min_dbm: None,
            max_dbm: None,
            last_dbm: None,
            segment: None,
            closed_because: (!open).then_some(LeaveReason::NoAnswer),
        }
    }

    /// Evenings of `days` days, each from `from` for `hours`, then an arrival at `hour` of the day after.
    fn told(days: i64, from: i64, hours: i64, hour: i64) -> usize {
        let mut stage = Stage::new(DeviceOddHour::new(Settings::default()));
        let mut told = 0;
        let mut see = |window: WindowView| {
            let ms = (window.end.0).unsigned_abs();
            let change = if window.open { Change::WindowOpened { window } } else { Change::WindowClosed { window } };
            told += stage.see(Evidence::Home(&change), ms).len();
        };
        for day in 20_000..20_000 + days {
            see(stay(day * 24 + from, 0, true));
            see(stay(day * 24 + from, hours, false));
        }
        see(stay((20_000 + days) * 24 + hour, 0, true));
        told
    }

    #[test]
    fn a_night_after_evenings_is_noted() {
        assert_eq!(told(20, 17, 5, 3), 1);
        assert_eq!((told(20, 17, 5, 18), told(20, 17, 5, 16), told(20, 17, 5, 23)), (0, 0, 0), "nearly as always");
        assert_eq!(told(8, 17, 5, 3), 0, "hardly known");
        assert_eq!(told(20, 0, 23, 3), 0, "always here");
        assert_eq!(told(20, 20, 12, 3), 0, "over midnight");
    }

    #[test]
    fn habits_survive_a_restart() {
        let mut before = DeviceOddHour::new(Settings::default());
        for day in 20_000..20_020 {
            before.left(&stay(day * 24 + 17, 5, false));
        }
        let lines = before.learned(Moment::default()).expect("it learned");
        let run = |lines: &str| {
            let mut stage = Stage::new(DeviceOddHour::new(Settings::default()));
            stage.detector.recall(lines, Moment::default());
            let window = stay(20_020 * 24 + 3, 0, true);
            stage.see(Evidence::Home(&Change::WindowOpened { window }), 0).len()
        };
        assert_eq!(run(&lines), 1);
        for end in 0..lines.len() - 1 {
            run(&lines[..end]);
        }
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let mut hours = Hours::new(100);
        hours.stayed(Wall(100 * 24 * HOUR_MS), Wall(100 * 24 * HOUR_MS));
        hours.turn(130);
        assert_eq!(hours.masks, [0, 1]);
        hours.turn(160);
        assert_eq!(hours.masks, [0, 0]);
    }
}
