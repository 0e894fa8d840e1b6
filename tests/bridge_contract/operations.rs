//! A thousand additions, renames, merges and removals, with the bridge killed again and again in the middle of what it
//! says: in the end the broker holds the home, and nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use porchlight::model::HomeView;

use crate::{
    ALL,
    changes::{Dice, change, check, wanted},
    home,
    mosquitto::{self, Mosquitto, retained},
    running::{Memo, Running},
};

const OPERATIONS: usize = 1_000;
/// From one kill to the next, on average.
const EACH: usize = 25;
const PATIENCE: Duration = Duration::from_secs(60);

/// What the broker holds once it holds no more and no less than it should.
async fn settled(broker: &Mosquitto, view: &HomeView, story: &str) -> BTreeMap<String, String> {
    let began = Instant::now();
    loop {
        let held = retained(broker.account(), ALL).await;
        let is_right = held.keys().cloned().collect::<BTreeSet<_>>() == wanted(view)
            && catch_unwind(AssertUnwindSafe(|| check(&held, view, story))).is_ok();
        if is_right || began.elapsed() > PATIENCE {
            return held;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_operations_with_kills_between_them_leave_the_home_and_no_orphan() {
    if !mosquitto::wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let (memo, mut dice, mut minted, mut kills) = (Memo::default(), Dice(0x5EED), 0, 0);
    let mut view = HomeView { revision: 1, instance: home::site().instance, ..home::of([]) };
    let mut running = Running::at(broker.port, view.clone(), home::site(), &memo).await;
    let mut next = EACH;
    for step in 0..OPERATIONS {
        change(&mut view, &mut dice, &mut minted);
        view.revision += 1;
        let _ = running.view.send(Arc::new(view.clone()));
        if step < next {
            continue;
        }
        // At any moment: before a word of it is said, in the middle, or after all.
        let (before, words) = (running.counts.sent.load(Ordering::Relaxed), dice.roll(30) as u64);
        let end = Instant::now() + Duration::from_millis(400);
        while running.counts.sent.load(Ordering::Relaxed) < before + words && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        running.kill().await;
        kills += 1;
        // The home goes on meanwhile.
        for _ in 0..dice.roll(4) {
            change(&mut view, &mut dice, &mut minted);
            view.revision += 1;
        }
        running = Running::at(broker.port, view.clone(), home::site(), &memo).await;
        next = step + 1 + dice.roll(2 * EACH);
        if kills % 10 == 0 {
            check(&settled(&broker, &view, "on the way").await, &view, &format!("after {kills} kills, step {step}"));
        }
    }
    let held = settled(&broker, &view, "in the end").await;
    check(&held, &view, &format!("after {OPERATIONS} operations and {kills} kills"));
    println!("measured: {OPERATIONS} operations, {kills} kills, {} retained topics, no orphan", held.len());
    assert!(kills >= 30, "{kills}");
    running.end(true).await;
}
