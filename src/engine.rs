//! # The engine: the only composition of the core
//!
//! One way only: frame → observations → presence, and frame → traffic → detectors → alerts. What presence concludes is
//! shown to detectors as [`Evidence::Home`], so "new device" passes the same path as an attack.
//! Alerts never feed back. Reads no clock, awaits nothing, cannot fail.
//!
//! Timers fire at their due moment, not at the caller's: [`Engine::handle`] first runs every timer
//! due until `now`, in due order, then the input. A late wake-up, a busy machine and a replay at a
//! thousand times the speed give the same changes.

use std::{sync::Arc, time::Duration};

use crate::{
    alerts::Alerts,
    detectors::{Context, Detectors, Evidence},
    intel::indicators::Indicators,
    model::{
        Captured, Change, Command, Findings, Health, HomeView, Moment, Mono, NetworkFacts, Observation, PartId,
        PartView, Refusal, RefusalCode, Remembered, Ticket,
    },
    presence::{Presence, overheard},
    traffic::{Noticed, Sights, Traffic},
    wire::{Frame, tunnel},
};

mod input;
mod plain;
mod sent;
mod tally;

pub use input::{Input, Settings};
use plain::Next;

// A timer that asks for the same moment again and again would hang the home. No input comes near.
const TIMERS_MAX: usize = 1_000_000;

/// What detectors learn takes days; what a crash costs of it is this.
const WRITTEN_DOWN: Duration = Duration::from_secs(600);

/// Packets in packets: a tunnel through a tunnel is made now and then, more to hide.
const WRAPPED_MAX: usize = 3;

// Smaller steps are the noise of stamps, and nobody reads times that closely.
const CLOCK_STEP_MS: u64 = 10_000;

/// Observations kept between two questions; one input makes a handful.
pub const SEEN_MAX: usize = 4096;

/// The core. Give it inputs, get changes.
pub struct Engine {
    presence: Presence,
    traffic: Traffic,
    sights: Sights,
    detectors: Detectors,
    alerts: Alerts,
    network: Arc<NetworkFacts>,
    indicators: Arc<Indicators>,
    now: Moment,
    /// When the first timer is due, worked out once an input: four rooms are asked for it.
    due: Option<Mono>,
    /// Wall time less boot time, in ms.
    offset_ms: i64,
    /// What was seen since the last question, where somebody asks: a remote sensor.
    seen: Option<Vec<Observation>>,
    /// Until then everything is new, as at a first start.
    settled_from: Mono,
    view: HomeView,
    /// In what is the engine's own, since the picture was last cut.
    has_moved: bool,
    /// When detectors wrote down what they learned.
    written: Mono,
    overheard: overheard::Overheard,
    plain: plain::Plain,
    /// What came of looking, for the next to hand on.
    owed: Vec<Change>,
    gleaned: Vec<Observation>,
    noticed: Vec<Noticed>,
    tally: tally::Tally,
}

impl Engine {
    /// `instance` is that of the installation; `remembered` is empty at a first start.
    #[must_use]
    pub fn new(
        settings: &Settings,
        network: Arc<NetworkFacts>,
        remembered: &Remembered,
        instance: u32,
        now: Moment,
    ) -> Engine {
        let mut engine = Engine {
            presence: Presence::new(&settings.presence, &settings.exposure, &network, remembered, instance, now),
            traffic: Traffic::new(u64::from(instance)),
            sights: Sights::default(),
            detectors: Detectors::new(&settings.detectors),
            alerts: Alerts::new(&settings.alerts, remembered, now),
            network,
            indicators: Arc::default(),
            now,
            due: None,
            offset_ms: offset_ms(now),
            seen: None,
            settled_from: if remembered.devices.is_empty() { now.mono + settings.alerts.settle.0 } else { now.mono },
            view: HomeView { instance, ..HomeView::default() },
            has_moved: true,
            written: now.mono,
            overheard: overheard::Overheard::default(),
            plain: plain::Plain::default(),
            owed: Vec::new(),
            gleaned: Vec::new(),
            noticed: Vec::new(),
            tally: tally::Tally::default(),
        };
        engine.detectors.recall(&remembered.learned, now);
        engine.view.learned = Arc::new(remembered.learned.clone());
        engine.due = engine.first_due();
        engine
    }

