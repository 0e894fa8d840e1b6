//! Answers of SNMP agents, of all versions (`ber`, `oid`, `crypt`).
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::snmp::{
    self, Auth, Oid, Privacy, Version,
    usm::{Engine, Keys, Message, Opened},
};

fuzz_target!(|bytes: &[u8]| {
    for version in [Version::V1, Version::V2c] {
        if let Some(pdu) = snmp::answer(bytes, version, b"public", 1) {
            for (name, _) in pdu.binds {
                assert_eq!(Oid::read(&name.bytes()), Some(name));
            }
        }
    }
    let Some(message) = Message::read(bytes) else { return };
    let engine = message.introduced().unwrap_or_else(|| Engine { id: b"12345".to_vec(), boots: 1, time: 1 });
    let plain = Keys::new(b"user", None, None, &engine.id);
    if let Opened::Answer(body) = message.open(&plain, &engine) {
        assert!(Message::pdu(&body).is_some());
    }
    // The master key would take a megabyte of hashing each time.
    let key = vec![7; 20].into();
    let keys = Keys::new(b"user", Some((Auth::Sha1, &key)), Some((Privacy::Des, &key)), &engine.id);
    drop(message.open(&keys, &engine));
});
