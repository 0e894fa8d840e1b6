//! # SSH
//!
//! Logins are encrypted; what is known is when encryption began and how much the server said after it. A refused
//! connection ends after a few short packets (RFC 4252 §5.1), a session goes on. And the word of success is the shortest
//! there is (§5.1: one byte), shorter than the answer to the wish for a login (RFC 4253 §10), which is as long as the wish.

use crate::traffic::fact::{Login, Talkers, What};

/// Message numbers: KEXINIT (RFC 4253 §12), NEWKEYS.
const NEWKEYS: u8 = 21;
/// Bytes a server says of a refused connection beyond its key exchange: up to six refusals (OpenSSH's
/// MaxAuthTries) of at most 100 bytes, a banner and the end.
const REFUSED_MAX: u64 = 1700;
/// OpenSSH's MaxAuthTries.
const ATTEMPTS_MAX: u32 = 6;
const SAID_MAX: usize = 12;
const WISHED_MAX: usize = 3;

/// See above.
#[derive(Debug, Default)]
pub struct Ssh {
    /// Packets after NEWKEYS, of client and server, and their bytes.
    keyed: [bool; 2],
    banner: [bool; 2],
    bytes: [u64; 2],
    messages: u32,
    /// Lengths of what the server said first, and of what the client did.
    said: Vec<usize>,
    wished: Vec<usize>,
    /// Of the answer to the wish for a login; and whether something shorter followed.
    granted: Option<usize>,
    let_in: bool,
    ended: bool,
}

impl Ssh {
    pub fn hear(&mut self, by_client: bool, unread: &mut Vec<u8>, _out: &mut Vec<What>) {
        let side = usize::from(!by_client);
        let (Some(banner), Some(keyed), Some(bytes)) =
            (self.banner.get_mut(side), self.keyed.get_mut(side), self.bytes.get_mut(side))
        else {
            return;
        };
        if !*banner {
            let Some(end) = unread.iter().position(|byte| *byte == b'\n') else { return };
            *banner = unread.starts_with(b"SSH-");
            unread.drain(..=end);
        }
        while !*keyed && *banner {
            let [Some(a), Some(b), Some(c), Some(d), Some(kind)] = [0, 1, 2, 3, 5].map(|at| unread.get(at).copied())
            else {
                return;
            };
            let len = u32::from_be_bytes([a, b, c, d]) as usize + 4;
            if unread.len() < len || len > 40_000 {
                return;
            }
            *keyed = kind == NEWKEYS;
            unread.drain(..len);
        }
        if *keyed && !unread.is_empty() {
            *bytes += unread.len() as u64;
            self.messages += u32::from(by_client);
            let len = unread.len();
            if by_client && self.wished.len() < WISHED_MAX {
                self.wished.push(len);
            }
            if !by_client {
                match self.granted {
                    Some(granted) => self.let_in |= len < granted && self.said.len() < SAID_MAX,
                    None => self.granted = Some(len).filter(|len| self.wished.contains(len)),
                }
                if self.said.len() < SAID_MAX {
                    self.said.push(len);
                }
            }
            unread.clear();
        }
    }

    pub fn end(&mut self, talk: &Talkers, out: &mut Vec<What>) {
        let [_, server] = self.bytes;
        if std::mem::replace(&mut self.ended, true) || self.keyed != [true; 2] || talk.packets == [0; 2] {
            return;
        }
        // The service request and the first "none" are no guesses; without either it was no login.
        if self.messages < 2 {
            return;
        }
        let ok = self.let_in || server > REFUSED_MAX;
        // Refusals are all of one length; the first one answers "none". Some clients ask for the service before each try,
        // whose answers lie in between and are of one length as well.
        let alike = |len: &usize| self.said.iter().filter(|other| *other == len).count();
        let refusals = self.said.iter().map(alike).max().and_then(|most| u32::try_from(most).ok()).unwrap_or_default();
        let tries = if ok { 1 } else { refusals.saturating_sub(1).clamp(1, ATTEMPTS_MAX) };
        for _ in 0..tries {
            out.push(What::Login(Login { service: "ssh", user: String::new(), tag: 0, is_proof: false, ok }));
        }
    }
}
