//! # A conversation with one agent
//!
//! Over a socket of its own, connected, so that the kernel passes over what others send. Each question has a
//! number nobody can guess; an answer to another one is passed over, not taken for a fault. Each answer has
//! [`ANSWER`], a question that found none is put once more, and all of it ends at the host's own deadline:
//! an agent that is slow costs itself only.
//!
//! Holds: [`ROWS_MAX`] rows of a table, texts of [`TEXT_MAX`] bytes; asks [`QUESTIONS_MAX`] times.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use secrecy::ExposeSecret;
use tokio::{
    net::UdpSocket,
    time::{sleep, timeout},
};

use super::account::Account;
use crate::{
    model::{Clock, Mono},
    scanners::Budget,
    wire::snmp::{
        self, Ask, Binds, Oid, Value, Version,
        usm::{Complaint, Engine, Keys, Message, Opened, introduction},
    },
};

/// How long one answer may take. Small switches need half a second.
pub const ANSWER: Duration = Duration::from_millis(1500);
/// How long all of one host may take.
pub const HOST: Duration = Duration::from_secs(10);
pub const ROWS_MAX: usize = 4096;
pub const TEXT_MAX: usize = 255;
/// Rows asked for at once: 24 short ones fit one frame.
const REPEATS: u8 = 24;
/// Answers to one question read before it counts as unanswered: a flood is no answer.
const STRAYS_MAX: usize = 256;
/// Questions to one host at a time: a full table of 4,096 MACs twice, and some. An agent whose tables have no end
/// would else eat the packets of all scanners.
const QUESTIONS_MAX: u32 = 400;
/// RFC 1157 §4.1.1, RFC 3416 §3.
const TOO_BIG: i32 = 1;
const NO_SUCH_NAME: i32 = 2;

/// What an agent said, kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Number(u64),
    Bytes(Vec<u8>),
    Oid(Oid),
    Address(Ipv4Addr),
}

impl Said {
    fn keep(value: &Value<'_>) -> Option<Said> {
        match value {
            Value::Octets(bytes) => Some(Said::Bytes(bytes.get(..TEXT_MAX).unwrap_or(bytes).to_vec())),
            Value::Oid(oid) => Some(Said::Oid(oid.clone())),
            Value::Address(ip) => Some(Said::Address(*ip)),
            other => other.number().map(Said::Number),
        }
    }

    #[must_use]
    pub const fn number(&self) -> Option<u64> {
        match self {
            Said::Number(number) => Some(*number),
            _ => None,
        }
    }

    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Said::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// A row: what follows the column's name, and the value.
pub type Rows = Vec<(Vec<u32>, Said)>;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// Nothing came, or nothing that belongs to the question.
    Silent,
    /// The host says that nobody listens there.
    Closed,
    /// The agent does not want this user.
    Complaint(Complaint),
    /// The agent said who it is, and nothing to the question: so net-snmp meets what it cannot decipher.
    Mute,
    /// The agent says that the question is one it cannot answer.
    Refused,
    /// No socket, no chance: not the agent's fault.
    Own,
}

/// Shared by all conversations.
#[derive(Clone)]
pub struct Pace {
    pub clock: Clock,
    pub budget: Budget,
}

/// A conversation.
pub struct Talk {
    socket: UdpSocket,
    account: Account,
    pace: Pace,
    until: Mono,
    tries: u32,
    questions: u32,
    room: Vec<u8>,
    engine: Option<(Engine, Keys)>,
    /// When the engine told its clock.
    told: Mono,
    /// To a question of this user.
    answered: bool,
    /// Answers that were against the rules.
    pub faults: u64,
}

impl Talk {
    /// With the agent at `ip`; each question is sent at most `tries` times.
    ///
    /// # Errors
    /// There is no socket.
    pub async fn begin(to: SocketAddr, account: Account, pace: Pace, tries: u32) -> Result<Talk, Failed> {
        let own: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((own, 0)).await.map_err(|_| Failed::Own)?;
        socket.connect(to).await.map_err(|_| Failed::Own)?;
        let now = (pace.clock)().mono;
        let (until, room) = (now + HOST, vec![0; 1 << 16]);
        Ok(Talk {
            socket,
            account,
            pace,
            until,
            tries,
            questions: 0,
            room,
            engine: None,
            told: now,
            answered: false,
            faults: 0,
        })
    }

