//! # Which rooms lie beside each other
//!
//! `presence.rooms.adjacent` in the numbers of the filter. Nobody walks from the attic to the cellar in two seconds; but a
//! plan may be wrong, so what is not beside is unlikely and not impossible.

use std::{collections::BTreeSet, sync::Arc};

use super::{Settings, filter::RoomId};

/// How much less likely one gets in two seconds to a room that is not beside.
const FAR: f64 = 0.05;

#[derive(Debug, Default)]
pub struct Plan {
    beside: BTreeSet<(RoomId, RoomId)>,
    /// Rooms of which it is said what lies beside them.
    known: BTreeSet<RoomId>,
    /// Of so many rooms.
    drawn: Option<usize>,
}

impl Plan {
    /// Draws it anew if there is a room more.
    pub fn draw(&mut self, rooms: &[Arc<str>], settings: &Settings) {
        if self.drawn == Some(rooms.len()) {
            return;
        }
        *self = Plan { drawn: Some(rooms.len()), ..Plan::default() };
        let find = |name: &str| {
            let place = rooms.iter().position(|room| room.eq_ignore_ascii_case(name))?;
            RoomId::try_from(place).ok()
        };
        for (one, others) in &settings.adjacent {
            let Some(one) = find(one) else { continue };
            for other in others.iter().filter_map(|name| find(name)).filter(|other| *other != one) {
                self.beside.extend([(one, other), (other, one)]);
                self.known.extend([one, other]);
            }
        }
    }

    /// It says something.
    pub fn is_drawn(&self) -> bool {
        !self.known.is_empty()
    }

    /// How easily one gets from one to the other. None: nothing is said of where one gets from there.
    pub fn way(&self, from: RoomId, to: RoomId) -> Option<f64> {
        self.known.contains(&from).then(|| if self.beside.contains(&(from, to)) { 1.0 } else { FAR })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_one_is_said_of_both() {
        let rooms: Vec<Arc<str>> = ["Hall", "Kitchen", "Attic", "Garage"].map(Arc::from).to_vec();
        let adjacent = [("hall".to_owned(), vec!["Kitchen".to_owned(), "Attic".to_owned(), "Moon".to_owned()])].into();
        let settings = Settings { adjacent, ..Settings::default() };
        let mut plan = Plan::default();
        plan.draw(&rooms, &settings);
        assert_eq!((plan.way(0, 1), plan.way(1, 0)), (Some(1.0), Some(1.0)));
        assert_eq!((plan.way(1, 2), plan.way(2, 3)), (Some(FAR), Some(FAR)));
        assert_eq!(plan.way(3, 0), None, "nothing is said of the garage");
    }
}
