//! # Doors with contacts
//!
//! Nearly everybody who comes or goes opens one; they are opened for other reasons too.

use super::{Event, World};
use crate::{
    cli::simulate::home::Home,
    engine::{Input, Settings},
    model::{HaContact, HaFact},
};

/// P(a contact sees who comes or goes); it stands open for so long, in seconds.
const SEEN: f64 = 0.97;
const OPEN: f64 = 8.0;
/// So long after the phone is taken out of the home's reach, or before it is back in it.
const BESIDE: f64 = 20.0;
const DAY: f64 = 86_400.0;

/// The settings of a home: all its doors, watched or not.
pub(super) fn settings(home: &Home, settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    settings.presence.doors = home.doors.keys().cloned().collect();
    settings
}

impl World<'_> {
    fn watched(&self) -> Vec<(String, f64)> {
        let watched = self.home.doors.iter().filter(|(_, door)| door.watched);
        watched.map(|(name, door)| (name.clone(), door.other_openings_per_day)).collect()
    }

    /// How the doors stand, told at the start.
    pub(super) fn read_doors(&mut self) {
        for (entity, _) in self.watched() {
            self.give(Input::Told(HaFact::Contact(HaContact { entity, open: Some(false) })));
        }
    }

    /// The first of the openings that have nothing to do with coming or going.
    pub(super) fn open_doors(&mut self) {
        for (door, per_day) in self.watched() {
            self.opens_some_day(door, per_day);
        }
    }

    fn opens_some_day(&mut self, door: String, per_day: f64) {
        if per_day > 0.0 {
            let at = self.now + self.dice.within(DAY / per_day);
            self.at(at, Event::Door(door, true, true));
        }
    }

    /// Somebody comes or goes.
    pub(super) fn passes(&mut self) {
        let watched = self.watched();
        if let Some((door, _)) = watched.first()
            && self.dice.chance(SEEN)
        {
            let at = self.now + self.dice.between(0.0, BESIDE);
            self.at(at, Event::Door(door.clone(), true, false));
        }
    }

    pub(super) fn door(&mut self, entity: String, open: bool, again: bool) {
        self.give(Input::Told(HaFact::Contact(HaContact { entity: entity.clone(), open: Some(open) })));
        if open {
            self.at(self.now + OPEN, Event::Door(entity.clone(), false, false));
        }
        if again {
            let per_day = self.home.doors.get(&entity).map_or(0.0, |door| door.other_openings_per_day);
            self.opens_some_day(entity, per_day);
        }
    }
}
