//! # The invented home, played through the real engine
//!
//! People come and go, devices sleep, things break; what would be heard of it is given to [`Engine::handle`],
//! what the engine asks is answered or not, and what it says is judged against the truth. Time jumps from one
//! happening to the next. Nothing here knows how the engine decides.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

use super::{
    dice::Dice,
    home::Home,
    score::{OfDevice, Total},
};
use crate::{
    engine::{Engine, Input, Settings},
    model::{
        Change, Command, DeviceId, DeviceView, Health, InterfaceFacts, InterfaceId, Keyed, Learned, MacAddr, Moment,
        Mono, NetworkFacts, Observation, PartId, Presence, Remembered, Subnet, Ticket, Wall,
    },
};

mod actor;
mod breaks;
mod cast;
mod doors;
mod faults;
mod frames;
mod hearing;
mod moves;
mod outcome;
mod queue;
mod rotation;

use actor::{Actor, Phase};
use breaks::Broken;

/// The boot clock at the beginning, in seconds.
const BOOTED: f64 = 100_000.0;
/// The wall clock at the beginning: 2026-01-05, a Monday, 00:00 UTC, in milliseconds.
const MONDAY: i64 = 1_767_571_200_000;
/// The first frames after a join come again after so long, as ARP probes do (RFC 5227 §1.1).
const REPEATS: [f64; 3] = [0.0, 1.0, 2.0];
/// A router says something so often.
const ROUTER_SPEAKS: f64 = 60.0;
/// So long before a departure its owner may take the phone up.
const TAKEN_UP: f64 = 240.0;
/// A person puts names and owners right so long after a device was found.
const SORTED_AFTER: f64 = 60.0;

#[derive(Debug, Clone)]
enum Event {
    Step(usize, u32),
    TakeUp(usize),
    Go(usize),
    Come(usize),
    /// First frames of a stay, by how many came before.
    Joins(usize, u32, usize),
    Rejoin(usize, u32),
    Drop(usize, u32, bool),
    Told(Box<Observation>),
    Break(usize),
    Mend(usize),
    Hung(usize),
    Sort(usize),
    Joined(usize, Option<DeviceId>),
    /// A router speaks.
    Router(usize),
    /// A watched door opens or shuts; the last: it opens again by itself some day.
    Door(String, bool, bool),
    Daily,
}

/// What a run was like.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    pub engine: Total,
    /// By seconds.
    pub rules: Vec<(u64, Total)>,
    pub devices: BTreeMap<String, OfDevice>,
    pub lines: Vec<Line>,
    /// When measuring began and when it ended.
    pub span: (f64, f64),
}

/// One device for a picture: the truth, and what each rule said.
#[derive(Debug, Clone, Default)]
pub struct Line {
    pub name: String,
    pub out: Vec<(f64, f64)>,
    pub said: Vec<(String, Vec<(f64, bool)>)>,
}

/// How a home is to be played.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub months: u32,
    pub settings: Settings,
}

/// Plays `home`. `progress` is told the part done now and then.
pub fn play(home: &Home, plan: &Plan, progress: &mut dyn FnMut(f64)) -> Outcome {
    let mut world = World::of(home, plan);
    world.run(progress);
    world.outcome()
}

struct World<'a> {
    home: &'a Home,
    settings: Settings,
    network: Arc<NetworkFacts>,
    /// None while it is stopped.
    engine: Option<Engine>,
    remembered: Remembered,
    now: f64,
    /// Measuring begins, and all ends.
    from: f64,
    end: f64,
    wall_step: f64,
    queue: queue::Queue,
    actors: Vec<Actor>,
    macs: Keyed<MacAddr, usize>,
    ids: BTreeMap<DeviceId, usize>,
    dice: Dice,
    addresses: u32,
    breaks: Vec<Broken>,
    suspended: bool,
    points_down: Vec<u32>,
    interfaces_down: Vec<u32>,
    ears_down: Vec<u32>,
    broker_down: u32,
    gateway_down: u32,
    wrong: std::collections::BTreeSet<(DeviceId, usize)>,
    rotations: [u64; 4],
    ticket: u64,
}

