//! # Tables for people
//!
//! Aligned, the most important first, colour only on a terminal. Text from the network is shown as data:
//! nothing in a name can move the cursor or change a colour.

use comfy_table::{Cell, Color, ColumnConstraint, ContentArrangement, Table, presets};

use crate::model::{AlertView, DeviceView, PointView, Presence, Severity, Wall, WindowView, clean_text};

// A name longer than this pushes the other columns off the screen.
const CELL_BYTES_MAX: usize = 60;

/// A table without lines, the columns two spaces apart.
fn blank(colour: bool, header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    // Off a terminal a row stays one line, so that `grep` finds it whole.
    table.set_content_arrangement(ContentArrangement::Disabled);
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(header.iter().map(|word| Cell::new(word.to_uppercase())));
    table
}

/// Lines without blanks at their ends.
fn lines(table: &mut Table) -> String {
    // Blanks after a cell only: one before it would be within its colour and could not be taken off.
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Lines that fit a terminal of `width`: columns named in `spare` go one after the other until they do.
fn fitted(table: &mut Table, width: Option<usize>, spare: &[usize]) -> String {
    let mut out = lines(table);
    let Some(width) = width else { return out };
    for column in spare {
        // What may be coloured is measured as it is shown.
        if out.lines().all(|line| console_width(line) <= width) {
            break;
        }
        if let Some(column) = table.column_mut(*column) {
            column.set_constraint(ColumnConstraint::Hidden);
        }
        out = lines(table);
    }
    out
}

/// Columns a line takes, without colours (ECMA-48 5.4: CSI … final byte).
fn console_width(line: &str) -> usize {
    let mut rest = line.chars();
    let mut width = 0;
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            rest.by_ref().find(|c| c.is_ascii_alphabetic());
        } else {
            width += 1;
        }
    }
    width
}

