//! # The desk: what every scanner needs and would get wrong
//!
//! When the next round is due (with jitter, so that scanners do not march in step), looks at one
//! device, the shared budget of packets, the end of the run, the line in health, and reports that
//! wait when the core is behind. Looks whose answer is heard elsewhere are closed here: two seconds
//! after a look "asked, time is up" is reported, and presence passes over it if an answer came.

use std::{collections::VecDeque, future::pending, sync::Arc, time::Duration};

use tokio::{
    sync::{broadcast, mpsc, watch},
    time::sleep,
};

use super::{Budget, Network, ScanError, visits::Visits};
use crate::model::{
    Clock, Fact, Health, HomeView, Look, Moment, Mono, NetworkFacts, Observation, Phase, Probe, ScannerView, Source,
    Subject,
};

mod early;
mod single;

/// Looks a desk may be behind; older ones are dropped, the next round covers them.
pub const LOOKS: usize = 32;
/// Size of the channel of observations; a full one makes scanners wait.
pub const OBSERVATIONS: usize = 512;
/// How long an answer may take.
pub const ANSWER: Duration = Duration::from_secs(2);
/// Open looks a desk remembers; beyond it the oldest is told early, which only costs patience.
const OPEN_MAX: usize = 1024;
/// Rounds start up to a tenth early or late.
const JITTER: f64 = 0.1;

/// What all desks share. Clone it for each.
#[derive(Clone)]
pub struct DeskParts {
    pub clock: Clock,
    pub settings: Arc<Network>,
    /// The networks as they are. Written by [`super::watch_network`] alone.
    pub network: watch::Receiver<Arc<NetworkFacts>>,
    /// Who is here, for scanners that ask the devices there are and not every address.
    pub home: watch::Receiver<Arc<HomeView>>,
    pub phase: watch::Receiver<Phase>,
    pub observations: mpsc::Sender<Observation>,
    /// Each desk hears all looks and keeps those it answers. Make it with room for [`LOOKS`].
    pub looks: broadcast::Sender<Look>,
    /// Counts the rounds people asked for.
    pub scan_now: watch::Receiver<u64>,
    pub health: mpsc::Sender<ScannerView>,
    pub budget: Budget,
    /// Capture runs, so that answers by frame are heard. Otherwise scanners make the kernel ask.
    pub hearing: watch::Receiver<bool>,
    /// `Some`: end after so many rounds (`scan`), and before, wait until nobody new was heard for `settle`.
    pub rounds: Option<u32>,
    pub settle: Duration,
    pub progress: Option<Arc<watch::Sender<Progress>>>,
}

/// How far a single scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    pub done: u32,
    pub total: u32,
    /// Scanners that find hosts for the others and are still at it.
    pub finding: u32,
    /// Of all ports of all devices, if the full range was asked for.
    pub ports: u32,
    pub ports_of: u32,
}

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Everybody.
    Round,
    /// One device.
    Look(Look),
}

/// One scanner's desk.
pub struct Desk {
    name: &'static str,
    source: Source,
    probes: &'static [Probe],
    interval: Duration,
    looks: broadcast::Receiver<Look>,
    due: Mono,
    done: u32,
    seed: u64,
    open: VecDeque<(Mono, Look)>,
    /// Said of hosts that nobody has seen yet, and until when it waits for them.
    early: VecDeque<(Mono, Observation)>,
    /// After the last round of a single scan: until when newcomers prolong it, and how many addresses are known.
    settling: Option<(Mono, usize)>,
    health: Health,
    seen: u64,
    /// Packets, as far as the desk was told of them.
    sent: u64,
    last_success: Option<Moment>,
    /// Somebody can still ask for a round.
    askable: bool,
    parts: DeskParts,
}

