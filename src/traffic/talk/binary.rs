//! # LDAP, MQTT, VNC, SNMP, SOCKS: logins in a few bytes
//!
//! RFC 4511 §4.2 (simple bind), MQTT 3.1.1 §3.1 and 5.0 §3.1, RFC 6143 §7.1, RFC 1157 §4, RFC 1929.

use super::secrets::{clear, hashed, masked, tag};
use crate::{
    traffic::fact::{Credential, Login, Talkers, What},
    wire::reader::Reader,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ldap,
    Mqtt,
    Vnc,
    Socks,
}

/// See above.
#[derive(Debug)]
pub struct Binary {
    kind: Kind,
    user: Vec<u8>,
    pending: Option<u64>,
    step: u8,
}

/// Which of them it is.
pub fn recognise(_talk: &Talkers, client: &[u8], server: &[u8]) -> Option<Binary> {
    let kind = if is_bind(client) {
        Kind::Ldap
    } else if connect(client).is_some() {
        Kind::Mqtt
    } else if server.starts_with(b"RFB 00") {
        Kind::Vnc
    } else if matches!(client, [5, 1..=4, rest @ ..] if rest.contains(&2) && rest.len() <= 4)
        && server.starts_with(&[5, 2])
    {
        Kind::Socks
    } else {
        return None;
    };
    Some(Binary { kind, user: Vec::new(), pending: None, step: 0 })
}

impl Binary {
    pub fn hear(&mut self, by_client: bool, unread: &mut Vec<u8>, seed: u64, out: &mut Vec<What>) {
        match (self.kind, by_client) {
            (Kind::Ldap, true) => {
                // Several messages may lie in one segment; each says how long it is.
                while let Some(len) = message_len(unread) {
                    if unread.len() < len {
                        return;
                    }
                    let message: Vec<u8> = unread.drain(..len).collect();
                    if let Some((how, answer)) = sasl(&message) {
                        self.sasl(how, answer, seed, out);
                    }
                    // Empty: an anonymous bind (§5.1.1 of RFC 4513).
                    if let Some((user, secret)) = bind(&message).filter(|(_, secret)| !secret.is_empty()) {
                        // `uid=anna,dc=home` (RFC 4514 §2.1): whom the first part names.
                        let first = user.split(|byte| *byte == b',').next().unwrap_or(user);
                        let name = first.splitn(2, |byte| *byte == b'=').nth(1).unwrap_or(user);
                        let (user, secret) = (name.to_vec(), secret.to_vec());
                        self.sent("ldap", &user, &secret, seed, out);
                    }
                }
                unread.clear();
            }
            (Kind::Ldap, false) => {
                // BindResponse: [APPLICATION 1], then the result as an enumeration.
                let result = unread.windows(5).find_map(|at| match at {
                    [0x61, _, 0x0a, 1, result] => Some(*result),
                    _ => None,
                });
                if let Some(result) = result {
                    self.answered("ldap", result == 0, out);
                }
                unread.clear();
            }
            (Kind::Mqtt, true) => {
                if let Some((user, secret)) = connect(unread) {
                    let (user, secret) = (user.to_vec(), secret.to_vec());
                    if !secret.is_empty() {
                        self.sent("mqtt", &user, &secret, seed, out);
                    }
                }
                unread.clear();
            }
            (Kind::Mqtt, false) => {
                if let [0x20, _, _, code, ..] = unread.as_slice() {
                    self.answered("mqtt", *code == 0, out);
                }
                unread.clear();
            }
            (Kind::Vnc, true) => {
                // Version (12), choice of security (1), then 16 bytes of answer to the challenge.
                if self.step == 1 && unread.len() >= 29 {
                    let answer = unread.get(13..29).unwrap_or_default().to_vec();
                    out.push(hashed("vnc", b"", &answer, seed));
                    self.pending = Some(tag(&answer, seed));
                    self.step = 2;
                }
            }
            (Kind::Vnc, false) => {
                // Version, list with type 2, challenge of 16; then the result of 4.
                if self.step == 0 && unread.len() > 13 {
                    self.step = 1;
                }
                if self.step == 2 {
                    let last = unread.len().checked_sub(4).and_then(|at| unread.get(at..));
                    let ok = last == Some(&[0; 4]);
                    self.answered("vnc", ok, out);
                    self.step = 3;
                }
            }
            (Kind::Socks, true) => {
                let at = unread.iter().skip(3).position(|byte| *byte == 1).map(|at| at + 3);
                if let Some((user, secret)) = at.and_then(|at| unread.get(at..)).and_then(socks) {
                    let (user, secret) = (user.to_vec(), secret.to_vec());
                    self.sent("socks", &user, &secret, seed, out);
                    unread.clear();
                }
            }
            (Kind::Socks, false) => {
                if let [5, 2, 1, status, ..] = unread.as_slice() {
                    self.answered("socks", *status == 0, out);
                    unread.clear();
                }
            }
        }
    }

    /// A bind by a mechanism of SASL (RFC 4513 §5.2) that hides little or nothing.
    fn sasl(&mut self, how: &[u8], answer: &[u8], seed: u64, out: &mut Vec<What>) {
        match how {
            b"PLAIN" => {
                let mut parts = answer.split(|byte| *byte == 0).skip(1);
                if let (Some(user), Some(secret)) = (parts.next(), parts.next()) {
                    let (user, secret) = (user.to_vec(), secret.to_vec());
                    self.sent("ldap", &user, &secret, seed, out);
                }
            }
            b"CRAM-MD5" | b"DIGEST-MD5" => out.push(hashed("ldap", b"", answer, seed)),
            _ => {}
        }
    }

