//! What a frame costs from a capture file to the engine's conclusions, stage by stage; what readers of captures take for
//! the same file; and what one change among 500 devices costs until its messages are known.
//!
//! `cargo bench --bench throughput [-- --runs 5]`. Processor time, not wall time. Peers, if they are installed or named:
//! tcpdump, tshark, `SURICATA`, `SURICATA_2`, `NDPIREADER` (paths; `PEERS_LIB` is put into their LD_LIBRARY_PATH,
//! `SURICATA_YAML` and `SURICATA_2_YAML` are the configurations). They do different work: tcpdump that copies is the floor
//! for reading, tshark dissects everything and concludes little, Suricata has three rules. `CAPTURES` may name more
//! captures, separated by colons.

#![allow(clippy::disallowed_methods, reason = "a bench measures time")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench may stop at the first surprise")]

use std::{
    env,
    fs::{self, File},
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
    sample,
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
    programs(folder.path(), &mirror, &few, runs);
    change(runs);
}

/// A reader of captures, and what is put before the file's name.
struct Program {
    name: &'static str,
    path: String,
    arguments: Vec<String>,
}

/// Those that are here.
fn peers(folder: &Path) -> Vec<Program> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let program = |name, path: &str, arguments: &str| Program { name, path: path.into(), arguments: words(arguments) };
    let mut all = vec![
        program("porchlight replay, all detectors", PROGRAM, "replay"),
        program("tcpdump, copying", "tcpdump", "-nn -w /dev/null -r"),
        program("tcpdump, printing", "tcpdump", "-nn -r"),
        program("tshark, with its expert notes", "tshark", "-n -q -z expert -r"),
    ];
    // A library path of theirs, so that nothing has to be installed.
    let named = |variable: &str, word: &str| {
        let path = env::var(variable).ok().or_else(|| (!word.is_empty() && has(word)).then(|| word.to_owned()))?;
        let libraries = env::var("PEERS_LIB").unwrap_or_default();
        Some(words(&format!("LD_LIBRARY_PATH={libraries} {path}")))
    };
    let rules = folder.join("three.rules");
    fs::write(&rules, sample::RULES).unwrap();
    // Two of them, if two are named: with another release the ratio is another.
    for (name, variable, word) in
        [("Suricata, three rules", "SURICATA", "suricata"), ("another Suricata, three rules", "SURICATA_2", "")]
    {
        let Some(mut suricata) = named(variable, word) else { continue };
        let out = folder.join(variable);
        fs::create_dir_all(&out).unwrap();
        let yaml = env::var(format!("{variable}_YAML")).unwrap_or_else(|_| "/etc/suricata/suricata.yaml".into());
        let (rules, out) = (rules.to_string_lossy(), out.to_string_lossy());
        suricata.extend(words(&format!("-c {yaml} -l {out} -S {rules} --runmode single -k none -r")));
        all.push(Program { name, path: "env".into(), arguments: suricata });
    }
    if let Some(mut reader) = named("NDPIREADER", "ndpiReader") {
        reader.push("-i".into());
        all.push(Program { name: "nDPI's ndpiReader", path: "env".into(), arguments: reader });
    }
    all.retain(|program| program.path.contains('/') || has(&program.path));
    all
}

fn programs(folder: &Path, mirror: &Path, few: &Path, runs: u32) {
    let sample_file = folder.join("sample.pcap");
    let count = sample::write(&sample_file);
    let mut files =
        vec![("the sample".to_owned(), sample_file, count), ("all of 40 hosts".into(), mirror.into(), FRAMES)];
    for path in env::var("CAPTURES").unwrap_or_default().split(':').filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        // Unpacked and repeated, so that a few milliseconds do not decide; not all peers unpack.
        let (name, copy) = (path.file_name().unwrap().to_string_lossy().into_owned(), folder.join("more"));
        if let Some(count) = repeat(&path, &copy.with_extension(files.len().to_string()), FRAMES) {
            files.push((name, copy.with_extension(files.len().to_string()), count));
        }
    }
    let peers = peers(folder);
    for (name, file, count) in files {
        title(&format!("{name}, {count} frames, by whole programs, start subtracted ({})", process::load()));
        println!("  {:<36} {:>12} {:>10} {:>12} {:>18}", "", "CPU s, least", "median", "frames/s", "ours to theirs");
        let mut ours = None;
        for program in &peers {
            let Some(took) = program_cost(program, &file, few, runs) else {
                println!("  {:<36} failed", program.name);
                continue;
            };
            let median = took.median();
            let ratio = median / *ours.get_or_insert(median);
            println!(
                "  {:<36} {:>12.3} {median:>10.3} {:>12.0} {ratio:>18.2}",
                program.name,
                took.min(),
                f64::from(count) / median
            );
        }
    }
}

/// The frames of a capture of Ethernet over and over, each time later, until there are so many.
fn repeat(from: &Path, to: &Path, least: u32) -> Option<u32> {
    let mut out = PcapWriter::new(BufWriter::new(File::create(to).unwrap()), LinkType::ETHERNET).unwrap();
    let (mut count, mut shift, mut last) = (0, 0, START_NS);
    while count < least {
        let (mut reader, mut first, before) = (file::open(from).ok()?, None, count);
        while let Some(frame) = reader.next() {
            if frame.link != LinkType::ETHERNET {
                return None;
            }
            let first = *first.get_or_insert(frame.stamp_ns);
            last = START_NS + shift + (frame.stamp_ns - first).max(0);
            out.frame(last, frame.wire_len, frame.bytes).unwrap();
            count += 1;
        }
        if count == before {
            return None;
        }
        shift = last - START_NS + 1_000_000_000;
    }
    out.finish().unwrap();
    Some(count)
}

fn program_cost(program: &Program, file: &Path, few: &Path, runs: u32) -> Option<Runs> {
    let mut took = Runs::default();
    let arguments = |file: &Path| [program.arguments.clone(), vec![file.to_string_lossy().into_owned()]].concat();
    for _ in 0..runs {
        let of = |file: &Path| {
            let arguments = arguments(file);
            process::cost(&program.path, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
        };
        took.add((of(file)? - of(few)?).max(0.001));
    }
    Some(took)
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
