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
