//! # The name in a TLS greeting
//!
//! RFC 8446 §4.1.2 and RFC 6066 §3: a client says in the clear whom it wants to speak to. Read from
//! the first segment; a greeting that is cut before the name tells none.

use crate::wire::reader::Reader;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;
/// Extensions looked at; browsers send about 20.
const EXTENSIONS_MAX: usize = 64;

/// The host name a client asks for, as it stands on the wire.
#[must_use]
pub fn server_name(payload: &[u8]) -> Option<&str> {
    let mut record = Reader::new(payload);
    let [kind, major, _minor] = record.take()?;
    if kind != HANDSHAKE || major != 3 {
        return None;
    }
    record.u16()?;
    let [kind, _, _, _] = record.take()?;
    if kind != CLIENT_HELLO {
        return None;
    }
    record.skip(2 + 32)?; // version and random
    let session = record.u8()?;
    record.skip(session.into())?;
    let suites = record.u16()?;
    record.skip(suites.into())?;
    let compressions = record.u8()?;
    record.skip(compressions.into())?;
    let len = record.u16()?;
    let mut extensions = Reader::new(record.at_most(len.into()));
    for _ in 0..EXTENSIONS_MAX {
        let (kind, len) = (extensions.u16()?, extensions.u16()?);
        let mut body = Reader::new(extensions.slice(len.into())?);
        if kind != SERVER_NAME {
            continue;
        }
        body.u16()?;
        if body.u8()? != HOST_NAME {
            return None;
        }
        let len = body.u16()?;
        return std::str::from_utf8(body.slice(len.into())?).ok().filter(|name| name.is_ascii() && !name.is_empty());
    }
    None
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
        let extension = [&SERVER_NAME.to_be_bytes()[..], &len(list.len()), &list].concat();
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
        }
    }

    proptest! {
        #[test]
        fn nothing_from_the_wire_stops_it(at in any::<prop::sample::Index>(), byte in any::<u8>(), tail in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut bytes = hello(b"api.example.org", &tail);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _any_answer = server_name(&bytes);
            let _any_answer = server_name(&tail);
        }
    }
}
