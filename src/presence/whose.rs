//! # Whose an address is
//!
//! What other rooms may ask of the devices that are known.

use std::net::IpAddr;

use crate::model::{DeviceId, Kind, MacAddr, NetworkFacts, PORTS_SEEN, Port, Role, Trust, Who};

use super::{Presence, air, device, identity};

/// Whose an address is, for what is heard by radio.
pub struct Whose<'a> {
    pub registry: &'a identity::Registry,
    pub network: &'a NetworkFacts,
}

impl air::Whose for Whose<'_> {
    fn is_known(&self, mac: MacAddr) -> bool {
        self.registry.by_mac(mac).is_some()
    }
    fn is_anchor(&self, mac: MacAddr) -> bool {
        let device = self.registry.by_mac(mac).and_then(|id| self.registry.get(id));
        self.network.is_own_mac(mac) || device.is_some_and(|device| device.own || device.gateway)
    }
}

impl Who for Presence {
    fn by_mac(&self, mac: MacAddr) -> Option<DeviceId> {
        self.registry.by_mac(mac)
    }
    fn by_ip(&self, ip: IpAddr) -> Option<DeviceId> {
        self.registry.by_ip(ip)
    }
    fn before(&self, ip: IpAddr) -> Option<MacAddr> {
        self.before.of(ip)
    }
    fn role(&self, device: DeviceId) -> Role {
        match self.registry.get(device) {
            Some(device) if device.own => Role::Own,
            Some(device) if device.gateway => Role::Gateway,
            _ => Role::Other,
        }
    }
    fn kind(&self, device: DeviceId) -> Kind {
        self.registry.get(device).map_or(Kind::Unknown, device::Device::kind)
    }
    fn trust(&self, device: DeviceId) -> Trust {
        self.registry.get(device).map_or(Trust::Unknown, |device| device.trust)
    }
    fn name(&self, device: DeviceId) -> Option<String> {
        self.registry.get(device).map(|device| device.title.shown.clone()).filter(|name| !name.is_empty())
    }
    fn is_important(&self, device: DeviceId) -> bool {
        self.registry.get(device).is_some_and(|d| d.important)
    }
    fn tells(&self, device: DeviceId) -> bool {
        self.registry.get(device).is_none_or(|device| device.alerts)
    }
    fn were_ports_tried(&self, device: DeviceId) -> bool {
        self.registry.get(device).is_some_and(|device| device.labels.contains_key(PORTS_SEEN))
    }
    fn offers(&self, device: DeviceId, port: Port) -> bool {
        let offers = |device: &device::Device| device.services.iter().any(|s| s.tcp && s.port == port);
        self.registry.get(device).is_some_and(offers)
    }
}
