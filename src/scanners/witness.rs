//! # Access points that others control
//!
//! One way to ask all makers' controllers, one shape of answer, one set of rules: who sent something since the last
//! look lives; of who is merely listed just that is told; who is on no list any more for half a minute has left; and a
//! controller that does not answer, or suddenly lists less than half, says nothing of anybody.

use std::{future::Future, path::Path, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{task::JoinSet, time::sleep};

use super::{Desk, ScanError, Work, controller::Trouble, hostapd::stations::Leaving};
use crate::{
    model::{Capped, Fact, Goodbye, Health, Heard, MacAddr, Mono, Subject},
    wire::station_list::{Listed, Point},
};

mod roll;

use roll::Roll;

/// Controllers of one maker.
pub const CONTROLLERS_MAX: usize = 16;
/// Devices of which a name or an address was told, so that it is not told with every look.
const TOLD_MAX: usize = 1024;
/// Between two tries after a fault: doubles up to the last; at once the last where only a person can mend it.
const PAUSE_FIRST: Duration = Duration::from_secs(15);
const PAUSE_LAST: Duration = Duration::from_secs(600);

/// What one controller gave.
#[derive(Debug, Default)]
pub struct Answer {
    pub points: Vec<Point>,
    /// Devices of which it knows a name or an address, here or not.
    pub known: Vec<Listed>,
}

/// One controller.
pub trait Witness: Send + 'static {
    /// Host and port, for people.
    fn shown(&self) -> String;
    fn ask(&mut self) -> impl Future<Output = Result<Answer, Trouble>> + Send;
}

type Asked<W> = BoxFuture<'static, (usize, W, Result<Answer, Trouble>)>;

/// A controller and what is remembered of it.
struct Kept<W> {
    /// Away while it is being asked.
    witness: Option<W>,
    shown: String,
    roll: Roll,
    faults: u32,
    next: Mono,
    trouble: Option<Trouble>,
    seen: u64,
}

impl<W> Kept<W> {
    fn failed(&mut self, trouble: Trouble, now: Mono) {
        let pause = if trouble.is_lasting { PAUSE_LAST } else { PAUSE_FIRST * 2_u32.pow(self.faults.min(6)) };
        self.faults = self.faults.saturating_add(1);
        self.next = now + pause.min(PAUSE_LAST);
        self.trouble = Some(trouble);
        self.roll.missed();
    }
}

/// Asks them all, round after round, until the end.
pub async fn keep<W: Witness>(witnesses: Vec<W>, mut desk: Desk) -> Result<(), ScanError> {
    let kept = witnesses.into_iter().take(CONTROLLERS_MAX).map(|witness| Kept {
        shown: witness.shown(),
        witness: Some(witness),
        roll: Roll::default(),
        faults: 0,
        next: Mono(0),
        trouble: None,
        seen: 0,
    });
    let mut all = All { kept: kept.collect(), leaving: Leaving::default(), told: Capped::new(TOLD_MAX) };
    let mut talks: JoinSet<(usize, W, Result<Answer, Trouble>)> = JoinSet::new();
    loop {
        let now = desk.now().mono;
        let due = all.leaving.due().map(|due| due.since(now));
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                // A single scan hears out whoever is being asked.
                None => {
                    while desk.is_single() && desk.is_running() && let Some(answer) = talks.join_next().await {
                        let Ok((n, witness, answer)) = answer else { continue };
                        all.take(n, witness, answer, &mut desk).await?;
                    }
                    return Ok(());
                }
                Some(Work::Round) if all.kept.is_empty() => {
                    desk.health(Health::Off);
                    desk.done(0);
                }
                Some(Work::Round) => {
                    for ask in all.begin(now) {
                        desk.charge(1);
                        talks.spawn(ask);
                    }
                }
                Some(Work::Look(_)) => {}
            },
            Some(answer) = talks.join_next(), if !talks.is_empty() => {
                let Ok((n, witness, answer)) = answer else { continue };
                all.take(n, witness, answer, &mut desk).await?;
            }
            () = sleep(due.unwrap_or_default()), if due.is_some() => all.leave(&mut desk).await?,
        }
    }
}

struct All<W> {
    kept: Vec<Kept<W>>,
    leaving: Leaving,
    told: Capped<MacAddr, (Option<std::net::IpAddr>, Option<String>)>,
}

