//! # What one side says while the other keeps silent
//!
//! Detectors read words one piece at a time, and whoever cuts them would pass. So the pieces are put together, and told
//! besides as a whole. Each conversation holds one turn, at most [`JOINED_MAX`] bytes.

use super::fact::What;

/// Of what each side says first, so much is put together: greetings, requests and calls end before. A greeting of TLS with a
/// key that withstands quantum computers is 1.7 KiB (draft-ietf-tls-ecdhe-mlkem), two segments.
const JOINED_MAX: usize = 2 * 1024;

/// What one side says while the other keeps silent.
#[derive(Debug)]
pub struct Turn {
    by_client: bool,
    from: u32,
    bytes: Vec<u8>,
    /// So much of it was told at once.
    told: usize,
}

impl Turn {
    const fn fits(from: u32, len: usize) -> bool {
        from as usize + len <= JOINED_MAX
    }

    /// Bytes that it holds.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Tells what was not told as a whole.
    pub fn tell(&mut self, whats: &mut Vec<What>) {
        if self.bytes.len() > self.told {
            self.told = self.bytes.len();
            let Turn { by_client, from, .. } = *self;
            whats.push(What::Joined { by_client, from, bytes: self.bytes.clone() });
        }
    }
}

/// `said` is told, and what it is a part of.
pub fn say(now: &mut Option<Box<Turn>>, (by_client, from): (bool, u32), said: &[u8], whats: &mut Vec<What>) {
    let fits = Turn::fits(from, said.len());
    if let Some(turn) = now.as_mut().filter(|turn| turn.by_client != by_client || !fits) {
        turn.tell(whats);
    }
    whats.push(What::Said { by_client, from, bytes: said.to_vec() });
    match now {
        turn if !fits => *turn = None,
        Some(turn) if turn.by_client == by_client => {
            turn.bytes.extend_from_slice(said);
            // Not each byte of who sends one at a time.
            if turn.bytes.len() >= turn.told + turn.told / 4 {
                turn.tell(whats);
            }
        }
        Some(turn) => {
            turn.bytes.clear();
            turn.bytes.extend_from_slice(said);
            (turn.by_client, turn.from, turn.told) = (by_client, from, said.len());
        }
        turn @ None => *turn = Some(Box::new(Turn { by_client, from, bytes: said.to_vec(), told: said.len() })),
    }
}
