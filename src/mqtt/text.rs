//! # Text that leaves the house
//!
//! Names come from the network and from people; here they are made fit to be shown by Home
//! Assistant. They are only ever JSON strings, never parts of a template or a topic.

use crate::model::{DeviceId, clean_text};

/// Home Assistant refuses longer states (`MAX_LENGTH_STATE_STATE` in its const.py).
pub const CHARS_MAX: usize = 255;
/// Longest name; also `max` of the name's text entity.
pub const NAME_CHARS_MAX: usize = 60;
// Longest part of an entity id made from a name.
const SLUG_MAX: usize = 40;

/// `raw` without control characters, at most `max` characters.
#[must_use]
pub fn cut(raw: &str, max: usize) -> String {
    let clean = clean_text(raw, max.saturating_mul(4));
    match clean.char_indices().nth(max) {
        Some((end, _)) => clean.get(..end).unwrap_or_default().trim_end().to_owned(),
        None => clean,
    }
}

/// [`cut`] to what a state may hold.
#[must_use]
pub fn shown(raw: &str) -> String {
    cut(raw, CHARS_MAX)
}

/// Transliterated, lower case, every other run `_`. May be empty.
#[must_use]
pub fn slug(raw: &str) -> String {
    // Cut before transliteration: one character may become a dozen.
    let latin = deunicode::deunicode(&cut(raw, CHARS_MAX));
    let mut out = String::new();
    for c in latin.chars().map(|c| c.to_ascii_lowercase()) {
        if out.len() >= SLUG_MAX {
            break;
        }
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    out.truncate(out.trim_end_matches('_').len());
    out
}

/// What a device's entity ids begin with, if none was fixed yet.
#[must_use]
pub fn device_slug(name: &str, id: DeviceId) -> String {
    let slug = slug(name);
    if !slug.is_empty() {
        return slug;
    }
    let id = id.to_string();
    format!("device_{}", id.get(id.len().saturating_sub(4)..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_entity_ids() {
        let id: DeviceId = "d-7f3k2m".parse().expect("an id");
        let cases = [
            ("Anna's phone", "anna_s_phone"),
            ("  Küche – Licht!! ", "kuche_licht"),
            ("東京", "dong_jing"),
            ("{{ 7*7 }}", "7_7"),
            ("../../etc", "etc"),
            ("+/#", "device_3k2m"),
            ("\u{0}\u{202e}", "device_3k2m"),
            ("", "device_3k2m"),
        ];
        for (name, slug) in cases {
            assert_eq!(device_slug(name, id), slug, "{name:?}");
        }
        for long in ["x".repeat(300), "ß ".repeat(300), "🦀".repeat(300)] {
            let slug = device_slug(&long, id);
            assert!(slug.len() <= 40 && !slug.ends_with('_'), "{slug}");
        }
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("ééé", 2), "éé");
        assert_eq!(cut("a\u{0}b", 9), "a b");
        assert_eq!(cut("a bc", 2), "a");
        assert_eq!(shown(&"🦀".repeat(300)).chars().count(), 255);
    }
}
