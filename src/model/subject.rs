//! # Whom a fact is about, as seen on the wire

use std::net::IpAddr;

use super::MacAddr;

/// Addresses seen together. The core turns them into a device; nobody below does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Subject {
    /// Hardware address, if the frame or source had one.
    pub mac: Option<MacAddr>,
    /// Network address, if the source vouches that it belongs to `mac`.
    pub ip: Option<IpAddr>,
}

impl Subject {
    /// Known by its hardware address only.
    #[must_use]
    pub const fn mac(mac: MacAddr) -> Subject {
        Subject { mac: Some(mac), ip: None }
    }
    /// Known by its network address only, as beyond a router.
    #[must_use]
    pub const fn ip(ip: IpAddr) -> Subject {
        Subject { mac: None, ip: Some(ip) }
    }
    /// Both, vouched for together.
    #[must_use]
    pub const fn both(mac: MacAddr, ip: IpAddr) -> Subject {
        Subject { mac: Some(mac), ip: Some(ip) }
    }
}
