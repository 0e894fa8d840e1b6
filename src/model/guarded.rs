//! # A map that cannot be used to blind its keeper
//!
//! A plain bounded map either refuses what comes when it is full, or forgets what was: whoever can
//! invent keys then acts unseen, or wipes out their own traces. This one has two areas. A new key is on
//! *probation* (a quarter of the room) and can push out only others on probation; a key that was *proven*,
//! by an answer or by staying, lives in the other three quarters. One owner holds at most its quota.
//! Pinned keys stay. What is evicted is handed back, so that its keeper can leave a trace of it,
//! and counted: many evictions in a short time are a sign of their own.
//!
//! Found by a seeded hash (`seeded`), kept in lists by age: neither the order of eviction nor any other result depends on
//! the hash.

use std::{collections::BTreeMap, hash::Hash};

use super::seeded::{Ends, Index, Links, hash_of, sort};

// Of the room, for keys on probation and for one owner.
const PROBATION: usize = 4;
const QUOTA: usize = 16;
const QUOTA_MIN: usize = 64;
/// Keys that may be pinned.
const PINNED_MAX: usize = 512;

/// Where an entry stands. The number is its list's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Area {
    Young,
    Proven,
    Pinned,
}

#[derive(Debug, Clone, Copy)]
struct Card {
    hash: u32,
    area: Area,
    owner: u64,
    stamp: u64,
}

/// Keys of one owner: how many, and lists of those on probation and of those proven.
#[derive(Debug, Clone, Copy, Default)]
struct Owned {
    held: usize,
    lists: [Ends; 3],
}

/// Who lies where, who came when, and whose it is. Knows nothing of keys and values: one copy serves all maps.
#[derive(Debug, Clone, Default)]
struct Books {
    index: Index,
    cards: Vec<Card>,
    free: Vec<u32>,
    counts: [usize; 3],
    lists: [Ends; 3],
    by_age: Links,
    owners: BTreeMap<u64, Owned>,
    by_owner: Links,
}

impl Books {
    const fn len(&self) -> usize {
        self.counts[0] + self.counts[1] + self.counts[2]
    }

    fn card(&self, place: u32) -> Option<Card> {
        self.cards.get(place as usize).copied()
    }

    fn link(&mut self, place: u32, card: Card) {
        let area = card.area as usize;
        if let Some(slot) = self.cards.get_mut(place as usize) {
            *slot = card;
        }
        self.counts[area] += 1;
        self.by_age.push(&mut self.lists[area], place);
        let owned = self.owners.entry(card.owner).or_default();
        owned.held += 1;
        self.by_owner.push(&mut owned.lists[area], place);
    }

    fn unlink(&mut self, place: u32, card: Card) {
        let area = card.area as usize;
        self.counts[area] -= 1;
        self.by_age.remove(&mut self.lists[area], place);
        if let Some(owned) = self.owners.get_mut(&card.owner) {
            owned.held -= 1;
            self.by_owner.remove(&mut owned.lists[area], place);
            if owned.held == 0 {
                self.owners.remove(&card.owner);
            }
        }
    }

    fn add(&mut self, hash: u32, owner: u64, stamp: u64) -> u32 {
        let card = Card { hash, area: Area::Young, owner, stamp };
        let place = self.free.pop().unwrap_or_else(|| {
            self.cards.push(card);
            u32::try_from(self.cards.len() - 1).unwrap_or_default()
        });
        self.index.insert(hash, place);
        self.link(place, card);
        place
    }

    fn remove(&mut self, place: u32) -> Option<Card> {
        let card = self.card(place)?;
        self.index.remove(card.hash, place);
        self.unlink(place, card);
        self.free.push(place);
        Some(card)
    }

    /// It becomes the youngest of its area.
    #[inline]
    fn touch(&mut self, place: u32, tick: u64) {
        if self.cards.get(place as usize).is_some_and(|card| card.stamp < tick) {
            self.renew(place, tick);
        }
    }

    fn renew(&mut self, place: u32, tick: u64) {
        if let Some(card) = self.card(place) {
            self.shift(place, card, Card { stamp: tick, ..card });
        }
    }

    /// To the end of the lists, perhaps others, of the same owner.
    fn shift(&mut self, place: u32, from: Card, to: Card) {
        let (old, new) = (from.area as usize, to.area as usize);
        if let Some(slot) = self.cards.get_mut(place as usize) {
            *slot = to;
        }
        self.counts[old] -= 1;
        self.counts[new] += 1;
        self.by_age.remove(&mut self.lists[old], place);
        self.by_age.push(&mut self.lists[new], place);
        if let Some(owned) = self.owners.get_mut(&to.owner) {
            self.by_owner.remove(&mut owned.lists[old], place);
            self.by_owner.push(&mut owned.lists[new], place);
        }
    }

