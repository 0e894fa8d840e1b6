//! # Where settings come from
//!
//! Defaults, then the file, then the app's options, then the environment, then `--set`; the later
//! wins, key by key. Nothing of the process is read here but through [`Sources`], so a test says
//! what the world looks like.

use std::{
    cell::LazyCell,
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value as Json;
use thiserror::Error;

use super::{
    Settings,
    layer::{Layer, merge, origin},
    options,
    problem::{Origin, Problem, split},
    rules, schema,
    tree::{self, Node, Place, Value},
};

/// First part of environment variables of ours; `__` stands for the dot.
const PREFIX: &str = "PORCHLIGHT_";
/// Read by the command line itself.
const NOT_SETTINGS: &[&str] = &["PORCHLIGHT_CONFIG"];
// A settings file is a page or two. This stops a `--config` at a disk image.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What the world says.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--set a.b=value`, in order.
    pub set: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub places: Places,
}

/// Where files are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// What the user of a Home Assistant app edits.
    pub app_config: PathBuf,
    /// What the Supervisor writes.
    pub app_options: PathBuf,
    pub system: PathBuf,
}

impl Default for Places {
    fn default() -> Places {
        Places {
            app_config: "/config/porchlight.yaml".into(),
            app_options: "/data/options.json".into(),
            system: "/etc/porchlight/config.yaml".into(),
        }
    }
}

impl Sources {
    /// The environment of this process.
    #[must_use]
    pub fn of_process(config: Option<PathBuf>, set: Vec<String>) -> Sources {
        // Variables that are no text cannot be ours.
        let env = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Sources { config, set, env: env.collect(), places: Places::default() }
    }

    /// Started by Home Assistant's Supervisor.
    #[must_use]
    pub fn is_app(&self) -> bool {
        self.env.contains_key("SUPERVISOR_TOKEN") || self.places.app_options.exists()
    }

    /// The file to read: the one named, else the first there is. None is fine.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        if self.config.is_some() {
            return self.config.clone();
        }
        let app = self.is_app().then(|| self.places.app_config.clone());
        let home = self.env.get("XDG_CONFIG_HOME").filter(|p| !p.is_empty()).map(PathBuf::from);
        let home =
            home.or_else(|| self.env.get("HOME").filter(|p| !p.is_empty()).map(|h| Path::new(h).join(".config")));
        let user = home.map(|home| home.join("porchlight/config.yaml"));
        [app, user, Some(self.places.system.clone())].into_iter().flatten().find(|path| path.exists())
    }
}

/// Why there are no settings.
#[derive(Debug, Error)]
pub enum SettingsError {
    #[error("no settings file {}", path.display())]
    Missing { path: PathBuf },
    #[error("may not read settings file {}", path.display())]
    Forbidden { path: PathBuf },
    #[error("cannot read settings file {}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}", listed(problems))]
    Invalid { problems: Vec<Problem> },
}

impl SettingsError {
    /// What the reader can do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            SettingsError::Missing { .. } => Some("leave --config out: everything has a default"),
            SettingsError::Forbidden { .. } => Some("chmod, or run as the user that owns it"),
            // Each problem has its own.
            SettingsError::Unreadable { .. } | SettingsError::Invalid { .. } => None,
        }
    }
}

fn listed(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let one = problems.len() == 1;
    format!(
        "{} in the settings:\n{}",
        if one { "1 problem".into() } else { format!("{} problems", problems.len()) },
        lines.join("\n")
    )
}

/// Settings, and who said what.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub settings: Settings,
    /// The file read, if any.
    pub file: Option<PathBuf>,
    pub warnings: Vec<Problem>,
    layers: Vec<Layer>,
}

impl Loaded {
    /// Who said `path`: the last layer that has it, else the last that says something above it.
    #[must_use]
    pub fn origin(&self, path: &[String]) -> Origin {
        origin(&self.layers, path)
    }
}

