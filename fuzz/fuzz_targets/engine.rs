//! Any frames through the whole core, all detectors on: none fails, and what is said is of what was heard.
//!
//! Input: pieces of two bytes of length, a byte of time, and a frame.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use porchlight::{
    engine::{Engine, Input, Settings},
    model::{Captured, InterfaceFacts, InterfaceId, LinkType, MacAddr, Moment, Mono, NetworkFacts, Remembered, Wall},
};

fuzz_target!(|bytes: &[u8]| {
    let interface = InterfaceFacts {
        id: InterfaceId(1),
        name: "eth0".into(),
        mac: Some(MacAddr([2, 0, 0, 0, 0, 9])),
        addresses: vec![[10, 0, 0, 9].into()],
        up: true,
        subnets: "10.0.0.0/24".parse().into_iter().collect(),
        gateways: vec![[10, 0, 0, 1].into()],
    };
    let network = Arc::new(NetworkFacts { interfaces: vec![interface], labels: Vec::new() });
    let mut ms = 1_u64;
    let mut engine = Engine::new(&Settings::default(), network, &Remembered::default(), 1, moment(ms));
    let (mut rest, mut frames) = (bytes, 0);
    while let [high, low, pause, after @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (bytes, next) = after.split_at(len);
        ms += u64::from(*pause).pow(3);
        let now = moment(ms);
        let link = if pause & 1 == 0 { LinkType::ETHERNET } else { LinkType::RAW_IP };
        let captured = Captured { link, interface: InterfaceId(1), at: now, wire_len: len as u32, bytes };
        let changes = engine.handle(Input::Frame(captured), now);
        assert!(changes.len() < 1024, "{}", changes.len());
        // A frame may ask for a look at once; after that nothing is due before its time, or the core would spin.
        let changes = engine.handle(Input::Tick, now);
        assert!(changes.len() < 1024, "{}", changes.len());
        assert!(engine.next_wake().is_none_or(|due| due > now.mono));
        frames += 1;
        rest = next;
        if frames == 64 {
            break;
        }
    }
    let changes = engine.handle(Input::Tick, moment(ms + 3_600_000));
    assert!(changes.len() < 4096, "{}", changes.len());
    assert_eq!(engine.failed(), Vec::<&str>::new());
    // This host and its router are known before anything is heard.
    assert!(engine.view().devices.len() <= 4 * frames + 2);
});

fn moment(ms: u64) -> Moment {
    Moment { mono: Mono(ms * 1_000_000), wall: Wall(1_795_600_000_000 + ms as i64) }
}
