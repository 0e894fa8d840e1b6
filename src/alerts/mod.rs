//! # What matters
//!
//! Findings come in, alerts go out: one thing seen many times is one alert, people's decisions are
//! kept, and nothing is told twice. Leaves out: correlation into incidents and the learned
//! baseline; their place is `correlate.rs` and `baseline.rs`, an alert is its own incident until then.
//!
//! Holds at most [`OPEN_MAX`] open alerts and [`CLOSED_MAX`] closed ones, whatever happens.

mod lifecycle;
mod mute;
mod phrases;
mod slot;
mod text;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::model::{
    AlertId, AlertState, AlertView, Answer, Change, Command, DeviceId, Finding, Moment, Mono, Party, Refusal,
    RefusalCode, Remembered, Severity, Span, Wall, Who,
};

use mute::Mutes;
use slot::{Slot, slot};

/// Open alerts; beyond it the oldest of the lowest severity closes.
pub const OPEN_MAX: usize = 500;
/// Closed alerts kept in memory for pages and for cooldown; the store has all.
pub const CLOSED_MAX: usize = 200;
// Below this confidence a finding is only counted.
const OBSERVED_FROM: f32 = 0.40;
const DAY_MS: i64 = 86_400_000;

/// `alerts`: what is told, and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// quiet: only what is nearly certain. normal. keen: also what is merely likely.
    pub sensitivity: Sensitivity,
    /// How long after a first start nothing is called new.
    pub settle: Span,
    /// The same thing again within this time after it closed is not told again; doubles up to a day.
    pub cooldown: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { sensitivity: Sensitivity::Normal, settle: Span::minutes(10), cooldown: Span::minutes(60) }
    }
}

/// How sure a finding must be to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    Quiet,
    #[default]
    Normal,
    Keen,
}

impl Sensitivity {
    const fn bar(self) -> f32 {
        match self {
            Sensitivity::Quiet => 0.85,
            Sensitivity::Normal => 0.70,
            Sensitivity::Keen => 0.50,
        }
    }
}

/// A finding that is raised: who is behind its addresses, and whether people are told.
struct Raised<'a> {
    finding: &'a Finding,
    attacker: Party,
    victim: Party,
    told: bool,
}

/// One alert with what outlets need not know.
struct Record {
    view: Arc<AlertView>,
    /// Under which it is found again.
    slot: Slot,
    /// Count at the last time it was told.
    told_at_count: u64,
    clear_at: Option<Mono>,
    closed: Option<Mono>,
    cooldown: Duration,
}

/// Findings become alerts here.
pub struct Alerts {
    settings: Settings,
    records: BTreeMap<AlertId, Record>,
    by_key: BTreeMap<Slot, AlertId>,
    views: BTreeMap<AlertId, Arc<AlertView>>,
    due: BTreeSet<(Mono, AlertId)>,
    mutes: Mutes,
    sequence: u64,
    day: i64,
    today: u32,
    below: u64,
}

impl Alerts {
    #[must_use]
    pub fn new(settings: &Settings, remembered: &Remembered, now: Moment) -> Alerts {
        let mut alerts = Alerts {
            settings: settings.clone(),
            records: BTreeMap::new(),
            by_key: BTreeMap::new(),
            views: BTreeMap::new(),
            due: BTreeSet::new(),
            mutes: Mutes::new(&remembered.mutes),
            sequence: 0,
            day: now.wall.0.div_euclid(DAY_MS),
            today: 0,
            below: 0,
        };
        for alert in &remembered.alerts {
            alerts.restore(alert, now);
        }
        alerts
    }

    /// Takes what detectors saw at one input.
    pub fn take(&mut self, findings: Vec<Finding>, who: &dyn Who, now: Moment, out: &mut Vec<Change>) {
        for finding in findings {
            self.take_one(&finding, who, now, out);
        }
    }

    /// Closes what is due.
    pub fn wake(&mut self, now: Moment, out: &mut Vec<Change>) {
        while let Some((due, id)) = self.due.first().cloned() {
            if due > now.mono {
                return;
            }
            self.due.remove(&(due, id.clone()));
            self.close(&id, AlertState::Resolved, now, out);
        }
    }

    #[must_use]
    pub fn next_wake(&self) -> Option<Mono> {
        self.due.first().map(|(due, _)| *due)
    }

