//! # HTTP/1
//!
//! Requests and the heads of answers (RFC 9112): paths, hosts, programs, and logins: Basic (RFC 7617), Digest
//! (RFC 7616), a form that has a field for a password. RTSP (RFC 2326) speaks alike, and its logins are read here too.

use std::collections::VecDeque;

use super::{
    json,
    secrets::{clear, hashed, masked, tag, unescaped},
    smb,
};
use crate::{
    model::{base64, clean_text, find, holds},
    traffic::{
        HEADS_MAX, PATH_MAX,
        fact::{Http, Login, MANAGED, What},
    },
};

const METHODS: [&str; 15] = [
    "DESCRIBE ",
    "SETUP ",
    "PLAY ",
    "ANNOUNCE ",
    "GET ",
    "POST ",
    "HEAD ",
    "PUT ",
    "OPTIONS ",
    "DELETE ",
    "PATCH ",
    "PROPFIND ",
    "TRACE ",
    "CONNECT ",
    "SEARCH ",
];
/// Requests without an answer yet.
const PENDING_MAX: usize = 16;
/// Of an answer's body.
const BODY_MAX: usize = 1024;
/// Of what is sent along: with a head of usual length it fits into what may wait unread.
const SENT_MAX: usize = 3 * 1024;
/// A head is at most as long (Apache `LimitRequestLine` and nginx `large_client_header_buffers`: 8 KiB a line), and no more
/// is kept here.
const HEAD_LONG: usize = 7 * 1024;
/// Of the name of a kind: longer ones are not needed.
const KIND_MAX: usize = 64;

/// Begins like a request.
pub fn is_request(bytes: &[u8]) -> bool {
    METHODS.iter().any(|method| bytes.starts_with(method.as_bytes()))
}

#[derive(Debug)]
struct Asked {
    http: Http,
    /// A login in it.
    login: Option<Login>,
    /// Films, not pages (RFC 2326): only its logins are told.
    is_rtsp: bool,
}

/// See above.
#[derive(Debug, Default)]
pub struct Reader {
    pending: VecDeque<Asked>,
    /// Of a body, to pass over.
    skip: [usize; 2],
}

struct Head<'a> {
    first: &'a [u8],
    rest: &'a [u8],
    len: usize,
    /// Its end was seen.
    is_whole: bool,
}

impl<'a> Head<'a> {
    fn read(bytes: &'a [u8]) -> Option<Head<'a>> {
        let end = find(bytes, b"\r\n\r\n").map(|at| at + 4);
        let bare = find(bytes, b"\n\n").map(|at| at + 2);
        let len = match (end, bare) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b)?,
        };
        let head = bytes.get(..len)?;
        let at = head.iter().position(|byte| *byte == b'\n')?;
        Some(Head { first: head.get(..at)?.trim_ascii_end(), rest: head.get(at + 1..)?, len, is_whole: true })
    }

    /// One whose end never came, as far as it came.
    fn torn(bytes: &'a [u8]) -> Head<'a> {
        let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let (first, rest) = bytes.split_at(at);
        Head {
            first: first.trim_ascii_end(),
            rest: rest.get(1..).unwrap_or_default(),
            len: bytes.len(),
            is_whole: false,
        }
    }

    fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.rest.split(|byte| *byte == b'\n').take(64).find_map(|line| {
            let at = line.iter().position(|byte| *byte == b':')?;
            let is_it = line.get(..at)?.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
            is_it.then(|| line.get(at + 1..).map(<[u8]>::trim_ascii)).flatten()
        })
    }

    /// What the body is said to be.
    fn kind(&self) -> String {
        let kind = self.header("content-type").unwrap_or_default();
        clean_text(&String::from_utf8_lossy(kind.get(..kind.len().min(KIND_MAX)).unwrap_or_default()), KIND_MAX)
            .to_ascii_lowercase()
    }

    /// RFC 9110 §8.4: the body is not what it looks like. Not every word that is said there is a way to pack.
    fn is_packed(&self) -> bool {
        let how = self.header("content-encoding").unwrap_or_default().to_ascii_lowercase();
        [&b"gzip"[..], b"deflate", b"br", b"zstd", b"compress"].iter().any(|known| holds(&how, known))
    }

    fn length(&self) -> usize {
        let text = self.header("content-length").and_then(|text| std::str::from_utf8(text).ok());
        text.and_then(|text| text.parse().ok()).unwrap_or_default()
    }
}

