//! # What the kernel's neighbour table proves, and what it does not
//!
//! Pure. REACHABLE is a proof of the age the kernel gives; a new STALE entry is one proof, because only a
//! frame of the device makes one; STALE, DELAY and PROBE afterwards prove nothing (users' trackers that
//! take them for presence never see anybody leave); FAILED is a question without an answer.
//!
//! Holds: [`KNOWN_MAX`] addresses; the least recently touched goes first, and only costs that its next
//! failure is not told.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use crate::model::{Capped, Fact, InterfaceId, MacAddr, Probe, Proof, Subject};

/// Addresses remembered over all interfaces: several times what a home has, and below a MiB.
pub const KNOWN_MAX: usize = 8192;

/// The states of an entry that matter here (linux/neighbour.h, NUD_*).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Reachable,
    /// Stale, delay or probe: it has an address, nothing more.
    Stale,
    Failed,
    /// Incomplete, permanent, no-ARP.
    Other,
}

/// One entry as the kernel tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub interface: InterfaceId,
    pub ip: IpAddr,
    pub mac: Option<MacAddr>,
    pub state: State,
    /// How long ago the kernel had it confirmed.
    pub confirmed: Duration,
}

/// How we came to know of the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It stood in a listing: its age is not known beyond what it says.
    Listed,
    /// The kernel said so just now.
    Event,
}

/// A fact about a neighbour.
pub type Seen = (InterfaceId, Subject, Fact);

/// Who was last known at which address.
#[derive(Debug)]
pub struct Table {
    known: Capped<(InterfaceId, IpAddr), Known>,
    /// How many standing entries a hardware address has, so that a flood of new ones costs no search.
    standing: BTreeMap<(InterfaceId, MacAddr), u32>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    mac: MacAddr,
    /// The entry stands in the kernel's table.
    stands: bool,
}

impl Default for Table {
    fn default() -> Self {
        Table { known: Capped::new(KNOWN_MAX), standing: BTreeMap::new() }
    }
}

impl Table {
    /// What `entry` shows.
    pub fn take(&mut self, entry: &Entry, told: Told) -> Option<Seen> {
        let key = (entry.interface, entry.ip);
        let before = self.known.get_mut(&key).map(|known| *known);
        match (entry.state, entry.mac) {
            (State::Failed, mac) => {
                // Of an address nobody ever held there is nothing to tell: a sweep fails at hundreds of them.
                let mac = mac.or(before.map(|known| known.mac))?;
                if before.is_some() {
                    self.set(key, Known { mac, stands: true });
                }
                let probe = if entry.ip.is_ipv4() { Probe::Arp } else { Probe::Nd };
                let fact = Fact::Unanswered { probe };
                (told == Told::Event).then_some((entry.interface, Subject::both(mac, entry.ip), fact))
            }
            (State::Reachable, Some(mac)) => {
                self.set(key, Known { mac, stands: true });
                let fact = Fact::Alive { proof: Proof::NeighbourReachable, age: entry.confirmed };
                Some((entry.interface, Subject::both(mac, entry.ip), fact))
            }
            (State::Stale, Some(mac)) => {
                let new =
                    told == Told::Event && !before.is_some_and(|known| known.stands) && !self.has(entry.interface, mac);
                self.set(key, Known { mac, stands: true });
                let proof = if entry.ip.is_ipv4() { Proof::ArpRequest } else { Proof::NdSolicit };
                let fact = Fact::Alive { proof, age: Duration::ZERO };
                new.then_some((entry.interface, Subject::both(mac, entry.ip), fact))
            }
            _ => None,
        }
    }

    /// The kernel threw the entry out: should it come back, that is news.
    pub fn gone(&mut self, interface: InterfaceId, ip: IpAddr) {
        let key = (interface, ip);
        if let Some(known) = self.known.get(&key).copied() {
            self.set(key, Known { stands: false, ..known });
        }
    }

    /// A listing begins: what it does not name stands no longer.
    pub fn relist(&mut self) {
        let keys: Vec<_> = self.known.iter().map(|(key, _)| *key).collect();
        for key in keys {
            self.gone(key.0, key.1);
        }
    }

