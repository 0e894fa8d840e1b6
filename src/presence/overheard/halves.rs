//! # Greetings that come in pieces
//!
//! A browser's greeting no longer fits into one packet. Pieces wait here for the rest: a few
//! connections, a few kilobytes each, and no device may take the places of the others.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use crate::{
    model::{Capped, MacAddr, Mono, Port},
    wire::quic::ID_MAX,
};

/// Connections that are half heard, and of one device.
const HALVES_MAX: usize = 64;
const HALVES_OF_ONE_MAX: usize = 8;
/// Bytes of a greeting. With post-quantum keys it has about 1,800.
const BYTES_MAX: usize = 8 * 1024;
const PIECES_MAX: usize = 64;
/// The rest comes within milliseconds, or was lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whose greeting, and on which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    mac: MacAddr,
    connection: Connection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Connection {
    Quic { id: [u8; ID_MAX], len: usize },
    Tcp { from: IpAddr, to: IpAddr, ports: (Port, Port) },
}

impl Key {
    pub fn quic(mac: MacAddr, id: &[u8]) -> Key {
        let mut padded = [0; ID_MAX];
        for (place, byte) in padded.iter_mut().zip(id) {
            *place = *byte;
        }
        Key { mac, connection: Connection::Quic { id: padded, len: id.len() } }
    }

    pub const fn tcp(mac: MacAddr, from: IpAddr, to: IpAddr, ports: (Port, Port)) -> Key {
        Key { mac, connection: Connection::Tcp { from, to, ports } }
    }
}

#[derive(Debug)]
struct Half {
    since: Mono,
    /// The sequence number at which it starts; QUIC counts from zero.
    start: u32,
    pieces: BTreeMap<u64, Vec<u8>>,
    bytes: usize,
}

/// What is half heard.
#[derive(Debug)]
pub struct Halves(Capped<Key, Half>);

impl Default for Halves {
    fn default() -> Self {
        Halves(Capped::new(HALVES_MAX))
    }
}

impl Halves {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Begins anew at sequence number `start`.
    pub fn begin(&mut self, key: Key, start: u32, at: Mono) {
        self.0.remove(&key);
        let of_one = || self.0.iter().filter(|(other, _)| other.mac == key.mac);
        if of_one().count() >= HALVES_OF_ONE_MAX
            && let Some(oldest) = of_one().min_by_key(|(_, half)| half.since).map(|(key, _)| *key)
        {
            self.0.remove(&oldest);
        }
        self.0.insert(key, Half { since: at, start, pieces: BTreeMap::new(), bytes: 0 });
    }

    /// Where the bytes of this sequence number belong, if somebody waits for them.
    pub fn place(&self, key: &Key, sequence: u32, at: Mono) -> Option<u64> {
        let half = self.0.get(key).filter(|half| at.since(half.since) <= PATIENCE)?;
        let place = sequence.wrapping_sub(half.start);
        (usize::try_from(place).is_ok_and(|place| place < BYTES_MAX)).then_some(place.into())
    }

    /// Adds a piece, and begins if nothing waits. What is too much is left out.
    pub fn add(&mut self, key: Key, place: u64, piece: &[u8], at: Mono) {
        if self.0.get(&key).is_none_or(|half| at.since(half.since) > PATIENCE) {
            self.begin(key, 0, at);
        }
        let Some(half) = self.0.get_mut(&key) else { return };
        let bytes = half.bytes + piece.len();
        if half.pieces.len() < PIECES_MAX && bytes <= BYTES_MAX && !half.pieces.contains_key(&place) {
            half.bytes = bytes;
            half.pieces.insert(place, piece.to_vec());
        }
    }

    /// From the start as far as there is no gap.
    pub fn whole(&self, key: &Key) -> Vec<u8> {
        let mut out = Vec::new();
        for (place, piece) in self.0.get(key).map(|half| &half.pieces).into_iter().flatten() {
            // What overlaps is there already.
            let Some(known) = usize::try_from(*place).ok().and_then(|place| out.len().checked_sub(place)) else {
                break;
            };
            out.extend_from_slice(piece.get(known..).unwrap_or_default());
        }
        out
    }

    pub fn done(&mut self, key: &Key) {
        self.0.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const B: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    fn second(n: u64) -> Mono {
        Mono::default() + Duration::from_secs(n)
    }

    #[test]
    fn pieces_are_joined_up_to_the_first_gap_and_for_a_while_only() {
        let mut halves = Halves::default();
        let key = Key::quic(A, &[7; 8]);
        halves.add(key, 2, b"cd", second(0));
        assert_eq!(halves.whole(&key), b"");
        halves.add(key, 0, b"abc", second(1));
        halves.add(key, 9, b"z", second(1));
        assert_eq!(halves.whole(&key), b"abcd");
        halves.add(key, 0, b"late", second(9));
        assert_eq!(halves.whole(&key), b"late");
        let tcp = Key::tcp(A, [10, 0, 0, 1].into(), [10, 0, 0, 2].into(), (1, 443));
        halves.begin(tcp, u32::MAX - 1, second(9));
        assert_eq!(halves.place(&tcp, 3, second(9)), Some(5));
        assert_eq!((halves.place(&tcp, 3, second(99)), halves.place(&key, u32::MAX, second(9))), (None, None));
        halves.done(&tcp);
        halves.done(&key);
        assert!(halves.is_empty());
    }

    #[test]
    fn one_device_takes_nobodys_place() {
        let mut halves = Halves::default();
        let kept = Key::quic(B, &[9]);
        halves.add(kept, 0, b"kept", second(0));
        for n in 0..10_000u16 {
            halves.add(Key::quic(A, &n.to_be_bytes()), 0, &[0; 1200], second(0));
        }
        assert_eq!(halves.whole(&kept), b"kept");
        assert!(halves.0.len() <= HALVES_OF_ONE_MAX + 1);
    }

    proptest! {
        #[test]
        fn there_is_an_end_to_what_is_kept(pieces in proptest::collection::vec((0u64..20_000, 0usize..3000), 0..100)) {
            let mut halves = Halves::default();
            let key = Key::quic(A, &[1]);
            for (place, len) in pieces {
                halves.add(key, place, &vec![7; len], second(0));
            }
            prop_assert!(halves.whole(&key).len() <= BYTES_MAX);
            prop_assert!(halves.0.get(&key).is_none_or(|half| half.bytes <= BYTES_MAX));
        }
    }
}
