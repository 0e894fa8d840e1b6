//! # Tests of the desk
//!
//! In real time, with short intervals; every limit leaves room for a busy machine.

use std::sync::OnceLock;

use tokio::time::Instant;

use super::{single::SETTLE_MOST, *};
use crate::model::{DeviceId, DeviceView, InterfaceId, Wall};

fn clock() -> Moment {
    static START: OnceLock<Instant> = OnceLock::new();
    let ns = u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap() + 1_000_000_000;
    Moment { mono: Mono(ns), wall: Wall(i64::try_from(ns / 1_000_000).unwrap()) }
}

struct Office {
    desk: Desk,
    observations: mpsc::Receiver<Observation>,
    looks: broadcast::Sender<Look>,
    scan_now: watch::Sender<u64>,
    phase: watch::Sender<Phase>,
    progress: watch::Receiver<Progress>,
    health: mpsc::Receiver<ScannerView>,
}

fn office(rounds: Option<u32>, room: usize) -> Office {
    office_every(Duration::from_secs(600), rounds, room)
}

fn office_every(interval: Duration, rounds: Option<u32>, room: usize) -> Office {
    let (observations, seen) = mpsc::channel(room);
    let (looks, _) = broadcast::channel(LOOKS);
    let (scan_now, asked) = watch::channel(0);
    let (phase, run) = watch::channel(Phase::Running);
    let (progress, watched) = watch::channel(Progress { total: 1, ..Progress::default() });
    let (health, lines) = mpsc::channel(8);
    let (_, network) = watch::channel(Arc::default());
    let (_, hearing) = watch::channel(true);
    let parts = DeskParts {
        clock,
        settings: Arc::default(),
        network,
        home: watch::channel(Arc::default()).1,
        phase: run,
        observations,
        looks: looks.clone(),
        scan_now: asked,
        health,
        budget: Budget::with(clock, 400.0, 512.0),
        hearing,
        rounds,
        settle: Duration::from_millis(300),
        progress: Some(Arc::new(progress)),
    };
    let desk = Desk::new("icmp", Source::Icmp, &[Probe::Icmp], interval, parts);
    Office { desk, observations: seen, looks, scan_now, phase, progress: watched, health: lines }
}

fn look(probe: Probe) -> Look {
    Look { probe, mac: None, ip: [10, 0, 0, 9].into(), interface: Some(InterfaceId(2)) }
}

#[tokio::test]
async fn rounds_come_at_the_interval_give_or_take_a_tenth() {
    let mut office = office_every(Duration::from_secs(1), None, 8);
    assert_eq!(office.desk.next().await.unwrap(), Some(Work::Round), "the first at once");
    for _ in 0..3 {
        let before = clock().mono;
        assert_eq!(office.desk.next().await.unwrap(), Some(Work::Round));
        let waited = clock().mono.since(before).as_secs_f64();
        assert!((0.89..3.0).contains(&waited), "{waited}");
    }
    for _ in 0..1000 {
        let next = office.desk.jittered().as_secs_f64();
        assert!((0.899..=1.101).contains(&next), "{next}");
    }
}

/// A sweep of a large home that takes longer than its interval (home-assistant/core issue 34700).
#[tokio::test]
async fn rounds_that_take_longer_than_their_interval_do_not_pile_up() {
    let interval = Duration::from_millis(400);
    let mut office = office_every(interval, None, 8);
    assert_eq!(office.desk.next().await.unwrap(), Some(Work::Round));
    for _ in 0..3 {
        // Four intervals long: one round is due when it ends, not four.
        tokio::time::sleep(4 * interval).await;
        let before = clock().mono;
        assert_eq!(office.desk.next().await.unwrap(), Some(Work::Round));
        assert_eq!(office.desk.next().await.unwrap(), Some(Work::Round));
        let waited = clock().mono.since(before);
        assert!(waited >= interval * 8 / 10, "two rounds at once: {waited:?}");
    }
}

