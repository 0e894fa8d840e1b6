//! # PCP
//!
//! The Port Control Protocol, RFC 6887: heads of all messages, and the doors that MAP opens. It cannot list
//! doors that are open; only asking for one is seen.

use std::net::{IpAddr, Ipv6Addr};

use crate::{model::Port, wire::reader::Reader};

/// Longest message (RFC 6887 §7).
pub const MESSAGE_MAX: usize = 1100;
const VERSION: u8 = 2;
const ANSWER: u8 = 128;
const ANNOUNCE: u8 = 0;
const MAP: u8 = 1;
/// `THIRD_PARTY`: the door leads to another than the asker (RFC 6887 §13.1).
const THIRD_PARTY: u8 = 1;
/// Options of one message looked at.
const OPTIONS_MAX: usize = 16;

/// A message: a request, or an answer with its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pcp {
    /// 0: it worked (RFC 6887 §7.4). `None`: a request.
    pub result: Option<u8>,
    pub lifetime_s: u32,
    /// Of an answer: since when the router keeps its list.
    pub epoch_s: Option<u32>,
    /// Of a request: who asks, as it says itself.
    pub client: Option<IpAddr>,
    pub what: What,
}

/// What it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Announce,
    Map(Map),
    /// PEER, or an operation of a later document.
    Other(u8),
}

/// A door (RFC 6887 §11.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Map {
    /// As in IP: 6 TCP, 17 UDP, 0 all.
    pub protocol: u8,
    pub internal: Port,
    pub external: Port,
    pub external_ip: IpAddr,
    /// Leads here rather than to the asker.
    pub third_party: Option<IpAddr>,
}

/// "Are you there?" (RFC 6887 §14.1), from `client`.
#[must_use]
pub fn announce(client: IpAddr) -> Vec<u8> {
    // Version, operation, two bytes reserved, lifetime 0.
    let mut message = vec![VERSION, ANNOUNCE, 0, 0, 0, 0, 0, 0];
    message.extend(as_v6(client).octets());
    message
}

/// The form both kinds of addresses have here (RFC 6887 §5).
const fn as_v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

impl Pcp {
    /// `None` if its head is not whole, or if it is of another version.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Pcp> {
        let mut reader = Reader::new(bytes);
        let (version, code) = (reader.u8()?, reader.u8()?);
        // Lengths are multiples of four (RFC 6887 §7).
        if version != VERSION || bytes.len() > MESSAGE_MAX || !bytes.len().is_multiple_of(4) {
            return None;
        }
        let operation = code & !ANSWER;
        let result = if code & ANSWER == 0 {
            reader.skip(2)?;
            None
        } else {
            let [_reserved, result] = reader.take()?;
            Some(result)
        };
        let lifetime_s = reader.u32()?;
        let (epoch_s, client) = if result.is_some() {
            let epoch_s = reader.u32()?;
            reader.skip(12)?;
            (Some(epoch_s), None)
        } else {
            (None, Some(reader.ipv6()?.to_canonical()))
        };
        let what = match operation {
            ANNOUNCE => What::Announce,
            MAP => What::Map(map(&mut reader)?),
            other => What::Other(other),
        };
        Some(Pcp { result, lifetime_s, epoch_s, client, what })
    }
}

fn map(reader: &mut Reader<'_>) -> Option<Map> {
    // The nonce.
    reader.skip(12)?;
    let protocol = reader.u8()?;
    reader.skip(3)?;
    let (internal, external) = (reader.u16()?, reader.u16()?);
    let external_ip = reader.ipv6()?.to_canonical();
    let mut map = Map { protocol, internal, external, external_ip, third_party: None };
    for _ in 0..OPTIONS_MAX {
        // Code, reserved, length; padded to four (RFC 6887 §7.3).
        let Some([code, _, high, low]) = reader.take() else { break };
        let len = usize::from(u16::from_be_bytes([high, low]));
        let Some(data) = reader.slice(len) else { break };
        if code == THIRD_PARTY {
            map.third_party = Reader::new(data).ipv6().map(|ip| ip.to_canonical());
        }
        if reader.skip(len.next_multiple_of(4) - len).is_none() {
            break;
        }
    }
    Some(map)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(code: u8, result: u8, tail: [u8; 16]) -> Vec<u8> {
        [&[2, code, 0, result, 0, 0, 14, 16][..], &tail].concat()
    }

    fn map_body(options: &[u8]) -> Vec<u8> {
        let mut body = vec![9; 12];
        body.extend([6, 0, 0, 0, 13, 61, 13, 62]);
        body.extend("::ffff:203.0.113.9".parse::<Ipv6Addr>().expect("an address").octets());
        body.extend(options);
        body
    }

    #[test]
    fn heads_and_doors_are_read() {
        let own: IpAddr = "10.0.0.5".parse().expect("an address");
        let asked = Pcp::read(&announce(own)).expect("a request");
        assert_eq!((asked.result, asked.client, asked.what), (None, Some(own), What::Announce));

        let epoch = [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let answer = Pcp::read(&head(128, 0, epoch)).expect("an answer");
        assert_eq!((answer.result, answer.epoch_s, answer.what), (Some(0), Some(9), What::Announce));

        let other: Ipv6Addr = "::ffff:10.0.0.7".parse().expect("an address");
        let third = [&[1, 0, 0, 16][..], &other.octets()].concat();
        let padded = [&[200, 0, 0, 1, 7, 0, 0, 0][..], &third].concat();
        for (name, options, expected) in [
            ("no option", &[][..], None),
            ("a third party", &third, Some(IpAddr::V6(other).to_canonical())),
            ("after a padded one", &padded, Some(IpAddr::V6(other).to_canonical())),
            ("longer than the message", &[1, 0, 0, 99, 1, 2, 3, 4], None),
        ] {
            let bytes = [head(1, 0, [0; 16]), map_body(options)].concat();
            let Some(Pcp { what: What::Map(map), lifetime_s: 3600, .. }) = Pcp::read(&bytes) else {
                panic!("{name}");
            };
            assert_eq!(
                (map.protocol, map.internal, map.external, map.third_party),
                (6, 3389, 3390, expected),
                "{name}"
            );
            assert_eq!(map.external_ip, "203.0.113.9".parse::<IpAddr>().expect("an address"), "{name}");
        }
        for bad in [&[][..], &[2, 128], &[0, 128, 0, 1, 0, 0, 0, 0], &head(1, 0, [0; 16]), &[2; 1104], &[2; 25]] {
            assert_eq!(Pcp::read(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_bounded(mut bytes in proptest::collection::vec(any::<u8>(), 0..1200)) {
            if let Some(first) = bytes.first_mut() {
                *first = VERSION;
            }
            if let Some(found) = Pcp::read(&bytes) {
                prop_assert!(bytes.len() <= MESSAGE_MAX && bytes.len().is_multiple_of(4));
                prop_assert_eq!(found.result.is_some(), found.epoch_s.is_some());
            }
        }
    }
}
