//! Keeps the house standing: reads the crate's own source and fails, listing every breach at once,
//! on a climb (import from the same or a higher floor), a ring of sibling files, a missing `//!`,
//! a file over the cap, or a word a pure floor may not use. Nor does anything lie at the front door that does not belong
//! there.
//!
//! It reads text, not syntax: cheap, no dependency, runs in milliseconds. What it cannot see
//! (macros that build paths, `include!`) is not used in this crate.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Top-level modules, bottom floor first. A module may import only from floors below its own.
const FLOORS: &[&[&str]] = &[
    &["model"],
    &["wire", "intel"],
    &["traffic", "capture", "scanners", "store", "homeassistant", "mqtt"],
    &["presence", "detectors", "alerts", "web"],
    &["engine"],
    &["settings"],
    &["daemon"],
    &["cli"],
    &["main", "lib"],
];

/// Folders and files that never touch the world. Everything else is shell.
const PURE: &[&str] = &[
    "model/",
    "wire/",
    "traffic/",
    "presence/",
    "detectors/",
    "alerts/",
    "engine.rs",
    "engine/",
    "intel/indicators.rs",
    "mqtt/entities/",
    "mqtt/discovery.rs",
    "mqtt/reconcile.rs",
    "mqtt/commands.rs",
    "mqtt/topics.rs",
    "mqtt/payloads.rs",
    "mqtt/published.rs",
    "mqtt/events.rs",
    "mqtt/requests.rs",
    "mqtt/shapes.rs",
    "mqtt/text.rs",
    "mqtt/wish.rs",
    "web/hooks/",
    "store/rows.rs",
    "settings/check.rs",
    "settings/plan.rs",
    "cli/simulate/",
];

/// Words that read a clock, do IO, wait, or make order depend on chance.
const NOT_IN_PURE: &[(&str, &str)] = &[
    ("::now", "take a Moment (also jiff's and uuid's now)"),
    ("SystemTime", "take a Moment"),
    ("tokio", "move it to the shell"),
    ("async ", "move it to the shell"),
    ("std::fs", "move it to the shell"),
    ("std::thread", "move it to the shell"),
    ("std::env", "pass it in through Settings"),
    ("UdpSocket", "move it to the shell"),
    ("TcpStream", "move it to the shell"),
    ("println!", "return a Change, or trace!"),
    ("HashMap", "use BTreeMap, or model::SeededMap, which cannot be iterated"),
    ("HashSet", "use BTreeSet"),
];

/// Words no file may use.
const NOWHERE: &[(&str, &str)] = &[
    ("unbounded", "give the channel a bound and say what happens when it is full"),
    ("super::super", "name the module from crate::, so that floors can be checked"),
    ("todo!(", "finish it or leave it out"),
    ("dbg!(", "remove it"),
    ("mod utils", "name the thing after what it is"),
    ("mod misc", "name the thing after what it is"),
    ("mod common", "name the thing after what it is"),
];

const LINES_MAX: usize = 500;

#[test]
fn the_house_stands() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let files: Vec<(String, String)> = files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).expect("collected below src").to_string_lossy().replace('\\', "/");
            (name, fs::read_to_string(&path).expect("source files are UTF-8"))
        })
        .collect();
    let breaches = check(&files);
    assert!(breaches.is_empty(), "\n{} breach(es):\n{}", breaches.len(), breaches.join("\n"));
}

/// What a newcomer sees first. Captures, logs and notes of a try do not belong there.
const FRONT_DOOR: &[&str] = &[
    ".ci",
    ".git",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "addon",
    "benches",
    "blueprints",
    "clippy.toml",
    "config.example.yaml",
    "deny.toml",
    "docs",
    "fuzz",
    "packaging",
    "proptest-regressions",
    "rustfmt.toml",
    "src",
    "target",
    "tests",
];

#[test]
fn nothing_lies_at_the_front_door() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let strays: Vec<String> = names.filter(|name| !FRONT_DOOR.contains(&name.as_str())).collect();
    assert!(strays.is_empty(), "put them where they belong, or out: {strays:?}");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// Every breach in `files` (path below `src/`, text), as `path:line: what; what to do`.
