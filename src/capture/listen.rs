//! # One thread per interface, from the ring to the core
//!
//! When the core is behind, the batch is dropped and counted, and the next one that gets through
//! says for how long frames were lost: the core must not take that time for silence.

use std::{
    mem,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::sync::{
    mpsc::{Sender, error::TrySendError},
    watch,
};

use super::{Batch, CaptureError, Ring};
use crate::model::{Clock, Mono, Phase};

/// How long a wait for frames may last, so that the end of the run is noticed.
const WAIT: Duration = Duration::from_millis(100);
/// The kernel hands over a block that is not full after 20 ms (`RETIRE_MS` in `ring.rs`): nothing for so long, nothing more.
const LAST_BLOCK: Duration = Duration::from_millis(50);
/// The kernel's counters are read this often; reading resets them.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// What one interface brought, for health and metrics.
#[derive(Debug, Default)]
pub struct Counters {
    pub frames: AtomicU64,
    pub batches: AtomicU64,
    /// Lost by the kernel: the ring was full.
    pub lost_kernel: AtomicU64,
    /// Lost by us: the core was behind.
    pub lost_queue: AtomicU64,
    /// How often the ring got more room, because it was nearly full or had lost frames.
    pub grown: AtomicU64,
}

/// Hears what `ring` brings until the run ends or the interface goes. Blocks: give it a thread of its own.
/// `core` is bounded (64 batches); a full one loses batches, never waits.
///
/// # Errors
/// An interface that went down or away: the caller starts again after a pause.
pub fn listen(
    mut ring: Ring,
    clock: Clock,
    core: &Sender<Batch>,
    phase: &watch::Receiver<Phase>,
    counters: &Counters,
) -> Result<(), CaptureError> {
    let mut lost = Lost::default();
    let mut counted = clock().mono;
    // A ring that was too small, while it is read to its end; the larger one hears meanwhile.
    let mut old: Option<Ring> = None;
    while *phase.borrow() == Phase::Running {
        let mut batch = match &mut old {
            None => ring.next_batch(WAIT)?,
            Some(small) => {
                let batch = small.next_batch(LAST_BLOCK)?;
                if batch.is_empty() {
                    let dropped = small.statistics()?.dropped;
                    counters.lost_kernel.fetch_add(dropped, Relaxed);
                    lost.add(dropped, counted);
                    old = None;
                }
                batch
            }
        };
        let now = clock().mono;
        let mut dropped = 0;
        if now.since(counted) >= COUNT_EVERY {
            dropped = ring.statistics()?.dropped;
            counters.lost_kernel.fetch_add(dropped, Relaxed);
            lost.add(dropped, counted);
            counted = now;
        }
        if old.is_none() && (ring.is_tight() || dropped > 0) {
            old = grow(&mut ring, dropped);
            counters.grown.fetch_add(u64::from(old.is_some()), Relaxed);
        }
        if batch.is_empty() && lost.frames == 0 {
            continue;
        }
        (batch.lost, batch.blind) = (lost.frames, lost.since.map_or(Duration::ZERO, |since| now.since(since)));
        let frames = batch.len() as u64;
        match core.try_send(batch) {
            Ok(()) => {
                counters.frames.fetch_add(frames, Relaxed);
                counters.batches.fetch_add(1, Relaxed);
                lost = Lost::default();
            }
            Err(TrySendError::Full(_)) => {
                counters.lost_queue.fetch_add(frames, Relaxed);
                lost.add(frames, now);
            }
            Err(TrySendError::Closed(_)) => return Ok(()),
        }
    }
    Ok(())
}

/// The kernel has, or soon had, no room for frames: it gets more. A quiet home never pays for it. The old ring, deaf and
/// still to be read, if there is a larger one.
fn grow(ring: &mut Ring, dropped: u64) -> Option<Ring> {
    let mib = ring.mib();
    match ring.larger()? {
        Ok(larger) => {
            tracing::info!(
                dropped,
                from_mib = mib,
                to_mib = larger.mib(),
                "frames came faster than they were read: the capture ring grows"
            );
            let old = mem::replace(ring, larger);
            if let Err(error) = old.deafen() {
                tracing::debug!(%error, "what waited in the smaller ring is not read, or would be read twice");
                return None;
            }
            Some(old)
        }
        Err(error) => {
            tracing::debug!(%error, dropped, mib, "frames come faster than they are read, and the capture ring cannot grow");
            None
        }
    }
}

/// What was lost since the last batch that got through.
#[derive(Default)]
struct Lost {
    frames: u64,
    since: Option<Mono>,
}

impl Lost {
    fn add(&mut self, frames: u64, since: Mono) {
        if frames > 0 {
            self.frames += frames;
            self.since.get_or_insert(since);
        }
    }
}
