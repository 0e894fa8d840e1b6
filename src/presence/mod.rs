//! # Who is here

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::model::{
    Answer, Change, Command, DeviceId, DeviceView, HaFact, Health, Household, MacAddr, Moment, Mono, NetworkFacts,
    Observation, PartId, Refusal, Remembered, Role, Trust, Wall, Who,
};

pub mod overheard;

/// How presence decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}

/// Which devices get entities in Home Assistant (from `homeassistant.expose…`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exposure {
    /// Every device gets all entities.
    pub all: bool,
    /// Only these (id, MAC or name).
    pub listed: Option<Vec<String>>,
    /// With neither: at most so many.
    pub limit: u32,
}

/// Who is here, from observations alone.
pub struct Presence {
    devices: BTreeMap<DeviceId, Arc<DeviceView>>,
    tombstones: Arc<BTreeMap<DeviceId, Wall>>,
    household: Arc<Household>,
}

impl Presence {
    pub fn new(
        _settings: &Settings,
        _exposure: &Exposure,
        _network: &Arc<NetworkFacts>,
        _remembered: &Remembered,
        _instance: u32,
        _now: Moment,
    ) -> Presence {
        Presence { devices: BTreeMap::new(), tombstones: Arc::default(), household: Arc::default() }
    }
    /// One observation, at `now` (its own `at` may be earlier).
    pub fn observe(&mut self, _observation: &Observation, _now: Moment, _out: &mut Vec<Change>) {}
    /// Runs what is due at `now` exactly; the engine calls it once a due time.
    pub fn wake(&mut self, _now: Moment, _out: &mut Vec<Change>) {}
    /// When it wants to be woken next.
    pub fn next_wake(&self) -> Option<Mono> {
        None
    }
    /// `None` if the command is none of presence's business.
    pub fn obey(
        &mut self,
        _command: &Command,
        _now: Moment,
        _out: &mut Vec<Change>,
    ) -> Option<Result<Answer, Refusal>> {
        None
    }
    pub fn told(&mut self, _fact: &HaFact, _now: Moment, _out: &mut Vec<Change>) {}
    /// The networks changed: interfaces up or down, gateways, addresses.
    pub fn network(&mut self, _network: &Arc<NetworkFacts>, _now: Moment, _out: &mut Vec<Change>) {}
    /// A part went or is back.
    pub fn part(&mut self, _part: &PartId, _health: &Health, _now: Moment, _out: &mut Vec<Change>) {}
    /// The clocks disagreed, or the host slept: `blind` is the time nothing could be heard.
    pub fn blind(&mut self, _blind: std::time::Duration, _now: Moment, _out: &mut Vec<Change>) {}
    pub fn adopt(&mut self, _settings: &Settings, _exposure: &Exposure, _now: Moment, _out: &mut Vec<Change>) {}
    /// Rebuilds the views of what changed and returns all. Gauges (last_seen, signal, sightings)
    /// are refreshed at most every 10 s so that unchanged `Arc`s stay the same.
    pub fn view(&mut self, _now: Moment) -> &BTreeMap<DeviceId, Arc<DeviceView>> {
        &self.devices
    }
    pub fn household(&self) -> &Arc<Household> {
        &self.household
    }
    pub fn tombstones(&self) -> &Arc<BTreeMap<DeviceId, Wall>> {
        &self.tombstones
    }
    pub fn minted(&self) -> u32 {
        0
    }
    pub fn limit_reached(&self) -> bool {
        false
    }
}

impl Who for Presence {
    fn by_mac(&self, _mac: MacAddr) -> Option<DeviceId> {
        None
    }
    fn by_ip(&self, _ip: IpAddr) -> Option<DeviceId> {
        None
    }
    fn role(&self, _device: DeviceId) -> Role {
        Role::Other
    }
    fn trust(&self, _device: DeviceId) -> Trust {
        Trust::Unknown
    }
    fn name(&self, _device: DeviceId) -> Option<String> {
        None
    }
    fn is_important(&self, _device: DeviceId) -> bool {
        false
    }
    fn tells(&self, _device: DeviceId) -> bool {
        true
    }
}
