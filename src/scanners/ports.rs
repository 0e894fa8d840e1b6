//! # Open ports
//!
//! ## What it finds
//! Which of some thirty well-known TCP services a device offers: web pages, file shares, cameras, printers, remote
//! desktops, brokers; and the program behind SSH, which introduces itself.
//! ## What it sends
//! One connection a port to each device that was heard within the last minute and a half, once a day by default
//! and once to a newcomer, one device after the other, at the common rate of all scanners.
//! ## What it needs
//! No rights.
//! ## How it decides
//! A port is open if the handshake is made; then the connection is closed. Not one byte is sent to any port, so
//! nothing is printed and nothing logged as a request. A device that answers none of its first ports is left alone.
//! ## What fools it
//! Firewalls that answer for others, and honeypots.
//!
//! Leaves out: ports beyond the list.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use super::{Desk, ScanError, Work, page::page, visits::Host};
use crate::model::{Card, Fact, Health, Port, Probe, Proof, Source, Span, Subject, clean_text};

pub(super) static CARD: Card = Card { id: "ports", title: "Open ports", needs: None, page: page!("ports.rs") };
pub(super) const SOURCE: Source = Source::Ports;
pub(super) const PROBES: &[Probe] = &[];

/// Ports and the service that custom puts there (IANA, and what homes use besides). The first are those that most
/// devices answer, open or refused.
const PORTS: &[(Port, &str)] = &[
    (80, "http"),
    (443, "https"),
    (22, "ssh"),
    (445, "microsoft-ds"),
    (139, "netbios-ssn"),
    (21, "ftp"),
    (23, "telnet"),
    (53, "domain"),
    (515, "printer"),
    (548, "afpovertcp"),
    (554, "rtsp"),
    (631, "ipp"),
    (1400, "sonos"),
    (1883, "mqtt"),
    (1935, "rtmp"),
    (2049, "nfs"),
    (3000, "http"),
    (3389, "rdp"),
    (3689, "daap"),
    (5000, "upnp"),
    (5060, "sip"),
    (5555, "adb"),
    (5900, "rfb"),
    (6053, "esphomelib"),
    (6668, "tuya"),
    (7000, "airplay"),
    (8009, "googlecast"),
    (8060, "roku-rcp"),
    (8080, "http-alt"),
    (8123, "home-assistant"),
    (8883, "secure-mqtt"),
    (9100, "jetdirect"),
    (32400, "plex"),
    (62078, "iphone-sync"),
];
/// Connections open at the same time: cheap devices hold few.
const AT_ONCE: usize = 4;
/// A handshake on a home network takes milliseconds; a sleeping radio adds a second.
const CONNECT: Duration = Duration::from_millis(1500);
/// How long a program may take to introduce itself.
const GREETING: Duration = Duration::from_millis(1500);
/// Bytes of an introduction (RFC 4253 §4.2).
const GREETING_MAX: usize = 255;
/// Ports without any answer after which the device is left alone.
const PATIENCE: usize = 8;

/// `scanners.ports`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// How often a device's ports are tried again. Newcomers are tried at once.
    pub interval: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { enabled: true, interval: Span::days(1) }
    }
}

pub(super) async fn run(_: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let mut visits = desk.visits();
    let mut seen = 0;
    desk.health(Health::Up);
    loop {
        tokio::select! {
            biased;
            work = desk.next() => match work? {
                None => return Ok(()),
                Some(Work::Round) => {
                    visits.again();
                    desk.stay(Duration::from_secs(8));
                    desk.done(std::mem::take(&mut seen));
                }
                Some(Work::Look(_)) => {}
            },
            host = visits.next() => {
                if visit(host, &mut desk).await? {
                    seen += 1;
                }
            }
        }
    }
}

/// What became of one connection.
enum Tried {
    Open(Option<String>),
    Refused,
    Silent,
}

/// Tries the ports of one device. Whether it answered at all.
async fn visit(host: Host, desk: &mut Desk) -> Result<bool, ScanError> {
    let (mut answered, mut silent) = (false, 0);
    let mut rest = PORTS;
    while let Some(piece) = desk.piece(&mut rest, AT_ONCE).await? {
        let mut tries: FuturesUnordered<_> =
            piece.iter().map(|row| async move { (*row, connect(host.ip, row.0).await) }).collect();
        while let Some(((port, name), tried)) = tries.next().await {
            let subject = Subject::ip(host.ip);
            match tried {
                Tried::Silent => {
                    silent += 1;
                    continue;
                }
                Tried::Refused => {}
                Tried::Open(greeting) => {
                    let service = Fact::Service { tcp: true, port, name: name.to_owned() };
                    desk.report(None, subject, service).await?;
                    if let Some(value) = greeting {
                        desk.report(None, subject, Fact::Label { key: "ssh_software", value }).await?;
                    }
                }
            }
            if !std::mem::replace(&mut answered, true) {
                let alive = Fact::Alive { proof: Proof::TcpAnswer, age: Duration::ZERO };
                desk.report(None, subject, alive).await?;
            }
        }
        if !answered && silent >= PATIENCE {
            break;
        }
    }
    Ok(answered)
}

async fn connect(ip: IpAddr, port: Port) -> Tried {
    match timeout(CONNECT, TcpStream::connect(SocketAddr::new(ip, port))).await {
        Ok(Ok(stream)) if port == 22 => Tried::Open(greeting(stream).await),
        Ok(Ok(_)) => Tried::Open(None),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => Tried::Refused,
        // "Unreachable" is said by routers.
        Ok(Err(_)) | Err(_) => Tried::Silent,
    }
}

/// What the program says by itself. Nothing is sent.
async fn greeting(stream: TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut limited = stream.take(GREETING_MAX as u64);
    let read = async {
        let mut piece = [0; GREETING_MAX];
        while !bytes.contains(&b'\n') {
            match limited.read(&mut piece).await {
                Ok(len) if len > 0 => bytes.extend_from_slice(piece.get(..len).unwrap_or_default()),
                _ => break,
            }
        }
    };
    // What came in time counts.
    drop(timeout(GREETING, read).await);
    software(&bytes)
}

/// `OpenSSH_9.2p1 Debian-2` of `SSH-2.0-OpenSSH_9.2p1 Debian-2`.
fn software(bytes: &[u8]) -> Option<String> {
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    let text = line.strip_prefix(b"SSH-")?;
    let at = text.iter().position(|byte| *byte == b'-')?;
    let value = clean_text(&String::from_utf8_lossy(text.get(at + 1..)?), 80);
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_port_is_listed_once() {
        let unique: BTreeSet<Port> = PORTS.iter().map(|row| row.0).collect();
        assert_eq!(unique.len(), PORTS.len());
    }

    #[test]
    fn an_introduction_is_cut_and_cleaned() {
        let cases: &[(&[u8], Option<&str>)] = &[
            (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", Some("OpenSSH_9.2p1 Debian-2")),
            (b"SSH-1.99-dropbear", Some("dropbear")),
            (b"SSH-2.0-a\x1b[2Jb\n", Some("a [2Jb")),
            (b"SSH-2.0-\n", None),
            (b"220 ftp\n", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(software(bytes).as_deref(), *expected);
        }
        let long = [b"SSH-2.0-".to_vec(), vec![b'x'; 300]].concat();
        assert_eq!(software(&long).map(|text| text.len()), Some(80));
    }
}
