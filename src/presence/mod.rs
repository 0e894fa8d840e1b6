//! # Who is here
//!
//! Observations in, changes out; no clock, no IO. One rule above all: time blind is not time away.
//! What was seen is taken in `tracker`, whose address it is stands in `identity` and `joins`, when
//! a silence is a departure in `departure`, `tending` and `health`.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use crate::{
    model::{
        AirView, Answer, Capped, Captured, Change, Command, DeviceId, DeviceView, HaFact, HaName, Health, Household,
        Kind, MacAddr, Mode, Moment, Mono, NetworkFacts, Observation, PartId, Refusal, Remembered, Role, Subject, Tier,
        Trust, Wall, Who,
    },
    wire::Frame,
};

mod addresses;
mod air;
mod asks;
mod clocks;
mod departure;
mod device;
mod evidence;
mod exposure;
mod fingerprint;
mod health;
mod hints;
mod identity;
mod joins;
pub mod kinds;
mod learned;
mod lobby;
mod names;
mod night;
mod orders;
pub mod overheard;
mod people;
mod priors;
pub mod rooms;
mod services;
mod settings;
mod sizes;
mod systems;
mod tending;
mod timers;
mod titles;
mod told;
mod tracker;
mod view;
mod visits;
mod windows;

pub use departure::whatif::{Learned, WhatIf};
pub use settings::{AskAfter, Exposure, Identity, Join, Settings};

use timers::Key;

/// Gauges (last seen, signal, sightings) reach the views this often.
const GAUGES: Duration = Duration::from_secs(10);
/// After a restart nobody leaves for so long.
const GRACE_RESTART: Duration = Duration::from_secs(120);
/// Guests who are gone for good are looked for so long after something changed, and no oftener.
const SWEEP: Duration = Duration::from_secs(3600);

/// Who is here, from observations alone.
pub struct Presence {
    settings: Settings,
    exposure: Exposure,
    network: Arc<NetworkFacts>,
    registry: identity::Registry,
    lobby: lobby::Lobby,
    timers: timers::Timers,
    gate: health::Gate,
    people: people::People,
    names: names::Titles,
    /// Facts about addresses that nobody was seen to use yet.
    waiting: Capped<MacAddr, Vec<Observation>>,
    /// When devices with these addresses were forgotten.
    forgotten: Capped<MacAddr, Mono>,
    ha_names: Vec<HaName>,
    own: Option<DeviceId>,
    /// When this run began.
    began: Mono,
    asked: asks::Bucket,
    never_wake: BTreeSet<DeviceId>,
    /// Devices that may come back under another address.
    rotating: BTreeSet<DeviceId>,
    /// Witnesses that stayed silent when the segment was not dark.
    discredited: BTreeSet<DeviceId>,
    doors: evidence::Doors,
    places: evidence::Places,
    rooms: rooms::Rooms,
    /// How many devices have entities, and who is kept out by the limit.
    exposed: u32,
    crowded: BTreeSet<DeviceId>,

    views: BTreeMap<DeviceId, Arc<DeviceView>>,
    dirty: BTreeSet<DeviceId>,
    stale: Vec<DeviceId>,
    gauges_at: Mono,
    household: Arc<Household>,
    household_dirty: bool,
    air: air::Air,
    crowd: Option<u32>,
}

