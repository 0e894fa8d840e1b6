//! # Replay: capture files through the daemon's own core
//!
//! The running part, without words: files in, what the engine made of them out. Time is that of the
//! frames, so the same files give the same devices and alerts on every machine, however fast.
//!
//! How it is told stands in `verb`. No network is touched and nothing is stored.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    capture::{CaptureError, Filter, file},
    engine::{Engine, Input},
    intel::{fetch, indicators::Indicators},
    model::{
        AirView, AlertId, AlertView, Captured, Change, DeviceView, InterfaceId, LinkType, Moment, NetworkFacts,
        Remembered, Wall, WindowView,
    },
    settings::Settings,
    wire::{Frame, link_name, protocol_name},
};

mod calibrate;
mod conversations;
mod page;
mod score;
mod verb;

use conversations::Conversations;
pub use conversations::{Conversation, Peer};
pub use verb::{Args, run};

/// The installation a replay plays: fixed, so that device ids are the same each time.
const INSTANCE: u32 = 0x00_7e_91_a4;
/// Alerts kept. The engine merges what repeats; a capture that raises more is an attack on us.
const ALERTS_MAX: usize = 10_000;
/// Stays kept, for a picture of who was here when.
const WINDOWS_MAX: usize = 100_000;
/// Time that passes after the last frame.
const AFTERWARDS: Duration = Duration::from_secs(6);
/// Interfaces of one file, so that those of the next have other numbers.
const INTERFACES_A_FILE: u32 = 1024;

/// Which frames of a file are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ears {
    /// All there are.
    #[default]
    All,
    /// Of Ethernet only those that the daemon would take from the wire, and as much of each.
    Live,
}

impl Ears {
    fn filter(self) -> Option<Filter> {
        (self == Ears::Live).then(Filter::conversations)
    }
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Replayed {
    pub files: Vec<FileStats>,
    /// By id.
    pub devices: Vec<Arc<DeviceView>>,
    /// Access points heard.
    pub air: Arc<AirView>,
    /// All that were opened, as they were at the end, oldest first.
    pub alerts: Vec<Arc<AlertView>>,
    /// Stays that ended, oldest first; those that last are in `devices`.
    pub windows: Vec<WindowView>,
    /// Alerts that found no room.
    pub alerts_dropped: u64,
    /// Protocol to frames.
    pub protocols: BTreeMap<&'static str, u64>,
    /// What was wrong with frames: word to frames.
    pub faults: BTreeMap<&'static str, u64>,
    /// Those with the most bytes first.
    pub conversations: Vec<Conversation>,
    /// Secrets that anybody on the way could read, masked.
    pub credentials: Vec<Credential>,
    /// Detectors that failed on the way: a fault of this program.
    pub failed: Vec<&'static str>,
    /// Frames a second of processor time.
    pub packets_per_second: f64,
    pub cpu_seconds: f64,
}

/// A login in the clear. The secret itself is nowhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Credential {
    pub protocol: String,
    /// Masked.
    pub user: String,
    /// How long the secret is, about.
    pub length: String,
    pub from: String,
    pub to: String,
    pub at: Wall,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStats {
    pub path: PathBuf,
    pub packets: u64,
    /// Of frames, as captured.
    pub bytes: u64,
    /// Custom blocks of pcapng, which some tools count as packets.
    pub customs: u64,
    pub truncated: bool,
    /// `mixed` if it holds several kinds; `None` without a frame.
    pub link: Option<&'static str>,
    /// Earliest and latest stamp.
    pub from: Option<Wall>,
    pub to: Option<Wall>,
}

/// Plays `paths` in order through one engine. `cpu_seconds` tells the processor time this process
/// has used so far.
///
/// # Errors
/// The first file that cannot be opened or is no capture; nothing has been played then.
pub fn replay(paths: &[PathBuf], settings: &Settings, cpu_seconds: impl Fn() -> f64) -> Result<Replayed, CaptureError> {
    replay_knowing(paths, settings, Ears::All, &Arc::default(), cpu_seconds)
}

/// What lists call bad: files, and what the daemon kept in `state_dir` of those it fetches.
#[must_use]
pub fn indicators(settings: &Settings, state_dir: Option<&Path>, now: Wall) -> Arc<Indicators> {
    let wanted = &settings.detectors.threat_intel;
    let folder = state_dir.map(|folder| folder.join(crate::daemon::FEEDS));
    let loaded = fetch::load(&wanted.feeds, folder.as_deref(), wanted.max_entries, now);
    if let Some(why) = loaded.trouble() {
        tracing::warn!(%why, "lists of bad addresses are not what they should be");
    }
    Arc::new(loaded.indicators)
}

/// As [`replay`], with lists of bad addresses, and perhaps with the daemon's own ears.
///
/// # Errors
/// As [`replay`].
pub fn replay_knowing(
    paths: &[PathBuf],
    settings: &Settings,
    ears: Ears,
    indicators: &Arc<Indicators>,
    cpu_seconds: impl Fn() -> f64,
) -> Result<Replayed, CaptureError> {
    // Opened once to know they are all there, and again one by one: a thousand files are too many to hold.
    for path in paths {
        file::open(path)?;
    }
    let started = cpu_seconds();
    let mut player = Player::new(settings, ears, Arc::clone(indicators));
    for path in paths {
        player.play(path)?;
    }
    let mut replayed = player.finish();
    replayed.cpu_seconds = (cpu_seconds() - started).max(0.0);
    let packets: u64 = replayed.files.iter().map(|file| file.packets).sum();
    if replayed.cpu_seconds > 0.0 {
        replayed.packets_per_second = packets as f64 / replayed.cpu_seconds;
    }
    Ok(replayed)
}

struct Player {
    settings: crate::engine::Settings,
    filter: Option<Filter>,
    indicators: Arc<Indicators>,
    /// Made at the first frame, whose moment is its start.
    engine: Option<Engine>,
    timeline: file::Timeline,
    last: Moment,
    alerts: BTreeMap<AlertId, Arc<AlertView>>,
    conversations: Conversations,
    protocols: Vec<(&'static str, u64)>,
    replayed: Replayed,
}

impl Player {
    fn new(settings: &Settings, ears: Ears, indicators: Arc<Indicators>) -> Player {
        Player {
            settings: settings.engine(),
            filter: ears.filter(),
            indicators,
            engine: None,
            timeline: file::Timeline::default(),
            last: Moment::default(),
            alerts: BTreeMap::new(),
            conversations: Conversations::default(),
            protocols: Vec::new(),
            replayed: Replayed::default(),
        }
    }

