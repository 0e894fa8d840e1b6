//! # Apple: iBeacon and Continuity
//!
//! Manufacturer data of company 0x004c is a row of messages: type, length, data. Apple documents only
//! iBeacon (Proximity Beacon Specification R1); the rest is as found by Martin et al., "Handoff All Your
//! Privacy" (PoPETs 2019), Celosia and Cunche, "Discontinued Privacy" (PoPETs 2020), and Heinrich et al.,
//! "Who Can Find My Devices?" (PoPETs 2021).

use crate::wire::reader::Reader;

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    Beacon(Beacon),
    /// A phone, pad or watch nearby says what it is doing.
    Nearby(Nearby),
    /// Headphones in an open case, or being worn.
    Headphones(Headphones),
    FindMy(FindMy),
    Other {
        kind: u8,
        data: &'a [u8],
    },
}

impl Message<'_> {
    /// The name of the message in the papers.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Message::Beacon(_) => "ibeacon",
            Message::Nearby(_) => "nearby",
            Message::Headphones(_) => "headphones",
            Message::FindMy(_) => "find_my",
            Message::Other { kind, .. } => match kind {
                0x03 => "airprint",
                0x05 => "airdrop",
                0x06 => "homekit",
                0x08 => "hey_siri",
                0x09 => "airplay_target",
                0x0a => "airplay_source",
                0x0b => "magic_switch",
                0x0c => "handoff",
                0x0d => "tethering_target",
                0x0e => "tethering_source",
                0x0f => "nearby_action",
                _ => "unknown",
            },
        }
    }

    /// A message by which strangers' phones are made to show a window.
    #[must_use]
    pub const fn is_pairing(&self) -> bool {
        matches!(self, Message::Headphones(_) | Message::Other { kind: 0x07 | 0x0f, .. })
    }
}

/// An iBeacon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beacon {
    pub uuid: [u8; 16],
    pub major: u16,
    pub minor: u16,
    /// What is received at one metre, in dBm.
    pub at_1m: i8,
}

/// "Nearby info": status in the upper half, action in the lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nearby {
    pub status: u8,
    pub action: u8,
}

/// Battery levels in percent; `None` is not there or not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headphones {
    pub model: u16,
    pub left: Option<u8>,
    pub right: Option<u8>,
    pub case: Option<u8>,
}

/// A tag or device of the Find My network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindMy {
    /// Away from its owner for a while: it shouts its whole key.
    pub separated: bool,
    /// 3 full, 2 medium, 1 low, 0 nearly empty.
    pub battery: u8,
}

/// The messages of one advertisement.
#[derive(Debug, Clone)]
pub struct Messages<'a> {
    rest: Reader<'a>,
    /// The last one was cut short.
    pub cut: bool,
}

/// Reads Apple's manufacturer data, without the company.
#[must_use]
pub const fn messages(data: &[u8]) -> Messages<'_> {
    Messages { rest: Reader::new(data), cut: false }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let kind = self.rest.u8()?;
        // 0x01 stands alone in front of overflow data, which has no length of its own.
        let data = if kind == 0x01 {
            Some(self.rest.at_most(usize::MAX))
        } else {
            self.rest.u8().and_then(|len| self.rest.slice(len.into()))
        };
        let Some(data) = data else {
            self.cut = true;
            self.rest = Reader::new(&[]);
            return None;
        };
        let known = match kind {
            0x02 => beacon(data).map(Message::Beacon),
            0x07 => headphones(data).map(Message::Headphones),
            0x10 => data.first().map(|byte| Message::Nearby(Nearby { status: byte >> 4, action: byte & 0x0f })),
            0x12 => find_my(data).map(Message::FindMy),
            _ => None,
        };
        Some(known.unwrap_or(Message::Other { kind, data }))
    }
}

/// Exactly 21 bytes.
fn beacon(data: &[u8]) -> Option<Beacon> {
    let mut reader = Reader::new(data);
    let beacon = Beacon {
        uuid: reader.take()?,
        major: reader.u16()?,
        minor: reader.u16()?,
        at_1m: i8::from_be_bytes(reader.take()?),
    };
    reader.is_empty().then_some(beacon)
}

/// Prefix, model (2), status, batteries (2), then what is encrypted.
fn headphones(data: &[u8]) -> Option<Headphones> {
    let mut reader = Reader::new(data);
    let paired = reader.u8()? == 0x01;
    let (model, status, pods, case) = (reader.u16()?, reader.u8()?, reader.u8()?, reader.u8()?);
    // Tens of percent; 15 is "not known".
    let level = |tens: u8| (paired && tens <= 10).then_some(tens * 10);
    // Bit 5 of the status: which pod speaks, and so which half of the byte is whose.
    let (left, right) = if status & 0x20 == 0 { (pods >> 4, pods & 0x0f) } else { (pods & 0x0f, pods >> 4) };
    Some(Headphones { model, left: level(left), right: level(right), case: level(case & 0x0f) })
}

/// With its owner a device sends status and hint only; lost, it sends 22 bytes of its key besides.
fn find_my(data: &[u8]) -> Option<FindMy> {
    let status = *data.first()?;
    Some(FindMy { separated: data.len() >= 25, battery: 3 - (status >> 6) })
}
