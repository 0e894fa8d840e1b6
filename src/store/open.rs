//! # Opening the file
//!
//! Lock, check, set a broken file aside, back up and upgrade an old one, refuse a newer one, read.

use std::{
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use super::{
    FILE, OnHealth, Settings, StoreError, Writer, apply,
    error::is_damage,
    lock::Lock,
    remember::remember,
    rows::{Lists, Row, Written, learned_text},
    upgrade::{SCHEMA, Schema},
};
use crate::model::{Clock, Remembered, Wall};

/// "PRCH": tells our file from any other SQLite file (`pragma application_id`).
pub(super) const APPLICATION_ID: i32 = 0x5052_4348;
/// How long a writer waits for a reader's lock, and the other way round.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// The opened file. Turn it into a [`Writer`] to write.
#[derive(Debug)]
pub struct Store {
    pub(super) conn: Connection,
    pub(super) file: PathBuf,
    pub(super) lock: Lock,
    pub(super) written: Written,
    set_aside: Option<PathBuf>,
    faults: u64,
}

impl Store {
    /// Opens the store in `dir`, making what is missing. `now` stamps the names of files set aside.
    pub fn open(dir: &Path, now: Wall) -> Result<(Store, Remembered), StoreError> {
        Store::open_as(dir, now, &SCHEMA)
    }

    pub(super) fn open_as(dir: &Path, now: Wall, schema: &Schema) -> Result<(Store, Remembered), StoreError> {
        let failed = |source| StoreError::Dir { dir: dir.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let lock = Lock::take(dir)?;
        let file = dir.join(FILE);
        let mut set_aside = None;
        let conn = match prepare(&file, now, schema) {
            Err(StoreError::Broken { why, .. }) => {
                let aside = put_aside(&file, now)?;
                tracing::error!(
                    why, set_aside = %aside.display(),
                    "the store is damaged: it was set aside and a new one begins; what could be read of it is kept"
                );
                set_aside = Some(aside);
                prepare(&file, now, schema)?
            }
            other => other?,
        };
        let (remembered, faults) = match &set_aside {
            Some(aside) => {
                let salvaged = salvage(aside, now);
                keep(&conn, &salvaged.0).map_err(StoreError::sqlite("writing", &file))?;
                salvaged
            }
            None => remember(&conn, now).map_err(StoreError::sqlite("reading", &file))?,
        };
        if faults > 0 {
            tracing::warn!(faults, "some of what the store holds could not be understood and was left out");
        }
        let written = written(&remembered);
        Ok((Store { conn, file, lock, written, set_aside, faults }, remembered))
    }

    /// Where a damaged file was put, if there was one.
    #[must_use]
    pub fn set_aside(&self) -> Option<&Path> {
        self.set_aside.as_deref()
    }

    /// How many stored values could not be understood and were left out.
    #[must_use]
    pub const fn faults(&self) -> u64 {
        self.faults
    }

    /// Starts the writing thread. `on_health` is called once when writing fails and once when it works again.
    pub fn writer(self, settings: &Settings, clock: Clock, on_health: OnHealth) -> Result<Writer, StoreError> {
        Writer::start(self, settings, clock, on_health)
    }
}

fn written(remembered: &Remembered) -> Written {
    Written {
        devices: remembered.devices.iter().map(|d| (d.id, Arc::new(d.clone()))).collect(),
        alerts: remembered.alerts.iter().map(|a| (a.id.clone(), Arc::new(a.clone()))).collect(),
        tombstones: Arc::new(remembered.tombstones.clone()),
        mutes: Arc::new(remembered.mutes.clone()),
        minted: Some(remembered.minted),
        instance: remembered.instance,
        mode: remembered.mode,
        person_ids: remembered.person_ids.clone(),
        learned: Arc::new(remembered.learned.clone()),
        ..Written::default()
    }
}

/// A connection to a sound file of the present schema.
fn prepare(file: &Path, now: Wall, schema: &Schema) -> Result<Connection, StoreError> {
    let unusable = |source| StoreError::Dir { dir: file.parent().unwrap_or(file).to_owned(), source };
    // The two files SQLite puts beside it take over its mode.
    OpenOptions::new().append(true).create(true).mode(0o600).open(file).map_err(unusable)?;
    fs::set_permissions(file, Permissions::from_mode(0o600)).map_err(unusable)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(file, flags).map_err(|e| classify("opening", file, e))?;
    let found = check(&conn, file, schema.current())?;
    if found != 0 && found < schema.current() {
        let backup = file.with_file_name(format!("porchlight-schema{found}-{}.db", stamp(now)));
        back_up(&conn, &backup).map_err(|e| classify("backing up", file, e))?;
        tracing::info!(from = found, to = schema.current(), backup = %backup.display(), "upgrading the store");
    }
    settle(&conn, found == 0).map_err(|e| classify("preparing", file, e))?;
    let to = schema.current();
    schema.apply(&mut conn, found).map_err(|source| StoreError::Upgrade {
        file: file.to_owned(),
        from: found,
        to,
        source,
    })?;
    Ok(conn)
}

/// The schema of a sound file of ours; 0 for an empty one.
fn check(conn: &Connection, file: &Path, known: u32) -> Result<u32, StoreError> {
    let read = |e| classify("reading", file, e);
    conn.busy_timeout(BUSY).map_err(read)?;
    let found: u32 = conn.pragma_query_value(None, "user_version", |r| r.get(0)).map_err(read)?;
    let tables: i64 = conn.query_row("select count(*) from sqlite_schema", [], |r| r.get(0)).map_err(read)?;
    let application: i32 = conn.pragma_query_value(None, "application_id", |r| r.get(0)).map_err(read)?;
    let broken = |why: String| Err(StoreError::Broken { file: file.to_owned(), why });
    if tables == 0 {
        return Ok(0);
    }
    if application != APPLICATION_ID || found == 0 {
        return broken("it belongs to another program".into());
    }
    if found > known {
        return Err(StoreError::Newer { file: file.to_owned(), found, known });
    }
    let verdict: String = conn.query_row("pragma quick_check(1)", [], |r| r.get(0)).map_err(read)?;
    if verdict == "ok" { Ok(found) } else { broken(verdict) }
}

fn settle(conn: &Connection, fresh: bool) -> rusqlite::Result<()> {
    if fresh {
        // Both must be set before the first table. Incremental: retention gives pages back bit by bit.
        conn.pragma_update(None, "auto_vacuum", "incremental")?;
        conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    conn.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    // In WAL mode a power cut may lose the last transactions, never the file.
    conn.pragma_update(None, "synchronous", "normal")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "temp_store", "memory")?;
    // KiB (negative: sqlite.org/pragma.html#pragma_cache_size). Writing at the end of tables and asking by key needs the
    // upper pages only; the usual 2 MiB would fill with rows that nobody asks for again.
    conn.pragma_update(None, "cache_size", -256)?;
    // The WAL is cut to this after a checkpoint, so that a burst does not keep its room for ever.
    conn.pragma_update_and_check(None, "journal_size_limit", 4 << 20, |_| Ok(()))?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn back_up(conn: &Connection, to: &Path) -> rusqlite::Result<()> {
    let Some(path) = to.to_str() else { return Err(rusqlite::Error::InvalidPath(to.to_owned())) };
    // Refuses to overwrite: an earlier backup is worth more than a later try.
    conn.execute("vacuum into ?1", [path])?;
    let _ = fs::set_permissions(to, Permissions::from_mode(0o600));
    Ok(())
}

/// Damage is one thing, being out of reach another: only the former sets a file aside.
fn classify(what: &'static str, file: &Path, error: rusqlite::Error) -> StoreError {
    if is_damage(&error) {
        StoreError::Broken { file: file.to_owned(), why: error.to_string() }
    } else {
        StoreError::Sqlite { what, file: file.to_owned(), source: error }
    }
}

/// Moves the file and its companions out of the way. Nothing is deleted or overwritten.
fn put_aside(file: &Path, now: Wall) -> Result<PathBuf, StoreError> {
    let failed = |source| StoreError::Aside { file: file.to_owned(), source };
    let name = |n: u32| {
        let again = if n == 0 { String::new() } else { format!("-{n}") };
        file.with_file_name(format!("porchlight-broken-{}{again}.db", stamp(now)))
    };
    let aside =
        (0..100).map(name).find(|path| !path.exists()).ok_or_else(|| failed(io::ErrorKind::AlreadyExists.into()))?;
    for tail in ["-wal", "-shm", ""] {
        match fs::rename(beside(file, tail), beside(&aside, tail)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    Ok(aside)
}

fn beside(file: &Path, tail: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(tail);
    name.into()
}

/// What can still be read of a damaged file: most often a page is bad, not all of them. Losing the ids
/// would give every device of the home a second life in Home Assistant.
fn salvage(aside: &Path, now: Wall) -> (Remembered, u64) {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(conn) = Connection::open_with_flags(aside, flags) else { return (Remembered::default(), 0) };
    let ours =
        conn.pragma_query_value(None, "application_id", |r| r.get::<_, i32>(0)).is_ok_and(|id| id == APPLICATION_ID);
    if !ours {
        return (Remembered::default(), 0);
    }
    let Ok((mut remembered, faults)) = remember(&conn, now) else { return (Remembered::default(), 0) };
    if remembered.instance.is_none() || remembered.minted == 0 {
        // Without the counter, ids could be given out twice.
        remembered = Remembered { node: remembered.node, mqtt_memo: remembered.mqtt_memo, ..Remembered::default() };
    }
    (remembered, faults)
}

/// Writes what was salvaged into the new file.
fn keep(conn: &Connection, remembered: &Remembered) -> rusqlite::Result<()> {
    let meta = [
        ("instance", remembered.instance.map(|n| n.to_string())),
        ("minted", Some(remembered.minted.to_string())),
        ("node", remembered.node.clone()),
        ("mqtt_memo", remembered.mqtt_memo.clone()),
        ("stopped_ms", remembered.stopped.map(|at| at.0.to_string())),
        ("mode", remembered.mode.map(|mode| mode.word().to_owned())),
        ("persons", (!remembered.person_ids.is_empty()).then(|| super::rows::person_ids_text(&remembered.person_ids))),
        ("learned", Some(learned_text(&remembered.learned)).filter(|_| !remembered.learned.by.is_empty())),
    ];
    let written = written(remembered);
    let rows = (meta.into_iter().filter_map(|(key, value)| Some(Row::Meta(key, value?))))
        .chain(written.devices.values().map(|device| Row::Device(Arc::clone(device), Lists::ALL)))
        .chain(remembered.devices.iter().map(|device| Row::OpenWindow(device.id, device.window.clone())))
        .chain(written.tombstones.iter().map(|(id, at)| Row::Tombstone(*id, *at)))
        .chain(written.alerts.values().map(|alert| Row::Alert(Arc::clone(alert))))
        .chain([Row::Mutes(Arc::clone(&written.mutes))]);
    let tx = conn.unchecked_transaction()?;
    for row in rows {
        apply::apply(&tx, &row)?;
    }
    tx.commit()
}

/// `20261125T170211Z`, fit for a file name.
fn stamp(now: Wall) -> String {
    now.to_string().chars().filter(char::is_ascii_alphanumeric).collect::<String>().replacen("000Z", "Z", 1)
}

#[cfg(test)]
mod tests;
