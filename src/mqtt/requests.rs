//! # Requests: `B/request/<verb>`
//!
//! A JSON object with an optional `id` (at most 64 characters), answered once under the same id.
//! Fields that a verb does not know are ignored. An empty payload is an empty object.
//!
//! | verb | fields |
//! |---|---|
//! | `device/list` | `after`: a device id, to read on |
//! | `device/get`, `…/expose`, `…/hide`, `…/forget`, `…/split`, `…/check`, `…/was_home` | `device` |
//! | `device/accept`, `…/refuse` | `device`: of which it is proposed that it is another |
//! | `device/ports` | `device`, `full`: every port, not only the usual ones |
//! | `device/rename` | `device`, `name` (null or empty: drop the own name) |
//! | `device/trust` | `device`, `trust` |
//! | `device/merge` | `device`, `other` |
//! | `device/set` | `device`, `key` (name, kind, trust, group, owner, important, notes, alerts, away_after), `value` |
//! | `household/get`, `scan/now`, `bridge/{info,republish,health}` | |
//! | `alert/list` | `all`: also those that are closed |
//! | `alert/acknowledge` | `alert`, or `all`: true |
//! | `alert/mute` | `alert`, or `detector`, `device`, `days` |
//! | `alert/{false_alarm,expected,reopen}` | `alert` |

use serde_json::{Map, Value as Json, json};

use super::{
    Site,
    entities::{self, Act, Scope},
    payloads, shapes,
    text::{NAME_CHARS_MAX, shown},
    wish::Wish,
};
use crate::model::{AlertId, Command, DeviceId, HomeView, Kind, Refusal, RefusalCode, clean_text};

const ID_CHARS_MAX: usize = 64;
const NOTES_CHARS_MAX: usize = 255;
// Ten years.
const DAYS_MAX: u64 = 3_650;

/// The object of a request.
pub(super) fn body(text: &str) -> Result<Map<String, Json>, Refusal> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Json::Object(body)) => Ok(body),
        Ok(_) => Err(bad("a request is a JSON object")),
        Err(error) => Err(bad(format!("not JSON: {error}"))),
    }
}

/// The asker's own mark.
pub(super) fn id(body: &Map<String, Json>) -> Result<Option<String>, Refusal> {
    match body.get("id") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(id)) if id.chars().count() <= ID_CHARS_MAX => Ok(Some(id.clone())),
        Some(_) => Err(bad(format!("`id` is a text of at most {ID_CHARS_MAX} characters"))),
    }
}

/// Whether `verb` may be part of a response's topic.
pub(super) fn is_verb_like(verb: &str) -> bool {
    verb.len() <= 64 && !verb.is_empty() && verb.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'/' | b'_'))
}

/// What is wanted, and what the answer says of it if the core agrees.
pub(super) fn wish(
    verb: &str,
    body: &Map<String, Json>,
    view: &HomeView,
    site: &Site,
) -> Result<(Wish, Json), Refusal> {
    if let Some(what) = verb.strip_prefix("device/") {
        return device(what, body, view);
    }
    if let Some(what) = verb.strip_prefix("alert/") {
        return alert(what, body, view);
    }
    let none = Json::Object(Map::new());
    Ok(match verb {
        "household/get" => {
            let mut home = object(&payloads::household_state(view));
            home.insert("who".into(), object(&payloads::household_who(view)).into());
            (Wish::Answer(home.into()), none)
        }
        "scan/now" => (Wish::Command(Command::ScanNow), none),
        "bridge/info" => (Wish::Answer(object(&payloads::info(view, site)).into()), none),
        "bridge/health" => {
            let mut health = object(&payloads::health(view));
            health.insert("packets".into(), shapes::packets(view, site.started));
            (Wish::Answer(health.into()), none)
        }
        "bridge/republish" => (Wish::Republish, none),
        "sensor/list" | "sensor/adopt" | "sensor/drop" => {
            return Err(unsupported("remote sensors are not supported yet"));
        }
        other => return Err(unsupported(format!("no verb `{}`", shown(other)))),
    })
}

fn device(what: &str, body: &Map<String, Json>, view: &HomeView) -> Result<(Wish, Json), Refusal> {
    if what == "list" {
        let after = body.get("after").filter(|after| !after.is_null()).map(|_| device_id(body, "after")).transpose()?;
        return Ok((Wish::Answer(shapes::devices(view, after)), Json::Null));
    }
    if !DEVICE_VERBS.contains(&what) {
        return Err(unsupported(format!("no verb `device/{}`", shown(what))));
    }
    let device = device_id(body, "device")?;
    let Some(known) = view.devices.get(&device) else { return Err(Refusal::no_device(device)) };
    let mut data = Map::from_iter([("device".to_owned(), device.to_string().into())]);
    let command = match what {
        "get" => return Ok((Wish::Answer(shapes::device(known)), Json::Null)),
        "expose" => Command::Expose { device },
        "hide" => Command::Hide { device, by_ha: false },
        "forget" => Command::Forget { device },
        "split" => Command::Split { device },
        "check" => Command::Check { device },
        "was_home" => Command::WasHome { device },
        "accept" | "refuse" => Command::AnswerProposal { device, is_same: what == "accept" },
        "ports" => {
            let full = match body.get("full") {
                None | Some(Json::Null) => false,
                Some(Json::Bool(full)) => *full,
                Some(_) => return Err(bad("`full` is true or false")),
            };
            data.insert("full".into(), full.into());
            Command::Ports { device, full }
        }
        "merge" => {
            let other = device_id(body, "other")?;
            if !view.devices.contains_key(&other) {
                return Err(Refusal::no_device(other));
            }
            if other == device {
                return Err(bad("`device` and `other` are the same"));
            }
            Command::Merge { a: device, b: other }
        }
        "rename" | "trust" => {
            let key = if what == "rename" { "name" } else { "trust" };
            let value = body.get(key).ok_or_else(|| missing(key))?;
            data.insert(key.into(), value.clone());
            set(device, key, value)?
        }
        _ => {
            let key = text(body, "key")?;
            let value = body.get("value").ok_or_else(|| missing("value"))?;
            data.insert("key".into(), key.into());
            data.insert("value".into(), value.clone());
            set(device, key, value)?
        }
    };
    Ok((Wish::Command(command), data.into()))
}

