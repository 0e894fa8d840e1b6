//! # Whom the home knows
//!
//! Addresses of its devices, for those who hear the whole street. As of a moment ago.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use crate::model::{HomeView, MacAddr};

/// Looked up in the view not more often than this.
const VIEW: Duration = Duration::from_secs(1);

pub struct Known {
    view: watch::Receiver<Arc<HomeView>>,
    /// Sorted.
    macs: Vec<MacAddr>,
    looked: Option<Instant>,
}

impl Known {
    pub fn new(view: watch::Receiver<Arc<HomeView>>) -> Known {
        Known { view, macs: Vec::new(), looked: None }
    }

    pub fn has(&mut self, mac: MacAddr) -> bool {
        self.look();
        self.macs.binary_search(&mac).is_ok()
    }

    fn look(&mut self) {
        if self.looked.is_some_and(|looked| looked.elapsed() < VIEW) {
            return;
        }
        self.looked = Some(Instant::now());
        if self.view.has_changed().unwrap_or(false) || self.macs.is_empty() {
            let view = Arc::clone(&self.view.borrow_and_update());
            self.macs = view.devices.values().flat_map(|device| device.macs.iter().copied()).collect();
            self.macs.sort_unstable();
        }
    }
}
