//! Lists in JSON: MISP's events and feeds, STIX bundles, ThreatFox, and whatever has objects with a kind and a value.
//! Read piece by piece: nothing but the object at hand is held.

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Said, Taker, date, entry};
use crate::model::Wall;

/// Longer values are no entries.
const VALUE_MAX: usize = 4096;

/// Keys whose value is the entry.
const VALUES: [&str; 5] = ["value", "ioc_value", "ioc", "indicator", "url"];
const KINDS: [&str; 3] = ["type", "ioc_type", "indicator_type"];
const THREATS: [&str; 4] = ["threat_type", "threat", "category", "labels"];
const DATES: [&str; 8] =
    ["timestamp", "last_seen", "first_seen", "last_seen_utc", "first_seen_utc", "modified", "dateadded", "date_added"];

pub(super) fn read(text: &[u8], taker: &mut Taker<'_>) -> Result<(), String> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    // serde_json's message quotes nothing.
    (Piece { taker }).deserialize(&mut reader).map_err(|error| format!("is no JSON: {error}"))?;
    reader.end().map_err(|error| format!("is no JSON: {error}"))
}

struct Piece<'a, 'b> {
    taker: &'a mut Taker<'b>,
}

/// What one object says.
#[derive(Default)]
struct Object {
    kind: String,
    values: Vec<String>,
    threat: String,
    seen: Option<Wall>,
    /// MISP: known, but nothing to raise an alarm for.
    is_for_alarms: Option<bool>,
}

/// A text, a number or a truth; anything else is walked.
enum Scalar {
    Text(String),
    Number(i64),
    Bool(bool),
    Nothing,
}

impl<'de> DeserializeSeed<'de> for Piece<'_, '_> {
    type Value = Scalar;
    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Scalar, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Piece<'_, '_> {
    type Value = Scalar;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(if text.len() <= VALUE_MAX { Scalar::Text(text.to_owned()) } else { Scalar::Nothing })
    }
    fn visit_bool<E>(self, truth: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(truth))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(i64::try_from(number).map_or(Scalar::Nothing, Scalar::Number))
    }
    fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
        Ok(Scalar::Nothing)
    }
    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
        let mut texts = 0_u64;
        loop {
            match list.next_element_seed(Piece { taker: self.taker })? {
                None => return Ok(Scalar::Nothing),
                // A list of bare entries.
                Some(Scalar::Text(text)) => match entry(&text) {
                    Some(entry) => self.taker.take(&entry, Said::default()),
                    None => texts += 1,
                },
                Some(_) => {}
            }
            if texts > 0 {
                self.taker.read.unread += std::mem::take(&mut texts);
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        let mut object = Object::default();
        while let Some(key) = map.next_key::<String>()? {
            if key.len() > VALUE_MAX {
                map.next_value::<IgnoredAny>()?;
                return Err(A::Error::custom("a key is too long"));
            }
            // Words about it, not entries.
            if matches!(key.as_str(), "tags" | "Tag" | "labels" | "external_references" | "kill_chain_phases") {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = map.next_value_seed(Piece { taker: self.taker })?;
            object.hear(&key, value);
        }
        object.take(self.taker);
        Ok(Scalar::Nothing)
    }
}

impl Object {
    fn hear(&mut self, key: &str, value: Scalar) {
        match value {
            Scalar::Text(text) if VALUES.contains(&key) => self.values.push(text),
            Scalar::Text(text) if key == "pattern" => self.values.extend(quoted(&text)),
            Scalar::Text(text) if KINDS.contains(&key) => self.kind = text,
            Scalar::Text(text) if THREATS.contains(&key) => self.threat = text,
            Scalar::Text(text) if DATES.contains(&key) => self.seen = self.seen.max(date(&text)),
            Scalar::Number(number) if DATES.contains(&key) => self.seen = self.seen.max(date(&number.to_string())),
            Scalar::Bool(truth) if key == "to_ids" => self.is_for_alarms = Some(truth),
            _ => {}
        }
    }

    fn take(self, taker: &mut Taker<'_>) {
        if self.is_for_alarms == Some(false) {
            return;
        }
        let said = Said { seen: self.seen, threat: &self.threat };
        for value in &self.values {
            // MISP: `ip-dst|port` with `1.2.3.4|443`, `domain|ip` with both.
            let joined = self.kind.ends_with("|port").then(|| value.replace('|', ":"));
            let parts: Vec<&str> = match &joined {
                Some(joined) => vec![joined],
                None => value.split('|').collect(),
            };
            let mut any = false;
            for entry in parts.into_iter().filter_map(entry) {
                taker.take(&entry, said);
                any = true;
            }
            taker.read.unread += u64::from(!any);
        }
    }
}

/// What stands in quotes in a STIX pattern: `[ipv4-addr:value = '203.0.113.66']`.
fn quoted(pattern: &str) -> Vec<String> {
    pattern.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}
