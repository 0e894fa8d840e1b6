//! # What is known of the networks this host is on

use std::net::IpAddr;

use super::{InterfaceId, MacAddr, Subnet, is_link_local};

/// One interface that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceFacts {
    pub id: InterfaceId,
    pub name: String,
    pub mac: Option<MacAddr>,
    pub addresses: Vec<IpAddr>,
    pub up: bool,
    /// Attached subnets, from the routes.
    pub subnets: Vec<Subnet>,
    /// Next hops of its default routes.
    pub gateways: Vec<IpAddr>,
}

impl InterfaceFacts {
    /// No network of its own, as at a mirror port: it hears everybody and reaches nobody.
    #[must_use]
    pub fn only_listens(&self) -> bool {
        self.subnets.iter().all(|subnet| is_link_local(subnet.base()))
    }
}

/// All of them, replaced whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkFacts {
    pub interfaces: Vec<InterfaceFacts>,
    /// Subnet to segment label, from `network.labels`, longest prefix first.
    pub labels: Vec<(Subnet, Segment)>,
}

/// The label of a segment, such as `home` or `guest`.
pub type Segment = String;

impl NetworkFacts {
    /// Whether `mac` is one of this host's own.
    #[must_use]
    pub fn is_own_mac(&self, mac: MacAddr) -> bool {
        self.interfaces.iter().any(|i| i.mac == Some(mac))
    }
    #[must_use]
    pub fn is_own_ip(&self, ip: IpAddr) -> bool {
        self.interfaces.iter().any(|i| i.addresses.contains(&ip))
    }
    #[must_use]
    pub fn is_gateway(&self, ip: IpAddr) -> bool {
        self.interfaces.iter().any(|i| i.gateways.contains(&ip))
    }
    /// The cards that others know this host by: not one that only listens, if there is another.
    pub fn own_cards(&self) -> impl Iterator<Item = &InterfaceFacts> {
        let is_reached = self.interfaces.iter().any(|interface| !interface.only_listens());
        self.interfaces.iter().filter(move |interface| !is_reached || !interface.only_listens())
    }
    /// The interface whose subnet `ip` is in.
    #[must_use]
    pub fn interface_to(&self, ip: IpAddr) -> Option<InterfaceId> {
        let attached = |i: &&InterfaceFacts| i.subnets.iter().any(|s| s.contains(ip) && !is_link_local(s.base()));
        self.interfaces.iter().find(attached).map(|interface| interface.id)
    }
    /// Whether `ip` is in a subnet this host is attached to.
    #[must_use]
    pub fn is_attached(&self, ip: IpAddr) -> bool {
        self.interfaces.iter().any(|i| i.subnets.iter().any(|s| s.contains(ip)))
    }
    #[must_use]
    pub fn label(&self, ip: IpAddr) -> Option<&str> {
        self.labels.iter().find(|(subnet, _)| subnet.contains(ip)).map(|(_, label)| label.as_str())
    }
    #[must_use]
    pub fn interface(&self, id: InterfaceId) -> Option<&InterfaceFacts> {
        self.interfaces.iter().find(|i| i.id == id)
    }
}
