//! From a frame on the wire to the message on the broker: devices that come back, and devices never seen before.
//!
//! `cargo bench --bench latency [-- --times 20]`. Needs root, iproute2 and mosquitto. The clock starts before the word
//! that makes the device speak is written to another process and stops when a subscriber's line is read, so two pipes
//! and the broker's own way are in the figures.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench may stop at the first surprise")]
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::{thread, time::Duration, time::Instant};

#[allow(dead_code, reason = "each bench uses a part")]
mod home;

use home::{
    Home,
    broker::{Broker, Listener},
    daemon::Daemon,
    devices::{self, Devices},
    frames::{self, Dice},
    option, process,
    report::{Runs, title},
    wait,
};

const PATIENCE: Duration = Duration::from_secs(600);
/// Departures are not what is measured: short, and not held back because many leave at once.
const SETTINGS: &str = "
homeassistant: {expose: all}
presence:
  away_min: 5s
  hold_mass: 1s
  grace: 1s
  asks_per_hour: 3600
  ask_after: {busy: 2s, idle: 2s, asleep: 2s}
  away_after: {unknown: 10s, iot: 10s, computer: 10s, laptop: 10s, plug: 10s, light: 10s, camera: 10s, speaker: 10s,
    thermostat: 10s, appliance: 10s, nas: 10s, hub: 10s, media_player: 10s, server: 10s, phone: 10s}
";

fn main() {
    if home::inner().is_some() {
        return devices::play();
    }
    let times = option("times").unwrap_or(20);
    let Some(home) = Home::build(24) else { return };
    let Some(_broker) = Broker::start(&home) else { return };
    let listener = Listener::start(&home);
    let daemon = Daemon::start(&home, SETTINGS);
    // Nobody chats: what is measured is one frame on a quiet wire. Ten stay, so that the world goes on.
    let leaving = 2 * times;
    let mut devices = Devices::start(&home, leaving + 10, 0, true);
    assert!(wait(PATIENCE, || listener.count(true) >= leaving as usize + 10), "published:\n{}", daemon.log());
    devices.done(&format!("hush 0 {leaving}"));
    eprintln!("waiting until {leaving} devices are away …");
    assert!(wait(PATIENCE, || listener.count(false) >= leaving as usize), "away:\n{}", daemon.log());

    title(&format!("one frame to the broker, {times} times each ({})", process::load()));
    println!("  {:<48} {:>9} {:>9} {:>9} {:>9}", "ms", "least", "p50", "p95", "most");
    let mut dice = Dice(3);
    let mut measure = |what: &str, word: &str, from: u32| {
        let (mut runs, mut missing) = (Runs::default(), 0);
        for device in from..from + times {
            // The ring's timer runs at its own beat: arrivals fall anywhere in it.
            thread::sleep(Duration::from_millis(150 + u64::from(dice.below(100))));
            let began = Instant::now();
            devices.say(&format!("{word} {device}"));
            match listener.home(frames::ip(device), began, Duration::from_secs(20)) {
                Some(at) => runs.add(at.duration_since(began).as_secs_f64() * 1e3),
                None => missing += 1,
            }
        }
        let [least, p50, p95, most] = [runs.min(), runs.at(50), runs.at(95), runs.max()];
        println!("  {what:<48} {least:>9.1} {p50:>9.1} {p95:>9.1} {most:>9.1}");
        if missing > 0 {
            println!("  {missing} never came:\n{}", daemon.log());
        }
    };
    // The kernel tells of who asks for us at once; of all others the ring tells, each 20 ms.
    measure("a known device comes back and asks for us", "announce", 0);
    measure("a known device comes back and asks for another", "murmur", times);
    measure("a new device asks for us", "announce", 100);
    measure("a new device asks for another", "murmur", 100 + times);
}
