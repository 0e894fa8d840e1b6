//! Pages that are made from the source match it. `UPDATE=1 cargo test --test docs` writes them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
};

use porchlight::{detectors, model::Card, scanners};

fn hold(folder: &str, cards: &[&'static Card]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(folder);
    let update = env::var_os("UPDATE").is_some();
    if update {
        fs::create_dir_all(&folder).unwrap();
    }
    let mut expected = BTreeSet::new();
    for card in cards {
        let name = format!("{}.md", card.id);
        let needs = card.needs.map_or_else(|| "nothing".to_owned(), |cap| format!("`{cap}`"));
        let text = format!("{}\nNeeds: {needs}. Settings: `{}`.\n", card.markdown(), card.id);
        assert!(text.starts_with("# "), "{} has no page", card.id);
        if update {
            fs::write(folder.join(&name), &text).unwrap();
        }
        let written = fs::read_to_string(folder.join(&name)).unwrap_or_default();
        assert!(written == text, "{name} is not what its source says; UPDATE=1 cargo test --test docs");
        expected.insert(name);
    }
    let found: BTreeSet<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, expected, "pages without a source");
}

#[test]
fn every_scanner_has_its_page() {
    let cards: Vec<&'static Card> = scanners::SCANNERS.iter().map(|row| row.card).collect();
    hold("scanners", &cards);
}

#[test]
fn every_detector_has_its_page() {
    hold("detectors", detectors::CARDS);
}

/// A detector that leaves the default must be missed: all are told, but for these, which are only recorded.
#[test]
fn every_detector_is_on_unless_it_is_only_noted() {
    let settings = serde_json::to_value(detectors::Settings::default()).unwrap();
    let modes: BTreeSet<(&str, &str)> = detectors::CARDS
        .iter()
        .map(|card| (card.id, settings[card.id]["mode"].as_str().unwrap()))
        .filter(|(_, mode)| *mode != "alert")
        .collect();
    assert_eq!(modes, [("encrypted_dns", "observe"), ("p2p", "observe"), ("volume_baseline", "observe")].into());
    assert_eq!(settings.as_object().unwrap().len(), detectors::CARDS.len(), "settings of what is no detector");
}

/// The package carries them, and is built without running the program.
#[test]
fn the_manual_and_the_completions_of_the_package_are_those_of_the_program() {
    let cases: [(&str, &[&str]); 4] = [
        ("man/porchlight.1", &["man"]),
        ("completions/porchlight.bash", &["completions", "bash"]),
        ("completions/_porchlight", &["completions", "zsh"]),
        ("completions/porchlight.fish", &["completions", "fish"]),
    ];
    for (file, words) in cases {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(file);
        let said = assert_cmd::Command::new(env!("CARGO_BIN_EXE_porchlight")).args(words).output().unwrap();
        assert!(said.status.success(), "{words:?}");
        if env::var_os("UPDATE").is_some() {
            fs::write(&path, &said.stdout).unwrap();
        }
        let written = fs::read(&path).unwrap_or_default();
        assert!(
            written == said.stdout,
            "packaging/{file} is not what the program says; UPDATE=1 cargo test --test docs"
        );
    }
}

