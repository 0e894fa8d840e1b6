//! # Who joins by air
//!
//! The handshake of WPA crosses the bridge of an access point as frames of 802.1X. Messages that only the joining side
//! sends show a station of a Wi-Fi: of makers of network gear that tells a machine from their boxes on cables.

use crate::{
    model::{Fact, MacAddr, Subject},
    wire::{Frame, ether_type},
};

use super::Gleaned;

/// EAPOL-Key (IEEE 802.1X-2010 §11.3.2).
const KEY: u8 = 3;
/// Descriptors of RSN, and of WPA before it (IEEE 802.11-2020 §12.7.2; hostapd `wpa_common.h`).
const DESCRIPTORS: [u8; 2] = [2, 254];
/// Of the key information: an answer is wanted, and the message is proved (IEEE 802.11-2020 §12.7.2, B7 and B8).
const ACK: u16 = 1 << 7;
const MIC: u16 = 1 << 8;

/// Messages 2 and 4 of the handshake, and the answer to a new group key: proved, and no answer is wanted.
pub fn glean(gleaned: &mut Gleaned<'_>, frame: &Frame<'_>, mac: MacAddr) {
    if frame.carries == crate::wire::Carries::Ether(ether_type::EAPOL) && is_station_key(frame.link_payload) {
        gleaned.fact(Subject::mac(mac), Fact::Label { key: "link", value: "wifi".to_owned() });
    }
}

fn is_station_key(payload: &[u8]) -> bool {
    let [_, KEY, _, _, descriptor, high, low, ..] = payload else { return false };
    let information = u16::from_be_bytes([*high, *low]);
    DESCRIPTORS.contains(descriptor) && information & (ACK | MIC) == MIC
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_joining_side_is_a_station() {
        // Version, type, length, descriptor, key information.
        let key = |kind, descriptor, information: u16| {
            let [high, low] = information.to_be_bytes();
            is_station_key(&[1, kind, 0, 95, descriptor, high, low, 0, 16])
        };
        // Messages 2 and 4 of the pairwise handshake, 2 of the group's.
        for information in [0x010a, 0x030a, 0x0302] {
            assert!(key(3, 2, information) && key(3, 254, information), "{information:#x}");
        }
        // Messages 1 and 3 come from the access point.
        assert!(!key(3, 2, 0x008a) && !key(3, 2, 0x13ca));
        // A start, another descriptor, the keys of MACsec; cut off.
        assert!(!key(1, 2, 0x010a) && !key(3, 1, 0x010a) && !key(5, 2, 0x010a));
        for cut in 0..7 {
            assert!(!is_station_key(&[1, 3, 0, 95, 2, 1, 10][..cut]));
        }
    }
}
