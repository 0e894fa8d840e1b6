//! # FTP, POP3, IMAP, SMTP, NNTP, IRC, Redis, MPD, NUT, ManageSieve: one command a line
//!
//! RFC 959 §4, RFC 1939, RFC 3501 §6.2, RFC 4954, RFC 4643 §2.3, RFC 2812 §3.1 (and what services of networks call
//! NickServ ask for), Redis `AUTH` (also as a word of `HELLO`), RFC 9271 §4.2 (power supplies), RFC 5804 §2.1 (filters of
//! mail), `password` of the player MPD (its protocol's manual). Which it is, the greeting says; in a
//! conversation first seen in the middle, the commands do.

use super::{
    letters::{Letters, asked, named},
    secrets::{clear, hashed, masked, tag},
};
use crate::{
    model::{base64, find},
    traffic::fact::{Login, What},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Kind {
    #[default]
    Ftp,
    Pop3,
    Imap,
    Smtp,
    Nntp,
    Irc,
    Redis,
    Mpd,
    Nut,
    Sieve,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Kind::Ftp => "ftp",
            Kind::Pop3 => "pop3",
            Kind::Imap => "imap",
            Kind::Smtp => "smtp",
            Kind::Nntp => "nntp",
            Kind::Irc => "irc",
            Kind::Redis => "redis",
            Kind::Mpd => "mpd",
            Kind::Nut => "nut",
            Kind::Sieve => "sieve",
        }
    }
}

/// What the next line of the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Awaits {
    #[default]
    Command,
    /// Base 64 of `\0user\0secret` (RFC 4616).
    Plain,
    LoginUser,
    LoginSecret,
    /// Base 64 of `user digest` (RFC 2195).
    Cram,
    /// Redis: lengths and words of `AUTH` come line by line.
    Word,
}

/// See above.
#[derive(Debug, Default)]
pub struct Lines {
    kind: Kind,
    awaits: Awaits,
    user: Vec<u8>,
    /// A secret was sent and its answer is awaited; the secret's tag.
    pending: Option<u64>,
    /// Of IMAP: the command's, which its answer repeats.
    label: Vec<u8>,
    words: Vec<Vec<u8>>,
    letters: Letters,
}

/// First words of a client of FTP that asks what there is before it logs in (RFC 959, RFC 2389, RFC 7151 §3).
const BEFORE_LOGIN: [&[u8]; 8] = [b"OPTS ", b"FEAT", b"HOST ", b"CLNT ", b"SYST", b"AUTH TLS", b"AUTH SSL", b"PBSZ "];
/// First words of a reader of news (RFC 3977).
const NEWS: [&[u8]; 7] = [b"MODE ", b"GROUP ", b"LIST", b"CAPABILITIES", b"ARTICLE", b"XOVER", b"HELP"];

/// Which protocol the first lines are of.
pub fn recognise(client: &[u8], server: &[u8]) -> Option<Lines> {
    let is = |line: &[u8], word: &[u8]| line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let smtp = ["EHLO ", "HELO ", "AUTH ", "MAIL FROM:", "VRFY ", "EXPN ", "RCPT TO:"];
    let greeted = server.starts_with(b"220") || server.starts_with(b"331");
    let is_ftp = is(client, b"USER ") && (greeted || server.is_empty())
        || is(client, b"PASS ") && server.starts_with(b"331")
        || server.starts_with(b"220") && BEFORE_LOGIN.iter().any(|word| is(client, word));
    let kind = if server.starts_with(b"OK MPD ") {
        Kind::Mpd
    } else if server.starts_with(b"\"IMPLEMENTATION\" ") {
        Kind::Sieve
    } else if is(client, b"USERNAME ") && (server.is_empty() || server.starts_with(b"OK")) {
        Kind::Nut
    } else if server.starts_with(b"+OK") {
        Kind::Pop3
    } else if server.starts_with(b"* OK") {
        Kind::Imap
    } else if is(client, b"*2\r\n$4\r\nAUTH")
        || is(client, b"*3\r\n$4\r\nAUTH")
        || is(client, b"AUTH ") && server.is_empty()
        || greets_a_store(client)
    {
        Kind::Redis
    } else if smtp.iter().any(|word| is(client, word.as_bytes())) {
        Kind::Smtp
    } else if is(client, b"AUTHINFO ")
        || (server.starts_with(b"200 ") || server.starts_with(b"201 ")) && NEWS.iter().any(|word| is(client, word))
    {
        Kind::Nntp
    } else if is(client, b"NICK ")
        || is(client, b"CAP LS")
        || is(client, b"CAP REQ")
        || is(client, b"PASS ") && server.is_empty()
    {
        Kind::Irc
    } else if is_ftp {
        Kind::Ftp
    } else if client.windows(7).take(16).any(|at| at.eq_ignore_ascii_case(b" LOGIN ")) {
        Kind::Imap
    } else {
        return None;
    };
    Some(Lines { kind, ..Lines::default() })
}