    /// Runs what is due until `now`, then `input`; returns what is different. `now` never goes back:
    /// stamps of two interfaces may cross, so an earlier one counts as the latest seen.
    pub fn handle(&mut self, input: Input<'_>, now: Moment) -> Vec<Change> {
        self.watch_clock(now);
        let now = if now.mono < self.now.mono { Moment { mono: self.now.mono, wall: now.wall } } else { now };
        let mut out = std::mem::take(&mut self.owed);
        let is_due = self.due.is_some_and(|due| due <= now.mono);
        if !self.plain.is_empty() && (is_due || !matches!(input, Input::Frame(_) | Input::Sent(_) | Input::Decoded(..)))
        {
            self.tell_plain(&mut out);
        }
        if let Input::Blind(blind) = input {
            // What was due before is judged by what was heard; what came due meanwhile must first
            // learn that nobody was listening.
            self.run_timers(now.earlier(blind), &mut out);
            self.take(input, now, &mut out);
            self.run_timers(now, &mut out);
        } else {
            if is_due {
                self.run_timers(now, &mut out);
            }
            self.take(input, now, &mut out);
        }
        self.now = now;
        self.due = self.first_due();
        out
    }

    /// Somebody set the wall clock: what people read of the time before is put right.
    fn watch_clock(&mut self, now: Moment) {
        let offset_ms = offset_ms(now);
        let step_ms = offset_ms.saturating_sub(std::mem::replace(&mut self.offset_ms, offset_ms));
        if step_ms.unsigned_abs() >= CLOCK_STEP_MS {
            tracing::info!(step_s = step_ms / 1000, "the wall clock was set");
            self.presence.clock_set(step_ms);
            self.view.clock_set_ms = self.view.clock_set_ms.saturating_add(step_ms);
        }
    }

    /// Tells presence of frames that waited.
    fn tell_plain(&mut self, out: &mut Vec<Change>) {
        let done = out.len();
        let now = self.now;
        for seen in self.plain.take() {
            self.observe(&seen, now, out);
        }
        self.judge(done, now, out);
        self.due = self.first_due();
    }

    fn take(&mut self, input: Input<'_>, now: Moment, out: &mut Vec<Change>) {
        let done = out.len();
        self.run_input(input, now, out);
        self.judge(done, now, out);
    }

    /// When to call [`Engine::handle`] with [`Input::Tick`] at the latest.
    #[must_use]
    pub fn next_wake(&self) -> Option<Mono> {
        self.due
    }

    fn first_due(&self) -> Option<Mono> {
        [self.presence.next_wake(), self.traffic.next_wake(), self.detectors.next_wake(), self.alerts.next_wake()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The picture as it is now. Devices that did not change are the same `Arc`s as before.
    pub fn view(&mut self) -> Arc<HomeView> {
        if !self.plain.is_empty() {
            let mut owed = std::mem::take(&mut self.owed);
            self.tell_plain(&mut owed);
            self.owed = owed;
        }
        self.view.devices.clone_from(self.presence.view(self.now));
        self.view.household = Arc::clone(self.presence.household());
        self.view.air = Arc::clone(self.presence.air(self.now));
        self.view.tombstones = Arc::clone(self.presence.tombstones());
        self.view.minted = self.presence.minted();
        self.view.limit_reached = self.presence.limit_reached();
        self.view.alerts.clone_from(self.alerts.view());
        self.view.alerts_today = self.alerts.today();
        self.view.mutes = Arc::clone(self.alerts.mutes());
        let named = |(id, sight)| Some((self.network.interface(id)?.name.clone(), sight));
        self.view.sights = self.sights.view().filter_map(named).collect();
        self.view.pieces = self.traffic.pieces();
        self.tally.fill(&mut self.view.scanners, self.now.mono);
        if self.now.mono.since(self.written) >= WRITTEN_DOWN {
            self.written = self.now.mono;
            let mut learned = self.detectors.learned(self.now);
            learned.by.extend(self.presence.kept().map(|(name, lines)| (name.to_owned(), lines)));
            if learned.by != self.view.learned.by {
                self.view.learned = Arc::new(learned);
            }
        }
        self.view.now = self.now.wall;
        self.view.settling = self.is_settling(self.now);
        self.view.revision += 1;
        self.has_moved = false;
        Arc::new(self.view.clone())
    }

    /// Whether the picture is another than at the last [`Engine::view`], in more than its gauges: times, counters,
    /// signal levels.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        self.has_moved || self.presence.has_moved()
    }

    /// Detectors that failed and rest until settings change.
    #[must_use]
    pub fn failed(&self) -> Vec<&'static str> {
        self.detectors.benched()
    }