fn micros(at: f64) -> u64 {
    (at * 1e6).round() as u64
}

impl<'a> World<'a> {
    fn of(home: &'a Home, plan: &Plan) -> World<'a> {
        let from = home.warm_up.0.max(0.0);
        let end = from + f64::from(plan.months) * 30.0 * 86_400.0;
        let names = home.interfaces();
        let subnets: Vec<Subnet> =
            (0..names.len()).filter_map(|index| format!("10.{}.0.0/16", 20 + index).parse().ok()).collect();
        let facts = names.iter().zip(&subnets).enumerate().map(|(index, (name, subnet))| InterfaceFacts {
            id: interface(index),
            name: name.clone(),
            mac: None,
            addresses: vec![address(index, 5).into()],
            up: true,
            subnets: vec![*subnet],
            gateways: vec![address(index, 1).into()],
        });
        let network = Arc::new(NetworkFacts { interfaces: facts.collect(), labels: Vec::new() });
        let mut world = World {
            home,
            settings: doors::settings(home, &plan.settings),
            network,
            engine: None,
            remembered: Remembered::default(),
            now: 0.0,
            from,
            end,
            wall_step: 0.0,
            queue: queue::Queue::default(),
            actors: Vec::new(),
            macs: Keyed::default(),
            ids: BTreeMap::new(),
            dice: Dice::of(plan.seed, "network"),
            addresses: 100,
            breaks: breaks::of(home, from, end, plan.seed),
            suspended: false,
            points_down: vec![0; home.network.aps.len()],
            interfaces_down: vec![0; names.len()],
            ears_down: vec![0; home.ears()],
            broker_down: 0,
            gateway_down: 0,
            wrong: std::collections::BTreeSet::new(),
            rotations: [0; 4],
            ticket: 0,
        };
        world.cast(plan.seed);
        world.start();
        for index in 0..world.breaks.len() {
            world.at(world.breaks[index].from, Event::Break(index));
            world.at(world.breaks[index].until, Event::Mend(index));
        }
        world.at(86_400.0, Event::Daily);
        world.open_doors();
        for index in 0..names.len() {
            world.at(1.0, Event::Router(index));
        }
        world
    }

    fn at(&mut self, at: f64, event: Event) {
        self.queue.push(micros(at.max(self.now)), event);
    }

    fn moment(&self, at: f64) -> Moment {
        let mono = Mono(micros(BOOTED + at) * 1_000);
        Moment { mono, wall: Wall(MONDAY + ((at + self.wall_step) * 1e3) as i64) }
    }

    fn start(&mut self) {
        let moment = self.moment(self.now);
        self.engine =
            Some(Engine::new(&self.settings, Arc::clone(&self.network), &self.remembered, 0x51_0b_e5, moment));
        for part in ["netlink", "arp_sweep", "icmp", "mdns"] {
            self.part(part, true);
        }
        self.hearing();
        self.read_doors();
    }

    /// Tells the engine which of its ears work.
    fn hearing(&mut self) {
        let names = self.home.interfaces();
        if self.home.network.capture {
            for (index, name) in names.iter().enumerate() {
                let up = self.interfaces_down.get(index).is_none_or(|down| *down == 0);
                self.part(&format!("capture/{name}"), up);
            }
        }
        if self.home.ears() > 0 {
            self.part("ble", self.hears_ble());
        }
        if self.home.network.station_lists {
            self.part("hostapd", self.broker_down == 0);
        }
    }

    fn part(&mut self, name: &str, up: bool) {
        let health = if up { Health::Up } else { Health::Down { why: "silent".into(), advice: None } };
        self.give(Input::Part(PartId::new(name), health));
    }

    fn hears_ble(&self) -> bool {
        self.broker_down == 0 && self.ears_down.contains(&0)
    }

    /// Gives the engine an input and takes in what it says.
    fn give(&mut self, input: Input<'_>) {
        let now = self.moment(self.now);
        let Some(engine) = self.engine.as_mut().filter(|_| !self.suspended) else { return };
        for change in engine.handle(input, now) {
            self.said(change);
        }
    }

    fn said(&mut self, change: Change) {
        let (now, from) = (self.now, self.from);
        match change {
            Change::Asked(look) => self.asked(&look),
            Change::Presence { device, to, .. } => {
                let Some(actor) = self.ids.get(&device).and_then(|index| self.actors.get_mut(*index)) else { return };
                if actor.device != Some(device) {
                    return;
                }
                match to {
                    Presence::Away => actor.judge.called_away(now, from),
                    Presence::Unknown => {}
                    _ => actor.judge.called_home(now, from),
                }
            }
            Change::DeviceFound { device, .. } => self.found(&device),
            Change::DeviceMerged { from: old, into, .. } => {
                if let Some(index) = self.ids.remove(&old) {
                    self.ids.entry(into).or_insert(index);
                    if let Some(actor) = self.actors.get_mut(index) {
                        for id in [&mut actor.device, &mut actor.ble_device] {
                            if *id == Some(old) {
                                *id = Some(into);
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn found(&mut self, device: &DeviceView) {
        let (now, from) = (self.now, self.from);
        for mac in &device.macs {
            let Some(index) = self.macs.get(*mac).copied() else { continue };
            let Some(actor) = self.actors.get_mut(index) else { continue };
            self.ids.insert(device.id, index);
            if actor.ble == Some(*mac) && actor.wifi {
                actor.ble_device = Some(device.id);
            } else if actor.mac == *mac || actor.ble == Some(*mac) {
                actor.device = Some(device.id);
                if device.presence.is_here() {
                    actor.judge.called_home(now, from);
                }
            }
            self.at(now + SORTED_AFTER, Event::Sort(index));
        }
    }

    fn run(&mut self, progress: &mut dyn FnMut(f64)) {
        let mut told = 0.0;
        loop {
            let event = self.queue.first();
            let wake = self.engine.as_ref().filter(|_| !self.suspended).and_then(Engine::next_wake);
            let wake = wake.map(|wake| (wake.0.div_ceil(1_000)).saturating_sub(micros(BOOTED)));
            let next = match (event, wake) {
                (Some(event), Some(wake)) => event.min(wake),
                (Some(event), None) => event,
                (None, Some(wake)) => wake,
                (None, None) => break,
            };
            let next_s = next as f64 / 1e6;
            if next_s > self.end {
                break;
            }
            self.now = self.now.max(next_s);
            if self.now - told >= 86_400.0 {
                told = self.now;
                progress(self.now / self.end);
            }
            match event.filter(|at| *at <= next).and_then(|_| self.queue.pop()) {
                Some(event) => self.happens(event),
                None => self.give(Input::Tick),
            }
        }
        self.now = self.end;
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Step(index, life) => self.step(index, life),
            Event::TakeUp(index) => {
                if let Some(actor) = self.actors.get_mut(index)
                    && actor.dice.chance(actor.uses_before_leaving)
                {
                    actor.use_until = Some(self.now + TAKEN_UP + 60.0);
                }
            }
            Event::Go(index) => self.goes(index),
            Event::Come(index) => self.comes(index),
            Event::Joins(index, life, before) => {
                if self.actors.get(index).is_some_and(|actor| actor.home && actor.life == life) {
                    if before == 0 {
                        let (now, from) = (self.now, self.from);
                        if let Some(actor) = self.actors.get_mut(index) {
                            actor.judge.spoke_first(now);
                            for rule in &mut actor.rules {
                                rule.until(now, from);
                                rule.judge.spoke_first(now);
                            }
                        }
                    }
                    self.speaks(index, true);
                }
            }
            Event::Rejoin(index, life) => {
                if self.actors.get(index).is_some_and(|actor| actor.home && actor.life == life) {
                    self.speaks(index, true);
                }
            }
            Event::Drop(index, life, left) => {
                let now = self.moment(self.now);
                let dropped = self.actors.get(index).filter(|actor| {
                    actor.life == life && if left { !actor.home } else { actor.home && actor.phase == Phase::Mute }
                });
                let dropped = dropped.map(|actor| actor.mac);
                if let Some(actor) = self.actors.get_mut(index).filter(|_| dropped.is_some()) {
                    actor.listed = false;
                }
                if let Some(mac) = dropped
                    && self.broker_down == 0
                {
                    self.give(Input::Observation(frames::dropped(mac, now)));
                }
            }
            Event::Told(told) => self.told(&told),
            Event::Break(index) => self.breaks(index),
            Event::Mend(index) => self.mends(index),
            Event::Hung(index) => {
                if self.breaks.get(index).is_some_and(|broken| self.now < broken.until) {
                    self.hearing();
                }
            }
            Event::Sort(index) => self.sorts(index),
            Event::Joined(index, before) => self.was_joined(index, before),
            Event::Router(index) => {
                if self.gateway_down == 0 && self.interfaces_down.get(index) == Some(&0) && self.home.network.capture {
                    let frame = frames::arp(router(index), address(index, 1), address(index, 5));
                    self.frame(&frame, index);
                }
                self.at(self.now + ROUTER_SPEAKS, Event::Router(index));
            }
            Event::Door(door, open, again) => self.door(door, open, again),
            Event::Daily => {
                self.look_for_wrong_joins();
                self.at(self.now + 86_400.0, Event::Daily);
            }
        }
    }

    /// What the store would hold.
    fn remember(&mut self) {
        let wall = self.moment(self.now).wall;
        let Some(engine) = &mut self.engine else { return };
        let view = engine.view();
        self.remembered = Remembered {
            instance: Some(view.instance),
            minted: view.minted,
            stopped: Some(wall),
            devices: view.devices.values().map(|device| DeviceView::clone(device)).collect(),
            tombstones: BTreeMap::clone(&view.tombstones),
            mode: Some(view.household.mode),
            person_ids: view.household.person_ids.clone(),
            learned: Learned::clone(&view.learned),
            ..Remembered::default()
        };
    }

    /// Whoever lives there says whose it is, and that two radios are one device.
    fn sorts(&mut self, index: usize) {
        let Some(actor) = self.actors.get(index) else { return };
        let (device, ble, owner) = (actor.device, actor.ble_device, actor.owner.clone());
        let mut orders = Vec::new();
        if let (Some(device), Some(owner)) = (device, owner) {
            orders.push(Command::SetOwner { device, owner: Some(owner) });
        }
        if let (Some(a), Some(b)) = (device, ble)
            && a != b
        {
            orders.push(Command::Merge { a, b });
        }
        for order in orders {
            self.ticket += 1;
            self.give(Input::Command(Ticket(self.ticket), order));
        }
    }
}

fn router(index: usize) -> MacAddr {
    MacAddr([0xb8, 0x27, 0xeb, 0, 0, u8::try_from(index).unwrap_or(0)])
}

fn is_router(mac: MacAddr) -> bool {
    matches!(mac.0, [0xb8, 0x27, 0xeb, 0, 0, _])
}

fn interface(index: usize) -> InterfaceId {
    InterfaceId(u32::try_from(index).unwrap_or(0) + 2)
}

fn address(interface: usize, number: u32) -> Ipv4Addr {
    let interface = u8::try_from(interface).unwrap_or(0);
    Ipv4Addr::new(10, 20u8.saturating_add(interface), (number / 250 % 256) as u8, (number % 250) as u8 + 2)
}
