//! # Times as a home writes them
//!
//! `15s`, `8h30m`, `-3600s`; `"07:00"`; `"12d 03:30"`; `never`.

use serde::{Deserialize, Deserializer, de::Error as _};

/// A length of time in seconds. Negative only where a clock is set back.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Span(pub f64);

/// A time of day, in seconds from midnight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock(pub f64);

/// A moment of the measured time, or a length, or never.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    Never,
    /// In seconds.
    After(f64),
}

/// A way of going out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Moves {
    /// P(it happens on a day).
    pub p: Option<f64>,
    /// About when, and the standard deviation.
    pub leave: Option<(Clock, Span)>,
    pub back: Option<(Clock, Span)>,
    /// How often on a day: one of these.
    pub n: Vec<u32>,
    /// Between these times of day.
    pub at: Option<(Clock, Clock)>,
    /// Median and sigma of the log.
    pub lasts: Option<(Span, f64)>,
}

/// `8h30m` in seconds.
fn span(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds.is_finite().then_some(seconds);
    }
    let (sign, mut rest) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        let after = rest.get(digits..)?;
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let factor = match after.get(..unit_end)?.trim() {
            "ms" => 0.001,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            _ => return None,
        };
        total += number * factor;
        rest = after.get(unit_end..)?;
    }
    Some(sign * total).filter(|total| total.is_finite())
}

fn clock(text: &str) -> Option<f64> {
    let mut parts = text.trim().split(':').map(str::parse::<u32>);
    let (hour, minute) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let second = parts.next().map_or(Ok(0), |second| second).ok()?;
    (hour < 25 && minute < 60 && second < 60).then(|| f64::from(hour * 3_600 + minute * 60 + second))
}

fn when(text: &str) -> Option<When> {
    if text.trim() == "never" {
        return Some(When::Never);
    }
    if let Some(seconds) = span(text).filter(|seconds| *seconds >= 0.0) {
        return Some(When::After(seconds));
    }
    let (day, time) = text.trim().split_once(' ')?;
    Some(When::After(span(day)? + clock(time)?))
}

/// Text, or a number of seconds.
fn read<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(f64),
        Text(String),
    }
    Ok(match Written::deserialize(from)? {
        Written::Number(number) => number.to_string(),
        Written::Text(text) => text,
    })
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Span, D::Error> {
        let text = read(from)?;
        span(&text).map(Span).ok_or_else(|| D::Error::custom(format!("`{text}` is not a time such as 90s or 8h30m")))
    }
}

impl<'de> Deserialize<'de> for Clock {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Clock, D::Error> {
        let text = read(from)?;
        clock(&text).map(Clock).ok_or_else(|| D::Error::custom(format!("`{text}` is not a time of day such as 07:30")))
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<When, D::Error> {
        let text = read(from)?;
        when(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is neither `14d`, `12d 03:30` nor `never`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_write_them() {
        for (text, seconds) in [
            ("15s", 15.0),
            ("8h30m", 30_600.0),
            ("-3600s", -3_600.0),
            ("14d", 1_209_600.0),
            ("90", 90.0),
            ("1.5h", 5_400.0),
        ] {
            assert_eq!(span(text), Some(seconds), "{text}");
        }
        for text in ["", "s", "5x", "-", "soon"] {
            assert!(span(text).is_none(), "{text}");
        }
        assert_eq!(clock("07:30"), Some(27_000.0));
        assert!(clock("7").is_none() && clock("99:00").is_none());
        assert_eq!(when("12d 03:30"), Some(When::After(12.0 * 86_400.0 + 12_600.0)));
        assert_eq!(
            (when("never"), when("14d"), when("soon")),
            (Some(When::Never), Some(When::After(1_209_600.0)), None)
        );
    }
}
