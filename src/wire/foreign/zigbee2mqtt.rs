//! # Occupancy sensors of zigbee2mqtt
//!
//! `zigbee2mqtt/<friendly name>` with `occupancy`. Traps: it says somebody, never who; names may hold a slash; messages
//! are retained for days.

use super::{Kind, Word, json, node};

pub static KIND: Kind = Kind { id: "zigbee2mqtt", base: "zigbee2mqtt", filters: &["#"], read, is_state: |_| false };

fn read(levels: &[&str], payload: &[u8]) -> Option<Word> {
    if matches!(levels, ["bridge", ..] | [.., "availability" | "set" | "get"]) {
        return Some(Word::Nothing);
    }
    let value = json(payload)?;
    match value.get("occupancy").and_then(|occupancy| occupancy.as_bool()) {
        Some(occupied) => Some(Word::Occupied { place: node(&levels.join("/")), occupied }),
        None => Some(Word::Nothing),
    }
}
