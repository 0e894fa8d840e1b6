//! # Changes and views → rows to write
//!
//! Pure. Compares the view with what was written last and says what must be written now, in the
//! order it must be written: devices first (others refer to them), history, open windows, what is gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::json;

use crate::model::{
    AlertId, AlertState, AlertView, Change, Decision, DeviceId, DeviceView, HomeView, Learned, Mode, PersonId,
    Presence, Wall, WindowView,
};

/// Events of one kind kept per day. A home has some hundreds; only a flood reaches it, and then
/// only its own kind is cut short.
pub(super) const EVENTS_PER_KIND_AND_DAY_MAX: u32 = 10_000;
const DAY_MS: i64 = 86_400_000;

/// What is written, one step each.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Row {
    Meta(&'static str, String),
    /// A device with the lists that differ.
    Device(Arc<DeviceView>, Lists),
    /// Only what moves all the time: last seen, level, reason.
    Gauges(Arc<DeviceView>),
    /// A window, whole. Nothing happens if its device is not there (found and forgotten at once).
    Window(WindowView),
    /// Two windows became one; the later began at `gone`.
    Stitched {
        window: WindowView,
        gone: Wall,
    },
    /// The wall clock was set while a window is open: the same one, with another start.
    MovedWindow {
        device: DeviceId,
        from: Wall,
        to: Wall,
    },
    /// No window of the device is open but this one (`None`: none at all).
    OpenWindow(DeviceId, Option<WindowView>),
    /// `into` gets windows and events of `from`.
    Merged {
        from: DeviceId,
        into: DeviceId,
    },
    /// The device and all that is told of it.
    Gone(DeviceId),
    Tombstone(DeviceId, Wall),
    TombstoneGone(DeviceId),
    Event {
        at: Wall,
        kind: &'static str,
        device: Option<DeviceId>,
        data: String,
    },
    Alert(Arc<AlertView>),
    Mutes(Arc<Vec<(String, DeviceId, Wall)>>),
}

/// Which lists of a device must be written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one each, independent")]
pub(super) struct Lists {
    pub macs: bool,
    pub addresses: bool,
    pub sources: bool,
    pub services: bool,
    pub facts: bool,
}

/// How much is written this time. What moves all the time is written seldom, to spare flash memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Depth {
    /// What people or Home Assistant would miss.
    Changes,
    /// And learned facts.
    Facts,
    /// And gauges: everything.
    Everything,
}

/// What the file holds, as far as it matters for what to write next.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    pub devices: BTreeMap<DeviceId, Arc<DeviceView>>,
    pub alerts: BTreeMap<AlertId, Arc<AlertView>>,
    pub tombstones: Arc<BTreeMap<DeviceId, Wall>>,
    pub mutes: Arc<Vec<(String, DeviceId, Wall)>>,
    pub minted: Option<u32>,
    pub instance: Option<u32>,
    pub mode: Option<Mode>,
    pub person_ids: BTreeMap<String, PersonId>,
    pub learned: Arc<Learned>,
    /// The view that was written last, if one was.
    pub view: Option<Arc<HomeView>>,
    /// Kind → day and how many events of it were written.
    pub today: BTreeMap<&'static str, (i64, u32)>,
    /// Events that were cut.
    pub events_dropped: u64,
}

/// The rows that bring the file from `written` to `view`, with the history in `changes`; and what is
/// written then.
pub(super) fn plan(
    written: &Written,
    view: &Arc<HomeView>,
    changes: &[Arc<[Change]>],
    depth: Depth,
) -> (Vec<Row>, Written) {
    let mut next = written.clone();
    let mut rows = Vec::new();
    let mut windows = Vec::new();
    plan_meta(&mut next, view, &mut rows);
    if depth == Depth::Everything && !Arc::ptr_eq(&next.learned, &view.learned) {
        // A view that was cut before anything was learned takes nothing away.
        if next.learned.by != view.learned.by && !view.learned.by.is_empty() {
            rows.push(Row::Meta("learned", learned_text(&view.learned)));
        }
        next.learned = Arc::clone(&view.learned);
    }
    plan_devices(&mut next, view, depth, &mut rows, &mut windows);
    let mut gone: BTreeSet<DeviceId> = BTreeSet::new();
    for change in changes.iter().flat_map(|list| list.iter()) {
        plan_history(&mut next, change, &mut rows, &mut gone);
    }
    // The view is at least as new as the changes: what they close may have been opened again since.
    let planned: BTreeSet<DeviceId> =
        windows.iter().filter_map(|row| if let Row::OpenWindow(id, _) = row { Some(*id) } else { None }).collect();
    for id in touched(changes).difference(&planned) {
        if let Some(device) = view.devices.get(id) {
            windows.push(Row::OpenWindow(*id, device.window.clone()));
        }
    }
    rows.append(&mut windows);
    plan_alerts(&mut next, view, &mut rows);
    if !Arc::ptr_eq(&next.mutes, &view.mutes) {
        if next.mutes != view.mutes {
            rows.push(Row::Mutes(Arc::clone(&view.mutes)));
        }
        next.mutes = Arc::clone(&view.mutes);
    }
    plan_gone(&mut next, view, gone, &mut rows);
    next.view = Some(Arc::clone(view));
    (rows, next)
}

