//! # What is in the air
//!
//! Access points whoever heard them, who talks through which, and how many radios nearby are nobody's.
//! Only what is heard of the home's own network says something of the home; neighbours are counted.
//!
//! Holds: [`HOME_MAX`] and [`POINTS_MAX`] access points, apart, so that invented ones push out only one
//! another; [`STATIONS_MAX`] stations and as many passers-by.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::model::{AccessPoint, AirView, Capped, MacAddr, Moment, Mono, PointView, Source};

mod hear;

pub use hear::Whose;

/// Access points that are surely the home's.
const HOME_MAX: usize = 64;
/// All others. A block of flats has a hundred.
const POINTS_MAX: usize = 512;
const STATIONS_MAX: usize = 4_096;
/// Names that scanners told to be the home's, besides those of the settings.
const NAMES_MAX: usize = 16;
/// What was not heard for so long is gone: machines that are connected scan seldom.
const GONE: Duration = Duration::from_secs(3_600);
/// Who was heard within this time talks through an access point now: idle stations say so every minute or two.
const TALKING: Duration = Duration::from_secs(300);
/// Who was heard within this time is nearby. Addresses drawn for one question are heard once.
const NEARBY: Duration = Duration::from_secs(120);
/// A count without news for so long is none.
const CROWD_FRESH: Duration = Duration::from_secs(600);
/// A crowd comes and goes by the minute; told more often it fills histories and says nothing more.
const CROWD_EVERY: Duration = Duration::from_secs(600);
/// The list is cut anew this often while only levels move.
const CUT_EVERY: Duration = Duration::from_secs(10);
/// Frames to or from this host or the router that make an access point the home's: one may be a slip.
const ANCHORED: u8 = 3;

/// One access point.
#[derive(Debug, Clone)]
struct Point {
    said: AccessPoint,
    /// A scanner says that it is the home's.
    told_own: bool,
    /// Frames heard between it and this host or the router.
    anchored: u8,
    first: Moment,
    last: Moment,
    /// When detectors last heard of it from here.
    told: Option<Mono>,
    sources: BTreeSet<Source>,
}

/// One who talks.
#[derive(Debug, Clone, Copy)]
struct Station {
    bssid: Option<MacAddr>,
    last: Mono,
    /// When presence was last told of it.
    told: Option<Mono>,
}

/// Everything heard by radio that is not about one device.
#[derive(Debug)]
pub struct Air {
    /// From settings: names, and addresses of access points.
    names: BTreeSet<String>,
    addresses: BTreeSet<MacAddr>,
    /// Every network counts as the home's.
    all: bool,
    heard_names: BTreeSet<String>,
    home: Capped<MacAddr, Point>,
    others: Capped<MacAddr, Point>,
    stations: Capped<MacAddr, Station>,
    passers: Capped<MacAddr, Mono>,
    crowds: BTreeMap<Source, (u32, Mono)>,
    crowd: Option<u32>,
    crowd_at: Mono,
    view: Arc<AirView>,
    dirty: bool,
    cut_at: Option<Mono>,
}

impl Air {
    /// `own`: names and addresses of the home's networks, as set.
    pub fn new(own: &[String]) -> Air {
        let mut air = Air {
            names: BTreeSet::new(),
            addresses: BTreeSet::new(),
            all: false,
            heard_names: BTreeSet::new(),
            home: Capped::new(HOME_MAX),
            others: Capped::new(POINTS_MAX),
            stations: Capped::new(STATIONS_MAX),
            passers: Capped::new(STATIONS_MAX),
            crowds: BTreeMap::new(),
            crowd: None,
            crowd_at: Mono::default(),
            view: Arc::default(),
            dirty: false,
            cut_at: None,
        };
        air.adopt(own);
        air
    }

    pub fn adopt(&mut self, own: &[String]) {
        self.all = own.iter().any(|text| text == "*");
        self.addresses = own.iter().filter_map(|text| text.parse().ok()).collect();
        self.names = own.iter().filter(|text| !text.is_empty() && *text != "*").cloned().collect();
        self.dirty = true;
    }

