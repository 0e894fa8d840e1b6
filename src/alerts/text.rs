//! # What an alert says
//!
//! Title, explanation, what to do. Names come from the home at the moment the alert opens; text
//! from the wire was cleaned when it was read, and is escaped where it is shown.

use super::phrases::PHRASES;
use crate::model::{Finding, Party};

pub(super) struct Text {
    pub(super) title: String,
    pub(super) detail: String,
    pub(super) recommendation: String,
}

fn called(name: Option<&str>, party: Party) -> String {
    name.map(str::to_owned)
        .or_else(|| party.mac.map(|mac| mac.to_string()))
        .or_else(|| party.ip.map(|ip| ip.to_string()))
        .unwrap_or_else(|| "a device".into())
}

pub(super) fn text(finding: &Finding, attacker: Option<&str>, victim: Option<&str>) -> Text {
    let (one, other) = (called(attacker, finding.attacker), called(victim, finding.victim));
    let at = |party: Party| party.ip.map_or_else(String::new, |ip| format!(" at {ip}"));
    let evidence = |key: &str| finding.evidence.iter().find(|(k, _)| *k == key).map_or("", |(_, value)| value.as_str());
    if let Some((_, title, detail, recommendation)) =
        PHRASES.iter().find(|(detector, ..)| *detector == finding.detector)
    {
        let one = if finding.attacker == Party::default() { "Somebody" } else { one.as_str() };
        let fill = |text: &str| {
            let mut text = text.to_owned();
            for (key, value) in &finding.evidence {
                if value.is_empty() {
                    text = text.replace(&format!(" ({{{key}}})"), "");
                }
                text = text.replace(&format!("{{{key}}}"), value);
            }
            // Names last: what a device calls itself fills nothing in.
            text.replace("{other}", &other).replace("{one}", one)
        };
        return Text { title: fill(title), detail: fill(detail), recommendation: fill(recommendation) };
    }
    let (title, detail, recommendation) = match finding.detector {
        "new_device" if finding.key == "burst" => (
            "Many new devices".to_owned(),
            format!("{} devices that were never here joined within ten minutes.", evidence("devices")),
            "Look at the list of unknown devices. After a power cut or a new access point this is normal.",
        ),
        "new_device" => (
            format!("New device: {one}"),
            format!("{one}{} joined the network for the first time.", at(finding.attacker)),
            "If you know it, set its trust to trusted or guest. If not, change the Wi-Fi password.",
        ),
        "device_offline_important" => (
            format!("{other} is offline"),
            format!("{other} is marked as important and no longer answers."),
            "Check its power and its network cable or Wi-Fi signal.",
        ),
        "ip_conflict" => (
            format!("Two devices use {}", evidence("ip")),
            format!("{one} and {other} both claim {} ({}).", evidence("ip"), evidence("macs")),
            "Remove the fixed address of one of them, or reserve one for it in the router.",
        ),
        other_detector => (
            format!("{} reported {one}", other_detector.replace('_', " ")),
            format!("{one} and {other}."),
            "Look at the evidence.",
        ),
    };
    Text { title, detail, recommendation: recommendation.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::model::{Category, Finding, Moment, Mono, Severity, Wall};

    #[test]
    fn what_is_not_known_leaves_no_empty_brackets() {
        let now = Moment { mono: Mono(0), wall: Wall(0) };
        let of = |subject: &str| {
            let finding = Finding::new("suspicious_tls", Category::Malware, Severity::Info, "key".to_owned(), now);
            let finding = finding.why("destination", "192.0.2.9").why("port", 443).why("sign", "no name");
            text(&finding.why("subject", subject), None, None).detail
        };
        assert_eq!(of("Acme"), "To 192.0.2.9 port 443: no name (Acme).");
        assert_eq!(of(""), "To 192.0.2.9 port 443: no name.");
    }
}
