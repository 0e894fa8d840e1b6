//! # Devices and alerts in answers
//!
//! The shapes of the command line's `--json`, so that one script reads both.

use serde_json::{Value as Json, json};

use super::{events::party, payloads::List, payloads::tier, text::shown};
use crate::{
    intel::parts,
    model::{AlertView, DeviceId, DeviceView, HomeView, Wall},
};

/// Room for the list in an answer of at most 64 KiB.
const BYTES_MAX: usize = 60 * 1024;
const ENTRIES_MAX: usize = 512;
// A device has a handful; a router that lies has thousands.
const PARTS_MAX: usize = 32;

/// One device, whole.
pub(super) fn device(device: &DeviceView) -> Json {
    let text = |text: &Option<String>| text.as_deref().map(shown);
    let services = device.services.iter().take(PARTS_MAX).map(|service| {
        json!({
            "proto": if service.tcp { "tcp" } else { "udp" }, "port": service.port, "name": shown(&service.name),
            "product": text(&service.product),
        })
    });
    let macs = device.macs.iter().take(PARTS_MAX).map(ToString::to_string);
    json!({
        "id": device.id.to_string(),
        "name": shown(&device.name),
        "name_source": device.name_source.word(),
        "macs": macs.collect::<Vec<_>>(),
        "addresses": device.addresses.iter().take(PARTS_MAX).collect::<Vec<_>>(),
        "hostname": text(&device.hostname),
        "vendor": text(&device.vendor),
        "vendor_source": device.vendor_source,
        "maker": parts::maker(device).map(shown),
        "kind": device.kind.word(),
        "kind_group": device.kind.group().word(),
        "kind_confidence": hundredths(device.kind_confidence),
        "os": text(&device.os),
        "model": text(&device.model),
        "area": text(&device.area),
        "owner": text(&device.owner),
        "group": text(&device.group),
        "notes": text(&device.notes),
        "important": device.important,
        "alerts": device.alerts,
        "trust": device.trust.word(),
        "randomised": device.randomised,
        "presence": device.presence.word(),
        "presence_reason": device.presence_reason,
        "first_seen": device.first_seen.to_string(),
        "last_seen": device.last_seen.to_string(),
        "since": device.since.to_string(),
        "sources": device.sources.iter().map(|source| source.word()).collect::<Vec<_>>(),
        "services": services.collect::<Vec<_>>(),
        "signal_dbm": device.signal_dbm,
        "segment": text(&device.segment),
        "away_after": device.away_after_s,
        "tier": tier(device).word(),
    })
}

/// All devices after `after`, in short, as many as an answer holds; `more` tells how many are left.
pub(super) fn devices(view: &HomeView, after: Option<DeviceId>) -> Json {
    let devices = view.devices.values().filter(|device| after.is_none_or(|after| device.id > after));
    let mut list = List::new(BYTES_MAX);
    let devices = list.take(
        ENTRIES_MAX,
        devices.map(|device| {
            json!({
                "id": device.id.to_string(), "name": shown(&device.name), "kind": device.kind.word(),
                "presence": device.presence.word(), "trust": device.trust.word(), "tier": tier(device).word(),
                "mac": device.macs.first().map(ToString::to_string), "ip": device.addresses.first(),
                "owner": device.owner.as_deref().map(shown),
            })
        }),
    );
    json!({"devices": devices, "more": list.left_out})
}

/// What all scanners sent since `started`: not in the retained health, which would change each minute by it.
pub(super) fn packets(view: &HomeView, started: Wall) -> Json {
    let sent: u64 = view.scanners.iter().map(|scanner| scanner.sent).sum();
    let seconds = view.now.0.saturating_sub(started.0).max(1000) as f64 / 1000.0;
    let by = view.scanners.iter().take(PARTS_MAX).filter(|scanner| scanner.sent > 0);
    let by: serde_json::Map<String, Json> = by.map(|scanner| (shown(&scanner.name), scanner.sent.into())).collect();
    let per_second = (sent as f64 / seconds * 1000.0).round() / 1000.0;
    json!({"sent": sent, "since": started.to_string(), "per_second": per_second, "by_scanner": by})
}

/// Open alerts, or all that the view still has; newest first.
pub(super) fn alerts(view: &HomeView, all: bool) -> Json {
    let alerts = view.alerts.values().rev().filter(|alert| all || alert.state.is_open());
    let mut list = List::new(BYTES_MAX);
    let alerts = list.take(ENTRIES_MAX, alerts.map(|alert| self::alert(alert, view)));
    json!({"alerts": alerts, "more": list.left_out})
}

fn alert(alert: &AlertView, view: &HomeView) -> Json {
    let evidence: serde_json::Map<String, Json> =
        alert.evidence.iter().take(PARTS_MAX).map(|(key, value)| (shown(key), shown(value).into())).collect();
    json!({
        "id": alert.id.as_str(),
        "detector": shown(&alert.detector),
        "category": alert.category.word(),
        "severity": alert.severity.word(),
        "confidence": hundredths(alert.confidence),
        "title": shown(&alert.title),
        "detail": shown(&alert.detail),
        "recommendation": shown(&alert.recommendation),
        "attacker": party(&alert.attacker, alert.attacker_name.as_deref(), view),
        "victim": party(&alert.victim, alert.victim_name.as_deref(), view),
        "technique": alert.technique.iter().take(PARTS_MAX).map(|t| shown(t)).collect::<Vec<_>>(),
        "first_seen": alert.first_seen.to_string(),
        "last_seen": alert.last_seen.to_string(),
        "count": alert.count,
        "state": alert.state.word(),
        "incident": alert.incident.as_str(),
        "evidence": evidence,
    })
}

/// Without the noise of binary fractions.
fn hundredths(value: f32) -> f64 {
    (f64::from(value) * 100.0).round() / 100.0
}
