//! # Handshakes and introductions
//!
//! The only place that opens connections and the only one that sends a byte over them. Each connection has an end in
//! time and in bytes, whatever the other side does.

use std::{
    io,
    net::{IpAddr, SocketAddr, SocketAddrV6},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    certificate::Reader,
    list::{Intro, prints},
    read::{self, PAGE_MAX, Said},
    visit::Knocked,
};
use crate::model::{InterfaceId, Port};

/// How long a program may take to introduce itself, TLS included.
const GREETING: Duration = Duration::from_millis(1500);
/// A camera that was asked for its methods knows them.
const METHODS: Duration = Duration::from_secs(1);
const PAGE: Duration = Duration::from_secs(4);
/// Bytes of an introduction (RFC 4253 §4.2).
const GREETING_MAX: usize = 255;
/// New bytes after which a page is looked at again: one that drips is not searched at each drop.
const LOOK_AGAIN: usize = 256;

/// Whom to connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub ip: IpAddr,
    /// For link-local addresses.
    pub interface: Option<InterfaceId>,
}

impl Place {
    fn at(self, port: Port) -> SocketAddr {
        match self.ip {
            IpAddr::V6(ip) if ip.is_unicast_link_local() => {
                SocketAddrV6::new(ip, port, 0, self.interface.map_or(0, |interface| interface.0)).into()
            }
            ip => (ip, port).into(),
        }
    }
}

/// A handshake; then the connection is closed.
pub async fn knock(place: Place, port: Port, patience: Duration) -> Knocked {
    match timeout(patience, TcpStream::connect(place.at(port))).await {
        Ok(Ok(_)) => Knocked::Open,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Knocked::Refused,
        // Taken and thrown out at once: something is there.
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => Knocked::Refused,
        // "Unreachable" is said by routers.
        Ok(Err(_)) | Err(_) => Knocked::Silent,
    }
}

/// Hears how the service at `port` introduces itself.
pub async fn meet(place: Place, port: Port, intro: Intro) -> Option<Said> {
    // Said here once more, where the bytes go out.
    if prints(port) {
        return None;
    }
    let stream = timeout(GREETING, TcpStream::connect(place.at(port))).await.ok()?.ok()?;
    match intro {
        Intro::Listen => {
            let heard = hear(stream, b"", GREETING_MAX, GREETING, |bytes| bytes.contains(&b'\n')).await;
            read::greeting(port, &heard)
        }
        Intro::Http => {
            let page = hear(stream, get(place.ip).as_bytes(), PAGE_MAX, PAGE, read::is_enough).await;
            read::http(&page)
        }
        Intro::Rtsp => {
            let question = format!("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: {AGENT}\r\n\r\n");
            let answer = hear(stream, question.as_bytes(), PAGE_MAX, METHODS, |bytes| bytes.ends_with(b"\r\n\r\n"));
            read::rtsp(&answer.await)
        }
        Intro::Tls | Intro::Https => {
            let reader = Reader::new();
            let greeted = timeout(PAGE, reader.greet(place.ip, stream)).await.ok().flatten();
            let mut said = match greeted {
                Some(stream) if intro == Intro::Https => {
                    let page = hear(stream, get(place.ip).as_bytes(), PAGE_MAX, PAGE, read::is_enough).await;
                    read::http(&page).unwrap_or_default()
                }
                _ => Said::default(),
            };
            said.labels.extend(reader.words().map(|words| ("tls_certificate", words)));
            said.or_none()
        }
    }
}

const AGENT: &str = concat!("porchlight/", env!("CARGO_PKG_VERSION"));

fn get(ip: IpAddr) -> String {
    let host = match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    format!("GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {AGENT}\r\nAccept: text/html\r\nConnection: close\r\n\r\n")
}

/// Says `question` and reads until it is enough, too much, or too late. What came in time counts.
async fn hear<S: AsyncRead + tokio::io::AsyncWrite + Unpin>(
    mut stream: S,
    question: &[u8],
    most: usize,
    patience: Duration,
    enough: fn(&[u8]) -> bool,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let talk = async {
        if !question.is_empty() && (stream.write_all(question).await.is_err() || stream.flush().await.is_err()) {
            return;
        }
        let (mut piece, mut looked) = ([0; 1024], 0);
        while bytes.len() < most {
            let room = piece.get_mut(..(most - bytes.len()).min(1024)).unwrap_or_default();
            match stream.read(room).await {
                Ok(len) if len > 0 => bytes.extend_from_slice(room.get(..len).unwrap_or_default()),
                _ => return,
            }
            if question.is_empty() || bytes.len() - looked >= LOOK_AGAIN {
                looked = bytes.len();
                if enough(&bytes) {
                    return;
                }
            }
        }
    };
    drop(timeout(patience, talk).await);
    bytes
}
