//! # Logins at databases and message brokers
//!
//! MySQL (its protocol's `HandshakeResponse41`), PostgreSQL (chapter "Message Formats"), SQL Server (MS-TDS §2.2.6.4),
//! MongoDB (wire protocol, `saslStart`), Cassandra (native protocol §4.1.2), Oracle's TNS, AMQP 0-9-1 §1.4.2.2, memcached
//! (binary protocol, SASL).

use super::{
    once::{Look, SECRET_MAX, plain},
    secrets::{clear, hashed},
};
use crate::{model::find, traffic::fact::What, wire::reader::Reader};

/// Version 3.0 of PostgreSQL's protocol, and its wish for TLS.
const POSTGRES: [u8; 4] = [0, 3, 0, 0];
const POSTGRES_TLS: [u8; 8] = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];

/// Which of them it is.
pub fn recognise(client: &[u8], server: &[u8]) -> Option<Look> {
    let look: Look = match (client, server) {
        // A greeting: length, number nought, protocol 10, a version in digits.
        (_, [_, _, 0, 0, 10, b'3'..=b'9' | b'1', ..]) => mysql,
        ([0, 0, _, _, version @ ..], _) if version.starts_with(&POSTGRES) => postgres,
        (client, _) if client.starts_with(&POSTGRES_TLS) => postgres,
        // Before the login, or the login itself.
        ([0x12 | 0x10, 0 | 1, _, _, 0, 0, ..], _) => sql_server,
        // OP_MSG 2013, OP_QUERY 2004 (of 16 bits, little-endian).
        ([_, _, 0 | 1, 0, _, _, _, _, 0, 0, 0, 0, 0xdd | 0xd4, 7, 0, 0, ..], _) => mongo,
        ([1..=5, _, _, _, 1 | 5, ..], _) if find(client, b"CQL_VERSION").is_some() || client.get(4) == Some(&5) => {
            cassandra
        }
        ([b'A', b'M', b'Q', b'P', 0, 0 | 1, ..], _) => amqp,
        ([0x80, 0x20 | 0x21, 0, _, 0, 0, ..], _) => memcached,
        // A connect packet of Transparent Network Substrate.
        ([_, _, 0, 0, 1, 0, _, _, 1, ..], _) => oracle,
        _ => return None,
    };
    Some(look)
}

fn until_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

fn mysql(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    // Length (3), number (1), abilities (4), greatest packet (4), letters (1), nothing (23), then the name.
    let abilities = u16::from_le_bytes([*client.get(4)?, *client.get(5)?]);
    // Of before 4.1: abilities (2), greatest packet (3).
    let rest = if abilities & 0x0200 == 0 { client.get(9..)? } else { client.get(36..)? };
    let (user, rest) = until_nul(rest)?;
    let (len, answer) = rest.split_first()?;
    let answer = answer.get(..usize::from(*len).min(answer.len()))?;
    (!user.is_empty() && !answer.is_empty()).then(|| hashed("mysql", user, answer, seed))
}

fn postgres(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    let mut rest = client.strip_prefix(&POSTGRES_TLS).unwrap_or(client);
    let len = usize::try_from(Reader::new(rest).u32()?).ok()?;
    let (mut names, after) = (rest.get(8..len)?, rest.get(len..)?);
    let mut user: &[u8] = b"";
    while let Some((name, more)) = until_nul(names).filter(|(name, _)| !name.is_empty()) {
        let (value, more) = until_nul(more)?;
        if name == b"user" {
            user = value;
        }
        names = more;
    }
    rest = after;
    let mut reader = Reader::new(rest);
    (reader.u8()? == b'p').then_some(())?;
    let len = usize::try_from(reader.u32()?).ok()?.checked_sub(4)?;
    let secret = reader.slice(len.min(SECRET_MAX))?;
    let secret = secret.strip_suffix(b"\0").unwrap_or(secret);
    let is_digest = secret.starts_with(b"md5") || secret.starts_with(b"SCRAM-") || !secret.is_ascii();
    Some(if is_digest { hashed("postgres", user, secret, seed) } else { clear("postgres", user, secret, seed) })
}

/// Its passwords have the halves of each byte swapped and are mixed with one number, for everybody the same (§2.2.6.4).
fn sql_server(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    let mut rest = client;
    loop {
        let mut reader = Reader::new(rest);
        let (kind, _status, len) = (reader.u8()?, reader.u8()?, usize::from(reader.u16()?));
        if kind != 0x10 {
            rest = rest.get(len.max(8)..)?;
            continue;
        }
        let login = rest.get(8..)?;
        let field = |at: usize| -> Option<&[u8]> {
            let number = |at: usize| Some(usize::from(u16::from_le_bytes([*login.get(at)?, *login.get(at + 1)?])));
            let (from, letters) = (number(at)?, number(at + 2)?);
            login.get(from..from.checked_add(letters.min(SECRET_MAX) * 2)?)
        };
        let narrow = |wide: &[u8]| -> Vec<u8> { wide.iter().step_by(2).copied().collect() };
        let (user, secret) = (field(40)?, field(44)?);
        let secret: Vec<u8> = secret.iter().map(|byte| (byte ^ 0xa5).rotate_left(4)).collect();
        return (!user.is_empty()).then(|| clear("mssql", &narrow(user), &narrow(&secret), seed));
    }
}

