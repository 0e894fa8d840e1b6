//! # What speaks for each kind
//!
//! Of each sort of sign the best counts; what is known of the maker and of the system is only what is to be expected of
//! such a thing, and yields to what the thing itself shows.

use std::collections::BTreeMap;

use crate::model::{Kind, KindGroup};

use super::{Second, rules::Sign};

/// Weak signs do not add up to a strong one: one at least must say it alone.
const ONE_FROM: f32 = 0.55;
/// What weak signs say together: a runner-up that `explain` shows.
pub const WEAK_MOST: f32 = 0.5;
/// Every laptop is a computer, and so is a machine within a machine or one that serves; every doorbell with a picture is a
/// camera. What speaks for the wide kind does not speak against the narrow one, if something says from here on which it is.
const NARROWER: [(Kind, Kind, f32); 6] = [
    (Kind::Computer, Kind::Laptop, 0.7),
    (Kind::Computer, Kind::VirtualMachine, 0.7),
    (Kind::Computer, Kind::Container, 0.7),
    (Kind::Computer, Kind::Nas, 0.75),
    (Kind::Computer, Kind::Server, 0.85),
    (Kind::Camera, Kind::Doorbell, 0.7),
];
/// Televisions play what phones send them: what speaks for a player does not speak against the television that it says it
/// is. A name that people give does not count: a stick is named after the television that it hangs on. One from the factory
/// does.
const TELEVISION_FROM: f32 = 0.85;
const TELEVISION_NAMED_FROM: f32 = 0.95;
/// A bridge to locks or lights speaks as they do, and says that it is a bridge.
const HUB_FROM: f32 = 0.9;
/// Laptops are told by what they are built of, and some that stand on a desk are built of the same: those that are named after
/// what they are (`DESKTOP-…`) are no laptops.
const DESK_FROM: f32 = 0.7;
/// From here on a thing shows of itself what it is.
const SHOWN_FROM: f32 = 0.6;
/// What maker and system make one expect then counts so much, if it is something else.
const EXPECTED: f32 = 0.6;
/// A model number that its maker's catalogue has says what the thing is, whatever programs run on it.
const MODEL_FROM: f32 = 0.8;
/// A DHCP class so sure tells the machine, not only its system.
const CLASS_FROM: f32 = 0.8;

#[derive(Clone, Copy)]
pub struct OwnWords {
    television: bool,
    hub: bool,
    desk: bool,
}

/// For each kind the best of each sort of sign.
#[derive(Default)]
pub struct Tally(BTreeMap<Kind, BTreeMap<Sign, (f32, String)>>);

/// What a maker's machines mostly are, and what its system mostly runs on, is no sight of this one.
fn is_expected(sign: Sign, confidence: f32) -> bool {
    match sign {
        Sign::Vendor | Sign::Together => true,
        Sign::Class => confidence < CLASS_FROM,
        _ => false,
    }
}

/// The wide kind and the narrow one do not contradict each other.
fn is_one(kind: Kind, best: &[Kind]) -> bool {
    let pair = |(wide, narrow, _): &(Kind, Kind, f32)| {
        (*wide == kind && best.contains(narrow)) || (*narrow == kind && best.contains(wide))
    };
    best.contains(&kind) || NARROWER.iter().any(pair)
}

impl Tally {
    /// Of each sort only the best counts, so ten services of one program are no ten witnesses.
    pub fn take(&mut self, kind: Kind, sign: Sign, confidence: f32, why: impl FnOnce() -> String) {
        let entry = self.0.entry(kind).or_default().entry(sign).or_insert((0.0, String::new()));
        if confidence > entry.0 {
            *entry = (confidence, why());
        }
    }

