//! # What was seen, and what follows at once
//!
//! Only proofs move clocks. A first proof is an arrival in the same call: no debounce, no second
//! look. Everything else said of a device is kept for its name, kind and identity.

use std::{net::IpAddr, sync::Arc, time::Duration};

use crate::model::{
    Change, DeviceId, Fact, Moment, Mono, Observation, Presence as Where, Probe, Proof, Source, Subject, clean_text,
    is_unicast,
};

use super::{
    Presence, SWEEP,
    addresses::{Claim, is_reached, place},
    departure::{Spell, Trip},
    identity::newborn,
    joins,
    timers::Key,
    windows::Window,
};

/// Addresses of which facts are kept, though nobody was seen to use them yet.
pub const WAITING_MAX: usize = 1_024;
const TEXT_MAX: usize = 120;
const CLIENT_ID_MAX: usize = 64;

/// An answer may be on its way while it is decided that there is none. Older news were known then: what
/// the kernel remembers of a device that left is no return.
const ON_ITS_WAY: Duration = Duration::from_secs(5);
/// What a device says so soon after a question may be its answer.
const ANSWERS_IN: Duration = Duration::from_secs(5);
/// Addresses of forgotten devices, whose old news must not make them again.
pub const FORGOTTEN_MAX: usize = 256;

impl Presence {
    pub(super) fn take(&mut self, seen: &Observation, now: Moment, out: &mut Vec<Change>) {
        // What this host does itself says nothing of what its ears hear, also if a mirror port brings it back.
        let is_echo = seen.subject.mac.is_some_and(|mac| self.network.is_own_mac(mac));
        if !is_echo && !matches!(seen.source, Source::Sockets | Source::Processes) {
            let alone = !self.gate.attended(now.mono) || !self.gate.may_ask(now.mono);
            let silence = self.gate.silence(now.mono);
            if self.gate.heard(now.mono) {
                self.wake_up(now);
            }
            if alone {
                self.rouse(silence, now);
            }
        }
        match &seen.fact {
            Fact::Alive { proof, age } => self.alive(seen, *proof, *age, now, out),
            Fact::Unanswered { probe } => self.unanswered(&seen.subject, *probe, now, out),
            Fact::Crowd(count) => self.air.counted(seen.source, *count, seen.at.mono),
            Fact::AccessPoint(point) => {
                if let Some(bssid) = seen.subject.mac.filter(|mac| mac.is_station()) {
                    self.air.told(bssid, point, seen.source, seen.at);
                }
            }
            // Told anew each time; for detectors.
            Fact::PortMap(_) | Fact::Uplink(_) | Fact::DhcpOffer(_) | Fact::Sockets(_) | Fact::Programs(_) => {}
            Fact::AnsweredForNobody { .. } | Fact::PairingOffers(_) | Fact::LostTag { .. } => {}
            _ => match self.registry.resolve(&seen.subject) {
                Some(id) => {
                    let id = self.learn(id, seen, now, out);
                    self.attach(id, &seen.subject, now.mono, Claim::of(seen), now, out);
                }
                None => self.remember(seen),
            },
        }
    }

    fn alive(&mut self, seen: &Observation, proof: Proof, age: Duration, now: Moment, out: &mut Vec<Change>) {
        let subject = self.cleaned(&seen.subject);
        let age = now.mono.since(seen.at.mono).saturating_add(age);
        let at = now.earlier(age);
        let own = proof == Proof::OwnHost
            || match (subject.mac, subject.ip) {
                (Some(mac), _) => self.network.is_own_mac(mac),
                (None, Some(ip)) => self.network.is_own_ip(ip),
                (None, None) => return,
            };
        let resolved = self.registry.resolve(&subject);
        let resolved = if own { resolved } else { self.fleshed_out(resolved, &subject, now, out) };
        let known = if own { self.as_own(resolved, subject.mac, now, out) } else { resolved };
        if let Some(id) = known {
            self.proven(id, &subject, seen, (proof, at, age), now, out);
        } else if subject.mac.and_then(|mac| self.forgotten.get(&mac)).is_some_and(|then| at.mono <= *then) {
            // Heard before it was forgotten.
        } else if own || subject.mac.is_some() || self.is_beyond_router(&subject, proof) {
            self.found(&subject, seen, (proof, at, age), own, now, out);
        }
    }

