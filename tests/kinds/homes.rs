//! Homes that nobody has (`homes.tsv`), and devices of many makes in no home at all (`strangers.tsv`): what each device says
//! of itself goes as frames through a capture file and the whole program, and what is made of it is counted by kind, maker
//! and name. Needs no recording, so it runs everywhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    sync::Arc,
};

use porchlight::{
    capture::file::PcapWriter,
    cli::replay::replay,
    intel::{parts, vendors},
    model::{DeviceView, Kind, LinkType, MacAddr},
    settings::Settings,
};

use super::{SECOND, START};

/// Devices written down after the rules had seen those above: nothing was mended for a row.
const NEWCOMERS: Table = Table {
    text: include_str!("newcomers.tsv"),
    begin: "<!-- newcomers: written by the test, see above -->\n",
    end: "<!-- end of newcomers -->",
    least: [RIGHT_LEAST, 0],
    brief: false,
};

/// Devices of homes whose owners published lists of them.
const INVENTORIES: Table = Table {
    text: include_str!("inventories.tsv"),
    begin: "<!-- inventories: written by the test, see above -->\n",
    end: "<!-- end of inventories -->",
    least: [RIGHT_LEAST, 0],
    brief: false,
};
/// Devices that laboratories, makers and integrations name; seen by the rules after those of INVENTORIES were mended.
const LABORATORIES: Table = Table {
    text: include_str!("laboratories.tsv"),
    begin: "<!-- laboratories: written by the test, see above -->\n",
    end: "<!-- end of laboratories -->",
    least: [RIGHT_LEAST, 0],
    brief: false,
};
/// Devices written down before a rule was looked at, half of them poor in evidence or made to fool.
const OUTSIDERS: Table = Table {
    text: include_str!("outsiders.tsv"),
    begin: "<!-- outsiders: written by the test, see above -->\n",
    end: "<!-- end of outsiders -->",
    least: [RIGHT_LEAST, 0],
    brief: true,
};
/// Devices written down with OUTSIDERS, and put to the rules only after those were mended. What they taught was mended by
/// class only, so they tell what to expect of what nobody has seen, and nothing is asked but that the page says it.
const LATECOMERS: Table = Table {
    text: include_str!("latecomers.tsv"),
    begin: "<!-- latecomers: written by the test, see above -->\n",
    end: "<!-- end of latecomers -->",
    least: [0, 0],
    brief: true,
};

/// Devices written down before a rule was looked at, of makers that mostly no other table has.
const ARRIVALS: Table = Table {
    text: include_str!("arrivals.tsv"),
    begin: "<!-- arrivals: written by the test, see above -->\n",
    end: "<!-- end of arrivals -->",
    least: [0, 0],
    brief: true,
};

/// Half of makers drawn by lot from the registry of addresses, half of what every home has; written down after the rules had
/// seen ARRIVALS, and looked at once.
const LOTS: Table = Table {
    text: include_str!("lots.tsv"),
    begin: "<!-- lots: written by the test, see above -->\n",
    end: "<!-- end of lots -->",
    least: [0, 0],
    brief: true,
};

/// All of them, for who measures the rules.
pub const ALL: [&Table; 9] =
    [&HOMES, &STRANGERS, &NEWCOMERS, &INVENTORIES, &LABORATORIES, &OUTSIDERS, &LATECOMERS, &ARRIVALS, &LOTS];

/// A table, and where its page is kept.
pub struct Table {
    text: &'static str,
    begin: &'static str,
    end: &'static str,
    /// Of hundred: kinds and makers at least right. Nothing is asked of makers where addresses do not tell them.
    least: [usize; 2],
    /// The page shows only what is not right.
    brief: bool,
}

const HOMES: Table = Table {
    text: include_str!("homes.tsv"),
    begin: "<!-- homes: written by the test, see above -->\n",
    end: "<!-- end of homes -->",
    least: [RIGHT_LEAST, MAKERS_LEAST],
    brief: false,
};
const STRANGERS: Table = Table {
    text: include_str!("strangers.tsv"),
    begin: "<!-- strangers: written by the test, see above -->\n",
    end: "<!-- end of strangers -->",
    least: [RIGHT_LEAST, MAKERS_LEAST],
    brief: false,
};
/// Of hundred: kinds at least right, at most wrong; makers likewise.
const RIGHT_LEAST: usize = 85;
const WRONG_MOST: usize = 3;
const MAKERS_LEAST: usize = 95;
/// The router of each home, where questions go.
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// A line of the table.
pub struct Thing {
    home: &'static str,
    pub kind: Kind,
    pub maker: Option<&'static str>,
    name: Option<&'static str>,
    pub mac: MacAddr,
    ip: [u8; 4],
    pub host: Option<&'static str>,
    class: Option<&'static str>,
    asked: Vec<u8>,
    /// Type, port, instance, keys.
    services: Vec<(&'static str, u16, String, Vec<&'static str>)>,
    ssdp: Option<(&'static str, &'static str)>,
    open: Vec<u16>,
    asks: Option<&'static str>,
}

