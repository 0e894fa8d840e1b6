//! What remote sensors of our own say: what reads, writes back the same, and each batch counts once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::{
    model::{Fact, Moment, Mono, Wall},
    scanners::mqtt::{Message, remote::Remotes},
    wire::remote::{self, Batch, PAYLOAD_MAX, SEEN_MAX},
};

const TEXT_MAX: usize = 120;
/// Besides its list of facts, a sighting has a proof, a goodbye, a listing and a level.
const FACTS_MAX: usize = SEEN_MAX + 4;

fuzz_target!(|bytes: &[u8]| {
    let now = Moment { mono: Mono(1 << 40), wall: Wall(1_700_000_000_000) };
    let mut remotes = Remotes::new(&["garage".into()], "porchlight");
    // Messages that a zero byte ends.
    for said in bytes.split(|byte| *byte == 0).take(16) {
        hello(said);
        let batch = batch(said);
        let message = Message { topic: "porchlight/sensor/garage/obs", payload: said, retained: false };
        let first = remotes.take(&message, now).unwrap_or_default();
        assert!(batch.is_some() || first.is_empty());
        assert!(first.len() <= SEEN_MAX * (FACTS_MAX + 1) && first.iter().all(|seen| seen.at.mono <= now.mono));
        assert_eq!(remotes.take(&message, now), Some(Vec::new()), "the same batch again is no news");
    }
    // Another run of the hub knows what came.
    let mut later = Remotes::new(&["garage".into()], "porchlight");
    later.recall(&remotes.marks());
    assert_eq!(later.marks(), remotes.marks());
});

fn hello(said: &[u8]) {
    let Some(hello) = remote::hello(said) else { return };
    assert!(remote::is_boot(&hello.boot) && hello.version.len() <= 24);
    hello.room.iter().for_each(|room| is_clean(room));
    let written = remote::write_hello(&hello, "garage");
    assert_eq!(remote::hello(written.as_bytes()), Some(hello), "{written}");
}

fn batch(said: &[u8]) -> Option<Batch> {
    let batch = remote::read(said)?;
    assert!(remote::is_boot(&batch.boot) && batch.seen.len() <= SEEN_MAX);
    for seen in &batch.seen {
        assert!(seen.mac.is_some() || seen.ip.is_some());
        assert!(seen.mac.is_none_or(|mac| mac.is_station()) && seen.count > 0 && seen.facts.len() <= FACTS_MAX);
        for fact in &seen.facts {
            assert!(remote::is_told(fact), "{fact:?}");
            match fact {
                Fact::Named { name, .. } | Fact::Service { name, .. } => is_clean(name),
                Fact::Dhcp { asked, vendor_class, client_id } => {
                    assert!(asked.len() <= 255 && client_id.as_ref().is_none_or(|id| id.len() <= 255));
                    vendor_class.iter().for_each(|class| is_clean(class));
                }
                Fact::Level(level) => assert!(level.dbm() < 0),
                _ => {}
            }
        }
    }
    let written = remote::write(&batch);
    // Words may be spelt at greater length than they came.
    if written.len() <= PAYLOAD_MAX {
        assert_eq!(remote::read(written.as_bytes()).as_ref(), Some(&batch), "{written}");
    }
    Some(batch)
}

fn is_clean(text: &str) {
    assert!(!text.is_empty() && text.len() <= TEXT_MAX && !text.chars().any(char::is_control), "{text:?}");
}
