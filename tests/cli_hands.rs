//! Hands on one's own data: over the running daemon's socket and in the store while none runs, with the
//! same words, checks and exit codes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use porchlight::{
    model::{
        AlertId, AlertState, AlertView, Category, Change, DeviceId, DeviceView, HomeView, Kind, MacAddr, Moment, Mono,
        Party, Presence, Severity, Wall, WindowView,
    },
    store::{Settings, Store},
};
use serde_json::Value;

const INSTANCE: u32 = 0x7f_3a2c;
const PATIENCE: Duration = Duration::from_secs(60);

fn clock() -> Moment {
    let now = jiff::Timestamp::now();
    Moment { mono: Mono(u64::try_from(now.as_nanosecond()).unwrap()), wall: Wall(now.as_millisecond()) }
}

fn id(n: u32) -> DeviceId {
    DeviceId::mint(INSTANCE, n)
}

fn device(n: u32, name: &str, at: Wall) -> DeviceView {
    DeviceView {
        name: name.into(),
        macs: vec![MacAddr([0xb8, 0x27, 0xeb, 1, 2, n as u8])],
        addresses: vec![[192, 168, 7, n as u8].into()],
        kind: Kind::Tv,
        presence: Presence::Home,
        presence_reason: "arp_reply",
        first_seen: Wall(at.0 - 60_000 * i64::from(n)),
        last_seen: at,
        since: at,
        segment: Some("home".into()),
        window: Some(WindowView {
            device: id(n),
            start: Wall(at.0 - 60_000),
            end: at,
            open: true,
            sightings: 41,
            reconnects: 0,
            stitched: 0,
            min_dbm: None,
            max_dbm: None,
            last_dbm: None,
            segment: Some("home".into()),
            closed_because: None,
        }),
        ..DeviceView::blank(id(n))
    }
}

fn alert(at: Wall) -> AlertView {
    let alert = AlertId::mint(at, 1);
    AlertView {
        incident: alert.clone(),
        id: alert,
        sequence: 1,
        detector: "arp_spoof".into(),
        key: String::new(),
        category: Category::Spoofing,
        severity: Severity::High,
        confidence: 0.9,
        title: "somebody answers for the router".into(),
        detail: String::new(),
        recommendation: String::new(),
        attacker: Party { device: Some(id(1)), mac: None, ip: None },
        attacker_name: None,
        victim: Party::default(),
        victim_name: None,
        technique: vec!["T1557.002".into()],
        first_seen: at,
        last_seen: at,
        count: 3,
        state: AlertState::New,
        evidence: vec![],
    }
}

/// A home whose daemon ended ten minutes ago, its alert and the time of its end.
fn stopped_home() -> (tempfile::TempDir, AlertId, Wall) {
    let dir = tempfile::tempdir().unwrap();
    let ended = Wall(clock().wall.0 - 600_000);
    let (store, _) = Store::open(dir.path(), ended).unwrap();
    let writer =
        store.writer(&Settings::default(), clock, Box::new(|health| panic!("the store said {health}"))).unwrap();
    let devices = [device(1, "TV", ended), device(2, "Lamp", ended), device(3, "Radio", ended)];
    let odd = Arc::new(alert(ended));
    let view = HomeView {
        revision: 1,
        instance: INSTANCE,
        minted: 100,
        devices: devices.into_iter().map(|d| (d.id, Arc::new(d))).collect(),
        alerts: [(odd.id.clone(), Arc::clone(&odd))].into(),
        ..HomeView::default()
    };
    writer.write(Arc::new(view), Arc::from([Change::AlertOpened { alert: Arc::clone(&odd) }]));
    writer.close(ended).unwrap();
    (dir, odd.id.clone(), ended)
}

fn porchlight(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("porchlight"));
    command.args(args).arg("--state-dir").arg(dir).env_clear().env("HOME", dir).env("TZ", "UTC");
    command
}