pub fn things(table: &Table) -> Vec<Thing> {
    let lines = table.text.lines().filter(|line| !line.starts_with('#'));
    lines.zip(2..).map(|(line, number)| thing(line, number).unwrap_or_else(|| panic!("{line}"))).collect()
}

fn thing(line: &'static str, number: u8) -> Option<Thing> {
    let columns: Vec<Option<&str>> = line.split('\t').map(|text| Some(text).filter(|text| *text != "-")).collect();
    let [home, kind, maker, name, mac, host, class, asked, services, ssdp, open, asks] = columns[..] else {
        return None;
    };
    let service = |text: &'static str| {
        let mut words = text.splitn(4, ' ');
        let (kind, port, instance) = (words.next()?, words.next()?.parse().ok()?, words.next()?.replace('_', " "));
        let keys = words.next()?;
        Some((kind, port, instance, keys.split(',').filter(|key| *key != "-").collect()))
    };
    Some(Thing {
        home: home?,
        kind: kind?.parse().ok()?,
        maker,
        name,
        mac: mac?.parse().ok()?,
        ip: [10, 0, 0, number],
        host,
        class,
        asked: asked.map_or(Some(vec![]), |codes| codes.split(',').map(|code| code.parse().ok()).collect())?,
        services: services.map_or(Some(vec![]), |list| list.split(';').map(service).collect())?,
        ssdp: ssdp.and_then(|text| text.split_once(';')),
        open: open.map_or(Some(vec![]), |list| list.split(' ').map(|port| port.parse().ok()).collect())?,
        asks,
    })
}

impl Thing {
    fn frames(&self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        if !self.asked.is_empty() || self.host.is_some() {
            frames.push(self.dhcp());
        }
        frames.push(self.udp([1, 0, 0x5e, 0, 0, 0xfb], [224, 0, 0, 251], (5353, 5353), &self.mdns()));
        if let Some((kind, server)) = self.ssdp {
            let [a, b, c, d] = self.ip;
            let notify = format!(
                "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nLOCATION: http://{a}.{b}.{c}.{d}:80/d.xml\r\nNT: {kind}\r\n\
                 NTS: ssdp:alive\r\nSERVER: {server}\r\nUSN: uuid:1::{kind}\r\n\r\n"
            );
            let group = [1, 0, 0x5e, 0x7f, 0xff, 0xfa];
            frames.push(self.udp(group, [239, 255, 255, 250], (1900, 1900), notify.as_bytes()));
        }
        for port in &self.open {
            // It accepts a connection.
            let mut body = [port.to_be_bytes(), 40_000_u16.to_be_bytes()].concat();
            body.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x12, 0xff, 0xff, 0, 0, 0, 0]);
            frames.push(self.ipv4(ROUTER, self.ip, [10, 0, 0, 1], 6, &body));
        }
        if let Some(name) = self.asks {
            let question = [&[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &labels(name), &[0, 1, 0, 1]].concat();
            frames.push(self.udp(ROUTER, [10, 0, 0, 1], (40_001, 53), &question));
        }
        frames
    }

    /// A REQUEST (RFC 2131 §2), broadcast.
    fn dhcp(&self) -> Vec<u8> {
        let mut body = vec![1, 1, 6, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        body.resize(28, 0);
        body.extend(self.mac.0);
        body.resize(236, 0);
        body.extend([0x63, 0x82, 0x53, 0x63, 53, 1, 3]);
        for (code, text) in [(12, self.host), (60, self.class)] {
            if let Some(text) = text {
                body.extend([code, u8::try_from(text.len()).expect("short")]);
                body.extend(text.as_bytes());
            }
        }
        if !self.asked.is_empty() {
            body.extend([55, u8::try_from(self.asked.len()).expect("short")]);
            body.extend(&self.asked);
        }
        body.push(255);
        let packet = udp_body((68, 67), &body);
        self.ipv4([0xff; 6], [0; 4], [255; 4], 17, &packet)
    }

    /// All its services and its address in one answer (RFC 6763 §12), or the address alone.
    fn mdns(&self) -> Vec<u8> {
        let instance = self.services.first().map_or("", |(_, _, instance, _)| instance.as_str());
        let host = self.host.unwrap_or(instance).replace(['.', ' ', '[', ']', ':'], "-");
        let host = labels(&format!("{host}.local"));
        let mut records = Vec::new();
        let mut record = |name: &[u8], kind: u8, data: &[u8]| {
            let len = u16::try_from(data.len()).expect("short").to_be_bytes();
            records.push([name, &[0, kind, 0x80, 1, 0, 0, 0, 120], &len[..], data].concat());
        };
        for (kind, port, instance, keys) in &self.services {
            let mut name = vec![u8::try_from(instance.len()).expect("short")];
            name.extend(instance.as_bytes());
            name.extend(labels(&format!("{kind}.local")));
            record(&name, 33, &[&[0, 0, 0, 0][..], &port.to_be_bytes(), &host].concat());
            let strings =
                keys.iter().flat_map(|key| [&[u8::try_from(key.len()).expect("short")], key.as_bytes()].concat());
            record(&name, 16, &strings.collect::<Vec<u8>>());
        }
        // Who has no host name says none by mDNS either.
        if self.host.is_some() || !self.services.is_empty() {
            record(&host, 1, &self.ip);
        }
        let [high, low] = u16::try_from(records.len()).expect("few").to_be_bytes();
        [vec![0, 0, 0x84, 0, 0, 0, high, low, 0, 0, 0, 0], records.concat()].concat()
    }

    fn udp(&self, to: [u8; 6], to_ip: [u8; 4], ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
        self.ipv4(to, self.ip, to_ip, 17, &udp_body(ports, payload))
    }

    fn ipv4(&self, to: [u8; 6], from_ip: [u8; 4], to_ip: [u8; 4], protocol: u8, body: &[u8]) -> Vec<u8> {
        let [a, b] = u16::try_from(body.len() + 20).expect("short").to_be_bytes();
        let header = [&[0x45, 0, a, b, 0, 0, 0, 0, 64, protocol, 0, 0][..], &from_ip, &to_ip].concat();
        [&to[..], &self.mac.0, &[8, 0], &header, body].concat()
    }
}