impl Presence {
    pub fn new(
        settings: &Settings,
        exposure: &Exposure,
        network: &Arc<NetworkFacts>,
        remembered: &Remembered,
        instance: u32,
        now: Moment,
    ) -> Presence {
        let mut presence = Presence {
            settings: settings.clone(),
            exposure: exposure.clone(),
            network: Arc::clone(network),
            registry: identity::Registry::new(instance, remembered.minted, remembered.tombstones.clone()),
            lobby: lobby::Lobby::default(),
            timers: timers::Timers::default(),
            gate: health::Gate::starting(now.mono),
            people: people::People::new(remembered.mode.unwrap_or(Mode::Auto)),
            names: names::Titles::default(),
            waiting: Capped::new(tracker::WAITING_MAX),
            forgotten: Capped::new(tracker::FORGOTTEN_MAX),
            ha_names: Vec::new(),
            own: None,
            began: now.mono,
            asked: asks::Bucket::default(),
            never_wake: BTreeSet::new(),
            rotating: BTreeSet::new(),
            discredited: BTreeSet::new(),
            doors: evidence::Doors::default(),
            places: evidence::Places::default(),
            rooms: rooms::Rooms::default(),
            exposed: 0,
            crowded: BTreeSet::new(),
            views: BTreeMap::new(),
            dirty: BTreeSet::new(),
            stale: Vec::new(),
            gauges_at: now.mono,
            household: Arc::default(),
            household_dirty: true,
            air: air::Air::new(&settings.wifi_networks),
            crowd: None,
        };
        presence.gate.knows(network);
        presence.restore(remembered, now);
        if presence.network.interfaces.iter().any(|interface| interface.mac.is_some()) {
            presence.timers.set(Key::Own, now.mono);
        }
        presence.timers.set(Key::Sweep, now.mono + SWEEP);
        presence
    }

    /// One observation, at `now` (its own `at` may be earlier).
    pub fn observe(&mut self, observation: &Observation, now: Moment, out: &mut Vec<Change>) {
        self.take(observation, now, out);
    }

    /// The device a subject is, if it is known.
    pub fn whose(&self, subject: &Subject) -> Option<DeviceId> {
        self.registry.resolve(subject)
    }

    /// Runs what is due at `now` exactly; the engine calls it once a due time.
    pub fn wake(&mut self, now: Moment, out: &mut Vec<Change>) {
        // Each timer sets itself to later than now, so this ends.
        while let Some(key) = self.timers.pop(now.mono) {
            match key {
                Key::Own => self.find_own(now, out),
                Key::Dark(interface) => self.tend_dark(interface, now, out),
                Key::Device(id) => self.tend(id, now, out),
                Key::Sweep => self.forget_guests(now, out),
                Key::Mode => self.settle_mode(now, out),
                Key::Rooms => self.tend_rooms(now, out),
            }
        }
    }

    /// When it wants to be woken next.
    pub fn next_wake(&self) -> Option<Mono> {
        self.timers.next()
    }

    /// `None` if the command is none of presence's business.
    pub fn obey(&mut self, command: &Command, now: Moment, out: &mut Vec<Change>) -> Option<Result<Answer, Refusal>> {
        self.timers.by(Key::Sweep, now.mono + SWEEP);
        self.order(command, now, out)
    }

    pub fn told(&mut self, fact: &HaFact, now: Moment, out: &mut Vec<Change>) {
        self.timers.by(Key::Sweep, now.mono + SWEEP);
        self.hear(fact, now, out);
    }

    /// The networks changed: interfaces up or down, gateways, addresses.
    pub fn network(&mut self, network: &Arc<NetworkFacts>, now: Moment, out: &mut Vec<Change>) {
        self.network = Arc::clone(network);
        for id in self.registry.ids() {
            let Some(device) = self.registry.get_mut(id) else { continue };
            let gateway = device.current().any(|ip| network.is_gateway(ip));
            if std::mem::replace(&mut device.gateway, gateway) != gateway {
                self.classify(id, now, out);
                self.touch(id);
            }
        }
        self.gate.knows(network);
        self.follow_interfaces();
        self.gate.retry();
        self.regate(self.settings.grace.0, now, out);
        if network.interfaces.iter().any(|interface| interface.mac.is_some()) {
            self.timers.by(Key::Own, now.mono + Duration::from_millis(1));
        }
    }

    /// A part went or is back.
    pub fn part(&mut self, part: &PartId, health: &Health, now: Moment, out: &mut Vec<Change>) {
        let deaf = self.gate.is_deaf_to_arrivals();
        if !self.gate.part(part, health) {
            return;
        }
        self.gate.retry();
        self.regate(self.settings.grace.0, now, out);
        if self.gate.is_deaf_to_arrivals() && !deaf {
            // Who comes is no longer heard by itself: those who left of late are looked for.
            let away: Vec<DeviceId> =
                self.registry.iter().filter(|device| !device.here).map(|device| device.id).collect();
            for id in away {
                self.timers.by(Key::Device(id), now.mono + self.settings.arrival_ask.0.max(Duration::from_secs(1)));
            }
        }
    }

