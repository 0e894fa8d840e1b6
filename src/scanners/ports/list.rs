//! # Which ports, in which order, and what may be said to them
//!
//! The list of usual services, the full range in an order that hits no neighbourhood at once, and the one place that
//! decides whether a byte may go to a port.

use std::collections::{BTreeSet, VecDeque};

use crate::model::Port;

/// How a service is brought to introduce itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intro {
    /// It speaks first; nothing is sent.
    Listen,
    /// `GET /`.
    Http,
    /// A greeting of TLS, for the certificate; then `GET /`.
    Https,
    /// A greeting of TLS, for the certificate.
    Tls,
    /// `OPTIONS *` (RFC 2326 §10.1).
    Rtsp,
}

/// Ports, the service that custom puts there (IANA, and what homes use besides), and how it introduces itself. The
/// first are those that most devices answer, open or refused.
pub const USUAL: &[(Port, &str, Option<Intro>)] = &[
    (80, "http", Some(Intro::Http)),
    (443, "https", Some(Intro::Https)),
    (22, "ssh", Some(Intro::Listen)),
    (445, "microsoft-ds", None),
    (139, "netbios-ssn", None),
    (21, "ftp", Some(Intro::Listen)),
    (23, "telnet", Some(Intro::Listen)),
    (53, "domain", None),
    (515, "printer", None),
    (548, "afpovertcp", None),
    (554, "rtsp", Some(Intro::Rtsp)),
    (631, "ipp", None),
    (1400, "sonos", None),
    (1883, "mqtt", None),
    (1935, "rtmp", None),
    (2049, "nfs", None),
    (3000, "http", Some(Intro::Http)),
    (3389, "rdp", None),
    (3689, "daap", None),
    (5000, "upnp", Some(Intro::Http)),
    (5060, "sip", None),
    (5555, "adb", None),
    (5900, "rfb", Some(Intro::Listen)),
    (6053, "esphomelib", None),
    (6668, "tuya", None),
    (7000, "airplay", None),
    (8009, "googlecast", None),
    (8060, "roku-rcp", None),
    (8080, "http-alt", Some(Intro::Http)),
    (8123, "home-assistant", Some(Intro::Http)),
    (8443, "https-alt", Some(Intro::Https)),
    (8883, "secure-mqtt", Some(Intro::Tls)),
    (9100, "jetdirect", None),
    (32400, "plex", None),
    (62078, "iphone-sync", None),
];

/// Services outside [`USUAL`] that are known by their port, for the full range.
const OTHERS: &[(Port, &str, Option<Intro>)] = &[
    (25, "smtp", Some(Intro::Listen)),
    (110, "pop3", Some(Intro::Listen)),
    (143, "imap", Some(Intro::Listen)),
    (465, "submissions", Some(Intro::Tls)),
    (587, "submission", Some(Intro::Listen)),
    (636, "ldaps", Some(Intro::Tls)),
    (853, "domain-s", Some(Intro::Tls)),
    (990, "ftps", Some(Intro::Tls)),
    (993, "imaps", Some(Intro::Tls)),
    (995, "pop3s", Some(Intro::Tls)),
    // Databases: what they say first is for programs.
    (3306, "mysql", None),
    (5432, "postgresql", None),
    (6379, "redis", None),
    (5001, "https", Some(Intro::Https)),
    (8000, "http-alt", Some(Intro::Http)),
    (8081, "http-alt", Some(Intro::Http)),
    (9443, "https-alt", Some(Intro::Https)),
];

/// Printers print what they are sent there: LPD (RFC 1179), IPP, and the raw ports of print servers.
#[must_use]
pub const fn prints(port: Port) -> bool {
    matches!(port, 515 | 631 | 9100..=9107)
}

/// How `port` is brought to introduce itself; `None`: it is left alone after the handshake. What a printer offers
/// besides its pages may print as well, whatever the number.
#[must_use]
pub fn intro(port: Port, is_printer: bool) -> Option<Intro> {
    if prints(port) || (is_printer && !matches!(port, 80 | 443)) {
        return None;
    }
    match row(port) {
        Some((_, _, intro)) => *intro,
        // A program nobody knows may speak first; it is told nothing.
        None => Some(Intro::Listen),
    }
}

