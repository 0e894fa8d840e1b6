//! A million indicators: what they take, how long they take to build, and what a look-up costs, beside a set of texts
//! as most programs of this kind hold them.
//!
//! `cargo bench --bench intel [-- --entries 1000000]`. Half names, three tenths addresses, the rest networks and pages;
//! each figure is the least processor time of five runs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench may stop at the first surprise")]
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::{collections::HashSet, fmt::Write as _, fs, hint::black_box, net::Ipv4Addr, time::Instant};

use porchlight::{
    intel::{
        feeds::{Feed, read},
        indicators::Builder,
    },
    model::Wall,
};

const RUNS: usize = 5;
const ASKED: usize = 200_000;

/// splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut n = self.0;
        n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    }
}

/// Resident bytes of this process (proc_pid_statm(5)).
fn resident() -> usize {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap();
    pages * 4096
}

/// Processor time of this thread (proc_pid_schedstat(5)): other work on the machine does not count.
fn cpu_ns() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap()
}

fn option(name: &str) -> Option<usize> {
    let mut args = std::env::args().skip_while(|arg| arg != &format!("--{name}"));
    args.nth(1)?.parse().ok()
}

/// Least nanoseconds of one of `questions`.
fn least(questions: usize, mut ask: impl FnMut() -> usize) -> (f64, usize) {
    let mut best = f64::MAX;
    let mut found = 0;
    for _ in 0..RUNS {
        let began = cpu_ns();
        found = black_box(ask());
        best = best.min((cpu_ns() - began) as f64 / questions as f64);
    }
    (best, found)
}

fn main() {
    let entries = option("entries").unwrap_or(1_000_000);
    let mut dice = Dice(7);
    let mut text = String::new();
    let mut names = Vec::new();
    let mut addresses = Vec::new();
    for n in 0..entries {
        match n % 10 {
            0..5 => {
                let name = format!("example{:x}.net", dice.roll());
                let _ = writeln!(text, "{name}");
                names.push(name);
            }
            5..8 => {
                let ip = Ipv4Addr::from((dice.roll() as u32 & 0x3fff_ffff) | 0x2000_0000);
                let _ = writeln!(text, "{ip}");
                addresses.push(ip);
            }
            8 => {
                let net = (dice.roll() as u32 & 0x3fff_ff00) | 0x2000_0000;
                let _ = writeln!(text, "{}/24", Ipv4Addr::from(net));
            }
            _ => {
                let _ = writeln!(text, "http://h{}.example.org/{:x}.exe", dice.roll() % 100_000, dice.roll());
            }
        }
    }
    let feed: Feed = "/a/list".parse().unwrap();
    let before = resident();
    let began = Instant::now();
    let mut builder = Builder::new(entries);
    let read = read(text.as_bytes(), &feed, Wall(0), Wall(0), &mut builder).unwrap();
    let built = builder.build();
    let took = began.elapsed();
    let after = resident();
    println!(
        "{entries} lines: {} entries taken, {} left out ({})",
        read.taken,
        entries as u64 - read.taken,
        read.refusals()
    );
    println!("  read and built in {:.2} s", took.as_secs_f64());
    println!(
        "  held {:.1} MiB ({:.1} bytes an entry); the process grew by {:.1} MiB",
        built.bytes() as f64 / 1048576.0,
        built.bytes() as f64 / built.len() as f64,
        after.saturating_sub(before) as f64 / 1048576.0
    );

    let before = resident();
    let set: HashSet<String> = text.lines().map(str::to_owned).collect();
    let held = resident().saturating_sub(before);
    println!("  a HashSet<String> of the same lines: {:.1} MiB", held as f64 / 1048576.0);

    let asked: Vec<String> = (0..ASKED)
        .map(|n| {
            let known = &names[dice.roll() as usize % names.len()];
            if n % 2 == 0 { known.clone() } else { format!("www.{n}.{known}") }
        })
        .collect();
    let strangers: Vec<String> = (0..ASKED).map(|n| format!("www.shop{n}.example.com")).collect();
    let ips: Vec<Ipv4Addr> =
        (0..ASKED)
            .map(|n| {
                if n % 2 == 0 { addresses[dice.roll() as usize % addresses.len()] } else { (dice.roll() as u32).into() }
            })
            .collect();
    let spelled: Vec<String> = ips.iter().map(ToString::to_string).collect();
    let parents = |name: &str| {
        std::iter::once(0).chain(name.match_indices('.').map(|(at, _)| at + 1)).any(|at| set.contains(&name[at..]))
    };
    let rows: [(&str, (f64, usize), (f64, usize)); 3] = [
        (
            "names, half of them below a listed one",
            least(ASKED, || asked.iter().filter(|name| built.name(name).is_some()).count()),
            least(ASKED, || asked.iter().filter(|name| parents(name)).count()),
        ),
        (
            "names that stand in no list",
            least(ASKED, || strangers.iter().filter(|name| built.name(name).is_some()).count()),
            least(ASKED, || strangers.iter().filter(|name| parents(name)).count()),
        ),
        (
            "addresses, half of them listed",
            least(ASKED, || ips.iter().filter(|ip| built.address((**ip).into()).is_some()).count()),
            least(ASKED, || spelled.iter().filter(|ip| set.contains(*ip)).count()),
        ),
    ];
    println!("\n  {:<42} {:>10} {:>16} {:>7}", "nanoseconds a look-up", "here", "HashSet<String>", "ratio");
    for (what, (own, found), (peer, peers)) in rows {
        println!("  {what:<42} {own:>10.0} {peer:>16.0} {:>7.2}   found {found}, {peers}", peer / own);
    }
}
