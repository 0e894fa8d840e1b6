//! # Rows into the file
//!
//! One function per kind of row, each with its SQL beside it.

use std::sync::Arc;

use rusqlite::{Connection, Result, params};

use super::rows::{Lists, Row};
use crate::model::{AlertView, DeviceId, DeviceView, Wall, WindowView};

/// Writes one row. The caller holds the transaction.
pub(super) fn apply(conn: &Connection, row: &Row) -> Result<()> {
    match row {
        Row::Meta(key, value) => meta(conn, key, value),
        Row::Device(view, lists) => device(conn, view, *lists),
        Row::Gauges(view) => gauges(conn, view),
        Row::Window(view) => window(conn, view),
        Row::Stitched { window, gone } => stitched(conn, window, *gone),
        Row::MovedWindow { device, from, to } => conn
            .prepare_cached(
                "update or ignore window set start_ms = ?3 where device = ?1 and start_ms = ?2 and end_ms is null",
            )?
            .execute(params![device.to_string(), from.0, to.0])
            .map(drop),
        Row::OpenWindow(device, view) => open_window(conn, *device, view.as_ref()),
        Row::Merged { from, into } => merged(conn, *from, *into),
        Row::Gone(device) => gone(conn, *device),
        Row::Tombstone(device, at) => conn
            .prepare_cached("insert or replace into tombstone (device, at_ms) values (?1, ?2)")?
            .execute(params![device.to_string(), at.0])
            .map(drop),
        Row::TombstoneGone(device) => {
            conn.prepare_cached("delete from tombstone where device = ?1")?.execute([device.to_string()]).map(drop)
        }
        Row::Event { at, kind, device, data } => conn
            .prepare_cached("insert into event (at_ms, kind, device, data) values (?1, ?2, ?3, ?4)")?
            .execute(params![at.0, kind, device.map(|d| d.to_string()), data])
            .map(drop),
        Row::Alert(view) => alert(conn, view),
        Row::Mutes(list) => mutes(conn, list),
    }
}

pub(super) fn meta(conn: &Connection, key: &str, value: &str) -> Result<()> {
    conn.prepare_cached("insert or replace into meta (key, value) values (?1, ?2)")?.execute([key, value]).map(drop)
}

const DEVICE: &str = "
    insert into device (id, name, name_source, own_name, slug, hostname, vendor, vendor_source, kind, kind_confidence,
      os, model, area, owner, group_name, notes, important, alerts, trust, randomised, is_own, is_gateway, presence,
      presence_reason, first_seen_ms, last_seen_ms, since_ms, signal_dbm, segment, away_after_s, tier, exposed, hidden,
      away_for_s)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,
      ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34)
    on conflict (id) do update set
      name = excluded.name, name_source = excluded.name_source, own_name = excluded.own_name, slug = excluded.slug,
      hostname = excluded.hostname, vendor = excluded.vendor, vendor_source = excluded.vendor_source,
      kind = excluded.kind, kind_confidence = excluded.kind_confidence, os = excluded.os, model = excluded.model,
      area = excluded.area, owner = excluded.owner, group_name = excluded.group_name, notes = excluded.notes,
      important = excluded.important, alerts = excluded.alerts, trust = excluded.trust,
      randomised = excluded.randomised, is_own = excluded.is_own, is_gateway = excluded.is_gateway,
      presence = excluded.presence, presence_reason = excluded.presence_reason,
      first_seen_ms = excluded.first_seen_ms, last_seen_ms = excluded.last_seen_ms, since_ms = excluded.since_ms,
      signal_dbm = excluded.signal_dbm, segment = excluded.segment, away_after_s = excluded.away_after_s,
      tier = excluded.tier, exposed = excluded.exposed, hidden = excluded.hidden, away_for_s = excluded.away_for_s";

