//! The thread and the file together: what was shown is what comes back.

use std::{
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use proptest::prelude::*;

use super::*;
use crate::{
    model::{AlertState, AlertView, DeviceView, LeaveReason, Moment, Remembered},
    store::{
        Reader,
        samples::{INSTANCE, NOON, alert, any_device, home, id, tv, window},
    },
};

/// The machine's clock: threads that wait need one that moves.
fn clock() -> Moment {
    let now = jiff::Timestamp::now();
    Moment { mono: Mono(u64::try_from(now.as_nanosecond()).unwrap()), wall: Wall(now.as_millisecond()) }
}

fn start(store: Store) -> (Writer, Receiver<Health>) {
    let (told, health) = channel();
    let on_health = Box::new(move |health| drop(told.send(health)));
    (store.writer(&Settings::default(), clock, on_health).unwrap(), health)
}

fn none() -> Arc<[Change]> {
    Arc::from([])
}

fn devices(view: &HomeView) -> Vec<DeviceView> {
    view.devices.values().map(|d| DeviceView::clone(d)).collect()
}

fn reopened(dir: &std::path::Path) -> Remembered {
    Store::open(dir, NOON).unwrap().1
}

#[test]
fn a_restart_gives_back_everything() {
    let dir = tempfile::tempdir().unwrap();
    let (store, first) = Store::open(dir.path(), NOON).unwrap();
    assert_eq!(first, Remembered::default());
    let (writer, _health) = start(store);
    writer.set_meta("node", "porchlight_7f3a2c");
    let mut view = home([tv(1), tv(2)]);
    for alert in [alert(1, AlertState::New), alert(2, AlertState::Resolved)] {
        view.alerts.insert(alert.id.clone(), Arc::new(alert));
    }
    view.tombstones = Arc::new([(id(7), NOON)].into());
    view.mutes = Arc::new(vec![("port_scan".into(), id(2), NOON), ("arp_spoof".into(), id(1), NOON)]);
    let by = [("iot_deviation".to_owned(), "v1\nd-aaaaaa 7 \"x\"".to_owned())].into();
    view.learned = Arc::new(crate::model::Learned { at: NOON, by });
    writer.set_meta("mqtt_memo", "{}");
    writer.write(Arc::new(view.clone()), none());
    let stopped = Wall(NOON.0 + 77);
    writer.close(stopped).unwrap();
    let expected = Remembered {
        instance: Some(INSTANCE),
        node: Some("porchlight_7f3a2c".into()),
        mqtt_memo: Some("{}".into()),
        minted: 100,
        stopped: Some(stopped),
        devices: devices(&view),
        tombstones: [(id(7), NOON)].into(),
        alerts: view.alerts.values().map(|a| AlertView::clone(a)).collect(),
        mode: Some(crate::model::Mode::Night),
        person_ids: view.household.person_ids.clone(),
        mutes: view.mutes.to_vec(),
        learned: view.learned.as_ref().clone(),
    };
    assert_eq!(reopened(dir.path()), expected);
    // And once more, when nothing new was said at all.
    let (writer, _health) = start(Store::open(dir.path(), NOON).unwrap().0);
    writer.close(stopped).unwrap();
    assert_eq!(reopened(dir.path()), expected);
    assert!(!dir.path().join("porchlight.db-wal").exists(), "the file alone is whole");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_device_comes_back_as_it_was(first in (any_device(1), any_device(2)), then in any_device(1)) {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path(), NOON).unwrap();
        for device in [first.0, then] {
            let view = home([device, first.1.clone()]);
            let (rows, next) = plan(&store.written, &Arc::new(view.clone()), &[], Depth::Everything);
            for row in &rows {
                apply::apply(&store.conn, row).unwrap();
            }
            store.written = next;
            prop_assert_eq!(crate::store::decode::Rows::new(&store.conn).devices().unwrap(), devices(&view));
        }
        prop_assert_eq!(crate::store::remember::remember(&store.conn, NOON).unwrap().1, 0);
    }
}

