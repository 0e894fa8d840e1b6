//! # ARP sweep
//!
//! ## What it finds
//! Every device with an IPv4 address on the wire, also those that refuse ping and all connections: whoever
//! does not answer ARP cannot use the network.
//! ## What it sends
//! One ARP request an address and round: 254 for a /24, in well under a second, every two minutes by default;
//! and single requests, by unicast, to devices the core wants to see. Unicast, because an access point buffers
//! it for a sleeping phone.
//! ## What it needs
//! CAP_NET_RAW. Without it, one byte of UDP to the discard port makes the kernel ask instead, slower and in
//! pieces that do not overflow the kernel's table.
//! ## How it decides
//! Not at all: answers are frames, heard by capture, or entries of the neighbour table.
//! ## What fools it
//! Access points and sleep proxies that answer for a device that is asleep or gone.
//!
//! Leaves out: subnets with more addresses than `max_hosts`, unless a part is named in `network.subnets`.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    Desk, ScanError, Work, frames,
    knock::Knocker,
    page::page,
    raw::FrameSender,
    targets::{self, Plan, Reach},
};
use crate::model::{Card, Health, InterfaceFacts, InterfaceId, Look, MacAddr, NetworkFacts, Probe, Source, Span};

pub(super) static CARD: Card =
    Card { id: "arp_sweep", title: "ARP sweep", needs: Some("CAP_NET_RAW"), page: page!("arp_sweep.rs") };
pub(super) const SOURCE: Source = Source::ArpSweep;
pub(super) const PROBES: &[Probe] = &[Probe::Arp];

/// Frames that go out without asking the budget again.
const PIECE: usize = 64;
/// Addresses the kernel is made to ask at once: half of `gc_thresh2` (512), above which it throws out
/// entries younger than a minute (net/core/neighbour.c).
const KERNEL_PIECE: usize = 256;
/// Until failed entries of one piece are thrown out: the kernel looks every 15 s (half of its
/// `base_reachable_time`).
const KERNEL_WAIT: Duration = Duration::from_secs(16);

/// `scanners.arp_sweep`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// How often everybody is asked. Presence does not wait for it: known devices are asked one by one.
    pub interval: Span,
    /// A subnet with more addresses is not swept; 4096 is a /20.
    pub max_hosts: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { enabled: true, interval: Span::minutes(2), max_hosts: 4096 }
    }
}

pub(super) async fn run(settings: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let mut sweep = Sweep { senders: BTreeMap::new(), knocker: None, refused: BTreeSet::new() };
    while let Some(work) = desk.next().await? {
        match work {
            Work::Round => sweep.round(&settings, &mut desk).await?,
            Work::Look(look) => sweep.look(look, &mut desk).await?,
        }
    }
    Ok(())
}

struct Sweep {
    senders: BTreeMap<InterfaceId, FrameSender>,
    knocker: Option<Knocker>,
    /// Subnets already complained about.
    refused: BTreeSet<String>,
}

impl Sweep {
    async fn round(&mut self, settings: &Settings, desk: &mut Desk) -> Result<(), ScanError> {
        let facts = desk.network();
        self.senders.retain(|id, _| facts.interface(*id).is_some_and(|interface| interface.up));
        let plan = targets::plan(&facts, desk.settings(), settings.max_hosts);
        self.complain(&plan);
        let mut health = if plan.attached.is_empty() { no_network() } else { Health::Up };
        for reach in &plan.attached {
            if desk.is_heard() {
                match self.by_frames(reach, desk).await {
                    Ok(()) => continue,
                    Err(ScanError::Unheard) => return Err(ScanError::Unheard),
                    Err(error @ ScanError::Forbidden { .. }) => health = without_frames(error.advice()),
                    Err(error) => {
                        // The interface went; the next round opens it again.
                        tracing::debug!(interface = reach.interface.name, %error, "sweep broken off");
                        self.senders.remove(&reach.interface.id);
                        health = degraded(&format!("{} takes no frames", reach.interface.name), None);
                        continue;
                    }
                }
            } else {
                health = without_frames(Some("grant CAP_NET_RAW, or switch capture on"));
            }
            self.by_kernel(reach, desk).await?;
        }
        desk.health(health);
        desk.done(0);
        Ok(())
    }

