//! # `replay --report`: one page about a capture
//!
//! HTML that stands alone: no script, nothing fetched, and a policy that forbids both. Every word in
//! it that came from the network is cleaned and escaped, so that a name is shown and never obeyed.

use std::fmt::{self, Write as _};

use super::Replayed;
use crate::{
    cli::fit::Fit,
    model::{AlertView, DeviceView, Severity, Wall, clean_text},
};

mod points;
mod timeline;

const STYLE: &str = include_str!("page.css");
const TEXT_BYTES_MAX: usize = 400;
/// More are counted, not shown: a page that no browser opens helps nobody.
const ROWS_MAX: usize = 2000;
const CONVERSATIONS: usize = 25;

/// Text of anybody, fit for HTML, in elements and in quoted attributes.
pub(super) struct Safe<'a>(pub &'a str);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in clean_text(self.0, TEXT_BYTES_MAX).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// The whole page; `made` is when.
pub fn page(replayed: &Replayed, fit: &Fit, made: Wall) -> Result<String, fmt::Error> {
    let devices: Vec<DeviceView> = replayed.devices.iter().map(|device| fit.device(device)).collect();
    let alerts: Vec<AlertView> = replayed.alerts.iter().map(|alert| fit.alert(alert)).collect();
    let frame = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Porchlight report</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    let mut out = String::with_capacity(64 * 1024);
    head(&mut out, replayed, made)?;
    alerts_of(&mut out, &alerts, replayed.alerts_dropped)?;
    timeline::draw(&mut out, replayed, &devices, &alerts)?;
    devices_of(&mut out, &devices)?;
    points::draw(&mut out, &replayed.air.points, fit)?;
    protocols(&mut out, replayed)?;
    conversations(&mut out, replayed)?;
    credentials(&mut out, replayed, fit)?;
    files(&mut out, replayed, fit)?;
    writeln!(out, "</body>\n</html>")?;
    // Addresses stand everywhere; one pass finds them all.
    Ok(frame + &fit.text(out))
}

fn head(out: &mut String, replayed: &Replayed, made: Wall) -> fmt::Result {
    let packets: u64 = replayed.files.iter().map(|file| file.packets).sum();
    let bytes: u64 = replayed.files.iter().map(|file| file.bytes).sum();
    writeln!(out, "<h1>Porchlight report</h1>")?;
    let from = replayed.files.iter().filter_map(|file| file.from).min();
    let to = replayed.files.iter().filter_map(|file| file.to).max();
    let span = match (from, to) {
        (Some(from), Some(to)) => format!("{} to {}", seconds(from), seconds(to)),
        _ => "no frame in it".into(),
    };
    writeln!(out, "<p class=\"sub\">{span} (UTC) \u{b7} made {} by porchlight {}</p>", seconds(made), VERSION)?;
    writeln!(out, "<div class=\"cards\">")?;
    for (value, of) in [
        (grouped(replayed.devices.len() as u64), "devices"),
        (grouped(replayed.alerts.len() as u64), "alerts"),
        (grouped(packets), "frames"),
        (size(bytes), "captured"),
        (grouped(replayed.files.len() as u64), "files"),
    ] {
        writeln!(out, "<div class=\"card\"><b>{value}</b>{of}</div>")?;
    }
    writeln!(out, "</div>")
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn alerts_of(out: &mut String, alerts: &[AlertView], dropped: u64) -> fmt::Result {
    writeln!(out, "<h2>Alerts</h2>")?;
    if alerts.is_empty() {
        writeln!(out, "<p class=\"soft\">Nothing odd was seen.</p>")?;
    }
    let mut sorted: Vec<&AlertView> = alerts.iter().collect();
    sorted.sort_by_key(|alert| (std::cmp::Reverse(alert.severity), alert.first_seen));
    for alert in sorted.iter().take(ROWS_MAX) {
        writeln!(out, "<article class=\"{}\"><h3>{}</h3>", severity(alert.severity), Safe(&alert.title))?;
        write!(
            out,
            "<p><span class=\"tag\">{}</span><span class=\"tag\">{}</span>",
            alert.severity,
            Safe(&alert.detector)
        )?;
        for technique in &alert.technique {
            write!(out, "<span class=\"tag\">{}</span>", Safe(technique))?;
        }
        let times = if alert.count == 1 { "once".to_owned() } else { format!("{} times", grouped(alert.count)) };
        writeln!(
            out,
            "<span class=\"soft\">{} \u{2013} {}, {times}, {:.0} % sure</span></p>",
            seconds(alert.first_seen),
            seconds(alert.last_seen),
            f64::from(alert.confidence) * 100.0
        )?;
        for text in [&alert.detail, &alert.recommendation].into_iter().filter(|text| !text.is_empty()) {
            writeln!(out, "<p>{}</p>", Safe(text))?;
        }
        let party = |party: &crate::model::Party, name: Option<&str>| {
            let parts = [
                name.map(str::to_owned),
                party.ip.map(|ip| ip.to_string()),
                party.mac.map(|mac| mac.to_string()),
                party.device.map(|device| device.to_string()),
            ];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" \u{b7} ")
        };
        let sides = [
            ("by", party(&alert.attacker, alert.attacker_name.as_deref())),
            ("against", party(&alert.victim, alert.victim_name.as_deref())),
        ];
        writeln!(out, "<dl>")?;
        for (key, value) in sides.iter().filter(|(_, value)| !value.is_empty()) {
            writeln!(out, "<dt>{key}</dt><dd>{}</dd>", Safe(value))?;
        }
        for (key, value) in &alert.evidence {
            writeln!(out, "<dt>{}</dt><dd><code>{}</code></dd>", Safe(key), Safe(value))?;
        }
        writeln!(out, "</dl></article>")?;
    }
    let hidden = dropped + alerts.len().saturating_sub(ROWS_MAX) as u64;
    if hidden > 0 {
        writeln!(out, "<p class=\"soft\">{} more are not shown.</p>", grouped(hidden))?;
    }
    Ok(())
}

