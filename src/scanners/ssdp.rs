//! # SSDP and UPnP
//!
//! ## What it finds
//! Televisions, speakers, media servers, routers, printers, hubs and consoles: the name people gave them, maker,
//! model and type.
//! ## What it sends
//! Two searches for root devices to the group 239.255.255.250, every ten minutes by default; announcements are
//! heard at once. One HTTP request for each new description, and again after six hours.
//! ## What it needs
//! No rights, but multicast must reach this host; it shares port 1900 with other programs.
//! ## How it decides
//! A device speaks for itself alone: a description is fetched only from the address that answered, without a
//! redirect, within five seconds and 64 KiB, and a document that brings definitions of its own is refused.
//! ## What fools it
//! A device that lies about its name or model; several programs on one computer, each a "device" of its own.
//!
//! Holds: [`KNOWN_MAX`] descriptions; of one address at most [`PER_HOST_MAX`].

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
    model::{
        Capped, Card, Fact, Goodbye, Heard, InterfaceId, Mono, NetworkFacts, Port, Probe, Proof, Source, Span, Subject,
    },
    wire::{
        http::Place,
        ssdp::{self, Kind, Ssdp},
        upnp::Description,
    },
};

pub(super) static CARD: Card = Card { id: "ssdp", title: "SSDP and UPnP", needs: None, page: page!("ssdp.rs") };
pub(super) const SOURCE: Source = Source::Ssdp;
pub(super) const PROBES: &[Probe] = &[];

pub(super) const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
/// Devices spread their answers over so many seconds (UPnP Device Architecture 2.0 §1.3.2).
pub(super) const MX_S: u64 = 2;
/// Descriptions remembered as fetched.
const KNOWN_MAX: usize = 1024;
/// Descriptions of one address in a round: a home server has a few, a liar thousands.
const PER_HOST_MAX: u32 = 8;
/// Messages of one address looked at in a round.
const MESSAGES_MAX: u32 = 64;
/// Fetched at the same time.
const FETCHES_MAX: usize = 4;
/// Waiting to be fetched; beyond it they wait for the next announcement.
const QUEUE_MAX: usize = 256;
/// What was fetched holds for so long; devices announce themselves every half an hour or so.
const HOLDS: Duration = Duration::from_secs(6 * 3600);
/// A description that could not be had is tried again after this.
const RETRY: Duration = Duration::from_secs(15 * 60);

timed! {
    /// `scanners.ssdp`.
    Settings
    /// How often devices are searched for. Announcements are heard at once.
    interval: Span::minutes(10)
}

pub(super) async fn run(settings: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let _ = settings;
    let mut group = Group::open(GROUP, ssdp::PORT, &desk.network())?;
    let mut known = Known::new();
    let mut fetches = FuturesUnordered::new();
    loop {
        while fetches.len() < FETCHES_MAX
            && let Some(next) = known.queue.pop()
        {
            fetches.push(async move {
                let body = fetch(next.ip, &next.place, &Ask::default()).await;
                (next, body)
            });
        }
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Round) => {
                    let voices = group.renew(&desk.network());
                    desk.done(std::mem::take(&mut known.seen).len() as u64);
                    known.messages.clear();
                    desk.health(groups::health(voices));
                    if !search(&group, &mut desk).await? {
                        return Ok(());
                    }
                }
                Some(Work::Look(_)) => {}
            },
            Some((next, body)) = fetches.next(), if !fetches.is_empty() => known.told(&next, body, &mut desk).await?,
            said = group.next() => known.hear(&said, &mut desk).await?,
        }
    }
}

/// "Who is a `target`?"
pub(super) fn question(target: &str) -> String {
    format!(
        "M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}:{}\r\nMAN: \"ssdp:discover\"\r\nMX: {MX_S}\r\nST: {target}\r\n\
         USER-AGENT: Linux UPnP/1.1 porchlight/{}\r\n\r\n",
        ssdp::PORT,
        env!("CARGO_PKG_VERSION"),
    )
}

