//! DNS in all its uses: every name ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::{
    dns::{Data, Message},
    mdns, netbios,
};

fuzz_target!(|bytes: &[u8]| {
    let Some(message) = Message::read(bytes) else { return };
    for question in message.questions() {
        assert!(question.name.labels().map(|label| label.len() + 1).sum::<usize>() <= 255);
    }
    for record in message.records() {
        let _ = (record.name.to_string(), mdns::host(&record.name), mdns::service(&record.name));
        match record.data() {
            Data::Name(name) | Data::Srv { target: name, .. } => {
                assert!(name.labels().map(|label| label.len() + 1).sum::<usize>() <= 255);
            }
            Data::Txt(strings) => drop(mdns::pairs(strings).count()),
            Data::A(_) | Data::Aaaa(_) | Data::Other(_) => {}
        }
    }
    let _ = netbios::claim(&message);
});
