//! # How loud an ear hears
//!
//! One board hears the same radio 6 dB louder than another, and so its room would swallow its neighbours. What lies in
//! a room is heard there about as loud as it is in any other room by that room's ear; by how much an ear differs from
//! that is taken off. Only what has lain in three rooms or more tells: a tag that hangs in the hall for ever says how
//! loud the tag is, not how the ear hears. Learned within days; `kept` holds it over a restart.

use std::collections::BTreeMap;

use super::filter::EarId;

/// Rooms in which one device must have lain, and levels that were heard of it in each.
const EARS_MIN: usize = 3;
const LEVELS_MIN: u32 = 60;
/// Of old levels, so many count.
const MEMORY: u32 = 2_000;
/// Ears differ by no more than this, in dB; farther off it is the house.
const MOST_DB: f64 = 12.0;
/// The mean of so many devices is assumed to be nothing, so that one odd device does not decide.
const PSEUDO: f64 = 0.5;

/// How loud each ear heard one device that lay in its room.
#[derive(Debug, Clone, Default)]
pub struct AtHome(BTreeMap<EarId, (f64, u32)>);

impl AtHome {
    pub fn hear(&mut self, ear: EarId, level: f64) {
        if self.0.len() >= super::filter::EARS_MAX && !self.0.contains_key(&ear) {
            return;
        }
        let (mean, count) = self.0.entry(ear).or_insert((level, 0));
        *count = (*count + 1).min(MEMORY);
        *mean += (level - *mean) / f64::from(*count);
    }

    /// The ear of that place is another now.
    pub fn forget(&mut self, ear: EarId) {
        self.0.remove(&ear);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// By how much each ear hears louder than the others.
pub fn offsets<'a>(all: impl Iterator<Item = &'a AtHome>) -> BTreeMap<EarId, f64> {
    let mut sums: BTreeMap<EarId, (f64, f64)> = BTreeMap::new();
    for device in all {
        let known: Vec<(EarId, f64)> = device
            .0
            .iter()
            .filter(|(_, (_, count))| *count >= LEVELS_MIN)
            .map(|(ear, (mean, _))| (*ear, *mean))
            .collect();
        if known.len() < EARS_MIN {
            continue;
        }
        let mean = known.iter().map(|(_, level)| level).sum::<f64>() / known.len() as f64;
        for (ear, level) in known {
            let (sum, devices) = sums.entry(ear).or_default();
            *sum += level - mean;
            *devices += 1.0;
        }
    }
    sums.into_iter().map(|(ear, (sum, devices))| (ear, (sum / (devices + PSEUDO)).clamp(-MOST_DB, MOST_DB))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(levels: &[(EarId, f64, u32)]) -> AtHome {
        let mut heard = AtHome::default();
        for (ear, level, count) in levels {
            (0..*count).for_each(|_| heard.hear(*ear, *level));
        }
        heard
    }

    #[test]
    fn only_what_lay_in_three_rooms_tells_of_ears() {
        let tells = |all: &[AtHome]| offsets(all.iter());
        // A tag that never moves, one of two rooms, and one that was hardly heard in the third.
        for quiet in [
            vec![(0, -40.0, 900)],
            vec![(0, -40.0, 900), (1, -60.0, 900)],
            vec![(0, -40.0, 900), (1, -60.0, 900), (2, -60.0, 9)],
        ] {
            assert!(tells(&[device(&quiet)]).is_empty(), "{quiet:?}");
        }
        // Two that are differently loud by themselves tell the same.
        let two = [(-50.0, -60.0), (-70.0, -80.0)]
            .map(|(loud, faint)| device(&[(0, loud, 90), (1, faint, 90), (2, faint, 90)]));
        let told = tells(&two);
        let near = |ear: EarId, db: f64| (told[&ear] - db).abs() < 1.4;
        assert!(near(0, 6.7) && near(1, -3.3) && near(2, -3.3), "{told:?}");
        // Nothing is believed beyond what boards differ by.
        let wild = tells(&[device(&[(0, -30.0, 90), (1, -95.0, 90), (2, -95.0, 90)])]);
        assert!(wild.values().all(|db| db.abs() <= MOST_DB), "{wild:?}");
    }
}
