//! # Time blind is not time away
//!
//! Silence counts only while somebody could have heard: an ear that is up, a segment whose
//! witnesses answer, a core that hears anything at all. Everything else freezes the mute clocks,
//! and after it they start over, with a grace.

use std::{collections::BTreeMap, time::Duration};

use crate::model::{
    Change, DeviceId, Health, InterfaceId, Moment, Mono, NetworkFacts, PartId, Presence as Where, Source,
};

use super::{Presence, device::Device, timers::Key};

/// Grace after a dark segment is back: phones rejoin later than the access point.
const GRACE_DARK: Duration = Duration::from_secs(120);
/// Witnesses heard this long before the one in question count, and must be heard this lately.
const WITNESS_BEFORE: Duration = Duration::from_secs(120);
const WITNESS_FRESH: Duration = Duration::from_secs(60);
const WITNESSES_ASKED_MAX: usize = 5;
const WITNESS_ROUNDS: u8 = 3;
const WITNESS_PAUSE: Duration = Duration::from_secs(5);
const DARK_PAUSE: Duration = Duration::from_secs(10);
/// A dark segment is asked again after this part of its silence, so that one of years costs a handful of questions.
const DARK_SHARE: u32 = 8;
/// Fell silent together: within this time.
const TOGETHER: Duration = Duration::from_secs(15);
/// More than so many at once are held.
const MASS: usize = 3;
/// Devices asked at once whether they fell silent too.
const MASS_ASKED_MAX: usize = 16;
// Nobody reported anything on so many questions: whoever puts them is gone.
const UNHEARD_MAX: u32 = 20;
// So many are enough if the silence was longer than any scanner waits for an answer.
const UNHEARD_MIN: u32 = 3;
const DEAF_AFTER: Duration = Duration::from_secs(90);
const UNHEARD_PAUSE: Duration = Duration::from_secs(300);
/// Something was heard within this time, so the world goes on.
const ATTENDED: Duration = Duration::from_secs(90);
const ROUSED: Duration = Duration::from_secs(30);
const PARTS_MAX: usize = 256;
/// However long an ear is said to be out: nobody is held for longer.
const EAR_OUT_MAX: Duration = Duration::from_secs(6 * 3600);
/// Heard so shortly before by another ear, in ms, a device does not hang on the one that is out.
const ALSO_MS: i64 = 600_000;

/// Whether a device that is due to leave may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Go,
    Wait(Mono),
}

/// A segment whose witnesses fell silent.
#[derive(Debug, Clone)]
struct Dark {
    since: Mono,
    witnesses: Vec<DeviceId>,
    /// Ends by itself: one silent plug is no proof of a dark segment for ever.
    until: Option<Mono>,
}

/// What is known of our own ears.
#[derive(Debug, Default)]
pub struct Gate {
    /// Parts by name, and whether their silence counts. Parts switched off are no ears.
    parts: BTreeMap<String, bool>,
    dark: BTreeMap<Option<InterfaceId>, Dark>,
    /// Interfaces were known once: none now means that the last one is gone.
    had_interfaces: bool,
    last_heard: Mono,
    unheard: u32,
    last_ask: Mono,
}

impl Gate {
    pub fn starting(now: Mono) -> Gate {
        Gate { last_heard: now, ..Gate::default() }
    }

    /// The networks changed.
    pub fn knows(&mut self, network: &NetworkFacts) {
        self.had_interfaces |= !network.interfaces.is_empty();
    }