    fn sent(&mut self, protocol: &'static str, user: &[u8], secret: &[u8], seed: u64, out: &mut Vec<What>) {
        self.user = user.iter().take(64).copied().collect();
        self.pending = Some(tag(secret, seed));
        out.push(clear(protocol, user, secret, seed));
    }

    fn answered(&mut self, service: &'static str, ok: bool, out: &mut Vec<What>) {
        if let Some(tag) = self.pending.take() {
            out.push(What::Login(Login { service, user: masked(&self.user), tag, is_proof: false, ok }));
        }
    }
}

fn socks(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Reader::new(bytes);
    let _version = reader.u8()?;
    let len = reader.u8()?;
    let user = reader.slice(len.into())?;
    let len = reader.u8()?;
    Some((user, reader.slice(len.into())?))
}

/// Length of BER (X.690 §8.1.3).
fn ber<'a>(reader: &mut Reader<'a>, kind: u8) -> Option<Reader<'a>> {
    (reader.u8()? == kind).then_some(())?;
    let len = match reader.u8()? {
        len @ 0..=0x7f => usize::from(len),
        0x81 => usize::from(reader.u8()?),
        0x82 => usize::from(reader.u16()?),
        0x84 => usize::try_from(reader.u32()?).ok()?,
        _ => return None,
    };
    Some(Reader::new(reader.at_most(len)))
}

/// Bytes of the first message, head and all; `None` if it is none.
fn message_len(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [0x30, len @ 0..=0x7f, ..] => Some(2 + usize::from(*len)),
        [0x30, 0x81, len, ..] => Some(3 + usize::from(*len)),
        [0x30, 0x82, a, b, ..] => Some(4 + usize::from(u16::from_be_bytes([*a, *b]))),
        [0x30, 0x84, 0, 0, a, b, ..] => Some(6 + usize::from(u16::from_be_bytes([*a, *b]))),
        _ => None,
    }
}

/// A bind of any kind.
fn is_bind(bytes: &[u8]) -> bool {
    let read = || {
        let mut message = ber(&mut Reader::new(bytes), 0x30)?;
        ber(&mut message, 2)?;
        let mut bind = ber(&mut message, 0x60)?;
        Some(ber(&mut bind, 2)?.rest())
    };
    matches!(read(), Some([2 | 3]))
}

/// Mechanism and credentials of a bind by SASL; the credentials may be empty.
fn sasl(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut message = ber(&mut Reader::new(bytes), 0x30)?;
    ber(&mut message, 2)?;
    let mut bind = ber(&mut message, 0x60)?;
    ber(&mut bind, 2)?;
    ber(&mut bind, 4)?;
    let mut inner = ber(&mut bind, 0xa3)?;
    let how = ber(&mut inner, 4)?.rest();
    Some((how, ber(&mut inner, 4).map_or(&[][..], Reader::rest)))
}

/// Name and secret of a simple bind.
fn bind(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut message = ber(&mut Reader::new(bytes), 0x30)?;
    ber(&mut message, 2)?;
    let mut bind = ber(&mut message, 0x60)?;
    let version = ber(&mut bind, 2)?.rest();
    let name = ber(&mut bind, 4)?.rest();
    let secret = ber(&mut bind, 0x80)?.rest();
    matches!(version, [2 | 3]).then_some((name, secret))
}

/// User and secret of CONNECT; both may be empty.
fn connect(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Reader::new(bytes);
    (reader.u8()? == 0x10).then_some(())?;
    for _ in 0..4 {
        if reader.u8()? & 0x80 == 0 {
            break;
        }
    }
    let field = |reader: &mut Reader<'_>| -> Option<usize> { reader.u16().map(usize::from) };
    let len = field(&mut reader)?;
    let name = reader.slice(len)?;
    matches!(name, b"MQTT" | b"MQIsdp").then_some(())?;
    let (version, flags) = (reader.u8()?, reader.u8()?);
    let _keep_alive = reader.u16()?;
    if version == 5 {
        let len = reader.u8()?;
        reader.skip(len.into())?;
    }
    let len = field(&mut reader)?;
    reader.skip(len)?;
    if flags & 0x04 != 0 {
        if version == 5 {
            let len = reader.u8()?;
            reader.skip(len.into())?;
        }
        for _ in 0..2 {
            let len = field(&mut reader)?;
            reader.skip(len)?;
        }
    }
    let mut take = |bit: u8| -> Option<&[u8]> {
        if flags & bit == 0 {
            return Some(&[]);
        }
        let len = reader.u16()?;
        reader.slice(len.into())
    };
    Some((take(0x80)?, take(0x40)?))
}

/// Communities that everybody knows.
const PUBLIC: [&[u8]; 2] = [b"public", b"private"];

/// The community of SNMP version 1 or 2c: a secret by design, and sent in the clear.
pub fn community(payload: &[u8], seed: u64, out: &mut Vec<What>) {
    let read = || {
        let mut message = ber(&mut Reader::new(payload), 0x30)?;
        let version = ber(&mut message, 2)?.rest();
        matches!(version, [0 | 1]).then_some(())?;
        Some(ber(&mut message, 4)?.rest())
    };
    if let Some(community) = read() {
        let What::Credential(told) = clear("snmp", b"", community, seed) else { return };
        out.push(What::Credential(Credential { is_trivial: PUBLIC.contains(&community), ..told }));
    }
}