#[tokio::test]
async fn a_look_is_handed_on_and_its_silence_told_after_two_seconds() {
    let mut office = office_every(Duration::from_secs(3), None, 8);
    office.desk.next().await.unwrap();
    office.looks.send(look(Probe::Arp)).unwrap();
    office.looks.send(look(Probe::Icmp)).unwrap();
    let asked = clock().mono;
    let Some(Work::Look(found)) = office.desk.next().await.unwrap() else { panic!("a look was sent") };
    assert_eq!(found, look(Probe::Icmp), "others' looks are passed over");
    office.desk.asked(found);
    assert_eq!(office.desk.next().await.unwrap(), Some(Work::Round));
    let told = office.observations.try_recv().unwrap();
    assert_eq!(told.fact, Fact::Unanswered { probe: Probe::Icmp });
    assert!(told.at.mono.since(asked) >= ANSWER);
    assert!(office.observations.try_recv().is_err(), "told once");
}

#[tokio::test]
async fn an_answered_look_is_not_told_as_silence() {
    let mut office = office_every(Duration::from_secs(3), None, 8);
    office.desk.next().await.unwrap();
    office.desk.asked(look(Probe::Icmp));
    office.desk.answered(&look(Probe::Icmp));
    office.desk.next().await.unwrap();
    assert!(office.observations.try_recv().is_err());
}

#[tokio::test]
async fn silence_is_told_in_time_also_during_a_long_round() {
    let mut office = office(None, 8);
    office.desk.asked(look(Probe::Icmp));
    // Three times the burst: the budget makes the pieces wait 2.5 s together.
    for _ in 0..3 {
        assert!(office.desk.pace(512).await.unwrap());
    }
    assert!(office.observations.try_recv().is_ok());
}

#[tokio::test]
async fn scan_now_brings_the_round_forward() {
    let mut office = office(None, 8);
    office.desk.next().await.unwrap();
    let before = clock().mono;
    office.scan_now.send_modify(|n| *n += 1);
    assert_eq!(office.desk.next().await.unwrap(), Some(Work::Round));
    assert!(clock().mono.since(before) < Duration::from_secs(60));
}

#[tokio::test]
async fn the_end_of_the_run_is_heard_while_waiting() {
    let mut office = office(None, 8);
    office.desk.next().await.unwrap();
    let (ended, ()) = tokio::join!(office.desk.next(), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        office.phase.send(Phase::Quiet).unwrap();
    });
    assert_eq!(ended.unwrap(), None);
    assert!(!office.desk.pace(1).await.unwrap() && !office.desk.pause(Duration::from_secs(9)).await.unwrap());
}

#[tokio::test]
async fn a_single_scan_is_one_round_then_time_for_answers_then_the_end() {
    let mut office = office(Some(1), 8);
    let before = clock().mono;
    assert_eq!(office.desk.next().await.unwrap(), Some(Work::Round));
    assert_eq!(office.desk.next().await.unwrap(), None);
    assert!(clock().mono.since(before) >= Duration::from_millis(300));
    drop(office.desk);
    assert_eq!(*office.progress.borrow(), Progress { done: 1, total: 1, ..Progress::default() });
}

#[tokio::test]
async fn what_is_said_of_a_host_waits_until_it_is_seen_and_no_longer() {
    use crate::model::{Heard, InterfaceFacts, Subnet};
    let mut office = office(None, 8);
    let subnet = Subnet::new([10, 0, 0, 0].into(), 24).unwrap();
    let wire = InterfaceFacts {
        id: InterfaceId(2),
        name: "eth0".into(),
        mac: None,
        addresses: Vec::new(),
        up: true,
        subnets: vec![subnet],
        gateways: Vec::new(),
    };
    let facts = NetworkFacts { interfaces: vec![wire], labels: Vec::new() };
    let (_network, network) = watch::channel(Arc::new(facts));
    let (home, seen) = watch::channel(Arc::default());
    (office.desk.parts.network, office.desk.parts.home) = (network, seen);
    assert_eq!(office.desk.next().await.unwrap(), Some(Work::Round));
    let named = |name: &str| Fact::Named { name: name.into(), by: Heard::Mdns };
    let [near, far] = [[10, 0, 0, 9], [192, 0, 2, 9]].map(|ip: [u8; 4]| Subject::ip(ip.into()));
    office.desk.report(None, near, named("early")).await.unwrap();
    office
        .desk
        .report(None, near, Fact::Alive { proof: crate::model::Proof::Frame, age: Duration::ZERO })
        .await
        .unwrap();
    office.desk.report(None, far, named("beyond")).await.unwrap();
    let mut told = || office.observations.try_recv().ok().map(|observation| format!("{:?}", observation.fact));
    assert!(told().unwrap().contains("Alive") && told().unwrap().contains("beyond"), "these wait for nobody");
    assert_eq!(told(), None);
    home.send_modify(|view: &mut Arc<HomeView>| {
        let id = DeviceId::mint(1, 1);
        let device = DeviceView { addresses: vec![[10, 0, 0, 9].into()], ..DeviceView::blank(id) };
        Arc::make_mut(view).devices.insert(id, Arc::new(device));
    });
    tokio::select! {
        work = office.desk.next() => panic!("{work:?}"),
        seen = office.observations.recv() => assert_eq!(seen.unwrap().fact, named("early")),
    }
    // The end of the run loses nothing.
    office.desk.report(None, Subject::ip([10, 0, 0, 8].into()), named("late")).await.unwrap();
    drop(home);
    tokio::select! {
        work = office.desk.next() => panic!("{work:?}"),
        seen = office.observations.recv() => assert_eq!(seen.unwrap().fact, named("late")),
    }
}

