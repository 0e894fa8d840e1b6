//! # Stations of an access point
//!
//! ## What it finds
//! Who is connected to the access points of this host and to which (fact `access_point`), how well each is received, and
//! who comes and goes, at once.
//! ## What it sends
//! Nothing on the network: it asks hostapd on its control socket which stations there are, every 15 seconds by
//! default, and hears its events.
//! ## What it needs
//! hostapd on this host with `ctrl_interface`, and the right to use its socket (root, or the group of
//! `ctrl_interface_group`). Elsewhere it rests.
//! ## How it decides
//! A station lives if the access point received more from it since the last look, or if it has just connected. To
//! be listed proves nothing: access points keep ghosts for minutes. Nor does a short time of inactivity, which the
//! access point's own questions reset, where there are counters that stand still.
//! A station that disconnects has left only if no access point here serves it again within 30 seconds: it may roam.
//! If an access point stops, or loses everybody at once, nobody left.
//! ## What fools it
//! Stations that roam to an access point of another machine.
//!
//! Holds: [`POINTS_MAX`] access points, of each [`stations::STATIONS_MAX`] stations.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::{Desk, ScanError, Work, page::page};
use crate::{
    model::{Card, Fact, Health, MacAddr, Probe, Source, Span, Subject},
    wire::hostapd::Event,
};

mod control;
pub(super) mod stations;

use control::{ControlError, Point};
use stations::{Leaving, Place, Stations};

pub(super) static CARD: Card =
    Card { id: "hostapd", title: "Stations of an access point", needs: None, page: page!("hostapd.rs") };
pub(super) const SOURCE: Source = Source::Hostapd;
pub(super) const PROBES: &[Probe] = &[];

/// A radio has up to eight networks, and a router three radios.
const POINTS_MAX: usize = 24;
const FOLDERS_MAX: usize = 8;
/// Entries of a folder looked at.
const ENTRIES_MAX: usize = 256;

/// `scanners.hostapd`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// How often the stations are listed. Who comes and goes is heard at once.
    pub interval: Span,
    /// Folders with hostapd's control sockets, its `ctrl_interface`.
    pub folders: Vec<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { enabled: true, interval: Span::seconds(15), folders: vec![PathBuf::from("/var/run/hostapd")] }
    }
}

pub(super) async fn run(settings: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let mut points = Points { open: BTreeMap::new(), leaving: Leaving::default(), trouble: None };
    loop {
        let now = desk.now().mono;
        let due = points.leaving.due().map(|due| due.since(now));
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Round) => points.round(&settings, &mut desk).await?,
                Some(Work::Look(_)) => {}
            },
            () = sleep(due.unwrap_or_default()), if due.is_some() => {
                for mac in points.leaving.left(desk.now().mono) {
                    if !points.serve(mac) {
                        let gone = Fact::Gone(crate::model::Goodbye::ApLeft);
                        desk.report(None, Subject::mac(mac), gone).await?;
                    }
                }
            }
            (path, event) = control::next_event(&points.open) => points.happened(&path, event, &mut desk).await?,
        }
    }
}

struct Points {
    open: BTreeMap<PathBuf, (Point, Stations)>,
    leaving: Leaving,
    /// Why a socket that is there cannot be used.
    trouble: Option<String>,
}

impl Points {
    async fn round(&mut self, settings: &Settings, desk: &mut Desk) -> Result<(), ScanError> {
        self.trouble = None;
        let mut found = Vec::new();
        for folder in settings.folders.iter().take(FOLDERS_MAX) {
            found.extend(sockets(folder).await);
        }
        found.truncate(POINTS_MAX);
        self.open.retain(|path, _| found.contains(path));
        for path in found {
            if let std::collections::btree_map::Entry::Vacant(place) = self.open.entry(path.clone()) {
                match Point::open(&path).await {
                    Ok(point) => drop(place.insert((point, Stations::default()))),
                    Err(ControlError::NoPoint) => {}
                    Err(error) => self.trouble = Some(format!("{}: {error}", path.display())),
                }
            }
        }
        let mut seen = 0;
        let paths: Vec<PathBuf> = self.open.keys().cloned().collect();
        for path in paths {
            let Some((point, stations)) = self.open.get_mut(&path) else { continue };
            match point.stations().await {
                Ok(listed) => {
                    seen += listed.len() as u64;
                    let now = desk.now().mono;
                    let name = path.file_name().and_then(|name| name.to_str());
                    let place = Place { point: name, ssid: point.ssid() };
                    for (mac, fact) in stations.look(&listed, place, now) {
                        if matches!(fact, Fact::Alive { .. }) {
                            self.leaving.back(mac);
                        }
                        desk.report(None, Subject::mac(mac), fact).await?;
                    }
                }
                // It was restarted, or hangs: opened anew in the next round.
                Err(error) => {
                    tracing::debug!(path = %path.display(), %error, "an access point does not answer");
                    self.open.remove(&path);
                }
            }
        }
        let advice = "run Porchlight in the group of hostapd's ctrl_interface_group".to_owned();
        desk.health(match &self.trouble {
            Some(why) => Health::Degraded { why: why.clone(), advice: Some(advice) },
            None if self.open.is_empty() => Health::Off,
            None => Health::Up,
        });
        desk.done(seen);
        Ok(())
    }

    async fn happened(&mut self, path: &Path, event: Option<Event>, desk: &mut Desk) -> Result<(), ScanError> {
        let now = desk.now().mono;
        let Some((_, stations)) = self.open.get_mut(path) else { return Ok(()) };
        match event {
            Some(Event::Joined(mac)) if mac.is_station() => {
                self.leaving.back(mac);
                stations.joined(mac, now);
                let alive = Fact::Alive { proof: crate::model::Proof::Frame, age: Duration::ZERO };
                desk.report(None, Subject::mac(mac), alive).await?;
            }
            Some(Event::Left(mac)) if mac.is_station() => {
                let before = stations.len();
                stations.left(mac);
                self.leaving.leaves(mac, path, before, now);
            }
            Some(Event::Stops) => {
                stations.clear();
                self.leaving.stops(path);
            }
            Some(_) => {}
            // The socket is gone.
            None => drop(self.open.remove(path)),
        }
        Ok(())
    }

    /// Some access point of ours lists it.
    fn serve(&self, mac: MacAddr) -> bool {
        self.open.values().any(|(_, stations)| stations.has(mac))
    }
}

/// The sockets of a folder, in order. `global` is hostapd's own, no access point's.
async fn sockets(folder: &Path) -> Vec<PathBuf> {
    use std::os::unix::fs::FileTypeExt;
    let mut found = Vec::new();
    let Ok(mut entries) = tokio::fs::read_dir(folder).await else { return found };
    for _ in 0..ENTRIES_MAX {
        let Ok(Some(entry)) = entries.next_entry().await else { break };
        let is_socket = entry.file_type().await.is_ok_and(|kind| kind.is_socket());
        if is_socket && entry.file_name() != "global" {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}
