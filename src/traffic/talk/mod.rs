//! # What is said in a conversation
//!
//! The protocol is told by content, not by port, from the first bytes of either side; then a small reader of that
//! protocol makes outcomes of it. Each reader keeps only an unfinished message, at most [`UNREAD_MAX`] bytes.

mod binary;
mod databases;
mod greeting;
mod http;
mod json;
mod kerberos;
mod letters;
mod lines;
mod offices;
mod once;
mod rpc;
mod secrets;
mod smb;
mod ssh;
mod telnet;

pub use secrets::is_factory;

use super::{
    fact::{Talkers, What},
    names,
};
use crate::wire::tls;

/// Bytes of an unfinished message a side.
const UNREAD_MAX: usize = 8 * 1024;
/// Bytes after which a protocol nobody knows stays unknown.
const GIVE_UP: usize = 2048;

#[derive(Debug, Default)]
enum App {
    #[default]
    Unknown,
    Lines(lines::Lines),
    Http(http::Reader),
    Telnet(telnet::Telnet),
    Ssh(ssh::Ssh),
    Smb(smb::Smb),
    Rpc(smb::Rpc),
    Binary(binary::Binary),
    Tls(greeting::Greeting),
    Kerberos,
    Once(once::Once),
    Done,
}

/// The reader of one conversation.
#[derive(Debug, Default)]
pub struct Talk {
    app: App,
    unread: [Vec<u8>; 2],
    seen: [usize; 2],
}

