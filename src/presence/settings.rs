//! # How presence decides: settings

use std::{collections::BTreeMap, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};

use crate::model::{Kind, Span};

/// What `presence.false_away_per_month` may be. The loosest are as hasty as trackers that wait three minutes, the strictest
/// err as seldom as those that wait for three quarters of an hour, and are sooner than either at as many errors
/// (`docs/decisions/0014-lists-forget-and-dials-reach.md`).
pub const DIALS: RangeInclusive<f64> = 0.01..=300.0;

/// `presence`: who counts as home, when a silence is a departure, and whose address is whose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How many times a month a phone, tablet, laptop or watch may wrongly be called away: the less, the
    /// longer a departure takes to be told. Goes by what was learned of the device's sleep; until that
    /// is enough (100 silences, or two weeks), the times of its kind decide.
    #[serde(deserialize_with = "dial")]
    pub false_away_per_month: f64,
    /// Silence after which a device of a kind is away, such as `phone: 15m`. Zero: the kind's own time.
    #[serde(deserialize_with = "by_kind")]
    pub away_after: BTreeMap<String, Span>,
    /// No device is away sooner than this, whatever else is set.
    pub away_min: Span,
    /// No device of a kind keeps mute at home for longer, such as `phone: 60m`: then it is away, whatever was learned.
    /// In use and idle it is less, as of a phone: 20 and 60 minutes of 150. Zero: the kind's own most.
    #[serde(deserialize_with = "by_kind")]
    pub away_max: BTreeMap<String, Span>,
    /// In this time what was learned of a device's sleep comes to count for half.
    #[serde(deserialize_with = "days")]
    pub half_life: Span,
    /// After so many days a device's own sleep decides, if it was mute often enough.
    pub learn_days: u32,
    /// Ask a silent device, by unicast, before it is called away. `false`: listen only.
    pub ask: bool,
    /// How long a device may be silent before it is asked.
    pub ask_after: AskAfter,
    /// Questions put to one device in an hour, at most. Fewer spare batteries.
    pub asks_per_hour: u32,
    /// Questions put to one device in a day, at most.
    pub asks_per_day: u32,
    /// Questions put to the whole network in a second, at most.
    pub asks_per_second: u32,
    /// Devices (id, MAC or name) that are never asked.
    pub never_wake: Vec<String>,
    /// How often a device that left is asked whether it is back, where frames cannot be heard.
    /// Zero: never; then only a sweep finds it.
    pub arrival_ask: Span,
    /// A report older than this makes no arrival.
    pub arrival_max_age: Span,
    /// After a time in which nothing could be heard, nobody leaves for so long.
    pub grace: Span,
    /// When many fall silent at once, nobody leaves for so long.
    pub hold_mass: Span,
    /// After so long without any ear, presence is `unknown` (trackers keep their state).
    pub unknown_after: Span,
    /// A stop of the program shorter than this moves nobody.
    pub restart_keep: Span,
    /// What to do when a known address shows other software than before. `enforce`: an important device
    /// is home only after its DHCP client and a second fact proved it, or a person vouched for it.
    pub identity: Identity,
    /// What to do when a phone comes back with another random address.
    pub join: Join,
    /// An unknown phone counts as a guest after so long.
    pub guest_after: Span,
    /// A guest's device is forgotten after so many days of absence.
    pub guest_forget_days: u32,
    /// Home Assistant entities of the doors through which people leave, such as `binary_sensor.front_door`: contacts,
    /// locks, garage covers, or a motion sensor in front. All of the doors, or none: while one cannot be read, none counts.
    pub doors: Vec<String>,
    /// In which room a device is.
    pub rooms: super::rooms::Settings,
    /// The home's own Wi-Fi networks, besides the one this machine is connected to: names, or addresses of
    /// access points, or `*` for all that are heard. Who talks through them is a device of the home;
    /// a name alone may be a neighbour's too.
    pub wifi_networks: Vec<String>,
    /// Names of the access points whose station lists are trusted. Kept for a later version: no effect yet.
    pub ap_sources: Vec<String>,
    /// What is set for single devices; comes from `devices`.
    #[serde(skip)]
    pub devices: Devices,
}

/// Single devices (id, MAC or name), and what is set for them.
pub type Devices = BTreeMap<String, Own>;

/// `devices.<id>`: what is another for one device than for all.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Own {
    /// How many times a month this one may wrongly be called away, 0.05 to 30. Empty: as
    /// `presence.false_away_per_month` says.
    #[serde(deserialize_with = "own_dial")]
    #[schemars(range(min = 0.05, max = 30.0))]
    pub false_away_per_month: Option<f64>,
    /// It is never asked, as those of `presence.never_wake`.
    pub never_wake: bool,
    /// Goes where its owner goes and stands for them, or stays at home and does not, as a second phone. Empty: phones and
    /// watches go, tablets and laptops stand for who has neither.
    pub carried: Option<bool>,
}

