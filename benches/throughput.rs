//! What a frame costs from a capture file to the engine's conclusions, stage by stage; what readers of captures take for
//! the same file; and what one change among 500 devices costs until its messages are known.
//!
//! `cargo bench --bench throughput [-- --runs 5]`. Processor time, not wall time. Peers, if they are installed: tcpdump
//! and tshark. They do different work: tcpdump that copies is the floor for reading, tshark dissects everything and
//! concludes little.

#![allow(clippy::disallowed_methods, reason = "a bench measures time")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench may stop at the first surprise")]

use std::{
    fs::File,
    hint::black_box,
    io::BufWriter,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
};

use porchlight::{
    capture::file::{self, PcapWriter},
    engine::{Engine, Input, Settings},
    model::{Captured, HaInfo, InterfaceId, LinkMac, LinkType, Moment, Mono, NetworkFacts, Remembered, Wall},
    mqtt::{
        Commands, Site,
        reconcile::{Published, reconcile},
    },
    presence::overheard::Overheard,
    wire::Frame,
};

#[allow(dead_code, reason = "each bench uses a part")]
mod home;

use home::{
    daemon::PROGRAM,
    frames::{self, Dice, Ends},
    has, option, process,
    report::{Runs, row, title},
};

const FRAMES: u32 = 200_000;
const HOSTS: u32 = 40;
/// 2026-01-01.
const START_NS: i128 = 1_767_225_600_000_000_000;

fn main() {
    let runs = option("runs").unwrap_or(5);
    let folder = tempfile::tempdir().unwrap();
    let mirror = write(&folder.path().join("mirror.pcap"), FRAMES, traffic);
    let quiet = write(&folder.path().join("quiet.pcap"), FRAMES, |device, _, dice| frames::chatter(device, dice));
    let few = write(&folder.path().join("few.pcap"), 100, traffic);
    title(&format!("{FRAMES} frames, least / median of {runs} ({})", process::load()));
    println!("  {:<44} {:>20} {:>20}", "nanoseconds a frame", "all of 40 hosts", "what the ring hears");
    let stages: [(&str, fn(&Path)); 4] = [
        ("read from the file", read),
        ("and taken apart", decode),
        ("and what it shows of its sender", glean),
        ("the whole engine", engine),
    ];
    for (name, stage) in stages {
        let [all, some] = [&mirror, &quiet].map(|file| nanoseconds(runs, || stage(file)));
        println!("  {name:<44} {all:>20} {some:>20}");
    }
    title("the same file (all of 40 hosts) by whole programs, start subtracted");
    println!("  {:<44} {:>14} {:>14} {:>12}", "", "CPU s, least", "median", "frames/s");
    let file = mirror.to_string_lossy().into_owned();
    let few = few.to_string_lossy().into_owned();
    for (name, program, arguments) in [
        ("porchlight replay", PROGRAM, vec!["replay"]),
        ("tcpdump, copying", "tcpdump", vec!["-nn", "-w", "/dev/null", "-r"]),
        ("tcpdump, printing", "tcpdump", vec!["-nn", "-r"]),
        ("tshark, with its expert notes", "tshark", vec!["-n", "-q", "-z", "expert", "-r"]),
    ] {
        program_cost(name, program, &arguments, &file, &few, runs);
    }
    change(runs);
}

fn program_cost(name: &str, program: &str, arguments: &[&str], file: &str, few: &str, runs: u32) {
    if !program.contains('/') && !has(program) {
        println!("  {name:<44} not installed");
        return;
    }
    let mut took = Runs::default();
    for _ in 0..runs {
        let of = |file: &str| process::cost(program, &[arguments, &[file]].concat());
        let (Some(all), Some(start)) = (of(file), of(few)) else {
            println!("  {name:<44} failed");
            return;
        };
        took.add((all - start).max(0.001));
    }
    let rate = f64::from(FRAMES) / took.median();
    println!("  {name:<44} {:>14.3} {:>14.3} {rate:>12.0}", took.min(), took.median());
}

fn nanoseconds(runs: u32, work: impl Fn()) -> String {
    let mut took = Runs::default();
    for _ in 0..runs {
        let began = cpu_seconds();
        work();
        took.add((cpu_seconds() - began) * 1e9 / f64::from(FRAMES));
    }
    format!("{:.0} / {:.0}", took.min(), took.median())
}

fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

// ---- Files ------------------------------------------------------------------------------------------------

fn write(path: &Path, count: u32, mut make: impl FnMut(u32, u32, &mut Dice) -> Vec<u8>) -> PathBuf {
    let mut writer = PcapWriter::new(BufWriter::new(File::create(path).unwrap()), LinkType::ETHERNET).unwrap();
    let mut dice = Dice(7);
    for number in 0..count {
        let bytes = make(dice.below(HOSTS), number, &mut dice);
        // Ten minutes of a busy home.
        let stamp = START_NS + i128::from(number) * 3_000_000;
        writer.frame(stamp, bytes.len() as u32, &bytes).unwrap();
    }
    writer.finish().unwrap();
    path.to_owned()
}

