//! # Whose address it is
//!
//! Ids are minted once and never derived from an address; addresses are keys that move. This is
//! the book of devices and keys. When two devices become one is decided in `joins`.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use crate::model::{Capped, DeviceId, Keyed, MacAddr, Moment, Mono, Subject, Wall};

use super::{
    addresses::{Attached, Claim},
    device::{ADDRESSES_MAX, Device, HeldIp, HeldMac, MACS_MAX},
};

/// Devices that are kept.
pub const DEVICES_MAX: usize = 4_096;
/// Devices with a random address of whom nobody said anything.
pub const RANDOM_MAX: usize = 512;
const TOMBSTONES_MAX: usize = 4_096;

/// Who used an address of its own within this time and answers for a second one, answers for a sleeper. Every
/// host asks for its router more often.
pub const OWN_FOR: Duration = Duration::from_secs(30 * 60);

/// All devices, by id and by key.
#[derive(Debug)]
pub struct Registry {
    instance: u32,
    minted: u32,
    /// Boxed: what is found first stays small.
    devices: Keyed<DeviceId, Box<Device>>,
    // Asked for each frame. No device holds more than its share of them.
    by_mac: Capped<MacAddr, DeviceId>,
    by_ip: Capped<IpAddr, DeviceId>,
    by_client: BTreeMap<Vec<u8>, BTreeSet<DeviceId>>,
    by_host: BTreeMap<String, BTreeSet<DeviceId>>,
    /// Random addresses of nobody.
    strays: BTreeSet<DeviceId>,
    tombstones: Arc<BTreeMap<DeviceId, Wall>>,
    losers: Vec<DeviceId>,
    /// When the first of all was seen.
    oldest: Option<Wall>,
}

impl Registry {
    pub fn new(instance: u32, minted: u32, tombstones: BTreeMap<DeviceId, Wall>) -> Registry {
        Registry {
            instance,
            minted,
            devices: Keyed::default(),
            by_mac: Capped::new(DEVICES_MAX * MACS_MAX),
            by_ip: Capped::new(DEVICES_MAX * ADDRESSES_MAX),
            by_client: BTreeMap::new(),
            by_host: BTreeMap::new(),
            strays: BTreeSet::new(),
            tombstones: Arc::new(tombstones),
            losers: Vec::new(),
            oldest: None,
        }
    }

    /// Whether it was there when we first looked, as far as anybody can tell: it was seen within `first` of the oldest.
    pub fn was_first(&self, device: DeviceId, first: Duration) -> bool {
        let seen = self.devices.get(device).map(|device| device.first_seen);
        let since = seen.zip(self.oldest).map(|(seen, oldest)| seen.0.saturating_sub(oldest.0));
        since.is_none_or(|since| since < i64::try_from(first.as_millis()).unwrap_or(i64::MAX))
    }

