//! # One look around
//!
//! The same eyes and the same core as the daemon's, for one round of every scanner; nothing is
//! stored and nothing is told to anybody.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};

use super::{
    DaemonError, Parts, channels, eyes,
    eyes::{Once, Wires},
    start_core,
};
use crate::{
    capture::evidence::{self, Evidence},
    model::{HomeView, Phase, Remembered, ScannerView},
    scanners::{self, Progress},
    settings::Settings,
};

// A sweep is over when nobody new was heard for so long. An access point holds a question to everybody for its
// sleeping stations until the next DTIM beacon, three beacons of 102.4 ms as a rule (IEEE 802.11-2020 §11.2.3.4);
// twice that, and the time the station takes.
const SETTLE: Duration = Duration::from_millis(800);
// After the last scanner, until the picture has stood still for so long.
const STILL: Duration = Duration::from_millis(150);
// And at most so long. Also the time to listen, if nobody asks.
const LAST_ANSWERS: Duration = Duration::from_millis(1500);
// What the ring holds back (its blocks retire after 20 ms) reaches the core within it.
const LAST_FRAMES: Duration = Duration::from_millis(60);

/// What one look saw.
pub struct Glance {
    pub view: Arc<HomeView>,
    pub scanners: Vec<ScannerView>,
}

/// One round of the scanners named in `only` (empty: all), at most `at_most` long.
pub async fn scan(
    settings: Settings,
    only: Vec<String>,
    at_most: Duration,
    progress: Arc<watch::Sender<Progress>>,
) -> Result<Glance, DaemonError> {
    let (_settings_tx, settings_rx) = watch::channel(Arc::new(settings));
    let (phase_tx, phase) = watch::channel(Phase::Running);
    let (facts, looks, links) = channels();
    let network = scanners::read_network(&settings_rx.borrow().network).await.map(Arc::new).unwrap_or_default();
    facts.send_replace(Arc::clone(&network));
    // One look keeps nothing.
    let (nowhere, _) = mpsc::channel(1);
    let off = evidence::Settings { enabled: false, ..evidence::Settings::default() };
    let (core, outlet) = start_core(
        &settings_rx,
        &network,
        &Remembered::default(),
        0,
        (links.inbox, None, Duration::ZERO),
        looks.clone(),
        &phase,
        (Evidence::new(&off), nowhere),
    )?;
    let mut parts = Parts::new(links.notes.clone(), phase.clone());
    let wires = Wires {
        settings: settings_rx.clone(),
        phase: phase.clone(),
        frames: links.frames,
        observations: links.observations,
        scanners: links.scanners,
        notes: links.notes,
        looks,
        view: outlet.view.clone(),
        rounds: outlet.rounds.clone(),
    };
    let once = Once { rounds: Some(1), settle: SETTLE, progress: Some(Arc::clone(&progress)), only: only.clone() };
    let (wanted, finders) = {
        let settings = settings_rx.borrow();
        let wanted = || scanners::enabled(&settings.scanners, &only);
        (wanted().count() as u32, wanted().filter(|row| scanners::is_finder(row.source)).count() as u32)
    };
    progress.send_modify(|progress| (progress.total, progress.finding) = (wanted, finders));
    let mut seen = progress.subscribe();
    eyes::start(&mut parts, &wires, facts, &once);
    drop(wires);

    let all_done = seen.wait_for(|progress| progress.done >= progress.total);
    let _time_is_up = tokio::time::timeout(at_most, all_done).await;
    let still = if wanted == 0 { LAST_ANSWERS } else { STILL };
    let _time_is_up = tokio::time::timeout(LAST_ANSWERS.min(at_most), stands_still(outlet.view.clone(), still)).await;

    tracing::debug!("nothing is outstanding");
    phase_tx.send_replace(Phase::Quiet);
    tokio::time::sleep(LAST_FRAMES).await;
    phase_tx.send_replace(Phase::Draining);
    let _ended = tokio::task::spawn_blocking(move || core.join()).await;
    phase_tx.send_replace(Phase::Closed { lasting: true });
    parts.join(Duration::from_secs(1)).await;
    let view = Arc::clone(&outlet.view.borrow());
    let mut lines: BTreeMap<String, ScannerView> =
        view.scanners.iter().map(|line| (line.name.clone(), line.clone())).collect();
    for part in &view.parts {
        if let Some(line) = lines.get_mut(&part.part.0).filter(|_| part.health.why().is_some()) {
            line.health = part.health.clone();
        } else if part.health.why().is_some() {
            let line = ScannerView {
                name: part.part.0.clone(),
                health: part.health.clone(),
                seen: 0,
                sent: 0,
                last_success: None,
            };
            lines.insert(part.part.0.clone(), line);
        }
    }
    Ok(Glance { view, scanners: lines.into_values().collect() })
}

/// Until the picture has not changed for `still`.
async fn stands_still(mut view: watch::Receiver<Arc<HomeView>>, still: Duration) {
    view.mark_unchanged();
    while let Ok(Ok(())) = tokio::time::timeout(still, view.changed()).await {}
}
