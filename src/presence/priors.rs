//! # How long a kind of device keeps mute while it is home
//!
//! Until a device's own sleep is learned (`departure::habit`), the times of its kind decide. A phone's radio sleeps for tens of minutes (users of other trackers
//! report gaps up to 45 minutes at night), a plug's never does.

use std::time::Duration;

use crate::model::{Goodbye, Kind};

/// When a mute spell is a departure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prior {
    /// Mute time after which it is away.
    pub away_after: Duration,
    /// Mute time after which it is shown as leaving.
    pub leaving_after: Duration,
    /// Mute time after which it is away even if nobody reported the questions unanswered.
    pub hard: Duration,
}

/// Mute time below which nothing is shown of a spell: one lost answer is no news.
pub const SHOWN_AFTER: Duration = Duration::from_secs(60);

const SLEEPER: Duration = Duration::from_secs(45 * 60);
// A phone that proved twice tonight that it sleeps this deep gets a night's patience.
const DEEP_SLEEPER: Duration = Duration::from_secs(4 * 3600);
const STATIONARY: Duration = Duration::from_secs(3 * 60);

/// A spell this long that ends without joining the network anew was sleep, not a trip.
pub const LONG_SLEEP: Duration = Duration::from_secs(20 * 60);
/// So many of them within [`SLEEP_MEMORY`] prove a deep sleeper.
pub const LONG_SLEEPS: u8 = 2;
/// How long a long sleep is remembered.
pub const SLEEP_MEMORY: Duration = Duration::from_secs(6 * 3600);
/// Heard this long without a pause over [`AWAKE_PAUSE`], it is awake again.
pub const AWAKE_AFTER: Duration = Duration::from_secs(10 * 60);
/// The longest pause of a device that is awake.
pub const AWAKE_PAUSE: Duration = Duration::from_secs(2 * 60);

/// The times of `kind`; `deep`: it proved tonight that it sleeps deep.
#[must_use]
pub fn of(kind: Kind, deep: bool) -> Prior {
    if !kind.is_sleeper() {
        return Prior { away_after: STATIONARY, leaving_after: SHOWN_AFTER, hard: STATIONARY * 5 };
    }
    let away_after = if deep { DEEP_SLEEPER } else { SLEEPER };
    Prior { away_after, leaving_after: away_after * 4 / 5, hard: away_after.max(Duration::from_secs(150 * 60)) }
}

/// How much likelier a goodbye is of one who left: what it does to a learned time.
#[must_use]
pub const fn ratio(goodbye: Goodbye) -> f64 {
    match goodbye {
        Goodbye::ApLeft => 98.0,
        Goodbye::DhcpRelease => 20.0,
        Goodbye::TrackerLeft => 5.0,
        Goodbye::MdnsGoodbye | Goodbye::SsdpByebye => 3.0,
    }
}

/// The share of the time that is left after a goodbye: it changes the odds and proves nothing.
#[must_use]
pub const fn after_goodbye(goodbye: Goodbye) -> (u32, u32) {
    match goodbye {
        // Ratios 20 and 98: leaving politely, or gone from every access point.
        Goodbye::DhcpRelease | Goodbye::ApLeft => (1, 4),
        // Ratio 3: programs restart.
        Goodbye::MdnsGoodbye | Goodbye::SsdpByebye => (3, 4),
        // Ratio 5: a router's timeout, as of a phone that sleeps.
        Goodbye::TrackerLeft => (2, 3),
    }
}
