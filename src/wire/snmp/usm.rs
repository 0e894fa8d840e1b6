//! # Messages of version 3 and their user-based security
//!
//! RFC 3412 §6 (the message) and RFC 3414 (who signed it, and who may read it). An answer counts only at the
//! level the question had: signed if it was signed, hidden if it was hidden. Complaints come unsigned as a rule
//! (nobody can sign for an unknown user); they end a conversation, they prove nothing.

use secrecy::{ExposeSecret, SecretSlice};

use super::{Auth, Oid, Pdu, Privacy, ask_of, ber, tag};
use crate::wire::reader::Reader;

const VERSION: i64 = 3;
/// RFC 3411 §5: the user-based model.
const MODEL: i64 = 3;
/// What we take in one message: the most that fits a datagram.
const SIZE_MAX: i64 = 65_507;
/// RFC 3414 §2.2.3: how far clocks may drift, in seconds.
const WINDOW: i64 = 150;
/// RFC 3411 §5: names of engines have 5 to 32 bytes.
const ENGINE_MAX: usize = 32;
/// RFC 3412 §6.4.
const SIGNED: u8 = 1;
const HIDDEN: u8 = 2;
const MAY_COMPLAIN: u8 = 4;

/// Who an agent is, and its clock as it told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Engine {
    pub id: Vec<u8>,
    /// How often it started.
    pub boots: u32,
    /// Seconds since.
    pub time: u32,
}

/// A user at one engine.
pub struct Keys {
    name: Vec<u8>,
    auth: Option<(Auth, SecretSlice<u8>)>,
    privacy: Option<(Privacy, SecretSlice<u8>)>,
}

impl Keys {
    /// `auth` and `privacy` are master keys. Privacy without a signature there is not.
    #[must_use]
    pub fn new(
        name: &[u8],
        auth: Option<(Auth, &SecretSlice<u8>)>,
        privacy: Option<(Privacy, &SecretSlice<u8>)>,
        engine: &[u8],
    ) -> Keys {
        let hidden = auth.zip(privacy).map(|((auth, _), (kind, key))| (kind, kind.localize(auth, key, engine)));
        let auth = auth.map(|(kind, key)| (kind, kind.localize(key, engine)));
        Keys { name: name.to_vec(), auth, privacy: hidden }
    }

    const fn level(&self) -> u8 {
        let (signed, hidden) = (self.auth.is_some() as u8, self.privacy.is_some() as u8);
        (signed * SIGNED) | (hidden * HIDDEN)
    }
}

/// Why an agent does not answer (RFC 3414 §5, `usmStats`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Complaint {
    /// It does not do this level, or not for this user.
    Level,
    /// Its clock is another one by now.
    Time,
    User,
    Engine,
    /// The password or the way of signing is wrong.
    Digest,
    /// The password or the cipher is wrong.
    Cipher,
    Other,
}

impl Complaint {
    fn read(pdu: &Pdu<'_>) -> Complaint {
        // usmStats: 1.3.6.1.6.3.15.1.1.N.0
        let stats = Oid::new(&[1, 3, 6, 1, 6, 3, 15, 1, 1]);
        let which = pdu.binds.clone().find_map(|(name, _)| name.below(&stats)?.first().copied());
        match which {
            Some(1) => Complaint::Level,
            Some(2) => Complaint::Time,
            Some(3) => Complaint::User,
            Some(4) => Complaint::Engine,
            Some(5) => Complaint::Digest,
            Some(6) => Complaint::Cipher,
            _ => Complaint::Other,
        }
    }
}

/// "Who are you?" (RFC 3414 §4).
#[must_use]
pub fn introduction(id: i32) -> Vec<u8> {
    let scoped = scoped(&[], &ask_of(tag::GET, id, 0, &[]));
    let (before, params, after) = (head(id, MAY_COMPLAIN), security(&Engine::default(), &[], &[], &[]), scoped);
    wrap(&before, &params, &after)
}

