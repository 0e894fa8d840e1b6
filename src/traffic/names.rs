//! # Questions to name servers
//!
//! DNS as detectors need it, and which part of a name somebody registered.

use std::net::IpAddr;

use super::fact::Dns;
use crate::wire::dns::{Data, Message, Section};

/// Addresses kept of one answer.
const ADDRESSES_MAX: usize = 8;

/// One message; `None` if it is none.
pub fn read(payload: &[u8]) -> Option<Dns> {
    let message = Message::read(payload)?;
    // Only questions and their answers (RFC 1035 §4.1.1), one question as all do.
    if message.opcode() != 0 || message.counts.first() != Some(&1) {
        return None;
    }
    let question = message.questions().next()?;
    let mut name = question.name.to_string();
    name.make_ascii_lowercase();
    let mut dns = Dns {
        id: message.id,
        is_answer: message.is_response(),
        is_own: message.is_response() && message.is_authoritative(),
        code: message.code(),
        kind: question.kind,
        name,
        ..Dns::default()
    };
    if dns.is_answer {
        for record in message.records().filter(|record| record.section == Section::Answer) {
            dns.answer_count = dns.answer_count.saturating_add(1);
            dns.answer_bytes = dns.answer_bytes.saturating_add(u32::try_from(record.bytes.len()).unwrap_or_default());
            dns.ttl_s = record.ttl_s;
            let address = match record.data() {
                Data::A(ip) => Some(IpAddr::V4(ip)),
                Data::Aaaa(ip) => Some(IpAddr::V6(ip)),
                _ => None,
            };
            dns.addresses.extend(address.filter(|_| dns.addresses.len() < ADDRESSES_MAX));
        }
    }
    Some(dns)
}

/// Second-level labels under which countries register (a short form of the Public Suffix List, publicsuffix.org):
/// with them a registered name has three labels.
const SECOND: [&str; 22] = [
    "co", "com", "net", "org", "gov", "edu", "ac", "ne", "or", "go", "gob", "nom", "mil", "ltd", "plc", "sch", "nhs",
    "ad", "id", "web", "ind", "firm",
];

/// The registered domain of `name`, as far as a short list tells; the name itself if it has but two labels.
#[must_use]
pub fn registered(name: &str) -> &str {
    let name = name.trim_end_matches('.');
    let mut ends = name.rmatch_indices('.').map(|(at, _)| at);
    let (last, second, third) = (ends.next(), ends.next(), ends.next());
    let (Some(last), Some(second)) = (last, second) else { return name };
    let label = name.get(second + 1..last).unwrap_or_default();
    let is_country = name.len() - last == 3;
    let at = if is_country && SECOND.contains(&label) {
        match third {
            Some(third) => third + 1,
            None => return name,
        }
    } else {
        second + 1
    };
    name.get(at..).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registered_part_is_found() {
        for (name, expected) in [
            ("a.b.example.com", "example.com"),
            ("example.com", "example.com"),
            ("localhost", "localhost"),
            ("x.example.co.uk", "example.co.uk"),
            ("example.co.uk", "example.co.uk"),
            ("co.uk", "co.uk"),
            ("a.co.example", "co.example"),
            ("", ""),
            ("...", ""),
        ] {
            assert_eq!(registered(name), expected, "{name}");
        }
    }
}