/// `presence.ask_after`: silence before the first question, by how the device was used of late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AskAfter {
    /// Phones, tablets, laptops and watches just used; devices that do not sleep after twice that.
    pub busy: Span,
    /// Phones and the like that lie about, and those of which little is known.
    pub idle: Span,
    /// The same, known to be asleep.
    pub asleep: Span,
}

/// What to do when a known address behaves like another device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Presence follows the address, and an alert is raised (`identity_change`).
    #[default]
    Warn,
    /// An important device arrives only when a second fact agrees.
    Enforce,
}

/// What to do when a phone comes back with another random address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// Join it to the device it was, if a key fact proves it.
    #[default]
    Auto,
    /// Never join by itself.
    Propose,
    Off,
}

/// Which devices get entities in Home Assistant (from `homeassistant.expose…`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exposure {
    /// Every device gets all entities.
    pub all: bool,
    /// Only these (id, MAC or name).
    pub listed: Option<Vec<String>>,
    /// With neither: at most so many.
    pub limit: u32,
    /// So long a device of the first list may take to tell its name, before its entity ids are made without one.
    pub name_wait: Span,
}

impl Default for AskAfter {
    fn default() -> Self {
        AskAfter { busy: Span::seconds(30), idle: Span::seconds(45), asleep: Span::seconds(90) }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            false_away_per_month: 1.0,
            away_after: BTreeMap::new(),
            away_min: Span::seconds(45),
            away_max: BTreeMap::new(),
            half_life: Span::days(45),
            learn_days: 14,
            ask: true,
            ask_after: AskAfter::default(),
            asks_per_hour: 60,
            asks_per_day: 1_000,
            asks_per_second: 20,
            never_wake: Vec::new(),
            arrival_ask: Span::seconds(5),
            arrival_max_age: Span::seconds(60),
            grace: Span::seconds(60),
            hold_mass: Span::minutes(5),
            unknown_after: Span::minutes(30),
            restart_keep: Span::minutes(10),
            identity: Identity::Warn,
            join: Join::Auto,
            guest_after: Span::minutes(10),
            guest_forget_days: 90,
            doors: Vec::new(),
            rooms: super::rooms::Settings::default(),
            wifi_networks: Vec::new(),
            ap_sources: Vec::new(),
            devices: Devices::new(),
        }
    }
}

fn dial<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
    let dial = f64::deserialize(d)?;
    if DIALS.contains(&dial) {
        Ok(dial)
    } else {
        Err(serde::de::Error::custom("false_away_per_month lies between 0.01 and 300"))
    }
}

fn own_dial<'de, D: Deserializer<'de>>(d: D) -> Result<Option<f64>, D::Error> {
    match Option::<f64>::deserialize(d)? {
        Some(given) if !(0.05..=30.0).contains(&given) => {
            Err(serde::de::Error::custom("false_away_per_month lies between 0.05 and 30"))
        }
        given => Ok(given),
    }
}

/// Less than a day would forget a night before the next.
fn days<'de, D: Deserializer<'de>>(d: D) -> Result<Span, D::Error> {
    let span = Span::deserialize(d)?;
    if (Span::days(1)..=Span::days(3650)).contains(&span) {
        Ok(span)
    } else {
        Err(serde::de::Error::custom("lies between a day and 3650 days, such as 45d"))
    }
}

fn by_kind<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<String, Span>, D::Error> {
    let map = BTreeMap::<String, Span>::deserialize(d)?;
    for kind in map.keys() {
        Kind::from_str(kind).map_err(serde::de::Error::custom)?;
    }
    Ok(map)
}

impl Settings {
    /// The fixed time of a kind, if one is set.
    pub(crate) fn fixed(&self, kind: Kind) -> Option<std::time::Duration> {
        self.away_after.get(kind.word()).filter(|span| !span.is_zero()).map(|span| span.0)
    }

    /// The most that is waited for a device of a kind, if one is set.
    pub(crate) fn most(&self, kind: Kind) -> Option<std::time::Duration> {
        self.away_max.get(kind.word()).filter(|span| !span.is_zero()).map(|span| span.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_as_people_write_them() {
        let read = |text: &str| serde_json::from_str::<Settings>(text).map_err(|e| e.to_string());
        assert_eq!(read("{}"), Ok(Settings::default()));
        let set = read(r#"{"away_after": {"phone": "15m"}, "arrival_ask": 0, "join": "off"}"#).expect("good settings");
        assert_eq!((set.fixed(Kind::Phone), set.join), (Some(Span::minutes(15).0), Join::Off));
        for (bad, says) in [
            (r#"{"away_after": {"fone": "15m"}}"#, "fone"),
            (r#"{"false_away_per_month": 0}"#, "between"),
            (r#"{"away_after_": {}}"#, "unknown field"),
            (r#"{"away_max": {"fone": "15m"}}"#, "fone"),
            (r#"{"half_life": "3h"}"#, "between"),
        ] {
            assert!(read(bad).expect_err(bad).contains(says), "{bad}");
        }
    }
}
