//! # A device, as presence knows it
//!
//! The whole of what is known of one device. What outlets may see of it is cut in `view`.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use crate::{
    intel::clouds,
    model::{
        DeviceId, Few, Goodbye, InterfaceId, Kind, MacAddr, Moment, Mono, NameSource, Presence, Proof, Rssi,
        ServiceView, Source, Tier, Trust, Wall,
    },
};

use super::{
    departure::{
        Judged, Lesson, Mute, Trip,
        habit::{Activity, Context, Ended, Habit, SHORT},
        terms::Terms,
    },
    fingerprint::{Fingerprint, Visit},
    kinds::{self, Guess},
    names::{Names, Title},
    proposal::Proposal,
    systems::Known,
    windows::Window,
};

/// Hardware addresses a device keeps.
pub const MACS_MAX: usize = 16;
/// Network addresses a device keeps: hosts with many VLANs, and IPv6 privacy addresses.
pub const ADDRESSES_MAX: usize = 16;
pub const SERVICES_MAX: usize = 64;
/// Devices that it is known not to be.
const APART_MAX: usize = 64;
/// More than there are keys that one device can earn: none is pushed out by another.
pub const LABELS_MAX: usize = 48;
/// Ports that a device is known to speak from or to.
const SPEAKS_MAX: usize = 12;

/// Spells after which what was learned goes into the view.
const LESSON: u32 = 16;

/// Who comes home joins the network within this time of the first sign of life.
const JOINS_WITHIN: Duration = Duration::from_secs(30);

/// Heard so long after the other began, it is another device.
pub const OVERLAP: Duration = Duration::from_secs(10);
/// Both heard within this time are heard at once; a phone that changes networks is not.
pub const OVERLAP_WITHIN: Duration = Duration::from_secs(60);

/// A hardware address and when it was heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldMac {
    pub mac: MacAddr,
    pub first: Mono,
    pub last: Mono,
    /// Of its Bluetooth, which is heard whatever address its Wi-Fi has.
    pub aside: bool,
}

/// A network address and when it was claimed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldIp {
    pub ip: IpAddr,
    pub first: Mono,
    pub last: Mono,
    /// When the device itself last spoke as its holder. `None`: it only answered for it, or a table says so.
    pub used: Option<Mono>,
    /// Held now; else it was replaced and is only remembered.
    pub current: bool,
}

/// What its DHCP client says of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dhcp {
    pub asked: Vec<u8>,
    pub vendor_class: Option<String>,
    pub client_id: Option<Vec<u8>>,
}

