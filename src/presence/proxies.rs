//! # Answers that somebody else gives
//!
//! Access points that proxy ARP answer for stations that they keep, sleep proxies for hosts that sleep; the answer bears
//! the device's own hardware address, so it cannot be told from its own. Where a phone answers and says nothing else
//! while its app has it far away, it is somebody else who answers: for a month such answers prove nothing.

use std::time::Duration;

use crate::model::{DeviceId, Kind, Mono, Proof};

use super::Presence;

/// So many such answers, over so long, before they are disbelieved: a position may be a moment old.
const ANSWERS_MIN: u8 = 4;
const FOR_SO_LONG: Duration = Duration::from_secs(600);
/// Access points are set up otherwise some day.
const DISBELIEVED: Duration = Duration::from_secs(30 * 86_400);

/// What is known of who answers for one device.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Proxy {
    /// It answered and said nothing else while it was far: since when, how often.
    far: Option<(Mono, u8)>,
    until: Option<Mono>,
}

impl Proxy {
    /// Until when answers are disbelieved, as it is now.
    pub fn until(&self) -> Option<Mono> {
        self.until
    }

    /// As it was before a restart.
    pub fn restored(until: Mono) -> Proxy {
        Proxy { far: None, until: Some(until) }
    }

    /// Whether an answer at `at` proves nothing. `is_far`: by its position just now.
    fn answered(&mut self, at: Mono, is_far: bool) -> bool {
        if is_far {
            let (since, count) = self.far.get_or_insert((at, 0));
            *count = count.saturating_add(1);
            if *count >= ANSWERS_MIN && at.since(*since) >= FOR_SO_LONG {
                self.until = Some(at + DISBELIEVED);
            }
        }
        self.until.is_some_and(|until| at < until)
    }
}

impl Presence {
    /// Takes in a proof of `id`. True: it is an answer that somebody else gives, and proves nothing.
    pub(super) fn is_answered_for(&mut self, id: DeviceId, proof: Proof, at: Mono) -> bool {
        let is_by_link = matches!(proof, Proof::ArpReply | Proof::NdAdvert | Proof::NeighbourReachable);
        let Some(device) = self.registry.get(id).filter(|device| device.kind() == Kind::Phone) else { return false };
        let is_far = is_by_link && self.is_far_for_sure(device, at);
        let Some(device) = self.registry.get_mut(id) else { return false };
        if !is_by_link {
            device.mute.proxy.far = None;
            return false;
        }
        let before = device.mute.proxy.until;
        let is_its = device.mute.proxy.answered(at, is_far);
        if is_its && before.is_none() {
            self.touch(id);
            tracing::info!(%id, "a phone that is far away by its app is answered for: such answers count for nothing now");
        }
        is_its
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_from_afar_are_disbelieved_once_they_go_on_for_a_while() {
        let at = |minutes: u64| Mono((1_000 + minutes * 60) * 1_000_000_000);
        let mut proxy = Proxy::default();
        assert!(!proxy.answered(at(0), false), "at home");
        let far: Vec<bool> = (1..=14).map(|minute| proxy.answered(at(minute), true)).collect();
        assert_eq!(far.iter().position(|is_it| *is_it), Some(10), "{far:?}");
        assert!(proxy.answered(at(60), false) && proxy.answered(at(29 * 1_440), false));
        assert!(!proxy.answered(at(31 * 1_440), false), "some day it is tried again");
        // A few at once are none.
        let mut proxy = Proxy::default();
        assert!((0..9).all(|_| !proxy.answered(at(5), true)));
    }
}
