//! # How often and with what a device is asked
//!
//! By unicast only: access points buffer unicast for sleeping stations, broadcasts are lost on them.

use std::time::Duration;

use crate::model::{Mono, Probe};

/// A budget: at most `burst` at once, one more every `per`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bucket {
    /// When all that was taken will have come back.
    full_at: Mono,
}

/// The size of a budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    pub burst: u32,
    pub per: Duration,
}

impl Rate {
    /// At most `count` in any `span`: a third of it at once, the rest as time goes.
    pub fn at_most(count: u32, span: Duration) -> Rate {
        let burst = count.div_ceil(3).max(1);
        let rest = count.saturating_sub(burst).max(1);
        Rate { burst, per: span / rest }
    }
}

impl Bucket {
    /// When one can be taken and `keep` are left.
    pub fn ready(&self, rate: Rate, keep: u32) -> Mono {
        self.full_at - rate.per * rate.burst.saturating_sub(keep.min(rate.burst - 1) + 1)
    }

    /// Nothing of it is used up.
    pub fn is_full(&self, now: Mono) -> bool {
        self.full_at <= now
    }

    /// The part of it that is used up, 0 to 1.
    pub fn used(&self, now: Mono, rate: Rate) -> f64 {
        let whole = (rate.per * rate.burst).as_secs_f64();
        (self.full_at.since(now).as_secs_f64() / whole.max(f64::MIN_POSITIVE)).min(1.0)
    }

    pub fn take(&mut self, now: Mono, rate: Rate) {
        self.full_at = self.full_at.max(now) + rate.per;
    }
}

/// The `round`th question of a spell. ARP and ND reach firmware that answers for a sleeping host;
/// mDNS wakes iOS; ICMP is not answered by access points for others; TCP is one more way into the
/// stack, used once.
#[must_use]
pub fn probe(round: u32, ways: Ways) -> Option<Probe> {
    let first = if !ways.attached {
        None
    } else if ways.v4 {
        Some(Probe::Arp)
    } else if ways.v6 {
        Some(Probe::Nd)
    } else {
        None
    };
    if !ways.v4 && !ways.v6 {
        return None;
    }
    Some(match (first, round) {
        // Each is worth asking: where one is filtered the other is refused, and that is an answer too.
        (None, round) => match round % 3 {
            0 => Probe::Icmp,
            1 => Probe::Mdns,
            _ => Probe::Tcp,
        },
        (Some(first), 0) => first,
        (Some(_), 1) => Probe::Mdns,
        (Some(_), 2) => Probe::Icmp,
        (Some(first), 3) => {
            if ways.v4 && ways.v6 {
                Probe::Nd
            } else if ways.v4 {
                Probe::Tcp
            } else {
                first
            }
        }
        (Some(first), round) => match round % 3 {
            1 => first,
            2 => Probe::Icmp,
            _ => Probe::Mdns,
        },
    })
}

/// How a device can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    pub v4: bool,
    pub v6: bool,
    /// On a subnet of ours, so that its hardware address can be asked.
    pub attached: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_holds_over_any_span() {
        for (count, span) in [(60, 3600), (1000, 86_400), (20, 1), (1, 60)] {
            let span = Duration::from_secs(span);
            let (rate, mut bucket, mut taken) = (Rate::at_most(count, span), Bucket::default(), 0u32);
            let start = Mono(1 << 50);
            let mut now = start;
            while now <= start + span {
                bucket.take(now, rate);
                taken += 1;
                now = now.max(bucket.ready(rate, 0));
            }
            assert!(taken <= count + 1 && taken * 10 >= count * 8, "{taken} of {count}");
        }
    }

    #[test]
    fn three_questions_are_of_three_kinds_or_two() {
        for (ways, kinds) in [
            (Ways { v4: true, v6: false, attached: true }, 3),
            (Ways { v4: false, v6: true, attached: true }, 3),
            (Ways { v4: true, v6: false, attached: false }, 3),
            (Ways { v4: false, v6: false, attached: true }, 0),
        ] {
            for from in [0, 4, 9] {
                let asked: std::collections::BTreeSet<_> = (from..from + 3).filter_map(|n| probe(n, ways)).collect();
                assert_eq!(asked.len(), kinds, "{ways:?} from {from}");
            }
        }
    }
}
