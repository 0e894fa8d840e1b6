//! # Settings as they are in force
//!
//! Every value with who said it; secrets are hidden by their own type.

use serde_json::{Map, Value as Json, json};

use super::{
    Loaded,
    problem::{Origin, spell},
};

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub key: String,
    pub value: Json,
    pub origin: Origin,
}

/// Every value, in the order of declaration.
#[must_use]
pub fn lines(loaded: &Loaded) -> Vec<Line> {
    let mut out = Vec::new();
    let json = serde_json::to_value(&loaded.settings).unwrap_or_default();
    walk(loaded, &json, &mut Vec::new(), &mut out);
    out
}

fn walk(loaded: &Loaded, json: &Json, path: &mut Vec<String>, out: &mut Vec<Line>) {
    match json {
        Json::Object(items) if !items.is_empty() => {
            for (name, value) in items {
                path.push(name.clone());
                walk(loaded, value, path, out);
                path.pop();
            }
        }
        value if path.is_empty() => debug_assert!(value.is_object()),
        value => out.push(Line { key: spell(path), value: value.clone(), origin: loaded.origin(path) }),
    }
}

/// `key  value  # source`, aligned.
#[must_use]
pub fn text(lines: &[Line]) -> String {
    let shown: Vec<(String, String)> = lines.iter().map(|line| (line.key.clone(), value(&line.value))).collect();
    let keys = shown.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
    // A long list must not push all sources off the screen.
    let values = shown.iter().map(|(_, value)| value.chars().count()).filter(|n| *n <= 40).max().unwrap_or(0);
    let mut out = String::new();
    for ((key, value), line) in shown.iter().zip(lines) {
        out.push_str(&format!("{key:keys$}  {value:values$}  {}\n", line.origin));
    }
    out
}

fn value(json: &Json) -> String {
    match json {
        Json::Null => "-".into(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `{"file":…,"settings":[{"key","value","source"}]}`.
#[must_use]
pub fn json(loaded: &Loaded, lines: &[Line]) -> Json {
    let lines = lines.iter().map(|line| {
        let mut object = Map::new();
        object.insert("key".into(), json!(line.key));
        object.insert("value".into(), line.value.clone());
        object.insert("source".into(), json!(line.origin.to_string()));
        Json::Object(object)
    });
    json!({"file": loaded.file, "settings": lines.collect::<Vec<_>>()})
}
