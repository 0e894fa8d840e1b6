//! # Connections that are made and not needed
//!
//! Each is completed, so nothing of them is half-open: one client holds far more of one service than any program needs,
//! or makes them faster than anybody reads what comes back.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::window::{Subjects, Weigh, Window},
    model::{Mono, Port},
    traffic::{Talkers, owner},
};

const PAIRS_MAX: usize = 1024;
const SPAN_S: u64 = 10;
/// Browsers hold six of one server (RFC 9112 §9.4 and their sources), pools of databases some tens; servers for all have room
/// for 150 (Apache 2.4, MaxRequestWorkers of its smallest installations).
pub const HELD_MIN: u32 = 150;
/// In ten seconds. Who loads a site anew for each page makes some tens.
pub const MADE_MIN: u32 = 1000;

#[derive(Debug, Clone)]
struct Held {
    made: Window,
    open: u32,
    /// When what is open was halved last: not every end is heard.
    halved: Mono,
}

impl Weigh for Held {
    fn weight(&self, now: Mono, _span: Duration) -> u32 {
        self.open.max(self.made.sum(now, SPAN_S) / 8)
    }
}

/// By client and service.
pub struct Connections(Subjects<(IpAddr, IpAddr, Port), Held>);

impl Default for Connections {
    fn default() -> Self {
        Connections(Subjects::new(PAIRS_MAX, Duration::from_secs(SPAN_S), HELD_MIN / 2))
    }
}

impl Connections {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One more is completed: how many are open now, and how many were made in ten seconds.
    pub fn made(&mut self, talk: &Talkers, now: Mono) -> (u32, u32) {
        let key = (talk.client.ip, talk.server.ip, talk.server.port);
        let fresh = |_| Held { made: Window::default(), open: 0, halved: now };
        let Some(held) = self.0.of(key, talk.client.mac.map_or(0, owner), now, fresh) else { return (0, 0) };
        held.made.add(now, 1);
        let minutes = now.since(held.halved).as_secs() / 60;
        if minutes > 0 {
            held.open = held.open.checked_shr(u32::try_from(minutes).unwrap_or(u32::MAX)).unwrap_or(0);
            held.halved = now;
        }
        held.open = held.open.saturating_add(1);
        (held.open, held.made.sum(now, SPAN_S))
    }

    /// One ended.
    pub fn ended(&mut self, talk: &Talkers, now: Mono) {
        if let Some(held) = self.0.get_mut(&(talk.client.ip, talk.server.ip, talk.server.port), now) {
            held.open = held.open.saturating_sub(1);
        }
    }
}
