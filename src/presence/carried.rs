//! # What goes where its owner goes
//!
//! How well each kind of device stands for a person.

use crate::model::Kind;

/// Goes where its owner goes. A device of unknown kind counts once it has an owner.
pub fn is_carried(kind: Kind) -> bool {
    matches!(kind, Kind::Phone | Kind::Watch)
}

/// How well a device stands for its owner: the best rank present decides alone.
pub fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Phone | Kind::Watch | Kind::Unknown => 0,
        Kind::Tablet | Kind::Laptop | Kind::Car => 1,
        _ => 2,
    }
}