impl Desk {
    #[must_use]
    pub fn new(
        name: &'static str,
        source: Source,
        probes: &'static [Probe],
        interval: Duration,
        parts: DeskParts,
    ) -> Desk {
        let now = (parts.clock)().mono;
        let looks = parts.looks.subscribe();
        let mut scan_now = parts.scan_now.clone();
        scan_now.mark_unchanged();
        // Different in each desk and each run; nothing secret hangs on it.
        let seed = name.bytes().fold(now.0 | 1, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Desk {
            name,
            source,
            probes,
            interval: interval.max(Duration::from_secs(1)),
            looks,
            due: now,
            done: 0,
            seed,
            open: VecDeque::new(),
            early: VecDeque::new(),
            settling: None,
            health: Health::Up,
            seen: 0,
            sent: 0,
            last_success: None,
            askable: true,
            parts: DeskParts { scan_now, ..parts },
        }
    }

    /// The next thing to do; `None` is the end. May be dropped while it waits (in a `select!`)
    /// without losing anything.
    ///
    /// # Errors
    /// Nobody listens any more.
    pub async fn next(&mut self) -> Result<Option<Work>, ScanError> {
        loop {
            self.close_looks().await?;
            if self.ended() {
                return Ok(None);
            }
            self.prolong();
            if !self.early.is_empty() {
                self.tell_early(false).await?;
            }
            let now = self.now().mono;
            let last = self.parts.rounds.is_some_and(|rounds| self.done >= rounds);
            if now >= self.due {
                if last {
                    self.tell_early(true).await?;
                    return Ok(None);
                }
                self.done += 1;
                // After the last round of a single scan, time for answers takes the interval's place.
                if self.parts.rounds.is_some_and(|rounds| self.done >= rounds) {
                    self.settle(now);
                } else {
                    self.due = now + self.jittered();
                }
                return Ok(Some(Work::Round));
            }
            let wake = self.open.front().map_or(self.due, |(due, _)| self.due.min(*due));
            let wake = self.early.iter().map(|(due, _)| *due).min().map_or(wake, |due| wake.min(due));
            tokio::select! {
                biased;
                ended = self.parts.phase.wait_for(|phase| *phase != Phase::Running) => {
                    drop(ended);
                    return Ok(None);
                }
                // Who answers none is not woken by each.
                look = self.looks.recv(), if !self.probes.is_empty() => match look {
                    Ok(look) if self.probes.contains(&look.probe) => {
                        self.parts.budget.charge(1);
                        self.sent += 1;
                        return Ok(Some(Work::Look(look)));
                    }
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(missed)) => tracing::debug!(scanner = self.name, missed, "looks dropped"),
                    Err(broadcast::error::RecvError::Closed) => return Ok(None),
                },
                asked = self.parts.scan_now.changed(), if self.askable && !last => match asked {
                    Ok(()) => self.due = now,
                    Err(_) => self.askable = false,
                },
                changed = self.parts.home.changed(), if self.settling.is_some() || !self.early.is_empty() => if changed.is_err() {
                    self.settling = None;
                },
                () = sleep(wake.since(now)) => {}
            }
        }
    }