/// Reads, merges and checks. All problems of all sources come at once.
pub fn load(sources: &Sources) -> Result<Loaded, SettingsError> {
    // Nothing is said in most calls of the command line, and then nothing has to be checked.
    let schema: LazyCell<Json> = LazyCell::new(schema::schema);
    let (mut problems, mut warnings, mut layers) = (Vec::new(), Vec::new(), Vec::new());
    let file = sources.file();
    if let Some(path) = &file {
        let text = read(path)?;
        layers.push(Layer::of_file(&schema, path, &text, &mut problems));
    }
    if sources.is_app()
        && let Ok(text) = fs::read_to_string(&sources.places.app_options)
    {
        layers.push(options::layer(&schema, &sources.places.app_options, &text, &mut problems));
    }
    for (name, text) in &sources.env {
        layers.extend(from_environment(&schema, name, text, &mut problems, &mut warnings));
    }
    for assignment in &sources.set {
        layers.extend(from_flag(&schema, assignment, &mut problems));
    }
    let settings = merge(&mut layers, &mut problems);
    let who = |path: &[String]| origin(&layers, path);
    problems.extend(rules::pairs(&settings, &who));
    if !problems.is_empty() {
        problems.sort_by_key(Problem::rank);
        return Err(SettingsError::Invalid { problems });
    }
    warnings.extend(rules::warnings(&settings, &who));
    Ok(Loaded { settings, file, warnings, layers })
}

fn read(path: &Path) -> Result<String, SettingsError> {
    let path_owned = || path.to_owned();
    let told = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => SettingsError::Missing { path: path_owned() },
        io::ErrorKind::PermissionDenied => SettingsError::Forbidden { path: path_owned() },
        _ => SettingsError::Unreadable { path: path_owned(), source: error },
    };
    let length = fs::metadata(path).map_err(told)?.len();
    if length > FILE_BYTES_MAX {
        let source = io::Error::other(format!("it has {length} bytes, which is no settings file"));
        return Err(SettingsError::Unreadable { path: path_owned(), source });
    }
    fs::read_to_string(path).map_err(told)
}

/// `PORCHLIGHT_MQTT__URL` is `mqtt.url`.
fn from_environment(
    schema: &LazyCell<Json>,
    name: &str,
    text: &str,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) -> Option<Layer> {
    let key = name.strip_prefix(PREFIX).filter(|key| !key.is_empty() && !NOT_SETTINGS.contains(&name))?;
    let path: Vec<String> = key.to_lowercase().split("__").map(str::to_owned).collect();
    let origin = |_: Place| Origin::Environment { name: name.to_owned() };
    // Container platforms invent variables such as PORCHLIGHT_SERVICE_HOST for a service of that name.
    if path.len() == 1 && schema::at(schema, &path).is_none() {
        let what = "is none of the settings and was passed over".to_owned();
        warnings.push(Problem { origin: origin(Place::default()), key: String::new(), what, advice: None });
        return None;
    }
    Some(assign(schema, path, text, problems, &origin))
}

/// `mqtt.url=mqtt://host`.
fn from_flag(schema: &Json, assignment: &str, problems: &mut Vec<Problem>) -> Option<Layer> {
    let flag = |key: &str| Origin::Flag { key: key.to_owned() };
    let Some((key, text)) = assignment.split_once('=') else {
        let what = "has no value".to_owned();
        let advice = Some(format!("--set {assignment}=VALUE"));
        problems.push(Problem { origin: flag(assignment), key: String::new(), what, advice });
        return None;
    };
    Some(assign(schema, split(key.trim()), text, problems, &|_| flag(key)))
}

/// One value at one key: a document of a single branch. The value is YAML, unless text is wanted.
fn assign(
    schema: &Json,
    path: Vec<String>,
    text: &str,
    problems: &mut Vec<Problem>,
    origin: &dyn Fn(Place) -> Origin,
) -> Layer {
    let forms = schema::at(schema, &path).map(|inner| schema::forms(schema, inner)).unwrap_or_default();
    let only =
        |kind| !forms.is_empty() && forms.iter().all(|form| form.kind == kind || form.kind == schema::Kind::Null);
    let nullable = forms.iter().any(|form| form.kind == schema::Kind::Null);
    let literal = || Node { place: Place::default(), raw: None, value: Value::Text(text.to_owned()) };
    // A password may look like YAML. An empty one is none.
    let value = if only(schema::Kind::Text) && !(nullable && text.is_empty()) {
        literal()
    } else {
        tree::read(text).unwrap_or_else(|_| literal())
    };
    let mut node = value;
    for part in path.into_iter().rev() {
        node = Node { place: Place::default(), raw: None, value: Value::Map(vec![(part, Place::default(), node)]) };
    }
    Layer::of_tree(schema, &node, true, problems, origin)
}
