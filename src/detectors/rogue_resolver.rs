//! # Another name server than the home's
//!
//! ## What it finds
//! A device that asks a name server on the Internet that nobody handed out here.
//! ## Why it matters
//! Who decides what names lead to decides where a device goes. Some malware does nothing but change that setting. And a
//! home's own filter is passed by.
//! ## How it decides
//! Which name servers are handed out is heard from DHCP and router advertisements; without that it says nothing. A device
//! that gets answers for five different names within an hour from another one, on the Internet: of the well-known public
//! ones that is noted once a week (makers write them into televisions and speakers); of any other it is medium. Who asks
//! more than four of them is a name server itself.
//! ## What fools it
//! A device that mixes both; one set by hand before DHCP was heard; encrypted look-ups.
//! ## What to do
//! Look at that device's network settings. If you set it yourself, add the server to `exempt`.
//!
//! Needs a mirror port or the router. Holds 32 handed out, and 512 devices with eight servers each.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell, window::Recent},
    model::{Capped, Category, Finding, Findings, Guarded, Mono, Role, Severity, is_private, is_unicast},
    traffic::{Dns, Talkers, What, owner},
    wire::{
        Frame,
        dhcp::{Dhcp, Kind, PORT_CLIENT, PORT_SERVER, option},
        nd,
    },
};

card!("rogue_resolver", "Another name server than the home's");

const GIVEN_MAX: usize = 32;
const CLIENTS_MAX: usize = 512;
const SERVERS_MAX: usize = 8;
const NAMES_MAX: usize = 8;
const NAMES_MIN: u32 = 5;
const SPAN: Duration = Duration::from_secs(3600);
const AGAIN: Duration = Duration::from_secs(7 * 86_400);
/// More, and it is a name server itself.
const RESOLVERS_MAX: usize = 4;
const PORT: u16 = 53;
/// RFC 8106 §5.1: the length, reserved, and the lifetime come before the addresses.
const RDNSS_HEAD: usize = 6;
/// First bytes of public name servers, as they publish them: Google, Cloudflare, Quad9, OpenDNS, AdGuard, Control D,
/// CleanBrowsing, Level 3, Verisign, Yandex, 114DNS, AliDNS, DNSPod, Baidu, Hurricane Electric, DNS.WATCH, dns0.eu.
const PUBLIC_V4: [[u8; 3]; 26] = [
    [8, 8, 8],
    [8, 8, 4],
    [1, 1, 1],
    [1, 0, 0],
    [9, 9, 9],
    [149, 112, 112],
    [208, 67, 222],
    [208, 67, 220],
    [94, 140, 14],
    [94, 140, 15],
    [76, 76, 2],
    [76, 76, 10],
    [185, 228, 168],
    [185, 228, 169],
    [4, 2, 2],
    [64, 6, 64],
    [64, 6, 65],
    [77, 88, 8],
    [114, 114, 114],
    [114, 114, 115],
    [223, 5, 5],
    [223, 6, 6],
    [119, 29, 29],
    [180, 76, 76],
    [84, 200, 69],
    [193, 110, 81],
];
/// The same ones' of version 6.
const PUBLIC_V6: [[u16; 2]; 7] = [
    [0x2001, 0x4860],
    [0x2606, 0x4700],
    [0x2620, 0x00fe],
    [0x2620, 0x0119],
    [0x2a10, 0x50c0],
    [0x2606, 0x1a40],
    [0x2400, 0x3200],
];

/// Names one server answered, and when it was told.
#[derive(Debug, Clone)]
struct Asked {
    names: Recent<u64>,
    told: Option<Mono>,
}

/// See the page above.
pub struct RogueResolver {
    bell: Bell,
    given: Capped<IpAddr, ()>,
    clients: Guarded<IpAddr, Vec<(IpAddr, Asked)>>,
}

impl RogueResolver {
    #[must_use]
    pub fn new(settings: Settings) -> RogueResolver {
        RogueResolver { bell: Bell::new(settings), given: Capped::new(GIVEN_MAX), clients: Guarded::new(CLIENTS_MAX) }
    }

    /// What servers and routers hand out.
    fn given(&mut self, frame: &Frame<'_>) {
        if let Some(udp) = frame.udp().filter(|udp| (udp.source, udp.destination) == (PORT_SERVER, PORT_CLIENT)) {
            let Some(dhcp) =
                Dhcp::read(udp.payload).filter(|dhcp| matches!(dhcp.kind(), Some(Kind::Offer | Kind::Ack)))
            else {
                return;
            };
            for ip in dhcp.option(option::DNS_SERVERS).unwrap_or_default().as_chunks::<4>().0.iter().take(4) {
                self.given.insert(IpAddr::from(*ip), ());
            }
        } else if let Some(advert @ nd::Nd::RouterAdvert(_)) = frame.icmp_v6().and_then(nd::Nd::read) {
            let servers = advert.options().filter(|(kind, _)| *kind == nd::option::DNS_SERVERS);
            for (_, value) in servers.take(4) {
                let addresses = value.get(RDNSS_HEAD..).unwrap_or_default();
                for ip in addresses.as_chunks::<16>().0.iter().take(4) {
                    self.given.insert(IpAddr::from(*ip), ());
                }
            }
        }
    }

