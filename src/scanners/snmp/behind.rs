//! # Who of those behind a router is there
//!
//! A router remembers for minutes whom it delivered to. Whom it does not hold for reachable at this moment is asked by an
//! echo request, as far as that is allowed and the common rate leaves room.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use super::talk::Pace;
use crate::scanners::ping::Pinger;

/// Asked of one router in one visit: a network of 256.
const ASKED_MAX: usize = 256;
/// An answer comes through one router of the home within it.
const PATIENCE: Duration = Duration::from_millis(1_000);

/// Those of `wanted` that answer.
pub async fn answers(wanted: &BTreeSet<Ipv4Addr>, pace: &Pace) -> BTreeSet<IpAddr> {
    let mut answered = BTreeSet::new();
    if wanted.is_empty() {
        return answered;
    }
    // Without a right to ping, what the router says must do.
    let Ok(pinger) = Pinger::open(false) else { return answered };
    for (sequence, ip) in (0..).zip(wanted.iter().take(ASKED_MAX)) {
        if pace.budget.spare(1).is_err() {
            break;
        }
        // One that cannot be sent is one that is not answered.
        let _unsent = pinger.send((*ip).into(), 0, sequence).await;
    }
    let listen = async {
        while answered.len() < wanted.len() {
            let from = pinger.next().await.from;
            if matches!(from, IpAddr::V4(ip) if wanted.contains(&ip)) {
                answered.insert(from);
            }
        }
    };
    let _time_is_up = tokio::time::timeout(PATIENCE, listen).await;
    answered
}
