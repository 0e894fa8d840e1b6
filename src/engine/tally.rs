//! # How many the sweeps found
//!
//! A sweep hears nothing itself: its answers are frames and neighbour entries, heard by others. So the
//! core counts them: whoever answered a question of that kind since the round before, until shortly
//! after this one was sent.

use std::{collections::BTreeSet, time::Duration};

use crate::model::{DeviceId, Fact, Mono, Observation, Proof, ScannerView, Source};

/// Answers to a round come within this time of its end.
const ANSWERS: Duration = Duration::from_secs(10);

/// The sweeps that are counted for.
#[derive(Debug, Default)]
pub(super) struct Tally {
    arp: Round,
    nd: Round,
}

/// One sweep's answers.
#[derive(Debug, Default)]
struct Round {
    /// Never more than there are devices.
    answered: BTreeSet<DeviceId>,
    /// When the round ended whose answers are still coming in.
    ended: Option<Mono>,
    shown: u64,
}

impl Tally {
    /// `device` answered `sweep`.
    pub fn saw(&mut self, sweep: Source, device: DeviceId, now: Mono) {
        if let Some(round) = self.of(sweep) {
            round.close(now);
            round.answered.insert(device);
        }
    }

    /// A scanner's line came: a round is over.
    pub fn round(&mut self, line: &ScannerView, now: Mono) {
        if let Some(round) = line.name.parse().ok().and_then(|source| self.of(source)) {
            round.close(now);
            round.ended.get_or_insert(now);
        }
    }

    /// Puts the counts into the lines of sweeps, which do not count themselves.
    pub fn fill(&mut self, lines: &mut [ScannerView], now: Mono) {
        for line in lines {
            if let Some(round) = line.name.parse().ok().and_then(|source| self.of(source)) {
                round.close(now);
                // Before the first count is closed, the running one is better than none.
                line.seen = if round.shown > 0 { round.shown } else { round.answered.len() as u64 };
            }
        }
    }

    /// Entries of each table.
    pub fn sizes(&self) -> [(&'static str, usize); 2] {
        [("tally.arp", self.arp.answered.len()), ("tally.nd", self.nd.answered.len())]
    }

    fn of(&mut self, source: Source) -> Option<&mut Round> {
        match source {
            Source::ArpSweep => Some(&mut self.arp),
            Source::NdSweep => Some(&mut self.nd),
            _ => None,
        }
    }
}

impl Round {
    fn close(&mut self, now: Mono) {
        if self.ended.take_if(|ended| now.since(*ended) >= ANSWERS).is_some() {
            self.shown = std::mem::take(&mut self.answered).len() as u64;
        }
    }
}

/// Which sweep's question it answers, if one's.
pub(super) fn asked_by(observation: &Observation) -> Option<Source> {
    let Fact::Alive { proof, .. } = &observation.fact else { return None };
    let is_v6 = observation.subject.ip.is_some_and(|ip| ip.is_ipv6());
    match (proof, observation.source) {
        (_, source @ (Source::ArpSweep | Source::NdSweep)) => Some(source),
        (Proof::ArpReply, _) => Some(Source::ArpSweep),
        (Proof::NdAdvert, _) => Some(Source::NdSweep),
        // The echo to everybody is answered from link-local addresses.
        (Proof::IcmpReply, Source::Capture) if is_v6 => Some(Source::NdSweep),
        (Proof::NeighbourReachable, _) => Some(if is_v6 { Source::NdSweep } else { Source::ArpSweep }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Health, Moment, Subject, Wall};

    fn at(s: u64) -> Mono {
        Mono(s * 1_000_000_000)
    }

    fn answer(source: Source, proof: Proof, ip: &str) -> Observation {
        let subject = Subject::ip(ip.parse().expect("an address"));
        let at = Moment { mono: at(0), wall: Wall(0) };
        Observation { source, interface: None, at, subject, fact: Fact::Alive { proof, age: Duration::ZERO } }
    }

    fn line(name: &str) -> ScannerView {
        ScannerView { name: name.into(), health: Health::Up, seen: 7, sent: 0, last_success: None }
    }

    #[test]
    fn an_answer_belongs_to_the_sweep_that_asks_so() {
        let cases = [
            (Source::Capture, Proof::ArpReply, "192.168.7.9", Some(Source::ArpSweep)),
            (Source::ArpSweep, Proof::NeighbourReachable, "192.168.7.9", Some(Source::ArpSweep)),
            (Source::Netlink, Proof::NeighbourReachable, "192.168.7.9", Some(Source::ArpSweep)),
            (Source::Netlink, Proof::NeighbourReachable, "fe80::9", Some(Source::NdSweep)),
            (Source::Capture, Proof::NdAdvert, "fe80::9", Some(Source::NdSweep)),
            (Source::Capture, Proof::IcmpReply, "fe80::9", Some(Source::NdSweep)),
            (Source::Icmp, Proof::IcmpReply, "192.168.7.9", None),
            (Source::Capture, Proof::ArpAnnounce, "192.168.7.9", None),
            (Source::Capture, Proof::Frame, "fe80::9", None),
        ];
        for (source, proof, ip, sweep) in cases {
            assert_eq!(asked_by(&answer(source, proof, ip)), sweep, "{source:?} {proof:?} {ip}");
        }
    }

    #[test]
    fn a_round_is_counted_when_its_answers_are_in() {
        let (mut tally, mut lines) = (Tally::default(), [line("arp_sweep"), line("icmp")]);
        let seen = |tally: &mut Tally, lines: &mut [ScannerView], now| {
            tally.fill(lines, at(now));
            lines[0].seen
        };
        let id = |n| DeviceId::mint(1, n);
        let reply = Source::ArpSweep;
        tally.saw(reply, id(1), at(1));
        tally.round(&lines[0], at(2));
        tally.saw(reply, id(2), at(3));
        tally.saw(reply, id(2), at(4));
        assert_eq!(seen(&mut tally, &mut lines, 5), 2, "already before the first count is closed");
        tally.saw(reply, id(3), at(60));
        assert_eq!(seen(&mut tally, &mut lines, 60), 2, "the next round's");
        tally.round(&lines[0], at(120));
        tally.saw(reply, id(1), at(121));
        assert_eq!(seen(&mut tally, &mut lines, 121), 2, "answers still come in");
        assert_eq!(seen(&mut tally, &mut lines, 131), 2, "1 and 3");
        tally.round(&lines[0], at(240));
        assert_eq!(seen(&mut tally, &mut lines, 251), 0, "nobody is left");
        assert_eq!(lines[1].seen, 7, "who counts by itself is left alone");
    }
}
