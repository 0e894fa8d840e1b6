//! # Service without a lock
//!
//! ## What it finds
//! Devices that offer what anybody in the network can read along with, or use without a password worth the name.
//! ## Why it matters
//! One infected device is enough: it reads along, or walks in. What is switched off cannot be attacked.
//! ## How it decides
//! By the ports that the port check, or what devices announce, shows open: remote shells without encryption, debug
//! bridges, container engines, industrial buses and databases that were made without passwords are low; file transfer
//! without encryption is noted. What announces itself at a port of chance by another name (HomeKit, Matter, AirPlay, Cast)
//! is none of them. It is said once for a device and a service, and resolved when the port refuses.
//! ## What fools it
//! Another port than usual; a lock behind an open door (a database may well ask for a password).
//! ## What to do
//! Switch the service off in the device's own page, or reach it only from where it is needed.
//!
//! Leaves out: what appears later (`service_opened` tells that), and logins seen on the wire (`cleartext_credentials`).
//! Holds nothing but what it said last.

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Category, Change, DeviceId, Finding, Findings, Party, Port, Severity},
};

card!("insecure_service", "Service without a lock", None);

/// TCP ports by IANA's registry, or by their makers' use, of services that have no lock by design.
const OPEN: [(Port, &str, Severity); 16] = [
    (23, "Telnet", Severity::Low),
    (2323, "Telnet", Severity::Low),
    (512, "rexec", Severity::Low),
    (513, "rlogin", Severity::Low),
    (514, "rsh", Severity::Low),
    (5555, "Android debug bridge", Severity::Low),
    (2375, "Docker without TLS", Severity::Low),
    (6379, "Redis", Severity::Low),
    (27_017, "MongoDB", Severity::Low),
    (11_211, "memcached", Severity::Low),
    (502, "Modbus", Severity::Low),
    (6000, "X11", Severity::Low),
    (20_000, "DNP3", Severity::Low),
    (21, "FTP", Severity::Info),
    (873, "rsync", Severity::Info),
    (139, "NetBIOS session (SMB 1)", Severity::Info),
];

/// What announces itself by mDNS at whatever port was free, which says nothing then: HomeKit, Matter, AirPlay and what
/// Apple's devices speak among themselves, Cast, ESPHome (their own specifications). Each has a lock.
const ANYWHERE: [&str; 8] =
    ["hap", "matter", "matterc", "airplay", "raop", "companion-link", "googlecast", "esphomelib"];

/// See the page above.
pub struct InsecureService {
    bell: Bell,
}

impl InsecureService {
    #[must_use]
    pub fn new(settings: Settings) -> InsecureService {
        InsecureService { bell: Bell::new(settings) }
    }

    fn port(&mut self, device: DeviceId, port: Port, open: bool, context: &Context<'_>, findings: &mut Findings) {
        let Some((_, service, severity)) = OPEN.iter().find(|(known, ..)| *known == port) else { return };
        let finding = Finding::new(CARD.id, Category::Exposure, *severity, format!("{device} {port}"), context.now)
            .by(Party { device: Some(device), ..Party::default() })
            .why("service", service)
            .why("port", port)
            .technique(&["T1040"])
            .points(5.0);
        self.bell.hold(finding, open, findings);
    }
}

impl Detector for InsecureService {
    says!(self, [Home], 0);

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Home(change) = evidence else { return };
        match change {
            Change::ServiceOpened { device, tcp: true, port, name, .. } if !ANYWHERE.contains(&name.as_str()) => {
                self.port(*device, *port, true, context, findings);
            }
            Change::ServiceClosed { device, tcp: true, port, .. } => {
                self.port(*device, *port, false, context, findings);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{detectors::stage::Stage, model::Wall};

    #[test]
    fn open_doors_are_listed_once_and_closed_ones_struck_off() {
        let mut stage = Stage::new(InsecureService::new(Settings::default()));
        let device = DeviceId::mint(1, 1);
        let mut named = |name: &str, port: u16, tcp: bool, open: bool, s: u64| -> Vec<(Severity, bool)> {
            let (name, at) = (name.to_owned(), Wall(0));
            let change = if open {
                Change::ServiceOpened { device, tcp, port, name, at }
            } else {
                Change::ServiceClosed { device, tcp, port, name, at }
            };
            stage
                .see(Evidence::Home(&change), s * 1000)
                .iter()
                .map(|finding| (finding.severity, finding.over))
                .collect()
        };
        assert!(named("hap", 6000, true, true, 0).is_empty(), "a bridge of HomeKit at a port of chance");
        assert_eq!(named("x11", 6000, true, true, 0), [(Severity::Low, false)]);
        let mut tell = |port: u16, tcp: bool, open: bool, s: u64| named("x", port, tcp, open, s);
        assert_eq!(tell(23, true, true, 0), [(Severity::Low, false)]);
        assert_eq!(tell(21, true, true, 1), [(Severity::Info, false)]);
        assert!(tell(23, true, true, 2).is_empty(), "said");
        assert_eq!(tell(23, true, false, 90), [(Severity::Low, true)]);
        assert!(tell(443, true, true, 3).is_empty() && tell(23, false, true, 200).is_empty());
    }
}
