//! # Neighbour discovery sweep
//!
//! ## What it finds
//! Devices with IPv6, which nearly all have at least a link-local address, without knowing any address: a
//! subnet of 2⁶⁴ cannot be swept, but everybody listens to `ff02::1`.
//! ## What it sends
//! Two frames an interface, prefix and round, every five minutes by default: an echo request to everybody, and one
//! with an option nobody knows, which hosts that answer no echo must complain about (RFC 8200 §4.2); and single
//! neighbour solicitations, by unicast, to devices the core wants to see. A host answers from the prefix it is asked
//! from (RFC 6724 §5), so each of our prefixes shows their addresses there.
//! ## What it needs
//! CAP_NET_RAW, or for the echo alone an unprivileged ping socket.
//! ## How it decides
//! Not at all: answers are frames, heard by capture. Without capture, an answer to the echo counts as a sign of life.
//! ## What fools it
//! Neighbour proxies and sleep proxies. Access points that do not pass multicast to sleeping stations hide them.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Desk, ScanError, Work, frames, knock::Knocker, page::page, ping::Pinger, raw::FrameSender};
use crate::model::{
    Card, Fact, Health, InterfaceFacts, InterfaceId, Look, MacAddr, NetworkFacts, Probe, Proof, Source, Span, Subject,
    is_link_local,
};

pub(super) static CARD: Card =
    Card { id: "nd_sweep", title: "Neighbour discovery sweep", needs: Some("CAP_NET_RAW"), page: page!("nd_sweep.rs") };
pub(super) const SOURCE: Source = Source::NdSweep;
pub(super) const PROBES: &[Probe] = &[Probe::Nd];

/// `scanners.nd_sweep`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// How often everybody is asked at once.
    pub interval: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { enabled: true, interval: Span::minutes(5) }
    }
}

pub(super) async fn run(_: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let mut sweep = Sweep { senders: BTreeMap::new(), pinger: None, knocker: None, sequence: 0, heard: 0 };
    loop {
        let answer = async {
            match &sweep.pinger {
                Some(pinger) => pinger.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Round) => sweep.round(&mut desk).await?,
                Some(Work::Look(look)) => sweep.look(look, &mut desk).await?,
            },
            reply = answer => {
                let interface = Some(InterfaceId(reply.scope)).filter(|id| id.0 != 0);
                let fact = Fact::Alive { proof: Proof::IcmpReply, age: Duration::ZERO };
                sweep.heard += 1;
                desk.report(interface, Subject::ip(reply.from), fact).await?;
            }
        }
    }
}

struct Sweep {
    senders: BTreeMap<InterfaceId, FrameSender>,
    pinger: Option<Pinger>,
    knocker: Option<Knocker>,
    sequence: u16,
    heard: u64,
}

impl Sweep {
    async fn round(&mut self, desk: &mut Desk) -> Result<(), ScanError> {
        let facts = desk.network();
        self.senders.retain(|id, _| facts.interface(*id).is_some_and(|interface| interface.up));
        self.sequence = self.sequence.wrapping_add(1);
        let mut health = Health::Up;
        for interface in facts.interfaces.iter().filter(|i| i.up && !i.only_listens()) {
            let Some(mac) = interface.mac else { continue };
            let sources = sources(interface);
            if sources.is_empty() {
                continue;
            }
            if !desk.pace(2 * sources.len() as u32).await? {
                return Ok(());
            }
            let (id, sequence) = (interface.id.0 as u16, self.sequence);
            if desk.is_heard()
                && let Ok(sender) = self.sender(interface)
            {
                let frames = sources.iter().flat_map(|own| {
                    [frames::echo_all((mac, *own), id, sequence), frames::unknown_option_all((mac, *own), id, sequence)]
                });
                for frame in frames {
                    if sender.send(&frame).await.is_err() {
                        self.senders.remove(&interface.id);
                        break;
                    }
                }
                continue;
            }
            health = self.by_ping(interface).await;
        }
        desk.health(health);
        desk.done(std::mem::take(&mut self.heard));
        Ok(())
    }