    /// Entries of each table of the core, by name: none may grow with what the network invents.
    #[must_use]
    pub fn sizes(&self) -> Vec<(&'static str, usize)> {
        let mut sizes = self.presence.sizes();
        sizes.extend(self.traffic.sizes());
        sizes.extend(self.detectors.sizes());
        sizes.extend(self.alerts.sizes());
        sizes.extend(self.tally.sizes());
        sizes.extend([("view.parts", self.view.parts.len()), ("view.scanners", self.view.scanners.len())]);
        sizes.push(("traffic.sights", self.sights.len()));
        sizes.push(("overheard.halves", self.overheard.half_heard()));
        sizes
    }

    fn is_settling(&self, now: Moment) -> bool {
        now.mono < self.settled_from
    }

    fn run_timers(&mut self, now: Moment, out: &mut Vec<Change>) {
        for _ in 0..TIMERS_MAX {
            let Some(due) = self.first_due().filter(|due| *due <= now.mono) else { return };
            let at = now.back_to(due.max(self.now.mono));
            self.now = at;
            let done = out.len();
            // Fixed order for ties: presence, traffic, detectors, alerts.
            if self.presence.next_wake().is_some_and(|wake| wake <= due) {
                self.presence.wake(at, out);
            }
            if self.traffic.next_wake().is_some_and(|wake| wake <= due) {
                let mut noticed = std::mem::take(&mut self.noticed);
                self.traffic.wake(at, &mut noticed);
                self.notice(noticed, at, out);
            }
            if self.detectors.next_wake().is_some_and(|wake| wake <= due) {
                let mut findings = Findings::default();
                let context = Context {
                    now: at,
                    who: &self.presence,
                    network: &self.network,
                    settling: self.is_settling(at),
                    neighbours: self.traffic.neighbours(),
                    pressed: self.traffic.pressure().0,
                    indicators: &self.indicators,
                };
                self.detectors.wake(&context, &mut findings);
                self.alerts.take(findings.take(), &self.presence, at, out);
            }
            if self.alerts.next_wake().is_some_and(|wake| wake <= due) {
                self.alerts.wake(at, out);
            }
            self.judge(done, at, out);
        }
        tracing::error!("timers did not come to rest");
    }