fn check(files: &[(String, String)]) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut siblings: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (name, text) in files {
        let module = top_module(name);
        let Some(floor) = floor_of(module) else {
            breaches.push(format!("{name}:1: `{module}` is on no floor; add it to FLOORS, with a decision record"));
            continue;
        };
        if !text.starts_with("//!") {
            breaches
                .push(format!("{name}:1: no module doc; say in `//!` what this file is for and what it leaves out"));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            breaches.push(format!(
                "{name}:{lines}: over {LINES_MAX} lines; split by noun, move tests to a sibling `tests.rs`"
            ));
        }
        let code = without_comments_and_strings(text);
        for (number, line) in code.lines().enumerate().map(|(n, l)| (n + 1, l)) {
            for (word, remedy) in NOWHERE.iter().filter(|(w, _)| line.contains(w)) {
                breaches.push(format!("{name}:{number}: `{word}` is used nowhere; {remedy}"));
            }
            let pure = PURE.iter().any(|p| name.starts_with(p)) && name != "model/seeded.rs";
            for (word, remedy) in NOT_IN_PURE.iter().filter(|(w, _)| pure && line.contains(w)) {
                breaches.push(format!("{name}:{number}: `{word}` in a pure file; {remedy}"));
            }
        }
        for path in crate_paths(&code) {
            let target = path[0].as_str();
            if target != module && floor_of(target).is_none_or(|f| f >= floor) && target != "lib" {
                breaches.push(format!("{name}: imports crate::{target}, which is not below it; pass the value in, or move the type down to model/"));
            }
            if target == module && path.len() > 1 && is_file(files, module, &path[1]) {
                siblings.entry(name).or_default().insert(format!("{module}/{}", path[1]));
            }
        }
        for sibling in super_paths(&code).into_iter().filter(|s| is_file(files, module, s)) {
            siblings.entry(name).or_default().insert(format!("{module}/{sibling}"));
        }
    }
    breaches.extend(rings(&siblings));
    breaches
}

fn top_module(name: &str) -> &str {
    name.split('/').next().unwrap_or(name).trim_end_matches(".rs")
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn is_file(files: &[(String, String)], module: &str, part: &str) -> bool {
    let (file, folder) = (format!("{module}/{part}.rs"), format!("{module}/{part}/"));
    files.iter().any(|(name, _)| *name == file || name.starts_with(&folder))
}

/// `crate::a::b` and each branch of `crate::{a::b, c}`, as path segments.
fn crate_paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with('$') {
            continue; // `$crate::` in a macro body
        }
        branches(&code[at + "crate::".len()..], &mut Vec::new(), &mut found);
    }
    found
}

fn super_paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("super::") {
        branches(&code[at + "super::".len()..], &mut Vec::new(), &mut found);
    }
    found.into_iter().map(|path| path[0].clone()).collect()
}

/// Reads one use-tree from the start of `rest`; returns how many bytes it took.
fn branches(rest: &str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let skipped = rest.len() - rest.trim_start().len();
    let body = &rest[skipped..];
    if let Some(inner) = body.strip_prefix('{') {
        let mut at = 0;
        while !inner[at..].trim_start().starts_with('}') && !inner[at..].trim_start().is_empty() {
            at += branches(&inner[at..], prefix, found);
            at += inner[at..].len() - inner[at..].trim_start_matches([',', ' ', '\n', '\r', '\t']).len();
        }
        return skipped + 1 + at + (inner[at..].len() - inner[at..].trim_start().len()) + 1;
    }
    let word: String = body.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == '*').collect();
    if word.is_empty() {
        return skipped + body.chars().next().map_or(0, char::len_utf8);
    }
    prefix.push(word.clone());
    let mut taken = skipped + word.len();
    if let Some(after) = rest[taken..].strip_prefix("::") {
        taken += 2 + branches(after, prefix, found);
    } else {
        found.push(prefix.clone());
        if let Some(after) = rest[taken..].strip_prefix(" as ") {
            taken +=
                4 + after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').map(char::len_utf8).sum::<usize>();
        }
    }
    prefix.pop();
    taken
}

/// Files of one folder that import each other in a ring. `mod.rs` is the hub and is not followed.
fn rings(edges: &BTreeMap<&str, BTreeSet<String>>) -> Vec<String> {
    let stem = |name: &str| name.trim_end_matches(".rs").to_owned();
    let graph: BTreeMap<String, BTreeSet<String>> = edges
        .iter()
        .filter(|(name, _)| !name.ends_with("/mod.rs"))
        .map(|(name, to)| (stem(name), to.iter().filter(|t| **t != stem(name)).cloned().collect()))
        .collect();
    let mut breaches = BTreeSet::new();
    for start in graph.keys() {
        let (mut stack, mut seen) = (vec![start.clone()], BTreeSet::new());
        while let Some(at) = stack.pop() {
            for next in graph.get(&at).into_iter().flatten() {
                if next == start {
                    let mut ring = String::new();
                    let (a, b) = (start.min(&at), start.max(&at));
                    let _ = write!(ring, "{a}.rs: ring with {b}.rs; move what both need into a third file");
                    breaches.insert(ring);
                } else if seen.insert(next.clone()) {
                    stack.push(next.clone());
                }
            }
        }
    }
    breaches.into_iter().collect()
}

