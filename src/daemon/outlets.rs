//! # Outlets: the broker, Home Assistant, the store, the local socket
//!
//! Each gets the picture and the changes, and sends facts or commands back.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{broadcast, mpsc, watch};

use super::{
    clock,
    control::{self, Control},
    core_loop::Note,
    eyes::with_source,
    feed::Outlet,
    identity::Who,
    known::Known,
    parts::{Fault, Parts, Run},
    sensors::{self, Ground},
};
use crate::{
    homeassistant,
    model::{Command, HaFact, HaInfo, Health, Observation, PartId, Phase, ScannerView, Ticket, Wall},
    mqtt::{
        Account, Site,
        bridge::{self, BridgeParts, Counts, Pure, Told},
        find::{self, Found, Surroundings},
    },
    settings::Settings,
    store::Writer,
};

/// A quiet home's picture goes to the store this often, so that a kill loses no more.
const GAUGES: Duration = Duration::from_secs(60);

/// What an outlet wants of the daemon as a whole.
#[derive(Debug)]
pub enum Asked {
    Reload,
    Restart,
    Fatal { why: String, advice: Option<String> },
}

/// Everything outlets stand on.
pub struct Outlets {
    pub settings: watch::Receiver<Arc<Settings>>,
    pub state_dir: PathBuf,
    pub around: Surroundings,
    pub who: Who,
    pub site: Site,
    pub outlet: Outlet,
    pub commands: mpsc::Sender<(Ticket, Command)>,
    pub notes: mpsc::Sender<Note>,
    pub phase: watch::Receiver<Phase>,
    pub writer: Arc<Writer>,
    pub asked: mpsc::Sender<Asked>,
    pub observations: mpsc::Sender<Observation>,
    pub scanners: mpsc::Sender<ScannerView>,
    /// `role: sensor`: what the core saw.
    pub heard: Option<sensors::Heard>,
}

/// Who we are on the broker, as far as settings say.
pub fn site(settings: &Settings, who: &Who, started: Wall) -> Site {
    Site {
        base: settings.mqtt.base_topic.clone(),
        node: who.node.clone(),
        prefix: settings.mqtt.discovery_prefix.clone(),
        instance: who.instance,
        version: env!("CARGO_PKG_VERSION"),
        started,
        mqtt: 5,
        commands: settings.mqtt.commands,
        link_mac: settings.homeassistant.link_mac,
        expose_limit: settings.homeassistant.expose_limit,
        page: None,
        ha: HaInfo::default(),
        foreign_macs: std::collections::BTreeSet::new(),
    }
}

/// What of it may change while we run.
fn adopt(site: &mut Site, settings: &Settings) {
    site.commands = settings.mqtt.commands;
    site.link_mac = settings.homeassistant.link_mac;
    site.expose_limit = settings.homeassistant.expose_limit;
}

/// A damaged store was set aside: told until a person has looked.
pub fn set_aside(aside: &std::path::Path) -> Health {
    Health::Degraded {
        why: format!("the store was damaged: it was set aside as {} and a new one began", aside.display()),
        advice: Some("porchlight doctor".into()),
    }
}

/// The store's health as a part's, said from its own thread.
pub fn store_health(notes: mpsc::Sender<Note>) -> Box<dyn Fn(Health) + Send> {
    Box::new(move |health| {
        // The store's thread may wait; the core never waits for the store.
        let _core_ended = notes.blocking_send(Note::Part(PartId::new("store"), health));
    })
}

/// Starts all of them as parts.
pub fn start(parts: &mut Parts, mut outlets: Outlets) {
    let (ha_info, ha_info_rx) = watch::channel(HaInfo::default());
    let found = outlets.who.found.take();
    keep_store(parts, &outlets);
    let ground = ground(&outlets);
    if let Some(heard) = outlets.heard.take() {
        sensors::keep_sensor(parts, &ground, heard, found);
    } else {
        let (account, account_rx) = watch::channel(None);
        keep_mqtt(parts, &outlets, ha_info_rx, found, account);
        sensors::keep_ear(parts, &ground, account_rx);
        keep_homeassistant(parts, &outlets, ha_info);
    }
    keep_control(parts, &outlets);
}

