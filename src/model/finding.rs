//! # Findings: what a detector saw
//!
//! A finding names wire addresses; who that is, `alerts/` asks once. It is not yet an alert.

use std::net::IpAddr;

use super::{Category, DeviceId, MacAddr, Moment, Severity};

/// One side of a finding, as on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Party {
    /// Set when presence itself is the source.
    pub device: Option<DeviceId>,
    pub mac: Option<MacAddr>,
    pub ip: Option<IpAddr>,
}

/// A named value that supports a finding (`docs/detectors` lists the keys).
pub type Evidence = (&'static str, String);

/// What a detector saw, once.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The detector's file name.
    pub detector: &'static str,
    pub category: Category,
    pub severity: Severity,
    /// Findings with the same detector and key are the same thing seen again.
    pub key: String,
    pub at: Moment,
    pub attacker: Party,
    pub victim: Party,
    pub evidence: Vec<Evidence>,
    /// ATT&CK technique ids.
    pub technique: &'static [&'static str],
    /// 0 to 1.
    pub confidence: f32,
    /// The state has ended: close what is open under this key.
    pub over: bool,
    /// Its detector is set to observe: stored, never told.
    pub observe_only: bool,
}

impl Finding {
    /// One that names nobody yet and is all but sure.
    #[must_use]
    pub fn new(detector: &'static str, category: Category, severity: Severity, key: String, at: Moment) -> Finding {
        Finding {
            detector,
            category,
            severity,
            key,
            at,
            attacker: Party::default(),
            victim: Party::default(),
            evidence: Vec::new(),
            technique: &[],
            confidence: 0.9,
            over: false,
            observe_only: false,
        }
    }
    #[must_use]
    pub fn by(mut self, attacker: Party) -> Finding {
        self.attacker = attacker;
        self
    }
    #[must_use]
    pub fn against(mut self, victim: Party) -> Finding {
        self.victim = victim;
        self
    }
    /// One more named value. What comes from the wire must be clean text.
    #[must_use]
    pub fn why(mut self, name: &'static str, value: impl ToString) -> Finding {
        self.evidence.push((name, value.to_string()));
        self
    }
    /// What it was about is over.
    #[must_use]
    pub fn ended(mut self) -> Finding {
        self.over = true;
        self
    }
    #[must_use]
    pub const fn technique(mut self, technique: &'static [&'static str]) -> Finding {
        self.technique = technique;
        self
    }
    /// Confidence from points, which are natural-log odds: four are needed to be as likely as not.
    #[must_use]
    pub fn points(mut self, points: f32) -> Finding {
        const BASE: f32 = -4.0;
        self.confidence = 1.0 / (1.0 + (-(BASE + points)).exp());
        self
    }
}

/// Where detectors put findings. At most [`Findings::MAX`] an input; the rest is counted.
#[derive(Debug, Default)]
pub struct Findings {
    list: Vec<Finding>,
    dropped: u64,
}

impl Findings {
    /// Findings one input may raise.
    pub const MAX: usize = 64;

    pub fn push(&mut self, finding: Finding) {
        if self.list.len() < Self::MAX { self.list.push(finding) } else { self.dropped += 1 }
    }
    /// Takes all, leaving it empty.
    pub fn take(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.list)
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
    #[must_use]
    pub fn list(&self) -> &[Finding] {
        &self.list
    }
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}
