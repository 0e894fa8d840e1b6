//! Networks as ranges that do not overlap: of two that hold an address, the smaller counts.

use super::Tag;

/// An address as a number.
pub(super) trait Number: Copy + Ord + Default {
    const BITS: u8;
    /// The highest of the network of `bits` that begins here.
    fn last(self, bits: u8) -> Self;
    fn next(self) -> Option<Self>;
    fn before(self) -> Option<Self>;
    /// The highest 16 bits.
    fn cut(self) -> usize;
}

macro_rules! number {
    ($($kind:ty),+) => {$(
        impl Number for $kind {
            const BITS: u8 = <$kind>::BITS as u8;
            fn last(self, bits: u8) -> Self {
                self | <$kind>::MAX.checked_shr(u32::from(bits)).unwrap_or(0)
            }
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
            fn before(self) -> Option<Self> {
                self.checked_sub(1)
            }
            fn cut(self) -> usize {
                (self >> (<$kind>::BITS - 16)) as usize & 0xffff
            }
        }
    )+};
}

number!(u32, u128);

/// First and last address, and the tag. Sorted, apart.
#[derive(Debug, Clone, Default)]
pub(super) struct Ranges<N> {
    rows: Vec<(N, N, Tag)>,
    /// Where the rows begin whose first address begins so; empty for few.
    cuts: Vec<u32>,
}

/// Below it a plain search is as fast.
const FEW: usize = 1024;

impl<N: Number> Ranges<N> {
    pub(super) fn new(mut nets: Vec<(N, u8, Tag)>) -> Ranges<N> {
        nets.sort_unstable();
        nets.dedup_by(|later, first| {
            let same = (later.0, later.1) == (first.0, first.1);
            if same {
                first.2 = first.2.join(later.2);
            }
            same
        });
        let mut rows = Vec::with_capacity(nets.len());
        // Networks are nested or apart: those that hold the present one, largest first, and what follows of the last.
        let mut around: Vec<(N, Tag)> = Vec::new();
        let mut from = N::default();
        let close = |rows: &mut Vec<(N, N, Tag)>, around: &mut Vec<(N, Tag)>, from: &mut N, until: Option<N>| {
            while let Some((last, tag)) = around.last().copied().filter(|(last, _)| until.is_none_or(|u| *last < u)) {
                if *from <= last {
                    rows.push((*from, last, tag));
                    *from = last.next().unwrap_or(last);
                    if last.next().is_none() {
                        around.clear();
                        return;
                    }
                }
                around.pop();
            }
        };
        for (first, bits, tag) in nets {
            close(&mut rows, &mut around, &mut from, Some(first));
            if let (Some((_, outer)), Some(before)) = (around.last().copied(), first.before())
                && from <= before
            {
                rows.push((from, before, outer));
            }
            from = first;
            around.push((first.last(bits.min(N::BITS)), tag));
        }
        close(&mut rows, &mut around, &mut from, None);
        rows.shrink_to_fit();
        let mut cuts = Vec::new();
        if rows.len() > FEW {
            let mut at = 0;
            for cut in 0..=0xffff {
                while rows.get(at).is_some_and(|(first, ..)| first.cut() < cut) {
                    at += 1;
                }
                cuts.push(u32::try_from(at).unwrap_or(u32::MAX));
            }
            cuts.push(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        }
        Ranges { rows, cuts }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<(N, N, Tag)>() + self.cuts.capacity() * size_of::<u32>()
    }

    pub(super) fn get(&self, number: N) -> Option<Tag> {
        let cut = number.cut();
        let (from, to) = match (self.cuts.get(cut), self.cuts.get(cut + 1)) {
            // The range may have begun before the cut.
            (Some(from), Some(to)) => ((*from as usize).saturating_sub(1), *to as usize),
            _ => (0, self.rows.len()),
        };
        let rows = self.rows.get(from..to)?;
        let at = rows.partition_point(|(first, ..)| *first <= number).checked_sub(1)?;
        rows.get(at).filter(|(_, last, _)| number <= *last).map(|(.., tag)| *tag)
    }
}