    /// From here on the host has earned a second try.
    pub const fn be_patient(&mut self) {
        self.tries = 2;
    }

    /// The values of `names`; those the agent does not have are left out.
    ///
    /// # Errors
    /// It did not answer.
    pub async fn get(&mut self, names: &[Oid]) -> Result<Vec<(Oid, Said)>, Failed> {
        let mut names = names.to_vec();
        let mut all = Vec::new();
        while !names.is_empty() {
            let answer = self.ask(Ask::Get, &names).await?;
            match answer.error {
                0 => {
                    all.extend(answer.binds.into_iter().filter_map(|(name, said)| Some((name, said?))));
                    return Ok(all);
                }
                // Version 1 refuses all for the sake of one; the index says which.
                NO_SUCH_NAME => {
                    let which = usize::try_from(answer.index).ok().and_then(|index| index.checked_sub(1));
                    match which.filter(|index| *index < names.len()) {
                        Some(index) => drop(names.remove(index)),
                        None => return Err(Failed::Refused),
                    }
                }
                TOO_BIG if names.len() > 1 => names.truncate(names.len() / 2),
                _ => return Err(Failed::Refused),
            }
        }
        Ok(all)
    }

    /// The rows of a column, as far as they come in order and in time.
    pub async fn walk(&mut self, column: &Oid) -> Rows {
        let mut rows: Rows = Vec::new();
        let mut last = column.clone();
        let ask = match self.account {
            Account::Community(Version::V1, _) => Ask::Next,
            _ => Ask::Bulk(REPEATS),
        };
        loop {
            let Ok(answer) = self.ask(ask, std::slice::from_ref(&last)).await else { return rows };
            if answer.error != 0 || answer.binds.is_empty() {
                return rows;
            }
            for (name, said) in answer.binds {
                let Some(below) = name.below(column) else { return rows };
                // RFC 3416 §4.2.2: each name is after the one before, or there would be no end.
                if name <= last {
                    self.faults += 1;
                    return rows;
                }
                let Some(said) = said else { return rows };
                rows.push((below.to_vec(), said));
                last = name;
                if rows.len() >= ROWS_MAX {
                    return rows;
                }
            }
        }
    }

    async fn ask(&mut self, ask: Ask, names: &[Oid]) -> Result<Answer, Failed> {
        match self.account.clone() {
            Account::Community(version, community) => {
                let id = number()?;
                let message = snmp::message(version, community.expose_secret(), &snmp::question(ask, id, names));
                self.exchange(&message, |bytes| {
                    let pdu = snmp::answer(bytes, version, community.expose_secret(), id)?;
                    Some(Ok(Answer::keep(pdu.error, pdu.index, pdu.binds)))
                })
                .await?
            }
            Account::User(login) => {
                if self.engine.is_none() {
                    let engine = self.introduce().await?;
                    let (auth, privacy) = (&login.auth, &login.privacy);
                    let auth = auth.as_ref().map(|(kind, key)| (*kind, key));
                    let privacy = privacy.as_ref().map(|(kind, key)| (*kind, key));
                    let keys = Keys::new(login.name.as_bytes(), auth, privacy, &engine.id);
                    self.engine = Some((engine, keys));
                }
                match self.ask_engine(ask, names).await {
                    // It told a clock that it does not keep, or started anew: once more by what it says now.
                    Err(Failed::Complaint(Complaint::Time)) => self.ask_engine(ask, names).await,
                    Err(Failed::Silent) if !self.answered => Err(Failed::Mute),
                    other => other,
                }
                .inspect(|_| self.answered = true)
            }
        }
    }

    async fn introduce(&mut self) -> Result<Engine, Failed> {
        let id = number()?;
        let engine = self
            .exchange(&introduction(id), |bytes| Message::read(bytes).filter(|message| message.id == id)?.introduced())
            .await?;
        self.told = (self.pace.clock)().mono;
        Ok(engine)
    }

