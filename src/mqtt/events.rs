//! # Events
//!
//! Not retained: Home Assistant's event entities ignore what is old. Made from changes, since a
//! view does not tell what just happened.

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::{
    Publish, Site,
    payloads::bytes,
    text::{cut, shown, slug},
    topics::{Place, Thing, Topics},
};
use crate::model::{AlertId, AlertState, AlertView, Change, DeviceId, HomeView, Party, Presence, Trust, Wall};

// After so long nobody wants to hear that somebody came.
const EXPIRY_S: u32 = 300;
// Longest explanation; titles and names are shorter.
const DETAIL_CHARS_MAX: usize = 255;
const TECHNIQUES_MAX: usize = 8;

/// Kinds of household events, as declared by the entity. The number makes part of an event's id.
#[derive(Debug, Clone, Copy)]
enum Kind {
    FirstHome = 0,
    Arrived = 1,
    Left = 2,
    LastLeft = 3,
    GuestArrived = 4,
    GuestLeft = 5,
    DeviceNew = 6,
    DeviceReturned = 7,
    JoinProposed = 8,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Kind::FirstHome => "first_home",
            Kind::Arrived => "arrived",
            Kind::Left => "left",
            Kind::LastLeft => "last_left",
            Kind::GuestArrived => "guest_arrived",
            Kind::GuestLeft => "guest_left",
            Kind::DeviceNew => "device_new",
            Kind::DeviceReturned => "device_returned",
            Kind::JoinProposed => "join_proposed",
        }
    }
}

#[derive(Serialize)]
struct Household<'a> {
    event_type: &'a str,
    id: String,
    at: String,
    device: String,
    name: Option<String>,
    person: Option<String>,
    people_home: u32,
    away_for: Option<u64>,
    confidence: Option<f64>,
    identity: Option<&'a str>,
    request: String,
}

/// The messages that are not retained: events.
#[must_use]
pub fn events(change: &Change, view: &HomeView, site: &Site) -> Vec<Publish> {
    let message = match change {
        Change::PersonMoved { person, home, first_or_last, people_home, device, away_s, confidence, identity, at } => {
            let kind = match (home, first_or_last) {
                (true, true) => Kind::FirstHome,
                (true, false) => Kind::Arrived,
                (false, false) => Kind::Left,
                (false, true) => Kind::LastLeft,
            };
            let away_for = home.then_some(*away_s);
            let sure = (*confidence, Some(*identity));
            Some(household(kind, *device, Some(person), Some(*people_home), away_for, sure, *at, view, site))
        }
        Change::Presence { device, from, to, at, .. } => {
            let kind = match (from, to) {
                (Presence::Away, to) if to.is_here() => Some(Kind::GuestArrived),
                (from, Presence::Away) if from.is_here() => Some(Kind::GuestLeft),
                _ => None,
            };
            let guest = view.devices.get(device).filter(|device| device.trust == Trust::Guest && !device.hidden);
            kind.zip(guest).map(|(kind, guest)| {
                let away_for = matches!(kind, Kind::GuestArrived).then_some(guest.away_for_s);
                household(kind, guest.id, None, None, away_for, (None, None), *at, view, site)
            })
        }
        // This host is no news to its owner, and at a first start everything is new.
        Change::DeviceFound { device, at } if !device.is_own && !view.settling => Some(household(
            Kind::DeviceNew,
            device.id,
            device.owner.as_deref(),
            None,
            None,
            (None, None),
            *at,
            view,
            site,
        )),
        Change::DeviceReturned { device, at, away_s } if !device.hidden => Some(household(
            Kind::DeviceReturned,
            device.id,
            device.owner.as_deref(),
            None,
            Some(*away_s),
            (None, None),
            *at,
            view,
            site,
        )),
        Change::JoinProposed { device, of, why, at } => Some(proposed(*device, *of, why, *at, view, site)),
        Change::AlertOpened { alert } | Change::AlertUpdated { alert } if alert.state == AlertState::New => {
            Some(security(alert.category.word(), alert, view, site))
        }
        // What was below the bar was never told, so its end is not, either.
        Change::AlertClosed { alert } if alert.state != AlertState::Observed => {
            Some(security("resolved", alert, view, site))
        }
        _ => None,
    };
    message.into_iter().collect()
}

