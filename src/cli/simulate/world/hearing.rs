//! # What is heard, and what is answered

use super::{Event, World, address, frames, interface, is_router};
use crate::{
    engine::Input,
    model::{Captured, LinkType, Look, Observation, Probe, Subject},
};

/// An answer takes so long; that there is none is told after so long.
const ANSWERED: f64 = 0.02;
const UNANSWERED: f64 = 2.0;

impl World<'_> {
    /// A question: who is there answers, of all others it is told that they did not.
    pub(super) fn asked(&mut self, look: &Look) {
        if look.probe == Probe::Tcp {
            return; // put by no scanner
        }
        let now = self.now;
        let Some(mac) = look.mac else { return };
        let mut answers = is_router(mac) && self.gateway_down == 0;
        let whose = self.macs.get(mac).copied();
        if let Some(index) = whose {
            let hears = self.hears(index, now);
            let Some(actor) = self.actors.get_mut(index) else { return };
            answers = actor.mac == mac && hears && actor.would_answer(now);
            actor.asks += u64::from(now >= self.from && !actor.guest);
        }
        let at = now + if answers { ANSWERED } else { UNANSWERED };
        let subject = Subject { mac: Some(mac), ip: Some(look.ip) };
        let told = frames::answer(look.probe, answers, subject, look.interface, self.moment(at));
        self.at(at, Event::Told(Box::new(told)));
        let listed = !answers && self.home.network.station_lists && self.broker_down == 0;
        let actor = whose.and_then(|index| self.actors.get_mut(index));
        if listed && actor.as_ref().is_some_and(|it| it.listed) {
            self.at(at, Event::Told(Box::new(frames::listed(mac, self.moment(at)))));
        } else if answers && let Some(actor) = actor {
            actor.listed = actor.sleeps && actor.wifi;
        }
    }

    /// Whether what it sends would be heard by a wired ear.
    pub(super) fn hears(&self, index: usize, now: f64) -> bool {
        let Some(actor) = self.actors.get(index) else { return false };
        self.engine.is_some()
            && !self.suspended
            && now >= actor.offline_until
            && actor.ap.is_none_or(|ap| self.points_down.get(ap).is_none_or(|down| *down == 0))
            && self.interfaces_down.get(actor.interface).is_none_or(|down| *down == 0)
    }

    /// A proof of it was heard.
    pub(super) fn proven(&mut self, index: usize) {
        let (now, from) = (self.now, self.from);
        if let Some(actor) = self.actors.get_mut(index) {
            actor.rules.iter_mut().for_each(|rule| rule.heard(now, from));
        }
    }

    /// It sends a frame by itself; `joins`: it enters the network.
    pub(super) fn speaks(&mut self, index: usize, joins: bool) {
        let now = self.now;
        let lost = self.dice.chance(self.home.network.loss);
        let reaches = self.hears(index, now) && !lost;
        let hears = reaches && self.home.network.capture;
        let Some(actor) = self.actors.get_mut(index) else { return };
        let (home, wifi) = (actor.home, actor.wifi);
        let (mac, ip, on, android) = (actor.mac, actor.ip, actor.interface, actor.android);
        let gateway = address(on, 1);
        if home && wifi && now >= actor.offline_until {
            actor.listed = actor.sleeps;
        }
        let host = if joins { actor.host.clone() } else { String::new() };
        if home && wifi && hears {
            self.proven(index);
            let frame = frames::arp(mac, ip, if joins { ip } else { gateway });
            self.frame(&frame, on);
            if joins {
                let at = self.moment(now);
                for seen in frames::dhcp(mac, ip, &host, android, interface(on), at) {
                    self.give(Input::Observation(seen));
                }
            }
        }
        // Without a capture multicast is heard all the same: who comes announces itself.
        if home && wifi && joins && reaches && !hears {
            self.proven(index);
            for seen in frames::announcement(mac, ip, &host, interface(on), self.moment(now)) {
                self.give(Input::Observation(seen));
            }
        }
        self.advertises(index);
    }

    pub(super) fn frame(&mut self, bytes: &[u8], index: usize) {
        let at = self.moment(self.now);
        let captured = Captured { link: LinkType::ETHERNET, interface: interface(index), at, wire_len: 60, bytes };
        self.give(Input::Frame(captured));
    }

    pub(super) fn advertises(&mut self, index: usize) {
        let now = self.now;
        let heard =
            self.engine.is_some() && !self.suspended && self.hears_ble() && !self.dice.chance(self.home.network.loss);
        let Some(actor) = self.actors.get(index) else { return };
        let Some(mac) = actor.ble.filter(|_| heard && actor.home) else { return };
        let name = (actor.device.is_none() && !actor.wifi).then(|| actor.host.clone());
        self.proven(index);
        let at = self.moment(now);
        if let Some(name) = name {
            self.give(Input::Observation(frames::ble_name(mac, &name, at)));
        }
        self.give(Input::Observation(frames::advert(mac, at)));
    }

    pub(super) fn told(&mut self, told: &Observation) {
        if let crate::model::Fact::Alive { .. } = told.fact {
            let index = told.subject.mac.and_then(|mac| self.macs.get(mac).copied());
            // It may have gone meanwhile; an answer on its way was sent before.
            if self.engine.is_none() || self.suspended {
                return;
            }
            if let Some(index) = index {
                self.proven(index);
            }
        }
        self.give(Input::Observation(told.clone()));
    }
}
