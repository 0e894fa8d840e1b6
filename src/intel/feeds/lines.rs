//! Lists of lines: plain, hosts files, blockers' rules, CSV.

use std::net::IpAddr;

use super::{Said, Taker, date, entry};
use crate::{intel::indicators::Entry, model::Wall};

/// A line that is longer is no entry.
const LINE_MAX: usize = 4096;
/// Columns of a table that are looked at.
const COLUMNS_MAX: usize = 64;

/// Heads of columns that hold entries, in the order of preference.
const WHAT: [&str; 16] = [
    "ioc_value",
    "indicator",
    "ioc",
    "url",
    "dst_ip",
    "dstip",
    "ip",
    "ip_address",
    "ipaddress",
    "src_ip",
    "domain",
    "hostname",
    "host",
    "ja4_fingerprint",
    "ja4",
    "value",
];
const PORTS: [&str; 3] = ["dst_port", "dstport", "port"];
const THREATS: [&str; 3] = ["threat_type", "threat", "category"];

/// Which column is what.
#[derive(Default)]
struct Head {
    what: Option<usize>,
    port: Option<usize>,
    threat: Option<usize>,
    dates: Vec<usize>,
}

impl Head {
    /// `None` if no column holds entries.
    fn read(cells: &[&str]) -> Option<Head> {
        let names: Vec<String> = cells.iter().map(|cell| cell.trim().to_ascii_lowercase().replace(' ', "_")).collect();
        let find = |wanted: &[&str]| wanted.iter().find_map(|word| names.iter().position(|name| name == word));
        let is_date = |name: &&String| {
            ["first", "last", "date", "listing"].iter().any(|start| name.starts_with(start)) && !name.contains("by")
        };
        let dates = names.iter().enumerate().filter(|(_, name)| is_date(name)).map(|(at, _)| at).collect();
        let what = find(&WHAT)?;
        Some(Head { what: Some(what), port: find(&PORTS), threat: find(&THREATS), dates })
    }
}

pub(super) fn read(text: &[u8], taker: &mut Taker<'_>) {
    let mut head = Head::default();
    let mut is_first = true;
    for line in text.split(|byte| *byte == b'\n') {
        let Some(line) = std::str::from_utf8(line).ok().filter(|line| line.len() <= LINE_MAX) else {
            taker.read.unread += 1;
            continue;
        };
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if let Some(comment) = line.strip_prefix(['#', ';', '!']).or_else(|| line.strip_prefix("//")) {
            // abuse.ch comments its heads out.
            let cells = cells(comment);
            if cells.len() > 1
                && let Some(found) = Head::read(&cells)
            {
                head = found;
            }
            continue;
        }
        let cells = cells(line);
        if std::mem::take(&mut is_first)
            && cells.len() > 1
            && cells.iter().all(|cell| entry(cell).is_none())
            && let Some(found) = Head::read(&cells)
        {
            head = found;
            continue;
        }
        let taken = if cells.len() > 1 { row(&cells, &head, taker) } else { plain(line, taker) };
        taker.read.unread += u64::from(!taken);
    }
}

/// Cells of a line of CSV; the separator is the first of tab, comma, semicolon that it holds outside of quotes. One
/// cell if it has none, or if the line is no table's.
fn cells(line: &str) -> Vec<&str> {
    let is_url =
        |line: &str| line.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphabetic()));
    let separator = ['\t', ',', ';'].into_iter().find(|mark| line.contains(*mark));
    let Some(separator) = separator.filter(|mark| *mark == '\t' || !is_url(line)) else { return vec![line] };
    let (mut out, mut from, mut quoted) = (Vec::new(), 0, false);
    for (at, c) in line.char_indices() {
        if c == '"' {
            quoted = !quoted;
        } else if c == separator && !quoted && out.len() < COLUMNS_MAX {
            out.push(bare(line.get(from..at).unwrap_or_default()));
            from = at + 1;
        }
    }
    out.push(bare(line.get(from..).unwrap_or_default()));
    out
}

fn bare(cell: &str) -> &str {
    cell.trim().trim_matches('"')
}

fn row(cells: &[&str], head: &Head, taker: &mut Taker<'_>) -> bool {
    let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).copied().unwrap_or_default();
    let seen: Option<Wall> = head.dates.iter().filter_map(|at| date(cell(Some(*at)))).max();
    let said = Said { seen, threat: cell(head.threat) };
    let found = match head.what {
        Some(_) => entry(cell(head.what)),
        // `1.2.3.0/24 ; SBL123`, or a table whose columns nobody named.
        None => cells.iter().find_map(|cell| entry(cell)),
    };
    match (found, cell(head.port).parse()) {
        (Some(Entry::Net(ip, 32 | 128)), Ok(port)) if port > 0 => taker.take(&Entry::Service(ip, port), said),
        (Some(entry), _) => taker.take(&entry, said),
        (None, _) => return false,
    }
    true
}

/// A line without separators.
fn plain(line: &str, taker: &mut Taker<'_>) -> bool {
    // `||evil.example^` and `*.evil.example` as blockers write, `address=/evil.example/` as dnsmasq does.
    let rule = line.strip_prefix("||").map(|rule| rule.split(['^', '$']).next().unwrap_or(rule));
    let rule = rule.or_else(|| line.strip_prefix("*."));
    let server = ["address=/", "local=/", "server=/"].iter().find_map(|start| line.strip_prefix(start));
    let rule = rule.or_else(|| server.map(|rule| rule.split('/').next().unwrap_or(rule)));
    if let Some(rule) = rule {
        return entry(rule).map(|entry| taker.take(&entry, Said::default())).is_some();
    }
    let mut words = line.split_whitespace().take_while(|word| !word.starts_with(['#', ';']));
    let first = words.next().unwrap_or_default();
    // A hosts file sends names to nowhere.
    let nowhere = first.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified() || ip.is_loopback());
    let mut any = false;
    if nowhere {
        // `0.0.0.0 0.0.0.0`, as some have, is no name.
        for name in words.filter_map(entry).filter(|entry| matches!(entry, Entry::Name(_))) {
            taker.take(&name, Said::default());
            any = true;
        }
        // Their own names of this host.
        return any || line.split_whitespace().count() > 1;
    }
    entry(first).map(|entry| taker.take(&entry, Said::default())).is_some()
}
