//! # Remote sensors, as the hub hears them
//!
//! A sensor sends each batch at least once; here it counts once. Of each run of a sensor the highest number is kept,
//! and which of the [`WINDOW`] below it came: what came before, or is older than the window, is a repetition. Times
//! are the sensor's ages, taken from when the message came. A sensor that is offline says nothing of anybody.
//!
//! What came is told in lines ([`Remotes::accepted`]) that a later run of the hub reads ([`Remotes::recall`]): a batch
//! that was taken before the hub was killed, and that the broker sends again, counts once too.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use super::Message;
use crate::{
    model::{Capped, Fact, HeardAt, Moment, Mono, Observation, Source, Subject},
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

    /// Takes the place of what is known: a higher number, and the window below it.
    fn recall(&mut self, top: u64, words: &[u64]) {
        self.top = Some(top);
        self.came = Default::default();
        self.came.iter_mut().zip(words).for_each(|(came, word)| *came = *word);
        self.mark(0);
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
    /// Its name, as an ear.
    ear: Arc<str>,
    room: Option<Arc<str>>,
    up: Option<bool>,
    /// Since when it is offline.
    down: Option<Mono>,
    hello: Option<Hello>,
    runs: Capped<String, Run>,
    tally: Tally,
}

impl Sensor {
    fn new(name: &str) -> Sensor {
        let (runs, tally) = (Capped::new(RUNS_MAX), Tally::default());
        Sensor { ear: name.into(), room: None, up: None, down: None, hello: None, runs, tally }
    }
}

/// All sensors that were named, and what was heard of others.
#[derive(Debug)]
pub struct Remotes {
    base: String,
    named: Vec<String>,
    sensors: Capped<String, Sensor>,
    strangers: Capped<String, ()>,
    accepted: String,
}

impl Remotes {
    #[must_use]
    pub fn new(named: &[String], base: &str) -> Remotes {
        let named = named.iter().filter(|name| is_name(name)).take(SENSORS_MAX).cloned().collect();
        let (sensors, strangers) = (Capped::new(SENSORS_MAX), Capped::new(STRANGERS_MAX));
        Remotes { base: base.to_owned(), named, sensors, strangers, accepted: String::new() }
    }

    #[must_use]
    pub fn filters(&self) -> Vec<String> {
        if self.named.is_empty() {
            return Vec::new();
        }
        ["state", "hello", "obs"].iter().map(|last| format!("{}/sensor/+/{last}", self.base)).collect()
    }

    /// The sensor that a topic is of.
    #[must_use]
    pub fn of<'t>(&self, topic: &'t str) -> Option<&'t str> {
        let rest = topic.strip_prefix(self.base.as_str())?.strip_prefix("/sensor/")?;
        rest.split_once('/').map(|(name, _)| name).filter(|name| self.named.iter().any(|known| known == name))
    }

    /// Whether a sensor is there, if it ever said so.
    #[must_use]
    pub fn is_up(&self, name: &str) -> Option<bool> {
        self.sensors.get(&name.to_owned())?.up
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
            self.sensors.insert(name.to_owned(), Sensor::new(name));
        }
        let sensor = self.sensors.get_mut(&name.to_owned())?;
        match last {
            "state" => match is_up(message.payload) {
                Some(up) => sensor.is(up, now),
                None => sensor.tally.odd += 1,
            },
            "hello" => match remote::hello(message.payload) {
                Some(hello) => {
                    sensor.room = hello.room.as_deref().map(Into::into);
                    sensor.hello = Some(hello);
                }
                None => sensor.tally.odd += 1,
            },
            // Kept by a broker, a batch has no age.
            _ if message.retained => sensor.tally.odd += 1,
            _ => match remote::read(message.payload) {
                Some(batch) => {
                    let (boot, seq) = (batch.boot.clone(), batch.seq);
                    let told = sensor.hear(batch, now);
                    if told.is_some() {
                        let _never_fails = writeln!(self.accepted, "{name} {boot} {seq}");
                    }
                    return Some(told.unwrap_or_default());
                }
                None => sensor.tally.odd += 1,
            },
        }
        Some(Vec::new())
    }

    /// What was taken since the last call, in lines for [`Remotes::recall`]: to be kept before anything is done with it.
    pub fn accepted(&mut self) -> String {
        std::mem::take(&mut self.accepted)
    }

    /// All that is known of numbers, in as few lines.
    #[must_use]
    pub fn marks(&self) -> String {
        let mut out = String::new();
        for (name, sensor) in self.sensors.iter() {
            for (boot, run) in sensor.runs.iter() {
                let Some(top) = run.top else { continue };
                let words: Vec<String> = run.came.iter().map(|word| format!("{word:x}")).collect();
                let _never_fails = writeln!(out, "{name} {boot} {top} {}", words.join(","));
            }
        }
        out
    }

    /// Takes in what an earlier run kept. What cannot be read is passed over.
    pub fn recall(&mut self, lines: &str) {
        for line in lines.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let mut words = line.split(' ');
            let (Some(name), Some(boot), Some(seq)) = (words.next(), words.next(), words.next()) else { continue };
            let Ok(seq) = seq.parse::<u64>() else { continue };
            if !self.named.iter().any(|known| known == name) || !remote::is_boot(boot) {
                continue;
            }
            if self.sensors.get(&name.to_owned()).is_none() {
                self.sensors.insert(name.to_owned(), Sensor::new(name));
            }
            let Some(sensor) = self.sensors.get_mut(&name.to_owned()) else { continue };
            let came = words.next().map(|came| came.split(',').filter_map(|word| u64::from_str_radix(word, 16).ok()));
            sensor.with_run(boot, |run| match came {
                Some(came) => run.recall(seq, &came.collect::<Vec<u64>>()),
                None => drop(run.take(seq)),
            });
        }
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

    /// Does something with one of its runs.
    fn with_run<T>(&mut self, boot: &str, act: impl FnOnce(&mut Run) -> T) -> T {
        let boot = boot.to_owned();
        let mut run = self.runs.remove(&boot).unwrap_or_default();
        let done = act(&mut run);
        self.runs.insert(boot, run);
        done
    }

    /// `None`: it came before.
    fn hear(&mut self, batch: Batch, now: Moment) -> Option<Vec<Observation>> {
        match self.with_run(&batch.boot, |run| run.take(batch.seq)) {
            Place::Again => {
                self.tally.repeated += 1;
                return None;
            }
            // A number is whatever somebody sends, and gaps of several runs add up.
            Place::New { gap } => self.tally.missing = self.tally.missing.saturating_add(gap),
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
            let wifi = !matches!(seen.source, Source::Ble | Source::Bluetooth);
            let facts = seen.facts.into_iter().map(|fact| match fact {
                Fact::Level(level) => {
                    Fact::HeardAt(HeardAt { ear: Arc::clone(&self.ear), room: self.room.clone(), wifi, level })
                }
                other => other,
            });
            // What was folded is one proof: the newest.
            observations.extend(facts.map(|fact| Observation {
                // Whose silence counts is a matter of the broker and of the sensor, not of an ear of this host.
                source: Source::Mqtt,
                interface: None,
                at,
                subject,
                fact,
            }));
        }
        self.tally.observations += observations.len() as u64;
        Some(observations)
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

    fn batch(boot: &str, seq: u64) -> String {
        format!(
            r#"{{"boot":"{boot}","seq":{seq},"sent":1,"obs":[{{"age_ms":1,"source":"ble","address":"c4:7c:8d:6a:11:22","rssi":-60,"data":{{"proof":"ble_advert"}}}}]}}"#
        )
    }

    /// How many facts came of a batch.
    fn give(remotes: &mut Remotes, boot: &str, seq: u64) -> usize {
        let payload = batch(boot, seq);
        let message = Message { topic: "porchlight/sensor/garage/obs", payload: payload.as_bytes(), retained: false };
        remotes.take(&message, Moment::default()).unwrap().len()
    }

    fn remotes() -> Remotes {
        Remotes::new(&["garage".to_owned()], "porchlight")
    }

    #[test]
    fn what_was_taken_is_known_to_the_next_run_of_the_hub() {
        let mut first = remotes();
        for (boot, seq) in [("5f0c", 1), ("5f0c", 2), ("5f0c", 5), ("77aa", 1)] {
            assert_eq!(give(&mut first, boot, seq), 2);
        }
        let lines = first.accepted();
        assert_eq!(lines, "garage 5f0c 1\ngarage 5f0c 2\ngarage 5f0c 5\ngarage 77aa 1\n");
        assert_eq!(give(&mut first, "5f0c", 5), 0);
        assert_eq!(first.accepted(), "", "nothing new");
        // By lines, as a killed run leaves them, the last of them torn; and by marks, as they are kept at rest.
        for kept in
            [format!("{lines}garage 5f0c 6"), first.marks(), format!("{}garage 5f0c 6\nno\n x y\n", first.marks())]
        {
            let is_six_known = kept.contains("6\n");
            let mut second = remotes();
            second.recall(&kept);
            for (boot, seq) in [("5f0c", 1), ("5f0c", 2), ("5f0c", 5), ("77aa", 1)] {
                assert_eq!(give(&mut second, boot, seq), 0, "{boot} {seq} of {kept}");
            }
            for (boot, seq) in [("5f0c", 3), ("5f0c", 4), ("77aa", 2), ("9900", 1)] {
                assert_eq!(give(&mut second, boot, seq), 2, "{boot} {seq} of {kept}");
            }
            assert_eq!(give(&mut second, "5f0c", 6), if is_six_known { 0 } else { 2 }, "{kept}");
        }
        let mut stranger = Remotes::new(&["attic".to_owned()], "porchlight");
        stranger.recall(&lines);
        assert_eq!(stranger.marks(), "");
    }

    #[test]
    fn numbers_without_measure_are_counted_to_the_end_and_no_further() {
        let mut remotes = remotes();
        for boot in ["a", "b"] {
            assert_eq!((give(&mut remotes, boot, 0), give(&mut remotes, boot, u64::MAX)), (2, 2));
        }
        assert_eq!(remotes.tally("garage").missing, u64::MAX);
    }

    #[test]
    fn a_level_is_told_with_the_sensor_and_its_room() {
        let mut remotes = remotes();
        let hello = r#"{"contract":1,"version":"0.1.0","sensor":"garage","room":"Garage","boot":"5f0c"}"#;
        let message = Message { topic: "porchlight/sensor/garage/hello", payload: hello.as_bytes(), retained: true };
        assert_eq!(remotes.take(&message, Moment::default()), Some(Vec::new()));
        let payload = batch("5f0c", 1);
        let message = Message { topic: "porchlight/sensor/garage/obs", payload: payload.as_bytes(), retained: false };
        let told = remotes.take(&message, Moment::default()).unwrap();
        let Some(Fact::HeardAt(at)) = told.iter().map(|seen| &seen.fact).find(|fact| matches!(fact, Fact::HeardAt(_)))
        else {
            panic!("{told:?}")
        };
        assert_eq!((&*at.ear, at.room.as_deref(), at.wifi, at.level.dbm()), ("garage", Some("Garage"), false, -60));
    }

    proptest::proptest! {
        #[test]
        fn a_run_that_is_recalled_knows_as_much(seqs in proptest::collection::vec(0_u64..3000, 1..200), asked in 0_u64..3200) {
            let mut first = remotes();
            for seq in &seqs {
                let _ = give(&mut first, "a", *seq);
            }
            let (lines, marks) = (first.accepted(), first.marks());
            for kept in [lines, marks] {
                let (mut second, mut same) = (remotes(), remotes());
                second.recall(&kept);
                same.recall(&kept);
                proptest::prop_assert_eq!(second.marks(), first.marks());
                let _ = give(&mut same, "a", asked);
                proptest::prop_assert_eq!(give(&mut same, "a", asked), 0);
            }
        }

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
