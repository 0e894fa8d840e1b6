//! # What is due for one device
//!
//! A timer found nothing better to do: ask the silent, call the long silent away, look for those
//! who left, and let names and guests ripen.

use std::{sync::Arc, time::Duration};

use crate::model::{Change, DeviceId, LeaveReason, Look, Moment, Mono, Presence as Where, Probe, Tier, Trust};

use super::{
    Presence, SWEEP,
    asks::{self, Rate, Ways},
    departure::{
        self, Rules, Spell, Step, Trip,
        evidence::{Evidence, Station},
        habit::{Context, Habit, Threshold},
    },
    device::Device,
    fingerprint::Visit,
    health, lobby, priors,
    timers::Key,
};

/// Those who left this long ago are no longer looked for.
const LOOKED_FOR: Duration = Duration::from_secs(12 * 3600);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
/// Devices that do not sleep may be asked so many times as often as others.
const AWAKE_TIMES: u32 = 4;
/// For each question kept of an hour's, so many are kept of the day's.
const KEPT_OF_DAY: u32 = 6;
/// Nor are they asked as soon: many say something every minute by themselves, and all of that silence counts. Not
/// longer than witnesses count as just heard (`health`).
const AWAKE_PATIENCE: u32 = 2;
/// A question that was not allowed is thought of again after so long.
const RECONSIDER: Duration = Duration::from_secs(30);
/// What is looked at as soon as something else is done.
const AT_ONCE: Duration = Duration::from_millis(1);
/// When a list's word ends the wait is found in so many steps at most.
const LISTED_ROUNDS: u32 = 8;

impl Presence {
    /// Does what is due for `id` and sets its timer.
    pub(super) fn tend(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        if let Some(at) = self.is_heard_enough(id, now) {
            self.timers.set(Key::Device(id), at);
            return;
        }
        let mut due = self.ripen(id, now, out);
        if self.registry.get(id).is_some_and(|device| device.here && device.kind().is_sleeper()) {
            self.weigh_left_behind(id, now, out);
        }
        let Some(device) = self.registry.get(id) else { return };
        if device.unannounced.is_some_and(|at| at <= now.mono) {
            let (last, reason, away) = (device.last, device.reason, device.presence == Where::Away);
            if away {
                self.announce(id, now, out);
            } else {
                self.welcome(id, last, reason, now, out);
            }
        }
        let Some(device) = self.registry.get(id) else { return };
        let next = if device.own {
            None
        } else if device.unannounced.is_some() {
            device.unannounced
        } else if device.here {
            self.tend_silence(id, now, out)
        } else {
            self.look_for(id, now, out)
        };
        due.extend(next);
        match due.into_iter().min() {
            // A step that ends where it began must not spin.
            Some(at) => self.timers.set(Key::Device(id), at.max(now.mono + Duration::from_millis(1))),
            None => self.timers.cancel(Key::Device(id)),
        }
    }

    fn awake_patience(&self) -> Duration {
        self.settings.ask_after.busy.0 * AWAKE_PATIENCE
    }

    /// The common case: a thing that never sleeps, at home and heard of late, with nothing else to do about it. Says
    /// when to look again.
    pub(super) fn is_heard_enough(&self, id: DeviceId, now: Moment) -> Option<Mono> {
        let device = self.registry.get(id).filter(|device| device.here && device.presence == Where::Home)?;
        let mute = &device.mute;
        let kind = device.kind();
        let is_plain = !device.own
            && device.unannounced.is_none()
            && (device.slug.is_some() || device.tier == Tier::None)
            && mute.spell.is_none()
            && mute.frozen.is_none()
            && mute.goodbye.is_none()
            && device.away_after.is_zero()
            && !kind.is_sleeper()
            && device.trust != Trust::Guest
            && device.names.due().is_none()
            && self.settings.fixed(kind).is_none();
        let at = mute.quiet_since + self.awake_patience();
        (is_plain && at > now.mono).then_some(at)
    }

