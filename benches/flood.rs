//! What a large home and an attacker do to memory: 2,000 devices, then frames of 200,000 invented addresses, then a kernel
//! table of 5,000 neighbours. Memory must come to rest, and what it rests at is printed. Presence takes in some 2,000
//! newcomers at once, fewer of those that only stand in a list, and four a second after that, so the first row waits five
//! minutes.
//!
//! With `--last SECONDS` a flood then goes on so long, 2,000 addresses a second, and a row is printed every 10 s: newcomers
//! are let in four a second, so tables that keep what is gone need 17 minutes to fill.
//!
//! `cargo bench --bench flood [-- --devices 2000 --frames 200000 --last 1800]`. Needs root, iproute2 and mosquitto.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench may stop at the first surprise")]
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::{
    fmt::Write as _,
    thread,
    time::{Duration, Instant},
};

#[allow(dead_code, reason = "each bench uses a part")]
mod home;

use home::{
    Home,
    broker::{Broker, Listener},
    daemon::Daemon,
    devices::{self, Devices},
    frames, option, process,
    report::{mib, title},
    wait,
};

const PATIENCE: Duration = Duration::from_secs(300);
const NEIGHBOURS: u32 = 5000;

fn main() {
    if home::inner().is_some() {
        return devices::play();
    }
    let count = option("devices").unwrap_or(2000);
    let frames = option("frames").unwrap_or(200_000);
    let Some(home) = Home::build(20) else { return };
    let Some(_broker) = Broker::start(&home) else { return };
    let listener = Listener::start(&home);
    let daemon = Daemon::start(&home, "homeassistant: {expose: all}\n");
    title(&format!("memory and processor through a large home and two floods ({})", process::load()));
    println!("  {:<44} {:>10} {:>10} {:>10} {:>10} {:>8}", "", "RSS", "its own", "CPU s", "home", "not");
    let mut spent = 0.0;
    let mut show = |what: &str| {
        let (memory, now) = (process::memory(daemon.pid()), process::seconds(daemon.pid()).unwrap_or_default());
        let Some(memory) = memory else { panic!("porchlight ended:\n{}", daemon.log()) };
        let [rss, own] = [memory.rss, memory.anonymous].map(mib);
        println!(
            "  {what:<44} {rss:>10} {own:>10} {:>10.1} {:>10} {:>8}",
            now - spent,
            listener.count(true),
            listener.count(false)
        );
        spent = now;
    };
    thread::sleep(Duration::from_secs(5));
    show("started");
    let began = Instant::now();
    let mut devices = Devices::start(&home, count, 20, true);
    wait(PATIENCE, || listener.count(true) + listener.count(false) >= count as usize);
    show(&format!("{count} devices after {:.0} s", began.elapsed().as_secs_f64()));
    thread::sleep(Duration::from_secs(30));
    show("30 s later");
    for pass in 1..=3 {
        let began = Instant::now();
        devices.done(&format!("flood {frames}"));
        let rate = f64::from(frames) / began.elapsed().as_secs_f64();
        // Until the core has emptied its inbox.
        thread::sleep(Duration::from_secs(10));
        show(&format!("{frames} invented addresses, {:.0}/s ({pass})", rate));
    }
    let began = Instant::now();
    let last = Duration::from_secs(option("last").unwrap_or(0).into());
    let mut row = 0;
    while began.elapsed() < last {
        devices.done("flood 2000");
        thread::sleep(Duration::from_secs(1));
        let seconds = began.elapsed().as_secs();
        if seconds / 10 > row {
            row = seconds / 10;
            show(&format!("the flood goes on, {seconds} s"));
        }
    }
    flood_neighbours(&home);
    thread::sleep(Duration::from_secs(10));
    show(&format!("{NEIGHBOURS} neighbours in the kernel, 3 times over"));
    let began = Instant::now();
    devices.say("announce 2100");
    let heard = listener.home(frames::ip(2100), began, PATIENCE);
    let took = heard.map(|at| at.duration_since(began).as_secs_f64() * 1e3);
    println!(
        "  a new device after all that: {}",
        took.map_or("not told".into(), |ms| format!("told after {ms:.1} ms"))
    );
    thread::sleep(Duration::from_secs(60));
    show("a minute later");
}

/// Permanent entries, because only those are exempt from the kernel's own limit; another MAC each time.
fn flood_neighbours(home: &Home) {
    for pass in 0..3 {
        let mut script = String::new();
        for n in 0..NEIGHBOURS {
            let (a, b) = (n >> 8, n & 0xff);
            let (high, low) = (n / 250 + 100, n % 250 + 1);
            let mac = format!("02:88:00:{pass:02x}:{a:02x}:{b:02x}");
            writeln!(script, "neigh replace 10.77.{high}.{low} lladdr {mac} dev home0 nud permanent").unwrap();
        }
        home::batch(&home.near, &script);
    }
}
