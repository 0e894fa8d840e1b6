//! # What is wrong with settings, and where it was said
//!
//! A problem names its source (a file with line and column, an environment variable, a flag), the
//! key, what was expected, and what to do about it.

use std::{fmt, path::PathBuf};

use super::tree::Place;

/// Who said a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody: it is the default.
    Default,
    /// A file, at a place.
    File { path: PathBuf, place: Place },
    /// An environment variable.
    Environment { name: String },
    /// `--set`.
    Flag { key: String },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, place } if place.line == 0 => write!(f, "{}", path.display()),
            Origin::File { path, place } => write!(f, "{}:{}:{}", path.display(), place.line, place.column),
            Origin::Environment { name } => write!(f, "environment {name}"),
            Origin::Flag { key } => write!(f, "--set {key}"),
        }
    }
}

/// One thing wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub origin: Origin,
    /// `mqtt.url`; empty for the document as a whole.
    pub key: String,
    pub what: String,
    pub advice: Option<String>,
}

impl Problem {
    /// In the order in which people go through it: files from top to bottom, then the rest.
    #[must_use]
    pub fn rank(&self) -> (u8, PathBuf, Place) {
        match &self.origin {
            Origin::File { path, place } => (0, path.clone(), *place),
            Origin::Environment { name } => (1, name.into(), Place::default()),
            Origin::Flag { .. } => (2, PathBuf::new(), Place::default()),
            Origin::Default => (3, PathBuf::new(), Place::default()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)?;
        match &self.advice {
            Some(advice) => write!(f, "\n    try: {advice}"),
            None => Ok(()),
        }
    }
}

/// The parts of a key as people write it; a part with a dot is quoted.
#[must_use]
pub fn spell(path: &[String]) -> String {
    let parts: Vec<String> =
        path.iter().map(|part| if part.contains('.') { format!("\"{part}\"") } else { part.clone() }).collect();
    parts.join(".")
}

/// Reads what [`spell`] writes.
#[must_use]
pub fn split(key: &str) -> Vec<String> {
    let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
    for c in key.chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    parts.push(part);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back() {
        for parts in [vec!["mqtt", "url"], vec!["network", "labels", "192.168.7.0/24"], vec!["role"]] {
            let parts: Vec<String> = parts.into_iter().map(Into::into).collect();
            assert_eq!(split(&spell(&parts)), parts);
        }
    }
}
