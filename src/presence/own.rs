//! # This host itself
//!
//! It is a device too, and always here: whatever bears the address of one of its cards is it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use crate::model::{Change, DeviceId, Fact, MacAddr, Moment, Observation, Proof, Source, Subject};

use super::{Presence, device};

impl Presence {
    /// This host is a device too, and always here.
    pub(super) fn find_own(&mut self, now: Moment, out: &mut Vec<Change>) {
        let network = Arc::clone(&self.network);
        for interface in network.own_cards() {
            let Some(mac) = interface.mac.filter(|mac| mac.is_station()) else { continue };
            // The first is the one shown: an IPv4 address, if there is one. Claimed last, it comes first.
            let mut claimed: Vec<Option<IpAddr>> = interface.addresses.iter().copied().map(Some).collect();
            claimed.sort_by_key(|ip| ip.is_some_and(|ip| ip.is_ipv4()));
            if claimed.is_empty() {
                claimed.push(None);
            }
            for ip in claimed.into_iter().take(device::ADDRESSES_MAX) {
                let observation = Observation {
                    source: Source::Netlink,
                    interface: Some(interface.id),
                    at: now,
                    subject: Subject { mac: Some(mac), ip },
                    fact: Fact::Alive { proof: Proof::OwnHost, age: Duration::ZERO },
                };
                self.take(&observation, now, out);
            }
        }
    }

    /// This host's device. One found before it was known to be this host becomes it.
    pub(super) fn as_own(
        &mut self,
        resolved: Option<DeviceId>,
        mac: Option<MacAddr>,
        now: Moment,
        out: &mut Vec<Change>,
    ) -> Option<DeviceId> {
        let really = mac.is_none_or(|mac| self.network.is_own_mac(mac));
        let into = match (resolved, self.own) {
            (None, own) => return own,
            (Some(id), None) => id,
            (Some(id), Some(own)) if id != own && really => self.merge(id, own, true, now, out),
            (Some(id), Some(_)) => return Some(id),
        };
        self.own = Some(into);
        if let Some(device) = self.registry.get_mut(into) {
            device.own = true;
        }
        self.touch(into);
        Some(into)
    }
}