    async fn ask_engine(&mut self, ask: Ask, names: &[Oid]) -> Result<Answer, Failed> {
        let id = number()?;
        let Some((mut engine, keys)) = self.engine.take() else { return Err(Failed::Own) };
        let told = engine.clone();
        let passed = (self.pace.clock)().mono.since(self.told).as_secs();
        engine.time = engine.time.saturating_add(passed.try_into().unwrap_or(u32::MAX));
        let question = snmp::question(ask, id, names);
        let mut salt = [0; 8];
        getrandom::fill(&mut salt).map_err(|_| Failed::Own)?;
        let sent = snmp::usm::question(&keys, &engine, id, salt, &question).ok_or(Failed::Own)?;
        let answer = self
            .exchange(&sent, |bytes| {
                let message = Message::read(bytes).filter(|message| message.id == id)?;
                match message.open(&keys, &engine) {
                    Opened::Answer(plain) => {
                        let pdu = Message::pdu(&plain).filter(|pdu| pdu.id == id)?;
                        Some(Ok(Answer::keep(pdu.error, pdu.index, pdu.binds)))
                    }
                    // Only who knows the key may set our clock; without a key there is nothing to guard.
                    Opened::Complaint(Complaint::Time, true) => Some(Err((Complaint::Time, message.introduced()))),
                    Opened::Complaint(why, _) => Some(Err((why, None))),
                    Opened::Refused => None,
                }
            })
            .await;
        match answer {
            Ok(Err((why, clock))) => {
                self.told = (self.pace.clock)().mono;
                self.engine = Some((clock.unwrap_or(told), keys));
                Err(Failed::Complaint(why))
            }
            Ok(Ok(answer)) => {
                self.engine = Some((told, keys));
                Ok(answer)
            }
            Err(failed) => {
                self.engine = Some((told, keys));
                Err(failed)
            }
        }
    }

    /// Sends, and reads until `accept` takes something.
    async fn exchange<T>(&mut self, message: &[u8], accept: impl Fn(&[u8]) -> Option<T>) -> Result<T, Failed> {
        for _ in 0..self.tries {
            self.pace().await;
            let left = self.until.since((self.pace.clock)().mono).min(ANSWER);
            self.questions += 1;
            if left.is_zero() || self.questions > QUESTIONS_MAX {
                return Err(Failed::Silent);
            }
            // What an earlier question met stays on the socket: "nobody listens" is told by the next call.
            if self.socket.send(message).await.is_err() {
                return Err(Failed::Closed);
            }
            let (socket, room, faults) = (&self.socket, &mut self.room, &mut self.faults);
            let read = async {
                for _ in 0..STRAYS_MAX {
                    let len = socket.recv(room).await.map_err(|_| Failed::Closed)?;
                    if let Some(taken) = accept(room.get(..len).unwrap_or_default()) {
                        return Ok(taken);
                    }
                    *faults += 1;
                }
                Err(Failed::Silent)
            };
            match timeout(left, read).await {
                Ok(Ok(taken)) => return Ok(taken),
                Ok(Err(Failed::Closed)) => return Err(Failed::Closed),
                Ok(Err(_)) | Err(_) => {}
            }
        }
        Err(Failed::Silent)
    }

    /// Waits for room in the budget of all scanners; that is not the agent's time.
    async fn pace(&mut self) {
        let turn = self.pace.budget.turn(1);
        while let Err(wait) = turn.take() {
            self.until = self.until + wait;
            sleep(wait).await;
        }
    }
}

/// An answer, kept. Without value: the agent has none, or nothing follows.
struct Answer {
    error: i32,
    index: i32,
    binds: Vec<(Oid, Option<Said>)>,
}

impl Answer {
    fn keep(error: i32, index: i32, binds: Binds<'_>) -> Answer {
        let binds = binds.take(ROWS_MAX).map(|(name, value)| (name, Said::keep(&value))).collect();
        Answer { error, index, binds }
    }
}

/// Nobody can guess it. Positive, as old agents want it.
fn number() -> Result<i32, Failed> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|_| Failed::Own)?;
    Ok(i32::from_be_bytes(bytes) & i32::MAX)
}