impl Reader {
    pub fn hear(&mut self, by_client: bool, unread: &mut Vec<u8>, seed: u64, out: &mut Vec<What>) {
        let side = usize::from(!by_client);
        loop {
            if let Some(skip) = self.skip.get_mut(side) {
                let passed = (*skip).min(unread.len());
                unread.drain(..passed);
                *skip -= passed;
            }
            if unread.is_empty() {
                return;
            }
            let begins = if by_client {
                is_request(unread)
            } else {
                unread.starts_with(b"HTTP/1.") || unread.starts_with(b"RTSP/1.")
            };
            if !begins {
                // A body whose length nobody said, or something else: wait for the next head.
                let next = if by_client {
                    METHODS.iter().filter_map(|method| find(unread, method.as_bytes())).min()
                } else {
                    find(unread, b"HTTP/1.").into_iter().chain(find(unread, b"RTSP/1.")).min()
                };
                match next {
                    Some(at) => drop(unread.drain(..at)),
                    None => {
                        let keep = unread.len().saturating_sub(12);
                        unread.drain(..keep);
                        return;
                    }
                }
            }
            let Some(head) = Head::read(unread) else {
                if by_client && unread.len() > HEAD_LONG {
                    // No server reads on. What has come says what it is.
                    self.request(&Head::torn(unread), b"", seed, out);
                    unread.clear();
                }
                return;
            };
            let (len, length) = (head.len, head.length());
            let body = unread.get(len..(len + length).min(unread.len())).unwrap_or_default();
            if by_client && body.len() < length.min(SENT_MAX) {
                return;
            }
            if by_client {
                self.request(&head, body, seed, out)
            } else {
                self.answer(&head, unread.get(len..).unwrap_or_default(), out)
            }
            if let Some(skip) = self.skip.get_mut(side) {
                *skip = length;
            }
            unread.drain(..len);
        }
    }

    /// The server answers what the client has said so far: of a body that was cut, or is sent no further, there is no more.
    pub fn hurry(&mut self, client: &mut Vec<u8>, server: &[u8], seed: u64, out: &mut Vec<What>) {
        let is_answer =
            server.starts_with(b"HTTP/1.") && server.get(9).is_some_and(|first| (b'2'..=b'5').contains(first));
        if is_answer && is_request(client) && self.skip[0] == 0 {
            self.cut(client, seed, out);
        }
    }

    /// Part of what a side said was not seen: mostly of a body.
    pub fn miss(&mut self, by_client: bool, unread: &mut Vec<u8>, missing: usize, seed: u64, out: &mut Vec<What>) {
        if by_client && is_request(unread) {
            let torn = Head::torn(unread);
            if Head::read(unread).is_some() {
                self.cut(unread, seed, out);
            } else if torn.header("user-agent").is_some() {
                // Of a long head the rest: without what the program calls itself it could be any.
                self.request(&torn, b"", seed, out);
            }
        }
        if let Some(skip) = self.skip.get_mut(usize::from(!by_client)) {
            *skip = skip.saturating_sub(missing);
        }
    }

    /// A request of whose body no more comes.
    fn cut(&mut self, client: &mut Vec<u8>, seed: u64, out: &mut Vec<What>) {
        let Some(head) = Head::read(client) else { return };
        let body = client.get(head.len..).unwrap_or_default();
        let missing = head.length().saturating_sub(body.len());
        self.request(&head, body, seed, out);
        self.skip[0] = missing;
        client.clear();
    }