/// A mirror port's view: mostly connections with the outside, some names asked, and the usual chatter.
fn traffic(device: u32, number: u32, dice: &mut Dice) -> Vec<u8> {
    let host = |port| Ends { mac: frames::mac(device), ip: frames::ip(device), port };
    let gateway = |ip: Ipv4Addr, port| Ends { mac: frames::mac(5000), ip, port };
    let outside = gateway(Ipv4Addr::new(203, 0, 113, (1 + dice.below(199)) as u8), 443);
    let record: Vec<u8> = [&[0x17, 3, 3, 4, 0xb0], [number as u8; 1200].as_slice()].concat();
    let port = 32768 + dice.below(200) as u16;
    match dice.below(100) {
        0..45 => frames::tcp(&outside, &host(port), number, &record),
        45..65 => frames::tcp(&host(port), &outside, number, &[]),
        65..75 => frames::udp(&host(port), &outside, &record),
        75..80 => {
            let name = format!("host{}.example.net", dice.below(500));
            frames::udp(&host(port), &gateway(frames::US, 53), &frames::dns(number as u16, &name, 1))
        }
        _ => frames::chatter(device, dice),
    }
}

// ---- Stages -----------------------------------------------------------------------------------------------

fn each(path: &Path, mut work: impl FnMut(Captured<'_>)) {
    let mut reader = file::open(path).unwrap();
    let mut timeline = file::Timeline::default();
    while let Some(frame) = reader.next() {
        let at = timeline.at(frame.stamp_ns);
        let (link, interface, wire_len, bytes) = (frame.link, InterfaceId(1), frame.wire_len, frame.bytes);
        work(Captured { link, interface, at, wire_len, bytes });
    }
}

fn read(path: &Path) {
    each(path, |captured| {
        black_box(captured);
    });
}

fn decode(path: &Path) {
    each(path, |captured| {
        black_box(Frame::decode(captured.link, captured.bytes));
    });
}

fn glean(path: &Path) {
    let (mut ears, network, mut out) = (Overheard::default(), NetworkFacts::default(), Vec::new());
    each(path, |captured| {
        ears.glean(&captured, &Frame::decode(captured.link, captured.bytes), &network, &mut out);
        black_box(&out);
        out.clear();
    });
}

fn fresh(settings: &Settings, at: Moment) -> Engine {
    Engine::new(settings, Arc::new(NetworkFacts::default()), &Remembered::default(), 1, at)
}

fn engine(path: &Path) {
    let mut engine = None;
    each(path, |captured| {
        let engine = engine.get_or_insert_with(|| fresh(&Settings::default(), captured.at));
        black_box(engine.handle(Input::Frame(captured), captured.at));
    });
}

// ---- One change -------------------------------------------------------------------------------------------

fn change(runs: u32) {
    const DEVICES: u32 = 500;
    let mut settings = Settings::default();
    settings.exposure.all = true;
    let at = |number: u32| Moment {
        mono: Mono(1_000_000_000 + u64::from(number) * 1_000_000_000),
        wall: Wall(1_767_225_600_000 + i64::from(number) * 1000),
    };
    let mut engine = fresh(&settings, at(0));
    let hear = |engine: &mut Engine, bytes: &[u8], number: u32| {
        let (at, wire_len) = (at(number), bytes.len() as u32);
        let captured = Captured { link: LinkType::ETHERNET, interface: InterfaceId(1), at, wire_len, bytes };
        engine.handle(Input::Frame(captured), at).len()
    };
    for device in 0..DEVICES {
        hear(&mut engine, &frames::dhcp(device), 1);
        hear(&mut engine, &frames::announce(device), 1);
    }
    let view = engine.view();
    let site = site();
    let mut published = Published::default();
    let first = reconcile(&view, &site, &Published::default());
    first.iter().for_each(|message| published.sent(message));
    let (mut handled, mut cut, mut compared) = (Runs::default(), Runs::default(), Runs::default());
    let mut messages = 0;
    for number in 0..runs * 4 {
        // The device takes another address, and another.
        let from = (frames::mac(7), frames::ip(1000 + number));
        let frame = frames::arp(1, from, ([0; 6], frames::US), [0xff; 6]);
        let begin = cpu_seconds();
        hear(&mut engine, &frame, 2 + number);
        let heard = cpu_seconds();
        let view = engine.view();
        let seen = cpu_seconds();
        let sent = reconcile(&view, &site, &published);
        compared.add((cpu_seconds() - seen) * 1e6);
        cut.add((seen - heard) * 1e6);
        handled.add((heard - begin) * 1e6);
        sent.iter().for_each(|message| published.sent(message));
        messages += sent.len();
    }
    title(&format!("one device of {} takes another address, {} times", view.devices.len(), runs * 4));
    row("messages at the first comparison", &first.len().to_string());
    row("messages a change", &format!("{:.1}", messages as f64 / f64::from(runs * 4)));
    for (what, runs) in [
        ("the engine takes the frame", handled),
        ("a new picture is cut", cut),
        ("what has to be sent is known", compared),
    ] {
        row(&format!("{what}, µs least / median"), &format!("{:.0} / {:.0}", runs.min(), runs.median()));
    }
}

fn site() -> Site {
    Site {
        base: "porchlight".into(),
        node: "home".into(),
        prefix: "homeassistant".into(),
        instance: 1,
        version: env!("CARGO_PKG_VERSION"),
        started: Wall(1_767_225_600_000),
        mqtt: 5,
        commands: Commands::All,
        link_mac: LinkMac::Auto,
        expose_limit: 5000,
        page: None,
        ha: HaInfo::default(),
        foreign_macs: std::collections::BTreeSet::new(),
    }
}