    fn answered(&mut self, talk: &Talkers, dns: &Dns, context: &Context<'_>, findings: &mut Findings) {
        let (client, server) = (talk.client, talk.server.ip);
        let is_outside = is_unicast(server) && !is_private(server) && talk.server.port == PORT;
        // Answers of a family of which nothing was handed out prove nothing.
        let is_judged = self.given.iter().any(|(given, ())| given.is_ipv4() == server.is_ipv4());
        if !is_outside || !is_judged || self.given.contains(&server) || context.network.is_gateway(client.ip) {
            return;
        }
        let device = client.mac.and_then(|mac| context.who.by_mac(mac));
        let is_at_home = client.mac.is_some() || is_private(client.ip);
        if !is_at_home || device.is_some_and(|device| context.who.role(device) != Role::Other) {
            return;
        }
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        if self.clients.get(&client.ip).is_none() {
            self.clients.insert(client.ip, Vec::new(), client.mac.map_or(0, owner), tick);
        }
        let Some(servers) = self.clients.get_mut(&client.ip, tick) else { return };
        let place = match servers.iter().position(|(known, _)| *known == server) {
            Some(place) => place,
            None if servers.len() >= SERVERS_MAX => return,
            None => {
                servers.push((server, Asked { names: Recent::new(NAMES_MAX), told: None }));
                servers.len() - 1
            }
        };
        let count = servers.len();
        let Some((_, asked)) = servers.get_mut(place) else { return };
        asked.names.see(crate::model::hash_of(&dns.name), now);
        let names = asked.names.within(now, SPAN);
        let is_told = asked.told.is_some_and(|at| now.since(at) < AGAIN);
        if count > RESOLVERS_MAX || names < self.bell.scaled(NAMES_MIN) as usize || is_told {
            return;
        }
        asked.told = Some(now);
        let severity = if is_public(server) { Severity::Info } else { Severity::Medium };
        let finding = Finding::new(CARD.id, Category::Dns, severity, format!("{} {server}", client.ip), context.now)
            .by(client.party())
            .against(talk.server.party())
            .why("client", client.ip)
            .why("resolver", server)
            .why("names", names)
            .technique(&["T1071.004"])
            .points(5.0);
        if !self.bell.is_exempt(&finding.victim) {
            self.bell.ring(finding, findings);
        }
    }
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => PUBLIC_V4.iter().any(|first| ip.octets().starts_with(first)),
        IpAddr::V6(ip) => PUBLIC_V6.iter().any(|first| ip.segments().starts_with(first)),
    }
}

impl Detector for RogueResolver {
    says!(
        self,
        [Udp, IcmpV6, Dns],
        self.given.len() + self.clients.iter().map(|(_, servers)| 1 + servers.len()).sum::<usize>()
    );

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        match evidence {
            Evidence::Packet(frame) => self.given(frame),
            Evidence::Traffic(noticed) => {
                if let What::Dns(dns) = &noticed.what
                    && dns.is_answer
                    && dns.answer_count > 0
                {
                    self.answered(&noticed.talk, dns, context, findings);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, between, datagram, dns, ip, mac};

    /// An offer of 192.168.7.9 with name server 192.168.7.1.
    fn offer() -> Vec<u8> {
        let mut bytes = vec![2, 1, 6, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend(ip(9));
        bytes.resize(28, 0);
        bytes.extend(mac(9));
        bytes.resize(236, 0);
        bytes.extend([99, 130, 83, 99, 53, 1, 5, 54, 4, 192, 168, 7, 1, 6, 4, 192, 168, 7, 1, 255]);
        between((mac(1), ip(1)), (mac(9), ip(9)), 17, &datagram(67, 68, &bytes))
    }

    fn answer(server: [u8; 4], id: u16, name: &str) -> [Vec<u8>; 2] {
        let (me, far) = ((mac(9), ip(9)), (mac(1), server));
        let mut said = dns(id, Some(0), name, 1);
        said[7] = 1;
        said.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 93, 184, 216, 34]);
        [
            between(me, far, 17, &datagram(40_000 + id, 53, &dns(id, None, name, 1))),
            between(far, me, 17, &datagram(53, 40_000 + id, &said)),
        ]
    }

    fn run(servers: &[[u8; 4]], is_given: bool, names: u16) -> Vec<Severity> {
        let mut stage = Stage::new(RogueResolver::new(Settings::default())).behind(ip(1));
        let mut found = if is_given { stage.frame(&offer(), 0) } else { Vec::new() };
        for n in 0..40u16 {
            let server = servers[usize::from(n) % servers.len()];
            for frame in answer(server, n, &format!("host{}.example.com", n % names)) {
                found.extend(stage.frame(&frame, 1000 + u64::from(n) * 100));
            }
        }
        found.iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn a_server_nobody_handed_out_is_told() {
        let odd = [203, 0, 113, 53];
        assert_eq!(run(&[odd], true, 20), [Severity::Medium]);
        assert_eq!(run(&[[8, 8, 8, 8]], true, 20), [Severity::Info], "a television");
        assert!(run(&[ip(1)], true, 20).is_empty(), "the home's own");
        assert!(run(&[odd], false, 20).is_empty(), "nobody knows what was handed out");
        assert!(run(&[odd], true, 2).is_empty(), "two names");
        let many: Vec<[u8; 4]> = (0..8).map(|n| [203, 0, 113, n]).collect();
        assert!(run(&many, true, 20).is_empty(), "a name server of its own");
    }
}
