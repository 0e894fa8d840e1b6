//! # NetBIOS
//!
//! ## What it finds
//! Names and work groups of Windows computers, of Samba servers and network disks, and of some printers.
//! ## What it sends
//! One node status request (RFC 1002 §4.2.17) to each device that was heard within the last minute and a half,
//! once an hour by default, and once to a newcomer.
//! ## What it needs
//! No rights.
//! ## How it decides
//! Only an answer from the address asked, to the question asked, counts. It is a sign of life as well.
//! ## What fools it
//! A device that lies about its name. Windows answers on networks it calls private only.
//!
//! Holds: [`ASKED_MAX`] open questions; sleepers are not asked.

use std::{net::IpAddr, time::Duration};

use super::{Desk, ScanError, Work, groups::asking, page::page, timed::timed};
use crate::{
    model::{Capped, Card, Fact, Health, Heard, Probe, Proof, Source, Span, Subject, clean_text},
    wire::netbios::{self, PORT_NAMES},
};

pub(super) static CARD: Card = Card { id: "netbios", title: "NetBIOS", needs: None, page: page!("netbios.rs") };
pub(super) const SOURCE: Source = Source::Netbios;
pub(super) const PROBES: &[Probe] = &[];

const ASKED_MAX: usize = 1024;
/// How long an answer may take: UCAST_REQ_RETRY_TIMEOUT is five seconds, a host on this network needs none of it.
const ANSWER: Duration = Duration::from_secs(2);
/// Names read of one answer; Windows has about ten.
const NAMES_MAX: usize = 32;

timed! {
    /// `scanners.netbios`.
    Settings
    /// How often a device is asked again. Newcomers are asked at once.
    interval: Span::minutes(60)
}

pub(super) async fn run(_: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let socket = asking().await?;
    let mut asked: Capped<IpAddr, u16> = Capped::new(ASKED_MAX);
    let mut visits = desk.visits();
    let mut room = [0; 2048];
    let mut seen = 0;
    desk.health(Health::Up);
    loop {
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Round) => {
                    visits.again();
                    desk.stay(Duration::from_secs(4));
                    desk.done(std::mem::take(&mut seen));
                }
                Some(Work::Look(_)) => {}
            },
            host = visits.next() => {
                let mut id = [0; 2];
                if !desk.pace(1).await? {
                    return Ok(());
                }
                if getrandom::fill(&mut id).is_ok() {
                    let id = u16::from_be_bytes(id);
                    asked.insert(host.ip, id);
                    // What an earlier question met stays on the socket; that is not about this one.
                    drop(socket.send_to(&netbios::status_question(id), (host.ip, PORT_NAMES)).await);
                }
                // Who comes late in a single scan is still heard out.
                desk.stay(ANSWER);
            }
            received = socket.recv_from(&mut room) => {
                let Ok((len, from)) = received else { continue };
                let Some(id) = asked.get(&from.ip()).copied().filter(|_| from.port() == PORT_NAMES) else { continue };
                let facts = facts(room.get(..len).unwrap_or_default(), id);
                if !facts.is_empty() {
                    asked.remove(&from.ip());
                    seen += 1;
                }
                for fact in facts {
                    desk.report(None, Subject::ip(from.ip()), fact).await?;
                }
            }
        }
    }
}

/// What an answer says; empty if it is none.
fn facts(bytes: &[u8], id: u16) -> Vec<Fact> {
    let Some(names) = netbios::status_answer(bytes, id) else { return Vec::new() };
    let mut facts = vec![Fact::Alive { proof: Proof::Frame, age: Duration::ZERO }];
    let (mut host, mut group, mut serves) = (None, None, false);
    for held in names.take(NAMES_MAX) {
        let name = clean_text(&String::from_utf8_lossy(held.name.bytes()), 15);
        if name.is_empty() {
            continue;
        }
        match (held.name.suffix, held.is_group) {
            (0, false) => host = host.or(Some(name)),
            (0, true) => group = group.or(Some(name)),
            // A file server by the host's own name.
            (0x20, false) => {
                serves = true;
                host = host.or(Some(name));
            }
            _ => {}
        }
    }
    if let Some(name) = host {
        facts.push(Fact::Named { name, by: Heard::Netbios });
    }
    if let Some(value) = group {
        facts.push(Fact::Label { key: "workgroup", value });
    }
    if serves {
        facts.push(Fact::Label { key: "netbios_role", value: "file server".to_owned() });
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(names: &[(&[u8; 15], u8, u16)]) -> Vec<u8> {
        let mut bytes = vec![0, 7, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 33, 0, 1, 0, 0, 0, 0];
        let mut data = vec![names.len() as u8];
        for (name, suffix, flags) in names {
            data.extend(*name);
            data.push(*suffix);
            data.extend(flags.to_be_bytes());
        }
        bytes.extend((data.len() as u16).to_be_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn the_host_is_named_by_its_own_name_and_nobody_elses() {
        let named = |name: &str| Some(Fact::Named { name: name.into(), by: Heard::Netbios });
        type Row<'a> = (&'a [(&'a [u8; 15], u8, u16)], Option<Fact>);
        let cases: &[Row] = &[
            (&[(b"HOME           ", 0, 0x8400), (b"ANNA-PC        ", 0, 0x0400)], named("ANNA-PC")),
            (&[(b"NAS            ", 0x20, 0x0400)], named("NAS")),
            (&[(b"HOME           ", 0x1e, 0x8400)], None),
            (&[(b"ANNA           ", 0x03, 0x0400)], None),
            (&[(b"\x1b[2J\x00\x01\x02bad     ", 0, 0x0400)], named("[2J bad")),
            (&[(b"               ", 0, 0x0400)], None),
        ];
        for (names, expected) in cases {
            let facts = facts(&answer(names), 7);
            let found = facts.iter().find(|fact| matches!(fact, Fact::Named { .. })).cloned();
            assert_eq!(found, *expected, "{names:?}");
        }
        assert!(facts(&answer(&[]), 8).is_empty(), "another question's answer");
    }
}
