//! # A tag that goes with somebody
//!
//! ## What it finds
//! A tag for lost things, away from its owner, that comes when a person of the household comes and goes when they go.
//! ## Why it matters
//! It lies in a bag or under a car to tell somebody else where they are.
//! ## How it decides
//! A sensor that stands still cannot see who moves with whom; it sees a tag that says that its owner is not near (Find
//! My, Find Hub, SmartTag, the makers' common draft), of each network apart, for its address changes. Arrivals of such a
//! tag (heard after half an hour of silence) within ten minutes of one person's arrival: three over more than a day, and
//! not more than one at another time, are told.
//! ## What fools it
//! Two such tags of one network at once; a tag that is silent for hours; somebody who stays at home. A restart of this
//! program begins anew. A visitor's tag that comes with the visitor matches nobody.
//! ## What to do
//! Look for it with the phone's own search (Apple: Find My, Android: unknown tracker alerts), in bag, coat and car.
//!
//! Holds five networks of tags and 32 persons, with 16 arrivals each.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Capped, Category, Change, Fact, Finding, Findings, Mono, Severity},
};

card!("tracker_following", "A tag that goes with somebody", None);

const NETWORKS_MAX: usize = 5;
const PERSONS_MAX: usize = 32;
const ARRIVALS_MAX: usize = 16;
/// Twice as long as a tag keeps one address; neither is heard through every wall all the time.
const GONE: Duration = Duration::from_secs(1800);
const TOGETHER: Duration = Duration::from_secs(600);
const TIMES_MIN: u32 = 3;
const OTHERWISE_MAX: usize = 1;
const OVER: Duration = Duration::from_secs(86_400);

#[derive(Debug, Clone, Default)]
struct Tags {
    last: Option<Mono>,
    arrivals: VecDeque<Mono>,
}

/// See the page above.
pub struct TrackerFollowing {
    bell: Bell,
    tags: BTreeMap<&'static str, Tags>,
    persons: Capped<String, VecDeque<Mono>>,
}

impl TrackerFollowing {
    #[must_use]
    pub fn new(settings: Settings) -> TrackerFollowing {
        TrackerFollowing { bell: Bell::new(settings), tags: BTreeMap::new(), persons: Capped::new(PERSONS_MAX) }
    }

    fn heard(&mut self, network: &'static str, now: Mono) {
        if self.tags.len() >= NETWORKS_MAX && !self.tags.contains_key(network) {
            return;
        }
        let tags = self.tags.entry(network).or_default();
        if tags.last.is_none_or(|last| now.since(last) >= GONE) {
            remember(&mut tags.arrivals, now);
        }
        tags.last = Some(now);
    }

    /// Whoever came just now, and what came with them each time.
    fn judge(&mut self, context: &Context<'_>, findings: &mut Findings) {
        let least = self.bell.scaled(TIMES_MIN) as usize;
        let mut told = Vec::new();
        for (network, tags) in &self.tags {
            for (person, comes) in self.persons.iter() {
                let with: Vec<&Mono> =
                    tags.arrivals.iter().filter(|at| comes.iter().any(|came| near(**at, *came))).collect();
                let otherwise = tags.arrivals.len() - with.len();
                let (Some(first), Some(last)) = (with.first(), with.last()) else { continue };
                if with.len() >= least && otherwise <= OTHERWISE_MAX && last.since(**first) >= OVER {
                    told.push((*network, person.clone(), with.len()));
                }
            }
        }
        for (network, person, times) in told {
            let finding =
                Finding::new(CARD.id, Category::Wireless, Severity::High, format!("{network} {person}"), context.now)
                    .why("network", network)
                    .why("person", &person)
                    .why("times", times)
                    .technique(&["T1430"])
                    .points(if times > TIMES_MIN as usize { 6.5 } else { 5.0 });
            self.bell.ring(finding, findings);
        }
    }
}

fn near(a: Mono, b: Mono) -> bool {
    a.since(b).max(b.since(a)) <= TOGETHER
}

fn remember(times: &mut VecDeque<Mono>, now: Mono) {
    times.push_back(now);
    if times.len() > ARRIVALS_MAX {
        times.pop_front();
    }
}

impl Detector for TrackerFollowing {
    says!(
        self,
        [Fact, Home],
        self.tags.values().map(|tags| tags.arrivals.len()).sum::<usize>()
            + self.persons.iter().map(|(_, comes)| comes.len()).sum::<usize>()
    );

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let now = context.now.mono;
        match evidence {
            Evidence::Observation(seen) => {
                let Fact::LostTag { network } = seen.fact else { return };
                self.heard(network, now);
            }
            Evidence::Home(Change::PersonMoved { person, home: true, .. }) => {
                if self.persons.get(person).is_none() {
                    self.persons.insert(person.clone(), VecDeque::new());
                }
                if let Some(comes) = self.persons.get_mut(person) {
                    remember(comes, now);
                }
            }
            _ => return,
        }
        self.judge(context, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::Stage,
        model::{DeviceId, Subject, Wall},
    };

    /// Hours at which a person comes, and minutes by which a tag comes with them; hours at which it comes otherwise.
    fn told(comes: &[u64], with: Option<u64>, otherwise: &[u64]) -> usize {
        let mut events: Vec<(u64, bool)> = comes.iter().map(|hour| (hour * 60, true)).collect();
        if let Some(minutes) = with {
            events.extend(comes.iter().map(|hour| (hour * 60 + minutes, false)));
        }
        events.extend(otherwise.iter().map(|hour| (hour * 60, false)));
        events.sort_unstable();
        let mut stage = Stage::new(TrackerFollowing::new(Settings::default()));
        let mut told = 0;
        for (minute, is_person) in events {
            let ms = minute * 60_000;
            told += if is_person {
                let change = Change::PersonMoved {
                    person: "Anna".into(),
                    home: true,
                    first_or_last: true,
                    people_home: 1,
                    device: DeviceId::mint(1, 1),
                    away_s: 3600,
                    at: Wall(0),
                };
                stage.see(Evidence::Home(&change), ms).len()
            } else {
                stage.saw(Subject::default(), Fact::LostTag { network: "find_my" }, ms).len()
            };
        }
        told
    }

    #[test]
    fn a_tag_that_comes_with_somebody_is_told_and_a_neighbours_is_not() {
        let evenings = [18, 42, 66, 90];
        assert!(told(&evenings, Some(3), &[]) > 0);
        assert_eq!(told(&evenings, None, &[1, 9, 20, 30, 48, 70]), 0, "comes and goes as it likes");
        assert_eq!(told(&evenings, Some(3), &[8, 30, 54]), 0, "also when nobody comes");
        assert_eq!(told(&[18, 20, 22], Some(3), &[]), 0, "one evening");
        let always: Vec<u64> = (0..100).collect();
        let hourly = told(&evenings, None, &always);
        assert_eq!(hourly, 0, "always there, heard each hour");
    }
}
