//! Doors that move, and positions that are new or only look so.

use serde_json::json;

use super::*;

const DOOR: &str = "binary_sensor.front_door";
const APP: &str = "device_tracker.pixel";

fn evidence() -> Evidence {
    let mut evidence = Evidence::of(&[DOOR.into(), "no entity".into(), "lock.back".into()]);
    evidence.knows(Apps::from([(APP.to_owned(), vec!["Anna".to_owned()])]), Some((52.0, 5.0)));
    evidence
}

fn hear(evidence: &mut Evidence, entity: &str, state: Option<&str>, attributes: &Value, is_change: bool) -> Vec<News> {
    let mut news = Vec::new();
    evidence.hear(Said { entity, state, attributes, is_change }, &mut news);
    news
}

fn contact(entity: &str, open: Option<bool>) -> Vec<News> {
    vec![News::Contact(HaContact { entity: entity.to_owned(), open })]
}

#[test]
fn a_door_is_told_once_for_each_move_and_when_it_cannot_be_read() {
    let mut evidence = evidence();
    let cases = [
        ("unavailable", None),
        ("off", Some(contact(DOOR, Some(false)))),
        ("off", None),
        ("on", Some(contact(DOOR, Some(true)))),
        ("unknown", Some(contact(DOOR, None))),
        ("unavailable", None),
        ("on", Some(contact(DOOR, Some(true)))),
    ];
    for (state, expected) in cases {
        let news = hear(&mut evidence, DOOR, Some(state), &Value::Null, true);
        assert_eq!(news, expected.unwrap_or_default(), "{state}");
    }
    // Its battery changed, its state did not.
    assert_eq!(hear(&mut evidence, DOOR, None, &json!({"battery": 7}), true), []);
    let mut news = Vec::new();
    evidence.gone(DOOR, &mut news);
    evidence.gone(DOOR, &mut news);
    assert_eq!(news, contact(DOOR, None));
    assert_eq!(hear(&mut evidence, "binary_sensor.fridge", Some("on"), &Value::Null, true), []);
}

#[test]
fn what_each_kind_of_entity_calls_open() {
    for (open, states) in [
        (Some(true), ["on", "open", "opening", "closing", "unlocked", "unlocking", "locking"].as_slice()),
        (Some(false), &["off", "closed", "locked"]),
        (None, &["unavailable", "unknown", "jammed", "", "On", "23.5"]),
    ] {
        for state in states {
            assert_eq!(is_open(state), open, "{state}");
        }
    }
}

#[test]
fn only_what_home_assistant_takes_for_an_entity_is_asked_for() {
    for (id, expected) in [
        ("binary_sensor.front_door", true),
        ("cover.garage_2", true),
        ("lock.1", true),
        ("front door", false),
        ("binary_sensor.Front", false),
        ("binary_sensor", false),
        ("binary_sensor.", false),
        (".door", false),
        ("binary_sensor.a.b", false),
        ("binary_sensor._door", false),
        ("binary_sensor.door_", false),
        ("binary_sensor.front__door", false),
        ("", false),
    ] {
        assert_eq!(is_entity(id), expected, "{id}");
    }
    assert_eq!(evidence().doors().len(), 2);
}

/// How far Anna is, if that is told.
fn far(news: &[News]) -> Option<u64> {
    match news {
        [News::Place(place)] if place.person == "Anna" => Some(place.fix.distance_m.round() as u64),
        [] => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_position_is_told_when_the_app_sent_one_and_not_when_it_is_only_shown() {
    let mut evidence = evidence();
    let whole = json!({"source_type": "gps", "latitude": 52.1, "longitude": 5.0, "gps_accuracy": 12});
    // What is shown first may be of yesterday: after a start Home Assistant puts old ones back.
    assert_eq!(far(&hear(&mut evidence, APP, Some("not_home"), &whole, false)), None);
    let cases = [
        ("a new name", json!({"friendly_name": "Pixel"}), None),
        ("a zone was moved", json!({"in_zones": []}), None),
        ("written again", json!({}), None),
        ("the battery", json!({"battery_level": 7}), None),
        ("a step north", json!({"latitude": 52.01}), Some(1112)),
        ("more exact", json!({"gps_accuracy": 5}), Some(1112)),
        ("as before, at another speed", json!({"speed": 3}), Some(1112)),
        ("home", json!({"latitude": 52.0}), Some(0)),
        ("the app does not say how exact", json!({"latitude": 52.5, "gps_accuracy": 0}), None),
        ("no number", json!({"latitude": "52.9"}), None),
    ];
    for (what, attributes, expected) in cases {
        assert_eq!(far(&hear(&mut evidence, APP, None, &attributes, true)), expected, "{what}");
    }
    assert_eq!(far(&hear(&mut evidence, "device_tracker.other", None, &whole, true)), None, "nobody's");
}

#[test]
fn without_a_home_there_is_no_distance_and_one_that_is_known_stays() {
    let fix = json!({"latitude": 0.0, "longitude": 179.0, "gps_accuracy": 12});
    let apps = Apps::from([(APP.to_owned(), vec!["Anna".to_owned()])]);
    let mut evidence = Evidence::default();
    evidence.knows(apps.clone(), None);
    assert_eq!(far(&hear(&mut evidence, APP, None, &fix, true)), None);
    evidence.knows(apps.clone(), Some((0.0, -179.0)));
    // Two degrees of the equator, over the line where the day begins.
    assert_eq!(far(&hear(&mut evidence, APP, None, &fix, true)), Some(222_390));
    evidence.knows(apps, None);
    assert_eq!(far(&hear(&mut evidence, APP, None, &fix, true)), Some(222_390));
}

proptest::proptest! {
    #[test]
    fn any_numbers_are_a_distance_on_earth(a in -90.0..90.0_f64, b in -180.0..180.0_f64, c in -90.0..90.0_f64, d in -180.0..180.0_f64) {
        let there = distance((a, b), (c, d));
        proptest::prop_assert!(there.is_finite() && (0.0..=std::f64::consts::PI * EARTH_M + 1.0).contains(&there));
        proptest::prop_assert!((there - distance((c, d), (a, b))).abs() < 1e-3);
    }
}
