//! # Remote sensors, at both ends
//!
//! At the hub: a connection of its own to the bridge's broker, so that a flood of sightings delays no state; what it
//! hears is understood by `scanners::mqtt` and goes the way of all observations. At a sensor: what the core sees goes
//! to `mqtt::sensors`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Mutex, mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{
    clock,
    core_loop::Note,
    eyes::with_source,
    known::Known,
    parts::{Fault, Parts, Run},
    taken::Taken,
};
use crate::{
    model::{Health, HomeView, Observation, PartId, Phase, ScannerView},
    mqtt::{
        Account,
        client::{Event, Filter, Link, Options},
        find::{self, Found, Surroundings},
        sensors::{self, SensorParts},
    },
    scanners::mqtt::{Ear, Message},
    settings::Settings,
};

/// What the core of a sensor saw.
pub type Heard = Arc<Mutex<mpsc::Receiver<Vec<Observation>>>>;

/// What both ends stand on.
pub struct Ground {
    pub settings: watch::Receiver<Arc<Settings>>,
    pub state_dir: PathBuf,
    pub around: Surroundings,
    pub node: String,
    pub instance: u32,
    /// First level of all topics of ours.
    pub base: String,
    pub view: watch::Receiver<Arc<HomeView>>,
    pub observations: mpsc::Sender<Observation>,
    pub scanners: mpsc::Sender<ScannerView>,
    pub notes: mpsc::Sender<Note>,
    pub phase: watch::Receiver<Phase>,
}

/// The hub's ear on the broker.
pub const PART: &str = "mqtt_ear";
/// Its line in health, and the source of what it tells.
const NAME: &str = "mqtt";
/// The broker keeps what sensors say for a hub that starts anew, so many seconds.
const SESSION_S: u32 = 3600;
const QUEUE: &str = "queue";
/// Which batches of sensors were taken.
const TAKEN: &str = "sensors_taken";
/// Health is said anew so often, with what was counted.
const SAY: Duration = Duration::from_secs(10);

/// Sends what this host hears to the hub.
pub fn keep_sensor(parts: &mut Parts, ground: &Ground, heard: Heard, found: Option<Found>) {
    let found = Arc::new(std::sync::Mutex::new(found));
    let (settings, around, phase) = (ground.settings.clone(), ground.around.clone(), ground.phase.clone());
    let (name, instance, folder) = (ground.node.clone(), ground.instance, ground.state_dir.join(QUEUE));
    let notes = ground.notes.clone();
    parts.start(PartId::new(NAME), true, move || -> Run {
        let mqtt = settings.borrow().mqtt.clone();
        let first = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let (around, phase, heard, folder) = (around.clone(), phase.clone(), Arc::clone(&heard), folder.clone());
        let (name, notes) = (name.clone(), notes.clone());
        Box::pin(async move {
            let fault = |error: &crate::mqtt::MqttError| Fault::new(with_source(error), error.advice());
            let found = match first {
                Some(found) => found,
                None => find::find(&mqtt, &around).await.map_err(|error| fault(&error))?,
            };
            let parts = SensorParts {
                found,
                base: mqtt.base_topic.clone(),
                prefix: mqtt.discovery_prefix.clone(),
                name,
                room: mqtt.room.clone(),
                instance,
                folder,
                queue_max: u64::from(mqtt.queue_max_mb) << 20,
                host: host(),
                heard,
                phase,
                tell: Box::new(move |health| {
                    let notes = notes.clone();
                    tokio::spawn(async move { notes.send(Note::Part(PartId::new(NAME), health)).await });
                }),
                now: clock::now,
            };
            sensors::run(parts).await.map_err(|error| fault(&error))
        })
    });
}

/// This run of the kernel (`random(4)`).
fn host() -> String {
    let read = std::fs::read_to_string(Path::new("/proc/sys/kernel/random/boot_id")).unwrap_or_default();
    read.trim().to_owned()
}

/// Listens to remote sensors and to other projects on the bridge's broker.
pub fn keep_ear(parts: &mut Parts, ground: &Ground, account: watch::Receiver<Option<Account>>) {
    let (settings, phase, view) = (ground.settings.clone(), ground.phase.clone(), ground.view.clone());
    let (observations, scanners) = (ground.observations.clone(), ground.scanners.clone());
    let (base, instance, taken) = (ground.base.clone(), ground.instance, ground.state_dir.join(TAKEN));
    parts.start(PartId::new(PART), true, move || -> Run {
        let wanted = settings.borrow().scanners.mqtt.clone();
        let (mut phase, account, view) = (phase.clone(), account.clone(), view.clone());
        let (observations, scanners, base, taken) =
            (observations.clone(), scanners.clone(), base.clone(), taken.clone());
        Box::pin(async move {
            if !wanted.is_wanted() {
                leaving(&mut phase).await;
                return Ok(());
            }
            let mut ear = Ear::new(&wanted, &base);
            let taken = Taken::open(&taken, &mut ear);
            let listener =
                Listener { ear, taken, observations, scanners, known: Known::new(view), health: Health::Up, seen: 0 };
            listener.run(account, format!("porchlight-{instance:06x}-ear"), phase).await
        })
    });
}

