//! # Requests on their way
//!
//! Each gets one answer: from the core, or `internal` when the core kept silent too long.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::{
    model::{Capped, Ticket},
    mqtt::commands::Reply,
};

/// The contract: an answer within 10 s. A little earlier, so that it also arrives within them.
const ANSWER_MAX: Duration = Duration::from_millis(9_500);
/// More than so many commands a second on one topic are not somebody's finger.
const COMMANDS_PER_S: u32 = 20;
const WAITING_MAX: usize = 256;
// Everybody on the broker may invent topics below ours.
const TOPICS_MAX: usize = 512;
// Other outlets count their tickets from zero.
const FIRST_TICKET: u64 = 1 << 62;

pub(super) struct Asks {
    next: u64,
    waiting: BTreeMap<Ticket, (Reply, Instant)>,
    rates: Capped<String, (Instant, u32)>,
}

impl Asks {
    pub(super) fn new() -> Asks {
        Asks { next: FIRST_TICKET, waiting: BTreeMap::new(), rates: Capped::new(TOPICS_MAX) }
    }

    /// Whether one more command on `topic` may pass now.
    pub(super) fn allows(&mut self, topic: &str, now: Instant) -> bool {
        let key = topic.to_owned();
        if let Some((began, count)) = self.rates.get_mut(&key) {
            if now.duration_since(*began) >= Duration::from_secs(1) {
                (*began, *count) = (now, 0);
            }
            *count = count.saturating_add(1);
            return *count <= COMMANDS_PER_S;
        }
        self.rates.insert(key, (now, 1));
        true
    }

    /// A ticket nobody answers to.
    pub(super) fn ticket(&mut self) -> Ticket {
        self.next += 1;
        Ticket(self.next)
    }

    /// Whether another may wait.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < WAITING_MAX
    }

    pub(super) fn wait(&mut self, ticket: Ticket, reply: Reply, now: Instant) {
        self.waiting.insert(ticket, (reply, now + ANSWER_MAX));
    }

    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Reply> {
        self.waiting.remove(&ticket).map(|(reply, _)| reply)
    }

    /// Those the core kept waiting too long.
    pub(super) fn expired(&mut self, now: Instant) -> Vec<Reply> {
        let due: Vec<Ticket> =
            self.waiting.iter().filter(|(_, (_, due))| *due <= now).map(|(ticket, _)| *ticket).collect();
        due.into_iter().filter_map(|ticket| self.take(ticket)).collect()
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.waiting.values().map(|(_, due)| *due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_commands_a_second_pass() {
        let (mut asks, start) = (Asks::new(), Instant::now());
        let passed = |asks: &mut Asks, at| (0..50).filter(|_| asks.allows("a/do", at)).count();
        assert_eq!(passed(&mut asks, start), 20);
        assert!(asks.allows("b/do", start), "another topic is another finger");
        assert_eq!(passed(&mut asks, start + Duration::from_secs(1)), 20);
        for n in 0..5_000 {
            asks.allows(&format!("x/{n}"), start);
        }
        assert!(asks.rates.len() <= TOPICS_MAX);
    }

    #[test]
    fn each_request_is_answered_once() {
        let (mut asks, start) = (Asks::new(), Instant::now());
        let reply = |topic: &str| Reply {
            topic: topic.into(),
            correlation: None,
            id: None,
            is_request: true,
            asked_on: String::new(),
            data: serde_json::Value::Null,
        };
        let (a, b) = (asks.ticket(), asks.ticket());
        asks.wait(a, reply("a"), start);
        asks.wait(b, reply("b"), start);
        assert_eq!(asks.take(a).map(|r| r.topic), Some("a".into()));
        assert_eq!(asks.take(a), None);
        assert_eq!(asks.expired(start + Duration::from_secs(9)), []);
        assert_eq!(asks.expired(start + Duration::from_secs(10)).len(), 1);
        assert_eq!(asks.take(b), None, "too late");
        assert_eq!(asks.next_due(), None);
    }
}
