//! How often things are said.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use porchlight::{
    model::{DeviceId, DeviceView, Health, Presence, ScannerView, Tier, Trust, Wall},
    mqtt::reconcile::{Published, reconcile},
};

use crate::home;

/// What is sent over time: no history is filled, and nothing flaps.
#[test]
fn idle_homes_are_quiet() {
    let site = home::site();
    let mut published = Published::default();
    let devices: Vec<DeviceView> = (0..60)
        .map(|n| {
            let tier = if n < 8 { Tier::Basic } else { Tier::None };
            DeviceView { tier, ..home::device(DeviceId::mint(1, n), &format!("Thing {n}")) }
        })
        .collect();
    let start = home::wall("2026-11-25T18:00:00Z");
    let mut sent_after_start = Vec::new();
    // A picture every ten seconds for an hour; everybody is seen, every scanner works.
    for tick in 0..360 {
        let now = Wall(start.0 + tick * 10_000);
        let mut view = home::of(devices.iter().map(|device| DeviceView {
            last_seen: now,
            signal_dbm: Some(-60),
            ..device.clone()
        }));
        view.now = now;
        view.scanners = vec![ScannerView {
            name: "arp_sweep".into(),
            health: Health::Up,
            seen: 50 + (tick as u64 % 7),
            sent: tick as u64 * 60,
            last_success: Some(now),
        }];
        for message in reconcile(&view, &site, &published) {
            if tick > 0 {
                sent_after_start.push(message.topic.clone());
            }
            published.sent(&message);
        }
    }
    assert!(sent_after_start.len() <= 10, "{sent_after_start:?}");
}

#[test]
fn what_changes_often_is_told_seldom() {
    let site = home::site();
    let mut published = Published::default();
    let start = home::wall("2026-11-25T18:00:30Z");
    let mut told = |second: i64, presence, health: Health| -> BTreeSet<String> {
        let now = Wall(start.0 + second * 1_000);
        let mut view = home::of([DeviceView { presence, last_seen: now, ..home::phone() }]);
        view.now = now;
        view.scanners = vec![ScannerView { name: "mdns".into(), health, seen: 1, sent: 40, last_success: Some(now) }];
        // A clone would lose what it remembers of time.
        let sent = reconcile(&view, &site, &published);
        sent.iter().for_each(|message| published.sent(message));
        sent.into_iter().map(|m| m.topic.rsplit('/').next().expect("a leaf").to_owned()).collect()
    };
    let down = || Health::Down { why: "gone".into(), advice: None };
    let set = |list: &[&str]| -> BTreeSet<String> { list.iter().map(|leaf| (*leaf).to_owned()).collect() };
    use Presence as P;
    told(0, P::Home, Health::Up);
    // Dozing off for less than a minute is not told, for longer it is.
    assert_eq!(told(10, P::Asleep, Health::Up), set(&[]));
    assert_eq!(told(60, P::Home, Health::Up), set(&[]));
    assert_eq!(told(70, P::Asleep, Health::Up), set(&[]));
    assert_eq!(told(129, P::Asleep, Health::Up), set(&[]));
    assert_eq!(told(130, P::Asleep, Health::Up), set(&["state"]));
    // Five minutes of life are news; so is leaving, but no sooner than five minutes after the last.
    assert_eq!(told(310, P::Asleep, Health::Up), set(&["fast"]));
    assert_eq!(told(400, P::Away, Health::Up), set(&["presence", "state"]));
    assert_eq!(told(401, P::Away, Health::Up), set(&[]));
    assert_eq!(told(402, P::Home, Health::Up), set(&["presence", "state"]));
    // Health: a change at once, the next after a minute.
    assert_eq!(told(500, P::Home, down()), set(&["health"]));
    assert_eq!(told(510, P::Home, Health::Up), set(&[]));
    assert_eq!(told(520, P::Home, down()), set(&[]));
    assert_eq!(told(561, P::Home, Health::Up), set(&["health"]));
}

