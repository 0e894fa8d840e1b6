//! Answers by link-local names. Input: an address of sixteen bytes, of which the first says whether it is a short one,
//! then what is answered: whole, and behind a head that fits the question.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use porchlight::wire::{
    dns::{Message, kind},
    llmnr::{answer, is_certain, question, question_for, reverse},
};

const ID: u16 = 7;

fuzz_target!(|bytes: &[u8]| {
    let Some((address, said)) = bytes.split_first_chunk::<16>() else { return };
    let ip = match address {
        [first, a, b, c, d, ..] if first & 1 == 0 => IpAddr::from([*a, *b, *c, *d]),
        _ => IpAddr::from(*address),
    };
    let asked = question(ID, ip);
    let about = reverse(ip);
    let read = Message::read(&asked).expect("our own question is one");
    assert!(!read.is_response() && read.questions().count() == 1);
    assert!(read.questions().all(|asked| asked.kind == kind::PTR && asked.name.is_text(&about)));
    assert_eq!(answer(&asked, ID, ip), None, "a question is no answer");
    let label: String = String::from_utf8_lossy(said).chars().filter(char::is_ascii_alphanumeric).take(63).collect();
    if !label.is_empty() {
        let asked = question_for(ID, &[label.as_str()]);
        let read = Message::read(&asked).expect("our own question is one");
        assert!(read.questions().all(|asked| asked.name.is_text(&label)));
    }

    // The question once more, as a response with one answer about the same name; its kind, class and what follows are
    // the fuzzer's.
    let mut fitting = asked;
    (fitting[2], fitting[7]) = (0x80, 1);
    fitting.extend([0xc0, 12]);
    fitting.extend(said);
    for bytes in [said, &fitting] {
        let Some(name) = answer(bytes, ID, ip) else { continue };
        let message = Message::read(bytes).expect("what answers is a message");
        assert!(message.id == ID && message.is_response() && is_certain(&message));
        assert!(!name.is_empty() && name.len() <= 63 && bytes.windows(name.len()).any(|part| part == name));
        assert_eq!(answer(bytes, ID + 1, ip), None, "another question's");
    }
});
