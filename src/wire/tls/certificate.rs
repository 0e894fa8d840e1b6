//! # Whose certificate a server shows
//!
//! Up to TLS 1.2 the server's certificate goes over the wire in the clear (RFC 5246 §7.4.2), and a box
//! of the home that made its own wrote its name into it. Read from the first segment of the answer:
//! the subject stands before the long parts. Later versions encrypt it.

use super::HANDSHAKE;
use crate::wire::reader::Reader;

const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
/// Handshake messages and records looked at.
const PIECES_MAX: usize = 8;
/// Names in one subject.
const NAMES_MAX: usize = 16;
/// id-at-commonName and id-at-organizationName (RFC 5280 appendix A): 2.5.4.3 and 2.5.4.10.
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANIZATION: &[u8] = &[0x55, 4, 10];

/// Tags of DER (X.690 §8).
mod tag {
    pub const INTEGER: u8 = 2;
    pub const OBJECT: u8 = 6;
    pub const SEQUENCE: u8 = 0x30;
    pub const SET: u8 = 0x31;
    pub const EXPLICIT_0: u8 = 0xa0;
}

/// Whom a certificate is for, as it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Subject<'a> {
    pub common_name: &'a [u8],
    pub organization: &'a [u8],
}

/// The subject of the first certificate in a server's answer.
#[must_use]
pub fn certificate(payload: &[u8]) -> Option<Subject<'_>> {
    subject(first(payload)?)
}

/// The body of the message that carries certificates.
fn first(payload: &[u8]) -> Option<&[u8]> {
    let mut records = Reader::new(payload);
    for _ in 0..PIECES_MAX {
        let [kind, major, _minor] = records.take()?;
        if kind != HANDSHAKE || major != 3 {
            return None;
        }
        let len = records.u16()?;
        let mut messages = Reader::new(records.at_most(len.into()));
        for _ in 0..PIECES_MAX {
            let Some([kind, a, b, c]) = messages.take() else { break };
            let body = messages.at_most(u32::from_be_bytes([0, a, b, c]) as usize);
            match kind {
                CERTIFICATE => return Some(body),
                SERVER_HELLO => {}
                _ => return None,
            }
        }
    }
    None
}

/// What is signed of a certificate, from its serial number on (RFC 5280 §4.1). What follows may be cut, so outer lengths
/// are not held against it.
fn signed(body: &[u8]) -> Option<Reader<'_>> {
    let mut list = Reader::new(body);
    list.skip(3 + 3)?; // lengths of the list and of the first certificate
    let mut certificate = open(&mut list, tag::SEQUENCE)?;
    let mut fields = open(&mut certificate, tag::SEQUENCE)?;
    // The version, which old certificates lack.
    let mut ahead = fields;
    if element(&mut ahead)?.0 == tag::EXPLICIT_0 {
        fields = ahead;
    }
    Some(fields)
}

/// Who vouches for the first certificate, whom it is for, and what stands behind that, as they stand there.
fn issuer_and_subject(payload: &[u8]) -> Option<(&[u8], &[u8], Reader<'_>)> {
    let mut fields = signed(first(payload)?)?;
    let (_serial, _algorithm) = (element(&mut fields)?, element(&mut fields)?);
    let issuer = element(&mut fields)?.1?;
    let _validity = element(&mut fields)?;
    Some((issuer, element(&mut fields)?.1?, fields))
}

/// Who vouches for the first certificate, and the key it is for (RFC 5280 §4.1.2.4 and §4.1.2.7), as they stand there.
#[must_use]
pub fn issuer_and_key(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let (issuer, _subject, mut rest) = issuer_and_subject(payload)?;
    Some((issuer, element(&mut rest)?.1?))
}

/// Whether the first certificate names itself as its issuer (RFC 5280 §3.2: self-issued).
#[must_use]
pub fn vouches_for_itself(payload: &[u8]) -> bool {
    issuer_and_subject(payload).is_some_and(|(issuer, subject, _)| issuer == subject && !issuer.is_empty())
}

