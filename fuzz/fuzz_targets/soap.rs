//! Answers of routers to actions, and their lists of doors; and any other document of XML.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::{soap, xml};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(soap::Answer::Values(values)) = soap::Answer::read(bytes, "X") {
        assert!(values.len() <= 32);
        if let Some(door) = soap::entry(&values) {
            assert!(door.description.len() <= 120 && !door.description.chars().any(char::is_control));
        }
    }
    if let Ok((doors, _)) = soap::list(&String::from_utf8_lossy(bytes)) {
        assert!(doors.len() <= soap::LIST_MAX);
    }
    let mut texts = 0;
    let end = xml::leaves(bytes, |path, text| {
        texts += 1;
        assert!(path.len() <= 24 && path.iter().all(|name| name.len() <= 4 * 64) && text.len() <= 1024);
    });
    assert!(texts <= 4096 && (bytes.len() <= xml::BYTES_MAX || end == Err(xml::Fault::TooLong)));
    // What we write inside an element is read back.
    let text = String::from_utf8_lossy(bytes);
    let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    let mut back = None;
    let end = xml::leaves(format!("<a>{}</a>", xml::escaped(&text)).as_bytes(), |_, text| back = Some(text.to_owned()));
    assert!(end.is_ok() && back.as_deref() == Some(text.trim()), "{text:?} {back:?}");
});
