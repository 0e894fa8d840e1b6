//! # A home as it is written down
//!
//! The file of `porchlight simulate`: who lives there, when they come and go, how their devices sleep,
//! what breaks. What it means is in `docs/PRESENCE.md`. A key nobody knows is told, not refused: a home
//! written for a later version still runs.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

mod times;

pub use times::{Clock, Moves, Span, When};

/// Keys that mean nothing here, gathered while reading.
type Rest = BTreeMap<String, Value>;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
pub struct Home {
    pub version: u32,
    #[serde(default = "one")]
    pub seed: u64,
    #[serde(default = "months")]
    pub months: u32,
    /// Figures are taken after it.
    #[serde(default = "warm_up")]
    pub warm_up: Span,
    #[serde(default)]
    pub network: Network,
    #[serde(default)]
    pub behaviours: BTreeMap<String, Behaviour>,
    #[serde(default)]
    pub people: BTreeMap<String, Person>,
    #[serde(default)]
    pub schedules: BTreeMap<String, Schedule>,
    #[serde(default)]
    pub devices: BTreeMap<String, Thing>,
    #[serde(default)]
    pub guests: Option<Guests>,
    #[serde(default)]
    pub doors: BTreeMap<String, Door>,
    #[serde(default)]
    pub faults: Vec<Fault>,
    #[serde(default = "compare")]
    pub compare: Vec<Span>,
    #[serde(default)]
    pub fail_if: BTreeMap<String, Value>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Network {
    /// Beacons between two deliveries of broadcasts. Questions are unicast, so nothing depends on it.
    #[serde(default)]
    pub dtim: Option<u32>,
    /// The part of frames that get lost.
    #[serde(default)]
    pub loss: f64,
    #[serde(default)]
    pub aps: Vec<String>,
    /// The access points tell who is connected.
    #[serde(default)]
    pub station_lists: bool,
    /// After which time in the mean they drop one who left.
    #[serde(default = "two_minutes")]
    pub drops_leaver_after: Span,
    /// `eth0`, or `{ble: kitchen}`.
    #[serde(default = "sensors")]
    pub sensors: Vec<Sensor>,
    /// Frames of others are heard.
    #[serde(default = "yes")]
    pub capture: bool,
    #[serde(flatten)]
    rest: Rest,
}

impl Default for Network {
    fn default() -> Network {
        Network {
            dtim: None,
            loss: 0.0,
            aps: Vec::new(),
            station_lists: false,
            drops_leaver_after: two_minutes(),
            sensors: sensors(),
            capture: true,
            rest: Rest::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Sensor {
    Interface(String),
    Ble { ble: String },
}

/// How a sort of device sleeps.
#[derive(Debug, Clone, Deserialize)]
pub struct Behaviour {
    #[serde(default)]
    pub idle: Option<Spells>,
    #[serde(default)]
    pub asleep: Option<Spells>,
    /// P(a question is answered in light sleep).
    #[serde(default = "answers")]
    pub answers: f64,
    #[serde(default)]
    pub own_gap: OwnGap,
    /// P(a spell ends by joining the network anew).
    #[serde(default = "rejoin")]
    pub rejoin: f64,
    /// How often it draws a new address; it does so when it comes home.
    #[serde(default)]
    pub rotate: Option<When>,
    /// It is switched off now and then.
    #[serde(default)]
    pub off: Option<Off>,
    #[serde(flatten)]
    rest: Rest,
}

/// Mute spells while at home: `[per hour, median, sigma]` or `{per_hour, pareto: [scale, alpha]}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Spells {
    LogNormal(f64, Span, f64),
    Pareto { per_hour: f64, pareto: (Span, f64) },
}

impl Spells {
    pub fn per_hour(&self) -> f64 {
        match self {
            Spells::LogNormal(per_hour, ..) | Spells::Pareto { per_hour, .. } => *per_hour,
        }
    }
}

/// Mean time between frames it sends by itself.
#[derive(Debug, Clone, Deserialize)]
pub struct OwnGap {
    pub busy: Span,
    pub rest: Span,
}

impl Default for OwnGap {
    fn default() -> OwnGap {
        OwnGap { busy: Span(12.0), rest: Span(90.0) }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct Off {
    pub per_day: f64,
    pub lasts: (Span, f64),
}

#[derive(Debug, Clone, Deserialize)]
pub struct Person {
    pub schedule: String,
    #[serde(default)]
    pub devices: Vec<String>,
    #[serde(default)]
    pub wakes: Option<Clock>,
    #[serde(default)]
    pub sleeps: Option<Clock>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Schedule {
    pub weekday: Vec<Moves>,
    pub weekend: Vec<Moves>,
    /// Every day besides.
    pub short: Option<Moves>,
    /// Shifts: after so many days they begin again.
    pub cycle: Option<Span>,
    /// When each shift is left for, and by how much that moves; none: a day off.
    pub leave: Vec<Option<(Clock, Span)>>,
    /// Of shifts.
    pub lasts: Option<(Span, f64)>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Thing {
    pub behaves: String,
    /// `personal` (Annas-iPhone) or `generic` (iPhone).
    #[serde(default)]
    pub names: Option<String>,
    /// Its identity resolving key is known.
    #[serde(default)]
    pub irk: bool,
    /// `ble`: it has no other radio.
    #[serde(default)]
    pub radio: Option<String>,
    #[serde(default = "uses")]
    pub uses_before_leaving: f64,
    /// P(it stays at home when its owner goes out).
    #[serde(default)]
    pub left_home: f64,
    /// At which access point it hangs. Carried devices roam, all others are wired without it.
    #[serde(default)]
    pub ap: Option<String>,
    /// The interface behind which it lives, if not the first.
    #[serde(default)]
    pub on: Option<String>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Guests {
    pub per_week: f64,
    #[serde(default = "evening")]
    pub lasts: (Span, f64),
    #[serde(default)]
    pub overnight: f64,
    #[serde(default)]
    pub names_personal: f64,
    #[serde(default)]
    pub same_name_as_family: f64,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Door {
    #[serde(default)]
    pub watched: bool,
    #[serde(default)]
    pub other_openings_per_day: f64,
    #[serde(flatten)]
    rest: Rest,
}

/// Something breaks: once `at`, or about `every`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Fault {
    pub ap_reboot: Option<String>,
    pub all_aps_reboot: bool,
    pub sensor_hang: Option<String>,
    pub broker_down: bool,
    pub gateway_down: bool,
    pub restart: Option<String>,
    pub suspend: bool,
    pub clock_step: Option<Span>,
    pub every: Option<Span>,
    pub at: Option<When>,
    pub lasts: Option<Lasts>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Lasts {
    Spread(Span, f64),
    Exactly(Span),
}

fn one() -> u64 {
    1
}
fn months() -> u32 {
    3
}
fn warm_up() -> Span {
    Span(30.0 * 86_400.0)
}
fn two_minutes() -> Span {
    Span(120.0)
}
fn sensors() -> Vec<Sensor> {
    vec![Sensor::Interface("eth0".into())]
}
fn yes() -> bool {
    true
}
fn answers() -> f64 {
    0.95
}
fn rejoin() -> f64 {
    0.05
}
fn uses() -> f64 {
    0.75
}
fn evening() -> (Span, f64) {
    (Span(3.0 * 3_600.0), 0.5)
}
fn compare() -> Vec<Span> {
    [180.0, 600.0, 2_700.0].map(Span).to_vec()
}

impl Home {
    /// A home, from what a YAML reader made of the file.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn of(value: Value) -> Result<Home, String> {
        let home: Home = serde_json::from_value(value).map_err(|error| error.to_string())?;
        home.check()?;
        Ok(home)
    }

    fn check(&self) -> Result<(), String> {
        if self.version != 1 {
            return Err(format!("version {} of the format is not known; this is version 1", self.version));
        }
        if self.devices.is_empty() {
            return Err("nothing is in `devices`".into());
        }
        for (name, thing) in &self.devices {
            if !self.behaviours.contains_key(&thing.behaves) {
                return Err(format!("devices.{name}.behaves: `{}` is not in `behaviours`", thing.behaves));
            }
            if thing.ap.as_ref().is_some_and(|ap| !self.network.aps.contains(ap)) {
                return Err(format!("devices.{name}.ap: not in `network.aps`"));
            }
        }
        let mut owned = BTreeMap::new();
        for (name, person) in &self.people {
            if !self.schedules.contains_key(&person.schedule) {
                return Err(format!("people.{name}.schedule: `{}` is not in `schedules`", person.schedule));
            }
            for device in &person.devices {
                if !self.devices.contains_key(device) {
                    return Err(format!("people.{name}.devices: `{device}` is not in `devices`"));
                }
                if let Some(other) = owned.insert(device, name) {
                    return Err(format!("people.{name}.devices: `{device}` is also {other}'s"));
                }
            }
        }
        for (name, schedule) in &self.schedules {
            if schedule.cycle.is_some() && (schedule.leave.is_empty() || schedule.lasts.is_none()) {
                return Err(format!("schedules.{name}: a cycle needs `leave` and `lasts`"));
            }
        }
        for (index, fault) in self.faults.iter().enumerate() {
            if fault.every.is_none() && fault.at.is_none() {
                return Err(format!("faults[{index}]: needs `every` or `at`"));
            }
            if let Some(ap) = fault.ap_reboot.as_ref().filter(|ap| !self.network.aps.contains(ap)) {
                return Err(format!("faults[{index}].ap_reboot: `{ap}` is not in `network.aps`"));
            }
        }
        for (name, behaviour) in &self.behaviours {
            if !(0.0..=1.0).contains(&behaviour.answers) || !(0.0..=1.0).contains(&behaviour.rejoin) {
                return Err(format!("behaviours.{name}: a probability lies between 0 and 1"));
            }
        }
        if !(0.0..1.0).contains(&self.network.loss) {
            return Err("network.loss lies between 0 and 1".into());
        }
        Ok(())
    }

    /// Keys that mean nothing here.
    pub fn unknown_keys(&self) -> Vec<String> {
        let mut found: Vec<String> = self.rest.keys().cloned().collect();
        let mut add = |place: &str, rest: &Rest| found.extend(rest.keys().map(|key| format!("{place}.{key}")));
        add("network", &self.network.rest);
        self.behaviours.iter().for_each(|(name, it)| add(&format!("behaviours.{name}"), &it.rest));
        self.people.iter().for_each(|(name, it)| add(&format!("people.{name}"), &it.rest));
        self.devices.iter().for_each(|(name, it)| add(&format!("devices.{name}"), &it.rest));
        self.doors.iter().for_each(|(name, it)| add(&format!("doors.{name}"), &it.rest));
        self.schedules.iter().for_each(|(name, it)| add(&format!("schedules.{name}"), &it.rest));
        self.faults.iter().enumerate().for_each(|(index, it)| add(&format!("faults[{index}]"), &it.rest));
        self.guests.iter().for_each(|it| add("guests", &it.rest));
        found
    }

    /// Names of the wired or Wi-Fi ears; one at least.
    pub fn interfaces(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for sensor in &self.network.sensors {
            if let Sensor::Interface(name) = sensor {
                names.push(name.clone());
            }
        }
        if names.is_empty() {
            names.push("eth0".into());
        }
        names
    }

    /// How many Bluetooth ears there are.
    pub fn ears(&self) -> usize {
        self.network.sensors.iter().filter(|sensor| matches!(sensor, Sensor::Ble { .. })).count()
    }

    /// Whose device it is.
    pub fn owner(&self, device: &str) -> Option<&str> {
        let owns = |person: &Person| person.devices.iter().any(|held| held == device);
        self.people.iter().find(|(_, person)| owns(person)).map(|(name, _)| name.as_str())
    }
}
