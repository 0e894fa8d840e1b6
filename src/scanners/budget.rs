//! # One budget of packets for all scanners
//!
//! A bucket that fills at so many packets a second and holds a burst. Rounds wait for it; looks do
//! not (the core paces those itself) but are taken from it, so rounds give way to them. A wait is
//! for the piece asked for, and pieces are at most the burst, so nobody waits for ever.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::model::{Clock, Mono};

/// Packets a second on average over all scanners (`presence.md` 3.5 names the same limit for looks).
pub const RATE: f64 = 20.0;
/// What may go at once: two /24 sweeps, so that a start is quick.
pub const BURST: f64 = 512.0;

/// Shared by all desks.
#[derive(Debug, Clone)]
pub struct Budget {
    bucket: Arc<Mutex<Bucket>>,
    clock: Clock,
}

impl Budget {
    /// A full bucket of the default size.
    #[must_use]
    pub fn new(clock: Clock) -> Budget {
        Budget::with(clock, RATE, BURST)
    }

    /// `rate` packets a second on average, `burst` at once.
    #[must_use]
    pub fn with(clock: Clock, rate: f64, burst: f64) -> Budget {
        let bucket = Bucket { level: burst, rate, burst, at: clock().mono };
        Budget { bucket: Arc::new(Mutex::new(bucket)), clock }
    }

    /// Takes `packets` if they are there, else says how long to wait before asking again.
    ///
    /// # Errors
    /// The wait.
    pub fn take(&self, packets: u32) -> Result<(), Duration> {
        let now = (self.clock)().mono;
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner).take(f64::from(packets), now)
    }

    /// Takes `packets` at once, on credit if need be.
    pub fn charge(&self, packets: u32) {
        let now = (self.clock)().mono;
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner).charge(f64::from(packets), now);
    }
}

#[derive(Debug)]
struct Bucket {
    level: f64,
    rate: f64,
    burst: f64,
    at: Mono,
}

impl Bucket {
    fn fill(&mut self, now: Mono) {
        self.level = (self.level + now.since(self.at).as_secs_f64() * self.rate).min(self.burst);
        self.at = self.at.max(now);
    }

    fn take(&mut self, packets: f64, now: Mono) -> Result<(), Duration> {
        self.fill(now);
        // More than the bucket holds could never be there: a full bucket is enough.
        let needed = packets.min(self.burst);
        if self.level >= needed {
            self.level -= packets;
            return Ok(());
        }
        Err(Duration::from_secs_f64(((needed - self.level) / self.rate).clamp(0.001, 3600.0)))
    }

    fn charge(&mut self, packets: f64, now: Mono) {
        self.fill(now);
        // The debt is bounded, so that a storm of looks delays rounds by a minute at most.
        self.level = (self.level - packets).max(-60.0 * self.rate);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn on_average_no_more_than_the_rate_goes_out(steps in proptest::collection::vec((1u32..300, 0u64..30_000), 1..200)) {
            let mut bucket = Bucket { level: BURST, rate: RATE, burst: BURST, at: Mono(0) };
            let (mut now, mut sent) = (Mono(0), 0.0);
            for (packets, pause_ms) in steps {
                now = now + Duration::from_millis(pause_ms);
                match bucket.take(f64::from(packets), now) {
                    Ok(()) => sent += f64::from(packets),
                    Err(wait) => {
                        now = now + wait + Duration::from_millis(1);
                        prop_assert!(bucket.take(f64::from(packets), now).is_ok(), "the wait told was not enough");
                        sent += f64::from(packets);
                    }
                }
                prop_assert!(sent <= BURST + RATE * now.since(Mono(0)).as_secs_f64() + 300.0);
            }
        }
    }

    #[test]
    fn looks_go_at_once_and_rounds_give_way() {
        let mut bucket = Bucket { level: 10.0, rate: 10.0, burst: 10.0, at: Mono(0) };
        bucket.charge(15.0, Mono(0));
        let wait = bucket.take(5.0, Mono(0)).unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
        bucket.charge(1e9, Mono(0));
        assert!(bucket.take(1.0, Mono(0) + Duration::from_secs(61)).is_ok(), "the debt is bounded");
    }
}
