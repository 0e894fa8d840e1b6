//! A hub with a hundred remote sensors and 50,000 devices: what a core of it takes, how far it falls behind, what it
//! holds.
//!
//! `cargo bench --bench hub [-- --sensors 100 --devices 50000 --rate 50000 --seconds 20]`. Batches as sensors write them
//! go through the hub's reader, its file of what was taken, and the engine, all on this thread, whose processor time is
//! counted. Lag is that of one core to which the sensors send all at once, eight times a second, at the rate: each batch
//! waits for those before it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench may stop at the first surprise")]
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::{fmt::Write as _, fs, sync::Arc};

use porchlight::{
    daemon::taken::Taken,
    engine::{Engine, Input, Settings},
    model::{Moment, Mono, NetworkFacts, Remembered, Wall},
    scanners::mqtt::{self, Ear, Message},
};

/// Sightings of a batch, as `mqtt::sensors` closes it.
const BATCH: usize = 64;
/// Times a second that all sensors send.
const BURSTS: u64 = 8;

/// Resident bytes of this process (proc_pid_statm(5)).
fn resident() -> usize {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap() * 4096
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

fn at(ms: u64) -> Moment {
    Moment { mono: Mono((1_000 + ms) * 1_000_000), wall: Wall(1_795_600_000_000 + i64::try_from(ms).unwrap()) }
}

/// What a sensor heard of 64 devices, from the `first` on.
fn heard(first: usize, devices: usize) -> String {
    let mut out = String::new();
    for number in first..first + BATCH {
        let [_, _, _, _, _, a, b, c] = ((number % devices) as u64).to_be_bytes();
        let (comma, level) = (if out.is_empty() { "" } else { "," }, 50 + number % 40);
        // Fixed random addresses, as tags and beacons have them.
        write!(
            out,
            r#"{comma}{{"age_ms":{},"source":"ble","address":"c4:7c:8d:{a:02x}:{b:02x}:{c:02x}","rssi":-{level},"data":{{"proof":"ble_advert","n":3}}}}"#,
            number % 900
        )
        .unwrap();
    }
    out
}

fn main() {
    let sensors = option("sensors").unwrap_or(100);
    let devices = option("devices").unwrap_or(50_000);
    let (rate, seconds) = (option("rate").unwrap_or(50_000) as u64, option("seconds").unwrap_or(20) as u64);
    let names: Vec<String> = (0..sensors).map(|number| format!("sensor_{number}")).collect();
    let settings = mqtt::Settings { sensors: names.clone(), ..mqtt::Settings::default() };
    let folder = tempfile::tempdir().unwrap();
    let bodies: Vec<String> = (0..devices.div_ceil(BATCH)).map(|number| heard(number * BATCH, devices)).collect();
    let before = resident();

    let mut ear = Ear::new(&settings, "porchlight");
    let mut taken = Taken::open(&folder.path().join("taken"), &mut ear);
    let network = Arc::new(NetworkFacts::default());
    let mut engine = Engine::new(&Settings::default(), network, &Remembered::default(), 7, at(0));
    let batches = rate * seconds / BATCH as u64;
    let a_burst = (rate / BATCH as u64 / BURSTS).max(1);
    let (mut sightings, mut busy, mut behind) = (0_u64, 0_u64, 0_u64);
    let mut lags = Vec::new();
    for batch in 0..batches {
        let sensor = usize::try_from(batch).unwrap() % sensors;
        let seq = batch / sensors as u64;
        let now = at(batch / a_burst * 1000 / BURSTS);
        // A sensor hears its neighbourhood, and each device is heard by several sensors.
        let body = &bodies[(sensor * 7 + usize::try_from(seq).unwrap()) % bodies.len()];
        let payload = format!(r#"{{"boot":"5f0c","seq":{seq},"sent":{},"obs":[{body}]}}"#, now.mono.0 / 1_000_000);
        let topic = format!("porchlight/sensor/{}/obs", names[sensor]);
        let message = Message { topic: &topic, payload: payload.as_bytes(), retained: false };
        let began = cpu_ns();
        let told = ear.take(&message, |_| true, now);
        taken.keep(&mut ear);
        for observation in told {
            drop(engine.handle(Input::Observation(observation), now));
        }
        if batch % a_burst == a_burst - 1 {
            drop(engine.view());
        }
        let took = cpu_ns() - began;
        busy += took;
        sightings += BATCH as u64;
        // A burst begins: since the last one so much was worked off.
        if batch % a_burst == 0 {
            behind = behind.saturating_sub(1_000_000_000 / BURSTS);
        }
        behind += took;
        lags.push(behind);
    }
    lags.sort_unstable();
    let lag = |percent: usize| lags[(lags.len() * percent / 100).min(lags.len() - 1)] as f64 / 1e6;
    println!("{sensors} sensors, {devices} devices, {sightings} sightings in {batches} batches");
    println!("  sightings a second on one core   {:>10.0}", sightings as f64 / (busy as f64 / 1e9));
    println!("  one sighting                     {:>10.2} µs", busy as f64 / 1e3 / sightings as f64);
    println!("  lag at {rate}/s: p50, p99, most  {:>8.1}, {:.1}, {:.1} ms", lag(50), lag(99), lag(100));
    println!(
        "  resident: hub alone, all         {:>8.1}, {:.1} MiB",
        (resident() - before) as f64 / 1048576.0,
        resident() as f64 / 1048576.0
    );
    println!("  devices known                    {:>10}", engine.view().devices.len());
}
