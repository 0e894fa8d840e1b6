//! # Bluetooth advertisements that Home Assistant hears
//!
//! `bluetooth/subscribe_advertisements` (`components/bluetooth/websocket_api.py`): its own adapters and every Bluetooth
//! proxy. Pure. Traps: it wants a token of an administrator; the first message lists what was heard within minutes, each
//! with its `time` by that machine's wall clock, and `manufacturer_data` and `service_data` are gathered over many
//! advertisements; `source` is the adapter's address, not a room; hundreds a second are strangers, so an address counts
//! only if it is known or a key of the home resolves it. `remove` is a timeout of its own and no departure.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::Value;

use crate::{
    model::{Capped, Fact, HeardAt, MacAddr, Moment, Observation, Proof, Rssi, Source, Subject},
    wire::ble::Irk,
};

/// Entries of one message that are read.
const ADDED_MAX: usize = 4096;
/// Addresses of which it is known whether a key resolves them.
const SOLVED_MAX: usize = 4096;
/// Older ones are history.
const AGE_MAX: Duration = Duration::from_secs(300);
/// What one device is told of, at most.
const EACH: Duration = Duration::from_millis(900);

/// Rooms of adapters and proxies, by their address.
pub type Places = BTreeMap<MacAddr, Arc<str>>;

/// Whose keys are known here, and whom each belongs to.
pub type Keys = Vec<(Irk, MacAddr)>;

#[derive(Debug)]
struct Key {
    irk: Irk,
    mac: MacAddr,
    /// The first address that it resolved. One may be chance (one in sixteen millions); two are not.
    first: Option<MacAddr>,
    is_proven: bool,
}

/// What is known of one connection.
#[derive(Debug)]
pub struct Adverts {
    keys: Vec<Key>,
    places: Places,
    ears: BTreeMap<MacAddr, Arc<str>>,
    /// By which key, by its place in the list.
    solved: Capped<MacAddr, Option<usize>>,
    told: Capped<(MacAddr, MacAddr), Moment>,
}

impl Adverts {
    #[must_use]
    pub fn new(keys: Keys) -> Adverts {
        let (solved, told) = (Capped::new(SOLVED_MAX), Capped::new(SOLVED_MAX));
        let keys = keys.into_iter().map(|(irk, mac)| Key { irk, mac, first: None, is_proven: false }).collect();
        Adverts { keys, places: Places::new(), ears: BTreeMap::new(), solved, told }
    }

    /// Where each adapter is.
    pub fn knows(&mut self, places: Places) {
        self.places = places;
    }

    /// One event; `None`: none of this shape.
    pub fn hear(
        &mut self,
        event: &Value,
        mut is_known: impl FnMut(MacAddr) -> bool,
        now: Moment,
    ) -> Option<Vec<Observation>> {
        let Some(added) = event.get("add") else { return event.get("remove").map(|_| Vec::new()) };
        let mut out = Vec::new();
        for advert in added.as_array()?.iter().take(ADDED_MAX) {
            self.advert(advert, &mut is_known, now, &mut out);
        }
        Some(out)
    }

    fn advert(
        &mut self,
        advert: &Value,
        is_known: &mut impl FnMut(MacAddr) -> bool,
        now: Moment,
        out: &mut Vec<Observation>,
    ) -> Option<()> {
        let address = |key: &str| advert.get(key)?.as_str()?.parse::<MacAddr>().ok();
        let radio = address("address").filter(|mac| mac.is_station())?;
        let mac = self.whose(radio, is_known)?;
        // By its wall clock, which may be wrong: what comes of the future is of now.
        let at_ms = (advert.get("time")?.as_f64()? * 1000.0) as i64;
        let age = Duration::from_millis(now.wall.0.saturating_sub(at_ms).max(0).unsigned_abs());
        if age > AGE_MAX {
            return None;
        }
        let at = now.earlier(age);
        // A name such as `hci0` in tests of theirs: no adapter, so no ear.
        let source = address("source");
        let key = (mac, source.unwrap_or(radio));
        if self.told.get(&key).is_some_and(|last| at.mono < last.mono + EACH) {
            return None;
        }
        self.told.insert(key, at);
        let observed =
            |fact| Observation { source: Source::HomeAssistant, interface: None, at, subject: Subject::mac(mac), fact };
        out.push(observed(Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO }));
        // -127 is "not known" (`NO_RSSI_VALUE` of bleak-retry-connector).
        let level = advert.get("rssi").and_then(Value::as_i64).filter(|dbm| (-126..0).contains(dbm));
        let level = level.and_then(|dbm| i8::try_from(dbm).ok()).and_then(Rssi::new)?;
        out.push(observed(match source {
            Some(source) => {
                if self.ears.len() > SOLVED_MAX {
                    self.ears.clear();
                }
                let ear = Arc::clone(self.ears.entry(source).or_insert_with(|| source.to_string().into()));
                Fact::HeardAt(HeardAt { ear, room: self.places.get(&source).cloned(), wifi: false, level })
            }
            None => Fact::Level(level),
        }));
        Some(())
    }

    /// The device an address stands for, if that is one of ours.
    fn whose(&mut self, radio: MacAddr, is_known: &mut impl FnMut(MacAddr) -> bool) -> Option<MacAddr> {
        if is_known(radio) {
            return Some(radio);
        }
        if self.keys.is_empty() {
            return None;
        }
        let place = match self.solved.get_mut(&radio) {
            Some(solved) => *solved,
            None => {
                let fits = |key: &Key| key.irk.resolves(radio) || key.irk.reversed().resolves(radio);
                let found = self.keys.iter().position(fits);
                self.solved.insert(radio, found);
                found
            }
        };
        let key = self.keys.get_mut(place?)?;
        key.is_proven |= *key.first.get_or_insert(radio) != radio;
        key.is_proven.then_some(key.mac)
    }
}

#[cfg(test)]
mod tests;
