//! # What is remembered at start
//!
//! Damage does not fail it: what can be read is used, the rest is counted. A file out of reach does: to
//! begin with nothing would give every device of the home a new id.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::decode::{Rows, alerts_sql, parsed};
use crate::model::{Learned, PersonId, Remembered, Wall};

// Closed alerts stay known for a week, so that the same thing seen again is told as such.
const CLOSED_ALERTS_MS: i64 = 7 * 86_400_000;
// The core holds at most 500 open ones; the rest is the recent past.
const ALERTS_MAX: i64 = 2_000;

const ALERTS: &str = alerts_sql!(
    "where state in ('new', 'acknowledged') or last_seen_ms >= ?1 \
     order by state not in ('new', 'acknowledged'), last_seen_ms desc limit ?2"
);

/// What detectors learned. What cannot be read is learned again.
fn learned(text: &str) -> Option<Learned> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let lines = value.get("by")?.as_object()?.iter();
    let by = lines.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect();
    Some(Learned { at: Wall(value.get("at")?.as_i64()?), by })
}

/// Ids of persons. What cannot be read is minted anew.
fn person_ids(text: &str) -> Option<BTreeMap<String, PersonId>> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let ids = value.as_object()?.iter();
    Some(ids.filter_map(|(name, id)| Some((name.clone(), id.as_str()?.parse().ok()?))).collect())
}

/// Everything that survives a restart, and how many values could not be understood.
pub(super) fn remember(conn: &Connection, now: Wall) -> rusqlite::Result<(Remembered, u64)> {
    let mut rows = Rows::salvage(conn);
    let meta: BTreeMap<String, String> = rows
        .each("select key, value from meta", &[], |row, _| Ok(Some((row.get(0)?, row.get(1)?))))?
        .into_iter()
        .collect();
    let tombstones = rows.each("select device, at_ms from tombstone", &[], |row, _| {
        Ok(parsed(row, "device")?.zip(Some(Wall(row.get("at_ms")?))))
    })?;
    let mutes = rows.each("select detector, device, until_ms from mute order by position", &[], |row, _| {
        let Some(device) = parsed(row, "device")? else { return Ok(None) };
        Ok(Some((row.get("detector")?, device, Wall(row.get("until_ms")?))))
    })?;
    let since = now.0.saturating_sub(CLOSED_ALERTS_MS);
    let mut alerts = rows.alerts(ALERTS, &[&since, &ALERTS_MAX])?;
    alerts.sort_by(|a, b| a.id.cmp(&b.id));
    let number = |key: &str| meta.get(key).and_then(|text| text.parse().ok());
    let remembered = Remembered {
        instance: number("instance"),
        node: meta.get("node").cloned(),
        mqtt_memo: meta.get("mqtt_memo").cloned(),
        minted: number("minted").unwrap_or(0),
        stopped: meta.get("stopped_ms").and_then(|text| text.parse().ok()).map(Wall),
        devices: rows.devices()?,
        tombstones: tombstones.into_iter().collect(),
        alerts,
        mode: meta.get("mode").and_then(|word| word.parse().ok()),
        person_ids: meta.get("persons").and_then(|text| person_ids(text)).unwrap_or_default(),
        mutes,
        learned: meta.get("learned").and_then(|text| learned(text)).unwrap_or_default(),
    };
    Ok((remembered, rows.faults))
}
