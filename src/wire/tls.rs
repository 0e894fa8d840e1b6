//! # The greeting of TLS
//!
//! RFC 8446 §4.1.2 and RFC 6066 §3: a client says in the clear what it can do and whom it wants to
//! speak to. Read from the first segment; a greeting that is cut tells what came before the cut.

use crate::wire::reader::Reader;

mod certificate;
mod ja4;

pub use certificate::{Subject, certificate, issuer_and_key, vouches_for_itself};
pub use ja4::{Over, Shape, fingerprint};

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const HOST_NAME: u8 = 0;
/// Extensions looked at; browsers send about 20.
const EXTENSIONS_MAX: usize = 64;

/// Kinds of extensions (IANA tls-extensiontype-values).
mod extension {
    pub const SERVER_NAME: u16 = 0;
    pub const SIGNATURES: u16 = 13;
    pub const PROTOCOLS: u16 = 16;
    pub const VERSIONS: u16 = 43;
}

/// What a client opens with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello<'a> {
    pub version: u16,
    suites: &'a [u8],
    extensions: &'a [u8],
    /// Nothing is cut.
    pub is_whole: bool,
}

impl<'a> Hello<'a> {
    /// From a segment of TCP: the handshake in its first record.
    #[must_use]
    pub fn in_record(payload: &'a [u8]) -> Option<Hello<'a>> {
        let mut record = Reader::new(payload);
        let [kind, major, _minor] = record.take()?;
        if kind != HANDSHAKE || major != 3 {
            return None;
        }
        let len = record.u16()?;
        Hello::read(record.at_most(len.into()))
    }

    /// From the start of a handshake. `None` if it is another message or ends before its extensions.
    #[must_use]
    pub fn read(handshake: &'a [u8]) -> Option<Hello<'a>> {
        let mut body = Reader::new(handshake);
        let [kind, a, b, c] = body.take()?;
        if kind != CLIENT_HELLO {
            return None;
        }
        let len = u32::from_be_bytes([0, a, b, c]) as usize;
        let is_there = body.len() >= len;
        let mut body = Reader::new(body.at_most(len));
        let version = body.u16()?;
        body.skip(32)?; // random
        let session = body.u8()?;
        body.skip(session.into())?;
        let len = body.u16()?;
        let suites = body.slice(len.into())?;
        let compressions = body.u8()?;
        body.skip(compressions.into())?;
        // Clients of before RFC 3546 have none, and end here.
        let Some(len) = body.u16() else {
            return Some(Hello { version, suites, extensions: &[], is_whole: is_there && body.is_empty() });
        };
        let extensions = body.at_most(len.into());
        Some(Hello { version, suites, extensions, is_whole: is_there && extensions.len() == usize::from(len) })
    }

    /// Cipher suites in the order offered.
    pub fn suites(&self) -> impl Iterator<Item = u16> + 'a {
        numbers(self.suites)
    }

    /// Extensions in the order sent: kind and value, up to the first that is cut.
    pub fn extensions(&self) -> impl Iterator<Item = (u16, &'a [u8])> + 'a {
        let mut rest = Reader::new(self.extensions);
        std::iter::from_fn(move || {
            let (kind, len) = (rest.u16()?, rest.u16()?);
            Some((kind, rest.slice(len.into())?))
        })
        .take(EXTENSIONS_MAX)
    }

    /// Offers version 1.3 or a later one (RFC 8446 §4.2.1).
    #[must_use]
    pub fn offers_13(&self) -> bool {
        let versions = self.extension(extension::VERSIONS).and_then(|value| value.get(1..)).unwrap_or_default();
        numbers(versions).any(|version| version >= 0x0304 && version & 0x0f0f != 0x0a0a)
    }

    fn extension(&self, wanted: u16) -> Option<&'a [u8]> {
        self.extensions().find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
    }

    /// The host name it asks for, as it stands on the wire.
    #[must_use]
    pub fn server_name(&self) -> Option<&'a str> {
        let mut body = Reader::new(self.extension(extension::SERVER_NAME)?);
        body.u16()?;
        if body.u8()? != HOST_NAME {
            return None;
        }
        let len = body.u16()?;
        std::str::from_utf8(body.slice(len.into())?).ok().filter(|name| name.is_ascii() && !name.is_empty())
    }
}

/// The host name a client asks for in a segment of TCP.
#[must_use]
pub fn server_name(payload: &[u8]) -> Option<&str> {
    Hello::in_record(payload)?.server_name()
}

/// Numbers of two bytes.
fn numbers(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    let mut rest = Reader::new(bytes);
    std::iter::from_fn(move || rest.u16())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A greeting with `extensions` before the name.
    fn hello(name: &[u8], before: &[u8]) -> Vec<u8> {
        let len = |n: usize| u16::try_from(n).expect("short").to_be_bytes();
        let entry = [&[HOST_NAME][..], &len(name.len()), name].concat();
        let list = [&len(entry.len())[..], &entry].concat();
        let extension = [&extension::SERVER_NAME.to_be_bytes()[..], &len(list.len()), &list].concat();
        let extensions = [before, &extension].concat();
        let body =
            [&[3, 3][..], &[7; 32], &[2, 9, 9], &len(2), &[0x13, 1], &[1, 0], &len(extensions.len()), &extensions]
                .concat();
        let handshake = [&[CLIENT_HELLO, 0][..], &len(body.len()), &body].concat();
        [&[HANDSHAKE, 3, 1][..], &len(handshake.len()), &handshake].concat()
    }

    #[test]
    fn the_name_is_found_behind_other_extensions() {
        let grease = [0x0a, 0x0a, 0, 1, 0];
        assert_eq!(server_name(&hello(b"api.example.org", &[])), Some("api.example.org"));
        assert_eq!(server_name(&hello(b"api.example.org", &grease)), Some("api.example.org"));
        assert_eq!(server_name(&hello(b"", &[])), None);
        assert_eq!(server_name(&hello(b"\xff\xfe", &[])), None);
        let whole = hello(b"api.example.org", &grease);
        for cut in 0..whole.len() {
            assert_eq!(server_name(&whole[..cut]), None, "cut at {cut}");
            assert!(Hello::in_record(&whole[..cut]).is_none_or(|hello| !hello.is_whole), "cut at {cut}");
        }
        let hello = Hello::in_record(&whole).expect("a greeting");
        assert_eq!((hello.version, hello.is_whole, hello.suites().collect()), (0x0303, true, vec![0x1301]));
    }

    proptest! {
        #[test]
        fn nothing_from_the_wire_stops_it(at in any::<prop::sample::Index>(), byte in any::<u8>(), tail in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut bytes = hello(b"api.example.org", &tail);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Some(hello) = Hello::in_record(&bytes) {
                prop_assert!(hello.extensions().count() <= EXTENSIONS_MAX);
                prop_assert_eq!(fingerprint(&hello, Over::Tcp).is_some(), hello.is_whole);
            }
            let _any_answer = certificate(&bytes);
            let _any_answer = server_name(&bytes);
            let _any_answer = server_name(&tail);
        }
    }
}
