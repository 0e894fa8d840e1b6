//! # What a UniFi controller says of its clients
//!
//! `stat/sta` of a site: `{"meta":{"rc":"ok"},"data":[…]}` (the fields are those that aiounifi's `clients.py` and Art
//! of WiFi's API browser name). A client stays listed for minutes after it left; its counters stand still then.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Listed, POINTS_MAX, Point, STATIONS_MAX, count, dbm, mac, seconds, string};

/// What became of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    Done(Vec<Value>),
    /// No session, or a wrong password.
    Login,
    /// The session may not do this.
    Forbidden,
    /// No such site.
    NoSite,
    Odd(String),
}

/// What is sent to log in.
#[must_use]
pub fn login(username: &str, password: &str) -> String {
    json!({"username": username, "password": password, "remember": true}).to_string()
}

#[must_use]
pub fn said(answer: &Value) -> Said {
    let meta = answer.get("meta");
    let text = |key: &str| meta.and_then(|meta| string(meta, key));
    match (text("rc").as_deref(), answer.get("data").and_then(Value::as_array)) {
        (Some("ok"), Some(data)) => Said::Done(data.clone()),
        (Some("error"), _) => match text("msg").as_deref() {
            Some("api.err.LoginRequired" | "api.err.Invalid" | "api.err.SessionExpired") => Said::Login,
            Some("api.err.NoPermission") => Said::Forbidden,
            Some("api.err.NoSiteContext") => Said::NoSite,
            other => Said::Odd(other.unwrap_or_default().to_owned()),
        },
        _ => Said::Odd(String::new()),
    }
}

/// The wireless clients by access point and network. Those on a cable are left out: the counters that come with
/// them are the switch port's, behind which others may sit.
#[must_use]
pub fn points(clients: &[Value]) -> Vec<Point> {
    let mut points: BTreeMap<String, Point> = BTreeMap::new();
    for client in clients {
        let wired = client.get("is_wired").and_then(Value::as_bool);
        let address = client.get("mac").and_then(Value::as_str).and_then(mac);
        let (Some(address), false) = (address, wired.unwrap_or_default()) else { continue };
        // What no access point serves is only remembered.
        let Some(name) = string(client, "bssid").or_else(|| string(client, "ap_mac")) else { continue };
        if points.len() >= POINTS_MAX && !points.contains_key(&name) {
            continue;
        }
        let ssid = string(client, "essid");
        let point = points.entry(name.clone()).or_insert_with(|| Point { name, ssid, listed: Vec::new() });
        if point.listed.len() >= STATIONS_MAX {
            continue;
        }
        let mut listed = Listed::bare(address);
        listed.station.rx_packets = count(client, "rx_packets");
        listed.station.rx_bytes = count(client, "rx_bytes");
        listed.station.inactive = seconds(client, "idletime");
        listed.station.connected = seconds(client, "uptime");
        listed.station.level = dbm(client, "signal");
        listed.ip = client.get("ip").and_then(Value::as_str).and_then(|ip| ip.parse().ok());
        listed.host = string(client, "hostname");
        point.listed.push(listed);
    }
    points.into_values().collect()
}
