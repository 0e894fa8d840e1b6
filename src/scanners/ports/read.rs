//! # What services say of themselves
//!
//! Pure: bytes to words, cleaned and cut. Nothing is believed but that it was said.

use crate::model::{Port, clean_text};

/// Longest text kept of anything.
const TEXT_MAX: usize = 100;
/// Bytes of a page in which its title is looked for.
pub const PAGE_MAX: usize = 16 * 1024;

/// How a service introduced itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// A better name than the port's number gives.
    pub name: Option<&'static str>,
    pub product: Option<String>,
    pub labels: Vec<(&'static str, String)>,
}

impl Said {
    fn is_nothing(&self) -> bool {
        *self == Said::default()
    }

    pub fn or_none(self) -> Option<Said> {
        (!self.is_nothing()).then_some(self)
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    let text = clean_text(&String::from_utf8_lossy(bytes), TEXT_MAX);
    (!text.is_empty()).then_some(text)
}

/// The first words of a service that speaks first.
#[must_use]
pub fn greeting(port: Port, bytes: &[u8]) -> Option<Said> {
    if let Some(software) = ssh(bytes) {
        let labels = vec![("ssh_software", software.clone())];
        return Some(Said { name: Some("ssh"), product: Some(software), labels });
    }
    if bytes.starts_with(b"SSH-") {
        return None;
    }
    let heard = without_telnet(bytes);
    let line = heard.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty())?.trim_ascii();
    // Text, not the first message of a binary protocol.
    let odd = line.iter().filter(|byte| byte.is_ascii_control() && **byte != 0x1b).count();
    if odd > 0 || line.iter().filter(|byte| byte.is_ascii_alphanumeric()).count() < 3 {
        return None;
    }
    let lower = line.to_ascii_lowercase();
    let says = |word: &[u8]| lower.windows(word.len()).any(|window| window == word);
    let (name, rest) = if let Some(rest) = line.strip_prefix(b"220") {
        let name = if matches!(port, 25 | 587) || says(b"smtp") {
            Some("smtp")
        } else if port == 21 || says(b"ftp") {
            Some("ftp")
        } else {
            None
        };
        (name, rest.strip_prefix(b"-").unwrap_or(rest))
    } else if let Some(rest) = line.strip_prefix(b"* OK") {
        (Some("imap"), rest)
    } else if let Some(rest) = line.strip_prefix(b"+OK") {
        (Some("pop3"), rest)
    } else if line.starts_with(b"RFB ") {
        (Some("rfb"), line)
    } else {
        (None, line)
    };
    let product = text(rest);
    let labels = product.iter().map(|said| ("banner", said.clone())).collect();
    Said { name, product, labels }.or_none()
}

/// `OpenSSH_9.2p1 Debian-2` of `SSH-2.0-OpenSSH_9.2p1 Debian-2` (RFC 4253 §4.2).
fn ssh(bytes: &[u8]) -> Option<String> {
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    let rest = line.strip_prefix(b"SSH-")?;
    let at = rest.iter().position(|byte| *byte == b'-')?;
    text(rest.get(at + 1..)?)
}

/// Without the options that Telnet negotiates (RFC 854: IAC, a command, an option).
fn without_telnet(bytes: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), bytes);
    while let Some((first, after)) = rest.split_first() {
        if *first == 0xff {
            rest = after.get(2..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}

/// Whether a page was read as far as it is of use.
#[must_use]
pub fn is_enough(page: &[u8]) -> bool {
    find(page, b"</title").is_some()
}

/// An answer to `GET /`: its server, and what the page calls itself; behind a password, what the realm is called.
#[must_use]
pub fn http(bytes: &[u8]) -> Option<Said> {
    if !bytes.starts_with(b"HTTP/") {
        return None;
    }
    let (head, body) = halves(bytes);
    let product = field(head, b"server").and_then(text);
    let title = title(body).or_else(|| realm(field(head, b"www-authenticate")?));
    let labels = [("http_title", title), ("http_server", product.clone())];
    let labels = labels.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    Said { name: None, product, labels }.or_none()
}

/// An answer to `OPTIONS *`.
#[must_use]
pub fn rtsp(bytes: &[u8]) -> Option<Said> {
    if !bytes.starts_with(b"RTSP/") {
        return None;
    }
    let product = field(halves(bytes).0, b"server").and_then(text);
    let labels = product.iter().map(|server| ("rtsp_server", server.clone())).collect();
    Some(Said { name: Some("rtsp"), product, labels })
}

/// Head and body.
fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.windows(4).position(|four| four == b"\r\n\r\n") {
        Some(at) => (bytes.get(..at).unwrap_or_default(), bytes.get(at + 4..).unwrap_or_default()),
        None => (bytes, &[]),
    }
}

fn field<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (key, value) = (line.get(..colon)?, line.get(colon + 1..)?);
        key.trim_ascii().eq_ignore_ascii_case(name).then(|| value.trim_ascii())
    })
}

