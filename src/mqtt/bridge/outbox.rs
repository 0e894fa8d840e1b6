//! # What still has to be sent
//!
//! The newest list of differences, in its order; a newer list replaces it. A topic speaks at most
//! once in 200 ms, but for what people wait for: trackers and discovery.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use crate::mqtt::{Publish, client::SendError};

/// A topic's rest between two messages.
pub(super) const REST: Duration = Duration::from_millis(200);
/// After Home Assistant's birth: 20 messages a second, it has enough to do.
const PACE: Duration = Duration::from_millis(50);
// Answers and events that found no room yet.
const SAY_MAX: usize = 256;
// Times of topics are forgotten after their rest; this many at once means none is worth keeping.
const SENT_MAX: usize = 4_096;

#[derive(Default)]
pub(super) struct Outbox {
    list: VecDeque<Publish>,
    /// Not retained: answers and events, oldest first.
    say: VecDeque<Publish>,
    sent: BTreeMap<String, Instant>,
    /// Set until the list was empty once: everything at once, in order.
    is_first: bool,
    /// More follows once this list was sent.
    more: bool,
    paced: bool,
    pace_due: Option<Instant>,
}

/// What became of one message.
pub(super) enum Sent {
    Yes(Publish),
    /// It can never go; not to be tried again.
    Never(Publish, SendError),
}

impl Outbox {
    /// The differences as of now; unless `is_last`, more follow.
    pub(super) fn replace(&mut self, list: Vec<Publish>, is_last: bool) {
        self.list = list.into();
        self.more = !is_last;
        self.rest_if_done();
    }

    /// All that was known was sent, and it was not the last.
    pub(super) fn wants_more(&self) -> bool {
        self.more && self.list.is_empty()
    }

    fn rest_if_done(&mut self) {
        if self.list.is_empty() && !self.more {
            self.is_first = false;
            self.paced = false;
        }
    }

    /// A whole home follows.
    pub(super) fn begin(&mut self, paced: bool) {
        self.is_first = !paced;
        self.paced = paced;
        self.pace_due = None;
    }

    /// The connection is gone and with it what was to be said on it.
    pub(super) fn clear(&mut self) {
        *self = Outbox::default();
    }

    /// `false`: no room, dropped.
    pub(super) fn say(&mut self, message: Publish) -> bool {
        let has_room = self.say.len() < SAY_MAX;
        if has_room {
            self.say.push_back(message);
        }
        has_room
    }

    pub(super) fn len(&self) -> usize {
        self.list.len() + self.say.len()
    }

    /// Sends what may go now; returns what became of it.
    pub(super) fn send(
        &mut self,
        now: Instant,
        is_quick: impl Fn(&str) -> bool,
        mut try_send: impl FnMut(&Publish) -> Result<(), SendError>,
    ) -> Vec<Sent> {
        let mut done = Vec::new();
        while let Some(message) = self.say.front() {
            match try_send(message) {
                Err(SendError::Full | SendError::Away) => return done,
                Ok(()) => {}
                Err(error) => tracing::warn!(topic = %message.topic, %error, "message cannot be sent"),
            }
            self.say.pop_front();
        }
        self.sent.retain(|_, at| now.duration_since(*at) < REST);
        if self.sent.len() > SENT_MAX {
            self.sent.clear();
        }
        let mut kept = VecDeque::new();
        while let Some(message) = self.list.pop_front() {
            let quick = self.is_first || is_quick(&message.topic);
            let resting = !quick && self.sent.contains_key(&message.topic);
            let early = self.paced && !quick && self.pace_due.is_some_and(|due| now < due);
            if resting || early {
                kept.push_back(message);
                continue;
            }
            match try_send(&message) {
                Ok(()) => {
                    self.sent.insert(message.topic.clone(), now);
                    if self.paced && !quick {
                        self.pace_due = Some(now + PACE);
                    }
                    done.push(Sent::Yes(message));
                }
                Err(SendError::Full | SendError::Away) => {
                    kept.push_back(message);
                    break;
                }
                Err(error) => done.push(Sent::Never(message, error)),
            }
        }
        kept.append(&mut self.list);
        self.list = kept;
        self.rest_if_done();
        done
    }

