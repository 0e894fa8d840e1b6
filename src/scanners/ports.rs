//! # Open ports
//!
//! ## What it finds
//! Which of some thirty well-known TCP services a device offers: web pages, file shares, cameras, printers, remote
//! desktops, brokers; on demand, which of all 65,535 ports are open. And how services introduce themselves: the
//! program behind SSH, FTP, Telnet or mail, the title and server of a web page, the names in a certificate.
//! ## What it sends
//! One connection a port to each device that was heard within the last minute and a half and does not sleep: once to a
//! newcomer, again when its address changes, and once a day by default. One more connection to each open port that may
//! be spoken to: SSH and the like are only listened to, web ports get `GET /`, TLS ports a greeting, cameras
//! `OPTIONS`. When a device says by other ways that it offers a service, or is heard to take a connection at a port
//! that gives a kind of device away, that one port is tried. All this takes only what the other scanners leave of the
//! common rate, four connections to a device at a time, up to sixteen to one that answers them. The full range is
//! tried only when somebody asks (`scan --full-ports`, `device ports ID --full`, or `full` here), at a rate of its
//! own, 32 connections at a time; a sleeping device is tried only when somebody asks for that device.
//!
//! **Printers**: not one byte is sent to ports 515, 631 and 9100 to 9107, which print what they are sent; there, an
//! open port is a handshake and a close. A device that has one of them open is spoken to at ports 80 and 443 alone.
//! ## What it needs
//! No rights.
//! ## How it decides
//! A port is open if the handshake is made. One that was open and then refuses twice (it is tried again after a
//! minute) is closed; silence closes it after four days in which other ports of the device answered. A device that answers none
//! of its first ports is left alone. One that takes half of all connections and twenty at least says nothing by that:
//! it is called "answers on everything" and has no services. What was found is kept with its age, through restarts.
//! ## What fools it
//! Firewalls that answer for others, honeypots, and programs that lie about their name.
//!
//! Leaves out: UDP, and half-open probes, which need rights and save two packets.
//!
//! Holds: 16 devices at once, 64 open ports of each, 4,096 devices remembered.

use std::{collections::BTreeMap, net::IpAddr, pin::Pin, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::{Budget, Desk, ScanError, Work, page::page, visits, visits::Host};
use crate::model::{Card, Fact, Health, Kind, Look, Mono, Port, Probe, Proof, Source, Span, Subject};

mod certificate;
mod list;
mod meet;
mod memory;
mod read;
mod visit;

use list::Todo;
pub(super) use list::name;
use meet::Place;
use memory::{Key, Memory};
pub use memory::{Known, known};
use read::Said;
use visit::{Job, Knocked, Scope, Visit};

pub(super) static CARD: Card = Card { id: "ports", title: "Open ports", needs: None, page: page!("ports.rs") };
pub(super) const SOURCE: Source = Source::Ports;
pub(super) const PROBES: &[Probe] = &[Probe::Ports, Probe::AllPorts];

/// Devices visited at the same time; a slow one holds up the others only if there are so many.
const DEVICES_AT_ONCE: usize = 16;
/// Devices that people asked for and that wait for a place.
const ASKED_MAX: usize = 16;
/// Connections under way over all.
const AT_ONCE: usize = 128;
/// Hosts come in groups after a sweep; looking more often than this finds them no sooner.
const REST: Duration = Duration::from_millis(300);
/// The same while somebody waits.
const REST_ONCE: Duration = Duration::from_millis(50);
/// Ages are looked at so often, if nothing else happens.
const AGES: Duration = Duration::from_secs(30);
/// A single scan waits so long for the first device if no sweep runs beside it.
const FIRST: Duration = Duration::from_secs(2);
/// And so long after those who find hosts and services: the picture shows what was found last within it.
const NEXT: Duration = Duration::from_millis(400);
/// And after a visit, for the next that waits for its place.
const VISITED: Duration = Duration::from_millis(100);
/// Packets of a handshake besides the SYN, which is paid for before; and of an introduction.
const OPENED: u32 = 2;
const MET: u32 = 7;
/// The full range is told of after so many ports.
const TELL: u32 = 4096;

/// `scanners.ports`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// How often a device's ports are tried again. Newcomers are tried at once.
    pub interval: Span,
    /// Ask services who they are: first words, web pages, certificates. Printer ports are never sent a byte.
    pub introductions: bool,
    /// Try all 65,535 ports of each device, not only the usual ones.
    pub full: bool,
    /// Ports a second when all are tried.
    #[schemars(range(min = 1, max = 5000))]
    pub rate: u32,
    /// What the store remembers, for a single scan.
    #[serde(skip)]
    pub known: Known,
}

impl Default for Settings {
    fn default() -> Self {
        let interval = Span::days(1);
        Settings { enabled: true, interval, introductions: true, full: false, rate: 500, known: Known::default() }
    }
}

