//! Stories of alerts: what is told, and what is not told twice.

use super::*;
use crate::model::{Category, Kind, MacAddr, Table, Wall};

fn at(seconds: u64) -> Moment {
    Moment { mono: Mono(seconds * 1_000_000_000), wall: Wall(seconds as i64 * 1000) }
}

fn finding(seconds: u64, key: &str, confidence: f32) -> Finding {
    Finding {
        detector: "ip_conflict",
        category: Category::Spoofing,
        severity: Severity::Medium,
        key: key.into(),
        at: at(seconds),
        attacker: Party { device: Some(DeviceId::mint(1, 1)), mac: None, ip: None },
        victim: Party::default(),
        evidence: vec![("ip", key.into())],
        technique: &[],
        confidence,
        over: false,
        observe_only: false,
    }
}

struct Story {
    alerts: Alerts,
    lines: Vec<String>,
}

impl Story {
    fn new() -> Story {
        Story { alerts: Alerts::new(&Settings::default(), &Remembered::default(), at(0)), lines: Vec::new() }
    }
    fn note(&mut self, out: Vec<Change>) {
        for change in out {
            self.lines.push(match change {
                Change::AlertOpened { alert } => format!("opened {}", alert.state),
                Change::AlertUpdated { alert } => format!("updated {} x{}", alert.state, alert.count),
                Change::AlertClosed { alert } => format!("closed {}", alert.state),
                other => other.to_string(),
            });
        }
    }
    fn sees(&mut self, seconds: u64, confidence: f32) {
        let mut out = Vec::new();
        while let Some(due) = self.alerts.next_wake().filter(|due| *due <= at(seconds).mono) {
            self.alerts.wake(at(seconds).back_to(due), &mut out);
        }
        self.alerts.take(vec![finding(seconds, "10.0.0.9", confidence)], &Table::default(), at(seconds), &mut out);
        self.note(out);
    }
    fn rests_until(&mut self, seconds: u64) {
        let mut out = Vec::new();
        self.alerts.wake(at(seconds), &mut out);
        self.note(out);
    }
    fn says(&mut self, command: &Command) {
        let mut out = Vec::new();
        let answer = self.alerts.obey(command, at(5), &mut out);
        assert!(matches!(answer, Some(Ok(_))), "{command:?} {answer:?}");
        self.note(out);
    }
    fn id(&self) -> AlertId {
        self.alerts.view().keys().next().cloned().expect("one alert")
    }
}

#[test]
fn the_same_thing_is_told_once_and_again_only_when_it_grew_or_cooled_down() {
    let mut story = Story::new();
    for second in 0..12 {
        story.sees(second, 0.9);
    }
    story.rests_until(12 + 15 * 60);
    story.sees(2000, 0.9); // within the cooldown: open again, but no news
    story.rests_until(2000 + 15 * 60);
    story.sees(20_000, 0.9);
    assert_eq!(
        story.lines,
        ["opened new", "updated new x10", "closed resolved", "updated new x13", "closed resolved", "opened new"]
    );
}

#[test]
fn what_is_merely_likely_is_observed_and_told_when_it_is_sure() {
    let mut story = Story::new();
    story.sees(0, 0.2);
    assert!(story.alerts.view().is_empty());
    story.sees(1, 0.5);
    assert_eq!(story.alerts.view().values().next().map(|a| a.state), Some(AlertState::Observed));
    story.sees(2, 0.8);
    assert_eq!(story.lines, ["opened new"]);
}

#[test]
fn what_people_decided_stands() {
    let mut story = Story::new();
    story.sees(0, 0.9);
    let alert = story.id();
    story.says(&Command::Acknowledge { alert: alert.clone() });
    story.says(&Command::Acknowledge { alert: alert.clone() });
    story.says(&Command::FalseAlarm { alert: alert.clone() });
    story.sees(10, 0.9);
    story.says(&Command::Reopen { alert });
    assert_eq!(story.lines, ["opened new", "updated acknowledged x1", "closed false_alarm", "updated new x2"]);

    let mut muted = Story::new();
    muted.says(&Command::MuteDevice { detector: "ip_conflict".into(), device: DeviceId::mint(1, 1), days: 1 });
    muted.sees(10, 0.9);
    assert!(muted.lines.is_empty());
    muted.sees(90_000, 0.9);
    assert_eq!(muted.lines, ["opened new"]);
}