fn ground(outlets: &Outlets) -> Ground {
    Ground {
        settings: outlets.settings.clone(),
        state_dir: outlets.state_dir.clone(),
        around: outlets.around.clone(),
        node: outlets.who.node.clone(),
        instance: outlets.site.instance,
        base: outlets.site.base.clone(),
        view: outlets.outlet.view.clone(),
        observations: outlets.observations.clone(),
        scanners: outlets.scanners.clone(),
        notes: outlets.notes.clone(),
        phase: outlets.phase.clone(),
    }
}

fn keep_store(parts: &mut Parts, outlets: &Outlets) {
    let (outlet, phase, writer) = (outlets.outlet.clone(), outlets.phase.clone(), Arc::clone(&outlets.writer));
    let settings = outlets.settings.clone();
    parts.start(PartId::new("history"), true, move || -> Run {
        let (outlet, mut phase, writer, mut settings) =
            (outlet.clone(), phase.clone(), Arc::clone(&writer), settings.clone());
        let mut changes = outlet.changes();
        Box::pin(async move {
            writer.write(Arc::clone(&outlet.view.borrow()), Arc::from([]));
            let mut gauges = tokio::time::interval(GAUGES);
            gauges.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    // Last seen and counts change without a change that is told.
                    _ = gauges.tick() => writer.write(Arc::clone(&outlet.view.borrow()), Arc::from([])),
                    batch = changes.recv() => match batch {
                        Ok(batch) => writer.write(Arc::clone(&outlet.view.borrow()), batch),
                        // State is in the view; only history rows of the missed batches are lost.
                        Err(broadcast::error::RecvError::Lagged(missed)) => {
                            tracing::warn!(missed, "history was lost: the store is slower than the home");
                            writer.write(Arc::clone(&outlet.view.borrow()), Arc::from([]));
                        }
                        Err(broadcast::error::RecvError::Closed) => return Ok(()),
                    },
                    Ok(()) = settings.changed() => writer.adopt(&settings.borrow_and_update().store),
                    // Not before the core has emptied its inbox: the last changes count.
                    _ = phase.wait_for(|p| matches!(p, Phase::Closed { .. })) => {
                        while let Ok(batch) = changes.try_recv() {
                            writer.write(Arc::clone(&outlet.view.borrow()), batch);
                        }
                        writer.write(Arc::clone(&outlet.view.borrow()), Arc::from([]));
                        return Ok(());
                    }
                }
            }
        })
    });
}

fn keep_mqtt(
    parts: &mut Parts,
    outlets: &Outlets,
    ha: watch::Receiver<HaInfo>,
    found: Option<Found>,
    account: watch::Sender<Option<Account>>,
) {
    // The broker found at start serves the first connection; later ones look again.
    let found = Arc::new(Mutex::new(found));
    let site = Arc::new(Mutex::new(outlets.site.clone()));
    let (settings, around, outlet) = (outlets.settings.clone(), outlets.around.clone(), outlets.outlet.clone());
    let (commands, phase, counts) = (outlets.commands.clone(), outlets.phase.clone(), Arc::new(Counts::default()));
    let first_start = outlets.who.first_start;
    let memo = Arc::new(Mutex::new(outlets.who.mqtt_memo.clone()));
    let tell = teller(outlets, &site, &memo);
    let asked = outlets.asked.clone();
    parts.start(PartId::new("mqtt"), true, move || -> Run {
        let mqtt = settings.borrow().mqtt.clone();
        let first = found.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut site = site.lock().unwrap_or_else(PoisonError::into_inner).clone();
        adopt(&mut site, &settings.borrow());
        let memo = memo.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (around, outlet, commands, ha) = (around.clone(), outlet.clone(), commands.clone(), ha.clone());
        let (phase, tell, counts, asked) = (phase.clone(), Arc::clone(&tell), Arc::clone(&counts), asked.clone());
        let account = account.clone();
        Box::pin(async move {
            let fault = |error: &crate::mqtt::MqttError| Fault {
                why: with_source(error),
                advice: error.advice().map(str::to_owned),
                fatal: false,
            };
            let found = match first {
                Some(found) => found,
                None => find::find(&mqtt, &around).await.map_err(|error| fault(&error))?,
            };
            account.send_replace(Some(found.account.clone()));
            let changes = outlet.changes();
            let parts = BridgeParts {
                settings: mqtt,
                found,
                around,
                site,
                first_start,
                memo,
                view: outlet.view.clone(),
                changes,
                commands,
                ha,
                phase,
                tell,
                counts,
                now: clock::now,
                pure: Pure::default(),
            };
            match bridge::run(parts).await {
                Ok(()) => Ok(()),
                Err(error) if matches!(error, crate::mqtt::MqttError::Duplicate { .. }) => {
                    let fault = fault(&error);
                    let _ending =
                        asked.send(Asked::Fatal { why: fault.why.clone(), advice: fault.advice.clone() }).await;
                    Err(fault.fatal())
                }
                Err(error) => Err(fault(&error)),
            }
        })
    });
}

