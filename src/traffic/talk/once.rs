//! # Services whose logins are one message
//!
//! XMPP (RFC 6120 §6), STOMP 1.2, NATS, rsync's daemon, CVS's password server, Subversion (its `ra_svn` notes), SIP over
//! TCP (RFC 3261 §18), and, in files of their own, databases and things of offices and cameras. Each is known by the first
//! bytes and read for one thing: who says what to be let in. What comes after is nobody's business.

use super::{
    databases, lines, offices,
    secrets::{clear, hashed},
};
use crate::{
    model::{base64, find},
    traffic::fact::{Talkers, What},
};

/// Bytes of the client's that are looked at in all.
const LOOKED_AT: usize = 8 * 1024;
/// Of a secret: longer ones are something else.
pub const SECRET_MAX: usize = 256;

/// Finds the login in what client and server said so far; `None` until it is there.
pub type Look = fn(client: &[u8], server: &[u8], seed: u64) -> Option<What>;

/// See above.
#[derive(Debug)]
pub struct Once {
    look: Look,
    /// Both sides, as far as they are looked at.
    said: [Vec<u8>; 2],
    told: bool,
}

/// Which service it is.
pub fn recognise(talk: &Talkers, client: &[u8], server: &[u8]) -> Option<Once> {
    let look: Look = if is_xmpp(client) {
        xmpp
    } else if client.starts_with(b"CONNECT\n") || client.starts_with(b"STOMP\n") {
        stomp
    } else if server.starts_with(b"INFO {") {
        nats
    } else if client.starts_with(b"@RSYNCD: ") {
        rsync
    } else if client.starts_with(b"BEGIN AUTH REQUEST\n") || client.starts_with(b"BEGIN VERIFICATION REQUEST\n") {
        cvs
    } else if server.starts_with(b"( success ( ") {
        subversion
    } else if is_sip(client) {
        sip
    } else {
        databases::recognise(client, server).or_else(|| offices::recognise(talk, client, server))?
    };
    Some(Once { look, said: Default::default(), told: false })
}

impl Once {
    pub fn hear(&mut self, by_client: bool, unread: &mut Vec<u8>, seed: u64, out: &mut Vec<What>) {
        if let Some(said) = self.said.get_mut(usize::from(!by_client)) {
            let room = LOOKED_AT.saturating_sub(said.len());
            said.extend(unread.iter().take(room));
        }
        unread.clear();
        let [client, server] = &self.said;
        if let Some(what) = (self.look)(client, server, seed) {
            self.told = true;
            out.push(what);
        }
        if self.is_done() {
            self.said = Default::default();
        }
    }

    /// There is nothing more to find.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.told || self.said.iter().any(|said| said.len() >= LOOKED_AT)
    }

    #[must_use]
    pub fn held(&self) -> usize {
        self.said.iter().map(Vec::capacity).sum()
    }
}

/// What lies between two marks.
fn between<'a>(bytes: &'a [u8], from: &[u8], to: &[u8]) -> Option<&'a [u8]> {
    let rest = bytes.get(find(bytes, from)? + from.len()..)?;
    rest.get(..find(rest, to)?)
}

/// User and secret of PLAIN (RFC 4616): `authority\0user\0secret`.
pub fn plain(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = text.split(|byte| *byte == 0).skip(1);
    let (user, secret) = (parts.next()?, parts.next()?);
    (!secret.is_empty() && secret.len() <= SECRET_MAX).then_some((user, secret))
}

fn is_xmpp(client: &[u8]) -> bool {
    let head = client.get(..client.len().min(512)).unwrap_or_default();
    (head.starts_with(b"<?xml") || head.starts_with(b"<stream:stream")) && find(head, b"jabber:").is_some()
}

fn xmpp(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    let auth = between(client, b"<auth ", b"</auth>");
    if let Some(auth) = auth
        && find(auth, b"PLAIN").is_some()
    {
        let text = base64(auth.get(auth.iter().position(|byte| *byte == b'>')? + 1..)?);
        let (user, secret) = plain(&text)?;
        return Some(clear("xmpp", user, secret, seed));
    }
    if let Some(answer) = between(client, b"<response", b"</response>") {
        return Some(hashed("xmpp", b"", answer, seed));
    }
    // Before there was SASL (XEP-0078).
    let secret = between(client, b"<password>", b"</password>")?;
    Some(clear("xmpp", between(client, b"<username>", b"</username>").unwrap_or_default(), secret, seed))
}

fn stomp(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    let head = client.get(..find(client, b"\n\n")?)?;
    let field = |name: &[u8]| head.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(name));
    Some(clear("stomp", field(b"login:").unwrap_or_default(), field(b"passcode:")?, seed))
}

fn nats(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    let object = between(client, b"CONNECT ", b"\r\n")?;
    let value: serde_json::Value = serde_json::from_slice(object).ok()?;
    let field = |name: &str| value.get(name).and_then(serde_json::Value::as_str).map(str::as_bytes);
    let secret = field("pass").or_else(|| field("auth_token"))?;
    Some(clear("nats", field("user").unwrap_or_default(), secret, seed))
}

/// After version and module comes `user digest`, if the server asked for it.
fn rsync(client: &[u8], server: &[u8], seed: u64) -> Option<What> {
    find(server, b"@RSYNCD: AUTHREQD ")?;
    let line = client.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"@RSYNCD")).nth(1)?;
    let at = line.iter().position(|byte| *byte == b' ')?;
    Some(hashed("rsync", line.get(..at)?, line.get(at + 1..).filter(|digest| digest.len() >= 16)?, seed))
}

/// Its passwords are written in another alphabet, which is in its manual.
fn cvs(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    let mut lines = client.split(|byte| *byte == b'\n').skip(2);
    let (user, secret) = (lines.next()?, lines.next()?);
    (secret.len() > 1 && secret.starts_with(b"A")).then(|| clear("cvs", user, secret, seed))
}

fn subversion(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    let how = find(client, b"( CRAM-MD5 ")?;
    // `37:user digest`
    let rest = client.get(how..)?;
    let rest = rest.get(rest.iter().position(|byte| *byte == b':')? + 1..)?;
    let mut words = rest.split(|byte| *byte == b' ');
    let (user, digest) = (words.next()?, words.next()?);
    (digest.len() == 32).then(|| hashed("svn", user, digest, seed))
}

const SIP: [&[u8]; 6] = [b"REGISTER sip", b"INVITE sip", b"OPTIONS sip", b"SUBSCRIBE sip", b"ACK sip", b"MESSAGE sip"];

pub fn is_sip(client: &[u8]) -> bool {
    SIP.iter().any(|word| client.starts_with(word))
}

fn sip(client: &[u8], _server: &[u8], seed: u64) -> Option<What> {
    let mut found = Vec::new();
    lines::sip(client, seed, &mut found);
    found.pop()
}
