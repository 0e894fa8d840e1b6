//! # What is kept, and how long
//!
//! Runs in the writer's idle moments, a few rows at a time, so that it never holds up a write.
//! Beside the age there is a cap on rows. Over it the fullest kind (or device) loses its oldest, so a
//! flood of one thing eats its own history, not that of the others.

use rusqlite::{Connection, Result, params};

use crate::model::Wall;

const DAY_MS: i64 = 86_400_000;
/// Rows removed in one step.
const STEP_ROWS: i64 = 500;
/// Pages of 4 KiB given back in one step.
const STEP_PAGES: i64 = 64;

/// The most rows of each table of history.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caps {
    pub events: i64,
    pub windows: i64,
    pub closed_alerts: i64,
}

/// About 250 MB of file at the utmost.
pub(super) const CAPS: Caps = Caps { events: 1_000_000, windows: 500_000, closed_alerts: 20_000 };

// ?1 is the oldest time kept, ?2 how many rows go at once.
const OLD: [&str; 3] = [
    "delete from window where id in (select id from window where end_ms < ?1 order by end_ms limit ?2)",
    "delete from event where id in (select id from event where at_ms < ?1 order by at_ms limit ?2)",
    "delete from alert where id in (select id from alert
       where last_seen_ms < ?1 and state not in ('new', 'acknowledged') order by last_seen_ms limit ?2)",
];

// ?1 is the cap, ?2 how many rows go at once.
const SURPLUS: [&str; 3] = [
    "delete from event where (select count(*) from event) > ?1 and id in (select id from event
       where kind = (select kind from event group by kind order by count(*) desc limit 1) order by id limit ?2)",
    "delete from window where (select count(*) from window) > ?1 and id in (select id from window
       where end_ms is not null and device = (select device from window group by device order by count(*) desc limit 1)
       order by start_ms limit ?2)",
    "delete from alert where (select count(*) from alert where state not in ('new', 'acknowledged')) > ?1
       and id in (select id from alert where state not in ('new', 'acknowledged')
       order by severity not in ('info', 'low'), last_seen_ms limit ?2)",
];

/// One step. `true` when there is more to do.
pub(super) fn step(conn: &Connection, now: Wall, days: u32, caps: Caps) -> Result<bool> {
    // Zero days would remove a window the moment it closes.
    let oldest = now.0.saturating_sub(i64::from(days.max(1)) * DAY_MS);
    for sql in OLD {
        if conn.prepare_cached(sql)?.execute(params![oldest, STEP_ROWS])? > 0 {
            return Ok(true);
        }
    }
    for (sql, cap) in SURPLUS.iter().zip([caps.events, caps.windows, caps.closed_alerts]) {
        if conn.prepare_cached(sql)?.execute(params![cap, STEP_ROWS.min(cap.max(1))])? > 0 {
            return Ok(true);
        }
    }
    let free: i64 = conn.pragma_query_value(None, "freelist_count", |r| r.get(0))?;
    // A few free pages are used again soon.
    if free > STEP_PAGES {
        conn.pragma(None, "incremental_vacuum", STEP_PAGES, |_| Ok(()))?;
    }
    Ok(free > 2 * STEP_PAGES)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        model::AlertState,
        store::{
            Store, apply,
            rows::{Lists, Row},
            samples::{NOON, alert, id, tv, window},
        },
    };

    fn count(conn: &Connection, what: &str) -> i64 {
        conn.query_row(what, [], |r| r.get(0)).unwrap()
    }

    fn run(conn: &Connection, now: Wall, caps: Caps) {
        let mut steps = 0;
        while step(conn, now, 365, caps).unwrap() {
            steps += 1;
            assert!(steps < 10_000, "it comes to an end");
        }
    }

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(dir.path(), NOON).unwrap();
        for n in [1, 2] {
            apply::apply(&store.conn, &Row::Device(Arc::new(tv(n)), Lists::ALL)).unwrap();
        }
        (dir, store)
    }

    #[test]
    fn what_is_too_old_goes_and_what_is_open_stays() {
        let (_dir, store) = store();
        let event = |at| Row::Event { at, kind: "renamed", device: Some(id(1)), data: "{}".into() };
        let days = |n: i64| Wall(NOON.0 - n * DAY_MS);
        let mut old = alert(1, AlertState::Resolved);
        old.last_seen = days(366);
        let mut open = alert(2, AlertState::New);
        open.last_seen = days(900);
        let rows = [
            Row::Window(window(1, days(366), false)),
            Row::Window(window(1, days(364), false)),
            Row::OpenWindow(id(2), Some(window(2, days(900), true))),
            event(days(366)),
            event(days(364)),
            Row::Alert(Arc::new(old)),
            Row::Alert(Arc::new(open)),
        ];
        for row in &rows {
            apply::apply(&store.conn, row).unwrap();
        }
        run(&store.conn, NOON, CAPS);
        let left = ["select count(*) from window", "select count(*) from event", "select count(*) from alert"];
        assert_eq!(left.map(|sql| count(&store.conn, sql)), [2, 1, 1]);
        assert_eq!(count(&store.conn, "select count(*) from device"), 2);
    }

    #[test]
    fn a_flood_eats_its_own_history() {
        let (_dir, store) = store();
        let caps = Caps { events: 50, windows: 50, closed_alerts: 50 };
        for n in 0..500 {
            let event = |kind, device| Row::Event { at: NOON, kind, device: Some(id(device)), data: "{}".into() };
            let mut rows = vec![event("device_new", 1), Row::Window(window(1, Wall(NOON.0 + n), false))];
            rows.push(Row::Alert(Arc::new(alert(n as u64, AlertState::Observed))));
            if n < 20 {
                rows.push(event("device_left", 2));
                rows.push(Row::Window(window(2, Wall(NOON.0 + n), false)));
            }
            for row in &rows {
                apply::apply(&store.conn, row).unwrap();
            }
        }
        run(&store.conn, NOON, caps);
        assert!(count(&store.conn, "select count(*) from event") <= 50);
        assert!(count(&store.conn, "select count(*) from window") <= 50);
        assert!(count(&store.conn, "select count(*) from alert") <= 50);
        assert_eq!(count(&store.conn, "select count(*) from event where kind = 'device_left'"), 20);
        let quiet = format!("select count(*) from window where device = '{}'", id(2));
        assert_eq!(count(&store.conn, &quiet), 20);
    }

    #[test]
    fn room_is_given_back() {
        let (_dir, store) = store();
        let data = format!("{{\"x\":\"{}\"}}", "x".repeat(1000));
        for n in 0..3000 {
            let row = Row::Event { at: Wall(n), kind: "renamed", device: None, data: data.clone() };
            apply::apply(&store.conn, &row).unwrap();
        }
        let before = count(&store.conn, "pragma page_count");
        run(&store.conn, NOON, CAPS);
        let after = count(&store.conn, "pragma page_count");
        assert!(after < before / 2, "{before} pages became {after}");
    }
}
