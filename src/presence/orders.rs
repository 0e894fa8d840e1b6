//! # What people want of a device
//!
//! The same value again is done already: it changes nothing and says so.

use std::time::Duration;

use crate::model::{
    Answer, Change, Command, DeviceId, LeaveReason, Moment, Presence as Where, Probe, Refusal, RefusalCode, Tier,
    Trust, clean_text,
};

use super::{Presence, device::Device, names, timers::Key};

const NOTES_MAX: usize = 1_000;
const WORD_MAX: usize = 60;
/// The longest time to away that may be set.
const AWAY_AFTER_MAX: Duration = Duration::from_secs(86_400);

type Done = Result<Answer, Refusal>;

impl Presence {
    pub(super) fn order(&mut self, command: &Command, now: Moment, out: &mut Vec<Change>) -> Option<Done> {
        Some(match command {
            Command::Rename { device, name } => self.rename(*device, name.as_deref(), now, out),
            Command::Trust { device, trust } => {
                let trust = *trust;
                // Whoever is trusted anew is who it says it is now.
                self.recognise(*device, true);
                self.edit(*device, now, out, |d| {
                    // Whoever trusts a device wants to see it.
                    let unhides = trust == Trust::Trusted && std::mem::replace(&mut d.hidden, false);
                    std::mem::replace(&mut d.trust, trust) != trust || unhides
                })
            }
            Command::SetKind { device, kind } => self.set_kind(*device, *kind, now, out),
            Command::SetOwner { device, owner } => {
                let owner = owner.as_deref().map(|text| clean_text(text, WORD_MAX)).filter(|text| !text.is_empty());
                self.edit(*device, now, out, |d| replaced(&mut d.owner, owner))
            }
            Command::SetGroup { device, group } => {
                let group = group.as_deref().map(|text| clean_text(text, WORD_MAX)).filter(|text| !text.is_empty());
                self.edit(*device, now, out, |d| replaced(&mut d.group, group))
            }
            Command::SetNotes { device, notes } => {
                let notes = notes.as_deref().map(|text| clean_text(text, NOTES_MAX)).filter(|text| !text.is_empty());
                self.edit(*device, now, out, |d| replaced(&mut d.notes, notes))
            }
            Command::SetAlerts { device, on } => self.edit(*device, now, out, |d| replaced(&mut d.alerts, *on)),
            Command::SetImportant { device, on } => self.edit(*device, now, out, |d| replaced(&mut d.important, *on)),
            Command::SetAwayAfter { device, after } => self.set_away_after(*device, *after, now, out),
            Command::Expose { device } => self.edit(*device, now, out, |d| {
                let unhides = std::mem::replace(&mut d.hidden, false);
                replaced(&mut d.exposed, true) || unhides
            }),
            Command::Hide { device, by_ha } => {
                tracing::debug!(%device, by_ha, "hidden");
                self.edit(*device, now, out, |d| {
                    let shown = std::mem::replace(&mut d.exposed, false);
                    replaced(&mut d.hidden, true) || shown
                })
            }
            Command::Forget { device } => match self.registry.get(*device) {
                None => Err(Refusal::no_device(*device)),
                Some(known) if known.own => {
                    Err(Refusal::new(RefusalCode::NotPermitted, "this host itself cannot be forgotten"))
                }
                Some(_) => {
                    self.forget(*device, now, out);
                    Ok(Answer::Done)
                }
            },
            Command::Merge { a, b } => self.order_merge(*a, *b, now, out),
            Command::Split { device } => match self.registry.get(*device).map(|known| known.joined.is_some()) {
                None => Err(Refusal::no_device(*device)),
                Some(false) => Err(Refusal::new(RefusalCode::BadRequest, "nothing was merged into this device")),
                Some(true) => Ok(self.split(*device, now, out).map_or(Answer::Done, Answer::Device)),
            },
            Command::WasHome { device } => self.was_home(*device, now, out),
            Command::PersonWasHome { person } => self.person_was_home(*person, now, out),
            Command::AnswerProposal { device, is_same } => self.answer_proposal(*device, *is_same, now, out),
            Command::Check { device } => self.check(*device, now, out),
            Command::Ports { device, full } => self.try_ports(*device, *full, out),
            Command::SetMode { mode } => {
                self.set_mode(*mode, now, out);
                Ok(Answer::Done)
            }
            _ => return None,
        })
    }

    /// Changes a device; `change` says whether anything is different.
    fn edit(
        &mut self,
        id: DeviceId,
        now: Moment,
        out: &mut Vec<Change>,
        change: impl FnOnce(&mut Device) -> bool,
    ) -> Done {
        let device = self.registry.get_mut(id).ok_or_else(|| Refusal::no_device(id))?;
        if change(device) {
            self.edited(id, now, out);
        }
        Ok(Answer::Done)
    }

    fn edited(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        self.touch(id);
        let before = out.len();
        self.settle(id, now, out);
        self.registry.index(id);
        let said = |change: &Change| matches!(change, Change::DeviceChanged { device } if *device == id);
        if !out.get(before..).is_some_and(|new| new.iter().any(said)) {
            out.push(Change::DeviceChanged { device: id });
        }
    }

    fn rename(&mut self, id: DeviceId, name: Option<&str>, now: Moment, out: &mut Vec<Change>) -> Done {
        let name = match name.map(str::trim).filter(|name| !name.is_empty()) {
            None => None,
            Some(name) => Some(
                names::clean(name)
                    .ok_or_else(|| Refusal::new(RefusalCode::BadRequest, format!("{name:?} is no name")))?,
            ),
        };
        let device = self.registry.get_mut(id).ok_or_else(|| Refusal::no_device(id))?;
        if device.names.own == name {
            return Ok(Answer::Done);
        }
        if name.is_some() {
            device.hidden = false;
        }
        device.names.own = name;
        self.entitle(id, now, out);
        self.edited(id, now, out);
        Ok(Answer::Done)
    }

