//! # Entities
//!
//! One static row per entity that Home Assistant gets; discovery payloads, state payloads, entity
//! commands and `docs/entities.md` come from the same rows. To add one: a row in the file of its
//! group and its name in that group's list. A key is never reused for another platform.

use serde_json::Value as Json;

use super::topics::Place;
use crate::model::{
    Command, DeviceId, DeviceView, Household, PersonId, PersonView, Presence, Refusal, RefusalCode, words,
};

mod bluetooth;
mod bridge;
mod control;
mod device;
mod household;
mod person;
mod security;

pub use security::{Security, needs_a_look};

words! {
    /// Home Assistant's platforms in use. All known since 2024.11, when device discovery came.
    pub enum Platform {
        BinarySensor = "binary_sensor", Button = "button", DeviceTracker = "device_tracker", Event = "event",
        Number = "number", Select = "select", Sensor = "sensor", Switch = "switch", Text = "text",
    }
}
words! {
    /// Whose entity it is.
    pub enum Scope { Bridge = "bridge", Household = "household", Person = "person", Security = "security", Device = "device" }
}

/// When the entity is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// With everything that is announced at all.
    Basic,
    /// With devices of tier `full`.
    Full,
    /// With devices of tier `full` of which this fact is known: most have no battery.
    Known(&'static str),
    /// Its value is in the state payload, but nothing fills it yet: not announced.
    NotYet,
}

/// One value of a discovery payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Config {
    Text(&'static str),
    Number(u32),
    Flag(bool),
    Words(&'static [&'static str]),
    Topic(Place),
    /// `router`, or `bluetooth_le` for what only Bluetooth LE sees.
    SourceType,
}

/// What state payloads are made from.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    pub device: &'a DeviceView,
    /// An alert about it needs a look.
    pub threat: bool,
    /// The presence that is shown: changes between home-like words are shown late.
    pub activity: Presence,
}

/// How the entity's value in its thing's `state` topic is read.
#[derive(Clone, Copy)]
pub enum Value {
    /// It is not in that topic.
    Elsewhere,
    Device(fn(About<'_>) -> Json),
    Household(fn(&Household) -> Json),
    Person(fn(&PersonView) -> Json),
    Security(fn(&Security) -> Json),
    /// As above, within `active`.
    Active(fn(&Security) -> Json),
}

/// What the entity can be told.
#[derive(Clone, Copy)]
pub enum Act {
    Nothing,
    /// `set/<key>` of a device.
    SetDevice(fn(DeviceId, &str) -> Result<Command, Refusal>),
    /// `set/<key>` of the household.
    SetHome(fn(&str) -> Result<Command, Refusal>),
    /// `do` of a device, with this word.
    PressDevice(&'static str, fn(DeviceId) -> Command),
    /// `do` of a person, with this word.
    PressPerson(&'static str, fn(PersonId) -> Command),
    /// `do` of a fixed thing, with this word.
    PressHome(&'static str, fn() -> Command),
}

/// A row.
pub struct Entity {
    /// Part of `unique_id`, and of Home Assistant's identity of the component. Never reused.
    pub key: &'static str,
    pub platform: Platform,
    pub scope: Scope,
    pub shown: Shown,
    /// Short noun; none for the tracker, which bears the device's name.
    pub name: Option<&'static str>,
    /// End of `default_entity_id`.
    pub slug: &'static str,
    /// What follows the name in the discovery payload, in this order.
    pub config: &'static [(&'static str, Config)],
    pub value: Value,
    pub act: Act,
    /// For the documentation.
    pub says: &'static str,
}

/// Every entity, in the order of the payloads.
pub static ENTITIES: &[&[&Entity]] = &[
    bridge::ROWS,
    device::ROWS,
    bluetooth::ROWS,
    control::ROWS,
    household::ROWS,
    person::ROWS,
    security::CATEGORIES,
    security::ROWS,
];

/// The rows of one scope, in order.
pub fn of(scope: Scope) -> impl Iterator<Item = &'static Entity> {
    ENTITIES.iter().flat_map(|group| group.iter().copied()).filter(move |row| row.scope == scope)
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::BadRequest, message)
}
