//! # All addresses asked for
//!
//! ## What it finds
//! One machine that asks the address server for addresses in ever new names until none is left, or asks without end.
//! ## Why it matters
//! Nobody else gets an address; often a false server then offers its own.
//! ## How it decides
//! In a minute 20 requests for an address from one hardware address whose clients (the address inside) are others, or
//! 30 clients never seen before of which nobody goes on to use one, or 30 searches of one client with ever new
//! transactions. Of version 6: 20 searches under other names from one hardware address; those of a relay do not count.
//! ## What fools it
//! After a power cut all devices ask at once: they were seen before.
//! ## What to do
//! Find the device; a managed switch says at which port it is.
//!
//! Holds 1,024 clients and 256 senders.

use std::time::Duration;

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
        window::{Recent, Subjects, Weigh},
    },
    model::{Card, Category, Finding, Findings, MacAddr, Mono, Party, Severity, hash_of},
    traffic::owner,
    wire::{
        Frame,
        dhcp::{Dhcp, Kind, PORT_SERVER},
        dhcp6::{self, Dhcp6},
    },
};

pub static CARD: Card = Card {
    id: "dhcp_starvation",
    title: "All addresses asked for",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("dhcp_starvation.rs"),
};

pub type Settings = Usual;

const SENDERS_MAX: usize = 256;
const SPAN: Duration = Duration::from_secs(60);
const CLIENTS_MIN: u32 = 20;
const NEW_MIN: u32 = 30;
// A client repeats with one transaction (RFC 2131 §4.1), at most each 4 s.
const SEARCHES_MIN: u32 = 30;

#[derive(Debug, Clone)]
struct Sender {
    clients: Recent<MacAddr>,
    transactions: Recent<u32>,
}

impl Weigh for Sender {
    fn weight(&self, now: Mono, span: Duration) -> u32 {
        self.clients.weight(now, span)
    }
}

/// See the page above.
pub struct DhcpStarvation {
    bell: Bell,
    senders: Subjects<MacAddr, Sender>,
    /// Clients whose hardware address had said nothing else before, that search now.
    newcomers: Recent<MacAddr>,
}

impl DhcpStarvation {
    #[must_use]
    pub fn new(settings: Settings) -> DhcpStarvation {
        DhcpStarvation {
            bell: Bell::new(settings),
            senders: Subjects::new(SENDERS_MAX, SPAN, CLIENTS_MIN / 2),
            newcomers: Recent::new(1024),
        }
    }
}

impl DhcpStarvation {
    /// Clients of version 6 are told apart by the names they give themselves (RFC 8415 §11).
    fn heard_v6(&mut self, frame: &Frame<'_>, payload: &[u8], context: &Context<'_>, findings: &mut Findings) {
        let (Some(source), Some(message)) = (frame.source.filter(|mac| mac.is_station()), Dhcp6::read(payload)) else {
            return;
        };
        let Some(name) =
            message.option(dhcp6::option::CLIENT_ID).filter(|_| payload.first() == Some(&dhcp6::kind::SOLICIT))
        else {
            return;
        };
        let (now, hash) = (context.now.mono, hash_of(name).to_be_bytes());
        let fresh = |left| Sender { clients: Recent::with(64, left, now), transactions: Recent::new(64) };
        let Some(sender) = self.senders.of(source, owner(source), now, fresh) else { return };
        sender.clients.see(MacAddr([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5]]), now);
        let clients = sender.clients.within(now, SPAN);
        if clients < self.bell.scaled(CLIENTS_MIN) as usize {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Flood, Severity::Medium, format!("{source} v6"), context.now)
            .by(Party { device: None, mac: Some(source), ip: None })
            .why("kind", "many clients of one sender, version 6")
            .why("count", clients)
            .technique(&["T1499.002"])
            .points(if clients >= CLIENTS_MIN as usize * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

impl Detector for DhcpStarvation {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Packet]
    }

