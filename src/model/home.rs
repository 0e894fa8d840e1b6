//! # The immutable picture of the home
//!
//! Cut by the engine after each change, shared by all outlets. Unchanged devices are the same
//! `Arc`, so an outlet can skip them by pointer.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use super::{
    AirView, AlertId, AlertState, Category, DeviceId, Health, Kind, LeaveReason, MacAddr, Mode, PartId, Party,
    PersonId, PersonView, Pieces, Presence, Severity, Sight, Source, Tier, Trust, Wall, words,
};

words! {
    /// Where a device's shown name comes from, worst first: a name of lower rank never replaces a higher.
    pub enum NameSource {
        Address = "address", VendorTail = "vendor", Generic = "generic", VendorKind = "vendor_kind", Snmp = "snmp", Llmnr = "llmnr", Netbios = "netbios", Dns = "dns", Ssdp = "ssdp",
        Console = "console", MdnsHost = "mdns_host", Mdns = "mdns", Dhcp = "dhcp", Kernel = "kernel", HomeAssistant = "homeassistant", Own = "own",
    }
}

/// A service seen on a device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceView {
    pub tcp: bool,
    pub port: u16,
    pub name: String,
    pub product: Option<String>,
}

/// Everything outlets may say of one device.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceView {
    pub id: DeviceId,
    /// Shown name, never empty, unique in the home.
    pub name: String,
    pub name_source: NameSource,
    /// The name people typed in Porchlight.
    pub own_name: Option<String>,
    /// Fixed at first exposure; `default_entity_id`s are built from it.
    pub slug: Option<String>,
    /// Newest first.
    pub macs: Vec<MacAddr>,
    /// Current addresses, IPv4 first.
    pub addresses: Vec<IpAddr>,
    pub hostname: Option<String>,
    pub vendor: Option<String>,
    pub vendor_source: Option<&'static str>,
    pub kind: Kind,
    /// 0 to 1.
    pub kind_confidence: f32,
    pub os: Option<String>,
    pub model: Option<String>,
    pub area: Option<String>,
    pub owner: Option<String>,
    pub group: Option<String>,
    pub notes: Option<String>,
    pub important: bool,
    /// Its alerts are told.
    pub alerts: bool,
    pub trust: Trust,
    pub randomised: bool,
    pub is_own: bool,
    pub is_gateway: bool,
    pub presence: Presence,
    /// A proof or leave-reason word.
    pub presence_reason: &'static str,
    pub first_seen: Wall,
    pub last_seen: Wall,
    /// Of the present presence (home-ish or away).
    pub since: Wall,
    pub sources: Vec<Source>,
    pub services: Vec<ServiceView>,
    pub signal_dbm: Option<i8>,
    pub segment: Option<String>,
    /// Fixed seconds to away; zero means learned.
    pub away_after_s: u32,
    pub tier: Tier,
    /// Asked for by a person (`expose`), whatever the limit says.
    pub exposed: bool,
    /// Deleted in Home Assistant, or hidden: never published until asked for.
    pub hidden: bool,
    /// Of the last away to home move: seconds away.
    pub away_for_s: u64,
    /// The open stay, if it is here.
    pub window: Option<WindowView>,
    /// What identity and naming rest on, as `key value` pairs, for `explain` and for the store.
    pub facts: Arc<[(String, String)]>,
}

impl DeviceView {
    /// A device of which nothing is known but its id.
    #[must_use]
    pub fn blank(id: DeviceId) -> DeviceView {
        DeviceView {
            id,
            name: id.to_string(),
            name_source: NameSource::Address,
            own_name: None,
            slug: None,
            macs: Vec::new(),
            addresses: Vec::new(),
            hostname: None,
            vendor: None,
            vendor_source: None,
            kind: Kind::Unknown,
            kind_confidence: 0.0,
            os: None,
            model: None,
            area: None,
            owner: None,
            group: None,
            notes: None,
            important: false,
            alerts: true,
            trust: Trust::Unknown,
            randomised: false,
            is_own: false,
            is_gateway: false,
            presence: Presence::Unknown,
            presence_reason: "",
            first_seen: Wall::default(),
            last_seen: Wall::default(),
            since: Wall::default(),
            sources: Vec::new(),
            services: Vec::new(),
            signal_dbm: None,
            segment: None,
            away_after_s: 0,
            tier: Tier::None,
            exposed: false,
            hidden: false,
            away_for_s: 0,
            window: None,
            facts: Arc::from([]),
        }
    }
}

/// One stay.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowView {
    pub device: DeviceId,
    pub start: Wall,
    /// Time of the last proof, never of the decision.
    pub end: Wall,
    pub open: bool,
    pub sightings: u64,
    pub reconnects: u32,
    pub min_dbm: Option<i8>,
    pub max_dbm: Option<i8>,
    pub last_dbm: Option<i8>,
    pub segment: Option<String>,
    pub closed_because: Option<LeaveReason>,
    /// How often a departure in it was found to be none.
    pub stitched: u32,
}

