//! # Counting in time, and for each subject
//!
//! Buckets of one second over a span of at most a minute: how much came in the last so many seconds. Fixed size.
//! Things seen lately. And tables of subjects from which nobody can be pushed out without leaving a trace.

use std::{hash::Hash, time::Duration};

use crate::model::{Guarded, Mono, hash_of};

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
    /// One in which so much came just now.
    #[must_use]
    pub fn with(much: u32, at: Mono) -> Window {
        let mut window = Window::default();
        window.add(at, much);
        window
    }

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
        // What is newer than `at` does not count, nor what fell out of the window.
        let first = (now + 1)
            .saturating_sub(seconds.min(BUCKETS as u64 - 1))
            .max((self.newest + 1).saturating_sub(BUCKETS as u64));
        (first..=now.min(self.newest))
            .filter_map(|second| self.counts.get((second % BUCKETS as u64) as usize))
            .fold(0, |sum, count| sum.saturating_add(*count))
    }
}

/// Different things seen, with when last: how many in the last so long. Bounded: the oldest goes.
#[derive(Debug, Clone)]
pub struct Recent<K> {
    /// In the order of keys. Few: a row costs less than a tree.
    seen: Vec<(K, Mono)>,
    max: usize,
    /// How many there were when its subject was pushed out, and when it came again.
    before: (u32, Mono),
}

impl<K: Ord + Clone> Recent<K> {
    #[must_use]
    pub const fn new(max: usize) -> Recent<K> {
        Recent { seen: Vec::new(), max, before: (0, Mono(0)) }
    }

    /// One in which so many were seen, nobody knows which.
    #[must_use]
    pub const fn with(max: usize, before: u32, at: Mono) -> Recent<K> {
        Recent { seen: Vec::new(), max, before: (before, at) }
    }

    /// Whether it is new.
    pub fn see(&mut self, key: K, at: Mono) -> bool {
        match self.find(&key) {
            Ok(known) => {
                if let Some((_, seen)) = self.seen.get_mut(known) {
                    *seen = at;
                }
                false
            }
            Err(mut place) => {
                if self.seen.len() >= self.max {
                    let oldest = self.seen.iter().enumerate().min_by_key(|(_, (_, at))| *at).map(|(place, _)| place);
                    if let Some(oldest) = oldest {
                        self.seen.remove(oldest);
                        place -= usize::from(oldest < place);
                    }
                }
                self.seen.insert(place, (key, at));
                true
            }
        }
    }

    fn find(&self, key: &K) -> Result<usize, usize> {
        self.seen.binary_search_by(|(known, _)| known.cmp(key))
    }

    #[must_use]
    pub fn within(&self, now: Mono, span: Duration) -> usize {
        let before = if now.since(self.before.1) <= span { self.before.0 as usize } else { 0 };
        self.seen.iter().filter(|(_, at)| now.since(*at) <= span).count() + before
    }

