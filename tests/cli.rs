//! The command line from outside: verbs, exit codes, what goes to which stream.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixListener,
    path::Path,
    process::{Command, Output},
    thread,
};

use clap::CommandFactory as _;
use porchlight::cli::Cli;
use serde_json::Value as Json;
use tempfile::TempDir;

/// A home of its own: no settings, no state, no variables of whoever runs the tests.
struct Home {
    folder: TempDir,
    env: Vec<(String, String)>,
}

impl Home {
    fn new() -> Home {
        Home { folder: tempfile::tempdir().expect("a folder"), env: Vec::new() }
    }
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
    fn file(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).expect("written");
        self.path(name).display().to_string()
    }
    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_porchlight"))
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .envs(self.env.iter().map(|(k, v)| (k, v)))
            .output()
            .expect("started")
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}
fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn help_names_every_verb_and_says_what_it_does() {
    let home = Home::new();
    let help = home.run(&["--help"]);
    assert_eq!(code(&help), 0);
    for verb in Cli::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
        assert!(
            out(&help).contains(&format!("  {}", verb.get_name())),
            "{} is not in\n{}",
            verb.get_name(),
            out(&help)
        );
        assert!(verb.get_about().is_some(), "{} says nothing of itself", verb.get_name());
        let own = home.run(&[verb.get_name(), "--help"]);
        assert!(code(&own) == 0 && err(&own).is_empty(), "{}", verb.get_name());
    }
    let version = home.run(&["--version"]);
    assert_eq!((code(&version), out(&version)), (0, format!("porchlight {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn each_failure_has_its_code_its_words_and_nothing_on_stdout() {
    let home = Home::new();
    let broken = home.file("broken.yaml", "mqtt: {prot: 1}\nstore: {retention_days: 0}\n");
    let missing = home.path("missing.yaml").display().to_string();
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["dance"], 2, &["dance"]),
        (&["config"], 2, &["check"]),
        (&["--log-level", "loud", "man"], 2, &["loud", "debug"]),
        (
            &["config", "check", &broken],
            2,
            &["2 problems", "broken.yaml:1:8: mqtt.prot", "store.retention_days", "1 to 3650"],
        ),
        (&["config", "show", &broken], 2, &["mqtt.prot"]),
        (&["config", "check", &missing], 3, &["missing.yaml", "try:"]),
        (&["--config", &missing, "summary"], 3, &["missing.yaml"]),
        (&["config", "check", "--set", "mqtt.url=http://x"], 2, &["--set mqtt.url", "http://"]),
        (&["explain", "detector", "new_devise"], 3, &["new_devise", "try: porchlight explain detector new_device"]),
        (&["explain", "scanner", "sonar"], 3, &["sonar", "porchlight explain scanner"]),
        (&["device", "set", "d-7f3k2m", "trust", "friend"], 2, &["friend", "trusted"]),
        (&["device", "forget", "anna"], 2, &["anna", "d-7f3k2m"]),
        (&["device", "forget", "d-7f3k2m"], 3, &["nothing recorded yet", "try: ", "porchlight run"]),
        (&["alert", "acknowledge", "01JD8Z7A0000000001"], 3, &["nothing recorded yet"]),
        (&["alert", "mute-device", "new_device", "d-7f3k2m", "--days", "0"], 2, &["0"]),
    ];
    for (args, expected, words) in cases {
        let said = home.run(args);
        assert_eq!(code(&said), *expected, "{args:?}: {}", err(&said));
        assert_eq!(out(&said), "", "{args:?}: failures go to stderr");
        words.iter().for_each(|word| assert!(err(&said).contains(word), "{args:?}: no {word:?} in\n{}", err(&said)));
        assert!(!err(&said).contains("panicked"), "{args:?}");
    }
}

#[test]
fn every_scanner_and_detector_has_a_page() {
    let home = Home::new();
    let scanners = porchlight::scanners::SCANNERS.iter().map(|row| ("scanner", row.card.id));
    for (sort, name) in scanners.chain(porchlight::detectors::CARDS.iter().map(|card| ("detector", card.id))) {
        let page = home.run(&["explain", sort, name]);
        assert!(
            code(&page) == 0 && out(&page).starts_with("# ") && out(&page).contains("## What it finds"),
            "{sort} {name}"
        );
    }
}

#[test]
fn what_may_not_be_read_is_not_permitted() {
    let home = Home::new();
    let file = home.file("config.yaml", "");
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o000)).expect("mode");
    if fs::read(&file).is_ok() {
        eprintln!("skipped: root may read everything");
        return;
    }
    let said = home.run(&["config", "check", &file]);
    assert!(code(&said) == 4 && err(&said).contains("try:"), "{}", err(&said));
}