    #[inline]
    pub fn get(&self, id: DeviceId) -> Option<&Device> {
        self.devices.get(id).map(Box::as_ref)
    }
    #[inline]
    pub fn get_mut(&mut self, id: DeviceId) -> Option<&mut Device> {
        self.devices.get_mut(id).map(Box::as_mut)
    }
    pub fn iter(&self) -> impl Iterator<Item = &Device> {
        self.devices.values().map(Box::as_ref)
    }
    pub fn ids(&self) -> Vec<DeviceId> {
        self.devices.keys().collect()
    }
    pub fn len(&self) -> usize {
        self.devices.len()
    }
    pub fn minted(&self) -> u32 {
        self.minted
    }
    pub fn strays(&self) -> &BTreeSet<DeviceId> {
        &self.strays
    }
    pub fn tombstones(&self) -> &Arc<BTreeMap<DeviceId, Wall>> {
        &self.tombstones
    }
    pub fn by_mac(&self, mac: MacAddr) -> Option<DeviceId> {
        self.by_mac.get(&mac).copied()
    }
    pub fn by_ip(&self, ip: IpAddr) -> Option<DeviceId> {
        self.by_ip.get(&ip).copied()
    }
    /// Devices with the same DHCP client id, and with the same DHCP host name.
    pub fn by_client(&self, client: &[u8]) -> impl Iterator<Item = DeviceId> + '_ {
        self.by_client.get(client).into_iter().flatten().copied()
    }
    pub fn by_host(&self, host: &str) -> impl Iterator<Item = DeviceId> + '_ {
        self.by_host.get(&host.to_lowercase()).into_iter().flatten().copied()
    }

    /// The device a subject is, if it is known. A hardware address decides alone.
    pub fn resolve(&self, subject: &Subject) -> Option<DeviceId> {
        match (subject.mac, subject.ip) {
            (Some(mac), _) => self.by_mac(mac),
            (None, Some(ip)) => self.by_ip(ip),
            (None, None) => None,
        }
    }

    /// The next id. Ids of the past are never minted again.
    pub fn mint(&mut self) -> DeviceId {
        loop {
            let id = DeviceId::mint(self.instance, self.minted);
            self.minted = self.minted.wrapping_add(1);
            let is_given = self.devices.contains(id) || self.tombstones.contains_key(&id);
            if !is_given && !id.is_stumbled_over() {
                return id;
            }
        }
    }

    /// Puts a device in the book with all its keys.
    pub fn insert(&mut self, device: Device) {
        let id = device.id;
        self.oldest = Some(self.oldest.map_or(device.first_seen, |oldest| oldest.min(device.first_seen)));
        for held in &device.macs {
            self.by_mac.insert(held.mac, id);
        }
        for held in &device.addresses {
            if held.current {
                self.by_ip.insert(held.ip, id);
            }
        }
        self.devices.insert(id, Box::new(device));
        self.index(id);
    }

    /// Takes a device out of the book.
    pub fn remove(&mut self, id: DeviceId) -> Option<Device> {
        let device = *self.devices.remove(id)?;
        for held in &device.macs {
            if self.by_mac.get(&held.mac) == Some(&id) {
                self.by_mac.remove(&held.mac);
            }
        }
        for held in &device.addresses {
            if self.by_ip.get(&held.ip) == Some(&id) {
                self.by_ip.remove(&held.ip);
            }
        }
        if let Some(client) = &device.dhcp.client_id {
            drop_from(&mut self.by_client, client.as_slice(), id);
        }
        if let Some(host) = device.names.personal() {
            drop_from(&mut self.by_host, host.to_lowercase().as_str(), id);
        }
        self.strays.remove(&id);
        Some(device)
    }

    /// Its id is gone for ever.
    pub fn bury(&mut self, id: DeviceId, at: Wall) {
        let tombstones = Arc::make_mut(&mut self.tombstones);
        tombstones.insert(id, at);
        if tombstones.len() > TOMBSTONES_MAX
            && let Some(oldest) = tombstones.iter().min_by_key(|(id, at)| (**at, **id)).map(|(id, _)| *id)
        {
            tombstones.remove(&oldest);
        }
    }

    /// It is back after all.
    pub fn unbury(&mut self, id: DeviceId) {
        if self.tombstones.contains_key(&id) {
            Arc::make_mut(&mut self.tombstones).remove(&id);
        }
    }

    /// Refreshes the keys that follow from what is known of it: DHCP client and name, stray or not.
    pub fn index(&mut self, id: DeviceId) {
        let Some(device) = self.devices.get(id) else { return };
        // A client id made of the address itself says nothing more than the address.
        if let Some(client) = device.dhcp.client_id.as_ref().filter(|client| is_key(client, device.mac())) {
            self.by_client.entry(client.clone()).or_default().insert(id);
        }
        if let Some(host) = device.names.personal() {
            self.by_host.entry(host.to_lowercase()).or_default().insert(id);
        }
        if device.is_random() && device.is_nobodys() && device.names.personal().is_none() {
            self.strays.insert(id);
        } else {
            self.strays.remove(&id);
        }
    }

    /// Before the DHCP facts of a device change: takes the old keys out.
    pub fn unindex_dhcp(&mut self, id: DeviceId) {
        let Some(device) = self.devices.get(id) else { return };
        if let Some(client) = &device.dhcp.client_id {
            drop_from(&mut self.by_client, client.as_slice(), id);
        }
        if let Some(host) = device.names.personal() {
            drop_from(&mut self.by_host, host.to_lowercase().as_str(), id);
        }
    }

    /// `mac` spoke as `id`. That of a second radio (`aside`) comes after that of the network: there it is asked.
    pub fn hold_radio(&mut self, id: DeviceId, mac: MacAddr, at: Mono, aside: bool) {
        let held = self.devices.get_mut(id).map(|device| &mut device.macs).filter(|macs| aside && !macs.is_empty());
        match held.and_then(|macs| macs.iter_mut().find(|held| held.mac == mac)) {
            Some(known) => (known.last, known.aside) = (known.last.max(at), true),
            None => self.hold_mac(id, mac, at),
        }
    }

    /// `mac` spoke as `id`, at `at`. The one heard last comes first, whatever is reported last: a neighbour table tells of
    /// an address that a phone has laid down already. The oldest of too many goes.
    pub fn hold_mac(&mut self, id: DeviceId, mac: MacAddr, at: Mono) {
        let Some(device) = self.devices.get_mut(id) else { return };
        if let Some(first) = device.macs.first_mut().filter(|held| held.mac == mac) {
            first.last = first.last.max(at);
            return;
        }
        let known = device.macs.iter().position(|held| held.mac == mac);
        let mut held =
            known.map_or(HeldMac { mac, first: at, last: at, aside: false }, |index| device.macs.remove(index));
        held.last = held.last.max(at);
        let place = device.macs.iter().position(|other| other.last <= held.last).unwrap_or(device.macs.len());
        device.macs.insert(place, held);
        self.by_mac.insert(mac, id);
        if device.macs.len() > MACS_MAX
            && let Some(gone) = device.macs.pop()
        {
            self.by_mac.remove(&gone.mac);
        }
    }

    /// The common case: `id` speaks from the address that it held before, and nobody else has it.
    pub fn still_uses(&mut self, id: DeviceId, ip: IpAddr, at: Mono) -> bool {
        if self.by_ip.get(&ip) != Some(&id) {
            return false;
        }
        let device = self.devices.get_mut(id);
        let Some(first) = device.and_then(|it| it.addresses.first_mut()).filter(|held| held.ip == ip && held.current)
        else {
            return false;
        };
        first.last = first.last.max(at);
        first.used = first.used.max(Some(at));
        true
    }

    /// `ip` is held by `id`, as far as `claim` shows. `same_net` says whether two addresses are in one subnet.
    pub fn hold_ip(
        &mut self,
        id: DeviceId,
        ip: IpAddr,
        at: Mono,
        claim: Claim,
        same_net: impl Fn(IpAddr, IpAddr) -> bool,
    ) -> Attached {
        if self.is_for_another(id, ip, at, claim, &same_net) {
            return Attached::Known;
        }
        let Some(device) = self.devices.get_mut(id) else { return Attached::Known };
        let used = (claim == Claim::Uses).then_some(at);
        if let Some(first) = device.addresses.first_mut().filter(|held| held.ip == ip && held.current) {
            first.last = first.last.max(at);
            first.used = first.used.max(used);
            if self.by_ip.get(&ip) != Some(&id) {
                self.take_ip(ip, id);
            }
            return Attached::Known;
        }
        let known = device.addresses.iter().position(|held| held.ip == ip);
        if let Some(index) = known {
            let mut held = device.addresses.remove(index);
            let was_current = std::mem::replace(&mut held.current, true);
            held.last = held.last.max(at);
            held.used = held.used.max(used);
            device.addresses.insert(0, held);
            self.take_ip(ip, id);
            return if was_current { Attached::Known } else { Attached::Again };
        }
        let mut from = None;
        for held in device.addresses.iter_mut().filter(|held| held.current && held.ip.is_ipv4() == ip.is_ipv4()) {
            // A new lease ends the old one. A host with both claims the old one again, silently.
            if ip.is_ipv4() && same_net(held.ip, ip) {
                held.current = false;
                from = Some(held.ip);
            }
        }
        // Most have one or two, and there are many devices.
        device.addresses.reserve_exact(1);
        device.addresses.insert(0, HeldIp { ip, first: at, last: at, used, current: true });
        let gone = if device.addresses.len() > ADDRESSES_MAX { device.addresses.pop() } else { None };
        if let Some(old) = gone.map(|held| held.ip).filter(|old| self.by_ip.get(old) == Some(&id)) {
            self.by_ip.remove(&old);
        }
        if let Some(old) = from.filter(|old| self.by_ip.get(old) == Some(&id)) {
            self.by_ip.remove(&old);
        }
        self.take_ip(ip, id);
        Attached::New { from }
    }

    /// Whether an answer for `ip` is given for somebody else, as sleep proxies, neighbour proxies and those that
    /// stand in between do: another one who is here uses the address, or `id` uses one of its own there.
    fn is_for_another(
        &self,
        id: DeviceId,
        ip: IpAddr,
        at: Mono,
        claim: Claim,
        same_net: &impl Fn(IpAddr, IpAddr) -> bool,
    ) -> bool {
        let Some(device) = self.devices.get(id).filter(|_| claim != Claim::Uses) else { return false };
        let uses = |device: &Device| device.addresses.iter().any(|h| h.ip == ip && h.current && h.used.is_some());
        if uses(device) {
            return false;
        }
        let another = self.by_ip(ip).filter(|other| *other != id).and_then(|other| self.devices.get(other));
        if another.is_some_and(|other| other.here && uses(other)) {
            return true;
        }
        let own = |held: &&HeldIp| held.current && held.used.is_some_and(|used| at.since(used) < OWN_FOR);
        claim == Claim::Answers
            && ip.is_ipv4()
            && device.addresses.iter().filter(own).any(|held| held.ip.is_ipv4() && same_net(held.ip, ip))
    }

    /// The address answers for `id` now. A device that is away has lost it; one that is here may
    /// hold it still (a sleep proxy answers for a sleeper) and is asked there.
    fn take_ip(&mut self, ip: IpAddr, id: DeviceId) {
        let before = self.by_ip.insert(ip, id).filter(|(held, before)| *held == ip && *before != id);
        let Some((_, before)) = before else { return };
        if let Some(loser) = self.devices.get_mut(before).filter(|loser| !loser.here) {
            for held in loser.addresses.iter_mut().filter(|held| held.ip == ip) {
                held.current = false;
            }
            self.losers.push(before);
        }
    }

    /// Who lost an address since the last call.
    pub fn take_losers(&mut self) -> Vec<DeviceId> {
        std::mem::take(&mut self.losers)
    }

    /// Entries of each table.
    pub fn sizes(&self) -> [(&'static str, usize); 7] {
        [
            ("registry.devices", self.devices.len()),
            ("registry.by_mac", self.by_mac.len()),
            ("registry.by_ip", self.by_ip.len()),
            ("registry.by_client", self.by_client.values().map(BTreeSet::len).sum()),
            ("registry.by_host", self.by_host.values().map(BTreeSet::len).sum()),
            ("registry.strays", self.strays.len()),
            ("registry.tombstones", self.tombstones.len()),
        ]
    }

    /// Since when `ip` is claimed without a break by its holder.
    pub fn held_since(&self, ip: IpAddr) -> Option<(DeviceId, Mono)> {
        let id = self.by_ip(ip)?;
        self.get(id)?.addresses.iter().find(|held| held.ip == ip).map(|held| (id, held.first))
    }
}

