//! # SNMP
//!
//! ## What it finds
//! What routers, switches, access points, printers and network disks say of themselves: name, description, place,
//! maker, model and serial number. Of switches also who hangs on which port (`label.port` of a device), by their
//! forwarding tables and LLDP neighbours; of routers the addresses of devices whose address is not known yet, and the
//! hosts of other networks behind them, with the hardware addresses that the router has of them.
//! Stations of an access point are in no standard table, only in those of makers: they are not read.
//! ## What it sends
//! One question (get) to each such device that was heard within the last minute and a half. As long as a device
//! has not answered to the usual `public`, it gets a single packet an hour, in turn by version 2c and 1. Devices
//! under `targets`, and accounts of yours, are tried more patiently: each account each round, and each question to
//! a target twice. Of whoever answers, the tables are read as well, with as many questions (get-bulk, get-next) as
//! they need. Nothing is ever written. Of a router also one echo request to each host of another network in its tables
//! that it is not sure of.
//! ## What it needs
//! An agent that answers: many printers and switches do, home routers seldom, and most want it switched on first.
//! Version 3 with a user and passwords keeps what is said from others on the wire; communities are read by
//! everybody there.
//! ## How it decides
//! Only an answer from the address asked, with the number of the question, counts; with version 3 also only if the
//! signature fits. It is a sign of life of the agent, not of those in its tables: they are old knowledge. The one
//! exception are hosts of networks that this machine is not attached to, and only those that the router calls reachable
//! at this moment (RFC 4293 ipNetToPhysicalState), or that answer an echo request. A
//! port tells nothing of devices behind a switch, an access point or a router, nor if more than eight were heard
//! there; of several switches the one with the fewest devices on the port is the nearest.
//! ## What fools it
//! A device that lies about itself, or a switch about others. An agent that answers from another of its addresses
//! is not heard. A device that was unplugged keeps its last port.
//!
//! Holds: conversations with [`AT_ONCE`] hosts at a time, each for ten seconds at most; what worked at
//! [`KNOWN_MAX`] addresses.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::{Desk, ScanError, Work, page::page, visits::Host};
use crate::{
    model::{
        Capped, Card, Fact, Health, Kind, KindGroup, Mono, NetworkFacts, Probe, Proof, Secret, Source, Span, Subject,
    },
    wire::snmp::{PORT, usm::Complaint},
};

mod account;
mod behind;
mod system;
mod tables;
mod talk;
mod wiring;

use account::{Account, Accounts};
pub use account::{AuthWord, PrivacyWord, Target, User};
use system::System;
use tables::Tables;
use talk::{Failed, Pace, Talk};
use wiring::Wiring;

pub(super) static CARD: Card = Card { id: "snmp", title: "SNMP", needs: None, page: page!("snmp.rs") };
pub(super) const SOURCE: Source = Source::Snmp;
pub(super) const PROBES: &[Probe] = &[];

/// Hosts talked to at the same time.
const AT_ONCE: usize = 4;
const KNOWN_MAX: usize = 1024;
/// A device that has not answered, and that nobody asked for, is left alone for so long.
const QUIET: Duration = Duration::from_secs(3600);
/// In a single scan: who is a printer or a switch shows when others have told of it.
const KINDS: Duration = Duration::from_secs(6);
/// Faults that health names; the others are counted.
const TOLD_MAX: usize = 3;

/// `scanners.snmp`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// How often a device that answers is asked again. Newcomers are asked at once.
    pub interval: Span,
    /// Whether `public` is tried, the community that agents have until somebody changes it.
    pub public: bool,
    /// Further communities to try, with versions 2c and 1.
    pub communities: Vec<Secret>,
    /// Users of version 3, tried before any community.
    pub users: Vec<User>,
    /// Devices to ask whatever they seem to be, on whichever network.
    pub targets: Vec<Target>,
    /// `true`: every device of this machine's networks is asked, not only those of which answers are likely.
    pub everyone: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            enabled: true,
            interval: Span::minutes(10),
            public: true,
            communities: Vec::new(),
            users: Vec::new(),
            targets: Vec::new(),
            everyone: false,
        }
    }
}

impl Settings {
    /// Nobody asked for more than a polite try.
    fn is_usual(&self) -> bool {
        self.users.is_empty() && self.communities.is_empty()
    }
}

