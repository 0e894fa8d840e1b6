//! # Farewells
//!
//! What Home Assistant may have kept of devices and entities that went while it was down is called
//! up once after its birth, and taken back two seconds later.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
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
        topics::{Thing, Topics},
    },
};

// Home Assistant has set the entities up by then.
const BETWEEN: Duration = Duration::from_secs(2);

// Home Assistant hears discovery and states in order, but takes its time to leave a topic. What it
// still reads must not become empty: each of its templates would complain.
const LETTING_GO: Duration = Duration::from_secs(2);
const GOING_MAX: usize = 4_096;

/// Those on their way.
#[derive(Default)]
pub(super) struct Farewells {
    /// Devices whose discovery was sent just now, with or without something in it.
    going: BTreeMap<DeviceId, Instant>,
    /// When everything stood at our seat.
    stood: Option<Instant>,
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
            if self.published.at(&message.topic).unwrap_or_default().as_ref() == message.payload {
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

    /// Takes from `list` what would empty a topic that Home Assistant still reads, and adds what is
    /// left of former seats once it reads the present one.
    pub(super) fn let_go(&mut self, list: &mut Vec<Publish>, now: Instant) {
        let topics = Topics::new(&self.parts.site);
        self.farewells.going.retain(|_, at| now.duration_since(*at) < LETTING_GO);
        let told = list.iter().filter_map(|message| topics.config_of(&message.topic));
        let mut going: BTreeSet<Thing> = told.collect();
        going.extend(self.farewells.going.keys().map(|id| Thing::Device(*id)));
        let before = list.len();
        list.retain(|message| {
            let kept = topics.kept(&message.topic).filter(|_| message.payload.is_empty());
            kept.is_none_or(|(thing, _)| !going.contains(&thing))
        });
        let last = self.farewells.going.values().max().copied().unwrap_or(now);
        let mut again = (list.len() < before).then_some(last + LETTING_GO);
        match self.farewells.stood.map(|at| at + LETTING_GO) {
            Some(from) if from <= now => list.extend(self.leftovers.iter().cloned()),
            from => again = [again, from.filter(|_| !self.leftovers.is_empty())].into_iter().flatten().min(),
        }
        self.due = [self.due, again].into_iter().flatten().min();
    }

    /// `message` went out.
    pub(super) fn note_going(&mut self, message: &Publish, now: Instant) {
        let thing = Topics::new(&self.parts.site).config_of(&message.topic);
        if let Some(Thing::Device(id)) = thing
            && self.farewells.going.len() < GOING_MAX
        {
            self.farewells.going.insert(id, now);
        }
        self.leftovers.retain(|left| left.topic != message.topic);
    }

    /// All that was to be sent was sent.
    pub(super) fn note_standing(&mut self, now: Instant) {
        if self.farewells.stood.is_none() {
            self.farewells.stood = Some(now);
            if !self.leftovers.is_empty() {
                self.compare_at(now + LETTING_GO);
            }
        }
    }

    pub(super) fn tell_memo(&self) {
        (self.parts.tell)(Told::Memo(self.memo.text()));
    }
}
