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
        Window { start: at, end: at, sightings: 1, reconnects: 0, levels: None, segment }
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
        }
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
        })
    }
}
