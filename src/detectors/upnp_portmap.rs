//! # Door opened in the router
//!
//! ## What it finds
//! A forwarding in the router, asked for by a program, that leads from the Internet to a device of the home.
//! ## Why it matters
//! Games and file sharing ask for such doors; so does malware, and so do cameras nobody wanted to be reached.
//! ## How it decides
//! The router lists its doors (UPnP), or a device was heard to ask for one (UPnP, NAT-PMP; needs a mirror port). A door to a port of administration, files, databases or cameras is
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
    traffic::{Http, Noticed, What},
    wire::{Frame, natpmp, pcp, protocol},
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

    /// PCP: a router that grants a door (RFC 6887 §11.4).
    fn granted(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Some(udp) = frame.udp().filter(|udp| udp.source == natpmp::PORT) else { return };
        let Some((router, asker)) = frame.addresses() else { return };
        let Some(pcp::Pcp { result: Some(0), lifetime_s, what: pcp::What::Map(map), .. }) = pcp::Pcp::read(udp.payload)
        else {
            return;
        };
        let map = PortMap {
            router,
            tcp: map.protocol != protocol::UDP,
            external: map.external,
            internal: map.third_party.unwrap_or(asker),
            internal_port: map.internal,
            description: "PCP".into(),
            lease_s: Some(lifetime_s),
            remote: None,
            open: lifetime_s > 0,
        };
        self.door(&map, context.neighbours.party(asker, frame.destination), context, findings);
    }

    /// NAT-PMP: a router that grants a door.
    fn asked(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Some(udp) = frame.udp().filter(|udp| udp.source == natpmp::PORT) else { return };
        let Some((router, asker)) = frame.addresses() else { return };
        let Some(natpmp::Answer::Map { tcp, internal, external, lease_s, .. }) = natpmp::Answer::read(udp.payload)
        else {
            return;
        };
        let map = PortMap {
            router,
            tcp,
            external,
            internal: asker,
            internal_port: internal,
            description: "NAT-PMP".into(),
            lease_s: Some(lease_s),
            remote: None,
            open: lease_s > 0,
        };
        self.door(&map, context.neighbours.party(asker, frame.destination), context, findings);
    }

    fn door(&mut self, map: &PortMap, subject: Party, context: &Context<'_>, findings: &mut Findings) {
        let place = (map.tcp, map.external, map.internal);
        let key = format!("{} {} {}", map.internal, if map.tcp { "tcp" } else { "udp" }, map.external);
        let mut finding = Finding::new(CARD.id, Category::Exposure, Severity::Info, key, context.now);
        if !map.open {
            if self.open.remove(&place).is_some() {
                findings.push(finding.ended());
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
    says!(self, [Fact, Udp, Http], self.open.len() + self.behind.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        match evidence {
            Evidence::Packet(frame) => {
                self.asked(frame, context, findings);
                self.granted(frame, context, findings);
            }
            Evidence::Traffic(Noticed { talk, what: What::HttpRequest(http) }) => {
                if let Some(map) = soap(http, talk.server.ip) {
                    self.door(&map, talk.client.party(), context, findings);
                }
            }
            _ => {}
        }
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

/// `AddPortMapping` or `AddAnyPortMapping` (UPnP WANIPConnection:2 §2.5.16, §2.5.20), as a device asks for it.
fn soap(http: &Http, router: IpAddr) -> Option<PortMap> {
    let body = String::from_utf8_lossy(&http.body);
    if http.method != "POST" || !body.contains("AddPortMapping") && !body.contains("AddAnyPortMapping") {
        return None;
    }
    let value = |name: &str| -> Option<&str> {
        let (_, after) = body.split_once(&format!("<{name}"))?;
        let (_, after) = after.split_once('>')?;
        after.split_once('<').map(|(value, _)| value.trim())
    };
    Some(PortMap {
        router,
        tcp: value("NewProtocol").is_none_or(|protocol| protocol.eq_ignore_ascii_case("tcp")),
        external: value("NewExternalPort")?.parse().ok()?,
        internal: value("NewInternalClient")?.parse().ok()?,
        internal_port: value("NewInternalPort")?.parse().ok()?,
        description: value("NewPortMappingDescription").unwrap_or_default().chars().take(64).collect(),
        lease_s: value("NewLeaseDuration").and_then(|lease| lease.parse().ok()).filter(|lease| *lease > 0),
        remote: None,
        open: true,
    })
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
        let grant = |lease_s: u8| {
            let answer = [0, 130, 0, 0, 0, 0, 0, 9, 0x0d, 0x3d, 0x0d, 0x3d, 0, 0, 0, lease_s];
            crate::detectors::stage::udp((1, 5351), (5, 50_000), &answer)
        };
        let mut stage = Stage::new(UpnpPortmap::new(Settings::default()));
        let found = stage.frame(&grant(120), 0);
        assert_eq!(found.first().map(|f| (f.severity, f.victim.ip)), Some((Severity::High, Some(ip(5).into()))));
        assert!(stage.frame(&grant(0), 9000).first().is_some_and(|finding| finding.over));
        let body = "<u:AddPortMapping><NewExternalPort>22</NewExternalPort><NewProtocol>TCP</NewProtocol>\
                    <NewInternalPort>22</NewInternalPort><NewInternalClient>192.168.7.5</NewInternalClient>";
        let ask = format!("POST /ctl HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let frames = crate::detectors::stage::conversation((5, 50_000), (1, 5000), &[(true, ask.as_bytes())]);
        let told: Vec<_> = frames.iter().flat_map(|frame| stage.frame(frame, 20_000)).collect();
        assert_eq!(told.first().map(|finding| finding.severity), Some(Severity::High), "{told:?}");
        let any = body.replace("AddPortMapping", "AddAnyPortMapping").replace("22<", "5900<");
        let ask = format!("POST /ctl HTTP/1.1\r\nContent-Length: {}\r\n\r\n{any}", any.len());
        let frames = crate::detectors::stage::conversation((5, 50_001), (1, 5000), &[(true, ask.as_bytes())]);
        let told: Vec<_> = frames.iter().flat_map(|frame| stage.frame(frame, 30_000)).collect();
        assert_eq!(told.first().map(|finding| finding.severity), Some(Severity::High), "{told:?}");
        let grant = |lease_s: u8, result: u8| {
            let mut answer = vec![2, 0x81, 0, result, 0, 0, 0, lease_s, 0, 0, 0, 9];
            answer.extend([0; 12]);
            answer.extend([7; 12]);
            answer.extend([6, 0, 0, 0, 0x01, 0xbd, 0x01, 0xbd]);
            answer.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 9]);
            crate::detectors::stage::udp((1, 5351), (5, 50_000), &answer)
        };
        assert!(stage.frame(&grant(120, 2), 40_000).is_empty(), "refused");
        let told = stage.frame(&grant(120, 0), 41_000);
        assert_eq!(told.first().map(|finding| finding.severity), Some(Severity::High), "{told:?}");
        assert!(stage.frame(&grant(0, 0), 42_000).first().is_some_and(|finding| finding.over));
        let mut stage = Stage::new(UpnpPortmap::new(Settings::default()));
        let outside = Uplink { address: Some([100, 70, 1, 2].into()), before: None, connected: Some(true) };
        stage.saw(Subject::ip(ip(1).into()), Fact::Uplink(outside), 0);
        let found = stage.saw(subject, door(22, true), 1);
        assert_eq!(found.first().map(|finding| finding.severity), Some(Severity::Medium), "the Internet is not there");
    }
}
