//! # Who was here when, and when something was odd, as a picture

use std::fmt::{self, Write as _};

use super::{Safe, seconds, severity};
use crate::{
    cli::replay::Replayed,
    model::{AlertView, DeviceView, Wall, WindowView},
};

/// Rows drawn; a picture with more says nothing.
const DEVICES_MAX: usize = 60;
const WIDTH: f64 = 1000.0;
const NAMES: f64 = 210.0;
const ROW: f64 = 22.0;
const TICKS: usize = 5;
const DAY_MS: f64 = 86_400_000.0;
/// A single frame is still to be seen.
const MARK: f64 = 3.0;

pub(super) fn draw(out: &mut String, replayed: &Replayed, devices: &[DeviceView], alerts: &[AlertView]) -> fmt::Result {
    let from = replayed.files.iter().filter_map(|file| file.from).min();
    let to = replayed.files.iter().filter_map(|file| file.to).max();
    let (Some(from), Some(to)) = (from, to) else { return Ok(()) };
    if devices.is_empty() && alerts.is_empty() {
        return Ok(());
    }
    let span = (to.0 - from.0).max(1) as f64;
    let x = |at: Wall| NAMES + (at.0 - from.0) as f64 / span * (WIDTH - NAMES - 10.0);
    let x = |at: Wall| x(at).clamp(NAMES, WIDTH - 10.0);
    let shown = devices.len().min(DEVICES_MAX);
    let height = ROW * (shown + 2) as f64 + 10.0;
    writeln!(
        out,
        "<h2>Timeline</h2>\n<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"When each device was here and when alerts came\">"
    )?;
    for n in 0..=TICKS {
        let at = Wall(from.0 + (to.0 - from.0) / TICKS as i64 * n as i64);
        let anchor = if n == 0 {
            "start"
        } else if n == TICKS {
            "end"
        } else {
            "middle"
        };
        let text = seconds(at);
        let text = match span {
            span if span < DAY_MS => text.get(11..),
            span if span < 300.0 * DAY_MS => text.get(5..16),
            _ => text.get(..10),
        }
        .unwrap_or_default();
        writeln!(
            out,
            "<line class=\"rule\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"18\" y2=\"{height}\"/><text class=\"axis\" x=\"{0:.1}\" y=\"12\" text-anchor=\"{anchor}\">{text}</text>",
            x(at)
        )?;
    }
    let y = |row: usize| 22.0 + ROW * row as f64;
    writeln!(out, "<text class=\"axis\" x=\"0\" y=\"{:.1}\">alerts</text>", y(0) + 14.0)?;
    for alert in alerts.iter().take(super::ROWS_MAX) {
        writeln!(
            out,
            "<circle class=\"mark {}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\"><title>{} {}</title></circle>",
            severity(alert.severity),
            x(alert.first_seen),
            y(0) + 10.0,
            seconds(alert.first_seen),
            Safe(&alert.title)
        )?;
    }
    let mut order: Vec<&DeviceView> = devices.iter().collect();
    order.sort_by_key(|device| (device.first_seen, device.id));
    for (row, device) in order.into_iter().take(DEVICES_MAX).enumerate() {
        let top = y(row + 1);
        let name: String = device.name.chars().take(30).collect();
        writeln!(out, "<text x=\"0\" y=\"{:.1}\">{}</text>", top + 14.0, Safe(&name))?;
        for stay in stays(replayed, device) {
            let end = if stay.open { device.last_seen } else { stay.end };
            writeln!(
                out,
                "<rect class=\"stay\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"12\" rx=\"2\"><title>{} to {}, seen {} times</title></rect>",
                x(stay.start),
                top + 4.0,
                (x(end) - x(stay.start)).max(MARK),
                seconds(stay.start),
                seconds(end),
                stay.sightings
            )?;
        }
    }
    writeln!(out, "</svg>")?;
    if devices.len() > shown {
        writeln!(out, "<p class=\"soft\">{} more devices are not drawn.</p>", devices.len() - shown)?;
    }
    Ok(())
}

fn stays<'a>(replayed: &'a Replayed, device: &'a DeviceView) -> impl Iterator<Item = &'a WindowView> {
    replayed.windows.iter().filter(|window| window.device == device.id).chain(device.window.as_ref())
}
