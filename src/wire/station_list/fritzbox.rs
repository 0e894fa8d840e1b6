//! # What a Fritz!Box says by TR-064
//!
//! SOAP as AVM's documents describe it (avm.de/service/schnittstellen: "First Steps", "Hosts", "WLANConfiguration"),
//! and the list of hosts as a file whose place the box names. No counters: who is listed is associated, or was
//! until lately.

use super::{Listed, STATIONS_MAX, mac, text};
use crate::wire::xml;

pub const WLAN: &str = "urn:dslforum-org:service:WLANConfiguration:";
pub const HOSTS: &str = "urn:dslforum-org:service:Hosts:1";
/// `errorCode` of TR-064: index out of range, "no such entry", which ends a list.
const NO_ENTRY: u32 = 713;
const NO_SUCH: u32 = 714;
/// Action not authorized: the user may not see this.
const UNAUTHORIZED: u32 = 606;

/// A request for `action`, with one argument if it has one.
#[must_use]
pub fn request(service: &str, action: &str, argument: Option<(&str, &str)>) -> String {
    let argument = argument.map(|(name, value)| format!("<{name}>{}</{name}>", xml::escaped(value)));
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\" \
         xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><u:{action} xmlns:u=\"{service}\">{}</u:{action}>\
         </s:Body></s:Envelope>",
        argument.unwrap_or_default()
    )
}

/// What a fault says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The list is over.
    NoEntry,
    Forbidden,
    Other(u32),
}

#[must_use]
pub fn fault(body: &[u8]) -> Fault {
    match value(body, "errorCode").and_then(|code| code.parse().ok()) {
        Some(NO_ENTRY | NO_SUCH) => Fault::NoEntry,
        Some(UNAUTHORIZED) => Fault::Forbidden,
        other => Fault::Other(other.unwrap_or_default()),
    }
}

/// The text of the first element of that name.
#[must_use]
pub fn value(body: &[u8], name: &str) -> Option<String> {
    let mut found = None;
    let _read_so_far = xml::leaves(body, |path, text| {
        if found.is_none() && path.last().is_some_and(|last| last == name) {
            found = Some(text.to_owned());
        }
    });
    found.filter(|text| !text.is_empty())
}

/// The answer to `GetGenericAssociatedDeviceInfo`. `None`: not one, or not let in.
#[must_use]
pub fn station(body: &[u8]) -> Option<Listed> {
    let mut listed = Listed::bare(mac(&value(body, "NewAssociatedDeviceMACAddress")?)?);
    listed.ip = value(body, "NewAssociatedDeviceIPAddress").and_then(|ip| ip.parse().ok());
    listed.station.authorized = value(body, "NewAssociatedDeviceAuthState").is_none_or(|state| state != "0");
    Some(listed)
}

/// Where the list of hosts lies. Only a path of the box itself.
#[must_use]
pub fn host_list(body: &[u8]) -> Option<String> {
    value(body, "NewX_AVM-DE_HostListPath").filter(|path| path.starts_with('/') && !path.starts_with("//"))
}

/// The hosts in that list, each with its name; `Active` is the box's own opinion, with its own patience, and is not
/// read. One at a time: the whole may be longer than a document may be.
#[must_use]
pub fn hosts(body: &[u8]) -> Vec<Listed> {
    let document = String::from_utf8_lossy(body);
    let items = document.split("<Item>").skip(1).filter_map(|rest| rest.split("</Item>").next());
    let each = items.take(STATIONS_MAX).filter_map(|item| {
        let item = format!("<Item>{item}</Item>");
        let mut listed = Listed::bare(mac(&value(item.as_bytes(), "MACAddress")?)?);
        listed.ip = value(item.as_bytes(), "IPAddress").and_then(|ip| ip.parse().ok());
        listed.host = value(item.as_bytes(), "HostName").and_then(|name| text(&name));
        Some(listed)
    });
    each.collect()
}
