//! # One direction of a TCP connection, in order
//!
//! Of the first bytes only; repeats are dropped, what comes early waits in a small store, and a hole that is
//! not filled is jumped and counted: at once if the other side acknowledges what lies behind it, for then it has what is
//! missing, and nobody sends it again (RFC 9293 §3.4); else when too much waits. Live that is the rule and no loss: the kernel's
//! filter holds back what is a transfer. Overlaps: the first to arrive wins, which is what most hosts do.

use std::collections::BTreeMap;

/// Segments that wait for an earlier one, and their bytes.
const EARLY_MAX: usize = 16;
const EARLY_BYTES_MAX: usize = 32 * 1024;

/// See above.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    next: Option<u32>,
    /// The other side has all before this.
    acked: Option<u32>,
    early: BTreeMap<u32, Vec<u8>>,
    early_bytes: usize,
    /// Bytes handed on or passed over.
    pub taken: u32,
    pub gaps: u32,
    pub overlaps: u32,
}

/// `a` before `b` in sequence space (RFC 9293 §3.4).
const fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

impl Stream {
    /// The other side will begin at `sequence`.
    pub fn begin(&mut self, sequence: u32) {
        if self.next.is_none() {
            self.next = Some(sequence);
        }
    }

    /// Bytes that wait.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.early_bytes
    }

    /// The other side has all before `acked`.
    pub fn acknowledged(&mut self, acked: u32) {
        if self.acked.is_none_or(|known| before(known, acked)) {
            self.acked = Some(acked);
        }
    }

    /// Goes on behind a hole that nobody will fill: how many bytes are missing before what waits, or before what comes at
    /// `sequence` now. Then [`Stream::drain`] hands on what waited there.
    pub fn jump(&mut self, sequence: Option<u32>) -> Option<u32> {
        if self.early.is_empty() && sequence.is_none() {
            return None;
        }
        let (next, acked) = (self.next?, self.acked?);
        let ahead = |at: &u32| at.wrapping_sub(next);
        let first = self.early.keys().copied().chain(sequence).filter(|at| before(next, *at)).min_by_key(ahead)?;
        if before(acked, first) {
            return None;
        }
        self.go_on(next, first);
        Some(ahead(&first))
    }

    /// Takes a segment of `real` bytes of which `bytes` were captured; hands on what is in order now. How many bytes are
    /// missing behind that, because the capture was cut: what waits there, [`Stream::drain`] hands on.
    pub fn hear(&mut self, sequence: u32, bytes: &[u8], real: usize, out: &mut Vec<u8>) -> usize {
        if real == 0 {
            return 0;
        }
        let next = *self.next.get_or_insert(sequence);
        if before(next, sequence) {
            self.wait(sequence, bytes, out);
            return 0;
        }
        let skip = next.wrapping_sub(sequence) as usize;
        if skip > 0 {
            self.overlaps = self.overlaps.saturating_add(1);
        }
        if skip >= real {
            return 0;
        }
        self.pass(bytes.get(skip..).unwrap_or_default(), out);
        self.next = Some(sequence.wrapping_add(u32::try_from(real).unwrap_or_default()));
        let missing = real.saturating_sub(bytes.len().max(skip));
        match missing {
            0 => self.drain(out),
            _ => self.gaps = self.gaps.saturating_add(1),
        }
        missing
    }

    /// What is missing counts as passed: what comes behind it is not the beginning.
    fn go_on(&mut self, next: u32, first: u32) {
        self.gaps = self.gaps.saturating_add(1);
        self.taken = self.taken.saturating_add(first.wrapping_sub(next));
        self.next = Some(first);
    }

    fn wait(&mut self, sequence: u32, bytes: &[u8], out: &mut Vec<u8>) {
        if self.early.len() >= EARLY_MAX || self.early_bytes + bytes.len() > EARLY_BYTES_MAX {
            // What is missing was lost on the way to us: go on behind the hole.
            let next = self.next.unwrap_or(sequence);
            let first =
                self.early.keys().copied().min_by_key(|sequence| sequence.wrapping_sub(next)).unwrap_or(sequence);
            self.go_on(next, first);
            self.drain(out);
        }
        if self.early.len() < EARLY_MAX && self.early_bytes + bytes.len() <= EARLY_BYTES_MAX {
            let bytes = bytes.to_vec();
            self.early_bytes += bytes.len();
            if let Some(old) = self.early.insert(sequence, bytes) {
                self.early_bytes -= old.len();
            }
        }
        self.drain(out);
    }

    /// Hands on what waited and is in order now.
    pub fn drain(&mut self, out: &mut Vec<u8>) {
        while let Some(next) = self.next {
            let Some(sequence) = self.early.keys().copied().find(|sequence| !before(next, *sequence)) else { return };
            let Some(bytes) = self.early.remove(&sequence) else { return };
            self.early_bytes -= bytes.len();
            let skip = next.wrapping_sub(sequence) as usize;
            if let Some(rest) = bytes.get(skip..) {
                self.pass(rest, out);
                self.next = Some(next.wrapping_add(u32::try_from(rest.len()).unwrap_or_default()));
            }
        }
    }

    fn pass(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.taken = self.taken.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        out.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn segments_come_out_in_order_once() {
        let cases: &[(&str, &[(u32, &[u8])], &[u8])] = &[
            ("in order", &[(1, b"ab"), (3, b"cd")], b"abcd"),
            ("swapped", &[(3, b"cd"), (1, b"ab"), (5, b"e")], b"abcde"),
            ("repeated", &[(1, b"ab"), (1, b"ab"), (3, b"c")], b"abc"),
            ("overlapping", &[(1, b"abc"), (2, b"XYd"), (5, b"e")], b"abcde"),
            ("wrapping", &[(1, b"a")], b"a"),
        ];
        for (name, segments, expected) in cases {
            let (mut stream, mut out) = (Stream::default(), Vec::new());
            stream.begin(1);
            for (sequence, bytes) in *segments {
                assert_eq!(stream.hear(*sequence, bytes, bytes.len(), &mut out), 0, "{name}");
            }
            assert_eq!(out, *expected, "{name}");
        }
        let (mut stream, mut out) = (Stream::default(), Vec::new());
        stream.begin(u32::MAX);
        stream.hear(1, b"cd", 2, &mut out);
        stream.hear(u32::MAX, b"ab", 2, &mut out);
        assert_eq!(out, b"abcd", "sequence numbers wrap");
    }

    #[test]
    fn a_hole_is_jumped_when_too_much_waits() {
        let (mut stream, mut out) = (Stream::default(), Vec::new());
        stream.begin(0);
        for n in 1..40u32 {
            stream.hear(n * 10, b"0123456789", 10, &mut out);
        }
        assert!(out.len() >= 380 && stream.gaps == 1, "{} {}", out.len(), stream.gaps);
    }

    #[test]
    fn a_hole_is_jumped_when_the_other_side_has_what_is_missing() {
        // (acknowledged, at, bytes): what is missing, and what comes out
        let cases: &[(&str, &[(u32, u32, &[u8])], &[u32], &[u8])] = &[
            ("nobody says so", &[(3, 1, b"ab"), (3, 9, b"cd")], &[], b"ab"),
            ("a part of it", &[(3, 1, b"ab"), (8, 9, b"cd")], &[], b"ab"),
            ("what is missing", &[(3, 1, b"ab"), (9, 9, b"cd")], &[6], b"abcd"),
            ("later", &[(3, 1, b"ab"), (3, 9, b"cd"), (11, 11, b"e")], &[6], b"abcde"),
            ("two holes", &[(3, 1, b"ab"), (3, 9, b"cd"), (13, 13, b"e")], &[6, 2], b"abcde"),
            ("the second may still come", &[(3, 1, b"ab"), (9, 9, b"cd"), (9, 13, b"e")], &[6], b"abcd"),
            ("nothing is missing", &[(9, 1, b"ab"), (9, 3, b"cd")], &[], b"abcd"),
        ];
        for (name, segments, missing, expected) in cases {
            let (mut stream, mut out, mut holes) = (Stream::default(), Vec::new(), Vec::new());
            stream.begin(1);
            for (acked, sequence, bytes) in *segments {
                stream.acknowledged(*acked);
                while let Some(hole) = stream.jump(Some(*sequence)) {
                    holes.push(hole);
                    stream.drain(&mut out);
                }
                stream.hear(*sequence, bytes, bytes.len(), &mut out);
            }
            assert_eq!((&holes[..], &out[..]), (*missing, *expected), "{name}");
        }
    }

    proptest! {
        #[test]
        fn nothing_waits_beyond_the_cap(segments in proptest::collection::vec((any::<u32>(), 0usize..3000, 0usize..3000), 0..100)) {
            let (mut stream, mut out) = (Stream::default(), Vec::new());
            for (sequence, len, real) in segments {
                if len % 3 == 0 {
                    stream.acknowledged(sequence.wrapping_add(len as u32));
                }
                let mut holes = 0;
                while stream.jump(Some(sequence)).is_some() {
                    stream.drain(&mut out);
                    holes += 1;
                    prop_assert!(holes <= EARLY_MAX + 1);
                }
                let before = out.len();
                let missing = stream.hear(sequence, &vec![0; len.min(real)], real, &mut out);
                prop_assert!(missing == 0 || out.len() - before + missing <= real);
                if missing > 0 {
                    stream.drain(&mut out);
                }
                prop_assert!(stream.held() <= EARLY_BYTES_MAX && stream.early.len() <= EARLY_MAX);
                prop_assert_eq!(stream.held(), stream.early.values().map(Vec::len).sum::<usize>());
            }
        }
    }
}
