//! # ESPresense
//!
//! `espresense/devices/<id>/<room>` (its `main.cpp` and `BleFingerprint.cpp`). Trap: `id` is a fingerprint and not an
//! address. `apple:…`, `md:…`, `sd:…` and the like name classes of devices, not one device; `mac` beside them is often
//! a random address of this quarter of an hour. Nodes that go offline prove nothing.

use super::{Heard, Kind, Shows, Who, Word, heard, is_up, json, level, mac, name, node, string, text};
use crate::wire::ble::Irk;

pub static KIND: Kind = Kind {
    id: "espresense",
    base: "espresense",
    filters: &["devices/+/+", "rooms/+/status"],
    read,
    is_state: |levels| matches!(levels, ["rooms", _, "status"]),
};

fn read(levels: &[&str], payload: &[u8]) -> Option<Word> {
    match levels {
        ["rooms", room, "status"] => Some(Word::Node { node: node(room), up: is_up(payload)? }),
        ["devices", _, room] => {
            let value = json(payload)?;
            let Some(who) = who(string(&value, "id")?) else { return Some(Word::Nothing) };
            let (level, name) = (level(&value, "rssi"), name(&value, "name"));
            let is_named = string(&value, "id").is_some_and(|id| id.starts_with("known:")) || name.is_some();
            Some(Word::Heard(Heard { level, name, is_named, ..heard(room, who, Shows::Alive) }))
        }
        _ => None,
    }
}

/// `None`: a class of devices, which is nobody.
pub(super) fn who(id: &str) -> Option<Who> {
    let Some((kind, rest)) = id.split_once(':') else {
        // Twelve digits: a public address.
        return mac(id).map(Who::Mac);
    };
    match kind {
        "irk" => Irk::read(rest).map(Who::Irk),
        "iBeacon" => text(&rest.to_ascii_lowercase()).map(Who::Beacon),
        "known" | "tile" => mac(rest).map(Who::Mac),
        _ => None,
    }
}
