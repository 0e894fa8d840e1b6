//! # One control socket
//!
//! Datagrams, as wpa_ctrl.c sends them: a command and its answer on one pair, events on another, so that neither
//! waits for the other. Our ends have abstract names: no file is left behind, and hostapd finds them even if it
//! sees another file system.

use std::{
    collections::BTreeMap,
    io,
    os::{linux::net::SocketAddrExt, unix::net as std_unix},
    path::{Path, PathBuf},
    task::{Context, Poll},
    time::Duration,
};

use thiserror::Error;
use tokio::{io::ReadBuf, net::UnixDatagram, time::timeout};

use super::stations::{STATIONS_MAX, Stations};
use crate::{
    model::MacAddr,
    wire::hostapd::{self, Event, MESSAGE_MAX, Station},
};

/// One command; hostapd answers within milliseconds.
const ANSWER: Duration = Duration::from_secs(2);
/// Messages passed over while an answer is waited for.
const STRAY_MAX: u32 = 64;

#[derive(Debug, Error)]
pub enum ControlError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("no answer in time")]
    Late,
    /// Somebody else's socket.
    #[error("is no access point's")]
    NoPoint,
}

/// One access point.
pub struct Point {
    commands: UnixDatagram,
    events: UnixDatagram,
    ssid: Option<String>,
}

impl Point {
    /// # Errors
    /// No right, nobody there, or no access point.
    pub async fn open(path: &Path) -> Result<Point, ControlError> {
        let mut point = Point { commands: connected(path)?, events: connected(path)?, ssid: None };
        if point.ask("PING").await?.trim() != "PONG" {
            return Err(ControlError::NoPoint);
        }
        let status = hostapd::status(&point.ask("STATUS").await?).ok_or(ControlError::NoPoint)?;
        point.ssid = status.ssid;
        if exchange(&point.events, "ATTACH").await?.trim() != "OK" {
            return Err(ControlError::NoPoint);
        }
        Ok(point)
    }

    pub fn ssid(&self) -> Option<&str> {
        self.ssid.as_deref()
    }

    async fn ask(&self, command: &str) -> Result<String, ControlError> {
        exchange(&self.commands, command).await
    }

    /// Everybody it lists.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn stations(&self) -> Result<Vec<Station>, ControlError> {
        let mut found: BTreeMap<MacAddr, Station> = BTreeMap::new();
        let mut command = "STA-FIRST".to_owned();
        while found.len() < STATIONS_MAX {
            let Some(station) = hostapd::station(&self.ask(&command).await?) else { break };
            command = format!("STA-NEXT {}", station.mac);
            // A list that comes back to where it was has no end.
            if found.insert(station.mac, station).is_some() {
                break;
            }
        }
        Ok(found.into_values().filter(|station| station.mac.is_station()).collect())
    }
}

async fn exchange(socket: &UnixDatagram, command: &str) -> Result<String, ControlError> {
    let done = async {
        socket.send(command.as_bytes()).await?;
        let mut room = [0; MESSAGE_MAX];
        for _ in 0..STRAY_MAX {
            let len = socket.recv(&mut room).await?;
            let text = String::from_utf8_lossy(room.get(..len).unwrap_or_default());
            if hostapd::event(&text).is_none() {
                return Ok(text.into_owned());
            }
        }
        Err(ControlError::Late)
    };
    timeout(ANSWER, done).await.unwrap_or(Err(ControlError::Late))
}

/// A socket with an abstract name of its own, connected to `path`.
fn connected(path: &Path) -> io::Result<UnixDatagram> {
    let mut number = [0; 8];
    getrandom::fill(&mut number).map_err(|error| io::Error::other(error.to_string()))?;
    let name = format!("porchlight-hostapd-{:016x}", u64::from_be_bytes(number));
    let socket = std_unix::UnixDatagram::bind_addr(&std_unix::SocketAddr::from_abstract_name(name)?)?;
    socket.set_nonblocking(true)?;
    let socket = UnixDatagram::from_std(socket)?;
    socket.connect(path)?;
    Ok(socket)
}

/// The next event of any of them; `None` in its place: the socket broke. Waits for ever if there is none. May be
/// dropped while it waits.
pub async fn next_event(points: &BTreeMap<PathBuf, (Point, Stations)>) -> (PathBuf, Option<Event>) {
    std::future::poll_fn(|context| poll(points, context)).await
}

fn poll(points: &BTreeMap<PathBuf, (Point, Stations)>, context: &mut Context<'_>) -> Poll<(PathBuf, Option<Event>)> {
    for (path, (point, _)) in points {
        let mut room = [0; MESSAGE_MAX];
        let mut room = ReadBuf::new(&mut room);
        match point.events.poll_recv(context, &mut room) {
            Poll::Ready(Ok(())) => {
                let event = hostapd::event(&String::from_utf8_lossy(room.filled()));
                return Poll::Ready((path.clone(), Some(event.unwrap_or(Event::Other))));
            }
            Poll::Ready(Err(_)) => return Poll::Ready((path.clone(), None)),
            Poll::Pending => {}
        }
    }
    Poll::Pending
}

#[cfg(test)]
#[path = "control_tests.rs"]
mod tests;
