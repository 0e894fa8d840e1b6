//! # SSDP
//!
//! The UPnP Device Architecture 2.0, §1: HTTP's start line and headers over UDP.

use crate::model::Port;

pub const PORT: Port = 1900;
/// Headers read of one message.
const HEADERS_MAX: usize = 64;

/// What a message is, by its start line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Notify,
    Search,
    Response,
}

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ssdp<'a> {
    pub kind: Kind,
    headers: &'a [u8],
}

impl<'a> Ssdp<'a> {
    /// `None` if the start line is none of SSDP's.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Ssdp<'a>> {
        let (line, headers) = split_line(bytes);
        let starts = |word: &[u8]| line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        let kind = if starts(b"NOTIFY * HTTP/1.") {
            Kind::Notify
        } else if starts(b"M-SEARCH * HTTP/1.") {
            Kind::Search
        } else if starts(b"HTTP/1.1 200") || starts(b"HTTP/1.0 200") {
            Kind::Response
        } else {
            return None;
        };
        Some(Ssdp { kind, headers })
    }

    /// Name and value, both trimmed. Ends at the empty line; lines without a colon are passed over.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut rest = self.headers;
        (0..HEADERS_MAX)
            .map_while(move |_| {
                let (line, after) = split_line(rest);
                rest = after;
                (!line.is_empty()).then_some(line)
            })
            .filter_map(|line| {
                let at = line.iter().position(|byte| *byte == b':')?;
                Some((line.get(..at)?.trim_ascii(), line.get(at + 1..)?.trim_ascii()))
            })
    }

    /// The first header of this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers().find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// Says goodbye.
    #[must_use]
    pub fn is_byebye(&self) -> bool {
        self.kind == Kind::Notify && self.header("nts").is_some_and(|nts| nts.eq_ignore_ascii_case(b"ssdp:byebye"))
    }
}

/// Up to the line feed, without a carriage return, and what follows.
fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at_checked(at).unwrap_or((bytes, &[]));
    (line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..).unwrap_or(&[]))
}

/// The host of `http://host:port/…`, without brackets.
#[must_use]
pub fn url_host(url: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(url).ok()?;
    let rest = text.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some(v6) = authority.strip_prefix('[') {
        return v6.split([']', '%']).next();
    }
    authority.split(':').next().filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_in_any_case_and_end_at_the_empty_line() {
        let bytes = b"NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nNTS:ssdp:byebye\nodd line\r\nserver : x/1 \r\n\r\nUSN: no\r\n";
        let ssdp = Ssdp::read(bytes).expect("a message");
        assert!(ssdp.is_byebye() && ssdp.kind == Kind::Notify);
        assert_eq!((ssdp.header("SERVER"), ssdp.header("usn")), (Some(&b"x/1"[..]), None));
        assert_eq!(ssdp.headers().count(), 3);
        for other in [&b"GET / HTTP/1.1\r\n"[..], b"", b"NOTIFY", b"\n\n"] {
            assert_eq!(Ssdp::read(other), None);
        }
        let many = [b"M-SEARCH * HTTP/1.1\n".to_vec(), b"a:b\n".repeat(1000)].concat();
        assert_eq!(Ssdp::read(&many).map(|s| s.headers().count()), Some(HEADERS_MAX));
    }

    #[test]
    fn the_host_is_cut_out_of_a_url() {
        let cases: &[(&str, Option<&str>)] = &[
            ("http://10.0.0.9:49152/d.xml", Some("10.0.0.9")),
            ("http://[fe80::9%25eth0]:80/d.xml", Some("fe80::9")),
            ("https://tv.local", Some("tv.local")),
            ("http://user@10.0.0.9/", Some("10.0.0.9")),
            ("http://", None),
            ("nonsense", None),
        ];
        for (url, host) in cases {
            assert_eq!(url_host(url.as_bytes()), *host, "{url}");
        }
    }
}
