//! # Neighbour discovery sweep
//!
//! ## What it finds
//! Devices with IPv6, which nearly all have at least a link-local address, without knowing any address: a
//! subnet of 2⁶⁴ cannot be swept, but everybody listens to `ff02::1`.
//! ## What it sends
//! Two frames an interface, prefix and round, every five minutes by default and when a prefix has just come: an echo request to everybody, and one
//! with an option nobody knows, which hosts that answer no echo must complain about (RFC 8200 §4.2); and single
//! neighbour solicitations, by unicast, to devices the core wants to see. A host answers from the prefix it is asked
//! from (RFC 6724 §5), so each of our prefixes shows their addresses there.
//! Where neither frames nor echoes may be sent, it guesses: whoever made an address of its hardware address (RFC 4291
//! appendix A) is asked for by that, once an hour in each of our prefixes, as far as the common rate leaves room.
//! ## What it needs
//! CAP_NET_RAW, or for the echo alone an unprivileged ping socket.
//! ## How it decides
//! Not at all: answers are frames, heard by capture. Without capture, an answer to the echo counts as a sign of life of
//! whom the kernel's neighbour table has at that address; if it has nobody there, one datagram makes the kernel ask.
//! ## What fools it
//! Neighbour proxies and sleep proxies. Access points that do not pass multicast to sleeping stations hide them.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    net::{IpAddr, Ipv6Addr, SocketAddrV6},
    time::Duration,
};

use futures_util::future::select_all;
use tokio::time::sleep;

use super::{
    Desk, ScanError, Work, frames,
    knock::Knocker,
    links::Kernel,
    page::page,
    ping::{Pinger, Reply},
    raw::FrameSender,
    timed::timed,
};
use crate::model::{
    Capped, Card, Fact, Health, InterfaceFacts, InterfaceId, Look, MacAddr, Mono, NetworkFacts, Probe, Proof, Source,
    Span, Subject, Subnet, is_link_local,
};

pub(super) static CARD: Card =
    Card { id: "nd_sweep", title: "Neighbour discovery sweep", needs: Some("CAP_NET_RAW"), page: page!("nd_sweep.rs") };
pub(super) const SOURCE: Source = Source::NdSweep;
pub(super) const PROBES: &[Probe] = &[Probe::Nd];

/// Whose addresses were guessed is remembered of so many, and for so long.
const GUESSED_MAX: usize = 1024;
const GUESSED_FOR: Duration = Duration::from_secs(3600);
/// Solicitations for an address that nobody has (RFC 4861 §10, MAX_MULTICAST_SOLICIT).
const GUESS_PACKETS: u32 = 3;
/// A single scan asks everybody twice: whoever has just come up has its addresses a few seconds later (RFC 4862 §5.4).
const AGAIN: Duration = Duration::from_secs(3);
/// Hosts answer a question to all within a second or so (RFC 4443 §4.2 leaves it to them).
const ANSWERS: Duration = Duration::from_millis(1_500);
/// Between two readings of the neighbour table.
const TABLE_REST: Duration = Duration::from_millis(50);

timed! {
    /// `scanners.nd_sweep`.
    Settings
    /// How often everybody is asked at once.
    interval: Span::minutes(5)
}

pub(super) async fn run(_: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let mut sweep = Sweep {
        senders: BTreeMap::new(),
        pingers: BTreeMap::new(),
        kernel: None,
        table: BTreeMap::new(),
        read: None,
        guesses: false,
        guessed: Capped::new(GUESSED_MAX),
        knocker: None,
        asked: BTreeSet::new(),
        sequence: 0,
        heard: 0,
    };
    let (mut home, mut closed) = (desk.watch_home(), false);
    let (mut network, mut last) = (desk.watch_network(), false);
    // Of a single scan: when everybody is asked once more.
    let mut again: Option<Mono> = None;
    loop {
        let late = again.map_or(Duration::MAX, |again| again.since(desk.now().mono));
        let answer = async {
            if sweep.pingers.is_empty() {
                return std::future::pending().await;
            }
            let each = sweep.pingers.iter().map(|((id, _), pinger)| {
                Box::pin(async move {
                    let reply = pinger.next().await;
                    (*id, reply)
                })
            });
            select_all(each).await.0
        };
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Round) => {
                    sweep.round(&mut desk).await?;
                    if desk.is_single() {
                        again = Some(desk.now().mono + AGAIN);
                        desk.stay(AGAIN + ANSWERS);
                    }
                }
                Some(Work::Look(look)) => sweep.look(look, &mut desk).await?,
            },
            changed = home.changed(), if sweep.guesses && !closed => {
                closed = changed.is_err();
                sweep.guess(&mut desk).await?;
            }
            changed = network.changed(), if !last => {
                last = changed.is_err();
                if sweep.ask(&mut desk).await?.is_some() {
                    desk.stay(ANSWERS);
                }
            }
            () = sleep(late), if again.is_some() => {
                again = None;
                sweep.asked.clear();
                sweep.ask(&mut desk).await?;
            }
            (interface, reply) = answer => sweep.answered(interface, reply, &mut desk).await?,
        }
    }
}

