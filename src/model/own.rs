//! # What this host itself does on the network
//!
//! Its listeners, its connections and the programs behind them, as the kernel lists them. Whole
//! pictures of one moment, for detectors that compare them.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use super::Port;

/// A port of this host that waits for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Listener {
    pub tcp: bool,
    /// Where it waits; the unspecified address is all of this host's.
    pub at: SocketAddr,
    /// The user it belongs to.
    pub uid: u32,
}

impl Listener {
    /// Reached from this host alone.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        self.at.ip().is_loopback()
    }
    /// Reached through every interface.
    #[must_use]
    pub const fn is_everywhere(&self) -> bool {
        self.at.ip().is_unspecified()
    }
}

/// One connection of this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection {
    pub tcp: bool,
    pub own: SocketAddr,
    pub peer: SocketAddr,
    /// The peer connected to a listener of ours; else we did.
    pub accepted: bool,
    pub uid: u32,
}

/// All sockets at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnSockets {
    pub listeners: Vec<Listener>,
    pub connections: Vec<Connection>,
    /// Connections that found no room.
    pub left_out: u32,
}

impl OwnSockets {
    /// Connections by who is at the other end.
    #[must_use]
    pub fn by_peer(&self) -> BTreeMap<IpAddr, Vec<&Connection>> {
        let mut peers: BTreeMap<IpAddr, Vec<&Connection>> = BTreeMap::new();
        for connection in &self.connections {
            peers.entry(connection.peer.ip()).or_default().push(connection);
        }
        peers
    }

    /// TCP and UDP ports that others can reach.
    pub fn open(&self) -> impl Iterator<Item = (bool, Port)> + '_ {
        self.listeners.iter().filter(|listener| !listener.is_private()).map(|l| (l.tcp, l.at.port()))
    }
}

/// A program of this host that has sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub pid: u32,
    /// Start of the process in ticks since boot: with the pid it names one process for ever.
    pub started: u64,
    /// As the kernel shows it, cut at 15 characters by the kernel itself.
    pub name: String,
    /// `None`: not ours to see.
    pub exe: Option<String>,
    /// The file it runs is no longer there: deleted, replaced by an upgrade, or only in memory.
    pub deleted: bool,
    /// Its arguments in one line, secrets hidden, cut.
    pub arguments: String,
    pub uid: u32,
    /// Who started it, if that still runs.
    pub parent: Option<(u32, String)>,
    pub listeners: Vec<Listener>,
    pub connections: Vec<Connection>,
}

/// All programs with sockets at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnPrograms {
    pub programs: Vec<Program>,
    /// The number of the process that looked: this program itself. No other can have it meanwhile.
    pub looker: u32,
    /// Sockets whose program could not be seen: other users', without the right to look.
    pub unseen: u32,
    /// Programs that found no room.
    pub left_out: u32,
}
