//! # How long to wait before knocking again

use std::time::Duration;

use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);
// A connection that lasted so long was a good one: the next try comes soon.
const GOOD: Duration = Duration::from_secs(5);

/// Somebody with our name keeps throwing us out: two of us throwing each other out would fill the
/// broker's log and help nobody.
pub(super) const KICKED_PAUSE: Duration = Duration::from_secs(300);
const KICKED_WITHIN: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_secs(10);
const SHORT_TWIN: u32 = 3;

/// Doubles up to half a minute. Each wait is up to a quarter longer, so that a house full of
/// clients does not knock in step.
#[derive(Debug, Default)]
pub(super) struct Patience {
    tries: u32,
}

impl Patience {
    pub(super) fn next(&mut self) -> Duration {
        let plain = (FIRST * 2u32.saturating_pow(self.tries.min(10))).min(LONGEST);
        self.tries = self.tries.saturating_add(1);
        plain + plain.mul_f64(chance() / 4.0)
    }

    /// The last connection stood for so long.
    pub(super) fn lasted(&mut self, span: Duration) {
        if span >= GOOD {
            self.tries = 0;
        }
    }
}

/// 0 to 1. Without entropy 0: waits then have no jitter, and that is all.
pub(in crate::mqtt) fn chance() -> f64 {
    getrandom::u32().map_or(0.0, |n| f64::from(n) / f64::from(u32::MAX))
}

/// Sees a twin: another client with our name, whom the broker lets in by throwing us out.
#[derive(Debug, Default)]
pub(super) struct Kicks {
    last: Option<Instant>,
    /// Connections in a row that the broker took at once and soon closed without a word.
    short: u32,
}

impl Kicks {
    /// The broker said that somebody took our name; `true` if for the second time within a minute.
    pub(super) fn told(&mut self, now: Instant) -> bool {
        let twice = self.last.is_some_and(|last| now.duration_since(last) <= KICKED_WITHIN);
        self.last = Some(now);
        twice
    }

    /// A connection ended without a word. Not every broker tells why (mosquitto 2.0.11 and those
    /// of 3.1.1 do not); one that restarts would not have taken us again at once.
    pub(super) fn closed(&mut self, was_up: bool, lasted: Duration) -> bool {
        self.short = if was_up && lasted < SHORT { self.short + 1 } else { 0 };
        self.short >= SHORT_TWIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute() {
        let mut patience = Patience::default();
        let waits: Vec<u128> = (0..12).map(|_| patience.next().as_millis()).collect();
        for (n, wait) in waits.iter().enumerate() {
            let plain = (250u128 << n).min(30_000);
            assert!((plain..=plain + plain / 4).contains(wait), "{n}: {wait}");
        }
        patience.lasted(Duration::from_secs(1));
        assert!(patience.next() >= LONGEST, "a connection of a second was none");
        patience.lasted(Duration::from_secs(6));
        assert!(patience.next() < Duration::from_millis(400));
    }

    #[test]
    fn the_second_kick_within_a_minute_counts() {
        let (mut kicks, start) = (Kicks::default(), Instant::now());
        let cases = [(0, false), (59, true), (130, false), (189, true)];
        for (at, expected) in cases {
            assert_eq!(kicks.told(start + Duration::from_secs(at)), expected, "{at}");
        }
        let cases = [
            (true, 1, false),
            (true, 1, false),
            (false, 0, false),
            (true, 1, false),
            (true, 2, false),
            (true, 1, true),
        ];
        for (was_up, lasted_s, expected) in cases {
            assert_eq!(kicks.closed(was_up, Duration::from_secs(lasted_s)), expected);
        }
    }
}
