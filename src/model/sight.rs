//! # What an interface of this host hears

use super::words;

words! {
    /// What is heard at an interface, as estimated from the frames. Detectors that judge what others say to each
    /// other need `mirror` or `router`.
    pub enum Sight {
        /// Only what is meant for this host, and for all.
        Host = "host",
        /// What this host passes on for others.
        Router = "router",
        /// Conversations of others, but one direction of them.
        HalfMirror = "half_mirror",
        /// Conversations of others.
        Mirror = "mirror",
        /// The air.
        Wifi = "wifi",
    }
}

/// What came in pieces, since the start: packets of IP, and streams of TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Pieces {
    pub joined: u64,
    /// Packets thrown away because their pieces lay over one another.
    pub overlapped: u64,
    /// Pieces that no system makes: too long, too many, of a length that is none.
    pub refused: u64,
    /// Packets that waited too long, or had to go for others.
    pub given_up: u64,
    /// Holes in streams that were read on behind them.
    pub gaps: u64,
    /// Segments that lay over what was read before, wholly or in part.
    pub repeated: u64,
}
