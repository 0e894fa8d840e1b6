//! `porchlight tune`: what was learned of a phone, stored, read back and weighed.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{path::Path, process::Command, sync::Arc};

use porchlight::{
    model::{DeviceView, HomeView, Moment, Mono, Proof, Wall},
    store::{Settings, Store},
};
use serde_json::Value;

#[path = "presence_stories/world.rs"]
#[allow(dead_code, reason = "shared with the stories")]
mod world;

use world::{GATEWAY, PHONE, World, mac};

const DAYS: u64 = 20;
/// So many silences a day, of these lengths in turn, from the first unanswered question on.
const SILENCES: [u64; 12] = [20, 25, 30, 30, 40, 45, 60, 70, 90, 150, 240, 500];

fn clock() -> Moment {
    let now = jiff::Timestamp::now();
    Moment { mono: Mono(u64::try_from(now.as_nanosecond()).unwrap()), wall: Wall(now.as_millisecond()) }
}

/// A phone at home for weeks, with silences of known lengths.
fn taught() -> World {
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.dhcp(PHONE, "Annas-iPhone");
    for _ in 0..DAYS {
        for silence in SILENCES {
            // In use, so that it is asked soon.
            for _ in 0..120 {
                home.run(20);
                home.seen(PHONE, Proof::Frame);
            }
            home.there.remove(&mac(PHONE.0));
            home.run(45 + silence);
            home.there.insert(mac(PHONE.0));
            home.seen(PHONE, Proof::Frame);
            home.run(86_400 / SILENCES.len() as u64 - 2_400 - 45 - silence);
        }
    }
    home
}

fn store(dir: &Path, devices: Vec<DeviceView>) {
    let now = clock().wall;
    let (store, _) = Store::open(dir, now).unwrap();
    let writer =
        store.writer(&Settings::default(), clock, Box::new(|health| panic!("the store said {health}"))).unwrap();
    let devices = devices.into_iter().map(|device| (device.id, Arc::new(device))).collect();
    let view = HomeView { revision: 1, instance: 0x7f_3a2c, minted: 100, devices, ..HomeView::default() };
    writer.write(Arc::new(view), Arc::from([]));
    writer.close(now).unwrap();
}

/// stdout, stderr and the exit code.
fn tune(dir: &Path, args: &[&str]) -> (String, String, i32) {
    let out = Command::new(env!("CARGO_BIN_EXE_porchlight"))
        .arg("tune")
        .args(args)
        .arg("--state-dir")
        .arg(dir)
        .env_clear()
        .env("HOME", dir)
        .env("TZ", "UTC")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(out.stdout), text(out.stderr), out.status.code().unwrap())
}

fn number(rule: &Value, key: &str) -> f64 {
    rule[key].as_f64().unwrap_or_else(|| panic!("{key}: {rule}"))
}

#[test]
fn other_dials_and_fixed_times_are_weighed_on_what_was_learned() {
    let mut home = taught();
    let dir = tempfile::tempdir().unwrap();
    let devices: Vec<DeviceView> =
        home.engine.view().devices.values().map(|device| DeviceView::clone(device)).collect();
    store(dir.path(), devices);

    let (out, err, code) = tune(dir.path(), &["--json"]);
    assert_eq!(code, 0, "{err}");
    let told: Value = serde_json::from_str(&out).unwrap();
    // The router never sleeps: there is nothing to tune.
    let devices = told["devices"].as_array().unwrap();
    assert_eq!(devices.len(), 1, "{out}");
    let phone = &devices[0];
    let silences = phone["silences"].as_u64().unwrap();
    let given = DAYS * SILENCES.len() as u64;
    assert!((given * 9 / 10..=given * 11 / 10).contains(&silences), "{silences} of {given}");
    assert_eq!(phone["quality"], "good", "{phone}");
    let rules = phone["rules"].as_array().unwrap();
    let named = |name: &str| rules.iter().find(|rule| rule["rule"] == name).unwrap_or_else(|| panic!("{name}: {out}"));
    let dials = ["dial 0.1", "dial 0.33", "dial 1", "dial 3", "dial 10"].map(named);
    for pair in dials.windows(2) {
        assert!(number(pair[0], "mean_wait_s") >= number(pair[1], "mean_wait_s"), "{out}");
        assert!(number(pair[0], "false_aways_30d") <= number(pair[1], "false_aways_30d"), "{out}");
        for context in ["busy", "idle", "asleep"] {
            assert!(number(&pair[0]["away_after_s"], context) >= number(&pair[1]["away_after_s"], context), "{out}");
        }
    }
    for (dial, rule) in [0.1, 0.33, 1.0, 3.0, 10.0].iter().zip(dials) {
        // Where the most that is waited decides, no dial can keep its promise, and what is said is what is to be expected.
        let limited = [("busy", 1_200.0), ("idle", 3_600.0), ("asleep", 9_000.0)]
            .iter()
            .any(|(context, most)| number(&rule["away_after_s"], context) >= *most);
        assert!(limited || number(rule, "false_aways_30d") <= dial * 1.05, "{rule}");
    }
    let current: Vec<&Value> = rules.iter().filter(|rule| rule["current"] == true).map(|rule| &rule["rule"]).collect();
    assert_eq!(current, ["dial 1"]);

    // Three silences a day are longer than 180 s less the time until the first question: some ninety a month. What is
    // expected of an unknown phone, and the width of the bins, blur that.
    let said = |rule: &str| number(named(rule), "false_aways_30d");
    assert!((30.0..=270.0).contains(&said("fixed 180 s")), "{out}");
    assert!(said("fixed 600 s") < said("fixed 180 s") / 2.0, "{out}");
    assert!(said("fixed 2700 s") < said("fixed 600 s"), "{out}");

    // For people, and for one device by its name; the dial of the settings is shown as the one in force.
    let config = dir.path().join("config.yaml");
    std::fs::write(&config, "presence: {false_away_per_month: 0.5}\n").unwrap();
    let (page, err, code) = tune(dir.path(), &["Annas-iPhone", "--config", &config.display().to_string()]);
    assert_eq!(code, 0, "{err}");
    let now: Vec<&str> = page.lines().filter(|line| line.ends_with("  now")).collect();
    assert!(now.len() == 1 && now[0].starts_with("dial 0.5 "), "{page}");
    assert!(page.contains("silences at home") && page.lines().count() >= 10, "{page}");
}

#[test]
fn where_nothing_is_learned_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut home = World::new();
    home.comes(GATEWAY);
    home.comes(PHONE);
    home.dhcp(PHONE, "Annas-iPhone");
    home.run(60);
    let devices: Vec<DeviceView> =
        home.engine.view().devices.values().map(|device| DeviceView::clone(device)).collect();
    store(dir.path(), devices);
    let (out, err, code) = tune(dir.path(), &[]);
    assert!(code == 0 && out.contains("Nothing is learned yet"), "{out}{err}");
    let (out, _, code) = tune(dir.path(), &["--json"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert!(code == 0 && told["devices"] == serde_json::json!([]), "{out}");
    let (out, err, code) = tune(dir.path(), &["Bens-iPhone"]);
    assert!(code != 0 && out.is_empty() && err.contains("Bens-iPhone"), "{code}: {out}{err}");
    // Before the program ever ran here.
    let (out, err, code) = tune(&dir.path().join("nowhere"), &[]);
    assert!(code != 0 && out.is_empty() && !err.is_empty(), "{code}: {out}{err}");
}
