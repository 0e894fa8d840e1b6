//! # DHCP probe
//!
//! ## What it finds
//! Every DHCP server of the network: what it calls itself, its MAC, and which router, name servers, domain and
//! proxy it would give. More than one is a fault, or somebody who wants to be the router.
//! ## What it sends
//! On each interface two DISCOVER messages to everybody, at the start, when you ask for a scan, and every quarter of
//! an hour by default: a second server is known within that time, and two packets in it are few. Never a REQUEST: no
//! address is taken.
//! ## What it needs
//! CAP_NET_RAW. With the right to use port 68 alone it asks as well, but learns no MAC and hears only servers that
//! answer to everybody.
//! ## How it decides
//! An OFFER counts if it carries the number drawn for this question and our own MAC. The question comes from that
//! MAC and asks for the address this host has, so a server offers that again instead of another. What it means
//! that there are two servers is for detectors.
//! ## What fools it
//! A server that answers known devices only, or only while the real one is silent. Some servers hold an offered
//! address back for seconds or minutes. A relay speaks for a server elsewhere, and is told as such.
//!
//! Holds: [`OFFERS_MAX`] servers an interface and round; what is beyond is counted.

use std::time::Duration;

use futures_util::{StreamExt, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};

use super::{Desk, ScanError, Work, page::page};
use crate::model::{
    Card, DhcpOffer, Fact, Health, InterfaceFacts, MacAddr, NetworkFacts, Probe, Source, Span, Subject,
};

mod ask;
pub mod message;

pub(super) static CARD: Card =
    Card { id: "dhcp_probe", title: "DHCP probe", needs: Some("CAP_NET_RAW"), page: page!("dhcp_probe.rs") };
pub(super) const SOURCE: Source = Source::DhcpProbe;
pub(super) const PROBES: &[Probe] = &[];

/// Servers told of one interface in a round; a home has one.
pub const OFFERS_MAX: usize = 16;
/// Interfaces asked on.
const INTERFACES_MAX: usize = 16;
/// Longest wait for answers.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// `scanners.dhcp_probe`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// How often it asks, besides at the start.
    pub interval: Span,
    /// How long answers are waited for; a server may first look whether the address is free.
    pub wait: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { enabled: true, interval: Span::minutes(15), wait: Span::seconds(6) }
    }
}

/// What one interface heard.
#[derive(Debug, Default)]
struct Heard {
    offers: Vec<(Option<MacAddr>, DhcpOffer)>,
    /// Offers beyond [`OFFERS_MAX`], and messages that are no answer to us.
    dropped: u64,
    odd: u64,
    /// Without the servers' MACs.
    is_poor: bool,
}

pub(super) async fn run(settings: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let wait = settings.wait.0.min(WAIT_MAX);
    let mut asking = FuturesUnordered::new();
    let (mut seen, mut health) = (0, Health::Up);
    loop {
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Round) if asking.is_empty() => {
                    let interfaces = asked(&desk.network());
                    (seen, health) = (0, if interfaces.is_empty() { no_network() } else { Health::Up });
                    if interfaces.is_empty() {
                        desk.health(health.clone());
                        desk.done(0);
                        desk.enough();
                        continue;
                    }
                    if !desk.pace(2 * interfaces.len() as u32).await? {
                        return Ok(());
                    }
                    desk.stay(wait + Duration::from_secs(1));
                    asking.extend(interfaces.into_iter().map(|interface| async move {
                        let heard = ask::ask(&interface, wait).await;
                        (interface, heard)
                    }));
                }
                Some(Work::Round | Work::Look(_)) => {}
            },
            Some((interface, heard)) = asking.next(), if !asking.is_empty() => {
                match heard {
                    Ok(heard) => {
                        seen += heard.offers.len() as u64;
                        if heard.is_poor {
                            health = poor();
                        }
                        if heard.dropped > 0 {
                            let (name, dropped) = (&interface.name, heard.dropped);
                            tracing::warn!(interface = name, dropped, "more DHCP offers than any network has");
                        }
                        tracing::debug!(interface = interface.name, offers = heard.offers.len(), odd = heard.odd, "DHCP asked");
                        for (mac, offer) in heard.offers {
                            let subject = mac.map_or(Subject::ip(offer.from.into()), Subject::mac);
                            desk.report(Some(interface.id), subject, Fact::DhcpOffer(offer)).await?;
                        }
                    }
                    Err(error @ ScanError::Forbidden { .. }) => return Err(error),
                    Err(error) => {
                        tracing::debug!(interface = interface.name, %error, "could not ask for DHCP servers");
                        health = failed(&interface);
                    }
                }
                if asking.is_empty() {
                    desk.health(health.clone());
                    desk.done(seen);
                    desk.enough();
                }
            }
        }
    }
}

/// Networks whose members have MACs.
fn asked(facts: &NetworkFacts) -> Vec<InterfaceFacts> {
    facts.interfaces.iter().filter(|i| i.up && i.mac.is_some()).take(INTERFACES_MAX).cloned().collect()
}

fn no_network() -> Health {
    let advice = "set network.interfaces".to_owned();
    Health::Degraded { why: "no interface to ask on".to_owned(), advice: Some(advice) }
}

fn poor() -> Health {
    let advice = "grant CAP_NET_RAW".to_owned();
    Health::Degraded { why: "hears DHCP servers without their MACs".to_owned(), advice: Some(advice) }
}

fn failed(interface: &InterfaceFacts) -> Health {
    Health::Degraded { why: format!("could not ask on {}", interface.name), advice: None }
}
