//! # The shelf of evidence
//!
//! Files that the core hands over are written here, on a thread that may wait for a slow disk.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::{Mutex, mpsc, watch};

use super::{
    clock,
    core_loop::Note,
    parts::{Parts, Run},
};
use crate::{
    capture::evidence::{Pack, Shelf},
    model::{Health, PartId},
    settings::Settings,
};

/// Files that wait for the disk; more are dropped and counted. Each holds 4 MiB at most.
pub const PACKS: usize = 8;

/// Starts it as a part. It ends when the core does, with the last file written.
pub fn keep(
    parts: &mut Parts,
    settings: &watch::Receiver<Arc<Settings>>,
    state_dir: &std::path::Path,
    packs: mpsc::Receiver<Pack>,
    notes: &mpsc::Sender<Note>,
) {
    let (settings, shelf, notes) = (settings.clone(), Shelf::new(state_dir), notes.clone());
    let packs = Arc::new(Mutex::new(packs));
    parts.start(PartId::new("evidence"), true, move || -> Run {
        let (settings, shelf, notes, packs) = (settings.clone(), shelf.clone(), notes.clone(), Arc::clone(&packs));
        Box::pin(async move {
            let mut packs = packs.lock().await;
            let mut is_down = false;
            while let Some(pack) = packs.recv().await {
                let (shelf, wanted) = (shelf.clone(), settings.borrow().evidence.clone());
                let writing = tokio::task::spawn_blocking(move || shelf.put(&pack, &wanted, clock::now().wall));
                let why = match writing.await {
                    Ok(Ok(path)) => {
                        tracing::info!(file = %path.display(), "evidence kept");
                        None
                    }
                    Ok(Err(error)) => Some(format!("evidence cannot be written: {error}")),
                    Err(error) => Some(format!("evidence cannot be written: {error}")),
                };
                if why.is_some() != is_down {
                    is_down = why.is_some();
                    if let Some(why) = &why {
                        tracing::warn!(%why);
                    }
                    let health = why.map_or(Health::Up, |why| Health::Degraded { why, advice: None });
                    let _core_ended = notes.send(Note::Part(PartId::new("evidence"), health)).await;
                }
            }
            Ok(())
        })
    });
}

/// Writes what was heard last into a file of its own, for `export pcapng`.
///
/// # Errors
/// What the disk says.
pub async fn export(
    state_dir: PathBuf,
    bytes: Vec<u8>,
    settings: crate::capture::evidence::Settings,
) -> Result<PathBuf, String> {
    let at = clock::now().wall;
    let name = format!("last-{}", at.to_string().replace([':', '.'], "-"));
    let writing = tokio::task::spawn_blocking(move || Shelf::new(&state_dir).put(&Pack { name, bytes }, &settings, at));
    writing.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}
