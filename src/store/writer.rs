//! # The writing thread
//!
//! Takes views and changes, and writes them together, at most once a second. Never makes the core wait:
//! the queue is bounded, and when it is full (a disk that hangs or is full) the history in it is
//! dropped and counted, while the latest view is kept and written whole as soon as it can be.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use rusqlite::Connection;

use super::{
    Settings, Store, StoreError, apply,
    error::{advice, is_refusal},
    lock::Lock,
    retention,
    rows::{Depth, Written, plan},
};
use crate::model::{Change, Clock, Health, HomeView, Mono, Wall};

/// Called once when writing fails and once when it works again.
pub type OnHealth = Box<dyn Fn(Health) + Send>;

/// Lists of changes that may wait (`docs/ARCHITECTURE.md`, channels).
const QUEUE: usize = 1024;
/// How long changes are gathered into one transaction.
const BATCH: Duration = Duration::from_millis(500);
const BATCH_LISTS: usize = 256;
/// How often the time of the last sign of life, and learned facts, are written.
const MINUTE: Duration = Duration::from_secs(60);
/// How often gauges such as last seen are written: what a kill may lose.
const GAUGES: Duration = MINUTE;
/// How often retention looks for something to remove.
const RETENTION: Duration = Duration::from_secs(60 * 60);
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(5 * 60);

/// Hands what is new to the writing thread. Dropping it without [`Writer::close`] also writes what waits,
/// but nobody waits for it.
#[derive(Debug)]
pub struct Writer {
    queue: SyncSender<Arc<[Change]>>,
    shared: Arc<Shared>,
    thread: JoinHandle<Result<(), StoreError>>,
}

#[derive(Debug)]
struct Shared {
    /// The latest; none until the core has shown one, so that nothing is taken for gone.
    view: ArcSwapOption<HomeView>,
    meta: Mutex<BTreeMap<&'static str, String>>,
    closed_at: Mutex<Option<Wall>>,
    dropped: AtomicU64,
    retention_days: AtomicU32,
}

impl Writer {
    pub(super) fn start(
        store: Store,
        settings: &Settings,
        clock: Clock,
        on_health: OnHealth,
    ) -> Result<Writer, StoreError> {
        let (queue, inbox) = sync_channel(QUEUE);
        let shared = Arc::new(Shared {
            view: ArcSwapOption::empty(),
            meta: Mutex::default(),
            closed_at: Mutex::default(),
            dropped: AtomicU64::new(0),
            retention_days: AtomicU32::new(settings.retention_days),
        });
        let Store { conn, file, lock, written, .. } = store;
        let now = clock().mono;
        let desk = Desk {
            conn,
            file,
            _lock: lock,
            written,
            shared: Arc::clone(&shared),
            inbox,
            clock,
            on_health,
            waiting: VecDeque::new(),
            minute_due: now,
            gauges_due: now + GAUGES,
            retention_due: now + MINUTE,
            down: None,
            events_dropped_told: 0,
            refused: 0,
        };
        let thread =
            thread::Builder::new().name("store".into()).spawn(move || desk.run()).map_err(StoreError::Thread)?;
        Ok(Writer { queue, shared, thread })
    }

