//! # On what terms a device is judged
//!
//! What people set that has to do with learning: how often it may be wrong, how fast old sleep is forgotten, how long
//! one watches before going by it, and the most that is waited.

/// The terms of one device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// False aways that are allowed in 30 days.
    pub dial: f64,
    /// Days in which a silence counts for half.
    pub half_life_days: f64,
    /// Days after which its own sleep decides, if it was mute often enough.
    pub learn_days: f64,
    /// The most that is waited, as a multiple of what is waited for a phone.
    pub stretch: f64,
    /// It goes where its owner goes, or does not. None: as its kind does.
    pub carried: Option<bool>,
}

impl Default for Terms {
    /// Those of the reference model (`docs/decisions/0007-learned-departure.md`).
    fn default() -> Terms {
        Terms { dial: 1.0, half_life_days: 45.0, learn_days: 14.0, stretch: 1.0, carried: None }
    }
}