pub(super) async fn run(settings: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let mut visits = desk.visits();
    let everyone = settings.everyone;
    visits.only(move |host| everyone || is_likely(host));
    let pace = Pace { clock: desk.clock(), budget: desk.budget() };
    let mut state = State {
        accounts: Arc::default(),
        known: Capped::new(KNOWN_MAX),
        wiring: Wiring::new(),
        troubles: BTreeMap::new(),
        seen: 0,
    };
    let mut waiting: Vec<(IpAddr, bool)> = Vec::new();
    let mut talks: JoinSet<Told> = JoinSet::new();
    loop {
        while let Some(who) = waiting.pop_if(|_| talks.len() < AT_ONCE) {
            state.begin(who, &settings, (&pace, desk.network()), &mut talks);
        }
        let has_room = talks.len() < AT_ONCE;
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                // A single scan hears out whoever is being talked to.
                None => {
                    while desk.is_single() && desk.is_running() && let Some(told) = talks.join_next().await {
                        let Ok(told) = told else { continue };
                        state.take(told, &mut desk).await?;
                    }
                    return Ok(());
                }
                Some(Work::Round) => {
                    state.accounts = accounts(&settings).await;
                    waiting = settings.targets.iter().map(|target| (target.address, true)).collect();
                    visits.again();
                    desk.health(state.health());
                    desk.stay(KINDS);
                    desk.done(std::mem::take(&mut state.seen));
                }
                Some(Work::Look(_)) => {}
            },
            Some(told) = talks.join_next(), if !talks.is_empty() => {
                // A conversation that broke off told nothing.
                let Ok(told) = told else { continue };
                state.take(told, &mut desk).await?;
            }
            host = visits.next(), if has_room => {
                if !settings.targets.iter().any(|target| target.address == host.ip) {
                    let is_network = host.is_gateway || host.kind.group() == KindGroup::Network;
                    state.begin((host.ip, is_network), &settings, (&pace, desk.network()), &mut talks);
                }
            }
        }
    }
}

/// Of which an answer is likely, so that it is worth a packet.
fn is_likely(host: &Host) -> bool {
    host.is_gateway
        || host.kind.group() == KindGroup::Network
        || matches!(host.kind, Kind::Printer | Kind::Scanner | Kind::Nas | Kind::Server | Kind::Ups)
}

/// Files and hashing wait elsewhere.
async fn accounts(settings: &Settings) -> Arc<Accounts> {
    let settings = settings.clone();
    Arc::new(tokio::task::spawn_blocking(move || Accounts::read(&settings)).await.unwrap_or_default())
}

/// What is remembered of an address.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// Which account it answered to, by its place in the list.
    works: Option<usize>,
    visits: usize,
    tried: Option<Mono>,
}

struct State {
    accounts: Arc<Accounts>,
    known: Capped<IpAddr, Known>,
    wiring: Wiring,
    /// What is wrong with whom, said by health.
    troubles: BTreeMap<IpAddr, String>,
    seen: u64,
}

/// What came of a conversation.
struct Told {
    ip: IpAddr,
    is_target: bool,
    /// Somebody asked for it to be asked: a target, or an account of theirs.
    is_wanted: bool,
    /// Which account, and what it gave.
    result: Result<Heard, (String, Failed)>,
}

/// What an agent told.
struct Heard {
    /// Which account it answered to.
    works: usize,
    system: System,
    tables: Tables,
    /// Those in them that are there now, by its own word or by an echo.
    there: BTreeSet<IpAddr>,
    /// Answers that were against the rules.
    faults: u64,
}

impl State {
    /// Starts a conversation.
    fn begin(
        &mut self,
        (ip, is_network): (IpAddr, bool),
        settings: &Settings,
        (pace, network): (&Pace, Arc<NetworkFacts>),
        talks: &mut JoinSet<Told>,
    ) {
        let is_target = settings.targets.iter().any(|target| target.address == ip);
        let mut tries: Vec<(usize, Account)> = self.accounts.of(ip).into_iter().enumerate().collect();
        let known = self.known.get(&ip).copied().unwrap_or_default();
        let (now, is_wanted) = ((pace.clock)().mono, is_target || !settings.is_usual());
        let is_quiet = known.works.is_none() && known.tried.is_some_and(|at| now.since(at) < QUIET);
        if is_quiet && !is_wanted {
            return;
        }
        self.known.insert(ip, Known { visits: known.visits.wrapping_add(1), tried: Some(now), ..known });
        match known.works {
            Some(works) => tries.retain(|(place, _)| *place == works),
            // Nobody asked for it: a packet, not a dictionary.
            None if !is_wanted && !tries.is_empty() => {
                let turn = known.visits % tries.len();
                tries.rotate_left(turn);
                tries.truncate(1);
            }
            None => {}
        }
        let patience = if is_target || known.works.is_some() { 2 } else { 1 };
        let pace = pace.clone();
        talks.spawn(async move {
            let result = visit(ip, tries, (patience, is_network), &pace, &network).await;
            Told { ip, is_target, is_wanted, result }
        });
    }

