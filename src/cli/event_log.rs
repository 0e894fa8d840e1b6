//! # The event log as a file: one JSON object a line
//!
//! For collectors of logs: what `events` prints, as it happens, alerts in full. With `log.ecs` in the words of the
//! Elastic Common Schema. The file is turned over when it is full: `events.jsonl` becomes `events.jsonl.1`, and so on;
//! the oldest goes. What a slow disk missed is said in the file itself.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{fit::Fit, json};
use crate::{
    daemon::{Outlet, clock},
    model::{Change, Wall},
    settings::Log,
    store::{self, EventRow},
};

mod ecs;

/// What is said twice a second at most, however often the disk refuses.
const COMPLAIN_EVERY_MS: i64 = 60_000;
/// The end of the daemon waits so long for the last line.
const LAST_LINE: Duration = Duration::from_secs(1);

/// The thread that writes.
pub struct Writing(thread::JoinHandle<()>);

impl Writing {
    /// Waits until the last line is written, but not for ever.
    pub fn end(self) {
        let step = Duration::from_millis(10);
        for _ in 0..LAST_LINE.as_millis() / step.as_millis() {
            if self.0.is_finished() {
                return;
            }
            thread::sleep(step);
        }
    }
}

/// Starts writing, if settings name a file.
///
/// # Errors
/// The file cannot be opened; what to do stands in the settings.
pub fn start(log: &Log, state_dir: &Path, outlet: &Outlet, fit: Fit) -> io::Result<Option<Writing>> {
    let Some(file) = &log.events else { return Ok(None) };
    let file = Turning::open(state_dir.join(file), u64::from(log.events_mib) << 20, log.events_files)?;
    let writer = Writer { file, ecs: log.ecs, fit, complained: Wall(0) };
    let changes = outlet.changes();
    Ok(Some(Writing(thread::Builder::new().name("events".into()).spawn(move || writer.run(changes))?)))
}

struct Writer {
    file: Turning,
    ecs: bool,
    fit: Fit,
    complained: Wall,
}

impl Writer {
    fn run(mut self, mut changes: Receiver<std::sync::Arc<[Change]>>) {
        loop {
            let lines = match changes.blocking_recv() {
                Ok(batch) => batch.iter().filter_map(|change| line(change, &self.fit, self.ecs)).collect(),
                Err(RecvError::Lagged(missed)) => vec![lost(missed, clock::now().wall, self.ecs)],
                Err(RecvError::Closed) => return,
            };
            for line in lines {
                if let Err(error) = self.file.write(&line) {
                    self.complain(&error);
                }
            }
        }
    }

    fn complain(&mut self, error: &io::Error) {
        let now = clock::now().wall;
        if now.0.saturating_sub(self.complained.0) >= COMPLAIN_EVERY_MS {
            self.complained = now;
            tracing::warn!(%error, file = %self.file.path.display(), "the event log cannot be written");
        }
    }
}

/// What a change is in the log; `None` if it is not told.
fn line(change: &Change, fit: &Fit, ecs: bool) -> Option<String> {
    let (at, kind, device, mut data) = match change {
        Change::AlertUpdated { alert } if alert.state.is_open() => {
            (alert.last_seen, "alert_grown", alert.attacker.device, serde_json::Value::Null)
        }
        _ => store::event(change)?,
    };
    let alert = match change {
        Change::AlertOpened { alert } | Change::AlertUpdated { alert } | Change::AlertClosed { alert } => {
            Some(fit.alert(alert))
        }
        _ => None,
    };
    match &alert {
        Some(alert) => data = serde_json::to_value(json::Alert::from(alert)).ok()?,
        None => {
            let row = EventRow { id: 0, at, kind: kind.into(), device, data: data.to_string() };
            data = serde_json::from_str(&fit.event(&row).data).unwrap_or_default();
        }
    }
    let text = match (ecs, &alert) {
        (true, Some(alert)) => ecs::alert(kind, at, alert),
        (true, None) => ecs::event(kind, at, device, data),
        (false, _) => {
            let event =
                json::Event { at: at.to_string(), kind: kind.into(), device: device.map(|d| d.to_string()), data };
            serde_json::to_value(event).ok()?
        }
    };
    Some(fit.text(text.to_string()))
}

fn lost(missed: u64, at: Wall, ecs: bool) -> String {
    let data = serde_json::json!({"batches": missed});
    if ecs {
        return ecs::event("events_lost", at, None, data).to_string();
    }
    serde_json::json!({"at": at.to_string(), "kind": "events_lost", "device": null, "data": data}).to_string()
}

/// A file that is turned over when it is full.
struct Turning {
    path: PathBuf,
    file: File,
    len: u64,
    len_max: u64,
    /// Besides the one that is written.
    olds: u32,
}

