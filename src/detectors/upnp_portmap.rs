//! # Door opened in the router
//!
//! ## What it finds
//! A forwarding in the router, asked for by a program, that leads from the Internet to a device of the home.
//! ## Why it matters
//! Games and file sharing ask for such doors; so does malware, and so do cameras nobody wanted to be reached.
//! ## How it decides
//! The router lists its doors (UPnP, NAT-PMP, PCP). A door to a port of administration, files, databases or cameras is
//! high; any other is noted. If the router's own address is private, the Internet does not reach it: one less.
//! ## What fools it
//! A router that does not list them all, or that has UPnP off for lists but not for requests.
//! ## What to do
//! Remove it in the router, and switch UPnP off there if nobody in the home plays online.
//!
//! Resolved when the router no longer lists it. Holds 512 doors.

use std::net::IpAddr;

use crate::{
    detectors::{Context, Detector, Evidence, exposed_service::RISKY, usual::Bell},
    model::{Capped, Category, Fact, Finding, Findings, Party, Port, PortMap, Severity, clean_text, is_private},
};

card!("upnp_portmap", "Door opened in the router", None);

const DOORS_MAX: usize = 512;
const ROUTERS_MAX: usize = 16;

/// See the page above.
pub struct UpnpPortmap {
    bell: Bell,
    open: Capped<(bool, Port, IpAddr), ()>,
    /// Routers whose own address outside is private.
    behind: Capped<IpAddr, bool>,
}

impl UpnpPortmap {
    #[must_use]
    pub fn new(settings: Settings) -> UpnpPortmap {
        UpnpPortmap { bell: Bell::new(settings), open: Capped::new(DOORS_MAX), behind: Capped::new(ROUTERS_MAX) }
    }

    fn door(&mut self, map: &PortMap, subject: Party, context: &Context<'_>, findings: &mut Findings) {
        let place = (map.tcp, map.external, map.internal);
        let key = format!("{} {} {}", map.internal, if map.tcp { "tcp" } else { "udp" }, map.external);
        let mut finding = Finding::new(CARD.id, Category::Exposure, Severity::Info, key, context.now);
        if !map.open {
            if self.open.remove(&place).is_some() {
                finding.over = true;
                findings.push(finding);
            }
            return;
        }
        if self.open.insert(place, ()).is_some_and(|(known, ())| known == place) {
            return;
        }
        let risky = [map.external, map.internal_port]
            .iter()
            .any(|port| RISKY.contains(port) || matches!(port, 80 | 443 | 8080));
        let is_reached = !self.behind.get(&map.router).copied().unwrap_or(false);
        finding.severity = match (risky || map.external == 0, is_reached) {
            (true, true) => Severity::High,
            (true, false) => Severity::Medium,
            (false, _) => Severity::Info,
        };
        let finding = finding
            .by(subject)
            .against(Party { device: None, mac: None, ip: Some(map.internal) })
            .why("external_port", map.external)
            .why("internal", format!("{}:{}", map.internal, map.internal_port))
            .why("protocol", if map.tcp { "tcp" } else { "udp" })
            .why("lease_s", map.lease_s.map_or_else(|| "for ever".to_owned(), |lease| lease.to_string()))
            .why("description", clean_text(&map.description, 64))
            .technique(&["T1133"])
            .points(6.0);
        self.bell.ring(finding, findings);
    }
}

impl Detector for UpnpPortmap {
    says!(self, [Observation], self.open.len() + self.behind.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Observation(seen) = evidence else { return };
        match &seen.fact {
            Fact::PortMap(map) => {
                let subject = Party { device: None, mac: seen.subject.mac, ip: seen.subject.ip.or(Some(map.internal)) };
                self.door(map, subject, context, findings);
            }
            Fact::Uplink(uplink) => {
                let (Some(router), Some(outside)) = (seen.subject.ip, uplink.address) else { return };
                self.behind.insert(router, is_private(outside) || is_shared(outside));
            }
            _ => {}
        }
    }
}

/// Of a provider that shares addresses (RFC 6598: 100.64.0.0/10).
fn is_shared(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(ip) if matches!(ip.octets(), [100, 64..=127, ..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::{Stage, ip},
        model::{Subject, Uplink},
    };

    #[test]
    fn doors_are_told_by_where_they_lead_and_closed_when_gone() {
        let door = |external: u16, open: bool| {
            Fact::PortMap(PortMap {
                router: ip(1).into(),
                tcp: true,
                external,
                internal: ip(5).into(),
                internal_port: external,
                description: "x".into(),
                lease_s: None,
                remote: None,
                open,
            })
        };
        let mut stage = Stage::new(UpnpPortmap::new(Settings::default()));
        let subject = Subject::ip(ip(5).into());
        let mut tell = |fact: Fact, s: u64| -> Vec<(Severity, bool)> {
            stage.saw(subject, fact, s * 1000).iter().map(|finding| (finding.severity, finding.over)).collect()
        };
        assert_eq!(tell(door(3389, true), 0), [(Severity::High, false)]);
        assert!(tell(door(3389, true), 900).is_empty(), "listed again");
        assert_eq!(tell(door(3389, false), 1800), [(Severity::Info, true)]);
        assert_eq!(tell(door(32_400, true), 1900), [(Severity::Info, false)]);
        let mut stage = Stage::new(UpnpPortmap::new(Settings::default()));
        let outside = Uplink { address: Some([100, 70, 1, 2].into()), before: None, connected: Some(true) };
        stage.saw(Subject::ip(ip(1).into()), Fact::Uplink(outside), 0);
        let found = stage.saw(subject, door(22, true), 1);
        assert_eq!(found.first().map(|finding| finding.severity), Some(Severity::Medium), "the Internet is not there");
    }
}
