//! Settings: the example says the defaults and every key; broken files are told well.
//!
//! `tests/golden/settings/<case>.yaml` is a file, `<case>.txt` what is said of it. Lines
//! `#env NAME=VALUE`, `#set KEY=VALUE` add those sources; `<case>.options.json` beside it are the
//! app's options. `UPDATE=1 cargo test --test config` writes the texts anew.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use porchlight::settings::{self, Origin, Places, Settings, SettingsError, Sources, schema, show};

const GOLDEN: &str = "tests/golden/settings";
/// A folder that is not there.
const NOWHERE: &str = "tests/golden/settings/nowhere";

fn places() -> Places {
    Places {
        app_config: Path::new(NOWHERE).join("porchlight.yaml"),
        app_options: Path::new(NOWHERE).join("options.json"),
        system: Path::new(NOWHERE).join("config.yaml"),
    }
}

fn from(set: &[&str], env: &[(&str, &str)]) -> Result<settings::Loaded, SettingsError> {
    settings::load(&Sources {
        config: None,
        set: set.iter().map(ToString::to_string).collect(),
        env: env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        places: places(),
    })
}

fn of_text(text: &str) -> Result<settings::Loaded, SettingsError> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.yaml");
    fs::write(&file, text).expect("written");
    settings::load(&Sources { config: Some(file), places: places(), ..Sources::default() })
}

/// Keys of the example by their indentation, and whether a comment stands right above.
fn keys_of(text: &str) -> BTreeMap<String, bool> {
    let mut out = BTreeMap::new();
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut commented = false;
    for line in text.lines() {
        let body = line.trim_start();
        let indent = line.len() - body.len();
        if let Some(comment) = body.strip_prefix('#') {
            commented = comment.trim().len() > 3;
        } else if let Some((key, _)) = body.split_once(':') {
            path.retain(|(above, _)| *above < indent);
            path.push((indent, key.to_owned()));
            out.insert(path.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>().join("."), commented);
            commented = false;
        } else {
            commented = false;
        }
    }
    out
}

#[test]
fn the_example_says_the_defaults_and_explains_every_key() {
    let text = fs::read_to_string("config.example.yaml").expect("the example");
    let loaded =
        settings::load(&Sources { config: Some("config.example.yaml".into()), places: places(), ..Sources::default() })
            .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.settings, Settings::default(), "the example says something else than the default");
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);

    let root = schema::schema();
    let known: BTreeSet<String> = schema::keys(&root).iter().map(|key| key.path.join(".")).collect();
    let named = keys_of(&text);
    let missing: Vec<_> = known.iter().filter(|key| !named.contains_key(*key)).collect();
    let extra: Vec<_> = named.keys().filter(|key| !known.contains(*key)).collect();
    let bare: Vec<_> = named.iter().filter(|(_, commented)| !**commented).map(|(key, _)| key).collect();
    assert!(missing.is_empty(), "the example lacks {missing:?}");
    assert!(extra.is_empty(), "the example names what is no setting: {extra:?}");
    assert!(bare.is_empty(), "no comment above {bare:?}");
}

#[test]
fn nothing_said_is_what_an_empty_file_says() {
    let (nothing, empty) = (from(&[], &[]).expect("defaults"), of_text("# nothing\n").expect("defaults"));
    assert_eq!(nothing.settings, empty.settings);
}

#[test]
fn every_key_says_what_it_does() {
    let root = schema::schema();
    let keys = schema::keys(&root);
    assert!(keys.len() > 40, "only {} keys: is the schema read?", keys.len());
    let silent: Vec<_> = keys
        .iter()
        .filter(|key| key.description.is_none_or(|text| text.len() < 10))
        .map(|key| key.path.join("."))
        .collect();
    assert!(silent.is_empty(), "no `///` above {silent:?}");
}

#[test]
fn each_option_of_the_app_is_a_setting() {
    let root = schema::schema();
    let known: BTreeSet<String> = schema::keys(&root).iter().map(|key| key.path.join(".")).collect();
    for (name, key) in settings::OPTION_NAMES {
        assert!(known.contains(*key), "{name} stands for {key}, which is none");
        assert!(!known.contains(*name), "{name} is a section of its own");
    }
}