/// The service that custom puts at `port`.
#[must_use]
pub fn name(port: Port) -> Option<&'static str> {
    row(port).map(|(_, name, _)| *name)
}

fn row(port: Port) -> Option<&'static (Port, &'static str, Option<Intro>)> {
    USUAL.iter().chain(OTHERS).find(|(known, _, _)| *known == port)
}

/// Ports of one visit, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Todo {
    first: VecDeque<Port>,
    /// How far in the full range; `None`: only those above.
    rest: Option<u32>,
}

/// Odd, so that its multiples modulo 65,536 meet every port once; near the golden ratio, so that they spread.
const STRIDE: u32 = 40_503;
/// Ports there are.
pub const ALL: u32 = 65_535;

impl Todo {
    #[must_use]
    pub fn usual() -> Todo {
        Todo { first: USUAL.iter().map(|row| row.0).collect(), rest: None }
    }

    /// The usual ones first, then all others.
    #[must_use]
    pub fn full() -> Todo {
        Todo { rest: Some(1), ..Todo::usual() }
    }

    /// With `more` besides.
    #[must_use]
    pub fn and(mut self, more: &BTreeSet<Port>) -> Todo {
        self.first.extend(more.iter().filter(|port| !USUAL.iter().any(|row| row.0 == **port)));
        self
    }

    #[must_use]
    pub fn only(ports: impl IntoIterator<Item = Port>) -> Todo {
        Todo { first: ports.into_iter().collect(), rest: None }
    }

    /// Nothing is left: the last of the full range is none of the usual ones.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_empty() && self.rest.is_none_or(|at| at > ALL)
    }

    pub fn next(&mut self) -> Option<Port> {
        if let Some(port) = self.first.pop_front() {
            return Some(port);
        }
        let at = self.rest.as_mut()?;
        while *at <= ALL {
            // The low 16 bits are the port.
            let port = (at.wrapping_mul(STRIDE) & 0xffff) as Port;
            *at += 1;
            if port != 0 && !USUAL.iter().any(|row| row.0 == port) {
                return Some(port);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_is_listed_once() {
        let unique: BTreeSet<Port> = USUAL.iter().chain(OTHERS).map(|row| row.0).collect();
        assert_eq!(unique.len(), USUAL.len() + OTHERS.len());
    }

    #[test]
    fn the_full_range_is_every_port_once_the_usual_ones_first() {
        let mut todo = Todo::full();
        let ports: Vec<Port> = std::iter::from_fn(|| (!todo.is_empty()).then(|| todo.next().unwrap())).collect();
        let unique: BTreeSet<Port> = ports.iter().copied().collect();
        assert_eq!((ports.len(), unique.len()), (65_535, 65_535));
        assert!(!unique.contains(&0) && ports[..USUAL.len()].iter().zip(USUAL).all(|(port, row)| *port == row.0));
        let near = ports.windows(2).skip(USUAL.len()).filter(|pair| pair[0].abs_diff(pair[1]) < 100).count();
        assert!(near < 100, "{near} neighbours one after the other");
    }

    #[test]
    fn nothing_is_ever_said_to_a_port_that_prints() {
        for port in (9100..=9107).chain([515, 631]) {
            assert!(prints(port) && intro(port, false).is_none() && intro(port, true).is_none(), "{port}");
        }
        // Of servers of many printers: they may speak first, and are told nothing.
        for port in 9109..=9116 {
            assert!(matches!(intro(port, false), None | Some(Intro::Listen)), "{port}");
        }
        for port in 1..=u16::MAX {
            assert!(intro(port, true).is_none() || matches!(port, 80 | 443), "{port} of a printer");
        }
        assert_eq!((intro(80, true), intro(2222, false)), (Some(Intro::Http), Some(Intro::Listen)));
        assert_eq!((intro(9099, false), intro(9108, false)), (Some(Intro::Listen), Some(Intro::Listen)));
    }
}