/// `*5 $5 HELLO $1 3 $4 AUTH …`: clients of version 6 and later say which protocol they speak, and who they are along with it.
fn greets_a_store(client: &[u8]) -> bool {
    let head = client.get(..client.len().min(64)).unwrap_or_default();
    head.starts_with(b"*")
        && find(head, b"\r\n$5\r\nHELLO\r\n").is_some()
        && find(head, b"\r\n$4\r\nAUTH\r\n").is_some()
}

/// `PRIVMSG NickServ :IDENTIFY [name] secret`, `NS IDENTIFY secret`.
fn identified(line: &[u8]) -> Option<&[u8]> {
    let line: Vec<&[u8]> = words(line).collect();
    let is_word = |word: &&[u8]| word.strip_prefix(b":").unwrap_or(word).eq_ignore_ascii_case(b"IDENTIFY");
    let to_services = match line.first()?.to_ascii_uppercase().as_slice() {
        b"PRIVMSG" => line.get(1)?.get(..8)?.eq_ignore_ascii_case(b"NickServ"),
        _ => true,
    };
    let at = line.iter().position(is_word)?;
    line.get(at + 1..)?.last().copied().filter(|_| to_services)
}

/// A line without its end, and the rest.
fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((bytes.get(..end)?.trim_ascii_end(), end + 1))
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b' ').filter(|word| !word.is_empty())
}

fn unquoted(word: &[u8]) -> &[u8] {
    word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\"")).unwrap_or(word)
}

impl Lines {
    pub fn hear(&mut self, by_client: bool, unread: &mut Vec<u8>, seed: u64, out: &mut Vec<What>) {
        let mut at = 0;
        while let Some((line, len)) = unread.get(at..).and_then(line) {
            let line = line.to_vec();
            at += len;
            if by_client { self.command(&line, seed, out) } else { self.answer(&line, out) }
        }
        unread.drain(..at);
    }

    /// The connection ended.
    pub fn end(&mut self, out: &mut Vec<What>) {
        self.letters.end(out);
    }

    fn secret(&mut self, user: &[u8], secret: &[u8], seed: u64, out: &mut Vec<What>) {
        self.user = user.to_vec();
        self.user.truncate(64);
        self.pending = Some(tag(secret, seed));
        out.push(clear(self.kind.name(), user, secret, seed));
    }