pub(super) async fn run(settings: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let mut home = desk.watch_home();
    let mut rounds = Rounds::new(&settings, &desk);
    let (mut look_around, mut closed) = (desk.now().mono, false);
    desk.health(Health::Up);
    loop {
        let now = desk.now().mono;
        if look_around <= now {
            look_around = now + AGES;
            rounds.begin(&mut desk).await?;
        }
        let mut pause = rounds.go_on(&mut desk).min(look_around.since(now));
        if desk.is_single() && (desk.is_finding() || !rounds.visits.is_empty()) {
            desk.stay(if desk.is_finding() { NEXT } else { VISITED });
            pause = pause.min(VISITED / 2);
        }
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Round) => {
                    rounds.again(&mut desk);
                    desk.stay(if desk.is_finding() { NEXT } else { FIRST });
                    look_around = now;
                }
                Some(Work::Look(look)) => {
                    rounds.asked(&look);
                    look_around = now;
                }
            },
            Some(done) = rounds.under_way.next(), if !rounds.under_way.is_empty() => {
                if rounds.done(done, &mut desk).await? {
                    look_around = desk.now().mono;
                }
            }
            changed = home.changed(), if !closed => {
                closed = changed.is_err();
                look_around = look_around.min(now + if desk.is_single() { REST_ONCE } else { REST });
            }
            () = sleep(pause) => {}
        }
    }
}

/// What a connection came to.
enum Done {
    Knocked { place: IpAddr, port: Port, how: Knocked, since: Mono },
    Met { place: IpAddr, port: Port, said: Option<Said> },
}

type Connection = Pin<Box<dyn Future<Output = Done> + Send>>;

/// One device that is being visited.
struct Visited {
    host: Host,
    place: Place,
    todo: Todo,
    visit: Visit,
    /// People wait for it.
    asked: bool,
    told: u32,
}

/// All visits that are under way.
struct Rounds {
    memory: Memory,
    visits: BTreeMap<IpAddr, Visited>,
    under_way: FuturesUnordered<Connection>,
    asked: Vec<(Host, Place, Scope)>,
    /// The rate of the full range.
    range: Budget,
    introductions: bool,
    rounds: u32,
    answered: u64,
    /// Who was served last, so that all get their turn.
    last: Option<IpAddr>,
}

impl Rounds {
    fn new(settings: &Settings, desk: &Desk) -> Rounds {
        let rate = f64::from(settings.rate.clamp(1, 5000));
        Rounds {
            memory: Memory::new(settings.known.clone(), settings.interval.0, settings.full),
            visits: BTreeMap::new(),
            under_way: FuturesUnordered::new(),
            asked: Vec::new(),
            range: Budget::with(desk.clock(), rate, (rate / 10.0).max(1.0)),
            introductions: settings.introductions,
            rounds: 0,
            answered: 0,
            last: None,
        }
    }

    /// A round: at the start, what is remembered counts; later, somebody wants to know it anew.
    fn again(&mut self, desk: &mut Desk) {
        if self.rounds > 0 {
            self.memory.again();
        }
        self.rounds += 1;
        desk.done(std::mem::take(&mut self.answered));
    }

    /// Somebody wants to know of this device, whether it sleeps or not.
    fn asked(&mut self, look: &Look) {
        let scope = if look.probe == Probe::AllPorts { Scope::Full } else { Scope::Usual };
        let is_known = self.asked.iter().any(|(host, _, known)| host.ip == look.ip && *known >= scope);
        if is_known || self.asked.len() >= ASKED_MAX {
            return;
        }
        let host = Host { ip: look.ip, mac: look.mac, kind: Kind::Unknown, is_gateway: false };
        self.asked.push((host, Place { ip: look.ip, interface: look.interface }, scope));
    }

    /// Begins visits for which it is time.
    async fn begin(&mut self, desk: &mut Desk) -> Result<(), ScanError> {
        let (now, network) = (desk.now(), desk.network());
        let view = desk.home();
        for (host, place, scope) in std::mem::take(&mut self.asked) {
            // One that is being visited is asked when that is over.
            if self.visits.contains_key(&host.ip) || self.visits.len() >= DEVICES_AT_ONCE {
                self.asked.push((host, place, scope));
                continue;
            }
            let open = self.memory.open(Key::of(host.mac, host.ip));
            let todo = if scope == Scope::Full { Todo::full() } else { Todo::usual().and(&open) };
            self.visit(host, place, scope, todo, true);
        }
        for (host, device) in visits::awake(&view, &network, now.wall.0) {
            if self.visits.len() >= DEVICES_AT_ONCE {
                break;
            }
            if self.visits.contains_key(&host.ip) {
                continue;
            }
            if let Some(facts) = self.memory.recalled(&host, now) {
                for fact in facts {
                    desk.report(None, subject(&host), fact).await?;
                }
            } else if let Some((scope, todo)) = self.memory.due(&host, device, now) {
                self.visit(host, Place { ip: host.ip, interface: None }, scope, todo, false);
            }
        }
        Ok(())
    }

