//! # Phones made to show windows
//!
//! ## What it finds
//! Somebody near who floods the air with offers to pair, so that phones show one window after the other.
//! ## Why it matters
//! It makes phones useless for a while, some crash, and people accept what they did not want.
//! ## How it decides
//! The Bluetooth scanner counts addresses that offer to pair with strangers (Apple's nearby actions and headphones,
//! Google's Fast Pair, Microsoft's Swift Pair): thirty within ten seconds, all at one level, are one transmitter.
//! ## What fools it
//! A slow one. A shop full of headphones has many levels.
//! ## What to do
//! Switch Bluetooth off until it ends; the sender is within some ten metres.
//!
//! Holds nothing but what it said last.

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Category, Fact, Finding, Findings, Severity},
};

card!("ble_spam", "Phones made to show windows", None);

/// Within ten seconds, counted by the scanner.
const OFFERS_MIN: u32 = 30;

/// See the page above.
pub struct BleSpam {
    bell: Bell,
}

impl BleSpam {
    #[must_use]
    pub fn new(settings: Settings) -> BleSpam {
        BleSpam { bell: Bell::new(settings) }
    }
}

impl Detector for BleSpam {
    says!(self, [Fact], 0);

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Observation(seen) = evidence else { return };
        let Fact::PairingOffers(count) = seen.fact else { return };
        if count < self.bell.scaled(OFFERS_MIN) {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Wireless, Severity::Low, "pairing".to_owned(), context.now)
            .why("offers", count)
            .technique(&["T1499"])
            .points(if count >= OFFERS_MIN * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{detectors::stage::Stage, model::Subject};

    #[test]
    fn a_flood_is_told_and_a_few_headphones_are_not() {
        let mut stage = Stage::new(BleSpam::new(Settings::default()));
        let mut tell = |count: u32, s: u64| stage.saw(Subject::default(), Fact::PairingOffers(count), s * 1000).len();
        assert_eq!((tell(4, 0), tell(40, 100), tell(41, 110)), (0, 1, 0));
    }
}
