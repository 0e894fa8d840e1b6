//! Hashes, sorted, cut by their highest bits.

use super::Tag;

/// Entries behind one cut, about.
const RUN: usize = 8;
/// Cuts at most: a million of four bytes each.
const BITS_MAX: u32 = 20;

/// Immutable map from a hash to a tag.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    rows: Vec<(u64, Tag)>,
    /// Where the rows begin whose hash begins so.
    cuts: Vec<u32>,
    shift: u32,
}

impl Table {
    pub(super) fn new(mut rows: Vec<(u64, Tag)>) -> Table {
        if rows.is_empty() {
            return Table::default();
        }
        rows.sort_unstable();
        rows.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                first.1 = first.1.join(later.1);
            }
            same
        });
        rows.shrink_to_fit();
        let bits = (rows.len() / RUN).max(2).ilog2().min(BITS_MAX);
        let shift = 64 - bits;
        let mut cuts = Vec::with_capacity((1 << bits) + 1);
        let mut at = 0;
        for cut in 0..1_u64 << bits {
            while rows.get(at).is_some_and(|(hash, _)| hash >> shift < cut) {
                at += 1;
            }
            cuts.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
        cuts.push(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        Table { rows, cuts, shift }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<(u64, Tag)>() + self.cuts.capacity() * size_of::<u32>()
    }

    pub(super) fn get(&self, hash: u64) -> Option<Tag> {
        let cut = usize::try_from(hash.checked_shr(self.shift)?).ok()?;
        let (from, to) = (*self.cuts.get(cut)? as usize, *self.cuts.get(cut + 1)? as usize);
        let run = self.rows.get(from..to)?;
        let at = run.binary_search_by_key(&hash, |(hash, _)| *hash).ok()?;
        run.get(at).map(|(_, tag)| *tag)
    }
}