    fn command(&mut self, line: &[u8], seed: u64, out: &mut Vec<What>) {
        let line = if self.kind == Kind::Sieve && self.awaits != Awaits::Command { unquoted(line) } else { line };
        match std::mem::take(&mut self.awaits) {
            Awaits::Command => {}
            Awaits::Plain => return self.plain(&base64(line), seed, out),
            Awaits::LoginUser => {
                self.user = base64(line);
                self.user.truncate(64);
                self.awaits = Awaits::LoginSecret;
                return;
            }
            Awaits::LoginSecret => {
                let user = std::mem::take(&mut self.user);
                return self.secret(&user, &base64(line), seed, out);
            }
            Awaits::Cram => {
                let text = base64(line);
                let user = text.split(|byte| *byte == b' ').next().unwrap_or_default().to_vec();
                self.pending = Some(tag(&text, seed));
                out.push(hashed(self.kind.name(), &user, &text, seed));
                self.user = user;
                return;
            }
            Awaits::Word => return self.word(line, seed, out),
        }
        if self.kind == Kind::Smtp && self.letters.command(line, seed, out) {
            return;
        }
        let mut parts = words(line);
        let mut first = parts.next().unwrap_or_default();
        if self.kind == Kind::Imap {
            self.label = first.iter().take(32).copied().collect();
            first = parts.next().unwrap_or_default();
        }
        let rest: Vec<&[u8]> = parts.collect();
        let one = rest.first().copied().unwrap_or_default();
        let after = |word: &[u8]| line.get(word.len() + 1..).unwrap_or_default();
        match (self.kind, first.to_ascii_uppercase().as_slice()) {
            (Kind::Ftp | Kind::Pop3, b"USER") => self.user = one.iter().take(64).copied().collect(),
            (Kind::Ftp | Kind::Pop3, b"PASS") => {
                let user = std::mem::take(&mut self.user);
                self.secret(&user, after(first), seed, out);
            }
            (Kind::Pop3, b"APOP") => {
                self.user = one.to_vec();
                out.push(hashed("pop3", one, rest.get(1).copied().unwrap_or_default(), seed));
                self.pending = Some(1);
            }
            (Kind::Nntp, b"AUTHINFO") => match one.to_ascii_uppercase().as_slice() {
                b"USER" => self.user = rest.get(1).copied().unwrap_or_default().iter().take(64).copied().collect(),
                b"PASS" => {
                    let user = std::mem::take(&mut self.user);
                    self.secret(&user, rest.get(1).copied().unwrap_or_default(), seed, out);
                }
                _ => {}
            },
            (Kind::Irc, b"PASS") => {
                // `user/network:secret`, as what keeps people connected takes it.
                let word = one.strip_prefix(b":").unwrap_or(one);
                let secret = word.rsplit(|byte| *byte == b':').next().unwrap_or(word);
                self.secret(b"", secret, seed, out);
            }
            (Kind::Irc, b"OPER") => out.push(clear("irc", one, rest.get(1).copied().unwrap_or_default(), seed)),
            (Kind::Irc, b"AUTHENTICATE") => {
                // RFC 4616 in base 64; the line before named the mechanism.
                if let Some((user, secret)) = super::once::plain(&base64(one)) {
                    let user = user.to_vec();
                    self.secret(&user, secret, seed, out);
                }
            }
            (Kind::Irc, b"PRIVMSG" | b"NS" | b"NICKSERV" | b"IDENTIFY") => {
                if let Some(secret) = identified(line) {
                    out.push(clear("irc", b"", secret, seed));
                }
            }
            (Kind::Imap, b"LOGIN") => {
                let user = unquoted(one).to_vec();
                self.secret(&user, unquoted(rest.get(1).copied().unwrap_or_default()), seed, out);
            }
            (Kind::Imap, b"AUTHENTICATE") | (Kind::Smtp | Kind::Pop3, b"AUTH") => self.authenticate(&rest, seed, out),
            (Kind::Sieve, b"AUTHENTICATE") => {
                let rest: Vec<&[u8]> = rest.iter().map(|word| unquoted(word)).collect();
                // `{24+}`: the answer comes on a line of its own.
                let rest =
                    if rest.get(1).is_some_and(|word| word.starts_with(b"{")) { rest.get(..1) } else { rest.get(..) };
                self.authenticate(rest.unwrap_or_default(), seed, out);
            }
            (Kind::Nut, b"USERNAME") => self.user = one.iter().take(64).copied().collect(),
            (Kind::Mpd | Kind::Nut, b"PASSWORD") => {
                let user = std::mem::take(&mut self.user);
                self.secret(&user, unquoted(after(first)), seed, out);
            }
            (Kind::Redis, b"AUTH") => {
                let (user, secret) =
                    if rest.len() > 1 { (one, rest.get(1).copied().unwrap_or_default()) } else { (&b""[..], one) };
                let user = user.to_vec();
                self.secret(&user, secret, seed, out);
            }
            (Kind::Redis, [b'*', b'2'..=b'9']) => {
                self.words = vec![first.to_vec()];
                self.awaits = Awaits::Word;
            }
            _ => {}
        }
    }

