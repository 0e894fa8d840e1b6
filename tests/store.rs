//! The store from outside: a daemon that is killed, and the verbs that read what it left.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::IpAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use porchlight::{
    model::{
        AlertId, AlertState, AlertView, Category, Change, Decision, DeviceId, DeviceView, HomeView, Kind, LeaveReason,
        MacAddr, Mode, Moment, Mono, Party, Presence, Probe, Severity, Wall, WindowView,
    },
    store::{Settings, Store, Writer},
};
use serde_json::Value;

const NOON: Wall = Wall(1_795_608_000_000);
const INSTANCE: u32 = 0x7f_3a2c;
const DEADLINE: Duration = Duration::from_secs(60);

fn clock() -> Moment {
    let now = jiff::Timestamp::now();
    Moment { mono: Mono(u64::try_from(now.as_nanosecond()).unwrap()), wall: Wall(now.as_millisecond()) }
}

fn id(n: u32) -> DeviceId {
    DeviceId::mint(INSTANCE, n)
}

fn window(n: u32, start: Wall, closed_because: Option<LeaveReason>) -> WindowView {
    WindowView {
        device: id(n),
        start,
        end: Wall(start.0 + 60_000),
        open: closed_because.is_none(),
        sightings: 41,
        reconnects: 0,
        stitched: 0,
        min_dbm: Some(-71),
        max_dbm: Some(-50),
        last_dbm: Some(-60),
        segment: Some("home".into()),
        closed_because,
    }
}

fn device(n: u32, name: &str) -> DeviceView {
    DeviceView {
        name: name.into(),
        macs: vec![MacAddr([0xb8, 0x27, 0xeb, 1, 2, n as u8])],
        addresses: vec![IpAddr::from([192, 168, 7, n as u8])],
        kind: Kind::Tv,
        presence: Presence::Home,
        presence_reason: "arp_reply",
        first_seen: NOON,
        last_seen: NOON,
        since: NOON,
        signal_dbm: Some(-55),
        window: Some(window(n, NOON, None)),
        ..DeviceView::blank(id(n))
    }
}

fn home(devices: impl IntoIterator<Item = DeviceView>) -> HomeView {
    let devices = devices.into_iter().map(|device| (device.id, Arc::new(device))).collect();
    HomeView { revision: 1, instance: INSTANCE, minted: 100, devices, ..HomeView::default() }
}

fn alert() -> AlertView {
    let id = AlertId::mint(NOON, 1);
    AlertView {
        incident: id.clone(),
        id,
        sequence: 1,
        detector: "arp_spoof".into(),
        key: "192.168.7.9".into(),
        category: Category::Spoofing,
        severity: Severity::High,
        confidence: 0.9,
        title: "=cmd|' /C calc'!A0".into(),
        detail: String::new(),
        recommendation: String::new(),
        attacker: Party { device: None, mac: None, ip: Some([192, 168, 7, 66].into()) },
        attacker_name: None,
        victim: Party::default(),
        victim_name: None,
        technique: vec!["T1557.002".into()],
        first_seen: NOON,
        last_seen: NOON,
        count: 3,
        state: AlertState::New,
        evidence: vec![],
    }
}

fn writer(dir: &Path) -> Writer {
    let (store, _) = Store::open(dir, NOON).unwrap();
    store.writer(&Settings::default(), clock, Box::new(|health| panic!("the store said {health}"))).unwrap()
}

/// A folder with a small home in it.
fn recorded() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(dir.path());
    let mut view = home([device(1, "Living room TV"), device(2, "-2+3 lamp")]);
    view.alerts.insert(alert().id, Arc::new(alert()));
    let closed = window(1, Wall(NOON.0 - 90_000_000), Some(LeaveReason::NoAnswer));
    let changes = [
        Change::DeviceFound { device: Arc::new(device(1, "Living room TV")), at: NOON },
        Change::WindowClosed { window: closed },
        Change::AlertOpened { alert: Arc::new(alert()) },
        Change::ModeChanged { from: Mode::Auto, to: Mode::Night, at: Wall(NOON.0 + 1) },
    ];
    writer.write(Arc::new(view), Arc::from(changes));
    writer.close(NOON).unwrap();
    dir
}