/// One alert, as shown.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertView {
    pub id: AlertId,
    /// Grows by one with each alert event; an outlet that lagged knows what it missed.
    pub sequence: u64,
    pub detector: String,
    /// With the detector: what makes two findings the same alert.
    pub key: String,
    pub category: Category,
    pub severity: Severity,
    pub confidence: f32,
    pub title: String,
    pub detail: String,
    pub recommendation: String,
    pub attacker: Party,
    pub attacker_name: Option<String>,
    pub victim: Party,
    pub victim_name: Option<String>,
    pub technique: Vec<String>,
    pub first_seen: Wall,
    pub last_seen: Wall,
    pub count: u64,
    pub state: AlertState,
    pub evidence: Vec<(String, String)>,
    /// The incident it belongs to; an alert alone is its own.
    pub incident: AlertId,
}

/// A scanner's line in health.
#[derive(Debug, Clone, PartialEq)]
pub struct ScannerView {
    pub name: String,
    pub health: Health,
    /// Devices it saw in its last round, or since start for listeners.
    pub seen: u64,
    /// Packets it sent since start, as far as it counts them: requests, not answers to what others ask.
    pub sent: u64,
    pub last_success: Option<Wall>,
}

/// A part's line in health.
#[derive(Debug, Clone, PartialEq)]
pub struct PartView {
    pub part: PartId,
    pub health: Health,
    pub since: Wall,
}

/// The household as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Household {
    pub occupied: bool,
    /// Names of persons at home, sorted.
    pub people_home: Vec<String>,
    /// Every person known, with home or not.
    pub people: BTreeMap<String, bool>,
    /// The same with all that is told of each, by name.
    pub persons: Vec<PersonView>,
    /// Ids of persons, also of those who have no device just now.
    pub person_ids: BTreeMap<String, PersonId>,
    /// Nobody is home by what was decided, but what somebody carries cannot tell that for certain.
    pub unsure: bool,
    /// Every group of devices, with home or not: what stands for it best is here.
    pub groups: BTreeMap<String, bool>,
    pub devices_home: u32,
    pub guests: Vec<DeviceId>,
    pub unknown: Vec<DeviceId>,
    /// Devices first seen since local midnight.
    pub new_today: u32,
    /// Departures of the last 30 days that were none.
    pub false_aways_30d: u32,
    /// How much of a day's questions is used up by the device that was asked most, in tens of percent.
    pub ask_budget: u8,
    /// Radios nearby that are nobody's device; `None`: no radio listens.
    pub crowd: Option<u32>,
    /// What was set by hand (`auto` by default).
    pub mode: Mode,
    /// What it comes to.
    pub effective_mode: Mode,
}

impl Default for Household {
    fn default() -> Self {
        Household {
            occupied: false,
            people_home: Vec::new(),
            people: BTreeMap::new(),
            persons: Vec::new(),
            person_ids: BTreeMap::new(),
            unsure: false,
            groups: BTreeMap::new(),
            devices_home: 0,
            guests: Vec::new(),
            unknown: Vec::new(),
            new_today: 0,
            false_aways_30d: 0,
            ask_budget: 0,
            crowd: None,
            mode: Mode::Auto,
            effective_mode: Mode::Home,
        }
    }
}

/// The whole picture.
#[derive(Debug, Clone, Default)]
pub struct HomeView {
    /// Grows by one with each change of anything below.
    pub revision: u64,
    /// When it was cut; outlets pace themselves by it. Zero: not told.
    pub now: Wall,
    /// By how much the wall clock was set since the start, in ms, all steps together: stays of this run began so much
    /// later than was told before.
    pub clock_set_ms: i64,
    pub devices: BTreeMap<DeviceId, Arc<DeviceView>>,
    /// Ids that are gone for ever, so that outlets can clean up.
    pub tombstones: Arc<BTreeMap<DeviceId, Wall>>,
    pub household: Arc<Household>,
    /// Access points heard.
    pub air: Arc<AirView>,
    /// Open and recently closed alerts.
    pub alerts: BTreeMap<AlertId, Arc<AlertView>>,
    pub alerts_today: u32,
    pub scanners: Vec<ScannerView>,
    pub parts: Vec<PartView>,
    /// What is heard at each interface, as far as that can be said.
    pub sights: Vec<(String, Sight)>,
    pub pieces: Pieces,
    /// Frames that were wanted and not heard, since the start.
    pub frames_lost: u64,
    /// The exposure limit kept a device out.
    pub limit_reached: bool,
    /// The first minutes of a first start: everything is new, so nothing new is told.
    pub settling: bool,
    /// The installation, 24 bits, drawn once; and how many device ids it has minted.
    pub instance: u32,
    pub minted: u32,
    /// Detector, device, until when: alerts people do not want.
    pub mutes: Arc<Vec<(String, DeviceId, Wall)>>,
    /// What detectors learned, for the store.
    pub learned: Arc<super::Learned>,
}
