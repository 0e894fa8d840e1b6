//! # The bridge between the home and the broker
//!
//! Level-triggered: what should be on the broker is compared with what is, and the difference is
//! sent. First connect, reconnect, a broker that lost its store, Home Assistant's restart and a
//! changed home are one code path. Nothing awaits a publish. Events and answers are said once, and
//! not kept for a broker that is away.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    MqttError, Publish,
    client::{Event, Link, Options, Will},
    find::How,
    reconcile::{self, Published, Wave},
};
use crate::model::{Health, Phase, Refusal};

mod asks;
mod collect;
mod farewells;
mod hears;
mod memo;
mod outbox;
mod reads;
mod stands_on;
mod topics;

use asks::Asks;
use collect::Collection;
use farewells::Farewells;
use hears::Hides;
use memo::Memo;
use outbox::{Outbox, Sent};
pub use stands_on::{BridgeParts, Counts, Pure, Told};

// The broker says `offline` for us unless we are back within so many seconds: a restart is none.
const WILL_DELAY_S: u32 = 45;
// The broker keeps commands for us so long.
const SESSION_S: u32 = 120;
// Between two comparisons, however urgent.
const GAP_MIN: Duration = Duration::from_millis(20);
// A comparison may take a fifth of one core at most.
const GAP_TIMES: u32 = 4;
// The Supervisor is asked for a fresh password at most so often.
const ASK_AGAIN: Duration = Duration::from_secs(15);
// For what is still queued when a service manager ends us.
const FLUSH_MAX: Duration = Duration::from_millis(500);
// Home Assistant's registry follows its MQTT entities.
const AFTER_LISTS: Duration = Duration::from_secs(5);
// `home`, `home_2` … `home_9`.
const NODES_TRIED: u32 = 9;

/// Bridges until the phase is closed. Only errors that a person must mend end it earlier.
pub async fn run(parts: BridgeParts) -> Result<(), MqttError> {
    tracing::info!("{}", parts.found.line);
    let mut bridge = Bridge::new(parts);
    let first_node = bridge.parts.site.node.clone();
    let mut nodes = 2..=NODES_TRIED;
    loop {
        let mut link = bridge.connect();
        match bridge.serve(&mut link).await {
            Leave::Closed { lasting } => {
                bridge.farewell(link, lasting).await;
                return Ok(());
            }
            Leave::Reconnect => {}
            Leave::Twin(error) => {
                // With a DISCONNECT: our will must not say `offline` for the other one.
                link.close().await;
                let Some(n) = nodes.next().filter(|_| bridge.parts.first_start) else { return Err(error) };
                let stem: String = first_node.chars().take(22).collect();
                bridge.parts.site.node = format!("{stem}_{n}");
                tracing::info!(node = %bridge.parts.site.node, "{error}; we take another name");
                (bridge.parts.tell)(Told::Node(bridge.parts.site.node.clone()));
            }
        }
    }
}

// Why a link is left.
enum Leave {
    Closed { lasting: bool },
    Reconnect,
    Twin(MqttError),
}

struct Bridge {
    parts: BridgeParts,
    is_up: bool,
    /// The retained messages were read back: publishing may begin.
    is_live: bool,
    collection: Option<Collection>,
    published: Published,
    outbox: Outbox,
    asks: Asks,
    hides: Hides,
    memo: Memo,
    /// What earlier seats still hold of ours, to be emptied after all else.
    leftovers: Vec<Publish>,
    /// The broker told of a seat we did not know; we look there once a connection.
    has_looked_back: bool,
    farewells: Farewells,
    /// Since this connection came.
    is_compared: bool,
    /// Home Assistant said that it is there.
    ha_born: bool,
    /// When to compare next.
    due: Option<Instant>,
    compared: Instant,
    gap: Duration,
    /// A change people wait for was told, and its view has not come yet.
    is_expecting: bool,
    /// Home Assistant was born; look again then.
    birth_due: Option<Instant>,
    /// Sequence number of the last alert event said.
    alert_said: u64,
    asked_again: Option<Instant>,
    health: Option<Health>,
    refused: usize,
    changes_open: bool,
    ha_open: bool,
}

