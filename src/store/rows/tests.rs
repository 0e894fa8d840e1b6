//! Tables over [`plan`]: what is written when, and what is not.

use super::*;
use crate::{
    model::{LeaveReason, MacAddr},
    store::samples::{NOON, alert, home, id, tv, window},
};

fn names(rows: &[Row]) -> Vec<String> {
    rows.iter()
        .map(|row| match row {
            Row::Meta(key, _) => format!("meta {key}"),
            Row::Device(view, _) => format!("device {}", view.name),
            Row::Gauges(view) => format!("gauges {}", view.name),
            Row::Window(_) => "window".into(),
            Row::MovedWindow { .. } => "moved window".into(),
            Row::OpenWindow(_, view) => format!("open window {}", view.is_some()),
            Row::Stitched { .. } => "stitched".into(),
            Row::Merged { .. } => "merged".into(),
            Row::Gone(_) => "gone".into(),
            Row::Tombstone(..) => "tombstone".into(),
            Row::TombstoneGone(_) => "tombstone gone".into(),
            Row::Event { kind, .. } => format!("event {kind}"),
            Row::Alert(view) => format!("alert {}", view.state),
            Row::Mutes(_) => "mutes".into(),
        })
        .collect()
}

/// The file after `view` was written.
fn after(view: &HomeView) -> Written {
    plan(&Written::default(), &Arc::new(view.clone()), &[], Depth::Everything).1
}

#[test]
fn only_what_is_different_is_written_and_gauges_wait() {
    let before = tv(1);
    type Edit = fn(&mut DeviceView);
    let cases: &[(&str, Edit, &[&str], &[&str], &[&str])] = &[
        ("nothing", |_| {}, &[], &[], &[]),
        ("last seen", |d| d.last_seen = Wall(NOON.0 + 9), &[], &[], &["gauges TV 1"]),
        ("a level", |d| d.signal_dbm = Some(-60), &[], &[], &["gauges TV 1"]),
        (
            "sightings of the stay",
            |d| d.window.as_mut().unwrap().sightings += 1,
            &[],
            &[],
            &["gauges TV 1", "open window true"],
        ),
        ("a fact", |d| d.facts = Arc::from([]), &[], &["device TV 1"], &["device TV 1"]),
        ("a name", |d| d.name = "Telly".into(), &["device Telly"], &["device Telly"], &["device Telly"]),
        (
            "the end of the stay",
            |d| d.window = None,
            &["device TV 1", "open window false"],
            &["device TV 1", "open window false"],
            &["device TV 1", "open window false"],
        ),
        (
            "another stay",
            |d| d.window.as_mut().unwrap().start = Wall(NOON.0 + 1),
            &["device TV 1", "open window true"],
            &["device TV 1", "open window true"],
            &["device TV 1", "open window true"],
        ),
    ];
    for (what, edit, changes, facts, everything) in cases {
        let mut device = before.clone();
        edit(&mut device);
        let view = Arc::new(home([device]));
        let written = after(&home([before.clone()]));
        for (depth, expected) in [(Depth::Changes, changes), (Depth::Facts, facts), (Depth::Everything, everything)] {
            let (rows, next) = plan(&written, &view, &[], depth);
            assert_eq!(names(&rows), *expected, "{what}, {depth:?}");
            // What waited is not forgotten.
            let (rows, _) = plan(&next, &view, &[], Depth::Everything);
            let left: &[&str] = if expected.is_empty() { everything } else { &[] };
            assert_eq!(names(&rows), left, "{what}, after {depth:?}");
        }
    }
}