    /// What it is in its own words, though it speaks as others do: the wide kind is no longer meant.
    pub fn own_words(&self) -> OwnWords {
        let said = |kind, sign| self.0.get(&kind).and_then(|signs| signs.get(&sign)).map_or(0.0, |(sure, _)| *sure);
        OwnWords {
            television: said(Kind::Tv, Sign::Label) >= TELEVISION_FROM
                || said(Kind::Tv, Sign::Host) >= TELEVISION_NAMED_FROM,
            desk: said(Kind::Computer, Sign::Host) >= DESK_FROM,
            hub: said(Kind::Hub, Sign::Label).max(said(Kind::Hub, Sign::Host)) >= HUB_FROM,
        }
    }

    /// Where its model is known, what programs and protocols say of other kinds counts less.
    fn yield_to_model(&mut self) {
        let model = |signs: &BTreeMap<Sign, (f32, String)>| signs.get(&Sign::Series).map_or(0.0, |(sure, _)| *sure);
        let most = self.0.values().map(model).fold(0.0, f32::max);
        if most < MODEL_FROM {
            return;
        }
        let best: Vec<Kind> = self.0.iter().filter(|(_, signs)| model(signs) >= most).map(|(kind, _)| *kind).collect();
        for (_, signs) in self.0.iter_mut().filter(|(kind, _)| **kind != Kind::Iot && !is_one(**kind, &best)) {
            for sign in [Sign::Service, Sign::Label, Sign::Host] {
                if let Some((sure, _)) = signs.get_mut(&sign) {
                    *sure *= EXPECTED;
                }
            }
        }
    }

    /// Where the thing shows what it is, less is expected of its maker and its system: a maker of printers makes scanners
    /// too, and what phones run runs on televisions.
    fn yield_to_shown(&mut self) {
        let shown = |signs: &BTreeMap<Sign, (f32, String)>| {
            let seen = signs.iter().filter(|(sign, (sure, _))| !is_expected(**sign, *sure));
            seen.map(|(_, (sure, _))| *sure).fold(0.0, f32::max)
        };
        let by_kind: BTreeMap<Kind, f32> =
            self.0.iter().filter(|(kind, _)| **kind != Kind::Iot).map(|(kind, signs)| (*kind, shown(signs))).collect();
        let most = by_kind.values().copied().fold(0.0, f32::max);
        if most < SHOWN_FROM {
            return;
        }
        let best: Vec<Kind> = by_kind.iter().filter(|(_, sure)| **sure >= most).map(|(kind, _)| *kind).collect();
        for (_, signs) in self.0.iter_mut().filter(|(kind, _)| **kind != Kind::Iot && !is_one(**kind, &best)) {
            for (_, (sure, _)) in signs.iter_mut().filter(|(sign, (sure, _))| is_expected(**sign, *sure)) {
                *sure *= EXPECTED;
            }
        }
    }

    /// All kinds, the surest first.
    pub fn ranked(mut self) -> Vec<Second> {
        self.yield_to_model();
        self.yield_to_shown();
        let mut ranked: Vec<Second> = self
            .0
            .into_iter()
            .map(|(kind, signs)| {
                let doubt: f32 = signs.values().map(|(confidence, _)| 1.0 - confidence).product();
                let confidence = ((1.0 - doubt) * 100.0).round() / 100.0;
                let surest = signs.values().map(|(confidence, _)| *confidence).fold(0.0, f32::max);
                let confidence = if surest < ONE_FROM { confidence.min(WEAK_MOST) } else { confidence };
                let why = signs.into_values().map(|(_, why)| why).collect::<Vec<_>>().join(", ");
                Second { kind, confidence, why }
            })
            .collect();
        ranked.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        ranked
    }
}

/// `guess` is what the thing is more narrowly than `wide`.
pub fn is_narrower(guess: &Second, wide: Kind, own: OwnWords) -> bool {
    let of_rule =
        |(of, kind, from): &(Kind, Kind, f32)| (*of, *kind) == (wide, guess.kind) && guess.confidence >= *from;
    match guess.kind {
        Kind::Tv => own.television && wide == Kind::MediaPlayer,
        Kind::Laptop if own.desk => false,
        Kind::Hub => own.hub && matches!(wide.group(), KindGroup::Home | KindGroup::Security),
        _ => NARROWER.iter().any(of_rule),
    }
}