    /// The clocks disagreed, or the host slept: `blind` is the time nothing could be heard.
    pub fn blind(&mut self, blind: Duration, now: Moment, _out: &mut Vec<Change>) {
        self.skip_blind(blind, now);
    }

    pub fn adopt(&mut self, settings: &Settings, exposure: &Exposure, now: Moment, out: &mut Vec<Change>) {
        if self.settings != *settings {
            self.settings = settings.clone();
            self.timers.by(Key::Sweep, now.mono + SWEEP);
            self.air.adopt(&settings.wifi_networks);
            for id in self.registry.ids() {
                self.timers.by(Key::Device(id), now.mono + Duration::from_millis(1));
            }
        }
        self.find_never_wake();
        if self.exposure != *exposure {
            self.exposure = exposure.clone();
            self.expose_all(now, out);
        }
    }

    /// Rebuilds the views of what changed and returns all. Gauges (last_seen, signal, sightings)
    /// are refreshed at most every 10 s so that unchanged `Arc`s stay the same.
    pub fn view(&mut self, now: Moment) -> &BTreeMap<DeviceId, Arc<DeviceView>> {
        let mut dirty = std::mem::take(&mut self.dirty);
        let gauges = now.mono.since(self.gauges_at) >= GAUGES;
        if gauges {
            self.gauges_at = now.mono;
            for id in std::mem::take(&mut self.stale) {
                if !dirty.contains(&id) {
                    self.refresh(id, true);
                }
            }
        }
        while let Some(id) = dirty.pop_first() {
            self.refresh(id, false);
        }
        let crowd = self.air.crowd(now.mono);
        self.household_dirty |= std::mem::replace(&mut self.crowd, crowd) != crowd;
        if std::mem::take(&mut self.household_dirty) || gauges {
            let household = self.household_now(now);
            if *self.household != household {
                self.household = Arc::new(household);
            }
        }
        &self.views
    }

    pub fn household(&self) -> &Arc<Household> {
        &self.household
    }
    pub fn air(&mut self, now: Moment) -> &Arc<AirView> {
        self.air.view(now)
    }

    /// Takes what the radio header and the 802.11 header show. True: what the frame carries is the home's.
    pub fn hear_radio(&mut self, captured: &Captured<'_>, frame: &Frame<'_>, out: &mut Vec<Observation>) -> bool {
        let whose = Whose { registry: &self.registry, network: &self.network };
        self.air.hear(captured, frame, &whose, out)
    }

    pub fn tombstones(&self) -> &Arc<BTreeMap<DeviceId, Wall>> {
        self.registry.tombstones()
    }
    pub fn minted(&self) -> u32 {
        self.registry.minted()
    }
    pub fn limit_reached(&self) -> bool {
        !self.crowded.is_empty()
    }
    /// What was refused or dropped for want of room.
    pub fn dropped(&self) -> u64 {
        self.lobby.refused().saturating_add(self.waiting.dropped()).saturating_add(self.rooms.dropped)
    }

    fn restore(&mut self, remembered: &Remembered, now: Moment) {
        let stopped = remembered
            .stopped
            .map_or(Duration::MAX, |at| Duration::from_millis(now.wall.0.saturating_sub(at.0).max(0).unsigned_abs()));
        let short = stopped <= self.settings.restart_keep.0;
        let mut known: Vec<&DeviceView> = remembered.devices.iter().collect();
        known.sort_by_key(|view| (view.first_seen, view.id));
        let mut unsaid = Vec::new();
        for view in known.into_iter().take(identity::DEVICES_MAX) {
            let mut device = view::restore(view, &self.network, now);
            let id = device.id;
            device.mute.restart(now.mono, GRACE_RESTART);
            if device.here && !device.own {
                // After a short stop as if nothing had been; after a long one it is asked at once.
                let wait = if short { self.settings.ask_after.busy.0 } else { Duration::from_secs(1) };
                if !short {
                    device.mute.quiet_since = now.mono - self.settings.ask_after.asleep.0;
                }
                self.timers.set(Key::Device(id), now.mono + wait);
            } else if !device.own {
                self.timers.set(Key::Device(id), now.mono + self.settings.arrival_ask.0.max(Duration::from_secs(1)));
            }
            if device.own {
                self.own = Some(id);
            }
            self.exposed += u32::from(device.tier != Tier::None);
            self.registry.insert(device);
            self.rekey(id);
            self.classify(id, now, &mut unsaid);
            self.settle(id, now, &mut unsaid);
            self.touch(id);
        }
        self.recall_mode(now);
        self.find_never_wake();
    }