    /// Room for `packets`, which should be a piece of a round, not the whole. `false`: the run ends.
    ///
    /// # Errors
    /// Nobody listens any more.
    pub async fn pace(&mut self, packets: u32) -> Result<bool, ScanError> {
        let turn = self.parts.budget.turn(packets);
        loop {
            if self.ended() {
                return Ok(false);
            }
            match turn.take() {
                Ok(()) => {
                    self.sent += u64::from(packets);
                    return Ok(true);
                }
                Err(wait) => {
                    if !self.pause(wait).await? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Takes `packets` of what no round wants, for work that has time; else says how long to wait.
    ///
    /// # Errors
    /// The wait.
    pub fn spare(&mut self, packets: u32) -> Result<(), Duration> {
        self.parts.budget.spare(packets)?;
        self.sent += u64::from(packets);
        Ok(())
    }

    /// Counts `packets` that went out without waiting; rounds give way to them.
    pub fn charge(&mut self, packets: u32) {
        self.parts.budget.charge(packets);
        self.sent += u64::from(packets);
    }

    /// Counts `packets` that were paced by a rate of their own.
    pub fn count(&mut self, packets: u32) {
        self.sent += u64::from(packets);
    }

    /// The next piece of `rest`, at most `most` long, once the budget has room for a packet to each.
    /// `None`: everybody was asked, or the run ends.
    ///
    /// # Errors
    /// Nobody listens any more.
    pub async fn piece<'a, T>(&mut self, rest: &mut &'a [T], most: usize) -> Result<Option<&'a [T]>, ScanError> {
        let (piece, after) = rest.split_at(most.min(rest.len()));
        if piece.is_empty() || !self.pace(piece.len() as u32).await? {
            return Ok(None);
        }
        *rest = after;
        Ok(Some(piece))
    }

    /// Who is awake now and was not visited yet; each host once a round.
    #[must_use]
    pub fn visits(&self) -> Visits {
        let mut visits = Visits::new(self.parts.home.clone(), self.parts.network.clone(), self.parts.clock);
        if self.is_single() {
            visits.hurry();
        }
        visits
    }

    /// Who is here, as the core sees it.
    #[must_use]
    pub fn watch_home(&self) -> watch::Receiver<Arc<HomeView>> {
        self.parts.home.clone()
    }

    /// The networks, as they change.
    #[must_use]
    pub fn watch_network(&self) -> watch::Receiver<Arc<NetworkFacts>> {
        self.parts.network.clone()
    }

    /// Waits, while open looks are closed in time. `false`: the run ends.
    ///
    /// # Errors
    /// Nobody listens any more.
    pub async fn pause(&mut self, wait: Duration) -> Result<bool, ScanError> {
        let until = self.now().mono + wait;
        loop {
            self.close_looks().await?;
            let now = self.now().mono;
            if self.ended() {
                return Ok(false);
            }
            if now >= until {
                return Ok(true);
            }
            let wake = self.open.front().map_or(until, |(due, _)| until.min(*due));
            tokio::select! {
                biased;
                ended = self.parts.phase.wait_for(|phase| *phase != Phase::Running) => {
                    drop(ended);
                    return Ok(false);
                }
                () = sleep(wake.since(now)) => {}
            }
        }
    }

    /// The look was sent; if no answer is heard, it is told as unanswered in time. Only for looks
    /// that really went out: what could not be asked is no evidence.
    pub fn asked(&mut self, look: Look) {
        self.open.push_back((self.now().mono + ANSWER, look));
    }

    /// The look was answered; nothing more is to be told of it.
    pub fn answered(&mut self, look: &Look) {
        self.open.retain(|(_, open)| open != look);
    }

    async fn close_looks(&mut self) -> Result<(), ScanError> {
        let now = self.now();
        while let Some((due, look)) = self.open.front().copied() {
            if due > now.mono && self.open.len() <= OPEN_MAX {
                break;
            }
            let subject = Subject { mac: look.mac, ip: Some(look.ip) };
            self.send(Observation {
                source: self.source,
                interface: look.interface,
                at: now,
                subject,
                fact: Fact::Unanswered { probe: look.probe },
            })
            .await?;
            // After the send: a wait that is given up repeats it rather than losing it.
            self.open.pop_front();
        }
        Ok(())
    }

    /// Tells the core; waits while it is behind.
    ///
    /// # Errors
    /// Nobody listens any more.
    pub async fn report(
        &mut self,
        interface: Option<crate::model::InterfaceId>,
        subject: Subject,
        fact: Fact,
    ) -> Result<(), ScanError> {
        let observation = Observation { source: self.source, interface, at: self.now(), subject, fact };
        if self.is_early(&observation) {
            return self.keep_early(observation).await;
        }
        self.send(observation).await
    }

    /// As [`Desk::report`], for an observation already made.
    ///
    /// # Errors
    /// Nobody listens any more.
    pub async fn send(&self, observation: Observation) -> Result<(), ScanError> {
        self.parts.observations.send(observation).await.map_err(|_| ScanError::Unheard)
    }

    /// A round is over and saw so many.
    pub fn done(&mut self, seen: u64) {
        self.seen = seen;
        self.last_success = Some(self.now());
        self.tell();
    }

    /// How the scanner is. Logged when it changes, told each time.
    pub fn health(&mut self, health: Health) {
        if self.health != health {
            match &health {
                Health::Up => tracing::info!(scanner = self.name, "scanner well"),
                Health::Off => {}
                Health::Degraded { why, advice } | Health::Down { why, advice } => {
                    tracing::warn!(scanner = self.name, why, advice, "scanner works less than it should");
                }
            }
            self.health = health;
            self.tell();
        }
    }

    /// The same line once more, for whoever heard something else meanwhile.
    pub fn say_again(&self) {
        self.tell();
    }

    fn tell(&self) {
        // A full channel means that a newer line is on its way.
        drop(self.parts.health.try_send(ScannerView {
            name: self.name.to_owned(),
            health: self.health.clone(),
            seen: self.seen,
            sent: self.sent,
            last_success: self.last_success.map(|at| at.wall),
        }));
    }

    #[must_use]
    pub fn now(&self) -> Moment {
        (self.parts.clock)()
    }

    /// For conversations that run beside the rounds and keep their own deadlines.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.parts.clock
    }

    /// For conversations that run beside the rounds: they take from it themselves.
    #[must_use]
    pub fn budget(&self) -> Budget {
        self.parts.budget.clone()
    }

    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// The networks as they are now.
    #[must_use]
    pub fn network(&self) -> Arc<NetworkFacts> {
        Arc::clone(&self.parts.network.borrow())
    }

    /// The home as it was last shown.
    #[must_use]
    pub fn home(&self) -> Arc<HomeView> {
        Arc::clone(&self.parts.home.borrow())
    }

    #[must_use]
    pub fn settings(&self) -> &Network {
        &self.parts.settings
    }

    /// Frames are heard by capture.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        *self.parts.hearing.borrow()
    }

    /// Nobody has said the end.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.ended()
    }

    /// Waits for a change of the networks; for ever if nobody watches them.
    pub async fn network_changed(&mut self) {
        if self.parts.network.changed().await.is_err() {
            pending::<()>().await;
        }
    }

    fn ended(&self) -> bool {
        *self.parts.phase.borrow() != Phase::Running
    }

    fn jittered(&mut self) -> Duration {
        // xorshift64: enough to keep desks out of step.
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        let unit = (self.seed >> 11) as f64 / (1u64 << 53) as f64;
        self.interval.mul_f64(1.0 + JITTER * (2.0 * unit - 1.0))
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(progress) = &self.parts.progress {
            tracing::debug!(scanner = self.name, sent = self.sent, "done");
            progress.send_modify(|progress| {
                progress.done += 1;
                let finds = u32::from(super::is_finder(self.source));
                progress.finding = progress.finding.saturating_sub(finds);
            });
        }
    }
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