/// `n,,n=user,r=…` of SCRAM (RFC 5802 §7), or the older digest with a key.
fn mongo(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    if let Some(at) = find(client, b"saslStart\0").or_else(|| find(client, b"saslContinue\0")) {
        let rest = client.get(at..)?;
        let from = find(rest, b"n=")? + 2;
        let user = rest.get(from..)?.split(|byte| *byte == b',').next()?;
        return Some(hashed("mongodb", user, rest, seed));
    }
    find(client, b"authenticate\0")?;
    let key = find(client, b"\x02key\0")?;
    Some(hashed("mongodb", b"", client.get(key..)?, seed))
}

fn cassandra(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    // Frames: version, flags, stream (2, of one byte in versions 1 and 2), what it is, length (4).
    let mut rest = client;
    loop {
        let (version, short) = (*rest.first()?, *rest.first()? < 3);
        let head = if short { 8 } else { 9 };
        let code = *rest.get(if short { 3 } else { 4 })?;
        let len = usize::try_from(Reader::new(rest.get(head - 4..)?).u32()?).ok()?;
        matches!(version, 1..=5).then_some(())?;
        // AUTH_RESPONSE: bytes with their length.
        if code == 0x0f {
            let (user, secret) = plain(rest.get(head + 4..head.checked_add(len)?)?)?;
            return Some(clear("cassandra", user, secret, seed));
        }
        rest = rest.get(head.checked_add(len)?..)?;
    }
}

fn amqp(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    let field = |mark: &[u8]| -> Option<&[u8]> {
        let mut reader = Reader::new(client.get(find(client, mark)? + mark.len()..)?);
        let len = usize::try_from(reader.u32()?).ok()?;
        reader.slice(len.min(SECRET_MAX * 2))
    };
    if let Some(answer) = field(b"\x05PLAIN") {
        let (user, secret) = plain(answer)?;
        return Some(clear("amqp", user, secret, seed));
    }
    Some(clear("amqp", field(b"\x05LOGINS").unwrap_or_default(), field(b"\x08PASSWORDS")?, seed))
}

fn memcached(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    let at = find(client, b"PLAIN")?;
    let (user, secret) = plain(client.get(at + 5..)?)?;
    Some(clear("memcached", user, secret, seed))
}

fn oracle(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    let answer = client.get(find(client, b"AUTH_PASSWORD")? + 13..)?;
    let user = find(client, b"USER=").and_then(|at| client.get(at + 5..));
    let user = user.and_then(|rest| rest.split(|byte| *byte == b')').next()).unwrap_or_default();
    Some(hashed("oracle", user, answer.get(..answer.len().min(64))?, seed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::{fact::Credential, talk::secrets::tag};

    fn told(client: &[u8], server: &[u8]) -> Option<Credential> {
        let look = recognise(client, server)?;
        match look(client, server, 7)? {
            What::Credential(told) => Some(told),
            _ => None,
        }
    }

    #[test]
    fn logins_at_databases_are_read() {
        let start = [&[0, 0, 0, 18, 0, 3, 0, 0][..], b"user\0anna\0\0"].concat();
        let start = [&(start.len() as u32).to_be_bytes()[..], &start[4..]].concat();
        let clear = told(&[&start[..], b"p\0\0\0\x0dcanary-1\0"].concat(), b"R").expect("a password");
        assert_eq!((clear.protocol, clear.user.as_str(), clear.is_hashed), ("postgres", "a***", false));
        let digest = told(&[&start[..], b"p\0\0\0\x28md5", &[b'a'; 32], b"\0"].concat(), b"R").expect("a digest");
        assert!(digest.is_hashed);
        let mut login = vec![0x2e, 0, 0, 1, 5, 0xa2, 3, 0];
        login.resize(36, 0);
        login.extend(b"anna\0\x14");
        login.extend([7; 20]);
        let mysql = told(&login, b"\x4a\0\0\0\x0a8.0.36\0").expect("an answer to a challenge");
        assert_eq!((mysql.protocol, mysql.user.as_str(), mysql.is_hashed), ("mysql", "a***", true));
        let words = |text: &str| -> Vec<u8> { text.bytes().flat_map(|byte| [byte, 0]).collect() };
        let secret: Vec<u8> = words("canary-1").iter().map(|byte| byte.rotate_left(4) ^ 0xa5).collect();
        let mut login = vec![0; 94];
        login[40..44].copy_from_slice(&[94, 0, 4, 0]);
        login[44..48].copy_from_slice(&[102, 0, 8, 0]);
        login.extend(words("anna"));
        login.extend(secret);
        let head = |kind: u8, len: usize| [&[kind, 1][..], &(len as u16 + 8).to_be_bytes(), &[0, 0, 1, 0]].concat();
        let all = [head(0x12, 4), vec![0; 4], head(0x10, login.len()), login].concat();
        let sql = told(&all, b"\x04").expect("a login of SQL Server");
        assert_eq!((sql.user.as_str(), sql.tag), ("a***", tag(b"canary-1", 7)));
        assert!(told(b"AMQP\0\0\x09\x01....\x05PLAIN\0\0\0\x0e\0anna\0canary-1", b"").is_some());
        assert!(told(b"AMQP\0\0\x09\x01....\x05PLAIN\0\0", b"").is_none(), "cut");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(client in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..200)) {
            for server in [&b"\x4a\0\0\0\x0a8.0\0"[..], b""] {
                let _ = told(&client, server);
            }
            for look in [mysql, postgres, sql_server, mongo, cassandra, amqp, memcached, oracle] {
                let _ = look(&client, b"", 1);
            }
        }
    }
}
