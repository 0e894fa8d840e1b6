//! # What somebody says to a port to learn what listens there
//!
//! A client knows what it wants of a port. Who greets it as a web browser, then as a television, then with an empty
//! line, asks what is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use crate::{
    detectors::window::Recent,
    model::{Guarded, Mono, Port},
    traffic::{Talkers, owner},
};

const QUIET_MAX: usize = 1024;
/// Of a host that is not heard no client needs so many services; files come from ports above (FTP).
const QUIET_MIN: usize = 20;
const QUIET_BELOW: Port = 10_000;
const QUIET_SPAN: Duration = Duration::from_secs(600);

/// Hosts that are not heard at all: their answers may go another way, or they drop what they do not want.
pub struct Quiet {
    pairs: Guarded<(IpAddr, IpAddr), Recent<Port>>,
}

impl Default for Quiet {
    fn default() -> Self {
        Quiet { pairs: Guarded::new(QUIET_MAX) }
    }
}

impl Quiet {
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// One more port in silence: whether so many were tried that it counts.
    pub fn tried(&mut self, talk: &Talkers, now: Mono) -> bool {
        if talk.server.port >= QUIET_BELOW {
            return false;
        }
        let (key, tick) = ((talk.client.ip, talk.server.ip), now.0 / 1_000_000_000);
        if self.pairs.get(&key).is_none() {
            self.pairs.insert(key, Recent::new(QUIET_MIN * 2), talk.client.mac.map_or(0, owner), tick);
        }
        let Some(ports) = self.pairs.get_mut(&key, tick) else { return false };
        ports.see(talk.server.port, now);
        ports.within(now, QUIET_SPAN) >= QUIET_MIN
    }
}

/// How a client begins, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Greeting {
    Http,
    Rtsp,
    Sip,
    Tls,
    Smb,
    /// ISO transport, as of remote desktops (RFC 1006 §6).
    Iso,
    /// A question to a name server over TCP (RFC 1035 §4.2.2).
    Dns,
    /// A remote procedure call (RFC 5531 §11, record marking).
    Rpc,
    /// Nothing but ends of lines, or a cry for help.
    Line,
    /// Something that is no text.
    Other,
}

impl Greeting {
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Greeting> {
        let first = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        let ends = |word: &[u8]| first.windows(word.len()).any(|at| at == word);
        let is_text = bytes.iter().take(32).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
        Some(match bytes {
            [] => return None,
            [22, 3, ..] => Greeting::Tls,
            [0, _, _, _, 0xff | 0xfe, b'S', b'M', b'B', ..] => Greeting::Smb,
            [3, 0, 0, _, ..] => Greeting::Iso,
            [0, len, rest @ ..] if *len > 12 && rest.len() == usize::from(*len) => Greeting::Dns,
            [0x80, 0, 0, len, rest @ ..] if rest.len() == usize::from(*len) => Greeting::Rpc,
            _ if ends(b" RTSP/1.") => Greeting::Rtsp,
            _ if ends(b" SIP/2.0") => Greeting::Sip,
            _ if ends(b" HTTP/1.") || first.starts_with(b"GET /") => Greeting::Http,
            _ if first.is_empty() || first.eq_ignore_ascii_case(b"help") => Greeting::Line,
            _ if is_text => return None,
            _ => Greeting::Other,
        })
    }
}

/// Whether `heard` is more than one service's client would say: three ways of greeting at one port, or two at each of
/// two. Browsers try every port with TLS first.
pub fn is_inquiry<'a>(heard: impl Iterator<Item = &'a (Port, Greeting)>, least: usize) -> bool {
    let mut ports: BTreeMap<Port, BTreeSet<Greeting>> = BTreeMap::new();
    for (port, greeting) in heard {
        ports.entry(*port).or_default().insert(*greeting);
    }
    let browser = BTreeSet::from([Greeting::Http, Greeting::Tls]);
    let mixed = ports.values().filter(|greetings| greetings.len() + 1 >= least && !greetings.is_subset(&browser));
    ports.values().any(|greetings| greetings.len() >= least) || mixed.count() >= 2
}

#[cfg(test)]
mod quiet {
    use crate::detectors::{
        port_scan::{PortScan, Settings},
        stage::{SYN, Stage, tcp},
    };

    #[test]
    fn a_host_that_drops_everything_is_searched_all_the_same() {
        let run = |ports: &[u16]| -> usize {
            let mut stage = Stage::new(PortScan::new(Settings::default()));
            let ask = |port: u16| tcp((9, 50_000), (5, port), SYN, 1, b"");
            let told = ports.iter().zip(0..).map(|(port, n)| stage.frame(&ask(*port), n * 50).len()).sum::<usize>();
            told + stage.frame(&tcp((7, 50_000), (8, 80), SYN, 1, b""), 60_000).len()
        };
        assert!(run(&(1..90).collect::<Vec<u16>>()) > 0);
        assert_eq!(run(&(1..15).collect::<Vec<u16>>()), 0, "a dead server that is asked for all it had");
        assert_eq!(run(&(40_000..40_090).collect::<Vec<u16>>()), 0, "files of which one side is seen");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings_are_told_apart() {
        let cases: &[(&[u8], Option<Greeting>)] = &[
            (b"GET / HTTP/1.0\r\n\r\n", Some(Greeting::Http)),
            (b"OPTIONS / RTSP/1.0\r\n\r\n", Some(Greeting::Rtsp)),
            (b"OPTIONS sip:nm SIP/2.0\r\n", Some(Greeting::Sip)),
            (b"\r\n\r\n", Some(Greeting::Line)),
            (b"HELP\r\n", Some(Greeting::Line)),
            (&[22, 3, 1, 0, 5], Some(Greeting::Tls)),
            (&[3, 0, 0, 19, 14], Some(Greeting::Iso)),
            (&[0x80, 0, 0, 2, 9, 9], Some(Greeting::Rpc)),
            (&[1, 2, 3], Some(Greeting::Other)),
            (b"admin\r\n", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Greeting::of(bytes), *expected, "{bytes:?}");
        }
    }
}
