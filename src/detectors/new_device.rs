//! # New device
//!
//! ## What it finds
//! A device that was never here before.
//! ## Why it matters
//! Whoever joins a home network can look around in it. Most newcomers are guests and new gadgets; the one that is
//! not is worth a look.
//! ## How it decides
//! Presence found a device for the first time. It waits `wait` (60 s) for a name and for presence to find out that
//! it is an old device with a new random address; if it is still unknown then, it tells. More than `burst` (5)
//! within ten minutes become one alert. The first minutes of a first start are silent: everything is new then.
//! ## What fools it
//! Phones whose random address changed and that give no key fact (a generic name and no client id); factory resets.
//! ## What to do
//! Set its trust: trusted, guest or untrusted. Trust closes the alert.
//!
//! Leaves out: who owns it. Holds at most 256 waiting devices, whatever the network sends.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    detectors::{Context, Detector, Evidence, Mode, Needs},
    model::{Capped, Card, Category, Change, DeviceId, Finding, Findings, Mono, Party, Severity, Span, Trust},
};

pub static CARD: Card =
    Card { id: "new_device", title: "New device", needs: None, page: include_str!("new_device.rs") };

const WAITING_MAX: usize = 256;
// Newcomers within this span count as one burst (a power cut, a new mesh node).
const BURST_SPAN: Duration = Duration::from_secs(600);

/// `detectors.new_device`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// off: not run. observe: recorded, never told. alert: told.
    pub mode: Mode,
    /// How long to wait for a name before telling.
    pub wait: Span,
    /// More newcomers than this within ten minutes become one alert.
    pub burst: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { mode: Mode::Alert, wait: Span::seconds(60), burst: 5 }
    }
}

/// See the page above.
pub struct NewDevice {
    settings: Settings,
    waiting: Capped<DeviceId, Mono>,
    due: BTreeMap<(Mono, DeviceId), Party>,
    told: Vec<Mono>,
}

impl NewDevice {
    #[must_use]
    pub fn new(settings: Settings) -> NewDevice {
        NewDevice { settings, waiting: Capped::new(WAITING_MAX), due: BTreeMap::new(), told: Vec::new() }
    }

    fn finding(&self, device: DeviceId, party: Party, context: &Context<'_>, over: bool) -> Finding {
        Finding {
            detector: CARD.id,
            category: Category::Device,
            severity: Severity::Info,
            key: device.to_string(),
            at: context.now,
            attacker: Party { device: Some(device), ..party },
            victim: Party::default(),
            evidence: Vec::new(),
            technique: &["T1200"],
            // Presence is certain that it never saw it; whether it is bad is not claimed.
            confidence: 0.9,
            over,
            observe_only: false,
        }
    }

    fn drop_waiting(&mut self, device: DeviceId) {
        if let Some(due) = self.waiting.remove(&device) {
            self.due.remove(&(due, device));
        }
    }
}

impl Detector for NewDevice {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Home]
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Home(change) = evidence else { return };
        match change {
            Change::DeviceFound { device, .. } if !context.settling && !device.is_own && !device.is_gateway => {
                let due = context.now.mono + self.settings.wait.0;
                let party = Party {
                    device: Some(device.id),
                    mac: device.macs.first().copied(),
                    ip: device.addresses.first().copied(),
                };
                if let Some((old, old_due)) = self.waiting.insert(device.id, due) {
                    self.due.remove(&(old_due, old));
                }
                self.due.insert((due, device.id), party);
            }
            Change::DeviceMerged { from, .. } => self.drop_waiting(*from),
            Change::DeviceForgotten { device, .. } => {
                self.drop_waiting(*device);
                findings.push(self.finding(*device, Party::default(), context, true));
            }
            Change::DeviceChanged { device } if context.who.trust(*device) != Trust::Unknown => {
                self.drop_waiting(*device);
                findings.push(self.finding(*device, Party::default(), context, true));
            }
            _ => {}
        }
    }

    fn held(&self) -> usize {
        self.waiting.len() + self.due.len() + self.told.len()
    }

    fn next_wake(&self) -> Option<Mono> {
        self.due.first_key_value().map(|((due, _), _)| *due)
    }

    fn wake(&mut self, context: &Context<'_>, findings: &mut Findings) {
        while let Some(entry) = self.due.first_entry() {
            let (due, device) = *entry.key();
            if due > context.now.mono {
                return;
            }
            let party = entry.remove();
            self.waiting.remove(&device);
            if context.who.trust(device) != Trust::Unknown {
                continue;
            }
            self.told.retain(|at| context.now.mono.since(*at) < BURST_SPAN);
            let burst = self.told.len() >= self.settings.burst as usize;
            if self.told.len() < WAITING_MAX {
                self.told.push(context.now.mono);
            }
            let mut finding = self.finding(device, party, context, false);
            if burst {
                // One key for the whole burst: the alert counts up instead of many being told.
                finding.key = "burst".into();
                finding.attacker = Party::default();
                finding.evidence.push(("devices", self.told.len().to_string()));
            }
            findings.push(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::intel::indicators::Indicators;
    use crate::model::{DeviceView, Moment, NetworkFacts, Table, Wall};
    use crate::traffic::Neighbours;

    fn at(seconds: u64) -> Moment {
        Moment { mono: Mono(seconds * 1_000_000_000), wall: Wall(seconds as i64 * 1000) }
    }

    fn found(id: DeviceId) -> Change {
        Change::DeviceFound { device: Arc::new(DeviceView { id, ..DeviceView::blank(id) }), at: Wall(0) }
    }

    /// What is told about newcomers `n` at second 0 when a minute has passed.
    fn told(newcomers: u32, trusted: bool, settling: bool) -> Vec<String> {
        let mut detector = NewDevice::new(Settings::default());
        let mut table = Table::default();
        let network = NetworkFacts::default();
        let mut findings = Findings::default();
        for n in 0..newcomers {
            let id = DeviceId::mint(1, n);
            let context = Context {
                now: at(0),
                who: &table,
                network: &network,
                settling,
                neighbours: &Neighbours::default(),
                pressed: 0,
                indicators: &Indicators::default(),
            };
            detector.examine(Evidence::Home(&found(id)), &context, &mut findings);
            assert!(findings.is_empty(), "a newcomer is given time to be recognised");
        }
        if trusted {
            table.trusts.insert(DeviceId::mint(1, 0), Trust::Trusted);
        }
        let context = Context {
            now: at(60),
            who: &table,
            network: &network,
            settling,
            neighbours: &Neighbours::default(),
            pressed: 0,
            indicators: &Indicators::default(),
        };
        detector.wake(&context, &mut findings);
        findings.take().into_iter().map(|f| f.key).collect()
    }

    #[test]
    fn a_newcomer_is_told_once_unless_it_is_known_or_one_of_many() {
        assert_eq!(told(1, false, false), [DeviceId::mint(1, 0).to_string()]);
        assert!(told(1, true, false).is_empty(), "trusted meanwhile");
        assert!(told(3, false, true).is_empty(), "a first start");
        let many = told(9, false, false);
        assert_eq!(many.iter().filter(|key| *key == "burst").count(), 4, "{many:?}");
    }
}
