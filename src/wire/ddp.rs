//! # PlayStation's device discovery
//!
//! A text form that looks like HTTP, one line a field. Undocumented; ports, versions and fields as free programs for
//! these consoles use them (chiaki-ng `discovery.c`, pyps4-2ndscreen `ddp.py`). A console in rest mode answers too.

use crate::model::Port;

/// Where each make listens, and the version it wants to hear: PlayStation 4, PlayStation 5.
pub const MAKES: [(Port, &str); 2] = [(987, "00020020"), (9302, "00030010")];

/// "Who is there?" It wakes nobody.
#[must_use]
pub fn question(version: &str) -> String {
    format!("SRCH * HTTP/1.1\ndevice-discovery-protocol-version:{version}\n")
}

/// What a console says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Console<'a> {
    /// As its owner called it.
    pub name: &'a [u8],
    /// `PS4`, `PS5`.
    pub make: &'a [u8],
    /// In rest mode: it hears questions and does nothing else.
    pub rests: bool,
}

/// Reads an answer. `None`: it is none, or names nobody.
#[must_use]
pub fn answer(bytes: &[u8]) -> Option<Console<'_>> {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let status = lines.next()?.strip_prefix(b"HTTP/1.1 ")?;
    // 200: awake; 620: in standby.
    let rests = match status.get(..3)? {
        b"200" => false,
        b"620" => true,
        _ => return None,
    };
    let (mut name, mut make): (&[u8], &[u8]) = (b"", b"");
    for line in lines.take(32) {
        let Some(at) = line.iter().position(|byte| *byte == b':') else { continue };
        let (key, value) = line.split_at(at);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if key.eq_ignore_ascii_case(b"host-name") {
            name = value;
        } else if key.eq_ignore_ascii_case(b"host-type") {
            make = value;
        }
    }
    (!name.is_empty()).then_some(Console { name, make, rests })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_names_itself_awake_or_not() {
        type Row<'a> = (&'a [u8], Option<(&'a [u8], &'a [u8], bool)>);
        let cases: &[Row] = &[
            (
                b"HTTP/1.1 620 Server Standby\nhost-id:0011\nhost-type:PS5\nhost-name:Den PS5\nhost-request-port:997\n",
                Some((b"Den PS5", b"PS5", true)),
            ),
            (b"HTTP/1.1 200 Ok\r\nHost-Name: PS4-123 \r\nhost-type:PS4\r\n", Some((b"PS4-123", b"PS4", false))),
            (b"HTTP/1.1 200 Ok\nhost-name:a:b", Some((b"a:b", b"", false))),
            (b"HTTP/1.1 200 Ok\nhost-name:\nhost-type:PS5\n", None),
            (b"HTTP/1.1 404 Not Found\nhost-name:x\n", None),
            (b"SRCH * HTTP/1.1\nhost-name:x\n", None),
            (b"HTTP/1.1 2", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            let found = answer(bytes).map(|console| (console.name, console.make, console.rests));
            assert_eq!(found, *expected, "{:?}", String::from_utf8_lossy(bytes));
            for end in 0..bytes.len() {
                let _ = answer(&bytes[..end]);
            }
        }
        assert_eq!(question("00030010"), "SRCH * HTTP/1.1\ndevice-discovery-protocol-version:00030010\n");
    }
}