    /// When [`Outbox::send`] may do more. Room in the queue is told by the link.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        let first = self.list.front()?;
        let rest = self.sent.get(&first.topic).map(|at| *at + REST);
        let pace = self.pace_due.filter(|_| self.paced);
        Some(rest.into_iter().chain(pace).max().unwrap_or(now + REST).max(now + Duration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, payload: &str) -> Publish {
        Publish {
            topic: topic.into(),
            payload: payload.into(),
            retain: true,
            qos: 1,
            expiry_s: None,
            correlation: None,
        }
    }

    fn sent(outbox: &mut Outbox, now: Instant, room: usize) -> Vec<String> {
        let mut left = room;
        let done = outbox.send(
            now,
            |topic| topic.ends_with("/presence"),
            |_| {
                left = left.checked_sub(1).ok_or(SendError::Full)?;
                Ok(())
            },
        );
        done.into_iter().filter_map(|sent| if let Sent::Yes(m) = sent { Some(m.topic) } else { None }).collect()
    }

    #[test]
    fn a_topic_rests_but_presence_does_not() {
        let (mut outbox, start) = (Outbox::default(), Instant::now());
        let both = || vec![message("a/state", "1"), message("a/presence", "1")];
        outbox.replace(both(), true);
        assert_eq!(sent(&mut outbox, start, 9), ["a/state", "a/presence"]);
        outbox.replace(both(), true);
        assert_eq!(sent(&mut outbox, start + Duration::from_millis(50), 9), ["a/presence"]);
        assert!(outbox.next_due(start).is_some_and(|due| due <= start + REST));
        assert_eq!(sent(&mut outbox, start + REST, 9), ["a/state"]);
        assert_eq!(outbox.len(), 0);
    }

    #[test]
    fn the_first_list_goes_in_order_whatever_room_there_is() {
        let (mut outbox, start) = (Outbox::default(), Instant::now());
        outbox.begin(false);
        outbox.replace((0..10).map(|n| message(&format!("t/{n}"), "x")).collect(), true);
        let mut all = sent(&mut outbox, start, 3);
        assert_eq!(all.len(), 3);
        all.extend(sent(&mut outbox, start, 100));
        assert_eq!(all, (0..10).map(|n| format!("t/{n}")).collect::<Vec<_>>());
    }

    #[test]
    fn what_follows_goes_as_the_first_list_does() {
        let (mut outbox, start) = (Outbox::default(), Instant::now());
        outbox.begin(false);
        for (wave, is_last) in [("1", false), ("2", false), ("3", true)] {
            outbox.replace(vec![message("a/state", wave)], is_last);
            assert_eq!(sent(&mut outbox, start, 9), ["a/state"], "no rest in wave {wave}");
            assert_eq!(outbox.wants_more(), !is_last);
        }
        outbox.replace(vec![message("a/state", "4")], true);
        assert_eq!(sent(&mut outbox, start, 9), Vec::<String>::new(), "the home stands: topics rest");
    }

    #[test]
    fn after_a_birth_twenty_a_second() {
        let (mut outbox, start) = (Outbox::default(), Instant::now());
        outbox.begin(true);
        outbox.replace((0..100).map(|n| message(&format!("t/{n}"), "x")).collect(), true);
        let count: usize = (0..1_000).map(|ms| sent(&mut outbox, start + Duration::from_millis(ms), 100).len()).sum();
        assert_eq!(count, 20);
    }

    #[test]
    fn answers_have_a_cap() {
        let mut outbox = Outbox::default();
        let taken = (0..1_000).filter(|_| outbox.say(message("r", ""))).count();
        assert_eq!(taken, SAY_MAX);
    }
}
