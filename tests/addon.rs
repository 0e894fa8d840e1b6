//! The app's folder, walked as the Supervisor walks it.
//!
//! `addon/` is published as a repository of its own, so every rule is about that folder alone.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test stops at the first surprise

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

/// Settings that tools may rely on, as far as the app's options may name them: short name, key.
const SHORT: &[(&str, &str)] = &[
    ("log_level", "log.level"),
    ("interfaces", "network.interfaces"),
    ("subnets", "network.subnets"),
    ("mqtt_url", "mqtt.url"),
    ("mqtt_username", "mqtt.username"),
    ("mqtt_password", "mqtt.password"),
    ("expose", "homeassistant.expose"),
    ("expose_limit", "homeassistant.expose_limit"),
    ("retention_days", "store.retention_days"),
];
/// Keys that come under their section's own name.
const SECTIONED: &[&str] = &["presence.false_away_per_month", "alerts.sensitivity"];

/// All capabilities an app may ask for, as the Supervisor of August 2026 lists them.
const CAPABILITIES: &[&str] = &[
    "BPF",
    "CHECKPOINT_RESTORE",
    "DAC_READ_SEARCH",
    "IPC_LOCK",
    "NET_ADMIN",
    "NET_RAW",
    "PERFMON",
    "SYS_ADMIN",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("addon")
}

fn app() -> PathBuf {
    root().join("porchlight")
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path.as_ref()).unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()))
}

fn yaml(path: impl AsRef<Path>) -> Map<String, Value> {
    let shown = path.as_ref().display().to_string();
    match serde_saphyr::from_str(&text(path)) {
        Ok(Value::Object(map)) => map,
        other => panic!("{shown} is no mapping: {other:?}"),
    }
}

fn config() -> Map<String, Value> {
    yaml(app().join("config.yaml"))
}

fn object(map: &Map<String, Value>, key: &str) -> Map<String, Value> {
    map.get(key).and_then(Value::as_object).cloned().unwrap_or_else(|| panic!("{key} is a mapping"))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Leaves of a schema or of translations, as `group.key`.
fn leaves(map: &Map<String, Value>, fields: Option<&str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (name, value) in map {
        let inner = fields.map_or_else(|| value.as_object(), |fields| value.get(fields).and_then(Value::as_object));
        match inner {
            Some(inner) => found.extend(inner.keys().map(|key| format!("{name}.{key}"))),
            None => _ = found.insert(name.clone()),
        }
    }
    found
}

#[test]
fn one_app_and_one_repository_are_found() {
    let mut all = Vec::new();
    files(&root(), &mut all);
    // The Supervisor reads every such file as an app, and tells the user of each one it cannot read.
    let configs: Vec<&PathBuf> = all
        .iter()
        .filter(|path| path.file_stem().is_some_and(|stem| stem == "config"))
        .filter(|path| path.extension().is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e == *known)))
        .collect();
    assert_eq!(configs, [&app().join("config.yaml")]);

    let repository = yaml(root().join("repository.yaml"));
    for key in ["name", "url", "maintainer"] {
        assert!(repository.get(key).and_then(Value::as_str).is_some_and(|v| !v.is_empty()), "repository.yaml: {key}");
    }
}

#[test]
fn every_option_has_a_schema_a_text_and_a_line_in_the_docs() {
    let config = config();
    let (options, schema) = (object(&config, "options"), object(&config, "schema"));
    let translated = object(&yaml(app().join("translations/en.yaml")), "configuration");
    let docs = text(app().join("DOCS.md"));

    for name in leaves(&options, None) {
        assert!(
            leaves(&schema, None).contains(&name),
            "{name} has a default but no schema: the Supervisor would drop it"
        );
    }
    for (name, kind) in &schema {
        let optional = kind.as_str().is_some_and(|kind| kind.ends_with('?'));
        assert_ne!(
            optional,
            options.contains_key(name),
            "{name} has either a default or a `?`, else the start is blocked"
        );
    }
    assert_eq!(leaves(&translated, Some("fields")), leaves(&schema, None), "one text for each option");
    for (name, words) in &translated {
        let mut all = vec![(name.as_str(), words)];
        all.extend(words.get("fields").and_then(Value::as_object).into_iter().flatten().map(|(n, w)| (n.as_str(), w)));
        for (name, words) in all {
            for key in ["name", "description"] {
                assert!(words.get(key).and_then(Value::as_str).is_some_and(|v| !v.is_empty()), "{name}: {key}");
            }
        }
    }
    for leaf in leaves(&schema, None) {
        let spelled = leaf.replace('.', ": ");
        assert!(docs.contains(&format!("`{spelled}`")), "DOCS.md does not speak of {leaf}");
    }
}

