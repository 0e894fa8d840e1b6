//! What the kernel says of Wi-Fi: attributes, cards, stations.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::nl80211::{Interface, Station, attributes};

fuzz_target!(|bytes: &[u8]| {
    assert!(attributes(bytes).count() * 4 <= bytes.len());
    assert!(Station::read(bytes).is_none_or(|station| station.mac.is_station()));
    assert!(Interface::read(bytes).is_none_or(|card| card.ssid.is_none_or(|name| name.len() <= 32)));
});
