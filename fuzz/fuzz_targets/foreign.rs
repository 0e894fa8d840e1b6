//! What other projects say of presence over MQTT, and what an ear makes of it, message after message.
//!
//! Every kind goes by its row in `KINDS`: `espresense`, `espresense_companion`, `hostapd_script`, `monitor`, `owntracks`,
//! `room_assistant`, `tasmota`, `theengs`, `wifi_presence`, `zigbee2mqtt`.
//!
//! Input: messages that a zero byte ends: a byte for the kind, its topic below the base, a line break, the payload.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::{
    model::{Fact, Moment, Mono, Wall},
    scanners::mqtt::{Ear, Foreign, Message, Settings},
    wire::foreign::{KINDS, Kind, Who, Word},
};

/// Of a name or a node.
const TEXT_MAX: usize = 80;

fuzz_target!(|bytes: &[u8]| {
    let on = || Foreign { enabled: true, topic: String::new() };
    let settings = Settings {
        espresense: on(),
        room_assistant: on(),
        theengs: on(),
        monitor: on(),
        tasmota: on(),
        owntracks: on(),
        wifi_presence: on(),
        hostapd_script: on(),
        zigbee2mqtt: on(),
        ..Settings::default()
    };
    let mut ear = Ear::new(&settings, "porchlight");
    let mut second = 1;
    for said in bytes.split(|byte| *byte == 0).take(64) {
        let [kind, said @ ..] = said else { continue };
        let Some(at) = said.iter().position(|byte| *byte == b'\n') else { continue };
        let (topic, payload) = (String::from_utf8_lossy(&said[..at]), &said[at + 1..]);
        let kind_of = KINDS[usize::from(kind & 0x3f) % KINDS.len()];
        let topic = format!("{}/{topic}", kind_of.base);
        one(kind_of, &topic, payload);
        second += u64::from(kind >> 7) * 600 + 1;
        let now = Moment { mono: Mono(second * 1_000_000_000), wall: Wall(second as i64 * 1000) };
        let retained = kind & 0x40 != 0;
        let seen = ear.take(&Message { topic: &topic, payload, retained }, |mac| mac.0[5] & 1 == 0, now);
        // One message is about one device; a node that turns is about all that it alone hears.
        assert!(seen.len() <= 4 * 64, "{seen:?}");
        for seen in &seen {
            assert!(seen.at.mono <= now.mono && seen.subject.mac.is_none_or(|mac| mac.is_station()), "{seen:?}");
            assert!(!matches!(seen.fact, Fact::Alive { .. }) || !retained, "old news prove nothing: {seen:?}");
        }
    }
    let counts = ear.counts;
    assert!(counts.understood + counts.odd <= 2 * 64, "{counts:?}");
});

fn one(kind: &Kind, topic: &str, payload: &[u8]) {
    assert_eq!(kind.word("elsewhere", topic, payload), None);
    let word = kind.word(kind.base, topic, payload);
    // State is what says which nodes are there, and nothing else is.
    match &word {
        Some(Word::Node { .. }) => assert!(kind.keeps(kind.base, topic)),
        Some(_) => assert!(!kind.keeps(kind.base, topic), "{word:?}"),
        None => {}
    }
    match word {
        Some(Word::Node { node, .. }) => is_clean(&node),
        Some(Word::Occupied { place, .. }) => is_clean(&place),
        Some(Word::Heard(heard)) => {
            is_clean(&heard.node);
            assert!(heard.name.as_ref().is_none_or(|name| !name.is_empty()));
            heard.name.iter().for_each(|name| is_clean(name));
            assert!(heard.level.is_none_or(|level| level.dbm() < 0));
            match &heard.who {
                Who::Mac(mac) => assert!(mac.is_station()),
                Who::Irk(_) => {}
                Who::Beacon(text) | Who::Alias(text) => {
                    assert!(!text.is_empty());
                    is_clean(text);
                }
            }
        }
        Some(Word::Nothing) | None => {}
    }
}

fn is_clean(text: &str) {
    assert!(text.len() <= TEXT_MAX && !text.chars().any(char::is_control), "{text:?}");
}
