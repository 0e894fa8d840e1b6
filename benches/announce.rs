//! Seconds until 500 devices with all their entities stand on a real broker (mosquitto, loopback).
//!
//! `cargo bench --bench announce`. The whole bridge is measured: connect, read back, compare,
//! publish, and another client that hears the last word.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a bench may stop at the first surprise, and has a watch"
)]

#[path = "../tests/mqtt_golden/home.rs"]
#[allow(dead_code)]
mod home;
#[path = "../tests/bridge_contract/large.rs"]
mod large;
#[path = "../tests/broker/mosquitto.rs"]
#[allow(dead_code)]
mod mosquitto;
#[path = "../tests/bridge_contract/running.rs"]
#[allow(dead_code)]
mod running;

use std::time::Instant;

use large::large;
use mosquitto::{Mosquitto, hears, visitor, wanted};
use running::{Memo, Running};

const DEVICES: u32 = 500;
const ROUNDS: usize = 5;

fn main() {
    if !wanted() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut seconds: Vec<f64> = (0..ROUNDS).map(|_| runtime.block_on(announce())).collect();
    seconds.sort_by(f64::total_cmp);
    println!(
        "announce: {DEVICES} devices in {:.2} s (median of {ROUNDS}; {:.2} to {:.2} s)",
        seconds[ROUNDS / 2],
        seconds[0],
        seconds[ROUNDS - 1]
    );
}

async fn announce() -> f64 {
    let broker = Mosquitto::start("allow_anonymous true\nmax_queued_messages 0");
    let mut other = visitor(broker.account(), "other", &["porchlight/home/bridge/state"]).await;
    let home = large(DEVICES);
    let began = Instant::now();
    let running = Running::at(broker.port, home, home::site(), &Memo::default()).await;
    hears(&mut other, "porchlight/home/bridge/state", b"online").await;
    let took = began.elapsed().as_secs_f64();
    running.end(true).await;
    took
}
