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
//! Two such tags of one network at once; a tag that is silent for hours; somebody who stays at home. A visitor's tag
//! that comes with the visitor matches nobody.
//! ## What to do
//! Look for it with the phone's own search (Apple: Find My, Android: unknown tracker alerts), in bag, coat and car.
//!
//! Holds five networks of tags and 32 persons, with 16 arrivals each, kept over a restart.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        kept::{Lines, Stamp, from_wall, stamp, to_wall},
        usual::Bell,
    },
    model::{Capped, Category, Change, Fact, Finding, Findings, Moment, Severity},
    wire::ble::TagKind,
};

card!("tracker_following", "A tag that goes with somebody", None);

const NETWORKS_MAX: usize = 5;
const PERSONS_MAX: usize = 32;
const ARRIVALS_MAX: usize = 16;
/// Twice as long as a tag keeps one address; neither is heard through every wall all the time.
const GONE: Stamp = 1800;
const TOGETHER: u64 = 600;
const TIMES_MIN: u32 = 3;
const OTHERWISE_MAX: usize = 1;
const OVER: Stamp = 86_400;

#[derive(Debug, Clone, Default)]
struct Tags {
    last: Option<Stamp>,
    arrivals: VecDeque<Stamp>,
}

/// See the page above.
pub struct TrackerFollowing {
    bell: Bell,
    tags: BTreeMap<&'static str, Tags>,
    persons: Capped<String, VecDeque<Stamp>>,
}

impl TrackerFollowing {
    #[must_use]
    pub fn new(settings: Settings) -> TrackerFollowing {
        TrackerFollowing { bell: Bell::new(settings), tags: BTreeMap::new(), persons: Capped::new(PERSONS_MAX) }
    }

    fn heard(&mut self, network: &'static str, now: Stamp) {
        if self.tags.len() >= NETWORKS_MAX && !self.tags.contains_key(network) {
            return;
        }
        let tags = self.tags.entry(network).or_default();
        if tags.last.is_none_or(|last| now.saturating_sub(last) >= GONE) {
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
                let with: Vec<&Stamp> =
                    tags.arrivals.iter().filter(|at| comes.iter().any(|came| near(**at, *came))).collect();
                let otherwise = tags.arrivals.len() - with.len();
                let (Some(first), Some(last)) = (with.first(), with.last()) else { continue };
                if with.len() >= least && otherwise <= OTHERWISE_MAX && last.saturating_sub(**first) >= OVER {
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

fn near(a: Stamp, b: Stamp) -> bool {
    a.abs_diff(b) <= TOGETHER
}

/// The network of a line, as one that is known by name for ever.
fn known(network: &str) -> Option<&'static str> {
    use TagKind::{Common, FindHub, FindMy, SmartTag, Tile};
    [FindMy, FindHub, SmartTag, Tile, Common].map(TagKind::word).into_iter().find(|known| *known == network)
}

fn remember(times: &mut VecDeque<Stamp>, now: Stamp) {
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

    /// `tag` network and when it came, or `person` and when they came; a name may hold spaces, so times come first.
    fn learned(&self, now: Moment) -> Option<String> {
        let mut lines = Lines::default();
        let times = |times: &VecDeque<Stamp>| {
            let times: Vec<String> = times.iter().map(|at| to_wall(*at, now).to_string()).collect();
            times.join(",")
        };
        for (network, tags) in &self.tags {
            lines.add(format!("tag {} {network}", times(&tags.arrivals)));
        }
        for (person, comes) in self.persons.iter().filter(|(person, _)| !person.contains('\n')) {
            lines.add(format!("person {} {person}", times(comes)));
        }
        lines.done()
    }

    fn recall(&mut self, lines: &str, now: Moment) {
        for line in lines.lines().take(NETWORKS_MAX + PERSONS_MAX) {
            let mut words = line.splitn(3, ' ');
            let (Some(kind), Some(times), Some(name)) = (words.next(), words.next(), words.next()) else { continue };
            let times = times.split(',').filter_map(|time| from_wall(time.parse().ok()?, now));
            let times: VecDeque<Stamp> = times.take(ARRIVALS_MAX).collect();
            match (kind, known(name)) {
                // It may be here still: the next time it is heard is no arrival unless it was away.
                ("tag", Some(network)) => {
                    let last = times.back().copied();
                    self.tags.insert(network, Tags { last, arrivals: times });
                }
                ("person", _) => drop(self.persons.insert(name.to_owned(), times)),
                _ => {}
            }
        }
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let now = stamp(context.now.mono);
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
        model::{DeviceId, Mono, Subject, Wall},
    };

    /// Hours at which a person comes, and minutes by which a tag comes with them; hours at which it comes otherwise.
    fn told(comes: &[u64], with: Option<u64>, otherwise: &[u64]) -> usize {
        told_over(comes, with, otherwise, None)
    }

    /// With a restart at an hour: of this program, and of the computer.
    fn told_over(comes: &[u64], with: Option<u64>, otherwise: &[u64], restart: Option<u64>) -> usize {
        let mut events: Vec<(u64, bool)> = comes.iter().map(|hour| (hour * 60, true)).collect();
        if let Some(minutes) = with {
            events.extend(comes.iter().map(|hour| (hour * 60 + minutes, false)));
        }
        events.extend(otherwise.iter().map(|hour| (hour * 60, false)));
        events.sort_unstable();
        let mut stage = Stage::new(TrackerFollowing::new(Settings::default()));
        let mut told = 0;
        let mut off = 0;
        for (minute, is_person) in events {
            if let Some(hour) = restart.filter(|hour| minute > hour * 60 && off == 0) {
                let (then, now) = (hour * 3600, 100);
                let moment =
                    |mono: u64| Moment { mono: Mono(mono * 1_000_000_000), wall: Wall(hour as i64 * 3_600_000) };
                let lines = stage.detector.learned(moment(then)).unwrap_or_default();
                stage = Stage::new(TrackerFollowing::new(Settings::default()));
                stage.detector.recall(&lines, moment(now));
                (0..lines.len()).for_each(|end| {
                    TrackerFollowing::new(Settings::default())
                        .recall(lines.get(..end).unwrap_or_default(), moment(now));
                });
                off = (then - now) * 1000;
            }
            let ms = minute * 60_000 - off;
            told += if is_person {
                let change = Change::PersonMoved {
                    person: "Anna".into(),
                    home: true,
                    first_or_last: true,
                    people_home: 1,
                    device: DeviceId::mint(1, 1),
                    away_s: 3600,
                    confidence: None,
                    identity: "fresh",
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
        assert!(told_over(&evenings, Some(3), &[], Some(50)) > 0, "a restart in between");
        assert_eq!(told_over(&evenings, Some(3), &[8, 30, 54], Some(50)), 0);
    }
}
