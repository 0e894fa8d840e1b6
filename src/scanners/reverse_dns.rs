//! # Reverse DNS
//!
//! ## What it finds
//! The names that the home's own name server, as a rule the router, has for addresses: mostly what devices told
//! its DHCP server, or what people entered there.
//! ## What it sends
//! One PTR question for each device that was heard within the last minute and a half, to name servers on this
//! network or this host; once an hour by default, and once for a newcomer. Without an answer it is put twice more.
//! ## What it needs
//! A name server at home: a router that is asked as gateway, or one in `/etc/resolv.conf`.
//! ## How it decides
//! Only addresses of the home's own subnets are asked for, and only at servers within them, so no address of the
//! home leaves it by us. For devices in the home's other networks, at private addresses (RFC 1918), only the gateway is
//! asked: it gave them out. An answer counts from the server asked, to the question asked.
//! ## What fools it
//! Name servers that answer with a name made of the address, which is passed over; leases long gone.
//!
//! Holds: [`ASKED_MAX`] open questions, [`SERVERS_MAX`] servers.

use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use super::{Desk, ScanError, Work, groups::asking, page::page, timed::timed};
use crate::{
    model::{Capped, Card, Fact, Health, Heard, Mono, NetworkFacts, Probe, Source, Span, Subject, clean_text},
    wire::{
        dns::{Data, Message, kind},
        llmnr,
    },
};

pub(super) static CARD: Card =
    Card { id: "reverse_dns", title: "Reverse DNS", needs: None, page: page!("reverse_dns.rs") };
pub(super) const SOURCE: Source = Source::ReverseDns;
pub(super) const PROBES: &[Probe] = &[];

const ASKED_MAX: usize = 1024;
/// How long an answer may take before the question is put once more, and once more.
const ANSWER: Duration = Duration::from_millis(1500);
const TRIES: u8 = 3;
const SERVERS_MAX: usize = 4;
const PORT: u16 = 53;
/// A resolver's file is a few lines.
const RESOLV_MAX: usize = 16 * 1024;

timed! {
    /// `scanners.reverse_dns`.
    Settings
    /// How often a device's name is asked again. Newcomers are asked for at once.
    interval: Span::minutes(60)
}

pub(super) async fn run(_: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let socket = asking().await?;
    // By id: who was asked about whom. Ids are drawn, so nobody guesses one.
    let mut asked: Capped<u16, (IpAddr, IpAddr)> = Capped::new(ASKED_MAX);
    // Whom nobody answered about yet: when to ask again, and how often that was done.
    let mut open: VecDeque<(Mono, Ipv4Addr, u8)> = VecDeque::new();
    let mut visits = desk.visits();
    visits.beyond_too();
    let mut room = [0; 4096];
    let (mut seen, mut servers) = (0, Vec::new());
    loop {
        let wait = open.front().map(|(due, ..)| due.since(desk.now().mono));
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Round) => {
                    let text = tokio::fs::read("/etc/resolv.conf").await.unwrap_or_default();
                    let text = String::from_utf8_lossy(text.get(..text.len().min(RESOLV_MAX)).unwrap_or_default());
                    servers = name_servers(&text, &desk.network());
                    let advice = "point /etc/resolv.conf at the home's name server".to_owned();
                    desk.health(if servers.is_empty() {
                        Health::Degraded { why: "no name server at home".to_owned(), advice: Some(advice) }
                    } else {
                        Health::Up
                    });
                    visits.again();
                    desk.stay(Duration::from_secs(4));
                    desk.done(std::mem::take(&mut seen));
                }
                Some(Work::Look(_)) => {}
            },
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {
                let Some((_, about, tries)) = open.pop_front() else { continue };
                let network = desk.network();
                let knows = |server: &&IpAddr| network.is_attached(about.into()) || network.is_gateway(**server);
                let servers: Vec<IpAddr> = servers.iter().filter(knows).copied().collect();
                if !desk.pace(servers.len() as u32).await? {
                    return Ok(());
                }
                for server in &servers {
                    let mut id = [0; 2];
                    if getrandom::fill(&mut id).is_ok() {
                        let id = u16::from_be_bytes(id);
                        asked.insert(id, (*server, about.into()));
                        drop(socket.send_to(&question(id, about), (*server, PORT)).await);
                    }
                }
                if tries + 1 < TRIES && open.len() < ASKED_MAX {
                    open.push_back((desk.now().mono + ANSWER, about, tries + 1));
                }
                // Who comes late in a single scan is still heard out.
                desk.stay(ANSWER * 2);
            }
            host = visits.next(), if open.len() < ASKED_MAX => {
                if let IpAddr::V4(about) = host.ip {
                    open.push_front((desk.now().mono, about, 0));
                    desk.stay(ANSWER * 2);
                }
            }
            received = socket.recv_from(&mut room) => {
                let Ok((len, from)) = received else { continue };
                let bytes = room.get(..len).unwrap_or_default();
                let Some(id) = Message::read(bytes).map(|message| message.id) else { continue };
                let matching = |(server, _): &(IpAddr, IpAddr)| from.port() == PORT && from.ip() == *server;
                let Some((_, IpAddr::V4(about))) = asked.get(&id).copied().filter(matching) else { continue };
                asked.remove(&id);
                if answers(bytes) {
                    open.retain(|(_, ip, _)| *ip != about);
                }
                if let Some(name) = answer(bytes, about) {
                    seen += 1;
                    desk.report(None, Subject::ip(about.into()), Fact::Named { name, by: Heard::Dns }).await?;
                }
            }
        }
    }
}

