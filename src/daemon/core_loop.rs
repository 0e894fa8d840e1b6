//! # The core thread
//!
//! Takes inputs from bounded channels, one at a time, and hands them to the engine with the
//! moment they count for. Nothing is awaited between taking an input and publishing what it
//! changed, so nothing half-done can be cancelled.

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};

use super::{clock::Drift, feed::Feed, watchdog::Watchdog};
use crate::{
    capture::{
        Batch,
        evidence::{self, Evidence, Pack},
    },
    engine::{Engine, Input},
    intel::indicators::Indicators,
    model::{
        Change, Clock, Command, HaFact, Health, Moment, Mono, NetworkFacts, Observation, PartId, Phase, ScannerView,
        Ticket,
    },
};

/// Everything that reaches the core besides frames and observations.
#[derive(Debug)]
pub enum Note {
    Told(HaFact),
    Adopt(Arc<crate::engine::Settings>),
    Network(Arc<NetworkFacts>),
    Indicators(Arc<Indicators>),
    Part(PartId, Health),
    /// How frames are kept with alerts.
    Evidence(evidence::Settings),
    /// What was heard last, as a file of pcapng.
    Last(Duration, tokio::sync::oneshot::Sender<Vec<u8>>),
}

/// The receiving ends. Bounds are those of the table in `docs/ARCHITECTURE.md`.
pub struct Inbox {
    /// 64 batches; full: dropped and counted by capture, which then notes `Blind`.
    pub frames: mpsc::Receiver<Batch>,
    /// 512; full: the scanner waits.
    pub observations: mpsc::Receiver<Observation>,
    /// 64; full: refused as busy.
    pub commands: mpsc::Receiver<(Ticket, Command)>,
    /// 64; full: the scanner waits.
    pub scanners: mpsc::Receiver<ScannerView>,
    /// 256; full: the sender waits.
    pub notes: mpsc::Receiver<Note>,
}

// Inputs taken before the picture is cut again, so that a flood does not cut it a thousand times.
const BURST: usize = 256;
// What moved without a change that is told (a fact, a counter of a person) is in the picture so soon.
const CUT_REST: Duration = Duration::from_millis(50);
// Gauges (last seen, signal) reach the picture at least this often.
const GAUGES: Duration = Duration::from_secs(10);

// Timers may be served so late, several in one go: the engine runs each at its due moment all the same, and waking up
// costs an idle home more than what is then done.
pub const SLACK: Duration = Duration::from_millis(250);

/// Where the picture, the changes and the heartbeat go.
pub struct Core {
    pub engine: Engine,
    pub feed: Feed,
    pub watchdog: Watchdog,
    pub now: Clock,
    evidence: Evidence,
    /// Where files of evidence go; full, they are dropped and counted.
    packs: mpsc::Sender<Pack>,
    changes: Vec<Change>,
    touched: bool,
    /// When the picture was cut last.
    cut_at: Mono,
    slack: Duration,
    drift: Drift,
    /// Where a remote sensor's sightings go.
    seen: Option<mpsc::Sender<Vec<Observation>>>,
    /// Of those, what found no room.
    unsent: u64,
}

impl Core {
    #[must_use]
    pub fn new(
        engine: Engine,
        feed: Feed,
        watchdog: Watchdog,
        now: Clock,
        (evidence, packs): (Evidence, mpsc::Sender<Pack>),
    ) -> Core {
        Core {
            engine,
            feed,
            watchdog,
            now,
            evidence,
            packs,
            changes: Vec::new(),
            touched: false,
            cut_at: Mono::default(),
            slack: Duration::ZERO,
            drift: Drift::start(),
            seen: None,
            unsent: 0,
        }
    }

    /// What is seen goes there as well. A full channel loses it; the core waits for nobody.
    #[must_use]
    pub fn telling(mut self, seen: Option<mpsc::Sender<Vec<Observation>>>) -> Core {
        if seen.is_some() {
            self.engine.keep_seen();
        }
        self.seen = seen;
        self
    }

    /// Timers may be served so late: [`SLACK`] for a daemon, nothing for a single scan, which ends in a few seconds.
    #[must_use]
    pub const fn slack(mut self, slack: Duration) -> Core {
        self.slack = slack;
        self
    }

