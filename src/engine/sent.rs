//! # What this host says itself
//!
//! A card hears what comes to its host; what the host answers is needed too to tell a login that was refused from one
//! that worked. What it begins itself, its scans foremost, is nobody's news, and says nothing of who is here.

use crate::{
    model::{Captured, Change, Moment},
    wire::Frame,
};

use super::Engine;

impl Engine {
    /// Whether a frame that this host sent belongs to a conversation that another began.
    #[must_use]
    pub fn is_answer(&self, sent: &Captured<'_>) -> bool {
        self.traffic.is_answer(&Frame::decode(sent.link, sent.bytes))
    }

    /// One frame of it.
    pub(super) fn sent(&mut self, captured: &Captured<'_>, frame: &Frame<'_>, now: Moment, out: &mut Vec<Change>) {
        if !self.traffic.is_answer(frame) {
            return;
        }
        let mut noticed = std::mem::take(&mut self.noticed);
        self.traffic.take(captured, frame, now, &mut noticed);
        self.notice(noticed, now, out);
    }
}
