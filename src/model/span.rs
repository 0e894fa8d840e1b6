//! # Durations in settings
//!
//! The one value here that knows serde, because every folder's `Settings` needs it: `12m`,
//! `1h 30m`, or a number of seconds.

use std::{borrow::Cow, fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A duration as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(pub Duration);

impl Span {
    #[must_use]
    pub const fn seconds(n: u64) -> Span {
        Span(Duration::from_secs(n))
    }
    #[must_use]
    pub const fn minutes(n: u64) -> Span {
        Span(Duration::from_secs(n * 60))
    }
    #[must_use]
    pub const fn days(n: u64) -> Span {
        Span(Duration::from_secs(n * 86_400))
    }
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&humantime::format_duration(self.0).to_string().replace(' ', ""))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 45s, 12m or 1h30m")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                if let Ok(seconds) = text.parse::<u64>() {
                    return Ok(Span::seconds(seconds));
                }
                humantime::parse_duration(text)
                    .map(Span)
                    .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Span, E> {
                Ok(Span::seconds(seconds))
            }
            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Span, E> {
                u64::try_from(seconds)
                    .map(Span::seconds)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(seconds), &self))
            }
            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Span, E> {
                Duration::try_from_secs_f64(seconds)
                    .map(Span)
                    .map_err(|_| E::invalid_value(de::Unexpected::Float(seconds), &self))
            }
        }
        d.deserialize_any(Visitor)
    }
}

impl schemars::JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": ["string", "number"], "description": "a duration such as 45s, 12m or 1h30m; a number is seconds"})
    }
}