/// As `remember` reads it.
pub(super) fn learned_text(learned: &Learned) -> String {
    json!({ "at": learned.at.0, "by": learned.by }).to_string()
}

fn plan_meta(next: &mut Written, view: &HomeView, rows: &mut Vec<Row>) {
    // An id must never be given out twice, so the counter goes with the devices it made.
    if next.minted.is_none_or(|minted| minted < view.minted) {
        rows.push(Row::Meta("minted", view.minted.to_string()));
        next.minted = Some(view.minted);
    }
    if view.instance != 0 && next.instance != Some(view.instance) {
        rows.push(Row::Meta("instance", view.instance.to_string()));
        next.instance = Some(view.instance);
    }
    let mode = view.household.mode;
    if next.mode != Some(mode) {
        rows.push(Row::Meta("mode", mode.word().into()));
        next.mode = Some(mode);
    }
    // A view that was cut before anybody was known takes nothing away.
    let ids = &view.household.person_ids;
    if next.person_ids != *ids && !ids.is_empty() {
        rows.push(Row::Meta("persons", person_ids_text(ids)));
        next.person_ids.clone_from(ids);
    }
}

/// As `remember` reads it.
pub(super) fn person_ids_text(ids: &BTreeMap<String, PersonId>) -> String {
    let ids: serde_json::Map<String, serde_json::Value> =
        ids.iter().map(|(name, id)| (name.clone(), id.to_string().into())).collect();
    serde_json::Value::Object(ids).to_string()
}