    async fn take(&mut self, told: Told, desk: &mut Desk) -> Result<(), ScanError> {
        let Told { ip, is_target, is_wanted, result } = told;
        match result {
            Ok(Heard { works, system, tables, there, faults }) => {
                self.seen += 1;
                if faults > 0 {
                    tracing::debug!(%ip, faults, "answers against the rules of SNMP");
                }
                self.troubles.remove(&ip);
                if let Some(known) = self.known.get_mut(&ip) {
                    known.works = Some(works);
                }
                let subject = Subject::ip(ip);
                desk.report(None, subject, Fact::Alive { proof: Proof::Frame, age: Duration::ZERO }).await?;
                for fact in system.facts() {
                    desk.report(None, subject, fact).await?;
                }
                let home = desk.home();
                let name = system.name.as_deref().map_or_else(|| ip.to_string(), system::host);
                let ports = self.wiring.take(ip, tables.ports(&name), &home);
                let (neighbours, network) = (tables.neighbours(), desk.network());
                let addresses = wiring::addresses(&neighbours, &home, &network);
                let beyond = wiring::beyond(&neighbours, &there, &home, &network);
                for (subject, fact) in ports.into_iter().chain(addresses).chain(beyond) {
                    desk.report(None, subject, fact).await?;
                }
            }
            Err((who, failed)) => {
                self.wiring.forget(ip);
                // Next time all accounts again: somebody may have changed one.
                let worked = self.known.get_mut(&ip).is_some_and(|known| known.works.take().is_some());
                match trouble(&who, failed).filter(|_| is_wanted) {
                    Some(why) => drop(self.troubles.insert(ip, why)),
                    None if is_target && !worked => {
                        let why = "does not answer: no agent there, or not to this account".to_owned();
                        self.troubles.insert(ip, why);
                    }
                    None => drop(self.troubles.remove(&ip)),
                }
            }
        }
        desk.health(self.health());
        Ok(())
    }

    fn health(&self) -> Health {
        let faults = self.accounts.faults.iter().cloned();
        let troubles = self.troubles.iter().map(|(ip, why)| format!("{ip} {why}"));
        let all: Vec<String> = faults.chain(troubles).collect();
        if all.is_empty() {
            return Health::Up;
        }
        let more = all.len().saturating_sub(TOLD_MAX);
        let mut why = all.iter().take(TOLD_MAX).cloned().collect::<Vec<_>>().join("; ");
        if more > 0 {
            why = format!("{why}; and {more} more");
        }
        Health::Degraded { why, advice: Some("correct scanners.snmp, or the account at the device".to_owned()) }
    }
}

/// What a person can mend; silence of a device nobody named is no trouble.
fn trouble(who: &str, failed: Failed) -> Option<String> {
    let why = match failed {
        Failed::Complaint(Complaint::User) => format!("does not know {who}"),
        Failed::Complaint(Complaint::Digest) => {
            format!("does not take the auth password of {who}, or its auth is another one")
        }
        Failed::Complaint(Complaint::Cipher) => {
            format!("does not take the privacy password of {who}, or its privacy is another one")
        }
        Failed::Complaint(Complaint::Level) => format!("does not let {who} ask at this level of security"),
        Failed::Complaint(Complaint::Time) => format!("has a clock that does not fit its own answers, asked by {who}"),
        Failed::Complaint(Complaint::Engine | Complaint::Other) => format!("refuses {who}"),
        Failed::Mute => format!("does not answer to {who}: as a rule the privacy password, or privacy, is another one"),
        Failed::Refused => format!("refuses {who}: its rights there are too few, or the level of security is too low"),
        Failed::Silent | Failed::Closed | Failed::Own => return None,
    };
    Some(why)
}

/// Asks by each account until one is answered.
async fn visit(
    ip: IpAddr,
    tries: Vec<(usize, Account)>,
    (patience, is_network): (u32, bool),
    pace: &Pace,
    network: &NetworkFacts,
) -> Result<Heard, (String, Failed)> {
    let mut worst = (String::new(), Failed::Silent);
    for (place, account) in tries {
        let who = format!("{account:?}");
        let result = async {
            let mut talk = Talk::begin(SocketAddr::new(ip, PORT), account, pace.clone(), patience).await?;
            let system = System::read(&talk.get(&system::names()).await?);
            // It answers: now it may take a second try.
            talk.be_patient();
            let knows_others = is_network || system.bridges || system.routes || system.lldp;
            let tables = if knows_others { Tables::ask(&mut talk).await } else { Tables::default() };
            let mut there = tables.reachable();
            let unsure = wiring::unsure(&tables.neighbours(), &there, network);
            there.extend(behind::answers(&unsure, pace).await);
            Ok(Heard { works: place, system, tables, there, faults: talk.faults })
        };
        match result.await {
            Ok(told) => return Ok(told),
            // Nobody is there by another account either.
            Err(Failed::Closed) => return Err((who, Failed::Closed)),
            Err(failed) if trouble(&who, failed).is_some() || worst.0.is_empty() => worst = (who, failed),
            Err(_) => {}
        }
    }
    Err(worst)
}
