//! # One visit to one device
//!
//! Knocks at its ports, then hears those introduce themselves that may be spoken to. Decides what is next and what
//! came of it; sends nothing itself.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::{
    list::{self, Intro, Todo, USUAL},
    read::Said,
};
use crate::model::{Kind, Port};

/// Connections under way to a device that has not shown yet what it bears: cheap ones hold few.
const AT_ONCE: usize = 4;
/// And at most, to one that answers: each answer makes room for one more, and once it has answered at all, silence
/// does too, because what a firewall drops costs the device nothing. None of them stays open.
const AT_ONCE_MOST: usize = 16;
/// The same over the full range, where nearly all are refused at once.
const AT_ONCE_FULL: usize = 32;
/// Ports without any answer after which the device is left alone.
const PATIENCE: u32 = 8;
/// Open ports from which on it is asked whether anything is refused at all.
const MANY: usize = 20;
/// Open ports that are kept, and asked who they are.
const OPEN_MAX: usize = 64;
/// A handshake on a home network takes milliseconds; a sleeping radio adds a second.
const CONNECT: Duration = Duration::from_millis(1500);
/// In the full range, for a device whose answers were seen to be quick.
const CONNECT_LEAST: Duration = Duration::from_millis(600);

/// What became of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knocked {
    Open,
    Refused,
    Silent,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// A handshake, no more.
    Knock { port: Port, patience: Duration },
    /// A second connection, to hear who it is.
    Meet { port: Port, intro: Intro },
}

/// How much of a device is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Single ports that something was said of.
    Some,
    Usual,
    Full,
}

#[derive(Debug)]
pub struct Visit {
    pub scope: Scope,
    todo: Todo,
    /// Ports that were open before.
    before: BTreeSet<Port>,
    kind: Kind,
    speaks: bool,
    busy: usize,
    at_once: usize,
    pub tried: u32,
    open: BTreeSet<Port>,
    refused: BTreeSet<Port>,
    silent: BTreeSet<Port>,
    unanswered: u32,
    slowest: Option<Duration>,
    opens: usize,
    stopped: bool,
    to_meet: Option<VecDeque<(Port, Intro)>>,
    /// Open ports were handed on before the introductions.
    handed_on: bool,
    said: BTreeMap<Port, Said>,
}

/// What came of a visit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// It answered at all.
    pub answered: bool,
    /// It takes every connection: nothing is learned from that.
    pub everything: bool,
    /// All ports of the scope were tried.
    pub whole: bool,
    pub open: BTreeSet<Port>,
    /// Of those open before: refused now.
    pub refused: BTreeSet<Port>,
    /// Of those open before: silent now, though others answered.
    pub silent: BTreeSet<Port>,
    pub said: BTreeMap<Port, Said>,
}

impl Visit {
    /// `before`: ports that were open; `speaks`: services may be asked who they are.
    #[must_use]
    pub fn new(scope: Scope, todo: Todo, before: BTreeSet<Port>, kind: Kind, speaks: bool) -> Visit {
        Visit {
            scope,
            todo,
            before,
            kind,
            speaks,
            busy: 0,
            at_once: if scope == Scope::Full { AT_ONCE_FULL } else { AT_ONCE },
            tried: 0,
            open: BTreeSet::new(),
            refused: BTreeSet::new(),
            silent: BTreeSet::new(),
            unanswered: 0,
            slowest: None,
            opens: 0,
            stopped: false,
            to_meet: None,
            handed_on: false,
            said: BTreeMap::new(),
        }
    }

    /// The next thing to do, if one more may be done at once; it is then under way.
    pub fn next(&mut self) -> Option<Job> {
        if self.busy >= self.at_once {
            return None;
        }
        if self.to_meet.is_none() {
            if let Some(port) = (!self.stopped).then(|| self.todo.next()).flatten() {
                self.busy += 1;
                self.tried += 1;
                return Some(Job::Knock { port, patience: self.patience() });
            }
            self.end_of_knocks();
        }
        // Introductions one at a time: a busy little server answers the more surely.
        let (port, intro) = (self.busy == 0).then(|| self.to_meet.as_mut()?.pop_front()).flatten()?;
        self.busy += 1;
        Some(Job::Meet { port, intro })
    }

    /// When the last handshake is over, it is known whom to meet.
    fn end_of_knocks(&mut self) {
        if self.to_meet.is_none() && self.busy == 0 && (self.stopped || self.todo.is_empty()) {
            self.to_meet = Some(self.meetings());
        }
    }

