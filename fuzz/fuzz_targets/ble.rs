//! Bluetooth advertisements: structures, and what makers put into them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::ble::{Ad, Tag, apple, eddystone, fast_pair, microsoft, structures};

fn maker(company: u16, data: &[u8]) {
    assert!(apple::messages(data).count() <= data.len());
    let _ = (microsoft::read(data), Tag::of_maker(company, data));
}

fn service(uuid: u16, data: &[u8]) {
    if let Some(eddystone::Frame::Url { url, .. }) = eddystone::read(data) {
        assert!(url.to_string().is_ascii());
    }
    let _ = (fast_pair::read(data), Tag::of_service(uuid, data));
}

fuzz_target!(|bytes: &[u8]| {
    assert!(structures(bytes).count() * 2 <= bytes.len());
    for ad in structures(bytes) {
        match ad {
            Ad::Manufacturer { company, data } => maker(company, data),
            Ad::ServiceData { uuid, data } => service(uuid, data),
            _ => {}
        }
    }
    // The same bytes without the shell around them, or the fuzzer would seldom come so far.
    maker(porchlight::wire::ble::APPLE, bytes);
    service(porchlight::wire::ble::EDDYSTONE, bytes);
});
