//! # Eyes and ears
//!
//! Starts the scanners and one capture thread per watched interface, and follows the networks as
//! they come and go. Used by the daemon and by a single scan alike.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::{broadcast, mpsc, watch};

use super::{
    clock,
    core_loop::Note,
    parts::{Fault, Parts, Run},
};
use crate::{
    capture::{self, Batch, Counters, Filter},
    model::{HomeView, InterfaceFacts, Look, NetworkFacts, Observation, PartId, Phase, ScannerView},
    scanners::{self, Budget, DeskParts, Progress, ScanError},
    settings::Settings,
};

mod monitor;

// Opening a ring takes milliseconds; an interface that cannot be opened must not hold up the rest.
const EARS_OPEN: Duration = Duration::from_secs(1);

/// What the eyes report to and live by.
#[derive(Clone)]
pub struct Wires {
    pub settings: watch::Receiver<Arc<Settings>>,
    pub phase: watch::Receiver<Phase>,
    pub frames: mpsc::Sender<Batch>,
    pub observations: mpsc::Sender<Observation>,
    pub scanners: mpsc::Sender<ScannerView>,
    pub notes: mpsc::Sender<Note>,
    pub looks: broadcast::Sender<Look>,
    /// The picture, so that scanners ask who is there.
    pub view: watch::Receiver<Arc<HomeView>>,
    /// Counts the rounds people asked for.
    pub rounds: watch::Receiver<u64>,
}

/// For one scan: how many rounds, how long to wait for answers, where progress goes, which scanners.
#[derive(Clone, Default)]
pub struct Once {
    pub rounds: Option<u32>,
    pub settle: Duration,
    pub progress: Option<Arc<watch::Sender<Progress>>>,
    pub only: Vec<String>,
}

/// Starts everything that looks and listens as parts of `parts`.
pub fn start(parts: &mut Parts, wires: &Wires, facts: watch::Sender<Arc<NetworkFacts>>, once: &Once) {
    let network = facts.subscribe();
    let hearing = watch::Sender::new(false);
    let desk = DeskParts {
        clock: clock::now,
        settings: Arc::new(wires.settings.borrow().network.clone()),
        network: network.clone(),
        home: wires.view.clone(),
        phase: wires.phase.clone(),
        observations: wires.observations.clone(),
        looks: wires.looks.clone(),
        scan_now: wires.rounds.clone(),
        health: wires.scanners.clone(),
        budget: if once.rounds.is_some() { Budget::once(clock::now) } else { Budget::new(clock::now) },
        hearing: hearing.subscribe(),
        rounds: once.rounds,
        settle: once.settle,
        progress: once.progress.clone(),
    };
    follow_networks(parts, wires, facts);
    let listen = once.only.is_empty() || once.only.iter().any(|name| name == "capture");
    let may_hear = wires.settings.borrow().capture.enabled && listen && capture::missing().is_empty();
    let ears = if may_hear { EARS_OPEN } else { Duration::ZERO };
    if wires.settings.borrow().capture.enabled && listen {
        keep_ears(parts, wires, network, hearing);
    }
    let in_the_air = once.only.is_empty() || once.only.iter().any(|name| name == "wifi_monitor");
    if wires.settings.borrow().capture.enabled && in_the_air {
        monitor::keep(parts, wires);
    }
    for row in scanners::enabled(&wires.settings.borrow().scanners, &once.only) {
        let (settings, desk) = (wires.settings.clone(), desk.clone());
        parts.start(PartId::new(row.card.id), false, move || -> Run {
            let settings = Arc::clone(&settings.borrow());
            let desk = DeskParts { settings: Arc::new(settings.network.clone()), ..desk.clone() };
            let running = scanners::start(row, &settings.scanners, &desk);
            let (mut hearing, patience) = (desk.hearing.clone(), ears);
            Box::pin(async move {
                // Answers to the first round are heard only by open ears.
                drop(tokio::time::timeout(patience, hearing.wait_for(|open| *open)).await);
                running.await.map_err(scan_fault)
            })
        });
    }
}

fn scan_fault(error: ScanError) -> Fault {
    Fault { why: with_source(&error), advice: error.advice().map(str::to_owned), fatal: error.is_fatal() }
}

