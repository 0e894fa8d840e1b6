//! Stories of alerts: what is told, and what is not told twice.

use super::*;
use crate::model::{Category, Table, Wall};

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
