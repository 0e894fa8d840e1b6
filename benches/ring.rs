//! How large the kernel's ring has to be: a burst of 100,000 small frames, with the reader awake and asleep.
//!
//! `cargo bench --bench ring [-- --frames 100000]`. Needs root and iproute2. Lost are frames the kernel found no room for,
//! and frames of batches that found no room in the core's channel.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench may stop at the first surprise")]
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::{
    sync::{Arc, OnceLock, atomic::Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use porchlight::{
    capture::{self, Counters, Filter, Ring},
    engine::{Engine, Input},
    model::{Moment, Mono, NetworkFacts, Phase, Remembered, Wall},
};
use tokio::sync::{mpsc, watch};

#[allow(dead_code, reason = "each bench uses a part")]
mod home;

use home::{
    Home,
    devices::{self, Devices},
    option, process,
    report::title,
};

fn main() {
    match home::inner().as_deref() {
        Some("devices") => return devices::play(),
        Some("ring") => return listen(),
        _ => {}
    }
    let frames = option("frames").unwrap_or(100_000);
    let Some(home) = Home::build(24) else { return };
    title(&format!("a burst of {frames} frames of 60 bytes ({})", process::load()));
    println!(
        "  {:<10} {:>16} {:>12} {:>12} {:>12} {:>12}",
        "ring", "reader asleep", "heard", "lost: ring", "lost: core", "frames/s"
    );
    for mib in [1, 2, 4, 8, 16] {
        for asleep in [0, 100] {
            let mut command = Home::part(&home.near, "ring");
            command.args([mib.to_string(), asleep.to_string()]).stdout(std::process::Stdio::piped());
            let listener = command.spawn().unwrap();
            let mut devices = Devices::start(&home, 0, 0, false);
            thread::sleep(Duration::from_millis(500));
            let began = Instant::now();
            devices.done(&format!("flood {frames}"));
            let rate = f64::from(frames) / began.elapsed().as_secs_f64();
            let told = listener.wait_with_output().unwrap();
            let text = String::from_utf8_lossy(&told.stdout).into_owned();
            let numbers: Vec<&str> = text.split_whitespace().collect();
            let [heard, kernel, core] = numbers[..] else { panic!("{text}") };
            println!(
                "  {:<10} {:>16} {heard:>12} {kernel:>12} {core:>12} {rate:>12.0}",
                format!("{mib} MiB"),
                format!("{asleep} ms")
            );
        }
    }
}

fn clock() -> Moment {
    static START: OnceLock<Instant> = OnceLock::new();
    let ns = u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap();
    Moment { mono: Mono(ns + 3_600_000_000_000), wall: Wall(jiff::Timestamp::now().as_millisecond()) }
}

/// As the daemon listens: one thread on the ring, one for the core. Ends three seconds after the burst began.
fn listen() {
    let given: Vec<u32> = std::env::args().skip_while(|a| a != "ring").skip(1).filter_map(|a| a.parse().ok()).collect();
    let [ring_mib, asleep] = given[..] else { panic!("how large, and how long asleep") };
    let settings = capture::Settings { ring_mib, ..capture::Settings::default() };
    let ring = Ring::open(home::INTERFACE, &Filter::home(), &settings, clock).unwrap();
    let (core, mut batches) = mpsc::channel::<capture::Batch>(64);
    let (phase_tx, phase) = watch::channel(Phase::Running);
    let counters = Arc::<Counters>::default();
    let counted = Arc::clone(&counters);
    let heard = thread::spawn(move || {
        let mut engine =
            Engine::new(&Default::default(), Arc::new(NetworkFacts::default()), &Remembered::default(), 1, clock());
        while let Some(batch) = batches.blocking_recv() {
            for captured in batch.frames() {
                engine.handle(Input::Frame(captured), captured.at);
            }
        }
    });
    // Asleep as a thread is that finds no processor: from the first frame on.
    let mut ring = ring;
    let first = loop {
        let batch = ring.next_batch(Duration::from_secs(60)).unwrap();
        if !batch.is_empty() {
            break batch;
        }
    };
    thread::sleep(Duration::from_millis(asleep.into()));
    counters.frames.fetch_add(first.len() as u64, Relaxed);
    core.blocking_send(first).unwrap();
    let listening = thread::spawn(move || capture::listen(ring, clock, &core, &phase, &counted));
    thread::sleep(Duration::from_secs(3));
    phase_tx.send_replace(Phase::Quiet);
    listening.join().unwrap().unwrap();
    heard.join().unwrap();
    let [heard, kernel, queue] =
        [&counters.frames, &counters.lost_kernel, &counters.lost_queue].map(|count| count.load(Relaxed));
    println!("{heard} {kernel} {queue}");
}
