//! # The handshake of Wi-Fi
//!
//! EAPOL-Key messages (IEEE 802.11-2020 §12.7.2): which of the four it is, and whether the first carries an identifier
//! of the key (§12.7.6.2), against which a password can be tried.

use super::reader::Reader;

/// IEEE 802.1X-2020 §11.1.4.
pub const ETHER_TYPE: u16 = 0x888e;
const KEY: u8 = 3;
/// Key information (figure 12-33): pairwise, acknowledge, integrity code.
const PAIRWISE: u16 = 0x0008;
const ACKNOWLEDGE: u16 = 0x0080;
const INTEGRITY: u16 = 0x0100;
/// Replay counter, nonce, IV, RSC, reserved and integrity code behind information and length.
const UP_TO_DATA: usize = 2 + 8 + 32 + 16 + 8 + 8 + 16;

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    First { has_pmkid: bool },
    Other,
}

/// Reads what follows the type; `None` if it is no key message of two peers.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Message> {
    let mut reader = Reader::new(bytes);
    let [_version, kind] = reader.take()?;
    let len = reader.u16()?;
    if kind != KEY {
        return None;
    }
    let mut body = Reader::new(reader.at_most(len.into()));
    body.skip(1)?;
    let info = body.u16()?;
    if info & PAIRWISE == 0 {
        return None;
    }
    if info & ACKNOWLEDGE == 0 || info & INTEGRITY != 0 {
        return Some(Message::Other);
    }
    let has_pmkid = body.skip(UP_TO_DATA).and_then(|()| body.u16()).is_some_and(|len| {
        // Key data encapsulations (table 12-9): an identifier is 20 bytes, and all zeros is none.
        let mut data = Reader::new(body.at_most(len.into()));
        let mut found = false;
        while let (Some(kind), Some(len)) = (data.u8(), data.u8()) {
            let Some(value) = data.slice(len.into()) else { break };
            found |= kind == 0xdd
                && matches!(value, [0, 0x0f, 0xac, 4, key @ ..] if key.len() == 16 && key.iter().any(|byte| *byte != 0));
        }
        found
    });
    Some(Message::First { has_pmkid })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_from_the_wire_stops_it(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _any_answer = read(&bytes);
        }
    }

    #[test]
    fn the_first_message_is_known_by_its_bits() {
        let message = |info: u16, data: &[u8]| {
            let mut bytes = vec![2, 3, 0, 0, 2];
            bytes.extend(info.to_be_bytes());
            bytes.resize(5 + 2 + UP_TO_DATA, 0);
            bytes.extend((data.len() as u16).to_be_bytes());
            bytes.extend(data);
            let len = (bytes.len() - 4) as u16;
            bytes[2..4].copy_from_slice(&len.to_be_bytes());
            bytes
        };
        let key = [&[0xdd, 20, 0, 0x0f, 0xac, 4][..], &[9; 16]].concat();
        let none = [&[0xdd, 20, 0, 0x0f, 0xac, 4][..], &[0; 16]].concat();
        assert_eq!(read(&message(0x008a, &key)), Some(Message::First { has_pmkid: true }));
        assert_eq!(read(&message(0x008a, &none)), Some(Message::First { has_pmkid: false }));
        assert_eq!(read(&message(0x010a, &[])), Some(Message::Other));
        assert_eq!(read(&message(0x1382, &[])), None, "of a group");
        assert_eq!(read(&[2, 1, 0, 0]), None);
    }
}
