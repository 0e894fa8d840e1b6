//! # Whether the doors can be read
//!
//! A phone that fell silent while a door opened has probably left; one that fell silent behind closed doors has not.
//! That holds only if all doors are known, so one that cannot be read makes all of them worthless.

use serde_json::Value;

use super::{Check, Here, ask};
use crate::{
    homeassistant::evidence::{is_entity, is_open},
    model::clean_text,
};

pub const NAME: &str = "doors";
/// Bytes of all states that are read: thousands of entities.
const STATES_MAX: usize = 32 << 20;
/// Doors that are proposed.
const PROPOSED_MAX: usize = 8;
/// What Home Assistant calls contacts at ways out (`binary_sensor` and `cover`).
const CLASSES: &[&str] = &["door", "garage", "garage_door", "gate", "opening"];

/// Every state there is.
pub async fn states(here: &Here<'_>, url: &str, token: &str) -> Result<Vec<Value>, String> {
    let ca_file = here.settings.homeassistant.ca_file.as_deref();
    let mut answer = ask(&format!("{url}/api/states"), token, ca_file).await?;
    if answer.status().as_u16() != 200 {
        return Err(format!("the states cannot be read: it answers {}", answer.status().as_u16()));
    }
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(|error| super::why(&error))? {
        body.extend_from_slice(&part);
        if body.len() > STATES_MAX {
            return Err("the states are more than anybody has".into());
        }
    }
    serde_json::from_slice(&body).map_err(|_| "the states are no list".into())
}

/// Every door of the settings as it is now; without any, which there are.
pub fn judge(doors: &[String], states: &[Value]) -> Check {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = |state: &Value| clean_text(&text(state, "entity_id"), 120);
    if doors.is_empty() {
        let class = |state: &Value| text(state.get("attributes").unwrap_or(&Value::Null), "device_class");
        let is_door = |state: &&Value| {
            let id = id(state);
            let contact = id.starts_with("binary_sensor.") || id.starts_with("cover.");
            contact && CLASSES.contains(&class(state).as_str()) || id.starts_with("lock.")
        };
        let mut found: Vec<String> = states.iter().filter(is_door).map(id).collect();
        found.sort();
        found.truncate(PROPOSED_MAX);
        let well = Check::well(NAME, "none set: a phone that left is told from one that sleeps without them");
        let mend = format!("set presence.doors to all through which people leave; there are {}", found.join(", "));
        return Check { mend: (!found.is_empty()).then_some(mend), ..well };
    }
    let of = |door: &String| states.iter().find(|state| text(state, "entity_id") == *door);
    let told: Vec<(&String, Option<String>)> =
        doors.iter().map(|door| (door, of(door).map(|s| text(s, "state")))).collect();
    let wrong: Vec<String> = told
        .iter()
        .filter_map(|(door, state)| match state {
            _ if !is_entity(door) => Some(format!("{} is no entity id", clean_text(door, 120))),
            None => Some(format!("there is no {door}")),
            Some(state) if is_open(state).is_none() => Some(format!("{door} is {}", clean_text(state, 40))),
            Some(_) => None,
        })
        .collect();
    if !wrong.is_empty() {
        let found = format!("{}: while one door cannot be read, none counts", wrong.join(", "));
        return Check::fails(NAME, found, "see to it in Home Assistant, or take it out of presence.doors");
    }
    let word = |state: &Option<String>| match state.as_deref().and_then(is_open) {
        Some(true) => "open",
        _ => "closed",
    };
    let told: Vec<String> = told.iter().map(|(door, state)| format!("{door} {}", word(state))).collect();
    Check::well(NAME, told.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_door_is_told_and_one_that_cannot_be_read_is_a_fault() {
        let state = |id: &str, state: &str, class: &str| json!({"entity_id": id, "state": state, "attributes": {"device_class": class}});
        let states = [
            state("binary_sensor.front", "off", "door"),
            state("binary_sensor.fridge", "on", "door"),
            state("binary_sensor.hall", "on", "motion"),
            state("cover.garage", "closed", "garage"),
            state("lock.back", "jammed", ""),
            state("sensor.front", "7", "door"),
            json!({"entity_id": 7}),
        ];
        let cases: [(&[&str], bool, &str); 6] = [
            (&["binary_sensor.front", "cover.garage"], true, "binary_sensor.front closed, cover.garage closed"),
            (&["binary_sensor.hall"], true, "binary_sensor.hall open"),
            (&["binary_sensor.front", "lock.back"], false, "lock.back is jammed: while one"),
            (&["binary_sensor.back"], false, "there is no binary_sensor.back"),
            (&["Front door"], false, "Front door is no entity id"),
            (&[], true, "none set"),
        ];
        for (doors, ok, found) in cases {
            let doors: Vec<String> = doors.iter().map(|door| (*door).to_owned()).collect();
            let check = judge(&doors, &states);
            assert_eq!(check.ok, ok, "{doors:?}");
            assert!(check.found.contains(found), "{doors:?}: {}", check.found);
        }
        let proposed = judge(&[], &states).mend.unwrap();
        assert!(
            proposed.ends_with("there are binary_sensor.fridge, binary_sensor.front, cover.garage, lock.back"),
            "{proposed}"
        );
        assert_eq!(judge(&[], &[]).mend, None);
    }
}