/// The sender keeps only the newest list: what it did not send yet must be in the next one, too.
#[test]
fn what_was_not_sent_is_said_again() {
    let site = home::site();
    let mut published = Published::default();
    for message in reconcile(&home::view(), &site, &published.clone()) {
        published.sent(&message);
    }
    let mut view = home::view();
    view.scanners[0].health = Health::Down { why: "gone".into(), advice: None };
    let phone = DeviceView { trust: Trust::Guest, presence: Presence::Away, ..home::phone() };
    view.devices.insert(phone.id, Arc::new(phone));
    let first = reconcile(&view, &site, &published);
    assert_eq!(first.len(), 3, "{:?}", first.iter().map(|m| &m.topic).collect::<Vec<_>>());
    assert_eq!(reconcile(&view, &site, &published), first);
}

/// One device of 500 changes: the rest costs next to nothing. The bound is generous; what is
/// compared is the same work without memory, in the same run.
#[test]
fn what_did_not_change_is_not_looked_at() {
    let site = home::site();
    let mut view = home::of(
        (0..500).map(|n| DeviceView { tier: Tier::Full, ..home::device(DeviceId::mint(1, n), &format!("Thing {n}")) }),
    );
    let mut published = Published::default();
    for message in reconcile(&view, &site, &published.clone()) {
        published.sent(&message);
    }
    // As after a restart: all of it is what the broker showed.
    let mut published = Published::collected(published.iter().map(|(topic, payload)| (topic.into(), payload.into())));
    assert!(reconcile(&view, &site, &published).is_empty());
    let first = *view.devices.keys().next().expect("a device");
    let mut warm = Duration::MAX;
    let mut cold = Duration::MAX;
    for n in 0..10 {
        let changed = DeviceView { trust: Trust::ALL[n % 2], ..DeviceView::clone(&view.devices[&first]) };
        view.devices.insert(first, Arc::new(changed));
        let without_memory = published.clone();
        let (seconds, sent) = timed(|| reconcile(&view, &site, &without_memory));
        cold = cold.min(seconds);
        let (seconds, again) = timed(|| reconcile(&view, &site, &published));
        warm = warm.min(seconds);
        assert_eq!(sent, again);
        sent.iter().for_each(|message| published.sent(message));
    }
    println!("500 devices: {warm:?} with memory, {cold:?} without");
    assert!(warm * 4 < cold, "{warm:?} with memory, {cold:?} without");
}

#[allow(clippy::disallowed_methods, reason = "a stopwatch for a ratio; nothing depends on the time itself")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed(), done)
}

/// 512 bytes, and at most once in five minutes and device, whatever it does: it flaps, its level
/// jumps, and the connection to the broker is lost now and then.
#[test]
fn gauges_keep_to_their_budget() {
    let site = home::site();
    let start = home::wall("2026-11-25T18:00:37Z");
    for (period, tier) in [(20, Tier::Full), (50, Tier::Full), (90, Tier::Full), (170, Tier::Full), (90, Tier::Basic)] {
        let mut published = Published::default();
        let mut last: Option<i64> = None;
        let mut told = Vec::new();
        for tick in 0..(3 * 3_600 / 10) {
            let second = tick * 10;
            let now = Wall(start.0 + second * 1_000);
            let is_here = second / period % 2 == 0;
            let (presence, seen) = if is_here {
                (Presence::Home, now)
            } else {
                (Presence::Away, Wall(start.0 + second / period * period * 1_000))
            };
            let signal = Some(-90 + (tick % 60) as i8);
            let device =
                DeviceView { tier, presence, last_seen: seen, since: seen, signal_dbm: signal, ..home::phone() };
            let mut view = home::of([device]);
            view.now = now;
            for message in reconcile(&view, &site, &published) {
                if message.topic.ends_with("/fast") && !message.payload.is_empty() {
                    assert!(message.payload.len() <= 512 && message.qos == 0 && message.retain);
                    let since = last.map(|last| second - last);
                    assert!(since.is_none_or(|since| since >= 300), "period {period}: {since:?} s after the last");
                    last = Some(second);
                    told.push(second);
                }
                published.sent(&message);
            }
            // The connection is lost and found again, about every eleven minutes.
            if tick % 67 == 66 {
                let held: Vec<_> =
                    published.iter().map(|(topic, payload)| (topic.to_owned(), payload.to_vec())).collect();
                published = Published::collected(held).recalling(&published);
            }
        }
        let expected = if tier == Tier::Full { 15..=36 } else { 0..=0 };
        assert!(expected.contains(&told.len()), "period {period}, {tier}: {} times in three hours", told.len());
    }
    for (signal, seen) in [(None, Wall(0)), (Some(i8::MIN), Wall(i64::MAX)), (Some(i8::MAX), Wall(i64::MIN))] {
        let device = DeviceView { signal_dbm: signal, last_seen: seen, ..home::phone() };
        let payload = porchlight::mqtt::payloads::fast(&device);
        assert!(payload.len() <= 512, "{}", String::from_utf8_lossy(&payload));
    }
}