    /// `None` if the command is none of alerts' business.
    pub fn obey(&mut self, command: &Command, now: Moment, out: &mut Vec<Change>) -> Option<Result<Answer, Refusal>> {
        let (id, state) = match command {
            Command::Acknowledge { alert } => (alert, AlertState::Acknowledged),
            Command::Mute { alert } => (alert, AlertState::Muted),
            Command::Expected { alert } => (alert, AlertState::Resolved),
            Command::FalseAlarm { alert } => (alert, AlertState::FalseAlarm),
            Command::Reopen { alert } => (alert, AlertState::New),
            Command::AcknowledgeAll => return Some(Ok(Answer::Count(self.acknowledge_all(now, out)))),
            Command::MuteDevice { detector, device, days } => {
                self.mutes.add(detector.clone(), *device, *days, now.wall);
                return Some(Ok(Answer::Done));
            }
            _ => return None,
        };
        let Some(record) = self.records.get(id) else {
            return Some(Err(Refusal::new(RefusalCode::NotFound, format!("no alert {id}"))));
        };
        if record.view.state == state {
            return Some(Ok(Answer::Done));
        }
        if let (Command::Expected { .. }, Some(device)) = (command, record.view.attacker.device) {
            self.mutes.add(record.view.detector.clone(), device, mute::EXPECTED_DAYS, now.wall);
        }
        match state {
            AlertState::Resolved | AlertState::FalseAlarm | AlertState::Muted => {
                self.close(&id.clone(), state, now, out)
            }
            _ => self.set_state(&id.clone(), state, now, out),
        }
        Some(Ok(Answer::Done))
    }

    /// A device became part of another: old alerts follow.
    pub fn merged(&mut self, from: DeviceId, into: DeviceId, now: Moment, out: &mut Vec<Change>) {
        let touched: Vec<AlertId> = self
            .records
            .iter()
            .filter(|(_, r)| r.view.attacker.device == Some(from) || r.view.victim.device == Some(from))
            .map(|(id, _)| id.clone())
            .collect();
        for id in touched {
            self.edit(&id, |view| {
                for party in [&mut view.attacker, &mut view.victim] {
                    if party.device == Some(from) {
                        party.device = Some(into);
                    }
                }
            });
            let slot = self.records.get(&id).map(|record| slot::merged(&record.slot, from, into));
            self.rekey(&id, slot.unwrap_or_default(), now, out);
        }
        self.mutes.merged(from, into);
    }

    pub fn adopt(&mut self, settings: &Settings) {
        self.settings = settings.clone();
    }

    /// Open and recently closed ones.
    #[must_use]
    pub fn view(&self) -> &BTreeMap<AlertId, Arc<AlertView>> {
        &self.views
    }

