//! # Kerberos
//!
//! Logins that are refused: the proof of a password was wrong (error 24), nobody is called so (6), or the account is locked
//! (18). That a proof is asked for (25) is no refusal. Tickets that are locked with RC4 (RFC 4757, encryption type 23): the key is the hash of a password and is guessed at
//! leisure by whoever holds the ticket ("Kerberoasting", ATT&CK T1558.003). RFC 4120 §5.4.2, §5.9.1, §7.5.9, in DER.

use super::secrets::{hashed, masked};
use crate::traffic::fact::{Login, What};

/// `ARCFOUR-HMAC-MD5` and its export form.
const RC4: [u8; 2] = [23, 24];
const MESSAGE_MAX: usize = 16 * 1024;

/// AS-REQ or TGS-REQ over TCP: four bytes of length, then [APPLICATION 10] or 12.
pub fn is_request(bytes: &[u8]) -> bool {
    matches!(bytes, [0, 0, high, _, 0x6a | 0x6c, ..] if *high < 0x40)
}

/// Over TCP.
pub fn hear(by_client: bool, unread: &mut Vec<u8>, seed: u64, out: &mut Vec<What>) {
    if by_client {
        unread.clear();
        return;
    }
    while let Some(len) = unread.first_chunk::<4>().map(|len| u32::from_be_bytes(*len) as usize) {
        if len > MESSAGE_MAX {
            unread.clear();
            return;
        }
        let Some(message) = unread.get(4..4 + len) else { return };
        answer(message, seed, out);
        unread.drain(..4 + len);
    }
}

/// One answer of a key server.
fn answer(message: &[u8], seed: u64, out: &mut Vec<What>) {
    if let Some((who, locked)) = weak(message) {
        out.push(hashed("kerberos", who, locked, seed));
    }
    if let Some((user, ok)) = outcome(message) {
        // Only that the proof was wrong is said: it may be an old password as well as another guess.
        out.push(What::Login(Login { service: "kerberos", user: masked(user), tag: 0, is_proof: true, ok }));
    }
}

/// A whole answer in a datagram.
pub fn datagram(message: &[u8], seed: u64, out: &mut Vec<What>) {
    answer(message, seed, out);
}

/// Whose login had which outcome. The name is not always said.
fn outcome(message: &[u8]) -> Option<(&[u8], bool)> {
    let (kind, body, _) = element(message)?;
    let (_, fields, _) = element(body)?;
    match kind {
        0x6b => Some((field(fields, 4).and_then(name).unwrap_or_default(), true)),
        // [APPLICATION 30] KRB-ERROR: [6] which, [8] who.
        0x7e => {
            let (_, code, _) = element(field(fields, 6)?)?;
            let user = field(fields, 8).and_then(name).unwrap_or_default();
            matches!(code, [6 | 18 | 24]).then_some((user, false))
        }
        _ => None,
    }
}

/// Whose key locks it, and what is locked.
fn weak(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let (kind, body, _) = element(message)?;
    // [APPLICATION 11] AS-REP, [APPLICATION 13] TGS-REP.
    if kind != 0x6b && kind != 0x6d {
        return None;
    }
    let (_, fields, _) = element(body)?;
    if kind == 0x6b {
        // Locked with the user's own key.
        let user = name(field(fields, 4)?)?;
        return encrypted(field(fields, 6)?).map(|locked| (user, locked));
    }
    // Ticket: [APPLICATION 1], a sequence; [2] whose service, [3] locked with the service's key.
    let (_, ticket, _) = element(field(fields, 5)?)?;
    let (_, ticket, _) = element(ticket)?;
    let service = name(field(ticket, 2)?)?;
    encrypted(field(ticket, 3)?).filter(|_| service != b"krbtgt").map(|locked| (service, locked))
}