    fn run_input(&mut self, input: Input<'_>, now: Moment, out: &mut Vec<Change>) {
        match input {
            Input::Frame(c) => self.frame(&c, &Frame::decode(c.link, c.bytes), now, out),
            Input::Decoded(captured, frame) => self.frame(&captured, frame, now, out),
            Input::Sent(c) => self.sent(&c, &Frame::decode(c.link, c.bytes), now, out),
            Input::Observation(observation) => self.observe(&observation, now, out),
            Input::Told(fact) => self.presence.told(&fact, now, out),
            Input::Command(ticket, command) => self.obey(ticket, &command, now, out),
            Input::Adopt(settings) => {
                self.presence.adopt(&settings.presence, &settings.exposure, now, out);
                self.detectors.adopt(&settings.detectors, now);
                self.alerts.adopt(&settings.alerts);
            }
            Input::Network(network) => {
                self.network = network;
                self.presence.network(&self.network, now, out);
            }
            Input::Indicators(indicators) => self.indicators = indicators,
            Input::Part(part, health) => self.part(part, health, now, out),
            Input::Scanner(line) => {
                self.tally.round(&line, now.mono);
                // A scanner that runs may be deaf all the same: its radio is off, say.
                self.presence.part(&PartId::new(line.name.clone()), &line.health, now, out);
                // Its counters move with each round; that it went deaf is news.
                let known = self.view.scanners.iter_mut().find(|known| known.name == line.name);
                self.has_moved |= known.as_ref().is_none_or(|known| known.health != line.health);
                match known {
                    Some(known) => *known = line,
                    None => self.view.scanners.push(line),
                }
            }
            Input::Blind(blind) => {
                self.presence.blind(blind, now, out);
                self.examine(Evidence::Blind(blind), now, out);
            }
            Input::Lost(frames) => self.view.frames_lost = self.view.frames_lost.saturating_add(frames),
            Input::Tick => {}
        }
    }

    fn frame(&mut self, captured: &Captured<'_>, frame: &Frame<'_>, now: Moment, out: &mut Vec<Change>) {
        let bare;
        let mut frame = frame;
        let mut gleaned = std::mem::take(&mut self.gleaned);
        let mut plain = None;
        if self.presence.hear_radio(captured, frame, &mut gleaned) {
            plain = self.overheard.hear(captured, frame, &self.network, &mut gleaned);
            if frame.wifi.is_some() {
                // A monitor is no interface of the home's networks.
                gleaned.iter_mut().for_each(|seen| seen.interface = None);
            }
        } else {
            // What neighbours say to one another over an open network is theirs.
            bare = Frame { net: None, transport: None, ..*frame };
            frame = &bare;
        }
        for observation in &gleaned {
            let next = self.plain.next(observation);
            self.told(next, observation, now, out);
        }
        gleaned.clear();
        self.gleaned = gleaned;
        if let Some(subject) = plain {
            // A monitor is no interface of the home's networks.
            let interface = Some(captured.interface).filter(|_| frame.wifi.is_none());
            let next = self.plain.next_plain(subject, interface, captured.at);
            if !matches!(next, Next::Wait) {
                self.told(next, &Observation { interface, ..overheard::plainly(subject, captured) }, now, out);
            }
        }
        self.sights.hear(captured.interface, frame, &self.network, now.mono);
        let mut noticed = std::mem::take(&mut self.noticed);
        self.traffic.take(captured, frame, now, &mut noticed);
        self.examine(Evidence::Packet(frame), now, out);
        // What all pieces of a packet say together was shown by none of them.
        if let Some(payload) = self.traffic.joined() {
            let whole = frame.joined(&payload);
            self.examine(Evidence::Packet(&whole), now, out);
        }
        self.notice(noticed, now, out);
        self.look_inside(frame, now, out);
    }

    /// Tells what frames show of their senders, unless it waits.
    fn told(&mut self, next: Next, observation: &Observation, now: Moment, out: &mut Vec<Change>) {
        let (before, is_plain) = match next {
            Next::Wait => return,
            Next::Tell(before) => (before, false),
            Next::TellPlain(before) => (before, true),
        };
        if let Some(before) = before {
            self.observe(&before, now, out);
        }
        self.observe(observation, now, out);
        if is_plain && self.presence.whose(&observation.subject).is_some() {
            self.plain.told(observation);
        }
    }

    /// What is wrapped is judged as what is not; presence learns nothing of it.
    fn look_inside(&mut self, frame: &Frame<'_>, now: Moment, out: &mut Vec<Change>) {
        let mut next = tunnel::inside(frame);
        for _ in 0..WRAPPED_MAX {
            let Some(inner) = &next else { return };
            let mut noticed = std::mem::take(&mut self.noticed);
            self.traffic.inside(inner, now, &mut noticed);
            self.examine(Evidence::Packet(inner), now, out);
            self.notice(noticed, now, out);
            next = tunnel::inside(inner);
        }
    }

