//! # HTTP/1.1 answers of small devices
//!
//! RFC 9112, as much as it takes to ask a device for its description: where a URL leads, and what came
//! back. No redirect is ever followed and no other host asked: a device tells of itself alone. What
//! others say to each other is in [`Start`].

use std::net::IpAddr;

use crate::model::Port;

pub mod digest;
mod start;

pub use start::Start;

/// Bytes of the start line and headers.
pub const HEAD_MAX: usize = 8 * 1024;
const HEADERS_MAX: usize = 64;
const PATH_MAX: usize = 512;
/// Pieces of a body (RFC 9112 §7.1).
const CHUNKS_MAX: usize = 1024;

/// A place on one host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub port: Port,
    /// Starts with `/`, visible ASCII only, so that it cannot break out of its line.
    pub path: String,
}

impl Place {
    /// Where `url` leads, if that is on `host` itself: plain `http`, an address and not a name, no
    /// account, a port that is not a printer's.
    #[must_use]
    pub fn on(host: IpAddr, url: &[u8]) -> Option<Place> {
        let text = std::str::from_utf8(url).ok()?.trim();
        let rest = text.get(..7).filter(|start| start.eq_ignore_ascii_case("http://")).and_then(|_| text.get(7..))?;
        let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(at)?;
        let (name, port) = match authority.strip_prefix('[') {
            Some(v6) => {
                let (name, port) = v6.split_once(']')?;
                (name.split('%').next()?, port.strip_prefix(':'))
            }
            None => match authority.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (authority, None),
            },
        };
        if name.parse::<IpAddr>().ok()? != host {
            return None;
        }
        Place { port: 80, path: "/".into() }.to(path, port)
    }

    /// A path on the same host and port, as descriptions give them: absolute, or relative to this one.
    #[must_use]
    pub fn beside(&self, host: IpAddr, reference: &str) -> Option<Place> {
        if reference.contains("://") {
            return Place::on(host, reference.as_bytes()).filter(|place| place.port == self.port);
        }
        if reference.starts_with('/') {
            return self.to(reference, None);
        }
        let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.to(&format!("{folder}/{reference}"), None)
    }

    fn to(&self, path: &str, port: Option<&str>) -> Option<Place> {
        let port = match port {
            Some(text) => text.parse::<Port>().ok()?,
            None => self.port,
        };
        let path = path.split('#').next()?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let is_fit = path.len() <= PATH_MAX && path.bytes().all(|byte| byte.is_ascii_graphic());
        (is_fit && port != 0 && !is_printer(port)).then_some(Place { port, path })
    }
}

/// Ports where every byte is printed: raw printing (9100 to 9107; servers of many printers go on to 9116), LPD, IPP.
#[must_use]
pub const fn is_printer(port: Port) -> bool {
    matches!(port, 9100..=9107 | 9109..=9116 | 515 | 631)
}

/// The start of an answer, once its headers are whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    pub status: u16,
    /// Bytes up to the body.
    pub len: usize,
    headers: &'a [u8],
}

impl<'a> Head<'a> {
    /// `None` while the empty line is missing, or if it is no answer at all.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Head<'a>> {
        let within = bytes.get(..HEAD_MAX.min(bytes.len()))?;
        let crlf = within.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4);
        let lf = within.windows(2).position(|w| w == b"\n\n").map(|at| at + 2);
        let len = match (crlf, lf) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b)?,
        };
        let head = within.get(..len)?;
        let end = head.iter().position(|byte| *byte == b'\n')?;
        let (line, headers) = (head.get(..end)?, head.get(end + 1..)?);
        let status = line.strip_prefix(b"HTTP/1.")?.get(2..5)?;
        let status = std::str::from_utf8(status).ok()?.parse().ok()?;
        Some(Head { status, len, headers })
    }

    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers.split(|byte| *byte == b'\n').take(HEADERS_MAX).find_map(|line| {
            let at = line.iter().position(|byte| *byte == b':')?;
            let found = line.get(..at)?.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
            found.then(|| line.get(at + 1..).map(<[u8]>::trim_ascii)).flatten()
        })
    }

    fn length(&self) -> Option<usize> {
        std::str::from_utf8(self.header("content-length")?).ok()?.parse().ok()
    }

    fn is_chunked(&self) -> bool {
        self.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case(b"chunked"))
    }

    /// Nothing more has to be waited for.
    #[must_use]
    pub fn is_whole(&self, bytes: &[u8]) -> bool {
        let body = bytes.get(self.len..).unwrap_or_default();
        if self.is_chunked() {
            return body.starts_with(b"0\r\n") || body.windows(5).any(|w| w == b"\n0\r\n\r");
        }
        self.length().is_some_and(|len| body.len() >= len)
    }

    /// The body, at most as long as the head says, its pieces joined. What is cut is kept.
    #[must_use]
    pub fn body(&self, bytes: &[u8]) -> Vec<u8> {
        let rest = bytes.get(self.len..).unwrap_or_default();
        if self.is_chunked() {
            return joined(rest);
        }
        let len = self.length().unwrap_or(rest.len()).min(rest.len());
        rest.get(..len).unwrap_or_default().to_vec()
    }
}

