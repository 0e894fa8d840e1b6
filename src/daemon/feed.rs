//! # What goes out of the core
//!
//! Outlets get the latest picture (`watch`) and the changes as they happen (`broadcast`, 256
//! batches; an outlet that lags misses some and reads the picture again). Questions go to all
//! scanners' desks; a desk that lags misses some, the next round covers it.

use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use crate::model::{Change, HomeView, Look};

const CHANGES: usize = 256;

/// The sending side; one, in the core thread.
pub struct Feed {
    view: watch::Sender<Arc<HomeView>>,
    changes: broadcast::Sender<Arc<[Change]>>,
    looks: broadcast::Sender<Look>,
    rounds: watch::Sender<u64>,
}

/// What an outlet holds.
#[derive(Clone)]
pub struct Outlet {
    pub view: watch::Receiver<Arc<HomeView>>,
    changes: broadcast::Sender<Arc<[Change]>>,
    /// Counts up when a round of all scanners is wanted.
    pub rounds: watch::Receiver<u64>,
}

impl Outlet {
    /// Changes from now on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Arc<[Change]>> {
        self.changes.subscribe()
    }
}

impl Feed {
    #[must_use]
    pub fn new(view: Arc<HomeView>, looks: broadcast::Sender<Look>) -> (Feed, Outlet) {
        let (view_tx, view_rx) = watch::channel(view);
        let (changes, _) = broadcast::channel(CHANGES);
        let (rounds, rounds_rx) = watch::channel(0);
        let outlet = Outlet { view: view_rx, changes: changes.clone(), rounds: rounds_rx };
        (Feed { view: view_tx, changes, looks, rounds }, outlet)
    }

    /// Sends what one input changed.
    pub fn publish(&mut self, view: Option<Arc<HomeView>>, mut changes: Vec<Change>) {
        if let Some(view) = view {
            self.view.send_replace(view);
        }
        for change in &changes {
            match change {
                // Without a scanner nobody hears it; what stays unasked is never called unanswered.
                Change::Asked(look) => drop(self.looks.send(*look)),
                Change::ScanWanted => self.rounds.send_modify(|n| *n += 1),
                _ => {}
            }
        }
        // Theirs is the scanners' desks; waking every outlet for each would be most of an idle home's work.
        changes.retain(|change| !matches!(change, Change::Asked(_) | Change::ScanWanted));
        if !changes.is_empty() {
            // No receiver yet is fine: the picture tells all.
            let _nobody = self.changes.send(changes.into());
        }
    }
}
