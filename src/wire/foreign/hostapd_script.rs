//! # Event scripts of hostapd
//!
//! `presence/<ap>/<mac>` with hostapd's own words (`hostapd_cli -a`). Traps: only the order of arrival is known; an
//! access point that starts anew sends no disconnections, so its will must speak for it (`presence/<ap>/status`).

use super::{Kind, Shows, Who, Word, heard, is_up, mac, node};

pub static KIND: Kind = Kind {
    id: "hostapd_script",
    base: "presence",
    filters: &["+/+"],
    read,
    is_state: |levels| matches!(levels, [_, "status"]),
};

fn read(levels: &[&str], payload: &[u8]) -> Option<Word> {
    match levels {
        [ap, "status"] => Some(Word::Node { node: node(ap), up: is_up(payload)? }),
        [ap, address] => {
            let word = payload.trim_ascii().split(|byte| *byte == b' ').next().unwrap_or_default();
            let shows = match word {
                b"AP-STA-CONNECTED" => Shows::Joined,
                b"AP-STA-DISCONNECTED" => Shows::Left,
                _ => return None,
            };
            Some(Word::Heard(heard(ap, Who::Mac(mac(address)?), shows)))
        }
        _ => None,
    }
}
