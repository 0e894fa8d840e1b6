//! # What is odd
//!
//! A detector is one file and one line in [`detectors!`]. It sees evidence at the level its needs
//! name, may ask [`Who`] four questions, keeps its own bounded memory and timers, and pushes
//! findings. It may not send, open alerts, or know names.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    intel::indicators::Indicators,
    model::{Card, Category, Change, Finding, Findings, Learned, Moment, Mono, NetworkFacts, Observation, Who},
    traffic::{Neighbours, Noticed},
    wire::Frame,
};

mod kept;
mod needs;
mod rightful;
#[cfg(test)]
mod stage;
pub mod usual;
mod window;

use needs::Lists;
pub use needs::{Heard, Needs};

/// One thing to judge.
#[derive(Clone, Copy)]
pub enum Evidence<'a> {
    Packet(&'a Frame<'a>),
    /// What traffic made of conversations.
    Traffic(&'a Noticed),
    Observation(&'a Observation),
    /// What presence concluded.
    Home(&'a Change),
    /// What another detector found just now. Shown once: what comes of it is shown to nobody.
    Found(&'a Finding),
    /// Frames were lost: for so long nothing was heard.
    Blind(Duration),
}

/// What a detector may know besides.
pub struct Context<'a> {
    pub now: Moment,
    pub who: &'a dyn Who,
    pub network: &'a NetworkFacts,
    /// The first minutes of a first start: everything is new.
    pub settling: bool,
    /// Who is on this wire, and who is beyond a router.
    pub neighbours: &'a Neighbours,
    /// Conversations forgotten for want of room before they were answered.
    pub pressed: u64,
    /// What lists call bad.
    pub indicators: &'a Indicators,
}

/// `detectors.<name>.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Not run.
    Off,
    /// Recorded, never told.
    Observe,
    /// Told.
    #[default]
    Alert,
}

/// One kind of trouble.
pub trait Detector: Send {
    fn card(&self) -> &'static Card;
    fn needs(&self) -> &'static [Needs];
    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings);
    fn next_wake(&self) -> Option<Mono> {
        None
    }
    fn wake(&mut self, _context: &Context<'_>, _findings: &mut Findings) {}
    /// Entries it holds of what the network showed.
    fn held(&self) -> usize {
        0
    }
    /// What it learned and must not learn again after a restart, one thing a line; `None` for most.
    fn learned(&self, _now: Moment) -> Option<String> {
        None
    }
    /// Takes back what it wrote down. What it cannot read, it learns again.
    fn recall(&mut self, _lines: &str, _now: Moment) {}
}

/// The card of a detector of this name, whose settings are the usual ones.
macro_rules! card {
    ($id:literal, $title:literal) => {
        card!($id, $title, Some("CAP_NET_RAW"));
    };
    ($id:literal, $title:literal, $needs:expr) => {
        pub static CARD: $crate::model::Card =
            $crate::model::Card { id: $id, title: $title, needs: $needs, page: include_str!(concat!($id, ".rs")) };
        pub type Settings = $crate::detectors::usual::Usual;
    };
}

/// What a detector says of itself: its card, what it wants to see, and how much it holds.
macro_rules! says {
    ($self:ident, [$($level:ident),+], $held:expr) => {
        fn card(&self) -> &'static $crate::model::Card {
            &CARD
        }
        fn needs(&self) -> &'static [$crate::detectors::Needs] {
            &[$($crate::detectors::Needs::$level),+]
        }
        fn held(&$self) -> usize {
            $held + $self.bell.held()
        }
    };
}

/// Writes the modules, `Settings` with a field each, the cards, and the list.
macro_rules! detectors {
    ($($module:ident :: $detector:ident),+ $(,)?) => {
        $(pub mod $module;)+

        /// `detectors.<name>`: which detectors run, and how keen they are.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, Default)]
        #[serde(default, deny_unknown_fields)]
        pub struct Settings { $(pub $module: $module::Settings),+ }

        impl Settings {
            /// None of them runs.
            #[must_use]
            pub fn off() -> Settings {
                let mut settings = Settings::default();
                $(settings.$module.mode = Mode::Off;)+
                settings
            }
        }

        /// The card of every detector, in the order of the list.
        pub static CARDS: &[&Card] = &[$(&$module::CARD),+];

        fn enabled(settings: &Settings) -> Vec<Slot> {
            let mut slots = Vec::new();
            $(if settings.$module.mode != Mode::Off {
                slots.push(Slot::new(settings.$module.mode, Box::new($module::$detector::new(settings.$module.clone()))));
            })+
            slots
        }
    };
}