/// A question to `engine`. `None` if its key does not fit the cipher.
#[must_use]
pub fn question(keys: &Keys, engine: &Engine, id: i32, salt: [u8; 8], pdu: &[u8]) -> Option<Vec<u8>> {
    let mut body = scoped(&engine.id, pdu);
    let mut used: &[u8] = &[];
    if let Some((privacy, key)) = &keys.privacy {
        let hidden = privacy.hide(key.expose_secret(), engine.boots, engine.time, salt, &body)?;
        (body, used) = (ber::put(ber::OCTETS, &[&hidden]), &salt);
    }
    let head = head(id, keys.level() | MAY_COMPLAIN);
    let Some((auth, key)) = &keys.auth else {
        return Some(wrap(&head, &security(engine, &keys.name, &[], used), &body));
    };
    // RFC 3414 §6.3.1: signed with zeros where the signature will be.
    let zeros = vec![0; auth.tag_len()];
    let mut message = wrap(&head, &security(engine, &keys.name, &zeros, used), &body);
    let signature = auth.sign(key.expose_secret(), &[&message]);
    let end = message.len().checked_sub(body.len() + ber::put(ber::OCTETS, &[used]).len())?;
    message.get_mut(end.checked_sub(zeros.len())?..end)?.copy_from_slice(&signature);
    Some(message)
}

fn head(id: i32, flags: u8) -> Vec<u8> {
    let parts =
        [ber::put_int(id.into()), ber::put_int(SIZE_MAX), ber::put(ber::OCTETS, &[&[flags]]), ber::put_int(MODEL)];
    ber::put(ber::SEQUENCE, &parts.each_ref().map(Vec::as_slice))
}

fn security(engine: &Engine, user: &[u8], signature: &[u8], salt: &[u8]) -> Vec<u8> {
    let octets = |bytes: &[u8]| ber::put(ber::OCTETS, &[bytes]);
    let (boots, time) = (ber::put_int(engine.boots.into()), ber::put_int(engine.time.into()));
    let parts = [octets(&engine.id), boots, time, octets(user), octets(signature), octets(salt)];
    octets(&ber::put(ber::SEQUENCE, &parts.each_ref().map(Vec::as_slice)))
}

fn scoped(engine: &[u8], pdu: &[u8]) -> Vec<u8> {
    let context = ber::put(ber::OCTETS, &[]);
    ber::put(ber::SEQUENCE, &[&ber::put(ber::OCTETS, &[engine]), &context, pdu])
}

fn wrap(head: &[u8], security: &[u8], body: &[u8]) -> Vec<u8> {
    ber::put(ber::SEQUENCE, &[&ber::put_int(VERSION), head, security, body])
}

/// A message as it came.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    whole: &'a [u8],
    pub id: i32,
    flags: u8,
    pub engine: &'a [u8],
    pub boots: u32,
    pub time: u32,
    user: &'a [u8],
    signature: &'a [u8],
    /// Where the signature stands.
    at: usize,
    salt: &'a [u8],
    body: Reader<'a>,
}

/// What a message turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    /// The plain body, in which [`Message::pdu`] finds the answer.
    Answer(Vec<u8>),
    /// Whether it is signed.
    Complaint(Complaint, bool),
    /// Not by whom it should be, or not at the level it should be.
    Refused,
}

