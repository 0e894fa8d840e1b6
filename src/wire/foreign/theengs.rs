//! # Theengs Gateway and OpenMQTTGateway
//!
//! `home/<gateway>/BTtoMQTT/<MAC without colons>` (Theengs' `ble_gateway.py`, `discovery.py`). Traps:
//! `"presence":"absent"` comes without a level and is their timeout, not a departure; `undecoded` floods; the same
//! address from several gateways is one sighting at several places; random addresses of strangers come too.

use super::{Heard, Kind, Shows, Who, Word, heard, is_up, json, level, mac, name, node, string};

pub static KIND: Kind = Kind {
    id: "theengs",
    base: "home",
    filters: &["+/BTtoMQTT/+", "+/LWT"],
    read,
    is_state: |levels| matches!(levels, [_, "LWT"]),
};

fn read(levels: &[&str], payload: &[u8]) -> Option<Word> {
    match levels {
        [gateway, "LWT"] => Some(Word::Node { node: node(gateway), up: is_up(payload)? }),
        [_, "BTtoMQTT", "undecoded"] => Some(Word::Nothing),
        [gateway, "BTtoMQTT", topic] => {
            let value = json(payload)?;
            let mac = string(&value, "id").and_then(mac).or_else(|| self::mac(topic))?;
            if string(&value, "presence") == Some("absent") {
                return Some(Word::Heard(heard(gateway, Who::Mac(mac), Shows::Absent)));
            }
            // An address that changes by itself is nobody's; the gateway marks what it knows to be one.
            if value.get("mac_type").is_some_and(|kind| kind.as_u64() == Some(1)) && is_private(mac) {
                return Some(Word::Nothing);
            }
            let level = level(&value, "rssi");
            let (shows, name) = (Shows::Alive, name(&value, "name"));
            let is_named = value.get("track").and_then(serde_json::Value::as_bool) == Some(true);
            Some(Word::Heard(Heard { level, name, is_named, ..heard(gateway, Who::Mac(mac), shows) }))
        }
        _ => None,
    }
}

/// Of a random address, the two highest bits 11 are a fixed one (Bluetooth Core 5.4, 6.B 1.3.2).
const fn is_private(mac: crate::model::MacAddr) -> bool {
    mac.0[0] >> 6 != 0b11
}
