//! Files as they may be found: none, ours, older, newer, damaged, somebody else's.

use std::os::unix::fs::FileExt as _;

use super::*;
use crate::{
    model::Moment,
    store::{
        Reader,
        samples::{INSTANCE, NOON, home, tv},
    },
};

fn frozen() -> Moment {
    Moment { wall: NOON, ..Moment::default() }
}

/// A home of `count` devices, stored and closed.
fn stored(dir: &Path, count: u32) -> Remembered {
    let (writer, view) = (Store::open(dir, NOON).unwrap().0, Arc::new(home((1..=count).map(tv))));
    let writer = writer.writer(&Settings::default(), frozen, Box::new(|_| {})).unwrap();
    writer.set_meta("node", "porchlight_7f3a2c");
    writer.write(view, Arc::from([]));
    writer.close(NOON).unwrap();
    Store::open(dir, NOON).unwrap().1
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_new_file_is_private_and_in_wal_mode() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("deep/state");
    let (store, remembered) = Store::open(&dir, NOON).unwrap();
    assert_eq!(remembered, Remembered::default());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&dir.join(FILE)), mode(&dir.join("porchlight.lock"))), (0o700, 0o600, 0o600));
    assert_eq!(mode(&dir.join("porchlight.db-wal")), 0o600);
    let text = |name| store.conn.pragma_query_value(None, name, |r| r.get::<_, rusqlite::types::Value>(0)).unwrap();
    assert_eq!(text("journal_mode"), rusqlite::types::Value::Text("wal".into()));
    assert_eq!(text("auto_vacuum"), rusqlite::types::Value::Integer(2));
    assert_eq!(text("foreign_keys"), rusqlite::types::Value::Integer(1));
    assert!(matches!(Store::open(&dir, NOON), Err(StoreError::Locked { .. })));
    assert!(Reader::open(&dir).unwrap().devices().unwrap().is_empty(), "readers need no lock");
}

#[test]
fn a_newer_schema_is_refused_by_its_number_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    stored(dir.path(), 1);
    let conn = Connection::open(dir.path().join(FILE)).unwrap();
    conn.pragma_update(None, "user_version", 99).unwrap();
    drop(conn);
    let before = fs::read(dir.path().join(FILE)).unwrap();
    for error in [Store::open(dir.path(), NOON).unwrap_err(), Reader::open(dir.path()).unwrap_err()] {
        let text = error.to_string();
        assert!(text.contains("schema 99") && text.contains(&format!("schema {}", SCHEMA.current())), "{text}");
        assert!(error.advice().is_some());
    }
    assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), before);
}

#[test]
fn an_older_schema_is_backed_up_and_upgraded() {
    const NEXT: Schema = Schema {
        fresh: concat!(include_str!("../schema.sql"), "create table extra (id integer primary key) strict;"),
        steps: &[SCHEMA.steps[0], SCHEMA.steps[1], "create table extra (id integer primary key) strict;"],
    };
    let dir = tempfile::tempdir().unwrap();
    let before = stored(dir.path(), 2);
    let (store, remembered) = Store::open_as(dir.path(), NOON, &NEXT).unwrap();
    assert_eq!(remembered, before);
    store.conn.execute("insert into extra (id) values (1)", []).unwrap();
    drop(store);
    let backup = "porchlight-schema3-20261125T120000Z.db";
    assert!(names(dir.path()).contains(&backup.to_owned()), "{:?}", names(dir.path()));
    // The backup is the older store, whole.
    let other = tempfile::tempdir().unwrap();
    fs::copy(dir.path().join(backup), other.path().join(FILE)).unwrap();
    assert_eq!(Store::open(other.path(), NOON).unwrap().1, before);
    // And this release refuses the upgraded one.
    assert!(matches!(Store::open(dir.path(), NOON), Err(StoreError::Newer { found: 4, known: 3, .. })));
}

