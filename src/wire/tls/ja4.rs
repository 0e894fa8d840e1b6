//! # JA4: which program greets
//!
//! The fingerprint of a client's greeting as FoxIO specified it (github.com/FoxIO-LLC/ja4, technical
//! details; JA4 itself under BSD 3-clause, copyright 2023 FoxIO). Written from the specification:
//! `t13d1516h2_8daaf6152771_e5627efa2ab1` is transport, version, whether a host is named, how many
//! suites and extensions, the first protocol offered; the suites in order of their numbers; the
//! extensions likewise with the signature algorithms as sent. Lists are hashed, twelve digits each.

use super::{Hello, extension, numbers};
use crate::wire::reader::Reader;

/// Numbers of one list that are looked at.
const NUMBERS_MAX: usize = 256;
/// Counts have two digits.
const COUNT_MAX: usize = 99;
/// What stands for a list of nothing.
const NOTHING: &str = "000000000000";
/// Digits kept of a hash.
const DIGITS: usize = 12;

/// What carries the greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    Tcp,
    Quic,
}

/// `None` if the greeting is cut: half a list has another fingerprint.
#[must_use]
pub fn fingerprint(hello: &Hello<'_>, over: Over) -> Option<String> {
    Shape::of(hello, over).map(|shape| shape.fingerprint())
}

/// What goes into a fingerprint. A program greets in few shapes, and two hashes cost more than all else: who keeps the last
/// ones need not work them out again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    start: String,
    suites: Vec<u8>,
    extensions: Vec<u8>,
}

impl Shape {
    /// `None` if the greeting is cut.
    #[must_use]
    pub fn of(hello: &Hello<'_>, over: Over) -> Option<Shape> {
        if !hello.is_whole {
            return None;
        }
        let mut suites: Vec<u16> = hello.suites().filter(|number| !is_grease(*number)).take(NUMBERS_MAX).collect();
        let mut kinds: Vec<u16> =
            hello.extensions().map(|(kind, _)| kind).filter(|kind| !is_grease(*kind)).take(NUMBERS_MAX).collect();
        let over = if over == Over::Tcp { 't' } else { 'q' };
        let named = if kinds.contains(&extension::SERVER_NAME) { 'd' } else { 'i' };
        let (suite_count, kind_count) = (suites.len().min(COUNT_MAX), kinds.len().min(COUNT_MAX));
        let start = format!("{over}{}{named}{suite_count:02}{kind_count:02}{}", version(hello), protocol(hello));
        suites.sort_unstable();
        kinds.retain(|kind| !matches!(*kind, extension::SERVER_NAME | extension::PROTOCOLS));
        kinds.sort_unstable();
        let mut extensions = list(kinds.into_iter());
        let signatures = list(signatures(hello).filter(|number| !is_grease(*number)).take(NUMBERS_MAX));
        if !extensions.is_empty() && !signatures.is_empty() {
            extensions.push(b'_');
            extensions.extend_from_slice(&signatures);
        }
        Some(Shape { start, suites: list(suites.into_iter()), extensions })
    }

    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut text = self.start.clone();
        for list in [&self.suites, &self.extensions] {
            text.push('_');
            if list.is_empty() { text.push_str(NOTHING) } else { hash(list, &mut text) }
        }
        text
    }
}

/// Numbers that mean nothing, drawn to keep servers tolerant (RFC 8701 §2).
const fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

/// The highest version offered, in two letters.
fn version(hello: &Hello<'_>) -> &'static str {
    let offered = hello.extension(extension::VERSIONS).and_then(|value| value.get(1..));
    let highest = offered.and_then(|list| numbers(list).filter(|number| !is_grease(*number)).max());
    match highest.unwrap_or(hello.version) {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    }
}

/// First and last letter of the first application protocol; of its digits if it is not text.
fn protocol(hello: &Hello<'_>) -> String {
    let first = hello.extension(extension::PROTOCOLS).and_then(|value| {
        let mut reader = Reader::new(value);
        reader.u16()?;
        let len = reader.u8()?;
        reader.slice(len.into())
    });
    let (Some(first), Some(last)) = (first.and_then(<[u8]>::first), first.and_then(<[u8]>::last)) else {
        return "00".to_owned();
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return format!("{}{}", char::from(*first), char::from(*last));
    }
    format!("{:x}{:x}", first >> 4, last & 15)
}

fn signatures<'a>(hello: &Hello<'a>) -> impl Iterator<Item = u16> + use<'a> {
    numbers(hello.extension(extension::SIGNATURES).and_then(|value| value.get(2..)).unwrap_or_default())
}

