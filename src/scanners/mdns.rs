//! # Multicast DNS
//!
//! ## What it finds
//! Names, models and services of devices that announce them: televisions, speakers, printers, phones, Apple and
//! HomeKit devices, ESPHome and Shelly, and most computers.
//! ## What it sends
//! Questions to the mDNS groups, first for the kinds of services there are, then for each kind, at growing
//! distances as RFC 6762 §5.2 asks; and single questions by unicast to devices the core wants to see.
//! ## What it needs
//! No rights, but multicast must reach this host; it shares port 5353 with other responders.
//! ## How it decides
//! A name or service counts for an address of the local network only. It proves no presence: an answer may come
//! from another device's memory. The answer to a unicast question is a sign of life of the address asked.
//! ## What fools it
//! Reflectors that repeat other networks' services, sleep proxies that answer for sleepers, and anybody who likes
//! to lie about a name.
//!
//! Holds: [`KINDS_MAX`] kinds of services and [`SEEN_MAX`] facts already told.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use futures_util::{
    StreamExt,
    stream::{FuturesUnordered, SelectAll},
};
use mdns_sd::{IfKind, IfPredicate, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent};
use tokio::time::sleep;

use super::{Desk, ScanError, Work, mdns_ask::Asker, mdns_read as read, page::page, timed::timed};
use crate::model::{
    Capped, Card, Fact, Health, InterfaceId, Mono, NetworkFacts, Probe, Proof, Source, Span, Subject, is_unicast,
};

pub(super) static CARD: Card = Card { id: "mdns", title: "Multicast DNS", needs: None, page: page!("mdns.rs") };
pub(super) const SOURCE: Source = Source::Mdns;
pub(super) const PROBES: &[Probe] = &[Probe::Mdns];

/// Kinds of services asked for besides the well-known ones; a home has 30, somebody who invents kinds gets no further,
/// and takes no room from what everybody has.
const KINDS_MAX: usize = 128;
/// Facts of one address told in a round; a busy home server has some 60.
const FACTS_MAX: u32 = 256;
/// In a single scan: kinds, then services of each, then what is missing of them; each answer may be delayed by
/// 120 ms and the questions are put again after a second (RFC 6762 §5.2, §6).
const ANSWERS: Duration = Duration::from_secs(3);
/// As long as something new is heard there may be more: a description follows a name, and on a busy network both are late.
const MORE: Duration = Duration::from_millis(1500);
/// Whoever has something new to say without an end is not waited for.
const ANSWERS_MOST: Duration = Duration::from_secs(6);
/// Facts remembered as told, so that an announcement every few seconds is told once an interval.
const SEEN_MAX: usize = 4096;
/// What a browse that broke off rests before it is started again.
const REST: Duration = Duration::from_secs(5);
const META: &str = "_services._dns-sd._udp.local.";

/// How often the library lists the interfaces, which it does by a dozen system calls; its own default is 5 s.
const LOOK_ROUND_S: u32 = 30;

timed! {
    /// `scanners.mdns`.
    Settings
    /// How often what is known is told again and new interfaces are looked for. Announcements are heard at once.
    interval: Span::minutes(10)
}

pub(super) async fn run(settings: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let mut browser = Browser::open(&desk.network())?;
    let mut asker = Asker::open().await?;
    let mut told = Told {
        facts: Capped::new(SEEN_MAX),
        again_after: settings.interval.0,
        devices: BTreeMap::new(),
        left_out: 0,
        waits_until: desk.now().mono,
    };
    // Kinds whose browse broke off.
    let mut resting = FuturesUnordered::new();
    browser.browse(META);
    desk.health(Health::Up);
    let ended = loop {
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => break Ok(()),
                Some(Work::Round) => {
                    browser.renew(&desk.network());
                    desk.stay(ANSWERS);
                    told.waits_until = desk.now().mono + ANSWERS_MOST;
                    desk.done(told.next_round());
                }
                Some(Work::Look(look)) => if asker.ask(look).await {
                    desk.asked(look);
                },
            },
            look = asker.answer() => {
                desk.answered(&look);
                let fact = Fact::Alive { proof: Proof::Mdns, age: Duration::ZERO };
                desk.report(look.interface, Subject::ip(look.ip), fact).await?;
            }
            heard = browser.next() => match heard {
                Heard::Kind(kind) => browser.browse(&kind),
                Heard::Service(service) => told.tell(&service, &mut desk).await?,
                Heard::Nothing => {}
                // The library drops whoever falls behind; the kind is asked for again, and the others do not wait.
                Heard::Ended(kind) => resting.push(async move {
                    sleep(REST).await;
                    kind
                }),
            },
            Some(kind) = resting.next(), if !resting.is_empty() => browser.browse(&kind),
        }
    };
    browser.close();
    ended
}

enum Heard {
    Kind(String),
    Service(Box<ResolvedService>),
    Ended(String),
    Nothing,
}

type Events = std::pin::Pin<Box<dyn futures_util::Stream<Item = (String, Option<ServiceEvent>)> + Send>>;

/// The library's daemon, and what we listen to of it.
struct Browser {
    daemon: ServiceDaemon,
    watched: BTreeSet<String>,
    kinds: BTreeSet<String>,
    events: SelectAll<Events>,
}