    /// This host is a device too, and always here.
    fn find_own(&mut self, now: Moment, out: &mut Vec<Change>) {
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
                    source: crate::model::Source::Netlink,
                    interface: Some(interface.id),
                    at: now,
                    subject: Subject { mac: Some(mac), ip },
                    fact: crate::model::Fact::Alive { proof: crate::model::Proof::OwnHost, age: Duration::ZERO },
                };
                self.take(&observation, now, out);
            }
        }
    }

    fn find_never_wake(&mut self) {
        let listed = &self.settings.never_wake;
        let called = |device: &device::Device| listed.iter().any(|text| exposure::is_called(device, text));
        self.never_wake = self.registry.iter().filter(|device| called(device)).map(|device| device.id).collect();
    }

    /// Guests of long ago are nobody's business any more. Looks again when the next one will be one;
    /// who leaves or is decided about later sets the timer anew.
    fn forget_guests(&mut self, now: Moment, out: &mut Vec<Change>) {
        let after = i64::from(self.settings.guest_forget_days).saturating_mul(86_400_000);
        let mut next = None::<i64>;
        let mut gone = Vec::new();
        for guest in self.registry.iter().filter(|d| !d.here && d.is_random() && d.is_nobodys()) {
            let left = after.saturating_sub(now.wall.0.saturating_sub(guest.last.wall.0));
            if left < 0 {
                gone.push(guest.id);
            } else {
                next = Some(next.map_or(left, |next| next.min(left)));
            }
        }
        for id in gone {
            self.forget(id, now, out);
        }
        if let Some(left) = next {
            let left = Duration::from_millis(left.saturating_add(1).unsigned_abs());
            self.timers.by(Key::Sweep, now.mono + left.max(SWEEP));
        }
    }

    /// Its view is to be cut anew at once.
    fn touch(&mut self, id: DeviceId) {
        self.dirty.insert(id);
        self.household_dirty = true;
    }

    /// Only gauges moved: the view may wait.
    fn grew_stale(&mut self, id: DeviceId) {
        if let Some(device) = self.registry.get_mut(id).filter(|device| !device.stale) {
            device.stale = true;
            self.stale.push(id);
        }
    }

    fn refresh(&mut self, id: DeviceId, gauges: bool) {
        let Some(device) = self.registry.get_mut(id) else {
            self.views.remove(&id);
            return;
        };
        let moved = std::mem::replace(&mut device.stale, false);
        if (gauges && !moved) || device.unannounced.is_some() {
            return;
        }
        let old = self.views.get(&id);
        let facts = old.filter(|_| gauges).map(|view| Arc::clone(&view.facts));
        let view = view::cut(device, &self.network, facts);
        if old.is_none_or(|old| **old != view) {
            self.views.insert(id, Arc::new(view));
        }
    }

    /// Its view as it is now, for a change that carries it.
    fn view_of(&mut self, id: DeviceId) -> Arc<DeviceView> {
        self.refresh(id, false);
        match (self.views.get(&id), self.registry.get(id)) {
            (Some(view), _) => Arc::clone(view),
            (None, Some(device)) => Arc::new(view::cut(device, &self.network, None)),
            (None, None) => Arc::new(view::cut(&device::Device::new(id, Moment::default()), &self.network, None)),
        }
    }

    /// The label of the network `id` is on.
    fn segment(&self, id: DeviceId) -> Option<String> {
        view::segment(self.registry.get(id)?, &self.network)
    }
}

/// Whose an address is, for what is heard by radio.
struct Whose<'a> {
    registry: &'a identity::Registry,
    network: &'a NetworkFacts,
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
}
