//! # From a topic to a wish
//!
//! Entity topics carry the raw value, `B/request/<verb>` a JSON object. Whoever has an account on
//! the broker may send anything: every payload is capped, checked and either understood or refused
//! with a reason; `mqtt.commands` says what may be asked at all. Retained messages are old news.

use serde_json::{Map, Value as Json, json};

pub use super::wish::{Reply, Wish};
use super::{
    Commands, Incoming, Publish, Site,
    entities::{self, Act, Scope},
    payloads::bytes,
    requests,
    text::shown,
    topics::{Asked, Topics, may_answer_on},
};
use crate::model::{Answer, Command, DeviceId, HomeView, PersonId, Refusal, RefusalCode};

// Who asks for an answer waits for it; nobody else does.
const ANSWER_EXPIRY_S: u32 = 300;

/// Reads a message on one of our command topics. `None`: not a command topic, or to be dropped (retained).
#[must_use]
pub fn parse(message: &Incoming, view: &HomeView, site: &Site) -> Option<(Reply, Result<Wish, Refusal>)> {
    let topics = Topics::new(site);
    let asked = topics.asked(&message.topic)?;
    if message.retain {
        return None;
    }
    let mut reply = Reply {
        topic: topics.error(),
        correlation: None,
        id: None,
        is_request: false,
        asked_on: message.topic.clone(),
        data: Json::Object(Map::new()),
    };
    if let Asked::Request(verb) = asked
        && requests::is_verb_like(verb)
    {
        reply.is_request = true;
        reply.topic = topics.response(verb);
        if let Some(topic) = message.response_topic.as_deref().filter(|topic| may_answer_on(topic, site)) {
            topic.clone_into(&mut reply.topic);
            reply.correlation.clone_from(&message.correlation);
        }
    }
    let wish = read(asked, message, view, site, &mut reply).and_then(|wish| permitted(wish, site.commands));
    if let Ok(Wish::Answer(data)) = &wish {
        reply.data = data.clone();
    }
    Some((reply, wish))
}

fn read(
    asked: Asked<'_>,
    message: &Incoming,
    view: &HomeView,
    site: &Site,
    reply: &mut Reply,
) -> Result<Wish, Refusal> {
    let (size, most) = (message.payload.len(), asked.bytes_max());
    if size > most {
        return Err(Refusal::new(RefusalCode::TooLarge, format!("{size} bytes; at most {most} are read here")));
    }
    let text = std::str::from_utf8(&message.payload).map_err(|_| bad("not UTF-8"))?;
    match asked {
        Asked::Request(verb) => {
            let body = requests::body(text)?;
            // The id first: whatever else is wrong, the asker is told under it.
            reply.id = requests::id(&body)?;
            let (wish, data) = requests::wish(verb, &body, view, site)?;
            reply.data = data;
            Ok(wish)
        }
        Asked::Set { id: Some(id), key } => {
            let device = known(id, view)?;
            let set = entities::of(Scope::Device).filter(|row| row.key == key).find_map(|row| match row.act {
                Act::SetDevice(set) => Some(set),
                _ => None,
            });
            let set = set.ok_or_else(|| no_such(format!("a device has no `{}` to set", shown(key))))?;
            set(device, text).map(Wish::Command)
        }
        Asked::Set { id: None, key } => {
            let set = entities::of(Scope::Household).filter(|row| row.key == key).find_map(|row| match row.act {
                Act::SetHome(set) => Some(set),
                _ => None,
            });
            let set = set.ok_or_else(|| no_such(format!("the household has no `{}` to set", shown(key))))?;
            set(text).map(Wish::Command)
        }
        Asked::Do { id: Some(id), thing: "person" } => {
            let person = known_person(id, view)?;
            let press = entities::of(Scope::Person).find_map(|row| match row.act {
                Act::PressPerson(word, press) if word == text => Some(press),
                _ => None,
            });
            press.map(|press| Wish::Command(press(person))).ok_or_else(|| not_a_word(text))
        }
        Asked::Do { id: Some(id), .. } => {
            let device = known(id, view)?;
            let press = entities::of(Scope::Device).find_map(|row| match row.act {
                Act::PressDevice(word, press) if word == text => Some(press),
                _ => None,
            });
            press.map(|press| Wish::Command(press(device))).ok_or_else(|| not_a_word(text))
        }
        Asked::Do { id: None, thing } => match (thing, text) {
            ("bridge", "republish") => Ok(Wish::Republish),
            ("bridge", "restart") => Ok(Wish::Restart),
            _ => {
                let scope = if thing == "bridge" { Scope::Bridge } else { Scope::Security };
                let press = entities::of(scope).find_map(|row| match row.act {
                    Act::PressHome(word, press) if word == text => Some(press),
                    _ => None,
                });
                press.map(|press| Wish::Command(press())).ok_or_else(|| not_a_word(text))
            }
        },
    }
}