fn devices_of(out: &mut String, devices: &[DeviceView]) -> fmt::Result {
    let header = ["Name", "Kind", "Vendor", "Addresses", "MAC", "First seen", "Last seen", "Seen by", "Services"];
    table(out, "Devices", &header)?;
    for device in devices.iter().take(ROWS_MAX) {
        let list = |items: Vec<String>| items.join(", ");
        let sure = if device.kind_confidence > 0.0 {
            format!(" <span class=\"soft\">{:.0} %</span>", f64::from(device.kind_confidence) * 100.0)
        } else {
            String::new()
        };
        let services = device
            .services
            .iter()
            .map(|s| format!("{}/{} {}", if s.tcp { "tcp" } else { "udp" }, s.port, s.name).trim_end().to_owned());
        writeln!(
            out,
            "<tr><td>{}<br><code class=\"soft\">{}</code></td><td>{}{sure}</td><td>{}</td><td><code>{}</code></td>\
             <td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Safe(&device.name),
            device.id,
            Safe(&device.kind.noun()),
            Safe(device.vendor.as_deref().unwrap_or("\u{2013}")),
            Safe(&list(device.addresses.iter().map(ToString::to_string).collect())),
            Safe(&list(device.macs.iter().map(ToString::to_string).collect())),
            seconds(device.first_seen),
            seconds(device.last_seen),
            Safe(&list(device.sources.iter().map(|source| source.word().to_owned()).collect())),
            Safe(&list(services.collect())),
        )?;
    }
    table_end(out, devices.len())
}

fn protocols(out: &mut String, replayed: &Replayed) -> fmt::Result {
    let mut rows: Vec<(&str, u64)> = replayed.protocols.iter().map(|(name, frames)| (*name, *frames)).collect();
    rows.sort_by_key(|(name, frames)| (std::cmp::Reverse(*frames), *name));
    let all = rows.iter().map(|(_, frames)| frames).sum::<u64>().max(1);
    table(out, "Protocols", &["Protocol", "Frames", "Share", ""])?;
    for (name, frames) in rows.iter().take(ROWS_MAX) {
        let share = *frames as f64 / all as f64 * 100.0;
        writeln!(
            out,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{share:.1} %</td><td>\
             <svg viewBox=\"0 0 400 12\" role=\"img\" aria-label=\"{share:.1} %\"><rect class=\"bar\" y=\"1\" height=\"10\" rx=\"2\" width=\"{:.1}\"/></svg></td></tr>",
            Safe(name),
            grouped(*frames),
            (share * 4.0).max(1.0)
        )?;
    }
    table_end(out, rows.len())?;
    let faults: Vec<String> =
        replayed.faults.iter().map(|(word, frames)| format!("{word} {}", grouped(*frames))).collect();
    if !faults.is_empty() {
        writeln!(out, "<p class=\"soft\">Frames with something wrong in them: {}.</p>", Safe(&faults.join(", ")))?;
    }
    Ok(())
}

