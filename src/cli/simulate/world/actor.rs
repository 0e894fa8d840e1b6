//! # One device of the invented home
//!
//! When it speaks by itself, when it is mute, whether it would answer. What is heard of that is another
//! question. Mute spells follow the home's behaviours; a spell that a second radio cuts short ends for both.

use crate::{
    cli::simulate::{
        dice::Dice,
        home::{Behaviour, Spells},
        schedule::Trip,
        score::{Fixed, Judge},
    },
    model::{DeviceId, MacAddr},
};

/// The longest that a Pareto tail is followed, in seconds.
const PARETO_MOST: f64 = 7_200.0;
/// Of mute spells, Bluetooth cuts short so many, after so long in the mean; the rest after so long (median,
/// sigma of the log).
const BLE_CUTS: f64 = 0.92;
const BLE_SOON: f64 = 5.0;
const BLE_LATE: (f64, f64) = (90.0, 1.3);
/// How long a phone is in use.
const USE: f64 = 360.0;
const USE_AFTER_COMING: f64 = 240.0;

/// What it does just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Busy,
    /// Sends now and then, answers mostly.
    Idle,
    Asleep,
    /// Its radio is off.
    Mute,
}

/// What happens to it next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It sends a frame by itself.
    Speaks,
    /// Its radio is on again: it speaks, by joining the network anew or not.
    Wakes { joins: bool },
    /// Its other radio is heard; the Wi-Fi slept.
    Advertises,
    /// Nothing is to be heard of it.
    Turns,
}

pub struct Actor {
    pub name: String,
    pub owner: Option<String>,
    /// A phone, watch or the like.
    pub sleeps: bool,
    pub guest: bool,
    pub behaviour: Behaviour,
    pub dice: Dice,
    pub mac: MacAddr,
    pub ip: std::net::Ipv4Addr,
    /// Its Bluetooth address, as its key resolves to.
    pub ble: Option<MacAddr>,
    pub wifi: bool,
    pub host: String,
    pub android: bool,
    /// A host name of its own, or a key that is known.
    pub key_fact: bool,
    pub uses_before_leaving: f64,
    pub night: (f64, f64),
    pub trips: Vec<Trip>,
    pub trip: usize,
    pub home: bool,
    pub phase: Phase,
    until: f64,
    pub due: f64,
    /// Somebody is about to leave with it.
    pub use_until: Option<f64>,
    cut: bool,
    was_idle: bool,
    /// Events of an earlier life are stale.
    pub life: u32,
    pub interface: usize,
    pub ap: Option<usize>,
    pub fixed_ap: Option<usize>,
    /// Its access point is down until then.
    pub offline_until: f64,
    pub rotated: f64,
    /// Who it is to the engine.
    pub device: Option<DeviceId>,
    pub ble_device: Option<DeviceId>,
    pub judge: Judge,
    pub rules: Vec<Fixed>,
    pub asks: u64,
    /// Its access point lists it.
    pub listed: bool,
}

/// All that is given of an actor.
pub struct Given {
    pub name: String,
    pub owner: Option<String>,
    pub sleeps: bool,
    pub behaviour: Behaviour,
    pub dice: Dice,
    pub trips: Vec<Trip>,
}

impl Actor {
    pub fn new(given: Given, mac: MacAddr, ip: std::net::Ipv4Addr, rules: &[f64]) -> Actor {
        let Given { name, owner, sleeps, behaviour, dice, trips } = given;
        Actor {
            name,
            owner,
            sleeps,
            guest: false,
            behaviour,
            dice,
            mac,
            ip,
            ble: None,
            wifi: true,
            host: String::new(),
            android: false,
            key_fact: false,
            uses_before_leaving: 0.75,
            night: (0.0, 0.0),
            trips,
            trip: 0,
            home: true,
            phase: Phase::Idle,
            until: 0.0,
            due: 0.0,
            use_until: None,
            cut: false,
            was_idle: false,
            life: 0,
            interface: 0,
            ap: None,
            fixed_ap: None,
            offline_until: 0.0,
            rotated: 0.0,
            device: None,
            ble_device: None,
            judge: Judge::default(),
            rules: rules.iter().map(|after| Fixed::of(*after)).collect(),
            asks: 0,
            listed: false,
        }
    }

    fn own_gap(&mut self) -> f64 {
        let gap = &self.behaviour.own_gap;
        let mean = if self.phase == Phase::Busy { gap.busy.0 } else { gap.rest.0 };
        self.dice.within(mean)
    }

