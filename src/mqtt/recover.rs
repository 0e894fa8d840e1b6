//! # What the broker remembers of us
//!
//! After the store was lost: the installation's number, which device had which id, and who was home. Then
//! entities in Home Assistant stay the same ones, and nobody leaves because a file did.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    Account, Link, MqttError,
    client::{Event, Filter, Options},
};
use crate::model::{DeviceId, DeviceView, LeaveReason, NameSource, Presence, Proof, Wall};

const ALL_MAX: Duration = Duration::from_secs(3);
const SILENCE: Duration = Duration::from_millis(500);
const CONNECT_MAX: Duration = Duration::from_secs(15);
// More devices than any home has; beyond it somebody else fills our topics.
const DEVICES_MAX: usize = 10_000;
const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

/// What is known again.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovered {
    /// 24 bits.
    pub instance: u32,
    pub node: String,
    /// As they were last shown: id, MAC, address, name, whether they had entities, where they were and since when.
    pub devices: Vec<DeviceView>,
}

/// Reads it. `Ok(None)`: the broker knows nothing of us.
pub async fn recover(account: &Account, prefix: &str, base: &str, node: &str) -> Result<Option<Recovered>, MqttError> {
    let id = format!("porchlight-recover-{:08x}", getrandom::u32().unwrap_or_default());
    let mut link = Link::connect(Options::visit(account.clone(), id));
    let up = async {
        loop {
            match link.next().await {
                Some(Event::Up { .. }) => return Ok(()),
                Some(Event::Down { why, .. }) => return Err(why),
                Some(_) => {}
                None => return Err(MqttError::Closed { broker: account.place.to_string() }),
            }
        }
    };
    let silent = |_| MqttError::Silent { broker: account.place.to_string() };
    tokio::time::timeout(CONNECT_MAX, up).await.map_err(silent)??;
    let mut memory = Memory::new(prefix, base, node);
    let filters = memory.filters();
    let closed = |_| MqttError::Closed { broker: account.place.to_string() };
    link.subscribe(&filters).map_err(closed)?;
    let end = tokio::time::Instant::now() + ALL_MAX;
    loop {
        let quiet = (tokio::time::Instant::now() + SILENCE).min(end);
        match tokio::time::timeout_at(quiet, link.next()).await {
            Err(_) | Ok(None) => break,
            Ok(Some(Event::Message(message))) if message.retain => memory.take(&message.topic, &message.payload),
            Ok(Some(Event::Down { why, .. })) => return Err(why),
            Ok(Some(_)) => {}
        }
        if tokio::time::Instant::now() >= end {
            break;
        }
    }
    link.close().await;
    Ok(memory.result())
}

// What was heard so far.
struct Memory {
    prefix: String,
    here: String,
    node: String,
    instance: Option<u32>,
    devices: BTreeMap<DeviceId, DeviceView>,
    /// When each was last heard, to the minute.
    seen: BTreeMap<DeviceId, Wall>,
    /// Shown names, by the identifier in the discovery topic.
    names: BTreeMap<String, String>,
}

