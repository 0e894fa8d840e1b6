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
