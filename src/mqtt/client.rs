//! # The link to the broker
//!
//! One task does nothing but poll the MQTT crate: a poll dropped half-way may be in the middle of
//! a packet. It connects, names what went wrong, backs off and connects again with everything
//! fresh: credentials are read anew and nothing queued for an old connection goes out on a new
//! one, where it would be stale. MQTT 5 is spoken where the broker can, else 3.1.1.
//!
//! Nobody awaits a publish: [`Link::try_send`] takes a message or says why not. What the broker
//! should hold is kept by the caller, who sends it again after [`Event::Up`].

use std::{collections::VecDeque, time::Duration};

use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

use super::{Incoming, MqttError, Publish, account::Account};

mod patience;
mod session;
mod v3;
mod v5;

pub(super) use patience::chance;
use patience::{Kicks, Patience};

/// Largest packet taken from a broker. The default of the crates, 10 KiB, is less than many a
/// discovery payload, and one too large ends the connection.
pub const PACKET_BYTES_MAX: u32 = 1 << 20;
/// After so many seconds without a word the broker is asked whether it is there.
const KEEP_ALIVE_S: u16 = 30;
/// Messages handed over but not yet written: room for one is told at once, and each may have kilobytes.
const QUEUE_MAX: usize = 32;
/// Unacknowledged QoS 1 messages; brokers allow less (mosquitto: 20) and say so.
const UNACKED_MAX: u16 = 100;
/// Events not yet read by the owner: with the largest packets 64 MiB.
const EVENTS_MAX: usize = 64;
/// From the first byte to CONNACK.
const CONNECT_MAX: Duration = Duration::from_secs(20);
/// How long a farewell may take.
const FAREWELL_MAX: Duration = Duration::from_secs(2);

/// What the broker says for us when we vanish. Retained, QoS 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    pub topic: String,
    pub payload: Vec<u8>,
    /// MQTT 5: only if we are not back within so many seconds.
    pub delay_s: u32,
}

/// How to present ourselves.
#[derive(Debug, Clone)]
pub struct Options {
    pub account: Account,
    pub client_id: String,
    pub will: Option<Will>,
    /// MQTT 5: a message counts as received when [`Link::taken`] says so, not when it was read: one that was read by a
    /// program that is killed comes again.
    pub holds: bool,
    /// MQTT 5: the broker keeps our session for so many seconds. `None`: it begins clean.
    pub session_s: Option<u32>,
}

impl Options {
    /// A short visit: no will, no session.
    pub fn visit(account: Account, client_id: impl Into<String>) -> Options {
        Options { account, client_id: client_id.into(), will: None, holds: false, session_s: None }
    }
}

/// A topic filter to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub topic: String,
    pub qos: u8,
    /// MQTT 5: not what we publish ourselves.
    pub no_local: bool,
}

impl Filter {
    /// Without our own echo.
    pub fn others(topic: impl Into<String>) -> Filter {
        Filter { topic: topic.into(), qos: 1, no_local: true }
    }
}

/// What happens on the link.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The broker took us. `mqtt` is 5 or 3; `max_packet` in bytes is the broker's own limit.
    Up {
        session_present: bool,
        mqtt: u8,
        max_packet: Option<u32>,
    },
    /// It is gone or was not reached; the next try follows by itself.
    Down {
        why: MqttError,
        advice: Option<&'static str>,
    },
    Message(Incoming),
    /// Filters are heard from now on, less `refused` ones.
    Subscribed {
        refused: usize,
    },
    /// A message went out: there is room for another.
    Acked,
    /// MQTT 5: it went out, and nobody listens there. A broker that lost its sessions says so until they are back.
    Unheard,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("the queue to the broker is full")]
    Full,
    #[error("there is no broker now")]
    Away,
    #[error("{bytes} bytes are more than the broker takes ({max})")]
    TooLarge { bytes: usize, max: usize },
    #[error("the topic is none to publish on")]
    Topic,
}

