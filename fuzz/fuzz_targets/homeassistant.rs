//! What comes over Home Assistant's websocket: lists, events, advertisements, and what is made of them.
//!
//! Input: messages that a line break ends. A first letter that is a digit gives the id, in place of a whole envelope:
//! below 5 an event, else a result.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::{
    homeassistant::{adverts::Adverts, conversation::Conversation, evidence::is_entity, registry},
    model::{HaFact, MacAddr, Moment, Mono, Wall},
    wire::ble::Irk,
};

const TEXT_MAX: usize = 120;
const DEVICES_MAX: usize = 8192;

fuzz_target!(|bytes: &[u8]| {
    let mut talk = Conversation::about(&["binary_sensor.door".into()]);
    let opened = talk.open();
    let ids: Vec<u64> = opened.iter().filter_map(|command| command["id"].as_u64()).collect();
    assert!(ids.len() == opened.len() && ids.is_sorted());
    let mut lists_from = ids.last().copied().unwrap_or_default().saturating_sub(4);
    let adverts_on = talk.hear_bluetooth()["id"].as_u64().unwrap_or_default();
    let keys = Irk::read("00112233445566778899aabbccddeeff").map(|key| (key, MacAddr([2, 0, 0, 0, 0, 1])));
    let mut adverts = Adverts::new(keys.into_iter().collect());
    let now = Moment { mono: Mono(1 << 50), wall: Wall(1_700_000_000_000) };
    for line in bytes.split(|byte| *byte == b'\n').take(32) {
        let line = String::from_utf8_lossy(line);
        let message = match line.as_bytes().first().copied() {
            Some(digit @ b'0'..=b'4') => {
                let id = if digit == b'0' { adverts_on } else { adverts_on + u64::from(digit - b'0') };
                format!(r#"{{"id":{id},"type":"event","event":{}}}"#, &line[1..])
            }
            Some(digit @ b'5'..=b'9') => {
                let id = lists_from + u64::from(digit - b'5');
                format!(r#"{{"id":{id},"type":"result","success":true,"result":{}}}"#, &line[1..])
            }
            _ => line.into_owned(),
        };
        let heard = talk.hear(&message);
        assert!(heard.refused.iter().all(|(_, code)| code.len() <= 40));
        for event in &heard.adverts {
            for seen in adverts.hear(event, |mac| mac.0[5] & 1 == 0, now).unwrap_or_default() {
                assert!(seen.at.mono <= now.mono && seen.subject.mac.is_some_and(|mac| mac.is_station()), "{seen:?}");
            }
        }
        if heard.changed {
            lists_from = talk.read_lists()[0]["id"].as_u64().unwrap_or_default();
        }
        if heard.complete {
            let commands = follow(&mut talk);
            assert!(commands.iter().all(|command| command["id"].as_u64().is_some()));
        }
    }
    assert!(talk.trackers().len() <= DEVICES_MAX);
});

/// As the socket's owner does it.
fn follow(talk: &mut Conversation) -> Vec<serde_json::Value> {
    let lists = talk.take_lists();
    let reading = registry::read(&lists, talk.trackers(), 7);
    assert!(reading.watch.len() <= DEVICES_MAX && reading.info.our_entities.len() <= DEVICES_MAX);
    for fact in &reading.facts {
        match fact {
            HaFact::Names(names) => {
                for found in names {
                    found.name.iter().chain(&found.area).chain(&found.hosts).for_each(|text| is_clean(text));
                    assert!(found.macs.iter().all(|mac| mac.is_station()) && found.macs.len() <= 16);
                    assert!(found.ips.len() <= 16 && found.hosts.len() <= 16);
                }
            }
            HaFact::Areas(areas) => areas.iter().filter_map(|(_, area)| area.as_ref()).for_each(|area| is_clean(area)),
            HaFact::Persons(persons) => persons.iter().for_each(|person| is_clean(&person.name)),
            HaFact::Ears(ears) => ears.iter().for_each(|(_, area)| is_clean(area)),
            HaFact::Contact(_) | HaFact::Located(_) | HaFact::Tracker(_) => {}
        }
    }
    talk.evidence.knows(reading.apps, reading.home);
    // One word that is no entity would cost all that is asked for with it.
    talk.watch(reading.watch.into_iter().filter(|id| is_entity(id)).collect())
}

fn is_clean(text: &str) {
    assert!(!text.is_empty() && text.len() <= TEXT_MAX && !text.chars().any(char::is_control), "{text:?}");
}
