//! # Ping
//!
//! ## What it finds
//! Whether one device answers an echo request, over IPv4 or IPv6, and devices in subnets behind a router that
//! are named in `network.subnets`, where ARP does not reach.
//! ## What it sends
//! Single echo requests to devices the core wants to see; for routed subnets one an address and round, every ten
//! minutes by default, at the common rate of all scanners.
//! ## What it needs
//! An unprivileged ping socket (`net.ipv4.ping_group_range`) or CAP_NET_RAW.
//! ## How it decides
//! Only an echo reply from the very address asked, with our secret in it, is a sign of life. "Unreachable" is
//! said by routers, and no sign of anything.
//! ## What fools it
//! Routers and firewalls that answer for the addresses behind them. Many devices never answer: silence alone
//! says little.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Desk, ScanError, Work,
    page::page,
    ping::{Pinger, Reply},
    targets,
};
use crate::model::{Capped, Card, Fact, Health, Look, Probe, Proof, Source, Span, Subject};

pub(super) static CARD: Card = Card { id: "icmp", title: "Ping", needs: None, page: page!("icmp.rs") };
pub(super) const SOURCE: Source = Source::Icmp;
pub(super) const PROBES: &[Probe] = &[Probe::Icmp];

/// Questions whose answers are awaited; an answer to an older one is not counted.
const ASKED_MAX: usize = 8192;
/// Questions that go out before answers are read and the budget is asked again.
const PIECE: usize = 32;

/// `scanners.icmp`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// How often routed subnets are swept.
    pub interval: Span,
    /// A routed subnet with more addresses is not swept; 4096 is a /20.
    pub max_hosts: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { enabled: true, interval: Span::minutes(10), max_hosts: 4096 }
    }
}

pub(super) async fn run(settings: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let v4 = Pinger::open(false)?;
    // A host without IPv6 has none.
    let v6 = Pinger::open(true).ok();
    let mut state = Asked { open: Capped::new(ASKED_MAX), sequence: 0, seen: BTreeSet::new() };
    desk.health(Health::Up);
    loop {
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Round) => state.round(&settings, &v4, &mut desk).await?,
                Some(Work::Look(look)) => {
                    let pinger = if look.ip.is_ipv4() { Some(&v4) } else { v6.as_ref() };
                    if let Some(pinger) = pinger {
                        state.look(look, pinger, &mut desk).await;
                    }
                }
            },
            reply = next(Some(&v4)) => state.answer(reply, &mut desk).await?,
            reply = next(v6.as_ref()) => state.answer(reply, &mut desk).await?,
        }
    }
}

async fn next(pinger: Option<&Pinger>) -> Reply {
    match pinger {
        Some(pinger) => pinger.next().await,
        None => std::future::pending().await,
    }
}

struct Asked {
    /// By address: the sequence number, and the look if it was one.
    open: Capped<IpAddr, (u16, Option<Look>)>,
    sequence: u16,
    seen: BTreeSet<IpAddr>,
}

impl Asked {
    async fn round(&mut self, settings: &Settings, pinger: &Pinger, desk: &mut Desk) -> Result<(), ScanError> {
        // Answers of the round before have all come.
        let seen = std::mem::take(&mut self.seen).len() as u64;
        let plan = targets::plan(&desk.network(), desk.settings(), settings.max_hosts);
        let mut rest = &plan.routed[..];
        while let Some(piece) = desk.piece(&mut rest, PIECE).await? {
            for ip in piece {
                self.ask((*ip).into(), 0, None, pinger).await;
            }
            // What has come so far, without waiting for more.
            while let Ok(reply) = tokio::time::timeout(Duration::ZERO, pinger.next()).await {
                self.answer(reply, desk).await?;
            }
        }
        desk.done(seen);
        Ok(())
    }

    async fn look(&mut self, look: Look, pinger: &Pinger, desk: &mut Desk) {
        let scope = look.interface.map_or(0, |interface| interface.0);
        if self.ask(look.ip, scope, Some(look), pinger).await {
            desk.asked(look);
        }
    }

    /// `false`: it could not go out, so silence says nothing.
    async fn ask(&mut self, ip: IpAddr, scope: u32, look: Option<Look>, pinger: &Pinger) -> bool {
        self.sequence = self.sequence.wrapping_add(1);
        let sent = pinger.send(ip, scope, self.sequence).await.is_ok();
        if sent {
            self.open.insert(ip, (self.sequence, look));
        }
        sent
    }

    async fn answer(&mut self, reply: Reply, desk: &mut Desk) -> Result<(), ScanError> {
        let Some((sequence, look)) = self.open.get(&reply.from).copied() else { return Ok(()) };
        if sequence != reply.sequence {
            return Ok(());
        }
        self.open.remove(&reply.from);
        self.seen.insert(reply.from);
        if let Some(look) = &look {
            desk.answered(look);
        }
        let fact = Fact::Alive { proof: Proof::IcmpReply, age: Duration::ZERO };
        desk.report(look.and_then(|look| look.interface), Subject::ip(reply.from), fact).await
    }
}
