//! # Rows of the file → views
//!
//! Tolerant: a word nobody knows gets its default, a row without a readable id is left out; both
//! are counted. What an old or mended file lacks must not keep a home from being watched.

use std::{collections::BTreeMap, str::FromStr, sync::Arc};

use rusqlite::{Connection, Result, Row, ToSql};

use super::{error::is_damage, words};
use crate::model::{
    AlertState, AlertView, Category, DeviceId, DeviceView, Kind, NameSource, Party, Presence, ServiceView, Severity,
    Tier, Trust, Wall, WindowView,
};

/// `select` of whole windows, to be followed by where and order.
macro_rules! windows_sql {
    ($tail:literal) => {
        concat!(
            "select id, device, start_ms, last_ms, end_ms, sightings, reconnects, min_dbm, max_dbm, last_dbm, segment, \
             closed_because, stitched from window ",
            $tail
        )
    };
}
/// `select` of whole alerts, to be followed by where and order.
macro_rules! alerts_sql {
    ($tail:literal) => {
        concat!(
            "select id, sequence, detector, category, severity, confidence, title, detail, recommendation, \
             attacker_device, attacker_mac, attacker_ip, attacker_name, victim_device, victim_mac, victim_ip, \
             victim_name, technique, first_seen_ms, last_seen_ms, count, state, evidence, incident, key from alert ",
            $tail
        )
    };
}
pub(super) use {alerts_sql, windows_sql};

const DEVICES: &str = "
    select id, name, name_source, own_name, slug, hostname, vendor, vendor_source, kind, kind_confidence, os, model, area,
      owner, group_name, notes, important, alerts, trust, randomised, is_own, is_gateway, presence, presence_reason,
      first_seen_ms, last_seen_ms, since_ms, signal_dbm, segment, away_after_s, tier, exposed, hidden, away_for_s
    from device order by id";

/// Reads rows and counts what of them made no sense.
pub(super) struct Rows<'a> {
    conn: &'a Connection,
    /// A damaged table gives what can be read of it, instead of an error.
    salvage: bool,
    pub faults: u64,
}

