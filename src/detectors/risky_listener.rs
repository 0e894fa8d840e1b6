//! # A service of this host that should not be open
//!
//! ## What it finds
//! Services of the machine that watches the home that wait for everybody and let in without a password, or send one
//! readably: Telnet, FTP, remote shells, databases, Docker's remote control.
//! ## Why it matters
//! Who takes this machine sees everything and silences the alarm.
//! ## How it decides
//! The kernel's list of sockets: a TCP port of the list below that waits on all addresses, seen twice in a row. It is
//! low, also when it was there from the start; once a month. Resolved when it is gone.
//! ## What fools it
//! A service at another port; one behind a firewall of this host is told all the same. In a container without the host's
//! network only the container is seen.
//! ## What to do
//! Bind it to the loopback, or stop it.
//!
//! Holds as many ports as it knows.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Category, Fact, Finding, Findings, Mono, Party, Port, Severity},
};

card!("risky_listener", "A service of this host that should not be open", None);

const AGAIN: Duration = Duration::from_secs(30 * 86_400);
/// Ports of IANA's list whose usual service lets in without a password as it comes, or sends it readably.
const RISKY: [(Port, &str); 17] = [
    (21, "FTP"),
    (23, "Telnet"),
    (111, "RPC"),
    (512, "rexec"),
    (513, "rlogin"),
    (514, "rsh"),
    (873, "rsync"),
    (2049, "NFS"),
    (2375, "Docker"),
    (2379, "etcd"),
    (3306, "MySQL"),
    (5432, "PostgreSQL"),
    (5555, "ADB"),
    (6379, "Redis"),
    (9200, "Elasticsearch"),
    (11_211, "memcached"),
    (27_017, "MongoDB"),
];

/// See the page above.
pub struct RiskyListener {
    bell: Bell,
    /// Ports that wait: seen in how many pictures, and told when.
    open: BTreeMap<Port, (u32, Option<Mono>)>,
}

impl RiskyListener {
    #[must_use]
    pub fn new(settings: Settings) -> RiskyListener {
        RiskyListener { bell: Bell::new(settings), open: BTreeMap::new() }
    }
}

impl Detector for RiskyListener {
    says!(self, [Fact], self.open.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Observation(seen) = evidence else { return };
        let Fact::Sockets(sockets) = &seen.fact else { return };
        let own = Party { device: None, mac: seen.subject.mac, ip: seen.subject.ip };
        let now = context.now.mono;
        for (port, service) in RISKY {
            let finding = || {
                Finding::new(CARD.id, Category::Exposure, Severity::Low, format!("tcp {port}"), context.now)
                    .by(own)
                    .why("service", service)
                    .why("port", port)
                    .points(5.0)
            };
            let waits = |tcp: bool, at: Port, everywhere: bool| tcp && at == port && everywhere;
            if !sockets.listeners.iter().any(|one| waits(one.tcp, one.at.port(), one.is_everywhere())) {
                if let Some((_, Some(_))) = self.open.remove(&port) {
                    let mut finding = finding();
                    finding.over = true;
                    findings.push(finding);
                }
                continue;
            }
            let (pictures, told) = self.open.entry(port).or_default();
            *pictures = pictures.saturating_add(1);
            if *pictures >= 2 && told.is_none_or(|at| now.since(at) >= AGAIN) {
                *told = Some(now);
                self.bell.ring(finding(), findings);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        detectors::stage::{Stage, ip},
        model::{Listener, OwnSockets, Subject},
    };

    #[test]
    fn what_waits_for_everybody_is_told_once_and_resolved() {
        let picture = |ports: &[&str]| {
            let at = |at: &&str| Listener { tcp: true, at: at.parse().expect("an address"), uid: 0 };
            Fact::Sockets(Arc::new(OwnSockets { listeners: ports.iter().map(at).collect(), ..OwnSockets::default() }))
        };
        let mut stage = Stage::new(RiskyListener::new(Settings::default()));
        let mut tell = |ports: &[&str], s: u64| -> Vec<(String, bool)> {
            let found = stage.saw(Subject::ip(ip(250).into()), picture(ports), s * 1000);
            found.iter().map(|finding| (finding.key.clone(), finding.over)).collect()
        };
        let (redis, safe) = ("0.0.0.0:6379", ["127.0.0.1:3306", "0.0.0.0:22", "0.0.0.0:8123", "192.168.7.2:5432"]);
        assert!(tell(&[redis], 0).is_empty(), "it may be gone at once");
        assert_eq!(tell(&[redis, "[::]:6379"], 60), [("tcp 6379".to_owned(), false)]);
        assert!(tell(&[redis], 120).is_empty());
        assert_eq!(tell(&safe, 180), [("tcp 6379".to_owned(), true)]);
        assert!(tell(&safe, 240).is_empty() && tell(&safe, 300).is_empty());
    }
}