#[test]
fn with_json_stdout_holds_json_alone() {
    let mut home = Home::new();
    // A warning is talk, so it must not end up in the result.
    home.env.push(("PORCHLIGHT_SERVICE_HOST".into(), "10.0.0.1".into()));
    let fine = home.file("fine.yaml", "mqtt: {url: mqtt://10.0.0.2, username: a, password: hunter2}\n");
    let broken = home.file("broken.yaml", "mqtt: {prot: 1}\n");
    let offline = ["--set", "mqtt.url=mqtt://127.0.0.1:1"];
    let cases: &[(&[&str], &str, i32)] = &[
        (&["config", "check", &fine], "/ok", 0),
        (&["config", "check", &broken], "/problems/0/key", 2),
        (&["config", "show", &fine], "/settings/0/source", 0),
        (&["config", "schema"], "/properties/mqtt", 0),
        (&["health"], "/why", 1),
        (&["doctor", offline[0], offline[1]], "/checks/0/found", 1),
        (&["explain", "detector", "new_device"], "/page", 0),
    ];
    for (args, pointer, expected) in cases {
        for order in [[&["--json"], *args].concat(), [*args, &["--json"]].concat()] {
            let said = home.run(&order);
            let json: Json =
                serde_json::from_str(&out(&said)).unwrap_or_else(|error| panic!("{args:?}: {error}\n{}", out(&said)));
            assert!(json.pointer(pointer).is_some(), "{args:?}: no {pointer} in {json}");
            assert_eq!(code(&said), *expected, "{args:?}: {}", err(&said));
            assert!(!out(&said).contains("hunter2") && !err(&said).contains("hunter2"), "{args:?}");
        }
    }
}

#[test]
fn the_log_is_on_stderr_in_the_form_asked_for() {
    let mut home = Home::new();
    home.env.push(("PORCHLIGHT_SERVICE_HOST".into(), "10.0.0.1".into()));
    let offline = ["--set", "mqtt.url=mqtt://127.0.0.1:1"];
    let json = home.run(&["doctor", "--log-format", "json", offline[0], offline[1]]);
    let line = err(&json).lines().next().map(str::to_owned).unwrap_or_default();
    let event: Json = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(
        (event["level"].as_str(), event["source"].as_str()),
        (Some("WARN"), Some("environment PORCHLIGHT_SERVICE_HOST"))
    );
    let text = home.run(&["doctor", "--log-format", "text", offline[0], offline[1]]);
    assert!(
        err(&text).contains("WARN") && !err(&text).contains('{') && !err(&text).contains('\u{1b}'),
        "{}",
        err(&text)
    );
    let quiet = home.run(&["doctor", "--log-level", "error", offline[0], offline[1]]);
    assert_eq!(err(&quiet), "");
}

#[test]
fn the_doctor_says_what_mends_it() {
    let home = Home::new();
    let state = home.path("state").display().to_string();
    let said = home.run(&[
        "doctor",
        "--state-dir",
        &state,
        "--set",
        "mqtt.url=mqtt://127.0.0.1:1",
        "--set",
        "network.interfaces=[nosuch0]",
    ]);
    assert_eq!(code(&said), 1, "{}", err(&said));
    let text = out(&said);
    for word in [
        "fails interface nosuch0",
        "fails broker mqtt://127.0.0.1:1",
        "not reachable",
        "try",
        "set network.interfaces",
        "will be made",
        "checks fail",
    ] {
        assert!(text.contains(word), "no {word:?} in\n{text}");
    }
    assert!(!Path::new(&state).exists(), "looking changes nothing");
    // A broken file is one failing check more; the rest is still looked at.
    let broken = home.file("broken.yaml", "mqtt: {prot: 1}\n");
    let said = home.run(&["doctor", "--config", &broken]);
    assert!(
        code(&said) == 1 && out(&said).contains("fails settings") && out(&said).contains("clock"),
        "{}",
        out(&said)
    );
}

/// A daemon of one answer. Gives the request it got.
fn daemon(home: &Home, answer: &'static str) -> thread::JoinHandle<String> {
    let state = home.path("state");
    fs::create_dir_all(&state).expect("made");
    let socket = state.join("control.sock");
    let _ = fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).expect("bound");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("accepted");
        let mut line = String::new();
        BufReader::new(stream.try_clone().expect("a clone")).read_line(&mut line).expect("a line");
        writeln!(stream, "{answer}").expect("answered");
        line
    })
}