impl Bridge {
    fn new(parts: BridgeParts) -> Bridge {
        let now = Instant::now();
        Bridge {
            is_up: false,
            is_live: false,
            collection: None,
            published: Published::default(),
            outbox: Outbox::default(),
            asks: Asks::new(),
            hides: Hides::default(),
            memo: Memo::read(parts.memo.as_deref()),
            leftovers: Vec::new(),
            has_looked_back: false,
            farewells: Farewells::default(),
            is_compared: false,
            ha_born: false,
            due: None,
            compared: now.checked_sub(Duration::from_secs(1)).unwrap_or(now),
            gap: GAP_MIN,
            is_expecting: false,
            birth_due: None,
            alert_said: 0,
            asked_again: None,
            health: None,
            refused: 0,
            changes_open: true,
            ha_open: true,
            parts,
        }
    }

    fn connect(&self) -> Link {
        let site = &self.parts.site;
        let will = Will { topic: topics::state(site), payload: b"offline".to_vec(), delay_s: WILL_DELAY_S };
        Link::connect(Options {
            account: self.parts.found.account.clone(),
            client_id: format!("porchlight-{:06x}", site.instance),
            will: Some(will),
            holds: false,
            session_s: Some(SESSION_S),
        })
    }

    async fn serve(&mut self, link: &mut Link) -> Leave {
        self.down();
        loop {
            if let Phase::Closed { lasting } = *self.parts.phase.borrow_and_update() {
                return Leave::Closed { lasting };
            }
            let wake = self.next_wake(Instant::now());
            tokio::select! {
                biased;
                changed = self.parts.phase.changed() => {
                    if changed.is_err() {
                        return Leave::Closed { lasting: false };
                    }
                }
                event = link.next() => match event {
                    Some(event) => if let Some(leave) = self.on_event(event, link).await { return leave },
                    None => return Leave::Reconnect,
                },
                batch = self.parts.changes.recv(), if self.changes_open => self.on_changes(batch),
                changed = self.parts.view.changed() => {
                    if changed.is_err() {
                        return Leave::Closed { lasting: false };
                    }
                    let urgent = self.is_expecting;
                    self.compare_soon(urgent);
                }
                changed = self.parts.ha.changed(), if self.ha_open => {
                    self.ha_open = changed.is_ok();
                    self.on_ha();
                }
                () = sleep_until(wake), if wake.is_some() => {}
            }
            if let Some(leave) = self.step(link) {
                return leave;
            }
        }
    }

    fn on_ha(&mut self) {
        let was_connected = self.parts.site.ha.connected;
        self.parts.site.ha = self.parts.ha.borrow_and_update().clone();
        self.compare_soon(false);
        // Its lists have just been read: now it can be seen what it kept of what is gone.
        if self.parts.site.ha.connected && !was_connected {
            self.birth_due.get_or_insert(Instant::now() + AFTER_LISTS);
        }
    }

    async fn on_event(&mut self, event: Event, link: &Link) -> Option<Leave> {
        match event {
            Event::Up { mqtt, .. } => self.up(mqtt, link),
            Event::Down { why, advice } => {
                self.down();
                self.say_health(Health::Down { why: why.to_string(), advice: advice.map(str::to_owned) });
                if matches!(why, MqttError::Refused { .. }) && self.ask_supervisor().await {
                    return Some(Leave::Reconnect);
                }
                if why.is_final() {
                    tracing::error!(%why, "broker cannot be used");
                }
            }
            Event::Message(message) => self.on_message(message),
            Event::Subscribed { refused } => {
                self.refused += refused;
                if let Some(collection) = &mut self.collection {
                    collection.confirmed(Instant::now());
                }
                self.say_up();
            }
            Event::Acked | Event::Unheard => {}
        }
        None
    }

