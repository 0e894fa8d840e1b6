//! # Reached from the Internet
//!
//! ## What it finds
//! A device of the home that accepted a connection from the Internet.
//! ## Why it matters
//! What the Internet reaches is attacked within minutes.
//! ## How it decides
//! A connection that began outside, was answered and completed. To a port of administration, files, databases or
//! telephony: high. To another port of a known service: medium. Above that (games, file sharing): noted.
//! ## What fools it
//! A mirror port behind the router's translation of addresses shows it; one before it does not.
//! ## What to do
//! Remove the forwarding in the router if you do not need it, or put a VPN before it.
//!
//! Said once for each door. Holds 1,024 doors.

use std::net::IpAddr;

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Capped, Category, Finding, Findings, Party, Port, Severity, is_private},
    traffic::What,
    wire::protocol,
};

card!("exposed_service", "Reached from the Internet");

const DOORS_MAX: usize = 1024;
/// Ports of which nothing good comes when strangers reach them.
pub(super) const RISKY: [Port; 26] = [
    21, 22, 23, 135, 139, 445, 502, 554, 873, 1433, 1883, 2323, 2375, 3306, 3389, 5432, 5555, 5900, 5985, 6379, 7547,
    8123, 8291, 9100, 11211, 27017,
];
// Ports below are given to services (RFC 6335 §6).
const SYSTEM: Port = 1024;

/// See the page above.
pub struct ExposedService {
    bell: Bell,
    doors: Capped<(IpAddr, Port), ()>,
}

impl ExposedService {
    #[must_use]
    pub fn new(settings: Settings) -> ExposedService {
        ExposedService { bell: Bell::new(settings), doors: Capped::new(DOORS_MAX) }
    }
}

impl Detector for ExposedService {
    says!(self, [Completed], self.doors.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        if noticed.what != What::Completed {
            return;
        }
        let talk = &noticed.talk;
        let (client, server) = (talk.client, talk.server);
        let from_outside = !is_private(client.ip) && !client.ip.is_loopback();
        if talk.protocol != protocol::TCP || !talk.is_sure || !from_outside || !is_private(server.ip) {
            return;
        }
        if self.doors.contains(&(server.ip, server.port)) {
            return;
        }
        self.doors.insert((server.ip, server.port), ());
        let severity = match server.port {
            port if RISKY.contains(&port) => Severity::High,
            0..SYSTEM | 8080 | 8443 => Severity::Medium,
            _ => Severity::Info,
        };
        let key = format!("{} {}", server.ip, server.port);
        let finding = Finding::new(CARD.id, Category::Exposure, severity, key, context.now)
            // Its frame was the router's.
            .by(Party { device: None, mac: None, ip: Some(client.ip) })
            .against(server.party())
            .why("port", server.port)
            .technique(&["T1133"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{ACK, SYN, Stage, arp, between, ip, mac, segment};

    #[test]
    fn an_accepted_stranger_is_told() {
        let run = |from: [u8; 4], port: u16, accepts: bool| -> Vec<Severity> {
            let mut stage = Stage::new(ExposedService::new(Settings::default()));
            stage.frame(&arp(5, 1, 5, 5, 1), 0);
            stage.frame(&arp(1, 1, 1, 1, 5), 0);
            let (far, near) = ((mac(1), from), (mac(5), ip(5)));
            let answer = if accepts { SYN | ACK } else { crate::detectors::stage::RST | ACK };
            let frames = [
                between(far, near, 6, &segment(50_000, port, SYN, 1, b"")),
                between(near, far, 6, &segment(port, 50_000, answer, 1, b"")),
                between(far, near, 6, &segment(50_000, port, ACK, 2, b"")),
            ];
            frames.iter().flat_map(|frame| stage.frame(frame, 10)).map(|finding| finding.severity).collect()
        };
        let far = [203, 0, 113, 9];
        assert_eq!(run(far, 22, true), [Severity::High]);
        assert_eq!(run(far, 443, true), [Severity::Medium]);
        assert_eq!(run(far, 51_413, true), [Severity::Info]);
        assert!(run(far, 22, false).is_empty(), "refused");
        assert!(run(ip(9), 22, true).is_empty(), "from the home");
    }
}
