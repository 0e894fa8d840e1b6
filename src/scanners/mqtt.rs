//! # What others say over MQTT
//!
//! Remote sensors of our own and other projects' presence messages on the same broker. Pure: messages go in,
//! observations come out; the daemon ties it to the broker. What the broker kept from earlier is old news and no
//! sighting, unless it says which nodes are there; nor is what a node repeats to the last digit (`frozen`).
//!
//! Holds: [`NODES_MAX`] nodes, [`STATIONS_MAX`] stations of access points, and of each remote sensor the numbers of
//! its last [`remote::WINDOW`] batches.

use std::{collections::BTreeSet, path::Path, time::Duration};

use serde::{Deserialize, Serialize};

use super::hostapd::stations::Leaving;
use crate::{
    model::{
        Capped, Fact, Goodbye, Health, Heard as By, HeardAt, MacAddr, Moment, Mono, Observation, Proof, Source, Subject,
    },
    wire::{
        ble::Irk,
        foreign::{Heard, KINDS, Kind, Shows, Who, Word},
    },
};

mod frozen;
pub mod remote;

use frozen::Readings;
use remote::Remotes;

const NODES_MAX: usize = 256;
const STATIONS_MAX: usize = 1024;
/// Identity resolving keys that foreign messages may name.
const KEYS_MAX: usize = 64;
/// A node that is away is awaited so long: meanwhile the silence of whom only it hears says nothing.
pub const AWAITED: Duration = Duration::from_secs(2 * 3600);
/// Devices of which it is known who heard them, and nodes of each.
const HEARD_MAX: usize = 4096;
const HEARERS_MAX: usize = 8;
/// Heard by another node so shortly before, it is not heard by one alone.
const ALSO: Duration = Duration::from_secs(600);
/// Nodes that health names.
const TOLD_MAX: usize = 5;

/// One kind of foreign messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Foreign {
    /// Whether its messages are heard.
    pub enabled: bool,
    /// First levels of its topics, if you moved them. Empty: as that project has it.
    pub topic: String,
}

/// `scanners.mqtt`: who else on the broker is listened to. Nothing is subscribed that is not named here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Names of the remote sensors (`role: sensor`) that are heard. The others are listed in the log only.
    pub sensors: Vec<String>,
    /// Phones by their Bluetooth key: `key address`, as ESPresense names them after `irk:`. Also for what
    /// `homeassistant.bluetooth` hears.
    pub keys: Vec<crate::model::Secret>,
    /// ESPresense.
    pub espresense: Foreign,
    /// ESPresense-companion. Only without `espresense`: it says the same once more.
    pub espresense_companion: Foreign,
    /// room-assistant, and whatever else feeds `mqtt_room`.
    pub room_assistant: Foreign,
    /// Theengs Gateway and OpenMQTTGateway.
    pub theengs: Foreign,
    /// The monitor script.
    pub monitor: Foreign,
    /// iBeacons of Tasmota.
    pub tasmota: Foreign,
    /// OwnTracks.
    pub owntracks: Foreign,
    /// wifi-presence of OpenWrt.
    pub wifi_presence: Foreign,
    /// Event scripts of hostapd.
    pub hostapd_script: Foreign,
    /// Occupancy sensors of zigbee2mqtt.
    pub zigbee2mqtt: Foreign,
}

impl Settings {
    fn of(&self, kind: &str) -> Option<&Foreign> {
        Some(match kind {
            "espresense" => &self.espresense,
            "espresense_companion" => &self.espresense_companion,
            "room_assistant" => &self.room_assistant,
            "theengs" => &self.theengs,
            "monitor" => &self.monitor,
            "tasmota" => &self.tasmota,
            "owntracks" => &self.owntracks,
            "wifi_presence" => &self.wifi_presence,
            "hostapd_script" => &self.hostapd_script,
            "zigbee2mqtt" => &self.zigbee2mqtt,
            _ => return None,
        })
    }

    /// Phones by their key, and the address that each is known by.
    #[must_use]
    pub fn known_keys(&self) -> Vec<(Irk, MacAddr)> {
        let read = |text: &crate::model::Secret| {
            let (key, address) = text.expose().trim().split_once(char::is_whitespace)?;
            Some((Irk::read(key)?, address.trim().parse().ok()?))
        };
        self.keys.iter().take(KEYS_MAX).filter_map(read).collect()
    }

    /// Somebody is listened to.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        !self.sensors.is_empty() || KINDS.iter().any(|kind| self.of(kind.id).is_some_and(|one| one.enabled))
    }
}

