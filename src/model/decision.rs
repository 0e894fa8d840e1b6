//! # What decided a departure
//!
//! Kept with the departure, so that weeks later `explain device --at` can say why.

use super::{LeaveReason, Probe, Wall};

/// Why a device was called away at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub reason: LeaveReason,
    /// By what was `learned` of it, by its `kind`, or by a time that people `set`.
    pub rule: &'static str,
    /// How it was used before: `busy`, `idle`, `asleep`.
    pub context: &'static str,
    /// When it was heard last.
    pub last_proof: Wall,
    /// Since the first question that stayed unanswered, in seconds; and after how many it is away.
    pub mute_s: u64,
    pub away_after_s: u64,
    /// Questions that stayed unanswered, and of which kinds.
    pub unanswered: u32,
    pub asked: Vec<Probe>,
    /// Signs beside the silence, and how much likelier each is of one who left.
    pub ratios: Vec<(&'static str, f64)>,
    /// How much oftener than on average it leaves at this hour.
    pub odds: f64,
    /// False aways a month that are allowed, and that were judged in the last 30 days.
    pub dial: f64,
    pub false_aways: u32,
    /// How sure it is, 0 to 1. None: too little is known of its sleep.
    pub confidence: Option<f64>,
    /// The further witness that would have helped most, and the seconds it would have taken with it.
    pub helps: Option<(&'static str, u64)>,
}