    async fn by_ping(&mut self, interface: &InterfaceFacts) -> Health {
        if self.pinger.is_none() {
            match Pinger::open(true) {
                Ok(pinger) => self.pinger = Some(pinger),
                Err(error) => {
                    return Health::Degraded { why: error.to_string(), advice: error.advice().map(str::to_owned) };
                }
            }
        }
        if let Some(pinger) = &self.pinger {
            // An interface that just went answers next time.
            drop(pinger.send(frames::ALL_NODES.into(), interface.id.0, self.sequence).await);
        }
        Health::Up
    }

    async fn look(&mut self, look: Look, desk: &mut Desk) -> Result<(), ScanError> {
        let facts = desk.network();
        let Some((interface, target)) = place(&facts, &look) else { return Ok(()) };
        if desk.is_heard()
            && let (Some((mac, own)), Ok(sender)) = (own(interface), self.sender(interface))
        {
            match sender.send(&frames::neighbour_solicitation((mac, own), look.mac, target)).await {
                Ok(()) => desk.asked(look),
                Err(_) => drop(self.senders.remove(&interface.id)),
            }
            return Ok(());
        }
        if self.knocker.is_none() {
            self.knocker = Some(Knocker::open().await?);
        }
        if let Some(knocker) = &mut self.knocker {
            knocker.knock(target.into(), interface.id).await;
        }
        Ok(())
    }

    fn sender(&mut self, interface: &InterfaceFacts) -> Result<&FrameSender, ScanError> {
        use std::collections::btree_map::Entry;
        Ok(match self.senders.entry(interface.id) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(room) => room.insert(FrameSender::open(interface)?),
        })
    }
}

/// Prefixes asked from on one interface: the link, and what a provider and a router of the home give.
const SOURCES_MAX: usize = 4;

/// Our link-local address there, then one of each prefix.
fn sources(interface: &InterfaceFacts) -> Vec<Ipv6Addr> {
    let own = |ip: &IpAddr| match ip {
        IpAddr::V6(v6) => Some(*v6),
        IpAddr::V4(_) => None,
    };
    let link_local = interface.addresses.iter().filter_map(own).find(Ipv6Addr::is_unicast_link_local);
    let prefixes = interface.subnets.iter().filter_map(|net| {
        let within = |ip: &Ipv6Addr| net.contains(IpAddr::V6(*ip)) && !ip.is_unicast_link_local();
        interface.addresses.iter().filter_map(own).find(within)
    });
    let mut sources: Vec<Ipv6Addr> = link_local.into_iter().collect();
    for own in prefixes {
        if !sources.contains(&own) {
            sources.push(own);
        }
    }
    sources.truncate(if link_local.is_some() { SOURCES_MAX } else { 0 });
    sources
}

/// Our hardware and link-local address there.
fn own(interface: &InterfaceFacts) -> Option<(MacAddr, Ipv6Addr)> {
    let ip = interface.addresses.iter().find_map(|ip| match ip {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some(*v6),
        _ => None,
    })?;
    Some((interface.mac?, ip))
}

/// Where to ask for `look`: a link-local address means nothing without its interface.
fn place<'a>(facts: &'a NetworkFacts, look: &Look) -> Option<(&'a InterfaceFacts, Ipv6Addr)> {
    let IpAddr::V6(target) = look.ip else { return None };
    let heard = look.interface.and_then(|id| facts.interface(id)).filter(|i| i.up && !i.only_listens());
    let interface = if is_link_local(look.ip) {
        heard
    } else {
        let attached = |i: &&InterfaceFacts| i.up && i.subnets.iter().any(|s| s.contains(look.ip));
        heard.filter(attached).or_else(|| facts.interfaces.iter().find(attached))
    };
    Some((interface?, target))
}