impl Turning {
    fn open(path: PathBuf, len_max: u64, files: u32) -> io::Result<Turning> {
        let file = append(&path)?;
        let len = file.metadata()?.len();
        Ok(Turning { path, file, len, len_max: len_max.max(1), olds: files.saturating_sub(1) })
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        let bytes = [line.as_bytes(), b"\n"].concat();
        if self.len > 0 && self.len + bytes.len() as u64 > self.len_max {
            self.turn()?;
        }
        // In one piece: a reader never sees half a line.
        self.file.write_all(&bytes)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        let old = |n: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{n}"));
            PathBuf::from(name)
        };
        if self.olds == 0 {
            self.file.set_len(0)?;
            self.len = 0;
            return Ok(());
        }
        for n in (1..self.olds).rev() {
            match fs::rename(old(n), old(n + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, old(1))?;
        self.file = append(&self.path)?;
        self.len = 0;
        Ok(())
    }
}

/// Who lives here and when they are out: nobody else's business.
fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{AlertId, AlertState, AlertView, Category, DeviceView, MacAddr, Party, Severity};

    fn alert() -> AlertView {
        let id = AlertId::mint(Wall(1_795_626_131_000), 7);
        AlertView {
            incident: id.clone(),
            id,
            sequence: 7,
            detector: "arp_spoof".into(),
            key: String::new(),
            category: Category::Spoofing,
            severity: Severity::Critical,
            confidence: 0.97,
            title: "X pretends to be Router".into(),
            detail: "It says so.".into(),
            recommendation: "Disconnect X.".into(),
            attacker: Party { device: None, mac: Some(MacAddr([2, 0, 0, 0, 0, 9])), ip: Some([192, 168, 7, 9].into()) },
            attacker_name: Some("X".into()),
            victim: Party { device: None, mac: None, ip: Some([192, 168, 7, 1].into()) },
            victim_name: Some("Router".into()),
            technique: vec!["T1557.002".into()],
            first_seen: Wall(1_795_626_131_000),
            last_seen: Wall(1_795_626_139_000),
            count: 3,
            state: AlertState::New,
            evidence: vec![("ip".into(), "192.168.7.1".into())],
        }
    }

    #[test]
    fn an_alert_is_told_in_full_in_both_forms() {
        let change = Change::AlertOpened { alert: Arc::new(alert()) };
        let plain: serde_json::Value =
            serde_json::from_str(&line(&change, &Fit(None), false).expect("told")).expect("JSON");
        assert_eq!((&plain["kind"], &plain["data"]["detector"]), (&"alert_new".into(), &"arp_spoof".into()));
        assert_eq!(plain["data"]["evidence"]["ip"], "192.168.7.1");
        let ecs: serde_json::Value =
            serde_json::from_str(&line(&change, &Fit(None), true).expect("told")).expect("JSON");
        for (pointer, expected) in [
            ("/@timestamp", serde_json::json!("2026-11-25T17:02:19.000Z")),
            ("/event/kind", "alert".into()),
            ("/event/action", "alert_new".into()),
            ("/event/severity", 99.into()),
            ("/event/start", "2026-11-25T17:02:11.000Z".into()),
            ("/rule/name", "arp_spoof".into()),
            ("/source/ip", "192.168.7.9".into()),
            ("/source/mac", "02-00-00-00-00-09".into()),
            ("/destination/ip", "192.168.7.1".into()),
            ("/threat/technique/id/0", "T1557.002".into()),
            ("/threat/tactic/id/0", "TA0006".into()),
            ("/porchlight/count", 3.into()),
        ] {
            assert_eq!(ecs.pointer(pointer), Some(&expected), "{pointer} in {ecs}");
        }
    }

    #[test]
    fn what_is_not_told_is_no_line_and_names_are_hidden_where_asked() {
        assert_eq!(line(&Change::ScanWanted, &Fit(None), false), None);
        let mut device = DeviceView::blank("d-aaaaaa".parse().expect("an id"));
        device.name = "Annas phone".into();
        let change = Change::DeviceFound { device: Arc::new(device), at: Wall(0) };
        let hidden = Fit(Some(crate::cli::redact::Redactor::open(None)));
        for ecs in [false, true] {
            assert!(line(&change, &Fit(None), ecs).expect("told").contains("Annas phone"));
            assert!(!line(&change, &hidden, ecs).expect("told").contains("Annas"));
        }
    }

    #[test]
    fn a_full_file_is_turned_over_and_the_oldest_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events.jsonl");
        let mut file = Turning::open(path.clone(), 20, 3).expect("opened");
        for n in 0..12 {
            file.write(&format!("line {n:02}")).expect("written");
        }
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect(name);
        assert_eq!(read("events.jsonl"), "line 10\nline 11\n");
        assert_eq!(read("events.jsonl.1"), "line 08\nline 09\n");
        assert_eq!(read("events.jsonl.2"), "line 06\nline 07\n");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 3);
        // A new start goes on where it stopped.
        drop(file);
        let mut file = Turning::open(path.clone(), 20, 1).expect("opened");
        file.write("line 12").expect("written");
        assert_eq!(read("events.jsonl"), "line 12\n");
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(path).expect("there").permissions().mode() & 0o777, 0o600);
    }
}