/// Blanks out comments and string contents, keeping line breaks so that line numbers hold.
fn without_comments_and_strings(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => {
                for c in chars.by_ref() {
                    if c == '\n' {
                        out.push('\n');
                        break;
                    }
                }
            }
            '/' if chars.peek() == Some(&'*') => {
                let mut last = ' ';
                for c in chars.by_ref() {
                    if c == '\n' {
                        out.push('\n');
                    }
                    if (last, c) == ('*', '/') {
                        break;
                    }
                    last = c;
                }
            }
            '"' => {
                let hashes = out.len() - out.trim_end_matches('#').len();
                let raw = out.trim_end_matches('#').ends_with('r');
                out.push('"');
                while let Some(c) = chars.next() {
                    match c {
                        '\\' if !raw => out.extend(chars.next().filter(|c| *c == '\n')),
                        '"' if !raw || chars.clone().take_while(|c| *c == '#').count() >= hashes => {
                            break;
                        }
                        '\n' => out.push('\n'),
                        _ => {}
                    }
                }
                out.push('"');
            }
            '\'' => {
                // A char literal such as '"' must not open a string; a lifetime passes through.
                let mut ahead = chars.clone();
                let (first, second) = (ahead.next(), ahead.next());
                out.push('\'');
                if first == Some('\\') || second == Some('\'') {
                    while let Some(c) = chars.next() {
                        if c == '\\' {
                            chars.next();
                        } else if c == '\'' {
                            break;
                        }
                    }
                    out.push('\'');
                }
            }
            _ => out.push(c),
        }
    }
    out
}

#[test]
fn the_checker_sees_each_kind_of_breach() {
    let doc = "//! d\n";
    let cases: &[(&str, &str, &str)] = &[
        ("detectors/x.rs", "use crate::presence::Presence;", "not below it"),
        ("detectors/x.rs", "use crate::{model::{Card, Change as C}, wire::Frame, engine};", "crate::engine"),
        ("wire/x.rs", "fn f() { crate::traffic::go() }", "crate::traffic"),
        ("presence/x.rs", "fn f() { let t = std::time::Instant::now(); }", "::now"),
        ("mqtt/x.rs", "let (a, b) = mpsc::unbounded_channel();", "unbounded"),
        ("cellar/x.rs", "", "on no floor"),
        ("alerts/x.rs", "use super::super::presence;", "super::super"),
        ("traffic/x.rs", "use std::collections::HashMap;", "SeededMap"),
    ];
    for (name, code, expected) in cases {
        let breaches = check(&[((*name).into(), format!("{doc}{code}\n"))]);
        assert!(breaches.len() == 1 && breaches[0].contains(expected), "{name} {code}: {breaches:?}");
    }
    let silent: &[(&str, &str)] = &[
        ("detectors/x.rs", "use crate::{model::Card, wire::{Frame, Net}, traffic};"),
        ("wire/x.rs", "// crate::engine is above\nconst A: &str = \"crate::engine tokio\"; const Q: char = '\"';"),
        ("mqtt/client.rs", "async fn run() { tokio::spawn(go()) }"),
        (
            "wire/y.rs",
            "const S: &str = r#\"say \"tokio\" and crate::engine\"#; /* crate::engine */ const T: u8 = b'\\'';",
        ),
        ("engine.rs", "use crate::{alerts::Alerts, presence::{self, Presence}};"),
    ];
    for (name, code) in silent {
        let breaches = check(&[((*name).into(), format!("{doc}{code}\n"))]);
        assert!(breaches.is_empty(), "{name} {code}: {breaches:?}");
    }
    let ring = check(&[
        ("alerts/a.rs".into(), format!("{doc}use super::b::B;\n")),
        ("alerts/b.rs".into(), format!("{doc}use crate::alerts::a::A;\n")),
        ("alerts/c.rs".into(), "\n".repeat(501)),
    ]);
    assert!(ring.iter().any(|b| b.contains("ring")), "{ring:?}");
    assert!(ring.iter().any(|b| b.contains("over 500")), "{ring:?}");
    assert!(ring.iter().any(|b| b.contains("no module doc")), "{ring:?}");
}
