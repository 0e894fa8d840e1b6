//! # `summary`: a period in numbers
//!
//! Counts of alerts by severity, detector and source, and a risk level. The risk is that of what is still
//! open and told: the worst severity, one step higher when one source has three or more at that level. What to do
//! about it is said for each detector with something open, the worst first.
//! What was only observed, muted or called a false alarm counts in the numbers, not in the risk.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Context, Exit,
    recorded::{Recorded, Since, to_stdout},
    table,
};
use crate::{
    detectors::CARDS,
    model::{AlertView, DeviceView, Severity, Wall},
};

// More sources than this are one line, "others".
const SOURCES_SHOWN: usize = 10;
// Sources that are told apart. An attacker may forge any number of them.
const SOURCES_MAX: usize = 10_000;
/// So many open alerts of one source at the worst level are more than any one of them.
const STEP_UP: u32 = 3;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The period begins: 2026-11-25T17:02:11Z, 2026-11-25, 2d, 12h
    #[arg(long, value_name = "TIME", default_value = "7d")]
    pub since: Since,
}

#[derive(Debug, PartialEq, Serialize)]
struct Summary {
    since: String,
    until: String,
    /// `none`, or a severity.
    risk: &'static str,
    alerts: Alerts,
    devices: Devices,
    recommendations: Vec<Advice>,
}

/// What to do about what one detector has open: its page's own words, which name nobody.
#[derive(Debug, PartialEq, Serialize)]
struct Advice {
    detector: String,
    severity: &'static str,
    open: u64,
    text: String,
}

#[derive(Debug, PartialEq, Serialize, Default)]
struct Alerts {
    total: u64,
    open: u64,
    by_severity: BTreeMap<&'static str, u64>,
    by_detector: BTreeMap<String, u64>,
    by_source: BTreeMap<String, u64>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Devices {
    total: u64,
    here: u64,
    new: u64,
    unknown: u64,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let recorded = Recorded::open(context)?;
    let since = args.since.from(recorded.now);
    let mut count = Count::default();
    recorded.each_alert(Some(since), |alert| {
        count.add(alert, |name| recorded.hidden_name(name));
        Ok(())
    })?;
    let summary = count.finish(&recorded.devices()?, since, recorded.now);
    to_stdout(|out| {
        let text = if recorded.json { recorded.line(&summary)? + "\n" } else { recorded.hidden(plain(&summary)) };
        Ok(out.write_all(text.as_bytes())?)
    })
}

#[derive(Default)]
struct Count {
    alerts: Alerts,
    /// Source → alerts told and open, per severity.
    open: BTreeMap<String, BTreeMap<Severity, u32>>,
    /// Detector → worst severity of what is open, and how many.
    to_do: BTreeMap<String, (Severity, u64)>,
}

impl Count {
    fn add(&mut self, alert: &AlertView, name: impl Fn(&str) -> String) {
        let called = alert.attacker_name.as_deref().map(name);
        let mut source = table::side(called.as_deref(), &alert.attacker);
        if source == "-" {
            source = "unknown".into();
        } else if self.alerts.by_source.len() >= SOURCES_MAX && !self.alerts.by_source.contains_key(&source) {
            source = "others".into();
        }
        self.alerts.total += 1;
        *self.alerts.by_severity.entry(alert.severity.word()).or_default() += 1;
        *self.alerts.by_detector.entry(alert.detector.clone()).or_default() += 1;
        *self.alerts.by_source.entry(source.clone()).or_default() += 1;
        if alert.state.is_open() {
            self.alerts.open += 1;
            let to_do = self.to_do.entry(alert.detector.clone()).or_insert((alert.severity, 0));
            *to_do = (to_do.0.max(alert.severity), to_do.1 + 1);
            *self.open.entry(source).or_default().entry(alert.severity).or_default() += 1;
        }
    }

    fn risk(&self) -> &'static str {
        let Some(worst) = self.open.values().filter_map(|counts| counts.keys().max()).max() else { return "none" };
        // Sources that nobody could name are not one source.
        let many = self
            .open
            .iter()
            .filter(|(source, _)| !matches!(source.as_str(), "unknown" | "others"))
            .any(|(_, counts)| counts.get(worst).is_some_and(|n| *n >= STEP_UP));
        let next = Severity::ALL.iter().find(|severity| *severity > worst);
        if many { next.unwrap_or(worst).word() } else { worst.word() }
    }

    fn advice(&self) -> Vec<Advice> {
        let mut rows: Vec<(&String, &(Severity, u64))> = self.to_do.iter().collect();
        rows.sort_by_key(|(_, (severity, open))| (std::cmp::Reverse(*severity), std::cmp::Reverse(*open)));
        rows.into_iter()
            .filter_map(|(detector, (severity, open))| {
                let card = CARDS.iter().find(|card| card.id == detector)?;
                let text = card.section("What to do")?;
                Some(Advice { detector: detector.clone(), severity: severity.word(), open: *open, text })
            })
            .collect()
    }

    fn finish(self, devices: &[DeviceView], since: Wall, now: Wall) -> Summary {
        let count = |is: &dyn Fn(&&DeviceView) -> bool| devices.iter().filter(is).count() as u64;
        Summary {
            since: since.to_string(),
            until: now.to_string(),
            risk: self.risk(),
            recommendations: self.advice(),
            devices: Devices {
                total: devices.len() as u64,
                here: count(&|d| d.presence.is_here()),
                new: count(&|d| d.first_seen >= since),
                unknown: count(&|d| d.trust == crate::model::Trust::Unknown),
            },
            alerts: self.alerts,
        }
    }
}