    /// Entries of each table.
    pub fn sizes(&self) -> [(&'static str, usize); 2] {
        [("gate.parts", self.parts.len()), ("gate.dark", self.dark.len())]
    }

    /// Something was heard. `true` if before that nothing was, in spite of questions: whoever
    /// puts them, or the whole host, was not there.
    pub fn heard(&mut self, now: Mono) -> bool {
        let deaf = self.unheard >= UNHEARD_MIN && now.since(self.last_heard) > DEAF_AFTER;
        self.last_heard = now;
        self.unheard = 0;
        deaf
    }
    pub fn asked(&mut self, now: Mono) {
        self.unheard = self.unheard.saturating_add(1);
        self.last_ask = now;
    }

    /// From when on a question makes sense again: somebody answers or reports silence now and then.
    /// The pauses grow with the silence, so that one of years costs a handful of questions.
    pub fn ask_from(&self) -> Mono {
        if self.unheard < UNHEARD_MAX {
            return Mono(0);
        }
        self.last_ask + UNHEARD_PAUSE.max(self.last_ask.since(self.last_heard) / 4)
    }
    pub fn may_ask(&self, now: Mono) -> bool {
        self.ask_from() <= now
    }

    /// The ears or the networks changed: that nobody answered before says nothing of now.
    pub fn retry(&mut self) {
        self.unheard = 0;
    }

    /// For so long nobody was heard.
    pub fn silence(&self, now: Mono) -> Duration {
        now.since(self.last_heard)
    }

    /// Something was heard of late from anybody: the world goes on.
    pub fn attended(&self, now: Mono) -> bool {
        self.silence(now) <= ATTENDED
    }

    /// Takes the health of a part. `true` if it is heard otherwise than before.
    pub fn part(&mut self, part: &PartId, health: &Health) -> bool {
        if self.parts.len() >= PARTS_MAX && !self.parts.contains_key(&part.0) {
            return false;
        }
        let up = match health {
            Health::Up => Some(true),
            // It may mend itself, so nobody is alarmed yet; but its line is down, and its Bluetooth unheard.
            Health::Degraded { .. } => Some(part.0 != Source::HomeAssistant.word()),
            Health::Down { .. } => Some(false),
            Health::Off => None,
        };
        let before = match up {
            Some(up) => self.parts.insert(part.0.clone(), up),
            None => self.parts.remove(&part.0),
        };
        before != up
    }

    /// No capture is up, so who comes is not heard by itself.
    pub fn is_deaf_to_arrivals(&self) -> bool {
        !self.parts.is_empty() && !self.parts.iter().any(|(name, up)| *up && name.starts_with("capture"))
    }

    /// Why `device` cannot be heard now, if so.
    fn deaf_to(&self, device: &Device, network: &NetworkFacts) -> Option<&'static str> {
        let interface = device.interface.and_then(|id| network.interface(id));
        match interface {
            Some(facts) if !facts.up => return Some("interface_down"),
            None if device.interface.is_some() && self.had_interfaces => return Some("interface_down"),
            _ => {}
        }
        // What only a radio or somebody else's ear hears is heard by no other, whatever answers on the cable.
        let radio = |source: &Source| {
            matches!(
                source,
                Source::Ble
                    | Source::Bluetooth
                    | Source::WifiMonitor
                    | Source::Openwrt
                    | Source::Unifi
                    | Source::Fritzbox
                    | Source::Mqtt
                    | Source::HomeAssistant
            )
        };
        if !self.parts.is_empty() && !device.sources.is_empty() && device.sources.keys().all(radio) {
            if device.mute.ear_out.is_some() {
                return Some("sensor_down");
            }
            let up = device.sources.keys().any(|source| self.parts.get(source.word()).is_some_and(|up| *up));
            return (!up).then_some("sensor_down");
        }
        let mut ears = self.parts.iter().filter(|(name, _)| match name.strip_prefix("capture/") {
            Some(on) => interface.is_none_or(|facts| facts.name == on),
            None => *name == "netlink" || device.sources.keys().any(|source| source.word() == name.as_str()),
        });
        let known = ears.clone().next().is_some();
        if known && !ears.any(|(_, up)| *up) {
            return Some("sensor_down");
        }
        self.dark.contains_key(&device.interface).then_some("segment_dark")
    }
}

impl Presence {
    /// The ears changed: freezes and thaws whoever they hear.
    pub(super) fn regate(&mut self, grace: Duration, now: Moment, out: &mut Vec<Change>) {
        for id in self.registry.ids() {
            self.regate_one(id, grace, now, out);
        }
    }

