//! # Farewells
//!
//! What Home Assistant may have kept of devices and entities that went while it was down is called
//! up once after its birth, and taken back two seconds later.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{Bridge, Told};
use crate::{
    model::DeviceId,
    mqtt::{
        Publish,
        reconcile::{ghosts, leaves_ghost},
    },
};

// Home Assistant has set the entities up by then.
const BETWEEN: Duration = Duration::from_secs(2);

/// Those on their way.
#[derive(Default)]
pub(super) struct Farewells {
    /// To be taken back, and when; in that order.
    later: VecDeque<(Instant, Publish)>,
    /// Paid when the last is taken back.
    paying: BTreeSet<DeviceId>,
}

impl Farewells {
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.later.front().map(|(at, _)| *at)
    }
}

impl Bridge {
    /// Home Assistant would hear us now.
    fn is_heard(&self) -> bool {
        self.ha_born || self.parts.site.ha.connected
    }

    /// To be called before `message` counts as published.
    pub(super) fn note_ghost(&mut self, message: &Publish) {
        if !self.is_heard()
            && let Some(id) = leaves_ghost(message, &self.published, &self.parts.site)
            && self.memo.owe(id, (self.parts.now)().wall)
        {
            self.tell_memo();
        }
    }

    /// After a birth, when it is known what the broker holds.
    pub(super) fn begin_farewells(&mut self, now: Instant) {
        let view = Arc::clone(&self.parts.view.borrow());
        if view.revision == 0 || !self.farewells.later.is_empty() {
            return;
        }
        let owed = self.memo.owed((self.parts.now)().wall);
        for (call, take_back) in ghosts(&view, &self.parts.site, &self.published, &owed) {
            tracing::debug!(topic = %call.topic, "a farewell to what Home Assistant may have kept");
            self.say(call);
            self.farewells.later.push_back((now + BETWEEN, take_back));
        }
        self.farewells.paying = owed;
        self.end_farewells(now);
    }

    /// Takes back what is due.
    pub(super) fn end_farewells(&mut self, now: Instant) {
        while let Some((_, message)) = self.farewells.later.pop_front_if(|(at, _)| *at <= now) {
            // It may have been announced anew meanwhile.
            if self.published.at(&message.topic).unwrap_or_default() == message.payload {
                if message.payload.is_empty() {
                    self.hides.cleared(&message.topic, now);
                }
                self.say(message);
            }
        }
        if self.farewells.later.is_empty() && !self.farewells.paying.is_empty() {
            self.memo.paid(&std::mem::take(&mut self.farewells.paying));
            self.tell_memo();
        }
    }

    pub(super) fn tell_memo(&self) {
        (self.parts.tell)(Told::Memo(self.memo.text()));
    }
}
