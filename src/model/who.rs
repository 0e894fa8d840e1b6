//! # The few questions detectors may ask about identity

use std::net::IpAddr;

use super::{DeviceId, Kind, MacAddr, Port, Role, Trust};

/// Answered by presence, and by a five-line table in detector tests.
pub trait Who {
    fn by_mac(&self, mac: MacAddr) -> Option<DeviceId>;
    fn by_ip(&self, ip: IpAddr) -> Option<DeviceId>;
    /// The hardware address of who had `ip` when the program was stopped last.
    fn before(&self, ip: IpAddr) -> Option<MacAddr>;
    fn role(&self, device: DeviceId) -> Role;
    /// What sort of thing it is, as far as that is sure enough to be told.
    fn kind(&self, device: DeviceId) -> Kind;
    fn trust(&self, device: DeviceId) -> Trust;
    /// For text only.
    fn name(&self, device: DeviceId) -> Option<String>;
    /// A person marked it: its absence is news.
    fn is_important(&self, device: DeviceId) -> bool;
    /// Whether alerts about it are told.
    fn tells(&self, device: DeviceId) -> bool;
    /// Its ports were all tried before: what is open now and was not then was opened since.
    fn were_ports_tried(&self, device: DeviceId) -> bool;
    /// It is known to offer a service at this port of TCP.
    fn offers(&self, device: DeviceId, port: Port) -> bool;
}

/// Label of a device whose ports were tried: when, and which were open.
pub const PORTS_SEEN: &str = "ports_seen";

/// A five-line home for tests of detectors and alerts.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Table {
    pub trusts: std::collections::BTreeMap<DeviceId, Trust>,
    pub important: Vec<DeviceId>,
    pub gateway: Option<DeviceId>,
    /// Of these the ports were never tried.
    pub untried: Vec<DeviceId>,
    pub offered: Vec<(DeviceId, Port)>,
    pub macs: std::collections::BTreeMap<MacAddr, (DeviceId, Kind)>,
    /// Who had which address before the start.
    pub before: std::collections::BTreeMap<IpAddr, MacAddr>,
}

#[cfg(test)]
impl Who for Table {
    fn by_mac(&self, mac: MacAddr) -> Option<DeviceId> {
        self.macs.get(&mac).map(|(device, _)| *device)
    }
    fn by_ip(&self, _: IpAddr) -> Option<DeviceId> {
        None
    }
    fn before(&self, ip: IpAddr) -> Option<MacAddr> {
        self.before.get(&ip).copied()
    }
    fn role(&self, device: DeviceId) -> Role {
        if self.gateway == Some(device) { Role::Gateway } else { Role::Other }
    }
    fn kind(&self, device: DeviceId) -> Kind {
        self.macs.values().find(|(known, _)| *known == device).map_or(Kind::Unknown, |(_, kind)| *kind)
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
    fn were_ports_tried(&self, device: DeviceId) -> bool {
        !self.untried.contains(&device)
    }
    fn offers(&self, device: DeviceId, port: Port) -> bool {
        self.offered.contains(&(device, port))
    }
}
