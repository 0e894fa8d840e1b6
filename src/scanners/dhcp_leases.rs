//! # DHCP leases
//!
//! ## What it finds
//! Names, MACs and addresses that this host's own DHCP server gave out: dnsmasq, odhcpd, Kea or ISC dhcpd.
//! ## What it sends
//! Nothing: it reads the server's file when it has changed.
//! ## What it needs
//! To run beside the server, with the right to read its file; elsewhere it rests.
//! ## How it decides
//! A running lease names a device and its address. It proves no presence: a phone that left at eight holds its
//! lease until the evening.
//! ## What fools it
//! Names that devices invent; a file the server writes late.
//!
//! Holds: files of [`FILE_MAX`] bytes at most; what was told is told again once an interval of [`AGAIN`].

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;

use super::{Desk, ScanError, Work, page::page};
use crate::{
    model::{Card, Fact, Health, Heard, Mono, Probe, Source, Span, Subject},
    wire::leases::{self, Lease},
};

pub(super) static CARD: Card =
    Card { id: "dhcp_leases", title: "DHCP leases", needs: None, page: page!("dhcp_leases.rs") };
pub(super) const SOURCE: Source = Source::DhcpLeases;
pub(super) const PROBES: &[Probe] = &[];

const FILE_MAX: u64 = 4 * 1024 * 1024;
const FILES_MAX: usize = 16;
/// An unchanged lease is told again after this, for devices that were not known before.
const AGAIN: Duration = Duration::from_secs(600);
/// Where servers keep their leases: dnsmasq (Debian, OpenWrt, Fedora, Pi-hole), odhcpd, Kea, ISC.
const PLACES: &[&str] = &[
    "/var/lib/misc/dnsmasq.leases",
    "/tmp/dhcp.leases",
    "/var/lib/dnsmasq/dnsmasq.leases",
    "/etc/pihole/dhcp.leases",
    "/tmp/hosts/odhcpd",
    "/var/lib/kea/kea-leases4.csv",
    "/var/lib/dhcp/dhcpd.leases",
    "/var/lib/dhcpd/dhcpd.leases",
];

/// `scanners.dhcp_leases`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// How often the files are looked at; they are read only when they changed.
    pub interval: Span,
    /// Lease files to read. Empty: those at the usual places.
    pub files: Vec<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { enabled: true, interval: Span::seconds(15), files: Vec::new() }
    }
}

pub(super) async fn run(settings: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let mut state = State { stamps: BTreeMap::new(), told: BTreeMap::new() };
    while let Some(work) = desk.next().await? {
        if work == Work::Round {
            state.round(&settings, &mut desk).await?;
        }
    }
    Ok(())
}

type Stamp = (SystemTime, u64);

struct State {
    /// Of each file: when it was changed last and how long it is.
    stamps: BTreeMap<PathBuf, (Stamp, Mono)>,
    told: BTreeMap<PathBuf, Vec<Lease>>,
}

impl State {
    async fn round(&mut self, settings: &Settings, desk: &mut Desk) -> Result<(), ScanError> {
        let asked = !settings.files.is_empty();
        let usual: Vec<PathBuf> = PLACES.iter().map(PathBuf::from).collect();
        let files = if asked { &settings.files } else { &usual };
        let (mut health, mut seen) = (Health::Off, 0);
        for file in files.iter().take(FILES_MAX) {
            match self.file(file, desk).await {
                Ok(count) => {
                    seen += count;
                    if health == Health::Off {
                        health = Health::Up;
                    }
                }
                Err(FileError::Unheard) => return Err(ScanError::Unheard),
                Err(FileError::Io(error)) if asked || error.kind() != std::io::ErrorKind::NotFound => {
                    let advice = "let Porchlight read it, or correct scanners.dhcp_leases.files".to_owned();
                    health = Health::Degraded { why: format!("{}: {error}", file.display()), advice: Some(advice) };
                }
                Err(FileError::Io(_)) => {}
            }
        }
        desk.health(health);
        desk.done(seen);
        Ok(())
    }

    /// How many leases it holds.
    async fn file(&mut self, path: &Path, desk: &mut Desk) -> Result<u64, FileError> {
        let meta = tokio::fs::metadata(path).await?;
        // A pipe or a device would never end.
        if !meta.is_file() {
            return Err(std::io::Error::other("is no file").into());
        }
        let (now, stamp) = (desk.now(), (meta.modified()?, meta.len()));
        let old = self.told.get(path).cloned().unwrap_or_default();
        if let Some((known, at)) = self.stamps.get(path)
            && *known == stamp
            && now.mono.since(*at) < AGAIN
        {
            return Ok(old.len() as u64);
        }
        let again = self.stamps.get(path).is_none_or(|(_, at)| now.mono.since(*at) >= AGAIN);
        let mut bytes = Vec::new();
        tokio::fs::File::open(path).await?.take(FILE_MAX).read_to_end(&mut bytes).await?;
        let leases = leases::read(&String::from_utf8_lossy(&bytes), now.wall.0.div_euclid(1000));
        for lease in leases.iter().filter(|lease| again || !old.contains(lease)) {
            for fact in facts(lease) {
                desk.report(None, Subject::mac(lease.mac), fact).await.map_err(|_| FileError::Unheard)?;
            }
        }
        let count = leases.len() as u64;
        let at = if again { now.mono } else { self.stamps.get(path).map_or(now.mono, |(_, at)| *at) };
        self.stamps.insert(path.to_owned(), (stamp, at));
        self.told.insert(path.to_owned(), leases);
        Ok(count)
    }
}

enum FileError {
    Io(std::io::Error),
    Unheard,
}

impl From<std::io::Error> for FileError {
    fn from(error: std::io::Error) -> FileError {
        FileError::Io(error)
    }
}

fn facts(lease: &Lease) -> Vec<Fact> {
    let mut facts = vec![Fact::Address(lease.ip)];
    if let Some(name) = &lease.name {
        facts.push(Fact::Named { name: name.clone(), by: Heard::Dhcp });
    }
    facts
}
