//! Messages in, observations out.

use std::time::Duration;

use super::*;
use crate::model::Wall;

const PHONE: MacAddr = MacAddr([0x3c, 0x22, 0xfb, 1, 2, 3]);
const STRANGER: &str = "home/gw/BTtoMQTT/C0FFEE010203";

fn at(s: u64) -> Moment {
    Moment { mono: Mono((1000 + s) * 1_000_000_000), wall: Wall(0) }
}

fn ear(kinds: &[&str]) -> Ear {
    let mut settings = Settings { sensors: vec!["garage".into()], ..Settings::default() };
    for kind in kinds {
        let on = Foreign { enabled: true, ..Foreign::default() };
        match *kind {
            "espresense" => settings.espresense = on,
            "espresense_companion" => settings.espresense_companion = on,
            "theengs" => settings.theengs = on,
            "wifi_presence" => settings.wifi_presence = on,
            other => panic!("{other}"),
        }
    }
    settings.keys = vec!["9b7d390aa610103405adc857a33402ec 3c:22:fb:01:02:03".into()];
    Ear::new(&settings, "porchlight")
}

fn give(ear: &mut Ear, topic: &str, payload: &str, now: Moment) -> Vec<Observation> {
    let message = Message { topic, payload: payload.as_bytes(), retained: false };
    ear.take(&message, |mac| mac == PHONE, now)
}

fn alive(told: &[Observation]) -> Vec<(MacAddr, u64)> {
    let each = told.iter().filter(|seen| matches!(seen.fact, Fact::Alive { .. }));
    each.map(|seen| (seen.subject.mac.unwrap(), seen.at.mono.0 / 1_000_000_000 - 1000)).collect()
}

#[test]
fn nothing_is_subscribed_that_is_not_named() {
    assert!(!Settings::default().is_wanted());
    assert!(Ear::new(&Settings::default(), "porchlight").filters().is_empty());
    let filters = ear(&["espresense"]).filters();
    assert_eq!(filters.len(), 5, "{filters:?}");
    assert!(filters.iter().all(|filter| filter != "#"), "{filters:?}");
}

#[test]
fn what_is_worked_out_from_others_proves_nothing_and_is_heard_without_them_only() {
    let said = |ear: &mut Ear| give(ear, "espresense/companion/known:3c22fb010203", "Kitchen", at(1)).len();
    assert_eq!(said(&mut ear(&["espresense_companion"])), 0);
    let both = ear(&["espresense", "espresense_companion"]).filters();
    assert!(both.iter().all(|filter| !filter.contains("companion")), "{both:?}");
    assert_eq!(ear(&["espresense_companion"]).filters().len(), 1 + 2 + 2, "{both:?}");
}

