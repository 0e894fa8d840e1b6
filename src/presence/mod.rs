//! # Who is here
//!
//! Observations in, changes out; no clock, no IO. One rule above all: time blind is not time away.
//! What was seen is taken in `tracker`, whose address it is stands in `identity` and `joins`, when
//! a silence is a departure in `departure`, `tending` and `health`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    model::{
        AirView, Answer, Capped, Captured, Change, Command, DeviceId, DeviceView, HaFact, HaName, Health, Household,
        MacAddr, Mode, Moment, Mono, NetworkFacts, Observation, PartId, Refusal, Remembered, Subject, Wall,
    },
    wire::Frame,
};

mod addresses;
mod air;
mod asks;
mod carried;
mod clocks;
mod deciding;
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
mod memory;
mod names;
mod newcomers;
mod night;
mod orders;
pub mod overheard;
mod own;
mod people;
mod persons;
mod priors;
mod proposal;
mod proposals;
mod proxies;
pub mod rooms;
mod services;
mod settings;
mod sizes;
mod systems;
mod tending;
mod terms;
mod timers;
mod titles;
mod told;
mod tracker;
mod truth;
mod view;
mod views;
mod visits;
mod whose;
mod windows;

pub use departure::whatif::{Learned, WhatIf};
pub use settings::{AskAfter, DIALS, Devices, Exposure, Identity, Join, Own, Settings};

use timers::Key;

/// Gauges (last seen, signal, sightings) reach the views this often.
const GAUGES: Duration = Duration::from_secs(10);
/// After a restart nobody leaves for so long.
const GRACE_RESTART: Duration = Duration::from_secs(120);
/// The name under which it is kept how loud ears hear. No detector has it.
const ROOMS: &str = "presence.rooms";
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
    /// Who had which address before this run.
    before: memory::Before,
    /// When this run began.
    began: Mono,
    asked: asks::Bucket,
    never_wake: BTreeSet<DeviceId>,
    /// Devices that may come back under another address.
    rotating: BTreeSet<DeviceId>,
    /// Newcomers that may be somebody known, and whom.
    proposals: BTreeMap<DeviceId, DeviceId>,
    proposals_dropped: u64,
    /// Witnesses that stayed silent when the segment was not dark.
    discredited: BTreeSet<DeviceId>,
    doors: evidence::Doors,
    places: evidence::Places,
    rooms: rooms::Rooms,
    /// What all phones taught of whom too little is known.
    newcomers: Box<departure::habit::Habit>,
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
            people: people::People::new(remembered.mode.unwrap_or(Mode::Auto), &remembered.person_ids),
            names: names::Titles::default(),
            waiting: Capped::new(tracker::WAITING_MAX),
            forgotten: Capped::new(tracker::FORGOTTEN_MAX),
            ha_names: Vec::new(),
            own: None,
            before: memory::Before::new(&remembered.devices),
            began: now.mono,
            asked: asks::Bucket::default(),
            never_wake: BTreeSet::new(),
            rotating: BTreeSet::new(),
            proposals: BTreeMap::new(),
            proposals_dropped: 0,
            discredited: BTreeSet::new(),
            doors: evidence::Doors::default(),
            places: evidence::Places::default(),
            rooms: rooms::Rooms::default(),
            newcomers: Box::new(departure::habit::Habit::of_many()),
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
        if let Some(lines) = remembered.learned.by.get(ROOMS) {
            presence.rooms.recall(lines);
        }
        if let Some(lines) = remembered.learned.by.get(newcomers::NEWCOMERS) {
            presence.recall_newcomers(lines);
        }
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
        loop {
            // Most were heard meanwhile, and are looked at again later.
            if let Some(at) = self.timers.first(now.mono).and_then(|id| self.is_heard_enough(id, now)) {
                self.timers.put_off(at);
                continue;
            }
            let Some(key) = self.timers.pop(now.mono) else { return };
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
            self.rooms.adopt();
            for id in self.registry.ids() {
                self.timers.by(Key::Device(id), now.mono + Duration::from_millis(1));
            }
        }
        self.agree_with_all(now, out);
        if self.exposure != *exposure {
            self.exposure = exposure.clone();
            self.expose_all(now, out);
        }
    }

    /// What is learned of the home itself and kept like what detectors learn: a name, and lines.
    pub fn kept(&self) -> impl Iterator<Item = (&'static str, String)> {
        let kept = [(ROOMS, self.rooms.lines()), (newcomers::NEWCOMERS, self.newcomers_lines())];
        kept.into_iter().filter_map(|(name, lines)| Some((name, lines?)))
    }

    pub fn household(&self) -> &Arc<Household> {
        &self.household
    }
    pub fn air(&mut self, now: Moment) -> &Arc<AirView> {
        self.air.view(now)
    }

    /// Takes what the radio header and the 802.11 header show. True: what the frame carries is the home's.
    pub fn hear_radio(&mut self, captured: &Captured<'_>, frame: &Frame<'_>, out: &mut Vec<Observation>) -> bool {
        let whose = whose::Whose { registry: &self.registry, network: &self.network };
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
        let refused = self.lobby.refused().saturating_add(self.waiting.dropped());
        refused.saturating_add(self.rooms.dropped).saturating_add(self.proposals_dropped)
    }
}
