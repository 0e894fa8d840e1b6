//! An agent that plays what it is given: names and values in order, asked by get, get-next and get-bulk.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, UdpSocket},
    ops::Bound::{Excluded, Unbounded},
};

use porchlight::wire::{
    reader::Reader,
    snmp::{Oid, Version, ber, message, tag},
};

/// A question as it came.
pub struct Asked {
    pub version: Version,
    pub tag: u8,
    pub id: i32,
    pub repeats: i32,
    pub names: Vec<Oid>,
}

pub type Values = BTreeMap<Oid, Vec<u8>>;

pub fn text(text: &str) -> Vec<u8> {
    ber::put(ber::OCTETS, &[text.as_bytes()])
}

pub fn oid(text: &str) -> Oid {
    Oid::new(&text.split('.').map(|arc| arc.parse().unwrap()).collect::<Vec<u32>>())
}

/// What every agent says of itself.
pub fn system(name: &str, services: i64) -> Values {
    let object = ber::put(ber::OID, &[&oid("1.3.6.1.4.1.4526.100.4.8").bytes()]);
    [
        ("1.3.6.1.2.1.1.1.0", text("a switch that is played")),
        ("1.3.6.1.2.1.1.2.0", object),
        ("1.3.6.1.2.1.1.5.0", text(name)),
        ("1.3.6.1.2.1.1.7.0", ber::put_int(services)),
    ]
    .map(|(name, value)| (oid(name), value))
    .into()
}

pub fn socket(address: &str) -> UdpSocket {
    UdpSocket::bind(SocketAddr::new(address.parse().unwrap(), 161)).unwrap()
}

/// The next question, and who put it.
pub fn asked(socket: &UdpSocket) -> (Asked, SocketAddr) {
    let mut room = [0; 2048];
    loop {
        let (len, from) = socket.recv_from(&mut room).unwrap();
        if let Some(asked) = read(&room[..len]) {
            return (asked, from);
        }
    }
}

fn read(bytes: &[u8]) -> Option<Asked> {
    let mut all = ber::within(&mut Reader::new(bytes), ber::SEQUENCE)?;
    let version = if ber::int(&mut all)? == 0 { Version::V1 } else { Version::V2c };
    assert_eq!(ber::expect(&mut all, ber::OCTETS)?, b"public");
    let (tag, inside) = ber::next(&mut all)?;
    let mut pdu = Reader::new(inside);
    let (id, _, repeats) = (ber::int(&mut pdu)?, ber::int(&mut pdu)?, ber::int(&mut pdu)?);
    let mut binds = ber::within(&mut pdu, ber::SEQUENCE)?;
    let mut names = Vec::new();
    while let Some(mut bind) = ber::within(&mut binds, ber::SEQUENCE) {
        names.push(Oid::read(ber::expect(&mut bind, ber::OID)?)?);
    }
    Some(Asked { version, tag, id, repeats, names })
}

/// A whole answer.
pub fn answer(asked: &Asked, id: i32, error: i32, index: i32, binds: &[(Oid, Vec<u8>)]) -> Vec<u8> {
    let binds: Vec<Vec<u8>> = binds
        .iter()
        .map(|(name, value)| ber::put(ber::SEQUENCE, &[&ber::put(ber::OID, &[&name.bytes()]), value]))
        .collect();
    let binds: Vec<&[u8]> = binds.iter().map(Vec::as_slice).collect();
    let numbers = [id, error, index].map(|number| ber::put_int(number.into()));
    let [id, error, index] = &numbers;
    let pdu = ber::put(tag::RESPONSE, &[id, error, index, &ber::put(ber::SEQUENCE, &binds)]);
    message(asked.version, b"public", &pdu)
}

/// The answer by the rules (RFC 1157 §4.1, RFC 3416 §4.2).
pub fn play(asked: &Asked, values: &Values) -> Vec<u8> {
    let after = |name: &Oid| values.range((Excluded(name.clone()), Unbounded)).next();
    let mut binds = Vec::new();
    for (at, name) in (1..).zip(&asked.names) {
        let found = match asked.tag {
            tag::GET => values.get_key_value(name),
            tag::NEXT => after(name),
            _ => {
                let repeats = usize::try_from(asked.repeats).unwrap();
                let rows = values.range((Excluded(name.clone()), Unbounded)).take(repeats);
                binds.extend(rows.map(|(name, value)| (name.clone(), value.clone())));
                if after(name).is_none() {
                    binds.push((name.clone(), ber::put(tag::END_OF_VIEW, &[])));
                }
                continue;
            }
        };
        match found {
            Some((name, value)) => binds.push((name.clone(), value.clone())),
            None if asked.version == Version::V1 => {
                let nothing = ber::put(ber::NULL, &[]);
                let same: Vec<_> = asked.names.iter().map(|name| (name.clone(), nothing.clone())).collect();
                return answer(asked, asked.id, 2, at, &same);
            }
            None => binds.push((name.clone(), ber::put(tag::NO_INSTANCE, &[]))),
        }
    }
    answer(asked, asked.id, 0, 0, &binds)
}