    /// Names and guests whose time has come; returns when the next one comes.
    fn ripen(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) -> Vec<Mono> {
        let Some(device) = self.registry.get_mut(id) else { return Vec::new() };
        let mut due = Vec::new();
        if device.names.due().is_some_and(|at| at <= now.mono) {
            self.registry.unindex_dhcp(id);
            if let Some(device) = self.registry.get_mut(id) {
                device.names.ripen(now.mono);
            }
            self.rekey(id);
            self.touch(id);
            self.classify(id, now, out);
        }
        let was_fixed = self.registry.get(id).is_some_and(|device| device.slug.is_some());
        due.extend(self.fix_slug(id, now));
        due.extend(self.look_for_former_self(id, now, out));
        let Some(device) = self.registry.get(id) else { return due };
        if device.slug.is_some() && !was_fixed {
            // Somebody waits for its entities: the picture goes out now, not with the next change.
            out.push(Change::DeviceChanged { device: id });
        }
        due.extend(device.names.due());
        if let Some(at) = self.guest_from(device) {
            if at <= now.mono {
                self.settle(id, now, out);
            } else {
                due.push(at);
            }
        }
        due
    }

    /// Returns when to look again; `None`: when something was heard or the ears changed.
    fn tend_silence(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) -> Option<Mono> {
        let rules = self.rules(id, now);
        let device = self.registry.get(id)?;
        if let Some((since, why)) = device.mute.frozen {
            let back = device.mute.ear_out;
            if back.is_some_and(|at| at <= now.mono) {
                self.ear_out(id, Duration::ZERO, now, out);
                return Some(now.mono + Duration::from_millis(1));
            }
            let at = since + self.settings.unknown_after.0;
            if at <= now.mono && device.presence != Where::Unknown {
                self.show(id, Where::Unknown, why, now, out);
            }
            return [Some(at), back].into_iter().flatten().filter(|at| *at > now.mono).min();
        }
        let shown = departure::shown(&device.mute, &rules, now.mono);
        if shown != device.presence {
            let why = if shown == Where::Home { device.reason } else { LeaveReason::NoAnswer.word() };
            self.show(id, shown, why, now, out);
        }
        let device = self.registry.get(id)?;
        match departure::step(&device.mute, &rules, now.mono) {
            Step::Wait(at) => Some(at),
            Step::Idle => None,
            Step::Ask { keep } => match self.ask(id, keep, now, out) {
                // What comes next follows from the question just put.
                Ok(()) => match self.registry.get(id).map(|device| departure::step(&device.mute, &rules, now.mono)) {
                    Some(Step::Wait(at)) => Some(at),
                    _ => Some(now.mono + Duration::from_secs(5)),
                },
                // Nobody is heard: without an event only what is shown can change.
                Err(_) if !rules.attended && !self.gate.may_ask(now.mono) => {
                    let device = self.registry.get(id)?;
                    let shown = departure::boundaries(&device.mute, &rules).into_iter().filter(|at| *at > now.mono);
                    Some(shown.fold(self.gate.ask_from(), Mono::min))
                }
                // The budget may not allow it for long, but what it is kept for may come sooner.
                Err(later) => Some(later.min(now.mono + RECONSIDER).max(now.mono + Duration::from_secs(1))),
            },
            Step::Away(reason) => match self.may_leave(id, now, out) {
                health::Verdict::Go => {
                    self.depart(id, reason, now, out);
                    Some(now.mono + self.looking_pause())
                }
                health::Verdict::Wait(at) => Some(at),
            },
        }
    }

    /// It is away: closes the window at the last proof.
    pub(super) fn depart(&mut self, id: DeviceId, reason: LeaveReason, now: Moment, out: &mut Vec<Change>) {
        let rules = self.rules(id, now);
        let (by_habit, ask_after) = (rules.is_learned, rules.ask_after);
        let Some(device) = self.registry.get(id) else { return };
        let (seen, decision) = (self.evidence(device, now.mono), self.decision(device, reason, &rules, now));
        let Some(device) = self.registry.get_mut(id) else { return };
        device.confidence = decision.confidence;
        device.is_witnessed = seen.is_strong() || seen.door == Some(true);
        let from = std::mem::replace(&mut device.presence, Where::Away);
        device.here = false;
        device.reason = reason.word();
        device.since = now;
        if by_habit
            && reason == LeaveReason::HardLimit
            && let Some(habit) = &mut device.habit
        {
            habit.limited(now.wall);
        }
        let context = device.context(now);
        let spell = device.mute.spell.take().unwrap_or_else(|| {
            let began = device.mute.quiet_since;
            Spell::unasked(began, began + ask_after, context)
        });
        device.mute.trip = Some(Trip { spell, by_habit, seen, left: true });
        device.mute.held = None;
        device.mute.witness_rounds = 0;
        device.visit = Visit::default();
        let window = device.window.take();
        device.before.clone_from(&window);
        self.timers.by(Key::Sweep, now.mono + SWEEP);
        self.touch(id);
        out.push(Change::Judged { device: id, decision: Arc::new(decision), at: now.wall });
        out.push(Change::Presence { device: id, from, to: Where::Away, why: reason.word(), at: now.wall });
        if let Some(window) = window {
            out.push(Change::WindowClosed { window: window.view(id, Some(reason)) });
        }
        for other in self.beside(id) {
            // Who cannot be asked waits for its own time, and this is news of it.
            self.timers.by(Key::Device(other), now.mono + AT_ONCE);
        }
        self.settle(id, now, out);
    }

