//! # What the bridge hears, from the broker and from the core

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::{
        broadcast::error::RecvError,
        mpsc::{self, error::TrySendError},
    },
    time::Instant,
};

use super::{Asks, Bridge, Told, collect, topics};
use crate::{
    model::{AlertState, Answer, Change, Command, DeviceId, HomeView, Refusal, RefusalCode, Ticket, Tier},
    mqtt::{
        Incoming, Publish, Site,
        commands::{Reply, Wish},
        reconcile::Published,
        topics::{Thing, Topics},
    },
};

// Home Assistant tells a deleted device once for each of its entities.
const COPIES: Duration = Duration::from_secs(5);
// Our own clearing comes back to us from a 3.1.1 broker.
const ECHO: Duration = Duration::from_secs(60);
const RETRY: Duration = Duration::from_millis(200);
const MARKS_MAX: usize = 4_096;
// Home Assistant is busy just after its birth.
const BIRTH_WAIT_MIN: Duration = Duration::from_secs(1);
const BIRTH_WAIT_SPAN: Duration = Duration::from_secs(4);

impl Bridge {
    pub(super) fn on_message(&mut self, message: Incoming) {
        let now = Instant::now();
        if let Some(collection) = &mut self.collection {
            collection.take(&message, now);
        }
        let here = format!("{}/{}/", self.parts.site.base, self.parts.site.node);
        if message.topic == topics::birth(&self.parts.site) {
            self.ha_born = message.payload == b"online";
            if self.ha_born && !message.retain && self.birth_due.is_none() {
                let wait = BIRTH_WAIT_SPAN.mul_f64(crate::mqtt::client::chance());
                self.birth_due = Some(now + BIRTH_WAIT_MIN + wait);
            }
        } else if let Some(id) = message
            .topic
            .strip_prefix(&collect::own_discovery(&self.parts.site))
            .and_then(|rest| rest.strip_suffix("/config"))
        {
            if message.payload.is_empty() && !message.retain {
                self.on_deleted(&message.topic, id, now);
            }
        } else if message.topic == topics::state(&self.parts.site) {
            // An old connection's will, or somebody else under our name.
            if message.payload != b"online" && !message.retain && self.is_live {
                self.published.sent(&held(&message.topic, message.payload));
                self.compare_soon(true);
            }
        } else if message.topic.starts_with(&here) {
            self.on_command(&message, now);
        }
    }

    // Somebody deleted an entity's device in Home Assistant.
    fn on_deleted(&mut self, topic: &str, id: &str, now: Instant) {
        // MQTT 5 brokers keep our own words from us.
        if self.parts.site.mqtt != 5 && self.hides.is_our_clearing(topic, now) {
            return;
        }
        self.published.sent(&held(topic, Vec::new()));
        match id.parse::<DeviceId>() {
            Ok(device) => self.hides.want(device, now),
            // Bridge, household and security belong to us: they come back.
            Err(_) => self.compare_soon(false),
        }
    }