/// Four digits each, with commas between.
fn list(numbers: impl Iterator<Item = u16>) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    for number in numbers {
        if !out.is_empty() {
            out.push(b',');
        }
        let [one, two] = number.to_be_bytes();
        out.extend_from_slice(&[digit(one >> 4), digit(one), digit(two >> 4), digit(two)]);
    }
    out
}

/// Of the lower half.
const fn digit(byte: u8) -> u8 {
    match byte & 15 {
        small @ 0..10 => b'0' + small,
        great => b'a' + great - 10,
    }
}

/// SHA-256, its first digits.
fn hash(text: &[u8], out: &mut String) {
    let provider = match rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256 {
        rustls::SupportedCipherSuite::Tls13(suite) => suite.common.hash_provider,
        rustls::SupportedCipherSuite::Tls12(suite) => suite.common.hash_provider,
    };
    let digest = provider.hash(text);
    let digits = digest.as_ref().iter().take(DIGITS / 2).flat_map(|byte| [digit(byte >> 4), digit(*byte)]);
    out.extend(digits.map(char::from));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(numbers: &[u16]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    fn counted(bytes: &[u8]) -> Vec<u8> {
        [&u16::try_from(bytes.len()).expect("short").to_be_bytes()[..], bytes].concat()
    }

    /// A handshake with these suites, extensions and signature algorithms.
    fn hello(suites: &str, kinds: &str, signatures: &str, protocol: &[u8]) -> Vec<u8> {
        let parse = |text: &str| -> Vec<u16> {
            let numbers = text.split(',').filter(|text| !text.is_empty());
            numbers.map(|text| u16::from_str_radix(text, 16).expect("a number")).collect()
        };
        let mut extensions = Vec::new();
        for kind in parse(kinds) {
            let value = match kind {
                extension::SIGNATURES => counted(&words(&parse(signatures))),
                extension::PROTOCOLS => {
                    counted(&[&[u8::try_from(protocol.len()).expect("short")][..], protocol].concat())
                }
                extension::VERSIONS => [&[6][..], &words(&[0x7a7a, 0x0304, 0x0303])].concat(),
                _ => vec![],
            };
            extensions.extend(kind.to_be_bytes());
            extensions.extend(counted(&value));
        }
        let body =
            [&[3, 3][..], &[7; 32], &[0], &counted(&words(&parse(suites))), &[1, 0], &counted(&extensions)].concat();
        [&[1, 0][..], &counted(&body)].concat()
    }

    #[test]
    fn published_fingerprints_come_out() {
        let chrome = "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035";
        let signatures = "0403,0804,0401,0503,0805,0501,0806,0601";
        let cases: &[(&str, String, &str, &str, &[u8], Over, &str)] = &[
            (
                "the example of the specification, shuffled and greased",
                format!("3a3a,{chrome}"),
                "8a8a,001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015,dada",
                signatures,
                b"h2",
                Over::Tcp,
                "t13d1516h2_8daaf6152771_e5627efa2ab1",
            ),
            (
                "a browser of 2025",
                chrome.to_owned(),
                "002d,0033,0010,fe0d,0017,44cd,0000,000b,000a,002b,ff01,0023,0012,0005,000d,001b",
                signatures,
                b"h2",
                Over::Tcp,
                "t13d1516h2_8daaf6152771_d8a2da3f94cd",
            ),
            (
                "the suites of quic",
                "1301,1302,1303".to_owned(),
                "0000,0010,002b",
                "",
                b"h3",
                Over::Quic,
                "q13d0303h3_55b375c5d22e_",
            ),
            ("nothing offered", String::new(), "", "", b"", Over::Tcp, "t12i000000_000000000000_000000000000"),
            ("no text", "1301".to_owned(), "0010", "", &[0xab, 0, 0xcd], Over::Tcp, "t12i0101ad_"),
        ];
        for (name, suites, kinds, signatures, protocol, over, expected) in cases {
            let bytes = hello(suites, kinds, signatures, protocol);
            let found = fingerprint(&Hello::read(&bytes).expect(name), *over).expect(name);
            assert!(found.starts_with(expected) && found.len() == 36, "{name}: {found}");
        }
    }

    #[test]
    fn a_cut_greeting_has_no_fingerprint() {
        let whole = hello("1301", "0000,0010,002b", "", b"h2");
        for cut in 0..whole.len() {
            let found = Hello::read(&whole[..cut]).and_then(|hello| fingerprint(&hello, Over::Tcp));
            assert_eq!(found, None, "cut at {cut}");
        }
    }
}
