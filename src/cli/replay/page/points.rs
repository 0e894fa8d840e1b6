//! # Access points on the page

use std::fmt::{self, Write as _};

use super::{ROWS_MAX, Safe, seconds, table, table_end};
use crate::{cli::fit::Fit, model::PointView};

/// The table; nothing at all where nothing was heard from the air.
pub fn draw(out: &mut String, points: &[PointView], fit: &Fit) -> fmt::Result {
    if points.is_empty() {
        return Ok(());
    }
    let header = ["Network", "Access point", "Channel", "Level", "Security", "Devices", "First seen", "Last seen"];
    table(out, "Access points", &header)?;
    for point in points.iter().take(ROWS_MAX).map(|point| fit.point(point)) {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "\u{2013}".into());
        writeln!(
            out,
            "<tr><td>{}{}</td><td><code>{}</code></td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td>\
             <td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>",
            Safe(if point.ssid.is_empty() { "(hidden)" } else { &point.ssid }),
            if point.own { " <span class=\"tag\">own</span>" } else { "" },
            point.bssid,
            or_dash(point.channel.map(|channel| channel.to_string())),
            or_dash(point.level_dbm.map(|dbm| format!("{dbm} dBm"))),
            Safe(&point.security),
            point.stations,
            seconds(point.first_seen),
            seconds(point.last_seen),
        )?;
    }
    table_end(out, points.len())
}