/// Columns of the terminal; none where output is no terminal.
fn screen() -> Option<usize> {
    let out = std::io::stdout();
    let size = rustix::termios::tcgetwinsize(&out).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

fn text(text: &str) -> Cell {
    Cell::new(clean_text(text, CELL_BYTES_MAX))
}

/// Devices: who is here first, then by name.
#[must_use]
pub fn devices(devices: &[DeviceView], now: Wall, colour: bool) -> String {
    devices_in(devices, now, colour, screen())
}

fn devices_in(devices: &[DeviceView], now: Wall, colour: bool, width: Option<usize>) -> String {
    let mut rows: Vec<&DeviceView> = devices.iter().collect();
    rows.sort_by_key(|device| (rank(device.presence), device.name.to_lowercase(), device.id));
    let mut table = blank(colour, &["presence", "name", "kind", "address", "mac", "vendor", "seen", "id"]);
    for device in rows {
        table.add_row(vec![
            presence(device.presence),
            text(&device.name),
            Cell::new(device.kind.noun()),
            Cell::new(device.addresses.first().map_or_else(|| "-".into(), ToString::to_string)),
            Cell::new(device.macs.first().map_or_else(|| "-".into(), ToString::to_string)),
            text(device.vendor.as_deref().unwrap_or("-")),
            Cell::new(ago(now, device.last_seen)),
            Cell::new(device.id),
        ]);
    }
    let here = devices.iter().filter(|device| device.presence.is_here()).count();
    format!("{}\n{} of {} here.\n", fitted(&mut table, width, &[5, 4, 2, 6]), here, count(devices.len(), "device"))
}

/// Access points as they come: the home's own first.
#[must_use]
pub fn points(points: &[PointView], colour: bool) -> String {
    let mut table = blank(colour, &["network", "access point", "channel", "level", "security", "devices", "own"]);
    for point in points {
        table.add_row(vec![
            text(if point.ssid.is_empty() { "(hidden)" } else { &point.ssid }),
            Cell::new(point.bssid),
            Cell::new(point.channel.map_or_else(|| "-".into(), |channel| channel.to_string())),
            Cell::new(point.level_dbm.map_or_else(|| "-".into(), |dbm| format!("{dbm} dBm"))),
            text(if point.security.is_empty() { "-" } else { &point.security }),
            Cell::new(point.stations),
            Cell::new(if point.own { "yes" } else { "" }),
        ]);
    }
    format!("\n{}", fitted(&mut table, screen(), &[4, 5, 2]))
}

/// Rows of text below their heads; numbers are text here.
#[must_use]
pub fn plain<const N: usize>(header: &[&str; N], rows: &[[String; N]], colour: bool) -> String {
    let mut table = blank(colour, header);
    for row in rows {
        table.add_row(row.iter().map(|cell| text(cell)));
    }
    lines(&mut table)
}

/// Windows as they come; `name` tells whose.
#[must_use]
pub fn windows(windows: &[WindowView], name: impl Fn(&WindowView) -> String, now: Wall, colour: bool) -> String {
    let mut table = blank(colour, &["name", "from", "to", "for", "seen", "level", "ended by"]);
    for window in windows {
        let level = match (window.min_dbm, window.max_dbm) {
            (Some(min), Some(max)) => format!("{min} to {max} dBm"),
            _ => "-".into(),
        };
        table.add_row(vec![
            text(&name(window)),
            Cell::new(clock(window.start)),
            Cell::new(if window.open { "now".into() } else { clock(window.end) }),
            Cell::new(span(if window.open { now } else { window.end }.0 - window.start.0)),
            Cell::new(window.sightings),
            Cell::new(level),
            Cell::new(window.closed_because.map_or("-", |why| why.word())),
        ]);
    }
    fitted(&mut table, screen(), &[5, 4, 3])
}

/// Alerts: open ones first, the worst of them on top.
#[must_use]
pub fn alerts(alerts: &[AlertView], now: Wall, colour: bool) -> String {
    let mut rows: Vec<&AlertView> = alerts.iter().collect();
    rows.sort_by_key(|alert| {
        (!alert.state.is_open(), std::cmp::Reverse(alert.severity), std::cmp::Reverse(alert.last_seen))
    });
    let mut table = blank(colour, &["severity", "state", "title", "by", "against", "count", "last", "id"]);
    for alert in rows {
        table.add_row(vec![
            severity(alert.severity),
            Cell::new(alert.state),
            text(&alert.title),
            text(&side(alert.attacker_name.as_deref(), &alert.attacker)),
            text(&side(alert.victim_name.as_deref(), &alert.victim)),
            Cell::new(alert.count),
            Cell::new(ago(now, alert.last_seen)),
            Cell::new(&alert.id),
        ]);
    }
    let open = alerts.iter().filter(|alert| alert.state.is_open()).count();
    format!("{}\n{} of {} open.\n", fitted(&mut table, screen(), &[4, 5, 1, 3]), open, count(alerts.len(), "alert"))
}

/// How one side of an alert is called: by name, else as on the wire.
#[must_use]
pub fn side(name: Option<&str>, party: &crate::model::Party) -> String {
    name.map(str::to_owned)
        .or_else(|| party.ip.map(|ip| ip.to_string()))
        .or_else(|| party.mac.map(|mac| mac.to_string()))
        .or_else(|| party.device.map(|device| device.to_string()))
        .unwrap_or_else(|| "-".into())
}

/// Pairs below each other, such as counts.
#[must_use]
pub fn pairs(rows: &[(String, u64)]) -> String {
    let width = rows.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(key, count)| format!("  {key:width$}  {count}\n")).collect()
}

/// Here first, away last.
const fn rank(presence: Presence) -> u8 {
    match presence {
        Presence::Home => 0,
        Presence::Asleep => 1,
        Presence::Leaving => 2,
        Presence::Unknown => 3,
        Presence::Away => 4,
    }
}

fn presence(presence: Presence) -> Cell {
    let colour = match presence {
        Presence::Home => Color::Green,
        Presence::Asleep | Presence::Leaving => Color::Yellow,
        Presence::Away | Presence::Unknown => Color::DarkGrey,
    };
    Cell::new(presence).fg(colour)
}

