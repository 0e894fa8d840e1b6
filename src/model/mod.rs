//! # The words everybody speaks
//!
//! Plain values with invariants, shared by every room. Floor 0: imports nothing of this crate,
//! touches no clock, file or socket. No serde here (each outlet owns its payload structs, so a
//! field renamed here breaks no automation there), but for [`Span`],
//! [`Secret`] and [`LinkMac`], which settings of several rooms use.

mod addr;
mod air;
mod alert;
mod ask;
mod capped;
mod captured;
mod card;
mod change;
mod command;
mod decision;
mod device;
mod few;
mod finding;
mod guarded;
mod ha;
mod home;
mod keyed;
mod link_mac;
mod mac;
mod moment;
mod network;
mod observation;
mod own;
mod part;
mod person;
mod remembered;
mod secret;
mod seeded;
mod sight;
mod span;
mod subject;
mod text;
mod units;
mod who;
mod words;

pub use addr::{Subnet, is_global_v6, is_link_local, is_private, is_unicast};
pub use air::{AirView, PointView};
pub use alert::{AlertId, AlertState, Category, Severity};
pub use ask::Look;
pub use capped::Capped;
pub use captured::{Captured, InterfaceId, LinkType};
pub use card::Card;
pub use change::{Change, LeaveReason};
pub use command::{Answer, Command, Refusal, RefusalCode, Ticket};
pub use decision::Decision;
pub use device::{DeviceId, Kind, KindGroup, Mode, Presence, Role, Tier, Trust};
pub use few::Few;
pub use finding::{Evidence, Finding, Findings, Party};
pub use guarded::Guarded;
pub use ha::{HaContact, HaFact, HaFix, HaInfo, HaName, HaPerson, HaPlace, HaTracker};
pub use home::{
    AlertView, DeviceView, HomeView, Household, NameSource, PartView, ScannerView, ServiceView, WindowView,
};
pub use keyed::Keyed;
pub use link_mac::LinkMac;
pub use mac::MacAddr;
pub use moment::{Clock, Moment, Mono, Wall};
pub use network::{InterfaceFacts, NetworkFacts, Segment};
pub use observation::{
    AccessPoint, DhcpOffer, Fact, Goodbye, Heard, HeardAt, Observation, PortMap, Probe, Proof, Source, Uplink,
};
pub use own::{Connection, Listener, OwnPrograms, OwnSockets, Program};
pub use part::{Health, PartId, Phase};
pub use person::{PersonId, PersonView};
pub use remembered::{Learned, Remembered, RememberedAlert, RememberedDevice};
pub use secret::Secret;
pub use seeded::{Seeded, hash_of, set_seed};
pub use sight::{Pieces, Sight};
pub use span::Span;
pub use subject::Subject;
pub use text::{Part, base64, clean_text, find, holds, is_binary};
pub use units::{Port, Rssi};
#[cfg(test)]
pub(crate) use who::Table;
pub use who::{PORTS_SEEN, Who};
pub(crate) use words::words;
