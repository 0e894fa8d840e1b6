//! # What OpenWrt's ubus says over HTTP
//!
//! JSON-RPC of `uhttpd-mod-ubus` (openwrt.org, "ubus (OpenWrt micro bus architecture)"): a result is an array of a
//! status and a document. Stations come from hostapd (`src/ap/ubus.c` of OpenWrt's patches, `get_clients`) and from
//! iwinfo (rpcd's `iwinfo.c`, `assoclist`).

use std::time::Duration;

use serde_json::{Value, json};

use super::{Listed, STATIONS_MAX, count, dbm, mac, string};

/// The session of nobody, which may log in.
pub const NO_SESSION: &str = "00000000000000000000000000000000";
/// JSON-RPC's code of uhttpd for "access denied", also of a session that is over.
const DENIED: i64 = -32002;
/// `UBUS_STATUS_PERMISSION_DENIED` and `UBUS_STATUS_NOT_FOUND`, `…_METHOD_NOT_FOUND` (libubus, ubusmsg.h).
const PERMISSION: u64 = 6;
const METHOD_NOT_FOUND: u64 = 3;
const NOT_FOUND: u64 = 4;
/// A session's key has 32 digits.
const SESSION_LEN: usize = 32;
const NAMES_MAX: usize = 64;

/// What became of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    Done(Value),
    /// No right, or no session any more.
    Denied,
    /// No such object or method.
    Missing,
    /// Nothing of this protocol.
    Odd,
}

/// A call of `method` of `object`.
#[must_use]
pub fn call(session: &str, object: &str, method: &str, arguments: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": "call", "params": [session, object, method, arguments]}).to_string()
}

/// Asks which objects have names of this pattern.
#[must_use]
pub fn list(session: &str, pattern: &str) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": "list", "params": [session, pattern]}).to_string()
}

/// An answer to `call` or `list`.
#[must_use]
pub fn said(answer: &Value) -> Said {
    if let Some(code) = answer.get("error").and_then(|error| error.get("code")).and_then(Value::as_i64) {
        return if code == DENIED { Said::Denied } else { Said::Missing };
    }
    match answer.get("result") {
        Some(Value::Array(parts)) => match (parts.first().and_then(Value::as_u64), parts.get(1)) {
            (Some(0), body) => Said::Done(body.cloned().unwrap_or(Value::Null)),
            (Some(PERMISSION), _) => Said::Denied,
            (Some(METHOD_NOT_FOUND | NOT_FOUND), _) => Said::Missing,
            _ => Said::Odd,
        },
        Some(objects @ Value::Object(_)) => Said::Done(objects.clone()),
        _ => Said::Odd,
    }
}

/// The key that a login gave.
#[must_use]
pub fn session(body: &Value) -> Option<String> {
    let key = body.get("ubus_rpc_session")?.as_str()?;
    (key.len() == SESSION_LEN && key.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| key.to_owned())
}

/// Objects of hostapd in a list: `hostapd.phy0-ap0`.
#[must_use]
pub fn points(body: &Value) -> Vec<String> {
    let names = body.as_object().into_iter().flat_map(|objects| objects.keys());
    names.filter(|name| name.starts_with("hostapd.") && name.len() <= 64).take(NAMES_MAX).cloned().collect()
}

/// Interfaces in the answer to `iwinfo devices`.
#[must_use]
pub fn devices(body: &Value) -> Vec<String> {
    let names = body.get("devices").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    names.filter(|name| !name.is_empty() && name.len() <= 64).map(str::to_owned).take(NAMES_MAX).collect()
}

/// The network's name in the answer to `iwinfo info`, or to hostapd's `get_status`.
#[must_use]
pub fn ssid(body: &Value) -> Option<String> {
    string(body, "ssid")
}

/// Stations in the answer to hostapd's `get_clients`. It knows no time of inactivity.
#[must_use]
pub fn clients(body: &Value) -> Option<Vec<Listed>> {
    let clients = body.get("clients")?.as_object()?;
    let each = clients.iter().filter_map(|(address, client)| {
        let mut listed = Listed::bare(mac(address)?);
        let of = |key: &str| client.get(key).and_then(|both| count(both, "rx"));
        (listed.station.rx_packets, listed.station.rx_bytes) = (of("packets"), of("bytes"));
        // Without the key it is a radio nearby and nobody of the home.
        listed.station.authorized = client.get("authorized").and_then(Value::as_bool).unwrap_or(true);
        listed.station.level = dbm(client, "signal");
        Some(listed)
    });
    Some(each.take(STATIONS_MAX).collect())
}

/// Stations in the answer to `iwinfo assoclist`.
#[must_use]
pub fn assoclist(body: &Value) -> Option<Vec<Listed>> {
    let results = body.get("results")?.as_array()?;
    let each = results.iter().filter_map(|client| {
        let mut listed = Listed::bare(mac(client.get("mac")?.as_str()?)?);
        let received = client.get("rx");
        let of = |key: &str| received.and_then(|rx| count(rx, key));
        (listed.station.rx_packets, listed.station.rx_bytes) = (of("packets"), of("bytes"));
        listed.station.authorized = client.get("authorized").and_then(Value::as_bool).unwrap_or(true);
        listed.station.inactive = count(client, "inactive").map(Duration::from_millis);
        listed.station.connected = count(client, "connected_time").filter(|s| *s > 0).map(Duration::from_secs);
        listed.station.level = dbm(client, "signal");
        Some(listed)
    });
    Some(each.take(STATIONS_MAX).collect())
}
