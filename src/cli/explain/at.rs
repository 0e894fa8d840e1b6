//! # A device as it was
//!
//! What the store still knows of one moment: whether the device was here, in which stay, and what
//! happened to it until then. Facts are kept only as they are now.

use serde_json::{Value as Json, json};

use super::decided;
use crate::{
    cli::{
        json,
        recorded::{Recorded, failure},
        report::say,
        table,
    },
    model::{DeviceView, Wall, WindowView, clean_text},
    store::EventRow,
};

/// Events shown before the moment.
const EVENTS: usize = 10;
const PAGE: u32 = 1000;
const LINE_BYTES_MAX: usize = 200;

/// Tells of `view` at `at`.
pub fn explain(recorded: &Recorded, view: &DeviceView, at: Wall) -> anyhow::Result<()> {
    let mut stay: Option<WindowView> = None;
    let mut before: Option<WindowView> = None;
    recorded.each_window(Some(view.id), None, |window| {
        if window.start <= at && (window.open || at <= window.end) {
            stay = Some(window.clone());
        } else if window.end < at && before.as_ref().is_none_or(|known| known.end < window.end) {
            before = Some(window.clone());
        }
        Ok(())
    })?;
    let events = events_until(recorded, view, at)?;
    let here = stay.is_some();
    let decision = last_decision(recorded, view, at)?;
    if recorded.json {
        let events: Vec<json::Event> = events.iter().map(|row| json::Event::from(&recorded.shown_event(row))).collect();
        let text = json!({
            "device": json::Device::from(view), "at": at.to_string(), "here": here,
            "window": stay.as_ref().map(json::Window::from), "window_before": before.as_ref().map(json::Window::from),
            "events": events,
            "decision": decision.as_ref().map(|(at, data)| json!({"at": at.to_string(), "data": data})),
        });
        return Ok(say(&(recorded.hidden(text.to_string()) + "\n"))?);
    }
    let mut text = text(recorded, view, at, stay.as_ref().or(before.as_ref()), &events);
    if let Some((at, data)) = &decision {
        text += &decided::text(*at, data);
    }
    Ok(say(&recorded.hidden(text))?)
}

fn text(recorded: &Recorded, view: &DeviceView, at: Wall, stay: Option<&WindowView>, events: &[EventRow]) -> String {
    let name = recorded.hidden_name(&clean_text(&view.name, 60));
    let mut out = format!("{}  {name}\n\nat {}\n", view.id, table::clock(at));
    out.push_str(&match stay {
        None => "  no stay until then is recorded\n".to_owned(),
        Some(window) if window.start <= at && window.open => {
            format!("  here, since {}; that stay still lasts\n", table::clock(window.start))
        }
        Some(window) if at <= window.end => {
            let why = window.closed_because.map_or("an unknown reason", |why| why.word());
            format!("  here, from {} to {} ({why})\n", table::clock(window.start), table::clock(window.end))
        }
        Some(window) => {
            let why = window.closed_because.map_or("an unknown reason", |why| why.word());
            format!("  away; last here until {} ({why})\n", table::clock(window.end))
        }
    });
    if !events.is_empty() {
        out.push_str("\nuntil then\n");
    }
    for row in events {
        let row = recorded.shown_event(row);
        let data = clean_text(row.data.trim_matches(['{', '}']), LINE_BYTES_MAX);
        out.push_str(format!("  {}  {:16}  {data}", table::clock(row.at), row.kind).trim_end());
        out.push('\n');
    }
    out
}

/// What decided its last departure until `at`, and when.
pub fn last_decision(recorded: &Recorded, view: &DeviceView, at: Wall) -> anyhow::Result<Option<(Wall, Json)>> {
    let mut found = None;
    each_event(recorded, view, at, |row| {
        if row.kind == decided::KIND {
            found = Some((row.at, row.data));
        }
    })?;
    Ok(found.and_then(|(at, data)| Some((at, serde_json::from_str(&data).ok()?))))
}

/// The last events of the device, oldest first.
fn events_until(recorded: &Recorded, view: &DeviceView, at: Wall) -> anyhow::Result<Vec<EventRow>> {
    let mut kept = std::collections::VecDeque::new();
    each_event(recorded, view, at, |row| {
        // What decided a departure is told apart, in words.
        if row.kind != decided::KIND {
            kept.push_back(row);
        }
        if kept.len() > EVENTS {
            kept.pop_front();
        }
    })?;
    Ok(kept.into())
}

fn each_event(recorded: &Recorded, view: &DeviceView, at: Wall, mut see: impl FnMut(EventRow)) -> anyhow::Result<()> {
    let mut last = 0;
    loop {
        let rows = recorded.reader.events(None, last, PAGE).map_err(failure)?;
        let full = rows.len() == PAGE as usize;
        for row in rows {
            last = row.id;
            if row.device == Some(view.id) && row.at <= at {
                see(row);
            }
        }
        if !full {
            return Ok(());
        }
    }
}
