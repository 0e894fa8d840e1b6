//! # Telnet and other prompts in the clear
//!
//! RFC 854: commands are taken out, what is left is text. A prompt of the server says what the client types
//! next; an answer after the secret says whether it was right.

use super::secrets::{clear, masked, tag};
use crate::traffic::fact::{Login, What};

const IAC: u8 = 255;
const SB: u8 = 250;
const SE: u8 = 240;
/// Bytes of the server's last words, and of what is typed.
const TAIL_MAX: usize = 256;
const TYPED_MAX: usize = 128;

/// Begins with a telnet command: WILL, WONT, DO, DONT or SB.
pub fn is_telnet(bytes: &[u8]) -> bool {
    matches!(bytes, [IAC, 250..=254, ..])
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Typing {
    #[default]
    Nothing,
    User,
    Secret,
    /// The secret was sent; the answer is awaited.
    Sent,
}

/// See above.
#[derive(Debug, Default)]
pub struct Telnet {
    tail: Vec<u8>,
    typing: Typing,
    typed: Vec<u8>,
    user: Vec<u8>,
    tag: u64,
}

/// The text without commands; what is unfinished stays.
fn text(unread: &mut Vec<u8>) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), unread.as_slice());
    loop {
        match rest {
            [] => break,
            [IAC, IAC, after @ ..] => {
                out.push(IAC);
                rest = after;
            }
            [IAC, 251..=254, _, after @ ..] => rest = after,
            [IAC, SB, after @ ..] => match after.windows(2).position(|at| at == [IAC, SE]) {
                Some(at) => rest = after.get(at + 2..).unwrap_or_default(),
                None if after.len() > TAIL_MAX => rest = &[],
                None => break,
            },
            [IAC] | [IAC, 251..=254] => break,
            [IAC, _, after @ ..] => rest = after,
            [byte, after @ ..] => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    let keep = rest.len();
    let cut = unread.len() - keep;
    unread.drain(..cut);
    out
}

fn ends(tail: &[u8], words: &[&str]) -> bool {
    let end = tail.trim_ascii_end().to_ascii_lowercase();
    words.iter().any(|word| end.ends_with(word.as_bytes()))
}

impl Telnet {
    pub fn hear(&mut self, by_client: bool, unread: &mut Vec<u8>, seed: u64, out: &mut Vec<What>) {
        let text = text(unread);
        if by_client {
            for byte in text {
                match byte {
                    b'\r' | b'\n' => self.enter(seed, out),
                    0 => {}
                    8 | 127 => drop(self.typed.pop()),
                    _ if self.typed.len() < TYPED_MAX => self.typed.push(byte),
                    _ => {}
                }
            }
            return;
        }
        self.tail.extend_from_slice(&text);
        if self.tail.len() > TAIL_MAX {
            let cut = self.tail.len() - TAIL_MAX;
            self.tail.drain(..cut);
        }
        self.prompted(out);
    }

    fn prompted(&mut self, out: &mut Vec<What>) {
        let lower = self.tail.to_ascii_lowercase();
        let has = |word: &str| lower.windows(word.len()).any(|at| at == word.as_bytes());
        let asks_user = ends(&self.tail, &["login:", "username:", "user name:", "user:", "account:"]);
        let asks_secret = ends(&self.tail, &["password:", "passcode:", "passwort:"]);
        if self.typing == Typing::Sent {
            let failed = has("incorrect")
                || has("failed")
                || has("invalid")
                || has("denied")
                || has("bad password")
                || asks_user
                || asks_secret;
            // A prompt of a shell, or words, after the secret.
            let went_on = lower.trim_ascii().len() > 1;
            if failed || went_on {
                out.push(What::Login(Login {
                    service: "telnet",
                    user: masked(&self.user),
                    tag: self.tag,
                    is_proof: false,
                    ok: !failed,
                }));
                self.typing = Typing::Nothing;
            }
        }
        if asks_secret {
            self.typing = Typing::Secret;
        } else if asks_user {
            self.typing = Typing::User;
        } else {
            return;
        }
        self.typed.clear();
        self.tail.clear();
    }

    fn enter(&mut self, seed: u64, out: &mut Vec<What>) {
        let typed = std::mem::take(&mut self.typed);
        match self.typing {
            Typing::User if !typed.is_empty() => {
                self.user = typed;
                self.typing = Typing::Nothing;
            }
            Typing::Secret if !typed.is_empty() => {
                out.push(clear("telnet", &self.user, &typed, seed));
                self.tag = tag(&typed, seed);
                self.typing = Typing::Sent;
                self.tail.clear();
            }
            _ => {}
        }
    }
}
