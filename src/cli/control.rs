//! # Asking the running daemon
//!
//! A Unix socket in the state folder. One JSON object a line each way: the request has `verb` (the
//! words of MQTT's `request/<verb>`) and the verb's fields; the answer is `{"ok":true,"data":…}` or
//! `{"ok":false,"error":{"code","message"}}`. The folder's mode decides who may ask.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Map, Value as Json, json};
use thiserror::Error;

use super::exit::Exit;

/// Name of the socket in the state folder.
pub const SOCKET: &str = "control.sock";
/// The daemon answers within 10 s over MQTT; on this machine half of it is long.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// A list of all devices fits many times; more is no answer of ours.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

#[derive(Debug, Error)]
pub enum ControlError {
    #[error("no porchlight is running: nobody listens at {}", path.display())]
    NotRunning { path: PathBuf },
    #[error("may not speak to the running porchlight at {}", path.display())]
    Forbidden { path: PathBuf },
    #[error("the running porchlight gave no answer in {} s", PATIENCE.as_secs())]
    Silent,
    #[error("cannot speak to the running porchlight at {}", path.display())]
    Broken { path: PathBuf, source: io::Error },
    #[error("the running porchlight gave an answer that is none: is it another version?")]
    NoAnswer,
    #[error("{message}")]
    Refused { code: String, message: String },
}

impl ControlError {
    /// What the reader can do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            ControlError::NotRunning { .. } => Some("porchlight run, or --state-dir DIR of the one that runs"),
            ControlError::Forbidden { .. } => Some("run as the user that runs porchlight (sudo -u porchlight …)"),
            ControlError::Silent => Some("porchlight doctor; restart it if this stays so"),
            ControlError::NoAnswer => Some("restart porchlight after an update"),
            ControlError::Broken { .. } => None,
            ControlError::Refused { code, .. } => match code.as_str() {
                "not_found" => Some("porchlight devices, porchlight alerts: the ids there are"),
                "busy" => Some("once more in a moment"),
                _ => None,
            },
        }
    }

    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            ControlError::Forbidden { .. } => Exit::NotPermitted,
            ControlError::Refused { code, .. } => match code.as_str() {
                "bad_request" => Exit::Usage,
                "not_found" => Exit::Missing,
                "not_permitted" => Exit::NotPermitted,
                _ => Exit::Failed,
            },
            _ => Exit::Failed,
        }
    }
}

/// Asks, and waits for the one answer: its `data`.
pub fn ask(state_dir: &Path, verb: &str, fields: Map<String, Json>, patience: Duration) -> Result<Json, ControlError> {
    let path = state_dir.join(SOCKET);
    let told = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ControlError::NotRunning { path: path.clone() },
        io::ErrorKind::PermissionDenied => ControlError::Forbidden { path: path.clone() },
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ControlError::Silent,
        _ => ControlError::Broken { path: path.clone(), source },
    };
    let mut stream = UnixStream::connect(&path).map_err(told)?;
    stream.set_read_timeout(Some(patience)).map_err(told)?;
    stream.set_write_timeout(Some(patience)).map_err(told)?;
    let mut request = Map::new();
    request.insert("verb".into(), json!(verb));
    request.extend(fields);
    stream.write_all(format!("{}\n", Json::Object(request)).as_bytes()).map_err(told)?;
    let mut line = String::new();
    let length = BufReader::new(stream.take(ANSWER_BYTES_MAX)).read_line(&mut line).map_err(|error| {
        if error.kind() == io::ErrorKind::InvalidData { ControlError::NoAnswer } else { told(error) }
    })?;
    if length == 0 {
        return Err(ControlError::NoAnswer);
    }
    answer(&line)
}

fn answer(line: &str) -> Result<Json, ControlError> {
    let mut json: Json = serde_json::from_str(line).map_err(|_| ControlError::NoAnswer)?;
    match json.get("ok").and_then(Json::as_bool) {
        Some(true) => Ok(json.get_mut("data").map(Json::take).unwrap_or_default()),
        Some(false) => {
            let text = |key: &str| json.pointer(&format!("/error/{key}")).and_then(Json::as_str).map(str::to_owned);
            Err(ControlError::Refused {
                code: text("code").unwrap_or_else(|| "internal".into()),
                message: text("message").unwrap_or_else(|| "refused without a reason".into()),
            })
        }
        None => Err(ControlError::NoAnswer),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// One answer from a socket of our own; the request as it came.
    fn with_answer(text: &'static [u8]) -> (Result<Json, ControlError>, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join(SOCKET)).expect("bound");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accepted");
            let mut line = String::new();
            BufReader::new(stream.try_clone().expect("a clone")).read_line(&mut line).expect("a line");
            stream.write_all(text).expect("written");
            line
        });
        let fields = Map::from_iter([("device".to_owned(), json!("d-7f3k2m"))]);
        let result = ask(folder.path(), "device/forget", fields, PATIENCE);
        (result, server.join().expect("served"))
    }

    #[test]
    fn each_answer_has_its_exit_code() {
        let (result, request) = with_answer(b"{\"ok\":true,\"data\":{\"device\":\"d-7f3k2m\"}}\n");
        assert_eq!(result.expect("an answer"), json!({"device": "d-7f3k2m"}));
        assert_eq!(request, "{\"verb\":\"device/forget\",\"device\":\"d-7f3k2m\"}\n");
        let cases: &[(&'static [u8], Exit, &str)] = &[
            (
                b"{\"ok\":false,\"error\":{\"code\":\"not_found\",\"message\":\"no device\"}}\n",
                Exit::Missing,
                "no device",
            ),
            (b"{\"ok\":false,\"error\":{\"code\":\"bad_request\",\"message\":\"x\"}}\n", Exit::Usage, "x"),
            (b"{\"ok\":false,\"error\":{\"code\":\"not_permitted\",\"message\":\"x\"}}\n", Exit::NotPermitted, "x"),
            (b"{\"ok\":false}\n", Exit::Failed, "without a reason"),
            (b"hello\n", Exit::Failed, "another version"),
            (b"\xff\xfe\n", Exit::Failed, "another version"),
            (b"", Exit::Failed, "another version"),
        ];
        for (text, exit, message) in cases {
            let error = with_answer(text).0.expect_err("refused");
            assert!(error.exit() == *exit && error.to_string().contains(message), "{text:?}: {error}");
        }
        let nobody = tempfile::tempdir().expect("a folder");
        let error = ask(nobody.path(), "health", Map::new(), PATIENCE).expect_err("nobody there");
        assert!(matches!(error, ControlError::NotRunning { .. }) && error.advice().is_some());
    }
}
