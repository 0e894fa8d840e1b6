//! # What the bridge keeps over a restart
//!
//! Where it ever put topics and has not yet seen them empty, and whom it owes a farewell. Stored by
//! the owner as one line of text, before what it is about is done.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    model::{DeviceId, Wall},
    mqtt::Seat,
};

// Somebody who tries names makes a handful.
const SEATS_MAX: usize = 8;
const OWED_MAX: usize = 4_096;
const BYTES_MAX: usize = 256 * 1024;
/// After so long nobody misses a farewell any more.
const OWED_MS: i64 = 30 * 86_400_000;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memo {
    /// The present one is among them, oldest first.
    seats: Vec<Seat>,
    /// Devices whose discovery was taken back while Home Assistant may have been down, and when (ms).
    owed: BTreeMap<String, i64>,
}

impl Memo {
    /// Damage is as good as nothing.
    pub(super) fn read(text: Option<&str>) -> Memo {
        let text = text.filter(|text| text.len() <= BYTES_MAX).unwrap_or_default();
        let mut memo: Memo = serde_json::from_str(text).unwrap_or_default();
        memo.seats.retain(Seat::is_plain);
        memo.seats.truncate(SEATS_MAX);
        memo.owed.retain(|id, _| id.parse::<DeviceId>().is_ok());
        memo
    }

    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// We are at `seat`, or were. `true`: that is news. The oldest makes room.
    pub(super) fn sit(&mut self, seat: &Seat) -> bool {
        if self.seats.contains(seat) || !seat.is_plain() {
            return false;
        }
        if self.seats.len() >= SEATS_MAX {
            self.seats.remove(0);
        }
        self.seats.push(seat.clone());
        true
    }

    /// Nothing of ours is left at `seat`.
    pub(super) fn leave(&mut self, seat: &Seat) {
        self.seats.retain(|held| held != seat);
    }

    /// All but the present one.
    pub(super) fn former(&self, present: &Seat) -> Vec<Seat> {
        self.seats.iter().filter(|seat| *seat != present).cloned().collect()
    }

    /// `true`: that is news.
    pub(super) fn owe(&mut self, id: DeviceId, now: Wall) -> bool {
        self.owed.len() < OWED_MAX && self.owed.insert(id.to_string(), now.0).is_none()
    }

    pub(super) fn owed(&self, now: Wall) -> BTreeSet<DeviceId> {
        let fresh = self.owed.iter().filter(|(_, at)| now.0.saturating_sub(**at) < OWED_MS);
        fresh.filter_map(|(id, _)| id.parse().ok()).collect()
    }

    /// The farewells are said.
    pub(super) fn paid(&mut self, said: &BTreeSet<DeviceId>) {
        self.owed.retain(|id, _| !id.parse().is_ok_and(|id| said.contains(&id)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(node: &str) -> Seat {
        Seat { base: "porchlight".into(), node: node.into(), prefix: "homeassistant".into() }
    }

    #[test]
    fn a_memo_survives_and_damage_does_not_hurt() {
        let (id, at) = (DeviceId::mint(1, 2), Wall(5));
        let mut memo = Memo::default();
        assert!(memo.sit(&seat("home")) && !memo.sit(&seat("home")) && memo.owe(id, at) && !memo.owe(id, at));
        assert_eq!(Memo::read(Some(&memo.text())), memo);
        let wild = r##"{"owed":{"x":1},"seats":[{"base":"#","node":"a","prefix":"b"}]}"##;
        for damage in ["", "{", "[]", r#"{"seats":7}"#, wild] {
            assert_eq!(Memo::read(Some(damage)), Memo::default(), "{damage}");
        }
        assert_eq!(memo.owed(at), [id].into());
        assert_eq!(memo.owed(Wall(at.0 + OWED_MS)), BTreeSet::new());
        memo.paid(&[id].into());
        assert_eq!(memo.owed(at), BTreeSet::new());
        for n in 0..40 {
            memo.sit(&seat(&format!("n{n}")));
        }
        assert_eq!(memo.former(&seat("n39")).len(), SEATS_MAX - 1);
    }
}
