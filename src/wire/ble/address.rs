//! # What an address is, and whose
//!
//! The two highest bits of a random address say which sort it is (Core 5.4 Vol 6 Part B §1.3.2). A
//! resolvable one carries 24 random bits and their hash under the owner's identity resolving key.

use std::fmt;

use super::aes::encrypt;
use crate::model::{self, MacAddr};

/// Sort of address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressKind {
    /// The maker's; the same for ever.
    Public,
    /// Drawn once, or at each power cycle.
    RandomStatic,
    /// Changes every quarter of an hour; whoever has the key knows the owner.
    RandomResolvable,
    /// Changes, and nobody can tell whose it is. Also the reserved pattern.
    RandomPrivate,
}

impl AddressKind {
    /// `random` as the controller says it; the address alone does not tell.
    #[must_use]
    pub const fn of(address: MacAddr, random: bool) -> AddressKind {
        let [top, ..] = address.0;
        match (random, top >> 6) {
            (false, _) => AddressKind::Public,
            (true, 0b11) => AddressKind::RandomStatic,
            (true, 0b01) => AddressKind::RandomResolvable,
            (true, _) => AddressKind::RandomPrivate,
        }
    }

    /// Stands for one device for long enough to be its name.
    #[must_use]
    pub const fn is_lasting(self) -> bool {
        matches!(self, AddressKind::Public | AddressKind::RandomStatic)
    }
}

/// An identity resolving key, most significant byte first. It tells where its owner is: never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Irk([u8; 16]);

impl fmt::Debug for Irk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Irk(hidden)")
    }
}

impl Irk {
    #[must_use]
    pub const fn new(key: [u8; 16]) -> Irk {
        Irk(key)
    }

    /// As people copy it: 32 hex digits (with or without colons, dashes or blanks, with or without `irk:` in front),
    /// or base64 of the 16 bytes, which some tools show in reverse order. `None` is anything else.
    #[must_use]
    pub fn read(text: &str) -> Option<Irk> {
        let text = text.trim();
        let text = text.strip_prefix("irk:").unwrap_or(text);
        hex(text).or_else(|| base64(text)).map(Irk)
    }

    /// The same key with its bytes the other way round.
    #[must_use]
    pub fn reversed(&self) -> Irk {
        let mut key = self.0;
        key.reverse();
        Irk(key)
    }

    /// The hash of 24 random bits: `ah` of Core 5.4 Vol 3 Part H §2.2.2.
    #[must_use]
    pub fn hash(&self, prand: [u8; 3]) -> [u8; 3] {
        let [a, b, c] = prand;
        let [.., x, y, z] = encrypt(&self.0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c]);
        [x, y, z]
    }

    /// Whether `address` was made with this key. One of 16 million foreign ones looks as if it were.
    #[must_use]
    pub fn resolves(&self, address: MacAddr) -> bool {
        let [a, b, c, x, y, z] = address.0;
        AddressKind::of(address, true) == AddressKind::RandomResolvable && self.hash([a, b, c]) == [x, y, z]
    }

    /// A stand-in for the address of a key's owner, whose real one is not known: locally administered,
    /// always the same, and no help in finding the key.
    #[must_use]
    pub fn stand_in(&self) -> MacAddr {
        let [a, b, c, d, e, f, ..] = encrypt(&self.0, *b"porchlight owner");
        MacAddr([(a & 0xfc) | 0x02, b, c, d, e, f])
    }
}

fn hex(text: &str) -> Option<[u8; 16]> {
    let mut key = [0; 16];
    let mut digits = text.bytes().filter(|byte| !matches!(byte, b':' | b'-' | b' '));
    for byte in &mut key {
        let high = char::from(digits.next()?).to_digit(16)?;
        let low = char::from(digits.next()?).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    digits.next().is_none().then_some(key)
}

/// RFC 4648 §4: 16 bytes are 22 digits and two pads.
fn base64(text: &str) -> Option<[u8; 16]> {
    let digits = text.strip_suffix("==").unwrap_or(text);
    (digits.len() == 22).then(|| model::base64(digits.as_bytes()))?.try_into().ok()
}
