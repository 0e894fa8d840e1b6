//! `porchlight simulate` and the homes it is tried on.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use porchlight::cli::simulate::home::Home;
use serde_json::Value;

const HOME: &str = r#"
version: 1
seed: 5
months: 1
warm_up: 3d
network: {loss: 0.02, aps: [hall], station_lists: true, drops_leaver_after: 120s, sensors: [eth0], capture: true}
behaviours:
  phone: {idle: [1.0, 15s, 0.8], asleep: [2.0, 20s, 1.0], answers: 0.97, own_gap: {busy: 60s, rest: 300s}, rotate: 7d}
  plug: {idle: [0.05, 8s, 0.8], asleep: [0.05, 8s, 0.8], answers: 0.99, own_gap: {busy: 300s, rest: 300s}, off: {per_day: 0.5, lasts: [60m, 0.5]}}
people:
  anna: {schedule: office, devices: [phone]}
schedules:
  office: {weekday: [{p: 0.9, leave: ["08:00", 25m], back: ["17:30", 45m]}]}
devices:
  phone: {behaves: phone, names: personal}
  plug: {behaves: plug, ap: hall}
faults:
  - {restart: porchlight, at: "5d 03:00", lasts: 40s}
  - {suspend: true, at: "6d 12:00", lasts: 2h}
  - {all_aps_reboot: true, at: "8d 03:30", lasts: 4m}
  - {clock_step: -3600s, at: "9d 03:00"}
compare: [180s, 45m]
"#;

fn simulate(home: &str, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("home.yaml");
    fs::write(&path, home).expect("written");
    Command::new(env!("CARGO_BIN_EXE_porchlight"))
        .arg("simulate")
        .arg(&path)
        .args(more)
        .env_clear()
        .env("HOME", folder.path())
        .output()
        .expect("started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn a_month_is_told_in_the_format_the_same_twice_and_limits_count() {
    let pictures = tempfile::tempdir().expect("a folder");
    let folder = pictures.path().display().to_string();
    let first = simulate(HOME, &["--json", "--timeline", &folder]);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    assert!(!text(&first.stderr).contains("means nothing"), "{}", text(&first.stderr));
    let told: Value = serde_json::from_slice(&first.stdout).expect("JSON");
    assert_eq!(keys(&told), ["by_device", "engine", "failed", "months", "rules", "seed"]);
    assert_eq!(keys(&told["rules"]), ["180s", "2700s"]);
    for figures in [&told["engine"], &told["rules"]["180s"]] {
        assert_eq!(
            keys(figures),
            [
                "arrival_s",
                "asks_per_device_day",
                "ci95",
                "departure_s",
                "departures",
                "false_aways",
                "false_aways_per_sleeper_month",
                "first_month_false_aways",
                "joins_found",
                "joins_found_with_key_fact",
                "joins_wrong",
                "mass_departures",
                "missed_departures",
                "rotations",
                "sleeper_months"
            ]
        );
        assert_eq!(keys(&figures["departure_s"]), ["fixed", "phone"]);
    }
    let engine = &told["engine"];
    // About twenty working days in a month, and fifteen times that the plug is off.
    let departures = engine["departures"].as_u64().expect("a count");
    assert!((20..=60).contains(&departures), "{engine}");
    assert!(engine["rotations"].as_u64() >= Some(3) && engine["joins_found"] == engine["rotations"], "{engine}");
    assert_eq!((engine["joins_wrong"].as_u64(), engine["mass_departures"].as_u64()), (Some(0), Some(0)), "{engine}");
    assert!(engine["departure_s"]["fixed"]["p95"].as_f64().expect("measured") <= 300.0, "{engine}");
    assert!(engine["arrival_s"]["p95"].as_f64().expect("measured") <= 2.0, "{engine}");
    // 180 s are too short for a phone and 45 min are long for everything.
    let (short, long) = (&told["rules"]["180s"], &told["rules"]["2700s"]);
    assert!(short["false_aways"].as_u64() > engine["false_aways"].as_u64(), "{short}\n{engine}");
    assert!(long["departure_s"]["fixed"]["p50"].as_f64() > engine["departure_s"]["fixed"]["p50"].as_f64(), "{long}");

    // The same again, with a limit that cannot hold: the same figures, exit 1, and what broke is named.
    let strict = format!("{HOME}fail_if: {{departure_p50_fixed: 1s, wrong_joins: 0}}\n");
    let again = simulate(&strict, &["--json", "--dials=10"]);
    assert_eq!(again.status.code(), Some(1), "{}", text(&again.stderr));
    let second: Value = serde_json::from_slice(&again.stdout).expect("JSON");
    for part in ["engine", "rules", "by_device"] {
        assert_eq!(second[part], told[part], "{part}");
    }
    // The fixed times are met at the dial that was asked for and at the other.
    let matched = second["matched"].as_array().expect("a list");
    assert_eq!(matched.iter().map(|it| it["rule"].as_str().unwrap()).collect::<Vec<_>>(), ["180s", "2700s"]);
    for it in matched {
        assert_eq!(keys(it), ["as_fast", "as_right", "better_on_both", "fixed", "rule"]);
        let wrong = |point: &Value| point["false_aways_per_sleeper_month"].as_f64();
        if it["as_right"].is_object() {
            assert!(wrong(&it["as_right"]) <= wrong(&it["fixed"]), "{it}");
        }
    }
    // One that waits three quarters of an hour for everybody is slower than any.
    assert!(matched[1]["as_fast"]["dial"].as_f64() <= Some(1.0), "{matched:?}");
    let failed = second["failed"].as_array().expect("a list");
    assert!(
        failed.len() == 1 && failed[0].as_str().is_some_and(|it| it.starts_with("departure_p50_fixed")),
        "{failed:?}"
    );

    for device in ["phone", "plug"] {
        let picture = fs::read_to_string(pictures.path().join(format!("{device}.svg"))).expect("a picture");
        assert!(picture.starts_with("<svg") && picture.contains("#777") && picture.contains("#48c"), "{device}");
    }
}

#[test]
fn what_is_wrong_with_a_home_is_said_before_anything_runs() {
    for (from, to, says) in [
        ("version: 1", "version: 2", "version 2"),
        ("behaves: plug,", "behaves: lamp,", "`lamp` is not in `behaviours`"),
        ("schedule: office", "schedule: work", "`work` is not in `schedules`"),
        ("devices: [phone]", "devices: [fone]", "`fone` is not in `devices`"),
        ("warm_up: 3d", "warm_up: soon", "`soon` is not a time"),
        ("ap: hall", "ap: shed", "not in `network.aps`"),
        ("loss: 0.02", "loss: 2", "network.loss"),
        ("months: 1", "months: [", "home.yaml"),
    ] {
        assert!(HOME.contains(from), "{from}");
        let run = simulate(&HOME.replace(from, to), &[]);
        assert_eq!(run.status.code(), Some(2), "{to}: {}", text(&run.stderr));
        assert!(text(&run.stderr).contains(says) && run.stdout.is_empty(), "{to}: {}", text(&run.stderr));
    }
}

/// The homes that figures are published of.
#[test]
fn every_home_reads_and_holds_no_key_that_means_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/homes");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("homes") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("readable");
        let value: Value = serde_saphyr::from_str(&text).expect("YAML");
        let home = Home::of(value).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(home.unknown_keys().is_empty(), "{}: {:?}", path.display(), home.unknown_keys());
        assert!(home.fail_if.contains_key("mass_departures") && home.compare.len() == 3, "{}", path.display());
        count += 1;
    }
    assert!(count >= 18, "{count}");
}