    fn authenticate(&mut self, rest: &[&[u8]], seed: u64, out: &mut Vec<What>) {
        let [how, initial @ ..] = rest else { return };
        let initial = initial.first().copied();
        match how.to_ascii_uppercase().as_slice() {
            b"PLAIN" => match initial {
                Some(text) => self.plain(&base64(text), seed, out),
                None => self.awaits = Awaits::Plain,
            },
            b"LOGIN" => match initial {
                Some(text) => {
                    self.user = base64(text);
                    self.user.truncate(64);
                    self.awaits = Awaits::LoginSecret;
                }
                None => self.awaits = Awaits::LoginUser,
            },
            b"CRAM-MD5" | b"DIGEST-MD5" => self.awaits = Awaits::Cram,
            _ => {}
        }
    }

    fn plain(&mut self, text: &[u8], seed: u64, out: &mut Vec<What>) {
        let mut parts = text.split(|byte| *byte == 0);
        let (_, user, secret) = (parts.next(), parts.next(), parts.next());
        if let (Some(user), Some(secret)) = (user, secret) {
            let user = user.to_vec();
            self.secret(&user, secret, seed, out);
        }
    }

    /// `*2 $4 AUTH $6 secret` (Redis serialization protocol), or `*5 $5 HELLO $1 3 $4 AUTH $4 user $6 secret`.
    fn word(&mut self, line: &[u8], seed: u64, out: &mut Vec<What>) {
        self.words.push(line.to_vec());
        let wanted = match self.words.first().map(Vec::as_slice) {
            Some([b'*', digit @ b'2'..=b'9']) => usize::from(digit - b'0') * 2 + 1,
            _ => 5,
        };
        if self.words.len() < wanted {
            self.awaits = Awaits::Word;
            return;
        }
        let words = std::mem::take(&mut self.words);
        // Before each word stands how long it is.
        let said: Vec<&[u8]> = words.iter().skip(2).step_by(2).map(Vec::as_slice).collect();
        let is = |word: &[u8], known: &[u8]| word.eq_ignore_ascii_case(known);
        let (user, secret) = match said.as_slice() {
            [auth, secret] if is(auth, b"AUTH") => (&b""[..], *secret),
            [auth, user, secret] if is(auth, b"AUTH") => (*user, *secret),
            [hello, _, auth, user, secret, ..] if is(hello, b"HELLO") && is(auth, b"AUTH") => (*user, *secret),
            _ => return,
        };
        self.secret(user, secret, seed, out);
    }

