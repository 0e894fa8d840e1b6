//! # Questions the core asks

use std::net::IpAddr;

use super::{InterfaceId, MacAddr, Probe};

/// One look at one device: a probe by unicast. Answers return as observations, and what stays
/// unanswered returns as [`super::Fact::Unanswered`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Look {
    pub probe: Probe,
    /// Whom to ask. Without it the probe is sent by what the routing table says.
    pub mac: Option<MacAddr>,
    pub ip: IpAddr,
    /// Where it was last heard.
    pub interface: Option<InterfaceId>,
}
