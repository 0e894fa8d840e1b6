//! Bluetooth and Wi-Fi scanners against bluetoothd and NetworkManager as python-dbusmock plays them, on a bus
//! of their own.
//!
//! Needs `dbus-daemon` and Debian's `python3-dbusmock`; without them, or with `PORCHLIGHT_FAST=1`, each test
//! says that it skips. A test starts this same program with the address of the bus (`inner_*`, ignored otherwise).
#![cfg(feature = "ble")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may stop at the first surprise")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, OnceLock},
    time::Duration,
};

use porchlight::{
    model::{
        Clock, Fact, Health, MacAddr, Moment, Mono, NetworkFacts, Observation, Phase, Proof, ScannerView, Span, Wall,
    },
    scanners::{self, Budget, DeskParts, LOOKS, Network, OBSERVATIONS, SCANNERS, Settings},
    wire::ble::Irk,
};
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::JoinHandle,
    time::{Instant, timeout_at},
};

/// Nothing here takes this long, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(90);
const PYTHON: &str = "/usr/bin/python3";

fn clock() -> Moment {
    static START: OnceLock<Instant> = OnceLock::new();
    let ns = u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap() + 3_600_000_000_000;
    Moment { mono: Mono(ns), wall: Wall(1_795_626_131_000) }
}

// ---- The bus, from outside -------------------------------------------------------------------------------