    /// Takes the present view and what led to it. Returns at once.
    pub fn write(&self, view: Arc<HomeView>, changes: Arc<[Change]>) {
        self.shared.view.store(Some(view));
        let count = changes.len() as u64;
        match self.queue.try_send(changes) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.shared.dropped.fetch_add(count, Ordering::Relaxed);
            }
        }
    }

    /// Keeps a fact about the installation, such as `node`.
    pub fn set_meta(&self, key: &'static str, value: impl Into<String>) {
        lock(&self.shared.meta).insert(key, value.into());
        // Only wakes the thread; a full queue means that it is awake.
        let _ = self.queue.try_send(Arc::from([]));
    }

    /// Follows changed settings.
    pub fn adopt(&self, settings: &Settings) {
        self.shared.retention_days.store(settings.retention_days, Ordering::Relaxed);
    }

    /// Changes whose history was dropped because the queue was full, or a kind of event came too often.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Writes everything, with `now` as the time of the last sign of life, and ends the thread.
    pub fn close(self, now: Wall) -> Result<(), StoreError> {
        *lock(&self.shared.closed_at) = Some(now);
        drop(self.queue);
        self.thread.join().unwrap_or(Err(StoreError::Ended))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When to try again, and how long the wait was.
#[derive(Debug, Clone, Copy)]
struct Down {
    retry_at: Mono,
    wait: Duration,
}

/// What the thread works with.
struct Desk {
    conn: Connection,
    file: PathBuf,
    _lock: Lock,
    written: Written,
    shared: Arc<Shared>,
    inbox: Receiver<Arc<[Change]>>,
    clock: Clock,
    on_health: OnHealth,
    waiting: VecDeque<Arc<[Change]>>,
    minute_due: Mono,
    gauges_due: Mono,
    retention_due: Mono,
    down: Option<Down>,
    events_dropped_told: u64,
    refused: u64,
}

impl Desk {
    fn run(mut self) -> Result<(), StoreError> {
        loop {
            let wait = self.next_due().since((self.clock)().mono);
            match self.inbox.recv_timeout(wait) {
                Ok(changes) => {
                    self.take(changes);
                    if self.gather().is_err() {
                        return self.finish();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.finish(),
            }
            self.step();
        }
    }

    fn next_due(&self) -> Mono {
        self.down.map_or_else(|| self.minute_due.min(self.retention_due), |down| down.retry_at)
    }

    fn take(&mut self, changes: Arc<[Change]>) {
        if changes.is_empty() {
            return;
        }
        if self.waiting.len() >= QUEUE {
            self.shared.dropped.fetch_add(changes.len() as u64, Ordering::Relaxed);
            return;
        }
        self.waiting.push_back(changes);
    }

    /// Waits a little for more, so that a burst is one transaction. `Err` when the writer was closed.
    fn gather(&mut self) -> Result<(), RecvTimeoutError> {
        let end = (self.clock)().mono + BATCH;
        for _ in 0..BATCH_LISTS {
            let left = end.since((self.clock)().mono);
            match self.inbox.recv_timeout(left) {
                Ok(changes) => self.take(changes),
                Err(RecvTimeoutError::Timeout) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn step(&mut self) {
        let now = (self.clock)();
        if self.down.is_some_and(|down| now.mono < down.retry_at) {
            return;
        }
        let gauges = now.mono >= self.gauges_due;
        let minute = now.mono >= self.minute_due;
        let depth = match (gauges, minute) {
            (true, _) => Depth::Everything,
            (false, true) => Depth::Facts,
            (false, false) => Depth::Changes,
        };
        let wrote = self.write(depth, minute.then_some(now.wall));
        match wrote {
            Ok(()) => {
                if minute {
                    self.minute_due = now.mono + MINUTE;
                }
                if gauges {
                    self.gauges_due = now.mono + GAUGES;
                }
            }
            Err(error) => return self.failed(&error, now.mono),
        }
        if now.mono >= self.retention_due && self.waiting.is_empty() {
            let days = self.shared.retention_days.load(Ordering::Relaxed);
            match retention::step(&self.conn, now.wall, days, retention::CAPS) {
                // Between two steps the queue has its turn.
                Ok(true) => self.retention_due = now.mono + Duration::from_millis(20),
                Ok(false) => self.retention_due = now.mono + RETENTION,
                Err(error) => return self.failed(&error, now.mono),
            }
        }
        if self.down.take().is_some() {
            tracing::info!("the store can be written again");
            (self.on_health)(Health::Up);
        }
    }

    /// Brings the file up to the latest view, in one transaction. On failure nothing is forgotten.
    fn write(&mut self, depth: Depth, alive_at: Option<Wall>) -> rusqlite::Result<()> {
        let view = self.shared.view.load_full();
        let meta = std::mem::take(&mut *lock(&self.shared.meta));
        self.waiting.make_contiguous();
        let (rows, next) = match &view {
            Some(view) => plan(&self.written, view, self.waiting.as_slices().0, depth),
            None => (Vec::new(), self.written.clone()),
        };
        let mut refused = 0_u64;
        let wrote = if rows.is_empty() && meta.is_empty() && alive_at.is_none() {
            Ok(())
        } else {
            (|| {
                let tx = self.conn.transaction()?;
                for (key, value) in &meta {
                    apply::meta(&tx, key, value)?;
                }
                if let Some(at) = alive_at {
                    apply::meta(&tx, "stopped_ms", &at.0.to_string())?;
                }
                for row in &rows {
                    match apply::apply(&tx, row) {
                        // One row that the schema refuses must not hold back all the others for ever.
                        Err(error) if is_refusal(&error) => {
                            tracing::debug!(%error, ?row, "a row was refused");
                            refused += 1;
                        }
                        other => other?,
                    }
                }
                tx.commit()
            })()
        };
        match wrote {
            Ok(()) => {
                self.written = next;
                self.waiting.clear();
                self.count_refused(refused);
                let cut = self.written.events_dropped - self.events_dropped_told;
                if cut > 0 {
                    if self.events_dropped_told == 0 {
                        tracing::warn!("one kind of event comes too often; the rest of today's are counted, not kept");
                    }
                    self.events_dropped_told = self.written.events_dropped;
                    self.shared.dropped.fetch_add(cut, Ordering::Relaxed);
                }
            }
            Err(_) => {
                let mut waiting = lock(&self.shared.meta);
                for (key, value) in meta {
                    waiting.entry(key).or_insert(value);
                }
            }
        }
        wrote
    }

    fn count_refused(&mut self, refused: u64) {
        if refused > 0 && self.refused == 0 {
            tracing::warn!(refused, "rows were refused by the schema of the store; further ones are only counted");
        }
        self.refused += refused;
        self.shared.dropped.fetch_add(refused, Ordering::Relaxed);
    }

    fn failed(&mut self, error: &rusqlite::Error, now: Mono) {
        let wait = self.down.map_or(RETRY_FIRST, |down| (down.wait * 2).min(RETRY_MAX));
        if self.down.is_none() {
            tracing::warn!(%error, advice = advice(error), file = %self.file.display(), "the store cannot be written");
            let why = format!("{} cannot be written: {error}", self.file.display());
            (self.on_health)(Health::Down { why, advice: advice(error).map(str::to_owned) });
        }
        self.down = Some(Down { retry_at: now + wait, wait });
    }

    fn finish(mut self) -> Result<(), StoreError> {
        let now = lock(&self.shared.closed_at).take().unwrap_or_else(|| (self.clock)().wall);
        let file = self.file.clone();
        self.write(Depth::Everything, Some(now)).map_err(StoreError::sqlite("writing", &file))?;
        // Everything into the one file, so that a copy of it alone is whole. A reader may be in the way.
        let folded = self.conn.pragma(None, "wal_checkpoint", "truncate", |_| Ok(()));
        let tidied = self.conn.execute_batch("pragma optimize");
        if let Err(error) = folded.and(tidied) {
            tracing::debug!(%error, "the store was closed without tidying");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
