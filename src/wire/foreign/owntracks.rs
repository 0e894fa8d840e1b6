//! # OwnTracks
//!
//! `owntracks/<user>/<device>` and `…/event` (its booklet). Traps: messages are retained and old, only `tst` says when;
//! a place of more than 500 m accuracy is none; `lwt` means that the phone lost the network, not that it left;
//! `encrypted` cannot be read. It names a phone of its own, so it is an alias until somebody joins it.

use super::{Kind, Shows, Who, Word, heard, json, string, text};

pub static KIND: Kind =
    Kind { id: "owntracks", base: "owntracks", filters: &["+/+", "+/+/event"], read, is_state: |_| false };

/// Metres.
const ACCURACY_MAX: f64 = 500.0;

fn read(levels: &[&str], payload: &[u8]) -> Option<Word> {
    let (user, device) = match levels {
        [user, device] | [user, device, "event"] => (user, device),
        _ => return None,
    };
    let value = json(payload)?;
    let who = Who::Alias(text(&format!("{user}/{device}"))?);
    let shows = match string(&value, "_type")? {
        "location" => {
            if value.get("acc").and_then(|acc| acc.as_f64()).is_some_and(|acc| acc > ACCURACY_MAX) {
                return Some(Word::Nothing);
            }
            let regions = value.get("inregions").and_then(|list| list.as_array())?;
            let is_home =
                regions.iter().any(|region| region.as_str().is_some_and(|name| name.eq_ignore_ascii_case("home")));
            if is_home { Shows::Listed } else { Shows::Absent }
        }
        "transition" => match (string(&value, "event")?, string(&value, "desc")) {
            ("enter", Some(place)) if place.eq_ignore_ascii_case("home") => Shows::Listed,
            ("leave", Some(place)) if place.eq_ignore_ascii_case("home") => Shows::Absent,
            _ => return Some(Word::Nothing),
        },
        _ => return Some(Word::Nothing),
    };
    Some(Word::Heard(heard("owntracks", who, shows)))
}
