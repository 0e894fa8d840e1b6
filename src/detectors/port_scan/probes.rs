//! # What somebody says to a port to learn what listens there
//!
//! A client knows what it wants of a port. Who greets it as a web browser, then as a television, then with an empty
//! line, asks what is there.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Port;

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