/// What was joined into a device, so that it can be undone.
#[derive(Debug, Clone, PartialEq)]
pub struct Joined {
    pub id: DeviceId,
    /// Joined by a key fact; else by a person, who knows that both may be heard at once.
    pub by_itself: bool,
    pub macs: Vec<MacAddr>,
    pub first_seen: Wall,
    pub own_name: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Device {
    pub id: DeviceId,
    pub first_seen: Wall,
    /// Newest first.
    pub macs: Vec<HeldMac>,
    /// Latest claimed first.
    pub addresses: Vec<HeldIp>,
    pub interface: Option<InterfaceId>,
    pub sources: Few<Source, (Proof, Wall)>,
    /// The last proof.
    pub last: Moment,
    /// The last that did not come by a mirror port alone: by the way it would be asked.
    pub reached: Mono,
    pub presence: Presence,
    pub reason: &'static str,
    /// It was seen to enter the network, so nobody knew it before.
    pub entered: bool,
    /// Of being here, or of being away.
    pub since: Moment,
    /// Counts as here: what trackers and people go by while `presence` is unknown.
    pub here: bool,
    pub away_for_s: u64,
    pub mute: Mute,
    pub activity: Activity,
    /// What was learned of its sleep; nothing before its first spell.
    pub habit: Option<Box<Habit>>,
    /// On what terms its silence is judged.
    pub terms: Terms,
    /// Silences that newcomers are yet to be taught.
    pub taught: Vec<Ended>,
    /// More was learned than its view tells.
    pub lesson_due: bool,
    pub window: Option<Window>,
    /// The stay before it, or before it left: there may have been no departure.
    pub before: Option<Window>,
    /// The last silence for which it was called away, once that is judged.
    pub judged: Option<Judged>,
    /// It showed that it had been home all the time.
    pub stitch_due: bool,
    /// How sure its last departure was. None: it is here, or too little is known of its sleep.
    pub confidence: Option<f64>,
    /// It left as a second witness confirms.
    pub is_witnessed: bool,
    pub level: Option<Rssi>,
    /// Where in the house it is, and was before it was lost.
    pub room: Option<String>,
    pub last_room: Option<String>,

    pub names: Names,
    pub title: Title,
    pub vendor: Option<&'static str>,
    /// What says who made it.
    pub vendor_by: &'static str,
    pub labels: BTreeMap<String, String>,
    pub services: BTreeSet<ServiceView>,
    pub dhcp: Dhcp,
    /// Its software, as it was first known, and how this visit compares.
    pub fingerprint: Fingerprint,
    pub visit: Visit,
    pub routes: bool,
    pub guess: Guess,
    pub os: Option<Known>,
    pub model: Option<Known>,
    /// Who said each fact last, and when.
    pub learned: Few<String, (Source, Wall)>,
    pub own: bool,
    pub gateway: bool,
    pub joined: Option<Joined>,
    /// Whom it may be, which a person is asked.
    pub proposed: Option<Proposal>,
    /// Devices it was split from: never joined by itself again.
    pub apart: BTreeSet<DeviceId>,
    /// Not told of yet: its address is random and it may turn out to be somebody known.
    pub unannounced: Option<Mono>,

    pub kind_set: Option<Kind>,
    pub trust: Trust,
    pub owner: Option<String>,
    pub ha_owner: Option<String>,
    pub area: Option<String>,
    pub ha_area: Option<String>,
    pub group: Option<String>,
    pub notes: Option<String>,
    pub important: bool,
    pub alerts: bool,
    pub away_after: Duration,
    pub exposed: bool,
    pub hidden: bool,
    pub tier: Tier,
    pub slug: Option<String>,
    /// When it was asked last.
    pub asked: Option<Mono>,
    /// It answered when it was asked, or is known from before the last start.
    pub answered: bool,
    /// Gauges moved since its view was cut.
    pub stale: bool,
}

impl Device {
    /// Keeps a label; false if nothing is different. Of all it asks for, what says most stays.
    pub fn label(&mut self, key: &str, value: String) -> bool {
        let sure = |name: &str| clouds::known(name).map_or(0.0, |cloud| cloud.confidence);
        let old = self.labels.get(key);
        if old == Some(&value) {
            return false;
        }
        // Words that stand beside each other.
        if matches!(key, "speaks" | "accepts" | "vlan") && (self.labels.len() < LABELS_MAX || old.is_some()) {
            let Some(both) = also(old.map_or("", String::as_str), &value) else { return false };
            self.labels.insert(key.to_owned(), both);
            return true;
        }
        // Whoever speaks first or last: the same facts end in the same kind.
        let is_weaker = old.is_some_and(|old| {
            if key.starts_with("asks") {
                return (sure(old), old) >= (sure(&value), &value);
            }
            match kinds::tells_more(key, &value, old) {
                Ordering::Less => true,
                Ordering::Greater => false,
                // Two models, or two makers, that say as much: one of them, not in turns.
                Ordering::Equal if kinds::is_lasting(key) => *old > value,
                Ordering::Equal => super::overheard::stays(key, old, &value),
            }
        });
        let has_room = self.labels.len() < LABELS_MAX || old.is_some();
        if !has_room || is_weaker || value.is_empty() {
            return false;
        }
        self.labels.insert(key.to_owned(), value);
        true
    }

    pub fn new(id: DeviceId, at: Moment) -> Device {
        Device {
            id,
            first_seen: at.wall,
            macs: Vec::new(),
            addresses: Vec::new(),
            interface: None,
            sources: Few::new(),
            last: at,
            reached: at.mono,
            presence: Presence::Unknown,
            reason: Presence::Unknown.word(),
            entered: false,
            since: at,
            here: false,
            away_for_s: 0,
            mute: Mute::since(at.mono),
            activity: Activity::default(),
            habit: None,
            terms: Terms::default(),
            taught: Vec::new(),
            lesson_due: false,
            window: None,
            before: None,
            judged: None,
            stitch_due: false,
            confidence: None,
            is_witnessed: false,
            level: None,
            room: None,
            last_room: None,
            names: Names::default(),
            title: Title { base: String::new(), source: NameSource::Address, shown: String::new() },
            vendor: None,
            vendor_by: "oui",
            labels: BTreeMap::new(),
            services: BTreeSet::new(),
            dhcp: Dhcp::default(),
            fingerprint: Fingerprint::default(),
            visit: Visit::default(),
            routes: false,
            guess: Guess::default(),
            os: None,
            model: None,
            learned: Few::new(),
            own: false,
            gateway: false,
            joined: None,
            proposed: None,
            apart: BTreeSet::new(),
            unannounced: None,
            kind_set: None,
            trust: Trust::Unknown,
            owner: None,
            ha_owner: None,
            area: None,
            ha_area: None,
            group: None,
            notes: None,
            important: false,
            alerts: true,
            away_after: Duration::ZERO,
            exposed: false,
            hidden: false,
            tier: Tier::None,
            slug: None,
            asked: None,
            answered: false,
            stale: false,
        }
    }

