//! # Wi-Fi in monitor mode
//!
//! ## What it finds
//! Devices of the home as their radios send, with level: also those that sleep, and those whose traffic never
//! reaches this machine's cable. Access points with channel, level and security. Radios of passers-by, as a number.
//! ## What it sends
//! Nothing. With `hop` it turns the card from channel to channel and longest to the home's own.
//! ## What it needs
//! An interface in monitor mode, which it does not make: `iw dev wlan0 interface add mon0 type monitor` and
//! `ip link set mon0 up`. CAP_NET_RAW to listen, CAP_NET_ADMIN to change channels. Not every card can; a card that
//! also keeps a connection stays on that connection's channel.
//! ## How it decides
//! Addresses are in the clear even where the rest is encrypted. Whose network it is follows from
//! `presence.wifi_networks`, from the network this machine is joined to, or from whose router it carries frames for.
//! Who sends data through that network is a device of the home; neighbours and those who only ask around are counted.
//! ## What fools it
//! Forged frames under a device's address. A neighbour's network with the same name as yours: set the addresses of
//! your access points instead of the name. While it listens elsewhere it hears nothing of the home, so silence
//! here says nothing. 6 GHz is not listened to.

use std::{io, time::Duration};

use rtnetlink::packet_route::link::LinkLayerType;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

use super::{
    Desk, ScanError, Work,
    links::{Heard, Kernel as Links},
    nl80211::Kernel,
    page::page,
};
use crate::model::{Card, Health, Probe, Source, Span};

mod plan;

use plan::{Plan, mhz};

pub(super) static CARD: Card = Card {
    id: "wifi_monitor",
    title: "Wi-Fi in monitor mode",
    needs: Some("CAP_NET_RAW"),
    page: page!("wifi_monitor.rs"),
};
pub(super) const SOURCE: Source = Source::WifiMonitor;
pub(super) const PROBES: &[Probe] = &[];

/// A card needs some milliseconds to turn; below this it would hear nothing.
const DWELL_MIN: Duration = Duration::from_millis(20);
/// A single scan listens so long: access points send a beacon every 102.4 ms.
const LISTEN_ONCE: Duration = Duration::from_millis(1500);
const MAKE_ONE: &str = "iw dev wlan0 interface add mon0 type monitor && ip link set mon0 up";
const GRANT: &str = "setcap cap_net_raw,cap_net_admin=ep \"$(command -v porchlight)\"";

/// `scanners.wifi_monitor`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// How often interfaces in monitor mode are looked for.
    pub interval: Span,
    /// The interface in monitor mode. Empty: all there are.
    pub interface: String,
    /// Turn from channel to channel. `false`: the channel is left as it is.
    pub hop: bool,
    /// Channels to turn to, such as `[1, 6, 11, 36]`. Empty: all of 2.4 and 5 GHz.
    pub channels: Vec<u16>,
    /// How long to stay on a channel; on the home's own eight times as long.
    pub dwell: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            enabled: true,
            interval: Span::seconds(60),
            interface: String::new(),
            hop: true,
            channels: Vec::new(),
            dwell: Span(Duration::from_millis(250)),
        }
    }
}

impl Settings {
    /// Names of the interfaces to listen on now: those in monitor mode that are up.
    ///
    /// # Errors
    /// The kernel gives no listing.
    pub async fn ears(&self) -> Result<Vec<String>, ScanError> {
        Ok(self.monitors(&heard().await?).into_iter().filter(|link| link.up).map(|link| link.name.clone()).collect())
    }

    fn monitors<'a>(&self, links: &'a [Heard]) -> Vec<&'a Heard> {
        let wanted = |link: &&Heard| self.interface.is_empty() || link.name == self.interface;
        links.iter().filter(|link| is_monitor(link.layer)).filter(wanted).collect()
    }
}

async fn heard() -> Result<Vec<Heard>, ScanError> {
    Links::open()?.layers().await
}

/// Frames begin with a radio header (linux/if_arp.h, ARPHRD_IEEE80211_RADIOTAP), as all drivers of today give it.
const fn is_monitor(layer: LinkLayerType) -> bool {
    matches!(layer, LinkLayerType::Ieee80211Radiotap)
}

