//! # Device that attacks others
//!
//! ## What it finds
//! A device of the home that tries one port of very many hosts of the Internet.
//! ## Why it matters
//! It is what an infected device does to infect others.
//! ## How it decides
//! In a minute 15 hosts in 15 different networks (/24) on one port that malware spreads by (Telnet, SSH, file sharing,
//! remote desktops, cameras, routers), or by datagrams at services that worms or floods of others use, of which at least 80 % do not accept; Telnet and
//! the ports of routers' holes whether they accept or not. Mail that is brought to so many servers at once is medium.
//! ## What fools it
//! Slower searches; ports that are not on the list: peer-to-peer programs try very many of those.
//! ## What to do
//! Disconnect the device, reset it, update it, give it another password.
//!
//! Holds 1,024 pairs of device and port with 64 networks each.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
        window::{Recent, Subjects, Weigh, Window},
    },
    model::{Card, Category, Finding, Findings, MacAddr, Mono, Port, Severity, is_private},
    traffic::{Outcome, Start, What, owner},
    wire::protocol,
};

pub static CARD: Card = Card {
    id: "outbound_scan",
    title: "Device that attacks others",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("outbound_scan.rs"),
};

pub type Settings = Usual;

const PAIRS_MAX: usize = 1024;
const SPAN: Duration = Duration::from_secs(60);
const NETWORKS_MIN: u32 = 15;
// A fifth of them may accept.
const ACCEPT_SHARE: u32 = 5;
// Mirai, Hajime, Mozi, WannaCry and their like, by the reports on each.
const PORTS: [Port; 19] =
    [22, 23, 25, 2323, 26, 445, 139, 3389, 5555, 7547, 5358, 8291, 37215, 52869, 5900, 6379, 1433, 2375, 9527];

/// Doors that worms knock at by datagrams, and services by which others are flooded (US-CERT TA14-017A). Not those of
/// name servers and clocks, of which some devices ask very many.
const DATAGRAMS: [Port; 13] = [17, 19, 69, 111, 137, 161, 389, 1434, 1900, 3702, 5683, 11211, 53413];

/// Doors that nobody opens in fifteen networks within a minute for a good reason, whether they let him in or not.
const NOBODY_USES: [Port; 8] = [23, SMTP, 2323, 26, 5555, 7547, 37215, 52869];
/// Between mail servers (RFC 5321 §4.5.4.2): people's programs hand their mail to one server, at other ports.
const SMTP: Port = 25;

#[derive(Debug, Clone)]
struct Tried {
    networks: Recent<IpAddr>,
    opened: Window,
    accepted: Window,
}

impl Weigh for Tried {
    fn weight(&self, now: Mono, span: Duration) -> u32 {
        self.networks.weight(now, span)
    }
}

/// See the page above.
pub struct OutboundScan {
    bell: Bell,
    pairs: Subjects<(Option<MacAddr>, IpAddr, Port), Tried>,
}

impl OutboundScan {
    #[must_use]
    pub fn new(settings: Settings) -> OutboundScan {
        OutboundScan { bell: Bell::new(settings), pairs: Subjects::new(PAIRS_MAX, SPAN, NETWORKS_MIN * 2 / 3) }
    }
}

fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            IpAddr::from([a, b, c, 0])
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            IpAddr::from([a, b, c, 0, 0, 0, 0, 0])
        }
    }
}

impl Detector for OutboundScan {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Opened, Needs::Outcome]
    }

    fn held(&self) -> usize {
        self.pairs.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let talk = &noticed.talk;
        let (client, server) = (talk.client, talk.server);
        let is_door = match talk.protocol {
            protocol::TCP => talk.is_sure && PORTS.contains(&server.port),
            protocol::UDP => DATAGRAMS.contains(&server.port),
            _ => false,
        };
        let outwards = is_door && !is_private(server.ip) && (is_private(client.ip) || client.mac.is_some());
        if !outwards {
            return;
        }
        let now = context.now.mono;
        let key = (client.mac, client.ip, server.port);
        let fresh = |left| Tried {
            networks: Recent::with(64, left, now),
            opened: Window::with(left, now),
            accepted: Window::default(),
        };
        let Some(tried) = self.pairs.of(key, client.mac.map_or(0, owner), now, fresh) else { return };
        match noticed.what {
            What::Opened(Start::Syn | Start::Datagram) => {
                tried.opened.add(now, 1);
                tried.networks.see(network(server.ip), now);
            }
            What::Outcome(Outcome::Answered) => return tried.accepted.add(now, 1),
            _ => return,
        }
        let networks = tried.networks.within(now, SPAN);
        let (opened, accepted) = (tried.opened.sum(now, 60), tried.accepted.sum(now, 60));
        if networks < self.bell.scaled(NETWORKS_MIN) as usize
            || accepted * ACCEPT_SHARE > opened && !NOBODY_USES.contains(&server.port)
        {
            return;
        }
        // A home's own mail server that keeps a list of readers does so too.
        let severity = if server.port == SMTP { Severity::Medium } else { Severity::Critical };
        let finding =
            Finding::new(CARD.id, Category::Scan, severity, format!("{} {}", client.ip, server.port), context.now)
                .by(client.party())
                .why("port", server.port)
                .why("networks", networks)
                .why("tried", opened)
                .why("accepted", accepted)
                .technique(&["T1046"])
                .points(if networks >= 30 { 8.0 } else { 6.5 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{ACK, SYN, Stage, between, datagram, ip, mac, segment};

    fn tries(port: u16, accept: bool) -> usize {
        let mut stage = Stage::new(OutboundScan::new(Settings::default()));
        let mut count = 0;
        for n in 0..40u8 {
            let (me, other) = ((mac(9), ip(9)), (mac(1), [80, n, 7, 7]));
            count += stage.frame(&between(me, other, 6, &segment(40_000, port, SYN, 1, b"")), u64::from(n) * 300).len();
            if accept {
                count += stage
                    .frame(&between(other, me, 6, &segment(port, 40_000, SYN | ACK, 1, b"")), u64::from(n) * 300 + 9)
                    .len();
            }
        }
        count
    }

    #[test]
    fn many_networks_on_one_port_of_malware_are_told() {
        assert!(tries(23, false) > 0 && tries(23, true) > 0, "nobody visits forty networks by Telnet");
        assert!(tries(25, true) > 0, "mail to everybody");
        assert_eq!((tries(587, true), tries(993, true)), (0, 0), "mail of people");
        let datagrams = |port: u16| -> usize {
            let mut stage = Stage::new(OutboundScan::new(Settings::default()));
            let ask = |n: u8| between((mac(9), ip(9)), (mac(1), [80, n, 7, 7]), 17, &datagram(1055, port, &[4; 40]));
            (0..40u8).map(|n| stage.frame(&ask(n), u64::from(n) * 100).len()).sum()
        };
        assert!(datagrams(1434) > 0, "a worm");
        assert_eq!((datagrams(123), datagrams(6881)), (0, 0), "a clock of a pool, a swarm");
        assert_eq!((tries(22, true), tries(51_413, false), tries(443, false)), (0, 0, 0));
    }
}