#[test]
fn the_running_daemon_is_asked_in_its_own_words() {
    let home = Home::new();
    let state = home.path("state").display().to_string();
    let done = r#"{"ok":true,"data":{"device":"d-7f3k2m"}}"#;
    let cases: &[(&[&str], &'static str, &str, i32)] = &[
        (
            &["device", "set", "d-7f3k2m", "name", "Anna"],
            done,
            r#"{"verb":"device/rename","device":"d-7f3k2m","name":"Anna"}"#,
            0,
        ),
        (
            &["device", "set", "d-7f3k2m", "kind", "tv"],
            done,
            r#"{"verb":"device/set","device":"d-7f3k2m","key":"kind","value":"tv"}"#,
            0,
        ),
        (&["device", "expose", "d-7f3k2m"], done, r#"{"verb":"device/expose","device":"d-7f3k2m"}"#, 0),
        (
            &["device", "merge", "d-7f3k2m", "d-aaaaaa"],
            done,
            r#"{"verb":"device/merge","device":"d-7f3k2m","other":"d-aaaaaa"}"#,
            0,
        ),
        (
            &["alert", "mute-device", "new_device", "d-7f3k2m", "--days", "30"],
            done,
            r#"{"verb":"alert/mute","detector":"new_device","device":"d-7f3k2m","days":30}"#,
            0,
        ),
        (
            &["device", "forget", "d-7f3k2m"],
            r#"{"ok":false,"error":{"code":"not_found","message":"no device d-7f3k2m"}}"#,
            r#"{"verb":"device/forget","device":"d-7f3k2m"}"#,
            3,
        ),
        (&["health"], r#"{"ok":true,"data":{"healthy":true,"why":"4 devices known"}}"#, r#"{"verb":"health"}"#, 0),
        (&["health"], r#"{"ok":true,"data":{"healthy":false,"why":"store: disk full"}}"#, r#"{"verb":"health"}"#, 1),
    ];
    for (args, answer, request, expected) in cases {
        let served = daemon(&home, answer);
        let said = home.run(&[&["--state-dir", &state], *args].concat());
        assert_eq!(served.join().expect("served").trim_end(), *request, "{args:?}");
        assert_eq!(code(&said), *expected, "{args:?}: {}", err(&said));
        let lines = usize::from(args[0] == "health");
        assert_eq!(out(&said).lines().count(), lines, "{args:?}: silence is success, health is one line");
    }
}

/// Whether a program is there; tests of its input need it.
fn has(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|all| std::env::split_paths(&all).any(|folder| folder.join(program).exists()));
    if !found {
        eprintln!("skipped: no {program} here");
    }
    found
}

#[test]
fn completions_are_read_by_their_shells() {
    let home = Home::new();
    for (shell, arguments) in [("bash", &["-n"][..]), ("zsh", &["-n"]), ("fish", &["--no-execute"])] {
        let said = home.run(&["completions", shell]);
        assert_eq!(code(&said), 0, "{shell}");
        for verb in Cli::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
            assert!(out(&said).contains(verb.get_name()), "{shell} does not know {}", verb.get_name());
        }
        if has(shell) {
            let file = home.file(shell, &out(&said));
            let read = Command::new(shell).args(arguments).arg(&file).output().expect("started");
            assert!(read.status.success() && err(&read).is_empty(), "{shell}: {}", err(&read));
        }
    }
    assert_eq!(code(&home.run(&["completions", "powershell"])), 0);
    assert_eq!(code(&home.run(&["completions", "abacus"])), 2);
}

#[test]
fn the_manual_renders() {
    let home = Home::new();
    let page = home.run(&["man"]);
    assert_eq!(code(&page), 0);
    for part in [".TH porchlight", ".SH \"EXIT CODES\"", "config.yaml"] {
        assert!(out(&page).contains(part), "no {part:?} in the page");
    }
    let pages = home.path("pages").display().to_string();
    assert_eq!(code(&home.run(&["man", "--output", &pages])), 0);
    for verb in Cli::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
        assert!(home.path("pages").join(format!("porchlight-{}.1", verb.get_name())).exists(), "{}", verb.get_name());
    }
    if has("groff") {
        let file = home.file("porchlight.1", &out(&page));
        let read = Command::new("groff").args(["-man", "-Tutf8", "-ww", &file]).output().expect("started");
        assert!(
            read.status.success() && err(&read).is_empty() && out(&read).contains("state was saved"),
            "{}",
            err(&read)
        );
    }
}
