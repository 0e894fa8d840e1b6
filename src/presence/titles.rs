//! # Kind and name of a device, worked out anew
//!
//! After its evidence changed, and only then.

use crate::{
    intel::{clouds, enterprises, parts, vendors},
    model::{Change, DeviceId, Moment},
};

use super::{Presence, device::Device, identity, kinds, names, systems};

/// The word for whom an address was given to.
const REGISTRY: &str = "oui";

impl Presence {
    /// Works out the kind, then the name that may follow from it.
    pub(super) fn classify(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        if let Some(device) = self.registry.get_mut(id) {
            brand(device);
        }
        let Some(device) = self.registry.get(id) else { return };
        let from = device.kind();
        let signs = kinds::Signs {
            macs: device.macs.iter().map(|held| held.mac).collect(),
            vendor: device.vendor,
            hosts: device.names.heard().map(|(_, name)| name).chain(device.names.ha.as_deref()).collect(),
            class: device.dhcp.vendor_class.as_deref(),
            asked: &device.dhcp.asked,
            services: &device.services,
            labels: &device.labels,
            routes: device.routes || device.gateway || device.mac().is_some_and(|mac| mac.is_virtual_router()),
            own: device.own,
            random: device.is_random(),
        };
        let (guess, os, model) = (kinds::guess(&signs), systems::system(&signs), systems::model(&signs));
        let told = device.unannounced.is_none();
        if let Some(device) = self.registry.get_mut(id).filter(|device| device.os != os || device.model != model) {
            (device.os, device.model) = (os, model);
            self.touch(id);
        }
        if let Some(device) = self.registry.get_mut(id).filter(|device| device.guess != guess) {
            device.guess = guess;
            let to = device.kind();
            if from != to && told {
                out.push(Change::KindChanged { device: id, from, to, at: now.wall });
            }
            self.touch(id);
            if from != to {
                // Another kind sleeps otherwise: what is due is due at another time.
                self.timers.by(super::timers::Key::Device(id), now.mono + std::time::Duration::from_secs(1));
                self.settle(id, now, out);
            }
        }
        if told {
            self.entitle(id, now, out);
        }
    }

    /// Works out the shown name of `id`, and of those who share it.
    pub(super) fn entitle(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        let Some(device) = self.registry.get(id) else { return };
        let (base, source) = device.names.best(device.vendor, device.kind(), device.mac(), id);
        let (old, since) = (device.title.base.clone(), device.first_seen);
        if old != base {
            if !old.is_empty() {
                self.names.leave(&old, since, id);
            }
            self.names.join(&base, since, id);
        }
        if let Some(device) = self.registry.get_mut(id) {
            device.title.base.clone_from(&base);
            if device.title.source != source {
                device.title.source = source;
                self.touch(id);
            }
        }
        self.retitle(id, now, out);
        if self.agree(id) {
            self.stand_anew(id, now, out);
        }
        self.fix_slug(id, now);
        if old != base {
            self.retitle_eldest(&old, now, out);
            self.retitle_eldest(&base, now, out);
        }
    }

    pub(super) fn retitle_eldest(&mut self, base: &str, now: Moment, out: &mut Vec<Change>) {
        for id in self.names.eldest(base) {
            self.retitle(id, now, out);
        }
    }

    fn retitle(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        let Some(device) = self.registry.get(id) else { return };
        let (base, mac) = (device.title.base.clone(), device.mac());
        let first = self.names.first(&base).is_none_or(|first| first == id);
        if first {
            // A younger one that showed the bare name so far gives it up.
            let other = self.names.taken(&base, id).filter(|other| {
                self.registry.get(*other).is_some_and(|other| other.title.base.eq_ignore_ascii_case(&base))
            });
            if let Some(other) = other {
                self.retitle(other, now, out);
            }
        }
        let tailed = format!("{base} {}", names::tail(id, mac));
        let candidates = [first.then(|| base.clone()), Some(tailed)];
        let shown = candidates
            .into_iter()
            .flatten()
            .find(|name| self.names.taken(name, id).is_none())
            .unwrap_or_else(|| format!("{base} {id}"));
        let Some(device) = self.registry.get(id) else { return };
        if device.title.shown == shown {
            let name = shown.clone();
            self.names.show(id, &name, Some(&name));
            return;
        }
        let told = device.unannounced.is_none() && !device.title.shown.is_empty();
        let Some(device) = self.registry.get_mut(id) else { return };
        let from = std::mem::replace(&mut device.title.shown, shown.clone());
        self.names.show(id, &from, Some(&shown));
        self.touch(id);
        if told {
            out.push(Change::Renamed { device: id, from, to: shown, at: now.wall });
        }
    }

    pub(super) fn drop_title(&mut self, device: &Device) {
        self.names.leave(&device.title.base, device.first_seen, device.id);
        self.names.show(device.id, &device.title.shown, None);
    }

    /// Refreshes the keys of `id`, and whether it may come back under another address.
    pub(super) fn rekey(&mut self, id: DeviceId) {
        self.registry.index(id);
        let rotates = self.registry.get(id).is_some_and(|device| {
            let key = device.dhcp.client_id.as_ref().is_some_and(|client| identity::is_key(client, device.mac()));
            device.mac().is_some_and(|mac| mac.is_local())
                && (key || (device.names.personal().is_some() && !device.dhcp.asked.is_empty()))
        });
        if rotates {
            self.rotating.insert(id);
        } else {
            self.rotating.remove(&id);
        }
    }
}

/// The maker on the box: whose services it uses, where the address names the maker of a part only. Worked out of all that
/// is known each time, so that it does not matter what came first.
fn brand(device: &mut Device) {
    if device.vendor_by != REGISTRY {
        let registered = device.macs.iter().find_map(|held| vendors::lookup(held.mac));
        (device.vendor, device.vendor_by) = (registered, REGISTRY);
    }
    // Phones and computers use everybody's.
    let asks = device.labels.get("asks").filter(|_| !device.labels.contains_key("asks_as_system"));
    let used = asks.and_then(|name| clouds::known(name)).and_then(|cloud| cloud.maker);
    // What it says of itself, if that is one of the makers known: text of the wire is no maker.
    let said = device.labels.get("maker").and_then(|maker| enterprises::known(maker));
    let by = device.learned.get("label.maker").map_or("snmp", |(source, _)| source.word());
    let told = used.map(|maker| (maker, "cloud")).or_else(|| said.map(|maker| (maker, by)));
    if let Some((maker, by)) = told.filter(|_| device.vendor.is_none_or(|vendor| parts::by(vendor).is_some())) {
        (device.vendor, device.vendor_by) = (Some(maker), by);
    }
}