    fn on_command(&mut self, message: &Incoming, now: Instant) {
        if message.retain {
            // While collecting, our own retained topics come this way too.
            if self.collection.is_none() {
                self.parts.counts.retained_dropped.fetch_add(1, Ordering::Relaxed);
            }
            return;
        }
        let view = Arc::clone(&self.parts.view.borrow());
        let Some((mut reply, wish)) = (self.parts.pure.parse)(message, &view, &self.parts.site) else { return };
        if !self.asks.allows(&message.topic, now) {
            self.parts.counts.commands_dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let result = match wish {
            Err(refusal) => Err(refusal),
            Ok(Wish::Command(command)) => match self.ask_core(command, &reply, now) {
                Ok(()) => return,
                Err(refusal) => Err(refusal),
            },
            Ok(Wish::Answer(data)) => {
                reply.data = data;
                Ok(Answer::Done)
            }
            Ok(Wish::Republish) => {
                self.published = Published::default();
                self.compare_soon(true);
                Ok(Answer::Done)
            }
            Ok(Wish::Restart) => {
                (self.parts.tell)(Told::Restart);
                Ok(Answer::Done)
            }
        };
        self.say_answer(&reply, &result);
    }

    fn ask_core(&mut self, command: Command, reply: &Reply, now: Instant) -> Result<(), Refusal> {
        let busy = || Refusal::new(RefusalCode::Busy, "too many requests, try again");
        if !self.asks.has_room() {
            return Err(busy());
        }
        let ticket = self.asks.ticket();
        match self.parts.commands.try_send((ticket, command)) {
            Ok(()) => {
                self.asks.wait(ticket, reply.clone(), now);
                Ok(())
            }
            Err(TrySendError::Full(_)) => Err(busy()),
            Err(TrySendError::Closed(_)) => Err(Refusal::new(RefusalCode::Internal, "shutting down")),
        }
    }

    pub(super) fn say_answer(&mut self, reply: &Reply, result: &Result<Answer, Refusal>) {
        if result.is_err()
            && !reply.is_request
            && let Some(state) = state_of(&reply.asked_on)
        {
            // The switch in Home Assistant snaps back when the old state is told again.
            self.published.sent(&held(&state, Vec::new()));
            self.compare_soon(true);
        }
        if let Some(message) = (self.parts.pure.answer)(reply, result, &self.parts.site) {
            self.say(message);
        }
    }

    pub(super) fn say(&mut self, message: Publish) {
        if !self.is_up || !self.outbox.say(message) {
            self.parts.counts.said_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn on_changes(&mut self, batch: Result<Arc<[Change]>, RecvError>) {
        match batch {
            Ok(batch) => {
                for change in batch.iter() {
                    self.on_change(change);
                }
            }
            Err(RecvError::Lagged(_)) => self.catch_up(),
            Err(RecvError::Closed) => self.changes_open = false,
        }
    }

    fn on_change(&mut self, change: &Change) {
        if let Change::Answered { ticket, result } = change
            && let Some(reply) = self.asks.take(*ticket)
        {
            self.say_answer(&reply, result);
        }
        if let Change::AlertOpened { alert } | Change::AlertUpdated { alert } | Change::AlertClosed { alert } = change {
            self.alert_said = self.alert_said.max(alert.sequence);
        }
        let view = Arc::clone(&self.parts.view.borrow());
        if self.is_live {
            for event in (self.parts.pure.events)(change, &view, &self.parts.site) {
                self.say(event);
            }
        }
        if is_awaited(change) || self.is_first_word(change, &view) {
            // Either the view that shows it is here already, or it is the next to come.
            if self.parts.view.has_changed().unwrap_or(false) || self.due.is_some() {
                self.compare_soon(true);
            } else {
                self.is_expecting = true;
            }
        }
    }

    // A device that may be announced now, and was not: it has no entities as yet.
    fn is_first_word(&self, change: &Change, view: &HomeView) -> bool {
        let Change::DeviceChanged { device } = change else { return false };
        view.devices.get(device).is_some_and(|device| {
            let config = || Topics::new(&self.parts.site).config(Thing::Device(device.id));
            device.tier != Tier::None && device.slug.is_some() && !self.published.has(&config())
        })
    }

    // Changes were missed: alerts have numbers, so theirs can be said late. The rest is state.
    fn catch_up(&mut self) {
        let view = Arc::clone(&self.parts.view.borrow());
        let mut missed: Vec<_> = view.alerts.values().filter(|alert| alert.sequence > self.alert_said).collect();
        missed.sort_by_key(|alert| alert.sequence);
        for alert in missed {
            let alert = Arc::clone(alert);
            let change = match alert.state {
                AlertState::Resolved | AlertState::FalseAlarm => Change::AlertClosed { alert },
                _ => Change::AlertOpened { alert },
            };
            self.on_change(&change);
        }
        self.compare_soon(true);
    }
}

// Somebody looks at the light while it changes.
const fn is_awaited(change: &Change) -> bool {
    !matches!(
        change,
        Change::DeviceChanged { .. }
            | Change::WindowOpened { .. }
            | Change::WindowClosed { .. }
            | Change::WindowStitched { .. }
            | Change::Judged { .. }
            | Change::Asked(_)
    )
}

/// `…/device/<id>/set/<key>` → `…/device/<id>/state`.
fn state_of(asked_on: &str) -> Option<String> {
    let (owner, _) = asked_on.split_once("/set/")?;
    Some(format!("{owner}/state"))
}

/// What the broker holds at `topic` now, though we did not put it there.
fn held(topic: &str, payload: Vec<u8>) -> Publish {
    Publish { topic: topic.into(), payload, retain: true, qos: 1, expiry_s: None, correlation: None }
}

/// Devices deleted in Home Assistant, until the core has hidden them.
#[derive(Default)]
pub(super) struct Hides {
    /// Not yet told to the core.
    wanted: BTreeSet<DeviceId>,
    told: BTreeMap<DeviceId, Instant>,
    retry: Option<Instant>,
    cleared: BTreeMap<String, Instant>,
}

impl Hides {
    fn want(&mut self, device: DeviceId, now: Instant) {
        let is_copy = self.told.get(&device).is_some_and(|at| now.duration_since(*at) < COPIES);
        if !is_copy && self.told.len() < MARKS_MAX && self.wanted.len() < MARKS_MAX {
            self.wanted.insert(device);
            self.told.insert(device, now);
            self.retry = Some(now);
        }
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.retry
    }

    /// Tells the core what it does not know yet.
    pub(super) fn send(&mut self, now: Instant, asks: &mut Asks, commands: &mpsc::Sender<(Ticket, Command)>) {
        if self.retry.is_none_or(|at| now < at) {
            return;
        }
        while let Some(device) = self.wanted.pop_first() {
            let hide = Command::Hide { device, by_ha: true };
            if let Err(TrySendError::Full(_)) = commands.try_send((asks.ticket(), hide)) {
                self.wanted.insert(device);
                break;
            }
        }
        self.retry = (!self.wanted.is_empty()).then(|| now + RETRY);
    }

    /// Takes from `list` what would bring a device back before the core has hidden it.
    pub(super) fn without(&mut self, list: &mut Vec<Publish>, site: &Site, now: Instant) {
        self.told.retain(|_, at| now.duration_since(*at) < COPIES);
        if self.told.is_empty() {
            return;
        }
        let discovery = collect::own_discovery(site);
        let topics: BTreeSet<String> = self.told.keys().map(|device| format!("{discovery}{device}/config")).collect();
        list.retain(|message| message.payload.is_empty() || !topics.contains(&message.topic));
    }

    /// We cleared a topic ourselves.
    pub(super) fn cleared(&mut self, topic: &str, now: Instant) {
        self.cleared.retain(|_, at| now.duration_since(*at) < ECHO);
        if self.cleared.len() < MARKS_MAX {
            self.cleared.insert(topic.to_owned(), now);
        }
    }

    fn is_our_clearing(&self, topic: &str, now: Instant) -> bool {
        self.cleared.get(topic).is_some_and(|at| now.duration_since(*at) < ECHO)
    }
}