#[test]
fn options_are_settings() {
    let config = config();
    let settings = serde_json::to_value(porchlight::settings::Settings::default()).unwrap();
    for leaf in leaves(&object(&config, "schema"), None) {
        let key = match SHORT.iter().find(|(short, _)| *short == leaf) {
            Some((_, key)) => *key,
            None => *SECTIONED.iter().find(|key| **key == leaf).unwrap_or_else(|| panic!("{leaf} is no setting")),
        };
        let (section, name) = key.split_once('.').unwrap();
        // A section that is there must have the key, and an option's default must be the setting's own.
        let Some(section) = settings.get(section).and_then(Value::as_object).filter(|s| !s.is_empty()) else {
            continue;
        };
        let there = section.get(name).unwrap_or_else(|| panic!("no setting {key}"));
        let options = object(&config, "options");
        let default = match leaf.split_once('.') {
            Some((group, name)) => options.get(group).and_then(|group| group.get(name)),
            None => options.get(&leaf),
        };
        if let Some(default) = default {
            assert_eq!(default, there, "the default of {leaf} and that of {key} differ");
        }
    }
}

#[test]
fn the_version_is_the_same_everywhere() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(config().get("version").and_then(Value::as_str), Some(version), "config.yaml");
    let changelog = text(app().join("CHANGELOG.md"));
    let newest = changelog.lines().find_map(|line| line.strip_prefix("## ")).expect("a heading");
    assert_eq!(newest.trim(), version, "CHANGELOG.md, newest first");
    let image = text(app().join("Dockerfile"));
    assert!(image.contains(&format!("ARG BUILD_VERSION={version}\n")), "Dockerfile");
}

#[test]
fn rights_and_profile_agree() {
    let config = config();
    let list = |key: &str| -> Vec<String> {
        let items = config.get(key).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let profile = text(app().join("apparmor.txt"));
    let names: Vec<&str> = profile.lines().filter_map(|line| line.strip_prefix("profile ")).collect();
    assert_eq!(names.len(), 1, "exactly one profile begins at the start of a line");
    assert_eq!(names[0].split(' ').next(), config.get("slug").and_then(Value::as_str));
    for right in list("privileged") {
        assert!(CAPABILITIES.contains(&right.as_str()), "{right}");
        assert!(profile.contains(&format!("capability {},", right.to_lowercase())), "the profile lacks {right}");
    }
    // Without it AF_PACKET fails with EACCES although the capability is there.
    assert!(profile.contains("network packet,"));
    // SQLite locks its files.
    assert!(profile.contains("/data/** rwk,"));
    assert_eq!(list("arch"), ["aarch64", "amd64"]);
    assert_eq!(config.get("host_network"), Some(&Value::Bool(true)));
    assert!(config.get("ports").is_none(), "ignored on the host's network");
    assert!(list("services").contains(&"mqtt:want".to_owned()));
    assert_eq!(config.get("homeassistant_api"), Some(&Value::Bool(true)), "else the websocket refuses our token");
}

#[test]
fn the_image_runs_the_binary_alone() {
    let image = text(app().join("Dockerfile"));
    let base = image.lines().find_map(|line| line.strip_prefix("FROM ")).expect("a base");
    assert!(base.contains(':') && !base.ends_with(":latest"), "{base} is not pinned");
    assert!(
        !image.contains("BUILD_FROM") && !app().join("build.yaml").exists(),
        "no longer supplied by the Supervisor"
    );
    assert!(image.contains("COPY --chmod=755 porchlight-${TARGETARCH} /usr/bin/porchlight"));
    assert!(image.contains(r#"CMD ["/usr/bin/porchlight", "run"]"#));
    assert!(image.contains(r#"CMD ["/usr/bin/porchlight", "health"]"#), "the Supervisor restarts what is unhealthy");
    for label in ["io.hass.type=\"app\"", "io.hass.version=", "io.hass.arch=", "org.opencontainers.image.licenses="] {
        assert!(image.contains(label), "{label}");
    }
    let name = config().get("image").and_then(Value::as_str).unwrap_or_default().to_owned();
    assert!(
        !name.is_empty() && name == name.to_lowercase() && !name.contains("{arch}"),
        "one name for all architectures: {name}"
    );
    assert_ne!(config().get("init"), Some(&Value::Bool(false)), "Docker's init forwards the stop signal");
}

#[test]
fn pictures_have_the_shapes_of_the_store() {
    for (file, width, height) in [("icon.png", 128, 128), ("logo.png", 250, 100)] {
        let bytes = fs::read(app().join(file)).unwrap();
        assert!(bytes.len() < 50_000, "{file} is large");
        // PNG §11.2.2: the signature, the header's length and name, then width and height.
        assert_eq!(bytes[..16], *b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "{file} is no PNG");
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!((number(16), number(20)), (width, height), "{file}");
    }
}