/// A message as it came.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    pub topic: &'a str,
    pub payload: &'a [u8],
    /// The broker kept it from earlier.
    pub retained: bool,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that were understood.
    pub understood: u64,
    /// Not of their kind, or broken.
    pub odd: u64,
    /// Kept by the broker, and so no sighting.
    pub old: u64,
    /// About somebody who is no device here: a class of devices, a passer-by, or a name of that project's own.
    pub nobody: u64,
    /// Said so often in the very same words that it is no sighting any more.
    pub frozen: u64,
}

/// Understands messages.
#[derive(Debug)]
pub struct Ear {
    kinds: Vec<(&'static Kind, String)>,
    keys: Vec<(Irk, MacAddr)>,
    remotes: Remotes,
    /// Whether each node is there, and since when.
    nodes: Capped<String, (bool, Mono)>,
    /// Which access points serve a station.
    serving: Capped<MacAddr, BTreeSet<String>>,
    leaving: Leaving,
    /// Who hears each device.
    hearers: Capped<MacAddr, Hearers>,
    readings: Readings,
    /// Nodes that were there in this run, so that it is known whom they hear.
    met: BTreeSet<String>,
    pub counts: Counts,
}

/// Nodes that heard a device, and when.
#[derive(Debug, Default)]
struct Hearers {
    nodes: Vec<(String, Mono)>,
    /// It waits for this one.
    waits_for: Option<String>,
}

impl Hearers {
    fn heard(&mut self, node: &str, at: Mono) {
        self.waits_for = None;
        if let Some(known) = self.nodes.iter_mut().find(|(known, _)| known == node) {
            known.1 = known.1.max(at);
            return;
        }
        if self.nodes.len() >= HEARERS_MAX
            && let Some(oldest) = (0..self.nodes.len()).min_by_key(|index| self.nodes.get(*index).map(|(_, at)| *at))
        {
            self.nodes.remove(oldest);
        }
        self.nodes.push((node.to_owned(), at));
    }

