//! # One budget of packets for all scanners
//!
//! A bucket that fills at so many packets a second and holds a burst. Three classes draw on it:
//!
//! * **Looks** do not wait (the core paces those itself) but are taken from it, so rounds give way to them.
//! * **Rounds** wait in one line, first come, first served: a large piece is not starved by many small ones.
//! * **Spare** is for what has time, such as the ports of a device. It may draw only while nobody waits and only
//!   down to a reserve, so a sweep that comes next finds its piece there and never waits behind it.
//!
//! Pieces are at most the burst, so nobody waits for ever.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::model::{Clock, Mono};

/// Packets a second on average over all scanners.
pub const RATE: f64 = 20.0;
/// What may go at once: two /24 sweeps, so that a start is quick.
pub const BURST: f64 = 512.0;
/// What is there once, at the start of the daemon: the usual ports of some 45 devices and all else that is asked the
/// first time, so that the first list is whole within seconds and not after minutes at [`RATE`]. Spread over a day it is
/// 0.02 a second.
pub const START: f64 = 2048.0;
/// The same for one look around that somebody waits for. arp-scan alone sends 500 a second by default.
pub const RATE_ONCE: f64 = 1000.0;
pub const BURST_ONCE: f64 = 1024.0;
/// The part of a full bucket that spare work leaves: a whole /24 sweep.
const RESERVE: f64 = 0.5;

/// Shared by all desks.
#[derive(Debug, Clone)]
pub struct Budget {
    bucket: Arc<Mutex<Bucket>>,
    clock: Clock,
}

impl Budget {
    /// A bucket of the default size, fuller than full once.
    #[must_use]
    pub fn new(clock: Clock) -> Budget {
        let budget = Budget::with(clock, RATE, BURST);
        budget.on(|bucket, _| bucket.level = START);
        budget
    }

    /// For one look around, which is over in seconds.
    #[must_use]
    pub fn once(clock: Clock) -> Budget {
        Budget::with(clock, RATE_ONCE, BURST_ONCE)
    }

    /// `rate` packets a second on average, `burst` at once.
    #[must_use]
    pub fn with(clock: Clock, rate: f64, burst: f64) -> Budget {
        let bucket = Bucket { level: burst, rate, burst, at: clock().mono, line: VecDeque::new(), tickets: 0 };
        Budget { bucket: Arc::new(Mutex::new(bucket)), clock }
    }

    /// A place in the line for `packets`. Dropped, it is given up.
    #[must_use]
    pub fn turn(&self, packets: u32) -> Turn {
        Turn { ticket: self.on(|bucket, _| bucket.enter(f64::from(packets))), budget: self.clone() }
    }

    /// Takes `packets` of what nobody else wants, else says how long to wait before asking again.
    ///
    /// # Errors
    /// The wait.
    pub fn spare(&self, packets: u32) -> Result<(), Duration> {
        self.on(|bucket, now| bucket.spare(f64::from(packets), now))
    }

    /// Takes `packets` at once, on credit if need be.
    pub fn charge(&self, packets: u32) {
        self.on(|bucket, now| bucket.charge(f64::from(packets), now));
    }

    fn on<T>(&self, act: impl FnOnce(&mut Bucket, Mono) -> T) -> T {
        let now = (self.clock)().mono;
        act(&mut self.bucket.lock().unwrap_or_else(PoisonError::into_inner), now)
    }
}

/// A place in the line.
#[derive(Debug)]
pub struct Turn {
    ticket: u64,
    budget: Budget,
}

impl Turn {
    /// Takes the packets if it is their turn and they are there, else says how long to wait before asking again.
    ///
    /// # Errors
    /// The wait.
    pub fn take(&self) -> Result<(), Duration> {
        self.budget.on(|bucket, now| bucket.take(self.ticket, now))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.budget.on(|bucket, _| bucket.line.retain(|(ticket, _)| *ticket != self.ticket));
    }
}

#[derive(Debug)]
struct Bucket {
    level: f64,
    rate: f64,
    burst: f64,
    at: Mono,
    /// Who waits, and for how many. One entry a desk at most, as a desk waits for one piece at a time.
    line: VecDeque<(u64, f64)>,
    tickets: u64,
}

impl Bucket {
    fn fill(&mut self, now: Mono) {
        // More than full is what it had at the start; it is not filled up again.
        let most = self.level.max(self.burst);
        self.level = (self.level + now.since(self.at).as_secs_f64() * self.rate).min(most);
        self.at = self.at.max(now);
    }

    fn enter(&mut self, packets: f64) -> u64 {
        self.tickets += 1;
        self.line.push_back((self.tickets, packets));
        self.tickets
    }

    fn take(&mut self, ticket: u64, now: Mono) -> Result<(), Duration> {
        self.fill(now);
        let mut ahead = 0.0;
        for (place, (known, packets)) in self.line.iter().enumerate() {
            if *known != ticket {
                ahead += packets;
                continue;
            }
            // More than the bucket holds could never be there: a full bucket is enough.
            let needed = packets.min(self.burst);
            if place == 0 && self.level >= needed {
                self.level -= packets;
                self.line.pop_front();
                return Ok(());
            }
            return Err(self.wait(ahead + needed));
        }
        // It was taken already.
        Ok(())
    }

    fn spare(&mut self, packets: f64, now: Mono) -> Result<(), Duration> {
        self.fill(now);
        let waiting: f64 = self.line.iter().map(|(_, packets)| packets).sum();
        let needed = (self.burst * RESERVE + packets).min(self.burst) + waiting;
        if waiting == 0.0 && self.level >= needed {
            self.level -= packets;
            return Ok(());
        }
        Err(self.wait(needed))
    }

