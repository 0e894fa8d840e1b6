//! # What is odd

use serde::{Deserialize, Serialize};

use crate::{
    model::{Card, Change, Findings, Moment, Mono, NetworkFacts, Observation, Who},
    wire::Frame,
};

/// How detectors are run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}

/// One thing to judge, at the level a detector asked for.
pub enum Evidence<'a> {
    Packet(&'a Frame<'a>),
    Observation(&'a Observation),
    Home(&'a Change),
}

/// What a detector may know besides.
pub struct Context<'a> {
    pub now: Moment,
    pub who: &'a dyn Who,
    pub network: &'a NetworkFacts,
}

/// One kind of trouble.
pub trait Detector: Send {
    fn card(&self) -> &'static Card;
    fn examine(&mut self, evidence: &Evidence<'_>, context: &Context<'_>, findings: &mut Findings);
    fn next_wake(&self) -> Option<Mono> {
        None
    }
    fn wake(&mut self, _context: &Context<'_>, _findings: &mut Findings) {}
}

/// All detectors that are on.
#[derive(Default)]
pub struct Detectors {}

impl Detectors {
    pub fn new(_settings: &Settings) -> Detectors {
        Detectors {}
    }
    pub fn examine(&mut self, _evidence: &Evidence<'_>, _context: &Context<'_>, _findings: &mut Findings) {}
    pub fn next_wake(&self) -> Option<Mono> {
        None
    }
    pub fn wake(&mut self, _context: &Context<'_>, _findings: &mut Findings) {}
    pub fn adopt(&mut self, _settings: &Settings) {}
}