impl<'a> Message<'a> {
    /// Reads the frame of a message; who it is from is told by [`Message::open`].
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Message<'a>> {
        let mut all = Reader::new(bytes);
        let mut message = ber::within(&mut all, ber::SEQUENCE)?;
        // Whatever follows: the signature is over the message alone.
        let whole = bytes.get(..bytes.len() - all.len())?;
        if ber::signed(ber::expect(&mut message, ber::INTEGER)?)? != VERSION {
            return None;
        }
        let mut head = ber::within(&mut message, ber::SEQUENCE)?;
        let (id, _size) = (ber::int(&mut head)?, ber::int(&mut head)?);
        let flags = *ber::expect(&mut head, ber::OCTETS)?.first()?;
        if ber::signed(ber::expect(&mut head, ber::INTEGER)?)? != MODEL {
            return None;
        }
        let mut outer = ber::within(&mut message, ber::OCTETS)?;
        let mut security = ber::within(&mut outer, ber::SEQUENCE)?;
        let engine = ber::expect(&mut security, ber::OCTETS).filter(|id| id.len() <= ENGINE_MAX)?;
        let (boots, time) = (ber::int(&mut security)?, ber::int(&mut security)?);
        let user = ber::expect(&mut security, ber::OCTETS)?;
        let signature = ber::expect(&mut security, ber::OCTETS)?;
        // All that is behind the signature, inside out.
        let behind = security.len() + outer.len() + message.len() + all.len();
        let salt = ber::expect(&mut security, ber::OCTETS)?;
        Some(Message {
            whole,
            id,
            flags,
            engine,
            boots: boots.try_into().ok()?,
            time: time.try_into().ok()?,
            user,
            signature,
            at: bytes.len().checked_sub(behind)?.checked_sub(signature.len())?,
            salt,
            body: message,
        })
    }

    /// Who answers to an introduction.
    #[must_use]
    pub fn introduced(&self) -> Option<Engine> {
        (!self.engine.is_empty()).then(|| Engine { id: self.engine.to_vec(), boots: self.boots, time: self.time })
    }

    fn is_signed_by(&self, auth: Auth, key: &[u8]) -> bool {
        let zeros = vec![0; self.signature.len()];
        let (before, after) = (self.whole.get(..self.at), self.whole.get(self.at + zeros.len()..));
        let (Some(before), Some(after)) = (before, after) else { return false };
        let signature = auth.sign(key, &[before, &zeros, after]);
        // In the same time whatever differs, so that nobody finds a signature byte by byte.
        let differs = signature.iter().zip(self.signature).fold(0, |all, (a, b)| all | (a ^ b));
        self.signature.len() == signature.len() && differs == 0
    }

    /// What it says, if it is by `engine` and at the level of `keys` (RFC 3414 §3.2).
    #[must_use]
    pub fn open(&self, keys: &Keys, engine: &Engine) -> Opened {
        let signed = self.flags & SIGNED != 0;
        if let Some((auth, key)) = &keys.auth
            && signed
            && !(self.user == keys.name && self.engine == engine.id && self.is_signed_by(*auth, key.expose_secret()))
        {
            return Opened::Refused;
        }
        let signed = signed && keys.auth.is_some();
        let plain = match (&keys.privacy, self.flags & HIDDEN != 0) {
            (_, false) => Some(self.body.rest().to_vec()),
            (Some((privacy, key)), true) if signed => {
                let mut body = self.body;
                <[u8; 8]>::try_from(self.salt).ok().and_then(|salt| {
                    privacy.show(key.expose_secret(), self.boots, self.time, salt, ber::expect(&mut body, ber::OCTETS)?)
                })
            }
            _ => None,
        };
        let Some(plain) = plain else { return Opened::Refused };
        let level = self.flags & (SIGNED | HIDDEN);
        match Self::pdu(&plain) {
            Some(pdu) if pdu.tag == tag::REPORT => Opened::Complaint(Complaint::read(&pdu), signed),
            Some(pdu)
                if pdu.tag == tag::RESPONSE
                    && level == keys.level()
                    && self.user == keys.name
                    && self.engine == engine.id
                    && (!signed || self.is_timely(engine)) =>
            {
                Opened::Answer(plain)
            }
            _ => Opened::Refused,
        }
    }

    /// Not an old one sent again (RFC 3414 §3.2, step 7b).
    fn is_timely(&self, engine: &Engine) -> bool {
        self.boots > engine.boots
            || self.boots == engine.boots && i64::from(self.time) + WINDOW >= i64::from(engine.time)
    }

    /// The answer in a plain body.
    #[must_use]
    pub fn pdu(plain: &[u8]) -> Option<Pdu<'_>> {
        let mut body = ber::within(&mut Reader::new(plain), ber::SEQUENCE)?;
        let (_engine, _context) = (ber::expect(&mut body, ber::OCTETS)?, ber::expect(&mut body, ber::OCTETS)?);
        Pdu::read(&mut body)
    }
}