/// An error and what lies behind it, on one line.
pub fn with_source(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// Keeps the facts of the networks, for scanners and for the core.
fn follow_networks(parts: &mut Parts, wires: &Wires, facts: watch::Sender<Arc<NetworkFacts>>) {
    let (settings, phase, notes) = (wires.settings.clone(), wires.phase.clone(), wires.notes.clone());
    parts.start(PartId::new("networks"), false, move || -> Run {
        let network = Arc::new(settings.borrow().network.clone());
        let (facts, phase, notes) = (facts.clone(), phase.clone(), notes.clone());
        Box::pin(async move {
            let mut known = facts.subscribe();
            let tell = async {
                loop {
                    let now = Arc::clone(&known.borrow_and_update());
                    if notes.send(Note::Network(now)).await.is_err() || known.changed().await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                ended = scanners::watch_network(network, facts.clone(), phase) => ended.map_err(scan_fault),
                () = tell => Ok(()),
            }
        })
    });
}

/// One thread per interface, restarted when an interface comes back.
fn keep_ears(
    parts: &mut Parts,
    wires: &Wires,
    network: watch::Receiver<Arc<NetworkFacts>>,
    hearing: watch::Sender<bool>,
) {
    let wires = wires.clone();
    parts.start(PartId::new("capture"), true, move || -> Run {
        let (wires, mut network, hearing) = (wires.clone(), network.clone(), hearing.clone());
        Box::pin(async move {
            let mut phase = wires.phase.clone();
            let mut ears = Parts::new(wires.notes.clone(), wires.phase.clone());
            let open = Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let mut started = BTreeMap::new();
            loop {
                let facts = Arc::clone(&network.borrow_and_update());
                for interface in facts.interfaces.iter().filter(|i| i.up) {
                    let part = PartId::new(format!("capture/{}", interface.name));
                    match started.get(&part) {
                        Some(known) if *known == interface.id => {}
                        // Same name, another interface: a cable was swapped or a bridge rebuilt.
                        Some(_) => ears.restart(&part),
                        None => start_ear(&mut ears, &part, interface, &network, &wires, &hearing, &open),
                    }
                    started.insert(part, interface.id);
                }
                tokio::select! {
                    biased;
                    _ = phase.wait_for(|p| *p > Phase::Running) => break,
                    changed = network.changed() => if changed.is_err() { break },
                }
            }
            ears.join(Duration::from_secs(2)).await;
            Ok(())
        })
    });
}

fn start_ear(
    ears: &mut Parts,
    part: &PartId,
    interface: &InterfaceFacts,
    network: &watch::Receiver<Arc<NetworkFacts>>,
    wires: &Wires,
    hearing: &watch::Sender<bool>,
    open: &Arc<std::sync::atomic::AtomicUsize>,
) {
    use std::sync::atomic::Ordering::SeqCst;
    let (wires, hearing, open) = (wires.clone(), hearing.clone(), Arc::clone(open));
    let (interface, id, network) = (interface.name.clone(), interface.id, network.clone());
    ears.start(part.clone(), false, move || -> Run {
        let (wires, hearing, open, interface) = (wires.clone(), hearing.clone(), Arc::clone(&open), interface.clone());
        let only_listens = network.borrow().interface(id).is_some_and(InterfaceFacts::only_listens);
        let has_mirror = network.borrow().interfaces.iter().any(InterfaceFacts::only_listens);
        Box::pin(async move {
            let thread = tokio::task::spawn_blocking(move || {
                let mut settings = wires.settings.borrow().capture.clone();
                // What comes to a mirror port is for other stations.
                settings.promiscuous |= only_listens;
                // It brings back what this host says, and twice would be once too often.
                settings.sent = !has_mirror;
                let filter = if settings.conversations { Filter::conversations() } else { Filter::home() };
                // Opening is tried first, so that nobody relies on an ear that is not there.
                let ring = capture::Ring::open(&interface, &filter, &settings, clock::now)?;
                open.fetch_add(1, SeqCst);
                hearing.send_replace(true);
                let ended = capture::listen(ring, clock::now, &wires.frames, &wires.phase, &Counters::default());
                if open.fetch_sub(1, SeqCst) == 1 {
                    hearing.send_replace(false);
                }
                ended
            });
            let ended = thread.await.map_err(|error| Fault::new(format!("capture thread: {error}"), None))?;
            ended.map_err(|error| Fault {
                why: with_source(&error),
                advice: error.advice().map(str::to_owned),
                fatal: error.is_fatal(),
            })
        })
    });
}