    fn play(&mut self, path: &Path) -> Result<(), CaptureError> {
        let mut reader = file::open(path)?;
        let number = u32::try_from(self.replayed.files.len()).unwrap_or(u32::MAX);
        let (mut from, mut to) = (None::<Wall>, None::<Wall>);
        while let Some(frame) = reader.next() {
            let at = self.timeline.at(frame.stamp_ns);
            from = Some(from.map_or(frame.wall, |known| known.min(frame.wall)));
            to = Some(to.map_or(frame.wall, |known| known.max(frame.wall)));
            let interface = frame.interface.0.saturating_add(number.saturating_mul(INTERFACES_A_FILE));
            let kept = match &self.filter {
                Some(filter) if frame.link == LinkType::ETHERNET => filter.keeps(frame.bytes, frame.wire_len) as usize,
                _ => frame.bytes.len(),
            };
            let Some(bytes) = frame.bytes.get(..kept.min(frame.bytes.len())).filter(|_| kept > 0) else { continue };
            self.frame(&Captured {
                link: frame.link,
                interface: InterfaceId(interface),
                at,
                wire_len: frame.wire_len,
                bytes,
            });
        }
        let link = match reader.link() {
            (_, true) => Some("mixed"),
            (link, false) => link.map(link_name),
        };
        let (packets, bytes, customs) = (reader.frames(), reader.bytes(), reader.customs());
        let truncated = reader.is_truncated();
        self.replayed.files.push(FileStats {
            path: path.to_owned(),
            packets,
            bytes,
            customs,
            truncated,
            link,
            from,
            to,
        });
        Ok(())
    }

