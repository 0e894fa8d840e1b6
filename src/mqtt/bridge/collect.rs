//! # What the broker holds
//!
//! After each connect the retained messages of ours are read back, and the hardware addresses
//! other programs name in their discovery, until the broker has been silent for a while.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use crate::{
    model::MacAddr,
    mqtt::{Incoming, MqttError, Publish, Seat, Site, client::Filter, recover},
};

const ALL_MAX: Duration = Duration::from_secs(3);
const SILENCE: Duration = Duration::from_millis(500);
// Of other programs: as many as a large home has, then enough is enough.
const FOREIGN_MAX: usize = 10_000;
const FOREIGN_BYTES_MAX: usize = 16 << 20;
// Of ours: 4,096 devices with four topics each.
const OWN_MAX: usize = 20_000;
const OWN_BYTES_MAX: usize = 32 << 20;
const MACS_MAX: usize = 10_000;

pub(super) struct Collection {
    here: String,
    own_discovery: String,
    prefix: String,
    /// Where we were before.
    former: Vec<Former>,
    own: BTreeMap<String, Vec<u8>>,
    own_bytes: usize,
    foreign: usize,
    foreign_bytes: usize,
    macs: BTreeSet<MacAddr>,
    /// Not counted before the broker confirmed the filters.
    heard: Option<(Instant, Instant)>,
    deadline: Instant,
}

struct Former {
    seat: Seat,
    /// The start of topics there, unless they are the present ones.
    topics: Option<String>,
    discovery: Option<String>,
}

impl Former {
    fn new(seat: Seat, site: &Site) -> Former {
        let (old, new) = (site.seated(&seat), site.seat());
        let topics = ((&seat.base, &seat.node) != (&new.base, &new.node)).then(|| here(&old));
        let discovery = (seat.prefix != new.prefix).then(|| own_discovery(&old));
        Former { seat, topics, discovery }
    }

    fn holds(&self, topic: &str) -> bool {
        [&self.topics, &self.discovery].into_iter().flatten().any(|start| topic.starts_with(start.as_str()))
    }
}

/// What was read back.
pub(super) struct Read {
    pub own: BTreeMap<String, Vec<u8>>,
    /// Hardware addresses that other programs name.
    pub macs: BTreeSet<MacAddr>,
    /// What former seats hold, ours or not; only of those that could be looked at.
    pub former: Vec<(Seat, BTreeMap<String, Vec<u8>>)>,
}

impl Collection {
    pub(super) fn new(site: &Site, former: Vec<Seat>, now: Instant) -> Collection {
        Collection {
            here: here(site),
            own_discovery: own_discovery(site),
            prefix: format!("{}/", site.prefix),
            former: former.into_iter().map(|seat| Former::new(seat, site)).collect(),
            own: BTreeMap::new(),
            own_bytes: 0,
            foreign: 0,
            foreign_bytes: 0,
            macs: BTreeSet::new(),
            heard: None,
            // A broker that never confirms is taken as one that holds nothing of ours.
            deadline: now + ALL_MAX * 3,
        }
    }

    /// Heard while collecting, left afterwards.
    pub(super) fn filters(&self, site: &Site) -> Vec<Filter> {
        let prefix = &site.prefix;
        let mut filters = vec![
            Filter::others(format!("{}#", self.here)),
            Filter::others(format!("{prefix}/+/+/config")),
            Filter::others(format!("{prefix}/+/+/+/config")),
        ];
        for former in &self.former {
            filters.extend(former.topics.as_ref().map(|start| Filter::others(format!("{start}#"))));
            let discovery = former.discovery.as_ref();
            filters.extend(discovery.map(|_| Filter::others(format!("{}/device/+/config", former.seat.prefix))));
        }
        filters
    }

    pub(super) fn confirmed(&mut self, now: Instant) {
        if self.heard.is_none() {
            self.heard = Some((now, now));
        }
    }

