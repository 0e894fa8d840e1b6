//! # Logs and exports that can be shown to others
//!
//! MACs, addresses, names and domains become short words that stay the same from run to run, so
//! that a story can still be followed. The words depend on a key of this installation: without it
//! nobody can try all 2⁴⁸ MACs and read them back.

use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, Ipv6Addr},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use crate::model::MacAddr;

/// Fields whose whole value is somebody's name.
const NAMED: &[&str] = &[
    "name",
    "hostname",
    "host",
    "owner",
    "person",
    "people",
    "domain",
    "ssid",
    "device_name",
    "area",
    "group",
    "notes",
    "title",
];
const KEY_FILE: &str = "redact.key";
const KEY_BYTES: usize = 16;

/// Replaces what tells who somebody is.
pub struct Redactor {
    key: [u8; KEY_BYTES],
}

impl Redactor {
    #[must_use]
    pub const fn new(key: [u8; KEY_BYTES]) -> Redactor {
        Redactor { key }
    }

    /// The installation's key from its state folder, made at first use. Without a folder the words
    /// hold for this run alone.
    #[must_use]
    pub fn open(state_dir: Option<&Path>) -> Redactor {
        let path = state_dir.map(|folder| folder.join(KEY_FILE));
        let known = path.as_ref().and_then(|path| fs::read(path).ok()).and_then(|bytes| bytes.try_into().ok());
        if let Some(key) = known {
            return Redactor { key };
        }
        let mut key = [0; KEY_BYTES];
        // Without chance the words could be guessed, but they still replace.
        let _ = getrandom::fill(&mut key);
        if let Some(path) = path
            && path.parent().is_some_and(Path::is_dir)
            && let Ok(mut file) = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
        {
            let _ = file.write_all(&key);
        }
        Redactor { key }
    }

    /// `name-1f3a9c2e` for a name; the same for the same.
    #[must_use]
    pub fn word(&self, sort: &str, text: &str) -> String {
        // A word of ours stays: values are made fit before the text they are part of.
        if text.is_empty() || is_word(text) { text.to_owned() } else { format!("{sort}-{:08x}", self.hash(text)) }
    }

    /// A whole text: addresses wherever they stand, names where a field says so (`name="…"`, `"name":"…"`).
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let mut last = ' ';
        while let Some(c) = rest.chars().next() {
            if !(last.is_alphanumeric() || last == '_')
                && let Some((replaced, taken)) = self.field(rest).or_else(|| self.token(rest))
            {
                out.push_str(&replaced);
                rest = rest.get(taken..).unwrap_or_default();
                last = '0';
                continue;
            }
            out.push(c);
            last = c;
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        out
    }

    /// `name="…"` or `name=…` or `name":"…"` at the start of `rest`.
    fn field(&self, rest: &str) -> Option<(String, usize)> {
        let name = NAMED.iter().filter(|name| rest.starts_with(**name)).max_by_key(|name| name.len())?;
        let after = rest.get(name.len()..)?;
        let between = ["=\"", "\":\"", "\": \"", "="].into_iter().find(|between| after.starts_with(between))?;
        let value = after.get(between.len()..)?;
        let length = if between.ends_with('"') {
            quoted(value)?
        } else {
            value.find([' ', '\n', '\t', ',', '}']).unwrap_or(value.len())
        };
        let word = self.word("name", value.get(..length)?);
        Some((format!("{name}{between}{word}"), name.len() + between.len() + length))
    }

