//! # Logins in JSON
//!
//! A secret and a name of one object, wherever it stands: routers, cameras and their apps wrap it in calls (JSON-RPC 2.0), lists
//! and parameters. Or as a question of GraphQL (its specification, §2.6) says it: `login(user: "…", password: "…")`.

use serde_json::Value;

use super::http::{SECRETS, USERS};

/// Of objects in each other, and of all that is looked at.
const DEPTH_MAX: usize = 6;
const VALUES_MAX: usize = 256;

/// Secret and name.
pub fn login(body: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let mut left = VALUES_MAX;
    wrapped(&value, DEPTH_MAX, &mut left).or_else(|| {
        let question = value.get("query").and_then(Value::as_str)?;
        Some((argument(question, &SECRETS)?, argument(question, &USERS).unwrap_or_default()))
    })
}

fn wrapped(value: &Value, depth: usize, left: &mut usize) -> Option<(Vec<u8>, Vec<u8>)> {
    *left = left.checked_sub(1)?;
    let depth = depth.checked_sub(1)?;
    match value {
        Value::Array(values) => values.iter().find_map(|value| wrapped(value, depth, left)),
        Value::Object(fields) => {
            let field = |names: &[&str]| {
                let mut known = fields.iter().filter(|(name, _)| names.contains(&name.to_ascii_lowercase().as_str()));
                known.find_map(|(_, value)| value.as_str()).map(|text| text.as_bytes().to_vec())
            };
            match field(&SECRETS).filter(|secret| !secret.is_empty()) {
                Some(secret) => Some((secret, field(&USERS).unwrap_or_default())),
                None => fields.values().find_map(|value| wrapped(value, depth, left)),
            }
        }
        _ => None,
    }
}

/// The text behind `name: "`.
fn argument(question: &str, names: &[&str]) -> Option<Vec<u8>> {
    let is_letter = |at: char| at.is_ascii_alphanumeric() || at == '_';
    question.match_indices(':').take(64).find_map(|(at, _)| {
        let name = question.get(..at)?.trim_end().rsplit(|letter| !is_letter(letter)).next()?;
        let value = question.get(at + 1..)?.trim_start().strip_prefix('"')?;
        let value = value.get(..value.find('"')?)?;
        (!value.is_empty() && names.contains(&name.to_ascii_lowercase().as_str())).then(|| value.as_bytes().to_vec())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_found_however_they_are_wrapped() {
        let cases: &[(&str, Option<(&str, &str)>)] = &[
            (r#"{"user":"a","pass":"s"}"#, Some(("s", "a"))),
            (r#"{"method":"call","params":["0","session","login",{"username":"a","password":"s"}]}"#, Some(("s", "a"))),
            (r#"[{"cmd":"Login","param":{"User":{"userName":"a","password":"s"}}}]"#, Some(("s", "a"))),
            (r#"{"query":"mutation { login(username: \"a\", password:\"s\") { token } }"}"#, Some(("s", "a"))),
            (r#"{"query":"{ user(name: \"a\") { passwordAge } }"}"#, None),
            (r#"{"password":"","user":"a"}"#, None),
            (r#"{"password":true}"#, None),
            (r#"{"text":"password: \"s\""}"#, None),
            (r#"[[[[[[[[{"password":"s"}]]]]]]]]"#, None),
            ("[", None),
        ];
        for (body, expected) in cases {
            let found = login(body.as_bytes());
            let expected = expected.map(|(secret, user)| (secret.as_bytes().to_vec(), user.as_bytes().to_vec()));
            assert_eq!(found, expected, "{body}");
        }
    }
}
