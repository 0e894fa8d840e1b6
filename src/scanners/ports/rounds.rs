//! # All visits that are under way
//!
//! Who is visited, whose turn it is, how many connections there are over all, and what is told of what they came to.

use std::{collections::BTreeMap, net::IpAddr, pin::Pin, time::Duration};

use futures_util::stream::FuturesUnordered;

use super::{
    Settings,
    list::{self, Todo, name},
    meet::{self, Place},
    memory::{Key, Memory},
    read::Said,
    visit::{Job, Knocked, Scope, Visit},
};
use crate::{
    model::{Fact, Kind, Look, Mono, Port, Probe, Proof, Subject},
    scanners::{Budget, Desk, ScanError, visits, visits::Host},
};

/// Devices visited at the same time; a slow one holds up the others only if there are so many.
const DEVICES_AT_ONCE: usize = 16;
/// Devices that people asked for and that wait for a place.
const ASKED_MAX: usize = 16;
/// Connections under way over all.
const AT_ONCE: usize = 128;
/// Packets of a handshake besides the SYN, which is paid for before; and of an introduction.
const OPENED: u32 = 2;
const MET: u32 = 7;
/// The full range is told of after so many ports.
const TELL: u32 = 4096;

/// What a connection came to.
pub enum Done {
    Knocked { place: IpAddr, port: Port, how: Knocked, since: Mono },
    Met { place: IpAddr, port: Port, said: Option<Said> },
}

pub type Connection = Pin<Box<dyn Future<Output = Done> + Send>>;

/// One device that is being visited.
pub struct Visited {
    host: Host,
    place: Place,
    todo: Todo,
    visit: Visit,
    /// People wait for it.
    asked: bool,
    told: u32,
}

/// All visits that are under way.
pub struct Rounds {
    memory: Memory,
    pub visits: BTreeMap<IpAddr, Visited>,
    pub under_way: FuturesUnordered<Connection>,
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
    pub fn new(settings: &Settings, desk: &Desk) -> Rounds {
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
    pub fn again(&mut self, desk: &mut Desk) {
        if self.rounds > 0 {
            self.memory.again();
        }
        self.rounds += 1;
        desk.done(std::mem::take(&mut self.answered));
    }

    /// Somebody wants to know of this device, whether it sleeps or not.
    pub fn asked(&mut self, look: &Look) {
        let scope = if look.probe == Probe::AllPorts { Scope::Full } else { Scope::Usual };
        let is_known = self.asked.iter().any(|(host, _, known)| host.ip == look.ip && *known >= scope);
        if is_known || self.asked.len() >= ASKED_MAX {
            return;
        }
        let host = Host { ip: look.ip, mac: look.mac, kind: Kind::Unknown, is_gateway: false };
        self.asked.push((host, Place { ip: look.ip, interface: look.interface }, scope));
    }

    /// Begins visits for which it is time.
    pub async fn begin(&mut self, desk: &mut Desk) -> Result<(), ScanError> {
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
    pub fn go_on(&mut self, desk: &mut Desk) -> Duration {
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
    pub async fn done(&mut self, done: Done, desk: &mut Desk) -> Result<bool, ScanError> {
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