    fn answer(&mut self, line: &[u8], out: &mut Vec<What>) {
        if self.kind == Kind::Smtp {
            self.letters.answer(line);
        }
        let Some(tag) = self.pending else { return };
        let starts = |word: &str| line.starts_with(word.as_bytes());
        let ok = match self.kind {
            Kind::Ftp if starts("230") || starts("232") => Some(true),
            Kind::Ftp if starts("530") || starts("421") => Some(false),
            Kind::Pop3 if starts("+OK") => Some(true),
            Kind::Pop3 if starts("-ERR") => Some(false),
            Kind::Smtp if starts("235") => Some(true),
            Kind::Smtp if starts("535") || starts("534") || starts("454") => Some(false),
            Kind::Nntp if starts("281") => Some(true),
            Kind::Nntp if starts("481") || starts("482") || starts("502") => Some(false),
            Kind::Redis if starts("+OK") || starts("%") || starts("*") => Some(true),
            Kind::Redis if starts("-ERR") || starts("-WRONGPASS") => Some(false),
            Kind::Mpd if starts("OK") => Some(true),
            Kind::Mpd if starts("ACK ") => Some(false),
            // Whether it was right is said when it is needed.
            Kind::Nut if starts("ERR ACCESS-DENIED") || starts("ERR INVALID-") => Some(false),
            Kind::Sieve if starts("OK") => Some(true),
            Kind::Sieve if starts("NO") || starts("BYE") => Some(false),
            // RFC 2812 §5: RPL_WELCOME, ERR_PASSWDMISMATCH.
            Kind::Irc if words(line).nth(1) == Some(b"001") => Some(true),
            Kind::Irc if words(line).nth(1) == Some(b"464") => Some(false),
            Kind::Imap if !self.label.is_empty() && line.starts_with(&self.label) => {
                let rest = line.get(self.label.len()..).unwrap_or_default().trim_ascii_start();
                Some(rest.get(..2).is_some_and(|word| word.eq_ignore_ascii_case(b"OK")))
            }
            _ => None,
        };
        if let Some(ok) = ok {
            self.pending = None;
            out.push(What::Login(Login {
                service: self.kind.name(),
                user: masked(&self.user),
                tag,
                is_proof: false,
                ok,
            }));
        }
    }
}

/// Whom a message is for, by its line `To` (RFC 3261 §20.39).
fn called(payload: &[u8]) -> Option<&[u8]> {
    let is_to =
        |line: &&[u8]| line.get(..3).is_some_and(|name| name.eq_ignore_ascii_case(b"to:")) || line.starts_with(b"t:");
    let line = payload.split(|byte| *byte == b'\n').take(64).find(is_to)?;
    let whom = line.get(find(line, b"sip:")? + 4..)?;
    whom.split(|byte| matches!(byte, b'@' | b'>' | b';')).next().filter(|whom| !whom.is_empty())
}

/// SIP (RFC 3261 §22): a digest in a request; an answer that refuses one is told by its sender's side.
pub fn sip(payload: &[u8], seed: u64, out: &mut Vec<What>) {
    let mut lines = payload.split(|byte| *byte == b'\n').take(64);
    let Some(first) = lines.next() else { return };
    if first.starts_with(b"SIP/2.0 ") {
        // The first 401 and 407 ask for a digest, later ones refuse it; 403 and 404 refuse (§21.4).
        let said = match first.get(8..11) {
            Some(b"403" | b"404") => Some((false, false)),
            Some(b"401" | b"407") => Some((true, false)),
            Some(b"200") => Some((true, true)),
            _ => None,
        };
        let is_register = || payload.windows(8).any(|at| at == b"REGISTER");
        if let Some(whom) = first.get(8..11).filter(|code| *code == b"404").and_then(|_| called(payload)) {
            // There is no such telephone (§21.4.5).
            out.push(asked(named(whom, seed)));
        }
        if let Some((is_proof, ok)) = said.filter(|_| is_register()) {
            out.push(What::Login(Login { service: "sip", user: String::new(), tag: 0, is_proof, ok }));
        }
        return;
    }
    let digest = lines.find(|line| {
        let name = line.get(..14).unwrap_or_default();
        name.eq_ignore_ascii_case(b"authorization:")
            || line.get(..20).is_some_and(|l| l.eq_ignore_ascii_case(b"proxy-authorization:"))
    });
    if let Some(digest) = digest {
        let at = digest.windows(10).position(|at| at == b"username=\"").map(|at| at + 10);
        let user = at.and_then(|at| digest.get(at..)).and_then(|rest| rest.split(|byte| *byte == b'"').next());
        out.push(hashed("sip", user.unwrap_or_default(), digest, seed));
    }
}
