//! # The schema, as questions
//!
//! Every room's settings describe themselves (schemars). This file reads that description: which
//! values a key takes, how to say so, and which keys there are. So a new setting is checked,
//! listed and explained without a line here.

use serde_json::Value as Json;

// References and alternatives nest a few levels; a ring would otherwise never end.
const DEPTH_MAX: usize = 16;

/// The schema of all settings, for editors and for `settings::check`.
#[must_use]
pub fn schema() -> Json {
    let mut schema =
        schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<super::Settings>();
    schema.insert("title".into(), "Porchlight settings".into());
    let mut schema = schema.to_value();
    sharpen(&mut schema);
    schema
}

/// What the types do not say: key, least, most.
const RANGES: &[(&str, f64, f64)] = &[
    ("capture.ring_mib", 1.0, 256.0),
    ("mqtt.broker.port", 1.0, 65535.0),
    ("store.retention_days", 1.0, 3650.0),
    ("log.events_mib", 1.0, 1024.0),
    ("log.events_files", 1.0, 100.0),
    ("evidence.ring_mib", 1.0, 256.0),
    ("evidence.pre_s", 0.0, 600.0),
    ("evidence.post_s", 0.0, 600.0),
    ("evidence.keep_d", 1.0, 3650.0),
    ("evidence.keep_mib", 8.0, 65536.0),
    ("detectors.threat_intel.max_entries", 1.0, 10_000_000.0),
    ("homeassistant.expose_limit", 1.0, 1000.0),
    ("presence.false_away_per_month", 0.01, 300.0),
    ("presence.guest_forget_days", 1.0, 3650.0),
    ("presence.learn_days", 1.0, 365.0),
];

/// Keys that mean the same in every room.
const EVERYWHERE: &[(&str, &str)] = &[("enabled", "Whether it runs at all."), ("interval", "How often it goes round.")];

fn sharpen(root: &mut Json) {
    for (key, least, most) in RANGES {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        if let Some(Json::Object(place)) = pointer(root, &path).and_then(|pointer| root.pointer_mut(&pointer)) {
            place.insert("minimum".into(), number(*least));
            place.insert("maximum".into(), number(*most));
        }
    }
    let sections = root.get_mut("$defs").and_then(Json::as_object_mut).into_iter().flat_map(|all| all.values_mut());
    for section in sections {
        for (key, text) in EVERYWHERE {
            if let Some(Json::Object(place)) = section.get_mut("properties").and_then(|all| all.get_mut(key)) {
                place.entry("description").or_insert_with(|| (*text).into());
            }
        }
    }
}

/// Whole where it is whole: editors show it.
fn number(n: f64) -> Json {
    if n.fract() == 0.0 { Json::from(n as u64) } else { Json::from(n) }
}

/// Where the property stands in the document, references followed.
fn pointer(root: &Json, path: &[String]) -> Option<String> {
    let mut at = String::new();
    for part in path {
        let target =
            root.pointer(&at)?.get("$ref").and_then(Json::as_str).map(|r| r.trim_start_matches('#').to_owned());
        at = format!("{}/properties/{part}", target.unwrap_or(at));
    }
    root.pointer(&at).map(|_| at)
}

/// One kind of value a key takes.
#[derive(Clone, Copy)]
pub struct Form<'a> {
    pub kind: Kind,
    pub schema: &'a Json,
}

/// JSON's kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Int,
    Number,
    Text,
    List,
    Section,
}

/// Every form `schema` allows, references followed.
pub fn forms<'a>(root: &'a Json, schema: &'a Json) -> Vec<Form<'a>> {
    let mut out = Vec::new();
    collect(root, schema, 0, &mut out);
    out
}

fn collect<'a>(root: &'a Json, schema: &'a Json, depth: usize, out: &mut Vec<Form<'a>>) {
    if depth > DEPTH_MAX {
        return;
    }
    let schema = follow(root, schema);
    for word in ["anyOf", "oneOf", "allOf"] {
        for inner in schema.get(word).and_then(Json::as_array).into_iter().flatten() {
            collect(root, inner, depth + 1, out);
        }
    }
    let mut add = |name: &str| {
        let kind = match name {
            "null" => Kind::Null,
            "boolean" => Kind::Bool,
            "integer" => Kind::Int,
            "number" => Kind::Number,
            "string" => Kind::Text,
            "array" => Kind::List,
            "object" => Kind::Section,
            _ => return,
        };
        out.push(Form { kind, schema });
    };
    match schema.get("type") {
        Some(Json::String(name)) => add(name),
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).for_each(add),
        _ if schema.get("const").or_else(|| schema.get("enum")).is_some() => add("string"),
        _ => {}
    }
}