    /// In their order.
    pub fn keys(&self) -> impl Iterator<Item = &K> + Clone {
        self.seen.iter().map(|(key, _)| key)
    }
    #[must_use]
    pub fn has(&self, key: &K) -> bool {
        self.find(key).is_ok()
    }
    /// Those seen in the last so long.
    pub fn within_keys(&self, at: Mono, span: Duration) -> impl Iterator<Item = &K> {
        self.seen.iter().filter(move |(_, last)| at.since(*last) <= span).map(|(key, _)| key)
    }
    pub fn forget(&mut self, key: &K) {
        if let Ok(place) = self.find(key) {
            self.seen.remove(place);
        }
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

/// What a subject has on it so far, in steps of its detector's own: it is left behind when the subject goes for want of
/// room, and given to it when it comes again.
pub trait Weigh {
    /// Of the last `span`.
    fn weight(&self, now: Mono, span: Duration) -> u32;
}

impl Weigh for Window {
    fn weight(&self, now: Mono, span: Duration) -> u32 {
        self.sum(now, span.as_secs())
    }
}

impl<K: Ord + Clone> Weigh for Recent<K> {
    fn weight(&self, now: Mono, span: Duration) -> u32 {
        u32::try_from(self.within(now, span)).unwrap_or(u32::MAX)
    }
}

/// Who did it so often and comes again is no passer-by: a flood of those that come once cannot push it out.
const AGAIN: u32 = 2;

const BUCKETS_MAX: usize = 2048;
const PLACES: usize = 4;

/// What those that were pushed out had on them, by their hashes: fixed size, and nobody answers for another. Of four that
/// meet in one bucket and a fifth, the one with the least on it goes, of several the oldest.
#[derive(Debug)]
struct Residue(Vec<[(u32, u32); PLACES]>);

impl Default for Residue {
    fn default() -> Residue {
        Residue(vec![[(0, 0); PLACES]; BUCKETS_MAX])
    }
}

impl Residue {
    /// Where it lies, and what it is known by there.
    const fn place(key: u64) -> (usize, u32) {
        ((key >> 32) as usize % BUCKETS_MAX, key as u32)
    }

    fn of(&self, key: u64) -> u32 {
        let (bucket, name) = Residue::place(key);
        let held = self.0.get(bucket).into_iter().flatten().filter(|(known, _)| *known == name);
        held.map(|(_, weight)| *weight).max().unwrap_or_default()
    }

    fn leave(&mut self, key: u64, weight: u32) {
        let (bucket, name) = Residue::place(key);
        let Some(bucket) = self.0.get_mut(bucket) else { return };
        if let Some((_, held)) = bucket.iter_mut().find(|(known, held)| *known == name && *held > 0) {
            *held = weight.max(*held);
            return;
        }
        // Newest first.
        let mut least = 0;
        for (place, (_, weight)) in bucket.iter().enumerate() {
            if bucket.get(least).is_some_and(|(_, known)| weight <= known) {
                least = place;
            }
        }
        if let Some(older) = bucket.get_mut(..=least) {
            older.rotate_right(1);
        }
        bucket[0] = (name, weight);
    }
}

/// A table of subjects. Who floods it to be forgotten is not: what was found of whoever is pushed out stays behind for one
/// to two spans. At most `max` of it, less than an alarm by itself.
#[derive(Debug)]
pub struct Subjects<K, V> {
    table: Guarded<K, V>,
    /// Of the span before this one, and of this one. Made when the first is pushed out.
    residue: [Option<Residue>; 2],
    turned: Mono,
    span: Duration,
    max: u32,
}

impl<K: Ord + Hash + Clone, V: Weigh> Subjects<K, V> {
    /// `cap` of them; what is left behind of one holds for `span` and is at most `max`.
    #[must_use]
    pub fn new(cap: usize, span: Duration, max: u32) -> Subjects<K, V> {
        Subjects { table: Guarded::new(cap), residue: [None, None], turned: Mono::default(), span, max }
    }

    /// The subject at `key`, made by `fresh` of what was left of it before if it is new.
    pub fn of(&mut self, key: K, owner: u64, now: Mono, fresh: impl FnOnce(u32) -> V) -> Option<&mut V> {
        let is_again = match self.table.place(&key) {
            Some(place) if self.table.is_proven(place) => return self.table.at_mut(place, second(now)),
            Some(place) => self.table.at(place).is_some_and(|value| value.weight(now, self.span) >= AGAIN),
            None => {
                let left = self.left(hash_of(&key), now);
                let gone = self.table.insert(key.clone(), fresh(left), owner, second(now));
                self.gone(gone, now);
                left >= AGAIN
            }
        };
        if is_again {
            let gone = self.table.prove(&key);
            self.gone(gone, now);
        }
        self.table.get_mut(&key, second(now))
    }

    fn gone(&mut self, gone: Option<(K, V)>, now: Mono) {
        if let Some((key, gone)) = gone {
            self.leave(hash_of(&key), gone.weight(now, self.span), now);
        }
    }

    fn turn(&mut self, now: Mono) {
        let passed = now.since(self.turned);
        if passed > self.span {
            let old = self.residue[1].take();
            self.residue[0] = old.filter(|_| passed <= self.span * 2);
            self.turned = now;
        }
    }

    fn left(&mut self, key: u64, now: Mono) -> u32 {
        if self.residue.iter().all(Option::is_none) {
            return 0;
        }
        self.turn(now);
        self.residue.iter().flatten().map(|residue| residue.of(key)).max().unwrap_or_default()
    }

    fn leave(&mut self, key: u64, weight: u32, now: Mono) {
        if weight == 0 {
            return;
        }
        self.turn(now);
        self.residue[1].get_or_insert_with(Residue::default).leave(key, weight.min(self.max));
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.table.get(key)
    }
    pub fn get_mut(&mut self, key: &K, now: Mono) -> Option<&mut V> {
        self.table.get_mut(key, second(now))
    }
    pub fn remove(&mut self, key: &K) {
        self.table.remove(key);
    }
    /// In key order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.table.iter()
    }
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
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
        recent.forget(&3);
        assert!(recent.see(0, at(62)) && recent.see(9, at(63)) && !recent.has(&2));
        assert_eq!(recent.keys().copied().collect::<Vec<_>>(), [0, 4, 9]);
    }

