//! # The only wiring
//!
//! Names the parts, the threads between them and the channels that join them. Rules live elsewhere.
//! Start is: store → broker → identity → core → outlets → eyes. The end is the other way round:
//! eyes close, the core empties its inbox, outlets say goodbye, the store is closed.

pub mod clock;
mod control;
mod core_loop;
mod evidence;
mod eyes;
mod feed;
mod feeds;
mod identity;
mod known;
pub mod offline;
mod once;
mod outlets;
mod parts;
mod sensors;
mod signals;
pub mod taken;
mod watchdog;

use std::{path::PathBuf, sync::Arc, thread, time::Duration};

use thiserror::Error;
use tokio::sync::{broadcast, mpsc, watch};

pub use control::path as control_path;
pub use eyes::with_source;
pub use feed::Outlet;
pub use feeds::FOLDER as FEEDS;
pub use once::{Glance, scan};

use crate::{
    capture::{
        self,
        evidence::{Evidence, Pack},
    },
    engine::Engine,
    model::{Health, HomeView, NetworkFacts, PartId, Phase, Remembered},
    mqtt::{MqttError, find::Surroundings},
    scanners,
    settings::{
        Settings,
        plan::{self, Plan},
    },
    store::{Store, StoreError},
};
use core_loop::{Core, Inbox, Note};
use eyes::{Once, Wires};
use feed::Feed;
use parts::Parts;
use signals::{Asked, Signals};
use watchdog::Watchdog;

// Channel sizes: docs/ARCHITECTURE.md, "Channels".
const FRAMES: usize = 64;
const COMMANDS: usize = 64;
const NOTES: usize = 256;
const SCANNERS: usize = 64;
// Lists of sightings on their way to a hub.
const SEEN: usize = 256;
// The whole farewell; a container's stop sends KILL after 10 s.
const EYES_CLOSE: Duration = Duration::from_secs(2);
const OUTLETS_CLOSE: Duration = Duration::from_secs(4);

/// Why the daemon did not start or ended.
#[derive(Debug, Error)]
pub enum DaemonError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Mqtt(#[from] MqttError),
    #[error("could not {doing}")]
    System {
        doing: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error("the core ended unexpectedly")]
    Core,
    #[error("{why}")]
    Part { why: String, advice: Option<String> },
}

impl DaemonError {
    /// What the reader can do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        match self {
            DaemonError::Store(error) => error.advice(),
            DaemonError::Mqtt(error) => error.advice(),
            DaemonError::Core => Some("this is a fault in Porchlight: please report it with the log"),
            DaemonError::Part { advice, .. } => advice.as_deref(),
            DaemonError::System { .. } => None,
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By a signal.
    Done,
    /// Somebody asked for a restart.
    Restart,
}

/// Reads the settings again, as at the start.
pub type Reload = Box<dyn Fn() -> Result<Settings, String> + Send>;

/// What is told once the daemon runs.
pub struct Started {
    pub outlet: Outlet,
    /// Which broker is used, in one line.
    pub broker: String,
    /// What a person should do next, if anything.
    pub hints: Vec<String>,
}

