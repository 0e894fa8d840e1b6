//! # What Home Assistant keeps of what is gone
//!
//! A discovery topic that is emptied, or a component that is dropped, while Home Assistant is down
//! leaves a device or an entity there for ever. It is laid to rest by announcing it once more, not
//! retained, and then taking it back.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{
    Publish, Site, discovery,
    payloads::{bytes, tier},
    published::Published,
    topics::{Thing, Topics},
};
use crate::model::{DeviceId, HomeView, Tier};

/// Laid to rest at one birth; the rest waits for the next.
const AT_ONCE_MAX: usize = 128;

/// Pairs: what calls a ghost up, and what is to be sent two seconds later. Whom Home Assistant
/// lists, if it can be asked; else those of `owed`, which went while it may have been down.
#[must_use]
pub fn ghosts(
    view: &HomeView,
    site: &Site,
    published: &Published,
    owed: &BTreeSet<DeviceId>,
) -> Vec<(Publish, Publish)> {
    let topics = Topics::new(site);
    let is_listed = |id: &DeviceId| site.ha.ours.contains(&topics.identifier(Thing::Device(*id)));
    let known: BTreeSet<DeviceId> = view.tombstones.keys().chain(view.devices.keys()).chain(owed).copied().collect();
    let asked = known.into_iter().filter(|id| if site.ha.connected { is_listed(id) } else { owed.contains(id) });
    asked.filter_map(|id| ghost(id, view, site, published, &topics)).take(AT_ONCE_MAX).collect()
}

fn ghost(
    id: DeviceId,
    view: &HomeView,
    site: &Site,
    published: &Published,
    topics: &Topics,
) -> Option<(Publish, Publish)> {
    let topic = topics.config(Thing::Device(id));
    let said = |payload: Vec<u8>| Publish { payload, retain: false, ..Publish::emptying(&topic) };
    let Some(held) = published.at(&topic) else {
        let is_coming = view.devices.get(&id).is_some_and(|device| tier(device) != Tier::None);
        return (!is_coming).then(|| (said(discovery::ghost(id, site, topics)), Publish::emptying(&topic)));
    };
    let mut full: Json = serde_json::from_slice(&held).ok()?;
    let components = full.get_mut("components")?.as_object_mut()?;
    let mut called = 0;
    for (key, component) in components.iter_mut() {
        let unique = topics.unique_id(Thing::Device(id), key);
        let haunts = !site.ha.connected || site.ha.our_entities.contains_key(&unique);
        if let Some(platform) = stub(component).filter(|_| haunts).and_then(|word| word.parse().ok()) {
            *component = discovery::once_more(id, key, platform, topics).into();
            called += 1;
        }
    }
    (called > 0).then(|| {
        let taken_back = Publish { payload: held.to_vec(), ..Publish::emptying(&topic) };
        (said(bytes(&full)), taken_back)
    })
}

/// Whether `message` takes from Home Assistant what it would keep if it were down just now.
#[must_use]
pub fn leaves_ghost(message: &Publish, published: &Published, site: &Site) -> Option<DeviceId> {
    let Some(Thing::Device(id)) = Topics::new(site).config_of(&message.topic) else { return None };
    let old = published.at(&message.topic)?;
    if message.payload.is_empty() {
        return Some(id);
    }
    let (old, new) = (stubs(&old)?, stubs(&message.payload)?);
    new.iter().any(|(key, is_stub)| *is_stub && old.contains(&(key.clone(), false))).then_some(id)
}

/// Each component, and whether it is only a platform.
fn stubs(payload: &[u8]) -> Option<BTreeSet<(String, bool)>> {
    let payload: Json = serde_json::from_slice(payload).ok()?;
    let components = payload.get("components")?.as_object()?;
    Some(components.iter().map(|(key, component)| (key.clone(), stub(component).is_some())).collect())
}

fn stub(component: &Json) -> Option<&str> {
    let component = component.as_object().filter(|component| component.len() == 1)?;
    component.get("platform")?.as_str()
}
