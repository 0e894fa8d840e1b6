//! # What was wrong with a frame
//!
//! A set, not an error: what was whole is decoded all the same.

use std::fmt;

/// Faults of one frame.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults(u16);

impl Faults {
    pub const NONE: Faults = Faults(0);
    /// This kind of link cannot be read.
    pub const LINK_UNKNOWN: Faults = Faults(1);
    /// Ends within the link header.
    pub const LINK_CUT: Faults = Faults(1 << 1);
    /// The link header contradicts itself.
    pub const LINK_BAD: Faults = Faults(1 << 2);
    /// Ends within ARP or IP, or before the length that IP claims.
    pub const NET_CUT: Faults = Faults(1 << 3);
    /// ARP or IP contradicts itself.
    pub const NET_BAD: Faults = Faults(1 << 4);
    /// More tags, labels or extension headers than anybody honest needs.
    pub const TOO_DEEP: Faults = Faults(1 << 5);
    /// Ends within TCP, UDP or ICMP.
    pub const TRANSPORT_CUT: Faults = Faults(1 << 6);
    /// TCP, UDP or ICMP contradicts itself.
    pub const TRANSPORT_BAD: Faults = Faults(1 << 7);
    /// The radio says that the checksum is wrong: no byte of it can be relied on.
    pub const CHECKSUM: Faults = Faults(1 << 8);

    const WORDS: [(Faults, &'static str); 9] = [
        (Faults::LINK_UNKNOWN, "link_unknown"),
        (Faults::LINK_CUT, "link_cut"),
        (Faults::LINK_BAD, "link_bad"),
        (Faults::NET_CUT, "net_cut"),
        (Faults::NET_BAD, "net_bad"),
        (Faults::TOO_DEEP, "too_deep"),
        (Faults::TRANSPORT_CUT, "transport_cut"),
        (Faults::TRANSPORT_BAD, "transport_bad"),
        (Faults::CHECKSUM, "checksum"),
    ];

    pub const fn add(&mut self, other: Faults) {
        self.0 |= other.0;
    }
    #[must_use]
    pub const fn has(self, other: Faults) -> bool {
        self.0 & other.0 != 0
    }
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// One word each.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Faults::WORDS.into_iter().filter(move |(fault, _)| self.has(*fault)).map(|(_, word)| word)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.words()).finish()
    }
}