/// Who adds a reader of bytes adds a fuzz target: it is used by one, or, where only others reach it, named at its head.
/// Each target is built, and stands in the page with what it came to.
#[test]
fn every_module_of_wire_is_in_a_fuzz_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let mut targets = BTreeMap::new();
    for entry in fs::read_dir(root.join("fuzz/fuzz_targets")).unwrap() {
        let path = entry.unwrap().path();
        targets.insert(path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap());
    }
    let mut modules = Vec::new();
    declared(&root.join("src/wire"), &mut modules);
    assert!(modules.len() > 60, "{modules:?}");
    let is_named = |module: &String| {
        targets.values().flat_map(|text| text.lines()).any(|line| match line.strip_prefix("//!") {
            Some(head) => head.contains(&format!("`{module}`")),
            None => line.split(|c: char| !c.is_alphanumeric() && !"_:".contains(c)).any(|path| {
                path.split("::").any(|part| part == module) && (path.contains("::") || line.contains("wire::"))
            }),
        })
    };
    let missing: Vec<&String> = modules.iter().filter(|module| !is_named(module)).collect();
    assert!(missing.is_empty(), "no fuzz target names {missing:?}");

    let (manifest, page) = (read("fuzz/Cargo.toml"), read("docs/measured.md"));
    let built: BTreeSet<&str> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""))
        .collect();
    let told: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `fuzz ")?.split('`').next()).collect();
    let expected: BTreeSet<&str> = targets.keys().map(String::as_str).collect();
    assert_eq!(built, expected, "fuzz/Cargo.toml");
    assert_eq!(told, expected, "docs/measured.md");
}

/// Modules that the files below `folder` declare, but for their tests.
fn declared(folder: &Path, modules: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("tests") {
                declared(&path, modules);
            }
            continue;
        }
        for line in fs::read_to_string(&path).unwrap().lines() {
            let line = line.strip_prefix("pub ").unwrap_or(line);
            modules.extend(line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')).map(str::to_owned));
        }
    }
    modules.retain(|module| module != "tests");
}

/// Findings whose last evidence is added elsewhere than where they begin.
const LATER: &[&str] = &["weak_wifi"];

/// String literals of Rust source, without comments.
fn literals(source: &str) -> Vec<String> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    let mut chars = code.chars();
    while let Some(c) = chars.next() {
        if c == '"' {
            let mut literal = String::new();
            while let Some(c) = chars.next().filter(|c| *c != '"') {
                literal.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
            }
            found.push(literal);
        }
    }
    found
}

/// What an alert says is made of its evidence: each finding has all that one sentence of its detector asks for.
#[test]
fn what_an_alert_says_stands_in_its_evidence() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let phrases = ["network.rs", "hosts.rs"].map(|file| src.join("alerts/phrases").join(file));
    let phrases = phrases.map(|path| literals(&fs::read_to_string(path).expect("phrases"))).concat();
    let asked = |text: &str| -> Vec<String> {
        let all = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(key, _)| key.to_owned());
        all.filter(|key| key.chars().all(|c| c.is_ascii_lowercase() || "_0123456789".contains(c)))
            .filter(|key| !matches!(key.as_str(), "one" | "other") && !key.starts_with(|c: char| c.is_ascii_digit()))
            .collect()
    };
    let sentences: Vec<(String, Vec<String>)> =
        phrases.chunks_exact(4).map(|phrase| (phrase[0].clone(), asked(&phrase[1..].join(" ")))).collect();
    assert!(sentences.len() > 70, "{}", sentences.len());
    let (mut findings, mut wrong) = (0, Vec::new());
    let mut folders = vec![src.join("detectors")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).expect("detectors").map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).expect("source");
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let below = path.strip_prefix(src.join("detectors")).expect("below").to_string_lossy().into_owned();
            let detector = below.split(['/', '.']).next().unwrap_or_default();
            let fitting: Vec<&Vec<String>> =
                sentences.iter().filter(|(of, _)| of == detector).map(|(_, keys)| keys).collect();
            if fitting.is_empty() || LATER.contains(&detector) || below.ends_with("tests.rs") {
                continue;
            }
            for rest in text.split("Finding::new(").skip(1) {
                let rest = rest.split(".points(").next().unwrap_or_default();
                let keys = rest.split(".why(").skip(1).filter_map(|why| literals(why).into_iter().next());
                let keys: Vec<String> = keys.collect();
                findings += 1;
                if !fitting.iter().any(|asked| asked.iter().all(|key| keys.contains(key))) {
                    wrong.push(format!("{below}: {keys:?} fills none of {fitting:?}"));
                }
            }
        }
    }
    assert!(findings > 80, "{findings}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