    async fn by_frames(&mut self, reach: &Reach, desk: &mut Desk) -> Result<(), ScanError> {
        let Some(mac) = reach.interface.mac else { return Ok(()) };
        let mut rest = &reach.hosts[..];
        while let Some(piece) = desk.piece(&mut rest, PIECE).await? {
            let sender = self.sender(&reach.interface)?;
            for ip in piece {
                let frame = frames::arp_request((mac, reach.own), MacAddr::BROADCAST, *ip);
                sender.send(&frame).await.map_err(|source| ScanError::System { doing: "send ARP requests", source })?;
            }
        }
        Ok(())
    }

    async fn by_kernel(&mut self, reach: &Reach, desk: &mut Desk) -> Result<(), ScanError> {
        for (number, mut rest) in reach.hosts.chunks(KERNEL_PIECE).enumerate() {
            if number > 0 && !desk.pause(KERNEL_WAIT).await? {
                return Ok(());
            }
            while let Some(piece) = desk.piece(&mut rest, PIECE).await? {
                for ip in piece {
                    self.knocker().await?.knock((*ip).into(), reach.interface.id).await;
                }
            }
        }
        Ok(())
    }

    async fn look(&mut self, look: Look, desk: &mut Desk) -> Result<(), ScanError> {
        let facts = desk.network();
        let Some((interface, own, ip)) = place(&facts, &look) else { return Ok(()) };
        if desk.is_heard()
            && let (Some(mac), Ok(sender)) = (interface.mac, self.sender(interface))
        {
            let frame = frames::arp_request((mac, own), look.mac.unwrap_or(MacAddr::BROADCAST), ip);
            match sender.send(&frame).await {
                Ok(()) => desk.asked(look),
                Err(_) => drop(self.senders.remove(&interface.id)),
            }
            return Ok(());
        }
        // Netlink tells what comes of it, a failure as well.
        self.knocker().await?.knock(ip.into(), interface.id).await;
        Ok(())
    }

    fn sender(&mut self, interface: &InterfaceFacts) -> Result<&FrameSender, ScanError> {
        use std::collections::btree_map::Entry;
        Ok(match self.senders.entry(interface.id) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(room) => room.insert(FrameSender::open(interface)?),
        })
    }

    async fn knocker(&mut self) -> Result<&mut Knocker, ScanError> {
        if self.knocker.is_none() {
            self.knocker = Some(Knocker::open().await?);
        }
        self.knocker.as_mut().ok_or(ScanError::Unheard)
    }

    fn complain(&mut self, plan: &Plan) {
        for (subnet, why) in &plan.refused {
            if self.refused.len() < 64 && self.refused.insert(subnet.clone()) {
                tracing::warn!(subnet, why, "subnet not swept");
            }
        }
    }
}

/// From where to ask for `look`, if it is on the wire at all.
fn place<'a>(facts: &'a NetworkFacts, look: &Look) -> Option<(&'a InterfaceFacts, Ipv4Addr, Ipv4Addr)> {
    let IpAddr::V4(ip) = look.ip else { return None };
    let reaches = |interface: &&InterfaceFacts| interface.up && interface.subnets.iter().any(|s| s.contains(look.ip));
    let heard = look.interface.and_then(|id| facts.interface(id)).filter(reaches);
    let interface = heard.or_else(|| facts.interfaces.iter().find(reaches))?;
    // The address of ours in the same subnet; a host may ignore a question from elsewhere.
    let subnet = interface.subnets.iter().find(|s| s.contains(look.ip))?;
    let own = interface.addresses.iter().find_map(|own| match own {
        IpAddr::V4(v4) if subnet.contains(*own) => Some(*v4),
        _ => None,
    })?;
    Some((interface, own, ip))
}

fn no_network() -> Health {
    degraded("no network to sweep", Some("set network.interfaces or network.subnets"))
}

fn without_frames(advice: Option<&str>) -> Health {
    degraded("frames are not sent: the kernel is made to ask, which is slower", advice)
}

fn degraded(why: &str, advice: Option<&str>) -> Health {
    Health::Degraded { why: why.to_owned(), advice: advice.map(str::to_owned) }
}