    /// A group address or zeros are nobody; an address that cannot be a host's says nothing.
    fn cleaned(&self, subject: &Subject) -> Subject {
        Subject { mac: subject.mac.filter(|mac| mac.is_station()), ip: subject.ip.filter(|ip| is_unicast(*ip)) }
    }

    /// An address without a MAC is a device only where no MAC can be seen: on a private network
    /// that this host is not attached to, and if the host there answered itself.
    fn is_beyond_router(&self, subject: &Subject, proof: Proof) -> bool {
        let private = subject.ip.is_some_and(|ip| match ip {
            IpAddr::V4(ip) => ip.is_private(),
            IpAddr::V6(ip) => ip.is_unique_local(),
        });
        private
            && matches!(proof, Proof::IcmpReply | Proof::TcpAnswer)
            && subject.ip.is_some_and(|ip| !self.network.is_attached(ip) && !self.network.is_own_ip(ip))
    }

    fn found(
        &mut self,
        subject: &Subject,
        seen: &Observation,
        (proof, at, age): (Proof, Moment, Duration),
        own: bool,
        now: Moment,
        out: &mut Vec<Change>,
    ) {
        if !own && !self.lets_in(subject, seen, proof, now) {
            return;
        }
        let id = self.registry.mint();
        let mut device = newborn(id, subject, at);
        device.own = own;
        device.interface = place(&self.network, seen, None);
        device.reason = proof.word();
        device.sources.insert(seen.source, (proof, at.wall));
        device.mute.sleep = super::departure::Sleep::default();
        let wait = self.may_be_known(&device);
        device.unannounced = Some(if wait { now.mono + joins::UNTOLD } else { now.mono });
        self.registry.insert(device);
        if own {
            self.own = Some(id);
        }
        self.attach_quietly(id, subject, at.mono, Claim::of(seen));
        let facts = subject.mac.and_then(|mac| self.waiting.remove(&mac)).unwrap_or_default();
        for fact in &facts {
            if self.learn(id, fact, now, out) != id {
                return; // it was somebody known
            }
        }
        self.classify(id, now, out);
        let fresh = age <= self.settings.arrival_max_age.0;
        if !fresh {
            self.timers.by(Key::Sweep, now.mono + SWEEP);
            // Not proven now: it is asked, and an answer makes it arrive.
            if let Some(device) = self.registry.get_mut(id) {
                device.presence = Where::Away;
            }
            self.ask_once(id, now, out);
        }
        self.ask_in_a_crowd(id, now, out);
        match (wait, fresh) {
            (true, _) => {}
            (false, true) => self.welcome(id, at, proof.word(), now, out),
            (false, false) => self.announce(id, now, out),
        }
        self.timers
            .by(Key::Device(id), if wait { now.mono + joins::UNTOLD } else { now.mono + Duration::from_secs(1) });
        while let Some(gone) = self.registry.to_evict(self.exposure.all, now).filter(|gone| *gone != id) {
            self.forget(gone, now, out);
        }
    }