/// EncryptedData: the cipher text, if it is RC4's.
fn encrypted(bytes: &[u8]) -> Option<&[u8]> {
    let (_, fields, _) = element(bytes)?;
    let (_, kind, _) = element(field(fields, 0)?)?;
    let [kind] = kind else { return None };
    RC4.contains(kind).then(|| element(field(fields, 2)?)).flatten().map(|(_, text, _)| text)
}

/// PrincipalName: its first string.
fn name(bytes: &[u8]) -> Option<&[u8]> {
    let (_, fields, _) = element(bytes)?;
    let (_, strings, _) = element(field(fields, 1)?)?;
    element(strings).map(|(_, first, _)| first)
}

/// The content of field `[number]` of a sequence.
fn field(mut fields: &[u8], number: u8) -> Option<&[u8]> {
    for _ in 0..16 {
        let (tag, value, rest) = element(fields)?;
        if tag == 0xa0 | number {
            return Some(value);
        }
        fields = rest;
    }
    None
}

/// Tag, content, and what follows (X.690 §8.1).
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (len, rest) = match bytes.get(1..)? {
        [len @ 0..=0x7f, rest @ ..] => (usize::from(*len), rest),
        [0x81, len, rest @ ..] => (usize::from(*len), rest),
        [0x82, a, b, rest @ ..] => (usize::from(u16::from_be_bytes([*a, *b])), rest),
        _ => return None,
    };
    Some((*bytes.first()?, rest.get(..len)?, rest.get(len..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn der(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
        let body = parts.concat();
        [&[tag, 0x82][..], &(body.len() as u16).to_be_bytes(), &body].concat()
    }

    fn ticket_for(service: &str, kind: u8) -> Vec<u8> {
        let name = der(0x30, &[der(0xa0, &[vec![2, 1, 2]]), der(0xa1, &[der(0x30, &[der(0x1b, &[service.into()])])])]);
        let locked = der(0x30, &[der(0xa0, &[vec![2, 1, kind]]), der(0xa2, &[der(4, &[vec![7; 40]])])]);
        let ticket = der(0x61, &[der(0x30, &[der(0xa2, &[name]), der(0xa3, &[locked])])]);
        der(0x6d, &[der(0x30, &[der(0xa0, &[vec![2, 1, 5]]), der(0xa5, &[ticket])])])
    }

    #[test]
    fn tickets_locked_with_the_old_cipher_are_told() {
        let told = |bytes: &[u8]| {
            let mut out = Vec::new();
            answer(bytes, 1, &mut out);
            out.len()
        };
        assert_eq!(told(&ticket_for("HTTP", 23)), 1);
        assert_eq!(told(&ticket_for("HTTP", 18)), 0, "AES");
        assert_eq!(told(&ticket_for("krbtgt", 23)), 0, "the key server's own key is no password");
        let mut stream = (ticket_for("HTTP", 23).len() as u32).to_be_bytes().to_vec();
        stream.extend(ticket_for("HTTP", 23));
        let (mut unread, mut out) = (Vec::new(), Vec::new());
        for part in stream.chunks(50) {
            unread.extend_from_slice(part);
            hear(false, &mut unread, 1, &mut out);
        }
        assert_eq!((out.len(), unread.len()), (1, 0), "in pieces");
    }

    #[test]
    fn a_wrong_proof_is_a_refusal_and_the_wish_for_one_is_not() {
        let told = |code: u8| {
            let error = der(0x7e, &[der(0x30, &[der(0xa6, &[vec![2, 1, code]]), der(0xa9, &[vec![0x1b, 1, b'H']])])]);
            let mut out = Vec::new();
            datagram(&error, 1, &mut out);
            out.iter().filter(|what| matches!(what, What::Login(login) if !login.ok)).count()
        };
        assert_eq!((told(24), told(6), told(18)), (1, 1, 1));
        assert_eq!((told(25), told(14), told(37)), (0, 0, 0), "a proof is wanted; another cipher; a wrong clock");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            answer(&bytes, 1, &mut Vec::new());
            hear(false, &mut bytes.clone(), 1, &mut Vec::new());
        }
    }
}