/// Twice, as UDP loses one now and then. `false`: the run ends.
async fn search(group: &Group, desk: &mut Desk) -> Result<bool, ScanError> {
    let message = question("upnp:rootdevice");
    // Answers take MX seconds, and the descriptions some time more.
    desk.stay(Duration::from_secs(MX_S + 4));
    for _ in 0..2 {
        if !desk.pace(group.voices()).await? {
            return Ok(false);
        }
        group.say(message.as_bytes()).await;
    }
    Ok(true)
}

/// A description to be fetched.
#[derive(Debug, Clone)]
struct Next {
    ip: IpAddr,
    interface: Option<InterfaceId>,
    place: Place,
}

struct Known {
    /// When a description is to be fetched again.
    due: Capped<(IpAddr, Place), Mono>,
    queue: Vec<Next>,
    /// Of each address this round: messages, descriptions.
    messages: BTreeMap<IpAddr, (u32, u32)>,
    seen: BTreeSet<IpAddr>,
    refused: u64,
}

impl Known {
    fn new() -> Known {
        Known {
            due: Capped::new(KNOWN_MAX),
            queue: Vec::new(),
            messages: BTreeMap::new(),
            seen: BTreeSet::new(),
            refused: 0,
        }
    }

    async fn hear(&mut self, said: &Said, desk: &mut Desk) -> Result<(), ScanError> {
        let (ip, now) = (said.from.ip(), desk.now().mono);
        let network = desk.network();
        let Some(heard) = read(said, &network) else { return Ok(()) };
        if self.messages.len() >= KNOWN_MAX && !self.messages.contains_key(&ip) {
            return Ok(());
        }
        let counts = self.messages.entry(ip).or_default();
        counts.0 += 1;
        if counts.0 > MESSAGES_MAX {
            return Ok(());
        }
        self.seen.insert(ip);
        let subject = Subject::ip(ip);
        let place = match heard {
            What::Bye => return desk.report(said.interface, subject, Fact::Gone(Goodbye::SsdpByebye)).await,
            What::Elsewhere(url) => {
                self.refused += 1;
                if self.refused.is_power_of_two() {
                    tracing::debug!(%ip, url, refused = self.refused, "a description elsewhere is not fetched");
                }
                return Ok(());
            }
            What::Here(place) => place,
        };
        let alive = Fact::Alive { proof: Proof::Ssdp, age: Duration::ZERO };
        desk.report(said.interface, subject, alive).await?;
        let key = (ip, place.clone());
        if self.due.get(&key).is_some_and(|due| now < *due) || counts.1 >= PER_HOST_MAX || self.queue.len() >= QUEUE_MAX
        {
            return Ok(());
        }
        counts.1 += 1;
        self.due.insert(key, now + RETRY);
        self.queue.push(Next { ip, interface: said.interface, place });
        Ok(())
    }

    async fn told(&mut self, next: &Next, body: Result<Vec<u8>, FetchError>, desk: &mut Desk) -> Result<(), ScanError> {
        let description = match body {
            Ok(body) => Description::read(&body).map_err(|fault| format!("{fault:?}")),
            Err(error) => Err(error.to_string()),
        };
        match description {
            Ok(description) => {
                self.due.insert((next.ip, next.place.clone()), desk.now().mono + HOLDS);
                for fact in facts(&description, next.place.port) {
                    desk.report(next.interface, Subject::ip(next.ip), fact).await?;
                }
            }
            Err(why) => tracing::debug!(ip = %next.ip, why, "no description"),
        }
        Ok(())
    }
}

/// What a message is to us.
#[derive(Debug, PartialEq, Eq)]
enum What {
    Here(Place),
    /// Its description lies on another host, or is no plain web page.
    Elsewhere(String),
    Bye,
}

fn read(said: &Said, network: &NetworkFacts) -> Option<What> {
    let ip = said.from.ip();
    if !network.is_attached(ip) || network.is_own_ip(ip) {
        return None;
    }
    let message = Ssdp::read(&said.bytes)?;
    match message.kind {
        Kind::Response if !said.is_answer => return None,
        Kind::Response | Kind::Notify => {}
        Kind::Search => return None,
    }
    if message.is_byebye() {
        return Some(What::Bye);
    }
    let url = message.header("location")?;
    Some(match Place::on(ip, url) {
        Some(place) => What::Here(place),
        None => What::Elsewhere(crate::model::clean_text(&String::from_utf8_lossy(url), 120)),
    })
}

