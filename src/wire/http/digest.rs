//! # HTTP digest access (RFC 7616)
//!
//! Reads a challenge and answers it with `qop=auth`, by MD5 or SHA-256. What has no quality of protection, as before
//! RFC 2617, is not answered: it could be replayed.

use md5::Md5;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Bytes of a value.
const TEXT_MAX: usize = 512;
const VALUES_MAX: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha256,
}

/// What the server asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    pub realm: String,
    pub nonce: String,
    opaque: Option<String>,
    hash: Hash,
}

/// Who answers.
pub struct Login {
    pub username: String,
    pub password: SecretString,
}

impl Challenge {
    /// From `WWW-Authenticate`. `None`: another scheme, or one that is too weak.
    #[must_use]
    pub fn read(header: &str) -> Option<Challenge> {
        let rest = header.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("digest ")).and(header.get(7..))?;
        let values = values(rest);
        let get =
            |name: &str| values.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone());
        if !get("qop")?.split(',').any(|word| word.trim().eq_ignore_ascii_case("auth")) {
            return None;
        }
        let hash = match get("algorithm").map(|name| name.to_ascii_uppercase()).as_deref() {
            None | Some("MD5") => Hash::Md5,
            Some("SHA-256") => Hash::Sha256,
            Some(_) => return None,
        };
        Some(Challenge { realm: get("realm")?, nonce: get("nonce")?, opaque: get("opaque"), hash })
    }

    /// The value of `Authorization`. `count`: how often this nonce was used, this time included.
    #[must_use]
    pub fn answer(&self, login: &Login, method: &str, uri: &str, count: u32, cnonce: &str) -> SecretString {
        let (name, realm, nonce) = (quoted(&login.username), quoted(&self.realm), quoted(&self.nonce));
        let secret = self.hash(&format!("{}:{}:{}", login.username, self.realm, login.password.expose_secret()));
        let request = self.hash(&format!("{method}:{uri}"));
        let response = self.hash(&format!("{secret}:{}:{count:08x}:{cnonce}:auth:{request}", self.nonce));
        let algorithm = match self.hash {
            Hash::Md5 => "MD5",
            Hash::Sha256 => "SHA-256",
        };
        let opaque = self.opaque.as_ref().map(|opaque| format!(", opaque=\"{}\"", quoted(opaque))).unwrap_or_default();
        SecretString::from(format!(
            "Digest username=\"{name}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", algorithm={algorithm}, \
             qop=auth, nc={count:08x}, cnonce=\"{cnonce}\", response=\"{response}\"{opaque}"
        ))
    }

    fn hash(&self, text: &str) -> String {
        let bytes: Vec<u8> = match self.hash {
            Hash::Md5 => Md5::digest(text).to_vec(),
            Hash::Sha256 => Sha256::digest(text).to_vec(),
        };
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// `key=value` and `key="value"`, with commas between.
fn values(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((key, after)) = rest.split_once('=') {
        if found.len() >= VALUES_MAX {
            break;
        }
        let key = key.trim_matches([',', ' ', '\t']).to_owned();
        let after = after.trim_start();
        let (value, left) = match after.strip_prefix('"') {
            Some(inside) => until_quote(inside),
            None => {
                after.split_once(',').map_or((after.trim().to_owned(), ""), |(v, left)| (v.trim().to_owned(), left))
            }
        };
        if value.len() <= TEXT_MAX && value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            found.push((key, value));
        }
        rest = left;
    }
    found
}

fn until_quote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => {
                value.push(c);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '"' => return (value, text.get(at + 1..).unwrap_or_default()),
            _ => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard() {
        // RFC 7616 §3.9.1.
        let cases = [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ];
        let login = Login { username: "Mufasa".into(), password: SecretString::from("Circle of Life") };
        for (algorithm, response) in cases {
            let header = format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            );
            let challenge = Challenge::read(&header).unwrap();
            let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
            let answer = challenge.answer(&login, "GET", "/dir/index.html", 1, cnonce);
            assert!(answer.expose_secret().contains(&format!("response=\"{response}\"")), "{algorithm}");
            assert!(!answer.expose_secret().contains("Circle"));
        }
    }

    #[test]
    fn other_schemes_are_not_answered() {
        let cases = [
            "Basic realm=\"x\"",
            "Digest realm=\"x\", nonce=\"y\"",
            "Digest realm=\"x\", qop=\"auth-int\", nonce=\"y\"",
            "Digest realm=\"x\", qop=\"auth\", algorithm=MD5-sess, nonce=\"y\"",
            "Digest qop=\"auth\", nonce=\"y\"",
            "Digest",
            "é",
            "",
        ];
        for header in cases {
            assert_eq!(Challenge::read(header), None, "{header}");
        }
        let escaped =
            Challenge::read("digest realm=\"F!Box \\\"SOAP-Auth\\\"\",nonce=\"AB\",algorithm=MD5,qop=\"auth\"")
                .unwrap();
        assert_eq!((escaped.realm.as_str(), escaped.nonce.as_str()), ("F!Box \"SOAP-Auth\"", "AB"));
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read(text: String) {
            let _ = Challenge::read(&format!("Digest {text}"));
        }
    }
}