    fn frame(&mut self, captured: &Captured<'_>) {
        let frame = Frame::decode(captured.link, captured.bytes);
        let protocol = protocol_name(&frame);
        self.count(protocol);
        if !frame.faults.is_empty() {
            for fault in frame.faults.words() {
                *self.replayed.faults.entry(fault).or_default() += 1;
            }
        }
        self.conversations.frame(&frame, protocol, captured.wire_len);
        // No interfaces: nothing is known of the network but what the frames show.
        let engine = self.engine.get_or_insert_with(|| {
            let network = Arc::new(NetworkFacts::default());
            let mut engine = Engine::new(&self.settings, network, &Remembered::default(), INSTANCE, captured.at);
            engine.handle(Input::Indicators(Arc::clone(&self.indicators)), captured.at);
            engine
        });
        self.last = captured.at;
        let changes = engine.handle(Input::Decoded(*captured, &frame), captured.at);
        self.keep(changes);
    }

    fn count(&mut self, protocol: &'static str) {
        // A handful of words, the commonest first after a while.
        match self.protocols.iter().position(|(known, _)| std::ptr::eq(*known, protocol)) {
            Some(at) => {
                self.protocols[at].1 += 1;
                if at > 0 && self.protocols[at].1 > self.protocols[at - 1].1 {
                    self.protocols.swap(at, at - 1);
                }
            }
            None => self.protocols.push((protocol, 1)),
        }
    }

    fn keep(&mut self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        for change in changes {
            if let Change::WindowClosed { window } = &change
                && self.replayed.windows.len() < WINDOWS_MAX
            {
                self.replayed.windows.push(window.clone());
            }
            let (Change::AlertOpened { alert } | Change::AlertUpdated { alert } | Change::AlertClosed { alert }) =
                change
            else {
                continue;
            };
            if self.alerts.len() < ALERTS_MAX || self.alerts.contains_key(&alert.id) {
                self.alerts.insert(alert.id.clone(), alert);
            } else {
                self.replayed.alerts_dropped += 1;
            }
        }
    }

    fn finish(mut self) -> Replayed {
        if let Some(mut engine) = self.engine.take() {
            let changes = engine.handle(Input::Tick, self.last);
            let view = engine.view();
            self.keep(changes);
            // Attempts of the last seconds are given their time: that nobody answers is known only then. Who is here
            // is told as of the last frame.
            let late = Moment {
                mono: self.last.mono + AFTERWARDS,
                wall: Wall(self.last.wall.0.saturating_add(AFTERWARDS.as_millis() as i64)),
            };
            let changes = engine.handle(Input::Tick, late);
            self.keep(changes);
            self.replayed.failed = engine.failed();
            self.replayed.air = Arc::clone(&view.air);
            self.replayed.devices = view.devices.values().cloned().collect();
            // The view's are as they are now; those long closed are only in what was said.
            for (id, alert) in &view.alerts {
                if let Some(kept) = self.alerts.get_mut(id) {
                    kept.clone_from(alert);
                }
            }
        }
        for (protocol, count) in self.protocols {
            *self.replayed.protocols.entry(protocol).or_default() += count;
        }
        let mut alerts: Vec<Arc<AlertView>> = self.alerts.into_values().collect();
        alerts.sort_by_key(|alert| (alert.first_seen, alert.sequence));
        let credentials = credentials(&alerts);
        Replayed { alerts, credentials, conversations: self.conversations.top(), ..self.replayed }
    }
}

/// What `cleartext_credentials` saw.
fn credentials(alerts: &[Arc<AlertView>]) -> Vec<Credential> {
    let ip = |party: &crate::model::Party| party.ip.map_or_else(String::new, |ip| ip.to_string());
    let all = alerts.iter().filter(|alert| alert.detector == "cleartext_credentials").map(|alert| {
        let why = |key: &str| {
            alert.evidence.iter().find(|(name, _)| name == key).map_or(String::new(), |(_, value)| value.clone())
        };
        Credential {
            protocol: why("protocol"),
            user: why("user_masked"),
            length: why("secret_length_class"),
            from: ip(&alert.attacker),
            to: ip(&alert.victim),
            at: alert.first_seen,
        }
    });
    all.collect()
}

#[cfg(test)]
mod tests;
