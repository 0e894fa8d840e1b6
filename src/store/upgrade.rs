//! # Schemas and their upgrades
//!
//! `user_version` of the file says its schema. A new file gets `schema.sql` at once; an older one goes
//! through every step up to the present, in one transaction, after a backup was made.

use rusqlite::{Connection, TransactionBehavior};

/// A way from nothing, or from any older schema, to the present one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schema {
    /// The whole present schema.
    pub fresh: &'static str,
    /// `steps[n]` makes schema n + 2 of schema n + 1; the text of `migrations/NNNN_*.sql`.
    pub steps: &'static [&'static str],
}

/// The schema of this release.
pub(super) const SCHEMA: Schema = Schema {
    fresh: include_str!("schema.sql"),
    steps: &[include_str!("migrations/0002_alert_key.sql"), include_str!("migrations/0003_stitched.sql")],
};

impl Schema {
    /// The number of the present schema.
    pub(super) const fn current(&self) -> u32 {
        self.steps.len() as u32 + 1
    }

    /// Brings `conn` from schema `found` (0: nothing) to the present, or leaves it as it was.
    pub(super) fn apply(&self, conn: &mut Connection, found: u32) -> rusqlite::Result<()> {
        if found == self.current() {
            return Ok(());
        }
        // A step may rebuild a table that others refer to; inside a transaction this cannot be switched.
        conn.pragma_update(None, "foreign_keys", false)?;
        let done = (|| {
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if found == 0 {
                tx.execute_batch(self.fresh)?;
            } else {
                for step in self.steps.iter().skip(found as usize - 1) {
                    tx.execute_batch(step)?;
                }
            }
            tx.pragma_update(None, "user_version", self.current())?;
            tx.commit()
        })();
        conn.pragma_update(None, "foreign_keys", true)?;
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // An invented house of three schemas: as it was released first, and its two steps.
    const FIRST: &str = "create table thing (id integer primary key, name text not null) strict;";
    const INVENTED: Schema = Schema {
        fresh: "create table thing (id integer primary key, name text not null, size integer) strict; \
                create table place (id integer primary key) strict; create index thing_name on thing (name);",
        steps: &[
            "alter table thing add column size integer; create index thing_name on thing (name);",
            "create table place (id integer primary key) strict; update thing set size = length(name);",
        ],
    };

    /// Tables with their columns, and indexes: what must be equal, whatever way led there.
    fn shape(conn: &Connection) -> Vec<String> {
        let mut found = Vec::new();
        let mut names = conn.prepare("select type, name from sqlite_schema order by name").unwrap();
        let names: Vec<(String, String)> =
            names.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap().map(Result::unwrap).collect();
        for (what, name) in names {
            found.push(format!("{what} {name}"));
            let mut columns =
                conn.prepare("select name, type, \"notnull\", pk from pragma_table_info(?1) order by name").unwrap();
            let columns = columns.query_map([&name], |r| {
                Ok(format!(
                    "{name}.{} {} {} {}",
                    r.get::<_, String>(0)?,
                    r.get::<_, String>(1)?,
                    r.get::<_, i64>(2)?,
                    r.get::<_, i64>(3)?
                ))
            });
            found.extend(columns.unwrap().map(Result::unwrap));
        }
        found
    }

    fn version(conn: &Connection) -> u32 {
        conn.pragma_query_value(None, "user_version", |r| r.get(0)).unwrap()
    }

    fn old(version: u32) -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(FIRST).unwrap();
        conn.execute_batch("insert into thing (name) values ('lamp')").unwrap();
        for step in &INVENTED.steps[..version as usize - 1] {
            conn.execute_batch(step).unwrap();
        }
        conn.pragma_update(None, "user_version", version).unwrap();
        conn
    }

    #[test]
    fn every_older_schema_becomes_the_fresh_one_and_keeps_its_rows() {
        let mut fresh = Connection::open_in_memory().unwrap();
        INVENTED.apply(&mut fresh, 0).unwrap();
        assert_eq!((version(&fresh), INVENTED.current()), (3, 3));
        for from in 1..=3 {
            let mut conn = old(from);
            INVENTED.apply(&mut conn, from).unwrap();
            assert_eq!(shape(&conn), shape(&fresh), "from schema {from}");
            assert_eq!(version(&conn), 3, "from schema {from}");
            let row: (String, i64) =
                conn.query_row("select name, size from thing", [], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
            assert_eq!(row, ("lamp".into(), 4), "from schema {from}");
        }
    }

    #[test]
    fn a_step_that_fails_leaves_the_file_as_it_was() {
        let bad =
            Schema { fresh: "", steps: &["create table extra (id integer) strict;", "insert into nowhere values (1)"] };
        let mut conn = old(1);
        let before = shape(&conn);
        assert!(bad.apply(&mut conn, 1).is_err());
        assert_eq!((shape(&conn), version(&conn)), (before, 1));
    }

    #[test]
    fn every_released_schema_becomes_the_present_one() {
        let mut fresh = Connection::open_in_memory().unwrap();
        SCHEMA.apply(&mut fresh, 0).unwrap();
        let mut old = Connection::open_in_memory().unwrap();
        old.execute_batch(include_str!("migrations/0001_first.sql")).unwrap();
        for (id, detector, attacker, ip, victim) in [
            ("1", "ip_conflict", Some("d-aaaaaa"), Some("192.168.7.9"), None),
            ("2", "new_device", Some("d-aaaaaa"), None, None),
            ("3", "device_offline_important", None, None, Some("d-bbbbbb")),
            ("4", "new_device", None, None, None),
        ] {
            old.execute(
                "insert into alert (id, sequence, detector, category, severity, confidence, title, detail, recommendation, \
                 attacker_device, attacker_ip, victim_device, technique, first_seen_ms, last_seen_ms, count, state, \
                 evidence, incident) values (?1, 1, ?2, 'device', 'low', 1, '', '', '', ?3, ?4, ?5, '[]', 1, 1, 1, 'new', '[]', ?1)",
                (id, detector, attacker, ip, victim),
            )
            .unwrap();
        }
        SCHEMA.apply(&mut old, 1).unwrap();
        assert_eq!((shape(&old), version(&old)), (shape(&fresh), SCHEMA.current()));
        let mut keys = old.prepare("select key from alert order by id").unwrap();
        let keys: Vec<String> = keys.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(keys, ["192.168.7.9", "d-aaaaaa", "d-bbbbbb", "burst"]);
    }

    #[test]
    fn this_release_makes_what_its_number_says() {
        let mut conn = Connection::open_in_memory().unwrap();
        SCHEMA.apply(&mut conn, 0).unwrap();
        assert_eq!(version(&conn), SCHEMA.current());
        let lax: i64 = conn
            .query_row("select count(*) from pragma_table_list where schema = 'main' and not strict and name not like 'sqlite_%'", [], |r| r.get(0))
            .unwrap();
        assert_eq!(lax, 0, "tables that are not strict");
    }
}