    fn up(&mut self, mqtt: u8, link: &Link) {
        let now = Instant::now();
        tracing::info!(broker = %self.parts.found.account.place, mqtt, "connected to the broker");
        self.is_up = true;
        self.refused = 0;
        self.parts.site.mqtt = mqtt;
        self.parts.site.ha = self.parts.ha.borrow_and_update().clone();
        // Before the first word there: whatever happens now, it will be found again.
        if self.memo.sit(&self.parts.site.seat()) {
            self.tell_memo();
        }
        self.collect(link, topics::kept(&self.parts.site), now);
    }

    // The broker is gone: everything about it must be learned again.
    fn down(&mut self) {
        self.is_up = false;
        self.is_live = false;
        self.collection = None;
        self.birth_due = None;
        self.ha_born = false;
        self.is_compared = false;
        self.has_looked_back = false;
        self.leftovers.clear();
        self.farewells = Farewells::default();
        self.outbox.clear();
    }

    async fn ask_supervisor(&mut self) -> bool {
        let now = Instant::now();
        let is_early = self.asked_again.is_some_and(|last| now.duration_since(last) < ASK_AGAIN);
        let Some(supervisor) = self.parts.around.supervisor.clone() else { return false };
        if self.parts.found.how != How::Supervisor || is_early {
            return false;
        }
        self.asked_again = Some(now);
        match supervisor.account(&self.parts.settings).await {
            Ok(Some(account)) => {
                self.parts.found.account = account;
                true
            }
            Ok(None) => false,
            Err(error) => {
                tracing::debug!(%error, "no fresh password");
                false
            }
        }
    }

    fn say_up(&mut self) {
        let health = match self.refused {
            0 => Health::Up,
            n => Health::Degraded {
                why: format!("the broker does not let us hear {n} of our topics"),
                advice: Some("allow our user to subscribe in the broker's access list".into()),
            },
        };
        self.say_health(health);
    }

    // Once when it goes, once when it is back.
    fn say_health(&mut self, health: Health) {
        if self.health.as_ref() == Some(&health) {
            return;
        }
        match &health {
            Health::Down { why, advice } => {
                tracing::warn!(advice = advice.as_deref().unwrap_or_default(), "no broker: {why}");
            }
            Health::Degraded { why, .. } => tracing::warn!("{why}"),
            Health::Up | Health::Off => {}
        }
        self.health = Some(health.clone());
        (self.parts.tell)(Told::Health(health));
    }

    fn compare_soon(&mut self, urgent: bool) {
        let now = Instant::now();
        let wished = if urgent { now } else { now + outbox::REST };
        self.compare_at(wished.max(self.compared + self.gap));
    }

