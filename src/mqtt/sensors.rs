//! # A remote sensor (`role: sensor`)
//!
//! Sends what this host hears to the hub, by way of the broker: a discovery device of its own, a will of its own, and
//! numbered batches that are kept until the broker has them. While it is away they wait on the disk, within
//! `mqtt.queue_max_mb`; the oldest go first, and are counted.

use std::{collections::VecDeque, path::PathBuf, sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    sync::{Mutex, mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{
    MqttError, Publish,
    client::{Event, Link, Options, Will},
    find::Found,
};
use crate::{
    model::{Clock, Health, Observation, Phase},
    wire::remote::{self, Hello},
};

mod gather;
mod queue;

use gather::Gather;
use queue::Queue;

/// Batches the broker has not yet confirmed.
const FLYING_MAX: usize = 8;
/// Between two words that it is well.
const BEAT: Duration = Duration::from_secs(10);
/// A batch that is not confirmed in this time is sent again; the hub knows its number.
const CONFIRM: Duration = Duration::from_secs(10);
/// When nobody listens, one batch is tried so often.
const DEAF: Duration = Duration::from_secs(5);
/// What waits longer than this goes to the disk, where a crash does not reach it.
const SPILL: Duration = Duration::from_secs(1);

/// What a sensor stands on.
pub struct SensorParts {
    pub found: Found,
    pub base: String,
    pub prefix: String,
    pub name: String,
    pub room: Option<String>,
    pub instance: u32,
    /// Folder of the queue.
    pub folder: PathBuf,
    pub queue_max: u64,
    /// Which run of the kernel this is: steady clocks of another cannot be compared.
    pub host: String,
    /// What the core heard. Shared, so that it outlives a fault of this part.
    pub heard: Arc<Mutex<mpsc::Receiver<Vec<Observation>>>>,
    pub phase: watch::Receiver<Phase>,
    pub tell: Box<dyn Fn(Health) + Send + Sync>,
    pub now: Clock,
}

/// Runs until the daemon ends.
///
/// # Errors
/// The queue's folder cannot be used.
pub async fn run(parts: SensorParts) -> Result<(), MqttError> {
    let fault = |error: std::io::Error| MqttError::Setting(format!("the queue in {}: {error}", parts.folder.display()));
    let queue = Queue::open(&parts.folder, parts.queue_max, &parts.host).map_err(fault)?;
    let boot = format!("{:08x}", getrandom::u32().unwrap_or((parts.now)().mono.0 as u32));
    tracing::info!(sensor = parts.name, boot, waiting = queue.len(), "a remote sensor");
    let heard = Arc::clone(&parts.heard);
    let mut heard = heard.lock().await;
    let will = Will { topic: parts.topic("state"), payload: br#"{"state":"offline"}"#.to_vec(), delay_s: 0 };
    let link = Link::connect(Options {
        account: parts.found.account.clone(),
        client_id: format!("porchlight-{:06x}-sensor", parts.instance),
        will: Some(will),
        holds: false,
        session_s: None,
    });
    let gather = Gather::new(boot.clone());
    let mut node = Node {
        parts,
        link,
        queue,
        gather,
        boot,
        is_up: false,
        flying: VecDeque::new(),
        sent: Instant::now(),
        deaf: None,
    };
    node.serve(&mut heard).await;
    node.farewell().await;
    Ok(())
}

async fn closed(phase: &mut watch::Receiver<Phase>) {
    drop(phase.wait_for(|phase| matches!(phase, Phase::Closed { .. })).await);
}

impl SensorParts {
    fn topic(&self, last: &str) -> String {
        format!("{}/sensor/{}/{last}", self.base, self.name)
    }
}

struct Node {
    parts: SensorParts,
    link: Link,
    queue: Queue,
    gather: Gather,
    boot: String,
    is_up: bool,
    /// In the order they were sent, which is the order they are confirmed in (MQTT 5, 4.6); `None` is no batch.
    flying: VecDeque<Option<u64>>,
    /// When the last of them went, or was confirmed.
    sent: Instant,
    /// Nobody heard the last batch: the hub has not come yet, or the broker lost its session. Until then it waits.
    deaf: Option<Instant>,
}

impl Node {
    async fn serve(&mut self, heard: &mut mpsc::Receiver<Vec<Observation>>) {
        let mut phase = self.parts.phase.clone();
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut spill = tokio::time::interval(SPILL);
        spill.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let due = self.gather.due().map(|due| Instant::now() + due.since((self.parts.now)().mono));
            tokio::select! {
                biased;
                () = closed(&mut phase) => return,
                event = self.link.next() => match event {
                    Some(event) => self.on_event(event),
                    None => return,
                },
                some = heard.recv() => match some {
                    Some(list) => {
                        let now = (self.parts.now)();
                        list.iter().for_each(|seen| self.gather.add(seen, now.mono));
                    }
                    None => return,
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                _ = beat.tick() => self.say_state("online"),
                _ = spill.tick() => {
                    self.queue.spill();
                    if !self.flying.is_empty() && self.sent.elapsed() > CONFIRM {
                        // Confirmations that got lost: all again, each is counted once.
                        tracing::debug!(batches = self.flying.len(), "not confirmed in time: sent again");
                        self.flying.clear();
                        self.queue.land();
                    }
                }
            }
            self.close_batch(false);
            self.send();
        }
    }

    fn close_batch(&mut self, at_end: bool) {
        let now = (self.parts.now)();
        while let Some(batch) = self.gather.close(now.mono, at_end) {
            self.queue.push(batch, now);
            // Nobody takes it now: to the disk at once.
            if !self.is_up || at_end {
                self.queue.spill();
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Up { .. } => {
                self.is_up = true;
                self.flying.clear();
                self.queue.land();
                (self.parts.tell)(Health::Up);
                let hello = Hello {
                    contract: remote::CONTRACT,
                    version: env!("CARGO_PKG_VERSION").into(),
                    room: self.parts.room.clone(),
                    boot: self.boot.clone(),
                };
                self.say(self.parts.topic("hello"), remote::write_hello(&hello, &self.parts.name));
                self.say(self.discovery_topic(), self.discovery());
                self.say_state("online");
            }
            Event::Down { why, advice } => {
                self.is_up = false;
                self.flying.clear();
                self.queue.land();
                self.queue.spill();
                (self.parts.tell)(Health::Down { why: why.to_string(), advice: advice.map(str::to_owned) });
            }
            Event::Acked => {
                self.sent = Instant::now();
                if let Some(Some(number)) = self.flying.pop_front() {
                    self.deaf = None;
                    self.queue.confirmed(number);
                }
            }
            Event::Unheard => {
                self.sent = Instant::now();
                if let Some(Some(number)) = self.flying.pop_front() {
                    self.deaf = Some(Instant::now() + DEAF);
                    self.queue.lands(number);
                }
            }
            Event::Message(_) | Event::Subscribed { .. } => {}
        }
    }

    /// Sends what waits, oldest first.
    fn send(&mut self) {
        let topic = self.parts.topic("obs");
        if self.deaf.is_some_and(|until| Instant::now() < until) {
            return;
        }
        // One is tried, then the others follow.
        let most = if self.deaf.is_some() { 1 } else { FLYING_MAX };
        while self.is_up && self.flying.iter().flatten().count() < most {
            let Some((number, payload)) = self.queue.next((self.parts.now)()) else { return };
            let message = Publish {
                topic: topic.clone(),
                payload: payload.into_bytes(),
                retain: false,
                qos: 1,
                expiry_s: None,
                correlation: None,
            };
            if let Err(error) = self.link.try_send(&message) {
                tracing::debug!(%error, "a batch waits");
                return;
            }
            self.queue.flies(number);
            self.flying.push_back(Some(number));
            self.sent = Instant::now();
        }
    }

    fn say_state(&mut self, state: &str) {
        let counts = self.queue.counts();
        let body = json!({"state": state, "boot": self.boot, "queue": self.queue.len(), "queue_bytes": self.queue.bytes(),
            "dropped": counts.dropped, "sent": counts.confirmed, "folded": self.gather.folded(), "lost": self.gather.dropped()});
        self.say(self.parts.topic("state"), body.to_string());
    }

    /// Retained, and confirmed in turn with the batches.
    fn say(&mut self, topic: String, payload: String) {
        let payload = payload.into_bytes();
        let message = Publish { topic, payload, retain: true, qos: 1, expiry_s: None, correlation: None };
        if self.is_up && self.link.try_send(&message).is_ok() {
            self.flying.push_back(None);
        }
    }

    fn discovery_topic(&self) -> String {
        let SensorParts { prefix, instance, name, .. } = &self.parts;
        format!("{prefix}/device/porchlight_{instance:06x}_sensor_{name}/config")
    }

    fn discovery(&self) -> String {
        let SensorParts { instance, name, room, .. } = &self.parts;
        let state = self.parts.topic("state");
        let id = |key: &str| format!("porchlight_{instance:06x}_sensor_{name}_{key}");
        let count = |key: &str, title: &str, icon: &str| {
            json!({"platform": "sensor", "unique_id": id(key), "name": title, "icon": icon, "entity_category": "diagnostic",
                "state_class": "measurement", "state_topic": state, "value_template": format!("{{{{ value_json.{key} }}}}"),
                "availability_topic": state, "availability_template": "{{ value_json.state }}"})
        };
        let mut device = json!({"identifiers": [format!("porchlight_{instance:06x}_sensor_{name}")],
            "name": format!("Porchlight sensor {name}"), "manufacturer": "Porchlight", "model": "Remote sensor",
            "sw_version": env!("CARGO_PKG_VERSION")});
        if let (Some(room), Some(device)) = (room, device.as_object_mut()) {
            device.insert("suggested_area".into(), room.clone().into());
        }
        let connected = json!({"platform": "binary_sensor", "unique_id": id("connected"), "name": "Connected",
            "device_class": "connectivity", "entity_category": "diagnostic", "state_topic": state,
            "value_template": "{{ value_json.state }}", "payload_on": "online", "payload_off": "offline"});
        json!({"device": device, "origin": {"name": "Porchlight", "sw_version": env!("CARGO_PKG_VERSION")},
            "components": {"connected": connected, "queue": count("queue", "Queue", "mdi:tray-full"),
                "dropped": count("dropped", "Dropped", "mdi:delete-clock")}})
        .to_string()
    }

    async fn farewell(mut self) {
        self.close_batch(true);
        self.queue.spill();
        self.say_state("offline");
        self.link.close().await;
    }
}
