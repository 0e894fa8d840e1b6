//! # Important device offline
//!
//! ## What it finds
//! A device that a person marked as important and that presence declared away.
//! ## Why it matters
//! A freezer, an alarm panel or a server that is gone is a fault, not a walk in the park.
//! ## How it decides
//! Presence says away only after it asked and while its ears are healthy; this tells that, for important devices. The
//! alert ends when the device is back.
//! ## What fools it
//! A device that sleeps longer than presence allows it: give it an own `away_after`.
//! ## What to do
//! Look at its power and its network cable or signal.
//!
//! Leaves out: phones of people (mark them as owned, not important). Holds nothing.

use serde::{Deserialize, Serialize};

use crate::{
    detectors::{Context, Detector, Evidence, Mode, Needs},
    model::{Card, Category, Change, DeviceId, Finding, Findings, Party, Presence, Severity},
};

pub static CARD: Card = Card {
    id: "device_offline_important",
    title: "Important device offline",
    needs: None,
    page: include_str!("device_offline_important.rs"),
};

/// `detectors.device_offline_important`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// off: not run. observe: recorded, never told. alert: told.
    pub mode: Mode,
}

/// See the page above.
pub struct DeviceOfflineImportant {}

impl DeviceOfflineImportant {
    #[must_use]
    pub fn new(_settings: Settings) -> DeviceOfflineImportant {
        DeviceOfflineImportant {}
    }
}

fn finding(device: DeviceId, context: &Context<'_>, over: bool) -> Finding {
    Finding {
        detector: CARD.id,
        category: Category::Device,
        severity: Severity::Medium,
        key: device.to_string(),
        at: context.now,
        attacker: Party::default(),
        victim: Party { device: Some(device), ..Party::default() },
        evidence: Vec::new(),
        technique: &[],
        confidence: 0.95,
        over,
        observe_only: false,
    }
}

impl Detector for DeviceOfflineImportant {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Home]
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Home(change) = evidence else { return };
        match change {
            Change::Presence { device, from, to: Presence::Away, .. }
                if from.is_here() && context.who.is_important(*device) =>
            {
                findings.push(finding(*device, context, false));
            }
            Change::Presence { device, from: Presence::Away, to, .. } if to.is_here() => {
                findings.push(finding(*device, context, true));
            }
            Change::DeviceForgotten { device, .. } => findings.push(finding(*device, context, true)),
            Change::DeviceChanged { device } if !context.who.is_important(*device) => {
                findings.push(finding(*device, context, true));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intel::indicators::Indicators;
    use crate::model::{Moment, NetworkFacts, Table, Wall};
    use crate::traffic::Neighbours;

    #[test]
    fn only_important_devices_are_missed_and_their_return_ends_it() {
        let device = DeviceId::mint(1, 1);
        let network = NetworkFacts::default();
        let moved = |from, to| Change::Presence { device, from, to, why: "no_answer", at: Wall(0) };
        let cases = [
            (true, moved(Presence::Leaving, Presence::Away), vec![false]),
            (false, moved(Presence::Leaving, Presence::Away), vec![]),
            (true, moved(Presence::Home, Presence::Asleep), vec![]),
            (true, moved(Presence::Away, Presence::Home), vec![true]),
        ];
        for (important, change, expected) in cases {
            let table = Table { important: if important { vec![device] } else { vec![] }, ..Table::default() };
            let context = Context {
                now: Moment::default(),
                who: &table,
                network: &network,
                settling: false,
                neighbours: &Neighbours::default(),
                pressed: 0,
                indicators: &Indicators::default(),
            };
            let mut findings = Findings::default();
            DeviceOfflineImportant {}.examine(Evidence::Home(&change), &context, &mut findings);
            let over: Vec<bool> = findings.take().into_iter().map(|f| f.over).collect();
            assert_eq!(over, expected, "important {important}, {change}");
        }
    }
}