#[test]
fn a_decision_outlives_the_trouble() {
    type Decide = fn(AlertId) -> Command;
    let decisions: [(Decide, AlertState); 2] = [
        (|alert| Command::Mute { alert }, AlertState::Muted),
        (|alert| Command::FalseAlarm { alert }, AlertState::FalseAlarm),
    ];
    for (decide, state) in decisions {
        let mut story = Story::new();
        story.sees(0, 0.9);
        let alert = story.id();
        story.says(&decide(alert.clone()));
        let told = story.lines.len();
        // It goes on, stops for hours, and comes again.
        for seconds in [10, 20, 8_000, 50_000, 200_000] {
            story.sees(seconds, 0.9);
        }
        assert_eq!(story.lines[told..], [] as [&str; 0], "{state}");
        assert_eq!(story.alerts.view()[&alert].state, state);
    }
}

// Whatever a detector calls the same thing by: after a restart it is still the same alert.
#[test]
fn a_restart_makes_nothing_new_of_what_is_known() {
    let keys = ["10.0.0.9", "d-000001", "burst", "tcp/8123 sshd", ""];
    let mut alerts = Alerts::new(&Settings::default(), &Remembered::default(), at(0));
    let mut out = Vec::new();
    let findings = || keys.map(|key| Finding { attacker: Party::default(), ..finding(1, key, 0.9) }).to_vec();
    alerts.take(findings(), &Table::default(), at(1), &mut out);
    assert_eq!(out.len(), keys.len());
    let known: Vec<AlertView> = alerts.view().values().map(|view| AlertView::clone(view)).collect();
    let remembered = Remembered { alerts: known.clone(), ..Remembered::default() };
    let mut alerts = Alerts::new(&Settings::default(), &remembered, at(60));
    out.clear();
    alerts.take(findings(), &Table::default(), at(61), &mut out);
    assert!(out.is_empty(), "{out:?}");
    let ids = |views: Vec<&AlertId>| views.into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(ids(alerts.view().keys().collect()), ids(known.iter().map(|view| &view.id).collect()));
    assert!(alerts.view().values().all(|view| view.count == 2));
}

#[test]
fn open_alerts_have_a_cap() {
    let mut story = Story::new();
    for n in 0..(OPEN_MAX + 300) {
        let mut out = Vec::new();
        story.alerts.take(vec![finding(n as u64, &format!("k{n}"), 0.9)], &Table::default(), at(1), &mut out);
    }
    let open = story.alerts.view().values().filter(|a| a.state.is_open()).count();
    assert!(open <= OPEN_MAX && story.alerts.view().len() <= OPEN_MAX + CLOSED_MAX, "{open}");
}

/// Somebody at one of a home's addresses does something to another of its devices.
fn at_addresses(seconds: u64, mac: Option<u8>, from: &str, to: &str) -> Finding {
    let ip = |text: &str| text.parse().expect("an address");
    let attacker = Party { device: None, mac: mac.map(|n| MacAddr([2, 0, 0, 0, 0, n])), ip: Some(ip(from)) };
    let victim = Party { device: None, mac: Some(MacAddr([2, 0, 0, 0, 0, 5])), ip: Some(ip(to)) };
    let key = format!("{from} {to} ssh");
    let category = Category::Access;
    Finding { attacker, victim, key, category, detector: "brute_force", ..finding(seconds, "", 0.9) }
}

fn home() -> Table {
    let device = |n: u8| (MacAddr([2, 0, 0, 0, 0, n]), (DeviceId::mint(1, n.into()), Kind::Unknown));
    Table { macs: [device(5), device(9), device(8)].into(), ..Table::default() }
}

