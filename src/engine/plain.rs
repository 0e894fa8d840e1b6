//! # Plain frames, once in a while
//!
//! That a device sent one more frame is the commonest thing there is to observe, and says nothing that its last frame did
//! not say, but for the time. Of a device that sends many, presence is told [`MANY`] a second; those that follow such a
//! one within [`SOON`] wait, each in place of the one before, until something asks what is known: then the last of them
//! is told, with its own time. That it is in use presence knows by then: what it concludes at any moment is the same.
//!
//! Holds one frame of each of [`PLACES`] senders. Who shares a place pushes the other out, which is told then.

use std::time::Duration;

use crate::model::{Fact, InterfaceId, MacAddr, Moment, Mono, Observation, Proof, Source, Subject, hash_of};

/// A tenth of the shortest time that presence reckons with.
const SOON: Duration = Duration::from_millis(100);
const PLACES: usize = 64;
/// Far more than make a device one that is in use (`presence::departure`: one in 35 s).
const MANY: u32 = 16;
const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
struct Sender {
    subject: Subject,
    interface: Option<InterfaceId>,
    /// When presence was told of it.
    told: Mono,
    /// How often since then.
    since: (u32, Mono),
    /// The last frame, if it was not.
    waits: Option<Moment>,
}

/// See above.
#[derive(Debug, Default)]
pub(super) struct Plain {
    places: Vec<Option<Sender>>,
    /// How many have one that waits.
    waiting: usize,
}

fn observed(sender: &Sender, at: Moment) -> Observation {
    Observation {
        source: Source::Capture,
        interface: sender.interface,
        at,
        subject: sender.subject,
        fact: Fact::Alive { proof: Proof::Frame, age: Duration::ZERO },
    }
}

fn place(mac: MacAddr) -> usize {
    hash_of(&mac) as usize % PLACES
}

/// What is to be done with something that was seen.
pub(super) enum Next {
    /// Nothing: it waits.
    Wait,
    /// Tell it, after what waited of the same place.
    Tell(Option<Observation>),
    /// The same; it is plain, and those that follow may wait if presence knows whose it is.
    TellPlain(Option<Observation>),
}

impl Plain {
    pub fn next(&mut self, seen: &Observation) -> Next {
        let is_plain = seen.source == Source::Capture
            && matches!(seen.fact, Fact::Alive { proof: Proof::Frame, age } if age.is_zero());
        self.follows((seen.subject, seen.interface, seen.at), is_plain)
    }

    /// The same of one that is plain.
    #[inline]
    pub fn next_plain(&mut self, subject: Subject, interface: Option<InterfaceId>, at: Moment) -> Next {
        self.follows((subject, interface, at), true)
    }

    fn follows(&mut self, (subject, interface, at): (Subject, Option<InterfaceId>, Moment), is_plain: bool) -> Next {
        let Some(mac) = subject.mac else { return Next::Tell(None) };
        let Some(slot) = self.places.get_mut(place(mac)) else {
            return if is_plain { Next::TellPlain(None) } else { Next::Tell(None) };
        };
        let Some(sender) = slot.as_mut().filter(|sender| is_plain || sender.subject.mac == Some(mac)) else {
            // What else is said of others leaves this place alone.
            return if is_plain { Next::TellPlain(None) } else { Next::Tell(None) };
        };
        let is_same = is_plain && sender.subject == subject && sender.interface == interface;
        if is_same && sender.since.0 >= MANY && at.mono >= sender.told && at.mono.since(sender.told) < SOON {
            self.waiting += usize::from(sender.waits.is_none());
            sender.waits = Some(at);
            return Next::Wait;
        }
        let waited = sender.waits.take();
        self.waiting -= usize::from(waited.is_some());
        // One that follows at once says the same.
        let before = waited.filter(|before| !is_same || at.mono.since(before.mono) >= SOON);
        let before = before.map(|at| observed(sender, at));
        if !is_same {
            *slot = None;
        }
        if is_plain { Next::TellPlain(before) } else { Next::Tell(before) }
    }

    /// A plain one was told, of a device that presence knows.
    pub fn told(&mut self, seen: &Observation) {
        if self.places.is_empty() {
            self.places = vec![None; PLACES];
        }
        let slot = seen.subject.mac.and_then(|mac| self.places.get_mut(place(mac)));
        if let Some(slot) = slot {
            let (subject, interface, told) = (seen.subject, seen.interface, seen.at.mono);
            let since = match slot {
                Some(known) if told.since(known.since.1) < SECOND => (known.since.0.saturating_add(1), known.since.1),
                _ => (1, told),
            };
            *slot = Some(Sender { subject, interface, told, since, waits: None });
        }
    }

    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Takes out all that waits, for somebody asks.
    pub fn take(&mut self) -> Vec<Observation> {
        self.waiting = 0;
        let mut all: Vec<Observation> = self
            .places
            .iter_mut()
            .flatten()
            .filter_map(|sender| {
                let at = sender.waits.take()?;
                sender.told = at.mono;
                Some(observed(sender, at))
            })
            .collect();
        all.sort_by_key(|seen| (seen.at.mono, seen.subject));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Wall;

    fn seen(who: u8, ms: u64, proof: Proof) -> Observation {
        Observation {
            source: Source::Capture,
            interface: None,
            at: Moment { mono: Mono(ms * 1_000_000), wall: Wall(ms as i64) },
            subject: Subject::mac(MacAddr([2, 0, 0, 0, 0, who])),
            fact: Fact::Alive { proof, age: Duration::ZERO },
        }
    }

    /// What presence is told, in ms.
    fn told(plain: &mut Plain, one: &Observation) -> Vec<i64> {
        let (before, is_plain) = match plain.next(one) {
            Next::Wait => return Vec::new(),
            Next::Tell(before) => (before, false),
            Next::TellPlain(before) => (before, true),
        };
        if is_plain {
            plain.told(one);
        }
        before.iter().chain([one]).map(|seen| seen.at.wall.0).collect()
    }

    #[test]
    fn of_many_the_first_are_told_and_the_last() {
        let mut plain = Plain::default();
        let all: Vec<i64> = (1..=950).flat_map(|ms| told(&mut plain, &seen(7, ms, Proof::Frame))).collect();
        let (first, rest) = all.split_at(16);
        assert_eq!((first.last(), rest), (Some(&16), &[116, 216, 316, 416, 516, 616, 716, 816, 916][..]));
        let last: Vec<i64> = plain.take().iter().map(|seen| seen.at.wall.0).collect();
        assert_eq!((last, plain.is_empty()), (vec![950], true));
    }

    #[test]
    fn what_says_more_comes_after_what_waited_and_few_wait_never() {
        let mut plain = Plain::default();
        (1..=50).for_each(|ms| drop(told(&mut plain, &seen(7, ms, Proof::Frame))));
        assert_eq!(told(&mut plain, &seen(9, 51, Proof::ArpRequest)), [51], "another's");
        assert_eq!(told(&mut plain, &seen(7, 52, Proof::ArpRequest)), [50, 52]);
        assert!(plain.is_empty());
        let slow: Vec<i64> = (0..20).flat_map(|n| told(&mut plain, &seen(8, 1000 + n * 90, Proof::Frame))).collect();
        assert_eq!(slow.len(), 20);
    }
}
