//! # Doors of one searcher at all hosts of the home
//!
//! Of one host few may be in vain, and of one door `host_sweep` tells.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use crate::{
    detectors::window::{Recent, Subjects, Weigh},
    model::{MacAddr, Mono, Port},
    traffic::{Talkers, owner},
};

use super::{ALARM, FLOOR, STEP};

const SPREAD_MAX: usize = 1024;
/// So many doors in vain within ten minutes, at so many hosts, of so many kinds.
pub const SPREAD_MIN: u32 = 14;
const SPREAD_HOSTS: usize = 4;
const SPREAD_PORTS: usize = 4;
const SPREAD_SPAN: Duration = Duration::from_secs(600);

#[derive(Debug, Clone)]
struct Spread {
    tried: Recent<(IpAddr, Port)>,
    failed: Recent<(IpAddr, Port)>,
    /// Doors that opened, and to which it spoke.
    spoken: Recent<(IpAddr, Port)>,
    /// In steps of failure, as a pair has it.
    score: f32,
}

impl Weigh for Spread {
    fn weight(&self, now: Mono, span: Duration) -> u32 {
        self.failed.weight(now, span)
    }
}

/// What one source tried in vain.
pub struct Many {
    pub hosts: usize,
    pub ports: BTreeSet<Port>,
    pub failures: usize,
}

type Source = (Option<MacAddr>, Option<IpAddr>);

fn source(talk: &Talkers) -> Source {
    (talk.client.mac, if talk.client.mac.is_some() { None } else { Some(talk.client.ip) })
}

/// By who asks.
pub struct Spreads(Subjects<Source, Spread>);

impl Default for Spreads {
    fn default() -> Self {
        Spreads(Subjects::new(SPREAD_MAX, SPREAD_SPAN, SPREAD_MIN / 2))
    }
}

impl Spreads {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One more door; what was tried, if that is too much.
    pub fn tried(&mut self, talk: &Talkers, ok: bool, least: usize, now: Mono) -> Option<Many> {
        let server = talk.server;
        let fresh =
            |_| Spread { tried: Recent::new(128), failed: Recent::new(64), spoken: Recent::new(64), score: 0.0 };
        let spread = self.0.of(source(talk), talk.client.mac.map_or(0, owner), now, fresh)?;
        if !spread.tried.see((server.ip, server.port), now) {
            return None;
        }
        spread.score = if ok { (spread.score - STEP).max(FLOOR) } else { (spread.score + STEP).min(ALARM * 8.0) };
        if ok {
            return None;
        }
        spread.failed.see((server.ip, server.port), now);
        if spread.score < ALARM || spread.failed.within(now, SPREAD_SPAN) < least {
            return None;
        }
        let failed = || spread.failed.within_keys(now, SPREAD_SPAN);
        // In the order of hosts, then doors.
        let mut last = None;
        let hosts = failed().filter(|(host, _)| last.replace(*host) != Some(*host)).count();
        if hosts < SPREAD_HOSTS {
            return None;
        }
        // What one asks of all hosts: each of these doors was tried at two of them.
        let mut doors: Vec<Port> = failed().map(|(_, port)| *port).collect();
        doors.sort_unstable();
        let shared = doors.chunk_by(|a, b| a == b).filter(|same| same.len() > 1).count();
        let failures = spread.failed.len();
        (shared >= SPREAD_PORTS).then(|| Many { hosts, failures, ports: doors.into_iter().collect() })
    }

    /// It speaks with a door that opened: it wanted something of it.
    pub fn spoke(&mut self, talk: &Talkers, now: Mono) {
        let door = (talk.server.ip, talk.server.port);
        if let Some(spread) = self.0.get_mut(&source(talk), now)
            && spread.tried.has(&door)
            && spread.spoken.see(door, now)
        {
            spread.score = (spread.score - STEP).max(FLOOR);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::detectors::{
        port_scan::{PortScan, Settings},
        stage::{ACK, RST, SYN, Stage, conversation, tcp},
    };

    #[test]
    fn who_watches_over_hosts_speaks_with_what_answers() {
        let run = |speaks: bool| -> usize {
            let mut stage = Stage::new(PortScan::new(Settings::default()));
            let mut told = 0;
            for n in 0..60u16 {
                let (host, port, ms) = (20 + (n / 6) as u8, 100 + n % 6, u64::from(n) * 100);
                let frames = if n % 3 == 0 {
                    let said: &[(bool, &[u8])] = if speaks { &[(true, b"status\n"), (false, b"ok\n")] } else { &[] };
                    conversation((9, 40_000 + n), (host, port), said)
                } else {
                    let me = (9, 40_000 + n);
                    vec![tcp(me, (host, port), SYN, 1, b""), tcp((host, port), me, RST | ACK, 1, b"")]
                };
                told += frames.iter().map(|frame| stage.frame(frame, ms).len()).sum::<usize>();
            }
            told
        };
        assert!(run(false) > 0, "two of three doors in vain");
        assert_eq!(run(true), 0, "one of three, and it speaks with each that opens");
    }
}
