//! The handshake of Wi-Fi.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::eapol::{Message, read};

/// Key data that holds an identifier begins so (IEEE 802.11-2020, table 12-9).
const PMKID: [u8; 6] = [0xdd, 20, 0, 0x0f, 0xac, 4];
/// Header, descriptor, fields and length before key data.
const UP_TO_DATA: usize = 4 + 1 + 2 + 90 + 2;

fuzz_target!(|bytes: &[u8]| {
    let message = read(bytes);
    if let [_, kind, high, low, rest @ ..] = bytes {
        let len = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        assert_eq!(read(&bytes[..4 + len]), message, "what lies behind the message is none of it");
        assert!(message.is_none() || *kind == 3);
    }
    if message == Some(Message::First { has_pmkid: true }) {
        let data = bytes.get(UP_TO_DATA..).expect("there is key data");
        assert!(data.windows(PMKID.len()).any(|part| part == PMKID) && data.len() >= 22);
    }
});