    fn show(&mut self, id: DeviceId, to: Where, why: &'static str, now: Moment, out: &mut Vec<Change>) {
        let Some(device) = self.registry.get_mut(id) else { return };
        let from = std::mem::replace(&mut device.presence, to);
        if to != Where::Home {
            device.reason = why;
        }
        out.push(Change::Presence { device: id, from, to, why, at: now.wall });
        self.touch(id);
    }

    /// Looks for one that is away, where its frames cannot be heard.
    fn look_for(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) -> Option<Mono> {
        let pause = self.settings.arrival_ask.0;
        let device = self.registry.get(id)?;
        let gone = now.mono.since(device.since.mono);
        let wanted = device.kind().is_sleeper() || device.person().is_some() || device.important;
        if pause.is_zero() || !self.settings.ask || gone > LOOKED_FOR || !wanted || !self.gate.is_deaf_to_arrivals() {
            return None;
        }
        self.ask_first(id, 0, now, out);
        Some((now.mono + pause).max(self.gate.ask_from()))
    }

    pub(super) fn looking_pause(&self) -> Duration {
        self.settings.arrival_ask.0.max(Duration::from_secs(1))
    }

    /// What applies to `id` now.
    pub(super) fn rules(&self, id: DeviceId, now: Moment) -> Rules {
        let Some(device) = self.registry.get(id) else {
            return Rules {
                ask_after: DAY,
                away_after: DAY,
                leaving_after: DAY,
                hard: DAY,
                is_limit: false,
                is_learned: false,
                fixed: false,
                askable: false,
                sleeper: true,
                attended: false,
            };
        };
        let kind = device.kind();
        let deep = device.mute.sleep.deep(now.mono);
        let prior = priors::of(kind, deep);
        let set = Some(device.away_after).filter(|after| !after.is_zero()).or_else(|| self.settings.fixed(kind));
        let (mut away_after, mut leaving_after, mut hard) = (prior.away_after, prior.leaving_after, prior.hard);
        let least = self.settings.away_min.0;
        let learned = self.learned(device, now).filter(|_| set.is_none());
        if let Some(set) = set {
            away_after = set.max(least);
            leaving_after = away_after * 4 / 5;
            hard = prior.hard.max(away_after * 2);
        } else if let Some(learned) = &learned {
            away_after = Duration::from_secs_f64(learned.away_s).max(least);
            leaving_after = Duration::from_secs_f64(learned.leaving_s).min(away_after);
        } else if let Some(goodbye) = device.said_goodbye() {
            let (share, of) = priors::after_goodbye(goodbye);
            away_after = (away_after * share / of).max(least);
            leaving_after = leaving_after * share / of;
        }
        // A second witness is worth more than what is not yet known of its sleep.
        if set.is_none()
            && learned.is_none()
            && kind.is_sleeper()
            && let Some(cold) = self.while_learning(device, now)
        {
            away_after = away_after.min(Duration::from_secs_f64(cold.away_s).max(least));
            leaving_after = leaving_after.min(away_after);
        }
        if let Some(most) = self.settings.most(kind).filter(|_| set.is_none()) {
            let most = most.max(least);
            (away_after, hard) = (away_after.min(most), hard.min(most));
            leaving_after = leaving_after.min(away_after);
        }
        let after = &self.settings.ask_after;
        let askable = self.is_askable(device);
        let mut ask_after = match (kind.is_sleeper(), deep, device.context(now)) {
            (false, ..) => self.awake_patience(),
            // Whom nobody can ask costs nothing to wait for: the pauses between two words of its own are no silences, and
            // without them the rest is told apart sooner (`docs/decisions/0013-two-devices-of-one-person.md`).
            (true, ..) if !askable => after.asleep.0,
            (true, true, _) => after.asleep.0,
            (true, false, context) if learned.is_some() => match context {
                Context::Busy => after.busy.0,
                Context::Idle => after.idle.0,
                Context::Asleep => after.asleep.0,
            },
            (true, false, _) => after.idle.0,
        };
        if !kind.is_sleeper() && set.is_none() {
            away_after = away_after.saturating_sub(ask_after - after.busy.0).max(least);
        }
        if set.is_some() {
            // A time set by people needs its questions before it ends.
            ask_after = ask_after.min(away_after / 3);
        }
        if device.said_goodbye().is_some() {
            ask_after = ask_after.min(Duration::from_secs(5));
        }
        Rules {
            ask_after,
            away_after,
            leaving_after,
            hard,
            is_limit: learned.is_some_and(|learned| learned.is_limit),
            is_learned: learned.is_some(),
            fixed: set.is_some(),
            askable,
            sleeper: kind.is_sleeper(),
            attended: self.gate.attended(now.mono),
        }
    }