    /// Entries of each table.
    pub fn sizes(&self) -> [(&'static str, usize); 5] {
        [
            ("alerts.records", self.records.len()),
            ("alerts.by_key", self.by_key.len()),
            ("alerts.views", self.views.len()),
            ("alerts.due", self.due.len()),
            ("alerts.mutes", self.mutes.list().len()),
        ]
    }

    /// Opened since midnight UTC.
    #[must_use]
    pub const fn today(&self) -> u32 {
        self.today
    }

    #[must_use]
    pub fn mutes(&self) -> &Arc<Vec<(String, DeviceId, Wall)>> {
        self.mutes.list()
    }

    fn take_one(&mut self, finding: &Finding, who: &dyn Who, now: Moment, out: &mut Vec<Change>) {
        let (attacker, victim) = (resolve(finding.attacker, who), resolve(finding.victim, who));
        let slot = slot(finding.detector, &finding.key, finding.category, attacker, victim);
        let known = self.by_key.get(&slot).cloned().or_else(|| self.met_since(&slot, finding, now, out));
        if finding.over {
            if let Some(id) = known.filter(|id| self.records.get(id).is_some_and(|r| r.view.state.is_open())) {
                self.close(&id, AlertState::Resolved, now, out);
            }
            return;
        }
        if finding.confidence < OBSERVED_FROM {
            self.below += 1;
            return;
        }
        let subject = attacker.device.or(victim.device);
        let told = finding.confidence >= self.settings.sensitivity.bar()
            && !finding.observe_only
            && subject.is_none_or(|device| who.tells(device) && !self.mutes.has(finding.detector, device, now.wall));
        match known {
            Some(id) => self.again(&id, &Raised { finding, attacker, victim, told }, who, now, out),
            None => self.open(slot, &Raised { finding, attacker, victim, told }, who, now, out),
        }
    }

    fn open(&mut self, slot: Slot, raised: &Raised<'_>, who: &dyn Who, now: Moment, out: &mut Vec<Change>) {
        let Raised { finding, attacker, victim, told } = *raised;
        self.make_room(now, out);
        self.sequence += 1;
        let id = AlertId::mint(now.wall, self.sequence);
        let name = |party: Party| party.device.and_then(|device| who.name(device));
        let (attacker_name, victim_name) = (name(attacker), name(victim));
        let words = text::text(finding, attacker_name.as_deref(), victim_name.as_deref());
        let important =
            victim.device.is_some_and(|d| who.is_important(d)) && finding.detector != "device_offline_important";
        let view = Arc::new(AlertView {
            id: id.clone(),
            sequence: self.sequence,
            detector: finding.detector.to_owned(),
            key: finding.key.clone(),
            category: finding.category,
            severity: if important { up(finding.severity) } else { finding.severity },
            confidence: finding.confidence,
            title: words.title,
            detail: words.detail,
            recommendation: words.recommendation,
            attacker,
            attacker_name,
            victim,
            victim_name,
            technique: finding.technique.iter().map(|t| (*t).to_owned()).collect(),
            first_seen: finding.at.wall,
            last_seen: finding.at.wall,
            count: 1,
            state: if told { AlertState::New } else { AlertState::Observed },
            evidence: finding.evidence.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
            incident: id.clone(),
        });
        let clear_at = lifecycle::clear_after(finding).map(|span| now.mono + span);
        if let Some(due) = clear_at {
            self.due.insert((due, id.clone()));
        }
        self.views.insert(id.clone(), Arc::clone(&view));
        self.by_key.insert(slot.clone(), id.clone());
        let (view_kept, cooldown) = (Arc::clone(&view), self.settings.cooldown.0);
        self.records.insert(id, Record { view: view_kept, slot, told_at_count: 1, clear_at, closed: None, cooldown });
        if told {
            self.count_today(now);
            out.push(Change::AlertOpened { alert: view });
        }
    }

    /// The same thing once more.
    fn again(&mut self, id: &AlertId, raised: &Raised<'_>, who: &dyn Who, now: Moment, out: &mut Vec<Change>) {
        let Raised { finding, attacker, victim, told } = *raised;
        let Some(record) = self.records.get(id) else { return };
        let (state, closed, cooldown) = (record.view.state, record.closed, record.cooldown);
        let count = record.view.count + 1;
        let worse = finding.severity > record.view.severity;
        let grown = count >= record.told_at_count.saturating_mul(10);
        self.extend_clear(id, finding, now);
        self.edit(id, |view| {
            view.count = count;
            view.last_seen = finding.at.wall;
            view.severity = view.severity.max(finding.severity);
            view.confidence = view.confidence.max(finding.confidence);
            meet(&mut view.attacker, &mut view.attacker_name, attacker, who);
            meet(&mut view.victim, &mut view.victim_name, victim, who);
        });
        // What people decided stands: a muted or false alarm only counts on.
        if !told || matches!(state, AlertState::Muted | AlertState::FalseAlarm) {
            return;
        }
        if state == AlertState::Resolved {
            let cooled = closed.is_some_and(|at| now.mono.since(at) >= cooldown);
            if let Some(record) = self.records.get_mut(id) {
                record.closed = None;
                record.cooldown = if cooled { self.settings.cooldown.0 } else { lifecycle::longer(record.cooldown) };
            }
            self.reopen(id, now);
            if cooled {
                self.count_today(now);
                self.tell(id, count, out, |alert| Change::AlertOpened { alert });
            } else {
                self.tell(id, count, out, |alert| Change::AlertUpdated { alert });
            }
        } else if state == AlertState::Observed {
            self.reopen(id, now);
            self.count_today(now);
            self.tell(id, count, out, |alert| Change::AlertOpened { alert });
        } else if worse || grown {
            self.tell(id, count, out, |alert| Change::AlertUpdated { alert });
        }
    }
}

fn up(severity: Severity) -> Severity {
    match severity {
        Severity::Info => Severity::Low,
        Severity::Low => Severity::Medium,
        Severity::Medium => Severity::High,
        Severity::High | Severity::Critical => Severity::Critical,
    }
}

/// One of an alert's sides turned out to be a known device.
fn meet(known: &mut Party, name: &mut Option<String>, party: Party, who: &dyn Who) {
    if known.device.is_none() && known.ip.is_none_or(|ip| party.ip == Some(ip)) {
        known.device = party.device;
        *name = party.device.and_then(|device| who.name(device));
    }
}

/// Fills in the device behind wire addresses, once.
fn resolve(party: Party, who: &dyn Who) -> Party {
    let device = party
        .device
        .or_else(|| party.mac.and_then(|mac| who.by_mac(mac)))
        .or_else(|| if party.mac.is_none() { party.ip.and_then(|ip| who.by_ip(ip)) } else { None });
    Party { device, ..party }
}

#[cfg(test)]
mod tests;