struct Sweep {
    senders: BTreeMap<InterfaceId, FrameSender>,
    /// By interface and own address there.
    pingers: BTreeMap<(InterfaceId, Ipv6Addr), Pinger>,
    kernel: Option<Kernel>,
    /// The kernel's neighbour table of this round, and when it was read.
    table: BTreeMap<(InterfaceId, IpAddr), MacAddr>,
    read: Option<Mono>,
    /// No echo is allowed.
    guesses: bool,
    /// When the addresses of whom were guessed.
    guessed: Capped<MacAddr, Mono>,
    knocker: Option<Knocker>,
    /// From which of our addresses everybody was asked since the round began.
    asked: BTreeSet<(InterfaceId, Ipv6Addr)>,
    sequence: u16,
    heard: u64,
}

impl Sweep {
    async fn round(&mut self, desk: &mut Desk) -> Result<(), ScanError> {
        let facts = desk.network();
        self.senders.retain(|id, _| facts.interface(*id).is_some_and(|interface| interface.up));
        self.pingers.retain(|(id, _), _| facts.interface(*id).is_some_and(|interface| interface.up));
        self.guesses = false;
        (self.table, self.read) = (BTreeMap::new(), None);
        self.asked.clear();
        let health = self.ask(desk).await?;
        desk.health(health.unwrap_or(Health::Up));
        desk.done(std::mem::take(&mut self.heard));
        Ok(())
    }

    /// Asks everybody from each address of ours from which they were not asked yet: a prefix that has just come shows who
    /// is there at once. `None`: there is none.
    async fn ask(&mut self, desk: &mut Desk) -> Result<Option<Health>, ScanError> {
        let facts = desk.network();
        self.sequence = self.sequence.wrapping_add(1);
        let mut health = None;
        for interface in facts.interfaces.iter().filter(|i| i.up && !i.only_listens()) {
            let Some(mac) = interface.mac else { continue };
            let sources = sources(interface);
            let fresh: Vec<Ipv6Addr> =
                sources.iter().copied().filter(|own| !self.asked.contains(&(interface.id, *own))).collect();
            if fresh.is_empty() {
                continue;
            }
            if !desk.pace(2 * fresh.len() as u32).await? {
                return Ok(health);
            }
            self.asked.extend(fresh.iter().map(|own| (interface.id, *own)));
            let (id, sequence) = (interface.id.0 as u16, self.sequence);
            if desk.is_heard()
                && let Ok(sender) = self.sender(interface)
            {
                let frames = fresh.iter().flat_map(|own| {
                    [frames::echo_all((mac, *own), id, sequence), frames::unknown_option_all((mac, *own), id, sequence)]
                });
                for frame in frames {
                    if sender.send(&frame).await.is_err() {
                        self.senders.remove(&interface.id);
                        break;
                    }
                }
                health.get_or_insert(Health::Up);
                continue;
            }
            health = Some(self.by_ping(interface, &sources).await);
        }
        Ok(health)
    }