/// `cargo test --release --test simulate promises -- --ignored --nocapture`: a month of each home against its limits.
#[test]
#[ignore = "minutes; prints figures"]
fn homes_keep_their_promises() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/homes");
    let mut broken = Vec::new();
    for entry in fs::read_dir(folder).expect("homes") {
        let path = entry.expect("an entry").path();
        let run = simulate(&fs::read_to_string(&path).expect("readable"), &["--months", "1"]);
        println!("{}\n{}", path.display(), text(&run.stdout));
        if run.status.code() != Some(0) {
            broken.push(path);
        }
    }
    assert!(broken.is_empty(), "{broken:?}");
}

/// `cargo test --release --test simulate year -- --ignored --nocapture`: the tables of `docs/PRESENCE.md`, as they are
/// printed there.
#[test]
#[ignore = "an hour; prints figures"]
fn a_year_of_every_home() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/homes");
    let mut paths: Vec<_> = fs::read_dir(folder).expect("homes").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for dial in ["1", "0.33"] {
        println!("\nDial {dial}:\n");
        for path in &paths {
            let home = fs::read_to_string(path).expect("readable");
            let run = simulate(&home, &["--months", "12", "--seeds", "5", "--dial", dial, "--json"]);
            let told: Value = serde_json::from_slice(&run.stdout).expect("JSON");
            let engine = &told["engine"];
            let rate = |of: &Value| of["false_aways_per_sleeper_month"].as_f64().unwrap_or_default();
            let fixed = |rule: &str| rate(&told["rules"][rule]);
            let phone = |part: &str| engine["departure_s"]["phone"][part].as_f64().unwrap_or_default();
            println!(
                "| {} | {:.2} ({:.2}-{:.2}) | {:.0} / {:.0} s | {} of {} | {:.1} | {:.1} | {:.2} | {}",
                path.file_stem().unwrap_or_default().to_string_lossy(),
                rate(engine),
                engine["ci95"][0].as_f64().unwrap_or_default(),
                engine["ci95"][1].as_f64().unwrap_or_default(),
                phone("p50"),
                phone("p95"),
                engine["missed_departures"],
                engine["departures"],
                fixed("180s"),
                fixed("600s"),
                fixed("2700s"),
                told["failed"],
            );
        }
    }
}
