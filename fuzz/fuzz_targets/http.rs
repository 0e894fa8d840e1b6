//! Answers of small web servers, what is asked of them (`start`), and where URLs lead.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use porchlight::wire::http::{Head, Place, Start, is_printer};

fuzz_target!(|bytes: &[u8]| {
    if let Some(head) = Head::read(bytes) {
        assert!(head.body(bytes).len() <= bytes.len());
        let _ = head.is_whole(bytes);
    }
    if let Some(start) = Start::read(bytes) {
        assert!(start.body.is_none_or(|body| bytes.ends_with(body)));
        assert!(start.header("user-agent").is_none_or(|agent| !agent.contains(&b'\n')));
    }
    let host = IpAddr::from([10, 0, 0, 9]);
    if let Some(place) = Place::on(host, bytes) {
        assert!(!is_printer(place.port) && place.path.starts_with('/') && !place.path.contains(['\r', '\n', ' ']));
        let _ = place.beside(host, &String::from_utf8_lossy(bytes));
    }
});