    fn request(&mut self, head: &Head<'_>, body: &[u8], seed: u64, out: &mut Vec<What>) {
        let Some(at) = head.first.iter().position(|byte| *byte == b' ') else { return };
        let (method, rest) = (head.first.get(..at).unwrap_or_default(), head.first.get(at + 1..).unwrap_or_default());
        // Spaces in a path are not allowed, and servers take them; the version comes last.
        let version = rest.windows(6).rposition(|word| matches!(word, b" HTTP/" | b" RTSP/"));
        let path = rest.get(..version.unwrap_or(rest.len())).unwrap_or_default();
        let text = |bytes: &[u8], max: usize| {
            String::from_utf8_lossy(bytes.get(..max.min(bytes.len())).unwrap_or_default()).into_owned()
        };
        let authorization = head.header("authorization").or_else(|| head.header("proxy-authorization"));
        let http = Http {
            method: text(method, 16),
            path: text(path, PATH_MAX),
            host: head.header("host").map(|host| clean_text(&String::from_utf8_lossy(host), 128)).unwrap_or_default(),
            agent: head
                .header("user-agent")
                .map(|agent| clean_text(&String::from_utf8_lossy(agent), 128))
                .unwrap_or_default(),
            heads: head.rest.get(..head.rest.len().min(HEADS_MAX)).unwrap_or_default().to_vec(),
            status: 0,
            body: body.get(..body.len().min(SENT_MAX)).unwrap_or_default().to_vec(),
            kind: head.kind(),
            is_packed: head.is_packed(),
            // What was not seen may have been said.
            has_accept: !head.is_whole || head.header("accept").is_some(),
            is_referred: !head.is_whole || head.header("referer").is_some() || head.header("origin").is_some(),
            had_authorization: authorization.is_some(),
        };
        let is_rtsp = holds(head.first, b" RTSP/");
        let mut login = authorization.and_then(|value| credentials(value, is_rtsp, seed, out));
        if login.is_none() && http.method == "POST" {
            login = form(body, seed, out)
                .or_else(|| parts_of(body, seed, out))
                .or_else(|| envelope(body, seed, out))
                .or_else(|| blog(body, seed, out));
        }
        if login.is_none()
            && let Some(query) = path.iter().position(|byte| *byte == b'?').and_then(|at| path.get(at + 1..))
        {
            asked_along(query, seed, out);
        }
        if let Some(key) = KEYS.iter().find_map(|name| head.header(name)).filter(|key| key.len() >= KEY_MIN) {
            out.push(clear("http_token", b"", key, seed));
        }
        // A session, encrypted inside of HTTP (MS-WSMV §2.2.9.1).
        let kind = head.header("content-type").unwrap_or_default();
        if http.path.starts_with("/wsman") && holds(kind, b"-session-encrypted") {
            out.push(What::Admin(MANAGED));
        }
        // What waits for an answer is told again with the answer's body, and needs no head.
        let waits = Http { heads: Vec::new(), body: Vec::new(), ..http.clone() };
        if !is_rtsp {
            out.push(What::HttpRequest(http));
        }
        if self.pending.len() < PENDING_MAX {
            self.pending.push_back(Asked { http: waits, login, is_rtsp });
        }
    }

    fn answer(&mut self, head: &Head<'_>, body: &[u8], out: &mut Vec<What>) {
        let status =
            head.first.get(9..12).and_then(|code| std::str::from_utf8(code).ok()).and_then(|code| code.parse().ok());
        let Some(status) = status.filter(|status: &u16| *status >= 200) else { return };
        let Some(asked) = self.pending.pop_front() else { return };
        if let Some(login) = asked.login {
            // A form's answer is a page, whether it worked or not: only what is refused outright is known.
            let refused = matches!(status, 401 | 403 | 407);
            // What answered a challenge that was too old may have been right (RFC 7616 §3.3).
            let is_late = refused && login.is_proof && is_stale(head);
            if !is_late && (refused || login.service != "http_form") {
                out.push(What::Login(Login { ok: !refused, ..login }));
            }
        }
        if asked.is_rtsp {
            return;
        }
        let body = body.iter().take(BODY_MAX).copied().collect();
        let (kind, is_packed) = (head.kind(), head.is_packed());
        out.push(What::HttpAnswer(Http { status, body, kind, is_packed, ..asked.http }));
    }
}

/// The server asks again because what it asked before is no longer good.
fn is_stale(head: &Head<'_>) -> bool {
    let challenge = head.header("www-authenticate").or_else(|| head.header("proxy-authenticate")).unwrap_or_default();
    let plain: Vec<u8> = challenge.iter().filter(|byte| !matches!(byte, b' ' | b'"')).copied().collect();
    holds(&plain.to_ascii_lowercase(), b"stale=true")
}

/// One whose outcome is not known yet.
const fn tried(service: &'static str, user: String, tag: u64) -> Login {
    Login { service, user, tag, is_proof: false, ok: false }
}