    fn set_kind(&mut self, id: DeviceId, kind: Option<crate::model::Kind>, now: Moment, out: &mut Vec<Change>) -> Done {
        let device = self.registry.get_mut(id).ok_or_else(|| Refusal::no_device(id))?;
        let from = device.kind();
        if !replaced(&mut device.kind_set, kind) {
            return Ok(Answer::Done);
        }
        let to = device.kind();
        if from != to {
            out.push(Change::KindChanged { device: id, from, to, at: now.wall });
        }
        self.entitle(id, now, out);
        self.edited(id, now, out);
        self.timers.by(Key::Device(id), now.mono + Duration::from_secs(1));
        Ok(Answer::Done)
    }

    fn set_away_after(&mut self, id: DeviceId, after: Duration, now: Moment, out: &mut Vec<Change>) -> Done {
        if after > AWAY_AFTER_MAX {
            return Err(Refusal::new(RefusalCode::BadRequest, "away_after is at most 86400 seconds; 0 means learned"));
        }
        self.timers.by(Key::Device(id), now.mono + Duration::from_secs(1));
        self.edit(id, now, out, |d| replaced(&mut d.away_after, Duration::from_secs(after.as_secs())))
    }

    fn order_merge(&mut self, a: DeviceId, b: DeviceId, now: Moment, out: &mut Vec<Change>) -> Done {
        let one = self.registry.get(a).ok_or_else(|| Refusal::no_device(a))?;
        let two = self.registry.get(b).ok_or_else(|| Refusal::no_device(b))?;
        if a == b {
            return Err(Refusal::new(RefusalCode::BadRequest, "a device cannot be merged with itself"));
        }
        if one.own || two.own {
            return Err(Refusal::new(RefusalCode::NotPermitted, "this host itself cannot be merged"));
        }
        Ok(Answer::Device(self.merge(a, b, false, now, out)))
    }

    /// Asks it now, in all ways there are.
    fn check(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) -> Done {
        let device = self.registry.get(id).ok_or_else(|| Refusal::no_device(id))?;
        if device.own {
            return Ok(Answer::Done);
        }
        let ways = self.ways(id);
        let mut probes = Vec::new();
        if ways.attached && ways.v4 {
            probes.push(Probe::Arp);
        }
        if ways.attached && ways.v6 {
            probes.push(Probe::Nd);
        }
        if ways.v4 || ways.v6 {
            probes.extend([Probe::Icmp, Probe::Mdns]);
        }
        if !ways.attached && (ways.v4 || ways.v6) {
            probes.push(Probe::Tcp);
        }
        if probes.is_empty() {
            return Err(Refusal::new(RefusalCode::Unsupported, "no address of it is known, so it cannot be asked"));
        }
        let rate = self.network_rate();
        if self.asked.ready(rate, 0) > now.mono {
            return Err(Refusal::new(RefusalCode::Busy, "too many questions in this second"));
        }
        let looks: Vec<_> = probes.into_iter().filter_map(|probe| self.look(id, probe)).collect();
        for look in &looks {
            self.asked.take(now.mono, rate);
            out.push(Change::Asked(*look));
        }
        Ok(Answer::Count(looks.len()))
    }

    /// Has its ports tried now. The scanner keeps the rate.
    fn try_ports(&mut self, id: DeviceId, full: bool, out: &mut Vec<Change>) -> Done {
        let device = self.registry.get(id).ok_or_else(|| Refusal::no_device(id))?;
        if device.own {
            return Err(Refusal::new(RefusalCode::NotPermitted, "the ports of this host itself are not tried"));
        }
        let Some(look) = self.look(id, if full { Probe::AllPorts } else { Probe::Ports }) else {
            return Err(Refusal::new(RefusalCode::Unsupported, "no address of it is known, so it cannot be asked"));
        };
        out.push(Change::Asked(look));
        Ok(Answer::Done)
    }

    /// Drops it; heard again, it is a new device.
    pub(super) fn forget(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        let Some(mut device) = self.registry.remove(id) else { return };
        self.leave_home(id);
        self.forget_proposals(id);
        self.rooms.forget(id);
        self.timers.cancel(Key::Device(id));
        self.views.remove(&id);
        self.dirty.remove(&id);
        self.crowded.remove(&id);
        self.rotating.remove(&id);
        self.discredited.remove(&id);
        self.never_wake.remove(&id);
        self.drop_title(&device);
        for held in &device.macs {
            self.forgotten.insert(held.mac, now.mono);
        }
        if device.unannounced.is_some() {
            return;
        }
        self.registry.bury(id, now.wall);
        if let Some(window) = device.window.take() {
            out.push(Change::WindowClosed { window: window.view(id, Some(LeaveReason::Told)) });
        }
        if device.presence != Where::Away {
            tracing::debug!(%id, "forgotten while here");
        }
        out.push(Change::DeviceForgotten { device: id, at: now.wall });
        if device.tier != Tier::None {
            self.exposed = self.exposed.saturating_sub(1);
            self.expose_crowded(now, out);
        }
        self.judge_all(id, now, out);
        self.retitle_eldest(&device.title.base, now, out);
    }
}

/// Puts `value` into `place`; whether it is different.
fn replaced<T: PartialEq>(place: &mut T, value: T) -> bool {
    let differs = *place != value;
    *place = value;
    differs
}
