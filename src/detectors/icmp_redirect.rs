//! # Detour by ICMP
//!
//! ## What it finds
//! A message that tells a host to send its traffic through another machine, by somebody who is no router.
//! ## Why it matters
//! Hosts that believe it send what is meant for the Internet to whoever the message names.
//! ## How it decides
//! A redirect (RFC 792, RFC 4861 §4.5) is told if the hardware address that sent it is not that of the address it
//! speaks for, or if its sender never passed on anything for others, is no gateway of this host, and nobody sends it what
//! is meant for the Internet. A router that names another machine is noted. One that says that a host is right there, on
//! the same wire, is silent. Two hundred in ten seconds are told whoever sends them, and whatever they say.
//! ## What fools it
//! Two real routers of which one was never heard.
//! ## What to do
//! Find the sender. Systems can be told to ignore redirects.
//!
//! Holds 256 senders.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::Bell,
        window::{Subjects, Window},
    },
    model::{Category, Finding, Findings, MacAddr, Party, Severity},
    traffic::owner,
    wire::{
        icmp::Icmp,
        ipv4::Ipv4,
        nd::{Nd, is_local},
    },
};

card!("icmp_redirect", "Detour by ICMP");

const SENDERS_MAX: usize = 256;
/// Routers send one a second for each destination (RFC 1812 §5.2.7.2, Linux `error_cost`).
const FLOOD_MIN: u32 = 200;
const FLOOD_S: u64 = 10;

/// The destination of the packet that a message quotes.
fn quoted(icmp: &Icmp<'_>) -> Option<IpAddr> {
    Ipv4::read(icmp.body).0.map(|header| header.destination.into())
}

/// See the page above.
pub struct IcmpRedirect {
    bell: Bell,
    /// How many each sends.
    sent: Subjects<MacAddr, Window>,
}

impl IcmpRedirect {
    #[must_use]
    pub fn new(settings: Settings) -> IcmpRedirect {
        let sent = Subjects::new(SENDERS_MAX, Duration::from_secs(FLOOD_S), FLOOD_MIN / 2);
        IcmpRedirect { bell: Bell::new(settings), sent }
    }

    /// One more, whatever it says: too many?
    fn floods(&mut self, mac: MacAddr, to: IpAddr, context: &Context<'_>, findings: &mut Findings) {
        let now = context.now.mono;
        let Some(sent) = self.sent.of(mac, owner(mac), now, |left| Window::with(left, now)) else { return };
        sent.add(now, 1);
        let count = sent.sum(now, FLOOD_S);
        let key = format!("{mac} flood");
        if count < self.bell.scaled(FLOOD_MIN) || self.bell.rang(&key, Severity::High, now) {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Spoofing, Severity::High, key, context.now)
            .by(Party { device: None, mac: Some(mac), ip: None })
            .against(Party { device: None, mac: None, ip: Some(to) })
            .why("kind", "without end")
            .why("in_ten_s", count)
            .technique(&["T1557"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

impl Detector for IcmpRedirect {
    says!(self, [Icmp, IcmpV6], self.sent.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let (Some(mac), Some((from, to))) = (frame.source.filter(|mac| mac.is_station()), frame.addresses()) else {
            return;
        };
        let is_redirect = frame.icmp().is_some_and(|icmp| icmp.kind == Icmp::REDIRECT)
            || frame.ipv6().is_some_and(is_local)
                && frame.icmp_v6().and_then(Nd::read).is_some_and(|nd| matches!(nd, Nd::Redirect { .. }));
        if is_redirect {
            self.floods(mac, to, context, findings);
        }
        let way: IpAddr = match (frame.icmp(), frame.icmp_v6(), frame.ipv6()) {
            (Some(icmp), ..) if icmp.kind == Icmp::REDIRECT => {
                let way = IpAddr::from(Ipv4Addr::from(icmp.rest));
                if from.is_unspecified() || quoted(icmp) == Some(way) {
                    return;
                }
                way
            }
            (_, Some(icmp), Some(header)) if is_local(header) => match Nd::read(icmp) {
                Some(Nd::Redirect { target, destination, .. }) if target != destination => target.into(),
                _ => return,
            },
            _ => return,
        };
        let neighbours = context.neighbours;
        let holder = neighbours.holder(from);
        let is_router = context.network.is_gateway(from) || neighbours.is_router(mac) || neighbours.is_way_out(mac);
        // Before anybody was seen to be a router, this may be one.
        let knows_router = neighbours.has_way_out()
            || context.network.interfaces.iter().any(|interface| !interface.gateways.is_empty());
        let (kind, severity, points) = if holder.is_some_and(|holder| holder != mac && !mac.is_virtual_router()) {
            ("in another's name", Severity::High, 6.5)
        } else if !is_router && !mac.is_virtual_router() && knows_router {
            ("by no router", Severity::High, 5.0)
        } else if neighbours.holder(way).is_some_and(|other| !neighbours.is_router(other)) {
            ("by a router, to a host", Severity::Info, 5.0)
        } else {
            return;
        };
        let finding = Finding::new(CARD.id, Category::Spoofing, severity, format!("{mac} {kind}"), context.now)
            .by(Party { device: None, mac: Some(mac), ip: (holder == Some(mac)).then_some(from) })
            .against(Party { device: None, mac: neighbours.own(to, frame.destination), ip: Some(to) })
            .why("kind", kind)
            .why("says_it_is", from)
            .why("new_gateway", way)
            .technique(&["T1557"])
            .points(points);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, arp, between, ip, mac};

    #[test]
    fn who_may_send_somebody_elsewhere() {
        let run = |sender: u8, named: u8, way: u8| -> Vec<Severity> {
            let mut stage = Stage::new(IcmpRedirect::new(Settings::default())).behind(ip(1));
            for host in [1, 2, 5, 9] {
                stage.frame(&arp(host, 1, host, host, 77), 0);
            }
            // Host 3 is somebody's way out.
            stage.frame(&between((mac(5), ip(5)), (mac(3), [203, 0, 113, 9]), 17, &[0; 8]), 1);
            stage.frame(&arp(3, 1, 3, 3, 77), 1);
            let inner = [&[0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0][..], &ip(5), &[9, 9, 9, 9], &[0; 8]].concat();
            let body = [&[5, 1, 0, 0][..], &ip(way), &inner].concat();
            let bytes = between((mac(sender), ip(named)), (mac(5), ip(5)), 1, &body);
            stage.frame(&bytes, 100).iter().map(|finding| finding.severity).collect()
        };
        assert_eq!(run(9, 1, 77), [Severity::High], "in the router's name");
        assert_eq!(run(9, 9, 77), [Severity::High], "no router");
        assert!(run(1, 1, 77).is_empty(), "the router, to a machine nobody knows");
        assert_eq!(run(3, 3, 2), [Severity::Info], "a way out, to a host");
    }

    #[test]
    fn redirects_without_end_are_told_whoever_sends_them() {
        let run = |count: u64, gap_ms: u64| -> usize {
            let mut stage = Stage::new(IcmpRedirect::new(Settings::default()));
            let inner = [&[0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0][..], &ip(5), &ip(7), &[0; 8]].concat();
            let body = [&[5, 1, 0, 0][..], &ip(7), &inner].concat();
            let frame = between((mac(9), ip(9)), (mac(5), ip(5)), 1, &body);
            (0..count).map(|n| stage.frame(&frame, n * gap_ms).len()).sum()
        };
        assert_eq!((run(600, 5), run(60, 1000)), (1, 0), "a flood; a router with a busy host");
    }
}
