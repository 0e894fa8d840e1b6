//! # The kernel's own list of networks
//!
//! What the last scan of each card found (linux/nl80211.h, NL80211_CMD_GET_SCAN).

use super::{Listed, POINTS_MAX, Point, SSID_MAX};
use crate::{
    model::MacAddr,
    scanners::nl80211::Kernel,
    wire::{
        nl80211::{Interface, find, number16, number32},
        reader::Reader,
        wifi::{Security, ssid},
    },
};

const BSS: u16 = 47;
const BSS_BSSID: u16 = 1;
const BSS_FREQUENCY: u16 = 2;
const BSS_CAPABILITY: u16 = 5;
const BSS_ELEMENTS: u16 = 6;
const BSS_SIGNAL_MBM: u16 = 7;
const BSS_STATUS: u16 = 9;
/// NL80211_BSS_STATUS_ASSOCIATED.
const ASSOCIATED: u32 = 1;
/// WLAN_CAPABILITY_PRIVACY.
const PRIVACY: u16 = 1 << 4;
const INTERFACES_MAX: usize = 32;

/// What all cards heard. `None`: the kernel knows no card.
pub async fn list(kernel: Option<&mut Kernel>) -> Result<Listed, String> {
    let Some(kernel) = kernel else { return Ok(None) };
    let interfaces =
        kernel.interfaces().await.map_err(|error| format!("cannot ask the kernel about Wi-Fi: {error}"))?;
    let indices = interfaces.iter().filter_map(|body| Interface::read(body)).map(|interface| interface.index);
    let indices: Vec<u32> = indices.take(INTERFACES_MAX).collect();
    let mut points = Vec::new();
    for index in &indices {
        // An interface in another mode has no scan to tell of.
        if let Ok(found) = kernel.scan(*index).await {
            points.extend(found.iter().filter_map(|body| point(body)).take(POINTS_MAX));
        }
    }
    Ok((!indices.is_empty()).then_some(points))
}

fn point(body: &[u8]) -> Option<Point> {
    let bss = find(body, BSS)?;
    let elements = find(bss, BSS_ELEMENTS).unwrap_or_default();
    let privacy = find(bss, BSS_CAPABILITY).and_then(number16).is_some_and(|bits| bits & PRIVACY != 0);
    let mut name = ssid(elements).unwrap_or_default().to_vec();
    name.truncate(SSID_MAX);
    Some(Point {
        bssid: Reader::new(find(bss, BSS_BSSID)?).mac().filter(|mac: &MacAddr| mac.is_station())?,
        ssid: name,
        mhz: find(bss, BSS_FREQUENCY).and_then(number32).unwrap_or(0),
        dbm: find(bss, BSS_SIGNAL_MBM).and_then(number32).and_then(|mbm| i16::try_from(mbm.cast_signed() / 100).ok()),
        security: Security::read(privacy, elements),
        joined: find(bss, BSS_STATUS).and_then(number32) == Some(ASSOCIATED),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{scanners::nl80211::attribute, wire::nl80211::attribute::IFINDEX};

    fn nested(parts: &[(u16, Vec<u8>)]) -> Vec<u8> {
        parts.iter().flat_map(|(kind, value)| attribute(*kind, value)).collect()
    }

    fn scan() -> Vec<u8> {
        let elements =
            [&[0, 4][..], b"Home", &[48, 20, 1, 0, 0, 15, 172, 4, 1, 0, 0, 15, 172, 4, 1, 0, 0, 15, 172, 8, 0, 0]]
                .concat();
        let bss = nested(&[
            (BSS_BSSID, vec![2, 0, 0, 0, 0, 9]),
            (BSS_FREQUENCY, 5180u32.to_ne_bytes().to_vec()),
            (BSS_CAPABILITY, 0x11u16.to_ne_bytes().to_vec()),
            (BSS_ELEMENTS, elements),
            (BSS_SIGNAL_MBM, (-5_400i32).to_ne_bytes().to_vec()),
            (BSS_STATUS, ASSOCIATED.to_ne_bytes().to_vec()),
        ]);
        // Nested attributes carry a flag in their type.
        nested(&[(IFINDEX, vec![3, 0, 0, 0]), (BSS | 0x8000, bss)])
    }

    #[test]
    fn a_scan_is_read_as_the_kernel_lays_it_out() {
        let expected = Point {
            bssid: MacAddr([2, 0, 0, 0, 0, 9]),
            ssid: b"Home".to_vec(),
            mhz: 5180,
            dbm: Some(-54),
            security: Security { wpa3: true, ..Security::default() },
            joined: true,
        };
        assert_eq!(point(&scan()), Some(expected));
    }

    proptest! {
        /// Whatever is cut off: what is found lies within the rest.
        #[test]
        fn no_bytes_are_too_odd(at in 0usize..300, data in prop::collection::vec(any::<u8>(), 0..200)) {
            let scan = scan();
            let cut = &scan[..at.min(scan.len())];
            prop_assert!(point(cut).is_none_or(|point| point.bssid == MacAddr([2, 0, 0, 0, 0, 9])));
            let _whatever = point(&data);
        }
    }
}
