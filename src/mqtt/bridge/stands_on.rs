//! # What the bridge stands on, and what it tells its owner

use std::sync::{Arc, atomic::AtomicU64};

use tokio::sync::{broadcast, mpsc, watch};

use crate::{
    model::{Answer, Change, Clock, Command, HaInfo, Health, HomeView, Phase, Refusal, Ticket},
    mqtt::{
        Incoming, Publish, Settings, Site,
        commands::{self, Reply, Wish},
        find::{Found, Surroundings},
        reconcile::{self, Published, Wave},
    },
};

/// What the bridge tells its owner.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    Health(Health),
    /// The node in use from now on, to be stored: another Porchlight has the first one.
    Node(String),
    /// To be stored, and given back at the next start.
    Memo(String),
    /// Somebody asked for a restart.
    Restart,
}

/// The pure half, replaceable in tests.
#[derive(Clone, Copy)]
pub struct Pure {
    pub reconcile: fn(&HomeView, &Site, &Published) -> Wave,
    pub events: fn(&Change, &HomeView, &Site) -> Vec<Publish>,
    pub parse: fn(&Incoming, &HomeView, &Site) -> Option<(Reply, Result<Wish, Refusal>)>,
    pub answer: fn(&Reply, &Result<Answer, Refusal>, &Site) -> Option<Publish>,
}

impl Default for Pure {
    fn default() -> Self {
        Pure { reconcile: reconcile::wave, events: reconcile::events, parse: commands::parse, answer: commands::answer }
    }
}

/// What was dropped, for metrics.
#[derive(Debug, Default)]
pub struct Counts {
    /// Commands over the rate of their topic.
    pub commands_dropped: AtomicU64,
    /// Retained messages on command topics.
    pub retained_dropped: AtomicU64,
    /// Events and answers that found no room.
    pub said_dropped: AtomicU64,
    /// Messages larger than the broker takes.
    pub unsendable: AtomicU64,
    /// Messages waiting now.
    pub queue: AtomicU64,
    /// Messages sent.
    pub sent: AtomicU64,
}

/// Everything the bridge stands on.
pub struct BridgeParts {
    pub settings: Settings,
    pub found: Found,
    pub around: Surroundings,
    /// `mqtt`, `ha` and `foreign_macs` are filled in here.
    pub site: Site,
    /// Nobody has seen our node yet: it may still be changed.
    pub first_start: bool,
    /// As [`Told::Memo`] told it last, from the store.
    pub memo: Option<String>,
    /// Sent before the changes it shows.
    pub view: watch::Receiver<Arc<HomeView>>,
    pub changes: broadcast::Receiver<Arc<[Change]>>,
    pub commands: mpsc::Sender<(Ticket, Command)>,
    pub ha: watch::Receiver<HaInfo>,
    pub phase: watch::Receiver<Phase>,
    pub tell: Arc<dyn Fn(Told) + Send + Sync>,
    pub counts: Arc<Counts>,
    pub now: Clock,
    pub pure: Pure,
}