    /// A hardware or IP address or a domain at the start of `rest`.
    fn token(&self, rest: &str) -> Option<(String, usize)> {
        let length = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '-' | '_')))
            .unwrap_or(rest.len());
        // A full stop or colon ends a sentence more often than a name.
        let token = rest.get(..length)?.trim_end_matches(['.', ':', '-']);
        let sort = if token.parse::<MacAddr>().is_ok() {
            "mac"
        } else if token.parse::<Ipv4Addr>().is_ok_and(|ip| !ip.is_loopback() && !ip.is_unspecified())
            || (token.matches(':').count() >= 2 && token.parse::<Ipv6Addr>().is_ok_and(|ip| !ip.is_loopback()))
        {
            "ip"
        } else if is_domain(token) {
            "domain"
        } else {
            // Not to be looked into: `10.0.0.0.5` holds no address.
            return (token.len() > 1).then(|| (token.to_owned(), token.len()));
        };
        Some((self.word(sort, &token.to_ascii_lowercase()), token.len()))
    }

    /// SipHash-2-4 under the installation's key, 32 bits of it (Aumasson, Bernstein 2012).
    fn hash(&self, text: &str) -> u32 {
        let half = |at: usize| {
            let bytes = self.key.get(at..at + 8).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
            u64::from_le_bytes(bytes.unwrap_or_default())
        };
        let (k0, k1) = (half(0), half(8));
        let mut v = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        let round = |v: &mut [u64; 4]| {
            let [mut a, mut b, mut c, mut d] = *v;
            a = a.wrapping_add(b);
            c = c.wrapping_add(d);
            b = b.rotate_left(13) ^ a;
            d = d.rotate_left(16) ^ c;
            a = a.rotate_left(32);
            c = c.wrapping_add(b);
            a = a.wrapping_add(d);
            b = b.rotate_left(17) ^ c;
            d = d.rotate_left(21) ^ a;
            c = c.rotate_left(32);
            *v = [a, b, c, d];
        };
        let absorb = |v: &mut [u64; 4], m: u64| {
            v[3] ^= m;
            round(v);
            round(v);
            v[0] ^= m;
        };
        let chunks = text.as_bytes().chunks_exact(8);
        let mut tail = [0; 8];
        for (slot, byte) in tail.iter_mut().zip(chunks.remainder()) {
            *slot = *byte;
        }
        tail[7] = text.len() as u8;
        for chunk in chunks {
            absorb(&mut v, u64::from_le_bytes(chunk.try_into().unwrap_or_default()));
        }
        absorb(&mut v, u64::from_le_bytes(tail));
        v[2] ^= 0xff;
        (0..4).for_each(|_| round(&mut v));
        (v[0] ^ v[1] ^ v[2] ^ v[3]) as u32
    }
}

/// What [`Redactor::word`] makes.
fn is_word(text: &str) -> bool {
    text.split_once('-').is_some_and(|(sort, hash)| {
        matches!(sort, "name" | "mac" | "ip" | "domain" | "file")
            && hash.len() == 8
            && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Bytes up to the closing quote.
fn quoted(value: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in value.char_indices() {
        match c {
            '"' if !escaped => return Some(at),
            '\\' if !escaped => escaped = true,
            _ => escaped = false,
        }
    }
    None
}

/// `tv.fritz.box`: at least one dot, letters at the end, nothing that a path or a version has.
fn is_domain(token: &str) -> bool {
    let Some((_, last)) = token.rsplit_once('.') else { return false };
    last.len() >= 2
        && last.bytes().all(|b| b.is_ascii_alphabetic())
        && token.split('.').all(|label| !label.is_empty() && label.len() <= 63 && !label.contains(':'))
        && !matches!(last, "rs" | "yaml" | "yml" | "json" | "csv" | "html" | "pcap" | "pcapng" | "db" | "sock" | "log")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        // Test vector of the paper, appendix A: key 00…0f, message 00…0e.
        let mut key = [0; KEY_BYTES];
        (0..KEY_BYTES).for_each(|n| key[n] = n as u8);
        let message: String = (0..15u8).map(char::from).collect();
        assert_eq!(Redactor::new(key).hash(&message), 0xa129_ca61_49be_45e5_u64 as u32);
    }

    #[test]
    fn who_somebody_is_does_not_leave() {
        let redactor = Redactor::new([7; KEY_BYTES]);
        let cases = [
            (r#"WARN part{id=mdns}: down device=d-7f3k2m mac=B8:27:EB:01:02:03"#, "mac-", &["B8:27"][..]),
            (r#"found name="Anna's phone" hostname=anna-iphone ok"#, "ok", &["Anna", "anna"]),
            (
                r#"{"level":"INFO","name":"Anna \"A\" Smith","ip":"192.168.7.20"}"#,
                "INFO",
                &["Anna", "Smith", "192.168"],
            ),
            ("asked fe80::1 and 10.0.0.1, then tv.fritz.box.", "asked", &["fe80", "10.0.0.1", "fritz"]),
        ];
        for (text, kept, gone) in cases {
            let redacted = redactor.text(text);
            assert!(redacted.contains(kept), "{redacted}");
            gone.iter().for_each(|word| assert!(!redacted.contains(word), "{redacted}"));
        }
        for same in
            ["d-7f3k2m at 127.0.0.1:1883, porchlight 0.1.0, config.yaml:3:9", "2026-11-25T17:02:11.000Z", "rename=1"]
        {
            assert_eq!(redactor.text(same), same);
        }
        let both = redactor.text("b8:27:eb:01:02:03 B8:27:EB:01:02:03");
        let words: Vec<&str> = both.split(' ').collect();
        assert_eq!(words.first(), words.last(), "the same stays the same");
    }

    #[test]
    fn the_key_is_made_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let (a, b) = (Redactor::open(Some(folder.path())), Redactor::open(Some(folder.path())));
        assert_eq!(a.word("mac", "x"), b.word("mac", "x"));
        assert_ne!(a.word("mac", "x"), Redactor::open(None).word("mac", "x"));
    }
}