    fn regate_one(&mut self, id: DeviceId, grace: Duration, now: Moment, out: &mut Vec<Change>) {
        let Some(device) = self.registry.get(id).filter(|device| !device.own) else { return };
        let deaf = self.gate.deaf_to(device, &self.network);
        let unknown = device.presence == Where::Unknown && device.here;
        let Some(device) = self.registry.get_mut(id) else { return };
        match (deaf, device.mute.frozen) {
            (Some(why), None) => {
                device.mute.frozen = Some((now.mono, why));
                self.timers.set(Key::Device(id), now.mono + Duration::from_millis(1));
            }
            (None, Some(_)) => {
                device.mute.frozen = None;
                device.mute.restart(now.mono, grace);
                self.timers.set(Key::Device(id), now.mono + Duration::from_millis(1));
                if unknown {
                    device.presence = Where::Home;
                    let why = device.reason;
                    let at = now.wall;
                    out.push(Change::Presence { device: id, from: Where::Unknown, to: Where::Home, why, at });
                    self.touch(id);
                }
            }
            _ => {}
        }
    }

    /// The only ear that hears `id` is out, and for so long at most it is waited for; zero: it is back.
    pub(super) fn ear_out(&mut self, id: DeviceId, lasts: Duration, now: Moment, out: &mut Vec<Change>) {
        let Some(device) = self.registry.get_mut(id) else { return };
        let heard = device.sources.get(&Source::Mqtt).map(|(_, at)| at.0);
        let also = |source: &Source, at: i64| *source != Source::Mqtt && heard.is_none_or(|heard| at + ALSO_MS > heard);
        let hears = device.sources.iter().any(|(source, (_, at))| also(source, at.0));
        if !lasts.is_zero() && (!device.here || hears) {
            return;
        }
        let until = (!lasts.is_zero()).then(|| now.mono + lasts.min(EAR_OUT_MAX));
        if std::mem::replace(&mut device.mute.ear_out, until) != until {
            self.regate_one(id, self.settings.grace.0, now, out);
        }
    }

    /// The last word before somebody is called away: do the witnesses answer, and do too many go?
    pub(super) fn may_leave(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) -> Verdict {
        let (witnesses, fresh) = self.witnesses(id, now.mono);
        let weigh = |ids: &[DeviceId]| -> usize {
            ids.iter().map(|id| if self.registry.get(*id).is_some_and(|d| d.gateway) { 2 } else { 1 }).sum()
        };
        if weigh(&fresh) * 2 < weigh(&witnesses) {
            return self.doubt(id, witnesses, &fresh, now, out);
        }
        if self.is_mass(id, witnesses.is_empty()) {
            if let Some(again) = self.ask_the_others(id, now, out) {
                return Verdict::Wait(again);
            }
            let hold = self.settings.hold_mass.0;
            let Some(device) = self.registry.get_mut(id) else { return Verdict::Go };
            let until = *device.mute.held.get_or_insert(now.mono + hold);
            if until > now.mono {
                // The others may only not have been asked yet: looked at soon, and less and less often.
                let held = hold.saturating_sub(until.since(now.mono));
                return Verdict::Wait(until.min(now.mono + (held / 4).max(WITNESS_PAUSE * 2)));
            }
        }
        Verdict::Go
    }

    /// When a device was heard last on the way that questions take. A mirror port goes on hearing who speaks by itself,
    /// though nobody hears this host any more.
    fn answered(&self, device: &Device) -> Mono {
        let listens = device.interface.and_then(|id| self.network.interface(id)).is_some_and(|i| i.only_listens());
        if listens { device.last.mono } else { device.reached }
    }

