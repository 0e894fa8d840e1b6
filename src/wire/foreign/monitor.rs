//! # monitor, the presence script
//!
//! `monitor/<node>/<MAC or alias>` (its README). Traps: numbers are strings; `confidence` *falls* over minutes, so only
//! 100 was heard just now, less is its own patience and 0 its timeout; an alias may stand for the address in the topic.

use super::{Heard, Kind, Shows, Who, Word, heard, is_up, json, mac, name, node, string, text};

pub static KIND: Kind = Kind {
    id: "monitor",
    base: "monitor",
    filters: &["+/+"],
    read,
    is_state: |levels| matches!(levels, [_, "status"]),
};

fn read(levels: &[&str], payload: &[u8]) -> Option<Word> {
    match levels {
        [place, "status"] => Some(Word::Node { node: node(place), up: is_up(payload)? }),
        [place, topic] => {
            // Commands of its own: `arrive`, `depart`, `start`.
            let Some(value) = json(payload) else { return Some(Word::Nothing) };
            let id = string(&value, "id").unwrap_or(topic);
            let who = match mac(id).or_else(|| mac(topic)) {
                Some(mac) => Who::Mac(mac),
                None => Who::Alias(text(id)?),
            };
            let confidence = value.get("confidence")?;
            let confidence = confidence.as_u64().or_else(|| confidence.as_str()?.trim().parse().ok())?;
            let shows = match confidence {
                100.. => Shows::Alive,
                0 => Shows::Absent,
                _ => Shows::Listed,
            };
            // "Unknown" is its word for no name.
            let name = name(&value, "name").filter(|name| !name.eq_ignore_ascii_case("unknown"));
            let is_named = string(&value, "type") == Some("KNOWN_MAC");
            Some(Word::Heard(Heard { name, is_named, ..heard(place, who, shows) }))
        }
        _ => None,
    }
}
