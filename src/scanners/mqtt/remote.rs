//! # Remote sensors, as the hub hears them
//!
//! A sensor sends each batch at least once; here it counts once. Of each run of a sensor the highest number is kept,
//! and which of the [`WINDOW`] below it came: what came before, or is older than the window, is a repetition. Times
//! are the sensor's ages, taken from when the message came. A sensor that is offline says nothing of anybody.

use std::time::Duration;

use super::Message;
use crate::{
    model::{Capped, Moment, Mono, Observation, Source, Subject},
    wire::remote::{self, Batch, Hello, is_name},
};

/// Batches below the highest of which it is known whether they came.
pub const WINDOW: u64 = 1024;
const SENSORS_MAX: usize = 100;
/// Runs of each sensor that are remembered: what was queued before a restart comes after it.
const RUNS_MAX: usize = 8;
/// Sensors that nobody named, remembered so that each is told once.
const STRANGERS_MAX: usize = 64;
/// Nothing older is worth anything; the sensor keeps no more than a day either.
const AGE_MAX: Duration = Duration::from_secs(2 * 24 * 3600);

/// What came of a sensor's batches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub batches: u64,
    pub observations: u64,
    /// Batches that came again.
    pub repeated: u64,
    /// Numbers that were passed over. One that comes late is taken off again.
    pub missing: u64,
    /// Messages that are none of this protocol.
    pub odd: u64,
}

/// One run of a sensor.
#[derive(Debug, Default)]
struct Run {
    /// Highest number, once there is one.
    top: Option<u64>,
    /// Bit n: `top - n` came.
    came: [u64; (WINDOW / 64) as usize],
}

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It, and so many before it did not come yet.
    New {
        gap: u64,
    },
    /// It was missed before.
    Late,
    Again,
}

impl Run {
    fn take(&mut self, seq: u64) -> Place {
        let Some(top) = self.top else {
            self.top = Some(seq);
            self.mark(0);
            return Place::New { gap: 0 };
        };
        if seq > top {
            let step = seq - top;
            self.shift(step);
            self.top = Some(seq);
            self.mark(0);
            return Place::New { gap: step - 1 };
        }
        let back = top - seq;
        if back >= WINDOW || self.has(back) {
            return Place::Again;
        }
        self.mark(back);
        Place::Late
    }

    fn has(&self, back: u64) -> bool {
        let word = usize::try_from(back / 64).ok().and_then(|word| self.came.get(word));
        word.is_some_and(|word| word & (1 << (back % 64)) != 0)
    }

    fn mark(&mut self, back: u64) {
        if let Some(word) = usize::try_from(back / 64).ok().and_then(|word| self.came.get_mut(word)) {
            *word |= 1 << (back % 64);
        }
    }

    fn shift(&mut self, step: u64) {
        if step >= WINDOW {
            self.came = Default::default();
            return;
        }
        let came: Vec<u64> = (0..WINDOW - step).filter(|back| self.has(*back)).collect();
        self.came = Default::default();
        for back in came {
            self.mark(back + step);
        }
    }
}

#[derive(Debug)]
struct Sensor {
    up: Option<bool>,
    /// Since when it is offline.
    down: Option<Mono>,
    hello: Option<Hello>,
    runs: Capped<String, Run>,
    tally: Tally,
}

impl Default for Sensor {
    fn default() -> Self {
        Sensor { up: None, down: None, hello: None, runs: Capped::new(RUNS_MAX), tally: Tally::default() }
    }
}

/// All sensors that were named, and what was heard of others.
#[derive(Debug)]
pub struct Remotes {
    base: String,
    named: Vec<String>,
    sensors: Capped<String, Sensor>,
    strangers: Capped<String, ()>,
}

impl Remotes {
    #[must_use]
    pub fn new(named: &[String], base: &str) -> Remotes {
        let named = named.iter().filter(|name| is_name(name)).take(SENSORS_MAX).cloned().collect();
        let (sensors, strangers) = (Capped::new(SENSORS_MAX), Capped::new(STRANGERS_MAX));
        Remotes { base: base.to_owned(), named, sensors, strangers }
    }

    #[must_use]
    pub fn filters(&self) -> Vec<String> {
        if self.named.is_empty() {
            return Vec::new();
        }
        ["state", "hello", "obs"].iter().map(|last| format!("{}/sensor/+/{last}", self.base)).collect()
    }

