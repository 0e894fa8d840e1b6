//! # What the broker remembers of us
//!
//! After the store was lost: the installation's number, and which device had which id. Then
//! entities in Home Assistant stay the same ones.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    Account, Link, MqttError,
    client::{Event, Filter, Options},
};
use crate::model::{DeviceId, MacAddr};

const ALL_MAX: Duration = Duration::from_secs(3);
const SILENCE: Duration = Duration::from_millis(500);
const CONNECT_MAX: Duration = Duration::from_secs(15);
// More devices than any home has; beyond it somebody else fills our topics.
const DEVICES_MAX: usize = 10_000;
const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

/// What is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// 24 bits.
    pub instance: u32,
    pub node: String,
    /// With the name each was last shown by.
    pub devices: Vec<(DeviceId, MacAddr, Option<String>)>,
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
    /// MAC and host name by device.
    devices: BTreeMap<DeviceId, (MacAddr, Option<String>)>,
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
            names: BTreeMap::new(),
        }
    }

    fn filters(&self) -> Vec<Filter> {
        [
            format!("{}/bridge/info", self.here),
            format!("{}/device/+/presence", self.here),
            format!("{}/device/+/config", self.prefix),
        ]
        .map(Filter::others)
        .into()
    }

    fn take(&mut self, topic: &str, payload: &[u8]) {
        if payload.len() > PAYLOAD_BYTES_MAX || self.devices.len().max(self.names.len()) >= DEVICES_MAX {
            return;
        }
        let Ok(json) = serde_json::from_slice::<Value>(payload) else { return };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        if let Some(rest) = topic.strip_prefix(&self.here) {
            if rest == "/bridge/info" {
                self.instance = json.get("instance").and_then(Value::as_str).and_then(read_instance);
            } else if let Some(id) = rest.strip_prefix("/device/").and_then(|rest| rest.strip_suffix("/presence"))
                && let (Ok(id), Some(Ok(mac))) = (id.parse(), text(json.get("mac")).map(|mac| mac.parse()))
            {
                self.devices.insert(id, (mac, text(json.get("host_name"))));
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
        let devices = std::mem::take(&mut self.devices)
            .into_iter()
            .map(|(id, (mac, host))| {
                let shown = self.names.remove(&format!("{instance:06x}_{id}"));
                (id, mac, shown.or(host))
            })
            .collect();
        Some(Recovered { instance, node: self.node, devices })
    }
}

/// Six hex digits.
pub(super) fn read_instance(text: &str) -> Option<u32> {
    (text.len() == 6).then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_return_with_their_macs_and_names() {
        let mut memory = Memory::new("homeassistant", "porchlight", "home");
        let told: &[(&str, &str)] = &[
            ("porchlight/home/bridge/info", r#"{"contract":1,"instance":"7f3a2c","node":"home"}"#),
            ("porchlight/home/device/d-7f3k2m/presence", r#"{"mac":"3c:22:fb:01:02:03","host_name":"annas-iphone"}"#),
            ("porchlight/home/device/d-9q2w4x/presence", r#"{"mac":"24:6f:28:aa:4f:1a","host_name":"esp"}"#),
            ("porchlight/home/device/d-aaaaaa/presence", r#"{"mac":null}"#),
            ("porchlight/home/device/d-bbbbbb/presence", "not json"),
            ("homeassistant/device/porchlight_7f3a2c_d-7f3k2m/config", r#"{"device":{"name":"Anna's phone"}}"#),
            ("homeassistant/device/porchlight_000001_d-9q2w4x/config", r#"{"device":{"name":"of another"}}"#),
        ];
        for (topic, payload) in told {
            memory.take(topic, payload.as_bytes());
        }
        let known = memory.result().expect("an instance");
        assert_eq!(known.instance, 0x7f_3a2c);
        let names: Vec<_> = known.devices.iter().map(|(id, _, name)| (id.to_string(), name.as_deref())).collect();
        assert_eq!(names, [("d-7f3k2m".into(), Some("Anna's phone")), ("d-9q2w4x".into(), Some("esp"))]);
        assert!(Memory::new("homeassistant", "porchlight", "home").result().is_none());
    }
}
