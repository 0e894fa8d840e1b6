//! # The greetings of TLS
//!
//! Whom a client asks for, and, up to TLS 1.2, what the server shows (RFC 5246 §7.4.2). Later versions hide it.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::{
    model::clean_text,
    traffic::fact::{Certificate, Tls, What},
    wire::tls,
};

/// Of the server's answer: certificates with their chain are seldom longer.
const ANSWER_MAX: usize = 6 * 1024;
const TEXT_MAX: usize = 64;
/// Of the client's: more than any has that is none of an attacker's making.
const GREETING_MAX: usize = 4 * 1024;

/// Waits for the end of the client's greeting, then for the server's certificate.
#[derive(Debug, Default)]
pub struct Greeting {
    asked: Option<String>,
    is_told: bool,
}

/// What the client says.
fn read(client: &[u8]) -> Tls {
    let hello = tls::Hello::in_record(client);
    let name = tls::server_name(client).map(str::to_ascii_lowercase);
    // A greeting that is cut may have named newer versions behind the cut.
    let is_old = hello.is_some_and(|hello| hello.is_whole && !hello.offers_13());
    Tls { name, is_old }
}

/// Whether the first record is there to its end. Keys that withstand quantum computers make it two segments long, and what
/// stands in the second is not missing.
fn is_whole(client: &[u8]) -> bool {
    matches!(client, [_, _, _, a, b, rest @ ..] if rest.len() >= usize::from(u16::from_be_bytes([*a, *b])))
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

impl Greeting {
    /// The client says no more of its greeting, or what it said is lost: that is all there is of it.
    pub fn hurry(&mut self, client: &mut Vec<u8>, out: &mut Vec<What>) {
        if !std::mem::replace(&mut self.is_told, true) {
            let tls = read(client);
            self.asked.clone_from(&tls.name);
            out.push(What::Tls(tls));
        }
        client.clear();
    }

    /// Takes what was said; `true` when there is nothing more to learn.
    pub fn hear(&mut self, by_client: bool, unread: &mut Vec<u8>, out: &mut Vec<What>) -> bool {
        if by_client {
            if self.is_told || is_whole(unread) || unread.len() > GREETING_MAX {
                self.hurry(unread, out);
            }
            return false;
        }
        let is_answer = unread.first().is_none_or(|kind| *kind == 22);
        if let Some(shown) = tls::certificate(unread) {
            let text = |bytes: &[u8]| clean_text(&String::from_utf8_lossy(bytes), TEXT_MAX);
            out.push(What::Certificate(Certificate {
                name: text(shown.common_name),
                organization: text(shown.organization),
                is_own: tls::vouches_for_itself(unread),
                asked: self.asked.take(),
                issuer_and_key: tls::issuer_and_key(unread).map(|(issuer, key)| (digest(issuer), digest(key))),
            }));
            return true;
        }
        !is_answer || unread.len() > ANSWER_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A greeting with a long key before the name, as newer ones have it, and with versions behind it.
    fn hello() -> Vec<u8> {
        let extension =
            |number: u16, body: &[u8]| [&number.to_be_bytes()[..], &(body.len() as u16).to_be_bytes(), body].concat();
        let name = b"nas.example.org";
        let named = [&[0, name.len() as u8 + 3, 0, 0, name.len() as u8][..], name].concat();
        let extensions = [extension(51, &[7; 1260]), extension(0, &named), extension(43, &[2, 3, 4])].concat();
        let mut body = [&[3, 3][..], &[9; 32], &[0, 0, 2, 0x13, 1, 1, 0]].concat();
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let handshake = [&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat();
        [&[22, 3, 1][..], &(handshake.len() as u16).to_be_bytes(), &handshake].concat()
    }

    #[test]
    fn a_greeting_is_told_when_it_is_whole() {
        let hello = hello();
        let whole = What::Tls(Tls { name: Some("nas.example.org".into()), is_old: false });
        let nameless = What::Tls(Tls { name: None, is_old: false });
        for size in [1, 8, 100, 1300, 1448, 4000] {
            let (mut greeting, mut unread, mut out) = (Greeting::default(), Vec::new(), Vec::new());
            for piece in hello.chunks(size) {
                unread.extend_from_slice(piece);
                greeting.hear(true, &mut unread, &mut out);
            }
            greeting.hurry(&mut unread, &mut out);
            assert_eq!(out, std::slice::from_ref(&whole), "in pieces of {size}");
        }
        let (mut greeting, mut out) = (Greeting::default(), Vec::new());
        let mut cut = hello[..1000].to_vec();
        greeting.hear(true, &mut cut, &mut out);
        assert!(out.is_empty(), "the rest may come");
        greeting.hurry(&mut cut, &mut out);
        assert_eq!(out, [nameless], "it never came");
    }
}
