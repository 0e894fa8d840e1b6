//! # What people do not want to hear

use std::sync::Arc;

use crate::model::{DeviceId, Wall};

// Decisions kept; beyond it the one that ends first goes.
const MUTES_MAX: usize = 1000;
/// "Expected" is a mute of a year.
pub(super) const EXPECTED_DAYS: u32 = 365;

/// Pairs of detector and device that are not told, each until a time.
pub(super) struct Mutes {
    list: Arc<Vec<(String, DeviceId, Wall)>>,
}

impl Mutes {
    pub(super) fn new(remembered: &[(String, DeviceId, Wall)]) -> Mutes {
        Mutes { list: Arc::new(remembered.iter().take(MUTES_MAX).cloned().collect()) }
    }

    pub(super) fn list(&self) -> &Arc<Vec<(String, DeviceId, Wall)>> {
        &self.list
    }

    pub(super) fn has(&self, detector: &str, device: DeviceId, now: Wall) -> bool {
        self.list.iter().any(|(d, id, until)| d == detector && *id == device && *until > now)
    }

    /// Replaces an earlier decision on the same pair. Zero days lifts it.
    pub(super) fn add(&mut self, detector: String, device: DeviceId, days: u32, now: Wall) {
        let list = Arc::make_mut(&mut self.list);
        list.retain(|(d, id, until)| *until > now && !(*d == detector && *id == device));
        if days == 0 {
            return;
        }
        if list.len() >= MUTES_MAX {
            list.sort_by_key(|(_, _, until)| *until);
            list.remove(0);
        }
        list.push((detector, device, Wall(now.0.saturating_add(i64::from(days) * 86_400_000))));
    }

    pub(super) fn merged(&mut self, from: DeviceId, into: DeviceId) {
        if self.list.iter().any(|(_, id, _)| *id == from) {
            for (_, id, _) in Arc::make_mut(&mut self.list) {
                if *id == from {
                    *id = into;
                }
            }
        }
    }
}
