//! # OpenWrt's wifi-presence
//!
//! `wifi-presence/station/<ap>/<mac with dashes>/state` (its `topics.go`, `messages.go`). Trap: who roams is
//! `not_connected` at the first access point *after* it is `connected` at the second; it is gone only if no access
//! point has it. `connected` that is retained is old.

use super::{Kind, Shows, Who, Word, heard, is_up, mac, node};

pub static KIND: Kind = Kind {
    id: "wifi_presence",
    base: "wifi-presence",
    filters: &["station/+/+/state", "+/status"],
    read,
    is_state: |levels| matches!(levels, [_, "status"]),
};

fn read(levels: &[&str], payload: &[u8]) -> Option<Word> {
    match levels {
        [ap, "status"] => Some(Word::Node { node: node(ap), up: is_up(payload)? }),
        ["station", ap, address, "state"] => {
            let shows = match payload.trim_ascii() {
                b"connected" => Shows::Joined,
                b"not_connected" => Shows::Left,
                _ => return None,
            };
            Some(Word::Heard(heard(ap, Who::Mac(mac(address)?), shows)))
        }
        _ => None,
    }
}
