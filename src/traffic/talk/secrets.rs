//! # What may be told of a secret
//!
//! Its length in three classes, and a keyed tag. The user's name is masked.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::{
    model::clean_text,
    traffic::fact::{Credential, What},
};

const USER_MAX: usize = 32;

/// `anna` → `a***`.
pub fn masked(user: &[u8]) -> String {
    let text = clean_text(&String::from_utf8_lossy(user), USER_MAX);
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{first}***"))
}

/// Equal for equal secrets of this run, and odd for those things leave the factory with. Of 64 bits, from a hash of both that cannot be undone without `seed`,
/// and is nowhere stored.
pub fn tag(secret: &[u8], seed: u64) -> u64 {
    if secret.is_empty() {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    (seed, "secret", secret).hash(&mut hasher);
    let (known, tag) = (FACTORY.contains(&secret), hasher.finish());
    if known { tag | 1 } else { tag & !1 }.max(2)
}

/// Passwords with which things leave the factory: of makers' manuals, and of the list with which Mirai began (its
/// source, published in 2016).
const FACTORY: [&[u8]; 40] = [
    b"admin",
    b"password",
    b"root",
    b"user",
    b"guest",
    b"support",
    b"default",
    b"system",
    b"service",
    b"supervisor",
    b"1234",
    b"12345",
    b"123456",
    b"12345678",
    b"1111",
    b"111111",
    b"0000",
    b"00000000",
    b"54321",
    b"666666",
    b"888888",
    b"4321",
    b"pass",
    b"admin1234",
    b"smcadmin",
    b"meinsm",
    b"tech",
    b"klv123",
    b"klv1234",
    b"xc3511",
    b"vizxv",
    b"anko",
    b"zlxx.",
    b"7ujMko0vizxv",
    b"7ujMko0admin",
    b"juantech",
    b"jvbzd",
    b"hi3518",
    b"ikwb",
    b"dreambox",
];

/// Whether the secret of this tag is one that things leave the factory with.
#[must_use]
pub const fn is_factory(tag: u64) -> bool {
    tag & 1 == 1
}

const fn length(secret: &[u8]) -> &'static str {
    match secret.len() {
        0 => "empty",
        1..=7 => "short",
        8..=15 => "medium",
        _ => "long",
    }
}

/// Users and secrets that protect nothing.
fn is_trivial(user: &[u8], secret: &[u8]) -> bool {
    let users: [&[u8]; 3] = [b"anonymous", b"ftp", b"guest"];
    secret.is_empty() || users.iter().any(|known| user.eq_ignore_ascii_case(known))
}

/// A secret that was sent as it is.
pub fn clear(protocol: &'static str, user: &[u8], secret: &[u8], seed: u64) -> What {
    What::Credential(Credential {
        protocol,
        user: masked(user),
        length: length(secret),
        tag: tag(secret, seed),
        is_hashed: false,
        is_trivial: is_trivial(user, secret),
    })
}

/// An answer to a challenge.
pub fn hashed(protocol: &'static str, user: &[u8], answer: &[u8], seed: u64) -> What {
    What::Credential(Credential {
        protocol,
        user: masked(user),
        length: "hashed",
        tag: tag(answer, seed),
        is_hashed: true,
        is_trivial: false,
    })
}

/// `%41+b` → `A b` (application/x-www-form-urlencoded).
pub fn unescaped(text: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match (first, tail) {
            (b'%', [a, b, after @ ..]) if digit(*a).is_some() && digit(*b).is_some() => {
                out.push((digit(*a).unwrap_or_default() * 16 + digit(*b).unwrap_or_default()) as u8);
                rest = after;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(*byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_secret_is_told() {
        let What::Credential(told) = clear("ftp", b"anna", b"canary-7f3k", 1) else { unreachable!("a credential") };
        let text = format!("{told:?}");
        assert!(!text.contains("canary") && !text.contains("anna") && told.user == "a***", "{text}");
        assert_ne!(told.tag, tag(b"canary-7f3k", 2), "another run, another tag");
    }

    #[test]
    fn texts_are_read_as_far_as_they_are() {
        assert_eq!(unescaped(b"a%2Bb+c%zz%4"), b"a+b c%zz%4");
    }
}
