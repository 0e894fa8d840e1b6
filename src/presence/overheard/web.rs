//! # What programs say of themselves over HTTP
//!
//! The first segment of a request names the program and often the system (User-Agent), that of an
//! answer the server; a UPnP description in passing is as good as one that was asked for. Only what
//! stands in one segment is read: nothing is put together, so nothing can pile up.

use crate::{
    intel::clouds,
    model::{Fact, Heard, MacAddr, Subject},
    wire::{
        http::Start,
        upnp::{self, Description},
    },
};

use super::{Gleaned, wants};

/// What stands in every UPnP description (UPnP Device Architecture 2.0 §2.3).
const DEVICE: &[u8] = b"urn:schemas-upnp-org:device-1-0";
/// Bytes in which it must stand.
const DEVICE_WITHIN: usize = 512;

/// Names of systems in a User-Agent, from those that name a device down to those that name little.
const SYSTEMS: [&[&str]; 2] = [
    &[
        "iphone",
        "ipad",
        "ipod",
        "apple watch",
        "watch os",
        "watchos",
        "appletv",
        "apple tv",
        "build/",
        "smart-tv",
        "smarttv",
        "web0s",
        "webos",
        "tizen",
        "playstation",
        "xbox",
        "nintendo",
        "cros ",
        "roku",
        "aftt",
        "bravia",
        "crkey",
        "sonos",
    ],
    &[
        "android",
        "windows nt",
        "macintosh",
        "mac os",
        "darwin",
        "linux",
        "freebsd",
        "openbsd",
        "dalvik",
        "cfnetwork",
        "microsoft",
    ],
];

/// `payload` opens with letters of HTTP or with a document.
pub fn glean(gleaned: &mut Gleaned<'_>, payload: &[u8], mac: MacAddr) {
    let sender = Subject::mac(mac);
    if payload.starts_with(b"<?xml") {
        return description(gleaned, payload, sender);
    }
    let Some(start) = Start::read(payload) else { return };
    if !start.is_request {
        if let Some(server) = start.header("server") {
            gleaned.long_label(sender, "http_server", server);
        }
        if let Some(body) = start.body {
            description(gleaned, body, sender);
        }
        return;
    }
    if let Some(agent) = start.header("user-agent") {
        gleaned.long_label(sender, "user_agent", agent);
    }
    let host = start.header("host").and_then(|host| std::str::from_utf8(host).ok());
    if let Some(cloud) = host.and_then(|host| clouds::known(host.split(':').next().unwrap_or_default())) {
        wants::note(gleaned, sender, cloud);
    }
}

fn description(gleaned: &mut Gleaned<'_>, body: &[u8], sender: Subject) {
    let start = body.get(..DEVICE_WITHIN.min(body.len())).unwrap_or_default();
    let is_one = start.windows(DEVICE.len()).any(|window| window == DEVICE);
    if !is_one || !gleaned.may_work() {
        return;
    }
    let Ok(found) = Description::read(body) else { return };
    if !found.name.is_empty() {
        gleaned.fact(sender, Fact::Named { name: found.name.clone(), by: Heard::Ssdp });
    }
    let Description { maker, model, model_number, kind, .. }: upnp::Description = found;
    let labels = [("manufacturer", maker), ("upnp_model", model), ("model_number", model_number), ("upnp_type", kind)];
    for (key, value) in labels {
        put(gleaned, sender, key, value);
    }
}

fn put(gleaned: &mut Gleaned<'_>, subject: Subject, key: &'static str, value: String) {
    if !value.is_empty() {
        gleaned.fact(subject, Fact::Label { key, value });
    }
}

/// How much a User-Agent says of the device.
pub fn weight(agent: &str) -> usize {
    let agent = agent.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| agent.contains(word));
    SYSTEMS.iter().position(|words| says(words)).map_or(usize::from(agent.contains('(')), |place| 3 - place)
}
