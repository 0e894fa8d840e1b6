//! # One source's share, and all of them merged
//!
//! figment merges; what it cannot tell (line and column, and more than the first problem) is kept
//! beside it.

use std::{collections::BTreeMap, path::Path};

use figment::{
    Figment, Metadata, Profile, Provider,
    error::{Actual, Kind},
    providers::Serialized,
    value::{Dict, Map as Profiles},
};
use serde_json::{Map, Value as Json};

use super::{
    Settings,
    check::{self, Checked, Source},
    problem::{Origin, Problem, spell},
    rules,
    tree::{self, Node, Place},
};
use crate::model::clean_text;

/// One source's share.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub source: Origin,
    pub values: Map<String, Json>,
    pub places: BTreeMap<Vec<String>, Place>,
}

impl Layer {
    pub(super) fn of_file(schema: &Json, path: &Path, text: &str, problems: &mut Vec<Problem>) -> Layer {
        Layer::of_text(schema, text, false, problems, &|place| Origin::File { path: path.to_owned(), place })
    }

    pub(super) fn of_text(
        schema: &Json,
        text: &str,
        one_line: bool,
        problems: &mut Vec<Problem>,
        origin: &dyn Fn(Place) -> Origin,
    ) -> Layer {
        let source = origin(Place::default());
        match tree::read(text) {
            Ok(document) => Layer::of_tree(schema, &document, one_line, problems, origin),
            Err(broken) => {
                problems.push(Problem {
                    origin: origin(broken.place),
                    key: String::new(),
                    what: broken.what,
                    advice: None,
                });
                Layer { source, values: Map::new(), places: BTreeMap::new() }
            }
        }
    }

    pub(super) fn of_tree(
        schema: &Json,
        document: &Node,
        one_line: bool,
        problems: &mut Vec<Problem>,
        origin: &dyn Fn(Place) -> Origin,
    ) -> Layer {
        let Checked { values, places, problems: found } = check::check(schema, document, &Source { origin, one_line });
        problems.extend(found);
        Layer { source: origin(Place::default()), values, places }
    }
}

/// figment merges layers; each is named after its source.
impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.to_string())
    }
    fn data(&self) -> Result<Profiles<Profile, Dict>, figment::Error> {
        let dict = figment::value::Value::serialize(&self.values)?.into_dict().unwrap_or_default();
        Ok(Profiles::from([(Profile::Default, dict)]))
    }
}

/// Extracts; a key whose type refuses its value (`12 moons`) is noted, left out, and the rest tried again.
pub(super) fn merge(layers: &mut [Layer], problems: &mut Vec<Problem>) -> Settings {
    if layers.is_empty() {
        return Settings::default();
    }
    let merged = |layers: &[Layer]| {
        let defaults = Figment::from(Serialized::defaults(Settings::default()));
        layers.iter().fold(defaults, |all, layer| all.merge(layer))
    };
    let whole = merged(layers).extract::<Json>().unwrap_or_default();
    let found = rules::values(&whole, &|path| origin(layers, path));
    problems.extend(found);
    // Each turn removes a key, so this ends; the bound is for a type that refuses without naming a key.
    for _ in 0..TURNS_MAX {
        let error = match merged(layers).extract::<Settings>() {
            Ok(settings) => return settings,
            Err(error) => error,
        };
        for error in error {
            let key = spell(&error.path);
            // A rule may have said it better already, of an item below.
            if !problems.iter().any(|known| known.key == key || known.key.starts_with(&format!("{key}."))) {
                let origin = origin(layers, &error.path);
                problems.push(Problem { origin, key, what: refusal(&error.kind), advice: None });
            }
            let mut removed = false;
            for layer in layers.iter_mut() {
                removed |= remove(&mut layer.values, &error.path);
            }
            if !removed {
                return Settings::default();
            }
        }
    }
    Settings::default()
}

const TURNS_MAX: usize = 200;

/// In the words of `settings::check`.
fn refusal(kind: &Kind) -> String {
    match kind {
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            let found = match found {
                Actual::Str(text) => format!("`{}`", clean_text(text, 60)),
                Actual::Unsigned(n) => n.to_string(),
                Actual::Signed(n) => n.to_string(),
                Actual::Float(n) => n.to_string(),
                Actual::Bool(b) => b.to_string(),
                other => other.to_string(),
            };
            format!("expected {expected}, found {found}")
        }
        other => other.to_string(),
    }
}

fn remove(values: &mut Map<String, Json>, path: &[String]) -> bool {
    match path {
        [] => false,
        [last] => values.remove(last).is_some(),
        [first, rest @ ..] => match values.get_mut(first) {
            Some(Json::Object(inner)) => remove(inner, rest),
            // An item of a list: the list goes.
            Some(Json::Array(_)) => values.remove(first).is_some(),
            _ => false,
        },
    }
}

pub(super) fn origin(layers: &[Layer], path: &[String]) -> Origin {
    for len in (1..=path.len()).rev() {
        let Some(part) = path.get(..len) else { break };
        if let Some((layer, place)) = layers.iter().rev().find_map(|layer| Some((layer, layer.places.get(part)?))) {
            // A section that was opened says nothing of the keys it does not hold.
            let section = len < path.len()
                && part
                    .iter()
                    .try_fold(&Json::Object(layer.values.clone()), |json, key| json.get(key))
                    .is_some_and(Json::is_object);
            if section {
                break;
            }
            return match &layer.source {
                Origin::File { path, .. } => Origin::File { path: path.clone(), place: *place },
                other => other.clone(),
            };
        }
    }
    Origin::Default
}
