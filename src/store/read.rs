//! # Reading beside a running daemon
//!
//! A connection that cannot write. Lists that may be long come in pages, each from after the last row of
//! the one before, so that rows added meanwhile neither repeat nor hide others.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use super::{
    FILE, StoreError,
    decode::{Rows, alerts_sql, parsed, windows_sql},
    error::is_damage,
    open::{APPLICATION_ID, BUSY},
    upgrade::SCHEMA,
};
use crate::model::{AlertView, DeviceId, DeviceView, Remembered, Wall, WindowView};

/// One event of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Grows with each event.
    pub id: i64,
    pub at: Wall,
    pub kind: String,
    pub device: Option<DeviceId>,
    /// A JSON object.
    pub data: String,
}

/// Rows and where to go on; `next` is `None` after the last page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T, K> {
    pub rows: Vec<T>,
    pub next: Option<K>,
}

/// A read-only connection.
#[derive(Debug)]
pub struct Reader {
    conn: Connection,
    file: PathBuf,
    /// Device and inode of the file that was opened.
    which: (u64, u64),
}

const WINDOWS: &str = windows_sql!(
    "where (?1 is null or device = ?1) and (?2 is null or end_ms is null or end_ms >= ?2)
     and (?3 is null or (start_ms, id) < (?3, ?4)) order by start_ms desc, id desc limit ?5"
);
const ALERTS: &str = alerts_sql!(
    "where (?1 is null or last_seen_ms >= ?1) and (?2 is null or (last_seen_ms, id) < (?2, ?3))
     order by last_seen_ms desc, id desc limit ?4"
);
const EVENTS: &str = "select id, at_ms, kind, device, data from event
    where id > ?1 and (?2 is null or at_ms >= ?2) order by id limit ?3";