#[test]
fn broken_settings_are_told_well() {
    let update = env::var_os("UPDATE").is_some();
    let mut cases: Vec<PathBuf> = fs::read_dir(GOLDEN)
        .expect("goldens")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    cases.sort();
    assert!(cases.len() >= 30, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let text = fs::read_to_string(&case).expect("readable");
        let options = case.with_extension("options.json");
        let after = |word: &str| {
            let lines = text.lines().filter_map(|line| line.strip_prefix(word));
            lines.map(|line| line.trim().to_owned()).collect::<Vec<_>>()
        };
        let mut places = places();
        if options.exists() {
            places.app_options = options;
        }
        let found = settings::load(&Sources {
            config: Some(case.clone()),
            set: after("#set "),
            env: after("#env ")
                .iter()
                .filter_map(|pair| pair.split_once('='))
                .map(|(k, v)| (k.into(), v.into()))
                .collect(),
            places,
        });
        let said = match found {
            Ok(_) => "nothing wrong\n".to_owned(),
            Err(error) => {
                let advice = error.advice().map(|advice| format!("  try: {advice}\n")).unwrap_or_default();
                format!("{error}\n{advice}").replace(&format!("{GOLDEN}/"), "")
            }
        };
        assert!(!said.contains("hunter2"), "{} quotes a secret:\n{said}", case.display());
        let golden = case.with_extension("txt");
        if update {
            fs::write(&golden, &said).expect("written");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if said != expected || said.starts_with("nothing") {
            wrong.push(format!("{}:\n{said}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "UPDATE=1 cargo test --test config, then read the difference:\n{}", wrong.join("\n"));
}

#[test]
fn what_people_write_is_understood() {
    let text = "log: {level: debug}\nnetwork:\nmqtt:\n  url: mqtt://10.0.0.2\n  username: 007\n  password: 1234\n  broker: {enabled: no, lan: on}\n\
                detectors: {new_device: {mode: off, wait: 90}}\n";
    let settings = of_text(text).unwrap_or_else(|error| panic!("{error}")).settings;
    assert_eq!(settings.mqtt.username.as_deref(), Some("007"), "a leading zero stays");
    assert_eq!(settings.mqtt.password.as_ref().map(|secret| secret.expose()), Some("1234"));
    assert!(!settings.mqtt.broker.enabled && settings.mqtt.broker.lan, "no and on are answers");
    assert_eq!(settings.detectors.new_device.mode, porchlight::detectors::Mode::Off, "off is a word here");
    assert_eq!(settings.detectors.new_device.wait.0.as_secs(), 90, "a bare number is seconds");
    for nothing in ["", "# only a comment\n", "---\n", "mqtt:\n  # url: later\n", "network:\n  interfaces:\n"] {
        let loaded = of_text(nothing).unwrap_or_else(|error| panic!("{nothing:?}: {error}"));
        assert_eq!(loaded.settings, Settings::default(), "{nothing:?}");
    }
}

#[test]
fn the_later_source_wins_key_by_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path
    };
    let file = write(
        "config.yaml",
        "mqtt: {url: mqtt://file, username: file, node: file, base_topic: file}\nstore: {retention_days: 7}\n",
    );
    let options = write(
        "options.json",
        r#"{"mqtt_url":"mqtt://options","mqtt":{"username":"options","node":"options"},"log_level":"","subnets":[]}"#,
    );
    let sources = Sources {
        config: Some(file.clone()),
        set: vec!["mqtt.url=mqtt://flag".into()],
        env: BTreeMap::from([
            ("PORCHLIGHT_MQTT__USERNAME".to_owned(), "environment".to_owned()),
            ("PORCHLIGHT_MQTT__URL".to_owned(), "mqtt://environment".to_owned()),
            ("PORCHLIGHT_NETWORK__INTERFACES".to_owned(), "eth0, wlan0".to_owned()),
            // What a container platform invents for a service of our name is passed over, with a word.
            ("PORCHLIGHT_SERVICE_HOST".to_owned(), "10.1.2.3".to_owned()),
        ]),
        places: Places { app_options: options.clone(), ..places() },
    };
    let loaded = settings::load(&sources).unwrap_or_else(|error| panic!("{error}"));
    let mqtt = &loaded.settings.mqtt;
    assert_eq!(mqtt.url.as_deref(), Some("mqtt://flag"));
    assert_eq!(mqtt.username.as_deref(), Some("environment"));
    assert_eq!(mqtt.node.as_deref(), Some("options"));
    assert_eq!((mqtt.base_topic.as_str(), loaded.settings.store.retention_days), ("file", 7));
    assert_eq!(mqtt.discovery_prefix, "homeassistant");
    assert_eq!(loaded.settings.network.interfaces, ["eth0", "wlan0"]);
    let warned: Vec<String> = loaded.warnings.iter().map(|warning| warning.origin.to_string()).collect();
    assert_eq!(warned, ["environment PORCHLIGHT_SERVICE_HOST"]);

    let lines = show::lines(&loaded);
    let who =
        |key: &str| lines.iter().find(|line| line.key == key).map(|line| line.origin.to_string()).unwrap_or_default();
    assert_eq!(who("mqtt.url"), "--set mqtt.url");
    assert_eq!(who("mqtt.username"), "environment PORCHLIGHT_MQTT__USERNAME");
    assert_eq!(who("mqtt.node"), options.display().to_string());
    assert_eq!(who("mqtt.base_topic"), format!("{}:1:54", file.display()));
    assert_eq!(who("mqtt.discovery_prefix"), Origin::Default.to_string());
}

#[test]
fn the_file_is_looked_for_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, "").expect("written");
        path
    };
    let (app, user, system) = (at("app.yaml"), at("xdg/porchlight/config.yaml"), at("system.yaml"));
    let xdg = ("XDG_CONFIG_HOME".to_owned(), folder.path().join("xdg").display().to_string());
    let token = ("SUPERVISOR_TOKEN".to_owned(), "t".to_owned());
    let find = |env: &[(String, String)], system: &Path| {
        let env = env.iter().cloned().collect();
        let places = Places { app_config: app.clone(), system: system.to_owned(), ..places() };
        Sources { env, places, ..Sources::default() }.file()
    };
    assert_eq!(find(&[xdg.clone(), token], &system), Some(app.clone()));
    assert_eq!(find(&[xdg], &system), Some(user));
    assert_eq!(find(&[], &system), Some(system));
    assert_eq!(find(&[], Path::new(NOWHERE)), None);
    assert!(from(&[], &[]).is_ok_and(|loaded| loaded.settings == Settings::default() && loaded.file.is_none()));
}