    fn proven(
        &mut self,
        id: DeviceId,
        subject: &Subject,
        seen: &Observation,
        (proof, at, age): (Proof, Moment, Duration),
        now: Moment,
        out: &mut Vec<Change>,
    ) {
        let mut id = id;
        if self.is_answered_for(id, proof, at.mono) {
            return;
        }
        let by_radio = matches!(seen.source, Source::Ble | Source::Bluetooth);
        if let Some(mac) = subject.mac {
            id = self.spoke_as(id, mac, at.mono, by_radio, now, out);
        }
        let fresh = age <= self.settings.arrival_max_age.0;
        self.discredited.remove(&id);
        // Another ear hears it after all.
        if self.registry.get(id).is_some_and(|device| device.mute.ear_out.is_some()) {
            self.ear_out(id, Duration::ZERO, now, out);
        }
        if !by_radio {
            self.weigh_proposals(id, at.mono);
        }
        let (reached, unheard) = (is_reached(&self.network, seen), self.gate.is_deaf_to_arrivals());
        let (asked_from, evidence) = self.silence_that_ends(id, at.mono, now);
        let others = self.others_tell(id);
        self.heard_by(id, seen.source, (proof, at));
        self.heard_in_the_dark(id, now);
        let Some(device) = self.registry.get_mut(id) else { return };
        let joined = (!unheard && !device.joins_unheard()).then(|| proof.is_join());
        let answers = |asked: Mono| asked <= at.mono && at.mono.since(asked) <= ANSWERS_IN;
        device.reached = if reached { device.reached.max(at.mono) } else { device.reached };
        device.answered |= !proof.is_self_started() && device.asked.is_some_and(answers);
        let newer = at.mono > device.last.mono || (at.mono == device.last.mono && at.wall >= device.last.wall);
        if device.unannounced.is_some() {
            if newer {
                device.last = at;
            }
        } else if device.here {
            if let Some(window) = &mut device.window {
                window.seen(at.wall, newer);
            }
            if newer {
                let gap = at.mono.since(device.last.mono);
                device.mute.sleep.ended(gap, at.mono, proof.is_join());
                device.last = at;
                device.interface = place(&self.network, seen, device.interface);
                let asked = device.mute.spell.take_if(|spell| spell.first_ask <= at.mono);
                let unasked = || {
                    let from = asked_from.filter(|from| *from < at.mono && device.mute.frozen.is_none())?;
                    Some(Spell::unasked(device.mute.quiet_since, from, device.context(now)))
                };
                let was_asked = asked.is_some();
                match asked.or_else(unasked) {
                    Some(spell) => {
                        device.woke(Trip { spell, by_habit: false, seen: evidence, left: false }, at, joined, others)
                    }
                    None if device.mute.lesson.is_some() => device.teach(at, joined, others),
                    None => {}
                }
                device.mute.proven(at.mono);
                if proof.is_self_started() {
                    device.activity.spoke(at.mono);
                }
                let settled = device.mute.spell.is_none();
                if settled && device.presence != Where::Home {
                    let from = std::mem::replace(&mut device.presence, Where::Home);
                    device.reason = proof.word();
                    if let Some(window) = &mut device.window {
                        window.reconnects = window.reconnects.saturating_add(1);
                    }
                    if device.unannounced.is_none() {
                        let (why, at) = (proof.word(), at.wall);
                        out.push(Change::Presence { device: id, from, to: Where::Home, why, at });
                    }
                    self.touch(id);
                }
                // Its timer waits for the answer that is here: for most there is nothing to do for a while.
                if was_asked && let Some(at) = self.is_heard_enough(id, now) {
                    self.timers.set(Key::Device(id), at);
                }
            }
            self.teach_newcomers(id);
            let lesson = self.registry.get_mut(id).is_some_and(|device| std::mem::take(&mut device.lesson_due));
            if lesson {
                self.touch(id);
            }
            self.stitch_if_due(id, now, out);
            self.grew_stale(id);
        } else if newer && fresh && at.mono + ON_ITS_WAY > device.since.mono {
            if let Some(device) = self.registry.get_mut(id) {
                device.interface = place(&self.network, seen, device.interface);
                device.shows_second_key(seen.source);
            }
            if self.registry.get(id).is_some_and(|device| self.must_prove(device)) {
                self.waits_for_proof(id, (proof, at));
                self.grew_stale(id);
            } else {
                self.arrive(id, at, proof.word(), now, out);
            }
        } else if newer {
            device.last = at;
            self.grew_stale(id);
        }
        self.attach(id, subject, at.mono, Claim::of(seen), now, out);
        self.ask_in_a_crowd(id, now, out);
    }

    /// By whom it is heard is shown, and that another one hears it as well at once.
    fn heard_by(&mut self, id: DeviceId, source: Source, (proof, at): (Proof, Moment)) {
        let Some(device) = self.registry.get_mut(id) else { return };
        if device.sources.insert(source, (proof, at.wall)).is_none() {
            self.touch(id);
        }
    }

    /// Whose identity must be proven stays away until it is.
    fn waits_for_proof(&mut self, id: DeviceId, (proof, at): (Proof, Moment)) {
        let Some(device) = self.registry.get_mut(id) else { return };
        // One with a fixed address asks nothing: there it is enough that it comes anew.
        let fixed = device.visit.doubt.is_some() && device.fingerprint.is_fixed();
        if proof == Proof::DhcpRequest || proof.is_join() && fixed {
            device.visit.again();
            self.dirty.insert(id);
        }
        device.visit.held.get_or_insert((at, proof.word()));
        device.last = at;
    }