    fn notice(&mut self, mut noticed: Vec<Noticed>, now: Moment, out: &mut Vec<Change>) {
        for one in &noticed {
            self.examine(Evidence::Traffic(one), now, out);
        }
        noticed.clear();
        self.noticed = noticed;
    }

    /// Keeps what is seen from now on, for [`Engine::seen`].
    pub fn keep_seen(&mut self) {
        self.seen.get_or_insert_default();
    }

    /// What was seen since the last call; at most [`SEEN_MAX`].
    pub fn seen(&mut self) -> Vec<Observation> {
        self.seen.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn observe(&mut self, observation: &Observation, now: Moment, out: &mut Vec<Change>) {
        if let Some(kept) = self.seen.as_mut().filter(|kept| kept.len() < SEEN_MAX) {
            kept.push(observation.clone());
        }
        self.presence.observe(observation, now, out);
        // Most observations answer no sweep: those cost nothing more.
        if let Some(sweep) = tally::asked_by(observation)
            && let Some(device) = self.presence.whose(&observation.subject)
        {
            self.tally.saw(sweep, device, now.mono);
        }
        self.examine(Evidence::Observation(observation), now, out);
    }

    fn examine(&mut self, evidence: Evidence<'_>, now: Moment, out: &mut Vec<Change>) {
        // Most of what there is, the middle of transfers and plain frames, is nobody's business.
        let Some(word) = self.detectors.listen(&evidence) else { return };
        let mut findings = Findings::default();
        let context = Context {
            now,
            who: &self.presence,
            network: &self.network,
            settling: self.is_settling(now),
            neighbours: self.traffic.neighbours(),
            pressed: self.traffic.pressure().0,
            indicators: &self.indicators,
        };
        self.detectors.examine(word, evidence, &context, &mut findings);
        if !findings.is_empty() {
            self.alerts.take(findings.take(), &self.presence, now, out);
        }
    }

    /// Shows detectors what presence concluded since `from`. Alerts' own changes are not shown: nothing loops.
    fn judge(&mut self, from: usize, now: Moment, out: &mut Vec<Change>) {
        let concluded = out.len();
        for index in from..concluded {
            let change = out[index].clone();
            match change {
                Change::AlertOpened { .. }
                | Change::AlertUpdated { .. }
                | Change::AlertClosed { .. }
                | Change::Asked(_)
                | Change::Answered { .. } => continue,
                Change::DeviceMerged { from, into, .. } => self.alerts.merged(from, into, now, out),
                _ => {}
            }
            self.examine(Evidence::Home(&change), now, out);
        }
    }

    fn obey(&mut self, ticket: Ticket, command: &Command, now: Moment, out: &mut Vec<Change>) {
        let result = match command {
            Command::ScanNow => {
                out.push(Change::ScanWanted);
                Ok(crate::model::Answer::Done)
            }
            _ => self.presence.obey(command, now, out).or_else(|| self.alerts.obey(command, now, out)).unwrap_or_else(
                || Err(Refusal::new(RefusalCode::Unsupported, "no part of the home takes this command")),
            ),
        };
        out.push(Change::Answered { ticket, result });
    }

    fn part(&mut self, part: PartId, health: Health, now: Moment, out: &mut Vec<Change>) {
        self.presence.part(&part, &health, now, out);
        let known = self.view.parts.iter_mut().find(|known| known.part == part);
        match known {
            Some(known) if known.health == health => return,
            Some(known) => *known = PartView { part: part.clone(), health: health.clone(), since: now.wall },
            None => self.view.parts.push(PartView { part: part.clone(), health: health.clone(), since: now.wall }),
        }
        out.push(Change::Part { part, health, at: now.wall });
    }
}

fn offset_ms(now: Moment) -> i64 {
    now.wall.0.saturating_sub(i64::try_from(now.mono.0 / 1_000_000).unwrap_or(i64::MAX))
}