    /// Runs until `phase` says draining and the inbox is empty.
    pub async fn run(mut self, mut inbox: Inbox, mut phase: watch::Receiver<Phase>) {
        let mut gauges = tokio::time::interval(GAUGES);
        gauges.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut beat = tokio::time::interval(self.watchdog.interval());
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let now = (self.now)();
            let timers = [self.engine.next_wake(), self.evidence.next_due()].into_iter().flatten().min();
            let timers = timers.map(|due| due.round_up(self.slack));
            let cut = self.engine.has_moved().then(|| self.cut_at + CUT_REST);
            let wait = timers.into_iter().chain(cut).min().map_or(GAUGES, |due| due.since(now.mono));
            tokio::select! {
                biased;
                _ = phase.wait_for(|p| *p >= Phase::Draining) => break,
                Some((ticket, command)) = inbox.commands.recv() => self.take(Input::Command(ticket, command)),
                Some(note) = inbox.notes.recv() => self.note(note),
                Some(batch) = inbox.frames.recv() => self.frames(&batch),
                Some(line) = inbox.scanners.recv() => self.take(Input::Scanner(line)),
                Some(observation) = inbox.observations.recv() => self.take(Input::Observation(observation)),
                () = tokio::time::sleep(wait) => self.take(Input::Tick),
                _ = beat.tick() => {
                    self.take(Input::Tick);
                    self.watchdog.beat();
                }
                _ = gauges.tick() => {
                    self.wake_up();
                    self.touched = true;
                }
            }
            self.drain(&mut inbox);
            self.publish();
            self.shelve(false);
        }
        self.drain(&mut inbox);
        self.touched = true;
        self.publish();
        self.shelve(true);
    }

    /// Takes what waits, up to a burst.
    fn drain(&mut self, inbox: &mut Inbox) {
        for _ in 0..BURST {
            if let Ok((ticket, command)) = inbox.commands.try_recv() {
                self.take(Input::Command(ticket, command));
            } else if let Ok(note) = inbox.notes.try_recv() {
                self.note(note);
            } else if let Ok(batch) = inbox.frames.try_recv() {
                self.frames(&batch);
                // A batch may hold thousands of frames; what it showed must not wait for the next.
                return;
            } else if let Ok(observation) = inbox.observations.try_recv() {
                self.take(Input::Observation(observation));
            } else {
                return;
            }
        }
    }

    /// Hands on the files whose time has passed.
    fn shelve(&mut self, end: bool) {
        if self.evidence.next_due().is_none() {
            return;
        }
        let now = (self.now)();
        for pack in self.evidence.due(now.mono, end) {
            if let Err(error) = self.packs.try_send(pack) {
                tracing::warn!(%error, "evidence of an alert was dropped: the disk is behind");
            }
        }
    }

    fn note(&mut self, note: Note) {
        self.touched = true;
        self.take(match note {
            Note::Evidence(settings) => return self.evidence.adopt(&settings),
            Note::Last(span, reply) => {
                let _nobody_waits = reply.send(self.evidence.last(span, (self.now)(), evidence::LAST_BYTES_MAX));
                return;
            }
            Note::Told(fact) => Input::Told(fact),
            Note::Adopt(settings) => Input::Adopt(settings),
            Note::Network(network) => Input::Network(network),
            Note::Indicators(indicators) => Input::Indicators(indicators),
            Note::Part(part, health) => Input::Part(part, health),
        });
    }

    /// A host that slept heard nobody: said before anything else is judged, so that no timer takes
    /// the sleep for silence.
    fn wake_up(&mut self) {
        if let (Some(slept), _) = self.drift.check() {
            tracing::info!(slept_s = slept.as_secs(), "the host slept; that time counts for nobody");
            let now = (self.now)();
            self.take_at(Input::Blind(slept), now);
        }
    }

    fn frames(&mut self, batch: &Batch) {
        self.wake_up();
        if batch.lost > 0 {
            tracing::debug!(frames = batch.lost, "frames were lost; that time counts for nobody");
            self.take(Input::Lost(batch.lost));
            self.take(Input::Blind(batch.blind));
        }
        for (number, captured) in batch.frames().enumerate() {
            // What this host begins is nobody's business, and no evidence.
            let input = match batch.is_ours(number) {
                false => Input::Frame(captured),
                true if self.engine.is_answer(&captured) => Input::Sent(captured),
                true => continue,
            };
            self.evidence.hear(&captured);
            self.take_at(input, captured.at);
        }
    }

    fn take(&mut self, input: Input<'_>) {
        self.wake_up();
        let now = (self.now)();
        self.take_at(input, now);
    }

    fn take_at(&mut self, input: Input<'_>, at: Moment) {
        let mut changes = self.engine.handle(input, at);
        for change in &changes {
            tracing::debug!(%change, "change");
            if let Change::AlertOpened { alert } = change {
                self.evidence.raised(alert, at);
            }
        }
        self.changes.append(&mut changes);
    }

    fn pass_on(&mut self) {
        let Some(seen) = &self.seen else { return };
        let list = self.engine.seen();
        if !list.is_empty()
            && let Err(mpsc::error::TrySendError::Full(list)) = seen.try_send(list)
        {
            self.unsent = self.unsent.saturating_add(list.len() as u64);
            tracing::debug!(lost = self.unsent, "sightings found no room on their way to the hub");
        }
    }

    fn publish(&mut self) {
        self.pass_on();
        let now = (self.now)().mono;
        self.touched |= self.engine.has_moved() && now.since(self.cut_at) >= CUT_REST;
        if self.changes.is_empty() && !self.touched {
            return;
        }
        // Questions go out by the dozen each second and are in no picture: outlets sleep through them.
        let shows = |change: &Change| !matches!(change, Change::Asked(_) | Change::ScanWanted);
        let is_seen = self.touched || self.changes.iter().any(shows);
        self.touched = false;
        if is_seen {
            self.cut_at = now;
        }
        let view = is_seen.then(|| self.engine.view());
        self.feed.publish(view, std::mem::take(&mut self.changes));
    }
}
