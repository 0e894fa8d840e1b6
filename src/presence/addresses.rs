//! # How addresses come to devices
//!
//! An answer for an address may be given for somebody else: sleep proxies, neighbour proxies and those that stand
//! in between answer with their own hardware address. So it matters how a device was tied to an address.

use std::{net::IpAddr, sync::Arc, time::Duration};

use crate::model::{
    Change, DeviceId, Fact, InterfaceId, Moment, Mono, NetworkFacts, Observation, Proof, Source, Subject, Subnet,
    is_unicast,
};

use super::Presence;

/// Whoever is asked for an address that another announces is not asked for it again so soon.
const CONTESTED: Duration = Duration::from_secs(10);

/// How a device is tied to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// It answered when somebody asked for the address, or the kernel's table says so.
    Answers,
    /// It announced the address; a sleep proxy does that once for a sleeper.
    Announces,
    /// It spoke from it.
    Uses,
}

/// What an address did to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attached {
    Known,
    /// It had it before, and uses it again: shown, not told.
    Again,
    /// New to it; `from` is the one it replaces.
    New {
        from: Option<IpAddr>,
    },
}

impl Claim {
    /// What `seen` shows of its subject's address.
    pub fn of(seen: &Observation) -> Claim {
        match (&seen.fact, seen.source) {
            (Fact::Alive { proof: Proof::OwnHost | Proof::Told, .. }, _) => Claim::Uses,
            // The kernel's table is made of answers, and of requests that name an address.
            (_, Source::Netlink) => Claim::Answers,
            _ if seen.subject.mac.is_none() => Claim::Answers,
            (Fact::Alive { proof, .. }, _) => match proof {
                Proof::ArpReply | Proof::NdAdvert | Proof::NeighbourReachable => Claim::Answers,
                Proof::ArpAnnounce => Claim::Announces,
                _ => Claim::Uses,
            },
            // Whoever ties a hardware address to it: a frame sent from there, a lease.
            _ => Claim::Uses,
        }
    }
}

impl Presence {
    /// Devices of an interface that is gone for good are looked for where their addresses are now: a card that was
    /// pulled comes back under another number.
    pub(super) fn follow_interfaces(&mut self) {
        let network = Arc::clone(&self.network);
        for id in self.registry.ids() {
            let Some(device) = self.registry.get_mut(id) else { continue };
            if device.interface.is_none_or(|interface| network.interface(interface).is_some()) {
                continue;
            }
            let holds = |subnet: &Subnet| device.current().any(|ip| subnet.contains(ip));
            let now_at = network.interfaces.iter().find(|facts| facts.up && facts.subnets.iter().any(holds));
            device.interface = now_at.map(|facts| facts.id).or(device.interface);
        }
    }

    pub(super) fn attach_quietly(&mut self, id: DeviceId, subject: &Subject, at: Mono, claim: Claim) -> Attached {
        let Some(ip) = subject.ip.filter(|ip| is_unicast(*ip)) else { return Attached::Known };
        if claim == Claim::Uses && self.registry.still_uses(id, ip, at) {
            return Attached::Known;
        }
        let network = Arc::clone(&self.network);
        let attached = self.registry.hold_ip(id, ip, at, claim, |a, b| same_net(&network, a, b));
        for loser in self.registry.take_losers() {
            self.touch(loser);
        }
        if attached == Attached::Again {
            self.touch(id);
        }
        if let (Attached::New { .. } | Attached::Again, Some(device)) = (attached, self.registry.get_mut(id)) {
            let gateway = device.current().any(|ip| network.is_gateway(ip));
            device.gateway = gateway;
            if let Some(window) = &mut device.window {
                window.segment = network.label(ip).map(ToOwned::to_owned).or(window.segment.take());
            }
        }
        attached
    }

    /// Somebody says to all that an address is its own that another has: that one is asked at once, so that both are heard.
    /// Half of the questions of a second are left for others: whoever forges many must not use them up.
    fn ask_the_holder(&mut self, id: DeviceId, subject: &Subject, now: Moment, out: &mut Vec<Change>) {
        let holder = subject.ip.and_then(|ip| self.registry.by_ip(ip)).filter(|holder| *holder != id);
        let is_due = |device: &&super::device::Device| {
            device.here && !device.own && device.asked.is_none_or(|asked| now.mono.since(asked) >= CONTESTED)
        };
        let due = holder.and_then(|holder| self.registry.get(holder)).filter(is_due).map(|device| device.id);
        if let Some(holder) = due.filter(|_| self.settings.ask) {
            self.ask_first(holder, self.settings.asks_per_second / 2, now, out);
        }
    }

    /// The address of a subject is its device's.
    pub(super) fn attach(
        &mut self,
        id: DeviceId,
        subject: &Subject,
        at: Mono,
        claim: Claim,
        now: Moment,
        out: &mut Vec<Change>,
    ) {
        if claim == Claim::Announces {
            self.ask_the_holder(id, subject, now, out);
        }
        let attached = self.attach_quietly(id, subject, at, claim);
        let (Attached::New { from }, Some(to)) = (attached, subject.ip) else { return };
        if let Some(device) = self.registry.get_mut(id).filter(|_| from.is_some()) {
            device.names.moved();
        }
        if let Some(device) = self.registry.get_mut(id).filter(|_| to.is_ipv4()) {
            // Another network may be another VLAN: what comes next tells.
            device.labels.remove("vlan");
        }
        let told = self.registry.get(id).is_some_and(|device| device.unannounced.is_none());
        if to.is_ipv4() && told {
            // Privacy addresses of IPv6 come daily; they are listed, not told.
            out.push(Change::AddressChanged { device: id, from, to, at: now.wall });
        }
        self.classify(id, now, out);
        self.touch(id);
        // It can be asked from now on: its next question may be due sooner than that of one that nobody could ask.
        self.timers.by(super::timers::Key::Device(id), now.mono);
    }
}

/// The interface that `seen` was heard on, of a device known at `known`. A mirror port hears everybody and
/// reaches nobody: questions go where the address is, and that the port went dark says nothing of who is here.
pub(super) fn place(network: &NetworkFacts, seen: &Observation, known: Option<InterfaceId>) -> Option<InterfaceId> {
    let Some(heard) = seen.interface else { return known };
    let reaches = |id: &InterfaceId| network.interface(*id).is_some_and(|facts| !facts.only_listens());
    if network.interface(heard).is_none() || reaches(&heard) {
        return Some(heard);
    }
    known.filter(reaches).or_else(|| network.interface_to(seen.subject.ip?)).or(Some(heard))
}

/// Whether `seen` came by a way that questions take too, so that an answer would come: not by a mirror port.
pub(super) fn is_reached(network: &NetworkFacts, seen: &Observation) -> bool {
    let heard = seen.interface.and_then(|id| network.interface(id));
    heard.is_none_or(|facts| !facts.only_listens())
}

fn same_net(network: &NetworkFacts, a: IpAddr, b: IpAddr) -> bool {
    let attached = network.interfaces.iter().flat_map(|interface| &interface.subnets).find(|net| net.contains(a));
    // Without a route to tell by, homes have 256 addresses a subnet.
    attached.copied().or_else(|| Subnet::new(a, 24)).is_some_and(|net| net.contains(b))
}
