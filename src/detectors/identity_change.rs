//! # A known device with other software behind it
//!
//! ## What it finds
//! A device whose hardware address is known, and whose DHCP client, client id or system is another than before.
//! ## Why it matters
//! A hardware address can be copied in a second. Where a door opens or an alarm goes off when a phone comes home,
//! whoever copies its address is let in.
//! ## How it decides
//! Presence keeps the first fingerprint of each device: the options that its DHCP client asks for, in their order,
//! the maker's class without its version, the client id, the family of systems by its first segments. A visit that
//! shows another one is told once. With `presence.identity: enforce` an important device is then not home.
//! ## What fools it
//! Updates that change the options; two systems on one machine; a dock that lends its address to one laptop after the
//! other. Whoever copies the fingerprint as well is not seen.
//! ## What to do
//! If it was updated or set up anew, set its trust again: what it shows next is its own. Else find out who it is.
//!
//! Leaves out: names, which people change. Holds nothing.

use serde::{Deserialize, Serialize};

use crate::{
    detectors::{Context, Detector, Evidence, Mode, Needs},
    model::{Card, Category, Change, DeviceId, Finding, Findings, Party, Presence, Severity},
};

pub static CARD: Card = Card {
    id: "identity_change",
    title: "A known device with other software",
    needs: None,
    page: include_str!("identity_change.rs"),
};

/// `detectors.identity_change`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// off: not run. observe: recorded, never told. alert: told.
    pub mode: Mode,
}

/// See the page above.
pub struct IdentityChange {}

impl IdentityChange {
    #[must_use]
    pub fn new(_settings: Settings) -> IdentityChange {
        IdentityChange {}
    }
}

fn finding(device: DeviceId, context: &Context<'_>, over: bool) -> Finding {
    let important = context.who.is_important(device);
    Finding {
        detector: CARD.id,
        category: Category::Spoofing,
        severity: if important { Severity::High } else { Severity::Low },
        key: device.to_string(),
        at: context.now,
        attacker: Party { device: Some(device), ..Party::default() },
        victim: Party::default(),
        evidence: Vec::new(),
        technique: &["T1036"],
        confidence: if important { 0.7 } else { 0.5 },
        over,
        observe_only: false,
    }
}

impl Detector for IdentityChange {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Home]
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Home(change) = evidence else { return };
        match change {
            Change::IdentityDoubted { device, .. } => findings.push(finding(*device, context, false)),
            // It left, or is no more.
            Change::Presence { device, to: Presence::Away, .. } | Change::DeviceForgotten { device, .. } => {
                findings.push(finding(*device, context, true));
            }
            _ => {}
        }
    }
}
