//! # What hostapd says on its control socket
//!
//! Text of lines `key=value` (hostapd, src/ap/ctrl_iface_ap.c) and events behind a level such as `<3>`
//! (src/common/wpa_ctrl.h). It allocates: names of networks are text.

use std::time::Duration;

use crate::model::{MacAddr, Rssi, clean_text};

/// Longest message read.
pub const MESSAGE_MAX: usize = 4096;
/// An SSID has 32 bytes, which hostapd may show in four characters each.
const SSID_MAX: usize = 128;

/// An access point's own state (`STATUS`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// It sends and receives; others wait for a free channel or are off.
    pub enabled: bool,
    pub ssid: Option<String>,
    pub bssid: Option<MacAddr>,
    pub channel: Option<u16>,
}

/// One station (`STA-FIRST`, `STA-NEXT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Station {
    pub mac: MacAddr,
    /// May send data: the key exchange is over.
    pub authorized: bool,
    pub rx_packets: Option<u64>,
    pub rx_bytes: Option<u64>,
    /// Since anything was received; the access point's own question can reset it.
    pub inactive: Option<Duration>,
    pub connected: Option<Duration>,
    pub level: Option<Rssi>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Joined(MacAddr),
    Left(MacAddr),
    /// The access point itself stops: nobody left by his own will.
    Stops,
    /// Anything else.
    Other,
}

/// `None`: no such state, as of a socket that is no access point's.
#[must_use]
pub fn status(text: &str) -> Option<Status> {
    let mut status = Status { enabled: value(text, "state")? == "ENABLED", ..Status::default() };
    status.channel = value(text, "channel").and_then(|text| text.parse().ok()).filter(|channel| *channel != 0);
    status.bssid = value(text, "bssid[0]").and_then(|text| text.parse().ok());
    status.ssid = value(text, "ssid[0]").map(|text| clean_text(text, SSID_MAX)).filter(|ssid| !ssid.is_empty());
    Some(status)
}

/// `None`: the list is over.
#[must_use]
pub fn station(text: &str) -> Option<Station> {
    let mac: MacAddr = text.lines().next()?.trim().parse().ok()?;
    let number = |key| value(text, key).and_then(|text| text.parse::<u64>().ok());
    let level = value(text, "signal").and_then(|text| text.parse::<i8>().ok());
    Some(Station {
        mac,
        authorized: value(text, "flags").is_some_and(|flags| flags.contains("[AUTHORIZED]")),
        rx_packets: number("rx_packets"),
        rx_bytes: number("rx_bytes"),
        inactive: number("inactive_msec").map(Duration::from_millis),
        connected: number("connected_time").map(Duration::from_secs),
        // 0 dBm is "not known".
        level: level.filter(|dbm| *dbm < 0).and_then(Rssi::new),
    })
}

/// An event, if the message is one.
#[must_use]
pub fn event(text: &str) -> Option<Event> {
    let text = text.strip_prefix('<')?.split_once('>')?.1;
    let mut words = text.split_ascii_whitespace();
    let about = |word: Option<&str>| word.and_then(|word| word.parse().ok());
    Some(match words.next()? {
        "AP-STA-CONNECTED" => about(words.next()).map_or(Event::Other, Event::Joined),
        "AP-STA-DISCONNECTED" => about(words.next()).map_or(Event::Other, Event::Left),
        "AP-DISABLED" | "INTERFACE-DISABLED" | "CTRL-EVENT-TERMINATING" => Event::Stops,
        _ => Event::Other,
    })
}

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 1, 0]);
    const STATION: &str = "02:00:00:00:01:00\nflags=[AUTH][ASSOC][AUTHORIZED][WMM]\naid=1\ncapability=0x431\n\
        listen_interval=10\nsupported_rates=82 84 8b 96\ntimeout_next=NULLFUNC POLL\ndot11RSNAStatsVersion=1\n\
        rx_packets=120\ntx_packets=80\nrx_bytes=9000\ntx_bytes=7000\ninactive_msec=1500\nsignal=-57\n\
        rx_rate_info=240\nconnected_time=42\n";

    #[test]
    fn a_station_is_read_line_by_line() {
        let found = station(STATION).expect("a station");
        assert_eq!((found.mac, found.authorized), (MAC, true));
        assert_eq!((found.rx_packets, found.rx_bytes), (Some(120), Some(9000)));
        assert_eq!(found.inactive, Some(Duration::from_millis(1500)));
        assert_eq!((found.connected, found.level), (Some(Duration::from_secs(42)), Rssi::new(-57)));
        let poor = station("02:00:00:00:01:00\nflags=[AUTH]\nsignal=0\nrx_bytes=-1\n").expect("a station");
        assert_eq!((poor.authorized, poor.level, poor.rx_bytes, poor.inactive), (false, None, None, None));
        for end in ["", "FAIL\n", "UNKNOWN COMMAND\n", "02:00:00:00:01\n", "<3>AP-STA-CONNECTED 02:00:00:00:01:00"] {
            assert_eq!(station(end), None, "{end:?}");
        }
    }

    #[test]
    fn a_state_is_an_access_point_s() {
        let text = "state=ENABLED\nphy=phy0\nfreq=2437\nchannel=6\nbss[0]=wlan0\nbssid[0]=02:00:00:00:01:00\n\
            ssid[0]=Our\x1b home\nnum_sta[0]=3\n";
        let found = status(text).expect("a state");
        assert_eq!((found.enabled, found.bssid, found.channel), (true, Some(MAC), Some(6)));
        assert_eq!(found.ssid.as_deref(), Some("Our home"));
        assert_eq!(status("state=DISABLED\nchannel=0\n"), Some(Status::default()));
        assert_eq!(status("UNKNOWN COMMAND\n"), None);
    }

    #[test]
    fn events_say_who_comes_and_goes() {
        let cases = [
            ("<3>AP-STA-CONNECTED 02:00:00:00:01:00", Some(Event::Joined(MAC))),
            ("<3>AP-STA-CONNECTED 02:00:00:00:01:00 keyid=child", Some(Event::Joined(MAC))),
            ("<3>AP-STA-DISCONNECTED 02:00:00:00:01:00", Some(Event::Left(MAC))),
            ("<3>AP-STA-DISCONNECTED nobody", Some(Event::Other)),
            ("<3>AP-STA-POLL-OK 02:00:00:00:01:00", Some(Event::Other)),
            ("<3>CTRL-EVENT-TERMINATING ", Some(Event::Stops)),
            ("<3>AP-DISABLED ", Some(Event::Stops)),
            ("<3>", None),
            ("OK\n", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(event(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(<[0-9]>)?[ -~\n]{0,200}") {
            let _ = (event(&text), station(&text));
            if let Some(found) = status(&text) {
                prop_assert!(found.ssid.is_none_or(|ssid| ssid.len() <= SSID_MAX));
            }
        }
    }
}
