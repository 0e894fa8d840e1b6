//! A small HTTP server on loopback that answers as a controller would.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

pub struct Asked {
    pub method: String,
    pub path: String,
    pub head: String,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }
}

pub struct Answer {
    pub status: u16,
    pub headers: Vec<String>,
    pub body: String,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<String>) -> Answer {
        Answer { status, headers: Vec::new(), body: body.into() }
    }
    pub fn with(mut self, header: impl Into<String>) -> Answer {
        self.headers.push(header.into());
        self
    }
}

/// What the stand-in is like now. Tests change it between rounds.
#[derive(Default)]
pub struct State {
    /// Address, received packets.
    pub stations: Vec<(&'static str, u64)>,
    pub password: &'static str,
    /// Sessions that are good.
    pub sessions: Vec<String>,
    pub logins: u32,
    /// Everything is answered with this status.
    pub broken: Option<u16>,
    /// hostapd is out of the user's reach, or TR-064 is off, or the site is another.
    pub limited: bool,
    /// As the classic one, without UniFi OS.
    pub classic: bool,
    /// Every request: method and path.
    pub log: Vec<String>,
}

pub struct Peer {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl Peer {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

pub type Handler = fn(&mut State, &Asked) -> Answer;

/// Starts it; `tls`: with this certificate.
pub async fn start(handler: Handler, state: State, tls: Option<TlsAcceptor>) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let state = Arc::new(Mutex::new(state));
    let shared = Arc::clone(&state);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (state, tls) = (Arc::clone(&shared), tls.clone());
            tokio::spawn(async move {
                match tls {
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, handler, &state).await;
                        }
                    }
                    None => serve(stream, handler, &state).await,
                }
            });
        }
    });
    Peer { port, state }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, handler: Handler, state: &Mutex<State>) {
    let mut bytes = Vec::new();
    let asked = loop {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(len) => bytes.extend_from_slice(&piece[..len]),
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let mut first = head.lines().next().unwrap_or_default().split(' ');
        let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
        let asked = Asked { method: method.into(), path: path.into(), head: head.into(), body: body.into() };
        let length = asked.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        if body.len() >= length {
            break asked;
        }
    };
    let answer = {
        let mut state = state.lock().unwrap();
        state.log.push(format!("{} {}", asked.method, asked.path));
        match state.broken {
            Some(status) => Answer::new(status, "broken"),
            None => handler(&mut state, &asked),
        }
    };
    let mut text =
        format!("HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {}\r\n", answer.status, answer.body.len());
    for header in &answer.headers {
        text += &format!("{header}\r\n");
    }
    text += &format!("\r\n{}", answer.body);
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}
