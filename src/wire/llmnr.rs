//! # Link-local multicast name resolution
//!
//! RFC 4795: DNS messages ([`crate::wire::dns`]) to a group of one link, for the names of hosts that have no name
//! server. Windows and systemd answer; others do not.

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr},
};

use crate::{
    model::Port,
    wire::dns::{Data, Message, kind},
};

pub const PORT: Port = 5355;
/// Where questions go (RFC 4795 §2).
pub const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 252);

/// Neither in conflict with another host nor still to be checked (bits C and T, RFC 4795 §2.1.1), and no error.
#[must_use]
pub const fn is_certain(message: &Message<'_>) -> bool {
    message.flags & 0x0500 == 0 && message.code() == 0
}

/// The name under which the host of `ip` is looked up (RFC 1035 §3.5, RFC 3596 §2.5).
#[must_use]
pub fn reverse(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(ip) => {
            let mut name = String::with_capacity(72);
            for byte in ip.octets().iter().rev() {
                let _ = write!(name, "{:x}.{:x}.", byte & 15, byte >> 4);
            }
            name + "ip6.arpa"
        }
    }
}

/// "Who is at `ip`?" (a query with one question of type PTR).
#[must_use]
pub fn question(id: u16, ip: IpAddr) -> Vec<u8> {
    let name = reverse(ip);
    query(id, name.split('.'), kind::PTR)
}

/// "What address has the host of this name?"
#[must_use]
pub fn question_for(id: u16, labels: &[&str]) -> Vec<u8> {
    query(id, labels.iter().copied(), kind::A)
}

fn query<'a>(id: u16, labels: impl Iterator<Item = &'a str>, kind: u16) -> Vec<u8> {
    let mut message = Vec::with_capacity(96);
    message.extend(id.to_be_bytes());
    // A query without conflict and not tentative; one question.
    message.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in labels {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    // Root; type; class IN.
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend([0, 1]);
    message
}

/// The first label of the name that the answer to question `id` gives for `ip`.
#[must_use]
pub fn answer(bytes: &[u8], id: u16, ip: IpAddr) -> Option<&[u8]> {
    let message = Message::read(bytes)
        .filter(|message| message.is_response() && message.opcode() == 0 && message.id == id && is_certain(message))?;
    let about = reverse(ip);
    let record = message.answers().take(16).find(|r| r.kind == kind::PTR && r.name.is_text(&about))?;
    let Data::Name(name) = record.data() else { return None };
    name.labels().next().filter(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);

    fn reply(flags: u16, about: IpAddr, target: &[u8]) -> Vec<u8> {
        let mut bytes = question(7, about);
        bytes[2..4].copy_from_slice(&flags.to_be_bytes());
        bytes[7] = 1;
        bytes.extend([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 30]);
        bytes.extend((target.len() as u16).to_be_bytes());
        bytes.extend(target);
        bytes
    }

    #[test]
    fn names_for_addresses_are_spelt_backwards() {
        assert_eq!(reverse(IP.into()), "5.0.0.10.in-addr.arpa");
        let v6 = reverse("fe80::1:23".parse().unwrap());
        assert_eq!(v6, "3.2.0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.e.f.ip6.arpa");
    }

    #[test]
    fn an_answer_counts_if_it_is_certain_and_about_the_address() {
        let other = IpAddr::from([10, 0, 0, 6]);
        let cases: &[(&str, Vec<u8>, Option<&[u8]>)] = &[
            ("a host", reply(0x8000, IP.into(), b"\x07anna-pc\x00"), Some(b"anna-pc")),
            ("with a domain", reply(0x8000, IP.into(), b"\x02pc\x03lan\x00"), Some(b"pc")),
            ("in conflict", reply(0x8400, IP.into(), b"\x02pc\x00"), None),
            ("tentative", reply(0x8100, IP.into(), b"\x02pc\x00"), None),
            ("an error", reply(0x8003, IP.into(), b"\x02pc\x00"), None),
            ("about another", reply(0x8000, other, b"\x02pc\x00"), None),
            ("a question", reply(0, IP.into(), b"\x02pc\x00"), None),
            ("the root", reply(0x8000, IP.into(), b"\x00"), None),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(answer(bytes, 7, IP.into()), *expected, "{name}");
            assert_eq!(answer(bytes, 8, IP.into()), None, "{name}: another question's");
            for end in 0..bytes.len() {
                let _ = answer(&bytes[..end], 7, IP.into());
            }
        }
    }
}