impl Talk {
    /// One that reads no more.
    #[must_use]
    pub fn done() -> Talk {
        Talk { app: App::Done, ..Talk::default() }
    }
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.app, App::Done)
    }
    /// Its protocol carries much before what matters.
    #[must_use]
    pub const fn is_long(&self) -> bool {
        matches!(self.app, App::Smb(_) | App::Rpc(_) | App::Lines(_) | App::Http(_) | App::Telnet(_))
    }
    #[must_use]
    pub fn held(&self) -> usize {
        let once = if let App::Once(once) = &self.app { once.held() } else { 0 };
        self.unread.iter().map(Vec::capacity).sum::<usize>() + once
    }

    /// Takes bytes in order.
    pub fn hear(&mut self, talk: &Talkers, by_client: bool, bytes: &[u8], seed: u64, out: &mut Vec<What>) {
        if self.is_done() {
            return;
        }
        let side = usize::from(!by_client);
        if let (Some(unread), Some(seen)) = (self.unread.get_mut(side), self.seen.get_mut(side)) {
            unread.extend_from_slice(bytes);
            *seen = seen.saturating_add(bytes.len());
        }
        if matches!(self.app, App::Unknown) {
            self.recognise(talk, out);
        }
        let [client, server] = &mut self.unread;
        if let (App::Http(reader), false) = (&mut self.app, by_client) {
            reader.hurry(client, server, seed, out);
        }
        if let (App::Tls(greeting), false) = (&mut self.app, by_client) {
            greeting.hurry(client, out);
        }
        let unread = if by_client { client } else { server };
        match &mut self.app {
            App::Unknown | App::Done => {}
            App::Lines(lines) => lines.hear(by_client, unread, seed, out),
            App::Http(reader) => reader.hear(by_client, unread, seed, out),
            App::Telnet(telnet) => telnet.hear(by_client, unread, seed, out),
            App::Ssh(ssh) => ssh.hear(by_client, unread, out),
            App::Smb(smb) => smb.hear(by_client, unread, seed, out),
            App::Rpc(rpc) => rpc.hear(by_client, unread, out),
            App::Binary(binary) => binary.hear(by_client, unread, seed, out),
            App::Tls(greeting) => {
                if greeting.hear(by_client, unread, out) {
                    self.app = App::Done;
                }
            }
            App::Kerberos => kerberos::hear(by_client, unread, seed, out),
            App::Once(once) => {
                once.hear(by_client, unread, seed, out);
                if once.is_done() {
                    self.app = App::Done;
                }
            }
        }
        let [client, server] = &mut self.unread;
        let unread = if by_client { client } else { server };
        if unread.len() > UNREAD_MAX {
            let cut = unread.len() - UNREAD_MAX / 2;
            unread.drain(..cut);
        }
        if self.is_done() {
            self.unread = Default::default();
        }
    }

    /// So many bytes of a side were not seen and never will be: what it was saying there has no end.
    pub fn miss(&mut self, by_client: bool, missing: usize, seed: u64, out: &mut Vec<What>) {
        let [client, server] = &mut self.unread;
        let unread = if by_client { client } else { server };
        if let App::Http(reader) = &mut self.app {
            reader.miss(by_client, unread, missing, seed, out);
        }
        if let (App::Tls(greeting), true) = (&mut self.app, by_client) {
            greeting.hurry(unread, out);
        }
        unread.clear();
    }

    /// The connection ended.
    pub fn end(&mut self, talk: &Talkers, out: &mut Vec<What>) {
        match &mut self.app {
            App::Ssh(ssh) => ssh.end(talk, out),
            App::Smb(smb) => smb.end(out),
            App::Lines(lines) => lines.end(out),
            App::Tls(greeting) => {
                let [client, _] = &mut self.unread;
                greeting.hurry(client, out);
            }
            _ => {}
        }
    }

    fn recognise(&mut self, talk: &Talkers, out: &mut Vec<What>) {
        let [client, server] = &self.unread;
        let (client, server) = (client.as_slice(), server.as_slice());
        let app = if tls::server_name(client).is_some() || client.starts_with(&[22, 3]) {
            Some(App::Tls(greeting::Greeting::default()))
        } else if http::is_request(client) {
            Some(App::Http(http::Reader::default()))
        } else if client.starts_with(b"SSH-") || server.starts_with(b"SSH-") {
            Some(App::Ssh(ssh::Ssh::default()))
        } else if telnet::is_telnet(client)
            || telnet::is_telnet(server)
            || (talk.server.port == 23 && !server.is_empty())
            || offices::is_rlogin(client)
        {
            Some(App::Telnet(telnet::Telnet::default()))
        } else if smb::is_smb(client) || smb::is_smb(server) {
            Some(App::Smb(smb::Smb::default()))
        } else if rpc::is_bind(client) {
            Some(App::Rpc(smb::Rpc::default()))
        } else if kerberos::is_request(client) {
            Some(App::Kerberos)
        } else if let Some(binary) = binary::recognise(talk, client, server) {
            Some(App::Binary(binary))
        } else if let Some(once) = once::recognise(talk, client, server) {
            Some(App::Once(once))
        } else {
            lines::recognise(client, server).map(App::Lines)
        };
        if let Some(app) = app {
            self.app = app;
            // What the other side said first is read as well.
            if let (App::Lines(lines), [client, server]) = (&mut self.app, &mut self.unread) {
                let mut early = Vec::new();
                lines.hear(false, server, 0, &mut early);
                out.append(&mut early);
                let _ = client;
            }
        } else if self.seen.iter().any(|seen| *seen > GIVE_UP) {
            self.app = App::Done;
            self.unread = Default::default();
        }
    }
}

/// What a datagram says.
pub fn datagram(talk: &Talkers, by_client: bool, payload: &[u8], seed: u64, out: &mut Vec<What>) {
    match talk.server.port {
        53 | 5353 | 5355 => {
            if let Some(dns) = names::read(payload) {
                out.push(What::Dns(dns));
            }
        }
        161 if by_client => binary::community(payload, seed, out),
        88 if !by_client => kerberos::datagram(payload, seed, out),
        5060 => lines::sip(payload, seed, out),
        // IANA: radius, and what it was before; asf-rmcp.
        1812 | 1645 if by_client => offices::radius(payload, seed, out),
        623 if !by_client => offices::ipmi(payload, seed, out),
        // At whatever port.
        _ if once::is_sip(payload) || payload.starts_with(b"SIP/2.0 ") => lines::sip(payload, seed, out),
        _ => {}
    }
}