fn plan_devices(next: &mut Written, view: &HomeView, depth: Depth, rows: &mut Vec<Row>, windows: &mut Vec<Row>) {
    let step_ms = next.view.as_ref().map_or(0, |last| view.clock_set_ms.saturating_sub(last.clock_set_ms));
    for (id, device) in &view.devices {
        let old = next.devices.get(id);
        if old.is_some_and(|old| Arc::ptr_eq(old, device)) {
            continue;
        }
        match old.map_or(Difference::Whole, |old| difference(old, device)) {
            Difference::Nothing => {}
            Difference::Gauges if depth < Depth::Everything => continue,
            Difference::Facts if depth < Depth::Facts => continue,
            Difference::Gauges => rows.push(Row::Gauges(Arc::clone(device))),
            Difference::Facts | Difference::Whole => {
                let lists = old.map_or(Lists::ALL, |old| Lists::between(old, device));
                rows.push(Row::Device(Arc::clone(device), lists));
            }
        }
        if let (Some(was), Some(is)) = (old.and_then(|old| old.window.as_ref()), &device.window)
            && step_ms != 0
            && is.start.0.checked_sub(was.start.0) == Some(step_ms)
        {
            windows.push(Row::MovedWindow { device: *id, from: was.start, to: is.start });
        }
        if old.is_none_or(|old| old.window != device.window) {
            windows.push(Row::OpenWindow(*id, device.window.clone()));
        }
        next.devices.insert(*id, Arc::clone(device));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Difference {
    Nothing,
    Gauges,
    Facts,
    Whole,
}

/// How much of a device is different. Fields that are new to the view count as a whole difference.
fn difference(old: &DeviceView, new: &DeviceView) -> Difference {
    if old == new {
        return Difference::Nothing;
    }
    let mut still = new.clone();
    still.last_seen = old.last_seen;
    still.signal_dbm = old.signal_dbm;
    still.presence_reason = old.presence_reason;
    if let (Some(window), Some(before)) = (&still.window, &old.window)
        && window.start == before.start
    {
        still.window.clone_from(&old.window);
    }
    if still == *old {
        return Difference::Gauges;
    }
    still.facts = Arc::clone(&old.facts);
    if still == *old { Difference::Facts } else { Difference::Whole }
}

impl Lists {
    pub(super) const ALL: Lists = Lists { macs: true, addresses: true, sources: true, services: true, facts: true };

    fn between(old: &DeviceView, new: &DeviceView) -> Lists {
        Lists {
            macs: old.macs != new.macs,
            addresses: old.addresses != new.addresses,
            sources: old.sources != new.sources,
            services: old.services != new.services,
            facts: old.facts != new.facts,
        }
    }
}

fn plan_alerts(next: &mut Written, view: &HomeView, rows: &mut Vec<Row>) {
    for (id, alert) in &view.alerts {
        let old = next.alerts.get(id);
        if old.is_none_or(|old| !Arc::ptr_eq(old, alert) && old != alert) {
            rows.push(Row::Alert(Arc::clone(alert)));
        }
        next.alerts.insert(id.clone(), Arc::clone(alert));
    }
    // The view holds everything open. What was open in the last view and is in none now has ended,
    // even if the change that said so was dropped.
    let shown = next.view.as_ref().map(|last| &last.alerts);
    let ended: Vec<AlertId> = next
        .alerts
        .iter()
        .filter(|(id, alert)| alert.state.is_open() && !view.alerts.contains_key(*id))
        .filter(|(id, _)| shown.is_some_and(|shown| shown.contains_key(*id)))
        .map(|(id, _)| id.clone())
        .collect();
    for id in ended {
        if let Some(alert) = next.alerts.get(&id) {
            rows.push(Row::Alert(Arc::new(AlertView { state: AlertState::Resolved, ..AlertView::clone(alert) })));
        }
    }
    next.alerts.retain(|id, _| view.alerts.contains_key(id) || !shown.is_some_and(|shown| shown.contains_key(id)));
}

/// A device is gone when a change said so, when it is a tombstone, or when the last view had it and this
/// one has not. That no view ever showed it is no reason: a first view cut too early must not
/// cost a home its identities.
fn plan_gone(next: &mut Written, view: &HomeView, mut gone: BTreeSet<DeviceId>, rows: &mut Vec<Row>) {
    if let Some(last) = &next.view {
        gone.extend(last.devices.keys());
    }
    gone.extend(next.devices.keys().filter(|id| view.tombstones.contains_key(*id)));
    for id in gone {
        if !view.devices.contains_key(&id) && next.devices.remove(&id).is_some() {
            rows.push(Row::Gone(id));
        }
    }
    if Arc::ptr_eq(&next.tombstones, &view.tombstones) {
        return;
    }
    for (id, at) in view.tombstones.iter().filter(|(id, at)| next.tombstones.get(*id) != Some(*at)) {
        rows.push(Row::Tombstone(*id, *at));
    }
    // As with devices, a view that never had it does not take it away.
    let shown = next.view.as_ref().map(|last| Arc::clone(&last.tombstones)).unwrap_or_default();
    let mut kept = BTreeMap::clone(&view.tombstones);
    for (id, at) in next.tombstones.iter().filter(|(id, _)| !view.tombstones.contains_key(*id)) {
        if shown.contains_key(id) {
            rows.push(Row::TombstoneGone(*id));
        } else {
            kept.insert(*id, *at);
        }
    }
    next.tombstones = if kept == *view.tombstones { Arc::clone(&view.tombstones) } else { Arc::new(kept) };
}

/// Devices whose windows the history touches.
fn touched(changes: &[Arc<[Change]>]) -> BTreeSet<DeviceId> {
    let each = changes.iter().flat_map(|list| list.iter()).flat_map(|change| match change {
        Change::WindowClosed { window } | Change::WindowStitched { window, .. } => [Some(window.device), None],
        Change::DeviceMerged { from, into, .. } => [Some(*from), Some(*into)],
        _ => [None, None],
    });
    each.flatten().collect()
}

fn plan_history(next: &mut Written, change: &Change, rows: &mut Vec<Row>, gone: &mut BTreeSet<DeviceId>) {
    match change {
        Change::WindowClosed { window } => rows.push(Row::Window(window.clone())),
        Change::WindowStitched { window, gone, .. } => {
            rows.push(Row::Stitched { window: window.clone(), gone: *gone });
        }
        Change::DeviceMerged { from, into, .. } => {
            rows.push(Row::Merged { from: *from, into: *into });
            gone.insert(*from);
        }
        Change::DeviceForgotten { device, .. } => {
            gone.insert(*device);
        }
        Change::AlertOpened { alert } | Change::AlertUpdated { alert } | Change::AlertClosed { alert } => {
            // The view's own row follows; this one matters when the alert has left the view already.
            rows.push(Row::Alert(Arc::clone(alert)));
        }
        _ => {}
    }
    let Some((at, kind, device, data)) = event(change) else { return };
    let day = at.0.div_euclid(DAY_MS);
    let count = next.today.entry(kind).or_insert((day, 0));
    if count.0 != day {
        *count = (day, 0);
    }
    if count.1 >= EVENTS_PER_KIND_AND_DAY_MAX {
        next.events_dropped += 1;
        return;
    }
    count.1 += 1;
    rows.push(Row::Event { at, kind, device, data: data.to_string() });
}

/// What the event log says of a change: when, which kind, about whom, with what.
#[must_use]
pub fn event(change: &Change) -> Option<(Wall, &'static str, Option<DeviceId>, serde_json::Value)> {
    Some(match change {
        Change::DeviceFound { device, at } => (
            *at,
            "device_new",
            Some(device.id),
            json!({"name": device.name, "mac": device.macs.first().map(ToString::to_string),
                   "ip": device.addresses.first().map(ToString::to_string), "vendor": device.vendor}),
        ),
        Change::DeviceReturned { device, at, away_s } => {
            (*at, "device_returned", Some(device.id), json!({"name": device.name, "away_s": away_s}))
        }
        Change::Presence { device, from, to: Presence::Away, why, at } if *from != Presence::Away => {
            (*at, "device_left", Some(*device), json!({"from": from.word(), "reason": why}))
        }
        Change::JoinProposed { device, of, why, at } => {
            (*at, "join_proposed", Some(*device), json!({"of": of.to_string(), "why": why}))
        }
        Change::Judged { device, decision, at } => (*at, "departure_judged", Some(*device), judged(decision)),
        Change::WindowStitched { window, gone, at } => (
            *at,
            "stay_stitched",
            Some(window.device),
            json!({"start": window.start.to_string(), "no_return_at": gone.to_string()}),
        ),
        Change::AddressChanged { device, from, to, at } => {
            (*at, "ip_changed", Some(*device), json!({"from": from.map(|ip| ip.to_string()), "to": to.to_string()}))
        }
        Change::Renamed { device, from, to, at } => (*at, "renamed", Some(*device), json!({"from": from, "to": to})),
        Change::KindChanged { device, from, to, at } => {
            (*at, "kind_changed", Some(*device), json!({"from": from.word(), "to": to.word()}))
        }
        Change::ServiceOpened { device, tcp, port, name, at }
        | Change::ServiceClosed { device, tcp, port, name, at } => (
            *at,
            if matches!(change, Change::ServiceOpened { .. }) { "service_opened" } else { "service_closed" },
            Some(*device),
            json!({"proto": if *tcp { "tcp" } else { "udp" }, "port": port, "name": name}),
        ),
        Change::DeviceMerged { from, into, at } => {
            (*at, "device_merged", Some(*into), json!({"from": from.to_string()}))
        }
        Change::DeviceForgotten { device, at } => (*at, "device_forgotten", Some(*device), json!({})),
        Change::PersonMoved { person, home, first_or_last, people_home, device, away_s, confidence, identity, at } => (
            *at,
            if *home { "person_arrived" } else { "person_left" },
            Some(*device),
            json!({"person": person, if *home { "first" } else { "last" }: first_or_last, "people_home": people_home, "away_s": away_s, "confidence": confidence,
                   "identity": identity}),
        ),
        Change::ModeChanged { from, to, at } => {
            (*at, "mode_changed", None, json!({"from": from.word(), "to": to.word()}))
        }
        Change::AlertOpened { alert } if alert.state.is_open() => {
            (alert.first_seen, "alert_new", about(alert), alert_data(alert))
        }
        Change::AlertClosed { alert } if alert.state != AlertState::Observed => {
            (alert.last_seen, "alert_closed", about(alert), alert_data(alert))
        }
        _ => return None,
    })
}

/// What decided a departure; `explain` reads it back.
fn judged(decision: &Decision) -> serde_json::Value {
    let ratios: serde_json::Map<String, serde_json::Value> =
        decision.ratios.iter().map(|(sign, ratio)| ((*sign).to_owned(), json!(ratio))).collect();
    json!({
        "reason": decision.reason.word(), "rule": decision.rule, "context": decision.context,
        "last_proof": decision.last_proof.to_string(), "mute_s": decision.mute_s,
        "away_after_s": decision.away_after_s, "unanswered": decision.unanswered,
        "asked": decision.asked.iter().map(|probe| probe.word()).collect::<Vec<_>>(), "ratios": ratios,
        "odds": decision.odds, "dial": decision.dial, "false_aways_30d": decision.false_aways,
        "confidence": decision.confidence, "helps": decision.helps.map(|(witness, _)| witness),
        "helps_after_s": decision.helps.map(|(_, after_s)| after_s),
    })
}

/// The device an alert is about: who did it, else whom it hit.
const fn about(alert: &AlertView) -> Option<DeviceId> {
    match alert.attacker.device {
        Some(device) => Some(device),
        None => alert.victim.device,
    }
}

fn alert_data(alert: &AlertView) -> serde_json::Value {
    json!({"alert": alert.id.as_str(), "detector": alert.detector, "severity": alert.severity.word(),
           "title": alert.title, "state": alert.state.word()})
}

#[cfg(test)]
mod tests;