/// Passes on what the bridge says of itself.
fn teller(
    outlets: &Outlets,
    site: &Arc<Mutex<Site>>,
    memo: &Arc<Mutex<Option<String>>>,
) -> Arc<dyn Fn(Told) + Send + Sync> {
    let (notes, asked, writer) = (outlets.notes.clone(), outlets.asked.clone(), Arc::downgrade(&outlets.writer));
    let (site, memo) = (Arc::clone(site), Arc::clone(memo));
    Arc::new(move |told| match told {
        Told::Health(health) => {
            let notes = notes.clone();
            tokio::spawn(async move { notes.send(Note::Part(PartId::new("mqtt"), health)).await });
        }
        Told::Node(node) => {
            site.lock().unwrap_or_else(PoisonError::into_inner).node.clone_from(&node);
            if let Some(writer) = writer.upgrade() {
                writer.set_meta("node", node);
            }
        }
        Told::Memo(text) => {
            memo.lock().unwrap_or_else(PoisonError::into_inner).replace(text.clone());
            if let Some(writer) = writer.upgrade() {
                writer.set_meta("mqtt_memo", text);
            }
        }
        Told::Restart => {
            let _already_ending = asked.try_send(Asked::Restart);
        }
    })
}

fn keep_homeassistant(parts: &mut Parts, outlets: &Outlets, info: watch::Sender<HaInfo>) {
    let (settings, notes, phase) = (outlets.settings.clone(), outlets.notes.clone(), outlets.phase.clone());
    let instance = outlets.site.instance;
    let (view, observations) = (outlets.outlet.view.clone(), outlets.observations.clone());
    parts.start(PartId::new("homeassistant"), true, move || -> Run {
        let (facts, mut heard) = mpsc::channel::<HaFact>(32);
        let (forward, health_notes) = (notes.clone(), notes.clone());
        let bluetooth = settings.borrow().homeassistant.bluetooth.then(|| {
            let mut known = Known::new(view.clone());
            homeassistant::Bluetooth {
                keys: settings.borrow().scanners.mqtt.known_keys(),
                is_known: Box::new(move |mac| known.has(mac)),
                observations: observations.clone(),
            }
        });
        let parts = homeassistant::Parts {
            bluetooth,
            settings: settings.borrow().homeassistant.clone(),
            doors: settings.borrow().presence.doors.clone(),
            instance,
            facts,
            info: info.clone(),
            phase: phase.clone(),
            supervisor: homeassistant::Supervisor::from_environment(),
            health: Box::new(move |health| {
                let notes = health_notes.clone();
                tokio::spawn(async move { notes.send(Note::Part(PartId::new("homeassistant"), health)).await });
            }),
            now: clock::now,
        };
        Box::pin(async move {
            let forward = async {
                while let Some(fact) = heard.recv().await {
                    if forward.send(Note::Told(fact)).await.is_err() {
                        return;
                    }
                }
            };
            let (ended, ()) = tokio::join!(homeassistant::run(parts), forward);
            ended.map_err(|error| Fault { why: with_source(&error), advice: error.advice(), fatal: true })
        })
    });
}

fn keep_control(parts: &mut Parts, outlets: &Outlets) {
    let (reload, mut wanted) = mpsc::channel(1);
    let asked = outlets.asked.clone();
    tokio::spawn(async move {
        while wanted.recv().await.is_some() {
            if asked.send(Asked::Reload).await.is_err() {
                return;
            }
        }
    });
    let control = Control {
        outlet: outlets.outlet.clone(),
        commands: outlets.commands.clone(),
        site: Site { commands: crate::mqtt::Commands::All, ..outlets.site.clone() },
        reload,
        notes: outlets.notes.clone(),
        settings: outlets.settings.clone(),
        state_dir: outlets.state_dir.clone(),
    };
    let (state_dir, phase) = (outlets.state_dir.clone(), outlets.phase.clone());
    parts.start(PartId::new("control"), true, move || -> Run {
        Box::pin(control::run(control.clone(), state_dir.clone(), phase.clone()))
    });
}