    pub(super) fn take(&mut self, message: &Incoming, now: Instant) {
        if !message.retain {
            return;
        }
        let topic = &message.topic;
        let is_ours = topic.starts_with(&self.here)
            || topic.starts_with(&self.own_discovery)
            || self.former.iter().any(|former| former.holds(topic));
        let size = message.topic.len() + message.payload.len();
        if is_ours {
            if self.own.len() < OWN_MAX && self.own_bytes + size <= OWN_BYTES_MAX {
                self.own_bytes += size;
                self.own.insert(message.topic.clone(), message.payload.clone());
            }
        } else if message.topic.starts_with(&self.prefix) && message.topic.ends_with("/config") {
            if self.foreign >= FOREIGN_MAX || self.foreign_bytes + size > FOREIGN_BYTES_MAX {
                return;
            }
            self.foreign += 1;
            self.foreign_bytes += size;
            macs_in(&message.payload, &mut self.macs);
        } else {
            return;
        }
        if let Some((_, last)) = &mut self.heard {
            *last = now;
        }
    }

    /// Something of ours was sent meanwhile.
    pub(super) fn sent(&mut self, message: &Publish) {
        if message.retain {
            self.own.insert(message.topic.clone(), message.payload.clone());
        }
    }

    pub(super) fn due(&self) -> Instant {
        match self.heard {
            Some((began, last)) => (last + SILENCE).min(began + ALL_MAX),
            None => self.deadline,
        }
    }

    /// The other Porchlight that lives under our node, if one does.
    pub(super) fn other(&self, site: &Site) -> Option<MqttError> {
        let held = |name: &str| self.own.get(&format!("{}{name}", self.here));
        let info: Value = serde_json::from_slice(held("bridge/info")?).ok()?;
        let instance = info.get("instance")?.as_str().and_then(recover::read_instance)?;
        let is_online = held("bridge/state").is_some_and(|state| state == b"online");
        let text = |key: &str| {
            let text = info.get(key).and_then(Value::as_str).unwrap_or("unknown");
            text.chars().filter(|c| !c.is_control()).take(32).collect()
        };
        (instance != site.instance && is_online).then(|| MqttError::Duplicate {
            node: site.node.clone(),
            version: text("version"),
            started: text("started"),
        })
    }

    pub(super) fn finish(mut self) -> Read {
        let former = if self.heard.is_none() { Vec::new() } else { std::mem::take(&mut self.former) };
        let former = former
            .into_iter()
            .map(|former| {
                let held = self.own.extract_if(.., |topic, _| former.holds(topic)).collect();
                (former.seat, held)
            })
            .collect();
        Read { own: self.own, macs: self.macs, former }
    }
}

fn here(site: &Site) -> String {
    format!("{}/{}/", site.base, site.node)
}

/// The start of our discovery topics.
pub(super) fn own_discovery(site: &Site) -> String {
    format!("{}/device/porchlight_{:06x}_", site.prefix, site.instance)
}

// Discovery names addresses at `device.connections`, abbreviated `dev.cns`, as pairs of kind and
// address.
fn macs_in(payload: &[u8], macs: &mut BTreeSet<MacAddr>) {
    // Most payloads name none, and those need no parser.
    let names_some = payload.windows(3).any(|w| w == b"mac");
    if !names_some || macs.len() >= MACS_MAX {
        return;
    }
    let Ok(json) = serde_json::from_slice::<Value>(payload) else { return };
    let Some(device) = json.get("device").or_else(|| json.get("dev")) else { return };
    let Some(pairs) = device.get("connections").or_else(|| device.get("cns")).and_then(Value::as_array) else {
        return;
    };
    for pair in pairs.iter().take(16) {
        if pair.get(0).and_then(Value::as_str) == Some("mac")
            && let Some(Ok(mac)) = pair.get(1).and_then(Value::as_str).map(|text| text.to_ascii_lowercase().parse())
        {
            macs.insert(mac);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_addresses_are_found() {
        let mut macs = BTreeSet::new();
        let payloads = [
            r#"{"device":{"connections":[["mac","3C:22:FB:01:02:03"],["bluetooth","x"]]}}"#,
            r#"{"dev":{"cns":[["mac","24:6f:28:aa:4f:1a"]]}}"#,
            r#"{"dev":{"cns":[["mac"],["mac",7],"mac",["mac","nonsense"]]}}"#,
            "mac",
        ];
        for payload in payloads {
            macs_in(payload.as_bytes(), &mut macs);
        }
        let found: Vec<String> = macs.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["24:6f:28:aa:4f:1a", "3c:22:fb:01:02:03"]);
    }
}
