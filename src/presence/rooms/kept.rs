//! # How ears hear, over a restart
//!
//! It takes days to learn by how much one ear hears louder than another; a restart must not take that away. Kept by the
//! ear's name: `b 3.25 esp1`, with `w` for what is heard by Wi-Fi.

use std::{collections::BTreeMap, sync::Arc};

use super::{EARS_MAX, NAME_MAX, Rooms, Tables, filter::EarId};

/// Ears differ by no more; other numbers are not ours.
const MOST_DB: f64 = 12.0;

impl Tables {
    /// What was learned; of ears of which nothing is learned yet, what was known before.
    pub(super) fn learn(&mut self, offsets: BTreeMap<EarId, f64>) {
        for (ear, db) in &offsets {
            if let Some(ear) = self.ears.get(usize::from(*ear)) {
                self.remembered.insert((Arc::clone(&ear.name), ear.wifi), *db);
            }
        }
        self.offsets.extend(offsets);
        self.make_room();
    }

    /// The ear of that place is new, or another now.
    pub(super) fn recall(&mut self, id: EarId) {
        self.offsets.remove(&id);
        let Some(ear) = self.ears.get(usize::from(id)) else { return };
        if let Some(db) = self.remembered.get(&(Arc::clone(&ear.name), ear.wifi)) {
            self.offsets.insert(id, *db);
        }
    }

    /// Of ears that are no more, as many are remembered as there may be ears.
    fn make_room(&mut self) {
        while self.remembered.len() > 2 * EARS_MAX {
            let is_here =
                |(name, wifi): &(Arc<str>, bool)| self.ears.iter().any(|e| e.name == *name && e.wifi == *wifi);
            let Some(gone) = self.remembered.keys().find(|key| !is_here(key)).cloned() else { return };
            self.remembered.remove(&gone);
        }
    }
}

impl Rooms {
    /// What is to be kept; nothing before anything is learned.
    pub fn lines(&self) -> Option<String> {
        let line =
            |((name, wifi), db): (&(Arc<str>, bool), &f64)| format!("{} {db:.2} {name}", if *wifi { "w" } else { "b" });
        let lines: Vec<String> = self.tables.remembered.iter().map(line).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// Takes it back. What cannot be read is learned again.
    pub fn recall(&mut self, lines: &str) {
        for line in lines.lines().take(2 * EARS_MAX) {
            let mut words = line.splitn(3, ' ');
            let (Some(radio), Some(db), Some(name)) = (words.next(), words.next(), words.next()) else { continue };
            let Ok(db) = db.parse::<f64>() else { continue };
            if matches!(radio, "b" | "w") && db.abs() <= MOST_DB && name.len() <= 4 * NAME_MAX {
                self.tables.remembered.insert((name.into(), radio == "w"), db);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{HeardAt, Mono, Rssi},
        presence::rooms::{Settings, filter::Ears as _},
    };

    #[test]
    fn what_was_learned_of_ears_comes_back_when_they_are_heard() {
        let heard =
            |ear: &str, wifi| HeardAt { ear: ear.into(), room: None, wifi, level: Rssi::new(-60).expect("a level") };
        let id = "d-7f3k2m".parse().expect("an id");
        let mut rooms = Rooms::default();
        assert_eq!(rooms.lines(), None);
        let settings = Settings::default();
        rooms.hear(id, &heard("esp 1", false), Mono(1), &settings);
        rooms.hear(id, &heard("hall", true), Mono(2), &settings);
        rooms.tables.learn([(0, 3.25), (1, -2.0)].into());
        let lines = rooms.lines().expect("something is learned");
        let mut again = Rooms::default();
        again.recall(&(lines.clone() + "\nb nonsense x\nx 1 y\nb 99 z\nb 1"));
        assert_eq!(again.lines(), Some(lines));
        // In another order than before.
        again.hear(id, &heard("hall", true), Mono(1), &settings);
        again.hear(id, &heard("new", false), Mono(2), &settings);
        again.hear(id, &heard("esp 1", false), Mono(3), &settings);
        assert_eq!([0, 1, 2].map(|ear| again.tables.offset(ear)), [-2.0, 0.0, 3.25]);
    }
}