    /// It is here: opens the window and says so.
    pub(super) fn arrive(&mut self, id: DeviceId, at: Moment, why: &'static str, now: Moment, out: &mut Vec<Change>) {
        let segment = self.segment(id);
        let ask_after = self.settings.ask_after.busy.0;
        let unheard = self.gate.is_deaf_to_arrivals();
        let others = self.others_tell(id);
        let Some(device) = self.registry.get_mut(id) else { return };
        let was_here = device.here && device.window.is_some();
        let from = std::mem::replace(&mut device.presence, Where::Home);
        let since_last = between(device.last, at).as_secs();
        device.mute.proven(at.mono);
        device.mute.quiet_since = device.mute.quiet_since.max(at.mono);
        if was_here {
            device.last = at;
            device.reason = why;
            if let Some(window) = &mut device.window {
                window.seen(at.wall, false);
                window.reconnects = window.reconnects.saturating_add(u32::from(from != Where::Home));
            }
            if from != Where::Home {
                out.push(Change::Presence { device: id, from, to: Where::Home, why, at: at.wall });
            }
            self.touch(id);
            return;
        }
        if let Some(trip) = device.mute.trip.take() {
            let joins = why.parse().is_ok_and(Proof::is_join);
            let joined = (!unheard && !device.joins_unheard()).then_some(joins);
            device.woke(trip, at, joined, others);
        }
        device.mute.sleep = super::departure::Sleep::default();
        device.mute.sleep.ended(Duration::from_secs(3600), at.mono, true);
        device.entered |= why.parse().is_ok_and(Proof::is_entry);
        (device.last, device.since, device.reason, device.here) = (at, at, why, true);
        let window = Window::open(at.wall, segment);
        let view = window.view(id, None);
        device.window = Some(window);
        device.confidence = None;
        device.is_witnessed = false;
        if from == Where::Away {
            device.away_for_s = since_last;
        }
        self.timers.by(Key::Device(id), at.mono + ask_after);
        self.touch(id);
        out.push(Change::Presence { device: id, from, to: Where::Home, why, at: at.wall });
        if from == Where::Away {
            out.push(Change::DeviceReturned { device: self.view_of(id), at: at.wall, away_s: since_last });
        }
        out.push(Change::WindowOpened { window: view });
        self.settle(id, now, out);
        self.teach_newcomers(id);
        self.stitch_if_due(id, now, out);
    }

    /// Says for the first time that it exists, and that it is here.
    pub(super) fn welcome(&mut self, id: DeviceId, at: Moment, why: &'static str, now: Moment, out: &mut Vec<Change>) {
        let before = out.len();
        self.announce(id, now, out);
        self.arrive(id, at, why, now, out);
        // Whoever reads of the find reads of a device that is here.
        let here = self.view_of(id);
        for change in out.iter_mut().skip(before) {
            match change {
                Change::DeviceFound { device, .. } if device.id == id => *device = Arc::clone(&here),
                _ => {}
            }
        }
    }

    /// Says for the first time that it exists.
    pub(super) fn announce(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        let Some(device) = self.registry.get_mut(id) else { return };
        device.unannounced = None;
        let at = device.first_seen;
        self.entitle(id, now, out);
        self.settle(id, now, out);
        self.touch(id);
        out.push(Change::DeviceFound { device: self.view_of(id), at });
        self.announce_services(id, now, out);
        self.tell_proposal(id, now, out);
    }

    fn unanswered(&mut self, subject: &Subject, probe: Probe, now: Moment, out: &mut Vec<Change>) {
        let Some(id) = self.registry.resolve(subject) else { return };
        let rules = self.rules(id, now);
        let Some(device) = self.registry.get_mut(id) else { return };
        // An answer to another question may have come since.
        if !device.here || now.mono.since(device.mute.quiet_since) < rules.ask_after {
            return;
        }
        let context = device.context(now);
        device.mute.unanswered(probe, now.mono, context);
        self.tend(id, now, out);
    }

