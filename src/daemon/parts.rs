//! # Supervision
//!
//! A part is a name and a way to start it. When it ends by error or panic, the core is told that
//! it is down, one line is logged, and it is started again after 1 s, doubling to 5 min, with
//! jitter; one line is logged when it is back. A fault that only a person can mend stays down
//! with its advice until settings change. A dead part never stops another.

use std::{collections::BTreeMap, future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinHandle,
};

use super::core_loop::Note;
use crate::model::{Health, PartId, Phase};

/// How a part ended.
#[derive(Debug, Clone)]
pub struct Fault {
    pub why: String,
    pub advice: Option<String>,
    /// Only a person can mend it.
    pub fatal: bool,
}

impl Fault {
    pub fn new(why: impl ToString, advice: Option<&str>) -> Fault {
        Fault { why: why.to_string(), advice: advice.map(str::to_owned), fatal: false }
    }
    #[must_use]
    pub fn fatal(self) -> Fault {
        Fault { fatal: true, ..self }
    }
}

/// One run of a part.
pub type Run = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);
// A run that lasted this long counts as a recovery: the next fault waits a second again.
const STEADY: Duration = Duration::from_secs(60);
// A part that has not failed by then is called back.
const BACK_AFTER: Duration = Duration::from_secs(2);

/// All parts, by name.
pub struct Parts {
    notes: mpsc::Sender<Note>,
    phase: watch::Receiver<Phase>,
    first_wait: Duration,
    tasks: BTreeMap<PartId, (JoinHandle<()>, Arc<Notify>)>,
}

impl Parts {
    #[must_use]
    pub fn new(notes: mpsc::Sender<Note>, phase: watch::Receiver<Phase>) -> Parts {
        Parts { notes, phase, first_wait: FIRST_WAIT, tasks: BTreeMap::new() }
    }

    /// Starts a part and keeps it running. A part that reports its own health passes `speaks: true`
    /// and is only noted when it fails.
    pub fn start(&mut self, part: PartId, speaks: bool, start: impl Fn() -> Run + Send + 'static) {
        let restart = Arc::new(Notify::new());
        let keeper = Keeper {
            part: part.clone(),
            speaks,
            first_wait: self.first_wait,
            notes: self.notes.clone(),
            phase: self.phase.clone(),
            restart: Arc::clone(&restart),
        };
        self.tasks.insert(part, (tokio::spawn(keeper.keep(start)), restart));
    }

    /// Ends the present run of a part and starts it anew, with what settings say now.
    pub fn restart(&self, part: &PartId) {
        if let Some((_, restart)) = self.tasks.get(part) {
            restart.notify_one();
        }
    }

    /// Waits until all have ended, at most `patience`.
    pub async fn join(self, patience: Duration) {
        let all = futures_util::future::join_all(self.tasks.into_values().map(|(task, _)| task));
        if tokio::time::timeout(patience, all).await.is_err() {
            tracing::warn!("some parts did not end in time");
        }
    }
}

struct Keeper {
    part: PartId,
    speaks: bool,
    first_wait: Duration,
    notes: mpsc::Sender<Note>,
    phase: watch::Receiver<Phase>,
    restart: Arc<Notify>,
}

