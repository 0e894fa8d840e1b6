//! Whether a detector is awake here, and if not, why.

use serde_json::Value;

use crate::{
    capture,
    cli::Context,
    model::Card,
    settings::{Settings, SettingsError},
};

/// In a word, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// `awake`, `observing`, `asleep`, `off`.
    pub(super) word: &'static str,
    pub(super) why: Option<String>,
}

/// What settings and rights of this process say. A running daemon may have other rights.
pub(super) fn state(card: &Card, context: &Context) -> Result<State, SettingsError> {
    let lacks = || capture::missing().first().map(|missing| missing.capability.to_owned());
    Ok(judge(card, context.settings()?, lacks))
}

fn judge(card: &Card, settings: &Settings, lacks: impl Fn() -> Option<String>) -> State {
    let json = serde_json::to_value(&settings.detectors).unwrap_or_default();
    let mode = json.get(card.id).and_then(|detector| detector.get("mode")).and_then(Value::as_str);
    let asleep = |why: &str| State { word: "asleep", why: Some(why.into()) };
    if mode == Some("off") {
        return State { word: "off", why: Some(format!("detectors.{}.mode is off", card.id)) };
    }
    if card.needs.is_some() {
        if !settings.capture.enabled {
            return asleep("capture.enabled is false, so no frames are heard");
        }
        if let Some(right) = lacks() {
            return asleep(&format!("frames cannot be heard without {right}: porchlight doctor"));
        }
    }
    match card.id {
        "threat_intel" if settings.detectors.threat_intel.feeds.is_empty() => {
            return asleep("no lists are named in detectors.threat_intel.feeds");
        }
        "deauth_flood" | "evil_twin" if !settings.scanners.wifi_monitor.enabled => {
            return asleep("scanners.wifi_monitor.enabled is false, so no radio listens");
        }
        _ => {}
    }
    if mode == Some("observe") {
        return State { word: "observing", why: Some("what it finds is recorded and not told".into()) };
    }
    State { word: "awake", why: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{detectors, detectors::Mode};

    #[test]
    fn each_way_to_be_asleep_has_its_reason() {
        let card = |id: &str| *detectors::CARDS.iter().find(|card| card.id == id).expect(id);
        let with = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings
        };
        let cases: Vec<(&str, Settings, Option<&str>, &str, &str)> = vec![
            // detector, settings, right that lacks, word, part of why
            ("arp_spoof", with(|_| ()), None, "awake", ""),
            ("arp_spoof", with(|s| s.detectors.arp_spoof.mode = Mode::Off), None, "off", "mode is off"),
            ("arp_spoof", with(|s| s.detectors.arp_spoof.mode = Mode::Observe), None, "observing", "not told"),
            ("arp_spoof", with(|s| s.capture.enabled = false), None, "asleep", "capture.enabled"),
            ("arp_spoof", with(|_| ()), Some("CAP_NET_RAW"), "asleep", "CAP_NET_RAW"),
            ("new_device", with(|s| s.capture.enabled = false), Some("CAP_NET_RAW"), "awake", ""),
            ("threat_intel", with(|_| ()), None, "asleep", "feeds"),
            (
                "threat_intel",
                with(|s| s.detectors.threat_intel.feeds = vec!["/l".parse().expect("a place")]),
                None,
                "awake",
                "",
            ),
        ];
        for (id, settings, right, word, why) in cases {
            let found = judge(card(id), &settings, || right.map(str::to_owned));
            assert_eq!(found.word, word, "{id}");
            assert!(found.why.unwrap_or_default().contains(why), "{id}");
        }
    }
}
