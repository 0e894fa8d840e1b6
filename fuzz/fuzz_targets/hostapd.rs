//! What an access point's control socket answers and tells.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::hostapd::{event, station, status};

/// 32 bytes of a network's name, shown in four characters each.
const SSID_MAX: usize = 128;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (state, listed, told) = (status(&text), station(&text), event(&text));
    // An event begins with its level, a station with its address.
    assert!(told.is_none() || listed.is_none());
    if let Some(state) = state {
        assert_ne!(state.channel, Some(0));
        assert!(
            state.ssid.is_none_or(|name| {
                !name.is_empty() && name.len() <= SSID_MAX && !name.chars().any(char::is_control)
            })
        );
    }
    if let Some(listed) = listed {
        assert!(listed.level.is_none_or(|level| level.dbm() < 0));
        // What stands behind the end of the first message is another's.
        assert_eq!(
            station(&format!("{text}\nflags=[NOBODY]\nsignal=-1\nrx_bytes=1\n")).map(|again| again.mac),
            Some(listed.mac)
        );
    }
});