/// Numbers without chance (Knuth's MMIX constants), so that a failure repeats.
struct Dice(u64);
impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// One thing happens to one device.
fn happen(view: &mut HomeView, dice: &mut Dice, at: Wall) -> Vec<Change> {
    let n = dice.roll(40) as u32;
    let device_id = id(n);
    let Some(old) = view.devices.get(&device_id) else {
        let device = Arc::new(DeviceView { window: Some(window(n, at, true)), ..tv(n) });
        view.devices.insert(device_id, Arc::clone(&device));
        return vec![Change::DeviceFound { device, at }];
    };
    let mut device = DeviceView::clone(old);
    let mut changes = Vec::new();
    match dice.roll(8) {
        0 => device.name = format!("TV {n} of {}", at.0),
        1 => device.last_seen = at,
        2 => device.macs.reverse(),
        3 => {
            if let Some(window) = device.window.take() {
                let window = crate::model::WindowView {
                    end: at,
                    open: false,
                    closed_because: Some(LeaveReason::Left),
                    ..window
                };
                changes.push(Change::WindowClosed { window });
            } else {
                device.window = Some(window(n, at, true));
            }
        }
        4 => {
            view.devices.remove(&device_id);
            view.tombstones =
                Arc::new(view.tombstones.iter().map(|(k, v)| (*k, *v)).chain([(device_id, at)]).collect());
            return vec![Change::DeviceForgotten { device: device_id, at }];
        }
        5 => {
            let into = id(dice.roll(40) as u32);
            if into != device_id && view.devices.contains_key(&into) {
                view.devices.remove(&device_id);
                return vec![Change::DeviceMerged { from: device_id, into, at }];
            }
        }
        6 => {
            let alert = Arc::new(alert(dice.roll(30), AlertState::New));
            view.alerts.insert(alert.id.clone(), Arc::clone(&alert));
            changes.push(Change::AlertOpened { alert });
        }
        _ => device.facts = Arc::from([("seen".to_owned(), at.to_string())]),
    }
    view.devices.insert(device_id, Arc::new(device));
    changes
}

#[test]
fn a_thousand_changes_come_back_as_the_last_view() {
    for seed in 0..3 {
        let dir = tempfile::tempdir().unwrap();
        let (writer, health) = start(Store::open(dir.path(), NOON).unwrap().0);
        let (mut view, mut dice) = (home([]), Dice(seed));
        for n in 0..1000 {
            let changes = happen(&mut view, &mut dice, Wall(NOON.0 + n * 1000));
            writer.write(Arc::new(view.clone()), changes.into());
        }
        assert_eq!(writer.dropped(), 0);
        writer.close(NOON).unwrap();
        assert!(health.try_recv().is_err(), "nothing failed");
        let remembered = reopened(dir.path());
        assert_eq!(remembered.devices, devices(&view), "seed {seed}");
        assert_eq!(remembered.tombstones, *view.tombstones, "seed {seed}");
        assert_eq!(
            remembered.alerts.iter().collect::<Vec<_>>(),
            view.alerts.values().map(|a| &**a).collect::<Vec<_>>()
        );
        // One open stay at most per device, and each closed one has its reason.
        let windows = Reader::open(dir.path()).unwrap().windows(None, None, None, 10_000).unwrap().rows;
        let open = windows.iter().filter(|w| w.open).count();
        assert_eq!(open, view.devices.values().filter(|d| d.window.is_some()).count(), "seed {seed}");
        assert!(windows.iter().all(|w| w.open != w.closed_because.is_some()));
    }
}

#[test]
fn a_view_newer_than_its_changes_still_wins() {
    // The thread takes changes in batches, but always the latest view: here it runs ahead by up to 40 steps.
    for seed in 0..4 {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path(), NOON).unwrap();
        let (mut view, mut dice) = (home([]), Dice(seed));
        let mut behind: VecDeque<Arc<[Change]>> = VecDeque::new();
        for n in 0..1000 {
            behind.push_back(happen(&mut view, &mut dice, Wall(NOON.0 + n * 1000)).into());
            if dice.roll(20) > 0 && behind.len() < 40 {
                continue;
            }
            let taken = dice.roll(behind.len() as u64 + 1) as usize;
            let batch: Vec<Arc<[Change]>> = behind.drain(..taken).collect();
            let (rows, next) = plan(&store.written, &Arc::new(view.clone()), &batch, Depth::Everything);
            for row in &rows {
                apply::apply(&store.conn, row).unwrap();
            }
            store.written = next;
            let stored = crate::store::decode::Rows::new(&store.conn).devices().unwrap();
            assert_eq!(stored, devices(&view), "seed {seed}, step {n}");
        }
    }
}

#[test]
fn a_view_whose_changes_were_lost_is_still_written_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (writer, _health) = start(Store::open(dir.path(), NOON).unwrap().0);
    writer.write(Arc::new(home([tv(1)])), none());
    writer.close(NOON).unwrap();
    let (writer, _health) = start(Store::open(dir.path(), NOON).unwrap().0);
    // The stay of the first has ended and another began; nobody said so.
    let mut later = tv(1);
    later.window = Some(window(1, Wall(NOON.0 + 500_000), true));
    writer.write(Arc::new(home([later.clone()])), none());
    writer.close(NOON).unwrap();
    assert_eq!(reopened(dir.path()).devices, [later]);
    let windows = Reader::open(dir.path()).unwrap().windows(Some(id(1)), None, None, 10).unwrap().rows;
    let reasons: Vec<_> = windows.iter().map(|w| (w.open, w.closed_because)).collect();
    assert_eq!(reasons, [(true, None), (false, Some(LeaveReason::Replaced))]);
}

