//! # New listener on this host
//!
//! ## What it finds
//! A port of this host that waits for others and did not before.
//! ## Why it matters
//! A back door of the machine that watches the home is the last thing anybody wants to miss.
//! ## How it decides
//! The kernel's list of sockets, compared with the one before: a TCP port, or a UDP port below the ephemeral ones, that
//! waits on more than the loopback, seen twice in a row. What was there at the start is known. On all addresses: low,
//! on one: noted. A port that was gone and comes back within a day is the same program that restarted.
//! ## What fools it
//! In a container without the host's network only the container is seen.
//! ## What to do
//! Look which program it is (`ss -lntup`).
//!
//! Holds 1,024 listeners.

use std::time::Duration;

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Capped, Category, Fact, Finding, Findings, Listener, Mono, Party, Port, Severity},
};

card!("listener_opened", "New listener on this host", None);

const LISTENERS_MAX: usize = 1024;
const COMES_BACK: Duration = Duration::from_secs(86_400);
/// Linux hands out ports from here (net.ipv4.ip_local_port_range).
const EPHEMERAL: Port = 32_768;

#[derive(Debug, Clone, Copy)]
struct Known {
    last: Mono,
    /// Seen in so many pictures; told at the second.
    seen: u32,
}

/// See the page above.
pub struct ListenerOpened {
    bell: Bell,
    known: Capped<(bool, Port, bool), Known>,
    is_learned: bool,
}

impl ListenerOpened {
    #[must_use]
    pub fn new(settings: Settings) -> ListenerOpened {
        ListenerOpened { bell: Bell::new(settings), known: Capped::new(LISTENERS_MAX), is_learned: false }
    }

    fn judge(&mut self, listener: &Listener, own: Party, context: &Context<'_>, findings: &mut Findings) {
        let (tcp, port, everywhere) = (listener.tcp, listener.at.port(), listener.is_everywhere());
        if listener.is_private() || !tcp && port >= EPHEMERAL {
            return;
        }
        let (now, key) = (context.now.mono, (tcp, port, everywhere));
        let is_learned = self.is_learned;
        let Some(known) = self.known.get_mut(&key).filter(|known| now.since(known.last) <= COMES_BACK) else {
            // At the start all is known; later it must be seen once more.
            self.known.insert(key, Known { last: now, seen: if is_learned { 1 } else { 2 } });
            return;
        };
        known.last = now;
        known.seen = known.seen.saturating_add(1);
        if known.seen != 2 {
            return;
        }
        let severity = if everywhere { Severity::Low } else { Severity::Info };
        let word = if tcp { "tcp" } else { "udp" };
        let finding = Finding::new(CARD.id, Category::Device, severity, format!("{word} {port}"), context.now)
            .by(own)
            .why("protocol", word)
            .why("port", port)
            .why("address", listener.at.ip())
            .technique(&["T1571"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

impl Detector for ListenerOpened {
    says!(self, [Fact], self.known.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Observation(seen) = evidence else { return };
        let Fact::Sockets(sockets) = &seen.fact else { return };
        let own = Party { device: None, mac: seen.subject.mac, ip: seen.subject.ip };
        let mut once = std::collections::BTreeSet::new();
        for listener in sockets.listeners.iter().take(LISTENERS_MAX) {
            // A port on IPv4 and IPv6 is one door.
            if once.insert((listener.tcp, listener.at.port(), listener.is_everywhere())) {
                self.judge(listener, own, context, findings);
            }
        }
        self.is_learned = true;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        detectors::stage::{Stage, ip},
        model::{OwnSockets, Subject},
    };

    #[test]
    fn what_comes_later_and_stays_is_told() {
        let picture = |ports: &[(bool, &str)]| {
            let listeners = ports
                .iter()
                .map(|(tcp, at)| Listener { tcp: *tcp, at: at.parse().expect("an address"), uid: 0 })
                .collect();
            Fact::Sockets(Arc::new(OwnSockets { listeners, ..OwnSockets::default() }))
        };
        let mut stage = Stage::new(ListenerOpened::new(Settings::default()));
        let mut tell = |ports: &[(bool, &str)], s: u64| -> Vec<Severity> {
            let found = stage.saw(Subject::ip(ip(250).into()), picture(ports), s * 1000);
            found.iter().map(|finding| finding.severity).collect()
        };
        let (ssh, shell, own) = ((true, "0.0.0.0:22"), (true, "0.0.0.0:4444"), (true, "127.0.0.1:9000"));
        assert!(tell(&[ssh], 0).is_empty());
        assert!(tell(&[ssh, shell, own], 60).is_empty(), "it may be gone at once");
        assert_eq!(tell(&[ssh, shell, own], 120), [Severity::Low]);
        assert!(tell(&[ssh, shell, (false, "0.0.0.0:50000")], 180).is_empty());
        assert!(tell(&[shell], 240).is_empty() && tell(&[ssh, shell], 300).is_empty(), "restarted");
    }
}
