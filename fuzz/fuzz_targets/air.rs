//! 802.11 through the core: elements of beacons, whose network it is, who is there. A few frames one after the other.
#![no_main]

use std::{sync::Arc, time::Duration};

use libfuzzer_sys::fuzz_target;
use porchlight::{
    engine::{Engine, Input, Settings},
    model::{Captured, InterfaceId, LinkType, Moment, NetworkFacts, Remembered},
    wire::wifi::{Security, beacon_channel, elements, ssid},
};

fuzz_target!(|bytes: &[u8]| {
    assert!(elements(bytes).count() * 2 <= bytes.len());
    assert!(ssid(bytes).is_none_or(|name| name.len() <= 32));
    let _whatever = (beacon_channel(bytes), Security::read(true, bytes));
    let mut settings = Settings::default();
    settings.presence.wifi_networks = vec!["*".into()];
    let start = Moment::default();
    let mut engine = Engine::new(&settings, Arc::new(NetworkFacts::default()), &Remembered::default(), 1, start);
    let mut at = start;
    // A length before each frame; most begin with a plain radio header, or few would reach what stands behind.
    let mut rest = bytes;
    let mut frames = 0;
    while let Some((&len, more)) = rest.split_first() {
        let (frame, more) = more.split_at(usize::from(len).min(more.len()));
        rest = more;
        frames += 1;
        at.mono = at.mono + Duration::from_secs(1);
        let bytes = [&[0, 0, 8, 0, 0, 0, 0, 0][..], frame].concat();
        let captured = Captured { link: LinkType::RADIOTAP, interface: InterfaceId(1), at, wire_len: 0, bytes: &bytes };
        engine.handle(Input::Frame(captured), at);
        if frames == 16 {
            break;
        }
    }
    let view = engine.view();
    assert!(view.air.points.len() <= frames && view.devices.len() <= 2 * frames);
});
