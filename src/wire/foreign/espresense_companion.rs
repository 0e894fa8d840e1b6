//! # ESPresense-companion
//!
//! `espresense/companion/<id>` says a room's name, or `not_home` (its `AutoDiscovery.cs` and `MultiScenarioLocator.cs`).
//! Traps: it is worked out from what ESPresense's nodes say, so where both are heard one sighting would count twice; its
//! `not_home` is a timeout of its own; it speaks when the room changes and not when the device is heard; `attributes`
//! below the same id is none of it. So it lists, and proves nothing.

use super::{Heard, Kind, Shows, Word, espresense, heard, is_up, text};

pub static KIND: Kind = Kind {
    id: "espresense_companion",
    base: "espresense/companion",
    filters: &["+", "status"],
    read,
    is_state: |levels| matches!(levels, ["status"]),
};

fn read(levels: &[&str], payload: &[u8]) -> Option<Word> {
    match levels {
        // Its will has this topic; no device is called so.
        ["status"] => Some(Word::Node { node: "companion".into(), up: is_up(payload)? }),
        [id] => {
            let room = text(std::str::from_utf8(payload).ok()?)?;
            let Some(who) = espresense::who(id) else { return Some(Word::Nothing) };
            let shows = if room == "not_home" { Shows::Absent } else { Shows::Listed };
            // It follows those alone that somebody named to it.
            Some(Word::Heard(Heard { is_named: true, ..heard(&room, who, shows) }))
        }
        _ => None,
    }
}