// The way to talk on one connection.
#[derive(Clone)]
enum Handle {
    Five(rumqttc::AsyncClient),
    Three(rumqttc_v4::AsyncClient),
}

// What the pump tells the link.
enum Signal {
    Up {
        handle: Handle,
        session_present: bool,
        max_packet: Option<u32>,
    },
    Event(Event),
    /// A message that is to be confirmed by us.
    Held(Incoming, Box<rumqttc::Publish>),
}

// How one connection ended.
struct End {
    was_up: bool,
    why: Why,
}

enum Why {
    Error(MqttError),
    /// The broker does not speak this version.
    Version,
    /// We asked for it, or nobody listens to us any more.
    Asked,
}

/// A connection that comes back by itself. Dropping it drops the socket without a goodbye, so
/// that the will speaks after its delay.
pub struct Link {
    signals: mpsc::Receiver<Signal>,
    pump: JoinHandle<()>,
    handle: Option<Handle>,
    packet_bytes_max: usize,
    /// Messages that the owner has not confirmed yet, in the order they came, which is the order they are confirmed in
    /// (MQTT 5, 4.6). The broker sends no more than its own limit of unconfirmed ones.
    held: VecDeque<rumqttc::Publish>,
    /// Of these, so many are taken; the rest is on its way.
    taken: usize,
}

impl Link {
    /// Starts connecting. Needs a tokio runtime.
    #[must_use]
    pub fn connect(options: Options) -> Link {
        let (out, signals) = mpsc::channel(EVENTS_MAX);
        let pump = tokio::spawn(pump(options, out));
        let packet_bytes_max = PACKET_BYTES_MAX as usize;
        Link { signals, pump, handle: None, packet_bytes_max, held: VecDeque::new(), taken: 0 }
    }

    /// The next event; `None` once the link has ended for good. May be dropped while it waits.
    pub async fn next(&mut self) -> Option<Event> {
        match self.signals.recv().await? {
            Signal::Up { handle, session_present, max_packet } => {
                let mqtt = if matches!(handle, Handle::Five(_)) { 5 } else { 3 };
                self.handle = Some(handle);
                self.packet_bytes_max =
                    max_packet.unwrap_or(PACKET_BYTES_MAX).min(PACKET_BYTES_MAX).try_into().unwrap_or(usize::MAX);
                Some(Event::Up { session_present, mqtt, max_packet })
            }
            Signal::Event(event) => {
                if matches!(event, Event::Down { .. }) {
                    self.handle = None;
                    // The broker sends them again.
                    self.held.clear();
                    self.taken = 0;
                }
                Some(event)
            }
            Signal::Held(message, publish) => {
                self.held.push_back(*publish);
                Some(Event::Message(message))
            }
        }
    }

    /// With `holds`: the oldest message that was not yet confirmed is.
    pub fn taken(&mut self) {
        self.taken = (self.taken + 1).min(self.held.len());
        let Some(Handle::Five(client)) = &self.handle else { return };
        while self.taken > 0 {
            // What finds no room is confirmed with the next.
            if self.held.front().is_some_and(|publish| v5::confirm(client, publish).is_err()) {
                return;
            }
            self.held.pop_front();
            self.taken -= 1;
        }
    }

    /// Hands a message over, or says at once why not.
    pub fn try_send(&self, message: &Publish) -> Result<(), SendError> {
        // Header, lengths and properties beside topic, correlation and payload.
        let overhead = 64;
        let correlation = message.correlation.as_ref().map_or(0, Vec::len);
        let bytes = message.topic.len() + message.payload.len() + correlation + overhead;
        if bytes > self.packet_bytes_max {
            return Err(SendError::TooLarge { bytes, max: self.packet_bytes_max });
        }
        if message.topic.len() > usize::from(u16::MAX) || correlation > usize::from(u16::MAX) {
            return Err(SendError::Topic);
        }
        match self.handle.as_ref().ok_or(SendError::Away)? {
            Handle::Five(client) => v5::try_send(client, message),
            Handle::Three(client) => v3::try_send(client, message),
        }
    }

