//! # New door in a device
//!
//! ## What it finds
//! A device that begins to offer remote control, files without encryption, or a debug port.
//! ## Why it matters
//! An update, a worm or somebody in the house opened a way in.
//! ## How it decides
//! The port check found a port open that was not open before, on a device known for an hour and more whose ports were
//! tried before, and it is one of Telnet, FTP, remote shells, Android's debug bridge, Docker, databases, remote
//! desktops. The worst of them (Telnet, remote shells, debug bridges, Docker) are told as soon as such a device is heard to
//! accept a connection there that it is not known to offer. Other ports are in the list of the device and no alert.
//! ## What fools it
//! A port that opens and closes between two checks.
//! ## What to do
//! Switch that service off, or find out who switched it on.
//!
//! Resolved when the port refuses again. Holds 2,048 devices.

use std::time::Duration;

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Capped, Category, Change, DeviceId, Finding, Findings, Mono, Party, Port, Severity, is_private},
    traffic::{Talkers, What},
    wire::protocol,
};

card!("service_opened", "New door in a device", None);

const DEVICES_MAX: usize = 2048;
/// A newcomer's ports are all new.
const KNOWN_FOR: Duration = Duration::from_secs(3600);
/// Telnet and its like at once; the rest may well be meant.
const WORST: [u16; 8] = [23, 512, 513, 514, 2323, 2375, 5555, 7547];
const BAD: [u16; 13] = [21, 69, 873, 1433, 3306, 3389, 5432, 5900, 5985, 6379, 9200, 11_211, 27_017];

/// See the page above.
pub struct ServiceOpened {
    bell: Bell,
    newcomers: Capped<DeviceId, Mono>,
}

impl ServiceOpened {
    #[must_use]
    pub fn new(settings: Settings) -> ServiceOpened {
        ServiceOpened { bell: Bell::new(settings), newcomers: Capped::new(DEVICES_MAX) }
    }

    /// Of a device that came back without its history, or before ports were looked at here, all doors are new to us.
    fn is_new(&self, device: DeviceId, context: &Context<'_>) -> bool {
        self.newcomers.get(&device).is_some_and(|at| context.now.mono.since(*at) < KNOWN_FOR)
            || context.settling
            || !context.who.were_ports_tried(device)
    }

    /// A connection that was accepted where nothing is known to be.
    fn accepted(&mut self, talk: &Talkers, context: &Context<'_>, findings: &mut Findings) {
        let server = talk.server;
        if talk.protocol != protocol::TCP || !talk.is_sure || !WORST.contains(&server.port) || !is_private(server.ip) {
            return;
        }
        let Some(device) = server.mac.and_then(|mac| context.who.by_mac(mac)) else { return };
        if !self.is_new(device, context) && !context.who.offers(device, server.port) {
            let name = format!("port {}", server.port);
            self.tell((device, server.port, &name), (Severity::Medium, true), context, findings);
        }
    }

    fn tell(
        &mut self,
        (device, port, name): (DeviceId, Port, &str),
        (severity, open): (Severity, bool),
        context: &Context<'_>,
        findings: &mut Findings,
    ) {
        let finding = Finding::new(CARD.id, Category::Exposure, severity, format!("{device} {port}"), context.now)
            .by(Party { device: Some(device), ..Party::default() })
            .why("port", port)
            .why("service", name)
            .technique(&["T1133"])
            .points(5.0);
        self.bell.hold(finding, open, findings);
    }
}

impl Detector for ServiceOpened {
    says!(self, [Home, Completed], self.newcomers.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let change = match evidence {
            Evidence::Home(change) => change,
            Evidence::Traffic(noticed) if noticed.what == What::Completed => {
                return self.accepted(&noticed.talk, context, findings);
            }
            _ => return,
        };
        let (device, tcp, port, name, open) = match change {
            Change::DeviceFound { device, .. } => {
                self.newcomers.insert(device.id, context.now.mono);
                return;
            }
            Change::ServiceOpened { device, tcp, port, name, .. } => (*device, *tcp, *port, name, true),
            Change::ServiceClosed { device, tcp, port, name, .. } => (*device, *tcp, *port, name, false),
            _ => return,
        };
        let severity = match port {
            port if tcp && WORST.contains(&port) => Severity::Medium,
            port if tcp && BAD.contains(&port) => Severity::Low,
            _ => return,
        };
        if !open || !self.is_new(device, context) {
            self.tell((device, port, name), (severity, open), context, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::{Stage, conversation},
        model::{Kind, Trust, Wall},
    };

    #[test]
    fn a_door_that_is_heard_to_be_open_is_told_at_once() {
        let run = |port: u16, offered: bool| -> usize {
            let mut stage = Stage::new(ServiceOpened::new(Settings::default())).with(5, Kind::Plug, Trust::Unknown);
            if offered {
                stage = stage.offering(5, port);
            }
            let frames = conversation((9, 40_000), (5, port), &[(false, b"login: "), (true, b"root\r\n")]);
            frames.iter().map(|frame| stage.frame(frame, 1000).len()).sum()
        };
        assert_eq!((run(23, false), run(23, true), run(80, false)), (1, 0, 0));
    }

    #[test]
    fn a_shell_that_appears_is_told_and_a_web_page_is_not() {
        let mut stage = Stage::new(ServiceOpened::new(Settings::default()));
        let device = DeviceId::mint(1, 1);
        let mut tell = |port: u16, open: bool, s: u64| -> Vec<(Severity, bool)> {
            let (tcp, name, at) = (true, "telnet".to_owned(), Wall(0));
            let change = if open {
                Change::ServiceOpened { device, tcp, port, name, at }
            } else {
                Change::ServiceClosed { device, tcp, port, name, at }
            };
            let found = stage.see(Evidence::Home(&change), s * 1000);
            found.iter().map(|finding| (finding.severity, finding.over)).collect()
        };
        assert_eq!(tell(23, true, 0), [(Severity::Medium, false)]);
        assert_eq!(tell(23, false, 100), [(Severity::Medium, true)]);
        assert!(tell(443, true, 200).is_empty());
    }

    // A lost store, whose devices the broker gave back; a port check that was switched on today.
    #[test]
    fn the_first_look_at_an_old_device_tells_of_no_new_door() {
        let device = DeviceId::mint(1, 1);
        let change = Change::ServiceOpened { device, tcp: true, port: 23, name: "telnet".into(), at: Wall(0) };
        let mut stage = Stage::new(ServiceOpened::new(Settings::default())).untried(device);
        assert!(stage.see(Evidence::Home(&change), 0).is_empty());
    }
}
