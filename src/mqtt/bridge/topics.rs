//! # Topics the bridge itself must know
//!
//! All others are the pure half's.

use super::Ears;
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
pub(super) fn kept(site: &Site, ears: Option<&Ears>) -> Vec<Filter> {
    let here = format!("{}/{}", site.base, site.node);
    let mut filters: Vec<Filter> =
        ["bridge/state", "bridge/do", "device/+/set/+", "device/+/do", "household/set/+", "security/do", "request/#"]
            .into_iter()
            .map(|rest| Filter::others(format!("{here}/{rest}")))
            .collect();
    filters.push(Filter::others(birth(site)));
    // Devices deleted in Home Assistant.
    filters.push(Filter::others(format!("{}/device/+/config", site.prefix)));
    let ears = ears.into_iter().flat_map(|ears| &ears.filters);
    filters.extend(ears.map(|topic| Filter { topic: topic.clone(), qos: 0, no_local: true }));
    filters
}

/// Whether `topic` falls under `filter` (MQTT 5 §4.7).
pub(super) fn falls_under(topic: &str, filter: &str) -> bool {
    let (mut levels, mut wanted) = (topic.split('/'), filter.split('/'));
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    loop {
        match (levels.next(), wanted.next()) {
            (_, Some("#")) | (None, None) => return true,
            (Some(_), Some("+")) => {}
            (Some(level), Some(want)) if level == want => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::falls_under;

    #[test]
    fn filters_match_as_the_standard_says() {
        let cases = [
            ("a/b", "a/b", true),
            ("a/b", "a/+", true),
            ("a/b/c", "a/+", false),
            ("a/b/c", "a/#", true),
            ("a", "a/#", true),
            ("a/", "a/+", true),
            ("a", "a/+", false),
            ("a/b", "#", true),
            ("$SYS/x", "#", false),
            ("$SYS/x", "$SYS/#", true),
        ];
        for (topic, filter, expected) in cases {
            assert_eq!(falls_under(topic, filter), expected, "{topic} {filter}");
        }
    }
}
