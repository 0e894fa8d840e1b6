//! # Checking a document against the schema
//!
//! All problems at once: unknown keys (with the nearest known one), wrong types, words that are
//! none of the list, numbers out of range. What is right is handed on in the form the settings
//! want: `off` where a boolean is wanted becomes `false`, a number where text is wanted stays as
//! it was written. Pure: it sees trees, not files.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::{
    problem::{Origin, Problem, spell},
    schema::{self, Form, Kind},
    tree::{Node, Place, Value},
};
use crate::model::clean_text;

// Enough to fix a file; a file of another program would otherwise fill the screen.
const PROBLEMS_MAX: usize = 50;
// Values are quoted to be recognised, not to be read.
const QUOTE_BYTES_MAX: usize = 60;

/// Where a document comes from.
pub struct Source<'a> {
    pub origin: &'a dyn Fn(Place) -> Origin,
    /// It had to be written on one line: `a, b` is a list there, and text may be a number.
    pub one_line: bool,
}

/// What was found.
pub struct Checked {
    /// What is right of it.
    pub values: Map<String, Json>,
    /// Where each key stands.
    pub places: BTreeMap<Vec<String>, Place>,
    pub problems: Vec<Problem>,
}

/// Compares `document` with the schema `root`.
#[must_use]
pub fn check(root: &Json, document: &Node, source: &Source<'_>) -> Checked {
    let mut checker = Checker { root, source, path: Vec::new(), places: BTreeMap::new(), problems: Vec::new() };
    let values = match &document.value {
        Value::Null => Map::new(),
        Value::Map(_) => match checker.value(root, document) {
            Some(Json::Object(values)) => values,
            _ => Map::new(),
        },
        _ => {
            checker.complain(
                document.place,
                format!("expected settings such as `role: hub`, found {}", found(document, false)),
                None,
            );
            Map::new()
        }
    };
    checker.problems.truncate(PROBLEMS_MAX);
    Checked { values, places: checker.places, problems: checker.problems }
}

/// Problems, places and values of one way to read a section.
type Trial = (Vec<Problem>, BTreeMap<Vec<String>, Place>, Map<String, Json>);