fn subject(body: &[u8]) -> Option<Subject<'_>> {
    let mut fields = signed(body)?;
    // Serial number, algorithm, issuer, validity.
    for wanted in [tag::INTEGER, tag::SEQUENCE, tag::SEQUENCE, tag::SEQUENCE] {
        let (found, value) = element(&mut fields)?;
        value.filter(|_| found == wanted)?;
    }
    let mut names = open(&mut fields, tag::SEQUENCE)?;
    let mut found = Subject::default();
    for _ in 0..NAMES_MAX {
        let Some((object, value)) = name(&mut names) else { break };
        match object {
            COMMON_NAME => found.common_name = value,
            ORGANIZATION => found.organization = value,
            _ => {}
        }
    }
    (found != Subject::default()).then_some(found)
}

/// One name of a subject: what sort, and the text.
fn name<'a>(names: &mut Reader<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let mut set = open(names, tag::SET)?;
    let mut pair = open(&mut set, tag::SEQUENCE)?;
    let (kind, object) = element(&mut pair)?;
    let (_text, value) = element(&mut pair)?;
    Some((object.filter(|_| kind == tag::OBJECT)?, value?))
}

/// Steps over an element: its tag, and its value unless that is cut.
fn element<'a>(reader: &mut Reader<'a>) -> Option<(u8, Option<&'a [u8]>)> {
    let tag = reader.u8()?;
    let len = length(reader)?;
    let value = reader.slice(len);
    if value.is_none() {
        reader.at_most(usize::MAX);
    }
    Some((tag, value))
}

/// Steps into an element: as much of it as there is.
fn open<'a>(reader: &mut Reader<'a>, wanted: u8) -> Option<Reader<'a>> {
    if reader.u8()? != wanted {
        return None;
    }
    let len = length(reader)?;
    Some(Reader::new(reader.at_most(len)))
}

/// Short form, or one to three bytes (X.690 §8.1.3); no certificate is longer.
fn length(reader: &mut Reader<'_>) -> Option<usize> {
    let first = reader.u8()?;
    let count = match first {
        0..=0x7f => return Some(first.into()),
        0x81..=0x83 => first & 0x7f,
        _ => return None,
    };
    let mut len = 0;
    for _ in 0..count {
        len = len << 8 | usize::from(reader.u8()?);
    }
    Some(len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn three(len: usize) -> [u8; 3] {
        let [_, a, b, c] = u32::try_from(len).expect("short").to_be_bytes();
        [a, b, c]
    }

    /// A server's answer that shows a certificate for `name`.
    fn answer(name: &str, in_one_record: bool) -> Vec<u8> {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut wish = rcgen::CertificateParams::new(vec!["box.example".to_owned()]).expect("a wish");
        wish.distinguished_name.push(rcgen::DnType::OrganizationName, "Acme");
        wish.distinguished_name.push(rcgen::DnType::CommonName, name);
        let made = wish.self_signed(&key).expect("a certificate");
        let der = made.der();
        let list = [&three(der.len())[..], der].concat();
        let body = [&three(list.len())[..], &list].concat();
        let shown = [&[CERTIFICATE][..], &three(body.len()), &body].concat();
        let hello = [&[SERVER_HELLO][..], &three(38), &[3; 38]].concat();
        let record = |bytes: &[u8]| {
            [&[HANDSHAKE, 3, 3][..], &u16::try_from(bytes.len()).expect("short").to_be_bytes(), bytes].concat()
        };
        if in_one_record { record(&[hello, shown].concat()) } else { [record(&hello), record(&shown)].concat() }
    }

    #[test]
    fn the_subject_is_read_even_if_the_rest_is_cut() {
        for in_one_record in [true, false] {
            let whole = answer("attic-box", in_one_record);
            let shown = Subject { common_name: b"attic-box", organization: b"Acme" };
            assert_eq!(certificate(&whole), Some(shown));
            let mut least = whole.len();
            for cut in (0..whole.len()).rev() {
                match certificate(&whole[..cut]) {
                    Some(subject) if subject == shown => least = cut,
                    // Cut within the subject: one name of two.
                    Some(half) => assert!(half.common_name.is_empty() || half.common_name == b"attic-box"),
                    None => {}
                }
            }
            assert!(least < whole.len() * 2 / 3, "needs {least} of {}", whole.len());
        }
        assert_eq!(certificate(&[22, 3, 3, 0, 4, 1, 0, 0, 0]), None);
        assert_eq!(certificate(b""), None);
    }

    proptest! {
        #[test]
        fn nothing_from_the_wire_stops_it(at in any::<prop::sample::Index>(), byte: u8, tail in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut bytes = answer("attic-box", true);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _any_answer = certificate(&bytes);
            let _any_answer = certificate(&tail);
        }
    }
}