detectors! {
    new_device::NewDevice,
    device_offline_important::DeviceOfflineImportant,
    ip_conflict::IpConflict,
    arp_spoof::ArpSpoof,
    host_sweep::HostSweep,
    port_scan::PortScan,
    syn_flood::SynFlood,
    udp_flood::UdpFlood,
    icmp_flood::IcmpFlood,
    amplification::Amplification,
    brute_force::BruteForce,
    cleartext_credentials::CleartextCredentials,
    rogue_dhcp::RogueDhcp,
    dhcp_starvation::DhcpStarvation,
    rogue_ra::RogueRa,
    dns_tunnel::DnsTunnel,
    dga::Dga,
    dns_hijack::DnsHijack,
    exploit_attempt::ExploitAttempt,
    web_scan::WebScan,
    lateral_movement::LateralMovement,
    icmp_tunnel::IcmpTunnel,
    malformed_packet::MalformedPacket,
    deauth_flood::DeauthFlood,
    evil_twin::EvilTwin,
    outbound_scan::OutboundScan,
    beacon::Beacon,
    reverse_shell::ReverseShell,
    crypto_mining::CryptoMining,
    tool_download::ToolDownload,
    suspicious_port::SuspiciousPort,
    tor::Tor,
    remote_access::RemoteAccess,
    identity_change::IdentityChange,
    nd_spoof::NdSpoof,
    icmp_redirect::IcmpRedirect,
    ra_flood::RaFlood,
    mac_flood::MacFlood,
    stp_root_change::StpRootChange,
    vlan_hopping::VlanHopping,
    discovery_flood::DiscoveryFlood,
    broadcast_storm::BroadcastStorm,
    smurf::Smurf,
    name_poison::NamePoison,
    wpad::Wpad,
    ssdp_spoof::SsdpSpoof,
    mac_clone::MacClone,
    exfil::Exfil,
    default_login::DefaultLogin,
    suspicious_tls::SuspiciousTls,
    exposed_service::ExposedService,
    long_connection::LongConnection,
    dns_flood::DnsFlood,
    ptr_sweep::PtrSweep,
    nonstandard_protocol::NonstandardProtocol,
    upnp_portmap::UpnpPortmap,
    service_opened::ServiceOpened,
    listener_opened::ListenerOpened,
    suspicious_process::SuspiciousProcess,
    unusual_parent::UnusualParent,
    sensor_blind::SensorBlind,
    karma::Karma,
    beacon_flood::BeaconFlood,
    threat_intel::ThreatIntel,
    insecure_service::InsecureService,
    weak_wifi::WeakWifi,
    pmkid_harvest::PmkidHarvest,
    tls_pin::TlsPin,
    iot_deviation::IotDeviation,
    proxyware::Proxyware,
    ble_spam::BleSpam,
    tracker_following::TrackerFollowing,
    rogue_ap::RogueAp,
    wps_brute::WpsBrute,
    rogue_resolver::RogueResolver,
    encrypted_dns::EncryptedDns,
    suspicious_domain::SuspiciousDomain,
    fast_flux::FastFlux,
    ssh_new_login::SshNewLogin,
    p2p::P2p,
    risky_listener::RiskyListener,
    device_odd_hour::DeviceOddHour,
    volume_baseline::VolumeBaseline,
}

/// This host looks for devices and ports itself: that is no news.
fn is_own_search(finding: &Finding, network: &NetworkFacts) -> bool {
    finding.category == Category::Scan
        && (finding.attacker.mac.is_some_and(|mac| network.is_own_mac(mac))
            || finding.attacker.ip.is_some_and(|ip| network.is_own_ip(ip)))
}

struct Slot {
    mode: Mode,
    detector: Box<dyn Detector>,
    /// It panicked: it rests until settings change, the others go on.
    benched: bool,
    /// When it wants to be woken, as it said when it was called last.
    due: Option<Mono>,
}

impl Slot {
    fn new(mode: Mode, detector: Box<dyn Detector>) -> Slot {
        let due = detector.next_wake();
        Slot { mode, detector, benched: false, due }
    }
}

/// All detectors that are on.
pub struct Detectors {
    slots: Vec<Slot>,
    lists: Lists,
    /// The first of all slots.
    due: Option<Mono>,
    settings: Settings,
}

impl Detectors {
    #[must_use]
    pub fn new(settings: &Settings) -> Detectors {
        let slots = enabled(settings);
        let lists = Lists::new(slots.iter().map(|slot| slot.detector.needs()));
        let due = slots.iter().filter_map(|slot| slot.due).min();
        Detectors { slots, lists, due, settings: settings.clone() }
    }

    /// The word of `evidence`, if anybody listens to it.
    #[must_use]
    pub fn listen(&self, evidence: &Evidence<'_>) -> Option<Heard> {
        self.lists.hear(evidence)
    }

    /// Shows `evidence` to those that listen to `word`, which is its.
    pub fn examine(&mut self, word: Heard, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let listeners = self.lists.of(word);
        let before = findings.list().len();
        let moved = visit(&mut self.slots, listeners, findings, context, &mut |detector, own| {
            detector.examine(evidence, context, own);
            if let Evidence::Traffic(noticed) = evidence
                && !own.is_empty()
            {
                disown(own, noticed, context);
            }
        });
        self.set_due(moved);
        self.pass_on(before, context, findings);
    }