impl Memory {
    fn new(prefix: &str, base: &str, node: &str) -> Memory {
        Memory {
            prefix: prefix.into(),
            here: format!("{base}/{node}"),
            node: node.into(),
            instance: None,
            devices: BTreeMap::new(),
            seen: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    fn filters(&self) -> Vec<Filter> {
        [
            format!("{}/bridge/info", self.here),
            format!("{}/device/+/presence", self.here),
            format!("{}/device/+/fast", self.here),
            format!("{}/device/+/config", self.prefix),
        ]
        .map(Filter::others)
        .into()
    }

    fn take(&mut self, topic: &str, payload: &[u8]) {
        if payload.len() > PAYLOAD_BYTES_MAX
            || [self.devices.len(), self.seen.len(), self.names.len()].contains(&DEVICES_MAX)
        {
            return;
        }
        let Ok(json) = serde_json::from_slice::<Value>(payload) else { return };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        if let Some(rest) = topic.strip_prefix(&self.here) {
            if rest == "/bridge/info" {
                self.instance = json.get("instance").and_then(Value::as_str).and_then(read_instance);
            } else if let Some((id, leaf)) = rest.strip_prefix("/device/").and_then(|rest| rest.split_once('/'))
                && let Ok(id) = id.parse()
            {
                if leaf == "fast" {
                    self.seen.extend(when(&json, "last_seen").map(|at| (id, at)));
                } else if leaf == "presence" {
                    self.devices.extend(shown(id, &json).map(|device| (id, device)));
                }
            }
        } else if let Some(id) = topic
            .strip_prefix(&self.prefix)
            .and_then(|rest| rest.strip_prefix("/device/porchlight_"))
            .and_then(|rest| rest.strip_suffix("/config"))
            && let Some(name) = text(json.get("device").and_then(|device| device.get("name")))
        {
            self.names.insert(id.to_owned(), name);
        }
    }

    fn result(mut self) -> Option<Recovered> {
        let instance = self.instance?;
        let mut devices: Vec<_> = std::mem::take(&mut self.devices).into_values().collect();
        for device in &mut devices {
            if let Some(name) = self.names.remove(&format!("{instance:06x}_{}", device.id)) {
                // It had entities, so it keeps them.
                (device.name, device.exposed) = (name, true);
            }
            let seen = self.seen.get(&device.id).copied().unwrap_or_default();
            device.last_seen = seen.max(device.since);
        }
        Some(Recovered { instance, node: self.node, devices })
    }
}

fn when(json: &Value, key: &str) -> Option<Wall> {
    json.get(key)?.as_str()?.parse().ok()
}

/// A device as its `presence` topic shows it, if that names its MAC.
fn shown(id: DeviceId, json: &Value) -> Option<DeviceView> {
    let text = |key: &str| json.get(key).and_then(Value::as_str);
    let mac = text("mac")?.parse().ok()?;
    let since = when(json, "since").unwrap_or_default();
    let reason = text("reason").unwrap_or_default();
    let word = |reason: &str| {
        reason.parse().map(Proof::word).or_else(|_| reason.parse().map(LeaveReason::word)).unwrap_or_default()
    };
    Some(DeviceView {
        macs: vec![mac],
        addresses: text("ip").and_then(|ip| ip.parse().ok()).into_iter().collect(),
        name: text("host_name").map_or_else(|| id.to_string(), str::to_owned),
        name_source: NameSource::Mdns,
        presence: match text("state") {
            Some("home") => Presence::Home,
            Some("not_home") => Presence::Away,
            _ => Presence::Unknown,
        },
        presence_reason: word(reason),
        first_seen: since,
        since,
        ..DeviceView::blank(id)
    })
}

/// Six hex digits.
pub(super) fn read_instance(text: &str) -> Option<u32> {
    (text.len() == 6).then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_return_as_they_were_last_shown() {
        let mut memory = Memory::new("homeassistant", "porchlight", "home");
        let told: &[(&str, &str)] = &[
            ("porchlight/home/bridge/info", r#"{"contract":1,"instance":"7f3a2c","node":"home"}"#),
            (
                "porchlight/home/device/d-7f3k2m/presence",
                r#"{"state":"home","since":"2026-11-25T17:02:11.000Z","mac":"3c:22:fb:01:02:03","ip":"192.168.7.31","host_name":"annas-iphone","reason":"dhcp_request"}"#,
            ),
            ("porchlight/home/device/d-7f3k2m/fast", r#"{"signal":null,"last_seen":"2026-11-25T19:40:00Z"}"#),
            (
                "porchlight/home/device/d-9q2w4x/presence",
                r#"{"state":"not_home","since":"2026-11-25T08:00:00.000Z","mac":"24:6f:28:aa:4f:1a","ip":null,"host_name":"esp","reason":"no_answer"}"#,
            ),
            (
                "porchlight/home/device/d-cccccc/presence",
                r#"{"state":"None","mac":"24:6f:28:aa:4f:1b","reason":7,"since":"x","ip":"y"}"#,
            ),
            ("porchlight/home/device/d-aaaaaa/presence", r#"{"mac":null}"#),
            ("porchlight/home/device/d-bbbbbb/presence", "not json"),
            ("porchlight/home/device/d-7f3k2m/presence/more", r#"{"mac":"3c:22:fb:01:02:04"}"#),
            ("homeassistant/device/porchlight_7f3a2c_d-7f3k2m/config", r#"{"device":{"name":"Anna's phone"}}"#),
            ("homeassistant/device/porchlight_000001_d-9q2w4x/config", r#"{"device":{"name":"of another"}}"#),
        ];
        for (topic, payload) in told {
            memory.take(topic, payload.as_bytes());
        }
        let known = memory.result().expect("an instance");
        assert_eq!(known.instance, 0x7f_3a2c);
        let rows: Vec<_> = known
            .devices
            .iter()
            .map(|d| {
                let (since, seen) = (d.since.to_string(), d.last_seen.to_string());
                format!(
                    "{} {} {:?} {} {} {since} {seen} {}",
                    d.id, d.name, d.addresses, d.presence, d.presence_reason, d.exposed
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                "d-7f3k2m Anna's phone [192.168.7.31] home dhcp_request 2026-11-25T17:02:11.000Z 2026-11-25T19:40:00.000Z true",
                "d-9q2w4x esp [] away no_answer 2026-11-25T08:00:00.000Z 2026-11-25T08:00:00.000Z false",
                "d-cccccc d-cccccc [] unknown  1970-01-01T00:00:00.000Z 1970-01-01T00:00:00.000Z false",
            ]
        );
        assert!(Memory::new("homeassistant", "porchlight", "home").result().is_none());
    }
}