    /// Who was last known at `ip`.
    #[must_use]
    pub fn owner(&self, interface: InterfaceId, ip: IpAddr) -> Option<MacAddr> {
        self.known.get(&(interface, ip)).map(|known| known.mac)
    }

    fn has(&self, interface: InterfaceId, mac: MacAddr) -> bool {
        self.standing.contains_key(&(interface, mac))
    }

    fn set(&mut self, key: (InterfaceId, IpAddr), known: Known) {
        if known.stands {
            *self.standing.entry((key.0, known.mac)).or_default() += 1;
        }
        // What had to go for it: the entry before, or the oldest of all.
        let Some(((interface, _), Known { mac, stands: true })) = self.known.insert(key, known) else { return };
        if let Some(count) = self.standing.get_mut(&(interface, mac)) {
            *count -= 1;
            if *count == 0 {
                self.standing.remove(&(interface, mac));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);
    const ETH: InterfaceId = InterfaceId(2);

    fn entry(last: u8, mac: Option<MacAddr>, state: State) -> Entry {
        Entry { interface: ETH, ip: [10, 0, 0, last].into(), mac, state, confirmed: Duration::from_secs(9) }
    }

    fn word(seen: Option<Seen>) -> String {
        match seen {
            None => "-".into(),
            Some((_, _, Fact::Alive { proof, age })) => format!("{proof} {}", age.as_secs()),
            Some((_, subject, Fact::Unanswered { probe })) => format!("no {probe} {}", subject.mac.is_some()),
            Some(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn only_reachable_and_a_new_stale_entry_prove_anything() {
        use State::{Failed, Other, Reachable, Stale};
        use Told::{Event, Listed};
        let other = MacAddr([2, 0, 0, 0, 0, 8]);
        let mut table = Table::default();
        let story: &[(u8, Option<MacAddr>, State, Told, &str)] = &[
            (1, Some(MAC), Stale, Listed, "-"),
            (1, Some(MAC), Stale, Event, "-"),
            (1, Some(MAC), Reachable, Event, "neighbour_reachable 9"),
            (1, Some(MAC), Reachable, Listed, "neighbour_reachable 9"),
            (1, None, Failed, Event, "no arp true"),
            (1, None, Failed, Listed, "-"),
            (9, None, Failed, Event, "-"),
            (2, Some(other), Stale, Event, "arp_request 0"),
            (2, Some(other), Stale, Event, "-"),
            (3, Some(other), Stale, Event, "-"),
            (4, Some(MAC), Other, Event, "-"),
        ];
        for (step, (last, mac, state, told, expected)) in story.iter().enumerate() {
            assert_eq!(word(table.take(&entry(*last, *mac, *state), *told)), *expected, "step {step}");
        }
        table.gone(ETH, [10, 0, 0, 2].into());
        table.gone(ETH, [10, 0, 0, 3].into());
        assert_eq!(word(table.take(&entry(2, Some(other), Stale), Event)), "arp_request 0", "it came back");
        table.gone(ETH, [10, 0, 0, 2].into());
        assert_eq!(word(table.take(&entry(2, None, Failed), Event)), "no arp true", "its owner is still known");
    }

    #[test]
    fn a_listing_makes_what_it_does_not_name_news_again() {
        let mut table = Table::default();
        table.take(&entry(1, Some(MAC), State::Stale), Told::Listed);
        table.relist();
        assert_eq!(word(table.take(&entry(1, Some(MAC), State::Stale), Told::Listed)), "-");
        table.relist();
        assert_eq!(word(table.take(&entry(1, Some(MAC), State::Stale), Told::Event)), "arp_request 0");
    }

    #[test]
    fn a_flood_of_neighbours_is_bounded() {
        let mut table = Table::default();
        for n in 0..50_000u32 {
            let ip = IpAddr::from(n.to_be_bytes());
            table.take(&Entry { ip, ..entry(0, Some(MAC), State::Reachable) }, Told::Listed);
        }
        assert_eq!(table.known.len(), KNOWN_MAX);
        assert_eq!(table.standing.get(&(ETH, MAC)).copied(), u32::try_from(KNOWN_MAX).ok());
        table.relist();
        assert!(table.standing.is_empty(), "nothing is counted that does not stand");
    }
}