/// Runs until a signal says otherwise. `started` is called once everything stands.
pub async fn run(
    settings: Settings,
    state_dir: PathBuf,
    reload: Reload,
    started: impl FnOnce(Started),
) -> Result<Ended, DaemonError> {
    let mut signals = Signals::listen().map_err(|source| DaemonError::System { doing: "listen to signals", source })?;
    let moment = clock::now();
    let (store, mut remembered) = Store::open(&state_dir, moment.wall)?;
    let damaged = store.set_aside().map(outlets::set_aside);
    let around = Surroundings::from_env(state_dir.clone());
    let who = identity::settle(&settings, &around, &mut remembered).await?;
    let (settings_tx, settings_rx) = watch::channel(Arc::new(settings));
    let (phase_tx, phase) = watch::channel(Phase::Running);
    let (facts, looks, links) = channels();
    let network = scanners::read_network(&settings_rx.borrow().network).await.map(Arc::new).unwrap_or_default();
    facts.send_replace(Arc::clone(&network));

    let is_sensor = settings_rx.borrow().role == crate::settings::Role::Sensor;
    let (seen, heard) = mpsc::channel(SEEN);
    let seen = is_sensor.then_some(seen);
    let (packs, packs_rx) = mpsc::channel(evidence::PACKS);
    let kept = Evidence::new(&settings_rx.borrow().evidence);
    let (core_thread, outlet) = start_core(
        &settings_rx,
        &network,
        &remembered,
        who.instance,
        (links.inbox, seen, core_loop::SLACK),
        looks.clone(),
        &phase,
        (kept, packs),
    )?;
    let notes = links.notes.clone();
    let writer = store.writer(&settings_rx.borrow().store, clock::now, outlets::store_health(notes.clone()))?;
    writer.set_meta("node", who.node.clone());
    let mut hints = identity::hints(&settings_rx.borrow(), &who);
    if let Some(health) = damaged {
        hints.insert(0, health.why().unwrap_or_default().to_owned());
        let _core_ended = notes.send(Note::Part(PartId::new("store"), health)).await;
    }
    let writer = Arc::new(writer);

    let mut parts = Parts::new(notes.clone(), phase.clone());
    let (asked_tx, mut asked) = mpsc::channel(4);
    let site = outlets::site(&settings_rx.borrow(), &who, moment.wall);
    let broker_line = who.line.clone();
    outlets::start(
        &mut parts,
        outlets::Outlets {
            settings: settings_rx.clone(),
            state_dir: state_dir.clone(),
            around,
            who,
            site,
            outlet: outlet.clone(),
            commands: links.commands,
            notes: notes.clone(),
            phase: phase.clone(),
            writer: Arc::clone(&writer),
            asked: asked_tx,
            observations: links.observations.clone(),
            scanners: links.scanners.clone(),
            heard: is_sensor.then(|| Arc::new(tokio::sync::Mutex::new(heard))),
        },
    );
    let wires = Wires {
        settings: settings_rx,
        phase,
        frames: links.frames,
        observations: links.observations,
        scanners: links.scanners,
        notes: notes.clone(),
        looks,
        view: outlet.view.clone(),
        rounds: outlet.rounds.clone(),
    };
    evidence::keep(&mut parts, &wires.settings, &state_dir, packs_rx, &wires.notes);
    feeds::keep(&mut parts, &wires.settings, state_dir, &wires.notes, &wires.phase);
    eyes::start(&mut parts, &wires, facts, &Once::default());
    drop(wires);
    watchdog::ready(&broker_line);
    started(Started { outlet, broker: broker_line, hints });

    let ended = serve(&mut signals, &mut asked, &settings_tx, &reload, &notes, &parts, &core_thread).await;
    drop(notes);
    close(ended, parts, phase_tx, core_thread, writer).await
}

/// Serves signals and requests until the end is asked for. The answer: lasting or not, restart or not, or a fault.
async fn serve(
    signals: &mut Signals,
    asked: &mut mpsc::Receiver<outlets::Asked>,
    settings: &watch::Sender<Arc<Settings>>,
    reload: &Reload,
    notes: &mpsc::Sender<Note>,
    parts: &Parts,
    core: &thread::JoinHandle<()>,
) -> (bool, Result<Ended, DaemonError>) {
    let mut pulse = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Asked::End { lasting } => return (lasting, Ok(Ended::Done)),
                Asked::Reload => adopt(settings, reload, notes, parts).await,
            },
            Some(request) = asked.recv() => match request {
                outlets::Asked::Reload => adopt(settings, reload, notes, parts).await,
                outlets::Asked::Restart => return (false, Ok(Ended::Restart)),
                outlets::Asked::Fatal { why, advice } => return (true, Err(DaemonError::Part { why, advice })),
            },
            _ = pulse.tick() => if core.is_finished() {
                return (true, Err(DaemonError::Core));
            },
        }
    }
}

/// New settings take hold; wrong ones change nothing but the problem sensor.
async fn adopt(settings: &watch::Sender<Arc<Settings>>, reload: &Reload, notes: &mpsc::Sender<Note>, parts: &Parts) {
    watchdog::reloading();
    let old = Arc::clone(&settings.borrow());
    let health = match reload() {
        Err(why) => {
            tracing::error!(%why, "settings were not taken; the old ones stay");
            Health::Degraded { why, advice: Some("porchlight config check".into()) }
        }
        Ok(new) => {
            let Plan { adopt, restart_capture, restart_scanners, restart_mqtt, restart_homeassistant, refuse, .. } =
                plan::plan(&old, &new);
            let merged = Arc::new(plan::merge(&old, &new));
            settings.send_replace(Arc::clone(&merged));
            if adopt {
                let _core_ended = notes.send(Note::Adopt(Arc::new(merged.engine()))).await;
            }
            if old.evidence != merged.evidence {
                let _core_ended = notes.send(Note::Evidence(merged.evidence.clone())).await;
            }
            for name in restart_scanners {
                // Whom it listens to on the broker is no scanner's, and not the bridge's either.
                let name = if name == "mqtt" { sensors::PART.to_owned() } else { name };
                parts.restart(&PartId::new(name));
            }
            if restart_capture {
                parts.restart(&PartId::new("networks"));
                parts.restart(&PartId::new("capture"));
            }
            if restart_mqtt {
                parts.restart(&PartId::new("mqtt"));
            }
            if restart_homeassistant {
                parts.restart(&PartId::new("homeassistant"));
            }
            tracing::info!(needs_restart = ?refuse, "settings taken");
            if refuse.is_empty() { Health::Up } else { Health::Degraded { why: refuse.join("; "), advice: None } }
        }
    };
    let _core_ended = notes.send(Note::Part(PartId::new("settings"), health)).await;
    watchdog::ready("settings read");
}