    /// A scanner heard an access point.
    pub fn told(&mut self, bssid: MacAddr, said: &AccessPoint, source: Source, at: Moment) {
        // The monitor's own word follows from what is decided here; a scanner's from what this host is joined to.
        let told_own = said.own && source != Source::WifiMonitor;
        if told_own && !said.ssid.is_empty() && !self.heard_names.contains(&said.ssid) {
            // A machine that is carried around: what it was joined to before is not home any more.
            if self.heard_names.len() >= NAMES_MAX {
                self.heard_names.clear();
            }
            self.heard_names.insert(said.ssid.clone());
            self.dirty = true;
        }
        let is_home = self.addresses.contains(&bssid) || self.home.contains(&bssid);
        if is_home && let Some(point) = self.others.remove(&bssid) {
            self.home.insert(bssid, point);
        }
        let table = if is_home { &mut self.home } else { &mut self.others };
        if let Some(point) = table.get_mut(&bssid) {
            let same = |a: &AccessPoint, b: &AccessPoint| {
                (&a.ssid, a.channel, &a.security) == (&b.ssid, b.channel, &b.security)
            };
            // A beacon that hides the name does not take away the one heard in an answer.
            let ssid = if said.ssid.is_empty() { point.said.ssid.clone() } else { said.ssid.clone() };
            let fresh = AccessPoint { ssid, level: said.level.or(point.said.level), ..said.clone() };
            self.dirty |= !same(&point.said, &fresh) || (told_own && !point.told_own);
            point.said = fresh;
            point.told_own |= told_own;
            point.last = at;
            point.sources.insert(source);
            return;
        }
        let point = Point {
            said: said.clone(),
            told_own,
            anchored: 0,
            first: at,
            last: at,
            told: None,
            sources: BTreeSet::from([source]),
        };
        table.insert(bssid, point);
        self.dirty = true;
    }

    /// A scanner counted radios that are nobody's.
    pub fn counted(&mut self, source: Source, count: u32, now: Mono) {
        self.crowds.insert(source, (count, now));
    }

    /// Of the home: told so, by its name, or by whom it carries frames for.
    pub fn is_own(&self, bssid: MacAddr) -> bool {
        self.all
            || self.addresses.contains(&bssid)
            || self.home.contains(&bssid)
            || self.others.get(&bssid).is_some_and(|point| point.told_own || self.is_own_name(&point.said.ssid))
    }

    fn is_own_name(&self, ssid: &str) -> bool {
        !ssid.is_empty() && (self.names.contains(ssid) || self.heard_names.contains(ssid))
    }

    /// How many radios nearby are nobody's, as it is shown. Sources hear the same people by different
    /// radios, so the largest count is the least there are.
    pub fn crowd(&mut self, now: Mono) -> Option<u32> {
        let fresh = |at: Mono| now.since(at) <= CROWD_FRESH;
        let counted = self.crowds.values().filter(|(_, at)| fresh(*at)).map(|(count, _)| *count).max();
        let passing = self.passers.iter().filter(|(_, at)| now.since(**at) <= NEARBY).count();
        let passing =
            self.passers.iter().any(|(_, at)| fresh(*at)).then_some(u32::try_from(passing).unwrap_or(u32::MAX));
        let heard = counted.max(passing);
        let moved = match (self.crowd, heard) {
            (Some(shown), Some(heard)) => shown.abs_diff(heard) > (shown / 4).max(1),
            (shown, heard) => shown != heard,
        };
        if moved && (self.crowd.is_none() || heard.is_none() || now.since(self.crowd_at) >= CROWD_EVERY) {
            (self.crowd, self.crowd_at) = (heard, now);
        }
        self.crowd
    }

    /// The list as it is now; the same `Arc` while nothing is different.
    pub fn view(&mut self, now: Moment) -> &Arc<AirView> {
        let due = self.cut_at.is_none_or(|at| now.mono.since(at) >= CUT_EVERY);
        if due || self.dirty {
            self.dirty = false;
            self.cut_at = Some(now.mono);
            let view = self.cut(now);
            if *self.view != view {
                self.view = Arc::new(view);
            }
        }
        &self.view
    }

    fn cut(&self, now: Moment) -> AirView {
        let mut stations: BTreeMap<MacAddr, u32> = BTreeMap::new();
        for (_, station) in self.stations.iter().filter(|(_, station)| now.mono.since(station.last) <= TALKING) {
            if let Some(bssid) = station.bssid {
                *stations.entry(bssid).or_default() += 1;
            }
        }
        let heard = self.home.iter().chain(self.others.iter()).filter(|(_, p)| now.mono.since(p.last.mono) <= GONE);
        let mut points: Vec<PointView> = heard
            .map(|(bssid, point)| PointView {
                bssid: *bssid,
                ssid: point.said.ssid.clone(),
                channel: point.said.channel,
                level_dbm: point.said.level.map(crate::model::Rssi::dbm),
                security: point.said.security.clone(),
                own: self.is_own(*bssid),
                stations: stations.get(bssid).copied().unwrap_or(0),
                first_seen: point.first.wall,
                last_seen: point.last.wall,
                sources: point.sources.iter().copied().collect(),
            })
            .collect();
        points.sort_by_key(|point| (!point.own, point.level_dbm.map_or(127, |dbm| -i16::from(dbm)), point.bssid));
        AirView { points, dropped: self.others.dropped().saturating_add(self.home.dropped()) }
    }
}

#[cfg(test)]
mod tests;