/// Gateways first, then the servers of `resolv.conf` that are on this network or this host.
fn name_servers(resolv: &str, facts: &NetworkFacts) -> Vec<IpAddr> {
    let gateways = facts.interfaces.iter().flat_map(|interface| interface.gateways.iter().copied());
    let listed = resolv.lines().filter_map(|line| line.trim().strip_prefix("nameserver")?.trim().parse().ok());
    let mut servers: Vec<IpAddr> = Vec::new();
    for server in gateways.chain(listed) {
        // The socket speaks IPv4.
        let at_home = server.is_loopback() || facts.is_attached(server);
        if server.is_ipv4() && at_home && servers.len() < SERVERS_MAX && !servers.contains(&server) {
            servers.push(server);
        }
    }
    servers
}

/// The server knows, or knows that there is no name; it did not fail or refuse.
fn answers(bytes: &[u8]) -> bool {
    Message::read(bytes).is_some_and(|message| message.is_response() && matches!(message.code(), 0 | 3))
}

fn question(id: u16, ip: Ipv4Addr) -> Vec<u8> {
    let mut message = llmnr::question(id, ip.into());
    // Recursion desired: routers refuse others.
    if let Some(flags) = message.get_mut(2) {
        *flags |= 1;
    }
    message
}

/// The name, if the answer is about `ip` and names somebody.
fn answer(bytes: &[u8], ip: Ipv4Addr) -> Option<String> {
    let message = Message::read(bytes).filter(|message| message.is_response() && message.code() == 0)?;
    let about = llmnr::reverse(ip.into());
    let record = message.answers().take(16).find(|r| r.kind == kind::PTR && r.name.is_text(&about))?;
    let Data::Name(name) = record.data() else { return None };
    // The first label is the host; the rest is the home's domain, the same for all.
    let host = clean_text(&String::from_utf8_lossy(name.labels().next()?), 63);
    (!host.is_empty() && !is_of_address(&host, ip)).then_some(host)
}

/// `10-0-0-5`, `host-10-0-0-5`, `ip-0a000005`: made of the address, says nothing.
fn is_of_address(host: &str, ip: Ipv4Addr) -> bool {
    let [a, b, c, d] = ip.octets();
    let digits: String = host.chars().map(|c| if c.is_ascii_digit() { c } else { '.' }).collect();
    let parts: Vec<&str> = digits.split('.').filter(|part| !part.is_empty()).collect();
    let forward = [a, b, c, d].map(|octet| octet.to_string());
    let backward = [d, c, b, a].map(|octet| octet.to_string());
    parts == forward || parts == backward || host.to_lowercase().ends_with(&format!("{:08x}", u32::from(ip)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{InterfaceFacts, InterfaceId, Subnet};

    const IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);

    fn reply(flags: u16, about: Ipv4Addr, target: &[&[u8]]) -> Vec<u8> {
        let mut bytes = question(7, about);
        bytes[2..4].copy_from_slice(&flags.to_be_bytes());
        bytes[7] = 1;
        let mut data = Vec::new();
        for label in target {
            data.push(label.len() as u8);
            data.extend(*label);
        }
        data.push(0);
        bytes.extend([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60]);
        bytes.extend((data.len() as u16).to_be_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn a_name_counts_if_it_is_about_the_address_and_not_made_of_it() {
        let other = Ipv4Addr::new(10, 0, 0, 6);
        let cases: &[(&str, Vec<u8>, Option<&str>)] = &[
            ("a host", reply(0x8180, IP, &[b"printer", b"lan"]), Some("printer")),
            ("no such name", reply(0x8183, IP, &[b"printer"]), None),
            ("about another", reply(0x8180, other, &[b"printer"]), None),
            ("the address again", reply(0x8180, IP, &[b"host-10-0-0-5", b"lan"]), None),
            ("the address backwards", reply(0x8180, IP, &[b"5.0.0.10"]), None),
            ("the address in hex", reply(0x8180, IP, &[b"ip-0A000005"]), None),
            ("a number in a name", reply(0x8180, IP, &[b"tv-5"]), Some("tv-5")),
            ("control characters", reply(0x8180, IP, &[b"a\x1b\x00b"]), Some("a b")),
            ("a question", reply(0x0100, IP, &[b"printer"]), None),
            ("the root", reply(0x8180, IP, &[]), None),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(answer(bytes, IP).as_deref(), *expected, "{name}");
            for end in 0..bytes.len() {
                let _ = answer(&bytes[..end], IP);
            }
        }
    }

    #[test]
    fn only_servers_at_home_are_asked() {
        let facts = NetworkFacts {
            interfaces: vec![InterfaceFacts {
                id: InterfaceId(2),
                name: "eth0".into(),
                mac: None,
                addresses: Vec::new(),
                up: true,
                subnets: vec![Subnet::new(IP.into(), 24).unwrap()],
                gateways: vec!["10.0.0.1".parse().unwrap()],
            }],
            labels: Vec::new(),
        };
        let resolv =
            "# x\nnameserver 8.8.8.8\nnameserver 10.0.0.2\nnameserver 127.0.0.53\nnameserver ::1\nnameserver x\n";
        let servers: Vec<String> = name_servers(resolv, &facts).iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["10.0.0.1", "10.0.0.2", "127.0.0.53"]);
        assert!(name_servers("nameserver 1.1.1.1", &NetworkFacts::default()).is_empty());
    }
}
