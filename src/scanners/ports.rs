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
//! `OPTIONS`. When a device says by other ways that it offers a service, or is heard to take a connection of another
//! host at a port that is not known to be open, that one port is tried. All this takes only what the other scanners leave of the
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

use std::time::Duration;

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::{Desk, ScanError, Work, page::page};
use crate::model::{Card, Health, Probe, Source, Span};

pub mod certificate;
mod list;
mod meet;
mod memory;
pub mod read;
mod rounds;
mod visit;

pub(super) use list::name;
pub use memory::{Known, known};
use rounds::Rounds;

pub(super) static CARD: Card = Card { id: "ports", title: "Open ports", needs: None, page: page!("ports.rs") };
pub(super) const SOURCE: Source = Source::Ports;
pub(super) const PROBES: &[Probe] = &[Probe::Ports, Probe::AllPorts];

/// Hosts come in groups after a sweep; looking more often than this finds them no sooner.
const REST: Duration = Duration::from_millis(300);
/// The same while nobody is being visited: a quiet home shows a new picture each second.
const REST_QUIET: Duration = Duration::from_millis(2_400);
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
                let rest = match (desk.is_single(), rounds.visits.is_empty()) {
                    (true, _) => REST_ONCE,
                    (false, false) => REST,
                    (false, true) => REST_QUIET,
                };
                look_around = look_around.min(now + rest);
            }
            () = sleep(pause) => {}
        }
    }
}
