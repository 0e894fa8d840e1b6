//! # One block of AES-128
//!
//! FIPS 197, forward only. Used to recognise addresses, never to hide anything: that it takes a little
//! longer for some keys than for others tells nobody anything, since nobody can ask.
#![allow(clippy::indexing_slicing, reason = "indices are constants or bytes into tables of 256")]

const SBOX: [u8; 256] = sbox();

/// Multiplication in GF(2⁸) by x (FIPS 197 §4.2.1).
const fn double(byte: u8) -> u8 {
    (byte << 1) ^ (if byte & 0x80 == 0 { 0 } else { 0x1b })
}

/// FIPS 197 §5.1.1: the inverse, then the affine map. Walks all of the field by its generator 3.
const fn sbox() -> [u8; 256] {
    let mut table = [0; 256];
    let (mut p, mut q) = (1u8, 1u8);
    loop {
        p ^= double(p);
        // q divided by 3, so that p times q stays 1.
        q ^= q << 1;
        q ^= q << 2;
        q ^= q << 4;
        if q & 0x80 != 0 {
            q ^= 0x09;
        }
        table[p as usize] = q ^ q.rotate_left(1) ^ q.rotate_left(2) ^ q.rotate_left(3) ^ q.rotate_left(4) ^ 0x63;
        if p == 1 {
            break;
        }
    }
    table[0] = 0x63;
    table
}

/// `block` under `key`.
pub fn encrypt(key: &[u8; 16], block: [u8; 16]) -> [u8; 16] {
    let (mut state, mut round_key, mut constant) = (block, *key, 1u8);
    add(&mut state, &round_key);
    for round in 1..=10 {
        state = shift_rows(&state.map(|byte| SBOX[usize::from(byte)]));
        if round < 10 {
            mix_columns(&mut state);
        }
        expand(&mut round_key, constant);
        constant = double(constant);
        add(&mut state, &round_key);
    }
    state
}

fn add(state: &mut [u8; 16], key: &[u8; 16]) {
    for (byte, key) in state.iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// The state is kept column by column: byte `r + 4c` is row r.
fn shift_rows(state: &[u8; 16]) -> [u8; 16] {
    std::array::from_fn(|at| state[(at + 4 * (at % 4)) % 16])
}

fn mix_columns(state: &mut [u8; 16]) {
    for column in state.chunks_exact_mut(4) {
        let all = column.iter().fold(0, |sum, byte| sum ^ byte);
        let first = column[0];
        for row in 0..4 {
            let next = if row == 3 { first } else { column[row + 1] };
            column[row] ^= all ^ double(column[row] ^ next);
        }
    }
}

/// The next round key in place (FIPS 197 §5.2).
fn expand(key: &mut [u8; 16], constant: u8) {
    for at in 0..16 {
        let from = match at {
            0..4 => SBOX[usize::from(key[12 + (at + 1) % 4])] ^ (if at == 0 { constant } else { 0 }),
            _ => key[at - 4],
        };
        key[at] ^= from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standards_own_examples_come_out() {
        // FIPS 197 appendix B and C.1.
        let cases: [(u128, u128, u128); 2] = [
            (
                0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c,
                0x3243_f6a8_885a_308d_3131_98a2_e037_0734,
                0x3925_841d_02dc_09fb_dc11_8597_196a_0b32,
            ),
            (
                0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f,
                0x0011_2233_4455_6677_8899_aabb_ccdd_eeff,
                0x69c4_e0d8_6a7b_0430_d8cd_b780_70b4_c55a,
            ),
        ];
        for (key, block, expected) in cases {
            assert_eq!(u128::from_be_bytes(encrypt(&key.to_be_bytes(), block.to_be_bytes())), expected);
        }
    }
}
