//! # Tasmota's iBeacon driver
//!
//! `tele/<t>/SENSOR` with `IBEACON_<MAC>` (its documentation). Traps: a lost beacon is `RSSI: 0` and not missing;
//! `Time` is local time without a zone and not read; one message may hold several beacons, of which the first counts.

use super::{Heard, Kind, Shows, Who, Word, heard, is_up, json, level, mac, node};

pub static KIND: Kind = Kind {
    id: "tasmota",
    base: "tele",
    filters: &["+/SENSOR", "+/LWT"],
    read,
    is_state: |levels| matches!(levels, [_, "LWT"]),
};

fn read(levels: &[&str], payload: &[u8]) -> Option<Word> {
    match levels {
        [topic, "LWT"] => Some(Word::Node { node: node(topic), up: is_up(payload)? }),
        [topic, "SENSOR"] => {
            let value = json(payload)?;
            let beacons =
                value.as_object()?.iter().filter_map(|(key, beacon)| Some((key.strip_prefix("IBEACON_")?, beacon)));
            let Some((address, beacon)) = beacons.take(1).next() else { return Some(Word::Nothing) };
            let mac = beacon.get("MAC").and_then(|mac| mac.as_str()).and_then(mac).or_else(|| self::mac(address))?;
            let is_lost = beacon.get("RSSI")?.as_f64()? == 0.0;
            let shows = if is_lost { Shows::Absent } else { Shows::Alive };
            Some(Word::Heard(Heard { level: level(beacon, "RSSI"), ..heard(topic, Who::Mac(mac), shows) }))
        }
        _ => None,
    }
}
