//! # Windows: one stay each
//!
//! Opened by the first proof, ended at the last proof: never at the decision, which comes later.

use crate::model::{DeviceId, LeaveReason, Rssi, Wall, WindowView};

/// The stay a device is in.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    pub start: Wall,
    pub end: Wall,
    pub sightings: u64,
    pub reconnects: u32,
    pub levels: Option<Levels>,
    pub segment: Option<String>,
    /// How often it was found later that a departure in it was none.
    pub stitched: u32,
}

/// Received levels in a stay, in dBm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    pub min: i8,
    pub max: i8,
    pub last: i8,
}

impl Window {
    pub fn open(at: Wall, segment: Option<String>) -> Window {
        Window { start: at, end: at, sightings: 1, reconnects: 0, levels: None, segment, stitched: 0 }
    }

    /// A proof at `at`. Late reports may lie before the end; they count and move nothing. The newest proof is
    /// the end, also when the wall clock was set back since; a stay of an earlier run keeps its start all the same.
    pub fn seen(&mut self, at: Wall, newest: bool) {
        self.sightings = self.sightings.saturating_add(1);
        if newest || at > self.end {
            self.end = at.max(self.start);
        }
    }

    pub fn heard(&mut self, level: Rssi) {
        let dbm = level.dbm();
        let levels = self.levels.get_or_insert(Levels { min: dbm, max: dbm, last: dbm });
        *levels = Levels { min: levels.min.min(dbm), max: levels.max.max(dbm), last: dbm };
    }

    pub fn view(&self, device: DeviceId, closed_because: Option<LeaveReason>) -> WindowView {
        WindowView {
            device,
            start: self.start,
            end: self.end,
            open: closed_because.is_none(),
            sightings: self.sightings,
            reconnects: self.reconnects,
            min_dbm: self.levels.map(|l| l.min),
            max_dbm: self.levels.map(|l| l.max),
            last_dbm: self.levels.map(|l| l.last),
            segment: self.segment.clone(),
            closed_because,
            stitched: self.stitched,
        }
    }

    /// Both are one stay: there was no departure between them. `before` came first.
    pub fn stitch(&mut self, before: Window) {
        self.sightings = self.sightings.saturating_add(before.sightings);
        self.reconnects = self.reconnects.saturating_add(before.reconnects).saturating_add(1);
        self.stitched = self.stitched.saturating_add(before.stitched).saturating_add(1);
        self.start = before.start;
        self.end = self.end.max(before.end);
        self.segment = self.segment.take().or(before.segment);
        self.levels = match (self.levels, before.levels) {
            (Some(now), Some(then)) => {
                Some(Levels { min: now.min.min(then.min), max: now.max.max(then.max), last: now.last })
            }
            (now, then) => now.or(then),
        };
    }

    /// As it is kept over a restart.
    pub fn line(&self) -> String {
        let levels =
            self.levels.map_or_else(String::new, |levels| format!(" {} {} {}", levels.min, levels.max, levels.last));
        format!("{} {} {} {} {}{levels}", self.start, self.end, self.sightings, self.reconnects, self.stitched)
    }

    /// From such a line.
    pub fn read(line: &str) -> Option<Window> {
        let mut words = line.split(' ');
        let (start, end) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let (sightings, reconnects) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let stitched = words.next()?.parse().ok()?;
        let mut level = || words.next().and_then(|word| word.parse().ok());
        let levels = match (level(), level(), level()) {
            (Some(min), Some(max), Some(last)) => Some(Levels { min, max, last }),
            _ => None,
        };
        Some(Window { start, end, sightings, reconnects, levels, segment: None, stitched })
    }

    /// From the store. `None` if it was closed.
    pub fn restored(view: &WindowView) -> Option<Window> {
        view.open.then(|| Window {
            start: view.start,
            end: view.end,
            sightings: view.sightings,
            reconnects: view.reconnects,
            levels: view.last_dbm.map(|last| Levels {
                min: view.min_dbm.unwrap_or(last),
                max: view.max_dbm.unwrap_or(last),
                last,
            }),
            segment: view.segment.clone(),
            stitched: view.stitched,
        })
    }
}
