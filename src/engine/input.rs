//! # What reaches the core

use std::{sync::Arc, time::Duration};

use crate::{
    alerts, detectors,
    intel::indicators::Indicators,
    model::{Captured, Command, HaFact, Health, NetworkFacts, Observation, PartId, ScannerView, Ticket},
    presence,
    wire::Frame,
};

/// The settings of the core.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    pub presence: presence::Settings,
    pub exposure: presence::Exposure,
    pub detectors: detectors::Settings,
    pub alerts: alerts::Settings,
}

/// Everything the core reacts to.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    Frame(Captured<'a>),
    /// One that was taken apart already.
    Decoded(Captured<'a>, &'a Frame<'a>),
    /// One that this host sent.
    Sent(Captured<'a>),
    Observation(Observation),
    Told(HaFact),
    Command(Ticket, Command),
    Adopt(Arc<Settings>),
    Network(Arc<NetworkFacts>),
    /// What lists call bad, all of it.
    Indicators(Arc<Indicators>),
    Part(PartId, Health),
    /// How a scanner's last round went.
    Scanner(ScannerView),
    /// Nothing could be heard for so long: the host slept, frames were dropped, or the wall clock was stepped.
    Blind(Duration),
    /// So many frames were lost: the kernel had no room for them, or we were behind.
    Lost(u64),
    /// Time passes.
    Tick,
}
