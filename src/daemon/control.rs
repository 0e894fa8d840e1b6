//! # The local socket
//!
//! How the command line speaks to the running daemon: a Unix stream socket in the state directory,
//! one JSON object a line, the words of `B/request/<verb>` on MQTT, answered by one line each.
//! Only the owner may open it (mode 0600).

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::{Semaphore, broadcast, mpsc, watch},
};

use super::{core_loop::Note, evidence, feed::Outlet, parts::Fault};
use crate::{
    model::{Answer, Change, Command, HomeView, Phase, Refusal, RefusalCode, Ticket},
    mqtt::{
        Incoming, Site,
        commands::{self, Wish},
    },
    settings::Settings,
};

// One line; the cap of a request on MQTT.
const LINE_MAX: u64 = 64 * 1024;
// Conversations at once; further ones wait.
const TALKS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(10);
// Tickets of this outlet, apart from those of others.
const TICKETS: u64 = 2 << 48;

/// Where the socket stands.
#[must_use]
pub fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("control.sock")
}

/// What the socket needs of the daemon.
#[derive(Clone)]
pub struct Control {
    pub outlet: Outlet,
    pub commands: mpsc::Sender<(Ticket, Command)>,
    /// Names topics for the shared parser; nothing of it leaves this socket.
    pub site: Site,
    pub reload: mpsc::Sender<()>,
    pub notes: mpsc::Sender<Note>,
    pub settings: watch::Receiver<Arc<Settings>>,
    pub state_dir: PathBuf,
}

static NEXT: AtomicU64 = AtomicU64::new(TICKETS);

/// Serves until the daemon ends.
pub async fn run(control: Control, state_dir: PathBuf, mut phase: watch::Receiver<Phase>) -> Result<(), Fault> {
    let path = path(&state_dir);
    // The store's lock says that no other daemon runs on this directory, so a socket here is a leftover.
    let _absent = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).map_err(|error| {
        Fault::new(format!("cannot listen on {}: {error}", path.display()), Some("check state_dir")).fatal()
    })?;
    let _kept_by_umask = std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600));
    let talks = Arc::new(Semaphore::new(TALKS));
    loop {
        let permit = tokio::select! {
            biased;
            _ = phase.wait_for(|p| *p > Phase::Running) => break,
            permit = Arc::clone(&talks).acquire_owned() => permit.map_err(|error| Fault::new(error, None))?,
        };
        let stream = tokio::select! {
            biased;
            _ = phase.wait_for(|p| *p > Phase::Running) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => return Err(Fault::new(format!("{}: {error}", path.display()), None)),
            },
        };
        let control = control.clone();
        tokio::spawn(async move {
            if let Err(error) = talk(stream, &control).await {
                tracing::debug!(%error, "local conversation ended");
            }
            drop(permit);
        });
    }
    let _gone = std::fs::remove_file(&path);
    Ok(())
}

async fn talk(mut stream: UnixStream, control: &Control) -> std::io::Result<()> {
    let (read, mut write) = stream.split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = String::new();
        let taken = tokio::time::timeout(PATIENCE, (&mut read).take(LINE_MAX).read_line(&mut line)).await;
        match taken {
            Ok(Ok(0)) | Err(_) => return Ok(()),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error),
        }
        let reply = answer(&line, control).await;
        write.write_all(format!("{reply}\n").as_bytes()).await?;
    }
}

