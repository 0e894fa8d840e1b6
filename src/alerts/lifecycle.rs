//! # The alert's life
//!
//! New → acknowledged → resolved, with muted and false alarm as ends that stay. An alert clears by
//! itself when its kind of trouble has been quiet long enough.

use std::{sync::Arc, time::Duration};

use super::{
    Alerts, CLOSED_MAX, DAY_MS, OPEN_MAX, Record,
    slot::{Slot, slot},
};
use crate::model::{AlertId, AlertState, AlertView, Category, Change, Finding, Moment};

/// How long without a finding until an alert of this kind closes; `None`: until it is over or a person says so.
pub(super) fn clear_after(finding: &Finding) -> Option<Duration> {
    let minutes = match (finding.category, finding.detector) {
        (_, "new_device") => 24 * 60,
        (Category::Device | Category::Exposure, _) => return None,
        (Category::Spoofing | Category::Dns | Category::Wireless, _) => 15,
        (Category::Scan, _) => 10,
        (Category::Access, _) => 60,
        (Category::Flood, _) => 5,
        (Category::Malware | Category::Leak, _) => 24 * 60,
    };
    Some(Duration::from_secs(minutes * 60))
}

/// The next cooldown: double, at most a day.
pub(super) fn longer(cooldown: Duration) -> Duration {
    (cooldown * 2).min(Duration::from_secs(86_400))
}

impl Alerts {
    /// Puts a stored alert back; what was open is open, and clears from now on.
    pub(super) fn restore(&mut self, alert: &AlertView, now: Moment) {
        let view = Arc::new(alert.clone());
        self.sequence = self.sequence.max(view.sequence);
        let open = view.state.is_open();
        let stays = matches!(view.category, Category::Device | Category::Exposure) && view.detector != "new_device";
        let clear_at = (open && !stays).then(|| now.mono + Duration::from_secs(15 * 60));
        if let Some(due) = clear_at {
            self.due.insert((due, view.id.clone()));
        }
        if view.first_seen.0.div_euclid(DAY_MS) == self.day && view.state != AlertState::Observed {
            self.today += 1;
        }
        let slot = slot(&view.detector, &view.key, view.category, view.attacker, view.victim);
        let known = self.by_key.get(&slot).and_then(|known| self.records.get(known));
        if open || !known.is_some_and(|known| known.view.state.is_open()) {
            self.by_key.insert(slot.clone(), view.id.clone());
        }
        self.views.insert(view.id.clone(), Arc::clone(&view));
        let cooldown = self.settings.cooldown.0;
        let told_at_count = view.count;
        let closed = (!open).then_some(now.mono);
        self.records.insert(view.id.clone(), Record { view, slot, told_at_count, clear_at, closed, cooldown });
    }

    /// The alert of what was keyed by addresses before their device was known: it is found by the device from now on.
    pub(super) fn met_since(
        &mut self,
        slot: &Slot,
        finding: &Finding,
        now: Moment,
        out: &mut Vec<Change>,
    ) -> Option<AlertId> {
        if slot.1 == finding.key {
            return None;
        }
        let id = self.by_key.get(&(slot.0.clone(), finding.key.clone()))?.clone();
        self.rekey(&id, slot.clone(), now, out);
        Some(id)
    }

    /// What was two things, and is one now, goes on as the open one of them, of two the older.
    pub(super) fn rekey(&mut self, id: &AlertId, slot: Slot, now: Moment, out: &mut Vec<Change>) {
        let Some(record) = self.records.get_mut(id).filter(|record| record.slot != slot) else { return };
        let (is_open, old) = (record.view.state.is_open(), std::mem::replace(&mut record.slot, slot.clone()));
        if self.by_key.get(&old) == Some(id) {
            self.by_key.remove(&old);
        }
        let other = self.by_key.get(&slot).filter(|other| *other != id).cloned();
        let is_other_open = other.as_ref().and_then(|other| self.records.get(other)).map(|r| r.view.state.is_open());
        let ends = match (other, is_other_open) {
            (Some(other), Some(true)) if is_open => Some(if other < *id { id.clone() } else { other }),
            (Some(_), Some(true)) => return,
            _ => None,
        };
        if ends.as_ref() != Some(id) {
            self.by_key.insert(slot, id.clone());
        }
        if let Some(ends) = ends {
            self.close(&ends, AlertState::Resolved, now, out);
        }
    }

