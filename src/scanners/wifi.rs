//! # Wi-Fi networks
//!
//! ## What it finds
//! The networks in the air: name, access point, channel, level and security; the home's own is marked. Where this
//! machine is itself an access point: its stations, with level.
//! ## What it sends
//! Nothing. It reads what the last scan of NetworkManager, or of whoever keeps the card connected, has found.
//! ## What it needs
//! A Wi-Fi card of this machine. No rights.
//! ## How it decides
//! NetworkManager is asked over the system bus where it runs; otherwise the kernel itself (nl80211). A network
//! is the home's own if it has the name of the one this machine is connected to. Hearing an access point proves
//! nothing about who is at home, and makes no device of a neighbour's. A station of this machine's own access
//! point is alive if it sent something since the round before; that the kernel still lists it proves nothing.
//! ## What fools it
//! Anybody may send beacons under the home's name. Levels of NetworkManager are percents turned back into dBm. A
//! machine that is connected scans seldom, so what is listed may be minutes old.

use super::{Desk, ScanError, Work, nl80211::Kernel, page::page, timed::timed};
use crate::{
    model::{AccessPoint, Card, Fact, Health, MacAddr, Probe, Rssi, Source, Span, Subject, clean_text},
    wire::wifi::{Security, channel},
};

#[cfg(feature = "ble")]
mod networkmanager;
mod scan;
mod stations;

pub(super) static CARD: Card = Card { id: "wifi", title: "Wi-Fi networks", needs: None, page: page!("wifi.rs") };
pub(super) const SOURCE: Source = Source::Wifi;
pub(super) const PROBES: &[Probe] = &[];

/// Access points told in a round; a block of flats has a hundred, the rest is somebody's joke.
const POINTS_MAX: usize = 512;
/// A name has at most 32 bytes (IEEE 802.11-2020 §9.4.2.2).
const SSID_MAX: usize = 32;

timed! {
    /// `scanners.wifi`.
    Settings
    /// How often what was found is read.
    interval: Span::seconds(60)
}

/// An access point as some source lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Point {
    bssid: MacAddr,
    ssid: Vec<u8>,
    mhz: u32,
    dbm: Option<i16>,
    security: Security,
    /// This machine is connected to it.
    joined: bool,
}

/// What a source knows; `None`: it has no card.
type Listed = Option<Vec<Point>>;

pub(super) async fn run(_: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let mut stations = stations::Stations::default();
    while let Some(work) = desk.next().await? {
        if work != Work::Round {
            continue;
        }
        // A socket a round: a kernel module that is loaded later is found.
        let mut kernel = Kernel::open().await.map_err(|error| format!("cannot ask the kernel about Wi-Fi: {error}"));
        let own = kernel.as_mut().ok().and_then(Option::as_mut);
        let (told, connected) = stations.round(own, desk.now().mono).await;
        for (mac, fact) in told {
            desk.report(None, Subject::mac(mac), fact).await?;
        }
        match list(kernel).await {
            Ok(Some(points)) => {
                desk.health(Health::Up);
                let points = facts(&points);
                let seen = points.len() as u64 + connected;
                for (mac, point) in points {
                    desk.report(None, Subject::mac(mac), Fact::AccessPoint(point)).await?;
                }
                desk.done(seen);
            }
            // No card is nothing to complain of.
            Ok(None) => desk.health(Health::Off),
            Err(why) => desk.health(Health::Degraded {
                why,
                advice: Some("set scanners.wifi.enabled to false if Wi-Fi does not matter".into()),
            }),
        }
    }
    Ok(())
}

async fn list(kernel: Result<Option<Kernel>, String>) -> Result<Listed, String> {
    #[cfg(feature = "ble")]
    {
        // The library waits; nothing else of ours does.
        let asked = tokio::task::spawn_blocking(networkmanager::list).await.map_err(|error| error.to_string())?;
        match asked {
            Ok(Some(points)) => return Ok(Some(points)),
            Ok(None) => {}
            Err(why) => tracing::debug!(why, "NetworkManager tells no networks, asking the kernel"),
        }
    }
    scan::list(kernel?.as_mut()).await
}

/// One line for each access point: the loudest report of it.
fn facts(points: &[Point]) -> Vec<(MacAddr, AccessPoint)> {
    let own: Vec<&[u8]> = points.iter().filter(|point| point.joined).map(|point| point.ssid.as_slice()).collect();
    let mut sorted: Vec<&Point> = points.iter().filter(|point| point.bssid.is_station()).collect();
    sorted.sort_by_key(|point| (point.bssid, std::cmp::Reverse(point.dbm)));
    sorted.dedup_by_key(|point| point.bssid);
    sorted.truncate(POINTS_MAX);
    let told = |point: &Point| AccessPoint {
        ssid: clean_text(&String::from_utf8_lossy(&point.ssid), SSID_MAX),
        channel: channel(point.mhz),
        level: point.dbm.and_then(|dbm| i8::try_from(dbm).ok()).and_then(Rssi::new),
        security: point.security.words().collect::<Vec<_>>().join("+"),
        own: point.joined || (!point.ssid.is_empty() && own.contains(&point.ssid.as_slice())),
    };
    sorted.into_iter().map(|point| (point.bssid, told(point))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_homes_own_network_is_marked_by_its_name() {
        let point = |last: u8, ssid: &str, joined: bool, dbm: i16| Point {
            bssid: MacAddr([2, 0, 0, 0, 0, last]),
            ssid: ssid.into(),
            mhz: 2412,
            dbm: Some(dbm),
            security: Security { wpa2: true, ..Security::default() },
            joined,
        };
        let points = [
            point(1, "Home", true, -50),
            point(2, "Home", false, -70),
            point(3, "", false, -70),
            point(4, "Other", false, -80),
            point(4, "Other", false, -75),
        ];
        let shown: Vec<String> = facts(&points)
            .iter()
            .map(|(mac, p)| format!("{} {} {} {:?}", mac.tail(), p.ssid, p.own, p.level.map(Rssi::dbm)))
            .collect();
        assert_eq!(
            shown,
            [
                "00:01 Home true Some(-50)",
                "00:02 Home true Some(-70)",
                "00:03  false Some(-70)",
                "00:04 Other false Some(-75)"
            ]
        );
        let hidden = [point(1, "", true, -50), point(2, "", false, -50)];
        assert_eq!(facts(&hidden).iter().filter(|(_, point)| point.own).count(), 1, "hidden names are not one name");
    }

    #[test]
    fn a_flood_of_networks_is_cut() {
        let points: Vec<Point> = (0..5_000u32)
            .map(|n| {
                let [_, b, c, d] = n.to_be_bytes();
                Point {
                    bssid: MacAddr([2, 0, 0, b, c, d]),
                    ssid: vec![0xff; 40],
                    mhz: n,
                    dbm: None,
                    security: Security::default(),
                    joined: false,
                }
            })
            .collect();
        let told = facts(&points);
        assert_eq!(told.len(), POINTS_MAX);
        assert!(told.iter().all(|(_, point)| point.ssid.chars().count() <= SSID_MAX && point.security == "open"));
    }
}
