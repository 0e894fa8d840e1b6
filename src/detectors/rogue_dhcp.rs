//! # Second address server
//!
//! ## What it finds
//! A device that hands out addresses though another already does.
//! ## Why it matters
//! Whoever hands out the address also says where the router and the name server are.
//! ## How it decides
//! Servers are told apart by their hardware address and server identifier. The first is the household's, and so is one
//! that was there for long. Another one that offers (+3) another router or name server (+3), to a question that the
//! first answers too (+2), is told. Relays and servers that hand out the same are not. Answers to this host's own
//! questions (scanner `dhcp_probe`) are judged alike: those are heard on any switch.
//! ## What fools it
//! A rogue that was there first: then the other one is named. On a plain host offers are heard only if they are
//! broadcast or meant for this host.
//! ## What to do
//! Look for a second router, a repeater in router mode, or a phone that shares its connection; switch its DHCP off.
//!
//! Holds 64 servers.

use std::{net::Ipv4Addr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
    },
    model::{Capped, Card, Category, Fact, Finding, Findings, MacAddr, Mono, Observation, Party, Severity},
    wire::{
        Frame,
        dhcp::{Dhcp, Kind, PORT_CLIENT, PORT_SERVER, option},
    },
};

pub static CARD: Card = Card {
    id: "rogue_dhcp",
    title: "Second address server",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("rogue_dhcp.rs"),
};

pub type Settings = Usual;

const SERVERS_MAX: usize = 64;
// A server that was silent for longer was replaced.
const REPLACED: Duration = Duration::from_secs(3600);

#[derive(Debug, Clone)]
struct Server {
    first: Mono,
    last: Mono,
    router: Option<Ipv4Addr>,
    dns: Vec<u8>,
    transaction: u32,
    relayed: bool,
}

/// See the page above.
pub struct RogueDhcp {
    bell: Bell,
    servers: Capped<(MacAddr, Ipv4Addr), Server>,
}

impl RogueDhcp {
    #[must_use]
    pub fn new(settings: Settings) -> RogueDhcp {
        RogueDhcp { bell: Bell::new(settings), servers: Capped::new(SERVERS_MAX) }
    }
}

impl Detector for RogueDhcp {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Udp, Needs::Fact]
    }

    fn held(&self) -> usize {
        self.servers.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        match evidence {
            Evidence::Packet(frame) => self.heard(frame, context, findings),
            Evidence::Observation(Observation { subject, fact: Fact::DhcpOffer(offer), .. }) => {
                // Offers to this host's own questions: they reach it on any switch.
                let id = offer.server.unwrap_or(offer.from);
                let mac = subject.mac.or_else(|| context.neighbours.holder(offer.from.into()));
                let Some(mac) = mac.filter(|mac| mac.is_station()) else { return };
                let server = Server {
                    first: self.since(mac, id, context.now.mono),
                    last: context.now.mono,
                    router: offer.routers.first().copied(),
                    dns: offer.dns.iter().flat_map(|ip| ip.octets()).take(16).collect(),
                    transaction: offer.transaction,
                    relayed: offer.relay.is_some(),
                };
                self.judge((mac, id), server, offer.offered, context, findings);
            }
            _ => {}
        }
    }
}

impl RogueDhcp {
    fn since(&self, mac: MacAddr, id: Ipv4Addr, now: Mono) -> Mono {
        self.servers.get(&(mac, id)).map_or(now, |known| known.first)
    }

    fn heard(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Some(udp) = frame.udp().filter(|udp| udp.source == PORT_SERVER && udp.destination == PORT_CLIENT) else {
            return;
        };
        let (Some(mac), Some(dhcp)) = (frame.source.filter(|mac| mac.is_station()), Dhcp::read(udp.payload)) else {
            return;
        };
        if !matches!(dhcp.kind(), Some(Kind::Offer | Kind::Ack)) || dhcp.your_ip.is_unspecified() {
            return;
        }
        let Some(id) = dhcp.address(option::SERVER_ID).filter(|id| !id.is_unspecified() && !id.is_broadcast()) else {
            return;
        };
        let now = context.now.mono;
        let server = Server {
            first: self.since(mac, id, now),
            last: now,
            router: dhcp.address(option::ROUTERS),
            dns: dhcp.option(option::DNS_SERVERS).unwrap_or_default().iter().take(16).copied().collect(),
            transaction: dhcp.transaction,
            relayed: dhcp.is_relayed(),
        };
        self.judge((mac, id), server, dhcp.your_ip, context, findings);
    }

