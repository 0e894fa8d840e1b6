//! # When two devices are one
//!
//! Phones draw a new address now and then. A newcomer with a random address is joined to a known
//! device only by a key fact, without any veto, and if exactly one device qualifies; all else
//! stays apart until a person says so. What was joined can be split.

use std::time::Duration;

use crate::model::{Change, DeviceId, LeaveReason, MacAddr, Moment, Mono, Presence as Where, Subject};

use super::{
    Presence,
    device::{Device, Joined, OVERLAP},
    identity,
    proposal::LOOKED_AFTER,
    settings::Join,
};

/// A newcomer that may be somebody known is not told of for so long.
pub const UNTOLD: Duration = Duration::from_secs(5);
/// A newcomer is a candidate for so long; an old acquaintance is no newcomer.
pub const NEW_FOR: Duration = Duration::from_secs(600);

/// Why a newcomer is proposed that would be joined, if that were wanted.
const PROVEN: &str = "a key fact says so: the same name or DHCP client";

impl Presence {
    /// Somebody with a random address and a key fact is known: a newcomer may be them. Who was heard a second ago may have
    /// drawn its new address since.
    pub(super) fn may_be_known(&self, newcomer: &Device) -> bool {
        self.settings.join == Join::Auto
            && newcomer.is_random()
            && self.rotating.iter().any(|id| self.registry.get(*id).is_some())
    }

    /// Joins `id` to whom it was before, if that is proven. Returns who it is now.
    pub(super) fn try_join(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) -> DeviceId {
        let Some(newcomer) = self.registry.get(id) else { return id };
        if self.settings.join == Join::Off || newcomer.macs.len() != 1 {
            return id;
        }
        let began = newcomer.macs.first().map_or(now.mono, |held| held.first);
        if now.mono.since(began) > NEW_FOR {
            return id;
        }
        if !newcomer.is_random() {
            if self.other_band(newcomer, began).is_some() {
                self.timers.by(super::timers::Key::Device(id), began + LOOKED_AFTER);
            }
            return id;
        }
        let mut candidates: Vec<DeviceId> = Vec::new();
        if let Some(client) = newcomer.dhcp.client_id.as_ref().filter(|c| identity::is_key(c, newcomer.mac())) {
            candidates.extend(self.registry.by_client(client));
        }
        if let Some(host) = newcomer.names.personal().filter(|_| !newcomer.dhcp.asked.is_empty()) {
            candidates.extend(self.registry.by_host(host));
        }
        candidates.sort_unstable();
        candidates.dedup();
        candidates.retain(|other| {
            *other != id && self.registry.get(*other).is_some_and(|known| !vetoed(newcomer, known, began))
        });
        let known = self.latest(&candidates);
        let Some(known) = known.filter(|_| self.settings.join == Join::Auto) else {
            match known {
                Some(known) => self.propose(id, known, PROVEN.into(), now, out),
                None => self.timers.by(super::timers::Key::Device(id), began + LOOKED_AFTER),
            }
            return id;
        };
        tracing::debug!(%id, %known, "joined by a key fact");
        self.merge(id, known, true, now, out)
    }

    /// The only candidate, or the latest of several of whom each fell silent before the next was ever heard: that is
    /// one phone, whose turn was missed once. Two that were here at the same time are two, and nobody is chosen.
    fn latest(&self, candidates: &[DeviceId]) -> Option<DeviceId> {
        let mut all: Vec<&Device> = candidates.iter().filter_map(|id| self.registry.get(*id)).collect();
        all.sort_by_key(|device| (device.first_seen, device.id));
        let follows = all.windows(2).all(|pair| match pair {
            [before, after] => before.last.wall <= after.first_seen,
            _ => false,
        });
        all.last().filter(|_| follows).map(|device| device.id)
    }

    /// A newcomer gave every fact that could join it to somebody known, and joined nobody: no need
    /// to wait any longer before it is told of.
    pub(super) fn told_all(&mut self, id: DeviceId, now: Moment) {
        if let Some(device) = self.registry.get_mut(id)
            && !device.dhcp.asked.is_empty()
            && let Some(until) = device.unannounced.as_mut()
        {
            *until = (*until).min(now.mono);
            self.timers.by(super::timers::Key::Device(id), now.mono + Duration::from_millis(1));
        }
    }

    /// A device known by nothing but an address, from beyond a router, is whoever shows up with that
    /// address and a hardware address.
    pub(super) fn fleshed_out(
        &mut self,
        resolved: Option<DeviceId>,
        subject: &Subject,
        now: Moment,
        out: &mut Vec<Change>,
    ) -> Option<DeviceId> {
        let (Some(mac), Some(ip)) = (subject.mac, subject.ip) else { return resolved };
        let bare = self.registry.by_ip(ip).filter(|id| Some(*id) != resolved);
        let is_bare = |id: &DeviceId| self.registry.get(*id).is_some_and(|d| d.macs.is_empty() && !d.own);
        let Some(bare) = bare.filter(is_bare) else { return resolved };
        Some(match resolved {
            Some(id) => self.merge(id, bare, true, now, out),
            None => {
                if let Some(device) = self.registry.get_mut(bare) {
                    device.vendor = crate::intel::vendors::lookup(mac);
                }
                self.registry.hold_mac(bare, mac, now.mono);
                self.classify(bare, now, out);
                self.touch(bare);
                bare
            }
        })
    }