fn device(conn: &Connection, view: &DeviceView, lists: Lists) -> Result<()> {
    let id = view.id.to_string();
    conn.prepare_cached(DEVICE)?.execute(params![
        id,
        view.name,
        view.name_source.word(),
        view.own_name,
        view.slug,
        view.hostname,
        view.vendor,
        view.vendor_source,
        view.kind.word(),
        real(view.kind_confidence),
        view.os,
        view.model,
        view.area,
        view.owner,
        view.group,
        view.notes,
        view.important,
        view.alerts,
        view.trust.word(),
        view.randomised,
        view.is_own,
        view.is_gateway,
        view.presence.word(),
        view.presence_reason,
        view.first_seen.0,
        view.last_seen.0,
        view.since.0,
        view.signal_dbm,
        view.segment,
        view.away_after_s,
        view.tier.word(),
        view.exposed,
        view.hidden,
        integer(view.away_for_s),
    ])?;
    if lists.macs {
        let mut row = list(
            conn,
            &id,
            "delete from device_mac where device = ?1",
            "insert into device_mac (device, position, mac) values (?1, ?2, ?3)",
        )?;
        for (n, mac) in view.macs.iter().enumerate() {
            row.execute(params![id, n as i64, mac.to_string()])?;
        }
    }
    if lists.addresses {
        let mut row = list(
            conn,
            &id,
            "delete from device_address where device = ?1",
            "insert into device_address (device, position, address) values (?1, ?2, ?3)",
        )?;
        for (n, ip) in view.addresses.iter().enumerate() {
            row.execute(params![id, n as i64, ip.to_string()])?;
        }
    }
    if lists.sources {
        let mut row = list(
            conn,
            &id,
            "delete from device_source where device = ?1",
            "insert into device_source (device, position, source) values (?1, ?2, ?3)",
        )?;
        for (n, source) in view.sources.iter().enumerate() {
            row.execute(params![id, n as i64, source.word()])?;
        }
    }
    device_details(conn, &id, view, lists)
}

fn device_details(conn: &Connection, id: &str, view: &DeviceView, lists: Lists) -> Result<()> {
    if lists.services {
        let mut row = list(
            conn,
            id,
            "delete from device_service where device = ?1",
            "insert into device_service (device, position, tcp, port, name, product) values (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for (n, service) in view.services.iter().enumerate() {
            row.execute(params![id, n as i64, service.tcp, service.port, service.name, service.product])?;
        }
    }
    if lists.facts {
        let mut row = list(
            conn,
            id,
            "delete from device_fact where device = ?1",
            "insert into device_fact (device, position, key, value) values (?1, ?2, ?3, ?4)",
        )?;
        for (n, (key, value)) in view.facts.iter().enumerate() {
            row.execute(params![id, n as i64, key, value])?;
        }
    }
    Ok(())
}

/// Empties a list of a device and prepares its rows.
fn list<'a>(conn: &'a Connection, id: &str, empty: &str, row: &str) -> Result<rusqlite::CachedStatement<'a>> {
    conn.prepare_cached(empty)?.execute([id])?;
    conn.prepare_cached(row)
}

fn gauges(conn: &Connection, view: &DeviceView) -> Result<()> {
    conn.prepare_cached("update device set last_seen_ms = ?2, signal_dbm = ?3, presence_reason = ?4 where id = ?1")?
        .execute(params![view.id.to_string(), view.last_seen.0, view.signal_dbm, view.presence_reason])
        .map(drop)
}

const WINDOW: &str = "
    insert into window (device, start_ms, last_ms, end_ms, sightings, reconnects, min_dbm, max_dbm, last_dbm, segment, closed_because,
      stitched)
    select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 where exists (select 1 from device where id = ?1)
    on conflict (device, start_ms) do update set
      last_ms = excluded.last_ms, end_ms = excluded.end_ms, sightings = excluded.sightings,
      reconnects = excluded.reconnects, min_dbm = excluded.min_dbm, max_dbm = excluded.max_dbm,
      last_dbm = excluded.last_dbm, segment = excluded.segment, closed_because = excluded.closed_because, stitched = excluded.stitched";

// The clock was set while it lasted: the same stay, which goes on counting, with another start. If nothing was counted
// since, it is the same only if its start was of a clock that nobody had set (before 2020).
const MOVE_WINDOW: &str = "
    update or ignore window set start_ms = ?2
    where device = ?1 and end_ms is null and start_ms <> ?2 and reconnects <= ?4
      and (sightings < ?3 or (sightings = ?3 and start_ms < 1577836800000))";

fn move_window(conn: &Connection, view: &WindowView) -> Result<()> {
    let counted = (integer(view.sightings), view.reconnects);
    conn.prepare_cached(MOVE_WINDOW)?
        .execute(params![view.device.to_string(), view.start.0, counted.0, counted.1])
        .map(drop)
}

fn window(conn: &Connection, view: &WindowView) -> Result<()> {
    move_window(conn, view)?;
    // Open and closed exclude each other in the file. A closed window without a reason ended unseen.
    let because = (!view.open).then(|| view.closed_because.map_or("no_answer", |why| why.word()));
    conn.prepare_cached(WINDOW)?
        .execute(params![
            view.device.to_string(),
            view.start.0,
            view.end.0,
            because.is_some().then_some(view.end.0),
            integer(view.sightings),
            view.reconnects,
            view.min_dbm,
            view.max_dbm,
            view.last_dbm,
            view.segment,
            because,
            view.stitched,
        ])
        .map(drop)
}

