//! # room-assistant, and whatever else feeds `mqtt_room`
//!
//! `room-assistant/mqtt-room/<room>` (its `home-assistant.service.ts`). Trap: no time and no level, and only changes of
//! the distance are sent: at most "seen now in this room". The id may end in `-tracker`.

use super::{Heard, Kind, Shows, Who, Word, heard, is_up, json, mac, name, node, string, text};

pub static KIND: Kind = Kind {
    id: "room_assistant",
    base: "room-assistant",
    filters: &["mqtt-room/+", "status/+"],
    read,
    is_state: |levels| matches!(levels, ["status", _]),
};

fn read(levels: &[&str], payload: &[u8]) -> Option<Word> {
    match levels {
        ["status", instance] => Some(Word::Node { node: node(instance), up: is_up(payload)? }),
        ["mqtt-room", room] => {
            let value = json(payload)?;
            let id = string(&value, "id")?;
            let id = id.strip_suffix("-tracker").unwrap_or(id);
            let who = match mac(id) {
                Some(mac) => Who::Mac(mac),
                None => Who::Alias(text(id)?),
            };
            // It sends those of its own list alone.
            let name = name(&value, "name");
            Some(Word::Heard(Heard { name, is_named: true, ..heard(room, who, Shows::Alive) }))
        }
        _ => None,
    }
}