#[test]
fn a_step_that_fails_is_told_and_changes_nothing() {
    const BAD: Schema =
        Schema { fresh: "", steps: &[SCHEMA.steps[0], SCHEMA.steps[1], "insert into nowhere values (1)"] };
    let dir = tempfile::tempdir().unwrap();
    let before = stored(dir.path(), 1);
    assert!(matches!(Store::open_as(dir.path(), NOON, &BAD), Err(StoreError::Upgrade { from: 3, to: 4, .. })));
    assert_eq!(Store::open(dir.path(), NOON).unwrap().1, before);
}

#[test]
fn what_is_no_store_of_ours_is_set_aside_never_deleted() {
    let sqlite = {
        let dir = tempfile::tempdir().unwrap();
        let conn = Connection::open(dir.path().join("x")).unwrap();
        conn.execute_batch("create table guest (name text)").unwrap();
        drop(conn);
        fs::read(dir.path().join("x")).unwrap()
    };
    for (what, bytes) in [
        ("garbage", b"this is no database at all, but long enough to be read as one".repeat(40)),
        ("another program's", sqlite),
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), &bytes).unwrap();
        for aside in ["porchlight-broken-20261125T120000Z.db", "porchlight-broken-20261125T120000Z-1.db"] {
            let (store, remembered) = Store::open(dir.path(), NOON).unwrap();
            assert_eq!(remembered, Remembered::default(), "{what}");
            assert_eq!(store.set_aside(), Some(&*dir.path().join(aside)), "{what}");
            drop(store);
            assert_eq!(fs::read(dir.path().join(aside)).unwrap(), bytes, "{what}");
            fs::write(dir.path().join(FILE), &bytes).unwrap();
        }
    }
}

#[test]
fn of_a_damaged_file_the_ids_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let before = stored(dir.path(), 200);
    let path = dir.path().join(FILE);
    let conn = Connection::open(&path).unwrap();
    let root = |name: &str| -> u64 {
        conn.query_row("select rootpage from sqlite_schema where name = ?1", [name], |r| r.get::<_, i64>(0)).unwrap()
            as u64
    };
    let (page, size) = (root("device_fact"), 4096);
    drop(conn);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0xa5; 4096], (page - 1) * size).unwrap();
    drop(file);
    let (store, remembered) = Store::open(dir.path(), NOON).unwrap();
    let aside = store.set_aside().expect("the damage was seen").to_owned();
    drop(store);
    let ids = |r: &Remembered| r.devices.iter().map(|d| (d.id, d.name.clone(), d.macs.clone())).collect::<Vec<_>>();
    assert!(ids(&remembered) == ids(&before), "{} of {} devices", remembered.devices.len(), before.devices.len());
    assert_eq!((remembered.instance, remembered.minted), (Some(INSTANCE), 100));
    assert_eq!(remembered.node, before.node);
    assert!(aside.exists());
    // The new file holds it too, without any writer having run.
    let (store, again) = Store::open(dir.path(), NOON).unwrap();
    assert_eq!((store.set_aside(), &again), (None, &remembered));
}

#[test]
fn a_bad_row_is_left_out_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let before = stored(dir.path(), 3);
    let conn = Connection::open(dir.path().join(FILE)).unwrap();
    conn.execute_batch(
        "pragma foreign_keys = off;
         update device set kind = 'teapot', vendor_source = null where id = (select max(id) from device);
         update device set id = 'not an id' where id = (select min(id) from device);",
    )
    .unwrap();
    drop(conn);
    let (store, remembered) = Store::open(dir.path(), NOON).unwrap();
    assert_eq!((remembered.devices.len(), store.faults()), (before.devices.len() - 1, 2));
    assert_eq!(remembered.devices.last().map(|d| d.kind), Some(crate::model::Kind::Unknown));
}

#[test]
fn nothing_there_is_told_as_such_and_nothing_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let error = Reader::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Nothing { .. }), "{error}");
    assert_eq!(names(dir.path()), [""; 0]);
}