fn title(page: &[u8]) -> Option<String> {
    let tag = page.get(find(page, b"<title")?..)?;
    let inner = tag.get(tag.iter().position(|byte| *byte == b'>')? + 1..)?;
    let end = inner.iter().position(|byte| *byte == b'<').unwrap_or(inner.len());
    text(unescaped(&String::from_utf8_lossy(inner.get(..end)?.get(..end.min(1024))?)).as_bytes())
}

/// `NETGEAR R7000` of `Basic realm="NETGEAR R7000"` (RFC 9110 §11.5).
fn realm(challenge: &[u8]) -> Option<String> {
    let value = challenge.get(find(challenge, b"realm=")? + 6..)?;
    let value = value.strip_prefix(b"\"")?;
    text(value.get(..value.iter().position(|byte| *byte == b'"')?)?)
}

/// The few escapes that titles have.
fn unescaped(text: &str) -> String {
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")];
    plain.into_iter().fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
}

/// Where `word` (lower case) begins, in any case.
fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).position(|window| window.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_greeting_tells_the_program() {
        let cases: &[(Port, &[u8], Option<(Option<&str>, &str)>)] = &[
            (22, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", Some((Some("ssh"), "OpenSSH_9.2p1 Debian-2"))),
            (2222, b"SSH-1.99-dropbear", Some((Some("ssh"), "dropbear"))),
            (22, b"SSH-2.0-a\x1b[2Jb\n", Some((Some("ssh"), "a [2Jb"))),
            (21, b"220 ProFTPD Server (NAS) [10.0.0.4]\r\n", Some((Some("ftp"), "ProFTPD Server (NAS) [10.0.0.4]"))),
            (25, b"220-mail.home ESMTP Postfix\r\n", Some((Some("smtp"), "mail.home ESMTP Postfix"))),
            (143, b"* OK Dovecot ready.\r\n", Some((Some("imap"), "Dovecot ready."))),
            (5900, b"RFB 003.008\n", Some((Some("rfb"), "RFB 003.008"))),
            (23, b"\xff\xfb\x01\xff\xfd\x1fOpenWrt login: ", Some((None, "OpenWrt login:"))),
            (3306, b"\x4a\x00\x00\x00\x0a8.0.32\x00abc", None),
            (22, b"SSH-2.0-\n", None),
            (9, b"", None),
            (9, b"\n\n", None),
            (23, b"\xff\xfb", None),
        ];
        for (port, bytes, expected) in cases {
            let said = greeting(*port, bytes);
            let found = said.as_ref().map(|said| (said.name, said.product.as_deref().unwrap_or_default()));
            assert_eq!(found, *expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_page_tells_its_title_and_server() {
        let cases: &[(&[u8], &[(&str, &str)])] = &[
            (
                b"HTTP/1.1 200 OK\r\nServer: lighttpd/1.4\r\n\r\n<HTML><Title lang=de>FRITZ&amp;Box\n 7590</TITLE>",
                &[("http_title", "FRITZ&Box 7590"), ("http_server", "lighttpd/1.4")],
            ),
            (
                b"HTTP/1.0 401 No\r\nWWW-Authenticate: Basic realm=\"NETGEAR R7000\"\r\n\r\n",
                &[("http_title", "NETGEAR R7000")],
            ),
            (b"HTTP/1.1 200 OK\r\nserver:x", &[("http_server", "x")]),
            (b"HTTP/1.1 200 OK\r\n\r\n<title>\x1b]0;evil\x07</title>", &[("http_title", "]0;evil")]),
            (b"HTTP/1.1 200 OK\r\n\r\n<title", &[]),
            (b"<title>no head</title>", &[]),
            (b"", &[]),
        ];
        for (bytes, expected) in cases {
            let said = http(bytes).unwrap_or_default();
            let found: Vec<_> = said.labels.iter().map(|(key, value)| (*key, value.as_str())).collect();
            assert_eq!(found, *expected, "{}", String::from_utf8_lossy(bytes));
        }
        let camera = rtsp(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: Hipcam RealServer/V1.0\r\n\r\n").unwrap();
        assert_eq!(camera.product.as_deref(), Some("Hipcam RealServer/V1.0"));
    }

    proptest! {
        #[test]
        fn any_bytes_give_short_clean_text(mut bytes in proptest::collection::vec(any::<u8>(), 0..600), head in 0usize..5, port: Port) {
            let heads: [&[u8]; 5] = [b"", b"HTTP/1.1 200\r\n\r\n<title>", b"RTSP/1.0\r\nServer:", b"SSH-2.0-", b"220 "];
            bytes.splice(0..0, heads[head].iter().copied());
            for said in [greeting(port, &bytes), http(&bytes), rtsp(&bytes)].into_iter().flatten() {
                for text in said.product.iter().chain(said.labels.iter().map(|(_, value)| value)) {
                    prop_assert!(!text.is_empty() && text.len() <= TEXT_MAX && !text.chars().any(char::is_control), "{text:?}");
                }
            }
        }
    }
}
