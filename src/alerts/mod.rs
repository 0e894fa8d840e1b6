//! # What matters

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::model::{
    AlertId, AlertView, Answer, Change, Command, DeviceId, Finding, Moment, Mono, Refusal, Remembered, Wall, Who,
};

/// What is told, and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}

/// Findings become alerts here.
pub struct Alerts {
    alerts: BTreeMap<AlertId, Arc<AlertView>>,
    mutes: Arc<Vec<(String, DeviceId, Wall)>>,
}

impl Alerts {
    pub fn new(_settings: &Settings, _remembered: &Remembered, _now: Moment) -> Alerts {
        Alerts { alerts: BTreeMap::new(), mutes: Arc::default() }
    }
    pub fn take(&mut self, _findings: Vec<Finding>, _who: &dyn Who, _now: Moment, _out: &mut Vec<Change>) {}
    pub fn wake(&mut self, _now: Moment, _out: &mut Vec<Change>) {}
    pub fn next_wake(&self) -> Option<Mono> {
        None
    }
    /// `None` if the command is none of alerts' business.
    pub fn obey(
        &mut self,
        _command: &Command,
        _now: Moment,
        _out: &mut Vec<Change>,
    ) -> Option<Result<Answer, Refusal>> {
        None
    }
    /// A device became part of another: old alerts follow.
    pub fn merged(&mut self, _from: DeviceId, _into: DeviceId) {}
    pub fn adopt(&mut self, _settings: &Settings) {}
    /// Open and recently closed ones.
    pub fn view(&self) -> &BTreeMap<AlertId, Arc<AlertView>> {
        &self.alerts
    }
    /// Opened since local midnight.
    pub fn today(&self) -> u32 {
        0
    }
    pub fn mutes(&self) -> &Arc<Vec<(String, DeviceId, Wall)>> {
        &self.mutes
    }
}
