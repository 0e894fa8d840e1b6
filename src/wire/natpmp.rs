//! # NAT-PMP
//!
//! RFC 6886: what a router's outer address is, and the doors that devices ask it to open. It cannot list
//! doors that are open; only asking for one is seen.

use std::net::Ipv4Addr;

use crate::{model::Port, wire::reader::Reader};

/// Of the router (RFC 6886 §1.1, §3.1).
pub const PORT: Port = 5351;
/// Where the router announces a new outer address, to 224.0.0.1 (RFC 6886 §3.2.1).
pub const PORT_CLIENTS: Port = 5350;
/// Longest message of the protocol; longer ones are another version's.
pub const MESSAGE_MAX: usize = 16;
/// "What is your outer address?" (RFC 6886 §3.2).
pub const QUESTION: [u8; 2] = [0, 0];

const VERSION: u8 = 0;
/// Set in the operation of answers.
const ANSWER: u8 = 128;
const ADDRESS: u8 = 0;
const UDP: u8 = 1;
const TCP: u8 = 2;

/// What a device asks of the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    Address,
    /// Open `external` towards `internal` of the asker for `lease_s`; 0 closes it (RFC 6886 §3.3, §3.4).
    Map {
        tcp: bool,
        internal: Port,
        external: Port,
        lease_s: u32,
    },
}

/// What the router says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// `epoch_s`: since when it keeps its list; it starts anew with the router.
    Address {
        epoch_s: u32,
        address: Ipv4Addr,
    },
    Map {
        tcp: bool,
        epoch_s: u32,
        internal: Port,
        external: Port,
        lease_s: u32,
    },
    /// A result other than 0 (RFC 6886 §3.5): 1 other version, 2 not allowed, 3 no network, 4 no room, 5 unknown.
    Refused {
        operation: u8,
        result: u16,
    },
}

impl Request {
    /// `None` if it is no whole request of this version.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Request> {
        let mut reader = Reader::new(bytes);
        let (version, operation) = (reader.u8()?, reader.u8()?);
        if version != VERSION || bytes.len() > MESSAGE_MAX {
            return None;
        }
        match operation {
            ADDRESS => reader.is_empty().then_some(Request::Address),
            UDP | TCP => {
                reader.skip(2)?;
                let (internal, external) = (reader.u16()?, reader.u16()?);
                Some(Request::Map { tcp: operation == TCP, internal, external, lease_s: reader.u32()? })
            }
            _ => None,
        }
    }
}

impl Answer {
    /// `None` if it is no whole answer of this version.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Answer> {
        let mut reader = Reader::new(bytes);
        let (version, operation, result) = (reader.u8()?, reader.u8()?.checked_sub(ANSWER)?, reader.u16()?);
        if version != VERSION || bytes.len() > MESSAGE_MAX {
            return None;
        }
        // A refusal may end here, before what there is no answer to (RFC 6886 §3.5).
        if result != 0 {
            return Some(Answer::Refused { operation, result });
        }
        let epoch_s = reader.u32()?;
        match operation {
            ADDRESS => Some(Answer::Address { epoch_s, address: reader.ipv4()? }),
            UDP | TCP => {
                let (internal, external) = (reader.u16()?, reader.u16()?);
                Some(Answer::Map { tcp: operation == TCP, epoch_s, internal, external, lease_s: reader.u32()? })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_are_whole_or_none() {
        let address = Answer::Address { epoch_s: 7, address: Ipv4Addr::new(203, 0, 113, 9) };
        let map = Answer::Map { tcp: true, epoch_s: 7, internal: 22, external: 2222, lease_s: 3600 };
        let cases: &[(&str, &[u8], Option<Answer>)] = &[
            ("address", &[0, 128, 0, 0, 0, 0, 0, 7, 203, 0, 113, 9], Some(address)),
            ("cut address", &[0, 128, 0, 0, 0, 0, 0, 7, 203, 0, 113], None),
            ("tcp map", &[0, 130, 0, 0, 0, 0, 0, 7, 0, 22, 8, 174, 0, 0, 14, 16], Some(map)),
            ("cut map", &[0, 130, 0, 0, 0, 0, 0, 7, 0, 22, 8, 174, 0, 0, 14], None),
            ("refused", &[0, 128, 0, 3, 0, 0, 0, 7], Some(Answer::Refused { operation: 0, result: 3 })),
            ("refused, short", &[0, 129, 0, 2], Some(Answer::Refused { operation: 1, result: 2 })),
            ("a question", &[0, 0], None),
            ("PCP", &[2, 128, 0, 0, 0, 0, 0, 7, 203, 0, 113, 9], None),
            ("unknown operation", &[0, 199, 0, 0, 0, 0, 0, 7, 203, 0, 113, 9], None),
            ("too long", &[0; 60], None),
            ("empty", &[], None),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(Answer::read(bytes), *expected, "{name}");
        }
    }

    #[test]
    fn requests_are_whole_or_none() {
        let map = Request::Map { tcp: false, internal: 3389, external: 3389, lease_s: 0 };
        let cases: &[(&str, &[u8], Option<Request>)] = &[
            ("address", &QUESTION, Some(Request::Address)),
            ("address and more", &[0, 0, 0], None),
            ("close udp", &[0, 1, 0, 0, 13, 61, 13, 61, 0, 0, 0, 0], Some(map)),
            ("cut", &[0, 1, 0, 0, 13, 61, 13, 61, 0, 0, 0], None),
            ("an answer", &[0, 129, 0, 0, 13, 61, 13, 61, 0, 0, 0, 0], None),
            ("PCP", &[2, 1, 0, 0, 13, 61, 13, 61, 0, 0, 0, 0], None),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(Request::read(bytes), *expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_message_is_at_most_one_of_both(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let both = (Request::read(&bytes), Answer::read(&bytes));
            prop_assert!(both.0.is_none() || both.1.is_none());
            prop_assert!(bytes.len() <= MESSAGE_MAX || both == (None, None));
        }
    }
}