    pub(super) fn acknowledge_all(&mut self, now: Moment, out: &mut Vec<Change>) -> usize {
        let open: Vec<AlertId> =
            self.records.iter().filter(|(_, r)| r.view.state == AlertState::New).map(|(id, _)| id.clone()).collect();
        for id in &open {
            self.set_state(id, AlertState::Acknowledged, now, out);
        }
        open.len()
    }

    pub(super) fn set_state(&mut self, id: &AlertId, state: AlertState, _now: Moment, out: &mut Vec<Change>) {
        if let Some(record) = self.records.get_mut(id) {
            record.closed = None;
        }
        self.edit(id, |view| view.state = state);
        if let Some(view) = self.views.get(id) {
            out.push(Change::AlertUpdated { alert: Arc::clone(view) });
        }
    }

    pub(super) fn close(&mut self, id: &AlertId, state: AlertState, now: Moment, out: &mut Vec<Change>) {
        let Some(record) = self.records.get_mut(id) else { return };
        let was_told = record.view.state != AlertState::Observed;
        record.closed = Some(now.mono);
        if let Some(due) = record.clear_at.take() {
            self.due.remove(&(due, id.clone()));
        }
        self.edit(id, |view| view.state = state);
        if let Some(view) = self.views.get(id).filter(|_| was_told) {
            out.push(Change::AlertClosed { alert: Arc::clone(view) });
        }
        self.trim();
    }

    pub(super) fn reopen(&mut self, id: &AlertId, _now: Moment) {
        self.edit(id, |view| view.state = AlertState::New);
    }

    pub(super) fn extend_clear(&mut self, id: &AlertId, finding: &Finding, now: Moment) {
        let Some(record) = self.records.get_mut(id) else { return };
        if let Some(due) = record.clear_at.take() {
            self.due.remove(&(due, id.clone()));
        }
        // What people decided stands: it does not clear into something that is told again.
        if matches!(record.view.state, AlertState::Muted | AlertState::FalseAlarm) {
            return;
        }
        if let Some(span) = clear_after(finding) {
            record.clear_at = Some(now.mono + span);
            self.due.insert((now.mono + span, id.clone()));
        }
    }

    /// Changes the picture of one alert; it gets a new sequence number.
    pub(super) fn edit(&mut self, id: &AlertId, change: impl FnOnce(&mut AlertView)) {
        let Some(record) = self.records.get_mut(id) else { return };
        self.sequence += 1;
        let view = Arc::make_mut(&mut record.view);
        change(view);
        view.sequence = self.sequence;
        self.views.insert(id.clone(), Arc::clone(&record.view));
    }

    pub(super) fn tell(
        &mut self,
        id: &AlertId,
        count: u64,
        out: &mut Vec<Change>,
        change: impl FnOnce(Arc<AlertView>) -> Change,
    ) {
        if let Some(record) = self.records.get_mut(id) {
            record.told_at_count = count;
            out.push(change(Arc::clone(&record.view)));
        }
    }

    pub(super) fn count_today(&mut self, now: Moment) {
        let day = now.wall.0.div_euclid(DAY_MS);
        if day != self.day {
            self.day = day;
            self.today = 0;
        }
        self.today += 1;
    }

    /// Keeps room for one more open alert: the oldest of the lowest severity closes.
    pub(super) fn make_room(&mut self, now: Moment, out: &mut Vec<Change>) {
        let open = self.records.values().filter(|r| r.closed.is_none());
        if open.count() < OPEN_MAX {
            return;
        }
        let lowest = self
            .records
            .iter()
            .filter(|(_, r)| r.closed.is_none())
            .min_by(|(a, one), (b, two)| (one.view.severity, a).cmp(&(two.view.severity, b)))
            .map(|(id, _)| id.clone());
        if let Some(id) = lowest {
            self.close(&id, AlertState::Resolved, now, out);
        }
    }

    /// Forgets the longest-closed beyond the cap; muted and false alarms go last.
    fn trim(&mut self) {
        // Nearly always it is none, or one.
        let beyond = self.records.values().filter(|r| r.closed.is_some()).count().saturating_sub(CLOSED_MAX);
        if beyond == 0 {
            return;
        }
        let closed =
            self.records.iter().filter_map(|(id, r)| Some((r.view.state != AlertState::Resolved, r.closed?, id)));
        let mut closed: Vec<_> = closed.collect();
        closed.sort_unstable();
        let gone: Vec<AlertId> = closed.into_iter().take(beyond).map(|(_, _, id)| id.clone()).collect();
        for id in &gone {
            if let Some(record) = self.records.remove(id)
                && self.by_key.get(&record.slot) == Some(id)
            {
                self.by_key.remove(&record.slot);
            }
            self.views.remove(id);
        }
    }
}