#[allow(clippy::too_many_arguments, reason = "the fields of one event, each said once")]
fn household(
    kind: Kind,
    device: DeviceId,
    person: Option<&str>,
    people_home: Option<u32>,
    away_for: Option<u64>,
    (confidence, identity): (Option<f64>, Option<&str>),
    at: Wall,
    view: &HomeView,
    site: &Site,
) -> Publish {
    let home = u32::try_from(view.household.people_home.len()).unwrap_or(u32::MAX);
    let payload = bytes(&Household {
        event_type: kind.word(),
        id: event_id(kind, device, at),
        at: at.to_string(),
        device: device.to_string(),
        name: view.devices.get(&device).map(|device| shown(&device.name)),
        person: person.map(slug).filter(|person| !person.is_empty()),
        people_home: people_home.unwrap_or(home),
        away_for,
        confidence,
        identity,
        request: Topics::new(site).requests(),
    });
    event(Thing::Household, payload, site)
}

/// Whether a newcomer is a known phone under another address.
fn proposed(device: DeviceId, of: DeviceId, why: &str, at: Wall, view: &HomeView, site: &Site) -> Publish {
    let name = |id: DeviceId| view.devices.get(&id).map(|device| shown(&device.name));
    let payload = bytes(&json!({
        "event_type": Kind::JoinProposed.word(),
        "id": event_id(Kind::JoinProposed, device, at),
        "at": at.to_string(),
        "device": device.to_string(),
        "name": name(device),
        "of": of.to_string(),
        "of_name": name(of),
        "why": shown(why),
        "request": Topics::new(site).requests(),
    }));
    event(Thing::Household, payload, site)
}

/// Sortable by time, and the same for the same event: time, then device and kind.
fn event_id(kind: Kind, device: DeviceId, at: Wall) -> String {
    // Six of [a-z0-9] are less than 32 bits; an alert id has 40 for its counter.
    let digits = u64::from_str_radix(device.to_string().trim_start_matches("d-"), 36).unwrap_or_default();
    AlertId::mint(at, (digits << 4) | kind as u64).to_string()
}

fn security(event_type: &str, alert: &AlertView, view: &HomeView, site: &Site) -> Publish {
    let page = site.page.as_deref().map(|page| page.trim_end_matches('/'));
    let technique: Vec<String> = alert.technique.iter().take(TECHNIQUES_MAX).map(|t| cut(t, 16)).collect();
    let payload = bytes(&json!({
        "event_type": event_type,
        "id": alert.id.as_str(),
        "severity": alert.severity.word(),
        "rank": alert.severity.rank(),
        "title": shown(&alert.title),
        "detail": cut(&alert.detail, DETAIL_CHARS_MAX),
        "recommendation": cut(&alert.recommendation, DETAIL_CHARS_MAX),
        "detector": shown(&alert.detector),
        "technique": technique,
        "attacker": party(&alert.attacker, alert.attacker_name.as_deref(), view),
        "victim": party(&alert.victim, alert.victim_name.as_deref(), view),
        "count": alert.count,
        "first_seen": alert.first_seen.to_string(),
        "incident": alert.incident.as_str(),
        "url": page.map(|page| format!("{page}/alert/{}", alert.id)),
        "tag": format!("porchlight-{}", alert.incident),
        // Whoever acts on the event needs no settings to know where.
        "request": Topics::new(site).requests(),
    }));
    event(Thing::Security, payload, site)
}

/// One side of an alert. The name is today's, if the device is still known.
pub(super) fn party(party: &Party, name: Option<&str>, view: &HomeView) -> Json {
    let today = party.device.and_then(|id| view.devices.get(&id)).map(|device| device.name.as_str());
    json!({
        "device": party.device.map(|id| id.to_string()),
        "name": today.or(name).map(shown),
        "ip": party.ip,
        "mac": party.mac.map(|mac| mac.to_string()),
    })
}

fn event(thing: Thing, payload: Vec<u8>, site: &Site) -> Publish {
    Publish {
        topic: Topics::new(site).at(thing, Place::Event, ""),
        payload,
        retain: false,
        qos: 1,
        // 3.1.1 has no expiry.
        expiry_s: (site.mqtt >= 5).then_some(EXPIRY_S),
        correlation: None,
    }
}
