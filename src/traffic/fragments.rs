//! # Packets that came in pieces
//!
//! Pieces of IP are joined as their receiver would (RFC 815: a list of holes), so that what is said, tried or hidden in
//! them is seen. Pieces that lie over one another are no accident: the whole packet is dropped, and so is whatever else
//! comes of it (RFC 5722 §3 for version 6; Linux does the same for version 4). A piece that is just repeated changes
//! nothing. `detectors/malformed_packet` tells of the odd ones.
//!
//! Holds [`PACKETS_MAX`] unfinished packets, a quarter of them of strangers, at most [`BYTES_MAX`] bytes; the oldest go.

use std::{net::IpAddr, time::Duration};

use super::neighbours::owner;
use crate::{
    model::{Guarded, Mono, Pieces},
    wire::{Faults, Frame, Net},
};

/// Packets that wait for a piece. A quarter of this is for those on probation, which all of them are.
const PACKETS_MAX: usize = 4096;
/// Of all of them (Linux keeps 4 MiB: `net.ipv4.ipfrag_high_thresh`).
pub const BYTES_MAX: usize = 4 << 20;
/// Pieces of one packet; the largest packet in pieces of Ethernet's size has 45.
const PIECES_MAX: u32 = 512;
/// How long a receiver waits (RFC 8200 §4.5).
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest packet (RFC 791 §3.1).
const PACKET_MAX: u32 = 65_535;

/// Whose packet: both ends, number and protocol (RFC 791 §3.2; for version 6 the number alone, RFC 8200 §4.5).
type Key = (IpAddr, IpAddr, u32, u8);

#[derive(Debug)]
struct Half {
    /// First byte and the one behind the last; none left: it is whole.
    holes: Vec<(u32, u32)>,
    bytes: Vec<u8>,
    pieces: u32,
    began: Mono,
    /// The first piece held all of the transport's header, as honest ones do.
    shown: bool,
    /// Its pieces contradict each other: it is never joined.
    dead: bool,
}

impl Half {
    fn new(now: Mono) -> Half {
        Half { holes: vec![(0, u32::MAX)], bytes: Vec::new(), pieces: 0, began: now, shown: false, dead: false }
    }

    /// Puts one piece in its place. `false`: it contradicts what is there.
    fn fill(&mut self, from: u32, bytes: &[u8], more: bool) -> bool {
        let to = from + u32::try_from(bytes.len()).unwrap_or(PACKET_MAX);
        let Some(at) = self.holes.iter().position(|(first, end)| *first <= from && to <= *end) else {
            // Just the same again, or over another.
            let known = self.bytes.get(from as usize..to as usize);
            let is_empty = |(first, end): &(u32, u32)| to <= *first || *end <= from;
            return known == Some(bytes) && self.holes.iter().all(is_empty);
        };
        let (first, end) = self.holes.swap_remove(at);
        if first < from {
            self.holes.push((first, from));
        }
        if more && to < end {
            self.holes.push((to, end));
        } else if !more && (end != u32::MAX || self.holes.iter().any(|(_, end)| *end > to)) {
            // An end before the end.
            return false;
        }
        let (start, behind) = (from as usize, to as usize);
        if self.bytes.len() < behind {
            self.bytes.resize(behind, 0);
        }
        if let Some(place) = self.bytes.get_mut(start..behind) {
            place.copy_from_slice(bytes);
        }
        true
    }
}

/// What became of a piece.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// It is none, or cannot be joined: what it shows itself is all there is.
    Alone,
    /// It waits for others, or was thrown away with them.
    Kept,
    /// It was the last: what all of them carry, behind the headers of IP; and whether the first showed the transport.
    Whole(Vec<u8>, bool),
}

/// See the page above.
#[derive(Debug)]
pub struct Fragments {
    halves: Guarded<Key, Half>,
    held: usize,
    counts: Pieces,
}

impl Default for Fragments {
    fn default() -> Fragments {
        Fragments { halves: Guarded::new(PACKETS_MAX), held: 0, counts: Pieces::default() }
    }
}

