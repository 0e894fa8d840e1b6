//! # Second address server
//!
//! ## What it finds
//! A device that hands out addresses though another already does.
//! ## Why it matters
//! Whoever hands out the address also says where the router and the name server are.
//! ## How it decides
//! Servers are told apart by their hardware address and server identifier. The first is the household's, and so is one
//! that was there for long. Another one that offers (+3) another router or name server (+3), to a question that the
//! first answers too (+2), is told; so is, as medium, another one that refuses what somebody asks for (DHCPNAK, RFC 2131
//! §4.3.2), which all hear. Of two that turned up within an hour the router of the home is the true one; who was a
//! server when the program was stopped, and has spoken at all since, was there before both, unless the other is the router
//! now. By DHCPv6 a server that is neither a router nor an address server of version 4 here,
//! and names itself or a link-local address as name server, is told: so do tools that take over what nobody uses; and, also
//! where no router is heard, one that gives out a link-local address, which every device has by itself. Relays and servers that hand out the same are not. Answers to this host's own
//! questions (scanner `dhcp_probe`) are judged alike: those are heard on any switch.
//! ## What fools it
//! A rogue that was there first, where the true one is no router: then the other one is named. On a plain host offers are heard only if they are
//! broadcast or meant for this host.
//! ## What to do
//! Look for a second router, a repeater in router mode, or a phone that shares its connection; switch its DHCP off.
//!
//! Holds 64 servers.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        kept::{Lines, next},
        rightful::routes,
        usual::Bell,
    },
    model::{
        Capped, Category, Fact, Finding, Findings, MacAddr, Moment, Mono, Observation, Party, Severity, is_link_local,
    },
    wire::{
        Frame,
        dhcp::{Dhcp, Kind, PORT_CLIENT, PORT_SERVER, option},
        dhcp6::{self, Dhcp6},
        nd::Nd,
    },
};

card!("rogue_dhcp", "Second address server");

const SERVERS_MAX: usize = 64;
const ROUTERS_MAX: usize = 16;
// A server that was silent for longer was replaced; one that is older by that much is older.
const REPLACED: Duration = Duration::from_secs(3600);

#[derive(Debug, Clone)]
struct Server {
    /// `None`: it was one when the program was stopped.
    first: Option<Mono>,
    /// `None`: not since.
    last: Option<Mono>,
    router: Option<Ipv4Addr>,
    dns: Vec<u8>,
    transaction: u32,
    relayed: bool,
}

impl Server {
    fn is_older(&self, than: &Server) -> bool {
        match (self.first, than.first) {
            (None, Some(_)) => true,
            (Some(a), Some(b)) => b.since(a) > REPLACED,
            _ => false,
        }
    }
}

type Name = (MacAddr, Ipv4Addr);

/// See the page above.
pub struct RogueDhcp {
    bell: Bell,
    servers: Capped<Name, Server>,
    /// As they were when the program was stopped, and not heard since.
    before: Vec<(Name, Server)>,
    /// Who routes version 6.
    routers: Capped<MacAddr, Mono>,
}

impl RogueDhcp {
    #[must_use]
    pub fn new(settings: Settings) -> RogueDhcp {
        RogueDhcp {
            bell: Bell::new(settings),
            servers: Capped::new(SERVERS_MAX),
            before: Vec::new(),
            routers: Capped::new(ROUTERS_MAX),
        }
    }
}

/// An address that needs no server is given out (RFC 8415 §6.2: those are of the networks behind it): identity
/// association, twelve bytes, then addresses (§21.4, §21.6).
fn gives_link_local(message: &Dhcp6<'_>) -> bool {
    let inner = message.option(dhcp6::option::IA_NA).and_then(|association| association.get(12..));
    let Some([code, b, _, _, ip @ ..]) = inner else { return false };
    let ip = ip.first_chunk::<16>().copied().map(IpAddr::from);
    u16::from_be_bytes([*code, *b]) == dhcp6::option::IA_ADDRESS && ip.is_some_and(is_link_local)
}