    /// Devices that were heard when `id` was and always answer; and those of them heard just now.
    fn witnesses(&self, id: DeviceId, now: Mono) -> (Vec<DeviceId>, Vec<DeviceId>) {
        let Some(candidate) = self.registry.get(id) else { return (Vec::new(), Vec::new()) };
        let since = candidate.last.mono - WITNESS_BEFORE;
        let all: Vec<&Device> = self
            .registry
            .iter()
            .filter(|d| d.id != id && d.is_witness() && d.interface == candidate.interface && d.last.mono >= since)
            .filter(|d| !self.discredited.contains(&d.id))
            .collect();
        let fresh = all.iter().filter(|d| now.since(self.answered(d)) <= WITNESS_FRESH).map(|d| d.id).collect();
        (all.into_iter().map(|d| d.id).collect(), fresh)
    }

    /// Fewer than half of the witnesses were heard of late: asks them, and then calls the segment dark.
    fn doubt(
        &mut self,
        id: DeviceId,
        witnesses: Vec<DeviceId>,
        fresh: &[DeviceId],
        now: Moment,
        out: &mut Vec<Change>,
    ) -> Verdict {
        let Some(device) = self.registry.get_mut(id) else { return Verdict::Go };
        let interface = device.interface;
        if device.mute.witness_rounds < WITNESS_ROUNDS {
            device.mute.witness_rounds += 1;
            for witness in witnesses.iter().filter(|w| !fresh.contains(w)).take(WITNESSES_ASKED_MAX) {
                self.ask_first(*witness, 0, now, out);
            }
            return Verdict::Wait(now.mono + WITNESS_PAUSE);
        }
        device.mute.witness_rounds = 0;
        let gateway = witnesses.iter().any(|w| self.registry.get(*w).is_some_and(|d| d.gateway));
        let until = (!gateway && witnesses.len() == 1).then(|| now.mono + self.settings.unknown_after.0);
        tracing::warn!(witnesses = witnesses.len(), "a segment fell silent as a whole: nobody leaves until it is back");
        self.gate.dark.insert(interface, Dark { since: now.mono, witnesses, until });
        self.timers.set(Key::Dark(interface), now.mono + DARK_PAUSE);
        self.regate(GRACE_DARK, now, out);
        Verdict::Wait(now.mono + self.settings.unknown_after.0)
    }

    /// Looks whether a dark segment is back.
    pub(super) fn tend_dark(&mut self, interface: Option<InterfaceId>, now: Moment, out: &mut Vec<Change>) {
        let Some(dark) = self.gate.dark.get(&interface).cloned() else { return };
        let alive =
            dark.witnesses.iter().filter(|id| self.registry.get(**id).is_some_and(|d| self.answered(d) > dark.since));
        // Those that were forgotten or joined to somebody meanwhile cannot come back.
        let known = dark.witnesses.iter().filter(|id| self.registry.get(**id).is_some()).count();
        let back = alive.count() * 2 >= known;
        let over = dark.until.is_some_and(|until| until <= now.mono);
        if back || over {
            if !back {
                self.discredited.extend(dark.witnesses);
            }
            tracing::info!(dark_s = now.mono.since(dark.since).as_secs(), "a silent segment is back");
            self.gate.dark.remove(&interface);
            self.regate(GRACE_DARK, now, out);
            return;
        }
        let mut asked = false;
        for witness in dark.witnesses.iter().take(WITNESSES_ASKED_MAX) {
            asked |= self.ask_first(*witness, 0, now, out);
        }
        // While nothing is heard at all, no witness can be back. Those that cannot be asked are not waited for closely,
        // and one that speaks is seen at once (`heard_in_the_dark`): the pauses grow with the silence.
        let pause = if asked { DARK_PAUSE } else { DARK_PAUSE * 6 }.max(now.mono.since(dark.since) / DARK_SHARE);
        let again = (now.mono + pause).max(self.gate.ask_from());
        self.timers.set(Key::Dark(interface), dark.until.map_or(again, |until| again.min(until)));
    }

    /// A witness of a dark segment speaks: it is soon looked whether the others do.
    pub(super) fn heard_in_the_dark(&mut self, id: DeviceId, now: Moment) {
        for (interface, _) in self.gate.dark.iter().filter(|(_, dark)| dark.witnesses.contains(&id)) {
            self.timers.by(Key::Dark(*interface), now.mono + DARK_PAUSE);
        }
    }