/// Both entities that read the gauges are off by default; while they are, nothing is sent for them.
#[test]
fn gauges_nobody_reads_are_not_told() {
    let told = |connected, entities: &[(&str, bool)]| {
        let mut site = home::site();
        site.ha.connected = connected;
        site.ha.our_entities =
            entities.iter().map(|(key, on)| (format!("porchlight_7f3a2c_d-7f3k2m_{key}"), *on)).collect();
        let sent = reconcile(&home::of([home::phone()]), &site, &Published::default());
        sent.iter().any(|message| message.topic.ends_with("/fast"))
    };
    assert!(!told(true, &[("signal", false), ("last_seen", false)]));
    assert!(told(true, &[("signal", true), ("last_seen", false)]));
    assert!(told(true, &[("signal", false)]), "not known yet");
    assert!(told(false, &[("signal", false), ("last_seen", false)]), "nobody to ask");
}

// A home of two thousand: whatever happens, only what changed is looked at closer.
#[test]
fn the_work_follows_what_changed_and_not_the_home() {
    const HOME: u32 = 2_000;
    let site = home::site();
    let mut published = Published::default();
    let now = home::wall("2026-11-25T18:00:00Z");
    let device = |n: u32, name: &str| DeviceView { tier: Tier::Basic, ..home::device(DeviceId::mint(1, n), name) };
    let mut view = home::of((0..HOME).map(|n| device(n, &format!("Thing {n}"))));
    view.now = now;
    // Devices looked at, and topics of devices that are gone, until nothing is left to say.
    let mut settle = |view: &porchlight::model::HomeView| {
        let before = published.looked();
        let mut sent = 0;
        loop {
            let messages = reconcile(view, &site, &published);
            if messages.is_empty() {
                break;
            }
            sent += messages.len();
            messages.iter().for_each(|message| published.sent(message));
        }
        let after = published.looked();
        (sent, after.0 - before.0, after.1 - before.1)
    };
    let (sent, looked, _) = settle(&view);
    assert!(sent > HOME as usize * 3 && looked <= u64::from(HOME) * 2, "{sent} {looked}");
    assert_eq!(settle(&view), (0, 0, 0), "nothing changed");
    view.revision += 1;
    view.now = Wall(now.0 + 1_000);
    assert_eq!(settle(&view), (0, 0, 0), "time alone");
    for n in [3, 700, 1_999] {
        view.devices.insert(DeviceId::mint(1, n), Arc::new(device(n, "Renamed")));
    }
    let (sent, looked, gone) = settle(&view);
    assert!((3..=9).contains(&sent) && looked <= 6 && gone == 0, "{sent} {looked} {gone}");
    for n in [5, 800] {
        view.devices.remove(&DeviceId::mint(1, n));
    }
    let (sent, looked, gone) = settle(&view);
    assert!(sent >= 6 && looked == 0 && gone <= 8, "{sent} {looked} {gone}");
    assert_eq!(settle(&view), (0, 0, 0));
}
