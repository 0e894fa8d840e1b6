//! # WS-Discovery
//!
//! ## What it finds
//! Windows computers, printers and scanners, ONVIF cameras, and Samba servers that run `wsdd`: name, maker, model,
//! work group.
//! ## What it sends
//! Two searches to the group 239.255.255.250, port 3702, every half an hour by default; announcements are heard at
//! once. Whoever leaves its address out of its answer is asked for it once, by the same group. One question over HTTP to
//! each new device, and again after six hours; cameras say enough without.
//! ## What it needs
//! No rights, but multicast must reach this host.
//! ## How it decides
//! As for SSDP: only the address that answered is asked, without a redirect, within five seconds and 64 KiB.
//! ## What fools it
//! A device that lies about its name. Windows answers on networks it calls private only.
//!
//! Holds: [`KNOWN_MAX`] devices; of one address at most [`PER_HOST_MAX`] questions a round.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};

use super::{
    Desk, ScanError, Work,
    fetch::{Ask, FetchError, fetch},
    groups::{self, Group, Said},
    page::page,
    timed::timed,
};
use crate::{
    model::{Capped, Card, Fact, Heard, InterfaceId, Mono, NetworkFacts, Probe, Proof, Source, Span, Subject},
    wire::{
        http::Place,
        wsd::{self, Match, Metadata, Wanted},
    },
};

pub(super) static CARD: Card = Card { id: "wsd", title: "WS-Discovery", needs: None, page: page!("wsd.rs") };
pub(super) const SOURCE: Source = Source::Wsd;
pub(super) const PROBES: &[Probe] = &[];

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
const KNOWN_MAX: usize = 1024;
const PER_HOST_MAX: u32 = 4;
/// Messages of one address looked at in a round.
const MESSAGES_MAX: u32 = 32;
const FETCHES_MAX: usize = 4;
const QUEUE_MAX: usize = 256;
const HOLDS: Duration = Duration::from_secs(6 * 3600);
/// A device that did not answer is asked again after this.
const RETRY: Duration = Duration::from_secs(15 * 60);
/// Devices spread their answers over half a second (WS-Discovery, APP_MAX_DELAY); the question over HTTP follows.
const ANSWERS: Duration = Duration::from_secs(4);
/// And for the answer to where it is, and what it is.
const RESOLVED: Duration = Duration::from_secs(2);

timed! {
    /// `scanners.wsd`.
    Settings
    /// How often devices are searched for. Announcements are heard at once.
    interval: Span::minutes(30)
}

pub(super) async fn run(_: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let mut group = Group::open(GROUP, wsd::PORT, &desk.network())?;
    let mut known = Known {
        due: Capped::new(KNOWN_MAX),
        queue: Vec::new(),
        asked: Capped::new(KNOWN_MAX),
        to_resolve: Vec::new(),
        counts: BTreeMap::new(),
        seen: BTreeSet::new(),
    };
    let mut fetches = FuturesUnordered::new();
    loop {
        while fetches.len() < FETCHES_MAX
            && let Some(next) = known.queue.pop()
        {
            fetches.push(async move {
                let question = wsd::get(&uuid::Uuid::now_v7().to_string(), &next.endpoint);
                let headers = "Content-Type: application/soap+xml\r\n";
                let body = fetch(next.ip, &next.place, &Ask { headers, body: Some(&question), faults: false }).await;
                (next, body)
            });
        }
        while let Some(endpoint) = known.to_resolve.pop() {
            if !desk.pace(group.voices()).await? {
                return Ok(());
            }
            group.say(wsd::resolve(&uuid::Uuid::now_v7().to_string(), &endpoint).as_bytes()).await;
            desk.stay(RESOLVED);
        }
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Round) => {
                    let voices = group.renew(&desk.network());
                    desk.done(std::mem::take(&mut known.seen).len() as u64);
                    known.counts.clear();
                    desk.health(groups::health(voices));
                    desk.stay(ANSWERS);
                    for wanted in [Wanted::Device, Wanted::Camera] {
                        if !desk.pace(group.voices()).await? {
                            return Ok(());
                        }
                        group.say(wsd::probe(&uuid::Uuid::now_v7().to_string(), wanted).as_bytes()).await;
                    }
                }
                Some(Work::Look(_)) => {}
            },
            Some((next, body)) = fetches.next(), if !fetches.is_empty() => known.told(&next, body, &mut desk).await?,
            said = group.next() => known.hear(&said, &mut desk).await?,
        }
    }
}

/// A device to be asked.
#[derive(Debug, Clone)]
struct Next {
    ip: IpAddr,
    interface: Option<InterfaceId>,
    place: Place,
    endpoint: String,
}

struct Known {
    due: Capped<(IpAddr, Place), Mono>,
    queue: Vec<Next>,
    /// Endpoints that did not say where they are, and when they may be asked again.
    asked: Capped<(IpAddr, String), Mono>,
    to_resolve: Vec<String>,
    /// Of each address this round: messages, questions.
    counts: BTreeMap<IpAddr, (u32, u32)>,
    seen: BTreeSet<IpAddr>,
}