/// Reading is always permitted: what is read is retained on the broker anyway.
fn permitted(wish: Wish, commands: Commands) -> Result<Wish, Refusal> {
    let is_unsafe = matches!(
        wish,
        Wish::Restart
            | Wish::Command(
                Command::Forget { .. } | Command::Merge { .. } | Command::AnswerProposal { is_same: true, .. }
            )
    );
    let may = match commands {
        Commands::All => true,
        Commands::Safe => !is_unsafe,
        Commands::None => matches!(wish, Wish::Answer(_)),
    };
    if may {
        return Ok(wish);
    }
    let word = if commands == Commands::Safe { "safe" } else { "none" };
    Err(Refusal::new(RefusalCode::NotPermitted, format!("mqtt.commands is `{word}`")))
}

/// The one answer to a wish; `None` where nothing is to be said.
#[must_use]
pub fn answer(reply: &Reply, result: &Result<Answer, Refusal>, site: &Site) -> Option<Publish> {
    let payload = match (reply.is_request, result) {
        (false, Ok(_)) => return None,
        (false, Err(refusal)) => json!({"topic": shown(&reply.asked_on), "error": error(refusal)}),
        (true, result) => {
            let mut out = Map::new();
            if let Some(id) = &reply.id {
                out.insert("id".into(), id.clone().into());
            }
            out.insert("ok".into(), result.is_ok().into());
            match result {
                Ok(answer) => out.insert("data".into(), data(&reply.data, answer)),
                Err(refusal) => out.insert("error".into(), error(refusal)),
            };
            out.into()
        }
    };
    Some(Publish {
        topic: reply.topic.clone(),
        payload: bytes(&payload),
        retain: false,
        qos: 1,
        expiry_s: (site.mqtt >= 5).then_some(ANSWER_EXPIRY_S),
        correlation: reply.correlation.clone().filter(|_| site.mqtt >= 5),
    })
}

/// What the wish was about, with what the core said about it.
fn data(data: &Json, answer: &Answer) -> Json {
    let mut data = data.clone();
    if let Some(data) = data.as_object_mut() {
        match answer {
            Answer::Done => {}
            Answer::Device(id) => {
                data.insert("device".into(), id.to_string().into());
            }
            Answer::Count(count) => {
                data.insert("count".into(), (*count).into());
            }
        }
    }
    data
}

fn error(refusal: &Refusal) -> Json {
    json!({"code": refusal.code.word(), "message": shown(&refusal.message)})
}

/// A device of the home.
fn known(id: &str, view: &HomeView) -> Result<DeviceId, Refusal> {
    let id: DeviceId = id.parse().map_err(|_| bad(format!("`{}` is not a device id such as d-7f3k2m", shown(id))))?;
    if view.devices.contains_key(&id) { Ok(id) } else { Err(Refusal::no_device(id)) }
}

/// A person of the home.
fn known_person(id: &str, view: &HomeView) -> Result<PersonId, Refusal> {
    let id: PersonId = id.parse().map_err(|_| bad(format!("`{}` is not a person's id such as p-7f3k2m", shown(id))))?;
    let is_known = view.household.persons.iter().any(|person| person.id == id);
    is_known.then_some(id).ok_or_else(|| Refusal::new(RefusalCode::NotFound, format!("no person {id}")))
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::BadRequest, message)
}

fn no_such(message: String) -> Refusal {
    Refusal::new(RefusalCode::Unsupported, message)
}

fn not_a_word(text: &str) -> Refusal {
    bad(format!("`{}` is no word that is understood here", shown(text)))
}