impl Fragments {
    /// Takes one frame.
    pub fn take(&mut self, frame: &Frame<'_>, now: Mono) -> Piece {
        let (key, from, more, bytes) = match &frame.net {
            Some(Net::V4(ip)) if ip.is_fragment() => {
                let key = (ip.source.into(), ip.destination.into(), u32::from(ip.id), ip.protocol);
                (key, u32::from(ip.fragment_offset), ip.more_fragments, ip.payload)
            }
            Some(Net::V6(ip)) => match ip.fragment {
                // RFC 6946: a packet of one piece is whole.
                Some(piece) if piece.offset != 0 || piece.more => {
                    let key = (ip.source.into(), ip.destination.into(), piece.id, 0);
                    (key, u32::from(piece.offset), piece.more, ip.payload)
                }
                _ => return Piece::Alone,
            },
            _ => return Piece::Alone,
        };
        // Of a piece that was cut by the capture the middle is missing for good.
        if frame.faults.has(Faults::NET_CUT) {
            return Piece::Alone;
        }
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let is_odd = bytes.is_empty() || more && !len.is_multiple_of(8) || from.saturating_add(len) > PACKET_MAX;
        if is_odd {
            self.counts.refused += 1;
            return Piece::Kept;
        }
        let shown = from == 0 && frame.transport.is_some();
        self.join(key, from, bytes, (more, shown), frame.source.map_or(0, owner), now)
    }

    fn join(&mut self, key: Key, from: u32, bytes: &[u8], (more, shown): (bool, bool), owner: u64, now: Mono) -> Piece {
        let tick = now.0 / 1_000_000_000;
        if self.halves.get(&key).is_some_and(|half| now.since(half.began) > PATIENCE) {
            self.counts.given_up += 1;
            self.drop(&key);
        }
        if self.halves.get(&key).is_none()
            && let Some((_, gone)) = self.halves.insert(key, Half::new(now), owner, tick)
        {
            self.counts.given_up += 1;
            self.held -= gone.bytes.len();
        }
        let Some(half) = self.halves.get_mut(&key, tick) else { return Piece::Alone };
        if half.dead {
            return Piece::Kept;
        }
        let before = half.bytes.len();
        half.pieces += 1;
        half.shown |= shown;
        let is_too_many = half.pieces > PIECES_MAX;
        if is_too_many || !half.fill(from, bytes, more) {
            let counted = if is_too_many { &mut self.counts.refused } else { &mut self.counts.overlapped };
            *counted += 1;
            // The number stays, so that pieces to come are not taken for another packet.
            (half.dead, half.bytes, half.holes) = (true, Vec::new(), Vec::new());
            self.held -= before;
            return Piece::Kept;
        }
        self.held += half.bytes.len() - before;
        if half.holes.is_empty() {
            self.counts.joined += 1;
            return self.drop(&key).map_or(Piece::Kept, |half| Piece::Whole(half.bytes, half.shown));
        }
        while self.held > BYTES_MAX {
            let Some((_, gone)) = self.halves.take_oldest() else { break };
            self.counts.given_up += 1;
            self.held -= gone.bytes.len();
        }
        Piece::Kept
    }

    fn drop(&mut self, key: &Key) -> Option<Half> {
        let half = self.halves.remove(key)?;
        self.held -= half.bytes.len();
        Some(half)
    }

