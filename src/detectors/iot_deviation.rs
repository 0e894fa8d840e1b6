//! # A simple thing does what it never does
//!
//! ## What it finds
//! A plug, a lamp, a camera or another thing of one purpose that logs in to neighbours, chats where bots meet, or calls
//! where it never called.
//! ## Why it matters
//! Such things call their maker and nobody else, all their life. What is taken over shows by the first thing it does
//! besides.
//! ## How it decides
//! Of things whose kind is known. At once: a connection, accepted, to a port of remote control (SSH, Telnet, remote
//! desktop, Windows' files unless it is a camera that keeps its pictures there) or of IRC is medium. After seven days
//! of which it was heard on three: more than 10 KiB with a place (a domain looked up, or a network and port) it never
//! spoke with; medium while it knows fewer than ten places, noted below thirty, and nothing above.
//! ## What fools it
//! Whoever speaks with the maker's own cloud. A new cloud of the maker's under another domain.
//! ## What to do
//! Look whom it speaks with. If that is its maker, add the address to `exempt`. If not, disconnect and reset it.
//!
//! Needs a mirror port or the router. Holds 256 things with 32 places each, kept over a restart.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
    time::Duration,
};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        kept::{Lines, next},
        usual::Bell,
    },
    model::{Capped, Category, DeviceId, Finding, Findings, Kind, KindGroup, Moment, Mono, Port, Severity, is_private},
    traffic::{Talkers, What},
};

card!("iot_deviation", "A simple thing does what it never does");

const THINGS_MAX: usize = 256;
const PLACES_MAX: usize = 32;
const FEW: usize = 10;
const LEARNS_DAYS: u64 = 7;
const DAY: Duration = Duration::from_secs(86_400);
const DAYS_MIN: u32 = 3;
const MUCH: u64 = 10 * 1024;
/// SSH, Telnet, endpoint mapper, remote desktop, Windows' remote management, VNC; IRC.
const CONTROL: [Port; 11] = [22, 23, 2222, 2323, 135, 3389, 5900, 5985, 6660, 6667, 6697];
/// NetBIOS sessions and SMB: cameras keep their pictures in a store.
const FILES: [Port; 2] = [139, 445];

#[derive(Debug, Clone)]
struct Thing {
    since: Mono,
    /// Days it was known for before this run.
    before: u64,
    /// Days it was heard on, and the last of them.
    days: (u32, u64),
    places: BTreeSet<u64>,
}

/// See the page above.
pub struct IotDeviation {
    bell: Bell,
    things: Capped<DeviceId, Box<Thing>>,
}

impl IotDeviation {
    #[must_use]
    pub fn new(settings: Settings) -> IotDeviation {
        IotDeviation { bell: Bell::new(settings), things: Capped::new(THINGS_MAX) }
    }

    fn spoke(&mut self, device: DeviceId, talk: &Talkers, context: &Context<'_>, findings: &mut Findings) {
        let now = context.now.mono;
        let day = now.0 / 86_400_000_000_000;
        if self.things.get(&device).is_none() {
            self.things
                .insert(device, Box::new(Thing { since: now, before: 0, days: (1, day), places: BTreeSet::new() }));
        }
        let place = place(talk, context);
        let Some(thing) = self.things.get_mut(&device) else { return };
        if thing.days.1 != day {
            thing.days = (thing.days.0 + 1, day);
        }
        let is_learned = thing.known_for(now) >= LEARNS_DAYS && thing.days.0 >= DAYS_MIN;
        let known = thing.places.len();
        if known >= PLACES_MAX || talk.bytes.iter().sum::<u64>() < MUCH && is_learned || !thing.places.insert(place) {
            return;
        }
        if !is_learned {
            return;
        }
        let (severity, points) = if known < FEW { (Severity::Medium, 5.0) } else { (Severity::Info, 5.0) };
        self.tell((device, "a place it never spoke with"), talk, (severity, points), context, findings);
    }

