//! # SNMP: questions to agents, and their answers
//!
//! Versions 1 (RFC 1157), 2c (RFC 1901) and 3 (RFC 3412), read only: get, get-next and get-bulk. Answers
//! are views of the bytes; names and our own questions are built. Whether an answer belongs to the question is
//! told by version, community and number here, by number, engine, user and digest in [`usm`].

use std::net::Ipv4Addr;

use crate::{model::Port, wire::reader::Reader};

pub mod ber;
mod crypt;
mod oid;
pub mod usm;

pub use crypt::{Auth, Privacy, master_key};
pub use oid::Oid;

pub const PORT: Port = 161;

/// Of the community versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    V1,
    V2c,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Get,
    Next,
    /// The next so many of each, at once. Not in version 1.
    Bulk(u8),
}

/// Tags of whole messages and of SNMP's own values (RFC 3416 §3, RFC 2578 §2).
pub mod tag {
    pub const GET: u8 = 0xa0;
    pub const NEXT: u8 = 0xa1;
    pub const RESPONSE: u8 = 0xa2;
    pub const BULK: u8 = 0xa5;
    pub const REPORT: u8 = 0xa8;
    pub const ADDRESS: u8 = 0x40;
    pub const COUNTER: u8 = 0x41;
    pub const GAUGE: u8 = 0x42;
    pub const TICKS: u8 = 0x43;
    pub const COUNTER64: u8 = 0x46;
    pub const NO_OBJECT: u8 = 0x80;
    pub const NO_INSTANCE: u8 = 0x81;
    pub const END_OF_VIEW: u8 = 0x82;
}

/// What an agent says of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    Integer(i64),
    Octets(&'a [u8]),
    Oid(Oid),
    Address(Ipv4Addr),
    /// Counters and gauges.
    Unsigned(u64),
    /// Hundredths of a second.
    Ticks(u64),
    /// It has none: no such object, no such instance, or nothing at all.
    None,
    /// Nothing follows (RFC 3416 §4.2.2).
    End,
    /// Of a kind that is of no use here.
    Other,
}

impl<'a> Value<'a> {
    fn read(tag: u8, inside: &'a [u8]) -> Option<Value<'a>> {
        Some(match tag {
            ber::INTEGER => Value::Integer(ber::signed(inside)?),
            ber::OCTETS => Value::Octets(inside),
            ber::OID => Value::Oid(Oid::read(inside)?),
            tag::ADDRESS => Value::Address(<[u8; 4]>::try_from(inside).ok()?.into()),
            tag::COUNTER | tag::GAUGE | tag::COUNTER64 => Value::Unsigned(ber::unsigned(inside)?),
            tag::TICKS => Value::Ticks(ber::unsigned(inside)?),
            ber::NULL | tag::NO_OBJECT | tag::NO_INSTANCE => Value::None,
            tag::END_OF_VIEW => Value::End,
            _ => Value::Other,
        })
    }

    /// A number, of whatever kind.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        match self {
            Value::Integer(value) => u64::try_from(*value).ok(),
            Value::Unsigned(value) | Value::Ticks(value) => Some(*value),
            _ => None,
        }
    }

    #[must_use]
    pub const fn octets(&self) -> Option<&'a [u8]> {
        match self {
            Value::Octets(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Names and values of an answer, in its order. Ends at the first that is not whole; `cut` then says so.
#[derive(Debug, Clone)]
pub struct Binds<'a> {
    rest: Reader<'a>,
    pub cut: bool,
}

impl<'a> Binds<'a> {
    /// Over the content of a list of bindings.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Binds<'a> {
        Binds { rest: Reader::new(bytes), cut: false }
    }

    fn one(&mut self) -> Option<(Oid, Value<'a>)> {
        let mut bind = ber::within(&mut self.rest, ber::SEQUENCE)?;
        let name = Oid::read(ber::expect(&mut bind, ber::OID)?)?;
        let (tag, inside) = ber::next(&mut bind)?;
        Some((name, Value::read(tag, inside)?))
    }
}

impl<'a> Iterator for Binds<'a> {
    type Item = (Oid, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let bind = self.one();
        if bind.is_none() {
            (self.cut, self.rest) = (true, Reader::new(&[]));
        }
        bind
    }
}

/// An answer or a report.
#[derive(Debug, Clone)]
pub struct Pdu<'a> {
    /// [`tag::RESPONSE`] or [`tag::REPORT`].
    pub tag: u8,
    /// The question's number.
    pub id: i32,
    /// Zero: none. 2 in version 1: no such name (RFC 1157 §4.1.2).
    pub error: i32,
    /// Which name it is about, from one; zero: none.
    pub index: i32,
    pub binds: Binds<'a>,
}

impl<'a> Pdu<'a> {
    /// Reads one that stands at the front of `reader`.
    #[must_use]
    pub fn read(reader: &mut Reader<'a>) -> Option<Pdu<'a>> {
        let (tag, inside) = ber::next(reader)?;
        if !matches!(tag, tag::RESPONSE | tag::REPORT) {
            return None;
        }
        let mut inside = Reader::new(inside);
        let (id, error, index) = (ber::int(&mut inside)?, ber::int(&mut inside)?, ber::int(&mut inside)?);
        Some(Pdu { tag, id, error, index, binds: Binds::new(ber::expect(&mut inside, ber::SEQUENCE)?) })
    }
}

/// A question about `names`, without the message around it.
#[must_use]
pub fn question(ask: Ask, id: i32, names: &[Oid]) -> Vec<u8> {
    match ask {
        Ask::Get => ask_of(tag::GET, id, 0, names),
        Ask::Next => ask_of(tag::NEXT, id, 0, names),
        Ask::Bulk(repeats) => ask_of(tag::BULK, id, repeats, names),
    }
}

fn ask_of(tag: u8, id: i32, repeats: u8, names: &[Oid]) -> Vec<u8> {
    let nothing = ber::put(ber::NULL, &[]);
    let bind = |name: &Oid| ber::put(ber::SEQUENCE, &[&ber::put(ber::OID, &[&name.bytes()]), &nothing]);
    let binds: Vec<Vec<u8>> = names.iter().map(bind).collect();
    let binds: Vec<&[u8]> = binds.iter().map(Vec::as_slice).collect();
    // The second number: errors in answers, names that are asked once in bulks. None of either.
    let numbers = [ber::put_int(id.into()), ber::put_int(0), ber::put_int(repeats.into())];
    let [id, none, repeats] = &numbers;
    ber::put(tag, &[id, none, repeats, &ber::put(ber::SEQUENCE, &binds)])
}

/// A whole message of the community versions.
#[must_use]
pub fn message(version: Version, community: &[u8], question: &[u8]) -> Vec<u8> {
    let version = ber::put_int(if version == Version::V1 { 0 } else { 1 });
    ber::put(ber::SEQUENCE, &[&version, &ber::put(ber::OCTETS, &[community]), question])
}

/// The answer in `bytes` if it is one of this version, under this community, to question `id`.
#[must_use]
pub fn answer<'a>(bytes: &'a [u8], version: Version, community: &[u8], id: i32) -> Option<Pdu<'a>> {
    let mut message = ber::within(&mut Reader::new(bytes), ber::SEQUENCE)?;
    let number = ber::int(&mut message)?;
    let said = ber::expect(&mut message, ber::OCTETS)?;
    if number != i32::from(version == Version::V2c) || said != community {
        return None;
    }
    Pdu::read(&mut message).filter(|pdu| pdu.tag == tag::RESPONSE && pdu.id == id)
}

#[cfg(test)]
mod tests;