    fn held(&self) -> usize {
        self.senders.len() + self.newcomers.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let ports = [PORT_SERVER, dhcp6::PORT_SERVER];
        let Some(udp) = frame.udp().filter(|udp| ports.contains(&udp.destination)) else {
            // It goes on to speak: it is a device.
            if let Some(mac) = frame.source.filter(|_| !self.newcomers.is_empty()) {
                self.newcomers.forget(&mac);
            }
            return;
        };
        if udp.destination == dhcp6::PORT_SERVER {
            return self.heard_v6(frame, udp.payload, context, findings);
        }
        let (Some(source), Some(dhcp)) = (frame.source.filter(|mac| mac.is_station()), Dhcp::read(udp.payload)) else {
            return;
        };
        if dhcp.kind() != Some(Kind::Discover) || dhcp.is_relayed() {
            return;
        }
        let now = context.now.mono;
        let client = dhcp.client_mac.unwrap_or(source);
        if context.who.by_mac(client).is_none() || self.newcomers.has(&client) {
            self.newcomers.see(client, now);
        }
        let fresh = |left| Sender { clients: Recent::with(64, left, now), transactions: Recent::new(64) };
        let Some(sender) = self.senders.of(source, owner(source), now, fresh) else { return };
        sender.clients.see(client, now);
        sender.transactions.see(dhcp.transaction, now);
        let clients = sender.clients.within(now, SPAN);
        let searches = sender.transactions.within(now, SPAN);
        let newcomers = self.newcomers.within(now, SPAN);
        let scaled = |least: u32| self.bell.scaled(least) as usize;
        let (attacker, count, kind) = if clients >= scaled(CLIENTS_MIN) {
            (Some(source), clients, "many clients of one sender")
        } else if searches >= scaled(SEARCHES_MIN) {
            (Some(source), searches, "ever new searches")
        } else if newcomers >= scaled(NEW_MIN) {
            (None, newcomers, "clients that never go on")
        } else {
            return;
        };
        let key = attacker.map_or_else(|| "many".to_owned(), |mac| mac.to_string());
        let finding = Finding::new(CARD.id, Category::Flood, Severity::Medium, key, context.now)
            .by(Party { device: None, mac: attacker, ip: None })
            .why("kind", kind)
            .why("clients_seen", count)
            .technique(&["T1499.002"])
            .points(if count >= scaled(NEW_MIN) * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, arp, datagram, packet};

    fn discover(source: u8, client: u8, transaction: u8) -> Vec<u8> {
        let mut bytes = vec![1, 1, 6, 0, 0, 0, 0, transaction];
        bytes.resize(28, 0);
        bytes.extend([2, 0, 0, 0, 0, client]);
        bytes.resize(236, 0);
        bytes.extend([99, 130, 83, 99, 53, 1, 1, 255]);
        packet(source, 255, 17, &datagram(68, 67, &bytes))
    }

    #[test]
    fn names_without_number_of_version_6_are_told() {
        let run = |names: u8| -> usize {
            let mut stage = Stage::new(DhcpStarvation::new(Settings::default()));
            let ask = |n: u8| {
                let solicit = [1, 0, 0, n, 0, 1, 0, 10, 0, 3, 0, 1, 2, 0, 0, 0, 0, n % names];
                packet(9, 255, 17, &datagram(dhcp6::PORT_CLIENT, dhcp6::PORT_SERVER, &solicit))
            };
            (0..60u8).map(|n| stage.frame(&ask(n), u64::from(n) * 100).len()).sum()
        };
        assert!(run(60) > 0);
        assert_eq!(run(3), 0, "a device that asks again, and two behind it");
    }

    #[test]
    fn one_who_asks_for_many_is_named_and_a_power_cut_is_not() {
        let mut stage = Stage::new(DhcpStarvation::new(Settings::default()));
        let found: Vec<_> = (0..60u8).flat_map(|n| stage.frame(&discover(9, n, n), u64::from(n) * 100)).collect();
        assert_eq!(found.first().and_then(|f| f.attacker.mac), Some(MacAddr([2, 0, 0, 0, 0, 9])));
        let mut stage = Stage::new(DhcpStarvation::new(Settings::default()));
        let mut back = Vec::new();
        for n in 0..60u8 {
            back.extend(stage.frame(&discover(n, n, n), u64::from(n) * 100));
            back.extend(stage.frame(&arp(n, 1, n, n, 1), u64::from(n) * 100 + 50));
        }
        assert!(back.is_empty(), "everybody after a power cut");
        let mut stage = Stage::new(DhcpStarvation::new(Settings::default()));
        let retries: Vec<_> =
            (0..60u8).flat_map(|n| stage.frame(&discover(9, 9, n / 10), u64::from(n) * 4000)).collect();
        assert!(retries.is_empty(), "a device without a server");
    }
}
