//! # What traffic tells detectors
//!
//! Outcomes are made here once; no detector works them out again. Values are owned and small. Secrets never
//! leave the parser: what is told of one is how long it was and a tag, keyed with a seed of this run, by which
//! two can be compared and from which nothing can be learned.

use std::net::IpAddr;

use crate::{
    model::{MacAddr, Moment, Party, Port},
    wire::tcp::Flags,
};

/// One side of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct End {
    /// Its own hardware address, if it is on this wire; `None` if it is beyond a router.
    pub mac: Option<MacAddr>,
    pub ip: IpAddr,
    pub port: Port,
}

impl End {
    /// For a finding.
    #[must_use]
    pub const fn party(&self) -> Party {
        Party { device: None, mac: self.mac, ip: Some(self.ip) }
    }
}

/// A conversation, as far as it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Talkers {
    /// IP protocol number.
    pub protocol: u8,
    /// Who began it.
    pub client: End,
    pub server: End,
    pub began: Moment,
    /// Its beginning was seen: who began it is known, not guessed.
    pub is_sure: bool,
    /// Packets of client and server.
    pub packets: [u64; 2],
    /// Payload of client and server, without repeats as far as that is seen.
    pub bytes: [u64; 2],
}

/// How a conversation was first seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// A TCP connection was asked for.
    Syn,
    /// An acceptance nobody here was seen to ask for.
    Unasked,
    /// Another TCP segment without a conversation.
    Stray(Flags),
    Datagram,
}

/// What became of an attempt. Told once for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Answered,
    Refused,
    /// ICMP said so; its code.
    Unreachable(u8),
    /// Nothing came for [`super::SILENT`].
    Silent,
}

/// A login that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub service: &'static str,
    /// Masked.
    pub user: String,
    /// Of the secret; zero if none was seen.
    pub tag: u64,
    /// The secret answered a challenge: that it is another one than before cannot be seen.
    pub is_proof: bool,
    pub ok: bool,
}

/// Service of a [`Login`] that was none: somebody asked whether there is such a user.
pub const NAMES: &str = "names of users";

/// A secret that everybody on the way could read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    pub protocol: &'static str,
    /// Masked.
    pub user: String,
    /// How long it is, roughly.
    pub length: &'static str,
    pub tag: u64,
    /// It was sent as a digest or an answer to a challenge.
    pub is_hashed: bool,
    /// It protects nothing: empty, `anonymous`, a well-known public word.
    pub is_trivial: bool,
}

/// One request of HTTP, and, when it is there, its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Http {
    pub method: String,
    /// As asked, of the first [`super::PATH_MAX`] bytes; each that is no letter is a sign of three bytes (U+FFFD).
    pub path: String,
    pub host: String,
    pub agent: String,
    /// Of a request: the lines of its head after the first, as sent, cut to [`super::HEADS_MAX`].
    pub heads: Vec<u8>,
    /// Zero until answered.
    pub status: u16,
    /// The first bytes of what was sent along, or of the answer.
    pub body: Vec<u8>,
    /// What the body is said to be, in lower case, cut.
    pub kind: String,
    /// The body is packed: how it looks says nothing.
    pub is_packed: bool,
    /// The client says which kinds it takes, as browsers do.
    pub has_accept: bool,
    /// It says which page led it here, or of which site it is.
    pub is_referred: bool,
    pub had_authorization: bool,
}

/// A question to a name server, or its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dns {
    pub id: u16,
    pub is_answer: bool,
    /// The server says that it owns the name (RFC 1035 §4.1.1, AA).
    pub is_own: bool,
    pub code: u8,
    pub kind: u16,
    /// Lower case, cut where it is not a name.
    pub name: String,
    /// Bytes of the answers' data.
    pub answer_bytes: u32,
    pub answer_count: u16,
    pub addresses: Vec<IpAddr>,
    pub ttl_s: u32,
}

/// A greeting of TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    pub name: Option<String>,
    /// It offers nothing newer than TLS 1.2.
    pub is_old: bool,
}

/// The certificate a server shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Certificate {
    /// Whom it is for, as it says itself: cleaned and cut.
    pub name: String,
    pub organization: String,
    /// Nobody else vouches for it.
    pub is_own: bool,
    /// Whom the client asked for.
    pub asked: Option<String>,
    /// Digests of who vouches for it and of its key; `None` if the answer was cut before them.
    pub issuer_and_key: Option<(u64, u64)>,
}

/// Of [`What::Admin`]: a session by which Windows is managed from afar.
pub const MANAGED: &str = "remote management";

/// What was noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Opened(Start),
    Outcome(Outcome),
    /// The client finished the handshake of TCP.
    Completed,
    /// Bytes in order, of the first of each side only.
    Said {
        by_client: bool,
        from: u32,
        bytes: Vec<u8>,
    },
    /// What one side said first in several pieces, put together while the other kept silent: who reads words one piece at
    /// a time is passed by whoever cuts them. Each piece was told before.
    Joined {
        by_client: bool,
        from: u32,
        bytes: Vec<u8>,
    },
    Closed {
        reset: bool,
    },
    /// One side has said a mebibyte, or twice as much as when this was told last.
    Grew,
    /// What a server shows to prove who it is, up to TLS 1.2.
    Certificate(Certificate),
    Login(Login),
    Credential(Credential),
    HttpRequest(Http),
    HttpAnswer(Http),
    Dns(Dns),
    Tls(Tls),
    /// Remote administration: a share, a pipe or an interface of it was opened.
    Admin(&'static str),
}

/// One thing that was noticed of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noticed {
    pub talk: Talkers,
    pub what: What,
}
