//! # Readiness and the watchdog of the service manager
//!
//! `READY=1` once the picture stands; `WATCHDOG=1` only from the core loop, after it answered, so
//! that a core that hangs is restarted (`sd_notify(3)`). Without systemd all of this does nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// Tells the service manager that the core is alive.
#[derive(Debug, Clone, Copy)]
pub struct Watchdog {
    interval: Duration,
    asked: bool,
}

impl Watchdog {
    /// From `WATCHDOG_USEC`; beats at half of it, as `sd_watchdog_enabled(3)` recommends.
    #[must_use]
    pub fn from_environment() -> Watchdog {
        match sd_notify::watchdog_enabled() {
            Some(limit) => Watchdog { interval: (limit / 2).max(Duration::from_millis(100)), asked: true },
            None => Watchdog { interval: Duration::from_secs(60), asked: false },
        }
    }

    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    pub fn beat(&self) {
        if self.asked {
            tell(&[NotifyState::Watchdog]);
        }
    }
}

/// The daemon serves; `status` is shown by `systemctl status`.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The daemon is on its way out.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Reloading, then [`ready`] again.
pub fn reloading() {
    tell(&[NotifyState::Reloading]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager does not listen");
    }
}