struct Checker<'a> {
    root: &'a Json,
    source: &'a Source<'a>,
    path: Vec<String>,
    places: BTreeMap<Vec<String>, Place>,
    problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    fn complain(&mut self, place: Place, what: String, advice: Option<String>) {
        let origin = (self.source.origin)(place);
        self.problems.push(Problem { origin, key: spell(&self.path), what, advice });
    }

    /// `None` if nothing is said, or if what is said is wrong.
    fn value(&mut self, schema: &'a Json, node: &Node) -> Option<Json> {
        let forms = schema::forms(self.root, schema);
        let has = |kind: Kind| forms.iter().find(|form| form.kind == kind).copied();
        match &node.value {
            Value::Null if has(Kind::Null).is_some() => return Some(Json::Null),
            // A heading whose keys are all commented out says nothing.
            Value::Null if has(Kind::Section).is_some() || has(Kind::List).is_some() => return None,
            Value::Null => {}
            Value::Bool(b) if has(Kind::Bool).is_some() => return Some(Json::Bool(*b)),
            Value::Int(n) => {
                if let Some(form) = has(Kind::Int).or_else(|| has(Kind::Number)) {
                    return self.number(&form, *n as f64, int(*n), node);
                }
            }
            Value::Float(n) => {
                if let Some(form) = has(Kind::Number) {
                    return self.number(&form, *n, serde_json::Number::from_f64(*n).map(Json::Number), node);
                }
            }
            Value::Text(text) => return self.text(&forms, text, node),
            Value::List(items) => {
                if let Some(form) = has(Kind::List) {
                    return self.list(&form, items, node);
                }
            }
            Value::Map(items) => {
                if has(Kind::Section).is_some() {
                    return self.section(&forms, items);
                }
            }
            Value::Bool(_) => {}
        }
        // `password: 1234` means the text.
        if let (Some(raw), Some(_)) = (&node.raw, has(Kind::Text)) {
            return self.text(&forms, raw, node);
        }
        self.wrong(&forms, node);
        None
    }

    fn text(&mut self, forms: &[Form<'a>], text: &str, node: &Node) -> Option<Json> {
        let texts: Vec<&Form<'_>> = forms.iter().filter(|form| form.kind == Kind::Text).collect();
        let has = |kind: Kind| forms.iter().find(|form| form.kind == kind).copied();
        if texts.is_empty() {
            if has(Kind::Bool).is_some()
                && let Some(b) = boolean(text)
            {
                return Some(Json::Bool(b));
            }
            if self.source.one_line {
                if let Some(form) = has(Kind::List) {
                    let items: Vec<Node> = text.split(',').map(|item| word(item.trim(), node.place)).collect();
                    return self.list(&form, &items, node);
                }
                if let (Some(form), Ok(n)) = (has(Kind::Int), text.trim().parse::<i128>()) {
                    return self.number(&form, n as f64, int(n), node);
                }
            }
            self.wrong(forms, node);
            return None;
        }
        if let Some(free) = texts.iter().find(|form| schema::words(form).is_none()) {
            let least = free.schema.get("minLength").and_then(Json::as_u64).unwrap_or(0);
            if (text.chars().count() as u64) < least {
                self.complain(node.place, "may not be empty".into(), Some("leave the line out for the default".into()));
                return None;
            }
            return Some(Json::String(text.to_owned()));
        }
        let words: Vec<&str> = texts.iter().filter_map(|form| schema::words(form)).flatten().collect();
        if words.contains(&text) {
            return Some(Json::String(text.to_owned()));
        }
        let advice = nearest(text, words.iter().copied()).map(|word| format!("`{word}`"));
        self.complain(
            node.place,
            format!("expected {}, found {}", schema::describe(forms), found(node, false)),
            advice,
        );
        None
    }

    fn number(&mut self, form: &Form<'_>, n: f64, exact: Option<Json>, node: &Node) -> Option<Json> {
        let bound = |word: &str| form.schema.get(word).and_then(Json::as_f64);
        let (least, most) = (bound("minimum"), bound("maximum").or_else(|| most_of(form)));
        let above = bound("exclusiveMinimum").is_some_and(|bound| n <= bound);
        let below = bound("exclusiveMaximum").is_some_and(|bound| n >= bound);
        if above || below || least.is_some_and(|least| n < least) || most.is_some_and(|most| n > most) || !n.is_finite()
        {
            let range = match (least, most) {
                (Some(least), Some(most)) => format!("{least} to {most}"),
                (Some(least), None) => format!("{least} or more"),
                (None, Some(most)) => format!("{most} or less"),
                (None, None) => "a number in range".into(),
            };
            self.complain(
                node.place,
                format!("expected {range}, found {}", found(node, schema::is_secret(form))),
                None,
            );
            return None;
        }
        exact
    }

    fn list(&mut self, form: &Form<'a>, items: &[Node], node: &Node) -> Option<Json> {
        let Some(inner) = form.schema.get("items") else { return Some(Json::Array(Vec::new())) };
        let (before, mut out) = (self.problems.len(), Vec::with_capacity(items.len()));
        for (index, item) in items.iter().enumerate() {
            self.path.push(index.to_string());
            self.places.insert(self.path.clone(), item.place);
            if matches!(item.value, Value::Null) {
                self.complain(item.place, "is an empty item".into(), Some("remove the line".into()));
            } else if let Some(value) = self.value(inner, item) {
                out.push(value);
            }
            self.path.pop();
        }
        let count = |word: &str| form.schema.get(word).and_then(Json::as_u64);
        let len = items.len() as u64;
        if count("minItems").is_some_and(|least| len < least) || count("maxItems").is_some_and(|most| len > most) {
            self.complain(node.place, format!("has {len} items, which is too few or too many"), None);
        }
        // Half a list means something else than the list.
        (self.problems.len() == before).then_some(Json::Array(out))
    }

    /// Tries each form of section (they differ in tagged choices) and keeps the one that fits best.
    fn section(&mut self, forms: &[Form<'a>], items: &[(String, Place, Node)]) -> Option<Json> {
        let sections = forms.iter().filter(|form| form.kind == Kind::Section);
        let mut best: Option<Trial> = None;
        for form in sections {
            let mut trial = Checker {
                root: self.root,
                source: self.source,
                path: self.path.clone(),
                places: BTreeMap::new(),
                problems: Vec::new(),
            };
            let values = trial.fields(form, items);
            if best.as_ref().is_none_or(|(problems, ..)| trial.problems.len() < problems.len()) {
                best = Some((trial.problems, trial.places, values));
            }
        }
        let (problems, places, values) = best?;
        self.problems.extend(problems);
        self.places.extend(places);
        Some(Json::Object(values))
    }

    fn fields(&mut self, form: &Form<'a>, items: &[(String, Place, Node)]) -> Map<String, Json> {
        let mut out = Map::new();
        let known = form.schema.get("properties").and_then(Json::as_object);
        let free = form.schema.get("additionalProperties").filter(|free| free.is_object());
        for (name, place, node) in items {
            self.path.push(name.clone());
            self.places.insert(self.path.clone(), *place);
            match known.and_then(|known| known.get(name)).or(free) {
                Some(inner) => {
                    if let Some(value) = self.value(inner, node) {
                        out.insert(name.clone(), value);
                    }
                }
                None => self.unknown(name, *place, known),
            }
            self.path.pop();
        }
        out
    }

    fn unknown(&mut self, name: &str, place: Place, known: Option<&Map<String, Json>>) {
        let siblings = known.into_iter().flat_map(|known| known.keys().map(String::as_str));
        let above = self.path.split_last().map_or(&[][..], |(_, above)| above);
        let advice = match nearest(name, siblings.clone()) {
            Some(near) => Some(spell(&[above, &[near.to_owned()]].concat())),
            // Right word, wrong place: `url:` at the top.
            None => {
                let same = schema::keys(self.root).into_iter().find(|key| key.path.last().is_some_and(|k| k == name));
                same.map(|key| spell(&key.path)).or_else(|| {
                    let all: Vec<&str> = siblings.collect();
                    let least = if above.is_empty() { "settings".into() } else { spell(above) };
                    (!all.is_empty()).then(|| format!("{least} has {}", all.join(", ")))
                })
            }
        };
        self.complain(place, "no such setting".into(), advice);
    }

    fn wrong(&mut self, forms: &[Form<'_>], node: &Node) {
        let secret = forms.iter().any(schema::is_secret);
        let what = format!("expected {}, found {}", schema::describe(forms), found(node, secret));
        let advice = match (&node.value, forms.iter().any(|form| form.kind == Kind::List)) {
            (Value::Null, _) => Some("leave the line out for the default".to_owned()),
            (Value::Text(text), true) if !secret => Some(format!("[{}]", clean_text(text, QUOTE_BYTES_MAX))),
            _ => None,
        };
        self.complain(node.place, what, advice);
    }
}

/// schemars writes the width of unsigned numbers as a format only.
fn most_of(form: &Form<'_>) -> Option<f64> {
    match form.schema.get("format").and_then(Json::as_str)? {
        "uint8" => Some(f64::from(u8::MAX)),
        "uint16" => Some(f64::from(u16::MAX)),
        "uint32" => Some(f64::from(u32::MAX)),
        "int32" => Some(f64::from(i32::MAX)),
        _ => None,
    }
}

fn int(n: i128) -> Option<Json> {
    i64::try_from(n).map(Json::from).or_else(|_| u64::try_from(n).map(Json::from)).ok()
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn word(text: &str, place: Place) -> Node {
    Node { place, raw: None, value: Value::Text(text.to_owned()) }
}

fn found(node: &Node, secret: bool) -> String {
    match &node.value {
        Value::Null => "nothing".into(),
        Value::List(_) => "a list".into(),
        Value::Map(_) => "a section".into(),
        _ if secret => "something else".into(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(n) => n.to_string(),
        Value::Text(text) => format!("`{}`", clean_text(text, QUOTE_BYTES_MAX)),
    }
}

/// The known word that `wrong` was probably meant to be.
#[must_use]
pub fn nearest<'w>(wrong: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let wrong = plain(wrong);
    let far = 1 + wrong.chars().count() / 4;
    known
        .map(|word| (strsim::osa_distance(&wrong, &plain(word)), word))
        .filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}
