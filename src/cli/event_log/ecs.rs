//! The words of the Elastic Common Schema (elastic.co/guide/en/ecs, 8.17).

use serde_json::{Map, Value, json};

use crate::{
    cli::json,
    model::{AlertView, Category, DeviceId, Severity, Wall},
};

const VERSION: &str = "8.17.0";

/// Techniques of MITRE ATT&CK and the tactics they serve (attack.mitre.org, v19.1); the longest id counts.
const TACTICS: &[(&str, &str, &str)] = &[
    ("T1018", "TA0007", "Discovery"),
    ("T1021", "TA0008", "Lateral Movement"),
    ("T1036", "TA0005", "Stealth"),
    ("T1040", "TA0006", "Credential Access"),
    ("T1046", "TA0007", "Discovery"),
    ("T1048", "TA0010", "Exfiltration"),
    ("T1059", "TA0002", "Execution"),
    ("T1071", "TA0011", "Command and Control"),
    ("T1090", "TA0011", "Command and Control"),
    ("T1095", "TA0011", "Command and Control"),
    ("T1105", "TA0011", "Command and Control"),
    ("T1110", "TA0006", "Credential Access"),
    ("T1190", "TA0001", "Initial Access"),
    ("T1200", "TA0001", "Initial Access"),
    ("T1210", "TA0008", "Lateral Movement"),
    ("T1219", "TA0011", "Command and Control"),
    ("T1496", "TA0040", "Impact"),
    ("T1498", "TA0040", "Impact"),
    ("T1499", "TA0040", "Impact"),
    ("T1557", "TA0006", "Credential Access"),
    ("T1566", "TA0001", "Initial Access"),
    ("T1568", "TA0011", "Command and Control"),
    ("T1570", "TA0008", "Lateral Movement"),
    ("T1571", "TA0011", "Command and Control"),
    ("T1572", "TA0011", "Command and Control"),
    ("T1595", "TA0043", "Reconnaissance"),
];

/// Numbers of Elastic's own rules.
const fn severity(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 10,
        Severity::Low => 21,
        Severity::Medium => 47,
        Severity::High => 73,
        Severity::Critical => 99,
    }
}

/// `event.category` and `event.type`, of the closed lists.
const fn category(category: Category) -> (&'static str, &'static str) {
    match category {
        Category::Malware => ("malware", "info"),
        Category::Access => ("authentication", "info"),
        Category::Exposure => ("configuration", "access"),
        Category::Device => ("host", "info"),
        Category::Leak => ("network", "access"),
        Category::Spoofing | Category::Dns | Category::Scan | Category::Flood | Category::Wireless => {
            ("intrusion_detection", "info")
        }
    }
}

/// An alert.
pub(super) fn alert(kind: &str, at: Wall, view: &AlertView) -> Value {
    let shape = json::Alert::from(view);
    let (category, sort) = category(view.category);
    let side = |side: &json::Side| {
        let mut out = Map::new();
        let mut put = |key: &str, value: Option<String>| drop(value.map(|value| out.insert(key.into(), value.into())));
        // RFC 7042 form, as the schema has it.
        put("mac", side.mac.as_ref().map(|mac| mac.replace(':', "-").to_uppercase()));
        put("address", side.ip.clone().or_else(|| side.mac.clone()));
        put("ip", side.ip.clone());
        put("domain", side.name.clone());
        Value::Object(out)
    };
    let tactics: Vec<&(&str, &str, &str)> =
        view.technique.iter().filter_map(|id| TACTICS.iter().find(|(known, ..)| id.starts_with(known))).collect();
    let at = at.max(view.last_seen);
    json!({
        "@timestamp": at.to_string(),
        "ecs": {"version": VERSION},
        "message": shape.title,
        "event": {
            "kind": "alert", "module": "porchlight", "dataset": "porchlight.alert", "action": kind, "id": shape.id,
            "category": [category], "type": [sort], "severity": severity(view.severity),
            "risk_score_norm": (f64::from(view.confidence) * 100.0).round(),
            "start": shape.first_seen, "end": shape.last_seen, "reason": shape.detail,
        },
        "rule": {"name": shape.detector, "category": shape.category},
        "source": side(&shape.attacker),
        "destination": side(&shape.victim),
        "threat": {
            "framework": "MITRE ATT&CK",
            "technique": {"id": shape.technique},
            "tactic": {"id": tactics.iter().map(|row| row.1).collect::<Vec<_>>(),
                       "name": tactics.iter().map(|row| row.2).collect::<Vec<_>>()},
        },
        "porchlight": {
            "severity": shape.severity, "confidence": shape.confidence, "count": shape.count, "state": shape.state,
            "attacker": shape.attacker.device, "victim": shape.victim.device,
            "recommendation": shape.recommendation, "evidence": shape.evidence,
        },
    })
}

/// Anything else.
pub(super) fn event(kind: &str, at: Wall, device: Option<DeviceId>, data: Value) -> Value {
    json!({
        "@timestamp": at.to_string(),
        "ecs": {"version": VERSION},
        "message": kind.replace('_', " "),
        "event": {"kind": "event", "module": "porchlight", "dataset": "porchlight.event", "action": kind},
        "porchlight": {"device": device.map(|device| device.to_string()), "data": data},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_technique_a_detector_names_has_its_tactic() {
        // Ids as they stand in the sources: each must be known, or events would go without.
        for (id, tactic) in [("T1557.002", "TA0006"), ("T1071.004", "TA0011"), ("T1595.003", "TA0043")] {
            let found = TACTICS.iter().find(|(known, ..)| id.starts_with(known)).map(|row| row.1);
            assert_eq!(found, Some(tactic), "{id}");
        }
        assert!(TACTICS.windows(2).all(|pair| pair[0].0 < pair[1].0), "sorted, each once");
    }
}