    /// Takes a fact that is no proof. Returns who it is now: facts may join it to somebody.
    fn learn(&mut self, id: DeviceId, seen: &Observation, now: Moment, out: &mut Vec<Change>) -> DeviceId {
        if let Some(device) = self.registry.get_mut(id) {
            device.learned_from(seen);
        }
        self.compare_visit(id, seen, now, out);
        match &seen.fact {
            Fact::Gone(goodbye) => self.said_goodbye(id, *goodbye, seen.at.mono, now),
            Fact::Listed => self.listed(id, seen.at.mono, now),
            Fact::EarOut(lasts) => self.ear_out(id, *lasts, now, out),
            Fact::Address(ip) => {
                let granted = Subject { mac: None, ip: Some(*ip) };
                self.attach(id, &granted, seen.at.mono.min(now.mono), Claim::Uses, now, out);
            }
            Fact::Named { name, by } => {
                let name = clean_text(name, TEXT_MAX * 2);
                self.registry.unindex_dhcp(id);
                let changed = self.registry.get_mut(id).is_some_and(|device| device.names.hear(*by, &name, now.mono));
                self.rekey(id);
                if let Some(due) = self.registry.get(id).and_then(|device| device.names.due()) {
                    self.timers.by(Key::Device(id), due);
                }
                if changed {
                    // Also if another name is shown: the host name is told as well.
                    self.touch(id);
                    self.classify(id, now, out);
                    let who = self.joined(id, now, out);
                    if who == id && *by == crate::model::Heard::Dhcp {
                        self.told_all(id, now);
                    }
                    return who;
                }
            }
            Fact::Dhcp { asked, vendor_class, client_id } => {
                self.registry.unindex_dhcp(id);
                let before = self.registry.get(id).map(|device| device.dhcp.clone());
                if let Some(device) = self.registry.get_mut(id) {
                    if !asked.is_empty() {
                        device.dhcp.asked = asked.iter().take(u8::MAX.into()).copied().collect();
                    }
                    if let Some(class) = vendor_class {
                        device.dhcp.vendor_class = Some(clean_text(class, TEXT_MAX));
                    }
                    if let Some(client) = client_id {
                        device.dhcp.client_id = Some(client.iter().take(CLIENT_ID_MAX).copied().collect());
                    }
                }
                let has_changed = self.registry.get(id).map(|device| &device.dhcp) != before.as_ref();
                self.rekey(id);
                if has_changed {
                    self.touch(id);
                    self.classify(id, now, out);
                }
                return self.joined(id, now, out);
            }
            Fact::Service { .. } | Fact::ServiceGone { .. } | Fact::Product { .. } => {
                self.offers(id, &seen.fact, now, out);
            }
            Fact::Label { key, value } => {
                let value = clean_text(value, TEXT_MAX);
                let Some(device) = self.registry.get_mut(id) else { return id };
                if device.label(key, value) {
                    if *key == "vlan" {
                        let segment = self.segment(id);
                        if let Some(window) = self.registry.get_mut(id).and_then(|device| device.window.as_mut()) {
                            window.segment = window.segment.take().or(segment);
                        }
                    }
                    self.classify(id, now, out);
                    self.touch(id);
                }
            }
            Fact::Routes => {
                if self.registry.get_mut(id).is_some_and(|device| !std::mem::replace(&mut device.routes, true)) {
                    self.touch(id);
                    self.classify(id, now, out);
                }
            }
            Fact::Level(level) => self.so_loud(id, *level, None, seen, out),
            Fact::HeardAt(heard) => self.so_loud(id, heard.level, Some(heard), seen, out),
            Fact::AddressConflict { .. } | Fact::Alive { .. } | Fact::Unanswered { .. } => {}
            Fact::Crowd(_) | Fact::AccessPoint(_) => {}
            Fact::PortMap(_) | Fact::Uplink(_) | Fact::DhcpOffer(_) | Fact::Sockets(_) | Fact::Programs(_) => {}
            Fact::AnsweredForNobody { .. } | Fact::PairingOffers(_) | Fact::LostTag { .. } => {}
        }
        id
    }

    fn joined(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) -> DeviceId {
        self.try_join(id, now, out)
    }
}

/// The time between two moments: by the steady clock if both are of this boot.
pub(super) fn between(from: Moment, to: Moment) -> Duration {
    if from.mono.0 == 0 {
        Duration::from_millis(to.wall.0.saturating_sub(from.wall.0).max(0).unsigned_abs())
    } else {
        to.mono.since(from.mono)
    }
}