fn porchlight(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("porchlight"));
    command.args(args).arg("--state-dir").arg(dir).env("HOME", dir).env_remove("XDG_CONFIG_HOME").env("TZ", "UTC");
    command
}

/// stdout, stderr and the exit code.
fn run(dir: &Path, args: &[&str]) -> (String, String, i32) {
    let out = porchlight(dir, args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(out.stdout), text(out.stderr), out.status.code().unwrap())
}

fn json(dir: &Path, args: &[&str]) -> Value {
    let (out, err, code) = run(dir, &[args, &["--json"]].concat());
    assert_eq!(code, 0, "{args:?}: {err}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out}"))
}

#[test]
fn the_verbs_say_what_is_recorded() {
    let home = recorded();
    let dir = home.path();
    let devices = json(dir, &["devices"]);
    assert_eq!(devices["devices"].as_array().map(Vec::len), Some(2));
    for named in [id(1).to_string().as_str(), "living room tv", "B8:27:EB:01:02:01", "192.168.7.1"] {
        assert_eq!(json(dir, &["devices", named])["devices"][0]["name"], "Living room TV", "{named}");
    }
    let windows = json(dir, &["windows", "Living room TV"]);
    assert_eq!(windows["windows"][0]["open"], true);
    assert_eq!(windows["windows"][1]["closed_because"], "no_answer");
    assert_eq!(json(dir, &["windows", "--since", &NOON.to_string()])["windows"].as_array().map(Vec::len), Some(2));
    assert_eq!(json(dir, &["alerts"])["alerts"][0]["detector"], "arp_spoof");
    let events = run(dir, &["events", "--json"]).0;
    let kinds: Vec<Value> =
        events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].clone()).collect();
    assert_eq!(kinds, ["device_new", "alert_new", "mode_changed"]);
    let later = run(dir, &["events", "--json", "--since", &Wall(NOON.0 + 1).to_string()]).0;
    assert!(later.contains("mode_changed") && later.lines().count() == 1, "{later}");
    let summary = json(dir, &["summary", "--since", &NOON.to_string()]);
    assert_eq!((&summary["risk"], &summary["alerts"]["by_source"]["192.168.7.66"]), (&"high".into(), &1.into()));
    // For people: aligned, no colour off a terminal.
    for verb in ["devices", "windows", "events", "alerts", "summary"] {
        let (out, err, code) = run(dir, &[verb]);
        assert!(code == 0 && !out.is_empty() && !out.contains('\u{1b}'), "{verb}: {out}{err}");
    }
}

#[test]
fn an_export_is_safe_in_a_spreadsheet() {
    let home = recorded();
    let dir = home.path();
    let (devices, _, code) = run(dir, &["export", "csv"]);
    assert_eq!(code, 0);
    let mut csv = csv::Reader::from_reader(devices.as_bytes());
    let column = |name: &str| csv.headers().unwrap().iter().position(|h| h == name).unwrap();
    let (name, level) = {
        let mut c = column;
        (c("name"), c("signal_dbm"))
    };
    let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    assert!(rows.iter().any(|row| &row[name] == "'-2+3 lamp"), "{devices}");
    assert!(rows.iter().all(|row| &row[level] == "-55"), "numbers stay numbers: {devices}");
    assert!(run(dir, &["export", "csv", "alerts"]).0.contains("'=cmd|"));
    let file = dir.join("out.json");
    let (out, err, code) = run(dir, &["export", "json", "windows", "--output", file.to_str().unwrap()]);
    assert_eq!((out.as_str(), code), ("", 0), "{err}");
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(written["windows"].as_array().map(Vec::len), Some(3));
    let (_, err, code) = run(dir, &["export", "json", "--output", "/nonexistent/folder/x"]);
    assert!(code == 1 && err.contains("/nonexistent/folder/x"), "{code} {err}");
}