    /// No other node heard it of late.
    fn has_only(&self, node: &str) -> bool {
        let Some((_, last)) = self.nodes.iter().find(|(known, _)| known == node) else { return false };
        self.nodes.iter().all(|(other, at)| other == node || *at + ALSO < *last)
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

impl Ear {
    /// `base`: the first level of our own topics.
    #[must_use]
    pub fn new(settings: &Settings, base: &str) -> Ear {
        let kinds = KINDS.iter().filter_map(|kind| {
            let one = settings.of(kind.id).filter(|one| one.enabled)?;
            // Who hears the nodes themselves has heard it all.
            if kind.id == "espresense_companion" && settings.espresense.enabled {
                return None;
            }
            let topic = one.topic.trim_matches('/');
            Some((*kind, if topic.is_empty() { kind.base } else { topic }.to_owned()))
        });
        Ear {
            kinds: kinds.collect(),
            keys: settings.known_keys(),
            remotes: Remotes::new(&settings.sensors, base),
            nodes: Capped::new(NODES_MAX),
            serving: Capped::new(STATIONS_MAX),
            leaving: Leaving::default(),
            hearers: Capped::new(HEARD_MAX),
            readings: Readings::new(),
            met: BTreeSet::new(),
            counts: Counts::default(),
        }
    }

    /// What is to be subscribed. Never everything.
    #[must_use]
    pub fn filters(&self) -> Vec<String> {
        let each = self
            .kinds
            .iter()
            .flat_map(|(kind, base)| kind.filters.iter().map(move |filter| format!("{base}/{filter}")));
        self.remotes.filters().into_iter().chain(each).collect()
    }

    /// The connection began anew: what is retained comes again.
    pub fn reconnected(&mut self) {
        self.nodes = Capped::new(NODES_MAX);
    }

    /// Takes one message. `is_known`: it is a device here.
    pub fn take(
        &mut self,
        message: &Message<'_>,
        mut is_known: impl FnMut(MacAddr) -> bool,
        now: Moment,
    ) -> Vec<Observation> {
        let sensor = self.remotes.of(message.topic).map(|name| (name, self.remotes.is_up(name)));
        if let Some(mut observations) = self.remotes.take(message, now) {
            if let Some((name, before)) = sensor {
                let node = format!("sensor {name}");
                self.hears(&node, &observations);
                if let Some(up) = self.remotes.is_up(name).filter(|up| before != Some(*up)) {
                    observations.extend(self.turned(&node, up, now));
                }
            }
            return observations;
        }
        let found = self.kinds.iter().find_map(|(kind, base)| {
            let word = kind.word(base, message.topic, message.payload)?;
            Some((word, kind.id, kind.keeps(base, message.topic)))
        });
        let Some((word, kind, is_state)) = found else {
            self.counts.odd += 1;
            return Vec::new();
        };
        if message.retained && !is_state {
            self.counts.old += 1;
            return Vec::new();
        }
        self.counts.understood += 1;
        match word {
            Word::Heard(heard) => self.heard(heard, (kind, message.payload), &mut is_known, now),
            Word::Node { node, up } => {
                let node = format!("{kind} {node}");
                if !up {
                    // An access point that is off has nobody, and nobody left it.
                    self.leaving.stops(Path::new(&node));
                    let theirs: Vec<MacAddr> = self.serving.iter().map(|(mac, _)| *mac).collect();
                    for mac in theirs {
                        if let Some(points) = self.serving.get_mut(&mac) {
                            points.remove(&node);
                        }
                    }
                }
                let before = self.nodes.get(&node).filter(|(was, _)| *was == up).map(|(_, since)| *since);
                self.nodes.insert(node.clone(), (up, before.unwrap_or(now.mono)));
                if before.is_none() { self.turned(&node, up, now) } else { Vec::new() }
            }
            // Somebody is no device.
            Word::Occupied { .. } => {
                self.counts.nobody += 1;
                Vec::new()
            }
            Word::Nothing => Vec::new(),
        }
    }

    fn heard(
        &mut self,
        heard: Heard,
        (kind, payload): (&str, &[u8]),
        is_known: &mut impl FnMut(MacAddr) -> bool,
        now: Moment,
    ) -> Vec<Observation> {
        // A radio hears the whole street. Who connects knows the key of the home.
        let is_wifi = matches!(heard.shows, Shows::Joined | Shows::Left);
        let mut is_ours =
            |mac: &MacAddr| is_wifi || heard.is_named || matches!(heard.who, Who::Irk(_)) || is_known(*mac);
        let Some(mac) = self.whose(&heard.who).filter(|mac| is_ours(mac)) else {
            self.counts.nobody += 1;
            return Vec::new();
        };
        let node = format!("{kind} {}", heard.node);
        if heard.shows == Shows::Alive && self.readings.is_frozen(&node, mac, payload, now.mono) {
            self.counts.frozen += 1;
            return Vec::new();
        }
        let mut facts = Vec::new();
        match heard.shows {
            Shows::Alive => {
                facts.push(Fact::Alive { proof: Proof::BleAdvert, age: heard.age.unwrap_or_default() });
            }
            Shows::Joined => {
                self.serve(mac, node.clone());
                self.leaving.back(mac);
                facts.push(Fact::Alive { proof: Proof::Frame, age: heard.age.unwrap_or_default() });
            }
            Shows::Left => {
                let left = self.points(mac, &node);
                if left == 0 {
                    let others = self.serving.iter().filter(|(_, points)| points.contains(&node)).count();
                    self.leaving.leaves(mac, Path::new(&node), others + 1, now.mono);
                }
            }
            // Their patience is not ours: a hint at most, and it must hold nobody home.
            Shows::Listed | Shows::Absent => {}
        }
        if matches!(heard.shows, Shows::Alive | Shows::Joined) {
            self.hearer(mac, &node, now.mono);
        }
        let ear: std::sync::Arc<str> = heard.node.as_str().into();
        let at = |level| Fact::HeardAt(HeardAt { ear, room: None, wifi: false, level });
        facts.extend(heard.level.filter(|_| heard.shows == Shows::Alive).map(at));
        facts.extend(heard.name.map(|name| Fact::Named { name, by: By::Bluetooth }));
        facts.into_iter().map(|fact| observed(mac, fact, now)).collect()
    }

    fn hears(&mut self, node: &str, observations: &[Observation]) {
        for seen in observations {
            if let (Fact::Alive { .. }, Some(mac)) = (&seen.fact, seen.subject.mac) {
                self.hearer(mac, node, seen.at.mono);
            }
        }
    }

    fn hearer(&mut self, mac: MacAddr, node: &str, at: Mono) {
        if !self.hearers.contains(&mac) {
            self.hearers.insert(mac, Hearers::default());
        }
        if let Some(hearers) = self.hearers.get_mut(&mac) {
            hearers.heard(node, at);
        }
    }

    /// A node went or came back: whom it alone hears is waited for meanwhile, and nobody else.
    fn turned(&mut self, node: &str, up: bool, now: Moment) -> Vec<Observation> {
        if up && self.met.len() < NODES_MAX {
            self.met.insert(node.to_owned());
        }
        let is_theirs = |hearers: &Hearers| {
            if up { hearers.waits_for.as_deref() == Some(node) } else { hearers.has_only(node) }
        };
        let theirs: Vec<MacAddr> =
            self.hearers.iter().filter(|(_, hearers)| is_theirs(hearers)).map(|(mac, _)| *mac).collect();
        for mac in &theirs {
            if let Some(hearers) = self.hearers.get_mut(mac) {
                hearers.waits_for = (!up).then(|| node.to_owned());
            }
        }
        let lasts = if up { Duration::ZERO } else { AWAITED };
        theirs.into_iter().map(|mac| observed(mac, Fact::EarOut(lasts), now)).collect()
    }

    fn serve(&mut self, mac: MacAddr, node: String) {
        match self.serving.get_mut(&mac) {
            Some(points) if points.len() < NODES_MAX => drop(points.insert(node)),
            Some(_) => {}
            None => drop(self.serving.insert(mac, BTreeSet::from([node]))),
        }
    }

    /// How many access points serve it besides `node`, which no longer does.
    fn points(&mut self, mac: MacAddr, node: &str) -> usize {
        let Some(points) = self.serving.get_mut(&mac) else { return 0 };
        points.remove(node);
        points.len()
    }

    fn whose(&self, who: &Who) -> Option<MacAddr> {
        match who {
            Who::Mac(mac) => Some(*mac),
            Who::Irk(key) => {
                let is_it = |known: &Irk| known == key || *known == key.reversed();
                self.keys.iter().find(|(known, _)| is_it(known)).map(|(_, mac)| *mac)
            }
            // Nobody's address: these wait for somebody to join them to a device.
            Who::Beacon(_) | Who::Alias(_) => None,
        }
    }

    /// When somebody has been on no access point long enough.
    #[must_use]
    pub fn due(&self) -> Option<Mono> {
        self.leaving.due()
    }

    /// Who has been.
    pub fn left(&mut self, now: Moment) -> Vec<Observation> {
        let left = self.leaving.left(now.mono);
        let is_served = |mac: &MacAddr| self.serving.get(mac).is_some_and(|points| !points.is_empty());
        let gone = left.into_iter().filter(|mac| !is_served(mac));
        gone.map(|mac| observed(mac, Fact::Gone(Goodbye::ApLeft), now)).collect()
    }

    /// Whether its silence counts. Whom a node hears that is away is told of each ([`Fact::EarOut`]). Of a node that was
    /// away from the beginning that is not known: until it is not awaited any more nobody's silence counts.
    #[must_use]
    pub fn health(&self, now: Mono) -> Health {
        let nodes = self.nodes.iter().map(|(node, (up, since))| (node.clone(), (!*up).then_some(*since)));
        let down: Vec<(String, Mono)> =
            nodes.chain(self.remotes.down()).filter_map(|(node, since)| Some((node, since?))).collect();
        let missing = self.remotes.missing();
        let is_awaited = down.iter().any(|(node, since)| now.since(*since) < AWAITED && !self.met.contains(node));
        let mut words: Vec<String> = down.iter().map(|(node, _)| format!("{node} is offline")).collect();
        words.extend(missing.iter().map(|name| format!("sensor {name} was not heard yet")));
        let more = words.len().saturating_sub(TOLD_MAX);
        words.truncate(TOLD_MAX);
        if more > 0 {
            words.push(format!("{more} more"));
        }
        let (why, advice) = (words.join("; "), Some("see whether it has power and reaches the broker".to_owned()));
        match (why.is_empty(), is_awaited) {
            (true, _) => Health::Up,
            (false, true) => Health::Down { why, advice },
            (false, false) => Health::Degraded { why, advice },
        }
    }

    /// Some remote sensor is named.
    #[must_use]
    pub fn hears_sensors(&self) -> bool {
        !self.remotes.filters().is_empty()
    }

    /// What of remote sensors was taken since the last call: to be kept before anything is done with it.
    pub fn accepted(&mut self) -> String {
        self.remotes.accepted()
    }

    /// Takes in what an earlier run kept.
    pub fn recall(&mut self, lines: &str) {
        self.remotes.recall(lines);
    }

    /// Remote sensors: what each is at.
    #[must_use]
    pub fn remotes(&self) -> &Remotes {
        &self.remotes
    }
}

fn observed(mac: MacAddr, fact: Fact, at: Moment) -> Observation {
    Observation { source: Source::Mqtt, interface: None, at, subject: Subject::mac(mac), fact }
}

#[cfg(test)]
mod tests;
