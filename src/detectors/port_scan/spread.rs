//! # Doors of one searcher at all hosts of the home
//!
//! Of one host few may be in vain, and of one door `host_sweep` tells.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use crate::{
    detectors::window::{Recent, Weigh},
    model::{Mono, Port},
};

// So many hosts, and so many kinds of doors.
const HOSTS: usize = 4;
const DOORS: usize = 4;

/// See above.
#[derive(Debug, Clone)]
pub struct Spread {
    pub tried: Recent<(IpAddr, Port)>,
    pub failed: Recent<(IpAddr, Port)>,
    /// In steps of failure, as a pair has it.
    pub score: f32,
}

impl Default for Spread {
    fn default() -> Spread {
        Spread { tried: Recent::new(128), failed: Recent::new(64), score: 0.0 }
    }
}

impl Weigh for Spread {
    fn weight(&self, now: Mono, span: Duration) -> u32 {
        self.failed.weight(now, span)
    }
}

impl Spread {
    /// How many hosts failed it, and at which doors; `None` if that is not wide enough.
    pub fn wide(&self, now: Mono, span: Duration) -> Option<(usize, BTreeSet<Port>)> {
        let failed = || self.failed.within_keys(now, span);
        // In the order of hosts, then doors.
        let mut last = None;
        let hosts = failed().filter(|(host, _)| last.replace(*host) != Some(*host)).count();
        if hosts < HOSTS {
            return None;
        }
        // What one asks of all hosts: each of these doors was tried at two of them.
        let mut tried: Vec<Port> = failed().map(|(_, port)| *port).collect();
        tried.sort_unstable();
        let doors = tried.chunk_by(|a, b| a == b).filter(|same| same.len() > 1).count();
        (doors >= DOORS).then(|| (hosts, tried.into_iter().collect()))
    }
}