#[test]
fn secrets_are_never_shown() {
    let loaded = from(
        &["mqtt.username=anna", "mqtt.password=hunter2"],
        &[("PORCHLIGHT_HOMEASSISTANT__TOKEN", "hunter2"), ("PORCHLIGHT_HOMEASSISTANT__URL", "http://10.0.0.3:8123")],
    )
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.settings.mqtt.password.as_ref().map(|secret| secret.expose()), Some("hunter2"));
    let lines = show::lines(&loaded);
    for shown in [show::text(&lines), show::json(&loaded, &lines).to_string(), format!("{:?}", loaded.settings)] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    assert!(show::text(&lines).lines().any(|line| line.starts_with("mqtt.password ") && line.contains("(hidden)")));
    let user = "{name: anna, auth: sha256, auth_password: hunter2, privacy: aes128, privacy_password: hunter2}";
    let text = format!(
        "scanners:\n  snmp:\n    communities: [hunter2]\n    users: [{user}]\n    targets: [{{address: 10.0.0.2, \
         community: hunter2}}]\n"
    );
    let loaded = of_text(&text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.settings.scanners.snmp.communities, ["hunter2".into()]);
    let lines = show::lines(&loaded);
    for shown in [show::text(&lines), show::json(&loaded, &lines).to_string(), format!("{:?}", loaded.settings)] {
        assert!(shown.contains("anna") && !shown.contains("hunter2"), "{shown}");
    }
    for error in [
        from(&["mqtt.password=hunter2", "mqtt.password_file=x"], &[]),
        from(&["mqtt.pasword=hunter2"], &[]),
        from(&["mqtt.url=mqtt://anna:hunter2@host"], &[]),
        from(&[], &[("PORCHLIGHT_MQTT__PASSWORD__X", "hunter2")]),
        of_text("scanners:\n  snmp:\n    communities: hunter2\n"),
        of_text("scanners:\n  snmp:\n    communities: [{hunter: hunter2}]\n"),
        of_text("scanners:\n  snmp:\n    users: [{name: anna, auth_pasword: hunter2}]\n"),
        of_text("scanners:\n  snmp:\n    targets: [{address: nowhere, community: hunter2}]\n"),
    ] {
        let text = error.expect_err("wrong").to_string();
        assert!(!text.contains("hunter2"), "{text}");
    }
}

/// Keys that are read and change nothing yet say so, each of them and only when it is set.
#[test]
fn a_key_without_effect_says_so() {
    let told = |text: &str| -> Vec<String> {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("config.yaml");
        std::fs::write(&file, text).expect("written");
        let loaded = settings::load(&Sources { config: Some(file), ..Sources::default() }).expect("good settings");
        loaded.warnings.into_iter().filter(|warning| warning.what.contains("no effect")).map(|w| w.key).collect()
    };
    assert!(told("presence:\n  false_away_per_month: 0.3\n").is_empty());
    assert!(told("presence:\n  doors: [binary_sensor.front]\n").is_empty());
    assert_eq!(told("presence:\n  ap_sources: [hall]\n"), ["presence.ap_sources"]);
}