    /// Who has to go before `owner` may have one more, in a map of `cap`.
    fn in_the_way(&self, owner: u64, cap: usize) -> Option<u32> {
        let quota = (cap / QUOTA).max(QUOTA_MIN).min(cap / 2);
        let some = |place: u32| self.card(place).map(|_| place);
        match self.owners.get(&owner) {
            Some(owned) if owned.held >= quota => some(owned.lists[0].first).or_else(|| some(owned.lists[1].first)),
            _ if self.counts[0] >= cap / PROBATION => some(self.lists[0].first),
            _ => None,
        }
    }

    /// Who has to go before one more is proven.
    fn in_the_way_of_proof(&self, cap: usize) -> Option<u32> {
        let is_full = self.counts[1] + self.counts[2] >= cap - cap / PROBATION;
        Some(self.lists[1].first).filter(|place| is_full && self.card(*place).is_some())
    }
}

/// Where a key lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u32);

/// The map. Time is in ticks of the caller's choice; a touch within one tick costs one look-up.
#[derive(Debug, Clone)]
pub struct Guarded<K, V> {
    cap: usize,
    books: Books,
    cells: Vec<Option<(K, V)>>,
    evicted: [u64; 2],
}

impl<K: Ord + Hash + Clone, V> Guarded<K, V> {
    /// At most `cap` entries (at least eight).
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Guarded { cap: cap.max(8), books: Books::default(), cells: Vec::new(), evicted: [0; 2] }
    }

    #[inline]
    fn find(&self, key: &K) -> Option<u32> {
        self.books.index.find(hash_of(key) as u32, |place| {
            self.cells.get(place as usize).and_then(Option::as_ref).is_some_and(|(known, _)| known == key)
        })
    }

    /// Where `key` lies, for who needs it several times. It holds until something is inserted, proven or removed.
    #[inline]
    pub fn place(&self, key: &K) -> Option<Place> {
        self.find(key).map(Place)
    }

    #[inline]
    pub fn at(&self, place: Place) -> Option<&V> {
        self.cells.get(place.0 as usize)?.as_ref().map(|(_, value)| value)
    }

    /// It is not on probation any more.
    #[inline]
    pub fn is_proven(&self, place: Place) -> bool {
        self.books.cards.get(place.0 as usize).is_some_and(|card| card.area != Area::Young)
    }

    /// The value at `place`, touched at `tick`.
    #[inline]
    pub fn at_mut(&mut self, place: Place, tick: u64) -> Option<&mut V> {
        self.books.touch(place.0, tick);
        self.cells.get_mut(place.0 as usize)?.as_mut().map(|(_, value)| value)
    }

    /// The value at `key`.
    #[inline]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.at(Place(self.find(key)?))
    }

    /// The value at `key`, touched at `tick`.
    #[inline]
    pub fn get_mut(&mut self, key: &K, tick: u64) -> Option<&mut V> {
        self.at_mut(Place(self.find(key)?), tick)
    }

    /// Puts a new key on probation, or replaces the value of a known one. What had to go for it.
    pub fn insert(&mut self, key: K, value: V, owner: u64, tick: u64) -> Option<(K, V)> {
        if let Some(place) = self.find(&key) {
            let cell = self.cells.get_mut(place as usize)?.as_mut();
            return cell.map(|(_, held)| (key, std::mem::replace(held, value)));
        }
        let gone = self.books.in_the_way(owner, self.cap).and_then(|place| self.evict(place));
        let place = self.books.add(hash_of(&key) as u32, owner, tick) as usize;
        match self.cells.get_mut(place) {
            Some(cell) => *cell = Some((key, value)),
            None => {
                // By halves: large tables would waste much by doubling.
                let more = (self.cells.len() / 2).max(4);
                if self.cells.len() == self.cells.capacity() {
                    self.cells.reserve_exact(more);
                }
                self.cells.push(Some((key, value)));
            }
        }
        gone
    }

    /// Moves `key` out of probation. What had to go for it.
    pub fn prove(&mut self, key: &K) -> Option<(K, V)> {
        let place = self.find(key)?;
        let card = self.books.card(place).filter(|card| card.area == Area::Young)?;
        let gone = self.books.in_the_way_of_proof(self.cap).and_then(|place| self.evict(place));
        self.books.shift(place, card, Card { area: Area::Proven, ..card });
        gone
    }

    /// Never evicts `key`, which is there, while there is room for pins.
    pub fn pin(&mut self, key: &K) -> bool {
        let Some(place) = self.find(key) else { return false };
        let may = self.books.counts[2] < PINNED_MAX.min(self.cap / PROBATION);
        let Some(card) = self.books.card(place).filter(|card| may && card.area != Area::Pinned) else { return false };
        if card.area == Area::Young {
            let gone = self.books.in_the_way_of_proof(self.cap);
            gone.and_then(|place| self.evict(place));
        }
        self.books.shift(place, card, Card { area: Area::Pinned, ..card });
        true
    }

    pub fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.find(key)?;
        self.books.remove(place);
        self.cells.get_mut(place as usize)?.take().map(|(_, value)| value)
    }

    /// Takes out the oldest on probation: for a keeper whose entries are of different size.
    pub fn take_oldest(&mut self) -> Option<(K, V)> {
        self.evict(self.books.lists[Area::Young as usize].first)
    }

    /// In key order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let cell = |place: u32| self.cells.get(place as usize).and_then(Option::as_ref);
        let mut places: Vec<u32> = (0..self.cells.len() as u32).filter(|place| cell(*place).is_some()).collect();
        sort(&mut places, &mut |a, b| cell(a).map(|cell| &cell.0).cmp(&cell(b).map(|cell| &cell.0)));
        places.into_iter().filter_map(move |place| cell(place).map(|(key, value)| (key, value)))
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.books.len()
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Evicted so far: from probation, and of those proven.
    #[must_use]
    pub const fn evicted(&self) -> [u64; 2] {
        self.evicted
    }

    fn evict(&mut self, place: u32) -> Option<(K, V)> {
        let card = self.books.remove(place)?;
        let [young, old] = &mut self.evicted;
        *(if card.area == Area::Young { young } else { old }) += 1;
        self.cells.get_mut(place as usize)?.take()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_flood_of_new_keys_pushes_out_no_proven_one() {
        let mut map = Guarded::new(400);
        for key in 0..50u32 {
            map.insert(key, (), u64::from(key), 1);
            map.prove(&key);
        }
        for key in 1000..100_000u32 {
            map.insert(key, (), u64::from(key), u64::from(key));
        }
        assert_eq!((map.len(), (0..50).filter(|key| map.get(key).is_some()).count()), (150, 50));
        assert_eq!(map.evicted(), [98_900, 0]);
    }

    #[test]
    fn one_owner_pushes_out_its_own() {
        let mut map = Guarded::new(4096);
        map.insert(1u32, (), 7, 1);
        for key in 10..5000u32 {
            map.insert(key, (), 9, u64::from(key));
        }
        assert_eq!((map.len(), map.get(&1).is_some(), map.get(&4999).is_some()), (257, true, true));
    }

    #[test]
    fn pinned_keys_stay_and_the_touched_outlive_the_others() {
        let mut map = Guarded::new(40);
        for key in 0..10u32 {
            map.insert(key, (), u64::from(key), u64::from(key));
        }
        assert!(map.pin(&0) && !map.pin(&99));
        map.get_mut(&1, 50);
        for key in 100..108u32 {
            map.insert(key, (), u64::from(key), 60);
        }
        assert!(map.get(&0).is_some() && map.get(&1).is_some() && map.get(&2).is_none());
    }

    impl Books {
        /// Lists, counts and owners tell the same.
        fn agree(&self) -> bool {
            let walk = |links: &Links, ends: &Ends| {
                std::iter::successors(Some(ends.first), |place| Some(links.after(*place)))
                    .take_while(|place| self.card(*place).is_some())
                    .count()
            };
            let owned = |area: usize| self.owners.values().map(|o| walk(&self.by_owner, &o.lists[area])).sum::<usize>();
            (0..3).all(|area| {
                walk(&self.by_age, &self.lists[area]) == self.counts[area] && owned(area) == self.counts[area]
            }) && self.owners.values().map(|owned| owned.held).sum::<usize>() == self.len()
        }
    }

    proptest! {
        #[test]
        fn books_agree_whatever_is_done(steps in proptest::collection::vec((0u8..5, 0u16..60, 0u64..4), 0..300)) {
            let mut map = Guarded::new(32);
            for (tick, (what, key, owner)) in steps.into_iter().enumerate() {
                match what {
                    0 => { map.insert(key, tick, owner, tick as u64); }
                    1 => { map.prove(&key); }
                    2 => { map.get_mut(&key, tick as u64); }
                    3 => { map.pin(&key); }
                    _ => { map.remove(&key); }
                }
                prop_assert!(map.len() <= 32);
                prop_assert!(map.books.agree());
                prop_assert_eq!(map.iter().count(), map.len());
                prop_assert!(map.iter().all(|(key, value)| map.get(key) == Some(value)));
            }
        }
    }
}
