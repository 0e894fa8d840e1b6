//! # LLMNR
//!
//! ## What it finds
//! Names of hosts that nothing else names: Windows and Linux computers answer, and little firmware besides.
//! ## What it sends
//! One multicast question (RFC 4795, type PTR) for the address of a device that was heard within the last minute
//! and a half and still has no host name some seconds later; once an hour by default. Where everybody has a name,
//! nothing.
//! ## What it needs
//! No rights, but multicast must reach this host.
//! ## How it decides
//! Only an answer from the address asked about, to the question asked, counts, and none that the answerer itself
//! calls uncertain. It is a sign of life as well.
//! ## What fools it
//! A device that lies about its name. Nobody can answer for another.
//!
//! Holds: [`ASKED_MAX`] open questions and as many devices that wait for another source to name them.

use std::{collections::VecDeque, net::IpAddr, time::Duration};

use super::{
    Desk, ScanError, Work,
    groups::{self, Group, Said},
    page::page,
    timed::timed,
    visits::{Host, Visits},
};
use crate::{
    model::{Capped, Card, Fact, Heard, Mono, Probe, Proof, Source, Span, Subject, clean_text},
    wire::llmnr,
};

pub(super) static CARD: Card = Card { id: "llmnr", title: "LLMNR", needs: None, page: page!("llmnr.rs") };
pub(super) const SOURCE: Source = Source::Llmnr;
pub(super) const PROBES: &[Probe] = &[];

const ASKED_MAX: usize = 1024;
/// How long others have to name a device first: name servers answer at once, announcements come within seconds.
const OTHERS_FIRST: Duration = Duration::from_secs(4);
/// Answers come within half a second (JITTER_INTERVAL and LLMNR_TIMEOUT, RFC 4795 §7).
const ANSWERS: Duration = Duration::from_secs(2);

timed! {
    /// `scanners.llmnr`.
    Settings
    /// How often a device without a name is asked again. Newcomers are asked at once.
    interval: Span::minutes(60)
}

pub(super) async fn run(_: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let mut group = Group::open(llmnr::GROUP, llmnr::PORT, &desk.network())?;
    let mut state = State { asked: Capped::new(ASKED_MAX), waiting: VecDeque::new(), seen: 0 };
    let mut visits = desk.visits();
    loop {
        let wait = state.waiting.front().map(|(due, _)| due.since(desk.now().mono));
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Round) => {
                    let voices = group.renew(&desk.network());
                    desk.health(groups::health(voices));
                    visits.again();
                    desk.stay(OTHERS_FIRST + ANSWERS);
                    desk.done(std::mem::take(&mut state.seen));
                }
                Some(Work::Look(_)) => {}
            },
            said = group.next() => state.hear(&said, &mut desk).await?,
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {
                if !state.ask(&group, &visits, &mut desk).await? {
                    return Ok(());
                }
            }
            host = visits.next(), if state.waiting.len() < ASKED_MAX => {
                state.waiting.push_back((desk.now().mono + OTHERS_FIRST, host));
                desk.stay(OTHERS_FIRST + ANSWERS);
            }
        }
    }
}

struct State {
    /// The question put about an address.
    asked: Capped<IpAddr, u16>,
    waiting: VecDeque<(Mono, Host)>,
    seen: u64,
}

impl State {
    /// Asks for the next of those that wait. `false`: the run ends.
    async fn ask(&mut self, group: &Group, visits: &Visits, desk: &mut Desk) -> Result<bool, ScanError> {
        let Some((_, host)) = self.waiting.pop_front() else { return Ok(true) };
        if visits.is_named(&host) {
            return Ok(true);
        }
        if !desk.pace(group.voices()).await? {
            return Ok(false);
        }
        let mut id = [0; 2];
        if getrandom::fill(&mut id).is_ok() {
            let id = u16::from_be_bytes(id);
            self.asked.insert(host.ip, id);
            group.say(&llmnr::question(id, host.ip)).await;
            desk.stay(ANSWERS);
        }
        Ok(true)
    }

    async fn hear(&mut self, said: &Said, desk: &mut Desk) -> Result<(), ScanError> {
        let ip = said.from.ip();
        if !said.is_answer || said.from.port() != llmnr::PORT {
            return Ok(());
        }
        let Some(id) = self.asked.get(&ip).copied() else { return Ok(()) };
        let Some(host) = llmnr::answer(&said.bytes, id, ip) else { return Ok(()) };
        self.asked.remove(&ip);
        self.seen += 1;
        let alive = Fact::Alive { proof: Proof::Frame, age: Duration::ZERO };
        desk.report(said.interface, Subject::ip(ip), alive).await?;
        let name = clean_text(&String::from_utf8_lossy(host), 63);
        if !name.is_empty() {
            desk.report(said.interface, Subject::ip(ip), Fact::Named { name, by: Heard::Llmnr }).await?;
        }
        Ok(())
    }
}
