//! # Peer-to-peer
//!
//! ## What it finds
//! A device that shares files with strangers (BitTorrent).
//! ## Why it matters
//! Nothing is wrong with it. It explains hundreds of connections that fail, and traffic at night; and it may not be what
//! whoever pays the line wants.
//! ## How it decides
//! The greeting of BitTorrent (BEP 3), or questions of its distributed table (BEP 5, `d1:ad2:id20:`) to five different
//! hosts of the Internet within ten minutes. Once a day for each device.
//! ## What fools it
//! Encrypted connections whose peers come from a tracker alone.
//! ## What to do
//! Nothing, if you know about it.
//!
//! It is noted, not told, unless set otherwise. Holds 256 devices with 8 peers each.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::{Bell, Noted},
        window::Recent,
    },
    model::{Card, Category, Finding, Findings, Guarded, Party, Severity, is_private},
    traffic::{What, owner},
    wire::Frame,
};

pub static CARD: Card =
    Card { id: "p2p", title: "Peer-to-peer", needs: Some("CAP_NET_RAW"), page: include_str!("p2p.rs") };

pub type Settings = Noted;

const DEVICES_MAX: usize = 256;
const PEERS_MAX: usize = 8;
const PEERS_MIN: u32 = 5;
const SPAN: Duration = Duration::from_secs(600);
/// BEP 3: the length of the name, and the name.
const GREETING: &[u8] = b"\x13BitTorrent protocol";
/// BEP 5: a question, its arguments first, of which the first is the asker's id.
const QUESTION: &[u8] = b"d1:ad2:id20:";

/// See the page above.
pub struct P2p {
    bell: Bell,
    devices: Guarded<IpAddr, Recent<IpAddr>>,
}

impl P2p {
    #[must_use]
    pub fn new(settings: Settings) -> P2p {
        P2p { bell: Bell::new(settings.into()), devices: Guarded::new(DEVICES_MAX) }
    }

    fn asked(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let is_question = frame.udp().is_some_and(|udp| udp.payload.starts_with(QUESTION));
        let Some((from, to)) = frame.addresses().filter(|_| is_question) else { return };
        if !is_private(from) || is_private(to) {
            return;
        }
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        if self.devices.get(&from).is_none() {
            self.devices.insert(from, Recent::new(PEERS_MAX), frame.source.map_or(0, owner), tick);
        }
        let Some(peers) = self.devices.get_mut(&from, tick) else { return };
        peers.see(to, now);
        if peers.within(now, SPAN) >= self.bell.scaled(PEERS_MIN) as usize {
            self.tell(context.neighbours.party(from, frame.source), "table", context, findings);
        }
    }

    fn tell(&mut self, who: Party, kind: &str, context: &Context<'_>, findings: &mut Findings) {
        let key = who.mac.map(|mac| mac.to_string()).or(who.ip.map(|ip| ip.to_string())).unwrap_or_default();
        let finding = Finding::new(CARD.id, Category::Malware, Severity::Info, key, context.now)
            .by(who)
            .why("kind", kind)
            .why("protocol", "BitTorrent")
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

impl Detector for P2p {
    says!(self, [Udp, Said], self.devices.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        match evidence {
            Evidence::Packet(frame) => self.asked(frame, context, findings),
            Evidence::Traffic(noticed) => {
                let (What::Said { from: 0, bytes, .. } | What::Joined { from: 0, bytes, .. }) = &noticed.what else {
                    return;
                };
                if bytes.starts_with(GREETING) {
                    // Whoever of the two is at home shares.
                    let (client, server) = (noticed.talk.client, noticed.talk.server);
                    let who = if is_private(client.ip) { client } else { server };
                    self.tell(who.party(), "peers", context, findings);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, between, conversation, datagram, ip, mac};

    #[test]
    fn the_greeting_and_the_table_are_known() {
        let greet = |bytes: &[u8]| -> usize {
            let mut stage = Stage::new(P2p::new(Settings::default()));
            let frames = conversation((9, 50_000), (5, 6881), &[(true, bytes)]);
            frames.iter().zip(0..).map(|(frame, n)| stage.frame(frame, n * 10).len()).sum()
        };
        assert_eq!(greet(b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0"), 1);
        assert_eq!(greet(b"GET /BitTorrent protocol"), 0);
        let ask = |peers: u8, payload: &[u8]| -> usize {
            let mut stage = Stage::new(P2p::new(Settings::default()));
            let (me, bytes) = ((mac(9), ip(9)), datagram(6881, 6881, payload));
            let frame = |n: u8| between(me, (mac(1), [203, 0, 113, n]), 17, &bytes);
            (0..60).map(|n| stage.frame(&frame(n % peers), u64::from(n) * 1000).len()).sum()
        };
        assert_eq!(ask(20, b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping"), 1);
        assert_eq!(ask(3, b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping"), 0, "a few");
        assert_eq!(ask(20, b"d1:rd2:id20:abcdefghij0123456789e"), 0, "answers");
    }
}
