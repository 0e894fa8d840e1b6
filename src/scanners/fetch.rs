//! # One document from one device
//!
//! A single HTTP request to the address that was heard, and to no other: no name is looked up and no redirect
//! followed. Everything has a limit: the time of the whole, the bytes of the answer, the speed of a peer that
//! drips.

use std::{net::IpAddr, time::Duration};

use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::wire::{
    http::{HEAD_MAX, Head, Place, is_printer},
    xml,
};

/// The whole exchange.
const DEADLINE: Duration = Duration::from_secs(5);
const BYTES_MAX: usize = HEAD_MAX + xml::BYTES_MAX;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum FetchError {
    #[error("no answer in time")]
    Late,
    #[error("the connection failed")]
    Broken,
    #[error("more than {} KiB", BYTES_MAX / 1024)]
    TooLong,
    #[error("no HTTP")]
    NoHttp,
    #[error("status {0}")]
    Status(u16),
}

/// What to ask. `body` makes it a POST.
#[derive(Debug, Clone, Default)]
pub struct Ask<'a> {
    /// Further lines, each with its line end.
    pub headers: &'a str,
    pub body: Option<&'a str>,
    /// Status 500 is an answer too, as SOAP's faults have it.
    pub faults: bool,
}

impl Ask<'_> {
    const fn wants(&self, status: u16) -> bool {
        status == 200 || (self.faults && status == 500)
    }
}

/// The body of the answer, if it is a plain 200, or a fault that is asked for.
///
/// # Errors
/// Why there is none.
pub async fn fetch(host: IpAddr, place: &Place, ask: &Ask<'_>) -> Result<Vec<u8>, FetchError> {
    if is_printer(place.port) {
        return Err(FetchError::Broken);
    }
    timeout(DEADLINE, exchange(host, place, ask)).await.unwrap_or(Err(FetchError::Late))
}

async fn exchange(host: IpAddr, place: &Place, ask: &Ask<'_>) -> Result<Vec<u8>, FetchError> {
    let mut stream = TcpStream::connect((host, place.port)).await.map_err(|_| FetchError::Broken)?;
    let (method, body) = ask.body.map_or(("GET", ""), |body| ("POST", body));
    let shown = if host.is_ipv6() { format!("[{host}]") } else { host.to_string() };
    let mut request = format!(
        "{method} {} HTTP/1.1\r\nHost: {shown}:{}\r\nUser-Agent: porchlight/{} UPnP/1.1\r\nConnection: close\r\n{}",
        place.path,
        place.port,
        env!("CARGO_PKG_VERSION"),
        ask.headers,
    );
    if ask.body.is_some() {
        request += &format!("Content-Length: {}\r\n", body.len());
    }
    request += "\r\n";
    request += body;
    stream.write_all(request.as_bytes()).await.map_err(|_| FetchError::Broken)?;
    let bytes = read(&mut stream, ask).await?;
    let head = Head::read(&bytes).ok_or(FetchError::NoHttp)?;
    if !ask.wants(head.status) {
        return Err(FetchError::Status(head.status));
    }
    Ok(head.body(&bytes))
}

async fn read(stream: &mut TcpStream, ask: &Ask<'_>) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece).await {
            Ok(0) => return Ok(bytes),
            Ok(len) => bytes.extend_from_slice(piece.get(..len).unwrap_or_default()),
            // A reset after the answer is how some devices hang up.
            Err(_) if Head::read(&bytes).is_some() => return Ok(bytes),
            Err(_) => return Err(FetchError::Broken),
        }
        if bytes.len() > BYTES_MAX {
            return Err(FetchError::TooLong);
        }
        match Head::read(&bytes) {
            Some(head) if !ask.wants(head.status) || head.is_whole(&bytes) => return Ok(bytes),
            Some(_) => {}
            None if bytes.len() > HEAD_MAX => return Err(FetchError::NoHttp),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn answered(answer: Vec<u8>, drips: bool) -> Result<Vec<u8>, FetchError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let peer = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut room = [0; 2048];
            let len = stream.read(&mut room).await.unwrap();
            assert!(room[..len].starts_with(b"GET /d.xml HTTP/1.1\r\nHost: 127.0.0.1:"));
            for piece in answer.chunks(if drips { 1 } else { 65_536 }) {
                if stream.write_all(piece).await.is_err() {
                    return;
                }
                if drips {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        });
        let place = Place { port, path: "/d.xml".into() };
        let done = fetch([127, 0, 0, 1].into(), &place, &Ask::default()).await;
        peer.abort();
        done
    }

    #[tokio::test]
    async fn an_answer_is_whole_or_refused() {
        let long = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 200_000]].concat();
        let cases: Vec<(Vec<u8>, bool, Result<usize, FetchError>)> = vec![
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab".to_vec(), false, Ok(2)),
            (b"HTTP/1.1 200 OK\r\n\r\nabc".to_vec(), false, Ok(3)),
            (
                b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n\r\n".to_vec(),
                false,
                Err(FetchError::Status(301)),
            ),
            (long, false, Err(FetchError::TooLong)),
            (vec![b'y'; 20_000], false, Err(FetchError::NoHttp)),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab".to_vec(), true, Err(FetchError::Late)),
        ];
        for (answer, drips, expected) in cases {
            let start = String::from_utf8_lossy(&answer[..answer.len().min(40)]).into_owned();
            assert_eq!(answered(answer, drips).await.map(|body| body.len()), expected, "{start}");
        }
    }
}
