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

/// Waits for the server's certificate.
#[derive(Debug)]
pub struct Greeting {
    asked: Option<String>,
}

/// What the client says, and who reads on, if there is more to read.
pub fn begin(client: &[u8]) -> (Tls, Option<Greeting>) {
    let hello = tls::Hello::in_record(client);
    let name = tls::server_name(client).map(str::to_ascii_lowercase);
    // A greeting that is cut may have named newer versions behind the cut.
    let is_old = hello.is_some_and(|hello| hello.is_whole && !hello.offers_13());
    (Tls { name: name.clone(), is_old }, Some(Greeting { asked: name }))
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

impl Greeting {
    /// Takes what was said; `true` when there is nothing more to learn.
    pub fn hear(&mut self, by_client: bool, unread: &mut Vec<u8>, out: &mut Vec<What>) -> bool {
        if by_client {
            unread.clear();
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