impl Known {
    async fn hear(&mut self, said: &Said, desk: &mut Desk) -> Result<(), ScanError> {
        let (ip, now) = (said.from.ip(), desk.now().mono);
        let Some(heard) = read(said, &desk.network()) else { return Ok(()) };
        if self.counts.len() >= KNOWN_MAX && !self.counts.contains_key(&ip) {
            return Ok(());
        }
        let counts = self.counts.entry(ip).or_default();
        counts.0 += 1;
        if counts.0 > MESSAGES_MAX {
            return Ok(());
        }
        self.seen.insert(ip);
        // It spoke a moment ago, also to say goodbye.
        let alive = Fact::Alive { proof: Proof::Frame, age: Duration::ZERO };
        desk.report(said.interface, Subject::ip(ip), alive).await?;
        if heard.is_bye {
            return Ok(());
        }
        for fact in facts(&heard) {
            desk.report(said.interface, Subject::ip(ip), fact).await?;
        }
        // Cameras want a password for more, and have said it all.
        if !heard.name.is_empty() {
            return Ok(());
        }
        if heard.addresses.is_empty() {
            let key = (ip, heard.endpoint.clone());
            let is_due = self.asked.get(&key).is_none_or(|due| now >= *due);
            if is_due && counts.1 < PER_HOST_MAX && self.to_resolve.len() < QUEUE_MAX {
                counts.1 += 1;
                self.asked.insert(key, now + RETRY);
                self.to_resolve.push(heard.endpoint);
            }
            return Ok(());
        }
        let Some(place) = heard.addresses.iter().find_map(|url| Place::on(ip, url.as_bytes())) else {
            return Ok(());
        };
        let key = (ip, place.clone());
        let is_full = counts.1 >= PER_HOST_MAX || self.queue.len() >= QUEUE_MAX;
        if is_full || self.due.get(&key).is_some_and(|due| now < *due) {
            return Ok(());
        }
        counts.1 += 1;
        self.due.insert(key, now + RETRY);
        self.queue.push(Next { ip, interface: said.interface, place, endpoint: heard.endpoint });
        Ok(())
    }

    async fn told(&mut self, next: &Next, body: Result<Vec<u8>, FetchError>, desk: &mut Desk) -> Result<(), ScanError> {
        let metadata = match body {
            Ok(body) => Metadata::read(&body).map_err(|fault| format!("{fault:?}")),
            Err(error) => Err(error.to_string()),
        };
        match metadata {
            Ok(metadata) => {
                self.due.insert((next.ip, next.place.clone()), desk.now().mono + HOLDS);
                for fact in details(&metadata) {
                    desk.report(next.interface, Subject::ip(next.ip), fact).await?;
                }
            }
            Err(why) => tracing::debug!(ip = %next.ip, why, "no metadata"),
        }
        Ok(())
    }
}

fn read(said: &Said, network: &NetworkFacts) -> Option<Match> {
    let ip = said.from.ip();
    if !network.is_attached(ip) || network.is_own_ip(ip) {
        return None;
    }
    Match::read(&said.bytes)
}

fn label(key: &'static str, value: &str) -> Option<Fact> {
    (!value.is_empty()).then(|| Fact::Label { key, value: value.to_owned() })
}

fn facts(heard: &Match) -> Vec<Fact> {
    let mut facts = Vec::new();
    // `Device` says nothing; the others say what it is.
    let telling = heard.types.iter().find(|kind| *kind != "Device");
    facts.extend(telling.and_then(|kind| label("wsd_type", kind)));
    facts.extend(label("wsd_model", &heard.hardware));
    if !heard.name.is_empty() {
        facts.push(Fact::Named { name: heard.name.clone(), by: Heard::Ssdp });
    }
    facts
}

fn details(metadata: &Metadata) -> Vec<Fact> {
    let mut facts = Vec::new();
    if !metadata.computer.is_empty() {
        // The friendly name of a computer is its program's.
        facts.push(Fact::Named { name: metadata.computer.clone(), by: Heard::Netbios });
        facts.extend(label("workgroup", &metadata.group));
        return facts;
    }
    if !metadata.name.is_empty() {
        facts.push(Fact::Named { name: metadata.name.clone(), by: Heard::Ssdp });
    }
    facts.extend(label("manufacturer", &metadata.maker));
    facts.extend(label("wsd_model", &metadata.model));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computers_cameras_and_printers_say_what_they_are() {
        let computer = Metadata {
            name: "WSD host".into(),
            maker: "Some program".into(),
            computer: "ATTIC".into(),
            group: "HOME".into(),
            ..Metadata::default()
        };
        assert_eq!(
            details(&computer),
            [
                Fact::Named { name: "ATTIC".into(), by: Heard::Netbios },
                Fact::Label { key: "workgroup", value: "HOME".into() }
            ]
        );
        let printer = Metadata { name: "Laser".into(), model: "M1".into(), ..Metadata::default() };
        assert_eq!(details(&printer).len(), 2);
        let camera = Match {
            types: vec!["Device".into(), "NetworkVideoTransmitter".into()],
            name: "Front door".into(),
            ..Match::default()
        };
        assert_eq!(facts(&camera).len(), 2);
        assert!(facts(&Match { types: vec!["Device".into()], ..Match::default() }).is_empty());
    }
}