    fn tell(
        &mut self,
        (device, sign): (DeviceId, &'static str),
        talk: &Talkers,
        (severity, points): (Severity, f32),
        context: &Context<'_>,
        findings: &mut Findings,
    ) {
        let key = format!("{device} {}:{}", talk.server.ip, talk.server.port);
        let finding = Finding::new(CARD.id, Category::Malware, severity, key, context.now)
            .by(talk.client.party())
            .against(talk.server.party())
            .why("device_kind", context.who.kind(device).noun())
            .why("destination", talk.server.ip)
            .why("port", talk.server.port)
            .why("sign", sign)
            .technique(&["T1071"])
            .points(points);
        self.bell.ring(finding, findings);
    }
}

impl Thing {
    /// In days.
    fn known_for(&self, now: Mono) -> u64 {
        self.before.saturating_add(now.since(self.since).as_secs() / DAY.as_secs())
    }
}

/// Places are digests; those of another build of this program may be others. This one tells.
fn mark() -> u64 {
    let mut hasher = DefaultHasher::new();
    (0, "mark").hash(&mut hasher);
    hasher.finish()
}

/// Things of one purpose. Speakers, televisions and computers do what people want of them.
fn is_simple(kind: Kind) -> bool {
    matches!(kind.group(), KindGroup::Home | KindGroup::Security) && kind != Kind::Hub
}

/// Where a conversation goes: the domain that was looked up for it, or the network, and the port.
fn place(talk: &Talkers, context: &Context<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    let network = match talk.server.ip {
        IpAddr::V4(ip) => u64::from(u32::from(ip) >> 8),
        IpAddr::V6(ip) => (u128::from(ip) >> 80) as u64,
    };
    match context.neighbours.domain(talk.server.ip) {
        Some(domain) => (0, domain).hash(&mut hasher),
        None => (1, network, talk.server.port, talk.protocol).hash(&mut hasher),
    }
    hasher.finish()
}

impl Detector for IotDeviation {
    says!(self, [Completed, Size], self.things.iter().map(|(_, thing)| 1 + thing.places.len()).sum::<usize>());

    /// Thing, days it is known for, days it was heard on, places.
    fn learned(&self, now: Moment) -> Option<String> {
        let mut lines = Lines::default();
        if self.things.iter().next().is_some() {
            lines.add(mark());
        }
        for (device, thing) in self.things.iter() {
            let places: Vec<String> = thing.places.iter().map(u64::to_string).collect();
            lines.add(format!("{device} {} {} {}", thing.known_for(now.mono), thing.days.0, places.join(" ")));
        }
        lines.done()
    }