fn udp_body(ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for number in [ports.0, ports.1, u16::try_from(payload.len() + 8).expect("short"), 0] {
        body.extend(number.to_be_bytes());
    }
    [body, payload.to_vec()].concat()
}

fn labels(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.') {
        out.push(u8::try_from(label.len()).expect("short"));
        out.extend(label.as_bytes());
    }
    out.push(0);
    out
}

/// What is said of each device, in the order of the table.
pub fn said(things: &[Thing]) -> Vec<Arc<DeviceView>> {
    let mut out = PcapWriter::new(Vec::new(), LinkType::ETHERNET).expect("memory");
    let frames = things.iter().flat_map(Thing::frames);
    for (number, frame) in frames.enumerate() {
        // A few a second, as in a home that wakes up: newcomers are let in at a rate.
        out.frame(START + number as i128 * SECOND / 4, 0, &frame).expect("memory");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("homes.pcap");
    fs::write(&path, out.finish().expect("memory")).expect("a file");
    let replayed = replay(&[path], &Settings::default(), || 0.0).expect("a capture");
    let view = |thing: &Thing| replayed.devices.iter().find(|view| view.macs.contains(&thing.mac)).map(Arc::clone);
    things.iter().map(|thing| view(thing).unwrap_or_else(|| panic!("{} is not there", thing.mac))).collect()
}

#[derive(Default)]
struct Count {
    right: usize,
    /// `iot`, which every thing of one purpose is, or no word at all.
    open: usize,
    wrong: Vec<String>,
}

impl Count {
    fn line(&self, what: &str) -> String {
        let all = self.all();
        let share = self.right as f32 * 100.0 / all as f32;
        format!("| {what} | {} of {all} ({share:.1} %) | {} | {} |", self.right, self.wrong.len(), self.open)
    }

    fn all(&self) -> usize {
        self.right + self.open + self.wrong.len()
    }
}

fn page(things: &[Thing], views: &[Arc<DeviceView>], table: &Table) -> (String, Count, Count) {
    let (mut kinds, mut makers, mut named, mut rows) = (Count::default(), Count::default(), (0, 0), String::new());
    for (thing, view) in things.iter().zip(views) {
        let line = format!("{} {}: {} {:?}, {:?}", thing.home, thing.mac, view.kind, view.facts, view.vendor);
        let is_group = matches!(thing.kind.group().word(), "home" | "security" | "other");
        match view.kind {
            kind if kind == thing.kind => kinds.right += 1,
            Kind::Unknown => kinds.open += 1,
            Kind::Iot if is_group => kinds.open += 1,
            _ => kinds.wrong.push(line.clone()),
        }
        let maker = parts::maker(view);
        match (maker, thing.maker) {
            (None, None) => makers.right += 1,
            (Some(said), Some(is)) if said.to_lowercase().contains(&is.to_lowercase()) => makers.right += 1,
            (None, Some(_)) => makers.open += 1,
            _ => makers.wrong.push(line),
        }
        if let Some(name) = thing.name {
            named.1 += 1;
            let letters = |text: &str| text.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "");
            named.0 += usize::from(letters(&view.name).starts_with(&letters(name)));
        }
        if table.brief && view.kind == thing.kind {
            continue;
        }
        let sure = if view.kind == Kind::Unknown { String::new() } else { format!(" {:.2}", view.kind_confidence) };
        let (made, told) = (thing.maker.unwrap_or("not told"), maker.unwrap_or("unknown"));
        let _ = writeln!(
            rows,
            "| {} | {} | {}{sure} | {made} | {told} | {} ({}) |",
            thing.home, thing.kind, view.kind, view.name, view.name_source
        );
    }
    let mut out = String::from("| | right | wrong | open |\n|---|---|---|---|\n");
    let _ = writeln!(out, "{}", kinds.line("kind"));
    if table.least[1] > 0 {
        let _ = writeln!(out, "{}", makers.line("maker"));
    }
    out.push('\n');
    if named.1 > 0 {
        let _ = writeln!(out, "Of {} that say a name of their own, {} are shown by it.\n", named.1, named.0);
    }
    if table.brief {
        out.push_str("What is not right:\n\n");
    }
    out.push_str(
        "| home | is | said, how sure | made by | maker said | name shown (from) |\n|---|---|---|---|---|---|\n",
    );
    out.push_str(&rows);
    (out, kinds, makers)
}