impl<'a> Rows<'a> {
    pub(super) const fn new(conn: &'a Connection) -> Rows<'a> {
        Rows { conn, salvage: false, faults: 0 }
    }

    pub(super) const fn salvage(conn: &'a Connection) -> Rows<'a> {
        Rows { conn, salvage: true, faults: 0 }
    }

    /// Each row of `sql` that can be read, through `read`. `None` leaves a row out.
    pub(super) fn each<T>(
        &mut self,
        sql: &str,
        params: &[&dyn ToSql],
        mut read: impl FnMut(&Row<'_>, &mut u64) -> Result<Option<T>>,
    ) -> Result<Vec<T>> {
        let mut out = Vec::new();
        let mut read_all = || {
            let mut statement = self.conn.prepare_cached(sql)?;
            let mut rows = statement.query(params)?;
            while let Some(row) = rows.next()? {
                match read(row, &mut self.faults) {
                    Ok(Some(value)) => out.push(value),
                    Ok(None) | Err(_) => self.faults += 1,
                }
            }
            Ok(())
        };
        match read_all() {
            Err(error) if self.salvage && is_damage(&error) => {
                self.faults += 1;
                tracing::warn!(%error, "a table of the store cannot be read whole");
            }
            other => other?,
        }
        Ok(out)
    }

    /// All devices with their lists and open windows, in id order.
    pub(super) fn devices(&mut self) -> Result<Vec<DeviceView>> {
        let mut devices = self.each(DEVICES, &[], device)?;
        let mut macs =
            self.list("select device, mac from device_mac order by device, position", |row| parsed(row, "mac"))?;
        let mut addresses = self
            .list("select device, address from device_address order by device, position", |row| {
                parsed(row, "address")
            })?;
        let mut sources = self
            .list("select device, source from device_source order by device, position", |row| parsed(row, "source"))?;
        let mut services = self.list(
            "select device, tcp, port, name, product from device_service order by device, position",
            |row| {
                let (tcp, port) = (row.get("tcp")?, row.get("port")?);
                Ok(Some(ServiceView { tcp, port, name: row.get("name")?, product: row.get("product")? }))
            },
        )?;
        let mut facts = self.list("select device, key, value from device_fact order by device, position", |row| {
            Ok(Some((row.get("key")?, row.get("value")?)))
        })?;
        let open = self.windows(windows_sql!("where end_ms is null"), &[])?;
        let mut windows: BTreeMap<DeviceId, WindowView> = open.into_iter().map(|(_, w)| (w.device, w)).collect();
        for device in &mut devices {
            device.macs = macs.remove(&device.id).unwrap_or_default();
            device.addresses = addresses.remove(&device.id).unwrap_or_default();
            device.sources = sources.remove(&device.id).unwrap_or_default();
            device.services = services.remove(&device.id).unwrap_or_default();
            device.facts = facts.remove(&device.id).unwrap_or_default().into();
            device.window = windows.remove(&device.id);
        }
        Ok(devices)
    }

    fn list<T>(
        &mut self,
        sql: &str,
        mut read: impl FnMut(&Row<'_>) -> Result<Option<T>>,
    ) -> Result<BTreeMap<DeviceId, Vec<T>>> {
        let mut lists: BTreeMap<DeviceId, Vec<T>> = BTreeMap::new();
        let rows = self.each(sql, &[], |row, _| {
            let id: Option<DeviceId> = parsed(row, "device")?;
            Ok(id.zip(read(row)?))
        })?;
        for (device, value) in rows {
            lists.entry(device).or_default().push(value);
        }
        Ok(lists)
    }

    /// Windows with their row numbers; `sql` from [`windows_sql`].
    pub(super) fn windows(&mut self, sql: &str, params: &[&dyn ToSql]) -> Result<Vec<(i64, WindowView)>> {
        self.each(sql, params, |row, faults| {
            let Some(device) = parsed(row, "device")? else { return Ok(None) };
            let end: Option<i64> = row.get("end_ms")?;
            let because: Option<String> = row.get("closed_because")?;
            let view = WindowView {
                device,
                start: Wall(row.get("start_ms")?),
                end: Wall(row.get("last_ms")?),
                open: end.is_none(),
                sightings: count(row, "sightings")?,
                reconnects: row.get("reconnects")?,
                min_dbm: row.get("min_dbm")?,
                max_dbm: row.get("max_dbm")?,
                last_dbm: row.get("last_dbm")?,
                segment: row.get("segment")?,
                closed_because: because.and_then(|word| known_or_fault(&word, faults)),
                stitched: row.get("stitched")?,
            };
            Ok(Some((row.get("id")?, view)))
        })
    }

    /// Alerts; `sql` from [`alerts_sql`].
    pub(super) fn alerts(&mut self, sql: &str, params: &[&dyn ToSql]) -> Result<Vec<AlertView>> {
        self.each(sql, params, alert)
    }
}

fn device(row: &Row<'_>, faults: &mut u64) -> Result<Option<DeviceView>> {
    let Some(id) = parsed(row, "id")? else { return Ok(None) };
    let mut word = |column: &str| -> Result<Option<&'static str>> {
        let text: Option<String> = row.get(column)?;
        let found = text.as_deref().and_then(words::known);
        *faults += u64::from(found.is_none() && text.is_some());
        Ok(found)
    };
    let (vendor_source, presence_reason) = (word("vendor_source")?, word("presence_reason")?);
    Ok(Some(DeviceView {
        id,
        name: row.get("name")?,
        name_source: or(row, "name_source", NameSource::Generic, faults)?,
        own_name: row.get("own_name")?,
        slug: row.get("slug")?,
        macs: Vec::new(),
        addresses: Vec::new(),
        hostname: row.get("hostname")?,
        vendor: row.get("vendor")?,
        vendor_source,
        kind: or(row, "kind", Kind::Unknown, faults)?,
        kind_confidence: row.get::<_, f64>("kind_confidence")? as f32,
        os: row.get("os")?,
        model: row.get("model")?,
        area: row.get("area")?,
        owner: row.get("owner")?,
        group: row.get("group_name")?,
        notes: row.get("notes")?,
        important: row.get("important")?,
        alerts: row.get("alerts")?,
        trust: or(row, "trust", Trust::Unknown, faults)?,
        randomised: row.get("randomised")?,
        is_own: row.get("is_own")?,
        is_gateway: row.get("is_gateway")?,
        presence: or(row, "presence", Presence::Unknown, faults)?,
        presence_reason: presence_reason.unwrap_or("told"),
        first_seen: Wall(row.get("first_seen_ms")?),
        last_seen: Wall(row.get("last_seen_ms")?),
        since: Wall(row.get("since_ms")?),
        sources: Vec::new(),
        services: Vec::new(),
        signal_dbm: row.get("signal_dbm")?,
        segment: row.get("segment")?,
        away_after_s: row.get("away_after_s")?,
        tier: or(row, "tier", Tier::None, faults)?,
        exposed: row.get("exposed")?,
        hidden: row.get("hidden")?,
        away_for_s: count(row, "away_for_s")?,
        window: None,
        facts: Arc::from([]),
    }))
}

fn alert(row: &Row<'_>, faults: &mut u64) -> Result<Option<AlertView>> {
    let (Some(id), Some(incident)) = (parsed(row, "id")?, parsed(row, "incident")?) else { return Ok(None) };
    let technique: String = row.get("technique")?;
    let evidence: String = row.get("evidence")?;
    Ok(Some(AlertView {
        id,
        sequence: count(row, "sequence")?,
        detector: row.get("detector")?,
        category: or(row, "category", Category::Device, faults)?,
        severity: or(row, "severity", Severity::Medium, faults)?,
        confidence: row.get::<_, f64>("confidence")? as f32,
        title: row.get("title")?,
        detail: row.get("detail")?,
        recommendation: row.get("recommendation")?,
        attacker: Party {
            device: parsed(row, "attacker_device")?,
            mac: parsed(row, "attacker_mac")?,
            ip: parsed(row, "attacker_ip")?,
        },
        attacker_name: row.get("attacker_name")?,
        victim: Party {
            device: parsed(row, "victim_device")?,
            mac: parsed(row, "victim_mac")?,
            ip: parsed(row, "victim_ip")?,
        },
        victim_name: row.get("victim_name")?,
        technique: json_or_fault(&technique, faults),
        first_seen: Wall(row.get("first_seen_ms")?),
        last_seen: Wall(row.get("last_seen_ms")?),
        count: count(row, "count")?,
        state: or(row, "state", AlertState::New, faults)?,
        evidence: json_or_fault(&evidence, faults),
        incident,
        key: row.get("key")?,
    }))
}

/// `None` for null and for what cannot be read.
pub(super) fn parsed<T: FromStr>(row: &Row<'_>, column: &str) -> Result<Option<T>> {
    Ok(row.get::<_, Option<String>>(column)?.and_then(|text| text.parse().ok()))
}

fn or<T: FromStr>(row: &Row<'_>, column: &str, default: T, faults: &mut u64) -> Result<T> {
    Ok(known_or_fault(&row.get::<_, String>(column)?, faults).unwrap_or(default))
}

fn known_or_fault<T: FromStr>(word: &str, faults: &mut u64) -> Option<T> {
    let value = word.parse().ok();
    *faults += u64::from(value.is_none());
    value
}

fn json_or_fault<T: serde::de::DeserializeOwned + Default>(text: &str, faults: &mut u64) -> T {
    serde_json::from_str(text).unwrap_or_else(|_| {
        *faults += 1;
        T::default()
    })
}

fn count(row: &Row<'_>, column: &str) -> Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}
