//! # Persons
//!
//! Who lives here, as outlets see them. A person has an id of their own, so that nothing in a topic comes from a name.

use std::{fmt, str::FromStr};

use super::{DeviceId, Wall};

/// `p-7f3k2m`: minted once for a name, from the same numbers as ids of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(DeviceId);

impl PersonId {
    /// From an id that was minted for it alone.
    #[must_use]
    pub const fn of(minted: DeviceId) -> PersonId {
        PersonId(minted)
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minted = self.0.to_string();
        f.pad(&format!("p-{}", minted.strip_prefix("d-").unwrap_or(&minted)))
    }
}

impl FromStr for PersonId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let minted = text.strip_prefix("p-").and_then(|digits| format!("d-{digits}").parse().ok());
        minted.map(PersonId).ok_or_else(|| format!("`{text}` is not a person's id such as p-7f3k2m"))
    }
}

/// One person.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonView {
    pub id: PersonId,
    pub name: String,
    pub home: bool,
    /// Since when they are home, or away.
    pub since: Wall,
    /// Why: as of the device that decides, or `phone_left_behind`.
    pub reason: &'static str,
    /// The device that decides: here, or the last that left.
    pub device: Option<DeviceId>,
    /// How sure it is, 0 to 1. None: too little is known of what they carry.
    pub confidence: Option<f64>,
    /// Whether the device that decides is itself: `sure`, `fresh`, `doubtful`.
    pub identity: &'static str,
    /// What they carry cannot tell for certain that they left.
    pub unsure: bool,
    /// They have a device that Home Assistant knows.
    pub shown: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = PersonId::of("d-daaddd".parse().expect("an id"));
        assert_eq!(id.to_string(), "p-daaddd");
        assert_eq!("p-daaddd".parse(), Ok(id));
        for wrong in ["d-daaddd", "p-", "p-DAADDD", "p-daaddde", "pdaaddd"] {
            assert!(wrong.parse::<PersonId>().is_err(), "{wrong}");
        }
    }
}
