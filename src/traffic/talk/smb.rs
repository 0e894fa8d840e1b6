//! # SMB and DCE/RPC
//!
//! Session setups that are refused, and what administrators and those who play one open: the shares `ADMIN$` and
//! `C$`, programs that are written there, and the pipes by which programs are started on another machine. MS-SMB2 §2.2,
//! MS-CIFS §2.2.4. What is called through a pipe is read by [`super::rpc`].

use super::{
    rpc::Calls,
    secrets::{hashed, masked, tag},
};
use crate::{
    model::find,
    traffic::fact::{Login, What},
};

/// Looked at of one message.
const LOOKED_AT: usize = 2048;
const LOGON_FAILURE: [u8; 4] = 0xc000_006d_u32.to_le_bytes();
const LOCKED_OUT: [u8; 4] = 0xc000_0234_u32.to_le_bytes();
const ACCESS_DENIED: [u8; 4] = 0xc000_0022_u32.to_le_bytes();

/// Of what was heard, so that what lies across two segments is seen.
const KEPT: usize = 47;
/// Shares that only administrators may open.
const HIDDEN: [&str; 2] = ["ADMIN$", "C$"];
/// Endings of programs.
const PROGRAMS: [&str; 8] = [".exe", ".dll", ".bat", ".cmd", ".ps1", ".vbs", ".scr", ".sys"];
/// `FILE_OPEN` (MS-SMB2 §2.2.13): what is there is opened; all others make or replace.
const OPEN_ONLY: u8 = 1;

/// A message of SMB behind its length (RFC 1002 §4.3.1; MS-SMB2 §2.1).
pub fn is_smb(bytes: &[u8]) -> bool {
    matches!(bytes, [0, _, _, _, 0xff | 0xfe, b'S', b'M', b'B', ..] | [0x81, 0, ..])
}

/// Where the next message begins, counted from the fifth byte on.
fn next_begin(unread: &[u8]) -> Option<usize> {
    let names = memchr::memmem::find_iter(unread.get(6..)?, b"SMB").map(|at| at + 5);
    names.into_iter().find(|at| matches!(unread.get(*at), Some(0xff | 0xfe))).map(|at| at - 5)
}

/// Has `word` as text of two bytes a letter or of one, any case.
fn names(bytes: &[u8], word: &str) -> bool {
    let wide: Vec<u8> = word.bytes().flat_map(|byte| [byte, 0]).collect();
    bytes.windows(wide.len()).any(|at| at.eq_ignore_ascii_case(&wide))
        || bytes.windows(word.len()).any(|at| at.eq_ignore_ascii_case(word.as_bytes()))
}

fn tell(name: &'static str, told: &mut Vec<&'static str>, out: &mut Vec<What>) {
    if !told.contains(&name) {
        told.push(name);
        out.push(What::Admin(name));
    }
}

/// The user that an answer to a challenge names, its low bytes, and the answer (MS-NLMP §2.2.1.3: AUTHENTICATE, answer at
/// 20, user at 36).
pub fn authenticate(message: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let at = find(message, b"NTLMSSP\0\x03\0\0\0")?;
    let ntlm = message.get(at..)?;
    let number = |at: usize| Some(usize::from(u16::from_le_bytes([*ntlm.get(at)?, *ntlm.get(at + 1)?])));
    let field = |at: usize| -> Option<&[u8]> {
        let (len, from) = (number(at)?, number(at + 4)?);
        ntlm.get(from..from.checked_add(len.min(128))?)
    };
    let wide = field(36)?;
    Some((wide.iter().step_by(2).copied().collect(), field(20).unwrap_or_default().to_vec()))
}

fn refused(user: &[u8]) -> What {
    What::Login(Login { service: "smb", user: masked(user), tag: 0, is_proof: false, ok: false })
}

/// See above.
#[derive(Debug, Default)]
pub struct Smb {
    /// Who asks to be let in.
    user: Vec<u8>,
    skip: [usize; 2],
    told: Vec<&'static str>,
    calls: Calls,
    /// Let in as a guest, and opened nothing yet: a share is no more than a door.
    idles: bool,
}

impl Smb {
    /// The connection ended. Who is let in as a guest under a name and opens nothing wanted to know whether the
    /// password is right.
    pub fn end(&mut self, out: &mut Vec<What>) {
        if std::mem::take(&mut self.idles) {
            out.push(refused(&self.user));
        }
    }