#[test]
fn with_redact_nobody_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(dir.path());
    let mut tv = device(1, "Annas TV");
    tv.hostname = Some("annas-tv".into());
    tv.owner = Some("Anna".into());
    let mut view = home([tv]);
    let mut odd = alert();
    (odd.title, odd.detail) = ("Annas TV was scanned".into(), "By Anna's phone".into());
    (odd.attacker_name, odd.victim_name) = (Some("Annas phone".into()), Some("Annas TV".into()));
    view.alerts.insert(odd.id.clone(), Arc::new(odd.clone()));
    let changes = [
        Change::DeviceFound { device: Arc::new(device(1, "Annas TV")), at: NOON },
        Change::Renamed { device: id(1), from: "Annas telly".into(), to: "Annas TV".into(), at: NOON },
        Change::AlertOpened { alert: Arc::new(odd) },
    ];
    writer.write(Arc::new(view), Arc::from(changes));
    writer.close(NOON).unwrap();
    let verbs: &[&[&str]] = &[
        &["devices"],
        &["windows"],
        &["events"],
        &["alerts"],
        &["summary", "--since", "2026-01-01"],
        &["export", "json"],
        &["export", "csv"],
        &["export", "json", "alerts"],
        &["export", "csv", "alerts"],
    ];
    for verb in verbs {
        for form in [&["--redact"][..], &["--redact", "--json"]] {
            let (out, err, code) = run(dir.path(), &[*verb, form].concat());
            assert_eq!(code, 0, "{verb:?}: {err}");
            for who in ["Anna", "anna", "b8:27:eb", "192.168.7"] {
                assert!(!out.contains(who), "{verb:?} {form:?} tells {who}: {out}");
            }
        }
    }
}

#[test]
fn what_is_not_there_ends_with_three_and_says_what_to_do() {
    let empty = tempfile::tempdir().unwrap();
    for verb in ["devices", "windows", "events", "alerts", "summary"] {
        let (out, err, code) = run(empty.path(), &[verb]);
        assert_eq!((out.as_str(), code), ("", 3), "{verb}");
        for said in ["nothing recorded yet in", empty.path().to_str().unwrap(), "porchlight run", "porchlight scan"] {
            assert!(err.contains(said), "{verb}: {err}");
        }
    }
    let home = recorded();
    let (_, err, code) = run(home.path(), &["devices", "Living rom TV"]);
    assert!(code == 3 && err.contains("Living room TV"), "{code} {err}");
    assert_eq!(run(home.path(), &["windows", "--since", "whenever"]).2, 2);
}

/// Ends a child on every way out of a test.
struct Ended(Child);
impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn events_are_followed_while_a_daemon_writes() {
    let home_dir = recorded();
    let mut child =
        Ended(porchlight(home_dir.path(), &["events", "--follow", "--json"]).stdout(Stdio::piped()).spawn().unwrap());
    let (lines, heard) = std::sync::mpsc::channel();
    let out = child.0.stdout.take().unwrap();
    thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
    let next = || heard.recv_timeout(DEADLINE).expect("a line in time");
    let past: Vec<String> = (0..3).map(|_| next()).collect();
    assert!(past[2].contains("mode_changed"), "{past:?}");
    let writer = writer(home_dir.path());
    let renamed = Change::Renamed { device: id(1), from: "a".into(), to: "b".into(), at: NOON };
    writer.write(Arc::new(home([device(1, "b")])), Arc::from([renamed]));
    assert!(next().contains("renamed"));
    writer.close(NOON).unwrap();
}

// Run by the test below in a process of its own, so that it can be killed.
const CHILD: &str = "PORCHLIGHT_TEST_WRITE_INTO";

#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let writer = writer(Path::new(&dir));
    for n in 0.. {
        let name = format!("TV {n}");
        let renamed = Change::Renamed { device: id(1), from: "TV".into(), to: name.clone(), at: Wall(NOON.0 + n) };
        writer.write(Arc::new(home((1..50).map(|d| device(d, &name)))), Arc::from([renamed]));
        println!("written {n}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_kill_in_the_middle_loses_moments_never_the_home() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let mut child = Ended(
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "child_that_writes_until_it_is_killed", "--nocapture"])
                .env(CHILD, dir.path())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap(),
        );
        // Killed while it writes: after some transactions, at a different place each time.
        let mut out = BufReader::new(child.0.stdout.take().unwrap());
        let last = format!("written {}", 250 + 37 * round);
        let mut line = String::new();
        while !line.contains(&last) {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "the child ended by itself");
        }
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        let _ = out.read_to_string(&mut line);
        let (store, remembered) = Store::open(dir.path(), NOON).unwrap();
        assert_eq!((store.set_aside(), store.faults()), (None, 0));
        assert_eq!(remembered.devices.len(), 49);
        // One transaction is one moment: no device is of another one.
        let names: std::collections::BTreeSet<&str> = remembered.devices.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names.len(), 1, "{names:?}");
        let stopped = remembered.stopped.expect("a sign of life was written");
        assert!((clock().wall.0 - stopped.0) < 120_000, "the last sign of life is recent");
    }
}

