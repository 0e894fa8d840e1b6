//! # Game consoles
//!
//! ## What it finds
//! Names and models of PlayStation consoles, which tell no name to DHCP and announce nothing, also in rest mode.
//! ## What it sends
//! Two small questions by unicast to each game console that was heard within the last minute and a half, one for
//! each make; once an hour by default, and once to a newcomer. Who is silent is asked twice more. Nobody is woken, and
//! nothing but consoles is asked.
//! ## What it needs
//! No rights.
//! ## How it decides
//! Only an answer from the address and port asked counts. It is a sign of life as well.
//! ## What fools it
//! A device that lies about its name.
//!
//! Holds: [`ASKED_MAX`] consoles whose answer is awaited.

use std::{collections::VecDeque, net::IpAddr, time::Duration};

use tokio::net::UdpSocket;

use super::{Desk, ScanError, Work, groups::asking, page::page, timed::timed};
use crate::{
    model::{Capped, Card, Fact, Health, Heard, Kind, Mono, Probe, Proof, Source, Span, Subject, clean_text},
    wire::ddp,
};

pub(super) static CARD: Card = Card { id: "consoles", title: "Game consoles", needs: None, page: page!("consoles.rs") };
pub(super) const SOURCE: Source = Source::Consoles;
pub(super) const PROBES: &[Probe] = &[];

const ASKED_MAX: usize = 64;
/// How long an answer may take; a console in rest mode is no slower. Then it is asked again: on a busy wireless network
/// one datagram in a hundred is lost, and one that is just waking up is late.
const ANSWER: Duration = Duration::from_secs(2);
const TRIES: u8 = 3;
/// A single scan waits a little longer than an answer may take, or it would end as the next question is due.
const SLACK: Duration = Duration::from_millis(300);
const NAME_MAX: usize = 63;

timed! {
    /// `scanners.consoles`.
    Settings
    /// How often a console is asked again. Newcomers are asked at once.
    interval: Span::minutes(60)
}

pub(super) async fn run(_: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let socket = asking().await?;
    let mut asked: Capped<IpAddr, ()> = Capped::new(ASKED_MAX);
    // Who has not answered yet, when that is too late, and how often they were asked.
    let mut open: VecDeque<(Mono, IpAddr, u8)> = VecDeque::new();
    let mut visits = desk.visits();
    // What it is may be known only after it was heard; it is asked as soon as it is.
    visits.only(|host| host.kind == Kind::GameConsole);
    let mut room = [0; 2048];
    let mut seen = 0;
    desk.health(Health::Up);
    loop {
        let wait = open.front().map(|(due, ..)| due.since(desk.now().mono));
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Round) => {
                    visits.again();
                    desk.stay(ANSWER * 2);
                    desk.done(std::mem::take(&mut seen));
                }
                Some(Work::Look(_)) => {}
            },
            host = visits.next(), if open.len() < ASKED_MAX => {
                asked.insert(host.ip, ());
                if !ask(&socket, host.ip, &mut desk).await? {
                    return Ok(());
                }
                open.push_back((desk.now().mono + ANSWER, host.ip, 1));
            }
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {
                let Some((_, ip, tries)) = open.pop_front() else { continue };
                if tries < TRIES && asked.get(&ip).is_some() {
                    if !ask(&socket, ip, &mut desk).await? {
                        return Ok(());
                    }
                    open.push_back((desk.now().mono + ANSWER, ip, tries + 1));
                }
            }
            received = socket.recv_from(&mut room) => {
                let Ok((len, from)) = received else { continue };
                let (ip, is_theirs) = (from.ip(), ddp::MAKES.iter().any(|(port, _)| *port == from.port()));
                let console = ddp::answer(room.get(..len).unwrap_or_default());
                let Some(console) = console.filter(|_| is_theirs && asked.get(&ip).is_some()) else { continue };
                asked.remove(&ip);
                seen += 1;
                for fact in facts(&console) {
                    desk.report(None, Subject::ip(ip), fact).await?;
                }
            }
        }
    }
}

/// Asks one console in the way of each make. `false`: the run ends.
async fn ask(socket: &UdpSocket, ip: IpAddr, desk: &mut Desk) -> Result<bool, ScanError> {
    if !desk.pace(ddp::MAKES.len() as u32).await? {
        return Ok(false);
    }
    for (port, version) in ddp::MAKES {
        let question = ddp::question(version);
        // A port that was refused before leaves its error on the socket; that is not about this question.
        if socket.send_to(question.as_bytes(), (ip, port)).await.is_err() {
            drop(socket.send_to(question.as_bytes(), (ip, port)).await);
        }
    }
    desk.stay(ANSWER + SLACK);
    Ok(true)
}

fn facts(console: &ddp::Console<'_>) -> Vec<Fact> {
    let text = |raw: &[u8]| clean_text(&String::from_utf8_lossy(raw), NAME_MAX);
    let mut facts = vec![Fact::Alive { proof: Proof::Frame, age: Duration::ZERO }];
    let name = text(console.name);
    if !name.is_empty() {
        facts.push(Fact::Named { name, by: Heard::Console });
    }
    let make = text(console.make);
    let model = match make.strip_prefix("PS") {
        Some(number) if number.bytes().all(|b| b.is_ascii_digit()) => format!("PlayStation {number}"),
        _ => make,
    };
    if !model.is_empty() {
        facts.push(Fact::Label { key: "model", value: model });
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_named_and_its_model_spelt_out() {
        let console = |name, make| ddp::Console { name, make, rests: true };
        let named = |name: &str| Fact::Named { name: name.into(), by: Heard::Console };
        let model = |value: &str| Fact::Label { key: "model", value: value.into() };
        let cases: &[(ddp::Console<'_>, &[Fact])] = &[
            (console(b"Den", b"PS5"), &[named("Den"), model("PlayStation 5")]),
            (console(b"a\x1b[2Jb", b"PSX"), &[named("a [2Jb"), model("PSX")]),
            (console(b"\x01", b""), &[]),
        ];
        for (console, expected) in cases {
            assert_eq!(facts(console)[1..], **expected, "{console:?}");
        }
    }
}
