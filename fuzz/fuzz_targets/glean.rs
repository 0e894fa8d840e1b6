//! What frames show: a bounded number of observations, of stations only, with clean text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::{
    model::{Captured, Fact, InterfaceId, LinkType, Moment, NetworkFacts},
    presence::overheard::Overheard,
    wire::Frame,
};

fuzz_target!(|bytes: &[u8]| {
    let Some((&link, bytes)) = bytes.split_first() else { return };
    let link = [LinkType::ETHERNET, LinkType::RADIOTAP, LinkType::LINUX_SLL2][usize::from(link) % 3];
    let captured = Captured { link, interface: InterfaceId(1), at: Moment::default(), wire_len: 0, bytes };
    let mut out = Vec::new();
    Overheard::default().glean(&captured, &Frame::decode(link, bytes), &NetworkFacts::default(), &mut out);
    assert!(out.len() <= 64);
    for seen in &out {
        assert!(seen.subject.mac.is_some_and(|mac| mac.is_station() && !mac.is_virtual_router()));
        if let Fact::Named { name, .. } = &seen.fact {
            assert!(!name.is_empty() && !name.chars().any(char::is_control));
        }
    }
});
