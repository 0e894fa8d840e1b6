//! # The views of all devices
//!
//! Outlets read views; a view is cut anew only when something of its device moved, so that an unchanged one stays the
//! same `Arc`. Gauges (last seen, signal, sightings) wait for up to ten seconds.

use std::{collections::BTreeMap, sync::Arc};

use crate::model::{DeviceId, DeviceView, Moment};

use super::{GAUGES, Presence, device, view};

impl Presence {
    /// Rebuilds the views of what changed and returns all. Gauges (last_seen, signal, sightings)
    /// are refreshed at most every 10 s so that unchanged `Arc`s stay the same.
    pub fn view(&mut self, now: Moment) -> &BTreeMap<DeviceId, Arc<DeviceView>> {
        let mut dirty = std::mem::take(&mut self.dirty);
        let gauges = now.mono.since(self.gauges_at) >= GAUGES;
        if gauges {
            self.gauges_at = now.mono;
            for id in std::mem::take(&mut self.stale) {
                if !dirty.contains(&id) {
                    self.refresh(id, true);
                }
            }
        }
        while let Some(id) = dirty.pop_first() {
            self.refresh(id, false);
        }
        let crowd = self.air.crowd(now.mono);
        self.household_dirty |= std::mem::replace(&mut self.crowd, crowd) != crowd;
        if std::mem::take(&mut self.household_dirty) || gauges {
            let household = self.household_now(now);
            if *self.household != household {
                self.household = Arc::new(household);
            }
        }
        &self.views
    }

    /// Whether a view is to be cut anew that differs in more than gauges.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        self.household_dirty || !self.dirty.is_empty()
    }

    /// Its view is to be cut anew at once.
    pub(super) fn touch(&mut self, id: DeviceId) {
        self.dirty.insert(id);
        self.household_dirty = true;
    }

    /// Only gauges moved: the view may wait.
    pub(super) fn grew_stale(&mut self, id: DeviceId) {
        if let Some(device) = self.registry.get_mut(id).filter(|device| !device.stale) {
            device.stale = true;
            self.stale.push(id);
        }
    }

    pub(super) fn refresh(&mut self, id: DeviceId, gauges: bool) {
        let Some(device) = self.registry.get_mut(id) else {
            self.views.remove(&id);
            return;
        };
        let moved = std::mem::replace(&mut device.stale, false);
        if (gauges && !moved) || device.unannounced.is_some() {
            return;
        }
        let old = self.views.get(&id);
        let facts = old.filter(|_| gauges).map(|view| Arc::clone(&view.facts));
        let view = view::cut(device, &self.network, facts);
        if old.is_none_or(|old| **old != view) {
            self.views.insert(id, Arc::new(view));
        }
    }

    /// Its view as it is now, for a change that carries it.
    pub(super) fn view_of(&mut self, id: DeviceId) -> Arc<DeviceView> {
        self.refresh(id, false);
        match (self.views.get(&id), self.registry.get(id)) {
            (Some(view), _) => Arc::clone(view),
            (None, Some(device)) => Arc::new(view::cut(device, &self.network, None)),
            (None, None) => Arc::new(view::cut(&device::Device::new(id, Moment::default()), &self.network, None)),
        }
    }

    /// The label of the network `id` is on.
    pub(super) fn segment(&self, id: DeviceId) -> Option<String> {
        view::segment(self.registry.get(id)?, &self.network)
    }
}