fn plain(summary: &Summary) -> String {
    let (alerts, devices) = (&summary.alerts, &summary.devices);
    let mut out = format!(
        "risk {}\n{} since {}, {} open\n{}, {} here, {} new, {} not known\n",
        summary.risk,
        table::count(alerts.total as usize, "alert"),
        summary.since,
        alerts.open,
        table::count(devices.total as usize, "device"),
        devices.here,
        devices.new,
        devices.unknown,
    );
    if alerts.total == 0 {
        return out;
    }
    let worst_first = Severity::ALL.iter().rev().map(|severity| severity.word());
    let severities: Vec<(String, u64)> =
        worst_first.filter_map(|word| Some((word.to_owned(), *alerts.by_severity.get(word)?))).collect();
    let detectors = most_first(alerts.by_detector.iter().map(|(key, n)| (key.clone(), *n)).collect());
    let mut sources = most_first(alerts.by_source.iter().map(|(key, n)| (key.clone(), *n)).collect());
    if sources.len() > SOURCES_SHOWN {
        let rest: u64 = sources.drain(SOURCES_SHOWN..).map(|(_, n)| n).sum();
        sources.push(("others".into(), rest));
    }
    for (title, rows) in [("severity", severities), ("detector", detectors), ("source", sources)] {
        let rows: Vec<(String, u64)> =
            rows.into_iter().map(|(key, n)| (crate::model::clean_text(&key, 60), n)).collect();
        out.push_str(&format!("\nby {title}\n{}", table::pairs(&rows)));
    }
    if !summary.recommendations.is_empty() {
        out.push_str("\nwhat to do\n");
    }
    for advice in &summary.recommendations {
        out.push_str(&format!("  {} ({}): {}\n", advice.detector, advice.severity, advice.text));
    }
    out
}

fn most_first(mut rows: Vec<(String, u64)>) -> Vec<(String, u64)> {
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AlertId, AlertState, Category, Party};

    fn alert(n: u64, severity: Severity, state: AlertState, by: Option<&str>) -> AlertView {
        let id = AlertId::mint(Wall(0), n);
        AlertView {
            incident: id.clone(),
            id,
            sequence: n,
            detector: "arp_spoof".into(),
            key: String::new(),
            category: Category::Spoofing,
            severity,
            confidence: 0.9,
            title: String::new(),
            detail: String::new(),
            recommendation: String::new(),
            attacker: Party::default(),
            attacker_name: by.map(str::to_owned),
            victim: Party::default(),
            victim_name: None,
            technique: vec![],
            first_seen: Wall(0),
            last_seen: Wall(0),
            count: 1,
            state,
            evidence: vec![],
        }
    }

    #[test]
    fn the_risk_is_the_worst_that_is_open_and_told() {
        use AlertState::{Acknowledged, FalseAlarm, New, Observed, Resolved};
        use Severity::{Critical, High, Info, Medium};
        let cases: &[(&[(Severity, AlertState, Option<&str>)], &str)] = &[
            (&[], "none"),
            (&[(Critical, Resolved, Some("a")), (High, Observed, Some("a")), (High, FalseAlarm, None)], "none"),
            (&[(Info, New, Some("a"))], "info"),
            (&[(Info, New, Some("a")), (High, Acknowledged, Some("b"))], "high"),
            (&[(Medium, New, Some("a")), (Medium, New, Some("a")), (Medium, New, Some("b"))], "medium"),
            (&[(Medium, New, Some("a")), (Medium, New, Some("a")), (Medium, New, Some("a"))], "high"),
            (&[(Medium, New, None), (Medium, New, None), (Medium, New, None)], "medium"),
            (&[(Critical, New, Some("a")), (Critical, New, Some("a")), (Critical, New, Some("a"))], "critical"),
        ];
        for (alerts, expected) in cases {
            let mut count = Count::default();
            for (n, (severity, state, by)) in alerts.iter().enumerate() {
                count.add(&alert(n as u64, *severity, *state, *by), str::to_owned);
            }
            assert_eq!(count.risk(), *expected, "{alerts:?}");
        }
    }

    #[test]
    fn a_period_in_numbers() {
        let mut count = Count::default();
        for (n, severity) in [Severity::High, Severity::Low, Severity::Low].into_iter().enumerate() {
            count.add(&alert(n as u64, severity, AlertState::New, (n > 0).then_some("Camera")), str::to_owned);
        }
        let device = DeviceView::blank("d-aaaaaa".parse().unwrap());
        let summary = count.finish(&[device], Wall(0), Wall(604_800_000));
        let card = CARDS.iter().find(|card| card.id == "arp_spoof").unwrap();
        let to_do = card.section("What to do").unwrap();
        assert!(to_do.len() > 20 && !to_do.contains('"'), "{to_do}");
        assert_eq!(
            serde_json::to_string(&summary).unwrap(),
            concat!(
                r#"{"since":"1970-01-01T00:00:00.000Z","until":"1970-01-08T00:00:00.000Z","risk":"high","#,
                r#""alerts":{"total":3,"open":3,"by_severity":{"high":1,"low":2},"by_detector":{"arp_spoof":3},"#,
                r#""by_source":{"Camera":2,"unknown":1}},"devices":{"total":1,"here":0,"new":1,"unknown":1},"#,
                r#""recommendations":[{"detector":"arp_spoof","severity":"high","open":3,"text":""#
            )
            .to_owned()
                + &to_do
                + r#""}]}"#
        );
        let expected = "\
risk high
3 alerts since 1970-01-01T00:00:00.000Z, 3 open
1 device, 0 here, 1 new, 1 not known

by severity
  high  1
  low   2

by detector
  arp_spoof  3

by source
  Camera   2
  unknown  1

what to do
";
        assert_eq!(plain(&summary), format!("{expected}  arp_spoof (high): {to_do}\n"));
    }
}