    /// There is a way to ask it, and it may be asked.
    pub(super) fn is_askable(&self, device: &Device) -> bool {
        let reachable = device.ipv4().is_some() || device.ipv6().is_some();
        self.settings.ask && reachable && !self.never_wake.contains(&device.id)
    }

    /// When the silence `device` is in is a departure, if enough is known of its sleep.
    fn learned(&self, device: &Device, now: Moment) -> Option<Threshold> {
        let habit = self.habit_of(device, now)?;
        Some(self.threshold(habit, device, &self.evidence(device, now.mono), now))
    }

    /// The same by what little is known, where a second witness says that it left.
    fn while_learning(&self, device: &Device, now: Moment) -> Option<Threshold> {
        let evidence = self.evidence(device, now.mono);
        if !evidence.is_strong() {
            return None;
        }
        let unknown = Habit::default();
        Some(self.threshold(device.habit.as_deref().unwrap_or(&unknown), device, &evidence, now))
    }

    pub(super) fn threshold(&self, habit: &Habit, device: &Device, evidence: &Evidence, now: Moment) -> Threshold {
        let spell = device.mute.spell.as_ref();
        let began = spell.map_or(device.mute.quiet_since, |spell| spell.began);
        let asked = spell.map_or(now.mono, |spell| spell.first_ask);
        let (context, began) = (device.context(now), now.back_to(began.min(now.mono)).wall);
        let after = |evidence: &Evidence| {
            let ratio = habit.signs().ratio(evidence);
            habit.patience(context, began, device.terms.dial, ratio, device.terms.stretch)
        };
        let mut threshold = after(evidence);
        // The longer a list keeps it, the likelier it is at home: what it will say by then counts, not what it says now.
        if evidence.station == Station::Listed {
            let mute_s = now.mono.since(asked).as_secs_f64();
            let mut due_s = mute_s;
            for _ in 0..LISTED_ROUNDS {
                let more_s = threshold.away_s - due_s;
                if more_s < 1.0 {
                    break;
                }
                due_s = threshold.away_s;
                threshold = after(&Evidence { listed_s: evidence.listed_s + due_s - mute_s, ..*evidence });
            }
        }
        threshold
    }