#[test]
fn a_merge_keeps_the_stays_of_both() {
    let dir = tempfile::tempdir().unwrap();
    let (writer, _health) = start(Store::open(dir.path(), NOON).unwrap().0);
    let mut old = tv(2);
    old.window = Some(window(2, Wall(NOON.0 - 9_000_000), true));
    writer.write(Arc::new(home([tv(1), old])), Arc::from([Change::DeviceFound { device: Arc::new(tv(2)), at: NOON }]));
    writer.close(NOON).unwrap();
    let (writer, _health) = start(Store::open(dir.path(), NOON).unwrap().0);
    let merged = Change::DeviceMerged { from: id(2), into: id(1), at: NOON };
    writer.write(Arc::new(home([tv(1)])), Arc::from([merged]));
    writer.close(NOON).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let windows = reader.windows(None, None, None, 10).unwrap().rows;
    assert_eq!(
        windows.iter().map(|w| (w.device, w.closed_because)).collect::<Vec<_>>(),
        [(id(1), None), (id(1), Some(LeaveReason::Merged))]
    );
    let events = reader.events(None, 0, 10).unwrap();
    assert_eq!(
        events.iter().map(|e| (e.kind.as_str(), e.device)).collect::<Vec<_>>(),
        [("device_new", Some(id(1))), ("device_merged", Some(id(1)))]
    );
}

#[test]
fn a_file_held_by_another_is_told_once_and_made_good() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), NOON).unwrap();
    store.conn.busy_timeout(Duration::from_millis(10)).unwrap();
    let (writer, health) = start(store);
    let other = Connection::open(dir.path().join(crate::store::FILE)).unwrap();
    other.busy_timeout(Duration::from_secs(20)).unwrap();
    other.execute_batch("begin immediate").unwrap();
    // More than the queue holds, and faster than any disk: none of it waits.
    for n in 0..3 * QUEUE as i64 {
        let change = Change::Renamed { device: id(1), from: "a".into(), to: n.to_string(), at: NOON };
        writer.write(Arc::new(home([tv(1)])), Arc::from([change]));
    }
    let told = health.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(matches!(&told, Health::Down { advice: Some(advice), .. } if advice.contains("close it")), "{told:?}");
    assert!(writer.dropped() > 0, "what did not fit is counted");
    other.execute_batch("rollback").unwrap();
    assert_eq!(health.recv_timeout(Duration::from_secs(30)).unwrap(), Health::Up);
    let dropped = writer.dropped();
    writer.close(NOON).unwrap();
    assert!(health.try_recv().is_err(), "told once each");
    assert_eq!(reopened(dir.path()).devices, [tv(1)]);
    let kept = Reader::open(dir.path()).unwrap().events(None, 0, 10_000).unwrap().len() as u64;
    assert_eq!(kept + dropped, 3 * QUEUE as u64, "every change is either kept or counted");
}

#[test]
fn a_full_disk_is_told_and_the_state_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), NOON).unwrap();
    // SQLite answers as it does when the disk is full.
    let pages: i64 = store.conn.pragma_query_value(None, "page_count", |r| r.get(0)).unwrap();
    store.conn.pragma_update_and_check(None, "max_page_count", pages + 2, |_| Ok(())).unwrap();
    let (writer, health) = start(store);
    let mut device = tv(1);
    device.facts = (0..500).map(|n| (format!("key {n}"), "x".repeat(200))).collect();
    writer.write(Arc::new(home([device.clone()])), none());
    let told = health.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(matches!(&told, Health::Down { advice: Some(advice), .. } if advice.contains("space")), "{told:?}");
    assert!(writer.close(NOON).is_err());
    // The file is as it was, and the next run has room again.
    let (store, remembered) = Store::open(dir.path(), NOON).unwrap();
    assert_eq!((store.set_aside(), remembered.devices), (None, vec![]));
    let (writer, _health) = start(store);
    writer.write(Arc::new(home([device.clone()])), none());
    writer.close(NOON).unwrap();
    assert_eq!(reopened(dir.path()).devices, [device]);
}

#[test]
fn a_row_the_schema_refuses_does_not_hold_back_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), NOON).unwrap();
    store.conn.execute_batch("create trigger no before insert on event begin select raise(abort, 'no'); end").unwrap();
    let (writer, health) = start(store);
    let change = Change::ModeChanged { from: crate::model::Mode::Auto, to: crate::model::Mode::Home, at: NOON };
    writer.write(Arc::new(home([tv(1)])), Arc::from([change]));
    writer.close(NOON).unwrap();
    assert!(health.try_recv().is_err());
    assert_eq!(reopened(dir.path()).devices, [tv(1)]);
}

#[test]
fn the_last_sign_of_life_is_there_before_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (writer, _health) = start(Store::open(dir.path(), NOON).unwrap().0);
    let before = clock().wall;
    let reader = Reader::open(dir.path()).unwrap();
    let deadline = Wall(before.0 + 30_000);
    let stopped = loop {
        if let Some(stopped) = reader.remembered(NOON).unwrap().stopped {
            break stopped;
        }
        assert!(clock().wall < deadline, "no sign of life was written");
        thread::sleep(Duration::from_millis(10));
    };
    assert!((before.0 - 5_000..deadline.0).contains(&stopped.0));
    writer.close(NOON).unwrap();
}