    fn recall(&mut self, lines: &str, now: Moment) {
        let mut lines = lines.lines();
        if lines.next().and_then(|line| line.parse().ok()) != Some(mark()) {
            return;
        }
        for line in lines.take(THINGS_MAX) {
            let mut words = line.split_whitespace();
            let (Some(device), Some(before), Some(days)) = (next(&mut words), next(&mut words), next(&mut words))
            else {
                continue;
            };
            let places = words.filter_map(|word| word.parse().ok()).take(PLACES_MAX).collect();
            let today = now.mono.0 / 86_400_000_000_000;
            self.things.insert(device, Box::new(Thing { since: now.mono, before, days: (days, today), places }));
        }
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let talk = &noticed.talk;
        let is_over = matches!(noticed.what, What::Closed { .. } | What::Grew);
        if !is_over && noticed.what != What::Completed {
            return;
        }
        let Some(device) = talk.client.mac.and_then(|mac| context.who.by_mac(mac)) else { return };
        let kind = context.who.kind(device);
        if !is_simple(kind) || talk.server.ip.is_multicast() || !talk.is_sure {
            return;
        }
        let port = talk.server.port;
        let keeps_files = matches!(kind, Kind::Camera | Kind::Doorbell);
        if noticed.what == What::Completed {
            if CONTROL.contains(&port) || FILES.contains(&port) && !keeps_files {
                let sign = if is_private(talk.server.ip) { "remote control of a neighbour" } else { "remote control" };
                self.tell((device, sign), talk, (Severity::Medium, 5.0), context, findings);
            }
        } else {
            self.spoke(device, talk, context, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::{ACK, FIN, SYN, Stage, between, ip, mac, segment},
        model::Trust,
    };

    fn call(stage: &mut Stage<IotDeviation>, to: ([u8; 6], [u8; 4], u16), much: usize, ms: u64) -> Vec<Severity> {
        let (me, other, port) = ((mac(9), ip(9)), (to.0, to.1), 40_000 + (ms / 1000 % 20_000) as u16);
        let said = vec![b'x'; much];
        [
            (true, segment(port, to.2, SYN, 1, b"")),
            (false, segment(to.2, port, SYN | ACK, 1, b"")),
            (true, segment(port, to.2, ACK, 2, &said)),
            (true, segment(port, to.2, FIN | ACK, 2 + much as u32, b"")),
            (false, segment(to.2, port, FIN | ACK, 2, b"")),
        ]
        .iter()
        .flat_map(|(mine, bytes)| {
            let (from, to) = if *mine { (me, other) } else { (other, me) };
            stage.frame(&between(from, to, 6, bytes), ms)
        })
        .map(|finding| finding.severity)
        .collect()
    }

    fn home(kind: Kind) -> Stage<IotDeviation> {
        Stage::new(IotDeviation::new(Settings::default())).with(9, kind, Trust::Unknown)
    }

    #[test]
    fn a_plug_that_logs_in_is_told_and_a_computer_is_not() {
        let nas = (mac(5), ip(5), 22);
        assert_eq!(call(&mut home(Kind::Plug), nas, 10, 1000), [Severity::Medium]);
        assert!(call(&mut home(Kind::Laptop), nas, 10, 1000).is_empty());
        let store = (mac(5), ip(5), 445);
        assert!(call(&mut home(Kind::Camera), store, 10, 1000).is_empty(), "its pictures");
        assert_eq!(call(&mut home(Kind::Light), store, 10, 1000), [Severity::Medium]);
        assert!(call(&mut home(Kind::Plug), (mac(5), ip(5), 80), 10, 1000).is_empty());
    }

    #[test]
    fn what_it_knew_of_a_thing_survives_a_restart() {
        const DAY: u64 = 86_400_000;
        let (maker, other) = ((mac(1), [47, 91, 92, 1], 8883), (mac(1), [203, 0, 113, 9], 443));
        let mut stage = home(Kind::Camera);
        for day in 0..8 {
            call(&mut stage, maker, 20_000, day * DAY + 1000);
        }
        let then = Moment { mono: Mono(8 * DAY * 1_000_000), wall: crate::model::Wall(0) };
        let lines = stage.detector.learned(then).expect("it learned");
        let run = |lines: &str| -> (usize, Vec<Severity>) {
            let mut again = home(Kind::Camera);
            again.detector.recall(lines, Moment::default());
            (call(&mut again, maker, 20_000, 1000).len(), call(&mut again, other, 20_000, 60_000))
        };
        assert_eq!(run(&lines), (0, vec![Severity::Medium]));
        let (_, told) = run(&lines.replacen(|c: char| c.is_ascii_digit(), "x", 1));
        assert!(told.is_empty(), "of another build");
        for end in 0..lines.len() {
            run(&lines[..end]);
        }
    }

    #[test]
    fn a_new_place_counts_after_a_week() {
        const DAY: u64 = 86_400_000;
        let (maker, other) = ((mac(1), [47, 91, 92, 1], 8883), (mac(1), [203, 0, 113, 9], 443));
        let mut stage = home(Kind::Camera);
        for day in 0..9 {
            assert!(call(&mut stage, maker, 20_000, day * DAY + 1000).is_empty());
        }
        assert!(call(&mut stage, other, 500, 9 * DAY).is_empty(), "a few words");
        assert_eq!(call(&mut stage, other, 20_000, 9 * DAY + 60_000), [Severity::Medium]);
        assert!(call(&mut stage, other, 20_000, 9 * DAY + 120_000).is_empty(), "known now");
        let mut young = home(Kind::Camera);
        assert!(call(&mut young, maker, 20_000, 1000).is_empty() && call(&mut young, other, 20_000, DAY).is_empty());
    }
}