    /// Asks to hear `filters`; [`Event::Subscribed`] follows.
    pub fn subscribe(&self, filters: &[Filter]) -> Result<(), SendError> {
        match self.handle.as_ref().ok_or(SendError::Away)? {
            Handle::Five(client) => v5::subscribe(client, filters),
            Handle::Three(client) => v3::subscribe(client, filters),
        }
    }

    /// Asks to hear them no more.
    pub fn unsubscribe(&self, topics: &[String]) -> Result<(), SendError> {
        match self.handle.as_ref().ok_or(SendError::Away)? {
            Handle::Five(client) => v5::unsubscribe(client, topics),
            Handle::Three(client) => v3::unsubscribe(client, topics),
        }
    }

    /// Says goodbye: what is queued goes out, then DISCONNECT, so the will stays silent.
    pub async fn close(mut self) {
        let asked = match &self.handle {
            Some(Handle::Five(client)) => client.try_disconnect_with_timeout(FAREWELL_MAX).is_ok(),
            Some(Handle::Three(client)) => client.try_disconnect_with_timeout(FAREWELL_MAX).is_ok(),
            None => false,
        };
        if asked {
            // Events are still read, else the pump could wait for room for ever.
            let emptied = async { while self.signals.recv().await.is_some() {} };
            let _ = tokio::time::timeout(FAREWELL_MAX * 2, emptied).await;
        }
    }

    /// Whether a broker would take this account: the MQTT version it speaks.
    pub async fn probe(account: Account, client_id: &str) -> Result<u8, MqttError> {
        let mut link = Link::connect(Options::visit(account, client_id));
        loop {
            match link.next().await {
                Some(Event::Up { mqtt, .. }) => {
                    link.close().await;
                    return Ok(mqtt);
                }
                Some(Event::Down { why, .. }) => return Err(why),
                Some(_) => {}
                None => return Err(MqttError::Setting("the link ended".into())),
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Five,
    Three,
}

async fn pump(options: Options, out: mpsc::Sender<Signal>) {
    let (mut patience, mut kicks) = (Patience::default(), Kicks::default());
    let mut version = Version::Five;
    // Connections closed before CONNACK while speaking MQTT 5: some brokers refuse that way.
    let mut closed_early = 0;
    loop {
        let began = Instant::now();
        let end = match version {
            Version::Five => v5::converse(&options, &out).await,
            Version::Three => v3::converse(&options, &out).await,
        };
        let before = version;
        let why = match end.why {
            Why::Asked => return,
            Why::Version if version == Version::Five => {
                version = Version::Three;
                continue;
            }
            Why::Version => {
                let why = "it refuses MQTT 5 and 3.1.1".into();
                MqttError::Protocol { broker: options.account.place.to_string(), why }
            }
            Why::Error(MqttError::Closed { .. }) if !end.was_up && version == Version::Five => {
                closed_early += 1;
                if closed_early >= 2 {
                    version = Version::Three;
                }
                continue;
            }
            Why::Error(error) => error,
        };
        closed_early = 0;
        // A broker may have learned MQTT 5 since.
        version = Version::Five;
        if end.was_up {
            patience.lasted(began.elapsed());
        }
        let (why, has_twin) = match why {
            MqttError::Kicked { .. } => (why, kicks.told(Instant::now())),
            MqttError::Closed { broker } if kicks.closed(end.was_up, began.elapsed()) => {
                (MqttError::Kicked { broker }, true)
            }
            MqttError::Closed { .. } => (why, false),
            other => {
                kicks.closed(false, began.elapsed());
                (other, false)
            }
        };
        let pause = if has_twin { patience::KICKED_PAUSE } else { patience.next() };
        tracing::debug!(%why, v5 = before == Version::Five, pause_ms = pause.as_millis(), "broker link down");
        let advice = why.advice();
        if out.send(Signal::Event(Event::Down { why, advice })).await.is_err() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = out.closed() => return,
        }
    }
}