impl Keeper {
    async fn keep(mut self, start: impl Fn() -> Run) {
        let (mut wait, mut down) = (self.first_wait, false);
        loop {
            let run = AssertUnwindSafe(start()).catch_unwind();
            tokio::pin!(run);
            let began = tokio::time::Instant::now();
            let mut called_back = false;
            let ended = loop {
                tokio::select! {
                    biased;
                    () = self.restart.notified() => break None,
                    ended = &mut run => break Some(ended),
                    () = tokio::time::sleep_until(began + BACK_AFTER), if !called_back => {
                        called_back = true;
                        if !self.speaks {
                            self.say(Health::Up).await;
                        }
                        if std::mem::take(&mut down) {
                            tracing::info!(part = %self.part, "back");
                        }
                    }
                }
            };
            let fault = match ended {
                None => continue,
                Some(Ok(Ok(()))) => return,
                Some(Ok(Err(fault))) => fault,
                Some(Err(panic)) => {
                    Fault::new(panic_text(&panic), Some("this is a fault in Porchlight: please report it"))
                }
            };
            if *self.phase.borrow() > Phase::Running {
                return;
            }
            if !std::mem::replace(&mut down, true) {
                tracing::warn!(part = %self.part, why = %fault.why, advice = fault.advice.as_deref(), "down");
            }
            self.say(Health::Down { why: fault.why, advice: fault.advice }).await;
            if began.elapsed() >= STEADY {
                wait = self.first_wait;
            }
            if !self.rest(wait, fault.fatal).await {
                return;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Waits before the next start; `false` if the daemon ends meanwhile.
    async fn rest(&mut self, wait: Duration, fatal: bool) -> bool {
        let mut byte = [0];
        let _no_randomness = getrandom::fill(&mut byte);
        let jittered = wait + wait.mul_f64(f64::from(byte[0]) / 1024.0);
        tokio::select! {
            _ = self.phase.wait_for(|p| *p > Phase::Running) => false,
            () = self.restart.notified() => true,
            () = tokio::time::sleep(jittered), if !fatal => true,
        }
    }

    async fn say(&self, health: Health) {
        // The core ends after the parts, so a closed channel means that nobody needs to know.
        let _ended = self.notes.send(Note::Part(self.part.clone(), health)).await;
    }
}

fn panic_text(panic: &Box<dyn std::any::Any + Send>) -> String {
    let text =
        panic.downcast_ref::<&str>().map(|s| (*s).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.unwrap_or_else(|| "no message".into()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Log lines of this thread.
    #[derive(Clone, Default)]
    struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("whole").extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Other tests of this process would share the log's switches, so it runs in one of its own.
    const ALONE: &str = "PORCHLIGHT_TEST_ALONE";

    #[test]
    fn a_part_that_fails_many_times_is_logged_once_gone_and_once_back() {
        let name = "daemon::parts::tests::child_that_fails_many_times";
        let ended = std::process::Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", name, "--nocapture"])
            .env(ALONE, "1")
            .output()
            .expect("started");
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(
            ended.status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8_lossy(&ended.stderr)
        );
    }

    #[tokio::test]
    async fn child_that_fails_many_times() {
        if std::env::var_os(ALONE).is_none() {
            return;
        }
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let _here = tracing::subscriber::set_default(log);
        let (notes_tx, mut notes) = mpsc::channel(64);
        let (_phase_tx, phase) = watch::channel(Phase::Running);
        let mut parts = Parts { first_wait: Duration::from_millis(1), ..Parts::new(notes_tx, phase) };
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        parts.start(PartId::new("x"), false, move || {
            let n = counted.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move { if n < 6 { Err(Fault::new("no luck", None)) } else { std::future::pending().await } })
        });
        while let Some(Note::Part(_, health)) = notes.recv().await {
            if health == Health::Up {
                break;
            }
        }
        // The line follows the note.
        while !String::from_utf8_lossy(&lines.0.lock().expect("whole")).contains("back") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let text = String::from_utf8(lines.0.lock().expect("whole").clone()).expect("text");
        assert_eq!((text.matches("down").count(), text.matches("back").count()), (1, 1), "{text}");
        assert_eq!(runs.load(Ordering::SeqCst), 7);
    }

    #[tokio::test]
    async fn a_part_that_fails_is_noted_once_down_and_once_back() {
        let (notes_tx, mut notes) = mpsc::channel(16);
        let (phase_tx, phase) = watch::channel(Phase::Running);
        let mut parts = Parts { first_wait: Duration::from_millis(1), ..Parts::new(notes_tx, phase.clone()) };
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        parts.start(PartId::new("x"), false, move || {
            let n = counted.fetch_add(1, Ordering::SeqCst);
            let mut phase = phase.clone();
            Box::pin(async move {
                match n {
                    0 => Err(Fault::new("no luck", None)),
                    1 => panic!("worse luck"),
                    _ => {
                        let _ended = phase.wait_for(|p| *p > Phase::Running).await;
                        Ok(())
                    }
                }
            })
        });
        let mut seen = Vec::new();
        for _ in 0..3 {
            if let Some(Note::Part(_, health)) = notes.recv().await {
                seen.push(health.to_string());
            }
        }
        assert_eq!(seen, ["failed (no luck)", "failed (panicked: worse luck)", "ok"]);
        phase_tx.send_replace(Phase::Quiet);
        parts.join(Duration::from_secs(5)).await;
    }
}
