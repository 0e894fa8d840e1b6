//! # What Bluetooth devices shout
//!
//! Advertising data (Bluetooth Core 5.4, Vol 3 Part C §11, and its Supplement) and what makers put into
//! it: beacons, battery levels, pairing offers, lost-and-found tags; class and appearance; and whether a
//! private address belongs to a key. Views of bytes: nothing is copied, nothing is judged.

mod ad;
mod address;
mod aes;
pub mod apple;
mod class;
pub mod eddystone;
pub mod fast_pair;
pub mod microsoft;
mod tag;

#[cfg(test)]
mod tests;

pub use ad::{Ad, Structures, structures, uuid16};
pub use address::{AddressKind, Irk};
pub use class::{appearance, class_of_device};
pub use tag::{Tag, TagKind};

/// Company identifiers (Bluetooth SIG, Assigned Numbers §7).
pub const APPLE: u16 = 0x004c;
pub const MICROSOFT: u16 = 0x0006;
/// 16-bit service UUIDs (Assigned Numbers §3.4 and §3.11).
pub const BATTERY: u16 = 0x180f;
pub const EDDYSTONE: u16 = 0xfeaa;
pub const FAST_PAIR: u16 = 0xfe2c;

/// A level in percent as the battery service has it (one byte, 0 to 100).
#[must_use]
pub fn battery(data: &[u8]) -> Option<u8> {
    match data {
        [level @ 0..=100] => Some(*level),
        _ => None,
    }
}