/// Whether a DHCP client id is more than the hardware address in another coat (RFC 2132 §9.14:
/// type 1 and the address).
pub fn is_key(client: &[u8], mac: Option<MacAddr>) -> bool {
    client.len() >= 4
        && !mac.is_some_and(|mac| client.ends_with(&mac.0))
        && !(client.len() == 7 && client.first() == Some(&1))
}

fn drop_from<Q: Ord + ?Sized, K: Ord + std::borrow::Borrow<Q>>(
    index: &mut BTreeMap<K, BTreeSet<DeviceId>>,
    key: &Q,
    id: DeviceId,
) {
    if let Some(ids) = index.get_mut(key) {
        ids.remove(&id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}

/// Which of two is the elder: one that was told of, though an old word may make another seem older; then the one first
/// seen, then the lower id.
pub fn elder(a: &Device, b: &Device) -> bool {
    let rank = |device: &Device| (device.unannounced.is_some(), device.first_seen, device.id);
    rank(a) <= rank(b)
}

/// A new device of `subject`, not yet in the book.
pub fn newborn(id: DeviceId, subject: &Subject, at: Moment) -> Device {
    let mut device = Device::new(id, at);
    if let Some(mac) = subject.mac {
        device.macs.push(HeldMac { mac, first: at.mono, last: at.mono, aside: false });
        device.vendor = crate::intel::vendors::lookup(mac);
    }
    device
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Subnet;

    fn at(s: u64) -> Moment {
        Moment { mono: Mono((100 + s) * 1_000_000_000), wall: Wall(0) }
    }

    /// Two devices, `1` at 10.0.0.1 and fe80::1, `2` at 10.0.0.2, and what becomes of an address by a story of claims.
    fn holder(story: &[(u8, &str, Claim, u64)], ip: &str) -> Option<usize> {
        let mut registry = Registry::new(7, 0, BTreeMap::new());
        let ids: Vec<DeviceId> = (1..=2u8)
            .map(|last| {
                let id = registry.mint();
                let mac = MacAddr([2, 0, 0, 0, 0, last]);
                let mut device = newborn(id, &Subject::mac(mac), at(0));
                device.here = true;
                registry.insert(device);
                id
            })
            .collect();
        for (who, ip, claim, s) in story {
            let id = ids[usize::from(*who - 1)];
            let net = Subnet::new("10.0.0.0".parse().expect("an address"), 24).expect("a subnet");
            let _ = registry.hold_ip(id, ip.parse().expect("an address"), at(*s).mono, *claim, |a, b| {
                net.contains(a) && net.contains(b)
            });
        }
        let holder = registry.by_ip(ip.parse().expect("an address"))?;
        ids.iter().position(|id| *id == holder).map(|at| at + 1)
    }

    #[test]
    fn who_answers_for_another_does_not_become_them() {
        use Claim::{Announces, Answers, Uses};
        const A: &str = "10.0.0.1";
        const B: &str = "10.0.0.2";
        const B6: &str = "2001:db8::2";
        let hour = 3_600;
        type Row<'a> = (&'a str, &'a [(u8, &'a str, Claim, u64)], &'a str, Option<usize>);
        let cases: &[Row] = &[
            ("an answer is taken at its word", &[(1, A, Answers, 0)], A, Some(1)),
            ("a sleeper's proxy answers", &[(2, B, Uses, 0), (1, A, Uses, 1), (1, B, Answers, 9)], B, Some(2)),
            ("a proxy announces it", &[(2, B, Uses, 0), (1, A, Uses, 1), (1, B, Announces, 9)], B, Some(2)),
            ("a sleeper nobody saw", &[(1, A, Uses, 1), (1, B, Answers, 9)], B, None),
            ("the proxy keeps its own", &[(1, A, Uses, 1), (1, B, Answers, 9), (1, A, Answers, 10)], A, Some(1)),
            ("a neighbour proxy", &[(2, B6, Uses, 0), (1, "fe80::1", Uses, 1), (1, B6, Answers, 9)], B6, Some(2)),
            ("it speaks from there", &[(2, B, Uses, 0), (1, A, Uses, 1), (1, B, Uses, 9)], B, Some(1)),
            ("it moves and says so", &[(1, A, Uses, 1), (1, B, Announces, 9)], B, Some(1)),
            ("it moved unheard", &[(1, A, Uses, 1), (1, B, Answers, hour)], B, Some(1)),
            ("both only answer", &[(2, B, Answers, 0), (1, B, Answers, 9)], B, Some(1)),
        ];
        for (name, story, ip, expected) in cases {
            assert_eq!(holder(story, ip), *expected, "{name}");
        }
        assert!(Duration::from_secs(hour) > OWN_FOR);
    }
}
