//! # Counting in time
//!
//! Buckets of one second over a span of at most a minute: how much came in the last so many seconds. Fixed size.

use std::collections::BTreeMap;

use crate::model::Mono;

const BUCKETS: usize = 64;

/// See above.
#[derive(Debug, Clone)]
pub struct Window {
    counts: [u32; BUCKETS],
    newest: u64,
}

impl Default for Window {
    fn default() -> Self {
        Window { counts: [0; BUCKETS], newest: 0 }
    }
}

fn second(at: Mono) -> u64 {
    at.0 / 1_000_000_000
}

impl Window {
    pub fn add(&mut self, at: Mono, much: u32) {
        let now = second(at);
        if now > self.newest {
            let passed = (now - self.newest).min(BUCKETS as u64);
            for step in 0..passed {
                if let Some(count) = self.counts.get_mut(((now - step) % BUCKETS as u64) as usize) {
                    *count = 0;
                }
            }
            self.newest = now;
        }
        if now + BUCKETS as u64 > self.newest
            && let Some(count) = self.counts.get_mut((now % BUCKETS as u64) as usize)
        {
            *count = count.saturating_add(much);
        }
    }

    /// Of the last `seconds`, this one included.
    #[must_use]
    pub fn sum(&self, at: Mono, seconds: u64) -> u32 {
        let now = second(at);
        (0..seconds.min(BUCKETS as u64 - 1))
            .filter_map(|step| now.checked_sub(step))
            .filter(|second| *second <= self.newest && second + (BUCKETS as u64) > self.newest)
            .filter_map(|second| self.counts.get((second % BUCKETS as u64) as usize))
            .fold(0, |sum, count| sum.saturating_add(*count))
    }
}

/// Different things seen, with when last: how many in the last so long. Bounded: the oldest goes.
#[derive(Debug, Clone)]
pub struct Recent<K> {
    seen: BTreeMap<K, Mono>,
    max: usize,
    /// Gone for want of room.
    gone: u64,
}

impl<K: Ord + Clone> Recent<K> {
    #[must_use]
    pub fn new(max: usize) -> Recent<K> {
        Recent { seen: BTreeMap::new(), max, gone: 0 }
    }

    /// Whether it is new.
    pub fn see(&mut self, key: K, at: Mono) -> bool {
        let is_new = self.seen.insert(key, at).is_none();
        if self.seen.len() > self.max {
            let oldest = self.seen.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
            oldest.map(|key| self.seen.remove(&key));
            self.gone += 1;
        }
        is_new
    }

    #[must_use]
    pub fn within(&self, now: Mono, span: std::time::Duration) -> usize {
        self.seen.values().filter(|at| now.since(**at) <= span).count()
    }

    pub fn keys(&self) -> impl Iterator<Item = &K> + Clone {
        self.seen.keys()
    }
    pub fn forget(&mut self, key: &K) {
        self.seen.remove(key);
    }
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen.len()
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: u64) -> Mono {
        Mono(second * 1_000_000_000)
    }

    #[test]
    fn only_the_last_seconds_count() {
        let mut window = Window::default();
        for second in 100..110 {
            window.add(at(second), 2);
        }
        assert_eq!((window.sum(at(109), 1), window.sum(at(109), 5), window.sum(at(109), 60)), (2, 10, 20));
        assert_eq!((window.sum(at(112), 5), window.sum(at(400), 60)), (4, 0));
        window.add(at(500), 7);
        assert_eq!(window.sum(at(500), 60), 7, "a jump empties what is old");
    }

    #[test]
    fn things_are_counted_once_and_forgotten_when_there_are_many() {
        let mut recent = Recent::new(3);
        assert!(recent.see(1, at(1)) && !recent.see(1, at(2)) && recent.see(2, at(50)));
        assert_eq!(recent.within(at(60), Duration::from_secs(20)), 1);
        recent.see(3, at(60));
        recent.see(4, at(61));
        assert_eq!((recent.len(), recent.keys().copied().collect::<Vec<_>>()), (3, vec![2, 3, 4]));
    }
}
