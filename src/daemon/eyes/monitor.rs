//! # Ears for the air
//!
//! One thread for each interface in monitor mode, as they come and go. They are no ears of the home's networks:
//! nobody's silence there says anything, so how they are is told by the scanner `wifi_monitor` alone.

use std::{collections::BTreeMap, time::Duration};

use tokio::task::JoinHandle;

use super::{Wires, with_source};
use crate::{
    capture::{self, CaptureError, Counters, Filter},
    daemon::{
        clock,
        parts::{Parts, Run},
    },
    model::{PartId, Phase},
};

/// How often interfaces in monitor mode are looked for.
const LOOK: Duration = Duration::from_secs(30);
/// More cards than that are no home's.
const EARS_MAX: usize = 8;

/// Starts the part that keeps them.
pub fn keep(parts: &mut Parts, wires: &Wires) {
    let wires = wires.clone();
    parts.start(PartId::new("monitors"), true, move || -> Run {
        let wires = wires.clone();
        Box::pin(async move {
            let mut phase = wires.phase.clone();
            let mut ears: BTreeMap<String, JoinHandle<Result<(), CaptureError>>> = BTreeMap::new();
            let mut told: BTreeMap<String, String> = BTreeMap::new();
            loop {
                let settings = wires.settings.borrow().scanners.wifi_monitor.clone();
                let wanted = if settings.enabled { settings.ears().await.unwrap_or_default() } else { Vec::new() };
                for name in wanted.into_iter().take(EARS_MAX) {
                    if ears.get(&name).is_some_and(|ear| !ear.is_finished()) {
                        continue;
                    }
                    if let Some(ended) = ears.remove(&name) {
                        say(&name, ended.await, &mut told);
                    }
                    ears.insert(name.clone(), listen(name, wires.clone()));
                }
                tokio::select! {
                    biased;
                    _ = phase.wait_for(|phase| *phase > Phase::Running) => break,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
            // They see the end of the run by themselves.
            for ear in ears.into_values() {
                let _ended = ear.await;
            }
            Ok(())
        })
    });
}

fn listen(name: String, wires: Wires) -> JoinHandle<Result<(), CaptureError>> {
    tokio::task::spawn_blocking(move || {
        let settings = wires.settings.borrow().capture.clone();
        let ring = capture::Ring::open(&name, &Filter::air(), &settings, clock::now)?;
        tracing::info!(interface = name, "listening to the air");
        capture::listen(ring, clock::now, &wires.frames, &wires.phase, &Counters::default())
    })
}

/// Logs why an ear ended, once for each reason.
fn say(
    name: &str,
    ended: Result<Result<(), CaptureError>, tokio::task::JoinError>,
    told: &mut BTreeMap<String, String>,
) {
    let (why, advice) = match ended {
        Ok(Ok(())) => return,
        Ok(Err(error)) => (with_source(&error), error.advice()),
        Err(error) => (error.to_string(), None),
    };
    // Interfaces are named by whoever plugs them in.
    if told.len() > 8 * EARS_MAX {
        told.clear();
    }
    if told.insert(name.to_owned(), why.clone()).as_ref() != Some(&why) {
        tracing::warn!(interface = name, why, advice, "cannot listen to the air");
    }
}