    fn compare_at(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    fn next_wake(&self, now: Instant) -> Option<Instant> {
        let live = [self.due, self.birth_due, self.outbox.next_due(now), self.farewells.next_due()];
        let live = live.into_iter().flatten().filter(|_| self.is_live);
        let collecting = self.collection.as_ref().map(Collection::due);
        live.chain(collecting).chain(self.asks.next_due()).chain(self.hides.next_due()).min()
    }

    // Everything that is due.
    fn step(&mut self, link: &Link) -> Option<Leave> {
        let now = Instant::now();
        for reply in self.asks.expired(now) {
            let late = Refusal::new(crate::model::RefusalCode::Internal, "no answer in time");
            self.say_answer(&reply, &Err(late));
        }
        self.hides.send(now, &mut self.asks, &self.parts.commands);
        if self.collection.as_ref().is_some_and(|collection| collection.due() <= now)
            && let Some(leave) = self.collected(link)
        {
            return Some(leave);
        }
        if !self.is_live {
            return None;
        }
        if self.birth_due.is_some_and(|due| due <= now) && self.collection.is_none() {
            self.birth_due = None;
            self.collect(link, Vec::new(), now);
        }
        self.end_farewells(now);
        if self.due.is_some_and(|due| due <= now) {
            self.compare();
        }
        self.send(link, now);
        None
    }

    fn compare(&mut self) {
        let view = Arc::clone(&self.parts.view.borrow_and_update());
        self.due = None;
        // Before the core has spoken its home is empty, and everything would look forgotten.
        if view.revision == 0 {
            return;
        }
        if self.alert_said == 0 {
            // Alerts of before are told by state, not said as events.
            self.alert_said = view.alerts.values().map(|alert| alert.sequence).max().unwrap_or(0);
        }
        self.is_expecting = false;
        let began = Instant::now();
        let Wave { messages: mut list, mut is_last } =
            (self.parts.pure.reconcile)(&view, &self.parts.site, &self.published);
        self.compared = Instant::now();
        self.gap = (began.elapsed() * GAP_TIMES).max(GAP_MIN);
        self.hides.without(&mut list, &self.parts.site, self.compared);
        if list.is_empty() && !is_last {
            // All of it waits to be hidden by the core: what comes after it does not.
            list = reconcile::reconcile(&view, &self.parts.site, &self.published);
            self.hides.without(&mut list, &self.parts.site, self.compared);
            is_last = true;
        }
        self.let_go(&mut list, self.compared);
        self.is_compared |= is_last;
        self.outbox.replace(list, is_last);
    }

    fn send(&mut self, link: &Link, now: Instant) {
        let counts = Arc::clone(&self.parts.counts);
        let discovery = collect::own_discovery(&self.parts.site);
        let is_quick = |topic: &str| topic.ends_with("/presence") || topic.starts_with(&discovery);
        for done in self.outbox.send(now, is_quick, |message| link.try_send(message)) {
            let message = match done {
                Sent::Yes(message) => {
                    counts.sent.fetch_add(1, Ordering::Relaxed);
                    message
                }
                // As if it were there: it would fail again, until it changes.
                Sent::Never(message, error) => {
                    counts.unsendable.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(topic = %message.topic, %error, "message cannot be sent");
                    message
                }
            };
            self.note_ghost(&message);
            self.published.sent(&message);
            self.note_going(&message, now);
            if let Some(collection) = &mut self.collection {
                collection.sent(&message);
            }
            if message.payload.is_empty() {
                self.hides.cleared(&message.topic, now);
            }
        }
        if self.outbox.wants_more() {
            self.compare_at(now);
        } else if self.is_compared && self.outbox.len() == 0 {
            self.note_standing(now);
        }
        counts.queue.store(self.outbox.len() as u64, Ordering::Relaxed);
    }

    async fn farewell(&mut self, mut link: Link, lasting: bool) {
        if self.is_live {
            self.compare();
            self.send(&link, Instant::now());
        }
        if lasting {
            if self.is_up {
                let offline = Publish {
                    topic: topics::state(&self.parts.site),
                    payload: b"offline".to_vec(),
                    retain: true,
                    qos: 1,
                    expiry_s: None,
                    correlation: None,
                };
                let _ = link.try_send(&offline);
            }
            link.close().await;
            return;
        }
        // What is queued still goes out; then the socket falls without a goodbye.
        let end = Instant::now() + FLUSH_MAX;
        while self.is_live && self.outbox.len() > 0 {
            match tokio::time::timeout_at(end, link.next()).await {
                Ok(Some(Event::Acked | Event::Unheard)) => self.send(&link, Instant::now()),
                Ok(Some(Event::Down { .. }) | None) | Err(_) => break,
                Ok(Some(_)) => {}
            }
        }
        // The last of it has left the outbox but perhaps not the queue.
        let _ = tokio::time::timeout(FLUSH_MAX / 4, async { while link.next().await.is_some() {} }).await;
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