    #[test]
    fn who_is_pushed_out_is_not_forgotten() {
        let span = Duration::from_secs(10);
        let mut subjects: Subjects<u32, Window> = Subjects::new(400, span, 50);
        // Each time it is counted once, a flood of those that come again pushes it out.
        let count = |subjects: &mut Subjects<u32, Window>, s: u64| {
            let window = subjects.of(7, 1, at(s), |left| Window::with(left, at(s))).expect("there is room");
            window.add(at(s), 1);
            let sum = window.sum(at(s), 60);
            for n in 0..600 {
                // Those that come once push out those that do, those that come again those.
                for who in [1000 + n, 5000 + n, 5000 + n, 5000 + n] {
                    let one = subjects.of(who, u64::from(who), at(s), |left| Window::with(left, at(s)));
                    one.expect("there is room").add(at(s), 1);
                }
            }
            assert!(subjects.get(&7).is_none());
            sum
        };
        let sums: Vec<u32> = (1..=20).map(|n| count(&mut subjects, 100 + n)).collect();
        assert_eq!(sums, (1..=20).collect::<Vec<u32>>());
        let most = (0..100).map(|n| count(&mut subjects, 121 + n / 20)).max();
        assert_eq!(most, Some(51), "never an alarm by itself");
        assert_eq!(count(&mut subjects, 200), 1, "long after");
    }

    #[test]
    fn a_flood_of_passers_by_pushes_out_nobody_who_comes_again() {
        let mut subjects: Subjects<u32, Window> = Subjects::new(400, Duration::from_secs(10), 50);
        for s in 100..120 {
            subjects.of(7, 1, at(s), |left| Window::with(left, at(s))).expect("there is room").add(at(s), 1);
            for n in 0..2000 {
                let who = 1000 + (s as u32 - 100) * 2000 + n;
                let one = subjects.of(who, u64::from(n) + 2, at(s), |left| Window::with(left, at(s)));
                one.expect("there is room").add(at(s), 1);
            }
        }
        assert_eq!(subjects.get(&7).map(|window| window.sum(at(119), 60)), Some(20));
    }

    #[test]
    fn what_is_left_behind_is_its_own_and_the_heavy_outlast_the_light() {
        let mut residue = Residue::default();
        let key = |n: u64| hash_of(&n);
        residue.leave(key(1), 5);
        residue.leave(key(1), 3);
        (1000..60_000).for_each(|n| residue.leave(key(n), 1));
        assert_eq!(residue.of(key(1)), 5);
        assert_eq!((200_000..210_000).filter(|n| residue.of(key(*n)) > 0).count(), 0);
        assert!((59_000..60_000).filter(|n| residue.of(key(*n)) == 1).count() > 950, "the newest of the light ones");
    }
}
