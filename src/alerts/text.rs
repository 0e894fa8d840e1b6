//! # What an alert says
//!
//! Title, explanation, what to do. Names come from the home at the moment the alert opens; text
//! from the wire was cleaned when it was read, and is escaped where it is shown.

use super::phrases;
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

/// What a text is to be filled with, but for who did it to whom.
fn keys(text: &str) -> impl Iterator<Item = &str> {
    let all = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    all.map(|(key, _)| key).filter(|key| !matches!(*key, "one" | "other"))
}

pub(super) fn text(finding: &Finding, attacker: Option<&str>, victim: Option<&str>) -> Text {
    let (one, other) = (called(attacker, finding.attacker), called(victim, finding.victim));
    let at = |party: Party| party.ip.map_or_else(String::new, |ip| format!(" at {ip}"));
    let evidence = |key: &str| finding.evidence.iter().find(|(k, _)| *k == key).map_or("", |(_, value)| value.as_str());
    let knows = |text: &str| keys(text).all(|key| finding.evidence.iter().any(|(known, _)| *known == key));
    let fits = phrases::of(finding.detector)
        .find(|(_, title, detail, advice)| [title, detail, advice].into_iter().all(|text| knows(text)));
    if let Some((_, title, detail, recommendation)) = fits {
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
            format!("{one} and {other}: {}.", listed(finding)),
            "Look at the evidence.",
        ),
    };
    Text { title, detail, recommendation: recommendation.to_owned() }
}

/// All that is known, where no sentence is made for it.
fn listed(finding: &Finding) -> String {
    let all = finding.evidence.iter().filter(|(_, value)| !value.is_empty());
    all.map(|(key, value)| format!("{} {value}", key.replace('_', " "))).collect::<Vec<_>>().join(", ")
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

    #[test]
    fn the_sentence_is_the_one_that_what_is_known_fills() {
        let of = |evidence: &[(&'static str, &str)]| {
            let now = Moment { mono: Mono(0), wall: Wall(0) };
            let mut finding = Finding::new("nd_spoof", Category::Spoofing, Severity::High, "key".to_owned(), now);
            for (key, value) in evidence {
                finding = finding.why(key, value);
            }
            text(&finding, None, Some("Den")).detail
        };
        assert_eq!(
            of(&[("ip", "fe80::1"), ("old_mac", "02:00:00:00:00:01")]),
            "Somebody says by IPv6 that fe80::1 is its own, which belongs to Den (02:00:00:00:00:01)."
        );
        assert_eq!(
            of(&[("kind", "new addresses denied"), ("denied", "3")]),
            "3 addresses that Den tried were claimed by others at once."
        );
        assert_eq!(of(&[("seen_by", "chance"), ("rate", "7")]), "a device and Den: seen by chance, rate 7.");
    }
}