    /// Those heard last when `id` was may only not have been asked since: a round of a sweep hears
    /// everybody at once. Says when to look again.
    fn ask_the_others(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) -> Option<Mono> {
        let device = self.registry.get_mut(id).filter(|device| device.mute.held.is_none())?;
        if device.mute.witness_rounds >= WITNESS_ROUNDS || !self.settings.ask {
            return None;
        }
        let (last, rounds) = (device.last.mono, device.mute.witness_rounds);
        let others = self.registry.iter().filter(|d| d.id != id && is_counted(d) && together(d.last.mono, last));
        let unasked: Vec<DeviceId> =
            others.filter(|d| d.mute.spell.is_none()).map(|d| d.id).take(MASS_ASKED_MAX).collect();
        if unasked.is_empty() {
            return None;
        }
        for other in unasked {
            self.ask_first(other, 0, now, out);
        }
        if let Some(device) = self.registry.get_mut(id) {
            device.mute.witness_rounds = rounds + 1;
        }
        Some(now.mono + WITNESS_PAUSE)
    }

    /// Too many fell silent together to believe that they left.
    fn is_mass(&self, id: DeviceId, alone: bool) -> bool {
        let Some(candidate) = self.registry.get(id) else { return false };
        let last = candidate.last.mono;
        let (mut present, mut together) = (0usize, 0usize);
        for device in self.registry.iter().filter(|d| is_counted(d)) {
            present += 1;
            together += usize::from(self::together(device.last.mono, last));
        }
        together > MASS || (alone && together >= 2 && together * 10 >= present * 6)
    }

    /// Nothing was heard in spite of questions: all silences start over.
    pub(super) fn wake_up(&mut self, now: Moment) {
        let grace = self.settings.grace.0;
        tracing::warn!("nobody answered or reported silence: everybody's silence starts over");
        for id in self.registry.ids() {
            if let Some(device) = self.registry.get_mut(id).filter(|device| device.here && !device.own) {
                device.mute.restart(now.mono, grace);
                self.timers.by(Key::Device(id), now.mono + Duration::from_secs(1));
            }
        }
    }

    /// The first sign of life after nobody was heard for `silence`: what waited for one is looked at soon,
    /// when everybody else had a chance to be heard as well.
    pub(super) fn rouse(&mut self, silence: Duration, now: Moment) {
        for id in self.registry.ids() {
            match self.registry.get(id) {
                Some(device) if device.own => {}
                Some(device) if device.here => self.timers.by(Key::Device(id), now.mono + ROUSED),
                Some(_) if self.gate.is_deaf_to_arrivals() => {
                    self.timers.by(Key::Device(id), now.mono + self.looking_pause());
                }
                _ => {}
            }
        }
        // A segment dark for longer has had such signs before.
        let whole = |dark: &Dark| silence >= now.mono.since(dark.since) / DARK_SHARE;
        for (interface, _) in self.gate.dark.iter().filter(|(_, dark)| whole(dark)) {
            self.timers.by(Key::Dark(*interface), now.mono + DARK_PAUSE);
        }
    }

    /// For so long nothing could be heard at all.
    pub(super) fn skip_blind(&mut self, blind: Duration, now: Moment) {
        if blind.is_zero() {
            return;
        }
        let grace = self.settings.grace.0;
        self.timers.postpone(now.mono + Duration::from_secs(1));
        for id in self.registry.ids() {
            let Some(device) = self.registry.get_mut(id) else { continue };
            if device.here && !device.own {
                device.mute.skip(blind, now.mono, grace);
                self.timers.by(Key::Device(id), now.mono + Duration::from_secs(1));
            }
        }
        self.gate.heard(now.mono);
    }
}

/// Its silence may be a departure. That of those whom no ear can hear is explained.
fn is_counted(device: &Device) -> bool {
    device.here && !device.own && device.mute.frozen.is_none()
}

/// Fell silent together, as far as these last signs of life tell.
fn together(a: Mono, b: Mono) -> bool {
    a.since(b).max(b.since(a)) <= TOGETHER
}
