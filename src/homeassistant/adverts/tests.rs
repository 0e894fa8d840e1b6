//! Advertisements as Home Assistant writes them, each trap with its case.

use serde_json::json;

use super::*;
use crate::model::{Mono, Wall};

const TAG: &str = "C4:7C:8D:6A:11:22";
const PROXY: &str = "A0:B7:65:01:02:03";
/// Bluetooth Core 5.4, 3.H appendix D.7, and a second address of the same key.
const KEY: &str = "ec0234a357c8ad05341010a60a397d9b";
const PHONE: MacAddr = MacAddr([0x3c, 0x22, 0xfb, 1, 2, 3]);

fn now() -> Moment {
    Moment { mono: Mono(500_000_000_000), wall: Wall(1_795_600_000_000) }
}

/// As `serialize_service_info` writes one, `age_s` before now.
fn advert(address: &str, source: &str, rssi: i64, age_s: f64) -> Value {
    json!({"name": address, "address": address, "rssi": rssi, "manufacturer_data": {"76": "0215"}, "service_data": {},
        "service_uuids": [], "source": source, "connectable": false, "time": 1_795_600_000.0 - age_s, "tx_power": -127, "raw": null})
}

fn adverts() -> Adverts {
    let mut adverts = Adverts::new(vec![(Irk::read(KEY).unwrap(), PHONE)]);
    adverts.knows(Places::from([(PROXY.parse().unwrap(), "Kitchen".into())]));
    adverts
}

fn hear(adverts: &mut Adverts, event: &Value) -> Option<Vec<String>> {
    let tag: MacAddr = TAG.parse().unwrap();
    let told = adverts.hear(event, |mac| mac == tag, now())?;
    let one = |seen: &Observation| {
        let (who, age) = (seen.subject.mac.unwrap(), now().mono.since(seen.at.mono).as_secs());
        match &seen.fact {
            Fact::Alive { proof, .. } => format!("{who} {proof} {age} s ago"),
            Fact::HeardAt(at) => format!("{} dBm at {} in {:?}", at.level.dbm(), at.ear, at.room.as_deref()),
            other => format!("{other:?}"),
        }
    };
    Some(told.iter().map(one).collect())
}

#[test]
fn a_known_tag_is_heard_in_the_room_of_its_proxy_and_strangers_are_not() {
    let mut adverts = adverts();
    let told = hear(
        &mut adverts,
        &json!({"add": [advert(TAG, PROXY, -71, 2.0), advert("5C:85:7E:A1:B2:C3", PROXY, -40, 0.0)]}),
    );
    assert_eq!(
        told.unwrap(),
        ["c4:7c:8d:6a:11:22 ble_advert 2 s ago", "-71 dBm at a0:b7:65:01:02:03 in Some(\"Kitchen\")"]
    );
    // An adapter whose place nobody told.
    let other = hear(&mut adverts, &json!({"add": [advert(TAG, "00:1A:7D:DA:71:13", -60, 0.0)]})).unwrap();
    assert_eq!(other[1], "-60 dBm at 00:1a:7d:da:71:13 in None");
}

#[test]
fn each_trap_is_no_sighting() {
    for (what, event, expected) in [
        ("a timeout of theirs", json!({"remove": [{"address": TAG}]}), Some(0)),
        ("what was heard before the last start", json!({"add": [advert(TAG, PROXY, -71, 900.0)]}), Some(0)),
        ("a clock that is ahead", json!({"add": [advert(TAG, PROXY, -71, -30.0)]}), Some(2)),
        ("no level", json!({"add": [advert(TAG, PROXY, 0, 0.0)]}), Some(1)),
        ("an unknown level", json!({"add": [advert(TAG, PROXY, -127, 0.0)]}), Some(1)),
        ("nobody", json!({"add": []}), Some(0)),
        (
            "an address that is none",
            json!({"add": [advert("8B4C1D2E-1111-2222-3333-444455556666", PROXY, -60, 0.0)]}),
            Some(0),
        ),
        ("the broadcast address", json!({"add": [advert("FF:FF:FF:FF:FF:FF", PROXY, -60, 0.0)]}), Some(0)),
        ("nothing of all", json!({"add": [null, 5, {}, {"address": TAG}]}), Some(0)),
        ("a shape of another command", json!({"add": {}}), None),
        ("an event of another shape", json!({"event_type": "x"}), None),
    ] {
        assert_eq!(hear(&mut adverts(), &event).map(|told| told.len()), expected, "{what}");
    }
}

#[test]
fn the_same_is_told_once_a_second_for_each_ear() {
    let mut adverts = adverts();
    let hundred: Vec<Value> = (0..100).map(|n| advert(TAG, PROXY, -71, f64::from(100 - n) / 50.0)).collect();
    let told = hear(&mut adverts, &json!({"add": hundred})).unwrap();
    assert!((4..=6).contains(&told.len()), "two seconds of fifty a second: {told:?}");
}

#[test]
fn a_phone_is_known_by_its_key_once_two_addresses_fit() {
    let irk = Irk::read(KEY).unwrap();
    let address = |prand: [u8; 3]| {
        let hash = irk.hash(prand);
        MacAddr([prand[0], prand[1], prand[2], hash[0], hash[1], hash[2]]).to_string()
    };
    let (first, second) = (address([0x70, 0x81, 0x94]), address([0x40, 1, 2]));
    for key in [Irk::read(KEY).unwrap(), irk.reversed()] {
        let mut adverts = Adverts::new(vec![(key, PHONE)]);
        for _ in 0..3 {
            assert_eq!(
                hear(&mut adverts, &json!({"add": [advert(&first, PROXY, -60, 0.0)]})),
                Some(Vec::new()),
                "chance"
            );
        }
        let told = hear(&mut adverts, &json!({"add": [advert(&second, PROXY, -60, 0.0)]})).unwrap();
        assert_eq!(told[0], "3c:22:fb:01:02:03 ble_advert 0 s ago");
        assert_eq!(
            hear(&mut adverts, &json!({"add": [advert(&first, "A0:B7:65:01:02:04", -60, 0.0)]})).unwrap().len(),
            2
        );
    }
}