impl Reader {
    /// Opens the store in `dir`, which must be there and of the present schema.
    pub fn open(dir: &Path) -> Result<Reader, StoreError> {
        let file = dir.join(FILE);
        let which = match std::fs::metadata(&file) {
            Ok(there) => (there.dev(), there.ino()),
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(StoreError::Nothing { dir: dir.to_owned() });
            }
            Err(source) => return Err(StoreError::Dir { dir: dir.to_owned(), source }),
        };
        let conn = connect(&file).map_err(StoreError::sqlite("opening", &file))?;
        let found: u32 = conn
            .pragma_query_value(None, "user_version", |r| r.get(0))
            .map_err(|source| failed("opening", &file, source))?;
        let application: i32 = conn
            .pragma_query_value(None, "application_id", |r| r.get(0))
            .map_err(|source| failed("opening", &file, source))?;
        let known = SCHEMA.current();
        match found {
            // The daemon has made the file and not yet filled it.
            0 if application == 0 || application == APPLICATION_ID => Err(StoreError::Nothing { dir: dir.to_owned() }),
            _ if application != APPLICATION_ID => {
                Err(StoreError::Broken { file, why: "it belongs to another program".into() })
            }
            found if found > known => Err(StoreError::Newer { file, found, known }),
            found if found < known => Err(StoreError::Older { file, found, known }),
            _ => Ok(Reader { conn, file, which }),
        }
    }

    /// Another file has taken the place of the one that was opened, which will never change again.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        std::fs::metadata(&self.file).is_ok_and(|there| (there.dev(), there.ino()) != self.which)
    }

    /// All devices, in id order.
    pub fn devices(&self) -> Result<Vec<DeviceView>, StoreError> {
        // One transaction, so that a device and its lists are of one moment.
        let tx = self.conn.unchecked_transaction().map_err(|e| failed("reading", &self.file, e))?;
        let devices = Rows::new(&tx).devices();
        devices.map_err(|e| failed("reading", &self.file, e))
    }

    /// Everything that a daemon would be given at its start.
    pub fn remembered(&self, now: Wall) -> Result<Remembered, StoreError> {
        let read = super::remember::remember(&self.conn, now);
        read.map(|(remembered, _)| remembered).map_err(|e| failed("reading", &self.file, e))
    }

    /// Windows that reach into the time after `since`, newest first.
    pub fn windows(
        &self,
        device: Option<DeviceId>,
        since: Option<Wall>,
        after: Option<(Wall, i64)>,
        limit: u32,
    ) -> Result<Page<WindowView, (Wall, i64)>, StoreError> {
        let device = device.map(|d| d.to_string());
        let (since, start, id) = (since.map(|s| s.0), after.map(|a| a.0.0), after.map_or(0, |a| a.1));
        let rows = Rows::new(&self.conn)
            .windows(WINDOWS, &[&device, &since, &start, &id, &limit])
            .map_err(|e| failed("reading windows", &self.file, e))?;
        let next = rows.last().filter(|_| rows.len() >= limit as usize).map(|(id, window)| (window.start, *id));
        Ok(Page { rows: rows.into_iter().map(|(_, window)| window).collect(), next })
    }

    /// Alerts last seen at `since` or later, newest first.
    pub fn alerts(
        &self,
        since: Option<Wall>,
        after: Option<(Wall, String)>,
        limit: u32,
    ) -> Result<Page<AlertView, (Wall, String)>, StoreError> {
        let (since, last_seen) = (since.map(|s| s.0), after.as_ref().map(|a| a.0.0));
        let id = after.map_or_else(String::new, |a| a.1);
        let rows = Rows::new(&self.conn)
            .alerts(ALERTS, &[&since, &last_seen, &id, &limit])
            .map_err(|e| failed("reading alerts", &self.file, e))?;
        let next = rows.last().filter(|_| rows.len() >= limit as usize).map(|a| (a.last_seen, a.id.to_string()));
        Ok(Page { rows, next })
    }

    /// Events with an id above `after_id`, not before `since`, in the order they were written.
    pub fn events(&self, since: Option<Wall>, after_id: i64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        Rows::new(&self.conn)
            .each(EVENTS, &[&after_id, &since.map(|s| s.0), &limit], |row, _| {
                Ok(Some(EventRow {
                    id: row.get("id")?,
                    at: Wall(row.get("at_ms")?),
                    kind: row.get("kind")?,
                    device: parsed(row, "device")?,
                    data: row.get("data")?,
                }))
            })
            .map_err(|e| failed("reading events", &self.file, e))
    }

    /// The id of the event before the last `count`, where `--follow` begins.
    pub fn events_tail(&self, count: u32) -> Result<i64, StoreError> {
        self.conn
            .query_row(
                "select coalesce(min(id), 1) - 1 from (select id from event order by id desc limit ?1)",
                [count],
                |row| row.get(0),
            )
            .map_err(|e| failed("reading events", &self.file, e))
    }
}

fn failed(what: &'static str, file: &Path, source: rusqlite::Error) -> StoreError {
    if is_damage(&source) {
        StoreError::Broken { file: file.to_owned(), why: source.to_string() }
    } else {
        StoreError::Sqlite { what, file: file.to_owned(), source }
    }
}

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = |conn: rusqlite::Result<Connection>| {
        let conn = conn?;
        conn.busy_timeout(BUSY)?;
        conn.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0))?;
        Ok(conn)
    };
    match open(Connection::open_with_flags(file, flags)) {
        Ok(conn) => Ok(conn),
        // In a folder that cannot be written SQLite cannot make the shared memory of the WAL. Without a
        // WAL nobody writes just now, and the file can be read as it lies.
        Err(error) if !is_damage(&error) && !wal(file).exists() => {
            let mut uri = String::from("file:");
            for byte in file.as_os_str().as_encoded_bytes() {
                match byte {
                    b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => uri.push(char::from(*byte)),
                    other => uri.push_str(&format!("%{other:02x}")),
                }
            }
            uri.push_str("?immutable=1");
            open(Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)).map_err(|_| error)
        }
        Err(error) => Err(error),
    }
}

fn wal(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}
