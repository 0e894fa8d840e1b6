//! Lists of bad addresses in any form: whatever they hold, they are read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::{
    intel::{
        feeds::{Feed, read},
        indicators::Builder,
    },
    model::Wall,
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(feed) = "/a/list".parse::<Feed>() else { return };
    let mut builder = Builder::new(1000);
    let _either = read(bytes, &feed, Wall(0), Wall(0), &mut builder);
    let all = builder.build();
    assert!(all.len() <= 2001);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _either = (all.name(text), all.url(text, "/"), all.ja4(text));
    }
});
