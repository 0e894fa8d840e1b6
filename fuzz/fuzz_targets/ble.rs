//! Bluetooth advertisements: structures (`ad`), and what makers put into them (`tag`); addresses (`address`, by way of
//! `aes`) and classes (`class`).
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::{
    model::MacAddr,
    wire::ble::{Ad, Irk, Tag, apple, eddystone, fast_pair, microsoft, structures},
};

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
    if let [a, b, c, key @ ..] = bytes
        && let Some(key) = key.first_chunk::<16>()
    {
        let irk = Irk::new(*key);
        let prand = [a & 0x3f | 0x40, *b, *c];
        let [x, y, z] = irk.hash(prand);
        assert!(irk.resolves(MacAddr([prand[0], prand[1], prand[2], x, y, z])), "an address of this key");
        assert!(!irk.resolves(MacAddr([prand[0], prand[1], prand[2], !x, y, z])), "another's");
        let spelt: String = key.iter().map(|byte| format!("{byte:02X}:")).collect();
        assert!(
            Irk::read(&spelt) == Some(irk.clone()) && irk.reversed().reversed() == irk && irk.stand_in().is_station()
        );
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _either = Irk::read(text);
    }
});
