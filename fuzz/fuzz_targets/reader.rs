//! The cursor that all reads go through: what it gives is what stands there, once and in order, and what fails moves
//! nothing. Input: a byte for how many steps, a byte for each, then what is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::reader::Reader;

fuzz_target!(|bytes: &[u8]| {
    let Some((&steps, rest)) = bytes.split_first() else { return };
    let (steps, read) = rest.split_at(usize::from(steps % 64).min(rest.len()));
    let (mut reader, mut at) = (Reader::new(read), 0);
    for &step in steps {
        let want = usize::from(step >> 3);
        let given: Option<Vec<u8>> = match step & 7 {
            0 => reader.u8().map(|byte| vec![byte]),
            1 => reader.u16().map(|word| word.to_be_bytes().into()),
            2 => reader.u32().map(|word| word.to_be_bytes().into()),
            3 => reader.u16_le().map(|word| word.to_le_bytes().into()),
            4 => reader.mac().map(|mac| mac.0.into()),
            5 => reader.ipv6().map(|ip| ip.octets().into()),
            6 => reader.slice(want).map(<[u8]>::to_vec),
            _ => Some(reader.at_most(want).to_vec()),
        };
        if let Some(given) = given {
            assert_eq!(read.get(at..at + given.len()), Some(&given[..]));
            at += given.len();
        }
        assert!(
            reader.rest() == &read[at..] && reader.len() == read.len() - at && reader.is_empty() == (at == read.len())
        );
    }
});