fn run(dir: &Path, args: &[&str]) -> (String, String, i32) {
    let out = porchlight(dir, args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(out.stdout), text(out.stderr), out.status.code().unwrap_or(-1))
}

fn json(dir: &Path, args: &[&str]) -> Value {
    let (out, err, code) = run(dir, &[args, &["--json"]].concat());
    assert_eq!(code, 0, "{args:?}: {err}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out}"))
}

fn devices(dir: &Path) -> Value {
    json(dir, &["devices"])
}

fn of<'a>(devices: &'a Value, id: &str) -> &'a Value {
    devices["devices"].as_array().unwrap().iter().find(|d| d["id"] == id).unwrap_or(&Value::Null)
}

/// A daemon that looks at loopback alone and has no broker.
struct Daemon(Child);
impl Daemon {
    fn start(dir: &Path) -> Daemon {
        let args = ["run", "--set", "mqtt.url=mqtt://127.0.0.1:1", "--set", "network.interfaces=[lo]"];
        let child = porchlight(dir, &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let daemon = Daemon(child);
        let began = clock().mono;
        while run(dir, &["health"]).2 != 0 {
            assert!(clock().mono.since(began) < PATIENCE, "the daemon did not come up");
            thread::sleep(Duration::from_millis(100));
        }
        daemon
    }
    fn end(mut self) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.0.wait().unwrap();
    }
}
impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The answers that do not depend on whether a daemon runs.
fn checks(dir: &Path, alert: &str) {
    let (tv, nobody) = (id(1).to_string(), id(90).to_string());
    let cases: &[(&[&str], i32, &str)] = &[
        (&["device", "set", &tv, "name", "Big \u{1f4fa} TV"], 0, ""),
        (&["device", "set", &tv, "kind", "projector"], 0, ""),
        (&["device", "set", &tv, "trust", "trusted"], 0, ""),
        (&["device", "set", &tv, "group", "living"], 0, ""),
        (&["device", "set", &tv, "owner", "Anna"], 0, ""),
        (&["device", "set", &tv, "important", "yes"], 0, ""),
        (&["device", "set", &tv, "notes", "on the wall"], 0, ""),
        (&["device", "set", &nobody, "name", "X"], 3, "no device"),
        (&["device", "forget", &nobody], 3, "no device"),
        (&["device", "merge", &tv, &nobody], 3, "no device"),
        (&["device", "set", &tv, "kind", "toaster"], 2, "toaster"),
        (&["alert", "acknowledge", "01JD8Z7A0000000009"], 3, "no alert"),
        (&["alert", "acknowledge", alert], 0, ""),
        (&["alert", "reopen", alert], 0, ""),
        (&["alert", "mute-device", "new_device", &tv, "--days", "30"], 0, ""),
        (&["alert", "mute-device", "new_device", &nobody, "--days", "30"], 3, "no device"),
    ];
    for (args, code, said) in cases {
        let (out, err, found) = run(dir, args);
        assert_eq!(found, *code, "{args:?}: {err}");
        assert!(out.is_empty() && err.contains(said), "{args:?}: {out}{err}");
    }
}

/// What those answers left behind.
fn shows(dir: &Path) {
    let all = devices(dir);
    let tv = of(&all, &id(1).to_string());
    for (key, value) in [
        ("name", "Big \u{1f4fa} TV"),
        ("kind", "projector"),
        ("trust", "trusted"),
        ("group", "living"),
        ("owner", "Anna"),
    ] {
        assert_eq!(tv[key], value, "{key} of {tv}");
    }
    assert_eq!((&tv["important"], &tv["name_source"]), (&true.into(), &"own".into()));
    assert_eq!(json(dir, &["alerts"])["alerts"][0]["state"], "new");
}

