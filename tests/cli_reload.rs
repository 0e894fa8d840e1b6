//! A running daemon reads its settings again: what takes hold at once, what waits for a new start, and
//! that wrong ones change nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

const STEP: Duration = Duration::from_millis(50);
/// A minute of steps.
const STEPS: u32 = 1200;

struct Daemon {
    child: Child,
    dir: tempfile::TempDir,
}

impl Daemon {
    fn start() -> Daemon {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("config.yaml");
        fs::write(&config, settings("")).unwrap();
        let child = porchlight(dir.path())
            .args(["run", "--config"])
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(File::create(dir.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let daemon = Daemon { child, dir };
        daemon.wait("running");
        daemon
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("config.yaml")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// Waits until the log says it.
    fn wait(&self, said: &str) {
        for _ in 0..STEPS {
            if self.log().contains(said) {
                return;
            }
            thread::sleep(STEP);
        }
        panic!("never said {said:?}:\n{}", self.log());
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), signal).unwrap();
    }

    /// Writes new settings, has them read, and gives what is logged from then until `until`.
    fn adopt(&self, extra: &str, until: &str) -> String {
        let before = self.log().len();
        fs::write(self.config(), settings(extra)).unwrap();
        self.signal(Signal::HUP);
        for _ in 0..STEPS {
            let log = self.log();
            if log.get(before..).is_some_and(|new| new.contains(until)) {
                return log[before..].to_owned();
            }
            thread::sleep(STEP);
        }
        panic!("{extra}: never said {until:?}:\n{}", self.log());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn porchlight(dir: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("porchlight"));
    command.arg("--state-dir").arg(dir.join("state")).env_clear().env("HOME", dir);
    command
}

/// Only loopback is looked at, and no broker is there.
fn settings(extra: &str) -> String {
    let mqtt = if extra.contains("mqtt:") { "" } else { "mqtt: {url: mqtt://127.0.0.1:1}\n" };
    let network = if extra.contains("network:") { "" } else { "network: {interfaces: [lo]}\n" };
    format!("{mqtt}{network}{extra}\n")
}

#[test]
fn what_takes_hold_and_what_waits_for_a_new_start() {
    let daemon = Daemon::start();
    // Settings, and what is said of them.
    let cases = [
        ("store: {retention_days: 7}", "needs_restart=[]"),
        ("presence: {false_away_per_month: 2}", "needs_restart=[]"),
        ("presence: {away_max: {phone: 1h}, half_life: 30d, learn_days: 7}", "needs_restart=[]"),
        ("devices: {d-7f3k2m: {false_away_per_month: 3}}", "needs_restart=[]"),
        ("detectors: {new_device: {mode: off}}", "needs_restart=[]"),
        ("alerts: {settle: 1m}", "needs_restart=[]"),
        ("scanners: {mdns: {enabled: false}}", "needs_restart=[]"),
        ("network: {interfaces: [lo], labels: {10.0.0.0/8: home}}", "needs_restart=[]"),
        ("mqtt: {url: mqtt://127.0.0.1:2}", "needs_restart=[]"),
        ("homeassistant: {expose_limit: 7}", "needs_restart=[]"),
        ("mqtt: {url: mqtt://127.0.0.1:1, node: other}", "mqtt.node needs a new start"),
        ("mqtt: {url: mqtt://127.0.0.1:1, base_topic: other}", "mqtt.base_topic needs a new start"),
        ("log: {format: json}", "log.format needs a new start"),
        ("log: {redact: true}", "log.redact needs a new start"),
        ("role: sensor", "role needs a new start"),
    ];
    for (extra, said) in cases {
        let log = daemon.adopt(extra, "settings taken");
        assert!(log.contains(said), "{extra}: no {said:?} in\n{log}");
        let health = porchlight(daemon.dir.path()).arg("health").output().unwrap();
        assert!(health.status.success(), "{extra}: {}", String::from_utf8_lossy(&health.stdout));
    }
}

// The control socket takes the word as the signal does.
#[test]
fn a_command_has_them_read_as_the_signal_does() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let daemon = Daemon::start();
    let socket = fs::read_dir(daemon.dir.path().join("state"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "sock"))
        .expect("a control socket");
    let say = |line: &str| {
        let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
        stream.write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        answer
    };
    let before = daemon.log().len();
    fs::write(daemon.config(), settings("alerts: {settle: 3m}")).unwrap();
    let answer = say(r#"{"verb": "reload"}"#);
    assert!(answer.contains("\"ok\":true"), "{answer}");
    for step in 0.. {
        let log = daemon.log();
        if log[before..].contains("settings taken") {
            break;
        }
        assert!(step < STEPS, "{log}");
        thread::sleep(STEP);
    }
    // Wrong ones are refused in the same way, and it lives on.
    fs::write(daemon.config(), settings("alerts: {settle: never}")).unwrap();
    say(r#"{"verb": "reload"}"#);
    daemon.wait("settings were not taken");
    assert!(say(r#"{"verb": "health"}"#).contains("healthy"));
}

#[test]
fn wrong_settings_change_nothing_and_are_told() {
    let daemon = Daemon::start();
    let log = daemon.adopt("store: {retention_days: never}", "settings were not taken");
    assert!(log.contains("store.retention_days") && log.contains("config.yaml:3"), "{log}");
    let health = porchlight(daemon.dir.path()).arg("health").output().unwrap();
    assert!(health.status.success());
    // Mended, they are taken.
    daemon.adopt("store: {retention_days: 7}", "settings taken");
    daemon.signal(Signal::INT);
    let mut daemon = daemon;
    assert!(daemon.child.wait().unwrap().success(), "{}", daemon.log());
}

#[test]
fn the_log_says_more_as_soon_as_it_is_asked_to() {
    let daemon = Daemon::start();
    assert!(!daemon.log().contains("DEBUG"));
    daemon.adopt("log: {level: debug}", "DEBUG");
    let quiet = daemon.adopt("log: {level: info}", "settings taken");
    assert!(!quiet.split("settings taken").nth(1).unwrap_or_default().contains("DEBUG"), "{quiet}");
}