// A window whose closing was never told (its change was dropped) ends at its last proof.
const CLOSE_OTHERS: &str = "
    update window set end_ms = last_ms, closed_because = ?2
    where device = ?1 and end_ms is null and (?3 is null or start_ms <> ?3)";

fn open_window(conn: &Connection, device: DeviceId, view: Option<&WindowView>) -> Result<()> {
    let because = if view.is_some() { "replaced" } else { "no_answer" };
    if let Some(view) = view {
        move_window(conn, view)?;
    }
    conn.prepare_cached(CLOSE_OTHERS)?.execute(params![device.to_string(), because, view.map(|w| w.start.0)])?;
    view.map_or(Ok(()), |view| window(conn, view))
}

/// The later of two stays goes, the earlier lasts on.
fn stitched(conn: &Connection, view: &WindowView, gone: Wall) -> Result<()> {
    conn.prepare_cached("delete from window where device = ?1 and start_ms = ?2 and start_ms <> ?3")?
        .execute(params![view.device.to_string(), gone.0, view.start.0])?;
    window(conn, view)
}

fn merged(conn: &Connection, from: DeviceId, into: DeviceId) -> Result<()> {
    let ids = [from.to_string(), into.to_string()];
    conn.prepare_cached(
        "update window set end_ms = last_ms, closed_because = 'merged' where device = ?1 and end_ms is null",
    )?
    .execute([&ids[0]])?;
    // Two stays that began in the same millisecond: the survivor's own is kept.
    conn.prepare_cached(
        "update or ignore window set device = ?2 where device = ?1 and exists (select 1 from device where id = ?2)",
    )?
    .execute(params![ids[0], ids[1]])?;
    conn.prepare_cached("update event set device = ?2 where device = ?1")?.execute(params![ids[0], ids[1]]).map(drop)
}

/// Forgetting is meant: no stay and no event about it stays behind, but that it was forgotten.
fn gone(conn: &Connection, device: DeviceId) -> Result<()> {
    let id = device.to_string();
    conn.prepare_cached("delete from device where id = ?1")?.execute([&id])?;
    conn.prepare_cached("delete from event where device = ?1 and kind <> 'device_forgotten'")?.execute([&id]).map(drop)
}

const ALERT: &str = "
    insert or replace into alert (id, sequence, detector, category, severity, confidence, title, detail, recommendation,
      attacker_device, attacker_mac, attacker_ip, attacker_name, victim_device, victim_mac, victim_ip, victim_name,
      technique, first_seen_ms, last_seen_ms, count, state, evidence, incident, key)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)";

fn alert(conn: &Connection, view: &Arc<AlertView>) -> Result<()> {
    conn.prepare_cached(ALERT)?
        .execute(params![
            view.id.as_str(),
            integer(view.sequence),
            view.detector,
            view.category.word(),
            view.severity.word(),
            real(view.confidence),
            view.title,
            view.detail,
            view.recommendation,
            view.attacker.device.map(|d| d.to_string()),
            view.attacker.mac.map(|m| m.to_string()),
            view.attacker.ip.map(|ip| ip.to_string()),
            view.attacker_name,
            view.victim.device.map(|d| d.to_string()),
            view.victim.mac.map(|m| m.to_string()),
            view.victim.ip.map(|ip| ip.to_string()),
            view.victim_name,
            serde_json::json!(view.technique).to_string(),
            view.first_seen.0,
            view.last_seen.0,
            integer(view.count),
            view.state.word(),
            serde_json::json!(view.evidence).to_string(),
            view.incident.as_str(),
            view.key,
        ])
        .map(drop)
}

fn mutes(conn: &Connection, list: &[(String, DeviceId, Wall)]) -> Result<()> {
    conn.prepare_cached("delete from mute")?.execute([])?;
    let mut row =
        conn.prepare_cached("insert into mute (position, detector, device, until_ms) values (?1, ?2, ?3, ?4)")?;
    for (n, (detector, device, until)) in list.iter().enumerate() {
        row.execute(params![n as i64, detector, device.to_string(), until.0])?;
    }
    Ok(())
}

/// SQLite has no unsigned 64-bit integers; a count that large is a fault anyway.
fn integer(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Not a number would be stored as null, which the column refuses.
fn real(x: f32) -> f64 {
    if x.is_finite() { f64::from(x) } else { 0.0 }
}