    /// Puts the next question to `id`, if budgets allow; else says when they will.
    fn ask(&mut self, id: DeviceId, keep: u32, now: Moment, out: &mut Vec<Change>) -> Result<(), Mono> {
        let network = self.network_rate();
        let later = now.mono + Duration::from_secs(30);
        if !self.gate.may_ask(now.mono) {
            return Err(later);
        }
        let Some(device) = self.registry.get(id) else { return Err(later) };
        // What never sleeps has no battery to spare, and is asked in each of its pauses.
        let times = if device.kind().is_sleeper() { 1 } else { AWAKE_TIMES };
        let hour = Rate::at_most(self.settings.asks_per_hour.saturating_mul(times), HOUR);
        let day = Rate::at_most(self.settings.asks_per_day.saturating_mul(times), DAY);
        // Else the routine of a day would use up what its one departure needs.
        let ready = device.mute.hour.ready(hour, keep).max(device.mute.day.ready(day, keep * KEPT_OF_DAY));
        if ready > now.mono {
            return Err(ready);
        }
        // Who never answered so far is asked last, so that invented devices do not use up what the others need.
        let keep = if lobby::turn(device, now) < 2 && device.is_unsaid() { network.burst / 2 } else { 0 };
        if self.asked.ready(network, keep) > now.mono {
            // The whole network's turn is over: come back when everybody else has had one, so that
            // a big home thins its questions instead of knocking every second.
            let turns = u32::try_from(self.registry.len()).unwrap_or(u32::MAX);
            return Err(now.mono + Duration::from_secs(1) + network.per * turns);
        }
        let round = device.mute.rounds();
        let Some(probe) = asks::probe(round, self.ways(id)) else { return Err(later) };
        let Some(look) = self.look(id, probe) else { return Err(later) };
        self.asked.take(now.mono, network);
        self.gate.asked(now.mono);
        if let Some(device) = self.registry.get_mut(id) {
            device.mute.hour.take(now.mono, hour);
            device.mute.day.take(now.mono, day);
            device.asked = Some(now.mono);
            let context = device.context(now);
            device.mute.asked(now.mono, context);
        }
        out.push(Change::Asked(look));
        Ok(())
    }

    /// How much of a day's questions the device has used up that was asked most, in tens of percent.
    pub(super) fn ask_budget(&self, now: Mono) -> u8 {
        let sleepers = self.registry.iter().filter(|device| device.here && device.kind().is_sleeper());
        let day = Rate::at_most(self.settings.asks_per_day, DAY);
        let used = sleepers.map(|device| device.mute.day.used(now, day)).fold(0.0, f64::max);
        (used * 10.0).round() as u8 * 10
    }

    /// One question outside any spell, if the network's budget allows and `keep` are left of it.
    pub(super) fn ask_first(&mut self, id: DeviceId, keep: u32, now: Moment, out: &mut Vec<Change>) -> bool {
        let rate = self.network_rate();
        if self.never_wake.contains(&id) || self.asked.ready(rate, keep) > now.mono || !self.gate.may_ask(now.mono) {
            return false;
        }
        let Some(look) = asks::probe(0, self.ways(id)).and_then(|probe| self.look(id, probe)) else { return false };
        self.asked.take(now.mono, rate);
        self.gate.asked(now.mono);
        if let Some(device) = self.registry.get_mut(id) {
            device.asked = Some(now.mono);
        }
        out.push(Change::Asked(look));
        true
    }

    pub(super) fn ask_once(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        if self.settings.ask {
            self.ask_first(id, 0, now, out);
        }
    }

    pub(super) fn network_rate(&self) -> Rate {
        let per = Duration::from_secs(1) / self.settings.asks_per_second.max(1);
        Rate { burst: self.settings.asks_per_second.max(1), per }
    }

    pub(super) fn ways(&self, id: DeviceId) -> Ways {
        let Some(device) = self.registry.get(id) else { return Ways { v4: false, v6: false, attached: false } };
        let (v4, v6) = (device.ipv4(), device.ipv6());
        let routes = self.network.interfaces.iter().any(|interface| !interface.subnets.is_empty());
        let near =
            v4.or(v6).is_some_and(|ip| crate::model::is_link_local(ip) || self.network.is_attached(ip) || !routes);
        Ways { v4: v4.is_some(), v6: v6.is_some(), attached: near && device.mac().is_some() }
    }

    /// The question as it is sent.
    pub(super) fn look(&self, id: DeviceId, probe: Probe) -> Option<Look> {
        let device = self.registry.get(id)?;
        let ip = match probe {
            Probe::Arp => device.ipv4()?,
            Probe::Nd => device.ipv6()?,
            Probe::Icmp | Probe::Mdns | Probe::Tcp | Probe::Ports | Probe::AllPorts => {
                device.ipv4().or_else(|| device.ipv6())?
            }
        };
        Some(Look { probe, mac: device.mac(), ip, interface: device.interface })
    }
}
