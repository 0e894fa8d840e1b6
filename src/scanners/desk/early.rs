//! # What is known of a host before the host is
//!
//! At the start, an answer to a search may be here before the frame that shows whose address it came from. What it
//! says of a host on this network waits until the picture shows the host, for a moment only: it is told anyway then.

use std::time::Duration;

use super::Desk;
use crate::{
    model::{Fact, Observation, Subject},
    scanners::ScanError,
};

/// Facts that wait. Beyond it the oldest is told at once, as if there were no waiting.
const EARLY_MAX: usize = 256;
/// How long a fact waits for its host: a sweep and the picture after it take less than a second.
const PATIENCE: Duration = Duration::from_secs(10);

impl Desk {
    /// Something is said of a host that nobody has seen yet. Signs of life are what makes it seen.
    pub(super) fn is_early(&self, observation: &Observation) -> bool {
        let Subject { mac: None, ip: Some(ip) } = observation.subject else { return false };
        let says = matches!(
            observation.fact,
            Fact::Named { .. } | Fact::Label { .. } | Fact::Service { .. } | Fact::Product { .. }
        );
        // Nobody is seen any more once the picture has ended.
        if !says || self.ended() || self.parts.home.has_changed().is_err() {
            return false;
        }
        let network = self.parts.network.borrow();
        let is_known = || self.parts.home.borrow().devices.values().any(|device| device.addresses.contains(&ip));
        network.is_attached(ip) && !network.is_own_ip(ip) && !is_known()
    }

    pub(super) async fn keep_early(&mut self, observation: Observation) -> Result<(), ScanError> {
        if self.early.len() >= EARLY_MAX
            && let Some((_, oldest)) = self.early.pop_front()
        {
            self.send(oldest).await?;
        }
        self.early.push_back((self.now().mono + PATIENCE, observation));
        Ok(())
    }

    /// Tells what waited long enough, or whose host is seen by now; all of it, if the run ends.
    pub(super) async fn tell_early(&mut self, all: bool) -> Result<(), ScanError> {
        let now = self.now().mono;
        for _ in 0..self.early.len() {
            let Some((due, observation)) = self.early.pop_front() else { break };
            if all || due <= now || !self.is_early(&observation) {
                self.send(observation).await?;
            } else {
                self.early.push_back((due, observation));
            }
        }
        Ok(())
    }
}
