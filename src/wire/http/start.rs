//! # How a conversation starts
//!
//! The first segment of HTTP/1.x in passing, of a request or of an answer. It may end anywhere, so a
//! header counts only if its whole line is there (RFC 9112 §5).

/// Bytes looked at: one segment of Ethernet and a little more, as cards join them.
const LOOKED_AT: usize = 4096;
const HEADERS_MAX: usize = 64;

/// Methods of RFC 9110 §9, of UPnP eventing and of WebDAV.
const METHODS: [&[u8]; 12] = [
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"OPTIONS ",
    b"DELETE ",
    b"PATCH ",
    b"SUBSCRIBE ",
    b"UNSUBSCRIBE ",
    b"NOTIFY ",
    b"PROPFIND ",
    b"CONNECT ",
];

/// The start of a request or of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start<'a> {
    /// Else an answer.
    pub is_request: bool,
    headers: &'a [u8],
    /// Behind the empty line, if that is there.
    pub body: Option<&'a [u8]>,
}

impl<'a> Start<'a> {
    /// `None` if it is no HTTP/1.x, or its first line is cut.
    #[must_use]
    pub fn read(segment: &'a [u8]) -> Option<Start<'a>> {
        let is_answer = segment.starts_with(b"HTTP/1.");
        if !is_answer && !METHODS.iter().any(|method| segment.starts_with(method)) {
            return None;
        }
        let within = segment.get(..LOOKED_AT.min(segment.len()))?;
        let end = memchr::memchr(b'\n', within)?;
        let (line, rest) = (within.get(..end)?.trim_ascii_end(), within.get(end + 1..)?);
        // `HTTP/1.1` at the end of a request, and three digits behind it in an answer.
        let is_sound = if is_answer {
            line.get(8..12).is_some_and(|status| {
                status.first() == Some(&b' ') && status.get(1..).is_some_and(|code| code.iter().all(u8::is_ascii_digit))
            })
        } else {
            line.len() > 9 && line.get(line.len() - 9..).is_some_and(|tail| tail.starts_with(b" HTTP/1."))
        };
        if !is_sound {
            return None;
        }
        let (headers, body) = split(rest);
        // The body may be longer than what was looked at for headers.
        let body = body.and_then(|skipped| segment.get(end + 1 + skipped..));
        Some(Start { is_request: !is_answer, headers, body })
    }

    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        let mut at = 0;
        // A line without its end is cut.
        memchr::memchr_iter(b'\n', self.headers).take(HEADERS_MAX).find_map(|end| {
            let line = self.headers.get(std::mem::replace(&mut at, end + 1)..end)?;
            let is_it =
                line.get(name.len()) == Some(&b':') && line.get(..name.len())?.eq_ignore_ascii_case(name.as_bytes());
            is_it.then(|| line.get(name.len() + 1..).map(<[u8]>::trim_ascii)).flatten()
        })
    }
}

/// Headers, and where the body starts behind the empty line.
fn split(rest: &[u8]) -> (&[u8], Option<usize>) {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', rest) {
        if matches!(rest.get(start..end), Some(b"\r" | b"")) {
            return (rest.get(..start).unwrap_or_default(), Some(end + 1));
        }
        start = end + 1;
    }
    (rest, None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REQUEST: &[u8] = b"GET /a?b HTTP/1.1\r\nHost: tv.example\r\nUser-Agent:  Player/2.0 (Box 4)\r\n\r\nbody";

    #[test]
    fn a_start_is_read_as_far_as_it_came() {
        let agent = |start: Option<Start<'_>>| start.and_then(|start| start.header("user-agent").map(<[u8]>::to_vec));
        assert_eq!(agent(Start::read(REQUEST)).as_deref(), Some(&b"Player/2.0 (Box 4)"[..]));
        assert_eq!(Start::read(REQUEST).and_then(|start| start.body), Some(&b"body"[..]));
        for cut in 0..REQUEST.len() {
            let start = Start::read(&REQUEST[..cut]);
            let found = agent(start);
            assert!(found.is_none() || found.as_deref() == Some(b"Player/2.0 (Box 4)"), "cut at {cut}: {found:?}");
            assert_eq!(start.is_some(), cut >= 19, "cut at {cut}");
        }
        let cases: &[(&[u8], Option<(bool, Option<&[u8]>)>)] = &[
            (b"HTTP/1.1 200 OK\r\nServer: box/1\r\n", Some((false, Some(b"box/1")))),
            (b"HTTP/1.0 404\nserver:box/1\n\n", Some((false, Some(b"box/1")))),
            (b"HTTP/1.1 2OO OK\r\nServer: box/1\r\n", None),
            (b"HTTP/2 200 OK\r\nServer: box/1\r\n", None),
            (b"GET / HTTP/2.0\r\nServer: box/1\r\n", None),
            (b"GET nothing\r\nServer: box/1\r\n", None),
            (b"POST / HTTP/1.1\r\nX: y\r\n\r\nServer: in the body\r\n", Some((true, None))),
            (b"\x16\x03\x01\x02\x00", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            let found = Start::read(bytes).map(|start| (start.is_request, start.header("server")));
            assert_eq!(found, *expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    proptest! {
        #[test]
        fn nothing_from_the_wire_stops_it(method in proptest::sample::select(&METHODS[..]), tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            for bytes in [[method, b"/ HTTP/1.1\r\n", &tail].concat(), [method, &tail].concat(), tail.clone()] {
                if let Some(start) = Start::read(&bytes) {
                    prop_assert!(start.body.is_none_or(|body| bytes.ends_with(body)));
                    prop_assert!(start.header("host").is_none_or(|host| !host.contains(&b'\n')));
                }
            }
        }
    }
}
