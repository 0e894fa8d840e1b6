//! # The lists that people subscribe to
//!
//! Read at the start from what is kept, then fetched as often as settings say. Without the Internet it goes on with
//! what it has, says so, and tries again.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{mpsc, watch};

use super::{
    clock,
    core_loop::Note,
    parts::{Fault, Parts, Run},
};
use crate::{
    detectors::threat_intel,
    intel::{
        feeds::Feed,
        fetch::{self, Fetched, Loaded},
    },
    model::{Health, PartId, Phase},
    settings::Settings,
};

/// What is kept of lists, below the state folder.
pub const FOLDER: &str = "intel";
/// After a failure; doubles up to the usual step.
const AGAIN: Duration = Duration::from_secs(60);
/// A list is asked for at most so often, whatever settings say: makers of lists block whoever asks more.
const STEP_MIN: Duration = Duration::from_secs(300);

/// Starts it as a part.
pub fn keep(
    parts: &mut Parts,
    settings: &watch::Receiver<Arc<Settings>>,
    state_dir: PathBuf,
    notes: &mpsc::Sender<Note>,
    phase: &watch::Receiver<Phase>,
) {
    let (settings, notes, phase) = (settings.clone(), notes.clone(), phase.clone());
    let folder = state_dir.join(FOLDER);
    parts.start(PartId::new("threat_intel"), true, move || -> Run {
        let keeper = Keeper { settings: settings.clone(), folder: folder.clone(), notes: notes.clone(), held: 0 };
        Box::pin(keeper.run(phase.clone()))
    });
}

struct Keeper {
    settings: watch::Receiver<Arc<Settings>>,
    folder: PathBuf,
    notes: mpsc::Sender<Note>,
    /// Entries the core was last told of.
    held: usize,
}

impl Keeper {
    async fn run(mut self, mut phase: watch::Receiver<Phase>) -> Result<(), Fault> {
        loop {
            let wanted = self.settings.borrow_and_update().detectors.threat_intel.clone();
            tokio::select! {
                biased;
                _ = phase.wait_for(|phase| *phase > Phase::Running) => return Ok(()),
                ended = follow(&wanted, &self.folder, &self.notes, &mut self.held) => ended?,
                () = differs(&mut self.settings, &wanted) => {}
            }
        }
    }
}

/// Waits until these settings are not those any more.
async fn differs(settings: &mut watch::Receiver<Arc<Settings>>, old: &threat_intel::Settings) {
    let is_other = |settings: &Arc<Settings>| settings.detectors.threat_intel != *old;
    if settings.wait_for(is_other).await.is_err() {
        // The daemon ends.
        std::future::pending::<()>().await;
    }
}

/// Reads, tells, fetches, waits, for ever.
async fn follow(
    wanted: &threat_intel::Settings,
    folder: &Path,
    notes: &mpsc::Sender<Note>,
    held: &mut usize,
) -> Result<(), Fault> {
    if wanted.feeds.is_empty() || wanted.mode == crate::detectors::Mode::Off {
        if std::mem::take(held) > 0 {
            send(notes, Note::Indicators(Arc::default())).await?;
            send(notes, health(None)).await?;
        }
        return std::future::pending().await;
    }
    fetch::tidy(&wanted.feeds, folder);
    let step = wanted.refresh.0.max(STEP_MIN);
    let mut wait = AGAIN;
    let mut loaded = read(wanted, folder, notes, held).await?;
    loop {
        let (mut troubles, mut is_new) = (Vec::new(), false);
        for feed in wanted.feeds.iter().filter(|feed| feed.is_remote() && is_due(feed, folder, step)) {
            match one(feed, folder).await {
                Ok(Fetched::New) => is_new = true,
                Ok(Fetched::Same) => {}
                Err(why) => troubles.push(format!("{} {why}", feed.name())),
            }
        }
        let failed = !troubles.is_empty();
        if is_new || loaded.trouble().is_some() {
            loaded = read(wanted, folder, notes, held).await?;
        }
        troubles.extend(loaded.trouble());
        let why = (!troubles.is_empty()).then(|| troubles.join("; "));
        if let Some(why) = &why {
            tracing::warn!(%why, "lists of bad addresses are not what they should be");
        }
        send(notes, health(why)).await?;
        wait = if failed { (wait * 2).min(step) } else { AGAIN };
        tokio::time::sleep(if failed { wait } else { step }).await;
        // Files may have been written anew.
        if wanted.feeds.iter().any(|feed| !feed.is_remote()) {
            loaded = read(wanted, folder, notes, held).await?;
        }
    }
}

/// Its last confirmation is older than a step, or lies ahead: the clock was wrong then.
fn is_due(feed: &Feed, folder: &Path, step: Duration) -> bool {
    let now = clock::now().wall;
    let step_ms = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
    fetch::confirmed(feed, folder).is_none_or(|at| now.0.saturating_sub(at.0) >= step_ms || at > now)
}

async fn one(feed: &Feed, folder: &Path) -> Result<Fetched, fetch::FetchError> {
    let fetched = fetch::fetch(&fetch::client()?, feed, folder, clock::now().wall).await;
    match &fetched {
        Ok(Fetched::New) => tracing::info!(list = %feed.name(), "list fetched"),
        Ok(Fetched::Same) => tracing::debug!(list = %feed.name(), "list has not changed"),
        Err(_) => {}
    }
    fetched
}

/// Reads all lists on a thread that may wait, and hands them to the core.
async fn read(
    wanted: &threat_intel::Settings,
    folder: &Path,
    notes: &mpsc::Sender<Note>,
    held: &mut usize,
) -> Result<Loaded, Fault> {
    let (feeds, folder, most) = (wanted.feeds.clone(), folder.to_owned(), wanted.max_entries);
    let now = clock::now().wall;
    let reading = tokio::task::spawn_blocking(move || fetch::load(&feeds, Some(&folder), most, now));
    let mut loaded = reading.await.map_err(|error| Fault::new(format!("lists were not read: {error}"), None))?;
    for line in &loaded.lines {
        if let Ok(read) = &line.read {
            let refused = read.refusals();
            tracing::info!(list = %line.name, entries = read.taken, unread = read.unread, %refused, "list read");
        }
    }
    *held = loaded.indicators.len();
    let indicators = Arc::new(std::mem::take(&mut loaded.indicators));
    send(notes, Note::Indicators(indicators)).await?;
    Ok(loaded)
}

fn health(why: Option<String>) -> Note {
    let health = match why {
        None => Health::Up,
        Some(why) => Health::Degraded { why, advice: Some("look at detectors.threat_intel.feeds".into()) },
    };
    Note::Part(PartId::new("threat_intel"), health)
}

async fn send(notes: &mpsc::Sender<Note>, note: Note) -> Result<(), Fault> {
    notes.send(note).await.map_err(|_| Fault::new("the core ended", None))
}