impl Browser {
    fn open(facts: &NetworkFacts) -> Result<Browser, ScanError> {
        let failed = |error: mdns_sd::Error| ScanError::Library { doing: "speak mDNS", why: error.to_string() };
        let daemon = ServiceDaemon::new().map_err(failed)?;
        daemon.set_ip_check_interval(LOOK_ROUND_S).map_err(failed)?;
        let mut browser =
            Browser { daemon, watched: BTreeSet::new(), kinds: BTreeSet::new(), events: SelectAll::new() };
        browser.renew(facts);
        Ok(browser)
    }

    /// Speaks on the watched interfaces and on no other: containers have responders of their own.
    fn renew(&mut self, facts: &NetworkFacts) {
        let watched: BTreeSet<String> =
            facts.interfaces.iter().filter(|i| i.up).map(|interface| interface.name.clone()).collect();
        if watched == self.watched && !watched.is_empty() {
            return;
        }
        self.watched.clone_from(&watched);
        let foreign = IfPredicate::new(move |interface| !watched.contains(&interface.name));
        // A daemon that is too busy to listen is asked again next round.
        if self
            .daemon
            .enable_interface(IfKind::All)
            .and(self.daemon.disable_interface(IfKind::Predicate(foreign)))
            .is_err()
        {
            self.watched.clear();
        }
    }

    fn browse(&mut self, kind: &str) {
        let is_invented = |kind: &String| !read::is_well_known(kind);
        if !read::is_well_known(kind)
            && !self.kinds.contains(kind)
            && self.kinds.iter().filter(|kind| is_invented(kind)).count() >= KINDS_MAX
        {
            return;
        }
        self.kinds.insert(kind.to_owned());
        match self.daemon.browse(kind) {
            Ok(receiver) => {
                let name = kind.to_owned();
                let ended = name.clone();
                let events = receiver
                    .into_stream()
                    .map(move |event| (name.clone(), Some(event)))
                    .chain(futures_util::stream::once(async move { (ended, None) }));
                self.events.push(Box::pin(events));
            }
            Err(error) => {
                tracing::debug!(kind, %error, "cannot browse");
                self.kinds.remove(kind);
            }
        }
    }

    async fn next(&mut self) -> Heard {
        match self.events.next().await {
            None => std::future::pending().await,
            Some((kind, None)) => Heard::Ended(kind),
            Some((kind, Some(ServiceEvent::ServiceFound(_, found)))) if kind == META => {
                if read::is_kind(&found) && !self.kinds.contains(&found) { Heard::Kind(found) } else { Heard::Nothing }
            }
            Some((_, Some(ServiceEvent::ServiceResolved(service)))) => Heard::Service(service),
            Some(_) => Heard::Nothing,
        }
    }

    fn close(&self) {
        // Its thread ends by itself; nobody waits for the confirmation.
        drop(self.daemon.shutdown());
    }
}

/// What was told when, so that repeats cost nothing above.
struct Told {
    facts: Capped<String, Mono>,
    again_after: Duration,
    /// Facts told of each address this round.
    devices: BTreeMap<IpAddr, u32>,
    left_out: u64,
    /// In a single scan: until then what is new shows that more may come.
    waits_until: Mono,
}

impl Told {
    /// How many devices spoke in the round that ends.
    fn next_round(&mut self) -> u64 {
        let left_out = std::mem::take(&mut self.left_out);
        if left_out > 0 {
            tracing::info!(left_out, "more mDNS facts of one address than a device has");
        }
        std::mem::take(&mut self.devices).len() as u64
    }

    async fn tell(&mut self, service: &ResolvedService, desk: &mut Desk) -> Result<(), ScanError> {
        let network = desk.network();
        let txt: BTreeMap<String, String> = service
            .get_properties()
            .iter()
            .take(read::TXT_MAX)
            .map(|entry| (entry.key().to_ascii_lowercase(), entry.val_str().to_owned()))
            .collect();
        let facts = read::facts(&service.ty_domain, &service.fullname, &service.host, service.port, &txt);
        for address in service.get_addresses().iter().take(read::ADDRESSES_MAX) {
            let (ip, interface) = (address.to_ip_addr(), interface(address));
            if !is_unicast(ip) || !is_of_the_home(ip, interface, &network) {
                continue;
            }
            if self.devices.len() >= SEEN_MAX && !self.devices.contains_key(&ip) {
                continue;
            }
            let count = self.devices.entry(ip).or_default();
            for fact in &facts {
                let now = desk.now().mono;
                let key = format!("{ip} {fact:?}");
                if self.facts.get(&key).is_some_and(|told| now.since(*told) < self.again_after) {
                    continue;
                }
                if *count >= FACTS_MAX {
                    self.left_out += 1;
                    continue;
                }
                *count += 1;
                self.facts.insert(key, now);
                desk.report(interface, Subject::ip(ip), fact.clone()).await?;
                if now < self.waits_until {
                    desk.stay(MORE);
                }
            }
        }
        Ok(())
    }
}

fn interface(address: &ScopedIp) -> Option<InterfaceId> {
    match address {
        ScopedIp::V4(v4) => v4.interface_ids().first().map(|id| InterfaceId(id.index)),
        ScopedIp::V6(v6) => Some(InterfaceId(v6.scope_id().index)).filter(|id| id.0 != 0),
        _ => None,
    }
}

/// An address on the wire; a link-local one only where it was heard.
fn is_of_the_home(ip: IpAddr, interface: Option<InterfaceId>, network: &NetworkFacts) -> bool {
    if crate::model::is_link_local(ip) {
        return interface.is_some_and(|id| network.interface(id).is_some());
    }
    network.is_attached(ip)
}
