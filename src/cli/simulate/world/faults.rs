//! # Faults begin and end

use std::time::Duration;

use super::{Event, World, breaks::Break};
use crate::engine::Input;

/// A hung ear is noticed by its missing heartbeat after so long.
const HUNG: f64 = 30.0;
/// Phones are back on a restarted access point after so long (median, sigma of the log).
const REJOINS: (f64, f64) = (20.0, 1.0);

impl World<'_> {
    pub(super) fn breaks(&mut self, index: usize) {
        let Some(broken) = self.breaks.get(index).cloned() else { return };
        let add = |counts: &mut Vec<u32>, index: usize| {
            if let Some(count) = counts.get_mut(index) {
                *count += 1;
            }
        };
        match broken.what {
            Break::Points(points) => {
                for point in 0..self.points_down.len() {
                    if points.is_empty() || points.contains(&point) {
                        add(&mut self.points_down, point);
                    }
                }
            }
            Break::Interface(interface) => {
                add(&mut self.interfaces_down, interface);
                self.at(self.now + HUNG, Event::Hung(index));
            }
            Break::Ble(ear) => {
                add(&mut self.ears_down, ear);
                self.at(self.now + HUNG, Event::Hung(index));
            }
            Break::Broker => {
                self.broker_down += 1;
                self.hearing();
            }
            Break::Gateway => self.gateway_down += 1,
            Break::Restart => {
                self.remember();
                self.engine = None;
            }
            Break::Suspend => self.suspended = true,
            Break::Clock(step) => self.wall_step += step,
        }
    }

    pub(super) fn mends(&mut self, index: usize) {
        let Some(broken) = self.breaks.get(index).cloned() else { return };
        let less = |counts: &mut Vec<u32>, index: usize| {
            if let Some(count) = counts.get_mut(index) {
                *count = count.saturating_sub(1);
            }
        };
        match broken.what {
            Break::Points(points) => {
                for point in 0..self.points_down.len() {
                    if points.is_empty() || points.contains(&point) {
                        less(&mut self.points_down, point);
                        self.come_back(point);
                    }
                }
            }
            Break::Interface(interface) => {
                less(&mut self.interfaces_down, interface);
                self.hearing();
            }
            Break::Ble(ear) => {
                less(&mut self.ears_down, ear);
                self.hearing();
            }
            Break::Broker => {
                self.broker_down = self.broker_down.saturating_sub(1);
                self.hearing();
            }
            Break::Gateway => self.gateway_down = self.gateway_down.saturating_sub(1),
            Break::Restart => self.start(),
            Break::Suspend => {
                self.suspended = false;
                self.give(Input::Blind(Duration::from_secs_f64(broken.until - broken.from)));
            }
            Break::Clock(_) => {}
        }
    }

    /// An access point is back: its stations join it again, each in its time.
    fn come_back(&mut self, point: usize) {
        for index in 0..self.actors.len() {
            let now = self.now;
            let Some(actor) = self.actors.get_mut(index).filter(|actor| actor.ap == Some(point) && actor.home) else {
                continue;
            };
            actor.offline_until = now + actor.dice.lasts(REJOINS.0, REJOINS.1);
            let (at, life) = (actor.offline_until, actor.life);
            self.at(at, Event::Rejoin(index, life));
        }
    }
}