    fn judge(
        &mut self,
        (mac, id): (MacAddr, Ipv4Addr),
        server: Server,
        offered: Ipv4Addr,
        context: &Context<'_>,
        findings: &mut Findings,
    ) {
        let now = context.now.mono;
        let owner = self
            .servers
            .iter()
            .filter(|((other, other_id), known)| *other != mac && *other_id != id && now.since(known.last) <= REPLACED)
            .min_by_key(|(_, known)| known.first)
            .filter(|(_, known)| known.first < server.first)
            .map(|(key, known)| (*key, known.clone()));
        self.servers.insert((mac, id), server.clone());
        let Some(((owner_mac, owner_id), known)) = owner else { return };
        // Through a relay the hardware address is the relay's: several servers of one operator.
        if server.relayed && known.relayed {
            return;
        }
        let mut points = 3.0;
        points += if server.router != known.router || server.dns != known.dns { 3.0 } else { 0.0 };
        points += if server.transaction == known.transaction { 2.0 } else { 0.0 };
        let points_to_itself = server.router == Some(id) && server.router != known.router;
        if points < 5.0 {
            return;
        }
        let severity = if points_to_itself { Severity::Critical } else { Severity::High };
        let finding = Finding::new(CARD.id, Category::Spoofing, severity, mac.to_string(), context.now)
            .by(Party { device: None, mac: Some(mac), ip: Some(id.into()) })
            .against(Party { device: None, mac: Some(owner_mac), ip: Some(owner_id.into()) })
            .why("server_id", id)
            .why("server_mac", mac)
            .why("router", server.router.map_or_else(String::new, |ip| ip.to_string()))
            .why("offered_ip", offered)
            .technique(&["T1557.003"])
            .points(points);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, datagram, ip, packet};

    fn offer(server: u8, router: u8, transaction: u8) -> Vec<u8> {
        let mut bytes = vec![2, 1, 6, 0, 0, 0, 0, transaction, 0, 0, 0x80, 0, 0, 0, 0, 0];
        bytes.extend(ip(77));
        bytes.extend([0; 8]);
        bytes.extend([2, 0, 0, 0, 0, 77]);
        bytes.resize(236, 0);
        bytes.extend([99, 130, 83, 99, 53, 1, 2, 54, 4]);
        bytes.extend(ip(server));
        bytes.extend([3, 4]);
        bytes.extend(ip(router));
        bytes.push(255);
        packet(server, 255, 17, &datagram(67, 68, &bytes))
    }

    #[test]
    fn a_second_server_with_another_router_is_told() {
        let run = |offers: &[(u8, u8, u8, u64)]| -> Vec<Finding> {
            let mut stage = Stage::new(RogueDhcp::new(Settings::default()));
            offers.iter().flat_map(|(server, router, id, ms)| stage.frame(&offer(*server, *router, *id), *ms)).collect()
        };
        let found = run(&[(1, 1, 1, 0), (66, 66, 2, 60_000)]);
        assert_eq!(
            found.first().map(|f| (f.attacker.mac, f.severity)),
            Some((Some(MacAddr([2, 0, 0, 0, 0, 66])), Severity::Critical))
        );
        let asked = |server: u8| {
            let offer = crate::model::DhcpOffer {
                server: Some(ip(server).into()),
                from: ip(server).into(),
                relay: None,
                transaction: 7,
                offered: ip(77).into(),
                mask: None,
                lease_s: None,
                routers: vec![ip(server).into()],
                dns: vec![ip(server).into()],
                domain: None,
                proxy_config: None,
                has_routes: false,
            };
            (crate::model::Subject::mac(MacAddr([2, 0, 0, 0, 0, server])), Fact::DhcpOffer(offer))
        };
        let mut stage = Stage::new(RogueDhcp::new(Settings::default()));
        let told: usize = [1, 1, 66].map(asked).into_iter().map(|(who, fact)| stage.saw(who, fact, 1000).len()).sum();
        assert_eq!(told, 0, "at one moment nobody was first");
        let (who, fact) = asked(67);
        assert_eq!(stage.saw(who, fact, 9000).len(), 1, "asked for by this host");
        assert!(run(&[(1, 1, 1, 0), (1, 1, 2, 9000)]).is_empty(), "one server");
        assert!(run(&[(1, 1, 1, 0), (66, 66, 2, 7_200_000)]).is_empty(), "replaced");
        assert!(run(&[(1, 1, 1, 0), (2, 1, 2, 60_000)]).is_empty(), "two that hand out the same");
    }
}