    /// `mac` spoke as `id`. Returns whose it is now: of two that were joined by themselves and are heard at once, its own.
    pub(super) fn spoke_as(
        &mut self,
        id: DeviceId,
        mac: MacAddr,
        at: Mono,
        by_radio: bool,
        now: Moment,
        out: &mut Vec<Change>,
    ) -> DeviceId {
        let mut id = id;
        if !by_radio && self.registry.get(id).is_some_and(|device| device.overlaps(mac, at)) {
            tracing::warn!(%id, "two addresses joined as one device are heard at once: split");
            self.split(id, now, out);
            id = self.registry.by_mac(mac).unwrap_or(id);
        }
        self.registry.hold_radio(id, mac, at, by_radio);
        id
    }

    /// Makes one device of two; the elder's id stays. `silently`: the younger was never told of.
    pub(super) fn merge(
        &mut self,
        a: DeviceId,
        b: DeviceId,
        by_itself: bool,
        now: Moment,
        out: &mut Vec<Change>,
    ) -> DeviceId {
        let (Some(one), Some(two)) = (self.registry.get(a), self.registry.get(b)) else { return a };
        let (into, from) = if identity::elder(one, two) { (a, b) } else { (b, a) };
        let Some(young) = self.registry.remove(from) else { return into };
        let told = young.unannounced.is_none();
        self.leave_home(from);
        self.forget_proposals(from);
        self.drop_title(&young);
        let Some(mut old) = self.registry.remove(into) else { return into };
        let fresh = (young.here || !told) && (!old.here || young.last.mono >= old.last.mono);
        let window = young.window.clone();
        let proof = (young.last, young.reason);
        let base = young.title.base.clone();
        absorb(&mut old, young, by_itself);
        self.registry.insert(old);
        self.timers.cancel(super::timers::Key::Device(from));
        self.views.remove(&from);
        if told {
            self.registry.bury(from, now.wall);
            if let Some(window) = window {
                out.push(Change::WindowClosed { window: window.view(from, Some(LeaveReason::Merged)) });
            }
            out.push(Change::DeviceMerged { from, into, at: now.wall });
        }
        self.rekey(into);
        self.classify(into, now, out);
        self.retitle_eldest(&base, now, out);
        self.settle(into, now, out);
        if fresh {
            // What the younger proved, the elder is: here.
            let (last, reason) = proof;
            if by_itself || self.registry.get(into).is_none_or(|device| device.presence != Where::Home) {
                self.arrive(into, last, reason, now, out);
            }
        }
        self.timers.by(super::timers::Key::Device(into), now.mono);
        self.touch(into);
        out.push(Change::DeviceChanged { device: into });
        into
    }

    /// Undoes the last merge into `id`. Returns the device that is apart again.
    pub(super) fn split(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) -> Option<DeviceId> {
        let joined = self.registry.get_mut(id)?.joined.take()?;
        let mut kept = self.registry.remove(id)?;
        let mut apart = Device::new(joined.id, now);
        apart.first_seen = joined.first_seen;
        apart.names.own = joined.own_name;
        apart.set_apart(id);
        kept.set_apart(joined.id);
        let moved: Vec<_> = kept.macs.iter().filter(|held| joined.macs.contains(&held.mac)).copied().collect();
        kept.macs.retain(|held| !joined.macs.contains(&held.mac));
        // The addresses it claims now follow the hardware address that spoke last.
        if kept.macs.first().map(|held| held.last) < moved.first().map(|held| held.last) {
            std::mem::swap(&mut kept.addresses, &mut apart.addresses);
            (apart.last, apart.interface) = (kept.last, kept.interface);
            apart.sources.clone_from(&kept.sources);
            // It was heard last under its own addresses: else the two would seem to have been here together for ever, and
            // the next address be joined to neither.
            if let Some(held) = kept.macs.first() {
                kept.last = now.back_to(held.last.min(now.mono));
            }
        }
        apart.vendor = moved.first().and_then(|held| crate::intel::vendors::lookup(held.mac));
        apart.macs = moved;
        let heard_now = apart.macs.first().is_some_and(|held| now.mono.since(held.last) <= self.settings.away_min.0);
        let (last, reason) = (apart.last, kept.reason);
        apart.presence = Where::Away;
        self.registry.insert(kept);
        self.registry.insert(apart);
        self.registry.unbury(joined.id);
        self.rekey(id);
        self.rekey(joined.id);
        self.classify(joined.id, now, out);
        self.announce(joined.id, now, out);
        if heard_now {
            self.arrive(joined.id, last, reason, now, out);
        }
        self.touch(id);
        self.timers.by(super::timers::Key::Device(id), now.mono);
        self.timers.by(super::timers::Key::Device(joined.id), now.mono);
        out.push(Change::DeviceChanged { device: id });
        Some(joined.id)
    }
}

