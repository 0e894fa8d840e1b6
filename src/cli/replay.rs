//! # `replay`: capture files through the daemon's own path
//!
//! No network is touched. Time is the file's own; one engine sees all files, in the order given.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{Context, Exit, Failure, json as shapes, recorded::to_stdout, table};
use crate::{
    capture::file::{self, FileReader, Timeline},
    engine::{self, Engine, Input},
    model::{Capped, Captured, LinkType, Remembered, Wall},
    wire::{Frame, Net, Transport},
};

/// Conversations held; beyond it the least recent goes.
const CONVERSATIONS_MAX: usize = 65_536;
/// Conversations shown.
const CONVERSATIONS_SHOWN: usize = 50;
// Ids of a replay are the same every time.
const INSTANCE: u32 = 0;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// pcap, pcapng or snoop, plain or gzipped
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
}

/// What the frames added up to, besides what the engine made of them.
struct Sums {
    protocols: BTreeMap<&'static str, u64>,
    conversations: Capped<(String, String, &'static str, u16), (u64, u64)>,
    packets: u64,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let settings = context.settings()?.engine();
    let mut sums = Sums { protocols: BTreeMap::new(), conversations: Capped::new(CONVERSATIONS_MAX), packets: 0 };
    let mut engine = None;
    let mut files = Vec::new();
    let mut timeline = Timeline::default();
    for path in &args.files {
        files.push(one(path, &settings, &mut engine, &mut timeline, &mut sums)?);
    }
    let view = match engine.as_mut() {
        Some(engine) => engine.view(),
        None => Arc::default(),
    };
    let cpu_seconds = cpu_seconds();
    let replay = shapes::Replay {
        files,
        alerts: view.alerts.values().map(|alert| shapes::Alert::from(&**alert)).collect(),
        devices: view.devices.values().map(|device| shapes::Device::from(&**device)).collect(),
        conversations: sums.conversations(),
        protocols: sums.protocols.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect(),
        credentials: Vec::new(),
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a rate, for people
        packets_per_second: if cpu_seconds > 0.0 { (sums.packets as f64 / cpu_seconds) as u64 } else { 0 },
        cpu_seconds,
    };
    to_stdout(|out| {
        if context.json() {
            return Ok(writeln!(out, "{}", serde_json::to_string(&replay)?)?);
        }
        let devices: Vec<_> = view.devices.values().map(|device| (**device).clone()).collect();
        let alerts: Vec<_> = view.alerts.values().map(|alert| (**alert).clone()).collect();
        let now = files_end(&replay).unwrap_or_else(|| context.wall());
        for file in &replay.files {
            let cut = if file.truncated { ", cut short" } else { "" };
            writeln!(out, "{}: {} frames, {} bytes{cut}", file.path, file.packets, file.bytes)?;
        }
        out.write_all(table::devices(&devices, now, context.colour()).as_bytes())?;
        if !alerts.is_empty() {
            out.write_all(table::alerts(&alerts, now, context.colour()).as_bytes())?;
        }
        Ok(())
    })
}

fn files_end(replay: &shapes::Replay) -> Option<Wall> {
    replay.files.iter().filter_map(|file| file.to.as_deref()?.parse().ok()).max()
}

/// One file through the engine.
fn one(
    path: &Path,
    settings: &engine::Settings,
    engine: &mut Option<Engine>,
    timeline: &mut Timeline,
    sums: &mut Sums,
) -> anyhow::Result<shapes::ReplayFile> {
    let mut reader = file::open(path).map_err(|error| {
        let exit = if path.exists() { Exit::Failed } else { Exit::Missing };
        let failure = Failure::new(exit, crate::daemon::with_source(&error));
        error.advice().map_or(failure, |advice| Failure::new(exit, error.to_string()).advise(advice))
    })?;
    let (mut from, mut to) = (None, None);
    while let Some(frame) = reader.next() {
        let at = timeline.at(frame.stamp_ns);
        from.get_or_insert(at.wall);
        to = Some(at.wall);
        sums.count(frame.link, frame.bytes, frame.wire_len);
        let captured =
            Captured { link: frame.link, interface: frame.interface, at, wire_len: frame.wire_len, bytes: frame.bytes };
        let engine =
            engine.get_or_insert_with(|| Engine::new(settings, Arc::default(), &Remembered::default(), INSTANCE, at));
        engine.handle(Input::Frame(captured), at);
    }
    Ok(shapes::ReplayFile {
        path: path.display().to_string(),
        packets: reader.frames(),
        bytes: reader.bytes(),
        truncated: reader.is_truncated(),
        link: link_word(&reader),
        from: from.map(|at| at.to_string()),
        to: to.map(|at| at.to_string()),
    })
}

/// `None` for an empty file; `mixed` where interfaces differ.
fn link_word(reader: &FileReader) -> Option<String> {
    let (link, mixed) = reader.link();
    if mixed {
        return Some("mixed".into());
    }
    Some(match link? {
        LinkType::ETHERNET => "ethernet".into(),
        LinkType::RADIOTAP => "radiotap".into(),
        LinkType::IEEE80211 => "ieee802.11".into(),
        LinkType::LINUX_SLL => "linux_sll".into(),
        LinkType::LINUX_SLL2 => "linux_sll2".into(),
        LinkType::NULL | LinkType::LOOP => "loopback".into(),
        LinkType::RAW_IP | LinkType::IPV4 | LinkType::IPV6 => "raw_ip".into(),
        LinkType::PPP => "ppp".into(),
        LinkType::NFLOG => "nflog".into(),
        LinkType(other) => other.to_string(),
    })
}

impl Sums {
    fn count(&mut self, link: LinkType, bytes: &[u8], wire_len: u32) {
        self.packets += 1;
        let frame = Frame::decode(link, bytes);
        let (ends, net) = match frame.net {
            Some(Net::V4(ip)) => (Some((ip.source.to_string(), ip.destination.to_string())), "ipv4"),
            Some(Net::V6(ip)) => (Some((ip.source.to_string(), ip.destination.to_string())), "ipv6"),
            Some(Net::Arp(_)) => (None, "arp"),
            _ => (None, "other"),
        };
        let (transport, port) = match frame.transport {
            Some(Transport::Tcp(tcp)) => ("tcp", tcp.source.min(tcp.destination)),
            Some(Transport::Udp(udp)) => ("udp", udp.source.min(udp.destination)),
            _ => ("", 0),
        };
        *self.protocols.entry(net).or_default() += 1;
        if !transport.is_empty() {
            *self.protocols.entry(transport).or_default() += 1;
        }
        let Some((a, b)) = ends else { return };
        let (a, b) = if a <= b { (a, b) } else { (b, a) };
        let key = (a, b, if transport.is_empty() { net } else { transport }, port);
        match self.conversations.get_mut(&key) {
            Some(sum) => *sum = (sum.0 + 1, sum.1 + u64::from(wire_len)),
            None => drop(self.conversations.insert(key, (1, u64::from(wire_len)))),
        }
    }

    /// The largest, by bytes.
    fn conversations(&self) -> Vec<Value> {
        let mut all: Vec<_> = self.conversations.iter().collect();
        all.sort_by(|(ka, a), (kb, b)| b.1.cmp(&a.1).then_with(|| ka.cmp(kb)));
        let shown = all.into_iter().take(CONVERSATIONS_SHOWN);
        shown
            .map(|((a, b, protocol, port), (packets, bytes))| {
                json!({"a": a, "b": b, "protocol": protocol, "port": port, "packets": packets, "bytes": bytes})
            })
            .collect()
    }
}

/// User and system time of this process (`getrusage(2)`).
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