    pub fn hear(&mut self, by_client: bool, unread: &mut Vec<u8>, seed: u64, out: &mut Vec<What>) {
        let side = usize::from(!by_client);
        loop {
            let Some(skip) = self.skip.get_mut(side) else { return };
            let passed = (*skip).min(unread.len());
            unread.drain(..passed);
            *skip -= passed;
            let [kind, a, b, c, ..] = unread.as_slice() else { return };
            let len = usize::from(*a & 1) << 16 | usize::from(*b) << 8 | usize::from(*c);
            let len = if *a > 1 { usize::from(*a) << 16 | len & 0xffff } else { len };
            // Lost in the stream: find the next beginning.
            if *kind == 0 && len > 4 && unread.len() >= 8 && !is_smb(unread) {
                match next_begin(unread) {
                    Some(at) => drop(unread.drain(..=at)),
                    None => {
                        let keep = unread.len().saturating_sub(8);
                        unread.drain(..keep.max(1));
                        return;
                    }
                }
                continue;
            }
            let wanted = len.min(LOOKED_AT);
            let Some(message) = unread.get(4..4 + wanted) else { return };
            let message = message.to_vec();
            self.message(by_client, &message, seed, out);
            unread.drain(..4 + wanted);
            if let Some(skip) = self.skip.get_mut(side) {
                *skip = len - wanted;
            }
        }
    }

    fn message(&mut self, by_client: bool, message: &[u8], seed: u64, out: &mut Vec<What>) {
        let (command, status, setup, tree) = match message {
            [0xff, b'S', b'M', b'B', command, s0, s1, s2, s3, ..] => {
                (u16::from(*command), [*s0, *s1, *s2, *s3], 0x73, 0x75)
            }
            [0xfe, b'S', b'M', b'B', _, _, _, _, s0, s1, s2, s3, c0, c1, ..] => {
                (u16::from_le_bytes([*c0, *c1]), [*s0, *s1, *s2, *s3], 1, 3)
            }
            _ => return,
        };
        if !by_client {
            if command == setup && [LOGON_FAILURE, LOCKED_OUT, ACCESS_DENIED].contains(&status) {
                out.push(refused(&self.user));
            }
            if command == setup && status == [0; 4] {
                // Let in as somebody else, a guest: the name or its password was not right. MS-SMB2 §2.2.6,
                // SessionFlags; MS-CIFS §2.2.4.53.2, Action. Time and again it is one thing, no guess more.
                let flags = if setup == 1 { message.get(66) } else { message.get(37) };
                let guest = !self.user.is_empty() && flags.is_some_and(|flags| flags & 1 != 0);
                let tag = if guest { tag(b"let in as a guest", seed) } else { 0 };
                self.idles = guest;
                let user = masked(&self.user);
                out.push(What::Login(Login { service: "smb", user, tag, is_proof: guest, ok: !guest }));
            }
            return;
        }
        if command == setup
            && let Some((user, answer)) = authenticate(message)
        {
            if !user.is_empty() && !answer.is_empty() {
                out.push(hashed("smb_ntlm", &user, &answer, seed));
            }
            self.user = user;
        }
        // Files, folders and pipes are opened, and searched: MS-SMB2 §2.2.13; MS-CIFS §2.2.4.
        let opens: &[u16] = if setup == 1 { &[5] } else { &[0x02, 0x25, 0x2d, 0x32, 0xa2] };
        self.idles &= !opens.contains(&command);
        if command == tree {
            for (word, name) in [("ADMIN$", HIDDEN[0]), ("\\C$", HIDDEN[1])] {
                if names(message, word) {
                    tell(name, &mut self.told, out);
                }
            }
        }
        // NT_CREATE_ANDX of MS-CIFS, CREATE of MS-SMB2.
        if command == 0xa2 && setup == 0x73 || command == 5 && setup == 1 {
            for word in ["svcctl", "atsvc", "winreg", "PSEXESVC"] {
                if names(message, word) {
                    tell(word, &mut self.told, out);
                }
            }
            // Where the words of MS-SMB2 §2.2.13 and MS-CIFS §2.2.4.64.1 say what is to be done with it.
            let done = if setup == 1 { message.get(64 + 36) } else { message.get(33 + 35) };
            let is_hidden = self.told.iter().any(|name| HIDDEN.contains(name));
            let is_program = || PROGRAMS.iter().any(|end| names(message, end));
            if is_hidden && done.is_some_and(|done| *done != OPEN_ONLY) && is_program() {
                tell("program, written", &mut self.told, out);
            }
        }
        let told = &mut self.told;
        self.calls.hear(message, &mut |name| tell(name, told, out));
    }
}

/// DCE/RPC without SMB.
#[derive(Debug, Default)]
pub struct Rpc {
    told: Vec<&'static str>,
    calls: Calls,
}

impl Rpc {
    pub fn hear(&mut self, by_client: bool, unread: &mut Vec<u8>, out: &mut Vec<What>) {
        if by_client {
            let (told, bytes) = (&mut self.told, unread.get(..LOOKED_AT.min(unread.len())).unwrap_or_default());
            self.calls.hear(bytes, &mut |name| tell(name, told, out));
        }
        // A message or an id may lie across two segments.
        let keep = unread.len().saturating_sub(KEPT);
        unread.drain(..keep);
    }
}