/// What `$ref` points at.
pub fn follow<'a>(root: &'a Json, mut schema: &'a Json) -> &'a Json {
    for _ in 0..DEPTH_MAX {
        let Some(target) =
            schema.get("$ref").and_then(Json::as_str).and_then(|r| root.pointer(r.trim_start_matches('#')))
        else {
            break;
        };
        schema = target;
    }
    schema
}

/// The fixed words of a text form; `None` if any text is taken.
pub fn words<'a>(form: &Form<'a>) -> Option<Vec<&'a str>> {
    if let Some(word) = form.schema.get("const") {
        return Some(word.as_str().into_iter().collect());
    }
    Some(form.schema.get("enum")?.as_array()?.iter().filter_map(Json::as_str).collect())
}

/// Not to be quoted.
pub fn is_secret(form: &Form<'_>) -> bool {
    let hidden = |schema: &Json| schema.get("writeOnly").and_then(Json::as_bool) == Some(true);
    // A list of secrets is one: who forgets the brackets wrote a secret.
    hidden(form.schema) || form.schema.get("items").is_some_and(hidden)
}

/// `a whole number`, `one of a, b`: for "expected …".
pub fn describe(forms: &[Form<'_>]) -> String {
    let mut said: Vec<String> = Vec::new();
    let listed: Vec<&str> = forms.iter().filter_map(words).flatten().collect();
    if !listed.is_empty() {
        said.push(if listed.len() == 1 { format!("`{}`", listed[0]) } else { format!("one of {}", listed.join(", ")) });
    }
    for form in forms.iter().filter(|form| words(form).is_none()) {
        // A type that describes itself ("a duration such as 45s; …") says it best.
        let own = form.schema.get("description").and_then(Json::as_str);
        let own = own.filter(|text| text.starts_with("a ") || text.starts_with("an "));
        let own = own.map(|text| text.split_once(';').map_or(text, |(first, _)| first).to_owned());
        let plain = match form.kind {
            Kind::Null => continue,
            Kind::Bool => "true or false",
            Kind::Int => "a whole number",
            Kind::Number => "a number",
            Kind::Text => "text",
            Kind::List => "a list",
            Kind::Section => "a section of keys",
        };
        let text = own.unwrap_or_else(|| plain.to_owned());
        if !said.contains(&text) {
            said.push(text);
        }
    }
    if said.is_empty() { "nothing".into() } else { said.join(" or ") }
}

/// One key of the settings.
pub struct Key<'a> {
    pub path: Vec<String>,
    /// What stands in its documentation, of the field itself or of its type.
    pub description: Option<&'a str>,
    /// It only holds other keys.
    pub is_section: bool,
}

/// Every key there is, in the order of declaration.
pub fn keys(root: &Json) -> Vec<Key<'_>> {
    let mut out = Vec::new();
    keys_below(root, root, &mut Vec::new(), &mut out);
    out
}

fn keys_below<'a>(root: &'a Json, schema: &'a Json, path: &mut Vec<String>, out: &mut Vec<Key<'a>>) {
    if path.len() > DEPTH_MAX {
        return;
    }
    for form in forms(root, schema).iter().filter(|form| form.kind == Kind::Section) {
        for (name, inner) in form.schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
            path.push(name.clone());
            if !out.iter().any(|key: &Key<'_>| key.path == *path) {
                let target = follow(root, inner);
                let description = inner.get("description").or_else(|| target.get("description")).and_then(Json::as_str);
                let is_section = forms(root, inner).iter().any(|form| form.schema.get("properties").is_some());
                out.push(Key { path: path.clone(), description, is_section });
            }
            keys_below(root, inner, path, out);
            path.pop();
        }
    }
}

/// The schema at a key of `keys`, or below a map with free keys.
pub fn at<'a>(root: &'a Json, path: &[String]) -> Option<&'a Json> {
    let mut schema = root;
    for part in path {
        schema = forms(root, schema).iter().filter(|form| form.kind == Kind::Section).find_map(|form| {
            let named = form.schema.get("properties").and_then(|all| all.get(part));
            named.or_else(|| form.schema.get("additionalProperties").filter(|free| free.is_object()))
        })?;
    }
    Some(schema)
}
