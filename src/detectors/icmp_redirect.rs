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
//! the same wire, is silent.
//! ## What fools it
//! Two real routers of which one was never heard.
//! ## What to do
//! Find the sender. Systems can be told to ignore redirects.
//!
//! Holds nothing.

use std::net::{IpAddr, Ipv4Addr};

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Category, Finding, Findings, Party, Severity},
    wire::{
        icmp::Icmp,
        ipv4::Ipv4,
        nd::{Nd, is_local},
    },
};

card!("icmp_redirect", "Detour by ICMP");

/// The destination of the packet that a message quotes.
fn quoted(icmp: &Icmp<'_>) -> Option<IpAddr> {
    Ipv4::read(icmp.body).0.map(|header| header.destination.into())
}

/// See the page above.
pub struct IcmpRedirect {
    bell: Bell,
}

impl IcmpRedirect {
    #[must_use]
    pub fn new(settings: Settings) -> IcmpRedirect {
        IcmpRedirect { bell: Bell::new(settings) }
    }
}

impl Detector for IcmpRedirect {
    says!(self, [Icmp, IcmpV6], 0);

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let (Some(mac), Some((from, to))) = (frame.source.filter(|mac| mac.is_station()), frame.addresses()) else {
            return;
        };
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
}