const DEVICE_VERBS: &[&str] = &[
    "accept", "refuse", "get", "expose", "hide", "forget", "split", "check", "was_home", "ports", "merge", "rename",
    "trust", "set",
];

/// The same words and checks as the command line's `device set`.
fn set(device: DeviceId, key: &str, value: &Json) -> Result<Command, Refusal> {
    let value = match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Bool(on) => if *on { "ON" } else { "OFF" }.to_owned(),
        Json::Number(number) => number.to_string(),
        Json::Array(_) | Json::Object(_) => return Err(bad(format!("`{}` takes one value", shown(key)))),
    };
    let optional = |max: usize| -> Result<Option<String>, Refusal> {
        let clean = clean_text(&value, value.len());
        if clean.chars().count() > max {
            return Err(bad(format!("`{}` has at most {max} characters", shown(key))));
        }
        Ok((!clean.is_empty()).then_some(clean))
    };
    match key {
        "kind" => {
            let kind = if value.is_empty() { None } else { Some(value.parse::<Kind>().map_err(bad)?) };
            Ok(Command::SetKind { device, kind })
        }
        "owner" => Ok(Command::SetOwner { device, owner: optional(NAME_CHARS_MAX)? }),
        "group" => Ok(Command::SetGroup { device, group: optional(NAME_CHARS_MAX)? }),
        "notes" => Ok(Command::SetNotes { device, notes: optional(NOTES_CHARS_MAX)? }),
        _ => {
            let row = entities::of(Scope::Device).filter(|row| row.key == key).find_map(|row| match row.act {
                Act::SetDevice(set) => Some(set),
                _ => None,
            });
            row.ok_or_else(|| unsupported(format!("a device has no `{}` to set", shown(key))))?(device, &value)
        }
    }
}

fn alert(what: &str, body: &Map<String, Json>, view: &HomeView) -> Result<(Wish, Json), Refusal> {
    let all = match body.get("all") {
        None | Some(Json::Null) => false,
        Some(Json::Bool(all)) => *all,
        Some(_) => return Err(bad("`all` is true or false")),
    };
    if what == "list" {
        return Ok((Wish::Answer(shapes::alerts(view, all)), Json::Null));
    }
    if what == "acknowledge" && all {
        return Ok((Wish::Command(Command::AcknowledgeAll), Json::Object(Map::new())));
    }
    if what == "mute" && body.contains_key("detector") {
        let detector = text(body, "detector")?.to_owned();
        let is_name =
            detector.len() <= 64 && detector.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !is_name || detector.is_empty() {
            return Err(bad("`detector` is a name such as arp_spoof"));
        }
        let device = device_id(body, "device")?;
        if !view.devices.contains_key(&device) {
            return Err(Refusal::no_device(device));
        }
        let days = body.get("days").ok_or_else(|| missing("days"))?.as_u64().filter(|d| (1..=DAYS_MAX).contains(d));
        let days = days.ok_or_else(|| bad(format!("`days` is a number from 1 to {DAYS_MAX}")))?;
        let data = json!({"detector": detector, "device": device.to_string(), "days": days});
        let days = u32::try_from(days).unwrap_or(u32::MAX);
        return Ok((Wish::Command(Command::MuteDevice { detector, device, days }), data));
    }
    let command: fn(AlertId) -> Command = match what {
        "acknowledge" => |alert| Command::Acknowledge { alert },
        "mute" => |alert| Command::Mute { alert },
        "false_alarm" => |alert| Command::FalseAlarm { alert },
        "expected" => |alert| Command::Expected { alert },
        "reopen" => |alert| Command::Reopen { alert },
        other => return Err(unsupported(format!("no verb `alert/{}`", shown(other)))),
    };
    // Whether it exists, the core knows: the view holds only what is open or fresh.
    let alert: AlertId = text(body, "alert")?.parse().map_err(bad)?;
    let data = json!({"alert": alert.as_str()});
    Ok((Wish::Command(command(alert)), data))
}

fn text<'b>(body: &'b Map<String, Json>, key: &str) -> Result<&'b str, Refusal> {
    let value = body.get(key).ok_or_else(|| missing(key))?;
    value.as_str().ok_or_else(|| bad(format!("`{key}` is a text")))
}

fn device_id(body: &Map<String, Json>, key: &str) -> Result<DeviceId, Refusal> {
    text(body, key)?.parse().map_err(bad)
}

fn object(payload: &[u8]) -> Map<String, Json> {
    serde_json::from_slice(payload).unwrap_or_default()
}

fn missing(key: &str) -> Refusal {
    bad(format!("`{key}` is missing"))
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::BadRequest, message)
}

fn unsupported(message: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::Unsupported, message)
}
