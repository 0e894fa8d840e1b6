//! # Logins of offices and cameras
//!
//! rexec (its manual of 4.2BSD), X11 (protocol, chapter 8), TACACS+ (RFC 8907 §4.1), recorders of Dahua (DVRIP) and of
//! Xiongmai (as their client's messages show). As datagrams: RADIUS (RFC 2865 §5), IPMI's RAKP (IPMI 2.0 §13.20).

use super::{
    once::{Look, SECRET_MAX},
    secrets::{clear, hashed},
};
use crate::{
    model::find,
    traffic::fact::{Talkers, What},
    wire::reader::Reader,
};

/// IANA: exec.
const EXEC: u16 = 512;

/// Which of them it is.
pub fn recognise(talk: &Talkers, client: &[u8], server: &[u8]) -> Option<Look> {
    let look: Look = match client {
        [b'l', 0, 11, 0, ..] | [b'B', 0, 0, 11, ..] => x11,
        // Type authentication, first of its conversation.
        [0xc0 | 0xc1, 1, 1, _, ..] => tacacs,
        [0xa0, 0 | 1 | 5, ..] if server.first().is_none_or(|first| *first == 0xb0) => dvrip,
        [0xff, 0 | 1, 0, 0, ..] if find(client, b"{ \"").or_else(|| find(client, b"{\"")).is_some() => xiongmai,
        [0 | b'0'..=b'9' | b'a'..=b'z', ..] if talk.server.port == EXEC => exec,
        _ => return None,
    };
    Some(look)
}

/// A shell of a neighbour (RFC 1282): the names at both ends and the terminal with its speed; passwords are asked for
/// as by Telnet.
pub fn is_rlogin(client: &[u8]) -> bool {
    let mut words = client.split(|byte| *byte == 0);
    let (first, here, there, terminal) = (words.next(), words.next(), words.next(), words.next());
    let is_name = |word: Option<&[u8]>| word.is_some_and(|w| (1..=32).contains(&w.len()) && w.is_ascii());
    let has_speed = |word: &[u8]| {
        let speed = word.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        word.contains(&b'/') && !speed.is_empty() && speed.iter().all(u8::is_ascii_digit)
    };
    first == Some(b"") && is_name(here) && is_name(there) && terminal.is_some_and(has_speed)
}

fn exec(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    // First comes a port for errors, which some leave out.
    let mut words = client.split(|byte| *byte == 0);
    let first = words.next()?;
    let user = if first.iter().all(u8::is_ascii_digit) { words.next()? } else { first };
    let (secret, _what) = (words.next()?, words.next()?);
    (!user.is_empty() && secret.len() <= SECRET_MAX).then(|| clear("rexec", user, secret, seed))
}

/// Who has this cookie has the screen.
fn x11(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    let number = |at: usize| -> Option<usize> {
        let two = [*client.get(at)?, *client.get(at + 1)?];
        Some(usize::from(if client.first() == Some(&b'l') { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) }))
    };
    let (name, data) = (number(6)?, number(8)?);
    let from = 12usize.checked_add(name.next_multiple_of(4))?;
    let cookie = client.get(from..from.checked_add(data)?)?;
    (!cookie.is_empty()).then(|| clear("x11", b"", cookie, seed))
}

fn tacacs(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    let body = client.get(12..)?;
    (!body.is_empty()).then_some(())?;
    if client.get(3)? & 1 == 0 {
        return Some(hashed("tacacs", b"", body, seed));
    }
    // Unencrypted: lengths of user, port, address and data at four to seven.
    let len = |at: usize| body.get(at).map(|len| usize::from(*len));
    let (user, port, address, data) = (len(4)?, len(5)?, len(6)?, len(7)?);
    let secret = body.get(8 + user + port + address..)?;
    Some(clear("tacacs", body.get(8..8 + user)?, secret.get(..data.min(secret.len()))?, seed))
}

fn dvrip(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    let head = client.get(..32)?;
    // Old ones say name and digest in the head, newer ones behind it, with two signs between.
    let (user, digest) = match head.get(8..24)? {
        [0, ..] => {
            let body = client.get(32..)?;
            let at = find(body, b"&&")?;
            (body.get(..at)?, body.get(at + 2..)?)
        }
        both => both.split_at(8),
    };
    let user = user.split(|byte| *byte == 0).next()?;
    (!user.is_empty() && digest.iter().any(|byte| *byte != 0)).then(|| hashed("dvrip", user, digest, seed))
}

fn xiongmai(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    let field = |name: &[u8]| {
        let rest = client.get(find(client, name)? + name.len()..)?;
        let rest = rest.get(rest.iter().position(|byte| *byte == b'"')? + 1..)?;
        rest.get(..rest.iter().position(|byte| *byte == b'"')?)
    };
    Some(hashed("xiongmai", field(b"\"UserName\"").unwrap_or_default(), field(b"\"PassWord\"")?, seed))
}

/// Passwords of RADIUS are mixed with a secret that many share.
pub fn radius(payload: &[u8], seed: u64, out: &mut Vec<What>) {
    let mut read = || {
        let mut reader = Reader::new(payload);
        // Access-Request.
        (reader.u8()? == 1).then_some(())?;
        let _id = reader.u8()?;
        let len = usize::from(reader.u16()?);
        (20..=payload.len()).contains(&len).then_some(())?;
        reader.skip(16)?;
        let (mut user, mut secret) = (&b""[..], None);
        while let (Some(kind), Some(len)) = (reader.u8(), reader.u8()) {
            let value = reader.slice(usize::from(len).checked_sub(2)?)?;
            match kind {
                1 => user = value,
                2 | 3 => secret = Some(value),
                _ => {}
            }
        }
        out.push(hashed("radius", user, secret?, seed));
        Some(())
    };
    read();
}

/// A management board gives a digest of a user's password to whoever asks (RAKP message 2).
pub fn ipmi(payload: &[u8], seed: u64, out: &mut Vec<What>) {
    // RMCP, RMCP+, type; session and number (8), length (2), tag, status, reserved (2), id (4), random (16), name (16).
    if let Some([6, 0, _, 7, 6, 0x13]) = payload.get(..6)
        && payload.get(17) == Some(&0)
        && let Some(digest) = payload.get(56..).filter(|digest| digest.len() >= 16)
    {
        out.push(hashed("ipmi", b"", digest, seed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_of_a_neighbour_is_known() {
        assert!(is_rlogin(b"\0anna\0anna\0xterm/38400\0"));
        assert!(!is_rlogin(b"anna\0anna\0xterm\0") && !is_rlogin(b"\0\0\0\0") && !is_rlogin(b""));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..120)) {
            let mut out = Vec::new();
            for look in [exec, x11, tacacs, dvrip, xiongmai] {
                let _ = look(&bytes, b"", 1);
            }
            radius(&bytes, 1, &mut out);
            ipmi(&bytes, 1, &mut out);
            let _ = is_rlogin(&bytes);
        }
    }
}