    fn visit(&mut self, host: Host, place: Place, scope: Scope, todo: Todo, asked: bool) {
        let open = self.memory.open(Key::of(host.mac, host.ip));
        let visit = Visit::new(scope, todo.clone(), open, host.kind, self.introductions);
        self.visits.insert(host.ip, Visited { host, place, todo, visit, asked, told: 0 });
    }

    /// Opens as many connections as may be; how long to wait before the next.
    fn go_on(&mut self, desk: &mut Desk) -> Duration {
        let mut pause = Duration::MAX;
        loop {
            let mut went = false;
            // In turn, from after the one served last.
            let order: Vec<IpAddr> = {
                let after = self.visits.keys().filter(|ip| self.last.is_none_or(|last| **ip > last));
                let before = self.visits.keys().filter(|ip| self.last.is_some_and(|last| **ip <= last));
                after.chain(before).copied().collect()
            };
            for ip in order {
                if self.under_way.len() >= AT_ONCE {
                    return pause;
                }
                let Some(visited) = self.visits.get_mut(&ip) else { continue };
                if !visited.visit.has_room() {
                    continue;
                }
                let room = match visited.visit.scope {
                    Scope::Full => self.range.turn(1).take().inspect(|()| desk.count(1)),
                    _ if visited.asked => {
                        desk.charge(1);
                        Ok(())
                    }
                    _ => desk.spare(1),
                };
                match room {
                    Ok(()) => {}
                    Err(wait) => {
                        pause = pause.min(wait);
                        continue;
                    }
                }
                self.last = Some(ip);
                went |= self.connect(ip, desk);
            }
            if !went {
                return pause;
            }
        }
    }

    fn connect(&mut self, ip: IpAddr, desk: &Desk) -> bool {
        let Some(visited) = self.visits.get_mut(&ip) else { return false };
        let (place, since) = (visited.place, desk.now().mono);
        let connection: Connection = match visited.visit.next() {
            Some(Job::Knock { port, patience }) => Box::pin(async move {
                Done::Knocked { place: ip, port, how: meet::knock(place, port, patience).await, since }
            }),
            Some(Job::Meet { port, intro }) => {
                Box::pin(async move { Done::Met { place: ip, port, said: meet::meet(place, port, intro).await } })
            }
            None => return false,
        };
        self.under_way.push(connection);
        true
    }

    /// Takes what a connection came to. Whether a place for a visit is free now.
    async fn done(&mut self, done: Done, desk: &mut Desk) -> Result<bool, ScanError> {
        let ip = match &done {
            Done::Knocked { place, .. } | Done::Met { place, .. } => *place,
        };
        let Some(visited) = self.visits.get_mut(&ip) else { return Ok(false) };
        match done {
            Done::Knocked { port, how, since, .. } => {
                if how == Knocked::Open {
                    desk.charge(OPENED);
                }
                if visited.visit.knocked(port, how, desk.now().mono.since(since)) {
                    self.answered += 1;
                    let alive = Fact::Alive { proof: Proof::TcpAnswer, age: Duration::ZERO };
                    desk.report(None, subject(&visited.host), alive).await?;
                }
                for port in visited.visit.found().unwrap_or_default() {
                    // The others may have a better name in a moment.
                    let Some(name) = name(port) else { continue };
                    let service = Fact::Service { tcp: true, port, name: name.to_owned() };
                    desk.report(None, subject(&visited.host), service).await?;
                }
            }
            Done::Met { port, said, .. } => {
                desk.charge(MET);
                visited.visit.met(port, said);
            }
        }
        if visited.visit.scope == Scope::Full && visited.visit.tried >= visited.told + TELL {
            visited.told = visited.visit.tried;
            self.tell(desk);
        }
        let Some(visited) = self.visits.get(&ip).filter(|visited| visited.visit.is_over()) else { return Ok(false) };
        let (scope, host, asked) = (visited.visit.scope, visited.host, visited.asked);
        if scope == Scope::Full || asked {
            tracing::info!(%ip, tried = visited.visit.tried, "ports tried");
        } else {
            tracing::debug!(%ip, tried = visited.visit.tried, "ports tried");
        }
        let Some(Visited { visit, todo, .. }) = self.visits.remove(&ip) else { return Ok(false) };
        let facts = self.memory.learn(&host, scope, &todo, visit.outcome(), desk.now());
        for fact in facts {
            desk.report(None, subject(&host), fact).await?;
        }
        if self.visits.is_empty() {
            desk.done(self.answered);
        }
        Ok(true)
    }

    fn tell(&self, desk: &Desk) {
        let full = self.visits.values().filter(|visited| visited.visit.scope == Scope::Full);
        let (tried, of) = full.fold((0, 0), |(tried, of), visited| (tried + visited.visit.tried, of + list::ALL));
        desk.ports_tried(tried, of);
        tracing::info!(tried, of, devices = self.visits.len(), "trying all ports");
    }
}

fn subject(host: &Host) -> Subject {
    Subject::ip(host.ip)
}