/// Runs `inner` of this program on a bus of its own.
fn on_a_bus(inner: &str) {
    if std::env::var_os("PORCHLIGHT_FAST").is_some() {
        eprintln!("skipped: PORCHLIGHT_FAST");
        return;
    }
    let has = Command::new(PYTHON).args(["-c", "import dbusmock, gi"]).stderr(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        eprintln!("skipped: needs apt install dbus python3-dbusmock");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bus.conf");
    let listen = folder.path().join("bus");
    std::fs::write(
        &config,
        format!(
            "<busconfig><type>system</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
             <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/>\
             <allow user=\"*\"/></policy></busconfig>",
            listen.display()
        ),
    )
    .unwrap();
    let mut daemon = Command::new("dbus-daemon")
        .arg(format!("--config-file={}", config.display()))
        .args(["--nofork", "--nopidfile", "--print-address"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let done = Command::new(std::env::current_exe().unwrap())
        .args([inner, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("DBUS_SYSTEM_BUS_ADDRESS", address.trim())
        .output();
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let done = done.unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && out.contains("1 passed"), "{inner}:\n{out}\n{err}");
}

/// `test name, inner name`: the outer half of each test.
macro_rules! on_a_bus {
    ($($(#[$doc:meta])* $name:ident => $inner:ident),+ $(,)?) => {
        $($(#[$doc])* #[test] fn $name() { on_a_bus(stringify!($inner)); })+
    };
}

on_a_bus! {
    the_monitor_brings_owners_tags_and_a_crowd => inner_monitor,
    without_a_monitor_discovery_hears => inner_discovery,
    a_stream_that_falls_silent_is_begun_anew_in_every_way => inner_silence,
    what_is_missing_is_said_and_mended_without_a_restart => inner_absence,
    a_connected_device_is_there => inner_connected,
    networkmanager_tells_the_networks_in_the_air => inner_wifi,
}

// ---- The inside ------------------------------------------------------------------------------------------

/// The mocked services.
struct Mock {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Mock {
    fn start() -> Mock {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dbus/mock.py");
        let mut child = Command::new(PYTHON).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut mock = Mock { child, stdin, stdout };
        assert_eq!(mock.line(), "ready");
        mock
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn say(&mut self, words: &[&str]) -> String {
        writeln!(self.stdin, "{}", words.join("\t")).unwrap();
        let answer = self.line();
        assert!(answer.starts_with("ok"), "{words:?}: {answer}");
        answer.trim_start_matches("ok").trim().to_owned()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A running scanner and all it told.
struct Run {
    task: JoinHandle<Result<(), scanners::ScanError>>,
    observations: mpsc::Receiver<Observation>,
    lines: mpsc::Receiver<ScannerView>,
    phase: watch::Sender<Phase>,
    seen: Vec<Observation>,
    health: Option<Health>,
    _kept: (watch::Sender<Arc<NetworkFacts>>, watch::Sender<u64>, watch::Sender<bool>),
}

impl Run {
    fn start(name: &str, settings: &Settings) -> Run {
        let row = SCANNERS.iter().find(|row| row.card.id == name).unwrap();
        let (facts, network) = watch::channel(Arc::new(NetworkFacts::default()));
        let (phase, phase_rx) = watch::channel(Phase::Running);
        let (observations_tx, observations) = mpsc::channel(OBSERVATIONS);
        let (health, lines) = mpsc::channel(64);
        let (scan_now_tx, scan_now) = watch::channel(0);
        let (hearing_tx, hearing) = watch::channel(false);
        let clock: Clock = clock;
        let parts = DeskParts {
            clock,
            settings: Arc::new(Network::default()),
            network,
            home: watch::channel(Arc::default()).1,
            phase: phase_rx,
            observations: observations_tx,
            looks: broadcast::channel(LOOKS).0,
            scan_now,
            health,
            budget: Budget::new(clock),
            hearing,
            rounds: None,
            settle: Duration::ZERO,
            progress: None,
        };
        let task = tokio::spawn(scanners::start(row, settings, &parts));
        let _kept = (facts, scan_now_tx, hearing_tx);
        Run { task, observations, lines, phase, seen: Vec::new(), health: None, _kept }
    }

    /// Waits until `done`, doing `meanwhile` about twice a second.
    async fn until(&mut self, what: &str, mut meanwhile: impl FnMut(), mut done: impl FnMut(&Run) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !done(self) {
            assert!(Instant::now() < deadline, "{what}: {:?}\n{:#?}", self.health, self.shown());
            assert!(!self.task.is_finished(), "{what}: the scanner ended");
            meanwhile();
            let tick = Instant::now() + Duration::from_millis(400);
            loop {
                tokio::select! {
                    seen = timeout_at(tick, self.observations.recv()) => match seen {
                        Ok(Some(seen)) => self.seen.push(seen),
                        _ => break,
                    },
                    Some(line) = self.lines.recv() => self.health = Some(line.health),
                }
            }
        }
    }

    fn shown(&self) -> Vec<String> {
        self.seen.iter().map(|seen| format!("{:?} {:?}", seen.subject.mac, seen.fact)).collect()
    }

    fn is_alive(&self, mac: MacAddr) -> bool {
        self.of(mac).any(|fact| matches!(fact, Fact::Alive { proof: Proof::BleAdvert, .. }))
    }

    fn of(&self, mac: MacAddr) -> impl Iterator<Item = &Fact> {
        self.seen.iter().filter(move |seen| seen.subject.mac == Some(mac)).map(|seen| &seen.fact)
    }

    fn word(&self) -> &str {
        self.health.as_ref().map_or("", Health::word)
    }

    fn why(&self) -> &str {
        self.health.as_ref().and_then(Health::why).unwrap_or_default()
    }

    async fn end(self) {
        self.phase.send_replace(Phase::Quiet);
        let ended = tokio::time::timeout(DEADLINE, self.task).await.expect("it ends when told to").unwrap();
        assert!(ended.is_ok(), "{ended:?}");
    }
}

const TAG: MacAddr = MacAddr([0xc4, 0x7c, 0x8d, 0x6a, 0x11, 0x22]);
const WIFI: MacAddr = MacAddr([0x3c, 0x22, 0xfb, 1, 2, 3]);
const KEY: &str = "ec0234a357c8ad05341010a60a397d9b";

fn upper(mac: MacAddr) -> String {
    mac.to_string().to_uppercase()
}

/// An address of the key's owner.
fn resolvable(n: u8) -> MacAddr {
    let [x, y, z] = Irk::read(KEY).unwrap().hash([0x40, 0x10, n]);
    MacAddr([0x40, 0x10, n, x, y, z])
}

fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::default();
    settings.ble.interval = Span::seconds(1);
    settings.bluetooth.interval = Span::seconds(1);
    settings.wifi.interval = Span::seconds(1);
    settings.ble.known = vec![TAG.to_string()];
    change(&mut settings);
    settings
}

/// The tag, at levels that differ, as the air has it.
fn tag(mock: &mut Mock, n: &mut i32) {
    *n += 1;
    let level = (-60 - *n % 5).to_string();
    mock.say(&["advertise", "hci0", &upper(TAG), "random", &level, "Keys", "", "180f=5a"]);
}

#[tokio::test]
#[ignore = "started by the_monitor_brings_owners_tags_and_a_crowd"]
async fn inner_monitor() {
    let keys = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(keys.path(), format!("{KEY} {WIFI} Anna's phone\n")).unwrap();
    let mut mock = Mock::start();
    mock.say(&["bluez"]);
    mock.say(&["adapter", "hci0", "monitor"]);
    let mut run = Run::start("ble", &settings(|s| s.ble.owners_file = Some(keys.path().to_owned())));
    let mut n = 0;
    run.until("the tag is heard", || tag(&mut mock, &mut n), |run| run.is_alive(TAG) && run.word() == "ok").await;
    let facts: Vec<String> = run.of(TAG).map(|fact| format!("{fact:?}")).collect();
    assert!(facts.iter().any(|fact| fact.starts_with("Level(Rssi(-6")), "{facts:#?}");
    assert!(
        facts.iter().any(|fact| fact.contains("Keys")) && facts.iter().any(|fact| fact.contains("90 %")),
        "{facts:#?}"
    );
    assert!(mock.say(&["asked", "hci0"]).starts_with("discoveries=0 "), "the monitor sends nothing");

    // An owner's first address is no proof, the second is. Strangers are a number.
    mock.say(&["advertise", "hci0", &upper(resolvable(1)), "random", "-50"]);
    for n in 0..3 {
        mock.say(&["advertise", "hci0", &format!("5A:00:00:00:00:0{n}"), "random", "-50", "", "004c=10055b"]);
    }
    let crowd = |count: u32| move |run: &Run| run.seen.iter().rev().any(|seen| seen.fact == Fact::Crowd(count));
    run.until("owner and strangers are counted", || (), crowd(4)).await;
    assert!(!run.is_alive(WIFI));
    mock.say(&["advertise", "hci0", &upper(resolvable(2)), "random", "-50"]);
    run.until("the owner is known", || (), |run| run.is_alive(WIFI)).await;
    run.until("the owner's name", || (), |run| run.of(WIFI).any(|fact| format!("{fact:?}").contains("Anna's phone")))
        .await;
    run.end().await;
}

#[tokio::test]
#[ignore = "started by without_a_monitor_discovery_hears"]
async fn inner_discovery() {
    let mut mock = Mock::start();
    mock.say(&["bluez"]);
    mock.say(&["adapter", "hci0", "no"]);
    let mut run = Run::start("ble", &settings(|_| ()));
    let mut n = 0;
    run.until("the tag is heard", || tag(&mut mock, &mut n), |run| run.is_alive(TAG)).await;
    run.until("it says why", || (), |run| run.word() == "degraded").await;
    assert!(run.why().contains("monitor refused") && run.why().ends_with("now by discovery"), "{}", run.why());
    assert_eq!(mock.say(&["asked", "hci0"]), "discoveries=1 filter=le/1 monitors=0");
    run.end().await;
}

#[tokio::test]
#[ignore = "started by a_stream_that_falls_silent_is_begun_anew_in_every_way"]
async fn inner_silence() {
    let mut mock = Mock::start();
    mock.say(&["bluez"]);
    mock.say(&["adapter", "hci0", "monitor"]);
    let mut run = Run::start("ble", &settings(|s| s.ble.quiet_after = Span::seconds(3)));
    // Monitor, discovery, second library, monitor again: each hears nothing.
    for next in ["now by discovery", "now by discovery by the second library", "now by the advertisement monitor"] {
        run.until(next, || (), |run| run.word() == "degraded" && run.why().ends_with(next)).await;
        assert!(run.why().contains("heard nothing for"), "{}", run.why());
    }
    assert_eq!(mock.say(&["asked", "hci0"]), "discoveries=2 filter=auto/1 monitors=2");
    // What is heard then is heard, and makes it well.
    let mut n = 0;
    run.until("well again", || tag(&mut mock, &mut n), |run| run.is_alive(TAG) && run.word() == "ok").await;
    // Silent once more, until only the second library listens: it hears as well.
    let second = "now by discovery by the second library";
    run.until(second, || (), |run| run.why().ends_with(second)).await;
    let before = run.seen.len();
    let again = |run: &Run| run.seen[before..].iter().any(|seen| seen.subject.mac == Some(TAG));
    run.until("heard by the second library", || tag(&mut mock, &mut n), again).await;
    run.end().await;
}

#[tokio::test]
#[ignore = "started by what_is_missing_is_said_and_mended_without_a_restart"]
async fn inner_absence() {
    let mut run = Run::start("ble", &settings(|_| ()));
    run.until("no bluetoothd", || (), |run| run.why().contains("bluetoothd does not answer")).await;
    assert_eq!(run.word(), "failed", "a known tag rests on it");
    assert!(format!("{:?}", run.health).contains("apt install bluez"));
    let mut mock = Mock::start();
    mock.say(&["bluez"]);
    run.until("no controller", || (), |run| run.why() == "no Bluetooth adapter").await;
    mock.say(&["adapter", "hci0", "monitor"]);
    run.until("a controller", || (), |run| run.word() == "ok").await;
    mock.say(&["power", "hci0", "false"]);
    run.until("switched off", || (), |run| run.word() == "failed").await;
    assert!(run.why().starts_with("hci0 is "), "{}", run.why());
    mock.say(&["power", "hci0", "true"]);
    let mut n = 0;
    run.until("on again", || tag(&mut mock, &mut n), |run| run.word() == "ok" && run.is_alive(TAG)).await;
    drop(mock);
    run.until("bluetoothd died", || (), |run| run.why().contains("bluetoothd does not answer")).await;
    let mut mock = Mock::start();
    mock.say(&["bluez"]);
    mock.say(&["adapter", "hci0", "monitor"]);
    let before = run.seen.len();
    let again = |run: &Run| run.word() == "ok" && run.seen[before..].iter().any(|seen| seen.subject.mac == Some(TAG));
    run.until("bluetoothd is back", || tag(&mut mock, &mut n), again).await;
    run.end().await;

    // Nobody asked for Bluetooth, and there is none: nothing to complain of.
    let mut run = Run::start("bluetooth", &settings(|s| s.bluetooth.adapters = vec!["hci9".into()]));
    run.until("off", || (), |run| run.word() == "off" || run.word() == "degraded").await;
    run.end().await;
}

#[tokio::test]
#[ignore = "started by a_connected_device_is_there"]
async fn inner_connected() {
    let mut mock = Mock::start();
    mock.say(&["bluez"]);
    mock.say(&["adapter", "hci0", "no"]);
    mock.say(&["connected", "hci0", "00:1A:7D:DA:71:13", "Kitchen phone", "5a020c"]);
    let mut run = Run::start("bluetooth", &settings(|_| ()));
    let phone = MacAddr([0x00, 0x1a, 0x7d, 0xda, 0x71, 0x13]);
    run.until("it is there", || (), |run| run.of(phone).count() >= 3 && run.word() == "ok").await;
    let facts: BTreeMap<String, ()> = run.of(phone).map(|fact| (format!("{fact:?}"), ())).collect();
    let shown: Vec<&String> = facts.keys().collect();
    assert_eq!(
        shown,
        [
            "Alive { proof: Bluetooth, age: 20s }",
            "Label { key: \"bluetooth\", value: \"bluetooth phone\" }",
            "Named { name: \"Kitchen phone\", by: Bluetooth }",
        ]
    );
    run.end().await;
}

#[tokio::test]
#[ignore = "started by networkmanager_tells_the_networks_in_the_air"]
async fn inner_wifi() {
    let mut mock = Mock::start();
    mock.say(&["networkmanager"]);
    mock.say(&["wifi", "wlan0"]);
    mock.say(&["access_point", "wlan0", "ap0", "Home", "AA:BB:CC:00:00:01", "5180", "80", "0x108", "active"]);
    mock.say(&["access_point", "wlan0", "ap1", "Next door", "AA:BB:CC:00:00:02", "2437", "40", "0x0"]);
    mock.say(&["access_point", "wlan0", "ap2", "Home", "AA:BB:CC:00:00:03", "2412", "60", "0x108"]);
    let mut run = Run::start("wifi", &settings(|_| ()));
    run.until("three access points", || (), |run| run.seen.len() >= 3 && run.word() == "ok").await;
    let mut shown: Vec<String> = run
        .seen
        .iter()
        .take(3)
        .map(|seen| match &seen.fact {
            Fact::AccessPoint(point) => format!(
                "{} {} {:?} {:?} {} {}",
                seen.subject.mac.unwrap(),
                point.ssid,
                point.channel,
                point.level.map(|level| level.dbm()),
                point.security,
                point.own
            ),
            other => format!("{other:?}"),
        })
        .collect();
    shown.sort();
    assert_eq!(
        shown,
        [
            "aa:bb:cc:00:00:01 Home Some(36) Some(-60) wpa+wpa2 true",
            "aa:bb:cc:00:00:02 Next door Some(6) Some(-80) open false",
            "aa:bb:cc:00:00:03 Home Some(1) Some(-70) wpa+wpa2 true",
        ]
    );
    drop(mock);
    run.end().await;
}