    /// `None`: not for us.
    pub fn take(&mut self, message: &Message<'_>, now: Moment) -> Option<Vec<Observation>> {
        let rest = message.topic.strip_prefix(self.base.as_str())?.strip_prefix("/sensor/")?;
        let (name, last) = rest.split_once('/')?;
        if !is_name(name) || !matches!(last, "state" | "hello" | "obs") {
            return None;
        }
        if !self.named.iter().any(|known| known == name) {
            if self.strangers.get(&name.to_owned()).is_none() && self.strangers.len() < STRANGERS_MAX {
                self.strangers.insert(name.to_owned(), ());
                tracing::info!(sensor = name, "a remote sensor is not heard: name it in scanners.mqtt.sensors");
            }
            return Some(Vec::new());
        }
        if self.sensors.get(&name.to_owned()).is_none() {
            self.sensors.insert(name.to_owned(), Sensor::default());
        }
        let sensor = self.sensors.get_mut(&name.to_owned())?;
        match last {
            "state" => match is_up(message.payload) {
                Some(up) => sensor.is(up, now),
                None => sensor.tally.odd += 1,
            },
            "hello" => match remote::hello(message.payload) {
                Some(hello) => sensor.hello = Some(hello),
                None => sensor.tally.odd += 1,
            },
            // Kept by a broker, a batch has no age.
            _ if message.retained => sensor.tally.odd += 1,
            _ => match remote::read(message.payload) {
                Some(batch) => return Some(sensor.hear(batch, now)),
                None => sensor.tally.odd += 1,
            },
        }
        Some(Vec::new())
    }

    /// Each sensor that was there, and since when it is not.
    pub fn down(&self) -> Vec<(String, Option<Mono>)> {
        let heard = self.sensors.iter().filter(|(_, sensor)| sensor.up.is_some());
        heard.map(|(name, sensor)| (format!("sensor {name}"), sensor.down)).collect()
    }

    /// Sensors that were named and never heard.
    pub fn missing(&self) -> Vec<&String> {
        let is_missing = |name: &&String| self.sensors.get(*name).is_none_or(|sensor| sensor.up.is_none());
        self.named.iter().filter(is_missing).collect()
    }

    /// What came of a sensor's batches.
    #[must_use]
    pub fn tally(&self, name: &str) -> Tally {
        self.sensors.get(&name.to_owned()).map(|sensor| sensor.tally).unwrap_or_default()
    }

    /// What a sensor said of itself.
    #[must_use]
    pub fn hello(&self, name: &str) -> Option<&Hello> {
        self.sensors.get(&name.to_owned())?.hello.as_ref()
    }
}

impl Sensor {
    fn is(&mut self, up: bool, now: Moment) {
        self.up = Some(up);
        self.down = if up { None } else { self.down.or(Some(now.mono)) };
    }

    fn hear(&mut self, batch: Batch, now: Moment) -> Vec<Observation> {
        if self.runs.get(&batch.boot).is_none() {
            self.runs.insert(batch.boot.clone(), Run::default());
        }
        let place = self.runs.get_mut(&batch.boot).map_or(Place::Again, |run| run.take(batch.seq));
        match place {
            Place::Again => {
                self.tally.repeated += 1;
                return Vec::new();
            }
            Place::New { gap } => self.tally.missing += gap,
            Place::Late => self.tally.missing = self.tally.missing.saturating_sub(1),
        }
        self.tally.batches += 1;
        // The sensor speaks, so it is there, whatever an old will says.
        self.is(true, now);
        let mut observations = Vec::new();
        for seen in batch.seen {
            if seen.age > AGE_MAX {
                continue;
            }
            let at = now.earlier(seen.age);
            let subject = Subject { mac: seen.mac, ip: seen.ip };
            // What was folded is one proof: the newest.
            observations.extend(seen.facts.into_iter().map(|fact| Observation {
                // Whose silence counts is a matter of the broker and of the sensor, not of an ear of this host.
                source: Source::Mqtt,
                interface: None,
                at,
                subject,
                fact,
            }));
        }
        self.tally.observations += observations.len() as u64;
        observations
    }
}

fn is_up(payload: &[u8]) -> Option<bool> {
    if payload.starts_with(b"{") {
        let value: serde_json::Value = serde_json::from_slice(payload).ok()?;
        return Some(value.get("state")?.as_str()? == "online");
    }
    match payload {
        b"online" => Some(true),
        b"offline" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_number_counts_once_in_whatever_order() {
        let mut run = Run::default();
        let told: Vec<Place> = [5, 6, 6, 9, 7, 5, 8, 7, 9 + WINDOW, 9, 10].iter().map(|seq| run.take(*seq)).collect();
        let new = |gap| Place::New { gap };
        assert_eq!(
            told,
            [
                new(0),
                new(0),
                Place::Again,
                new(2),
                Place::Late,
                Place::Again,
                Place::Late,
                Place::Again,
                new(WINDOW - 1),
                Place::Again,
                Place::Late
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn nothing_counts_twice_and_nothing_in_the_window_is_lost(seqs in proptest::collection::vec(0_u64..900, 0..400)) {
            let (mut run, mut seen) = (Run::default(), BTreeSet::new());
            for seq in seqs {
                let counted = run.take(seq) != Place::Again;
                proptest::prop_assert_eq!(counted, seen.insert(seq), "{}", seq);
            }
        }
    }
}