#[test]
fn a_radio_proves_only_whom_somebody_named_or_who_is_known() {
    let mut ear = ear(&["espresense", "theengs"]);
    let known = r#"{"id":"3C:22:FB:01:02:03","rssi":-62}"#;
    assert_eq!(alive(&give(&mut ear, "home/gw/BTtoMQTT/3C22FB010203", known, at(1))), [(PHONE, 1)]);
    let passer = r#"{"id":"C0:FF:EE:01:02:03","rssi":-62}"#;
    assert!(give(&mut ear, STRANGER, passer, at(1)).is_empty());
    let tracked = r#"{"id":"C0:FF:EE:01:02:03","rssi":-62,"track":true}"#;
    assert_eq!(give(&mut ear, STRANGER, tracked, at(1)).len(), 2);
    // A phone by its key, in either order of its bytes.
    for key in ["9b7d390aa610103405adc857a33402ec", "ec0234a357c8ad05341010a60a397d9b"] {
        let said = format!(r#"{{"id":"irk:{key}","rssi":-70}}"#);
        assert_eq!(alive(&give(&mut ear, "espresense/devices/x/hall", &said, at(2))), [(PHONE, 2)], "{key}");
    }
    let other = r#"{"id":"irk:00000000000000000000000000000001","rssi":-70}"#;
    assert!(give(&mut ear, "espresense/devices/x/hall", other, at(2)).is_empty());
    assert!(!format!("{ear:?}").contains("9b7d"), "keys are secrets");
}

#[test]
fn their_timeouts_move_nobody() {
    let mut ear = ear(&["theengs"]);
    let said = r#"{"id":"3C:22:FB:01:02:03","presence":"absent"}"#;
    assert!(give(&mut ear, "home/gw/BTtoMQTT/3C22FB010203", said, at(1)).is_empty());
    assert!(ear.left(at(600)).is_empty());
    let retained = Message { topic: "home/gw/BTtoMQTT/3C22FB010203", payload: br#"{"rssi":-62}"#, retained: true };
    assert!(ear.take(&retained, |_| true, at(2)).is_empty());
    assert_eq!(ear.counts.old, 1);
}

#[test]
fn who_roams_has_not_left_and_an_access_point_that_goes_takes_nobody_along() {
    let mut ear = ear(&["wifi_presence"]);
    let topic = |ap: &str, n: u8| format!("wifi-presence/station/{ap}/3c-22-fb-01-02-{n:02x}/state");
    let mac = |n: u8| MacAddr([0x3c, 0x22, 0xfb, 1, 2, n]);
    for n in 3..9 {
        assert_eq!(alive(&give(&mut ear, &topic("ap1", n), "connected", at(0))), [(mac(n), 0)]);
    }
    // Connected there before it is gone here.
    give(&mut ear, &topic("ap2", 3), "connected", at(10));
    give(&mut ear, &topic("ap1", 3), "not_connected", at(11));
    assert!(ear.left(at(100)).is_empty());
    // Gone here before it is connected there.
    give(&mut ear, &topic("ap2", 3), "not_connected", at(101));
    give(&mut ear, &topic("ap1", 3), "connected", at(110));
    assert!(ear.left(at(200)).is_empty());
    // Really gone.
    give(&mut ear, &topic("ap1", 3), "not_connected", at(201));
    assert!(ear.left(at(230)).is_empty());
    let gone = ear.left(at(232));
    assert_eq!(gone.len(), 1);
    assert_eq!((gone[0].subject.mac, &gone[0].fact), (Some(PHONE), &Fact::Gone(Goodbye::ApLeft)));
    // Its will: nobody left.
    give(&mut ear, &topic("ap1", 4), "not_connected", at(300));
    give(&mut ear, "wifi-presence/ap1/status", "offline", at(301));
    assert!(ear.left(at(400)).is_empty());
    assert!(matches!(ear.health(at(400).mono), Health::Down { .. }));
    assert!(matches!(ear.health(at(301 + 2 * 3600).mono), Health::Degraded { .. }), "it is not awaited for ever");
    give(&mut ear, "wifi-presence/ap1/status", "online", at(401));
    // Named, and never heard: told, but nothing rests on it.
    assert!(matches!(ear.health(at(402).mono), Health::Degraded { .. }));
    give(&mut ear, "porchlight/sensor/garage/state", "online", at(403));
    assert_eq!(ear.health(at(404).mono), Health::Up);
    give(&mut ear, "porchlight/sensor/garage/state", r#"{"state":"offline"}"#, at(405));
    // Whom it hears is known: nobody. So it is told, and nobody waits for it.
    assert!(matches!(ear.health(at(406).mono), Health::Degraded { .. }));
}

/// Who is told to wait for an ear, and who to wait no longer.
fn waits(told: &[Observation]) -> Vec<(MacAddr, bool)> {
    let each = told.iter().filter_map(|seen| match seen.fact {
        Fact::EarOut(lasts) => Some((seen.subject.mac.unwrap(), !lasts.is_zero())),
        _ => None,
    });
    each.collect()
}

#[test]
fn whom_one_sensor_alone_hears_waits_for_it_and_nobody_else() {
    let mut settings = Settings { sensors: vec!["garage".into(), "attic".into()], ..Settings::default() };
    settings.espresense = Foreign { enabled: true, ..Foreign::default() };
    let mut ear = Ear::new(&settings, "porchlight");
    let tag = |n: u8| MacAddr([0xc4, 0x7c, 0x8d, 0x6a, 0x11, n]);
    let mut seq = 0;
    let mut hears = |ear: &mut Ear, sensor: &str, n: u8, now: u64| {
        seq += 1;
        let said = format!(
            r#"{{"boot":"a","seq":{seq},"sent":1,"obs":[{{"age_ms":0,"source":"ble","address":"{}","data":{{"proof":"ble_advert"}}}}]}}"#,
            tag(n)
        );
        give(ear, &format!("porchlight/sensor/{sensor}/obs"), &said, at(now))
    };
    let state = |ear: &mut Ear, sensor: &str, word: &str, now: u64| {
        give(ear, &format!("porchlight/sensor/{sensor}/state"), word, at(now))
    };
    state(&mut ear, "garage", "online", 0);
    state(&mut ear, "attic", "online", 0);
    hears(&mut ear, "garage", 1, 10); // the garage alone
    hears(&mut ear, "garage", 2, 10); // both
    hears(&mut ear, "attic", 2, 11);
    hears(&mut ear, "garage", 3, 12); // was in the garage, lies in the attic now
    hears(&mut ear, "attic", 3, 2_000);
    hears(&mut ear, "attic", 4, 2_000); // was in the attic, lies in the garage now
    hears(&mut ear, "garage", 4, 4_000);
    assert_eq!(waits(&state(&mut ear, "garage", "offline", 4_010)), [(tag(1), true), (tag(4), true)]);
    assert!(state(&mut ear, "garage", "offline", 4_020).is_empty(), "told once");
    assert!(matches!(ear.health(at(4_030).mono), Health::Degraded { .. }), "the attic's are not held");
    assert!(waits(&hears(&mut ear, "attic", 4, 4_040)).is_empty(), "it is heard: that says it");
    assert_eq!(waits(&state(&mut ear, "garage", "online", 4_100)), [(tag(1), false)]);
    // After a restart nobody knows whom it hears: all wait, and not for ever.
    let mut ear = Ear::new(&settings, "porchlight");
    state(&mut ear, "attic", "online", 0);
    state(&mut ear, "garage", "offline", 0);
    assert!(matches!(ear.health(at(7_199).mono), Health::Down { .. }));
    assert!(matches!(ear.health(at(7_200).mono), Health::Degraded { .. }));
}

#[test]
fn a_sensors_batch_counts_once_and_is_dated_by_its_age() {
    let mut ear = ear(&[]);
    let batch = |boot: &str, seq: u64, age: u64| {
        format!(
            r#"{{"boot":"{boot}","seq":{seq},"sent":1,"obs":[{{"age_ms":{age},"source":"ble","address":"c4:7c:8d:6a:11:22","data":{{"proof":"ble_advert"}}}}]}}"#
        )
    };
    let mac: MacAddr = "c4:7c:8d:6a:11:22".parse().unwrap();
    let topic = "porchlight/sensor/garage/obs";
    assert_eq!(alive(&give(&mut ear, topic, &batch("a", 1, 5000), at(10))), [(mac, 5)]);
    assert!(give(&mut ear, topic, &batch("a", 1, 5000), at(11)).is_empty(), "once more");
    assert_eq!(alive(&give(&mut ear, topic, &batch("b", 1, 0), at(12))), [(mac, 12)], "another run");
    assert_eq!(alive(&give(&mut ear, topic, &batch("a", 3, 0), at(13))), [(mac, 13)]);
    assert_eq!(ear.remotes().tally("garage").missing, 1);
    assert_eq!(alive(&give(&mut ear, topic, &batch("a", 2, 0), at(14))), [(mac, 14)], "what was queued comes late");
    let tally = ear.remotes().tally("garage");
    assert_eq!((tally.missing, tally.repeated, tally.batches), (0, 1, 4));
    // Nobody named it.
    assert!(give(&mut ear, "porchlight/sensor/cellar/obs", &batch("a", 1, 0), at(15)).is_empty());
    assert_eq!(ear.remotes().tally("cellar"), remote::Tally::default());
    let week = Duration::from_secs(7 * 24 * 3600).as_millis();
    assert!(give(&mut ear, topic, &batch("a", 4, u64::try_from(week).unwrap()), at(16)).is_empty());
}

/// Of ESPresense/ESPresense#1213: a node says 2.1 m every five seconds for half an hour, of a phone that left.
#[test]
fn a_reading_that_stands_still_is_no_sighting() {
    const EVERY: u64 = 5;
    let said = |rssi: f64| {
        format!(
            r#"{{"mac":"5c857ea1b2c3","id":"known:3c22fb010203","rssi":{rssi:.2},"distance":2.10,"var":0.11,"int":210}}"#
        )
    };
    let topic = "espresense/devices/known:3c22fb010203/kitchen";
    let mut ear = ear(&["espresense"]);
    let mut hears = |room: &str, rssi: f64, n: u64| {
        let topic = topic.replace("kitchen", room);
        !alive(&give(&mut ear, &topic, &said(rssi), at(n * EVERY))).is_empty()
    };
    // It wavers: as long as it likes.
    for n in 0..360 {
        assert!(hears("kitchen", -70.0 - (n % 4) as f64 / 4.0, n), "{n}");
    }
    let counted = (360..720).filter(|n| hears("kitchen", -71.2, *n)).count() as u64;
    assert!(counted * EVERY <= 180, "{counted} times in the same words");
    // Another node hears it, and the first one comes to its senses.
    assert!(hears("hall", -80.0, 720));
    assert!(hears("kitchen", -71.3, 721));
    assert!(ear.counts.frozen > 300, "{:?}", ear.counts);
}