fn facts(description: &Description, port: Port) -> Vec<Fact> {
    let mut facts = vec![Fact::Service { tcp: true, port, name: "upnp".to_owned() }];
    if !description.name.is_empty() {
        facts.push(Fact::Named { name: description.name.clone(), by: Heard::Ssdp });
    }
    let labels = [
        ("manufacturer", &description.maker),
        ("upnp_model", &description.model),
        ("model_number", &description.model_number),
        ("upnp_type", &description.kind),
    ];
    for (key, value) in labels {
        if !value.is_empty() {
            facts.push(Fact::Label { key, value: value.clone() });
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{InterfaceFacts, Subnet};

    fn network() -> NetworkFacts {
        NetworkFacts {
            interfaces: vec![InterfaceFacts {
                id: InterfaceId(2),
                name: "eth0".into(),
                mac: None,
                addresses: vec!["10.0.0.1".parse().unwrap()],
                up: true,
                subnets: vec![Subnet::new("10.0.0.0".parse().unwrap(), 24).unwrap()],
                gateways: Vec::new(),
            }],
            labels: Vec::new(),
        }
    }

    #[test]
    fn a_message_leads_to_its_sender_or_nowhere() {
        let notify = "NOTIFY * HTTP/1.1\r\nNTS: ssdp:alive\r\nLOCATION: ";
        let answer = "HTTP/1.1 200 OK\r\nLOCATION: ";
        let here = |path: &str| Some(What::Here(Place { port: 80, path: path.into() }));
        let elsewhere = |url: &str| Some(What::Elsewhere(url.into()));
        let cases: &[(&str, bool, String, Option<What>)] = &[
            ("10.0.0.9", false, format!("{notify}http://10.0.0.9/d\r\n\r\n"), here("/d")),
            ("10.0.0.9", true, format!("{answer}http://10.0.0.9/d\r\n\r\n"), here("/d")),
            // An answer nobody asked for.
            ("10.0.0.9", false, format!("{answer}http://10.0.0.9/d\r\n\r\n"), None),
            ("10.0.0.9", true, format!("{answer}http://10.0.0.8/d\r\n\r\n"), elsewhere("http://10.0.0.8/d")),
            ("10.0.0.9", true, format!("{answer}http://127.0.0.1:8123/\r\n\r\n"), elsewhere("http://127.0.0.1:8123/")),
            ("10.0.0.9", true, format!("{answer}file:///etc/shadow\r\n\r\n"), elsewhere("file:///etc/shadow")),
            ("10.0.0.1", true, format!("{answer}http://10.0.0.1/d\r\n\r\n"), None),
            ("8.8.8.8", true, format!("{answer}http://8.8.8.8/d\r\n\r\n"), None),
            ("10.0.0.9", false, "NOTIFY * HTTP/1.1\r\nNTS: ssdp:byebye\r\n\r\n".into(), Some(What::Bye)),
            ("10.0.0.9", false, "M-SEARCH * HTTP/1.1\r\n\r\n".into(), None),
            ("10.0.0.9", true, "nonsense".into(), None),
        ];
        for (from, is_answer, text, expected) in cases {
            let from = (from.parse::<IpAddr>().unwrap(), 1900).into();
            let said = Said { from, interface: None, is_answer: *is_answer, bytes: text.clone().into_bytes() };
            assert_eq!(read(&said, &network()), *expected, "{text}");
        }
    }

    #[test]
    fn a_description_becomes_facts_and_nothing_else() {
        let description = Description {
            name: "Kitchen".into(),
            maker: "Acme".into(),
            kind: "MediaRenderer".into(),
            ..Description::default()
        };
        let facts = facts(&description, 1400);
        assert_eq!(facts.len(), 4, "empty fields are no facts: {facts:?}");
        assert!(facts.contains(&Fact::Named { name: "Kitchen".into(), by: Heard::Ssdp }));
    }
}