#[tokio::test]
async fn who_stays_before_the_round_does_not_put_it_off() {
    let mut office = office(Some(1), 8);
    office.desk.stay(Duration::from_secs(60));
    let round = tokio::time::timeout(Duration::from_secs(20), office.desk.next()).await;
    assert_eq!(round.expect("at once").unwrap(), Some(Work::Round));
    office.desk.stay(Duration::from_secs(60));
    office.desk.enough();
    let ended = tokio::time::timeout(Duration::from_secs(20), office.desk.next()).await;
    assert_eq!(ended.expect("nothing is waited for").unwrap(), None);
}

#[tokio::test]
async fn a_single_scan_waits_longer_while_newcomers_answer_and_not_for_ever() {
    let mut office = office(Some(1), 8);
    let (home, seen) = watch::channel(Arc::default());
    office.desk.parts.home = seen;
    let before = clock().mono;
    assert_eq!(office.desk.next().await.unwrap(), Some(Work::Round));
    let newcomers = async {
        for number in 1..=40 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            home.send_modify(|view: &mut Arc<HomeView>| {
                let id = DeviceId::mint(1, number);
                let addresses = vec![[10, 0, 0, number as u8].into()];
                let device = DeviceView { addresses, ..DeviceView::blank(id) };
                Arc::make_mut(view).devices.insert(id, Arc::new(device));
            });
        }
    };
    tokio::select! {
        ended = office.desk.next() => assert_eq!(ended.unwrap(), None),
        () = newcomers => panic!("it waits for ever"),
    }
    let took = clock().mono.since(before);
    assert!(took >= SETTLE_MOST && took < SETTLE_MOST * 2, "{took:?}");
}

#[tokio::test]
async fn the_end_of_a_finder_is_known_to_those_that_visit() {
    let office = office(Some(1), 8);
    assert!(!office.desk.is_finding());
    let progress = office.desk.parts.progress.clone().unwrap();
    progress.send_modify(|progress| progress.finding = 1);
    assert!(office.desk.is_finding());
    drop(office.desk);
    assert_eq!(progress.borrow().finding, 0);
}

#[tokio::test]
async fn a_slow_core_makes_the_scanner_wait_and_loses_nothing() {
    let mut office = office(None, 1);
    let subject = Subject::ip([10, 0, 0, 9].into());
    let core = async {
        let mut seen = 0;
        while seen < 10 {
            tokio::time::sleep(Duration::from_millis(30)).await;
            office.observations.recv().await.unwrap();
            seen += 1;
        }
    };
    let scanner = async {
        for _ in 0..10 {
            office.desk.report(None, subject, Fact::Routes).await.unwrap();
        }
    };
    let before = clock().mono;
    tokio::join!(core, scanner);
    assert!(clock().mono.since(before) >= Duration::from_millis(240));
    drop(office.observations);
    assert!(matches!(office.desk.report(None, subject, Fact::Routes).await, Err(ScanError::Unheard)));
}

#[tokio::test]
async fn health_is_told_when_it_changes_and_after_each_round() {
    let mut office = office(None, 8);
    let down = Health::Down { why: "no bus".into(), advice: None };
    office.desk.health(down.clone());
    office.desk.health(down.clone());
    office.desk.done(7);
    let first = office.health.try_recv().unwrap();
    let second = office.health.try_recv().unwrap();
    assert_eq!((first.health, first.last_success, first.seen), (down, None, 0));
    assert!(second.seen == 7 && second.last_success.is_some());
    assert!(office.health.try_recv().is_err(), "the same twice is told once");
}