async fn answer(line: &str, control: &Control) -> Value {
    let mut request: Value = match serde_json::from_str(line) {
        Ok(Value::Object(request)) => Value::Object(request),
        Ok(_) | Err(_) => return refused(&Refusal::new(RefusalCode::BadRequest, "one JSON object a line is expected")),
    };
    let Some(verb) = request.get("verb").and_then(Value::as_str).map(str::to_owned) else {
        return refused(&Refusal::new(RefusalCode::BadRequest, "`verb` is missing"));
    };
    if let Some(object) = request.as_object_mut() {
        object.remove("verb");
    }
    let view = Arc::clone(&control.outlet.view.borrow());
    match verb.as_str() {
        "health" => return health(&view),
        "last" => return last(&request, control).await,
        "reload" => {
            let taken = control.reload.try_send(()).is_ok();
            return json!({"ok": taken, "data": {}});
        }
        _ => {}
    }
    let site = &control.site;
    let message = Incoming {
        topic: format!("{}/{}/request/{verb}", site.base, site.node),
        payload: request.to_string().into_bytes(),
        ..Incoming::default()
    };
    match commands::parse(&message, &view, site) {
        None => refused(&Refusal::new(RefusalCode::Unsupported, format!("`{verb}` is not a request"))),
        Some((_, Err(refusal))) => refused(&refusal),
        Some((_, Ok(Wish::Answer(data)))) => json!({"ok": true, "data": data}),
        Some((_, Ok(Wish::Republish | Wish::Restart))) => {
            refused(&Refusal::new(RefusalCode::Unsupported, "only over MQTT"))
        }
        Some((reply, Ok(Wish::Command(command)))) => match ask(command, control).await {
            Ok(_) => json!({"ok": true, "data": reply.data}),
            Err(refusal) => refused(&refusal),
        },
    }
}

/// Writes what was heard in the last `seconds` into a file, and says which.
async fn last(request: &Value, control: &Control) -> Value {
    let refuse = |code, why: &str| refused(&Refusal::new(code, why));
    let seconds = request.get("seconds").and_then(Value::as_u64).filter(|seconds| (1..=86_400).contains(seconds));
    let Some(seconds) = seconds else {
        return refuse(RefusalCode::BadRequest, "`seconds` is a number from 1 to 86400");
    };
    let wanted = control.settings.borrow().evidence.clone();
    if !wanted.enabled {
        return refuse(RefusalCode::Unsupported, "evidence.enabled is false: no frames are held");
    }
    let (reply, answer) = tokio::sync::oneshot::channel();
    if control.notes.send(Note::Last(Duration::from_secs(seconds), reply)).await.is_err() {
        return refuse(RefusalCode::Internal, "the daemon is ending");
    }
    let Ok(Ok(bytes)) = tokio::time::timeout(PATIENCE, answer).await else {
        return refuse(RefusalCode::Internal, "no answer within 10 s");
    };
    match evidence::export(control.state_dir.clone(), bytes, wanted).await {
        Ok(path) => json!({"ok": true, "data": {"file": path.display().to_string()}}),
        Err(why) => refuse(RefusalCode::Internal, &why),
    }
}

async fn ask(command: Command, control: &Control) -> Result<Answer, Refusal> {
    let ticket = Ticket(NEXT.fetch_add(1, Ordering::Relaxed));
    let mut changes = control.outlet.changes();
    control
        .commands
        .try_send((ticket, command))
        .map_err(|_| Refusal::new(RefusalCode::Busy, "too many commands at once; try again"))?;
    let wait = async {
        loop {
            match changes.recv().await {
                Ok(batch) => {
                    for change in batch.iter() {
                        match change {
                            Change::Answered { ticket: answered, result } if *answered == ticket => {
                                return result.clone();
                            }
                            _ => {}
                        }
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => {
                    return Err(Refusal::new(RefusalCode::Internal, "the daemon is ending"));
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| Err(Refusal::new(RefusalCode::Internal, "no answer within 10 s")))
}

/// Healthy: no part that decides anything is down. Scanners that lack rights make it less, not ill.
fn health(view: &HomeView) -> Value {
    let down: Vec<String> = view
        .parts
        .iter()
        .filter(|p| p.health.word() == "failed")
        .map(|p| format!("{}: {}", p.part, p.health.why().unwrap_or("down")))
        .collect();
    let line = if down.is_empty() { format!("{} devices known", view.devices.len()) } else { down.join("; ") };
    let sees: serde_json::Map<String, Value> =
        view.sights.iter().map(|(interface, sight)| (interface.clone(), sight.word().into())).collect();
    json!({"ok": true, "data": {"sees": sees, "pieces": view.pieces, "frames_lost": view.frames_lost, "healthy": !view.parts.iter().any(|p| p.part.0 == "store" && p.health.word() == "failed"), "why": line, "down": down}})
}

fn refused(refusal: &Refusal) -> Value {
    json!({"ok": false, "error": {"code": refusal.code.word(), "message": refusal.message}})
}
