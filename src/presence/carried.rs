//! # What goes where its owner goes
//!
//! How well each kind of device stands for a person.

use crate::model::Kind;

use super::device::Device;

/// Of devices that stand for nobody, unless there is nothing else.
const LAST: u8 = 2;

impl Device {
    /// Goes where its owner goes, as somebody set or as its kind does.
    pub fn is_carried(&self) -> bool {
        self.terms.carried.unwrap_or_else(|| is_carried(self.kind()))
    }

    /// How well it stands for its owner: the best rank present decides alone.
    pub fn rank(&self) -> u8 {
        match self.terms.carried {
            Some(true) => 0,
            Some(false) => LAST,
            None => rank(self.kind()),
        }
    }
}

/// Goes where its owner goes. A device of unknown kind counts once it has an owner.
fn is_carried(kind: Kind) -> bool {
    matches!(kind, Kind::Phone | Kind::Watch)
}

fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Phone | Kind::Watch | Kind::Unknown => 0,
        Kind::Tablet | Kind::Laptop | Kind::Car => 1,
        _ => LAST,
    }
}