    /// Whether [`Visit::next`] is worth a question: there may be something to do at once.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let knocks = self.to_meet.is_none() && !self.stopped && !self.todo.is_empty() && self.busy < self.at_once;
        knocks || (self.busy == 0 && !self.is_over())
    }

    /// A handshake ended after `took`. Whether it is the first answer of the device.
    pub fn knocked(&mut self, port: Port, how: Knocked, took: Duration) -> bool {
        self.busy = self.busy.saturating_sub(1);
        let was_known = self.before.contains(&port);
        if how != Knocked::Silent || self.slowest.is_some() {
            self.at_once = (self.at_once + 1).min(AT_ONCE_MOST).max(self.at_once);
        }
        match how {
            Knocked::Silent => {
                self.unanswered += 1;
                if was_known {
                    self.silent.insert(port);
                }
                self.stopped |= self.slowest.is_none() && self.unanswered >= PATIENCE;
                self.end_of_knocks();
                return false;
            }
            Knocked::Refused if was_known => drop(self.refused.insert(port)),
            Knocked::Refused => {}
            Knocked::Open => {
                self.opens += 1;
                if self.open.len() < OPEN_MAX {
                    self.open.insert(port);
                }
                self.stopped |= self.is_open_to_everything();
            }
        }
        let first = self.slowest.is_none();
        self.slowest = self.slowest.max(Some(took));
        self.end_of_knocks();
        first
    }

    /// What is open, once, as soon as all handshakes are over and some introductions are still to come: those may
    /// take long.
    pub fn found(&mut self) -> Option<BTreeSet<Port>> {
        let is_time = self.to_meet.as_ref().is_some_and(|left| !left.is_empty()) && !self.handed_on;
        self.handed_on |= is_time;
        is_time.then(|| self.open.clone())
    }

    /// A service introduced itself, or did not.
    pub fn met(&mut self, port: Port, said: Option<Said>) {
        self.busy = self.busy.saturating_sub(1);
        if let Some(said) = said {
            self.said.insert(port, said);
        }
    }

    #[must_use]
    pub fn is_over(&self) -> bool {
        self.busy == 0 && self.to_meet.as_ref().is_some_and(VecDeque::is_empty)
    }

    #[must_use]
    pub fn outcome(self) -> Outcome {
        let (answered, everything) = (self.slowest.is_some(), self.is_open_to_everything());
        Outcome {
            answered,
            everything,
            whole: !self.stopped,
            open: if everything { BTreeSet::new() } else { self.open },
            refused: self.refused,
            silent: if answered { self.silent } else { BTreeSet::new() },
            said: self.said,
        }
    }

    /// Tarpits and some firewalls take every connection.
    fn is_open_to_everything(&self) -> bool {
        self.opens >= MANY && self.opens * 2 > self.tried as usize
    }

    fn patience(&self) -> Duration {
        match self.slowest {
            Some(slowest) if self.scope == Scope::Full => (slowest * 4).clamp(CONNECT_LEAST, CONNECT),
            _ => CONNECT,
        }
    }

    fn meetings(&self) -> VecDeque<(Port, Intro)> {
        if !self.speaks || self.is_open_to_everything() {
            return VecDeque::new();
        }
        let is_printer = self.kind == Kind::Printer || self.open.iter().chain(&self.before).any(|p| list::prints(*p));
        // Usual ports first, in their order: their words win where a device has one place for them.
        let usual = USUAL.iter().map(|row| row.0).filter(|port| self.open.contains(port));
        let others = self.open.iter().copied().filter(|port| !USUAL.iter().any(|row| row.0 == *port));
        usual.chain(others).filter_map(|port| Some((port, list::intro(port, is_printer)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(scope: Scope, before: &[Port]) -> Visit {
        let todo = if scope == Scope::Full { Todo::full() } else { Todo::usual() };
        Visit::new(scope, todo, before.iter().copied().collect(), Kind::Unknown, true)
    }

    /// Plays a device; returns what was sent to each port besides handshakes.
    fn play(visit: &mut Visit, device: impl Fn(Port) -> Knocked) -> (u32, Vec<(Port, Intro)>) {
        let (mut under_way, mut met) = (VecDeque::new(), Vec::new());
        while !visit.is_over() {
            while visit.has_room() {
                under_way.push_back(visit.next().expect("room for nothing"));
            }
            match under_way.pop_front() {
                Some(Job::Knock { port, .. }) => drop(visit.knocked(port, device(port), Duration::from_millis(3))),
                Some(Job::Meet { port, intro }) => {
                    met.push((port, intro));
                    visit.met(port, None);
                }
                None => panic!("it waits for nothing: {visit:?}"),
            }
        }
        assert!(visit.next().is_none() && !visit.has_room(), "{visit:?}");
        (visit.tried, met)
    }

    #[test]
    fn handshakes_come_first_and_then_introductions() {
        let mut web = visit(Scope::Usual, &[22]);
        let (tried, met) = play(&mut web, |port| match port {
            80 | 8443 => Knocked::Open,
            22 | 445 => Knocked::Refused,
            _ => Knocked::Silent,
        });
        assert_eq!((tried as usize, met), (USUAL.len(), vec![(80, Intro::Http), (8443, Intro::Https)]));
        let outcome = web.outcome();
        assert!(outcome.answered && outcome.whole && !outcome.everything);
        assert_eq!((outcome.open, outcome.refused), ([80, 8443].into(), [22].into()));
    }

    #[test]
    fn nobody_waits_for_a_device_that_does_not_answer() {
        let mut silent = visit(Scope::Usual, &[80]);
        let (tried, met) = play(&mut silent, |_| Knocked::Silent);
        assert!((8..=11).contains(&tried) && met.is_empty(), "{tried}");
        let outcome = silent.outcome();
        assert!(!outcome.answered && outcome.silent.is_empty(), "silence of the whole device says nothing of a port");
    }

    #[test]
    fn more_connections_are_under_way_only_to_one_that_bears_them() {
        let fill = |visit: &mut Visit| -> Vec<Port> {
            let mut ports = Vec::new();
            while let Some(Job::Knock { port, .. }) = visit.next() {
                ports.push(port);
            }
            ports
        };
        let most = |answer: fn(usize) -> Knocked| {
            let (mut visit, mut under_way, mut most, mut number) = (visit(Scope::Usual, &[]), VecDeque::new(), 0, 0);
            loop {
                under_way.extend(fill(&mut visit));
                most = most.max(under_way.len());
                let Some(port) = under_way.pop_front() else { return most };
                visit.knocked(port, answer(number), Duration::from_millis(3));
                number += 1;
            }
        };
        assert_eq!(most(|_| Knocked::Silent), AT_ONCE, "it has shown nothing");
        assert_eq!(most(|_| Knocked::Refused), AT_ONCE_MOST);
        let firewalled = most(|number| if number == 3 { Knocked::Refused } else { Knocked::Silent });
        assert_eq!(firewalled, AT_ONCE_MOST, "what a firewall drops costs the device nothing");
    }

    #[test]
    fn one_that_takes_everything_is_soon_seen_through_and_asked_nothing() {
        for scope in [Scope::Usual, Scope::Full] {
            let mut tarpit = visit(scope, &[]);
            let (tried, met) = play(&mut tarpit, |_| Knocked::Open);
            let outcome = tarpit.outcome();
            assert!(outcome.everything && outcome.open.is_empty() && tried < 80 && met.is_empty(), "{scope:?} {tried}");
        }
        // It shows late: the usual ports behave.
        let mut late = visit(Scope::Full, &[]);
        let (tried, _) = play(&mut late, |port| if port > 1024 { Knocked::Open } else { Knocked::Refused });
        assert!(late.outcome().everything && tried < 200, "{tried}");
    }

    #[test]
    fn a_server_of_many_things_is_no_tarpit_and_is_bounded() {
        let mut server = visit(Scope::Full, &[]);
        let (tried, met) = play(&mut server, |port| if port % 500 == 22 { Knocked::Open } else { Knocked::Refused });
        assert_eq!(tried, list::ALL);
        let outcome = server.outcome();
        assert!(!outcome.everything && outcome.open.len() == OPEN_MAX && met.len() <= OPEN_MAX);
    }

    #[test]
    fn a_printer_is_spoken_to_at_its_page_alone() {
        let open = |port: Port| {
            if [80, 443, 631, 3000, 8080, 9100].contains(&port) { Knocked::Open } else { Knocked::Refused }
        };
        for (kind, before) in [(Kind::Unknown, vec![]), (Kind::Printer, vec![9100])] {
            let mut printer = Visit::new(Scope::Usual, Todo::usual(), before.into_iter().collect(), kind, true);
            let (_, met) = play(&mut printer, open);
            assert_eq!(met, vec![(80, Intro::Http), (443, Intro::Https)], "{kind}");
        }
        let mut mute = Visit::new(Scope::Usual, Todo::usual(), BTreeSet::new(), Kind::Unknown, false);
        assert!(play(&mut mute, open).1.is_empty(), "introductions are switched off");
    }
}