impl<W: Witness> All<W> {
    fn begin(&mut self, now: Mono) -> Vec<Asked<W>> {
        let due = self.kept.iter_mut().enumerate().filter(|(_, kept)| kept.next <= now);
        let each = due.filter_map(|(n, kept)| {
            let mut witness = kept.witness.take()?;
            let ask: Asked<W> = Box::pin(async move {
                let answer = witness.ask().await;
                (n, witness, answer)
            });
            Some(ask)
        });
        each.collect()
    }

    async fn take(
        &mut self,
        n: usize,
        witness: W,
        answer: Result<Answer, Trouble>,
        desk: &mut Desk,
    ) -> Result<(), ScanError> {
        let now = desk.now().mono;
        let Some(kept) = self.kept.get_mut(n) else { return Ok(()) };
        kept.witness = Some(witness);
        let answer = match answer {
            Ok(answer) => answer,
            Err(trouble) => {
                kept.failed(trouble, now);
                self.say(desk, false);
                return Ok(());
            }
        };
        (kept.faults, kept.trouble, kept.next) = (0, None, Mono(0));
        let look = kept.roll.look(&answer.points, now);
        kept.seen = answer.points.iter().map(|point| point.listed.len() as u64).sum();
        if look.is_shrunk {
            let why = format!(
                "{} suddenly lists {} instead of {}: it may just have started",
                kept.shown, kept.seen, look.before
            );
            kept.trouble =
                Some(Trouble { why, advice: "nothing, if it is back in some minutes".into(), is_lasting: false });
        }
        for (mac, point, before) in look.gone {
            self.leaving.leaves(mac, Path::new(&point), before, now);
        }
        let mut alive = Vec::new();
        for (mac, fact) in look.facts {
            if matches!(fact, Fact::Alive { .. }) {
                self.leaving.back(mac);
                alive.push(mac);
            }
            desk.report(None, Subject::mac(mac), fact).await?;
        }
        let listed = answer.points.iter().flat_map(|point| &point.listed).chain(&answer.known);
        let listed: Vec<Listed> = listed.filter(|listed| alive.contains(&listed.station.mac)).cloned().collect();
        for listed in listed {
            self.describe(&listed, desk).await?;
        }
        self.say(desk, true);
        Ok(())
    }

    /// Its name and address, once, and of living stations alone: a controller remembers who had an address long ago.
    async fn describe(&mut self, listed: &Listed, desk: &mut Desk) -> Result<(), ScanError> {
        let mac = listed.station.mac;
        let (mut ip, mut host) = self.told.get(&mac).cloned().unwrap_or_default();
        if let Some(now) = listed.ip.filter(|now| ip != Some(*now)) {
            desk.report(None, Subject::mac(mac), Fact::Address(now)).await?;
            ip = Some(now);
        }
        if let Some(now) = listed.host.clone().filter(|now| host.as_ref() != Some(now)) {
            // What DHCP was told, or somebody typed there: the controller does not say which.
            desk.report(None, Subject::mac(mac), Fact::Named { name: now.clone(), by: Heard::Dns }).await?;
            host = Some(now);
        }
        self.told.insert(mac, (ip, host));
        Ok(())
    }

    /// Those who were on no list for long enough.
    async fn leave(&mut self, desk: &mut Desk) -> Result<(), ScanError> {
        for mac in self.leaving.left(desk.now().mono) {
            // A controller that does not answer may be the one that serves it now.
            let is_served = self.kept.iter().any(|kept| kept.roll.has(mac) || kept.trouble.is_some());
            if !is_served {
                desk.report(None, Subject::mac(mac), Fact::Gone(Goodbye::ApLeft)).await?;
            }
        }
        Ok(())
    }

    /// `is_answered`: one of them did just now.
    fn say(&self, desk: &mut Desk, is_answered: bool) {
        let troubles: Vec<&Trouble> = self.kept.iter().filter_map(|kept| kept.trouble.as_ref()).collect();
        let why = troubles.iter().map(|trouble| trouble.why.as_str()).collect::<Vec<_>>().join("; ");
        let advice = troubles.first().map(|trouble| trouble.advice.clone());
        desk.health(match troubles.len() {
            0 => Health::Up,
            n if n == self.kept.len() => Health::Down { why, advice },
            _ => Health::Degraded { why, advice },
        });
        if is_answered {
            desk.done(self.kept.iter().map(|kept| kept.seen).sum());
        }
    }
}
