//! # Fetching lists, and keeping them
//!
//! What was fetched is kept in the state folder, so that a start without the Internet knows as much as the day before.
//! A list is asked for only if it changed (ETag, Last-Modified), may not be longer than [`BYTES_MAX`], and takes the
//! place of the old one only if it is a list: the page of a hotel's login is none. One that could not be fetched for
//! [`KEPT_DAYS`] days is used no more.

use std::{
    fs, io,
    io::{Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    feeds::{BYTES_MAX, Feed, Read, read},
    indicators::{Builder, Indicators},
};
use crate::model::Wall;

/// A list that nobody could confirm for so long says more about the past than about now.
pub const KEPT_DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;
const CONNECT_MAX: Duration = Duration::from_secs(15);
const WHOLE_MAX: Duration = Duration::from_secs(180);
/// No piece for so long, and it is given up.
const PIECE_MAX: Duration = Duration::from_secs(30);
const REDIRECTS_MAX: usize = 5;
/// Longer marks are not kept.
const MARK_MAX: usize = 512;

/// Why a list was not fetched. Names no address: keys of accounts stand in them.
#[derive(Debug, Error)]
pub enum FetchError {
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    #[error("is answered with status {0}")]
    Status(u16),
    #[error("is longer than {} MiB", BYTES_MAX >> 20)]
    TooLong,
    #[error("{0}")]
    NoList(String),
    #[error("cannot be kept: {0}")]
    Disk(#[from] io::Error),
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    New,
    /// It has not changed since.
    Same,
}

/// What is kept beside a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Marks {
    etag: Option<String>,
    last_modified: Option<String>,
    /// Milliseconds: when its maker last said that this is the list.
    confirmed_ms: i64,
}

/// Where `feed` is kept: its address is a secret where it holds a key, so the file is named after a hash of it.
fn file(feed: &Feed, folder: &Path) -> PathBuf {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(feed.place.as_bytes());
    let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    folder.join(format!("{name}.list"))
}

fn marks(path: &Path) -> Marks {
    let text = fs::read(path.with_extension("json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// When the list was last confirmed; `None` if it is not there.
#[must_use]
pub fn confirmed(feed: &Feed, folder: &Path) -> Option<Wall> {
    let path = file(feed, folder);
    path.exists().then(|| Wall(marks(&path).confirmed_ms))
}

/// Beside it first, then in one move: nobody reads half a list.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    let done = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if done.is_err() {
        let _half = fs::remove_file(&beside);
    }
    done
}

/// A client for lists.
///
/// # Errors
/// TLS cannot be set up.
pub fn client() -> Result<reqwest::Client, FetchError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Without one the HTTP client panics, even where no TLS is spoken.
        let _already = rustls::crypto::ring::default_provider().install_default();
    }
    let redirects = reqwest::redirect::Policy::custom(|attempt| {
        // Whoever sends a reader of TLS elsewhere must send it to TLS.
        let was_safe = attempt.previous().iter().any(|url| url.scheme() == "https");
        if attempt.previous().len() > REDIRECTS_MAX || (was_safe && attempt.url().scheme() != "https") {
            attempt.stop()
        } else {
            attempt.follow()
        }
    });
    reqwest::Client::builder()
        .user_agent(concat!("porchlight/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_MAX)
        .read_timeout(PIECE_MAX)
        .timeout(WHOLE_MAX)
        .redirect(redirects)
        .build()
        .map_err(|error| FetchError::Unreachable(error.to_string()))
}

/// Fetches `feed` into `folder`, if it changed.
///
/// # Errors
/// It was not; what is kept stays.
pub async fn fetch(client: &reqwest::Client, feed: &Feed, folder: &Path, now: Wall) -> Result<Fetched, FetchError> {
    let path = file(feed, folder);
    let known = if path.exists() { marks(&path) } else { Marks::default() };
    let mut ask = client.get(&feed.place);
    if let Some(etag) = &known.etag {
        ask = ask.header(reqwest::header::IF_NONE_MATCH, etag);
    }
    if let Some(modified) = &known.last_modified {
        ask = ask.header(reqwest::header::IF_MODIFIED_SINCE, modified);
    }
    let unreachable = |error: reqwest::Error| FetchError::Unreachable(told(&error.without_url()));
    let mut answer = ask.send().await.map_err(unreachable)?;
    let status = answer.status().as_u16();
    if status == 304 && known.confirmed_ms > 0 {
        put(&path.with_extension("json"), &json(&Marks { confirmed_ms: now.0, ..known })?)?;
        return Ok(Fetched::Same);
    }
    if status != 200 {
        return Err(FetchError::Status(status));
    }
    let mark = |name: reqwest::header::HeaderName| {
        let text = answer.headers().get(name)?.to_str().ok()?;
        (text.len() <= MARK_MAX).then(|| text.to_owned())
    };
    let marks = Marks {
        etag: mark(reqwest::header::ETAG),
        last_modified: mark(reqwest::header::LAST_MODIFIED),
        confirmed_ms: now.0,
    };
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(unreachable)? {
        if body.len() + piece.len() > BYTES_MAX {
            return Err(FetchError::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    let (feed, folder) = (feed.clone(), folder.to_owned());
    let kept = tokio::task::spawn_blocking(move || keep(&feed, &folder, &body, &marks, now));
    kept.await.map_err(|error| FetchError::NoList(error.to_string()))?
}

fn keep(feed: &Feed, folder: &Path, body: &[u8], marks: &Marks, now: Wall) -> Result<Fetched, FetchError> {
    let mut trial = Builder::new(1);
    let found = read(body, feed, now, now, &mut trial).map_err(FetchError::NoList)?;
    if found.taken == 0 && found.unread > 0 {
        return Err(FetchError::NoList("holds nothing that could be read".into()));
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let path = file(feed, folder);
    put(&path, body)?;
    put(&path.with_extension("json"), &json(marks)?)?;
    Ok(Fetched::New)
}

fn json(marks: &Marks) -> io::Result<Vec<u8>> {
    serde_json::to_vec(marks).map_err(io::Error::other)
}

/// An error and what lies behind it.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// What became of one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub name: String,
    pub read: Result<Read, String>,
}

/// All lists, read.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    pub indicators: Indicators,
    pub lines: Vec<Line>,
    /// Entries that found no room.
    pub dropped: u64,
}

impl Loaded {
    /// What is wrong, in words; `None` if nothing is.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let mut all: Vec<String> = self
            .lines
            .iter()
            .filter_map(|line| line.read.as_ref().err().map(|why| format!("{} {why}", line.name)))
            .collect();
        if self.dropped > 0 {
            all.push(format!("{} entries found no room (detectors.threat_intel.max_entries)", self.dropped));
        }
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// Reads files, and what is kept of lists that are fetched. Touches no network. Takes seconds for a million entries:
/// give it a thread that may wait.
#[must_use]
pub fn load(feeds: &[Feed], folder: Option<&Path>, entries_max: usize, now: Wall) -> Loaded {
    let mut builder = Builder::new(entries_max);
    let lines =
        feeds.iter().map(|feed| Line { name: feed.name(), read: one(feed, folder, now, &mut builder) }).collect();
    let dropped = builder.dropped();
    Loaded { indicators: builder.build(), lines, dropped }
}

fn one(feed: &Feed, folder: Option<&Path>, now: Wall, builder: &mut Builder) -> Result<Read, String> {
    let (path, dated) = if feed.is_remote() {
        let folder = folder.ok_or("is not fetched here")?;
        let path = file(feed, folder);
        if !path.exists() {
            return Err("was not fetched yet".into());
        }
        let dated = Wall(marks(&path).confirmed_ms);
        let age_d = now.0.saturating_sub(dated.0) / DAY_MS;
        if age_d > KEPT_DAYS {
            return Err(format!("could not be fetched for {age_d} days"));
        }
        (path, dated)
    } else {
        let path = PathBuf::from(&feed.place);
        let changed = fs::metadata(&path).and_then(|data| data.modified());
        let changed = changed.ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let dated = changed.and_then(|since| i64::try_from(since.as_millis()).ok()).map_or(now, Wall);
        (path, dated)
    };
    let mut bytes = Vec::new();
    let opened = fs::File::open(&path).map_err(|error| format!("cannot be read: {error}"))?;
    opened.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() > BYTES_MAX {
        return Err(format!("is longer than {} MiB", BYTES_MAX >> 20));
    }
    read(&bytes, feed, dated, now, builder)
}

/// Removes what is kept of lists that nobody subscribes to any more.
pub fn tidy(feeds: &[Feed], folder: &Path) {
    let wanted: Vec<PathBuf> = feeds.iter().filter(|feed| feed.is_remote()).map(|feed| file(feed, folder)).collect();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|end| end == "list") && !wanted.contains(&path) {
            let _gone = (fs::remove_file(&path), fs::remove_file(path.with_extension("json")));
        }
    }
}
