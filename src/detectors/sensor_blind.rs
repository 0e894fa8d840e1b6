//! # This program sees too little
//!
//! ## What it finds
//! Times in which attacks would pass unseen: frames are lost, an interface is gone, or so much is invented on the network
//! that what is unanswered is forgotten.
//! ## Why it matters
//! Silence is no proof of peace. Whoever wants to act unseen floods the sensor first.
//! ## How it decides
//! Capture fails or stops (resolved when it is back); frames were lost again and again within a minute; or more than 1,000
//! conversations were forgotten within ten seconds before anybody answered them.
//! ## What fools it
//! A switch that sends no copies any more looks like a quiet home.
//! ## What to do
//! Look at `porchlight health`. On a small machine, watch fewer interfaces.
//!
//! Holds 64 parts.

use std::time::Duration;

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell, window::Window},
    model::{Capped, Category, Change, Finding, Findings, Health, Mono, Severity},
};

card!("sensor_blind", "This program sees too little", None);

const PARTS_MAX: usize = 64;
const LOSSES: u32 = 10;
const FORGOTTEN: u64 = 1000;
const SPAN: Duration = Duration::from_secs(10);

/// See the page above.
pub struct SensorBlind {
    bell: Bell,
    /// Parts of capture that were well once.
    parts: Capped<String, bool>,
    losses: Window,
    /// When pressure was looked at, and what it was.
    pressed: (Mono, u64),
}

impl SensorBlind {
    #[must_use]
    pub fn new(settings: Settings) -> SensorBlind {
        SensorBlind {
            bell: Bell::new(settings),
            parts: Capped::new(PARTS_MAX),
            losses: Window::default(),
            pressed: (Mono::default(), 0),
        }
    }

    fn part(&mut self, part: &str, health: &Health, context: &Context<'_>, findings: &mut Findings) {
        if part != "capture" && !part.starts_with("capture/") {
            return;
        }
        let was_well = self.parts.get(&part.to_owned()).copied().unwrap_or(false);
        match health {
            Health::Up | Health::Degraded { .. } => {
                self.parts.insert(part.to_owned(), true);
                findings.push(self.finding(part, Severity::Info, context).ended());
            }
            Health::Down { why, .. } if was_well => {
                self.parts.insert(part.to_owned(), false);
                let finding = self.finding(part, Severity::High, context).why("why", why).points(6.0);
                self.bell.ring(finding, findings);
            }
            Health::Down { .. } | Health::Off => {}
        }
    }

    fn finding(&self, key: &str, severity: Severity, context: &Context<'_>) -> Finding {
        Finding::new(CARD.id, Category::Device, severity, key.to_owned(), context.now)
            .why("part", key)
            .technique(&["T1685"])
    }
}

impl Detector for SensorBlind {
    says!(self, [Home, Blind, Opened], self.parts.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let now = context.now.mono;
        match evidence {
            Evidence::Home(Change::Part { part, health, .. }) => {
                self.part(&part.to_string(), health, context, findings)
            }
            Evidence::Blind(_) => {
                self.losses.add(now, 1);
                let losses = self.losses.sum(now, 60);
                if losses >= self.bell.scaled(LOSSES) {
                    let finding = self
                        .finding("losses", Severity::High, context)
                        .why("why", format!("frames were lost {losses} times within a minute"));
                    self.bell.ring(finding.points(5.0), findings);
                }
            }
            Evidence::Traffic(_) => {
                let (at, before) = self.pressed;
                if now.since(at) < SPAN {
                    return;
                }
                self.pressed = (now, context.pressed);
                let forgotten = context.pressed.saturating_sub(before);
                if before > 0 && now.since(at) < SPAN * 2 && forgotten >= FORGOTTEN
                    || before == 0 && forgotten >= FORGOTTEN * 2
                {
                    let finding = self
                        .finding("pressure", Severity::High, context)
                        .why("why", format!("{forgotten} conversations were forgotten for want of room"));
                    self.bell.ring(finding.points(5.0), findings);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::Stage,
        model::{PartId, Wall},
    };

    #[test]
    fn blindness_is_told_and_ends() {
        let mut stage = Stage::new(SensorBlind::new(Settings::default()));
        let mut part = |health: Health, s: u64| -> Vec<bool> {
            let change = Change::Part { part: PartId::new("capture/eth0"), health, at: Wall(0) };
            stage.see(Evidence::Home(&change), s * 1000).iter().map(|finding| finding.over).collect()
        };
        let down = || Health::Down { why: "the interface is gone".into(), advice: None };
        assert!(part(down(), 0).is_empty(), "it never ran: health says so");
        assert_eq!(part(Health::Up, 1), [true]);
        assert_eq!(part(down(), 100), [false]);
        assert_eq!(part(Health::Up, 200), [true]);
        let mut stage = Stage::new(SensorBlind::new(Settings::default()));
        let told: usize = (0..12).map(|n| stage.see(Evidence::Blind(SPAN), n * 1000).len()).sum();
        assert_eq!(told, 1);
        let once =
            Stage::new(SensorBlind::new(Settings::default())).see(Evidence::Blind(Duration::from_secs(28_800)), 0);
        assert!(once.is_empty(), "the machine slept");
    }
}