fn credentials(value: &[u8], is_rtsp: bool, seed: u64, out: &mut Vec<What>) -> Option<Login> {
    let Some(at) = value.iter().position(|byte| *byte == b' ') else {
        // No scheme, as it should have (RFC 9110 §11.4): many an interface of a device wants its key so.
        if value.len() >= KEY_MIN {
            out.push(clear("http_token", b"", value, seed));
        }
        return None;
    };
    let (scheme, rest) = (value.get(..at)?, value.get(at + 1..)?);
    match scheme.to_ascii_lowercase().as_slice() {
        b"basic" => {
            let text = base64(rest);
            let at = text.iter().position(|byte| *byte == b':')?;
            let (user, secret) = (text.get(..at)?, text.get(at + 1..)?);
            let service = if is_rtsp { "rtsp" } else { "http_basic" };
            out.push(clear(service, user, secret, seed));
            Some(tried(service, masked(user), tag(secret, seed)))
        }
        b"digest" => {
            let at = find(rest, b"username=\"")? + 10;
            let user = rest.get(at..)?.split(|byte| *byte == b'"').next()?;
            let service = if is_rtsp { "rtsp" } else { "http_digest" };
            out.push(hashed(service, user, rest, seed));
            Some(Login { is_proof: true, ..tried(service, masked(user), 0) })
        }
        b"ntlm" | b"negotiate" => {
            let (user, answer) = smb::authenticate(&base64(rest)).filter(|(user, _)| !user.is_empty())?;
            out.push(hashed("http_ntlm", &user, &answer, seed));
            Some(Login { is_proof: true, ..tried("http_ntlm", masked(&user), 0) })
        }
        // RFC 6750: who has it is its owner.
        b"bearer" => {
            out.push(clear("http_token", b"", rest, seed));
            None
        }
        _ => None,
    }
}

/// Names of fields that hold a secret and of those that hold who it is of.
pub(super) const SECRETS: [&str; 10] =
    ["password", "passwd", "pass", "pwd", "passwort", "psw", "userpass", "user_password", "login_password", "loginpas"];
pub(super) const USERS: [&str; 10] =
    ["username", "user", "login", "email", "uname", "userid", "user_name", "name", "log", "loginuse"];

/// Headers in which programs say the key that they were given.
const KEYS: [&str; 5] = ["x-api-key", "api-key", "apikey", "x-auth-token", "x-access-token"];
const TOKENS: [&str; 6] = ["token", "access_token", "api_key", "apikey", "auth_token", "passkey"];
/// Shorter ones are numbers of something.
const KEY_MIN: usize = 12;

/// A secret that is asked along with a page: it stays in logs and histories as well.
fn asked_along(query: &[u8], seed: u64, out: &mut Vec<What>) {
    let pairs = || {
        query.split(|byte| *byte == b'&').take(64).filter_map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=')?;
            Some((unescaped(pair.get(..at)?).to_ascii_lowercase(), unescaped(pair.get(at + 1..)?)))
        })
    };
    let field = |names: &[&str]| {
        pairs().find(|(name, value)| !value.is_empty() && names.iter().any(|known| name == known.as_bytes()))
    };
    // Subsonic's music and InfluxDB's numbers (their manuals): one letter each, which alone would be a page or a product.
    let short = || {
        field(&["p"])
            .zip(field(&["u"]))
            .filter(|((_, secret), _)| !secret.iter().all(u8::is_ascii_digit) || secret.len() > 3)
    };
    if let Some((_, secret)) = field(&SECRETS).filter(|(_, secret)| secret.len() <= 256) {
        let user = field(&USERS).map(|(_, user)| user).unwrap_or_default();
        out.push(clear("http_query", &user, &secret, seed));
    } else if let Some(((_, secret), (_, user))) = short().filter(|((_, secret), _)| secret.len() <= 256) {
        out.push(clear("http_query", &user, &secret, seed));
    } else if let Some((_, token)) = field(&TOKENS).filter(|(_, token)| (KEY_MIN..=1024).contains(&token.len())) {
        out.push(clear("http_token", b"", &token, seed));
    }
}