fn severity(severity: Severity) -> Cell {
    let colour = match severity {
        Severity::Critical | Severity::High => Color::Red,
        Severity::Medium => Color::Yellow,
        Severity::Low | Severity::Info => Color::DarkGrey,
    };
    Cell::new(severity).fg(colour)
}

/// "1 device", "3 devices".
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// "3 min ago". Clocks that disagree by a little are "now".
#[must_use]
pub fn ago(now: Wall, at: Wall) -> String {
    match now.0.saturating_sub(at.0) {
        ms if ms < 10_000 => "now".into(),
        ms => format!("{} ago", span(ms)),
    }
}

/// A span in its largest unit: "45 s", "3 min", "5 h", "12 d".
#[must_use]
pub fn span(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Local time to the minute, as on the clock on the wall.
#[must_use]
pub fn clock(at: Wall) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(
        |_| "-".into(),
        |time| time.to_zoned_datetime(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, MacAddr};

    const NOW: Wall = Wall(1_795_626_131_000);

    fn home() -> Vec<DeviceView> {
        let phone = DeviceView {
            name: "Ada's phone".into(),
            kind: Kind::Phone,
            presence: Presence::Away,
            last_seen: Wall(NOW.0 - 7_300_000),
            ..DeviceView::blank("d-aaaaaa".parse().unwrap())
        };
        let tv = DeviceView {
            name: "TV\u{1b}[31m\u{202e}x".into(),
            kind: Kind::Tv,
            presence: Presence::Home,
            macs: vec![MacAddr([0xb8, 0x27, 0xeb, 1, 2, 3])],
            addresses: vec![[192, 168, 7, 20].into()],
            vendor: Some("Raspberry Pi".into()),
            last_seen: Wall(NOW.0 - 200_000),
            ..DeviceView::blank("d-bbbbbb".parse().unwrap())
        };
        vec![phone, tv]
    }

    /// What a terminal shows of it.
    fn shown(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            if c == '\u{1b}' {
                rest.by_ref().find(|c| c.is_ascii_alphabetic());
            } else {
                out.push(c);
            }
        }
        out.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
    }

    #[test]
    fn a_table_is_aligned_and_plain() {
        let expected = "\
PRESENCE  NAME         KIND   ADDRESS       MAC                VENDOR        SEEN       ID
home      TV [31m x    TV     192.168.7.20  b8:27:eb:01:02:03  Raspberry Pi  3 min ago  d-bbbbbb
away      Ada's phone  phone  -             -                  -             2 h ago    d-aaaaaa

1 of 2 devices here.
";
        assert_eq!(devices(&home(), NOW, false), expected);
        let coloured = devices(&home(), NOW, true);
        assert!(coloured.contains("\u{1b}[") && !coloured.contains("\u{1b}[31m\u{202e}"));
        assert_eq!(shown(&coloured), expected, "colour moves nothing");
    }

    #[test]
    fn on_a_narrow_terminal_the_lesser_columns_go() {
        for colour in [false, true] {
            let wide = devices_in(&home(), NOW, colour, Some(200));
            assert!(wide.contains("VENDOR") && wide.contains("MAC"), "{wide}");
            let narrow = devices_in(&home(), NOW, colour, Some(80));
            assert!(narrow.lines().all(|line| console_width(line) <= 80), "{narrow}");
            assert!(!narrow.contains("VENDOR"), "{narrow}");
            for kept in ["PRESENCE", "NAME", "ADDRESS", "ID", "d-bbbbbb"] {
                assert!(narrow.contains(kept), "no {kept} in\n{narrow}");
            }
        }
    }

    #[test]
    fn ages_read_aloud() {
        let cases = [
            (0, "now"),
            (-5_000, "now"),
            (45_000, "45 s ago"),
            (180_000, "3 min ago"),
            (7_200_000, "2 h ago"),
            (864_000_000, "10 d ago"),
        ];
        for (ms, expected) in cases {
            assert_eq!(ago(NOW, Wall(NOW.0 - ms)), expected);
        }
    }
}
