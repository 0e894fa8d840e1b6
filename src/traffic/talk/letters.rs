//! # Who has a letterbox here
//!
//! A server of mail can be asked for names (RFC 5321 §3.5: `VRFY`, `EXPN`), which mail programs never do. It also says of
//! each recipient whether there is one: who only wants to know that names recipients and sends no letter. A letter to
//! twenty people of whom three have moved away is none of this.

use std::collections::VecDeque;

use super::secrets::{masked, tag};
use crate::traffic::fact::{Login, NAMES, What};

/// Commands that may be on their way at once (RFC 2920 sets no limit; mail programs send some tens).
const ASKED_MAX: usize = 64;
/// Of one letter.
const REFUSED_MAX: usize = 32;

/// See above.
#[derive(Debug, Default)]
pub struct Letters {
    /// Commands not answered yet; a recipient with its name.
    asked: VecDeque<Option<(String, u64)>>,
    /// Recipients there are none of, until it is clear whether a letter follows: masked, with their tags.
    refused: Vec<(String, u64)>,
    /// Lines are the letter's, until one with only a dot.
    is_letter: bool,
}

impl Letters {
    /// A line of the client. Whether it is the letter's, and so no command.
    pub fn command(&mut self, line: &[u8], seed: u64, out: &mut Vec<What>) -> bool {
        if self.is_letter {
            self.is_letter = line != b".";
            return true;
        }
        let is = |word: &str| line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()));
        let name = line.get(5..).unwrap_or_default();
        if is("VRFY ") || is("EXPN ") {
            out.push(asked(named(name, seed)));
        } else if is("DATA") || is("BDAT ") {
            self.refused.clear();
        } else if is("MAIL ") || is("RSET") || is("QUIT") {
            self.end(out);
        }
        if self.asked.len() < ASKED_MAX {
            let whom = name.get(3..).unwrap_or_default().trim_ascii_start();
            let whom = whom.strip_prefix(b"<").unwrap_or(whom);
            self.asked.push_back(is("RCPT TO:").then(|| named(whom, seed)));
        }
        false
    }

    /// No letter followed.
    pub fn end(&mut self, out: &mut Vec<What>) {
        out.extend(self.refused.drain(..).map(asked));
    }

    /// A line of the server; all but the last of several have a dash behind the number (RFC 5321 §4.2.1).
    pub fn answer(&mut self, line: &[u8]) {
        // The greeting, which answers nothing.
        if line.starts_with(b"220") {
            return;
        }
        let is_last =
            line.get(..3).is_some_and(|code| code.iter().all(u8::is_ascii_digit)) && line.get(3) != Some(&b'-');
        let Some(asked) = is_last.then(|| self.asked.pop_front()).flatten() else { return };
        self.is_letter = line.starts_with(b"354");
        // No such letterbox, or none of this house (§4.2.3).
        let is_refused = ["550", "551", "553", "554"].iter().any(|code| line.starts_with(code.as_bytes()));
        if let Some(name) = asked.filter(|_| is_refused && self.refused.len() < REFUSED_MAX) {
            self.refused.push(name);
        }
    }
}

/// A name, masked, and a tag that is none of a secret.
pub fn named(name: &[u8], seed: u64) -> (String, u64) {
    (masked(name), tag(&[b"name:", name].concat(), seed))
}

pub fn asked((user, tag): (String, u64)) -> What {
    What::Login(Login { service: NAMES, user, tag, is_proof: false, ok: false })
}
