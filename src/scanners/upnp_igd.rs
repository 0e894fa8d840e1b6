//! # Doors in the router
//!
//! ## What it finds
//! Which ports of this home are open to the Internet because a device asked the router for it (UPnP), to which
//! device they lead and what it called them; the router's outer address and whether it is connected; whether the
//! router lets devices open doors at all (UPnP, NAT-PMP, PCP).
//! ## What it sends
//! To the router alone, every 15 minutes by default: a search, a few HTTP requests, one more for each open door,
//! and the questions "which is your outer address?" (NAT-PMP) and "are you there?" (PCP). It never opens, changes or
//! closes a door.
//! ## What it needs
//! No rights. The router is the gateway of a default route, or named in `scanners.upnp_igd.routers`. A router
//! that speaks none of the three lets the scanner rest.
//! ## How it decides
//! Only the router's list is believed, never another device that calls itself one. Its description and its list
//! are fetched from its own address, from the port the description came from, without a redirect. A list that
//! ends as it should replaces the one before; one that breaks off, repeats itself or has more than 256 doors
//! adds doors and closes none. What a router did not answer three times in a row is taken as closed.
//! ## What fools it
//! A router that hides doors: those set by hand in its own pages are as a rule not in this list, and NAT-PMP and PCP
//! have no list at all (many routers show doors opened that way in UPnP's). An outer address that is itself private
//! belongs to a provider's translator or a second router.
//!
//! The outer address is kept inside and not published. Holds: [`ROUTERS_MAX`] routers, of each at most
//! [`told::DOORS_MAX`] doors.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};

use super::{Desk, ScanError, Work, page::page};
use crate::model::{Card, Clock, Fact, Health, InterfaceId, NetworkFacts, Probe, Source, Span, Subject};

mod gateway;
mod outer;
mod told;

use gateway::Listed;
use outer::Outer;
use told::Told;

pub(super) static CARD: Card =
    Card { id: "upnp_igd", title: "Doors in the router", needs: None, page: page!("upnp_igd.rs") };
pub(super) const SOURCE: Source = Source::UpnpIgd;
pub(super) const PROBES: &[Probe] = &[];

const ROUTERS_MAX: usize = 4;
/// Packets that a router is asked with, besides one request for each door.
const PACKETS: u32 = 24;

/// `scanners.upnp_igd`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// How often the router is asked.
    pub interval: Span,
    /// Routers to ask besides the gateways of the default routes, such as a second one on the same network.
    pub routers: Vec<Ipv4Addr>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { enabled: true, interval: Span::minutes(15), routers: Vec::new() }
    }
}

pub(super) async fn run(settings: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let mut known: BTreeMap<Ipv4Addr, Told> = BTreeMap::new();
    let mut asking = FuturesUnordered::new();
    let mut answered = false;
    loop {
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                // A router that drips is left to its end; the next round comes.
                Some(Work::Round) if asking.is_empty() => {
                    let routers = routers(&settings, &desk.network());
                    known.retain(|ip, _| routers.iter().any(|router| router.ip == *ip));
                    if routers.is_empty() {
                        desk.health(unknown());
                        desk.done(0);
                        desk.enough();
                        continue;
                    }
                    if !desk.pace(PACKETS * routers.len() as u32).await? {
                        return Ok(());
                    }
                    answered = false;
                    // Answers to the search take two seconds, the description and the list some time more.
                    desk.stay(Duration::from_secs(12));
                    asking.extend(routers.into_iter().map(|router| ask(router, desk.clock())));
                }
                Some(Work::Round | Work::Look(_)) => {}
            },
            Some((router, outer, listed)) = asking.next(), if !asking.is_empty() => {
                answered |= outer.is_there() || listed.is_some();
                let told = known.entry(router.ip).or_default();
                for (subject, fact) in told.news(router.ip, &outer, listed, &desk.network()) {
                    desk.report(router.interface, subject, fact).await?;
                }
                for name in outer.names() {
                    let fact = Fact::Service { tcp: false, port: crate::wire::natpmp::PORT, name: name.to_owned() };
                    desk.report(router.interface, Subject::ip(router.ip.into()), fact).await?;
                }
                if asking.is_empty() {
                    desk.health(if answered { Health::Up } else { Health::Off });
                    desk.done(known.values().map(|told| told.doors() as u64).sum());
                    desk.enough();
                }
            }
        }
    }
}

fn unknown() -> Health {
    let advice = "name the router in scanners.upnp_igd.routers".to_owned();
    Health::Degraded { why: "no router is known: there is no default route".to_owned(), advice: Some(advice) }
}

/// Whom to ask, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Router {
    ip: Ipv4Addr,
    /// Our address on its wire.
    own: Ipv4Addr,
    interface: Option<InterfaceId>,
}

async fn ask(router: Router, clock: Clock) -> (Router, Outer, Option<Listed>) {
    let (outer, listed) = tokio::join!(outer::ask(router.ip, router.own), gateway::ask(router.ip, router.own, clock));
    (router, outer, listed)
}

/// Gateways first, then those named, if they are on a wire of ours.
fn routers(settings: &Settings, facts: &NetworkFacts) -> Vec<Router> {
    let gateways = facts.interfaces.iter().flat_map(|interface| interface.gateways.iter().copied());
    let mut taken = BTreeSet::new();
    let on_wire = |ip: IpAddr| {
        let IpAddr::V4(v4) = ip else { return None };
        facts.interfaces.iter().filter(|interface| interface.up).find_map(|interface| {
            let subnet = interface.subnets.iter().find(|subnet| subnet.contains(ip))?;
            let own = interface.addresses.iter().find_map(|own| match own {
                IpAddr::V4(own) if subnet.contains((*own).into()) => Some(*own),
                _ => None,
            })?;
            Some(Router { ip: v4, own, interface: Some(interface.id) })
        })
    };
    gateways
        .chain(settings.routers.iter().map(|ip| IpAddr::from(*ip)))
        .filter(|ip| !facts.is_own_ip(*ip))
        .filter_map(on_wire)
        .filter(|router| taken.insert(router.ip))
        .take(ROUTERS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{InterfaceFacts, Subnet};

    #[test]
    fn gateways_and_named_routers_on_our_wires_are_asked() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let facts = NetworkFacts {
            interfaces: vec![InterfaceFacts {
                id: InterfaceId(2),
                name: "eth0".into(),
                mac: None,
                addresses: vec![ip("fe80::5"), ip("10.0.0.5")],
                up: true,
                subnets: vec![Subnet::new(ip("10.0.0.0"), 24).unwrap()],
                gateways: vec![ip("10.0.0.1"), ip("fe80::1"), ip("172.16.9.9")],
            }],
            labels: Vec::new(),
        };
        let named = ["10.0.0.2", "10.0.0.1", "10.0.0.5", "8.8.8.8"];
        let settings =
            Settings { routers: named.iter().map(|ip| ip.parse().unwrap()).collect(), ..Settings::default() };
        let found = routers(&settings, &facts);
        let shown: Vec<String> = found.iter().map(|router| format!("{} from {}", router.ip, router.own)).collect();
        assert_eq!(shown, ["10.0.0.1 from 10.0.0.5", "10.0.0.2 from 10.0.0.5"]);
        let many = Settings { routers: (10..40).map(|n| Ipv4Addr::new(10, 0, 0, n)).collect(), ..Settings::default() };
        assert_eq!(routers(&many, &facts).len(), ROUTERS_MAX);
    }
}
