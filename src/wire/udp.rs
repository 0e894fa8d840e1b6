//! # UDP
//!
//! RFC 768.

use crate::{
    model::Port,
    wire::{faults::Faults, reader::Reader},
};

/// A UDP header and its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Udp<'a> {
    pub source: Port,
    pub destination: Port,
    /// Header and data, as claimed.
    pub len: u16,
    pub payload: &'a [u8],
}

impl<'a> Udp<'a> {
    /// Reads a header.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> (Option<Udp<'a>>, Faults) {
        let Some((fixed, rest)) = bytes.split_first_chunk::<8>() else { return (None, Faults::TRANSPORT_CUT) };
        let [s0, s1, d0, d1, l0, l1, _, _] = *fixed;
        let (source, destination) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
        let (len, mut reader) = (u16::from_be_bytes([l0, l1]), Reader::new(rest));
        // Zero: a jumbogram (RFC 2675 §4) or segmentation offload.
        let wanted = if len == 0 { reader.len() } else { usize::from(len).saturating_sub(8) };
        let fault = match len {
            1..=7 => Faults::TRANSPORT_BAD,
            _ if reader.len() < wanted => Faults::TRANSPORT_CUT,
            _ => Faults::NONE,
        };
        (Some(Udp { source, destination, len, payload: reader.at_most(wanted) }), fault)
    }

    /// Either end is `port`.
    #[must_use]
    pub const fn is_port(&self, port: Port) -> bool {
        self.source == port || self.destination == port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_believed_only_as_far_as_there_are_bytes() {
        let cases: &[(&str, u8, &[u8], Option<&[u8]>, Faults)] = &[
            ("whole", 10, &[1, 2], Some(&[1, 2]), Faults::NONE),
            ("trailer", 9, &[1, 2], Some(&[1]), Faults::NONE),
            ("zero", 0, &[1, 2], Some(&[1, 2]), Faults::NONE),
            ("cut", 200, &[1, 2], Some(&[1, 2]), Faults::TRANSPORT_CUT),
            ("impossible", 7, &[1, 2], Some(&[]), Faults::TRANSPORT_BAD),
        ];
        for (name, len, data, payload, faults) in cases {
            let bytes = [&[0, 68, 0, 67, 0, *len, 0, 0], *data].concat();
            let (udp, found) = Udp::read(&bytes);
            assert_eq!((udp.map(|u| u.payload), found), (*payload, *faults), "{name}");
        }
        assert_eq!(Udp::read(&[0; 7]), (None, Faults::TRANSPORT_CUT));
    }
}
