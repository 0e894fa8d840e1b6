//! # Canary
//!
//! ## What it finds
//! Devices that answer for names nobody has: tools that pretend to be whatever a computer looks for, and so get it to
//! log in to them.
//! ## What it sends
//! An invented name, another one each time, asked for by LLMNR (RFC 4795) and by multicast DNS (RFC 6762 §5.1), every
//! ten minutes by default, early or late by chance. After an answer one more, also invented.
//! ## What it needs
//! No rights, but multicast must reach this host.
//! ## How it decides
//! Who answers for two invented names, and says an address, lies. What follows from it `name_poison` says.
//! ## What fools it
//! A tool that answers only for names that people mistype often, or not to this host. Invented names look like those of
//! file servers and printers, and none is used twice.
//!
//! Holds: [`ASKED_MAX`] open questions and as many who answered once.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use super::{
    Desk, ScanError, Work,
    groups::{self, Group, Said},
    page::page,
    timed::timed,
};
use crate::{
    model::{Capped, Card, Fact, Probe, Source, Span, Subject},
    wire::{
        dns::{Data, Message},
        llmnr, mdns,
    },
};

pub(super) static CARD: Card = Card { id: "canary", title: "Canary", needs: None, page: page!("canary.rs") };
pub(super) const SOURCE: Source = Source::Canary;
pub(super) const PROBES: &[Probe] = &[];

const ASKED_MAX: usize = 64;
/// Answers come within half a second (RFC 4795 §7); multicast DNS takes 120 ms at most (RFC 6762 §6).
const ANSWERS: Duration = Duration::from_secs(2);
const MDNS_GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const WORDS: [&str; 8] = ["files", "fileserv", "print", "backup", "intra", "media", "office", "share"];
/// Without vowels chance makes no word of them, and nobody's name.
const LETTERS: &[u8; 16] = b"bcdfghklmnprstvw";

timed! {
    /// `scanners.canary`.
    Settings
    /// How often an invented name is asked for.
    interval: Span::minutes(10)
}

pub(super) async fn run(_: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let facts = desk.network();
    let mut short = Group::open(llmnr::GROUP, llmnr::PORT, &facts)?;
    let mut multicast = Group::open(MDNS_GROUP, mdns::PORT, &facts)?;
    let mut state = State { asked: Capped::new(ASKED_MAX), once: Capped::new(ASKED_MAX), seen: 0 };
    loop {
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Round) => {
                    let voices = short.renew(&desk.network()).min(multicast.renew(&desk.network()));
                    desk.health(groups::health(voices));
                    if !state.ask(&short, "llmnr", &mut desk).await? || !state.ask(&multicast, "mdns", &mut desk).await? {
                        return Ok(());
                    }
                    desk.done(std::mem::take(&mut state.seen));
                }
                Some(Work::Look(_)) => {}
            },
            said = short.next() => {
                if state.hear(&said, llmnr::PORT, &mut desk).await? && !state.ask(&short, "llmnr", &mut desk).await? {
                    return Ok(());
                }
            }
            said = multicast.next() => {
                if state.hear(&said, mdns::PORT, &mut desk).await? && !state.ask(&multicast, "mdns", &mut desk).await? {
                    return Ok(());
                }
            }
        }
    }
}

struct State {
    /// By id: the name that was asked for, and how.
    asked: Capped<u16, (String, &'static str)>,
    /// Who answered for one name.
    once: Capped<(IpAddr, &'static str), String>,
    seen: u64,
}

impl State {
    /// Asks for one more invented name. `false`: the run ends.
    async fn ask(&mut self, group: &Group, how: &'static str, desk: &mut Desk) -> Result<bool, ScanError> {
        if !desk.pace(group.voices()).await? {
            return Ok(false);
        }
        let mut chance = [0; 8];
        if getrandom::fill(&mut chance).is_ok() {
            let [a, b, rest @ ..] = chance;
            let (id, name) = (u16::from_be_bytes([a, b]), invented(rest));
            let labels: &[&str] = if how == "mdns" { &[&name, "local"] } else { &[&name] };
            group.say(&llmnr::question_for(id, labels)).await;
            self.asked.insert(id, (name, how));
            desk.stay(ANSWERS);
        }
        Ok(true)
    }

    /// `true`: somebody answered for the first time, and is asked once more.
    async fn hear(&mut self, said: &Said, port: u16, desk: &mut Desk) -> Result<bool, ScanError> {
        let ip = said.from.ip();
        if !said.is_answer || said.from.port() != port {
            return Ok(false);
        }
        let Some((name, how)) = answered(&said.bytes, &self.asked) else { return Ok(false) };
        match self.once.get(&(ip, how)) {
            // Two interfaces may hear one answer.
            Some(before) if *before == name => Ok(false),
            Some(_) => {
                self.seen += 1;
                self.once.insert((ip, how), name.clone());
                let fact = Fact::AnsweredForNobody { protocol: how, name };
                desk.report(said.interface, Subject::ip(ip), fact).await?;
                Ok(false)
            }
            None => {
                self.once.insert((ip, how), name);
                Ok(true)
            }
        }
    }
}

/// A name as of a server, which nobody has.
fn invented(chance: [u8; 6]) -> String {
    let [word, rest @ ..] = chance;
    let word = WORDS.get(usize::from(word) % WORDS.len()).unwrap_or(&"files");
    let end = rest.map(|byte| char::from(*LETTERS.get(usize::from(byte) % LETTERS.len()).unwrap_or(&b'x')));
    format!("{word}-{}", end.iter().collect::<String>())
}

/// The invented name that `bytes` gives an address for.
fn answered(bytes: &[u8], asked: &Capped<u16, (String, &'static str)>) -> Option<(String, &'static str)> {
    let message = Message::read(bytes).filter(|message| message.is_response() && message.code() == 0)?;
    let (name, how) = asked.get(&message.id)?;
    let lies = message.answers().take(16).any(|record| {
        let is_address = matches!(record.data(), Data::A(_) | Data::Aaaa(_));
        is_address && record.name.labels().next().is_some_and(|label| label.eq_ignore_ascii_case(name.as_bytes()))
    });
    lies.then(|| (name.clone(), *how))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plausible_and_only_answers_to_them_count() {
        assert_eq!(invented([0, 0, 1, 2, 3, 4]), "files-bcdfg");
        let mut asked = Capped::new(4);
        asked.insert(7, ("files-bcdfg".to_owned(), "llmnr"));
        let reply = |id: u16, flags: u8, name: &str| {
            let mut bytes = llmnr::question_for(id, &[name]);
            (bytes[2], bytes[7]) = (flags, 1);
            bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 10, 0, 0, 9]);
            bytes
        };
        assert!(answered(&reply(7, 0x80, "FILES-bcdfg"), &asked).is_some());
        for (case, bytes) in [
            ("a question", reply(7, 0, "files-bcdfg")),
            ("another question", reply(8, 0x80, "files-bcdfg")),
            ("another name", reply(7, 0x80, "printer")),
        ] {
            assert!(answered(&bytes, &asked).is_none(), "{case}");
        }
        let whole = reply(7, 0x80, "files-bcdfg");
        for end in 0..whole.len() {
            let _any_answer = answered(&whole[..end], &asked);
        }
    }
}