    /// One echo to everybody from each of `sources`. An address or an interface that just went answers next time.
    async fn by_ping(&mut self, interface: &InterfaceFacts, sources: &[Ipv6Addr]) -> Health {
        self.pingers.retain(|(id, own), _| *id != interface.id || sources.contains(own));
        let (mut health, mut is_any) = (Health::Up, false);
        for own in sources {
            let pinger = match self.pingers.entry((interface.id, *own)) {
                Entry::Occupied(open) => open.into_mut(),
                Entry::Vacant(room) => {
                    let scope = if own.is_unicast_link_local() { interface.id.0 } else { 0 };
                    match Pinger::open_at(true, Some(SocketAddrV6::new(*own, 0, 0, scope).into())) {
                        Ok(pinger) => room.insert(pinger),
                        Err(error) => {
                            let advice = error.advice().map(str::to_owned);
                            health = Health::Degraded { why: error.to_string(), advice };
                            continue;
                        }
                    }
                }
            };
            is_any = true;
            drop(pinger.send(frames::ALL_NODES.into(), interface.id.0, self.sequence).await);
        }
        self.guesses |= !is_any;
        if is_any { Health::Up } else { health }
    }

    /// Asks for the addresses that devices would have if they made them of their hardware addresses.
    async fn guess(&mut self, desk: &mut Desk) -> Result<(), ScanError> {
        let (view, facts, now) = (desk.home(), desk.network(), desk.now().mono);
        for device in view.devices.values().filter(|device| !device.is_own) {
            for mac in device.macs.iter().filter(|mac| !mac.is_local()) {
                if self.guessed.get(mac).is_some_and(|then| now.since(*then) < GUESSED_FOR) {
                    continue;
                }
                let wanted = guesses(&facts, *mac);
                if desk.spare(GUESS_PACKETS * wanted.len() as u32).is_err() {
                    // The rest when something changes next.
                    return Ok(());
                }
                self.guessed.insert(*mac, now);
                for (interface, ip) in wanted {
                    self.knock(ip.into(), interface).await?;
                }
            }
        }
        Ok(())
    }

    /// An answer says which address lives, the kernel's table whose it is.
    async fn answered(&mut self, interface: InterfaceId, reply: Reply, desk: &mut Desk) -> Result<(), ScanError> {
        self.heard += 1;
        let whose = self.whose(interface, reply.from, desk.now().mono).await?;
        // Whoever asked for our address before it answered stands in the table already.
        let subject = whose.map_or(Subject::ip(reply.from), |mac| Subject::both(mac, reply.from));
        let fact = Fact::Alive { proof: Proof::IcmpReply, age: Duration::ZERO };
        desk.report(Some(interface), subject, fact).await?;
        let is_known = whose.is_some() || desk.home().devices.values().any(|view| view.addresses.contains(&reply.from));
        if !is_known && desk.spare(1).is_ok() {
            self.knock(reply.from, interface).await?;
        }
        Ok(())
    }

    /// By the neighbour table, which is read again for whom it did not have, and not for each of a hundred answers.
    async fn whose(&mut self, interface: InterfaceId, ip: IpAddr, now: Mono) -> Result<Option<MacAddr>, ScanError> {
        let known = self.table.get(&(interface, ip)).copied();
        if known.is_some() || self.read.is_some_and(|read| now.since(read) < TABLE_REST) {
            return Ok(known);
        }
        if self.kernel.is_none() {
            self.kernel = Some(Kernel::open()?);
        }
        if let Some(kernel) = &self.kernel {
            (self.table, self.read) = (kernel.neighbours_v6().await?, Some(now));
        }
        Ok(self.table.get(&(interface, ip)).copied())
    }

    /// Makes the kernel ask whose `ip` is; netlink tells what comes of it.
    async fn knock(&mut self, ip: IpAddr, interface: InterfaceId) -> Result<(), ScanError> {
        if self.knocker.is_none() {
            self.knocker = Some(Knocker::open().await?);
        }
        if let Some(knocker) = &mut self.knocker {
            knocker.knock(ip, interface).await;
        }
        Ok(())
    }

    async fn look(&mut self, look: Look, desk: &mut Desk) -> Result<(), ScanError> {
        let facts = desk.network();
        let Some((interface, target)) = place(&facts, &look) else { return Ok(()) };
        if desk.is_heard()
            && let (Some((mac, own)), Ok(sender)) = (own(interface), self.sender(interface))
        {
            match sender.send(&frames::neighbour_solicitation((mac, own), look.mac, target)).await {
                Ok(()) => desk.asked(look),
                Err(_) => drop(self.senders.remove(&interface.id)),
            }
            return Ok(());
        }
        self.knock(target.into(), interface.id).await
    }