/// Any of these shows that `known` and the newcomer are two.
pub fn vetoed(newcomer: &Device, known: &Device, began: Mono) -> bool {
    let overlap = known.spoke() > began + OVERLAP;
    let not_rotating = !known.mac().is_some_and(crate::model::MacAddr::is_local);
    let signature = !known.dhcp.asked.is_empty()
        && !newcomer.dhcp.asked.is_empty()
        && (known.dhcp.asked != newcomer.dhcp.asked || make(known) != make(newcomer));
    let names =
        matches!((known.names.personal(), newcomer.names.personal()), (Some(a), Some(b)) if !a.eq_ignore_ascii_case(b));
    let kinds = known.kind_set.is_some_and(|kind| !kind.is_sleeper());
    let segments = matches!((segment(known), segment(newcomer)), (Some(a), Some(b)) if a != b);
    overlap
        || not_rotating
        || signature
        || names
        || kinds
        || segments
        || known.own
        || known.gateway
        || known.apart.contains(&newcomer.id)
        || newcomer.apart.contains(&known.id)
}

/// The vendor class without its version: `android-dhcp-14` and `-15` are one phone, updated.
fn make(device: &Device) -> Option<&str> {
    device.dhcp.vendor_class.as_deref().map(|class| class.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'))
}

fn segment(device: &Device) -> Option<&str> {
    device.window.as_ref().and_then(|window| window.segment.as_deref())
}

/// `old` takes over everything of `young` that it has not itself.
fn absorb(old: &mut Device, young: Device, by_itself: bool) {
    old.joined = Some(Joined {
        id: young.id,
        by_itself,
        macs: young.macs.iter().map(|held| held.mac).collect(),
        first_seen: young.first_seen,
        own_name: young.names.own.clone(),
    });
    // A radio's address answers no question, however lately it was heard: the first is the one that is asked.
    let is_radio = |half: &Device| half.addresses.is_empty() && half.interface.is_none();
    let is_there = !is_radio(&young);
    let halves = [&*old, &young].into_iter().filter(|half| is_radio(half));
    let radios: Vec<MacAddr> = halves.flat_map(|half| half.macs.iter().map(|held| held.mac)).collect();
    let newer = young.last.mono >= old.last.mono;
    if newer {
        (old.last, old.interface) = (young.last, young.interface.or(old.interface));
        old.mute.proven(young.last.mono);
        old.level = young.level.or(old.level);
        // The newer half knows where it is now, if it is on a network at all.
        for held in &mut old.addresses {
            held.current = held.current && !(is_there && held.ip.is_ipv4());
        }
        if !young.dhcp.asked.is_empty() {
            old.dhcp = young.dhcp;
        }
    }
    old.macs.extend(young.macs);
    old.macs.sort_by_key(|held| std::cmp::Reverse((!radios.contains(&held.mac), held.last, held.mac)));
    old.macs.truncate(super::device::MACS_MAX);
    for held in young.addresses {
        old.addresses.retain(|known| known.ip != held.ip);
        old.addresses.push(held);
    }
    old.addresses.sort_by_key(|held| std::cmp::Reverse((held.current, held.last, held.ip)));
    old.addresses.truncate(super::device::ADDRESSES_MAX);
    for (source, seen) in young.sources {
        if old.sources.get(&source).is_none_or(|known| known.1 < seen.1) {
            old.sources.insert(source, seen);
        }
    }
    if let (Some(window), Some(other)) = (&mut old.window, &young.window) {
        window.seen(other.end, false);
        window.sightings = window.sightings.saturating_add(other.sightings);
        window.reconnects = window.reconnects.saturating_add(1);
    }
    if old.fingerprint.asked.is_empty() {
        old.fingerprint = young.fingerprint;
    }
    old.habit = old.habit.take().or(young.habit);
    old.names.absorb(young.names);
    old.services.extend(young.services);
    while old.services.len() > super::device::SERVICES_MAX {
        old.services.pop_last();
    }
    for (key, value) in young.labels {
        if old.labels.len() < super::device::LABELS_MAX {
            old.labels.entry(key).or_insert(value);
        }
    }
    old.routes |= young.routes;
    old.answered |= young.answered;
    old.vendor = old.vendor.or(young.vendor);
    old.kind_set = old.kind_set.or(young.kind_set);
    if old.trust == crate::model::Trust::Unknown {
        old.trust = young.trust;
    }
    old.owner = old.owner.take().or(young.owner);
    old.ha_owner = old.ha_owner.take().or(young.ha_owner);
    old.group = old.group.take().or(young.group);
    old.notes = old.notes.take().or(young.notes);
    old.important |= young.important;
    old.exposed |= young.exposed;
}
