//! # The four questions detectors may ask about identity

use std::net::IpAddr;

use super::{DeviceId, MacAddr, Role, Trust};

/// Answered by presence, and by a five-line table in detector tests.
pub trait Who {
    fn by_mac(&self, mac: MacAddr) -> Option<DeviceId>;
    fn by_ip(&self, ip: IpAddr) -> Option<DeviceId>;
    fn role(&self, device: DeviceId) -> Role;
    fn trust(&self, device: DeviceId) -> Trust;
    /// For text only.
    fn name(&self, device: DeviceId) -> Option<String>;
    /// A person marked it: its absence is news.
    fn is_important(&self, device: DeviceId) -> bool;
    /// Whether alerts about it are told.
    fn tells(&self, device: DeviceId) -> bool;
}

/// A five-line home for tests of detectors and alerts.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Table {
    pub trusts: std::collections::BTreeMap<DeviceId, Trust>,
    pub important: Vec<DeviceId>,
    pub gateway: Option<DeviceId>,
}

#[cfg(test)]
impl Who for Table {
    fn by_mac(&self, _: MacAddr) -> Option<DeviceId> {
        None
    }
    fn by_ip(&self, _: IpAddr) -> Option<DeviceId> {
        None
    }
    fn role(&self, device: DeviceId) -> Role {
        if self.gateway == Some(device) { Role::Gateway } else { Role::Other }
    }
    fn trust(&self, device: DeviceId) -> Trust {
        self.trusts.get(&device).copied().unwrap_or(Trust::Unknown)
    }
    fn name(&self, _: DeviceId) -> Option<String> {
        None
    }
    fn is_important(&self, device: DeviceId) -> bool {
        self.important.contains(&device)
    }
    fn tells(&self, _: DeviceId) -> bool {
        true
    }
}