async fn leaving(phase: &mut watch::Receiver<Phase>) {
    drop(phase.wait_for(|phase| *phase != Phase::Running).await);
}

struct Listener {
    ear: Ear,
    taken: Taken,
    observations: mpsc::Sender<Observation>,
    scanners: mpsc::Sender<ScannerView>,
    known: Known,
    health: Health,
    seen: u64,
}

impl Listener {
    async fn run(
        mut self,
        mut account: watch::Receiver<Option<Account>>,
        client_id: String,
        mut phase: watch::Receiver<Phase>,
    ) -> Result<(), Fault> {
        let mut say = tokio::time::interval(SAY);
        say.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            // The bridge finds the broker; until then there is nobody to listen to.
            let found = account.borrow_and_update().clone();
            let Some(found) = found else {
                tokio::select! {
                    () = leaving(&mut phase) => return Ok(()),
                    changed = account.changed() => if changed.is_err() { return Ok(()) },
                }
                continue;
            };
            let options = Options {
                account: found,
                client_id: client_id.clone(),
                will: None,
                holds: true,
                session_s: Some(SESSION_S),
            };
            let mut link = Link::connect(options);
            loop {
                let due = self.ear.due().map(|due| Instant::now() + due.since(clock::now().mono));
                tokio::select! {
                    biased;
                    () = leaving(&mut phase) => return Ok(()),
                    // The bridge looked for its broker again: perhaps it is another one.
                    changed = account.changed() => match changed {
                        Ok(()) => break,
                        Err(_) => return Ok(()),
                    },
                    event = link.next() => match event {
                        Some(event) => self.on_event(event, &mut link).await?,
                        None => return Err(Fault::new("the connection to the broker ended", None)),
                    },
                    () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                        let left = self.ear.left(clock::now());
                        self.tell(left).await?;
                    }
                    _ = say.tick() => self.say(),
                }
            }
        }
    }

    async fn on_event(&mut self, event: Event, link: &mut Link) -> Result<(), Fault> {
        match event {
            Event::Up { .. } => {
                self.ear.reconnected();
                let filters: Vec<Filter> = self.ear.filters().into_iter().map(Filter::others).collect();
                link.subscribe(&filters).map_err(|error| Fault::new(error, None))?;
                self.health = Health::Up;
            }
            Event::Down { why, advice } => {
                // No answer is not "not there": what rests on it freezes.
                self.health = Health::Down { why: why.to_string(), advice: advice.map(str::to_owned) };
                self.say();
            }
            Event::Subscribed { refused } if refused > 0 => {
                let why = format!("the broker does not let us hear {refused} of the topics");
                let advice = Some("allow our user to subscribe in the broker's access list".to_owned());
                self.health = Health::Degraded { why, advice };
                self.say();
            }
            Event::Message(message) => {
                let known = &mut self.known;
                let said = Message { topic: &message.topic, payload: &message.payload, retained: message.retain };
                let told = self.ear.take(&said, |mac| known.has(mac), clock::now());
                // In this order: killed in between, a batch is lost and never counted twice.
                self.taken.keep(&mut self.ear);
                self.tell(told).await?;
                link.taken();
            }
            Event::Subscribed { .. } | Event::Acked | Event::Unheard => {}
        }
        Ok(())
    }

    async fn tell(&mut self, told: Vec<Observation>) -> Result<(), Fault> {
        self.seen += told.len() as u64;
        for observation in told {
            self.observations.send(observation).await.map_err(|_| Fault::new("the core is gone", None))?;
        }
        Ok(())
    }

    fn say(&mut self) {
        let health = if self.health == Health::Up { self.ear.health(clock::now().mono) } else { self.health.clone() };
        let last_success = (health == Health::Up).then(|| clock::now().wall);
        // A full channel means that a newer line is on its way.
        drop(self.scanners.try_send(ScannerView {
            name: NAME.to_owned(),
            health,
            seen: self.seen,
            sent: 0,
            last_success,
        }));
    }
}