async fn close(
    (lasting, ended): (bool, Result<Ended, DaemonError>),
    parts: Parts,
    phase: watch::Sender<Phase>,
    core: thread::JoinHandle<()>,
    writer: Arc<crate::store::Writer>,
) -> Result<Ended, DaemonError> {
    watchdog::stopping();
    phase.send_replace(Phase::Quiet);
    tokio::time::sleep(Duration::from_millis(150)).await; // capture threads wake every 100 ms
    phase.send_replace(Phase::Draining);
    let joined = tokio::task::spawn_blocking(move || core.join());
    if tokio::time::timeout(EYES_CLOSE, joined).await.is_err() {
        tracing::warn!("the core did not end in time");
    }
    phase.send_replace(Phase::Closed { lasting });
    parts.join(OUTLETS_CLOSE).await;
    match Arc::try_unwrap(writer) {
        Ok(writer) => writer.close(clock::now().wall)?,
        Err(_) => tracing::warn!("the store is still in use; what it holds is safe"),
    }
    ended
}

/// The sending ends.
struct Links {
    frames: mpsc::Sender<capture::Batch>,
    observations: mpsc::Sender<crate::model::Observation>,
    scanners: mpsc::Sender<crate::model::ScannerView>,
    notes: mpsc::Sender<Note>,
    commands: mpsc::Sender<(crate::model::Ticket, crate::model::Command)>,
    inbox: Inbox,
}

fn channels() -> (watch::Sender<Arc<NetworkFacts>>, broadcast::Sender<crate::model::Look>, Links) {
    let (frames, frames_rx) = mpsc::channel(FRAMES);
    let (observations, observations_rx) = mpsc::channel(scanners::OBSERVATIONS);
    let (scanner_lines, scanners_rx) = mpsc::channel(SCANNERS);
    let (notes, notes_rx) = mpsc::channel(NOTES);
    let (commands, commands_rx) = mpsc::channel(COMMANDS);
    let inbox = Inbox {
        frames: frames_rx,
        observations: observations_rx,
        commands: commands_rx,
        scanners: scanners_rx,
        notes: notes_rx,
    };
    let links = Links { frames, observations, scanners: scanner_lines, notes, commands, inbox };
    (watch::Sender::new(Arc::default()), broadcast::Sender::new(scanners::LOOKS), links)
}

#[allow(clippy::too_many_arguments)] // two callers; each hands over what it made
/// The core gets a thread and a runtime of its own, so that nothing else delays it.
fn start_core(
    settings: &watch::Receiver<Arc<Settings>>,
    network: &Arc<NetworkFacts>,
    remembered: &Remembered,
    instance: u32,
    (inbox, seen, slack): (Inbox, Option<mpsc::Sender<Vec<crate::model::Observation>>>, Duration),
    looks: broadcast::Sender<crate::model::Look>,
    phase: &watch::Receiver<Phase>,
    evidence: (Evidence, mpsc::Sender<Pack>),
) -> Result<(thread::JoinHandle<()>, Outlet), DaemonError> {
    let failed = |source| DaemonError::System { doing: "start the core", source };
    let engine_settings = settings.borrow().engine();
    // Before the first table of what senders choose.
    if let Ok(seed) = getrandom::u64() {
        crate::model::set_seed(seed);
    }
    let mut engine = Engine::new(&engine_settings, Arc::clone(network), remembered, instance, clock::now());
    let view: Arc<HomeView> = engine.view();
    let (feed, outlet) = Feed::new(view, looks);
    let core = Core::new(engine, feed, Watchdog::from_environment(), clock::now, evidence).telling(seen).slack(slack);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(failed)?;
    let phase = phase.clone();
    let thread = thread::Builder::new()
        .name("core".into())
        .spawn(move || runtime.block_on(core.run(inbox, phase)))
        .map_err(failed)?;
    Ok((thread, outlet))
}
