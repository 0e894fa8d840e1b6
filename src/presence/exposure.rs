//! # Which devices Home Assistant gets, and how much of each
//!
//! A device that has entities never loses them to the limit: automations rest on them.

use std::time::Duration;

use crate::model::{Change, DeviceId, DeviceView, Moment, Mono, NameSource, Tier, Trust};

use super::{Presence, device::Device, names, timers};

/// Who is seen within this time of the very first device, and was not seen to enter, was there before us: such a home's
/// names come one by one, and nobody waits for its entities.
const FIRST_LIST: Duration = Duration::from_secs(5 * 60);
/// Who joins later is announced at once, since somebody may wait at the door. A name that is told in the same breath
/// (DHCP, the probes of RFC 6762 8.1) is still awaited.
const JOINER_WAIT: Duration = Duration::from_millis(100);

/// What it would get if there were room, and how much it is wanted (lower is more).
fn wanted(device: &Device) -> (Tier, u8) {
    if device.hidden || device.unannounced.is_some() {
        (Tier::None, u8::MAX)
    } else if device.exposed {
        (Tier::Full, 0)
    } else if device.trust == Trust::Untrusted {
        (Tier::None, u8::MAX)
    } else if device.person().is_some() {
        (Tier::Full, 1)
    } else if device.important {
        (Tier::Full, 2)
    } else if device.names.own.is_some() || device.names.ha.is_some() {
        (Tier::Basic, 3)
    } else if device.trust == Trust::Trusted {
        (Tier::Basic, 4)
    } else {
        (Tier::None, u8::MAX)
    }
}

impl Presence {
    /// Brings the tier of `id` up to date.
    pub(super) fn expose(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        let Some(device) = self.registry.get(id) else { return };
        let before = device.tier;
        let (want, rank) = wanted(device);
        let to = if device.hidden || device.unannounced.is_some() {
            Tier::None
        } else if self.exposure.all || rank == 0 {
            Tier::Full
        } else if let Some(listed) = &self.exposure.listed {
            if listed.iter().any(|text| is_called(device, text)) { Tier::Full } else { Tier::None }
        } else if device.trust == Trust::Untrusted {
            Tier::None
        } else if before == Tier::None && want != Tier::None && self.exposed >= self.exposure.limit {
            if self.crowded.insert(id) && self.crowded.len() == 1 {
                tracing::warn!(limit = self.exposure.limit, "homeassistant.expose_limit keeps devices out");
            }
            Tier::None
        } else {
            // Losing a name or an owner takes no entities away.
            want.max(before)
        };
        if to != Tier::None || want == Tier::None {
            self.crowded.remove(&id);
        }
        if to == before {
            // A person may have asked for it.
            self.fix_slug(id, now);
            return;
        }
        match (before, to) {
            (Tier::None, _) => self.exposed = self.exposed.saturating_add(1),
            (_, Tier::None) => self.exposed = self.exposed.saturating_sub(1),
            _ => {}
        }
        if let Some(device) = self.registry.get_mut(id) {
            device.tier = to;
        }
        self.fix_slug(id, now);
        self.registry.index(id);
        self.touch(id);
        out.push(Change::DeviceChanged { device: id });
        if to == Tier::None {
            self.expose_crowded(now, out);
        }
    }

    /// Entity ids are made from the name once and stay for ever, so they wait for a name that the
    /// device or a person gave it; but not for ever, hardly for who joins a home that is known, and not where a person
    /// asked for the device.
    /// Returns when to look again.
    pub(super) fn fix_slug(&mut self, id: DeviceId, now: Moment) -> Option<Mono> {
        let waits =
            |device: &&Device| device.tier != Tier::None && device.slug.is_none() && !device.title.shown.is_empty();
        let entered = self.registry.get(id).filter(waits)?.entered;
        let mut wait = self.exposure.name_wait.0;
        if entered || !self.registry.was_first(id, FIRST_LIST) {
            wait = wait.min(JOINER_WAIT);
        }
        let device = self.registry.get_mut(id)?;
        let is_named = device.title.source >= NameSource::Snmp;
        let is_wanted = device.exposed || device.important || device.person().is_some();
        // A clock that was set back says nothing of its age.
        let age = u64::try_from(now.wall.0.saturating_sub(device.first_seen.0)).map_or(wait, Duration::from_millis);
        if !is_named && !is_wanted && age < wait {
            let at = now.mono + wait.saturating_sub(age);
            self.timers.by(timers::Key::Device(id), at);
            return Some(at);
        }
        device.slug = Some(names::slug(&device.title.shown, id));
        self.touch(id);
        None
    }

    /// There is room again: who waited the longest with the best reason comes first.
    pub(super) fn expose_crowded(&mut self, now: Moment, out: &mut Vec<Change>) {
        let mut waiting: Vec<_> = self
            .crowded
            .iter()
            .filter_map(|id| self.registry.get(*id))
            .map(|device| (wanted(device).1, device.first_seen, device.id))
            .collect();
        waiting.sort_unstable();
        for (_, _, id) in waiting {
            if self.exposed < self.exposure.limit {
                self.expose(id, now, out);
            }
        }
    }

    /// All devices, the most wanted first: after a new setting or a whole list of names.
    pub(super) fn expose_all(&mut self, now: Moment, out: &mut Vec<Change>) {
        let mut all: Vec<_> =
            self.registry.iter().map(|device| (wanted(device).1, device.first_seen, device.id)).collect();
        all.sort_unstable();
        for (_, _, id) in all {
            self.expose(id, now, out);
        }
    }
}

/// Whether `text`, as people write it in settings, means `device`.
pub fn is_called(device: &Device, text: &str) -> bool {
    device.id.to_string() == text
        || device.title.shown.eq_ignore_ascii_case(text)
        || text.parse().is_ok_and(|mac| device.macs.iter().any(|held| held.mac == mac))
}

/// The same of a stored one.
pub fn is_view_called(view: &DeviceView, text: &str) -> bool {
    view.id.to_string() == text
        || view.name.eq_ignore_ascii_case(text)
        || text.parse().is_ok_and(|mac| view.macs.contains(&mac))
}