#[test]
fn homes_nobody_has_are_told_and_the_page_says_so() {
    told(&HOMES);
}

#[test]
fn strangers_are_told_and_the_page_says_so() {
    told(&STRANGERS);
}

#[test]
fn newcomers_are_told_and_the_page_says_so() {
    told(&NEWCOMERS);
}

#[test]
fn inventories_are_told_and_the_page_says_so() {
    told(&INVENTORIES);
}

#[test]
fn laboratories_are_told_and_the_page_says_so() {
    told(&LABORATORIES);
}

#[test]
fn outsiders_are_told_and_the_page_says_so() {
    told(&OUTSIDERS);
}

#[test]
fn latecomers_are_told_and_the_page_says_so() {
    told(&LATECOMERS);
}

#[test]
fn arrivals_are_told_and_the_page_says_so() {
    told(&ARRIVALS);
}

#[test]
fn lots_are_told_and_the_page_says_so() {
    told(&LOTS);
}

fn told(table: &Table) {
    let things = things(table);
    let views = said(&things);
    let (text, kinds, makers) = page(&things, &views, table);
    for (count, least) in [&kinds, &makers].into_iter().zip(table.least).filter(|(_, least)| *least > 0) {
        assert!(count.right * 100 >= count.all() * least, "{text}\n{:#?}", count.wrong);
        assert!(count.wrong.len() * 100 <= count.all() * WRONG_MOST, "{text}\n{:#?}", count.wrong);
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/kinds.md");
    let held = fs::read_to_string(path).expect("the page");
    let (before, rest) = held.split_once(table.begin).expect("where it begins");
    let (told, after) = rest.split_once(table.end).expect("where it ends");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, [before, table.begin, &text, table.end, after].concat()).expect("written");
    } else {
        assert_eq!(told, text, "docs/kinds.md is old: UPDATE=1 cargo test --test kinds homes");
    }
}

#[test]
fn the_homes_are_of_many_kinds_and_makers() {
    let things = things(&HOMES);
    let kinds: BTreeSet<&str> = things.iter().map(|thing| thing.kind.word()).collect();
    assert!(kinds.len() >= 25 && things.len() >= 55, "{} devices, {kinds:?}", things.len());
    let mut seen = BTreeMap::new();
    for thing in &things {
        assert_eq!(seen.insert(thing.mac, ()), None, "twice: {}", thing.mac);
        // The maker on the box is that of the address, or something else tells it; a part's maker is none.
        let registered = vendors::lookup(thing.mac);
        let is_part = registered.is_some_and(|vendor| parts::by(vendor).is_some());
        assert!(thing.maker.is_none() || registered.is_some(), "{}", thing.mac);
        assert!(!is_part || thing.maker.is_none_or(|maker| Some(maker) != registered), "{}", thing.mac);
    }
}