/// A login in parts (RFC 7578): `name="password"`, an empty line, the secret.
fn parts_of(body: &[u8], seed: u64, out: &mut Vec<What>) -> Option<Login> {
    let field = |names: &[&str]| {
        names.iter().find_map(|name| {
            let mark = format!("name=\"{name}\"\r\n\r\n");
            let rest = body.get(find(body, mark.as_bytes())? + mark.len()..)?;
            Some(rest.get(..find(rest, b"\r\n")?)?.to_vec())
        })
    };
    let secret = field(&SECRETS).filter(|secret| !secret.is_empty() && secret.len() <= 256)?;
    let user = field(&USERS).unwrap_or_default();
    out.push(clear("http_form", &user, &secret, seed));
    Some(tried("http_form", masked(&user), tag(&secret, seed)))
}

/// A name and a secret in SOAP (Web Services Security, UsernameToken profile 1.0), as cameras want them.
fn envelope(body: &[u8], seed: u64, out: &mut Vec<What>) -> Option<Login> {
    let body = body.get(find(body, b"UsernameToken")? + 13..)?;
    let field = |name: &[u8]| {
        let rest = body.get(find(body, name)? + name.len()..)?;
        let rest = rest.get(rest.iter().position(|byte| *byte == b'>')? + 1..)?;
        rest.get(..rest.iter().position(|byte| *byte == b'<')?)
    };
    let (user, secret) = (field(b"Username")?, field(b"Password")?);
    if find(body, b"#PasswordText").is_some() {
        out.push(clear("onvif", user, secret, seed));
    } else {
        out.push(hashed("onvif", user, secret, seed));
    }
    None
}

/// A call of a blog by XML-RPC that begins with a name and a secret (WordPress: `wp.getUsersBlogs`).
fn blog(body: &[u8], seed: u64, out: &mut Vec<What>) -> Option<Login> {
    let rest = body.get(find(body, b"wp.getUsersBlogs")?..)?;
    let mut values = rest.split(|byte| *byte == b'>').skip(1).filter_map(|part| {
        let end = part.iter().position(|byte| *byte == b'<')?;
        part.get(..end).map(<[u8]>::trim_ascii).filter(|text| !text.is_empty())
    });
    let (user, secret) = (values.next()?, values.next().filter(|secret| secret.len() <= 256)?);
    out.push(clear("http_form", user, secret, seed));
    Some(tried("http_form", masked(user), tag(secret, seed)))
}

fn form(body: &[u8], seed: u64, out: &mut Vec<What>) -> Option<Login> {
    if matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) {
        let (secret, user) = json::login(body.get(..body.len().min(BODY_MAX))?)
            .filter(|(secret, _)| !secret.is_empty() && secret.len() <= 256)?;
        out.push(clear("http_form", &user, &secret, seed));
        return Some(tried("http_form", masked(&user), tag(&secret, seed)));
    }
    let field = |names: &[&str]| {
        body.split(|byte| *byte == b'&').take(64).find_map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=')?;
            let name = unescaped(pair.get(..at)?).to_ascii_lowercase();
            // `account[password]`, `tfUPass`, `user.pwd`: the last word counts.
            let last = name
                .split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
                .rfind(|part| !part.is_empty())?
                .to_vec();
            let is_it = names.iter().any(|known| {
                last == known.as_bytes() || (known.len() > 3 || *known == "pwd") && last.ends_with(known.as_bytes())
            });
            is_it.then(|| pair.get(at + 1..).map(unescaped)).flatten()
        })
    };
    let secret = field(&SECRETS).filter(|secret| !secret.is_empty() && secret.len() <= 256)?;
    let user = field(&USERS).unwrap_or_default();
    out.push(clear("http_form", &user, &secret, seed));
    Some(tried("http_form", masked(&user), tag(&secret, seed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_of_which_the_rest_is_lost_is_read_if_it_says_whose_it_is() {
        let run = |head: &[u8]| -> Vec<What> {
            let (mut reader, mut out) = (Reader::default(), Vec::new());
            reader.miss(true, &mut head.to_vec(), 900, 0, &mut out);
            out
        };
        let told = run(b"HEAD /a HTTP/1.1\r\nUser-Agent: x\r\nRange: bytes=0-,5-9,");
        // What was not seen may have been said.
        assert!(matches!(&told[..], [What::HttpRequest(http)] if http.path == "/a" && http.has_accept), "{told:?}");
        assert!(run(b"GET /a HTTP/1.1\r\nCookie: a=").is_empty());
    }
}