fn conversations(out: &mut String, replayed: &Replayed) -> fmt::Result {
    table(out, "Largest conversations", &["Between", "And", "Protocol", "Port", "Frames", "Bytes"])?;
    for talk in replayed.conversations.iter().take(CONVERSATIONS) {
        writeln!(
            out,
            "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            talk.a,
            talk.b,
            Safe(talk.protocol),
            talk.port.map(|port| port.to_string()).unwrap_or_default(),
            grouped(talk.packets),
            size(talk.bytes)
        )?;
    }
    table_end(out, replayed.conversations.len().min(CONVERSATIONS))
}

/// Logins in the clear. The secrets themselves are kept nowhere.
fn credentials(out: &mut String, replayed: &Replayed, fit: &Fit) -> fmt::Result {
    if replayed.credentials.is_empty() {
        return Ok(());
    }
    table(out, "Logins anybody could read", &["Protocol", "User, masked", "Secret", "From", "To", "First seen"])?;
    for one in replayed.credentials.iter().take(ROWS_MAX) {
        writeln!(
            out,
            "<tr><td>{}</td><td><code>{}</code></td><td>{}</td><td><code>{}</code></td><td><code>{}</code></td><td>{}</td></tr>",
            Safe(&one.protocol),
            Safe(&fit.name(&one.user)),
            Safe(&one.length),
            Safe(&one.from),
            Safe(&one.to),
            seconds(one.at)
        )?;
    }
    table_end(out, replayed.credentials.len())
}

fn files(out: &mut String, replayed: &Replayed, fit: &Fit) -> fmt::Result {
    table(out, "Files", &["File", "Link", "Frames", "Bytes", "From", "To"])?;
    for file in replayed.files.iter().take(ROWS_MAX) {
        let time = |at: Option<Wall>| at.map_or_else(|| "\u{2013}".into(), seconds);
        writeln!(
            out,
            "<tr><td><code>{}</code>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>",
            Safe(&fit.file(&file.path)),
            if file.truncated { " <span class=\"tag\">cut short</span>" } else { "" },
            file.link.unwrap_or("\u{2013}"),
            grouped(file.packets),
            size(file.bytes),
            time(file.from),
            time(file.to)
        )?;
    }
    table_end(out, replayed.files.len())
}

fn table(out: &mut String, title: &str, header: &[&str]) -> fmt::Result {
    writeln!(out, "<h2>{title}</h2>\n<div class=\"scroll\"><table><thead><tr>")?;
    for name in header {
        write!(out, "<th>{name}</th>")?;
    }
    writeln!(out, "</tr></thead><tbody>")
}

fn table_end(out: &mut String, rows: usize) -> fmt::Result {
    writeln!(out, "</tbody></table></div>")?;
    match rows {
        0 => writeln!(out, "<p class=\"soft\">None.</p>"),
        rows if rows > ROWS_MAX => {
            writeln!(out, "<p class=\"soft\">{} more are not shown.</p>", grouped((rows - ROWS_MAX) as u64))
        }
        _ => Ok(()),
    }
}

/// Its word as a class of the style sheet.
pub(super) fn severity(severity: Severity) -> &'static str {
    severity.word()
}

/// `2026-11-25 17:02:11`
pub(super) fn seconds(at: Wall) -> String {
    at.to_string().chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// `1,234,567`
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.iter().find(|(unit, _)| bytes >= *unit);
    unit.map_or_else(|| format!("{bytes} B"), |(unit, word)| format!("{:.1} {word}", bytes as f64 / *unit as f64))
}

#[cfg(test)]
mod tests;
