//! # What outlives one connection
//!
//! What was said last, which doors are read, and since when the line is down.

use std::{collections::BTreeSet, time::Duration};

use tracing::{debug, info, warn};

use crate::{
    homeassistant::{HaError, Parts},
    model::{HaContact, HaFact, Health, Mono},
};

/// Reconnects: drawn between the first and a limit that doubles up to the second.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);
/// A restart of Home Assistant with an update takes minutes and is nobody's fault.
const GRACE: Duration = Duration::from_secs(180);

/// What is kept from one connection to the next.
#[derive(Default)]
pub struct Line {
    pub said: Said,
    /// Doors that can be read.
    pub watched: BTreeSet<String>,
    /// When the line went (or was first tried), while it is down.
    lost: Option<Mono>,
    /// What the health line says now.
    told: Option<String>,
    tries: u32,
}

/// The facts sent last: equal ones are not sent again.
#[derive(Default)]
pub struct Said {
    names: Option<HaFact>,
    areas: Option<HaFact>,
    persons: Option<HaFact>,
    pub ears: Option<HaFact>,
}

impl Said {
    /// `None`: news each time.
    pub fn slot(&mut self, fact: &HaFact) -> Option<&mut Option<HaFact>> {
        match fact {
            HaFact::Names(_) => Some(&mut self.names),
            HaFact::Areas(_) => Some(&mut self.areas),
            HaFact::Persons(_) => Some(&mut self.persons),
            HaFact::Ears(_) => Some(&mut self.ears),
            HaFact::Contact(_) | HaFact::Located(_) | HaFact::Tracker(_) => None,
        }
    }
}

impl Line {
    /// Says once what is wrong. What may mend itself is no fault before some minutes have passed.
    pub fn tell(&mut self, parts: &mut Parts, error: &HaError) {
        let now = (parts.now)().mono;
        let lost = *self.lost.get_or_insert(now);
        debug!(%error, "no line to Home Assistant");
        let lasting = matches!(error, HaError::Refused | HaError::NoToken { .. });
        let down = lasting || now.since(lost) >= GRACE;
        let (why, advice) = (error.to_string(), error.advice());
        let told = format!("{down} {why}");
        if self.told.as_ref() == Some(&told) {
            return;
        }
        // One line in the log for one outage, whatever its errors are called.
        if down && !self.told.as_ref().is_some_and(|told| told.starts_with("true")) {
            warn!(%error, advice, "Home Assistant's websocket down: names and areas stay as they were");
        }
        self.told = Some(told);
        (parts.health)(if down { Health::Down { why, advice } } else { Health::Degraded { why, advice } });
    }

    /// No door can be read now, and a door that opens unseen must not look like one that stayed shut. `true`: the
    /// daemon leaves.
    pub async fn is_blind(&mut self, parts: &mut Parts) -> bool {
        for entity in std::mem::take(&mut self.watched) {
            if !super::tell(parts, HaFact::Contact(HaContact { entity, open: None })).await {
                return true;
            }
        }
        false
    }

    pub fn up(&mut self, parts: &mut Parts, refused: &[(&'static str, String)]) {
        let lost = self.lost.take();
        self.tries = 0;
        let health = match refused.first() {
            None => Health::Up,
            Some((command, code)) => Health::Degraded {
                why: format!("Home Assistant refuses {command} ({code})"),
                advice: Some(if command.starts_with("bluetooth") {
                    "give homeassistant.token the token of an administrator, or set homeassistant.bluetooth: false"
                        .into()
                } else {
                    "give the token's user the right to read, or update Home Assistant".into()
                }),
            },
        };
        let told = format!("up {health}");
        if self.told.as_ref() != Some(&told) {
            if self.told.as_ref().is_some_and(|told| told.starts_with("true")) {
                let down_s = lost.map(|lost| (parts.now)().mono.since(lost).as_secs());
                info!(down_s, "Home Assistant's websocket back");
            }
            self.told = Some(told);
            (parts.health)(health);
        }
    }

    /// Doubling, drawn by chance, so that a house full of clients does not knock at once.
    pub fn pause(&mut self) -> Duration {
        self.tries = self.tries.saturating_add(1);
        let limit = RETRY_FIRST.saturating_mul(1 << self.tries.min(6)).min(RETRY_MAX);
        let mut chance = [0; 2];
        // Without chance we are merely punctual.
        let share = getrandom::fill(&mut chance).map_or(0, |()| u32::from(u16::from_le_bytes(chance)));
        RETRY_FIRST + (limit - RETRY_FIRST).mul_f64(f64::from(share) / f64::from(u16::MAX))
    }
}