/// The scanner between two rounds.
struct Tuner {
    settings: Settings,
    plan: Plan,
    kernel: Option<Kernel>,
    /// Interfaces that are turned.
    indices: Vec<u32>,
    /// Why the channel stays.
    stuck: Option<(String, Option<String>)>,
    /// Something was heard here once.
    proven: bool,
    said: bool,
    due: Option<Instant>,
}

pub(super) async fn run(settings: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let mut tuner = Tuner {
        settings,
        plan: Plan::default(),
        kernel: None,
        indices: Vec::new(),
        stuck: None,
        proven: false,
        said: false,
        due: None,
    };
    loop {
        let due = tuner.due;
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Look(_)) => {}
                Some(Work::Round) => {
                    desk.stay(LISTEN_ONCE);
                    tuner.round(&mut desk).await?;
                }
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => tuner.hop().await,
        }
    }
}

impl Tuner {
    async fn round(&mut self, desk: &mut Desk) -> Result<(), ScanError> {
        let links = heard().await?;
        let monitors = self.settings.monitors(&links);
        let up: Vec<u32> = monitors.iter().filter(|link| link.up).map(|link| link.id).collect();
        let home = desk.home();
        let own = || home.air.points.iter().filter(|point| point.own && point.sources.contains(&SOURCE));
        let seen: u64 = own().map(|point| u64::from(point.stations)).sum();
        self.proven |= seen > 0;
        if up.is_empty() {
            (self.due, self.kernel) = (None, None);
            self.indices.clear();
            self.absent(&links, desk);
            return Ok(());
        }
        self.said = false;
        self.indices = up;
        let channels: Vec<u16> = home.air.points.iter().filter(|point| point.own).filter_map(|p| p.channel).collect();
        self.plan.adopt(&self.settings.channels, &channels);
        self.stuck = None;
        if self.settings.hop {
            self.open().await;
            if desk.is_single() {
                self.one_pass(desk).await?;
            } else if self.due.is_none() || self.plan.len() == 1 {
                self.hop().await;
            }
        }
        desk.health(match &self.stuck {
            _ if !may_listen() => Health::Degraded {
                why: format!("may not listen on {}: CAP_NET_RAW is missing", names(&monitors)),
                advice: Some(GRANT.into()),
            },
            Some((why, advice)) => Health::Degraded { why: why.clone(), advice: advice.clone() },
            None => Health::Up,
        });
        desk.done(seen);
        Ok(())
    }

    /// Nothing to listen on: says what is missing.
    fn absent(&mut self, links: &[Heard], desk: &mut Desk) {
        let wanted = &self.settings.interface;
        let (why, advice) = match links.iter().find(|link| link.name == *wanted) {
            _ if wanted.is_empty() => match self.settings.monitors(links).first() {
                Some(link) => (format!("{} is down", link.name), format!("ip link set {} up", link.name)),
                None => ("no interface is in monitor mode".to_owned(), MAKE_ONE.to_owned()),
            },
            None => (format!("there is no interface {wanted}"), MAKE_ONE.replace("mon0", wanted)),
            Some(link) if !is_monitor(link.layer) => (
                format!("{wanted} is not in monitor mode"),
                format!("ip link set {wanted} down && iw dev {wanted} set type monitor && ip link set {wanted} up"),
            ),
            Some(_) => (format!("{wanted} is down"), format!("ip link set {wanted} up")),
        };
        if !std::mem::replace(&mut self.said, true) {
            tracing::info!(why, advice, "no Wi-Fi monitor");
        }
        desk.health(if self.proven {
            Health::Down { why, advice: Some(advice) }
        } else if wanted.is_empty() {
            // Most machines have none, and most homes need none.
            Health::Off
        } else {
            Health::Degraded { why, advice: Some(advice) }
        });
        desk.say_again();
    }