    /// It comes home at `now`, in use.
    pub fn comes(&mut self, now: f64) {
        self.home = true;
        self.life += 1;
        self.phase = if self.sleeps { Phase::Busy } else { Phase::Idle };
        self.until = now + USE_AFTER_COMING;
        self.due = now + self.own_gap();
    }

    pub fn goes(&mut self) {
        self.home = false;
        self.life += 1;
        self.use_until = None;
    }

    /// What happens at `due`, which is set to when the next thing does. `hears_ble`: somebody would hear its
    /// other radio.
    pub fn step(&mut self, hears_ble: bool, night: bool) -> Next {
        let now = self.due;
        if self.phase == Phase::Mute {
            let advertises = self.cut;
            let joins = !advertises && self.dice.chance(self.behaviour.rejoin);
            self.turn(now, night, hears_ble, false);
            return if advertises { Next::Advertises } else { Next::Wakes { joins } };
        }
        if let Some(until) = self.use_until.take_if(|_| self.phase != Phase::Busy) {
            // Used before leaving.
            (self.phase, self.until) = (Phase::Busy, until);
            self.due = (now + self.own_gap()).min(self.until);
            return Next::Speaks;
        }
        // Events keep time to a microsecond.
        if now + 1e-5 >= self.until {
            self.turn(now, night, hears_ble, true);
            return Next::Turns;
        }
        self.due = (now + self.own_gap()).min(self.until);
        if self.due >= self.until {
            self.due = self.until;
        }
        Next::Speaks
    }

    /// One phase is over. After light sleep the radio goes off, if `may_mute`; else a light phase begins.
    fn turn(&mut self, now: f64, night: bool, hears_ble: bool, may_mute: bool) {
        if may_mute && self.phase != Phase::Busy {
            let spells = if self.phase == Phase::Idle { &self.behaviour.idle } else { &self.behaviour.asleep };
            if let Some(spells) = spells.clone() {
                self.was_idle = self.phase == Phase::Idle;
                let mut lasts = match spells {
                    Spells::LogNormal(_, median, sigma) => self.dice.lasts(median.0, sigma),
                    Spells::Pareto { pareto: (scale, alpha), .. } => self.dice.pareto(scale.0, alpha).min(PARETO_MOST),
                };
                self.cut = false;
                if self.ble.is_some() && self.wifi && hears_ble {
                    let heard = if self.dice.chance(BLE_CUTS) {
                        self.dice.within(BLE_SOON)
                    } else {
                        self.dice.lasts(BLE_LATE.0, BLE_LATE.1)
                    };
                    if heard < lasts {
                        (lasts, self.cut) = (heard, true);
                    }
                }
                self.phase = Phase::Mute;
                self.due = now + lasts;
                return;
            }
        }
        let before = std::mem::replace(&mut self.phase, Phase::Idle);
        if let Some(until) = self.use_until.take() {
            (self.phase, self.until) = (Phase::Busy, until);
        } else if self.sleeps && night {
            self.phase = Phase::Asleep;
            self.until = now + self.light(false);
        } else if self.sleeps && before != Phase::Busy && self.dice.chance(0.5) {
            self.phase = Phase::Busy;
            self.until = now + self.dice.within(USE);
        } else {
            self.until = now + self.light(true);
        }
        self.due = (now + self.own_gap()).min(self.until);
    }

    /// How long a light phase lasts.
    fn light(&mut self, idle: bool) -> f64 {
        let spells = if idle { &self.behaviour.idle } else { &self.behaviour.asleep };
        let per_hour = spells.as_ref().map_or(0.0, Spells::per_hour);
        if per_hour > 0.0 { self.dice.within(3_600.0 / per_hour) } else { 6.0 * 3_600.0 }
    }

    pub fn would_answer(&mut self, now: f64) -> bool {
        self.wifi
            && self.home
            && now >= self.offline_until
            && self.phase != Phase::Mute
            && self.dice.chance(self.behaviour.answers)
    }

    /// A new address, as phones draw it.
    pub fn draws_address(&mut self) -> MacAddr {
        let mut bytes = [0; 6];
        bytes.iter_mut().for_each(|byte| *byte = self.dice.byte());
        let [first, ..] = &mut bytes;
        *first = (*first & 0xfc) | 0x02;
        MacAddr(bytes)
    }
}
