//! A short digest of text, for tables that hold no text.

/// FNV-1a, 64 bits (draft-eastlake-fnv), then mixed (the last step of splitmix64), so that the highest bits, by which
/// tables are cut, depend on every byte. Whoever aims at a digest gains no more than by asking for a listed name.
#[must_use]
pub fn digest(bytes: impl Iterator<Item = u8>) -> u64 {
    let folded = bytes
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mixed = (folded ^ (folded >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
