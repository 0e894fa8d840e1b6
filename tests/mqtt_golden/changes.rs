//! A home that changes all the time, and what a broker must hold of it: found without the code under test.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use porchlight::model::{DeviceId, DeviceView, HomeView, Presence, Tier, Trust, Wall};
use serde_json::Value as Json;

use crate::home;

/// Numbers from a seed: the same every time.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, below: usize) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }
}

/// The topics that must be on the broker for `view`, found without the code under test.
pub fn wanted(view: &HomeView) -> BTreeSet<String> {
    let mut topics: BTreeSet<String> = [
        "bridge/state",
        "bridge/info",
        "bridge/health",
        "household/state",
        "household/who",
        "security/state",
        "security/open",
    ]
    .iter()
    .map(|leaf| format!("porchlight/home/{leaf}"))
    .collect();
    let config = |id: &str| format!("homeassistant/device/porchlight_7f3a2c_{id}/config");
    topics.extend(["bridge", "household", "security"].map(config));
    for (id, device) in &view.devices {
        topics.insert(format!("porchlight/home/device/{id}/presence"));
        topics.insert(format!("porchlight/home/device/{id}/state"));
        let tier = if device.hidden { Tier::None } else { device.tier };
        if tier != Tier::None {
            topics.insert(config(&id.to_string()));
        }
        if tier == Tier::Full {
            topics.insert(format!("porchlight/home/device/{id}/fast"));
        }
    }
    topics
}

/// That the retained set `held` shows `view`: the very topics, and in them what the view says.
pub fn check<P: AsRef<[u8]>>(held: &BTreeMap<String, P>, view: &HomeView, story: &str) {
    let topics: BTreeSet<String> = held.keys().cloned().collect();
    assert_eq!(topics, wanted(view), "{story}");
    let read = |topic: String| -> Json { serde_json::from_slice(held[&topic].as_ref()).expect("JSON") };
    for (id, device) in &view.devices {
        let state = read(format!("porchlight/home/device/{id}/state"));
        assert_eq!(state["name"], device.name.as_str(), "{story}");
        assert_eq!(state["trust"], device.trust.word(), "{story}");
        assert_eq!(state["connected"], device.presence.is_here(), "{story}");
        let presence = read(format!("porchlight/home/device/{id}/presence"));
        match device.presence {
            Presence::Away => assert_eq!(presence["state"], "not_home", "{story}"),
            Presence::Unknown => {}
            _ => assert_eq!(presence["state"], "home", "{story}"),
        }
        assert_eq!(presence["in_zones"].as_array().map(Vec::len), Some(usize::from(presence["state"] == "home")));
        let config = format!("homeassistant/device/porchlight_7f3a2c_{id}/config");
        if held.contains_key(&config) {
            let config = read(config);
            assert_eq!(config["device"]["name"], device.name.as_str(), "{story}");
            // What is not announced any more is a bare platform, which Home Assistant takes as gone.
            let components = config["components"].as_object().expect("components");
            let whole = components.values().filter(|component| component.get("unique_id").is_some()).count();
            assert_eq!(whole, if device.tier == Tier::Full { 14 } else { 4 }, "{story}");
        }
    }
}

/// One change of the home, as the core might make it.
pub fn change(view: &mut HomeView, dice: &mut Dice, minted: &mut u32) -> String {
    view.now = Wall(view.now.0 + 1_000 * (1 + dice.roll(90) as i64));
    let ids: Vec<DeviceId> = view.devices.keys().copied().collect();
    let pick = |dice: &mut Dice| ids.get(dice.roll(ids.len())).copied();
    let now = view.now;
    let with = |view: &mut HomeView, id: DeviceId, edit: &dyn Fn(&mut DeviceView)| {
        if let Some(device) = view.devices.get_mut(&id) {
            let mut changed = DeviceView::clone(device);
            edit(&mut changed);
            *device = Arc::new(changed);
        }
    };
    let bury = |view: &mut HomeView, id: DeviceId| {
        view.devices.remove(&id);
        Arc::make_mut(&mut view.tombstones).insert(id, now);
    };
    let (what, one, other) = (dice.roll(12), pick(dice), pick(dice));
    let Some(one) = one.filter(|_| what > 1) else {
        *minted += 1;
        let id = DeviceId::mint(5, *minted);
        let tier = Tier::ALL[dice.roll(3)];
        let device = DeviceView { tier, last_seen: now, since: now, ..home::device(id, &format!("Thing {minted}")) };
        view.devices.insert(id, Arc::new(device));
        return format!("add {id} {tier}");
    };
    match what {
        2 => {
            let name = format!("Renamed {}", dice.roll(1_000));
            with(view, one, &|device| device.name.clone_from(&name));
            format!("rename {one}")
        }
        3 => {
            let other = other.filter(|other| *other != one);
            if let Some(other) = other {
                bury(view, other);
                with(view, one, &|device| device.important = true);
            }
            format!("merge {other:?} into {one}")
        }
        4 => {
            bury(view, one);
            format!("forget {one}")
        }
        5 => {
            with(view, one, &|device| device.hidden = !device.hidden);
            format!("hide or show {one}")
        }
        6 => {
            let tier = Tier::ALL[dice.roll(3)];
            with(view, one, &|device| device.tier = tier);
            format!("tier {one} {tier}")
        }
        7 => {
            let trust = Trust::ALL[dice.roll(4)];
            with(view, one, &|device| device.trust = trust);
            format!("trust {one}")
        }
        8..=10 => {
            let presence = Presence::ALL[dice.roll(5)];
            with(view, one, &|device| {
                device.presence = presence;
                device.since = now;
                device.last_seen = now;
            });
            format!("presence {one} {presence}")
        }
        _ => {
            let mac = porchlight::model::MacAddr([0, 1, 2, 3, 4, dice.roll(256) as u8]);
            with(view, one, &|device| device.macs.insert(0, mac));
            format!("mac {one}")
        }
    }
}
