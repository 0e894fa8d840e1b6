//! # Moving to another node, base or prefix
//!
//! Topics move, entities do not: their ids bear the installation's number. What is left at an
//! earlier seat is emptied, once the new one stands.

use serde_json::Value as Json;

use super::{
    Publish, Seat, Site,
    published::Published,
    topics::{Thing, Topics},
};

/// Empties what was left at `seat`, as far as `held` (what the broker holds there) shows it to be
/// ours. Discovery stays where it is unless the prefix changed: renaming the node moves no entity.
#[must_use]
pub fn cleanup(seat: &Seat, site: &Site, held: &Published) -> Vec<Publish> {
    let old = site.seated(seat);
    let (from, to) = (Topics::new(&old), Topics::new(site));
    let is_left = |topic: &str| match from.config_of(topic) {
        Some(_) => to.config_of(topic).is_none(),
        None => to.kept(topic).is_none(),
    };
    let left = held.iter().map(|(topic, _)| topic);
    let mut left: Vec<&str> = left.filter(|topic| is_left(topic) && held.is_ours(topic, &from, &old)).collect();
    // It says whose the others are, so it goes last: a start after a cut still knows.
    let info = from.info();
    left.sort_by_key(|topic| *topic == info);
    left.into_iter().map(Publish::emptying).collect()
}

/// Other seats of ours that what the broker holds tells of: discovery names the base and the node
/// it was made for, and info the prefix.
#[must_use]
pub fn moved_from(published: &Published, site: &Site) -> Vec<Seat> {
    let topics = Topics::new(site);
    let read = |topic: &str| serde_json::from_slice::<Json>(&published.at(topic)?).ok();
    let elsewhere = || {
        let bridge = read(&topics.config(Thing::Bridge))?;
        let online = bridge.pointer("/components/online/state_topic")?.as_str()?;
        let (base, node) = online.strip_suffix("/bridge/state")?.rsplit_once('/')?;
        Some(Seat { base: base.into(), node: node.into(), ..site.seat() })
    };
    let otherwise = || {
        let info = topics.info();
        let prefix = read(&info)?.get("discovery_prefix")?.as_str()?.to_owned();
        published.is_ours(&info, &topics, site).then(|| Seat { prefix, ..site.seat() })
    };
    let told = [elsewhere(), otherwise()].into_iter().flatten();
    told.filter(|seat| seat.is_plain() && *seat != site.seat()).collect()
}