    fn sender(&mut self, interface: &InterfaceFacts) -> Result<&FrameSender, ScanError> {
        Ok(match self.senders.entry(interface.id) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(room) => room.insert(FrameSender::open(interface)?),
        })
    }
}

/// The addresses that `mac` would have by RFC 4291 appendix A in our prefixes.
fn guesses(facts: &NetworkFacts, mac: MacAddr) -> Vec<(InterfaceId, Ipv6Addr)> {
    let [a, b, c, d, e, f] = mac.0;
    let host = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    let interfaces = facts.interfaces.iter().filter(|interface| interface.up && !interface.only_listens());
    let prefixes = interfaces.flat_map(|interface| interface.subnets.iter().map(|net| (interface.id, *net)));
    let address = |(id, net): (InterfaceId, Subnet)| match net.base() {
        IpAddr::V6(base) if net.prefix() == 64 => Some((id, Ipv6Addr::from(u128::from(base) | u128::from(host)))),
        _ => None,
    };
    prefixes.filter_map(address).take(SOURCES_MAX).collect()
}

/// Prefixes asked from on one interface: the link, and what a provider and a router of the home give.
const SOURCES_MAX: usize = 4;

/// Our link-local address there, then one of each prefix.
fn sources(interface: &InterfaceFacts) -> Vec<Ipv6Addr> {
    let own = |ip: &IpAddr| match ip {
        IpAddr::V6(v6) => Some(*v6),
        IpAddr::V4(_) => None,
    };
    let link_local = interface.addresses.iter().filter_map(own).find(Ipv6Addr::is_unicast_link_local);
    let prefixes = interface.subnets.iter().filter_map(|net| {
        let within = |ip: &Ipv6Addr| net.contains(IpAddr::V6(*ip)) && !ip.is_unicast_link_local();
        interface.addresses.iter().filter_map(own).find(within)
    });
    let mut sources: Vec<Ipv6Addr> = link_local.into_iter().collect();
    for own in prefixes {
        if !sources.contains(&own) {
            sources.push(own);
        }
    }
    sources.truncate(if link_local.is_some() { SOURCES_MAX } else { 0 });
    sources
}

/// Our hardware and link-local address there.
fn own(interface: &InterfaceFacts) -> Option<(MacAddr, Ipv6Addr)> {
    let ip = interface.addresses.iter().find_map(|ip| match ip {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some(*v6),
        _ => None,
    })?;
    Some((interface.mac?, ip))
}

/// Where to ask for `look`: a link-local address means nothing without its interface.
fn place<'a>(facts: &'a NetworkFacts, look: &Look) -> Option<(&'a InterfaceFacts, Ipv6Addr)> {
    let IpAddr::V6(target) = look.ip else { return None };
    let heard = look.interface.and_then(|id| facts.interface(id)).filter(|i| i.up && !i.only_listens());
    let interface = if is_link_local(look.ip) {
        heard
    } else {
        let attached = |i: &&InterfaceFacts| i.up && i.subnets.iter().any(|s| s.contains(look.ip));
        heard.filter(attached).or_else(|| facts.interfaces.iter().find(attached))
    };
    Some((interface?, target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_guessed_in_each_prefix_of_64_bits() {
        let net = |ip: &str, len| Subnet::new(ip.parse().expect("an address"), len).expect("a subnet");
        let interface = |id, subnets: Vec<Subnet>, up| InterfaceFacts {
            id: InterfaceId(id),
            name: format!("eth{id}"),
            mac: None,
            addresses: vec![[10, 0, 0, 2].into()],
            up,
            subnets,
            gateways: Vec::new(),
        };
        let all = vec![net("10.0.0.0", 24), net("2001:db8:1::", 64), net("fd00::", 64), net("2001:db8:2::", 56)];
        let facts = NetworkFacts {
            interfaces: vec![interface(2, all, true), interface(3, vec![net("fd01::", 64)], false)],
            labels: Vec::new(),
        };
        let mac: MacAddr = "34:56:78:9a:bc:de".parse().expect("a MAC");
        let told: Vec<String> = guesses(&facts, mac).iter().map(|(id, ip)| format!("{} {ip}", id.0)).collect();
        // The example of RFC 4291 appendix A, with the registry's bit turned over.
        assert_eq!(told, ["2 2001:db8:1:0:3656:78ff:fe9a:bcde", "2 fd00::3656:78ff:fe9a:bcde"]);
    }
}