    fn charge(&mut self, packets: f64, now: Mono) {
        self.fill(now);
        // The debt is bounded, so that a storm of looks delays rounds by a minute at most.
        self.level = (self.level - packets).max(-60.0 * self.rate);
    }

    fn wait(&self, needed: f64) -> Duration {
        Duration::from_secs_f64(((needed - self.level) / self.rate).clamp(0.001, 3600.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bucket(rate: f64, burst: f64) -> Bucket {
        Bucket { level: burst, rate, burst, at: Mono(0), line: VecDeque::new(), tickets: 0 }
    }

    fn at(seconds: f64) -> Mono {
        Mono(0) + Duration::from_secs_f64(seconds)
    }

    proptest! {
        #[test]
        fn on_average_no_more_than_the_rate_goes_out(
            steps in proptest::collection::vec((1u32..300, 0u64..30_000, any::<bool>()), 1..200)
        ) {
            let mut bucket = bucket(RATE, BURST);
            let (mut now, mut sent) = (Mono(0), 0.0);
            for (packets, pause_ms, spare) in steps {
                now = now + Duration::from_millis(pause_ms);
                let packets = f64::from(packets);
                if spare {
                    if bucket.spare(packets, now).is_ok() {
                        sent += packets;
                        prop_assert!(bucket.level >= BURST * RESERVE - packets.max(0.0), "the reserve was touched");
                    }
                    continue;
                }
                let ticket = bucket.enter(packets);
                if let Err(wait) = bucket.take(ticket, now) {
                    now = now + wait + Duration::from_millis(1);
                    prop_assert!(bucket.take(ticket, now).is_ok(), "the wait told was not enough");
                }
                sent += packets;
                prop_assert!(sent <= BURST + RATE * now.since(Mono(0)).as_secs_f64() + 300.0);
            }
        }
    }

    #[test]
    fn looks_go_at_once_and_rounds_give_way() {
        let mut bucket = bucket(10.0, 10.0);
        bucket.charge(15.0, at(0.0));
        let round = bucket.enter(5.0);
        assert_eq!(bucket.take(round, at(0.0)), Err(Duration::from_secs(1)));
        bucket.charge(1e9, at(0.0));
        assert!(bucket.take(round, at(61.0)).is_ok(), "the debt is bounded");
    }

    #[test]
    fn a_large_piece_is_not_starved_by_small_ones() {
        let mut bucket = bucket(20.0, 512.0);
        bucket.charge(512.0, at(0.0));
        let sweep = bucket.enter(256.0);
        let (mut small, mut overtook) = (bucket.enter(1.0), 0);
        for tick in 0..200 {
            let now = at(f64::from(tick) / 10.0);
            if bucket.take(small, now).is_ok() {
                overtook += 1;
                small = bucket.enter(1.0);
            }
            if bucket.take(sweep, now).is_ok() {
                assert_eq!((overtook, tick), (0, 128), "256 packets are there after 12.8 s");
                return;
            }
        }
        panic!("the sweep waited for ever");
    }

    #[test]
    fn the_start_has_more_and_only_once() {
        let mut bucket = bucket(RATE, BURST);
        bucket.level = START;
        let drain = |bucket: &mut Bucket, now: Mono| (0..10_000).take_while(|_| bucket.spare(1.0, now).is_ok()).count();
        assert_eq!(drain(&mut bucket, at(60.0)), (START - BURST * RESERVE) as usize, "it does not grow while it waits");
        assert_eq!(drain(&mut bucket, at(86_400.0)), (BURST * (1.0 - RESERVE)) as usize, "and never comes again");
    }

    #[test]
    fn spare_work_leaves_a_sweep_and_takes_nothing_while_somebody_waits() {
        let mut bucket = bucket(20.0, 512.0);
        let drain = |bucket: &mut Bucket, now: Mono| (0..1000).take_while(|_| bucket.spare(4.0, now).is_ok()).count();
        assert_eq!(drain(&mut bucket, at(0.0)), 64, "half of the bucket");
        let sweep = bucket.enter(256.0);
        assert!(bucket.take(sweep, at(0.0)).is_ok(), "a sweep goes at once, whatever the ports did before it");
        let wait = bucket.spare(4.0, at(0.0)).unwrap_err();
        assert_eq!(wait, Duration::from_secs(13), "260 packets from now");
        assert_eq!(drain(&mut bucket, at(13.0)), 1, "then at the rate of the bucket");
        let waiting = bucket.enter(400.0);
        assert!(bucket.take(waiting, at(14.0)).is_err());
        assert_eq!(drain(&mut bucket, at(20.0)), 0, "somebody waits");
        assert!(bucket.take(waiting, at(20.3)).is_ok(), "and was not delayed");
    }

    #[test]
    fn a_turn_that_is_given_up_holds_up_nobody() {
        fn clock() -> crate::model::Moment {
            crate::model::Moment { mono: Mono(1), wall: crate::model::Wall(1) }
        }
        let budget = Budget::with(clock, 1.0, 10.0);
        budget.charge(5);
        let large = budget.turn(9);
        let small = budget.turn(2);
        assert!(large.take().is_err() && small.take().is_err());
        drop(large);
        assert!(small.take().is_ok() && small.take().is_ok(), "taken once");
        assert!(budget.spare(1).is_err(), "3 are left, 5 are the reserve");
    }
}
