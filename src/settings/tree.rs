//! # YAML with places
//!
//! One document as a tree in which every key and value knows its line and column, so that a
//! complaint can point. Booleans are `true` and `false` alone here: `off` stays the word that some
//! settings have among their values (`settings::check` turns it into a boolean where one is wanted).

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::Spanned;

/// Line and column, from 1; 0 is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    pub line: u64,
    pub column: u64,
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub place: Place,
    /// As written, for plain scalars: `007` is the number 7 or the text `007`, as the setting wants.
    pub raw: Option<String>,
    pub value: Value,
}

/// What YAML can say.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Place, Node)>),
}

/// Why a document is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub place: Place,
    pub what: String,
}

/// Reads one document. An empty one is [`Value::Null`].
pub fn read(text: &str) -> Result<Node, Broken> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    };
    // An empty document has no node that could carry a place.
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#') || line.trim() == "---") {
        return Ok(Node { place: Place::default(), raw: None, value: Value::Null });
    }
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(spanned) => Ok(node(spanned, text)),
        Err(error) => {
            let place =
                error.location().map_or_else(Place::default, |at| Place { line: at.line(), column: at.column() });
            // The reader's own drawing quotes neighbouring lines, which may hold a password.
            Err(Broken { place, what: without_place(&error.without_snippet().to_string()) })
        }
    }
}

/// The message alone, in words for people: the reader appends a place, and speaks to programmers.
fn without_place(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let cut = first.find(" at line ").or_else(|| first.find(" (line ")).unwrap_or(first.len());
    let first = first.get(..cut).unwrap_or(first);
    let first = first.strip_prefix("error: ").unwrap_or(first);
    // "line 3 column 4: message"
    let first =
        first.strip_prefix("line ").and_then(|rest| rest.split_once(": ")).map_or(first, |(_, message)| message);
    if let Some(key) = first.strip_prefix("duplicate mapping key: ") {
        return format!("`{}` is said twice", key.split(", set ").next().unwrap_or(key));
    }
    if first.starts_with("multiple YAML documents") {
        return "a second document starts here (`---`)".into();
    }
    if first.starts_with("tabs disallowed") {
        return "a tab; YAML is indented by spaces".into();
    }
    first.to_owned()
}

/// The tree as the reader hands it over.
enum Raw {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

fn place<T>(spanned: &Spanned<T>) -> Place {
    Place { line: spanned.referenced.line(), column: spanned.referenced.column() }
}

fn node(spanned: Spanned<Raw>, text: &str) -> Node {
    let place = place(&spanned);
    let span = spanned.defined.span();
    let raw = || {
        let start = usize::try_from(span.byte_offset()?).ok()?;
        let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
        text.get(start..end).map(|raw| raw.trim().to_owned())
    };
    let (raw, value) = match spanned.value {
        Raw::Null => (None, Value::Null),
        Raw::Bool(b) => (raw(), Value::Bool(b)),
        Raw::Int(n) => (raw(), Value::Int(n)),
        Raw::Float(n) => (raw(), Value::Float(n)),
        Raw::Text(t) => (None, Value::Text(t)),
        Raw::List(items) => (None, Value::List(items.into_iter().map(|item| node(item, text)).collect())),
        Raw::Map(items) => {
            let items = items.into_iter().map(|(key, item)| {
                let at = self::place(&key);
                (key.value, at, node(item, text))
            });
            (None, Value::Map(items.collect()))
        }
    };
    Node { place, raw, value }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Raw, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Raw;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }
            fn visit_none<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }
            fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Raw, D::Error> {
                Raw::deserialize(d)
            }
            fn visit_bool<E>(self, b: bool) -> Result<Raw, E> {
                Ok(Raw::Bool(b))
            }
            fn visit_i64<E>(self, n: i64) -> Result<Raw, E> {
                Ok(Raw::Int(n.into()))
            }
            fn visit_u64<E>(self, n: u64) -> Result<Raw, E> {
                Ok(Raw::Int(n.into()))
            }
            fn visit_i128<E>(self, n: i128) -> Result<Raw, E> {
                Ok(Raw::Int(n))
            }
            fn visit_u128<E>(self, n: u128) -> Result<Raw, E> {
                Ok(i128::try_from(n).map_or(Raw::Float(n as f64), Raw::Int))
            }
            fn visit_f64<E>(self, n: f64) -> Result<Raw, E> {
                Ok(Raw::Float(n))
            }
            fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
                Ok(Raw::Text(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Raw::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
                let mut map = Vec::new();
                while let Some(item) = items.next_entry()? {
                    map.push(item);
                }
                Ok(Raw::Map(map))
            }
        }
        d.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(node: &Node) -> String {
        match &node.value {
            Value::Null => "null".into(),
            Value::Bool(b) => b.to_string(),
            Value::Int(n) => n.to_string(),
            Value::Float(n) => n.to_string(),
            Value::Text(t) => format!("{t:?}"),
            Value::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" ")),
            Value::Map(items) => {
                let items: Vec<_> =
                    items.iter().map(|(k, at, v)| format!("{k}@{}:{}={}", at.line, at.column, shown(v))).collect();
                format!("{{{}}}", items.join(" "))
            }
        }
    }

    #[test]
    fn every_key_knows_its_place() {
        let cases = [
            ("", "null"),
            ("# nothing\n---\n", "null"),
            ("a: 1\nb:\n  c: off\n", "{a@1:1=1 b@2:1={c@3:3=\"off\"}}"),
            ("a: [1, -2.5, true]\n", "{a@1:1=[1 -2.5 true]}"),
            ("a:\nb: ~\n", "{a@1:1=null b@2:1=null}"),
            ("mac: 02:00:00:00:00:66\n", "{mac@1:1=\"02:00:00:00:00:66\"}"),
            ("7: x\n", "{7@1:1=\"x\"}"),
            ("p: 007\n", "{p@1:1=\"007\"}"),
            ("a: &x {b: 1}\nc: *x\n", "{a@1:1={b@1:8=1} c@2:1={b@2:4=1}}"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(&read(text).expect(text)), expected, "{text}");
        }
        let Value::Map(items) = read("n: 1_0\nm: 0x1F\n").expect("a map").value else { panic!("a map") };
        assert_eq!(items[1].2.raw.as_deref(), Some("0x1F"));
    }

    #[test]
    fn a_broken_document_says_where_and_quotes_no_line() {
        for text in ["password: hunter2\nmqtt: {url: [\n", "a: 1\npassword: hunter2\na: 2\n", "password: \"hunter2\n"] {
            let broken = read(text).expect_err(text);
            assert!(broken.place.line > 0, "{text}: {broken:?}");
            assert!(!broken.what.contains("hunter2") && !broken.what.is_empty(), "{broken:?}");
        }
    }
}