    /// Shows what was found since `from` to those who draw conclusions from it.
    fn pass_on(&mut self, from: usize, context: &Context<'_>, findings: &mut Findings) {
        if findings.list().len() == from {
            return;
        }
        let fresh: Vec<Finding> = findings.list().get(from..).unwrap_or_default().to_vec();
        let mut moved = false;
        for finding in &fresh {
            let evidence = Evidence::Found(finding);
            let listens = |slot: &Slot| {
                slot.detector.needs().contains(&Needs::Found) && slot.detector.card().id != finding.detector
            };
            let numbers = self.those(listens);
            moved |= visit(&mut self.slots, &numbers, findings, context, &mut |detector, own| {
                detector.examine(evidence, context, own);
            });
        }
        self.set_due(moved);
    }

    #[must_use]
    pub const fn next_wake(&self) -> Option<Mono> {
        self.due
    }

    pub fn wake(&mut self, context: &Context<'_>, findings: &mut Findings) {
        let before = findings.list().len();
        let is_due = |slot: &Slot| slot.due.is_some_and(|due| due <= context.now.mono);
        let numbers = self.those(is_due);
        visit(&mut self.slots, &numbers, findings, context, &mut |detector, own| {
            detector.wake(context, own);
        });
        self.set_due(true);
        self.pass_on(before, context, findings);
    }

    /// The numbers of those for which this holds.
    fn those(&self, holds: impl Fn(&Slot) -> bool) -> Vec<u8> {
        (0..=u8::MAX).zip(&self.slots).filter(|(_, slot)| holds(slot)).map(|(number, _)| number).collect()
    }

    fn set_due(&mut self, moved: bool) {
        if moved {
            self.due = self.slots.iter().filter_map(|slot| slot.due).min();
        }
    }

    /// Takes new settings. What took days to learn is kept.
    pub fn adopt(&mut self, settings: &Settings, now: Moment) {
        if *settings != self.settings {
            let learned = self.learned(now);
            *self = Detectors::new(settings);
            self.recall(&learned, now);
        }
    }

    /// What all of them learned.
    #[must_use]
    pub fn learned(&self, now: Moment) -> Learned {
        let slots = self.slots.iter().filter(|slot| !slot.benched);
        let lines = slots.filter_map(|slot| Some((slot.detector.card().id.to_owned(), slot.detector.learned(now)?)));
        Learned { at: now.wall, by: lines.collect() }
    }

    /// Gives back what was learned before.
    pub fn recall(&mut self, learned: &Learned, now: Moment) {
        for slot in &mut self.slots {
            if let Some(lines) = learned.by.get(slot.detector.card().id) {
                slot.detector.recall(lines, now);
            }
        }
    }

    /// Entries each holds.
    pub fn sizes(&self) -> impl Iterator<Item = (&'static str, usize)> + '_ {
        self.slots.iter().map(|slot| (slot.detector.card().id, slot.detector.held()))
    }

    /// Detectors that rest because they failed.
    #[must_use]
    pub fn benched(&self) -> Vec<&'static str> {
        self.slots.iter().filter(|slot| slot.benched).map(|slot| slot.detector.card().id).collect()
    }
}

/// A client in whose name another machine of this wire speaks did nothing: its address is known to be somebody's, the frames
/// came from elsewhere. Such a finding blames nobody, unless the detector knows who sent them.
#[cold]
fn disown(own: &mut Findings, noticed: &Noticed, context: &Context<'_>) {
    let client = noticed.talk.client;
    if client.mac.is_some() || context.neighbours.sole_holder(client.ip).is_none() {
        return;
    }
    for mut finding in own.take() {
        if finding.attacker.mac.is_none() && finding.attacker.ip == Some(client.ip) {
            finding.attacker.ip = None;
        }
        own.push(finding);
    }
}

/// Lets those of these numbers see something. Whether any of them wants to be woken at another time now.
fn visit(
    slots: &mut [Slot],
    numbers: &[u8],
    findings: &mut Findings,
    context: &Context<'_>,
    see: &mut dyn FnMut(&mut dyn Detector, &mut Findings),
) -> bool {
    let (mut own, mut moved, mut next) = (Findings::default(), false, 0);
    loop {
        // One crafted packet must not end the watch: a detector that panics rests, the others go on.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            while let Some(number) = numbers.get(next) {
                next += 1;
                let Some(slot) = slots.get_mut(usize::from(*number)).filter(|slot| !slot.benched) else { continue };
                see(slot.detector.as_mut(), &mut own);
                let due = slot.detector.next_wake();
                if !own.is_empty() {
                    slot.tell(&mut own, findings, context);
                }
                moved |= std::mem::replace(&mut slot.due, due) != due;
            }
        }));
        let failed = outcome.err().and_then(|_| slots.get_mut(usize::from(*numbers.get(next.checked_sub(1)?)?)));
        let Some(slot) = failed else { return moved };
        slot.benched = true;
        tracing::error!(detector = slot.detector.card().id, "detector failed and rests until settings change");
        slot.tell(&mut own, findings, context);
        moved |= slot.due.take().is_some();
    }
}

impl Slot {
    #[cold]
    fn tell(&self, own: &mut Findings, findings: &mut Findings, context: &Context<'_>) {
        for mut finding in own.take() {
            if !is_own_search(&finding, context.network) {
                finding.observe_only = self.mode == Mode::Observe;
                findings.push(finding);
            }
        }
    }
}