#[test]
fn without_a_daemon_the_store_is_changed_and_nothing_else_in_it() {
    let (home, alert, ended) = stopped_home();
    let dir = home.path();
    let lamp = of(&devices(dir), &id(2).to_string()).clone();
    checks(dir, alert.as_str());
    shows(dir);
    assert_eq!(of(&devices(dir), &id(2).to_string()), &lamp, "what nobody touched stays as it was");
    assert_eq!(of(&devices(dir), &id(1).to_string())["segment"], "home");
    // Merging, forgetting and asking.
    let (tv, lamp, radio) = (id(1).to_string(), id(2).to_string(), id(3).to_string());
    assert_eq!(run(dir, &["device", "merge", &tv, &lamp]).2, 0);
    assert_eq!(run(dir, &["device", "forget", &radio]).2, 0);
    let left = devices(dir);
    assert_eq!(left["devices"].as_array().map(Vec::len), Some(1), "{left}");
    assert_eq!(left["devices"][0]["macs"].as_array().map(Vec::len), Some(2), "{left}");
    let survivor = left["devices"][0]["id"].as_str().unwrap().to_owned();
    let (_, err, code) = run(dir, &["device", "check", &survivor]);
    assert!(code == 1 && err.contains("no porchlight is running") && err.contains("try:"), "{code} {err}");
    // How long nobody watched is for the next start to know.
    let (_, remembered) = Store::open(dir, clock().wall).unwrap();
    assert_eq!(remembered.stopped, Some(ended));
    assert_eq!(remembered.mutes.iter().filter(|(detector, ..)| detector == "new_device").count(), 1);
    assert!(remembered.tombstones.contains_key(&id(3)));
}

#[test]
fn a_daemon_that_starts_later_shows_what_was_set_without_it() {
    let (home, alert, _) = stopped_home();
    let dir = home.path();
    checks(dir, alert.as_str());
    let daemon = Daemon::start(dir);
    daemon.end();
    shows(dir);
}

#[test]
fn a_running_daemon_takes_the_same_words() {
    let (home, alert, _) = stopped_home();
    let dir = home.path();
    let daemon = Daemon::start(dir);
    checks(dir, alert.as_str());
    assert_eq!(run(dir, &["device", "check", &id(1).to_string()]).2, 0);
    daemon.end();
    shows(dir);
}

#[test]
fn a_store_in_use_is_not_written_from_outside() {
    let (home, ..) = stopped_home();
    // Somebody holds the store but does not answer: a daemon that starts or ends.
    let (_held, _) = Store::open(home.path(), clock().wall).unwrap();
    let (_, err, code) = run(home.path(), &["device", "forget", &id(1).to_string()]);
    assert!(code == 1 && err.contains("another porchlight"), "{code} {err}");
}

#[test]
fn the_health_check_answers_at_once() {
    let (home, ..) = stopped_home();
    let daemon = Daemon::start(home.path());
    // The best of ten: other tests share this machine.
    let best = (0..10)
        .map(|_| {
            let began = clock().mono;
            assert_eq!(run(home.path(), &["health"]).2, 0);
            clock().mono.since(began)
        })
        .min();
    println!("health: {best:?}");
    assert!(best.is_some_and(|best| best < Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 100 })));
    daemon.end();
}

#[test]
fn a_device_is_explained_as_it_was() {
    let (home, _, ended) = stopped_home();
    let dir = home.path();
    let then = |at: i64| json(dir, &["explain", "device", "TV", "--at", &Wall(at).to_string()]);
    let during = then(ended.0 - 30_000);
    assert_eq!((&during["here"], &during["window"]["open"]), (&true.into(), &true.into()), "{during}");
    let before = then(ended.0 - 120_000);
    assert_eq!((&before["here"], &before["window"]), (&false.into(), &Value::Null), "{before}");
    let (text, err, code) = run(dir, &["explain", "device", "TV", "--at", "11m"]);
    assert!(code == 0 && text.contains("TV") && text.contains("here") | text.contains("no stay"), "{text}{err}");
}