    async fn open(&mut self) {
        if self.kernel.is_some() {
            return;
        }
        match Kernel::open().await {
            Ok(Some(kernel)) => self.kernel = Some(kernel),
            Ok(None) => self.stay("this kernel has no nl80211", None),
            Err(error) => self.stay(&format!("cannot ask the kernel about Wi-Fi: {error}"), None),
        }
    }

    /// Each channel once, for a single look around.
    async fn one_pass(&mut self, desk: &mut Desk) -> Result<(), ScanError> {
        for _ in 0..self.plan.len() {
            self.hop().await;
            self.due = None;
            if self.stuck.is_some() || !desk.pause(self.dwell()).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn dwell(&self) -> Duration {
        self.settings.dwell.0.max(DWELL_MIN)
    }

    /// Turns to the next channel and sets when to turn again.
    async fn hop(&mut self) {
        self.due = None;
        let dwell = self.dwell();
        while let Some((channel, stay)) = self.plan.next(dwell) {
            let (Some(kernel), Some(mhz)) = (&mut self.kernel, mhz(channel)) else { return };
            let mut turned = false;
            for index in &self.indices {
                match kernel.tune(*index, mhz).await {
                    Ok(()) => turned = true,
                    Err(error) if is_refusal(&error) => {}
                    Err(error) => {
                        let (why, advice) = reason(&error);
                        self.kernel = None;
                        return self.stay(&why, advice);
                    }
                }
            }
            if turned {
                // A single channel is set again at each round, in case somebody else turned the card.
                self.due = (self.plan.len() > 1).then(|| Instant::now() + stay);
                return;
            }
            self.plan.refuse(channel);
        }
        self.stay("no channel of scanners.wifi_monitor.channels is allowed here", Some("iw reg get"));
    }

    fn stay(&mut self, why: &str, advice: Option<&str>) {
        self.due = None;
        let why = format!("the channel stays as it is: {why}");
        self.stuck =
            Some((why, advice.map(str::to_owned).or_else(|| Some("set scanners.wifi_monitor.hop to false".into()))));
    }
}

/// This channel is not for this card or this country; others may be.
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ERANGE | libc::ENOTSUP))
}

fn reason(error: &io::Error) -> (String, Option<&'static str>) {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => ("CAP_NET_ADMIN is missing".into(), Some(GRANT)),
        Some(libc::EBUSY) => ("the card keeps a connection on it".into(), None),
        _ => (error.to_string(), None),
    }
}

fn may_listen() -> bool {
    // What cannot be found out is not complained of.
    caps::has_cap(None, caps::CapSet::Effective, caps::Capability::CAP_NET_RAW).unwrap_or(true)
}

fn names(links: &[&Heard]) -> String {
    links.iter().map(|link| link.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(id: u32, name: &str, layer: LinkLayerType, up: bool) -> Heard {
        Heard { id, name: name.into(), layer, up }
    }

    #[test]
    fn monitors_are_told_from_cards_that_are_connected() {
        use LinkLayerType as L;
        let links = [
            link(1, "lo", L::Loopback, true),
            link(2, "wlan0", L::Ether, true),
            link(3, "mon0", L::Ieee80211Radiotap, true),
            link(4, "mon1", L::Ieee80211Radiotap, false),
            link(5, "bare", L::Ieee80211, true),
            link(6, "old", L::Ieee80211Prism, true),
        ];
        let found = |interface: &str| {
            let settings = Settings { interface: interface.into(), ..Settings::default() };
            settings.monitors(&links).iter().map(|link| link.id).collect::<Vec<_>>()
        };
        assert_eq!(found(""), [3, 4]);
        assert_eq!(found("mon1"), [4]);
        assert_eq!(found("wlan0"), Vec::<u32>::new());
    }

    #[test]
    fn refusals_of_one_channel_are_told_from_refusals_of_all() {
        let error = io::Error::from_raw_os_error;
        assert!(
            is_refusal(&error(libc::EINVAL)) && !is_refusal(&error(libc::EBUSY)) && !is_refusal(&error(libc::EPERM))
        );
        assert_eq!(reason(&error(libc::EPERM)), ("CAP_NET_ADMIN is missing".into(), Some(GRANT)));
    }
}
