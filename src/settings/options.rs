//! # Options of the Home Assistant app
//!
//! The Supervisor writes `/data/options.json` from a form with few fields. A field has a short
//! name of the table below, or the name of a section with the settings' own keys inside. A field
//! that was left empty says nothing.

use std::path::Path;

use serde_json::Value as Json;

use super::{
    layer::Layer,
    problem::{Origin, Problem, split},
    tree::{Node, Place, Value},
};

/// Name in the form, key in the settings.
pub const NAMES: &[(&str, &str)] = &[
    ("log_level", "log.level"),
    ("redact", "log.redact"),
    ("interfaces", "network.interfaces"),
    ("subnets", "network.subnets"),
    ("mqtt_url", "mqtt.url"),
    ("mqtt_username", "mqtt.username"),
    ("mqtt_password", "mqtt.password"),
    ("mqtt_commands", "mqtt.commands"),
    ("expose", "homeassistant.expose"),
    ("expose_limit", "homeassistant.expose_limit"),
    ("retention_days", "store.retention_days"),
];

/// What the options say.
pub(super) fn layer(schema: &Json, path: &Path, text: &str, problems: &mut Vec<Problem>) -> Layer {
    let origin = |place: Place| Origin::File { path: path.to_owned(), place };
    let mut root = Node { place: Place::default(), raw: None, value: Value::Map(Vec::new()) };
    match serde_json::from_str::<Json>(text) {
        Ok(Json::Object(options)) => {
            for (name, value) in options {
                if let Some(value) = node(&value) {
                    let key = NAMES.iter().find(|(short, _)| *short == name).map_or(name.as_str(), |(_, key)| key);
                    put(&mut root, &split(key), value);
                }
            }
        }
        Ok(_) => problems.push(Problem {
            origin: origin(Place::default()),
            key: String::new(),
            what: "expected an object of options".into(),
            advice: Some("save the app's options once more".into()),
        }),
        // serde_json's message quotes nothing.
        Err(error) => problems.push(Problem {
            origin: origin(Place { line: error.line() as u64, column: error.column().max(1) as u64 }),
            key: String::new(),
            what: "is no JSON".into(),
            advice: Some("save the app's options once more".into()),
        }),
    }
    Layer::of_tree(schema, &root, true, problems, &origin)
}

/// `None` for null, empty text and empty lists: fields that were not filled in.
fn node(json: &Json) -> Option<Node> {
    let value = match json {
        Json::Null => return None,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => match n.as_i64() {
            Some(n) => Value::Int(n.into()),
            None => Value::Float(n.as_f64()?),
        },
        Json::String(text) if text.is_empty() => return None,
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) if items.is_empty() => return None,
        Json::Array(items) => Value::List(items.iter().filter_map(node).collect()),
        Json::Object(items) => Value::Map(
            items.iter().filter_map(|(name, value)| Some((name.clone(), Place::default(), node(value)?))).collect(),
        ),
    };
    let raw = json.is_number().then(|| json.to_string());
    Some(Node { place: Place::default(), raw, value })
}

fn put(node: &mut Node, path: &[String], value: Node) {
    let Value::Map(items) = &mut node.value else { return };
    let Some((first, rest)) = path.split_first() else { return };
    let index = items.iter().position(|(name, ..)| name == first);
    if rest.is_empty() && index.is_none() {
        items.push((first.clone(), Place::default(), value));
        return;
    }
    let index = index.unwrap_or_else(|| {
        let empty = Node { place: Place::default(), raw: None, value: Value::Map(Vec::new()) };
        items.push((first.clone(), Place::default(), empty));
        items.len() - 1
    });
    if let Some((_, _, inner)) = items.get_mut(index) {
        match (rest.is_empty(), value.value) {
            // A section given beside short names of the same section.
            (true, Value::Map(more)) => more.into_iter().for_each(|(name, _, item)| put(inner, &[name], item)),
            (true, other) => inner.value = other,
            (false, value_of) => put(inner, rest, Node { value: value_of, ..value }),
        }
    }
}