#[test]
fn each_change_has_its_event() {
    let device = Arc::new(tv(1));
    let (from, into) = (id(2), id(1));
    let at = NOON;
    let (new, closed) = (Arc::new(alert(1, AlertState::New)), Arc::new(alert(1, AlertState::Resolved)));
    let presence = |to| Change::Presence { device: id(1), from: Presence::Home, to, why: "no_answer", at };
    let person = |home| Change::PersonMoved {
        person: "Ada".into(),
        home,
        first_or_last: true,
        people_home: 1,
        device: id(1),
        away_s: 5,
        confidence: Some(0.98),
        identity: "sure",
        at,
    };
    let cases: Vec<(Change, &str, &str)> = vec![
        (
            Change::DeviceFound { device: Arc::clone(&device), at },
            "device_new",
            r#"{"name":"TV 1","mac":"b8:27:eb:01:02:01","ip":"192.168.7.1","vendor":"Raspberry Pi"}"#,
        ),
        (
            Change::DeviceReturned { device, at, away_s: 90 },
            "device_returned",
            r#"{"name":"TV 1","away_s":90}"#,
        ),
        (presence(Presence::Away), "device_left", r#"{"from":"home","reason":"no_answer"}"#),
        (presence(Presence::Asleep), "", ""),
        (
            Change::AddressChanged { device: id(1), from: None, to: [10, 0, 0, 1].into(), at },
            "ip_changed",
            r#"{"from":null,"to":"10.0.0.1"}"#,
        ),
        (
            Change::Renamed { device: id(1), from: "a\"b".into(), to: "c".into(), at },
            "renamed",
            r#"{"from":"a\"b","to":"c"}"#,
        ),
        (
            Change::KindChanged { device: id(1), from: crate::model::Kind::Tv, to: crate::model::Kind::Hub, at },
            "kind_changed",
            r#"{"from":"tv","to":"hub"}"#,
        ),
        (
            Change::ServiceClosed { device: id(1), tcp: true, port: 80, name: "http".into(), at },
            "service_closed",
            r#"{"proto":"tcp","port":80,"name":"http"}"#,
        ),
        (
            Change::ServiceOpened { device: id(1), tcp: false, port: 53, name: "dns".into(), at },
            "service_opened",
            r#"{"proto":"udp","port":53,"name":"dns"}"#,
        ),
        (Change::DeviceMerged { from, into, at }, "device_merged", &format!(r#"{{"from":"{from}"}}"#)),
        (Change::DeviceForgotten { device: from, at }, "device_forgotten", "{}"),
        (
            Change::JoinProposed { device: from, of: into, why: "took over within 4 s".into(), at },
            "join_proposed",
            &format!(r#"{{"of":"{into}","why":"took over within 4 s"}}"#),
        ),
        (person(true), "person_arrived", r#"{"person":"Ada","first":true,"people_home":1,"away_s":5,"confidence":0.98,"identity":"sure"}"#),
        (person(false), "person_left", r#"{"person":"Ada","last":true,"people_home":1,"away_s":5,"confidence":0.98,"identity":"sure"}"#),
        (
            Change::ModeChanged { from: Mode::Auto, to: Mode::Night, at },
            "mode_changed",
            r#"{"from":"auto","to":"night"}"#,
        ),
        (
            Change::AlertOpened { alert: new },
            "alert_new",
            &format!(
                r#"{{"alert":"{}","detector":"arp_spoof","severity":"critical","title":"Somebody poses as the router","state":"new"}}"#,
                closed.id
            ),
        ),
        (Change::AlertOpened { alert: Arc::new(alert(2, AlertState::Observed)) }, "", ""),
        (Change::DeviceChanged { device: id(1) }, "", ""),
        (Change::ScanWanted, "", ""),
    ]
    .into_iter()
    .map(|(change, kind, data)| (change, kind, Box::leak(data.to_owned().into_boxed_str()) as &str))
    .collect();
    for (change, kind, data) in cases {
        let line = change.to_string();
        let (rows, _) = plan(&Written::default(), &Arc::default(), &[Arc::from([change])], Depth::Changes);
        let event = rows.iter().find_map(|row| match row {
            Row::Event { kind, data, .. } => Some((*kind, data.as_str())),
            _ => None,
        });
        assert_eq!(event.unwrap_or_default(), (kind, data), "{line}");
    }
}

#[test]
fn a_flood_of_one_kind_is_cut_for_the_day_and_spares_the_others() {
    let renamed = |n: i64| Change::Renamed { device: id(1), from: "a".into(), to: "b".into(), at: Wall(NOON.0 + n) };
    let flood: Arc<[Change]> = (0..i64::from(EVENTS_PER_KIND_AND_DAY_MAX) + 5).map(renamed).collect();
    let (rows, written) = plan(&Written::default(), &Arc::default(), &[flood], Depth::Changes);
    assert_eq!(rows.iter().filter(|r| matches!(r, Row::Event { .. })).count(), EVENTS_PER_KIND_AND_DAY_MAX as usize);
    assert_eq!(written.events_dropped, 5);
    let other = Change::ModeChanged { from: Mode::Auto, to: Mode::Night, at: NOON };
    let (rows, written) =
        plan(&written, &Arc::default(), &[Arc::from([renamed(0), other, renamed(DAY_MS)])], Depth::Changes);
    assert_eq!(names(&rows), ["event mode_changed", "event renamed"]);
    assert_eq!(written.events_dropped, 6);
}

#[test]
fn a_first_view_cut_too_early_takes_nothing_away() {
    let written = Written { view: None, tombstones: Arc::new([(id(9), NOON)].into()), ..after(&home([tv(1), tv(2)])) };
    let (rows, next) = plan(&written, &Arc::new(home([])), &[], Depth::Everything);
    assert_eq!(names(&rows), [""; 0]);
    assert_eq!((next.devices.len(), next.tombstones.len()), (2, 1));
}

#[test]
fn what_leaves_the_view_is_removed() {
    let mut before = home([tv(1), tv(2)]);
    let open = Arc::new(alert(1, AlertState::New));
    before.alerts.insert(open.id.clone(), open);
    before.tombstones = Arc::new([(id(9), NOON)].into());
    let mut now = home([tv(1)]);
    now.tombstones = Arc::new([(id(2), NOON)].into());
    let (rows, next) = plan(&after(&before), &Arc::new(now.clone()), &[], Depth::Changes);
    assert_eq!(names(&rows), ["alert resolved", "gone", "tombstone", "tombstone gone"]);
    assert_eq!((next.devices.len(), next.alerts.len()), (1, 0));
    assert_eq!(names(&plan(&next, &Arc::new(now), &[], Depth::Everything).0), [""; 0]);
}

#[test]
fn devices_come_before_what_refers_to_them_and_open_stays_after_closed_ones() {
    let mut young = tv(1);
    young.macs = vec![MacAddr([2, 0, 0, 0, 0, 9])];
    let mut merged = window(2, Wall(NOON.0 - 5), false);
    merged.closed_because = Some(LeaveReason::Merged);
    let changes: Arc<[Change]> = Arc::from([
        Change::WindowClosed { window: merged },
        Change::DeviceMerged { from: id(2), into: id(1), at: NOON },
    ]);
    let (rows, _) = plan(&after(&home([tv(2)])), &Arc::new(home([young])), &[changes], Depth::Changes);
    assert_eq!(names(&rows), ["device TV 1", "window", "merged", "event device_merged", "open window true", "gone"]);
}

/// With nothing counted since, only the step tells that it is the same stay.
#[test]
fn a_stay_whose_clock_was_set_is_moved_and_another_stay_is_not() {
    const STEP: i64 = 3 * 3_600_000 + 1;
    for (start, clock_set_ms, expected) in [
        (NOON.0 + STEP, STEP, vec!["device TV 1", "moved window", "open window true"]),
        (NOON.0 + STEP, 0, vec!["device TV 1", "open window true"]),
        (NOON.0 + STEP + 5, STEP, vec!["device TV 1", "open window true"]),
        (NOON.0, STEP, vec![]),
    ] {
        let mut device = tv(1);
        device.window.as_mut().unwrap().start = Wall(start);
        let view = Arc::new(HomeView { clock_set_ms, ..home([device]) });
        let (rows, next) = plan(&after(&home([tv(1)])), &view, &[], Depth::Changes);
        assert_eq!(names(&rows), expected, "{start} {clock_set_ms}");
        assert_eq!(names(&plan(&next, &view, &[], Depth::Everything).0), [""; 0]);
    }
}
