//! # Topics the bridge itself must know
//!
//! All others are the pure half's.

use crate::mqtt::{Site, client::Filter};

/// Whether we are here, for everybody.
pub(super) fn state(site: &Site) -> String {
    format!("{}/{}/bridge/state", site.base, site.node)
}

/// Home Assistant's birth and will.
pub(super) fn birth(site: &Site) -> String {
    format!("{}/status", site.prefix)
}

/// Heard as long as the connection stands.
pub(super) fn kept(site: &Site) -> Vec<Filter> {
    let here = format!("{}/{}", site.base, site.node);
    let mut filters: Vec<Filter> = [
        "bridge/state",
        "bridge/do",
        "device/+/set/+",
        "device/+/do",
        "person/+/do",
        "household/set/+",
        "security/do",
        "request/#",
    ]
    .into_iter()
    .map(|rest| Filter::others(format!("{here}/{rest}")))
    .collect();
    filters.push(Filter::others(birth(site)));
    // Devices deleted in Home Assistant.
    filters.push(Filter::others(format!("{}/device/+/config", site.prefix)));
    filters
}
