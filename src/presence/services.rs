//! # What a device offers
//!
//! Services come from whoever says so; they go only when their port refuses.

use crate::model::{Change, DeviceId, Fact, Moment, ServiceView, clean_text};

use super::{
    Presence,
    device::{Device, SERVICES_MAX},
};

/// Longest name of a service or product.
const TEXT_MAX: usize = 120;

impl Presence {
    /// Takes a fact about a service.
    pub(super) fn offers(&mut self, id: DeviceId, fact: &Fact, now: Moment, out: &mut Vec<Change>) {
        let Some(device) = self.registry.get_mut(id) else { return };
        let is_told = device.unannounced.is_none();
        match fact {
            Fact::Service { tcp, port, name } => {
                let service = ServiceView { tcp: *tcp, port: *port, name: clean_text(name, TEXT_MAX), product: None };
                if !device.offer(service.clone()) {
                    return;
                }
                if is_told {
                    let ServiceView { tcp, port, name, .. } = service;
                    out.push(Change::ServiceOpened { device: id, tcp, port, name, at: now.wall });
                }
                self.classify(id, now, out);
            }
            Fact::ServiceGone { tcp, port } => {
                let gone = device.withdraw(*tcp, *port);
                if gone.is_empty() {
                    return;
                }
                if is_told {
                    out.extend(gone.into_iter().map(|service| {
                        let ServiceView { tcp, port, name, .. } = service;
                        Change::ServiceClosed { device: id, tcp, port, name, at: now.wall }
                    }));
                }
                self.classify(id, now, out);
            }
            Fact::Product { tcp, port, product } => {
                if !device.introduce(*tcp, *port, &clean_text(product, TEXT_MAX)) {
                    return;
                }
            }
            _ => return,
        }
        self.touch(id);
    }

    /// Tells what it offers, once it is told of itself.
    pub(super) fn announce_services(&self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        let Some(device) = self.registry.get(id) else { return };
        out.extend(device.services.iter().cloned().map(|service| {
            let ServiceView { tcp, port, name, .. } = service;
            Change::ServiceOpened { device: id, tcp, port, name, at: now.wall }
        }));
    }
}

impl Device {
    /// Keeps a service; false if it was known, or nothing more is kept.
    fn offer(&mut self, service: ServiceView) -> bool {
        let same =
            |known: &ServiceView| (known.tcp, known.port, &known.name) == (service.tcp, service.port, &service.name);
        self.services.len() < SERVICES_MAX && !self.services.iter().any(same) && self.services.insert(service)
    }

    /// Drops what it offered at a port.
    fn withdraw(&mut self, tcp: bool, port: u16) -> Vec<ServiceView> {
        let at_port = |service: &&ServiceView| (service.tcp, service.port) == (tcp, port);
        let gone: Vec<ServiceView> = self.services.iter().filter(at_port).cloned().collect();
        self.services.retain(|service| !at_port(&service));
        gone
    }

    /// Keeps how a service introduced itself; false if nothing is different.
    fn introduce(&mut self, tcp: bool, port: u16, product: &str) -> bool {
        let known = self.services.iter().filter(|service| (service.tcp, service.port) == (tcp, port));
        let nameless: Vec<ServiceView> =
            known.filter(|service| service.product.as_deref() != Some(product)).cloned().collect();
        if product.is_empty() || nameless.is_empty() {
            return false;
        }
        for service in nameless {
            self.services.remove(&service);
            self.services.insert(ServiceView { product: Some(product.to_owned()), ..service });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_kept_once_introduced_and_withdrawn() {
        let mut device = Device::new(DeviceId::mint(1, 1), Moment::default());
        let service = |port, name: &str| ServiceView { tcp: true, port, name: name.into(), product: None };
        assert!(
            device.offer(service(80, "http")) && device.offer(service(80, "hap")) && device.offer(service(22, "ssh"))
        );
        assert!(device.introduce(true, 80, "lighttpd") && !device.introduce(true, 80, "lighttpd"));
        assert!(
            !device.introduce(true, 80, "") && !device.introduce(false, 80, "x") && !device.introduce(true, 81, "x")
        );
        assert!(!device.offer(service(80, "http")), "with or without its product, it is the same");
        assert_eq!(device.services.iter().filter(|service| service.product.is_some()).count(), 2);
        assert_eq!(device.withdraw(true, 80).len(), 2);
        assert!(device.withdraw(true, 80).is_empty() && device.withdraw(false, 22).is_empty());
        assert_eq!(device.services.len(), 1);
        for port in 0..200 {
            device.offer(service(port, "x"));
        }
        assert_eq!(device.services.len(), SERVICES_MAX);
    }
}