    #[must_use]
    pub const fn counts(&self) -> Pieces {
        self.counts
    }
    #[must_use]
    pub fn len(&self) -> usize {
        self.halves.len()
    }
    /// Bytes that wait.
    #[cfg(test)]
    pub const fn held(&self) -> usize {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(id: u32) -> Key {
        ([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), id, 17)
    }

    fn second(s: u64) -> Mono {
        Mono(s * 1_000_000_000)
    }

    #[test]
    fn pieces_are_joined_in_any_order_and_what_overlaps_is_dropped_for_good() {
        type Given<'a> = &'a [(u32, &'a [u8], bool)];
        let (a, b, c): (&[u8], &[u8], &[u8]) = (b"AAAAAAAA", b"BBBBBBBB", b"CC");
        let whole: Option<&[u8]> = Some(b"AAAAAAAABBBBBBBBCC");
        let cases: &[(&str, Given<'_>, Option<&[u8]>, u64)] = &[
            // name, pieces (offset, bytes, more follow), joined, packets dropped
            ("in order", &[(0, a, true), (8, b, true), (16, c, false)], whole, 0),
            ("backwards", &[(16, c, false), (8, b, true), (0, a, true)], whole, 0),
            ("middle last", &[(16, c, false), (0, a, true), (8, b, true)], whole, 0),
            ("one twice", &[(0, a, true), (0, a, true), (16, c, false), (8, b, true)], whole, 0),
            ("one missing", &[(0, a, true), (16, c, false)], None, 0),
            ("another in its place", &[(0, a, true), (0, b, true), (8, b, true), (16, c, false)], None, 1),
            ("half over another", &[(0, b"AAAAAAAAXXXXXXXX", true), (8, b, true), (16, c, false)], None, 1),
            ("over a hole and a piece", &[(8, b, true), (0, b"AAAAAAAABBBBBBBB", true), (16, c, false)], None, 1),
            ("two ends", &[(16, c, false), (8, b, false), (0, a, true)], None, 1),
            ("behind the end", &[(8, c, false), (16, b, true), (0, a, true)], None, 1),
        ];
        for (name, pieces, expected, dropped) in cases {
            let mut fragments = Fragments::default();
            let mut found = None;
            for (from, bytes, more) in *pieces {
                if let Piece::Whole(bytes, _) = fragments.join(key(7), *from, bytes, (*more, true), 1, second(1)) {
                    found = Some(bytes);
                }
            }
            assert_eq!((found.as_deref(), fragments.counts.overlapped), (*expected, *dropped), "{name}");
        }
    }

    #[test]
    fn who_waits_too_long_begins_anew() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.join(key(7), 0, b"AAAAAAAA", (true, true), 1, second(1)), Piece::Kept);
        assert_eq!(fragments.join(key(7), 8, b"BB", (false, true), 1, second(62)), Piece::Kept);
        let whole = fragments.join(key(7), 0, b"CCCCCCCC", (true, true), 1, second(63));
        assert_eq!(whole, Piece::Whole(b"CCCCCCCCBB".to_vec(), true));
        assert_eq!((fragments.counts.given_up, fragments.held(), fragments.len()), (1, 0, 0));
    }

    #[test]
    fn a_flood_of_halves_holds_no_more_than_its_room() {
        let mut fragments = Fragments::default();
        for id in 0..20_000u32 {
            fragments.join(key(id), 0, &[0; 16_000], (true, true), u64::from(id % 500), second(1));
            assert!(fragments.held() <= BYTES_MAX && fragments.len() <= PACKETS_MAX);
        }
        fragments.join(key(7), 0, b"AAAAAAAA", (true, true), 1, second(2));
        assert_eq!(
            fragments.join(key(7), 8, b"B", (false, true), 1, second(2)),
            Piece::Whole(b"AAAAAAAAB".to_vec(), true)
        );
    }

    proptest! {
        #[test]
        fn a_packet_cut_anyhow_is_joined_again(
            packet in proptest::collection::vec(any::<u8>(), 1..4000),
            cuts in proptest::collection::vec(1usize..60, 0..8),
            order in any::<u64>(),
        ) {
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts {
                let to = from + cut * 8;
                if to < packet.len() {
                    pieces.push((from, to));
                    from = to;
                }
            }
            pieces.push((from, packet.len()));
            let mut dice = order;
            for n in (1..pieces.len()).rev() {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                pieces.swap(n, (dice >> 33) as usize % (n + 1));
            }
            let mut fragments = Fragments::default();
            let mut found = Vec::new();
            for (from, to) in pieces {
                let more = to < packet.len();
                found.push(fragments.join(key(1), from as u32, &packet[from..to], (more, true), 1, second(1)));
            }
            let last = found.pop();
            prop_assert_eq!(last, Some(Piece::Whole(packet, true)));
            prop_assert!(found.iter().all(|one| *one == Piece::Kept));
            prop_assert_eq!((fragments.held(), fragments.len()), (0, 0));
        }

        #[test]
        fn books_agree_whatever_comes(pieces in proptest::collection::vec((0u32..6, 0u32..40, 0usize..40, any::<bool>(), 0u64..40), 0..200)) {
            let (mut fragments, mut now) = (Fragments::default(), 1);
            for (id, from, len, more, wait) in pieces {
                now += wait;
                let bytes = vec![id as u8; len * 8 + 1];
                fragments.join(key(id), from * 8, &bytes, (more, true), 1, second(now));
                let held: usize = fragments.halves.iter().map(|(_, half)| half.bytes.len()).sum();
                prop_assert_eq!(held, fragments.held());
            }
        }
    }
}