    pub fn kind(&self) -> Kind {
        self.kind_set.unwrap_or(self.guess.kind)
    }

    pub fn mac(&self) -> Option<MacAddr> {
        self.macs.first().map(|held| held.mac)
    }

    /// The person it belongs to: as said here, else as Home Assistant has it.
    pub fn person(&self) -> Option<&str> {
        self.owner.as_deref().or(self.ha_owner.as_deref())
    }

    /// Addresses it holds now.
    pub fn current(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.addresses.iter().filter(|held| held.current).map(|held| held.ip)
    }

    pub fn ipv4(&self) -> Option<IpAddr> {
        self.current().find(IpAddr::is_ipv4)
    }

    /// Where to ask by IPv6: the link-local address first, which needs no route.
    pub fn ipv6(&self) -> Option<IpAddr> {
        self.current()
            .find(|ip| ip.is_ipv6() && crate::model::is_link_local(*ip))
            .or_else(|| self.current().find(IpAddr::is_ipv6))
    }

    /// Nobody has said anything of it: it may go when room is short.
    pub fn is_nobodys(&self) -> bool {
        self.is_unsaid() && self.tier == Tier::None
    }

    /// Nobody has said anything of it, though it may have entities as every device has.
    pub fn is_unsaid(&self) -> bool {
        self.names.own.is_none()
            && (self.names.ha.is_none() || self.tier == Tier::None)
            && self.person().is_none()
            && self.trust == Trust::Unknown
            && !self.important
            && !self.exposed
            && !self.hidden
            && !self.own
            && !self.gateway
    }

    /// All its hardware addresses were drawn by itself.
    pub fn is_random(&self) -> bool {
        !self.macs.is_empty() && self.macs.iter().all(|held| held.mac.is_local())
    }

    /// It is not `other`. Of many, the last ones are remembered.
    pub fn set_apart(&mut self, other: DeviceId) {
        if self.apart.len() >= APART_MAX {
            self.apart.pop_first();
        }
        self.apart.insert(other);
    }

    /// Departures of the last 30 days that were none.
    pub fn false_aways(&self, now: Wall) -> usize {
        self.habit.as_ref().map_or(0, |habit| habit.false_aways(now))
    }

    /// How it was used before the silence that it is in.
    pub fn context(&self, now: Moment) -> Context {
        if let Some(spell) = &self.mute.spell {
            return spell.context;
        }
        let began = now.back_to(self.mute.quiet_since.min(now.mono));
        self.activity.context(began.mono, self.habit.as_ref().is_some_and(|habit| habit.is_quiet(began.wall)))
    }

    /// `trip` ended with a proof at `at`. Short ones teach at once; of long ones it shows within moments whether
    /// it joined the network anew, or its owner's other devices came back too: the first sign of life may be another
    /// radio's. `others` tells of a silence that still waits.
    pub fn woke(&mut self, trip: Trip, at: Moment, joined: Option<bool>, others: Option<bool>) {
        self.teach(at, None, others);
        let short = at.mono.since(trip.spell.first_ask).as_secs_f64() < SHORT;
        if joined == Some(true) || short {
            self.learn(&trip, at, joined, None);
        } else {
            self.mute.lesson = Some(Lesson { trip, at, joins: joined.is_some() });
        }
    }

