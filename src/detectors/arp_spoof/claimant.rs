//! # Who claims an address, and how

use std::net::Ipv4Addr;

use crate::model::{MacAddr, Mono};

// Tools repeat every 1–10 s; five in step are no chance.
pub const STEADY_MIN: u32 = 5;
const STEADY_CV: f64 = 0.3;

/// Whom a claimant told so unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Nobody,
    One(Ipv4Addr),
    Several,
}

impl Told {
    pub fn and(self, whom: Ipv4Addr, is_one: bool) -> Told {
        match self {
            Told::Nobody if is_one => Told::One(whom),
            Told::One(before) if is_one && before == whom => self,
            _ => Told::Several,
        }
    }
}

/// A new address is announced twice (RFC 5227 §1.1, ANNOUNCE_NUM).
const ANNOUNCED_MAX: u32 = 2;

#[derive(Debug, Clone, Copy)]
pub struct Claimant {
    pub mac: MacAddr,
    pub first: Mono,
    pub last: Mono,
    pub unasked: u32,
    pub asked: u32,
    pub requests: u32,
    /// Of the steps between unasked replies: how many, their sum and the sum of their squares, in seconds.
    pub steps: (u32, f64, f64),
    /// An unasked reply to one host, while the owner had just spoken.
    pub aimed: bool,
    pub told: Told,
    /// Another hardware address sent the frame.
    pub foreign: Option<MacAddr>,
}

impl Claimant {
    /// It says so when it is asked, asks under it, or announced it as hosts do that get an address.
    pub fn is_plain(&self) -> bool {
        let announced = self.unasked <= ANNOUNCED_MAX && self.told == Told::Several && !self.aimed;
        self.foreign.is_none() && (self.unasked == 0 || announced)
    }

    /// Seconds from one unasked reply to the next, if they come in step.
    pub fn step(&self) -> Option<f64> {
        let (count, sum, squares) = self.steps;
        let mean = sum / f64::from(count.max(1));
        let deviation = (squares / f64::from(count.max(1)) - mean * mean).max(0.0).sqrt();
        (count >= STEADY_MIN && mean > 0.2 && deviation / mean < STEADY_CV).then_some(mean)
    }
}

#[derive(Debug, Clone, Default)]
pub struct Binding {
    pub claimants: Vec<Claimant>,
    /// Last to claim, and how often that changed while both were alive.
    pub holder: Option<MacAddr>,
    pub changes: RecentChanges,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct RecentChanges {
    pub count: u32,
    pub last: Mono,
}

/// It sends what another claims, as that one, beside its own claim: tools put things back so when they end. Who stands
/// in for others never does.
pub fn speaks_for(claimant: &Claimant, binding: &Binding) -> bool {
    claimant.unasked > 0
        && binding.claimants.iter().any(|other| other.mac != claimant.mac && other.foreign == Some(claimant.mac))
}