impl Detector for RogueDhcp {
    says!(self, [Udp, IcmpV6, Fact], self.servers.len() + self.routers.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        match evidence {
            Evidence::Packet(frame) => {
                self.heard(frame, context, findings);
                self.heard_v6(frame, context, findings);
            }
            Evidence::Observation(Observation { subject, fact: Fact::DhcpOffer(offer), .. }) => {
                // Offers to this host's own questions: they reach it on any switch.
                let id = offer.server.unwrap_or(offer.from);
                let mac = subject.mac.or_else(|| context.neighbours.holder(offer.from.into()));
                let Some(mac) = mac.filter(|mac| mac.is_station()) else { return };
                let server = Server {
                    first: Some(context.now.mono),
                    last: Some(context.now.mono),
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

    /// Servers and what they hand out, so that a rogue is not the first after a restart.
    fn learned(&self, _now: Moment) -> Option<String> {
        let mut lines = Lines::default();
        let before = self.before.iter().map(|(name, server)| (name, server));
        for ((mac, id), server) in self.servers.iter().chain(before).take(SERVERS_MAX) {
            let router = server.router.map_or_else(|| "-".to_owned(), |ip| ip.to_string());
            let dns: Vec<String> =
                server.dns.as_chunks::<4>().0.iter().map(|ip| Ipv4Addr::from_octets(*ip).to_string()).collect();
            lines.add(format!("{mac} {id} {} {router} {}", server.relayed, dns.join(" ")));
        }
        lines.done()
    }

    fn recall(&mut self, lines: &str, _now: Moment) {
        for line in lines.lines().take(SERVERS_MAX) {
            let mut words = line.split_whitespace();
            let (Some(mac), Some(id), Some(relayed)) = (next(&mut words), next(&mut words), next(&mut words)) else {
                continue;
            };
            let router = words.next().and_then(|word| word.parse().ok());
            let dns =
                words.filter_map(|word| word.parse::<Ipv4Addr>().ok()).take(4).flat_map(|ip| ip.octets()).collect();
            let server = Server { first: None, last: None, router, dns, transaction: 0, relayed };
            self.before.push(((mac, id), server));
        }
    }
}

impl RogueDhcp {
    /// Routers of version 6, and servers of DHCPv6.
    fn heard_v6(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Some(mac) = frame.source.filter(|mac| mac.is_station()) else { return };
        if let Some(Nd::RouterAdvert(advert)) = frame.icmp_v6().and_then(Nd::read) {
            if advert.lifetime_s > 0 {
                self.routers.insert(mac, context.now.mono);
            }
            return;
        }
        let Some(udp) = frame.udp().filter(|udp| udp.source == dhcp6::PORT_SERVER) else { return };
        let (Some(message), Some((from, to))) = (Dhcp6::read(udp.payload), frame.addresses()) else { return };
        if !matches!(message.kind, dhcp6::kind::ADVERTISE | dhcp6::kind::REPLY) || udp.destination != dhcp6::PORT_CLIENT
        {
            return;
        }
        let servers = message.option(dhcp6::option::DNS_SERVERS).unwrap_or_default().as_chunks::<16>().0;
        let mut servers = servers.iter().map(|ip| IpAddr::from(*ip));
        let names_itself = servers.any(|ip| ip == from || is_link_local(ip));
        let is_known = self.routers.contains(&mac)
            || context.neighbours.is_router(mac)
            || context.network.is_gateway(from)
            || self.servers.iter().any(|((server, _), _)| *server == mac);
        // Where no router was heard nobody knows who it is, unless it does what no server does.
        let router = self.routers.iter().find(|(other, _)| **other != mac).map(|(other, _)| *other);
        if is_known || !(names_itself && router.is_some() || gives_link_local(&message)) {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Spoofing, Severity::High, format!("{mac} v6"), context.now)
            .by(Party { device: None, mac: Some(mac), ip: Some(from) })
            .against(context.neighbours.party(to, frame.destination))
            .why("server_id", from)
            .why("server_mac", mac)
            .why("router", router.map_or_else(String::new, |mac| mac.to_string()))
            .why("offered_ip", "DHCPv6")
            .technique(&["T1557.003"])
            .points(5.5);
        self.bell.ring(finding, findings);
    }

    fn heard(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Some(udp) = frame.udp().filter(|udp| udp.source == PORT_SERVER && udp.destination == PORT_CLIENT) else {
            return;
        };
        let (Some(mac), Some(dhcp)) = (frame.source.filter(|mac| mac.is_station()), Dhcp::read(udp.payload)) else {
            return;
        };
        let refuses = dhcp.kind() == Some(Kind::Nak);
        let gives = matches!(dhcp.kind(), Some(Kind::Offer | Kind::Ack)) && !dhcp.your_ip.is_unspecified();
        if !gives && !refuses {
            return;
        }
        let Some(id) = dhcp.address(option::SERVER_ID).filter(|id| !id.is_unspecified() && !id.is_broadcast()) else {
            return;
        };
        let now = context.now.mono;
        let server = Server {
            first: Some(now),
            last: Some(now),
            router: dhcp.address(option::ROUTERS),
            dns: dhcp.option(option::DNS_SERVERS).unwrap_or_default().iter().take(16).copied().collect(),
            transaction: dhcp.transaction,
            relayed: dhcp.is_relayed(),
        };
        if refuses {
            return self.refused((mac, id), &server, context, findings);
        }
        self.judge((mac, id), server, dhcp.your_ip, context, findings);
    }

    /// A server that nobody knows says no to somebody, though the household's is there.
    fn refused(&mut self, name: Name, server: &Server, context: &Context<'_>, findings: &mut Findings) {
        let is_known = self.servers.contains(&name) || self.before.iter().any(|(known, _)| *known == name);
        let Some((other, known)) = self.other(name, context).filter(|_| !is_known && !server.relayed) else { return };
        if !Self::is_rather((other.0, &known), (name.0, server), context) || routes(name.0, context) > 0 {
            return;
        }
        let (mac, id) = name;
        let finding = Finding::new(CARD.id, Category::Spoofing, Severity::Medium, mac.to_string(), context.now)
            .by(Party { device: None, mac: Some(mac), ip: Some(id.into()) })
            .against(Party { device: None, mac: Some(other.0), ip: Some(other.1.into()) })
            .why("server_id", id)
            .why("server_mac", mac)
            .why("offered_ip", "none: it refuses")
            .technique(&["T1557.003"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }

    /// Of the others the server that is least to be doubted.
    fn other(&self, name: Name, context: &Context<'_>) -> Option<(Name, Server)> {
        let now = context.now.mono;
        let is_other = |other: &Name| other.0 != name.0 && other.1 != name.1;
        let heard = self.servers.iter().filter(|(_, known)| known.last.is_some_and(|at| now.since(at) <= REPLACED));
        let known = self.before.iter().filter(|((mac, _), _)| context.neighbours.is_host(*mac));
        let others = heard.chain(known.map(|(name, server)| (name, server))).filter(|(other, _)| is_other(other));
        let best = others.reduce(|a, b| if Self::is_rather((b.0.0, b.1), (a.0.0, a.1), context) { b } else { a });
        best.map(|(name, server)| (*name, server.clone()))
    }

    /// Whether `a` is the household's rather than `b`, as far as that can be said.
    fn is_rather(a: (MacAddr, &Server), b: (MacAddr, &Server), context: &Context<'_>) -> bool {
        let (routes_a, routes_b) = (routes(a.0, context), routes(b.0, context));
        // Of before, and silent since: the router of today is believed rather.
        let counts = |server: &Server, routes: i32, other: i32| server.last.is_some() || routes >= other;
        if a.1.is_older(b.1) && counts(a.1, routes_a, routes_b) {
            return true;
        }
        if b.1.is_older(a.1) && counts(b.1, routes_b, routes_a) {
            return false;
        }
        if routes_a == routes_b { a.1.first < b.1.first } else { routes_a > routes_b }
    }

    fn judge(
        &mut self,
        name: Name,
        mut server: Server,
        offered: Ipv4Addr,
        context: &Context<'_>,
        findings: &mut Findings,
    ) {
        if let Some(known) = self.servers.get(&name) {
            server.first = known.first;
        } else if let Some(place) = self.before.iter().position(|(known, _)| *known == name) {
            self.before.swap_remove(place);
            server.first = None;
        }
        self.servers.insert(name, server.clone());
        let Some((other, known)) = self.other(name, context) else { return };
        // Through a relay the hardware address is the relay's: several servers of one operator.
        if server.relayed && known.relayed {
            return;
        }
        let (mine, its) = ((name, &server), (other, &known));
        let (rogue, owner) = if Self::is_rather((other.0, &known), (name.0, &server), context) {
            (mine, its)
        } else if Self::is_rather((name.0, &server), (other.0, &known), context) {
            (its, mine)
        } else {
            return;
        };
        let mut points = 3.0;
        points += if server.router != known.router || server.dns != known.dns { 3.0 } else { 0.0 };
        points += if server.transaction == known.transaction { 2.0 } else { 0.0 };
        if points < 5.0 {
            return;
        }
        let ((mac, id), rogue) = rogue;
        if rogue.last.is_none() {
            return;
        }
        let ((owner_mac, owner_id), owner) = owner;
        let points_to_itself = rogue.router == Some(id) && rogue.router != owner.router;
        let severity = if points_to_itself { Severity::Critical } else { Severity::High };
        let finding = Finding::new(CARD.id, Category::Spoofing, severity, mac.to_string(), context.now)
            .by(Party { device: None, mac: Some(mac), ip: Some(id.into()) })
            .against(Party { device: None, mac: Some(owner_mac), ip: Some(owner_id.into()) })
            .why("server_id", id)
            .why("server_mac", mac)
            .why("router", rogue.router.map_or_else(String::new, |ip| ip.to_string()))
            .why("offered_ip", offered)
            .technique(&["T1557.003"])
            .points(points);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, arp, datagram, ip, packet};

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

    /// From link-local address `from` to all.
    fn v6(from: u8, next: u8, transport: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, from, 0x86, 0xdd, 0x60, 0, 0, 0];
        bytes.extend((transport.len() as u16).to_be_bytes());
        bytes.extend([next, 255, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, from]);
        bytes.extend([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend(transport);
        bytes
    }

    fn reply(from: u8, names: u8) -> Vec<u8> {
        let mut bytes = vec![dhcp6::kind::REPLY, 1, 2, 3, 0, 23, 0, 16, 0xfe, 0x80];
        bytes.resize(23, 0);
        bytes.push(names);
        v6(from, 17, &datagram(dhcp6::PORT_SERVER, dhcp6::PORT_CLIENT, &bytes))
    }

    #[test]
    fn a_server_of_version_6_that_is_no_router_is_told() {
        let router = v6(1, 58, &[134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
        let run = |frames: &[Vec<u8>]| -> Vec<Option<MacAddr>> {
            let mut stage = Stage::new(RogueDhcp::new(Settings::default()));
            let found = frames.iter().zip(1..).flat_map(|(frame, s)| stage.frame(frame, s * 1000));
            found.map(|finding| finding.attacker.mac).collect()
        };
        let rogue = Some(MacAddr([2, 0, 0, 0, 0, 66]));
        assert_eq!(run(&[router.clone(), reply(66, 66)]), [rogue]);
        assert!(run(&[router.clone(), reply(1, 1)]).is_empty(), "the router");
        assert!(run(&[reply(66, 66)]).is_empty(), "nobody knows who routes");
        let gives = |ip: [u8; 2]| {
            let mut bytes = vec![dhcp6::kind::REPLY, 1, 2, 3, 0, 3, 0, 40];
            bytes.extend([0; 12]);
            bytes.extend([0, 5, 0, 24, ip[0], ip[1]]);
            bytes.extend([7; 22]);
            v6(66, 17, &datagram(dhcp6::PORT_SERVER, dhcp6::PORT_CLIENT, &bytes))
        };
        assert_eq!(run(&[gives([0xfe, 0x80])]), [rogue], "what every device has by itself");
        assert!(run(&[gives([0x20, 1])]).is_empty() && run(&[gives([0xfd, 7])]).is_empty());
        assert!(run(&[router.clone(), offer(66, 1, 1), reply(66, 66)]).is_empty(), "the home's address server");
        for end in 0..reply(66, 66).len() {
            run(&[router.clone(), reply(66, 66)[..end].to_vec()]);
        }
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

    #[test]
    fn who_answers_first_after_a_start_is_not_the_server_for_it() {
        let new = || RogueDhcp::new(Settings::default());
        let mut learns = Stage::new(new());
        learns.frame(&offer(1, 1, 1), 1000);
        let lines = learns.detector.learned(Moment::default()).unwrap_or_default();
        let knows = || {
            let mut detector = new();
            detector.recall(&format!("rubbish\n{lines}"), Moment::default());
            Stage::new(detector)
        };
        let home = || Stage::new(new()).behind(ip(1));
        // No address is given with it.
        let refusal = |server: u8| {
            let mut bytes = offer(server, server, 9);
            let message = 42;
            bytes[message + 16..message + 20].fill(0);
            bytes[message + 242] = 6;
            bytes
        };
        // Speaks by ARP, so that it is known to be there.
        let alive = |n: u8| arp(n, 1, n, n, 77);
        let table = [
            ("the old one is there", knows(), vec![alive(1), offer(66, 66, 2)], Some(66)),
            ("the old one answers later", knows(), vec![offer(66, 66, 2), offer(1, 1, 2)], Some(66)),
            ("the router answers later", home(), vec![alive(1), offer(66, 66, 2), offer(1, 1, 2)], Some(66)),
            ("replaced", knows(), vec![offer(2, 2, 2), offer(2, 2, 3)], None),
            (
                "replaced, and an access point now",
                knows().behind(ip(2)),
                vec![alive(1), alive(2), offer(2, 2, 2), offer(2, 2, 3)],
                None,
            ),
            (
                "a server of its own beside the router",
                knows().behind(ip(2)),
                vec![offer(1, 1, 1), alive(2), offer(2, 2, 3)],
                Some(2),
            ),
            ("itself", knows(), vec![alive(1), offer(1, 1, 2)], None),
            ("one that refuses", knows(), vec![alive(1), refusal(66)], Some(66)),
            ("the new one refuses", knows().behind(ip(2)), vec![alive(2), refusal(2)], None),
            ("the old one refuses", knows(), vec![alive(1), refusal(1)], None),
            ("nobody else is known", Stage::new(new()), vec![refusal(66), offer(66, 66, 1)], None),
            ("nobody knows better", Stage::new(new()), vec![offer(1, 1, 2), offer(66, 66, 3)], Some(66)),
        ];
        for (name, mut stage, frames, told) in table {
            let found: Vec<_> = frames.iter().zip(1..).flat_map(|(frame, s)| stage.frame(frame, s * 1000)).collect();
            let who = found.first().map(|finding| finding.attacker.mac);
            assert_eq!(who, told.map(|n| Some(MacAddr([2, 0, 0, 0, 0, n]))), "{name}: {found:?}");
        }
    }
}