fn joined(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for _ in 0..CHUNKS_MAX {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { break };
        let line = rest.get(..end).unwrap_or_default().trim_ascii();
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let len = std::str::from_utf8(digits).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let Some(len) = len.filter(|len| *len > 0) else { break };
        let data = rest.get(end + 1..).unwrap_or_default();
        let len = len.min(data.len());
        body.extend_from_slice(data.get(..len).unwrap_or_default());
        let after = data.get(len..).unwrap_or_default();
        rest = after.strip_prefix(b"\r\n").or_else(|| after.strip_prefix(b"\n")).unwrap_or(after);
    }
    body
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_leads_to_the_host_that_told_it_or_nowhere() {
        let host: IpAddr = "10.0.0.9".parse().expect("an address");
        let long = format!("http://10.0.0.9/{}", "x".repeat(600));
        let cases: &[(&str, Option<(u16, &str)>)] = &[
            ("http://10.0.0.9:49152/d.xml", Some((49152, "/d.xml"))),
            ("HTTP://10.0.0.9", Some((80, "/"))),
            ("http://10.0.0.9?x=1#y", Some((80, "/?x=1"))),
            ("http://10.0.0.8/d.xml", None),
            ("http://127.0.0.1/d.xml", None),
            ("http://tv.local/d.xml", None),
            ("http://me@10.0.0.9/", None),
            ("http://10.0.0.9@evil/", None),
            ("https://10.0.0.9/", None),
            ("file:///etc/passwd", None),
            ("http://10.0.0.9:9100/", None),
            ("http://10.0.0.9:631/", None),
            ("http://10.0.0.9:9116/", None),
            ("http://10.0.0.9:0/", None),
            ("http://10.0.0.9:99999/", None),
            ("http://10.0.0.9/a b", None),
            ("http://10.0.0.9/\r\nX: y", None),
            ("", None),
            (&long, None),
        ];
        for (url, expected) in cases {
            let place = Place::on(host, url.as_bytes());
            assert_eq!(place.as_ref().map(|p| (p.port, p.path.as_str())), *expected, "{url}");
        }
        let place = Place::on(host, b"http://10.0.0.9:80/a/d.xml").expect("a place");
        for (reference, expected) in [
            ("/c", Some("/c")),
            ("c", Some("/a/c")),
            ("http://10.0.0.9/z", Some("/z")),
            ("http://10.0.0.9:81/z", None),
            ("http://10.0.0.1/z", None),
        ] {
            assert_eq!(place.beside(host, reference).map(|p| p.path).as_deref(), expected, "{reference}");
        }
        let v6: IpAddr = "fe80::9".parse().expect("an address");
        assert_eq!(Place::on(v6, b"http://[fe80::9%25eth0]:8/d").map(|p| p.port), Some(8));
    }

    #[test]
    fn answers_are_read_as_far_as_they_came() {
        let cases: &[(&[u8], Option<u16>, &[u8], bool)] = &[
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", Some(200), b"ab", true),
            (b"HTTP/1.0 404 No\n\n", Some(404), b"", false),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", Some(200), b"abc", false),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n",
                Some(200),
                b"abc",
                true,
            ),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nab", Some(200), b"ab", false),
            (b"HTTP/1.1 302 Found\r\nLocation: http://evil/\r\n\r\n", Some(302), b"", false),
            (b"HTTP/1.1 200 OK\r\n", None, b"", false),
            (b"SSH-2.0-x\r\n\r\n", None, b"", false),
            (b"", None, b"", false),
        ];
        for (bytes, status, body, whole) in cases {
            let head = Head::read(bytes);
            assert_eq!(head.map(|h| h.status), *status, "{}", String::from_utf8_lossy(bytes));
            if let Some(head) = head {
                assert_eq!((head.body(bytes).as_slice(), head.is_whole(bytes)), (*body, *whole));
            }
        }
    }

    proptest! {
        #[test]
        fn a_body_is_never_longer_than_what_came(bytes in proptest::collection::vec(any::<u8>(), 0..300), chunked in any::<bool>()) {
            let kind = if chunked { "Transfer-Encoding: chunked" } else { "Content-Length: 99" };
            let answer = [format!("HTTP/1.1 200 OK\r\n{kind}\r\n\r\n").as_bytes(), &bytes].concat();
            let head = Head::read(&answer).expect("a head");
            prop_assert!(head.body(&answer).len() <= bytes.len());
            let _ = head.is_whole(&answer);
            let _ = Head::read(&bytes);
        }
    }
}