    /// Teaches what waited, if its time has come or `joined` says how it ended. `others`: its owner's other devices
    /// came back with it (true), or were here all along.
    pub fn teach(&mut self, now: Moment, joined: Option<bool>, others: Option<bool>) {
        let over = |since: Mono| now.mono.since(since) > JOINS_WITHIN;
        let joins = joined == Some(true);
        if let Some(Lesson { trip, at, joins: heard }) =
            self.mute.lesson.take_if(|lesson| joins || over(lesson.at.mono))
        {
            let joined = joins && !over(at.mono);
            self.learn(&trip, at, (heard || joined).then_some(joined), others);
        }
    }

    fn learn(&mut self, trip: &Trip, at: Moment, joined: Option<bool>, others: Option<bool>) {
        let spell = &trip.spell;
        if joined == Some(true) && at.mono.since(spell.first_ask).as_secs_f64() >= SHORT {
            self.mute.rejoined = Some((spell.began, at.mono));
        }
        if spell.unanswered == 0 || self.mute.frozen.is_some() || !self.kind().is_sleeper() {
            return;
        }
        let began = at.back_to(spell.began.min(at.mono)).wall;
        let mute_s = at.mono.since(spell.first_ask).as_secs_f64();
        let (context, called_away, seen) = (spell.context, trip.by_habit, trip.seen);
        let ended = Ended { context, began, mute_s, joined, others, called_away, seen };
        let habit = self.habit.get_or_insert_default();
        habit.go_by(&self.terms);
        let home = habit.learn(&ended, self.terms.dial);
        let is_new = !habit.is_settled(at.wall);
        if trip.left {
            self.judged = Some(Judged { spell: ended, home });
            self.stitch_due = called_away && home > 0.5;
        }
        // Now and then it is cut anew, so that a crash forgets little.
        self.lesson_due |= habit.spells().is_multiple_of(LESSON);
        if is_new {
            self.teaches(ended);
        }
    }

    /// Nothing but a radio without a network hears it: nobody can tell a return from a sign of life.
    pub fn joins_unheard(&self) -> bool {
        self.sources.keys().all(|source| matches!(source, Source::Ble | Source::Bluetooth | Source::WifiMonitor))
    }

    /// Answers whenever it is there: its silence tells a deaf ear from a silent phone.
    pub fn is_witness(&self) -> bool {
        self.here && !self.own && (self.gateway || !self.kind().is_sleeper())
    }

    /// `mac` speaks while the other half of what was joined by itself is heard too: they are two. Before the second of
    /// the halves came, the first spoke alone; and whoever speaks second says nothing of when the first fell silent.
    pub fn overlaps(&self, mac: MacAddr, at: Mono) -> bool {
        let Some(joined) = self.joined.as_ref().filter(|joined| joined.by_itself) else { return false };
        let half = |mac: MacAddr| joined.macs.contains(&mac);
        let others = self.macs.iter().filter(|held| !held.aside && half(held.mac) != half(mac));
        let Some(other) = others.max_by_key(|held| held.last) else { return false };
        let Some(own) = self.macs.iter().find(|held| held.mac == mac && !held.aside) else { return false };
        let both_since = own.first.max(other.first) + OVERLAP;
        let other_is_older = other.first <= own.first;
        at >= both_since
            && at.since(own.last) <= OVERLAP_WITHIN
            && at.since(other.last) <= OVERLAP_WITHIN
            && (!other_is_older || other.last >= both_since)
    }

    /// When it spoke last by what another address could take the place of: its Bluetooth goes on beside any of its Wi-Fi.
    pub fn spoke(&self) -> Mono {
        let last = || self.macs.iter().filter(|held| !held.aside).map(|held| held.last).max();
        let has_aside = self.macs.iter().any(|held| held.aside);
        has_aside.then(last).flatten().unwrap_or(self.last.mono)
    }

    pub fn said_goodbye(&self) -> Option<Goodbye> {
        self.mute.goodbye
    }
}

/// `word` added to `words`, in order. Nothing if it is there, or none fits: the first of the order stay, whichever came
/// first.
fn also(words: &str, word: &str) -> Option<String> {
    if words.split(' ').any(|known| known == word) {
        return None;
    }
    let mut all: BTreeSet<&str> = words.split(' ').filter(|word| !word.is_empty()).collect();
    if word.contains(' ') || word.is_empty() || !all.insert(word) {
        return None;
    }
    if all.len() > SPEAKS_MAX && all.pop_last() == Some(word) {
        return None;
    }
    Some(all.into_iter().collect::<Vec<_>>().join(" "))
}