#[test]
fn two_daemons_on_one_folder_are_refused_while_readers_are_not() {
    let home = recorded();
    let writer = writer(home.path());
    let error = Store::open(home.path(), NOON).map(drop).unwrap_err();
    assert!(error.to_string().contains("another porchlight"), "{error}");
    assert_eq!(json(home.path(), &["devices"])["devices"].as_array().map(Vec::len), Some(2));
    writer.close(NOON).unwrap();
    Store::open(home.path(), NOON).unwrap();
}

#[test]
fn a_stay_whose_clock_was_set_is_one_stay() {
    let dir = tempfile::tempdir().unwrap();
    let unset = Wall(60_000);
    let before = WindowView { start: unset, end: Wall(120_000), sightings: 3, ..window(1, unset, None) };
    // The clock is set, and the stay goes on; after it, another one.
    let after = window(1, NOON, None);
    let next = WindowView { sightings: 1, ..window(1, Wall(NOON.0 + 90_000_000), None) };
    for (stay, expected) in [(before, 1), (after, 1), (next, 2)] {
        let mut phone = device(1, "Phone");
        phone.window = Some(stay);
        let writer = writer(dir.path());
        writer.write(Arc::new(home([phone])), Arc::from([]));
        writer.close(NOON).unwrap();
        let shown = json(dir.path(), &["windows"]);
        assert_eq!(shown["windows"].as_array().map(Vec::len), Some(expected), "{shown}");
    }
}

/// A departure that was none leaves one stay, and what decided it is told weeks later.
#[test]
fn two_stays_become_one_and_the_decision_is_told() {
    let home = recorded();
    let dir = home.path();
    let before = window(1, Wall(NOON.0 - 3_600_000), Some(LeaveReason::NoAnswer));
    let joined = WindowView { start: before.start, stitched: 1, sightings: 82, ..window(1, NOON, None) };
    let decision = Decision {
        reason: LeaveReason::NoAnswer,
        rule: "learned",
        context: "idle",
        last_proof: before.end,
        mute_s: 345,
        away_after_s: 340,
        unanswered: 7,
        asked: vec![Probe::Arp, Probe::Mdns],
        ratios: vec![("off_every_list", 98.0)],
        odds: 1.0,
        dial: 1.0,
        false_aways: 0,
        confidence: Some(0.982),
        helps: Some(("door_contacts", 95)),
    };
    let at = Wall(NOON.0 - 1_800_000);
    let changes = [
        Change::WindowClosed { window: before },
        Change::Judged { device: id(1), decision: Arc::new(decision), at },
        Change::WindowStitched { window: joined.clone(), gone: NOON, at: NOON },
    ];
    let television = DeviceView { window: Some(joined), ..device(1, "Living room TV") };
    let writer = writer(dir);
    writer.write(Arc::new(self::home([television, device(2, "-2+3 lamp")])), Arc::from(changes));
    writer.close(NOON).unwrap();
    let windows = json(dir, &["windows", "Living room TV"]);
    let windows = windows["windows"].as_array().unwrap();
    // The stay of the day before, and the one that was two.
    assert_eq!(windows.len(), 2, "{windows:?}");
    assert_eq!(
        (&windows[0]["stitched"], &windows[0]["open"], &windows[0]["sightings"]),
        (&1.into(), &true.into(), &82.into())
    );
    let explained = run(dir, &["explain", "device", "Living room TV", "--at", &NOON.to_string()]).0;
    for part in ["why it was called away", "98 times likelier", "98.2 % certainty", "contacts at the doors"] {
        assert!(explained.contains(part), "{part} in\n{explained}");
    }
    let decided = json(dir, &["explain", "device", "Living room TV", "--at", &NOON.to_string()]);
    assert_eq!(decided["decision"]["data"]["ratios"]["off_every_list"], 98.0);
    assert_eq!(json(dir, &["explain", "device", "Living room TV", "--at", "2020-01-01"])["decision"], Value::Null);
}