#[test]
fn a_device_that_changes_its_address_stays_one_alert_and_stays_muted() {
    let mut story = Story::new();
    let mut out = Vec::new();
    let mut see = |story: &mut Story, finding: Finding| {
        let now = finding.at;
        story.alerts.take(vec![finding], &home(), now, &mut out);
        story.note(std::mem::take(&mut out));
    };
    see(&mut story, at_addresses(0, Some(9), "192.168.7.9", "192.168.7.5"));
    for second in 1..5 {
        see(&mut story, at_addresses(second, Some(9), "192.168.7.77", "192.168.7.5"));
        see(&mut story, at_addresses(second, Some(9), "fd00::9", "fd00::5"));
    }
    see(&mut story, at_addresses(6, Some(9), "fd00::9", "192.168.7.5"));
    assert_eq!(story.lines, ["opened new", "updated new x10"]);
    let alert = story.id();
    story.says(&Command::Mute { alert });
    see(&mut story, at_addresses(50_000, Some(9), "192.168.7.80", "192.168.7.5"));
    assert_eq!(story.lines.last().map(String::as_str), Some("closed muted"));
    see(&mut story, at_addresses(50_001, Some(8), "192.168.7.9", "192.168.7.5"));
    assert_eq!(story.lines.last().map(String::as_str), Some("opened new"), "somebody else, at an address it had");
}

#[test]
fn who_becomes_known_later_and_who_becomes_one_with_another_stay_one_alert() {
    let mut alerts = Alerts::new(&Settings::default(), &Remembered::default(), at(0));
    let mut out = Vec::new();
    let take = |alerts: &mut Alerts, who: &Table, finding: Finding, out: &mut Vec<Change>| {
        let now = finding.at;
        alerts.take(vec![finding], who, now, out);
    };
    let (nobody, home) = (Table::default(), home());
    take(&mut alerts, &nobody, at_addresses(0, Some(9), "192.168.7.9", "192.168.7.5"), &mut out);
    take(&mut alerts, &home, at_addresses(1, Some(9), "192.168.7.9", "192.168.7.5"), &mut out);
    take(&mut alerts, &home, at_addresses(2, Some(9), "192.168.7.10", "192.168.7.5"), &mut out);
    let device = |n: u32| DeviceId::mint(1, n);
    let counts = |alerts: &Alerts| -> Vec<(u64, Option<DeviceId>, bool)> {
        alerts.view().values().map(|a| (a.count, a.attacker.device, a.state.is_open())).collect()
    };
    assert_eq!(counts(&alerts), [(3, Some(device(9)), true)]);
    // Another one does the same; and then it turns out to be the first one's other card.
    take(&mut alerts, &home, at_addresses(3, Some(8), "192.168.7.20", "192.168.7.5"), &mut out);
    alerts.merged(device(8), device(9), at(4), &mut out);
    let mut one = home;
    one.macs.insert(MacAddr([2, 0, 0, 0, 0, 8]), (device(9), Kind::Unknown));
    take(&mut alerts, &one, at_addresses(5, Some(8), "192.168.7.20", "192.168.7.5"), &mut out);
    assert_eq!(counts(&alerts), [(4, Some(device(9)), true), (1, Some(device(9)), false)]);
    let (open, keys) = (alerts.sizes()[0].1, alerts.sizes()[1].1);
    assert_eq!((open, keys), (2, 1));
    // And a restart remembers it so.
    let known: Vec<AlertView> = alerts.view().values().map(|view| AlertView::clone(view)).collect();
    let remembered = Remembered { alerts: known, ..Remembered::default() };
    let mut alerts = Alerts::new(&Settings::default(), &remembered, at(60));
    take(&mut alerts, &one, at_addresses(61, Some(9), "fd00::9", "192.168.7.5"), &mut out);
    assert_eq!(counts(&alerts)[0].0, 5);
}
