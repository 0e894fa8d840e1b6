//! # Whether a person is tracked once
//!
//! Home Assistant calls a person home while any tracker without a position says so, and believes the newest position
//! otherwise. So a tracker that is stuck beside ours wins for ever: a person should hold our tracker of them alone.

use serde_json::Value;

use super::Check;
use crate::model::{DeviceId, PersonId, clean_text};

const NAME: &str = "persons";
/// Persons and trackers that are named.
const NAMED_MAX: usize = 8;

/// Every person there, by the states of Home Assistant.
pub fn check(states: &[Value]) -> Check {
    let persons = states.iter().filter(|state| id(state).starts_with("person."));
    let (mut twice, mut once, mut without) = (Vec::new(), 0, 0);
    for person in persons {
        let trackers = person.pointer("/attributes/device_trackers").and_then(Value::as_array).into_iter().flatten();
        let trackers: Vec<&str> = trackers.filter_map(Value::as_str).collect();
        let held = |tracker: &&&str| states.iter().find(|state| id(state) == **tracker);
        let ours: Vec<&&str> = trackers.iter().filter(|tracker| held(tracker).is_some_and(is_person)).collect();
        let others: Vec<String> =
            trackers.iter().filter(|tracker| !ours.contains(tracker)).map(|tracker| clean_text(tracker, 120)).collect();
        let is_by_device = trackers.iter().any(|tracker| held(&tracker).is_some_and(is_device));
        match (ours.is_empty(), others.is_empty()) {
            (false, false) => twice.push(format!("{} holds {} too", clean_text(id(person), 120), others.join(", "))),
            (false, true) => once += 1,
            (true, _) if is_by_device => without += 1,
            (true, _) => {}
        }
    }
    if !twice.is_empty() {
        twice.truncate(NAMED_MAX);
        let mend =
            "Settings → People: leave only Porchlight's tracker of the person; what the app knows counts all the same";
        return Check::fails(NAME, twice.join("; "), mend);
    }
    let told = format!("{once} by Porchlight's tracker of them");
    let well = Check::well(NAME, told);
    let mend =
        format!("{without} hold a phone's tracker: Porchlight's tracker of the person knows all that they carry");
    Check { mend: (without > 0).then_some(mend), ..well }
}

fn id(state: &Value) -> &str {
    state.get("entity_id").and_then(Value::as_str).unwrap_or_default()
}

/// What we say of ourselves in the attributes of a tracker.
fn ours(state: &Value) -> Option<&str> {
    let attributes = state.get("attributes")?;
    attributes.get("in_zones")?;
    attributes.get("reason")?;
    attributes.get("id")?.as_str()
}

fn is_person(state: &Value) -> bool {
    ours(state).is_some_and(|id| id.parse::<PersonId>().is_ok())
}

fn is_device(state: &Value) -> bool {
    ours(state).is_some_and(|id| id.parse::<DeviceId>().is_ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whoever_is_tracked_twice_is_named() {
        let ours = |entity: &str, id: &str| json!({"entity_id": entity, "state": "home", "attributes": {"id": id, "in_zones": [], "reason": "frame"}});
        let person = |name: &str, trackers: &[&str]| json!({"entity_id": name, "state": "home", "attributes": {"device_trackers": trackers}});
        let trackers = [
            ours("device_tracker.anna", "p-daaddd"),
            ours("device_tracker.anna_s_phone", "d-7f3k2m"),
            json!({"entity_id": "device_tracker.app", "state": "home", "attributes": {"source_type": "gps", "id": "p-daaddd"}}),
        ];
        let told = |persons: Vec<Value>| check(&[persons, trackers.to_vec()].concat());
        let once = told(vec![person("person.anna", &["device_tracker.anna"]), person("person.guest", &[])]);
        assert!(once.ok && once.mend.is_none() && once.found.starts_with("1 "), "{once:?}");
        let by_phone = told(vec![person("person.anna", &["device_tracker.anna_s_phone"])]);
        assert!(by_phone.ok && by_phone.mend.is_some());
        for other in ["device_tracker.anna_s_phone", "device_tracker.app", "device_tracker.gone"] {
            let twice = told(vec![person("person.anna", &["device_tracker.anna", other])]);
            assert!(!twice.ok && twice.found == format!("person.anna holds {other} too"), "{twice:?}");
        }
        // Two other integrations' trackers are nobody's business.
        assert!(
            told(vec![person("person.ben", &["device_tracker.app", "device_tracker.x"]), json!({"entity_id": 7})]).ok
        );
    }
}
